/*
 * Copyright © 2026 Colibri developers
 * SPDX-License-Identifier: MIT
 */

/* NIR passes of the compiler. */
#ifndef COLIBRI_NIR_H
#define COLIBRI_NIR_H

#include "colibri_compiler.h"

/** Replaces fexp2, flog2, fsin and fcos, which RISC-V has not, by polynomials. */
bool colibri_nir_lower_math(nir_shader *nir);

/** Replaces images and samplers by memory accesses. */
bool colibri_nir_lower_images(nir_shader *nir,
                              const struct colibri_shader_key *key);

/** Makes a loop of the kernel, with an ID of its own each time (key->repeat_x and _y). */
bool colibri_nir_repeat(nir_shader *nir, const struct colibri_shader_key *key);

/**
 * Replaces global and local IDs by sums and products of the IDs of the group,
 * the wave and the lane.
 */
bool colibri_nir_lower_ids(nir_shader *nir,
                           const struct colibri_shader_key *key);

/**
 * Last passes before the translation: LCSSA, divergence, dense SSA indices.
 * Returns the source locations that it took out, or NULL.
 */
struct colibri_debug_info *
colibri_nir_prepare(nir_shader *nir, const struct colibri_shader_key *key);

#endif /* COLIBRI_NIR_H */
