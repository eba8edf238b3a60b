/* SPDX-License-Identifier: MIT */
/*
 * Conversion kernels, estimates and classes: the one-operand floating-point
 * instructions.
 */
#include "vec_kern.h"
#include "vec_kern_fp.h"

/* The macros serve signed and unsigned types alike. */
#pragma GCC diagnostic ignored "-Wtype-limits"

/* Run a kernel with a rounding mode of its own. */
static void
with_rm(cg_vkern kern, unsigned rm, struct cg_wave *w, void *d, const void *a)
{
   uint8_t saved = w->rm;
   w->rm = (uint8_t)rm;
   cg_fp_set_rm(rm);
   kern(w, d, a, NULL, NULL);
   w->rm = saved;
   cg_fp_set_rm(saved);
}

/*
 * To integer, saturating.  nearbyint() rounds as the host is set and without
 * the inexact exception; flags are raised by hand, since out of range is
 * invalid and nothing else.
 */
#define TO_INT(name, I, T, C, MIN, END, WHOLE) \
   static __attribute__((noinline)) void name##_k(struct cg_wave *w, void *dst, const void *src, const void *b, const void *c) \
   { \
      I *d = dst; \
      const T *a = src; \
      C invalid = 0, inexact = 0; \
      (void)b, (void)c; \
      _Pragma("GCC ivdep") \
      for (unsigned i = 0; i < COUNT(I, T, T); i++) { \
         C v = a[i]; \
         C whole = WHOLE(v); \
         bool in = __builtin_isgreaterequal(whole, (C)(MIN)) & __builtin_isless(whole, (C)(END)); \
         bool low = __builtin_isless(v, (C)0); \
         C safe = in ? whole : (C)0; \
         I cut = low ? CUT_LOW(I) : (I)~CUT_LOW(I); \
         d[i] = in ? CAST(I, safe) : cut; \
         invalid = in ? invalid : (C)1; \
         inexact = in && v != whole ? (C)1 : inexact; \
      } \
      w->fflags |= (invalid != 0 ? CG_NV : 0) | (inexact != 0 ? CG_NX : 0); \
   }

/* Without an instruction for it, the compiler's conversion to 32 unsigned bits subtracts 2^31, which is inexact. */
#ifdef __AVX512F__
#define CAST(I, v) (I)(v)
#else
#define CAST(I, v) (sizeof(I) == 4 && (I)-1 > 0 ? (I)(int64_t)(v) : (I)(v))
#endif
#define CUT_LOW(I) ((I)-1 < 0 ? (I)((I)1 << (8 * sizeof(I) - 1)) : (I)0)
#define WHOLE_float(v) __builtin_nearbyintf(v)
#define WHOLE_double(v) __builtin_nearbyint(v)

#define TOWARDS_ZERO(name, kind) \
   static void name##_rtz_##kind##_k(struct cg_wave *w, void *d, const void *a, const void *b, const void *c) \
   { \
      (void)b, (void)c; \
      with_rm(name##_##kind##_k, CG_RTZ, w, d, a); \
   }
#define TO_INTS(name, T, C, bits, sbits) \
   TO_INT(name##_x, int##bits##_t, T, C, -0x1p##sbits, 0x1p##sbits, WHOLE_##C) \
   TO_INT(name##_xu, uint##bits##_t, T, C, 0, 0x1p##bits, WHOLE_##C) \
   TOWARDS_ZERO(name, x) \
   TOWARDS_ZERO(name, xu)

TO_INTS(cvt_1, f16, float, 16, 15)
TO_INTS(cvt_2, float, float, 32, 31)
TO_INTS(cvt_3, double, double, 64, 63)
TO_INTS(wcvt_1, f16, float, 32, 31)
TO_INTS(wcvt_2, float, float, 64, 63)
TO_INTS(ncvt_0, f16, float, 8, 7)
TO_INTS(ncvt_1, float, float, 16, 15)
TO_INTS(ncvt_2, double, double, 32, 31)

/* Anything to floating point; what can be a NaN becomes the canonical one. */
#define TO_FP(name, T, t, S, EXPR, NAN_CHECK) \
   static __attribute__((noinline)) void name##_k(struct cg_wave *w, void *dst, const void *src, const void *b, const void *c) \
   { \
      T *d = dst; \
      const S *a = src; \
      FLAG_##t bad = 0; \
      (void)w, (void)b, (void)c; \
      _Pragma("GCC ivdep") \
      for (unsigned i = 0; i < COUNT(T, S, S); i++) { \
         S x = a[i]; \
         T q = TO_##t(EXPR); \
         d[i] = q; \
         if (NAN_CHECK) \
            bad |= IS_NAN_##t(q); \
      } \
      if (NAN_CHECK && unlikely(bad)) \
         canonicalize_##t(d, COUNT(T, S, S)); \
   }

TO_FP(cvt_1_fx, f16, h, i16, (float)x, false)
TO_FP(cvt_2_fx, float, s, i32, x, false)
TO_FP(cvt_3_fx, double, d, i64, x, false)
TO_FP(cvt_1_fxu, f16, h, u16, (float)x, false)
TO_FP(cvt_2_fxu, float, s, u32, x, false)
TO_FP(cvt_3_fxu, double, d, u64, x, false)
TO_FP(wcvt_0_fx, f16, h, i8, (float)x, false)
TO_FP(wcvt_1_fx, float, s, i16, x, false)
TO_FP(wcvt_2_fx, double, d, i32, x, false)
TO_FP(wcvt_0_fxu, f16, h, u8, (float)x, false)
TO_FP(wcvt_1_fxu, float, s, u16, x, false)
TO_FP(wcvt_2_fxu, double, d, u32, x, false)
TO_FP(wcvt_1_ff, float, s, f16, x, true)
TO_FP(wcvt_2_ff, double, d, float, x, true)
TO_FP(ncvt_1_fx, f16, h, i32, cg_single_odd(x), false)
TO_FP(ncvt_2_fx, float, s, i64, x, false)
TO_FP(ncvt_1_fxu, f16, h, u32, cg_single_odd(x), false)
TO_FP(ncvt_2_fxu, float, s, u64, x, false)
TO_FP(ncvt_1_ff, f16, h, float, x, true)
TO_FP(ncvt_2_ff, float, s, double, x, true)

/* Round to odd: towards zero, and an inexact result gets its last bit set. */
#define TO_ODD(name, T, t, U, S) \
   static void name##_rod_k(struct cg_wave *w, void *dst, const void *src, const void *b, const void *c) \
   { \
      T *d = dst; \
      const S *a = src; \
      S in[COUNT(T, S, S)]; \
      memcpy(in, a, sizeof(in)); \
      (void)b, (void)c; \
      with_rm(name##_ff_k, CG_RTZ, w, d, in); \
      for (unsigned i = 0; i < COUNT(T, S, S); i++) { \
         U bits = cg_bits_##t(d[i]); \
         if (!IS_NANB_##t(bits) && (S)d[i] != in[i]) \
            bits |= 1; \
         memcpy(d + i, &bits, sizeof(bits)); \
      } \
   }

TO_ODD(ncvt_1, f16, h, uint16_t, float)
TO_ODD(ncvt_2, float, s, uint32_t, double)

#define EACH(name, U, EXPR) \
   static void name##_k(struct cg_wave *w, void *dst, const void *src, const void *b, const void *c) \
   { \
      U *d = dst; \
      const U *a = src; \
      (void)w, (void)b, (void)c; \
      for (unsigned i = 0; i < CG_CHUNK / sizeof(U); i++) \
         d[i] = (U)(EXPR); \
   }
#define EACH_HSD(name, CALL) EACH(name##_1, uint16_t, CALL(1)) EACH(name##_2, uint32_t, CALL(2)) EACH(name##_3, uint64_t, CALL(3))

#define REC7(fmt) cg_fp_rec7(a[i], fmt, w->rm, &w->fflags)
#define RSQRT7(fmt) cg_fp_rsqrt7(a[i], fmt, &w->fflags)
#define CLASS(fmt) cg_fp_class(a[i], fmt)
EACH_HSD(vfrec7, REC7)
EACH_HSD(vfrsqrt7, RSQRT7)
EACH_HSD(vfclass, CLASS)

#define K(n, x) .kern = { NULL, n##_1_##x##_k, n##_2_##x##_k, n##_3_##x##_k }
#define KW(n, x) .kern = { NULL, n##_1_##x##_k, n##_2_##x##_k, NULL }
#define K0(n, x) .kern = { n##_0_##x##_k, n##_1_##x##_k, n##_2_##x##_k, NULL }
#define COMMON(fl) .forms = CG_FORM(CG_VV), .flags = CG_VI_GUARD | CG_VI_UNARY | (fl)
#define FROM_FP(op) .fop = op, COMMON(CG_VI_FP | CG_VI_ROUND)
#define FROM_FP_RTZ COMMON(CG_VI_FP)
#define FROM_I .fop = CG_FCVT, COMMON(CG_VI_ROUND | CG_VI_INT_SRC)
#define FROM_U .fop = CG_FCVT, COMMON(CG_VI_ROUND | CG_VI_UINT_SRC)

const struct cg_vinfo CG_ISA_NAME(cg_kern_funary0)[32] = {
   [0] = { K(cvt, xu), FROM_FP(CG_FTOU) },
   [1] = { K(cvt, x), FROM_FP(CG_FTOI) },
   [2] = { K(cvt, fxu), FROM_U },
   [3] = { K(cvt, fx), FROM_I },
   [6] = { K(cvt, rtz_xu), FROM_FP_RTZ },
   [7] = { K(cvt, rtz_x), FROM_FP_RTZ },
   [8] = { KW(wcvt, xu), .dw = 1, FROM_FP(CG_FTOU) },
   [9] = { KW(wcvt, x), .dw = 1, FROM_FP(CG_FTOI) },
   [10] = { K0(wcvt, fxu), .dw = 1, FROM_U },
   [11] = { K0(wcvt, fx), .dw = 1, FROM_I },
   [12] = { KW(wcvt, ff), .dw = 1, FROM_FP(CG_FCVT) },
   [14] = { KW(wcvt, rtz_xu), .dw = 1, FROM_FP_RTZ },
   [15] = { KW(wcvt, rtz_x), .dw = 1, FROM_FP_RTZ },
   [16] = { K0(ncvt, xu), .aw = 1, FROM_FP(CG_FTOU) },
   [17] = { K0(ncvt, x), .aw = 1, FROM_FP(CG_FTOI) },
   [18] = { KW(ncvt, fxu), .aw = 1, FROM_U },
   [19] = { KW(ncvt, fx), .aw = 1, FROM_I },
   [20] = { KW(ncvt, ff), .aw = 1, FROM_FP(CG_FCVT) },
   [21] = { KW(ncvt, rod), .aw = 1, FROM_FP_RTZ },
   [22] = { K0(ncvt, rtz_xu), .aw = 1, FROM_FP_RTZ },
   [23] = { K0(ncvt, rtz_x), .aw = 1, FROM_FP_RTZ },
};

#define KE(n) .kern = { NULL, n##_1_k, n##_2_k, n##_3_k }

const struct cg_vinfo CG_ISA_NAME(cg_kern_funary1)[32] = {
   [4] = { KE(vfrsqrt7), COMMON(CG_VI_FP) },
   [5] = { KE(vfrec7), COMMON(CG_VI_FP) },
   [16] = { KE(vfclass), COMMON(CG_VI_FP) },
};
