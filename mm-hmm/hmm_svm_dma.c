// SPDX-License-Identifier: GPL-2.0
/*
 * DMA mappings: how the device reaches the pages of a block that stay in system
 * memory.
 *
 * A block has one map of core mm's hmm_dma_map API: with an IOMMU it is one
 * piece of I/O virtual addresses as large and as aligned as the block, into
 * which pages are linked, without one it is a list of addresses, or nothing at all where
 * the address is computed. A block of which the CPU maps all pages as one is
 * one entry of the map, else each page is.
 *
 * Entry i belongs to whoever holds hmm_svm_block.migrate while the page is neither mapped
 * nor stale, so a fault maps it without a lock; and to hmm_svm_block.state
 * while it is one of them. Ending a mapping happens under that spinlock, also in
 * notifiers: as any dma_unmap_*(), it never sleeps, and that includes the
 * IOTLB flush of dma_iova_unlink(). Only making the map sleeps.
 */
#include <linux/dma-mapping.h>
#include <linux/hmm.h>
#include <linux/mm.h>

#include "hmm_svm_internal.h"

static struct device *dma_dev(const struct hmm_svm_block *block)
{
	return block->notifier->svm->sdev->dev;
}

/*
 * Makes the map of a block that has none. Called by hmm_svm_dma_map(), and
 * before it by who must not wait for memory then.
 */
int hmm_svm_dma_prepare(struct hmm_svm_block *block)
{
	struct hmm_dma_map map = {};
	int ret;

	lockdep_assert_held(&block->migrate);

	if (block->dma.pfn_list)
		return 0;
	ret = hmm_dma_map_alloc(dma_dev(block), &map, HMM_SVM_BLOCK_PAGES, PAGE_SIZE);
	if (ret)
		return ret;
	spin_lock(&block->state);
	block->dma = map;
	spin_unlock(&block->state);
	return 0;
}

void hmm_svm_dma_free(struct hmm_svm_block *block)
{
	if (block->dma.pfn_list)
		hmm_dma_map_free(dma_dev(block), &block->dma);
}

static int map_entry(struct hmm_svm_block *block, unsigned int i, unsigned long pfn,
		     dma_addr_t *addr)
{
	block->dma.pfn_list[i] = pfn | HMM_PFN_VALID;
	*addr = hmm_svm_dma_map_pfn(dma_dev(block), &block->dma, i);
	if (!dma_mapping_error(dma_dev(block), *addr))
		return 0;
	/* Memory of another device may be out of reach of this one. */
	return is_zone_device_page(pfn_to_page(pfn)) ? -EFAULT : -ENOMEM;
}

/* Maps page @i of the block, which is @pfn. */
int hmm_svm_dma_map(struct hmm_svm_block *block, unsigned int i, unsigned long pfn,
		    dma_addr_t *addr)
{
	int ret = hmm_svm_dma_prepare(block);

	return ret ?: map_entry(block, i, pfn, addr);
}

/* Maps the whole block, no page of which is mapped or stale, from @pfn on. */
int hmm_svm_dma_map_whole(struct hmm_svm_block *block, unsigned long pfn, dma_addr_t *addr)
{
	int ret = hmm_svm_dma_prepare(block);

	if (ret)
		return ret;
	block->dma.dma_entry_size = HMM_SVM_BLOCK_SIZE;
	ret = map_entry(block, 0, pfn, addr);
	if (ret)
		block->dma.dma_entry_size = PAGE_SIZE;
	return ret;
}

/* The address of page @i, which is mapped; under state. */
dma_addr_t hmm_svm_dma_addr(struct hmm_svm_block *block, unsigned int i)
{
	lockdep_assert_held(&block->state);

	if (block->whole)
		return hmm_svm_dma_map_pfn(dma_dev(block), &block->dma, 0) +
		       ((dma_addr_t)i << PAGE_SHIFT);
	return hmm_svm_dma_map_pfn(dma_dev(block), &block->dma, i);
}

/* The page that the device reaches as page @i of the block. */
struct page *hmm_svm_dma_page(const struct hmm_svm_block *block, unsigned int i)
{
	return hmm_pfn_to_page(block->dma.pfn_list[block->whole ? 0 : i]);
}

void hmm_svm_dma_unmap_whole(struct hmm_svm_block *block)
{
	hmm_dma_unmap_pfn(dma_dev(block), &block->dma, 0);
	block->dma.dma_entry_size = PAGE_SIZE;
}

void hmm_svm_dma_unmap_page(struct hmm_svm_block *block, unsigned int i)
{
	hmm_dma_unmap_pfn(dma_dev(block), &block->dma, i);
}

/* Ends the mappings of @pages, in [@first, @last), some of which may have none. */
void hmm_svm_dma_unmap(struct hmm_svm_block *block, const unsigned long *pages,
		       unsigned int first, unsigned int last)
{
	unsigned int i;

	if (!dma_need_unmap(dma_dev(block)))
		return;
	for (i = find_next_bit(pages, last, first); i < last;
	     i = find_next_bit(pages, last, i + 1))
		hmm_dma_unmap_pfn(dma_dev(block), &block->dma, i);
}
