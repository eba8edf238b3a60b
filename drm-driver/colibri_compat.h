/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * What differs between the kernels that the driver builds on: 7.3 is the one
 * that is tested; 6.12 is Debian's stable one.  The code is written to 7.3.
 */
#ifndef COLIBRI_COMPAT_H
#define COLIBRI_COMPAT_H

#include <linux/slab.h>
#include <linux/version.h>

#include <drm/drm_drv.h>
#include <drm/drm_gem.h>
#include <drm/drm_gpuvm.h>

#if !IS_ENABLED(CONFIG_64BIT) || IS_ENABLED(CONFIG_CPU_BIG_ENDIAN)
#error "Colibri shares 64-bit little-endian words with the CPU"
#endif

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 13, 0)
/* Later, every GEM object has a list of its bindings. */
#define COLIBRI_DRIVER_GPUVA	DRIVER_GEM_GPUVA
#define colibri_vma_is_cow(vma)	is_cow_mapping((vma)->vm_flags)
#define kzalloc_obj(obj, gfp)	kzalloc(sizeof(obj), gfp)
#else
#define COLIBRI_DRIVER_GPUVA	0
#define colibri_vma_is_cow(vma)	vma_is_cow_mapping(vma)
#endif

#endif /* COLIBRI_COMPAT_H */
