/* SPDX-License-Identifier: GPL-2.0 OR MIT */
#ifndef COLIBRI_FAULT_H
#define COLIBRI_FAULT_H

#include <linux/hashtable.h>
#include <linux/list.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/wait.h>

struct colibri_device;
struct colibri_fault;
struct colibri_fault_block;
struct colibri_vm;
struct seq_file;
struct task_struct;

#define COLIBRI_VM_FAILED	16	/* failed faults that are remembered */
#define COLIBRI_MAX_WORKERS	8	/* that serve one VM */

/**
 * struct colibri_failed_fault - a page that the device could not have
 */
struct colibri_failed_fault {
	/** @addr: address of the access, or of its page */
	u64 addr;
	/** @access: COLIBRI_ACCESS_*, the strongest that was reported */
	u32 access;
	/** @error: positive errno */
	u32 error;
};

/**
 * struct colibri_vm_fault - fault state of one VM
 */
struct colibri_vm_fault {
	/** @lock: protects everything below but @workers; innermost */
	spinlock_t lock;
	/** @blocks: all there are; NULL: the VM has no workers */
	struct colibri_fault_block *blocks;
	/** @free: those that are not in use */
	struct list_head free;
	/** @queued: those that wait for a worker, oldest first */
	struct list_head queued;
	/** @active: those in use, by address */
	DECLARE_HASHTABLE(active, 5);
	/** @overflow: faults were dropped: everything must be tried again */
	bool overflow;
	/** @wq: workers without work */
	wait_queue_head_t wq;
	/** @workers: the threads; colibri_vm_fault_start() and _stop() */
	struct task_struct *workers[COLIBRI_MAX_WORKERS];
	/** @failed: ring of the last pages that could not be had */
	struct colibri_failed_fault failed[COLIBRI_VM_FAILED];
	/** @num_failed: pages ever put to @failed */
	u64 num_failed;
};

int colibri_fault_init(struct colibri_device *cdev);
void colibri_fault_start(struct colibri_device *cdev);
void colibri_fault_kick(struct colibri_device *cdev);
bool colibri_fault_has_room(struct colibri_device *cdev);
bool colibri_fault_reset(struct colibri_device *cdev);
void colibri_fault_stop(struct colibri_device *cdev, bool stop);
void colibri_fault_handle_ring(struct colibri_device *cdev);
const struct colibri_fault *colibri_fault_record(struct colibri_device *cdev, u32 index);

void colibri_fault_show_ring(struct colibri_device *cdev, struct seq_file *m);
void colibri_vm_fault_show(struct colibri_vm *vm, struct seq_file *m);

void colibri_vm_fault_init(struct colibri_vm *vm);
int colibri_vm_fault_start(struct colibri_vm *vm);
void colibri_vm_fault_stop(struct colibri_vm *vm);
u64 colibri_vm_fault_get_last(struct colibri_vm *vm, struct colibri_failed_fault *failed);
bool colibri_vm_fault_find_failed(struct colibri_vm *vm, u64 addr,
				  struct colibri_failed_fault *failed);

#endif /* COLIBRI_FAULT_H */
