// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Groups of queues.
 */

/**
 * DOC: Groups
 *
 * The queues of a group may wait for each other, so they are on the hardware
 * together or not at all, and are banned together.  A queue that was made without
 * a group has one of its own, so the runlist knows nothing but groups.
 *
 * A group that the process made lives in its file until GROUP_DESTROY, which
 * fails while it has queues; so does VM_DESTROY while the VM has groups.
 */

#include <linux/slab.h>

#include "colibri_device.h"
#include "colibri_group.h"
#include "colibri_vm.h"

/**
 * colibri_group_create() - make a group without queues
 * @vm: address space of its queues
 * @priority: 0 .. 2
 * @explicit: whether the process asked for it
 *
 * Return: the group or an ERR_PTR.
 */
struct colibri_group *colibri_group_create(struct colibri_vm *vm, u32 priority, bool explicit)
{
	struct colibri_group *group = kzalloc_obj(*group, GFP_KERNEL_ACCOUNT);

	if (!group)
		return ERR_PTR(-ENOMEM);
	kref_init(&group->refcount);
	INIT_LIST_HEAD(&group->queues);
	INIT_LIST_HEAD(&group->wait_entry);
	INIT_LIST_HEAD(&group->run_entry);
	group->vm = colibri_vm_get(vm);
	group->priority = priority;
	group->explicit = explicit;
	if (explicit)
		atomic_inc(&vm->num_groups);
	return group;
}

/**
 * colibri_group_get() - take a reference
 * @group: group
 *
 * Return: @group.
 */
struct colibri_group *colibri_group_get(struct colibri_group *group)
{
	kref_get(&group->refcount);
	return group;
}

static void colibri_group_free(struct kref *kref)
{
	struct colibri_group *group = container_of(kref, struct colibri_group, refcount);

	if (group->explicit)
		atomic_dec(&group->vm->num_groups);
	colibri_vm_put(group->vm);
	kfree(group);
}

/**
 * colibri_group_put() - drop a reference
 * @group: group
 */
void colibri_group_put(struct colibri_group *group)
{
	kref_put(&group->refcount, colibri_group_free);
}
