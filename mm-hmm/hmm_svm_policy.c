// SPDX-License-Identifier: GPL-2.0
/*
 * Policies: where memory goes and how much of it at once. Each is a function
 * with a name; none is needed for correctness.
 */
#include <linux/jiffies.h>
#include <linux/mm.h>
#include <linux/userfaultfd_k.h>

#include "hmm_svm_internal.h"

/* The least that one fault maps or moves: 64 KiB. */
#define HMM_SVM_MIN_WINDOW	16U

/*
 * A block whose pages went to the device and back this often, each time
 * within HMM_SVM_THRASH_TIME, stays in system memory for that long.
 */
#define HMM_SVM_THRASH_TRIPS	4
#define HMM_SVM_THRASH_TIME	(HZ / 2)

/**
 * hmm_svm_vma_can_migrate() - Whether pages of a vma may live in device memory
 * @vma: vma
 *
 * Core mm migrates private anonymous memory only. Memory that the program has
 * locked, or whose faults it serves itself, is left where the program put it.
 * So is what KSM may merge: core mm loses count of a merged page that is in device
 * memory (its stable node moves there, and ksmd would read it).
 *
 * Return: whether.
 */
bool hmm_svm_vma_can_migrate(struct vm_area_struct *vma)
{
	return vma_is_anonymous(vma) &&
	       !(vma->vm_flags & (VM_SPECIAL | VM_LOCKED | VM_SHARED | VM_MERGEABLE)) &&
	       !userfaultfd_armed(vma);
}

/* Under hmm_svm_device.lock: pages of the block come to device memory. */
void hmm_svm_note_arrival(struct hmm_svm_block *block)
{
	lockdep_assert_held(&block->notifier->svm->sdev->lock);

	if (!block->left)
		return;
	if (time_after(jiffies, block->last_trip + HMM_SVM_THRASH_TIME))
		block->trips = 0;
	block->trips++;
	block->last_trip = jiffies;
	block->left = false;
}

static bool is_thrashing(struct hmm_svm_block *block)
{
	struct hmm_svm_device *sdev = block->notifier->svm->sdev;
	unsigned long flags;
	bool ret;

	spin_lock_irqsave(&sdev->lock, flags);
	ret = block->trips >= HMM_SVM_THRASH_TRIPS &&
	      time_before(jiffies, block->last_trip + HMM_SVM_THRASH_TIME);
	spin_unlock_irqrestore(&sdev->lock, flags);
	return ret;
}

/**
 * hmm_svm_policy_first_touch() - Memory moves to the device that touches it
 * @block: block with the fault
 * @vma: vma with the fault
 *
 * Unless it cannot move, or has moved to and fro too often lately.
 *
 * Return: where it belongs.
 */
enum hmm_svm_placement hmm_svm_policy_first_touch(struct hmm_svm_block *block,
						  struct vm_area_struct *vma)
{
	if (!hmm_svm_has_pages(block->notifier->svm->sdev) || !hmm_svm_vma_can_migrate(vma) ||
	    is_thrashing(block))
		return HMM_SVM_PLACE_SYSTEM;
	return HMM_SVM_PLACE_DEVICE;
}

static unsigned int weight(const unsigned long *bits, unsigned int first, unsigned int n)
{
	unsigned int i, w = 0;

	for (i = find_next_bit(bits, first + n, first); i < first + n;
	     i = find_next_bit(bits, first + n, i + 1))
		w++;
	return w;
}

/**
 * hmm_svm_policy_density() - How much around a fault to serve with it
 * @block: block with the fault
 * @vma: vma with the fault
 * @addr: faulting address
 *
 * The largest aligned power of two of pages of which more than half would be
 * mapped after the smallest window around @addr is. A block that is used
 * from end to end comes with six faults, one that is used here and there comes
 * with what is used.
 *
 * Return: the range, in @block and @vma, with @addr in it, less what is mapped
 * at its ends.
 */
struct hmm_svm_span hmm_svm_policy_density(struct hmm_svm_block *block,
					   struct vm_area_struct *vma, u64 addr)
{
	unsigned int page = hmm_svm_page_index(block, addr);
	unsigned int first = round_down(page, HMM_SVM_MIN_WINDOW);
	unsigned int n = HMM_SVM_MIN_WINDOW;
	unsigned int size, gain, last;

	lockdep_assert_held(&block->migrate);

	gain = n - weight(block->mapped, first, n);
	for (size = 2 * n; size <= HMM_SVM_BLOCK_PAGES; size *= 2) {
		unsigned int start = round_down(page, size);

		if (2 * (weight(block->mapped, start, size) + gain) > size) {
			first = start;
			n = size;
		}
	}
	/* What is there stays undisturbed. */
	for (last = first + n; first < page && test_bit(first, block->mapped); first++)
		;
	while (last > page + 1 && test_bit(last - 1, block->mapped))
		last--;
	return hmm_svm_clip_to_vma(vma, block->start + ((u64)first << PAGE_SHIFT),
				   block->start + ((u64)last << PAGE_SHIFT));
}

/**
 * hmm_svm_policy_readback() - How much around a CPU fault to move back with it
 * @chunk: chunk of the faulting page
 * @vma: vma with the fault
 * @addr: faulting address
 *
 * Twice as much with each CPU fault in a row.
 *
 * Return: the range, in @vma, with @addr in it.
 */
struct hmm_svm_span hmm_svm_policy_readback(struct hmm_svm_chunk *chunk,
					    struct vm_area_struct *vma, u64 addr)
{
	unsigned long flags;
	u64 size, start;

	spin_lock_irqsave(&chunk->sdev->lock, flags);
	chunk->cpu_window = clamp(2 * chunk->cpu_window, HMM_SVM_MIN_WINDOW,
				  (unsigned int)HMM_SVM_BLOCK_PAGES);
	size = (u64)chunk->cpu_window << PAGE_SHIFT;
	spin_unlock_irqrestore(&chunk->sdev->lock, flags);

	start = round_down(addr, size);
	return hmm_svm_clip_to_vma(vma, start, start + size);
}
