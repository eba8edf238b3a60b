/* SPDX-License-Identifier: MIT */
/*
 * Vector arithmetic from instruction to kernel: legality, masks, tails.
 *
 * Elements that are masked off or beyond vl keep their old value (mask and
 * tail undisturbed, which agnostic permits).
 */
#include "../jit/jit.h"
#include "fp.h"
#include "vec.h"

/* Legality under the current vtype; then everything that depends on SEW is filled in. */

static bool
groups_ok(const struct cg_wave *w, const struct cg_op *op, const struct cg_vinfo *info)
{
   int demul = w->lmul + info->dw, aemul = w->lmul + info->aw, bemul = w->lmul + info->bw;
   int sew = w->sew;
   bool maskout = info->flags & CG_VI_MASKOUT;
   bool vector_b = op->form == CG_VV && !(info->flags & CG_VI_UNARY);
   bool vector_a = !(info->flags & CG_VI_NO_VS2);

   if (maskout)
      demul = 0;
   if (!cg_emul_ok(demul) || !cg_emul_ok(aemul))
      return false;
   if (!cg_group_ok(op->rd, demul) || (vector_a && !cg_group_ok(op->rs2, aemul)) ||
       (vector_b && !cg_group_ok(op->rs1, bemul)))
      return false;

   /* A mask has an EEW of 1 bit, less than any other. */
   int deew = maskout ? -3 : sew + info->dw;
   return (!vector_a || cg_overlap_ok(op->rd, demul, deew, op->rs2, aemul, sew + info->aw)) &&
          (!vector_b || cg_overlap_ok(op->rd, demul, deew, op->rs1, bemul, sew + info->bw));
}

static const struct cg_op *whole(struct cg_wave *w, const struct cg_op *op);
static const struct cg_op *whole_masked(struct cg_wave *w, const struct cg_op *op);

static bool
prepare(struct cg_wave *w, struct cg_op *op)
{
   const struct cg_vinfo *info = op->vinfo;
   if (w->vcfg == CG_VCFG_ILL || !info->kern[w->sew])
      return false;
   if (!groups_ok(w, op, info))
      return false;
   /* v0 is read as the mask: it cannot be written, but by a mask result. */
   if (!op->vm && op->rd == 0 && !(info->flags & CG_VI_MASKOUT))
      return false;

   op->kern = info->kern[w->sew];
   op->cfg = w->vcfg;
   op->fast = CG_NOT_FAST;
   cg_exec_fn fast = (op->form == CG_VV ? info->fast_v : info->fast_x)[w->sew];
   if (w->vlenb == CG_MAX_VLENB) {
      bool all = op->vm || (info->flags & CG_VI_CARRY);
      cg_jit_set_fn(w, op, !all ? whole_masked : fast ? fast : whole);
      op->fast = w->vcfg;
   } else {
      cg_jit_set_fn(w, op, cg_vec_slow);
   }
   return true;
}

/* Mask bits. */

static void
range_bits(uint64_t *bits, unsigned words, int64_t from, int64_t to)
{
   for (unsigned i = 0; i < words; i++, from -= 64, to -= 64) {
      uint64_t above = from <= 0 ? ~0ull : from >= 64 ? 0 : ~0ull << from;
      uint64_t below = to >= 64 ? ~0ull : to <= 0 ? 0 : ~(~0ull << to);
      bits[i] = above & below;
   }
}

void
cg_vec_active(const struct cg_wave *w, bool masked, unsigned first, unsigned n, uint64_t *bits)
{
   unsigned words = (n + 63) / 64;
   int64_t end = w->vl - (int64_t)first;
   range_bits(bits, words, w->vstart - (int64_t)first, end < n ? end : n);
   if (!masked)
      return;
   uint64_t mask[4] = { 0 };
   memcpy(mask, w->v + first / 8, (n + 7) / 8);
   for (unsigned i = 0; i < words; i++)
      bits[i] &= mask[i];
}

enum { NONE, SOME, ALL };

static int
classify(const uint64_t *bits, unsigned n)
{
   if (n < 64)
      return bits[0] == 0 ? NONE : bits[0] == (1ull << n) - 1 ? ALL : SOME;
   uint64_t any = 0, every = ~0ull;
   for (unsigned i = 0; i < n / 64; i++) {
      any |= bits[i];
      every &= bits[i];
   }
   return any == 0 ? NONE : every == ~0ull ? ALL : SOME;
}

/* Operands. */

static void
splat(void *dst, uint64_t v, unsigned sew)
{
   uint64_t word = sew == 0 ? (v & 0xff) * 0x0101010101010101ull :
                   sew == 1 ? (v & 0xffff) * 0x0001000100010001ull :
                   sew == 2 ? (v & 0xffffffff) * 0x0000000100000001ull : v;
   uint64_t *d = dst;
   for (unsigned i = 0; i < CG_CHUNK / 8; i++)
      d[i] = word;
}

static uint64_t
scalar_operand(const struct cg_wave *w, const struct cg_op *op)
{
   switch (op->form) {
   case CG_VI: return (uint64_t)op->imm;
   case CG_VF: return cg_unbox(w->f[op->rs1], w->sew);
   default: return w->x[op->rs1];
   }
}

/* 1.0 raises nothing in any operation, and neither does integer 0. */
static uint64_t
harmless(const struct cg_vinfo *info, unsigned sew)
{
   static const uint64_t one[4] = { 0, 0x3c00, 0x3f800000, 0x3ff0000000000000ull };
   return info->flags & CG_VI_FP ? one[sew] : 0;
}

/* The chunk that is worked on. */
struct chunk {
   void *d;
   const void *a, *b, *c;
   unsigned n;
};

struct scratch {
   uint8_t d[CG_CHUNK], a[CG_CHUNK], b[CG_CHUNK], c[CG_CHUNK], splat[CG_CHUNK];
} __attribute__((aligned(64)));

static const void *
guarded(const struct cg_isa *isa, void *buf, const void *src, unsigned sew, uint64_t fill,
        const uint64_t *bits, unsigned n)
{
   splat(buf, fill, sew);
   isa->blend[sew](buf, src, bits, n);
   return buf;
}

static void
kernel_guarded(struct cg_wave *w, const struct cg_op *op, struct chunk k, struct scratch *s, const uint64_t *bits)
{
   const struct cg_vinfo *info = op->vinfo;
   const struct cg_isa *isa = w->core->isa;
   unsigned dsew = w->sew + info->dw, asew = w->sew + info->aw, bsew = w->sew + info->bw;

   k.a = guarded(isa, s->a, k.a, asew, harmless(info, asew), bits, k.n);
   if (!(info->flags & CG_VI_UNARY))
      k.b = guarded(isa, s->b, k.b, bsew, harmless(info, bsew), bits, k.n);
   if (info->flags & CG_VI_ACC)
      k.c = guarded(isa, s->c, k.c, dsew, harmless(info, dsew), bits, k.n);
   op->kern(w, s->d, k.a, k.b, k.c);
}

/*
 * To the scratch chunk.  All lanes compute; if that raises nothing new,
 * the inactive ones did no harm, else once more with the guard.
 */
static void
kernel_to_scratch(struct cg_wave *w, const struct cg_op *op, const struct chunk *k, struct scratch *s, const uint64_t *bits)
{
   if (!(op->vinfo->flags & CG_VI_GUARD)) {
      op->kern(w, s->d, k->a, k->b, k->c);
      return;
   }
   uint32_t env = cg_fp_save();
   uint8_t fflags = w->fflags, vxsat = w->vxsat;
   op->kern(w, s->d, k->a, k->b, k->c);
   if (likely(cg_fp_save() == env && w->fflags == fflags && w->vxsat == vxsat))
      return;
   cg_fp_restore(env);
   w->fflags = fflags;
   w->vxsat = vxsat;
   kernel_guarded(w, op, *k, s, bits);
}

static void
some_lanes(struct cg_wave *w, const struct cg_op *op, struct chunk k, struct scratch *s, const uint64_t *bits)
{
   const struct cg_vinfo *info = op->vinfo;
   const struct cg_isa *isa = w->core->isa;
   unsigned dsew = w->sew + info->dw;
   bool maskout = info->flags & CG_VI_MASKOUT;

   kernel_to_scratch(w, op, &k, s, bits);
   if (!maskout) {
      isa->blend[dsew](k.d, s->d, bits, k.n);
      return;
   }
   uint8_t *out = k.d;
   const uint8_t *which = (const uint8_t *)bits;
   for (unsigned i = 0; i < k.n / 8; i++)
      out[i] = (out[i] & ~which[i]) | (s->d[i] & which[i]);
}

static void
do_chunk(struct cg_wave *w, const struct cg_op *op, struct chunk k, struct scratch *s, const uint64_t *bits)
{
   const struct cg_vinfo *info = op->vinfo;
   int lanes = classify(bits, k.n);

   if (lanes == NONE)
      return;
   if (unlikely(w->rm == CG_RMM) && (info->flags & CG_VI_ROUND))
      cg_vec_rmm(w, op, k.d, k.a, k.b, k.c, bits, k.n);
   else if (lanes == ALL)
      op->kern(w, k.d, k.a, k.b, k.c);
   else
      some_lanes(w, op, k, s, bits);
}

/* Elements in a chunk. */
static unsigned
chunk_elems(const struct cg_wave *w, const struct cg_vinfo *info)
{
   int widest = info->aw > info->bw ? info->aw : info->bw;
   if (!(info->flags & CG_VI_MASKOUT) && info->dw > widest)
      widest = info->dw;
   return CG_CHUNK >> (w->sew + widest);
}

/* All lanes of whole registers, for operations without a fast handler of their own. */
static const struct cg_op *
whole(struct cg_wave *w, const struct cg_op *op)
{
   const struct cg_vinfo *info = op->vinfo;
   if (unlikely(op->fast != (info->flags & CG_VI_ROUND ? w->vfull_fp : w->vfull) || (info->flags & CG_VI_MASKOUT)))
      return cg_vec_slow(w, op);

   unsigned n = chunk_elems(w, info);
   size_t dstep = (size_t)n << (w->sew + info->dw), astep = (size_t)n << (w->sew + info->aw);
   size_t bstep = op->form == CG_VV ? (size_t)n << (w->sew + info->bw) : 0;
   uint8_t *d = cg_vreg(w, op->rd), *a = cg_vreg(w, op->rs2), *b = cg_vreg(w, op->rs1);
   const uint8_t *c = info->flags & CG_VI_CARRY ? w->v : d;   /* the old vd, for those that want it */
   size_t cstep = info->flags & CG_VI_CARRY ? n / 8 : dstep;
   uint8_t splat_b[CG_CHUNK] __attribute__((aligned(64)));

   if (op->form != CG_VV) {
      splat(splat_b, scalar_operand(w, op), w->sew + info->bw);
      b = splat_b;
   }
   for (unsigned e = 0; e < w->vl; e += n) {
      op->kern(w, d, a, b, c);
      d += dstep, a += astep, b += bstep, c += cstep;
   }
   return op + 2;
}

/* The same with a mask: v0's bits are all that matters. */
static const struct cg_op *
whole_masked(struct cg_wave *w, const struct cg_op *op)
{
   const struct cg_vinfo *info = op->vinfo;
   if (unlikely(op->fast != (info->flags & CG_VI_ROUND ? w->vfull_fp : w->vfull) || (info->flags & CG_VI_MASKOUT)))
      return cg_vec_slow(w, op);

   unsigned n = chunk_elems(w, info);
   unsigned dsew = w->sew + info->dw, asew = w->sew + info->aw, bsew = w->sew + info->bw;
   uint8_t *d = cg_vreg(w, op->rd), *a = cg_vreg(w, op->rs2), *b = cg_vreg(w, op->rs1);
   struct scratch s;

   if (op->form != CG_VV) {
      splat(s.splat, scalar_operand(w, op), bsew);
      b = s.splat;
   }
   for (unsigned e = 0; e < w->vl; e += n) {
      uint64_t bits[4];
      struct chunk k = {
         .d = d + ((size_t)e << dsew), .a = a + ((size_t)e << asew),
         .b = op->form == CG_VV ? b + ((size_t)e << bsew) : b, .c = d + ((size_t)e << dsew), .n = n,
      };
      memcpy(bits, w->v + e / 8, sizeof(bits));
      if (n < 64)
         bits[0] &= (1ull << n) - 1;
      do_chunk(w, op, k, &s, bits);
   }
   return op + 2;
}

/* The first vl elements of one chunk, where it does no harm to compute the others as well. */
static const struct cg_op *
walk_short(struct cg_wave *w, const struct cg_op *op)
{
   const struct cg_vinfo *info = op->vinfo;
   unsigned dsew = w->sew + info->dw, bsew = w->sew + info->bw;
   uint8_t *d = cg_vreg(w, op->rd);
   const void *b = cg_vreg(w, op->rs1), *c = info->flags & CG_VI_ACC ? d : NULL;
   struct scratch s;

   if (op->form != CG_VV) {
      splat(s.splat, scalar_operand(w, op), bsew);
      b = s.splat;
   }
   if (info->flags & CG_VI_CARRY)
      c = op->vm ? NULL : w->v;
   op->kern(w, s.d, cg_vreg(w, op->rs2), b, c);
   if (info->flags & CG_VI_MASKOUT) {
      uint8_t left = (uint8_t)(0xff << w->vl % 8);

      memcpy(d, s.d, w->vl / 8);
      if (w->vl % 8)
         d[w->vl / 8] = (d[w->vl / 8] & left) | (s.d[w->vl / 8] & ~left);
   } else {
      memcpy(d, s.d, (size_t)w->vl << dsew);
   }
   return op + 2;
}

static const struct cg_op *
walk(struct cg_wave *w, const struct cg_op *op)
{
   const struct cg_vinfo *info = op->vinfo;
   unsigned dsew = w->sew + info->dw, asew = w->sew + info->aw, bsew = w->sew + info->bw;
   bool maskout = info->flags & CG_VI_MASKOUT, carry = info->flags & CG_VI_CARRY;
   unsigned n = chunk_elems(w, info);
   uint8_t *d = cg_vreg(w, op->rd), *a = cg_vreg(w, op->rs2), *b = cg_vreg(w, op->rs1);
   struct scratch s;
   uint64_t mask_out[CG_MAX_VLMAX / 64 + 4];
   unsigned mask_bytes = (w->vl + 7) / 8;

   if (op->form != CG_VV) {
      splat(s.splat, scalar_operand(w, op), bsew);
      b = s.splat;
   }
   if (maskout)
      memcpy(mask_out, d, mask_bytes);

   for (unsigned e = w->vstart / n * n; e < w->vl; e += n) {
      uint64_t bits[4];
      cg_vec_active(w, !op->vm && !carry, e, n, bits);
      struct chunk k = {
         .d = maskout ? (uint8_t *)mask_out + e / 8 : d + ((size_t)e << dsew),
         .a = a + ((size_t)e << asew),
         .b = op->form == CG_VV ? b + ((size_t)e << bsew) : b,
         .n = n,
      };
      k.c = carry ? (op->vm ? NULL : w->v + e / 8) : info->flags & CG_VI_ACC ? k.d : NULL;
      do_chunk(w, op, k, &s, bits);
   }
   if (maskout)
      memcpy(d, mask_out, mask_bytes);
   return cg_vec_done(w, op);
}

const struct cg_op *
cg_vec_slow(struct cg_wave *w, const struct cg_op *op)
{
   if (unlikely(op->cfg != w->vcfg)) {
      if (!prepare(w, (struct cg_op *)op))
         return cg_illegal(w, op);
   }
   if (unlikely(w->rm > CG_RMM) && (op->vinfo->flags & CG_VI_ROUND))
      return cg_illegal(w, op);
   bool all = op->vm || (op->vinfo->flags & CG_VI_CARRY);
   if (all && !(op->vinfo->flags & (CG_VI_GUARD | CG_VI_ROUND)) && !w->vstart && w->vl <= chunk_elems(w, op->vinfo))
      return walk_short(w, op);
   return walk(w, op);
}
