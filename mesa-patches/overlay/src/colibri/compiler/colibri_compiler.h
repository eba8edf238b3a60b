/*
 * Copyright © 2026 Colibri developers
 * SPDX-License-Identifier: MIT
 */

/* The compiler: NIR in, RV64GCV machine code for waves of 64 work-items out. */
#ifndef COLIBRI_COMPILER_H
#define COLIBRI_COMPILER_H

#include <stdbool.h>
#include <stdint.h>

#include "compiler/nir/nir.h"

/** What changes the code of a kernel besides its NIR. */
struct colibri_shader_key {
   /** Work-groups have one dimension: local IDs are lane numbers. */
   uint8_t linear_group;

   /** Every work-group fills all lanes of its waves. */
   uint8_t full_waves;
};

/** What a launch has to know of the code. */
struct colibri_shader_info {
   /** Bytes of machine code and constants. */
   uint32_t code_size;

   /** Offset of the first instruction. */
   uint32_t entry;

   /** Bytes of stack per wave, as the kernel descriptor wants it. */
   uint32_t stack_size;

   /** Bytes of private memory per work-item. */
   uint32_t private_size;
};

/** Position-independent code: it runs wherever it is copied (64-byte aligned). */
struct colibri_shader {
   struct colibri_shader_info info;
   void *code;
};

/** How NIR is to be prepared for this compiler. */
const nir_shader_compiler_options *colibri_nir_options(void);

/** Passes that do not depend on a key; run once per kernel. */
void colibri_preprocess_nir(nir_shader *nir);

/**
 * Compiles @nir, which it changes. @name is for messages and debug output.
 *
 * False: *@error says what in the kernel is not supported (malloc()ed).
 */
bool colibri_compile_nir(nir_shader *nir, const struct colibri_shader_key *key,
                         const char *name, struct colibri_shader *shader,
                         char **error);

#endif /* COLIBRI_COMPILER_H */
