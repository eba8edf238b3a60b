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

#include <linux/sched/signal.h>
#include <linux/uaccess.h>

#include <drm/colibri_drm.h>

#include "colibri_copy.h"
#include "colibri_device.h"
#include "colibri_gem.h"
#include "colibri_mmu.h"
#include "colibri_vm.h"

/* User space and hmm_svm call these things by the same numbers. */
static_assert(HMM_SVM_PAGE_READ == DRM_COLIBRI_SVM_PAGE_READ);
static_assert(HMM_SVM_PAGE_WRITE == DRM_COLIBRI_SVM_PAGE_WRITE);
static_assert(HMM_SVM_PAGE_ZERO == DRM_COLIBRI_SVM_PAGE_ZERO);
static_assert(HMM_SVM_PAGE_LOCAL == DRM_COLIBRI_SVM_PAGE_VRAM);
static_assert(HMM_SVM_PAGE_REMOTE == DRM_COLIBRI_SVM_PAGE_REMOTE);
static_assert(HMM_SVM_PAGE_MAPPED == DRM_COLIBRI_SVM_PAGE_MAPPED);
static_assert(HMM_SVM_PAGE_COPY == DRM_COLIBRI_SVM_PAGE_COPY);
static_assert(HMM_SVM_PAGE_ERROR == DRM_COLIBRI_SVM_PAGE_ERROR);
static_assert(HMM_SVM_PAGE_ORDER_SHIFT == 12);
static_assert(HMM_SVM_ADVISE_PREFERRED == DRM_COLIBRI_SVM_ADVISE_PREFERRED);
static_assert(HMM_SVM_ADVISE_TOUCH == DRM_COLIBRI_SVM_ADVISE_TOUCH);
static_assert(HMM_SVM_ADVISE_READ_MOSTLY == DRM_COLIBRI_SVM_ADVISE_READ_MOSTLY);
static_assert(HMM_SVM_ADVISE_ACCESSED_BY == DRM_COLIBRI_SVM_ADVISE_ACCESSED_BY);
static_assert(HMM_SVM_ADVISE_ATOMIC == DRM_COLIBRI_SVM_ADVISE_ATOMIC);
static_assert(HMM_SVM_ADVISE_PREFETCH == DRM_COLIBRI_SVM_ADVISE_PREFETCH);
static_assert(HMM_SVM_ADVISE_THRASH == DRM_COLIBRI_SVM_ADVISE_THRASH);
static_assert(HMM_SVM_ADVISE_PROMOTE == DRM_COLIBRI_SVM_ADVISE_PROMOTE);
static_assert(HMM_SVM_LOC_ANY == DRM_COLIBRI_SVM_PREFER_ANY);
static_assert(HMM_SVM_LOC_DEVICE == DRM_COLIBRI_SVM_PREFER_VRAM);
static_assert(HMM_SVM_LOC_SYSTEM == DRM_COLIBRI_SVM_PREFER_SYSTEM);
static_assert(HMM_SVM_TOUCH_MIGRATE == DRM_COLIBRI_SVM_TOUCH_MIGRATE);
static_assert(HMM_SVM_TOUCH_REMOTE == DRM_COLIBRI_SVM_TOUCH_REMOTE);
static_assert(HMM_SVM_ATOMIC_SYSTEM == DRM_COLIBRI_SVM_ATOMIC_SYSTEM);
static_assert(HMM_SVM_ATOMIC_DEVICE == DRM_COLIBRI_SVM_ATOMIC_DEVICE);
static_assert(HMM_SVM_ATOMIC_NONE == DRM_COLIBRI_SVM_ATOMIC_NONE);

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

/* Write the entries of @n pages that are alike and contiguous; returns @n. */
static unsigned int colibri_svm_map_run(u64 *leaves, unsigned int first,
					const struct hmm_svm_pte *pte, unsigned int n)
{
	u64 value = colibri_svm_pte(pte);
	unsigned int i;

	for (i = 0; i < n; i++) {
		if (n < COLIBRI_PT_CONT)
			colibri_pt_set(leaves, first + i, value + i * PAGE_SIZE);
		else
			WRITE_ONCE(leaves[first + i], (value + i * PAGE_SIZE) | COLIBRI_PTE_CONT64);
	}
	return n;
}

static void colibri_svm_map(struct hmm_svm *svm, u64 addr, const struct hmm_svm_pte *ptes,
			    unsigned int npages)
{
	struct colibri_vm *vm = hmm_svm_priv(svm);
	unsigned int first = colibri_pt_index(addr, 1);
	unsigned int i = 0;
	u64 *leaves;

	if (ptes->flags && BIT(ptes->order) == HMM_SVM_BLOCK_PAGES) {
		/* The answer to the fault goes to the device behind this. */
		if (colibri_pt_map_huge(&vm->pt, addr, colibri_svm_pte(ptes)))
			colibri_mmu_invalidate(vm->cdev, vm->asid, addr, HMM_SVM_BLOCK_SIZE);
		return;
	}

	leaves = colibri_pt_leaves(&vm->pt, addr);
	while (i < npages)
		i += ptes[i].flags ? colibri_svm_map_run(leaves, first + i, &ptes[i],
							 BIT(ptes[i].order)) : 1;
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

static int colibri_svm_copy_begin(struct hmm_svm_device *sdev,
				  const struct hmm_svm_extent *extents, unsigned int count)
{
	return colibri_copy_begin(hmm_svm_device_priv(sdev), extents, count);
}

static int colibri_svm_copy_end(struct hmm_svm_device *sdev, int ticket)
{
	return colibri_copy_end(hmm_svm_device_priv(sdev), ticket);
}

static bool colibri_svm_evict(struct hmm_svm_device *sdev)
{
	return colibri_gem_evict_one(hmm_svm_device_priv(sdev), false);
}

static const struct hmm_svm_device_ops colibri_svm_device_ops = {
	.copy = colibri_svm_copy,
	.copy_begin = colibri_svm_copy_begin,
	.copy_end = colibri_svm_copy_end,
	.evict = colibri_svm_evict,
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
	/* First, since ending a mirror ends the VM. */
	ret = colibri_vm_fault_start(vm);
	if (ret)
		goto unlock;
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
 * colibri_svm_begin() - start a call of hmm_svm that may take long
 * @vm: VM of the caller
 *
 * Such calls run outside of drm_dev_enter(): the removal of the device interrupts
 * them, and then waits for them here.
 *
 * Return: the mirror, which stays until colibri_svm_end(); ERR_PTR: -EINVAL
 * when there is none, -ENODEV, or -EINTR.
 */
struct hmm_svm *colibri_svm_begin(struct colibri_vm *vm)
{
	struct hmm_svm *svm;
	int ret;

	ret = down_read_killable(&vm->teardown_lock);
	if (ret)
		return ERR_PTR(ret);
	svm = colibri_vm_svm(vm);
	if (vm->torn_down || colibri_is_lost(vm->cdev) || drm_dev_is_unplugged(&vm->cdev->base))
		ret = -ENODEV;
	else if (!svm)
		ret = -EINVAL;
	if (!ret)
		return svm;
	up_read(&vm->teardown_lock);
	return ERR_PTR(ret);
}

/**
 * colibri_svm_end() - the call is over
 * @vm: VM
 */
void colibri_svm_end(struct colibri_vm *vm)
{
	up_read(&vm->teardown_lock);
}

/**
 * colibri_svm_prefetch() - move memory of the process
 * @vm: VM of the caller
 * @addr: first address
 * @size: bytes, within what can be mirrored
 * @location: DRM_COLIBRI_SVM_LOC_*
 *
 * Return: 0 or a negative errno.
 */
int colibri_svm_prefetch(struct colibri_vm *vm, u64 addr, u64 size, u32 location)
{
	struct hmm_svm *svm = colibri_svm_begin(vm);
	int ret;

	if (IS_ERR(svm))
		return PTR_ERR(svm);
	ret = hmm_svm_prefetch(svm, addr, addr + size, location == DRM_COLIBRI_SVM_LOC_VRAM);
	colibri_svm_end(vm);
	return ret;
}

static int colibri_svm_query_blocks(struct colibri_vm *vm, struct hmm_svm *svm, u64 addr, u64 end,
				    u16 *pages, u16 __user *user_pages)
{
	while (addr < end) {
		u64 next = min(round_down(addr, HMM_SVM_BLOCK_SIZE) + HMM_SVM_BLOCK_SIZE, end);
		unsigned int i, n = (next - addr) >> PAGE_SHIFT;
		int ret;

		if (READ_ONCE(vm->dead))
			return -EOWNERDEAD;
		if (fatal_signal_pending(current))
			return -EINTR;
		ret = hmm_svm_query(svm, addr, next, pages);
		if (ret)
			return ret;
		/* Device memory of this kind is not addressable for the CPU. */
		for (i = 0; i < n; i++)
			pages[i] &= ~HMM_SVM_PAGE_COHERENT;
		if (copy_to_user(user_pages, pages, n * sizeof(*pages)))
			return -EFAULT;
		user_pages += n;
		addr = next;
		cond_resched();
	}
	return 0;
}

/**
 * colibri_svm_query() - tell user space where memory is
 * @vm: VM of the caller
 * @addr: first address
 * @size: bytes, within the address space
 * @pages: array to fill
 *
 * Return: 0 or a negative errno.
 */
int colibri_svm_query(struct colibri_vm *vm, u64 addr, u64 size, u16 __user *pages)
{
	struct hmm_svm *svm;
	u16 *buffer;
	int ret;

	buffer = kmalloc_array(HMM_SVM_BLOCK_PAGES, sizeof(*buffer), GFP_KERNEL);
	if (!buffer)
		return -ENOMEM;
	svm = colibri_svm_begin(vm);
	if (IS_ERR(svm)) {
		ret = PTR_ERR(svm);
	} else {
		ret = colibri_svm_query_blocks(vm, svm, addr, addr + size, buffer, pages);
		colibri_svm_end(vm);
	}
	kfree(buffer);
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
		.flags = cdev->features & COLIBRI_FEATURE_SYS_ATOMICS ?
			 HMM_SVM_DEVICE_SYS_ATOMICS : 0,
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
