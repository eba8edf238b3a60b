// SPDX-License-Identifier: GPL-2.0
/*
 * Queries: where memory is, for tests and tools. A query looks at the CPU's
 * page table and at the device's, and changes neither.
 */
#include <linux/hmm.h>
#include <linux/jiffies.h>
#include <linux/mm.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>

#include "hmm_svm_internal.h"

/* How long a query is tried while core mm keeps changing the memory. */
#define HMM_SVM_QUERY_TIMEOUT	HZ

/* What the CPU has, in terms of HMM_SVM_PAGE_*. */
static u16 cpu_flags(const struct hmm_svm_device *sdev, unsigned long hmm_pfn)
{
	unsigned int order = min(hmm_pfn_to_map_order(hmm_pfn), 15U);
	unsigned long pfn = hmm_pfn & ~HMM_PFN_FLAGS;
	u16 flags = HMM_SVM_PAGE_READ;

	if (hmm_pfn & HMM_PFN_ERROR)
		return HMM_SVM_PAGE_ERROR;
	if (!(hmm_pfn & HMM_PFN_VALID))
		return 0;

	if (hmm_pfn & HMM_PFN_WRITE)
		flags |= HMM_SVM_PAGE_WRITE;
	if (hmm_svm_pfn_is_local(sdev, pfn))
		flags |= HMM_SVM_PAGE_LOCAL;
	else if (is_device_coherent_page(pfn_to_page(pfn)))
		flags |= HMM_SVM_PAGE_REMOTE;
	else if (is_zero_pfn(pfn))
		flags |= HMM_SVM_PAGE_ZERO;
	if (is_device_coherent_page(pfn_to_page(pfn)))
		flags |= HMM_SVM_PAGE_COHERENT;
	return flags | order << HMM_SVM_PAGE_ORDER_SHIFT;
}

static void add_device_flags(struct hmm_svm_notifier *notifier, const struct hmm_range *range,
			     u16 *pages)
{
	struct hmm_svm_block *block = xa_load(&notifier->blocks,
					      hmm_svm_block_index(notifier, range->start));
	unsigned int i, first, last;

	if (!block)
		return;
	first = hmm_svm_page_index(block, range->start);
	last = hmm_svm_page_index(block, range->end);
	spin_lock(&block->state);
	for (i = find_next_bit(block->mapped, last, first); i < last;
	     i = find_next_bit(block->mapped, last, i + 1))
		pages[i - first] |= HMM_SVM_PAGE_MAPPED |
				    (test_bit(i, block->copy) ? HMM_SVM_PAGE_COPY : 0);
	spin_unlock(&block->state);
}

/*
 * The xa_lock is what our invalidations take to announce themselves, so until
 * it is released the pages of a snapshot that still holds are alive.
 * Return: whether it did.
 */
static bool report(struct hmm_svm_notifier *notifier, const struct hmm_range *range, u16 *pages)
{
	unsigned int i, n = (range->end - range->start) >> PAGE_SHIFT;
	bool valid;

	xa_lock(&notifier->blocks);
	valid = !mmu_interval_read_retry(&notifier->mn, range->notifier_seq);
	if (valid) {
		for (i = 0; i < n; i++)
			pages[i] = cpu_flags(notifier->svm->sdev, range->hmm_pfns[i]);
		add_device_flags(notifier, range, pages);
	}
	xa_unlock(&notifier->blocks);
	return valid;
}

/* HMM tells nothing of these: to it they are memory like any other. */
static void mark_secret(struct mm_struct *mm, struct hmm_range *range)
{
	VMA_ITERATOR(vmi, mm, range->start);
	struct vm_area_struct *vma;
	u64 addr, end;

	for_each_vma_range(vmi, vma, range->end) {
		if (!hmm_svm_vma_is_secret(vma))
			continue;
		end = min_t(u64, vma->vm_end, range->end);
		for (addr = max_t(u64, vma->vm_start, range->start); addr < end; addr += PAGE_SIZE)
			range->hmm_pfns[(addr - range->start) >> PAGE_SHIFT] = HMM_PFN_ERROR;
	}
}

static int look(struct hmm_svm *svm, struct hmm_range *range)
{
	int ret;

	memset(range->hmm_pfns, 0,
	       ((range->end - range->start) >> PAGE_SHIFT) * sizeof(*range->hmm_pfns));
	range->notifier_seq = mmu_interval_read_begin(range->notifier);
	ret = mmap_read_lock_killable(svm->mm);
	if (ret)
		return ret;
	ret = hmm_svm_range_fault(range);
	if (!ret)
		mark_secret(svm->mm, range);
	mmap_read_unlock(svm->mm);
	return ret;
}

/* @range is in one block. */
static int query_block(struct hmm_svm *svm, struct hmm_range *range, u16 *pages)
{
	unsigned long deadline = jiffies + HMM_SVM_QUERY_TIMEOUT;
	struct hmm_svm_notifier *notifier;
	int ret;

	notifier = hmm_svm_notifier_get(svm, range->start);
	if (IS_ERR(notifier))
		return PTR_ERR(notifier);
	range->notifier = &notifier->mn;

	do {
		ret = look(svm, range);
		if (!ret && report(notifier, range, pages))
			return 0;
		if (ret && ret != -EBUSY)
			return ret;
		if (fatal_signal_pending(current))
			return -EINTR;
		cond_resched();
	} while (time_before(jiffies, deadline));
	return -EBUSY;
}

static int query(struct hmm_svm *svm, u64 start, u64 end, u16 *pages)
{
	struct hmm_range range = { .dev_private_owner = svm->sdev };
	int ret = 0;

	range.hmm_pfns = kmalloc_objs(*range.hmm_pfns, HMM_SVM_BLOCK_PAGES);
	if (!range.hmm_pfns)
		return -ENOMEM;

	for (; start < end && !ret; start = range.end) {
		range.start = start;
		range.end = min(round_down(start, HMM_SVM_BLOCK_SIZE) + HMM_SVM_BLOCK_SIZE, end);
		ret = query_block(svm, &range, pages);
		pages += (range.end - range.start) >> PAGE_SHIFT;
	}
	kfree(range.hmm_pfns);
	return ret;
}

int hmm_svm_query(struct hmm_svm *svm, u64 start, u64 end, u16 *pages)
{
	int ret;

	might_sleep();

	if (!PAGE_ALIGNED(start | end) || start > end || end > svm->end)
		return -EINVAL;
	if (!mmget_not_zero(svm->mm))
		return -EOWNERDEAD;
	ret = query(svm, start, end, pages);
	/* The last user's exit would call the driver's dead(). */
	mmput_async(svm->mm);
	return ret;
}
EXPORT_SYMBOL_GPL(hmm_svm_query);
