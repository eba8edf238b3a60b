// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Queues and the hardware: contexts, attach and detach, the end.
 */

/**
 * DOC: Hardware queues
 *
 * A queue has a number for its context in the device from its creation to its end.  The
 * device learns of it when it is attached for the first time (ENABLE); from then on the
 * context is on a hardware queue or in the device's store.  A queue that is stopped is
 * stopped for good: whatever the device had of it is dropped.
 *
 * A queue that the device does not detach is disabled, and banned as hung with its group.
 * If it cannot be disabled either, the hardware queue is reset, and then the device.
 *
 * Locking
 * -------
 *
 * hw_lock, a mutex, is held by whoever changes what is on the hardware; the lists
 * of queues in groups change under it.  It comes behind &colibri_vm.queue_lock and
 * is taken in the MMU notifier's release.  &colibri_device.queues.lock, a spinlock, protects the
 * two lists, &colibri_queue.hwid and &colibri_queue.ready; a doorbell rings under it, so it
 * rings where it should.
 */

#include <linux/log2.h>

#include <drm/colibri_drm.h>

#include "colibri_doorbell.h"
#include "colibri_job.h"
#include "colibri_mm.h"
#include "colibri_runlist_priv.h"
#include "colibri_trace.h"

/* ---- Registers ------------------------------------------------------------*/

static void colibri_hw_control(struct colibri_device *cdev, u32 hwid, u32 op)
{
	colibri_write32(cdev, COLIBRI_REG_QUEUE(hwid) + COLIBRI_QREG_CTL, op);
}

/* The read returns when control words have taken effect. */
static u32 colibri_hw_state(struct colibri_device *cdev, u32 hwid)
{
	return colibri_read32(cdev, COLIBRI_REG_QUEUE(hwid) + COLIBRI_QREG_STATE);
}

/* @banned: the queue is going to be banned if it hangs, else it is destroyed. */
static void colibri_hw_disable(struct colibri_device *cdev, u32 hwid, bool banned)
{
	/* hw_lock is held: a reset that is over by now took the queue off the hardware. */
	u32 resets = colibri_device_resets(cdev);

	colibri_hw_control(cdev, hwid, COLIBRI_QCTL_DISABLE);
	if (colibri_hw_state(cdev, hwid) == COLIBRI_QSTATE_DISABLED)
		return;
	colibri_hw_control(cdev, hwid, COLIBRI_QCTL_RESET);
	if (colibri_hw_state(cdev, hwid) == COLIBRI_QSTATE_DISABLED) {
		colibri_engine_was_reset(cdev, "a hardware queue", !banned);
		return;
	}
	/* Until then nobody else is put onto it. */
	cdev->runlist->suspended = true;
	colibri_device_recover(cdev, resets, "a hardware queue hangs");
}

/* Give a queue that the device does not know to hardware queue @hwid. */
static void colibri_hw_enable(struct colibri_queue *queue, u32 hwid)
{
	struct colibri_device *cdev = queue->vm->cdev;
	u32 reg = COLIBRI_REG_QUEUE(hwid);

	colibri_write64(cdev, reg + COLIBRI_QREG_RING, colibri_queue_ring_va(queue));
	colibri_write64(cdev, reg + COLIBRI_QREG_CB, colibri_queue_cb_va(queue));
	colibri_write32(cdev, reg + COLIBRI_QREG_RING_LOG2, ilog2(queue->ring_packets));
	colibri_write32(cdev, reg + COLIBRI_QREG_ASID, queue->vm->asid);
	colibri_write32(cdev, reg + COLIBRI_QREG_PRIORITY, queue->group->priority);
	colibri_hw_control(cdev, hwid,
			   queue->restart ? COLIBRI_QCTL_RESTART : COLIBRI_QCTL_ENABLE);
}

/* ---- On and off the hardware ----------------------------------------------*/

/**
 * colibri_queue_attach() - bring a queue to the hardware
 * @queue: queue that is ready
 * @hwid: hardware queue that nothing is on
 */
void colibri_queue_attach(struct colibri_queue *queue, u32 hwid)
{
	struct colibri_runlist *rl = colibri_runlist_of(queue);
	struct colibri_device *cdev = rl->cdev;

	lockdep_assert_held(&rl->hw_lock);
	/* From here on, whoever sets it wants the doorbell. */
	WRITE_ONCE(queue->ready, false);
	rl->free &= ~BIT_ULL(hwid);
	/* Before the device begins: a short packet is done at once. */
	colibri_meter_start(&queue->meter, cdev, queue->vm->usage, hwid, queue->vm->asid);
	colibri_write32(cdev, COLIBRI_REG_QUEUE_CONTEXT(hwid), queue->context);
	if (queue->started)
		colibri_hw_control(cdev, hwid, COLIBRI_QCTL_ATTACH);
	else
		colibri_hw_enable(queue, hwid);
	queue->started = true;
	queue->restart = false;
	trace_colibri_queue_switch(queue->vm->asid, queue->context, hwid, true);

	spin_lock(&cdev->queues.lock);
	cdev->queues.slot[hwid] = queue;
	queue->hwid = hwid;
	if (queue->doorbell)
		queue->doorbell->seq++;
	if (queue->ready)
		colibri_write32(cdev, COLIBRI_DOORBELL(hwid), 1);
	spin_unlock(&cdev->queues.lock);
	colibri_doorbell_update(queue->doorbell);
}

/* The queue is off the hardware for whoever asks. */
static u32 colibri_queue_unpublish(struct colibri_queue *queue)
{
	struct colibri_device *cdev = queue->vm->cdev;
	u32 hwid;

	spin_lock(&cdev->queues.lock);
	hwid = queue->hwid;
	queue->hwid = 0;
	queue->ready = false;
	if (hwid)
		cdev->queues.slot[hwid] = NULL;
	if (queue->doorbell)
		queue->doorbell->seq++;
	spin_unlock(&cdev->queues.lock);
	return hwid;
}

/**
 * colibri_queue_detach() - take a queue off the hardware
 * @queue: queue that is on it
 *
 * If it was in the middle of something it is ready at once.
 *
 * Return: false when the device did not let go of it; its work is lost then.
 */
bool colibri_queue_detach(struct colibri_queue *queue)
{
	struct colibri_runlist *rl = colibri_runlist_of(queue);
	struct colibri_device *cdev = rl->cdev;
	u32 hwid, state;

	lockdep_assert_held(&rl->hw_lock);
	hwid = colibri_queue_unpublish(queue);
	colibri_hw_control(cdev, hwid, COLIBRI_QCTL_DETACH);
	state = colibri_hw_state(cdev, hwid);
	colibri_meter_stop(&queue->meter);
	trace_colibri_queue_switch(queue->vm->asid, queue->context, hwid, false);
	if ((state & COLIBRI_QSTATE_MASK) != COLIBRI_QSTATE_DISABLED) {
		colibri_hw_disable(cdev, hwid, true);
		queue->started = false;
	}
	rl->free |= BIT_ULL(hwid);
	queue->activity = COLIBRI_QSTATE_ACTIVITY(state);

	colibri_doorbell_update(queue->doorbell);

	/* One in ERROR is neither: it is attached again, so that the error is seen. */
	if (queue->activity != COLIBRI_ACTIVITY_IDLE &&
	    queue->activity != COLIBRI_ACTIVITY_PARKED) {
		spin_lock(&cdev->queues.lock);
		colibri_runlist_set_ready(queue);
		spin_unlock(&cdev->queues.lock);
	}
	return queue->started;
}

/**
 * colibri_queue_abandon() - a queue leaves the hardware, which is going to be reset
 * @queue: queue that is on it
 */
void colibri_queue_abandon(struct colibri_queue *queue)
{
	struct colibri_runlist *rl = colibri_runlist_of(queue);

	lockdep_assert_held(&rl->hw_lock);
	rl->free |= BIT_ULL(colibri_queue_unpublish(queue));
	colibri_meter_stop(&queue->meter);
	queue->activity = colibri_queue_is_drained(queue) ? COLIBRI_ACTIVITY_IDLE :
							    COLIBRI_ACTIVITY_RUNS;
	colibri_doorbell_update(queue->doorbell);
}

/* ---- The end of a queue ---------------------------------------------------*/

/* Have the device drop all of a queue's work; it never gets to the hardware again. */
static void colibri_stop_locked(struct colibri_queue *queue)
{
	struct colibri_runlist *rl = colibri_runlist_of(queue);
	struct colibri_device *cdev = rl->cdev;
	struct colibri_group *group = queue->group;
	u32 hwid;

	lockdep_assert_held(&rl->hw_lock);
	if (queue->stopped)
		return;
	spin_lock(&cdev->queues.lock);
	queue->stopped = true;
	spin_unlock(&cdev->queues.lock);
	hwid = colibri_queue_unpublish(queue);
	colibri_doorbell_revoke(queue->doorbell);

	if (!colibri_is_lost(cdev)) {
		if (hwid)
			colibri_hw_disable(cdev, hwid, false);
		else if (queue->started)
			colibri_write32(cdev, COLIBRI_REG_CONTEXT_DROP, queue->context);
	}
	colibri_meter_stop(&queue->meter);
	queue->started = false;
	if (hwid)
		rl->free |= BIT_ULL(hwid);

	spin_lock(&cdev->queues.lock);
	if (!colibri_group_lacks(group))
		list_del_init(&group->wait_entry);
	if (!colibri_group_mask(group))
		list_del_init(&group->run_entry);
	if (hwid && !list_empty(&rl->waiting))
		colibri_runlist_queue_work(rl, 0);
	spin_unlock(&cdev->queues.lock);
}

/**
 * colibri_runlist_stop() - have the device drop all work of a queue, for good
 * @queue: queue
 *
 * When it returns nothing of the queue executes.  Its mappings are going.
 *
 * Context: may sleep; also the MMU notifier's release.
 */
void colibri_runlist_stop(struct colibri_queue *queue)
{
	struct colibri_runlist *rl = colibri_runlist_of(queue);

	mutex_lock(&rl->hw_lock);
	colibri_stop_locked(queue);
	mutex_unlock(&rl->hw_lock);
}

/**
 * colibri_queue_kill_locked() - ban a queue, and its group with it
 * @queue: queue
 * @error: why
 */
void colibri_queue_kill_locked(struct colibri_queue *queue,
			       const struct colibri_queue_error *error)
{
	static const struct colibri_queue_error group_error = {
		.code = DRM_COLIBRI_QUEUE_ERR_GROUP,
	};
	struct colibri_group *group = queue->group;
	struct colibri_queue *other;

	group->banned = true;
	colibri_queue_ban(queue, error);
	list_for_each_entry(other, &group->queues, group_entry) {
		if (other != queue)
			colibri_queue_ban(other, &group_error);
		colibri_stop_locked(other);
	}
	colibri_jobs_wake(queue->vm->cdev);
}

/**
 * colibri_queue_kill() - ban a queue and its group
 * @queue: queue
 * @code: why: DRM_COLIBRI_QUEUE_ERR_*
 *
 * When it returns nothing of them executes.
 */
void colibri_queue_kill(struct colibri_queue *queue, u32 code)
{
	struct colibri_queue_error error = { .code = code };
	struct colibri_runlist *rl = colibri_runlist_of(queue);

	mutex_lock(&rl->hw_lock);
	colibri_queue_kill_locked(queue, &error);
	mutex_unlock(&rl->hw_lock);
}

/**
 * colibri_runlist_handle_errors() - find the queues that the device stopped
 * @cdev: device
 *
 * Called by the handler of VEC_ERROR alone.  Context: may sleep.
 */
void colibri_runlist_handle_errors(struct colibri_device *cdev)
{
	struct colibri_runlist *rl = cdev->runlist;
	struct colibri_queue_error error;
	u64 errors;

	/* Who is where does not change, so a queue in ERROR is the one that the device means. */
	mutex_lock(&rl->hw_lock);
	errors = xchg(&cdev->status->queue_error, 0);
	if (errors & BIT_ULL(COLIBRI_MIGRATE_QUEUE))
		colibri_device_lost(cdev, "the migration engine stopped");
	for (; errors && !colibri_is_lost(cdev); errors &= errors - 1) {
		struct colibri_queue *queue = cdev->queues.slot[__ffs64(errors)];

		if (queue && colibri_queue_read_error(queue, &error))
			colibri_queue_kill_locked(queue, &error);
	}
	mutex_unlock(&rl->hw_lock);
}

/* ---- Contexts -------------------------------------------------------------*/

/* Find a number for the context of a queue. */
static int colibri_context_alloc(struct colibri_runlist *rl, struct colibri_queue *queue)
{
	u32 c;

	lockdep_assert_held(&rl->cdev->queues.lock);
	if (queue->vm->cmm->num_queues >= rl->num_free)
		return -ENOSPC;
	for (c = 1; rl->context[c]; c++)
		;
	rl->context[c] = queue;
	rl->num_free--;
	queue->vm->cmm->num_queues++;
	queue->context = c;
	return 0;
}

/**
 * colibri_runlist_add() - reserve what a queue needs of the device
 * @queue: queue with its group and VM
 *
 * Return: 0; -ENOSPC: no context for it, or its group is full.
 */
int colibri_runlist_add(struct colibri_queue *queue)
{
	struct colibri_runlist *rl = colibri_runlist_of(queue);
	int ret = -ENOSPC;

	spin_lock(&rl->cdev->queues.lock);
	if (queue->group->num_queues < colibri_runlist_max_group(rl->cdev))
		ret = colibri_context_alloc(rl, queue);
	if (!ret)
		queue->group->num_queues++;
	spin_unlock(&rl->cdev->queues.lock);
	return ret;
}

/**
 * colibri_runlist_remove() - give that back
 * @queue: queue that was stopped, or never started
 */
void colibri_runlist_remove(struct colibri_queue *queue)
{
	struct colibri_runlist *rl = colibri_runlist_of(queue);

	mutex_lock(&rl->hw_lock);
	list_del_init(&queue->group_entry);
	mutex_unlock(&rl->hw_lock);

	spin_lock(&rl->cdev->queues.lock);
	queue->group->num_queues--;
	rl->context[queue->context] = NULL;
	rl->num_free++;
	queue->vm->cmm->num_queues--;
	spin_unlock(&rl->cdev->queues.lock);
	wake_up_all(&rl->cdev->fence_wq);
}

/**
 * colibri_runlist_start() - from now on a queue can get to the hardware
 * @queue: queue; &colibri_vm.queue_lock is held
 *
 * In a group that is banned it is banned, too.
 */
void colibri_runlist_start(struct colibri_queue *queue)
{
	static const struct colibri_queue_error error = { .code = DRM_COLIBRI_QUEUE_ERR_GROUP };
	struct colibri_runlist *rl = colibri_runlist_of(queue);

	mutex_lock(&rl->hw_lock);
	list_add_tail(&queue->group_entry, &queue->group->queues);
	if (queue->group->banned) {
		colibri_queue_ban(queue, &error);
		colibri_stop_locked(queue);
	}
	mutex_unlock(&rl->hw_lock);
}

/**
 * colibri_runlist_find() - the queue that has a context
 * @cdev: device
 * @context: number
 *
 * Return: a reference to the queue, or NULL.
 */
struct colibri_queue *colibri_runlist_find(struct colibri_device *cdev, u32 context)
{
	struct colibri_queue *queue;

	spin_lock(&cdev->queues.lock);
	queue = cdev->runlist->context[context];
	if (queue && !kref_get_unless_zero(&queue->refcount))
		queue = NULL;
	spin_unlock(&cdev->queues.lock);
	return queue;
}

/**
 * colibri_runlist_is_empty() - whether there is no queue
 * @cdev: device
 *
 * Return: true if there is none.
 */
bool colibri_runlist_is_empty(struct colibri_device *cdev)
{
	bool empty;

	spin_lock(&cdev->queues.lock);
	empty = cdev->runlist->num_free == cdev->runlist->num_contexts - 1;
	spin_unlock(&cdev->queues.lock);
	return empty;
}

/**
 * colibri_runlist_max_queues() - queues that the device can hold
 * @cdev: device
 *
 * Return: how many.
 */
u32 colibri_runlist_max_queues(struct colibri_device *cdev)
{
	return cdev->runlist->num_contexts - 1;
}

/**
 * colibri_runlist_max_group() - queues that can run at the same instant
 * @cdev: device
 *
 * Return: how many.
 */
u32 colibri_runlist_max_group(struct colibri_device *cdev)
{
	return cdev->num_queues - 1;
}
