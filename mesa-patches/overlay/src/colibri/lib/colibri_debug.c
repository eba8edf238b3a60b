/*
 * Copyright © 2026 Colibri developers
 * SPDX-License-Identifier: MIT
 */

/* The options of COLIBRI_DEBUG. */
#include "colibri_debug.h"

#include "util/u_debug.h"

static const struct debug_named_value colibri_debug_options[] = {
   {"nir", COLIBRI_DBG_NIR, "Print the NIR that is translated"},
   {"llvm", COLIBRI_DBG_LLVM, "Print the LLVM IR before and after its passes"},
   {"asm", COLIBRI_DBG_ASM, "Print the machine code"},
   {"sync", COLIBRI_DBG_SYNC, "Wait after each launch and say which kernel it was"},
   {"submit", COLIBRI_DBG_SUBMIT, "Print each launch and submission"},
   {"cache", COLIBRI_DBG_CACHE, "Say which kernels come from the shader cache"},
   {"nocache", COLIBRI_DBG_NOCACHE, "Neither read nor write the shader cache"},
   {"noopt", COLIBRI_DBG_NOOPT, "Leave out LLVM's IR passes"},
   DEBUG_NAMED_VALUE_END,
};

DEBUG_GET_ONCE_FLAGS_OPTION(colibri_debug, "COLIBRI_DEBUG",
                            colibri_debug_options, 0)

uint64_t
colibri_debug_flags(void)
{
   return debug_get_option_colibri_debug();
}
