/* SPDX-License-Identifier: MIT */
/*
 * Gathers and scatters of translated code: 64 elements of 32 bits at 64-bit
 * indices.  The place that the instruction used last is tried first, then
 * others are looked up; nothing is moved before all elements have been found.
 * What is in private memory is found in another way (private.c).
 * What is in too many places, or not there, is for the interpreter.
 */
#include <immintrin.h>

#include "mem.h"
#include "translate.h"
#include "vec.h"

#define SIZE 4
/* Looking up one more costs as much as some elements do in the interpreter. */
#define MAX_PLACES 16
/* So many accesses in too many places, and the next 250 are not tried. */
#define MISSES 6

#define WITH_AVX512 __attribute__((target("avx512f")))

/* Are all elements of @bits in the site's place? */
WITH_AVX512 static bool
all_in_place(const struct jit_site *site, const uint64_t *index, uint64_t base, uint64_t bits)
{
   const __m512i first = _mm512_set1_epi64((long long)(base - site->base));
   const __m512i limit = _mm512_set1_epi64((long long)(site->limit + site->counted));
   __mmask8 out = 0;

   for (unsigned i = 0; i < CG_LANES; i += 8) {
      __m512i offset = _mm512_add_epi64(_mm512_loadu_si512(index + i), first);
      out |= _mm512_mask_cmpge_epu64_mask((__mmask8)(bits >> i), offset, limit);
   }
   return !out;
}

/*
 * Host addresses of those elements of @todo that are in the site's place go to @at.
 * Returns which they are.  Stores are whole: what a masked one stored is slow to load.
 */
WITH_AVX512 static uint64_t
find_in_place(const struct jit_site *site, const uint64_t *index, uint64_t base, uint64_t todo, uint64_t *at)
{
   const __m512i first = _mm512_set1_epi64((long long)(base - site->base));
   const __m512i limit = _mm512_set1_epi64((long long)(site->limit + site->counted));
   const __m512i host = _mm512_set1_epi64((long long)site->host);
   uint64_t found = 0;

   for (unsigned i = 0; i < CG_LANES; i += 8) {
      __m512i offset = _mm512_add_epi64(_mm512_loadu_si512(index + i), first);
      __mmask8 in = _mm512_mask_cmplt_epu64_mask((__mmask8)(todo >> i), offset, limit);
      _mm512_store_si512(at + i, _mm512_mask_add_epi64(_mm512_load_si512(at + i), in, offset, host));
      found |= (uint64_t)in << i;
   }
   return found;
}

WITH_AVX512 static void
clear(uint64_t *at)
{
   for (unsigned i = 0; i < CG_LANES; i += 8)
      _mm512_store_si512(at + i, _mm512_setzero_si512());
}

/* Host addresses of all elements of @bits; false: the interpreter has to do it. @report: the first is looked up */
static bool
find_all(struct cg_wave *w, struct jit_site *site, const uint64_t *index, uint64_t base, uint64_t bits, bool report,
         uint64_t *at)
{
   uint64_t todo = report ? bits : bits & ~find_in_place(site, index, base, bits, at);

   for (unsigned places = 0; todo; places++) {
      uint64_t va = base + index[__builtin_ctzll(todo)];
      if (places == MAX_PLACES) {
         site->misses++;
         return false;
      }
      if (!jit_site_fill(w, site, va))
         return false;
      todo &= ~find_in_place(site, index, base, todo, at);
   }
   site->misses = 0;
   return true;
}

/* Do all 64 lie side by side? */
WITH_AVX512 static bool
side_by_side(const uint64_t *at)
{
   const __m512i step = _mm512_set1_epi64(8 * SIZE);
   __m512i expected = _mm512_setr_epi64(0, SIZE, 2 * SIZE, 3 * SIZE, 4 * SIZE, 5 * SIZE, 6 * SIZE, 7 * SIZE);

   if (at[1] != at[0] + SIZE || at[CG_LANES - 1] != at[0] + (CG_LANES - 1) * SIZE)
      return false;
   expected = _mm512_add_epi64(expected, _mm512_set1_epi64((long long)at[0]));
   for (unsigned i = 0; i < CG_LANES; i += 8, expected = _mm512_add_epi64(expected, step)) {
      if (_mm512_cmpneq_epi64_mask(_mm512_loadu_si512(at + i), expected))
         return false;
   }
   return true;
}

/* Four elements.  On many hosts a gather instruction takes twice as long as that. */
WITH_AVX512 static inline __m128i
load_four(const uint8_t *host, const uint64_t *at)
{
   uint32_t e[4];

   for (unsigned i = 0; i < 4; i++)
      memcpy(&e[i], host + at[i], SIZE);
   return _mm_setr_epi32((int)e[0], (int)e[1], (int)e[2], (int)e[3]);
}

WITH_AVX512 static void
load_all(const uint8_t *host, uint8_t *reg, const uint64_t *at)
{
   for (unsigned i = 0; i < CG_LANES; i += 16, at += 16) {
      __m512i all = _mm512_castsi128_si512(load_four(host, at));

      all = _mm512_inserti32x4(all, load_four(host, at + 4), 1);
      all = _mm512_inserti32x4(all, load_four(host, at + 8), 2);
      _mm512_store_si512(reg + SIZE * i, _mm512_inserti32x4(all, load_four(host, at + 12), 3));
   }
}

WITH_AVX512 static void
load_some(const uint8_t *host, uint8_t *reg, const uint64_t *at, uint64_t bits)
{
   for (unsigned i = 0; i < CG_LANES; i += 8) {
      __m256i *to = (__m256i *)(reg + SIZE * i);
      *to = _mm512_mask_i64gather_epi32(*to, (__mmask8)(bits >> i), _mm512_loadu_si512(at + i), host, 1);
   }
}

/** From or to @address + @at; stores are in the order of the elements. */
void
jit_move(bool store, uint64_t address, uint8_t *reg, const uint64_t *at, uint64_t bits)
{
   uint8_t *host = (uint8_t *)(uintptr_t)address;

   if (!store && bits == ~0ull) {
      load_all(host, reg, at);
   } else if (!store) {
      load_some(host, reg, at, bits);
   } else if (bits == ~0ull) {
      for (unsigned i = 0; i < CG_LANES; i++)
         memcpy(host + at[i], reg + SIZE * i, SIZE);
   } else {
      for (; bits; bits &= bits - 1) {
         unsigned i = (unsigned)__builtin_ctzll(bits);
         memcpy(host + at[i], reg + SIZE * i, SIZE);
      }
   }
}

/* The same, where all are in one piece if they can be. */
static void
move_all(struct cg_wave *w, const struct cg_op *op, uint64_t host, const uint64_t *at, uint64_t bits)
{
   bool store = (op->insn & 0x7f) == 0x27;
   uint8_t *reg = w->v + CG_MAX_VLENB * op->rd, *first = (uint8_t *)(uintptr_t)(host + at[0]);

   if (bits != ~0ull || !side_by_side(at))
      jit_move(store, host, reg, at, bits);
   else if (store)
      w->core->isa->copy(first, reg, CG_LANES * SIZE);
   else
      w->core->isa->copy(reg, first, CG_LANES * SIZE);
}

const struct cg_op *
jit_gather(struct cg_wave *w, const struct cg_op *op, struct jit_site *site)
{
   const uint64_t base = w->x[op->rs1], *index = (const uint64_t *)(w->v + CG_MAX_VLENB * op->rs2);
   uint64_t at[CG_LANES] __attribute__((aligned(64))), bits = ~0ull;

   if (!op->vm)
      memcpy(&bits, w->v, sizeof(bits));
   if (!bits)
      return op + 2;
   if (base + index[__builtin_ctzll(bits)] - COLIBRI_PRIVATE_BASE < (uint64_t)CG_LANES << 32)
      return jit_private(w, op, index, base, bits) ? op + 2 : jit_call(w, op);
   if (site->misses > MISSES) {
      site->misses++;   /* until it wraps */
      return jit_call(w, op);
   }
   bool report = site->counted && --*site->counter == 0;
   if (!report && all_in_place(site, index, base, bits)) {
      site->misses = 0;
      move_all(w, op, site->host + base - site->base, index, bits);
      return op + 2;
   }
   clear(at);
   if (!find_all(w, site, index, base, bits, report, at))
      return jit_call(w, op);
   move_all(w, op, 0, at, bits);
   return op + 2;
}
