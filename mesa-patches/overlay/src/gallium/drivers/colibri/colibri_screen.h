/*
 * Copyright © 2026 Colibri developers
 * SPDX-License-Identifier: MIT
 */

#ifndef COLIBRI_SCREEN_H
#define COLIBRI_SCREEN_H

#include "lib/colibri_ws.h"
#include "pipe/p_screen.h"

struct disk_cache;

struct colibri_screen {
   struct pipe_screen base;

   struct colibri_ws ws;

   /** Shared with rusticl, which keeps its NIR there; NULL when it is off. */
   struct disk_cache *disk_cache;

   /** Bytes of system memory: what buffers and SVM allocations live in. */
   uint64_t system_memory;

   /** Of them, bytes that resources have. */
   uint64_t reserved;

   char name[64];
};

static inline struct colibri_screen *
colibri_screen(struct pipe_screen *screen)
{
   return (struct colibri_screen *)screen;
}

#endif /* COLIBRI_SCREEN_H */
