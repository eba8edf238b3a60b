// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * The runlist: which queues are on the hardware.
 */

/**
 * DOC: Runlist
 *
 * Overview
 * --------
 *
 * There are more queues than hardware queues.  The state of a queue is a
 * *context* of the device, which can be on any hardware queue or, detached, on
 * none (hardware.rst).  Each queue has a context number from its creation to its
 * end; how many there are limits the queues of all processes.  One process gets
 * no more than there are free ones left, so it can take half at most, the next
 * one half of what it left, and there is always something for another.
 *
 * The unit is the group: its queues are on the hardware together.  A group with
 * something to do (a queue is *ready*) that lacks a hardware queue is on the
 * list *waiting*, first come, first served; one that has any is on the list
 * *running*.  While everybody fits nobody is detached, there is no timer and no
 * interrupt, and a submission costs a spinlock and the doorbell.
 *
 * When the first group that waits finds too few hardware queues, others give way,
 * as many as it takes, in this order: those with nothing to do, those that only
 * wait for faults to be served, those that also wait for words of memory, those whose
 * time slice is over.  Of the same kind those go first that have been there longest.
 * The first two need nothing of the hardware before somebody gives them work or
 * serves their faults.  The others go to the end of the waiting list, and nobody
 * overtakes a group there, so each has its turn after at most a slice of every
 * other: no one starves.  Slices are alike; priorities are weights by which the device
 * shares its time among the queues that are on it.
 *
 * To detach a queue never waits for anything but the device's microseconds: not for
 * a kernel to end, nor for a fault.  So work on VMs that signal dma_fences gets its
 * turn in bounded time, although others on the same hardware may wait
 * for user space for ever.  For the same reason the work item allocates no memory
 * and takes no lock under which somebody does.
 *
 * A queue is ready when a submission, or a touch of a user queue's doorbell, found it
 * detached; when it was detached in the middle of something; or when
 * faults of the detached context were answered, of which the device tells.
 *
 * colibri_hwqueue.c has what happens to a single queue, and the locking.
 */

#include <drm/colibri_drm.h>
#include <drm/drm_managed.h>

#include "colibri_device.h"
#include "colibri_doorbell.h"
#include "colibri_runlist_priv.h"

#define COLIBRI_SLICE		msecs_to_jiffies(COLIBRI_TIMESLICE_MS)

/* So many groups get the hardware before others may have the lock. */
#define COLIBRI_PASS_STEP	4

/* How little a group that waits for memory may run while others want to. */
#define COLIBRI_MIN_SLICE	msecs_to_jiffies(4)

/**
 * struct colibri_pass - what hardware queues were about when a pass began
 */
struct colibri_pass {
	/** @now: when it began: a slice that ends later is left alone, so the pass has an end */
	unsigned long now;
	/** @known: the masks have been read */
	bool known;
	/** @idle: nothing to do */
	u64 idle;
	/** @parked: nothing to do before faults are served */
	u64 parked;
	/** @waiting: polls memory */
	u64 waiting;
};

/* Who gives way first. */
enum colibri_claim {
	COLIBRI_CLAIM_IDLE,
	COLIBRI_CLAIM_PARKED,
	COLIBRI_CLAIM_WAITING,
	COLIBRI_CLAIM_EXPIRED,
	COLIBRI_CLAIM_STAYS,
};

/* ---- Who is ready ---------------------------------------------------------*/

/**
 * colibri_runlist_set_ready() - a queue that is not on the hardware has something to do
 * @queue: queue; &colibri_device.queues.lock is held
 */
void colibri_runlist_set_ready(struct colibri_queue *queue)
{
	struct colibri_runlist *rl = colibri_runlist_of(queue);

	lockdep_assert_held(&rl->cdev->queues.lock);
	if (queue->stopped)
		return;
	queue->ready = true;
	if (list_empty(&queue->group->wait_entry)) {
		list_add_tail(&queue->group->wait_entry, &rl->waiting);
		colibri_runlist_queue_work(rl, 0);
	}
}

/**
 * colibri_runlist_kick() - a queue has got packets
 * @queue: queue
 * @ring: whether the device needs the doorbell, if the queue is on it
 *
 * Context: any but interrupts.
 */
void colibri_runlist_kick(struct colibri_queue *queue, bool ring)
{
	struct colibri_device *cdev = queue->vm->cdev;

	spin_lock(&cdev->queues.lock);
	if (!queue->hwid)
		colibri_runlist_set_ready(queue);
	else if (ring)
		colibri_write32(cdev, COLIBRI_DOORBELL(queue->hwid), 1);
	spin_unlock(&cdev->queues.lock);
}

/* ---- On and off the hardware ----------------------------------------------*/

static void colibri_group_detach(struct colibri_runlist *rl, struct colibri_group *group)
{
	static const struct colibri_queue_error hung = { .code = DRM_COLIBRI_QUEUE_ERR_HUNG };
	struct colibri_queue *queue, *bad = NULL;

	spin_lock(&rl->cdev->queues.lock);
	list_del_init(&group->run_entry);
	spin_unlock(&rl->cdev->queues.lock);
	list_for_each_entry(queue, &group->queues, group_entry) {
		if (!queue->hwid)
			continue;
		WRITE_ONCE(queue->switches, queue->switches + 1);
		if (!colibri_queue_detach(queue))
			bad = queue;
	}
	if (bad)
		colibri_queue_kill_locked(bad, &hung);
}

/* Bring what is ready of a group to the hardware, as far as there is room. */
static void colibri_group_attach(struct colibri_runlist *rl, struct colibri_group *group,
				 struct colibri_pass *pass)
{
	struct colibri_device *cdev = rl->cdev;
	struct colibri_queue *queue;

	spin_lock(&cdev->queues.lock);
	list_del_init(&group->wait_entry);
	spin_unlock(&cdev->queues.lock);

	list_for_each_entry(queue, &group->queues, group_entry) {
		u32 hwid;

		if (queue->hwid || !READ_ONCE(queue->ready) || !rl->free)
			continue;
		hwid = __ffs64(rl->free);
		colibri_queue_attach(queue, hwid);
		pass->idle &= ~BIT_ULL(hwid);
		pass->parked &= ~BIT_ULL(hwid);
		pass->waiting &= ~BIT_ULL(hwid);
	}

	spin_lock(&cdev->queues.lock);
	if (list_empty(&group->run_entry) && colibri_group_mask(group)) {
		list_add_tail(&group->run_entry, &rl->running);
		group->since = jiffies;
	}
	/* One that got ready just now may have found no room. */
	if (list_empty(&group->wait_entry) && colibri_group_lacks(group))
		list_add_tail(&group->wait_entry, &rl->waiting);
	spin_unlock(&cdev->queues.lock);
}

/* ---- Who gives way --------------------------------------------------------*/

static void colibri_pass_read(struct colibri_runlist *rl, struct colibri_pass *pass)
{
	if (pass->known)
		return;
	pass->known = true;
	pass->idle = colibri_read64(rl->cdev, COLIBRI_REG_SCHED_IDLE);
	pass->parked = colibri_read64(rl->cdev, COLIBRI_REG_SCHED_PARKED);
	pass->waiting = colibri_read64(rl->cdev, COLIBRI_REG_SCHED_WAITING);
}

static enum colibri_claim colibri_group_claim(struct colibri_group *group,
					      const struct colibri_pass *pass)
{
	u64 mask = colibri_group_mask(group);

	if (!(mask & ~pass->idle))
		return COLIBRI_CLAIM_IDLE;
	if (!(mask & ~(pass->idle | pass->parked)))
		return COLIBRI_CLAIM_PARKED;
	if (!(mask & ~(pass->idle | pass->parked | pass->waiting)) &&
	    time_after_eq(pass->now, group->since + COLIBRI_MIN_SLICE))
		return COLIBRI_CLAIM_WAITING;
	return time_after_eq(pass->now, group->since + COLIBRI_SLICE) ?
	       COLIBRI_CLAIM_EXPIRED : COLIBRI_CLAIM_STAYS;
}

/* Hardware queues that others than @group would give up. */
static u32 colibri_runlist_reclaimable(struct colibri_runlist *rl, struct colibri_group *group,
				       const struct colibri_pass *pass)
{
	struct colibri_group *other;
	u32 count = 0;

	list_for_each_entry(other, &rl->running, run_entry) {
		if (other != group && colibri_group_claim(other, pass) < COLIBRI_CLAIM_STAYS)
			count += hweight64(colibri_group_mask(other));
	}
	return count;
}

static bool colibri_runlist_make_room(struct colibri_runlist *rl, struct colibri_group *group,
				      u32 need, struct colibri_pass *pass)
{
	struct colibri_group *other, *next;
	enum colibri_claim claim;

	if (hweight64(rl->free) >= need)
		return true;
	colibri_pass_read(rl, pass);
	if (hweight64(rl->free) + colibri_runlist_reclaimable(rl, group, pass) < need)
		return false;

	for (claim = COLIBRI_CLAIM_IDLE; claim < COLIBRI_CLAIM_STAYS; claim++) {
		list_for_each_entry_safe(other, next, &rl->running, run_entry) {
			if (other == group || colibri_group_claim(other, pass) != claim)
				continue;
			colibri_group_detach(rl, other);
			if (hweight64(rl->free) >= need)
				return true;
		}
	}
	return false;
}

/* ---- Passes ---------------------------------------------------------------*/

/* Somebody waits in vain: come again when another slice is over, or the device says so. */
static void colibri_runlist_arm(struct colibri_runlist *rl, const struct colibri_pass *pass)
{
	unsigned long now = jiffies, end, delay = MAX_JIFFY_OFFSET;
	u64 gives_way = pass->idle | pass->parked;
	struct colibri_group *group;
	u64 watch = 0;

	list_for_each_entry(group, &rl->running, run_entry) {
		u64 mask = colibri_group_mask(group);

		watch |= mask & ~gives_way;
		end = group->since + (mask & ~(gives_way | pass->waiting) ?
				      COLIBRI_SLICE : COLIBRI_MIN_SLICE);
		/* One that was over when the pass began waits for others to be. */
		if (time_after(end, pass->now))
			delay = min(delay, time_after(end, now) ? end - now : 0);
	}
	colibri_write64(rl->cdev, COLIBRI_REG_SCHED_WATCH, watch);
	rl->watching = true;
	if (delay != MAX_JIFFY_OFFSET)
		queue_delayed_work(rl->wq, &rl->work, delay);
}

static void colibri_runlist_disarm(struct colibri_runlist *rl)
{
	if (rl->watching)
		colibri_write64(rl->cdev, COLIBRI_REG_SCHED_WATCH, 0);
	rl->watching = false;
}

static struct colibri_group *colibri_runlist_first(struct colibri_runlist *rl)
{
	struct colibri_group *group;

	spin_lock(&rl->cdev->queues.lock);
	group = list_first_entry_or_null(&rl->waiting, struct colibri_group, wait_entry);
	spin_unlock(&rl->cdev->queues.lock);
	return group;
}

/*
 * A part of a pass; between two of them hw_lock is released, and anything may change that
 * it protects.  Nothing of it is carried over: the masks of @pass tell what hardware queues
 * were about, which the device changes without the lock as well, and a bit of one that is
 * free means nothing.  The next part takes the first group that waits then.
 *
 * Return: whether there may be more to do.
 */
static bool colibri_runlist_pass_step(struct colibri_runlist *rl, struct colibri_pass *pass)
{
	struct colibri_group *group;
	unsigned int n;

	lockdep_assert_held(&rl->hw_lock);
	if (rl->suspended)
		return false;
	/* Groups stay: their queues leave them under hw_lock only. */
	for (n = 0; n < COLIBRI_PASS_STEP && !colibri_is_lost(rl->cdev); n++) {
		group = colibri_runlist_first(rl);
		if (!group) {
			colibri_runlist_disarm(rl);
			return false;
		}
		if (!colibri_runlist_make_room(rl, group, colibri_group_lacks(group), pass)) {
			colibri_runlist_arm(rl, pass);
			return false;
		}
		colibri_group_attach(rl, group, pass);
	}
	return !colibri_is_lost(rl->cdev);
}

/* Contexts whose faults were answered since they were detached. */
static void colibri_runlist_take_events(struct colibri_runlist *rl)
{
	struct colibri_status_page *status = rl->cdev->status;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(status->context_event); i++) {
		u64 bits;

		if (!READ_ONCE(status->context_event[i]))
			continue;
		bits = xchg(&status->context_event[i], 0);
		spin_lock(&rl->cdev->queues.lock);
		for (; bits; bits &= bits - 1) {
			struct colibri_queue *queue = rl->context[i * 64 + __ffs64(bits)];

			if (queue && !queue->hwid)
				colibri_runlist_set_ready(queue);
		}
		spin_unlock(&rl->cdev->queues.lock);
	}
	if (READ_ONCE(status->queue_event))
		xchg(&status->queue_event, 0);
}

static void colibri_runlist_work(struct work_struct *work)
{
	struct colibri_runlist *rl = container_of(to_delayed_work(work), struct colibri_runlist,
						  work);
	struct colibri_pass pass = {};

	mutex_lock(&rl->hw_lock);
	if (!rl->suspended && !colibri_is_lost(rl->cdev))
		colibri_runlist_take_events(rl);
	/* Not before: to get the lock may take longer than a slice. */
	pass.now = jiffies;
	while (colibri_runlist_pass_step(rl, &pass)) {
		mutex_unlock(&rl->hw_lock);
		mutex_lock(&rl->hw_lock);
	}
	mutex_unlock(&rl->hw_lock);
}

/**
 * colibri_runlist_wake() - VEC_SCHED was raised: there is news
 * @cdev: device
 *
 * Context: any.
 */
void colibri_runlist_wake(struct colibri_device *cdev)
{
	colibri_runlist_queue_work(cdev->runlist, 0);
}

static void colibri_runlist_lost_work(struct work_struct *work)
{
	colibri_doorbell_zap_all(container_of(work, struct colibri_runlist, lost_work)->cdev);
}

/**
 * colibri_runlist_lost() - the device is lost: mappings of doorbells and rings end
 * @cdev: device
 *
 * Context: any.
 */
void colibri_runlist_lost(struct colibri_device *cdev)
{
	if (cdev->runlist)
		queue_work(cdev->runlist->map_wq, &cdev->runlist->lost_work);
}

/* ---- Suspend --------------------------------------------------------------*/

/**
 * colibri_runlist_suspend() - take everything off the hardware
 * @cdev: device
 *
 * When it returns no compute queue executes anything, and none will before
 * colibri_runlist_resume().
 */
void colibri_runlist_suspend(struct colibri_device *cdev)
{
	struct colibri_runlist *rl = cdev->runlist;
	struct colibri_group *group, *next;

	mutex_lock(&rl->hw_lock);
	rl->suspended = true;
	list_for_each_entry_safe(group, next, &rl->running, run_entry) {
		if (!colibri_is_lost(cdev))
			colibri_group_detach(rl, group);
	}
	mutex_unlock(&rl->hw_lock);
	cancel_delayed_work_sync(&rl->work);
}

/**
 * colibri_runlist_abandon() - take everything off the hardware, which is going to be reset
 * @cdev: device
 *
 * It is not asked for anything.  Nothing gets on it before colibri_runlist_resume().
 */
void colibri_runlist_abandon(struct colibri_device *cdev)
{
	struct colibri_runlist *rl = cdev->runlist;
	struct colibri_group *group, *next;
	struct colibri_queue *queue;

	mutex_lock(&rl->hw_lock);
	rl->suspended = true;
	list_for_each_entry_safe(group, next, &rl->running, run_entry) {
		spin_lock(&cdev->queues.lock);
		list_del_init(&group->run_entry);
		spin_unlock(&cdev->queues.lock);
		list_for_each_entry(queue, &group->queues, group_entry) {
			if (queue->hwid)
				colibri_queue_abandon(queue);
		}
	}
	mutex_unlock(&rl->hw_lock);
	cancel_delayed_work_sync(&rl->work);
}

/* The device has forgotten a queue: what had nothing in flight can go on. */
static void colibri_queue_lost_context(struct colibri_queue *queue, u32 why)
{
	const struct colibri_queue_error error = { .code = why };

	if (!queue->started)
		return;
	queue->started = false;
	if (queue->activity == COLIBRI_ACTIVITY_IDLE)
		queue->restart = true;
	else
		colibri_queue_kill_locked(queue, &error);
}

/**
 * colibri_runlist_resume() - go on after colibri_runlist_suspend() or colibri_runlist_abandon()
 * @cdev: device
 * @lost: why the device has forgotten all queues (DRM_COLIBRI_QUEUE_ERR_*); 0: it has not
 *
 * Queues that were in the middle of something are banned for that.
 */
void colibri_runlist_resume(struct colibri_device *cdev, u32 lost)
{
	struct colibri_runlist *rl = cdev->runlist;
	u32 c;

	mutex_lock(&rl->hw_lock);
	for (c = 1; lost && c < rl->num_contexts; c++) {
		struct colibri_queue *queue = colibri_runlist_find(cdev, c);

		if (!queue)
			continue;
		colibri_queue_lost_context(queue, lost);
		colibri_queue_put(queue);
	}
	rl->watching = false;
	rl->suspended = false;
	mutex_unlock(&rl->hw_lock);
	colibri_runlist_wake(cdev);
}

/* ---- Device ---------------------------------------------------------------*/

static void colibri_runlist_fini(void *data)
{
	struct colibri_runlist *rl = data;

	rl->cdev->runlist = NULL;
	cancel_delayed_work_sync(&rl->work);
	destroy_workqueue(rl->wq);
	destroy_workqueue(rl->map_wq);
	mutex_destroy(&rl->hw_lock);
}

/**
 * colibri_runlist_init() - prepare the runlist
 * @cdev: device that is known
 *
 * Return: 0 or a negative errno.
 */
int colibri_runlist_init(struct colibri_device *cdev)
{
	struct colibri_runlist *rl;
	u32 num = colibri_read32(cdev, COLIBRI_REG_NUM_CONTEXTS);

	if (num < cdev->num_queues || num > COLIBRI_MAX_CONTEXTS) {
		if (colibri_device_answers(cdev))
			drm_err(&cdev->base, "%u contexts: out of range\n", num);
		return -ENODEV;
	}
	rl = drmm_kzalloc(&cdev->base, sizeof(*rl), GFP_KERNEL);
	if (!rl)
		return -ENOMEM;
	rl->wq = alloc_ordered_workqueue("colibri-runlist", WQ_MEM_RECLAIM | WQ_HIGHPRI);
	if (!rl->wq)
		return -ENOMEM;
	rl->map_wq = alloc_workqueue("colibri-doorbell", WQ_UNBOUND, 0);
	if (!rl->map_wq) {
		destroy_workqueue(rl->wq);
		return -ENOMEM;
	}

	rl->cdev = cdev;
	mutex_init(&rl->hw_lock);
	INIT_LIST_HEAD(&rl->waiting);
	INIT_LIST_HEAD(&rl->running);
	INIT_DELAYED_WORK(&rl->work, colibri_runlist_work);
	INIT_WORK(&rl->lost_work, colibri_runlist_lost_work);
	rl->num_contexts = num;
	rl->num_free = num - 1;
	rl->free = GENMASK_ULL(cdev->num_queues - 1, COLIBRI_MIGRATE_QUEUE + 1);
	cdev->runlist = rl;
	return devm_add_action_or_reset(cdev->base.dev, colibri_runlist_fini, rl);
}
