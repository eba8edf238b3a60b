/* SPDX-License-Identifier: MIT */
/*
 * Round to nearest, ties to max magnitude: the one RISC-V rounding mode that
 * hosts lack.
 *
 * The operation is done in quad precision towards zero, and what was cut off
 * is kept as a sticky bit.  113 bits are more than any format's precision and
 * two, so the final rounding is that of the exact result.
 */
#include "fp.h"

typedef __float128 quad;
typedef unsigned __int128 u128;

#define QUAD_MANT  112
#define QUAD_BIAS  16383
#define QUAD_INF   0x7fff

static u128
quad_bits(quad v)
{
   u128 b;
   memcpy(&b, &v, sizeof(b));
   return b;
}

static uint64_t
pack(bool sign, unsigned fmt, uint64_t magnitude)
{
   return (uint64_t)sign << (cg_fp_mant_bits(fmt) + cg_fp_exp_bits(fmt)) | magnitude;
}

static uint64_t
infinity(unsigned fmt)
{
   return ((1ull << cg_fp_exp_bits(fmt)) - 1) << cg_fp_mant_bits(fmt);
}

/* mant >> shift, ties away from zero. */
static uint64_t
shift_round(u128 mant, int shift, bool *inexact)
{
   if (shift > QUAD_MANT + 1) {
      *inexact = mant != 0;
      return 0;
   }
   u128 rest = mant & (((u128)1 << shift) - 1);
   *inexact = rest != 0;
   return (uint64_t)(mant >> shift) + (rest >= (u128)1 << (shift - 1));
}

/* mant has QUAD_MANT + 1 significant bits and the weight 2^exp at its top. */
static uint64_t
round_pack(bool sign, int exp, u128 mant, unsigned fmt, uint8_t *flags)
{
   int p = (int)cg_fp_mant_bits(fmt) + 1;
   int bias = (1 << (cg_fp_exp_bits(fmt) - 1)) - 1;
   int emin = 1 - bias;
   bool inexact, unused;

   if (exp < emin) {
      uint64_t wide = shift_round(mant, QUAD_MANT + 1 - p, &unused);
      bool tiny = exp < emin - 1 || wide >> p == 0;
      uint64_t r = shift_round(mant, QUAD_MANT + 1 - p + emin - exp, &inexact);
      if (inexact)
         *flags |= CG_NX | (tiny ? CG_UF : 0);
      return pack(sign, fmt, r);
   }

   uint64_t r = shift_round(mant, QUAD_MANT + 1 - p, &inexact);
   if (r >> p) {
      r >>= 1;
      exp++;
   }
   if (exp > bias) {
      *flags |= CG_OF | CG_NX;
      return pack(sign, fmt, infinity(fmt));
   }
   if (inexact)
      *flags |= CG_NX;
   return pack(sign, fmt, ((uint64_t)(exp + bias) << (p - 1)) + r - (1ull << (p - 1)));
}

static uint64_t
round_quad(quad v, bool sticky, unsigned fmt, uint8_t *flags)
{
   u128 b = quad_bits(v);
   bool sign = b >> 127;
   int exp = (int)(b >> QUAD_MANT & QUAD_INF);
   u128 mant = b & (((u128)1 << QUAD_MANT) - 1);

   if (exp == QUAD_INF)
      return mant ? infinity(fmt) | 1ull << (cg_fp_mant_bits(fmt) - 1) : pack(sign, fmt, infinity(fmt));
   if (exp == 0 && mant == 0)
      return pack(sign, fmt, 0);
   return round_pack(sign, exp - QUAD_BIAS, mant | (u128)1 << QUAD_MANT | sticky, fmt, flags);
}

static quad
to_quad(uint64_t bits, unsigned fmt)
{
   switch (fmt) {
   case 1: return (quad)(float)cg_val_h(bits);
   case 2: return (quad)cg_val_s(bits);
   default: return (quad)cg_val_d(bits);
   }
}

static quad
compute(enum cg_fop fop, quad a, quad b, quad c)
{
   switch (fop) {
   case CG_FADD: return a + b;
   case CG_FSUB: return a - b;
   case CG_FMUL: return a * b;
   case CG_FDIV: return a / b;
   case CG_FSQRT: return __builtin_sqrtf128(a);
   case CG_FMA: return a * b + c;
   default: return a;
   }
}

uint64_t
cg_rmm_op(enum cg_fop fop, unsigned from, unsigned to, uint64_t a, uint64_t b, uint64_t c, uint8_t *flags)
{
   uint32_t saved = cg_fp_save();
   cg_fp_clear_flags();
   cg_fp_set_rm(CG_RTZ);
   volatile quad qa = to_quad(a, from), qb = to_quad(b, from), qc = to_quad(c, from);
   volatile quad r = compute(fop, qa, qb, qc);
   uint8_t raised = cg_fp_flags();
   cg_fp_restore(saved);

   *flags |= raised & (CG_NV | CG_DZ);
   return round_quad(r, raised & CG_NX, to, flags);
}

uint64_t
cg_rmm_from_int(bool negative, uint64_t magnitude, unsigned to, uint8_t *flags)
{
   if (magnitude == 0)
      return 0;
   int top = 63 - __builtin_clzll(magnitude);
   return round_pack(negative, top, (u128)magnitude << (QUAD_MANT - top), to, flags);
}
