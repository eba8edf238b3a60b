/* SPDX-License-Identifier: MIT */
/*
 * The bus map: which host address a bus address is.
 *
 * A radix tree whose leaves are 4 KiB, 2 MiB or 1 GiB.  Engines walk it inside
 * their sections without a lock.  Its one writer is whoever holds ctl_lock:
 * what it adds may be seen at once; what it removes, nodes too, may be in use
 * until every engine has left its section, so it frees them after that.
 */
#include <stdlib.h>

#include "internal.h"

#define LEVELS 5
#define LEAF_LEVELS 3
#define PAGE_BITS 12
#define SLOT_BITS 9

/* A slot: 0, a node, or a host address with these bits. */
#define SLOT_LEAF 1ull
#define SLOT_WRITE 2ull
#define SLOT_FLAGS 3ull

static unsigned
shift_of(unsigned level)
{
   return PAGE_BITS + level * SLOT_BITS;
}

static unsigned
index_of(uint64_t bus, unsigned level)
{
   return bus >> shift_of(level) & ((1u << SLOT_BITS) - 1);
}

static struct cg_bus_node *
node_of(uint64_t slot)
{
   return (struct cg_bus_node *)(uintptr_t)slot;
}

/* ---- For engines -------------------------------------------------------------*/

/* The leaf around @bus: its host address there, and how much of it is behind. */
static uint8_t *
find_leaf(struct cg_device *dev, uint64_t bus, bool write, uint64_t *left)
{
   struct cg_bus_node *node = &dev->bus;

   if (bus >= CG_BUS_LIMIT || !atomic_load_explicit(&dev->bus_master, memory_order_relaxed))
      return NULL;
   for (int level = LEVELS - 1; level >= 0; level--) {
      uint64_t slot = atomic_load_explicit(&node->slot[index_of(bus, level)], memory_order_acquire);

      if (slot & SLOT_LEAF) {
         uint64_t size = 1ull << shift_of(level), at = bus & (size - 1);

         if (write && !(slot & SLOT_WRITE))
            return NULL;
         *left = size - at;
         return (uint8_t *)(uintptr_t)(slot & ~SLOT_FLAGS) + at;
      }
      if (!slot)
         return NULL;
      node = node_of(slot);
   }
   return NULL;
}

uint8_t *
cg_sys_span(struct cg_device *dev, uint64_t bus, uint64_t max, bool write, uint64_t *size)
{
   uint64_t left, n;
   uint8_t *host = find_leaf(dev, bus, write, &left);

   if (!host)
      return NULL;
   for (n = left; n < max; n += left) {
      if (find_leaf(dev, bus + n, write, &left) != host + n)
         break;
   }
   *size = n < max ? n : max;
   return host;
}

uint8_t *
cg_sys_ptr(struct cg_device *dev, uint64_t bus, uint64_t size, bool write)
{
   uint64_t n;
   uint8_t *host = cg_sys_span(dev, bus, size, write, &n);

   return host && n == size ? host : NULL;
}

/* ---- For the writer ------------------------------------------------------------*/

/* The node of @level in which @bus has its slot, made if need be; NULL without memory. */
static struct cg_bus_node *
make_node(struct cg_device *dev, uint64_t bus, unsigned level)
{
   struct cg_bus_node *node = &dev->bus;

   for (unsigned l = LEVELS - 1; l > level; l--) {
      _Atomic(uint64_t) *slot = &node->slot[index_of(bus, l)];

      if (!*slot) {
         struct cg_bus_node *child = calloc(1, sizeof(*child));

         if (!child)
            return NULL;
         atomic_store_explicit(slot, (uintptr_t)child, memory_order_release);
         node->used++;
      }
      node = node_of(*slot);
   }
   return node;
}

static void
drop_slot(struct cg_bus_node *node, uint64_t bus, unsigned level)
{
   atomic_store(&node->slot[index_of(bus, level)], 0);
   node->used--;
}

/* Clears the leaf at @bus, if there is one, and nodes that are then empty.  @return what it covers */
static uint64_t
clear_slot(struct cg_device *dev, uint64_t bus, struct cg_bus_node **garbage)
{
   struct cg_bus_node *path[LEVELS] = {[LEVELS - 1] = &dev->bus};
   unsigned level = LEVELS - 1;
   uint64_t slot;

   for (;;) {
      slot = path[level]->slot[index_of(bus, level)];
      if (!slot || slot & SLOT_LEAF)
         break;
      path[--level] = node_of(slot);
   }

   uint64_t size = 1ull << shift_of(level);

   if (slot)
      drop_slot(path[level], bus, level);
   for (; !path[level]->used && level < LEVELS - 1; level++) {
      path[level]->next_garbage = *garbage;
      *garbage = path[level];
      drop_slot(path[level + 1], bus, level + 1);
   }
   return size;
}

void
cg_bus_remove(struct cg_device *dev, uint64_t bus, uint64_t size, struct cg_bus_node **garbage)
{
   for (uint64_t at = bus; at < bus + size;) {
      uint64_t n = clear_slot(dev, at, garbage);

      at = (at & ~(n - 1)) + n;
   }
}

bool
cg_bus_add(struct cg_device *dev, uint64_t bus, uint64_t size, uint8_t *host, bool writable)
{
   for (uint64_t done = 0; done < size;) {
      unsigned level = LEAF_LEVELS - 1;

      while (((bus + done) & ((1ull << shift_of(level)) - 1)) || size - done < 1ull << shift_of(level))
         level--;

      struct cg_bus_node *node = make_node(dev, bus + done, level);

      if (!node) {
         struct cg_bus_node *garbage = NULL;

         /* The last page is the one that has got no leaf, but maybe nodes. */
         cg_bus_remove(dev, bus, done + CG_PAGE_SIZE, &garbage);
         cg_bus_collect(dev, garbage);
         return false;
      }
      atomic_store_explicit(&node->slot[index_of(bus + done, level)],
                            (uintptr_t)(host + done) | SLOT_LEAF | (writable ? SLOT_WRITE : 0),
                            memory_order_release);
      node->used++;
      done += 1ull << shift_of(level);
   }
   return true;
}

void
cg_bus_collect(struct cg_device *dev, struct cg_bus_node *garbage)
{
   for (unsigned i = 0; i < dev->num_cus_started; i++)
      cg_engine_post(&dev->cus[i].engine, NULL);
   for (unsigned i = 0; i < dev->num_cus_started; i++)
      cg_engine_wait(&dev->cus[i].engine);
   cg_engine_wait(&dev->mmu.engine);
   cg_engine_wait(&dev->mig.engine);
   cg_engine_wait(&dev->hostile.engine);

   while (garbage) {
      struct cg_bus_node *next = garbage->next_garbage;

      free(garbage);
      garbage = next;
   }
}
