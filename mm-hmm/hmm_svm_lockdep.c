// SPDX-License-Identifier: GPL-2.0
/*
 * What lockdep is told as locks are made.
 *
 * Notifiers run in reclaim, but seldom, and then seldom with a particular lock
 * held. So that an inversion is reported at the first use of a lock, and not by the
 * machine that hangs, each lock that a notifier or the copy of a migration takes is
 * taken in (what lockdep holds for) reclaim once, and reclaim begins once under each
 * lock under which memory is allocated. Core mm has told lockdep that reclaim may
 * call notifiers.
 *
 * A lock's class is where it is initialised, hence a function for each place.
 */
#include <linux/sched/mm.h>

#include "hmm_svm_internal.h"

/* Memory is allocated under @mutex, so no notifier may take it. */
static void prime_allocating(struct mutex *mutex)
{
	mutex_lock(mutex);
	fs_reclaim_acquire(GFP_KERNEL);
	fs_reclaim_release(GFP_KERNEL);
	mutex_unlock(mutex);
}

/**
 * hmm_svm_lockdep_device() - The locks of a new device
 * @sdev: device
 *
 * Pages are freed in reclaim, and a CPU fault that copies holds the locks of
 * folios, for which reclaim may wait.
 */
void hmm_svm_lockdep_device(struct hmm_svm_device *sdev)
{
	unsigned long flags;

	fs_reclaim_acquire(GFP_KERNEL);
	down_read(&sdev->copy_lock);
	up_read(&sdev->copy_lock);
	if (sdev->nr_chunks) {
		spin_lock_irqsave(&sdev->chunks[0].lock, flags);
		spin_lock(&sdev->lock);
		spin_unlock(&sdev->lock);
		spin_unlock_irqrestore(&sdev->chunks[0].lock, flags);
	}
	fs_reclaim_release(GFP_KERNEL);
}

/**
 * hmm_svm_lockdep_mirror() - The locks of a new mirror
 * @svm: mirror
 */
void hmm_svm_lockdep_mirror(struct hmm_svm *svm)
{
	prime_allocating(&svm->notifiers_lock);
	prime_allocating(&svm->advice_mutex);

	fs_reclaim_acquire(GFP_KERNEL);
	spin_lock(&svm->advice_lock);
	spin_unlock(&svm->advice_lock);
	fs_reclaim_release(GFP_KERNEL);
}

/**
 * hmm_svm_lockdep_notifier() - The lock of a new notifier
 * @notifier: notifier
 */
void hmm_svm_lockdep_notifier(struct hmm_svm_notifier *notifier)
{
	fs_reclaim_acquire(GFP_KERNEL);
	xa_lock(&notifier->blocks);
	xa_unlock(&notifier->blocks);
	fs_reclaim_release(GFP_KERNEL);
}

/**
 * hmm_svm_lockdep_block() - The locks of a new block
 * @block: block
 */
void hmm_svm_lockdep_block(struct hmm_svm_block *block)
{
	prime_allocating(&block->migrate);

	fs_reclaim_acquire(GFP_KERNEL);
	spin_lock(&block->state);
	spin_unlock(&block->state);
	fs_reclaim_release(GFP_KERNEL);
}
