/* SPDX-License-Identifier: MIT */
/*
 * Dispatches: from a packet to resident work-groups.
 *
 * All waves of a group are resident together, so a barrier always comes to
 * an end.  Groups start in order, as wave slots of the queue become free.
 */
#include <stdlib.h>
#include <string.h>

#include "cp.h"

/* ---- Checking a dispatch --------------------------------------------------------*/

static bool
packet_ok(const struct colibri_pkt_dispatch *pkt)
{
   unsigned dims = pkt->setup;
   uint64_t items = 1;

   if (dims < 1 || dims > 3 || pkt->reserved0 || pkt->reserved1 ||
       pkt->private_size > COLIBRI_MAX_PRIVATE || pkt->group_size > COLIBRI_MAX_LDS ||
       pkt->kernel_object % 64)
      return false;
   for (unsigned i = 0; i < dims; i++) {
      if (!pkt->wg_size[i] || !pkt->grid_size[i])
         return false;
      items *= pkt->wg_size[i];
   }
   return items <= COLIBRI_MAX_WG_ITEMS;
}

static bool
desc_ok(const struct colibri_kernel_desc *desc)
{
   return desc->entry % 2 == 0 && desc->stack_size % 256 == 0 &&
          desc->stack_size <= COLIBRI_MAX_STACK && desc->flags == 0;
}

/* @return false when there are more groups than a 32-bit flat index can name */
static bool
fill_dispatch(struct cg_queue *q, struct cg_dispatch *d, const struct colibri_pkt_dispatch *pkt,
              const struct colibri_kernel_desc *desc)
{
   uint64_t total = 1;

   *d = (struct cg_dispatch){
      .proto = {
         .asid = q->asid,
         .dims = pkt->setup,
         .kernarg = pkt->kernarg,
         .lds_size = pkt->group_size,
         .private_size = pkt->private_size,
         .stack_size = desc->stack_size,
      },
      .entry = desc->entry,
      .wave_memory = (uint64_t)pkt->private_size * (q->dev->config.vlen / 32) + desc->stack_size,
   };
   for (unsigned i = 0; i < 3; i++) {
      bool used = i < pkt->setup;
      uint32_t wg = used ? pkt->wg_size[i] : 1, grid = used ? pkt->grid_size[i] : 1;

      d->proto.wg_size_nom[i] = wg;
      d->proto.grid_size[i] = grid;
      d->num_groups[i] = (grid - 1) / wg + 1;
      total *= d->num_groups[i];
      if (total > UINT32_MAX)
         return false;
   }
   d->total = total;
   return true;
}

enum cg_cp_result
cg_dispatch_start(struct cg_queue *q, const struct colibri_pkt_dispatch *pkt)
{
   struct cg_dispatch *d = &cg_cp_slot(&q->cp)->dispatch;
   struct colibri_kernel_desc desc;
   void *p;

   if (!packet_ok(pkt))
      return cg_cp_bad_packet(q);

   enum cg_cp_result r = cg_cp_word(q, pkt->kernel_object, sizeof(desc), COLIBRI_ACCESS_READ, &p);

   if (r != CG_CP_NEXT)
      return r;
   memcpy(&desc, p, sizeof(desc));
   if (!desc_ok(&desc) || !fill_dispatch(q, d, pkt, &desc)) {
      d->total = 0;
      return cg_cp_bad_packet(q);
   }
   return CG_CP_NEXT;
}

/* ---- Starting groups --------------------------------------------------------------*/

/* Sets up what the group is; returns its number of waves. */
static uint32_t
describe_group(const struct cg_queue *q, const struct cg_dispatch *d, struct cg_group *g)
{
   uint32_t lanes = q->dev->config.vlen / 32, items = 1;
   uint64_t index = d->next;

   *g = d->proto;
   for (unsigned i = 0; i < 3; i++) {
      g->wg_id[i] = index % d->num_groups[i];
      index /= d->num_groups[i];

      uint64_t start = (uint64_t)g->wg_id[i] * g->wg_size_nom[i];
      uint64_t left = g->grid_size[i] - start;

      g->wg_size[i] = left < g->wg_size_nom[i] ? left : g->wg_size_nom[i];
      items *= g->wg_size[i];
   }
   g->num_waves = (items + lanes - 1) / lanes;
   return g->num_waves;
}

static bool
charge_memory(struct cg_queue *q, struct cg_wave_ctx *ctx, uint64_t bytes)
{
   struct cg_device *dev = q->dev;

   if (bytes <= ctx->memory)
      return true;
   if (dev->wave_memory + bytes - ctx->memory > CG_WAVE_MEMORY_LIMIT)
      return false;
   dev->wave_memory += bytes - ctx->memory;
   ctx->memory = bytes;
   return true;
}

enum take_result { TAKEN, NO_ROOM, NO_MEMORY };

/* Reserves a group context and wave slots for the next group.  dev->lock held. */
static enum take_result
take_group(struct cg_queue *q, struct cg_slot *slot, struct cg_list *taken)
{
   struct cg_dispatch *d = &slot->dispatch;
   struct cg_group group;
   uint32_t num_waves = describe_group(q, d, &group);

   if (q->num_free < num_waves)
      return NO_ROOM;

   struct cg_group_ctx *g = cg_container(cg_list_pop(&q->free_groups), struct cg_group_ctx, link);
   uint8_t *lds = g->group.lds;

   g->group = group;
   g->group.lds = lds;
   g->slot = slot;
   g->flat = d->next++;
   g->alive = num_waves;
   g->arrived = 0;
   cg_list_add_tail(&g->link, taken);
   for (uint32_t i = 0; i < num_waves; i++) {
      struct cg_wave_ctx *ctx =
         cg_container(cg_list_pop(&q->free_waves), struct cg_wave_ctx, link);

      q->num_free--;
      ctx->group = g;
      ctx->index = i;
      ctx->fresh = true;
      g->waves[i] = ctx;
      if (!charge_memory(q, ctx, d->wave_memory))
         return NO_MEMORY;
   }
   return TAKEN;
}

/* Local memory and registers for a reserved group. */
static bool
prepare_group(struct cg_queue *q, struct cg_group_ctx *g)
{
   struct cg_core_config cc = {.vlen = q->dev->config.vlen, .sys_atomics = q->dev->config.sys_atomics};

   if (g->group.lds_size > g->lds_capacity) {
      uint8_t *lds = realloc(g->group.lds, g->group.lds_size);

      if (!lds)
         return false;
      g->group.lds = lds;
      g->lds_capacity = g->group.lds_size;
   }
   /* What another group left is nobody's business. */
   if (g->group.lds_size)
      memset(g->group.lds, 0, g->group.lds_size);

   for (uint32_t i = 0; i < g->group.num_waves; i++) {
      struct cg_wave_ctx *ctx = g->waves[i];

      if (!ctx->wave)
         ctx->wave = cg_wave_create(&cc);
      if (!ctx->wave)
         return false;
   }
   return true;
}

static enum take_result
take_groups(struct cg_queue *q, struct cg_list *taken)
{
   struct cg_cp *cp = &q->cp;
   enum take_result r = TAKEN;

   for (uint64_t i = cp->head; i != cp->tail && r == TAKEN; i++) {
      struct cg_slot *slot = &cp->slots[i % CG_MAX_INFLIGHT];

      while (r == TAKEN && slot->dispatch.next < slot->dispatch.total)
         r = take_group(q, slot, taken);
   }
   q->more_groups = r == NO_ROOM;
   return r;
}

enum cg_cp_result
cg_dispatch_launch(struct cg_queue *q)
{
   struct cg_device *dev = q->dev;
   struct cg_list taken;

   if (q->cp.head == q->cp.tail)
      return CG_CP_NEXT;
   cg_list_init(&taken);
   pthread_mutex_lock(&dev->lock);
   enum take_result r = take_groups(q, &taken);

   pthread_mutex_unlock(&dev->lock);
   if (r == NO_MEMORY)
      return cg_cp_fail(q, COLIBRI_QERR_NO_MEMORY, 0);
   if (cg_list_empty(&taken))
      return CG_CP_NEXT;

   cg_list_for_each(pos, &taken) {
      if (!prepare_group(q, cg_container(pos, struct cg_group_ctx, link)))
         return cg_cp_fail(q, COLIBRI_QERR_NO_MEMORY, 0);
   }

   pthread_mutex_lock(&dev->lock);
   cg_list_for_each_safe(pos, &taken) {
      struct cg_group_ctx *g = cg_container(pos, struct cg_group_ctx, link);

      cg_list_del(&g->link);
      for (uint32_t i = 0; i < g->group.num_waves; i++)
         cg_sched_wave_ready(g->waves[i]);
   }
   cg_sched_kick(dev, true);
   pthread_mutex_unlock(&dev->lock);
   return CG_CP_NEXT;
}
