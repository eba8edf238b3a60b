// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Calls of user space about queues and user fences.  See "DOC: Ioctls" in colibri_ioctl.c.
 */

#include <linux/log2.h>
#include <linux/string.h>

#include <drm/drm_drv.h>
#include <drm/drm_file.h>
#include <drm/drm_gem.h>
#include <drm/drm_ioctl.h>

#include <drm/colibri_drm.h>

#include "colibri_device.h"
#include "colibri_fence.h"
#include "colibri_file.h"
#include "colibri_gem.h"
#include "colibri_group.h"
#include "colibri_ioctl.h"
#include "colibri_queue.h"
#include "colibri_vm.h"

/* The group that a new queue is to be in: the one that is named, or one of its own. */
static struct colibri_group *colibri_queue_group(struct colibri_file *cfile, struct colibri_vm *vm,
						 const struct drm_colibri_queue_create *args)
{
	struct colibri_group *group;

	if (!args->group_id)
		return colibri_group_create(vm, args->priority, false);
	group = colibri_file_get_group(cfile, args->group_id);
	if (!IS_ERR(group) && group->vm != vm) {
		colibri_group_put(group);
		return ERR_PTR(-EINVAL);
	}
	return group;
}

static int colibri_queue_create_in(struct colibri_file *cfile, struct colibri_group *group,
				   struct drm_colibri_queue_create *args)
{
	struct colibri_queue *queue;
	int ret;

	queue = colibri_queue_create(group, cfile, args);
	if (IS_ERR(queue))
		return PTR_ERR(queue);
	ret = colibri_file_add_queue(cfile, queue, &args->queue_id);
	if (ret)
		colibri_queue_close(queue);
	return ret;
}

static int colibri_queue_create_locked(struct colibri_file *cfile,
				       struct drm_colibri_queue_create *args)
{
	struct colibri_group *group;
	struct colibri_vm *vm;
	int ret;

	vm = colibri_file_get_vm(cfile, args->vm_id);
	if (IS_ERR(vm))
		return PTR_ERR(vm);
	group = ERR_PTR(-EINVAL);
	if (!vm->fenced || !(args->flags & DRM_COLIBRI_QUEUE_USER))
		group = colibri_queue_group(cfile, vm, args);
	colibri_vm_put(vm);
	if (IS_ERR(group))
		return PTR_ERR(group);
	ret = colibri_queue_create_in(cfile, group, args);
	colibri_group_put(group);
	return ret;
}

/* DRM_IOCTL_COLIBRI_QUEUE_CREATE: make a queue. */
int colibri_ioctl_queue_create(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct drm_colibri_queue_create *args = data;
	struct colibri_file *cfile = file->driver_priv;
	int ret;

	if (args->flags & ~DRM_COLIBRI_QUEUE_USER || args->priority > COLIBRI_MAX_PRIORITY ||
	    (args->group_id && args->priority) ||
	    args->ring_packets < COLIBRI_MIN_RING_PACKETS ||
	    args->ring_packets > COLIBRI_MAX_RING_PACKETS || !is_power_of_2(args->ring_packets))
		return -EINVAL;
	args->mmap_offset = 0;
	args->mmap_size = 0;
	args->doorbell_offset = 0;

	mutex_lock(&cfile->lock);
	ret = colibri_queue_create_locked(cfile, args);
	mutex_unlock(&cfile->lock);
	return ret;
}

static int colibri_group_create_locked(struct colibri_file *cfile,
				       struct drm_colibri_group_create *args)
{
	struct colibri_group *group;
	struct colibri_vm *vm;
	int ret;

	vm = colibri_file_get_vm(cfile, args->vm_id);
	if (IS_ERR(vm))
		return PTR_ERR(vm);
	group = colibri_group_create(vm, args->priority, true);
	colibri_vm_put(vm);
	if (IS_ERR(group))
		return PTR_ERR(group);
	ret = colibri_file_add_group(cfile, group, &args->group_id);
	if (ret)
		colibri_group_put(group);
	return ret;
}

/* DRM_IOCTL_COLIBRI_GROUP_CREATE: make a group of queues. */
int colibri_ioctl_group_create(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct drm_colibri_group_create *args = data;
	struct colibri_file *cfile = file->driver_priv;
	int ret;

	if (args->flags || args->priority > COLIBRI_MAX_PRIORITY)
		return -EINVAL;

	mutex_lock(&cfile->lock);
	ret = colibri_group_create_locked(cfile, args);
	mutex_unlock(&cfile->lock);
	return ret;
}

/* DRM_IOCTL_COLIBRI_GROUP_DESTROY: give a group up. */
int colibri_ioctl_group_destroy(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct drm_colibri_group_destroy *args = data;

	if (args->pad)
		return -EINVAL;
	return colibri_file_destroy_group(file->driver_priv, args->group_id);
}

/* DRM_IOCTL_COLIBRI_QUEUE_DESTROY: give a queue up. */
int colibri_ioctl_queue_destroy(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct drm_colibri_queue_destroy *args = data;

	if (args->pad)
		return -EINVAL;
	return colibri_file_destroy_queue(file->driver_priv, args->queue_id);
}

/**
 * colibri_packet_allowed() - whether a process may submit a packet
 * @packet: packet; the device checks the rest of it
 *
 * Return: whether it is of a type that processes use.
 */
bool colibri_packet_allowed(const u16 *packet)
{
	switch (packet[0] & COLIBRI_PKT_TYPE_MASK) {
	case COLIBRI_PKT_DISPATCH:
	case COLIBRI_PKT_BARRIER_AND:
	case COLIBRI_PKT_BARRIER_OR:
		return true;
	case COLIBRI_PKT_VENDOR:
		return packet[1] <= COLIBRI_OP_ICACHE_INV;
	default:
		return false;
	}
}

static int colibri_submit_user(struct colibri_queue *queue,
			       const struct drm_colibri_queue_submit *args)
{
	void *packets;
	int ret = 0;
	u32 i;

	if (!args->count || args->count > queue->ring_packets || queue->fenced || queue->doorbell)
		return -EINVAL;
	packets = vmemdup_array_user(u64_to_user_ptr(args->packets), args->count,
				     COLIBRI_PACKET_SIZE);
	if (IS_ERR(packets))
		return PTR_ERR(packets);

	for (i = 0; i < args->count && !ret; i++) {
		if (!colibri_packet_allowed(packets + i * COLIBRI_PACKET_SIZE))
			ret = -EINVAL;
	}
	if (!ret)
		ret = colibri_queue_submit(queue, packets, args->count);
	kvfree(packets);
	return ret;
}

/* DRM_IOCTL_COLIBRI_QUEUE_SUBMIT: append packets. */
int colibri_ioctl_queue_submit(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct drm_colibri_queue_submit *args = data;
	struct colibri_queue *queue;
	int ret;

	if (args->pad || args->flags)
		return -EINVAL;
	queue = colibri_file_get_queue(file->driver_priv, args->queue_id);
	if (IS_ERR(queue))
		return PTR_ERR(queue);
	ret = colibri_submit_user(queue, args);
	colibri_queue_put(queue);
	return ret;
}

/* DRM_IOCTL_COLIBRI_QUEUE_STATE: how a queue is. */
int colibri_ioctl_queue_state(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct drm_colibri_queue_state *args = data;
	struct colibri_queue *queue;
	u32 id = args->queue_id;

	if (args->pad)
		return -EINVAL;
	queue = colibri_file_get_queue(file->driver_priv, id);
	if (IS_ERR(queue))
		return PTR_ERR(queue);
	*args = (struct drm_colibri_queue_state){ .queue_id = id };
	colibri_queue_get_state(queue, args);
	colibri_queue_put(queue);
	return 0;
}

/* The queue that a wait names.  One that was destroyed before the wait began is no other case. */
static struct colibri_queue *colibri_fence_get_queue(struct colibri_file *cfile, u32 id)
{
	struct colibri_queue *queue = colibri_file_get_queue(cfile, id);

	if (queue == ERR_PTR(-ENOENT) && colibri_file_had_queue(cfile, id))
		return ERR_PTR(-ECANCELED);
	return queue;
}

static int colibri_fence_wait_bo(struct colibri_device *cdev, struct colibri_bo *bo,
				 const struct drm_colibri_fence_wait *args, struct drm_file *file)
{
	struct colibri_queue *queue = NULL;
	int ret;

	if (!(bo->flags & DRM_COLIBRI_GEM_FENCE) || args->offset >= colibri_bo_gem(bo)->size)
		return -EINVAL;
	if (args->queue_id) {
		queue = colibri_fence_get_queue(file->driver_priv, args->queue_id);
		if (IS_ERR(queue))
			return PTR_ERR(queue);
	}
	ret = colibri_fence_wait(cdev, bo, queue, args);
	if (queue)
		colibri_queue_put(queue);
	return ret;
}

/* DRM_IOCTL_COLIBRI_FENCE_WAIT: wait for a user fence. */
int colibri_ioctl_fence_wait(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct drm_colibri_fence_wait *args = data;
	struct drm_gem_object *obj;
	int ret;

	if (args->flags || args->cond > DRM_COLIBRI_WAIT_GE || args->offset % sizeof(u64))
		return -EINVAL;
	obj = drm_gem_object_lookup(file, args->handle);
	if (!obj)
		return -ENOENT;
	ret = colibri_fence_wait_bo(to_colibri_device(drm), to_colibri_bo(obj), args, file);
	drm_gem_object_put(obj);
	return ret;
}
