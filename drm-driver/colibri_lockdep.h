/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * What lockdep is told as locks are made, so that it need not wait for the rare
 * run in which reclaim hits memory that the device has mapped.
 */
#ifndef _COLIBRI_LOCKDEP_H
#define _COLIBRI_LOCKDEP_H

#include <linux/dma-fence.h>
#include <linux/mutex.h>
#include <linux/sched/mm.h>
#include <linux/spinlock.h>

/**
 * colibri_lockdep_in_reclaim() - a lock is taken in MMU notifiers, so in reclaim
 * @lock: new lock, under which no memory may be allocated
 */
static inline void colibri_lockdep_in_reclaim(spinlock_t *lock)
{
	if (!IS_ENABLED(CONFIG_LOCKDEP))
		return;
	fs_reclaim_acquire(GFP_KERNEL);
	spin_lock(lock);
	spin_unlock(lock);
	fs_reclaim_release(GFP_KERNEL);
}

/**
 * colibri_lockdep_allocates() - memory is allocated under a lock
 * @mutex: new lock, which no MMU notifier may take
 */
static inline void colibri_lockdep_allocates(struct mutex *mutex)
{
	if (!IS_ENABLED(CONFIG_LOCKDEP))
		return;
	mutex_lock(mutex);
	fs_reclaim_acquire(GFP_KERNEL);
	fs_reclaim_release(GFP_KERNEL);
	mutex_unlock(mutex);
}

/**
 * colibri_lockdep_in_signalling() - a lock is taken in the way of dma_fences
 * @mutex: new lock, under which no memory may be allocated, and no fence waited for
 */
static inline void colibri_lockdep_in_signalling(struct mutex *mutex)
{
	bool cookie;

	if (!IS_ENABLED(CONFIG_LOCKDEP))
		return;
	cookie = dma_fence_begin_signalling();
	mutex_lock(mutex);
	mutex_unlock(mutex);
	dma_fence_end_signalling(cookie);
}

#endif /* _COLIBRI_LOCKDEP_H */
