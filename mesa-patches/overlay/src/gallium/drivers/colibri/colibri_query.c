/*
 * Copyright © 2026 Colibri developers
 * SPDX-License-Identifier: MIT
 */

/*
 * Timestamp queries, for CL's event profiling.
 *
 * They are of the device's clock, which the screen's get_timestamp() reads, too,
 * so that all times of an event come from one clock.
 */
#include "colibri_context.h"
#include "util/bitscan.h"
#include "util/u_math.h"
#include "util/u_memory.h"

struct colibri_query {
   /** The queue that writes it: after a loss the context's is another one. */
   struct colibri_ws_queue *queue;
   unsigned slot;
};

static bool
alloc_slot(struct colibri_context *ctx, unsigned *slot)
{
   for (unsigned i = 0; i < ARRAY_SIZE(ctx->timestamp_slots); i++) {
      if (~ctx->timestamp_slots[i]) {
         unsigned bit = ffsll(~ctx->timestamp_slots[i]) - 1;

         ctx->timestamp_slots[i] |= BITFIELD64_BIT(bit);
         *slot = i * 64 + bit;
         return true;
      }
   }
   return false;
}

static void
free_slot(struct colibri_context *ctx, unsigned slot)
{
   ctx->timestamp_slots[slot / 64] &= ~BITFIELD64_BIT(slot % 64);
}

static void
add_timestamp(struct colibri_context *ctx, unsigned slot)
{
   union colibri_packet packet = {
      .timestamp = {
         .header = COLIBRI_PKT_VENDOR | COLIBRI_PKT_BARRIER_BIT,
         .op = COLIBRI_OP_TIMESTAMP,
         .addr = colibri_ws_queue_timestamp_va(ctx->queue, slot),
      },
   };
   colibri_context_add_packet(ctx, &packet);
}

static struct pipe_query *
colibri_create_query(struct pipe_context *pctx, unsigned query_type,
                     unsigned index)
{
   struct colibri_context *ctx = colibri_context(pctx);

   if (query_type != PIPE_QUERY_TIMESTAMP)
      return NULL;

   struct colibri_query *query = CALLOC_STRUCT(colibri_query);
   if (query && !alloc_slot(ctx, &query->slot)) {
      FREE(query);
      return NULL;
   }
   return (struct pipe_query *)query;
}

static void
colibri_destroy_query(struct pipe_context *pctx, struct pipe_query *pquery)
{
   struct colibri_query *query = (struct colibri_query *)pquery;

   free_slot(colibri_context(pctx), query->slot);
   colibri_ws_queue_unref(query->queue);
   FREE(query);
}

static bool
colibri_begin_query(struct pipe_context *pctx, struct pipe_query *pquery)
{
   return true;
}

static bool
colibri_end_query(struct pipe_context *pctx, struct pipe_query *pquery)
{
   struct colibri_context *ctx = colibri_context(pctx);
   struct colibri_query *query = (struct colibri_query *)pquery;

   if (!ctx->queue)
      ctx->queue = colibri_ws_queue_create(&ctx->screen->ws);
   if (!ctx->queue) {
      colibri_context_fail(ctx);
      return true;
   }
   query->queue = colibri_ws_queue_ref(ctx->queue);
   add_timestamp(ctx, query->slot);
   return true;
}

/* Times of lost work are 0: the event's status is what counts then. */
static bool
colibri_get_query_result(struct pipe_context *pctx, struct pipe_query *pquery,
                         bool wait, union pipe_query_result *result)
{
   struct colibri_context *ctx = colibri_context(pctx);
   struct colibri_query *query = (struct colibri_query *)pquery;

   result->u64 = 0;
   if (!query->queue)
      return true;
   colibri_context_finish(ctx);
   if (query->queue == ctx->queue)
      result->u64 = colibri_ws_queue_timestamp(query->queue, query->slot);
   return true;
}

static void
colibri_set_active_query_state(struct pipe_context *pctx, bool enable)
{
}

void
colibri_init_context_queries(struct pipe_context *pctx)
{
   pctx->create_query = colibri_create_query;
   pctx->destroy_query = colibri_destroy_query;
   pctx->begin_query = colibri_begin_query;
   pctx->end_query = colibri_end_query;
   pctx->get_query_result = colibri_get_query_result;
   pctx->set_active_query_state = colibri_set_active_query_state;
}
