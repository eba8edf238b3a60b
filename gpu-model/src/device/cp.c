/* SPDX-License-Identifier: MIT */
/*
 * The packet loop of a queue: fetch, start, retire in order, sleep.
 *
 * Retiring comes first in each step, so that what completed is told before
 * anything new can get in the way.  Each step may meet a page that is not
 * there; it then leaves everything as it is and is repeated when the driver
 * has answered.
 */
#include <string.h>

#include "core/split.h"
#include "cp.h"

/* Packets before others get a turn. */
#define CG_CP_BUDGET 32

enum cg_cp_result
cg_cp_fail(struct cg_queue *q, uint32_t code, uint64_t addr)
{
   pthread_mutex_lock(&q->dev->lock);
   cg_queue_error_locked(q, code, addr, q->cp.tail, 0);
   pthread_mutex_unlock(&q->dev->lock);
   return CG_CP_ERROR;
}

static uint64_t
packet_va(const struct cg_queue *q)
{
   uint64_t slot = q->cp.tail & ((1ull << q->ring_log2) - 1);

   return q->ring + slot * COLIBRI_PACKET_SIZE;
}

enum cg_cp_result
cg_cp_bad_packet(struct cg_queue *q)
{
   return cg_cp_fail(q, COLIBRI_QERR_BAD_PACKET, packet_va(q));
}

enum cg_cp_result
cg_cp_span(struct cg_queue *q, uint64_t va, uint8_t access, struct cg_span *out)
{
   struct cg_cp *cp = &q->cp;
   struct cg_xlate x;

   if (va >= CG_VA_LIMIT)
      return cg_cp_fail(q, COLIBRI_QERR_BAD_ADDRESS, va);

   switch (cg_mmu_walk(q->dev, q->asid, va, access, &x)) {
   case CG_XLATE_OK:
      out->host = x.host + (va & (x.size - 1));
      out->bytes = x.size - (va & (x.size - 1));
      out->sys = x.sys;
      return CG_CP_NEXT;
   case CG_XLATE_FAULT:
      if (cp->num_faults < CG_MAX_FAULTS)
         cp->faults[cp->num_faults++] = (struct cg_page_fault){va, access};
      return CG_CP_FAULT;
   default:
      return cg_cp_fail(q, COLIBRI_QERR_BUS, va);
   }
}

enum cg_cp_result
cg_cp_word(struct cg_queue *q, uint64_t va, unsigned size, uint8_t access, void **out)
{
   struct cg_span span;

   if (va % size)
      return cg_cp_fail(q, COLIBRI_QERR_MISALIGNED, va);

   enum cg_cp_result r = cg_cp_span(q, va, access, &span);

   if (r != CG_CP_NEXT)
      return r;
   *out = span.host;
   return CG_CP_NEXT;
}

static enum cg_cp_result
cb_word(struct cg_queue *q, size_t offset, unsigned size, uint8_t access, void **out)
{
   return cg_cp_word(q, q->cb + offset, size, access, out);
}

/* ---- Retiring -----------------------------------------------------------------*/

/* As cg_mem_atomic_begin() for waves. */
static void
decrement(struct cg_queue *q, const struct cg_span *span)
{
   struct cg_split split;

   if (!span->sys || q->dev->config.sys_atomics) {
      __atomic_fetch_sub((uint64_t *)span->host, 1, __ATOMIC_SEQ_CST);
      return;
   }
   --*(uint64_t *)cg_split_begin(&split, span->host, 8);
   cg_split_end(&split);
}

static enum cg_cp_result
give_signal(struct cg_queue *q, uint64_t va)
{
   struct cg_span span;

   if (va % 8)
      return cg_cp_fail(q, COLIBRI_QERR_MISALIGNED, va);

   enum cg_cp_result r = cg_cp_span(q, va, COLIBRI_ACCESS_ATOMIC, &span);

   if (r != CG_CP_NEXT)
      return r;
   decrement(q, &span);

   pthread_mutex_lock(&q->dev->lock);
   cg_sched_poke_polling(q->dev);
   pthread_mutex_unlock(&q->dev->lock);
   return CG_CP_NEXT;
}

/* Bit n: the n-th packet in flight is complete. */
static uint32_t
completed_slots(struct cg_queue *q)
{
   struct cg_cp *cp = &q->cp;
   uint32_t mask = 0;

   pthread_mutex_lock(&q->dev->lock);
   for (uint64_t i = cp->head; i != cp->tail; i++) {
      if (cp->slots[i % CG_MAX_INFLIGHT].done)
         mask |= 1u << (i - cp->head);
   }
   pthread_mutex_unlock(&q->dev->lock);
   return mask;
}

static enum cg_cp_result
publish_head(struct cg_queue *q)
{
   struct cg_cp *cp = &q->cp;
   void *word;

   if (cp->published == cp->head)
      return CG_CP_NEXT;

   enum cg_cp_result r = cb_word(q, offsetof(struct colibri_queue_cb, read_index), 8,
                                 COLIBRI_ACCESS_WRITE, &word);

   if (r != CG_CP_NEXT)
      return r;
   cg_store64(word, cg_hostile_index(q->dev, cp->head));

   bool irq = false;

   for (; cp->published != cp->head; cp->published++)
      irq |= cp->slots[cp->published % CG_MAX_INFLIGHT].irq;
   if (irq)
      cg_irq_raise(q->dev, COLIBRI_VEC_FENCE);
   return CG_CP_NEXT;
}

static enum cg_cp_result
retire(struct cg_queue *q)
{
   struct cg_cp *cp = &q->cp;
   uint32_t complete = cp->head == cp->tail ? 0 : completed_slots(q);

   for (uint64_t i = cp->head; i != cp->tail; i++) {
      struct cg_slot *slot = &cp->slots[i % CG_MAX_INFLIGHT];

      if (!(complete >> (i - cp->head) & 1) || slot->signalled)
         continue;

      enum cg_cp_result r = slot->signal ? give_signal(q, slot->signal) : CG_CP_NEXT;

      if (r != CG_CP_NEXT)
         return r;
      slot->signalled = true;
   }
   for (; complete & 1; complete >>= 1)
      cp->head++;
   return publish_head(q);
}

/* ---- Fetching -----------------------------------------------------------------*/

static enum cg_cp_result
set_idle(struct cg_queue *q, bool idle)
{
   struct cg_cp *cp = &q->cp;
   void *word;

   if (cp->idle == idle)
      return CG_CP_NEXT;

   enum cg_cp_result r = cb_word(q, offsetof(struct colibri_queue_cb, idle), 4,
                                 COLIBRI_ACCESS_WRITE, &word);

   if (r != CG_CP_NEXT)
      return r;
   cg_store32(word, cg_hostile_index(q->dev, idle));
   atomic_thread_fence(memory_order_seq_cst);
   cp->idle = idle;
   return CG_CP_NEXT;
}

static enum cg_cp_result
read_write_index(struct cg_queue *q, uint64_t *index)
{
   void *word;
   enum cg_cp_result r = cb_word(q, offsetof(struct colibri_queue_cb, write_index), 8,
                                 COLIBRI_ACCESS_READ, &word);

   if (r == CG_CP_NEXT)
      *index = cg_load64(word);
   return r;
}

static enum cg_cp_result
fetch(struct cg_queue *q)
{
   struct cg_cp *cp = &q->cp;
   enum cg_cp_result r;
   uint64_t index;
   void *packet;

   r = read_write_index(q, &index);
   if (r == CG_CP_NEXT && index == cp->tail) {
      if (cp->idle)
         return CG_CP_IDLE;
      /* Whoever moved the index before it saw idle relies on this second look. */
      r = set_idle(q, true);
      if (r == CG_CP_NEXT)
         r = read_write_index(q, &index);
      if (r == CG_CP_NEXT && index == cp->tail)
         return CG_CP_IDLE;
   }
   if (r == CG_CP_NEXT)
      r = set_idle(q, false);
   if (r != CG_CP_NEXT)
      return r;

   if (index - cp->head > 1ull << q->ring_log2)
      return cg_cp_fail(q, COLIBRI_QERR_BAD_RING, index);
   r = cg_cp_word(q, packet_va(q), COLIBRI_PACKET_SIZE, COLIBRI_ACCESS_READ, &packet);
   if (r != CG_CP_NEXT)
      return r;
   memcpy(cp->packet, packet, COLIBRI_PACKET_SIZE);
   cp->have_packet = true;
   cp->progress = 0;
   memset(cg_cp_slot(cp), 0, sizeof(struct cg_slot));
   return CG_CP_NEXT;
}

/* RESTART: what the control block calls retired is. */
static enum cg_cp_result
restart(struct cg_queue *q)
{
   struct cg_cp *cp = &q->cp;
   void *word;

   if (!cp->restart)
      return CG_CP_NEXT;

   enum cg_cp_result r = cb_word(q, offsetof(struct colibri_queue_cb, read_index), 8,
                                 COLIBRI_ACCESS_READ, &word);

   if (r == CG_CP_NEXT) {
      cp->head = cp->tail = cp->published = cg_load64(word);
      cp->restart = false;
   }
   return r;
}

/* ---- The loop -----------------------------------------------------------------*/

static enum cg_cp_result
step(struct cg_queue *q)
{
   struct cg_cp *cp = &q->cp;
   enum cg_cp_result r;

   cp->num_faults = 0;
   cp->client = COLIBRI_CLIENT_CP;
   r = restart(q);
   if (r == CG_CP_NEXT)
      r = retire(q);
   if (r == CG_CP_NEXT)
      r = cg_dispatch_launch(q);
   if (r != CG_CP_NEXT)
      return r;
   if (cp->tail - cp->head == CG_MAX_INFLIGHT)
      return CG_CP_BLOCKED;
   if (!cp->have_packet)
      r = fetch(q);
   if (r == CG_CP_NEXT)
      r = cg_packet_run(q);
   if (r == CG_CP_NEXT) {
      cp->have_packet = false;
      cp->backoff = 0;
      cp->tail++;
   }
   return r;
}

void
cg_cp_run(struct cg_queue *q)
{
   struct cg_device *dev = q->dev;
   struct cg_cp *cp = &q->cp;
   enum cg_cp_result r;
   unsigned budget = CG_CP_BUDGET;

   cp->copied = false;
   do
      r = step(q);
   while (r == CG_CP_NEXT && --budget);

   pthread_mutex_lock(&dev->lock);
   switch (r) {
   case CG_CP_FAULT:
      cp->waiter.pc = cp->tail;
      if (!cg_fault_park(dev, &cp->waiter, cp->faults, cp->num_faults, cp->client))
         cg_sched_cp_ready(q);
      break;
   case CG_CP_POLL:
      cg_sched_cp_poll(q);
      break;
   case CG_CP_NEXT:
   case CG_CP_AGAIN:
      cg_sched_cp_ready(q);
      break;
   case CG_CP_BLOCKED:
   case CG_CP_IDLE:
   case CG_CP_ERROR:
      break;
   }
   pthread_mutex_unlock(&dev->lock);
}

void
cg_cp_reset(struct cg_queue *q)
{
   struct cg_cp *cp = &q->cp;

   cg_sched_cp_unpoll(q);
   cp->ready = false;
   cp->backoff = 0;
   cp->head = cp->tail = cp->published = 0;
   cp->idle = cp->have_packet = cp->restart = false;
}
