// SPDX-License-Identifier: GPL-2.0
/*
 * Faults and prefetches: the device wants, or will want, what the CPU has.
 *
 * A fault looks at the CPU's page table, moves what the policy wants moved,
 * lets core mm fault in what is missing, and looks again, until what the
 * device wants is there and nothing has changed while it was mapped.
 */
#include <linux/fs.h>
#include <linux/hmm.h>
#include <linux/magic.h>
#include <linux/mm.h>
#include <linux/oom.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>

#include "hmm_svm_internal.h"

/* How long a fault is tried while core mm keeps changing its memory. */
#define HMM_SVM_FAULT_TIMEOUT	(10 * HZ)

/* Rounds before the locks are released, so that nobody waits for long. */
#define HMM_SVM_ROUNDS		8

/*
 * Pages that core mm had to bring this often in one fault are left there. To
 * bring one from device memory and to make it writable are two.
 */
#define HMM_SVM_MAX_MOVES	3

/**
 * struct hmm_svm_request - a fault at work
 * @block: which it falls into
 * @vma: the same
 * @addr: page
 * @write: whether the device wants to write
 * @span: what is looked at, and served with it
 * @move: pages are still to be moved to device memory
 * @fault_ins: how often core mm brought the page
 */
struct hmm_svm_request {
	struct hmm_svm_block *block;
	struct vm_area_struct *vma;
	u64 addr;
	bool write;
	struct hmm_svm_span span;
	bool move;
	unsigned int fault_ins;
};

static bool is_secretmem(const struct vm_area_struct *vma)
{
	return vma->vm_file && file_inode(vma->vm_file)->i_sb->s_magic == SECRETMEM_MAGIC;
}

/* What HMM cannot mirror, and what the mapping forbids. */
static int check_vma(const struct vm_area_struct *vma, bool write)
{
	if (!vma || (vma->vm_flags & (VM_IO | VM_PFNMAP)) || is_secretmem(vma))
		return -EFAULT;
	if (!(vma->vm_flags & VM_READ) || (write && !(vma->vm_flags & VM_WRITE)))
		return -EACCES;
	return 0;
}

/*
 * Lets core mm do what a CPU fault would do, also bring back a page that is in
 * device memory. It may wait for user space or a disk (userfaultfd, FUSE), so
 * no lock of ours is held, and core mm may drop mmap_lock.
 *
 * Not hmm_range_fault_unlocked_timeout(): as of 7.3 it does not tell a fault
 * handler that this is its second try (FAULT_FLAG_TRIED), so where a file
 * cannot be read the two would go on for ever.
 */
static int fault_in(struct hmm_svm_request *req, struct mm_struct *mm)
{
	unsigned int flags = FAULT_FLAG_REMOTE | (req->write ? FAULT_FLAG_WRITE : 0);
	bool unlocked = false;
	int ret;

	if (mmap_read_lock_killable(mm))
		return -EBUSY;	/* the caller finds out why */
	ret = check_vma(vma_lookup(mm, req->addr), req->write);
	if (!ret)
		ret = fixup_user_fault(mm, req->addr, flags, &unlocked);
	mmap_read_unlock(mm);

	switch (ret) {
	case 0:
		req->fault_ins++;
		return 0;
	case -EINTR:	/* the same */
		return -EBUSY;
	case -ENOMEM:
	case -EACCES:
		return ret;
	default:
		return -EFAULT;
	}
}

/*
 * What the snapshot asks for next.
 * Return: 0: mapped; -EBUSY: look again; -EAGAIN: after fault_in(); or the
 * fault's error.
 */
static int serve_window(struct hmm_svm_request *req, struct hmm_svm_window *win)
{
	bool in_dev = hmm_svm_window_in_devmem(win, req->addr);
	bool allowed = hmm_svm_window_allows(win, req->addr, req->write);

	/* Copy-on-write happens in system memory. */
	if (!allowed && hmm_svm_window_shared(win, req->addr))
		return -EAGAIN;

	if (req->move && !in_dev) {
		/* A huge page moves whole, or core mm has to split it. */
		if (hmm_svm_window_huge(win, req->addr))
			req->span = hmm_svm_clip_to_vma(req->vma, req->block->start,
							hmm_svm_block_end(req->block));
		hmm_svm_migrate_to_dev(req->block, req->vma, req->span.start, req->span.end);
		req->move = false;
		return -EBUSY;
	}

	if (!allowed)
		return -EAGAIN;
	return hmm_svm_window_map(win, req->addr);
}

/* With mmap_lock and the block's migrate held. */
static int serve_locked(struct hmm_svm_request *req)
{
	struct hmm_svm_window *win;
	unsigned int round;
	int ret;

	ret = check_vma(req->vma, req->write);
	if (ret)
		return ret;

	req->move = req->fault_ins < HMM_SVM_MAX_MOVES &&
		    hmm_svm_policy_first_touch(req->block, req->vma) == HMM_SVM_PLACE_DEVICE;
	req->span = hmm_svm_policy_density(req->block, req->vma, req->addr);
	for (round = 0; round < HMM_SVM_ROUNDS; round++) {
		win = hmm_svm_window_alloc(req->block, &req->span);
		if (!win)
			return -ENOMEM;
		ret = hmm_svm_window_snapshot(win);
		if (!ret)
			ret = serve_window(req, win);
		hmm_svm_window_free(win);
		if (ret != -EBUSY)
			break;
	}
	if (!ret)
		hmm_svm_chunk_touch(req->block);
	return ret;
}

/* Whether the owner is gone or on its way, so that nobody needs an answer. */
static bool is_doomed(struct mm_struct *mm)
{
	return check_stable_address_space(mm) || atomic_read(&mm->mm_users) == 1 ||
	       fatal_signal_pending(current);
}

static int serve_once(struct hmm_svm_request *req, struct hmm_svm_notifier *notifier)
{
	struct mm_struct *mm = notifier->svm->mm;
	int ret;

	req->block = hmm_svm_block_get(notifier, req->addr);
	if (!req->block)
		return -ENOMEM;

	mmap_read_lock(mm);
	mutex_lock(&req->block->migrate);
	req->vma = vma_lookup(mm, req->addr);
	ret = serve_locked(req);
	mutex_unlock(&req->block->migrate);
	mmap_read_unlock(mm);

	hmm_svm_block_put(req->block);
	return ret;
}

static int serve(struct hmm_svm *svm, u64 addr, bool write)
{
	unsigned long deadline = jiffies + HMM_SVM_FAULT_TIMEOUT;
	struct hmm_svm_request req = { .addr = addr, .write = write };
	struct hmm_svm_notifier *notifier;
	int ret;

	notifier = hmm_svm_notifier_get(svm, addr);
	if (IS_ERR(notifier))
		return PTR_ERR(notifier);

	for (;;) {
		if (is_doomed(svm->mm))
			return -EOWNERDEAD;

		ret = serve_once(&req, notifier);
		if (ret == -EAGAIN) {
			ret = fault_in(&req, svm->mm);
			/* User space may have taken any time to serve it. */
			if (!ret && req.fault_ins <= HMM_SVM_MAX_MOVES) {
				deadline = jiffies + HMM_SVM_FAULT_TIMEOUT;
				continue;
			}
			ret = ret ?: -EBUSY;
		}
		if (ret != -EBUSY || time_after(jiffies, deadline))
			return ret;
		hmm_svm_count(svm->counters, HMM_SVM_NR_RETRIES, 1);
		cond_resched();
	}
}

int hmm_svm_fault(struct hmm_svm *svm, u64 addr, enum hmm_svm_access access)
{
	int ret;

	might_sleep();

	if (addr >= svm->end) {
		ret = -EFAULT;
	} else if (!mmget_not_zero(svm->mm)) {
		ret = -EOWNERDEAD;
	} else {
		ret = serve(svm, addr & PAGE_MASK, access != HMM_SVM_READ);
		/* The last user's exit would call the driver's dead(). */
		mmput_async(svm->mm);
	}
	hmm_svm_count(svm->counters, HMM_SVM_NR_FAULTS, 1);
	if (ret)
		hmm_svm_count(svm->counters, HMM_SVM_NR_FAULTS_FAILED, 1);
	return ret;
}
EXPORT_SYMBOL_GPL(hmm_svm_fault);

/* Maps what is there; as a hint, it does not insist. */
static void map_present(struct hmm_svm_block *block, const struct hmm_svm_span *span)
{
	struct hmm_svm_window *win = hmm_svm_window_alloc(block, span);
	unsigned int round;

	if (!win)
		return;
	for (round = 0; round < HMM_SVM_ROUNDS; round++)
		if (!hmm_svm_window_snapshot(win) && !hmm_svm_window_map(win, span->start))
			break;
	hmm_svm_window_free(win);
}

static void prefetch_vma(struct hmm_svm_block *block, struct vm_area_struct *vma,
			 const struct hmm_svm_span *span, bool to_device)
{
	struct hmm_svm_device *sdev = block->notifier->svm->sdev;

	if (check_vma(vma, false))
		return;
	if (!to_device) {
		if (vma_is_anonymous(vma))
			hmm_svm_migrate_to_sys(sdev, vma, span->start, span->end, NULL);
		return;
	}
	if (hmm_svm_has_pages(sdev) && hmm_svm_vma_can_migrate(vma))
		hmm_svm_migrate_to_dev(block, vma, span->start, span->end);
	map_present(block, span);
}

/* Return: 0, or -EFAULT when a part of the range, which is in @block, is not mapped. */
static int prefetch_block(struct hmm_svm *svm, struct hmm_svm_block *block, u64 start, u64 end,
			  bool to_device)
{
	struct vm_area_struct *vma;
	struct hmm_svm_span span;
	int ret = 0;

	mmap_read_lock(svm->mm);
	mutex_lock(&block->migrate);
	while (start < end) {
		vma = find_vma(svm->mm, start);
		if (!vma || vma->vm_start > start)
			ret = -EFAULT;
		if (!vma || vma->vm_start >= end)
			break;
		span = hmm_svm_clip_to_vma(vma, start, end);
		prefetch_vma(block, vma, &span, to_device);
		start = span.end;
	}
	mutex_unlock(&block->migrate);
	mmap_read_unlock(svm->mm);
	return ret;
}

static int prefetch_range(struct hmm_svm *svm, u64 start, u64 end, bool to_device)
{
	struct hmm_svm_notifier *notifier;
	struct hmm_svm_block *block;
	int ret = 0;
	u64 next;

	for (; start < end; start = next) {
		next = min(round_down(start, HMM_SVM_BLOCK_SIZE) + HMM_SVM_BLOCK_SIZE, end);
		if (fatal_signal_pending(current))
			return -EINTR;
		notifier = hmm_svm_notifier_get(svm, start);
		if (IS_ERR(notifier))
			return PTR_ERR(notifier);
		block = hmm_svm_block_get(notifier, start);
		if (!block)
			return -ENOMEM;
		ret = prefetch_block(svm, block, start, next, to_device) ?: ret;
		hmm_svm_block_put(block);
		cond_resched();
	}
	return ret;
}

int hmm_svm_prefetch(struct hmm_svm *svm, u64 start, u64 end, bool to_device)
{
	int ret;

	might_sleep();

	if (!PAGE_ALIGNED(start | end) || start > end)
		return -EINVAL;
	if (end > svm->end)
		return -EFAULT;
	if (!mmget_not_zero(svm->mm))
		return -EOWNERDEAD;
	ret = prefetch_range(svm, start, end, to_device);
	mmput_async(svm->mm);
	return ret;
}
EXPORT_SYMBOL_GPL(hmm_svm_prefetch);
