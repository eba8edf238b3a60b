/* SPDX-License-Identifier: MIT */
/*
 * Gathers and scatters of translated code in private memory, each lane in its
 * own.  It lies by rows (CG_PRIVATE_UNIT): where all lanes use the same offset,
 * as with variables and arrays that they index alike, a row is moved as a whole.
 */
#include <immintrin.h>

#include "mem.h"
#include "translate.h"

#define SIZE 4
#define ROW_BYTES (CG_LANES * CG_PRIVATE_UNIT)

#define WITH_AVX512 __attribute__((target("avx512f,bmi2")))

_Static_assert(CG_PRIVATE_UNIT == 2 * SIZE, "a unit has two elements");

/* Are the elements of @bits all at one @offset of their lanes' memory? */
WITH_AVX512 static bool
same_offset(const uint64_t *index, uint64_t base, uint64_t bits, uint32_t *offset)
{
   const unsigned first = (unsigned)__builtin_ctzll(bits);
   const uint64_t va = base + index[first] - COLIBRI_PRIVATE_BASE, zero = index[first] - ((uint64_t)first << 32);
   const __m512i step = _mm512_set1_epi64(8ll << 32);
   __m512i expected = _mm512_add_epi64(_mm512_set1_epi64((long long)zero),
                                       _mm512_slli_epi64(_mm512_setr_epi64(0, 1, 2, 3, 4, 5, 6, 7), 32));

   if (va >> 32 != first)
      return false;
   for (unsigned i = 0; i < CG_LANES; i += 8, expected = _mm512_add_epi64(expected, step)) {
      if (_mm512_mask_cmpneq_epi64_mask((__mmask8)(bits >> i), _mm512_loadu_si512(index + i), expected))
         return false;
   }
   *offset = (uint32_t)va;
   return true;
}

/* Half of each unit of @row, 0 or 1, to the elements of @bits. */
WITH_AVX512 static void
load_row(uint8_t *reg, const uint8_t *row, unsigned half, uint64_t bits)
{
   const __m512i even = _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
   const __m512i pick = _mm512_add_epi32(even, _mm512_set1_epi32((int)half));

   for (unsigned i = 0; i < CG_LANES; i += 16, row += 2 * 64) {
      __m512i picked = _mm512_permutex2var_epi32(_mm512_load_si512(row), pick, _mm512_load_si512(row + 64));
      __m512i old = _mm512_load_si512(reg + SIZE * i);
      _mm512_store_si512(reg + SIZE * i, _mm512_mask_mov_epi32(old, (__mmask16)(bits >> i), picked));
   }
}

/* And back.  Stores are whole: what a masked one stored is slow to load. */
WITH_AVX512 static void
store_row(const uint8_t *reg, uint8_t *row, unsigned half, uint64_t bits)
{
   const __m512i spread = _mm512_setr_epi32(0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7);

   for (unsigned i = 0; i < CG_LANES; i += 8, row += 64) {
      __mmask16 wanted = (__mmask16)(_pdep_u32((uint8_t)(bits >> i), 0x5555) << half);
      __m512i data = _mm512_castsi256_si512(_mm256_load_si256((const __m256i *)(reg + SIZE * i)));
      data = _mm512_permutexvar_epi32(spread, data);
      _mm512_store_si512(row, _mm512_mask_mov_epi32(_mm512_load_si512(row), wanted, data));
   }
}

/* Host addresses of the elements of @bits; false: one is not there, or in two units. */
WITH_AVX512 static bool
find(const struct cg_wave *w, const uint64_t *index, uint64_t base, uint64_t bits, uint64_t *at)
{
   const __m512i first = _mm512_set1_epi64((long long)(base - COLIBRI_PRIVATE_BASE));
   const __m512i end = _mm512_set1_epi64((long long)CG_LANES << 32), low = _mm512_set1_epi64(UINT32_MAX);
   const __m512i host = _mm512_set1_epi64((long long)(uintptr_t)w->priv);
   const __m512i last = _mm512_set1_epi64((long long)w->private_size - SIZE);
   const __m512i in_unit = _mm512_set1_epi64(CG_PRIVATE_UNIT - 1), unit = _mm512_set1_epi64(CG_PRIVATE_UNIT);
   const __m512i last_in_unit = _mm512_set1_epi64(CG_PRIVATE_UNIT - SIZE), lanes = _mm512_set1_epi64(CG_LANES);
   __mmask8 out = 0;

   for (unsigned i = 0; i < CG_LANES; i += 8) {
      const __mmask8 wanted = (__mmask8)(bits >> i);
      __m512i va = _mm512_add_epi64(_mm512_loadu_si512(index + i), first);
      __m512i lane = _mm512_srli_epi64(va, 32), offset = _mm512_and_si512(va, low);
      __m512i within = _mm512_and_si512(offset, in_unit), rows = _mm512_sub_epi64(offset, within);
      out |= _mm512_mask_cmpge_epu64_mask(wanted, va, end) | _mm512_mask_cmpgt_epi64_mask(wanted, offset, last) |
             _mm512_mask_cmpgt_epi64_mask(wanted, within, last_in_unit);
      within = _mm512_add_epi64(within, _mm512_mul_epu32(lane, unit));
      within = _mm512_add_epi64(within, _mm512_mul_epu32(rows, lanes));
      _mm512_store_si512(at + i, _mm512_add_epi64(host, within));
   }
   return !out;
}

/** Moves the elements of @bits; false: the interpreter has to do it, and nothing was moved. */
bool
jit_private(struct cg_wave *w, const struct cg_op *op, const uint64_t *index, uint64_t base, uint64_t bits)
{
   const bool store = (op->insn & 0x7f) == 0x27;
   uint8_t *reg = w->v + CG_MAX_VLENB * op->rd;
   uint64_t at[CG_LANES] __attribute__((aligned(64)));
   uint32_t offset;

   if (same_offset(index, base, bits, &offset) && offset % SIZE == 0) {
      uint8_t *row = w->priv + (uint64_t)(offset / CG_PRIVATE_UNIT) * ROW_BYTES;
      unsigned half = offset / SIZE % 2;

      if ((uint64_t)offset + SIZE > w->private_size)
         return false;
      if (store)
         store_row(reg, row, half, bits);
      else
         load_row(reg, row, half, bits);
      return true;
   }
   if (!find(w, index, base, bits, at))
      return false;
   jit_move(store, 0, reg, at, bits);
   return true;
}
