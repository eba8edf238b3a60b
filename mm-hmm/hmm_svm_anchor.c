// SPDX-License-Identifier: GPL-2.0
/*
 * Anchors: what keeps the reverse map of pages in place while they are evicted.
 *
 * Eviction takes pages by their numbers (migrate_device_pfns()), without an address
 * space. Core mm, as of 7.3, has two defects there:
 *
 * - it walks the reverse map of each page again at the end, but holds nothing that
 *   keeps the page's anon_vma until then: exit and munmap() may have freed it;
 * - zap_huge_pmd_folio() takes the entry of a large folio on its way from the
 *   device for a mapping, and drops a reference that nobody has taken.
 *
 * Neither can happen to memory of a VMA that is there while somebody holds
 * mmap_lock. So whoever evicts a chunk holds that of its owner, and leaves alone what no
 * VMA of the owner stands for: as a rule, it is being unmapped at this moment.
 * What stays for long has but a forked child, and has to do without.
 */
#include <linux/mm.h>
#include <linux/rmap.h>
#include <linux/sched/mm.h>

#include "hmm_svm_internal.h"

/* munmap() is done with the pages of a chunk long before. */
#define HMM_SVM_ORPHAN_TIME	(HZ / 4)

/**
 * hmm_svm_owner_lock() - Keep the owner of a chunk from freeing its VMAs
 * @chunk: being evicted by the caller
 * @held: mm whose mmap_lock the caller holds already, or NULL
 *
 * Only tries, since the caller may hold other locks.
 *
 * Return: the owner, for hmm_svm_owner_unlock(); NULL: it is gone; -EBUSY: somebody
 * changes its VMAs, or it is exiting, and its memory with it.
 */
struct mm_struct *hmm_svm_owner_lock(struct hmm_svm_chunk *chunk, struct mm_struct *held)
{
	struct mm_struct *mm = chunk->counters->mm;

	if (mm == held)
		return mm;
	if (!mmget_not_zero(mm))
		return mtree_empty(&mm->mm_mt) ? NULL : ERR_PTR(-EBUSY);
	if (mmap_read_trylock(mm))
		return mm;
	mmput_async(mm);
	return ERR_PTR(-EBUSY);
}

/**
 * hmm_svm_owner_unlock() - The end of hmm_svm_owner_lock()
 * @mm: what that returned
 * @held: as there
 */
void hmm_svm_owner_unlock(struct mm_struct *mm, struct mm_struct *held)
{
	if (!mm || mm == held)
		return;
	mmap_read_unlock(mm);
	mmput_async(mm);
}

static bool keeps(const struct vm_area_struct *vma, const struct anon_vma *anon_vma)
{
	struct anon_vma_chain *avc;

	/* Set with the first link; the others come under mmap_lock for writing. */
	if (!READ_ONCE(vma->anon_vma))
		return false;
	list_for_each_entry(avc, &vma->anon_vma_chain, same_vma)
		if (avc->anon_vma == anon_vma)
			return true;
	return false;
}

static bool is_anchored(struct mm_struct *mm, u64 addr, const struct anon_vma *anon_vma)
{
	VMA_ITERATOR(vmi, mm, 0);
	struct vm_area_struct *vma = vma_lookup(mm, addr);

	if (vma && keeps(vma, anon_vma))
		return true;
	/* After mremap(), a page is not where its address says. */
	for_each_vma(vmi, vma)
		if (keeps(vma, anon_vma))
			return true;
	return false;
}

/* Freed meanwhile: NULL, or what it had last, as nobody takes pages of the chunk. */
static const struct anon_vma *anon_vma_of(unsigned long pfn)
{
	unsigned long mapping = (unsigned long)READ_ONCE(page_folio(pfn_to_page(pfn))->mapping);

	return (const struct anon_vma *)(mapping & ~(unsigned long)FOLIO_MAPPING_FLAGS);
}

static bool is_orphan(struct hmm_svm_chunk *chunk)
{
	if (!chunk->orphaned)
		chunk->orphaned = jiffies ?: 1;
	return time_after(jiffies, chunk->orphaned + HMM_SVM_ORPHAN_TIME);
}

/**
 * hmm_svm_anchored() - Which pages of a chunk may be evicted now
 * @chunk: being evicted by the caller
 * @mm: the owner, locked by hmm_svm_owner_lock()
 * @pfns: pages; those that have to stay are taken out
 * @n: their number
 *
 * Return: how many are left.
 */
unsigned int hmm_svm_anchored(struct hmm_svm_chunk *chunk, struct mm_struct *mm,
			      unsigned long *pfns, unsigned int n)
{
	const struct anon_vma *anon_vma, *last = NULL;
	unsigned long first = hmm_svm_chunk_pfn(chunk);
	unsigned int i, left = 0;
	bool good = false;
	u64 addr;

	mmap_assert_locked(mm);
	for (i = 0; i < n; i++) {
		anon_vma = anon_vma_of(pfns[i]);
		addr = chunk->start + ((u64)(pfns[i] - first) << PAGE_SHIFT);
		if (anon_vma && anon_vma != last) {
			good = is_anchored(mm, addr, anon_vma) || is_orphan(chunk);
			last = anon_vma;
		}
		if (anon_vma && good)
			pfns[left++] = pfns[i];
	}
	return left;
}
