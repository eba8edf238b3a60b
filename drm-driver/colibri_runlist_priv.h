/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * What the two halves of the runlist share: who gets the hardware (colibri_runlist.c), and how
 * (colibri_hwqueue.c).
 */
#ifndef COLIBRI_RUNLIST_PRIV_H
#define COLIBRI_RUNLIST_PRIV_H

#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/workqueue.h>

#include "colibri_device.h"
#include "colibri_group.h"
#include "colibri_queue.h"
#include "colibri_runlist.h"
#include "colibri_vm.h"

/**
 * struct colibri_runlist - who is on the hardware, and who wants to be
 */
struct colibri_runlist {
	/** @cdev: device */
	struct colibri_device *cdev;
	/** @hw_lock: held while control words are written to compute queues */
	struct mutex hw_lock;
	/** @waiting: &colibri_group.wait_entry; queues.lock */
	struct list_head waiting;
	/** @running: &colibri_group.run_entry, in order of arrival; queues.lock */
	struct list_head running;
	/** @context: by number; queues.lock */
	struct colibri_queue *context[COLIBRI_MAX_CONTEXTS];
	/** @num_contexts: numbers that the device has */
	u32 num_contexts;
	/** @num_free: contexts without a queue; queues.lock */
	u32 num_free;
	/** @free: hardware queues that nothing is on; hw_lock */
	u64 free;
	/** @watching: the device has been asked to tell who gives way; hw_lock */
	bool watching;
	/** @suspended: nothing is attached; hw_lock */
	bool suspended;
	/** @wq: runs @work, ordered, and also when memory is short */
	struct workqueue_struct *wq;
	/** @work: looks who waits and who gives way */
	struct delayed_work work;
	/** @map_wq: takes mappings away, which waits for locks of processes */
	struct workqueue_struct *map_wq;
	/** @lost_work: takes all of them away */
	struct work_struct lost_work;
};

static inline struct colibri_runlist *colibri_runlist_of(struct colibri_queue *queue)
{
	return queue->vm->cdev->runlist;
}

static inline void colibri_runlist_queue_work(struct colibri_runlist *rl, unsigned long delay)
{
	mod_delayed_work(rl->wq, &rl->work, delay);
}

/* Queues of a group that want the hardware and do not have it. */
static inline u32 colibri_group_lacks(struct colibri_group *group)
{
	struct colibri_queue *queue;
	u32 count = 0;

	list_for_each_entry(queue, &group->queues, group_entry)
		count += !queue->hwid && READ_ONCE(queue->ready);
	return count;
}

static inline u64 colibri_group_mask(struct colibri_group *group)
{
	struct colibri_queue *queue;
	u64 mask = 0;

	list_for_each_entry(queue, &group->queues, group_entry) {
		if (queue->hwid)
			mask |= BIT_ULL(queue->hwid);
	}
	return mask;
}

void colibri_queue_attach(struct colibri_queue *queue, u32 hwid);
bool colibri_queue_detach(struct colibri_queue *queue);
void colibri_queue_abandon(struct colibri_queue *queue);
void colibri_queue_kill_locked(struct colibri_queue *queue,
			       const struct colibri_queue_error *error);

#endif /* COLIBRI_RUNLIST_PRIV_H */
