// SPDX-License-Identifier: GPL-2.0
/*
 * Device memory: one owner for all of it, in chunks of HMM_SVM_BLOCK_SIZE.
 *
 * A chunk is free, or the driver's, or holds migrated pages, each of which is
 * (a part of) a ZONE_DEVICE folio that core mm frees when it likes, see
 * hmm_svm_folio_free(), and read-only copies, which are no pages for core mm. A
 * chunk becomes free with its last page; pages that a block no longer knows,
 * say after mremap() or of a forked child, keep it until they are evicted.
 *
 * Core mm splits large folios by itself, with the state of each page as it
 * was; the books here are kept per page, so there is nothing to do then.
 */
#include <linux/memremap.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/wait.h>
#include <linux/wait_bit.h>

#include "hmm_svm_internal.h"

/* A buffer tries for a second to get a chunk while all are busy. */
#define HMM_SVM_ALLOC_TRIES	20
#define HMM_SVM_ALLOC_PAUSE	(HZ / 20)

/* The most chunks that are looked at for a cheap one to evict. */
#define HMM_SVM_VICTIMS		8U

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

static struct list_head *lru_of(struct hmm_svm_chunk *chunk)
{
	return chunk->block && chunk->block->keep ? &chunk->sdev->lru_keep : &chunk->sdev->lru;
}

/* Under hmm_svm_device.lock. */
static void put_free_locked(struct hmm_svm_chunk *chunk)
{
	struct hmm_svm_device *sdev = chunk->sdev;

	lockdep_assert_held(&sdev->lock);

	chunk->state = HMM_SVM_CHUNK_FREE;
	list_add(&chunk->link, &sdev->free);
	sdev->nr_free++;
	if (wq_has_sleeper(&sdev->chunk_wait))
		wake_up_all(&sdev->chunk_wait);
}

/* Parts a chunk that has no page and its block. Under both locks. */
static void unuse_locked(struct hmm_svm_chunk *chunk)
{
	lockdep_assert_held(&chunk->lock);
	lockdep_assert_held(&chunk->sdev->lock);

	if (chunk->block)
		chunk->block->chunk = NULL;
	chunk->block = NULL;
	hmm_svm_counters_put(chunk->counters);
	chunk->counters = NULL;
	list_del_init(&chunk->link);
}

/* Under the chunk's lock: pages were taken (+) or given back (-). */
static void add_used(struct hmm_svm_chunk *chunk, int n)
{
	struct hmm_svm_device *sdev = chunk->sdev;
	bool was_busy = chunk->nr_used;

	lockdep_assert_held(&chunk->lock);

	chunk->nr_used += n;
	VM_WARN_ON_ONCE(chunk->nr_used != bitmap_weight(chunk->used, HMM_SVM_BLOCK_PAGES));
	if (was_busy == !!chunk->nr_used)
		return;

	spin_lock(&sdev->lock);
	if (!was_busy) {
		sdev->nr_busy++;
	} else {
		sdev->nr_busy--;
		if (!chunk->pins && chunk->state == HMM_SVM_CHUNK_USED) {
			unuse_locked(chunk);
			put_free_locked(chunk);
		}
		if (!sdev->nr_busy && sdev->orphaned)
			queue_work(hmm_svm_workqueue(), &sdev->teardown);
	}
	spin_unlock(&sdev->lock);
}

/* Core mm dropped the last reference. */
static void hmm_svm_folio_free(struct folio *folio)
{
	struct hmm_svm_chunk *chunk = hmm_svm_chunk_of(folio_page(folio, 0));
	unsigned int first = folio_pfn(folio) - hmm_svm_chunk_pfn(chunk);
	unsigned int nr = folio_nr_pages(folio), n;
	unsigned long flags;

	spin_lock_irqsave(&chunk->lock, flags);
	/* What is freed most often, and as large as that, needs no counting. */
	n = nr == HMM_SVM_BLOCK_PAGES ? chunk->nr_used :
					hmm_svm_weight(chunk->used, first, first + nr);
	/* A page that is freed twice may be somebody else's the second time. */
	WARN_ON_ONCE(n != nr);
	if (chunk->lent == HMM_SVM_LENT && !first) {
		/* For hmm_svm_take_back(). */
		WRITE_ONCE(chunk->lent, HMM_SVM_LENT_FREED);
		/* Before wake_up_var() looks for who waits. */
		smp_mb();
		wake_up_var(&chunk->lent);
		first++;
		nr--;
		n--;
	}
	bitmap_clear(chunk->used, first, nr);
	add_used(chunk, -n);
	spin_unlock_irqrestore(&chunk->lock, flags);
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
		sdev->nr_free--;
	}
	spin_unlock_irqrestore(&sdev->lock, flags);
	return chunk;
}

/*
 * Whether evicting it costs little: it has few pages, or the device has nothing
 * of it mapped. A guess: the block's bits are read without its lock.
 */
static bool is_cheap(const struct hmm_svm_chunk *chunk)
{
	return READ_ONCE(chunk->nr_used) <= HMM_SVM_BLOCK_PAGES / 8 || !chunk->block ||
	       bitmap_empty(chunk->block->mapped, HMM_SVM_BLOCK_PAGES);
}

/* The first cheap one of the oldest few that no fault is filling, or the oldest. */
static struct hmm_svm_chunk *find_victim(struct hmm_svm_device *sdev, struct list_head *lru)
{
	unsigned int few = clamp(sdev->nr_chunks / 16, 1U, HMM_SVM_VICTIMS);
	struct hmm_svm_chunk *chunk, *oldest = NULL;

	list_for_each_entry(chunk, lru, link) {
		if (chunk->pins)
			continue;
		if (is_cheap(chunk))
			return chunk;
		oldest = oldest ?: chunk;
		if (!--few)
			break;
	}
	return oldest;
}

/*
 * Under hmm_svm_device.lock: a reference to the block that the chunk backs; or
 * NULL. While the caller has it, it counts as a user of the block's mirror, see
 * hmm_svm_chunk_put_block().
 */
static struct hmm_svm_block *get_block_locked(struct hmm_svm_chunk *chunk)
{
	struct hmm_svm_block *block = chunk->block;

	lockdep_assert_held(&chunk->sdev->lock);

	if (!block || !kref_get_unless_zero(&block->ref))
		return NULL;
	atomic_inc(&block->notifier->svm->evictions);
	return block;
}

/* A reference to the block that the chunk backs, for hmm_svm_chunk_put_block(); or NULL. */
struct hmm_svm_block *hmm_svm_chunk_get_block(struct hmm_svm_chunk *chunk)
{
	struct hmm_svm_block *block;
	unsigned long flags;

	spin_lock_irqsave(&chunk->sdev->lock, flags);
	block = get_block_locked(chunk);
	spin_unlock_irqrestore(&chunk->sdev->lock, flags);
	return block;
}

/*
 * A chunk to evict, with a reference to the block it backs, if any, for
 * hmm_svm_chunk_put_block(); or NULL.
 */
struct hmm_svm_chunk *hmm_svm_chunk_take_victim(struct hmm_svm_device *sdev,
						struct hmm_svm_block **block)
{
	struct hmm_svm_chunk *victim;
	unsigned long flags;

	*block = NULL;
	spin_lock_irqsave(&sdev->lock, flags);
	victim = find_victim(sdev, &sdev->lru) ?: find_victim(sdev, &sdev->lru_keep);
	if (victim) {
		list_del_init(&victim->link);
		victim->state = HMM_SVM_CHUNK_EVICTING;
		*block = get_block_locked(victim);
	}
	spin_unlock_irqrestore(&sdev->lock, flags);
	return victim;
}

/* Gives a block back; its mirror may go then. */
void hmm_svm_chunk_put_block(struct hmm_svm_block *block)
{
	struct hmm_svm *svm = block->notifier->svm;

	hmm_svm_block_put(block);
	if (atomic_dec_and_test(&svm->evictions))
		wake_up_var(&svm->evictions);
}

/* After an eviction. True: the chunk is the caller's; else pages are left. */
bool hmm_svm_chunk_end_eviction(struct hmm_svm_chunk *chunk)
{
	struct hmm_svm_device *sdev = chunk->sdev;
	unsigned long flags;
	bool empty;

	spin_lock_irqsave(&chunk->lock, flags);
	spin_lock(&sdev->lock);
	empty = !chunk->nr_used;
	if (empty) {
		unuse_locked(chunk);
		chunk->state = HMM_SVM_CHUNK_TAKEN;
	} else {
		chunk->state = HMM_SVM_CHUNK_USED;
		list_add_tail(&chunk->link, lru_of(chunk));
	}
	wake_up_all(&sdev->chunk_wait);
	spin_unlock(&sdev->lock);
	spin_unlock_irqrestore(&chunk->lock, flags);
	return empty;
}

/* Gives a chunk back that was taken. */
void hmm_svm_chunk_put_free(struct hmm_svm_chunk *chunk)
{
	unsigned long flags;

	spin_lock_irqsave(&chunk->sdev->lock, flags);
	put_free_locked(chunk);
	spin_unlock_irqrestore(&chunk->sdev->lock, flags);
}

/* Pins the block's own chunk, if it has one; false while that is being evicted. */
static bool pin_own(struct hmm_svm_block *block, struct hmm_svm_chunk **chunk)
{
	struct hmm_svm_device *sdev = block->notifier->svm->sdev;
	unsigned long flags;
	bool evicting;

	spin_lock_irqsave(&sdev->lock, flags);
	*chunk = block->chunk;
	evicting = *chunk && (*chunk)->state == HMM_SVM_CHUNK_EVICTING;
	if (*chunk && !evicting) {
		(*chunk)->pins++;
		list_move_tail(&(*chunk)->link, lru_of(*chunk));
	}
	spin_unlock_irqrestore(&sdev->lock, flags);
	return !evicting;
}

static void attach(struct hmm_svm_chunk *chunk, struct hmm_svm_block *block)
{
	struct hmm_svm *svm = block->notifier->svm;
	struct hmm_svm_device *sdev = svm->sdev;
	unsigned long flags;

	kref_get(&svm->counters->ref);
	spin_lock_irqsave(&sdev->lock, flags);
	chunk->state = HMM_SVM_CHUNK_USED;
	chunk->pins = 1;
	chunk->block = block;
	chunk->counters = svm->counters;
	chunk->start = block->start;
	block->chunk = chunk;
	list_add_tail(&chunk->link, lru_of(chunk));
	spin_unlock_irqrestore(&sdev->lock, flags);
	hmm_svm_evict_ahead(sdev);
}

/**
 * hmm_svm_chunk_pin() - Device memory for a block
 * @block: block
 * @held: mm whose mmap_lock the caller holds, or NULL
 *
 * The chunk that backs the block, which is not evicted before
 * hmm_svm_chunk_unpin(). Evicts another one when none is free. If the block's
 * own is being evicted, that is waited for: an eviction never waits for a block.
 *
 * Return: the chunk, or NULL: there is none for now.
 */
struct hmm_svm_chunk *hmm_svm_chunk_pin(struct hmm_svm_block *block, struct mm_struct *held)
{
	struct hmm_svm_device *sdev = block->notifier->svm->sdev;
	struct hmm_svm_chunk *chunk;

	lockdep_assert_held(&block->migrate);

	if (wait_event_killable(sdev->chunk_wait, pin_own(block, &chunk)))
		return NULL;
	if (chunk)
		return chunk;

	chunk = hmm_svm_chunk_take_free(sdev);
	if (!chunk)
		chunk = hmm_svm_evict(sdev, false, held);
	if (chunk)
		attach(chunk, block);
	return chunk;
}

/**
 * hmm_svm_chunk_try_pin() - hmm_svm_chunk_pin() that waits for nothing
 * @block: block
 *
 * Evicts nothing either, so folios may be locked.
 *
 * Return: the chunk, or NULL: only hmm_svm_chunk_pin() can get one.
 */
struct hmm_svm_chunk *hmm_svm_chunk_try_pin(struct hmm_svm_block *block)
{
	struct hmm_svm_chunk *chunk;

	lockdep_assert_held(&block->migrate);

	if (!pin_own(block, &chunk))
		return NULL;
	if (chunk)
		return chunk;
	chunk = hmm_svm_chunk_take_free(block->notifier->svm->sdev);
	if (chunk)
		attach(chunk, block);
	return chunk;
}

void hmm_svm_chunk_unpin(struct hmm_svm_chunk *chunk)
{
	struct hmm_svm_device *sdev = chunk->sdev;
	unsigned long flags;

	spin_lock_irqsave(&chunk->lock, flags);
	spin_lock(&sdev->lock);
	if (!--chunk->pins && !chunk->nr_used) {
		unuse_locked(chunk);
		put_free_locked(chunk);
	}
	spin_unlock(&sdev->lock);
	spin_unlock_irqrestore(&chunk->lock, flags);
}

/* Of a pinned chunk of a block whose migrate is held: none of its pages is used. */
bool hmm_svm_chunk_is_empty(struct hmm_svm_chunk *chunk)
{
	/* Others free pages, but only the caller takes any. */
	return !READ_ONCE(chunk->nr_used);
}

/*
 * Takes @pages of a pinned chunk, and clears in @pages what is still in use
 * (say, by a forked child).
 */
void hmm_svm_chunk_reserve(struct hmm_svm_chunk *chunk, unsigned long *pages)
{
	struct hmm_svm_device *sdev = chunk->sdev;
	unsigned long flags;
	unsigned int n;

	spin_lock_irqsave(&chunk->lock, flags);
	bitmap_andnot(pages, pages, chunk->used, HMM_SVM_BLOCK_PAGES);
	bitmap_or(chunk->used, chunk->used, pages, HMM_SVM_BLOCK_PAGES);
	n = bitmap_weight(pages, HMM_SVM_BLOCK_PAGES);
	add_used(chunk, n);

	spin_lock(&sdev->lock);
	chunk->cpu_window = 0;
	if (n && chunk->block)
		hmm_svm_note_arrival(chunk->block);
	spin_unlock(&sdev->lock);
	spin_unlock_irqrestore(&chunk->lock, flags);
}

/*
 * Gives @pages back that were reserved and never became pages in use. Any
 * context but hard irq; the device must not use them any more.
 */
void hmm_svm_chunk_release(struct hmm_svm_chunk *chunk, const unsigned long *pages)
{
	unsigned long flags;
	unsigned int n;

	spin_lock_irqsave(&chunk->lock, flags);
	n = bitmap_weight_and(chunk->used, pages, HMM_SVM_BLOCK_PAGES);
	bitmap_andnot(chunk->used, chunk->used, pages, HMM_SVM_BLOCK_PAGES);
	add_used(chunk, -n);
	spin_unlock_irqrestore(&chunk->lock, flags);
}

/**
 * hmm_svm_chunk_is_large() - Whether all of a chunk is one large folio, as it seems
 * @chunk: chunk of which nobody takes pages
 *
 * It may be split or freed meanwhile: core mm finds out under its lock.
 *
 * Return: whether.
 */
bool hmm_svm_chunk_is_large(const struct hmm_svm_chunk *chunk)
{
	struct page *page = pfn_to_page(hmm_svm_chunk_pfn(chunk));

	return page_ref_count(page) && PageHead(page);
}

/**
 * hmm_svm_chunk_pages() - What core mm has in a chunk of small pages
 * @chunk: chunk of which nobody takes pages
 * @pfns: returns them, in order; room for HMM_SVM_BLOCK_PAGES
 *
 * Read-only copies are left out. So is what lies behind a stale head: the struct
 * pages of a large folio that was freed keep their state until they are used again,
 * so core mm must not be asked about pages that are not in use.
 *
 * Return: how many.
 */
unsigned int hmm_svm_chunk_pages(struct hmm_svm_chunk *chunk, unsigned long *pfns)
{
	unsigned long first = hmm_svm_chunk_pfn(chunk);
	struct page *page = pfn_to_page(first);
	DECLARE_BITMAP(used, HMM_SVM_BLOCK_PAGES);
	unsigned int i, n = 0;
	unsigned long flags;

	spin_lock_irqsave(&chunk->lock, flags);
	bitmap_copy(used, chunk->used, HMM_SVM_BLOCK_PAGES);
	spin_unlock_irqrestore(&chunk->lock, flags);

	for_each_set_bit(i, used, HMM_SVM_BLOCK_PAGES)
		if (page_ref_count(page + i))
			pfns[n++] = first + i;
	return n;
}

/*
 * Pages of the chunk moved to system memory. Return: the block that is to be mapped
 * ahead, once they are there, for hmm_svm_chunk_put_block(); or NULL.
 */
struct hmm_svm_block *hmm_svm_chunk_left(struct hmm_svm_chunk *chunk)
{
	struct hmm_svm_block *block = NULL;
	unsigned long flags;

	spin_lock_irqsave(&chunk->sdev->lock, flags);
	hmm_svm_note_departure(chunk);
	if (chunk->block && chunk->block->ahead)
		block = get_block_locked(chunk);
	spin_unlock_irqrestore(&chunk->sdev->lock, flags);
	return block;
}

/* The device used what is in the block. */
void hmm_svm_chunk_touch(struct hmm_svm_block *block)
{
	struct hmm_svm_device *sdev = block->notifier->svm->sdev;
	struct hmm_svm_chunk *chunk;
	unsigned long flags;

	/* Only we could give it one. */
	if (!READ_ONCE(block->chunk))
		return;
	spin_lock_irqsave(&sdev->lock, flags);
	chunk = block->chunk;
	if (chunk && chunk->state == HMM_SVM_CHUNK_USED)
		list_move_tail(&chunk->link, lru_of(chunk));
	spin_unlock_irqrestore(&sdev->lock, flags);
}

/* The block goes; pages in its chunk stay until core mm frees them. */
void hmm_svm_chunk_detach(struct hmm_svm_block *block)
{
	struct hmm_svm_device *sdev = block->notifier->svm->sdev;
	struct hmm_svm_chunk *chunk;
	unsigned long flags;

	spin_lock_irqsave(&sdev->lock, flags);
	chunk = block->chunk;
	if (chunk) {
		chunk->block = NULL;
		/* The device does not use it: it is the next to go. */
		if (chunk->state == HMM_SVM_CHUNK_USED)
			list_move(&chunk->link, &sdev->lru);
	}
	block->chunk = NULL;
	spin_unlock_irqrestore(&sdev->lock, flags);
}

/* One more for the driver? At least half stay with migrated memory. */
static bool charge_driver(struct hmm_svm_device *sdev)
{
	unsigned int limit = hmm_svm_has_pages(sdev) ? sdev->nr_chunks / 2 : sdev->nr_chunks;
	unsigned long flags;
	bool allowed;

	spin_lock_irqsave(&sdev->lock, flags);
	allowed = sdev->nr_driver < limit;
	sdev->nr_driver += allowed;
	spin_unlock_irqrestore(&sdev->lock, flags);
	return allowed;
}

/*
 * A chunk for the driver, or NULL. All may be busy at once, with faults or on
 * their way out, so it is tried for a while.
 */
static struct hmm_svm_chunk *take_for_driver(struct hmm_svm_device *sdev)
{
	struct hmm_svm_chunk *chunk;
	unsigned int tries;

	for (tries = 0; tries < HMM_SVM_ALLOC_TRIES; tries++) {
		chunk = hmm_svm_chunk_take_free(sdev) ?: hmm_svm_evict(sdev, true, NULL);
		if (chunk || !hmm_svm_has_pages(sdev))
			return chunk;
		if (wait_event_killable_timeout(sdev->chunk_wait, READ_ONCE(sdev->nr_free),
						HMM_SVM_ALLOC_PAUSE) < 0)
			break;
	}
	return NULL;
}

struct hmm_svm_chunk *hmm_svm_chunk_alloc(struct hmm_svm_device *sdev, u64 *offset)
{
	struct hmm_svm_chunk *chunk;
	unsigned long flags;

	might_sleep();

	if (!charge_driver(sdev))
		return ERR_PTR(-ENOSPC);

	chunk = take_for_driver(sdev);

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
	put_free_locked(chunk);
	spin_unlock_irqrestore(&sdev->lock, flags);
}
EXPORT_SYMBOL_GPL(hmm_svm_chunk_free);

bool hmm_svm_chunk_is_allocated(struct hmm_svm_device *sdev, u64 offset)
{
	return READ_ONCE(sdev->chunks[offset >> HMM_SVM_BLOCK_SHIFT].state) == HMM_SVM_CHUNK_DRIVER;
}
EXPORT_SYMBOL_GPL(hmm_svm_chunk_is_allocated);
