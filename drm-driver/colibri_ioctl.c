// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Calls of user space: the table, and those about buffers and address spaces.
 */

/**
 * DOC: Ioctls
 *
 * A call copies, checks everything that user space said, and calls.
 *
 * Ioctls run inside drm_dev_enter(), so the removal of the device finds none of
 * them in progress.  Two sorts do not: those that wait for the GPU (QUEUE_SUBMIT,
 * EXEC and FENCE_WAIT, which enter where they touch the device), and those that
 * work on memory of the process, which may wait for user space (SVM_PREFETCH, also
 * as VM_BIND, SVM_ADVISE, SVM_QUERY, see colibri_svm_begin()).  All of them can be killed.
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

/* ---- Buffers --------------------------------------------------------------*/

/* What can be had: see &struct drm_colibri_gem_create. */
static bool colibri_gem_create_ok(const struct drm_colibri_gem_create *args)
{
	const u32 placements = DRM_COLIBRI_GEM_SYSTEM | DRM_COLIBRI_GEM_VRAM;
	bool system_alone = args->placement == DRM_COLIBRI_GEM_SYSTEM;

	if (!args->size || !args->placement || args->placement & ~placements ||
	    args->flags & ~DRM_COLIBRI_GEM_FENCE)
		return false;
	if (args->flags & DRM_COLIBRI_GEM_FENCE &&
	    (!system_alone || args->cpu_caching == DRM_COLIBRI_CACHING_WC))
		return false;
	return args->cpu_caching != DRM_COLIBRI_CACHING_WB || system_alone;
}

/* DRM_IOCTL_COLIBRI_GEM_CREATE: make a buffer. */
int colibri_ioctl_gem_create(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct drm_colibri_gem_create *args = data;
	struct colibri_bo *bo;
	int ret;

	if (args->cpu_caching > DRM_COLIBRI_CACHING_WC || !colibri_gem_create_ok(args))
		return -EINVAL;

	bo = colibri_gem_create(to_colibri_device(drm), args->size, args->placement, args->flags,
				args->cpu_caching);
	if (IS_ERR(bo))
		return PTR_ERR(bo);
	ret = drm_gem_handle_create(file, colibri_bo_gem(bo), &args->handle);
	if (!ret)
		args->size = colibri_bo_gem(bo)->size;
	colibri_gem_put(bo);
	return ret;
}

/* DRM_IOCTL_COLIBRI_GEM_INFO: what a buffer is. */
int colibri_ioctl_gem_info(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct drm_colibri_gem_info *args = data;
	struct drm_gem_object *obj;

	if (args->pad)
		return -EINVAL;
	obj = drm_gem_object_lookup(file, args->handle);
	if (!obj)
		return -ENOENT;
	colibri_gem_get_info(to_colibri_bo(obj), args);
	drm_gem_object_put(obj);
	return 0;
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

	if (args->flags & ~DRM_COLIBRI_VM_FENCED)
		return -EINVAL;
	vm = colibri_vm_create(to_colibri_device(drm), args->flags & DRM_COLIBRI_VM_FENCED);
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

/* DRM_IOCTL_COLIBRI_VM_STATE: how an address space is. */
int colibri_ioctl_vm_state(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct drm_colibri_vm_state *args = data;
	struct colibri_vm *vm;

	vm = colibri_file_get_vm(file->driver_priv, args->vm_id);
	if (IS_ERR(vm))
		return PTR_ERR(vm);
	*args = (struct drm_colibri_vm_state){ .vm_id = args->vm_id };
	colibri_vm_get_state(vm, args);
	colibri_vm_put(vm);
	return 0;
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
COLIBRI_GUARDED(gem_info, false)
COLIBRI_GUARDED(vm_create, true)
COLIBRI_GUARDED(vm_destroy, false)
COLIBRI_GUARDED(vm_state, false)
COLIBRI_GUARDED(queue_create, true)
COLIBRI_GUARDED(queue_destroy, false)
COLIBRI_GUARDED(queue_state, false)
COLIBRI_GUARDED(group_create, true)
COLIBRI_GUARDED(group_destroy, false)
COLIBRI_GUARDED(svm_stats, false)

const struct drm_ioctl_desc colibri_ioctls[COLIBRI_NUM_IOCTLS] = {
#define COLIBRI_IOCTL(name, func) DRM_IOCTL_DEF_DRV(COLIBRI_##name, func, DRM_RENDER_ALLOW)
	COLIBRI_IOCTL(QUERY, colibri_query_guarded),
	COLIBRI_IOCTL(GEM_CREATE, colibri_gem_create_guarded),
	COLIBRI_IOCTL(GEM_MMAP_OFFSET, colibri_gem_mmap_offset_guarded),
	COLIBRI_IOCTL(VM_CREATE, colibri_vm_create_guarded),
	COLIBRI_IOCTL(VM_DESTROY, colibri_vm_destroy_guarded),
	COLIBRI_IOCTL(VM_BIND, colibri_ioctl_vm_bind),
	COLIBRI_IOCTL(QUEUE_CREATE, colibri_queue_create_guarded),
	COLIBRI_IOCTL(QUEUE_DESTROY, colibri_queue_destroy_guarded),
	COLIBRI_IOCTL(QUEUE_SUBMIT, colibri_ioctl_queue_submit),
	COLIBRI_IOCTL(QUEUE_STATE, colibri_queue_state_guarded),
	COLIBRI_IOCTL(GROUP_CREATE, colibri_group_create_guarded),
	COLIBRI_IOCTL(GROUP_DESTROY, colibri_group_destroy_guarded),
	COLIBRI_IOCTL(FENCE_WAIT, colibri_ioctl_fence_wait),
	COLIBRI_IOCTL(SVM_PREFETCH, colibri_ioctl_svm_prefetch),
	COLIBRI_IOCTL(SVM_STATS, colibri_svm_stats_guarded),
	COLIBRI_IOCTL(SVM_ADVISE, colibri_ioctl_svm_advise),
	COLIBRI_IOCTL(SVM_QUERY, colibri_ioctl_svm_query),
	COLIBRI_IOCTL(GEM_INFO, colibri_gem_info_guarded),
	COLIBRI_IOCTL(VM_STATE, colibri_vm_state_guarded),
	COLIBRI_IOCTL(EXEC, colibri_ioctl_exec),
#undef COLIBRI_IOCTL
};

static_assert(DRM_COLIBRI_EXEC + 1 == COLIBRI_NUM_IOCTLS);
