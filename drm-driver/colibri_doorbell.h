/* SPDX-License-Identifier: GPL-2.0 OR MIT */
#ifndef COLIBRI_DOORBELL_H
#define COLIBRI_DOORBELL_H

#include <linux/kref.h>
#include <linux/types.h>
#include <linux/workqueue.h>

struct colibri_bo;
struct colibri_device;
struct colibri_queue;
struct file;
struct page;
struct vm_area_struct;

/**
 * struct colibri_doorbell - what a process may map of a queue
 *
 * Mappings refer to it and not to the queue, which ends when it likes.
 */
struct colibri_doorbell {
	/** @refcount: the queue, mappings, @work */
	struct kref refcount;
	/** @cdev: device; mappings keep its file open */
	struct colibri_device *cdev;
	/** @queue: NULL: it has ended; &colibri_device.queues.lock */
	struct colibri_queue *queue;
	/** @bo: memory of control block and ring; a reference */
	struct colibri_bo *bo;
	/** @dummy: takes what is written while the queue waits for the hardware */
	struct page *dummy;
	/** @offset: for mmap() */
	u64 offset;
	/** @seq: changes when what is to be mapped does; &colibri_device.queues.lock */
	u32 seq;
	/** @mapped: the doorbell page may be mapped; &colibri_device.queues.lock */
	bool mapped;
	/** @work: takes away what is mapped and out of date */
	struct work_struct work;
};

int colibri_doorbell_create(struct colibri_queue *queue);
void colibri_doorbell_put(struct colibri_doorbell *db);
void colibri_doorbell_update(struct colibri_doorbell *db);
void colibri_doorbell_revoke(struct colibri_doorbell *db);
void colibri_doorbell_revoke_sync(struct colibri_doorbell *db);
void colibri_doorbell_zap_all(struct colibri_device *cdev);

u64 colibri_doorbell_ring_size(struct colibri_doorbell *db);
u64 colibri_doorbell_offset(struct colibri_doorbell *db);

int colibri_mmap(struct file *filp, struct vm_area_struct *vma);

#endif /* COLIBRI_DOORBELL_H */
