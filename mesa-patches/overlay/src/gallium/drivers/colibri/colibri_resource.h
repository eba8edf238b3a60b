/*
 * Copyright © 2026 Colibri developers
 * SPDX-License-Identifier: MIT
 */

/*
 * Buffers and images are memory of the process.
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

struct colibri_context;
struct pipe_context;
struct pipe_screen;

struct colibri_resource {
   struct pipe_resource base;

   /** CPU pointer and GPU address at once. */
   void *ptr;

   /** Of an image: bytes from row to row and from layer to layer. */
   uint32_t row_stride;
   uint32_t layer_stride;

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

/** Bytes; 0: more than there may be. Also lays out an image. */
size_t colibri_resource_size(struct colibri_resource *res);

/** Waits for the GPU unless @usage says not to. NULL: no memory. */
void *colibri_resource_map(struct pipe_context *pctx,
                           struct pipe_resource *pres, unsigned usage,
                           const struct pipe_box *box,
                           struct pipe_transfer **out_transfer);

/** Records a copy between addresses. */
void colibri_emit_copy(struct colibri_context *ctx, uint64_t dst, uint64_t src,
                       uint64_t size);

/** Records a fill with a pattern of 1, 2, 4, 8 or 16 bytes. */
void colibri_emit_fill(struct colibri_context *ctx, uint64_t dst,
                       uint64_t size, const void *pattern,
                       unsigned pattern_size);

/** resource_copy_region() of images. */
void colibri_texture_copy_region(struct pipe_context *pctx,
                                 struct pipe_resource *pdst, unsigned dstx,
                                 unsigned dsty, unsigned dstz,
                                 struct pipe_resource *psrc,
                                 const struct pipe_box *box);

void colibri_init_screen_resources(struct pipe_screen *pscreen);
void colibri_init_context_resources(struct pipe_context *pctx);

#endif /* COLIBRI_RESOURCE_H */
