/*
 * Copyright © 2026 Colibri developers
 * SPDX-License-Identifier: MIT
 */

/*
 * Images and samplers.
 *
 * An image is a resource like a buffer: linear memory of the process. There is
 * no texture unit and there are no descriptors in hardware, so what is bound is
 * only remembered, until a launch puts it into the key of the code and in front
 * of the kernel's arguments.
 */
#ifndef COLIBRI_TEXTURE_H
#define COLIBRI_TEXTURE_H

#include "compiler/colibri_compiler.h"
#include "pipe/p_state.h"

struct colibri_context;
struct colibri_resource;

/** What a context has bound. */
struct colibri_textures {
   struct pipe_sampler_view *views[COLIBRI_MAX_TEXTURES];
   struct pipe_image_view images[COLIBRI_MAX_IMAGES];
   struct colibri_sampler_key samplers[COLIBRI_MAX_SAMPLERS];
};

/** Whether images can have @format. */
bool colibri_format_is_supported(enum pipe_format format);

/** Lays out an image: bytes that it needs, 0 if they are too many. */
size_t colibri_texture_layout(struct colibri_resource *res);

/** Formats and samplers for a kernel; false: one of its images is missing. */
bool colibri_textures_key(const struct colibri_textures *textures,
                          struct colibri_shader_key *key);

/** Descriptors of the images that @key tells of, which are kept alive. */
void colibri_textures_describe(struct colibri_context *ctx,
                               const struct colibri_shader_key *key,
                               struct colibri_image_desc *desc);

void colibri_textures_fini(struct colibri_textures *textures);

void colibri_init_context_textures(struct pipe_context *pctx);

#endif /* COLIBRI_TEXTURE_H */
