/*
 * Copyright © 2026 Colibri developers
 * SPDX-License-Identifier: MIT
 */

/* Which line of a kernel's source its machine code comes from. */
#ifndef COLIBRI_LINES_H
#define COLIBRI_LINES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/u_dynarray.h"

#ifdef __cplusplus
extern "C" {
#endif

struct blob;
struct blob_reader;

/** Holds from @offset to the next entry. */
struct colibri_line {
   uint32_t offset;

   /** 0: it comes from no line. */
   uint32_t line;
   uint32_t column;

   /** Where its file begins in the names. */
   uint32_t file;
};

/** Zeroed, it is a table without entries. */
struct colibri_lines {
   /** struct colibri_line, by offset. */
   struct util_dynarray entries;

   /** Names of files, each with its terminator. */
   struct util_dynarray names;
};

/** Appends an entry; false: no memory. @file may be NULL if @line is 0. */
bool colibri_lines_add(struct colibri_lines *lines, uint32_t offset,
                       const char *file, uint32_t line, uint32_t column);

/**
 * Writes "file:line:column" of the code at @offset to @text.
 *
 * False: it is not known; *@text is not changed.
 */
bool colibri_lines_describe(const struct colibri_lines *lines, uint64_t offset,
                            char *text, size_t size);

void colibri_lines_serialize(const struct colibri_lines *lines,
                             struct blob *blob);

/** False: the data are no table, or there is no memory. */
bool colibri_lines_deserialize(struct colibri_lines *lines,
                               struct blob_reader *reader);

void colibri_lines_finish(struct colibri_lines *lines);

#ifdef __cplusplus
}
#endif

#endif /* COLIBRI_LINES_H */
