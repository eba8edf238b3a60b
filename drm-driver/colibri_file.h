/* SPDX-License-Identifier: GPL-2.0 OR MIT */
#ifndef COLIBRI_FILE_H
#define COLIBRI_FILE_H

#include <linux/mutex.h>
#include <linux/xarray.h>

struct colibri_device;
struct colibri_group;
struct colibri_mm;
struct colibri_queue;
struct colibri_usage;
struct colibri_vm;
struct drm_device;
struct drm_file;

/**
 * struct colibri_file - an open file of the device
 */
struct colibri_file {
	/** @cdev: device */
	struct colibri_device *cdev;
	/** @cmm: keeps the statistics of the process that opened the file */
	struct colibri_mm *cmm;
	/** @usage: engine time, for fdinfo */
	struct colibri_usage *usage;
	/** @lock: a VM is not destroyed while a queue is created on it */
	struct mutex lock;
	/** @vms: vm_id to &struct colibri_vm */
	struct xarray vms;
	/** @queues: queue_id to &struct colibri_queue */
	struct xarray queues;
	/** @groups: group_id to &struct colibri_group */
	struct xarray groups;
	/** @next_queue: ids below it have been used; they are not used again before 2^31 others */
	u32 next_queue;
};

int colibri_file_open(struct drm_device *drm, struct drm_file *file);
void colibri_file_close(struct drm_device *drm, struct drm_file *file);

int colibri_file_add_vm(struct colibri_file *cfile, struct colibri_vm *vm, u32 *id);
struct colibri_vm *colibri_file_get_vm(struct colibri_file *cfile, u32 id);
int colibri_file_destroy_vm(struct colibri_file *cfile, u32 id);

int colibri_file_add_queue(struct colibri_file *cfile, struct colibri_queue *queue, u32 *id);
struct colibri_queue *colibri_file_get_queue(struct colibri_file *cfile, u32 id);
bool colibri_file_had_queue(struct colibri_file *cfile, u32 id);
int colibri_file_destroy_queue(struct colibri_file *cfile, u32 id);

int colibri_file_add_group(struct colibri_file *cfile, struct colibri_group *group, u32 *id);
struct colibri_group *colibri_file_get_group(struct colibri_file *cfile, u32 id);
int colibri_file_destroy_group(struct colibri_file *cfile, u32 id);

#endif /* COLIBRI_FILE_H */
