/* SPDX-License-Identifier: GPL-2.0 OR MIT */
#ifndef COLIBRI_JOB_H
#define COLIBRI_JOB_H

#include <linux/completion.h>
#include <linux/list.h>
#include <linux/spinlock.h>

#include <drm/gpu_scheduler.h>

struct colibri_device;
struct colibri_hw_fence;
struct colibri_queue;

/**
 * struct colibri_jobs - the jobs of a queue of a fenced VM
 */
struct colibri_jobs {
	/** @queue: queue */
	struct colibri_queue *queue;
	/** @sched: gives the hardware no more than fits into the ring */
	struct drm_gpu_scheduler sched;
	/** @entity: its one entity */
	struct drm_sched_entity entity;
	/** @entry: in &colibri_device.fenced.list */
	struct list_head entry;
	/** @lock: protects the fields below; inside of &colibri_device.fenced.lock */
	spinlock_t lock;
	/** @running: &colibri_hw_fence.entry of jobs on the ring, oldest first */
	struct list_head running;
	/** @context: of their fences */
	u64 context;
	/** @error: what becomes of jobs that have not run, 0: they run */
	int error;
	/** @closed: takes no more jobs; &colibri_vm.bind_lock */
	bool closed;
	/** @ended: @sched is gone */
	struct completion ended;
};

/**
 * struct colibri_job - packets for one queue
 */
struct colibri_job {
	/** @base: job */
	struct drm_sched_job base;
	/** @queue: a reference */
	struct colibri_queue *queue;
	/** @fence: signals when the last packet is complete */
	struct colibri_hw_fence *fence;
	/** @packets: packets */
	void *packets;
	/** @count: how many */
	u32 count;
	/** @submitted: it is, or was, on the ring, and @fence is initialised */
	bool submitted;
	/** @free_work: after the job */
	struct work_struct free_work;
};

int colibri_jobs_init(struct colibri_device *cdev);
struct colibri_jobs *colibri_jobs_create(struct colibri_queue *queue);
void colibri_jobs_close(struct colibri_jobs *jobs);
void colibri_jobs_wake(struct colibri_device *cdev);
u32 colibri_job_timeout(void);

struct colibri_job *colibri_job_create(struct colibri_queue *queue, void *packets, u32 count);
void colibri_job_discard(struct colibri_job *job);
struct dma_fence *colibri_job_arm(struct colibri_job *job);
void colibri_job_push(struct colibri_job *job);

#endif /* COLIBRI_JOB_H */
