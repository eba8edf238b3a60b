/* SPDX-License-Identifier: GPL-2.0 OR MIT */
#ifndef COLIBRI_PT_H
#define COLIBRI_PT_H

#include <linux/mutex.h>
#include <linux/types.h>

struct colibri_pt_table;
struct device;

/**
 * struct colibri_pt - the page tables of one address space
 */
struct colibri_pt {
	/** @dev: device that reads them */
	struct device *dev;
	/** @lock: serialises the growth of the tree; GFP_KERNEL is allocated under it */
	struct mutex lock;
	/** @root: level 5 */
	struct colibri_pt_table *root;
};

int colibri_pt_init(struct colibri_pt *pt, struct device *dev);
void colibri_pt_fini(struct colibri_pt *pt);
u64 colibri_pt_root_entry(const struct colibri_pt *pt);

int colibri_pt_prealloc(struct colibri_pt *pt, u64 start, u64 end);
void colibri_pt_map(struct colibri_pt *pt, u64 va, u64 addr, u64 size, u64 flags);
void colibri_pt_clear(struct colibri_pt *pt, u64 start, u64 end);
u64 *colibri_pt_leaves(struct colibri_pt *pt, u64 va);
void colibri_pt_set(u64 *leaves, unsigned int i, u64 pte);
bool colibri_pt_map_huge(struct colibri_pt *pt, u64 va, u64 pte);
u64 colibri_pt_read(struct colibri_pt *pt, u64 va, u64 *size);
int colibri_pt_check(struct colibri_pt *pt, u64 va, unsigned int access);
unsigned int colibri_pt_read_walk(struct colibri_pt *pt, u64 va, u64 *entries);
int colibri_pt_write_raw(struct colibri_pt *pt, u64 va, unsigned int level, u64 entry);

/* Entries that COLIBRI_PTE_CONT64 is about. */
#define COLIBRI_PT_CONT		16

/* Bytes that one level 1 table maps, and an hmm_svm block. */
#define COLIBRI_PT_LEAF_SPAN	BIT_ULL(COLIBRI_PT_SHIFT(2))

static inline unsigned int colibri_pt_index(u64 va, unsigned int level)
{
	return (va >> COLIBRI_PT_SHIFT(level)) & (COLIBRI_PT_ENTRIES - 1);
}

#endif /* COLIBRI_PT_H */
