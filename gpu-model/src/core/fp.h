/* SPDX-License-Identifier: MIT */
/*
 * What RISC-V asks of floating point beyond IEEE 754: canonical NaNs,
 * minimumNumber with signed zeros, classes, saturating conversions, the two
 * 7-bit estimates, and round-to-nearest-max-magnitude.
 */
#ifndef CG_FP_H
#define CG_FP_H

#include <math.h>
#include <string.h>

#include "core_priv.h"
#include "fpenv.h"

typedef _Float16 f16;

#define CG_NAN_H 0x7e00u
#define CG_NAN_S 0x7fc00000u
#define CG_NAN_D 0x7ff8000000000000ull

/** Operations that fp_rmm.c computes. */
enum cg_fop { CG_FADD, CG_FSUB, CG_FMUL, CG_FDIV, CG_FSQRT, CG_FMA, CG_FCVT, CG_FTOI, CG_FTOU };

/**
 * One operation on values of format @from (log2 bytes: 1 half, 2 single, 3 double), rounded to
 * @to with RMM.  CG_FMA is a * b + c.
 * @return the result's bits; the exceptions are or-ed to *flags.
 */
uint64_t cg_rmm_op(enum cg_fop fop, unsigned from, unsigned to, uint64_t a, uint64_t b, uint64_t c, uint8_t *flags);

/** Integer to floating point with RMM. */
uint64_t cg_rmm_from_int(bool negative, uint64_t magnitude, unsigned to, uint8_t *flags);

/** Floating point (exact in double) to an integer of @bits bits, by the mode rm; raises into *flags. */
uint64_t cg_fp_to_int(double v, unsigned bits, bool is_signed, unsigned rm, uint8_t *flags);

/**
 * Single or double to half with one rounding.  For hosts without F16C: libgcc's conversions lose overflow and
 * underflow.
 */
f16 cg_fp_half_from_single(float v, unsigned rm, uint8_t *flags);
f16 cg_fp_half_from_double(double v, unsigned rm, uint8_t *flags);

/** The estimates vfrec7 and vfrsqrt7 of format @fmt. */
uint64_t cg_fp_rec7(uint64_t v, unsigned fmt, unsigned rm, uint8_t *flags);
uint64_t cg_fp_rsqrt7(uint64_t v, unsigned fmt, uint8_t *flags);

uint64_t cg_fp_class(uint64_t v, unsigned fmt);

static inline unsigned
cg_fp_mant_bits(unsigned fmt)
{
   return fmt == 1 ? 10 : fmt == 2 ? 23 : 52;
}

static inline unsigned
cg_fp_exp_bits(unsigned fmt)
{
   return fmt == 1 ? 5 : fmt == 2 ? 8 : 11;
}

/**
 * The value of format @fmt in an f register: NaN unless all bits above it are ones.  The compiler must not
 * see that NaN: it would fold operations on it, with the exceptions of their other operands.
 */
static inline uint64_t
cg_unbox(uint64_t f, unsigned fmt)
{
   if (fmt == 1)
      f = f >> 16 == 0xffffffffffffull ? f & 0xffff : CG_NAN_H;
   else if (fmt == 2)
      f = f >> 32 == 0xffffffffull ? f & 0xffffffff : CG_NAN_S;
   __asm__("" : "+r"(f));
   return f;
}

static inline uint16_t cg_bits_h(f16 v) { uint16_t b; memcpy(&b, &v, 2); return b; }
static inline uint32_t cg_bits_s(float v) { uint32_t b; memcpy(&b, &v, 4); return b; }
static inline uint64_t cg_bits_d(double v) { uint64_t b; memcpy(&b, &v, 8); return b; }
static inline f16 cg_val_h(uint16_t b) { f16 v; memcpy(&v, &b, 2); return v; }
static inline float cg_val_s(uint32_t b) { float v; memcpy(&v, &b, 4); return v; }
static inline double cg_val_d(uint64_t b) { double v; memcpy(&v, &b, 8); return v; }

/** The half nearest to @v, as the host's mode @rm has it. */
static inline f16
cg_half(float v, unsigned rm, uint8_t *flags)
{
#if defined(__F16C__) || defined(__aarch64__)
   (void)rm, (void)flags;
   return (f16)v;
#else
   return cg_fp_half_from_single(v, rm, flags);
#endif
}

/**
 * Round to odd: what single precision cannot hold becomes a sticky bit, so that a
 * further rounding to half is that of @v.  For magnitudes that singles have.
 */
static inline float
cg_single_odd(double v)
{
   uint64_t bits = cg_bits_d(v);
   uint64_t low = bits & 0x1fffffffull;
   bits = (bits & ~0x1fffffffull) | (uint64_t)(low != 0 && v == v) << 29;
   return (float)cg_val_d(bits);
}

/*
 * a * b + c of halves: in double the sum is exact unless it needs more than 53 bits,
 * and what is lost then is far below a half's last bit.
 */
static inline float
cg_fma_half_odd(float a, float b, float c)
{
   return cg_single_odd(__builtin_fma((double)a, (double)b, (double)c));
}

#endif /* CG_FP_H */
