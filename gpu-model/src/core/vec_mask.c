/* SPDX-License-Identifier: MIT */
/*
 * Mask instructions, and the moves between element 0 and scalar registers.
 */
#include "fp.h"
#include "vec.h"

/* d = f(vs2, vs1) on bits [vstart, vl). */
static uint64_t
logic(unsigned f6, uint64_t a, uint64_t b)
{
   switch (f6) {
   case 0x18: return a & ~b;
   case 0x19: return a & b;
   case 0x1a: return a | b;
   case 0x1b: return a ^ b;
   case 0x1c: return a | ~b;
   case 0x1d: return ~(a & b);
   case 0x1e: return ~(a | b);
   default: return ~(a ^ b);
   }
}

const struct cg_op *
cg_exec_mask_logic(struct cg_wave *w, const struct cg_op *op)
{
   uint8_t *d = cg_vreg(w, op->rd), *a = cg_vreg(w, op->rs2), *b = cg_vreg(w, op->rs1);

   if (w->vcfg == CG_VCFG_ILL)
      return cg_illegal(w, op);
   if (likely(w->vl == CG_LANES && w->vstart == 0)) {
      uint64_t x, y;
      memcpy(&x, a, sizeof(x));
      memcpy(&y, b, sizeof(y));
      x = logic(op->insn >> 26, x, y);
      memcpy(d, &x, sizeof(x));
      return op + 2;
   }
   for (unsigned e = w->vstart / 64 * 64; e < w->vl; e += 64) {
      unsigned n = w->vl - e < 64 ? (w->vl - e + 7) / 8 : 8;
      uint64_t x = 0, y = 0, old = 0, bits[1];
      memcpy(&x, a + e / 8, n);
      memcpy(&y, b + e / 8, n);
      memcpy(&old, d + e / 8, n);
      cg_vec_active(w, false, e, 64, bits);
      old = (old & ~bits[0]) | (logic(op->insn >> 26, x, y) & bits[0]);
      memcpy(d + e / 8, &old, n);
   }
   return cg_vec_done(w, op);
}

/* Active bits of vs2 in [e, e + 64). */
static uint64_t
active_source(const struct cg_wave *w, const struct cg_op *op, unsigned e)
{
   uint64_t bits[1], x = 0;
   cg_vec_active(w, !op->vm, e, 64, bits);
   unsigned n = w->vl - e < 64 ? (w->vl - e + 7) / 8 : 8;
   memcpy(&x, w->v + op->rs2 * w->vlenb + e / 8, n);
   return x & bits[0];
}

const struct cg_op *
cg_exec_vcpop(struct cg_wave *w, const struct cg_op *op)
{
   uint64_t count = 0;
   if (w->vcfg == CG_VCFG_ILL || w->vstart)
      return cg_illegal(w, op);
   for (unsigned e = 0; e < w->vl; e += 64)
      count += (uint64_t)__builtin_popcountll(active_source(w, op, e));
   w->x[op->rd] = count;
   return cg_vec_done(w, op);
}

const struct cg_op *
cg_exec_vfirst(struct cg_wave *w, const struct cg_op *op)
{
   uint64_t first = ~0ull;
   if (w->vcfg == CG_VCFG_ILL || w->vstart)
      return cg_illegal(w, op);
   for (unsigned e = 0; e < w->vl; e += 64) {
      uint64_t bits = active_source(w, op, e);
      if (bits) {
         first = e + (unsigned)__builtin_ctzll(bits);
         break;
      }
   }
   w->x[op->rd] = first;
   return cg_vec_done(w, op);
}

/* vmsbf, vmsof, vmsif: before, only, including the first set bit; vs1 tells which. */
const struct cg_op *
cg_exec_vmsxf(struct cg_wave *w, const struct cg_op *op)
{
   uint8_t *d = cg_vreg(w, op->rd), *a = cg_vreg(w, op->rs2);
   bool seen = false;

   if (w->vcfg == CG_VCFG_ILL || w->vstart || op->rd == op->rs2 || (!op->vm && op->rd == 0))
      return cg_illegal(w, op);
   for (unsigned i = 0; i < w->vl; i++) {
      if (!cg_vec_is_active(w, op, i))
         continue;
      bool hit = !seen && cg_vec_bit(a, i);
      bool before = !seen && !hit;
      cg_vec_set_bit(d, i, op->rs1 == 1 ? before : op->rs1 == 2 ? hit : before || hit);
      seen |= hit;
   }
   return cg_vec_done(w, op);
}

const struct cg_op *
cg_exec_viota(struct cg_wave *w, const struct cg_op *op)
{
   uint8_t *d = cg_vreg(w, op->rd), *a = cg_vreg(w, op->rs2);
   uint64_t count = 0;

   if (w->vcfg == CG_VCFG_ILL || w->vstart || !cg_group_ok(op->rd, w->lmul) || (!op->vm && op->rd == 0) ||
       cg_groups_touch(op->rd, w->lmul, op->rs2, 0))
      return cg_illegal(w, op);
   for (unsigned i = 0; i < w->vl; i++) {
      if (!cg_vec_is_active(w, op, i))
         continue;
      cg_elem_set(d, i, w->sew, count);
      count += cg_vec_bit(a, i);
   }
   return cg_vec_done(w, op);
}

/* 0, 1, 2 ...: every kernel asks for its lanes' numbers. */
static void
count_up(uint8_t *d, unsigned n, unsigned sew)
{
   uint32_t words[CG_LANES];
   if (sew == 2 && n == CG_LANES) {
      for (unsigned i = 0; i < CG_LANES; i++)
         words[i] = i;
      memcpy(d, words, sizeof(words));
      return;
   }
   for (unsigned i = 0; i < n; i++)
      cg_elem_set(d, i, sew, i);
}

const struct cg_op *
cg_exec_vid(struct cg_wave *w, const struct cg_op *op)
{
   uint8_t *d = cg_vreg(w, op->rd);

   if (w->vcfg == CG_VCFG_ILL || !cg_group_ok(op->rd, w->lmul) || (!op->vm && op->rd == 0))
      return cg_illegal(w, op);
   if (op->vm && w->vstart == 0) {
      count_up(d, w->vl, w->sew);
      return op + 2;
   }
   for (unsigned i = w->vstart; i < w->vl; i++) {
      if (cg_vec_is_active(w, op, i))
         cg_elem_set(d, i, w->sew, i);
   }
   return cg_vec_done(w, op);
}

const struct cg_op *
cg_exec_vmv_x_s(struct cg_wave *w, const struct cg_op *op)
{
   if (w->vcfg == CG_VCFG_ILL)
      return cg_illegal(w, op);
   unsigned unused = 64 - (8u << w->sew);
   uint64_t v = cg_elem_get(cg_vreg(w, op->rs2), 0, w->sew);
   w->x[op->rd] = (uint64_t)((int64_t)(v << unused) >> unused);
   return cg_vec_done(w, op);
}

const struct cg_op *
cg_exec_vmv_s_x(struct cg_wave *w, const struct cg_op *op)
{
   if (w->vcfg == CG_VCFG_ILL)
      return cg_illegal(w, op);
   if (w->vstart < w->vl)
      cg_elem_set(cg_vreg(w, op->rd), 0, w->sew, w->x[op->rs1]);
   return cg_vec_done(w, op);
}

const struct cg_op *
cg_exec_vfmv_f_s(struct cg_wave *w, const struct cg_op *op)
{
   if (w->vcfg == CG_VCFG_ILL || w->sew == 0)
      return cg_illegal(w, op);
   uint64_t v = cg_elem_get(cg_vreg(w, op->rs2), 0, w->sew);
   w->f[op->rd] = w->sew == 3 ? v : v | ~0ull << (8u << w->sew);
   return cg_vec_done(w, op);
}

const struct cg_op *
cg_exec_vfmv_s_f(struct cg_wave *w, const struct cg_op *op)
{
   if (w->vcfg == CG_VCFG_ILL || w->sew == 0)
      return cg_illegal(w, op);
   if (w->vstart < w->vl)
      cg_elem_set(cg_vreg(w, op->rd), 0, w->sew, cg_unbox(w->f[op->rs1], w->sew));
   return cg_vec_done(w, op);
}

/*
 * vmv<n>r.v: whole registers, whatever vl is; vstart counts elements of SEW.  With vill it is executed,
 * since LLVM up to 19 moves registers before the first vsetvli.
 */
const struct cg_op *
cg_exec_vmvr(struct cg_wave *w, const struct cg_op *op)
{
   unsigned n = (unsigned)op->imm + 1;
   if ((n & (n - 1)) || n > 8 || op->rd % n || op->rs2 % n)
      return cg_illegal(w, op);
   size_t from = (size_t)w->vstart << w->sew, size = (size_t)n * w->vlenb;
   if (from < size && op->rd != op->rs2)
      memmove(cg_vreg(w, op->rd) + from, cg_vreg(w, op->rs2) + from, size - from);
   return cg_vec_done(w, op);
}
