/* SPDX-License-Identifier: GPL-2.0 OR MIT */
#ifndef COLIBRI_MM_H
#define COLIBRI_MM_H

#include <linux/kref.h>
#include <linux/list.h>

#include "hmm_svm.h"

struct colibri_device;
struct colibri_vm;
struct mm_struct;

/**
 * struct colibri_mm - a process address space that has used the device
 *
 * Lives while a VM or an open file of that process does.
 */
struct colibri_mm {
	/** @refcount: VMs and open files */
	struct kref refcount;
	/** @cdev: device */
	struct colibri_device *cdev;
	/** @mm: the address space; grabbed, so that the pointer stays its name */
	struct mm_struct *mm;
	/** @entry: in &colibri_device.mms.list */
	struct list_head entry;
	/** @vms: &colibri_vm.mm_entry */
	struct list_head vms;
	/** @num_queues: queues of the process; &colibri_device.queues.lock */
	u32 num_queues;
	/** @gone: sum of the counters of VMs that are gone */
	struct hmm_svm_stats gone;
};

struct colibri_mm *colibri_mm_get_current(struct colibri_device *cdev);
void colibri_mm_put(struct colibri_mm *cmm);
void colibri_mm_add_vm(struct colibri_mm *cmm, struct colibri_vm *vm);
void colibri_mm_del_vm(struct colibri_mm *cmm, struct colibri_vm *vm,
		       const struct hmm_svm_stats *stats);
void colibri_mm_sum_current(struct colibri_device *cdev, struct hmm_svm_stats *sum);

#endif /* COLIBRI_MM_H */
