/* SPDX-License-Identifier: MIT */
/*
 * BAR 0: registers and doorbells.
 */
#include <string.h>

#include "internal.h"

#define QUEUE_REGS COLIBRI_REG_QUEUE(0)
#define QUEUE_STRIDE (COLIBRI_REG_QUEUE(1) - COLIBRI_REG_QUEUE(0))
#define BUSY_REGS COLIBRI_REG_QUEUE_BUSY(0, 0)
#define BUSY_STRIDE (COLIBRI_REG_QUEUE_BUSY(1, 0) - COLIBRI_REG_QUEUE_BUSY(0, 0))
#define CONTEXT_REGS COLIBRI_REG_QUEUE_CONTEXT(0)
#define CONTEXT_STRIDE (COLIBRI_REG_QUEUE_CONTEXT(1) - COLIBRI_REG_QUEUE_CONTEXT(0))
#define ROOT_REGS COLIBRI_REG_PT_ROOT(0)
#define DOORBELLS COLIBRI_DOORBELL(0)
#define DOORBELL_STRIDE (COLIBRI_DOORBELL(1) - COLIBRI_DOORBELL(0))

static bool
in(uint64_t offset, uint64_t base, uint64_t size)
{
   return offset >= base && offset - base < size;
}

static bool
is_queue_reg(uint64_t offset)
{
   return in(offset, QUEUE_REGS, COLIBRI_MAX_QUEUES * QUEUE_STRIDE);
}

static bool
is_busy_reg(uint64_t offset)
{
   return in(offset, BUSY_REGS, COLIBRI_MAX_QUEUES * BUSY_STRIDE);
}

static bool
is_context_reg(uint64_t offset)
{
   return in(offset, CONTEXT_REGS, COLIBRI_MAX_QUEUES * CONTEXT_STRIDE);
}

static bool
is_root_reg(uint64_t offset)
{
   return in(offset, ROOT_REGS, COLIBRI_MAX_ASIDS * 8);
}

/* Is the aligned 8 bytes at @offset one 64-bit register? */
static bool
is_64bit(uint64_t offset)
{
   if (is_root_reg(offset) || is_busy_reg(offset))
      return true;
   if (is_queue_reg(offset)) {
      switch ((offset - QUEUE_REGS) % QUEUE_STRIDE) {
      case COLIBRI_QREG_RING:
      case COLIBRI_QREG_CB:
      case COLIBRI_QREG_ERROR_ADDR:
      case COLIBRI_QREG_ERROR_PC:
      case COLIBRI_QREG_ERROR_INFO:
         return true;
      default:
         return false;
      }
   }
   switch (offset) {
   case COLIBRI_REG_VRAM_SIZE:
   case COLIBRI_REG_TIMESTAMP:
   case COLIBRI_REG_STATUS_PAGE:
   case COLIBRI_REG_FAULT_RING:
   case COLIBRI_REG_MMU_RING:
   case COLIBRI_REG_SCHED_WATCH:
   case COLIBRI_REG_SCHED_IDLE:
   case COLIBRI_REG_SCHED_PARKED:
   case COLIBRI_REG_SCHED_WAITING:
   case COLIBRI_REG_HANG_QUEUES:
      return true;
   default:
      return false;
   }
}

/* ---- Queue registers ---------------------------------------------------------------*/

static uint64_t
queue_read(struct cg_queue *q, unsigned reg)
{
   uint64_t value = 0;

   /* Error registers are written by other threads. */
   pthread_mutex_lock(&q->dev->lock);
   switch (reg) {
   case COLIBRI_QREG_RING:
      value = q->ring;
      break;
   case COLIBRI_QREG_CB:
      value = q->cb;
      break;
   case COLIBRI_QREG_RING_LOG2:
      value = q->ring_log2;
      break;
   case COLIBRI_QREG_ASID:
      value = q->asid;
      break;
   case COLIBRI_QREG_PRIORITY:
      value = q->priority;
      break;
   case COLIBRI_QREG_STATE:
      value = atomic_load(&q->state) | q->activity << 8;
      break;
   case COLIBRI_QREG_ERROR:
      value = q->error;
      break;
   case COLIBRI_QREG_ERROR_ADDR:
      value = q->error_addr;
      break;
   case COLIBRI_QREG_ERROR_PC:
      value = q->error_pc;
      break;
   case COLIBRI_QREG_ERROR_INFO:
      value = q->error_info;
      break;
   }
   pthread_mutex_unlock(&q->dev->lock);
   return value;
}

static void
queue_write(struct cg_queue *q, unsigned reg, uint64_t value)
{
   if (reg == COLIBRI_QREG_CTL) {
      if (q->id == COLIBRI_MIGRATE_QUEUE)
         cg_migrate_control(q->dev, value);
      else
         cg_queue_control(q, value);
      return;
   }
   if (atomic_load(&q->state) != COLIBRI_QSTATE_DISABLED)
      return;

   pthread_mutex_lock(&q->dev->lock);
   switch (reg) {
   case COLIBRI_QREG_RING:
      q->ring = value;
      break;
   case COLIBRI_QREG_CB:
      q->cb = value;
      break;
   case COLIBRI_QREG_RING_LOG2:
      q->ring_log2 = value;
      break;
   case COLIBRI_QREG_ASID:
      q->asid = value;
      break;
   case COLIBRI_QREG_PRIORITY:
      q->priority = value;
      break;
   }
   pthread_mutex_unlock(&q->dev->lock);
}

static void
context_write(struct cg_queue *q, uint64_t value)
{
   /* The migration engine's state stays where it is. */
   if (q->id != COLIBRI_MIGRATE_QUEUE && atomic_load(&q->state) == COLIBRI_QSTATE_DISABLED)
      q->context = value;
}

/* ---- Global registers ----------------------------------------------------------------*/

static void
set_fault_ring(struct cg_device *dev, uint64_t ring)
{
   pthread_mutex_lock(&dev->lock);
   dev->faults.ring = ring % CG_PAGE_SIZE ? 0 : ring;
   dev->faults.prod = dev->faults.raised = 0;
   cg_fault_flush(dev);
   pthread_mutex_unlock(&dev->lock);
}

static void
flush_faults(struct cg_device *dev)
{
   pthread_mutex_lock(&dev->lock);
   cg_fault_flush(dev);
   pthread_mutex_unlock(&dev->lock);
}

static uint64_t
sched_read(struct cg_device *dev, uint64_t offset)
{
   uint64_t value;

   pthread_mutex_lock(&dev->lock);
   switch (offset) {
   case COLIBRI_REG_SCHED_WATCH:
      value = dev->sched_watch;
      break;
   case COLIBRI_REG_SCHED_IDLE:
      value = cg_sched_mask(dev, COLIBRI_ACTIVITY_IDLE);
      break;
   case COLIBRI_REG_SCHED_PARKED:
      value = cg_sched_mask(dev, COLIBRI_ACTIVITY_PARKED);
      break;
   default:
      value = cg_sched_mask(dev, COLIBRI_ACTIVITY_WAITING);
      break;
   }
   pthread_mutex_unlock(&dev->lock);
   return value;
}

static unsigned
faults_held(struct cg_device *dev)
{
   unsigned held;

   pthread_mutex_lock(&dev->lock);
   held = cg_faults_held(dev);
   pthread_mutex_unlock(&dev->lock);
   return held;
}

static uint64_t
global_read(struct cg_device *dev, uint64_t offset)
{
   switch (offset) {
   case COLIBRI_REG_ID:
      return COLIBRI_ID_MAGIC;
   case COLIBRI_REG_VERSION:
      return COLIBRI_VERSION;
   case COLIBRI_REG_FEATURES:
      return COLIBRI_FEATURE_ACCESS_COUNTERS |
             (dev->config.sys_atomics ? COLIBRI_FEATURE_SYS_ATOMICS : 0);
   case COLIBRI_REG_STATUS:
      return cg_hangs(dev, COLIBRI_HANG_DEAD) ? 0 : COLIBRI_STATUS_READY;
   case COLIBRI_REG_VRAM_SIZE:
      return dev->config.vram_size;
   case COLIBRI_REG_NUM_QUEUES:
      return COLIBRI_MAX_QUEUES;
   case COLIBRI_REG_NUM_CUS:
      return dev->config.num_cus;
   case COLIBRI_REG_NUM_ASIDS:
      return COLIBRI_MAX_ASIDS;
   case COLIBRI_REG_VLEN:
      return dev->config.vlen;
   case COLIBRI_REG_WAVES_PER_QUEUE:
      return dev->waves_per_queue;
   case COLIBRI_REG_TIMESTAMP:
      return cg_now();
   case COLIBRI_REG_STATUS_PAGE:
      return atomic_load(&dev->status_page);
   case COLIBRI_REG_FAULT_RING:
      return dev->faults.ring;
   case COLIBRI_REG_FAULT_RING_LOG2:
      return dev->faults.ring_log2;
   case COLIBRI_REG_MMU_RING:
      return dev->mmu.ring;
   case COLIBRI_REG_MMU_RING_LOG2:
      return dev->mmu.ring_log2;
   case COLIBRI_REG_MMU_ERROR:
      return atomic_load(&dev->mmu.error);
   case COLIBRI_REG_HOT_THRESHOLD:
      return atomic_load(&dev->hot_threshold);
   case COLIBRI_REG_NUM_CONTEXTS:
      return COLIBRI_MAX_CONTEXTS;
   case COLIBRI_REG_SCHED_WATCH:
   case COLIBRI_REG_SCHED_IDLE:
   case COLIBRI_REG_SCHED_PARKED:
   case COLIBRI_REG_SCHED_WAITING:
      return sched_read(dev, offset);
   case COLIBRI_REG_FAULTS_HELD:
      return faults_held(dev);
   case COLIBRI_REG_HANG:
      return atomic_load(&dev->hang);
   case COLIBRI_REG_HANG_QUEUES:
      return atomic_load(&dev->hang_queues);
   default:
      return 0;
   }
}

static void
global_write(struct cg_device *dev, uint64_t offset, uint64_t value)
{
   switch (offset) {
   case COLIBRI_REG_RESET:
      if (value == 1)
         cg_reset_locked(dev);
      break;
   case COLIBRI_REG_STATUS_PAGE:
      atomic_store(&dev->status_page, value % CG_PAGE_SIZE ? 0 : value);
      flush_faults(dev);
      cg_doze_kick(&dev->mmu.doze);
      break;
   case COLIBRI_REG_FAULT_RING:
      set_fault_ring(dev, value);
      break;
   case COLIBRI_REG_FAULT_RING_LOG2:
      pthread_mutex_lock(&dev->lock);
      dev->faults.ring_log2 = value;
      pthread_mutex_unlock(&dev->lock);
      break;
   case COLIBRI_REG_FAULT_DOORBELL:
      flush_faults(dev);
      break;
   case COLIBRI_REG_MMU_RING:
      cg_mmu_set_ring(dev, value % CG_PAGE_SIZE ? 0 : value);
      break;
   case COLIBRI_REG_MMU_RING_LOG2:
      cg_mmu_set_log2(dev, value);
      break;
   case COLIBRI_REG_MMU_DOORBELL:
      cg_doze_kick(&dev->mmu.doze);
      break;
   case COLIBRI_REG_HOT_THRESHOLD:
      atomic_store(&dev->hot_threshold, value);
      cg_cus_forget(dev);
      break;
   case COLIBRI_REG_ENGINE_RESET:
      cg_engine_reset(dev, value);
      break;
   case COLIBRI_REG_HANG:
      cg_hang_set(dev, value);
      break;
   case COLIBRI_REG_HANG_QUEUES:
      cg_hang_set_queues(dev, value);
      break;
   case COLIBRI_REG_CONTEXT_DROP:
      pthread_mutex_lock(&dev->lock);
      cg_context_drop(dev, value);
      pthread_mutex_unlock(&dev->lock);
      break;
   case COLIBRI_REG_SCHED_WATCH:
      pthread_mutex_lock(&dev->lock);
      cg_sched_set_watch(dev, value);
      pthread_mutex_unlock(&dev->lock);
      break;
   default:
      break;
   }
}

/* ---- Decoding ------------------------------------------------------------------------*/

static uint64_t
reg_read(struct cg_device *dev, uint64_t offset)
{
   if (is_queue_reg(offset))
      return queue_read(dev->queues[(offset - QUEUE_REGS) / QUEUE_STRIDE],
                        (offset - QUEUE_REGS) % QUEUE_STRIDE);
   if (is_busy_reg(offset))
      return cg_queue_busy(dev, (offset - BUSY_REGS) / BUSY_STRIDE,
                           (offset - BUSY_REGS) % BUSY_STRIDE / 8);
   if (is_context_reg(offset))
      return dev->queues[(offset - CONTEXT_REGS) / CONTEXT_STRIDE]->context;
   if (is_root_reg(offset))
      return atomic_load(&dev->pt_root[(offset - ROOT_REGS) / 8]);
   return global_read(dev, offset);
}

static void
ring_doorbell(struct cg_device *dev, uint64_t offset)
{
   unsigned id = (offset - DOORBELLS) / DOORBELL_STRIDE;

   if ((offset - DOORBELLS) % DOORBELL_STRIDE)
      return;
   if (id == COLIBRI_MIGRATE_QUEUE)
      cg_migrate_doorbell(dev);
   else
      cg_queue_doorbell(dev->queues[id]);
}

static void
reg_write(struct cg_device *dev, uint64_t offset, uint64_t value)
{
   if (in(offset, DOORBELLS, COLIBRI_MAX_QUEUES * DOORBELL_STRIDE))
      ring_doorbell(dev, offset);
   else if (is_queue_reg(offset))
      queue_write(dev->queues[(offset - QUEUE_REGS) / QUEUE_STRIDE],
                  (offset - QUEUE_REGS) % QUEUE_STRIDE, value);
   else if (is_context_reg(offset))
      context_write(dev->queues[(offset - CONTEXT_REGS) / CONTEXT_STRIDE], value);
   else if (is_root_reg(offset))
      atomic_store(&dev->pt_root[(offset - ROOT_REGS) / 8], value);
   else
      global_write(dev, offset, value);
}

static uint32_t
read_half(struct cg_device *dev, uint64_t offset)
{
   uint64_t reg = offset & ~7ull;

   bool clock = reg == COLIBRI_REG_TIMESTAMP || is_busy_reg(reg);

   /* The two halves of a clock belong to one moment. */
   if (clock && (offset & 4))
      return dev->clock_high;

   uint64_t value = reg_read(dev, reg);

   if (clock)
      dev->clock_high = value >> 32;
   return offset & 4 ? value >> 32 : value;
}

static void
write_half(struct cg_device *dev, uint64_t offset, uint32_t value)
{
   uint64_t reg = offset & ~7ull;

   if (offset & 4)
      reg_write(dev, reg, (uint64_t)value << 32 | dev->latch[reg / 8]);
   else
      dev->latch[reg / 8] = value;
}

static bool
access_ok(uint64_t offset, unsigned size)
{
   return (size == 4 || size == 8) && offset % size == 0 && offset < COLIBRI_BAR_REGS_SIZE;
}

uint64_t
cg_device_reg_read(struct cg_device *dev, uint64_t offset, unsigned size)
{
   uint64_t value;

   if (!access_ok(offset, size))
      return 0;

   pthread_mutex_lock(&dev->ctl_lock);
   if (is_64bit(offset & ~7ull))
      value = size == 8 ? reg_read(dev, offset) : read_half(dev, offset);
   else if (size == 4)
      value = (uint32_t)reg_read(dev, offset);
   else
      value = (uint32_t)reg_read(dev, offset) | reg_read(dev, offset + 4) << 32;
   pthread_mutex_unlock(&dev->ctl_lock);
   return cg_hostile_read(dev, offset, value);
}

void
cg_device_reg_write(struct cg_device *dev, uint64_t offset, unsigned size, uint64_t value)
{
   if (!access_ok(offset, size) || cg_hostile_ignores(dev, offset))
      return;

   pthread_mutex_lock(&dev->ctl_lock);
   if (is_64bit(offset & ~7ull)) {
      if (size == 8)
         reg_write(dev, offset, value);
      else
         write_half(dev, offset, value);
   } else {
      reg_write(dev, offset, (uint32_t)value);
      if (size == 8)
         reg_write(dev, offset + 4, value >> 32);
   }
   pthread_mutex_unlock(&dev->ctl_lock);
}
