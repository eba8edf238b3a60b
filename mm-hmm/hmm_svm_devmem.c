// SPDX-License-Identifier: GPL-2.0
/*
 * Device memory: one owner for all of it, in chunks of HMM_SVM_BLOCK_SIZE.
 *
 * A chunk is free, or the driver's, or holds migrated pages, each of which is
 * a ZONE_DEVICE page that core mm frees when it likes (hmm_svm_folio_free()).
 * A chunk becomes free with its last page; pages that a block no longer knows,
 * say after mremap() or of a forked child, keep it until they are evicted.
 */
#include <linux/memremap.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/slab.h>

#include "hmm_svm_internal.h"

struct hmm_svm_chunk *hmm_svm_chunk_of(struct page *page)
{
	struct hmm_svm_device *sdev = container_of(hmm_svm_page_pgmap(page),
						   struct hmm_svm_device, pgmap);

	return &sdev->chunks[(page_to_pfn(page) - sdev->first_pfn) / HMM_SVM_BLOCK_PAGES];
}

unsigned long hmm_svm_chunk_pfn(const struct hmm_svm_chunk *chunk)
{
	return chunk->sdev->first_pfn + (chunk - chunk->sdev->chunks) * HMM_SVM_BLOCK_PAGES;
}

/* What the device calls the page. */
u64 hmm_svm_page_offset(const struct hmm_svm_device *sdev, struct page *page)
{
	return (u64)(page_to_pfn(page) - sdev->first_pfn) << PAGE_SHIFT;
}

/* Parts a chunk that has no page and its block. Under hmm_svm_device.lock. */
static void unuse_locked(struct hmm_svm_chunk *chunk, enum hmm_svm_chunk_state state)
{
	lockdep_assert_held(&chunk->sdev->lock);

	if (chunk->block)
		chunk->block->chunk = NULL;
	chunk->block = NULL;
	hmm_svm_counters_put(chunk->counters);
	chunk->counters = NULL;
	chunk->state = state;
	if (state == HMM_SVM_CHUNK_FREE)
		list_move(&chunk->link, &chunk->sdev->free);
	else
		list_del_init(&chunk->link);
}

/* Core mm dropped the last reference. */
static void hmm_svm_folio_free(struct folio *folio)
{
	struct hmm_svm_chunk *chunk = hmm_svm_chunk_of(folio_page(folio, 0));
	struct hmm_svm_device *sdev = chunk->sdev;
	unsigned int nr = folio_nr_pages(folio);
	unsigned long flags;

	spin_lock_irqsave(&sdev->lock, flags);
	bitmap_clear(chunk->used, folio_pfn(folio) - hmm_svm_chunk_pfn(chunk), nr);
	chunk->nr_used -= nr;
	sdev->nr_used -= nr;
	if (!chunk->nr_used && !chunk->pins && chunk->state == HMM_SVM_CHUNK_USED)
		unuse_locked(chunk, HMM_SVM_CHUNK_FREE);
	if (!sdev->nr_used && sdev->orphaned)
		queue_work(hmm_svm_workqueue(), &sdev->teardown);
	spin_unlock_irqrestore(&sdev->lock, flags);
}

HMM_SVM_PAGEMAP_FREE_WRAPPER(hmm_svm_folio_free)

const struct dev_pagemap_ops hmm_svm_pagemap_ops = {
	HMM_SVM_PAGEMAP_FREE(hmm_svm_folio_free),
	.migrate_to_ram = hmm_svm_migrate_to_ram,
};

/* A free chunk, which nobody else then knows; or NULL. */
struct hmm_svm_chunk *hmm_svm_chunk_take_free(struct hmm_svm_device *sdev)
{
	struct hmm_svm_chunk *chunk;
	unsigned long flags;

	spin_lock_irqsave(&sdev->lock, flags);
	chunk = list_first_entry_or_null(&sdev->free, struct hmm_svm_chunk, link);
	if (chunk) {
		list_del_init(&chunk->link);
		chunk->state = HMM_SVM_CHUNK_TAKEN;
	}
	spin_unlock_irqrestore(&sdev->lock, flags);
	return chunk;
}

/*
 * The least recently used chunk that no fault is filling, for eviction, with a
 * reference to the block it backs, if any; or NULL.
 */
struct hmm_svm_chunk *hmm_svm_chunk_take_victim(struct hmm_svm_device *sdev,
						struct hmm_svm_block **block)
{
	struct hmm_svm_chunk *chunk, *victim = NULL;
	unsigned long flags;

	*block = NULL;
	spin_lock_irqsave(&sdev->lock, flags);
	list_for_each_entry(chunk, &sdev->lru, link) {
		if (chunk->pins)
			continue;
		victim = chunk;
		list_del_init(&chunk->link);
		chunk->state = HMM_SVM_CHUNK_EVICTING;
		if (chunk->block && kref_get_unless_zero(&chunk->block->ref))
			*block = chunk->block;
		break;
	}
	spin_unlock_irqrestore(&sdev->lock, flags);
	return victim;
}

/* After an eviction. True: the chunk is the caller's; else pages are left. */
bool hmm_svm_chunk_end_eviction(struct hmm_svm_chunk *chunk)
{
	struct hmm_svm_device *sdev = chunk->sdev;
	unsigned long flags;
	bool empty;

	spin_lock_irqsave(&sdev->lock, flags);
	empty = !chunk->nr_used;
	if (empty) {
		unuse_locked(chunk, HMM_SVM_CHUNK_TAKEN);
	} else {
		chunk->state = HMM_SVM_CHUNK_USED;
		list_add_tail(&chunk->link, &sdev->lru);
	}
	spin_unlock_irqrestore(&sdev->lock, flags);
	return empty;
}

/* Gives a chunk back that was taken. */
void hmm_svm_chunk_put_free(struct hmm_svm_chunk *chunk)
{
	struct hmm_svm_device *sdev = chunk->sdev;
	unsigned long flags;

	spin_lock_irqsave(&sdev->lock, flags);
	chunk->state = HMM_SVM_CHUNK_FREE;
	list_add(&chunk->link, &sdev->free);
	spin_unlock_irqrestore(&sdev->lock, flags);
}

/* The block's own chunk; NULL with @evicting when that is being evicted. */
static struct hmm_svm_chunk *pin_own(struct hmm_svm_block *block, bool *evicting)
{
	struct hmm_svm_device *sdev = block->notifier->svm->sdev;
	struct hmm_svm_chunk *chunk;
	unsigned long flags;

	spin_lock_irqsave(&sdev->lock, flags);
	chunk = block->chunk;
	*evicting = chunk && chunk->state == HMM_SVM_CHUNK_EVICTING;
	if (*evicting)
		chunk = NULL;
	if (chunk) {
		chunk->pins++;
		list_move_tail(&chunk->link, &sdev->lru);
	}
	spin_unlock_irqrestore(&sdev->lock, flags);
	return chunk;
}

/**
 * hmm_svm_chunk_pin() - Device memory for a block
 * @block: block
 *
 * The chunk that backs the block, which is not evicted before
 * hmm_svm_chunk_unpin(). Evicts another one when none is free.
 *
 * Return: the chunk, or NULL: there is none for now.
 */
struct hmm_svm_chunk *hmm_svm_chunk_pin(struct hmm_svm_block *block)
{
	struct hmm_svm *svm = block->notifier->svm;
	struct hmm_svm_device *sdev = svm->sdev;
	struct hmm_svm_chunk *chunk;
	unsigned long flags;
	bool evicting;

	lockdep_assert_held(&block->migrate);

	chunk = pin_own(block, &evicting);
	if (chunk || evicting)
		return chunk;

	chunk = hmm_svm_chunk_take_free(sdev);
	if (!chunk)
		chunk = hmm_svm_evict(sdev);
	if (!chunk)
		return NULL;

	kref_get(&svm->counters->ref);
	spin_lock_irqsave(&sdev->lock, flags);
	chunk->state = HMM_SVM_CHUNK_USED;
	chunk->pins = 1;
	chunk->block = block;
	chunk->counters = svm->counters;
	block->chunk = chunk;
	list_add_tail(&chunk->link, &sdev->lru);
	spin_unlock_irqrestore(&sdev->lock, flags);
	return chunk;
}

void hmm_svm_chunk_unpin(struct hmm_svm_chunk *chunk)
{
	unsigned long flags;

	spin_lock_irqsave(&chunk->sdev->lock, flags);
	if (!--chunk->pins && !chunk->nr_used)
		unuse_locked(chunk, HMM_SVM_CHUNK_FREE);
	spin_unlock_irqrestore(&chunk->sdev->lock, flags);
}

/*
 * Takes @pages of a pinned chunk, and clears in @pages what is still in use
 * (say, by a forked child).
 */
void hmm_svm_chunk_reserve(struct hmm_svm_chunk *chunk, unsigned long *pages)
{
	unsigned long flags;
	unsigned int n;

	spin_lock_irqsave(&chunk->sdev->lock, flags);
	bitmap_andnot(pages, pages, chunk->used, HMM_SVM_BLOCK_PAGES);
	bitmap_or(chunk->used, chunk->used, pages, HMM_SVM_BLOCK_PAGES);
	n = bitmap_weight(pages, HMM_SVM_BLOCK_PAGES);
	chunk->nr_used += n;
	chunk->sdev->nr_used += n;
	chunk->cpu_window = 0;
	if (n && chunk->block)
		hmm_svm_note_arrival(chunk->block);
	spin_unlock_irqrestore(&chunk->sdev->lock, flags);
}

/* Pages of the chunk moved to system memory. */
void hmm_svm_chunk_left(struct hmm_svm_chunk *chunk)
{
	unsigned long flags;

	spin_lock_irqsave(&chunk->sdev->lock, flags);
	hmm_svm_note_departure(chunk);
	spin_unlock_irqrestore(&chunk->sdev->lock, flags);
}

/* The device used what is in the block. */
void hmm_svm_chunk_touch(struct hmm_svm_block *block)
{
	struct hmm_svm_device *sdev = block->notifier->svm->sdev;
	unsigned long flags;

	spin_lock_irqsave(&sdev->lock, flags);
	if (block->chunk && block->chunk->state == HMM_SVM_CHUNK_USED)
		list_move_tail(&block->chunk->link, &sdev->lru);
	spin_unlock_irqrestore(&sdev->lock, flags);
}

/* The block goes; pages in its chunk stay until core mm frees them. */
void hmm_svm_chunk_detach(struct hmm_svm_block *block)
{
	struct hmm_svm_device *sdev = block->notifier->svm->sdev;
	unsigned long flags;

	spin_lock_irqsave(&sdev->lock, flags);
	if (block->chunk)
		block->chunk->block = NULL;
	block->chunk = NULL;
	spin_unlock_irqrestore(&sdev->lock, flags);
}

struct hmm_svm_chunk *hmm_svm_chunk_alloc(struct hmm_svm_device *sdev, u64 *offset)
{
	struct hmm_svm_chunk *chunk;
	unsigned long flags;
	unsigned int limit = sdev->nr_chunks;
	bool allowed;

	might_sleep();

	if (hmm_svm_has_pages(sdev))
		limit /= 2;

	spin_lock_irqsave(&sdev->lock, flags);
	allowed = sdev->nr_driver < limit;
	sdev->nr_driver += allowed;
	spin_unlock_irqrestore(&sdev->lock, flags);
	if (!allowed)
		return ERR_PTR(-ENOSPC);

	chunk = hmm_svm_chunk_take_free(sdev);
	if (!chunk)
		chunk = hmm_svm_evict(sdev);

	spin_lock_irqsave(&sdev->lock, flags);
	if (chunk)
		chunk->state = HMM_SVM_CHUNK_DRIVER;
	else
		sdev->nr_driver--;
	spin_unlock_irqrestore(&sdev->lock, flags);
	if (!chunk)
		return ERR_PTR(-ENOSPC);

	*offset = (u64)(chunk - sdev->chunks) << HMM_SVM_BLOCK_SHIFT;
	return chunk;
}
EXPORT_SYMBOL_GPL(hmm_svm_chunk_alloc);

void hmm_svm_chunk_free(struct hmm_svm_chunk *chunk)
{
	struct hmm_svm_device *sdev = chunk->sdev;
	unsigned long flags;

	spin_lock_irqsave(&sdev->lock, flags);
	sdev->nr_driver--;
	chunk->state = HMM_SVM_CHUNK_FREE;
	list_add(&chunk->link, &sdev->free);
	spin_unlock_irqrestore(&sdev->lock, flags);
}
EXPORT_SYMBOL_GPL(hmm_svm_chunk_free);
