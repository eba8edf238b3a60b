/* SPDX-License-Identifier: MIT */
/*
 * Vector floating point with round-to-nearest-max-magnitude: one element at a
 * time through fp_rmm.c.  Nobody needs it to be fast.
 */
#include "fp.h"
#include "vec.h"

/* A value of format @from in the wider format @to; exact, but signalling NaNs signal. */
static uint64_t
widen(uint64_t v, unsigned from, unsigned to)
{
   if (from == 1 && to == 2)
      return cg_bits_s((float)cg_val_h((uint16_t)v));
   if (from == 2 && to == 3)
      return cg_bits_d((double)cg_val_s((uint32_t)v));
   return v;
}

static uint64_t
flip(uint64_t v, bool negate, unsigned fmt)
{
   return v ^ (uint64_t)negate << ((8u << fmt) - 1);
}

static bool
product_invalid(uint64_t p, uint64_t q, unsigned fmt)
{
   uint64_t magnitude = (1ull << ((8u << fmt) - 1)) - 1;
   uint64_t inf = ((1ull << cg_fp_exp_bits(fmt)) - 1) << cg_fp_mant_bits(fmt);
   p &= magnitude, q &= magnitude;
   return (p == inf && q == 0) || (p == 0 && q == inf);
}

static uint64_t
fma_element(struct cg_wave *w, unsigned flags, unsigned fmt, uint64_t x, uint64_t y, uint64_t z)
{
   uint64_t q = flags & CG_VI_ADD_VS2 ? z : x;
   uint64_t addend = flags & CG_VI_ADD_VS2 ? x : z;
   if (product_invalid(y, q, fmt))
      w->fflags |= CG_NV;
   return cg_rmm_op(CG_FMA, fmt, fmt, flip(y, flags & CG_VI_NEG_PROD, fmt), q,
                    flip(addend, flags & CG_VI_NEG_ADD, fmt), &w->fflags);
}

static uint64_t
from_int(struct cg_wave *w, bool is_signed, unsigned from, unsigned to, uint64_t v)
{
   unsigned unused = 64 - (8u << from);
   int64_t s = (int64_t)(v << unused) >> unused;
   if (is_signed && s < 0)
      return cg_rmm_from_int(true, -(uint64_t)s, to, &w->fflags);
   return cg_rmm_from_int(false, v, to, &w->fflags);
}

static uint64_t
to_int(struct cg_wave *w, bool is_signed, unsigned from, unsigned to, uint64_t v)
{
   double value = from == 1 ? (double)(float)cg_val_h((uint16_t)v) :
                  from == 2 ? (double)cg_val_s((uint32_t)v) : cg_val_d(v);
   return cg_fp_to_int(value, 8u << to, is_signed, w->rm, &w->fflags);
}

static uint64_t
element(struct cg_wave *w, const struct cg_vinfo *info, uint64_t x, uint64_t y, uint64_t z)
{
   unsigned d = w->sew + info->dw, a = w->sew + info->aw, b = w->sew + info->bw;

   if (info->flags & (CG_VI_INT_SRC | CG_VI_UINT_SRC))
      return from_int(w, info->flags & CG_VI_INT_SRC, a, d, x);
   switch (info->fop) {
   case CG_FTOI: return to_int(w, true, a, d, x);
   case CG_FTOU: return to_int(w, false, a, d, x);
   case CG_FCVT: return cg_rmm_op(CG_FCVT, a, d, x, 0, 0, &w->fflags);
   case CG_FMA: return fma_element(w, info->flags, d, widen(x, a, d), widen(y, b, d), z);
   default: break;
   }
   x = widen(x, a, d);
   y = widen(y, b, d);
   if (info->flags & CG_VI_REVERSE)
      return cg_rmm_op(info->fop, d, d, y, x, 0, &w->fflags);
   return cg_rmm_op(info->fop, d, d, x, info->flags & CG_VI_UNARY ? x : y, 0, &w->fflags);
}

void
cg_vec_rmm(struct cg_wave *w, const struct cg_op *op, void *d, const void *a, const void *b,
           const void *c, const uint64_t *bits, unsigned n)
{
   const struct cg_vinfo *info = op->vinfo;
   bool unary = info->flags & CG_VI_UNARY;

   for (unsigned i = 0; i < n; i++) {
      if (!(bits[i / 64] >> (i & 63) & 1))
         continue;
      uint64_t x = cg_elem_get(a, i, w->sew + info->aw);
      uint64_t y = unary ? 0 : cg_elem_get(b, i, w->sew + info->bw);
      uint64_t z = info->flags & CG_VI_ACC ? cg_elem_get(c, i, w->sew + info->dw) : 0;
      cg_elem_set(d, i, w->sew + info->dw, element(w, info, x, y, z));
   }
}
