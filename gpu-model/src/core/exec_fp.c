/* SPDX-License-Identifier: MIT */
/*
 * Scalar floating point: F, D and Zfh.
 *
 * The host rounds by the wave's mode already; only RMM takes another way.
 */
#include "exec.h"
#include "fp.h"

#define FMT_h 1
#define FMT_s 2
#define FMT_d 3
#define T_h f16
#define T_s float
#define T_d double
/* The type that computes. */
#define C_h float
#define C_s float
#define C_d double
#define U_h uint16_t
#define U_s uint32_t
#define U_d uint64_t
#define NAN_h CG_NAN_H
#define NAN_s CG_NAN_S
#define NAN_d CG_NAN_D
#define SIGN_h 0x8000u
#define SIGN_s 0x80000000u
#define SIGN_d 0x8000000000000000ull
#define BITS_h cg_bits_h
#define BITS_s cg_bits_s
#define BITS_d cg_bits_d
#define VAL_h cg_val_h
#define VAL_s cg_val_s
#define VAL_d cg_val_d

static inline uint16_t unbox_h(uint64_t f) { return (uint16_t)cg_unbox(f, 1); }
static inline uint32_t unbox_s(uint64_t f) { return (uint32_t)cg_unbox(f, 2); }
static inline uint64_t unbox_d(uint64_t f) { return f; }
static inline uint64_t box_h(uint16_t b) { return b | ~0xffffull; }
static inline uint64_t box_s(uint32_t b) { return b | ~0xffffffffull; }
static inline uint64_t box_d(uint64_t b) { return b; }

const struct cg_op *
cg_exec_static_rm(struct cg_wave *w, const struct cg_op *op)
{
   unsigned saved = w->rm;
   cg_rm_set(w, op->rm);
   const struct cg_op *next = op->inner(w, op);
   cg_rm_set(w, saved);
   return next;
}

#define TO_h(v) cg_half(v, w->rm, &w->fflags)
#define TO_s(v) (v)
#define TO_d(v) (v)

/* The result of the host, or of fp_rmm.c; reserved modes are illegal. */
#define ROUNDED(s, host_expr, fop, from, a, b, c) \
   do { \
      if (likely(w->rm < CG_RMM)) { \
         T_##s r = TO_##s(host_expr); \
         w->f[op->rd] = box_##s(r == r ? BITS_##s(r) : NAN_##s); \
      } else if (w->rm == CG_RMM) { \
         w->f[op->rd] = box_##s(cg_rmm_op(fop, from, FMT_##s, a, b, c, &w->fflags)); \
      } else { \
         return cg_illegal(w, op); \
      } \
      return op + op->len; \
   } while (0)

#define ARITH(name, s, fop, expr) \
   CG_HANDLER(name##_##s) \
   { \
      U_##s ua = unbox_##s(w->f[op->rs1]), ub = unbox_##s(w->f[op->rs2]); \
      C_##s a = VAL_##s(ua), b = VAL_##s(ub); \
      (void)b; \
      ROUNDED(s, expr, fop, FMT_##s, ua, ub, 0); \
   }

static inline float fma_h(float a, float b, float c) { return cg_fma_half_odd(a, b, c); }
static inline float fma_s(float a, float b, float c) { return __builtin_fmaf(a, b, c); }
static inline double fma_d(double a, double b, double c) { return __builtin_fma(a, b, c); }

/* 0 * inf is invalid even when a quiet NaN is added; hosts differ there. */
#define MADD(name, s, neg_product, neg_addend) \
   CG_HANDLER(name##_##s) \
   { \
      U_##s ua = unbox_##s(w->f[op->rs1]) ^ ((neg_product) ? SIGN_##s : 0); \
      U_##s ub = unbox_##s(w->f[op->rs2]); \
      U_##s uc = unbox_##s(w->f[op->rs3]) ^ ((neg_addend) ? SIGN_##s : 0); \
      C_##s a = VAL_##s(ua), b = VAL_##s(ub), c = VAL_##s(uc); \
      if (unlikely(c != c) && ((isinf(a) && b == 0) || (a == 0 && isinf(b)))) \
         w->fflags |= CG_NV; \
      ROUNDED(s, fma_##s(a, b, c), CG_FMA, FMT_##s, ua, ub, uc); \
   }

#define SGNJ(name, s, sign) \
   CG_HANDLER(name##_##s) \
   { \
      U_##s a = unbox_##s(w->f[op->rs1]), b = unbox_##s(w->f[op->rs2]); \
      w->f[op->rd] = box_##s((a & ~SIGN_##s) | ((sign) & SIGN_##s)); \
      return op + op->len; \
   }

#define IS_NAN(s, u) (((u) & ~SIGN_##s) > INF_##s)
#define INF_h 0x7c00u
#define INF_s 0x7f800000u
#define INF_d 0x7ff0000000000000ull
#define QUIET_h 0x0200u
#define QUIET_s 0x00400000u
#define QUIET_d 0x0008000000000000ull
#define IS_SNAN(s, u) (IS_NAN(s, u) && !((u) & QUIET_##s))

/* Integers order as the numbers do, once negative ones are turned round. */
#define KEY(s, u) ((u) & SIGN_##s ? (U_##s)~(u) : (U_##s)((u) | SIGN_##s))

#define MINMAX(name, s, cmp) \
   CG_HANDLER(name##_##s) \
   { \
      U_##s a = unbox_##s(w->f[op->rs1]), b = unbox_##s(w->f[op->rs2]), r; \
      if (IS_SNAN(s, a) || IS_SNAN(s, b)) \
         w->fflags |= CG_NV; \
      if (IS_NAN(s, a)) \
         r = IS_NAN(s, b) ? NAN_##s : b; \
      else if (IS_NAN(s, b)) \
         r = a; \
      else \
         r = KEY(s, a) cmp KEY(s, b) ? a : b; \
      w->f[op->rd] = box_##s(r); \
      return op + op->len; \
   }

#define COMPARE(name, s, cmp) \
   CG_HANDLER(name##_##s) \
   { \
      T_##s a = VAL_##s(unbox_##s(w->f[op->rs1])), b = VAL_##s(unbox_##s(w->f[op->rs2])); \
      w->x[op->rd] = a cmp b; \
      return op + op->len; \
   }

#define TO_INT(name, s, bits, is_signed) \
   CG_HANDLER(name##_##s) \
   { \
      if (unlikely(w->rm > CG_RMM)) \
         return cg_illegal(w, op); \
      double v = VAL_##s(unbox_##s(w->f[op->rs1])); \
      w->x[op->rd] = cg_fp_to_int(v, bits, is_signed, w->rm, &w->fflags); \
      return op + op->len; \
   }

/* Beyond 2^20 every integer overflows a half, so that single precision holds all that matter. */
static inline float
from_i_h(int64_t v)
{
   const int64_t limit = 1 << 20;
   return (float)(int32_t)(v > limit ? limit : v < -limit ? -limit : v);
}

static inline float
from_u_h(uint64_t v)
{
   return (float)(uint32_t)(v > 1 << 20 ? 1 << 20 : v);
}

static inline float from_i_s(int64_t v) { return (float)v; }
static inline float from_u_s(uint64_t v) { return (float)v; }
static inline double from_i_d(int64_t v) { return (double)v; }
static inline double from_u_d(uint64_t v) { return (double)v; }

#define FROM_INT(name, s, type, kind) \
   CG_HANDLER(name##_##s) \
   { \
      type v = (type)w->x[op->rs1]; \
      if (likely(w->rm < CG_RMM)) \
         w->f[op->rd] = box_##s(BITS_##s(TO_##s(from_##kind##_##s(v)))); \
      else if (w->rm > CG_RMM) \
         return cg_illegal(w, op); \
      else \
         w->f[op->rd] = box_##s(cg_rmm_from_int(v < (type)1 && v != 0, \
                                                v < (type)1 ? -(uint64_t)v : (uint64_t)v, FMT_##s, &w->fflags)); \
      return op + op->len; \
   }

#define CONVERT(from, s) \
   CG_HANDLER(fcvt_from_##from##_##s) \
   { \
      U_##from ua = unbox_##from(w->f[op->rs1]); \
      T_##from a = VAL_##from(ua); \
      ROUNDED(s, (T_##s)a, CG_FCVT, FMT_##from, ua, 0, 0); \
   }

#define ALL(s, sqrt_expr) \
   ARITH(fadd, s, CG_FADD, a + b) \
   ARITH(fsub, s, CG_FSUB, a - b) \
   ARITH(fmul, s, CG_FMUL, a * b) \
   ARITH(fdiv, s, CG_FDIV, a / b) \
   ARITH(fsqrt, s, CG_FSQRT, sqrt_expr) \
   MADD(fmadd, s, 0, 0) \
   MADD(fmsub, s, 0, 1) \
   MADD(fnmsub, s, 1, 0) \
   MADD(fnmadd, s, 1, 1) \
   SGNJ(fsgnj, s, b) \
   SGNJ(fsgnjn, s, ~b) \
   SGNJ(fsgnjx, s, a ^ b) \
   MINMAX(fmin, s, <) \
   MINMAX(fmax, s, >) \
   COMPARE(feq, s, ==) \
   COMPARE(flt, s, <) \
   COMPARE(fle, s, <=) \
   TO_INT(fcvt_w, s, 32, true) \
   TO_INT(fcvt_wu, s, 32, false) \
   TO_INT(fcvt_l, s, 64, true) \
   TO_INT(fcvt_lu, s, 64, false) \
   FROM_INT(fcvt_from_w, s, int32_t, i) \
   FROM_INT(fcvt_from_wu, s, uint32_t, u) \
   FROM_INT(fcvt_from_l, s, int64_t, i) \
   FROM_INT(fcvt_from_lu, s, uint64_t, u) \
   CG_HANDLER(fclass_##s) \
   { \
      w->x[op->rd] = cg_fp_class(unbox_##s(w->f[op->rs1]), FMT_##s); \
      return op + op->len; \
   } \
   CG_HANDLER(fmv_to_##s) \
   { \
      w->f[op->rd] = box_##s((U_##s)w->x[op->rs1]); \
      return op + op->len; \
   }

ALL(h, __builtin_sqrtf(a))
ALL(s, __builtin_sqrtf(a))
ALL(d, __builtin_sqrt(a))

CONVERT(h, s)
CONVERT(h, d)
CONVERT(s, d)
CONVERT(d, s)

#define CONVERT_HALF(from, function) \
   CG_HANDLER(fcvt_from_##from##_h) \
   { \
      if (unlikely(w->rm > CG_RMM)) \
         return cg_illegal(w, op); \
      f16 r = function(VAL_##from(unbox_##from(w->f[op->rs1])), w->rm, &w->fflags); \
      w->f[op->rd] = box_h(cg_bits_h(r)); \
      return op + op->len; \
   }

CONVERT_HALF(s, cg_fp_half_from_single)
CONVERT_HALF(d, cg_fp_half_from_double)

CG_HANDLER(fmv_x_h)
{
   w->x[op->rd] = (uint64_t)(int64_t)(int16_t)w->f[op->rs1];
   return op + op->len;
}

CG_HANDLER(fmv_x_s)
{
   w->x[op->rd] = (uint64_t)(int64_t)(int32_t)w->f[op->rs1];
   return op + op->len;
}

CG_HANDLER(fmv_x_d)
{
   w->x[op->rd] = w->f[op->rs1];
   return op + op->len;
}
