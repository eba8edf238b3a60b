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
 * VEC_FAULT only sorts: it notes each record in the VM that the ASID names and
 * frees the place in the ring at once.  What needs no memory of the process
 * (a VM that is dead or has no mirror, the driver's zone, execution) it answers
 * itself.
 *
 * The rest is sorted into blocks of 2 MiB, hmm_svm's unit, as bits for each page
 * and kind of access.  A VM with a mirror has some threads, the *workers*
 * (module parameter fault_workers).  A worker takes the oldest block with all
 * the bits that it has by then, so faults on one block are merged and served in
 * the order of their addresses, by one worker at a time; what comes meanwhile
 * makes the next round.  Different blocks are served in parallel.
 *
 * Records of another kind, ACCESS_HOT, ask for nothing: the device uses 64 KiB of
 * system memory a lot.  They become bits of their block, too, and when a worker
 * has served its faults it offers the memory to hmm_svm_promote().  With other
 * blocks waiting they are dropped; what stays in use is reported again.
 *
 * Serving one page maps its neighbours, too.  Pages that the page table allows by
 * now need no service, and pages served together are answered together.
 * Before anything that may take long, what has been served is answered.
 *
 * Resolving a fault may have to wait for user space (userfaultfd, FUSE).  That keeps one worker of
 * one VM, and the block: its other faults wait, too, as do all of the VM with as many such blocks
 * as workers.  It takes a thread: core mm tells a monitor only of what somebody sleeps for (not
 * with FAULT_FLAG_RETRY_NOWAIT).  Were the block handed out again, its missing pages, which lie
 * together, could take all workers, and none would be left for other blocks.  hmm_svm ends such a
 * wait, when the owner dies or the VM ends, by SIGKILL, which the workers therefore allow.
 *
 * What waits in a VM is bounded.  Records that find no block are dropped, and
 * when no block is left to take the worker answers RETRY for the whole address
 * space: the device tries again and reports anew what is still missing.
 * Answers depend only on the state of the VM at the time, so an answer to a
 * record of an earlier owner of the ASID, or a second answer to the same page,
 * does no harm.
 *
 * The last failed faults of a VM are remembered, for QUEUE_STATE.
 *
 * The device is not trusted: ring indices, ASIDs, addresses and access kinds
 * are checked.
 *
 * Locking
 * -------
 *
 * &colibri_vm_fault.lock is a spinlock, innermost.  The handler of VEC_FAULT has no
 * reference to the VM; it works under the lock of &colibri_device.vms, from
 * which a VM goes first of all when it ends.  A worker holds nothing
 * while it calls hmm_svm_fault(), which takes mmap_lock.
 */

#include <linux/bitmap.h>
#include <linux/delay.h>
#include <linux/interrupt.h>
#include <linux/kthread.h>
#include <linux/moduleparam.h>
#include <linux/sched/signal.h>
#include <linux/seq_file.h>
#include <linux/sizes.h>

#include "colibri_device.h"
#include "colibri_fault.h"
#include "colibri_mmu.h"
#include "colibri_trace.h"
#include "colibri_vm.h"

#define COLIBRI_FAULT_RING_LOG2	10
#define COLIBRI_FAULT_RING_SIZE	BIT(COLIBRI_FAULT_RING_LOG2)
#define COLIBRI_VM_BLOCKS	128	/* that have something to serve */

static int colibri_fault_set_workers(const char *val, const struct kernel_param *kp)
{
	return param_set_uint_minmax(val, kp, 0, COLIBRI_MAX_WORKERS);
}

static const struct kernel_param_ops colibri_fault_workers_ops = {
	.set = colibri_fault_set_workers,
	.get = param_get_uint,
};

static unsigned int fault_workers;
module_param_cb(fault_workers, &colibri_fault_workers_ops, &fault_workers, 0444);
MODULE_PARM_DESC(fault_workers,
		 "Threads that serve the page faults of one address space, at most 8; 0: as there are CPUs, at most 4");

static unsigned int hot_threshold = 256;
module_param(hot_threshold, uint, 0444);
MODULE_PARM_DESC(hot_threshold,
		 "GPU accesses to 64 KiB of system memory after which they may move to VRAM; 0: never");

#define COLIBRI_HOT_SIZE	SZ_64K	/* what the device counts together */

/**
 * struct colibri_fault_pages - what is to be served in one block
 */
struct colibri_fault_pages {
	/** @hot: parts of 64 KiB that the device uses a lot */
	DECLARE_BITMAP(hot, HMM_SVM_BLOCK_SIZE / COLIBRI_HOT_SIZE);
	/** @want: for each kind of access (COLIBRI_ACCESS_*) the pages that it is about */
	DECLARE_BITMAP(want[COLIBRI_ACCESS_ATOMIC + 1], HMM_SVM_BLOCK_PAGES);
	/** @since: when the first of them came, if that is traced; else 0 */
	u64 since;
};

/**
 * struct colibri_fault_block - 2 MiB with faults
 */
struct colibri_fault_block {
	/** @hash: in &colibri_vm_fault.active */
	struct hlist_node hash;
	/** @entry: in &colibri_vm_fault.free or .queued; empty while a worker has it */
	struct list_head entry;
	/** @start: its first address */
	u64 start;
	/** @pages: came since a worker took it, if one has it */
	struct colibri_fault_pages pages;
};

/* ---- Failures -------------------------------------------------------------*/

static void colibri_fault_remember(struct colibri_vm *vm, u64 addr, u32 access, int error)
{
	struct colibri_vm_fault *vf = &vm->fault;

	spin_lock(&vf->lock);
	vf->failed[vf->num_failed++ % COLIBRI_VM_FAILED] = (struct colibri_failed_fault) {
		.addr = addr,
		.access = access,
		.error = error,
	};
	spin_unlock(&vf->lock);
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
				  struct colibri_failed_fault *failed)
{
	struct colibri_vm_fault *vf = &vm->fault;
	bool found = false;
	u64 i, n;

	spin_lock(&vf->lock);
	n = min_t(u64, vf->num_failed, COLIBRI_VM_FAILED);
	for (i = 1; i <= n && !found; i++) {
		*failed = vf->failed[(vf->num_failed - i) % COLIBRI_VM_FAILED];
		found = failed->addr >> PAGE_SHIFT == addr >> PAGE_SHIFT;
	}
	spin_unlock(&vf->lock);
	return found;
}

/**
 * colibri_vm_fault_get_last() - the last fault of a VM that failed
 * @vm: VM
 * @failed: returns it, if there is one
 *
 * Return: how many have failed.
 */
u64 colibri_vm_fault_get_last(struct colibri_vm *vm, struct colibri_failed_fault *failed)
{
	struct colibri_vm_fault *vf = &vm->fault;
	u64 count;

	spin_lock(&vf->lock);
	count = vf->num_failed;
	if (count)
		*failed = vf->failed[(count - 1) % COLIBRI_VM_FAILED];
	spin_unlock(&vf->lock);
	return count;
}

/* ---- Sorting --------------------------------------------------------------*/

static const enum hmm_svm_access colibri_fault_kind[] = {
	[COLIBRI_ACCESS_READ] = HMM_SVM_READ,
	[COLIBRI_ACCESS_WRITE] = HMM_SVM_WRITE,
	[COLIBRI_ACCESS_ATOMIC] = HMM_SVM_ATOMIC,
};

/* The block of @addr if it is in use. */
static struct colibri_fault_block *colibri_fault_find_block(struct colibri_vm_fault *vf, u64 addr)
{
	u64 start = round_down(addr, HMM_SVM_BLOCK_SIZE);
	struct colibri_fault_block *block;

	lockdep_assert_held(&vf->lock);
	hash_for_each_possible(vf->active, block, hash, start) {
		if (block->start == start)
			return block;
	}
	return NULL;
}

/* Queue the block of @addr, which is not in use; NULL: there is no room. */
static struct colibri_fault_block *colibri_fault_add_block(struct colibri_vm_fault *vf, u64 addr)
{
	struct colibri_fault_block *block;

	lockdep_assert_held(&vf->lock);
	block = list_first_entry_or_null(&vf->free, struct colibri_fault_block, entry);
	if (!block)
		return NULL;
	block->start = round_down(addr, HMM_SVM_BLOCK_SIZE);
	hash_add(vf->active, &block->hash, block->start);
	list_move_tail(&block->entry, &vf->queued);
	wake_up(&vf->wq);
	return block;
}

static void colibri_fault_queue(struct colibri_vm_fault *vf, u64 addr, u32 access)
{
	struct colibri_fault_block *block;

	spin_lock(&vf->lock);
	block = colibri_fault_find_block(vf, addr) ?: colibri_fault_add_block(vf, addr);
	if (block) {
		__set_bit((addr - block->start) >> PAGE_SHIFT,
			  block->pages.want[access]);
		if (!block->pages.since && trace_colibri_fault_done_enabled())
			block->pages.since = ktime_get_ns();
	} else {
		vf->overflow = true;
	}
	spin_unlock(&vf->lock);
}

static void colibri_fault_queue_hot(struct colibri_vm_fault *vf, u64 addr)
{
	struct colibri_fault_block *block;

	spin_lock(&vf->lock);
	block = colibri_fault_find_block(vf, addr);
	if (!block && list_empty(&vf->queued))
		block = colibri_fault_add_block(vf, addr);
	if (block)
		__set_bit((addr - block->start) / COLIBRI_HOT_SIZE, block->pages.hot);
	spin_unlock(&vf->lock);
}

/*
 * Buffers are mapped when VM_BIND has taken effect, so only a fault that raced with it may go on,
 * or one on a buffer that moved.  That does not happen on fenced VMs, and nobody may wait there.
 */
static int colibri_fault_sort_zone(struct colibri_vm *vm, const struct colibri_fault *record)
{
	int ret = colibri_pt_check(&vm->pt, record->addr, record->access);

	if (!ret || vm->fenced || record->addr >= COLIBRI_VA_QUEUE_SLOTS)
		return ret;
	/* Pairs with colibri_vm_fault_start(). */
	if (!smp_load_acquire(&vm->fault.blocks))
		return ret;
	colibri_fault_queue(&vm->fault, record->addr, record->access);
	return 1;
}

/*
 * What becomes of a fault.
 * Return: 1: a worker answers it, or nobody has to; 0: to be tried again, or a negative errno: to
 * be answered at once.
 */
static int colibri_fault_sort(struct colibri_vm *vm, const struct colibri_fault *record)
{
	if (record->access == COLIBRI_ACCESS_HOT) {
		if (record->addr < COLIBRI_VA_DRIVER_ZONE && colibri_vm_svm(vm))
			colibri_fault_queue_hot(&vm->fault, record->addr);
		return 1;
	}
	if (READ_ONCE(vm->dead))
		return -EOWNERDEAD;
	if (record->addr >= COLIBRI_VA_DRIVER_ZONE)
		return colibri_fault_sort_zone(vm, record);
	/* Code lives in buffers: memory of the process is never executable for the device. */
	if (record->access == COLIBRI_ACCESS_EXEC)
		return -EACCES;
	if (!colibri_vm_svm(vm))
		return -EFAULT;

	colibri_fault_queue(&vm->fault, record->addr, record->access);
	return 1;
}

static void colibri_fault_dispatch(struct colibri_device *cdev, const struct colibri_fault *record)
{
	u64 page = record->addr & PAGE_MASK;
	int ret = -EOWNERDEAD;
	struct colibri_vm *vm;

	if (record->access == COLIBRI_ACCESS_HOT)
		trace_colibri_hot(record->asid, record->addr);
	else
		trace_colibri_fault(record);
	if (record->asid >= cdev->num_asids || record->addr >= COLIBRI_VA_END ||
	    record->access > COLIBRI_ACCESS_HOT) {
		drm_err_ratelimited(&cdev->base, "bad fault record: asid %u addr %#llx access %u\n",
				    record->asid, record->addr, record->access);
		return;
	}

	xa_lock(&cdev->vms);
	vm = xa_load(&cdev->vms, record->asid);
	if (vm) {
		ret = colibri_fault_sort(vm, record);
		if (ret < 0)
			colibri_fault_remember(vm, record->addr, record->access, -ret);
	}
	xa_unlock(&cdev->vms);

	if (ret > 0 || record->access == COLIBRI_ACCESS_HOT)
		return;
	trace_colibri_fault_done(record->asid, record->addr, record->access, ret, 0);
	if (ret)
		colibri_mmu_fail(cdev, record->asid, page, PAGE_SIZE, -ret);
	else
		colibri_mmu_retry(cdev, record->asid, page, PAGE_SIZE);
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
	u32 prod, first, taken = 0;

	while (!colibri_is_lost(cdev) && !READ_ONCE(cdev->fault.stopped)) {
		/* Pairs with the device's release: the records are complete. */
		prod = smp_load_acquire(&status->fault_prod);
		if (prod == cdev->fault.cons)
			return;
		if (prod - cdev->fault.cons > COLIBRI_FAULT_RING_SIZE) {
			colibri_device_lost(cdev, "the fault ring holds more than fits in");
			return;
		}
		first = cdev->fault.cons;
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

		/* A device can report without end, and this thread goes before all others. */
		taken += prod - first;
		if (taken >= COLIBRI_FAULT_RING_SIZE) {
			usleep_range(50, 200);
			taken = 0;
		}
	}
}

/**
 * colibri_fault_stop() - have the handler return soon, whatever the device does
 * @cdev: device
 * @stop: true: until it is called with false
 *
 * Whoever waits for the handler's end would wait for the device's else.
 */
void colibri_fault_stop(struct colibri_device *cdev, bool stop)
{
	WRITE_ONCE(cdev->fault.stopped, stop);
}

/* ---- Service --------------------------------------------------------------*/

/**
 * struct colibri_fault_run - pages that have been served and not been answered
 */
struct colibri_fault_run {
	/** @vm: VM */
	struct colibri_vm *vm;
	/** @start: first page */
	u64 start;
	/** @end: end of the last one; 0: none */
	u64 end;
	/** @since: when the first fault of the block came; 0: nobody wants to know */
	u64 since;
};

static void colibri_fault_answer(struct colibri_fault_run *run)
{
	if (run->end)
		colibri_mmu_retry(run->vm->cdev, run->vm->asid, run->start, run->end - run->start);
	run->end = 0;
}

/* The strongest access that was reported for page @i, as the device calls it. */
static u32 colibri_fault_access(const struct colibri_fault_pages *pages, unsigned int i)
{
	static const u32 order[] = {
		COLIBRI_ACCESS_EXEC, COLIBRI_ACCESS_ATOMIC, COLIBRI_ACCESS_WRITE,
	};
	unsigned int n;

	for (n = 0; n < ARRAY_SIZE(order); n++) {
		if (test_bit(i, pages->want[order[n]]))
			return order[n];
	}
	return COLIBRI_ACCESS_READ;
}

/* Whether -EINTR is due to a signal of the administrator's, which is none of the VM's business. */
static bool colibri_fault_ignore_signal(struct colibri_vm *vm)
{
	if (READ_ONCE(vm->dead))
		return false;
	flush_signals(current);
	return true;
}

static int colibri_fault_serve(struct colibri_vm *vm, u64 addr, u32 access)
{
	int ret;

	if (READ_ONCE(vm->dead))
		return -EOWNERDEAD;
	if (addr >= COLIBRI_VA_DRIVER_ZONE)
		return colibri_bind_fault(vm, addr, access);
	ret = hmm_svm_fault(colibri_vm_svm(vm), addr, colibri_fault_kind[access]);
	/* The memory changes too quickly just now.  The wave is parked and in nobody's way. */
	if (ret == -EBUSY || (ret == -EINTR && colibri_fault_ignore_signal(vm)))
		return 0;
	return ret;
}

static void colibri_fault_promote(struct colibri_vm *vm, u64 addr)
{
	if (!READ_ONCE(vm->dead) &&
	    hmm_svm_promote(colibri_vm_svm(vm), addr, COLIBRI_HOT_SIZE) == -EINTR)
		colibri_fault_ignore_signal(vm);
}

static void colibri_fault_serve_page(struct colibri_fault_run *run, u64 addr, u32 access)
{
	struct colibri_vm *vm = run->vm;
	int ret = 0;

	if (colibri_pt_check(&vm->pt, addr, access)) {
		colibri_fault_answer(run);
		ret = colibri_fault_serve(vm, addr, access);
	}
	trace_colibri_fault_done(vm->asid, addr, access, ret,
				 run->since ? ktime_get_ns() - run->since : 0);

	if (ret) {
		colibri_fault_answer(run);
		colibri_fault_remember(vm, addr, access, -ret);
		colibri_mmu_fail(vm->cdev, vm->asid, addr, PAGE_SIZE, -ret);
		return;
	}
	if (!run->end)
		run->start = addr;
	run->end = addr + PAGE_SIZE;
}

/* Serve and answer all that has been taken of a block. */
static void colibri_fault_serve_block(struct colibri_vm *vm, u64 start,
				      const struct colibri_fault_pages *pages)
{
	struct colibri_fault_run run = { .vm = vm, .since = pages->since };
	DECLARE_BITMAP(all, HMM_SVM_BLOCK_PAGES);
	unsigned int i;

	bitmap_zero(all, HMM_SVM_BLOCK_PAGES);
	for (i = 0; i < ARRAY_SIZE(pages->want); i++)
		bitmap_or(all, all, pages->want[i], HMM_SVM_BLOCK_PAGES);
	for_each_set_bit(i, all, HMM_SVM_BLOCK_PAGES)
		colibri_fault_serve_page(&run, start + i * PAGE_SIZE,
					 colibri_fault_access(pages, i));
	colibri_fault_answer(&run);

	for_each_set_bit(i, pages->hot, HMM_SVM_BLOCK_SIZE / COLIBRI_HOT_SIZE)
		colibri_fault_promote(vm, start + i * COLIBRI_HOT_SIZE);
}

/* ---- For debugfs ----------------------------------------------------------*/

#define COLIBRI_SHOW_RECORDS	16

/**
 * colibri_fault_show_ring() - indices of the fault ring and its last records
 * @cdev: device
 * @m: where to
 */
void colibri_fault_show_ring(struct colibri_device *cdev, struct seq_file *m)
{
	u32 prod = READ_ONCE(cdev->status->fault_prod), cons = READ_ONCE(cdev->fault.cons), i;

	seq_printf(m, "ring of %lu: %u written, %u handed out%s\n", COLIBRI_FAULT_RING_SIZE, prod,
		   cons, READ_ONCE(cdev->status->fault_overflow) ? ", overflow" : "");
	for (i = min(cons, COLIBRI_SHOW_RECORDS); i; i--) {
		u32 slot = (cons - i) % COLIBRI_FAULT_RING_SIZE;
		struct colibri_fault record = cdev->fault.ring[slot];

		seq_printf(m, "  %u: asid %u queue %u addr %#llx access %u client %u pc %#llx wave %u.%u time %llu\n",
			   cons - i, record.asid, record.queue, record.addr, record.access,
			   record.client, record.pc, record.wg, record.wave, record.timestamp);
	}
}

static unsigned int colibri_fault_pages_wanted(const struct colibri_fault_pages *pages)
{
	unsigned int access, n = 0;

	for (access = HMM_SVM_READ; access <= HMM_SVM_ATOMIC; access++)
		n += bitmap_weight(pages->want[access], HMM_SVM_BLOCK_PAGES);
	return n;
}

/**
 * colibri_vm_fault_show() - what is in flight in a VM, and the last failures
 * @vm: VM
 * @m: where to
 */
void colibri_vm_fault_show(struct colibri_vm *vm, struct seq_file *m)
{
	struct colibri_vm_fault *vf = &vm->fault;
	struct colibri_fault_block *block;
	unsigned int bucket, i;

	spin_lock(&vf->lock);
	seq_printf(m, "asid %u%s\n", vm->asid, vf->overflow ? ": overflow" : "");
	hash_for_each(vf->active, bucket, block, hash)
		seq_printf(m, "  block %#llx: %s, %u accesses wanted\n", block->start,
			   list_empty(&block->entry) ? "being served" : "queued",
			   colibri_fault_pages_wanted(&block->pages));
	for (i = min(vf->num_failed, COLIBRI_VM_FAILED); i; i--) {
		const struct colibri_failed_fault *failed =
			&vf->failed[(vf->num_failed - i) % COLIBRI_VM_FAILED];

		seq_printf(m, "  failed %#llx: access %u, error %u\n", failed->addr,
			   failed->access, failed->error);
	}
	spin_unlock(&vf->lock);
}

/* ---- Workers --------------------------------------------------------------*/

/* Take the oldest block and what is to be served in it; NULL when there is none. */
static struct colibri_fault_block *colibri_fault_take(struct colibri_vm_fault *vf,
						      struct colibri_fault_pages *pages)
{
	struct colibri_fault_block *block;

	spin_lock(&vf->lock);
	block = list_first_entry_or_null(&vf->queued, struct colibri_fault_block, entry);
	if (block) {
		list_del_init(&block->entry);
		*pages = block->pages;
		memset(&block->pages, 0, sizeof(block->pages));
	}
	spin_unlock(&vf->lock);
	return block;
}

/* Give a block back; returns whether everything must be tried again now. */
static bool colibri_fault_put(struct colibri_vm_fault *vf, struct colibri_fault_block *block)
{
	bool overflow = false;

	spin_lock(&vf->lock);
	if (memchr_inv(&block->pages, 0, sizeof(block->pages))) {
		/* This worker goes on with the oldest one, so somebody has to take this one. */
		list_add_tail(&block->entry, &vf->queued);
		wake_up(&vf->wq);
	} else {
		hash_del(&block->hash);
		list_add(&block->entry, &vf->free);
	}
	if (list_empty(&vf->queued)) {
		overflow = vf->overflow;
		vf->overflow = false;
	}
	spin_unlock(&vf->lock);
	return overflow;
}

static int colibri_fault_worker(void *data)
{
	struct colibri_vm *vm = data;
	struct colibri_vm_fault *vf = &vm->fault;
	struct colibri_fault_pages pages;
	struct colibri_fault_block *block;

	allow_signal(SIGKILL);
	for (;;) {
		wait_event_idle_exclusive(vf->wq,
					  (block = colibri_fault_take(vf, &pages)) ||
					  kthread_should_stop());
		if (!block)
			return 0;
		colibri_fault_serve_block(vm, block->start, &pages);
		if (colibri_fault_put(vf, block))
			colibri_mmu_retry(vm->cdev, vm->asid, 0, COLIBRI_MMU_ALL);
	}
}

static unsigned int colibri_fault_num_workers(void)
{
	return fault_workers ?: min(num_online_cpus(), 4U);
}

/**
 * colibri_vm_fault_start() - make a VM ready to serve faults
 * @vm: VM that mirrors its owner, or has buffers that move; its bind_lock is held
 *
 * Return: 0, also when it is already, or a negative errno, and then nothing has changed.
 */
int colibri_vm_fault_start(struct colibri_vm *vm)
{
	struct colibri_vm_fault *vf = &vm->fault;
	struct colibri_fault_block *blocks;
	unsigned int i;

	lockdep_assert_held(&vm->bind_lock);
	if (vf->blocks)
		return 0;
	blocks = kvzalloc_objs(*blocks, COLIBRI_VM_BLOCKS, GFP_KERNEL_ACCOUNT);
	if (!blocks)
		return -ENOMEM;
	for (i = 0; i < colibri_fault_num_workers(); i++) {
		struct task_struct *worker = kthread_run(colibri_fault_worker, vm, "colibri-%u/%u",
							 vm->asid, i);

		if (IS_ERR(worker)) {
			colibri_vm_fault_stop(vm);
			kvfree(blocks);
			return PTR_ERR(worker);
		}
		vf->workers[i] = worker;
	}

	spin_lock(&vf->lock);
	for (i = 0; i < COLIBRI_VM_BLOCKS; i++)
		list_add_tail(&blocks[i].entry, &vf->free);
	/* Pairs with the handler of VEC_FAULT: from here on faults are queued. */
	smp_store_release(&vf->blocks, blocks);
	spin_unlock(&vf->lock);
	return 0;
}

/**
 * colibri_vm_fault_stop() - end the workers of a VM
 * @vm: VM, which gets no faults (any more)
 *
 * A worker that waits for user space goes on waiting: hmm_svm_interrupt() first.
 */
void colibri_vm_fault_stop(struct colibri_vm *vm)
{
	struct colibri_vm_fault *vf = &vm->fault;
	unsigned int i;

	for (i = 0; i < COLIBRI_MAX_WORKERS && vf->workers[i]; i++) {
		kthread_stop(vf->workers[i]);
		vf->workers[i] = NULL;
	}
	INIT_LIST_HEAD(&vf->free);
	INIT_LIST_HEAD(&vf->queued);
	hash_init(vf->active);
	kvfree(vf->blocks);
	vf->blocks = NULL;
}

/**
 * colibri_vm_fault_init() - prepare the fault state of a VM
 * @vm: VM
 */
void colibri_vm_fault_init(struct colibri_vm *vm)
{
	struct colibri_vm_fault *vf = &vm->fault;

	spin_lock_init(&vf->lock);
	init_waitqueue_head(&vf->wq);
	INIT_LIST_HEAD(&vf->free);
	INIT_LIST_HEAD(&vf->queued);
	hash_init(vf->active);
}

/* ---- Device ---------------------------------------------------------------*/

/**
 * colibri_fault_init() - allocate the fault ring
 * @cdev: device
 *
 * Return: 0 or -ENOMEM.
 */
int colibri_fault_init(struct colibri_device *cdev)
{
	cdev->fault.ring = dmam_alloc_coherent(cdev->base.dev, COLIBRI_FAULT_RING_SIZE *
					       sizeof(*cdev->fault.ring),
					       &cdev->fault.bus, GFP_KERNEL);
	return cdev->fault.ring ? 0 : -ENOMEM;
}

/**
 * colibri_fault_start() - give the ring to the device, which has been reset
 * @cdev: device
 */
void colibri_fault_start(struct colibri_device *cdev)
{
	colibri_write32(cdev, COLIBRI_REG_FAULT_RING_LOG2, COLIBRI_FAULT_RING_LOG2);
	colibri_write64(cdev, COLIBRI_REG_FAULT_RING, cdev->fault.bus);
	if (cdev->features & COLIBRI_FEATURE_ACCESS_COUNTERS && cdev->vram_size)
		colibri_write32(cdev, COLIBRI_REG_HOT_THRESHOLD, hot_threshold);
}

/**
 * colibri_fault_has_room() - whether the device could write a record
 * @cdev: device
 *
 * Return: whether it could.
 */
bool colibri_fault_has_room(struct colibri_device *cdev)
{
	return READ_ONCE(cdev->status->fault_prod) - READ_ONCE(cdev->status->fault_cons) <
	       COLIBRI_FAULT_RING_SIZE;
}

/**
 * colibri_fault_reset() - reset the fault ring alone
 * @cdev: device
 *
 * What has not been read is gone; it is reported again when those who wait for it try again.
 *
 * Context: may sleep.
 * Return: whether the device did it.
 */
bool colibri_fault_reset(struct colibri_device *cdev)
{
	unsigned int irq = pci_irq_vector(cdev->pdev, COLIBRI_VEC_FAULT);
	bool ok;

	colibri_fault_stop(cdev, true);
	disable_irq(irq);
	colibri_write32(cdev, COLIBRI_REG_ENGINE_RESET, COLIBRI_ENGINE_FAULT);
	ok = !colibri_read64(cdev, COLIBRI_REG_FAULT_RING);
	if (ok) {
		WRITE_ONCE(cdev->status->fault_prod, 0);
		WRITE_ONCE(cdev->status->fault_cons, 0);
		WRITE_ONCE(cdev->status->fault_overflow, 0);
		cdev->fault.cons = 0;
		colibri_fault_start(cdev);
	}
	colibri_fault_stop(cdev, false);
	enable_irq(irq);
	colibri_fault_kick(cdev);
	return ok;
}

/**
 * colibri_fault_kick() - have the fault ring looked at, interrupt or none
 * @cdev: device
 */
void colibri_fault_kick(struct colibri_device *cdev)
{
	irq_wake_thread(pci_irq_vector(cdev->pdev, COLIBRI_VEC_FAULT), cdev);
}

/**
 * colibri_fault_record() - a record of the fault ring, for a person to read
 * @cdev: device
 * @index: as &colibri_status_page.fault_prod counts
 *
 * Return: the record in memory that the device may write at any time.
 */
const struct colibri_fault *colibri_fault_record(struct colibri_device *cdev, u32 index)
{
	return &cdev->fault.ring[index % COLIBRI_FAULT_RING_SIZE];
}
