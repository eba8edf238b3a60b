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
 * Buffers in system memory are shmem objects.  Buffers in VRAM consist of
 * chunks that hmm_svm, the owner of all device memory, gives away; they are
 * cleared by the migration engine before anybody sees them, and the CPU maps
 * them through BAR 2.  Neither moves while it lives.  Fence buffers are pinned
 * system memory that the kernel has mapped too, so FENCE_WAIT can look at a
 * word without touching user space.
 *
 * When the device goes, buffers of open files stay, but their chunks are
 * returned; the CPU then gets SIGBUS.
 *
 * Locking
 * -------
 *
 * &colibri_device.vram_bos.lock protects the list of VRAM buffers and each
 * one's chunks.  The CPU fault handler takes it under mmap_lock, so no user
 * memory is touched under it.  A shmem object is protected by its dma_resv, as
 * usual.
 */

#include <linux/dma-buf.h>
#include <linux/iosys-map.h>
#include <linux/slab.h>

#include <drm/colibri_drm.h>

#include "colibri_copy.h"
#include "colibri_device.h"
#include "colibri_gem.h"
#include "colibri_pt.h"
#include "hmm_svm.h"

static const struct drm_gem_object_funcs colibri_gem_system_funcs;
static const struct drm_gem_object_funcs colibri_gem_vram_funcs;

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
	colibri_bo_gem(bo)->funcs = &colibri_gem_system_funcs;
	return colibri_bo_gem(bo);
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

static void colibri_gem_system_free(struct drm_gem_object *obj)
{
	struct colibri_bo *bo = to_colibri_bo(obj);

	if (bo->vaddr) {
		struct iosys_map map = IOSYS_MAP_INIT_VADDR(bo->vaddr);

		dma_resv_lock(obj->resv, NULL);
		drm_gem_shmem_vunmap_locked(&bo->shmem, &map);
		dma_resv_unlock(obj->resv);
	}
	drm_gem_shmem_free(&bo->shmem);
}

static const struct drm_gem_object_funcs colibri_gem_system_funcs = {
	.free = colibri_gem_system_free,
	.print_info = drm_gem_shmem_object_print_info,
	.pin = drm_gem_shmem_object_pin,
	.unpin = drm_gem_shmem_object_unpin,
	.get_sg_table = drm_gem_shmem_object_get_sg_table,
	.vmap = drm_gem_shmem_object_vmap,
	.vunmap = drm_gem_shmem_object_vunmap,
	.mmap = drm_gem_shmem_object_mmap,
	.vm_ops = &drm_gem_shmem_vm_ops,
};

static struct colibri_bo *colibri_gem_create_system(struct colibri_device *cdev, u64 size,
						    u32 flags)
{
	struct drm_gem_shmem_object *shmem;
	struct colibri_bo *bo;
	int ret = 0;

	if (size > PFN_PHYS(totalram_pages()))
		return ERR_PTR(-ENOMEM);
	shmem = drm_gem_shmem_create(&cdev->base, PAGE_ALIGN(size));
	if (IS_ERR(shmem))
		return ERR_CAST(shmem);

	bo = container_of(shmem, struct colibri_bo, shmem);
	bo->flags = flags;
	if (flags & DRM_COLIBRI_GEM_FENCE)
		ret = colibri_gem_vmap(bo);
	if (ret) {
		colibri_gem_put(bo);
		return ERR_PTR(ret);
	}
	return bo;
}

/* ---- VRAM ---------------------------------------------------------------- */

static void colibri_gem_free_chunks(struct colibri_bo *bo)
{
	unsigned int i;

	for (i = 0; i < bo->num_chunks; i++)
		hmm_svm_chunk_free(bo->chunks[i].chunk);
	kvfree(bo->chunks);
	bo->chunks = NULL;
	bo->num_chunks = 0;
}

static void colibri_gem_vram_free(struct drm_gem_object *obj)
{
	struct colibri_device *cdev = to_colibri_device(obj->dev);
	struct colibri_bo *bo = to_colibri_bo(obj);

	mutex_lock(&cdev->vram_bos.lock);
	list_del(&bo->vram_entry);
	colibri_gem_free_chunks(bo);
	mutex_unlock(&cdev->vram_bos.lock);

	drm_gem_object_release(obj);
	kfree(bo);
}

static vm_fault_t colibri_gem_vram_fault(struct vm_fault *vmf)
{
	struct vm_area_struct *vma = vmf->vma;
	struct drm_gem_object *obj = vma->vm_private_data;
	struct colibri_device *cdev = to_colibri_device(obj->dev);
	u64 offset = (u64)(vmf->pgoff - drm_vma_node_start(&obj->vma_node)) << PAGE_SHIFT;
	struct colibri_bo *bo = to_colibri_bo(obj);
	vm_fault_t ret = VM_FAULT_SIGBUS;

	mutex_lock(&cdev->vram_bos.lock);
	if (offset >> HMM_SVM_BLOCK_SHIFT < bo->num_chunks) {
		resource_size_t addr = cdev->vram_start +
				       bo->chunks[offset >> HMM_SVM_BLOCK_SHIFT].offset +
				       (offset & (HMM_SVM_BLOCK_SIZE - 1));

		ret = vmf_insert_pfn(vma, vmf->address, PHYS_PFN(addr));
	}
	mutex_unlock(&cdev->vram_bos.lock);
	return ret;
}

static const struct vm_operations_struct colibri_gem_vram_vm_ops = {
	.fault = colibri_gem_vram_fault,
	.open = drm_gem_vm_open,
	.close = drm_gem_vm_close,
};

static int colibri_gem_vram_mmap(struct drm_gem_object *obj, struct vm_area_struct *vma)
{
	if (colibri_vma_is_cow(vma))
		return -EINVAL;
	vm_flags_set(vma, VM_IO | VM_PFNMAP | VM_DONTEXPAND | VM_DONTDUMP);
	vma->vm_page_prot = pgprot_writecombine(vm_get_page_prot(vma->vm_flags));
	vma->vm_ops = &colibri_gem_vram_vm_ops;
	return 0;
}

/* Device memory has no struct page that another driver could use. */
static struct dma_buf *colibri_gem_vram_export(struct drm_gem_object *obj, int flags)
{
	return ERR_PTR(-EOPNOTSUPP);
}

static const struct drm_gem_object_funcs colibri_gem_vram_funcs = {
	.free = colibri_gem_vram_free,
	.export = colibri_gem_vram_export,
	.mmap = colibri_gem_vram_mmap,
	.vm_ops = &colibri_gem_vram_vm_ops,
};

static int colibri_gem_alloc_chunks(struct colibri_device *cdev, struct colibri_bo *bo, u64 size)
{
	unsigned int count = DIV_ROUND_UP_ULL(size, HMM_SVM_BLOCK_SIZE);

	bo->chunks = kvzalloc_objs(*bo->chunks, count);
	if (!bo->chunks)
		return -ENOMEM;

	while (bo->num_chunks < count) {
		struct colibri_chunk *c = &bo->chunks[bo->num_chunks];
		int ret;

		c->chunk = hmm_svm_chunk_alloc(cdev->svm, &c->offset);
		if (IS_ERR(c->chunk))
			return PTR_ERR(c->chunk);
		bo->num_chunks++;

		ret = colibri_copy_clear_vram(cdev, c->offset, HMM_SVM_BLOCK_SIZE);
		if (ret)
			return -ENODEV;
	}
	return 0;
}

static struct colibri_bo *colibri_gem_create_vram(struct colibri_device *cdev, u64 size)
{
	struct drm_gem_object *obj;
	struct colibri_bo *bo;
	int ret;

	if (size > cdev->vram_size)
		return ERR_PTR(-ENOSPC);
	size = PAGE_ALIGN(size);

	bo = kzalloc_obj(*bo);
	if (!bo)
		return ERR_PTR(-ENOMEM);

	ret = colibri_gem_alloc_chunks(cdev, bo, size);
	if (ret) {
		colibri_gem_free_chunks(bo);
		kfree(bo);
		return ERR_PTR(ret);
	}

	obj = colibri_bo_gem(bo);
	obj->funcs = &colibri_gem_vram_funcs;
	bo->placement = DRM_COLIBRI_GEM_VRAM;
	drm_gem_private_object_init(&cdev->base, obj, size);

	mutex_lock(&cdev->vram_bos.lock);
	list_add(&bo->vram_entry, &cdev->vram_bos.list);
	mutex_unlock(&cdev->vram_bos.lock);
	return bo;
}

/**
 * colibri_gem_revoke_all() - give all device memory of buffers back
 * @cdev: device that is being removed; nothing uses it any more
 */
void colibri_gem_revoke_all(struct colibri_device *cdev)
{
	struct colibri_bo *bo;

	mutex_lock(&cdev->vram_bos.lock);
	list_for_each_entry(bo, &cdev->vram_bos.list, vram_entry)
		colibri_gem_free_chunks(bo);
	mutex_unlock(&cdev->vram_bos.lock);
}

/* ---- Both ---------------------------------------------------------------- */

/**
 * colibri_gem_create() - make a zeroed buffer
 * @cdev: device
 * @size: bytes, rounded up to pages
 * @placement: DRM_COLIBRI_GEM_SYSTEM, DRM_COLIBRI_GEM_VRAM or both
 * @flags: DRM_COLIBRI_GEM_FENCE
 *
 * Return: the buffer or an ERR_PTR.
 */
struct colibri_bo *colibri_gem_create(struct colibri_device *cdev, u64 size, u32 placement,
				      u32 flags)
{
	struct colibri_bo *bo;

	if (placement & DRM_COLIBRI_GEM_VRAM) {
		bo = colibri_gem_create_vram(cdev, size);
		if (bo != ERR_PTR(-ENOSPC) || !(placement & DRM_COLIBRI_GEM_SYSTEM))
			return bo;
	}
	return colibri_gem_create_system(cdev, size, flags);
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
	return colibri_gem_create_system(cdev, size, DRM_COLIBRI_GEM_FENCE);
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
 * colibri_gem_populate() - make the memory of a buffer ready for the device
 * @bo: buffer
 *
 * Context: may sleep and allocate; takes the buffer's dma_resv.
 * Return: 0 or a negative errno.
 */
int colibri_gem_populate(struct colibri_bo *bo)
{
	struct sg_table *sgt;

	if (bo->placement == DRM_COLIBRI_GEM_VRAM)
		return 0;
	sgt = drm_gem_shmem_get_pages_sgt(&bo->shmem);
	return PTR_ERR_OR_ZERO(sgt);
}

/**
 * colibri_gem_map_gpu() - write the page-table entries of a buffer
 * @bo: buffer, populated
 * @pt: page tables, preallocated for the range
 * @va: GPU address
 * @offset: into the buffer
 * @size: bytes
 * @pte_flags: COLIBRI_PTE_* of the permissions
 */
void colibri_gem_map_gpu(struct colibri_bo *bo, struct colibri_pt *pt, u64 va, u64 offset,
			 u64 size, u64 pte_flags)
{
	struct sg_dma_page_iter iter;
	u64 end = va + size;

	if (bo->placement == DRM_COLIBRI_GEM_VRAM) {
		while (va < end) {
			u64 in_chunk = offset & (HMM_SVM_BLOCK_SIZE - 1);
			u64 n = min(end - va, HMM_SVM_BLOCK_SIZE - in_chunk);
			struct colibri_chunk *c = &bo->chunks[offset >> HMM_SVM_BLOCK_SHIFT];

			colibri_pt_map(pt, va, c->offset + in_chunk, n, pte_flags);
			va += n;
			offset += n;
		}
		return;
	}

	for_each_sgtable_dma_page(bo->shmem.sgt, &iter, offset >> PAGE_SHIFT) {
		if (va >= end)
			break;
		colibri_pt_map(pt, va, sg_page_iter_dma_address(&iter), PAGE_SIZE,
			       pte_flags | COLIBRI_PTE_SYS);
		va += PAGE_SIZE;
	}
}
