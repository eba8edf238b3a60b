// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * VM_BIND.  See "DOC: Ioctls" in colibri_ioctl.c.
 */

#include <drm/drm_drv.h>
#include <drm/drm_file.h>
#include <drm/drm_gem.h>

#include <drm/colibri_drm.h>

#include "colibri_device.h"
#include "colibri_file.h"
#include "colibri_gem.h"
#include "colibri_ioctl.h"
#include "colibri_sync.h"
#include "colibri_vm.h"

/* Whether [@addr, @addr + @range) is a page-aligned part of [@start, @end). */
static bool colibri_range_ok(u64 addr, u64 range, u64 start, u64 end)
{
	return range && !((addr | range) & ~PAGE_MASK) && addr >= start && addr < end &&
	       range <= end - addr;
}

static bool colibri_zone_range_ok(const struct drm_colibri_vm_bind *args)
{
	return colibri_range_ok(args->addr, args->range, COLIBRI_VA_DRIVER_ZONE,
				COLIBRI_VA_QUEUE_SLOTS);
}

/* Whether the call is about the mirrored part of the address space. */
static bool colibri_bind_is_svm_prefetch(const struct drm_colibri_vm_bind *args)
{
	return args->op == DRM_COLIBRI_VM_BIND_OP_PREFETCH && args->addr < COLIBRI_VA_DRIVER_ZONE;
}

static bool colibri_bind_map_ok(const struct drm_colibri_vm_bind *args)
{
	return !(args->flags & ~(DRM_COLIBRI_VM_BIND_READONLY | DRM_COLIBRI_VM_BIND_EXEC)) &&
	       !(args->bo_offset & ~PAGE_MASK) && !args->location && colibri_zone_range_ok(args);
}

/* What can be said without looking at VM, buffer and syncs. */
static bool colibri_bind_args_ok(const struct drm_colibri_vm_bind *args)
{
	if (args->op == DRM_COLIBRI_VM_BIND_OP_MAP)
		return colibri_bind_map_ok(args);
	if (args->handle || args->flags || args->bo_offset)
		return false;

	switch (args->op) {
	case DRM_COLIBRI_VM_BIND_OP_UNMAP:
		return !args->location && colibri_zone_range_ok(args);
	case DRM_COLIBRI_VM_BIND_OP_MIRROR:
		return !args->location && !args->addr && !args->range && !args->num_syncs &&
		       !args->syncs;
	case DRM_COLIBRI_VM_BIND_OP_PREFETCH:
		if (args->location > DRM_COLIBRI_SVM_LOC_VRAM)
			return false;
		if (!colibri_bind_is_svm_prefetch(args))
			return colibri_zone_range_ok(args);
		return !args->num_syncs && !args->syncs &&
		       colibri_range_ok(args->addr, args->range, 0, COLIBRI_VA_DRIVER_ZONE);
	default:
		return false;
	}
}

static int colibri_bind_op_map(struct colibri_vm *vm, const struct drm_colibri_vm_bind *args,
			       struct drm_file *file, struct colibri_syncs *syncs)
{
	struct drm_gem_object *obj = drm_gem_object_lookup(file, args->handle);
	int ret = obj ? -EINVAL : -ENOENT;

	if (obj && args->bo_offset <= obj->size && args->range <= obj->size - args->bo_offset)
		ret = colibri_bind_map(vm, to_colibri_bo(obj), args, syncs);
	else
		colibri_syncs_put(syncs);
	if (obj)
		drm_gem_object_put(obj);
	return ret;
}

static int colibri_bind_op(struct colibri_vm *vm, const struct drm_colibri_vm_bind *args,
			   struct drm_file *file)
{
	struct colibri_syncs *syncs;

	if (args->op == DRM_COLIBRI_VM_BIND_OP_MIRROR)
		return vm->fenced ? -EINVAL : colibri_svm_mirror(vm);

	syncs = colibri_syncs_get(file, args->syncs, args->num_syncs);
	if (IS_ERR(syncs))
		return PTR_ERR(syncs);
	switch (args->op) {
	case DRM_COLIBRI_VM_BIND_OP_MAP:
		return colibri_bind_op_map(vm, args, file, syncs);
	case DRM_COLIBRI_VM_BIND_OP_UNMAP:
		return colibri_bind_unmap(vm, args->addr, args->range, syncs);
	default:
		return colibri_bind_prefetch(vm, args, syncs);
	}
}

/* What works on the device, not on memory of the process. */
static int colibri_bind_guarded(struct colibri_vm *vm, const struct drm_colibri_vm_bind *args,
				struct drm_file *file)
{
	int idx, ret = -ENODEV;

	if (!drm_dev_enter(&vm->cdev->base, &idx))
		return -ENODEV;
	if (!colibri_is_lost(vm->cdev))
		ret = colibri_bind_op(vm, args, file);
	drm_dev_exit(idx);
	return ret;
}

/* DRM_IOCTL_COLIBRI_VM_BIND: change an address space. */
int colibri_ioctl_vm_bind(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct drm_colibri_vm_bind *args = data;
	struct colibri_vm *vm;
	int ret;

	if (!colibri_bind_args_ok(args))
		return -EINVAL;
	vm = colibri_file_get_vm(file->driver_priv, args->vm_id);
	if (IS_ERR(vm))
		return PTR_ERR(vm);
	if (colibri_bind_is_svm_prefetch(args))
		ret = colibri_svm_prefetch(vm, args->addr, args->range, args->location);
	else
		ret = colibri_bind_guarded(vm, args, file);
	colibri_vm_put(vm);
	return ret;
}
