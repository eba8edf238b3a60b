// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Buffers.
 */

/**
 * DOC: Buffers
 *
 * Overview
 * --------
 *
 * Buffers in system memory are shmem objects.  In VRAM they consist of chunks
 * that hmm_svm, the owner of all device memory, gives away; they are cleared by the
 * migration engine before anybody sees them, and the CPU maps them through
 * BAR 2.  A buffer that may live in both moves, see colibri_gem_place.c.  Fence
 * buffers are pinned system memory that the kernel has mapped too, so FENCE_WAIT can
 * look at a word without touching user space.
 *
 * When the device goes, buffers of open files stay, but what was in VRAM is gone; the
 * CPU then gets SIGBUS, as it does once the device is lost.
 *
 * Sharing
 * -------
 *
 * Every buffer can be exported as a dma-buf, and be imported again, by this or by another
 * process, as the same object.  Another driver gets system memory: a buffer
 * with both placements moves there when the other one attaches and stays as long.  One of
 * VRAM alone cannot be attached to (EOPNOTSUPP), as its memory has no struct
 * page; mmap() of its dma-buf works.  What is imported is mapped for the
 * device as long as the handle lives.  The jobs of fenced VMs are in a buffer's
 * dma_resv with DMA_RESV_USAGE_BOOKKEEP, as synchronisation is explicit:
 * DMA_BUF_IOCTL_IMPORT_SYNC_FILE is the way to make other drivers wait.
 *
 * Locking
 * -------
 *
 * A buffer's dma_resv protects where it is.  The CPU fault handler takes it under
 * mmap_lock, so no user memory is touched under it.
 */

#include <linux/dma-buf.h>
#include <linux/iosys-map.h>
#include <linux/slab.h>

#include <drm/colibri_drm.h>

#include "colibri_device.h"
#include "colibri_gem.h"
#include "hmm_svm.h"

static const struct drm_gem_object_funcs colibri_gem_system_funcs;

/**
 * colibri_gem_create_object() - constructor for the shmem helpers
 * @drm: DRM device
 * @size: bytes
 *
 * Return: an uninitialised object or an ERR_PTR.
 */
struct drm_gem_object *colibri_gem_create_object(struct drm_device *drm, size_t size)
{
	struct colibri_bo *bo = kzalloc_obj(*bo);

	if (!bo)
		return ERR_PTR(-ENOMEM);
	bo->placement = DRM_COLIBRI_GEM_SYSTEM;
	mutex_init(&bo->place_lock);
	INIT_LIST_HEAD(&bo->vram_entry);
	colibri_bo_gem(bo)->funcs = &colibri_gem_system_funcs;
	return colibri_bo_gem(bo);
}

/**
 * colibri_gem_import_sg_table() - &drm_driver.gem_prime_import_sg_table
 * @drm: DRM device
 * @attach: attachment to the buffer of another driver
 * @sgt: its memory
 *
 * Return: the buffer or an ERR_PTR.
 */
struct drm_gem_object *colibri_gem_import_sg_table(struct drm_device *drm,
						   struct dma_buf_attachment *attach,
						   struct sg_table *sgt)
{
	struct drm_gem_object *obj = drm_gem_shmem_prime_import_sg_table(drm, attach, sgt);

	if (!IS_ERR(obj))
		to_colibri_bo(obj)->flags = DRM_COLIBRI_GEM_IMPORTED;
	return obj;
}

/* ---- System memory ------------------------------------------------------- */

static int colibri_gem_vmap(struct colibri_bo *bo)
{
	struct iosys_map map;
	int ret;

	dma_resv_lock(colibri_bo_gem(bo)->resv, NULL);
	ret = drm_gem_shmem_vmap_locked(&bo->shmem, &map);
	dma_resv_unlock(colibri_bo_gem(bo)->resv);
	if (!ret)
		bo->vaddr = map.vaddr;
	return ret;
}

static void colibri_gem_free(struct drm_gem_object *obj)
{
	struct colibri_device *cdev = to_colibri_device(obj->dev);
	struct colibri_bo *bo = to_colibri_bo(obj);

	colibri_gem_release_vram(bo);
	dma_resv_lock(obj->resv, NULL);
	if (bo->vaddr) {
		struct iosys_map map = IOSYS_MAP_INIT_VADDR(bo->vaddr);

		drm_gem_shmem_vunmap_locked(&bo->shmem, &map);
	}
	colibri_gem_release_system(bo);
	dma_resv_unlock(obj->resv);
	if (bo->placement == DRM_COLIBRI_GEM_SYSTEM && !obj->import_attach)
		atomic64_sub(obj->size, &cdev->system_used);

	mutex_destroy(&bo->place_lock);
	if (bo->placement == DRM_COLIBRI_GEM_VRAM) {
		drm_gem_object_release(obj);
		kfree(bo);
	} else {
		drm_gem_shmem_free(&bo->shmem);
	}
}

static const struct drm_gem_object_funcs colibri_gem_system_funcs = {
	.free = colibri_gem_free,
	.print_info = drm_gem_shmem_object_print_info,
	.pin = drm_gem_shmem_object_pin,
	.unpin = drm_gem_shmem_object_unpin,
	.get_sg_table = drm_gem_shmem_object_get_sg_table,
	.vmap = drm_gem_shmem_object_vmap,
	.vunmap = drm_gem_shmem_object_vunmap,
	.mmap = drm_gem_shmem_object_mmap,
	.vm_ops = &drm_gem_shmem_vm_ops,
};

static struct colibri_bo *colibri_gem_create_shmem(struct colibri_device *cdev, u64 size)
{
	struct drm_gem_shmem_object *shmem;

	if (size > PFN_PHYS((u64)totalram_pages()))
		return ERR_PTR(-ENOMEM);
	shmem = drm_gem_shmem_create(&cdev->base, PAGE_ALIGN(size));
	/* shmem says ENOSPC when it has no memory for an inode; here that means VRAM. */
	if (IS_ERR(shmem))
		return shmem == ERR_PTR(-ENOSPC) ? ERR_PTR(-ENOMEM) : ERR_CAST(shmem);
	return container_of(shmem, struct colibri_bo, shmem);
}

static struct colibri_bo *colibri_gem_create_system(struct colibri_device *cdev, u64 size,
						    u32 flags, u32 cpu_caching)
{
	struct colibri_bo *bo = colibri_gem_create_shmem(cdev, size);
	int ret = 0;

	if (IS_ERR(bo))
		return bo;
	atomic64_add(colibri_bo_gem(bo)->size, &cdev->system_used);
	bo->flags = flags;
	bo->cpu_caching = cpu_caching;
	bo->shmem.map_wc = cpu_caching == DRM_COLIBRI_CACHING_WC;
	if (flags & DRM_COLIBRI_GEM_FENCE)
		ret = colibri_gem_vmap(bo);
	if (ret) {
		colibri_gem_put(bo);
		return ERR_PTR(ret);
	}
	return bo;
}

/* ---- VRAM ---------------------------------------------------------------- */

static vm_fault_t colibri_gem_insert_vram(struct vm_fault *vmf, struct colibri_bo *bo, u64 offset)
{
	struct colibri_device *cdev = to_colibri_device(colibri_bo_gem(bo)->dev);
	resource_size_t addr = cdev->vram_start +
			       bo->chunks[offset >> HMM_SVM_BLOCK_SHIFT].offset +
			       (offset & (HMM_SVM_BLOCK_SIZE - 1));

	return vmf_insert_pfn_prot(vmf->vma, vmf->address, PHYS_PFN(addr),
				   pgprot_writecombine(vmf->vma->vm_page_prot));
}

/* The CPU gets the page where it is. */
static vm_fault_t colibri_gem_insert(struct vm_fault *vmf, struct colibri_bo *bo, u64 offset)
{
	int ret;

	if (offset >= colibri_bo_gem(bo)->size)
		return VM_FAULT_SIGBUS;
	ret = colibri_gem_populate_locked(bo);
	if (ret)
		return ret == -ENOMEM ? VM_FAULT_OOM : VM_FAULT_SIGBUS;
	if (bo->chunks)
		return colibri_gem_insert_vram(vmf, bo, offset);
	return vmf_insert_pfn(vmf->vma, vmf->address,
			      page_to_pfn(bo->shmem.pages[offset >> PAGE_SHIFT]));
}

static vm_fault_t colibri_gem_fault(struct vm_fault *vmf)
{
	struct vm_area_struct *vma = vmf->vma;
	struct drm_gem_object *obj = vma->vm_private_data;
	struct colibri_bo *bo = to_colibri_bo(obj);
	u64 offset = (u64)(vmf->pgoff - drm_vma_node_start(&obj->vma_node)) << PAGE_SHIFT;
	vm_fault_t ret = VM_FAULT_SIGBUS;

	if (dma_resv_lock_interruptible(obj->resv, NULL))
		return VM_FAULT_NOPAGE;
	if (bo->placement != DRM_COLIBRI_GEM_VRAM || bo->chunks)
		ret = colibri_gem_insert(vmf, bo, offset);
	/* Only now: if it was lost before the insertion, colibri_gem_unmap_lost() may be over. */
	if (bo->chunks && colibri_is_lost(to_colibri_device(obj->dev))) {
		drm_vma_node_unmap(&obj->vma_node, obj->dev->anon_inode->i_mapping);
		ret = VM_FAULT_SIGBUS;
	}
	dma_resv_unlock(obj->resv);
	return ret;
}

static const struct vm_operations_struct colibri_gem_vm_ops = {
	.fault = colibri_gem_fault,
	.open = drm_gem_vm_open,
	.close = drm_gem_vm_close,
};

static int colibri_gem_mmap(struct drm_gem_object *obj, struct vm_area_struct *vma)
{
	struct colibri_bo *bo = to_colibri_bo(obj);

	if (colibri_vma_is_cow(vma))
		return -EINVAL;
	vm_flags_set(vma, VM_IO | VM_PFNMAP | VM_DONTEXPAND | VM_DONTDUMP);
	vma->vm_page_prot = vm_get_page_prot(vma->vm_flags);
	if (bo->shmem.map_wc)
		vma->vm_page_prot = pgprot_writecombine(vma->vm_page_prot);
	vma->vm_ops = &colibri_gem_vm_ops;
	return 0;
}

/* Device memory has no struct page that another driver could use. */
static int colibri_gem_vram_pin(struct drm_gem_object *obj)
{
	return -EOPNOTSUPP;
}

/* Not reached, as nobody can attach; dma-buf wants to see it. */
static struct sg_table *colibri_gem_vram_get_sg_table(struct drm_gem_object *obj)
{
	return ERR_PTR(-EOPNOTSUPP);
}

static const struct drm_gem_object_funcs colibri_gem_vram_funcs = {
	.free = colibri_gem_free,
	.pin = colibri_gem_vram_pin,
	.get_sg_table = colibri_gem_vram_get_sg_table,
	.mmap = colibri_gem_mmap,
	.vm_ops = &colibri_gem_vm_ops,
};

static struct colibri_bo *colibri_gem_create_vram(struct colibri_device *cdev, u64 size,
						  u32 cpu_caching)
{
	struct drm_gem_object *obj;
	struct colibri_bo *bo;
	int ret;

	if (size > cdev->vram_size)
		return ERR_PTR(-ENOSPC);
	obj = colibri_gem_create_object(&cdev->base, size);
	if (IS_ERR(obj))
		return ERR_CAST(obj);
	bo = to_colibri_bo(obj);
	obj->funcs = &colibri_gem_vram_funcs;
	bo->placement = DRM_COLIBRI_GEM_VRAM;
	bo->cpu_caching = cpu_caching;
	drm_gem_private_object_init(&cdev->base, obj, PAGE_ALIGN(size));

	ret = colibri_gem_place_vram(bo, true);
	if (ret) {
		colibri_gem_put(bo);
		return ERR_PTR(ret);
	}
	return bo;
}

/* ---- Either -------------------------------------------------------------- */

/* Another driver wants to use the buffer: it has to be, and to stay, in system memory. */
static int colibri_gem_movable_pin(struct drm_gem_object *obj)
{
	struct colibri_bo *bo = to_colibri_bo(obj);
	int ret;

	dma_resv_assert_held(obj->resv);
	if (bo->chunks)
		colibri_gem_note_eviction(bo);
	ret = colibri_gem_to_system(bo, true);
	if (!ret)
		bo->system_pins++;
	return ret;
}

static void colibri_gem_movable_unpin(struct drm_gem_object *obj)
{
	dma_resv_assert_held(obj->resv);
	to_colibri_bo(obj)->system_pins--;
}

static int colibri_gem_movable_vmap(struct drm_gem_object *obj, struct iosys_map *map)
{
	int ret;

	ret = colibri_gem_movable_pin(obj);
	if (ret)
		return ret;
	ret = drm_gem_shmem_object_vmap(obj, map);
	if (ret)
		colibri_gem_movable_unpin(obj);
	return ret;
}

static void colibri_gem_movable_vunmap(struct drm_gem_object *obj, struct iosys_map *map)
{
	drm_gem_shmem_object_vunmap(obj, map);
	colibri_gem_movable_unpin(obj);
}

static const struct drm_gem_object_funcs colibri_gem_movable_funcs = {
	.free = colibri_gem_free,
	.print_info = drm_gem_shmem_object_print_info,
	.pin = colibri_gem_movable_pin,
	.unpin = colibri_gem_movable_unpin,
	.get_sg_table = drm_gem_shmem_object_get_sg_table,
	.vmap = colibri_gem_movable_vmap,
	.vunmap = colibri_gem_movable_vunmap,
	.mmap = colibri_gem_mmap,
	.vm_ops = &colibri_gem_vm_ops,
};

static struct colibri_bo *colibri_gem_create_movable(struct colibri_device *cdev, u64 size,
						     u32 cpu_caching)
{
	struct colibri_bo *bo = colibri_gem_create_shmem(cdev, size);
	int ret;

	if (IS_ERR(bo))
		return bo;
	colibri_bo_gem(bo)->funcs = &colibri_gem_movable_funcs;
	bo->placement = DRM_COLIBRI_GEM_SYSTEM | DRM_COLIBRI_GEM_VRAM;
	bo->cpu_caching = cpu_caching;
	bo->shmem.map_wc = cpu_caching == DRM_COLIBRI_CACHING_WC;

	ret = colibri_gem_place_vram(bo, false);
	if (ret == -ENOSPC)
		colibri_gem_note_eviction(bo);
	else if (ret)
		goto put_bo;
	return bo;

put_bo:
	colibri_gem_put(bo);
	return ERR_PTR(ret);
}

/**
 * colibri_gem_unmap_lost() - take what the CPU has mapped of a lost device
 * @cdev: device
 *
 * Buffers in system memory are mapped again when they are touched; touching one
 * in device memory is SIGBUS.
 */
void colibri_gem_unmap_lost(struct colibri_device *cdev)
{
	unmap_mapping_range(cdev->base.anon_inode->i_mapping, 0, 0, 1);
}

/**
 * colibri_gem_create() - make a zeroed buffer
 * @cdev: device
 * @size: bytes, rounded up to pages
 * @placement: DRM_COLIBRI_GEM_SYSTEM, DRM_COLIBRI_GEM_VRAM or both
 * @flags: DRM_COLIBRI_GEM_FENCE
 * @cpu_caching: DRM_COLIBRI_CACHING_*
 *
 * Return: the buffer or an ERR_PTR.
 */
struct colibri_bo *colibri_gem_create(struct colibri_device *cdev, u64 size, u32 placement,
				      u32 flags, u32 cpu_caching)
{
	switch (placement) {
	case DRM_COLIBRI_GEM_SYSTEM:
		return colibri_gem_create_system(cdev, size, flags, cpu_caching);
	case DRM_COLIBRI_GEM_VRAM:
		return colibri_gem_create_vram(cdev, size, cpu_caching);
	default:
		return colibri_gem_create_movable(cdev, size, cpu_caching);
	}
}

/**
 * colibri_gem_create_mapped() - make a buffer for the kernel's own use
 * @cdev: device
 * @size: bytes, rounded up to pages
 *
 * Return: a buffer in system memory with &colibri_bo.vaddr set, or an ERR_PTR.
 */
struct colibri_bo *colibri_gem_create_mapped(struct colibri_device *cdev, u64 size)
{
	return colibri_gem_create_system(cdev, size, DRM_COLIBRI_GEM_FENCE,
					 DRM_COLIBRI_CACHING_WB);
}

/**
 * colibri_gem_put() - drop a reference
 * @bo: buffer
 */
void colibri_gem_put(struct colibri_bo *bo)
{
	drm_gem_object_put(colibri_bo_gem(bo));
}

/**
 * colibri_gem_get_info() - answer GEM_INFO
 * @bo: buffer
 * @info: returns everything but &drm_colibri_gem_info.handle
 */
void colibri_gem_get_info(struct colibri_bo *bo, struct drm_colibri_gem_info *info)
{
	info->placement = bo->placement;
	info->resident = colibri_bo_resident(bo);
	info->flags = bo->flags;
	info->size = colibri_bo_gem(bo)->size;
	if (bo->cpu_caching == DRM_COLIBRI_CACHING_WC || info->resident == DRM_COLIBRI_GEM_VRAM)
		info->cpu_caching = DRM_COLIBRI_CACHING_WC;
	else
		info->cpu_caching = DRM_COLIBRI_CACHING_WB;
}
