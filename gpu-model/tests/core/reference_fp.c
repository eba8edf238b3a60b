/* SPDX-License-Identifier: MIT */
/*
 * See reference.h: floating point.  Each operation is done in quad precision
 * towards zero, what is lost becomes a sticky bit, and one routine rounds to
 * any format by any mode.
 */
#include <fenv.h>
#include <math.h>
#include <string.h>

#include "reference.h"

typedef __float128 quad;
typedef unsigned __int128 u128;

enum { NX = 1, UF = 2, OF = 4, DZ = 8, NV = 16 };
enum { RNE, RTZ, RDN, RUP, RMM, ODD };

#define VD(r)  ((r)->insn >> 7 & 31)
#define VS1(r) ((r)->insn >> 15 & 31)
#define VS2(r) ((r)->insn >> 20 & 31)
#define F6(r)  ((r)->insn >> 26)
#define IS_VF(r) (((r)->insn >> 12 & 7) == 5)

struct format {
   unsigned mant, exp;
};

static struct format
format(unsigned bits)
{
   return bits == 16 ? (struct format){ 10, 5 } : bits == 32 ? (struct format){ 23, 8 } : (struct format){ 52, 11 };
}

static u64
exp_ones(unsigned bits)
{
   struct format f = format(bits);
   return ((1ull << f.exp) - 1) << f.mant;
}

static u64
sign_bit(unsigned bits)
{
   return 1ull << (bits - 1);
}

static u64
nan_of(unsigned bits)
{
   return exp_ones(bits) | 1ull << (format(bits).mant - 1);
}

static bool
is_nan(u64 v, unsigned bits)
{
   return (v & ~sign_bit(bits)) > exp_ones(bits);
}

static bool
is_snan(u64 v, unsigned bits)
{
   return is_nan(v, bits) && !(v >> (format(bits).mant - 1) & 1);
}

u64
ref_unbox(u64 f, unsigned bits)
{
   if (bits == 64)
      return f;
   return f >> bits == ~0ull >> bits ? f & ((1ull << bits) - 1) : nan_of(bits);
}

/* Exact; not for NaNs. */
static quad
value(u64 v, unsigned bits)
{
   struct format f = format(bits);
   u64 mant = v & ((1ull << f.mant) - 1), exp = v >> f.mant & ((1ull << f.exp) - 1);
   int bias = (1 << (f.exp - 1)) - 1;
   quad q;
   if (exp == (1ull << f.exp) - 1)
      q = (quad)INFINITY;
   else if (exp == 0)
      q = ldexpf128((quad)mant, 1 - bias - (int)f.mant);
   else
      q = ldexpf128((quad)(mant | 1ull << f.mant), (int)exp - bias - (int)f.mant);
   return v & sign_bit(bits) ? -q : q;
}

static bool
away(unsigned rm, bool negative, bool odd, int half)
{
   /* half: -1 below, 0 at, 1 above the middle; called for inexact values only */
   switch (rm) {
   case RNE: return half > 0 || (half == 0 && odd);
   case RDN: return negative;
   case RUP: return !negative;
   case RMM: return half >= 0;
   default: return false;
   }
}

/* |q| (plus a bit if sticky) in units of 2^unit, rounded to an integer. */
static u64
to_units(quad q, int unit, bool sticky, unsigned rm, bool negative, bool *inexact)
{
   quad scaled = ldexpf128(fabsf128(q), -unit);
   quad whole = floorf128(scaled), rest = scaled - whole;
   u64 n = (u64)whole;
   *inexact = rest != 0 || sticky;
   if (!*inexact)
      return n;
   if (rm == ODD)
      return n | 1;
   int half = rest < (quad)0.5 ? -1 : rest > (quad)0.5 || sticky ? 1 : 0;
   return n + away(rm, negative, n & 1, half);
}

static u64
round_to(struct ref *r, quad q, bool sticky, unsigned bits, unsigned rm)
{
   struct format f = format(bits);
   int bias = (1 << (f.exp - 1)) - 1, exp;
   bool negative = signbit(q), inexact, unused;
   u64 sign = negative ? sign_bit(bits) : 0;

   if (isinf(q))
      return sign | exp_ones(bits);
   if (q == 0)
      return sign;
   frexpf128(q, &exp);
   exp--;   /* 2^exp <= |q| < 2^(exp + 1) */
   if (exp < 1 - bias) {
      u64 unbounded = to_units(q, exp - (int)f.mant, sticky, rm, negative, &unused);
      bool tiny = exp < -bias || unbounded >> (f.mant + 1) == 0;
      u64 n = to_units(q, 1 - bias - (int)f.mant, sticky, rm, negative, &inexact);
      if (inexact)
         r->fflags |= NX | (tiny ? UF : 0);
      return sign | n;
   }
   u64 n = to_units(q, exp - (int)f.mant, sticky, rm, negative, &inexact);
   /* the leading one adds to the exponent, and so does a carry out of the mantissa */
   u64 result = ((u64)(exp + bias - 1) << f.mant) + n;
   if (exp > bias || result >= exp_ones(bits)) {
      r->fflags |= OF | NX;
      bool inf = rm == RNE || rm == RMM || (rm == RDN && negative) || (rm == RUP && !negative);
      return sign | (inf ? exp_ones(bits) : exp_ones(bits) - 1);
   }
   if (inexact)
      r->fflags |= NX;
   return sign | result;
}

enum op { ADD, MUL, DIV, SQRT, FMA, COPY };

/* For operands none of which is a NaN, except c of FMA. */
static u64
compute(struct ref *r, enum op op, quad a, quad b, quad c, unsigned bits, unsigned rm)
{
   volatile quad va = a, vb = b, vc = c, q;
   fesetround(FE_TOWARDZERO);
   feclearexcept(FE_ALL_EXCEPT);
   switch (op) {
   case ADD: q = va + vb; break;
   case MUL: q = va * vb; break;
   case DIV: q = va / vb; break;
   case SQRT: q = sqrtf128(va); break;
   case FMA: q = va * vb; q = q + vc; break;
   default: q = va; break;
   }
   bool invalid = fetestexcept(FE_INVALID), divzero = fetestexcept(FE_DIVBYZERO), sticky = fetestexcept(FE_INEXACT);
   fesetround(FE_TONEAREST);
   r->fflags |= (invalid ? NV : 0) | (divzero ? DZ : 0);
   if (isnan(q))
      return nan_of(bits);
   /* A sum that is exactly zero is -0 towards minus infinity, unless both were of one sign. */
   bool sum = op == ADD || op == FMA;
   quad first = op == FMA ? va * vb : va, second = op == FMA ? vc : vb;
   if (sum && q == 0 && !sticky && signbit(first) != signbit(second))
      q = rm == RDN ? -(quad)0 : (quad)0;
   return round_to(r, q, sticky, bits, rm);
}

/* One operation on values of format @from to a result of format @to. */
static u64
operate(struct ref *r, enum op op, u64 a, u64 b, unsigned abits, unsigned bbits, unsigned to)
{
   bool unary = op == SQRT || op == COPY;
   if (is_snan(a, abits) || (!unary && is_snan(b, bbits)))
      r->fflags |= NV;
   if (is_nan(a, abits) || (!unary && is_nan(b, bbits)))
      return nan_of(to);
   return compute(r, op, value(a, abits), unary ? 0 : value(b, bbits), 0, to, r->frm);
}

static u64
multiply_add(struct ref *r, u64 p, u64 q, u64 c, unsigned from, unsigned to)
{
   u64 ap = p & ~sign_bit(from), aq = q & ~sign_bit(from);
   bool bad_product = (ap == 0 && aq == exp_ones(from)) || (aq == 0 && ap == exp_ones(from));
   if (is_snan(p, from) || is_snan(q, from) || is_snan(c, to) || bad_product)
      r->fflags |= NV;
   if (is_nan(p, from) || is_nan(q, from) || is_nan(c, to) || bad_product)
      return nan_of(to);
   return compute(r, FMA, value(p, from), value(q, from), value(c, to), to, r->frm);
}

static u64
extreme(struct ref *r, u64 a, u64 b, unsigned bits, bool max)
{
   if (is_snan(a, bits) || is_snan(b, bits))
      r->fflags |= NV;
   if (is_nan(a, bits))
      return is_nan(b, bits) ? nan_of(bits) : b;
   if (is_nan(b, bits))
      return a;
   quad qa = value(a, bits), qb = value(b, bits);
   if (qa == qb)
      return ((a & sign_bit(bits)) != 0) == max ? b : a;
   return (qa > qb) == max ? a : b;
}

static u64
to_int(struct ref *r, u64 v, unsigned from, unsigned to, bool is_signed, unsigned rm)
{
   u64 max = is_signed ? sign_bit(to) - 1 : to == 64 ? ~0ull : (1ull << to) - 1, min = is_signed ? ~max : 0;
   bool negative = v & sign_bit(from), inexact;
   if (is_nan(v, from)) {
      r->fflags |= NV;
      return max;
   }
   quad q = value(v, from), limit = (quad)max + 1;
   if (fabsf128(q) >= (quad)2 * limit) {
      r->fflags |= NV;
      return negative ? min : max;
   }
   /* up to 65 bits: count the low half apart */
   quad whole = floorf128(fabsf128(q));
   u64 low = to_units(fabsf128(q) - whole, 0, false, rm == RNE && fmodf128(whole, 2) != 0 ? RMM : rm, negative, &inexact);
   if (rm == RNE && fmodf128(whole, 2) == 0 && fabsf128(q) - whole == (quad)0.5)
      low = 0;
   whole += low;
   if (negative ? whole > (is_signed ? limit : 0) : whole >= limit) {
      r->fflags |= NV;
      return negative ? min : max;
   }
   if (inexact)
      r->fflags |= NX;
   u64 n = whole >= (quad)0x1p63 ? (u64)(whole - (quad)0x1p63) | 1ull << 63 : (u64)whole;
   return negative ? -n : n;
}

static u64
from_int(struct ref *r, u64 v, unsigned from, unsigned to, bool is_signed)
{
   i64 s = (i64)(v << (64 - from)) >> (64 - from);
   return round_to(r, is_signed ? (quad)s : (quad)v, false, to, r->frm);
}

static u64
classify(u64 v, unsigned bits)
{
   u64 magnitude = v & ~sign_bit(bits);
   bool negative = v != magnitude;
   if (is_nan(v, bits))
      return is_snan(v, bits) ? 1 << 8 : 1 << 9;
   if (magnitude == exp_ones(bits))
      return negative ? 1 : 1 << 7;
   if (magnitude == 0)
      return negative ? 1 << 3 : 1 << 4;
   if (magnitude >> format(bits).mant == 0)
      return negative ? 1 << 2 : 1 << 5;
   return negative ? 1 << 1 : 1 << 6;
}

/*
 * The estimates: the reciprocal (or its square root) of the middle of the
 * interval that x's leading bits name, to 7 bits.  x = 1.m * 2^e.
 */
static u64
estimate(struct ref *r, u64 v, unsigned bits, bool root)
{
   struct format f = format(bits);
   int bias = (1 << (f.exp - 1)) - 1, exp;
   u64 sign = v & sign_bit(bits), magnitude = v & ~sign_bit(bits);

   if (is_nan(v, bits) || (root && sign && magnitude)) {
      if (is_snan(v, bits) || !is_nan(v, bits))
         r->fflags |= NV;
      return nan_of(bits);
   }
   if (magnitude == exp_ones(bits))
      return sign;
   if (magnitude == 0) {
      r->fflags |= DZ;
      return sign | exp_ones(bits);
   }
   double x = (double)frexpf128(value(magnitude, bits), &exp) * 2;   /* [1, 2) */
   exp--;
   if (!root && exp < -bias - 1) {
      bool inf = r->frm == RNE || r->frm == RMM || r->frm == (sign ? RDN : RUP);
      r->fflags |= OF | NX;
      return sign | (exp_ones(bits) - !inf);
   }
   if (root) {
      bool odd = exp & 1;
      double middle = ((int)((x - 1) * 64) + 0.5) / 64 + 1;
      u64 n = (u64)floor(256 / sqrt(odd ? 2 * middle : middle) + 0.5) - 128;
      return sign | (u64)((3 * bias - 1 - (exp + bias)) / 2) << f.mant | n << (f.mant - 7);
   }
   double middle = ((int)((x - 1) * 128) + 0.5) / 128 + 1;
   u64 n = (u64)floor(256 / middle + 0.5) - 128;
   int out = bias - 1 - exp;   /* biased exponent of the result */
   if (out > 0)
      return sign | (u64)out << f.mant | n << (f.mant - 7);
   return sign | (n << (f.mant - 7) | 1ull << f.mant) >> (1 - out);
}

static bool
compare(struct ref *r, unsigned f6, u64 a, u64 b, unsigned bits)
{
   bool nan = is_nan(a, bits) || is_nan(b, bits), quiet = f6 == 0x18 || f6 == 0x1c;
   if (is_snan(a, bits) || is_snan(b, bits) || (nan && !quiet))
      r->fflags |= NV;
   if (nan)
      return f6 == 0x1c;
   quad x = value(a, bits), y = value(b, bits);
   switch (f6) {
   case 0x18: return x == y;
   case 0x19: return x <= y;
   case 0x1b: return x < y;
   case 0x1c: return x != y;
   case 0x1d: return x > y;
   default: return x >= y;
   }
}

/* Conversions: the code is narrowing << 4 | widening << 3 | kind. */
static bool
convert(struct ref *r, unsigned code, unsigned i)
{
   unsigned n = r->sew, src = code & 16 ? 2 * n : n, dst = code & 8 ? 2 * n : n, kind = code & 7;
   u64 v = ref_get(r, VS2(r), i, src), out;
   switch (kind) {
   case 0: case 1: out = to_int(r, v, src, dst, kind, r->frm); break;
   case 6: case 7: out = to_int(r, v, src, dst, kind & 1, RTZ); break;
   case 2: case 3: out = from_int(r, v, src, dst, kind & 1); break;
   case 5: {
      unsigned frm = r->frm;
      r->frm = ODD;
      out = operate(r, COPY, v, 0, src, src, dst);
      r->frm = frm;
      break;
   }
   default: out = operate(r, COPY, v, 0, src, src, dst); break;
   }
   ref_set(r, VD(r), i, dst, out);
   return true;
}

static u64
fma_by_code(struct ref *r, unsigned f6, u64 a, u64 b, u64 d, unsigned from, unsigned to)
{
   bool swap = f6 >= 0x28 && f6 < 0x2c;                /* vfmadd: the product has vd, vs2 is added */
   unsigned kind = f6 & 3;                             /* macc, nmacc, msac, nmsac */
   u64 p = kind == 1 || kind == 3 ? b ^ sign_bit(from) : b;
   u64 c = swap ? a : d;
   if (kind == 1 || kind == 2)
      c ^= sign_bit(to);
   return multiply_add(r, p, swap ? d : a, c, from, to);
}

static bool
element(struct ref *r, unsigned i)
{
   unsigned f6 = F6(r), n = r->sew, w = 2 * n, vd = VD(r);
   bool wide_a = f6 == 0x34 || f6 == 0x36;
   u64 a = ref_get(r, VS2(r), i, wide_a ? w : n);
   u64 b = IS_VF(r) ? ref_unbox(r->f[VS1(r)], n) : ref_get(r, VS1(r), i, n);
   u64 s = sign_bit(n);

   switch (f6) {
   case 0x00: ref_set(r, vd, i, n, operate(r, ADD, a, b, n, n, n)); return true;
   case 0x02: ref_set(r, vd, i, n, operate(r, ADD, a, is_nan(b, n) ? b : b ^ s, n, n, n)); return true;
   case 0x27: ref_set(r, vd, i, n, operate(r, ADD, b, is_nan(a, n) ? a : a ^ s, n, n, n)); return true;
   case 0x04: case 0x06: ref_set(r, vd, i, n, extreme(r, a, b, n, f6 == 6)); return true;
   case 0x08: ref_set(r, vd, i, n, (a & ~s) | (b & s)); return true;
   case 0x09: ref_set(r, vd, i, n, (a & ~s) | (~b & s)); return true;
   case 0x0a: ref_set(r, vd, i, n, a ^ (b & s)); return true;
   case 0x20: ref_set(r, vd, i, n, operate(r, DIV, a, b, n, n, n)); return true;
   case 0x21: ref_set(r, vd, i, n, operate(r, DIV, b, a, n, n, n)); return true;
   case 0x24: ref_set(r, vd, i, n, operate(r, MUL, a, b, n, n, n)); return true;
   case 0x30: case 0x34: ref_set(r, vd, i, w, operate(r, ADD, a, b, wide_a ? w : n, n, w)); return true;
   case 0x32: case 0x36: ref_set(r, vd, i, w, operate(r, ADD, a, is_nan(b, n) ? b : b ^ s, wide_a ? w : n, n, w)); return true;
   case 0x38: ref_set(r, vd, i, w, operate(r, MUL, a, b, n, n, w)); return true;
   case 0x12: return convert(r, VS1(r), i);
   case 0x13:
      ref_set(r, vd, i, n, VS1(r) == 0 ? operate(r, SQRT, a, 0, n, n, n) : VS1(r) == 16 ? classify(a, n) :
                           estimate(r, a, n, VS1(r) == 4));
      return true;
   }
   if (f6 >= 0x18 && f6 <= 0x1f) {
      ref_set_mask(r, vd, i, compare(r, f6, a, b, n));
      return true;
   }
   if (f6 >= 0x28 && f6 < 0x30)
      ref_set(r, vd, i, n, fma_by_code(r, f6, a, b, ref_get(r, vd, i, n), n, n));
   else if (f6 >= 0x3c)
      ref_set(r, vd, i, w, fma_by_code(r, f6, a, b, ref_get(r, vd, i, w), n, w));
   else
      return false;
   return true;
}

static bool
reduce(struct ref *r)
{
   unsigned f6 = F6(r), n = r->sew, to = f6 >= 0x30 ? 2 * n : n;
   u64 acc = ref_get(r, VS1(r), 0, to);
   for (unsigned i = 0; i < r->vl; i++) {
      u64 v = ref_get(r, VS2(r), i, n);
      if (!ref_active(r, i))
         continue;
      acc = f6 == 5 || f6 == 7 ? extreme(r, acc, v, n, f6 == 7) : operate(r, ADD, acc, v, to, n, to);
   }
   if (r->vl)
      ref_set(r, VD(r), 0, to, acc);
   return true;
}

static bool
moves(struct ref *r)
{
   unsigned n = r->sew;
   if (!IS_VF(r)) {
      u64 v = ref_get(r, VS2(r), 0, n);
      r->f[VD(r)] = n == 64 ? v : v | ~0ull << n;
   } else if (r->vstart < r->vl) {
      ref_set(r, VD(r), 0, n, ref_unbox(r->f[VS1(r)], n));
   }
   return true;
}

bool
ref_execute_fp(struct ref *r)
{
   unsigned f6 = F6(r);
   if (!IS_VF(r) && (f6 == 1 || f6 == 3 || f6 == 5 || f6 == 7 || f6 == 0x31 || f6 == 0x33))
      return reduce(r);
   if (f6 == 0x10)
      return moves(r);
   for (unsigned i = r->vstart; i < r->vl; i++) {
      if (f6 == 0x17) {
         bool take = r->insn >> 25 & 1 || ref_mask_bit(r, 0, i);
         ref_set(r, VD(r), i, r->sew, take ? ref_unbox(r->f[VS1(r)], r->sew) : ref_get(r, VS2(r), i, r->sew));
      } else if (ref_active(r, i) && !element(r, i)) {
         return false;
      }
   }
   return true;
}
