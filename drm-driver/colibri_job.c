// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Jobs: what runs on fenced VMs.
 */

/**
 * DOC: Jobs
 *
 * Overview
 * --------
 *
 * Each queue of a fenced VM has a drm_sched scheduler with one entity: the device, and
 * the time slices of its queues, do the scheduling proper, as firmware does
 * elsewhere.  drm_sched waits for what a job depends on, gives the ring no more packets
 * than fit (credits), and has a clock.
 *
 * A job is its packets and a FENCE packet behind them, which writes the job's
 * number to a word next to the ring and raises VEC_FENCE.  A work item
 * signals the fence of each job whose number has been reached.  The word lies in the
 * VM, like the ring: a process that writes it ends its own jobs early, which hurts only itself, as
 * memory is taken away by unbinding and flushing, not by trusting fences.
 *
 * A job that takes too long bans its queue (ETIME); so does a fault.  Jobs of a queue that
 * is banned, closed or whose VM is dead end with ECANCELED, with ENODEV when the
 * device is gone.  Other queues go on.
 *
 * All that a job needs is allocated by the call that makes it.  From the moment that
 * others may wait for its fence nothing allocates, and no lock is taken under which
 * anybody does.
 *
 * Locking
 * -------
 *
 * &colibri_device.fenced.lock and, inside of it, &colibri_jobs.lock are spinlocks, taken in process
 * context; around &colibri_queue.state_lock.  Order of jobs: &colibri_vm.bind_lock.
 */

#include <linux/module.h>
#include <linux/slab.h>

#include <drm/drm_drv.h>
#include <drm/drm_managed.h>

#include <drm/colibri_drm.h>

#include "colibri_device.h"
#include "colibri_job.h"
#include "colibri_queue.h"
#include "colibri_vm.h"

static unsigned int job_timeout_ms = 10000;
module_param(job_timeout_ms, uint, 0644);
MODULE_PARM_DESC(job_timeout_ms,
		 "Time that a job on a fenced VM may take, for queues made later; 0: no limit");

/**
 * struct colibri_hw_fence - the end of a job on the hardware
 */
struct colibri_hw_fence {
	/** @base: fence; must be first */
	struct dma_fence base;
	/** @lock: of @base */
	spinlock_t lock;
	/** @entry: in &colibri_jobs.running, a reference */
	struct list_head entry;
};

static const char *colibri_hw_fence_driver_name(struct dma_fence *fence)
{
	return "colibri";
}

static const char *colibri_hw_fence_timeline_name(struct dma_fence *fence)
{
	return "queue";
}

static const struct dma_fence_ops colibri_hw_fence_ops = {
	.get_driver_name = colibri_hw_fence_driver_name,
	.get_timeline_name = colibri_hw_fence_timeline_name,
};

/* ---- Completion -----------------------------------------------------------*/

static void colibri_hw_fence_end(struct colibri_hw_fence *fence, int error)
{
	list_del_init(&fence->entry);
	if (error)
		dma_fence_set_error(&fence->base, error);
	dma_fence_signal(&fence->base);
	dma_fence_put(&fence->base);
}

/* Signal what is complete. */
static void colibri_jobs_complete(struct colibri_jobs *jobs)
{
	struct colibri_hw_fence *fence, *next;
	LIST_HEAD(complete);

	spin_lock(&jobs->lock);
	list_for_each_entry_safe(fence, next, &jobs->running, entry) {
		if (!colibri_queue_job_done(jobs->queue, fence->base.seqno))
			break;
		list_move_tail(&fence->entry, &complete);
	}
	spin_unlock(&jobs->lock);
	list_for_each_entry_safe(fence, next, &complete, entry)
		colibri_hw_fence_end(fence, 0);
}

/* Take all jobs, so that nobody else ends them.  Those that come later end with @error. */
static void colibri_jobs_take(struct colibri_jobs *jobs, int error, struct list_head *taken)
{
	spin_lock(&jobs->lock);
	if (!jobs->error)
		jobs->error = error;
	list_splice_init(&jobs->running, taken);
	spin_unlock(&jobs->lock);
}

/* End jobs that were taken: the first one with @first, the others with @error. */
static void colibri_jobs_end_taken(struct list_head *taken, int first, int error)
{
	struct colibri_hw_fence *fence, *next;

	list_for_each_entry_safe(fence, next, taken, entry) {
		colibri_hw_fence_end(fence, first);
		first = error;
	}
}

/* End all jobs, now and later, with @error. */
static void colibri_jobs_end(struct colibri_jobs *jobs, int error)
{
	LIST_HEAD(taken);

	colibri_jobs_take(jobs, error, &taken);
	colibri_jobs_end_taken(&taken, error, error);
}

/* What user space is told when a queue can do no more. */
static int colibri_jobs_errno(int status)
{
	return status == -ENODEV ? -ENODEV : -ECANCELED;
}

/* Signal what is complete, and everything if the queue can do no more. */
static void colibri_jobs_update(struct colibri_jobs *jobs)
{
	int status;

	colibri_jobs_complete(jobs);
	status = colibri_queue_status(jobs->queue);
	if (status)
		colibri_jobs_end(jobs, colibri_jobs_errno(status));
}

static void colibri_jobs_work(struct work_struct *work)
{
	struct colibri_device *cdev = container_of(work, struct colibri_device, fenced.work);
	bool cookie = dma_fence_begin_signalling();
	struct colibri_jobs *jobs;

	spin_lock(&cdev->fenced.lock);
	list_for_each_entry(jobs, &cdev->fenced.list, entry)
		colibri_jobs_update(jobs);
	spin_unlock(&cdev->fenced.lock);
	dma_fence_end_signalling(cookie);
}

/**
 * colibri_jobs_wake() - fences may have signalled, or queues have ended
 * @cdev: device
 *
 * Wakes who waits for user fences, and has the fences of jobs looked at.  Context: any.
 */
void colibri_jobs_wake(struct colibri_device *cdev)
{
	wake_up_all(&cdev->fence_wq);
	if (!list_empty_careful(&cdev->fenced.list))
		queue_work(cdev->fenced.wq, &cdev->fenced.work);
}

static void colibri_jobs_destroy_wq(struct drm_device *drm, void *wq)
{
	destroy_workqueue(wq);
}

/**
 * colibri_jobs_init() - prepare the device for fenced VMs
 * @cdev: device
 *
 * Return: 0 or a negative errno.
 */
int colibri_jobs_init(struct colibri_device *cdev)
{
	spin_lock_init(&cdev->fenced.lock);
	INIT_LIST_HEAD(&cdev->fenced.list);
	INIT_WORK(&cdev->fenced.work, colibri_jobs_work);
	cdev->fenced.wq = alloc_workqueue("colibri-fence",
					  WQ_HIGHPRI | WQ_MEM_RECLAIM | WQ_UNBOUND, 0);
	if (!cdev->fenced.wq)
		return -ENOMEM;
	/* Who closes a file may end a scheduler when the device has gone. */
	return drmm_add_action_or_reset(&cdev->base, colibri_jobs_destroy_wq, cdev->fenced.wq);
}

/* ---- drm_sched ------------------------------------------------------------*/

static struct colibri_job *to_colibri_job(struct drm_sched_job *job)
{
	return container_of(job, struct colibri_job, base);
}

/* Give a job to the hardware. Return: 0, or why it does not run. */
static int colibri_job_submit(struct colibri_job *job)
{
	struct colibri_jobs *jobs = job->queue->fenced;
	struct colibri_hw_fence *fence = job->fence;
	u64 seqno;
	int ret;

	spin_lock(&jobs->lock);
	ret = jobs->error;
	if (!ret)
		ret = colibri_queue_push_job(job->queue, job->packets, job->count, &seqno);
	if (!ret) {
		dma_fence_init(&fence->base, &colibri_hw_fence_ops, &fence->lock, jobs->context,
			       seqno);
		dma_fence_get(&fence->base);
		list_add_tail(&fence->entry, &jobs->running);
		job->submitted = true;
	}
	spin_unlock(&jobs->lock);
	return ret;
}

static struct dma_fence *colibri_job_run(struct drm_sched_job *base)
{
	struct colibri_job *job = to_colibri_job(base);
	struct colibri_device *cdev = job->queue->vm->cdev;
	bool cookie = dma_fence_begin_signalling();
	int idx, ret = -ENODEV;

	if (drm_dev_enter(&cdev->base, &idx)) {
		ret = colibri_job_submit(job);
		drm_dev_exit(idx);
	}
	/* It may be complete, or the queue have ended, before the fence was on the list. */
	colibri_jobs_wake(cdev);
	dma_fence_end_signalling(cookie);
	return ret ? ERR_PTR(colibri_jobs_errno(ret)) : dma_fence_get(&job->fence->base);
}

/*
 * The fences of all jobs are signalled here, with their errors, so there is nothing to stop and to
 * start again: drm_sched gets the job back as one that has ended after all.
 */
static enum drm_gpu_sched_stat colibri_job_timedout(struct drm_sched_job *base)
{
	struct colibri_job *job = to_colibri_job(base);
	struct colibri_jobs *jobs = job->queue->fenced;
	bool cookie = dma_fence_begin_signalling();
	LIST_HEAD(taken);

	/* It may have ended just now. */
	colibri_jobs_complete(jobs);
	if (!dma_fence_is_signaled(&job->fence->base)) {
		/*
		 * Who sees the fence finds the queue banned, and nothing of the job executes then.
		 * That the queue is banned would end the jobs with another error.
		 */
		colibri_jobs_take(jobs, -ECANCELED, &taken);
		colibri_queue_kill(job->queue, DRM_COLIBRI_QUEUE_ERR_TIMEOUT);
		colibri_jobs_end_taken(&taken, -ETIME, -ECANCELED);
	}
	dma_fence_end_signalling(cookie);
	return colibri_sched_give_back(base);
}

static void colibri_job_free_work(struct work_struct *work)
{
	struct colibri_job *job = container_of(work, struct colibri_job, free_work);
	struct colibri_device *cdev = job->queue->vm->cdev;

	/* One that never ran has not been initialised. */
	if (job->submitted)
		dma_fence_put(&job->fence->base);
	else
		kfree(job->fence);
	kvfree(job->packets);
	colibri_queue_put(job->queue);
	kfree(job);
	/* Last: the files may be closed, and the device be gone. */
	drm_dev_put(&cdev->base);
	module_put(THIS_MODULE);
}

static void colibri_job_free(struct drm_sched_job *base)
{
	struct colibri_job *job = to_colibri_job(base);

	drm_sched_job_cleanup(base);
	/* The last reference to a queue is not dropped in the way of fences. */
	schedule_work(&job->free_work);
}

static const struct drm_sched_backend_ops colibri_job_sched_ops = {
	.run_job = colibri_job_run,
	.timedout_job = colibri_job_timedout,
	.free_job = colibri_job_free,
};

/* ---- Jobs -----------------------------------------------------------------*/

/**
 * colibri_job_create() - make a job
 * @queue: queue of a fenced VM
 * @packets: kvmalloc'ed; on success they belong to the job
 * @count: how many
 *
 * Return: the job or an ERR_PTR.
 */
struct colibri_job *colibri_job_create(struct colibri_queue *queue, void *packets, u32 count)
{
	struct colibri_job *job;
	int ret = -ENOMEM;

	job = kzalloc_obj(*job, GFP_KERNEL_ACCOUNT);
	if (!job)
		return ERR_PTR(-ENOMEM);
	job->fence = kzalloc_obj(*job->fence, GFP_KERNEL_ACCOUNT);
	if (!job->fence)
		goto free_job;
	spin_lock_init(&job->fence->lock);
	INIT_LIST_HEAD(&job->fence->entry);
	INIT_WORK(&job->free_work, colibri_job_free_work);
	/* The FENCE packet takes a place, too. */
	ret = drm_sched_job_init(&job->base, &queue->fenced->entity, count + 1, NULL, 0);
	if (ret)
		goto free_fence;
	job->packets = packets;
	job->count = count;
	job->queue = queue;
	colibri_queue_get(queue);
	drm_dev_get(&queue->vm->cdev->base);
	__module_get(THIS_MODULE);
	return job;

free_fence:
	kfree(job->fence);
free_job:
	kfree(job);
	return ERR_PTR(ret);
}

/**
 * colibri_job_discard() - the call failed
 * @job: job that was not armed
 */
void colibri_job_discard(struct colibri_job *job)
{
	drm_sched_job_cleanup(&job->base);
	colibri_job_free_work(&job->free_work);
}

/**
 * colibri_job_arm() - from here on the job must be pushed
 * @job: job; the VM's bind_lock is held, and its queue takes jobs
 *
 * Return: its end; no reference.
 */
struct dma_fence *colibri_job_arm(struct colibri_job *job)
{
	lockdep_assert_held(&job->queue->vm->bind_lock);
	drm_sched_job_arm(&job->base);
	return &job->base.s_fence->finished;
}

/**
 * colibri_job_push() - queue a job
 * @job: armed job; not the caller's any more
 */
void colibri_job_push(struct colibri_job *job)
{
	lockdep_assert_held(&job->queue->vm->bind_lock);
	drm_sched_entity_push_job(&job->base);
}

/* ---- Queues ---------------------------------------------------------------*/

/**
 * colibri_job_timeout() - for QUERY_LIMITS
 *
 * Return: what a job may take, in ms; 0: there is no limit.
 */
u32 colibri_job_timeout(void)
{
	return READ_ONCE(job_timeout_ms);
}

static int colibri_jobs_start(struct colibri_jobs *jobs)
{
	u32 timeout = colibri_job_timeout();
	struct colibri_queue *queue = jobs->queue;
	struct drm_sched_init_args args = {
		.ops = &colibri_job_sched_ops,
		/* One of its own would need a thread, which a killed process cannot make. */
		.submit_wq = queue->vm->cdev->fenced.wq,
		.num_rqs = 1,
		/* The FENCE packet of a job that has ended may not have retired. */
		.credit_limit = queue->ring_packets - 1,
		.timeout = timeout ? msecs_to_jiffies(timeout) : MAX_SCHEDULE_TIMEOUT,
		.name = "colibri-queue",
		.dev = queue->vm->cdev->base.dev,
	};
	struct drm_gpu_scheduler *sched = &jobs->sched;
	int ret;

	ret = drm_sched_init(sched, &args);
	if (ret)
		return ret;
	ret = drm_sched_entity_init(&jobs->entity, 0, &sched, 1, NULL);
	if (ret)
		drm_sched_fini(sched);
	return ret;
}

/**
 * colibri_jobs_create() - let a queue have jobs
 * @queue: queue of a fenced VM, with a ring
 *
 * Return: what colibri_jobs_close() ends and kfree() frees, or an ERR_PTR.
 */
struct colibri_jobs *colibri_jobs_create(struct colibri_queue *queue)
{
	struct colibri_device *cdev = queue->vm->cdev;
	struct colibri_jobs *jobs = kzalloc_obj(*jobs, GFP_KERNEL_ACCOUNT);
	int ret;

	if (!jobs)
		return ERR_PTR(-ENOMEM);
	jobs->queue = queue;
	jobs->context = dma_fence_context_alloc(1);
	spin_lock_init(&jobs->lock);
	INIT_LIST_HEAD(&jobs->running);
	init_completion(&jobs->ended);
	ret = colibri_jobs_start(jobs);
	if (ret) {
		kfree(jobs);
		return ERR_PTR(ret);
	}
	spin_lock(&cdev->fenced.lock);
	list_add_tail(&jobs->entry, &cdev->fenced.list);
	spin_unlock(&cdev->fenced.lock);
	return jobs;
}

/* Before 6.17 the end of a scheduler does not free jobs that have ended. */
static void colibri_jobs_flush(struct colibri_jobs *jobs)
{
	struct drm_gpu_scheduler *sched = &jobs->sched;
	bool empty;

	/* A job that it has in its hands is back on the list then, or gone. */
	cancel_delayed_work_sync(&sched->work_tdr);
	do {
		flush_work(&sched->work_free_job);
		spin_lock(&sched->job_list_lock);
		empty = list_empty(&sched->pending_list);
		spin_unlock(&sched->job_list_lock);
	} while (!empty && !schedule_timeout_uninterruptible(1));
}

/**
 * colibri_jobs_close() - end all jobs of a queue, for good
 * @jobs: jobs; the queue still has its ring
 *
 * Jobs that wait for others keep a reference to the queue until those have signalled.
 *
 * The file and the removal of the device may both do it, and give the ring back next: the
 * second waits for the first, which waits for no fence and for no process.
 */
void colibri_jobs_close(struct colibri_jobs *jobs)
{
	struct colibri_vm *vm = jobs->queue->vm;
	struct colibri_device *cdev = vm->cdev;
	bool lost = colibri_is_lost(cdev) || drm_dev_is_unplugged(&cdev->base);
	int error = lost ? -ENODEV : -ECANCELED;
	bool was_closed;

	mutex_lock(&vm->bind_lock);
	was_closed = jobs->closed;
	jobs->closed = true;
	mutex_unlock(&vm->bind_lock);
	if (was_closed) {
		wait_for_completion(&jobs->ended);
		return;
	}

	colibri_jobs_complete(jobs);
	colibri_jobs_end(jobs, error);
	/* Also waits for who looks at the queue. */
	spin_lock(&cdev->fenced.lock);
	list_del(&jobs->entry);
	spin_unlock(&cdev->fenced.lock);

	drm_sched_entity_fini(&jobs->entity);
	colibri_jobs_flush(jobs);
	drm_sched_fini(&jobs->sched);
	complete_all(&jobs->ended);
}
