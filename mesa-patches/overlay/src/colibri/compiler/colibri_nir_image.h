/*
 * Copyright © 2026 Colibri developers
 * SPDX-License-Identifier: MIT
 */

/* Images as memory: what the passes for access and for sampling share. */
#ifndef COLIBRI_NIR_IMAGE_H
#define COLIBRI_NIR_IMAGE_H

#include "colibri_compiler.h"
#include "nir_builder.h"

/** One image, as the code of one instruction sees it. */
struct colibri_nir_image {
   enum pipe_format format;

   /** Coordinates that an element has, the layer of an array included. */
   unsigned dims;
   bool is_array;

   /** Bytes of an element. */
   unsigned element_size;

   /** Uniform 32-bit values: number of the descriptor. */
   nir_def *index;
};

/** Elements in dimension @d. */
nir_def *colibri_nir_image_size(nir_builder *b,
                                const struct colibri_nir_image *image,
                                unsigned d);

/** Whether the coordinates lie in the image. */
nir_def *colibri_nir_image_contains(nir_builder *b,
                                    const struct colibri_nir_image *image,
                                    nir_def *const *coord);

/** The memory of one element, which must exist: 1 to 4 components. */
nir_def *colibri_nir_image_read(nir_builder *b,
                                const struct colibri_nir_image *image,
                                nir_def *const *coord);

/** Memory of an element as four channels. */
nir_def *colibri_nir_image_unpack(nir_builder *b,
                                  const struct colibri_nir_image *image,
                                  nir_def *packed);

/** The same where the element may be outside: there all memory is zero. */
nir_def *colibri_nir_image_load(nir_builder *b,
                                const struct colibri_nir_image *image,
                                nir_def *const *coord);

/** What a read with @sampler gives at @coord (float). */
nir_def *colibri_nir_image_sample(nir_builder *b,
                                  const struct colibri_nir_image *image,
                                  const struct colibri_sampler_key *sampler,
                                  nir_def *coord);

#endif /* COLIBRI_NIR_IMAGE_H */
