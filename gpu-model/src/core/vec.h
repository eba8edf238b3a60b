/* SPDX-License-Identifier: MIT */
/*
 * The vector unit's inside.
 *
 * Arithmetic is split in two.  A kernel (vec_kern_*.c, compiled once for each
 * host SIMD level) computes a chunk of 256 bytes of the widest operand, always
 * all of it: its loops have constant trip counts.  vec_exec.c walks the
 * register group in chunks; where elements are masked off or beyond vl it lets
 * the kernel write a scratch chunk and blends the active elements into vd.
 * Where an inactive lane could raise an exception, its operands are replaced
 * first.  Operations on whole registers, the common case at VLEN 2048, have
 * fast handlers that call the kernel's body directly.
 */
#ifndef CG_VEC_H
#define CG_VEC_H

#include "core_priv.h"

/** Properties of a vector operation. */
enum {
   CG_VI_FP = 1 << 0,       /**< the sources are floating point */
   CG_VI_ROUND = 1 << 1,    /**< depends on the rounding mode */
   CG_VI_GUARD = 1 << 2,    /**< has side effects: inactive lanes compute with harmless operands */
   CG_VI_ACC = 1 << 3,      /**< vd is a source */
   CG_VI_MASKOUT = 1 << 4,  /**< vd gets a bit for each element */
   CG_VI_CARRY = 1 << 5,    /**< v0 is an operand, not a mask */
   CG_VI_UIMM = 1 << 6,     /**< the immediate is unsigned */
   CG_VI_UNARY = 1 << 7,    /**< the vs1 field is part of the opcode */
   CG_VI_NEG_PROD = 1 << 8, /**< multiply-add: for RMM, what is negated and where the addend is */
   CG_VI_NEG_ADD = 1 << 9,
   CG_VI_ADD_VS2 = 1 << 10,
   CG_VI_REVERSE = 1 << 11, /**< vs1 op vs2 */
   CG_VI_INT_SRC = 1 << 12, /**< conversion from integer, signed */
   CG_VI_UINT_SRC = 1 << 13,
   CG_VI_NO_VS2 = 1 << 14,  /**< the vs2 field must be 0 */
};

#define CG_FORM(f) (1u << (f))

/** One vector operation; arrays are indexed by SEW (log2 bytes). */
struct cg_vinfo {
   cg_vkern kern[4];
   cg_exec_fn fast_v[4], fast_x[4];
   int8_t dw, aw, bw;       /**< log2 of the width of vd, vs2, vs1 relative to SEW */
   uint8_t forms;           /**< CG_FORM() mask */
   uint8_t fop;             /**< enum cg_fop */
   uint16_t flags;
};

/**
 * Where 64 elements are in host memory: that of lane i at @va + i * @lane_va + o, o less than @starts, and
 * on the host at @host + i * @lane_host + o, where those bits of o that @rows has count 64 times as much;
 * the others are less than @row_starts.
 */
struct cg_place {
   uint8_t *host;
   uint64_t va, lane_va, starts, rows, row_starts;
   uint32_t lane_host;
};

/** What a host SIMD level provides. */
struct cg_isa {
   const char *name;
   const struct cg_vinfo *opi, *opm, *opf;        /**< by funct6 */
   const struct cg_vinfo *vmv;                    /**< vmv.v.* */
   const struct cg_vinfo *vmerge, *vfmerge, *vfsqrt;
   const struct cg_vinfo *xunary, *funary0, *funary1; /**< by the vs1 field */
   /** d[i] = bit i ? r[i] : d[i], n elements (a multiple of 32) of 1 << sew bytes */
   void (*blend[4])(void *d, const void *r, const uint64_t *bits, unsigned n);
   /** as blend, but memory of inactive elements is not written */
   void (*store[4])(void *d, const void *r, const uint64_t *bits, unsigned n);
   /** 64 addresses: base plus indices of 1 << isew bytes, zero-extended */
   void (*addresses[4])(uint64_t *addr, const void *index, uint64_t base);
   /** offsets from host of those of 64 addresses that @bits has, 0 for others; false: not all are in that place */
   bool (*offsets)(uint32_t *offset, const uint64_t *addr, uint64_t bits, const struct cg_place *place);
   /** load or store, in order, elements of 1 << sew bytes at such offsets */
   void (*gather[4])(void *d, const uint8_t *host, const uint32_t *offset, uint64_t bits);
   void (*scatter[4])(uint8_t *host, const void *s, const uint32_t *offset, uint64_t bits);
   /** do 64 elements of @size bytes lie side by side? */
   bool (*contiguous)(const uint64_t *addr, uint64_t size);
   /** like memcpy(), but no aligned element of up to 8 bytes is torn or written twice */
   void (*copy)(void *dst, const void *src, size_t size);
};

/** The best level of this host; COLIBRI_CORE_ISA=base|avx2|avx512 chooses a lower one. */
const struct cg_isa *cg_isa_get(void);

extern const struct cg_isa cg_isa_base, cg_isa_avx2, cg_isa_avx512;

/** Handler of vector arithmetic: checks, then walks the group. */
const struct cg_op *cg_vec_slow(struct cg_wave *w, const struct cg_op *op);

/** RMM: the active elements of a chunk, one by one. */
void cg_vec_rmm(struct cg_wave *w, const struct cg_op *op, void *d, const void *a, const void *b,
                const void *c, const uint64_t *bits, unsigned n);

/** Bits [first, first + n) of the elements that are to be done: mask, vl and vstart; n <= 256, both multiples of 32. */
void cg_vec_active(const struct cg_wave *w, bool masked, unsigned first, unsigned n, uint64_t *bits);

/** One element's mask bit. */
static inline bool
cg_vec_bit(const uint8_t *mask, unsigned i)
{
   return mask[i >> 3] >> (i & 7) & 1;
}

static inline void
cg_vec_set_bit(uint8_t *mask, unsigned i, bool value)
{
   mask[i >> 3] = (uint8_t)((mask[i >> 3] & ~(1u << (i & 7))) | (unsigned)value << (i & 7));
}

static inline bool
cg_vec_is_active(const struct cg_wave *w, const struct cg_op *op, unsigned i)
{
   return op->vm || cg_vec_bit(w->v, i);
}

static inline uint64_t
cg_elem_get(const uint8_t *base, unsigned i, unsigned sew)
{
   uint64_t v = 0;
   switch (sew) {
   case 0: return base[i];
   case 1: memcpy(&v, base + 2 * i, 2); return v;
   case 2: memcpy(&v, base + 4 * i, 4); return v;
   default: memcpy(&v, base + 8 * i, 8); return v;
   }
}

static inline void
cg_elem_set(uint8_t *base, unsigned i, unsigned sew, uint64_t v)
{
   switch (sew) {
   case 0: base[i] = (uint8_t)v; break;
   case 1: memcpy(base + 2 * i, &v, 2); break;
   case 2: memcpy(base + 4 * i, &v, 4); break;
   default: memcpy(base + 8 * i, &v, 8); break;
   }
}

/** Done with a vector instruction. */
static inline const struct cg_op *
cg_vec_done(struct cg_wave *w, const struct cg_op *op)
{
   if (unlikely(w->vstart)) {
      w->vstart = 0;
      cg_vcfg_update(w);
   }
   return op + 2;
}

/* vec_check.c: the rules about register groups; widths and LMUL as log2 */

/** Is @reg the start of a group of 1 << @emul registers? */
bool cg_group_ok(unsigned reg, int emul);
/** May a destination group overlap this source group? */
bool cg_overlap_ok(unsigned vd, int demul, int deew, unsigned vs, int semul, int seew);
bool cg_groups_touch(unsigned a, int aemul, unsigned b, int bemul);
bool cg_emul_ok(int emul);

/* Handlers of the other vector files. */
#define CG_VEC_HANDLERS(X) \
   X(vsetvli) X(vsetvl) X(vsetivli) X(vatomic) \
   X(reduce) X(freduce) X(mask_logic) X(vcpop) X(vfirst) X(vmsxf) X(viota) X(vid) \
   X(vmv_x_s) X(vmv_s_x) X(vfmv_f_s) X(vfmv_s_f) X(vmvr) \
   X(slideup) X(slidedown) X(slide1up) X(slide1down) X(gather) X(gatherei16) X(compress)

#define CG_VEC_DECLARE(name) const struct cg_op *cg_exec_##name(struct cg_wave *w, const struct cg_op *op);
CG_VEC_HANDLERS(CG_VEC_DECLARE)

#endif /* CG_VEC_H */
