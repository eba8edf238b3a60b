// SPDX-License-Identifier: MIT
/*
 * Queues, groups and submission by call, see libcolibri_drm.h.
 */
#include "libcolibri_drm.h"

int colibri_group_create(const struct colibri_device *dev, uint32_t vm, uint32_t priority,
			 uint32_t *group)
{
	struct drm_colibri_group_create create = { .vm_id = vm, .priority = priority };
	int ret;

	ret = colibri_ioctl(dev->fd, DRM_IOCTL_COLIBRI_GROUP_CREATE, &create);
	if (!ret)
		*group = create.group_id;
	return ret;
}

int colibri_group_destroy(const struct colibri_device *dev, uint32_t group)
{
	struct drm_colibri_group_destroy destroy = { .group_id = group };

	return colibri_ioctl(dev->fd, DRM_IOCTL_COLIBRI_GROUP_DESTROY, &destroy);
}

static int create(const struct colibri_device *dev, struct drm_colibri_queue_create *args,
		  uint32_t *queue)
{
	int ret = colibri_ioctl(dev->fd, DRM_IOCTL_COLIBRI_QUEUE_CREATE, args);

	if (!ret)
		*queue = args->queue_id;
	return ret;
}

int colibri_queue_create(const struct colibri_device *dev, uint32_t vm, uint32_t priority,
			 uint32_t ring_packets, uint32_t *queue)
{
	struct drm_colibri_queue_create args = {
		.vm_id = vm,
		.priority = priority,
		.ring_packets = ring_packets,
	};

	return create(dev, &args, queue);
}

int colibri_queue_create_in_group(const struct colibri_device *dev, uint32_t vm, uint32_t group,
				  uint32_t ring_packets, uint32_t *queue)
{
	struct drm_colibri_queue_create args = {
		.vm_id = vm,
		.ring_packets = ring_packets,
		.group_id = group,
	};

	return create(dev, &args, queue);
}

int colibri_queue_destroy(const struct colibri_device *dev, uint32_t queue)
{
	struct drm_colibri_queue_destroy destroy = { .queue_id = queue };

	return colibri_ioctl(dev->fd, DRM_IOCTL_COLIBRI_QUEUE_DESTROY, &destroy);
}

int colibri_queue_get_state(const struct colibri_device *dev, uint32_t queue,
			    struct drm_colibri_queue_state *state)
{
	struct drm_colibri_queue_state answer = { .queue_id = queue };
	int ret;

	ret = colibri_ioctl(dev->fd, DRM_IOCTL_COLIBRI_QUEUE_STATE, &answer);
	if (!ret)
		*state = answer;
	return ret;
}

int colibri_queue_submit(const struct colibri_device *dev, uint32_t queue,
			 const union colibri_packet *packets, uint32_t count)
{
	struct drm_colibri_queue_submit submit = {
		.queue_id = queue,
		.count = count,
		.packets = (uintptr_t)packets,
	};

	return colibri_ioctl(dev->fd, DRM_IOCTL_COLIBRI_QUEUE_SUBMIT, &submit);
}

struct drm_colibri_exec_item colibri_exec_item(uint32_t queue, const union colibri_packet *packets,
					       uint32_t count)
{
	return (struct drm_colibri_exec_item){
		.queue_id = queue,
		.count = count,
		.packets = (uintptr_t)packets,
	};
}

int colibri_exec(const struct colibri_device *dev, const struct drm_colibri_exec_item *items,
		 uint32_t num_items, const struct drm_colibri_sync *syncs, uint32_t num_syncs)
{
	struct drm_colibri_exec exec = {
		.items = (uintptr_t)items,
		.syncs = (uintptr_t)syncs,
		.num_items = num_items,
		.num_syncs = num_syncs,
	};

	return colibri_ioctl(dev->fd, DRM_IOCTL_COLIBRI_EXEC, &exec);
}
