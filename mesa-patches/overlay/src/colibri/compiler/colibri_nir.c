/*
 * Copyright © 2026 Colibri developers
 * SPDX-License-Identifier: MIT
 */

/* NIR as the translation to LLVM wants it. */
#include "colibri_hw.h"
#include "colibri_nir.h"

#include "colibri_debug_info.h"
#include "nir_builder.h"

static const nir_shader_compiler_options compiler_options = {
   /* Lanes are the vectors here: a work-item's own vectors are scalars. */
   .lower_to_scalar = true,

   .lower_fpow = true,
   .lower_fmod = true,
   .lower_ffract = true,
   .lower_flrp16 = true,
   .lower_flrp32 = true,
   .lower_flrp64 = true,
   .lower_ldexp = true,
   .lower_fisnormal = true,
   .lower_fdph = true,
   .lower_bitfield_extract = true,
   .lower_bitfield_insert = true,
   .lower_ifind_msb = true,
   .lower_uadd_carry = true,
   .lower_usub_borrow = true,
   .lower_hadd = true,
   .lower_isign = true,
   .lower_extract_byte = true,
   .lower_extract_word = true,
   .lower_insert_byte = true,
   .lower_insert_word = true,
   .lower_pack_half_2x16 = true,
   .lower_unpack_half_2x16 = true,

   /* A launch can choose the groups of kernels that use nothing else. */
   .has_cs_global_id = true,

   .has_fsub = true,
   .has_isub = true,
   .has_uclz = true,
   .support_8bit_alu = true,
   .support_16bit_alu = true,

   .max_unroll_iterations = 8,
};

const nir_shader_compiler_options *
colibri_nir_options(void)
{
   return &compiler_options;
}

static void
optimize(nir_shader *nir)
{
   bool progress;

   do {
      progress = false;
      NIR_PASS(progress, nir, nir_lower_alu_to_scalar, NULL, NULL);
      NIR_PASS(progress, nir, nir_lower_phis_to_scalar, true);
      NIR_PASS(progress, nir, nir_copy_prop);
      NIR_PASS(progress, nir, nir_opt_remove_phis);
      NIR_PASS(progress, nir, nir_opt_dce);
      NIR_PASS(progress, nir, nir_opt_dead_cf);
      NIR_PASS(progress, nir, nir_opt_if,
               nir_opt_if_optimize_phi_true_false);
      NIR_PASS(progress, nir, nir_opt_cse);
      NIR_PASS(progress, nir, nir_opt_algebraic);
      NIR_PASS(progress, nir, nir_opt_constant_folding);
      NIR_PASS(progress, nir, nir_opt_undef);
   } while (progress);
}

/* What is left: votes, ballots, shuffles of up to 32 bits, reductions, scans. */
static const nir_lower_subgroups_options subgroup_options = {
   .subgroup_size = COLIBRI_WAVE_LANES,
   .ballot_bit_size = 64,
   .ballot_components = 1,
   .lower_to_scalar = true,
   .lower_vote_eq = true,
   .lower_vote_bool_eq = true,
   .lower_subgroup_masks = true,
   .lower_relative_shuffle = true,
   .lower_shuffle_to_32bit = true,
   .lower_quad = true,
   .lower_quad_vote = true,
   .lower_elect = true,
   .lower_rotate_to_shuffle = true,
   .lower_boolean_reduce = true,
   .lower_boolean_shuffle = true,
};

void
colibri_preprocess_nir(nir_shader *nir)
{
   NIR_PASS(_, nir, nir_lower_subgroups, &subgroup_options);
   NIR_PASS(_, nir, colibri_nir_lower_math);
   optimize(nir);
}

/* The block at whose end, or in which, the value is needed. */
static nir_block *
block_of_use(nir_src *use)
{
   if (nir_src_is_if(use))
      return nir_cf_node_as_block(
         nir_cf_node_prev(&nir_src_parent_if(use)->cf_node));

   nir_instr *instr = nir_src_parent_instr(use);
   if (instr->type == nir_instr_type_phi)
      return container_of(use, nir_phi_src, src)->pred;
   return instr->block;
}

/* The end of a side of an if, and the block behind the if. */
struct if_exit {
   nir_block *before, *last, *after;
};

static bool
is_inside(const struct if_exit *exit, const nir_block *block)
{
   return block->index > exit->before->index &&
          block->index < exit->after->index;
}

static bool
carry_through_phi(nir_def *def, void *data)
{
   const struct if_exit *exit = data;
   nir_phi_instr *phi = NULL;

   nir_foreach_use_including_if_safe(use, def) {
      if (is_inside(exit, block_of_use(use)))
         continue;
      if (!phi) {
         phi = nir_phi_instr_create(
            nir_cf_node_get_function(&exit->after->cf_node)->function->shader);
         nir_def_init(&phi->instr, &phi->def, def->num_components,
                      def->bit_size);
      }
      nir_src_rewrite(use, &phi->def);
   }
   if (phi) {
      nir_phi_instr_add_src(phi, exit->last, def);
      nir_instr_insert_before_block(exit->after, &phi->instr);
   }
   return true;
}

/*
 * Where one side of an if ends in a jump, NIR lets what the other side defined
 * be used behind the if. But when lanes jump alone, the code of that side may
 * be branched around and what is behind it still be reached: so values come out
 * of it through phis only, as LCSSA has it for loops.
 */
static void
close_ifs(struct exec_list *list)
{
   foreach_list_typed(nir_cf_node, node, node, list) {
      if (node->type == nir_cf_node_loop)
         close_ifs(&nir_cf_node_as_loop(node)->body);
      if (node->type != nir_cf_node_if)
         continue;

      nir_if *nif = nir_cf_node_as_if(node);
      close_ifs(&nif->then_list);
      close_ifs(&nif->else_list);

      bool then_jumps = nir_block_ends_in_jump(nir_if_last_then_block(nif));
      bool else_jumps = nir_block_ends_in_jump(nir_if_last_else_block(nif));
      if (then_jumps == else_jumps)
         continue;

      struct if_exit exit = {
         .before = nir_cf_node_as_block(nir_cf_node_prev(node)),
         .last = then_jumps ? nir_if_last_else_block(nif)
                            : nir_if_last_then_block(nif),
         .after = nir_cf_node_as_block(nir_cf_node_next(node)),
      };
      nir_foreach_block_in_cf_node(block, node) {
         nir_foreach_instr_safe(instr, block)
            nir_foreach_def(instr, carry_through_phi, &exit);
      }
   }
}

struct colibri_debug_info *
colibri_nir_prepare(nir_shader *nir, const struct colibri_shader_key *key)
{
   bool progress;

   bool lowered = colibri_nir_lower_images(nir, key);

   lowered |= colibri_nir_repeat(nir, key);
   lowered |= colibri_nir_lower_ids(nir, key);
   if (lowered)
      optimize(nir);

   do {
      progress = false;
      NIR_PASS(progress, nir, nir_opt_algebraic_late);
      if (progress) {
         NIR_PASS(_, nir, nir_opt_constant_folding);
         NIR_PASS(_, nir, nir_copy_prop);
         NIR_PASS(_, nir, nir_opt_dce);
         NIR_PASS(_, nir, nir_opt_cse);
      }
   } while (progress);

   /* Whole vectors were only needed by what is gone now. */
   NIR_PASS(_, nir, nir_lower_alu_to_scalar, NULL, NULL);
   NIR_PASS(_, nir, nir_copy_prop);
   NIR_PASS(_, nir, nir_opt_dce);

   struct colibri_debug_info *debug_info = colibri_nir_take_debug_info(nir);

   /*
    * Values leave a loop through phis: where lanes leave at different times,
    * the phi is the place that collects their values.
    */
   NIR_PASS(_, nir, nir_convert_to_lcssa, false, false);
   nir_function_impl *impl = nir_shader_get_entrypoint(nir);
   nir_metadata_require(impl, nir_metadata_block_index);
   close_ifs(&impl->body);
   nir_metadata_preserve(impl, nir_metadata_control_flow);
   nir_validate_shader(nir, "after close_ifs");

   nir_divergence_analysis(nir);
   nir_index_ssa_defs(impl);
   return debug_info;
}
