// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * The driver's face: PCI and DRM registration, and the calls of user space.
 */

/**
 * DOC: Overview
 *
 * colibri.ko drives Colibri, a compute GPU whose MMU can fault and replay.  A
 * process gives the GPU plain pointers; the rest is shown by the files, one for
 * each concept:
 *
 * ================== =====================================================
 * colibri_drv.c      ioctls: copy, check, call
 * colibri_file.c     ids of an open file
 * colibri_device.c   start and stop of the device
 * colibri_reset.c    reset, loss of the device
 * colibri_irq.c      interrupts
 * colibri_vm.c       address spaces: life, death, ASIDs
 * colibri_pt.c       page tables
 * colibri_bind.c     buffers in an address space
 * colibri_svm.c      the process in an address space: hmm_svm's callbacks
 * colibri_mmu.c      commands to the MMU, TLB flushes
 * colibri_fault.c    GPU page faults
 * colibri_copy.c     migration engine
 * colibri_queue.c    queues and submission
 * colibri_fence.c    user fences
 * colibri_gem.c      buffers
 * colibri_mm.c       statistics of a process
 * colibri_debugfs.c  what can be looked at
 * colibri_trace.h    tracepoints
 * ================== =====================================================
 *
 * Ioctls run inside drm_dev_enter(), so the removal of the device finds none of
 * them in progress.  Two sorts do not: those that wait for the GPU (QUEUE_SUBMIT
 * and FENCE_WAIT, which enter where they touch the device), and those that
 * work on memory of the process, which may wait for user space (SVM_PREFETCH,
 * SVM_ADVISE, SVM_QUERY, see colibri_svm_begin()).  All of them can be killed.
 * Calls that would need a lost device get ENODEV.
 */

#include <linux/module.h>
#include <linux/pci.h>
#include <linux/string.h>

#include <drm/drm_drv.h>
#include <drm/drm_file.h>
#include <drm/drm_gem.h>
#include <drm/drm_gem_shmem_helper.h>
#include <drm/drm_ioctl.h>

#include <drm/colibri_drm.h>

#include "colibri_device.h"
#include "colibri_fence.h"
#include "colibri_file.h"
#include "colibri_gem.h"
#include "colibri_mm.h"
#include "colibri_queue.h"
#include "colibri_vm.h"

/* ---- Device and buffers ---------------------------------------------------*/

static int colibri_ioctl_query(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct colibri_device *cdev = to_colibri_device(drm);
	struct drm_colibri_query *args = data;
	struct drm_colibri_query_device info = {
		.vram_size = cdev->vram_size,
		.va_user_end = COLIBRI_VA_DRIVER_ZONE,
		.va_zone_start = COLIBRI_VA_DRIVER_ZONE,
		.va_zone_end = COLIBRI_VA_QUEUE_SLOTS,
		.num_cus = cdev->num_cus,
		.num_queues = cdev->num_queues - 1,
		.wave_lanes = COLIBRI_WAVE_LANES,
		.max_wg_items = COLIBRI_MAX_WG_ITEMS,
		.max_lds = COLIBRI_MAX_LDS,
		.max_private = COLIBRI_MAX_PRIVATE,
		.hw_features = cdev->features,
		.hw_version = cdev->version,
		.svm_flags = DRM_COLIBRI_SVM_MIRROR |
			     (cdev->vram_size && IS_ENABLED(CONFIG_DEVICE_PRIVATE) ?
			      DRM_COLIBRI_SVM_MIGRATE : 0),
	};

	if (args->query != DRM_COLIBRI_QUERY_DEVICE)
		return -EINVAL;
	if (!args->size) {
		args->size = sizeof(info);
		return 0;
	}
	args->size = min_t(u32, args->size, sizeof(info));
	return copy_to_user(u64_to_user_ptr(args->data), &info, args->size) ? -EFAULT : 0;
}

static int colibri_ioctl_gem_create(struct drm_device *drm, void *data, struct drm_file *file)
{
	const u32 placements = DRM_COLIBRI_GEM_SYSTEM | DRM_COLIBRI_GEM_VRAM;
	struct drm_colibri_gem_create *args = data;
	struct colibri_bo *bo;
	int ret;

	if (args->pad || !args->size || !args->placement || args->placement & ~placements ||
	    args->flags & ~DRM_COLIBRI_GEM_FENCE)
		return -EINVAL;
	if (args->flags & DRM_COLIBRI_GEM_FENCE && args->placement != DRM_COLIBRI_GEM_SYSTEM)
		return -EINVAL;

	bo = colibri_gem_create(to_colibri_device(drm), args->size, args->placement, args->flags);
	if (IS_ERR(bo))
		return PTR_ERR(bo);
	ret = drm_gem_handle_create(file, colibri_bo_gem(bo), &args->handle);
	if (!ret)
		args->size = colibri_bo_gem(bo)->size;
	colibri_gem_put(bo);
	return ret;
}

static int colibri_ioctl_gem_mmap_offset(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct drm_colibri_gem_mmap_offset *args = data;
	struct drm_gem_object *obj;
	int ret;

	if (args->pad)
		return -EINVAL;
	obj = drm_gem_object_lookup(file, args->handle);
	if (!obj)
		return -ENOENT;
	ret = drm_gem_create_mmap_offset(obj);
	if (!ret)
		args->offset = drm_vma_node_offset_addr(&obj->vma_node);
	drm_gem_object_put(obj);
	return ret;
}

/* ---- Address spaces -------------------------------------------------------*/

static int colibri_ioctl_vm_create(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct drm_colibri_vm_create *args = data;
	struct colibri_vm *vm;
	int ret;

	if (args->flags)
		return -EINVAL;
	vm = colibri_vm_create(to_colibri_device(drm));
	if (IS_ERR(vm))
		return PTR_ERR(vm);
	ret = colibri_file_add_vm(file->driver_priv, vm, &args->vm_id);
	if (ret)
		colibri_vm_close(vm);
	return ret;
}

static int colibri_ioctl_vm_destroy(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct drm_colibri_vm_destroy *args = data;

	if (args->pad)
		return -EINVAL;
	return colibri_file_destroy_vm(file->driver_priv, args->vm_id);
}

/* Whether [@addr, @addr + @range) is a page-aligned part of the zone. */
static bool colibri_zone_range_ok(u64 addr, u64 range)
{
	return range && !((addr | range) & ~PAGE_MASK) && addr >= COLIBRI_VA_DRIVER_ZONE &&
	       addr < COLIBRI_VA_QUEUE_SLOTS && range <= COLIBRI_VA_QUEUE_SLOTS - addr;
}

static int colibri_bind_op_map(struct colibri_vm *vm, const struct drm_colibri_vm_bind *args,
			       struct drm_file *file)
{
	struct drm_gem_object *obj;
	int ret = -EINVAL;

	if (args->flags & ~(DRM_COLIBRI_VM_BIND_READONLY | DRM_COLIBRI_VM_BIND_EXEC) ||
	    args->bo_offset & ~PAGE_MASK || !colibri_zone_range_ok(args->addr, args->range))
		return -EINVAL;
	obj = drm_gem_object_lookup(file, args->handle);
	if (!obj)
		return -ENOENT;
	if (args->bo_offset <= obj->size && args->range <= obj->size - args->bo_offset)
		ret = colibri_bind_map(vm, to_colibri_bo(obj), args);
	drm_gem_object_put(obj);
	return ret;
}

static int colibri_bind_op(struct colibri_vm *vm, const struct drm_colibri_vm_bind *args,
			   struct drm_file *file)
{
	if (args->op == DRM_COLIBRI_VM_BIND_OP_MAP)
		return colibri_bind_op_map(vm, args, file);
	if (args->handle || args->flags || args->bo_offset)
		return -EINVAL;

	switch (args->op) {
	case DRM_COLIBRI_VM_BIND_OP_UNMAP:
		if (!colibri_zone_range_ok(args->addr, args->range))
			return -EINVAL;
		return colibri_bind_unmap(vm, args->addr, args->range);
	case DRM_COLIBRI_VM_BIND_OP_MIRROR:
		if (args->addr || args->range)
			return -EINVAL;
		return colibri_svm_mirror(vm);
	default:
		return -EINVAL;
	}
}

static int colibri_ioctl_vm_bind(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct drm_colibri_vm_bind *args = data;
	struct colibri_vm *vm;
	int ret;

	vm = colibri_file_get_vm(file->driver_priv, args->vm_id);
	if (IS_ERR(vm))
		return PTR_ERR(vm);
	ret = colibri_bind_op(vm, args, file);
	colibri_vm_put(vm);
	return ret;
}

/* ---- Queues ---------------------------------------------------------------*/

static int colibri_queue_create_locked(struct colibri_file *cfile,
				       struct drm_colibri_queue_create *args)
{
	struct colibri_queue *queue;
	struct colibri_vm *vm;
	int ret;

	vm = colibri_file_get_vm(cfile, args->vm_id);
	if (IS_ERR(vm))
		return PTR_ERR(vm);
	queue = colibri_queue_create(vm, args);
	colibri_vm_put(vm);
	if (IS_ERR(queue))
		return PTR_ERR(queue);
	ret = colibri_file_add_queue(cfile, queue, &args->queue_id);
	if (ret)
		colibri_queue_close(queue);
	return ret;
}

static int colibri_ioctl_queue_create(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct drm_colibri_queue_create *args = data;
	struct colibri_file *cfile = file->driver_priv;
	int ret;

	if (args->pad || args->flags || args->priority > 2 || args->ring_packets < 16 ||
	    args->ring_packets > 65536 || !is_power_of_2(args->ring_packets))
		return -EINVAL;

	mutex_lock(&cfile->lock);
	ret = colibri_queue_create_locked(cfile, args);
	mutex_unlock(&cfile->lock);
	return ret;
}

static int colibri_ioctl_queue_destroy(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct drm_colibri_queue_destroy *args = data;

	if (args->pad)
		return -EINVAL;
	return colibri_file_destroy_queue(file->driver_priv, args->queue_id);
}

/* Packets that a process may submit; the device checks what is in them. */
static bool colibri_packet_allowed(const u16 *packet)
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

	if (!args->count || args->count > queue->ring_packets)
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

static int colibri_ioctl_queue_submit(struct drm_device *drm, void *data, struct drm_file *file)
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

static int colibri_ioctl_queue_state(struct drm_device *drm, void *data, struct drm_file *file)
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

static int colibri_ioctl_fence_wait(struct drm_device *drm, void *data, struct drm_file *file)
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

/* ---- Shared virtual memory ------------------------------------------------*/

/* Whether [@addr, @addr + @size) is a page-aligned part of what can be mirrored. */
static bool colibri_user_range_ok(u64 addr, u64 size)
{
	return size && !((addr | size) & ~PAGE_MASK) && addr < COLIBRI_VA_DRIVER_ZONE &&
	       size <= COLIBRI_VA_DRIVER_ZONE - addr;
}

static int colibri_prefetch(struct colibri_vm *vm, const struct drm_colibri_svm_prefetch *args)
{
	struct hmm_svm *svm = colibri_svm_begin(vm);
	int ret;

	if (IS_ERR(svm))
		return PTR_ERR(svm);
	ret = hmm_svm_prefetch(svm, args->addr, args->addr + args->size,
			       args->location == DRM_COLIBRI_SVM_LOC_VRAM);
	colibri_svm_end(vm);
	return ret;
}

static int colibri_ioctl_svm_prefetch(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct drm_colibri_svm_prefetch *args = data;
	struct colibri_vm *vm;
	int ret;

	if (args->pad || args->flags || args->location > DRM_COLIBRI_SVM_LOC_VRAM ||
	    !colibri_user_range_ok(args->addr, args->size))
		return -EINVAL;

	vm = colibri_file_get_vm(file->driver_priv, args->vm_id);
	if (IS_ERR(vm))
		return PTR_ERR(vm);
	ret = colibri_prefetch(vm, args);
	colibri_vm_put(vm);
	return ret;
}

static int colibri_advise(struct colibri_vm *vm, const struct drm_colibri_svm_advise *args)
{
	struct hmm_svm *svm = colibri_svm_begin(vm);
	/* To hmm_svm, all of the address space is its default. */
	u64 end = args->size ? args->addr + args->size : COLIBRI_VA_DRIVER_ZONE;
	int ret;

	if (IS_ERR(svm))
		return PTR_ERR(svm);
	ret = hmm_svm_advise(svm, args->addr, end, args->advice, args->value);
	colibri_svm_end(vm);
	return ret;
}

static int colibri_ioctl_svm_advise(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct drm_colibri_svm_advise *args = data;
	bool everywhere = !args->addr && !args->size;
	struct colibri_vm *vm;
	int ret;

	if (args->flags || args->advice > DRM_COLIBRI_SVM_ADVISE_PROMOTE ||
	    (!everywhere && !colibri_user_range_ok(args->addr, args->size)))
		return -EINVAL;

	vm = colibri_file_get_vm(file->driver_priv, args->vm_id);
	if (IS_ERR(vm))
		return PTR_ERR(vm);
	ret = colibri_advise(vm, args);
	colibri_vm_put(vm);
	return ret;
}

static int colibri_ioctl_svm_query(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct drm_colibri_svm_query *args = data;
	struct colibri_vm *vm;
	int ret = -EINVAL;

	if (args->flags || !colibri_user_range_ok(args->addr, args->size))
		return -EINVAL;

	vm = colibri_file_get_vm(file->driver_priv, args->vm_id);
	if (IS_ERR(vm))
		return PTR_ERR(vm);
	/* The VM is the caller's, so this is the end of what it mirrors. */
	if (args->addr + args->size <= current->mm->task_size)
		ret = colibri_svm_query(vm, args->addr, args->size,
					u64_to_user_ptr(args->pages));
	colibri_vm_put(vm);
	return ret;
}

static int colibri_get_stats(struct colibri_device *cdev, struct drm_file *file, u32 vm_id,
			     struct hmm_svm_stats *stats)
{
	struct colibri_vm *vm;

	if (!vm_id) {
		colibri_mm_sum_current(cdev, stats);
		return 0;
	}
	vm = colibri_file_get_vm(file->driver_priv, vm_id);
	if (IS_ERR(vm))
		return PTR_ERR(vm);
	colibri_vm_get_stats(vm, stats);
	colibri_vm_put(vm);
	return 0;
}

static int colibri_ioctl_svm_stats(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct drm_colibri_svm_stats *args = data;
	struct hmm_svm_stats stats;
	int ret;

	if (args->pad)
		return -EINVAL;
	ret = colibri_get_stats(to_colibri_device(drm), file, args->vm_id, &stats);
	if (ret)
		return ret;

	args->faults = stats.faults;
	args->faults_failed = stats.faults_failed;
	args->pages_to_vram = stats.pages_to_dev;
	args->pages_to_sys = stats.pages_to_sys;
	args->cpu_faults = stats.cpu_faults;
	args->pages_evicted = stats.pages_evicted;
	args->pages_mapped_sys = stats.pages_mapped_sys;
	args->pages_mapped_vram = stats.pages_mapped_dev;
	args->invalidations = stats.invalidations;
	args->retries = stats.retries;
	args->pages_large_to_vram = stats.pages_large_to_dev;
	args->pages_large_to_sys = stats.pages_large_to_sys;
	args->pages_prefetched = stats.pages_prefetched;
	args->pages_remote = stats.pages_remote;
	args->pages_copied = stats.pages_copied;
	args->pages_ahead = stats.pages_ahead;
	args->pages_promoted = stats.pages_promoted;
	args->pages_exclusive = stats.pages_exclusive;
	args->thrash_pins = stats.thrash_pins;
	return 0;
}

/* ---- DRM driver -----------------------------------------------------------*/

/* Defines colibri_NAME_guarded(): the call, inside drm_dev_enter(). */
#define COLIBRI_GUARDED(name, needs_device)						\
static int colibri_##name##_guarded(struct drm_device *drm, void *data, struct drm_file *file) \
{											\
	int idx, ret = -ENODEV;								\
											\
	if (!drm_dev_enter(drm, &idx))							\
		return -ENODEV;								\
	if (!(needs_device) || !colibri_is_lost(to_colibri_device(drm)))			\
		ret = colibri_ioctl_##name(drm, data, file);				\
	drm_dev_exit(idx);								\
	return ret;									\
}

COLIBRI_GUARDED(query, true)
COLIBRI_GUARDED(gem_create, true)
COLIBRI_GUARDED(gem_mmap_offset, true)
COLIBRI_GUARDED(vm_create, true)
COLIBRI_GUARDED(vm_destroy, false)
COLIBRI_GUARDED(vm_bind, true)
COLIBRI_GUARDED(queue_create, true)
COLIBRI_GUARDED(queue_destroy, false)
COLIBRI_GUARDED(queue_state, false)
COLIBRI_GUARDED(svm_stats, false)

static const struct drm_ioctl_desc colibri_ioctls[] = {
#define COLIBRI_IOCTL(name, func) DRM_IOCTL_DEF_DRV(COLIBRI_##name, func, DRM_RENDER_ALLOW)
	COLIBRI_IOCTL(QUERY, colibri_query_guarded),
	COLIBRI_IOCTL(GEM_CREATE, colibri_gem_create_guarded),
	COLIBRI_IOCTL(GEM_MMAP_OFFSET, colibri_gem_mmap_offset_guarded),
	COLIBRI_IOCTL(VM_CREATE, colibri_vm_create_guarded),
	COLIBRI_IOCTL(VM_DESTROY, colibri_vm_destroy_guarded),
	COLIBRI_IOCTL(VM_BIND, colibri_vm_bind_guarded),
	COLIBRI_IOCTL(QUEUE_CREATE, colibri_queue_create_guarded),
	COLIBRI_IOCTL(QUEUE_DESTROY, colibri_queue_destroy_guarded),
	COLIBRI_IOCTL(QUEUE_SUBMIT, colibri_ioctl_queue_submit),
	COLIBRI_IOCTL(QUEUE_STATE, colibri_queue_state_guarded),
	COLIBRI_IOCTL(FENCE_WAIT, colibri_ioctl_fence_wait),
	COLIBRI_IOCTL(SVM_PREFETCH, colibri_ioctl_svm_prefetch),
	COLIBRI_IOCTL(SVM_STATS, colibri_svm_stats_guarded),
	COLIBRI_IOCTL(SVM_ADVISE, colibri_ioctl_svm_advise),
	COLIBRI_IOCTL(SVM_QUERY, colibri_ioctl_svm_query),
#undef COLIBRI_IOCTL
};

static const struct file_operations colibri_fops = {
	.owner = THIS_MODULE,
	DRM_GEM_FOPS,
	.show_fdinfo = drm_show_fdinfo,
};

static const struct drm_driver colibri_driver = {
	.driver_features = DRIVER_RENDER | DRIVER_GEM | COLIBRI_DRIVER_GPUVA,
	.name = "colibri",
	.desc = "Colibri compute GPU",
	.major = 1,
	.minor = 0,
	.fops = &colibri_fops,
	.ioctls = colibri_ioctls,
	.num_ioctls = ARRAY_SIZE(colibri_ioctls),
	.open = colibri_file_open,
	.postclose = colibri_file_close,
	.show_fdinfo = drm_show_memory_stats,
	.gem_create_object = colibri_gem_create_object,
#ifdef CONFIG_DEBUG_FS
	.debugfs_init = colibri_debugfs_init,
#endif
};

static int colibri_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	struct colibri_device *cdev;
	int ret;

	cdev = devm_drm_dev_alloc(&pdev->dev, &colibri_driver, struct colibri_device, base);
	if (IS_ERR(cdev))
		return PTR_ERR(cdev);
	cdev->pdev = pdev;
	pci_set_drvdata(pdev, cdev);

	ret = colibri_device_init(cdev);
	if (ret)
		return ret;
	ret = drm_dev_register(&cdev->base, 0);
	if (ret)
		colibri_device_fini(cdev);
	return ret;
}

static void colibri_remove(struct pci_dev *pdev)
{
	struct colibri_device *cdev = pci_get_drvdata(pdev);

	if (!pci_device_is_present(pdev))
		colibri_device_lost(cdev, "it was pulled");
	drm_dev_unplug(&cdev->base);
	colibri_device_fini(cdev);
}

static const struct pci_device_id colibri_pci_ids[] = {
	{ PCI_DEVICE(COLIBRI_PCI_VENDOR, COLIBRI_PCI_DEVICE) },
	{ }
};
MODULE_DEVICE_TABLE(pci, colibri_pci_ids);

static struct pci_driver colibri_pci_driver = {
	.name = "colibri",
	.id_table = colibri_pci_ids,
	.probe = colibri_probe,
	.remove = colibri_remove,
};
module_pci_driver(colibri_pci_driver);

MODULE_DESCRIPTION("Colibri compute GPU with shared virtual memory");
MODULE_LICENSE("Dual MIT/GPL");
