/* SPDX-License-Identifier: MIT */
/*
 * The uAPI of colibri_drm.h as C functions: each ioctl is written out once,
 * here. Nothing in it depends on IGT.
 *
 * Every function returns 0 or a negative errno, and touches its out
 * parameters only on success.
 */
#ifndef COLIBRI_DEVICE_H
#define COLIBRI_DEVICE_H

#include <stddef.h>
#include <stdint.h>

#include "colibri_hw.h"
#include "drm/colibri_drm.h"

/** struct colibri_device - an open render node */
struct colibri_device {
	/** @fd: the file */
	int fd;
	/** @info: what the kernel says about the device */
	struct drm_colibri_query_device info;
};

/** struct colibri_bo - a buffer, mapped by the CPU */
struct colibri_bo {
	/** @handle: GEM handle, 0: no buffer */
	uint32_t handle;
	/** @size: bytes, whole pages */
	uint64_t size;
	/** @map: CPU mapping */
	void *map;
};

/** union colibri_packet - one slot of a queue */
union colibri_packet {
	uint16_t header;
	struct colibri_pkt_dispatch dispatch;
	struct colibri_pkt_barrier barrier;
	struct colibri_pkt_copy copy;
	struct colibri_pkt_fill fill;
	struct colibri_pkt_fence fence;
	struct colibri_pkt_wait wait;
	struct colibri_pkt_timestamp timestamp;
	uint8_t bytes[COLIBRI_PACKET_SIZE];
};

/** colibri_ioctl() - one ioctl, restarted after a signal */
int colibri_ioctl(int fd, unsigned long request, void *arg);

/**
 * colibri_device_open() - Open a Colibri device
 * @index: which one of several, 0: the first
 *
 * Return: 0, -ENODEV when there is none, or what asking it gave.
 */
int colibri_device_open(struct colibri_device *dev, unsigned int index);
void colibri_device_close(struct colibri_device *dev);

int colibri_bo_create(const struct colibri_device *dev, uint64_t size, uint32_t placement,
		      uint32_t flags, struct colibri_bo *bo);
void colibri_bo_destroy(const struct colibri_device *dev, struct colibri_bo *bo);

int colibri_vm_create(const struct colibri_device *dev, uint32_t *vm);
int colibri_vm_destroy(const struct colibri_device *dev, uint32_t vm);
/** colibri_vm_mirror() - Let the VM mirror the caller's address space */
int colibri_vm_mirror(const struct colibri_device *dev, uint32_t vm);
/** colibri_vm_map() - Bind a whole buffer at @addr */
int colibri_vm_map(const struct colibri_device *dev, uint32_t vm, const struct colibri_bo *bo,
		   uint64_t addr, uint32_t flags);
int colibri_vm_unmap(const struct colibri_device *dev, uint32_t vm, uint64_t addr, uint64_t range);

int colibri_queue_create(const struct colibri_device *dev, uint32_t vm, uint32_t priority,
			 uint32_t ring_packets, uint32_t *queue);
int colibri_queue_destroy(const struct colibri_device *dev, uint32_t queue);
int colibri_queue_submit(const struct colibri_device *dev, uint32_t queue,
			 const union colibri_packet *packets, uint32_t count);
/** colibri_queue_get_state() - Fill @state from its queue_id on */
int colibri_queue_get_state(const struct colibri_device *dev, uint32_t queue,
			    struct drm_colibri_queue_state *state);

/**
 * colibri_fence_wait() - Wait for a word of a fence buffer
 * @cond: DRM_COLIBRI_WAIT_*
 * @queue: 0, or the queue that is to signal
 * @timeout_ns: from now on; 0 polls
 */
int colibri_fence_wait(const struct colibri_device *dev, const struct colibri_bo *bo, uint64_t offset,
		       uint32_t cond, uint64_t value, uint32_t queue, int64_t timeout_ns);

int colibri_svm_prefetch(const struct colibri_device *dev, uint32_t vm, const void *addr, uint64_t size,
			 uint32_t location);
int colibri_svm_get_stats(const struct colibri_device *dev, uint32_t vm,
			  struct drm_colibri_svm_stats *stats);
/**
 * colibri_svm_advise() - Say how a range is going to be used
 * @addr: NULL with @size 0: all addresses without advice of their own
 * @advice: DRM_COLIBRI_SVM_ADVISE_*
 */
int colibri_svm_advise(const struct colibri_device *dev, uint32_t vm, const void *addr, uint64_t size,
		       uint32_t advice, uint32_t value);
/**
 * colibri_svm_query() - Where memory is
 * @pages: returns DRM_COLIBRI_SVM_PAGE_* for each 4 KiB of the range
 */
int colibri_svm_query(const struct colibri_device *dev, uint32_t vm, const void *addr, uint64_t size,
		      uint16_t *pages);

/** colibri_packet_vendor() - A packet of vendor type with operation @op, else zero */
union colibri_packet colibri_packet_vendor(uint16_t op);
/** colibri_packet_fence() - *@addr = @value after all before it, with an interrupt */
union colibri_packet colibri_packet_fence(uint64_t addr, uint64_t value);
/** colibri_packet_dispatch() - A one-dimensional dispatch of @items work-items */
union colibri_packet colibri_packet_dispatch(uint64_t kernel_object, uint64_t kernarg,
					     uint32_t items, uint16_t wg_size);

#endif /* COLIBRI_DEVICE_H */
