/*
 * Copyright © 2026 Colibri developers
 * SPDX-License-Identifier: MIT
 */

/*
 * A context records packets and submits them, in order, to a hardware queue of
 * its own. The queue is made with the first submission: contexts that only
 * compile or write buffers, as rusticl's helper does, need none.
 */
#ifndef COLIBRI_CONTEXT_H
#define COLIBRI_CONTEXT_H

#include "colibri_screen.h"
#include "colibri_texture.h"
#include "lib/colibri_ws_queue.h"
#include "pipe/p_context.h"
#include "util/u_dynarray.h"

struct colibri_program;

struct colibri_context {
   struct pipe_context base;

   struct colibri_screen *screen;

   /** NULL until the first submission, and again after it was lost. */
   struct colibri_ws_queue *queue;

   /** Recorded and not submitted: union colibri_packet. */
   struct util_dynarray packets;

   /** Kernel arguments of what is recorded or runs; filled from its start. */
   struct colibri_ws_bo *args;
   uint64_t args_used;

   /** Keep what the GPU uses alive until it is done: struct colibri_held. */
   struct util_dynarray held;

   /** State that launch_grid() takes. */
   struct colibri_program *program;
   struct util_dynarray input;
   struct util_dynarray globals;
   struct colibri_textures textures;

   /** What get_device_reset_status() has to tell. */
   enum pipe_reset_status reset_status;

   /** Bit per timestamp slot in use. */
   uint64_t timestamp_slots[COLIBRI_WS_QUEUE_TIMESTAMPS / 64];
};

static inline struct colibri_context *
colibri_context(struct pipe_context *pctx)
{
   return (struct colibri_context *)pctx;
}

struct pipe_context *colibri_context_create(struct pipe_screen *pscreen,
                                            void *priv, unsigned flags);

/** Records a packet. */
void colibri_context_add_packet(struct colibri_context *ctx,
                                const union colibri_packet *packet);

/** Keeps @res alive until the GPU has done what is recorded so far. */
void colibri_context_hold(struct colibri_context *ctx,
                          struct pipe_resource *res);

/** Keeps the program of a launch alive as long. */
void colibri_context_hold_program(struct colibri_context *ctx,
                                  struct colibri_program *program);

/**
 * Memory for what a kernel reads of its launch; the CPU writes it at *@map.
 * Returns the GPU's address, 0 if there is no memory.
 */
uint64_t colibri_context_alloc_args(struct colibri_context *ctx, size_t size,
                                    void **map);

/** Submits what is recorded. False: the context's queue is lost. */
bool colibri_context_submit(struct colibri_context *ctx);

/** Submits and waits until the GPU is done. */
void colibri_context_finish(struct colibri_context *ctx);

/** Something recorded cannot be done: the next status query says so. */
void colibri_context_fail(struct colibri_context *ctx);

void colibri_init_context_queries(struct pipe_context *pctx);
void colibri_init_context_programs(struct pipe_context *pctx);

#endif /* COLIBRI_CONTEXT_H */
