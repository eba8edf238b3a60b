// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * What an open file owns: VMs and queues by their ids.
 */

/**
 * DOC: Files
 *
 * Ids are those of the file.  Whoever takes an object out of its table owns the
 * table's reference; everybody else takes one of his own under the table's
 * lock.  A VM or queue is handed out only to its owner, the address space that
 * made the VM; destroying is free to all who have the file.
 *
 * &colibri_file.lock comes before every other lock of the driver.
 */

#include <linux/slab.h>

#include <drm/drm_file.h>

#include "colibri_device.h"
#include "colibri_fdinfo.h"
#include "colibri_file.h"
#include "colibri_group.h"
#include "colibri_mm.h"
#include "colibri_queue.h"
#include "colibri_vm.h"

/**
 * colibri_file_open() - &drm_driver.open
 * @drm: DRM device
 * @file: DRM file
 *
 * Return: 0 or -ENOMEM.
 */
int colibri_file_open(struct drm_device *drm, struct drm_file *file)
{
	struct colibri_file *cfile = kzalloc_obj(*cfile);

	if (!cfile)
		return -ENOMEM;
	cfile->cdev = to_colibri_device(drm);
	cfile->usage = colibri_usage_create();
	cfile->cmm = cfile->usage ? colibri_mm_get_current(cfile->cdev) : NULL;
	if (!cfile->cmm) {
		colibri_usage_put(cfile->usage);
		kfree(cfile);
		return -ENOMEM;
	}
	mutex_init(&cfile->lock);
	xa_init_flags(&cfile->vms, XA_FLAGS_ALLOC1);
	xa_init_flags(&cfile->queues, XA_FLAGS_ALLOC1);
	xa_init_flags(&cfile->groups, XA_FLAGS_ALLOC1);
	file->driver_priv = cfile;
	return 0;
}

/**
 * colibri_file_close() - &drm_driver.postclose
 * @drm: DRM device
 * @file: DRM file
 */
void colibri_file_close(struct drm_device *drm, struct drm_file *file)
{
	struct colibri_file *cfile = file->driver_priv;
	struct colibri_group *group;
	struct colibri_queue *queue;
	struct colibri_vm *vm;
	unsigned long id;

	xa_for_each(&cfile->queues, id, queue)
		colibri_queue_close(queue);
	xa_for_each(&cfile->groups, id, group)
		colibri_group_put(group);
	xa_for_each(&cfile->vms, id, vm)
		colibri_vm_close(vm);
	xa_destroy(&cfile->queues);
	xa_destroy(&cfile->groups);
	xa_destroy(&cfile->vms);
	colibri_mm_put(cfile->cmm);
	colibri_usage_put(cfile->usage);
	mutex_destroy(&cfile->lock);
	kfree(cfile);
}

/**
 * colibri_file_add_vm() - give a VM an id
 * @cfile: file
 * @vm: VM; on success the reference goes to the file
 * @id: returns the id
 *
 * Return: 0 or a negative errno.
 */
int colibri_file_add_vm(struct colibri_file *cfile, struct colibri_vm *vm, u32 *id)
{
	vm->usage = colibri_usage_get(cfile->usage);
	return xa_alloc(&cfile->vms, id, vm, xa_limit_31b, GFP_KERNEL);
}

/**
 * colibri_file_get_vm() - find a VM of the caller
 * @cfile: file
 * @id: vm_id
 *
 * Return: a reference to the VM; ERR_PTR: -ENOENT, or -EACCES when it belongs to
 * another process.
 */
struct colibri_vm *colibri_file_get_vm(struct colibri_file *cfile, u32 id)
{
	struct colibri_vm *vm;

	xa_lock(&cfile->vms);
	vm = xa_load(&cfile->vms, id);
	if (!vm)
		vm = ERR_PTR(-ENOENT);
	else if (!colibri_vm_owned_by_current(vm))
		vm = ERR_PTR(-EACCES);
	else
		colibri_vm_get(vm);
	xa_unlock(&cfile->vms);
	return vm;
}

static bool colibri_vm_in_use(struct colibri_vm *vm)
{
	bool busy;

	mutex_lock(&vm->queue_lock);
	busy = !list_empty(&vm->queues) || atomic_read(&vm->num_groups);
	mutex_unlock(&vm->queue_lock);
	return busy;
}

/**
 * colibri_file_destroy_vm() - take a VM away
 * @cfile: file
 * @id: vm_id
 *
 * Return: 0, -ENOENT, or -EBUSY while the VM has queues or groups.
 */
int colibri_file_destroy_vm(struct colibri_file *cfile, u32 id)
{
	struct colibri_vm *vm;
	int ret = 0;

	mutex_lock(&cfile->lock);
	vm = xa_load(&cfile->vms, id);
	if (!vm)
		ret = -ENOENT;
	else if (colibri_vm_in_use(vm))
		ret = -EBUSY;
	else
		xa_erase(&cfile->vms, id);
	mutex_unlock(&cfile->lock);

	if (!ret)
		colibri_vm_close(vm);
	return ret;
}

/**
 * colibri_file_add_queue() - give a queue an id
 * @cfile: file, its lock held
 * @queue: queue; on success the reference goes to the file
 * @id: returns the id
 *
 * Return: 0 or a negative errno.
 */
int colibri_file_add_queue(struct colibri_file *cfile, struct colibri_queue *queue, u32 *id)
{
	int ret;

	lockdep_assert_held(&cfile->lock);
	ret = xa_alloc_cyclic(&cfile->queues, id, queue, xa_limit_31b, &cfile->next_queue,
			      GFP_KERNEL);
	return min(ret, 0);
}

/**
 * colibri_file_get_queue() - find a queue of the caller
 * @cfile: file
 * @id: queue_id
 *
 * Return: a reference to the queue; ERR_PTR: -ENOENT, or -EACCES when its VM
 * belongs to another process.
 */
struct colibri_queue *colibri_file_get_queue(struct colibri_file *cfile, u32 id)
{
	struct colibri_queue *queue;

	xa_lock(&cfile->queues);
	queue = xa_load(&cfile->queues, id);
	if (!queue)
		queue = ERR_PTR(-ENOENT);
	else if (!colibri_vm_owned_by_current(queue->vm))
		queue = ERR_PTR(-EACCES);
	else
		colibri_queue_get(queue);
	xa_unlock(&cfile->queues);
	return queue;
}

/**
 * colibri_file_had_queue() - whether an id was that of a queue
 * @cfile: file
 * @id: queue_id
 *
 * Return: true if the file once had a queue of that id.
 */
bool colibri_file_had_queue(struct colibri_file *cfile, u32 id)
{
	return id && id < READ_ONCE(cfile->next_queue);
}

/**
 * colibri_file_destroy_queue() - take a queue away
 * @cfile: file
 * @id: queue_id
 *
 * Return: 0 or -ENOENT.
 */
int colibri_file_destroy_queue(struct colibri_file *cfile, u32 id)
{
	struct colibri_queue *queue = xa_erase(&cfile->queues, id);

	if (!queue)
		return -ENOENT;
	colibri_queue_close(queue);
	return 0;
}

/**
 * colibri_file_add_group() - give a group an id
 * @cfile: file, its lock held
 * @group: group; on success the reference goes to the file
 * @id: returns the id
 *
 * Return: 0 or a negative errno.
 */
int colibri_file_add_group(struct colibri_file *cfile, struct colibri_group *group, u32 *id)
{
	lockdep_assert_held(&cfile->lock);
	return xa_alloc(&cfile->groups, id, group, xa_limit_31b, GFP_KERNEL);
}

/**
 * colibri_file_get_group() - find a group of the caller
 * @cfile: file
 * @id: group_id
 *
 * Return: a reference to the group; ERR_PTR: -ENOENT, or -EACCES when its VM
 * belongs to another process.
 */
struct colibri_group *colibri_file_get_group(struct colibri_file *cfile, u32 id)
{
	struct colibri_group *group;

	xa_lock(&cfile->groups);
	group = xa_load(&cfile->groups, id);
	if (!group)
		group = ERR_PTR(-ENOENT);
	else if (!colibri_vm_owned_by_current(group->vm))
		group = ERR_PTR(-EACCES);
	else
		colibri_group_get(group);
	xa_unlock(&cfile->groups);
	return group;
}

/**
 * colibri_file_destroy_group() - take a group away
 * @cfile: file
 * @id: group_id
 *
 * Return: 0, -ENOENT, or -EBUSY while the group has queues.
 */
int colibri_file_destroy_group(struct colibri_file *cfile, u32 id)
{
	struct colibri_group *group;
	int ret = 0;

	mutex_lock(&cfile->lock);
	group = xa_load(&cfile->groups, id);
	if (!group)
		ret = -ENOENT;
	else if (READ_ONCE(group->num_queues))
		ret = -EBUSY;
	else
		xa_erase(&cfile->groups, id);
	mutex_unlock(&cfile->lock);

	if (!ret)
		colibri_group_put(group);
	return ret;
}
