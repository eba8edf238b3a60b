/* SPDX-License-Identifier: MIT */
/*
 * Selection by mask bits, and the table of what a SIMD level provides.
 */
#include "vec_kern.h"

/*
 * Eight lanes at a time: a byte of the mask, spread over eight elements and
 * compared with its bit.
 */
#define GENERIC_BLEND(T, name) \
   typedef T v8_##name __attribute__((vector_size(8 * sizeof(T)))); \
   ALWAYS_INLINE void blend_eight_##name(T *d, const T *r, uint8_t byte) \
   { \
      const v8_##name bit = { 1, 2, 4, 8, 16, 32, 64, (T)128 }; \
      v8_##name old, new, spread = bit & (T)byte; \
      memcpy(&old, d, sizeof(old)); \
      memcpy(&new, r, sizeof(new)); \
      v8_##name lanes = (v8_##name)(spread == bit); \
      old = (new & lanes) | (old & ~lanes); \
      memcpy(d, &old, sizeof(old)); \
   } \
   __attribute__((unused)) static void blend_##name(void *dst, const void *src, const uint64_t *bits, unsigned n) \
   { \
      T *d = dst; \
      const T *r = src; \
      for (unsigned i = 0; i < n; i += 8) \
         blend_eight_##name(d + i, r + i, (uint8_t)(bits[i / 64] >> (i & 63))); \
   }

GENERIC_BLEND(uint8_t, u8)
GENERIC_BLEND(uint16_t, u16)
GENERIC_BLEND(uint32_t, u32)
GENERIC_BLEND(uint64_t, u64)

#define GENERIC_STORE(T, name) \
   __attribute__((unused)) static void store_##name(void *dst, const void *src, const uint64_t *bits, unsigned n) \
   { \
      const T *r = src; \
      for (unsigned i = 0; i < n; i += 64) { \
         uint64_t word = n - i < 64 ? bits[i / 64] & ((1ull << (n - i)) - 1) : bits[i / 64]; \
         for (; word; word &= word - 1) { \
            unsigned lane = i + (unsigned)__builtin_ctzll(word); \
            memcpy((T *)dst + lane, r + lane, sizeof(T)); \
         } \
      } \
   }

GENERIC_STORE(uint8_t, u8)
GENERIC_STORE(uint16_t, u16)
GENERIC_STORE(uint32_t, u32)
GENERIC_STORE(uint64_t, u64)

#if defined(__AVX512BW__)
/* A masked store is both: it leaves the memory of inactive lanes alone. */
#define AVX512_STORE(bits_per, name, mask_type) \
   static void masked_##name(void *dst, const void *src, const uint64_t *bits, unsigned n) \
   { \
      const unsigned lanes = 512 / bits_per; \
      for (unsigned i = 0; i < n; i += lanes) { \
         mask_type m = (mask_type)(bits[i / 64] >> (i & 63)); \
         if (n - i < lanes) \
            m &= (mask_type)((1ull << (n - i)) - 1); \
         __m512i r = _mm512_maskz_loadu_epi##bits_per(m, (const uint8_t *)src + i * (bits_per / 8)); \
         _mm512_mask_storeu_epi##bits_per((uint8_t *)dst + i * (bits_per / 8), m, r); \
      } \
   }

AVX512_STORE(8, u8, __mmask64)
AVX512_STORE(16, u16, __mmask32)
AVX512_STORE(32, u32, __mmask16)
AVX512_STORE(64, u64, __mmask8)
#define BLEND(name) masked_##name
#define STORE(name) masked_##name
#else
#define BLEND(name) blend_##name
#define STORE(name) store_##name
#endif

/* vmerge and vfmerge: the bits choose between vs2 and the other operand. */
#define MERGE(name, T) \
   static void merge_##name(struct cg_wave *w, void *d, const void *a, const void *b, const void *c) \
   { \
      uint64_t bits[4]; \
      T out[CG_CHUNK / sizeof(T)] __attribute__((aligned(64))); \
      (void)w; \
      memcpy(bits, c, CG_CHUNK / sizeof(T) / 8); \
      memcpy(out, a, sizeof(out)); \
      BLEND(name)(out, b, bits, CG_CHUNK / sizeof(T)); \
      memcpy(d, out, sizeof(out)); \
   }

MERGE(u8, uint8_t)
MERGE(u16, uint16_t)
MERGE(u32, uint32_t)
MERGE(u64, uint64_t)

/* Fast handlers: d, a and b may be one register, as each lane is read before it is written. */
#if defined(__AVX512BW__)
#define SELECT(name, T, bits_per, mask_type) \
   ALWAYS_INLINE void select_##name(T *d, const T *a, const T *b, const uint8_t *mask) \
   { \
      const unsigned lanes = 512 / bits_per; \
      for (unsigned i = 0; i < CG_CHUNK / sizeof(T); i += lanes) { \
         mask_type m; \
         memcpy(&m, mask + i / 8, sizeof(m)); \
         _mm512_storeu_si512(d + i, _mm512_mask_blend_epi##bits_per(m, _mm512_loadu_si512(a + i), \
                                                                    _mm512_loadu_si512(b + i))); \
      } \
   }
#else
#define SELECT(name, T, bits_per, mask_type) \
   ALWAYS_INLINE void select_##name(T *d, const T *a, const T *b, const uint8_t *mask) \
   { \
      for (unsigned i = 0; i < CG_CHUNK / sizeof(T); i += 8) { \
         T eight[8]; \
         memcpy(eight, a + i, sizeof(eight)); \
         blend_eight_##name(eight, b + i, mask[i / 8]); \
         memcpy(d + i, eight, sizeof(eight)); \
      } \
   }
#endif

#define MERGE_FAST(name, T, bits_per, mask_type) \
   SELECT(name, T, bits_per, mask_type) \
   /* The second operand's registers are step elements apart; 0: it is the same chunk for all. */ \
   ALWAYS_INLINE const struct cg_op *merge_registers_##name(struct cg_wave *w, const struct cg_op *op, const T *b, unsigned step) \
   { \
      T *d = (T *)REG(op->rd); \
      const T *a = (const T *)REG(op->rs2); \
      const uint8_t *mask = w->v; \
      const unsigned count = CG_CHUNK / sizeof(T); \
      unsigned n = 1u << w->lmul; \
      do { \
         select_##name(d, a, b, mask); \
         d += count, a += count, b += step, mask += count / 8; \
      } while (--n); \
      return op + 2; \
   } \
   ALWAYS_INLINE const struct cg_op *merge_scalar_##name(struct cg_wave *w, const struct cg_op *op, T value) \
   { \
      T b[CG_CHUNK / sizeof(T)] __attribute__((aligned(64))); \
      for (unsigned i = 0; i < CG_CHUNK / sizeof(T); i++) \
         b[i] = value; \
      return merge_registers_##name(w, op, b, 0); \
   } \
   static const struct cg_op *merge_##name##_v(struct cg_wave *w, const struct cg_op *op) \
   { \
      if (unlikely(op->fast != w->vfull)) \
         return cg_vec_slow(w, op); \
      return merge_registers_##name(w, op, (const T *)REG(op->rs1), CG_CHUNK / sizeof(T)); \
   } \
   static const struct cg_op *merge_##name##_x(struct cg_wave *w, const struct cg_op *op) \
   { \
      if (unlikely(op->fast != w->vfull)) \
         return cg_vec_slow(w, op); \
      return merge_scalar_##name(w, op, INT_SCALAR(T)); \
   }

MERGE_FAST(u32, uint32_t, 32, __mmask16)
MERGE_FAST(u64, uint64_t, 64, __mmask8)

static const struct cg_vinfo vmerge = {
   .kern = { merge_u8, merge_u16, merge_u32, merge_u64 },
   .fast_v = { NULL, NULL, merge_u32_v, merge_u64_v }, .fast_x = { NULL, NULL, merge_u32_x, merge_u64_x },
   .forms = CG_FORM(CG_VV) | CG_FORM(CG_VX) | CG_FORM(CG_VI), .flags = CG_VI_CARRY,
};
static const struct cg_vinfo vfmerge = {
   .kern = { NULL, merge_u16, merge_u32, merge_u64 }, .forms = CG_FORM(CG_VF), .flags = CG_VI_CARRY | CG_VI_FP,
};

#define ADDRESSES(name, T) \
   static void addresses_##name(uint64_t *addr, const void *index, uint64_t base) \
   { \
      T ix[CG_LANES]; \
      memcpy(ix, index, sizeof(ix)); \
      for (unsigned i = 0; i < CG_LANES; i++) \
         addr[i] = base + ix[i]; \
   }

ADDRESSES(u8, uint8_t)
ADDRESSES(u16, uint16_t)
ADDRESSES(u32, uint32_t)
ADDRESSES(u64, uint64_t)

static bool
offsets(uint32_t *offset, const uint64_t *addr, uint64_t bits, const struct cg_place *place)
{
   const uint64_t va = place->va, lane_va = place->lane_va, starts = place->starts, lane_host = place->lane_host;
   const uint64_t rows = place->rows, row_starts = place->row_starts;
   uint64_t outside = 0;
   for (uint64_t i = 0; i < CG_LANES; i++) {
      uint64_t on = -(bits >> i & 1), o = (addr[i] - va - i * lane_va) & on;
      outside |= (o >= starts) | ((o & ~rows) >= row_starts);
      offset[i] = (uint32_t)(o + (o & rows) * (CG_LANES - 1) + (i * lane_host & on));
   }
   return !outside;
}

/* All are loaded, since offset 0 does no harm. */
#define GATHER(name, T) \
   static void gather_##name(void *d, const uint8_t *host, const uint32_t *offset, uint64_t bits) \
   { \
      T all[CG_LANES] __attribute__((aligned(64))); \
      for (unsigned i = 0; i < CG_LANES; i++) \
         memcpy(&all[i], host + offset[i], sizeof(T)); \
      if (bits == ~0ull) \
         memcpy(d, all, sizeof(all)); \
      else \
         BLEND(name)(d, all, &bits, CG_LANES); \
   } \
   static void scatter_##name(uint8_t *host, const void *s, const uint32_t *offset, uint64_t bits) \
   { \
      for (; bits; bits &= bits - 1) { \
         unsigned i = (unsigned)__builtin_ctzll(bits); \
         memcpy(host + offset[i], (const T *)s + i, sizeof(T)); \
      } \
   }

GATHER(u8, uint8_t)
GATHER(u16, uint16_t)
GATHER(u32, uint32_t)
GATHER(u64, uint64_t)

static bool
contiguous(const uint64_t *addr, uint64_t size)
{
   uint64_t differ = 0, first = addr[0];
   if (addr[1] != first + size)
      return false;
   for (unsigned i = 0; i < CG_LANES; i++)
      differ |= addr[i] ^ (first + i * size);
   return differ == 0;
}

typedef uint64_t v8u64 __attribute__((vector_size(64), aligned(1), may_alias));
typedef uint64_t u64_any __attribute__((aligned(1), may_alias));
typedef uint32_t u32_any __attribute__((aligned(1), may_alias));
typedef uint16_t u16_any __attribute__((aligned(1), may_alias));

static void
copy(void *dst, const void *src, size_t size)
{
   uint8_t *d = dst;
   const uint8_t *s = src;
   for (; size >= 64; size -= 64, d += 64, s += 64)
      *(v8u64 *)d = *(const v8u64 *)s;
   for (; size >= 8; size -= 8, d += 8, s += 8)
      *(u64_any *)d = *(const u64_any *)s;
   if (size & 4) {
      *(u32_any *)d = *(const u32_any *)s;
      d += 4, s += 4;
   }
   if (size & 2) {
      *(u16_any *)d = *(const u16_any *)s;
      d += 2, s += 2;
   }
   if (size & 1)
      *d = *s;
}

#define STRING_(x) #x
#define STRING(x) STRING_(x)

const struct cg_isa CG_ISA_NAME(cg_isa) = {
   .name = STRING(CG_ISA),
   .opi = CG_ISA_NAME(cg_kern_opi),
   .opm = CG_ISA_NAME(cg_kern_opm),
   .opf = CG_ISA_NAME(cg_kern_opf),
   .xunary = CG_ISA_NAME(cg_kern_xunary),
   .funary0 = CG_ISA_NAME(cg_kern_funary0),
   .funary1 = CG_ISA_NAME(cg_kern_funary1),
   .vmv = &CG_ISA_NAME(cg_kern_vmv),
   .vmerge = &vmerge,
   .vfmerge = &vfmerge,
   .vfsqrt = &CG_ISA_NAME(cg_kern_vfsqrt),
   .blend = { BLEND(u8), BLEND(u16), BLEND(u32), BLEND(u64) },
   .store = { STORE(u8), STORE(u16), STORE(u32), STORE(u64) },
   .addresses = { addresses_u8, addresses_u16, addresses_u32, addresses_u64 },
   .offsets = offsets,
   .gather = { gather_u8, gather_u16, gather_u32, gather_u64 },
   .scatter = { scatter_u8, scatter_u16, scatter_u32, scatter_u64 },
   .contiguous = contiguous,
   .copy = copy,
};
