/*
 * Copyright © 2026 Colibri developers
 * SPDX-License-Identifier: MIT
 */

/* Arithmetic: one NIR ALU instruction, lane by lane or scalar. */
#include "colibri_llvm.h"

/* What every operation needs to know of its instruction. */
struct alu {
   struct colibri_llvm *ctx;
   LLVMBuilderRef b;
   nir_alu_instr *instr;
   bool divergent;
   /** Bits of the result and of the first source. */
   unsigned bits;
   unsigned src_bits;
   LLVMValueRef src[4];
   /** The sources that are the same for all lanes, before they are widened. */
   LLVMValueRef uniform[4];
};

static LLVMTypeRef
int_type(struct alu *a, unsigned bits)
{
   return colibri_int(a->ctx, bits, a->divergent);
}

static LLVMValueRef
int_const(struct alu *a, unsigned bits, uint64_t value)
{
   return colibri_const(a->ctx, bits, value, a->divergent);
}

static LLVMValueRef
as_float(struct alu *a, LLVMValueRef value, unsigned bits)
{
   return LLVMBuildBitCast(a->b, value,
                           colibri_float(a->ctx, bits, a->divergent), "");
}

static LLVMValueRef
as_int(struct alu *a, LLVMValueRef value, unsigned bits)
{
   return LLVMBuildBitCast(a->b, value, int_type(a, bits), "");
}

/* A uniform source is cast before it is widened: then LLVM sees the scalar. */
static LLVMValueRef
fsrc(struct alu *a, unsigned i)
{
   const unsigned bits = nir_src_bit_size(a->instr->src[i].src);

   if (a->uniform[i])
      return colibri_widen(
         a->ctx,
         LLVMBuildBitCast(a->b, a->uniform[i],
                          colibri_float(a->ctx, bits, false), ""),
         a->divergent);
   return as_float(a, a->src[i], bits);
}

static LLVMValueRef
float_const(struct alu *a, unsigned bits, double value)
{
   LLVMValueRef scalar =
      LLVMConstReal(colibri_float(a->ctx, bits, false), value);

   return colibri_widen(a->ctx, scalar, a->divergent);
}

/* Intrinsics whose sources and result have one type. */
static LLVMValueRef
same_type(struct alu *a, const char *name, LLVMValueRef *args, unsigned n)
{
   LLVMTypeRef type = LLVMTypeOf(args[0]);

   return colibri_intrinsic(a->ctx, name, &type, 1, args, n);
}

static LLVMValueRef
float_intrinsic(struct alu *a, const char *name, unsigned n)
{
   LLVMValueRef args[3];

   for (unsigned i = 0; i < n; i++)
      args[i] = fsrc(a, i);
   return as_int(a, same_type(a, name, args, n), a->bits);
}

static LLVMValueRef
int_intrinsic(struct alu *a, const char *name, unsigned n)
{
   return same_type(a, name, a->src, n);
}

/* Intrinsics such as ctlz: the flag says whether 0 (or the minimum) is poison. */
static LLVMValueRef
flag_intrinsic(struct alu *a, const char *name)
{
   LLVMTypeRef type = LLVMTypeOf(a->src[0]);
   LLVMValueRef args[] = {
      a->src[0], LLVMConstInt(colibri_int(a->ctx, 1, false), 0, false)};

   return colibri_intrinsic(a->ctx, name, &type, 1, args, 2);
}

static LLVMValueRef
float_compare(struct alu *a, LLVMRealPredicate predicate)
{
   return LLVMBuildFCmp(a->b, predicate, fsrc(a, 0), fsrc(a, 1), "");
}

static LLVMValueRef
int_compare(struct alu *a, LLVMIntPredicate predicate)
{
   return LLVMBuildICmp(a->b, predicate, a->src[0], a->src[1], "");
}

/* The count is taken modulo the width; LLVM has poison beyond. */
static LLVMValueRef
shift(struct alu *a, LLVMOpcode opcode)
{
   unsigned count_bits = nir_src_bit_size(a->instr->src[1].src);
   LLVMValueRef count = a->src[1];

   if (count_bits > a->bits)
      count = LLVMBuildTrunc(a->b, count, int_type(a, a->bits), "");
   else if (count_bits < a->bits)
      count = LLVMBuildZExt(a->b, count, int_type(a, a->bits), "");
   count = LLVMBuildAnd(a->b, count, int_const(a, a->bits, a->bits - 1), "");
   return LLVMBuildBinOp(a->b, opcode, a->src[0], count, "");
}

/*
 * Division by zero and the overflow of INT_MIN / -1 are undefined in LLVM, for
 * lanes that do not execute as well. Such lanes divide by one.
 */
static LLVMValueRef
safe_divisor(struct alu *a, bool is_signed)
{
   LLVMValueRef bad =
      LLVMBuildICmp(a->b, LLVMIntEQ, a->src[1], int_const(a, a->bits, 0), "");

   if (is_signed) {
      LLVMValueRef lowest = LLVMBuildICmp(
         a->b, LLVMIntEQ, a->src[0],
         int_const(a, a->bits, 1ull << (a->bits - 1)), "");
      LLVMValueRef minus = LLVMBuildICmp(a->b, LLVMIntEQ, a->src[1],
                                         int_const(a, a->bits, ~0ull), "");
      bad = LLVMBuildOr(a->b, bad, LLVMBuildAnd(a->b, lowest, minus, ""), "");
   }
   /* Else LLVM may take the division itself for proof that @bad is false. */
   LLVMValueRef divisor = LLVMBuildSelect(
      a->b, bad, int_const(a, a->bits, 1), a->src[1], "");
   return LLVMBuildFreeze(a->b, divisor, "");
}

static LLVMValueRef
divide(struct alu *a, LLVMOpcode opcode)
{
   bool is_signed = opcode == LLVMSDiv || opcode == LLVMSRem;
   LLVMValueRef dividend = LLVMBuildFreeze(a->b, a->src[0], "");

   a->src[0] = dividend;
   a->src[1] = LLVMBuildFreeze(a->b, a->src[1], "");
   return LLVMBuildBinOp(a->b, opcode, dividend, safe_divisor(a, is_signed),
                         "");
}

/* The remainder with the sign of the divisor. */
static LLVMValueRef
imod(struct alu *a)
{
   LLVMValueRef zero = int_const(a, a->bits, 0);
   LLVMValueRef rem = divide(a, LLVMSRem);
   LLVMValueRef signs = LLVMBuildXor(a->b, rem, a->src[1], "");
   LLVMValueRef differ = LLVMBuildICmp(a->b, LLVMIntSLT, signs, zero, "");
   LLVMValueRef nonzero = LLVMBuildICmp(a->b, LLVMIntNE, rem, zero, "");

   return LLVMBuildSelect(a->b, LLVMBuildAnd(a->b, differ, nonzero, ""),
                          LLVMBuildAdd(a->b, rem, a->src[1], ""), rem, "");
}

static LLVMValueRef
extend(struct alu *a, LLVMValueRef value, unsigned bits, bool is_signed)
{
   return is_signed ? LLVMBuildSExt(a->b, value, int_type(a, bits), "")
                    : LLVMBuildZExt(a->b, value, int_type(a, bits), "");
}

static LLVMValueRef
wide_multiply(struct alu *a, bool is_signed)
{
   unsigned wide = a->src_bits * 2;

   return LLVMBuildMul(a->b, extend(a, a->src[0], wide, is_signed),
                       extend(a, a->src[1], wide, is_signed), "");
}

static LLVMValueRef
multiply_high(struct alu *a, bool is_signed)
{
   LLVMValueRef high =
      LLVMBuildLShr(a->b, wide_multiply(a, is_signed),
                    int_const(a, a->bits * 2, a->bits), "");

   return LLVMBuildTrunc(a->b, high, int_type(a, a->bits), "");
}

static LLVMValueRef
absolute_difference(struct alu *a, bool is_signed)
{
   LLVMValueRef max = int_intrinsic(a, is_signed ? "llvm.smax" : "llvm.umax", 2);
   LLVMValueRef min = int_intrinsic(a, is_signed ? "llvm.smin" : "llvm.umin", 2);

   return LLVMBuildSub(a->b, max, min, "");
}

/* -1, 0 or 1; a NaN has the sign 0, as OpenCL wants it. */
static LLVMValueRef
fsign(struct alu *a)
{
   LLVMValueRef x = fsrc(a, 0);
   LLVMValueRef zero = float_const(a, a->bits, 0.0);
   LLVMValueRef args[] = {float_const(a, a->bits, 1.0), x};
   LLVMValueRef one = same_type(a, "llvm.copysign", args, 2);
   LLVMValueRef nonzero = LLVMBuildFCmp(a->b, LLVMRealONE, x, zero, "");
   LLVMValueRef is_nan = LLVMBuildFCmp(a->b, LLVMRealUNO, x, x, "");
   LLVMValueRef r = LLVMBuildSelect(a->b, nonzero, one, x, "");

   return as_int(a, LLVMBuildSelect(a->b, is_nan, zero, r, ""), a->bits);
}

static LLVMValueRef
fsat(struct alu *a)
{
   LLVMValueRef low[] = {fsrc(a, 0), float_const(a, a->bits, 0.0)};
   LLVMValueRef high[] = {same_type(a, "llvm.maxnum", low, 2),
                          float_const(a, a->bits, 1.0)};

   return as_int(a, same_type(a, "llvm.minnum", high, 2), a->bits);
}

static LLVMValueRef
reciprocal(struct alu *a, LLVMValueRef x)
{
   return as_int(a, LLVMBuildFDiv(a->b, float_const(a, a->bits, 1.0), x, ""),
                 a->bits);
}

static LLVMValueRef
frsq(struct alu *a)
{
   LLVMValueRef x = fsrc(a, 0);

   return reciprocal(a, same_type(a, "llvm.sqrt", &x, 1));
}

/* x + (y - x) * t, as OpenCL defines mix(). */
static LLVMValueRef
flrp(struct alu *a)
{
   LLVMValueRef x = fsrc(a, 0);
   LLVMValueRef args[] = {
      fsrc(a, 2), LLVMBuildFSub(a->b, fsrc(a, 1), x, ""), x};

   return as_int(a, same_type(a, "llvm.fma", args, 3), a->bits);
}

static LLVMValueRef
fisfinite(struct alu *a)
{
   LLVMValueRef x = fsrc(a, 0);
   LLVMValueRef abs = same_type(a, "llvm.fabs", &x, 1);

   return LLVMBuildFCmp(a->b, LLVMRealOLT, abs,
                        float_const(a, a->src_bits, INFINITY), "");
}

/* Float to float; two roundings never happen, f64 -> f16 is one operation. */
static LLVMValueRef
convert_float(struct alu *a)
{
   LLVMValueRef x = fsrc(a, 0);
   LLVMTypeRef type = colibri_float(a->ctx, a->bits, a->divergent);

   return as_int(a, LLVMBuildFPCast(a->b, x, type, ""), a->bits);
}

/* Rounds to nearest, then takes back a step away from zero. */
static LLVMValueRef
convert_f2f16_rtz(struct alu *a)
{
   LLVMValueRef x = fsrc(a, 0);
   LLVMTypeRef type = LLVMTypeOf(x);
   LLVMValueRef half = LLVMBuildFPTrunc(
      a->b, x, colibri_float(a->ctx, 16, a->divergent), "");
   LLVMValueRef back = LLVMBuildFPExt(a->b, half, type, "");
   LLVMValueRef away = LLVMBuildFCmp(
      a->b, LLVMRealOGT, same_type(a, "llvm.fabs", &back, 1),
      same_type(a, "llvm.fabs", &x, 1), "");

   return LLVMBuildSub(a->b, as_int(a, half, 16),
                       LLVMBuildZExt(a->b, away, int_type(a, 16), ""), "");
}

/* Saturating, as the hardware does it: plain LLVM conversions have poison. */
static LLVMValueRef
float_to_int(struct alu *a, const char *name)
{
   LLVMValueRef x = fsrc(a, 0);
   LLVMTypeRef types[] = {int_type(a, a->bits), LLVMTypeOf(x)};

   return colibri_intrinsic(a->ctx, name, types, 2, &x, 1);
}

static LLVMValueRef
int_to_float(struct alu *a, bool is_signed)
{
   LLVMTypeRef type = colibri_float(a->ctx, a->bits, a->divergent);
   LLVMValueRef r = is_signed ? LLVMBuildSIToFP(a->b, a->src[0], type, "")
                              : LLVMBuildUIToFP(a->b, a->src[0], type, "");

   return as_int(a, r, a->bits);
}

static LLVMValueRef
bool_to_float(struct alu *a)
{
   LLVMValueRef one = as_int(a, float_const(a, a->bits, 1.0), a->bits);

   return LLVMBuildSelect(a->b, a->src[0], one, int_const(a, a->bits, 0), "");
}

static LLVMValueRef
convert_int(struct alu *a, bool is_signed)
{
   if (a->bits < a->src_bits)
      return LLVMBuildTrunc(a->b, a->src[0], int_type(a, a->bits), "");
   if (a->bits == a->src_bits)
      return a->src[0];
   return extend(a, a->src[0], a->bits, is_signed);
}

/* Joins parts of equal size, the first being the lowest. */
static LLVMValueRef
pack(struct alu *a, LLVMValueRef *parts, unsigned count, unsigned part_bits)
{
   LLVMValueRef r = int_const(a, a->bits, 0);

   for (unsigned i = 0; i < count; i++) {
      LLVMValueRef part = extend(a, parts[i], a->bits, false);
      LLVMValueRef amount = int_const(a, a->bits, i * part_bits);

      r = LLVMBuildOr(a->b, r, LLVMBuildShl(a->b, part, amount, ""), "");
   }
   return r;
}

static LLVMValueRef
unpack(struct alu *a, unsigned part)
{
   LLVMValueRef amount = int_const(a, a->src_bits, part * a->bits);
   LLVMValueRef shifted = LLVMBuildLShr(a->b, a->src[0], amount, "");

   return LLVMBuildTrunc(a->b, shifted, int_type(a, a->bits), "");
}

/* Two floats as halves of one value. */
static LLVMValueRef
pack_half(struct alu *a)
{
   LLVMTypeRef type = colibri_float(a->ctx, 16, a->divergent);
   LLVMValueRef parts[2];

   for (unsigned i = 0; i < 2; i++)
      parts[i] = as_int(a, LLVMBuildFPTrunc(a->b, fsrc(a, i), type, ""), 16);
   return pack(a, parts, 2, 16);
}

static LLVMValueRef
unpack_half(struct alu *a, unsigned part)
{
   LLVMValueRef amount = int_const(a, 32, part * 16);
   LLVMValueRef shifted = LLVMBuildLShr(a->b, a->src[0], amount, "");
   LLVMValueRef half = LLVMBuildTrunc(a->b, shifted, int_type(a, 16), "");
   LLVMTypeRef type = colibri_float(a->ctx, 32, a->divergent);

   return as_int(a, LLVMBuildFPExt(a->b, as_float(a, half, 16), type, ""), 32);
}

static LLVMValueRef
float_binop(struct alu *a, LLVMOpcode opcode)
{
   LLVMValueRef r =
      LLVMBuildBinOp(a->b, opcode, fsrc(a, 0), fsrc(a, 1), "");

   return as_int(a, r, a->bits);
}

static LLVMValueRef
int_binop(struct alu *a, LLVMOpcode opcode)
{
   return LLVMBuildBinOp(a->b, opcode, a->src[0], a->src[1], "");
}

/* Bit counts: 32 bits whatever the source has. */
static LLVMValueRef
count_result(struct alu *a, LLVMValueRef count)
{
   if (a->src_bits > 32)
      return LLVMBuildTrunc(a->b, count, int_type(a, 32), "");
   if (a->src_bits < 32)
      return LLVMBuildZExt(a->b, count, int_type(a, 32), "");
   return count;
}

/* @value, or -1 where the source is 0. */
static LLVMValueRef
minus_one_if_zero(struct alu *a, LLVMValueRef value)
{
   LLVMValueRef zero = LLVMBuildICmp(a->b, LLVMIntEQ, a->src[0],
                                     int_const(a, a->src_bits, 0), "");

   return LLVMBuildSelect(a->b, zero, int_const(a, 32, ~0u), value, "");
}

static LLVMValueRef
ufind_msb(struct alu *a)
{
   LLVMValueRef zeros = count_result(a, flag_intrinsic(a, "llvm.ctlz"));

   return LLVMBuildSub(a->b, int_const(a, 32, a->src_bits - 1), zeros, "");
}

static LLVMValueRef
float_op(struct alu *a)
{
   switch (a->instr->op) {
   case nir_op_fneg:
      return as_int(a, LLVMBuildFNeg(a->b, fsrc(a, 0), ""), a->bits);
   case nir_op_fabs: return float_intrinsic(a, "llvm.fabs", 1);
   case nir_op_fsign: return fsign(a);
   case nir_op_fsat: return fsat(a);
   case nir_op_frcp: return reciprocal(a, fsrc(a, 0));
   case nir_op_frsq: return frsq(a);
   case nir_op_fsqrt: return float_intrinsic(a, "llvm.sqrt", 1);
   case nir_op_ftrunc: return float_intrinsic(a, "llvm.trunc", 1);
   case nir_op_fceil: return float_intrinsic(a, "llvm.ceil", 1);
   case nir_op_ffloor: return float_intrinsic(a, "llvm.floor", 1);
   case nir_op_fround_even: return float_intrinsic(a, "llvm.roundeven", 1);
   case nir_op_fadd: return float_binop(a, LLVMFAdd);
   case nir_op_fsub: return float_binop(a, LLVMFSub);
   case nir_op_fmul: return float_binop(a, LLVMFMul);
   case nir_op_fdiv: return float_binop(a, LLVMFDiv);
   case nir_op_fmin: return float_intrinsic(a, "llvm.minnum", 2);
   case nir_op_fmax: return float_intrinsic(a, "llvm.maxnum", 2);
   case nir_op_ffma: return float_intrinsic(a, "llvm.fma", 3);
   case nir_op_flrp: return flrp(a);
   case nir_op_flt: return float_compare(a, LLVMRealOLT);
   case nir_op_fge: return float_compare(a, LLVMRealOGE);
   case nir_op_feq: return float_compare(a, LLVMRealOEQ);
   case nir_op_fneu: return float_compare(a, LLVMRealUNE);
   case nir_op_fltu: return float_compare(a, LLVMRealULT);
   case nir_op_fgeu: return float_compare(a, LLVMRealUGE);
   case nir_op_fequ: return float_compare(a, LLVMRealUEQ);
   case nir_op_fneo: return float_compare(a, LLVMRealONE);
   case nir_op_ford: return float_compare(a, LLVMRealORD);
   case nir_op_funord: return float_compare(a, LLVMRealUNO);
   case nir_op_fisfinite: return fisfinite(a);
   default: return NULL;
   }
}

static LLVMValueRef
int_op(struct alu *a)
{
   switch (a->instr->op) {
   case nir_op_ineg: return LLVMBuildNeg(a->b, a->src[0], "");
   case nir_op_inot: return LLVMBuildNot(a->b, a->src[0], "");
   case nir_op_iabs: return flag_intrinsic(a, "llvm.abs");
   case nir_op_iadd: return int_binop(a, LLVMAdd);
   case nir_op_isub: return int_binop(a, LLVMSub);
   case nir_op_imul: return int_binop(a, LLVMMul);
   case nir_op_iand: return int_binop(a, LLVMAnd);
   case nir_op_ior: return int_binop(a, LLVMOr);
   case nir_op_ixor: return int_binop(a, LLVMXor);
   case nir_op_ishl: return shift(a, LLVMShl);
   case nir_op_ishr: return shift(a, LLVMAShr);
   case nir_op_ushr: return shift(a, LLVMLShr);
   case nir_op_idiv: return divide(a, LLVMSDiv);
   case nir_op_udiv: return divide(a, LLVMUDiv);
   case nir_op_irem: return divide(a, LLVMSRem);
   case nir_op_umod: return divide(a, LLVMURem);
   case nir_op_imod: return imod(a);
   case nir_op_imul_high: return multiply_high(a, true);
   case nir_op_umul_high: return multiply_high(a, false);
   case nir_op_imul_2x32_64: return wide_multiply(a, true);
   case nir_op_umul_2x32_64: return wide_multiply(a, false);
   case nir_op_iadd_sat: return int_intrinsic(a, "llvm.sadd.sat", 2);
   case nir_op_uadd_sat: return int_intrinsic(a, "llvm.uadd.sat", 2);
   case nir_op_isub_sat: return int_intrinsic(a, "llvm.ssub.sat", 2);
   case nir_op_usub_sat: return int_intrinsic(a, "llvm.usub.sat", 2);
   case nir_op_imin: return int_intrinsic(a, "llvm.smin", 2);
   case nir_op_umin: return int_intrinsic(a, "llvm.umin", 2);
   case nir_op_imax: return int_intrinsic(a, "llvm.smax", 2);
   case nir_op_umax: return int_intrinsic(a, "llvm.umax", 2);
   case nir_op_uabs_isub: return absolute_difference(a, true);
   case nir_op_uabs_usub: return absolute_difference(a, false);
   case nir_op_ilt: return int_compare(a, LLVMIntSLT);
   case nir_op_ige: return int_compare(a, LLVMIntSGE);
   case nir_op_ieq: return int_compare(a, LLVMIntEQ);
   case nir_op_ine: return int_compare(a, LLVMIntNE);
   case nir_op_ult: return int_compare(a, LLVMIntULT);
   case nir_op_uge: return int_compare(a, LLVMIntUGE);
   case nir_op_bitfield_reverse: return int_intrinsic(a, "llvm.bitreverse", 1);
   case nir_op_bit_count:
      return count_result(a, int_intrinsic(a, "llvm.ctpop", 1));
   case nir_op_uclz: return count_result(a, flag_intrinsic(a, "llvm.ctlz"));
   case nir_op_ufind_msb: return ufind_msb(a);
   case nir_op_find_lsb:
      return minus_one_if_zero(
         a, count_result(a, flag_intrinsic(a, "llvm.cttz")));
   default: return NULL;
   }
}

static LLVMValueRef
move_op(struct alu *a)
{
   switch (a->instr->op) {
   case nir_op_mov: return a->src[0];
   case nir_op_bcsel:
      return LLVMBuildSelect(a->b, a->src[0], a->src[1], a->src[2], "");
   case nir_op_pack_64_2x32_split: return pack(a, a->src, 2, 32);
   case nir_op_pack_32_2x16_split: return pack(a, a->src, 2, 16);
   case nir_op_pack_32_4x8_split: return pack(a, a->src, 4, 8);
   case nir_op_pack_half_2x16_split: return pack_half(a);
   case nir_op_unpack_half_2x16_split_x: return unpack_half(a, 0);
   case nir_op_unpack_half_2x16_split_y: return unpack_half(a, 1);
   case nir_op_unpack_64_2x32_split_x:
   case nir_op_unpack_32_2x16_split_x: return unpack(a, 0);
   case nir_op_unpack_64_2x32_split_y:
   case nir_op_unpack_32_2x16_split_y: return unpack(a, 1);
   default: return NULL;
   }
}

static LLVMValueRef
conversion_op(struct alu *a)
{
   switch (a->instr->op) {
   case nir_op_f2f16:
   case nir_op_f2f16_rtne:
   case nir_op_f2f32:
   case nir_op_f2f64: return convert_float(a);
   case nir_op_f2f16_rtz: return convert_f2f16_rtz(a);
   case nir_op_f2i8:
   case nir_op_f2i16:
   case nir_op_f2i32:
   case nir_op_f2i64: return float_to_int(a, "llvm.fptosi.sat");
   case nir_op_f2u8:
   case nir_op_f2u16:
   case nir_op_f2u32:
   case nir_op_f2u64: return float_to_int(a, "llvm.fptoui.sat");
   case nir_op_i2f16:
   case nir_op_i2f32:
   case nir_op_i2f64: return int_to_float(a, true);
   case nir_op_u2f16:
   case nir_op_u2f32:
   case nir_op_u2f64: return int_to_float(a, false);
   case nir_op_i2i1:
   case nir_op_i2i8:
   case nir_op_i2i16:
   case nir_op_i2i32:
   case nir_op_i2i64: return convert_int(a, true);
   case nir_op_u2u1:
   case nir_op_u2u8:
   case nir_op_u2u16:
   case nir_op_u2u32:
   case nir_op_u2u64:
   case nir_op_b2i8:
   case nir_op_b2i16:
   case nir_op_b2i32:
   case nir_op_b2i64: return convert_int(a, false);
   case nir_op_b2f16:
   case nir_op_b2f32:
   case nir_op_b2f64: return bool_to_float(a);
   default: return NULL;
   }
}

static LLVMValueRef
translate(struct alu *a)
{
   LLVMValueRef r = move_op(a);

   if (!r)
      r = conversion_op(a);
   if (!r)
      r = float_op(a);
   if (!r)
      r = int_op(a);
   if (!r)
      colibri_llvm_error(a->ctx, "%u-bit operation %s is not supported",
                         a->bits, nir_op_infos[a->instr->op].name);
   return r;
}

/* Component @comp of source @i, as lanes if the result is. */
static LLVMValueRef
source(struct alu *a, unsigned i, unsigned comp)
{
   const nir_alu_src *src = &a->instr->src[i];

   return colibri_widen(a->ctx,
                        colibri_src(a->ctx, src->src, src->swizzle[comp]),
                        a->divergent);
}

/* Operations that take or give whole vectors: nothing but moving bits. */
static bool
translate_horizontal(struct alu *a)
{
   LLVMValueRef parts[8];
   unsigned count = nir_op_infos[a->instr->op].input_sizes[0];

   switch (a->instr->op) {
   case nir_op_pack_64_2x32:
   case nir_op_pack_64_4x16:
   case nir_op_pack_32_2x16:
   case nir_op_pack_32_4x8:
      for (unsigned i = 0; i < count; i++)
         parts[i] = source(a, 0, i);
      colibri_set_def(a->ctx, &a->instr->def, 0,
                      pack(a, parts, count, a->src_bits));
      return true;
   case nir_op_unpack_64_2x32:
   case nir_op_unpack_64_4x16:
   case nir_op_unpack_32_2x16:
   case nir_op_unpack_32_4x8:
      a->src[0] = source(a, 0, 0);
      for (unsigned i = 0; i < a->instr->def.num_components; i++)
         colibri_set_def(a->ctx, &a->instr->def, i, unpack(a, i));
      return true;
   default:
      if (!nir_op_is_vec(a->instr->op))
         return false;
      for (unsigned i = 0; i < a->instr->def.num_components; i++)
         colibri_set_def(a->ctx, &a->instr->def, i, source(a, i, 0));
      return true;
   }
}

void
colibri_llvm_alu(struct colibri_llvm *ctx, nir_alu_instr *instr)
{
   const nir_op_info *info = &nir_op_infos[instr->op];
   struct alu a = {
      .ctx = ctx,
      .b = ctx->builder,
      .instr = instr,
      .divergent = instr->def.divergent,
      .bits = instr->def.bit_size,
      .src_bits = nir_src_bit_size(instr->src[0].src),
   };

   if (colibri_llvm_affine_alu(ctx, instr) || translate_horizontal(&a))
      return;
   for (unsigned c = 0; c < instr->def.num_components; c++) {
      for (unsigned i = 0; i < info->num_inputs; i++) {
         LLVMValueRef value =
            colibri_src(ctx, instr->src[i].src, instr->src[i].swizzle[c]);

         a.uniform[i] = colibri_is_lanes(value) ? NULL : value;
         a.src[i] = colibri_widen(ctx, value, a.divergent);
      }
      LLVMValueRef r = translate(&a);
      if (!r)
         return;
      colibri_set_def(ctx, &instr->def, c, r);
   }
}
