/*
 * Copyright © 2026 Colibri developers
 * SPDX-License-Identifier: MIT
 */

/*
 * Control flow and phis.
 *
 * Uniform ifs and loops are branches. A divergent if narrows `exec` for each
 * side and branches around a side that no lane takes. Lanes that break leave
 * `exec` until the loop is done, lanes that continue wait until the end of its
 * body; where that may have emptied `exec`, the rest of the list of blocks is
 * branched around. So some lane executes wherever code runs.
 *
 * Phis live in allocas that their predecessors write, under `exec` where only
 * some lanes come from there. LLVM's SROA makes SSA values of them again.
 */
#include "colibri_llvm.h"

#include "util/ralloc.h"

LLVMTypeRef
colibri_mask_type(struct colibri_llvm *ctx)
{
   return colibri_int(ctx, 1, true);
}

LLVMValueRef
colibri_exec_mask(struct colibri_llvm *ctx)
{
   return LLVMBuildLoad2(ctx->builder, colibri_mask_type(ctx), ctx->exec, "exec");
}

void
colibri_set_exec(struct colibri_llvm *ctx, LLVMValueRef mask)
{
   LLVMBuildStore(ctx->builder, mask, ctx->exec);
}

bool
colibri_is_whole(struct colibri_llvm *ctx)
{
   for (const struct colibri_loop *loop = ctx->loop; loop; loop = loop->outer) {
      if (loop->nir->divergent_break || loop->nir->divergent_continue)
         return false;
   }
   return ctx->key->full_waves && !ctx->divergent_ifs && !ctx->jumps;
}

LLVMBasicBlockRef
colibri_new_block(struct colibri_llvm *ctx, const char *name)
{
   return LLVMAppendBasicBlockInContext(ctx->context, ctx->function, name);
}

void
colibri_start_block(struct colibri_llvm *ctx, LLVMBasicBlockRef block)
{
   LLVMPositionBuilderAtEnd(ctx->builder, block);
}

static bool
is_terminated(struct colibri_llvm *ctx)
{
   return LLVMGetBasicBlockTerminator(LLVMGetInsertBlock(ctx->builder));
}

/* Falls through to @block, unless a jump came before. */
static void
branch_to(struct colibri_llvm *ctx, LLVMBasicBlockRef block)
{
   if (!is_terminated(ctx))
      LLVMBuildBr(ctx->builder, block);
}

static void
branch_if_any(struct colibri_llvm *ctx, LLVMValueRef mask,
              LLVMBasicBlockRef some, LLVMBasicBlockRef none)
{
   LLVMTypeRef type = colibri_mask_type(ctx);
   LLVMValueRef any = colibri_intrinsic(ctx, "llvm.vector.reduce.or", &type, 1,
                                        &mask, 1);

   LLVMBuildCondBr(ctx->builder, any, some, none);
}

static LLVMTypeRef
def_type(struct colibri_llvm *ctx, const nir_def *def)
{
   return colibri_int(ctx, def->bit_size, def->divergent);
}

/* Of an affine phi only the base is kept. */
static LLVMTypeRef
phi_type(struct colibri_llvm *ctx, const nir_phi_instr *phi)
{
   return ctx->phi_strides[phi->def.index]
             ? colibri_int(ctx, phi->def.bit_size, false)
             : def_type(ctx, &phi->def);
}

/* Allocas of the phis of @block, before control flow that ends there. */
static void
begin_phis(struct colibri_llvm *ctx, nir_block *block)
{
   nir_foreach_phi(phi, block) {
      LLVMTypeRef type = phi_type(ctx, phi);
      LLVMValueRef *slots =
         rzalloc_array(ctx->phis, LLVMValueRef, phi->def.num_components);

      for (unsigned c = 0; c < phi->def.num_components; c++) {
         slots[c] = colibri_alloca(ctx, type);
         LLVMBuildStore(ctx->builder, LLVMGetPoison(type), slots[c]);
      }
      ctx->phis[phi->def.index] = slots;
   }
}

static void
write_phi(struct colibri_llvm *ctx, nir_phi_instr *phi, nir_src src,
          bool masked)
{
   if (src.ssa->parent_instr->type == nir_instr_type_undef)
      return;
   if (ctx->phi_strides[phi->def.index]) {
      LLVMBuildStore(ctx->builder, colibri_get_affine(ctx, src.ssa, 0).base,
                     ctx->phis[phi->def.index][0]);
      return;
   }

   for (unsigned c = 0; c < phi->def.num_components; c++) {
      LLVMValueRef slot = ctx->phis[phi->def.index][c];
      LLVMValueRef value = colibri_widen(ctx, colibri_src(ctx, src, c),
                                         phi->def.divergent);

      if (masked && phi->def.divergent) {
         LLVMValueRef old = LLVMBuildLoad2(
            ctx->builder, def_type(ctx, &phi->def), slot, "");
         value = LLVMBuildSelect(ctx->builder, colibri_exec_mask(ctx), value,
                                 old, "");
      }
      LLVMBuildStore(ctx->builder, value, slot);
   }
}

/* @pred leads to @succ. @masked: only for the lanes in exec. */
static void
write_phis(struct colibri_llvm *ctx, nir_block *pred, nir_block *succ,
           bool masked)
{
   nir_foreach_phi(phi, succ)
      write_phi(ctx, phi, nir_phi_get_src_from_block(phi, pred)->src, masked);
}

static void
read_phi(struct colibri_llvm *ctx, nir_phi_instr *phi)
{
   LLVMTypeRef type = phi_type(ctx, phi);

   for (unsigned c = 0; c < phi->def.num_components; c++) {
      LLVMValueRef value = LLVMBuildLoad2(
         ctx->builder, type, ctx->phis[phi->def.index][c], "");

      if (ctx->phi_strides[phi->def.index])
         colibri_set_affine(ctx, &phi->def, c,
                            (struct colibri_affine){
                               .base = value,
                               .stride = ctx->phi_strides[phi->def.index],
                            });
      else
         colibri_set_def(ctx, &phi->def, c, value);
   }
}

/* All lanes that are still in the loop take the jump together. */
static bool
jump_is_uniform(const struct colibri_loop *loop)
{
   return !loop->divergent_ifs;
}

/* The lanes that execute took a jump alone. */
static void
take_lanes_away(struct colibri_llvm *ctx)
{
   colibri_set_exec(ctx, LLVMConstNull(colibri_mask_type(ctx)));
   ctx->jumps++;
}

static void
visit_break(struct colibri_llvm *ctx, nir_block *block)
{
   struct colibri_loop *loop = ctx->loop;
   bool uniform = jump_is_uniform(loop) && !loop->lanes_continued;

   write_phis(ctx, block, block->successors[0], loop->nir->divergent_break);
   if (uniform)
      LLVMBuildBr(ctx->builder, loop->exit);
   else
      take_lanes_away(ctx);
}

static void
visit_continue(struct colibri_llvm *ctx, nir_block *block)
{
   struct colibri_loop *loop = ctx->loop;

   write_phis(ctx, block, block->successors[0], loop->nir->divergent_continue);
   if (jump_is_uniform(loop)) {
      LLVMBuildBr(ctx->builder, loop->latch);
      return;
   }
   LLVMValueRef waiting =
      LLVMBuildLoad2(ctx->builder, colibri_mask_type(ctx), loop->continued, "");
   waiting = LLVMBuildOr(ctx->builder, waiting, colibri_exec_mask(ctx), "");
   LLVMBuildStore(ctx->builder, waiting, loop->continued);
   take_lanes_away(ctx);
   loop->lanes_continued = true;
}

static void
visit_jump(struct colibri_llvm *ctx, nir_jump_instr *jump)
{
   switch (jump->type) {
   case nir_jump_break:
      visit_break(ctx, jump->instr.block);
      break;
   case nir_jump_continue:
      visit_continue(ctx, jump->instr.block);
      break;
   default:
      colibri_llvm_error(ctx, "jump type %u is not supported", jump->type);
      break;
   }
}

static void
visit_load_const(struct colibri_llvm *ctx, nir_load_const_instr *load)
{
   for (unsigned c = 0; c < load->def.num_components; c++) {
      uint64_t value =
         nir_const_value_as_uint(load->value[c], load->def.bit_size);

      colibri_set_def(ctx, &load->def, c,
                      colibri_const(ctx, load->def.bit_size, value,
                                    load->def.divergent));
   }
}

/* Zero, not LLVM's undef: each use of a NIR undef sees the same value. */
static void
visit_undef(struct colibri_llvm *ctx, nir_undef_instr *undef)
{
   for (unsigned c = 0; c < undef->def.num_components; c++)
      colibri_set_def(ctx, &undef->def, c,
                      LLVMConstNull(def_type(ctx, &undef->def)));
}

static void
visit_instr(struct colibri_llvm *ctx, nir_instr *instr)
{
   switch (instr->type) {
   case nir_instr_type_alu:
      colibri_llvm_alu(ctx, nir_instr_as_alu(instr));
      break;
   case nir_instr_type_intrinsic:
      colibri_llvm_intrinsic(ctx, nir_instr_as_intrinsic(instr));
      break;
   case nir_instr_type_load_const:
      visit_load_const(ctx, nir_instr_as_load_const(instr));
      break;
   case nir_instr_type_undef:
      visit_undef(ctx, nir_instr_as_undef(instr));
      break;
   case nir_instr_type_phi:
      read_phi(ctx, nir_instr_as_phi(instr));
      break;
   case nir_instr_type_jump:
      visit_jump(ctx, nir_instr_as_jump(instr));
      break;
   default:
      colibri_llvm_error(ctx, "NIR instruction type %u is not supported",
                         instr->type);
      break;
   }
}

static void visit_cf_list(struct colibri_llvm *ctx, struct exec_list *list,
                          bool masked);

static void
visit_block(struct colibri_llvm *ctx, nir_block *block)
{
   nir_foreach_instr(instr, block) {
      if (ctx->error)
         return;
      colibri_llvm_set_location(ctx->debug_info, ctx->builder, instr);
      visit_instr(ctx, instr);
   }
}

static void
visit_uniform_if(struct colibri_llvm *ctx, nir_if *nif)
{
   LLVMBasicBlockRef then_block = colibri_new_block(ctx, "then");
   LLVMBasicBlockRef else_block = colibri_new_block(ctx, "else");
   LLVMBasicBlockRef end = colibri_new_block(ctx, "endif");

   LLVMBuildCondBr(ctx->builder, colibri_src(ctx, nif->condition, 0),
                   then_block, else_block);

   colibri_start_block(ctx, then_block);
   visit_cf_list(ctx, &nif->then_list, false);
   branch_to(ctx, end);

   colibri_start_block(ctx, else_block);
   visit_cf_list(ctx, &nif->else_list, false);
   branch_to(ctx, end);

   colibri_start_block(ctx, end);
}

/* Instructions that cost no more than finding out whether to skip them. */
#define CHEAP_INSTRS 8

static bool
instr_is_cheap(const nir_instr *instr)
{
   switch (instr->type) {
   case nir_instr_type_alu:
      switch (nir_instr_as_alu(instr)->op) {
      case nir_op_idiv:
      case nir_op_udiv:
      case nir_op_imod:
      case nir_op_umod:
      case nir_op_irem:
      case nir_op_fdiv:
      case nir_op_frcp:
      case nir_op_frsq:
      case nir_op_fsqrt:
         return false;
      default:
         return true;
      }
   case nir_instr_type_load_const:
   case nir_instr_type_undef:
   case nir_instr_type_phi:
   case nir_instr_type_jump:
      return true;
   default:
      return false;
   }
}

/* It does no harm and costs little when no lane executes it. */
static bool
block_is_cheap(nir_block *block)
{
   unsigned count = 0;

   nir_foreach_instr(instr, block) {
      if (!instr_is_cheap(instr) || ++count > CHEAP_INSTRS)
         return false;
   }
   return true;
}

static bool
rest_is_cheap(nir_cf_node *node)
{
   return nir_cf_node_is_last(node) && node->type == nir_cf_node_block &&
          block_is_cheap(nir_cf_node_as_block(node));
}

/* Runs one side for the lanes of @mask; returns those that come out of it. */
static LLVMValueRef
visit_divergent_side(struct colibri_llvm *ctx, struct exec_list *list,
                     LLVMValueRef mask)
{
   nir_cf_node *first =
      exec_node_data(nir_cf_node, exec_list_get_head(list), node);

   colibri_set_exec(ctx, mask);
   if (rest_is_cheap(first)) {
      visit_cf_list(ctx, list, true);
      return colibri_exec_mask(ctx);
   }

   LLVMBasicBlockRef side = colibri_new_block(ctx, "side");
   LLVMBasicBlockRef end = colibri_new_block(ctx, "endside");

   branch_if_any(ctx, mask, side, end);
   colibri_start_block(ctx, side);
   visit_cf_list(ctx, list, true);
   branch_to(ctx, end);
   colibri_start_block(ctx, end);
   return colibri_exec_mask(ctx);
}

static void
visit_divergent_if(struct colibri_llvm *ctx, nir_if *nif)
{
   LLVMValueRef before = colibri_exec_mask(ctx);
   LLVMValueRef cond =
      colibri_widen(ctx, colibri_src(ctx, nif->condition, 0), true);
   LLVMValueRef then_mask = LLVMBuildAnd(ctx->builder, before, cond, "");
   LLVMValueRef else_mask = LLVMBuildAnd(
      ctx->builder, before, LLVMBuildNot(ctx->builder, cond, ""), "");
   unsigned jumps = ctx->jumps;

   ctx->divergent_ifs++;
   if (ctx->loop)
      ctx->loop->divergent_ifs++;
   LLVMValueRef then_out =
      visit_divergent_side(ctx, &nif->then_list, then_mask);
   LLVMValueRef else_out =
      visit_divergent_side(ctx, &nif->else_list, else_mask);
   ctx->divergent_ifs--;
   if (ctx->loop)
      ctx->loop->divergent_ifs--;

   /* Without jumps as many lanes come out as went in. */
   if (ctx->jumps == jumps)
      colibri_set_exec(ctx, before);
   else
      colibri_set_exec(ctx, LLVMBuildOr(ctx->builder, then_out, else_out, ""));
}

static void
visit_if(struct colibri_llvm *ctx, nir_if *nif)
{
   begin_phis(ctx, nir_cf_node_as_block(nir_cf_node_next(&nif->cf_node)));
   if (nir_src_is_divergent(&nif->condition))
      visit_divergent_if(ctx, nif);
   else
      visit_uniform_if(ctx, nif);
}

static void
visit_loop(struct colibri_llvm *ctx, nir_loop *nloop)
{
   nir_block *header = nir_loop_first_block(nloop);
   nir_block *before = nir_cf_node_as_block(nir_cf_node_prev(&nloop->cf_node));
   nir_block *after = nir_cf_node_as_block(nir_cf_node_next(&nloop->cf_node));
   LLVMBasicBlockRef body = colibri_new_block(ctx, "loop");
   struct colibri_loop loop = {
      .outer = ctx->loop,
      .nir = nloop,
      .latch = colibri_new_block(ctx, "latch"),
      .exit = colibri_new_block(ctx, "endloop"),
      .continued = colibri_alloca(ctx, colibri_mask_type(ctx)),
   };
   LLVMValueRef none = LLVMConstNull(colibri_mask_type(ctx));
   LLVMValueRef entered = colibri_exec_mask(ctx);
   unsigned jumps = ctx->jumps;

   nir_foreach_phi(phi, header)
      ctx->phi_strides[phi->def.index] = colibri_phi_stride(ctx, phi, nloop);
   begin_phis(ctx, header);
   begin_phis(ctx, after);
   write_phis(ctx, before, header, false);
   LLVMBuildBr(ctx->builder, body);

   ctx->loop = &loop;
   colibri_start_block(ctx, body);
   LLVMBuildStore(ctx->builder, none, loop.continued);
   visit_cf_list(ctx, &nloop->body, nloop->divergent_continue);
   ctx->loop = loop.outer;
   if (ctx->error)
      return;
   branch_to(ctx, loop.latch);

   colibri_start_block(ctx, loop.latch);
   if (nloop->divergent_continue || nloop->divergent_break) {
      LLVMValueRef waiting =
         LLVMBuildLoad2(ctx->builder, colibri_mask_type(ctx), loop.continued, "");
      LLVMValueRef next =
         LLVMBuildOr(ctx->builder, colibri_exec_mask(ctx), waiting, "");
      colibri_set_exec(ctx, next);
      branch_if_any(ctx, next, body, loop.exit);
   } else {
      LLVMBuildBr(ctx->builder, body);
   }

   colibri_start_block(ctx, loop.exit);
   colibri_set_exec(ctx, entered);
   /* The jumps were the loop's own: all lanes are back. */
   ctx->jumps = jumps;
}

/* A block that ends a list leads to where the list does, with its values. */
static void
leave_list(struct colibri_llvm *ctx, struct exec_list *list, bool masked)
{
   nir_block *last = nir_cf_node_as_block(
      exec_node_data(nir_cf_node, exec_list_get_tail(list), node));

   if (!is_terminated(ctx) && !nir_block_ends_in_jump(last))
      write_phis(ctx, last, last->successors[0], masked);
}

/*
 * @masked: lanes come to the phis behind the list from elsewhere, too.
 */
static void
visit_cf_list(struct colibri_llvm *ctx, struct exec_list *list, bool masked)
{
   LLVMBasicBlockRef end = NULL;

   foreach_list_typed(nir_cf_node, node, node, list) {
      unsigned jumps = ctx->jumps;

      switch (node->type) {
      case nir_cf_node_block:
         visit_block(ctx, nir_cf_node_as_block(node));
         break;
      case nir_cf_node_if:
         visit_if(ctx, nir_cf_node_as_if(node));
         break;
      case nir_cf_node_loop:
         visit_loop(ctx, nir_cf_node_as_loop(node));
         break;
      default:
         unreachable("functions do not nest");
      }
      if (ctx->error)
         return;

      if (ctx->jumps != jumps && node->type == nir_cf_node_if &&
          !rest_is_cheap(nir_cf_node_next(node))) {
         /* Jumps in there may have taken all lanes away. */
         LLVMBasicBlockRef rest = colibri_new_block(ctx, "rest");

         if (!end)
            end = colibri_new_block(ctx, "endlist");
         branch_if_any(ctx, colibri_exec_mask(ctx), rest, end);
         colibri_start_block(ctx, rest);
      }
   }

   leave_list(ctx, list, masked);
   if (end) {
      branch_to(ctx, end);
      colibri_start_block(ctx, end);
   }
}

void
colibri_llvm_cf(struct colibri_llvm *ctx, struct exec_list *body)
{
   visit_cf_list(ctx, body, false);
}
