/*
 * Copyright © 2026 Colibri developers
 * SPDX-License-Identifier: MIT
 */

/*
 * Loads of waves that have several rows of a work-group (key->row_lanes).
 *
 * Everything is done with all 64 lanes, under masks and by indices that stay in
 * registers: other vector lengths would have to be set again and again. LLVM
 * would go back to them if it saw through the masks, hence `hidden_lane`.
 */
#include "util/u_math.h"

#include "colibri_llvm.h"

/* Computed in the entry block, so that all that is made of it can be, too. */
static LLVMValueRef
hidden_lane(struct colibri_llvm *ctx)
{
   if (ctx->hidden_lane)
      return ctx->hidden_lane;

   LLVMBuilderRef builder = ctx->builder;
   LLVMTypeRef type = colibri_scalable_type(ctx, 32);
   LLVMValueRef args[] = {
      LLVMGetPoison(type), colibri_const(ctx, 64, LANES, false)};
   LLVMTypeRef types[] = {type, LLVMTypeOf(args[1])};

   ctx->builder = ctx->alloca_builder;
   ctx->hidden_lane = colibri_from_scalable(
      ctx, colibri_intrinsic(ctx, "llvm.riscv.vid", types, 2, args, 2), 32);
   ctx->builder = builder;
   return ctx->hidden_lane;
}

/* The lanes of a row. */
static LLVMValueRef
row_mask(struct colibri_llvm *ctx, unsigned row)
{
   const unsigned shift = util_logbase2(ctx->key->row_lanes);
   LLVMValueRef of_lane = LLVMBuildLShr(
      ctx->builder, hidden_lane(ctx), colibri_const(ctx, 32, shift, true), "");

   return LLVMBuildICmp(ctx->builder, LLVMIntEQ, of_lane,
                        colibri_const(ctx, 32, row, true), "");
}

/* One scalar for each row, in all its lanes. */
static LLVMValueRef
load_scalars(struct colibri_llvm *ctx, const struct colibri_affine *lanes,
             unsigned align, LLVMTypeRef type)
{
   LLVMTypeRef element = LLVMGetElementType(type);
   LLVMValueRef address = lanes->base, result = NULL;

   for (unsigned row = 0; row < LANES / ctx->key->row_lanes; row++) {
      LLVMValueRef pointer =
         LLVMBuildIntToPtr(ctx->builder, address, ctx->ptr, "");
      LLVMValueRef value =
         LLVMBuildLoad2(ctx->builder, element, pointer, "");

      LLVMSetAlignment(value, align);
      value = colibri_splat(ctx, value);
      result = row ? LLVMBuildSelect(ctx->builder, row_mask(ctx, row), value,
                                     result, "")
                   : value;
      address = LLVMBuildAdd(ctx->builder, address, lanes->row, "");
   }
   return result;
}

/* The first row's lanes load, all others get it from them. */
static LLVMValueRef
load_shared_row(struct colibri_llvm *ctx, const struct colibri_affine *lanes,
                unsigned align, LLVMTypeRef type)
{
   const unsigned bits = LLVMGetIntTypeWidth(LLVMGetElementType(type));
   const uint32_t rest = (LANES - ctx->key->row_lanes) * bits / 8;
   LLVMTypeRef types[] = {type, ctx->ptr};
   LLVMValueRef args[] = {
      LLVMBuildIntToPtr(ctx->builder, lanes->base, ctx->ptr, ""),
      colibri_const(ctx, 32, align, false),
      row_mask(ctx, 0),
      LLVMGetPoison(type),
   };
   LLVMValueRef value =
      colibri_intrinsic(ctx, "llvm.masked.load", types, 2, args, 4);
   LLVMValueRef column = LLVMBuildAnd(
      ctx->builder, hidden_lane(ctx),
      colibri_const(ctx, 32, ctx->key->row_lanes - 1, true), "");

   ctx->info->local_slack = MAX2(ctx->info->local_slack, rest);
   return colibri_shuffle(ctx, value, column, bits);
}

LLVMValueRef
colibri_load_rows(struct colibri_llvm *ctx, const struct colibri_affine *lanes,
                  unsigned align, LLVMTypeRef type)
{
   return lanes->stride ? load_shared_row(ctx, lanes, align, type)
                        : load_scalars(ctx, lanes, align, type);
}
