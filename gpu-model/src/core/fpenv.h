/* SPDX-License-Identifier: MIT */
/*
 * The host's floating-point unit in the service of a wave.
 *
 * While a wave runs, the host rounds as the wave's frm says and collects the
 * exceptions; they become fflags when somebody looks.  RISC-V and IEEE hosts
 * agree on the five exceptions and, on x86, on tininess after rounding.
 * Round-to-nearest-max-magnitude has no host counterpart: see fp_rmm.c.
 */
#ifndef CG_FPENV_H
#define CG_FPENV_H

#include <stdint.h>

#define CG_NX 1
#define CG_UF 2
#define CG_OF 4
#define CG_DZ 8
#define CG_NV 16

enum cg_rm { CG_RNE, CG_RTZ, CG_RDN, CG_RUP, CG_RMM, CG_RM_DYN = 7 };

#ifdef __x86_64__

#include <immintrin.h>

#define CG_MXCSR_MASKED 0x1f80

static inline uint32_t
cg_fp_mxcsr_rm(unsigned rm)
{
   /* MXCSR.RC: 0 nearest, 1 down, 2 up, 3 zero; RMM computes its own. */
   static const uint8_t rc[8] = { 0, 3, 1, 2, 0, 0, 0, 0 };
   return (uint32_t)rc[rm & 7] << 13;
}

static inline uint8_t
cg_fp_flags_from_host(uint32_t mxcsr)
{
   return (mxcsr & 1) * CG_NV | (mxcsr >> 2 & 1) * CG_DZ | (mxcsr >> 3 & 1) * CG_OF |
          (mxcsr >> 4 & 1) * CG_UF | (mxcsr >> 5 & 1) * CG_NX;
}

/** Start of a run: returns what cg_fp_leave() needs. */
static inline uint32_t
cg_fp_enter(unsigned rm)
{
   uint32_t saved = _mm_getcsr();
   _mm_setcsr(CG_MXCSR_MASKED | cg_fp_mxcsr_rm(rm));
   return saved;
}

/** End of a run: returns the exceptions raised since cg_fp_enter(). */
static inline uint8_t
cg_fp_leave(uint32_t saved)
{
   uint8_t flags = cg_fp_flags_from_host(_mm_getcsr());
   _mm_setcsr(saved);
   return flags;
}

/** Exceptions raised so far. */
static inline uint8_t
cg_fp_flags(void)
{
   return cg_fp_flags_from_host(_mm_getcsr());
}

static inline void
cg_fp_clear_flags(void)
{
   _mm_setcsr(_mm_getcsr() & ~0x3fu);
}

/** Change the rounding mode; the flags stay. */
static inline void
cg_fp_set_rm(unsigned rm)
{
   _mm_setcsr((_mm_getcsr() & ~0x6000u) | cg_fp_mxcsr_rm(rm));
}

/** Everything, for code that computes on the side. */
static inline uint32_t
cg_fp_save(void)
{
   return _mm_getcsr();
}

static inline void
cg_fp_restore(uint32_t saved)
{
   _mm_setcsr(saved);
}

#else

#include <fenv.h>

static inline int
cg_fp_host_rm(unsigned rm)
{
   static const int host[8] = { FE_TONEAREST, FE_TOWARDZERO, FE_DOWNWARD, FE_UPWARD,
                                FE_TONEAREST, FE_TONEAREST, FE_TONEAREST, FE_TONEAREST };
   return host[rm & 7];
}

static inline uint8_t
cg_fp_flags(void)
{
   int e = fetestexcept(FE_ALL_EXCEPT);
   return (e & FE_INVALID ? CG_NV : 0) | (e & FE_DIVBYZERO ? CG_DZ : 0) |
          (e & FE_OVERFLOW ? CG_OF : 0) | (e & FE_UNDERFLOW ? CG_UF : 0) |
          (e & FE_INEXACT ? CG_NX : 0);
}

static inline void
cg_fp_clear_flags(void)
{
   feclearexcept(FE_ALL_EXCEPT);
}

static inline void
cg_fp_set_rm(unsigned rm)
{
   fesetround(cg_fp_host_rm(rm));
}

static inline uint32_t
cg_fp_save(void)
{
   return (uint32_t)fegetround() << 16 | (uint32_t)fetestexcept(FE_ALL_EXCEPT);
}

static inline void
cg_fp_restore(uint32_t saved)
{
   fesetround((int)(saved >> 16));
   feclearexcept(FE_ALL_EXCEPT);
   feraiseexcept((int)(saved & 0xffff));
}

static inline uint32_t
cg_fp_enter(unsigned rm)
{
   uint32_t saved = cg_fp_save();
   cg_fp_clear_flags();
   cg_fp_set_rm(rm);
   return saved;
}

static inline uint8_t
cg_fp_leave(uint32_t saved)
{
   uint8_t flags = cg_fp_flags();
   cg_fp_restore(saved);
   return flags;
}

#endif

#endif /* CG_FPENV_H */
