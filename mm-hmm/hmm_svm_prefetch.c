// SPDX-License-Identifier: GPL-2.0
/*
 * Moving and mapping without a fault: what a program asks for
 * (hmm_svm_prefetch()), what the device's access counters say
 * (hmm_svm_promote()), and what is to be mapped before the device touches it
 * (%HMM_SVM_ADVISE_ACCESSED_BY). All are hints: what is not there, or cannot
 * move, stays as it is.
 */
#include <linux/mm.h>
#include <linux/sched/mm.h>

#include "hmm_svm_internal.h"

/* How often core mm may be in the way before the device has to fault. */
#define HMM_SVM_MAP_ROUNDS	8

/* The longest run, for which mmap_lock is held. */
#define HMM_SVM_RUN_BLOCKS	8

static unsigned int nr_bits(struct hmm_svm_block *block, const unsigned long *bits,
			    const struct hmm_svm_span *span)
{
	return hmm_svm_weight(bits, hmm_svm_page_index(block, span->start),
			      hmm_svm_page_index(block, span->end));
}

/* Maps what is there. Return: how many pages more are mapped. */
static unsigned int map_present(struct hmm_svm_block *block, const struct hmm_svm_span *span)
{
	unsigned int before = nr_bits(block, block->mapped, span), after;
	struct hmm_svm_window *win;
	unsigned int round;
	bool done = false;

	for (round = 0; !done && round < HMM_SVM_MAP_ROUNDS; round++) {
		win = hmm_svm_window_alloc(block, span);
		if (!win)
			break;
		done = !hmm_svm_window_snapshot(win) && !hmm_svm_window_map(win, span->start);
		hmm_svm_window_free(win);
	}
	after = nr_bits(block, block->mapped, span);
	return after > before ? after - before : 0;
}

/* What is read mostly is copied by mapping it. */
static bool may_move(const struct hmm_svm *svm, struct vm_area_struct *vma,
		     const struct hmm_svm_advised *advised)
{
	return hmm_svm_has_pages(svm->sdev) && hmm_svm_vma_can_prefetch(vma) &&
	       !advised->v[HMM_SVM_ADVISE_READ_MOSTLY];
}

static void to_device(struct hmm_svm_block *block, struct vm_area_struct *vma,
		      const struct hmm_svm_span *span, const struct hmm_svm_advised *advised)
{
	hmm_svm_block_advised(block, advised);
	if (may_move(block->notifier->svm, vma, advised))
		hmm_svm_migrate_to_dev(block, vma, span->start, span->end,
				       HMM_SVM_CAUSE_PREFETCH, true);
	map_present(block, span);
}

/* What a run has moved is only mapped. */
static void to_device_moved(struct hmm_svm_block *block, struct vm_area_struct *vma,
			    const struct hmm_svm_span *span, const struct hmm_svm_advised *advised)
{
	map_present(block, span);
}

static void to_system(struct hmm_svm_block *block, struct vm_area_struct *vma,
		      const struct hmm_svm_span *span, const struct hmm_svm_advised *advised)
{
	if (vma->anon_vma)
		hmm_svm_migrate_to_sys(block, vma, span->start, span->end);
}

static void promote(struct hmm_svm_block *block, struct vm_area_struct *vma,
		    const struct hmm_svm_span *span, const struct hmm_svm_advised *advised)
{
	unsigned int before = nr_bits(block, block->devmem, span), after;

	if (!hmm_svm_policy_promote(block, vma, advised))
		return;
	hmm_svm_block_advised(block, advised);
	hmm_svm_migrate_to_dev(block, vma, span->start, span->end, HMM_SVM_CAUSE_PROMOTE, true);
	map_present(block, span);
	after = nr_bits(block, block->devmem, span);
	if (after > before)
		hmm_svm_count(block->notifier->svm->counters, HMM_SVM_NR_PROMOTED, after - before);
}

static void map_ahead(struct hmm_svm_block *block, struct vm_area_struct *vma,
		      const struct hmm_svm_span *span, const struct hmm_svm_advised *advised)
{
	if (!advised->v[HMM_SVM_ADVISE_ACCESSED_BY])
		return;
	hmm_svm_block_advised(block, advised);
	hmm_svm_count(block->notifier->svm->counters, HMM_SVM_NR_AHEAD, map_present(block, span));
}

/* Done to each part of a block that is in one vma and for which one thing holds. */
typedef void (*hmm_svm_range_fn)(struct hmm_svm_block *block, struct vm_area_struct *vma,
				 const struct hmm_svm_span *span,
				 const struct hmm_svm_advised *advised);

static void vma_apply(struct hmm_svm_block *block, struct vm_area_struct *vma,
		      struct hmm_svm_span span, hmm_svm_range_fn fn)
{
	struct hmm_svm_advised advised;
	struct hmm_svm_span same;
	u64 end = span.end;

	if (hmm_svm_check_vma(vma, false))
		return;
	for (; span.start < end; span.start = span.end) {
		advised = hmm_svm_advice_at(block->notifier->svm, span.start, &same);
		span.end = min(end, same.end);
		fn(block, vma, &span, &advised);
	}
}

/* Return: 0; -EFAULT when a part of the range, which is in @block, is not mapped; -EINTR. */
static int block_apply(struct hmm_svm_block *block, u64 start, u64 end, hmm_svm_range_fn fn)
{
	struct mm_struct *mm = block->notifier->svm->mm;
	struct vm_area_struct *vma;
	struct hmm_svm_span span;
	int ret = 0;

	if (mmap_read_lock_killable(mm))
		return -EINTR;
	if (mutex_lock_killable(&block->migrate)) {
		mmap_read_unlock(mm);
		return -EINTR;
	}
	while (start < end) {
		vma = find_vma(mm, start);
		if (!vma || vma->vm_start > start)
			ret = -EFAULT;
		if (!vma || vma->vm_start >= end)
			break;
		span = hmm_svm_clip_to_vma(vma, start, end);
		vma_apply(block, vma, span, fn);
		start = span.end;
	}
	mutex_unlock(&block->migrate);
	mmap_read_unlock(mm);
	return ret;
}

/*
 * Moves *@start to the next address that has memory, or to @end: no block is
 * made for the rest. Return: 0; -EFAULT: that skipped a hole; -EINTR.
 */
static int skip_hole(struct mm_struct *mm, u64 *start, u64 end)
{
	struct vm_area_struct *vma;
	u64 next = end;

	if (mmap_read_lock_killable(mm))
		return -EINTR;
	vma = find_vma(mm, *start);
	if (vma)
		next = clamp_t(u64, vma->vm_start, *start, end);
	mmap_read_unlock(mm);
	if (next == *start)
		return 0;
	*start = next;
	return -EFAULT;
}

/* With a reference. */
static struct hmm_svm_block *get_block(struct hmm_svm *svm, u64 addr)
{
	struct hmm_svm_notifier *notifier = hmm_svm_notifier_get(svm, addr);

	if (IS_ERR(notifier))
		return ERR_CAST(notifier);
	return hmm_svm_block_get(notifier, addr) ?: ERR_PTR(-ENOMEM);
}

/* Whether one advice holds for the block, and allows to move it. */
static bool may_move_block(struct hmm_svm *svm, struct vm_area_struct *vma, u64 start)
{
	struct hmm_svm_advised advised;
	struct hmm_svm_span same;

	advised = hmm_svm_advice_at(svm, start, &same);
	return same.end - same.start == HMM_SVM_BLOCK_SIZE && may_move(svm, vma, &advised);
}

/* With mmap_lock. Return: blocks from @start on that hmm_svm_migrate_run() can move. */
static unsigned int run_length(struct hmm_svm *svm, u64 start, u64 end)
{
	struct vm_area_struct *vma = vma_lookup(svm->mm, start);
	unsigned int n = 0;

	if (!vma || !vma_is_anonymous(vma) || hmm_svm_check_vma(vma, false))
		return 0;
	end = min_t(u64, end, vma->vm_end);
	while (n < HMM_SVM_RUN_BLOCKS && start + HMM_SVM_BLOCK_SIZE <= end &&
	       may_move_block(svm, vma, start)) {
		start += HMM_SVM_BLOCK_SIZE;
		n++;
	}
	return n;
}

/* Return: how many of @blocks were moved. */
static unsigned int move_run(struct hmm_svm_call *call, struct hmm_svm_block *const *blocks,
			     unsigned int n)
{
	struct mm_struct *mm = call->svm->mm;
	u64 start = blocks[0]->start;

	if (mmap_read_lock_killable(mm))
		return 0;
	/* What there is may have changed. */
	n = min(n, run_length(call->svm, start, start + n * HMM_SVM_BLOCK_SIZE));
	if (n > 1)
		n = hmm_svm_migrate_run(call, blocks, n, vma_lookup(mm, start));
	else
		n = 0;
	mmap_read_unlock(mm);
	return n;
}

/*
 * Moves what is next to the device, if it is more than a block.
 * Return: the end of what was moved, and is to be mapped.
 */
static u64 try_run(struct hmm_svm_call *call, u64 start, u64 end)
{
	struct hmm_svm_block *blocks[HMM_SVM_RUN_BLOCKS];
	struct hmm_svm *svm = call->svm;
	unsigned int n, i, moved = 0;

	if (!svm->sdev->halves || !IS_ALIGNED(start, HMM_SVM_BLOCK_SIZE) ||
	    mmap_read_lock_killable(svm->mm))
		return start;
	n = run_length(svm, start, end);
	mmap_read_unlock(svm->mm);
	if (n < 2)
		return start;

	/* Before mmap_lock, as that may be needed to make them. */
	for (i = 0; i < n; i++) {
		blocks[i] = get_block(svm, start + i * HMM_SVM_BLOCK_SIZE);
		if (IS_ERR(blocks[i]))
			break;
	}
	if (i > 1)
		moved = move_run(call, blocks, i);
	while (i--)
		hmm_svm_block_put(blocks[i]);
	return start + moved * HMM_SVM_BLOCK_SIZE;
}

/* Return: 0; -EFAULT when there were holes; or an error that ended it. */
static int range_apply(struct hmm_svm_call *call, u64 start, u64 end, hmm_svm_range_fn fn)
{
	struct hmm_svm_block *block;
	u64 next, moved = 0;
	bool holes = false;
	int ret;

	for (; start < end; start = next) {
		ret = hmm_svm_call_check(call);
		if (!ret)
			ret = skip_hole(call->svm->mm, &start, end);
		if (ret && ret != -EFAULT)
			return ret;
		holes |= ret;
		if (start == end)
			break;
		next = min(round_down(start, HMM_SVM_BLOCK_SIZE) + HMM_SVM_BLOCK_SIZE, end);
		if (fn == to_device && start >= moved)
			moved = try_run(call, start, end);
		block = get_block(call->svm, start);
		if (IS_ERR(block))
			return PTR_ERR(block);
		ret = block_apply(block, start, next, start < moved ? to_device_moved : fn);
		hmm_svm_block_put(block);
		if (ret && ret != -EFAULT)
			return ret;
		holes |= ret;
		cond_resched();
	}
	return holes ? -EFAULT : 0;
}

int hmm_svm_prefetch(struct hmm_svm *svm, u64 start, u64 end, bool to_dev)
{
	struct hmm_svm_call call;
	int ret;

	might_sleep();

	if (!PAGE_ALIGNED(start | end) || start > end)
		return -EINVAL;
	if (end > svm->end)
		return -EFAULT;
	ret = hmm_svm_call_begin(&call, svm);
	if (ret)
		return ret;
	ret = range_apply(&call, start, end, to_dev ? to_device : to_system);
	hmm_svm_call_end(&call);
	return ret;
}
EXPORT_SYMBOL_GPL(hmm_svm_prefetch);

int hmm_svm_promote(struct hmm_svm *svm, u64 addr, u64 size)
{
	struct hmm_svm_call call;
	u64 start;
	int ret;

	might_sleep();

	if (!is_power_of_2(size))
		return -EINVAL;
	size = clamp(size, PAGE_SIZE, HMM_SVM_BLOCK_SIZE);
	start = round_down(addr, size);
	if (addr >= svm->end)
		return 0;
	ret = hmm_svm_call_begin(&call, svm);
	if (ret)
		return ret;
	ret = range_apply(&call, start, min(start + size, svm->end), promote);
	hmm_svm_call_end(&call);
	return ret == -EFAULT ? 0 : ret;
}
EXPORT_SYMBOL_GPL(hmm_svm_promote);

/**
 * hmm_svm_map_ahead() - A range is now %HMM_SVM_ADVISE_ACCESSED_BY
 * @svm: mirror
 * @start: page aligned
 * @end: behind it
 */
void hmm_svm_map_ahead(struct hmm_svm *svm, u64 start, u64 end)
{
	struct hmm_svm_call call;

	if (hmm_svm_call_begin(&call, svm))
		return;
	range_apply(&call, start, end, map_ahead);
	hmm_svm_call_end(&call);
}

static struct hmm_svm_block *take_later(struct hmm_svm *svm)
{
	struct hmm_svm_block *block;
	unsigned long flags;

	spin_lock_irqsave(&svm->sdev->lock, flags);
	block = list_first_entry_or_null(&svm->later, struct hmm_svm_block, later);
	if (block)
		list_del_init(&block->later);
	spin_unlock_irqrestore(&svm->sdev->lock, flags);
	return block;
}

static void map_later(struct work_struct *work)
{
	struct hmm_svm *svm = container_of(to_delayed_work(work), struct hmm_svm, map_later);
	struct hmm_svm_block *block;
	struct hmm_svm_call call;

	if (hmm_svm_call_begin(&call, svm))
		return;
	while (!hmm_svm_call_check(&call)) {
		block = take_later(svm);
		if (!block)
			break;
		block_apply(block, block->start, min(hmm_svm_block_end(block), svm->end),
			    map_ahead);
		hmm_svm_block_put(block);
		cond_resched();
	}
	hmm_svm_call_end(&call);
}

/*
 * Pages of the block, to which the caller has a reference, went to system memory,
 * and are to be mapped there. Later, as neighbours follow.
 */
void hmm_svm_map_later(struct hmm_svm_block *block)
{
	struct hmm_svm *svm = block->notifier->svm;
	unsigned long flags;

	spin_lock_irqsave(&svm->sdev->lock, flags);
	if (!svm->interrupted && list_empty(&block->later)) {
		kref_get(&block->ref);
		list_add_tail(&block->later, &svm->later);
		queue_delayed_work(hmm_svm_workqueue(), &svm->map_later, 1);
	}
	spin_unlock_irqrestore(&svm->sdev->lock, flags);
}

void hmm_svm_map_later_init(struct hmm_svm *svm)
{
	INIT_LIST_HEAD(&svm->later);
	INIT_DELAYED_WORK(&svm->map_later, map_later);
}

/* The mirror goes: forgets what is on the list, and takes no more. */
void hmm_svm_map_later_end(struct hmm_svm *svm)
{
	struct hmm_svm_block *block;

	hmm_svm_interrupt(svm);
	/* Whoever saw it as it was before has queued the work by now. */
	spin_lock_irq(&svm->sdev->lock);
	spin_unlock_irq(&svm->sdev->lock);
	cancel_delayed_work_sync(&svm->map_later);
	while ((block = take_later(svm)))
		hmm_svm_block_put(block);
}
