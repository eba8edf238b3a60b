/*
 * Copyright © 2026 Colibri developers
 * SPDX-License-Identifier: MIT
 */

/* How much stack machine code needs. */
#ifndef COLIBRI_STACK_H
#define COLIBRI_STACK_H

#include <stdbool.h>
#include <stdint.h>

/**
 * Stack of the function at the start of @code, as its prologue reserves it.
 *
 * LLVM's own figure leaves out what vector registers are spilled to. False: the
 * prologue does something unknown, or asks for more than a wave can have.
 */
bool colibri_stack_size(const uint8_t *code, uint32_t size,
                        uint32_t *stack_size, char **error);

#endif /* COLIBRI_STACK_H */
