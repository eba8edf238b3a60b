/* SPDX-License-Identifier: MIT */
/*
 * Virtual copies and fills.  They go on in pieces, so that a TLB invalidation
 * or another queue never waits long, and remember how far they came.  When a
 * page is missing, the pages after it are asked for at once too: a copy of
 * cold memory would otherwise pay the driver's round trip for each page.
 */
#include <string.h>

#include "cp.h"

/* Bytes before others get a turn: about 10 us. */
#define CG_COPY_CHUNK (128 << 10)
#define CG_LOOKAHEAD (CG_MAX_FAULTS / 2)

static bool
range_ok(uint64_t va, uint64_t size)
{
   return va < CG_VA_LIMIT && size <= CG_VA_LIMIT - va;
}

static uint64_t
min64(uint64_t a, uint64_t b)
{
   return a < b ? a : b;
}

/* Notes every missing page of the next ones from @va on. */
static void
look_ahead(struct cg_queue *q, uint64_t va, uint64_t size, uint8_t access)
{
   struct cg_cp *cp = &q->cp;
   uint64_t end = va + size;
   struct cg_xlate x;

   for (unsigned i = 0; i < CG_LOOKAHEAD && va < end; i++) {
      if (cg_mmu_walk(q->dev, q->asid, va, access, &x) == CG_XLATE_FAULT)
         cp->faults[cp->num_faults++] = (struct cg_page_fault){va, access};
      va = (va | (CG_PAGE_SIZE - 1)) + 1;
   }
}

enum cg_cp_result
cg_copy_run(struct cg_queue *q, const struct colibri_pkt_copy *pkt)
{
   struct cg_cp *cp = &q->cp;
   uint64_t budget = CG_COPY_CHUNK;

   if (pkt->reserved0 || pkt->reserved1[0] || pkt->reserved1[1] || pkt->reserved1[2])
      return cg_cp_bad_packet(q);
   if (!range_ok(pkt->dst, pkt->size))
      return cg_cp_fail(q, COLIBRI_QERR_BAD_ADDRESS, pkt->dst);
   if (!range_ok(pkt->src, pkt->size))
      return cg_cp_fail(q, COLIBRI_QERR_BAD_ADDRESS, pkt->src);

   cp->client = COLIBRI_CLIENT_COPY;
   while (cp->progress < pkt->size) {
      uint64_t left = pkt->size - cp->progress;
      uint64_t dst = pkt->dst + cp->progress, src = pkt->src + cp->progress;
      struct cg_span d, s;

      if (!budget)
         return CG_CP_AGAIN;

      enum cg_cp_result r = cg_cp_span(q, src, COLIBRI_ACCESS_READ, &s);

      if (r == CG_CP_NEXT)
         r = cg_cp_span(q, dst, COLIBRI_ACCESS_WRITE, &d);
      if (r == CG_CP_FAULT) {
         cp->num_faults = 0;
         look_ahead(q, src, left, COLIBRI_ACCESS_READ);
         look_ahead(q, dst, left, COLIBRI_ACCESS_WRITE);
      }
      if (r != CG_CP_NEXT)
         return r;

      uint64_t n = min64(min64(left, budget), min64(d.bytes, s.bytes));

      memmove(d.host, s.host, n);
      cp->progress += n;
      budget -= n;
   }
   return CG_CP_NEXT;
}

/* Fills @n bytes; @phase: how far into the pattern (repeated to 16 bytes) they begin. */
static void
fill_bytes(uint8_t *dst, uint64_t n, const uint8_t pattern[16], unsigned phase)
{
   uint8_t block[16];

   for (unsigned i = 0; i < 16; i++)
      block[i] = pattern[(i + phase) % 16];
   for (; n >= 16; n -= 16, dst += 16)
      memcpy(dst, block, 16);
   memcpy(dst, block, n);
}

enum cg_cp_result
cg_fill_run(struct cg_queue *q, const struct colibri_pkt_fill *pkt)
{
   struct cg_cp *cp = &q->cp;
   uint32_t ps = pkt->pattern_size;
   uint64_t budget = CG_COPY_CHUNK;
   uint8_t pattern[16];

   if (!ps || ps > 16 || (ps & (ps - 1)) || pkt->size % ps || pkt->reserved1[0] ||
       pkt->reserved1[1])
      return cg_cp_bad_packet(q);
   if (!range_ok(pkt->dst, pkt->size))
      return cg_cp_fail(q, COLIBRI_QERR_BAD_ADDRESS, pkt->dst);
   for (unsigned i = 0; i < 16; i += ps)
      memcpy(pattern + i, pkt->pattern, ps);

   cp->client = COLIBRI_CLIENT_COPY;
   while (cp->progress < pkt->size) {
      uint64_t left = pkt->size - cp->progress, dst = pkt->dst + cp->progress;
      struct cg_span d;

      if (!budget)
         return CG_CP_AGAIN;

      enum cg_cp_result r = cg_cp_span(q, dst, COLIBRI_ACCESS_WRITE, &d);

      if (r == CG_CP_FAULT) {
         cp->num_faults = 0;
         look_ahead(q, dst, left, COLIBRI_ACCESS_WRITE);
      }
      if (r != CG_CP_NEXT)
         return r;

      uint64_t n = min64(min64(left, budget), d.bytes);

      fill_bytes(d.host, n, pattern, cp->progress % 16);
      cp->progress += n;
      budget -= n;
   }
   return CG_CP_NEXT;
}
