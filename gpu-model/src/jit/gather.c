/* SPDX-License-Identifier: MIT */
/*
 * Gathers and scatters of translated code: 64 elements of 32 bits at 64-bit
 * indices.  The place that the instruction used last is tried first, then
 * others are looked up; nothing is moved before all elements have been found.
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
fill(uint64_t *at, uint64_t value)
{
   for (unsigned i = 0; i < CG_LANES; i += 8)
      _mm512_store_si512(at + i, _mm512_set1_epi64((long long)value));
}

/* Host addresses of all elements of @bits; false: the interpreter has to do it. */
static bool
find_all(struct cg_wave *w, struct jit_site *site, const uint64_t *index, uint64_t base, uint64_t bits, uint64_t *at)
{
   bool report = site->counted && --*site->counter == 0;
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

static void
gather(const struct cg_isa *isa, uint8_t *reg, const uint64_t *at, uint64_t bits)
{
   uint32_t all[CG_LANES] __attribute__((aligned(64)));

   for (unsigned i = 0; i < CG_LANES; i++)
      memcpy(&all[i], (const void *)(uintptr_t)at[i], SIZE);
   if (bits == ~0ull)
      memcpy(reg, all, sizeof(all));
   else
      isa->blend[2](reg, all, &bits, CG_LANES);
}

/* In the order of the elements. */
static void
scatter(const uint8_t *reg, const uint64_t *at, uint64_t bits)
{
   for (; bits; bits &= bits - 1) {
      unsigned i = (unsigned)__builtin_ctzll(bits);
      memcpy((void *)(uintptr_t)at[i], reg + SIZE * i, SIZE);
   }
}

const struct cg_op *
jit_gather(struct cg_wave *w, const struct cg_op *op, struct jit_site *site)
{
   const uint64_t base = w->x[op->rs1], *index = (const uint64_t *)(w->v + CG_MAX_VLENB * op->rs2);
   const struct cg_isa *isa = w->core->isa;
   bool store = (op->insn & 0x7f) == 0x27;
   uint8_t *reg = w->v + CG_MAX_VLENB * op->rd;
   uint64_t at[CG_LANES] __attribute__((aligned(64))), bits = ~0ull;
   uint32_t nothing = 0;

   if (!op->vm)
      memcpy(&bits, w->v, sizeof(bits));
   if (!bits)
      return op + 2;
   if (site->misses > MISSES) {
      site->misses++;   /* until it wraps */
      return jit_call(w, op);
   }
   fill(at, (uintptr_t)&nothing);
   if (!find_all(w, site, index, base, bits, at))
      return jit_call(w, op);
   if (bits == ~0ull && side_by_side(at))
      isa->copy(store ? (uint8_t *)(uintptr_t)at[0] : reg, store ? reg : (uint8_t *)(uintptr_t)at[0], CG_LANES * SIZE);
   else if (store)
      scatter(reg, at, bits);
   else
      gather(isa, reg, at, bits);
   return op + 2;
}
