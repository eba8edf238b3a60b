/*
 * Copyright © 2026 Colibri developers
 * SPDX-License-Identifier: MIT
 */

/* The compiler: NIR in, RV64GCV machine code for waves of 64 work-items out. */
#ifndef COLIBRI_COMPILER_H
#define COLIBRI_COMPILER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "compiler/nir/nir.h"
#include "lib/colibri_lines.h"

#define COLIBRI_MAX_TEXTURES 128
#define COLIBRI_MAX_IMAGES 64
#define COLIBRI_MAX_SAMPLERS 32

/**
 * Where an image is, as kernels read it. One per image lies in front of the
 * kernel's arguments: first those that are only read, then the others. The
 * layers of an array are its last dimension.
 */
struct colibri_image_desc {
   uint64_t address;
   uint32_t size[3];
   /** Bytes from element to element in the second and third dimension. */
   uint32_t stride[2];
   uint32_t reserved;
};

/** What a sampler does with coordinates outside of the image. */
enum colibri_wrap {
   COLIBRI_WRAP_CLAMP,
   COLIBRI_WRAP_BORDER,
   COLIBRI_WRAP_REPEAT,
   COLIBRI_WRAP_MIRROR,
};

struct colibri_sampler_key {
   /** enum colibri_wrap, the same in all dimensions. */
   uint8_t wrap;
   uint8_t linear;
   /** Coordinates count elements. */
   uint8_t unnormalized;
};

/** What changes the code of a kernel besides its NIR. */
struct colibri_shader_key {
   /** Work-groups have one dimension: local IDs are lane numbers. */
   uint8_t linear_group;

   /** Every work-group fills all lanes of its waves. */
   uint8_t full_waves;

   /**
    * How many neighbours in x a wave has side by side: 64 if the group's rows
    * are a multiple of that, 8, 16 or 32 if a row has as many items and a wave
    * never more than one plane, else 0.
    */
   uint8_t row_lanes;

   /** The work-groups are not those that the kernel was launched with. */
   uint8_t regrouped;

   /**
    * Each wave does the work of 1 << this many that follow each other in x, or
    * in y, where the launch has that many fewer. Regrouped kernels only.
    */
   uint8_t repeat_x, repeat_y;

   uint8_t num_textures;
   uint8_t num_images;
   uint8_t num_samplers;

   struct colibri_sampler_key samplers[COLIBRI_MAX_SAMPLERS];

   /** enum pipe_format of the textures, then of the images; unused ones end it. */
   uint16_t formats[COLIBRI_MAX_TEXTURES + COLIBRI_MAX_IMAGES];
};

/** Bytes of a key that are in use. */
static inline size_t
colibri_shader_key_size(const struct colibri_shader_key *key)
{
   return offsetof(struct colibri_shader_key, formats) +
          sizeof(key->formats[0]) * (key->num_textures + key->num_images);
}

/** Bytes of descriptors in front of a kernel's arguments. */
static inline uint32_t
colibri_shader_key_desc_size(const struct colibri_shader_key *key)
{
   return sizeof(struct colibri_image_desc) *
          (key->num_textures + key->num_images);
}

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

   /**
    * Bytes to have behind the group's local memory, as far as there is room:
    * registers of which few lanes are loaded are loaded fastest where all of
    * them could be.
    */
   uint32_t local_slack;
};

/** Position-independent code: it runs wherever it is copied (64-byte aligned). */
struct colibri_shader {
   struct colibri_shader_info info;
   void *code;

   /** Where in the kernel's source it comes from; may be empty. */
   struct colibri_lines lines;
};

/** How NIR is to be prepared for this compiler. */
const nir_shader_compiler_options *colibri_nir_options(void);

/** Passes that do not depend on a key; run once per kernel. */
void colibri_preprocess_nir(nir_shader *nir);

/**
 * True: a work-item cannot tell in which group it is, so a launch may choose
 * other groups than it was asked for.
 */
bool colibri_nir_any_group(nir_shader *nir);

/**
 * True of a kernel that cannot tell: nor in which order work-items that are in
 * different waves execute, so one wave may do the work of several.
 */
bool colibri_nir_any_order(nir_shader *nir);

/**
 * Compiles @nir, which it changes. @name is for messages and debug output.
 *
 * False: *@error says what in the kernel is not supported (malloc()ed).
 */
bool colibri_compile_nir(nir_shader *nir, const struct colibri_shader_key *key,
                         const char *name, struct colibri_shader *shader,
                         char **error);

#endif /* COLIBRI_COMPILER_H */
