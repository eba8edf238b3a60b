// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * User fences.
 */

/**
 * DOC: User fences
 *
 * All VMs fault, and resolving a fault may need memory whose reclaim waits for
 * dma_fences.  So work on a VM never signals a dma_fence.  It signals user
 * fences: 64-bit words in a fence buffer, which the device writes with a FENCE
 * packet that also raises VEC_FENCE.
 *
 * A wait sleeps on &colibri_device.fence_wq and looks at its word through the
 * kernel's own mapping of the buffer, so it touches no user page.  The device
 * writes the word before it raises the interrupt, and the waiter looks after it
 * is queued: no wakeup is lost.  A wait that names a queue ends, too, when the
 * queue does.
 *
 * The value is data of the process, nothing in the kernel depends on it.
 */

#include <linux/ktime.h>
#include <linux/wait.h>

#include <drm/colibri_drm.h>

#include "colibri_device.h"
#include "colibri_fence.h"
#include "colibri_gem.h"
#include "colibri_queue.h"
#include "colibri_trace.h"

static bool colibri_fence_signalled(const u64 *word, u32 cond, u64 value)
{
	/* Pairs with the device's release: what the work wrote is visible. */
	u64 now = smp_load_acquire(word);

	switch (cond) {
	case DRM_COLIBRI_WAIT_EQ:
		return now == value;
	case DRM_COLIBRI_WAIT_NE:
		return now != value;
	default:
		return now >= value;
	}
}

/* Why the word will not change any more; 0 while it may. */
static int colibri_fence_status(struct colibri_device *cdev, struct colibri_queue *queue)
{
	if (queue)
		return colibri_queue_status(queue);
	return colibri_is_lost(cdev) || drm_dev_is_unplugged(&cdev->base) ? -ENODEV : 0;
}

static int colibri_fence_sleep(struct colibri_device *cdev, const u64 *word,
			       struct colibri_queue *queue,
			       const struct drm_colibri_fence_wait *args)
{
	ktime_t timeout = KTIME_MAX;
	int ret;

	if (colibri_fence_signalled(word, args->cond, args->value))
		return 0;
	ret = colibri_fence_status(cdev, queue);
	if (ret)
		return ret;

	if (args->timeout_ns != S64_MAX)
		timeout = ktime_sub(ns_to_ktime(args->timeout_ns), ktime_get());
	if (timeout <= 0)
		return -ETIME;

	ret = wait_event_interruptible_hrtimeout(cdev->fence_wq,
						 colibri_fence_signalled(word, args->cond,
									 args->value) ||
						 colibri_fence_status(cdev, queue), timeout);
	/* The last packet before the end of a queue may have been the one. */
	if (colibri_fence_signalled(word, args->cond, args->value))
		return 0;
	return ret ?: colibri_fence_status(cdev, queue);
}

/**
 * colibri_fence_wait() - wait for a word of a fence buffer
 * @cdev: device
 * @bo: fence buffer
 * @queue: queue that is to signal, or NULL
 * @args: checked arguments of the call
 *
 * Context: sleeps interruptibly; not inside drm_dev_enter().
 * Return: 0; -ETIME; -ERESTARTSYS; or what colibri_queue_status() says.
 */
int colibri_fence_wait(struct colibri_device *cdev, struct colibri_bo *bo,
		       struct colibri_queue *queue, const struct drm_colibri_fence_wait *args)
{
	int ret = colibri_fence_sleep(cdev, bo->vaddr + args->offset, queue, args);

	trace_colibri_fence(args->offset, args->value, ret);
	return ret;
}
