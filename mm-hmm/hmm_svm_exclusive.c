// SPDX-License-Identifier: GPL-2.0
/*
 * Exclusive pages: atomics on system memory by a device whose atomics are none
 * for the CPU.
 *
 * make_device_exclusive() takes an anonymous page out of the CPU's page table
 * and leaves an entry that any access of the CPU turns back, after an
 * invalidation that takes the page away from the device. So the device gets the
 * right to do atomics while nobody else gets at the page, which stays where it is.
 * To hmm_range_fault() such a page is not there.
 *
 * Collisions. make_device_exclusive() ends with an invalidation of its own, of
 * which it tells the owner that we give it: our mirror. Before that one it may
 * fault, and cause others: it brings the page back if it is exclusive already. So
 * what counts is what happens after it, and hmm_svm_block.seq is read by our
 * notifier then (hmm_svm_exclusive_begins()), not before as for a window. A later
 * invalidation makes it differ. One that began earlier and has not ended may
 * still be about to change the page; then the notifier's sequence number is that of
 * the present period of invalidations, which is what mmu_interval_read_begin()
 * would wait for. That wait is not possible here: the folio is locked, and
 * core mm locks folios during invalidations (UFFDIO_MOVE). So the fault starts again.
 *
 * The folio lock keeps the CPU's accesses out until the device has its entry.
 */
#include <linux/mm.h>
#include <linux/pagemap.h>

#include "hmm_svm_internal.h"

/*
 * From the notifier, in the context of hmm_svm_make_exclusive(): its page is about to
 * become exclusive. @seq is that of the zap which was part of it; @busy:
 * another invalidation may be on its way.
 */
void hmm_svm_exclusive_begins(struct hmm_svm_block *block, unsigned long seq, bool busy)
{
	lockdep_assert_held(&block->migrate);

	block->exclusive_seq = seq;
	block->exclusive_busy = busy;
}

/* Under state. */
static bool is_undisturbed(const struct hmm_svm_block *block, unsigned int i)
{
	lockdep_assert_held(&block->state);

	return !block->gone && !block->exclusive_busy && block->seq == block->exclusive_seq &&
	       !test_bit(i, block->stale) && !block->whole;
}

/* With the folio locked. Return: 0, -EBUSY, or why the page cannot be mapped. */
static int map_exclusive(struct hmm_svm_block *block, unsigned int i, struct page *page)
{
	struct hmm_svm *svm = block->notifier->svm;
	struct hmm_svm_pte pte = {
		.flags = HMM_SVM_PTE_READ | HMM_SVM_PTE_WRITE | HMM_SVM_PTE_ATOMIC,
	};
	bool undisturbed;
	dma_addr_t dma;
	int ret;

	spin_lock(&block->state);
	undisturbed = is_undisturbed(block, i);
	spin_unlock(&block->state);
	if (!undisturbed)
		return -EBUSY;

	/* Neither mapped nor stale: entry i of the DMA map is ours. */
	ret = hmm_svm_dma_map(block, i, page_to_pfn(page), &dma);
	if (ret)
		return ret;
	pte.addr = dma;

	spin_lock(&block->state);
	undisturbed = is_undisturbed(block, i);
	if (undisturbed) {
		__set_bit(i, block->mapped);
		__set_bit(i, block->writable);
		__set_bit(i, block->atomic);
		svm->ops->map(svm, block->start + ((u64)i << PAGE_SHIFT), &pte, 1);
	} else {
		hmm_svm_dma_unmap_page(block, i);
	}
	spin_unlock(&block->state);
	return undisturbed ? 0 : -EBUSY;
}

/**
 * hmm_svm_make_exclusive() - Give the device a page for its atomics
 * @win: window with the page in it; its snapshot is void afterwards
 * @addr: page; of system memory that the CPU may write, by the snapshot
 *
 * Context: with mmap_lock (read) and the block's migrate held.
 * Return: 0; -EBUSY: something has changed, look again; -EOPNOTSUPP: core mm can do that
 * for anonymous memory only; -EINTR; -ENOMEM; -EFAULT.
 */
int hmm_svm_make_exclusive(struct hmm_svm_window *win, u64 addr)
{
	struct hmm_svm_block *block = hmm_svm_window_block(win);
	struct hmm_svm *svm = block->notifier->svm;
	struct folio *folio;
	struct page *page;
	int ret;

	mmap_assert_locked(svm->mm);
	lockdep_assert_held(&block->migrate);

	/* All memory first: none is to be waited for with the folio locked. */
	ret = hmm_svm_dma_prepare(block);
	if (!ret)
		ret = svm->ops->prepare(svm, addr, addr + PAGE_SIZE);
	if (ret)
		return ret;

	page = hmm_svm_exclusive_page(svm->mm, addr, svm, &folio);
	if (IS_ERR(page))
		return PTR_ERR(page);
	ret = map_exclusive(block, hmm_svm_page_index(block, addr), page);
	folio_unlock(folio);
	folio_put(folio);

	if (!ret)
		hmm_svm_count(svm->counters, HMM_SVM_NR_EXCLUSIVE, 1);
	return ret;
}
