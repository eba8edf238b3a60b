// SPDX-License-Identifier: GPL-2.0
/*
 * Advice: what a program says about ranges of its memory.
 *
 * Ranges for which something else holds than the mirror's default are nodes of
 * an interval tree. They never overlap, and neighbours that say the same are
 * one. So the tree is small where the advice is simple, empty where there is
 * none, and munmap() trims it without memory.
 *
 * Whoever adds advice holds advice_mutex, which lets it sleep between one node
 * and the next; the tree itself is under advice_lock, which a notifier takes.
 */
#include <linux/interval_tree.h>
#include <linux/mm.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>

#include "hmm_svm_internal.h"

/* As many ranges as a process may have mappings by default. */
#define HMM_SVM_MAX_ADVICE	65536U

struct hmm_svm_advice_range {
	struct interval_tree_node it;
	struct hmm_svm_advised advised;
};

/* Nodes for one change: it may cut one in two and add one. */
struct hmm_svm_advice_spares {
	struct hmm_svm_advice_range *v[2];
};

static const struct hmm_svm_advised default_advice = {
	.v = {
		[HMM_SVM_ADVISE_PREFETCH] = HMM_SVM_BLOCK_SHIFT - PAGE_SHIFT,
		[HMM_SVM_ADVISE_THRASH] = 1,
		[HMM_SVM_ADVISE_PROMOTE] = 1,
	},
};

static const u8 highest_value[HMM_SVM_NR_ADVICE] = {
	[HMM_SVM_ADVISE_PREFERRED] = HMM_SVM_LOC_SYSTEM,
	[HMM_SVM_ADVISE_TOUCH] = HMM_SVM_TOUCH_REMOTE,
	[HMM_SVM_ADVISE_READ_MOSTLY] = 1,
	[HMM_SVM_ADVISE_ACCESSED_BY] = 1,
	[HMM_SVM_ADVISE_ATOMIC] = HMM_SVM_ATOMIC_NONE,
	[HMM_SVM_ADVISE_PREFETCH] = HMM_SVM_BLOCK_SHIFT - PAGE_SHIFT,
	[HMM_SVM_ADVISE_THRASH] = 1,
	[HMM_SVM_ADVISE_PROMOTE] = 1,
};

void hmm_svm_advice_init(struct hmm_svm *svm)
{
	mutex_init(&svm->advice_mutex);
	spin_lock_init(&svm->advice_lock);
	svm->advice = RB_ROOT_CACHED;
	svm->advised = default_advice;
}

static struct hmm_svm_advice_range *range_at(struct hmm_svm *svm, u64 start, u64 last)
{
	struct interval_tree_node *it = interval_tree_iter_first(&svm->advice, start, last);

	return it ? container_of(it, struct hmm_svm_advice_range, it) : NULL;
}

static void insert_range(struct hmm_svm *svm, struct hmm_svm_advice_range *range)
{
	interval_tree_insert(&range->it, &svm->advice);
	WRITE_ONCE(svm->nr_advice, svm->nr_advice + 1);
}

static void remove_range(struct hmm_svm *svm, struct hmm_svm_advice_range *range)
{
	interval_tree_remove(&range->it, &svm->advice);
	WRITE_ONCE(svm->nr_advice, svm->nr_advice - 1);
}

static void resize_range(struct hmm_svm *svm, struct hmm_svm_advice_range *range, u64 start,
			 u64 last)
{
	interval_tree_remove(&range->it, &svm->advice);
	range->it.start = start;
	range->it.last = last;
	interval_tree_insert(&range->it, &svm->advice);
}

void hmm_svm_advice_destroy(struct hmm_svm *svm)
{
	struct hmm_svm_advice_range *range;

	while ((range = range_at(svm, 0, ULONG_MAX))) {
		remove_range(svm, range);
		kfree(range);
	}
	mutex_destroy(&svm->advice_mutex);
}

static struct hmm_svm_advice_range *take_spare(struct hmm_svm_advice_spares *spares)
{
	struct hmm_svm_advice_range *range = spares->v[1] ?: spares->v[0];

	spares->v[spares->v[1] ? 1 : 0] = NULL;
	return range;
}

static int need_spares(struct hmm_svm_advice_spares *spares)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(spares->v); i++) {
		if (!spares->v[i])
			spares->v[i] = kzalloc_obj(*spares->v[i], GFP_KERNEL_ACCOUNT);
		if (!spares->v[i])
			return -ENOMEM;
	}
	return 0;
}

static void free_spares(struct hmm_svm_advice_spares *spares)
{
	kfree(spares->v[0]);
	kfree(spares->v[1]);
}

/* Cuts the middle out of a range; without a spare, the smaller rest goes, too. */
static void split_range(struct hmm_svm *svm, struct hmm_svm_advice_range *range, u64 start,
			u64 last, struct hmm_svm_advice_spares *spares)
{
	u64 range_start = range->it.start, range_last = range->it.last;
	struct hmm_svm_advice_range *right = take_spare(spares);

	if (!right && range_last - last > start - range_start) {
		resize_range(svm, range, last + 1, range_last);
		return;
	}
	resize_range(svm, range, range_start, start - 1);
	if (!right)
		return;
	right->advised = range->advised;
	right->it.start = last + 1;
	right->it.last = range_last;
	insert_range(svm, right);
}

/* Leaves no advice in [@start, @last]. */
static void carve(struct hmm_svm *svm, u64 start, u64 last, struct hmm_svm_advice_spares *spares)
{
	struct hmm_svm_advice_range *range;

	lockdep_assert_held(&svm->advice_lock);

	while ((range = range_at(svm, start, last))) {
		bool left = range->it.start < start, right = range->it.last > last;

		if (left && right) {
			split_range(svm, range, start, last, spares);
		} else if (left) {
			resize_range(svm, range, range->it.start, start - 1);
		} else if (right) {
			resize_range(svm, range, last + 1, range->it.last);
		} else {
			remove_range(svm, range);
			kfree(range);
		}
	}
}

/* The neighbour that says the same, out of the tree and merged into the range. */
static void swallow(struct hmm_svm *svm, u64 addr, struct hmm_svm_advised advised, u64 *start,
		    u64 *last)
{
	struct hmm_svm_advice_range *range = range_at(svm, addr, addr);

	if (!range || range->advised.all != advised.all)
		return;
	*start = min_t(u64, *start, range->it.start);
	*last = max_t(u64, *last, range->it.last);
	remove_range(svm, range);
	kfree(range);
}

static void set_range(struct hmm_svm *svm, u64 start, u64 last, struct hmm_svm_advised advised,
		      struct hmm_svm_advice_spares *spares)
{
	struct hmm_svm_advice_range *range;

	carve(svm, start, last, spares);
	if (advised.all == svm->advised.all)
		return;
	if (start)
		swallow(svm, start - 1, advised, &start, &last);
	swallow(svm, last + 1, advised, &start, &last);
	range = take_spare(spares);
	range->advised = advised;
	range->it.start = start;
	range->it.last = last;
	insert_range(svm, range);
}

/*
 * Advises the first part of [@start, @last] for which one thing holds so far.
 * Return: the last address of that part.
 */
static u64 advise_part(struct hmm_svm *svm, u64 start, u64 last, enum hmm_svm_advice advice,
		       u8 value, struct hmm_svm_advice_spares *spares)
{
	struct hmm_svm_advised advised = svm->advised;
	struct hmm_svm_advice_range *range;

	spin_lock(&svm->advice_lock);
	range = range_at(svm, start, last);
	if (range && range->it.start <= start) {
		advised = range->advised;
		last = min_t(u64, last, range->it.last);
	} else if (range) {
		last = range->it.start - 1;
	}
	if (advised.v[advice] != value) {
		advised.v[advice] = value;
		set_range(svm, start, last, advised, spares);
	}
	spin_unlock(&svm->advice_lock);
	return last;
}

static int advise_range(struct hmm_svm *svm, u64 start, u64 end, enum hmm_svm_advice advice,
			u8 value)
{
	struct hmm_svm_advice_spares spares = {};
	int ret = 0;

	while (start < end && !ret) {
		ret = need_spares(&spares);
		if (!ret && svm->nr_advice >= HMM_SVM_MAX_ADVICE)
			ret = -ENOMEM;
		if (!ret)
			start = advise_part(svm, start, end - 1, advice, value, &spares) + 1;
		cond_resched();
	}
	free_spares(&spares);
	return ret;
}

/*
 * The default changes, and with it what holds everywhere. Ranges that say
 * nothing else any more go.
 */
static int advise_all(struct hmm_svm *svm, enum hmm_svm_advice advice, u8 value)
{
	struct hmm_svm_advice_spares spares = {};
	struct hmm_svm_advised advised = svm->advised;
	struct hmm_svm_advice_range *range;
	u64 start = 0;
	int ret;

	spin_lock(&svm->advice_lock);
	advised.v[advice] = value;
	WRITE_ONCE(svm->advised.all, advised.all);
	spin_unlock(&svm->advice_lock);

	for (;;) {
		ret = need_spares(&spares);
		if (ret)
			break;
		spin_lock(&svm->advice_lock);
		range = range_at(svm, start, ULONG_MAX);
		if (range) {
			start = range->it.last + 1;
			advised = range->advised;
			advised.v[advice] = value;
			set_range(svm, range->it.start, range->it.last, advised, &spares);
		}
		spin_unlock(&svm->advice_lock);
		if (!range)
			break;
		cond_resched();
	}
	free_spares(&spares);
	return ret;
}

/**
 * hmm_svm_advice_at() - What holds at an address
 * @svm: mirror
 * @addr: address
 * @same: returns the range around it, in its block, for which the same holds; or NULL
 *
 * Callable wherever a spinlock can be taken, irqs on.
 *
 * Return: the advice.
 */
struct hmm_svm_advised hmm_svm_advice_at(struct hmm_svm *svm, u64 addr,
					 struct hmm_svm_span *same)
{
	struct hmm_svm_advised advised = { .all = READ_ONCE(svm->advised.all) };
	u64 start = round_down(addr, HMM_SVM_BLOCK_SIZE);
	u64 last = start + HMM_SVM_BLOCK_SIZE - 1;
	struct hmm_svm_advice_range *range;

	if (!READ_ONCE(svm->nr_advice))
		goto out;

	spin_lock(&svm->advice_lock);
	advised = svm->advised;
	/* Ranges before @addr, then the one at or behind it. */
	for (range = range_at(svm, start, last); range; range = range_at(svm, start, last)) {
		if (range->it.last >= addr)
			break;
		start = range->it.last + 1;
	}
	if (range && range->it.start <= addr) {
		advised = range->advised;
		start = max_t(u64, start, range->it.start);
		last = min_t(u64, last, range->it.last);
	} else if (range) {
		last = range->it.start - 1;
	}
	spin_unlock(&svm->advice_lock);
out:
	if (same)
		*same = (struct hmm_svm_span) { .start = start, .end = last + 1 };
	return advised;
}

/**
 * hmm_svm_advice_unmapped() - Advice goes with the mapping
 * @svm: mirror
 * @start: page aligned
 * @end: behind it
 *
 * For a notifier: neither sleeps nor waits for memory. Where a range has to be
 * cut in two and there is no memory, the smaller part is forgotten with it:
 * advice is a hint.
 */
void hmm_svm_advice_unmapped(struct hmm_svm *svm, u64 start, u64 end)
{
	struct hmm_svm_advice_spares spares = {};
	struct hmm_svm_advice_range *range;

	if (!READ_ONCE(svm->nr_advice))
		return;

	spin_lock(&svm->advice_lock);
	range = range_at(svm, start, end - 1);
	if (range && range->it.start < start && range->it.last >= end &&
	    svm->nr_advice < HMM_SVM_MAX_ADVICE)
		spares.v[0] = kzalloc_obj(*range, GFP_NOWAIT | __GFP_NOWARN | __GFP_ACCOUNT);
	carve(svm, start, end - 1, &spares);
	spin_unlock(&svm->advice_lock);
	free_spares(&spares);
}

/*
 * Entries that were made by other advice go; the next fault makes new ones.
 * A fault reads the advice under migrate, so none is on its way with the old one.
 */
static void drop_entries(struct hmm_svm *svm, u64 start, u64 end)
{
	struct hmm_svm_block *block;

	while ((block = hmm_svm_block_next(svm, start, end))) {
		mutex_lock(&block->migrate);
		hmm_svm_block_clean(block, start, end);
		mutex_unlock(&block->migrate);
		start = hmm_svm_block_end(block);
		hmm_svm_block_put(block);
		cond_resched();
	}
}

static int check_advice(const struct hmm_svm *svm, u64 start, u64 end, enum hmm_svm_advice advice,
			u32 value)
{
	if (!PAGE_ALIGNED(start | end) || start >= end || (start && end > svm->end))
		return -EINVAL;
	if (advice < 0 || advice >= HMM_SVM_NR_ADVICE || value > highest_value[advice])
		return -EINVAL;
	return 0;
}

int hmm_svm_advise(struct hmm_svm *svm, u64 start, u64 end, enum hmm_svm_advice advice, u32 value)
{
	bool all = !start && end >= svm->end;
	int ret;

	might_sleep();

	ret = check_advice(svm, start, end, advice, value);
	if (ret)
		return ret;
	if (!mmget_not_zero(svm->mm))
		return -EOWNERDEAD;

	mutex_lock(&svm->advice_mutex);
	ret = all ? advise_all(svm, advice, value) : advise_range(svm, start, end, advice, value);
	mutex_unlock(&svm->advice_mutex);

	if (advice == HMM_SVM_ADVISE_ATOMIC || advice == HMM_SVM_ADVISE_READ_MOSTLY)
		drop_entries(svm, start, min(end, svm->end));
	if (advice == HMM_SVM_ADVISE_ACCESSED_BY && value && !all)
		hmm_svm_map_ahead(svm, start, end);
	mmput_async(svm->mm);
	return ret;
}
EXPORT_SYMBOL_GPL(hmm_svm_advise);
