/* SPDX-License-Identifier: MIT */
/*
 * Macros for the kernel files, which are compiled once for each SIMD level
 * with CG_ISA naming the level.
 *
 * An operation is one expression of x (vs2), y (vs1 or the scalar) and z (the
 * old vd).  From it come the kernel and, for the widths of GPU code, the fast
 * handlers of the vector-vector and vector-scalar forms.
 */
#ifndef CG_VEC_KERN_H
#define CG_VEC_KERN_H

#ifdef __x86_64__
#include <immintrin.h>
#endif

#include "vec.h"

#define CG_CAT_(a, b) a##_##b
#define CG_CAT(a, b) CG_CAT_(a, b)
#define CG_ISA_NAME(name) CG_CAT(name, CG_ISA)

/* The tables of this level. */
extern const struct cg_vinfo CG_ISA_NAME(cg_kern_opi)[64], CG_ISA_NAME(cg_kern_opm)[64], CG_ISA_NAME(cg_kern_opf)[64];
extern const struct cg_vinfo CG_ISA_NAME(cg_kern_xunary)[32], CG_ISA_NAME(cg_kern_funary0)[32], CG_ISA_NAME(cg_kern_funary1)[32];
extern const struct cg_vinfo CG_ISA_NAME(cg_kern_vmv), CG_ISA_NAME(cg_kern_vfsqrt);

#define ALWAYS_INLINE static inline __attribute__((always_inline))
#define MAX2(a, b) ((a) > (b) ? (a) : (b))
#define WIDEST(D, A, B) MAX2(sizeof(D), MAX2(sizeof(A), sizeof(B)))
#define COUNT(D, A, B) (CG_CHUNK / WIDEST(D, A, B))

typedef int8_t i8;
typedef int16_t i16;
typedef int32_t i32;
typedef int64_t i64;
typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;

/* Register of a whole-register handler: VLEN is 2048 there. */
#define REG(n) (w->v + (n) * CG_MAX_VLENB)

/* x0 reads as zero; an immediate is in op->imm. */
#define INT_SCALAR(T) ((T)(op->form == CG_VI ? (uint64_t)op->imm : w->x[op->rs1]))

#define KERNEL(name, D, A, B) \
   static void name##_k(struct cg_wave *w, void *d, const void *a, const void *b, const void *c) \
   { \
      name##_body(w, d, a, b, c, (B)0, false); \
   }

/* Whole registers, all lanes, same width: one register of each operand after the other. */
#define FAST(name, T, FULL, SCALAR) \
   static const struct cg_op *name##_v(struct cg_wave *w, const struct cg_op *op) \
   { \
      if (unlikely(op->fast != w->FULL)) \
         return cg_vec_slow(w, op); \
      T *d = (T *)REG(op->rd); \
      const T *a = (const T *)REG(op->rs2), *b = (const T *)REG(op->rs1); \
      unsigned n = 1u << w->lmul; \
      do { \
         name##_body(w, d, a, b, d, (T)0, false); \
         d += CG_CHUNK / sizeof(T), a += CG_CHUNK / sizeof(T), b += CG_CHUNK / sizeof(T); \
      } while (--n); \
      return op + 2; \
   } \
   static const struct cg_op *name##_x(struct cg_wave *w, const struct cg_op *op) \
   { \
      if (unlikely(op->fast != w->FULL)) \
         return cg_vec_slow(w, op); \
      T *d = (T *)REG(op->rd); \
      const T *a = (const T *)REG(op->rs2), s = SCALAR(T); \
      unsigned n = 1u << w->lmul; \
      do { \
         name##_body(w, d, a, a, d, s, true); \
         d += CG_CHUNK / sizeof(T), a += CG_CHUNK / sizeof(T); \
      } while (--n); \
      return op + 2; \
   }

/* Bits of bytes that are 0 or 1. */
ALWAYS_INLINE void
pack_bits(uint64_t *out, const uint8_t *t, unsigned n)
{
   for (unsigned i = 0; i < n; i += 32) {
      uint32_t bits = 0;
#if defined(__AVX512BW__) && defined(__AVX512VL__)
      bits = _mm256_test_epi8_mask(_mm256_loadu_si256((const __m256i *)(t + i)), _mm256_set1_epi8(1));
#elif defined(__AVX2__)
      bits = (uint32_t)_mm256_movemask_epi8(_mm256_slli_epi16(_mm256_loadu_si256((const __m256i *)(t + i)), 7));
#else
      for (unsigned j = 0; j < 32; j += 8) {
         uint64_t eight;
         memcpy(&eight, t + i + j, 8);
         bits |= (uint32_t)(eight * 0x0102040810204080ull >> 56) << j;
      }
#endif
      memcpy((uint8_t *)out + i / 8, &bits, 4);
   }
}

#endif /* CG_VEC_KERN_H */
