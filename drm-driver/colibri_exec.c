// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * EXEC: submission to many queues, and to fenced VMs.
 */

/**
 * DOC: EXEC
 *
 * On a faulting VM EXEC is QUEUE_SUBMIT for many queues, to all or none.
 *
 * On a fenced VM it makes a job for each queue and one fence for them all.  First it
 * looks up and allocates everything.  Then, with &colibri_vm.bind_lock for the order
 * of jobs and bindings, it locks all buffers that are bound (drm_exec), brings
 * those back that have moved, and adds the fence to them: from here on they
 * stay where they are until the jobs have ended.  What is bound is the gpuvm's view, in
 * which VM_BINDs that are queued have happened: a job that waits for one finds its
 * buffer there.  With the locks held the jobs are queued, which cannot fail.
 */

#include <linux/slab.h>
#include <linux/string.h>

#include <drm/drm_drv.h>
#include <drm/drm_exec.h>
#include <drm/drm_file.h>

#include <drm/colibri_drm.h>

#include "colibri_device.h"
#include "colibri_file.h"
#include "colibri_ioctl.h"
#include "colibri_job.h"
#include "colibri_queue.h"
#include "colibri_sync.h"
#include "colibri_vm.h"

/**
 * struct colibri_exec - a call in progress
 */
struct colibri_exec {
	/** @vm: VM of all queues; the queues have references */
	struct colibri_vm *vm;
	/** @items: queues, references, with their packets */
	struct colibri_queue_packets *items;
	/** @num_items: entries of @items that are complete */
	u32 num_items;
	/** @jobs: on a fenced VM, a job for each of them */
	struct colibri_job **jobs;
	/** @num_jobs: entries of @jobs */
	u32 num_jobs;
};

/* ---- Arguments ------------------------------------------------------------*/

static bool colibri_exec_packets_ok(const struct colibri_queue_packets *item, bool fenced)
{
	u32 i;

	for (i = 0; i < item->count; i++) {
		const u16 *packet = item->packets + i * COLIBRI_PACKET_SIZE;

		if (!colibri_packet_allowed(packet))
			return false;
		/* Interrupts and words that the kernel waits for are the kernel's there. */
		if (fenced && (packet[0] & COLIBRI_PKT_TYPE_MASK) == COLIBRI_PKT_VENDOR &&
		    packet[1] == COLIBRI_OP_FENCE)
			return false;
	}
	return true;
}

/* A job needs a place for its FENCE packet, and leaves one for that of the job before it. */
static u32 colibri_exec_max_packets(const struct colibri_queue *queue)
{
	return queue->ring_packets - (queue->fenced ? 2 : 0);
}

static bool colibri_exec_has_queue(const struct colibri_exec *exec,
				   const struct colibri_queue *queue)
{
	u32 i;

	for (i = 0; i < exec->num_items; i++) {
		if (exec->items[i].queue == queue)
			return true;
	}
	return false;
}

static int colibri_exec_get_packets(struct colibri_exec *exec, struct colibri_queue *queue,
				    const struct drm_colibri_exec_item *arg)
{
	struct colibri_queue_packets *item = &exec->items[exec->num_items];

	exec->vm = exec->vm ?: queue->vm;
	if (queue->doorbell || queue->vm != exec->vm || colibri_exec_has_queue(exec, queue) ||
	    !arg->count || arg->count > colibri_exec_max_packets(queue))
		return -EINVAL;
	item->packets = vmemdup_array_user(u64_to_user_ptr(arg->packets), arg->count,
					   COLIBRI_PACKET_SIZE);
	if (IS_ERR(item->packets))
		return PTR_ERR(item->packets);
	item->count = arg->count;
	if (!colibri_exec_packets_ok(item, exec->vm->fenced)) {
		kvfree(item->packets);
		return -EINVAL;
	}
	item->queue = queue;
	exec->num_items++;
	return 0;
}

static int colibri_exec_add_item(struct colibri_exec *exec, struct colibri_file *cfile,
				 const struct drm_colibri_exec_item *arg)
{
	struct colibri_queue *queue = colibri_file_get_queue(cfile, arg->queue_id);
	int ret;

	if (IS_ERR(queue))
		return PTR_ERR(queue);
	ret = colibri_exec_get_packets(exec, queue, arg);
	if (ret)
		colibri_queue_put(queue);
	return ret;
}

static int colibri_exec_get(struct colibri_exec *exec, struct colibri_file *cfile,
			    const struct drm_colibri_exec *args)
{
	struct drm_colibri_exec_item *items;
	int ret = 0;
	u32 i;

	items = memdup_array_user(u64_to_user_ptr(args->items), args->num_items, sizeof(*items));
	if (IS_ERR(items))
		return PTR_ERR(items);
	exec->items = kzalloc_objs(*exec->items, args->num_items);
	if (!exec->items)
		ret = -ENOMEM;
	for (i = 0; i < args->num_items && !ret; i++)
		ret = colibri_exec_add_item(exec, cfile, &items[i]);
	kfree(items);
	return ret;
}

static void colibri_exec_put(struct colibri_exec *exec)
{
	u32 i;

	for (i = 0; i < exec->num_jobs; i++)
		colibri_job_discard(exec->jobs[i]);
	kfree(exec->jobs);
	for (i = 0; i < exec->num_items; i++) {
		kvfree(exec->items[i].packets);
		colibri_queue_put(exec->items[i].queue);
	}
	kfree(exec->items);
}

/* ---- Fenced VMs -----------------------------------------------------------*/

static int colibri_exec_create_jobs(struct colibri_exec *exec, const struct colibri_syncs *syncs)
{
	int ret;
	u32 i;

	exec->jobs = kzalloc_objs(*exec->jobs, exec->num_items);
	if (!exec->jobs)
		return -ENOMEM;
	for (i = 0; i < exec->num_items; i++) {
		struct colibri_queue_packets *item = &exec->items[i];
		struct colibri_job *job;

		job = colibri_job_create(item->queue, item->packets, item->count);
		if (IS_ERR(job))
			return PTR_ERR(job);
		item->packets = NULL; /* the job's now */
		exec->jobs[exec->num_jobs++] = job;
		ret = colibri_syncs_add_deps(syncs, &job->base);
		if (ret)
			return ret;
	}
	return 0;
}

/* Whether every queue can take a job; bind_lock is held. */
static int colibri_exec_check_queues(const struct colibri_exec *exec)
{
	int ret = exec->vm->binds.closed ? -ENOENT : 0;
	u32 i;

	lockdep_assert_held(&exec->vm->bind_lock);
	for (i = 0; i < exec->num_items && !ret; i++) {
		ret = colibri_queue_status(exec->items[i].queue);
		if (!ret && exec->items[i].queue->fenced->closed)
			ret = -ECANCELED;
	}
	return ret;
}

/* Queue the jobs.  Cannot fail, and nothing allocates: others may wait for the fence. */
static void colibri_exec_push_jobs(struct colibri_exec *exec, struct colibri_done *done)
{
	bool cookie = dma_fence_begin_signalling();
	u32 i;

	for (i = 0; i < exec->num_jobs; i++)
		colibri_done_watch(done, i, colibri_job_arm(exec->jobs[i]));
	for (i = 0; i < exec->num_jobs; i++)
		colibri_job_push(exec->jobs[i]);
	exec->num_jobs = 0;
	dma_fence_end_signalling(cookie);
}

static int colibri_exec_submit_locked(struct colibri_exec *exec, struct colibri_done *done)
{
	struct drm_gpuvm_exec vm_exec = {
		.vm = &exec->vm->gpuvm,
		.flags = DRM_EXEC_INTERRUPTIBLE_WAIT,
		.num_fences = 1,
	};
	int ret;

	ret = colibri_exec_check_queues(exec);
	if (ret)
		return ret;
	ret = drm_gpuvm_exec_lock(&vm_exec);
	if (ret)
		return ret;
	ret = drm_gpuvm_exec_validate(&vm_exec);
	if (!ret) {
		drm_gpuvm_exec_resv_add_fence(&vm_exec, &done->base, DMA_RESV_USAGE_BOOKKEEP,
					      DMA_RESV_USAGE_BOOKKEEP);
		colibri_exec_push_jobs(exec, done);
	}
	drm_gpuvm_exec_unlock(&vm_exec);
	return ret;
}

static int colibri_exec_submit_guarded(struct colibri_exec *exec, struct colibri_done *done)
{
	int idx, ret;

	ret = mutex_lock_interruptible(&exec->vm->bind_lock);
	if (ret)
		return ret;
	if (drm_dev_enter(&exec->vm->cdev->base, &idx)) {
		ret = colibri_exec_submit_locked(exec, done);
		drm_dev_exit(idx);
	} else {
		ret = -ENODEV;
	}
	if (!ret)
		colibri_syncs_install(done->syncs, &done->base);
	mutex_unlock(&exec->vm->bind_lock);
	return ret;
}

/* @syncs is not the caller's any more. */
static int colibri_exec_fenced(struct colibri_exec *exec, struct colibri_syncs *syncs)
{
	struct colibri_done *done;
	int ret;

	ret = colibri_exec_create_jobs(exec, syncs);
	done = ret ? ERR_PTR(ret) :
		     colibri_done_create(exec->vm->cdev, syncs, exec->num_items);
	if (IS_ERR(done)) {
		colibri_syncs_put(syncs);
		return PTR_ERR(done);
	}
	ret = colibri_exec_submit_guarded(exec, done);
	if (ret)
		colibri_done_discard(done);
	else
		colibri_done_arm(done);
	return ret;
}

/* ---- Call -----------------------------------------------------------------*/

static int colibri_exec(struct colibri_exec *exec, struct drm_file *file,
			const struct drm_colibri_exec *args)
{
	struct colibri_syncs *syncs;

	if (!exec->vm->fenced) {
		if (args->num_syncs || args->syncs)
			return -EINVAL;
		return colibri_queue_submit_all(exec->items, exec->num_items);
	}
	syncs = colibri_syncs_get(file, args->syncs, args->num_syncs);
	if (IS_ERR(syncs))
		return PTR_ERR(syncs);
	return colibri_exec_fenced(exec, syncs);
}

/* DRM_IOCTL_COLIBRI_EXEC: submit to many queues. */
int colibri_ioctl_exec(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct drm_colibri_exec *args = data;
	struct colibri_exec exec = {};
	int ret;

	if (args->flags || args->pad || !args->num_items ||
	    args->num_items > COLIBRI_MAX_EXEC_ITEMS)
		return -EINVAL;
	ret = colibri_exec_get(&exec, file->driver_priv, args);
	if (!ret)
		ret = colibri_exec(&exec, file, args);
	colibri_exec_put(&exec);
	return ret;
}
