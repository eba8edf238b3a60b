// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * When changes of an address space take effect.
 */

/**
 * DOC: Bind jobs
 *
 * A VM_BIND without syncs takes effect in the call.  One with syncs, and each that
 * comes while one is queued, is a job of a drm_sched scheduler with one entity, which the VM
 * has from its first such call on: so they wait for what they name, and
 * happen in order.  Running one writes page-table entries and flushes TLBs.  That needs
 * the memory that the call has preallocated, &colibri_vm.pte_lock and, to know where the
 * buffer is, &colibri_bo.place_lock: it is in the way of a fence, and no
 * dma_resv is taken.
 *
 * A buffer that is moving just then gets no entries.  On a faulting VM the next access
 * finds it; on a fenced VM the next EXEC, and a job that could already use it
 * would have kept it from moving.
 *
 * What a change replaces keeps its place in the buffer's list of bindings until the
 * change has taken effect, so that the buffer can move meanwhile.  It is freed by a work
 * item after the job, as that takes the dma_resv.
 *
 * When the VM ends its queued changes never happen; their fences signal with ECANCELED,
 * or ENODEV when the device goes, as soon as what they wait for has signalled.
 */

#include <linux/module.h>
#include <linux/slab.h>

#include <drm/colibri_drm.h>

#include "colibri_bind.h"
#include "colibri_device.h"
#include "colibri_gem.h"
#include "colibri_mmu.h"
#include "colibri_sync.h"
#include "colibri_vm.h"

/* ---- Effect ---------------------------------------------------------------*/

/**
 * colibri_bind_flush() - drop cached translations, and wait for that
 * @vm: VM
 * @addr: first address
 * @range: bytes
 */
void colibri_bind_flush(struct colibri_vm *vm, u64 addr, u64 range)
{
	colibri_mmu_wait(vm->cdev, colibri_mmu_invalidate(vm->cdev, vm->asid, addr, range), true);
}

/* Write the page tables; nothing here may allocate, or take a dma_resv. */
static void colibri_bind_apply(struct colibri_bind *bind)
{
	struct colibri_vm *vm = bind->vm;
	u64 end = bind->addr + bind->range;
	struct colibri_vma *vma, *next;

	mutex_lock(&vm->pte_lock);
	list_for_each_entry(vma, &bind->dead, dead)
		vma->state = COLIBRI_VMA_DEAD;
	if (bind->op == DRM_COLIBRI_VM_BIND_OP_UNMAP && !list_empty(&bind->dead))
		colibri_pt_clear(&vm->pt, bind->addr, end);
	list_for_each_entry_safe(vma, next, &bind->fresh, fresh) {
		list_del_init(&vma->fresh);
		vma->state = COLIBRI_VMA_ACTIVE;
		/* What stays of a binding that was cut has its entries. */
		if (vma->base.va.addr >= bind->addr && vma->base.va.addr < end)
			colibri_bind_map_vma(vma);
	}
	mutex_unlock(&vm->pte_lock);

	if (!list_empty(&bind->dead))
		colibri_bind_flush(vm, bind->addr, bind->range);
}

/**
 * colibri_bind_unlink() - free bindings that have ended
 * @dead: list of them, by &colibri_vma.dead
 *
 * The last binding of a buffer may hold its last reference.
 */
void colibri_bind_unlink(struct list_head *dead)
{
	struct colibri_vma *vma, *next;

	list_for_each_entry_safe(vma, next, dead, dead) {
		struct drm_gem_object *obj = vma->base.gem.obj;

		list_del(&vma->dead);
		drm_gem_object_get(obj);
		dma_resv_lock(obj->resv, NULL);
		drm_gpuva_unlink(&vma->base);
		dma_resv_unlock(obj->resv);
		drm_gem_object_put(obj);
		kfree(vma);
	}
}

/* A change has taken effect, or never will; bind_lock is held. */
static void colibri_bind_free(struct colibri_bind *bind)
{
	struct colibri_vma *vma, *next;

	lockdep_assert_held(&bind->vm->bind_lock);
	if (bind->done) {
		/* It was prepared, and the call failed. */
		drm_sched_job_cleanup(&bind->base);
		bind->done->syncs = NULL;
		colibri_done_discard(bind->done);
	}
	colibri_bind_unlink(&bind->dead);
	list_for_each_entry_safe(vma, next, &bind->spare, dead)
		kfree(vma);
	if (bind->vm_bo) {
		struct drm_gem_object *obj = bind->vm_bo->obj;

		drm_gem_object_get(obj);
		dma_resv_lock(obj->resv, NULL);
		drm_gpuvm_bo_put(bind->vm_bo);
		dma_resv_unlock(obj->resv);
		drm_gem_object_put(obj);
	}
	if (bind->ops)
		drm_gpuva_ops_free(&bind->vm->gpuvm, bind->ops);
	list_del(&bind->entry);
	kfree(bind);
}

/* ---- Jobs -----------------------------------------------------------------*/

static struct colibri_bind *to_colibri_bind(struct drm_sched_job *job)
{
	return container_of(job, struct colibri_bind, base);
}

static struct dma_fence *colibri_bind_run_job(struct drm_sched_job *job)
{
	struct colibri_bind *bind = to_colibri_bind(job);
	struct colibri_device *cdev = bind->vm->cdev;
	bool cookie = dma_fence_begin_signalling();

	colibri_bind_apply(bind);
	dma_fence_end_signalling(cookie);
	/* There is nobody any more whom it could have an effect on. */
	if (colibri_is_lost(cdev) || drm_dev_is_unplugged(&cdev->base))
		return ERR_PTR(-ENODEV);
	return NULL;
}

/* Never: a job is complete when it has run, and what it waits for has its own timeout. */
static enum drm_gpu_sched_stat colibri_bind_timedout_job(struct drm_sched_job *job)
{
	return colibri_sched_give_back(job);
}

/**
 * colibri_bind_end() - a call is over, of which nothing is queued
 * @bind: change that has taken effect, or never will; freed
 * @syncs: of the call; not the caller's any more
 *
 * Releases &colibri_vm.bind_lock.
 */
void colibri_bind_end(struct colibri_bind *bind, struct colibri_syncs *syncs)
	__releases(&bind->vm->bind_lock)
{
	struct colibri_vm *vm = bind->vm;

	colibri_bind_free(bind);
	mutex_unlock(&vm->bind_lock);
	colibri_syncs_put(syncs);
}

static void colibri_bind_free_work(struct work_struct *work)
{
	struct colibri_bind *bind = container_of(work, struct colibri_bind, free_work);
	struct colibri_vm *vm = bind->vm;
	struct colibri_device *cdev = vm->cdev;

	mutex_lock(&vm->bind_lock);
	colibri_bind_free(bind);
	mutex_unlock(&vm->bind_lock);
	colibri_vm_put(vm);
	/* Last: the files may be closed, and the device be gone. */
	drm_dev_put(&cdev->base);
	module_put(THIS_MODULE);
}

static void colibri_bind_free_job(struct drm_sched_job *job)
{
	struct colibri_bind *bind = to_colibri_bind(job);

	drm_sched_job_cleanup(job);
	bind->done = NULL;
	/* The next job is not to wait for a dma_resv. */
	schedule_work(&bind->free_work);
}

static const struct drm_sched_backend_ops colibri_bind_sched_ops = {
	.run_job = colibri_bind_run_job,
	.timedout_job = colibri_bind_timedout_job,
	.free_job = colibri_bind_free_job,
};

/* The scheduler of a VM, made when it is needed first. */
static int colibri_binds_start(struct colibri_vm *vm)
{
	struct drm_sched_init_args args = {
		.ops = &colibri_bind_sched_ops,
		/* As for jobs: see colibri_jobs_start(). */
		.submit_wq = vm->cdev->fenced.wq,
		.num_rqs = 1,
		.credit_limit = 1,
		.timeout = MAX_SCHEDULE_TIMEOUT,
		.name = "colibri-bind",
		.dev = vm->cdev->base.dev,
	};
	struct drm_gpu_scheduler *sched = &vm->binds.sched;
	int ret;

	if (vm->binds.ready)
		return 0;
	ret = drm_sched_init(sched, &args);
	if (ret)
		return ret;
	ret = drm_sched_entity_init(&vm->binds.entity, 0, &sched, 1, NULL);
	if (ret)
		drm_sched_fini(sched);
	vm->binds.ready = !ret;
	return ret;
}

/**
 * colibri_bind_prepare_job() - make a change a job, if it has to be one
 * @bind: change
 * @syncs: of the call
 *
 * Return: 0, -ENOMEM, or -ENOENT when the VM is closed.
 */
int colibri_bind_prepare_job(struct colibri_bind *bind, struct colibri_syncs *syncs)
{
	struct colibri_vm *vm = bind->vm;
	struct colibri_done *done;
	int ret;

	lockdep_assert_held(&vm->bind_lock);
	if (vm->binds.closed)
		return -ENOENT;
	if (!syncs->num_in && !syncs->num_out && list_empty(&vm->binds.list))
		return 0;
	ret = colibri_binds_start(vm);
	if (!ret)
		ret = drm_sched_job_init(&bind->base, &vm->binds.entity, 1, NULL, 0);
	if (ret)
		return ret;
	ret = colibri_syncs_add_deps(syncs, &bind->base);
	done = ret ? ERR_PTR(ret) : colibri_done_create(vm->cdev, syncs, 1);
	if (IS_ERR(done)) {
		drm_sched_job_cleanup(&bind->base);
		return PTR_ERR(done);
	}
	bind->done = done;
	return 0;
}

/* Queue a change. Return: the fence of the call. */
static struct dma_fence *colibri_bind_push(struct colibri_bind *bind)
{
	struct colibri_done *done = bind->done;
	struct colibri_vm *vm = bind->vm;
	struct dma_fence *fence = dma_fence_get(&done->base);

	INIT_WORK(&bind->free_work, colibri_bind_free_work);
	colibri_vm_get(vm);
	drm_dev_get(&vm->cdev->base);
	__module_get(THIS_MODULE);
	list_add_tail(&bind->entry, &vm->binds.list);

	colibri_syncs_install(done->syncs, fence);
	drm_sched_job_arm(&bind->base);
	colibri_done_watch(done, 0, &bind->base.s_fence->finished);
	drm_sched_entity_push_job(&bind->base);
	colibri_done_arm(done);
	return fence;
}

/**
 * colibri_bind_commit() - let a change take effect, now or later
 * @bind: change, of which the gpuvm knows; not the caller's any more
 * @syncs: of the call; the same
 *
 * Releases &colibri_vm.bind_lock.
 *
 * Return: 0, or -ERESTARTSYS from a call without syncs that has to wait for others: it takes
 * effect all the same, and doing it again does no harm.
 */
int colibri_bind_commit(struct colibri_bind *bind, struct colibri_syncs *syncs)
	__releases(&bind->vm->bind_lock)
{
	bool wait = !syncs->num_in && !syncs->num_out;
	struct colibri_vm *vm = bind->vm;
	struct dma_fence *fence;
	int ret = 0;

	lockdep_assert_held(&vm->bind_lock);
	if (!bind->done) {
		colibri_bind_apply(bind);
		colibri_bind_end(bind, syncs);
		return 0;
	}
	fence = colibri_bind_push(bind);
	mutex_unlock(&vm->bind_lock);
	if (wait)
		ret = dma_fence_wait(fence, true);
	dma_fence_put(fence);
	return ret;
}

/* The change never takes effect: what it was to replace goes now. */
static void colibri_bind_forget(struct colibri_bind *bind)
{
	struct colibri_vm *vm = bind->vm;
	struct colibri_vma *vma, *next;

	mutex_lock(&vm->pte_lock);
	list_for_each_entry(vma, &bind->dead, dead) {
		if (vma->state == COLIBRI_VMA_ACTIVE)
			colibri_pt_clear(&vm->pt, vma->base.va.addr,
					 vma->base.va.addr + vma->base.va.range);
		vma->state = COLIBRI_VMA_DEAD;
	}
	list_for_each_entry_safe(vma, next, &bind->fresh, fresh)
		list_del_init(&vma->fresh);
	mutex_unlock(&vm->pte_lock);
	colibri_bind_flush(vm, bind->addr, bind->range);
	colibri_bind_unlink(&bind->dead);
	list_del_init(&bind->entry);
}

/**
 * colibri_bind_cancel() - drop the changes that are queued, and take no more
 * @vm: VM that ends
 *
 * The file and the removal of the device may both do it, and clear the page tables next: the
 * second waits for the first, since a change may still be writing them.
 */
void colibri_bind_cancel(struct colibri_vm *vm)
{
	struct colibri_bind *bind, *next;
	bool was_closed;

	mutex_lock(&vm->bind_lock);
	was_closed = vm->binds.closed;
	vm->binds.closed = true;
	mutex_unlock(&vm->bind_lock);
	if (was_closed) {
		wait_for_completion(&vm->binds.ended);
		return;
	}
	/* Nobody makes it any more. */
	if (vm->binds.ready) {
		drm_sched_entity_fini(&vm->binds.entity);
		drm_sched_fini(&vm->binds.sched);
	}

	mutex_lock(&vm->bind_lock);
	list_for_each_entry_safe(bind, next, &vm->binds.list, entry)
		colibri_bind_forget(bind);
	mutex_unlock(&vm->bind_lock);
	complete_all(&vm->binds.ended);
}
