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
/* Put a job that timed out, and has ended, back on the list of those to be freed. */
static inline enum drm_gpu_sched_stat colibri_sched_give_back(struct drm_sched_job *job)
{
	struct drm_gpu_scheduler *sched = job->sched;

	spin_lock(&sched->job_list_lock);
	list_add(&job->list, &sched->pending_list);
	spin_unlock(&sched->job_list_lock);
	queue_work(sched->submit_wq, &sched->work_free_job);
	return DRM_GPU_SCHED_STAT_NOMINAL;
}

#define colibri_vma_is_cow(vma)	is_cow_mapping((vma)->vm_flags)

struct drm_gpuvm_map_req {
	struct drm_gpuva_op_map map;
};

#define drm_gpuvm_sm_map_ops_create(gpuvm, req)						\
	drm_gpuvm_sm_map_ops_create(gpuvm, (req)->map.va.addr, (req)->map.va.range,	\
				    (req)->map.gem.obj, (req)->map.gem.offset)

/* Only printed. */
#define DRM_GEM_OBJECT_ACTIVE	0

#define system_dfl_wq		system_unbound_wq

/* Tells of a device that works no more. */
#define DRM_WEDGE_RECOVERY_NONE		0
#define DRM_WEDGE_RECOVERY_REBIND	0
#define DRM_WEDGE_RECOVERY_BUS_RESET	0
static inline int colibri_wedged_event(struct drm_device *drm, unsigned long method)
{
	return 0;
}

#define drm_gpuvm_bo_obtain_locked	drm_gpuvm_bo_obtain
#define drm_gem_shmem_vmap_locked	drm_gem_shmem_vmap
#define drm_gem_shmem_vunmap_locked	drm_gem_shmem_vunmap

#define COLIBRI_GEM_AREA		NULL

#else

#define COLIBRI_DRIVER_GPUVA	0

/* Have drm_sched put a job that timed out, and has ended, back on its list of those to be freed. */
static inline enum drm_gpu_sched_stat colibri_sched_give_back(struct drm_sched_job *job)
{
	return DRM_GPU_SCHED_STAT_NO_HANG;
}

#define colibri_wedged_event(drm, method)	drm_dev_wedged_event(drm, method, NULL)
#define colibri_vma_is_cow(vma)	vma_is_cow_mapping(vma)
/* Buffers of large pages want large addresses. */
#define COLIBRI_GEM_AREA		drm_gem_get_unmapped_area

#endif

#endif /* COLIBRI_COMPAT_H */
