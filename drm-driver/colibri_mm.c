// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Statistics of a whole process.
 */

/**
 * DOC: Processes
 *
 * A program that wants to know what the GPU did with its memory often does not
 * own the VM: a library opened the device and made it.  So SVM_STATS can sum up
 * all VMs that the caller's address space has or had.  One record for each
 * address space keeps that sum; it lives as long as the process has a file of
 * the device open or a VM on it.
 *
 * &colibri_device.mms.lock protects the list of records and each one's list of
 * VMs.  Nothing sleeps long under it.
 */

#include <linux/sched.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>

#include "colibri_device.h"
#include "colibri_mm.h"
#include "colibri_vm.h"

static struct colibri_mm *colibri_mm_find(struct colibri_device *cdev)
{
	struct colibri_mm *cmm;

	lockdep_assert_held(&cdev->mms.lock);
	list_for_each_entry(cmm, &cdev->mms.list, entry) {
		if (cmm->mm == current->mm)
			return cmm;
	}
	return NULL;
}

/**
 * colibri_mm_get_current() - the record of the caller's address space
 * @cdev: device
 *
 * Return: a reference to it, NULL when there is no memory to make one.
 */
struct colibri_mm *colibri_mm_get_current(struct colibri_device *cdev)
{
	struct colibri_mm *cmm;

	mutex_lock(&cdev->mms.lock);
	cmm = colibri_mm_find(cdev);
	if (cmm) {
		kref_get(&cmm->refcount);
		goto unlock;
	}

	cmm = kzalloc_obj(*cmm);
	if (!cmm)
		goto unlock;
	kref_init(&cmm->refcount);
	cmm->cdev = cdev;
	cmm->mm = current->mm;
	mmgrab(cmm->mm);
	INIT_LIST_HEAD(&cmm->vms);
	list_add(&cmm->entry, &cdev->mms.list);
unlock:
	mutex_unlock(&cdev->mms.lock);
	return cmm;
}

static void colibri_mm_release(struct kref *kref)
{
	struct colibri_mm *cmm = container_of(kref, struct colibri_mm, refcount);

	list_del(&cmm->entry);
	mutex_unlock(&cmm->cdev->mms.lock);
	mmdrop(cmm->mm);
	kfree(cmm);
}

/**
 * colibri_mm_put() - drop a reference
 * @cmm: record
 */
void colibri_mm_put(struct colibri_mm *cmm)
{
	kref_put_mutex(&cmm->refcount, colibri_mm_release, &cmm->cdev->mms.lock);
}

/* All of &struct hmm_svm_stats are counters, so that a new one cannot be forgotten here. */
static void colibri_mm_sum_add(struct hmm_svm_stats *sum, const struct hmm_svm_stats *stats)
{
	const u64 *from = (const u64 *)stats;
	u64 *to = (u64 *)sum;
	unsigned int i;

	static_assert(sizeof(*sum) % sizeof(*to) == 0);
	for (i = 0; i < sizeof(*sum) / sizeof(*to); i++)
		to[i] += from[i];
}

/**
 * colibri_mm_add_vm() - count a VM
 * @cmm: record; the VM holds a reference
 * @vm: VM
 */
void colibri_mm_add_vm(struct colibri_mm *cmm, struct colibri_vm *vm)
{
	mutex_lock(&cmm->cdev->mms.lock);
	list_add(&vm->mm_entry, &cmm->vms);
	mutex_unlock(&cmm->cdev->mms.lock);
}

/**
 * colibri_mm_del_vm() - a VM ends: keep what it counted
 * @cmm: record
 * @vm: VM, whose mirror may be freed afterwards
 * @stats: its final counters
 */
void colibri_mm_del_vm(struct colibri_mm *cmm, struct colibri_vm *vm,
		       const struct hmm_svm_stats *stats)
{
	mutex_lock(&cmm->cdev->mms.lock);
	list_del_init(&vm->mm_entry);
	colibri_mm_sum_add(&cmm->gone, stats);
	mutex_unlock(&cmm->cdev->mms.lock);
}

/**
 * colibri_mm_sum_current() - counters of all VMs of the caller's address space
 * @cdev: device
 * @sum: returns them
 */
void colibri_mm_sum_current(struct colibri_device *cdev, struct hmm_svm_stats *sum)
{
	struct hmm_svm_stats stats;
	struct colibri_mm *cmm;
	struct colibri_vm *vm;

	memset(sum, 0, sizeof(*sum));
	mutex_lock(&cdev->mms.lock);
	cmm = colibri_mm_find(cdev);
	if (cmm) {
		*sum = cmm->gone;
		list_for_each_entry(vm, &cmm->vms, mm_entry) {
			colibri_vm_get_stats(vm, &stats);
			colibri_mm_sum_add(sum, &stats);
		}
	}
	mutex_unlock(&cdev->mms.lock);
}
