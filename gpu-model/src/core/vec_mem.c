/* SPDX-License-Identifier: MIT */
/*
 * Vector loads and stores: the instructions and their legality.
 */
#include "vec_mem.h"

/* Fields of a segment instruction and the registers they need. */
static bool
data_ok(const struct cg_op *op, int emul, bool store)
{
   unsigned regs = emul > 0 ? 1u << emul : 1;
   return cg_emul_ok(emul) && cg_group_ok(op->rd, emul) && op->rm * regs <= 8 && op->rd + op->rm * regs <= 32 &&
          (store || op->vm || op->rd != 0);
}

static size_t
field_step(const struct cg_wave *w, int emul)
{
   return (size_t)w->vlenb << (emul > 0 ? emul : 0);
}

static bool
check_eew(struct cg_wave *w, const struct cg_op *op, bool store)
{
   if (likely(op->cfg == w->vcfg))
      return true;
   if (w->vcfg == CG_VCFG_ILL || !data_ok(op, w->lmul + op->form - w->sew, store))
      return false;
   ((struct cg_op *)op)->cfg = w->vcfg;
   ((struct cg_op *)op)->fast = op->vm && op->rm == 1 ? w->vcfg : CG_NOT_FAST;
   return true;
}

/* Host memory of a plain unit-stride access in one page, or NULL; op->fast: unmasked, no segments. */
static inline uint8_t *
plain_unit(struct cg_wave *w, const struct cg_op *op, uint32_t perm)
{
   if (unlikely(op->fast != w->vcfg || w->vstart || w->restart.active))
      return NULL;
   return cg_mem_fast(w, w->x[op->rs1], w->vl << op->form, perm);
}

/* The same with a mask, of 32 elements or a few times as many. */
static inline uint8_t *
plain_masked(struct cg_wave *w, const struct cg_op *op, uint32_t perm)
{
   if (op->cfg != w->vcfg || op->vm || op->rm != 1 || w->vstart || w->restart.active || w->vl % 32 || w->vl > 256)
      return NULL;
   return cg_mem_fast(w, w->x[op->rs1], w->vl << op->form, perm);
}

static bool
check_indexed(struct cg_wave *w, const struct cg_op *op, bool store)
{
   if (likely(op->cfg == w->vcfg))
      return true;
   int iemul = w->lmul + op->form - w->sew;
   if (w->vcfg == CG_VCFG_ILL || !data_ok(op, w->lmul, store) || !cg_emul_ok(iemul) || !cg_group_ok(op->rs2, iemul))
      return false;
   if (!store) {
      unsigned regs = w->lmul > 0 ? 1u << w->lmul : 1;
      for (unsigned f = 0; f < op->rm; f++) {
         unsigned vd = op->rd + f * regs;
         if (!cg_overlap_ok(vd, w->lmul, w->sew, op->rs2, iemul, op->form) ||
             (op->rm > 1 && cg_groups_touch(vd, w->lmul, op->rs2, iemul)))
            return false;
      }
   }
   ((struct cg_op *)op)->cfg = w->vcfg;
   return true;
}

static struct cg_vmem
unit(struct cg_wave *w, const struct cg_op *op, bool store)
{
   return (struct cg_vmem){
      .reg = cg_vreg(w, op->rd), .sew = op->form, .nf = op->rm,
      .field_step = field_step(w, w->lmul + op->form - w->sew),
      .n = w->vl, .store = store, .masked = !op->vm,
      .base = w->x[op->rs1], .stride = (int64_t)op->rm << op->form,
   };
}

const struct cg_op *
cg_exec_vle(struct cg_wave *w, const struct cg_op *op)
{
   uint8_t *host = plain_unit(w, op, CG_PERM_R);
   if (likely(host)) {
      w->core->isa->copy(cg_vreg(w, op->rd), host, w->vl << op->form);
      return op + 2;
   }
   host = plain_masked(w, op, CG_PERM_R);
   if (host) {
      uint64_t bits[4];
      memcpy(bits, w->v, sizeof(bits));
      w->core->isa->blend[op->form](cg_vreg(w, op->rd), host, bits, w->vl);
      return op + 2;
   }
   if (!check_eew(w, op, false))
      return cg_illegal(w, op);
   struct cg_vmem m = unit(w, op, false);
   return cg_vmem_run(w, op, &m);
}

const struct cg_op *
cg_exec_vse(struct cg_wave *w, const struct cg_op *op)
{
   uint8_t *host = plain_unit(w, op, CG_PERM_W);
   if (likely(host)) {
      w->core->isa->copy(host, cg_vreg(w, op->rd), w->vl << op->form);
      return op + 2;
   }
   host = plain_masked(w, op, CG_PERM_W);
   if (host) {
      uint64_t bits[4];
      memcpy(bits, w->v, sizeof(bits));
      w->core->isa->store[op->form](host, cg_vreg(w, op->rd), bits, w->vl);
      return op + 2;
   }
   if (!check_eew(w, op, true))
      return cg_illegal(w, op);
   struct cg_vmem m = unit(w, op, true);
   return cg_vmem_run(w, op, &m);
}

const struct cg_op *
cg_exec_vlse(struct cg_wave *w, const struct cg_op *op)
{
   if (!check_eew(w, op, false))
      return cg_illegal(w, op);
   struct cg_vmem m = unit(w, op, false);
   m.stride = (int64_t)w->x[op->rs2];
   return cg_vmem_run(w, op, &m);
}

const struct cg_op *
cg_exec_vsse(struct cg_wave *w, const struct cg_op *op)
{
   if (!check_eew(w, op, true))
      return cg_illegal(w, op);
   struct cg_vmem m = unit(w, op, true);
   m.stride = (int64_t)w->x[op->rs2];
   return cg_vmem_run(w, op, &m);
}

/* Whole registers and masks are plain bytes in memory; only vstart counts elements. */
static struct cg_vmem
plain(struct cg_wave *w, const struct cg_op *op, unsigned n, bool store)
{
   return (struct cg_vmem){
      .reg = cg_vreg(w, op->rd), .sew = op->form, .nf = 1, .n = n, .store = store,
      .base = w->x[op->rs1], .stride = 1 << op->form,
   };
}

const struct cg_op *
cg_exec_vlr(struct cg_wave *w, const struct cg_op *op)
{
   struct cg_vmem m = plain(w, op, op->rm * w->vlenb >> op->form, false);
   return cg_vmem_run(w, op, &m);
}

const struct cg_op *
cg_exec_vsr(struct cg_wave *w, const struct cg_op *op)
{
   struct cg_vmem m = plain(w, op, op->rm * w->vlenb, true);
   return cg_vmem_run(w, op, &m);
}

const struct cg_op *
cg_exec_vlm(struct cg_wave *w, const struct cg_op *op)
{
   if (w->vcfg == CG_VCFG_ILL)
      return cg_illegal(w, op);
   struct cg_vmem m = plain(w, op, (w->vl + 7) / 8, false);
   return cg_vmem_run(w, op, &m);
}

const struct cg_op *
cg_exec_vsm(struct cg_wave *w, const struct cg_op *op)
{
   if (w->vcfg == CG_VCFG_ILL)
      return cg_illegal(w, op);
   struct cg_vmem m = plain(w, op, (w->vl + 7) / 8, true);
   return cg_vmem_run(w, op, &m);
}

static struct cg_vmem
indexed(struct cg_wave *w, const struct cg_op *op, bool store)
{
   return (struct cg_vmem){
      .reg = cg_vreg(w, op->rd), .sew = w->sew, .nf = op->rm, .field_step = field_step(w, w->lmul),
      .n = w->vl, .store = store, .masked = !op->vm,
      .base = w->x[op->rs1], .index = cg_vreg(w, op->rs2), .isew = op->form,
   };
}

/*
 * Elements are done in the order in which their pages come, so a load that
 * overwrites its own indices must keep those; equal widths overlap element by
 * element and need no copy.
 */
static void
save_index(struct cg_wave *w, const struct cg_op *op, struct cg_vmem *m)
{
   int iemul = w->lmul + op->form - w->sew;
   if (op->form == w->sew || !cg_groups_touch(op->rd, w->lmul, op->rs2, iemul))
      return;
   if (!w->restart.active)
      memcpy(w->restart.index, m->index, (size_t)m->n << m->isew);
   m->index = w->restart.index;
}

const struct cg_op *
cg_exec_vlxei(struct cg_wave *w, const struct cg_op *op)
{
   if (!check_indexed(w, op, false))
      return cg_illegal(w, op);
   struct cg_vmem m = indexed(w, op, false);
   save_index(w, op, &m);
   return cg_vmem_run(w, op, &m);
}

const struct cg_op *
cg_exec_vsxei(struct cg_wave *w, const struct cg_op *op)
{
   if (!check_indexed(w, op, true))
      return cg_illegal(w, op);
   struct cg_vmem m = indexed(w, op, true);
   return cg_vmem_run(w, op, &m);
}

/* All fields of element i; nothing is noted when a page is missing. */
static bool
element_there(struct cg_wave *w, const struct cg_vmem *m, unsigned i)
{
   uint64_t va = m->base + (uint64_t)i * (uint64_t)m->stride, size = (uint64_t)m->nf << m->sew;
   struct cg_span span;
   while (size) {
      if (cg_mem_probe(w, va, COLIBRI_ACCESS_READ, &span) != CG_MEM_OK)
         return false;
      uint64_t step = span.size < size ? span.size : size;
      va += step, size -= step;
   }
   return true;
}

/* Only element 0 may fault; the first later one that would ends the vector. */
const struct cg_op *
cg_exec_vleff(struct cg_wave *w, const struct cg_op *op)
{
   if (!check_eew(w, op, false))
      return cg_illegal(w, op);
   struct cg_vmem m = unit(w, op, false);
   for (unsigned i = w->vstart > 1 ? w->vstart : 1; i < m.n; i++) {
      if (cg_vec_is_active(w, op, i) && !element_there(w, &m, i)) {
         m.n = i;
         break;
      }
   }
   const struct cg_op *next = cg_vmem_run(w, op, &m);
   if (next && m.n < w->vl) {
      w->vl = m.n;
      cg_vcfg_update(w);
   }
   return next;
}
