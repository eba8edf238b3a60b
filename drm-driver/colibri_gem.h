/* SPDX-License-Identifier: GPL-2.0 OR MIT */
#ifndef COLIBRI_GEM_H
#define COLIBRI_GEM_H

#include <linux/mutex.h>

#include <drm/drm_gem_shmem_helper.h>

#include <drm/colibri_drm.h>

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
 * What has no other lock named is protected by the object's dma_resv.
 */
struct colibri_bo {
	/** @shmem: GEM object; of VRAM alone nothing but &drm_gem_shmem_object.base is used */
	struct drm_gem_shmem_object shmem;
	/** @placement: where it may live, DRM_COLIBRI_GEM_SYSTEM and DRM_COLIBRI_GEM_VRAM; const */
	u32 placement;
	/** @flags: DRM_COLIBRI_GEM_*; const */
	u32 flags;
	/** @cpu_caching: as asked for, DRM_COLIBRI_CACHING_*; const */
	u32 cpu_caching;
	/** @vaddr: kernel address of a fence buffer or ring; const */
	void *vaddr;
	/** @vram_entry: in &colibri_device.vram_bos.list while it has @chunks; its lock */
	struct list_head vram_entry;
	/** @chunks: device memory, where the buffer is; NULL: it is not in VRAM */
	struct colibri_chunk *chunks;
	/** @num_chunks: entries of @chunks */
	unsigned int num_chunks;
	/** @populated: it is in system memory, &drm_gem_shmem_object.sgt is for the device */
	bool populated;
	/** @lost: what was in it went with the device */
	bool lost;
	/** @system_pins: other drivers that use it; it stays in system memory */
	unsigned int system_pins;
	/** @evicted: it had to leave VRAM, or found no room, and wants to come back */
	bool evicted;
	/** @evicted_at: jiffies; when that was */
	unsigned long evicted_at;
	/** @place_lock: for who must not take the dma_resv: where it is does not change */
	struct mutex place_lock;
	/** @moving: it is nowhere just now; place_lock */
	bool moving;
};

static inline struct colibri_bo *to_colibri_bo(struct drm_gem_object *obj)
{
	return container_of(to_drm_gem_shmem_obj(obj), struct colibri_bo, shmem);
}

static inline struct drm_gem_object *colibri_bo_gem(struct colibri_bo *bo)
{
	return &bo->shmem.base;
}

/* Whether it may live in either memory. */
static inline bool colibri_bo_movable(const struct colibri_bo *bo)
{
	return bo->placement == (DRM_COLIBRI_GEM_SYSTEM | DRM_COLIBRI_GEM_VRAM);
}

/* Where it is: DRM_COLIBRI_GEM_SYSTEM, DRM_COLIBRI_GEM_VRAM or 0. A guess without its dma_resv. */
static inline u32 colibri_bo_resident(const struct colibri_bo *bo)
{
	if (READ_ONCE(bo->chunks))
		return DRM_COLIBRI_GEM_VRAM;
	return READ_ONCE(bo->shmem.pages) || READ_ONCE(bo->shmem.sgt) ? DRM_COLIBRI_GEM_SYSTEM : 0;
}

/* Which memory it is charged to: where it is, or would be. */
static inline bool colibri_bo_in_vram(const struct colibri_bo *bo)
{
	return bo->placement == DRM_COLIBRI_GEM_VRAM || READ_ONCE(bo->chunks);
}

struct drm_gem_object *colibri_gem_create_object(struct drm_device *drm, size_t size);
struct drm_gem_object *colibri_gem_import_sg_table(struct drm_device *drm,
						   struct dma_buf_attachment *attach,
						   struct sg_table *sgt);
struct colibri_bo *colibri_gem_create(struct colibri_device *cdev, u64 size, u32 placement,
				      u32 flags, u32 cpu_caching);
struct colibri_bo *colibri_gem_create_mapped(struct colibri_device *cdev, u64 size);
void colibri_gem_put(struct colibri_bo *bo);
void colibri_gem_get_info(struct colibri_bo *bo, struct drm_colibri_gem_info *info);

/* colibri_gem_place.c */
int colibri_gem_place_vram(struct colibri_bo *bo, bool evict);
int colibri_gem_populate_locked(struct colibri_bo *bo);
int colibri_gem_populate(struct colibri_bo *bo);
int colibri_gem_to_system(struct colibri_bo *bo, bool may_wait);
int colibri_gem_to_vram(struct colibri_bo *bo, bool evict);
void colibri_gem_note_eviction(struct colibri_bo *bo);
void colibri_gem_come_back(struct colibri_bo *bo);
void colibri_gem_release_system(struct colibri_bo *bo);
void colibri_gem_release_vram(struct colibri_bo *bo);
bool colibri_gem_evict_one(struct colibri_device *cdev, bool may_wait);
void colibri_gem_map_gpu(struct colibri_bo *bo, struct colibri_pt *pt, u64 va, u64 offset,
			 u64 size, u64 pte_flags);
void colibri_gem_unmap_lost(struct colibri_device *cdev);
void colibri_gem_revoke_all(struct colibri_device *cdev);

#endif /* COLIBRI_GEM_H */
