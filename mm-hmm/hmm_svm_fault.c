// SPDX-License-Identifier: GPL-2.0
/*
 * Faults: the device wants what the CPU has.
 *
 * A fault looks at the CPU's page table, moves what the policy wants moved,
 * lets core mm fault in what is missing, and looks again, until what the
 * device wants is there and nothing has changed while it was mapped.
 */
#include <linux/hmm.h>
#include <linux/mm.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>

#include "hmm_svm_internal.h"
#include "hmm_svm_trace.h"

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
 * @call: for interrupts
 * @block: which it falls into
 * @vma: the same
 * @addr: page
 * @access: what the device wants
 * @advised: what the program said of the page
 * @place: where the policy wants it
 * @span: what is looked at, and served with it
 * @move: pages are still to be moved to device memory
 * @fault_ins: how often core mm brought the page
 */
struct hmm_svm_request {
	struct hmm_svm_call call;
	struct hmm_svm_block *block;
	struct vm_area_struct *vma;
	u64 addr;
	enum hmm_svm_access access;
	struct hmm_svm_advised advised;
	enum hmm_svm_placement place;
	struct hmm_svm_span span;
	bool move;
	unsigned int fault_ins;
};

static bool wants_write(const struct hmm_svm_request *req)
{
	return req->access != HMM_SVM_READ;
}

/* What HMM cannot mirror, and what the mapping forbids. */
int hmm_svm_check_vma(const struct vm_area_struct *vma, bool write)
{
	if (!vma || (vma->vm_flags & (VM_IO | VM_PFNMAP)) || hmm_svm_vma_is_secret(vma))
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
	unsigned int flags = FAULT_FLAG_REMOTE | (wants_write(req) ? FAULT_FLAG_WRITE : 0);
	bool unlocked = false;
	int ret;

	if (mmap_read_lock_killable(mm))
		return -EBUSY;	/* the caller finds out why */
	ret = hmm_svm_check_vma(vma_lookup(mm, req->addr), wants_write(req));
	if (!ret) {
		hmm_svm_call_wait_begin(&req->call);
		ret = fixup_user_fault(mm, req->addr, flags, &unlocked);
		hmm_svm_call_wait_end(&req->call);
	}
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
 * A block that the CPU maps as one is mapped as one for the device, too, if
 * nothing of it is yet. Return: whether there is now more to look at.
 */
static bool widen_to_huge(struct hmm_svm_request *req, const struct hmm_svm_window *win)
{
	struct hmm_svm_span same, huge;

	if (!hmm_svm_window_huge(win, req->addr) ||
	    req->advised.v[HMM_SVM_ADVISE_PREFETCH] < HMM_SVM_BLOCK_ORDER ||
	    !bitmap_empty(req->block->mapped, HMM_SVM_BLOCK_PAGES))
		return false;
	hmm_svm_advice_at(req->call.svm, req->addr, &same);
	huge = hmm_svm_clip_to_vma(req->vma, same.start, same.end);
	if (huge.start >= req->span.start && huge.end <= req->span.end)
		return false;
	req->span = huge;
	return true;
}

/*
 * If the page vanishes meanwhile, core mm looks for it in a way that cannot be
 * interrupted: not where a file's server would have to answer. For what a
 * userfaultfd answers it does not wait: fault_in() does.
 */
static int serve_exclusive(struct hmm_svm_request *req, struct hmm_svm_window *win)
{
	int ret;

	if (!vma_is_anonymous(req->vma))
		return -EOPNOTSUPP;
	ret = hmm_svm_make_exclusive(win, req->addr);
	return ret == -EFAULT ? -EAGAIN : ret;
}

/*
 * Untouched memory comes with the fault on such a page. With another it stays untouched:
 * what a program uses here and there would grow to all that lies between.
 */
static bool wants_holes(const struct hmm_svm_request *req, const struct hmm_svm_window *win)
{
	return hmm_svm_window_untouched(win, req->addr) || req->vma->vm_flags & VM_HUGEPAGE;
}

/*
 * What the snapshot asks for next.
 * Return: 0: mapped; -EBUSY: look again; -EAGAIN: after fault_in(); or the
 * fault's error.
 */
static int serve_window(struct hmm_svm_request *req, struct hmm_svm_window *win)
{
	bool in_dev = hmm_svm_window_in_devmem(win, req->addr);
	bool allowed = hmm_svm_window_allows(win, req->addr, wants_write(req));

	/* Copy-on-write happens in system memory. */
	if (!allowed && hmm_svm_window_shared(win, req->addr))
		return -EAGAIN;

	if (req->move && !in_dev) {
		struct hmm_svm_span span = req->span;

		/* A huge page moves whole, or core mm has to split it. */
		if (hmm_svm_window_huge(win, req->addr))
			span = hmm_svm_clip_to_vma(req->vma, req->block->start,
						   hmm_svm_block_end(req->block));
		hmm_svm_migrate_to_dev(req->block, req->vma, span.start, span.end,
				       HMM_SVM_CAUSE_FAULT, wants_holes(req, win));
		req->move = false;
		return -EBUSY;
	}

	if (!allowed)
		return -EAGAIN;
	if (!in_dev && req->access == HMM_SVM_ATOMIC &&
	    hmm_svm_policy_local_atomic(req->call.svm, &req->advised))
		return serve_exclusive(req, win);
	if (widen_to_huge(req, win))
		return -EBUSY;
	return hmm_svm_window_map(win, req->addr);
}

/**
 * hmm_svm_block_advised() - Note what other code has to know about a block
 * @block: block
 * @advised: what holds for a part of it
 */
void hmm_svm_block_advised(struct hmm_svm_block *block, const struct hmm_svm_advised *advised)
{
	bool keep = advised->v[HMM_SVM_ADVISE_PREFERRED] == HMM_SVM_LOC_DEVICE;
	bool ahead = advised->v[HMM_SVM_ADVISE_ACCESSED_BY];
	struct hmm_svm_device *sdev = block->notifier->svm->sdev;
	unsigned long flags;

	lockdep_assert_held(&block->migrate);

	if (block->keep == keep && (block->ahead || !ahead))
		return;
	spin_lock_irqsave(&sdev->lock, flags);
	block->keep = keep;
	block->ahead |= ahead;
	spin_unlock_irqrestore(&sdev->lock, flags);
}

/* What the program said, what the policies make of it, and how much to serve. */
static int plan(struct hmm_svm_request *req)
{
	struct hmm_svm_span same;

	req->advised = hmm_svm_advice_at(req->call.svm, req->addr, &same);
	if (req->access == HMM_SVM_ATOMIC &&
	    req->advised.v[HMM_SVM_ADVISE_ATOMIC] == HMM_SVM_ATOMIC_NONE)
		return -EACCES;
	hmm_svm_block_advised(req->block, &req->advised);
	req->place = hmm_svm_policy_first_touch(req->block, req->vma, &req->advised, req->access);
	req->move = req->fault_ins < HMM_SVM_MAX_MOVES && req->place == HMM_SVM_PLACE_DEVICE;
	req->span = hmm_svm_policy_density(req->block, req->vma, req->addr,
					   req->advised.v[HMM_SVM_ADVISE_PREFETCH]);
	req->span.start = max(req->span.start, same.start);
	req->span.end = min(req->span.end, same.end);
	return 0;
}

static void count_served(struct hmm_svm_request *req, unsigned int before)
{
	struct hmm_svm_block *block = req->block;
	unsigned int after = hmm_svm_weight(block->mapped,
					    hmm_svm_page_index(block, req->span.start),
					    hmm_svm_page_index(block, req->span.end));

	/* Bits may have vanished meanwhile: a counter need not be exact. */
	if (after <= before)
		return;
	hmm_svm_count(req->call.svm->counters, HMM_SVM_NR_PREFETCHED, after - before - 1);
	if (req->place == HMM_SVM_PLACE_REMOTE)
		hmm_svm_count(req->call.svm->counters, HMM_SVM_NR_REMOTE, after - before);
}

/* With mmap_lock and the block's migrate held. */
static int serve_locked(struct hmm_svm_request *req)
{
	struct hmm_svm_window *win;
	unsigned int round, before;
	int ret;

	ret = hmm_svm_check_vma(req->vma, wants_write(req));
	if (!ret)
		ret = plan(req);
	if (ret)
		return ret;

	before = hmm_svm_weight(req->block->mapped,
				hmm_svm_page_index(req->block, req->span.start),
				hmm_svm_page_index(req->block, req->span.end));
	for (round = 0; round < HMM_SVM_ROUNDS; round++) {
		win = hmm_svm_window_alloc(req->block, &req->span);
		if (!win)
			return -ENOMEM;
		if (wants_write(req))
			hmm_svm_window_for_write(win);
		ret = hmm_svm_window_snapshot(win);
		if (!ret)
			ret = serve_window(req, win);
		hmm_svm_window_free(win);
		if (ret != -EBUSY)
			break;
	}
	if (!ret) {
		hmm_svm_chunk_touch(req->block);
		count_served(req, before);
	}
	return ret;
}

/*
 * Whether another thread has served the fault already. The device has the
 * entry then, or has just lost it again; it finds out by trying.
 */
static bool is_served(struct hmm_svm_request *req)
{
	return hmm_svm_block_allows(req->block, req->addr, req->access);
}

static int serve_once(struct hmm_svm_request *req, struct hmm_svm_notifier *notifier)
{
	struct mm_struct *mm = notifier->svm->mm;
	int ret = 0;

	req->block = hmm_svm_block_get(notifier, req->addr);
	if (!req->block)
		return -ENOMEM;

	if (is_served(req))
		goto out_put;
	ret = -EBUSY;	/* the caller finds out why */
	if (mmap_read_lock_killable(mm))
		goto out_put;
	if (mutex_lock_killable(&req->block->migrate))
		goto out_unlock;
	req->vma = vma_lookup(mm, req->addr);
	ret = is_served(req) ? 0 : serve_locked(req);
	mutex_unlock(&req->block->migrate);
out_unlock:
	mmap_read_unlock(mm);
out_put:
	hmm_svm_block_put(req->block);
	return ret;
}

/* A wild pointer of the device leaves no block behind. */
static int check_first(struct hmm_svm_request *req)
{
	struct hmm_svm *svm = req->call.svm;
	int ret;

	if (hmm_svm_block_exists(svm, req->addr))
		return 0;
	if (mmap_read_lock_killable(svm->mm))
		return hmm_svm_call_check(&req->call) ?: -EINTR;
	ret = hmm_svm_check_vma(vma_lookup(svm->mm, req->addr), wants_write(req));
	mmap_read_unlock(svm->mm);
	return ret;
}

static int serve(struct hmm_svm_request *req)
{
	struct hmm_svm *svm = req->call.svm;
	unsigned long deadline = jiffies + HMM_SVM_FAULT_TIMEOUT;
	struct hmm_svm_notifier *notifier;
	int ret;

	ret = check_first(req);
	if (ret)
		return ret;
	notifier = hmm_svm_notifier_get(svm, req->addr);
	if (IS_ERR(notifier))
		return PTR_ERR(notifier);

	for (;;) {
		ret = hmm_svm_call_check(&req->call);
		if (ret)
			return ret;

		ret = serve_once(req, notifier);
		if (ret == -EAGAIN) {
			ret = fault_in(req, svm->mm);
			/* User space may have taken any time to serve it. */
			if (!ret && req->fault_ins <= HMM_SVM_MAX_MOVES) {
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
	struct hmm_svm_request req = { .addr = addr & PAGE_MASK, .access = access };
	u64 since = trace_hmm_svm_fault_enabled() ? ktime_get_ns() : 0;
	int ret;

	might_sleep();

	ret = addr < svm->end ? hmm_svm_call_begin(&req.call, svm) : -EFAULT;
	if (!ret) {
		ret = serve(&req);
		hmm_svm_call_end(&req.call);
	}
	hmm_svm_count(svm->counters, HMM_SVM_NR_FAULTS, 1);
	if (ret)
		hmm_svm_count(svm->counters, HMM_SVM_NR_FAULTS_FAILED, 1);
	if (since)
		trace_hmm_svm_fault(svm, addr, access, ret, ktime_get_ns() - since);
	return ret;
}
EXPORT_SYMBOL_GPL(hmm_svm_fault);
