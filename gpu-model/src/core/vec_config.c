/* SPDX-License-Identifier: MIT */
/*
 * vsetvl and what follows from vtype, vl and vstart.
 */
#include "fpenv.h"
#include "vec.h"

void
cg_vcfg_update(struct cg_wave *w)
{
   bool full = w->vcfg != CG_VCFG_ILL && w->vlenb == CG_MAX_VLENB && w->lmul >= 0 &&
               w->vl == w->vlmax && w->vstart == 0;
   w->vfull = full ? w->vcfg : CG_NEVER;
   bool lanes = w->vcfg != CG_VCFG_ILL && w->vlenb == CG_MAX_VLENB && w->vl == CG_LANES && w->vlmax == CG_LANES &&
                w->vstart == 0;
   w->lanes = lanes ? (uint32_t)w->vtype : CG_NEVER;
   w->vfull_fp = full && w->rm < CG_RMM ? w->vcfg : CG_NEVER;
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
   } else {
      w->vtype = vtype;
      w->vcfg = 1 + (vtype & 0x3f);
      w->sew = sew;
      w->lmul = lmul;
      w->vlmax = (lmul >= 0 ? w->vlenb << lmul : w->vlenb >> -lmul) >> sew;
      w->vl = avl < w->vlmax ? avl : w->vlmax;
   }
   cg_vcfg_update(w);
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
