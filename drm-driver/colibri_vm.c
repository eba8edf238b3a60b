// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * GPU address spaces.
 */

/**
 * DOC: Address spaces
 *
 * Overview
 * --------
 *
 * A VM is an ASID with page tables.  [0, 2^56) can mirror the address space of
 * the process that made the VM (colibri_svm.c); behind it lies the driver's
 * zone, where VM_BIND puts buffers (colibri_bind.c), and at its end the rings
 * of the VM's queues.  A VM belongs to one mm_struct: calls from any other are
 * refused.
 *
 * Life
 * ----
 *
 * References are held by the file that made the VM, by its queues, by calls in
 * progress and by bindings.  colibri_vm_close(), for the file, removes the
 * bindings, whose references form a cycle.  The last reference tears the VM
 * down: it is hidden from faults, its workers and its mirror end, the TLBs are
 * flushed, page tables freed, and only then is the ASID given back.
 *
 * Faults and calls that wait for user space (userfaultfd, FUSE) are interrupted
 * first, so neither closing a file nor removing the device waits for that.
 *
 * The removal of the device does the same for VMs and queues of files that stay
 * open.  Each step of it happens once, whoever comes first, and the removal
 * waits for those that files are doing; a file closed later finds nothing left
 * to do.
 *
 * Death
 * -----
 *
 * When the owner exits or executes another program, when the file is closed or
 * the device goes, the VM is dead: its queues are disabled before
 * colibri_vm_kill() returns, faults fail and waiters wake.
 *
 * Locking
 * -------
 *
 * In this order: teardown_lock, bind_lock, mmap_lock, dma_resv, hmm_svm's
 * migrate lock, pte_lock, &colibri_bo.place_lock, &colibri_pt.lock, hmm_svm's state lock, then
 * queue_lock and the runlist's hw_lock, then the spinlocks of the MMU, fault, copy and queue code.
 * queue_lock is taken in the MMU notifier's release, so nothing is allocated under it.
 */

#include <linux/sched.h>
#include <linux/slab.h>

#include <drm/colibri_drm.h>

#include "colibri_device.h"
#include "colibri_job.h"
#include "colibri_fdinfo.h"
#include "colibri_lockdep.h"
#include "colibri_mm.h"
#include "colibri_mmu.h"
#include "colibri_queue.h"
#include "colibri_runlist.h"
#include "colibri_trace.h"
#include "colibri_vm.h"

static void colibri_vm_free(struct drm_gpuvm *gpuvm);

static const struct drm_gpuvm_ops colibri_gpuvm_ops = {
	.vm_free = colibri_vm_free,
	.vm_bo_validate = colibri_bind_validate,
};

/* ---- Creation -------------------------------------------------------------*/

static int colibri_vm_init_gpuvm(struct colibri_vm *vm)
{
	struct drm_gem_object *resv;

	resv = drm_gpuvm_resv_object_alloc(&vm->cdev->base);
	if (!resv)
		return -ENOMEM;
	drm_gpuvm_init(&vm->gpuvm, "colibri", 0, &vm->cdev->base, resv, COLIBRI_VA_DRIVER_ZONE,
		       COLIBRI_VA_QUEUE_SLOTS - COLIBRI_VA_DRIVER_ZONE, 0, 0, &colibri_gpuvm_ops);
	drm_gem_object_put(resv);
	return 0;
}

/* Take an ASID and make the VM known to the device. */
static int colibri_vm_publish(struct colibri_vm *vm)
{
	struct colibri_device *cdev = vm->cdev;
	int ret;

	ret = xa_alloc_cyclic(&cdev->vms, &vm->asid, NULL, XA_LIMIT(1, cdev->num_asids - 1),
			      &cdev->next_asid, GFP_KERNEL);
	if (ret < 0)
		return ret == -EBUSY ? -ENOSPC : ret;

	colibri_write64(cdev, COLIBRI_REG_PT_ROOT(vm->asid), colibri_pt_root_entry(&vm->pt));
	xa_store(&cdev->vms, vm->asid, vm, GFP_KERNEL);
	trace_colibri_vm(vm->asid, vm->pid, true);
	return 0;
}

/**
 * colibri_vm_create() - make an address space that the caller owns
 * @cdev: device
 * @fenced: whether nothing faults on it
 *
 * Return: the VM or an ERR_PTR; -ENOSPC when every ASID is taken.
 */
struct colibri_vm *colibri_vm_create(struct colibri_device *cdev, bool fenced)
{
	struct colibri_vm *vm;
	int ret = -ENOMEM;

	vm = kzalloc_obj(*vm, GFP_KERNEL_ACCOUNT);
	if (!vm)
		return ERR_PTR(-ENOMEM);

	vm->cdev = cdev;
	vm->pid = task_tgid_nr(current);
	vm->fenced = fenced;
	mutex_init(&vm->bind_lock);
	colibri_lockdep_allocates(&vm->bind_lock);
	mutex_init(&vm->pte_lock);
	colibri_lockdep_in_signalling(&vm->pte_lock);
	INIT_LIST_HEAD(&vm->binds.list);
	init_completion(&vm->binds.ended);
	mutex_init(&vm->queue_lock);
	init_rwsem(&vm->teardown_lock);
	INIT_LIST_HEAD(&vm->queues);
	colibri_vm_fault_init(vm);

	vm->cmm = colibri_mm_get_current(cdev);
	if (!vm->cmm)
		goto free_vm;
	ret = colibri_pt_init(&vm->pt, cdev->base.dev);
	if (ret)
		goto put_mm;
	ret = colibri_vm_init_gpuvm(vm);
	if (ret)
		goto fini_pt;

	colibri_mm_add_vm(vm->cmm, vm);
	ret = colibri_vm_publish(vm);
	if (ret) {
		/* The device never heard of this VM. */
		vm->torn_down = true;
		colibri_mm_del_vm(vm->cmm, vm, &(struct hmm_svm_stats){});
		colibri_pt_fini(&vm->pt);
		colibri_vm_put(vm);
		return ERR_PTR(ret);
	}
	return vm;

fini_pt:
	colibri_pt_fini(&vm->pt);
put_mm:
	colibri_mm_put(vm->cmm);
free_vm:
	kfree(vm);
	return ERR_PTR(ret);
}

/* ---- Death ----------------------------------------------------------------*/

/**
 * colibri_vm_kill() - stop all work of a VM
 * @vm: VM
 *
 * When it returns no queue of the VM executes anything, and none ever will.
 *
 * Context: may sleep; also the MMU notifier's release.
 */
void colibri_vm_kill(struct colibri_vm *vm)
{
	struct colibri_queue *queue;

	mutex_lock(&vm->queue_lock);
	WRITE_ONCE(vm->dead, true);
	list_for_each_entry(queue, &vm->queues, vm_entry)
		colibri_runlist_stop(queue);
	mutex_unlock(&vm->queue_lock);

	colibri_jobs_wake(vm->cdev);
}

/* The same before the VM is torn down: nothing in it goes on waiting for user space. */
static void colibri_vm_stop(struct colibri_vm *vm)
{
	struct hmm_svm *svm;

	colibri_vm_kill(vm);
	/* Whoever has the lock for writing came by here before. */
	down_read(&vm->teardown_lock);
	svm = vm->torn_down ? NULL : colibri_vm_svm(vm);
	if (svm)
		hmm_svm_interrupt(svm);
	up_read(&vm->teardown_lock);
}

/* Forget the VM: afterwards the device uses neither its ASID nor its page tables. */
static void colibri_vm_teardown(struct colibri_vm *vm)
{
	struct colibri_device *cdev = vm->cdev;
	struct hmm_svm_stats stats;

	down_write(&vm->teardown_lock);
	if (vm->torn_down)
		goto unlock;

	/* No fault finds the VM any more, but the ASID stays taken. */
	xa_store(&cdev->vms, vm->asid, NULL, GFP_KERNEL);
	trace_colibri_vm(vm->asid, vm->pid, false);
	colibri_vm_fault_stop(vm);
	colibri_vm_get_stats(vm, &stats);
	colibri_mm_del_vm(vm->cmm, vm, &stats);
	if (vm->svm)
		hmm_svm_destroy(vm->svm);
	vm->torn_down = true;

	if (!colibri_is_lost(cdev)) {
		colibri_write64(cdev, COLIBRI_REG_PT_ROOT(vm->asid), 0);
		/* Faults that nobody will answer any more would stay in the device. */
		colibri_mmu_fail(cdev, vm->asid, 0, COLIBRI_MMU_ALL, EOWNERDEAD);
		colibri_mmu_wait(cdev, colibri_mmu_invalidate(cdev, vm->asid, 0, COLIBRI_MMU_ALL),
				 true);
	}
	colibri_pt_fini(&vm->pt);
	xa_erase(&cdev->vms, vm->asid);
	wake_up_all(&cdev->fence_wq);
unlock:
	up_write(&vm->teardown_lock);
}

static void colibri_vm_free(struct drm_gpuvm *gpuvm)
{
	struct colibri_vm *vm = to_colibri_vm(gpuvm);

	colibri_vm_teardown(vm);
	colibri_mm_put(vm->cmm);
	colibri_usage_put(vm->usage);
	mutex_destroy(&vm->queue_lock);
	mutex_destroy(&vm->pte_lock);
	mutex_destroy(&vm->bind_lock);
	kfree(vm);
}

/**
 * colibri_vm_close() - the file gives the VM up
 * @vm: VM without queues; the caller's reference goes with it
 */
void colibri_vm_close(struct colibri_vm *vm)
{
	colibri_vm_stop(vm);
	colibri_bind_unmap_all(vm);
	colibri_vm_put(vm);
}

/**
 * colibri_vm_revoke_all() - tear down every VM
 * @cdev: device that is being removed: no call is in progress, none will start
 */
void colibri_vm_revoke_all(struct colibri_device *cdev)
{
	struct colibri_vm *vm;
	unsigned long asid;

	xa_for_each(&cdev->vms, asid, vm) {
		vm = colibri_vm_get_by_asid(cdev, asid);
		if (!vm)
			continue;
		colibri_vm_stop(vm);
		colibri_queue_revoke_all(vm);
		colibri_bind_unmap_all(vm);
		colibri_vm_teardown(vm);
		colibri_vm_put(vm);
	}
	/* Files that are being closed end theirs themselves. */
	wait_event(cdev->fence_wq, colibri_runlist_is_empty(cdev) && xa_empty(&cdev->vms));
}

/* ---- Lookup ---------------------------------------------------------------*/

/**
 * colibri_vm_get_by_asid() - find a VM by what the device calls it
 * @cdev: device
 * @asid: address space
 *
 * Return: a reference to the VM, or NULL.
 */
struct colibri_vm *colibri_vm_get_by_asid(struct colibri_device *cdev, u32 asid)
{
	struct colibri_vm *vm;

	xa_lock(&cdev->vms);
	vm = xa_load(&cdev->vms, asid);
	if (vm && !kref_get_unless_zero(&vm->gpuvm.kref))
		vm = NULL;
	xa_unlock(&cdev->vms);
	return vm;
}

/**
 * colibri_vm_owned_by_current() - whether the caller may use a VM
 * @vm: VM
 *
 * Return: true if the caller has the address space that it was made in.
 */
bool colibri_vm_owned_by_current(struct colibri_vm *vm)
{
	return vm->cmm->mm == current->mm;
}

/**
 * colibri_vm_get_stats() - counters of a VM's mirror
 * @vm: VM, not torn down
 * @stats: returns them, zeroes without a mirror
 */
void colibri_vm_get_stats(struct colibri_vm *vm, struct hmm_svm_stats *stats)
{
	struct hmm_svm *svm = colibri_vm_svm(vm);

	memset(stats, 0, sizeof(*stats));
	if (svm)
		hmm_svm_get_stats(svm, stats);
}

/**
 * colibri_vm_peek_stats() - the same for who does not know whether it is torn down
 * @vm: VM
 * @stats: returns the counters, zeroes when the mirror is gone
 */
void colibri_vm_peek_stats(struct colibri_vm *vm, struct hmm_svm_stats *stats)
{
	memset(stats, 0, sizeof(*stats));
	down_read(&vm->teardown_lock);
	if (!vm->torn_down)
		colibri_vm_get_stats(vm, stats);
	up_read(&vm->teardown_lock);
}

static u32 colibri_vm_count_queues(struct colibri_vm *vm)
{
	u32 count;

	mutex_lock(&vm->queue_lock);
	count = list_count_nodes(&vm->queues);
	mutex_unlock(&vm->queue_lock);
	return count;
}

/**
 * colibri_vm_get_state() - answer VM_STATE
 * @vm: VM
 * @state: returns everything but &drm_colibri_vm_state.vm_id
 */
void colibri_vm_get_state(struct colibri_vm *vm, struct drm_colibri_vm_state *state)
{
	struct colibri_failed_fault failed;

	if (colibri_is_lost(vm->cdev) || drm_dev_is_unplugged(&vm->cdev->base))
		state->state = DRM_COLIBRI_VM_DEVICE_LOST;
	else if (READ_ONCE(vm->dead))
		state->state = DRM_COLIBRI_VM_OWNER_DEAD;
	if (vm->fenced)
		state->flags |= DRM_COLIBRI_VM_FENCED;
	if (colibri_vm_svm(vm))
		state->flags |= DRM_COLIBRI_VM_MIRRORED;
	state->num_queues = colibri_vm_count_queues(vm);
	state->faults_failed = colibri_vm_fault_get_last(vm, &failed);
	if (state->faults_failed) {
		state->fault_reason = failed.error;
		state->fault_addr = failed.addr;
		state->fault_access = failed.access;
	}
}
