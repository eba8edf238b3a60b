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

#include "hmm_svm_migrate.h"

static int create_chunks(struct hmm_svm_device *sdev, u64 size)
{
	unsigned int i;

	sdev->nr_chunks = size >> HMM_SVM_BLOCK_SHIFT;
	sdev->chunks = kvzalloc_objs(*sdev->chunks, sdev->nr_chunks);
	if (!sdev->chunks)
		return -ENOMEM;
	for (i = 0; i < sdev->nr_chunks; i++) {
		sdev->chunks[i].sdev = sdev;
		spin_lock_init(&sdev->chunks[i].lock);
		list_add_tail(&sdev->chunks[i].link, &sdev->free);
	}
	sdev->nr_free = sdev->nr_chunks;
	return hmm_svm_migrations_init(sdev);
}

static void release_pages_region(struct hmm_svm_device *sdev)
{
	if (sdev->region)
		release_mem_region(sdev->region->start, resource_size(sdev->region));
}

/*
 * The struct pages. What the CPU does not address gets physical addresses that
 * nothing answers to.
 */
static int create_pages(struct hmm_svm_device *sdev, phys_addr_t base, u64 size)
{
	bool coherent = hmm_svm_is_coherent(sdev);
	struct resource *region;
	void *addr;

	if (!coherent) {
		region = request_free_mem_region(&iomem_resource, size, dev_name(sdev->dev));
		if (IS_ERR(region))
			return PTR_ERR(region);
		sdev->region = region;
		base = region->start;
	}

	sdev->first_pfn = PHYS_PFN(base);
	sdev->pgmap.type = coherent ? MEMORY_DEVICE_COHERENT : MEMORY_DEVICE_PRIVATE;
	sdev->pgmap.range.start = base;
	sdev->pgmap.range.end = base + size - 1;
	sdev->pgmap.nr_range = 1;
	sdev->pgmap.ops = &hmm_svm_pagemap_ops;
	sdev->pgmap.owner = sdev;
	addr = memremap_pages(&sdev->pgmap, dev_to_node(sdev->dev));
	if (IS_ERR(addr)) {
		release_pages_region(sdev);
		return PTR_ERR(addr);
	}
	return 0;
}

static void free_device(struct hmm_svm_device *sdev)
{
	hmm_svm_migrations_free(sdev);
	kvfree(sdev->chunks);
	put_device(sdev->dev);
	kfree(sdev);
}

static void destroy_pages(struct hmm_svm_device *sdev)
{
	if (!hmm_svm_has_pages(sdev))
		return;
	memunmap_pages(&sdev->pgmap);
	release_pages_region(sdev);
}

static void orphan_teardown(struct work_struct *work)
{
	struct hmm_svm_device *sdev = container_of(work, struct hmm_svm_device, teardown);

	destroy_pages(sdev);
	free_device(sdev);
	/* The module's exit waits for this work. */
	module_put(THIS_MODULE);
}

static bool is_valid(const struct hmm_svm_device_desc *desc)
{
	if (!desc->ops || !IS_ALIGNED(desc->size | desc->base, HMM_SVM_BLOCK_SIZE) ||
	    (desc->flags & ~(HMM_SVM_DEVICE_COHERENT | HMM_SVM_DEVICE_SYS_ATOMICS)))
		return false;
	if (!(desc->flags & HMM_SVM_DEVICE_COHERENT))
		return !desc->base;
	/* Core mm must not have it already. */
	return desc->size && desc->base && desc->base <= PHYS_ADDR_MAX - desc->size &&
	       region_intersects(desc->base, desc->size, IORESOURCE_SYSTEM_RAM,
				 IORES_DESC_NONE) == REGION_DISJOINT;
}

static struct hmm_svm_device *device_alloc(struct device *dev,
					   const struct hmm_svm_device_desc *desc)
{
	struct hmm_svm_device *sdev = kzalloc_obj(*sdev);

	if (!sdev)
		return NULL;
	sdev->dev = get_device(dev);
	sdev->ops = desc->ops;
	sdev->halves = desc->ops && desc->ops->copy_begin;
	sdev->priv = desc->priv;
	sdev->flags = desc->flags;
	sdev->max_mapping = min_t(size_t, round_down(dma_max_mapping_size(dev), PAGE_SIZE),
				  HMM_SVM_BLOCK_SIZE);
	spin_lock_init(&sdev->lock);
	INIT_LIST_HEAD(&sdev->free);
	INIT_LIST_HEAD(&sdev->lru);
	INIT_LIST_HEAD(&sdev->lru_keep);
	init_waitqueue_head(&sdev->chunk_wait);
	sdev->short_until = jiffies;
	INIT_WORK(&sdev->evict_work, hmm_svm_evict_ahead_work);
	spin_lock_init(&sdev->spares_lock);
	INIT_LIST_HEAD(&sdev->spares);
	init_rwsem(&sdev->copy_lock);
	INIT_WORK(&sdev->teardown, orphan_teardown);
	return sdev;
}

struct hmm_svm_device *hmm_svm_device_create(struct device *dev,
					     const struct hmm_svm_device_desc *desc)
{
	struct hmm_svm_device *sdev;
	int ret;

	if (!is_valid(desc))
		return ERR_PTR(-EINVAL);
	/* Mappings stay while the CPU writes: a bounce buffer would be stale. */
	if (dma_addressing_limited(dev))
		return ERR_PTR(-EOPNOTSUPP);

	sdev = device_alloc(dev, desc);
	if (!sdev)
		return ERR_PTR(-ENOMEM);

	if (desc->size) {
		ret = create_chunks(sdev, desc->size);
		if (!ret && (HMM_SVM_CAN_MIGRATE || hmm_svm_is_coherent(sdev)))
			ret = create_pages(sdev, desc->base, desc->size);
		if (ret) {
			free_device(sdev);
			return ERR_PTR(ret);
		}
	}
	hmm_svm_lockdep_device(sdev);
	return sdev;
}
EXPORT_SYMBOL_GPL(hmm_svm_device_create);

static unsigned long count_used(struct hmm_svm_device *sdev)
{
	unsigned long n = 0;
	unsigned int i;

	for (i = 0; i < sdev->nr_chunks; i++)
		n += READ_ONCE(sdev->chunks[i].nr_used);
	return n;
}

void hmm_svm_device_destroy(struct hmm_svm_device *sdev)
{
	unsigned long left;
	bool orphaned;

	hmm_svm_evict_all(sdev);

	down_write(&sdev->copy_lock);
	sdev->ops = NULL;
	up_write(&sdev->copy_lock);
	wait_var_event(&sdev->nr_halves, !atomic_read(&sdev->nr_halves));

	/* Before the last page can go and drop it. */
	__module_get(THIS_MODULE);
	left = count_used(sdev);
	spin_lock_irq(&sdev->lock);
	orphaned = sdev->nr_busy;
	sdev->orphaned = orphaned;
	spin_unlock_irq(&sdev->lock);
	if (orphaned) {
		pr_warn("hmm_svm: %lu pages of device memory are lost to their processes\n", left);
		return;
	}

	destroy_pages(sdev);
	free_device(sdev);
	module_put(THIS_MODULE);
}
EXPORT_SYMBOL_GPL(hmm_svm_device_destroy);

void hmm_svm_device_lost(struct hmm_svm_device *sdev)
{
	WRITE_ONCE(sdev->lost, true);
}
EXPORT_SYMBOL_GPL(hmm_svm_device_lost);

void *hmm_svm_device_priv(struct hmm_svm_device *sdev)
{
	return sdev->priv;
}
EXPORT_SYMBOL_GPL(hmm_svm_device_priv);

u64 hmm_svm_device_used(struct hmm_svm_device *sdev)
{
	return (u64)(sdev->nr_chunks - READ_ONCE(sdev->nr_free)) << HMM_SVM_BLOCK_SHIFT;
}
EXPORT_SYMBOL_GPL(hmm_svm_device_used);
