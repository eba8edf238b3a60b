/* SPDX-License-Identifier: MIT */
/**
 * @file
 * libcolibri_drm: the uAPI of colibri_drm.h as C functions.
 *
 * Each ioctl and each structure of the uAPI is spelled out once, in this folder; the Mesa driver,
 * the tests and the benchmarks call it. A function returns 0 or a negative errno, and touches
 * what it returns only on success. There is no state behind it: a process may use it from many
 * threads, as it may the kernel.
 *
 * Where a call has more arguments than most callers want, there is a function for the usual ones
 * and one that takes the kernel's structure (colibri_vm_map() and colibri_vm_bind(), for example).
 */
#ifndef LIBCOLIBRI_DRM_H
#define LIBCOLIBRI_DRM_H

#include <stddef.h>
#include <stdint.h>

#include <colibri_drm.h>

#include "colibri_hw.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Bytes that the mapping of a user-mode queue's doorbell has. */
#define COLIBRI_DOORBELL_SIZE	4096

/** An open render node. */
struct colibri_device {
	int fd;					/**< the file */
	struct drm_colibri_query_device info;	/**< what the kernel says about the device */
};

/** Where a device is. */
struct colibri_node {
	char path[32];		/**< of the render node */
	uint32_t pci_domain;
	uint32_t pci_bus;
	uint32_t pci_device;
	uint32_t pci_function;
};

/** A buffer. */
struct colibri_bo {
	uint32_t handle;	/**< GEM handle, 0: no buffer */
	uint64_t size;		/**< bytes, whole pages */
	void *map;		/**< the CPU's mapping, NULL: none */
};

/** One slot of a queue. */
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

/**
 * A queue to which the process submits without a call (DRM_COLIBRI_QUEUE_USER).
 *
 * One thread at a time.
 */
struct colibri_ring {
	uint32_t queue;				/**< its number */
	uint32_t count;				/**< packets that the ring holds */
	volatile struct colibri_queue_cb *cb;	/**< control block */
	union colibri_packet *packets;		/**< the ring */
	volatile uint32_t *doorbell;
	uint64_t map_size;			/**< bytes, of control block and ring */
	uint64_t map_offset;			/**< where mmap() finds them */
	uint64_t doorbell_offset;		/**< where it finds the doorbell */
};

/** @name Calls
 * @{ */

/** One ioctl, restarted after a signal. */
int colibri_ioctl(int fd, unsigned long request, void *arg);

/**
 * Sees an ioctl of colibri_ioctl(): a test's means to know what was exercised.
 *
 * @param before what the argument was, _IOC_SIZE(@p request) bytes
 * @param after  what it is now
 * @param ret    0 or negative errno
 */
typedef void (*colibri_observer)(unsigned long request, const void *before, const void *after,
				 int ret);

/** Let @p observer see each ioctl of this process; NULL: nobody. Call it before threads start. */
void colibri_observe(colibri_observer observer);
/** @} */

/** @name Devices
 * @{ */

/**
 * The Colibri devices, by the number of their render nodes.
 *
 * @return how many there are; of these, the first @p max are written to @p nodes; or negative errno
 */
int colibri_enumerate(struct colibri_node *nodes, unsigned int max);

/**
 * Open a device.
 *
 * @param index which of those that colibri_enumerate() finds
 * @return -ENODEV: there is none; or what asking it gave
 */
int colibri_device_open(struct colibri_device *dev, unsigned int index);

/** Use an open file, which is the caller's again when this fails. */
int colibri_device_init(struct colibri_device *dev, int fd);
void colibri_device_close(struct colibri_device *dev);

/**
 * Any query.
 *
 * @param size in: bytes at @p data; out: bytes that the kernel has
 */
int colibri_query(const struct colibri_device *dev, uint32_t query, void *data, uint32_t *size);
int colibri_query_limits(const struct colibri_device *dev, struct drm_colibri_query_limits *limits);
/** @param count in: room at @p regions; out: how many there are, also when there is less room */
int colibri_query_mem_regions(const struct colibri_device *dev,
			      struct drm_colibri_mem_region *regions, uint32_t *count);
int colibri_query_topology(const struct colibri_device *dev,
			   struct drm_colibri_query_topology *topology);
/** @param clock CLOCK_MONOTONIC, CLOCK_MONOTONIC_RAW or CLOCK_BOOTTIME */
int colibri_query_timestamp(const struct colibri_device *dev, uint32_t clock,
			    struct drm_colibri_query_timestamp *timestamp);
/** @} */

/** @name Buffers
 * @{ */

/**
 * Make a buffer and map it.
 *
 * @param placement DRM_COLIBRI_GEM_SYSTEM, _VRAM or both
 * @param flags     DRM_COLIBRI_GEM_FENCE or 0
 */
int colibri_bo_create(const struct colibri_device *dev, uint64_t size, uint32_t placement,
		      uint32_t flags, struct colibri_bo *bo);

/** The same without a mapping. @param caching DRM_COLIBRI_CACHING_* */
int colibri_bo_alloc(const struct colibri_device *dev, uint64_t size, uint32_t placement,
		     uint32_t flags, uint32_t caching, struct colibri_bo *bo);

/** Map it for the CPU, to read and write; nothing to do when it is mapped. */
int colibri_bo_map(const struct colibri_device *dev, struct colibri_bo *bo);

/** Unmap it and close its handle; nothing to do without a buffer. */
void colibri_bo_destroy(const struct colibri_device *dev, struct colibri_bo *bo);

/** What mmap() of the device's file takes. */
int colibri_bo_mmap_offset(const struct colibri_device *dev, uint32_t handle, uint64_t *offset);
int colibri_bo_get_info(const struct colibri_device *dev, uint32_t handle,
			struct drm_colibri_gem_info *info);

/** A dma-buf of it: @p prime_fd is the caller's to close. */
int colibri_bo_export(const struct colibri_device *dev, const struct colibri_bo *bo, int *prime_fd);

/** The buffer behind a dma-buf, not mapped. */
int colibri_bo_import(const struct colibri_device *dev, int prime_fd, struct colibri_bo *bo);
/** @} */

/** @name Address spaces
 * @{ */
int colibri_vm_create(const struct colibri_device *dev, uint32_t *vm);
/** A VM on which nothing faults, for jobs with syncobjs. */
int colibri_vm_create_fenced(const struct colibri_device *dev, uint32_t *vm);
int colibri_vm_destroy(const struct colibri_device *dev, uint32_t vm);
int colibri_vm_get_state(const struct colibri_device *dev, uint32_t vm,
			 struct drm_colibri_vm_state *state);
/** Any bind, with syncs for one that takes effect later. */
int colibri_vm_bind(const struct colibri_device *dev, const struct drm_colibri_vm_bind *bind);
/** Let the VM mirror the caller's address space. */
int colibri_vm_mirror(const struct colibri_device *dev, uint32_t vm);
/** Bind a whole buffer at @p addr. @param flags DRM_COLIBRI_VM_BIND_* */
int colibri_vm_map(const struct colibri_device *dev, uint32_t vm, const struct colibri_bo *bo,
		   uint64_t addr, uint32_t flags);
int colibri_vm_unmap(const struct colibri_device *dev, uint32_t vm, uint64_t addr, uint64_t range);
/** Move what is bound. @param location DRM_COLIBRI_SVM_LOC_* */
int colibri_vm_prefetch(const struct colibri_device *dev, uint32_t vm, uint64_t addr,
			uint64_t range, uint32_t location);
/** @} */

/** @name Queues
 * @{ */
int colibri_group_create(const struct colibri_device *dev, uint32_t vm, uint32_t priority,
			 uint32_t *group);
int colibri_group_destroy(const struct colibri_device *dev, uint32_t group);

/** A queue in a group of its own. */
int colibri_queue_create(const struct colibri_device *dev, uint32_t vm, uint32_t priority,
			 uint32_t ring_packets, uint32_t *queue);
int colibri_queue_create_in_group(const struct colibri_device *dev, uint32_t vm, uint32_t group,
				  uint32_t ring_packets, uint32_t *queue);
int colibri_queue_destroy(const struct colibri_device *dev, uint32_t queue);
int colibri_queue_get_state(const struct colibri_device *dev, uint32_t queue,
			    struct drm_colibri_queue_state *state);

/** Append packets, all or none; waits for room. */
int colibri_queue_submit(const struct colibri_device *dev, uint32_t queue,
			 const union colibri_packet *packets, uint32_t count);

/** Packets for many queues, all or none; on a fenced VM a job with syncs. */
int colibri_exec(const struct colibri_device *dev, const struct drm_colibri_exec_item *items,
		 uint32_t num_items, const struct drm_colibri_sync *syncs, uint32_t num_syncs);

/** What @p queue is to do in colibri_exec(). */
struct drm_colibri_exec_item colibri_exec_item(uint32_t queue, const union colibri_packet *packets,
					       uint32_t count);
/** @} */

/** @name Queues without calls
 * @{ */

/** Make a queue for submission by the process and map it. */
int colibri_ring_create(const struct colibri_device *dev, uint32_t vm, uint32_t priority,
			uint32_t ring_packets, struct colibri_ring *ring);
/** Unmap and destroy it; what the queue has not finished is dropped. */
int colibri_ring_destroy(const struct colibri_device *dev, struct colibri_ring *ring);
/** How many packets there is room for. */
uint32_t colibri_ring_room(const struct colibri_ring *ring);
/**
 * Append packets and wake the device, all or none.
 *
 * @return -EAGAIN: no room now; -EINVAL: more than the ring ever holds
 */
int colibri_ring_submit(struct colibri_ring *ring, const union colibri_packet *packets,
			uint32_t count);
/** @} */

/** @name Fences
 * @{ */

/**
 * Wait for a word of a fence buffer.
 *
 * @param cond       DRM_COLIBRI_WAIT_*
 * @param queue      0, or the queue that is to signal
 * @param timeout_ns from now on; 0 polls, INT64_MAX waits for ever
 */
int colibri_fence_wait(const struct colibri_device *dev, const struct colibri_bo *bo,
		       uint64_t offset, uint32_t cond, uint64_t value, uint32_t queue,
		       int64_t timeout_ns);

/** Any wait; its timeout is absolute. */
int colibri_fence_wait_until(const struct colibri_device *dev,
			     const struct drm_colibri_fence_wait *wait);

/** The time of CLOCK_MONOTONIC @p timeout_ns from now; 0 stays 0, too far is INT64_MAX. */
int64_t colibri_deadline(int64_t timeout_ns);

/** A syncobj to wait for, or with @p flags DRM_COLIBRI_SYNC_SIGNAL to signal. */
struct drm_colibri_sync colibri_sync_binary(uint32_t syncobj, uint32_t flags);
/** The same for a point of a timeline. */
struct drm_colibri_sync colibri_sync_timeline(uint32_t syncobj, uint64_t point, uint32_t flags);
/** A word of a fence buffer, to which @p value is written. */
struct drm_colibri_sync colibri_sync_user(const struct colibri_bo *bo, uint64_t offset,
					  uint64_t value);
/** @} */

/** @name Shared virtual memory
 * @{ */

/** @param location DRM_COLIBRI_SVM_LOC_* */
int colibri_svm_prefetch(const struct colibri_device *dev, uint32_t vm, const void *addr,
			 uint64_t size, uint32_t location);
/** @param vm 0: all VMs that this process has or had */
int colibri_svm_get_stats(const struct colibri_device *dev, uint32_t vm,
			  struct drm_colibri_svm_stats *stats);
/**
 * Say how a range is going to be used.
 *
 * @param addr   NULL with @p size 0: all addresses without advice of their own
 * @param advice DRM_COLIBRI_SVM_ADVISE_*
 */
int colibri_svm_advise(const struct colibri_device *dev, uint32_t vm, const void *addr,
		       uint64_t size, uint32_t advice, uint32_t value);
/**
 * Where memory is.
 *
 * @param pages returns DRM_COLIBRI_SVM_PAGE_* for each 4 KiB of the range
 */
int colibri_svm_query(const struct colibri_device *dev, uint32_t vm, const void *addr,
		      uint64_t size, uint16_t *pages);
/** @} */

/** @name Packets
 * @{ */

/** A packet of vendor type with operation @p op, else zero. */
union colibri_packet colibri_packet_vendor(uint16_t op);
/** *@p addr = @p value after all before it, with an interrupt. */
union colibri_packet colibri_packet_fence(uint64_t addr, uint64_t value);
union colibri_packet colibri_packet_copy(uint64_t dst, uint64_t src, uint64_t size);
/** Fill with a 32-bit pattern; @p size is a multiple of 4. */
union colibri_packet colibri_packet_fill(uint64_t dst, uint64_t size, uint32_t pattern);
/** Go on when the word compares with @p ref. @param cond COLIBRI_WAIT_* */
union colibri_packet colibri_packet_wait(uint64_t addr, uint32_t cond, uint64_t ref);
/** *@p addr = the device's clock when all before it is complete. */
union colibri_packet colibri_packet_timestamp(uint64_t addr);
/** A one-dimensional dispatch of @p items work-items. */
union colibri_packet colibri_packet_dispatch(uint64_t kernel_object, uint64_t kernarg,
					     uint32_t items, uint16_t wg_size);
/** @} */

#ifdef __cplusplus
}
#endif

#endif /* LIBCOLIBRI_DRM_H */
