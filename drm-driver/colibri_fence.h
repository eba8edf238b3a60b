/* SPDX-License-Identifier: GPL-2.0 OR MIT */
#ifndef COLIBRI_FENCE_H
#define COLIBRI_FENCE_H

struct colibri_bo;
struct colibri_device;
struct colibri_queue;
struct drm_colibri_fence_wait;

int colibri_fence_wait(struct colibri_device *cdev, struct colibri_bo *bo,
		       struct colibri_queue *queue, const struct drm_colibri_fence_wait *args);

#endif /* COLIBRI_FENCE_H */
