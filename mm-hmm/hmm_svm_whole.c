// SPDX-License-Identifier: GPL-2.0
/*
 * Moves of large folios from the device as a whole: when they may.
 *
 * Core mm, as of 7.3, has a defect: zap_huge_pmd_folio() takes the entry of a large
 * folio that is on its way from the device for one that maps it, and gives up a
 * reference and a count that nobody has taken. So nobody may zap an entry while its
 * folio moves as a whole:
 *
 * - No other process has the folio, and the one that has it, has it where a block of
 *   its mirror is. All others move by small pages, for which core mm is right.
 * - munmap(), mremap(), fork() and the exit of that process wait for mmap_lock, which
 *   whoever moves a folio holds.
 * - What does not, as MADV_DONTNEED, tells our notifier first, which waits for the end
 *   of the move: hmm_svm_whole_wait(). In turn, a move does not wait for an
 *   invalidation, nor for memory.
 * - What has told us before the move began may still be zapping. So each such
 *   invalidation counts hmm_svm_block.zaps up, and a move begins only while all of
 *   them are known to have ended: whoever has read @zaps, and has been through
 *   mmu_interval_read_begin() since, writes what was read to @settled. (Why no
 *   invalidation slips through is told at zap_blocks().)
 *
 * A CPU fault on a large folio that has to move by small pages has a reference to it, with
 * which core mm does not split it. So the fault lends its own for that time. If the folio
 * is given back meanwhile, its first page stays with us, to be referenced again:
 * hmm_svm_lend(), hmm_svm_take_back().
 */
#include <linux/hmm.h>
#include <linux/mm.h>
#include <linux/pagemap.h>
#include <linux/wait_bit.h>

#include "hmm_svm_internal.h"

/* Each is in vain if memory near is being invalidated just then. */
#define LOOKS	16

/* Whether core mm may take entries away during an invalidation. */
bool hmm_svm_may_zap(const struct mmu_notifier_range *range)
{
	return range->event == MMU_NOTIFY_CLEAR || range->event == MMU_NOTIFY_UNMAP ||
	       range->event == MMU_NOTIFY_RELEASE;
}

/*
 * Core mm is about to zap entries in the block, in an invalidation that has announced
 * itself. With block->state held.
 * Return: whether it has to wait: a folio moves there, and not by the caller.
 */
bool hmm_svm_whole_zapped(struct hmm_svm_block *block)
{
	lockdep_assert_held(&block->state);

	if (block->mover == current)
		return false;
	block->zaps++;
	return block->mover;
}

static bool is_moved_by_others(struct hmm_svm_block *block)
{
	struct task_struct *mover = READ_ONCE(block->mover);

	return mover && mover != current;
}

static void wait_for_mover(struct hmm_svm_block *block)
{
	wait_var_event(&block->mover, !is_moved_by_others(block));
}

/**
 * hmm_svm_whole_wait() - Wait for the moves that are under way
 * @notifier: has announced an invalidation, and counted it
 * @span: of it
 *
 * May sleep. Moves that begin later see the invalidation.
 */
void hmm_svm_whole_wait(struct hmm_svm_notifier *notifier, const struct hmm_svm_span *span)
{
	u64 addr = span->start & ~(HMM_SVM_BLOCK_SIZE - 1);
	struct hmm_svm_block *block;

	for (; addr < span->end; addr += HMM_SVM_BLOCK_SIZE) {
		block = hmm_svm_block_find(notifier, addr);
		if (!block)
			continue;
		wait_for_mover(block);
		hmm_svm_block_put(block);
	}
}

/**
 * hmm_svm_whole_stop() - No more moves, for ever
 * @block: of a mirror that ends; its notifier is still there
 */
void hmm_svm_whole_stop(struct hmm_svm_block *block)
{
	spin_lock(&block->state);
	block->gone = true;
	spin_unlock(&block->state);
	wait_for_mover(block);
}

/* Before mmu_interval_read_begin(): for hmm_svm_whole_settled(). */
unsigned long hmm_svm_whole_zaps(struct hmm_svm_block *block)
{
	unsigned long zaps;

	spin_lock(&block->state);
	zaps = block->zaps;
	spin_unlock(&block->state);
	return zaps;
}

/* After it: those @zaps have ended. */
void hmm_svm_whole_settled(struct hmm_svm_block *block, unsigned long zaps)
{
	/* Known already, as nearly always: the count only goes up. */
	if (READ_ONCE(block->settled) == zaps)
		return;
	spin_lock(&block->state);
	if ((long)(zaps - block->settled) > 0)
		WRITE_ONCE(block->settled, zaps);
	spin_unlock(&block->state);
}

/**
 * hmm_svm_whole_read_begin() - mmu_interval_read_begin(), from which moves learn
 * @block: block
 *
 * Waits for invalidations, so no folio may be locked.
 *
 * Return: the sequence number of the block's notifier.
 */
unsigned long hmm_svm_whole_read_begin(struct hmm_svm_block *block)
{
	unsigned long zaps = hmm_svm_whole_zaps(block);
	unsigned long seq = mmu_interval_read_begin(&block->notifier->mn);

	hmm_svm_whole_settled(block, zaps);
	return seq;
}

/*
 * Whether the CPU maps one large folio of the device there, and nobody else does.
 * -EBUSY: look again, as something was invalidated, here or near.
 */
static int look(struct hmm_svm_block *block, unsigned long seq)
{
	struct hmm_svm_device *sdev = block->notifier->svm->sdev;
	unsigned long pfn = 0;
	struct hmm_range range = {
		.notifier = &block->notifier->mn,
		.notifier_seq = seq,
		.start = block->start,
		.end = block->start + PAGE_SIZE,
		.hmm_pfns = &pfn,
		.dev_private_owner = sdev,
	};
	int ret;

	ret = hmm_svm_range_fault(&range);
	if (ret)
		return ret;
	return (pfn & HMM_PFN_VALID) &&
	       hmm_pfn_to_map_order(pfn) == HMM_SVM_BLOCK_ORDER &&
	       hmm_svm_pfn_is_local(sdev, pfn & ~HMM_PFN_FLAGS) &&
	       folio_mapcount(page_folio(hmm_pfn_to_page(pfn))) == 1;
}

/**
 * hmm_svm_whole_may_move() - Whether the memory of a block may move as one large folio
 * @block: block
 * @mm: whose mmap_lock the caller holds
 *
 * Waits for invalidations, so no folio may be locked.
 *
 * Return: true: hmm_svm_whole_begin() is next, and says whether it is still so.
 */
bool hmm_svm_whole_may_move(struct hmm_svm_block *block, struct mm_struct *mm)
{
	unsigned int round = 0;
	int ret;

	mmap_assert_locked(mm);
	if (!HMM_SVM_LARGE_FOLIOS || mm != block->notifier->svm->mm ||
	    hmm_svm_is_coherent(block->notifier->svm->sdev))
		return false;
	do {
		ret = look(block, hmm_svm_whole_read_begin(block));
	} while (ret == -EBUSY && ++round < LOOKS);
	return ret > 0;
}

/**
 * hmm_svm_whole_begin() - Nobody may zap from now on
 * @block: whose memory is one large folio that nobody else has; the caller holds mmap_lock
 *
 * Return: false: somebody may be zapping it; or it moves already.
 */
bool hmm_svm_whole_begin(struct hmm_svm_block *block)
{
	bool begins;

	spin_lock(&block->state);
	begins = !block->gone && !block->mover && block->zaps == block->settled;
	if (begins)
		block->mover = current;
	spin_unlock(&block->state);
	return begins;
}

/**
 * hmm_svm_whole_is_settled() - Whether hmm_svm_whole_begin() is of use
 * @block: block
 *
 * Return: false: hmm_svm_whole_settle() may help.
 */
bool hmm_svm_whole_is_settled(struct hmm_svm_block *block)
{
	bool settled;

	spin_lock(&block->state);
	settled = block->gone || (!block->mover && block->zaps == block->settled);
	spin_unlock(&block->state);
	return settled;
}

/**
 * hmm_svm_whole_end() - The end of hmm_svm_whole_begin()
 * @block: block
 */
void hmm_svm_whole_end(struct hmm_svm_block *block)
{
	spin_lock(&block->state);
	WRITE_ONCE(block->mover, NULL);
	spin_unlock(&block->state);
	/* Before wake_up_var() looks for those who wait. */
	smp_mb();
	wake_up_var(&block->mover);
}

/**
 * hmm_svm_whole_block() - The block with which a fault may move its folio
 * @chunk: that has it
 * @vmf: the fault, by a large entry
 *
 * Return: the block, for hmm_svm_chunk_put_block(); or NULL: the folio has to move by small
 * pages, as others have it, too, or no notifier watches that address.
 */
struct hmm_svm_block *hmm_svm_whole_block(struct hmm_svm_chunk *chunk, const struct vm_fault *vmf)
{
	struct hmm_svm_block *block = hmm_svm_chunk_get_block(chunk);

	if (!block)
		return NULL;
	if (block->notifier->svm->mm == vmf->vma->vm_mm &&
	    block->start == round_down(vmf->address, HMM_SVM_BLOCK_SIZE) &&
	    !READ_ONCE(block->gone) && folio_mapcount(page_folio(vmf->page)) == 1)
		return block;
	hmm_svm_chunk_put_block(block);
	return NULL;
}

/**
 * hmm_svm_whole_settle() - Let invalidations end that keep a fault from its folio
 * @block: for which hmm_svm_whole_begin() returned false
 * @folio: of the fault, locked
 *
 * They may want the lock, so they get it. The fault has to begin anew.
 */
void hmm_svm_whole_settle(struct hmm_svm_block *block, struct folio *folio)
{
	folio_unlock(folio);
	wait_for_mover(block);
	hmm_svm_whole_read_begin(block);
	folio_lock(folio);
}

/**
 * hmm_svm_lend() - Give up the reference of a fault, for core mm to split the folio
 * @chunk: that has the folio
 * @folio: all of the chunk, locked by the caller
 */
void hmm_svm_lend(struct hmm_svm_chunk *chunk, struct folio *folio)
{
	unsigned long flags;

	spin_lock_irqsave(&chunk->lock, flags);
	chunk->lent = HMM_SVM_LENT;
	spin_unlock_irqrestore(&chunk->lock, flags);
	folio_put(folio);
}

/**
 * hmm_svm_take_back() - Get the reference of hmm_svm_lend() back, to the first page
 * @chunk: as there
 * @folio: as there; since then, it may be the first page alone
 *
 * If it was freed meanwhile, the page becomes a new one, for the caller to free.
 */
void hmm_svm_take_back(struct hmm_svm_chunk *chunk, struct folio *folio)
{
	struct page *page = folio_page(folio, 0);
	unsigned long flags;

	if (!folio_try_get(folio)) {
		wait_var_event(&chunk->lent, READ_ONCE(chunk->lent) == HMM_SVM_LENT_FREED);
		folio_unlock(folio);
		hmm_svm_page_init(page, &chunk->sdev->pgmap);
	}
	spin_lock_irqsave(&chunk->lock, flags);
	VM_WARN_ON_ONCE(chunk->lent == HMM_SVM_LENT_NOT);
	chunk->lent = HMM_SVM_LENT_NOT;
	spin_unlock_irqrestore(&chunk->lock, flags);
}
