// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * GPU page faults: from the fault ring to the answer.
 */

/**
 * DOC: Faults
 *
 * Overview
 * --------
 *
 * The device reports a fault as a record in a ring and parks what faulted until
 * the driver answers RETRY or FAIL through the MMU ring.  The handler of
 * VEC_FAULT only sorts: it hands each record to the VM that the ASID names and
 * frees the place in the ring at once.  Each VM serves its faults in a work of
 * its own on an unbound workqueue, since resolving one may have to wait for
 * user space (userfaultfd, FUSE): one process's stalled fault never delays
 * another's.
 *
 * What waits in a VM is bounded.  Records that find no room are dropped, and
 * when the work has served the rest it answers RETRY for the whole address
 * space: the device tries again and reports anew what is still missing.
 *
 * A batch is sorted by address and a page served once, with the strongest
 * access; adjacent pages of one block share an answer.  Answers depend only on
 * the state of the VM at the time, so an answer to a record of an earlier owner
 * of the ASID, or a second answer to the same page, does no harm.
 *
 * The last failed faults of a VM are remembered, for QUEUE_STATE.
 *
 * The device is not trusted: ring indices, ASIDs, addresses and access kinds
 * are checked.
 *
 * Locking
 * -------
 *
 * &colibri_vm_fault.lock is a spinlock, innermost.  The work holds nothing
 * while it calls hmm_svm_fault(), which takes mmap_lock.
 */

#include <linux/sort.h>

#include "colibri_device.h"
#include "colibri_fault.h"
#include "colibri_mmu.h"
#include "colibri_trace.h"
#include "colibri_vm.h"

#define COLIBRI_FAULT_RING_LOG2	10
#define COLIBRI_FAULT_RING_SIZE	BIT(COLIBRI_FAULT_RING_LOG2)
#define COLIBRI_FAULT_BATCH	64

/* ---- The ring -------------------------------------------------------------*/

/* Queue a page of @vm; the reference that the caller holds goes with it. */
static void colibri_fault_queue(struct colibri_vm *vm, u64 addr, u32 access)
{
	struct colibri_vm_fault *vf = &vm->fault;

	spin_lock(&vf->lock);
	if (vf->head - vf->tail < COLIBRI_VM_FAULTS) {
		struct colibri_fault_page *page = &vf->pending[vf->head++ % COLIBRI_VM_FAULTS];

		page->addr = addr;
		page->access = access;
	} else {
		vf->overflow = true;
	}
	spin_unlock(&vf->lock);

	if (!queue_work(vm->cdev->fault.wq, &vf->work))
		colibri_vm_put(vm);
}

static void colibri_fault_dispatch(struct colibri_device *cdev, const struct colibri_fault *record)
{
	struct colibri_vm *vm;

	trace_colibri_fault(record);
	if (record->asid >= cdev->num_asids || record->addr >= COLIBRI_VA_END ||
	    record->access > COLIBRI_ACCESS_ATOMIC) {
		drm_err_ratelimited(&cdev->base, "bad fault record: asid %u addr %#llx access %u\n",
				    record->asid, record->addr, record->access);
		return;
	}

	vm = colibri_vm_get_by_asid(cdev, record->asid);
	if (vm)
		colibri_fault_queue(vm, record->addr, record->access);
	else
		colibri_mmu_fail(cdev, record->asid, record->addr & PAGE_MASK, PAGE_SIZE,
				 EOWNERDEAD);
}

/**
 * colibri_fault_handle_ring() - hand out all records of the fault ring
 * @cdev: device
 *
 * Called by the handler of VEC_FAULT alone.  Context: may sleep.
 */
void colibri_fault_handle_ring(struct colibri_device *cdev)
{
	struct colibri_status_page *status = cdev->status;
	u32 prod;

	while (!colibri_is_lost(cdev)) {
		/* Pairs with the device's release: the records are complete. */
		prod = smp_load_acquire(&status->fault_prod);
		if (prod == cdev->fault.cons)
			return;
		if (prod - cdev->fault.cons > COLIBRI_FAULT_RING_SIZE) {
			colibri_device_lost(cdev, "the fault ring holds more than fits in");
			return;
		}
		while (cdev->fault.cons != prod) {
			u32 slot = cdev->fault.cons++ % COLIBRI_FAULT_RING_SIZE;
			/* A copy: the device could change its record after the check. */
			struct colibri_fault record = cdev->fault.ring[slot];

			colibri_fault_dispatch(cdev, &record);
		}
		/* The records have been read: their places are free. */
		smp_store_release(&status->fault_cons, cdev->fault.cons);
		/*
		 * The device looks at fault_cons after it has moved fault_prod,
		 * to decide on an interrupt, and after it has set fault_overflow.
		 */
		mb();
		if (READ_ONCE(status->fault_overflow))
			colibri_write32(cdev, COLIBRI_REG_FAULT_DOORBELL, 1);
	}
}

/* ---- Service --------------------------------------------------------------*/

static int colibri_fault_cmp(const void *a, const void *b)
{
	const struct colibri_fault_page *x = a, *y = b;

	return x->addr < y->addr ? -1 : x->addr > y->addr;
}

/* The order in which one access implies another; execution stands alone. */
static u32 colibri_fault_stronger(u32 a, u32 b)
{
	static const u8 rank[] = {
		[COLIBRI_ACCESS_READ] = 0,
		[COLIBRI_ACCESS_WRITE] = 1,
		[COLIBRI_ACCESS_ATOMIC] = 2,
		[COLIBRI_ACCESS_EXEC] = 3,
	};

	return rank[a] >= rank[b] ? a : b;
}

/* Take up to COLIBRI_FAULT_BATCH pages, sorted, each once; returns how many. */
static unsigned int colibri_fault_take(struct colibri_vm_fault *vf,
				       struct colibri_fault_page *batch)
{
	unsigned int taken = 0, n = 0, i;

	spin_lock(&vf->lock);
	while (taken < COLIBRI_FAULT_BATCH && vf->tail != vf->head)
		batch[taken++] = vf->pending[vf->tail++ % COLIBRI_VM_FAULTS];
	spin_unlock(&vf->lock);

	sort(batch, taken, sizeof(*batch), colibri_fault_cmp, NULL);
	for (i = 0; i < taken; i++) {
		if (n && batch[n - 1].addr >> PAGE_SHIFT == batch[i].addr >> PAGE_SHIFT)
			batch[n - 1].access = colibri_fault_stronger(batch[n - 1].access,
								     batch[i].access);
		else
			batch[n++] = batch[i];
	}
	return n;
}

static int colibri_fault_serve(struct colibri_vm *vm, const struct colibri_fault_page *page)
{
	static const enum hmm_svm_access access[] = {
		[COLIBRI_ACCESS_READ] = HMM_SVM_READ,
		[COLIBRI_ACCESS_WRITE] = HMM_SVM_WRITE,
		[COLIBRI_ACCESS_ATOMIC] = HMM_SVM_ATOMIC,
	};
	struct hmm_svm *svm = colibri_vm_svm(vm);
	int ret;

	if (READ_ONCE(vm->dead))
		return -EOWNERDEAD;
	/* Buffers are mapped when VM_BIND returns, so only a fault that raced with it may go on. */
	if (page->addr >= COLIBRI_VA_DRIVER_ZONE)
		return colibri_pt_check(&vm->pt, page->addr, page->access);
	/* Code lives in buffers: memory of the process is never executable for the device. */
	if (page->access == COLIBRI_ACCESS_EXEC)
		return -EACCES;
	if (!svm)
		return -EFAULT;

	ret = hmm_svm_fault(svm, page->addr, access[page->access]);
	/* The memory changes too quickly just now.  The wave is parked and in nobody's way. */
	return ret == -EBUSY ? 0 : ret;
}

static void colibri_fault_remember(struct colibri_vm *vm, const struct colibri_fault_page *page,
				   int error)
{
	struct colibri_vm_fault *vf = &vm->fault;
	struct colibri_fault_page *failed;

	spin_lock(&vf->lock);
	failed = &vf->failed[vf->num_failed++ % COLIBRI_VM_FAILED];
	*failed = *page;
	failed->error = error;
	spin_unlock(&vf->lock);
}

/* Serve @n sorted pages and answer them. */
static void colibri_fault_serve_batch(struct colibri_vm *vm, const struct colibri_fault_page *batch,
				      unsigned int n)
{
	u64 start = 0, end = 0;
	unsigned int i;

	for (i = 0; i < n; i++) {
		u64 page = batch[i].addr & PAGE_MASK;
		int ret = colibri_fault_serve(vm, &batch[i]);

		trace_colibri_fault_done(vm->asid, batch[i].addr, batch[i].access, ret);
		if (ret) {
			colibri_fault_remember(vm, &batch[i], -ret);
			colibri_mmu_fail(vm->cdev, vm->asid, page, PAGE_SIZE, -ret);
			continue;
		}
		/* One answer for a run of pages. */
		if (end != page || (start ^ page) >> HMM_SVM_BLOCK_SHIFT) {
			if (end)
				colibri_mmu_retry(vm->cdev, vm->asid, start, end - start);
			start = page;
		}
		end = page + PAGE_SIZE;
	}
	if (end)
		colibri_mmu_retry(vm->cdev, vm->asid, start, end - start);
}

static void colibri_fault_work(struct work_struct *work)
{
	struct colibri_vm_fault *vf = container_of(work, struct colibri_vm_fault, work);
	struct colibri_vm *vm = container_of(vf, struct colibri_vm, fault);
	struct colibri_fault_page batch[COLIBRI_FAULT_BATCH];
	bool overflow;
	unsigned int n;

	while ((n = colibri_fault_take(vf, batch)))
		colibri_fault_serve_batch(vm, batch, n);

	spin_lock(&vf->lock);
	overflow = vf->overflow;
	vf->overflow = false;
	spin_unlock(&vf->lock);
	if (overflow)
		colibri_mmu_retry(vm->cdev, vm->asid, 0, COLIBRI_MMU_ALL);

	colibri_vm_put(vm);
}

/**
 * colibri_vm_fault_find_failed() - why a fault failed
 * @vm: VM
 * @addr: an address on the page
 * @failed: returns what is remembered
 *
 * Return: whether anything is.
 */
bool colibri_vm_fault_find_failed(struct colibri_vm *vm, u64 addr,
				  struct colibri_fault_page *failed)
{
	struct colibri_vm_fault *vf = &vm->fault;
	unsigned int i, n;
	bool found = false;

	spin_lock(&vf->lock);
	n = min(vf->num_failed, COLIBRI_VM_FAILED);
	for (i = 1; i <= n && !found; i++) {
		*failed = vf->failed[(vf->num_failed - i) % COLIBRI_VM_FAILED];
		found = failed->addr >> PAGE_SHIFT == addr >> PAGE_SHIFT;
	}
	spin_unlock(&vf->lock);
	return found;
}

/**
 * colibri_vm_fault_init() - make a VM ready for faults
 * @vm: VM
 */
void colibri_vm_fault_init(struct colibri_vm *vm)
{
	spin_lock_init(&vm->fault.lock);
	INIT_WORK(&vm->fault.work, colibri_fault_work);
}

/* ---- Device ---------------------------------------------------------------*/

static void colibri_fault_fini(void *data)
{
	struct colibri_device *cdev = data;

	destroy_workqueue(cdev->fault.wq);
}

/**
 * colibri_fault_init() - allocate the fault ring and the workqueue
 * @cdev: device
 *
 * Return: 0 or a negative errno.
 */
int colibri_fault_init(struct colibri_device *cdev)
{
	struct device *dev = cdev->base.dev;

	cdev->fault.ring = dmam_alloc_coherent(dev, COLIBRI_FAULT_RING_SIZE *
					       sizeof(*cdev->fault.ring),
					       &cdev->fault.bus, GFP_KERNEL);
	if (!cdev->fault.ring)
		return -ENOMEM;

	/* Every VM may have a stalled fault, and none may wait for another's. */
	cdev->fault.wq = alloc_workqueue("colibri-fault", WQ_UNBOUND, COLIBRI_MAX_ASIDS);
	if (!cdev->fault.wq)
		return -ENOMEM;
	return devm_add_action_or_reset(dev, colibri_fault_fini, cdev);
}

/**
 * colibri_fault_start() - give the ring to the device, which has been reset
 * @cdev: device
 */
void colibri_fault_start(struct colibri_device *cdev)
{
	colibri_write32(cdev, COLIBRI_REG_FAULT_RING_LOG2, COLIBRI_FAULT_RING_LOG2);
	colibri_write64(cdev, COLIBRI_REG_FAULT_RING, cdev->fault.bus);
}
