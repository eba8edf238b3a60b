// SPDX-License-Identifier: MIT
/*
 * Waiting, and what calls wait for and signal, see libcolibri_drm.h.
 */
#include "libcolibri_drm.h"

#include <time.h>

#define NSEC_PER_SEC	1000000000ll

int64_t colibri_deadline(int64_t timeout_ns)
{
	struct timespec time;
	int64_t now;

	if (!timeout_ns)
		return 0;
	clock_gettime(CLOCK_MONOTONIC, &time);
	now = time.tv_sec * NSEC_PER_SEC + time.tv_nsec;
	return timeout_ns > INT64_MAX - now ? INT64_MAX : now + timeout_ns;
}

int colibri_fence_wait_until(const struct colibri_device *dev,
			     const struct drm_colibri_fence_wait *wait)
{
	struct drm_colibri_fence_wait args = *wait;

	return colibri_ioctl(dev->fd, DRM_IOCTL_COLIBRI_FENCE_WAIT, &args);
}

int colibri_fence_wait(const struct colibri_device *dev, const struct colibri_bo *bo,
		       uint64_t offset, uint32_t cond, uint64_t value, uint32_t queue,
		       int64_t timeout_ns)
{
	const struct drm_colibri_fence_wait wait = {
		.handle = bo->handle,
		.queue_id = queue,
		.offset = offset,
		.value = value,
		.timeout_ns = colibri_deadline(timeout_ns),
		.cond = cond,
	};

	return colibri_fence_wait_until(dev, &wait);
}

struct drm_colibri_sync colibri_sync_binary(uint32_t syncobj, uint32_t flags)
{
	return (struct drm_colibri_sync){
		.type = DRM_COLIBRI_SYNC_TYPE_SYNCOBJ,
		.flags = flags,
		.handle = syncobj,
	};
}

struct drm_colibri_sync colibri_sync_timeline(uint32_t syncobj, uint64_t point, uint32_t flags)
{
	return (struct drm_colibri_sync){
		.type = DRM_COLIBRI_SYNC_TYPE_TIMELINE,
		.flags = flags,
		.handle = syncobj,
		.point = point,
	};
}

struct drm_colibri_sync colibri_sync_user(const struct colibri_bo *bo, uint64_t offset,
					  uint64_t value)
{
	return (struct drm_colibri_sync){
		.type = DRM_COLIBRI_SYNC_TYPE_USER,
		.flags = DRM_COLIBRI_SYNC_SIGNAL,
		.handle = bo->handle,
		.point = value,
		.offset = offset,
	};
}
