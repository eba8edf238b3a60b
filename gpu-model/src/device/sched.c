/* SPDX-License-Identifier: MIT */
/*
 * Which queue a compute unit works for next.
 *
 * A queue is on the run queue while it may run and has a ready wave or a
 * command processor with something to do.  Each queue has a virtual time, which
 * the time that CUs spend on it adds to, half as much for each step of
 * priority.  The queue with the least goes first, so all get time in proportion to their
 * weights and none starves.  Who had nothing to do for a while begins where the
 * others are.  Within a queue packets and waves take turns.
 *
 * Waves are taken by the turn: several that are ready, in order, since many are over in less time than
 * it takes to choose one.  All CUs get their share, and a work-group stays together if it can: its waves use
 * the same local memory.
 */
#include "internal.h"

/* Steps of priority that virtual time can tell apart. */
#define CG_PRIORITY_SHIFT 3

/* ns between two looks at a memory word that a queue waits for. */
#define CG_POLL_MIN 20000
#define CG_POLL_MAX 1000000

bool
cg_sched_cp_runnable(const struct cg_queue *q)
{
   /* While it is parked only the answers to its faults let it go on, whatever else happens. */
   return q->cp.ready && !q->cp.running && !q->cp.waiter.pending;
}

static bool
has_work(const struct cg_queue *q)
{
   return atomic_load_explicit(&q->state, memory_order_relaxed) == COLIBRI_QSTATE_ENABLED &&
          !q->quiesce && !q->detached && !cg_queue_hangs(q) &&
          (q->num_ready || cg_sched_cp_runnable(q));
}

/* Into its place on the run queue, behind those with the same time. */
static void
enqueue(struct cg_queue *q)
{
   struct cg_device *dev = q->dev;
   struct cg_list *pos = dev->runq.prev;

   if (q->vtime < dev->vtime)
      q->vtime = dev->vtime;
   while (pos != &dev->runq && cg_container(pos, struct cg_queue, link)->vtime > q->vtime)
      pos = pos->prev;
   cg_list_add_head(&q->link, pos);
}

void
cg_sched_charge(struct cg_queue *q, uint64_t ns)
{
   q->vtime += (ns << CG_PRIORITY_SHIFT) >> q->priority;
   if (!cg_list_empty(&q->link)) {
      cg_list_del(&q->link);
      enqueue(q);
   }
}

void
cg_sched_update(struct cg_queue *q)
{
   bool on = !cg_list_empty(&q->link);

   if (has_work(q) == on)
      return;
   if (on)
      cg_list_del(&q->link);
   else
      enqueue(q);
}

void
cg_sched_wave_ready(struct cg_wave_ctx *ctx)
{
   struct cg_queue *q = ctx->waiter.queue;

   ctx->state = CG_WAVE_READY;
   cg_list_add_tail(&ctx->link, &q->ready);
   q->num_ready++;
   cg_sched_update(q);
}

void
cg_sched_wave_untake(struct cg_wave_ctx *ctx)
{
   struct cg_queue *q = ctx->waiter.queue;

   ctx->state = CG_WAVE_READY;
   cg_list_add_head(&ctx->link, &q->ready);
   q->num_ready++;
   cg_sched_update(q);
}

void
cg_sched_cp_unpoll(struct cg_queue *q)
{
   if (q->cp.waiting)
      q->dev->num_polling--;
   q->cp.waiting = false;
}

void
cg_sched_cp_ready(struct cg_queue *q)
{
   cg_sched_cp_unpoll(q);
   q->cp.ready = true;
   cg_sched_update(q);
}

void
cg_sched_cp_poll(struct cg_queue *q)
{
   struct cg_cp *cp = &q->cp;

   cp->backoff = cp->backoff ? cp->backoff * 2 : CG_POLL_MIN;
   if (cp->backoff > CG_POLL_MAX)
      cp->backoff = CG_POLL_MAX;
   cp->deadline = cg_now() + cp->backoff;
   if (!cp->waiting)
      q->dev->num_polling++;
   cp->waiting = true;
}

void
cg_sched_poke_polling(struct cg_device *dev)
{
   for (unsigned i = 1; dev->num_polling && i < COLIBRI_MAX_QUEUES; i++) {
      if (dev->queues[i]->cp.waiting)
         cg_sched_cp_ready(dev->queues[i]);
   }
}

/*
 * A group is together if all of its waves that could run have been taken at once: those that wait at the
 * barrier go on when the others have got there, which is told after the turn.
 */
static void
see_who_is_together(struct cg_work *work)
{
   for (unsigned i = 0; i < work->num_waves; i++)
      work->waves[i]->group->taken++;
   for (unsigned i = 0; i < work->num_waves; i++) {
      struct cg_group_ctx *g = work->waves[i]->group;

      if (!g->taken)
         continue;
      atomic_store_explicit(&g->group.together, g->taken == g->alive - g->arrived, memory_order_relaxed);
      g->taken = 0;
   }
}

/* A CU's share of the ready waves, and what else there is of the last one's group. */
static void
take_waves(struct cg_queue *q, struct cg_work *work)
{
   unsigned cus = q->dev->num_cus_started, share = (q->num_ready + cus - 1) / cus;
   const struct cg_group_ctx *group = NULL;

   while (q->num_ready && work->num_waves < CG_MAX_TURN) {
      struct cg_wave_ctx *ctx = cg_container(q->ready.next, struct cg_wave_ctx, link);

      if (work->num_waves >= share && ctx->group != group)
         break;
      cg_list_del(&ctx->link);
      ctx->state = CG_WAVE_RUNNING;
      group = ctx->group;
      work->waves[work->num_waves++] = ctx;
      q->num_ready--;
   }
   see_who_is_together(work);
}

/* Takes some of the queue's waves or its command processor, and the queue's turn with it. */
static void
take(struct cg_queue *q, struct cg_work *work)
{
   work->queue = q;
   work->num_waves = 0;
   if (cg_sched_cp_runnable(q) && !(q->cp.ran_last && q->num_ready)) {
      q->cp.ready = false;
      q->cp.running = true;
      q->cp.ran_last = true;
   } else {
      take_waves(q, work);
      q->cp.ran_last = false;
   }
   q->busy++;
   cg_list_del(&q->link);
   cg_sched_update(q);
}

static void
poll_due(struct cg_device *dev)
{
   uint64_t deadline = cg_sched_deadline(dev);

   if (!deadline || cg_now() < deadline)
      return;
   for (unsigned i = 1; i < COLIBRI_MAX_QUEUES; i++) {
      struct cg_queue *q = dev->queues[i];

      if (q->cp.waiting && cg_now() >= q->cp.deadline)
         cg_sched_cp_ready(q);
   }
}

bool
cg_sched_pick(struct cg_device *dev, struct cg_work *work)
{
   poll_due(dev);
   if (cg_list_empty(&dev->runq))
      return false;

   struct cg_queue *q = cg_container(dev->runq.next, struct cg_queue, link);

   dev->vtime = q->vtime;
   take(q, work);
   return true;
}

uint64_t
cg_sched_deadline(struct cg_device *dev)
{
   uint64_t deadline = 0;

   if (!dev->num_polling)
      return 0;
   for (unsigned i = 1; i < COLIBRI_MAX_QUEUES; i++) {
      const struct cg_queue *q = dev->queues[i];

      if (q->cp.waiting && (!deadline || q->cp.deadline < deadline))
         deadline = q->cp.deadline;
   }
   return deadline;
}

void
cg_sched_kick(struct cg_device *dev, bool self)
{
   int todo = self ? -1 : 0;

   cg_list_for_each(pos, &dev->runq) {
      const struct cg_queue *q = cg_container(pos, struct cg_queue, link);

      todo += q->num_ready + cg_sched_cp_runnable(q);
   }
   while (todo-- > 0 && !cg_list_empty(&dev->idle_cus)) {
      struct cg_cu *cu = cg_container(cg_list_pop(&dev->idle_cus), struct cg_cu, idle_link);

      pthread_cond_signal(&cu->wake);
   }
}
