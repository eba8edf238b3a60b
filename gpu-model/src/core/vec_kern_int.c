/* SPDX-License-Identifier: MIT */
/*
 * Integer and fixed-point kernels.
 */
#include "vec_kern.h"

/* The macros serve signed and unsigned types alike. */
#pragma GCC diagnostic ignored "-Wtype-limits"

#define BODY(name, D, A, B, EXPR) \
   ALWAYS_INLINE void name##_body(struct cg_wave *w, D *d, const A *a, const B *b, const D *c, B s, bool scalar) \
   { \
      (void)w, (void)b, (void)c; \
      _Pragma("GCC ivdep") \
      for (unsigned i = 0; i < COUNT(D, A, B); i++) { \
         A x = a[i]; \
         B y = scalar ? s : b[i]; \
         (void)x, (void)y; \
         d[i] = (D)(EXPR); \
      } \
   } \
   KERNEL(name, D, A, B)

/* Old vd as z; separate, so that the other operations do not load it. */
#define BODY_ACC(name, D, A, B, EXPR) \
   ALWAYS_INLINE void name##_body(struct cg_wave *w, D *d, const A *a, const B *b, const D *c, B s, bool scalar) \
   { \
      (void)w, (void)b; \
      _Pragma("GCC ivdep") \
      for (unsigned i = 0; i < COUNT(D, A, B); i++) { \
         A x = a[i]; \
         B y = scalar ? s : b[i]; \
         D z = c[i]; \
         d[i] = (D)(EXPR); \
      } \
   } \
   KERNEL(name, D, A, B)

/* Saturating: the bits that differ from the exact result are collected for vxsat. */
#define BODY_SAT(name, D, A, B, EXPR) \
   ALWAYS_INLINE void name##_body(struct cg_wave *w, D *d, const A *a, const B *b, const D *c, B s, bool scalar) \
   { \
      (void)b, (void)c; \
      D sat = 0; \
      unsigned vxrm = w->vxrm; \
      (void)vxrm; \
      _Pragma("GCC ivdep") \
      for (unsigned i = 0; i < COUNT(D, A, B); i++) { \
         A x = a[i]; \
         B y = scalar ? s : b[i]; \
         d[i] = (D)(EXPR); \
      } \
      w->vxsat |= sat != 0; \
   } \
   KERNEL(name, D, A, B)

#define BODY_CMP(name, T, EXPR) \
   ALWAYS_INLINE void name##_body(struct cg_wave *w, uint64_t *d, const T *a, const T *b, const void *c, T s, bool scalar) \
   { \
      (void)w, (void)b, (void)c; \
      uint8_t t[CG_CHUNK / sizeof(T)] __attribute__((aligned(64))); \
      _Pragma("GCC ivdep") \
      for (unsigned i = 0; i < CG_CHUNK / sizeof(T); i++) { \
         T x = a[i], y = scalar ? s : b[i]; \
         t[i] = EXPR; \
      } \
      pack_bits(d, t, CG_CHUNK / sizeof(T)); \
   } \
   KERNEL(name, T, T, T) \
   static const struct cg_op *name##_v(struct cg_wave *w, const struct cg_op *op) \
   { \
      if (unlikely(op->fast != w->vfull || w->lmul)) \
         return cg_vec_slow(w, op); \
      name##_body(w, (uint64_t *)REG(op->rd), (const T *)REG(op->rs2), (const T *)REG(op->rs1), NULL, 0, false); \
      return op + 2; \
   } \
   static const struct cg_op *name##_x(struct cg_wave *w, const struct cg_op *op) \
   { \
      if (unlikely(op->fast != w->vfull || w->lmul)) \
         return cg_vec_slow(w, op); \
      name##_body(w, (uint64_t *)REG(op->rd), (const T *)REG(op->rs2), NULL, NULL, INT_SCALAR(T), true); \
      return op + 2; \
   }

/* With the carry (or selection) bit of each element. */
#define BODY_CARRY(name, T, EXPR) \
   static void name##_k(struct cg_wave *w, void *dst, const void *va, const void *vb, const void *c) \
   { \
      T *d = dst; \
      const T *a = va, *b = vb; \
      const uint8_t *bits = c; \
      (void)w; \
      for (unsigned i = 0; i < CG_CHUNK / sizeof(T); i++) { \
         T x = a[i], y = b[i], carry = bits[i >> 3] >> (i & 7) & 1; \
         d[i] = (T)(EXPR); \
      } \
   }

#define BODY_CARRY_OUT(name, T, EXPR) \
   static void name##_k(struct cg_wave *w, void *dst, const void *va, const void *vb, const void *c) \
   { \
      uint8_t t[CG_CHUNK / sizeof(T)]; \
      const T *a = va, *b = vb; \
      const uint8_t *bits = c; \
      (void)w; \
      for (unsigned i = 0; i < CG_CHUNK / sizeof(T); i++) { \
         T x = a[i], y = b[i], carry = bits ? bits[i >> 3] >> (i & 7) & 1 : 0; \
         t[i] = EXPR; \
      } \
      pack_bits(dst, t, CG_CHUNK / sizeof(T)); \
   }

#define BODY_FAST(name, T, EXPR) BODY(name, T, T, T, EXPR) FAST(name, T, vfull, INT_SCALAR)
#define BODY_ACC_FAST(name, T, EXPR) BODY_ACC(name, T, T, T, EXPR) FAST(name, T, vfull, INT_SCALAR)

#define OP_U(name, EXPR) \
   BODY_FAST(name##_0, u8, EXPR) BODY_FAST(name##_1, u16, EXPR) \
   BODY_FAST(name##_2, u32, EXPR) BODY_FAST(name##_3, u64, EXPR)
#define OP_S(name, EXPR) \
   BODY_FAST(name##_0, i8, EXPR) BODY_FAST(name##_1, i16, EXPR) \
   BODY_FAST(name##_2, i32, EXPR) BODY_FAST(name##_3, i64, EXPR)
#define OP_ACC(name, EXPR) \
   BODY_ACC_FAST(name##_0, u8, EXPR) BODY_ACC_FAST(name##_1, u16, EXPR) \
   BODY_ACC_FAST(name##_2, u32, EXPR) BODY_ACC_FAST(name##_3, u64, EXPR)
#define OP_CMP(name, s, EXPR) \
   BODY_CMP(name##_0, s##8, EXPR) BODY_CMP(name##_1, s##16, EXPR) \
   BODY_CMP(name##_2, s##32, EXPR) BODY_CMP(name##_3, s##64, EXPR)
#define OP_CARRY(name, EXPR) \
   BODY_CARRY(name##_0, u8, EXPR) BODY_CARRY(name##_1, u16, EXPR) \
   BODY_CARRY(name##_2, u32, EXPR) BODY_CARRY(name##_3, u64, EXPR)
#define OP_CARRY_OUT(name, EXPR) \
   BODY_CARRY_OUT(name##_0, u8, EXPR) BODY_CARRY_OUT(name##_1, u16, EXPR) \
   BODY_CARRY_OUT(name##_2, u32, EXPR) BODY_CARRY_OUT(name##_3, u64, EXPR)
/* Expressions that need more than the width: W is the double width of it, T the type itself. */
#define OP_SAT(name, s, EXPR8, EXPR64) \
   BODY_SAT(name##_0, s##8, s##8, s##8, EXPR8(s##8, s##16)) \
   BODY_SAT(name##_1, s##16, s##16, s##16, EXPR8(s##16, s##32)) \
   BODY_SAT(name##_2, s##32, s##32, s##32, EXPR8(s##32, s##64)) \
   BODY_SAT(name##_3, s##64, s##64, s##64, EXPR64(s##64, s##128))
/* Widening: vd is of the double width. */
#define OP_WIDEN(name, D, A, B, EXPR, KIND) \
   KIND(name##_0, D##16, A##8, B##8, EXPR(D##16)) KIND(name##_1, D##32, A##16, B##16, EXPR(D##32)) \
   KIND(name##_2, D##64, A##32, B##32, EXPR(D##64))
#define OP_WIDEN_W(name, D, B, EXPR) \
   BODY(name##_0, D##16, D##16, B##8, EXPR(D##16)) BODY(name##_1, D##32, D##32, B##16, EXPR(D##32)) \
   BODY(name##_2, D##64, D##64, B##32, EXPR(D##64))
#define OP_NARROW(name, D, A, KIND, EXPR) \
   KIND(name##_0, D##8, A##16, u8, EXPR) KIND(name##_1, D##16, A##32, u16, EXPR) KIND(name##_2, D##32, A##64, u32, EXPR)

typedef __int128 i128;
typedef unsigned __int128 u128;

#define SHIFT_MASK(v) (8 * sizeof(v) - 1)

OP_U(vadd, x + y)
OP_U(vsub, x - y)
OP_U(vrsub, y - x)
OP_U(vminu, x < y ? x : y)
OP_S(vmin, x < y ? x : y)
OP_U(vmaxu, x > y ? x : y)
OP_S(vmax, x > y ? x : y)
OP_U(vand, x & y)
OP_U(vor, x | y)
OP_U(vxor, x ^ y)
OP_U(vsll, x << (y & SHIFT_MASK(x)))
OP_U(vsrl, x >> (y & SHIFT_MASK(x)))
OP_S(vsra, x >> (y & SHIFT_MASK(x)))
OP_U(vmv, y)

OP_CMP(vmseq, u, x == y)
OP_CMP(vmsne, u, x != y)
OP_CMP(vmsltu, u, x < y)
OP_CMP(vmslt, i, x < y)
OP_CMP(vmsleu, u, x <= y)
OP_CMP(vmsle, i, x <= y)
OP_CMP(vmsgtu, u, x > y)
OP_CMP(vmsgt, i, x > y)

OP_CARRY(vadc, x + y + carry)
OP_CARRY(vsbc, x - y - carry)
OP_CARRY_OUT(vmadc, carry ? (__typeof__(x))(x + y + 1) <= x : (__typeof__(x))(x + y) < x)
OP_CARRY_OUT(vmsbc, carry ? x <= y : x < y)

/* Multiplication; the high half needs the double width. */
OP_U(vmul, (uint64_t)x * y)
#define MULH(name, s, a, b) \
   BODY_FAST(name##_0, s##8, (a##16)(a##8)x * (b##16)(b##8)y >> 8) \
   BODY_FAST(name##_1, s##16, (a##32)(a##16)x * (b##32)(b##16)y >> 16) \
   BODY_FAST(name##_2, s##32, (a##64)(a##32)x * (b##64)(b##32)y >> 32) \
   BODY_FAST(name##_3, s##64, (u64)((a##128)(a##64)x * (b##128)(b##64)y >> 64))
MULH(vmulhu, u, u, u)
MULH(vmulh, i, i, i)
/* signed times unsigned: the unsigned factor fits the signed double width, but for 64 bits */
#define MULHSU(T, ST, WT, bits) (T)((WT)(ST)x * (WT)y >> bits)
BODY_FAST(vmulhsu_0, u8, MULHSU(u8, i8, i32, 8))
BODY_FAST(vmulhsu_1, u16, MULHSU(u16, i16, i64, 16))
BODY_FAST(vmulhsu_2, u32, MULHSU(u32, i32, i64, 32))
BODY_FAST(vmulhsu_3, u64, MULHSU(u64, i64, i128, 64))

OP_ACC(vmacc, (uint64_t)z + (uint64_t)y * x)
OP_ACC(vnmsac, (uint64_t)z - (uint64_t)y * x)
OP_ACC(vmadd, (uint64_t)y * z + x)
OP_ACC(vnmsub, x - (uint64_t)y * z)

#define DIVU (y ? x / y : (__typeof__(x))~0ull)
#define REMU (y ? x % y : x)
#define DIV (y == 0 ? (__typeof__(x))-1 : y == -1 ? (__typeof__(x))(0 - (uint64_t)x) : x / y)
#define REM (y == 0 ? x : y == -1 ? 0 : x % y)

/*
 * Integers of 32 bits are divided as doubles: a quotient that is no integer is further from the next one than
 * rounding moves it.  Nothing is raised, and what has no quotient converts to the result of RISC-V, but for
 * signed division by zero.
 */
#if defined(__AVX512VL__)
ALWAYS_INLINE __m256i
quotient_u32(__m256i x, __m256i y)
{
   __m512d q = _mm512_div_round_pd(_mm512_cvtepu32_pd(x), _mm512_cvtepu32_pd(y),
                                   _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
   return _mm512_cvtt_roundpd_epu32(q, _MM_FROUND_NO_EXC);
}

ALWAYS_INLINE __m256i
quotient_i32(__m256i x, __m256i y)
{
   __m512d q = _mm512_div_round_pd(_mm512_cvtepi32_pd(x), _mm512_cvtepi32_pd(y),
                                   _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
   return _mm256_mask_set1_epi32(_mm512_cvtt_roundpd_epi32(q, _MM_FROUND_NO_EXC),
                                 _mm256_testn_epi32_mask(y, y), -1);
}

#define DIVISION(name, T, EXPR, rest) \
   ALWAYS_INLINE void name##_body(struct cg_wave *w, T *d, const T *a, const T *b, const T *c, T s, bool scalar) \
   { \
      (void)w, (void)c; \
      for (unsigned i = 0; i < CG_CHUNK / sizeof(T); i += 8) { \
         __m256i x = _mm256_loadu_si256((const __m256i *)(a + i)); \
         __m256i y = scalar ? _mm256_set1_epi32((int)s) : _mm256_loadu_si256((const __m256i *)(b + i)); \
         __m256i q = quotient_##T(x, y); \
         if (rest) \
            q = _mm256_sub_epi32(x, _mm256_mullo_epi32(q, y)); \
         _mm256_storeu_si256((__m256i *)(d + i), q); \
      } \
   } \
   KERNEL(name, T, T, T) FAST(name, T, vfull, INT_SCALAR)
#else
#define DIVISION(name, T, EXPR, rest) BODY_FAST(name, T, EXPR)
#endif

#define OP_DIVISION(name, s, EXPR, rest) \
   BODY_FAST(name##_0, s##8, EXPR) BODY_FAST(name##_1, s##16, EXPR) DIVISION(name##_2, s##32, EXPR, rest) \
   BODY_FAST(name##_3, s##64, EXPR)
OP_DIVISION(vdivu, u, DIVU, false)
OP_DIVISION(vremu, u, REMU, true)
OP_DIVISION(vdiv, i, DIV, false)
OP_DIVISION(vrem, i, REM, true)

/* The increment that vxrm adds to v >> shift; v is not negative-shifted, shift may be 0. */
#define ROUND_INC(v, shift) cg_round_inc((u64)(v), (unsigned)(shift), vxrm)
ALWAYS_INLINE u64
cg_round_inc(u64 v, unsigned shift, unsigned vxrm)
{
   if (shift == 0)
      return 0;
   u64 half = v >> (shift - 1) & 1;
   u64 below = (v & (((u64)1 << (shift - 1)) - 1)) != 0;
   u64 odd = v >> shift & 1;
   switch (vxrm) {
   case 0: return half;
   case 1: return half & (below | odd);
   case 2: return 0;
   default: return (odd ^ 1) & (half | below);
   }
}

#define SATURATE(T, W, e, lo, hi) \
   ({ W exact_ = (e); W cut_ = exact_ > (W)(hi) ? (W)(hi) : exact_ < (W)(lo) ? (W)(lo) : exact_; \
      sat |= (T)(exact_ != cut_); (T)cut_; })
#define MIN_OF(T) ((T)((T)-1 < 0 ? (T)1 << (8 * sizeof(T) - 1) : 0))
#define MAX_OF(T) ((T)~MIN_OF(T))

#define SADD(T, W) SATURATE(T, W, (W)x + (W)y, MIN_OF(T), MAX_OF(T))
#define SSUB(T, W) SATURATE(T, W, (W)x - (W)y, MIN_OF(T), MAX_OF(T))
#define SSUBU(T, W) ({ sat |= (T)(x < y); (T)(x < y ? 0 : x - y); })
OP_SAT(vsaddu, u, SADD, SADD)
OP_SAT(vsadd, i, SADD, SADD)
OP_SAT(vssubu, u, SSUBU, SSUBU)
OP_SAT(vssub, i, SSUB, SSUB)

/* vsmul: x * y >> (SEW - 1) with rounding; only min * min saturates. */
#define SMUL(T, W) \
   ({ W p_ = (W)x * (W)y; unsigned n_ = 8 * sizeof(T) - 1; \
      W r_ = (p_ >> n_) + (W)ROUND_INC(p_, n_); SATURATE(T, W, r_, MIN_OF(T), MAX_OF(T)); })
OP_SAT(vsmul, i, SMUL, SMUL)

#define AVG_ADD(T, W) ({ W p_ = (W)x + (W)y; (T)((p_ >> 1) + (W)ROUND_INC(p_, 1)); })
#define AVG_SUB(T, W) ({ W p_ = (W)x - (W)y; (T)((p_ >> 1) + (W)ROUND_INC(p_, 1)); })
OP_SAT(vaaddu, u, AVG_ADD, AVG_ADD)
OP_SAT(vaadd, i, AVG_ADD, AVG_ADD)
OP_SAT(vasubu, u, AVG_SUB, AVG_SUB)
OP_SAT(vasub, i, AVG_SUB, AVG_SUB)

#define SCALE(T, W) ({ unsigned n_ = y & SHIFT_MASK(x); (T)((x >> n_) + (T)ROUND_INC(x, n_)); })
OP_SAT(vssrl, u, SCALE, SCALE)
OP_SAT(vssra, i, SCALE, SCALE)

/* Narrowing: the shift amount has the width of vs2, taken from the narrow operand. */
OP_NARROW(vnsrl, u, u, BODY, x >> (y & SHIFT_MASK(x)))
OP_NARROW(vnsra, i, i, BODY, x >> (y & SHIFT_MASK(x)))
#define CLIP(T, W) \
   ({ unsigned n_ = y & SHIFT_MASK(x); W inc_ = (W)ROUND_INC(x, n_), r_ = (W)(x >> n_); \
      /* the increment cannot carry out: with n_ = 0 it is 0 */ \
      SATURATE(T, W, r_ + inc_, MIN_OF(T), MAX_OF(T)); })
BODY_SAT(vnclipu_0, u8, u16, u8, CLIP(u8, u16))
BODY_SAT(vnclipu_1, u16, u32, u16, CLIP(u16, u32))
BODY_SAT(vnclipu_2, u32, u64, u32, CLIP(u32, u64))
BODY_SAT(vnclip_0, i8, i16, u8, CLIP(i8, i16))
BODY_SAT(vnclip_1, i16, i32, u16, CLIP(i16, i32))
BODY_SAT(vnclip_2, i32, i64, u32, CLIP(i32, i64))

#define W_ADD(D) (D)x + (D)y
#define W_SUB(D) (D)x - (D)y
#define W_MUL(D) (D)x * (D)y
#define W_MAC(D) (D)((u64)z + (u64)((D)x * (D)y))
OP_WIDEN(vwaddu, u, u, u, W_ADD, BODY)
OP_WIDEN(vwadd, i, i, i, W_ADD, BODY)
OP_WIDEN(vwsubu, u, u, u, W_SUB, BODY)
OP_WIDEN(vwsub, i, i, i, W_SUB, BODY)
OP_WIDEN_W(vwaddu_w, u, u, W_ADD)
OP_WIDEN_W(vwadd_w, i, i, W_ADD)
OP_WIDEN_W(vwsubu_w, u, u, W_SUB)
OP_WIDEN_W(vwsub_w, i, i, W_SUB)
OP_WIDEN(vwmulu, u, u, u, W_MUL, BODY)
OP_WIDEN(vwmulsu, i, i, u, W_MUL, BODY)
OP_WIDEN(vwmul, i, i, i, W_MUL, BODY)
OP_WIDEN(vwmaccu, u, u, u, W_MAC, BODY_ACC)
OP_WIDEN(vwmacc, i, i, i, W_MAC, BODY_ACC)
OP_WIDEN(vwmaccsu, i, u, i, W_MAC, BODY_ACC)   /* signed vs1, unsigned vs2 */
OP_WIDEN(vwmaccus, i, i, u, W_MAC, BODY_ACC)

/* vzext, vsext: vd of SEW from a fraction of it. */
#define EXTEND(name, s) \
   BODY(name##2_1, s##16, s##8, s##8, x) BODY(name##2_2, s##32, s##16, s##16, x) BODY(name##2_3, s##64, s##32, s##32, x) \
   BODY(name##4_2, s##32, s##8, s##8, x) BODY(name##4_3, s##64, s##16, s##16, x) BODY(name##8_3, s##64, s##8, s##8, x)
EXTEND(vzext, u)
EXTEND(vsext, i)

#define VV CG_FORM(CG_VV)
#define VX CG_FORM(CG_VX)
#define VI CG_FORM(CG_VI)

#define K4(n) .kern = { n##_0_k, n##_1_k, n##_2_k, n##_3_k }
#define K3(n) .kern = { n##_0_k, n##_1_k, n##_2_k, NULL }
#define F4(n) .fast_v = { n##_0_v, n##_1_v, n##_2_v, n##_3_v }, .fast_x = { n##_0_x, n##_1_x, n##_2_x, n##_3_x }
#define PLAIN(n, f, ...) { K4(n), F4(n), .forms = f, __VA_ARGS__ }
#define COMPARE(n, f) { K4(n), F4(n), .forms = f, .flags = CG_VI_MASKOUT }
#define SAT(n, f, fl) { K4(n), .forms = f, .flags = CG_VI_GUARD | (fl) }
#define WIDEN(n, ...) { K3(n), .forms = VV | VX, .dw = 1, __VA_ARGS__ }
#define NARROW(n, fl) { K3(n), .forms = VV | VX | VI, .aw = 1, .flags = CG_VI_UIMM | (fl) }

const struct cg_vinfo CG_ISA_NAME(cg_kern_opi)[64] = {
   [0x00] = PLAIN(vadd, VV | VX | VI),
   [0x02] = PLAIN(vsub, VV | VX),
   [0x03] = PLAIN(vrsub, VX | VI),
   [0x04] = PLAIN(vminu, VV | VX),
   [0x05] = PLAIN(vmin, VV | VX),
   [0x06] = PLAIN(vmaxu, VV | VX),
   [0x07] = PLAIN(vmax, VV | VX),
   [0x09] = PLAIN(vand, VV | VX | VI),
   [0x0a] = PLAIN(vor, VV | VX | VI),
   [0x0b] = PLAIN(vxor, VV | VX | VI),
   [0x10] = { K4(vadc), .forms = VV | VX | VI, .flags = CG_VI_CARRY },
   [0x11] = { K4(vmadc), .forms = VV | VX | VI, .flags = CG_VI_CARRY | CG_VI_MASKOUT },
   [0x12] = { K4(vsbc), .forms = VV | VX, .flags = CG_VI_CARRY },
   [0x13] = { K4(vmsbc), .forms = VV | VX, .flags = CG_VI_CARRY | CG_VI_MASKOUT },
   [0x18] = COMPARE(vmseq, VV | VX | VI),
   [0x19] = COMPARE(vmsne, VV | VX | VI),
   [0x1a] = COMPARE(vmsltu, VV | VX),
   [0x1b] = COMPARE(vmslt, VV | VX),
   [0x1c] = COMPARE(vmsleu, VV | VX | VI),
   [0x1d] = COMPARE(vmsle, VV | VX | VI),
   [0x1e] = COMPARE(vmsgtu, VX | VI),
   [0x1f] = COMPARE(vmsgt, VX | VI),
   [0x20] = SAT(vsaddu, VV | VX | VI, 0),
   [0x21] = SAT(vsadd, VV | VX | VI, 0),
   [0x22] = SAT(vssubu, VV | VX, 0),
   [0x23] = SAT(vssub, VV | VX, 0),
   [0x25] = PLAIN(vsll, VV | VX | VI, .flags = CG_VI_UIMM),
   [0x27] = SAT(vsmul, VV | VX, 0),
   [0x28] = PLAIN(vsrl, VV | VX | VI, .flags = CG_VI_UIMM),
   [0x29] = PLAIN(vsra, VV | VX | VI, .flags = CG_VI_UIMM),
   [0x2a] = SAT(vssrl, VV | VX | VI, CG_VI_UIMM),
   [0x2b] = SAT(vssra, VV | VX | VI, CG_VI_UIMM),
   [0x2c] = NARROW(vnsrl, 0),
   [0x2d] = NARROW(vnsra, 0),
   [0x2e] = NARROW(vnclipu, CG_VI_GUARD),
   [0x2f] = NARROW(vnclip, CG_VI_GUARD),
};

const struct cg_vinfo CG_ISA_NAME(cg_kern_opm)[64] = {
   [0x08] = SAT(vaaddu, VV | VX, 0),
   [0x09] = SAT(vaadd, VV | VX, 0),
   [0x0a] = SAT(vasubu, VV | VX, 0),
   [0x0b] = SAT(vasub, VV | VX, 0),
   [0x20] = PLAIN(vdivu, VV | VX),
   [0x21] = PLAIN(vdiv, VV | VX),
   [0x22] = PLAIN(vremu, VV | VX),
   [0x23] = PLAIN(vrem, VV | VX),
   [0x24] = PLAIN(vmulhu, VV | VX),
   [0x25] = PLAIN(vmul, VV | VX),
   [0x26] = PLAIN(vmulhsu, VV | VX),
   [0x27] = PLAIN(vmulh, VV | VX),
   [0x29] = PLAIN(vmadd, VV | VX, .flags = CG_VI_ACC),
   [0x2b] = PLAIN(vnmsub, VV | VX, .flags = CG_VI_ACC),
   [0x2d] = PLAIN(vmacc, VV | VX, .flags = CG_VI_ACC),
   [0x2f] = PLAIN(vnmsac, VV | VX, .flags = CG_VI_ACC),
   [0x30] = WIDEN(vwaddu),
   [0x31] = WIDEN(vwadd),
   [0x32] = WIDEN(vwsubu),
   [0x33] = WIDEN(vwsub),
   [0x34] = WIDEN(vwaddu_w, .aw = 1),
   [0x35] = WIDEN(vwadd_w, .aw = 1),
   [0x36] = WIDEN(vwsubu_w, .aw = 1),
   [0x37] = WIDEN(vwsub_w, .aw = 1),
   [0x38] = WIDEN(vwmulu),
   [0x3a] = WIDEN(vwmulsu),
   [0x3b] = WIDEN(vwmul),
   [0x3c] = WIDEN(vwmaccu, .flags = CG_VI_ACC),
   [0x3d] = WIDEN(vwmacc, .flags = CG_VI_ACC),
   [0x3e] = { K3(vwmaccus), .forms = VX, .dw = 1, .flags = CG_VI_ACC },
   [0x3f] = WIDEN(vwmaccsu, .flags = CG_VI_ACC),
};

#define EXT(n, log2, ...) { .kern = { __VA_ARGS__ }, .forms = VV, .aw = -(log2), .bw = -(log2), .flags = CG_VI_UNARY }

const struct cg_vinfo CG_ISA_NAME(cg_kern_xunary)[32] = {
   [2] = EXT(vzext8, 3, NULL, NULL, NULL, vzext8_3_k),
   [3] = EXT(vsext8, 3, NULL, NULL, NULL, vsext8_3_k),
   [4] = EXT(vzext4, 2, NULL, NULL, vzext4_2_k, vzext4_3_k),
   [5] = EXT(vsext4, 2, NULL, NULL, vsext4_2_k, vsext4_3_k),
   [6] = EXT(vzext2, 1, NULL, vzext2_1_k, vzext2_2_k, vzext2_3_k),
   [7] = EXT(vsext2, 1, NULL, vsext2_1_k, vsext2_2_k, vsext2_3_k),
};

const struct cg_vinfo CG_ISA_NAME(cg_kern_vmv) = PLAIN(vmv, VV | VX | VI, .flags = CG_VI_NO_VS2);
