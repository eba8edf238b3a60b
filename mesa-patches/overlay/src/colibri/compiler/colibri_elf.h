/*
 * Copyright © 2026 Colibri developers
 * SPDX-License-Identifier: MIT
 */

/* From LLVM's object file to code that can be copied to the GPU. */
#ifndef COLIBRI_ELF_H
#define COLIBRI_ELF_H

#include <stdbool.h>
#include <stddef.h>

struct colibri_shader;

/**
 * Links the one function of a relocatable ELF object with its constants.
 *
 * Fills @shader but for private_size and local_slack. False: *@error says what
 * the object has that position-independent code without calls cannot have
 * (malloc()ed).
 */
bool colibri_elf_link(const void *object, size_t size,
                      struct colibri_shader *shader, char **error);

#endif /* COLIBRI_ELF_H */
