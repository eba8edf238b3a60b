// SPDX-License-Identifier: GPL-2.0
/*
 * Eviction: chunks that have not been used for the longest go to system memory.
 *
 * It needs no lock of the block that it evicts, and tries mmap_lock at most, so
 * it may run in the fault of any other block, of any process; several run at a
 * time, each on a chunk of its own.
 *
 * While chunks run out, a worker evicts ahead of need, so that a fault finds a
 * free chunk and the copy out of it is behind it.
 */
#include <linux/delay.h>
#include <linux/sched/signal.h>

#include "hmm_svm_internal.h"
#include "hmm_svm_trace.h"

/*
 * A fault that finds no free chunk begins a shortage, which lasts until there
 * has been no need for another chunk for this long. What fits has none, and
 * nothing is evicted ahead.
 */
#define HMM_SVM_SHORTAGE_TIME	(HZ / 10)

/* In a shortage, one of this many chunks is kept free, at most HMM_SVM_MAX_AHEAD. */
#define HMM_SVM_AHEAD_SHARE	32
#define HMM_SVM_MAX_AHEAD	16U

/* Victims for which there was no memory before a fault gives up. */
#define HMM_SVM_NOMEM_VICTIMS	3

/* What its owner has of a chunk. Return: 0, -EBUSY, -ENOMEM, or the copy engine's error. */
static int evict_from_owner(struct hmm_svm_chunk *chunk, struct hmm_svm_block *block,
			    struct mm_struct *held)
{
	struct mm_struct *mm = hmm_svm_owner_lock(chunk, held);
	int ret;

	if (IS_ERR_OR_NULL(mm))
		return PTR_ERR(mm);
	ret = hmm_svm_migrate_large(chunk, block, mm);
	if (!ret)
		ret = hmm_svm_migrate_chunk(chunk, mm);
	hmm_svm_owner_unlock(mm, held);
	return ret;
}

/* Return: the same, 0 also when pages are left. */
static int empty_chunk(struct hmm_svm_chunk *chunk, struct hmm_svm_block *block,
		       struct mm_struct *held)
{
	int ret;

	/*
	 * Core mm unmaps page by page, with an invalidation for each. They find
	 * nothing to flush after this. Read-only copies go with it.
	 */
	if (block)
		hmm_svm_block_clean(block, block->start, hmm_svm_block_end(block));
	ret = evict_from_owner(chunk, block, held);
	if (!ret && READ_ONCE(chunk->nr_used))
		ret = hmm_svm_migrate_strays(chunk, held);
	return ret;
}

/*
 * @held: mm whose mmap_lock the caller holds, or NULL.
 * Return: 0: @chunk is empty and the caller's; -EBUSY: pages are left; -ENOMEM;
 * or the copy engine's error.
 */
static int evict_chunk(struct hmm_svm_chunk *chunk, struct hmm_svm_block *block,
		       struct mm_struct *held)
{
	u64 since = trace_hmm_svm_evict_enabled() ? ktime_get_ns() : 0;
	unsigned int pages = READ_ONCE(chunk->nr_used);
	u32 pid = chunk->counters->pid;
	u64 addr = chunk->start;
	bool empty;
	int ret;

	ret = empty_chunk(chunk, block, held);
	if (block)
		hmm_svm_chunk_put_block(block);
	empty = hmm_svm_chunk_end_eviction(chunk);
	if (empty)
		ret = 0;
	else if (!ret)
		ret = -EBUSY;
	if (since)
		trace_hmm_svm_evict(pid, addr, pages, ret, ktime_get_ns() - since);
	return ret;
}

/* Not less than one, for devices with a handful of chunks. */
static unsigned int keep_free(const struct hmm_svm_device *sdev)
{
	return clamp(sdev->nr_chunks / HMM_SVM_AHEAD_SHARE, 1U, HMM_SVM_MAX_AHEAD);
}

static bool is_to_evict_ahead(const struct hmm_svm_device *sdev)
{
	return hmm_svm_is_short(sdev) && READ_ONCE(sdev->nr_free) < keep_free(sdev);
}

/* Victims in a row, before it is the driver's turn to make room. */
#define HMM_SVM_TURNS	4

static bool has_driver_chunks(struct hmm_svm_device *sdev)
{
	return sdev->ops->evict && READ_ONCE(sdev->nr_driver);
}

/* A chunk that the driver gave back, or NULL. */
static struct hmm_svm_chunk *evict_driver(struct hmm_svm_device *sdev)
{
	if (!has_driver_chunks(sdev) || !sdev->ops->evict(sdev))
		return NULL;
	return hmm_svm_chunk_take_free(sdev);
}

/* The same when it is the driver's turn: what it has grows old, too. */
static struct hmm_svm_chunk *evict_driver_in_turn(struct hmm_svm_device *sdev)
{
	if (!has_driver_chunks(sdev) || atomic_inc_return(&sdev->turns) % HMM_SVM_TURNS)
		return NULL;
	return evict_driver(sdev);
}

/**
 * hmm_svm_evict() - Make a chunk free
 * @sdev: device
 * @for_driver: the driver wants it, so it is not asked for one
 * @held: mm whose mmap_lock the caller holds, or NULL
 *
 * No folio may be locked by the caller.
 *
 * Return: the chunk, or NULL when all are in use by the driver, being filled or
 * evicted, or hold pages that cannot move now.
 */
struct hmm_svm_chunk *hmm_svm_evict(struct hmm_svm_device *sdev, bool for_driver,
				    struct mm_struct *held)
{
	unsigned int tries, nomem = 0;
	struct hmm_svm_block *block;
	struct hmm_svm_chunk *chunk;
	int ret;

	WRITE_ONCE(sdev->short_until, jiffies + HMM_SVM_SHORTAGE_TIME);
	chunk = for_driver ? NULL : evict_driver_in_turn(sdev);
	if (chunk)
		return chunk;
	for (tries = 0; tries < sdev->nr_chunks; tries++) {
		chunk = hmm_svm_chunk_take_victim(sdev, &block);
		if (!chunk)
			return for_driver ? NULL : evict_driver(sdev);
		ret = evict_chunk(chunk, block, held);
		if (!ret)
			return chunk;
		if (ret != -EBUSY && (ret != -ENOMEM || ++nomem == HMM_SVM_NOMEM_VICTIMS))
			break;
		if (fatal_signal_pending(current))
			break;
		/* Others free chunks, too. */
		chunk = hmm_svm_chunk_take_free(sdev);
		if (chunk)
			return chunk;
	}
	return NULL;
}

/* Somebody took a chunk: see to it that there is another one for the next. */
void hmm_svm_evict_ahead(struct hmm_svm_device *sdev)
{
	if (!is_to_evict_ahead(sdev))
		return;
	WRITE_ONCE(sdev->short_until, jiffies + HMM_SVM_SHORTAGE_TIME);
	queue_work(hmm_svm_workqueue(), &sdev->evict_work);
}

void hmm_svm_evict_ahead_work(struct work_struct *work)
{
	struct hmm_svm_device *sdev = container_of(work, struct hmm_svm_device, evict_work);
	struct hmm_svm_block *block;
	struct hmm_svm_chunk *chunk;

	while (is_to_evict_ahead(sdev)) {
		/* Else the driver's would stay for ever, where this keeps pace with the faults. */
		chunk = evict_driver_in_turn(sdev);
		if (!chunk) {
			chunk = hmm_svm_chunk_take_victim(sdev, &block);
			if (!chunk || evict_chunk(chunk, block, NULL))
				break;
		}
		hmm_svm_chunk_put_free(chunk);
		cond_resched();
	}
}

static bool in_use(struct hmm_svm_device *sdev)
{
	return READ_ONCE(sdev->nr_busy);
}

/* Return: 0: each chunk was tried; or the copy engine's error. */
static int evict_round(struct hmm_svm_device *sdev)
{
	struct hmm_svm_block *block;
	struct hmm_svm_chunk *chunk;
	unsigned int i;
	int ret;

	for (i = 0; i < sdev->nr_chunks; i++) {
		chunk = hmm_svm_chunk_take_victim(sdev, &block);
		if (!chunk)
			break;
		ret = evict_chunk(chunk, block, NULL);
		if (!ret)
			hmm_svm_chunk_put_free(chunk);
		else if (ret != -EBUSY && ret != -ENOMEM)
			return ret;
	}
	return 0;
}

/**
 * hmm_svm_evict_all() - Move all that is in device memory to system memory
 * @sdev: device without mirrors, or whose mirrors raise no faults
 *
 * Pages that somebody has locked, or for which there is no memory, are tried
 * again for a second. With a dead copy engine nothing moves.
 */
void hmm_svm_evict_all(struct hmm_svm_device *sdev)
{
	unsigned int round;

	cancel_work_sync(&sdev->evict_work);
	for (round = 0; round < 10 && in_use(sdev) && !READ_ONCE(sdev->lost); round++) {
		if (evict_round(sdev))
			break;
		msleep(1 << round);
	}
}

int hmm_svm_device_evict(struct hmm_svm_device *sdev)
{
	hmm_svm_evict_all(sdev);
	return in_use(sdev) ? -EBUSY : 0;
}
EXPORT_SYMBOL_GPL(hmm_svm_device_evict);
