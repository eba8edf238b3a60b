// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Bindings of buffers that move.
 */

/**
 * DOC: Bindings of buffers that move
 *
 * A buffer that moves loses its entries in every address space (colibri_bind_evict()).
 * A faulting VM gets them back by a fault, which a worker of the VM serves as it
 * serves those on memory of the process.  On a fenced VM nothing faults: the
 * buffer is on the gpuvm's list of evicted ones, and EXEC puts the entries back
 * before it submits (colibri_bind_validate()).  Either is when a buffer comes back to VRAM.
 */

#include <drm/colibri_drm.h>

#include "colibri_bind.h"
#include "colibri_device.h"
#include "colibri_gem.h"
#include "colibri_mmu.h"
#include "colibri_vm.h"

static struct colibri_bo *colibri_vma_bo(struct colibri_vma *vma)
{
	return to_colibri_bo(vma->base.gem.obj);
}

/**
 * colibri_bind_map_vma() - write the entries of a binding
 * @vma: binding; &colibri_vm.pte_lock is held
 *
 * A buffer that is nowhere has none.
 */
void colibri_bind_map_vma(struct colibri_vma *vma)
{
	struct colibri_vm *vm = to_colibri_vm(vma->base.vm);
	struct colibri_bo *bo = colibri_vma_bo(vma);
	u64 addr = vma->base.va.addr, range = vma->base.va.range;

	lockdep_assert_held(&vm->pte_lock);
	mutex_lock(&bo->place_lock);
	if (!bo->moving && (bo->chunks || bo->shmem.sgt))
		colibri_gem_map_gpu(bo, &vm->pt, addr, vma->base.gem.offset, range, vma->pte_flags);
	else
		colibri_pt_clear(&vm->pt, addr, addr + range);
	mutex_unlock(&bo->place_lock);
}

/* Map what a buffer has in one VM; its dma_resv is held. */
static void colibri_bind_map_vm_bo(struct drm_gpuvm_bo *vm_bo)
{
	struct colibri_vm *vm = to_colibri_vm(vm_bo->vm);
	struct drm_gpuva *va;

	mutex_lock(&vm->pte_lock);
	drm_gpuvm_bo_for_each_va(va, vm_bo) {
		if (to_colibri_vma(va)->state == COLIBRI_VMA_ACTIVE)
			colibri_bind_map_vma(to_colibri_vma(va));
	}
	mutex_unlock(&vm->pte_lock);
}

/* Clear what a buffer has in one VM. Return: the ticket of the flush. */
static u64 colibri_bind_clear_vm_bo(struct drm_gpuvm_bo *vm_bo, u64 ticket)
{
	struct colibri_vm *vm = to_colibri_vm(vm_bo->vm);
	struct drm_gpuva *va;

	if (vm->fenced)
		drm_gpuvm_bo_evict(vm_bo, true);
	mutex_lock(&vm->pte_lock);
	drm_gpuvm_bo_for_each_va(va, vm_bo) {
		if (to_colibri_vma(va)->state != COLIBRI_VMA_ACTIVE)
			continue;
		colibri_pt_clear(&vm->pt, va->va.addr, va->va.addr + va->va.range);
		ticket = colibri_mmu_invalidate(vm->cdev, vm->asid, va->va.addr, va->va.range);
	}
	mutex_unlock(&vm->pte_lock);
	return ticket;
}

/**
 * colibri_bind_evict() - take a buffer from every address space, until it is needed again
 * @bo: buffer; its dma_resv is held
 *
 * When it returns no access of the device is under way to it.
 */
void colibri_bind_evict(struct colibri_bo *bo)
{
	struct drm_gem_object *obj = colibri_bo_gem(bo);
	struct drm_gpuvm_bo *vm_bo;
	u64 ticket = 0;

	dma_resv_assert_held(obj->resv);
	drm_gem_for_each_gpuvm_bo(vm_bo, obj)
		ticket = colibri_bind_clear_vm_bo(vm_bo, ticket);
	if (ticket)
		colibri_mmu_wait(to_colibri_device(obj->dev), ticket, true);
}

/**
 * colibri_bind_validate() - &drm_gpuvm_ops.vm_bo_validate
 * @vm_bo: buffer that moved, in a fenced VM
 * @exec: EXEC's locks
 *
 * Return: 0 or a negative errno.
 */
int colibri_bind_validate(struct drm_gpuvm_bo *vm_bo, struct drm_exec *exec)
{
	struct colibri_bo *bo = to_colibri_bo(vm_bo->obj);
	int ret;

	colibri_gem_come_back(bo);
	ret = colibri_gem_populate_locked(bo);
	if (ret)
		return ret;
	colibri_bind_map_vm_bo(vm_bo);
	vm_bo->evicted = false;
	return 0;
}

/* ---- Faults ---------------------------------------------------------------*/

static bool colibri_vma_covers(const struct colibri_vma *vma, u64 addr)
{
	return vma->state == COLIBRI_VMA_ACTIVE && addr >= vma->base.va.addr &&
	       addr - vma->base.va.addr < vma->base.va.range;
}

/* What is in effect at @addr, also if its end is queued; or NULL. */
static struct colibri_vma *colibri_bind_find(struct colibri_vm *vm, u64 addr)
{
	struct drm_gpuva *va = drm_gpuva_find_first(&vm->gpuvm, addr, 1);
	struct colibri_bind *bind;
	struct colibri_vma *vma;

	lockdep_assert_held(&vm->bind_lock);
	if (va && colibri_vma_covers(to_colibri_vma(va), addr))
		return to_colibri_vma(va);
	list_for_each_entry(bind, &vm->binds.list, entry) {
		list_for_each_entry(vma, &bind->dead, dead) {
			if (colibri_vma_covers(vma, addr))
				return vma;
		}
	}
	return NULL;
}

static bool colibri_vma_allows(const struct colibri_vma *vma, u32 access)
{
	switch (access) {
	case COLIBRI_ACCESS_READ:
		return true;
	case COLIBRI_ACCESS_EXEC:
		return vma->pte_flags & COLIBRI_PTE_EXEC;
	default:
		return vma->pte_flags & COLIBRI_PTE_WRITE;
	}
}

static int colibri_bind_fault_vma(struct colibri_vm *vm, struct colibri_vma *vma)
{
	struct drm_gem_object *obj = vma->base.gem.obj;
	int ret;

	dma_resv_lock(obj->resv, NULL);
	colibri_gem_come_back(to_colibri_bo(obj));
	ret = colibri_gem_populate_locked(to_colibri_bo(obj));
	if (!ret) {
		mutex_lock(&vm->pte_lock);
		if (vma->state == COLIBRI_VMA_ACTIVE)
			colibri_bind_map_vma(vma);
		mutex_unlock(&vm->pte_lock);
	}
	dma_resv_unlock(obj->resv);
	return ret;
}

/**
 * colibri_bind_fault() - serve a fault in the driver's zone
 * @vm: VM
 * @addr: address
 * @access: COLIBRI_ACCESS_*
 *
 * Return: 0, -EFAULT when nothing is bound there, -EACCES, -ENOMEM or -ENODEV.
 */
int colibri_bind_fault(struct colibri_vm *vm, u64 addr, u32 access)
{
	struct colibri_vma *vma;
	int ret = -EFAULT;

	mutex_lock(&vm->bind_lock);
	vma = colibri_bind_find(vm, addr);
	if (vma)
		ret = colibri_vma_allows(vma, access) ? colibri_bind_fault_vma(vm, vma) : -EACCES;
	mutex_unlock(&vm->bind_lock);
	return ret;
}

/* ---- Prefetch -------------------------------------------------------------*/

static int colibri_bind_move_vma(struct colibri_vma *vma, u32 location)
{
	struct drm_gem_object *obj = vma->base.gem.obj;
	struct colibri_bo *bo = to_colibri_bo(obj);
	int ret;

	ret = dma_resv_lock_interruptible(obj->resv, NULL);
	if (ret)
		return ret;
	if (location == DRM_COLIBRI_SVM_LOC_VRAM)
		ret = colibri_gem_to_vram(bo, true);
	else
		ret = colibri_gem_to_system(bo, true);
	if (!ret)
		bo->evicted = false;
	colibri_bind_map_vm_bo(vma->base.vm_bo);
	dma_resv_unlock(obj->resv);
	/* A hint: no room, or somebody uses it. */
	return ret == -ENOSPC || ret == -EBUSY ? 0 : ret;
}

/**
 * colibri_bind_move() - move the buffers that are bound in a range
 * @vm: VM; its bind_lock is held
 * @addr: first address
 * @range: bytes
 * @location: DRM_COLIBRI_SVM_LOC_*
 *
 * Those that can be in one memory alone stay.
 *
 * Return: 0 or a negative errno.
 */
int colibri_bind_move(struct colibri_vm *vm, u64 addr, u64 range, u32 location)
{
	struct drm_gpuva *va;
	int ret = 0;

	lockdep_assert_held(&vm->bind_lock);
	drm_gpuvm_for_each_va_range(va, &vm->gpuvm, addr, addr + range) {
		if (!colibri_bo_movable(to_colibri_bo(va->gem.obj)))
			continue;
		ret = colibri_bind_move_vma(to_colibri_vma(va), location);
		if (ret)
			break;
	}
	return ret;
}
