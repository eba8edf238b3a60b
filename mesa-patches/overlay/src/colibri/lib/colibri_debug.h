/*
 * Copyright © 2026 Colibri developers
 * SPDX-License-Identifier: MIT
 */

/* COLIBRI_DEBUG: what the driver prints and leaves out, see mesa.rst. */
#ifndef COLIBRI_DEBUG_H
#define COLIBRI_DEBUG_H

#include <stdbool.h>
#include <stdint.h>

enum colibri_debug_flag {
   COLIBRI_DBG_NIR = 1 << 0,
   COLIBRI_DBG_LLVM = 1 << 1,
   COLIBRI_DBG_ASM = 1 << 2,
   COLIBRI_DBG_SYNC = 1 << 3,
   COLIBRI_DBG_SUBMIT = 1 << 4,
   COLIBRI_DBG_NOCACHE = 1 << 5,
   COLIBRI_DBG_NOOPT = 1 << 6,
   COLIBRI_DBG_CACHE = 1 << 7,
};

/** The flags of COLIBRI_DEBUG, parsed once per process. */
uint64_t colibri_debug_flags(void);

static inline bool
colibri_debug(enum colibri_debug_flag flag)
{
   return colibri_debug_flags() & flag;
}

#endif /* COLIBRI_DEBUG_H */
