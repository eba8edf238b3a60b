/* SPDX-License-Identifier: MIT */
/*
 * Interrupts: a write to the eventfd that the vector was given.  What is
 * raised while a vector has none, or is masked, stays pending.
 */
#include <fcntl.h>
#include <unistd.h>

#include "internal.h"

static void
deliver_locked(struct cg_device *dev, unsigned vec)
{
   uint64_t one = 1;

   if (dev->irq_fd[vec] < 0 || (dev->irq_masked >> vec & 1)) {
      dev->irq_pending |= 1ull << vec;
      return;
   }
   dev->irq_pending &= ~(1ull << vec);
   /* A full counter is as good as one more: the other side has not looked yet. */
   if (write(dev->irq_fd[vec], &one, sizeof(one)) < 0)
      return;
}

void
cg_irq_raise(struct cg_device *dev, unsigned vec)
{
   if (cg_hostile_silent(dev))
      return;
   pthread_mutex_lock(&dev->irq_lock);
   deliver_locked(dev, vec);
   pthread_mutex_unlock(&dev->irq_lock);
}

static void
deliver_pending_locked(struct cg_device *dev, unsigned vec)
{
   if (dev->irq_pending >> vec & 1)
      deliver_locked(dev, vec);
}

void
cg_device_set_irq(struct cg_device *dev, unsigned vec, int fd)
{
   pthread_mutex_lock(&dev->irq_lock);
   if (dev->irq_fd[vec] >= 0)
      close(dev->irq_fd[vec]);
   /* Nothing that the client passes may make the device wait. */
   if (fd >= 0)
      fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
   dev->irq_fd[vec] = fd;
   deliver_pending_locked(dev, vec);
   pthread_mutex_unlock(&dev->irq_lock);
}

void
cg_device_mask_irq(struct cg_device *dev, unsigned vec, bool masked)
{
   pthread_mutex_lock(&dev->irq_lock);
   if (masked) {
      dev->irq_masked |= 1ull << vec;
   } else {
      dev->irq_masked &= ~(1ull << vec);
      deliver_pending_locked(dev, vec);
   }
   pthread_mutex_unlock(&dev->irq_lock);
}

void
cg_device_trigger_irq(struct cg_device *dev, unsigned vec)
{
   cg_irq_raise(dev, vec);
}

uint64_t
cg_device_irq_pending(struct cg_device *dev)
{
   pthread_mutex_lock(&dev->irq_lock);
   uint64_t pending = dev->irq_pending;
   pthread_mutex_unlock(&dev->irq_lock);
   return pending;
}

void
cg_irq_init(struct cg_device *dev)
{
   pthread_mutex_init(&dev->irq_lock, NULL);
   for (unsigned i = 0; i < CG_NUM_IRQS; i++)
      dev->irq_fd[i] = -1;
}

void
cg_irq_fini(struct cg_device *dev)
{
   for (unsigned i = 0; i < CG_NUM_IRQS; i++) {
      if (dev->irq_fd[i] >= 0)
         close(dev->irq_fd[i]);
   }
   pthread_mutex_destroy(&dev->irq_lock);
}

void
cg_irq_reset(struct cg_device *dev)
{
   pthread_mutex_lock(&dev->irq_lock);
   dev->irq_pending = 0;
   pthread_mutex_unlock(&dev->irq_lock);
}
