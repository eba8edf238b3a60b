// SPDX-License-Identifier: GPL-2.0
/*
 * Migration: pages move between system and device memory, by migrate_vma_*()
 * where an address is known and by migrate_device_*() where only the device
 * page is. Each migration is one call of the driver's copy engine.
 *
 * What could not be copied is not migrated: a device page that the device or
 * a program can see has always been written or cleared whole.
 */
#include <linux/dma-mapping.h>
#include <linux/migrate.h>
#include <linux/mm.h>
#include <linux/pagemap.h>
#include <linux/slab.h>

#include "hmm_svm_internal.h"

/**
 * struct hmm_svm_migration - the arrays of one migration
 * @npages: size of the arrays
 * @src: what moves, as of migrate_vma_setup()
 * @dst: where to
 * @dma: of the side in system memory
 * @extents: for the driver
 * @nr_extents: number of them
 * @mapped: which of @dma are in use
 */
struct hmm_svm_migration {
	unsigned int npages;
	unsigned long *src;
	unsigned long *dst;
	dma_addr_t *dma;
	struct hmm_svm_extent *extents;
	unsigned int nr_extents;
	DECLARE_BITMAP(mapped, HMM_SVM_BLOCK_PAGES);
};

struct hmm_svm_migration *hmm_svm_migration_alloc(unsigned int npages)
{
	struct hmm_svm_migration *m;

	m = kvzalloc(sizeof(*m) + npages * (sizeof(*m->extents) + sizeof(*m->src) +
					    sizeof(*m->dst) + sizeof(*m->dma)), GFP_KERNEL);
	if (!m)
		return NULL;
	m->npages = npages;
	m->extents = (void *)(m + 1);
	m->src = (void *)(m->extents + npages);
	m->dst = m->src + npages;
	m->dma = (void *)(m->dst + npages);
	return m;
}

void hmm_svm_migration_free(struct hmm_svm_migration *m)
{
	kvfree(m);
}

static void add_extent(struct hmm_svm_migration *m, u64 dst, u64 src, u32 flags)
{
	struct hmm_svm_extent *last = &m->extents[m->nr_extents - 1];

	if (m->nr_extents && last->flags == flags && last->dst + last->size == dst &&
	    ((flags & HMM_SVM_EXTENT_CLEAR) || last->src + last->size == src)) {
		last->size += PAGE_SIZE;
		return;
	}
	m->extents[m->nr_extents++] = (struct hmm_svm_extent) {
		.dst = dst,
		.src = src,
		.size = PAGE_SIZE,
		.flags = flags,
	};
}

static int add_page(struct hmm_svm_device *sdev, struct hmm_svm_migration *m, unsigned int i,
		    bool to_dev)
{
	struct page *src = migrate_pfn_to_page(m->src[i]);
	struct page *dst = migrate_pfn_to_page(m->dst[i]);

	if (!src) {
		add_extent(m, hmm_svm_page_offset(sdev, dst), 0,
			   HMM_SVM_EXTENT_DST_DEV | HMM_SVM_EXTENT_CLEAR);
		return 0;
	}

	m->dma[i] = dma_map_page(sdev->dev, to_dev ? src : dst, 0, PAGE_SIZE,
				 to_dev ? DMA_TO_DEVICE : DMA_FROM_DEVICE);
	if (dma_mapping_error(sdev->dev, m->dma[i]))
		return -ENOMEM;
	__set_bit(i, m->mapped);
	if (to_dev)
		add_extent(m, hmm_svm_page_offset(sdev, dst), m->dma[i], HMM_SVM_EXTENT_DST_DEV);
	else
		add_extent(m, m->dma[i], hmm_svm_page_offset(sdev, src), HMM_SVM_EXTENT_SRC_DEV);
	return 0;
}

/* Copies or clears every page that has a destination; all or none. */
static int copy_pages(struct hmm_svm_device *sdev, struct hmm_svm_migration *m, bool to_dev)
{
	unsigned int i;
	int ret = 0;

	m->nr_extents = 0;
	down_read(&sdev->copy_lock);
	if (!sdev->ops)
		ret = -ENODEV;
	for (i = 0; !ret && i < m->npages; i++)
		if (m->dst[i])
			ret = add_page(sdev, m, i, to_dev);
	if (!ret && m->nr_extents)
		ret = sdev->ops->copy(sdev, m->extents, m->nr_extents);
	for_each_set_bit(i, m->mapped, m->npages)
		dma_unmap_page(sdev->dev, m->dma[i], PAGE_SIZE,
			       to_dev ? DMA_TO_DEVICE : DMA_FROM_DEVICE);
	bitmap_zero(m->mapped, m->npages);
	up_read(&sdev->copy_lock);
	return ret;
}

static void drop_destinations(struct hmm_svm_migration *m)
{
	unsigned int i;

	for (i = 0; i < m->npages; i++) {
		struct page *page = migrate_pfn_to_page(m->dst[i]);

		if (!page)
			continue;
		unlock_page(page);
		put_page(page);
		m->dst[i] = 0;
	}
}

static unsigned int count_migrated(const struct hmm_svm_migration *m)
{
	unsigned int i, n = 0;

	for (i = 0; i < m->npages; i++)
		n += (m->src[i] & MIGRATE_PFN_MIGRATE) && m->dst[i];
	return n;
}

/* Page i of the block goes to page i of its chunk, if that is free. */
static void alloc_device_pages(struct hmm_svm_migration *m, struct hmm_svm_chunk *chunk,
			       unsigned int first)
{
	DECLARE_BITMAP(pages, HMM_SVM_BLOCK_PAGES) = {};
	unsigned int i;

	for (i = 0; i < m->npages; i++)
		if (m->src[i] & MIGRATE_PFN_MIGRATE)
			__set_bit(first + i, pages);
	hmm_svm_chunk_reserve(chunk, pages);

	for_each_set_bit(i, pages, HMM_SVM_BLOCK_PAGES) {
		unsigned long pfn = hmm_svm_chunk_pfn(chunk) + i;

		hmm_svm_page_init(pfn_to_page(pfn), &chunk->sdev->pgmap);
		m->dst[i - first] = migrate_pfn(pfn);
	}
}

/**
 * hmm_svm_migrate_to_dev() - Move a part of a block to device memory
 * @block: block
 * @vma: with mmap_lock held
 * @start: page aligned
 * @end: behind it; in @block and @vma
 *
 * Memory that nobody has touched yet is cleared in device memory. What cannot
 * move now stays.
 *
 * Return: 0 or an error; the caller may map what is there in any case.
 */
int hmm_svm_migrate_to_dev(struct hmm_svm_block *block, struct vm_area_struct *vma,
			   u64 start, u64 end)
{
	struct hmm_svm *svm = block->notifier->svm;
	struct migrate_vma args = {
		.vma = vma,
		.start = start,
		.end = end,
		.pgmap_owner = svm->sdev,
		.flags = MIGRATE_VMA_SELECT_SYSTEM,
	};
	struct hmm_svm_migration *m;
	struct hmm_svm_chunk *chunk;
	int ret;

	mmap_assert_locked(vma->vm_mm);
	lockdep_assert_held(&block->migrate);

	m = hmm_svm_migration_alloc((end - start) >> PAGE_SHIFT);
	if (!m)
		return -ENOMEM;
	args.src = m->src;
	args.dst = m->dst;

	/* First, as it may evict: no folio may be locked then. */
	chunk = hmm_svm_chunk_pin(block);
	if (!chunk) {
		ret = -ENOSPC;
		goto out_free;
	}

	ret = migrate_vma_setup(&args);
	if (ret)
		goto out_unpin;
	alloc_device_pages(m, chunk, hmm_svm_page_index(block, start));
	ret = copy_pages(svm->sdev, m, true);
	if (ret)
		drop_destinations(m);
	migrate_vma_pages(&args);
	hmm_svm_count(svm->counters, HMM_SVM_NR_TO_DEV, count_migrated(m));
	migrate_vma_finalize(&args);

out_unpin:
	hmm_svm_chunk_unpin(chunk);
out_free:
	hmm_svm_migration_free(m);
	return ret;
}

/* Whether there is a page to move: untouched memory is "migratable" without. */
static bool has_source(const struct hmm_svm_migration *m, unsigned int i)
{
	return (m->src[i] & MIGRATE_PFN_MIGRATE) && migrate_pfn_to_page(m->src[i]);
}

/* System memory for the device pages; @vma NULL: whose address nobody knows. */
static void alloc_system_pages(struct hmm_svm_migration *m, struct vm_area_struct *vma,
			       u64 addr, gfp_t gfp)
{
	struct page *page;
	unsigned int i;

	for (i = 0; i < m->npages; i++, addr += PAGE_SIZE) {
		if (!has_source(m, i))
			continue;
		page = vma ? alloc_page_vma(gfp, vma, addr) : alloc_page(gfp);
		if (!page)
			continue;
		lock_page(page);
		m->dst[i] = migrate_pfn(page_to_pfn(page));
	}
}

/* After migrate_*_pages(), while the pages are still held. */
static void count_departure(struct hmm_svm_migration *m, enum hmm_svm_counter also)
{
	unsigned int n = count_migrated(m);
	struct hmm_svm_chunk *chunk;
	unsigned int i = 0;

	if (!n)
		return;
	while (!has_source(m, i) || !m->dst[i])
		i++;
	chunk = hmm_svm_chunk_of(migrate_pfn_to_page(m->src[i]));
	hmm_svm_chunk_left(chunk);
	hmm_svm_count(chunk->counters, HMM_SVM_NR_TO_SYS, n);
	if (also != HMM_SVM_NR_TO_SYS)
		hmm_svm_count(chunk->counters, also, n);
}

/* Whether @page is not going to move only for want of memory. */
static bool lacks_destination(const struct hmm_svm_migration *m, struct page *page)
{
	unsigned int i;

	for (i = 0; i < m->npages; i++)
		if (has_source(m, i) && migrate_pfn_to_page(m->src[i]) == page)
			return !m->dst[i];
	return false;
}

/**
 * hmm_svm_migrate_to_sys() - Move a range to system memory
 * @sdev: whose pages to move
 * @vma: with mmap_lock held
 * @start: page aligned
 * @end: behind it; in @vma, at most HMM_SVM_BLOCK_SIZE
 * @fault_page: in migrate_to_ram: the page that must move; else NULL
 *
 * Takes no lock of a block: it runs in CPU faults, which happen under one.
 *
 * Return: 0, -ENOMEM, or the copy engine's error, and then nothing moved.
 */
int hmm_svm_migrate_to_sys(struct hmm_svm_device *sdev, struct vm_area_struct *vma,
			   u64 start, u64 end, struct page *fault_page)
{
	gfp_t gfp = GFP_HIGHUSER_MOVABLE;
	struct migrate_vma args = {
		.vma = vma,
		.start = start,
		.end = end,
		.pgmap_owner = sdev,
		.flags = MIGRATE_VMA_SELECT_DEVICE_PRIVATE,
		.fault_page = fault_page,
	};
	struct hmm_svm_migration *m;
	int ret;

	m = hmm_svm_migration_alloc((end - start) >> PAGE_SHIFT);
	if (!m)
		return -ENOMEM;
	args.src = m->src;
	args.dst = m->dst;

	ret = migrate_vma_setup(&args);
	if (ret)
		goto out_free;
	/* Only the page that must move is worth an effort. */
	if (m->npages > 1)
		gfp |= __GFP_NORETRY | __GFP_NOWARN;
	alloc_system_pages(m, vma, start, gfp);
	if (fault_page && lacks_destination(m, fault_page))
		ret = -ENOMEM;
	else
		ret = copy_pages(sdev, m, false);
	if (ret)
		drop_destinations(m);
	migrate_vma_pages(&args);
	count_departure(m, HMM_SVM_NR_TO_SYS);
	migrate_vma_finalize(&args);

out_free:
	hmm_svm_migration_free(m);
	return ret;
}

/**
 * hmm_svm_migrate_to_ram() - The CPU wants a page that is in device memory
 * @vmf: the fault
 *
 * Return: 0, also when the page could not be moved yet: the CPU tries again.
 */
vm_fault_t hmm_svm_migrate_to_ram(struct vm_fault *vmf)
{
	struct hmm_svm_chunk *chunk = hmm_svm_chunk_of(vmf->page);
	u64 addr = vmf->address & PAGE_MASK;
	struct hmm_svm_span span;
	int ret;

	hmm_svm_count(chunk->counters, HMM_SVM_NR_CPU_FAULTS, 1);
	span = hmm_svm_policy_readback(chunk, vmf->vma, addr);
	ret = hmm_svm_migrate_to_sys(chunk->sdev, vmf->vma, span.start, span.end, vmf->page);
	if (ret == -ENOMEM && span.end - span.start > PAGE_SIZE)
		ret = hmm_svm_migrate_to_sys(chunk->sdev, vmf->vma, addr, addr + PAGE_SIZE,
					     vmf->page);
	if (ret == -ENOMEM)
		return VM_FAULT_OOM;
	return ret ? VM_FAULT_SIGBUS : 0;
}

/**
 * hmm_svm_migrate_chunk() - Empty a chunk as far as possible
 * @chunk: which nobody allocates from
 * @m: arrays of HMM_SVM_BLOCK_PAGES
 *
 * Return: 0, also when pages are left that somebody has locked; or the copy
 * engine's error.
 */
int hmm_svm_migrate_chunk(struct hmm_svm_chunk *chunk, struct hmm_svm_migration *m)
{
	int ret;

	memset(m->dst, 0, m->npages * sizeof(*m->dst));
	ret = migrate_device_range(m->src, hmm_svm_chunk_pfn(chunk), m->npages);
	if (ret)
		return ret;
	alloc_system_pages(m, NULL, 0, GFP_HIGHUSER_MOVABLE | __GFP_NOWARN | __GFP_RETRY_MAYFAIL);
	ret = copy_pages(chunk->sdev, m, false);
	if (ret)
		drop_destinations(m);
	migrate_device_pages(m->src, m->dst, m->npages);
	count_departure(m, HMM_SVM_NR_EVICTED);
	migrate_device_finalize(m->src, m->dst, m->npages);
	return ret;
}
