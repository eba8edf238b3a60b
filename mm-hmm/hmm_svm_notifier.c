// SPDX-License-Identifier: GPL-2.0
/*
 * Notifiers: core mm tells that it changes a range of the address space.
 *
 * One mmu_interval_notifier covers many blocks, so that munmap() and exit cost
 * what is mapped and not what could be.
 */
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/wait_bit.h>

#include "hmm_svm_internal.h"

static struct hmm_svm_span clip(const struct hmm_svm_notifier *notifier,
				const struct mmu_notifier_range *range)
{
	return (struct hmm_svm_span) {
		.start = max_t(u64, range->start, notifier->start),
		.end = min_t(u64, range->end, notifier->end),
	};
}

/* Of the first and the last block of @span, which lies in the range of the notifier. */
static unsigned long first_index(const struct hmm_svm_notifier *notifier,
				 const struct hmm_svm_span *span)
{
	return hmm_svm_block_index(notifier, span->start);
}

static unsigned long last_index(const struct hmm_svm_notifier *notifier,
				const struct hmm_svm_span *span)
{
	return hmm_svm_block_index(notifier, span->end - 1);
}

/* By hmm_svm_make_exclusive(), in whose context we are then. */
static bool is_our_exclusive(const struct hmm_svm *svm, const struct mmu_notifier_range *range)
{
	return range->event == MMU_NOTIFY_EXCLUSIVE && range->owner == svm;
}

static bool is_unmap(const struct mmu_notifier_range *range)
{
	return range->event == MMU_NOTIFY_UNMAP || range->event == MMU_NOTIFY_RELEASE;
}

/* An invalidation that waits for its flush. */
struct hmm_svm_flush {
#ifdef HMM_SVM_TWO_PASS_NOTIFIER
	struct mmu_interval_notifier_finish finish;
#endif
	struct hmm_svm_notifier *notifier;
	struct hmm_svm_span span;
	struct hmm_svm_span zapped;
	u64 ticket;
	bool waits;	/* for the move of a large folio */
	bool posted;
	bool unmapped;
};

/*
 * Zaps what the device has mapped of @flush->span and returns what must be flushed.
 *
 * Documentation/mm/hmm.rst wants mmu_interval_set_seq() and the check for a
 * collision under one lock. That would be a lock of the whole notifier around
 * each commit, so it is done per block instead: zapping counts block->seq up
 * under block->state, and a commit compares it there with what it was before
 * mmu_interval_read_begin(). For the fault on a block that exists when we walk:
 *
 * - its commit comes before our zap, then we zap what it mapped; or
 * - it read block->seq before our zap, then the commit sees another value; or
 * - it read it after our zap, then its mmu_interval_read_begin() sees the
 *   sequence that we set before and waits for the end of this invalidation.
 *
 * A block that we do not find was not in the xarray when we took its xa_lock
 * here. The fault gets it under that lock (hmm_svm_block_get()), so later, so
 * its mmu_interval_read_begin() sees our sequence, too, and waits.
 */
static struct hmm_svm_span zap_blocks(struct hmm_svm_flush *flush,
				      const struct mmu_notifier_range *range,
				      unsigned long cur_seq)
{
	struct hmm_svm_notifier *notifier = flush->notifier;
	bool exclusive = is_our_exclusive(notifier->svm, range), may_zap = hmm_svm_may_zap(range);
	const struct hmm_svm_span *span = &flush->span;
	struct hmm_svm_span zapped = HMM_SVM_EMPTY_SPAN;
	struct hmm_svm_block *block;
	unsigned long index, seq;
	bool busy;

	xa_lock(&notifier->blocks);
	busy = notifier->mn.invalidate_seq == cur_seq;
	mmu_interval_set_seq(&notifier->mn, cur_seq);
	xa_unlock(&notifier->blocks);

	rcu_read_lock();
	xa_for_each_range(&notifier->blocks, index, block, first_index(notifier, span),
			  last_index(notifier, span)) {
		seq = hmm_svm_block_zap(block, span->start, span->end, &zapped);
		if (exclusive)
			hmm_svm_exclusive_begins(block, seq, busy);
		if (may_zap && hmm_svm_whole_zapped(block))
			flush->waits = true;
	}
	rcu_read_unlock();
	return zapped;
}

/* Whether all of the block at @start is in @span. */
static bool covers(const struct hmm_svm_span *span, u64 start)
{
	return start >= span->start && start + HMM_SVM_BLOCK_SIZE <= span->end;
}

/*
 * After the flush. Blocks of which nothing is left are forgotten; no fault can
 * map anything in them before core mm ends the invalidation. @zapped, what was
 * stale before the flush, may exceed @span by parts of large entries.
 */
static void finish_blocks(struct hmm_svm_notifier *notifier, const struct hmm_svm_span *span,
			  const struct hmm_svm_span *zapped, bool unmapped, bool may_sleep)
{
	struct hmm_svm_block *block;
	unsigned long index;
	bool gone;
	u64 start;

	/* Not all in one RCU section: an IOMMU takes its time for each page. */
	xa_for_each_range(&notifier->blocks, index, block, first_index(notifier, span),
			  last_index(notifier, span)) {
		start = notifier->start + ((u64)index << HMM_SVM_BLOCK_SHIFT);
		gone = unmapped && covers(span, start);
		/* Either way there is a reference now: the xarray's, or one more. */
		block = gone ? xa_erase(&notifier->blocks, index) :
			       hmm_svm_block_find(notifier, start);
		if (!block)
			continue;
		if (zapped->start < zapped->end)
			hmm_svm_block_reap(block, zapped->start, zapped->end);
		if (gone)
			hmm_svm_block_forget(block);
		else
			hmm_svm_block_put(block);
		if (may_sleep)
			cond_resched();
	}
}

static void flush_start(struct hmm_svm_flush *flush, struct hmm_svm_notifier *notifier,
			const struct mmu_notifier_range *range, unsigned long cur_seq)
{
	struct hmm_svm *svm = notifier->svm;
	const struct hmm_svm_span *zapped = &flush->zapped;

	flush->notifier = notifier;
	flush->span = clip(notifier, range);
	flush->unmapped = is_unmap(range);
	flush->waits = false;
	flush->zapped = zap_blocks(flush, range, cur_seq);

	flush->posted = zapped->start < zapped->end;
	if (flush->posted) {
		hmm_svm_count(svm->counters, HMM_SVM_NR_INVALIDATIONS, 1);
		flush->ticket = svm->ops->flush_post(svm, zapped->start, zapped->end);
	}
}

/*
 * False when it may not sleep and the device is slow: the pages then stay
 * stale until the next fault or invalidation there flushes again. Or a large
 * folio moves, for which it may not wait either.
 */
static bool flush_finish(struct hmm_svm_flush *flush, bool may_sleep)
{
	struct hmm_svm *svm = flush->notifier->svm;

	if (flush->waits && !may_sleep)
		return false;
	if (flush->waits)
		hmm_svm_whole_wait(flush->notifier, &flush->span);
	if (flush->posted && svm->ops->flush_wait(svm, flush->ticket, may_sleep) == -EAGAIN)
		return false;
	if (flush->posted || flush->unmapped)
		finish_blocks(flush->notifier, &flush->span, &flush->zapped, flush->unmapped,
			      may_sleep);
	return true;
}

static bool hmm_svm_invalidate(struct mmu_interval_notifier *mn,
			       const struct mmu_notifier_range *range, unsigned long cur_seq)
{
	struct hmm_svm_flush flush;

	flush_start(&flush, container_of(mn, struct hmm_svm_notifier, mn), range, cur_seq);
	return flush_finish(&flush, mmu_notifier_range_blockable(range));
}

#ifdef HMM_SVM_TWO_PASS_NOTIFIER
static bool hmm_svm_invalidate_start(struct mmu_interval_notifier *mn,
				     const struct mmu_notifier_range *range,
				     unsigned long cur_seq,
				     struct mmu_interval_notifier_finish **finish)
{
	bool blockable = mmu_notifier_range_blockable(range);
	struct hmm_svm_flush flush, *later = NULL;

	flush_start(&flush, container_of(mn, struct hmm_svm_notifier, mn), range, cur_seq);

	/* The second pass cannot report that it would have to sleep. */
	if ((flush.posted || flush.waits) && blockable)
		later = kmalloc_obj(*later, GFP_NOWAIT | __GFP_NOWARN);
	if (!later)
		return flush_finish(&flush, blockable);

	*later = flush;
	*finish = &later->finish;
	return true;
}

static void hmm_svm_invalidate_finish(struct mmu_interval_notifier_finish *finish)
{
	struct hmm_svm_flush *flush = container_of(finish, struct hmm_svm_flush, finish);

	flush_finish(flush, true);
	kfree(flush);
}
#endif

static const struct mmu_interval_notifier_ops hmm_svm_notifier_ops = {
	.invalidate = hmm_svm_invalidate,
#ifdef HMM_SVM_TWO_PASS_NOTIFIER
	.invalidate_start = hmm_svm_invalidate_start,
	.invalidate_finish = hmm_svm_invalidate_finish,
#endif
};

static struct hmm_svm_notifier *notifier_create(struct hmm_svm *svm, u64 addr)
{
	struct hmm_svm_notifier *notifier;
	int err;

	notifier = kzalloc_obj(*notifier, GFP_KERNEL_ACCOUNT);
	if (!notifier)
		return ERR_PTR(-ENOMEM);
	notifier->svm = svm;
	notifier->start = addr & ~(HMM_SVM_NOTIFIER_SIZE - 1);
	notifier->end = notifier->start + HMM_SVM_NOTIFIER_SIZE;
	xa_init(&notifier->blocks);
	hmm_svm_lockdep_notifier(notifier);

	/* Room first: once inserted, a notifier goes only with the mirror. */
	err = xa_reserve(&svm->notifiers, addr >> HMM_SVM_NOTIFIER_SHIFT, GFP_KERNEL);
	if (err)
		goto err_free;
	err = mmu_interval_notifier_insert(&notifier->mn, svm->mm, notifier->start,
					   HMM_SVM_NOTIFIER_SIZE, &hmm_svm_notifier_ops);
	if (err)
		goto err_release;
	xa_store(&svm->notifiers, addr >> HMM_SVM_NOTIFIER_SHIFT, notifier, GFP_KERNEL);
	return notifier;

err_release:
	xa_release(&svm->notifiers, addr >> HMM_SVM_NOTIFIER_SHIFT);
err_free:
	kfree(notifier);
	return ERR_PTR(err);
}

/*
 * The notifier that covers @addr, made if it does not exist. Called with a
 * reference to the mm's users and without mmap_lock.
 */
struct hmm_svm_notifier *hmm_svm_notifier_get(struct hmm_svm *svm, u64 addr)
{
	struct hmm_svm_notifier *notifier;

	might_lock(&svm->mm->mmap_lock);

	notifier = xa_load(&svm->notifiers, addr >> HMM_SVM_NOTIFIER_SHIFT);
	if (notifier)
		return notifier;

	mutex_lock(&svm->notifiers_lock);
	notifier = xa_load(&svm->notifiers, addr >> HMM_SVM_NOTIFIER_SHIFT);
	if (!notifier)
		notifier = notifier_create(svm, addr);
	mutex_unlock(&svm->notifiers_lock);
	return notifier;
}

static void clean_blocks(struct hmm_svm_notifier *notifier)
{
	struct hmm_svm_block *block;
	unsigned long index;

	xa_for_each(&notifier->blocks, index, block)
		hmm_svm_block_clean(block, block->start, hmm_svm_block_end(block));
}

/*
 * Ends all notifiers and blocks of a mirror on which nobody works any more.
 * The device loses its entries first, while core mm still asks before it frees
 * a page. What invalidations leave stale meanwhile goes afterwards.
 */
void hmm_svm_notifiers_remove(struct hmm_svm *svm)
{
	struct hmm_svm_notifier *notifier;
	struct hmm_svm_block *block;
	unsigned long i, j;

	xa_for_each(&svm->notifiers, i, notifier) {
		clean_blocks(notifier);
		xa_for_each(&notifier->blocks, j, block)
			hmm_svm_whole_stop(block);
		mmu_interval_notifier_remove(&notifier->mn);
		clean_blocks(notifier);
		xa_for_each(&notifier->blocks, j, block)
			hmm_svm_block_remove(block);
	}

	/* Evictions that still know a block of ours end before it goes. */
	wait_var_event(&svm->evictions, !atomic_read(&svm->evictions));

	xa_for_each(&svm->notifiers, i, notifier) {
		xa_destroy(&notifier->blocks);
		kfree(notifier);
	}
	xa_destroy(&svm->notifiers);
}
