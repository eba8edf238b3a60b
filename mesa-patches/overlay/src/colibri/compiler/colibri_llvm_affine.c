/*
 * Copyright © 2026 Colibri developers
 * SPDX-License-Identifier: MIT
 */

/*
 * Values that grow by a constant from lane to lane: base + stride * lane.
 *
 * Where a wave has several rows of a work-group (key->row_lanes) there is another
 * step from row to row, which may be any uniform number.
 *
 * IDs are such values, and so are most addresses made of them. Kept as a scalar
 * base and a stride they cost no vector operations, and where the stride is the
 * size of an element, a gather is a unit-stride load.
 *
 * All is modulo 2^bits, so only extensions need a proof that no lane wraps:
 * either C's rules (NIR's no_signed_wrap) say so for the lanes that execute, or
 * the lanes start at a multiple of 64 and count by one, which crosses no power
 * of two. Else the proof is made at run time: what depends on it has a condition
 * (`sure`), and keeps the vector operations for the case that it is not true.
 */
#include "colibri_llvm.h"

#include <string.h>

#include "util/ralloc.h"

#define MAX_DEPTH 8

static struct colibri_affine
none(void)
{
   return (struct colibri_affine){0};
}

struct colibri_affine
colibri_get_affine(struct colibri_llvm *ctx, const nir_def *def, unsigned comp)
{
   if (!def->divergent)
      return (struct colibri_affine){.base = ctx->defs[def->index][comp]};
   return ctx->affine[def->index] ? ctx->affine[def->index][comp] : none();
}

static void
remember(struct colibri_llvm *ctx, const nir_def *def, unsigned comp,
         struct colibri_affine affine)
{
   if (!ctx->affine[def->index])
      ctx->affine[def->index] = rzalloc_array(
         ctx->affine, struct colibri_affine, def->num_components);
   ctx->affine[def->index][comp] = affine;
}

void
colibri_set_affine(struct colibri_llvm *ctx, const nir_def *def, unsigned comp,
                   struct colibri_affine affine)
{
   LLVMValueRef base = colibri_splat(ctx, affine.base);
   LLVMValueRef steps[LANES];

   remember(ctx, def, comp, affine);

   for (unsigned i = 0; i < LANES; i++)
      steps[i] = colibri_const(ctx, def->bit_size, affine.stride * i, false);
   colibri_set_def(ctx, def, comp,
                   LLVMBuildAdd(ctx->builder, base,
                                LLVMConstVector(steps, LANES), ""));
}

static struct colibri_affine
src_affine(struct colibri_llvm *ctx, nir_scalar scalar)
{
   return colibri_get_affine(ctx, scalar.def, scalar.comp);
}

/* The largest power of two, up to 64, that @scalar is known to be a multiple of. */
static unsigned
known_multiple(struct colibri_llvm *ctx, nir_scalar scalar, unsigned depth)
{
   if (nir_scalar_is_const(scalar)) {
      uint64_t value = nir_scalar_as_uint(scalar);

      return value ? MIN2(1ull << (ffsll(value) - 1), LANES) : LANES;
   }
   if (nir_scalar_is_intrinsic(scalar))
      return nir_scalar_intrinsic_op(scalar) ==
                      nir_intrinsic_load_workgroup_size &&
                   ctx->key->row_lanes == LANES && scalar.comp == 0
                ? LANES : 1;
   if (!nir_scalar_is_alu(scalar) || depth == MAX_DEPTH)
      return 1;

   unsigned multiple[2] = {1, 1};
   nir_op op = nir_scalar_alu_op(scalar);
   for (unsigned i = 0; i < MIN2(nir_op_infos[op].num_inputs, 2); i++)
      multiple[i] =
         known_multiple(ctx, nir_scalar_chase_alu_src(scalar, i), depth + 1);

   switch (op) {
   case nir_op_iadd:
   case nir_op_isub:
   case nir_op_umod:
      return MIN2(multiple[0], multiple[1]);
   case nir_op_imul:
      return MIN2(multiple[0] * multiple[1], LANES);
   case nir_op_iand:
      return MAX2(multiple[0], multiple[1]);
   case nir_op_ishl: {
      nir_scalar amount = nir_scalar_chase_alu_src(scalar, 1);

      return nir_scalar_is_const(amount)
                ? MIN2(multiple[0] << MIN2(nir_scalar_as_uint(amount), 6), LANES)
                : multiple[0];
   }
   case nir_op_u2u32:
   case nir_op_u2u64:
   case nir_op_i2i32:
   case nir_op_i2i64:
      return multiple[0];
   default:
      return 1;
   }
}

/*
 * Lanes that count by one from a multiple of 64: the sum of the lane's number
 * in its group, once, and of multiples of 64.
 */
static bool
counts_from_multiple(struct colibri_llvm *ctx, nir_scalar scalar,
                     unsigned depth)
{
   if (nir_scalar_is_intrinsic(scalar))
      return nir_scalar_intrinsic_op(scalar) ==
             nir_intrinsic_load_subgroup_invocation;
   if (!nir_scalar_is_alu(scalar) || depth == MAX_DEPTH)
      return false;

   nir_scalar x = nir_scalar_chase_alu_src(scalar, 0);
   switch (nir_scalar_alu_op(scalar)) {
   case nir_op_iadd: {
      nir_scalar y = nir_scalar_chase_alu_src(scalar, 1);

      if (!x.def->divergent) {
         nir_scalar swap = x;
         x = y;
         y = swap;
      }
      return !y.def->divergent &&
             known_multiple(ctx, y, depth + 1) == LANES &&
             counts_from_multiple(ctx, x, depth + 1);
   }
   case nir_op_u2u32:
   case nir_op_u2u64:
   case nir_op_i2i32:
   case nir_op_i2i64:
      return counts_from_multiple(ctx, x, depth + 1);
   default:
      return false;
   }
}

/* @x if @y is true, too. */
static LLVMValueRef
both(struct colibri_llvm *ctx, LLVMValueRef x, LLVMValueRef y)
{
   return !x ? y : !y || x == y ? x : LLVMBuildAnd(ctx->builder, x, y, "");
}

static unsigned
bits_of(LLVMValueRef value)
{
   return LLVMGetIntTypeWidth(LLVMTypeOf(value));
}

/* The step from row to row. */
static LLVMValueRef
row_step(struct colibri_llvm *ctx, struct colibri_affine x)
{
   return x.row ? x.row
                : colibri_const(ctx, bits_of(x.base),
                                x.stride * ctx->key->row_lanes, false);
}

static struct colibri_affine
add(struct colibri_llvm *ctx, struct colibri_affine x, struct colibri_affine y)
{
   if (!x.base || !y.base)
      return none();
   return (struct colibri_affine){
      .base = LLVMBuildAdd(ctx->builder, x.base, y.base, ""),
      .stride = x.stride + y.stride,
      .row = x.row || y.row ? LLVMBuildAdd(ctx->builder, row_step(ctx, x),
                                           row_step(ctx, y), "")
                            : NULL,
      .sure = both(ctx, x.sure, y.sure),
   };
}

static struct colibri_affine
subtract(struct colibri_llvm *ctx, struct colibri_affine x,
         struct colibri_affine y)
{
   if (!x.base || !y.base)
      return none();
   return (struct colibri_affine){
      .base = LLVMBuildSub(ctx->builder, x.base, y.base, ""),
      .stride = x.stride - y.stride,
      .row = x.row || y.row ? LLVMBuildSub(ctx->builder, row_step(ctx, x),
                                           row_step(ctx, y), "")
                            : NULL,
      .sure = both(ctx, x.sure, y.sure),
   };
}

static struct colibri_affine
multiply(struct colibri_llvm *ctx, struct colibri_affine x, unsigned bits,
         uint64_t factor)
{
   LLVMValueRef constant = colibri_const(ctx, bits, factor, false);

   if (!x.base)
      return none();
   return (struct colibri_affine){
      .base = LLVMBuildMul(ctx->builder, x.base, constant, ""),
      .stride = x.stride * (int64_t)factor,
      .row = x.row ? LLVMBuildMul(ctx->builder, x.row, constant, "") : NULL,
      .sure = x.sure,
   };
}

/* Only steps from row to row may be unknown numbers. */
static struct colibri_affine
multiply_rows(struct colibri_llvm *ctx, struct colibri_affine x,
              struct colibri_affine factor)
{
   if (!x.base || !x.row || x.stride || !factor.base)
      return none();
   return (struct colibri_affine){
      .base = LLVMBuildMul(ctx->builder, x.base, factor.base, ""),
      .row = LLVMBuildMul(ctx->builder, x.row, factor.base, ""),
      .sure = both(ctx, x.sure, factor.sure),
   };
}

/* The lane's place in its row, or the number of its row. */
static struct colibri_affine
part_of_lane(struct colibri_llvm *ctx, nir_op op, nir_scalar x, nir_scalar y)
{
   const unsigned row_lanes = ctx->key->row_lanes;

   if (!row_lanes || row_lanes == LANES || !nir_scalar_is_const(y) ||
       !nir_scalar_is_intrinsic(x) ||
       nir_scalar_intrinsic_op(x) != nir_intrinsic_load_subgroup_invocation)
      return none();

   const uint64_t operand = nir_scalar_as_uint(y);
   const bool is_column = op == nir_op_iand && operand == row_lanes - 1;
   if (!is_column && (op != nir_op_ushr || 1u << operand != row_lanes))
      return none();
   return (struct colibri_affine){
      .base = colibri_const(ctx, 32, 0, false),
      .stride = is_column,
      .row = colibri_const(ctx, 32, !is_column, false),
   };
}

/* Of an affine one, that is: a small number. */
static bool
is_part_of_lane(nir_scalar scalar)
{
   return nir_scalar_is_alu(scalar) &&
          (nir_scalar_alu_op(scalar) == nir_op_iand ||
           nir_scalar_alu_op(scalar) == nir_op_ushr);
}

static struct colibri_affine extend(struct colibri_llvm *ctx,
                                    nir_scalar scalar, bool is_signed,
                                    unsigned depth);

/* An operation that does not wrap commutes with the extension. */
static struct colibri_affine
extend_operation(struct colibri_llvm *ctx, nir_scalar scalar, bool is_signed,
                 unsigned depth)
{
   nir_alu_instr *alu = nir_instr_as_alu(scalar.def->parent_instr);
   nir_op op = nir_scalar_alu_op(scalar);

   if (!(is_signed ? alu->no_signed_wrap : alu->no_unsigned_wrap))
      return none();
   if (op != nir_op_iadd && op != nir_op_isub && op != nir_op_imul)
      return none();

   nir_scalar x = nir_scalar_chase_alu_src(scalar, 0);
   nir_scalar y = nir_scalar_chase_alu_src(scalar, 1);
   if (op == nir_op_imul) {
      if (nir_scalar_is_const(x)) {
         nir_scalar swap = x;
         x = y;
         y = swap;
      }
      if (!nir_scalar_is_const(y)) {
         struct colibri_affine ex = extend(ctx, x, is_signed, depth + 1);
         struct colibri_affine ey = extend(ctx, y, is_signed, depth + 1);

         return x.def->divergent ? multiply_rows(ctx, ex, ey)
                                 : multiply_rows(ctx, ey, ex);
      }
      uint64_t factor = is_signed ? (uint64_t)nir_scalar_as_int(y)
                                  : nir_scalar_as_uint(y);
      return multiply(ctx, extend(ctx, x, is_signed, depth + 1), 64, factor);
   }

   struct colibri_affine ex = extend(ctx, x, is_signed, depth + 1);
   struct colibri_affine ey = extend(ctx, y, is_signed, depth + 1);
   return op == nir_op_iadd ? add(ctx, ex, ey) : subtract(ctx, ex, ey);
}

static struct colibri_affine
extend_base(struct colibri_llvm *ctx, struct colibri_affine x, bool is_signed)
{
   LLVMTypeRef i64 = colibri_int(ctx, 64, false);

   x.base = is_signed ? LLVMBuildSExt(ctx->builder, x.base, i64, "")
                      : LLVMBuildZExt(ctx->builder, x.base, i64, "");
   if (x.row)
      x.row = is_signed ? LLVMBuildSExt(ctx->builder, x.row, i64, "")
                        : LLVMBuildZExt(ctx->builder, x.row, i64, "");
   return x;
}

/* Looks at run time if the last lane of the last row wraps; all only grow. */
static struct colibri_affine
extend_rows_checked(struct colibri_llvm *ctx, struct colibri_affine x,
                    bool is_signed)
{
   const unsigned row_lanes = ctx->key->row_lanes;
   const uint64_t max = is_signed ? INT32_MAX : UINT32_MAX;

   x.stride = (int32_t)x.stride;
   if (x.stride < 0 || x.stride * (row_lanes - 1) > max)
      return none();
   struct colibri_affine wide = extend_base(ctx, x, false);
   LLVMValueRef last = LLVMBuildMul(
      ctx->builder, wide.row,
      colibri_const(ctx, 64, LANES / row_lanes - 1, false), "");
   last = LLVMBuildAdd(ctx->builder, last, wide.base, "");
   wide.sure = both(
      ctx, x.sure,
      LLVMBuildICmp(ctx->builder, LLVMIntULE, last,
                    colibri_const(ctx, 64, max - x.stride * (row_lanes - 1),
                                  false),
                    ""));
   return wide;
}

/* Looks at run time if a lane wraps. */
static struct colibri_affine
extend_checked(struct colibri_llvm *ctx, struct colibri_affine x, bool is_signed)
{
   const int64_t min = is_signed ? INT32_MIN : 0;
   const int64_t max = is_signed ? INT32_MAX : UINT32_MAX;
   const int64_t last = (int32_t)x.stride * (int64_t)(LANES - 1);
   const bool up = last >= 0;
   const int64_t bound = up ? max - last : min - last;

   if (x.row)
      return extend_rows_checked(ctx, x, is_signed);
   if (bound < min || bound > max)
      return none();
   LLVMValueRef fits = LLVMBuildICmp(
      ctx->builder,
      is_signed ? (up ? LLVMIntSLE : LLVMIntSGE) : (up ? LLVMIntULE : LLVMIntUGE),
      x.base, colibri_const(ctx, 32, bound, false), "");
   x.stride = (int32_t)x.stride;
   x.sure = both(ctx, x.sure, fits);
   return extend_base(ctx, x, is_signed);
}

/* @scalar, extended to 64 bits. */
static struct colibri_affine
extend(struct colibri_llvm *ctx, nir_scalar scalar, bool is_signed,
       unsigned depth)
{
   struct colibri_affine affine = src_affine(ctx, scalar);

   if (!affine.base || depth == MAX_DEPTH)
      return none();
   if (!scalar.def->divergent || counts_from_multiple(ctx, scalar, 0) ||
       is_part_of_lane(scalar))
      return extend_base(ctx, affine, is_signed);

   struct colibri_affine extended = none();
   if (nir_scalar_is_alu(scalar))
      extended = extend_operation(ctx, scalar, is_signed, depth);
   return extended.base && !extended.sure
             ? extended
             : extend_checked(ctx, affine, is_signed);
}

static struct colibri_affine
narrow(struct colibri_llvm *ctx, struct colibri_affine x)
{
   LLVMTypeRef i32 = colibri_int(ctx, 32, false);

   if (x.base)
      x.base = LLVMBuildTrunc(ctx->builder, x.base, i32, "");
   if (x.row)
      x.row = LLVMBuildTrunc(ctx->builder, x.row, i32, "");
   return x;
}

static struct colibri_affine
multiply_operands(struct colibri_llvm *ctx, nir_scalar x, nir_scalar y,
                  unsigned bits)
{
   if (nir_scalar_is_const(y))
      return multiply(ctx, src_affine(ctx, x), bits, nir_scalar_as_uint(y));
   if (nir_scalar_is_const(x))
      return multiply(ctx, src_affine(ctx, y), bits, nir_scalar_as_uint(x));
   if (x.def->divergent && y.def->divergent)
      return none();
   return x.def->divergent
             ? multiply_rows(ctx, src_affine(ctx, x), src_affine(ctx, y))
             : multiply_rows(ctx, src_affine(ctx, y), src_affine(ctx, x));
}

static struct colibri_affine
affine_of(struct colibri_llvm *ctx, nir_alu_instr *alu)
{
   const unsigned bits = alu->def.bit_size;
   nir_scalar scalar = nir_get_scalar(&alu->def, 0);
   nir_scalar x = nir_scalar_chase_alu_src(scalar, 0);
   nir_scalar y = x;

   if (nir_op_infos[alu->op].num_inputs > 1)
      y = nir_scalar_chase_alu_src(scalar, 1);

   switch (alu->op) {
   case nir_op_mov:
      return src_affine(ctx, x);
   case nir_op_iadd:
      return add(ctx, src_affine(ctx, x), src_affine(ctx, y));
   case nir_op_isub:
      return subtract(ctx, src_affine(ctx, x), src_affine(ctx, y));
   case nir_op_imul:
      return multiply_operands(ctx, x, y, bits);
   case nir_op_iand:
   case nir_op_ushr:
      return part_of_lane(ctx, alu->op, x, y);
   case nir_op_ishl:
      if (!nir_scalar_is_const(y))
         return none();
      return multiply(ctx, src_affine(ctx, x), bits,
                      1ull << (nir_scalar_as_uint(y) & (bits - 1)));
   case nir_op_i2i64:
   case nir_op_u2u64:
      return x.def->bit_size == 32
                ? extend(ctx, x, alu->op == nir_op_i2i64, 0)
                : none();
   case nir_op_i2i32:
   case nir_op_u2u32:
      return x.def->bit_size == 64 ? narrow(ctx, src_affine(ctx, x))
                                   : none();
   default:
      return none();
   }
}

bool
colibri_llvm_affine_alu(struct colibri_llvm *ctx, nir_alu_instr *alu)
{
   const nir_def *def = &alu->def;

   if (!def->divergent || def->num_components != 1 ||
       (def->bit_size != 32 && def->bit_size != 64))
      return false;

   struct colibri_affine affine = affine_of(ctx, alu);
   if (!affine.base)
      return false;
   /* As vectors, these are better computed than made of their parts. */
   if (affine.sure || affine.row) {
      remember(ctx, def, 0, affine);
      return false;
   }
   colibri_set_affine(ctx, def, 0, affine);
   return true;
}

/* @scalar is @phi, changed by what is the same for all lanes. */
static bool
is_step_of(nir_scalar scalar, const nir_phi_instr *phi, unsigned depth)
{
   scalar = nir_scalar_chase_movs(scalar);
   if (scalar.def == &phi->def)
      return true;
   if (!nir_scalar_is_alu(scalar) || depth == MAX_DEPTH)
      return false;

   nir_op op = nir_scalar_alu_op(scalar);
   if (op != nir_op_iadd && op != nir_op_isub)
      return false;

   nir_scalar x = nir_scalar_chase_alu_src(scalar, 0);
   nir_scalar y = nir_scalar_chase_alu_src(scalar, 1);
   if (op == nir_op_iadd && !x.def->divergent)
      return is_step_of(y, phi, depth + 1);
   return !y.def->divergent && is_step_of(x, phi, depth + 1);
}

int64_t
colibri_phi_stride(struct colibri_llvm *ctx, nir_phi_instr *phi,
                   const nir_loop *loop)
{
   const nir_block *before =
      nir_cf_node_as_block(nir_cf_node_prev((nir_cf_node *)&loop->cf_node));
   const nir_def *def = &phi->def;
   struct colibri_affine first = none();

   /* Lanes that continue alone would have steps of their own. */
   if (!def->divergent || def->num_components != 1 || loop->divergent_continue ||
       (def->bit_size != 32 && def->bit_size != 64))
      return 0;

   nir_foreach_phi_src(src, phi) {
      if (src->pred == before)
         first = colibri_get_affine(ctx, src->src.ssa, 0);
      else if (!is_step_of(nir_get_scalar(src->src.ssa, 0), phi, 0))
         return 0;
   }
   return first.base && !first.sure && !first.row ? first.stride : 0;
}
