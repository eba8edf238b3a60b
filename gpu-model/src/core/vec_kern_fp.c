/* SPDX-License-Identifier: MIT */
/*
 * Floating-point kernels: arithmetic, comparisons and sign operations.
 *
 * The host's rounding mode and exception flags are the wave's.  NaNs are rare:
 * the loops only notice them, and a second pass makes them canonical.
 */
#include "vec_kern.h"
#include "vec_kern_fp.h"

/* x, y: vs2 and vs1 (or the scalar), in the type C that computes for T. */
#define BODY(name, T, C, t, EXPR) \
   ALWAYS_INLINE void name##_body(struct cg_wave *w, T *d, const T *a, const T *b, const T *c, T s, bool scalar) \
   { \
      (void)w, (void)b, (void)c; \
      FLAG_##t bad = 0; \
      _Pragma("GCC ivdep") \
      for (unsigned i = 0; i < CG_CHUNK / sizeof(T); i++) { \
         C x = a[i], y = scalar ? s : b[i]; \
         (void)y; \
         T q = TO_##t(EXPR); \
         d[i] = q; \
         bad |= IS_NAN_##t(q); \
      } \
      if (unlikely(bad)) \
         canonicalize_##t(d, CG_CHUNK / sizeof(T)); \
   } \
   KERNEL(name, T, T, T)

/*
 * p * q + r for factors and addend made of x, y and z (the old vd, kept for the case that a NaN comes out:
 * 0 * inf + NaN is invalid, whatever the host thinks of it).
 */
#define BODY_FMA(name, T, C, t, P, Q, R) \
   ALWAYS_INLINE void name##_body(struct cg_wave *w, T *d, const T *a, const T *b, const T *c, T s, bool scalar) \
   { \
      (void)b; \
      T old[CG_CHUNK / sizeof(T)] __attribute__((aligned(64))); \
      FLAG_##t bad = 0; \
      memcpy(old, c, sizeof(old)); \
      _Pragma("GCC ivdep") \
      for (unsigned i = 0; i < CG_CHUNK / sizeof(T); i++) { \
         C x = a[i], y = scalar ? s : b[i], z = c[i]; \
         T q = TO_##t(FMA_##t(P, Q, R)); \
         d[i] = q; \
         bad |= IS_NAN_##t(q); \
      } \
      if (unlikely(bad)) { \
         /* x and y are intact unless they are vd as well, and then the same as z. */ \
         const T *xs = a == d ? old : a, *ys = b == d ? old : b; \
         for (unsigned i = 0; i < CG_CHUNK / sizeof(T); i++) { \
            C x = xs[i], y = scalar ? s : ys[i], z = old[i]; \
            w->fflags |= fma_invalid_##t((T)(P), (T)(Q)); \
            (void)x, (void)y, (void)z; \
         } \
         canonicalize_##t(d, CG_CHUNK / sizeof(T)); \
      } \
   } \
   KERNEL(name, T, T, T)

#define BODY_CMP(name, T, C, t, EXPR) \
   ALWAYS_INLINE void name##_body(struct cg_wave *w, uint64_t *d, const T *a, const T *b, const void *c, T s, bool scalar) \
   { \
      (void)w, (void)b, (void)c; \
      uint8_t bytes[CG_CHUNK / sizeof(T)] __attribute__((aligned(64))); \
      _Pragma("GCC ivdep") \
      for (unsigned i = 0; i < CG_CHUNK / sizeof(T); i++) { \
         C x = a[i], y = scalar ? s : b[i]; \
         bytes[i] = EXPR; \
      } \
      pack_bits(d, bytes, CG_CHUNK / sizeof(T)); \
   } \
   KERNEL(name, T, T, T) \
   static const struct cg_op *name##_v(struct cg_wave *w, const struct cg_op *op) \
   { \
      if (unlikely(op->fast != w->vfull_fp || w->lmul)) \
         return cg_vec_slow(w, op); \
      name##_body(w, (uint64_t *)REG(op->rd), (const T *)REG(op->rs2), (const T *)REG(op->rs1), NULL, 0, false); \
      return op + 2; \
   } \
   static const struct cg_op *name##_x(struct cg_wave *w, const struct cg_op *op) \
   { \
      if (unlikely(op->fast != w->vfull_fp || w->lmul)) \
         return cg_vec_slow(w, op); \
      name##_body(w, (uint64_t *)REG(op->rd), (const T *)REG(op->rs2), NULL, NULL, SCALAR_##t(T), true); \
      return op + 2; \
   }

/* On the bits: minimumNumber and the sign operations never round. */
#define BODY_BITS(name, U, t, NAN_CHECK, EXPR) \
   ALWAYS_INLINE void name##_body(struct cg_wave *w, U *d, const U *a, const U *b, const U *c, U s, bool scalar) \
   { \
      (void)w, (void)b, (void)c; \
      U signalling = 0; \
      _Pragma("GCC ivdep") \
      for (unsigned i = 0; i < CG_CHUNK / sizeof(U); i++) { \
         U x = a[i], y = scalar ? s : b[i]; \
         if (NAN_CHECK) \
            signalling |= IS_SNAN_##t(x) | IS_SNAN_##t(y); \
         d[i] = EXPR; \
      } \
      if (NAN_CHECK && signalling) \
         w->fflags |= CG_NV; \
   } \
   KERNEL(name, U, U, U) \
   FAST(name, U, vfull_fp, SCALAR_BITS_##t)

#define OP(name, EXPR) \
   BODY(name##_1, f16, float, h, EXPR) FAST(name##_1, f16, vfull_fp, SCALAR_h) \
   BODY(name##_2, float, float, s, EXPR) FAST(name##_2, float, vfull_fp, SCALAR_s) \
   BODY(name##_3, double, double, d, EXPR) FAST(name##_3, double, vfull_fp, SCALAR_d)
#define OP_FMA(name, P, Q, R) \
   BODY_FMA(name##_1, f16, float, h, P, Q, R) FAST(name##_1, f16, vfull_fp, SCALAR_h) \
   BODY_FMA(name##_2, float, float, s, P, Q, R) FAST(name##_2, float, vfull_fp, SCALAR_s) \
   BODY_FMA(name##_3, double, double, d, P, Q, R) FAST(name##_3, double, vfull_fp, SCALAR_d)
#define OP_CMP(name, EXPR) \
   BODY_CMP(name##_1, f16, float, h, EXPR) BODY_CMP(name##_2, float, float, s, EXPR) \
   BODY_CMP(name##_3, double, double, d, EXPR)
#define OP_BITS(name, CHECK, EXPR) \
   BODY_BITS(name##_1, uint16_t, h, CHECK, EXPR(h)) BODY_BITS(name##_2, uint32_t, s, CHECK, EXPR(s)) \
   BODY_BITS(name##_3, uint64_t, d, CHECK, EXPR(d))

OP(vfadd, x + y)
OP(vfsub, x - y)
OP(vfrsub, y - x)
OP(vfmul, x * y)
OP(vfdiv, x / y)
OP(vfrdiv, y / x)
BODY(vfsqrt_1, f16, float, h, __builtin_sqrtf(x))
BODY(vfsqrt_2, float, float, s, __builtin_sqrtf(x))
BODY(vfsqrt_3, double, double, d, __builtin_sqrt(x))

OP_FMA(vfmacc, y, x, z)
OP_FMA(vfnmacc, -y, x, -z)
OP_FMA(vfmsac, y, x, -z)
OP_FMA(vfnmsac, -y, x, z)
OP_FMA(vfmadd, y, z, x)
OP_FMA(vfnmadd, -y, z, -x)
OP_FMA(vfmsub, y, z, -x)
OP_FMA(vfnmsub, -y, z, x)

OP_CMP(vmfeq, x == y)
OP_CMP(vmfne, x != y)
OP_CMP(vmflt, x < y)
OP_CMP(vmfle, x <= y)
OP_CMP(vmfgt, x > y)
OP_CMP(vmfge, x >= y)

#define MIN_BITS(t) (IS_NANB_##t(x) ? (IS_NANB_##t(y) ? NAN_##t : y) : IS_NANB_##t(y) ? x : KEY_##t(x) < KEY_##t(y) ? x : y)
#define MAX_BITS(t) (IS_NANB_##t(x) ? (IS_NANB_##t(y) ? NAN_##t : y) : IS_NANB_##t(y) ? x : KEY_##t(x) > KEY_##t(y) ? x : y)
OP_BITS(vfmin, true, MIN_BITS)
OP_BITS(vfmax, true, MAX_BITS)

#define SGNJ_BITS(t) ((x & ~SIGN_##t) | (y & SIGN_##t))
#define SGNJN_BITS(t) ((x & ~SIGN_##t) | (~y & SIGN_##t))
#define SGNJX_BITS(t) (x ^ (y & SIGN_##t))
OP_BITS(vfsgnj, false, SGNJ_BITS)
OP_BITS(vfsgnjn, false, SGNJN_BITS)
OP_BITS(vfsgnjx, false, SGNJX_BITS)

/* Widening: computed in the wide type, from operands converted exactly. */
#define BODY_W(name, D, t, A, B, EXPR, IS_FMA) \
   static void name##_k(struct cg_wave *w, void *dst, const void *va, const void *vb, const void *vc) \
   { \
      D *d = dst, out[CG_CHUNK / sizeof(D)]; \
      const A *a = va; \
      const B *b = vb; \
      const D *c = vc; \
      FLAG_##t bad = 0; \
      (void)c; \
      for (unsigned i = 0; i < CG_CHUNK / sizeof(D); i++) { \
         D x = (D)a[i], y = (D)b[i]; \
         D q = (EXPR); \
         out[i] = q; \
         bad |= IS_NAN_##t(q); \
      } \
      if (unlikely(bad)) { \
         if (IS_FMA) \
            for (unsigned i = 0; i < CG_CHUNK / sizeof(D); i++) \
               w->fflags |= fma_invalid_##t((D)a[i], (D)b[i]); \
         canonicalize_##t(out, CG_CHUNK / sizeof(D)); \
      } \
      memcpy(d, out, sizeof(out)); \
   }
#define OP_W(name, EXPR) BODY_W(name##_1, float, s, f16, f16, EXPR, 0) BODY_W(name##_2, double, d, float, float, EXPR, 0)
#define OP_WW(name, EXPR) BODY_W(name##_1, float, s, float, f16, EXPR, 0) BODY_W(name##_2, double, d, double, float, EXPR, 0)
#define OP_WFMA(name, P, Q, R) \
   BODY_W(name##_1, float, s, f16, f16, __builtin_fmaf(P, Q, R), 1) \
   BODY_W(name##_2, double, d, float, float, __builtin_fma(P, Q, R), 1)

OP_W(vfwadd, x + y)
OP_W(vfwsub, x - y)
OP_W(vfwmul, x * y)
OP_WW(vfwadd_w, x + y)
OP_WW(vfwsub_w, x - y)
OP_WFMA(vfwmacc, y, x, c[i])
OP_WFMA(vfwnmacc, -y, x, -c[i])
OP_WFMA(vfwmsac, y, x, -c[i])
OP_WFMA(vfwnmsac, -y, x, c[i])

/* vmv.v of the scalar in an f register */
#define MV_BITS(t) (y)
OP_BITS(vfmv, false, MV_BITS)

#define VV CG_FORM(CG_VV)
#define VF CG_FORM(CG_VF)
#define K(n) .kern = { NULL, n##_1_k, n##_2_k, n##_3_k }
#define KW(n) .kern = { NULL, n##_1_k, n##_2_k, NULL }
#define F(n) .fast_v = { NULL, n##_1_v, n##_2_v, n##_3_v }, .fast_x = { NULL, n##_1_x, n##_2_x, n##_3_x }
#define ARITH(n, f, op, fl) { K(n), F(n), .forms = f, .fop = op, .flags = CG_VI_FP | CG_VI_GUARD | CG_VI_ROUND | (fl) }
#define FMADD(n, fl) ARITH(n, VV | VF, CG_FMA, CG_VI_ACC | (fl))
#define BITS(n, g) { K(n), F(n), .forms = VV | VF, .flags = CG_VI_FP | (g) }
#define CMP(n, f) { K(n), F(n), .forms = f, .flags = CG_VI_FP | CG_VI_GUARD | CG_VI_MASKOUT }
#define WIDE(n, op, a, fl) \
   { KW(n), .forms = VV | VF, .dw = 1, .aw = a, .fop = op, .flags = CG_VI_FP | CG_VI_GUARD | CG_VI_ROUND | (fl) }

const struct cg_vinfo CG_ISA_NAME(cg_kern_opf)[64] = {
   [0x00] = ARITH(vfadd, VV | VF, CG_FADD, 0),
   [0x02] = ARITH(vfsub, VV | VF, CG_FSUB, 0),
   [0x04] = BITS(vfmin, CG_VI_GUARD),
   [0x06] = BITS(vfmax, CG_VI_GUARD),
   [0x08] = BITS(vfsgnj, 0),
   [0x09] = BITS(vfsgnjn, 0),
   [0x0a] = BITS(vfsgnjx, 0),
   [0x17] = { K(vfmv), F(vfmv), .forms = VF, .flags = CG_VI_FP | CG_VI_NO_VS2 },
   [0x18] = CMP(vmfeq, VV | VF),
   [0x19] = CMP(vmfle, VV | VF),
   [0x1b] = CMP(vmflt, VV | VF),
   [0x1c] = CMP(vmfne, VV | VF),
   [0x1d] = CMP(vmfgt, VF),
   [0x1f] = CMP(vmfge, VF),
   [0x20] = ARITH(vfdiv, VV | VF, CG_FDIV, 0),
   [0x21] = ARITH(vfrdiv, VF, CG_FDIV, CG_VI_REVERSE),
   [0x24] = ARITH(vfmul, VV | VF, CG_FMUL, 0),
   [0x27] = ARITH(vfrsub, VF, CG_FSUB, CG_VI_REVERSE),
   [0x28] = FMADD(vfmadd, CG_VI_ADD_VS2),
   [0x29] = FMADD(vfnmadd, CG_VI_ADD_VS2 | CG_VI_NEG_PROD | CG_VI_NEG_ADD),
   [0x2a] = FMADD(vfmsub, CG_VI_ADD_VS2 | CG_VI_NEG_ADD),
   [0x2b] = FMADD(vfnmsub, CG_VI_ADD_VS2 | CG_VI_NEG_PROD),
   [0x2c] = FMADD(vfmacc, 0),
   [0x2d] = FMADD(vfnmacc, CG_VI_NEG_PROD | CG_VI_NEG_ADD),
   [0x2e] = FMADD(vfmsac, CG_VI_NEG_ADD),
   [0x2f] = FMADD(vfnmsac, CG_VI_NEG_PROD),
   [0x30] = WIDE(vfwadd, CG_FADD, 0, 0),
   [0x32] = WIDE(vfwsub, CG_FSUB, 0, 0),
   [0x34] = WIDE(vfwadd_w, CG_FADD, 1, 0),
   [0x36] = WIDE(vfwsub_w, CG_FSUB, 1, 0),
   [0x38] = WIDE(vfwmul, CG_FMUL, 0, 0),
   [0x3c] = WIDE(vfwmacc, CG_FMA, 0, CG_VI_ACC),
   [0x3d] = WIDE(vfwnmacc, CG_FMA, 0, CG_VI_ACC | CG_VI_NEG_PROD | CG_VI_NEG_ADD),
   [0x3e] = WIDE(vfwmsac, CG_FMA, 0, CG_VI_ACC | CG_VI_NEG_ADD),
   [0x3f] = WIDE(vfwnmsac, CG_FMA, 0, CG_VI_ACC | CG_VI_NEG_PROD),
};

/* Of VFUNARY1, the one that rounds; the others are in vec_kern_cvt.c. */
const struct cg_vinfo CG_ISA_NAME(cg_kern_vfsqrt) = {
   K(vfsqrt), .forms = VV, .fop = CG_FSQRT, .flags = CG_VI_FP | CG_VI_GUARD | CG_VI_ROUND | CG_VI_UNARY,
};
