// SPDX-License-Identifier: GPL-2.0
/*
 * Blocks: the per-page state of HMM_SVM_BLOCK_SIZE of address space.
 *
 * Device mappings come only under both locks of a block (hmm_svm_map.c) and
 * go under its state lock alone, so whoever holds migrate sees bits vanish but
 * never appear.
 */
#include <linux/mm.h>
#include <linux/slab.h>

#include "hmm_svm_internal.h"

static struct hmm_svm_block *block_alloc(struct hmm_svm_notifier *notifier, u64 start)
{
	struct hmm_svm_block *block = kzalloc_obj(*block, GFP_KERNEL_ACCOUNT);

	if (!block)
		return NULL;
	block->notifier = notifier;
	block->start = start;
	/* A zap may be under way that could not count: see hmm_svm_whole.c. */
	block->zaps = 1;
	kref_init(&block->ref);
	INIT_LIST_HEAD(&block->later);
	mutex_init(&block->migrate);
	spin_lock_init(&block->state);
	hmm_svm_lockdep_block(block);
	return block;
}

static struct hmm_svm_block *block_look(struct hmm_svm *svm, u64 addr)
{
	struct hmm_svm_notifier *notifier;

	/* Notifiers go with the mirror alone. */
	notifier = xa_load(&svm->notifiers, addr >> HMM_SVM_NOTIFIER_SHIFT);
	return notifier ? xa_load(&notifier->blocks, hmm_svm_block_index(notifier, addr)) : NULL;
}

/* Whether there is a block for @addr; a look that may be old when it returns. */
bool hmm_svm_block_exists(struct hmm_svm *svm, u64 addr)
{
	return block_look(svm, addr);
}

/*
 * Whether all of the block of @addr is mapped, or with @but_holes all that there is of it; the
 * same, without its locks.
 */
bool hmm_svm_block_is_full(struct hmm_svm *svm, u64 addr, bool but_holes)
{
	DECLARE_BITMAP(known, HMM_SVM_BLOCK_PAGES);
	struct hmm_svm_block *block;
	bool ret = false;

	rcu_read_lock();
	block = block_look(svm, addr);
	if (block && !bitmap_empty(block->mapped, HMM_SVM_BLOCK_PAGES)) {
		bitmap_copy(known, block->mapped, HMM_SVM_BLOCK_PAGES);
		if (but_holes)
			bitmap_or(known, known, block->empty, HMM_SVM_BLOCK_PAGES);
		ret = bitmap_full(known, HMM_SVM_BLOCK_PAGES);
	}
	rcu_read_unlock();
	return ret;
}

static void block_release(struct kref *ref)
{
	struct hmm_svm_block *block = container_of(ref, struct hmm_svm_block, ref);

	hmm_svm_chunk_detach(block);
	mutex_destroy(&block->migrate);
	hmm_svm_dma_free(block);
	kfree_rcu(block, rcu);
}

void hmm_svm_block_put(struct hmm_svm_block *block)
{
	kref_put(&block->ref, block_release);
}

/* Gives up the xarray's reference to a block that is gone, if nobody else is faster. */
static void block_erase(struct hmm_svm_block *block)
{
	unsigned long index = hmm_svm_block_index(block->notifier, block->start);

	if (xa_cmpxchg(&block->notifier->blocks, index, block, NULL, GFP_NOWAIT) == block)
		hmm_svm_block_put(block);
}

/* The mirror ends: the block has nothing mapped, and never will. */
void hmm_svm_block_remove(struct hmm_svm_block *block)
{
	spin_lock(&block->state);
	block->gone = true;
	spin_unlock(&block->state);
	block_erase(block);
}

/* Gives up a reference to a block that is gone, and the xarray's. */
void hmm_svm_block_forget(struct hmm_svm_block *block)
{
	block_erase(block);
	hmm_svm_block_put(block);
}

/*
 * The block of @addr, made if it does not exist or is gone; NULL without memory.
 *
 * Looked up under the xa_lock, which is what orders a fault against an
 * invalidation of the same block: see zap_blocks().
 */
struct hmm_svm_block *hmm_svm_block_get(struct hmm_svm_notifier *notifier, u64 addr)
{
	unsigned long index = hmm_svm_block_index(notifier, addr);
	struct hmm_svm_block *block, *old, *fresh = NULL;
	bool gone = false;

	for (;;) {
		xa_lock(&notifier->blocks);
		block = xa_load(&notifier->blocks, index);
		if (block) {
			kref_get(&block->ref);
			gone = READ_ONCE(block->gone);
		}
		xa_unlock(&notifier->blocks);
		if (block && !gone)
			break;
		if (block) {
			hmm_svm_block_forget(block);
			continue;
		}

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

/* The block of @addr, with a reference; NULL: there is none. */
struct hmm_svm_block *hmm_svm_block_find(struct hmm_svm_notifier *notifier, u64 addr)
{
	struct hmm_svm_block *block;

	rcu_read_lock();
	block = xa_load(&notifier->blocks, hmm_svm_block_index(notifier, addr));
	if (block && !kref_get_unless_zero(&block->ref))
		block = NULL;
	rcu_read_unlock();
	return block;
}

/* The first block that reaches into [@start, @end), with a reference; NULL: there is none. */
struct hmm_svm_block *hmm_svm_block_next(struct hmm_svm *svm, u64 start, u64 end)
{
	unsigned long i = start >> HMM_SVM_NOTIFIER_SHIFT, j;
	unsigned long last = (end - 1) >> HMM_SVM_NOTIFIER_SHIFT;
	struct hmm_svm_notifier *notifier;
	struct hmm_svm_block *block;

	if (start >= end)
		return NULL;
	rcu_read_lock();
	xa_for_each_range(&svm->notifiers, i, notifier, i, last) {
		j = start > notifier->start ? hmm_svm_block_index(notifier, start) : 0;
		xa_for_each_range(&notifier->blocks, j, block, j,
				  hmm_svm_block_index(notifier, end - 1))
			if (!READ_ONCE(block->gone) && kref_get_unless_zero(&block->ref))
				goto out;
	}
	block = NULL;
out:
	rcu_read_unlock();
	return block;
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
 * Widens [@first, @last) by the large entries that it cuts, mapped or not yet
 * flushed: a driver never gets a part of one.
 */
static void widen(const struct hmm_svm_block *block, unsigned int *first, unsigned int *last)
{
	if (block->whole) {
		*first = 0;
		*last = HMM_SVM_BLOCK_PAGES;
		return;
	}
	if (test_bit(*first / HMM_SVM_GROUP_PAGES, block->groups))
		*first = round_down(*first, HMM_SVM_GROUP_PAGES);
	if (test_bit((*last - 1) / HMM_SVM_GROUP_PAGES, block->groups))
		*last = round_up(*last, HMM_SVM_GROUP_PAGES);
}

/*
 * Adds to @span, which is to be looked at and mapped, the large entries that it
 * touches, since they can only change as one, and what was lost of @same, where
 * the same advice holds, as part of large entries of which others are gone.
 * Returns in @wanted which pages those are.
 */
void hmm_svm_block_widen(struct hmm_svm_block *block, const struct hmm_svm_span *same,
			 struct hmm_svm_span *span, unsigned long *wanted)
{
	unsigned int same_first = hmm_svm_page_index(block, same->start);
	unsigned int same_last = hmm_svm_page_index(block, same->end);
	unsigned int first = hmm_svm_page_index(block, span->start);
	unsigned int last = hmm_svm_page_index(block, span->end);

	bitmap_zero(wanted, HMM_SVM_BLOCK_PAGES);
	bitmap_set(wanted, same_first, same_last - same_first);
	spin_lock(&block->state);
	widen(block, &first, &last);
	bitmap_and(wanted, wanted, block->lost, HMM_SVM_BLOCK_PAGES);
	spin_unlock(&block->state);

	bitmap_set(wanted, first, last - first);
	first = find_first_bit(wanted, HMM_SVM_BLOCK_PAGES);
	last = find_last_bit(wanted, HMM_SVM_BLOCK_PAGES) + 1;
	span->start = block->start + ((u64)first << PAGE_SHIFT);
	span->end = block->start + ((u64)last << PAGE_SHIFT);
}

/* Whether the device has an entry that allows it @access. */
bool hmm_svm_block_allows(struct hmm_svm_block *block, u64 addr, enum hmm_svm_access access)
{
	const unsigned long *bits = access == HMM_SVM_ATOMIC ? block->atomic :
				    access == HMM_SVM_WRITE ? block->writable : block->mapped;
	bool ret;

	spin_lock(&block->state);
	ret = test_bit(hmm_svm_page_index(block, addr), bits);
	spin_unlock(&block->state);
	return ret;
}

/*
 * The device may have written to the pages, and nothing but the entries that
 * go away now knows. The pages are alive: we run before core mm goes on.
 */
static void mark_dirty(struct hmm_svm_block *block, const unsigned long *pages)
{
	struct folio *folio, *last = NULL;
	unsigned int i;

	for_each_set_bit(i, pages, HMM_SVM_BLOCK_PAGES) {
		folio = page_folio(hmm_svm_dma_page(block, i));
		if (folio != last)
			folio_mark_dirty(folio);
		last = folio;
		if (block->whole)
			return;
	}
}

/* Of all of a block, which is what large ranges have, it takes no loop. */
static void forget_pages(unsigned long *pages, unsigned int first, unsigned int last)
{
	if (last - first == HMM_SVM_BLOCK_PAGES)
		bitmap_zero(pages, HMM_SVM_BLOCK_PAGES);
	else
		bitmap_clear(pages, first, last - first);
}

/* The same as zap_part(), for all of the block: what large ranges are unmapped by. */
static void zap_all(struct hmm_svm_block *block)
{
	struct hmm_svm *svm = block->notifier->svm;
	DECLARE_BITMAP(pages, HMM_SVM_BLOCK_PAGES);

	lockdep_assert_held(&block->state);

	/* Of a large entry, all or nothing is in device memory. */
	if (!(block->whole && test_bit(0, block->devmem)) &&
	    bitmap_andnot(pages, block->writable, block->devmem, HMM_SVM_BLOCK_PAGES))
		mark_dirty(block, pages);

	svm->ops->unmap(svm, block->start, hmm_svm_block_end(block));

	bitmap_or(block->stale, block->stale, block->mapped, HMM_SVM_BLOCK_PAGES);
	bitmap_zero(block->mapped, HMM_SVM_BLOCK_PAGES);
	bitmap_zero(block->writable, HMM_SVM_BLOCK_PAGES);
	bitmap_zero(block->atomic, HMM_SVM_BLOCK_PAGES);
	bitmap_zero(block->devmem, HMM_SVM_BLOCK_PAGES);
	bitmap_zero(block->groups, HMM_SVM_BLOCK_GROUPS);
}

/* Some of [@first, @last) is mapped, no large entry partly in it. */
static void zap_part(struct hmm_svm_block *block, unsigned int first, unsigned int last)
{
	struct hmm_svm *svm = block->notifier->svm;
	DECLARE_BITMAP(range, HMM_SVM_BLOCK_PAGES);
	DECLARE_BITMAP(pages, HMM_SVM_BLOCK_PAGES);

	lockdep_assert_held(&block->state);

	bitmap_zero(range, HMM_SVM_BLOCK_PAGES);
	bitmap_set(range, first, last - first);

	bitmap_and(pages, block->writable, range, HMM_SVM_BLOCK_PAGES);
	if (bitmap_andnot(pages, pages, block->devmem, HMM_SVM_BLOCK_PAGES))
		mark_dirty(block, pages);

	svm->ops->unmap(svm, block->start + ((u64)first << PAGE_SHIFT),
			block->start + ((u64)last << PAGE_SHIFT));

	bitmap_and(pages, block->mapped, range, HMM_SVM_BLOCK_PAGES);
	bitmap_or(block->stale, block->stale, pages, HMM_SVM_BLOCK_PAGES);
	bitmap_andnot(block->mapped, block->mapped, range, HMM_SVM_BLOCK_PAGES);
	bitmap_andnot(block->writable, block->writable, range, HMM_SVM_BLOCK_PAGES);
	bitmap_andnot(block->atomic, block->atomic, range, HMM_SVM_BLOCK_PAGES);
	bitmap_andnot(block->devmem, block->devmem, range, HMM_SVM_BLOCK_PAGES);
	bitmap_clear(block->groups, first / HMM_SVM_GROUP_PAGES,
		     DIV_ROUND_UP(last, HMM_SVM_GROUP_PAGES) - first / HMM_SVM_GROUP_PAGES);
}

/*
 * Takes the device's entries for [@start, @end) away, and for the rest of a
 * large entry of which that is a part, and adds what must be flushed to @zapped.
 * That includes what somebody else took away whose flush is not known to be
 * complete: until then, core mm may not go on for us either.
 *
 * @waits: NULL, or core mm may zap entries, too: set if it has to wait for a move first.
 *
 * Callable wherever notifiers are. Return: block->seq of this zap.
 */
unsigned long hmm_svm_block_zap(struct hmm_svm_block *block, u64 start, u64 end,
				struct hmm_svm_span *zapped, bool *waits)
{
	unsigned int from = hmm_svm_page_index(block, max(start, block->start));
	unsigned int to = hmm_svm_page_index(block, min(end, hmm_svm_block_end(block)));
	unsigned int first = from, last = to;
	unsigned long seq;

	spin_lock(&block->state);
	seq = ++block->seq;
	if (waits && hmm_svm_whole_zapped(block))
		*waits = true;
	widen(block, &first, &last);

	if (find_next_bit(block->mapped, last, first) < last) {
		if (first < from)
			bitmap_set(block->lost, first, from - first);
		if (to < last)
			bitmap_set(block->lost, to, last - to);
		if (last - first == HMM_SVM_BLOCK_PAGES)
			zap_all(block);
		else
			zap_part(block, first, last);
	}
	forget_pages(block->lost, from, to);

	first = find_next_bit(block->stale, last, first);
	if (first < last) {
		last = find_last_bit(block->stale, last) + 1;
		zapped->start = min(zapped->start, block->start + ((u64)first << PAGE_SHIFT));
		zapped->end = max(zapped->end, block->start + ((u64)last << PAGE_SHIFT));
	}
	spin_unlock(&block->state);
	return seq;
}

static void reap_copies(struct hmm_svm_block *block, unsigned int first, unsigned int last)
{
	DECLARE_BITMAP(pages, HMM_SVM_BLOCK_PAGES);

	if (bitmap_empty(block->copy, HMM_SVM_BLOCK_PAGES))
		return;
	bitmap_zero(pages, HMM_SVM_BLOCK_PAGES);
	bitmap_set(pages, first, last - first);
	bitmap_and(pages, pages, block->stale, HMM_SVM_BLOCK_PAGES);
	if (!bitmap_and(pages, pages, block->copy, HMM_SVM_BLOCK_PAGES))
		return;
	bitmap_andnot(block->copy, block->copy, pages, HMM_SVM_BLOCK_PAGES);
	hmm_svm_copies_drop(block, pages);
}

static void reap_locked(struct hmm_svm_block *block, unsigned int first, unsigned int last)
{
	lockdep_assert_held(&block->state);

	if (find_next_bit(block->stale, last, first) >= last)
		return;
	reap_copies(block, first, last);
	/* All of it is stale: widen() saw to that. */
	if (block->whole) {
		if (block->dma.pfn_list)
			hmm_svm_dma_unmap_whole(block);
		block->whole = false;
	} else if (block->dma.pfn_list) {
		hmm_svm_dma_unmap(block, block->stale, first, last);
	}
	forget_pages(block->stale, first, last);
}

/*
 * Nothing will be mapped in the block any more: a fault finds it gone and starts again with
 * a new one. The rest is for hmm_svm_block_forget(), which a worker calls, as it costs more
 * than munmap() should wait for. Return: whether the block was not gone.
 */
static bool retire_locked(struct hmm_svm_block *block)
{
	lockdep_assert_held(&block->state);

	if (block->gone || !kref_get_unless_zero(&block->ref))
		return false;
	block->gone = true;
	llist_add(&block->idle, &block->notifier->svm->idle);
	return true;
}

/*
 * After the flush, the device knows nothing of the zapped pages any more. For
 * an invalidation by core mm, during which no page comes back; and none is left in the
 * block, if all of it is @unmapped.
 *
 * Callable wherever notifiers are, under RCU. Return: whether it is new on hmm_svm.idle.
 */
bool hmm_svm_block_reap(struct hmm_svm_block *block, u64 start, u64 end, bool unmapped)
{
	bool idle = false;

	start = max(start, block->start);
	end = min(end, hmm_svm_block_end(block));

	spin_lock(&block->state);
	if (start < end)
		reap_locked(block, hmm_svm_page_index(block, start),
			    hmm_svm_page_index(block, end));
	if (unmapped)
		idle = retire_locked(block);
	spin_unlock(&block->state);
	return idle;
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

	seq = hmm_svm_block_zap(block, start, end, &zapped, NULL);
	if (zapped.start >= zapped.end)
		return;
	svm->ops->flush_wait(svm, svm->ops->flush_post(svm, zapped.start, zapped.end), true);

	spin_lock(&block->state);
	if (block->seq == seq)
		reap_locked(block, hmm_svm_page_index(block, zapped.start),
			    hmm_svm_page_index(block, zapped.end));
	spin_unlock(&block->state);
}
