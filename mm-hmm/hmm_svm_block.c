// SPDX-License-Identifier: GPL-2.0
/*
 * Blocks: the per-page state of HMM_SVM_BLOCK_SIZE of address space.
 *
 * Device mappings come only under both locks of a block (hmm_svm_map.c) and
 * go under its state lock alone, so whoever holds migrate sees bits vanish but
 * never appear.
 */
#include <linux/dma-mapping.h>
#include <linux/mm.h>
#include <linux/slab.h>

#include "hmm_svm_internal.h"

static struct hmm_svm_block *block_alloc(struct hmm_svm_notifier *notifier, u64 start)
{
	struct hmm_svm_block *block = kzalloc_obj(*block);

	if (!block)
		return NULL;
	block->notifier = notifier;
	block->start = start;
	kref_init(&block->ref);
	INIT_LIST_HEAD(&block->later);
	mutex_init(&block->migrate);
	spin_lock_init(&block->state);
	return block;
}

/*
 * The block of @addr, made if it does not exist; NULL without memory.
 *
 * Looked up under the xa_lock, which is what orders a fault against an
 * invalidation of the same block: see zap_blocks().
 */
struct hmm_svm_block *hmm_svm_block_get(struct hmm_svm_notifier *notifier, u64 addr)
{
	unsigned long index = addr >> HMM_SVM_BLOCK_SHIFT;
	struct hmm_svm_block *block, *old, *fresh = NULL;

	for (;;) {
		xa_lock(&notifier->blocks);
		block = xa_load(&notifier->blocks, index);
		if (block)
			kref_get(&block->ref);
		xa_unlock(&notifier->blocks);
		if (block)
			break;

		if (!fresh)
			fresh = block_alloc(notifier, addr & ~(HMM_SVM_BLOCK_SIZE - 1));
		if (!fresh)
			break;
		old = xa_cmpxchg(&notifier->blocks, index, NULL, fresh, GFP_KERNEL);
		if (xa_is_err(old))
			break;
		if (!old)
			fresh = NULL;
	}
	kfree(fresh);
	return block;
}

static void block_release(struct kref *ref)
{
	struct hmm_svm_block *block = container_of(ref, struct hmm_svm_block, ref);

	hmm_svm_chunk_detach(block);
	mutex_destroy(&block->migrate);
	kfree(block->sys);
	kfree_rcu(block, rcu);
}

void hmm_svm_block_put(struct hmm_svm_block *block)
{
	kref_put(&block->ref, block_release);
}

/*
 * Forgets a block that has nothing mapped. A fault that is at work on it finds
 * it gone and starts again with a new one.
 */
void hmm_svm_block_remove(struct hmm_svm_block *block)
{
	struct hmm_svm_notifier *notifier = block->notifier;

	spin_lock(&block->state);
	block->gone = true;
	spin_unlock(&block->state);
	if (xa_cmpxchg(&notifier->blocks, block->start >> HMM_SVM_BLOCK_SHIFT, block, NULL,
		       GFP_NOWAIT) == block)
		hmm_svm_block_put(block);
}

/* For hmm_svm_window_snapshot(): what the commit compares with. */
unsigned long hmm_svm_block_seq(struct hmm_svm_block *block)
{
	unsigned long seq;

	spin_lock(&block->state);
	seq = block->seq;
	spin_unlock(&block->state);
	return seq;
}

/*
 * Takes the device's entries for [@start, @end) away and adds what must be
 * flushed to @zapped. That includes what somebody else took away whose flush
 * is not known to be complete: until then, core mm may not go on for us either.
 *
 * Callable wherever notifiers are. Return: block->seq of this zap.
 */
unsigned long hmm_svm_block_zap(struct hmm_svm_block *block, u64 start, u64 end,
				struct hmm_svm_span *zapped)
{
	struct hmm_svm *svm = block->notifier->svm;
	unsigned int first, last, i;
	unsigned long seq;

	start = max(start, block->start);
	end = min(end, hmm_svm_block_end(block));
	first = hmm_svm_page_index(block, start);
	last = hmm_svm_page_index(block, end);

	spin_lock(&block->state);
	seq = ++block->seq;

	/*
	 * The device may have written to the page, and nothing but the entry
	 * that goes away now knows. The page is alive: we run first.
	 */
	for (i = find_next_and_bit(block->mapped, block->writable, last, first); i < last;
	     i = find_next_and_bit(block->mapped, block->writable, last, i + 1))
		if (!test_bit(i, block->devmem))
			folio_mark_dirty(page_folio(block->sys[i].page));

	i = find_next_bit(block->mapped, last, first);
	if (i < last) {
		svm->ops->unmap(svm, start, end);
		for (; i < last; i = find_next_bit(block->mapped, last, i + 1))
			__set_bit(i, block->stale);
		bitmap_clear(block->mapped, first, last - first);
		bitmap_clear(block->writable, first, last - first);
		bitmap_clear(block->devmem, first, last - first);
	}

	first = find_next_bit(block->stale, last, first);
	if (first < last) {
		last = find_last_bit(block->stale, last) + 1;
		zapped->start = min(zapped->start, block->start + ((u64)first << PAGE_SHIFT));
		zapped->end = max(zapped->end, block->start + ((u64)last << PAGE_SHIFT));
	}
	spin_unlock(&block->state);
	return seq;
}

static void reap_locked(struct hmm_svm_block *block, unsigned int first, unsigned int last)
{
	struct device *dev = block->notifier->svm->sdev->dev;
	struct hmm_svm_sys_page *sys;
	unsigned int i;

	lockdep_assert_held(&block->state);

	for (i = find_next_bit(block->stale, last, first); i < last;
	     i = find_next_bit(block->stale, last, i + 1)) {
		__clear_bit(i, block->stale);
		sys = block->sys ? &block->sys[i] : NULL;
		if (!sys || !sys->page)
			continue;
		dma_unmap_page_attrs(dev, sys->dma, PAGE_SIZE, DMA_BIDIRECTIONAL,
				     HMM_SVM_DMA_ATTRS);
		sys->page = NULL;
	}
}

/*
 * After the flush, the device knows nothing of the zapped pages any more. For
 * an invalidation by core mm, during which no page comes back.
 */
void hmm_svm_block_reap(struct hmm_svm_block *block, u64 start, u64 end)
{
	start = max(start, block->start);
	end = min(end, hmm_svm_block_end(block));

	spin_lock(&block->state);
	reap_locked(block, hmm_svm_page_index(block, start), hmm_svm_page_index(block, end));
	spin_unlock(&block->state);
}

/*
 * Leaves no device entry, no cached translation and no DMA mapping in
 * [@start, @end) that was there on entry. For us, without core mm's
 * invalidation around it: pages may come back, and go again, while we wait for the
 * flush. They are then left to who took them away.
 */
void hmm_svm_block_clean(struct hmm_svm_block *block, u64 start, u64 end)
{
	struct hmm_svm *svm = block->notifier->svm;
	struct hmm_svm_span zapped = HMM_SVM_EMPTY_SPAN;
	unsigned long seq;

	might_sleep();

	seq = hmm_svm_block_zap(block, start, end, &zapped);
	if (zapped.start >= zapped.end)
		return;
	svm->ops->flush_wait(svm, svm->ops->flush_post(svm, zapped.start, zapped.end), true);

	spin_lock(&block->state);
	if (block->seq == seq)
		reap_locked(block, hmm_svm_page_index(block, zapped.start),
			    hmm_svm_page_index(block, zapped.end));
	spin_unlock(&block->state);
}
