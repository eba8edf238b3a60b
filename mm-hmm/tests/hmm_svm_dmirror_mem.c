// SPDX-License-Identifier: GPL-2.0
/*
 * The memory of the dmirror device, and the engine that copies to and from it:
 * memcpy().
 *
 * A coherent device has memory at a physical address. A private one has it
 * where no CPU could reach it, were this not software: in pages that are
 * taken from the system when they are written for the first time.
 */
#include <linux/dma-direct.h>
#include <linux/mm.h>
#include <linux/string.h>

#include "hmm_svm_dmirror.h"

int dmirror_memory_init(struct dmirror_device *ddev)
{
	if (ddev->base)
		return 0;
	ddev->pages = kvzalloc_objs(*ddev->pages, ddev->size >> PAGE_SHIFT);
	return ddev->pages ? 0 : -ENOMEM;
}

void dmirror_memory_fini(struct dmirror_device *ddev)
{
	u64 i;

	for (i = 0; ddev->pages && i < ddev->size >> PAGE_SHIFT; i++)
		if (ddev->pages[i])
			__free_page(ddev->pages[i]);
	kvfree(ddev->pages);
}

/**
 * dmirror_memory() - What the device finds at an address
 * @ddev: device
 * @addr: DMA address, or offset into the device's memory
 * @devmem: the latter
 *
 * Return: the same for us, up to the end of the page.
 */
void *dmirror_memory(struct dmirror_device *ddev, u64 addr, bool devmem)
{
	if (!devmem)
		return phys_to_virt(dma_to_phys(&ddev->pdev->dev, addr));
	if (ddev->base)
		return phys_to_virt(ddev->base + addr);
	return page_address(ddev->pages[addr >> PAGE_SHIFT]) + offset_in_page(addr);
}

/*
 * Before the first write. Somebody may wait for this copy in order to free
 * memory, so it must not wait for memory. Nobody else uses the page now.
 */
static int provide_page(struct dmirror_device *ddev, u64 offset)
{
	struct page **page;

	if (ddev->base)
		return 0;
	page = &ddev->pages[offset >> PAGE_SHIFT];
	if (!*page)
		*page = alloc_page(GFP_NOWAIT | __GFP_NOWARN);
	return *page ? 0 : -EIO;
}

static int copy_extent(struct dmirror_device *ddev, const struct hmm_svm_extent *e)
{
	bool to_dev = e->flags & HMM_SVM_EXTENT_DST_DEV;
	bool from_dev = e->flags & HMM_SVM_EXTENT_SRC_DEV;
	u32 done;
	void *dst;
	int ret;

	for (done = 0; done < e->size; done += PAGE_SIZE) {
		if (to_dev) {
			ret = provide_page(ddev, e->dst + done);
			if (ret)
				return ret;
		}
		dst = dmirror_memory(ddev, e->dst + done, to_dev);
		if (e->flags & HMM_SVM_EXTENT_CLEAR)
			clear_page(dst);
		else
			copy_page(dst, dmirror_memory(ddev, e->src + done, from_dev));
	}
	return 0;
}

static int dmirror_copy(struct hmm_svm_device *sdev, const struct hmm_svm_extent *extents,
			unsigned int count)
{
	struct dmirror_device *ddev = hmm_svm_device_priv(sdev);
	unsigned int i;
	int ret = 0;

	for (i = 0; i < count && !ret; i++)
		ret = copy_extent(ddev, &extents[i]);
	return ret;
}

const struct hmm_svm_device_ops dmirror_device_ops = {
	.copy = dmirror_copy,
};
