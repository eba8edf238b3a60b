/*
 * Copyright © 2026 Colibri developers
 * SPDX-License-Identifier: MIT
 */

/* The table from machine code to source lines. */
#include "colibri_lines.h"

#include <stdio.h>
#include <string.h>

#include "util/blob.h"

#define NO_FILE UINT32_MAX

static const char *
file_name(const struct colibri_lines *lines, uint32_t offset)
{
   return (const char *)lines->names.data + offset;
}

/* The place of @file in the names; a kernel has few. */
static uint32_t
intern_file(struct colibri_lines *lines, const char *file)
{
   const size_t size = strlen(file) + 1;
   uint32_t at = 0;

   while (at < lines->names.size) {
      const char *name = file_name(lines, at);

      if (!strcmp(name, file))
         return at;
      at += strlen(name) + 1;
   }

   char *added = util_dynarray_grow_bytes(&lines->names, 1, size);
   if (!added)
      return NO_FILE;
   memcpy(added, file, size);
   return at;
}

bool
colibri_lines_add(struct colibri_lines *lines, uint32_t offset,
                  const char *file, uint32_t line, uint32_t column)
{
   struct colibri_line entry = {
      .offset = offset,
      .line = line,
      .column = column,
      .file = line ? intern_file(lines, file) : NO_FILE,
   };

   if (line && entry.file == NO_FILE)
      return false;

   void *added =
      util_dynarray_grow(&lines->entries, struct colibri_line, 1);
   if (!added)
      return false;
   memcpy(added, &entry, sizeof(entry));
   return true;
}

bool
colibri_lines_describe(const struct colibri_lines *lines, uint64_t offset,
                       char *text, size_t size)
{
   const struct colibri_line *found = NULL;

   util_dynarray_foreach(&lines->entries, struct colibri_line, entry) {
      if (entry->offset > offset)
         break;
      found = entry;
   }
   if (!found || !found->line)
      return false;
   snprintf(text, size, "%s:%u:%u", file_name(lines, found->file), found->line,
            found->column);
   return true;
}

void
colibri_lines_serialize(const struct colibri_lines *lines, struct blob *blob)
{
   blob_write_uint32(blob, lines->entries.size);
   blob_write_uint32(blob, lines->names.size);
   blob_write_bytes(blob, lines->entries.data, lines->entries.size);
   blob_write_bytes(blob, lines->names.data, lines->names.size);
}

/* What was read may be damaged: each entry has a file that ends. */
static bool
is_valid(const struct colibri_lines *lines)
{
   const uint32_t size = lines->names.size;

   if (lines->entries.size % sizeof(struct colibri_line) ||
       (size && *file_name(lines, size - 1)))
      return false;
   util_dynarray_foreach(&lines->entries, struct colibri_line, entry) {
      if (entry->line && entry->file >= size)
         return false;
   }
   return true;
}

static bool
read_array(struct util_dynarray *array, struct blob_reader *reader,
           uint32_t size)
{
   const void *data = blob_read_bytes(reader, size);

   if (!data || !size)
      return data;
   void *copy = util_dynarray_grow_bytes(array, 1, size);
   if (copy)
      memcpy(copy, data, size);
   return copy;
}

bool
colibri_lines_deserialize(struct colibri_lines *lines,
                          struct blob_reader *reader)
{
   const uint32_t entries_size = blob_read_uint32(reader);
   const uint32_t names_size = blob_read_uint32(reader);

   memset(lines, 0, sizeof(*lines));
   if (read_array(&lines->entries, reader, entries_size) &&
       read_array(&lines->names, reader, names_size) && is_valid(lines))
      return true;
   colibri_lines_finish(lines);
   return false;
}

void
colibri_lines_finish(struct colibri_lines *lines)
{
   util_dynarray_fini(&lines->entries);
   util_dynarray_fini(&lines->names);
}
