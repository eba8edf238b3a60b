/* SPDX-License-Identifier: MIT */
/*
 * What the device can reach: VRAM, and the memory that the guest lent it.
 *
 * Without an IOMMU that is a handful of regions; behind one, a region for each
 * page that a driver maps, tens of thousands, which come and go with a message
 * each.  So the regions are kept in a tree by address, each file is mapped once
 * as a whole whatever parts of it are lent, and engines find their way by the
 * bus map (bus.c).  All but the last belongs to the control thread.
 */
#include <errno.h>
#include <search.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "internal.h"

/** A file, or a part of one, that regions are in. */
struct cg_backing {
   struct cg_backing *next;
   dev_t dev;
   ino_t ino;
   bool whole;    /**< the whole of a regular file, so others can share it */
   bool writable;
   uint8_t *host;
   uint64_t size;
   unsigned refs;
};

/** What one message has lent: the bus addresses [base, base + size). */
struct cg_region {
   uint64_t base, size;
   struct cg_backing *backing;
};

uint8_t *
cg_vram_ptr(struct cg_device *dev, uint64_t offset, uint64_t size)
{
   if (offset >= dev->config.vram_size || size > dev->config.vram_size - offset)
      return NULL;
   return dev->vram + offset;
}

/* ---- Files -------------------------------------------------------------------*/

void *
cg_map_file(uint64_t size, int prot, int fd, uint64_t offset)
{
   /* Files may end within a page. */
   uint64_t used = (size + CG_PAGE_SIZE - 1) & -CG_PAGE_SIZE;
   uint8_t *room = mmap(NULL, used + CG_HUGE_SIZE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

   if (room == MAP_FAILED)
      return MAP_FAILED;

   uint64_t skip = (offset - (uintptr_t)room) % CG_HUGE_SIZE;
   void *map = mmap(room + skip, size, prot, MAP_SHARED | MAP_FIXED, fd, offset);
   int err = errno;

   if (map == MAP_FAILED) {
      munmap(room, used + CG_HUGE_SIZE);
      errno = err;
      return MAP_FAILED;
   }
   if (skip)
      munmap(room, skip);
   munmap(room + skip + used, CG_HUGE_SIZE - skip);
   return map;
}

/* PROT_WRITE as far as the file allows it: some other region may want it. */
static bool
map_backing(struct cg_backing *b, int fd, uint64_t offset)
{
   b->writable = true;
   b->host = cg_map_file(b->size, PROT_READ | PROT_WRITE, fd, offset);
   if (b->host == MAP_FAILED && errno == EACCES) {
      b->writable = false;
      b->host = cg_map_file(b->size, PROT_READ, fd, offset);
   }
   return b->host != MAP_FAILED;
}

/* The backing for [@offset, @offset + @size) of @fd; NULL and errno. */
static struct cg_backing *
get_backing(struct cg_device *dev, int fd, uint64_t offset, uint64_t size)
{
   struct stat st;

   if (fstat(fd, &st))
      return NULL;

   bool whole = S_ISREG(st.st_mode);

   /* Beyond the end of a file waits SIGBUS. */
   if (whole && offset + size > (uint64_t)st.st_size) {
      errno = EINVAL;
      return NULL;
   }
   for (struct cg_backing *b = dev->backings; whole && b; b = b->next) {
      if (b->whole && b->dev == st.st_dev && b->ino == st.st_ino && offset + size <= b->size) {
         b->refs++;
         return b;
      }
   }

   struct cg_backing *b = calloc(1, sizeof(*b));

   if (!b)
      return NULL;
   *b = (struct cg_backing){
      .next = dev->backings,
      .dev = st.st_dev,
      .ino = st.st_ino,
      .whole = whole,
      .size = whole ? (uint64_t)st.st_size : size,
      .refs = 1,
   };
   if (!map_backing(b, fd, whole ? 0 : offset)) {
      free(b);
      return NULL;
   }
   dev->backings = b;
   return b;
}

static void
put_backing(struct cg_device *dev, struct cg_backing *b)
{
   struct cg_backing **at = &dev->backings;

   if (--b->refs)
      return;
   while (*at != b)
      at = &(*at)->next;
   *at = b->next;
   munmap(b->host, b->size);
   free(b);
}

/* ---- Regions -----------------------------------------------------------------*/

/* Regions that overlap are equal, so the tree finds what is in the way, or in a range. */
static int
compare_regions(const void *a, const void *b)
{
   const struct cg_region *x = a, *y = b;

   if (x->base + x->size <= y->base)
      return -1;
   return x->base >= y->base + y->size;
}

static struct cg_region *
find_region(struct cg_device *dev, uint64_t base, uint64_t size)
{
   struct cg_region key = {base, size, NULL}, **found = tfind(&key, &dev->regions, compare_regions);

   return found ? *found : NULL;
}

/* Into the tree and the bus map.  @return 0 or -errno */
static int
add_region(struct cg_device *dev, const struct cg_region *region, uint8_t *host, bool writable)
{
   struct cg_region *r = malloc(sizeof(*r));

   if (!r)
      return -ENOMEM;
   *r = *region;
   if (!tsearch(r, &dev->regions, compare_regions)) {
      free(r);
      return -ENOMEM;
   }
   if (!cg_bus_add(dev, r->base, r->size, host, writable)) {
      tdelete(r, &dev->regions, compare_regions);
      free(r);
      return -ENOMEM;
   }
   dev->num_regions++;
   return 0;
}

static int
map_locked(struct cg_device *dev, uint64_t iova, uint64_t size, int fd, uint64_t offset,
           bool writable)
{
   struct cg_region region = {iova, size, NULL};
   int ret;

   if (find_region(dev, iova, size))
      return -EEXIST;
   if (dev->num_regions == CG_MAX_REGIONS)
      return -ENOSPC;
   region.backing = get_backing(dev, fd, offset, size);
   if (!region.backing)
      return -errno;
   ret = writable && !region.backing->writable
            ? -EACCES
            : add_region(dev, &region, region.backing->host + (region.backing->whole ? offset : 0),
                         writable);
   if (ret)
      put_backing(dev, region.backing);
   return ret;
}

int
cg_device_dma_map(struct cg_device *dev, uint64_t iova, uint64_t size, int fd, uint64_t offset,
                  bool writable)
{
   if (!size || (iova | size | offset) % CG_PAGE_SIZE || size > CG_BUS_LIMIT ||
       iova > CG_BUS_LIMIT - size || offset > INT64_MAX - size)
      return -EINVAL;

   pthread_mutex_lock(&dev->ctl_lock);
   int ret = map_locked(dev, iova, size, fd, offset, writable);

   pthread_mutex_unlock(&dev->ctl_lock);
   return ret;
}

/* Takes all regions that touch the range away. */
static void
remove_regions(struct cg_device *dev, uint64_t iova, uint64_t size)
{
   struct cg_bus_node *garbage = NULL;
   struct cg_region *r;

   cg_bus_remove(dev, iova, size, &garbage);
   cg_bus_collect(dev, garbage);
   while ((r = find_region(dev, iova, size))) {
      tdelete(r, &dev->regions, compare_regions);
      dev->num_regions--;
      put_backing(dev, r->backing);
      free(r);
   }
}

/* Whether the range cuts a region that begins before it or ends behind it. */
static bool
cuts_region(struct cg_device *dev, uint64_t iova, uint64_t size)
{
   const struct cg_region *first = find_region(dev, iova, CG_PAGE_SIZE);
   const struct cg_region *last = find_region(dev, iova + size - CG_PAGE_SIZE, CG_PAGE_SIZE);

   return (first && first->base < iova) || (last && last->base + last->size > iova + size);
}

int
cg_device_dma_unmap(struct cg_device *dev, uint64_t iova, uint64_t size)
{
   bool ok;

   if (!size || (iova | size) % CG_PAGE_SIZE || size - 1 > UINT64_MAX - iova)
      return -EINVAL;
   if (iova >= CG_BUS_LIMIT)
      return 0;
   if (size > CG_BUS_LIMIT - iova)
      size = CG_BUS_LIMIT - iova;

   pthread_mutex_lock(&dev->ctl_lock);
   ok = !cuts_region(dev, iova, size);
   if (ok && find_region(dev, iova, size))
      remove_regions(dev, iova, size);
   pthread_mutex_unlock(&dev->ctl_lock);
   return ok ? 0 : -EINVAL;
}

void
cg_device_dma_unmap_all(struct cg_device *dev)
{
   pthread_mutex_lock(&dev->ctl_lock);
   if (dev->num_regions)
      remove_regions(dev, 0, CG_BUS_LIMIT);
   pthread_mutex_unlock(&dev->ctl_lock);
}
