// SPDX-License-Identifier: MIT
/*
 * Loads the embedded test kernels, see gpu_program.h. The build made the file,
 * so it is trusted: one loadable segment at address 0 and a symbol table.
 *
 * Layout of what is loaded: the code, then, 64-byte aligned, one descriptor for
 * each symbol of the table in its order (only those of functions are used).
 */
#include "gpu_program.h"

#include <elf.h>
#include <string.h>

#include "colibri_hw.h"

#define KERNEL_STACK	4096

extern const uint8_t gpu_kernels_elf[];

static const Elf64_Ehdr *elf_header(void)
{
	return (const Elf64_Ehdr *)gpu_kernels_elf;
}

static const Elf64_Phdr *text_segment(void)
{
	return (const Elf64_Phdr *)(gpu_kernels_elf + elf_header()->e_phoff);
}

static const Elf64_Shdr *section(unsigned int index)
{
	return (const Elf64_Shdr *)(gpu_kernels_elf + elf_header()->e_shoff) + index;
}

static const Elf64_Shdr *symbol_table(void)
{
	for (unsigned int i = 0; i < elf_header()->e_shnum; i++)
		if (section(i)->sh_type == SHT_SYMTAB)
			return section(i);
	return NULL;
}

static const Elf64_Sym *symbols(size_t *count)
{
	const Elf64_Shdr *table = symbol_table();

	*count = table->sh_size / sizeof(Elf64_Sym);
	return (const Elf64_Sym *)(gpu_kernels_elf + table->sh_offset);
}

static size_t descriptors_offset(void)
{
	return (text_segment()->p_memsz + 63) & ~63ul;
}

size_t gpu_program_size(void)
{
	size_t count;

	symbols(&count);
	return descriptors_offset() + count * sizeof(struct colibri_kernel_desc);
}

void gpu_program_load(void *dst, uint64_t addr)
{
	struct colibri_kernel_desc *descs = (void *)((char *)dst + descriptors_offset());
	const Elf64_Sym *symbol;
	size_t count;

	memcpy(dst, gpu_kernels_elf + text_segment()->p_offset, text_segment()->p_filesz);
	symbol = symbols(&count);
	for (size_t i = 0; i < count; i++) {
		struct colibri_kernel_desc desc = {
			.entry = addr + symbol[i].st_value,
			.stack_size = KERNEL_STACK,
		};

		memcpy(&descs[i], &desc, sizeof(desc));
	}
}

static size_t find_symbol(const char *name)
{
	const char *names = (const char *)gpu_kernels_elf + section(symbol_table()->sh_link)->sh_offset;
	const Elf64_Sym *symbol;
	size_t count;

	symbol = symbols(&count);
	for (size_t i = 1; i < count; i++)
		if (ELF64_ST_TYPE(symbol[i].st_info) == STT_FUNC &&
		    !strcmp(names + symbol[i].st_name, name))
			return i;
	return 0;
}

uint64_t gpu_program_kernel(const char *name)
{
	size_t index = find_symbol(name);

	return index ? descriptors_offset() + index * sizeof(struct colibri_kernel_desc) : 0;
}

uint64_t gpu_program_entry(const char *name)
{
	size_t count;

	return symbols(&count)[find_symbol(name)].st_value;
}
