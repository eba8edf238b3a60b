// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * The migration engine: moves pages between system memory and VRAM.
 */

/**
 * DOC: Migration engine
 *
 * Overview
 * --------
 *
 * Hardware queue 0 takes packets of the driver alone, works on physical
 * addresses, can never fault and never waits for another queue.  So a copy
 * always completes, whatever user space does, and hmm_svm may ask for one with
 * folios locked.
 *
 * A copy takes one of a fixed number of slots, each with a preallocated scatter
 * list in coherent memory, and pushes two packets:  MIGRATE, which names the
 * list, and FENCE, which writes the copy's number to a word in memory.  As many
 * copies as there are slots are in flight; the ring has room for all of them, so
 * pushing never waits.
 *
 * To sleep and to be woken by an interrupt takes longer than most copies do, so
 * a wait first looks at that word for as long as the copy should take.  Then it
 * pushes a FENCE that raises VEC_MIGRATE, and sleeps.
 *
 * Locking
 * -------
 *
 * &colibri_copy.lock is a spinlock, innermost.  Waiting for a slot and for
 * completion sleeps uninterruptibly (the data of locked folios is under way)
 * but not for longer than the device timeout, after which the device is lost.
 * Nothing here allocates memory or depends on user work.
 */

#include <linux/fs.h>
#include <linux/sched/clock.h>
#include <linux/sizes.h>

#include "colibri_copy.h"
#include "colibri_device.h"
#include "colibri_lockdep.h"
#include "colibri_trace.h"
#include "hmm_svm.h"

#define COLIBRI_COPY_SLOTS	16
#define COLIBRI_COPY_EXTENTS	512	/* of a slot: the pages of one block */
#define COLIBRI_COPY_RING_LOG2	6
#define COLIBRI_COPY_RING_SIZE	BIT(COLIBRI_COPY_RING_LOG2)

/* How long a wait polls: for any copy, and for each microsecond of it. */
#define COLIBRI_COPY_POLL_NS	(20 * NSEC_PER_USEC)
#define COLIBRI_COPY_BYTES_PER_US	SZ_8K

/*
 * A fence that raises an interrupt is pushed for a copy that none covers yet.  So
 * of those in the ring, each but the first has an unfinished copy before it.
 */
static_assert(COLIBRI_COPY_RING_SIZE >= 3 * COLIBRI_COPY_SLOTS + 1);
static_assert(COLIBRI_COPY_EXTENTS <= COLIBRI_MAX_EXTENTS);

/**
 * struct colibri_copy_mem - what the driver shares with the engine
 */
struct colibri_copy_mem {
	/** @cb: control block of queue 0 */
	struct colibri_queue_cb cb;
	/** @fence: number of the last completed copy, written by the engine */
	u64 fence;
	/** @pad: keeps what the CPU writes off the line of @fence */
	u64 pad[7];
	/** @ring: packets */
	union {
		struct colibri_pkt_migrate migrate;
		struct colibri_pkt_fence fence;
	} ring[COLIBRI_COPY_RING_SIZE];
	/** @list: scatter list of each slot */
	struct colibri_extent list[COLIBRI_COPY_SLOTS][COLIBRI_COPY_EXTENTS];
};

/**
 * enum colibri_copy_help - what is done for an engine that hangs, in this order
 */
enum colibri_copy_help {
	/** @COLIBRI_COPY_RESET_ENGINE: it is reset alone */
	COLIBRI_COPY_RESET_ENGINE,
	/** @COLIBRI_COPY_RESET_DEVICE: the device is reset */
	COLIBRI_COPY_RESET_DEVICE,
	/** @COLIBRI_COPY_LOST: the device is lost */
	COLIBRI_COPY_LOST,
};

/**
 * struct colibri_copy - the migration engine
 */
struct colibri_copy {
	/** @lock: protects the ring and the fields below; innermost */
	spinlock_t lock;
	/** @mem: rings and lists */
	struct colibri_copy_mem *mem;
	/** @bus: bus address of @mem */
	dma_addr_t bus;
	/** @slot: the copy in each slot that is not free */
	struct {
		/** @slot.seq: its number, 0: not pushed yet */
		u64 seq;
		/** @slot.count: extents */
		u32 count;
		/** @slot.bytes: how much they are */
		u64 bytes;
	} slot[COLIBRI_COPY_SLOTS];
	/** @free: bit set: the slot is free */
	unsigned long free;
	/** @pushed: packets pushed */
	u64 pushed;
	/** @seq: number of the last copy; read without the lock */
	u64 seq;
	/** @sync: the last copy that a fence with interrupt covers */
	u64 sync;
	/** @starts: how often the engine was started; read without the lock */
	u32 starts;
	/** @stuck: the last complete copy when the engine had to be helped last */
	u64 stuck;
	/** @help: what is next if it still is */
	enum colibri_copy_help help;
	/** @frozen: no copy begins */
	bool frozen;
	/** @wq: who waits for a slot or for a copy */
	wait_queue_head_t wq;
};

/* Take a free slot, or return a negative errno; -EAGAIN: none is free now. */
static int colibri_copy_try_slot(struct colibri_device *cdev)
{
	struct colibri_copy *copy = cdev->copy;
	int slot = -EAGAIN;

	if (colibri_is_lost(cdev))
		return -EIO;
	spin_lock(&copy->lock);
	if (copy->free && !copy->frozen) {
		slot = __ffs(copy->free);
		__clear_bit(slot, &copy->free);
		copy->slot[slot].seq = 0;
	}
	spin_unlock(&copy->lock);
	return slot;
}

static int colibri_copy_get_slot(struct colibri_device *cdev)
{
	int slot = -EAGAIN;

	/* The system sleeps, however long. */
	wait_event(cdev->copy->wq, !READ_ONCE(cdev->copy->frozen) || colibri_is_lost(cdev));
	/* Who waits for those that have one helps an engine that hangs. */
	wait_event_timeout(cdev->copy->wq, (slot = colibri_copy_try_slot(cdev)) != -EAGAIN,
			   4 * cdev->timeout);
	if (slot == -EAGAIN)
		colibri_device_lost(cdev, "the migration engine does not finish any copy");
	return slot < 0 ? -EIO : slot;
}

static void colibri_copy_put_slot(struct colibri_copy *copy, unsigned int slot)
{
	spin_lock(&copy->lock);
	__set_bit(slot, &copy->free);
	spin_unlock(&copy->lock);
	wake_up(&copy->wq);
}

/* Write the scatter list; returns the bytes in it. */
static u64 colibri_copy_fill(struct colibri_extent *list, const struct hmm_svm_extent *extents,
			     unsigned int count)
{
	unsigned int i;
	u64 bytes = 0;

	for (i = 0; i < count; i++) {
		const struct hmm_svm_extent *e = &extents[i];

		list[i].dst = e->dst | (e->flags & HMM_SVM_EXTENT_DST_DEV ? 0 : COLIBRI_PHYS_SYS);
		list[i].src = e->src | (e->flags & HMM_SVM_EXTENT_SRC_DEV ? 0 : COLIBRI_PHYS_SYS);
		list[i].size = e->size;
		list[i].flags = e->flags & HMM_SVM_EXTENT_CLEAR ? COLIBRI_EXTENT_CLEAR : 0;
		bytes += e->size;
	}
	return bytes;
}

/* Push a fence that says that copies up to @seq, all that were pushed so far, are complete. */
static void colibri_copy_push_fence(struct colibri_copy *copy, u64 seq, u32 flags)
{
	struct colibri_copy_mem *mem = copy->mem;
	struct colibri_pkt_fence *fence;

	lockdep_assert_held(&copy->lock);

	fence = &mem->ring[copy->pushed++ % COLIBRI_COPY_RING_SIZE].fence;
	fence->op = COLIBRI_OP_FENCE;
	fence->flags = flags;
	fence->addr = copy->bus + offsetof(struct colibri_copy_mem, fence);
	fence->value = seq;
	/* A packet is valid with its header, so the header comes last. */
	smp_store_release(&fence->header, COLIBRI_PKT_VENDOR | COLIBRI_PKT_BARRIER_BIT);

	/* Publishes the packets, and the list that they name. */
	smp_store_release(&mem->cb.write_index, copy->pushed);
}

static void colibri_copy_kick(struct colibri_device *cdev)
{
	/* The engine looks at write_index once more after it has set idle. */
	mb();
	if (READ_ONCE(cdev->copy->mem->cb.idle))
		colibri_write32(cdev, COLIBRI_DOORBELL(COLIBRI_MIGRATE_QUEUE), 1);
}

/* Push the packets of the copy in @slot, which has its number. */
static void colibri_copy_push_slot(struct colibri_copy *copy, unsigned int slot)
{
	struct colibri_pkt_migrate *migrate;

	lockdep_assert_held(&copy->lock);
	migrate = &copy->mem->ring[copy->pushed++ % COLIBRI_COPY_RING_SIZE].migrate;
	migrate->op = COLIBRI_OP_MIGRATE;
	migrate->count = copy->slot[slot].count;
	migrate->list = copy->bus + offsetof(struct colibri_copy_mem, list[slot]);
	/* As for fences. */
	smp_store_release(&migrate->header, COLIBRI_PKT_VENDOR);
	colibri_copy_push_fence(copy, copy->slot[slot].seq, 0);
}

/* Begin the copy in @slot. */
static void colibri_copy_push(struct colibri_device *cdev, unsigned int slot, unsigned int count)
{
	struct colibri_copy *copy = cdev->copy;
	u64 seq;

	spin_lock(&copy->lock);
	seq = copy->seq + 1;
	WRITE_ONCE(copy->seq, seq);
	copy->slot[slot].seq = seq;
	copy->slot[slot].count = count;
	colibri_copy_push_slot(copy, slot);
	spin_unlock(&copy->lock);

	colibri_copy_kick(cdev);
}

/* Have an interrupt raised when copy @seq is complete, unless one is on its way. */
static void colibri_copy_sync(struct colibri_device *cdev, u64 seq)
{
	struct colibri_copy *copy = cdev->copy;

	spin_lock(&copy->lock);
	if (copy->sync < seq) {
		copy->sync = copy->seq;
		colibri_copy_push_fence(copy, copy->seq, COLIBRI_FENCE_IRQ);
	}
	spin_unlock(&copy->lock);

	colibri_copy_kick(cdev);
}

/* Whether copy @seq is complete: the engine wrote its number after the data. */
static bool colibri_copy_complete(struct colibri_device *cdev, u64 seq)
{
	struct colibri_copy *copy = cdev->copy;
	u64 done = smp_load_acquire(&copy->mem->fence); /* before the data is read */

	/* Later ones would seem complete before they begin. */
	if (unlikely(done > READ_ONCE(copy->seq))) {
		colibri_device_lost(cdev, "the migration engine finishes copies that never began");
		return false;
	}
	return done >= seq;
}

static bool colibri_copy_done(struct colibri_device *cdev, u64 seq)
{
	return colibri_copy_complete(cdev, seq) || colibri_is_lost(cdev);
}

/* Wait without sleeping for as long as @bytes should take; returns whether they did. */
static bool colibri_copy_poll(struct colibri_device *cdev, u64 seq, u64 bytes)
{
	u64 end = local_clock() + COLIBRI_COPY_POLL_NS +
		  bytes / COLIBRI_COPY_BYTES_PER_US * NSEC_PER_USEC;

	while (!colibri_copy_done(cdev, seq)) {
		/* Another CPU's clock may be off: then it is a shorter wait, or a longer one. */
		if (need_resched() || local_clock() >= end)
			return false;
		cpu_relax();
	}
	return true;
}

/* The slot with the first copy behind @seq, or a negative number. */
static int colibri_copy_next(struct colibri_copy *copy, u64 seq)
{
	unsigned int i;
	int next = -1;

	for (i = 0; i < COLIBRI_COPY_SLOTS; i++) {
		if (copy->free & BIT(i) || copy->slot[i].seq <= seq)
			continue;
		if (next < 0 || copy->slot[i].seq < copy->slot[next].seq)
			next = i;
	}
	return next;
}

/* Give the ring to the engine, which is disabled. */
static void colibri_copy_enable(struct colibri_device *cdev)
{
	u32 queue = COLIBRI_REG_QUEUE(COLIBRI_MIGRATE_QUEUE);
	dma_addr_t bus = cdev->copy->bus;

	colibri_write64(cdev, queue + COLIBRI_QREG_RING,
			bus + offsetof(struct colibri_copy_mem, ring));
	colibri_write64(cdev, queue + COLIBRI_QREG_CB, bus + offsetof(struct colibri_copy_mem, cb));
	colibri_write32(cdev, queue + COLIBRI_QREG_RING_LOG2, COLIBRI_COPY_RING_LOG2);
	colibri_write32(cdev, queue + COLIBRI_QREG_CTL, COLIBRI_QCTL_ENABLE);
}

/* Start the engine, which is disabled, and have it make what it has not completed. */
static void colibri_copy_start_locked(struct colibri_device *cdev)
{
	struct colibri_copy *copy = cdev->copy;
	int slot;

	lockdep_assert_held(&copy->lock);
	WRITE_ONCE(copy->starts, copy->starts + 1);
	memset(&copy->mem->cb, 0, sizeof(copy->mem->cb));
	copy->pushed = 0;
	colibri_copy_enable(cdev);
	for (slot = colibri_copy_next(copy, READ_ONCE(copy->mem->fence)); slot >= 0;
	     slot = colibri_copy_next(copy, copy->slot[slot].seq))
		colibri_copy_push_slot(copy, slot);
	copy->sync = copy->seq;
	colibri_copy_push_fence(copy, copy->seq, COLIBRI_FENCE_IRQ);
	colibri_write32(cdev, COLIBRI_DOORBELL(COLIBRI_MIGRATE_QUEUE), 1);
}

/**
 * colibri_copy_start() - begin, or go on after a reset of the device
 * @cdev: device that has been reset
 *
 * Nobody touches the memory of a copy before that is complete, so it can be made again.
 */
void colibri_copy_start(struct colibri_device *cdev)
{
	spin_lock(&cdev->copy->lock);
	colibri_copy_start_locked(cdev);
	spin_unlock(&cdev->copy->lock);
}

/* Sleep until copy @seq is complete; returns whether it is, or the device is lost. */
static bool colibri_copy_sleep(struct colibri_device *cdev, u64 seq)
{
	return wait_event_timeout(cdev->copy->wq, colibri_copy_done(cdev, seq), cdev->timeout);
}

/* Reset the engine alone. */
static bool colibri_copy_reset_locked(struct colibri_device *cdev)
{
	const u32 reg = COLIBRI_REG_QUEUE(COLIBRI_MIGRATE_QUEUE);

	lockdep_assert_held(&cdev->copy->lock);
	colibri_write32(cdev, reg + COLIBRI_QREG_CTL, COLIBRI_QCTL_RESET);
	if (colibri_read32(cdev, reg + COLIBRI_QREG_STATE) != COLIBRI_QSTATE_DISABLED)
		return false;
	colibri_copy_start_locked(cdev);
	colibri_engine_was_reset(cdev, "the migration engine", true);
	return true;
}

/* What is next for an engine that does not finish copies. */
static enum colibri_copy_help colibri_copy_help_locked(struct colibri_device *cdev)
{
	struct colibri_copy *copy = cdev->copy;
	u64 done = READ_ONCE(copy->mem->fence);

	lockdep_assert_held(&copy->lock);
	if (copy->stuck != done)
		copy->help = COLIBRI_COPY_RESET_ENGINE;
	copy->stuck = done;
	if (copy->help == COLIBRI_COPY_RESET_ENGINE) {
		copy->help = COLIBRI_COPY_RESET_DEVICE;
		if (colibri_copy_reset_locked(cdev))
			return COLIBRI_COPY_RESET_ENGINE;
	}
	return copy->help++;
}

/*
 * Help an engine that was started @starts times when the caller began to wait for copy
 * @seq, and has not got there: see colibri_hang.c.  All who wait climb the same ladder.
 */
static void colibri_copy_recover(struct colibri_device *cdev, u64 seq, u32 starts)
{
	static const char why[] = "the migration engine does not finish a copy";
	enum colibri_copy_help help = COLIBRI_COPY_RESET_ENGINE;
	u32 resets = colibri_device_resets(cdev);
	struct colibri_copy *copy = cdev->copy;

	spin_lock(&copy->lock);
	/* A reset of the device starts the engine under this lock before it is over. */
	if (!colibri_copy_done(cdev, seq) && copy->starts == starts &&
	    !colibri_device_resetting(cdev))
		help = colibri_copy_help_locked(cdev);
	/* Under the lock: who comes next finds it under way. */
	if (help == COLIBRI_COPY_RESET_DEVICE)
		colibri_device_recover(cdev, resets, why);
	spin_unlock(&copy->lock);

	if (help == COLIBRI_COPY_LOST)
		colibri_device_lost(cdev, why);
}

static int colibri_copy_wait(struct colibri_device *cdev, u64 seq, u64 bytes)
{
	u32 starts;

	if (!colibri_copy_poll(cdev, seq, bytes)) {
		colibri_copy_sync(cdev, seq);
		while (starts = READ_ONCE(cdev->copy->starts), !colibri_copy_sleep(cdev, seq))
			colibri_copy_recover(cdev, seq, starts);
	}

	/* A device may be lost after it has done this copy. */
	return colibri_copy_complete(cdev, seq) ? 0 : -EIO;
}

static void colibri_copy_begin_slot(struct colibri_device *cdev, unsigned int slot,
				    const struct hmm_svm_extent *extents, unsigned int count)
{
	struct colibri_copy *copy = cdev->copy;

	copy->slot[slot].bytes = colibri_copy_fill(copy->mem->list[slot], extents, count);
	colibri_copy_push(cdev, slot, count);
}

/**
 * colibri_copy_begin() - copy or clear, and return when that has begun
 * @cdev: device
 * @extents: what
 * @count: how many, at most HMM_SVM_BLOCK_PAGES
 *
 * Context: never sleeps.
 * Return: a ticket, not negative, for colibri_copy_end(), which has to follow; -EAGAIN:
 * there are too many already; -EIO when the device is lost.
 */
int colibri_copy_begin(struct colibri_device *cdev, const struct hmm_svm_extent *extents,
		       unsigned int count)
{
	int slot = colibri_copy_try_slot(cdev);

	if (slot < 0)
		return slot;
	trace_colibri_copy(extents, count);
	colibri_copy_begin_slot(cdev, slot, extents, count);
	return slot;
}

/**
 * colibri_copy_end() - wait for a copy
 * @cdev: device
 * @slot: from colibri_copy_begin()
 *
 * Context: may sleep, for the engine only; locked folios are fine.
 * Return: 0 or -EIO when the device is lost.
 */
int colibri_copy_end(struct colibri_device *cdev, int slot)
{
	struct colibri_copy *copy = cdev->copy;
	int ret = colibri_copy_wait(cdev, copy->slot[slot].seq, copy->slot[slot].bytes);

	/* A list that a lost device may still read is never used again. */
	if (!ret)
		colibri_copy_put_slot(copy, slot);
	return ret;
}

static int colibri_copy_one(struct colibri_device *cdev, const struct hmm_svm_extent *extents,
			    unsigned int count)
{
	int slot = colibri_copy_get_slot(cdev);

	if (slot < 0)
		return slot;
	colibri_copy_begin_slot(cdev, slot, extents, count);
	return colibri_copy_end(cdev, slot);
}

/**
 * colibri_copy_extents() - copy or clear, and wait until it is done
 * @cdev: device
 * @extents: what
 * @count: how many
 *
 * Context: may sleep, for the engine only; locked folios are fine.
 * Return: 0 or -EIO when the device is lost.
 */
int colibri_copy_extents(struct colibri_device *cdev, const struct hmm_svm_extent *extents,
			 unsigned int count)
{
	int ret = 0;

	trace_colibri_copy(extents, count);
	while (count && !ret) {
		unsigned int n = min_t(unsigned int, count, COLIBRI_COPY_EXTENTS);

		ret = colibri_copy_one(cdev, extents, n);
		extents += n;
		count -= n;
	}
	return ret;
}

/**
 * colibri_copy_clear_vram() - zero device memory, and wait until it is done
 * @cdev: device
 * @offset: VRAM offset
 * @size: bytes
 *
 * Return: 0 or -EIO when the device is lost.
 */
int colibri_copy_clear_vram(struct colibri_device *cdev, u64 offset, u32 size)
{
	struct hmm_svm_extent extent = {
		.dst = offset,
		.size = size,
		.flags = HMM_SVM_EXTENT_CLEAR | HMM_SVM_EXTENT_DST_DEV,
	};

	return colibri_copy_extents(cdev, &extent, 1);
}

static bool colibri_copy_idle(struct colibri_device *cdev)
{
	return READ_ONCE(cdev->copy->free) == GENMASK(COLIBRI_COPY_SLOTS - 1, 0) ||
	       colibri_is_lost(cdev);
}

/**
 * colibri_copy_freeze() - let the engine finish, and let nobody begin a copy
 * @cdev: device
 *
 * Who wants a copy waits for colibri_copy_unfreeze().
 */
void colibri_copy_freeze(struct colibri_device *cdev)
{
	struct colibri_copy *copy = cdev->copy;

	spin_lock(&copy->lock);
	WRITE_ONCE(copy->frozen, true);
	spin_unlock(&copy->lock);
	/* Each of them has its own timeout. */
	wait_event(copy->wq, colibri_copy_idle(cdev));
}

/**
 * colibri_copy_unfreeze() - let copies begin again
 * @cdev: device, which has kept its state or has been restarted
 */
void colibri_copy_unfreeze(struct colibri_device *cdev)
{
	struct colibri_copy *copy = cdev->copy;

	spin_lock(&copy->lock);
	WRITE_ONCE(copy->frozen, false);
	spin_unlock(&copy->lock);
	wake_up_all(&copy->wq);
}

/**
 * colibri_copy_wake() - let waiters look again
 * @cdev: device
 *
 * Called on VEC_MIGRATE and when the device is lost.  Context: any.
 */
void colibri_copy_wake(struct colibri_device *cdev)
{
	wake_up_all(&cdev->copy->wq);
}

/**
 * colibri_copy_init() - allocate rings and lists
 * @cdev: device
 *
 * Return: 0 or -ENOMEM.
 */
int colibri_copy_init(struct colibri_device *cdev)
{
	struct device *dev = cdev->base.dev;
	struct colibri_copy *copy;

	copy = devm_kzalloc(dev, sizeof(*copy), GFP_KERNEL);
	if (!copy)
		return -ENOMEM;

	spin_lock_init(&copy->lock);
	colibri_lockdep_in_reclaim(&copy->lock);
	init_waitqueue_head(&copy->wq);
	copy->free = GENMASK(COLIBRI_COPY_SLOTS - 1, 0);
	copy->mem = dmam_alloc_coherent(dev, sizeof(*copy->mem), &copy->bus, GFP_KERNEL);
	if (!copy->mem)
		return -ENOMEM;

	cdev->copy = copy;
	return 0;
}
