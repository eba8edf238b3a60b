// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Binding buffers into the driver's zone of an address space.
 */

/**
 * DOC: Bindings
 *
 * Overview
 * --------
 *
 * drm_gpuvm keeps what is bound where and computes how a request cuts existing
 * bindings.  A call first allocates everything it may need: the steps, a struct
 * for each new piece, the tables, the buffer's pages.  Only then does it change
 * anything, and from there on it cannot fail.
 *
 * The gpuvm changes in the call, so it is what will be when all calls have taken effect.
 * The page tables change when the call takes effect: at once, or with syncs
 * in a job (colibri_bind_job.c).  Each binding knows whether the entries
 * of its range are its own already, or still.
 *
 * A new mapping overwrites the entries of what it replaces, so at no time is an
 * address that stays bound without an entry; then the TLBs are flushed; then
 * what was replaced loses its reference to the buffer.
 *
 * Locking
 * -------
 *
 * &colibri_vm.bind_lock protects the gpuvm and the order of changes.  A buffer's dma_resv
 * protects its list of bindings.  &colibri_vm.pte_lock, which comes after both, protects
 * the page-table entries of the zone and the state of bindings; it is taken in the way of
 * fences, so nothing allocates or waits for one under it.
 */

#include <linux/slab.h>

#include <drm/colibri_drm.h>

#include "colibri_bind.h"
#include "colibri_device.h"
#include "colibri_gem.h"
#include "colibri_mmu.h"
#include "colibri_sync.h"
#include "colibri_trace.h"
#include "colibri_vm.h"

static int colibri_bind_add_spares(struct colibri_bind *bind, unsigned int count)
{
	while (count--) {
		struct colibri_vma *vma = kzalloc_obj(*vma, GFP_KERNEL_ACCOUNT);

		if (!vma)
			return -ENOMEM;
		INIT_LIST_HEAD(&vma->fresh);
		list_add(&vma->dead, &bind->spare);
	}
	return 0;
}

/* At most one new piece for a map, two for a binding that is cut. */
static int colibri_bind_prealloc(struct colibri_bind *bind)
{
	struct drm_gpuva_op *op;
	unsigned int count = 0;

	drm_gpuva_for_each_op(op, bind->ops) {
		if (op->op == DRM_GPUVA_OP_MAP)
			count += 1;
		else if (op->op == DRM_GPUVA_OP_REMAP)
			count += !!op->remap.prev + !!op->remap.next;
	}
	return colibri_bind_add_spares(bind, count);
}

static struct colibri_vma *colibri_bind_take_spare(struct colibri_bind *bind)
{
	struct colibri_vma *vma = list_first_entry(&bind->spare, struct colibri_vma, dead);

	list_del_init(&vma->dead);
	list_add_tail(&vma->fresh, &bind->fresh);
	return vma;
}

static void colibri_bind_link(struct colibri_vma *vma, struct drm_gpuvm_bo *vm_bo)
{
	dma_resv_lock(vm_bo->obj->resv, NULL);
	drm_gpuva_link(&vma->base, vm_bo);
	dma_resv_unlock(vm_bo->obj->resv);
}

/* A piece of @old that stays. */
static struct colibri_vma *colibri_bind_take_piece(struct colibri_bind *bind,
						   const struct drm_gpuva_op_map *piece,
						   struct colibri_vma *old)
{
	struct colibri_vma *vma;

	if (!piece)
		return NULL;
	vma = colibri_bind_take_spare(bind);
	vma->pte_flags = old->pte_flags;
	return vma;
}

static void colibri_bind_step_remap(struct colibri_bind *bind, struct drm_gpuva_op_remap *op)
{
	struct colibri_vma *old = to_colibri_vma(op->unmap->va);
	struct drm_gpuvm_bo *vm_bo = old->base.vm_bo;
	struct colibri_vma *prev = colibri_bind_take_piece(bind, op->prev, old);
	struct colibri_vma *next = colibri_bind_take_piece(bind, op->next, old);

	drm_gpuva_remap(prev ? &prev->base : NULL, next ? &next->base : NULL, op);
	if (prev)
		colibri_bind_link(prev, vm_bo);
	if (next)
		colibri_bind_link(next, vm_bo);
	list_add(&old->dead, &bind->dead);
}

static void colibri_bind_step_map(struct colibri_bind *bind, struct drm_gpuva_op_map *op,
				  u64 pte_flags)
{
	struct colibri_vma *vma = colibri_bind_take_spare(bind);

	vma->pte_flags = pte_flags;
	drm_gpuva_map(&bind->vm->gpuvm, &vma->base, op);
	colibri_bind_link(vma, bind->vm_bo);
}

/* Change the gpuvm as the steps say; the page tables follow, see colibri_bind_apply(). */
static void colibri_bind_run(struct colibri_bind *bind, u64 pte_flags)
{
	struct drm_gpuva_op *op;

	drm_gpuva_for_each_op(op, bind->ops) {
		switch (op->op) {
		case DRM_GPUVA_OP_MAP:
			colibri_bind_step_map(bind, &op->map, pte_flags);
			break;
		case DRM_GPUVA_OP_REMAP:
			colibri_bind_step_remap(bind, &op->remap);
			break;
		case DRM_GPUVA_OP_UNMAP:
			list_add(&to_colibri_vma(op->unmap.va)->dead, &bind->dead);
			drm_gpuva_unmap(&op->unmap);
			break;
		default:
			break;
		}
	}
}

static struct colibri_bind *colibri_bind_new(struct colibri_vm *vm, u32 op, u64 addr, u64 range)
{
	struct colibri_bind *bind = kzalloc_obj(*bind, GFP_KERNEL_ACCOUNT);

	if (!bind)
		return NULL;
	bind->vm = vm;
	bind->op = op;
	bind->addr = addr;
	bind->range = range;
	INIT_LIST_HEAD(&bind->entry);
	INIT_LIST_HEAD(&bind->spare);
	INIT_LIST_HEAD(&bind->fresh);
	INIT_LIST_HEAD(&bind->dead);
	return bind;
}

static struct drm_gpuvm_bo *colibri_bind_get_vm_bo(struct colibri_vm *vm, struct colibri_bo *bo)
{
	struct drm_gem_object *obj = colibri_bo_gem(bo);
	struct drm_gpuvm_bo *vm_bo;

	dma_resv_lock(obj->resv, NULL);
	vm_bo = drm_gpuvm_bo_obtain_locked(&vm->gpuvm, obj);
	if (!IS_ERR(vm_bo))
		drm_gpuvm_bo_extobj_add(vm_bo);
	dma_resv_unlock(obj->resv);
	return vm_bo;
}

static u64 colibri_bind_pte_flags(u32 flags)
{
	u64 pte = COLIBRI_PTE_READ;

	if (!(flags & DRM_COLIBRI_VM_BIND_READONLY))
		pte |= COLIBRI_PTE_WRITE | COLIBRI_PTE_ATOMIC;
	if (flags & DRM_COLIBRI_VM_BIND_EXEC)
		pte |= COLIBRI_PTE_EXEC;
	return pte;
}

/* @ops: the steps, or an ERR_PTR. */
static int colibri_bind_set_ops(struct colibri_bind *bind, struct drm_gpuva_ops *ops)
{
	if (IS_ERR(ops))
		return PTR_ERR(ops);
	bind->ops = ops;
	return colibri_bind_prealloc(bind);
}

static int colibri_bind_prepare_map(struct colibri_bind *bind, struct colibri_bo *bo, u64 bo_offset)
{
	struct colibri_vm *vm = bind->vm;
	struct drm_gpuvm_map_req req = {
		.map.va.addr = bind->addr,
		.map.va.range = bind->range,
		.map.gem.obj = colibri_bo_gem(bo),
		.map.gem.offset = bo_offset,
	};
	struct drm_gpuvm_bo *vm_bo;
	int ret;

	ret = colibri_bind_set_ops(bind, drm_gpuvm_sm_map_ops_create(&vm->gpuvm, &req));
	if (ret)
		return ret;
	vm_bo = colibri_bind_get_vm_bo(vm, bo);
	if (IS_ERR(vm_bo))
		return PTR_ERR(vm_bo);
	bind->vm_bo = vm_bo;
	return 0;
}

static int colibri_bind_prepare_unmap(struct colibri_bind *bind)
{
	return colibri_bind_set_ops(bind, drm_gpuvm_sm_unmap_ops_create(&bind->vm->gpuvm,
									bind->addr, bind->range));
}

/* A buffer that moves is faulted back. */
static int colibri_bind_start_faults(struct colibri_vm *vm, struct colibri_bo *bo)
{
	if (vm->fenced || vm->binds.closed || !colibri_bo_movable(bo))
		return 0;
	return colibri_vm_fault_start(vm);
}

/**
 * colibri_bind_map() - bind a buffer
 * @vm: VM
 * @bo: buffer
 * @args: checked arguments of the call
 * @syncs: of the call; the caller's no more
 *
 * Return: 0 or a negative errno, and then nothing has changed.
 */
int colibri_bind_map(struct colibri_vm *vm, struct colibri_bo *bo,
		     const struct drm_colibri_vm_bind *args, struct colibri_syncs *syncs)
{
	struct colibri_bind *bind;
	int ret;

	trace_colibri_bind(vm->asid, args->op, args->addr, args->range);
	ret = colibri_gem_populate(bo);
	if (!ret)
		ret = colibri_pt_prealloc(&vm->pt, args->addr, args->addr + args->range);
	if (ret)
		goto put_syncs;
	bind = colibri_bind_new(vm, args->op, args->addr, args->range);
	if (!bind) {
		ret = -ENOMEM;
		goto put_syncs;
	}

	mutex_lock(&vm->bind_lock);
	ret = colibri_bind_start_faults(vm, bo);
	if (!ret)
		ret = colibri_bind_prepare_map(bind, bo, args->bo_offset);
	if (!ret)
		ret = colibri_bind_prepare_job(bind, syncs);
	if (ret) {
		colibri_bind_end(bind, syncs);
		return ret;
	}
	colibri_bind_run(bind, colibri_bind_pte_flags(args->flags));
	return colibri_bind_commit(bind, syncs);

put_syncs:
	colibri_syncs_put(syncs);
	return ret;
}

/**
 * colibri_bind_unmap() - remove every binding of a range
 * @vm: VM
 * @addr: first address
 * @range: bytes
 * @syncs: of the call; the caller's no more
 *
 * Return: 0 or a negative errno, and then nothing has changed.
 */
int colibri_bind_unmap(struct colibri_vm *vm, u64 addr, u64 range, struct colibri_syncs *syncs)
{
	struct colibri_bind *bind;
	int ret;

	trace_colibri_bind(vm->asid, DRM_COLIBRI_VM_BIND_OP_UNMAP, addr, range);
	bind = colibri_bind_new(vm, DRM_COLIBRI_VM_BIND_OP_UNMAP, addr, range);
	if (!bind) {
		colibri_syncs_put(syncs);
		return -ENOMEM;
	}

	mutex_lock(&vm->bind_lock);
	ret = colibri_bind_prepare_unmap(bind);
	if (!ret)
		ret = colibri_bind_prepare_job(bind, syncs);
	if (ret) {
		colibri_bind_end(bind, syncs);
		return ret;
	}
	colibri_bind_run(bind, 0);
	return colibri_bind_commit(bind, syncs);
}

/**
 * colibri_bind_prefetch() - move what is bound in a range
 * @vm: VM
 * @args: checked arguments of the call
 * @syncs: of the call; the caller's no more
 *
 * The move, a hint, is done by the call itself, as it needs memory.
 *
 * Return: 0 or a negative errno.
 */
int colibri_bind_prefetch(struct colibri_vm *vm, const struct drm_colibri_vm_bind *args,
			  struct colibri_syncs *syncs)
{
	struct colibri_bind *bind;
	int ret;

	bind = colibri_bind_new(vm, args->op, args->addr, args->range);
	if (!bind) {
		colibri_syncs_put(syncs);
		return -ENOMEM;
	}

	mutex_lock(&vm->bind_lock);
	ret = colibri_bind_prepare_job(bind, syncs);
	if (!ret)
		ret = colibri_bind_move(vm, args->addr, args->range, args->location);
	if (ret) {
		colibri_bind_end(bind, syncs);
		return ret;
	}
	return colibri_bind_commit(bind, syncs);
}

/**
 * colibri_bind_unmap_all() - remove every binding, and whatever is queued
 * @vm: VM that is closed
 *
 * Cannot fail: nothing is cut, so nothing is allocated.
 */
void colibri_bind_unmap_all(struct colibri_vm *vm)
{
	struct drm_gpuva *va, *next;
	LIST_HEAD(dead);

	colibri_bind_cancel(vm);
	mutex_lock(&vm->bind_lock);
	mutex_lock(&vm->pte_lock);
	drm_gpuvm_for_each_va_safe(va, next, &vm->gpuvm) {
		struct colibri_vma *vma = to_colibri_vma(va);

		colibri_pt_clear(&vm->pt, va->va.addr, va->va.addr + va->va.range);
		vma->state = COLIBRI_VMA_DEAD;
		drm_gpuva_remove(va);
		list_add(&vma->dead, &dead);
	}
	mutex_unlock(&vm->pte_lock);
	if (!list_empty(&dead))
		colibri_bind_flush(vm, vm->gpuvm.mm_start, vm->gpuvm.mm_range);
	colibri_bind_unlink(&dead);
	mutex_unlock(&vm->bind_lock);
}

/**
 * colibri_bind_kernel() - map a buffer of the kernel behind the zone
 * @vm: VM
 * @bo: buffer of system memory; it must stay until colibri_unbind_kernel()
 * @va: GPU address, in the slot of a queue that the caller owns
 *
 * Return: 0 or a negative errno.
 */
int colibri_bind_kernel(struct colibri_vm *vm, struct colibri_bo *bo, u64 va)
{
	u64 size = colibri_bo_gem(bo)->size;
	int ret;

	ret = colibri_gem_populate(bo);
	if (!ret)
		ret = colibri_pt_prealloc(&vm->pt, va, va + size);
	if (ret)
		return ret;

	mutex_lock(&vm->pte_lock);
	colibri_gem_map_gpu(bo, &vm->pt, va, 0, size, COLIBRI_PTE_READ | COLIBRI_PTE_WRITE);
	mutex_unlock(&vm->pte_lock);
	return 0;
}

/**
 * colibri_unbind_kernel() - undo colibri_bind_kernel()
 * @vm: VM
 * @va: GPU address
 * @size: bytes
 */
void colibri_unbind_kernel(struct colibri_vm *vm, u64 va, u64 size)
{
	mutex_lock(&vm->pte_lock);
	colibri_pt_clear(&vm->pt, va, va + size);
	mutex_unlock(&vm->pte_lock);
	colibri_bind_flush(vm, va, size);
}
