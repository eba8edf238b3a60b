// SPDX-License-Identifier: GPL-2.0
/*
 * Windows: what of a part of a block the CPU has mapped, and how it gets into
 * the device's page table.
 *
 * A window is filled by hmm_svm_window_snapshot(), which faults nothing in, and
 * committed by hmm_svm_window_map(), which finds out whether core mm changed
 * anything in between.
 *
 * Large entries. Memory that is contiguous and naturally aligned, with the same
 * rights, is offered to the driver as one entry for the block or for groups of
 * 64 KiB: device memory, in which page i of a block is page i of a chunk, and
 * large folios of system memory, whether the CPU maps them as one (THP,
 * hugetlb) or by pages (page cache). A driver never has to split such an
 * entry, so it goes as a whole (hmm_svm_block_zap()) and gets more rights as a
 * whole; where only some of its pages are to get more, it goes first.
 */
#include <linux/hmm.h>
#include <linux/mm.h>
#include <linux/slab.h>

#include "hmm_svm_internal.h"

/**
 * struct hmm_svm_window - a part of a block on its way to the device
 * @block: which the caller holds migrate of
 * @start: first address
 * @first: the same as page of the block
 * @last: page of the block behind the window
 * @seq: hmm_svm_block.seq before the snapshot
 * @pfns: the snapshot, as of hmm_range_fault()
 * @ptes: what the driver is to map
 * @whole: the block becomes one large entry
 * @fresh_whole: and was DMA-mapped as such for this window
 * @read_mostly: the program allows read-only copies
 * @read_only: system memory is not to be written, so that a write is a fault
 * @copy_base: offset into device memory of what would be page 0 of @copied
 * @atomic_sys: HMM_SVM_PTE_ATOMIC where system memory may have it
 * @atomic_dev: the same for device memory
 * @wanted: pages that are to be mapped; these and what follows by page of the block
 * @mapped: hmm_svm_block.mapped before the commit
 * @writable: hmm_svm_block.writable before the commit
 * @atomic: hmm_svm_block.atomic before the commit
 * @give: pages of which @ptes has an entry
 * @give_write: those with HMM_SVM_PTE_WRITE
 * @give_atomic: those with HMM_SVM_PTE_ATOMIC
 * @give_dev: those with HMM_SVM_PTE_DEVMEM
 * @copied: pages of which copies were made for this window
 * @fresh: pages of system memory that were DMA-mapped for this window
 * @groups: 64 KiB that were large entries before the commit
 * @give_groups: those that become one
 */
struct hmm_svm_window {
	struct hmm_svm_block *block;
	u64 start;
	unsigned int first;
	unsigned int last;
	unsigned long seq;
	unsigned long *pfns;
	struct hmm_svm_pte *ptes;
	bool whole;
	bool fresh_whole;
	bool read_mostly;
	bool read_only;
	u64 copy_base;
	u16 atomic_sys;
	u16 atomic_dev;
	DECLARE_BITMAP(wanted, HMM_SVM_BLOCK_PAGES);
	DECLARE_BITMAP(mapped, HMM_SVM_BLOCK_PAGES);
	DECLARE_BITMAP(writable, HMM_SVM_BLOCK_PAGES);
	DECLARE_BITMAP(atomic, HMM_SVM_BLOCK_PAGES);
	DECLARE_BITMAP(give, HMM_SVM_BLOCK_PAGES);
	DECLARE_BITMAP(give_write, HMM_SVM_BLOCK_PAGES);
	DECLARE_BITMAP(give_atomic, HMM_SVM_BLOCK_PAGES);
	DECLARE_BITMAP(give_dev, HMM_SVM_BLOCK_PAGES);
	DECLARE_BITMAP(copied, HMM_SVM_BLOCK_PAGES);
	DECLARE_BITMAP(fresh, HMM_SVM_BLOCK_PAGES);
	DECLARE_BITMAP(groups, HMM_SVM_BLOCK_GROUPS);
	DECLARE_BITMAP(give_groups, HMM_SVM_BLOCK_GROUPS);
};

static struct hmm_svm_device *window_sdev(const struct hmm_svm_window *win)
{
	return win->block->notifier->svm->sdev;
}

/*
 * Whose atomics are atomic depends on the device, and on what the program says;
 * so do copies.
 */
static void heed_advice(struct hmm_svm_window *win, const struct hmm_svm_advised *advised)
{
	u8 scope = advised->v[HMM_SVM_ADVISE_ATOMIC];

	if (scope != HMM_SVM_ATOMIC_NONE) {
		win->atomic_dev = HMM_SVM_PTE_ATOMIC;
		if (!hmm_svm_policy_local_atomic(win->block->notifier->svm, advised))
			win->atomic_sys = HMM_SVM_PTE_ATOMIC;
	}
	win->read_mostly = advised->v[HMM_SVM_ADVISE_READ_MOSTLY] &&
			   hmm_svm_has_pages(window_sdev(win));
	win->read_only = win->read_mostly;
}

/* The device wants to write, and where what is read mostly belongs then is decided. */
void hmm_svm_window_for_write(struct hmm_svm_window *win)
{
	win->read_only = false;
}

/*
 * A window for @span, in @block and with the same advice everywhere. It may
 * become larger, see hmm_svm_block_widen().
 */
struct hmm_svm_window *hmm_svm_window_alloc(struct hmm_svm_block *block,
					    const struct hmm_svm_span *span)
{
	DECLARE_BITMAP(wanted, HMM_SVM_BLOCK_PAGES);
	struct hmm_svm_span wide = *span, same;
	struct hmm_svm_advised advised;
	struct hmm_svm_window *win;
	unsigned int npages;

	advised = hmm_svm_advice_at(block->notifier->svm, span->start, &same);
	hmm_svm_block_widen(block, &same, &wide, wanted);
	npages = (wide.end - wide.start) >> PAGE_SHIFT;
	/* Not zeroed as a whole: the allocator would clear twice of what is asked for. */
	win = kvmalloc(sizeof(*win) + npages * (sizeof(*win->ptes) + sizeof(*win->pfns)),
		       GFP_KERNEL);
	if (!win)
		return NULL;
	*win = (struct hmm_svm_window) {
		.block = block,
		.start = wide.start,
		.first = hmm_svm_page_index(block, wide.start),
		.ptes = (void *)(win + 1),
	};
	win->last = win->first + npages;
	win->pfns = (void *)(win->ptes + npages);
	memset_l(win->pfns, 0, npages);
	memset64((void *)win->ptes, 0, npages * sizeof(*win->ptes) / sizeof(u64));
	bitmap_copy(win->wanted, wanted, HMM_SVM_BLOCK_PAGES);
	heed_advice(win, &advised);
	return win;
}

void hmm_svm_window_free(struct hmm_svm_window *win)
{
	kvfree(win);
}

struct hmm_svm_block *hmm_svm_window_block(struct hmm_svm_window *win)
{
	return win->block;
}

static u64 window_end(const struct hmm_svm_window *win)
{
	return win->start + ((u64)(win->last - win->first) << PAGE_SHIFT);
}

static unsigned long pfn_at(const struct hmm_svm_window *win, u64 addr)
{
	return win->pfns[(addr - win->start) >> PAGE_SHIFT];
}

/*
 * Reads the CPU's page table.
 * Return: 0, or -EBUSY when core mm is changing it.
 */
int hmm_svm_window_snapshot(struct hmm_svm_window *win)
{
	struct hmm_svm_notifier *notifier = win->block->notifier;
	struct hmm_range range = {
		.notifier = &notifier->mn,
		.start = win->start,
		.end = window_end(win),
		.hmm_pfns = win->pfns,
		.dev_private_owner = notifier->svm->sdev,
	};

	lockdep_assert_held(&win->block->migrate);

	/* In this order: see zap_blocks(). */
	win->seq = hmm_svm_block_seq(win->block);
	range.notifier_seq = hmm_svm_whole_read_begin(win->block);
	return hmm_svm_range_fault(&range);
}

/* Whether the CPU has what the device wants, so that it can be mapped. */
bool hmm_svm_window_allows(const struct hmm_svm_window *win, u64 addr, bool write)
{
	unsigned long need = write ? HMM_PFN_VALID | HMM_PFN_WRITE : HMM_PFN_VALID;

	return (pfn_at(win, addr) & need) == need;
}

/* Whether nobody has written to anonymous memory: there is no page, or the zero page. */
bool hmm_svm_window_untouched(const struct hmm_svm_window *win, u64 addr)
{
	unsigned long pfn = pfn_at(win, addr);

	return !(pfn & HMM_PFN_VALID) || !folio_test_anon(page_folio(hmm_pfn_to_page(pfn)));
}

bool hmm_svm_window_in_devmem(const struct hmm_svm_window *win, u64 addr)
{
	unsigned long pfn = pfn_at(win, addr);

	return (pfn & HMM_PFN_VALID) &&
	       hmm_svm_pfn_is_local(window_sdev(win), pfn & ~HMM_PFN_FLAGS);
}

/*
 * Whether there is an anonymous page that the CPU may not write yet: it is
 * shared, or was. (The zero page is not anonymous.)
 */
bool hmm_svm_window_shared(const struct hmm_svm_window *win, u64 addr)
{
	unsigned long pfn = pfn_at(win, addr);

	return (pfn & (HMM_PFN_VALID | HMM_PFN_WRITE)) == HMM_PFN_VALID &&
	       folio_test_anon(page_folio(hmm_pfn_to_page(pfn)));
}

/* Whether the CPU maps the whole block as one. */
bool hmm_svm_window_huge(const struct hmm_svm_window *win, u64 addr)
{
	unsigned long pfn = pfn_at(win, addr);

	return (pfn & HMM_PFN_VALID) && hmm_pfn_to_map_order(pfn) >= HMM_SVM_BLOCK_ORDER;
}

/*
 * Whether pages [@i, @i + 2^@order) of the block, @i a multiple of 2^@order and
 * all in the window, can be one entry.
 */
static bool is_run(const struct hmm_svm_window *win, unsigned int i, unsigned int order)
{
	const unsigned long *pfns = &win->pfns[i - win->first];
	unsigned long pfn = pfns[0] & ~HMM_PFN_FLAGS;
	unsigned int j, n = 1U << order;

	if (!(pfns[0] & HMM_PFN_VALID) || !IS_ALIGNED(pfn, n) || pfns[n - 1] != pfns[0] + n - 1)
		return false;
	if (hmm_pfn_to_map_order(pfns[0]) >= order)
		return true;
	for (j = 1; j < n - 1; j++)
		if (pfns[j] != pfns[0] + j)
			return false;
	/* Else parts of it would go one by one. */
	return hmm_svm_pfn_is_local(window_sdev(win), pfn) ||
	       page_folio(pfn_to_page(pfn)) == page_folio(pfn_to_page(pfn + n - 1));
}

/* What the device may do with the page @pfn. */
static u16 rights(const struct hmm_svm_window *win, unsigned long pfn)
{
	bool local = hmm_svm_pfn_is_local(window_sdev(win), pfn & ~HMM_PFN_FLAGS);
	u16 flags = HMM_SVM_PTE_READ | (local ? HMM_SVM_PTE_DEVMEM : 0);

	if ((pfn & HMM_PFN_WRITE) && (local || !win->read_only))
		flags |= HMM_SVM_PTE_WRITE | (local ? win->atomic_dev : win->atomic_sys);
	return flags;
}

/* Whether the device has an entry, and may have more than that allows. */
static bool wants_upgrade(const struct hmm_svm_window *win, unsigned int i)
{
	u16 flags;

	if (!test_bit(i, win->mapped))
		return false;
	flags = rights(win, win->pfns[i - win->first]);
	if (!(flags & HMM_SVM_PTE_WRITE))
		return false;
	return !test_bit(i, win->writable) ||
	       (!test_bit(i, win->atomic) && (flags & HMM_SVM_PTE_ATOMIC));
}

/*
 * Looks for a large entry of which only some pages can get the right to be
 * written, or a copy, and returns its pages in [@first, @last).
 */
static bool find_conflict(const struct hmm_svm_window *win, bool was_whole, unsigned int *first,
			  unsigned int *last)
{
	unsigned int i, group;

	for (i = find_next_bit(win->mapped, win->last, win->first); i < win->last;
	     i = find_next_bit(win->mapped, win->last, i + 1)) {
		if (!wants_upgrade(win, i))
			continue;
		group = i / HMM_SVM_GROUP_PAGES;
		if (was_whole && !is_run(win, 0, HMM_SVM_BLOCK_ORDER)) {
			*first = 0;
			*last = HMM_SVM_BLOCK_PAGES;
			return true;
		}
		if (test_bit(group, win->groups) &&
		    !is_run(win, group * HMM_SVM_GROUP_PAGES, HMM_SVM_GROUP_ORDER)) {
			*first = group * HMM_SVM_GROUP_PAGES;
			*last = *first + HMM_SVM_GROUP_PAGES;
			return true;
		}
		if (test_bit(i, win->block->copy)) {
			*first = i;
			*last = i + 1;
			return true;
		}
	}
	return false;
}

static bool is_to_copy(const struct hmm_svm_window *win, unsigned int i)
{
	return win->read_mostly && test_bit(i, win->wanted) && !test_bit(i, win->mapped) &&
	       hmm_svm_copy_is_candidate(window_sdev(win), win->pfns[i - win->first]);
}

static void make_copies(struct hmm_svm_window *win)
{
	unsigned int i;

	for (i = win->first; i < win->last; i++)
		if (is_to_copy(win, i))
			__set_bit(i, win->copied);
	if (!bitmap_empty(win->copied, HMM_SVM_BLOCK_PAGES))
		win->copy_base = hmm_svm_copies_make(win->block, win->copied, win->pfns,
						     win->first);
}

/*
 * Looks at what the device has already, which may only vanish from now on.
 * Return: 0; -EBUSY: the snapshot is old, or was not of use.
 */
static int plan(struct hmm_svm_window *win)
{
	struct hmm_svm_block *block = win->block;
	unsigned int first = win->first, last = win->last;
	bool changed, clean, was_whole;

	spin_lock(&block->state);
	changed = block->gone || block->seq != win->seq;
	clean = find_next_bit(block->stale, last, first) < last;
	was_whole = block->whole;
	bitmap_copy(win->mapped, block->mapped, HMM_SVM_BLOCK_PAGES);
	bitmap_copy(win->writable, block->writable, HMM_SVM_BLOCK_PAGES);
	bitmap_copy(win->atomic, block->atomic, HMM_SVM_BLOCK_PAGES);
	bitmap_copy(win->groups, block->groups, HMM_SVM_BLOCK_GROUPS);
	spin_unlock(&block->state);

	win->whole = last - first == HMM_SVM_BLOCK_PAGES &&
		     (was_whole || bitmap_empty(win->mapped, HMM_SVM_BLOCK_PAGES)) &&
		     bitmap_full(win->wanted, HMM_SVM_BLOCK_PAGES) &&
		     !is_to_copy(win, 0) && is_run(win, 0, HMM_SVM_BLOCK_ORDER);
	/* Stale: a reclaimer that could not wait left its flush to us. */
	if (!clean && !changed)
		clean = find_conflict(win, was_whole, &first, &last);
	if (clean)
		hmm_svm_block_clean(block, block->start + ((u64)first << PAGE_SHIFT),
				    block->start + ((u64)last << PAGE_SHIFT));
	return changed || clean ? -EBUSY : 0;
}

static u64 devmem_offset(const struct hmm_svm_window *win, unsigned long pfn)
{
	return (u64)((pfn & ~HMM_PFN_FLAGS) - window_sdev(win)->first_pfn) << PAGE_SHIFT;
}

/* Page @i of the block; memory that is mapped already gets its address in commit(). */
static int fill_page(struct hmm_svm_window *win, unsigned int i)
{
	unsigned long pfn = win->pfns[i - win->first];
	struct hmm_svm_pte *pte = &win->ptes[i - win->first];
	dma_addr_t dma;
	u16 flags;
	int ret;

	__assign_bit(i, win->block->empty, !(pfn & HMM_PFN_VALID));
	if (!(pfn & HMM_PFN_VALID) || !test_bit(i, win->wanted))
		return 0;
	if (test_bit(i, win->mapped) && !wants_upgrade(win, i))
		return 0;

	flags = rights(win, pfn);
	if (test_bit(i, win->copied)) {
		flags = HMM_SVM_PTE_READ | HMM_SVM_PTE_DEVMEM;
		pte->addr = win->copy_base + ((u64)i << PAGE_SHIFT);
		__set_bit(i, win->give_dev);
	} else if (flags & HMM_SVM_PTE_DEVMEM) {
		pte->addr = devmem_offset(win, pfn);
		__set_bit(i, win->give_dev);
	} else if (!test_bit(i, win->mapped)) {
		ret = hmm_svm_dma_map(win->block, i, pfn & ~HMM_PFN_FLAGS, &dma);
		if (ret)
			return ret;
		pte->addr = dma;
		__set_bit(i, win->fresh);
	}
	pte->flags = flags;
	__set_bit(i, win->give);
	__assign_bit(i, win->give_write, flags & HMM_SVM_PTE_WRITE);
	__assign_bit(i, win->give_atomic, flags & HMM_SVM_PTE_ATOMIC);
	return 0;
}

/* Whether all pages of a group are next to each other for the device, too. */
static bool is_contiguous(const struct hmm_svm_pte *ptes)
{
	unsigned int i;

	for (i = 1; i < HMM_SVM_GROUP_PAGES; i++)
		if (ptes[i].addr != ptes[0].addr + ((u64)i << PAGE_SHIFT) ||
		    ptes[i].flags != ptes[0].flags)
			return false;
	return IS_ALIGNED(ptes[0].addr, HMM_SVM_GROUP_PAGES << PAGE_SHIFT);
}

/* After its pages: whether group @i can be one entry now. */
static void join_group(struct hmm_svm_window *win, unsigned int i)
{
	struct hmm_svm_pte *ptes = &win->ptes[i - win->first];
	unsigned int group = i / HMM_SVM_GROUP_PAGES, end = i + HMM_SVM_GROUP_PAGES;
	bool fresh = find_next_bit(win->mapped, end, i) >= end;

	if (find_next_zero_bit(win->give, end, i) < end || !is_run(win, i, HMM_SVM_GROUP_ORDER))
		return;
	/* What the device has by pages stays so; what it has as one stays so. */
	if (fresh ? !is_contiguous(ptes) : !test_bit(group, win->groups))
		return;
	ptes[0].order = HMM_SVM_GROUP_ORDER;
	__set_bit(group, win->give_groups);
}

/* Only the page @must has to succeed. */
static int fill_pages(struct hmm_svm_window *win, unsigned int must)
{
	unsigned int i;
	int ret;

	for (i = win->first; i < win->last; i++) {
		ret = fill_page(win, i);
		if (ret && i == must)
			return ret;
		if (HMM_SVM_GROUP_ORDER && i % HMM_SVM_GROUP_PAGES == HMM_SVM_GROUP_PAGES - 1 &&
		    i + 1 >= win->first + HMM_SVM_GROUP_PAGES)
			join_group(win, i + 1 - HMM_SVM_GROUP_PAGES);
	}
	return 0;
}

/* All of the block: one look at the memory, one DMA mapping. */
static int fill_whole(struct hmm_svm_window *win)
{
	struct hmm_svm_block *block = win->block;
	unsigned long pfn = win->pfns[0];
	dma_addr_t dma = 0;
	unsigned int i;
	u64 addr;
	u16 flags;
	int ret;

	bitmap_zero(block->empty, HMM_SVM_BLOCK_PAGES);
	/* Had already, and not to become writable: nothing to do. */
	if (test_bit(0, win->mapped) && !wants_upgrade(win, 0))
		return 0;
	flags = rights(win, pfn);
	if (flags & HMM_SVM_PTE_DEVMEM) {
		bitmap_fill(win->give_dev, HMM_SVM_BLOCK_PAGES);
		addr = devmem_offset(win, pfn);
	} else if (test_bit(0, win->mapped)) {
		spin_lock(&block->state);
		if (block->seq == win->seq)
			dma = hmm_svm_dma_addr(block, 0);
		spin_unlock(&block->state);
		addr = dma;
	} else {
		ret = hmm_svm_dma_map_whole(block, pfn & ~HMM_PFN_FLAGS, &dma);
		if (ret)
			return ret;
		addr = dma;
		win->fresh_whole = true;
		bitmap_fill(win->fresh, HMM_SVM_BLOCK_PAGES);
	}
	bitmap_fill(win->give, HMM_SVM_BLOCK_PAGES);
	if (flags & HMM_SVM_PTE_WRITE)
		bitmap_fill(win->give_write, HMM_SVM_BLOCK_PAGES);
	if (flags & HMM_SVM_PTE_ATOMIC)
		bitmap_fill(win->give_atomic, HMM_SVM_BLOCK_PAGES);
	win->ptes[0].order = IS_ALIGNED(addr, HMM_SVM_BLOCK_SIZE) ? HMM_SVM_BLOCK_ORDER : 0;
	for (i = 0; i < HMM_SVM_BLOCK_PAGES; i++, addr += PAGE_SIZE) {
		win->ptes[i].addr = addr;
		win->ptes[i].flags = flags;
	}
	return 0;
}

/* What was made for a window that is not mapped. */
static void undo(struct hmm_svm_window *win)
{
	if (!bitmap_empty(win->copied, HMM_SVM_BLOCK_PAGES))
		hmm_svm_copies_drop(win->block, win->copied);
	if (win->fresh_whole)
		hmm_svm_dma_unmap_whole(win->block);
	else
		hmm_svm_dma_unmap(win->block, win->fresh, win->first, win->last);
}

/* Under state, with nothing changed since the snapshot. */
static void commit(struct hmm_svm_window *win)
{
	struct hmm_svm_block *block = win->block;
	struct hmm_svm *svm = block->notifier->svm;
	DECLARE_BITMAP(known, HMM_SVM_BLOCK_PAGES);
	unsigned int i;

	lockdep_assert_held(&block->state);

	/* System memory that only gets more rights. */
	if (!win->whole && bitmap_and(known, win->give, win->mapped, HMM_SVM_BLOCK_PAGES) &&
	    bitmap_andnot(known, known, win->give_dev, HMM_SVM_BLOCK_PAGES))
		for_each_set_bit(i, known, HMM_SVM_BLOCK_PAGES)
			win->ptes[i - win->first].addr = hmm_svm_dma_addr(block, i);

	bitmap_or(block->mapped, block->mapped, win->give, HMM_SVM_BLOCK_PAGES);
	bitmap_or(block->writable, block->writable, win->give_write, HMM_SVM_BLOCK_PAGES);
	bitmap_or(block->atomic, block->atomic, win->give_atomic, HMM_SVM_BLOCK_PAGES);
	bitmap_or(block->devmem, block->devmem, win->give_dev, HMM_SVM_BLOCK_PAGES);
	bitmap_or(block->copy, block->copy, win->copied, HMM_SVM_BLOCK_PAGES);
	bitmap_or(block->groups, block->groups, win->give_groups, HMM_SVM_BLOCK_GROUPS);
	bitmap_andnot(block->lost, block->lost, win->wanted, HMM_SVM_BLOCK_PAGES);
	block->whole = block->whole || win->whole;
	svm->ops->map(svm, win->start, win->ptes, win->last - win->first);
}

static int try_commit(struct hmm_svm_window *win)
{
	struct hmm_svm_block *block = win->block;
	bool changed;

	spin_lock(&block->state);
	changed = block->gone || block->seq != win->seq;
	if (!changed)
		commit(win);
	spin_unlock(&block->state);
	return changed ? -EBUSY : 0;
}

static void count_mapped(struct hmm_svm_window *win)
{
	struct hmm_svm_counters *counters = win->block->notifier->svm->counters;

	hmm_svm_count(counters, HMM_SVM_NR_MAPPED_DEV,
		      bitmap_weight(win->give_dev, HMM_SVM_BLOCK_PAGES));
	hmm_svm_count(counters, HMM_SVM_NR_MAPPED_SYS,
		      bitmap_weight(win->fresh, HMM_SVM_BLOCK_PAGES));
	hmm_svm_count(counters, HMM_SVM_NR_COPIED,
		      bitmap_weight(win->copied, HMM_SVM_BLOCK_PAGES));
}

/**
 * hmm_svm_window_map() - Give the device what the snapshot saw
 * @win: window
 * @addr: the page that matters
 *
 * Return: 0; -EBUSY when core mm changed something since the snapshot, or an
 * error for the page at @addr.
 */
int hmm_svm_window_map(struct hmm_svm_window *win, u64 addr)
{
	struct hmm_svm_block *block = win->block;
	struct hmm_svm *svm = block->notifier->svm;
	int ret;

	lockdep_assert_held(&block->migrate);

	ret = plan(win);
	if (ret)
		return ret;
	if (win->read_mostly)
		make_copies(win);
	ret = -ENOMEM;
	if (win->whole)
		ret = fill_whole(win);
	/* No room for 2 MiB in one piece (an IOMMU's): then by pages. */
	if (ret) {
		win->whole = false;
		ret = fill_pages(win, hmm_svm_page_index(block, addr));
	}
	if (!ret)
		ret = svm->ops->prepare(svm, win->start, window_end(win));
	if (!ret)
		ret = try_commit(win);
	if (ret)
		undo(win);
	else
		count_mapped(win);
	return ret;
}
