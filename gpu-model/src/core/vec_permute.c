/* SPDX-License-Identifier: MIT */
/*
 * Slides, gathers and compress.  Destinations never overlap what they read,
 * but for slides down, which read ahead of what they write.
 */
#include "fp.h"
#include "vec.h"

static bool
permute_ok(const struct cg_wave *w, const struct cg_op *op)
{
   return w->vcfg != CG_VCFG_ILL && cg_group_ok(op->rd, w->lmul) && cg_group_ok(op->rs2, w->lmul) &&
          (op->vm || op->rd != 0);
}

static bool
apart(const struct cg_wave *w, const struct cg_op *op)
{
   return !cg_groups_touch(op->rd, w->lmul, op->rs2, w->lmul);
}

/* d[to..] = a[from..], n elements; the two may be the same registers. */
static void
move_elements(const struct cg_wave *w, uint8_t *d, unsigned to, const uint8_t *a, unsigned from, unsigned n)
{
   memmove(d + ((size_t)to << w->sew), a + ((size_t)from << w->sew), (size_t)n << w->sew);
}

static uint64_t
amount(const struct cg_wave *w, const struct cg_op *op)
{
   return op->form == CG_VI ? (uint64_t)op->imm : w->x[op->rs1];
}

const struct cg_op *
cg_exec_slideup(struct cg_wave *w, const struct cg_op *op)
{
   uint8_t *d = cg_vreg(w, op->rd), *a = cg_vreg(w, op->rs2);
   uint64_t offset = amount(w, op);

   if (!permute_ok(w, op) || !apart(w, op))
      return cg_illegal(w, op);
   unsigned first = w->vstart > offset ? w->vstart : (unsigned)(offset < w->vl ? offset : w->vl);
   if (op->vm && first < w->vl) {
      move_elements(w, d, first, a, first - (unsigned)offset, w->vl - first);
      return cg_vec_done(w, op);
   }
   for (unsigned i = first; i < w->vl; i++) {
      if (cg_vec_is_active(w, op, i))
         cg_elem_set(d, i, w->sew, cg_elem_get(a, i - (unsigned)offset, w->sew));
   }
   return cg_vec_done(w, op);
}

const struct cg_op *
cg_exec_slidedown(struct cg_wave *w, const struct cg_op *op)
{
   uint8_t *d = cg_vreg(w, op->rd), *a = cg_vreg(w, op->rs2);
   uint64_t offset = amount(w, op);

   if (!permute_ok(w, op))
      return cg_illegal(w, op);
   unsigned i = w->vstart;
   if (op->vm && i < w->vl && offset < w->vlmax - i) {
      unsigned n = w->vlmax - (unsigned)offset < w->vl ? w->vlmax - (unsigned)offset - i : w->vl - i;
      move_elements(w, d, i, a, i + (unsigned)offset, n);
      i += n;
   }
   for (; i < w->vl; i++) {
      if (!cg_vec_is_active(w, op, i))
         continue;
      bool inside = offset < w->vlmax && i + offset < w->vlmax;
      cg_elem_set(d, i, w->sew, inside ? cg_elem_get(a, i + (unsigned)offset, w->sew) : 0);
   }
   return cg_vec_done(w, op);
}

static uint64_t
slide1_scalar(const struct cg_wave *w, const struct cg_op *op)
{
   return op->form == CG_VF ? cg_unbox(w->f[op->rs1], w->sew) : w->x[op->rs1];
}

const struct cg_op *
cg_exec_slide1up(struct cg_wave *w, const struct cg_op *op)
{
   uint8_t *d = cg_vreg(w, op->rd), *a = cg_vreg(w, op->rs2);

   if (!permute_ok(w, op) || !apart(w, op) || (op->form == CG_VF && w->sew == 0))
      return cg_illegal(w, op);
   for (unsigned i = w->vstart; i < w->vl; i++) {
      if (cg_vec_is_active(w, op, i))
         cg_elem_set(d, i, w->sew, i ? cg_elem_get(a, i - 1, w->sew) : slide1_scalar(w, op));
   }
   return cg_vec_done(w, op);
}

const struct cg_op *
cg_exec_slide1down(struct cg_wave *w, const struct cg_op *op)
{
   uint8_t *d = cg_vreg(w, op->rd), *a = cg_vreg(w, op->rs2);

   if (!permute_ok(w, op) || (op->form == CG_VF && w->sew == 0))
      return cg_illegal(w, op);
   for (unsigned i = w->vstart; i < w->vl; i++) {
      if (cg_vec_is_active(w, op, i))
         cg_elem_set(d, i, w->sew, i + 1 < w->vl ? cg_elem_get(a, i + 1, w->sew) : slide1_scalar(w, op));
   }
   return cg_vec_done(w, op);
}

/* 32-bit elements without a mask: what code for 64 lanes shuffles. */
static void
gather_words(struct cg_wave *w, const struct cg_op *op, const uint8_t *index)
{
   const uint8_t *a = cg_vreg(w, op->rs2);
   uint8_t *d = cg_vreg(w, op->rd);
   for (unsigned i = w->vstart; i < w->vl; i++) {
      uint32_t from, v = 0;
      memcpy(&from, index + 4 * i, sizeof(from));
      if (from < w->vlmax)
         memcpy(&v, a + 4 * (size_t)from, sizeof(v));
      memcpy(d + 4 * i, &v, sizeof(v));
   }
}

/* vd[i] = vs2[index[i]], 0 beyond VLMAX. */
static void
gather(struct cg_wave *w, const struct cg_op *op, const uint8_t *index, unsigned isew)
{
   uint8_t *d = cg_vreg(w, op->rd), *a = cg_vreg(w, op->rs2);
   if (op->vm && w->sew == 2 && isew == 2) {
      gather_words(w, op, index);
      return;
   }
   for (unsigned i = w->vstart; i < w->vl; i++) {
      if (!cg_vec_is_active(w, op, i))
         continue;
      uint64_t from = cg_elem_get(index, i, isew);
      cg_elem_set(d, i, w->sew, from < w->vlmax ? cg_elem_get(a, (unsigned)from, w->sew) : 0);
   }
}

static void
gather_scalar(struct cg_wave *w, const struct cg_op *op)
{
   uint8_t *d = cg_vreg(w, op->rd);
   uint64_t from = amount(w, op);
   uint64_t v = from < w->vlmax ? cg_elem_get(cg_vreg(w, op->rs2), (unsigned)from, w->sew) : 0;
   for (unsigned i = w->vstart; i < w->vl; i++) {
      if (cg_vec_is_active(w, op, i))
         cg_elem_set(d, i, w->sew, v);
   }
}

const struct cg_op *
cg_exec_gather(struct cg_wave *w, const struct cg_op *op)
{
   if (!permute_ok(w, op) || !apart(w, op))
      return cg_illegal(w, op);
   if (op->form != CG_VV) {
      gather_scalar(w, op);
      return cg_vec_done(w, op);
   }
   if (!cg_group_ok(op->rs1, w->lmul) || cg_groups_touch(op->rd, w->lmul, op->rs1, w->lmul))
      return cg_illegal(w, op);
   gather(w, op, cg_vreg(w, op->rs1), w->sew);
   return cg_vec_done(w, op);
}

const struct cg_op *
cg_exec_gatherei16(struct cg_wave *w, const struct cg_op *op)
{
   int iemul = w->lmul + 1 - w->sew;
   if (!permute_ok(w, op) || !apart(w, op) || !cg_emul_ok(iemul) || !cg_group_ok(op->rs1, iemul) ||
       cg_groups_touch(op->rd, w->lmul, op->rs1, iemul))
      return cg_illegal(w, op);
   gather(w, op, cg_vreg(w, op->rs1), 1);
   return cg_vec_done(w, op);
}

const struct cg_op *
cg_exec_compress(struct cg_wave *w, const struct cg_op *op)
{
   uint8_t *d = cg_vreg(w, op->rd), *a = cg_vreg(w, op->rs2), *mask = cg_vreg(w, op->rs1);
   unsigned to = 0;

   if (!permute_ok(w, op) || !apart(w, op) || w->vstart || cg_groups_touch(op->rd, w->lmul, op->rs1, 0))
      return cg_illegal(w, op);
   for (unsigned i = 0; i < w->vl; i++) {
      if (cg_vec_bit(mask, i))
         cg_elem_set(d, to++, w->sew, cg_elem_get(a, i, w->sew));
   }
   return cg_vec_done(w, op);
}
