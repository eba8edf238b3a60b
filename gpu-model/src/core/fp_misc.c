/* SPDX-License-Identifier: MIT */
/*
 * Classes, saturating conversions and the 7-bit estimates.
 */
#include "fp.h"

struct parts {
   bool sign;
   uint64_t exp, mant;
   unsigned mant_bits, exp_bits;
};

static struct parts
split(uint64_t v, unsigned fmt)
{
   struct parts p = { .mant_bits = cg_fp_mant_bits(fmt), .exp_bits = cg_fp_exp_bits(fmt) };
   p.mant = v & ((1ull << p.mant_bits) - 1);
   p.exp = v >> p.mant_bits & ((1ull << p.exp_bits) - 1);
   p.sign = v >> (p.mant_bits + p.exp_bits) & 1;
   return p;
}

static uint64_t
join(const struct parts *p, uint64_t exp, uint64_t mant)
{
   return (uint64_t)p->sign << (p->mant_bits + p->exp_bits) | exp << p->mant_bits | mant;
}

static uint64_t
exp_max(const struct parts *p)
{
   return (1ull << p->exp_bits) - 1;
}

static uint64_t
canonical_nan(const struct parts *p)
{
   return exp_max(p) << p->mant_bits | 1ull << (p->mant_bits - 1);
}

static bool
is_signalling(const struct parts *p)
{
   return p->exp == exp_max(p) && p->mant && !(p->mant >> (p->mant_bits - 1));
}

uint64_t
cg_fp_class(uint64_t v, unsigned fmt)
{
   struct parts p = split(v, fmt);
   if (p.exp == exp_max(&p) && p.mant)
      return is_signalling(&p) ? 1 << 8 : 1 << 9;

   /* 0..3 for infinity, normal, subnormal, zero; positive numbers mirror them. */
   unsigned kind = p.exp == exp_max(&p) ? 0 : p.exp ? 1 : p.mant ? 2 : 3;
   return p.sign ? 1u << kind : 1u << (7 - kind);
}

static double
round_to_integral(double v, unsigned rm)
{
   switch (rm) {
   case CG_RTZ: return trunc(v);
   case CG_RDN: return floor(v);
   case CG_RUP: return ceil(v);
   case CG_RMM: return round(v);
   }
   double down = floor(v), up = ceil(v);
   if (v - down != up - v)
      return v - down < up - v ? down : up;
   return down == 2 * floor(down / 2) ? down : up;
}

uint64_t
cg_fp_to_int(double v, unsigned bits, bool is_signed, unsigned rm, uint8_t *flags)
{
   double limit = bits == 64 ? 0x1p64 : (double)(1ull << bits);
   double min = is_signed ? -limit / 2 : 0, end = is_signed ? limit / 2 : limit;
   uint64_t max_int = (is_signed ? 1ull << (bits - 1) : bits == 64 ? 0 : 1ull << bits) - 1;
   uint64_t min_int = is_signed ? (uint64_t)-(int64_t)max_int - 1 : 0;
   uint64_t r;

   /* The side computation must leave no trace but what is decided here. */
   uint32_t saved = cg_fp_save();
   volatile double input = v;
   double whole = v == v ? round_to_integral(input, rm) : 0;
   if (v != v || whole >= end || whole < min) {
      r = v != v || whole >= end ? max_int : min_int;
      *flags |= CG_NV;
   } else {
      r = whole < 0 ? (uint64_t)(int64_t)whole : (uint64_t)whole;
      if (whole != v)
         *flags |= CG_NX;
   }
   cg_fp_restore(saved);
   return bits == 32 ? (uint64_t)(int64_t)(int32_t)r : r;
}

/* Does the mode round q away from zero, given what was cut off? */
static bool
rounds_up(unsigned rm, bool sign, uint32_t q, uint32_t rest, uint32_t half)
{
   switch (rm) {
   case CG_RNE: return rest > half || (rest == half && (q & 1));
   case CG_RDN: return sign && rest;
   case CG_RUP: return !sign && rest;
   case CG_RMM: return rest >= half;
   default: return false;
   }
}

static uint32_t
shift_round(uint32_t mant, unsigned shift, unsigned rm, bool sign, bool *inexact)
{
   uint32_t q = mant >> shift, rest = mant & ((1u << shift) - 1);
   *inexact = rest != 0;
   return q + rounds_up(rm, sign, q, rest, 1u << (shift - 1));
}

static uint16_t
half_overflow(bool sign, unsigned rm, uint8_t *flags)
{
   bool to_max = rm == CG_RTZ || rm == (sign ? CG_RUP : CG_RDN);
   *flags |= CG_OF | CG_NX;
   return (uint16_t)(sign << 15 | (to_max ? 0x7bff : 0x7c00));
}

f16
cg_fp_half_from_single(float v, unsigned rm, uint8_t *flags)
{
   uint32_t bits = cg_bits_s(v);
   bool sign = bits >> 31, inexact, unused;
   int exp = (int)(bits >> 23 & 0xff) - 127;
   uint32_t mant = (bits & 0x7fffff) | (exp > -127 ? 1u << 23 : 0);

   if (exp == 128) {
      bool nan = bits << 9;
      if (nan && !(bits & 0x400000))
         *flags |= CG_NV;
      return cg_val_h(nan ? CG_NAN_H : (uint16_t)(sign << 15 | 0x7c00));
   }
   if (mant == 0)
      return cg_val_h((uint16_t)(sign << 15));
   if (exp >= -14) {
      uint32_t q = shift_round(mant, 13, rm, sign, &inexact) + ((uint32_t)(exp + 14) << 10);
      if (q >= 0x7c00)
         return cg_val_h(half_overflow(sign, rm, flags));
      *flags |= inexact ? CG_NX : 0;
      return cg_val_h((uint16_t)(sign << 15 | q));
   }
   /* Tiny unless it would round up to the least normal number with all its precision. */
   bool tiny = exp < -15 || shift_round(mant, 13, rm, sign, &unused) >> 11 == 0;
   unsigned shift = -1 - exp < 26 ? (unsigned)(-1 - exp) : 26;
   uint32_t q = shift_round(mant, shift, rm, sign, &inexact);
   *flags |= inexact ? CG_NX | (tiny ? CG_UF : 0) : 0;
   return cg_val_h((uint16_t)(sign << 15 | q));
}

f16
cg_fp_half_from_double(double v, unsigned rm, uint8_t *flags)
{
   /* Beyond these a half overflows, or is a sticky bit. */
   const uint64_t top = 0x4130000000000000ull, bottom = 0x3d70000000000000ull, sign_bit = 1ull << 63;
   uint64_t bits = cg_bits_d(v), magnitude = bits & ~sign_bit, low = bits & 0x1fffffff;

   if (v != v)
      return cg_fp_half_from_single(cg_val_s(bits >> 51 & 1 ? CG_NAN_S : 0x7f800001), rm, flags);
   if (magnitude > top && magnitude < 0x7ff0000000000000ull)
      bits = (bits & sign_bit) | top;
   else if (magnitude < bottom && magnitude != 0)
      bits = (bits & sign_bit) | bottom;
   else
      bits = (bits & ~0x1fffffffull) | (uint64_t)(low != 0) << 29;
   return cg_fp_half_from_single((float)cg_val_d(bits), rm, flags);
}

/* A subnormal's mantissa with its leading one dropped; exp becomes what it would be. */
static void
normalize(struct parts *p)
{
   if (p->exp != 0)
      return;
   unsigned shift = p->mant_bits - (63 - (unsigned)__builtin_clzll(p->mant));
   p->exp = 1 - (uint64_t)shift;
   p->mant = p->mant << shift & ((1ull << p->mant_bits) - 1);
}

/* 1/x of the middle of the interval of x's top 7 mantissa bits, 7 bits after the leading one. */
static uint64_t
rec7_estimate(unsigned index)
{
   return ((131072 / (257 + 2 * index) + 1) >> 1) - 128;
}

/* 1/sqrt(x) likewise: index < 64 for x in [2, 4), else [1, 2). */
static uint64_t
rsqrt7_estimate(unsigned index)
{
   uint64_t n = 129 + 2 * (index & 63), den = index < 64 ? 64 : 128;
   unsigned k = 0;
   for (unsigned bit = 64; bit; bit >>= 1) {
      uint64_t half = 2 * (uint64_t)(k + bit + 128) - 1;
      if (half * half * n <= 4 * 65536 * den)
         k += bit;
   }
   return k;
}

uint64_t
cg_fp_rec7(uint64_t v, unsigned fmt, unsigned rm, uint8_t *flags)
{
   struct parts p = split(v, fmt);
   if (p.exp == exp_max(&p)) {
      if (is_signalling(&p))
         *flags |= CG_NV;
      return p.mant ? canonical_nan(&p) : join(&p, 0, 0);
   }
   if (p.exp == 0 && p.mant == 0) {
      *flags |= CG_DZ;
      return join(&p, exp_max(&p), 0);
   }
   if (p.exp == 0 && p.mant >> (p.mant_bits - 2) == 0) {
      bool to_max = rm == CG_RTZ || rm == (p.sign ? CG_RUP : CG_RDN);
      *flags |= CG_OF | CG_NX;
      return to_max ? join(&p, exp_max(&p), 0) - 1 : join(&p, exp_max(&p), 0);
   }

   normalize(&p);
   uint64_t bias = exp_max(&p) >> 1;
   int64_t exp = (int64_t)(2 * bias - 1 - p.exp);
   uint64_t mant = rec7_estimate(p.mant >> (p.mant_bits - 7)) << (p.mant_bits - 7);
   if (exp <= 0) {
      mant = (mant | 1ull << p.mant_bits) >> (1 - exp);
      exp = 0;
   }
   return join(&p, (uint64_t)exp, mant);
}

uint64_t
cg_fp_rsqrt7(uint64_t v, unsigned fmt, uint8_t *flags)
{
   struct parts p = split(v, fmt);
   bool zero = p.exp == 0 && p.mant == 0;
   bool nan = p.exp == exp_max(&p) && p.mant;

   if (nan || (p.sign && !zero)) {
      if (!nan || is_signalling(&p))
         *flags |= CG_NV;
      return canonical_nan(&p);
   }
   if (zero) {
      *flags |= CG_DZ;
      return join(&p, exp_max(&p), 0);
   }
   if (p.exp == exp_max(&p))
      return 0;

   normalize(&p);
   uint64_t bias = exp_max(&p) >> 1;
   unsigned index = (unsigned)(p.exp & 1) << 6 | (unsigned)(p.mant >> (p.mant_bits - 6));
   return join(&p, (3 * bias - 1 - p.exp) / 2, rsqrt7_estimate(index) << (p.mant_bits - 7));
}
