/* SPDX-License-Identifier: GPL-2.0 OR MIT */
#ifndef COLIBRI_QUEUE_H
#define COLIBRI_QUEUE_H

#include <linux/kref.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/spinlock.h>

#include "colibri_fdinfo.h"

struct colibri_bo;
struct colibri_device;
struct colibri_jobs;
struct colibri_queue_mem;
struct colibri_vm;
struct drm_colibri_queue_create;
struct drm_colibri_queue_state;

/**
 * struct colibri_queue - a hardware queue of a process
 */
struct colibri_queue {
	/** @refcount: the file, calls in progress, the handler of VEC_ERROR */
	struct kref refcount;
	/** @vm: whose addresses the packets use; a reference */
	struct colibri_vm *vm;
	/** @vm_entry: in &colibri_vm.queues */
	struct list_head vm_entry;
	/** @hwid: number of the hardware queue */
	u32 hwid;
	/** @meter: counts the engine time of the hardware queue */
	struct colibri_meter meter;
	/** @ring_packets: size of the ring, a power of two */
	u32 ring_packets;
	/** @bo: memory of control block and ring */
	struct colibri_bo *bo;
	/** @mem: the same for the CPU, NULL when released; the process's waves can write it */
	struct colibri_queue_mem *mem;
	/** @submit_lock: serialises submission; @bo is freed under it */
	struct mutex submit_lock;
	/** @submitted: packets submitted; submit_lock, read without */
	u64 submitted;
	/** @jobs: jobs submitted; state_lock */
	u64 jobs;
	/** @fenced: jobs of a queue of a fenced VM, else NULL; const */
	struct colibri_jobs *fenced;
	/** @closed: destroyed, or the device goes */
	bool closed;
	/** @released: the hardware queue and @bo are given back; submit_lock */
	bool released;
	/** @state_lock: protects @error and keeps @mem from going; innermost */
	spinlock_t state_lock;
	/** @banned: it is stopped for good; set once, together with @error */
	bool banned;
	/** @error: why */
	struct colibri_queue_error {
		/** @error.code: COLIBRI_QERR_* */
		u32 code;
		/** @error.addr: address */
		u64 addr;
		/** @error.pc: instruction */
		u64 pc;
		/** @error.reason: positive errno, for COLIBRI_QERR_FAULT */
		u32 reason;
		/** @error.access: COLIBRI_ACCESS_*, for COLIBRI_QERR_FAULT */
		u32 access;
	} error;
};

/**
 * struct colibri_queue_packets - packets for one queue
 */
struct colibri_queue_packets {
	/** @queue: queue */
	struct colibri_queue *queue;
	/** @packets: packets */
	void *packets;
	/** @count: how many */
	u32 count;
};

struct colibri_queue *colibri_queue_create(struct colibri_vm *vm,
					   const struct drm_colibri_queue_create *args);
void colibri_queue_close(struct colibri_queue *queue);
void colibri_queue_get(struct colibri_queue *queue);
void colibri_queue_put(struct colibri_queue *queue);

int colibri_queue_submit(struct colibri_queue *queue, const void *packets, u32 count);
int colibri_queue_submit_all(const struct colibri_queue_packets *items, unsigned int n);
int colibri_queue_push_job(struct colibri_queue *queue, const void *packets, u32 count,
			   u64 *seqno);
bool colibri_queue_job_done(struct colibri_queue *queue, u64 seqno);
void colibri_queue_kill(struct colibri_queue *queue, u32 code);
int colibri_queue_status(struct colibri_queue *queue);
void colibri_queue_get_state(struct colibri_queue *queue, struct drm_colibri_queue_state *state);

void colibri_queue_disable(struct colibri_queue *queue);
bool colibri_queue_all_idle(struct colibri_device *cdev);
void colibri_queue_revoke_all(struct colibri_vm *vm);
void colibri_queue_handle_errors(struct colibri_device *cdev);

#endif /* COLIBRI_QUEUE_H */
