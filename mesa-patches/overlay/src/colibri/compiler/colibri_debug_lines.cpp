/*
 * Copyright © 2026 Colibri developers
 * SPDX-License-Identifier: MIT
 */

/* The DWARF line table of an object file, for which LLVM has no C interface. */
#include "colibri_debug_info.h"

#include <llvm/DebugInfo/DWARF/DWARFContext.h>
#include <llvm/Object/ObjectFile.h>

#include "lib/colibri_lines.h"

using namespace llvm;

using NameKind = DILineInfoSpecifier::FileLineInfoKind;

static bool
add_row(const DWARFDebugLine::LineTable *table,
        const DWARFDebugLine::Row &row, struct colibri_lines *lines)
{
   std::string file;
   unsigned line = row.EndSequence ? 0 : row.Line;

   if (line && !table->getFileNameByIndex(row.File, "", NameKind::RawValue, file))
      line = 0;
   return colibri_lines_add(lines, row.Address.Address, file.c_str(), line,
                            row.Column);
}

bool
colibri_read_debug_lines(const void *object, size_t size,
                         struct colibri_lines *lines)
{
   StringRef data(static_cast<const char *>(object), size);
   auto file =
      object::ObjectFile::createObjectFile(MemoryBufferRef(data, "kernel"));

   if (!file) {
      consumeError(file.takeError());
      return false;
   }

   /* What it cannot read is not there. */
   auto ignore = [](Error error) { consumeError(std::move(error)); };
   auto dwarf = DWARFContext::create(
      **file, DWARFContext::ProcessDebugRelocations::Process, nullptr, "",
      ignore, ignore);

   for (const auto &unit : dwarf->compile_units()) {
      const DWARFDebugLine::LineTable *table =
         dwarf->getLineTableForUnit(unit.get());

      if (!table)
         continue;
      for (const DWARFDebugLine::Row &row : table->Rows) {
         if (!add_row(table, row, lines))
            return false;
      }
   }
   return true;
}
