/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * What differs between the kernels that the driver builds on.  It is written to
 * 7.3, on which it is tested; it also builds on 6.12, Debian's stable one.
 */
#ifndef COLIBRI_COMPAT_H
#define COLIBRI_COMPAT_H

#include <linux/slab.h>
#include <linux/version.h>

#include <drm/drm_drv.h>
#include <drm/drm_gem.h>
#include <drm/drm_gem_shmem_helper.h>
#include <drm/drm_gpuvm.h>
#include <drm/gpu_scheduler.h>

#if !IS_ENABLED(CONFIG_64BIT) || IS_ENABLED(CONFIG_CPU_BIG_ENDIAN)
#error "Colibri shares 64-bit little-endian words with the CPU"
#endif

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 13, 0)

/* Later, every GEM object has a list of its bindings. */
#define COLIBRI_DRIVER_GPUVA	DRIVER_GEM_GPUVA
#define COLIBRI_SCHED_STAT_RESET	DRM_GPU_SCHED_STAT_NOMINAL
#define colibri_vma_is_cow(vma)	is_cow_mapping((vma)->vm_flags)

struct drm_gpuvm_map_req {
	struct drm_gpuva_op_map map;
};

#define drm_gpuvm_sm_map_ops_create(gpuvm, req)						\
	drm_gpuvm_sm_map_ops_create(gpuvm, (req)->map.va.addr, (req)->map.va.range,	\
				    (req)->map.gem.obj, (req)->map.gem.offset)

/* Only printed. */
#define DRM_GEM_OBJECT_ACTIVE	0

#define drm_gpuvm_bo_obtain_locked	drm_gpuvm_bo_obtain
#define drm_gem_shmem_vmap_locked	drm_gem_shmem_vmap
#define drm_gem_shmem_vunmap_locked	drm_gem_shmem_vunmap

#define COLIBRI_GEM_AREA		NULL

#else

#define COLIBRI_DRIVER_GPUVA	0
#define COLIBRI_SCHED_STAT_RESET	DRM_GPU_SCHED_STAT_RESET
#define colibri_vma_is_cow(vma)	vma_is_cow_mapping(vma)
/* Buffers of large pages want large addresses. */
#define COLIBRI_GEM_AREA		drm_gem_get_unmapped_area

#endif

#endif /* COLIBRI_COMPAT_H */
