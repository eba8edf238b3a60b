/* SPDX-License-Identifier: GPL-2.0 OR MIT */
#ifndef COLIBRI_BIND_H
#define COLIBRI_BIND_H

#include <linux/completion.h>
#include <linux/list.h>

#include <drm/drm_gpuvm.h>
#include <drm/gpu_scheduler.h>

struct colibri_bo;
struct colibri_done;
struct colibri_syncs;
struct colibri_vm;
struct drm_colibri_vm_bind;

/**
 * struct colibri_vma - one binding in the driver's zone
 */
struct colibri_vma {
	/** @base: what gpuvm keeps */
	struct drm_gpuva base;
	/** @pte_flags: COLIBRI_PTE_* of the permissions; const */
	u64 pte_flags;
	/** @fresh: in &colibri_bind.fresh until that takes effect; &colibri_vm.pte_lock */
	struct list_head fresh;
	/** @dead: in &colibri_bind.dead; &colibri_vm.bind_lock */
	struct list_head dead;
	/** @state: whether the page tables are its own; &colibri_vm.pte_lock */
	enum {
		COLIBRI_VMA_PENDING,	/* not yet */
		COLIBRI_VMA_ACTIVE,
		COLIBRI_VMA_DEAD,	/* not any more */
	} state;
};

/**
 * struct colibri_binds - changes of an address space that are queued
 */
struct colibri_binds {
	/** @sched: runs them, in order; made with the first; &colibri_vm.bind_lock */
	struct drm_gpu_scheduler sched;
	/** @entity: its queue */
	struct drm_sched_entity entity;
	/** @list: &colibri_bind.entry; &colibri_vm.bind_lock */
	struct list_head list;
	/** @ready: @sched has been made; &colibri_vm.bind_lock */
	bool ready;
	/** @closed: the VM takes no more; &colibri_vm.bind_lock */
	bool closed;
	/** @ended: @sched is gone, and so is all that was queued */
	struct completion ended;
};

/**
 * struct colibri_bind - a change of an address space
 */
struct colibri_bind {
	/** @base: when it has syncs, or comes after one that has */
	struct drm_sched_job base;
	/** @vm: VM; a reference if it is a job */
	struct colibri_vm *vm;
	/** @entry: in &colibri_vm.binds.list while it is queued; &colibri_vm.bind_lock */
	struct list_head entry;
	/** @op: DRM_COLIBRI_VM_BIND_OP_* */
	u32 op;
	/** @addr: first address */
	u64 addr;
	/** @range: bytes */
	u64 range;
	/** @ops: the steps; NULL: there are none */
	struct drm_gpuva_ops *ops;
	/** @vm_bo: the buffer in this VM (MAP) */
	struct drm_gpuvm_bo *vm_bo;
	/** @spare: preallocated bindings, linked by &colibri_vma.dead */
	struct list_head spare;
	/** @fresh: bindings that begin with it */
	struct list_head fresh;
	/** @dead: bindings that end with it */
	struct list_head dead;
	/** @done: the fence of the call, if it is a job */
	struct colibri_done *done;
	/** @free_work: after the job */
	struct work_struct free_work;
};

static inline struct colibri_vma *to_colibri_vma(struct drm_gpuva *va)
{
	return container_of(va, struct colibri_vma, base);
}

int colibri_bind_map(struct colibri_vm *vm, struct colibri_bo *bo,
		     const struct drm_colibri_vm_bind *args, struct colibri_syncs *syncs);
int colibri_bind_unmap(struct colibri_vm *vm, u64 addr, u64 range, struct colibri_syncs *syncs);
int colibri_bind_prefetch(struct colibri_vm *vm, const struct drm_colibri_vm_bind *args,
			  struct colibri_syncs *syncs);
void colibri_bind_unmap_all(struct colibri_vm *vm);
int colibri_bind_kernel(struct colibri_vm *vm, struct colibri_bo *bo, u64 va);
void colibri_unbind_kernel(struct colibri_vm *vm, u64 va, u64 size);

/* colibri_bind_job.c */
int colibri_bind_prepare_job(struct colibri_bind *bind, struct colibri_syncs *syncs);
int colibri_bind_commit(struct colibri_bind *bind, struct colibri_syncs *syncs);
void colibri_bind_end(struct colibri_bind *bind, struct colibri_syncs *syncs);
void colibri_bind_cancel(struct colibri_vm *vm);
void colibri_bind_flush(struct colibri_vm *vm, u64 addr, u64 range);
void colibri_bind_unlink(struct list_head *dead);

/* colibri_bind_place.c */
void colibri_bind_map_vma(struct colibri_vma *vma);
void colibri_bind_evict(struct colibri_bo *bo);
int colibri_bind_fault(struct colibri_vm *vm, u64 addr, u32 access);
int colibri_bind_validate(struct drm_gpuvm_bo *vm_bo, struct drm_exec *exec);
int colibri_bind_move(struct colibri_vm *vm, u64 addr, u64 range, u32 location);

#endif /* COLIBRI_BIND_H */
