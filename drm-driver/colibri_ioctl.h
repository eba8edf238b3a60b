/* SPDX-License-Identifier: GPL-2.0 OR MIT */
#ifndef COLIBRI_IOCTL_H
#define COLIBRI_IOCTL_H

#include <drm/drm_ioctl.h>

struct drm_device;
struct drm_file;

#define COLIBRI_NUM_IOCTLS 20

/* Limits of the calls. */
#define COLIBRI_MIN_RING_PACKETS	16
#define COLIBRI_MAX_RING_PACKETS	65536
#define COLIBRI_MAX_PRIORITY		2
#define COLIBRI_MAX_EXEC_ITEMS		64

/* Indexed by number of the call. */
extern const struct drm_ioctl_desc colibri_ioctls[COLIBRI_NUM_IOCTLS];

/* The calls, with copies of their arguments that drm_ioctl() made. */
int colibri_ioctl_query(struct drm_device *drm, void *data, struct drm_file *file);
int colibri_ioctl_gem_create(struct drm_device *drm, void *data, struct drm_file *file);
int colibri_ioctl_gem_info(struct drm_device *drm, void *data, struct drm_file *file);
int colibri_ioctl_gem_mmap_offset(struct drm_device *drm, void *data, struct drm_file *file);
int colibri_ioctl_vm_create(struct drm_device *drm, void *data, struct drm_file *file);
int colibri_ioctl_vm_state(struct drm_device *drm, void *data, struct drm_file *file);
int colibri_ioctl_vm_destroy(struct drm_device *drm, void *data, struct drm_file *file);
int colibri_ioctl_vm_bind(struct drm_device *drm, void *data, struct drm_file *file);
int colibri_ioctl_queue_create(struct drm_device *drm, void *data, struct drm_file *file);
int colibri_ioctl_queue_destroy(struct drm_device *drm, void *data, struct drm_file *file);
int colibri_ioctl_group_create(struct drm_device *drm, void *data, struct drm_file *file);
int colibri_ioctl_group_destroy(struct drm_device *drm, void *data, struct drm_file *file);
int colibri_ioctl_queue_submit(struct drm_device *drm, void *data, struct drm_file *file);
int colibri_ioctl_queue_state(struct drm_device *drm, void *data, struct drm_file *file);
int colibri_ioctl_fence_wait(struct drm_device *drm, void *data, struct drm_file *file);
int colibri_ioctl_exec(struct drm_device *drm, void *data, struct drm_file *file);
int colibri_ioctl_svm_prefetch(struct drm_device *drm, void *data, struct drm_file *file);
int colibri_ioctl_svm_advise(struct drm_device *drm, void *data, struct drm_file *file);
int colibri_ioctl_svm_query(struct drm_device *drm, void *data, struct drm_file *file);
int colibri_ioctl_svm_stats(struct drm_device *drm, void *data, struct drm_file *file);

/* What is common to QUEUE_SUBMIT and EXEC. */
bool colibri_packet_allowed(const u16 *packet);

#endif /* COLIBRI_IOCTL_H */
