/*
 * Copyright © 2026 Colibri developers
 * SPDX-License-Identifier: MIT
 */

/* From NIR's source locations to LLVM's. */
#include "colibri_debug_info.h"

#include <llvm-c/Core.h>
#include <llvm-c/DebugInfo.h>

#include "compiler/nir/nir.h"
#include "util/hash_table.h"
#include "util/ralloc.h"

static const char producer[] = "colibri";

struct location {
   const char *file;
   uint32_t line;
   uint32_t column;
};

struct colibri_debug_info {
   /** nir_instr to struct location. */
   struct hash_table *locations;

   /** Of the first location: the one of the kernel, as far as that matters. */
   const char *file;
   uint32_t line;

   LLVMContextRef context;
   LLVMDIBuilderRef builder;
   LLVMMetadataRef function;
};

static const struct location *
location_of(struct colibri_debug_info *info, nir_debug_info_instr *di)
{
   const nir_debug_info_instr *file =
      nir_src_as_debug_info(di->src_loc.filename);
   struct location *loc = ralloc(info, struct location);

   if (!strncmp(file->string, "./", 2))
      loc->file = ralloc_strdup(loc, file->string + 2);
   else
      loc->file = ralloc_strdup(loc, file->string);
   loc->line = di->src_loc.line;
   loc->column = di->src_loc.column;
   if (!info->file) {
      info->file = loc->file;
      info->line = loc->line;
   }
   return loc;
}

/* @current: of what is in front. Returns that of what is behind. */
static const struct location *
take_from_block(struct colibri_debug_info *info, nir_block *block,
                const struct location *current)
{
   nir_foreach_instr_safe(instr, block) {
      if (instr->type == nir_instr_type_debug_info) {
         nir_debug_info_instr *di = nir_instr_as_debug_info(instr);

         if (di->type != nir_debug_info_src_loc)
            continue;
         current = di->src_loc.line ? location_of(info, di) : NULL;
         nir_instr_remove(instr);
      } else if (instr->type == nir_instr_type_intrinsic && current) {
         _mesa_hash_table_insert(info->locations, instr, (void *)current);
      }
   }
   return current;
}

static void
remove_strings(nir_function_impl *impl)
{
   nir_foreach_block(block, impl) {
      nir_foreach_instr_safe(instr, block) {
         if (instr->type == nir_instr_type_debug_info)
            nir_instr_remove(instr);
      }
   }
}

struct colibri_debug_info *
colibri_nir_take_debug_info(nir_shader *nir)
{
   nir_function_impl *impl = nir_shader_get_entrypoint(nir);
   struct colibri_debug_info *info = rzalloc(nir, struct colibri_debug_info);

   info->locations = _mesa_pointer_hash_table_create(info);

   /*
    * An access that became ifs, as one through a generic pointer does, has its
    * location in front of them: so blocks go on where the one before ended.
    */
   const struct location *current = NULL;
   nir_foreach_block(block, impl)
      current = take_from_block(info, block, current);
   remove_strings(impl);
   nir_metadata_preserve(impl, nir_metadata_control_flow);
   return info->file ? info : NULL;
}

static LLVMMetadataRef
create_file(struct colibri_debug_info *info, const char *name)
{
   return LLVMDIBuilderCreateFile(info->builder, name, strlen(name), "", 0);
}

static void
add_flag(LLVMModuleRef module, LLVMContextRef context, const char *name,
         unsigned value)
{
   LLVMTypeRef i32 = LLVMInt32TypeInContext(context);

   LLVMAddModuleFlag(module, LLVMModuleFlagBehaviorWarning, name, strlen(name),
                     LLVMValueAsMetadata(LLVMConstInt(i32, value, false)));
}

void
colibri_llvm_begin_debug_info(struct colibri_debug_info *info,
                              LLVMModuleRef module, LLVMValueRef function)
{
   if (!info)
      return;

   size_t length;
   const char *name = LLVMGetValueName2(function, &length);

   info->context = LLVMGetModuleContext(module);
   info->builder = LLVMCreateDIBuilder(module);
   add_flag(module, info->context, "Debug Info Version",
            LLVMDebugMetadataVersion());
   add_flag(module, info->context, "Dwarf Version", 4);

   LLVMMetadataRef file = create_file(info, info->file);
   LLVMDIBuilderCreateCompileUnit(
      info->builder, LLVMDWARFSourceLanguageC99, file, producer,
      strlen(producer), true, "", 0, 0, "", 0,
      LLVMDWARFEmissionLineTablesOnly, 0, false, false, "", 0, "", 0);
   LLVMMetadataRef type = LLVMDIBuilderCreateSubroutineType(
      info->builder, file, NULL, 0, LLVMDIFlagZero);
   info->function = LLVMDIBuilderCreateFunction(
      info->builder, file, name, length, name, length, file, info->line, type,
      false, true, info->line, LLVMDIFlagZero, true);
   LLVMSetSubprogram(function, info->function);
}

void
colibri_llvm_set_location(struct colibri_debug_info *info,
                          LLVMBuilderRef builder, const nir_instr *instr)
{
   if (!info)
      return;

   struct hash_entry *entry = _mesa_hash_table_search(info->locations, instr);
   LLVMMetadataRef location = NULL;

   if (entry) {
      const struct location *loc = entry->data;
      LLVMMetadataRef scope = info->function;

      if (strcmp(loc->file, info->file))
         scope = LLVMDIBuilderCreateLexicalBlockFile(
            info->builder, scope, create_file(info, loc->file), 0);
      location = LLVMDIBuilderCreateDebugLocation(info->context, loc->line,
                                                  loc->column, scope, NULL);
   }
   LLVMSetCurrentDebugLocation2(builder, location);
}

void
colibri_llvm_end_debug_info(struct colibri_debug_info *info)
{
   if (!info)
      return;
   LLVMDIBuilderFinalize(info->builder);
   LLVMDisposeDIBuilder(info->builder);
}
