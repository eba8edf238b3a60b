// SPDX-License-Identifier: GPL-2.0
/*
 * Eviction: the least recently used chunk goes to system memory.
 *
 * It needs neither mmap_lock nor the lock of the block that it evicts, so it
 * may run in the fault of any other block, of any process. One at a time per
 * device: evictions are bounded by the one copy engine anyway.
 */
#include <linux/delay.h>

#include "hmm_svm_internal.h"

/*
 * With evict_lock held. Return: 0: @chunk is empty and the caller's; -EBUSY:
 * pages are left; or the copy engine's error.
 */
static int evict_chunk(struct hmm_svm_chunk *chunk, struct hmm_svm_block *block)
{
	int ret;

	/*
	 * Core mm unmaps page by page, with an invalidation for each. They find
	 * nothing to flush after this.
	 */
	if (block) {
		hmm_svm_block_clean(block, block->start, hmm_svm_block_end(block));
		hmm_svm_block_put(block);
	}
	ret = hmm_svm_migrate_chunk(chunk, chunk->sdev->evict);
	if (hmm_svm_chunk_end_eviction(chunk))
		return 0;
	return ret ?: -EBUSY;
}

/**
 * hmm_svm_evict() - Make a chunk free
 * @sdev: device
 *
 * No folio may be locked by the caller.
 *
 * Return: the chunk, or NULL when all are in use by the driver, being filled, or hold
 * pages that cannot move now.
 */
struct hmm_svm_chunk *hmm_svm_evict(struct hmm_svm_device *sdev)
{
	struct hmm_svm_chunk *chunk = NULL;
	struct hmm_svm_block *block;
	unsigned int tries;

	mutex_lock(&sdev->evict_lock);
	for (tries = 0; tries < sdev->nr_chunks; tries++) {
		/* Others free chunks, too. */
		chunk = hmm_svm_chunk_take_free(sdev);
		if (chunk)
			break;
		chunk = hmm_svm_chunk_take_victim(sdev, &block);
		if (!chunk || !evict_chunk(chunk, block))
			break;
		chunk = NULL;
	}
	mutex_unlock(&sdev->evict_lock);
	return chunk;
}

static bool in_use(struct hmm_svm_device *sdev)
{
	unsigned long flags;
	bool ret;

	spin_lock_irqsave(&sdev->lock, flags);
	ret = sdev->nr_used;
	spin_unlock_irqrestore(&sdev->lock, flags);
	return ret;
}

/* Return: 0: each chunk was tried; or the copy engine's error. */
static int evict_round(struct hmm_svm_device *sdev)
{
	struct hmm_svm_block *block;
	struct hmm_svm_chunk *chunk;
	unsigned int i;
	int ret = 0;

	mutex_lock(&sdev->evict_lock);
	for (i = 0; i < sdev->nr_chunks && (!ret || ret == -EBUSY); i++) {
		chunk = hmm_svm_chunk_take_victim(sdev, &block);
		if (!chunk)
			break;
		ret = evict_chunk(chunk, block);
		if (!ret)
			hmm_svm_chunk_put_free(chunk);
	}
	mutex_unlock(&sdev->evict_lock);
	return ret == -EBUSY ? 0 : ret;
}

/**
 * hmm_svm_evict_all() - Move all that is in device memory to system memory
 * @sdev: device without mirrors
 *
 * Pages that somebody has locked are tried again for a second. With a dead
 * copy engine nothing moves.
 */
void hmm_svm_evict_all(struct hmm_svm_device *sdev)
{
	unsigned int round;

	for (round = 0; round < 10 && in_use(sdev); round++) {
		if (evict_round(sdev))
			break;
		msleep(1 << round);
	}
}
