// SPDX-License-Identifier: GPL-2.0
/*
 * Windows: what of a part of a block the CPU has mapped, and how it gets into
 * the device's page table.
 *
 * A window is filled by hmm_svm_window_snapshot(), which faults nothing in, and
 * committed by hmm_svm_window_map(), which finds out whether core mm changed
 * anything in between.
 */
#include <linux/dma-mapping.h>
#include <linux/hmm.h>
#include <linux/mm.h>
#include <linux/slab.h>

#include "hmm_svm_internal.h"

/**
 * struct hmm_svm_window - a part of a block on its way to the device
 * @block: which the caller holds migrate of
 * @start: first address
 * @npages: size
 * @seq: hmm_svm_block.seq before the snapshot
 * @pfns: the snapshot, as of hmm_range_fault()
 * @ptes: what the driver is to map
 * @fresh: pages of system memory that were DMA-mapped for this window
 */
struct hmm_svm_window {
	struct hmm_svm_block *block;
	u64 start;
	unsigned int npages;
	unsigned long seq;
	unsigned long *pfns;
	struct hmm_svm_pte *ptes;
	DECLARE_BITMAP(fresh, HMM_SVM_BLOCK_PAGES);
};

struct hmm_svm_window *hmm_svm_window_alloc(struct hmm_svm_block *block,
					    const struct hmm_svm_span *span)
{
	unsigned int npages = (span->end - span->start) >> PAGE_SHIFT;
	struct hmm_svm_window *win;

	win = kvzalloc(sizeof(*win) + npages * (sizeof(*win->ptes) + sizeof(*win->pfns)),
		       GFP_KERNEL);
	if (!win)
		return NULL;
	win->block = block;
	win->start = span->start;
	win->npages = npages;
	win->ptes = (void *)(win + 1);
	win->pfns = (void *)(win->ptes + npages);
	return win;
}

void hmm_svm_window_free(struct hmm_svm_window *win)
{
	kvfree(win);
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
		.end = win->start + ((u64)win->npages << PAGE_SHIFT),
		.hmm_pfns = win->pfns,
		.dev_private_owner = notifier->svm->sdev,
	};

	lockdep_assert_held(&win->block->migrate);

	/* In this order: see zap_blocks(). */
	win->seq = hmm_svm_block_seq(win->block);
	range.notifier_seq = mmu_interval_read_begin(range.notifier);
	return hmm_range_fault(&range);
}

/* Whether the CPU has what the device wants, so that it can be mapped. */
bool hmm_svm_window_allows(const struct hmm_svm_window *win, u64 addr, bool write)
{
	unsigned long need = write ? HMM_PFN_VALID | HMM_PFN_WRITE : HMM_PFN_VALID;

	return (pfn_at(win, addr) & need) == need;
}

bool hmm_svm_window_in_devmem(const struct hmm_svm_window *win, u64 addr)
{
	unsigned long pfn = pfn_at(win, addr);

	return (pfn & HMM_PFN_VALID) && is_device_private_page(hmm_pfn_to_page(pfn));
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

	return (pfn & HMM_PFN_VALID) &&
	       hmm_pfn_to_map_order(pfn) >= HMM_SVM_BLOCK_SHIFT - PAGE_SHIFT;
}

static int need_sys_pages(struct hmm_svm_block *block)
{
	struct hmm_svm_sys_page *sys;

	lockdep_assert_held(&block->migrate);

	if (block->sys)
		return 0;
	/* Not kvcalloc(): a notifier may free it under RCU. */
	sys = kcalloc(HMM_SVM_BLOCK_PAGES, sizeof(*sys), GFP_KERNEL);
	if (!sys)
		return -ENOMEM;
	spin_lock(&block->state);
	block->sys = sys;
	spin_unlock(&block->state);
	return 0;
}

static int map_sys_page(struct hmm_svm_window *win, unsigned int i, struct page *page)
{
	struct device *dev = win->block->notifier->svm->sdev->dev;
	dma_addr_t dma;

	/* Memory of another device: no bus address that suits ours is known. */
	if (is_pci_p2pdma_page(page))
		return -EFAULT;
	if (need_sys_pages(win->block))
		return -ENOMEM;

	dma = dma_map_page_attrs(dev, page, 0, PAGE_SIZE, DMA_BIDIRECTIONAL, HMM_SVM_DMA_ATTRS);
	if (dma_mapping_error(dev, dma))
		return -ENOMEM;
	win->ptes[i].addr = dma;
	__set_bit(i, win->fresh);
	return 0;
}

/* Decides what to map of page @i, which may be nothing. */
static int fill_pte(struct hmm_svm_window *win, unsigned int i)
{
	struct hmm_svm_block *block = win->block;
	unsigned int bit = hmm_svm_page_index(block, win->start) + i;
	bool write = win->pfns[i] & HMM_PFN_WRITE;
	struct hmm_svm_pte *pte = &win->ptes[i];
	struct page *page;
	bool mapped;
	int ret;

	pte->flags = 0;
	if (!(win->pfns[i] & HMM_PFN_VALID))
		return 0;

	/* Bits may vanish now; the commit then fails. */
	mapped = test_bit(bit, block->mapped);
	if (mapped && (!write || test_bit(bit, block->writable)))
		return 0;

	page = hmm_pfn_to_page(win->pfns[i]);
	if (is_device_private_page(page)) {
		pte->addr = hmm_svm_page_offset(block->notifier->svm->sdev, page);
		pte->flags = HMM_SVM_PTE_DEVMEM;
	} else if (mapped) {
		pte->addr = block->sys[bit].dma;
	} else {
		ret = map_sys_page(win, i, page);
		if (ret)
			return ret;
	}
	pte->flags |= HMM_SVM_PTE_READ;
	if (write)
		pte->flags |= HMM_SVM_PTE_WRITE | HMM_SVM_PTE_ATOMIC;
	return 0;
}

static void unmap_fresh(struct hmm_svm_window *win)
{
	struct device *dev = win->block->notifier->svm->sdev->dev;
	unsigned int i;

	for_each_set_bit(i, win->fresh, win->npages)
		dma_unmap_page_attrs(dev, win->ptes[i].addr, PAGE_SIZE, DMA_BIDIRECTIONAL,
				     HMM_SVM_DMA_ATTRS);
	bitmap_zero(win->fresh, win->npages);
}

/* Only the page at @addr must succeed. */
static int fill_ptes(struct hmm_svm_window *win, u64 addr)
{
	unsigned int must = (addr - win->start) >> PAGE_SHIFT;
	unsigned int i;
	int ret;

	for (i = 0; i < win->npages; i++) {
		ret = fill_pte(win, i);
		if (ret && i == must) {
			unmap_fresh(win);
			return ret;
		}
	}
	return 0;
}

static void count_mapped(struct hmm_svm_window *win)
{
	struct hmm_svm_counters *counters = win->block->notifier->svm->counters;
	unsigned int i, nr_dev = 0;

	for (i = 0; i < win->npages; i++)
		nr_dev += !!(win->ptes[i].flags & HMM_SVM_PTE_DEVMEM);
	hmm_svm_count(counters, HMM_SVM_NR_MAPPED_DEV, nr_dev);
	hmm_svm_count(counters, HMM_SVM_NR_MAPPED_SYS, bitmap_weight(win->fresh, win->npages));
}

/* Under state, with nothing changed since the snapshot. */
static void commit(struct hmm_svm_window *win)
{
	struct hmm_svm_block *block = win->block;
	struct hmm_svm *svm = block->notifier->svm;
	unsigned int i, bit = hmm_svm_page_index(block, win->start);

	lockdep_assert_held(&block->state);

	for (i = 0; i < win->npages; i++, bit++) {
		const struct hmm_svm_pte *pte = &win->ptes[i];

		if (!pte->flags)
			continue;
		__set_bit(bit, block->mapped);
		__assign_bit(bit, block->writable, pte->flags & HMM_SVM_PTE_WRITE);
		__assign_bit(bit, block->devmem, pte->flags & HMM_SVM_PTE_DEVMEM);
		if (test_bit(i, win->fresh)) {
			block->sys[bit].dma = pte->addr;
			block->sys[bit].page = hmm_pfn_to_page(win->pfns[i]);
		}
	}
	svm->ops->map(svm, win->start, win->ptes, win->npages);
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
	unsigned int first = hmm_svm_page_index(block, win->start);
	u64 end = win->start + ((u64)win->npages << PAGE_SHIFT);
	bool changed, stale;
	int ret;

	lockdep_assert_held(&block->migrate);

	ret = fill_ptes(win, addr);
	if (ret)
		return ret;
	ret = svm->ops->prepare(svm, win->start, end);
	if (ret) {
		unmap_fresh(win);
		return ret;
	}

	spin_lock(&block->state);
	changed = block->gone || block->seq != win->seq;
	stale = find_next_bit(block->stale, first + win->npages, first) < first + win->npages;
	if (!changed && !stale)
		commit(win);
	spin_unlock(&block->state);

	if (!changed && !stale) {
		count_mapped(win);
		return 0;
	}
	unmap_fresh(win);
	/* A reclaimer that could not wait left its flush to us. */
	if (stale)
		hmm_svm_block_clean(block, win->start, end);
	return -EBUSY;
}
