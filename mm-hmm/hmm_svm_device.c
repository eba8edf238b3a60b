// SPDX-License-Identifier: GPL-2.0
/*
 * Devices: where device memory comes from, and how it ends.
 *
 * Pages in device memory belong to processes, so they can outlive the driver.
 * What a lost device leaves behind keeps this module, and nothing else, until the last
 * process that maps it unmaps it; touching it is SIGBUS.
 */
#include <linux/device.h>
#include <linux/dma-mapping.h>
#include <linux/ioport.h>
#include <linux/memremap.h>
#include <linux/module.h>
#include <linux/slab.h>

#include "hmm_svm_internal.h"

static int create_chunks(struct hmm_svm_device *sdev, u64 size)
{
	unsigned int i;

	sdev->nr_chunks = size >> HMM_SVM_BLOCK_SHIFT;
	sdev->chunks = kvcalloc(sdev->nr_chunks, sizeof(*sdev->chunks), GFP_KERNEL);
	sdev->evict = hmm_svm_migration_alloc(HMM_SVM_BLOCK_PAGES);
	if (!sdev->chunks || !sdev->evict)
		return -ENOMEM;
	for (i = 0; i < sdev->nr_chunks; i++) {
		sdev->chunks[i].sdev = sdev;
		list_add_tail(&sdev->chunks[i].link, &sdev->free);
	}
	return 0;
}

/* Physical addresses that nothing answers to, for the struct pages. */
static int create_pages(struct hmm_svm_device *sdev, u64 size)
{
	void *addr;

	sdev->region = request_free_mem_region(&iomem_resource, size, dev_name(sdev->dev));
	if (IS_ERR(sdev->region))
		return PTR_ERR(sdev->region);

	sdev->first_pfn = PHYS_PFN(sdev->region->start);
	sdev->pgmap.type = MEMORY_DEVICE_PRIVATE;
	sdev->pgmap.range.start = sdev->region->start;
	sdev->pgmap.range.end = sdev->region->start + size - 1;
	sdev->pgmap.nr_range = 1;
	sdev->pgmap.ops = &hmm_svm_pagemap_ops;
	sdev->pgmap.owner = sdev;
	addr = memremap_pages(&sdev->pgmap, dev_to_node(sdev->dev));
	if (IS_ERR(addr)) {
		release_mem_region(sdev->region->start, resource_size(sdev->region));
		return PTR_ERR(addr);
	}
	return 0;
}

static void free_device(struct hmm_svm_device *sdev)
{
	hmm_svm_migration_free(sdev->evict);
	kvfree(sdev->chunks);
	mutex_destroy(&sdev->evict_lock);
	put_device(sdev->dev);
	kfree(sdev);
}

static void destroy_pages(struct hmm_svm_device *sdev)
{
	if (!hmm_svm_has_pages(sdev))
		return;
	memunmap_pages(&sdev->pgmap);
	release_mem_region(sdev->region->start, resource_size(sdev->region));
}

static void orphan_teardown(struct work_struct *work)
{
	struct hmm_svm_device *sdev = container_of(work, struct hmm_svm_device, teardown);

	destroy_pages(sdev);
	free_device(sdev);
	/* The module's exit waits for this work. */
	module_put(THIS_MODULE);
}

struct hmm_svm_device *hmm_svm_device_create(struct device *dev,
					     const struct hmm_svm_device_desc *desc)
{
	struct hmm_svm_device *sdev;
	u64 size = desc->size;
	int ret;

	if (!IS_ALIGNED(size, HMM_SVM_BLOCK_SIZE))
		return ERR_PTR(-EINVAL);
	/* Mappings stay while the CPU writes: a bounce buffer would be stale. */
	if (dma_addressing_limited(dev))
		return ERR_PTR(-EOPNOTSUPP);

	sdev = kzalloc_obj(*sdev);
	if (!sdev)
		return ERR_PTR(-ENOMEM);
	sdev->dev = get_device(dev);
	sdev->ops = desc->ops;
	sdev->priv = desc->priv;
	sdev->flags = desc->flags;
	spin_lock_init(&sdev->lock);
	INIT_LIST_HEAD(&sdev->free);
	INIT_LIST_HEAD(&sdev->lru);
	mutex_init(&sdev->evict_lock);
	init_rwsem(&sdev->copy_lock);
	INIT_WORK(&sdev->teardown, orphan_teardown);

	if (size) {
		ret = create_chunks(sdev, size);
		if (!ret && HMM_SVM_CAN_MIGRATE)
			ret = create_pages(sdev, size);
		if (ret) {
			free_device(sdev);
			return ERR_PTR(ret);
		}
	}
	return sdev;
}
EXPORT_SYMBOL_GPL(hmm_svm_device_create);

void hmm_svm_device_destroy(struct hmm_svm_device *sdev)
{
	unsigned long left;

	hmm_svm_evict_all(sdev);

	down_write(&sdev->copy_lock);
	sdev->ops = NULL;
	up_write(&sdev->copy_lock);

	/* Before the last page can go and drop it. */
	__module_get(THIS_MODULE);
	spin_lock_irq(&sdev->lock);
	left = sdev->nr_used;
	sdev->orphaned = left;
	spin_unlock_irq(&sdev->lock);
	if (left) {
		dev_warn(sdev->dev, "%lu pages of device memory are lost to their processes\n",
			 left);
		return;
	}

	destroy_pages(sdev);
	free_device(sdev);
	module_put(THIS_MODULE);
}
EXPORT_SYMBOL_GPL(hmm_svm_device_destroy);

void *hmm_svm_device_priv(struct hmm_svm_device *sdev)
{
	return sdev->priv;
}
EXPORT_SYMBOL_GPL(hmm_svm_device_priv);
