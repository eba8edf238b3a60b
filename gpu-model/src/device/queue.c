/* SPDX-License-Identifier: MIT */
/*
 * The life of a queue: its states, its wave slots, its errors.
 *
 * Wave slots belong to one queue: parked waves take no room from others.
 * They are made at ENABLE and given back at DISABLE.
 */
#include <stdlib.h>
#include <string.h>

#include "internal.h"

/* ---- Wave slots -------------------------------------------------------------*/

static void
free_slots(struct cg_queue *q)
{
   struct cg_device *dev = q->dev;

   for (unsigned i = 0; q->waves && i < dev->waves_per_queue; i++) {
      if (q->waves[i].wave)
         cg_wave_destroy(q->waves[i].wave);
      dev->wave_memory -= q->waves[i].memory;
   }
   for (unsigned i = 0; q->groups && i < dev->waves_per_queue; i++) {
      free(q->groups[i].group.lds);
      free(q->groups[i].waves);
   }
   free(q->waves);
   free(q->groups);
   q->waves = NULL;
   q->groups = NULL;
   q->num_free = q->num_ready = 0;
   q->more_groups = false;
   cg_list_init(&q->ready);
   cg_list_init(&q->free_waves);
   cg_list_init(&q->free_groups);
}

static unsigned
max_waves_per_group(const struct cg_device *dev)
{
   return COLIBRI_MAX_WG_ITEMS / (dev->config.vlen / 32);
}

static bool
make_slots(struct cg_queue *q)
{
   unsigned count = q->dev->waves_per_queue;

   q->waves = calloc(count, sizeof(*q->waves));
   q->groups = calloc(count, sizeof(*q->groups));
   if (!q->waves || !q->groups) {
      free_slots(q);
      return false;
   }
   for (unsigned i = 0; i < count; i++) {
      struct cg_wave_ctx *ctx = &q->waves[i];

      ctx->waiter.queue = q;
      ctx->waiter.wave = ctx;
      cg_list_add_tail(&ctx->link, &q->free_waves);
      cg_list_add_tail(&q->groups[i].link, &q->free_groups);
      q->groups[i].waves = calloc(max_waves_per_group(q->dev), sizeof(struct cg_wave_ctx *));
      if (!q->groups[i].waves) {
         free_slots(q);
         return false;
      }
   }
   q->num_free = count;
   return true;
}

/* ---- States -----------------------------------------------------------------*/

static void
set_state(struct cg_queue *q, unsigned state)
{
   atomic_store(&q->state, state);
   cg_sched_update(q);
}

static void
request_stops(struct cg_queue *q)
{
   struct cg_device *dev = q->dev;

   for (unsigned i = 0; i < dev->num_cus_started; i++) {
      if (dev->cus[i].queue == q)
         cg_core_request_stop(dev->cus[i].engine.core);
   }
}

void
cg_queue_quiesce(struct cg_queue *q)
{
   struct cg_device *dev = q->dev;

   q->quiesce = true;
   cg_sched_update(q);
   request_stops(q);
   for (unsigned i = 0; i < dev->num_cus_started && q->busy; i++) {
      if (dev->cus[i].queue != q)
         continue;
      /* Helps a CU that has no host CPU. */
      pthread_mutex_unlock(&dev->lock);
      cg_engine_wait(&dev->cus[i].engine);
      pthread_mutex_lock(&dev->lock);
   }
   while (q->busy)
      pthread_cond_wait(&dev->quiet, &dev->lock);
   q->quiesce = false;
}

static void
enable(struct cg_queue *q, bool restart)
{
   if (q->state != COLIBRI_QSTATE_DISABLED)
      return;

   if (!q->ring || q->ring % COLIBRI_PACKET_SIZE || !q->cb || q->cb % 8 || !q->ring_log2 ||
       q->ring_log2 > 16 || q->asid >= COLIBRI_MAX_ASIDS || q->priority > 3) {
      cg_queue_error_locked(q, COLIBRI_QERR_BAD_RING, q->ring, 0, 0);
   } else if (!make_slots(q)) {
      cg_queue_error_locked(q, COLIBRI_QERR_NO_MEMORY, 0, 0, 0);
   } else {
      cg_cp_reset(q);
      q->cp.restart = restart;
      set_state(q, COLIBRI_QSTATE_ENABLED);
      cg_sched_cp_ready(q);
   }
}

static void
drop_work(struct cg_queue *q)
{
   cg_queue_quiesce(q);
   for (unsigned i = 0; q->waves && i < q->dev->waves_per_queue; i++)
      cg_fault_cancel(q->dev, &q->waves[i].waiter);
   cg_fault_cancel(q->dev, &q->cp.waiter);
   free_slots(q);
   cg_cp_reset(q);
}

static void
disable(struct cg_queue *q)
{
   drop_work(q);
   q->error = COLIBRI_QERR_NONE;
   q->error_addr = q->error_pc = q->error_info = 0;
   set_state(q, COLIBRI_QSTATE_DISABLED);
}

static void
suspend(struct cg_queue *q)
{
   if (q->state != COLIBRI_QSTATE_ENABLED)
      return;
   cg_queue_quiesce(q);
   /* It may have run into an error on its way. */
   if (q->state == COLIBRI_QSTATE_ENABLED)
      set_state(q, COLIBRI_QSTATE_SUSPENDED);
}

void
cg_queue_control(struct cg_queue *q, uint32_t op)
{
   struct cg_device *dev = q->dev;

   cg_log(dev, "queue %u: control %u", q->id, op);
   pthread_mutex_lock(&dev->lock);
   if (cg_queue_hangs(q) && (op != COLIBRI_QCTL_RESET || !cg_queue_unhang(q)))
      op = 0;
   q->activity = 0;
   switch (op) {
   case COLIBRI_QCTL_ENABLE:
   case COLIBRI_QCTL_RESTART:
      enable(q, op == COLIBRI_QCTL_RESTART);
      break;
   case COLIBRI_QCTL_DETACH:
      cg_context_detach(q);
      break;
   case COLIBRI_QCTL_ATTACH:
      cg_context_attach(q);
      break;
   case COLIBRI_QCTL_DISABLE:
   case COLIBRI_QCTL_RESET:
      disable(q);
      break;
   case COLIBRI_QCTL_SUSPEND:
      suspend(q);
      break;
   case COLIBRI_QCTL_RESUME:
      if (q->state == COLIBRI_QSTATE_SUSPENDED)
         set_state(q, COLIBRI_QSTATE_ENABLED);
      break;
   default:
      break;
   }
   cg_sched_kick(dev, false);
   pthread_mutex_unlock(&dev->lock);
}

void
cg_queue_doorbell(struct cg_queue *q)
{
   struct cg_device *dev = q->dev;

   pthread_mutex_lock(&dev->lock);
   if (q->state != COLIBRI_QSTATE_DISABLED && !q->cp.waiter.pending) {
      cg_sched_cp_ready(q);
      cg_sched_kick(dev, false);
   }
   pthread_mutex_unlock(&dev->lock);
}

uint64_t
cg_queue_busy(struct cg_device *dev, unsigned id, unsigned kind)
{
   uint64_t ns;

   pthread_mutex_lock(&dev->lock);
   ns = dev->busy_ns[id][kind];
   /* What a turn of the command processor is for is known at its end, which is soon. */
   for (unsigned i = 0; kind == COLIBRI_BUSY_COMPUTE && i < dev->num_cus_started; i++) {
      if (dev->cus[i].queue == dev->queues[id] && dev->cus[i].in_wave)
         ns += cg_now() - dev->cus[i].since;
   }
   pthread_mutex_unlock(&dev->lock);
   return ns;
}

void
cg_queue_report_error(struct cg_queue *q)
{
   struct cg_device *dev = q->dev;
   struct colibri_status_page *sp = cg_status_page(dev);

   cg_log(dev, "queue %u: error %u at %#llx, pc %#llx", q->id, q->error,
          (unsigned long long)q->error_addr, (unsigned long long)q->error_pc);
   if (sp)
      __atomic_fetch_or(&sp->queue_error, 1ull << q->id, __ATOMIC_SEQ_CST);
   cg_irq_raise(dev, COLIBRI_VEC_ERROR);
}

void
cg_queue_error_locked(struct cg_queue *q, uint32_t code, uint64_t addr, uint64_t pc, uint64_t info)
{
   if (q->state == COLIBRI_QSTATE_ERROR)
      return;
   q->error = code;
   q->error_addr = addr;
   q->error_pc = pc;
   q->error_info = info;
   set_state(q, COLIBRI_QSTATE_ERROR);
   if (q->detached) {
      cg_context_event(q);
      return;
   }
   request_stops(q);
   cg_queue_report_error(q);
}

struct cg_queue *
cg_queue_new(struct cg_device *dev, unsigned id)
{
   struct cg_queue *q = calloc(1, sizeof(*q));

   if (!q)
      abort();
   q->dev = dev;
   q->id = id;
   cg_list_init(&q->link);
   cg_list_init(&q->ready);
   cg_list_init(&q->free_waves);
   cg_list_init(&q->free_groups);
   q->cp.waiter.queue = q;
   return q;
}

void
cg_queue_free(struct cg_queue *q)
{
   drop_work(q);
   free(q);
}

void
cg_queues_init(struct cg_device *dev)
{
   /* A full work-group fits, however short the waves are. */
   dev->waves_per_queue = max_waves_per_group(dev);
   if (dev->waves_per_queue < CG_WAVES_PER_QUEUE)
      dev->waves_per_queue = CG_WAVES_PER_QUEUE;

   cg_list_init(&dev->runq);
   cg_list_init(&dev->idle_cus);
   for (unsigned i = 0; i < COLIBRI_MAX_QUEUES; i++)
      dev->queues[i] = cg_queue_new(dev, i);
}

void
cg_queues_fini(struct cg_device *dev)
{
   for (unsigned i = 0; i < COLIBRI_MAX_QUEUES; i++) {
      free_slots(dev->queues[i]);
      free(dev->queues[i]);
   }
}
