// SPDX-License-Identifier: GPL-2.0
/*
 * Fault service and prefetch, as drm_gpusvm's documentation lays them out: find
 * or make the range, migrate it whole, get its pages, and bind it if core mm
 * has not changed anything meanwhile.
 */
#include <linux/mm.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>

#include "gpusvm.h"

/* Rounds until the device is told to try again. */
#define MAX_ROUNDS	32

struct request {
	struct hmm_svm *svm;
	u64 addr;
	bool write;
	bool migrate;
};

/* Return: 0, -EFAULT or -EACCES; @writable tells of the vma. */
static int check_vma(struct request *req, bool *writable)
{
	struct mm_struct *mm = req->svm->mm;
	struct vm_area_struct *vma;
	int ret = 0;

	mmap_read_lock(mm);
	vma = vma_lookup(mm, req->addr);
	if (!vma || (vma->vm_flags & (VM_IO | VM_PFNMAP)))
		ret = -EFAULT;
	else if (!(vma->vm_flags & VM_READ) || (req->write && !(vma->vm_flags & VM_WRITE)))
		ret = -EACCES;
	else
		*writable = vma->vm_flags & VM_WRITE;
	mmap_read_unlock(mm);
	return ret;
}

/* Fills one entry for each page. */
static void make_ptes(const struct gpusvm_range *range, struct hmm_svm_pte *ptes,
		      unsigned long npages, bool writable)
{
	unsigned long i, j, k;

	for (i = 0, j = 0; i < npages; j++) {
		const struct drm_pagemap_addr *addr = &range->pages.dma_addr[j];
		u16 flags = HMM_SVM_PTE_READ;

		if (addr->proto == DRM_INTERCONNECT_DRIVER)
			flags |= HMM_SVM_PTE_DEVMEM;
		if (writable)
			flags |= HMM_SVM_PTE_WRITE | HMM_SVM_PTE_ATOMIC;
		for (k = 0; k < 1UL << addr->order && i < npages; k++, i++) {
			ptes[i].addr = addr->addr + (k << PAGE_SHIFT);
			ptes[i].flags = flags;
			ptes[i].order = 0;
		}
		if (addr->order == HMM_SVM_BLOCK_SHIFT - PAGE_SHIFT)
			ptes[i - k].order = addr->order;
	}
}

/* Return: 0, or -EAGAIN when core mm was faster. */
static int bind_range(struct hmm_svm *svm, struct gpusvm_range *range, bool writable)
{
	u64 start = drm_gpusvm_range_start(&range->base);
	u64 end = drm_gpusvm_range_end(&range->base);
	unsigned long npages = (end - start) >> PAGE_SHIFT;
	struct hmm_svm_pte *ptes;
	int ret;

	ptes = kvmalloc_array(npages, sizeof(*ptes), GFP_KERNEL);
	if (!ptes)
		return -ENOMEM;
	ret = svm->ops->prepare(svm, start, end);
	if (ret)
		goto out;

	drm_gpusvm_notifier_lock(&svm->gpusvm);
	if (drm_gpusvm_pages_valid(&svm->gpusvm, &range->pages)) {
		make_ptes(range, ptes, npages, writable);
		svm->ops->map(svm, start, ptes, npages);
		range->mapped = true;
	} else {
		ret = -EAGAIN;
	}
	drm_gpusvm_notifier_unlock(&svm->gpusvm);
	if (!ret && range->pages.flags.has_devmem_pages)
		gpusvm_count(svm, pages_mapped_dev, npages);
	else if (!ret)
		gpusvm_count(svm, pages_mapped_sys, npages);
out:
	kvfree(ptes);
	return ret;
}

static bool is_valid(struct hmm_svm *svm, struct gpusvm_range *range)
{
	bool valid;

	drm_gpusvm_notifier_lock(&svm->gpusvm);
	valid = range->mapped && drm_gpusvm_pages_valid(&svm->gpusvm, &range->pages);
	drm_gpusvm_notifier_unlock(&svm->gpusvm);
	return valid;
}

static void migrate_range(struct hmm_svm *svm, struct gpusvm_range *range)
{
	unsigned long start = drm_gpusvm_range_start(&range->base);
	unsigned long end = drm_gpusvm_range_end(&range->base);

	if (!drm_pagemap_populate_mm(&svm->sdev->dpagemap, start, end, svm->mm, 0))
		gpusvm_count(svm, pages_to_dev, (end - start) >> PAGE_SHIFT);
}

/* One round. Return: 0, -EAGAIN for another one, or the fault's error. */
static int serve_once(struct request *req, struct gpusvm_range **found)
{
	struct hmm_svm *svm = req->svm;
	struct drm_gpusvm_ctx ctx = {
		.devmem_possible = true,
		.check_pages_threshold = SZ_64K,
		.device_private_page_owner = svm->sdev,
	};
	struct drm_gpusvm_range *base;
	struct gpusvm_range *range;
	bool writable;
	int ret;

	gpusvm_collect_garbage(svm);
	ret = check_vma(req, &writable);
	if (ret)
		return ret;
	ctx.read_only = !writable;
	base = drm_gpusvm_range_find_or_insert(&svm->gpusvm, req->addr, 0, svm->end, &ctx);
	if (IS_ERR(base))
		return PTR_ERR(base);
	range = to_gpusvm_range(base);
	*found = range;

	if (is_valid(svm, range) &&
	    !(req->migrate && !range->pages.flags.has_devmem_pages))
		return 0;
	if (req->migrate && base->flags.migrate_devmem) {
		req->migrate = false;
		migrate_range(svm, range);
	}
	ret = drm_gpusvm_get_pages(&svm->gpusvm, &range->pages, svm->mm,
				   &base->notifier->notifier, drm_gpusvm_range_start(base),
				   drm_gpusvm_range_end(base), &ctx);
	if (ret == -EOPNOTSUPP)
		drm_gpusvm_range_evict(&svm->gpusvm, base);
	if (ret == -EOPNOTSUPP || ret == -EFAULT || ret == -EPERM)
		return -EAGAIN;
	if (ret)
		return ret;
	return bind_range(svm, range, writable);
}

static int serve(struct request *req, struct gpusvm_range **found)
{
	unsigned int round;
	int ret = -EAGAIN;

	mutex_lock(&req->svm->lock);
	for (round = 0; ret == -EAGAIN && round < MAX_ROUNDS; round++)
		ret = READ_ONCE(req->svm->interrupted) || fatal_signal_pending(current) ?
			-EINTR : serve_once(req, found);
	mutex_unlock(&req->svm->lock);
	return ret == -EAGAIN ? -EBUSY : ret;
}

int hmm_svm_fault(struct hmm_svm *svm, u64 addr, enum hmm_svm_access access)
{
	struct request req = {
		.svm = svm,
		.addr = addr & PAGE_MASK,
		.write = access != HMM_SVM_READ,
		.migrate = true,
	};
	struct gpusvm_range *range;
	int ret;

	if (addr >= svm->end) {
		ret = -EFAULT;
	} else if (!mmget_not_zero(svm->mm)) {
		ret = -EOWNERDEAD;
	} else {
		ret = serve(&req, &range);
		mmput_async(svm->mm);
	}
	gpusvm_count(svm, faults, 1);
	if (ret)
		gpusvm_count(svm, faults_failed, 1);
	return ret;
}
EXPORT_SYMBOL_GPL(hmm_svm_fault);

/* Each range of [@start, @end): made, moved and mapped, or evicted. */
static int prefetch_ranges(struct hmm_svm *svm, u64 start, u64 end, bool to_device)
{
	struct gpusvm_range *range;
	int ret = 0;

	while (start < end && !ret) {
		struct request req = { .svm = svm, .addr = start, .migrate = to_device };

		ret = serve(&req, &range);
		if (ret)
			break;
		if (!to_device)
			drm_gpusvm_range_evict(&svm->gpusvm, &range->base);
		start = drm_gpusvm_range_end(&range->base);
		cond_resched();
	}
	return ret;
}

int hmm_svm_prefetch(struct hmm_svm *svm, u64 start, u64 end, bool to_device)
{
	int ret;

	if (!PAGE_ALIGNED(start | end) || start > end)
		return -EINVAL;
	if (end > svm->end)
		return -EFAULT;
	if (!mmget_not_zero(svm->mm))
		return -EOWNERDEAD;
	ret = prefetch_ranges(svm, start, end, to_device);
	mmput_async(svm->mm);
	return ret;
}
EXPORT_SYMBOL_GPL(hmm_svm_prefetch);
