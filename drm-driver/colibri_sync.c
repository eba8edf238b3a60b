// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Explicit synchronisation: syncobjs and user fences of EXEC and VM_BIND.
 */

/**
 * DOC: Synchronisation
 *
 * EXEC on a fenced VM and VM_BIND take a list of syncs.  Everything that they name is
 * looked up, and what signalling them needs is allocated, before the call
 * changes anything.  What is waited for must have a fence by then (EINVAL): nothing
 * waits for a submission that may never come.
 *
 * What is signalled is one fence for each call (&struct colibri_done), which watches the
 * jobs that drm_sched runs for it.  drm_sched says -ESRCH for jobs that it
 * dropped; user space gets ECANCELED or ENODEV.
 *
 * The fence signals from the interrupt that completes the last job.  There it also writes
 * the words of user fences; a call that was stopped leaves those alone.  References
 * are dropped in a work item, since dropping one may sleep.
 *
 * A fence in the hands of others keeps neither the device nor this module; what has not
 * signalled keeps both.
 */

#include <linux/dma-fence-chain.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/string.h>

#include <drm/drm_file.h>
#include <drm/drm_syncobj.h>
#include <drm/gpu_scheduler.h>

#include <drm/colibri_drm.h>

#include "colibri_device.h"
#include "colibri_gem.h"
#include "colibri_sync.h"

/* ---- Syncs of a call ------------------------------------------------------*/

static bool colibri_sync_ok(const struct drm_colibri_sync *sync)
{
	bool signal = sync->flags & DRM_COLIBRI_SYNC_SIGNAL;

	if (sync->pad || sync->flags & ~DRM_COLIBRI_SYNC_SIGNAL)
		return false;
	switch (sync->type) {
	case DRM_COLIBRI_SYNC_TYPE_SYNCOBJ:
		return !sync->point && !sync->offset;
	case DRM_COLIBRI_SYNC_TYPE_TIMELINE:
		return sync->point && !sync->offset;
	case DRM_COLIBRI_SYNC_TYPE_USER:
		return signal && !(sync->offset % sizeof(u64));
	default:
		return false;
	}
}

static int colibri_syncs_add_in(struct colibri_syncs *syncs, struct drm_file *file,
				const struct drm_colibri_sync *sync)
{
	int ret;

	ret = drm_syncobj_find_fence(file, sync->handle, sync->point, 0,
				     &syncs->in[syncs->num_in]);
	if (!ret)
		syncs->num_in++;
	return ret;
}

static int colibri_syncs_add_user(struct colibri_sync_out *out, struct drm_file *file,
				  const struct drm_colibri_sync *sync)
{
	struct drm_gem_object *obj = drm_gem_object_lookup(file, sync->handle);

	if (!obj)
		return -ENOENT;
	out->bo = to_colibri_bo(obj);
	if (!(out->bo->flags & DRM_COLIBRI_GEM_FENCE) || sync->offset >= obj->size)
		return -EINVAL;
	return 0;
}

static int colibri_syncs_add_out(struct colibri_syncs *syncs, struct drm_file *file,
				 const struct drm_colibri_sync *sync)
{
	struct colibri_sync_out *out = &syncs->out[syncs->num_out++];

	out->point = sync->point;
	out->offset = sync->offset;
	if (sync->type == DRM_COLIBRI_SYNC_TYPE_USER)
		return colibri_syncs_add_user(out, file, sync);

	out->syncobj = drm_syncobj_find(file, sync->handle);
	if (!out->syncobj)
		return -ENOENT;
	if (sync->type == DRM_COLIBRI_SYNC_TYPE_TIMELINE) {
		out->chain = dma_fence_chain_alloc();
		if (!out->chain)
			return -ENOMEM;
	}
	return 0;
}

/**
 * colibri_syncs_get() - look up the syncs of a call
 * @file: DRM file
 * @syncs: user pointer to struct drm_colibri_sync[@count]
 * @count: how many
 *
 * Return: the syncs, or an ERR_PTR: -EINVAL, -ENOENT, -EFAULT, -ENOMEM.
 */
struct colibri_syncs *colibri_syncs_get(struct drm_file *file, u64 syncs, u32 count)
{
	struct drm_colibri_sync *args = NULL;
	struct colibri_syncs *s;
	int ret = 0;
	u32 i;

	if (count > COLIBRI_MAX_SYNCS || (!count && syncs))
		return ERR_PTR(-EINVAL);
	s = kzalloc_obj(*s, GFP_KERNEL_ACCOUNT);
	if (!s)
		return ERR_PTR(-ENOMEM);
	if (count)
		args = memdup_array_user(u64_to_user_ptr(syncs), count, sizeof(*args));
	if (IS_ERR(args)) {
		kfree(s);
		return ERR_CAST(args);
	}

	for (i = 0; i < count && !ret; i++) {
		if (!colibri_sync_ok(&args[i]))
			ret = -EINVAL;
		else if (args[i].flags & DRM_COLIBRI_SYNC_SIGNAL)
			ret = colibri_syncs_add_out(s, file, &args[i]);
		else
			ret = colibri_syncs_add_in(s, file, &args[i]);
	}
	kfree(args);
	if (ret) {
		colibri_syncs_put(s);
		return ERR_PTR(ret);
	}
	return s;
}

/**
 * colibri_syncs_put() - give everything back
 * @syncs: syncs
 */
void colibri_syncs_put(struct colibri_syncs *syncs)
{
	u32 i;

	for (i = 0; i < syncs->num_in; i++)
		dma_fence_put(syncs->in[i]);
	for (i = 0; i < syncs->num_out; i++) {
		struct colibri_sync_out *out = &syncs->out[i];

		dma_fence_chain_free(out->chain);
		if (out->syncobj)
			drm_syncobj_put(out->syncobj);
		if (out->bo)
			colibri_gem_put(out->bo);
	}
	kfree(syncs);
}

/**
 * colibri_syncs_add_deps() - have a job wait for what the call waits for
 * @syncs: syncs
 * @job: initialised job
 *
 * Return: 0 or -ENOMEM.
 */
int colibri_syncs_add_deps(const struct colibri_syncs *syncs, struct drm_sched_job *job)
{
	int ret = 0;
	u32 i;

	for (i = 0; i < syncs->num_in && !ret; i++)
		ret = drm_sched_job_add_dependency(job, dma_fence_get(syncs->in[i]));
	return ret;
}

/**
 * colibri_syncs_install() - put the call's fence into the syncobjs that it signals
 * @syncs: syncs
 * @fence: fence
 *
 * Cannot fail.
 */
void colibri_syncs_install(struct colibri_syncs *syncs, struct dma_fence *fence)
{
	u32 i;

	for (i = 0; i < syncs->num_out; i++) {
		struct colibri_sync_out *out = &syncs->out[i];

		if (out->chain) {
			drm_syncobj_add_point(out->syncobj, out->chain, fence, out->point);
			out->chain = NULL; /* the syncobj has it now */
		} else if (out->syncobj) {
			drm_syncobj_replace_fence(out->syncobj, fence);
		}
	}
}

/* Write the words of user fences. Any context: fence buffers are mapped by the kernel. */
static void colibri_syncs_write(const struct colibri_syncs *syncs, struct colibri_device *cdev)
{
	u32 i;

	for (i = 0; i < syncs->num_out; i++) {
		const struct colibri_sync_out *out = &syncs->out[i];

		if (!out->bo)
			continue;
		/* Who sees the value sees what the jobs did. */
		smp_store_release((u64 *)(out->bo->vaddr + out->offset), out->point);
	}
	wake_up_all(&cdev->fence_wq);
}

/* ---- The fence of a call --------------------------------------------------*/

static const char *colibri_done_driver_name(struct dma_fence *fence)
{
	return "colibri";
}

static const char *colibri_done_timeline_name(struct dma_fence *fence)
{
	return "call";
}

static const struct dma_fence_ops colibri_done_ops = {
	.get_driver_name = colibri_done_driver_name,
	.get_timeline_name = colibri_done_timeline_name,
};

static void colibri_done_work(struct work_struct *work)
{
	struct colibri_done *done = container_of(work, struct colibri_done, work);

	if (done->syncs)
		colibri_syncs_put(done->syncs);
	drm_dev_put(&done->cdev->base);
	dma_fence_put(&done->base);
	module_put(THIS_MODULE);
}

/**
 * colibri_done_create() - make the fence of a call
 * @cdev: device
 * @syncs: of the call; on success they belong to the fence
 * @num_jobs: jobs that it will watch
 *
 * Return: the fence, to be given to colibri_done_arm() or colibri_done_discard(), or an ERR_PTR.
 */
struct colibri_done *colibri_done_create(struct colibri_device *cdev, struct colibri_syncs *syncs,
					 unsigned int num_jobs)
{
	struct colibri_done *done;

	done = kzalloc_flex(*done, cbs, num_jobs, GFP_KERNEL_ACCOUNT);
	if (!done)
		return ERR_PTR(-ENOMEM);
	spin_lock_init(&done->lock);
	INIT_WORK(&done->work, colibri_done_work);
	refcount_set(&done->pending, 1);
	done->cdev = cdev;
	done->syncs = syncs;
	drm_dev_get(&cdev->base);
	__module_get(THIS_MODULE);
	dma_fence_init(&done->base, &colibri_done_ops, &done->lock, dma_fence_context_alloc(1), 1);
	return done;
}

/**
 * colibri_done_discard() - the call failed
 * @done: fence that watches nothing and that nobody else has seen
 */
void colibri_done_discard(struct colibri_done *done)
{
	dma_fence_signal(&done->base);
	colibri_done_work(&done->work);
}

static int colibri_done_errno(struct colibri_done *done)
{
	struct colibri_device *cdev = done->cdev;

	if (done->error != -ESRCH)
		return done->error;
	return colibri_is_lost(cdev) || drm_dev_is_unplugged(&cdev->base) ? -ENODEV : -ECANCELED;
}

static void colibri_done_drop(struct colibri_done *done)
{
	int error;

	if (!refcount_dec_and_test(&done->pending))
		return;
	error = colibri_done_errno(done);
	if (error)
		dma_fence_set_error(&done->base, error);
	else
		colibri_syncs_write(done->syncs, done->cdev);
	dma_fence_signal(&done->base);
	schedule_work(&done->work);
}

static void colibri_done_ended(struct dma_fence *fence, struct dma_fence_cb *cb)
{
	struct colibri_done *done = container_of(cb, struct colibri_done_cb, cb)->done;

	if (fence->error)
		cmpxchg(&done->error, 0, fence->error);
	colibri_done_drop(done);
}

/**
 * colibri_done_watch() - wait for one more job
 * @done: fence
 * @i: number of the job in the call
 * @fence: its end
 */
void colibri_done_watch(struct colibri_done *done, unsigned int i, struct dma_fence *fence)
{
	struct colibri_done_cb *cb = &done->cbs[i];

	cb->done = done;
	refcount_inc(&done->pending);
	if (dma_fence_add_callback(fence, &cb->cb, colibri_done_ended))
		colibri_done_ended(fence, &cb->cb);
}

/**
 * colibri_done_arm() - all jobs are watched
 * @done: fence; it may be gone when this returns, unless the caller has a reference of its own
 */
void colibri_done_arm(struct colibri_done *done)
{
	colibri_done_drop(done);
}
