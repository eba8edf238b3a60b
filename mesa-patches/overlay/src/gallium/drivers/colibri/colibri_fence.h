/*
 * Copyright © 2026 Colibri developers
 * SPDX-License-Identifier: MIT
 */

#ifndef COLIBRI_FENCE_H
#define COLIBRI_FENCE_H

#include <stdint.h>

struct colibri_ws_queue;
struct pipe_fence_handle;
struct pipe_screen;

/** A fence that waits for @seqno of @queue; NULL for @queue: one that is done. */
struct pipe_fence_handle *colibri_fence_create(struct colibri_ws_queue *queue,
                                               uint64_t seqno);

void colibri_init_screen_fences(struct pipe_screen *pscreen);

#endif /* COLIBRI_FENCE_H */
