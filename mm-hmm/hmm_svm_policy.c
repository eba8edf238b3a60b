// SPDX-License-Identifier: GPL-2.0
/*
 * Policies: where memory goes and how much of it at once. Each is a function
 * with a name; none is needed for correctness.
 */
#include <linux/jiffies.h>
#include <linux/mm.h>
#include <linux/userfaultfd_k.h>

#include "hmm_svm_internal.h"
#include "hmm_svm_trace.h"

/* The least that one fault maps or moves: 64 KiB. */
#define HMM_SVM_MIN_WINDOW	16U

/*
 * Round trips of a block between device and system memory. A CPU that takes
 * pages back counts when it does so all the time; an eviction counts twice
 * when the block is wanted again before much else of the mirror had to go, however
 * long that takes: it says that what is in use does not fit. After so many, the
 * block stays in system memory, each time for twice as long.
 */
#define HMM_SVM_THRASH_TRIPS	4
#define HMM_SVM_THRASH_TIME	(HZ / 2)
#define HMM_SVM_THRASH_TURNS	32	/* evictions per chunk of the device */
#define HMM_SVM_THRASH_MAX	(8 * HZ)

/*
 * Memory that the program has locked, or whose faults it serves itself, is left
 * where the program put it. So is what KSM may merge: core mm loses count of a
 * merged page that is in device memory (its stable node moves there, and ksmd
 * would read it).
 */
static bool is_free_to_move(struct vm_area_struct *vma)
{
	return !(vma->vm_flags & (VM_SPECIAL | VM_LOCKED | VM_SHARED | VM_MERGEABLE)) &&
	       !userfaultfd_armed(vma);
}

/**
 * hmm_svm_vma_can_migrate() - Whether pages of a vma may live in device memory
 * @vma: vma
 *
 * Core mm migrates private anonymous memory only.
 *
 * Return: whether.
 */
bool hmm_svm_vma_can_migrate(struct vm_area_struct *vma)
{
	return vma_is_anonymous(vma) && is_free_to_move(vma);
}

/**
 * hmm_svm_vma_can_prefetch() - Whether they may when the program asks for it
 * @vma: vma
 *
 * Then so may the program's own copies of a file's pages (``MAP_PRIVATE``, also
 * ``.data``). A touch does not move them: it would unmap the page cache around
 * them, too, in order to find them.
 *
 * Return: whether.
 */
bool hmm_svm_vma_can_prefetch(struct vm_area_struct *vma)
{
	return (vma_is_anonymous(vma) || vma->anon_vma) && is_free_to_move(vma);
}

/* Under hmm_svm_device.lock: pages of the block come to device memory. */
void hmm_svm_note_arrival(struct hmm_svm_block *block)
{
	lockdep_assert_held(&block->notifier->svm->sdev->lock);

	block->left = HMM_SVM_LEFT_NOT;
}

/* Under hmm_svm_device.lock: pages of the chunk moved to system memory. */
void hmm_svm_note_departure(struct hmm_svm_chunk *chunk)
{
	struct hmm_svm_block *block = chunk->block;
	struct hmm_svm *svm;

	lockdep_assert_held(&chunk->sdev->lock);

	if (!block)
		return;
	svm = block->notifier->svm;
	block->left = HMM_SVM_LEFT_BY_CPU;
	if (chunk->state == HMM_SVM_CHUNK_EVICTING) {
		block->left = HMM_SVM_LEFT_EVICTED;
		block->left_at = svm->turns++;
	}
}

/* What it counts for that the device wants the block again, under hmm_svm_device.lock. */
static unsigned int trip_weight(const struct hmm_svm_block *block)
{
	const struct hmm_svm *svm = block->notifier->svm;
	unsigned int room = svm->sdev->nr_chunks - svm->sdev->nr_driver;

	if (block->left == HMM_SVM_LEFT_EVICTED)
		return svm->turns - block->left_at <= HMM_SVM_THRASH_TURNS * room ? 2 : 0;
	return time_before_eq(jiffies, block->last_trip + HMM_SVM_THRASH_TIME) ? 1 : 0;
}

/* Under hmm_svm_device.lock. */
static void pin_in_system(struct hmm_svm_block *block)
{
	if (time_after(jiffies, block->pinned_until + 4 * block->pin_time))
		block->pin_time = 0;
	block->pin_time = clamp(2 * block->pin_time, HMM_SVM_THRASH_TIME, HMM_SVM_THRASH_MAX);
	block->pinned_until = jiffies + block->pin_time;
	block->trips = 0;
	hmm_svm_count(block->notifier->svm->counters, HMM_SVM_NR_THRASH_PINS, 1);
	trace_hmm_svm_thrash_pin(block);
}

/* Once for each time that pages left. */
static void count_trip(struct hmm_svm_block *block)
{
	unsigned int trip = trip_weight(block);

	block->trips = trip ? block->trips + trip : 1;
	block->last_trip = jiffies;
	block->left = HMM_SVM_LEFT_NOT;
	if (block->trips >= HMM_SVM_THRASH_TRIPS)
		pin_in_system(block);
}

/**
 * hmm_svm_policy_thrash() - Whether a block is to stay in system memory for now
 * @block: block that the device wants
 *
 * Since it went to and fro: see HMM_SVM_THRASH_TRIPS.
 *
 * Return: whether.
 */
bool hmm_svm_policy_thrash(struct hmm_svm_block *block)
{
	struct hmm_svm_device *sdev = block->notifier->svm->sdev;
	unsigned long flags;
	bool ret;

	if (READ_ONCE(block->left) == HMM_SVM_LEFT_NOT && !READ_ONCE(block->pin_time))
		return false;
	spin_lock_irqsave(&sdev->lock, flags);
	if (block->left != HMM_SVM_LEFT_NOT)
		count_trip(block);
	ret = block->pin_time && time_before(jiffies, block->pinned_until);
	spin_unlock_irqrestore(&sdev->lock, flags);
	return ret;
}

/**
 * hmm_svm_policy_local_atomic() - Whether an atomic needs the page for the device alone
 * @svm: mirror
 * @advised: what holds for the page
 *
 * Because its atomics on system memory are none for the CPU, or because the program
 * says that no CPU does any meanwhile, and device memory is the faster.
 *
 * Return: whether.
 */
bool hmm_svm_policy_local_atomic(const struct hmm_svm *svm, const struct hmm_svm_advised *advised)
{
	if (!(svm->sdev->flags & HMM_SVM_DEVICE_SYS_ATOMICS))
		return true;
	/* Without device-private memory there are no exclusive pages, either. */
	return HMM_SVM_CAN_MIGRATE && advised->v[HMM_SVM_ADVISE_ATOMIC] == HMM_SVM_ATOMIC_DEVICE;
}

/**
 * hmm_svm_policy_first_touch() - Memory moves to the device that touches it
 * @block: block with the fault
 * @vma: vma with the fault
 * @advised: what holds at its address
 * @access: what the device does
 *
 * Unless it cannot move, advice is against it, or it has moved to and fro too
 * often lately. What is read mostly moves when it is written. An atomic that
 * the device cannot do in place overrides all but the preferred location.
 *
 * Return: where it belongs.
 */
enum hmm_svm_placement hmm_svm_policy_first_touch(struct hmm_svm_block *block,
						  struct vm_area_struct *vma,
						  const struct hmm_svm_advised *advised,
						  enum hmm_svm_access access)
{
	const struct hmm_svm *svm = block->notifier->svm;

	if (!hmm_svm_has_pages(svm->sdev) || !hmm_svm_vma_can_migrate(vma))
		return HMM_SVM_PLACE_SYSTEM;

	switch (advised->v[HMM_SVM_ADVISE_PREFERRED]) {
	case HMM_SVM_LOC_DEVICE:
		return HMM_SVM_PLACE_DEVICE;
	case HMM_SVM_LOC_SYSTEM:
		return HMM_SVM_PLACE_REMOTE;
	}
	if (access == HMM_SVM_ATOMIC && hmm_svm_policy_local_atomic(svm, advised))
		return HMM_SVM_PLACE_DEVICE;
	if (advised->v[HMM_SVM_ADVISE_TOUCH] == HMM_SVM_TOUCH_REMOTE)
		return HMM_SVM_PLACE_REMOTE;
	if (advised->v[HMM_SVM_ADVISE_READ_MOSTLY] && access == HMM_SVM_READ)
		return HMM_SVM_PLACE_SYSTEM;
	if (advised->v[HMM_SVM_ADVISE_THRASH] && hmm_svm_policy_thrash(block))
		return HMM_SVM_PLACE_SYSTEM;
	return HMM_SVM_PLACE_DEVICE;
}

/**
 * hmm_svm_policy_promote() - Whether memory moves since the device uses it a lot
 * @block: block
 * @vma: vma
 * @advised: what holds there
 *
 * What the device was to map remotely at first touch, too: that is what its
 * access counters are for.
 *
 * Return: whether.
 */
bool hmm_svm_policy_promote(struct hmm_svm_block *block, struct vm_area_struct *vma,
			    const struct hmm_svm_advised *advised)
{
	return hmm_svm_has_pages(block->notifier->svm->sdev) && hmm_svm_vma_can_migrate(vma) &&
	       advised->v[HMM_SVM_ADVISE_PROMOTE] && !advised->v[HMM_SVM_ADVISE_READ_MOSTLY] &&
	       advised->v[HMM_SVM_ADVISE_PREFERRED] != HMM_SVM_LOC_SYSTEM &&
	       !(advised->v[HMM_SVM_ADVISE_THRASH] && hmm_svm_policy_thrash(block));
}

/* The number of bits set in [@first, @last). */
unsigned int hmm_svm_weight(const unsigned long *bits, unsigned int first, unsigned int last)
{
	unsigned int i, w = 0;

	if (first >= last)
		return 0;
	for (i = BIT_WORD(first); i <= BIT_WORD(last - 1); i++) {
		unsigned long word = bits[i];

		if (i == BIT_WORD(first))
			word &= BITMAP_FIRST_WORD_MASK(first);
		if (i == BIT_WORD(last - 1))
			word &= BITMAP_LAST_WORD_MASK(last);
		w += hweight_long(word);
	}
	return w;
}

/*
 * Whether the device has a neighbour from end to end, as it has when it works its way
 * through memory. While chunks run out, what is brought and not used costs the copy of
 * an eviction.
 */
static bool continues_neighbour(const struct hmm_svm_block *block, const struct vm_area_struct *vma,
				bool but_holes)
{
	struct hmm_svm *svm = block->notifier->svm;
	u64 end = hmm_svm_block_end(block);

	if (hmm_svm_is_short(svm->sdev))
		return false;
	return (block->start >= vma->vm_start + HMM_SVM_BLOCK_SIZE &&
		hmm_svm_block_is_full(svm, block->start - HMM_SVM_BLOCK_SIZE, but_holes)) ||
	       (vma->vm_end >= end + HMM_SVM_BLOCK_SIZE &&
		hmm_svm_block_is_full(svm, end, but_holes));
}

/*
 * The same within a block, of which pages [@low, @high) are in the vma: whether all that the
 * device has lies between one end and the window [@first, @last), to which it has come in
 * more than one step.
 */
static bool continues_itself(const struct hmm_svm_block *block, const unsigned long *known,
			     unsigned int low, unsigned int high, unsigned int first,
			     unsigned int last)
{
	unsigned int before = hmm_svm_weight(known, low, first);
	unsigned int behind = hmm_svm_weight(known, last, high);

	if (before + behind < 2 * HMM_SVM_MIN_WINDOW)
		return false;
	if (hmm_svm_is_short(block->notifier->svm->sdev))
		return false;
	return (!behind && low + before == first) || (!before && last + behind == high);
}

/**
 * hmm_svm_policy_density() - How much around a fault to serve with it
 * @block: block with the fault
 * @vma: vma with the fault
 * @addr: faulting address
 * @order: the most, as log2 of pages
 *
 * The largest aligned power of two of pages of which more than half would be
 * mapped after the smallest window around @addr is. So a block that is used here and
 * there comes with what is used; one that is used from end to end comes with three
 * faults, the third of which finds that. Where the program wants huge pages, the
 * first fault brings the whole block, as one large folio if nothing of it is there yet. So
 * does a fault next to a block that is mapped from end to end. What nobody has touched
 * counts as mapped, unless it is what the device wants.
 *
 * Return: the range, in @block and @vma, with @addr in it, less what counts as
 * mapped at its ends.
 */
struct hmm_svm_span hmm_svm_policy_density(struct hmm_svm_block *block,
					   struct vm_area_struct *vma, u64 addr,
					   unsigned int order)
{
	struct hmm_svm_span all = hmm_svm_clip_to_vma(vma, block->start, hmm_svm_block_end(block));
	unsigned int low = hmm_svm_page_index(block, all.start);
	unsigned int high = low + ((all.end - all.start) >> PAGE_SHIFT);
	unsigned int page = hmm_svm_page_index(block, addr);
	unsigned int n = min(HMM_SVM_MIN_WINDOW, 1U << order);
	unsigned int first = round_down(page, n);
	bool but_holes = !test_bit(page, block->empty);
	DECLARE_BITMAP(known, HMM_SVM_BLOCK_PAGES);
	unsigned int size, gain, last;

	lockdep_assert_held(&block->migrate);

	if ((vma->vm_flags & VM_HUGEPAGE) && 1U << order >= HMM_SVM_BLOCK_PAGES &&
	    bitmap_empty(block->mapped, HMM_SVM_BLOCK_PAGES))
		return all;

	bitmap_copy(known, block->mapped, HMM_SVM_BLOCK_PAGES);
	if (but_holes)
		bitmap_or(known, known, block->empty, HMM_SVM_BLOCK_PAGES);
	if (1U << order >= HMM_SVM_BLOCK_PAGES &&
	    (continues_neighbour(block, vma, but_holes) ||
	     continues_itself(block, known, low, high, first, first + n))) {
		first = 0;
		n = HMM_SVM_BLOCK_PAGES;
	}
	gain = n - hmm_svm_weight(known, first, first + n);
	for (size = 2 * n; size <= 1U << order; size *= 2) {
		unsigned int start = round_down(page, size);

		if (2 * (hmm_svm_weight(known, start, start + size) + gain) > size) {
			first = start;
			n = size;
		}
	}
	/* What is there stays undisturbed. */
	last = min(first + n, high);
	first = max(first, low);
	while (first < page && test_bit(first, known))
		first++;
	while (last > page + 1 && test_bit(last - 1, known))
		last--;
	return (struct hmm_svm_span) {
		.start = block->start + ((u64)first << PAGE_SHIFT),
		.end = block->start + ((u64)last << PAGE_SHIFT),
	};
}

/**
 * hmm_svm_policy_readback() - How much around a CPU fault to move back with it
 * @chunk: chunk of the faulting page
 * @vma: vma with the fault
 * @addr: faulting address
 *
 * Twice as much with each CPU fault in a row.
 *
 * Return: the range, in @vma, with @addr in it.
 */
struct hmm_svm_span hmm_svm_policy_readback(struct hmm_svm_chunk *chunk,
					    struct vm_area_struct *vma, u64 addr)
{
	unsigned long flags;
	u64 size, start;

	spin_lock_irqsave(&chunk->sdev->lock, flags);
	chunk->cpu_window = clamp(2 * chunk->cpu_window, HMM_SVM_MIN_WINDOW,
				  (unsigned int)HMM_SVM_BLOCK_PAGES);
	size = (u64)chunk->cpu_window << PAGE_SHIFT;
	spin_unlock_irqrestore(&chunk->sdev->lock, flags);

	start = round_down(addr, size);
	return hmm_svm_clip_to_vma(vma, start, start + size);
}
