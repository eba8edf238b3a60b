/* SPDX-License-Identifier: MIT */
/*
 * Reductions: vd[0] = vs1[0] op all active elements of vs2, in element order.
 */
#include "fp.h"
#include "vec.h"

static bool
reduction_ok(const struct cg_wave *w, const struct cg_op *op, bool widen)
{
   return w->vcfg != CG_VCFG_ILL && w->vstart == 0 && cg_group_ok(op->rs2, w->lmul) && (!widen || w->sew < 3);
}

static uint64_t
sign_extend(uint64_t v, unsigned sew)
{
   unsigned unused = 64 - (8u << sew);
   return (uint64_t)((int64_t)(v << unused) >> unused);
}

/* Operands are zero- or sign-extended to 64 bits, as the operation has it. */
static uint64_t
step(unsigned f6, uint64_t acc, uint64_t v)
{
   switch (f6) {
   case 0x01: return acc & v;
   case 0x02: return acc | v;
   case 0x03: return acc ^ v;
   case 0x04: return v < acc ? v : acc;
   case 0x05: return (int64_t)v < (int64_t)acc ? v : acc;
   case 0x06: return v > acc ? v : acc;
   case 0x07: return (int64_t)v > (int64_t)acc ? v : acc;
   default: return acc + v;
   }
}

const struct cg_op *
cg_exec_reduce(struct cg_wave *w, const struct cg_op *op)
{
   unsigned f6 = op->insn >> 26;
   bool widen = f6 >= 0x30;
   bool is_signed = f6 == 0x05 || f6 == 0x07 || f6 == 0x31;
   unsigned dsew = w->sew + widen;

   if (!reduction_ok(w, op, widen))
      return cg_illegal(w, op);
   if (w->vl == 0)
      return cg_vec_done(w, op);

   const uint8_t *src = cg_vreg(w, op->rs2);
   uint64_t acc = cg_elem_get(cg_vreg(w, op->rs1), 0, dsew);
   if (is_signed)
      acc = sign_extend(acc, dsew);
   for (unsigned i = 0; i < w->vl; i++) {
      if (!cg_vec_is_active(w, op, i))
         continue;
      uint64_t v = cg_elem_get(src, i, w->sew);
      acc = step(f6, acc, is_signed ? sign_extend(v, w->sew) : v);
   }
   cg_elem_set(cg_vreg(w, op->rd), 0, dsew, acc);
   return cg_vec_done(w, op);
}

static uint64_t
fp_sum(struct cg_wave *w, unsigned fmt, uint64_t a, uint64_t b)
{
   if (unlikely(w->rm == CG_RMM))
      return cg_rmm_op(CG_FADD, fmt, fmt, a, b, 0, &w->fflags);
   if (fmt == 1) {
      f16 r = cg_half((float)cg_val_h((uint16_t)a) + (float)cg_val_h((uint16_t)b), w->rm, &w->fflags);
      return (cg_bits_h(r) & 0x7fff) > 0x7c00 ? CG_NAN_H : cg_bits_h(r);
   }
   if (fmt == 2) {
      float r = cg_val_s((uint32_t)a) + cg_val_s((uint32_t)b);
      return r == r ? cg_bits_s(r) : CG_NAN_S;
   }
   double r = cg_val_d(a) + cg_val_d(b);
   return r == r ? cg_bits_d(r) : CG_NAN_D;
}

static uint64_t
fp_extreme(struct cg_wave *w, unsigned fmt, bool want_max, uint64_t a, uint64_t b)
{
   uint64_t class_a = cg_fp_class(a, fmt), class_b = cg_fp_class(b, fmt);
   const uint64_t snan = 1 << 8, nan = 3 << 8;

   if ((class_a | class_b) & snan)
      w->fflags |= CG_NV;
   if (class_a & nan)
      return class_b & nan ? (fmt == 1 ? CG_NAN_H : fmt == 2 ? CG_NAN_S : CG_NAN_D) : b;
   if (class_b & nan)
      return a;
   /* Integers order as the numbers do, once negative ones are turned round. */
   uint64_t sign = 1ull << ((8u << fmt) - 1);
   uint64_t key_a = a & sign ? ~a & (2 * sign - 1) : a | sign;
   uint64_t key_b = b & sign ? ~b & (2 * sign - 1) : b | sign;
   return (key_a > key_b) == want_max ? a : b;
}

static uint64_t
fp_widen(uint64_t v, unsigned fmt)
{
   return fmt == 1 ? cg_bits_s((float)cg_val_h((uint16_t)v)) : cg_bits_d((double)cg_val_s((uint32_t)v));
}

const struct cg_op *
cg_exec_freduce(struct cg_wave *w, const struct cg_op *op)
{
   unsigned f6 = op->insn >> 26;
   bool widen = f6 >= 0x30, sum = !(f6 & 4);
   unsigned dsew = w->sew + widen;

   if (!reduction_ok(w, op, widen) || w->sew == 0 || (w->rm > CG_RMM))
      return cg_illegal(w, op);
   if (w->vl == 0)
      return cg_vec_done(w, op);

   const uint8_t *src = cg_vreg(w, op->rs2);
   uint64_t acc = cg_elem_get(cg_vreg(w, op->rs1), 0, dsew);
   for (unsigned i = 0; i < w->vl; i++) {
      if (!cg_vec_is_active(w, op, i))
         continue;
      uint64_t v = cg_elem_get(src, i, w->sew);
      if (widen)
         v = fp_widen(v, w->sew);
      acc = sum ? fp_sum(w, dsew, acc, v) : fp_extreme(w, dsew, f6 == 0x07, acc, v);
   }
   cg_elem_set(cg_vreg(w, op->rd), 0, dsew, acc);
   return cg_vec_done(w, op);
}
