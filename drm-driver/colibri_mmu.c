// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * The MMU command ring: TLB invalidation and the answers to faults.
 */

/**
 * DOC: MMU commands
 *
 * Overview
 * --------
 *
 * The driver tells the MMU what to do through one ring in system memory: drop
 * translations (TLB_INV), let waves try again (FAULT_RETRY), stop them
 * (FAULT_FAIL).  The device executes the commands in order.  Posting a command
 * gives a ticket, the number of commands posted so far; a ticket is done when
 * the device has completed that many.  So one wait covers every earlier
 * command, whoever posted it.
 *
 * A register write leaves the virtual machine and costs more than most
 * commands, so the doorbell is rung only when the device says that it sleeps
 * (&colibri_status_page.mmu_idle), as in virtio's event index.
 *
 * A wait polls for some microseconds.  Then it posts SYNC with an interrupt and
 * sleeps.  A device that does not answer in time is declared lost; waits on a
 * lost device return at once.
 *
 * Locking
 * -------
 *
 * &colibri_mmu.lock is a spinlock, innermost, taken in process context only.
 * Posting neither sleeps nor allocates: it is done under the block locks of
 * hmm_svm and in MMU notifiers.  Waiting takes no lock but this one, so it may
 * be done in reclaim.  With the ring full, posting polls for room; the ring is
 * large enough that this is rare, and the device's progress depends on nothing
 * that the driver holds.
 */

#include <linux/iopoll.h>
#include <linux/ktime.h>

#include "colibri_device.h"
#include "colibri_lockdep.h"
#include "colibri_mmu.h"
#include "colibri_trace.h"

#define COLIBRI_MMU_RING_LOG2	12
#define COLIBRI_MMU_RING_SIZE	BIT(COLIBRI_MMU_RING_LOG2)

/* How long a wait polls: about as long as the interrupt would take to arrive. */
#define COLIBRI_MMU_POLL_US	30

/* How long posting polls for room in the ring, at most. */
#define COLIBRI_MMU_ROOM_NS	(10 * NSEC_PER_SEC)

/**
 * struct colibri_mmu - the command ring
 */
struct colibri_mmu {
	/** @lock: protects the fields below; innermost */
	spinlock_t lock;
	/** @rewinding: changes with what the indices count from */
	seqcount_spinlock_t rewinding;
	/** @ring: commands, shared with the device */
	struct colibri_mmu_cmd *ring;
	/** @bus: bus address of @ring */
	dma_addr_t bus;
	/** @posted: commands posted; read without the lock */
	u64 posted;
	/** @sync: the last ticket that a SYNC with interrupt covers */
	u64 sync;
	/** @frozen: the device executes nothing and holds no translation that it uses */
	bool frozen;
	/** @wq: who sleeps until a ticket is done */
	wait_queue_head_t wq;
};

/*
 * Commands that the device has completed.
 *
 * @posted is read before and after mmu_cons, as both move on while this task
 * is preempted: what the device says must lie behind what was posted by the
 * second read and not more than a ring behind the first.
 */
static u64 colibri_mmu_completed(struct colibri_device *cdev)
{
	struct colibri_mmu *mmu = cdev->mmu;
	unsigned int seq;
	u64 before, completed;
	u32 cons;

	do {
		seq = read_seqcount_begin(&mmu->rewinding);
		before = READ_ONCE(mmu->posted);
		/* Pairs with the device's release: the effects of the commands are visible. */
		cons = smp_load_acquire(&cdev->status->mmu_cons);
	} while (read_seqcount_retry(&mmu->rewinding, seq));
	completed = before + (s32)(cons - (u32)before);
	/* The ring was rewound meanwhile: what was posted before is done. */
	if (unlikely(READ_ONCE(mmu->posted) - before > COLIBRI_MMU_RING_SIZE))
		return before;
	if (unlikely(before > completed + COLIBRI_MMU_RING_SIZE ||
		     completed > READ_ONCE(mmu->posted))) {
		colibri_device_lost(cdev, "the MMU completes commands that were never posted");
		return before;
	}
	return completed;
}

static bool colibri_mmu_done(struct colibri_device *cdev, u64 ticket)
{
	return READ_ONCE(cdev->mmu->frozen) || colibri_mmu_completed(cdev) >= ticket ||
	       colibri_is_lost(cdev);
}

static bool colibri_mmu_has_room(struct colibri_device *cdev)
{
	return cdev->mmu->posted - colibri_mmu_completed(cdev) < COLIBRI_MMU_RING_SIZE ||
	       colibri_is_lost(cdev);
}

/* By the clock: rounds take however long, and the watchdog waits no longer than 20 s. */
static bool colibri_mmu_poll_room(struct colibri_device *cdev)
{
	u64 limit = min_t(u64, jiffies_to_nsecs(cdev->timeout), COLIBRI_MMU_ROOM_NS);
	u64 end = ktime_get_ns() + limit;

	while (!colibri_mmu_has_room(cdev)) {
		if (ktime_get_ns() >= end || colibri_device_resetting(cdev))
			return false;
		cpu_relax();
	}
	return true;
}

static void colibri_mmu_kick(struct colibri_device *cdev)
{
	/* The device looks at mmu_prod once more after it has set mmu_idle. */
	mb();
	if (READ_ONCE(cdev->status->mmu_idle) && !READ_ONCE(cdev->mmu->frozen) &&
	    !colibri_is_lost(cdev))
		colibri_write32(cdev, COLIBRI_REG_MMU_DOORBELL, 1);
}

/* The device counts from 0, modulo 2^32. */
static void colibri_mmu_count_anew(struct colibri_mmu *mmu)
{
	WRITE_ONCE(mmu->posted, (mmu->posted | U32_MAX) + 1);
}

/*
 * Reset the engine if it has not got to @ticket by now.  All that was asked for before
 * is done with that, as the device drops all translations.
 */
static bool colibri_mmu_reset_locked(struct colibri_device *cdev, u64 ticket)
{
	struct colibri_mmu *mmu = cdev->mmu;

	lockdep_assert_held(&mmu->lock);
	if (colibri_mmu_done(cdev, ticket))
		return true;
	if (colibri_device_resetting(cdev))
		return false;
	colibri_write32(cdev, COLIBRI_REG_ENGINE_RESET, COLIBRI_ENGINE_MMU);
	if (colibri_read64(cdev, COLIBRI_REG_MMU_RING))
		return false;
	write_seqcount_begin(&mmu->rewinding);
	WRITE_ONCE(cdev->status->mmu_prod, 0);
	WRITE_ONCE(cdev->status->mmu_cons, 0);
	WRITE_ONCE(cdev->status->mmu_idle, 0);
	colibri_mmu_count_anew(mmu);
	write_seqcount_end(&mmu->rewinding);
	colibri_mmu_start(cdev);
	colibri_engine_was_reset(cdev, "the MMU ring", true);
	return true;
}

static u64 colibri_mmu_post_locked(struct colibri_device *cdev, u32 op, u32 asid,
				   u64 va, u64 size, u64 arg)
{
	struct colibri_mmu *mmu = cdev->mmu;
	struct colibri_mmu_cmd *cmd;

	lockdep_assert_held(&mmu->lock);

	if (mmu->frozen || colibri_is_lost(cdev))
		return mmu->posted;

	if (unlikely(!colibri_mmu_has_room(cdev))) {
		colibri_mmu_kick(cdev);
		if (!colibri_mmu_poll_room(cdev) &&
		    !colibri_mmu_reset_locked(cdev, mmu->posted)) {
			/* A reset of the device does it, too, and waits for this lock. */
			if (!colibri_device_resetting(cdev))
				colibri_device_lost(cdev, "the MMU ring stays full");
			return mmu->posted;
		}
	}

	cmd = &mmu->ring[mmu->posted & (COLIBRI_MMU_RING_SIZE - 1)];
	cmd->op = op;
	cmd->asid = asid;
	cmd->va = va;
	cmd->size = size;
	cmd->arg = arg;

	WRITE_ONCE(mmu->posted, mmu->posted + 1);
	/* Publishes the command, and the page-table entries written before. */
	smp_store_release(&cdev->status->mmu_prod, (u32)mmu->posted);
	return mmu->posted;
}

static u64 colibri_mmu_post(struct colibri_device *cdev, u32 op, u32 asid, u64 va, u64 size,
			    u64 arg)
{
	struct colibri_mmu *mmu = cdev->mmu;
	u64 ticket;

	spin_lock(&mmu->lock);
	ticket = colibri_mmu_post_locked(cdev, op, asid, va, size, arg);
	spin_unlock(&mmu->lock);

	colibri_mmu_kick(cdev);
	return ticket;
}

/**
 * colibri_mmu_invalidate() - start dropping cached translations
 * @cdev: device
 * @asid: address space
 * @va: start, a multiple of 4 KiB
 * @size: bytes, a multiple of 4 KiB, or COLIBRI_MMU_ALL
 *
 * Context: process context; does not sleep.
 * Return: a ticket for colibri_mmu_wait().
 */
u64 colibri_mmu_invalidate(struct colibri_device *cdev, u32 asid, u64 va, u64 size)
{
	trace_colibri_tlb_inv(asid, va, size);
	return colibri_mmu_post(cdev, COLIBRI_MMU_TLB_INV, asid, va, size, 0);
}

/**
 * colibri_mmu_retry() - let everything that waits on pages of the range try again
 * @cdev: device
 * @asid: address space
 * @va: start, a multiple of 4 KiB
 * @size: bytes, a multiple of 4 KiB, or COLIBRI_MMU_ALL
 */
void colibri_mmu_retry(struct colibri_device *cdev, u32 asid, u64 va, u64 size)
{
	colibri_mmu_post(cdev, COLIBRI_MMU_FAULT_RETRY, asid, va, size, 0);
}

/**
 * colibri_mmu_fail() - stop the queues that wait on pages of the range
 * @cdev: device
 * @asid: address space
 * @va: start, a multiple of 4 KiB
 * @size: bytes, a multiple of 4 KiB, or COLIBRI_MMU_ALL
 * @reason: positive errno
 */
void colibri_mmu_fail(struct colibri_device *cdev, u32 asid, u64 va, u64 size, u64 reason)
{
	colibri_mmu_post(cdev, COLIBRI_MMU_FAULT_FAIL, asid, va, size, reason);
}

/* Have an interrupt raised when @ticket is done, unless one is on its way. */
static void colibri_mmu_sync(struct colibri_device *cdev, u64 ticket)
{
	struct colibri_mmu *mmu = cdev->mmu;

	spin_lock(&mmu->lock);
	if (mmu->sync < ticket)
		mmu->sync = colibri_mmu_post_locked(cdev, COLIBRI_MMU_SYNC, 0, 0, 0, 1);
	spin_unlock(&mmu->lock);

	colibri_mmu_kick(cdev);
}

/* Help an engine that does not get to @ticket: see colibri_hang.c. */
static void colibri_mmu_recover(struct colibri_device *cdev, u64 ticket)
{
	u32 resets = colibri_device_resets(cdev);
	struct colibri_mmu *mmu = cdev->mmu;
	bool done;

	/* Commands from before a reset of the device are done. */
	spin_lock(&mmu->lock);
	done = colibri_mmu_reset_locked(cdev, ticket);
	spin_unlock(&mmu->lock);
	if (done) {
		wake_up_all(&mmu->wq);
		return;
	}
	colibri_device_recover(cdev, resets, "the MMU does not complete commands");
	if (!wait_event_timeout(mmu->wq, colibri_mmu_done(cdev, ticket), cdev->timeout))
		colibri_device_lost(cdev, "the MMU does not complete commands");
}

/**
 * colibri_mmu_wait() - wait until a command and all before it are complete
 * @cdev: device
 * @ticket: of the command
 * @may_sleep: whether to sleep when polling takes too long
 *
 * Context: process context; allocates nothing, may be called from reclaim.
 * Return: 0, also when the device is lost; -EAGAIN without @may_sleep.
 */
int colibri_mmu_wait(struct colibri_device *cdev, u64 ticket, bool may_sleep)
{
	bool done;

	if (!read_poll_timeout_atomic(colibri_mmu_done, done, done, 1, COLIBRI_MMU_POLL_US,
				      false, cdev, ticket))
		return 0;
	if (!may_sleep)
		return -EAGAIN;

	colibri_mmu_sync(cdev, ticket);
	if (!wait_event_timeout(cdev->mmu->wq, colibri_mmu_done(cdev, ticket), cdev->timeout))
		colibri_mmu_recover(cdev, ticket);
	return 0;
}

/**
 * colibri_mmu_freeze() - let the ring run empty and take no more commands
 * @cdev: device without work
 *
 * Until colibri_mmu_unfreeze() commands are dropped and waits return at once.
 * What they would have done has to be made good then, for all address spaces.
 */
void colibri_mmu_freeze(struct colibri_device *cdev)
{
	struct colibri_mmu *mmu = cdev->mmu;

	colibri_mmu_wait(cdev, READ_ONCE(mmu->posted), true);
	spin_lock(&mmu->lock);
	WRITE_ONCE(mmu->frozen, true);
	spin_unlock(&mmu->lock);
	/* For those posted in between. */
	wake_up_all(&mmu->wq);
}

/**
 * colibri_mmu_unfreeze() - take commands again
 * @cdev: device, which has kept its state or has been restarted
 */
void colibri_mmu_unfreeze(struct colibri_device *cdev)
{
	struct colibri_mmu *mmu = cdev->mmu;

	spin_lock(&mmu->lock);
	WRITE_ONCE(mmu->frozen, false);
	spin_unlock(&mmu->lock);
}

/**
 * colibri_mmu_rewind() - begin at the start of all rings of the status page again
 * @cdev: device that has been reset
 *
 * Tickets go on rising, so those from before are done.
 */
void colibri_mmu_rewind(struct colibri_device *cdev)
{
	struct colibri_mmu *mmu = cdev->mmu;

	spin_lock(&mmu->lock);
	write_seqcount_begin(&mmu->rewinding);
	memset(cdev->status, 0, sizeof(*cdev->status));
	colibri_mmu_count_anew(mmu);
	write_seqcount_end(&mmu->rewinding);
	spin_unlock(&mmu->lock);
}

/**
 * colibri_mmu_wake() - let waiters look again
 * @cdev: device
 *
 * Called on VEC_MMU and when the device is lost.  Context: any.
 */
void colibri_mmu_wake(struct colibri_device *cdev)
{
	wake_up_all(&cdev->mmu->wq);
}

/**
 * colibri_mmu_get_indices() - for debugfs
 * @cdev: device
 * @posted: returns the commands posted
 * @completed: returns the commands completed
 */
void colibri_mmu_get_indices(struct colibri_device *cdev, u64 *posted, u64 *completed)
{
	*completed = colibri_mmu_completed(cdev);
	*posted = READ_ONCE(cdev->mmu->posted);
}

/**
 * colibri_mmu_init() - allocate the command ring
 * @cdev: device
 *
 * Return: 0 or a negative errno.
 */
int colibri_mmu_init(struct colibri_device *cdev)
{
	struct device *dev = cdev->base.dev;
	struct colibri_mmu *mmu;

	mmu = devm_kzalloc(dev, sizeof(*mmu), GFP_KERNEL);
	if (!mmu)
		return -ENOMEM;

	spin_lock_init(&mmu->lock);
	seqcount_spinlock_init(&mmu->rewinding, &mmu->lock);
	colibri_lockdep_in_reclaim(&mmu->lock);
	init_waitqueue_head(&mmu->wq);
	mmu->ring = dmam_alloc_coherent(dev, COLIBRI_MMU_RING_SIZE * sizeof(*mmu->ring),
					&mmu->bus, GFP_KERNEL);
	if (!mmu->ring)
		return -ENOMEM;

	cdev->mmu = mmu;
	return 0;
}

/**
 * colibri_mmu_start() - give the ring to the device, which has been reset
 * @cdev: device
 */
void colibri_mmu_start(struct colibri_device *cdev)
{
	colibri_write32(cdev, COLIBRI_REG_MMU_RING_LOG2, COLIBRI_MMU_RING_LOG2);
	colibri_write64(cdev, COLIBRI_REG_MMU_RING, cdev->mmu->bus);
}
