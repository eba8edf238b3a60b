// SPDX-License-Identifier: GPL-2.0
/*
 * Mirrors: made by the process whose address space they mirror, and dead with
 * it.
 */
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/sched.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>

#include "hmm_svm_internal.h"

static struct workqueue_struct *hmm_svm_wq;

struct workqueue_struct *hmm_svm_workqueue(void)
{
	return hmm_svm_wq;
}

static void counters_free(struct work_struct *work)
{
	struct hmm_svm_counters *counters = container_of(work, struct hmm_svm_counters, free);

	mmdrop(counters->mm);
	kfree(counters);
}

/* With any lock held; freeing what is left of an mm is not for such a context. */
static void counters_release(struct kref *ref)
{
	struct hmm_svm_counters *counters = container_of(ref, struct hmm_svm_counters, ref);

	queue_work(hmm_svm_wq, &counters->free);
}

static struct hmm_svm_counters *counters_create(struct mm_struct *mm)
{
	struct hmm_svm_counters *counters = kzalloc_obj(*counters);

	if (!counters)
		return NULL;
	kref_init(&counters->ref);
	INIT_WORK(&counters->free, counters_free);
	counters->mm = mm;
	counters->pid = task_tgid_nr(current);
	mmgrab(mm);
	return counters;
}

void hmm_svm_counters_put(struct hmm_svm_counters *counters)
{
	kref_put(&counters->ref, counters_release);
}

/*
 * The last user of the mm is gone. The interval notifiers have run for the
 * whole of it, so nothing is mapped; from now on nothing will be.
 */
static void hmm_svm_release(struct mmu_notifier *mn, struct mm_struct *mm)
{
	struct hmm_svm *svm = container_of(mn, struct hmm_svm, mn);

	WRITE_ONCE(svm->dead, true);
	svm->ops->dead(svm);
}

/*
 * Interval notifiers tell the same of what is mapped; advice may be anywhere.
 * mremap() is an unmap of the old addresses, too.
 */
static int hmm_svm_invalidate_range_start(struct mmu_notifier *mn,
					  const struct mmu_notifier_range *range)
{
	if (range->event == MMU_NOTIFY_UNMAP)
		hmm_svm_advice_unmapped(container_of(mn, struct hmm_svm, mn), range->start,
					range->end);
	return 0;
}

static const struct mmu_notifier_ops hmm_svm_mm_ops = {
	.invalidate_range_start = hmm_svm_invalidate_range_start,
	.release = hmm_svm_release,
};

struct hmm_svm *hmm_svm_create(struct hmm_svm_device *sdev, const struct hmm_svm_ops *ops,
			       u64 end, void *priv)
{
	struct hmm_svm *svm;
	int ret;

	if (!current->mm)
		return ERR_PTR(-EINVAL);

	svm = kzalloc_obj(*svm);
	if (!svm)
		return ERR_PTR(-ENOMEM);
	svm->counters = counters_create(current->mm);
	if (!svm->counters) {
		ret = -ENOMEM;
		goto err_free;
	}
	svm->sdev = sdev;
	svm->ops = ops;
	svm->priv = priv;
	svm->mm = current->mm;
	svm->end = min_t(u64, end, svm->mm->task_size);
	hmm_svm_notifiers_init(svm);
	hmm_svm_advice_init(svm);
	hmm_svm_map_later_init(svm);
	hmm_svm_lockdep_mirror(svm);
	ret = hmm_svm_space_join(svm);
	if (ret)
		goto err_counters;
	svm->mn.ops = &hmm_svm_mm_ops;

	ret = mmu_notifier_register(&svm->mn, svm->mm);
	if (ret)
		goto err_space;
	mmgrab(svm->mm);
	return svm;

err_space:
	hmm_svm_space_leave(svm);
err_counters:
	hmm_svm_counters_put(svm->counters);
err_free:
	kfree(svm);
	return ERR_PTR(ret);
}
EXPORT_SYMBOL_GPL(hmm_svm_create);

void hmm_svm_destroy(struct hmm_svm *svm)
{
	might_sleep();

	hmm_svm_map_later_end(svm);
	/* Calls hmm_svm_release(), or waits for it. */
	mmu_notifier_unregister(&svm->mn, svm->mm);
	hmm_svm_notifiers_remove(svm);
	hmm_svm_space_leave(svm);
	mmdrop(svm->mm);
	hmm_svm_counters_put(svm->counters);
	hmm_svm_advice_destroy(svm);
	kfree(svm);
}
EXPORT_SYMBOL_GPL(hmm_svm_destroy);

void *hmm_svm_priv(struct hmm_svm *svm)
{
	return svm->priv;
}
EXPORT_SYMBOL_GPL(hmm_svm_priv);

bool hmm_svm_owned_by_current(struct hmm_svm *svm)
{
	return current->mm == svm->mm && !READ_ONCE(svm->dead);
}
EXPORT_SYMBOL_GPL(hmm_svm_owned_by_current);

void hmm_svm_inject(struct hmm_svm *svm, enum hmm_svm_failure failure)
{
	set_bit(failure, &svm->inject);
}
EXPORT_SYMBOL_GPL(hmm_svm_inject);

/* Whether that is to fail now, for once. */
bool hmm_svm_take_failure(struct hmm_svm *svm, enum hmm_svm_failure failure)
{
	return READ_ONCE(svm->inject) && test_and_clear_bit(failure, &svm->inject);
}

void hmm_svm_get_stats(struct hmm_svm *svm, struct hmm_svm_stats *stats)
{
	const atomic64_t *v = svm->counters->v;

	*stats = (struct hmm_svm_stats) {
		.faults = atomic64_read(&v[HMM_SVM_NR_FAULTS]),
		.faults_failed = atomic64_read(&v[HMM_SVM_NR_FAULTS_FAILED]),
		.pages_to_dev = atomic64_read(&v[HMM_SVM_NR_TO_DEV]),
		.pages_to_sys = atomic64_read(&v[HMM_SVM_NR_TO_SYS]),
		.cpu_faults = atomic64_read(&v[HMM_SVM_NR_CPU_FAULTS]),
		.pages_evicted = atomic64_read(&v[HMM_SVM_NR_EVICTED]),
		.pages_mapped_sys = atomic64_read(&v[HMM_SVM_NR_MAPPED_SYS]),
		.pages_mapped_dev = atomic64_read(&v[HMM_SVM_NR_MAPPED_DEV]),
		.invalidations = atomic64_read(&v[HMM_SVM_NR_INVALIDATIONS]),
		.retries = atomic64_read(&v[HMM_SVM_NR_RETRIES]),
		.pages_large_to_dev = atomic64_read(&v[HMM_SVM_NR_LARGE_TO_DEV]),
		.pages_large_to_sys = atomic64_read(&v[HMM_SVM_NR_LARGE_TO_SYS]),
		.pages_prefetched = atomic64_read(&v[HMM_SVM_NR_PREFETCHED]),
		.pages_remote = atomic64_read(&v[HMM_SVM_NR_REMOTE]),
		.pages_copied = atomic64_read(&v[HMM_SVM_NR_COPIED]),
		.pages_ahead = atomic64_read(&v[HMM_SVM_NR_AHEAD]),
		.pages_promoted = atomic64_read(&v[HMM_SVM_NR_PROMOTED]),
		.pages_exclusive = atomic64_read(&v[HMM_SVM_NR_EXCLUSIVE]),
		.thrash_pins = atomic64_read(&v[HMM_SVM_NR_THRASH_PINS]),
	};
}
EXPORT_SYMBOL_GPL(hmm_svm_get_stats);

static int __init hmm_svm_init(void)
{
	hmm_svm_wq = alloc_workqueue("hmm_svm", WQ_UNBOUND, 0);
	return hmm_svm_wq ? 0 : -ENOMEM;
}
module_init(hmm_svm_init);

static void __exit hmm_svm_exit(void)
{
	/* Waits for what still runs, also for blocks and devices on their way. */
	destroy_workqueue(hmm_svm_wq);
	rcu_barrier();
}
module_exit(hmm_svm_exit);

MODULE_DESCRIPTION("Shared virtual memory for device drivers, on top of HMM");
MODULE_LICENSE("GPL");
