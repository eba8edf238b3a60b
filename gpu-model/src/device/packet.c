/* SPDX-License-Identifier: MIT */
/*
 * Packets other than copies and dispatches, and the check of every packet's
 * header.  A packet has been copied out of the ring before: what is checked
 * is what is used.
 */
#include <string.h>

#include "cp.h"

#define HEADER_BITS 0x1fff /* type, barrier, acquire and release scope */
#define COMPLETION_SIGNAL 56

static bool
all_earlier_complete(const struct cg_cp *cp)
{
   return cp->head == cp->tail;
}

/* Fence and timestamp words: a page that is not there is an error, never a fault. */
static enum cg_cp_result
store_unfaulting(struct cg_queue *q, uint64_t va, uint64_t value)
{
   struct cg_cp *cp = &q->cp;
   void *word;
   enum cg_cp_result r = cg_cp_word(q, va, 8, COLIBRI_ACCESS_WRITE, &word);

   if (r == CG_CP_FAULT) {
      cp->num_faults = 0;
      return cg_cp_fail(q, COLIBRI_QERR_FENCE_UNMAPPED, va);
   }
   if (r != CG_CP_NEXT)
      return r;
   cg_store64(word, value);

   pthread_mutex_lock(&q->dev->lock);
   cg_sched_poke_polling(q->dev);
   pthread_mutex_unlock(&q->dev->lock);
   return CG_CP_NEXT;
}

static enum cg_cp_result
run_fence(struct cg_queue *q, const struct colibri_pkt_fence *pkt)
{
   if ((pkt->flags & ~COLIBRI_FENCE_IRQ) || pkt->reserved1[0] || pkt->reserved1[1] ||
       pkt->reserved1[2] || pkt->reserved1[3])
      return cg_cp_bad_packet(q);
   if (!all_earlier_complete(&q->cp))
      return CG_CP_BLOCKED;
   cg_cp_slot(&q->cp)->irq = pkt->flags & COLIBRI_FENCE_IRQ;
   return store_unfaulting(q, pkt->addr, pkt->value);
}

static enum cg_cp_result
run_timestamp(struct cg_queue *q, const struct colibri_pkt_timestamp *pkt)
{
   if (!all_earlier_complete(&q->cp))
      return CG_CP_BLOCKED;
   return store_unfaulting(q, pkt->addr, cg_now());
}

static enum cg_cp_result
run_wait(struct cg_queue *q, const struct colibri_pkt_wait *pkt)
{
   void *word;

   if (pkt->cond > COLIBRI_WAIT_GE)
      return cg_cp_bad_packet(q);

   enum cg_cp_result r = cg_cp_word(q, pkt->addr, 8, COLIBRI_ACCESS_READ, &word);

   if (r != CG_CP_NEXT)
      return r;

   uint64_t value = cg_load64(word) & pkt->mask;
   bool met = pkt->cond == COLIBRI_WAIT_EQ   ? value == pkt->ref
              : pkt->cond == COLIBRI_WAIT_NE ? value != pkt->ref
                                             : value >= pkt->ref;

   return met ? CG_CP_NEXT : CG_CP_POLL;
}

/* Barrier-AND waits for all its signals to be 0, barrier-OR for any. */
static enum cg_cp_result
run_barrier(struct cg_queue *q, const struct colibri_pkt_barrier *pkt, bool any)
{
   unsigned given = 0, zero = 0;

   for (unsigned i = 0; i < 5; i++) {
      void *word;

      if (!pkt->dep_signal[i])
         continue;

      enum cg_cp_result r = cg_cp_word(q, pkt->dep_signal[i], 8, COLIBRI_ACCESS_READ, &word);

      if (r != CG_CP_NEXT)
         return r;
      given++;
      zero += cg_load64(word) == 0;
   }
   return zero == given || (any && zero) ? CG_CP_NEXT : CG_CP_POLL;
}

static void
forget_code(struct cg_queue *q)
{
   struct cg_device *dev = q->dev;
   struct cg_inv inv = {.icache = true, .asid = q->asid};

   /* A core reads its inbox before it starts a wave: nobody has to be waited for. */
   for (unsigned i = 0; i < dev->num_cus_started; i++)
      cg_engine_post(&dev->cus[i].engine, &inv);
}

static enum cg_cp_result
run_vendor(struct cg_queue *q)
{
   const void *pkt = q->cp.packet;
   uint16_t op;

   memcpy(&op, q->cp.packet + 2, sizeof(op));
   switch (op) {
   case COLIBRI_OP_NOP:
      return CG_CP_NEXT;
   case COLIBRI_OP_COPY:
      q->cp.copied = true;
      return cg_copy_run(q, pkt);
   case COLIBRI_OP_FILL:
      q->cp.copied = true;
      return cg_fill_run(q, pkt);
   case COLIBRI_OP_FENCE:
      return run_fence(q, pkt);
   case COLIBRI_OP_WAIT:
      return run_wait(q, pkt);
   case COLIBRI_OP_TIMESTAMP:
      return run_timestamp(q, pkt);
   case COLIBRI_OP_ICACHE_INV:
      forget_code(q);
      return CG_CP_NEXT;
   default:
      return cg_cp_bad_packet(q);
   }
}

static enum cg_cp_result
run_any(struct cg_queue *q, uint16_t header)
{
   const void *pkt = q->cp.packet;

   switch (header & COLIBRI_PKT_TYPE_MASK) {
   case COLIBRI_PKT_VENDOR:
      return run_vendor(q);
   case COLIBRI_PKT_DISPATCH:
      return cg_dispatch_start(q, pkt);
   case COLIBRI_PKT_BARRIER_AND:
      return run_barrier(q, pkt, false);
   case COLIBRI_PKT_BARRIER_OR:
      return run_barrier(q, pkt, true);
   default:
      return cg_cp_bad_packet(q);
   }
}

enum cg_cp_result
cg_packet_run(struct cg_queue *q)
{
   struct cg_cp *cp = &q->cp;
   struct cg_slot *slot = cg_cp_slot(cp);
   uint16_t header;
   enum cg_cp_result r;

   memcpy(&header, cp->packet, sizeof(header));
   memcpy(&slot->signal, cp->packet + COMPLETION_SIGNAL, sizeof(slot->signal));
   if (header & ~HEADER_BITS)
      return cg_cp_bad_packet(q);
   if (slot->signal % 8)
      return cg_cp_fail(q, COLIBRI_QERR_MISALIGNED, slot->signal);
   if ((header & COLIBRI_PKT_BARRIER_BIT) && !all_earlier_complete(cp))
      return CG_CP_BLOCKED;

   r = run_any(q, header);
   if (r == CG_CP_NEXT && !slot->dispatch.total)
      slot->done = true;
   return r;
}
