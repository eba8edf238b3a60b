// SPDX-License-Identifier: GPL-2.0
/*
 * Anchors: what keeps the reverse map of pages in place while they are evicted.
 *
 * Eviction takes pages by their numbers (migrate_device_pfns()), without an address
 * space. Core mm, as of 7.3, has a defect there: it walks the reverse map of each page
 * again at the end, but holds nothing that keeps the page's anon_vma until then:
 * exit and munmap() may have freed it. That can't happen to memory of a VMA that
 * is there while somebody holds mmap_lock. So whoever evicts a chunk holds that of
 * its owner. For strays, pages for which no VMA of the owner stands, as
 * only a forked child has them, the reverse map tells of a process that has them.
 */
#include <linux/mm.h>
#include <linux/rmap.h>
#include <linux/sched/mm.h>

#include "hmm_svm_internal.h"

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
			good = is_anchored(mm, addr, anon_vma);
			last = anon_vma;
		}
		if (anon_vma && good)
			pfns[left++] = pfns[i];
	}
	return left;
}

/*
 * The VMAs that may map the page, one by one: the nodes of an interval tree, which
 * are few, taken as those of a plain one. Return: a process with such a VMA, for mmput_async();
 * or NULL: there is none any more.
 */
static struct mm_struct *find_process(struct anon_vma *anon_vma, unsigned long pgoff, u64 *addr)
{
	struct anon_vma_chain *avc;
	struct vm_area_struct *vma;
	struct rb_node *node;

	for (node = rb_first_cached(&anon_vma->rb_root); node; node = rb_next(node)) {
		avc = rb_entry(node, struct anon_vma_chain, rb);
		vma = avc->vma;
		if (pgoff < vma->vm_pgoff || pgoff >= vma->vm_pgoff + vma_pages(vma))
			continue;
		*addr = vma->vm_start + ((u64)(pgoff - vma->vm_pgoff) << PAGE_SHIFT);
		if (mmget_not_zero(vma->vm_mm))
			return vma->vm_mm;
	}
	return NULL;
}

/*
 * As folio_lock_anon_vma_read(), but only tries: an anon_vma that is freed may be
 * a new one at once, but it stays one for as long as we are in RCU; and while the folio is
 * mapped and names it, and we have the lock, it stays the folio's.
 */
static struct anon_vma *try_lock_anon_vma(const struct folio *folio)
{
	struct anon_vma *anon_vma = NULL, *root;
	unsigned long mapping;

	rcu_read_lock();
	mapping = (unsigned long)READ_ONCE(folio->mapping);
	if ((mapping & FOLIO_MAPPING_FLAGS) != FOLIO_MAPPING_ANON || !folio_mapped(folio))
		goto out;
	anon_vma = (struct anon_vma *)(mapping - FOLIO_MAPPING_ANON);
	root = READ_ONCE(anon_vma->root);
	if (!down_read_trylock(&root->rwsem)) {
		anon_vma = NULL;
	} else if (!folio_mapped(folio) || READ_ONCE(anon_vma->root) != root ||
		   (unsigned long)READ_ONCE(folio->mapping) != mapping) {
		up_read(&root->rwsem);
		anon_vma = NULL;
	}
out:
	rcu_read_unlock();
	return anon_vma;
}

/**
 * hmm_svm_stray_lock() - Find a process that has a page, and keep it from freeing its VMAs
 * @page: in a chunk that the caller evicts
 * @held: mm whose mmap_lock the caller holds already, or NULL
 * @addr: returns where the process has it, unless it has changed that meanwhile
 *
 * Only tries, since the caller may hold other locks.
 *
 * Return: the process, for hmm_svm_owner_unlock(); or NULL: nobody has it, or a lock that
 * is needed is taken.
 */
struct mm_struct *hmm_svm_stray_lock(struct page *page, struct mm_struct *held, u64 *addr)
{
	struct folio *folio = page_folio(page);
	struct anon_vma *anon_vma = try_lock_anon_vma(folio);
	struct mm_struct *mm;

	if (!anon_vma)
		return NULL;
	mm = find_process(anon_vma, folio->index + folio_page_idx(folio, page), addr);
	up_read(&anon_vma->root->rwsem);
	if (!mm || (mm != held && mmap_read_trylock(mm)))
		return mm;
	mmput_async(mm);
	return mm == held ? mm : NULL;
}
