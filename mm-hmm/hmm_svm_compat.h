/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The differences between the kernel versions that hmm_svm supports: 6.12
 * (Debian 13) and 7.3 onwards.  No other file asks for a version.
 */
#ifndef _HMM_SVM_COMPAT_H
#define _HMM_SVM_COMPAT_H

#include <linux/dma-mapping.h>
#include <linux/memremap.h>
#include <linux/mmu_notifier.h>
#include <linux/slab.h>
#include <linux/version.h>

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 12, 0)
#error "hmm_svm needs Linux 6.12 or later"
#endif

/*
 * Debian's 6.12 is built without: memory is then mapped where it is, and the
 * device's own is the driver's alone.
 */
#define HMM_SVM_CAN_MIGRATE	IS_ENABLED(CONFIG_DEVICE_PRIVATE)

#if LINUX_VERSION_CODE >= KERNEL_VERSION(7, 3, 0)

/* Interval notifiers have a second pass, which waits for all flushes at once. */
#define HMM_SVM_TWO_PASS_NOTIFIER	1

/* The device keeps its mappings while the CPU uses the memory: never bounce. */
#define HMM_SVM_DMA_ATTRS	(DMA_ATTR_SKIP_CPU_SYNC | DMA_ATTR_REQUIRE_COHERENT)

/* dev_pagemap_ops that call void NAME(struct folio *) for a free page. */
#define HMM_SVM_PAGEMAP_FREE(name)	.folio_free = name

#define HMM_SVM_PAGEMAP_FREE_WRAPPER(name)

static inline void hmm_svm_page_init(struct page *page, struct dev_pagemap *pgmap)
{
	zone_device_page_init(page, pgmap, 0);
}

static inline struct dev_pagemap *hmm_svm_page_pgmap(const struct page *page)
{
	return page_pgmap(page);
}

#else

#define HMM_SVM_DMA_ATTRS	DMA_ATTR_SKIP_CPU_SYNC

#define HMM_SVM_PAGEMAP_FREE(name)	.page_free = name##_page

#define HMM_SVM_PAGEMAP_FREE_WRAPPER(name)			\
	static void name##_page(struct page *page)		\
	{							\
		name(page_folio(page));				\
	}

/* Late 6.12 kernels have these. */
#ifndef kzalloc_obj
#define kzalloc_obj(obj)	kzalloc(sizeof(obj), GFP_KERNEL)
#define kvzalloc_obj(obj)	kvzalloc(sizeof(obj), GFP_KERNEL)
#endif

static inline void hmm_svm_page_init(struct page *page, struct dev_pagemap *pgmap)
{
	zone_device_page_init(page);
}

static inline struct dev_pagemap *hmm_svm_page_pgmap(const struct page *page)
{
	return page->pgmap;
}

#endif

#endif /* _HMM_SVM_COMPAT_H */
