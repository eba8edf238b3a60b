/*
 * Copyright © 2026 Colibri developers
 * SPDX-License-Identifier: MIT
 */

/* Recording, submission and what has to live until the GPU is done. */
#include "colibri_context.h"

#include "colibri_fence.h"
#include "colibri_program.h"
#include "colibri_resource.h"
#include "colibri_svm.h"
#include "util/os_time.h"
#include "util/u_inlines.h"
#include "util/u_math.h"
#include "util/u_memory.h"

/* Arguments of a few hundred launches; more of them wait for the GPU. */
#define ARGS_SIZE (512 * 1024)
#define ARGS_ALIGN 64

/* Submitted when this many packets are recorded, to start early. */
#define MAX_RECORDED 128

/* One reference, to a resource or to a program. */
struct colibri_held {
   struct pipe_resource *resource;
   struct colibri_program *program;
};

static void
release_held(struct colibri_context *ctx)
{
   util_dynarray_foreach(&ctx->held, struct colibri_held, held) {
      pipe_resource_reference(&held->resource, NULL);
      colibri_program_unref(held->program);
   }
   util_dynarray_clear(&ctx->held);
}

void
colibri_context_hold(struct colibri_context *ctx, struct pipe_resource *res)
{
   struct colibri_held held = {0};

   pipe_resource_reference(&held.resource, res);
   util_dynarray_append(&ctx->held, struct colibri_held, held);
}

void
colibri_context_hold_program(struct colibri_context *ctx,
                             struct colibri_program *program)
{
   struct colibri_held held = {.program = colibri_program_ref(program)};

   util_dynarray_append(&ctx->held, struct colibri_held, held);
}

void
colibri_context_fail(struct colibri_context *ctx)
{
   ctx->reset_status = PIPE_GUILTY_CONTEXT_RESET;
}

/*
 * A lost queue takes everything recorded with it. The context itself can go on
 * with a new queue, once its user has been told.
 */
static void
drop_lost_queue(struct colibri_context *ctx)
{
   colibri_context_fail(ctx);
   util_dynarray_clear(&ctx->packets);
   colibri_ws_queue_unref(ctx->queue);
   ctx->queue = NULL;
   ctx->args_used = 0;
   release_held(ctx);
}

bool
colibri_context_submit(struct colibri_context *ctx)
{
   if (!ctx->packets.size)
      return true;
   if (!ctx->queue)
      ctx->queue = colibri_ws_queue_create(&ctx->screen->ws);
   if (!ctx->queue || !colibri_ws_queue_submit(ctx->queue, &ctx->packets)) {
      drop_lost_queue(ctx);
      return false;
   }
   return true;
}

void
colibri_context_finish(struct colibri_context *ctx)
{
   if (!colibri_context_submit(ctx))
      return;

   if (ctx->queue) {
      colibri_ws_queue_wait(ctx->queue, ctx->queue->submitted,
                            OS_TIMEOUT_INFINITE);
      if (ctx->queue->lost) {
         drop_lost_queue(ctx);
         return;
      }
   }
   ctx->args_used = 0;
   release_held(ctx);
}

void
colibri_context_add_packet(struct colibri_context *ctx,
                           const union colibri_packet *packet)
{
   util_dynarray_append(&ctx->packets, union colibri_packet, *packet);
   if (util_dynarray_num_elements(&ctx->packets, union colibri_packet) >=
       MAX_RECORDED)
      colibri_context_submit(ctx);
}

uint64_t
colibri_context_alloc_args(struct colibri_context *ctx, size_t size, void **map)
{
   if (!ctx->args) {
      ctx->args =
         colibri_ws_bo_create(&ctx->screen->ws, ARGS_SIZE, COLIBRI_WS_BO_ARGS);
      if (!ctx->args)
         return 0;
   }
   if (ctx->args_used + size > ctx->args->base.size)
      colibri_context_finish(ctx);

   uint64_t offset = ctx->args_used;
   *map = (char *)ctx->args->base.map + offset;
   ctx->args_used = align64(offset + MAX2(size, 1), ARGS_ALIGN);
   return ctx->args->va + offset;
}

static void
colibri_flush(struct pipe_context *pctx, struct pipe_fence_handle **fence,
              unsigned flags)
{
   struct colibri_context *ctx = colibri_context(pctx);

   colibri_context_submit(ctx);
   if (fence) {
      pctx->screen->fence_reference(pctx->screen, fence, NULL);
      *fence = colibri_fence_create(ctx->queue,
                                    ctx->queue ? ctx->queue->submitted : 0);
   }
}

static enum pipe_reset_status
colibri_get_device_reset_status(struct pipe_context *pctx)
{
   struct colibri_context *ctx = colibri_context(pctx);

   if (ctx->queue && ctx->queue->lost)
      drop_lost_queue(ctx);

   enum pipe_reset_status status = ctx->reset_status;
   ctx->reset_status = PIPE_NO_RESET;
   return status;
}

/* Each packet waits for the ones before it, and their writes are visible then. */
static void
colibri_memory_barrier(struct pipe_context *pctx, unsigned flags)
{
}

static void
release_globals(struct colibri_context *ctx)
{
   util_dynarray_foreach(&ctx->globals, struct pipe_resource *, res)
      pipe_resource_reference(res, NULL);
   util_dynarray_fini(&ctx->globals);
}

static void
colibri_context_destroy(struct pipe_context *pctx)
{
   struct colibri_context *ctx = colibri_context(pctx);

   colibri_context_finish(ctx);
   release_held(ctx);
   release_globals(ctx);
   colibri_textures_fini(&ctx->textures);
   colibri_ws_queue_unref(ctx->queue);
   colibri_ws_bo_destroy(&ctx->screen->ws, ctx->args);
   util_dynarray_fini(&ctx->held);
   util_dynarray_fini(&ctx->input);
   util_dynarray_fini(&ctx->packets);
   FREE(ctx);
}

struct pipe_context *
colibri_context_create(struct pipe_screen *pscreen, void *priv, unsigned flags)
{
   struct colibri_context *ctx = CALLOC_STRUCT(colibri_context);
   if (!ctx)
      return NULL;

   ctx->screen = colibri_screen(pscreen);
   util_dynarray_init(&ctx->packets, NULL);
   util_dynarray_init(&ctx->held, NULL);
   util_dynarray_init(&ctx->input, NULL);
   util_dynarray_init(&ctx->globals, NULL);

   struct pipe_context *base = &ctx->base;
   base->screen = pscreen;
   base->priv = priv;
   base->destroy = colibri_context_destroy;
   base->flush = colibri_flush;
   base->get_device_reset_status = colibri_get_device_reset_status;
   base->memory_barrier = colibri_memory_barrier;
   colibri_init_context_programs(base);
   colibri_init_context_queries(base);
   colibri_init_context_resources(base);
   colibri_init_context_svm(base);
   colibri_init_context_textures(base);
   return base;
}
