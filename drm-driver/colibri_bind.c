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
 * A new mapping overwrites the entries of what it replaces, so at no time is an
 * address that stays bound without an entry; then the TLBs are flushed; then
 * what was replaced loses its reference to the buffer.
 *
 * Locking
 * -------
 *
 * &colibri_vm.bind_lock protects the gpuvm and the page-table entries of the
 * zone.  A buffer's dma_resv protects its list of bindings.
 */

#include <linux/slab.h>

#include <drm/colibri_drm.h>

#include "colibri_device.h"
#include "colibri_gem.h"
#include "colibri_mmu.h"
#include "colibri_trace.h"
#include "colibri_vm.h"

/**
 * struct colibri_bind - a bind call in progress
 */
struct colibri_bind {
	/** @vm: VM */
	struct colibri_vm *vm;
	/** @ops: the steps */
	struct drm_gpuva_ops *ops;
	/** @vm_bo: the buffer in this VM (MAP) */
	struct drm_gpuvm_bo *vm_bo;
	/** @spare: preallocated bindings, linked by &drm_gpuva.rb.entry */
	struct list_head spare;
	/** @dead: bindings that are replaced, linked by &drm_gpuva.rb.entry */
	struct list_head dead;
};

static int colibri_bind_add_spares(struct colibri_bind *bind, unsigned int count)
{
	while (count--) {
		struct colibri_vma *vma = kzalloc_obj(*vma, GFP_KERNEL_ACCOUNT);

		if (!vma)
			return -ENOMEM;
		list_add(&vma->base.rb.entry, &bind->spare);
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

static struct drm_gpuva *colibri_bind_take_spare(struct colibri_bind *bind)
{
	struct colibri_vma *vma;

	vma = list_first_entry(&bind->spare, struct colibri_vma, base.rb.entry);
	list_del(&vma->base.rb.entry);
	return &vma->base;
}

static void colibri_bind_link(struct drm_gpuva *va, struct drm_gpuvm_bo *vm_bo)
{
	dma_resv_lock(vm_bo->obj->resv, NULL);
	drm_gpuva_link(va, vm_bo);
	dma_resv_unlock(vm_bo->obj->resv);
}

/* The last binding of a buffer may hold its last reference. */
static void colibri_bind_unlink(struct drm_gpuva *va)
{
	struct drm_gem_object *obj = va->gem.obj;

	drm_gem_object_get(obj);
	dma_resv_lock(obj->resv, NULL);
	drm_gpuva_unlink(va);
	dma_resv_unlock(obj->resv);
	drm_gem_object_put(obj);
	kfree(container_of(va, struct colibri_vma, base));
}

static void colibri_bind_step_remap(struct colibri_bind *bind, struct drm_gpuva_op_remap *op)
{
	struct drm_gpuva *old = op->unmap->va;
	struct drm_gpuvm_bo *vm_bo = old->vm_bo;
	struct drm_gpuva *prev = op->prev ? colibri_bind_take_spare(bind) : NULL;
	struct drm_gpuva *next = op->next ? colibri_bind_take_spare(bind) : NULL;

	drm_gpuva_remap(prev, next, op);
	if (prev)
		colibri_bind_link(prev, vm_bo);
	if (next)
		colibri_bind_link(next, vm_bo);
	list_add(&old->rb.entry, &bind->dead);
}

/* Change the gpuvm as the steps say; the page tables are the caller's. */
static void colibri_bind_run(struct colibri_bind *bind)
{
	struct drm_gpuva_op *op;
	struct drm_gpuva *va;

	drm_gpuva_for_each_op(op, bind->ops) {
		switch (op->op) {
		case DRM_GPUVA_OP_MAP:
			va = colibri_bind_take_spare(bind);
			drm_gpuva_map(&bind->vm->gpuvm, va, &op->map);
			colibri_bind_link(va, bind->vm_bo);
			break;
		case DRM_GPUVA_OP_REMAP:
			colibri_bind_step_remap(bind, &op->remap);
			break;
		case DRM_GPUVA_OP_UNMAP:
			va = op->unmap.va;
			drm_gpuva_unmap(&op->unmap);
			list_add(&va->rb.entry, &bind->dead);
			break;
		default:
			break;
		}
	}
}

static void colibri_bind_flush(struct colibri_vm *vm, u64 addr, u64 range)
{
	colibri_mmu_wait(vm->cdev, colibri_mmu_invalidate(vm->cdev, vm->asid, addr, range), true);
}

static void colibri_bind_init(struct colibri_bind *bind, struct colibri_vm *vm)
{
	memset(bind, 0, sizeof(*bind));
	bind->vm = vm;
	INIT_LIST_HEAD(&bind->spare);
	INIT_LIST_HEAD(&bind->dead);
}

static void colibri_bind_fini(struct colibri_bind *bind)
{
	struct drm_gpuva *va, *next;

	list_for_each_entry_safe(va, next, &bind->dead, rb.entry)
		colibri_bind_unlink(va);
	list_for_each_entry_safe(va, next, &bind->spare, rb.entry)
		kfree(container_of(va, struct colibri_vma, base));
	if (!IS_ERR_OR_NULL(bind->ops))
		drm_gpuva_ops_free(&bind->vm->gpuvm, bind->ops);
}

static struct drm_gpuvm_bo *colibri_bind_get_vm_bo(struct colibri_vm *vm, struct colibri_bo *bo)
{
	struct drm_gem_object *obj = colibri_bo_gem(bo);
	struct drm_gpuvm_bo *vm_bo;

	dma_resv_lock(obj->resv, NULL);
	vm_bo = drm_gpuvm_bo_obtain_locked(&vm->gpuvm, obj);
	dma_resv_unlock(obj->resv);
	return vm_bo;
}

static void colibri_bind_put_vm_bo(struct drm_gpuvm_bo *vm_bo, struct colibri_bo *bo)
{
	struct drm_gem_object *obj = colibri_bo_gem(bo);

	dma_resv_lock(obj->resv, NULL);
	drm_gpuvm_bo_put(vm_bo);
	dma_resv_unlock(obj->resv);
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

static int colibri_bind_map_locked(struct colibri_bind *bind, struct colibri_bo *bo,
				   const struct drm_colibri_vm_bind *args)
{
	struct colibri_vm *vm = bind->vm;
	struct drm_gpuvm_map_req req = {
		.map.va.addr = args->addr,
		.map.va.range = args->range,
		.map.gem.obj = colibri_bo_gem(bo),
		.map.gem.offset = args->bo_offset,
	};
	int ret;

	bind->ops = drm_gpuvm_sm_map_ops_create(&vm->gpuvm, &req);
	if (IS_ERR(bind->ops))
		return PTR_ERR(bind->ops);
	ret = colibri_bind_prealloc(bind);
	if (ret)
		return ret;
	bind->vm_bo = colibri_bind_get_vm_bo(vm, bo);
	if (IS_ERR(bind->vm_bo))
		return PTR_ERR(bind->vm_bo);

	colibri_bind_run(bind);
	colibri_gem_map_gpu(bo, &vm->pt, args->addr, args->bo_offset, args->range,
			    colibri_bind_pte_flags(args->flags));
	if (!list_empty(&bind->dead))
		colibri_bind_flush(vm, args->addr, args->range);
	colibri_bind_put_vm_bo(bind->vm_bo, bo);
	return 0;
}

/**
 * colibri_bind_map() - bind a buffer
 * @vm: VM
 * @bo: buffer
 * @args: checked arguments of the call
 *
 * Return: 0 or a negative errno, and then nothing has changed.
 */
int colibri_bind_map(struct colibri_vm *vm, struct colibri_bo *bo,
		     const struct drm_colibri_vm_bind *args)
{
	struct colibri_bind bind;
	int ret;

	trace_colibri_bind(vm->asid, args->op, args->addr, args->range);
	ret = colibri_gem_populate(bo);
	if (ret)
		return ret;
	ret = colibri_pt_prealloc(&vm->pt, args->addr, args->addr + args->range);
	if (ret)
		return ret;

	colibri_bind_init(&bind, vm);
	mutex_lock(&vm->bind_lock);
	ret = colibri_bind_map_locked(&bind, bo, args);
	colibri_bind_fini(&bind);
	mutex_unlock(&vm->bind_lock);
	return ret;
}

/**
 * colibri_bind_unmap() - remove every binding of a range
 * @vm: VM
 * @addr: first address
 * @range: bytes
 *
 * Return: 0 or a negative errno, and then nothing has changed.
 */
int colibri_bind_unmap(struct colibri_vm *vm, u64 addr, u64 range)
{
	struct colibri_bind bind;
	int ret = 0;

	trace_colibri_bind(vm->asid, DRM_COLIBRI_VM_BIND_OP_UNMAP, addr, range);
	colibri_bind_init(&bind, vm);
	mutex_lock(&vm->bind_lock);
	bind.ops = drm_gpuvm_sm_unmap_ops_create(&vm->gpuvm, addr, range);
	if (IS_ERR(bind.ops))
		ret = PTR_ERR(bind.ops);
	if (!ret)
		ret = colibri_bind_prealloc(&bind);
	if (!ret && !list_empty(&bind.ops->list)) {
		colibri_bind_run(&bind);
		colibri_pt_clear(&vm->pt, addr, addr + range);
		colibri_bind_flush(vm, addr, range);
	}
	colibri_bind_fini(&bind);
	mutex_unlock(&vm->bind_lock);
	return ret;
}

/**
 * colibri_bind_unmap_all() - remove every binding
 * @vm: VM
 *
 * Cannot fail: nothing is cut, so nothing is allocated.
 */
void colibri_bind_unmap_all(struct colibri_vm *vm)
{
	struct colibri_bind bind;
	struct drm_gpuva *va, *next;

	colibri_bind_init(&bind, vm);
	mutex_lock(&vm->bind_lock);
	drm_gpuvm_for_each_va_safe(va, next, &vm->gpuvm) {
		colibri_pt_clear(&vm->pt, va->va.addr, va->va.addr + va->va.range);
		drm_gpuva_remove(va);
		list_add(&va->rb.entry, &bind.dead);
	}
	if (!list_empty(&bind.dead))
		colibri_bind_flush(vm, vm->gpuvm.mm_start, vm->gpuvm.mm_range);
	colibri_bind_fini(&bind);
	mutex_unlock(&vm->bind_lock);
}

/**
 * colibri_bind_kernel() - map a buffer of the kernel behind the zone
 * @vm: VM
 * @bo: buffer; it must stay until colibri_unbind_kernel()
 * @va: GPU address, in the slot of a hardware queue that the caller owns
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

	mutex_lock(&vm->bind_lock);
	colibri_gem_map_gpu(bo, &vm->pt, va, 0, size, COLIBRI_PTE_READ | COLIBRI_PTE_WRITE);
	mutex_unlock(&vm->bind_lock);
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
	mutex_lock(&vm->bind_lock);
	colibri_pt_clear(&vm->pt, va, va + size);
	colibri_bind_flush(vm, va, size);
	mutex_unlock(&vm->bind_lock);
}
