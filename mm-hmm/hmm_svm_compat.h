/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The differences between the kernel versions that hmm_svm supports: 6.12
 * (Debian 13) and 7.3 onwards.  No other file asks for a version.
 */
#ifndef _HMM_SVM_COMPAT_H
#define _HMM_SVM_COMPAT_H

#include <linux/dma-mapping.h>
#include <linux/err.h>
#include <linux/hmm.h>
#include <linux/memremap.h>
#include <linux/migrate.h>
#include <linux/mm.h>
#include <linux/mmu_notifier.h>
#include <linux/rmap.h>
#include <linux/slab.h>
#include <linux/version.h>

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 12, 0)
#error "hmm_svm needs Linux 6.12 or later"
#endif

#ifndef kzalloc_obj
#error "a 6.12 kernel must have kzalloc_obj(), as Debian's has"
#endif

/*
 * A kernel may be built without, as Debian's 6.12 is: memory is then mapped where it is, and the
 * device's own is the driver's alone.
 */
#define HMM_SVM_CAN_MIGRATE	IS_ENABLED(CONFIG_DEVICE_PRIVATE)

#if LINUX_VERSION_CODE >= KERNEL_VERSION(7, 3, 0)

#include <linux/hmm-dma.h>
#include <linux/pci-p2pdma.h>

static inline dma_addr_t hmm_svm_dma_map_pfn(struct device *dev, struct hmm_dma_map *map,
					     size_t i)
{
	struct pci_p2pdma_map_state p2pdma = {};

	return hmm_dma_map_pfn(dev, map, i, &p2pdma);
}

#ifdef CONFIG_DEVICE_PRIVATE
/* Returns with the folio locked and referenced. */
static inline struct page *hmm_svm_exclusive_page(struct mm_struct *mm, unsigned long addr,
						  void *owner, struct folio **folio)
{
	return make_device_exclusive(mm, addr, owner, folio);
}
#endif

/* Interval notifiers have a second pass, which waits for all flushes at once. */
#define HMM_SVM_TWO_PASS_NOTIFIER	1

/* The device keeps its mappings while the CPU uses the memory: never bounce. */
#define HMM_SVM_DMA_ATTRS	(DMA_ATTR_SKIP_CPU_SYNC | DMA_ATTR_REQUIRE_COHERENT)

/* dev_pagemap_ops that call void NAME(struct folio *) for a free page. */
#define HMM_SVM_PAGEMAP_FREE(name)	.folio_free = name

#define HMM_SVM_PAGEMAP_FREE_WRAPPER(name)

/* Core mm moves large folios to and from device-private memory as such. */
#define HMM_SVM_LARGE_FOLIOS	IS_ENABLED(CONFIG_ARCH_HAS_PMD_SOFTLEAVES)

static inline bool hmm_svm_vma_thp_disabled(struct vm_area_struct *vma)
{
	return vma_thp_disabled(vma, vma->vm_flags, false);
}

static inline struct folio *hmm_svm_vma_alloc_folio(gfp_t gfp, int order,
						    struct vm_area_struct *vma, unsigned long addr)
{
	return vma_alloc_folio(gfp, order, vma, addr);
}

static inline void hmm_svm_page_init(struct page *page, struct dev_pagemap *pgmap)
{
	zone_device_page_init(page, pgmap, 0);
}

/* Not zone_device_folio_init(): @page may have the state of a folio that is gone. */
static inline void hmm_svm_folio_init(struct page *page, struct dev_pagemap *pgmap,
				      unsigned int order)
{
	zone_device_page_init(page, pgmap, order);
	folio_set_large_rmappable(page_folio(page));
}

static inline void hmm_svm_migrate_device_pfns(unsigned long *pfns, unsigned int npages)
{
	migrate_device_pfns(pfns, npages);
}

static inline unsigned long hmm_svm_alloc_pages_bulk(gfp_t gfp, unsigned long n,
						     struct page **pages)
{
	return alloc_pages_bulk(gfp, n, pages);
}

/*
 * hmm_range_fault(), which as of 7.3 counts from the first page of a large
 * device-private folio also when the range begins behind it.
 */
static inline int hmm_svm_range_fault(struct hmm_range *range)
{
	unsigned long *pfns = range->hmm_pfns, mask = HPAGE_PMD_NR - 1;
	unsigned long first = PHYS_PFN(range->start), n = PHYS_PFN(range->end) - first;
	unsigned long i;
	int ret;

	ret = hmm_range_fault(range);
	if (ret || !(first & mask) || !(pfns[0] & HMM_PFN_VALID) ||
	    hmm_pfn_to_map_order(pfns[0]) < HPAGE_PMD_ORDER ||
	    !is_device_private_page(hmm_pfn_to_page(pfns[0])))
		return ret;
	for (i = 0; i < n && (!i || ((first + i) & mask)); i++)
		pfns[i] = (pfns[i] & ~mask) | ((first + i) & mask);
	return 0;
}

static inline struct dev_pagemap *hmm_svm_page_pgmap(const struct page *page)
{
	return page_pgmap(page);
}

#else

/* What <linux/hmm-dma.h> has, page by page. */
struct hmm_dma_map {
	unsigned long *pfn_list;
	dma_addr_t *dma_list;
	size_t dma_entry_size;
};

#define HMM_PFN_DMA_MAPPED	(1UL << (BITS_PER_LONG - 4))

static inline int hmm_dma_map_alloc(struct device *dev, struct hmm_dma_map *map,
				    size_t nr_entries, size_t dma_entry_size)
{
	map->dma_entry_size = dma_entry_size;
	map->pfn_list = kcalloc(nr_entries, sizeof(*map->pfn_list), GFP_KERNEL);
	map->dma_list = kzalloc_objs(*map->dma_list, nr_entries);
	if (map->pfn_list && map->dma_list)
		return 0;
	kfree(map->pfn_list);
	kfree(map->dma_list);
	return -ENOMEM;
}

static inline void hmm_dma_map_free(struct device *dev, struct hmm_dma_map *map)
{
	kfree(map->pfn_list);
	kfree(map->dma_list);
}

static inline dma_addr_t hmm_svm_dma_map_pfn(struct device *dev, struct hmm_dma_map *map,
					     size_t i)
{
	struct page *page = hmm_pfn_to_page(map->pfn_list[i]);

	if (map->pfn_list[i] & HMM_PFN_DMA_MAPPED)
		return map->dma_list[i];
	if (is_pci_p2pdma_page(page))
		return DMA_MAPPING_ERROR;
	map->dma_list[i] = dma_map_page_attrs(dev, page, 0, map->dma_entry_size,
					      DMA_BIDIRECTIONAL, DMA_ATTR_SKIP_CPU_SYNC);
	if (!dma_mapping_error(dev, map->dma_list[i]))
		map->pfn_list[i] |= HMM_PFN_DMA_MAPPED;
	return map->dma_list[i];
}

static inline bool hmm_dma_unmap_pfn(struct device *dev, struct hmm_dma_map *map, size_t i)
{
	if (!(map->pfn_list[i] & HMM_PFN_DMA_MAPPED))
		return false;
	dma_unmap_page_attrs(dev, map->dma_list[i], map->dma_entry_size, DMA_BIDIRECTIONAL,
			     DMA_ATTR_SKIP_CPU_SYNC);
	map->pfn_list[i] &= ~HMM_PFN_DMA_MAPPED;
	return true;
}

#ifdef CONFIG_DEVICE_PRIVATE
static inline struct page *hmm_svm_exclusive_page(struct mm_struct *mm, unsigned long addr,
						  void *owner, struct folio **folio)
{
	struct page *page = NULL;
	int n = make_device_exclusive_range(mm, addr, addr + PAGE_SIZE, &page, owner);

	if (n < 0)
		return ERR_PTR(n);
	/* Somebody else had it locked, or it can never be. */
	if (!page)
		return ERR_PTR(vma_is_anonymous(vma_lookup(mm, addr)) ? -EBUSY : -EOPNOTSUPP);
	*folio = page_folio(page);
	return page;
}
#endif

static inline bool dma_need_unmap(struct device *dev)
{
	return true;
}

#define HMM_SVM_DMA_ATTRS	DMA_ATTR_SKIP_CPU_SYNC

#define HMM_SVM_PAGEMAP_FREE(name)	.page_free = name##_page

#define HMM_SVM_PAGEMAP_FREE_WRAPPER(name)			\
	static void name##_page(struct page *page)		\
	{							\
		name(page_folio(page));				\
	}

#define FOLIO_MAPPING_ANON		PAGE_MAPPING_ANON
#define FOLIO_MAPPING_FLAGS		PAGE_MAPPING_FLAGS

#define HMM_SVM_LARGE_FOLIOS		0
#define MIGRATE_VMA_SELECT_COMPOUND	0
#define MIGRATE_PFN_COMPOUND		0

static inline bool hmm_svm_vma_thp_disabled(struct vm_area_struct *vma)
{
	return true;
}

static inline struct folio *hmm_svm_vma_alloc_folio(gfp_t gfp, int order,
						    struct vm_area_struct *vma, unsigned long addr)
{
	return vma_alloc_folio(gfp, order, vma, addr, true);
}

static inline void hmm_svm_page_init(struct page *page, struct dev_pagemap *pgmap)
{
	zone_device_page_init(page);
}

static inline void hmm_svm_folio_init(struct page *page, struct dev_pagemap *pgmap,
				      unsigned int order)
{
	BUILD_BUG();
}

static inline int hmm_svm_range_fault(struct hmm_range *range)
{
	return hmm_range_fault(range);
}

static inline unsigned long hmm_svm_alloc_pages_bulk(gfp_t gfp, unsigned long n,
						     struct page **pages)
{
	return alloc_pages_bulk_array(gfp, n, pages);
}

/* In runs of neighbours. */
static inline void hmm_svm_migrate_device_pfns(unsigned long *pfns, unsigned int npages)
{
	unsigned int i, n;

	for (i = 0; i < npages; i += n) {
		for (n = 1; i + n < npages && pfns[i + n] == pfns[i] + n; n++)
			;
		migrate_device_range(&pfns[i], pfns[i], n);
	}
}

/* One range of DMA addresses for many pieces. */
struct dma_iova_state {
	dma_addr_t addr;
};

static inline bool dma_use_iova(struct dma_iova_state *state)
{
	return false;
}

static inline bool dma_iova_try_alloc(struct device *dev, struct dma_iova_state *state,
				      phys_addr_t phys, size_t size)
{
	return false;
}

static inline int dma_iova_link(struct device *dev, struct dma_iova_state *state,
				phys_addr_t phys, size_t offset, size_t size,
				enum dma_data_direction dir, unsigned long attrs)
{
	return -EOPNOTSUPP;
}

static inline int dma_iova_sync(struct device *dev, struct dma_iova_state *state,
				size_t offset, size_t size)
{
	return -EOPNOTSUPP;
}

static inline void dma_iova_destroy(struct device *dev, struct dma_iova_state *state,
				    size_t size, enum dma_data_direction dir,
				    unsigned long attrs)
{
}

static inline struct dev_pagemap *hmm_svm_page_pgmap(const struct page *page)
{
	return page->pgmap;
}

#endif

#ifndef CONFIG_DEVICE_PRIVATE
static inline struct page *hmm_svm_exclusive_page(struct mm_struct *mm, unsigned long addr,
						  void *owner, struct folio **folio)
{
	return ERR_PTR(-EOPNOTSUPP);
}
#endif

#endif /* _HMM_SVM_COMPAT_H */
