/*
 * Copyright © 2026 Colibri developers
 * SPDX-License-Identifier: MIT
 */

/*
 * Buffers are memory of the process.
 *
 * The VM mirrors the address space, so a buffer needs no kernel object: its GPU
 * address is its CPU pointer, whether the driver or the application made it.
 * The kernel moves its pages to VRAM when the GPU uses them and back when the
 * CPU does, mapping it costs nothing, and buffers together may be larger than
 * VRAM.
 */
#ifndef COLIBRI_RESOURCE_H
#define COLIBRI_RESOURCE_H

#include "pipe/p_state.h"

struct pipe_context;
struct pipe_screen;

struct colibri_resource {
   struct pipe_resource base;

   /** CPU pointer and GPU address at once. */
   void *ptr;

   /** Bytes to unmap at the end; 0 when the memory is the application's. */
   size_t owned_size;
};

static inline struct colibri_resource *
colibri_resource(struct pipe_resource *res)
{
   return (struct colibri_resource *)res;
}

static inline uint64_t
colibri_resource_va(struct pipe_resource *res)
{
   return (uintptr_t)colibri_resource(res)->ptr;
}

void colibri_init_screen_resources(struct pipe_screen *pscreen);
void colibri_init_context_resources(struct pipe_context *pctx);

#endif /* COLIBRI_RESOURCE_H */
