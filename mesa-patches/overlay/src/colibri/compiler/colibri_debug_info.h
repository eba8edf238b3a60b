/*
 * Copyright © 2026 Colibri developers
 * SPDX-License-Identifier: MIT
 */

/*
 * Source locations on their way through the compiler.
 *
 * SPIR-V's OpLine become nir_debug_info_src_loc instructions in front of the
 * memory accesses that may fault. The compiler takes them out, gives LLVM's
 * instructions their locations, and reads the line table of the object file.
 */
#ifndef COLIBRI_DEBUG_INFO_H
#define COLIBRI_DEBUG_INFO_H

#include <llvm-c/Types.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct colibri_debug_info;
struct colibri_lines;
struct nir_instr;
struct nir_shader;

/**
 * Removes the locations from @nir and remembers those of its memory accesses,
 * in memory that belongs to @nir. NULL: it has none.
 */
struct colibri_debug_info *colibri_nir_take_debug_info(struct nir_shader *nir);

/** Prepares the module and its one function. @info may be NULL here and below. */
void colibri_llvm_begin_debug_info(struct colibri_debug_info *info,
                                   LLVMModuleRef module,
                                   LLVMValueRef function);

/** What is built from now on comes from where @instr does. */
void colibri_llvm_set_location(struct colibri_debug_info *info,
                               LLVMBuilderRef builder,
                               const struct nir_instr *instr);

void colibri_llvm_end_debug_info(struct colibri_debug_info *info);

/**
 * Reads the line table of an object file, whose code starts at offset 0.
 *
 * False: there is no memory, or the object cannot be read.
 */
bool colibri_read_debug_lines(const void *object, size_t size,
                              struct colibri_lines *lines);

#ifdef __cplusplus
}
#endif

#endif /* COLIBRI_DEBUG_INFO_H */
