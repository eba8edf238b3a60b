/* SPDX-License-Identifier: GPL-2.0 OR MIT */
#ifndef COLIBRI_QUEUE_H
#define COLIBRI_QUEUE_H

#include <linux/kref.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/spinlock.h>

#include "colibri_fdinfo.h"

struct colibri_bo;
struct colibri_doorbell;
struct colibri_file;
struct colibri_group;
struct colibri_device;
struct colibri_jobs;
struct colibri_queue_mem;
struct colibri_vm;
struct drm_printer;
struct drm_colibri_queue_create;
struct drm_colibri_queue_state;

/**
 * struct colibri_queue - a queue of a process
 */
struct colibri_queue {
	/** @refcount: the file, calls in progress, the handler of VEC_ERROR */
	struct kref refcount;
	/** @vm: whose addresses the packets use; a reference */
	struct colibri_vm *vm;
	/** @vm_entry: in &colibri_vm.queues */
	struct list_head vm_entry;
	/** @group: what it is on the hardware with; a reference */
	struct colibri_group *group;
	/** @group_entry: in &colibri_group.queues */
	struct list_head group_entry;
	/** @file: the file that made it, to compare with */
	const struct colibri_file *file;
	/** @doorbell: what the process may map, NULL without DRM_COLIBRI_QUEUE_USER */
	struct colibri_doorbell *doorbell;
	/** @context: its number for the device as long as it lives */
	u32 context;
	/** @hwid: hardware queue that it is on, 0: none; &colibri_device.queues.lock */
	u32 hwid;
	/** @ready: it is on none and has something to do; &colibri_device.queues.lock */
	bool ready;
	/** @stopped: it never gets to the hardware (again); &colibri_device.queues.lock */
	bool stopped;
	/** @started: the device knows its context; the runlist's hw_lock, as are the next two */
	bool started;
	/** @restart: the device has forgotten its context, which was idle */
	bool restart;
	/** @activity: COLIBRI_ACTIVITY_* when it was detached last */
	u32 activity;
	/** @switches: times that it was detached for another; read without a lock */
	u64 switches;
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
	/** @released: context and @bo are given back; submit_lock */
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

struct colibri_queue *colibri_queue_create(struct colibri_group *group,
					   const struct colibri_file *file,
					   struct drm_colibri_queue_create *args);
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
void colibri_queue_dump_packets(struct colibri_queue *queue, struct drm_printer *p);

int colibri_queue_push_job(struct colibri_queue *queue, const void *packets, u32 count,
			   u64 *seqno);
bool colibri_queue_job_done(struct colibri_queue *queue, u64 seqno);

/* In colibri_runlist.c */
void colibri_queue_kill(struct colibri_queue *queue, u32 code);

void colibri_queue_revoke_all(struct colibri_vm *vm);

/* For the runlist. */
u64 colibri_queue_ring_va(const struct colibri_queue *queue);
u64 colibri_queue_cb_va(const struct colibri_queue *queue);
bool colibri_queue_has_more(struct colibri_queue *queue);
bool colibri_queue_is_drained(struct colibri_queue *queue);
bool colibri_queue_read_error(struct colibri_queue *queue, struct colibri_queue_error *error);
void colibri_queue_ban(struct colibri_queue *queue, const struct colibri_queue_error *error);

#endif /* COLIBRI_QUEUE_H */
