/*
 * Copyright © 2026 Colibri developers
 * SPDX-License-Identifier: MIT
 */

/*
 * The IDs of work-items, made of what a wave knows: its group, its number in
 * the group, and the lanes.
 *
 * The items of a group fill the lanes of its waves in the order of their local
 * linear IDs. Where a wave lies in one row of the group, y and z are the same
 * for all lanes and x counts with them; where it has whole rows, the lane's bits
 * are x and the number of the row. Only groups of other shapes need divisions
 * for each lane.
 *
 * Beginning a wave takes longer than many kernels do. Where nobody can tell, a wave
 * therefore executes the kernel several times, for the waves that would have
 * been next in x, or for the next rows; what does not depend on the ID is done once.
 */
#include "colibri_hw.h"
#include "colibri_nir.h"

#include "nir_builder.h"
#include "util/u_math.h"

static nir_def *
first_item(nir_builder *b)
{
   return nir_imul_imm(b, nir_load_subgroup_id(b), COLIBRI_WAVE_LANES);
}

static nir_def *
local_index(nir_builder *b)
{
   return nir_iadd(b, first_item(b), nir_load_subgroup_invocation(b));
}

/* Local IDs of the item with local linear ID @item. */
static void
split_index(nir_builder *b, nir_def *item, nir_def *id[3])
{
   nir_def *size = nir_load_workgroup_size(b);
   nir_def *x_size = nir_channel(b, size, 0), *y_size = nir_channel(b, size, 1);
   nir_def *row = nir_udiv(b, item, x_size);

   id[0] = nir_umod(b, item, x_size);
   id[1] = nir_umod(b, row, y_size);
   id[2] = nir_udiv(b, row, y_size);
}

/* Local IDs are small, which helps when they are extended. */
static nir_def *
add_ids(nir_builder *b, nir_def *x, nir_def *y)
{
   nir_def *sum = nir_iadd(b, x, y);
   nir_alu_instr *alu = nir_instr_as_alu(sum->parent_instr);

   alu->no_signed_wrap = true;
   alu->no_unsigned_wrap = true;
   return sum;
}

static nir_def *
local_id(nir_builder *b, const struct colibri_shader_key *key)
{
   nir_def *lane = nir_load_subgroup_invocation(b);
   nir_def *zero = nir_imm_int(b, 0);
   nir_def *id[3];

   if (key->linear_group)
      return nir_vec3(b, local_index(b), zero, zero);
   if (!key->row_lanes) {
      split_index(b, local_index(b), id);
      return nir_vec(b, id, 3);
   }

   split_index(b, first_item(b), id);
   if (key->row_lanes == COLIBRI_WAVE_LANES) {
      id[0] = nir_iadd(b, id[0], lane);
   } else {
      id[0] = nir_iand_imm(b, lane, key->row_lanes - 1);
      id[1] = add_ids(b, id[1],
                      nir_ushr_imm(b, lane, util_logbase2(key->row_lanes)));
   }
   return nir_vec(b, id, 3);
}

static nir_def *
global_id(nir_builder *b, unsigned bits)
{
   nir_def *group = nir_u2uN(b, nir_load_workgroup_id(b), bits);
   nir_def *size = nir_u2uN(b, nir_load_workgroup_size(b), bits);
   nir_def *local = nir_u2uN(b, nir_load_local_invocation_id(b), bits);

   return nir_iadd(b, nir_imul(b, group, size), local);
}

static bool
lower_global_id(nir_builder *b, nir_intrinsic_instr *intr, void *data)
{
   if (intr->intrinsic != nir_intrinsic_load_global_invocation_id)
      return false;
   b->cursor = nir_before_instr(&intr->instr);
   nir_def_replace(&intr->def, global_id(b, intr->def.bit_size));
   return true;
}

static bool
lower_local_id(nir_builder *b, nir_intrinsic_instr *intr, void *data)
{
   b->cursor = nir_before_instr(&intr->instr);
   switch (intr->intrinsic) {
   case nir_intrinsic_load_local_invocation_id:
      nir_def_replace(&intr->def, local_id(b, data));
      return true;
   case nir_intrinsic_load_local_invocation_index:
      nir_def_replace(&intr->def, local_index(b));
      return true;
   default:
      return false;
   }
}

static nir_def *
repeated_id(nir_builder *b, unsigned bits, nir_def *turn,
            const struct colibri_shader_key *key)
{
   nir_def *group = nir_u2uN(b, nir_load_workgroup_id(b), bits);
   nir_def *size = nir_u2uN(b, nir_load_workgroup_size(b), bits);
   nir_def *lane = nir_u2uN(b, nir_load_subgroup_invocation(b), bits);
   nir_def *first = nir_u2uN(b, first_item(b), bits);
   nir_def *x = nir_imul(b, nir_channel(b, group, 0), nir_channel(b, size, 0));
   nir_def *y = nir_channel(b, group, 1);

   turn = nir_u2uN(b, turn, bits);
   x = nir_ishl_imm(b, nir_iadd(b, x, first), key->repeat_x);
   if (key->repeat_x)
      x = nir_iadd(b, x, nir_imul_imm(b, turn, COLIBRI_WAVE_LANES));
   else
      y = nir_iadd(b, nir_ishl_imm(b, y, key->repeat_y), turn);
   return nir_vec3(b, nir_iadd(b, x, lane), y, nir_channel(b, group, 2));
}

struct repeat {
   const struct colibri_shader_key *key;
   nir_variable *turn;
};

static bool
lower_repeated_id(nir_builder *b, nir_intrinsic_instr *intr, void *data)
{
   const struct repeat *repeat = data;

   if (intr->intrinsic != nir_intrinsic_load_global_invocation_id)
      return false;
   b->cursor = nir_before_instr(&intr->instr);
   nir_def_replace(&intr->def,
                   repeated_id(b, intr->def.bit_size,
                               nir_load_var(b, repeat->turn), repeat->key));
   return true;
}

bool
colibri_nir_repeat(nir_shader *nir, const struct colibri_shader_key *key)
{
   nir_function_impl *impl = nir_shader_get_entrypoint(nir);
   const unsigned turns = 1u << (key->repeat_x + key->repeat_y);
   struct repeat repeat = {.key = key};
   nir_cf_list body;

   if (turns == 1)
      return false;

   nir_cf_extract(&body, nir_before_impl(impl), nir_after_impl(impl));
   repeat.turn = nir_local_variable_create(impl, glsl_uint_type(), "turn");

   nir_builder b = nir_builder_at(nir_before_impl(impl));
   nir_store_var(&b, repeat.turn, nir_imm_int(&b, 0), 1);
   nir_loop *loop = nir_push_loop(&b);
   b.cursor = nir_cf_reinsert(&body, b.cursor);
   nir_def *next = nir_iadd_imm(&b, nir_load_var(&b, repeat.turn), 1);
   nir_store_var(&b, repeat.turn, next, 1);
   nir_break_if(&b, nir_ieq_imm(&b, next, turns));
   nir_pop_loop(&b, loop);
   nir_metadata_preserve(impl, nir_metadata_none);

   nir_shader_intrinsics_pass(nir, lower_repeated_id,
                              nir_metadata_control_flow, &repeat);
   NIR_PASS(_, nir, nir_lower_vars_to_ssa);
   return true;
}

bool
colibri_nir_lower_ids(nir_shader *nir, const struct colibri_shader_key *key)
{
   bool progress = nir_shader_intrinsics_pass(
      nir, lower_global_id, nir_metadata_control_flow, NULL);

   progress |= nir_shader_intrinsics_pass(
      nir, lower_local_id, nir_metadata_control_flow, (void *)key);
   return progress;
}

/* It is the same whatever group the item is in. */
static bool
knows_no_group(const nir_instr *instr)
{
   if (instr->type != nir_instr_type_intrinsic)
      return true;

   const nir_intrinsic_instr *intr = nir_instr_as_intrinsic(instr);
   switch (intr->intrinsic) {
   case nir_intrinsic_load_global_invocation_id:
   case nir_intrinsic_load_kernel_input:
   case nir_intrinsic_load_global:
   case nir_intrinsic_load_global_constant:
   case nir_intrinsic_store_global:
   case nir_intrinsic_global_atomic:
   case nir_intrinsic_global_atomic_swap:
   case nir_intrinsic_load_scratch:
   case nir_intrinsic_store_scratch:
   case nir_intrinsic_image_load:
   case nir_intrinsic_image_store:
   case nir_intrinsic_image_size:
      return true;
   case nir_intrinsic_barrier:
      return nir_intrinsic_execution_scope(intr) == SCOPE_NONE;
   default:
      return false;
   }
}

/* Work-items may wait for each other by what is false for it. */
static bool
knows_no_order(const nir_instr *instr)
{
   if (instr->type == nir_instr_type_jump) {
      const nir_jump_type type = nir_instr_as_jump(instr)->type;

      return type == nir_jump_break || type == nir_jump_continue;
   }
   if (instr->type != nir_instr_type_intrinsic)
      return true;

   const nir_intrinsic_instr *intr = nir_instr_as_intrinsic(instr);
   switch (intr->intrinsic) {
   case nir_intrinsic_load_global_invocation_id:
   case nir_intrinsic_load_kernel_input:
   case nir_intrinsic_load_global_constant:
   case nir_intrinsic_load_scratch:
   case nir_intrinsic_store_scratch:
   case nir_intrinsic_image_size:
      return true;
   case nir_intrinsic_load_global:
   case nir_intrinsic_store_global:
   case nir_intrinsic_image_load:
   case nir_intrinsic_image_store:
      return !(nir_intrinsic_access(intr) & ACCESS_VOLATILE);
   default:
      return false;
   }
}

/* Does @test hold for all instructions? */
static bool
all_instrs(nir_shader *nir, bool (*test)(const nir_instr *))
{
   nir_foreach_function_impl(impl, nir) {
      nir_foreach_block(block, impl) {
         nir_foreach_instr(instr, block) {
            if (!test(instr))
               return false;
         }
      }
   }
   return true;
}

bool
colibri_nir_any_group(nir_shader *nir)
{
   return all_instrs(nir, knows_no_group) && !nir->info.shared_size;
}

bool
colibri_nir_any_order(nir_shader *nir)
{
   return all_instrs(nir, knows_no_order);
}
