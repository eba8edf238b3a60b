// SPDX-License-Identifier: GPL-2.0
/*
 * Transfers: the data of a migration, as few extents as it can be, mapped for
 * DMA, in one call of the driver's copy engine.
 *
 * Without an IOMMU each piece that is contiguous on both sides, up to 2 MiB,
 * is one mapping and one extent. With one, a single range of IO addresses
 * covers all pieces, so that what is scattered in system memory is one extent
 * as well, and the IOMMU's TLB is flushed once.
 */
#include <linux/dma-mapping.h>
#include <linux/mm.h>
#include <linux/slab.h>

#include "hmm_svm_migrate.h"

/* Arrays that are kept for the next migration; the rest is freed. */
#define HMM_SVM_MAX_SPARES	8

/* Nothing to read: the destination is to be cleared. */
#define NO_PFN			ULONG_MAX

struct hmm_svm_migration *hmm_svm_migration_get(struct hmm_svm_device *sdev)
{
	struct hmm_svm_migration *m;

	spin_lock(&sdev->spares_lock);
	m = list_first_entry_or_null(&sdev->spares, struct hmm_svm_migration, spare);
	if (m) {
		list_del(&m->spare);
		sdev->nr_spares--;
	}
	spin_unlock(&sdev->spares_lock);
	return m ?: kvmalloc_obj(*m);
}

void hmm_svm_migration_put(struct hmm_svm_device *sdev, struct hmm_svm_migration *m)
{
	spin_lock(&sdev->spares_lock);
	if (sdev->nr_spares < HMM_SVM_MAX_SPARES) {
		list_add(&m->spare, &sdev->spares);
		sdev->nr_spares++;
		m = NULL;
	}
	spin_unlock(&sdev->spares_lock);
	kvfree(m);
}

/* One to begin with, so that eviction never waits for memory first. */
int hmm_svm_migrations_init(struct hmm_svm_device *sdev)
{
	struct hmm_svm_migration *m = kvmalloc_obj(*m);

	if (!m)
		return -ENOMEM;
	hmm_svm_migration_put(sdev, m);
	return 0;
}

void hmm_svm_migrations_free(struct hmm_svm_device *sdev)
{
	struct hmm_svm_migration *m, *next;

	list_for_each_entry_safe(m, next, &sdev->spares, spare)
		kvfree(m);
}

static unsigned long dst_pfn(const struct hmm_svm_migration *m, unsigned int i)
{
	return m->dst[i] >> MIGRATE_PFN_SHIFT;
}

static unsigned long src_pfn(const struct hmm_svm_migration *m, unsigned int i)
{
	return m->src[i] & MIGRATE_PFN_VALID ? m->src[i] >> MIGRATE_PFN_SHIFT : NO_PFN;
}

static void add_extent(struct hmm_svm_migration *m, u64 dst, u64 src, u32 size, u32 flags,
		       size_t limit)
{
	struct hmm_svm_extent *last = m->nr_extents ? &m->extents[m->nr_extents - 1] : NULL;

	if (last && last->flags == flags && last->dst + last->size == dst &&
	    ((flags & HMM_SVM_EXTENT_CLEAR) || last->src + last->size == src) &&
	    last->size + size <= limit) {
		last->size += size;
		return;
	}
	m->extents[m->nr_extents++] = (struct hmm_svm_extent) {
		.dst = dst,
		.src = src,
		.size = size,
		.flags = flags,
	};
}

/* With physical addresses for the side in system memory. */
static void collect_extents(struct hmm_svm_device *sdev, struct hmm_svm_migration *m,
			    bool to_dev)
{
	unsigned int i;

	m->total = 0;
	m->nr_extents = 0;
	for (i = 0; i < m->npages; i++) {
		unsigned long src = src_pfn(m, i), dst = dst_pfn(m, i);
		u32 size = PAGE_SIZE;

		if (!m->dst[i])
			continue;
		if (m->dst[i] & MIGRATE_PFN_COMPOUND)
			size = HMM_SVM_BLOCK_SIZE;
		if (src != NO_PFN)
			m->total += size;

		if (src == NO_PFN)
			add_extent(m, PFN_PHYS(dst - sdev->first_pfn), 0, size,
				   HMM_SVM_EXTENT_DST_DEV | HMM_SVM_EXTENT_CLEAR,
				   HMM_SVM_BLOCK_SIZE);
		else if (to_dev)
			add_extent(m, PFN_PHYS(dst - sdev->first_pfn), PFN_PHYS(src), size,
				   HMM_SVM_EXTENT_DST_DEV, sdev->max_mapping);
		else
			add_extent(m, PFN_PHYS(dst), PFN_PHYS(src - sdev->first_pfn), size,
				   HMM_SVM_EXTENT_SRC_DEV, sdev->max_mapping);
		if (size > PAGE_SIZE)
			break;
	}
}

static u64 *sys_address(struct hmm_svm_extent *e, bool to_dev)
{
	return to_dev ? &e->src : &e->dst;
}

static enum dma_data_direction direction(bool to_dev)
{
	return to_dev ? DMA_TO_DEVICE : DMA_FROM_DEVICE;
}

static void unmap_extents(struct hmm_svm_device *sdev, struct hmm_svm_migration *m, size_t total,
			  bool to_dev)
{
	unsigned int i;

	if (dma_use_iova(&m->iova)) {
		dma_iova_destroy(sdev->dev, &m->iova, total, direction(to_dev), 0);
		return;
	}
	for (i = 0; i < m->nr_extents; i++) {
		struct hmm_svm_extent *e = &m->extents[i];

		if (!(e->flags & HMM_SVM_EXTENT_CLEAR))
			dma_unmap_page(sdev->dev, *sys_address(e, to_dev), e->size,
				       direction(to_dev));
	}
}

/* Makes the pieces one range of IO addresses, and neighbours one extent. */
static int link_extents(struct hmm_svm_device *sdev, struct hmm_svm_migration *m, bool to_dev)
{
	unsigned int i, n = m->nr_extents;
	size_t linked = 0;
	int ret = 0;

	m->nr_extents = 0;
	for (i = 0; i < n; i++) {
		struct hmm_svm_extent e = m->extents[i];

		if (!(e.flags & HMM_SVM_EXTENT_CLEAR)) {
			ret = dma_iova_link(sdev->dev, &m->iova, *sys_address(&e, to_dev), linked,
					    e.size, direction(to_dev), 0);
			if (ret)
				break;
			*sys_address(&e, to_dev) = m->iova.addr + linked;
			linked += e.size;
		}
		add_extent(m, e.dst, e.src, e.size, e.flags, HMM_SVM_BLOCK_SIZE);
	}
	if (!ret)
		ret = dma_iova_sync(sdev->dev, &m->iova, 0, linked);
	if (ret)
		unmap_extents(sdev, m, linked, to_dev);
	return ret;
}

/* Return: 0, or -ENOMEM and nothing is mapped. */
static int map_extents(struct hmm_svm_device *sdev, struct hmm_svm_migration *m, bool to_dev)
{
	unsigned int i;

	m->iova = (struct dma_iova_state) {};
	if (m->total && dma_iova_try_alloc(sdev->dev, &m->iova, 0, m->total))
		return link_extents(sdev, m, to_dev) ? -ENOMEM : 0;

	for (i = 0; i < m->nr_extents; i++) {
		struct hmm_svm_extent *e = &m->extents[i];
		u64 *addr = sys_address(e, to_dev);
		dma_addr_t dma;

		if (e->flags & HMM_SVM_EXTENT_CLEAR)
			continue;
		dma = dma_map_page(sdev->dev, pfn_to_page(PHYS_PFN(*addr)), 0, e->size,
				   direction(to_dev));
		if (dma_mapping_error(sdev->dev, dma)) {
			m->nr_extents = i;
			unmap_extents(sdev, m, 0, to_dev);
			return -ENOMEM;
		}
		*addr = dma;
	}
	return 0;
}

/**
 * hmm_svm_transfer() - Copy or clear every page that has a destination
 * @sdev: device
 * @m: migration between its setup and migrate_*_pages()
 * @to_dev: direction
 *
 * Return: 0, or an error, and then nothing may be taken as copied.
 */
int hmm_svm_transfer(struct hmm_svm_device *sdev, struct hmm_svm_migration *m, bool to_dev)
{
	int ret = -ENODEV;

	collect_extents(sdev, m, to_dev);
	if (!m->nr_extents)
		return 0;

	down_read(&sdev->copy_lock);
	if (sdev->ops)
		ret = map_extents(sdev, m, to_dev);
	if (!ret) {
		ret = sdev->ops->copy(sdev, m->extents, m->nr_extents);
		unmap_extents(sdev, m, m->total, to_dev);
	}
	up_read(&sdev->copy_lock);
	return ret;
}

/**
 * hmm_svm_transfer_begin() - The first half of hmm_svm_transfer()
 * @sdev: device that can (&hmm_svm_device.halves)
 * @m: as there
 * @to_dev: direction
 *
 * Waits for nothing. Whoever removes the device waits for the second half.
 *
 * Return: 0: hmm_svm_transfer_end() has to follow; -EAGAIN: not now; or an error.
 */
int hmm_svm_transfer_begin(struct hmm_svm_device *sdev, struct hmm_svm_migration *m, bool to_dev)
{
	int ret = -ENODEV;

	m->ops = NULL;
	collect_extents(sdev, m, to_dev);
	if (!m->nr_extents)
		return 0;

	if (!down_read_trylock(&sdev->copy_lock))
		return -EAGAIN;
	if (sdev->ops)
		ret = map_extents(sdev, m, to_dev);
	if (!ret) {
		ret = sdev->ops->copy_begin(sdev, m->extents, m->nr_extents);
		if (ret < 0)
			unmap_extents(sdev, m, m->total, to_dev);
	}
	if (ret >= 0) {
		m->ops = sdev->ops;
		m->ticket = ret;
		atomic_inc(&sdev->nr_halves);
		ret = 0;
	}
	up_read(&sdev->copy_lock);
	return ret;
}

/**
 * hmm_svm_transfer_end() - The second half of hmm_svm_transfer()
 * @sdev: as for the first
 * @m: as for the first
 * @to_dev: as for the first
 *
 * Return: 0, or an error, and then nothing may be taken as copied.
 */
int hmm_svm_transfer_end(struct hmm_svm_device *sdev, struct hmm_svm_migration *m, bool to_dev)
{
	int ret;

	if (!m->ops)
		return 0;
	ret = m->ops->copy_end(sdev, m->ticket);
	unmap_extents(sdev, m, m->total, to_dev);
	if (atomic_dec_and_test(&sdev->nr_halves))
		wake_up_var(&sdev->nr_halves);
	return ret;
}

/**
 * hmm_svm_copy_to_dev() - Copy without a migration
 * @sdev: device
 * @extents: what to copy, with DMA addresses
 * @n: number of them, at most HMM_SVM_BLOCK_PAGES
 *
 * Return: 0, or the copy engine's error.
 */
int hmm_svm_copy_to_dev(struct hmm_svm_device *sdev, const struct hmm_svm_extent *extents,
			unsigned int n)
{
	int ret = -ENODEV;

	down_read(&sdev->copy_lock);
	if (sdev->ops)
		ret = sdev->ops->copy(sdev, extents, n);
	up_read(&sdev->copy_lock);
	return ret;
}
