/*
 * Copyright © 2026 Colibri developers
 * SPDX-License-Identifier: MIT
 */

/*
 * Sub-groups: a wave is one, so votes are operations on masks, and what one lane
 * gets from others is a permutation of a vector. Lanes that do not execute take
 * part as the neutral element.
 */
#include "colibri_llvm.h"

#include "util/u_math.h"

/* A scan or a reduction. */
struct collective {
   struct colibri_llvm *ctx;
   nir_op op;
   unsigned bits;
   /** An exclusive scan starts with the identity that SPIR-V has for `op`. */
   bool exclusive;
};

static bool
is_float(const struct collective *c)
{
   return nir_alu_type_get_base_type(nir_op_infos[c->op].output_type) ==
          nir_type_float;
}

/*
 * What changes no result, whatever it is combined with: -0 for a sum, NaN for
 * minimum and maximum. The identities, which exclusive scans return to the first
 * lane, are 0 and infinity.
 */
static uint64_t
neutral_float(const struct collective *c)
{
   const unsigned exponent = c->bits == 16 ? 5 : c->bits == 32 ? 8 : 11;
   const unsigned fraction = c->bits - 1 - exponent;
   const uint64_t sign = 1ull << (c->bits - 1);
   const uint64_t infinity = ((1ull << exponent) - 1) << fraction;
   const uint64_t nan = infinity | 1ull << (fraction - 1);

   switch (c->op) {
   case nir_op_fadd:
      return c->exclusive ? 0 : sign;
   case nir_op_fmul:
      return ((1ull << (exponent - 1)) - 1) << fraction;
   case nir_op_fmin:
      return c->exclusive ? infinity : nan;
   default:
      return c->exclusive ? sign | infinity : nan;
   }
}

static uint64_t
neutral(const struct collective *c)
{
   if (is_float(c))
      return neutral_float(c);

   switch (c->op) {
   case nir_op_imul:
      return 1;
   case nir_op_imin:
      return u_uintN_max(c->bits) >> 1;
   case nir_op_imax:
      return 1ull << (c->bits - 1);
   case nir_op_umin:
   case nir_op_iand:
      return u_uintN_max(c->bits);
   default:
      return 0;
   }
}

static const char *
minmax_name(nir_op op)
{
   switch (op) {
   case nir_op_imin: return "llvm.smin";
   case nir_op_imax: return "llvm.smax";
   case nir_op_umin: return "llvm.umin";
   case nir_op_umax: return "llvm.umax";
   case nir_op_fmin: return "llvm.minnum";
   case nir_op_fmax: return "llvm.maxnum";
   default: return NULL;
   }
}

static LLVMValueRef
combine(const struct collective *c, LLVMValueRef x, LLVMValueRef y)
{
   struct colibri_llvm *ctx = c->ctx;
   LLVMTypeRef ints = LLVMTypeOf(x), type = ints;
   LLVMValueRef r;

   if (is_float(c)) {
      type = colibri_float(ctx, c->bits, true);
      x = LLVMBuildBitCast(ctx->builder, x, type, "");
      y = LLVMBuildBitCast(ctx->builder, y, type, "");
   }
   switch (c->op) {
   case nir_op_iadd: r = LLVMBuildAdd(ctx->builder, x, y, ""); break;
   case nir_op_imul: r = LLVMBuildMul(ctx->builder, x, y, ""); break;
   case nir_op_iand: r = LLVMBuildAnd(ctx->builder, x, y, ""); break;
   case nir_op_ior: r = LLVMBuildOr(ctx->builder, x, y, ""); break;
   case nir_op_ixor: r = LLVMBuildXor(ctx->builder, x, y, ""); break;
   case nir_op_fadd: r = LLVMBuildFAdd(ctx->builder, x, y, ""); break;
   case nir_op_fmul: r = LLVMBuildFMul(ctx->builder, x, y, ""); break;
   default: {
      LLVMValueRef args[] = {x, y};

      r = colibri_intrinsic(ctx, minmax_name(c->op), &type, 1, args, 2);
      break;
   }
   }
   return LLVMBuildBitCast(ctx->builder, r, ints, "");
}

/* The lanes of @x and then those of @y, from a constant number on for each. */
static LLVMValueRef
permute(struct colibri_llvm *ctx, LLVMValueRef x, LLVMValueRef y,
        const uint8_t from[LANES])
{
   LLVMValueRef lanes[LANES];

   for (unsigned i = 0; i < LANES; i++)
      lanes[i] = colibri_const(ctx, 32, from[i], false);
   return LLVMBuildShuffleVector(ctx->builder, x, y,
                                 LLVMConstVector(lanes, LANES), "");
}

/* Each lane gets what is @count lanes below, the first ones the neutral element. */
static LLVMValueRef
shift_up(const struct collective *c, LLVMValueRef value, unsigned count)
{
   uint8_t from[LANES];

   for (unsigned i = 0; i < LANES; i++)
      from[i] = i >= count ? i - count : LANES;
   return permute(c->ctx, value,
                  colibri_const(c->ctx, c->bits, neutral(c), true), from);
}

/* The source, and the neutral element where no lane executes. */
static LLVMValueRef
take_part(const struct collective *c, nir_src src)
{
   struct colibri_llvm *ctx = c->ctx;

   return LLVMBuildSelect(ctx->builder, colibri_exec_mask(ctx),
                          colibri_widen(ctx, colibri_src(ctx, src, 0), true),
                          colibri_const(ctx, c->bits, neutral(c), true), "");
}

static LLVMValueRef
scan(const struct collective *c, nir_src src)
{
   LLVMValueRef value = take_part(c, src);

   for (unsigned count = 1; count < LANES; count *= 2)
      value = combine(c, value, shift_up(c, value, count));
   return c->exclusive ? shift_up(c, value, 1) : value;
}

/* Those that RISC-V has an instruction for. */
static const char *
reduction_name(nir_op op)
{
   switch (op) {
   case nir_op_iadd: return "llvm.vector.reduce.add";
   case nir_op_iand: return "llvm.vector.reduce.and";
   case nir_op_ior: return "llvm.vector.reduce.or";
   case nir_op_ixor: return "llvm.vector.reduce.xor";
   case nir_op_imin: return "llvm.vector.reduce.smin";
   case nir_op_imax: return "llvm.vector.reduce.smax";
   case nir_op_umin: return "llvm.vector.reduce.umin";
   case nir_op_umax: return "llvm.vector.reduce.umax";
   case nir_op_fadd: return "llvm.vector.reduce.fadd";
   case nir_op_fmin: return "llvm.vector.reduce.fmin";
   case nir_op_fmax: return "llvm.vector.reduce.fmax";
   default: return NULL;
   }
}

/* Of all lanes, to a scalar. */
static LLVMValueRef
reduce_all(const struct collective *c, nir_src src)
{
   struct colibri_llvm *ctx = c->ctx;
   LLVMTypeRef type = is_float(c) ? colibri_float(ctx, c->bits, true)
                                  : colibri_int(ctx, c->bits, true);
   LLVMTypeRef i = colibri_int(ctx, c->bits, false);
   LLVMValueRef args[2];
   unsigned n = 0;

   if (c->op == nir_op_fadd)
      args[n++] = LLVMConstBitCast(
         colibri_const(ctx, c->bits, neutral(c), false),
         colibri_float(ctx, c->bits, false));
   args[n++] = LLVMBuildBitCast(ctx->builder, take_part(c, src), type, "");
   return LLVMBuildBitCast(
      ctx->builder,
      colibri_intrinsic(ctx, reduction_name(c->op), &type, 1, args, n), i, "");
}

/* Afterwards all lanes of a cluster have the same. */
static LLVMValueRef
reduce_clusters(const struct collective *c, nir_src src, unsigned cluster)
{
   LLVMValueRef value = take_part(c, src);
   uint8_t from[LANES];

   for (unsigned distance = 1; distance < cluster; distance *= 2) {
      for (unsigned i = 0; i < LANES; i++)
         from[i] = i ^ distance;
      value = combine(c, value, permute(c->ctx, value, value, from));
   }
   return value;
}

static LLVMValueRef
lane_at(struct colibri_llvm *ctx, LLVMValueRef value, LLVMValueRef lane)
{
   if (!colibri_is_lanes(value))
      return value;
   /* Beyond the end nothing is defined for OpenCL, but it must be a value. */
   lane = LLVMBuildAnd(ctx->builder, lane,
                       colibri_const(ctx, 32, LANES - 1, false), "");
   return LLVMBuildExtractElement(ctx->builder, value, lane, "");
}

static LLVMValueRef
mask_bits(struct colibri_llvm *ctx, LLVMValueRef mask)
{
   return LLVMBuildBitCast(ctx->builder, mask, colibri_int(ctx, 64, false), "");
}

static LLVMValueRef
first_lane(struct colibri_llvm *ctx)
{
   LLVMTypeRef i64 = colibri_int(ctx, 64, false);
   LLVMValueRef args[] = {mask_bits(ctx, colibri_exec_mask(ctx)),
                          colibri_const(ctx, 1, 0, false)};

   return LLVMBuildTrunc(ctx->builder,
                         colibri_intrinsic(ctx, "llvm.cttz", &i64, 1, args, 2),
                         colibri_int(ctx, 32, false), "");
}

/* The lanes that execute and have @value set. */
static LLVMValueRef
ballot(struct colibri_llvm *ctx, LLVMValueRef value)
{
   return LLVMBuildAnd(ctx->builder, colibri_exec_mask(ctx),
                       colibri_widen(ctx, value, true), "");
}

static LLVMValueRef
vote(struct colibri_llvm *ctx, LLVMValueRef value, bool all)
{
   if (all)
      value = LLVMBuildNot(ctx->builder, value, "");
   return LLVMBuildICmp(ctx->builder, all ? LLVMIntEQ : LLVMIntNE,
                        mask_bits(ctx, ballot(ctx, value)),
                        colibri_const(ctx, 64, 0, false), "");
}

LLVMValueRef
colibri_shuffle(struct colibri_llvm *ctx, LLVMValueRef value, LLVMValueRef lane,
                unsigned bits)
{
   LLVMTypeRef lanes32 = colibri_int(ctx, 32, true);

   if (!colibri_is_lanes(value))
      return colibri_splat(ctx, value);
   if (!colibri_is_lanes(lane))
      return colibri_splat(ctx, lane_at(ctx, value, lane));
   if (bits < 32)
      value = LLVMBuildZExt(ctx->builder, value, lanes32, "");

   LLVMValueRef args[] = {
      LLVMGetPoison(colibri_scalable_type(ctx, 32)),
      colibri_to_scalable(ctx, value, 32),
      colibri_to_scalable(ctx, lane, 32),
      colibri_const(ctx, 64, LANES, false),
   };
   LLVMTypeRef types[] = {LLVMTypeOf(args[0]), LLVMTypeOf(args[3])};
   value = colibri_from_scalable(
      ctx, colibri_intrinsic(ctx, "llvm.riscv.vrgather.vv", types, 2, args, 4),
      32);
   return bits < 32 ? LLVMBuildTrunc(ctx->builder, value,
                                     colibri_int(ctx, bits, true), "")
                    : value;
}

static LLVMValueRef
visit_collective(struct colibri_llvm *ctx, nir_intrinsic_instr *intr)
{
   const struct collective c = {
      .ctx = ctx,
      .op = nir_intrinsic_reduction_op(intr),
      .bits = intr->def.bit_size,
      .exclusive = intr->intrinsic == nir_intrinsic_exclusive_scan,
   };

   if (intr->intrinsic != nir_intrinsic_reduce) {
      /* Minimum, maximum, `and` and `or` of what is the same everywhere. */
      if (!intr->def.divergent)
         return colibri_src(ctx, intr->src[0], 0);
      return scan(&c, intr->src[0]);
   }

   const unsigned cluster = nir_intrinsic_cluster_size(intr);
   if ((!cluster || cluster >= LANES) && reduction_name(c.op))
      return reduce_all(&c, intr->src[0]);
   return reduce_clusters(&c, intr->src[0],
                          cluster ? MIN2(cluster, LANES) : LANES);
}

/* Source @i, which is the same for all lanes that execute. */
static LLVMValueRef
uniform_src(struct colibri_llvm *ctx, nir_intrinsic_instr *intr, unsigned i)
{
   LLVMValueRef value = colibri_src(ctx, intr->src[i], 0);

   return colibri_is_lanes(value) ? lane_at(ctx, value, first_lane(ctx)) : value;
}

bool
colibri_llvm_subgroup(struct colibri_llvm *ctx, nir_intrinsic_instr *intr)
{
   LLVMValueRef value;

   switch (intr->intrinsic) {
   case nir_intrinsic_reduce:
   case nir_intrinsic_inclusive_scan:
   case nir_intrinsic_exclusive_scan:
      value = visit_collective(ctx, intr);
      break;
   case nir_intrinsic_vote_any:
   case nir_intrinsic_vote_all:
      value = vote(ctx, colibri_src(ctx, intr->src[0], 0),
                   intr->intrinsic == nir_intrinsic_vote_all);
      break;
   case nir_intrinsic_ballot:
   case nir_intrinsic_ballot_relaxed:
      value = mask_bits(ctx, ballot(ctx, colibri_src(ctx, intr->src[0], 0)));
      break;
   case nir_intrinsic_inverse_ballot:
      value = LLVMBuildBitCast(ctx->builder, uniform_src(ctx, intr, 0),
                               colibri_mask_type(ctx), "");
      break;
   case nir_intrinsic_first_invocation:
      value = first_lane(ctx);
      break;
   case nir_intrinsic_read_first_invocation:
   case nir_intrinsic_as_uniform:
      value = uniform_src(ctx, intr, 0);
      break;
   case nir_intrinsic_read_invocation:
      value = lane_at(ctx, colibri_src(ctx, intr->src[0], 0),
                      uniform_src(ctx, intr, 1));
      break;
   case nir_intrinsic_shuffle:
      value = colibri_shuffle(ctx, colibri_src(ctx, intr->src[0], 0),
                      colibri_src(ctx, intr->src[1], 0), intr->def.bit_size);
      break;
   default:
      return false;
   }
   if (!intr->def.divergent && colibri_is_lanes(value))
      value = lane_at(ctx, value, first_lane(ctx));
   colibri_set_def(ctx, &intr->def, 0,
                   colibri_widen(ctx, value, intr->def.divergent));
   return true;
}
