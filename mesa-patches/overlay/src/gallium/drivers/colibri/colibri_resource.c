/*
 * Copyright © 2026 Colibri developers
 * SPDX-License-Identifier: MIT
 */

/* Resources and the CPU's access to them. */
#include "colibri_resource.h"

#include <sys/mman.h>

#include "colibri_context.h"
#include "colibri_screen.h"
#include "colibri_texture.h"
#include "util/u_atomic.h"
#include "util/u_inlines.h"
#include "util/u_math.h"
#include "util/u_memory.h"
#include "util/u_transfer.h"

#define PAGE_SIZE_4K 4096
#define PAGE_SIZE_64K (64u << 10)
#define HUGE_PAGE_SIZE (2u << 20)

static struct colibri_resource *
resource_alloc(struct pipe_screen *pscreen, const struct pipe_resource *templ)
{
   struct colibri_resource *res = CALLOC_STRUCT(colibri_resource);
   if (!res)
      return NULL;
   res->base = *templ;
   res->base.screen = pscreen;
   pipe_reference_init(&res->base.reference, 1);
   return res;
}

/*
 * The kernel migrates a huge page as a whole, and maps 64 KiB by one entry
 * where all of it is there.
 */
static size_t
alignment(size_t size)
{
   if (size >= HUGE_PAGE_SIZE)
      return HUGE_PAGE_SIZE;
   return size >= PAGE_SIZE_64K ? PAGE_SIZE_64K : PAGE_SIZE_4K;
}

/* Anonymous memory that starts on as large a page as it can fill. */
static void *
map_anonymous(size_t size)
{
   size_t align = alignment(size), slack = align - PAGE_SIZE_4K;
   char *map = mmap(NULL, size + slack, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

   if (map == MAP_FAILED)
      return NULL;
   if (!slack)
      return map;

   char *aligned = (char *)align64((uintptr_t)map, align);
   size_t head = aligned - map;
   if (head)
      munmap(map, head);
   if (slack > head)
      munmap(aligned + size, slack - head);
   return aligned;
}

size_t
colibri_resource_size(struct colibri_resource *res)
{
   return res->base.target == PIPE_BUFFER ? MAX2(res->base.width0, 1)
                                          : colibri_texture_layout(res);
}

/*
 * Linux promises more memory than there is, and ends the process when it is
 * used. So all buffers together get what the device says that it has.
 */
static bool
reserve(struct colibri_screen *screen, size_t size)
{
   if (p_atomic_add_return(&screen->reserved, size) <= screen->system_memory)
      return true;
   p_atomic_add(&screen->reserved, -(int64_t)size);
   return false;
}

static void
unreserve(struct colibri_screen *screen, size_t size)
{
   p_atomic_add(&screen->reserved, -(int64_t)size);
}

static struct pipe_resource *
colibri_resource_create(struct pipe_screen *pscreen,
                        const struct pipe_resource *templ)
{
   struct colibri_resource *res = resource_alloc(pscreen, templ);
   if (!res)
      return NULL;

   size_t size = colibri_resource_size(res);
   res->owned_size = align64(MAX2(size, 1), PAGE_SIZE_4K);
   if (size && reserve(colibri_screen(pscreen), res->owned_size)) {
      res->ptr = map_anonymous(res->owned_size);
      if (res->ptr)
         return &res->base;
      unreserve(colibri_screen(pscreen), res->owned_size);
   }
   FREE(res);
   return NULL;
}

static struct pipe_resource *
colibri_resource_from_user_memory(struct pipe_screen *pscreen,
                                  const struct pipe_resource *templ,
                                  void *user_memory)
{
   struct colibri_resource *res = resource_alloc(pscreen, templ);
   if (!res)
      return NULL;

   if (!colibri_resource_size(res)) {
      FREE(res);
      return NULL;
   }
   res->ptr = user_memory;
   return &res->base;
}

static void
colibri_resource_destroy(struct pipe_screen *pscreen,
                         struct pipe_resource *pres)
{
   struct colibri_resource *res = colibri_resource(pres);

   if (res->owned_size) {
      munmap(res->ptr, res->owned_size);
      unreserve(colibri_screen(pscreen), res->owned_size);
   }
   FREE(res);
}

void *
colibri_resource_map(struct pipe_context *pctx, struct pipe_resource *pres,
                     unsigned usage, const struct pipe_box *box,
                     struct pipe_transfer **out_transfer)
{
   struct pipe_transfer *transfer = CALLOC_STRUCT(pipe_transfer);
   if (!transfer)
      return NULL;

   if (!(usage & PIPE_MAP_UNSYNCHRONIZED))
      colibri_context_finish(colibri_context(pctx));

   pipe_resource_reference(&transfer->resource, pres);
   transfer->usage = usage;
   transfer->box = *box;
   *out_transfer = transfer;
   return colibri_resource(pres)->ptr;
}

static void *
colibri_buffer_map(struct pipe_context *pctx, struct pipe_resource *pres,
                   unsigned level, unsigned usage, const struct pipe_box *box,
                   struct pipe_transfer **out_transfer)
{
   char *base = colibri_resource_map(pctx, pres, usage, box, out_transfer);

   return base ? base + box->x : NULL;
}

static void
colibri_resource_unmap(struct pipe_context *pctx, struct pipe_transfer *transfer)
{
   pipe_resource_reference(&transfer->resource, NULL);
   FREE(transfer);
}

static void
colibri_transfer_flush_region(struct pipe_context *pctx,
                              struct pipe_transfer *transfer,
                              const struct pipe_box *box)
{
}

void
colibri_emit_copy(struct colibri_context *ctx, uint64_t dst, uint64_t src,
                  uint64_t size)
{
   const union colibri_packet packet = {
      .copy = {
         .header = COLIBRI_PKT_VENDOR | COLIBRI_PKT_BARRIER_BIT,
         .op = COLIBRI_OP_COPY,
         .dst = dst,
         .src = src,
         .size = size,
      },
   };

   colibri_context_add_packet(ctx, &packet);
}

void
colibri_emit_fill(struct colibri_context *ctx, uint64_t dst, uint64_t size,
                  const void *pattern, unsigned pattern_size)
{
   union colibri_packet packet = {
      .fill = {
         .header = COLIBRI_PKT_VENDOR | COLIBRI_PKT_BARRIER_BIT,
         .op = COLIBRI_OP_FILL,
         .pattern_size = pattern_size,
         .dst = dst,
         .size = size,
      },
   };

   memcpy(packet.fill.pattern, pattern, pattern_size);
   colibri_context_add_packet(ctx, &packet);
}

static void
colibri_resource_copy_region(struct pipe_context *pctx,
                             struct pipe_resource *dst, unsigned dst_level,
                             unsigned dstx, unsigned dsty, unsigned dstz,
                             struct pipe_resource *src, unsigned src_level,
                             const struct pipe_box *src_box)
{
   struct colibri_context *ctx = colibri_context(pctx);

   if (src->target != PIPE_BUFFER) {
      colibri_texture_copy_region(pctx, dst, dstx, dsty, dstz, src, src_box);
      return;
   }
   colibri_context_hold(ctx, dst);
   colibri_context_hold(ctx, src);
   colibri_emit_copy(ctx, colibri_resource_va(dst) + dstx,
                     colibri_resource_va(src) + src_box->x, src_box->width);
}

/*
 * A pattern that no FILL packet has room for: one copy of it, then copies of
 * what is there already, twice as much each time.
 */
static void
fill_by_copies(struct colibri_context *ctx, uint64_t dst, uint64_t size,
               const void *value, uint64_t value_size)
{
   uint64_t done = MIN2(size, value_size);
   void *map;
   uint64_t src = colibri_context_alloc_args(ctx, value_size, &map);

   if (!src) {
      colibri_context_fail(ctx);
      return;
   }
   memcpy(map, value, value_size);
   colibri_emit_copy(ctx, dst, src, done);
   for (; done < size; done *= 2)
      colibri_emit_copy(ctx, dst + done, dst, MIN2(done, size - done));
}

static void
colibri_clear_buffer(struct pipe_context *pctx, struct pipe_resource *res,
                     unsigned offset, unsigned size, const void *value,
                     int value_size)
{
   struct colibri_context *ctx = colibri_context(pctx);
   const uint64_t dst = colibri_resource_va(res) + offset;

   if (!size)
      return;
   if (!util_is_power_of_two_nonzero(value_size) ||
       value_size > sizeof(((struct colibri_pkt_fill *)NULL)->pattern))
      fill_by_copies(ctx, dst, size, value, value_size);
   else
      colibri_emit_fill(ctx, dst, size, value, value_size);
   colibri_context_hold(ctx, res);
}

void
colibri_init_screen_resources(struct pipe_screen *pscreen)
{
   pscreen->resource_create = colibri_resource_create;
   pscreen->resource_from_user_memory = colibri_resource_from_user_memory;
   pscreen->resource_destroy = colibri_resource_destroy;
}

void
colibri_init_context_resources(struct pipe_context *pctx)
{
   pctx->buffer_map = colibri_buffer_map;
   pctx->buffer_unmap = colibri_resource_unmap;
   pctx->texture_unmap = colibri_resource_unmap;
   pctx->transfer_flush_region = colibri_transfer_flush_region;
   pctx->buffer_subdata = u_default_buffer_subdata;
   pctx->resource_copy_region = colibri_resource_copy_region;
   pctx->clear_buffer = colibri_clear_buffer;
}
