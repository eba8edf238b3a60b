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

/* How long a block that is gone may still be there: until munmap() is over. */
#define HMM_SVM_IDLE_TIME	(HZ / 10)

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
	bool released;	/* as is all memory of the process, which ends */
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
	XA_STATE(xas, &notifier->blocks, first_index(notifier, span));
	struct hmm_svm_block *block;
	unsigned long seq;
	bool busy;

	xa_lock(&notifier->blocks);
	busy = notifier->mn.invalidate_seq == cur_seq;
	mmu_interval_set_seq(&notifier->mn, cur_seq);
	xa_unlock(&notifier->blocks);

	rcu_read_lock();
	xas_for_each(&xas, block, last_index(notifier, span)) {
		if (xas_retry(&xas, block))
			continue;
		seq = hmm_svm_block_zap(block, span->start, span->end, &zapped,
					may_zap ? &flush->waits : NULL);
		if (exclusive)
			hmm_svm_exclusive_begins(block, seq, busy);
	}
	rcu_read_unlock();
	return zapped;
}

static bool covers(const struct hmm_svm_span *span, const struct hmm_svm_block *block)
{
	return block->start >= span->start && hmm_svm_block_end(block) <= span->end;
}

static void forget_idle(struct hmm_svm *svm)
{
	struct hmm_svm_block *block, *next;

	llist_for_each_entry_safe(block, next, llist_del_all(&svm->idle), idle)
		hmm_svm_block_forget(block);
}

static void forget_idle_work(struct work_struct *work)
{
	forget_idle(container_of(to_delayed_work(work), struct hmm_svm, forget_idle));
}

/*
 * After the flush. Blocks of which nothing is left are gone: no fault can map anything
 * in them before core mm ends the invalidation, nor later. What was stale before the
 * flush may exceed the span by parts of large entries.
 */
static void finish_blocks(struct hmm_svm_flush *flush, bool may_sleep)
{
	const struct hmm_svm_span *span = &flush->span, *zapped = &flush->zapped;
	struct hmm_svm_notifier *notifier = flush->notifier;
	XA_STATE(xas, &notifier->blocks, first_index(notifier, span));
	struct hmm_svm *svm = notifier->svm;
	struct hmm_svm_block *block;
	bool idle = false;

	rcu_read_lock();
	xas_for_each(&xas, block, last_index(notifier, span)) {
		if (xas_retry(&xas, block))
			continue;
		idle |= hmm_svm_block_reap(block, zapped->start, zapped->end,
					   flush->unmapped && covers(span, block));
		/* An IOMMU takes its time for each page. */
		if (need_resched()) {
			xas_pause(&xas);
			rcu_read_unlock();
			if (may_sleep)
				cond_resched();
			rcu_read_lock();
		}
	}
	rcu_read_unlock();
	if (flush->released)
		forget_idle(svm);
	else if (idle)
		queue_delayed_work(hmm_svm_workqueue(), &svm->forget_idle, HMM_SVM_IDLE_TIME);
}

static void flush_start(struct hmm_svm_flush *flush, struct hmm_svm_notifier *notifier,
			const struct mmu_notifier_range *range, unsigned long cur_seq)
{
	struct hmm_svm *svm = notifier->svm;
	const struct hmm_svm_span *zapped = &flush->zapped;

	flush->notifier = notifier;
	flush->span = clip(notifier, range);
	flush->released = range->event == MMU_NOTIFY_RELEASE;
	flush->unmapped = flush->released || range->event == MMU_NOTIFY_UNMAP;
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
		finish_blocks(flush, may_sleep);
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

void hmm_svm_notifiers_init(struct hmm_svm *svm)
{
	mutex_init(&svm->notifiers_lock);
	xa_init(&svm->notifiers);
	init_llist_head(&svm->idle);
	INIT_DELAYED_WORK(&svm->forget_idle, forget_idle_work);
}

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

/* While core mm may still unmap some of them. */
static void stop_blocks(struct hmm_svm_notifier *notifier)
{
	struct hmm_svm_block *block;
	u64 addr = notifier->start;

	while ((block = hmm_svm_block_next(notifier->svm, addr, notifier->end))) {
		hmm_svm_block_clean(block, block->start, hmm_svm_block_end(block));
		hmm_svm_whole_stop(block);
		addr = hmm_svm_block_end(block);
		hmm_svm_block_put(block);
	}
}

/* What invalidations left stale meanwhile goes, too. */
static void remove_blocks(struct hmm_svm_notifier *notifier)
{
	struct hmm_svm_block *block;
	unsigned long index;

	xa_for_each(&notifier->blocks, index, block) {
		hmm_svm_block_clean(block, block->start, hmm_svm_block_end(block));
		hmm_svm_block_remove(block);
	}
}

/*
 * Ends all notifiers and blocks of a mirror on which nobody works any more.
 * The device loses its entries first, while core mm still asks before it frees
 * a page.
 */
void hmm_svm_notifiers_remove(struct hmm_svm *svm)
{
	struct hmm_svm_notifier *notifier;
	unsigned long i;

	xa_for_each(&svm->notifiers, i, notifier) {
		stop_blocks(notifier);
		mmu_interval_notifier_remove(&notifier->mn);
		/* Nobody unmaps its blocks any more, nor forgets them after this. */
		flush_delayed_work(&svm->forget_idle);
		remove_blocks(notifier);
	}

	/* Evictions that still know a block of ours end before it goes. */
	wait_var_event(&svm->evictions, !atomic_read(&svm->evictions));

	xa_for_each(&svm->notifiers, i, notifier) {
		xa_destroy(&notifier->blocks);
		kfree(notifier);
	}
	xa_destroy(&svm->notifiers);
	mutex_destroy(&svm->notifiers_lock);
}
