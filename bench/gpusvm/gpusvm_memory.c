// SPDX-License-Identifier: GPL-2.0
/*
 * Device memory for drm_pagemap: the buddy allocator, eviction of the oldest
 * allocation when it is full, and copies by the driver's engine.
 */
#include <linux/mm.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>

#include "gpusvm.h"

static u64 page_offset_of(struct hmm_svm_device *sdev, struct page *page)
{
	return PFN_PHYS(page_to_pfn(page)) - sdev->pgmap.range.start;
}

static struct hmm_svm_device *device_of(struct page *page)
{
	return container_of(page_pgmap(page), struct hmm_svm_device, pgmap);
}

/* ---- Copies ---------------------------------------------------------------*/

static void add_extent(struct hmm_svm_extent *extents, unsigned int *n, u64 dst, u64 src,
		       u32 size, u32 flags)
{
	struct hmm_svm_extent *last = *n ? &extents[*n - 1] : NULL;

	if (last && last->flags == flags && last->dst + last->size == dst &&
	    last->size + size <= HMM_SVM_BLOCK_SIZE &&
	    ((flags & HMM_SVM_EXTENT_CLEAR) || last->src + last->size == src)) {
		last->size += size;
		return;
	}
	extents[(*n)++] = (struct hmm_svm_extent) {
		.dst = dst,
		.src = src,
		.size = size,
		.flags = flags,
	};
}

/*
 * @pages is the side in device memory, @addrs the other one. What has no
 * address there has never been touched.
 */
static int copy_pages(struct page **pages, struct drm_pagemap_addr *addrs, unsigned long npages,
		      bool to_dev)
{
	struct hmm_svm_device *sdev = NULL;
	struct hmm_svm_extent *extents;
	unsigned long i, step;
	unsigned int n = 0;
	int ret = 0;

	extents = kvmalloc_array(npages, sizeof(*extents), GFP_KERNEL);
	if (!extents)
		return -ENOMEM;

	for (i = 0; i < npages; i += step) {
		u64 offset;

		step = 1;
		if (!pages[i])
			continue;
		sdev = device_of(pages[i]);
		offset = page_offset_of(sdev, pages[i]);
		step = 1UL << max_t(unsigned int, addrs[i].order,
				    folio_order(page_folio(pages[i])));
		if (addrs[i].addr && to_dev)
			add_extent(extents, &n, offset, addrs[i].addr, step << PAGE_SHIFT,
				   HMM_SVM_EXTENT_DST_DEV);
		else if (addrs[i].addr)
			add_extent(extents, &n, addrs[i].addr, offset, step << PAGE_SHIFT,
				   HMM_SVM_EXTENT_SRC_DEV);
		else if (to_dev)
			add_extent(extents, &n, offset, 0, step << PAGE_SHIFT,
				   HMM_SVM_EXTENT_DST_DEV | HMM_SVM_EXTENT_CLEAR);
	}
	if (n)
		ret = sdev->ops->copy(sdev, extents, n);
	kvfree(extents);
	return ret;
}

static int copy_to_devmem(struct page **pages, struct drm_pagemap_addr *addrs,
			  unsigned long npages, struct dma_fence *fence)
{
	return copy_pages(pages, addrs, npages, true);
}

static int copy_to_ram(struct page **pages, struct drm_pagemap_addr *addrs,
		       unsigned long npages, struct dma_fence *fence)
{
	return copy_pages(pages, addrs, npages, false);
}

/* ---- Allocations ----------------------------------------------------------*/

static void alloc_release(struct kref *ref)
{
	struct gpusvm_alloc *alloc = container_of(ref, struct gpusvm_alloc, ref);
	struct hmm_svm_device *sdev = alloc->sdev;
	unsigned long flags;

	/* Core mm frees the last page wherever it likes: no mutex here. */
	spin_lock_irqsave(&sdev->dead_lock, flags);
	list_add_tail(&alloc->dead, &sdev->dead);
	spin_unlock_irqrestore(&sdev->dead_lock, flags);
	queue_work(system_unbound_wq, &sdev->reaper);
}

static void alloc_put(struct gpusvm_alloc *alloc)
{
	kref_put(&alloc->ref, alloc_release);
}

void gpusvm_memory_reap(struct work_struct *work)
{
	struct hmm_svm_device *sdev = container_of(work, struct hmm_svm_device, reaper);
	struct gpusvm_alloc *alloc, *next;
	LIST_HEAD(dead);

	mutex_lock(&sdev->lock);
	spin_lock_irq(&sdev->dead_lock);
	list_splice_init(&sdev->dead, &dead);
	spin_unlock_irq(&sdev->dead_lock);
	list_for_each_entry_safe(alloc, next, &dead, dead) {
		list_del(&alloc->lru);
		gpu_buddy_free_list(&sdev->buddy, &alloc->blocks, 0);
		mmdrop(alloc->devmem.mm);
		kfree(alloc);
	}
	mutex_unlock(&sdev->lock);
}

/* Drops drm_pagemap's reference. */
static void devmem_release(struct drm_pagemap_devmem *devmem)
{
	alloc_put(container_of(devmem, struct gpusvm_alloc, devmem));
}

static int populate_devmem_pfn(struct drm_pagemap_devmem *devmem, unsigned long npages,
			       unsigned long *pfn)
{
	struct gpusvm_alloc *alloc = container_of(devmem, struct gpusvm_alloc, devmem);
	struct hmm_svm_device *sdev = alloc->sdev;
	struct gpu_buddy_block *block;
	unsigned long n = 0, i;

	list_for_each_entry(block, &alloc->blocks, link) {
		unsigned long first = PHYS_PFN(sdev->pgmap.range.start +
					       gpu_buddy_block_offset(block));

		for (i = 0; i < gpu_buddy_block_size(&sdev->buddy, block) >> PAGE_SHIFT; i++)
			pfn[n++] = first + i;
	}
	return n >= npages ? 0 : -EINVAL;
}

static const struct drm_pagemap_devmem_ops devmem_ops = {
	.devmem_release = devmem_release,
	.populate_devmem_pfn = populate_devmem_pfn,
	.copy_to_devmem = copy_to_devmem,
	.copy_to_ram = copy_to_ram,
};

/* Return: whether there was an allocation to evict. */
static bool evict_oldest(struct hmm_svm_device *sdev)
{
	struct gpusvm_alloc *alloc, *victim = NULL;

	mutex_lock(&sdev->lock);
	list_for_each_entry(alloc, &sdev->lru, lru) {
		if (!kref_get_unless_zero(&alloc->ref))
			continue;
		victim = alloc;
		list_move_tail(&alloc->lru, &sdev->lru);
		break;
	}
	mutex_unlock(&sdev->lock);
	if (victim) {
		drm_pagemap_evict_to_ram(&victim->devmem);
		alloc_put(victim);
	}
	flush_work(&sdev->reaper);
	return victim;
}

/* More would only evict what has just come, of others who fault. */
#define MAX_EVICTIONS	16

static int alloc_blocks(struct hmm_svm_device *sdev, u64 size, struct list_head *blocks)
{
	unsigned int tries;
	int ret;

	for (tries = 0; ; tries++) {
		mutex_lock(&sdev->lock);
		ret = gpu_buddy_alloc_blocks(&sdev->buddy, 0, sdev->size, size, size, blocks,
					     GPU_BUDDY_CONTIGUOUS_ALLOCATION);
		mutex_unlock(&sdev->lock);
		if (ret != -ENOSPC || tries == MAX_EVICTIONS || !evict_oldest(sdev))
			return ret;
	}
}

/* ---- drm_pagemap ----------------------------------------------------------*/

static struct hmm_svm_device *to_sdev(struct drm_pagemap *dpagemap)
{
	return container_of(dpagemap, struct hmm_svm_device, dpagemap);
}

static struct drm_pagemap_addr device_map(struct drm_pagemap *dpagemap, struct device *dev,
					  struct page *page, unsigned int order,
					  enum dma_data_direction dir)
{
	return drm_pagemap_addr_encode(page_offset_of(to_sdev(dpagemap), page),
				       DRM_INTERCONNECT_DRIVER, order, dir);
}

static void device_unmap(struct drm_pagemap *dpagemap, struct device *dev,
			 const struct drm_pagemap_addr *addr)
{
}

static int populate_mm(struct drm_pagemap *dpagemap, unsigned long start, unsigned long end,
		       struct mm_struct *mm, unsigned long timeslice_ms)
{
	struct drm_pagemap_migrate_details details = { .timeslice_ms = timeslice_ms };
	struct hmm_svm_device *sdev = to_sdev(dpagemap);
	struct gpusvm_alloc *alloc;
	int ret;

	alloc = kzalloc_obj(*alloc);
	if (!alloc)
		return -ENOMEM;
	alloc->sdev = sdev;
	INIT_LIST_HEAD(&alloc->blocks);
	ret = alloc_blocks(sdev, end - start, &alloc->blocks);
	if (ret) {
		kfree(alloc);
		return ret;
	}
	kref_init(&alloc->ref);
	mmgrab(mm);
	drm_pagemap_devmem_init(&alloc->devmem, sdev->dev, mm, &devmem_ops, dpagemap,
				end - start, NULL);
	mutex_lock(&sdev->lock);
	list_add_tail(&alloc->lru, &sdev->lru);
	mutex_unlock(&sdev->lock);
	/* Takes our reference, whatever happens. */
	return drm_pagemap_migrate_to_devmem(&alloc->devmem, mm, start, end, &details);
}

static void destroy(struct drm_pagemap *dpagemap, bool is_atomic_or_reclaim)
{
	complete(&to_sdev(dpagemap)->destroyed);
}

static const struct drm_pagemap_ops pagemap_ops = {
	.device_map = device_map,
	.device_unmap = device_unmap,
	.populate_mm = populate_mm,
	.destroy = destroy,
};

/* Struct pages and allocator for hmm_svm_device.size. */
int gpusvm_memory_init(struct hmm_svm_device *sdev)
{
	void *addr;
	int ret;

	init_completion(&sdev->destroyed);
	ret = gpu_buddy_init(&sdev->buddy, sdev->size, PAGE_SIZE);
	if (ret)
		return ret;
	ret = drm_pagemap_init(&sdev->dpagemap, &sdev->pgmap, sdev->drm, &pagemap_ops);
	if (ret)
		goto err_buddy;
	sdev->region = request_free_mem_region(&iomem_resource, sdev->size, dev_name(sdev->dev));
	if (IS_ERR(sdev->region)) {
		ret = PTR_ERR(sdev->region);
		goto err_pagemap;
	}
	sdev->pgmap.type = MEMORY_DEVICE_PRIVATE;
	sdev->pgmap.range.start = sdev->region->start;
	sdev->pgmap.range.end = sdev->region->start + sdev->size - 1;
	sdev->pgmap.nr_range = 1;
	sdev->pgmap.ops = drm_pagemap_pagemap_ops_get();
	sdev->pgmap.owner = sdev;
	addr = memremap_pages(&sdev->pgmap, dev_to_node(sdev->dev));
	if (IS_ERR(addr)) {
		ret = PTR_ERR(addr);
		goto err_region;
	}
	return 0;

err_region:
	release_mem_region(sdev->region->start, resource_size(sdev->region));
err_pagemap:
	drm_pagemap_put(&sdev->dpagemap);
	wait_for_completion(&sdev->destroyed);
err_buddy:
	gpu_buddy_fini(&sdev->buddy);
	return ret;
}

/* Every mirror is gone, so what is left belongs to processes that fault it back. */
void gpusvm_memory_fini(struct hmm_svm_device *sdev)
{
	while (evict_oldest(sdev))
		cond_resched();
	drm_pagemap_put(&sdev->dpagemap);
	wait_for_completion(&sdev->destroyed);
	memunmap_pages(&sdev->pgmap);
	release_mem_region(sdev->region->start, resource_size(sdev->region));
	gpu_buddy_fini(&sdev->buddy);
}

/* ---- Buffers of the driver ------------------------------------------------*/

struct hmm_svm_chunk *hmm_svm_chunk_alloc(struct hmm_svm_device *sdev, u64 *offset)
{
	struct hmm_svm_chunk *chunk;
	bool allowed;
	int ret;

	mutex_lock(&sdev->lock);
	allowed = sdev->driver_bytes + HMM_SVM_BLOCK_SIZE <= sdev->size / 2;
	if (allowed)
		sdev->driver_bytes += HMM_SVM_BLOCK_SIZE;
	mutex_unlock(&sdev->lock);
	if (!allowed)
		return ERR_PTR(-ENOSPC);

	chunk = kzalloc_obj(*chunk);
	ret = chunk ? 0 : -ENOMEM;
	if (chunk) {
		chunk->sdev = sdev;
		INIT_LIST_HEAD(&chunk->blocks);
		ret = alloc_blocks(sdev, HMM_SVM_BLOCK_SIZE, &chunk->blocks);
	}
	if (ret) {
		kfree(chunk);
		mutex_lock(&sdev->lock);
		sdev->driver_bytes -= HMM_SVM_BLOCK_SIZE;
		mutex_unlock(&sdev->lock);
		return ERR_PTR(-ENOSPC);
	}
	*offset = gpu_buddy_block_offset(list_first_entry(&chunk->blocks, struct gpu_buddy_block,
							  link));
	return chunk;
}
EXPORT_SYMBOL_GPL(hmm_svm_chunk_alloc);

void hmm_svm_chunk_free(struct hmm_svm_chunk *chunk)
{
	struct hmm_svm_device *sdev = chunk->sdev;

	mutex_lock(&sdev->lock);
	gpu_buddy_free_list(&sdev->buddy, &chunk->blocks, 0);
	sdev->driver_bytes -= HMM_SVM_BLOCK_SIZE;
	mutex_unlock(&sdev->lock);
	kfree(chunk);
}
EXPORT_SYMBOL_GPL(hmm_svm_chunk_free);
