// SPDX-License-Identifier: GPL-2.0
/*
 * Ranges: what drm_gpusvm asks of a driver when core mm takes memory away, and
 * the garbage collector for ranges that have been unmapped.
 */
#include <linux/mm.h>
#include <linux/slab.h>

#include "gpusvm.h"

/* Takes the device's entries away. @in_notifier: the caller has flushed. */
void gpusvm_unmap_range(struct hmm_svm *svm, struct gpusvm_range *range, bool in_notifier)
{
	struct drm_gpusvm_ctx ctx = { .in_notifier = in_notifier };
	u64 start = drm_gpusvm_range_start(&range->base);
	u64 end = drm_gpusvm_range_end(&range->base);

	if (!in_notifier && range->mapped) {
		drm_gpusvm_notifier_lock(&svm->gpusvm);
		svm->ops->unmap(svm, start, end);
		range->mapped = false;
		drm_gpusvm_notifier_unlock(&svm->gpusvm);
		svm->ops->flush_wait(svm, svm->ops->flush_post(svm, start, end), true);
	}
	drm_gpusvm_unmap_pages(&svm->gpusvm, &range->pages, (end - start) >> PAGE_SHIFT, &ctx);
}

static struct drm_gpusvm_range *range_alloc(struct drm_gpusvm *gpusvm)
{
	struct gpusvm_range *range = kzalloc_obj(*range);

	if (!range)
		return NULL;
	INIT_LIST_HEAD(&range->garbage);
	drm_gpusvm_init_pages(&range->pages, to_mirror(gpusvm)->sdev->drm);
	return &range->base;
}

static void range_free(struct drm_gpusvm_range *base)
{
	struct gpusvm_range *range = to_gpusvm_range(base);

	drm_gpusvm_free_pages(base->gpusvm, &range->pages,
			      drm_gpusvm_range_size(base) >> PAGE_SHIFT);
	kfree(range);
}

static void add_garbage(struct hmm_svm *svm, struct gpusvm_range *range)
{
	spin_lock(&svm->garbage_lock);
	if (list_empty(&range->garbage)) {
		drm_gpusvm_range_get(&range->base);
		list_add_tail(&range->garbage, &svm->garbage);
	}
	spin_unlock(&svm->garbage_lock);
}

/* With mirror.lock held. */
void gpusvm_collect_garbage(struct hmm_svm *svm)
{
	struct drm_gpusvm_range_flags flags;
	struct gpusvm_range *range;

	lockdep_assert_held(&svm->lock);
	for (;;) {
		spin_lock(&svm->garbage_lock);
		range = list_first_entry_or_null(&svm->garbage, struct gpusvm_range, garbage);
		if (range)
			list_del_init(&range->garbage);
		spin_unlock(&svm->garbage_lock);
		if (!range)
			return;
		flags.__flags = READ_ONCE(range->base.flags.__flags);
		if (flags.partial_unmap)
			drm_gpusvm_range_evict(&svm->gpusvm, &range->base);
		gpusvm_unmap_range(svm, range, false);
		drm_gpusvm_range_remove(&svm->gpusvm, &range->base);
		drm_gpusvm_range_put(&range->base);
	}
}

/* One flush for all ranges, as Xe does it. Called with the notifier lock held. */
static void invalidate(struct drm_gpusvm *gpusvm, struct drm_gpusvm_notifier *notifier,
		       const struct mmu_notifier_range *mmu_range)
{
	struct hmm_svm *svm = to_mirror(gpusvm);
	struct drm_gpusvm_range *base = NULL;
	u64 start = U64_MAX, end = 0;

	drm_gpusvm_for_each_range(base, notifier, mmu_range->start, mmu_range->end) {
		struct gpusvm_range *range = to_gpusvm_range(base);

		if (!range->mapped)
			continue;
		svm->ops->unmap(svm, drm_gpusvm_range_start(base), drm_gpusvm_range_end(base));
		range->mapped = false;
		start = min_t(u64, start, drm_gpusvm_range_start(base));
		end = max_t(u64, end, drm_gpusvm_range_end(base));
	}
	if (start < end) {
		gpusvm_count(svm, invalidations, 1);
		svm->ops->flush_wait(svm, svm->ops->flush_post(svm, start, end), true);
	}

	base = NULL;
	drm_gpusvm_for_each_range(base, notifier, mmu_range->start, mmu_range->end) {
		struct gpusvm_range *range = to_gpusvm_range(base);

		gpusvm_unmap_range(svm, range, true);
		if (mmu_range->event != MMU_NOTIFY_UNMAP)
			continue;
		drm_gpusvm_range_set_unmapped(base, &range->pages, 1, mmu_range);
		add_garbage(svm, range);
	}
}

const struct drm_gpusvm_ops gpusvm_mirror_ops = {
	.range_alloc = range_alloc,
	.range_free = range_free,
	.invalidate = invalidate,
};
