/* SPDX-License-Identifier: MIT */
/*
 * Contexts: the state of queues that are not on the hardware.
 *
 * All that a queue is lives in a struct cg_queue.  DETACH waits until no
 * compute unit works for it (a wave stops between two instructions, a command
 * processor after a step) and puts it from dev->queues into dev->contexts; a
 * new, DISABLED one takes its place.  Nothing is copied, and what refers to the
 * queue, its parked faults for one, goes on doing so.
 */
#include <stdlib.h>

#include "internal.h"

static bool
valid(uint64_t context)
{
   return context && context < COLIBRI_MAX_CONTEXTS;
}

/* What an ENABLED queue that no CU works for is about. */
static unsigned
activity(const struct cg_queue *q)
{
   const struct cg_cp *cp = &q->cp;

   if (atomic_load(&q->state) != COLIBRI_QSTATE_ENABLED)
      return 0;
   if (q->busy || q->num_ready || cg_sched_cp_runnable(q))
      return COLIBRI_ACTIVITY_RUNS;
   if (cp->waiting)
      return COLIBRI_ACTIVITY_WAITING;
   if (cp->idle && cp->head == cp->tail && !cp->waiter.pending)
      return COLIBRI_ACTIVITY_IDLE;
   return COLIBRI_ACTIVITY_PARKED;
}

void
cg_context_detach(struct cg_queue *q)
{
   struct cg_device *dev = q->dev;

   if (q->state == COLIBRI_QSTATE_DISABLED || !valid(q->context) || dev->contexts[q->context])
      return;
   cg_queue_quiesce(q);

   struct cg_queue *empty = cg_queue_new(dev, q->id);

   empty->context = q->context;
   empty->activity = activity(q);
   dev->queues[q->id] = empty;
   dev->contexts[q->context] = q;
   q->detached = true;
   /* A poll that was under way is made again when there is somebody to make it. */
   if (q->cp.waiting)
      cg_sched_cp_ready(q);
   cg_sched_update(q);
}

void
cg_context_attach(struct cg_queue *q)
{
   struct cg_device *dev = q->dev;
   uint32_t context = q->context;

   if (q->state != COLIBRI_QSTATE_DISABLED || !valid(context) || !dev->contexts[context])
      return;

   struct cg_queue *stored = dev->contexts[context];

   dev->contexts[context] = NULL;
   stored->id = q->id;
   stored->detached = false;
   dev->queues[q->id] = stored;
   cg_queue_free(q);

   if (stored->state == COLIBRI_QSTATE_ERROR)
      cg_queue_report_error(stored);
   else if (!stored->cp.waiter.pending)
      cg_sched_cp_ready(stored);
   cg_sched_update(stored);
}

void
cg_context_drop(struct cg_device *dev, uint64_t context)
{
   if (!valid(context) || !dev->contexts[context])
      return;
   cg_queue_free(dev->contexts[context]);
   dev->contexts[context] = NULL;
}

void
cg_contexts_reset(struct cg_device *dev)
{
   for (unsigned i = 0; i < COLIBRI_MAX_CONTEXTS; i++)
      cg_context_drop(dev, i);
   dev->sched_watch = 0;
}

void
cg_context_event(struct cg_queue *q)
{
   struct cg_device *dev = q->dev;
   struct colibri_status_page *sp = cg_status_page(dev);

   if (sp)
      __atomic_fetch_or(&sp->context_event[q->context / 64], 1ull << q->context % 64,
                        __ATOMIC_SEQ_CST);
   cg_irq_raise(dev, COLIBRI_VEC_SCHED);
}

uint64_t
cg_sched_mask(struct cg_device *dev, unsigned wanted)
{
   uint64_t mask = 0;

   for (unsigned i = 1; i < COLIBRI_MAX_QUEUES; i++) {
      if (activity(dev->queues[i]) == wanted)
         mask |= 1ull << i;
   }
   return mask;
}

void
cg_sched_check_watch(struct cg_queue *q)
{
   struct cg_device *dev = q->dev;
   uint64_t bit = 1ull << q->id;
   unsigned now;

   if (!(dev->sched_watch & bit))
      return;
   now = activity(q);
   if (now != COLIBRI_ACTIVITY_IDLE && now != COLIBRI_ACTIVITY_PARKED)
      return;

   struct colibri_status_page *sp = cg_status_page(dev);

   dev->sched_watch &= ~bit;
   if (sp)
      __atomic_fetch_or(&sp->queue_event, bit, __ATOMIC_SEQ_CST);
   cg_irq_raise(dev, COLIBRI_VEC_SCHED);
}

void
cg_sched_set_watch(struct cg_device *dev, uint64_t mask)
{
   dev->sched_watch = mask & ~(1ull << COLIBRI_MIGRATE_QUEUE);
   for (unsigned i = 1; i < COLIBRI_MAX_QUEUES; i++)
      cg_sched_check_watch(dev->queues[i]);
}
