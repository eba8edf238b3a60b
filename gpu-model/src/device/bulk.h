/* SPDX-License-Identifier: MIT */
/*
 * Copies past the caches.
 *
 * What migrates is seldom used again at once, and 2 MiB of it, read and
 * written, would throw out of the caches what the compute units and the guest
 * work on.  Stores past the cache also spare the read of each line that is about
 * to be overwritten.  glibc does the same, but from sizes on that no extent has.
 */
#ifndef CG_BULK_H
#define CG_BULK_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#ifdef __x86_64__
#include <emmintrin.h>
#endif

/* Less than this is left to memmove(), and stays in the caches. */
#define CG_BULK_MIN (256ull << 10)
#define CG_BULK_LINE 64

/** Copies @n bytes; whoever sees a later store of this thread sees them. */
static inline void
cg_bulk_copy(uint8_t *dst, const uint8_t *src, uint64_t n)
{
#ifdef __x86_64__
   bool whole_lines = !(((uintptr_t)dst | n) % CG_BULK_LINE);
   bool apart = dst + n <= src || src + n <= dst;

   if (n < CG_BULK_MIN || !whole_lines || !apart) {
      memmove(dst, src, n);
      return;
   }
   for (uint64_t i = 0; i < n; i += CG_BULK_LINE) {
      const __m128i *s = (const void *)(src + i);
      __m128i *d = (void *)(dst + i);
      __m128i a = _mm_loadu_si128(s), b = _mm_loadu_si128(s + 1);
      __m128i c = _mm_loadu_si128(s + 2), e = _mm_loadu_si128(s + 3);

      _mm_stream_si128(d, a);
      _mm_stream_si128(d + 1, b);
      _mm_stream_si128(d + 2, c);
      _mm_stream_si128(d + 3, e);
   }
   _mm_sfence();
#else
   memmove(dst, src, n);
#endif
}

#endif /* CG_BULK_H */
