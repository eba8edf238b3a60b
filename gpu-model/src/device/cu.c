/* SPDX-License-Identifier: MIT */
/*
 * Compute units: the threads that run waves and command processors.
 *
 * The registers of a wave are 8 KiB that are cleared when it begins.  Most waves are over in one go, so a
 * new wave begins in the CU's spare registers, which are in the host's cache, and only one that is not over
 * keeps them; the CU gets those of its slot instead.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"

/* Free wave slots that make it worth while to start further groups. */
#define CG_LAUNCH_BATCH 16

/* ---- What follows a wave's run; dev->lock held ----------------------------*/

static void
release_barrier(struct cg_group_ctx *g)
{
   g->arrived = 0;
   for (unsigned i = 0; i < g->group.num_waves; i++) {
      if (g->waves[i] && g->waves[i]->state == CG_WAVE_BARRIER)
         cg_sched_wave_ready(g->waves[i]);
   }
}

static void
end_group(struct cg_queue *q, struct cg_group_ctx *g)
{
   struct cg_dispatch *d = &g->slot->dispatch;

   cg_list_add_head(&g->link, &q->free_groups);
   if (++d->done == d->total)
      g->slot->done = true;

   /* New groups are started in batches, but a queue with nothing left to run gets one at once. */
   if (g->slot->done || (q->more_groups && (!q->num_ready || q->num_free >= CG_LAUNCH_BATCH)))
      cg_sched_cp_ready(q);
}

static void
end_wave(struct cg_queue *q, struct cg_wave_ctx *ctx)
{
   struct cg_group_ctx *g = ctx->group;

   ctx->state = CG_WAVE_FREE;
   g->waves[ctx->index] = NULL;
   cg_list_add_head(&ctx->link, &q->free_waves);
   q->num_free++;

   if (--g->alive == 0)
      end_group(q, g);
   else if (g->arrived == g->alive)
      release_barrier(g);
}

static void
wave_stopped(struct cg_cu *cu, struct cg_wave_ctx *ctx, enum cg_stop stop)
{
   struct cg_queue *q = ctx->waiter.queue;
   struct cg_group_ctx *g = ctx->group;
   uint64_t info = (uint64_t)g->flat << 32 | ctx->index;

   switch (stop) {
   case CG_STOP_BUDGET:
      cg_sched_wave_ready(ctx);
      break;
   case CG_STOP_BARRIER:
      ctx->state = CG_WAVE_BARRIER;
      if (++g->arrived == g->alive)
         release_barrier(g);
      break;
   case CG_STOP_END:
      end_wave(q, ctx);
      break;
   case CG_STOP_FAULT: {
      unsigned count;
      const struct cg_page_fault *faults = cg_wave_faults(ctx->wave, &count);

      ctx->state = CG_WAVE_PARKED;
      ctx->waiter.pc = cg_wave_pc(ctx->wave);
      ctx->waiter.wave_in_wg = ctx->index;
      ctx->waiter.wg = g->flat;
      if (!cg_fault_park(cu->dev, &ctx->waiter, faults, count, COLIBRI_CLIENT_WAVE))
         cg_sched_wave_ready(ctx);
      break;
   }
   case CG_STOP_ERROR: {
      struct cg_wave_error e = cg_wave_error(ctx->wave);

      cg_queue_error_locked(q, e.code, e.addr, e.pc, info);
      break;
   }
   }
}

/* ---- Running, inside a section ---------------------------------------------*/

static void
swap_spare(struct cg_cu *cu, struct cg_wave_ctx *ctx)
{
   struct cg_wave *wave = ctx->wave;

   ctx->wave = cu->spare;
   cu->spare = wave;
}

/* @return whether there was memory for it */
static bool
run_wave(struct cg_cu *cu, struct cg_wave_ctx *ctx, enum cg_stop *stop, uint64_t *budget)
{
   struct cg_group_ctx *g = ctx->group;
   bool fresh = ctx->fresh;
   /* Memory beside registers is accounted for by slot. */
   bool spare = fresh && !ctx->memory;

   if (spare)
      swap_spare(cu, ctx);
   if (fresh && !cg_wave_reset(ctx->wave, &g->group, ctx->index, g->slot->dispatch.entry))
      return false;
   ctx->fresh = false;

   uint64_t before = cg_wave_instret(ctx->wave);

   *stop = cg_wave_run(cu->engine.core, ctx->wave, CG_QUANTUM);

   uint64_t done = cg_wave_instret(ctx->wave) - before;

   *budget = done < *budget ? *budget - done : 0;
   if (spare && *stop == CG_STOP_END)
      swap_spare(cu, ctx);
   return true;
}

/*
 * One wave after the other, until the turn is over or something has to be told at once.  What
 * the waves executed together is not much more than one of them may.
 */
static void
do_waves(struct cg_cu *cu, struct cg_work *work)
{
   struct cg_device *dev = cu->dev;
   uint64_t budget = CG_QUANTUM;
   bool memory = true, more = true;
   unsigned ran = 0;

   while (more && ran < work->num_waves) {
      enum cg_stop *stop = &work->stops[ran];

      memory = run_wave(cu, work->waves[ran++], stop, &budget);
      more = memory && budget && (*stop == CG_STOP_END || *stop == CG_STOP_BARRIER) &&
             !cg_core_stop_requested(cu->engine.core);
   }

   pthread_mutex_lock(&dev->lock);
   for (unsigned i = work->num_waves; i > ran; i--)
      cg_sched_wave_untake(work->waves[i - 1]);
   for (unsigned i = 0; i < ran; i++) {
      if (i == ran - 1 && !memory)
         cg_queue_error_locked(work->queue, COLIBRI_QERR_NO_MEMORY, 0, 0, 0);
      else
         wave_stopped(cu, work->waves[i], work->stops[i]);
   }
}

static void
do_cp(struct cg_cu *cu, struct cg_queue *q)
{
   cg_cp_run(q);
   pthread_mutex_lock(&cu->dev->lock);
   q->cp.running = false;
   cg_sched_update(q);
}

static void
charge(struct cg_cu *cu)
{
   struct cg_queue *q = cu->queue;
   unsigned kind = !cu->in_wave && q->cp.copied ? COLIBRI_BUSY_COPY : COLIBRI_BUSY_COMPUTE;

   uint64_t ns = cg_now() - cu->since;

   cu->dev->busy_ns[q->id][kind] += ns;
   cg_sched_charge(q, ns);
   cu->queue = NULL;
}

/* Called with dev->lock held; drops it meanwhile. */
static void
do_work(struct cg_cu *cu, struct cg_work *work)
{
   struct cg_device *dev = cu->dev;
   struct cg_queue *q = work->queue;

   cu->queue = q;
   cu->in_wave = work->num_waves;
   cu->since = cg_now();
   cg_core_clear_stop(cu->engine.core);
   cg_sched_kick(dev, false);
   pthread_mutex_unlock(&dev->lock);

   cg_engine_enter(&cu->engine);
   if (work->num_waves)
      do_waves(cu, work);
   else
      do_cp(cu, q);
   charge(cu);
   if (--q->busy == 0) {
      cg_sched_check_watch(q);
      if (q->quiesce)
         pthread_cond_broadcast(&dev->quiet);
   }
   /* Nobody who waits for the queue goes on before this thread gives the lock up. */
   cg_engine_exit(&cu->engine);
}

static void
sleep_idle(struct cg_cu *cu)
{
   struct cg_device *dev = cu->dev;
   uint64_t deadline = cg_sched_deadline(dev);
   struct timespec ts = {deadline / 1000000000, deadline % 1000000000};

   cg_list_add_head(&cu->idle_link, &dev->idle_cus);
   if (deadline)
      pthread_cond_timedwait(&cu->wake, &dev->lock, &ts);
   else
      pthread_cond_wait(&cu->wake, &dev->lock);
   cg_list_del(&cu->idle_link);
}

static void *
cu_main(void *arg)
{
   struct cg_cu *cu = arg;
   struct cg_device *dev = cu->dev;
   struct cg_work work;
   char name[16];

   snprintf(name, sizeof(name), "cu%u", cu->id);
   cg_engine_thread(&cu->engine, name, false);
   pthread_mutex_lock(&dev->lock);
   while (!dev->stopping) {
      if (cg_sched_pick(dev, &work))
         do_work(cu, &work);
      else
         sleep_idle(cu);
   }
   pthread_mutex_unlock(&dev->lock);
   return NULL;
}

/* ---- Start and stop ---------------------------------------------------------*/

static int
start_one(struct cg_device *dev, struct cg_cu *cu, unsigned id)
{
   struct cg_core_config cc = {
      .vlen = dev->config.vlen,
      .sys_atomics = dev->config.sys_atomics,
      .translate = cg_mmu_walk,
      .hot = cg_fault_hot,
      .hot_threshold = &dev->hot_threshold,
      .priv = dev,
   };
   struct cg_core *core = cg_core_create(&cc);
   pthread_condattr_t attr;

   cu->spare = core ? cg_wave_create(&cc) : NULL;
   if (!cu->spare) {
      cg_core_destroy(core);
      return ENOMEM;
   }
   cu->dev = dev;
   cu->id = id;
   cg_engine_init(&cu->engine, core);
   cg_list_init(&cu->idle_link);
   pthread_condattr_init(&attr);
   pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
   pthread_cond_init(&cu->wake, &attr);
   pthread_condattr_destroy(&attr);

   int ret = pthread_create(&cu->thread, NULL, cu_main, cu);

   if (ret) {
      pthread_cond_destroy(&cu->wake);
      cg_engine_fini(&cu->engine);
      cg_wave_destroy(cu->spare);
      cg_core_destroy(core);
   }
   return ret;
}

void
cg_cus_forget(struct cg_device *dev)
{
   for (unsigned i = 0; i < dev->num_cus_started; i++)
      cg_engine_post(&dev->cus[i].engine, NULL);
}

int
cg_cus_start(struct cg_device *dev)
{
   dev->cus = calloc(dev->config.num_cus, sizeof(*dev->cus));
   if (!dev->cus)
      return ENOMEM;
   for (unsigned i = 0; i < dev->config.num_cus; i++) {
      int ret = start_one(dev, &dev->cus[i], i);

      if (ret)
         return ret;
      dev->num_cus_started++;
   }
   return 0;
}

void
cg_cus_stop(struct cg_device *dev)
{
   pthread_mutex_lock(&dev->lock);
   dev->stopping = true;
   for (unsigned i = 0; i < dev->num_cus_started; i++) {
      cg_core_request_stop(dev->cus[i].engine.core);
      pthread_cond_signal(&dev->cus[i].wake);
   }
   pthread_mutex_unlock(&dev->lock);

   for (unsigned i = 0; i < dev->num_cus_started; i++) {
      struct cg_cu *cu = &dev->cus[i];

      pthread_join(cu->thread, NULL);
      pthread_cond_destroy(&cu->wake);
      cg_wave_destroy(cu->spare);
      cg_core_destroy(cu->engine.core);
      cg_engine_fini(&cu->engine);
   }
   free(dev->cus);
}
