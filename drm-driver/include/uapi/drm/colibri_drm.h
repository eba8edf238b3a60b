/* SPDX-License-Identifier: MIT */
/*
 * Colibri DRM uAPI: everything that user space and colibri.ko say to each other.
 *
 * A process opens the render node, creates a VM (a GPU address space), lets the
 * VM mirror its own address space with one VM_BIND, creates a queue on the VM
 * and submits packets (colibri_hw.h).  Kernel arguments are plain pointers: the
 * GPU faults, the driver resolves the fault through HMM.  Completion is a user
 * fence: a 64-bit word in a fence buffer, written by a FENCE packet.
 *
 *	fd = open("/dev/dri/renderD128", O_RDWR | O_CLOEXEC);
 *	ioctl(fd, DRM_IOCTL_COLIBRI_VM_CREATE, &vm);
 *	bind.vm_id = vm.vm_id; bind.op = DRM_COLIBRI_VM_BIND_OP_MIRROR;
 *	ioctl(fd, DRM_IOCTL_COLIBRI_VM_BIND, &bind);
 *	queue.vm_id = vm.vm_id; ioctl(fd, DRM_IOCTL_COLIBRI_QUEUE_CREATE, &queue);
 *	packets[] = { dispatch, fence };
 *	ioctl(fd, DRM_IOCTL_COLIBRI_QUEUE_SUBMIT, &submit);
 *	ioctl(fd, DRM_IOCTL_COLIBRI_FENCE_WAIT, &wait);
 *
 * Rules for every call: padding and unused fields must be zero, unknown flags
 * are refused with EINVAL; a structure may grow at its end (the DRM core copies
 * by size).  A call that fails changes nothing.  A VM belongs to the process (mm) that
 * created it: any other process gets EACCES from every call that names it, except
 * VM_DESTROY and QUEUE_DESTROY.  ENOENT: no such VM, queue or buffer in this file.
 * ENODEV: the device is lost or unplugged.  EOWNERDEAD: the VM's owner exits or has exec'ed.
 * The SVM_ calls that name a range wait for memory as any access does; a fatal signal ends that
 * with EINTR.
 */
#ifndef _UAPI_COLIBRI_DRM_H_
#define _UAPI_COLIBRI_DRM_H_

#include "drm.h"

#if defined(__cplusplus)
extern "C" {
#endif

#define DRM_COLIBRI_QUERY		0x00
#define DRM_COLIBRI_GEM_CREATE		0x01
#define DRM_COLIBRI_GEM_MMAP_OFFSET	0x02
#define DRM_COLIBRI_VM_CREATE		0x03
#define DRM_COLIBRI_VM_DESTROY		0x04
#define DRM_COLIBRI_VM_BIND		0x05
#define DRM_COLIBRI_QUEUE_CREATE	0x06
#define DRM_COLIBRI_QUEUE_DESTROY	0x07
#define DRM_COLIBRI_QUEUE_SUBMIT	0x08
#define DRM_COLIBRI_QUEUE_STATE		0x09
#define DRM_COLIBRI_FENCE_WAIT		0x0a
#define DRM_COLIBRI_SVM_PREFETCH	0x0b
#define DRM_COLIBRI_SVM_STATS		0x0c
#define DRM_COLIBRI_SVM_ADVISE		0x0d
#define DRM_COLIBRI_SVM_QUERY		0x0e
#define DRM_COLIBRI_GEM_INFO		0x0f
#define DRM_COLIBRI_VM_STATE		0x10
#define DRM_COLIBRI_GROUP_CREATE	0x11
#define DRM_COLIBRI_GROUP_DESTROY	0x12
#define DRM_COLIBRI_EXEC		0x13

/**
 * struct drm_colibri_query_device - answer of DRM_COLIBRI_QUERY_DEVICE
 */
struct drm_colibri_query_device {
	/** @vram_size: bytes of device memory */
	__u64 vram_size;
	/** @va_user_end: end of the mirrored part of the GPU address space (exclusive) */
	__u64 va_user_end;
	/** @va_zone_start: start of the zone for VM_BIND of buffers */
	__u64 va_zone_start;
	/**
	 * @va_zone_end: its end (exclusive).  The driver keeps what lies behind
	 * for itself (rings).
	 */
	__u64 va_zone_end;
	/** @num_cus: compute units */
	__u32 num_cus;
	/** @num_queues: hardware compute queues */
	__u32 num_queues;
	/** @wave_lanes: work-items of a wave */
	__u32 wave_lanes;
	/** @max_wg_items: work-items of a work-group at most */
	__u32 max_wg_items;
	/** @max_lds: bytes of local memory of a work-group at most */
	__u32 max_lds;
	/** @max_private: bytes of private memory of a work-item at most */
	__u32 max_private;
	/** @hw_features: COLIBRI_FEATURE_* of colibri_hw.h */
	__u32 hw_features;
	/** @hw_version: register VERSION */
	__u32 hw_version;
	/** @svm_flags: DRM_COLIBRI_SVM_* that the kernel offers */
	__u32 svm_flags;
	/** @pad: 0 */
	__u32 pad;
};

/**
 * struct drm_colibri_query_limits - answer of DRM_COLIBRI_QUERY_LIMITS
 */
struct drm_colibri_query_limits {
	/** @max_vms: VMs on the device, of all processes */
	__u32 max_vms;
	/** @max_queues: queues on the device; beyond num_queues they share by time slices */
	__u32 max_queues;
	/** @max_queues_per_group: queues that can run at the same instant */
	__u32 max_queues_per_group;
	/** @min_ring_packets: smallest ring */
	__u32 min_ring_packets;
	/** @max_ring_packets: largest ring */
	__u32 max_ring_packets;
	/** @max_priority: of queues and groups */
	__u32 max_priority;
	/** @max_exec_items: of one EXEC */
	__u32 max_exec_items;
	/** @max_syncs: of one EXEC or VM_BIND */
	__u32 max_syncs;
	/** @waves_per_queue: waves of a queue that are resident at the same time */
	__u32 waves_per_queue;
	/** @job_timeout_ms: what a job on a fenced VM may take at most, 0: no limit */
	__u32 job_timeout_ms;
	/** @timeslice_us: what a queue may stay on the hardware while others wait for it */
	__u32 timeslice_us;
	/** @pad: 0 */
	__u32 pad;
	/** @vram_granule: bytes; VRAM is given to buffers in multiples of it */
	__u64 vram_granule;
};

/**
 * struct drm_colibri_mem_region - one entry of the answer of DRM_COLIBRI_QUERY_MEM_REGIONS
 */
struct drm_colibri_mem_region {
	/** @placement: DRM_COLIBRI_GEM_SYSTEM or DRM_COLIBRI_GEM_VRAM */
	__u32 placement;
	/** @pad: 0 */
	__u32 pad;
	/** @size: bytes */
	__u64 size;
	/** @used: bytes in use by buffers and by migrated pages of all processes */
	__u64 used;
	/** @cpu_visible: bytes that the CPU can map */
	__u64 cpu_visible;
	/** @min_page: bytes; the smallest page of a mapping */
	__u64 min_page;
};

/**
 * struct drm_colibri_query_topology - answer of DRM_COLIBRI_QUERY_TOPOLOGY
 */
struct drm_colibri_query_topology {
	/** @pci_domain: where the device is */
	__u32 pci_domain;
	/** @pci_bus: bus */
	__u32 pci_bus;
	/** @pci_device: device */
	__u32 pci_device;
	/** @pci_function: function */
	__u32 pci_function;
	/** @numa_node: of the CPUs next to it, -1: none */
	__s32 numa_node;
	/** @num_cus: compute units */
	__u32 num_cus;
	/** @wave_lanes: work-items of a wave */
	__u32 wave_lanes;
	/** @vlen: bits of a vector register */
	__u32 vlen;
	/** @num_copy_engines: that COPY and FILL packets can use */
	__u32 num_copy_engines;
	/** @pad: 0 */
	__u32 pad;
};

/**
 * struct drm_colibri_query_timestamp - DRM_COLIBRI_QUERY_TIMESTAMP
 *
 * The device's clock, which TIMESTAMP packets and fault records use, next to the CPU's.
 */
struct drm_colibri_query_timestamp {
	/** @clock: in, CLOCK_MONOTONIC, CLOCK_MONOTONIC_RAW or CLOCK_BOOTTIME; else EINVAL */
	__u32 clock;
	/** @pad: 0 */
	__u32 pad;
	/** @device_ns: out, the device's clock in ns */
	__u64 device_ns;
	/** @cpu_ns: out, the CPU's clock when the device's was read, in ns */
	__u64 cpu_ns;
	/** @cpu_delta_ns: out, how far off that may be, in ns */
	__u64 cpu_delta_ns;
};

/* The address space can be mirrored (VM_BIND_OP_MIRROR works). */
#define DRM_COLIBRI_SVM_MIRROR		(1 << 0)
/* Anonymous memory migrates to VRAM. */
#define DRM_COLIBRI_SVM_MIGRATE		(1 << 1)

/**
 * struct drm_colibri_query - DRM_IOCTL_COLIBRI_QUERY
 *
 * With @size 0 the kernel sets @size; else it copies min(@size, its own size).
 */
struct drm_colibri_query {
	/** @query: DRM_COLIBRI_QUERY_* */
	__u32 query;
#define DRM_COLIBRI_QUERY_DEVICE	0	/* struct drm_colibri_query_device */
#define DRM_COLIBRI_QUERY_LIMITS	1	/* struct drm_colibri_query_limits */
#define DRM_COLIBRI_QUERY_MEM_REGIONS	2	/* struct drm_colibri_mem_region[] */
#define DRM_COLIBRI_QUERY_TOPOLOGY	3	/* struct drm_colibri_query_topology */
#define DRM_COLIBRI_QUERY_TIMESTAMP	4	/* struct drm_colibri_query_timestamp, in and out */
	/** @size: bytes at @data, in and out */
	__u32 size;
	/** @data: user pointer */
	__u64 data;
};

/**
 * struct drm_colibri_gem_create - DRM_IOCTL_COLIBRI_GEM_CREATE
 *
 * A zeroed buffer.  ENOMEM: no memory; ENOSPC: @placement VRAM only and VRAM is full.
 */
struct drm_colibri_gem_create {
	/** @size: bytes, rounded up to pages; returns the real size */
	__u64 size;
	/** @placement: where it may live, at least one bit; VRAM is preferred when both are set */
	__u32 placement;
#define DRM_COLIBRI_GEM_SYSTEM		(1 << 0)
#define DRM_COLIBRI_GEM_VRAM		(1 << 1)
	/** @flags: DRM_COLIBRI_GEM_* */
	__u32 flags;
/* FENCE packets may write to it and FENCE_WAIT wait on it; needs placement SYSTEM alone. */
#define DRM_COLIBRI_GEM_FENCE		(1 << 0)
	/** @handle: out */
	__u32 handle;
	/** @cpu_caching: of the CPU's mappings, DRM_COLIBRI_CACHING_* */
	__u32 cpu_caching;
/* cached in system memory, write-combined in VRAM */
#define DRM_COLIBRI_CACHING_DEFAULT	0
#define DRM_COLIBRI_CACHING_WB		1	/* cached; needs placement SYSTEM alone */
#define DRM_COLIBRI_CACHING_WC		2	/* write-combined; not for GEM_FENCE */
};

/**
 * struct drm_colibri_gem_info - DRM_IOCTL_COLIBRI_GEM_INFO
 *
 * What a buffer is, also one that was imported (PRIME_FD_TO_HANDLE).
 */
struct drm_colibri_gem_info {
	/** @handle: buffer */
	__u32 handle;
	/** @placement: out, where it may live */
	__u32 placement;
	/** @resident: out, where it is now, as in @placement; 0: nowhere yet */
	__u32 resident;
	/** @flags: out, DRM_COLIBRI_GEM_* of its creation, and */
	__u32 flags;
#define DRM_COLIBRI_GEM_IMPORTED	(1u << 31)	/* another device's memory */
	/** @cpu_caching: out, DRM_COLIBRI_CACHING_WB or _WC */
	__u32 cpu_caching;
	/** @pad: 0 */
	__u32 pad;
	/** @size: out, bytes */
	__u64 size;
};

/**
 * struct drm_colibri_gem_mmap_offset - DRM_IOCTL_COLIBRI_GEM_MMAP_OFFSET
 */
struct drm_colibri_gem_mmap_offset {
	/** @handle: buffer */
	__u32 handle;
	/** @pad: 0 */
	__u32 pad;
	/** @offset: out, for mmap() of the device file */
	__u64 offset;
};

/**
 * struct drm_colibri_sync - what a call waits for, or signals
 *
 * A call waits for each sync without DRM_COLIBRI_SYNC_SIGNAL before it takes effect and signals the
 * others when it has.
 */
struct drm_colibri_sync {
	/** @type: DRM_COLIBRI_SYNC_TYPE_* */
	__u32 type;
#define DRM_COLIBRI_SYNC_TYPE_SYNCOBJ	0
#define DRM_COLIBRI_SYNC_TYPE_TIMELINE	1
/* A word of a GEM_FENCE buffer, as FENCE_WAIT takes it; with SIGNAL only. */
#define DRM_COLIBRI_SYNC_TYPE_USER	2
	/** @flags: DRM_COLIBRI_SYNC_* */
	__u32 flags;
#define DRM_COLIBRI_SYNC_SIGNAL		(1 << 0)
	/** @handle: syncobj, or the fence buffer */
	__u32 handle;
	/** @pad: 0 */
	__u32 pad;
	/** @point: TIMELINE: the point, not 0; USER: the value to write; else 0 */
	__u64 point;
	/** @offset: USER: bytes, multiple of 8; else 0 */
	__u64 offset;
};

/**
 * struct drm_colibri_vm_create - DRM_IOCTL_COLIBRI_VM_CREATE
 *
 * A GPU address space.  ENOSPC: no address-space ID is free.
 *
 * On a VM without flags an access without memory is a fault that is resolved; work runs for as
 * long as it likes, and signals user fences, never a dma_fence.
 *
 * On a fenced VM nothing faults: an access outside of what is bound bans the queue.  Buffers that
 * are bound stay resident while work runs; it comes by EXEC, with syncobjs, and has a time limit.
 */
struct drm_colibri_vm_create {
	/** @flags: DRM_COLIBRI_VM_* */
	__u32 flags;
#define DRM_COLIBRI_VM_FENCED		(1 << 0)
	/** @vm_id: out */
	__u32 vm_id;
};

/**
 * struct drm_colibri_vm_destroy - DRM_IOCTL_COLIBRI_VM_DESTROY
 *
 * EBUSY while it has queues or groups.
 */
struct drm_colibri_vm_destroy {
	/** @vm_id: VM */
	__u32 vm_id;
	/** @pad: 0 */
	__u32 pad;
};

/**
 * struct drm_colibri_vm_state - DRM_IOCTL_COLIBRI_VM_STATE
 *
 * Whether a VM lives, and the last fault that could not be resolved.
 */
struct drm_colibri_vm_state {
	/** @vm_id: VM */
	__u32 vm_id;
	/** @state: out, DRM_COLIBRI_VM_* */
	__u32 state;
#define DRM_COLIBRI_VM_OK		0
#define DRM_COLIBRI_VM_OWNER_DEAD	1	/* its owner exits or has exec'ed */
#define DRM_COLIBRI_VM_DEVICE_LOST	2
	/** @flags: out, DRM_COLIBRI_VM_FENCED and */
	__u32 flags;
#define DRM_COLIBRI_VM_MIRRORED		(1u << 31)	/* it mirrors its owner's address space */
	/** @fault_reason: out, positive errno of the last fault that failed, 0: none did */
	__u32 fault_reason;
	/** @fault_addr: out */
	__u64 fault_addr;
	/** @fault_access: out, COLIBRI_ACCESS_* */
	__u32 fault_access;
	/** @num_queues: out, queues on it */
	__u32 num_queues;
	/** @faults_failed: out, how many failed */
	__u64 faults_failed;
};

/**
 * struct drm_colibri_vm_bind - DRM_IOCTL_COLIBRI_VM_BIND
 *
 * MAP: bind [@bo_offset, @bo_offset + @range) of a buffer at @addr, replacing what is bound there.
 * UNMAP: remove every binding of [@addr, @addr + @range); parts of a binding stay.
 * MIRROR: mirror the whole address space of the calling process; @addr, @range, @handle,
 * @bo_offset must be 0.  Once in a VM's life (EEXIST).  Not on a fenced VM, and without syncs.
 * PREFETCH: move what is bound in [@addr, @addr + @range) to @location, a hint; in the mirrored
 * part of the address space it is SVM_PREFETCH, without syncs, as it waits for user memory.
 *
 * @addr, @bo_offset and @range are multiples of 4 KiB inside [va_zone_start, va_zone_end).
 *
 * Without syncs the GPU uses the new state when the call returns.  With syncs the call returns at
 * once and takes effect later: after what it waits for, and after the binds of this VM before
 * it.  What may fail for lack of memory fails before the call returns.
 */
struct drm_colibri_vm_bind {
	/** @vm_id: VM */
	__u32 vm_id;
	/** @op: DRM_COLIBRI_VM_BIND_OP_* */
	__u32 op;
#define DRM_COLIBRI_VM_BIND_OP_MAP	0
#define DRM_COLIBRI_VM_BIND_OP_UNMAP	1
#define DRM_COLIBRI_VM_BIND_OP_MIRROR	2
#define DRM_COLIBRI_VM_BIND_OP_PREFETCH	3
	/** @handle: buffer (MAP), else 0 */
	__u32 handle;
	/** @flags: DRM_COLIBRI_VM_BIND_* (MAP), else 0; READ is always given */
	__u32 flags;
#define DRM_COLIBRI_VM_BIND_READONLY	(1 << 0)
#define DRM_COLIBRI_VM_BIND_EXEC	(1 << 1)
	/** @bo_offset: bytes */
	__u64 bo_offset;
	/** @addr: GPU address */
	__u64 addr;
	/** @range: bytes */
	__u64 range;
	/** @syncs: user pointer to struct drm_colibri_sync[@num_syncs] */
	__u64 syncs;
	/** @num_syncs: at most &drm_colibri_query_limits.max_syncs */
	__u32 num_syncs;
	/** @location: DRM_COLIBRI_SVM_LOC_* (PREFETCH), else 0 */
	__u32 location;
};

/**
 * struct drm_colibri_group_create - DRM_IOCTL_COLIBRI_GROUP_CREATE
 *
 * Queues of a group run at the same time or not at all, so that they can wait for each other, and
 * are banned together.
 */
struct drm_colibri_group_create {
	/** @vm_id: VM of its queues */
	__u32 vm_id;
	/** @priority: 0 (low) .. 2 (high): gets 2^priority shares when others want the device */
	__u32 priority;
	/** @flags: 0 */
	__u32 flags;
	/** @group_id: out */
	__u32 group_id;
};

/**
 * struct drm_colibri_group_destroy - DRM_IOCTL_COLIBRI_GROUP_DESTROY
 *
 * EBUSY while it has queues.
 */
struct drm_colibri_group_destroy {
	/** @group_id: group */
	__u32 group_id;
	/** @pad: 0 */
	__u32 pad;
};

/**
 * struct drm_colibri_queue_create - DRM_IOCTL_COLIBRI_QUEUE_CREATE
 *
 * There can be more queues than the hardware has: they share it by time slices.  None starves,
 * whatever the others' priorities.  ENOSPC: no more on the device, or in the group.
 *
 * With DRM_COLIBRI_QUEUE_USER the process maps control block and ring (@mmap_size bytes at
 * @mmap_offset: struct colibri_queue_cb, and the packets from the second page on) and the doorbell
 * and submits as colibri_hw.h says, without a call; idle is 1 at first.  QUEUE_SUBMIT and EXEC
 * refuse such a queue with EINVAL.  The mappings end with the queue (SIGBUS).
 */
struct drm_colibri_queue_create {
	/** @vm_id: VM whose addresses the packets use */
	__u32 vm_id;
	/** @priority: 0 (low) .. 2 (high); 3 is the kernel's */
	__u32 priority;
	/** @ring_packets: size of the ring, a power of two, 16..65536 */
	__u32 ring_packets;
	/** @flags: DRM_COLIBRI_QUEUE_* */
	__u32 flags;
/* Submission by the process itself.  Not on a fenced VM. */
#define DRM_COLIBRI_QUEUE_USER		(1 << 0)
	/** @queue_id: out */
	__u32 queue_id;
	/** @group_id: 0: a group of its own; else a group of this VM, and @priority must be 0 */
	__u32 group_id;
	/** @mmap_offset: out with QUEUE_USER, else 0: for mmap() of the device file */
	__u64 mmap_offset;
	/** @mmap_size: out with QUEUE_USER, else 0: bytes */
	__u64 mmap_size;
	/** @doorbell_offset: out with QUEUE_USER, else 0: for mmap(), 4 KiB, write only */
	__u64 doorbell_offset;
};

/**
 * struct drm_colibri_queue_destroy - DRM_IOCTL_COLIBRI_QUEUE_DESTROY
 *
 * Drops whatever the queue has not finished.  Waiters of its fences get ECANCELED.
 */
struct drm_colibri_queue_destroy {
	/** @queue_id: queue */
	__u32 queue_id;
	/** @pad: 0 */
	__u32 pad;
};

/**
 * struct drm_colibri_queue_submit - DRM_IOCTL_COLIBRI_QUEUE_SUBMIT
 *
 * Appends packets to the ring, all or none, and waits (interruptibly) for room.
 * The kernel checks packet types: DISPATCH, BARRIER_AND, BARRIER_OR and the vendor ops
 * NOP .. ICACHE_INV; the device checks the rest.  EINVAL: bad type or count over the
 * ring's size, or a queue of a fenced VM (EXEC is for those); ENOTRECOVERABLE: the queue is banned
 * (QUEUE_STATE tells why).
 */
struct drm_colibri_queue_submit {
	/** @queue_id: queue */
	__u32 queue_id;
	/** @count: packets */
	__u32 count;
	/** @packets: user pointer to @count 64-byte packets */
	__u64 packets;
	/** @flags: 0 */
	__u32 flags;
	/** @pad: 0 */
	__u32 pad;
};

/**
 * struct drm_colibri_exec_item - packets for one queue
 */
struct drm_colibri_exec_item {
	/** @queue_id: queue */
	__u32 queue_id;
	/** @count: packets, at least 1 */
	__u32 count;
	/** @packets: user pointer to @count 64-byte packets */
	__u64 packets;
};

/**
 * struct drm_colibri_exec - DRM_IOCTL_COLIBRI_EXEC
 *
 * Submit to many queues of one VM, to all or none; a queue may be named once.
 *
 * On a fenced VM it is one job: it starts when all syncs to wait for have signalled, and the others
 * are signalled when all of its packets are complete, or with an error when the job was
 * stopped: ETIME for one over the time limit, ECANCELED for a queue destroyed or banned, ENODEV.
 * Jobs of a queue run in order.  FENCE packets are for the kernel there: EINVAL.
 * On any other VM num_syncs must be 0 (user fences do that), and it waits for room as QUEUE_SUBMIT.
 *
 * Errors are those of QUEUE_SUBMIT; EINVAL also: queues of two VMs, one twice, a bad sync.
 */
struct drm_colibri_exec {
	/** @items: user pointer to struct drm_colibri_exec_item[@num_items] */
	__u64 items;
	/** @syncs: user pointer to struct drm_colibri_sync[@num_syncs] */
	__u64 syncs;
	/** @num_items: 1 .. &drm_colibri_query_limits.max_exec_items */
	__u32 num_items;
	/** @num_syncs: at most &drm_colibri_query_limits.max_syncs */
	__u32 num_syncs;
	/** @flags: 0 */
	__u32 flags;
	/** @pad: 0 */
	__u32 pad;
};

/**
 * struct drm_colibri_queue_state - DRM_IOCTL_COLIBRI_QUEUE_STATE
 */
struct drm_colibri_queue_state {
	/** @queue_id: queue */
	__u32 queue_id;
	/** @state: out, DRM_COLIBRI_QUEUE_* */
	__u32 state;
#define DRM_COLIBRI_QUEUE_OK		0
#define DRM_COLIBRI_QUEUE_BANNED	1
	/** @error: out, COLIBRI_QERR_* of colibri_hw.h, or DRM_COLIBRI_QUEUE_ERR_* */
	__u32 error;
#define DRM_COLIBRI_QUEUE_ERR_GROUP	0x100	/* another queue of its group was banned */
#define DRM_COLIBRI_QUEUE_ERR_TIMEOUT	0x101	/* a job took longer than the limit */
#define DRM_COLIBRI_QUEUE_ERR_HUNG	0x102	/* the hardware did not let go of it */
#define DRM_COLIBRI_QUEUE_ERR_POWER	0x103	/* its work was lost with the device's power */
#define DRM_COLIBRI_QUEUE_ERR_RESET	0x104	/* its work was lost in a reset of the device */
	/** @reason: out, for COLIBRI_QERR_FAULT: the positive errno that serving it gave */
	__u32 reason;
	/** @fault_addr: out */
	__u64 fault_addr;
	/** @fault_pc: out */
	__u64 fault_pc;
	/** @fault_access: out, COLIBRI_ACCESS_* (COLIBRI_QERR_FAULT) */
	__u32 fault_access;
	/** @pad: 0 */
	__u32 pad;
	/** @submitted: out, packets submitted */
	__u64 submitted;
	/** @retired: out, packets that the device has retired */
	__u64 retired;
	/** @busy_ns: out, time for which packets of the queue executed */
	__u64 busy_ns;
	/** @switches: out, times that it was taken off the hardware for another */
	__u64 switches;
};

/**
 * struct drm_colibri_fence_wait - DRM_IOCTL_COLIBRI_FENCE_WAIT
 *
 * Sleep until the 64-bit word at @offset of a GEM_FENCE buffer compares as asked with @value.
 * Only FENCE packets with COLIBRI_FENCE_IRQ wake the wait.
 *
 * With @queue_id != 0 the wait also ends when that queue can no longer do it:
 * ENOTRECOVERABLE when it is banned, ECANCELED when it is, or was, destroyed,
 * EOWNERDEAD when the owner of the VM is gone.  ETIME: timeout.
 * EINTR/ERESTARTSYS: a signal.  The timeout is absolute, so a restarted call
 * waits no longer.
 */
struct drm_colibri_fence_wait {
	/** @handle: buffer created with DRM_COLIBRI_GEM_FENCE */
	__u32 handle;
	/** @queue_id: 0, or the queue that is to signal */
	__u32 queue_id;
	/** @offset: bytes, multiple of 8 */
	__u64 offset;
	/** @value: to compare with */
	__u64 value;
	/** @timeout_ns: absolute CLOCK_MONOTONIC; 0 polls, INT64_MAX waits for ever */
	__s64 timeout_ns;
	/** @cond: DRM_COLIBRI_WAIT_* */
	__u32 cond;
#define DRM_COLIBRI_WAIT_EQ		0
#define DRM_COLIBRI_WAIT_NE		1
#define DRM_COLIBRI_WAIT_GE		2	/* unsigned */
	/** @flags: 0 */
	__u32 flags;
};

/**
 * struct drm_colibri_svm_prefetch - DRM_IOCTL_COLIBRI_SVM_PREFETCH
 *
 * Move the anonymous pages of [@addr, @addr + @size) of the caller's address space, a hint: pages
 * that cannot move stay.  EFAULT: the range has no memory; EINVAL: VM has no mirror, or alignment.
 */
struct drm_colibri_svm_prefetch {
	/** @vm_id: VM with a mirror */
	__u32 vm_id;
	/** @location: DRM_COLIBRI_SVM_LOC_* */
	__u32 location;
#define DRM_COLIBRI_SVM_LOC_SYSTEM	0
#define DRM_COLIBRI_SVM_LOC_VRAM	1
	/** @addr: bytes, multiple of 4 KiB */
	__u64 addr;
	/** @size: bytes, multiple of 4 KiB */
	__u64 size;
	/** @flags: 0 */
	__u32 flags;
	/** @pad: 0 */
	__u32 pad;
};

/**
 * struct drm_colibri_svm_stats - DRM_IOCTL_COLIBRI_SVM_STATS
 *
 * Counters since the mirror was made.  With @vm_id 0: the sum over all VMs that the calling
 * process's address space has or had on this device, whichever file they belong
 * to, so that a program can watch what a library does.  Pages are 4 KiB pages.
 */
struct drm_colibri_svm_stats {
	/** @vm_id: VM, or 0 */
	__u32 vm_id;
	/** @pad: 0 */
	__u32 pad;
	/** @faults: out, GPU faults answered */
	__u64 faults;
	/** @faults_failed: out, of these, answered with an error */
	__u64 faults_failed;
	/** @pages_to_vram: out, pages migrated to VRAM */
	__u64 pages_to_vram;
	/** @pages_to_sys: out, pages migrated back, by CPU faults, eviction or prefetch */
	__u64 pages_to_sys;
	/** @cpu_faults: out, CPU faults on pages in VRAM */
	__u64 cpu_faults;
	/** @pages_evicted: out, of pages_to_sys, moved to make room */
	__u64 pages_evicted;
	/** @pages_mapped_sys: out, pages mapped where they are, in system memory */
	__u64 pages_mapped_sys;
	/** @pages_mapped_vram: out, pages mapped in VRAM */
	__u64 pages_mapped_vram;
	/** @invalidations: out, notifier calls that removed GPU mappings */
	__u64 invalidations;
	/** @retries: out, fault services started anew since the CPU's page tables moved */
	__u64 retries;
	/** @pages_large_to_vram: out, of pages_to_vram, moved as part of a large page */
	__u64 pages_large_to_vram;
	/** @pages_large_to_sys: out, of pages_to_sys, moved as part of a large page */
	__u64 pages_large_to_sys;
	/** @pages_prefetched: out, pages served with a fault on a neighbour */
	__u64 pages_prefetched;
	/** @pages_remote: out, pages mapped in place since advice said so */
	__u64 pages_remote;
	/** @pages_copied: out, read-only copies made (READ_MOSTLY) */
	__u64 pages_copied;
	/** @pages_ahead: out, pages mapped ahead of a fault (ACCESSED_BY) */
	__u64 pages_ahead;
	/** @pages_promoted: out, pages moved since the GPU's access counters asked for it */
	__u64 pages_promoted;
	/** @pages_exclusive: out, pages that the GPU got for its atomics alone, in place */
	__u64 pages_exclusive;
	/** @thrash_pins: out, times that 2 MiB were found to go to and fro and left in place */
	__u64 thrash_pins;
};

/**
 * struct drm_colibri_svm_advise - DRM_IOCTL_COLIBRI_SVM_ADVISE
 *
 * Say how [@addr, @addr + @size) of the caller's address space is going to be used.  Advice stays
 * with the addresses until munmap() of them.  It changes where memory is and how fast
 * things go, never what is read and written (ATOMIC_NONE excepted).  With @addr and
 * @size both 0: the default of all addresses that have no advice of their own.
 *
 * EINVAL: VM has no mirror, alignment, a range beyond the address space, unknown advice or value.
 */
struct drm_colibri_svm_advise {
	/** @vm_id: VM with a mirror */
	__u32 vm_id;
	/** @advice: DRM_COLIBRI_SVM_ADVISE_* */
	__u32 advice;
#define DRM_COLIBRI_SVM_ADVISE_PREFERRED	0	/* DRM_COLIBRI_SVM_PREFER_* */
#define DRM_COLIBRI_SVM_ADVISE_TOUCH		1	/* DRM_COLIBRI_SVM_TOUCH_* */
#define DRM_COLIBRI_SVM_ADVISE_READ_MOSTLY	2	/* 0, or 1: the GPU may read a copy */
#define DRM_COLIBRI_SVM_ADVISE_ACCESSED_BY	3	/* 0, or 1: map ahead of faults, in place */
#define DRM_COLIBRI_SVM_ADVISE_ATOMIC		4	/* DRM_COLIBRI_SVM_ATOMIC_* */
#define DRM_COLIBRI_SVM_ADVISE_PREFETCH		5	/* log2 of pages a fault may serve, 0..9 */
#define DRM_COLIBRI_SVM_ADVISE_THRASH		6	/* 1, or 0: never mind going to and fro */
#define DRM_COLIBRI_SVM_ADVISE_PROMOTE		7	/* 1, or 0: ignore access counters */
	/** @value: see @advice */
	__u32 value;
#define DRM_COLIBRI_SVM_PREFER_ANY	0	/* default */
#define DRM_COLIBRI_SVM_PREFER_VRAM	1	/* no thrash detection, evicted last */
#define DRM_COLIBRI_SVM_PREFER_SYSTEM	2	/* do not migrate */
#define DRM_COLIBRI_SVM_TOUCH_MIGRATE	0	/* default: the GPU's first touch moves the page */
#define DRM_COLIBRI_SVM_TOUCH_REMOTE	1	/* it maps the page where it is */
#define DRM_COLIBRI_SVM_ATOMIC_SYSTEM	0	/* default: CPU and GPU, at the same time */
#define DRM_COLIBRI_SVM_ATOMIC_DEVICE	1	/* the GPU alone */
#define DRM_COLIBRI_SVM_ATOMIC_NONE	2	/* the CPU alone: the GPU's fail with EACCES */
	/** @flags: 0 */
	__u32 flags;
	/** @addr: bytes, multiple of 4 KiB */
	__u64 addr;
	/** @size: bytes, multiple of 4 KiB */
	__u64 size;
};

/**
 * struct drm_colibri_svm_query - DRM_IOCTL_COLIBRI_SVM_QUERY
 *
 * Where the pages of [@addr, @addr + @size) are.  Looks, and moves nothing.
 *
 * EINVAL: VM has no mirror, alignment, or a range beyond the address space; EFAULT: @pages.
 */
struct drm_colibri_svm_query {
	/** @vm_id: VM with a mirror */
	__u32 vm_id;
	/** @flags: 0 */
	__u32 flags;
	/** @addr: bytes, multiple of 4 KiB */
	__u64 addr;
	/** @size: bytes, multiple of 4 KiB */
	__u64 size;
	/** @pages: user pointer to a __u16 for each page: DRM_COLIBRI_SVM_PAGE_* */
	__u64 pages;
#define DRM_COLIBRI_SVM_PAGE_READ	(1 << 0)	/* the CPU may read it */
#define DRM_COLIBRI_SVM_PAGE_WRITE	(1 << 1)	/* the CPU may write it */
#define DRM_COLIBRI_SVM_PAGE_ZERO	(1 << 2)	/* the zero page */
#define DRM_COLIBRI_SVM_PAGE_VRAM	(1 << 3)	/* in this GPU's memory */
#define DRM_COLIBRI_SVM_PAGE_REMOTE	(1 << 4)	/* in another device's coherent memory */
#define DRM_COLIBRI_SVM_PAGE_MAPPED	(1 << 6)	/* the GPU has an entry for it */
#define DRM_COLIBRI_SVM_PAGE_COPY	(1 << 7)	/* that entry is for a read-only copy */
#define DRM_COLIBRI_SVM_PAGE_ERROR	(1 << 8)	/* no memory there that a GPU can use */
#define DRM_COLIBRI_SVM_PAGE_ORDER(page) ((page) >> 12)	/* the CPU maps it with 2^order pages */
};

#define DRM_IOCTL_COLIBRI_QUERY \
	DRM_IOWR(DRM_COMMAND_BASE + DRM_COLIBRI_QUERY, struct drm_colibri_query)
#define DRM_IOCTL_COLIBRI_GEM_CREATE \
	DRM_IOWR(DRM_COMMAND_BASE + DRM_COLIBRI_GEM_CREATE, struct drm_colibri_gem_create)
#define DRM_IOCTL_COLIBRI_GEM_MMAP_OFFSET \
	DRM_IOWR(DRM_COMMAND_BASE + DRM_COLIBRI_GEM_MMAP_OFFSET, struct drm_colibri_gem_mmap_offset)
#define DRM_IOCTL_COLIBRI_VM_CREATE \
	DRM_IOWR(DRM_COMMAND_BASE + DRM_COLIBRI_VM_CREATE, struct drm_colibri_vm_create)
#define DRM_IOCTL_COLIBRI_VM_DESTROY \
	DRM_IOW(DRM_COMMAND_BASE + DRM_COLIBRI_VM_DESTROY, struct drm_colibri_vm_destroy)
#define DRM_IOCTL_COLIBRI_VM_BIND \
	DRM_IOW(DRM_COMMAND_BASE + DRM_COLIBRI_VM_BIND, struct drm_colibri_vm_bind)
#define DRM_IOCTL_COLIBRI_QUEUE_CREATE \
	DRM_IOWR(DRM_COMMAND_BASE + DRM_COLIBRI_QUEUE_CREATE, struct drm_colibri_queue_create)
#define DRM_IOCTL_COLIBRI_QUEUE_DESTROY \
	DRM_IOW(DRM_COMMAND_BASE + DRM_COLIBRI_QUEUE_DESTROY, struct drm_colibri_queue_destroy)
#define DRM_IOCTL_COLIBRI_QUEUE_SUBMIT \
	DRM_IOW(DRM_COMMAND_BASE + DRM_COLIBRI_QUEUE_SUBMIT, struct drm_colibri_queue_submit)
#define DRM_IOCTL_COLIBRI_QUEUE_STATE \
	DRM_IOWR(DRM_COMMAND_BASE + DRM_COLIBRI_QUEUE_STATE, struct drm_colibri_queue_state)
#define DRM_IOCTL_COLIBRI_FENCE_WAIT \
	DRM_IOW(DRM_COMMAND_BASE + DRM_COLIBRI_FENCE_WAIT, struct drm_colibri_fence_wait)
#define DRM_IOCTL_COLIBRI_SVM_PREFETCH \
	DRM_IOW(DRM_COMMAND_BASE + DRM_COLIBRI_SVM_PREFETCH, struct drm_colibri_svm_prefetch)
#define DRM_IOCTL_COLIBRI_SVM_STATS \
	DRM_IOWR(DRM_COMMAND_BASE + DRM_COLIBRI_SVM_STATS, struct drm_colibri_svm_stats)
#define DRM_IOCTL_COLIBRI_SVM_ADVISE \
	DRM_IOW(DRM_COMMAND_BASE + DRM_COLIBRI_SVM_ADVISE, struct drm_colibri_svm_advise)
#define DRM_IOCTL_COLIBRI_SVM_QUERY \
	DRM_IOW(DRM_COMMAND_BASE + DRM_COLIBRI_SVM_QUERY, struct drm_colibri_svm_query)
#define DRM_IOCTL_COLIBRI_GEM_INFO \
	DRM_IOWR(DRM_COMMAND_BASE + DRM_COLIBRI_GEM_INFO, struct drm_colibri_gem_info)
#define DRM_IOCTL_COLIBRI_VM_STATE \
	DRM_IOWR(DRM_COMMAND_BASE + DRM_COLIBRI_VM_STATE, struct drm_colibri_vm_state)
#define DRM_IOCTL_COLIBRI_GROUP_CREATE \
	DRM_IOWR(DRM_COMMAND_BASE + DRM_COLIBRI_GROUP_CREATE, struct drm_colibri_group_create)
#define DRM_IOCTL_COLIBRI_GROUP_DESTROY \
	DRM_IOW(DRM_COMMAND_BASE + DRM_COLIBRI_GROUP_DESTROY, struct drm_colibri_group_destroy)
#define DRM_IOCTL_COLIBRI_EXEC DRM_IOW(DRM_COMMAND_BASE + DRM_COLIBRI_EXEC, struct drm_colibri_exec)

#if defined(__cplusplus)
}
#endif

#endif /* _UAPI_COLIBRI_DRM_H_ */
