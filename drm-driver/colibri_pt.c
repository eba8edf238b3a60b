// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Page tables of a GPU address space.
 */

/**
 * DOC: Page tables
 *
 * Overview
 * --------
 *
 * Five levels of 4 KiB tables in system memory that is coherent with the
 * device.  Entries hold bus addresses, which the CPU cannot follow, so each
 * table above level 1 has a shadow array of pointers to its children.
 *
 * Tables are only ever added; they are freed together with the address space.
 * That makes a walk safe without a lock, which the MMU notifier needs, and the
 * cost is bounded by the address range that the GPU has used: 4 KiB for 2 MiB.
 *
 * Large pages
 * -----------
 *
 * A level 1 table exists from colibri_pt_prealloc() on, but the level 2 entry of
 * its 2 MiB points at it only while it is needed: else the entry is clear, or a
 * leaf itself, and the table is all zeroes.  16 entries that are alike and
 * contiguous may have CONT64.
 *
 * A leaf that gives way to a table, or 16 entries that lose CONT64, lead to the
 * same memory as before, so the TLBs may keep them: whatever drops a part of a
 * large translation drops it as a whole.
 *
 * Locking
 * -------
 *
 * &colibri_pt.lock serialises the growth of the tree.  It nests inside
 * mmap_lock and hmm_svm's migrate lock; memory is allocated under it.
 *
 * Leaf entries, and level 2 entries, have another owner: below the driver's zone
 * the state lock of the hmm_svm block, which is exactly the span of one level 1
 * table; in the zone &colibri_vm.bind_lock.  They are written with WRITE_ONCE(), since the
 * device reads them at any time.
 */

#include <linux/dma-mapping.h>
#include <linux/slab.h>

#include "colibri_hw.h"
#include "colibri_lockdep.h"
#include "colibri_pt.h"

/**
 * struct colibri_pt_table - one table
 */
struct colibri_pt_table {
	/** @entries: what the device reads */
	u64 *entries;
	/** @bus: bus address of @entries */
	dma_addr_t bus;
	/** @child: the tables that @entries point at; none on level 1 */
	struct colibri_pt_table *child[];
};

static struct colibri_pt_table *colibri_pt_table_alloc(struct colibri_pt *pt, unsigned int level)
{
	struct colibri_pt_table *table;

	table = kzalloc_flex(*table, child, level > 1 ? COLIBRI_PT_ENTRIES : 0,
			     GFP_KERNEL_ACCOUNT);
	if (!table)
		return NULL;

	table->entries = dma_alloc_coherent(pt->dev, COLIBRI_PT_ENTRIES * sizeof(u64),
					    &table->bus, GFP_KERNEL);
	if (!table->entries) {
		kfree(table);
		return NULL;
	}
	return table;
}

static void colibri_pt_table_free(struct colibri_pt *pt, struct colibri_pt_table *table,
				  unsigned int level)
{
	unsigned int i;

	for (i = 0; level > 1 && i < COLIBRI_PT_ENTRIES; i++) {
		if (table->child[i])
			colibri_pt_table_free(pt, table->child[i], level - 1);
	}
	dma_free_coherent(pt->dev, COLIBRI_PT_ENTRIES * sizeof(u64), table->entries, table->bus);
	kfree(table);
}

static u64 colibri_pt_dir_entry(const struct colibri_pt_table *table)
{
	return table->bus | COLIBRI_PTE_VALID | COLIBRI_PTE_SYS;
}

/* Make the path to the leaf entries of @va; &colibri_pt.lock is held. */
static int colibri_pt_grow(struct colibri_pt *pt, u64 va)
{
	struct colibri_pt_table *table = pt->root;
	unsigned int level;

	lockdep_assert_held(&pt->lock);

	for (level = COLIBRI_PT_LEVELS; level > 1; level--) {
		unsigned int i = colibri_pt_index(va, level);
		struct colibri_pt_table *child = table->child[i];

		if (!child) {
			child = colibri_pt_table_alloc(pt, level - 1);
			if (!child)
				return -ENOMEM;
			/* The device must see the child's zeroes before it can reach it. */
			dma_wmb();
			if (level > 2)
				WRITE_ONCE(table->entries[i], colibri_pt_dir_entry(child));
			/* The same for walks of the CPU. */
			smp_store_release(&table->child[i], child);
		}
		table = child;
	}
	return 0;
}

/*
 * The table of level 2 that covers @va, or the one nearest to it; *@level is
 * its level.
 */
static struct colibri_pt_table *colibri_pt_walk(struct colibri_pt *pt, u64 va, unsigned int *level)
{
	struct colibri_pt_table *table = pt->root;
	struct colibri_pt_table *child;

	for (*level = COLIBRI_PT_LEVELS; *level > 2; --*level) {
		/* Pairs with the release in colibri_pt_grow(). */
		child = smp_load_acquire(&table->child[colibri_pt_index(va, *level)]);
		if (!child)
			break;
		table = child;
	}
	return table;
}

/**
 * struct colibri_pt_block - what maps one span of 2 MiB
 */
struct colibri_pt_block {
	/** @dir: the entry of level 2: clear, a leaf, or it points at @table */
	u64 *dir;
	/** @table: level 1; all zeroes unless @dir points at it */
	struct colibri_pt_table *table;
};

/* Find the block of @va; false when it has no tables. */
static bool colibri_pt_get_block(struct colibri_pt *pt, u64 va, struct colibri_pt_block *block)
{
	unsigned int level, i = colibri_pt_index(va, 2);
	struct colibri_pt_table *table = colibri_pt_walk(pt, va, &level);

	if (level != 2)
		return false;
	block->dir = &table->entries[i];
	/* Pairs with the release in colibri_pt_grow(). */
	block->table = smp_load_acquire(&table->child[i]);
	return block->table;
}

/**
 * colibri_pt_prealloc() - make the tables for a range
 * @pt: page tables
 * @start: first address
 * @end: end (exclusive)
 *
 * Afterwards leaf entries of the range can be written without allocating.
 *
 * Context: may sleep.
 * Return: 0 or -ENOMEM.
 */
int colibri_pt_prealloc(struct colibri_pt *pt, u64 start, u64 end)
{
	struct colibri_pt_block block;
	u64 va;
	int ret = 0;

	for (va = round_down(start, COLIBRI_PT_LEAF_SPAN); va < end && !ret;
	     va += COLIBRI_PT_LEAF_SPAN) {
		/* Most faults find the tables there, and need no lock. */
		if (colibri_pt_get_block(pt, va, &block))
			continue;
		mutex_lock(&pt->lock);
		ret = colibri_pt_grow(pt, va);
		mutex_unlock(&pt->lock);
	}
	return ret;
}

/* Let the device walk to the level 1 table, which maps what a leaf of 2 MiB mapped. */
static void colibri_pt_use_table(struct colibri_pt_block *block)
{
	u64 pte = *block->dir;
	unsigned int i;

	if (pte & COLIBRI_PTE_LEAF) {
		for (i = 0; i < COLIBRI_PT_ENTRIES; i++)
			WRITE_ONCE(block->table->entries[i], pte + i * PAGE_SIZE);
		dma_wmb(); /* the device must not find them missing */
	} else if (pte) {
		return;
	}
	WRITE_ONCE(*block->dir, colibri_pt_dir_entry(block->table));
}

static void colibri_pt_zero(u64 *entries, unsigned int first, unsigned int end)
{
	for (; first < end; first++)
		WRITE_ONCE(entries[first], 0);
}

/* An entry of 16 is going to differ from the others. */
static void colibri_pt_break_cont(u64 *entries, unsigned int i)
{
	unsigned int first = round_down(i, COLIBRI_PT_CONT);

	if (!(entries[i] & COLIBRI_PTE_CONT64))
		return;
	for (i = first; i < first + COLIBRI_PT_CONT; i++)
		WRITE_ONCE(entries[i], entries[i] & ~COLIBRI_PTE_CONT64);
}

/**
 * colibri_pt_leaves() - the 512 leaf entries around an address
 * @pt: page tables
 * @va: address
 *
 * The owner's lock of the entries is held.
 *
 * Return: the entries of the level 1 table that maps @va, NULL when there is none.
 */
u64 *colibri_pt_leaves(struct colibri_pt *pt, u64 va)
{
	struct colibri_pt_block block;

	if (!colibri_pt_get_block(pt, va, &block))
		return NULL;
	colibri_pt_use_table(&block);
	return block.table->entries;
}

/**
 * colibri_pt_set() - write one entry
 * @leaves: what colibri_pt_leaves() returned
 * @i: which one
 * @pte: entry without COLIBRI_PTE_CONT64
 */
void colibri_pt_set(u64 *leaves, unsigned int i, u64 pte)
{
	colibri_pt_break_cont(leaves, i);
	WRITE_ONCE(leaves[i], pte);
}

/**
 * colibri_pt_map_huge() - map 2 MiB by one entry
 * @pt: page tables, preallocated for the range
 * @va: first address, a multiple of 2 MiB
 * @pte: entry, for contiguous memory with the same alignment
 *
 * The owner's lock of the entries is held.  What was mapped before was the same
 * memory with the same or less rights.
 *
 * Return: whether single entries were in use.  Then translations of the range
 * are to be invalidated before faults on it are answered, though nobody needs to
 * wait for that: the device may remember the way to the entries.
 */
bool colibri_pt_map_huge(struct colibri_pt *pt, u64 va, u64 pte)
{
	struct colibri_pt_block block;
	bool had_table;

	if (!colibri_pt_get_block(pt, va, &block))
		return false;
	had_table = *block.dir && !(*block.dir & COLIBRI_PTE_LEAF);
	WRITE_ONCE(*block.dir, pte);
	if (had_table)
		colibri_pt_zero(block.table->entries, 0, COLIBRI_PT_ENTRIES);
	return had_table;
}

/**
 * colibri_pt_map() - map a physically contiguous range
 * @pt: page tables, preallocated for the range
 * @va: first address
 * @addr: bus address, or VRAM offset without COLIBRI_PTE_SYS
 * @size: bytes
 * @flags: COLIBRI_PTE_* beside VALID and LEAF
 *
 * The owner's lock of the leaf entries is held.  What was mapped before stays
 * in TLBs until the caller invalidates it.
 */
void colibri_pt_map(struct colibri_pt *pt, u64 va, u64 addr, u64 size, u64 flags)
{
	u64 end = va + size;
	u64 *leaves = NULL;

	flags |= COLIBRI_PTE_VALID | COLIBRI_PTE_LEAF;
	for (; va < end; va += PAGE_SIZE, addr += PAGE_SIZE) {
		unsigned int i = colibri_pt_index(va, 1);

		if (!leaves || !i)
			leaves = colibri_pt_leaves(pt, va);
		colibri_pt_set(leaves, i, addr | flags);
	}
}

/* Unmap [@start, @end) of one block. */
static void colibri_pt_clear_block(struct colibri_pt_block *block, u64 start, u64 end)
{
	u64 *entries = block->table->entries;
	unsigned int first = colibri_pt_index(start, 1);
	unsigned int last = colibri_pt_index(end - 1, 1);
	u64 dir = *block->dir;

	if (!dir)
		return;
	if (end - start == COLIBRI_PT_LEAF_SPAN) {
		WRITE_ONCE(*block->dir, 0);
		if (!(dir & COLIBRI_PTE_LEAF))
			colibri_pt_zero(entries, 0, COLIBRI_PT_ENTRIES);
		return;
	}
	colibri_pt_use_table(block);
	colibri_pt_break_cont(entries, first);
	colibri_pt_break_cont(entries, last);
	colibri_pt_zero(entries, first, last + 1);
}

/**
 * colibri_pt_clear() - unmap a range
 * @pt: page tables
 * @start: first address
 * @end: end (exclusive)
 *
 * The owner's lock of the entries is held; parts of the range may have no
 * tables.  The caller invalidates the TLBs.
 */
void colibri_pt_clear(struct colibri_pt *pt, u64 start, u64 end)
{
	struct colibri_pt_block block;
	u64 next;

	for (; start < end; start = next) {
		unsigned int level;

		colibri_pt_walk(pt, start, &level);
		/* The entry where the walk ended: a block, or a hole of this size. */
		next = min(end, round_down(start, BIT_ULL(COLIBRI_PT_SHIFT(level))) +
				BIT_ULL(COLIBRI_PT_SHIFT(level)));
		if (colibri_pt_get_block(pt, start, &block))
			colibri_pt_clear_block(&block, start, next);
	}
}

/**
 * colibri_pt_check() - whether the device may access an address as things are
 * @pt: page tables
 * @va: address
 * @access: COLIBRI_ACCESS_*
 *
 * Context: any, without a lock; the answer may be out of date at once.
 * Return: 0, -EFAULT when nothing is mapped there, -EACCES when the mapping
 * does not allow the access.
 */
int colibri_pt_check(struct colibri_pt *pt, u64 va, unsigned int access)
{
	static const u64 needed[] = {
		[COLIBRI_ACCESS_READ] = COLIBRI_PTE_READ,
		[COLIBRI_ACCESS_WRITE] = COLIBRI_PTE_WRITE,
		[COLIBRI_ACCESS_EXEC] = COLIBRI_PTE_EXEC,
		[COLIBRI_ACCESS_ATOMIC] = COLIBRI_PTE_ATOMIC,
	};
	struct colibri_pt_block block;
	u64 pte = 0;

	if (colibri_pt_get_block(pt, va, &block))
		pte = READ_ONCE(*block.dir);
	if (pte && !(pte & COLIBRI_PTE_LEAF))
		pte = READ_ONCE(block.table->entries[colibri_pt_index(va, 1)]);
	if (!(pte & COLIBRI_PTE_VALID))
		return -EFAULT;
	return pte & needed[access] ? 0 : -EACCES;
}

/**
 * colibri_pt_read() - look at an entry
 * @pt: page tables
 * @va: address
 * @size: returns how much from @va on has the same answer, at least a page
 *
 * Context: any, without a lock; the answer may be out of date at once.
 * Return: the leaf entry of @va's page, as if it had one of its own, or 0.
 */
u64 colibri_pt_read(struct colibri_pt *pt, u64 va, u64 *size)
{
	struct colibri_pt_block block;
	unsigned int level;
	u64 pte;

	colibri_pt_walk(pt, va, &level);
	*size = BIT_ULL(COLIBRI_PT_SHIFT(level)) - (va & (BIT_ULL(COLIBRI_PT_SHIFT(level)) - 1));
	if (!colibri_pt_get_block(pt, va, &block))
		return 0;
	pte = READ_ONCE(*block.dir);
	if (!pte)
		return 0;
	if (pte & COLIBRI_PTE_LEAF)
		return pte + (va & (COLIBRI_PT_LEAF_SPAN - PAGE_SIZE));
	*size = PAGE_SIZE;
	return READ_ONCE(block.table->entries[colibri_pt_index(va, 1)]);
}

/**
 * colibri_pt_root_entry() - the value for register PT_ROOT
 * @pt: page tables
 *
 * Return: a directory entry.
 */
u64 colibri_pt_root_entry(const struct colibri_pt *pt)
{
	return colibri_pt_dir_entry(pt->root);
}

/**
 * colibri_pt_init() - make an empty address space
 * @pt: page tables
 * @dev: device that will read them
 *
 * Return: 0 or -ENOMEM.
 */
int colibri_pt_init(struct colibri_pt *pt, struct device *dev)
{
	pt->dev = dev;
	mutex_init(&pt->lock);
	colibri_lockdep_allocates(&pt->lock);
	pt->root = colibri_pt_table_alloc(pt, COLIBRI_PT_LEVELS);
	return pt->root ? 0 : -ENOMEM;
}

/**
 * colibri_pt_fini() - free all tables
 * @pt: page tables, which the device does not use any more
 */
void colibri_pt_fini(struct colibri_pt *pt)
{
	colibri_pt_table_free(pt, pt->root, COLIBRI_PT_LEVELS);
	pt->root = NULL;
	mutex_destroy(&pt->lock);
}

/**
 * colibri_pt_read_walk() - the entries that translate an address, for a person to read
 * @pt: page tables
 * @va: address
 * @entries: returns them, from level 5 on; room for COLIBRI_PT_LEVELS
 *
 * Return: how many there are; the walk of the device ends at the first that is absent or a leaf.
 */
unsigned int colibri_pt_read_walk(struct colibri_pt *pt, u64 va, u64 *entries)
{
	struct colibri_pt_table *table = pt->root;
	unsigned int level, n = 0;

	for (level = COLIBRI_PT_LEVELS; level && table; level--) {
		unsigned int i = colibri_pt_index(va, level);

		entries[n++] = READ_ONCE(table->entries[i]);
		/* Pairs with the release in colibri_pt_grow(). */
		table = level > 1 ? smp_load_acquire(&table->child[i]) : NULL;
	}
	return n;
}

/**
 * colibri_pt_write_raw() - put anything into the tables that the device reads
 * @pt: page tables
 * @va: address
 * @level: level of the entry, 1 to COLIBRI_PT_LEVELS
 * @entry: what the device is to find
 *
 * For tests.  The driver's own walks follow its shadow of the tables, so they and the end of
 * the tables do not depend on what is in them.
 *
 * Context: any, without a lock; what the owner writes there next replaces it.
 * Return: 0 or -ENOENT: there is no such table.
 */
int colibri_pt_write_raw(struct colibri_pt *pt, u64 va, unsigned int level, u64 entry)
{
	struct colibri_pt_table *table = pt->root;
	unsigned int at;

	for (at = COLIBRI_PT_LEVELS; at > level && table; at--)
		/* Pairs with the release in colibri_pt_grow(). */
		table = smp_load_acquire(&table->child[colibri_pt_index(va, at)]);
	if (!table)
		return -ENOENT;
	WRITE_ONCE(table->entries[colibri_pt_index(va, level)], entry);
	return 0;
}
