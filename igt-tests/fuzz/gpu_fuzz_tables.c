// SPDX-License-Identifier: MIT
/*
 * Random page tables, through the driver's file raw_pte in debugfs (root, module parameter raw_pte).
 *
 * The tables are in a buffer in VRAM. Entries of the VM's own tables, around an address that
 * nothing else uses, lead to them; they lead to each other, to themselves, on any level, to nowhere, and to
 * memory. What is not the fuzzer's own can be read through them and not be written: the aim is
 * the device's MMU, and a device that writes where the page tables say is right.
 */
#include "gpu_fuzz.h"

#include <fcntl.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define HUGE_PAGE	(2 * MiB)
#define MAX_RAM		64

/** struct where - what entries may name */
struct where {
	uint32_t asid;
	/** @data, @tables: VRAM offsets of the buffers; both are a chunk of 2 MiB of their own */
	uint64_t data, tables;
	uint64_t vram_size;
};

static struct {
	uint64_t start, end;
} ram[MAX_RAM];
static unsigned int num_ram;

static FILE *open_debugfs(const char *name, const char *mode)
{
	char pattern[128];
	FILE *file = NULL;
	glob_t found;

	snprintf(pattern, sizeof(pattern), "/sys/kernel/debug/dri/0*/%s", name);
	if (!glob(pattern, 0, NULL, &found))
		file = fopen(found.gl_pathv[0], mode);
	globfree(&found);
	return file;
}

bool fuzz_have_raw_pte(void)
{
	FILE *file = open_debugfs("raw_pte", "w");

	if (file)
		fclose(file);
	return file;
}

static void read_ram(void)
{
	FILE *file = fopen("/proc/iomem", "r");
	char line[256];

	while (file && fgets(line, sizeof(line), file) && num_ram < MAX_RAM) {
		unsigned long long start, end;

		if (line[0] == ' ' || !strstr(line, "System RAM") ||
		    sscanf(line, "%llx-%llx", &start, &end) != 2)
			continue;
		ram[num_ram].start = start;
		ram[num_ram++].end = end + 1;
	}
	if (file)
		fclose(file);
}

/* A process has one VM at a time here. */
static uint32_t find_asid(void)
{
	FILE *file = open_debugfs("vms", "r");
	unsigned int asid, pid, found = 0;
	char line[512];

	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "asid %u: pid %u,", &asid, &pid) == 2 && pid == (unsigned int)getpid())
			found = asid;
	if (file)
		fclose(file);
	return found;
}

/* Where in VRAM @va is; all ones: it is not. */
static uint64_t find_vram(uint32_t asid, uint64_t va)
{
	FILE *file = open_debugfs("page_tables", "r+");
	unsigned long long offset = ~0ull;
	char line[256];

	if (!file)
		return offset;
	fprintf(file, "%u %#llx %#llx", asid, (unsigned long long)va, (unsigned long long)va + 1);
	fflush(file);
	rewind(file);
	while (fgets(line, sizeof(line), file)) {
		char *vram = strstr(line, "vram:");

		if (vram)
			offset = strtoull(vram + 5, NULL, 16);
	}
	fclose(file);
	return offset;
}

static bool is_ram(uint64_t start, uint64_t end)
{
	for (unsigned int i = 0; i < num_ram; i++)
		if (start < ram[i].end && end > ram[i].start)
			return true;
	return !num_ram;
}

static uint64_t dir_entry(struct fuzz *f, const struct where *where)
{
	return COLIBRI_PTE_VALID | (where->tables + fuzz_below(f, FUZZ_TABLES) * PAGE_SIZE);
}

/* Make of @entry one that cannot have anything written that is not ours. */
static uint64_t tame(struct fuzz *f, const struct where *where, uint64_t entry)
{
	uint64_t addr = entry & COLIBRI_PTE_ADDR_MASK;
	uint64_t start = addr & ~(HUGE_PAGE - 1), end = start + HUGE_PAGE;
	bool ours = !(entry & COLIBRI_PTE_SYS) && start == where->data;
	bool nowhere = entry & COLIBRI_PTE_SYS ? !is_ram(start, end) : start >= where->vram_size;

	if (!(entry & COLIBRI_PTE_VALID) || nowhere || ours)
		return ours && !(entry & COLIBRI_PTE_LEAF) ? dir_entry(f, where) : entry;
	/* Whatever is there would be read as a table. */
	if (!(entry & COLIBRI_PTE_LEAF))
		return dir_entry(f, where);
	return entry & ~(COLIBRI_PTE_WRITE | COLIBRI_PTE_ATOMIC);
}

static uint64_t random_entry(struct fuzz *f, const struct where *where)
{
	uint64_t r = fuzz_random(f), flags = r & 0x9e;

	switch (fuzz_below(f, 8)) {
	case 0:
		return 0;
	case 1:
	case 2:
		return dir_entry(f, where);
	case 3:
	case 4:
		return where->data + (r >> 20 & (HUGE_PAGE - PAGE_SIZE)) + COLIBRI_PTE_VALID +
		       COLIBRI_PTE_LEAF + flags;
	case 5:		/* just behind the end of something */
		return tame(f, where, where->vram_size | COLIBRI_PTE_VALID | COLIBRI_PTE_LEAF | flags);
	case 6:
		return tame(f, where, (r & (COLIBRI_PTE_ADDR_MASK >> (r >> 58 & 31)) &
				       COLIBRI_PTE_ADDR_MASK) | COLIBRI_PTE_VALID | (r & 0xfe));
	default:
		return tame(f, where, fuzz_random(f));
	}
}

static bool write_raw(uint32_t asid, uint64_t va, unsigned int level, uint64_t entry)
{
	FILE *file = open_debugfs("raw_pte", "w");
	bool ok;

	if (!file)
		return false;
	ok = fprintf(file, "%u %#llx %u %#llx", asid, (unsigned long long)va, level,
		     (unsigned long long)entry) > 0;
	return !fclose(file) && ok;
}

static bool find_where(struct fuzz *f, struct where *where)
{
	uint64_t tables_addr = f->data_addr + (1ull << 40);

	if (!num_ram)
		read_ram();
	if (colibri_bo_create(&f->dev, HUGE_PAGE, DRM_COLIBRI_GEM_VRAM, 0, &f->tables) ||
	    colibri_vm_map(&f->dev, f->vm, &f->tables, tables_addr, DRM_COLIBRI_VM_BIND_READONLY))
		return false;
	where->asid = find_asid();
	where->data = find_vram(where->asid, f->data_addr);
	where->tables = find_vram(where->asid, tables_addr);
	where->vram_size = f->dev.info.vram_size;
	return where->asid && where->data < where->vram_size && where->tables < where->vram_size;
}

void fuzz_make_tables(struct fuzz *f)
{
	struct where where;
	uint64_t *entries;

	if (!find_where(f, &where))
		return;
	entries = f->tables.map;
	for (unsigned int i = 0; i < FUZZ_TABLES * COLIBRI_PT_ENTRIES; i++)
		entries[i] = random_entry(f, &where);
	/* From the top, or somewhere below; the fault around the entry sees it at once. */
	for (unsigned int n = 1 + fuzz_below(f, 4); n; n--)
		write_raw(where.asid, f->data_addr + fuzz_below(f, FUZZ_DATA),
			  1 + fuzz_below(f, COLIBRI_PT_LEVELS), random_entry(f, &where));
	for (unsigned int n = 2 + fuzz_below(f, 8); n; n--) {
		if (fuzz_below(f, 2))
			fuzz_dispatch_any(f);
		else
			fuzz_push(f, colibri_packet_copy(fuzz_address(f), fuzz_address(f),
							 fuzz_below(f, FUZZ_DATA)));
	}
}
