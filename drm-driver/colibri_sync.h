/* SPDX-License-Identifier: GPL-2.0 OR MIT */
#ifndef COLIBRI_SYNC_H
#define COLIBRI_SYNC_H

#include <linux/dma-fence.h>
#include <linux/types.h>
#include <linux/workqueue.h>

struct colibri_bo;
struct colibri_device;
struct dma_fence_chain;
struct drm_file;
struct drm_sched_job;
struct drm_syncobj;

#define COLIBRI_MAX_SYNCS	64	/* of one call */

/**
 * struct colibri_sync_out - something to signal
 */
struct colibri_sync_out {
	/** @syncobj: syncobj, or NULL */
	struct drm_syncobj *syncobj;
	/** @chain: for a point of a timeline, until colibri_syncs_install() */
	struct dma_fence_chain *chain;
	/** @bo: fence buffer, or NULL */
	struct colibri_bo *bo;
	/** @offset: of the word in @bo */
	u64 offset;
	/** @point: point of the timeline, or value of the word */
	u64 point;
};

/**
 * struct colibri_syncs - what a call waits for and signals
 */
struct colibri_syncs {
	/** @in: fences to wait for */
	struct dma_fence *in[COLIBRI_MAX_SYNCS];
	/** @out: to signal */
	struct colibri_sync_out out[COLIBRI_MAX_SYNCS];
	/** @num_in: entries of @in */
	u32 num_in;
	/** @num_out: entries of @out */
	u32 num_out;
};

/**
 * struct colibri_done - the fence that a call gives to user space
 *
 * It signals when each of the jobs that the call made has ended, with the error of the first that
 * did not end well.
 */
struct colibri_done {
	/** @base: the fence; must be first */
	struct dma_fence base;
	/** @lock: of @base */
	spinlock_t lock;
	/** @cdev: device, a reference until the fence has signalled */
	struct colibri_device *cdev;
	/** @syncs: of the call; freed when the fence has signalled */
	struct colibri_syncs *syncs;
	/** @pending: jobs that have not ended, and one for who creates it */
	refcount_t pending;
	/** @error: negative errno */
	int error;
	/** @work: gives everything back */
	struct work_struct work;
	/** @cbs: one for each job */
	struct colibri_done_cb {
		/** @cbs.cb: in the job's fence */
		struct dma_fence_cb cb;
		/** @cbs.done: what it is part of */
		struct colibri_done *done;
	} cbs[];
};

struct colibri_syncs *colibri_syncs_get(struct drm_file *file, u64 syncs, u32 count);
void colibri_syncs_put(struct colibri_syncs *syncs);
int colibri_syncs_add_deps(const struct colibri_syncs *syncs, struct drm_sched_job *job);
void colibri_syncs_install(struct colibri_syncs *syncs, struct dma_fence *fence);

struct colibri_done *colibri_done_create(struct colibri_device *cdev, struct colibri_syncs *syncs,
					 unsigned int num_jobs);
void colibri_done_discard(struct colibri_done *done);
void colibri_done_watch(struct colibri_done *done, unsigned int i, struct dma_fence *fence);
void colibri_done_arm(struct colibri_done *done);

#endif /* COLIBRI_SYNC_H */
