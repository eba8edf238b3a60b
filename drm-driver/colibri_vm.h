/* SPDX-License-Identifier: GPL-2.0 OR MIT */
#ifndef COLIBRI_VM_H
#define COLIBRI_VM_H

#include <linux/rwsem.h>

#include <drm/drm_gpuvm.h>

#include "colibri_bind.h"
#include "colibri_fault.h"
#include "colibri_pt.h"
#include "hmm_svm.h"

struct colibri_bo;
struct colibri_device;
struct colibri_mm;
struct colibri_usage;
struct drm_colibri_vm_state;
struct drm_file;

/**
 * struct colibri_vm - a GPU address space
 */
struct colibri_vm {
	/** @gpuvm: buffers bound in the driver's zone; also the reference count */
	struct drm_gpuvm gpuvm;
	/** @cdev: device */
	struct colibri_device *cdev;
	/** @asid: its name for the device */
	u32 asid;
	/** @cmm: the owner: the address space that created it */
	struct colibri_mm *cmm;
	/** @usage: of the file that made it; a reference */
	struct colibri_usage *usage;
	/** @pid: the process that made it, for those who look */
	u32 pid;
	/** @mm_entry: in &colibri_mm.vms; colibri_device.mms.lock */
	struct list_head mm_entry;
	/** @pt: page tables */
	struct colibri_pt pt;
	/** @fenced: nothing faults, work signals dma_fences (DRM_COLIBRI_VM_FENCED); const */
	bool fenced;
	/** @bind_lock: protects @gpuvm and the order of changes, and of jobs on a fenced VM */
	struct mutex bind_lock;
	/** @binds: changes that are queued */
	struct colibri_binds binds;
	/** @pte_lock: protects the page-table entries of the driver's zone, and bindings' states */
	struct mutex pte_lock;
	/** @svm: mirror of the owner, NULL before VM_BIND_OP_MIRROR; set once (release) */
	struct hmm_svm *svm;
	/** @queue_lock: protects @queues; only register accesses happen under it */
	struct mutex queue_lock;
	/** @queues: &colibri_queue.vm_entry */
	struct list_head queues;
	/** @num_groups: groups that the process made */
	atomic_t num_groups;
	/** @dead: the owner or the device is gone: faults fail, nothing is submitted */
	bool dead;
	/** @torn_down: the device knows nothing of this VM any more; teardown_lock */
	bool torn_down;
	/**
	 * @teardown_lock: write: the last reference or the removal of the device
	 * tears the VM down; read: a call uses @svm, see colibri_svm_begin()
	 */
	struct rw_semaphore teardown_lock;
	/** @fault: faults to serve and faults that failed */
	struct colibri_vm_fault fault;
};

static inline struct colibri_vm *to_colibri_vm(struct drm_gpuvm *gpuvm)
{
	return container_of(gpuvm, struct colibri_vm, gpuvm);
}

static inline struct colibri_vm *colibri_vm_get(struct colibri_vm *vm)
{
	drm_gpuvm_get(&vm->gpuvm);
	return vm;
}

static inline void colibri_vm_put(struct colibri_vm *vm)
{
	drm_gpuvm_put(&vm->gpuvm);
}

/* The mirror, or NULL. */
static inline struct hmm_svm *colibri_vm_svm(struct colibri_vm *vm)
{
	return smp_load_acquire(&vm->svm); /* pairs with colibri_svm_mirror() */
}

struct colibri_vm *colibri_vm_create(struct colibri_device *cdev, bool fenced);
void colibri_vm_close(struct colibri_vm *vm);
struct colibri_vm *colibri_vm_get_by_asid(struct colibri_device *cdev, u32 asid);
bool colibri_vm_owned_by_current(struct colibri_vm *vm);
void colibri_vm_kill(struct colibri_vm *vm);
void colibri_vm_revoke_all(struct colibri_device *cdev);
void colibri_vm_get_state(struct colibri_vm *vm, struct drm_colibri_vm_state *state);
void colibri_vm_peek_stats(struct colibri_vm *vm, struct hmm_svm_stats *stats);
void colibri_vm_get_stats(struct colibri_vm *vm, struct hmm_svm_stats *stats);

/* colibri_svm.c */
int colibri_svm_device_init(struct colibri_device *cdev);
int colibri_svm_mirror(struct colibri_vm *vm);
struct hmm_svm *colibri_svm_begin(struct colibri_vm *vm);
void colibri_svm_end(struct colibri_vm *vm);
int colibri_svm_prefetch(struct colibri_vm *vm, u64 addr, u64 size, u32 location);
int colibri_svm_query(struct colibri_vm *vm, u64 addr, u64 size, u16 __user *pages);

#endif /* COLIBRI_VM_H */
