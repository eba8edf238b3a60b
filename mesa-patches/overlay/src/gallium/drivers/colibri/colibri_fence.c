/*
 * Copyright © 2026 Colibri developers
 * SPDX-License-Identifier: MIT
 */

/* Fences: a place on the timeline of a queue. */
#include "colibri_fence.h"

#include "lib/colibri_ws_queue.h"
#include "pipe/p_screen.h"
#include "util/u_inlines.h"
#include "util/u_memory.h"

struct pipe_fence_handle {
   struct pipe_reference reference;
   struct colibri_ws_queue *queue;
   uint64_t seqno;
};

struct pipe_fence_handle *
colibri_fence_create(struct colibri_ws_queue *queue, uint64_t seqno)
{
   struct pipe_fence_handle *fence = CALLOC_STRUCT(pipe_fence_handle);
   if (!fence)
      return NULL;

   pipe_reference_init(&fence->reference, 1);
   fence->queue = queue ? colibri_ws_queue_ref(queue) : NULL;
   fence->seqno = seqno;
   return fence;
}

static void
colibri_fence_reference(struct pipe_screen *pscreen,
                        struct pipe_fence_handle **ptr,
                        struct pipe_fence_handle *fence)
{
   struct pipe_fence_handle *old = *ptr;

   if (pipe_reference(old ? &old->reference : NULL,
                      fence ? &fence->reference : NULL)) {
      colibri_ws_queue_unref(old->queue);
      FREE(old);
   }
   *ptr = fence;
}

static bool
colibri_fence_finish(struct pipe_screen *pscreen, struct pipe_context *pctx,
                     struct pipe_fence_handle *fence, uint64_t timeout)
{
   return !fence || !fence->queue ||
          colibri_ws_queue_wait(fence->queue, fence->seqno, timeout);
}

void
colibri_init_screen_fences(struct pipe_screen *pscreen)
{
   pscreen->fence_reference = colibri_fence_reference;
   pscreen->fence_finish = colibri_fence_finish;
}
