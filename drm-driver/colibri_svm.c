// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Shared virtual memory: what hmm_svm needs from this driver.
 */

/**
 * DOC: Shared virtual memory
 *
 * hmm_svm.ko mirrors the process, owns VRAM and decides what lives where; these
 * callbacks are the whole of what it needs of Colibri.  Its contract is
 * Documentation/mm/hmm_svm.rst.  One block of hmm_svm is exactly the span of
 * one level 1 page table, so its state lock protects the entries that map() and
 * unmap() write.
 */

#include "colibri_copy.h"
#include "colibri_device.h"
#include "colibri_mmu.h"
#include "colibri_vm.h"

static_assert(COLIBRI_PT_LEAF_SPAN == HMM_SVM_BLOCK_SIZE);

static int colibri_svm_prepare(struct hmm_svm *svm, u64 start, u64 end)
{
	struct colibri_vm *vm = hmm_svm_priv(svm);

	return colibri_pt_prealloc(&vm->pt, start, end);
}

static u64 colibri_svm_pte(const struct hmm_svm_pte *pte)
{
	u64 value = pte->addr | COLIBRI_PTE_VALID | COLIBRI_PTE_LEAF;

	if (pte->flags & HMM_SVM_PTE_READ)
		value |= COLIBRI_PTE_READ;
	if (pte->flags & HMM_SVM_PTE_WRITE)
		value |= COLIBRI_PTE_WRITE;
	if (pte->flags & HMM_SVM_PTE_ATOMIC)
		value |= COLIBRI_PTE_ATOMIC;
	if (!(pte->flags & HMM_SVM_PTE_DEVMEM))
		value |= COLIBRI_PTE_SYS;
	return value;
}

static void colibri_svm_map(struct hmm_svm *svm, u64 addr, const struct hmm_svm_pte *ptes,
			    unsigned int npages)
{
	struct colibri_vm *vm = hmm_svm_priv(svm);
	u64 *leaves = colibri_pt_leaves(&vm->pt, addr);
	unsigned int first = colibri_pt_index(addr, 1);
	unsigned int i;

	for (i = 0; i < npages; i++) {
		if (ptes[i].flags)
			WRITE_ONCE(leaves[first + i], colibri_svm_pte(&ptes[i]));
	}
}

static void colibri_svm_unmap(struct hmm_svm *svm, u64 start, u64 end)
{
	struct colibri_vm *vm = hmm_svm_priv(svm);

	colibri_pt_clear(&vm->pt, start, end);
}

static u64 colibri_svm_flush_post(struct hmm_svm *svm, u64 start, u64 end)
{
	struct colibri_vm *vm = hmm_svm_priv(svm);

	return colibri_mmu_invalidate(vm->cdev, vm->asid, start, end - start);
}

static int colibri_svm_flush_wait(struct hmm_svm *svm, u64 ticket, bool may_sleep)
{
	struct colibri_vm *vm = hmm_svm_priv(svm);

	return colibri_mmu_wait(vm->cdev, ticket, may_sleep);
}

static void colibri_svm_dead(struct hmm_svm *svm)
{
	colibri_vm_kill(hmm_svm_priv(svm));
}

static const struct hmm_svm_ops colibri_svm_ops = {
	.prepare = colibri_svm_prepare,
	.map = colibri_svm_map,
	.unmap = colibri_svm_unmap,
	.flush_post = colibri_svm_flush_post,
	.flush_wait = colibri_svm_flush_wait,
	.dead = colibri_svm_dead,
};

static int colibri_svm_copy(struct hmm_svm_device *sdev, const struct hmm_svm_extent *extents,
			    unsigned int count)
{
	return colibri_copy_extents(hmm_svm_device_priv(sdev), extents, count);
}

static const struct hmm_svm_device_ops colibri_svm_device_ops = {
	.copy = colibri_svm_copy,
};

/**
 * colibri_svm_mirror() - let a VM mirror the address space of its owner
 * @vm: VM of the caller
 *
 * Return: 0, -EEXIST when it does already, or a negative errno.
 */
int colibri_svm_mirror(struct colibri_vm *vm)
{
	struct hmm_svm *svm;
	int ret = 0;

	mutex_lock(&vm->bind_lock);
	if (vm->svm) {
		ret = -EEXIST;
		goto unlock;
	}
	svm = hmm_svm_create(vm->cdev->svm, &colibri_svm_ops, COLIBRI_VA_DRIVER_ZONE, vm);
	if (IS_ERR(svm))
		ret = PTR_ERR(svm);
	else
		smp_store_release(&vm->svm, svm); /* pairs with colibri_vm_svm() */
unlock:
	mutex_unlock(&vm->bind_lock);
	return ret;
}

/**
 * colibri_svm_device_init() - give VRAM to hmm_svm
 * @cdev: device
 *
 * Return: 0 or a negative errno.
 */
int colibri_svm_device_init(struct colibri_device *cdev)
{
	struct hmm_svm_device_desc desc = {
		.size = cdev->vram_size,
		.flags = HMM_SVM_DEVICE_SYS_ATOMICS,
		.ops = &colibri_svm_device_ops,
		.priv = cdev,
	};
	struct hmm_svm_device *sdev;

	sdev = hmm_svm_device_create(cdev->base.dev, &desc);
	if (IS_ERR(sdev))
		return PTR_ERR(sdev);
	cdev->svm = sdev;
	return 0;
}
