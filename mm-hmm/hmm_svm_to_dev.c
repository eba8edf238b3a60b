// SPDX-License-Identifier: GPL-2.0
/*
 * Migration to device memory: of a part of a block, or of a run of blocks.
 *
 * Runs
 *
 * To move a block is to take its pages from their processes, to copy them, and to
 * put device pages in their place. The copy is the device's work. So in a run of blocks,
 * while one is copied, the next is taken and the one before is put in place. Then folios
 * are locked, and the entries gone, of a block that is not done, while another begins.
 * Whatever that one would have to wait for might wait for those folios. So it waits
 * for nothing: its mutex and its chunk are tried, nothing is evicted or allocated, and
 * the device's page table is left alone, as a look at it waits for
 * invalidations. What it cannot have at once it gets when nothing is under way.
 */
#include <linux/migrate.h>
#include <linux/mm.h>

#include "hmm_svm_migrate.h"
#include "hmm_svm_trace.h"

/**
 * struct arrival - pages on their way to device memory
 * @block: theirs; the caller has its migrate
 * @chunk: where they go, pinned
 * @m: arrays of the migration
 * @args: the same, for core mm
 * @cause: for the tracepoint
 * @holes: what nobody has touched yet comes, too
 * @taken: pages were taken, so put_in_place() has to follow
 */
struct arrival {
	struct hmm_svm_block *block;
	struct hmm_svm_chunk *chunk;
	struct hmm_svm_migration *m;
	struct migrate_vma args;
	enum hmm_svm_cause cause;
	bool holes;
	bool taken;
};

/*
 * The device writes without telling the CPU's page table, so its memory counts
 * as written. Else what a program has given up by MADV_FREE, and the device has
 * used again, would be dropped once it is back in system memory.
 */
static void count_as_written(unsigned long pfn)
{
	folio_set_dirty(page_folio(pfn_to_page(pfn)));
}

static void alloc_device_folio(struct hmm_svm_migration *m, struct hmm_svm_chunk *chunk)
{
	DECLARE_BITMAP(pages, HMM_SVM_BLOCK_PAGES);
	unsigned long pfn = hmm_svm_chunk_pfn(chunk);

	bitmap_fill(pages, HMM_SVM_BLOCK_PAGES);
	hmm_svm_chunk_reserve(chunk, pages);
	hmm_svm_folio_init(pfn_to_page(pfn), &chunk->sdev->pgmap, HMM_SVM_BLOCK_ORDER);
	count_as_written(pfn);
	m->dst[0] = migrate_pfn(pfn) | MIGRATE_PFN_COMPOUND;
}

/* Page i of the block goes to page i of its chunk, if that is free. */
static void alloc_device_pages(const struct arrival *a)
{
	unsigned int first = hmm_svm_page_index(a->block, a->args.start), i;
	DECLARE_BITMAP(pages, HMM_SVM_BLOCK_PAGES) = {};
	struct hmm_svm_chunk *chunk = a->chunk;
	struct hmm_svm_migration *m = a->m;

	for (i = 0; i < m->npages; i++)
		if (a->holes ? m->src[i] & MIGRATE_PFN_MIGRATE : hmm_svm_has_source(m, i))
			__set_bit(first + i, pages);
	hmm_svm_chunk_reserve(chunk, pages);

	for_each_set_bit(i, pages, HMM_SVM_BLOCK_PAGES) {
		unsigned long pfn = hmm_svm_chunk_pfn(chunk) + i;

		hmm_svm_page_init(pfn_to_page(pfn), &chunk->sdev->pgmap);
		count_as_written(pfn);
		m->dst[i - first] = migrate_pfn(pfn);
	}
}

static void count_arrival(const struct arrival *a)
{
	struct hmm_svm_counters *counters = a->block->notifier->svm->counters;
	bool large;
	unsigned int n = hmm_svm_count_migrated(a->m, &large);

	hmm_svm_count(counters, HMM_SVM_NR_TO_DEV, n);
	if (large)
		hmm_svm_count(counters, HMM_SVM_NR_LARGE_TO_DEV, n);
	if (n)
		trace_hmm_svm_migrate(counters, a->args.start, a->args.end - a->args.start, n,
				      large, a->cause);
}

/*
 * Takes the pages, and gives them destinations.
 * Return: 0 or an error; -EAGAIN: not as a large folio.
 */
static int take(struct arrival *a)
{
	struct hmm_svm_migration *m = a->m;
	int ret;

	a->taken = false;
	a->args.src = m->src;
	a->args.dst = m->dst;
	ret = migrate_vma_setup(&a->args);
	if (ret || !a->args.cpages)
		return ret;
	m->npages = a->args.npages;

	if (hmm_svm_moves_whole(m) &&
	    hmm_svm_take_failure(a->block->notifier->svm, HMM_SVM_FAIL_LARGE_PAGE)) {
		migrate_vma_finalize(&a->args);
		return -EAGAIN;
	}
	if (hmm_svm_moves_whole(m))
		alloc_device_folio(m, a->chunk);
	else
		alloc_device_pages(a);
	hmm_svm_shorten(m);
	a->taken = true;
	return 0;
}

/* Puts device pages in their place; with an @error, they go back where they were. */
static void put_in_place(struct arrival *a, int error)
{
	if (error)
		hmm_svm_drop_destinations(a->m);
	a->args.npages = a->m->npages;
	migrate_vma_pages(&a->args);
	count_arrival(a);
	migrate_vma_finalize(&a->args);
}

static int move(struct arrival *a)
{
	int ret = take(a);

	if (!a->taken)
		return ret;
	ret = hmm_svm_transfer(a->block->notifier->svm->sdev, a->m, true);
	put_in_place(a, ret);
	return ret;
}

/* Whether what is there may become one large folio of the chunk. */
static bool may_be_large(const struct arrival *a)
{
	return hmm_svm_is_whole_block(a->args.start, a->args.end) &&
	       !hmm_svm_is_coherent(a->chunk->sdev) && !hmm_svm_vma_thp_disabled(a->args.vma) &&
	       hmm_svm_chunk_is_empty(a->chunk);
}

static void arrival_init(struct arrival *a, struct hmm_svm_block *block,
			 struct vm_area_struct *vma, u64 start, u64 end)
{
	a->block = block;
	a->args = (struct migrate_vma) {
		.vma = vma,
		.start = start,
		.end = end,
		.pgmap_owner = block->notifier->svm->sdev,
		.flags = MIGRATE_VMA_SELECT_SYSTEM,
	};
}

/**
 * hmm_svm_migrate_to_dev() - Move a part of a block to device memory
 * @block: block
 * @vma: with mmap_lock held
 * @start: page aligned
 * @end: behind it; in @block and @vma
 * @cause: for the tracepoint
 * @holes: memory that nobody has touched yet is to be cleared in device memory, too
 *
 * What cannot move now stays.
 *
 * Return: 0 or an error; the caller may map what is there in any case.
 */
int hmm_svm_migrate_to_dev(struct hmm_svm_block *block, struct vm_area_struct *vma,
			   u64 start, u64 end, enum hmm_svm_cause cause, bool holes)
{
	struct hmm_svm_device *sdev = block->notifier->svm->sdev;
	struct arrival a = { .cause = cause, .holes = holes };
	int ret = -ENOSPC;

	mmap_assert_locked(vma->vm_mm);
	lockdep_assert_held(&block->migrate);

	a.m = hmm_svm_migration_get(sdev);
	if (!a.m)
		return -ENOMEM;
	arrival_init(&a, block, vma, start, end);

	/* First, as it may evict: no folio may be locked then. */
	a.chunk = hmm_svm_chunk_pin(block, vma->vm_mm);
	if (!a.chunk)
		goto out;

	if (may_be_large(&a))
		a.args.flags |= MIGRATE_VMA_SELECT_COMPOUND;
	ret = move(&a);
	if (ret == -EAGAIN) {
		a.args.flags &= ~MIGRATE_VMA_SELECT_COMPOUND;
		ret = move(&a);
	}
	hmm_svm_chunk_unpin(a.chunk);
out:
	hmm_svm_migration_put(sdev, a.m);
	return ret;
}

/* With the block's migrate. Return: 0: the copy has begun, if there is one; or an error. */
static int begin_locked(struct arrival *a, bool alone)
{
	struct hmm_svm *svm = a->block->notifier->svm;
	struct hmm_svm_advised advised;
	int ret;

	advised = hmm_svm_advice_at(svm, a->block->start, NULL);
	hmm_svm_block_advised(a->block, &advised);
	a->chunk = alone ? hmm_svm_chunk_pin(a->block, a->args.vma->vm_mm) :
			   hmm_svm_chunk_try_pin(a->block);
	if (!a->chunk)
		return -EAGAIN;
	if (may_be_large(a))
		a->args.flags |= MIGRATE_VMA_SELECT_COMPOUND;
	ret = take(a);
	if (a->taken) {
		ret = hmm_svm_transfer_begin(svm->sdev, a->m, true);
		if (ret)
			put_in_place(a, ret);
	}
	if (ret)
		hmm_svm_chunk_unpin(a->chunk);
	return ret;
}

/*
 * Begins a block of a run; @alone: nothing else is under way, so it may wait.
 * Return: 0: end() has to follow; -EAGAIN: perhaps later; or an error.
 */
static int begin(struct arrival *a, struct hmm_svm_block *block, struct vm_area_struct *vma,
		 bool alone)
{
	int ret;

	if (!mutex_trylock(&block->migrate)) {
		if (!alone)
			return -EAGAIN;
		ret = mutex_lock_killable(&block->migrate);
		if (ret)
			return ret;
	}
	arrival_init(a, block, vma, block->start, hmm_svm_block_end(block));
	ret = begin_locked(a, alone);
	if (ret)
		mutex_unlock(&block->migrate);
	return ret;
}

static void end(struct arrival *a)
{
	struct hmm_svm_device *sdev = a->block->notifier->svm->sdev;

	if (a->taken)
		put_in_place(a, hmm_svm_transfer_end(sdev, a->m, true));
	hmm_svm_chunk_unpin(a->chunk);
	mutex_unlock(&a->block->migrate);
}

/* Return: how many were dealt with. */
static unsigned int run(struct hmm_svm_call *call, struct arrival *arrivals,
			struct hmm_svm_block *const *blocks, unsigned int n,
			struct vm_area_struct *vma)
{
	struct arrival *before = NULL, *a;
	unsigned int i;
	int ret;

	for (i = 0; i < n; i++) {
		if (hmm_svm_call_check(call) || (i && mmap_lock_is_contended(vma->vm_mm)))
			break;
		a = &arrivals[i % 2];
		ret = begin(a, blocks[i], vma, !before);
		if (before) {
			end(before);
			before = NULL;
			if (ret == -EAGAIN)
				ret = begin(a, blocks[i], vma, true);
		}
		if (ret)
			break;
		before = a;
	}
	if (before)
		end(before);
	return i;
}

/**
 * hmm_svm_migrate_run() - Move blocks that follow each other to device memory
 * @call: of the current thread
 * @blocks: theirs; the caller has the migrate of none
 * @n: how many
 * @vma: with mmap_lock held; has all of them
 *
 * As hmm_svm_migrate_to_dev() for each, but faster. Ends early for those who wait for
 * mmap_lock, and where it gets no further.
 *
 * Return: how many of @blocks were dealt with.
 */
unsigned int hmm_svm_migrate_run(struct hmm_svm_call *call, struct hmm_svm_block *const *blocks,
				 unsigned int n, struct vm_area_struct *vma)
{
	struct hmm_svm_device *sdev = call->svm->sdev;
	struct arrival arrivals[2] = {
		{ .cause = HMM_SVM_CAUSE_PREFETCH, .holes = true },
		{ .cause = HMM_SVM_CAUSE_PREFETCH, .holes = true },
	};
	unsigned int i, done = 0;

	mmap_assert_locked(vma->vm_mm);
	for (i = 0; i < ARRAY_SIZE(arrivals); i++)
		arrivals[i].m = hmm_svm_migration_get(sdev);
	if (arrivals[0].m && arrivals[1].m)
		done = run(call, arrivals, blocks, n, vma);
	for (i = 0; i < ARRAY_SIZE(arrivals); i++)
		if (arrivals[i].m)
			hmm_svm_migration_put(sdev, arrivals[i].m);
	return done;
}
