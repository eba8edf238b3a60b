/* SPDX-License-Identifier: GPL-2.0 OR MIT */
#ifndef COLIBRI_GEM_H
#define COLIBRI_GEM_H

#include <drm/drm_gem_shmem_helper.h>

struct colibri_device;
struct colibri_pt;
struct hmm_svm_chunk;

/**
 * struct colibri_chunk - one chunk of device memory behind a buffer
 */
struct colibri_chunk {
	/** @chunk: what hmm_svm gave */
	struct hmm_svm_chunk *chunk;
	/** @offset: VRAM offset */
	u64 offset;
};

/**
 * struct colibri_bo - a buffer, in system memory or in VRAM
 *
 * A buffer stays where it was made, until the device goes.
 */
struct colibri_bo {
	/** @shmem: GEM object; in VRAM nothing but &drm_gem_shmem_object.base is used */
	struct drm_gem_shmem_object shmem;
	/** @placement: the one DRM_COLIBRI_GEM_SYSTEM or DRM_COLIBRI_GEM_VRAM that it got */
	u32 placement;
	/** @flags: DRM_COLIBRI_GEM_* */
	u32 flags;
	/** @vaddr: kernel address of a fence buffer or ring */
	void *vaddr;
	/** @vram_entry: in &colibri_device.vram_bos.list */
	struct list_head vram_entry;
	/** @chunks: device memory; NULL: none, or the device took it back */
	struct colibri_chunk *chunks;
	/** @num_chunks: entries of @chunks */
	unsigned int num_chunks;
};

static inline struct colibri_bo *to_colibri_bo(struct drm_gem_object *obj)
{
	return container_of(to_drm_gem_shmem_obj(obj), struct colibri_bo, shmem);
}

static inline struct drm_gem_object *colibri_bo_gem(struct colibri_bo *bo)
{
	return &bo->shmem.base;
}

struct drm_gem_object *colibri_gem_create_object(struct drm_device *drm, size_t size);
struct colibri_bo *colibri_gem_create(struct colibri_device *cdev, u64 size, u32 placement,
				      u32 flags);
struct colibri_bo *colibri_gem_create_mapped(struct colibri_device *cdev, u64 size);
void colibri_gem_put(struct colibri_bo *bo);

int colibri_gem_populate(struct colibri_bo *bo);
void colibri_gem_map_gpu(struct colibri_bo *bo, struct colibri_pt *pt, u64 va, u64 offset,
			 u64 size, u64 pte_flags);
void colibri_gem_revoke_all(struct colibri_device *cdev);

#endif /* COLIBRI_GEM_H */
