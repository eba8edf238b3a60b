// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Calls of user space: the table, and those about the device, buffers and address spaces.
 */

/**
 * DOC: Ioctls
 *
 * A call copies, checks everything that user space said, and calls.
 *
 * Ioctls run inside drm_dev_enter(), so the removal of the device finds none of
 * them in progress.  Two sorts do not: those that wait for the GPU (QUEUE_SUBMIT
 * and FENCE_WAIT, which enter where they touch the device), and those that
 * work on memory of the process, which may wait for user space (SVM_PREFETCH,
 * SVM_ADVISE, SVM_QUERY, see colibri_svm_begin()).  All of them can be killed.
 * Calls that would need a lost device get ENODEV.
 */

#include <drm/drm_drv.h>
#include <drm/drm_file.h>
#include <drm/drm_gem.h>
#include <drm/drm_gem_shmem_helper.h>
#include <drm/drm_ioctl.h>

#include <drm/colibri_drm.h>

#include "colibri_device.h"
#include "colibri_file.h"
#include "colibri_gem.h"
#include "colibri_ioctl.h"
#include "colibri_vm.h"

/* ---- Device and buffers ---------------------------------------------------*/

/* DRM_IOCTL_COLIBRI_QUERY: what the device is. */
int colibri_ioctl_query(struct drm_device *drm, void *data, struct drm_file *file)
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

/* DRM_IOCTL_COLIBRI_GEM_CREATE: make a buffer. */
int colibri_ioctl_gem_create(struct drm_device *drm, void *data, struct drm_file *file)
{
	const u32 placements = DRM_COLIBRI_GEM_SYSTEM | DRM_COLIBRI_GEM_VRAM;
	struct drm_colibri_gem_create *args = data;
	struct colibri_bo *bo;
	int ret;

	if (args->cpu_caching || !args->size || !args->placement || args->placement & ~placements ||
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

/* DRM_IOCTL_COLIBRI_GEM_MMAP_OFFSET: where to mmap() a buffer. */
int colibri_ioctl_gem_mmap_offset(struct drm_device *drm, void *data, struct drm_file *file)
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

/* DRM_IOCTL_COLIBRI_VM_CREATE: make an address space. */
int colibri_ioctl_vm_create(struct drm_device *drm, void *data, struct drm_file *file)
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

/* DRM_IOCTL_COLIBRI_VM_DESTROY: give an address space up. */
int colibri_ioctl_vm_destroy(struct drm_device *drm, void *data, struct drm_file *file)
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

/* DRM_IOCTL_COLIBRI_VM_BIND: change an address space. */
int colibri_ioctl_vm_bind(struct drm_device *drm, void *data, struct drm_file *file)
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

/* ---- Table ---------------------------------------------------------------*/

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

const struct drm_ioctl_desc colibri_ioctls[] = {
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

static_assert(ARRAY_SIZE(colibri_ioctls) == COLIBRI_NUM_IOCTLS);
