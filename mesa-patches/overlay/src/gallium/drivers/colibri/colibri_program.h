/*
 * Copyright © 2026 Colibri developers
 * SPDX-License-Identifier: MIT
 */

#ifndef COLIBRI_PROGRAM_H
#define COLIBRI_PROGRAM_H

struct colibri_program;

/** Held programs stay until the GPU has run them, deleted or not. */
struct colibri_program *colibri_program_ref(struct colibri_program *program);
void colibri_program_unref(struct colibri_program *program);

#endif /* COLIBRI_PROGRAM_H */
