/* SPDX-License-Identifier: MIT */
/*
 * The three formats for the floating-point kernels; macros end in h, s or d.
 */
#ifndef CG_VEC_KERN_FP_H
#define CG_VEC_KERN_FP_H

#include "fp.h"
#include "vec_kern.h"

#define NAN_h CG_NAN_H
#define NAN_s CG_NAN_S
#define NAN_d CG_NAN_D
#define SIGN_h ((uint16_t)0x8000)
#define SIGN_s 0x80000000u
#define SIGN_d 0x8000000000000000ull
#define INF_h 0x7c00u
#define INF_s 0x7f800000u
#define INF_d 0x7ff0000000000000ull
#define QUIET_h 0x200u
#define QUIET_s 0x400000u
#define QUIET_d 0x8000000000000ull

/* Type of an accumulator that notices NaNs. */
#define FLAG_h uint16_t
#define FLAG_s uint32_t
#define FLAG_d uint64_t

#define IS_NANB_h(u) (((u) & 0x7fff) > INF_h)
#define IS_NANB_s(u) (((u) & 0x7fffffff) > INF_s)
#define IS_NANB_d(u) (((u) & 0x7fffffffffffffffull) > INF_d)
#define IS_SNAN_h(u) (IS_NANB_h(u) & !((u) & QUIET_h))
#define IS_SNAN_s(u) (IS_NANB_s(u) & !((u) & QUIET_s))
#define IS_SNAN_d(u) (IS_NANB_d(u) & !((u) & QUIET_d))

/* Signed keys that order as the numbers do, -0 before +0. */
#define KEY_h(u) (int16_t)((int16_t)(u) ^ ((int16_t)(u) >> 15 & 0x7fff))
#define KEY_s(u) ((int32_t)(u) ^ ((int32_t)(u) >> 31 & 0x7fffffff))
#define KEY_d(u) ((int64_t)(u) ^ ((int64_t)(u) >> 63 & 0x7fffffffffffffffll))

#define IS_NAN_h(v) IS_NANB_h(cg_bits_h(v))
#define IS_NAN_s(v) ((v) != (v))
#define IS_NAN_d(v) ((v) != (v))

/* The result in the format, from the type that computes. */
#define TO_h(v) cg_half(v, w->rm, &w->fflags)
#define TO_s(v) (v)
#define TO_d(v) (v)

#define FMA_h(a, b, c) cg_fma_half_odd(a, b, c)
#define FMA_s(a, b, c) __builtin_fmaf(a, b, c)
#define FMA_d(a, b, c) __builtin_fma(a, b, c)

/* f[rs1] as a value of the format */
#define SCALAR_BITS_h(T) ((T)cg_unbox(w->f[op->rs1], 1))
#define SCALAR_BITS_s(T) ((T)cg_unbox(w->f[op->rs1], 2))
#define SCALAR_BITS_d(T) ((T)w->f[op->rs1])
#define SCALAR_h(T) cg_val_h(SCALAR_BITS_h(uint16_t))
#define SCALAR_s(T) cg_val_s(SCALAR_BITS_s(uint32_t))
#define SCALAR_d(T) cg_val_d(SCALAR_BITS_d(uint64_t))

#define CANONICALIZE(t, T, U) \
   static __attribute__((noinline, unused)) void canonicalize_##t(T *d, unsigned n) \
   { \
      for (unsigned i = 0; i < n; i++) { \
         U u; \
         memcpy(&u, d + i, sizeof(u)); \
         u = IS_NANB_##t(u) ? NAN_##t : u; \
         memcpy(d + i, &u, sizeof(u)); \
      } \
   } \
   static inline __attribute__((unused)) uint8_t fma_invalid_##t(T p, T q) \
   { \
      U a = cg_bits_##t(p) & (U)~SIGN_##t, b = cg_bits_##t(q) & (U)~SIGN_##t; \
      return (a == INF_##t && b == 0) || (a == 0 && b == INF_##t) ? CG_NV : 0; \
   }

CANONICALIZE(h, f16, uint16_t)
CANONICALIZE(s, float, uint32_t)
CANONICALIZE(d, double, uint64_t)

#endif /* CG_VEC_KERN_FP_H */
