/*
 * Copyright © 2026 Colibri developers
 * SPDX-License-Identifier: MIT
 */

/*
 * Values that grow by a constant from lane to lane: base + stride * lane.
 *
 * IDs are such values, and so are most addresses made of them. Kept as a scalar
 * base and a stride they cost no vector operations, and where the stride is the
 * size of an element, a gather is a unit-stride load.
 *
 * All is modulo 2^bits, so only extensions need a proof that no lane wraps:
 * either C's rules (NIR's no_signed_wrap) say so for the lanes that execute, or
 * the lanes start at a multiple of 64 and count by one, which crosses no power
 * of two.
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

void
colibri_set_affine(struct colibri_llvm *ctx, const nir_def *def, unsigned comp,
                   struct colibri_affine affine)
{
   LLVMValueRef base = colibri_splat(ctx, affine.base);
   LLVMValueRef steps[LANES];

   if (!ctx->affine[def->index])
      ctx->affine[def->index] = rzalloc_array(
         ctx->affine, struct colibri_affine, def->num_components);
   ctx->affine[def->index][comp] = affine;

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
   if (nir_scalar_is_intrinsic(scalar)) {
      bool whole_waves =
         ctx->key->linear_group && ctx->key->full_waves && scalar.comp == 0;

      return nir_scalar_intrinsic_op(scalar) ==
                      nir_intrinsic_load_workgroup_size && whole_waves
                ? LANES : 1;
   }
   if (!nir_scalar_is_alu(scalar) || depth == MAX_DEPTH)
      return 1;

   nir_op op = nir_scalar_alu_op(scalar);
   if (op != nir_op_iadd && op != nir_op_imul)
      return 1;
   unsigned x =
      known_multiple(ctx, nir_scalar_chase_alu_src(scalar, 0), depth + 1);
   unsigned y =
      known_multiple(ctx, nir_scalar_chase_alu_src(scalar, 1), depth + 1);
   return op == nir_op_iadd ? MIN2(x, y) : MIN2(x * y, LANES);
}

/*
 * Lanes that count by one from a multiple of 64: the sum of the lane's number
 * in its group, once, and of multiples of 64.
 */
static bool
counts_from_multiple(struct colibri_llvm *ctx, nir_scalar scalar,
                     unsigned depth)
{
   if (nir_scalar_is_intrinsic(scalar)) {
      switch (nir_scalar_intrinsic_op(scalar)) {
      case nir_intrinsic_load_local_invocation_id:
         return ctx->key->linear_group && scalar.comp == 0;
      case nir_intrinsic_load_local_invocation_index:
         return true;
      default:
         return false;
      }
   }
   if (!nir_scalar_is_alu(scalar) || depth == MAX_DEPTH ||
       nir_scalar_alu_op(scalar) != nir_op_iadd)
      return false;

   nir_scalar x = nir_scalar_chase_alu_src(scalar, 0);
   nir_scalar y = nir_scalar_chase_alu_src(scalar, 1);
   if (!y.def->divergent)
      return known_multiple(ctx, y, depth + 1) == LANES &&
             counts_from_multiple(ctx, x, depth + 1);
   return !x.def->divergent && known_multiple(ctx, x, depth + 1) == LANES &&
          counts_from_multiple(ctx, y, depth + 1);
}

static struct colibri_affine
add(struct colibri_llvm *ctx, struct colibri_affine x, struct colibri_affine y)
{
   if (!x.base || !y.base)
      return none();
   return (struct colibri_affine){
      .base = LLVMBuildAdd(ctx->builder, x.base, y.base, ""),
      .stride = x.stride + y.stride,
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
   };
}

static struct colibri_affine
multiply(struct colibri_llvm *ctx, struct colibri_affine x, unsigned bits,
         uint64_t factor)
{
   if (!x.base)
      return none();
   return (struct colibri_affine){
      .base = LLVMBuildMul(ctx->builder, x.base,
                           colibri_const(ctx, bits, factor, false), ""),
      .stride = x.stride * (int64_t)factor,
   };
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
      if (!nir_scalar_is_const(y))
         return none();
      uint64_t factor = is_signed ? (uint64_t)nir_scalar_as_int(y)
                                  : nir_scalar_as_uint(y);
      return multiply(ctx, extend(ctx, x, is_signed, depth + 1), 64, factor);
   }

   struct colibri_affine ex = extend(ctx, x, is_signed, depth + 1);
   struct colibri_affine ey = extend(ctx, y, is_signed, depth + 1);
   return op == nir_op_iadd ? add(ctx, ex, ey) : subtract(ctx, ex, ey);
}

/* @scalar, extended to 64 bits. */
static struct colibri_affine
extend(struct colibri_llvm *ctx, nir_scalar scalar, bool is_signed,
       unsigned depth)
{
   struct colibri_affine affine = src_affine(ctx, scalar);
   LLVMTypeRef i64 = colibri_int(ctx, 64, false);

   if (!affine.base || depth == MAX_DEPTH)
      return none();
   if (!scalar.def->divergent || counts_from_multiple(ctx, scalar, 0)) {
      affine.base = is_signed
                       ? LLVMBuildSExt(ctx->builder, affine.base, i64, "")
                       : LLVMBuildZExt(ctx->builder, affine.base, i64, "");
      return affine;
   }
   return nir_scalar_is_alu(scalar)
             ? extend_operation(ctx, scalar, is_signed, depth)
             : none();
}

static struct colibri_affine
narrow(struct colibri_llvm *ctx, struct colibri_affine x)
{
   if (x.base)
      x.base = LLVMBuildTrunc(ctx->builder, x.base,
                              colibri_int(ctx, 32, false), "");
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
   return none();
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
   colibri_set_affine(ctx, def, 0, affine);
   return true;
}
