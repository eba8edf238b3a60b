/* SPDX-License-Identifier: MIT */
/*
 * The migration engine: queue 0.
 *
 * It works on physical addresses only, so it can neither fault nor wait for
 * anybody's translations, and it has a thread of its own, so that it goes on
 * whatever the other queues are stuck on.  Copies proceed in pieces: the
 * control thread may take guest memory away between two of them.
 */
#include <sched.h>
#include <string.h>

#include "bulk.h"
#include "internal.h"

#define CG_MIGRATE_PIECE (1ull << 20)

/*
 * How long the engine looks for another packet after it has retired one: one copy
 * seldom comes alone, and a doorbell costs the driver more than most copies do.
 */
#define CG_MIGRATE_LINGER_NS 200000

enum mig_result { MIG_AGAIN, MIG_LINGER, MIG_IDLE, MIG_ERROR };

static enum mig_result
fail(struct cg_device *dev, uint32_t code, uint64_t addr)
{
   pthread_mutex_lock(&dev->lock);
   cg_queue_error_locked(dev->queues[COLIBRI_MIGRATE_QUEUE], code, addr, dev->mig.head, 0);
   pthread_mutex_unlock(&dev->lock);
   return MIG_ERROR;
}

/* The first piece of an extent: behind an IOMMU what is contiguous for the device is not so for the host. */
static uint8_t *
extent_span(struct cg_device *dev, uint64_t phys, uint64_t max, bool write, uint64_t *size)
{
   if (phys & COLIBRI_PHYS_SYS)
      return cg_sys_span(dev, phys & ~COLIBRI_PHYS_SYS, max, write, size);
   *size = max;
   return cg_vram_ptr(dev, phys, max);
}

static bool
extent_there(struct cg_device *dev, uint64_t phys, uint64_t size, bool write)
{
   for (uint64_t n; size; phys += n, size -= n) {
      if (!extent_span(dev, phys, size, write, &n))
         return false;
   }
   return true;
}

/* Copies @size bytes out of guest memory; false when they are not all there. */
static bool
read_guest(struct cg_device *dev, void *out, uint64_t bus, uint64_t size)
{
   for (uint64_t n; size; bus += n, out = (uint8_t *)out + n, size -= n) {
      const uint8_t *host = cg_sys_span(dev, bus, size, false, &n);

      if (!host)
         return false;
      memcpy(out, host, n);
   }
   return true;
}

static struct colibri_queue_cb *
control_block(struct cg_device *dev)
{
   const struct cg_queue *q = dev->queues[COLIBRI_MIGRATE_QUEUE];

   return (void *)cg_sys_ptr(dev, q->cb, sizeof(struct colibri_queue_cb), true);
}

static enum mig_result
retire(struct cg_device *dev, struct colibri_queue_cb *cb)
{
   struct cg_migrate *m = &dev->mig;

   cg_store64(&cb->read_index, cg_hostile_index(dev, ++m->head));
   if (m->irq)
      cg_irq_raise(dev, COLIBRI_VEC_MIGRATE);
   m->irq = false;
   m->linger_until = cg_now() + CG_MIGRATE_LINGER_NS;
   return MIG_AGAIN;
}

/* ---- MIGRATE ------------------------------------------------------------------*/

/* Copies the list out of guest memory and checks every extent, before any is touched. */
static enum mig_result
start_list(struct cg_device *dev, const struct colibri_pkt_migrate *pkt, uint64_t packet_addr)
{
   struct cg_migrate *m = &dev->mig;
   uint64_t bytes = (uint64_t)pkt->count * sizeof(m->list[0]);

   if (!pkt->count || pkt->count > COLIBRI_MAX_EXTENTS || pkt->list % 8)
      return fail(dev, COLIBRI_QERR_BAD_PACKET, packet_addr);

   if (!read_guest(dev, m->list, pkt->list, bytes))
      return fail(dev, COLIBRI_QERR_BUS, pkt->list);

   for (uint32_t i = 0; i < pkt->count; i++) {
      const struct colibri_extent *e = &m->list[i];

      if (!e->size || (e->flags & ~COLIBRI_EXTENT_CLEAR))
         return fail(dev, COLIBRI_QERR_BAD_PACKET, pkt->list + i * sizeof(*e));
      if (!extent_there(dev, e->dst, e->size, true))
         return fail(dev, COLIBRI_QERR_BUS, e->dst);
      if (!(e->flags & COLIBRI_EXTENT_CLEAR) && !extent_there(dev, e->src, e->size, false))
         return fail(dev, COLIBRI_QERR_BUS, e->src);
   }
   m->count = pkt->count;
   m->extent = 0;
   m->extent_done = 0;
   return MIG_AGAIN;
}

/* Up to @budget bytes of one extent; @return how many, 0 when it is no longer there */
static uint64_t
extent_piece(struct cg_device *dev, const struct colibri_extent *e, uint64_t done, uint64_t budget)
{
   uint64_t n = e->size - done < budget ? e->size - done : budget;
   uint8_t *dst = extent_span(dev, e->dst + done, n, true, &n);
   const uint8_t *src = NULL;

   if (!dst)
      return 0;
   if (!(e->flags & COLIBRI_EXTENT_CLEAR)) {
      src = extent_span(dev, e->src + done, n, false, &n);
      if (!src)
         return 0;
   }
   if (src)
      cg_bulk_copy(dst, src, n);
   else
      memset(dst, 0, n);
   return n;
}

static enum mig_result
list_piece(struct cg_device *dev, struct colibri_queue_cb *cb)
{
   struct cg_migrate *m = &dev->mig;
   uint64_t budget = CG_MIGRATE_PIECE;

   if (cg_hostile_skips(dev))
      m->extent = m->count;

   while (budget && m->extent < m->count) {
      const struct colibri_extent *e = &m->list[m->extent];
      uint64_t n = extent_piece(dev, e, m->extent_done, budget);

      if (!n) {
         m->count = 0;
         return fail(dev, COLIBRI_QERR_BUS, e->dst);
      }
      budget -= n;
      m->extent_done += n;
      if (m->extent_done == e->size) {
         m->extent_done = 0;
         m->extent++;
      }
   }
   if (m->extent < m->count)
      return MIG_AGAIN;
   m->count = 0;
   return retire(dev, cb);
}

/* ---- The other packets -----------------------------------------------------------*/

static enum mig_result
store_word(struct cg_device *dev, uint64_t addr, uint64_t value)
{
   uint8_t *word;

   if (addr % 8)
      return fail(dev, COLIBRI_QERR_MISALIGNED, addr);
   word = cg_sys_ptr(dev, addr, 8, true);
   if (!word)
      return fail(dev, COLIBRI_QERR_FENCE_UNMAPPED, addr);
   cg_store64(word, value);
   return MIG_AGAIN;
}

static enum mig_result
run_packet(struct cg_device *dev, struct colibri_queue_cb *cb, const uint8_t *packet, uint64_t addr)
{
   struct colibri_pkt_fence pkt;
   enum mig_result r = MIG_AGAIN;

   memcpy(&pkt, packet, sizeof(pkt));
   if ((pkt.header & COLIBRI_PKT_TYPE_MASK) != COLIBRI_PKT_VENDOR || pkt.completion_signal)
      return fail(dev, COLIBRI_QERR_BAD_PACKET, addr);

   switch (pkt.op) {
   case COLIBRI_OP_NOP:
      break;
   case COLIBRI_OP_FENCE:
      if (pkt.flags & ~COLIBRI_FENCE_IRQ)
         return fail(dev, COLIBRI_QERR_BAD_PACKET, addr);
      dev->mig.irq = pkt.flags & COLIBRI_FENCE_IRQ;
      r = store_word(dev, pkt.addr, cg_hostile_fence(dev, pkt.value));
      break;
   case COLIBRI_OP_TIMESTAMP:
      r = store_word(dev, pkt.addr, cg_now());
      break;
   case COLIBRI_OP_MIGRATE:
      return start_list(dev, (const void *)&pkt, addr);
   default:
      return fail(dev, COLIBRI_QERR_BAD_PACKET, addr);
   }
   return r == MIG_AGAIN ? retire(dev, cb) : r;
}

/* One packet, or one piece of a list.  Inside a section. */
static enum mig_result
step(struct cg_device *dev)
{
   const struct cg_queue *q = dev->queues[COLIBRI_MIGRATE_QUEUE];
   struct cg_migrate *m = &dev->mig;
   struct colibri_queue_cb *cb = control_block(dev);
   uint8_t packet[COLIBRI_PACKET_SIZE];

   if (!cb)
      return fail(dev, COLIBRI_QERR_BAD_RING, q->cb);
   if (cg_hostile_stalls(dev, CG_ANSWERS_COPY) || cg_queue_hangs(q))
      return MIG_IDLE;
   if (m->count)
      return list_piece(dev, cb);

   uint64_t pending = cg_load64(&cb->write_index) - m->head;

   if (!pending && !m->idle && cg_now() < m->linger_until)
      return MIG_LINGER;
   if (!pending && !m->idle) {
      cg_store32(&cb->idle, 1);
      atomic_thread_fence(memory_order_seq_cst);
      m->idle = true;
      pending = cg_load64(&cb->write_index) - m->head;
   }
   if (!pending)
      return MIG_IDLE;
   if (m->idle) {
      cg_store32(&cb->idle, 0);
      m->idle = false;
   }
   if (pending > 1ull << q->ring_log2)
      return fail(dev, COLIBRI_QERR_BAD_RING, m->head + pending);

   uint64_t addr = q->ring + (m->head & ((1ull << q->ring_log2) - 1)) * sizeof(packet);
   const uint8_t *p = cg_sys_ptr(dev, addr, sizeof(packet), false);

   if (!p)
      return fail(dev, COLIBRI_QERR_BAD_RING, addr);
   memcpy(packet, p, sizeof(packet));
   return run_packet(dev, cb, packet, addr);
}

/* ---- The thread ---------------------------------------------------------------------*/

static void
run(struct cg_device *dev)
{
   struct cg_migrate *m = &dev->mig;
   uint64_t since = cg_now();
   enum mig_result r;

   do {
      cg_engine_enter(&m->engine);
      r = step(dev);
      cg_engine_exit(&m->engine);
      if (r == MIG_AGAIN) {
         uint64_t now = cg_now();

         dev->busy_ns[COLIBRI_MIGRATE_QUEUE][COLIBRI_BUSY_COPY] += now - since;
         since = now;
      }
      if (r == MIG_LINGER) {
         sched_yield();
         since = cg_now();
      }
   } while ((r == MIG_AGAIN || r == MIG_LINGER) && !atomic_load(&m->stop));

   pthread_mutex_lock(&m->lock);
   m->busy = false;
   if (r == MIG_ERROR)
      m->enabled = false;
   pthread_cond_broadcast(&m->quiet);
   pthread_mutex_unlock(&m->lock);
}

static void *
migrate_main(void *arg)
{
   struct cg_device *dev = arg;
   struct cg_migrate *m = &dev->mig;

   cg_engine_thread(&m->engine, "migrate", false);
   for (;;) {
      unsigned prepared = cg_doze_prepare(&m->doze);

      pthread_mutex_lock(&m->lock);
      bool exiting = m->exiting, go = m->enabled;

      m->busy = go && !exiting;
      pthread_mutex_unlock(&m->lock);

      if (exiting)
         return NULL;
      if (go)
         run(dev);
      cg_doze_sleep(&m->doze, prepared);
   }
}

/* ---- Control ------------------------------------------------------------------------*/

static void
set_state(struct cg_device *dev, unsigned state)
{
   atomic_store(&dev->queues[COLIBRI_MIGRATE_QUEUE]->state, state);
}

static void
quiesce(struct cg_migrate *m)
{
   m->enabled = false;
   atomic_store(&m->stop, true);
   while (m->busy)
      pthread_cond_wait(&m->quiet, &m->lock);
   atomic_store(&m->stop, false);
}

static void
enable(struct cg_device *dev, struct cg_queue *q)
{
   struct cg_migrate *m = &dev->mig;

   if (!q->ring || q->ring % COLIBRI_PACKET_SIZE || !q->cb || q->cb % 8 || !q->ring_log2 ||
       q->ring_log2 > 16) {
      fail(dev, COLIBRI_QERR_BAD_RING, q->ring);
      return;
   }
   m->head = 0;
   m->count = 0;
   m->idle = m->irq = false;
   m->linger_until = 0;
   m->enabled = true;
   set_state(dev, COLIBRI_QSTATE_ENABLED);
}

static void
disable(struct cg_device *dev, struct cg_queue *q)
{
   quiesce(&dev->mig);
   pthread_mutex_lock(&dev->lock);
   q->error = COLIBRI_QERR_NONE;
   q->error_addr = q->error_pc = q->error_info = 0;
   set_state(dev, COLIBRI_QSTATE_DISABLED);
   pthread_mutex_unlock(&dev->lock);
}

void
cg_migrate_control(struct cg_device *dev, uint32_t op)
{
   struct cg_queue *q = dev->queues[COLIBRI_MIGRATE_QUEUE];
   struct cg_migrate *m = &dev->mig;

   cg_log(dev, "queue 0: control %u", op);
   pthread_mutex_lock(&m->lock);
   if (cg_queue_hangs(q) && (op != COLIBRI_QCTL_RESET || !cg_queue_unhang(q)))
      op = 0;
   switch (op) {
   case COLIBRI_QCTL_ENABLE:
      if (q->state == COLIBRI_QSTATE_DISABLED)
         enable(dev, q);
      break;
   case COLIBRI_QCTL_DISABLE:
   case COLIBRI_QCTL_RESET:
      disable(dev, q);
      break;
   case COLIBRI_QCTL_SUSPEND:
      if (q->state == COLIBRI_QSTATE_ENABLED) {
         quiesce(m);
         if (q->state == COLIBRI_QSTATE_ENABLED)
            set_state(dev, COLIBRI_QSTATE_SUSPENDED);
      }
      break;
   case COLIBRI_QCTL_RESUME:
      if (q->state == COLIBRI_QSTATE_SUSPENDED) {
         set_state(dev, COLIBRI_QSTATE_ENABLED);
         m->enabled = true;
      }
      break;
   default:
      break;
   }
   pthread_mutex_unlock(&m->lock);
   cg_doze_kick(&m->doze);
}

void
cg_migrate_doorbell(struct cg_device *dev)
{
   cg_doze_kick(&dev->mig.doze);
}

int
cg_migrate_start(struct cg_device *dev)
{
   struct cg_migrate *m = &dev->mig;

   pthread_mutex_init(&m->lock, NULL);
   pthread_cond_init(&m->quiet, NULL);
   cg_engine_init(&m->engine, NULL);
   return pthread_create(&m->thread, NULL, migrate_main, dev);
}

void
cg_migrate_stop(struct cg_device *dev)
{
   struct cg_migrate *m = &dev->mig;

   pthread_mutex_lock(&m->lock);
   quiesce(m);
   m->exiting = true;
   pthread_mutex_unlock(&m->lock);
   cg_doze_kick(&m->doze);
   pthread_join(m->thread, NULL);
   cg_engine_fini(&m->engine);
   pthread_cond_destroy(&m->quiet);
   pthread_mutex_destroy(&m->lock);
}
