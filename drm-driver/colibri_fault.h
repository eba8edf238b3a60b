/* SPDX-License-Identifier: GPL-2.0 OR MIT */
#ifndef COLIBRI_FAULT_H
#define COLIBRI_FAULT_H

#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/workqueue.h>

struct colibri_device;
struct colibri_vm;

#define COLIBRI_VM_FAULTS	256	/* that wait to be served; a power of two */
#define COLIBRI_VM_FAILED	16	/* that are remembered */

/**
 * struct colibri_fault_page - a page that the device wants, or could not have
 */
struct colibri_fault_page {
	/** @addr: address of the first access */
	u64 addr;
	/** @access: COLIBRI_ACCESS_*, the strongest that was reported */
	u32 access;
	/** @error: positive errno (of a failed fault) */
	u32 error;
};

/**
 * struct colibri_vm_fault - fault state of one VM
 */
struct colibri_vm_fault {
	/** @work: serves @pending; holds a reference to the VM while queued */
	struct work_struct work;
	/** @lock: protects the fields below; innermost */
	spinlock_t lock;
	/** @pending: ring of pages to serve */
	struct colibri_fault_page pending[COLIBRI_VM_FAULTS];
	/** @head: where the next page goes; runs free */
	unsigned int head;
	/** @tail: the next page to serve; runs free */
	unsigned int tail;
	/** @overflow: pages were dropped: everything must be tried again */
	bool overflow;
	/** @failed: ring of the last pages that could not be had */
	struct colibri_fault_page failed[COLIBRI_VM_FAILED];
	/** @num_failed: pages ever put to @failed */
	unsigned int num_failed;
};

int colibri_fault_init(struct colibri_device *cdev);
void colibri_fault_start(struct colibri_device *cdev);
void colibri_fault_handle_ring(struct colibri_device *cdev);

void colibri_vm_fault_init(struct colibri_vm *vm);
bool colibri_vm_fault_find_failed(struct colibri_vm *vm, u64 addr,
				  struct colibri_fault_page *failed);

#endif /* COLIBRI_FAULT_H */
