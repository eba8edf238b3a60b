/* SPDX-License-Identifier: MIT */
/*
 * Making, resetting and destroying the device.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "internal.h"

uint64_t
cg_now(void)
{
   struct timespec ts;

   clock_gettime(CLOCK_MONOTONIC, &ts);
   return ts.tv_sec * 1000000000ull + ts.tv_nsec;
}

void
cg_log(const struct cg_device *dev, const char *fmt, ...)
{
   va_list ap;

   if (!dev->config.verbose)
      return;
   flockfile(stderr);
   fputs("colibri-gpu: ", stderr);
   va_start(ap, fmt);
   vfprintf(stderr, fmt, ap);
   va_end(ap);
   fputc('\n', stderr);
   funlockfile(stderr);
}

static int
make_vram(struct cg_device *dev)
{
   uint64_t size = dev->config.vram_size;

   dev->vram_fd = memfd_create("colibri-vram", MFD_CLOEXEC);
   if (dev->vram_fd < 0)
      return errno;
   if (ftruncate(dev->vram_fd, size))
      return errno;

   void *p = cg_map_file(size, PROT_READ | PROT_WRITE, dev->vram_fd, 0);

   if (p == MAP_FAILED)
      return errno;
   dev->vram = p;
   return 0;
}

static void
drop_vram(struct cg_device *dev)
{
   if (dev->vram)
      munmap(dev->vram, dev->config.vram_size);
   if (dev->vram_fd >= 0)
      close(dev->vram_fd);
}

static int
start_threads(struct cg_device *dev)
{
   int ret = cg_mmu_start(dev);

   if (ret)
      return ret;
   ret = cg_migrate_start(dev);
   if (ret) {
      cg_mmu_stop(dev);
      return ret;
   }
   ret = cg_cus_start(dev);
   if (!ret)
      ret = cg_hostile_start(dev);
   if (ret) {
      cg_cus_stop(dev);
      cg_migrate_stop(dev);
      cg_mmu_stop(dev);
   }
   return ret;
}

static void
free_device(struct cg_device *dev)
{
   cg_queues_fini(dev);
   cg_irq_fini(dev);
   drop_vram(dev);
   pthread_cond_destroy(&dev->quiet);
   pthread_mutex_destroy(&dev->lock);
   pthread_mutex_destroy(&dev->ctl_lock);
   free(dev);
}

struct cg_device *
cg_device_create(const struct cg_device_config *config)
{
   struct cg_device *dev = calloc(1, sizeof(*dev));
   int ret;

   if (!dev)
      return NULL;
   dev->config = *config;
   atomic_init(&dev->bus_master, true);
   pthread_mutex_init(&dev->ctl_lock, NULL);
   pthread_mutex_init(&dev->lock, NULL);
   pthread_cond_init(&dev->quiet, NULL);
   cg_irq_init(dev);
   cg_queues_init(dev);
   cg_faults_init(dev);

   ret = make_vram(dev);
   if (!ret)
      ret = start_threads(dev);
   if (ret) {
      free_device(dev);
      errno = ret;
      return NULL;
   }
   return dev;
}

/* ctl_lock held, or nobody else knows the device. */
void
cg_reset_locked(struct cg_device *dev)
{
   cg_log(dev, "reset");
   cg_hang_reset(dev);
   cg_migrate_control(dev, COLIBRI_QCTL_DISABLE);
   for (unsigned i = 0; i < COLIBRI_MAX_QUEUES; i++) {
      struct cg_queue *q = dev->queues[i];

      if (i != COLIBRI_MIGRATE_QUEUE)
         cg_queue_control(q, COLIBRI_QCTL_DISABLE);
      pthread_mutex_lock(&dev->lock);
      q->ring = q->cb = 0;
      q->ring_log2 = q->asid = q->priority = q->context = 0;
      dev->busy_ns[i][COLIBRI_BUSY_COMPUTE] = dev->busy_ns[i][COLIBRI_BUSY_COPY] = 0;
      pthread_mutex_unlock(&dev->lock);
   }
   pthread_mutex_lock(&dev->lock);
   cg_contexts_reset(dev);
   pthread_mutex_unlock(&dev->lock);

   atomic_store(&dev->status_page, 0);
   cg_engine_wait(&dev->hostile.engine);
   cg_mmu_reset(dev);
   pthread_mutex_lock(&dev->lock);
   cg_faults_reset(dev);
   pthread_mutex_unlock(&dev->lock);

   for (unsigned i = 0; i < COLIBRI_MAX_ASIDS; i++)
      atomic_store(&dev->pt_root[i], 0);
   atomic_store(&dev->hot_threshold, 0);
   cg_cus_forget(dev);
   memset(dev->latch, 0, sizeof(dev->latch));
   dev->clock_high = 0;
   cg_irq_reset(dev);
}

void
cg_device_reset(struct cg_device *dev)
{
   pthread_mutex_lock(&dev->ctl_lock);
   cg_reset_locked(dev);
   pthread_mutex_unlock(&dev->ctl_lock);
}

void
cg_device_set_bus_master(struct cg_device *dev, bool on)
{
   pthread_mutex_lock(&dev->ctl_lock);
   if (atomic_exchange(&dev->bus_master, on) && !on)
      cg_bus_collect(dev, NULL);
   pthread_mutex_unlock(&dev->ctl_lock);
}

void
cg_device_power_cycle(struct cg_device *dev)
{
   pthread_mutex_lock(&dev->ctl_lock);
   atomic_store(&dev->hang, 0);
   cg_reset_locked(dev);
   /* No engine is at work.  Costs nothing where there is nothing in it. */
   if (fallocate(dev->vram_fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, dev->config.vram_size))
      memset(dev->vram, 0, dev->config.vram_size);
   pthread_mutex_unlock(&dev->ctl_lock);
}

void
cg_device_destroy(struct cg_device *dev)
{
   cg_device_reset(dev);
   cg_device_dma_unmap_all(dev);
   cg_hostile_stop(dev);
   cg_cus_stop(dev);
   cg_migrate_stop(dev);
   cg_mmu_stop(dev);
   free_device(dev);
}

const struct cg_device_config *
cg_device_config(const struct cg_device *dev)
{
   return &dev->config;
}

int
cg_device_vram_fd(const struct cg_device *dev)
{
   return dev->vram_fd;
}

uint8_t *
cg_device_vram(const struct cg_device *dev)
{
   return dev->vram;
}
