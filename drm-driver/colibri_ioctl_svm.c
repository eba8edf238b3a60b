// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Calls of user space about shared virtual memory.  See "DOC: Ioctls" in colibri_ioctl.c.
 */

#include <drm/drm_drv.h>
#include <drm/drm_file.h>
#include <drm/drm_ioctl.h>

#include <drm/colibri_drm.h>

#include "colibri_device.h"
#include "colibri_file.h"
#include "colibri_ioctl.h"
#include "colibri_mm.h"
#include "colibri_vm.h"

/* Whether [@addr, @addr + @size) is a page-aligned part of what can be mirrored. */
static bool colibri_user_range_ok(u64 addr, u64 size)
{
	return size && !((addr | size) & ~PAGE_MASK) && addr < COLIBRI_VA_DRIVER_ZONE &&
	       size <= COLIBRI_VA_DRIVER_ZONE - addr;
}

/* DRM_IOCTL_COLIBRI_SVM_PREFETCH: move memory. */
int colibri_ioctl_svm_prefetch(struct drm_device *drm, void *data, struct drm_file *file)
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
	ret = colibri_svm_prefetch(vm, args->addr, args->size, args->location);
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

/* DRM_IOCTL_COLIBRI_SVM_ADVISE: say how memory is used. */
int colibri_ioctl_svm_advise(struct drm_device *drm, void *data, struct drm_file *file)
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

/* DRM_IOCTL_COLIBRI_SVM_QUERY: where memory is. */
int colibri_ioctl_svm_query(struct drm_device *drm, void *data, struct drm_file *file)
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

/* DRM_IOCTL_COLIBRI_SVM_STATS: counters. */
int colibri_ioctl_svm_stats(struct drm_device *drm, void *data, struct drm_file *file)
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
