/* SPDX-License-Identifier: MIT */
/*
 * The embedded test kernels (gpu/kernels.c): an ELF file whose code goes into a
 * buffer, with one kernel descriptor for each function.
 */
#ifndef COLIBRI_GPU_PROGRAM_H
#define COLIBRI_GPU_PROGRAM_H

#include <stddef.h>
#include <stdint.h>

/** gpu_program_size() - bytes that gpu_program_load() writes */
size_t gpu_program_size(void);

/** gpu_program_load() - Write code and descriptors to @dst, to be run at GPU address @addr */
void gpu_program_load(void *dst, uint64_t addr);

/**
 * gpu_program_kernel() - Where a kernel's descriptor is
 *
 * Return: its offset from the start of what was loaded, or 0: no kernel of this name.
 */
uint64_t gpu_program_kernel(const char *name);

/** gpu_program_entry() - Offset of a kernel's first instruction; the kernel must exist */
uint64_t gpu_program_entry(const char *name);

#endif /* COLIBRI_GPU_PROGRAM_H */
