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

/** Last passes before the translation: LCSSA, divergence, dense SSA indices. */
void colibri_nir_prepare(nir_shader *nir);

#endif /* COLIBRI_NIR_H */
