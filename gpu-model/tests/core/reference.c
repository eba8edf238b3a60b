/* SPDX-License-Identifier: MIT */
/*
 * See reference.h: vset*, integer, fixed point, masks, permutations, memory.
 */
#include "reference.h"

#include <string.h>

#define VD(r)  ((r)->insn >> 7 & 31)
#define VS1(r) ((r)->insn >> 15 & 31)
#define VS2(r) ((r)->insn >> 20 & 31)
#define VM(r)  ((r)->insn >> 25 & 1)
#define F6(r)  ((r)->insn >> 26)
#define F3(r)  ((r)->insn >> 12 & 7)

enum { IVV, FVV, MVV, IVI, IVX, FVF, MVX, CFG };

u64
ref_get(const struct ref *r, unsigned reg, unsigned i, unsigned bits)
{
   u64 v = 0;
   for (unsigned b = 0; b < bits / 8; b++)
      v |= (u64)r->old[reg * r->vlenb + i * (bits / 8) + b] << (8 * b);
   return v;
}

void
ref_set(struct ref *r, unsigned reg, unsigned i, unsigned bits, u64 v)
{
   for (unsigned b = 0; b < bits / 8; b++)
      r->v[reg * r->vlenb + i * (bits / 8) + b] = (uint8_t)(v >> (8 * b));
}

bool
ref_mask_bit(const struct ref *r, unsigned reg, unsigned i)
{
   return r->old[reg * r->vlenb + i / 8] >> (i % 8) & 1;
}

void
ref_set_mask(struct ref *r, unsigned reg, unsigned i, bool v)
{
   uint8_t *byte = &r->v[reg * r->vlenb + i / 8];
   *byte = (uint8_t)((*byte & ~(1 << i % 8)) | v << i % 8);
}

bool
ref_active(const struct ref *r, unsigned i)
{
   return VM(r) || ref_mask_bit(r, 0, i);
}

static i128
extend(u64 v, unsigned bits, bool is_signed)
{
   if (!is_signed)
      return bits == 64 ? (i128)v : (i128)(v & ((1ull << bits) - 1));
   return (i128)((i64)(v << (64 - bits)) >> (64 - bits));
}

static unsigned
vlmax(const struct ref *r)
{
   unsigned bits = r->vlenb * 8;
   return (r->lmul >= 0 ? bits << r->lmul : bits >> -r->lmul) / r->sew;
}

static void
set_vtype(struct ref *r, u64 vtype, u64 avl)
{
   r->vtype = vtype;
   r->sew = 8u << (vtype >> 3 & 7);
   r->lmul = (vtype & 7) < 4 ? (int)(vtype & 7) : (int)(vtype & 7) - 8;
   unsigned max = vlmax(r);
   if (vtype >> 8 || (vtype & 7) == 4 || r->sew > 64 || max == 0) {
      r->vtype = 1ull << 63;
      r->vl = 0;
      return;
   }
   r->vl = avl < max ? (unsigned)avl : max;
}

static void
vset(struct ref *r)
{
   unsigned rd = VD(r), rs1 = VS1(r);
   u64 avl = rs1 ? r->x[rs1] : rd ? ~0ull : r->vl;
   if (!(r->insn >> 31))
      set_vtype(r, r->insn >> 20 & 0x7ff, avl);
   else if (r->insn >> 30 == 3)
      set_vtype(r, r->insn >> 20 & 0x3ff, rs1);
   else
      set_vtype(r, r->x[VS2(r)], avl);
   if (rd)
      r->x[rd] = r->vl;
}

/* v >> shift, rounded as vxrm says. */
static i128
round_shift(const struct ref *r, i128 v, unsigned shift)
{
   if (shift == 0)
      return v;
   i128 floor = v >> shift, rest = v - (floor << shift), half = (i128)1 << (shift - 1);
   switch (r->vxrm) {
   case 0: return floor + (rest >= half);
   case 1: return floor + (rest > half || (rest == half && (floor & 1)));
   case 2: return floor;
   default: return floor | (rest != 0);
   }
}

static i128
saturate(struct ref *r, i128 v, unsigned bits, bool is_signed)
{
   i128 max = is_signed ? ((i128)1 << (bits - 1)) - 1 : ((i128)1 << bits) - 1;
   i128 min = is_signed ? -((i128)1 << (bits - 1)) : 0;
   if (v > max || v < min)
      r->vxsat = 1;
   return v > max ? max : v < min ? min : v;
}

/* The OPI operations that give a value: a from vs2, b from vs1, both as bits. */
static bool
opi_value(struct ref *r, u64 a, u64 b, unsigned i, i128 *out)
{
   unsigned n = r->sew, sh = (unsigned)(b & (n - 1)), wide = (unsigned)(b & (2 * n - 1));
   i128 ua = extend(a, n, false), ub = extend(b, n, false), sa = extend(a, n, true), sb = extend(b, n, true);
   bool carry = ref_mask_bit(r, 0, i);

   switch (F6(r)) {
   case 0x00: *out = ua + ub; return true;
   case 0x02: *out = ua - ub; return true;
   case 0x03: *out = ub - ua; return true;
   case 0x04: *out = ua < ub ? ua : ub; return true;
   case 0x05: *out = sa < sb ? sa : sb; return true;
   case 0x06: *out = ua > ub ? ua : ub; return true;
   case 0x07: *out = sa > sb ? sa : sb; return true;
   case 0x09: *out = ua & ub; return true;
   case 0x0a: *out = ua | ub; return true;
   case 0x0b: *out = ua ^ ub; return true;
   case 0x10: *out = ua + ub + carry; return true;
   case 0x12: *out = ua - ub - carry; return true;
   case 0x17: *out = VM(r) || carry ? ub : ua; return true;
   case 0x20: *out = saturate(r, ua + ub, n, false); return true;
   case 0x21: *out = saturate(r, sa + sb, n, true); return true;
   case 0x22: *out = saturate(r, ua - ub, n, false); return true;
   case 0x23: *out = saturate(r, sa - sb, n, true); return true;
   case 0x25: *out = ua << sh; return true;
   case 0x27: *out = saturate(r, round_shift(r, sa * sb, n - 1), n, true); return true;
   case 0x28: *out = ua >> sh; return true;
   case 0x29: *out = sa >> sh; return true;
   case 0x2a: *out = round_shift(r, ua, sh); return true;
   case 0x2b: *out = round_shift(r, sa, sh); return true;
   /* narrowing: a has twice the width */
   case 0x2c: *out = extend(a, 2 * n, false) >> wide; return true;
   case 0x2d: *out = extend(a, 2 * n, true) >> wide; return true;
   case 0x2e: *out = saturate(r, round_shift(r, extend(a, 2 * n, false), wide), n, false); return true;
   case 0x2f: *out = saturate(r, round_shift(r, extend(a, 2 * n, true), wide), n, true); return true;
   }
   return false;
}

static bool
opi_compare(struct ref *r, u64 a, u64 b, unsigned i, bool *out)
{
   unsigned n = r->sew;
   i128 ua = extend(a, n, false), ub = extend(b, n, false), sa = extend(a, n, true), sb = extend(b, n, true);
   bool carry = !VM(r) && ref_mask_bit(r, 0, i);

   switch (F6(r)) {
   case 0x11: *out = (ua + ub + carry) >> n & 1; return true;
   case 0x13: *out = ua - ub - carry < 0; return true;
   case 0x18: *out = ua == ub; return true;
   case 0x19: *out = ua != ub; return true;
   case 0x1a: *out = ua < ub; return true;
   case 0x1b: *out = sa < sb; return true;
   case 0x1c: *out = ua <= ub; return true;
   case 0x1d: *out = sa <= sb; return true;
   case 0x1e: *out = ua > ub; return true;
   case 0x1f: *out = sa > sb; return true;
   }
   return false;
}

/* The second operand of element i. */
static u64
operand(const struct ref *r, unsigned i, bool unsigned_imm)
{
   switch (F3(r)) {
   case IVI: return unsigned_imm ? VS1(r) : (u64)(((i64)VS1(r) ^ 16) - 16);
   case IVX: case MVX: return r->x[VS1(r)];
   default: return ref_get(r, VS1(r), i, r->sew);
   }
}

static bool
opi(struct ref *r)
{
   unsigned f6 = F6(r);
   bool narrow = f6 >= 0x2c && f6 <= 0x2f, uimm = f6 >= 0x25 && f6 <= 0x2f;
   bool uses_mask_as_data = (f6 >= 0x10 && f6 <= 0x13) || f6 == 0x17;

   for (unsigned i = r->vstart; i < r->vl; i++) {
      u64 a = ref_get(r, VS2(r), i, narrow ? 2 * r->sew : r->sew), b = operand(r, i, uimm);
      i128 value;
      bool bit;
      if (!uses_mask_as_data && !ref_active(r, i))
         continue;
      if (opi_value(r, a, b, i, &value))
         ref_set(r, VD(r), i, r->sew, (u64)value);
      else if (opi_compare(r, a, b, i, &bit))
         ref_set_mask(r, VD(r), i, bit);
      else
         return false;
   }
   return true;
}

static i128
divide(i128 a, i128 b, bool want_rest)
{
   if (b == 0)
      return want_rest ? a : -1;
   return want_rest ? a % b : a / b;
}

/* OPM: value of the width *bits, which the widening ones double. */
static bool
opm_value(struct ref *r, unsigned i, unsigned *bits, i128 *out)
{
   unsigned n = r->sew, f6 = F6(r);
   bool wide_a = f6 >= 0x34 && f6 <= 0x37;
   u64 a = ref_get(r, VS2(r), i, wide_a ? 2 * n : n), b = operand(r, i, false);
   i128 ua = extend(a, n, false), ub = extend(b, n, false), sa = extend(a, n, true), sb = extend(b, n, true);
   *bits = f6 >= 0x30 ? 2 * n : n;
   i128 d = extend(ref_get(r, VD(r), i, *bits), *bits, false);
   i128 uwa = extend(a, *bits, false), swa = extend(a, *bits, true);

   switch (f6) {
   case 0x08: *out = round_shift(r, ua + ub, 1); return true;
   case 0x09: *out = round_shift(r, sa + sb, 1); return true;
   case 0x0a: *out = round_shift(r, ua - ub, 1); return true;
   case 0x0b: *out = round_shift(r, sa - sb, 1); return true;
   case 0x20: *out = divide(ua, ub, false); return true;
   case 0x21: *out = divide(sa, sb, false); return true;
   case 0x22: *out = divide(ua, ub, true); return true;
   case 0x23: *out = divide(sa, sb, true); return true;
   case 0x24: *out = (i128)((unsigned __int128)ua * (unsigned __int128)ub >> n); return true;
   case 0x25: *out = ua * ub; return true;
   case 0x26: *out = sa * ub >> n; return true;
   case 0x27: *out = sa * sb >> n; return true;
   case 0x29: *out = ub * d + ua; return true;
   case 0x2b: *out = ua - ub * d; return true;
   case 0x2d: *out = ub * ua + d; return true;
   case 0x2f: *out = d - ub * ua; return true;
   case 0x30: *out = ua + ub; return true;
   case 0x31: *out = sa + sb; return true;
   case 0x32: *out = ua - ub; return true;
   case 0x33: *out = sa - sb; return true;
   case 0x34: *out = uwa + ub; return true;
   case 0x35: *out = swa + sb; return true;
   case 0x36: *out = uwa - ub; return true;
   case 0x37: *out = swa - sb; return true;
   case 0x38: *out = ua * ub; return true;
   case 0x3a: *out = sa * ub; return true;
   case 0x3b: *out = sa * sb; return true;
   case 0x3c: *out = ub * ua + d; return true;
   case 0x3d: *out = sb * sa + d; return true;
   case 0x3e: *out = ub * sa + d; return true;
   case 0x3f: *out = sb * ua + d; return true;
   }
   return false;
}

static bool
reduce(struct ref *r)
{
   unsigned f6 = F6(r), n = r->sew, bits = f6 >= 0x30 ? 2 * n : n;
   bool is_signed = f6 == 5 || f6 == 7 || f6 == 0x31;
   i128 acc = extend(ref_get(r, VS1(r), 0, bits), bits, is_signed);

   if (r->vl == 0)
      return true;
   for (unsigned i = 0; i < r->vl; i++) {
      if (!ref_active(r, i))
         continue;
      i128 v = extend(ref_get(r, VS2(r), i, n), n, is_signed);
      switch (f6) {
      case 1: acc &= v; break;
      case 2: acc |= v; break;
      case 3: acc ^= v; break;
      case 4: case 5: acc = v < acc ? v : acc; break;
      case 6: case 7: acc = v > acc ? v : acc; break;
      default: acc += v; break;
      }
   }
   ref_set(r, VD(r), 0, bits, (u64)acc);
   return true;
}

static bool
mask_unary(struct ref *r)
{
   u64 count = 0;
   bool seen = false;
   for (unsigned i = r->vstart; i < r->vl; i++) {
      if (!ref_active(r, i))
         continue;
      bool bit = ref_mask_bit(r, VS2(r), i);
      switch (VS1(r)) {
      case 1: ref_set_mask(r, VD(r), i, !seen && !bit); break;
      case 2: ref_set_mask(r, VD(r), i, !seen && bit); break;
      case 3: ref_set_mask(r, VD(r), i, !seen); break;
      case 16: ref_set(r, VD(r), i, r->sew, count); break;
      case 17: ref_set(r, VD(r), i, r->sew, i); break;
      default: return false;
      }
      seen |= bit;
      count += bit;
   }
   return true;
}

static bool
to_scalar(struct ref *r)
{
   u64 count = 0, first = ~0ull;
   for (unsigned i = 0; i < r->vl; i++) {
      if (ref_active(r, i) && ref_mask_bit(r, VS2(r), i)) {
         if (first == ~0ull)
            first = i;
         count++;
      }
   }
   u64 v = VS1(r) == 16 ? count : VS1(r) == 17 ? first : (u64)extend(ref_get(r, VS2(r), 0, r->sew), r->sew, true);
   if (VD(r))
      r->x[VD(r)] = v;
   return true;
}

static bool
mask_logic(struct ref *r)
{
   for (unsigned i = r->vstart; i < r->vl; i++) {
      bool a = ref_mask_bit(r, VS2(r), i), b = ref_mask_bit(r, VS1(r), i);
      const bool result[8] = { a && !b, a && b, a || b, a != b, a || !b, !(a && b), !(a || b), a == b };
      ref_set_mask(r, VD(r), i, result[F6(r) & 7]);
   }
   return true;
}

static bool
compress(struct ref *r)
{
   unsigned to = 0;
   for (unsigned i = 0; i < r->vl; i++) {
      if (ref_mask_bit(r, VS1(r), i))
         ref_set(r, VD(r), to++, r->sew, ref_get(r, VS2(r), i, r->sew));
   }
   return true;
}

static bool
extension(struct ref *r)
{
   unsigned factor = 1u << (4 - VS1(r) / 2), bits = r->sew / factor;
   for (unsigned i = r->vstart; i < r->vl; i++) {
      if (ref_active(r, i))
         ref_set(r, VD(r), i, r->sew, (u64)extend(ref_get(r, VS2(r), i, bits), bits, VS1(r) & 1));
   }
   return true;
}

/* Slides by one and slides; up and down; the gathers. */
static bool
permute(struct ref *r)
{
   bool up = F6(r) == 0x0e, gather = F6(r) == 0x0c, one = F3(r) == MVX || F3(r) == FVF;
   u64 amount = one ? 1 : F3(r) == IVI ? VS1(r) : r->x[VS1(r)];
   u64 scalar = F3(r) == FVF ? ref_unbox(r->f[VS1(r)], r->sew) : r->x[VS1(r)];

   for (unsigned i = r->vstart; i < r->vl; i++) {
      u64 from = gather ? amount : i - amount, v;
      if (!ref_active(r, i) || (up && F3(r) != IVV && !one && i < amount))
         continue;
      if (F3(r) == IVV)
         from = ref_get(r, VS1(r), i, up ? 16 : r->sew);   /* vrgatherei16 has the code of a slide up */
      else if (!up && !gather)
         from = amount > vlmax(r) ? ~0ull : i + amount;
      v = from < vlmax(r) ? ref_get(r, VS2(r), (unsigned)from, r->sew) : 0;
      if (one && (up ? i == 0 : i == r->vl - 1))
         v = scalar;
      ref_set(r, VD(r), i, r->sew, v);
   }
   return true;
}

static bool
opm(struct ref *r)
{
   unsigned f6 = F6(r);
   if (f6 < 8)
      return reduce(r);
   if (f6 == 0x0e || f6 == 0x0f)
      return permute(r);
   if (f6 == 0x10 && F3(r) == MVV)
      return to_scalar(r);
   if (f6 == 0x10) {
      if (r->vstart < r->vl)
         ref_set(r, VD(r), 0, r->sew, r->x[VS1(r)]);
      return true;
   }
   if (f6 == 0x12)
      return extension(r);
   if (f6 == 0x14)
      return mask_unary(r);
   if (f6 == 0x17)
      return compress(r);
   if (f6 >= 0x18 && f6 < 0x20)
      return mask_logic(r);
   for (unsigned i = r->vstart; i < r->vl; i++) {
      unsigned bits;
      i128 v;
      if (!ref_active(r, i))
         continue;
      if (!opm_value(r, i, &bits, &v))
         return false;
      ref_set(r, VD(r), i, bits, (u64)v);
   }
   return true;
}

static bool
move_whole(struct ref *r)
{
   size_t from = r->vstart * r->sew / 8, size = (VS1(r) + 1) * r->vlenb;
   if (from < size)
      memcpy(r->v + VD(r) * r->vlenb + from, r->old + VS2(r) * r->vlenb + from, size - from);
   return true;
}

/* -- memory -------------------------------------------------------------- */

struct access {
   unsigned n, nf, bits, group;   /* elements, fields, width, registers between two fields */
   bool masked, store;
};

static void
element(struct ref *r, const struct access *a, unsigned reg, unsigned i, u64 addr)
{
   u64 v = 0;
   for (unsigned b = 0; b < a->bits / 8; b++) {
      uint8_t *byte = r->mem(r, addr + b);
      if (a->store)
         *byte = (uint8_t)(ref_get(r, reg, i, a->bits) >> (8 * b));
      v |= (u64)*byte << (8 * b);
   }
   if (!a->store)
      ref_set(r, reg, i, a->bits, v);
}

static bool
memory(struct ref *r)
{
   static const unsigned widths[8] = { 8, 0, 0, 0, 0, 16, 32, 64 };
   unsigned eew = widths[F3(r)], mop = r->insn >> 26 & 3, umop = VS2(r), nf = 1 + (r->insn >> 29);
   struct access a = { .n = r->vl, .nf = nf, .bits = mop & 1 ? r->sew : eew, .masked = !VM(r), .store = r->insn >> 5 & 1 };
   int emul = r->lmul;

   if (!eew)
      return false;
   for (unsigned w = a.bits; w > r->sew; w /= 2)
      emul++;
   for (unsigned w = a.bits; w < r->sew; w *= 2)
      emul--;
   a.group = emul > 0 ? 1u << emul : 1;
   if (mop == 0 && umop == 8) {
      a.n = nf * r->vlenb / (eew / 8);
      a.nf = 1;
   } else if (mop == 0 && umop == 11) {
      a.n = (r->vl + 7) / 8;
   }
   for (unsigned i = r->vstart; i < a.n; i++) {
      if (a.masked && !ref_active(r, i))
         continue;
      u64 addr = r->x[VS1(r)];
      addr += mop & 1 ? ref_get(r, VS2(r), i, eew) : mop == 2 ? i * r->x[VS2(r)] : (u64)i * a.nf * a.bits / 8;
      for (unsigned f = 0; f < a.nf; f++)
         element(r, &a, VD(r) + f * a.group, i, addr + f * a.bits / 8);
   }
   return true;
}

static bool
arithmetic(struct ref *r)
{
   unsigned f6 = F6(r);
   switch (F3(r)) {
   case FVV:
      return ref_execute_fp(r);
   case FVF:
      return f6 == 0x0e || f6 == 0x0f ? permute(r) : ref_execute_fp(r);
   case MVV: case MVX:
      return opm(r);
   default:
      if (f6 == 0x0c || f6 == 0x0e || f6 == 0x0f)
         return permute(r);
      if (f6 == 0x27 && F3(r) == IVI)
         return move_whole(r);
      if (f6 == 0x30 || f6 == 0x31)
         return reduce(r);
      return opi(r);
   }
}

bool
ref_execute(struct ref *r, uint32_t insn)
{
   unsigned opcode = insn & 0x7f;
   bool ok;

   r->insn = insn;
   r->sew = 8u << (r->vtype >> 3 & 7);
   r->lmul = (r->vtype & 7) < 4 ? (int)(r->vtype & 7) : (int)(r->vtype & 7) - 8;
   memcpy(r->old, r->v, sizeof(r->old));
   if (opcode == 0x57 && F3(r) == CFG) {
      vset(r);
      ok = true;
   } else if (opcode == 0x57) {
      ok = arithmetic(r);
   } else {
      ok = (opcode == 0x07 || opcode == 0x27) && memory(r);
   }
   if (ok)
      r->vstart = 0;
   return ok;
}
