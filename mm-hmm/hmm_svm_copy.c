// SPDX-License-Identifier: GPL-2.0
/*
 * Read-only copies: the device reads a page in its own memory while the CPU
 * keeps its page (%HMM_SVM_ADVISE_READ_MOSTLY).
 *
 * A copy is right for as long as nobody writes the page. So it may be made only
 * of a page of which every write is preceded by an invalidation, and that is less
 * than "the CPU maps it read-only": core mm tells notifiers when rights are
 * taken, not when they are given.
 *
 * - Pages of files can be written by anybody who has the file.
 * - An anonymous page that belongs to one process alone (PageAnonExclusive) is
 *   made writable in place by a fault, say after mprotect() there and back, and
 *   with FOLL_FORCE (ptrace, /proc/PID/mem) it is written through a read-only mapping.
 *   Neither tells a notifier. An RDMA or O_DIRECT pin may write it, too.
 * - Of a page that is shared, by fork() or by KSM, a writer gets a page of his own, and the
 *   notifier of the one who had it mapped runs first. There is no pin that
 *   writes it: a pin for writing makes the page exclusive first, and fork()
 *   copies pinned pages rather than to share them. KSM pages stay so.
 *   What fork() shares becomes exclusive again, in place, when the others have gone;
 *   core mm finds that out by the number of references.
 *
 * So copies are made of KSM pages and of shared ones, on which we hold a reference for
 * as long as the copy is: then a write has to copy, as there is somebody else. To take that
 * reference and to see that the page is shared must be one, seen from a writer, who
 * decides under the lock of the page table. So both are done by
 * get_user_pages_remote(), which takes the reference under that lock. Huge
 * pages of hugetlbfs count mappings instead, and are left out.
 *
 * The reference is not a pin: whoever wants to move, split, or reclaim the page unmaps
 * it first, and our notifier gives the reference back before it returns. What
 * counts references before it unmaps (compaction, khugepaged) passes the page
 * over while there is a copy.
 */
#include <linux/hmm.h>
#include <linux/mm.h>
#include <linux/slab.h>

#include "hmm_svm_internal.h"

/* Pages looked up at once. */
#define HMM_SVM_COPY_BATCH	32U

/**
 * hmm_svm_copy_is_candidate() - Whether a page may be one to copy
 * @sdev: device
 * @hmm_pfn: the page in a snapshot
 *
 * Context: as for the snapshot; a quick look, that needs no reference.
 * Return: whether.
 */
bool hmm_svm_copy_is_candidate(const struct hmm_svm_device *sdev, unsigned long hmm_pfn)
{
	return (hmm_pfn & (HMM_PFN_VALID | HMM_PFN_WRITE)) == HMM_PFN_VALID &&
	       !hmm_svm_pfn_is_local(sdev, hmm_pfn & ~HMM_PFN_FLAGS) &&
	       folio_test_anon(page_folio(hmm_pfn_to_page(hmm_pfn)));
}

/* With a reference. Of what the CPU maps as one, the first page tells. */
static bool is_shared(struct page *page, unsigned long hmm_pfn)
{
	struct folio *folio = page_folio(page);

	if (page_to_pfn(page) != (hmm_pfn & ~HMM_PFN_FLAGS) || !folio_test_anon(folio) ||
	    folio_test_hugetlb(folio))
		return false;
	return folio_test_ksm(folio) ||
	       !PageAnonExclusive(hmm_pfn_to_map_order(hmm_pfn) ? &folio->page : page);
}

/*
 * Takes references to @pages of a block, where they are what @pfns (of page
 * @first on) says and are shared, and clears the rest in @pages.
 */
static void hold_pages(struct hmm_svm_block *block, unsigned long *pages,
		       const unsigned long *pfns, unsigned int first)
{
	struct mm_struct *mm = block->notifier->svm->mm;
	struct page *found[HMM_SVM_COPY_BATCH];
	unsigned int i, j, end;
	long n;

	for (i = find_first_bit(pages, HMM_SVM_BLOCK_PAGES); i < HMM_SVM_BLOCK_PAGES;
	     i = find_next_bit(pages, HMM_SVM_BLOCK_PAGES, end)) {
		end = find_next_zero_bit(pages, min(i + HMM_SVM_COPY_BATCH,
						    (unsigned int)HMM_SVM_BLOCK_PAGES), i);
		n = get_user_pages_remote(mm, block->start + ((u64)i << PAGE_SHIFT), end - i,
					  FOLL_NOFAULT, found, NULL);
		for (j = 0; j < end - i; j++) {
			if (j < max(n, 0L) && is_shared(found[j], pfns[i + j - first])) {
				block->dma.pfn_list[i + j] = page_to_pfn(found[j]) | HMM_PFN_VALID;
				continue;
			}
			if (j < max(n, 0L))
				put_page(found[j]);
			__clear_bit(i + j, pages);
		}
	}
}

static void put_held(struct hmm_svm_block *block, const unsigned long *pages)
{
	unsigned int i;

	for_each_set_bit(i, pages, HMM_SVM_BLOCK_PAGES)
		put_page(hmm_pfn_to_page(block->dma.pfn_list[i]));
}

/**
 * hmm_svm_copies_drop() - The device has no entry for copies any more
 * @block: block
 * @pages: which pages
 *
 * Context: any in which a spinlock may be taken, irqs on; for pages that are
 * or were mapped, under state.
 */
void hmm_svm_copies_drop(struct hmm_svm_block *block, const unsigned long *pages)
{
	hmm_svm_chunk_release(block->chunk, pages);
	put_held(block, pages);
}

/* With the pages held: DMA mappings for the time of the copy alone. */
static int copy_held(struct hmm_svm_block *block, struct hmm_svm_chunk *chunk,
		     const unsigned long *pages, struct hmm_svm_extent *extents)
{
	struct hmm_svm_device *sdev = chunk->sdev;
	u64 base = (u64)(hmm_svm_chunk_pfn(chunk) - sdev->first_pfn) << PAGE_SHIFT;
	DECLARE_BITMAP(done, HMM_SVM_BLOCK_PAGES) = {};
	unsigned int i, n = 0;
	unsigned long pfn;
	dma_addr_t dma;
	int ret = 0;

	for_each_set_bit(i, pages, HMM_SVM_BLOCK_PAGES) {
		pfn = block->dma.pfn_list[i] & ~HMM_PFN_FLAGS;
		ret = hmm_svm_dma_map(block, i, pfn, &dma);
		if (ret)
			break;
		__set_bit(i, done);
		extents[n++] = (struct hmm_svm_extent) {
			.dst = base + ((u64)i << PAGE_SHIFT),
			.src = dma,
			.size = PAGE_SIZE,
			.flags = HMM_SVM_EXTENT_DST_DEV,
		};
	}
	if (!ret)
		ret = hmm_svm_copy_to_dev(sdev, extents, n);
	hmm_svm_dma_unmap(block, done, 0, HMM_SVM_BLOCK_PAGES);
	return ret;
}

static void copy_into(struct hmm_svm_block *block, struct hmm_svm_chunk *chunk,
		      unsigned long *pages, struct hmm_svm_extent *extents)
{
	DECLARE_BITMAP(taken, HMM_SVM_BLOCK_PAGES);

	/* Page i of the chunk, where it is free. */
	bitmap_copy(taken, pages, HMM_SVM_BLOCK_PAGES);
	hmm_svm_chunk_reserve(chunk, taken);
	bitmap_andnot(pages, pages, taken, HMM_SVM_BLOCK_PAGES);
	put_held(block, pages);
	bitmap_copy(pages, taken, HMM_SVM_BLOCK_PAGES);

	if (!bitmap_empty(pages, HMM_SVM_BLOCK_PAGES) &&
	    copy_held(block, chunk, pages, extents)) {
		hmm_svm_copies_drop(block, pages);
		bitmap_zero(pages, HMM_SVM_BLOCK_PAGES);
	}
}

/**
 * hmm_svm_copies_make() - Copy pages to device memory
 * @block: block
 * @pages: candidates, neither mapped nor stale; returns those that were copied
 * @pfns: the snapshot, from page @first on
 * @first: page of the block
 *
 * Copies that do not get mapped are to be given to hmm_svm_copies_drop(). What
 * cannot be copied can be mapped in place.
 *
 * Context: with mmap_lock and the block's migrate held.
 * Return: offset into device memory of what would be page 0.
 */
u64 hmm_svm_copies_make(struct hmm_svm_block *block, unsigned long *pages,
			const unsigned long *pfns, unsigned int first)
{
	struct hmm_svm_device *sdev = block->notifier->svm->sdev;
	struct hmm_svm_extent *extents;
	struct hmm_svm_chunk *chunk;
	u64 base = 0;

	lockdep_assert_held(&block->migrate);

	extents = kvmalloc_objs(*extents, bitmap_weight(pages, HMM_SVM_BLOCK_PAGES));
	if (!extents || hmm_svm_dma_prepare(block))
		goto none;
	/* First, as it may evict: that must not wait for what we hold. */
	chunk = hmm_svm_chunk_pin(block, NULL);
	if (!chunk)
		goto none;
	base = (u64)(hmm_svm_chunk_pfn(chunk) - sdev->first_pfn) << PAGE_SHIFT;
	hold_pages(block, pages, pfns, first);
	copy_into(block, chunk, pages, extents);
	hmm_svm_chunk_unpin(chunk);
	kvfree(extents);
	return base;

none:
	bitmap_zero(pages, HMM_SVM_BLOCK_PAGES);
	kvfree(extents);
	return 0;
}
