// SPDX-License-Identifier: GPL-2.0
/*
 * Devices and mirrors: the functions of hmm_svm.h that colibri.ko needs. What
 * drm_gpusvm has no notion of (advice, queries, promotion) is refused, and so is
 * system sleep; tables for debugfs are empty.
 */
#include <linux/dma-mapping.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/sched/mm.h>
#include <linux/seq_file.h>
#include <linux/slab.h>

#include "gpusvm.h"

/* What Xe uses. */
static const unsigned long range_sizes[] = { SZ_2M, SZ_64K, SZ_4K };
#define NOTIFIER_SIZE	SZ_512M

struct hmm_svm_device *hmm_svm_device_create(struct device *dev,
					     const struct hmm_svm_device_desc *desc)
{
	struct hmm_svm_device *sdev;
	int ret;

	if (!desc->size || !IS_ALIGNED(desc->size, HMM_SVM_BLOCK_SIZE) || desc->base)
		return ERR_PTR(-EINVAL);
	sdev = kzalloc_obj(*sdev);
	if (!sdev)
		return ERR_PTR(-ENOMEM);
	sdev->dev = dev;
	/* The DRM device is the first member of the driver's. */
	sdev->drm = dev_get_drvdata(dev);
	sdev->ops = desc->ops;
	sdev->priv = desc->priv;
	sdev->size = desc->size;
	mutex_init(&sdev->lock);
	INIT_LIST_HEAD(&sdev->lru);
	spin_lock_init(&sdev->dead_lock);
	INIT_LIST_HEAD(&sdev->dead);
	INIT_WORK(&sdev->reaper, gpusvm_memory_reap);
	ret = gpusvm_memory_init(sdev);
	if (ret) {
		kfree(sdev);
		return ERR_PTR(ret);
	}
	dev_info(dev, "shared virtual memory by drm_gpusvm\n");
	return sdev;
}
EXPORT_SYMBOL_GPL(hmm_svm_device_create);

void hmm_svm_device_destroy(struct hmm_svm_device *sdev)
{
	gpusvm_memory_fini(sdev);
	cancel_work_sync(&sdev->reaper);
	kfree(sdev);
}
EXPORT_SYMBOL_GPL(hmm_svm_device_destroy);

void *hmm_svm_device_priv(struct hmm_svm_device *sdev)
{
	return sdev->priv;
}
EXPORT_SYMBOL_GPL(hmm_svm_device_priv);

u64 hmm_svm_device_used(struct hmm_svm_device *sdev)
{
	return sdev->size - READ_ONCE(sdev->buddy.avail);
}
EXPORT_SYMBOL_GPL(hmm_svm_device_used);

/* Each copy learns by itself that the device is lost. */
void hmm_svm_device_lost(struct hmm_svm_device *sdev)
{
}
EXPORT_SYMBOL_GPL(hmm_svm_device_lost);

int hmm_svm_device_evict(struct hmm_svm_device *sdev)
{
	return -EOPNOTSUPP;
}
EXPORT_SYMBOL_GPL(hmm_svm_device_evict);

/* Asked on the way to sleep alone, after hmm_svm_device_evict(). */
bool hmm_svm_chunk_is_allocated(struct hmm_svm_device *sdev, u64 offset)
{
	return false;
}
EXPORT_SYMBOL_GPL(hmm_svm_chunk_is_allocated);

int hmm_svm_show_chunks(struct hmm_svm_device *sdev, struct seq_file *m)
{
	return 0;
}
EXPORT_SYMBOL_GPL(hmm_svm_show_chunks);

static void mirror_release(struct mmu_notifier *mn, struct mm_struct *mm)
{
	struct hmm_svm *svm = container_of(mn, struct hmm_svm, mn);

	WRITE_ONCE(svm->dead, true);
	svm->ops->dead(svm);
}

static const struct mmu_notifier_ops mirror_mm_ops = {
	.release = mirror_release,
};

struct hmm_svm *hmm_svm_create(struct hmm_svm_device *sdev, const struct hmm_svm_ops *ops,
			       u64 end, void *priv)
{
	struct hmm_svm *svm;
	int ret;

	svm = kzalloc_obj(*svm);
	if (!svm)
		return ERR_PTR(-ENOMEM);
	svm->sdev = sdev;
	svm->ops = ops;
	svm->priv = priv;
	svm->mm = current->mm;
	svm->end = min_t(u64, end, svm->mm->task_size);
	mutex_init(&svm->lock);
	spin_lock_init(&svm->garbage_lock);
	INIT_LIST_HEAD(&svm->garbage);
	spin_lock_init(&svm->stats_lock);
	svm->mn.ops = &mirror_mm_ops;
	ret = drm_gpusvm_init(&svm->gpusvm, "colibri", svm->mm, 0, svm->end, NOTIFIER_SIZE,
			      &gpusvm_mirror_ops, range_sizes, ARRAY_SIZE(range_sizes));
	if (ret)
		goto err_free;
	drm_gpusvm_driver_set_lock(&svm->gpusvm, &svm->lock);
	ret = mmu_notifier_register(&svm->mn, svm->mm);
	if (ret)
		goto err_fini;
	return svm;

err_fini:
	drm_gpusvm_fini(&svm->gpusvm);
err_free:
	kfree(svm);
	return ERR_PTR(ret);
}
EXPORT_SYMBOL_GPL(hmm_svm_create);

static void unmap_all(struct hmm_svm *svm)
{
	struct drm_gpusvm_notifier *notifier, *next;
	struct drm_gpusvm_range *range;

	drm_gpusvm_for_each_notifier_safe(notifier, next, &svm->gpusvm, 0, LONG_MAX) {
		range = NULL;
		drm_gpusvm_for_each_range(range, notifier, 0, LONG_MAX)
			gpusvm_unmap_range(svm, to_gpusvm_range(range), false);
	}
}

void hmm_svm_destroy(struct hmm_svm *svm)
{
	mmu_notifier_unregister(&svm->mn, svm->mm);
	mutex_lock(&svm->lock);
	gpusvm_collect_garbage(svm);
	unmap_all(svm);
	drm_gpusvm_fini(&svm->gpusvm);
	mutex_unlock(&svm->lock);
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

void hmm_svm_interrupt(struct hmm_svm *svm)
{
	WRITE_ONCE(svm->interrupted, true);
}
EXPORT_SYMBOL_GPL(hmm_svm_interrupt);

int hmm_svm_advise(struct hmm_svm *svm, u64 start, u64 end, enum hmm_svm_advice advice,
		   u32 value)
{
	return -EOPNOTSUPP;
}
EXPORT_SYMBOL_GPL(hmm_svm_advise);

int hmm_svm_promote(struct hmm_svm *svm, u64 addr, u64 size)
{
	return 0;
}
EXPORT_SYMBOL_GPL(hmm_svm_promote);

int hmm_svm_query(struct hmm_svm *svm, u64 start, u64 end, u16 *pages)
{
	return -EOPNOTSUPP;
}
EXPORT_SYMBOL_GPL(hmm_svm_query);

void hmm_svm_get_stats(struct hmm_svm *svm, struct hmm_svm_stats *stats)
{
	spin_lock(&svm->stats_lock);
	*stats = svm->stats;
	spin_unlock(&svm->stats_lock);
}
EXPORT_SYMBOL_GPL(hmm_svm_get_stats);

/* drm_gpusvm does not count by process. */
u64 hmm_svm_resident(struct hmm_svm *svm)
{
	return 0;
}
EXPORT_SYMBOL_GPL(hmm_svm_resident);

void hmm_svm_show_blocks(struct hmm_svm *svm, struct seq_file *m)
{
}
EXPORT_SYMBOL_GPL(hmm_svm_show_blocks);

MODULE_DESCRIPTION("The interface of hmm_svm on drm_gpusvm, to compare the two");
MODULE_LICENSE("GPL");
