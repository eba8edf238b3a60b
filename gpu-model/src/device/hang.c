/* SPDX-License-Identifier: MIT */
/*
 * Engines that hang, because a test has told them to, and resets of single engines.
 */
#include "internal.h"

bool
cg_hangs(const struct cg_device *dev, unsigned what)
{
   return atomic_load(&dev->hang) & what;
}

bool
cg_queue_hangs(const struct cg_queue *q)
{
   return !q->detached && atomic_load(&q->dev->hang_queues) >> q->id & 1;
}

void
cg_hang_set(struct cg_device *dev, uint32_t flags)
{
   atomic_store(&dev->hang, flags);
   cg_doze_kick(&dev->mmu.doze);
   pthread_mutex_lock(&dev->lock);
   cg_fault_flush(dev);
   pthread_mutex_unlock(&dev->lock);
}

void
cg_hang_set_queues(struct cg_device *dev, uint64_t mask)
{
   pthread_mutex_lock(&dev->lock);
   atomic_store(&dev->hang_queues, mask);
   for (unsigned i = 1; i < COLIBRI_MAX_QUEUES; i++)
      cg_sched_update(dev->queues[i]);
   cg_sched_kick(dev, false);
   pthread_mutex_unlock(&dev->lock);
   cg_migrate_doorbell(dev);
}

bool
cg_queue_unhang(struct cg_queue *q)
{
   if (cg_hangs(q->dev, COLIBRI_HANG_HARD))
      return false;
   atomic_fetch_and(&q->dev->hang_queues, ~(1ull << q->id));
   return true;
}

void
cg_hang_reset(struct cg_device *dev)
{
   atomic_fetch_and(&dev->hang, COLIBRI_HANG_DEAD);
   cg_hang_set_queues(dev, 0);
}

void
cg_engine_reset(struct cg_device *dev, uint32_t engines)
{
   if (cg_hangs(dev, COLIBRI_HANG_HARD))
      return;
   cg_log(dev, "reset of engines %#x", engines);
   atomic_fetch_and(&dev->hang, ~(engines & (COLIBRI_ENGINE_MMU | COLIBRI_ENGINE_FAULT)));
   if (engines & COLIBRI_ENGINE_MMU)
      cg_mmu_engine_reset(dev);
   if (engines & COLIBRI_ENGINE_FAULT) {
      pthread_mutex_lock(&dev->lock);
      cg_faults_reset(dev);
      pthread_mutex_unlock(&dev->lock);
   }
}
