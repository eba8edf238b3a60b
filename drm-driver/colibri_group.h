/* SPDX-License-Identifier: GPL-2.0 OR MIT */
#ifndef COLIBRI_GROUP_H
#define COLIBRI_GROUP_H

#include <linux/kref.h>
#include <linux/list.h>
#include <linux/types.h>

struct colibri_vm;

/**
 * struct colibri_group - queues that are on the hardware together
 *
 * &colibri_device.queues.lock protects the lists that it is on, and what says so; its list of
 * queues changes under the runlist's hw_lock.
 */
struct colibri_group {
	/** @refcount: the file, queues, calls in progress */
	struct kref refcount;
	/** @vm: address space of its queues; a reference */
	struct colibri_vm *vm;
	/** @priority: 0 .. 2 */
	u32 priority;
	/** @explicit: made by GROUP_CREATE, not for a single queue */
	bool explicit;
	/** @queues: &colibri_queue.group_entry */
	struct list_head queues;
	/** @num_queues: on @queues, or about to be; queues.lock */
	u32 num_queues;
	/** @banned: one of its queues was: no other begins; hw_lock */
	bool banned;
	/** @wait_entry: in the runlist's list of groups that lack a hardware queue; queues.lock */
	struct list_head wait_entry;
	/** @run_entry: in the runlist's list of groups that have one; queues.lock */
	struct list_head run_entry;
	/** @since: jiffies when the hardware was given to it; hw_lock */
	unsigned long since;
};

struct colibri_group *colibri_group_create(struct colibri_vm *vm, u32 priority, bool explicit);
struct colibri_group *colibri_group_get(struct colibri_group *group);
void colibri_group_put(struct colibri_group *group);

#endif /* COLIBRI_GROUP_H */
