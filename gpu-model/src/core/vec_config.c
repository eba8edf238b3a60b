/* SPDX-License-Identifier: MIT */
/*
 * vsetvl and what follows from vtype, vl and vstart.
 */
#include "fpenv.h"
#include "vec.h"

/* By values that the host need not wait for: a load that joins fields which were just stored is slow. */
static inline void
derive(struct cg_wave *w, uint64_t vtype, unsigned vcfg, int lmul, uint32_t vl, uint32_t vlmax, uint32_t vstart)
{
   bool plain = vcfg != CG_VCFG_ILL && w->vlenb == CG_MAX_VLENB && vstart == 0;
   bool full = plain && lmul >= 0 && vl == vlmax, lanes = plain && vl == CG_LANES && vlmax == CG_LANES;

   w->vfull = full ? (uint16_t)vcfg : CG_NEVER;
   w->vfull_fp = full && w->rm < CG_RMM ? (uint16_t)vcfg : CG_NEVER;
   w->lanes = lanes ? (uint32_t)vtype : CG_NEVER;
}

void
cg_vcfg_update(struct cg_wave *w)
{
   derive(w, w->vtype, w->vcfg, w->lmul, w->vl, w->vlmax, w->vstart);
}

void
cg_vtype_set(struct cg_wave *w, uint64_t vtype, uint64_t avl)
{
   unsigned vlmul = vtype & 7;
   unsigned sew = vtype >> 3 & 7;
   int lmul = vlmul < 4 ? (int)vlmul : (int)vlmul - 8;
   bool legal = vtype >> 8 == 0 && sew <= 3 && vlmul != 4 && 
                (lmul >= 0 || (w->vlenb >> -lmul) >= 1u << sew);

   w->vstart = 0;
   if (!legal) {
      w->vtype = 1ull << 63;
      w->vcfg = CG_VCFG_ILL;
      w->vl = w->vlmax = 0;
      w->sew = w->lmul = 0;
      cg_vcfg_update(w);
      return;
   }

   const unsigned vcfg = 1 + (vtype & 0x3f);
   const uint32_t vlmax = (lmul >= 0 ? w->vlenb << lmul : w->vlenb >> -lmul) >> sew;
   const uint32_t vl = avl < vlmax ? (uint32_t)avl : vlmax;
   w->vtype = vtype;
   w->vcfg = (uint16_t)vcfg;
   w->sew = (uint8_t)sew;
   w->lmul = (int8_t)lmul;
   w->vlmax = vlmax;
   w->vl = vl;
   derive(w, vtype, vcfg, lmul, vl, vlmax, 0);
}

/* rs1 = x0: the largest vl, or with rd = x0, too, the old one. */
static uint64_t
requested_avl(const struct cg_wave *w, const struct cg_op *op)
{
   if (op->rs1)
      return w->x[op->rs1];
   return op->rd == CG_XZERO_SINK ? w->vl : ~0ull;
}

const struct cg_op *
cg_exec_vsetvli(struct cg_wave *w, const struct cg_op *op)
{
   cg_vtype_set(w, op->imm, requested_avl(w, op));
   w->x[op->rd] = w->vl;
   return op + 2;
}

const struct cg_op *
cg_exec_vsetvl(struct cg_wave *w, const struct cg_op *op)
{
   cg_vtype_set(w, w->x[op->rs2], requested_avl(w, op));
   w->x[op->rd] = w->vl;
   return op + 2;
}

const struct cg_op *
cg_exec_vsetivli(struct cg_wave *w, const struct cg_op *op)
{
   cg_vtype_set(w, op->imm, op->rs1);
   w->x[op->rd] = w->vl;
   return op + 2;
}
