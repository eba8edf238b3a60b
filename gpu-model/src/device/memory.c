/* SPDX-License-Identifier: MIT */
/*
 * What the device can reach: VRAM and the memory that the guest lent it.
 *
 * The table of guest memory is immutable and replaced as a whole.  Engines
 * read it inside their sections without a lock; the control thread, its one
 * writer, frees the old one when every engine has left its section.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "internal.h"

static const struct cg_region *
find_region(const struct cg_regions *t, uint64_t bus)
{
   unsigned lo = 0, hi = t ? t->count : 0;

   while (lo < hi) {
      unsigned mid = (lo + hi) / 2;
      const struct cg_region *r = &t->r[mid];

      if (bus < r->base)
         hi = mid;
      else if (bus - r->base >= r->size)
         lo = mid + 1;
      else
         return r;
   }
   return NULL;
}

uint8_t *
cg_sys_ptr(struct cg_device *dev, uint64_t bus, uint64_t size, bool write)
{
   const struct cg_region *r = find_region(atomic_load(&dev->regions), bus);

   if (!r || (write && !r->writable) || size > r->size - (bus - r->base))
      return NULL;
   return r->host + (bus - r->base);
}

uint8_t *
cg_vram_ptr(struct cg_device *dev, uint64_t offset, uint64_t size)
{
   if (offset >= dev->config.vram_size || size > dev->config.vram_size - offset)
      return NULL;
   return dev->vram + offset;
}

/* Makes @next the table; when this returns no engine uses the previous one. */
static void
replace_regions(struct cg_device *dev, struct cg_regions *next)
{
   struct cg_regions *old = atomic_exchange(&dev->regions, next);

   for (unsigned i = 0; i < dev->num_cus_started; i++)
      cg_engine_post(&dev->cus[i].engine, NULL);
   for (unsigned i = 0; i < dev->num_cus_started; i++)
      cg_engine_wait(&dev->cus[i].engine);
   cg_engine_wait(&dev->mmu.engine);
   cg_engine_wait(&dev->mig.engine);
   free(old);
}

static bool
overlaps(const struct cg_regions *t, uint64_t base, uint64_t size)
{
   for (unsigned i = 0; t && i < t->count; i++) {
      if (base < t->r[i].base + t->r[i].size && t->r[i].base < base + size)
         return true;
   }
   return false;
}

static int
check_region(int fd, uint64_t iova, uint64_t size, uint64_t offset)
{
   struct stat st;

   if (!size || (iova | size | offset) % CG_PAGE_SIZE || iova > UINT64_MAX - size ||
       offset > INT64_MAX - size || size > SIZE_MAX / 2)
      return -EINVAL;
   if (fstat(fd, &st))
      return -errno;
   /* Beyond the end of a file waits SIGBUS. */
   if (S_ISREG(st.st_mode) && offset + size > (uint64_t)st.st_size)
      return -EINVAL;
   return 0;
}

static struct cg_regions *
copy_without(const struct cg_regions *t, unsigned skip)
{
   struct cg_regions *n = malloc(sizeof(*n) + t->count * sizeof(n->r[0]));

   if (!n)
      return NULL;
   n->count = 0;
   for (unsigned i = 0; i < t->count; i++) {
      if (i != skip)
         n->r[n->count++] = t->r[i];
   }
   return n;
}

static struct cg_regions *
copy_with(const struct cg_regions *t, const struct cg_region *add)
{
   unsigned count = t ? t->count : 0, i = 0;
   struct cg_regions *n = malloc(sizeof(*n) + (count + 1) * sizeof(n->r[0]));

   if (!n)
      return NULL;
   for (; i < count && t->r[i].base < add->base; i++)
      n->r[i] = t->r[i];
   n->r[i] = *add;
   for (; i < count; i++)
      n->r[i + 1] = t->r[i];
   n->count = count + 1;
   return n;
}

int
cg_device_dma_map(struct cg_device *dev, uint64_t iova, uint64_t size, int fd, uint64_t offset,
                  bool writable)
{
   int ret = check_region(fd, iova, size, offset);

   if (ret)
      return ret;

   pthread_mutex_lock(&dev->ctl_lock);
   struct cg_regions *t = atomic_load(&dev->regions);

   if (overlaps(t, iova, size)) {
      ret = -EEXIST;
   } else if (t && t->count >= CG_MAX_REGIONS) {
      ret = -ENOSPC;
   } else {
      int prot = PROT_READ | (writable ? PROT_WRITE : 0);
      void *host = mmap(NULL, size, prot, MAP_SHARED, fd, offset);
      struct cg_region add = {iova, size, host, writable};
      struct cg_regions *next = host == MAP_FAILED ? NULL : copy_with(t, &add);

      if (next) {
         replace_regions(dev, next);
      } else {
         ret = -errno;
         if (host != MAP_FAILED)
            munmap(host, size);
      }
   }
   pthread_mutex_unlock(&dev->ctl_lock);
   return ret;
}

static int
unmap_index(struct cg_device *dev, unsigned i)
{
   struct cg_regions *t = atomic_load(&dev->regions);
   struct cg_region gone = t->r[i];
   struct cg_regions *next = copy_without(t, i);

   if (!next)
      return -ENOMEM;
   replace_regions(dev, next);
   munmap(gone.host, gone.size);
   return 0;
}

int
cg_device_dma_unmap(struct cg_device *dev, uint64_t iova, uint64_t size)
{
   int ret = -ENOENT;

   pthread_mutex_lock(&dev->ctl_lock);
   struct cg_regions *t = atomic_load(&dev->regions);

   for (unsigned i = 0; t && i < t->count; i++) {
      if (t->r[i].base == iova && t->r[i].size == size) {
         ret = unmap_index(dev, i);
         break;
      }
   }
   pthread_mutex_unlock(&dev->ctl_lock);
   return ret;
}

void
cg_device_dma_unmap_all(struct cg_device *dev)
{
   pthread_mutex_lock(&dev->ctl_lock);
   struct cg_regions *t = atomic_load(&dev->regions);

   if (t) {
      unsigned count = t->count;
      struct cg_region *gone = malloc(count * sizeof(*gone) + 1);

      if (gone)
         memcpy(gone, t->r, count * sizeof(*gone));
      replace_regions(dev, NULL);
      for (unsigned i = 0; gone && i < count; i++)
         munmap(gone[i].host, gone[i].size);
      free(gone);
   }
   pthread_mutex_unlock(&dev->ctl_lock);
}
