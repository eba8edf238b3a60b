/* SPDX-License-Identifier: MIT */
/*
 * The MMU command ring: TLB invalidations and the driver's answers to faults.
 *
 * It has a thread of its own, since an invalidation waits for the compute
 * units to let go of the translations.  Consecutive invalidations wait once.
 */
#include "internal.h"

/* Commands whose completion is told together. */
#define CG_MMU_BATCH 64

static void
set_error(struct cg_mmu *m, unsigned error)
{
   /* The worse one stays: the sticky register tells of the stop. */
   if (atomic_load(&m->error) < error)
      atomic_store(&m->error, error);
}

static void
stop_ring(struct cg_device *dev)
{
   cg_log(dev, "mmu: bad ring");
   set_error(&dev->mmu, COLIBRI_MMU_ERR_BAD_RING);
   dev->mmu.stopped = true;
}

/* Checks the range and resolves "to the end of the space". */
static bool
range_ok(struct colibri_mmu_cmd *cmd)
{
   if (cmd->asid >= COLIBRI_MAX_ASIDS || cmd->va % CG_PAGE_SIZE || cmd->va >= CG_VA_LIMIT)
      return false;
   if (cmd->size == ~0ull)
      cmd->size = CG_VA_LIMIT - cmd->va;
   return cmd->size && cmd->size % CG_PAGE_SIZE == 0 && cmd->size <= CG_VA_LIMIT - cmd->va;
}

static void
post_invalidation(struct cg_device *dev, const struct colibri_mmu_cmd *cmd)
{
   struct cg_inv inv = {.asid = cmd->asid, .va = cmd->va, .size = cmd->size};

   for (unsigned i = 0; i < dev->num_cus_started; i++)
      cg_engine_post(&dev->cus[i].engine, &inv);
}

static void
answer(struct cg_device *dev, const struct colibri_mmu_cmd *cmd, bool fail)
{
   pthread_mutex_lock(&dev->lock);
   cg_fault_answer(dev, cmd->asid, cmd->va, cmd->size, fail);
   cg_sched_kick(dev, false);
   pthread_mutex_unlock(&dev->lock);
}

/* What a batch leaves to do when its commands are complete. */
struct batch {
   bool invalidates, irq;
};

static void
execute(struct cg_device *dev, struct colibri_mmu_cmd *cmd, struct batch *batch)
{
   bool ok = true;

   switch (cmd->op) {
   case COLIBRI_MMU_NOP:
      break;
   case COLIBRI_MMU_SYNC:
      batch->irq |= cmd->arg & 1;
      break;
   case COLIBRI_MMU_TLB_INV:
      ok = range_ok(cmd);
      if (ok) {
         post_invalidation(dev, cmd);
         batch->invalidates = true;
      }
      break;
   case COLIBRI_MMU_FAULT_RETRY:
   case COLIBRI_MMU_FAULT_FAIL:
      ok = range_ok(cmd);
      if (ok)
         answer(dev, cmd, cmd->op == COLIBRI_MMU_FAULT_FAIL);
      break;
   default:
      ok = false;
   }
   if (!ok) {
      cg_log(dev, "mmu: bad command %u, asid %u, va %#llx, size %#llx", cmd->op, cmd->asid,
             (unsigned long long)cmd->va, (unsigned long long)cmd->size);
      set_error(&dev->mmu, COLIBRI_MMU_ERR_BAD_CMD);
   }
}

/*
 * Executes commands up to @prod, but nothing behind an invalidation before that is complete.
 * @return how many; they are not told to the driver yet
 */
static uint32_t
execute_some(struct cg_device *dev, uint32_t prod, struct batch *batch)
{
   struct cg_mmu *m = &dev->mmu;
   uint32_t done = 0;

   while (m->cons + done != prod && done < CG_MMU_BATCH && !batch->irq) {
      uint32_t slot = (m->cons + done) & ((1u << m->ring_log2) - 1);
      struct colibri_mmu_cmd *p = (void *)cg_sys_ptr(dev, m->ring + slot * sizeof(*p), sizeof(*p), false);

      if (!p) {
         stop_ring(dev);
         break;
      }

      struct colibri_mmu_cmd cmd = *(volatile struct colibri_mmu_cmd *)p;

      if (batch->invalidates && cmd.op != COLIBRI_MMU_TLB_INV)
         break;
      execute(dev, &cmd, batch);
      done++;
   }
   return done;
}

static void
wait_for_cus(struct cg_device *dev)
{
   for (unsigned i = 0; i < dev->num_cus_started; i++)
      cg_engine_wait(&dev->cus[i].engine);
}

/*
 * There is a ring, and nothing is wrong with it. Where it is asked whether
 * commands are left, too: of a ring that does not run none are, or its thread
 * would look for ever, with the lock that a reset waits for.
 */
static bool
runs(struct cg_device *dev)
{
   return dev->mmu.ring && !dev->mmu.stopped && !cg_hangs(dev, COLIBRI_ENGINE_MMU) &&
          !cg_hostile_stalls(dev, CG_ANSWERS_MMU);
}

/* mmu.lock held. @return false when the ring is empty, off or bad */
static bool
run_batch(struct cg_device *dev)
{
   struct cg_mmu *m = &dev->mmu;
   struct batch batch = {0};
   uint32_t done = 0;

   cg_engine_enter(&m->engine);
   struct colibri_status_page *sp = cg_status_page(dev);

   if (sp && runs(dev)) {
      uint32_t prod = cg_load32(&sp->mmu_prod);

      if (!m->ring_log2 || m->ring_log2 > 16 || prod - m->cons > 1u << m->ring_log2)
         stop_ring(dev);
      else
         done = execute_some(dev, prod, &batch);
   }
   cg_engine_exit(&m->engine);

   if (batch.invalidates)
      wait_for_cus(dev);

   if (done) {
      cg_engine_enter(&m->engine);
      m->cons += done;
      sp = cg_status_page(dev);
      if (sp)
         cg_store32(&sp->mmu_cons, m->cons);
      cg_engine_exit(&m->engine);
   }
   if (batch.irq)
      cg_irq_raise(dev, COLIBRI_VEC_MMU);
   return done && !m->stopped;
}

/* Tells the driver whether it has to ring. @return true when commands arrived meanwhile */
static bool
set_idle(struct cg_device *dev, bool idle)
{
   struct cg_mmu *m = &dev->mmu;
   bool more = false;

   cg_engine_enter(&m->engine);
   struct colibri_status_page *sp = cg_status_page(dev);

   if (sp && runs(dev)) {
      cg_store32(&sp->mmu_idle, idle);
      atomic_thread_fence(memory_order_seq_cst);
      more = cg_load32(&sp->mmu_prod) != m->cons;
   }
   cg_engine_exit(&m->engine);
   return more;
}

static void *
mmu_main(void *arg)
{
   struct cg_device *dev = arg;
   struct cg_mmu *m = &dev->mmu;

   cg_engine_thread(&m->engine, "mmu", true);
   for (;;) {
      unsigned prepared = cg_doze_prepare(&m->doze);

      pthread_mutex_lock(&m->lock);
      if (m->exiting)
         break;
      set_idle(dev, false);
      do {
         while (run_batch(dev))
            ;
      } while (set_idle(dev, true) && (set_idle(dev, false), !m->stopped));
      pthread_mutex_unlock(&m->lock);

      cg_doze_sleep(&m->doze, prepared);
   }
   pthread_mutex_unlock(&m->lock);
   return NULL;
}

int
cg_mmu_start(struct cg_device *dev)
{
   struct cg_mmu *m = &dev->mmu;

   pthread_mutex_init(&m->lock, NULL);
   cg_engine_init(&m->engine, NULL);
   return pthread_create(&m->thread, NULL, mmu_main, dev);
}

void
cg_mmu_stop(struct cg_device *dev)
{
   struct cg_mmu *m = &dev->mmu;

   pthread_mutex_lock(&m->lock);
   m->exiting = true;
   pthread_mutex_unlock(&m->lock);
   cg_doze_kick(&m->doze);
   pthread_join(m->thread, NULL);
   cg_engine_fini(&m->engine);
   pthread_mutex_destroy(&m->lock);
}

void
cg_mmu_reset(struct cg_device *dev)
{
   struct cg_mmu *m = &dev->mmu;

   pthread_mutex_lock(&m->lock);
   m->ring = 0;
   m->ring_log2 = 0;
   m->cons = 0;
   m->stopped = false;
   atomic_store(&m->error, COLIBRI_MMU_ERR_NONE);
   pthread_mutex_unlock(&m->lock);
}

void
cg_mmu_engine_reset(struct cg_device *dev)
{
   cg_mmu_reset(dev);
   cg_cus_forget(dev);
   wait_for_cus(dev);
}

void
cg_mmu_set_ring(struct cg_device *dev, uint64_t ring)
{
   struct cg_mmu *m = &dev->mmu;

   pthread_mutex_lock(&m->lock);
   m->ring = ring;
   m->cons = 0;
   pthread_mutex_unlock(&m->lock);
   cg_doze_kick(&m->doze);
}

void
cg_mmu_set_log2(struct cg_device *dev, uint32_t log2)
{
   struct cg_mmu *m = &dev->mmu;

   pthread_mutex_lock(&m->lock);
   m->ring_log2 = log2;
   pthread_mutex_unlock(&m->lock);
}
