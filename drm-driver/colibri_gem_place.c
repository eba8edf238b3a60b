// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Where buffers are: in VRAM or in system memory.
 */

/**
 * DOC: Placement
 *
 * Overview
 * --------
 *
 * A buffer with both placements begins in VRAM, if there is room.  It leaves when
 * migrated pages (hmm_svm asks through &hmm_svm_device_ops.evict) or buffers that
 * cannot live elsewhere need the room, or when another driver wants to use it.  It comes
 * back with its next use by the GPU: a page fault, or EXEC.  One that had to
 * leave a moment ago stays where it is, so two that do not fit do not go to and fro
 * all the time.
 *
 * A move waits until no job on a fenced VM uses the buffer, takes it from
 * every address space that it is bound in and from the CPU, flushes the TLBs, has
 * the migration engine copy it, and gives the old memory back.  Who touches
 * it meanwhile waits for its dma_resv.
 *
 * Buffers of VRAM alone stay where they are.
 *
 * Locking
 * -------
 *
 * Where a buffer is changes under its dma_resv, with &colibri_bo.moving set, so
 * those that run in the way of a fence (VM_BIND with syncs) need only
 * &colibri_bo.place_lock to know.  Nothing allocates or waits for a fence under that.
 *
 * &colibri_device.vram_bos.lock, for the list of buffers in VRAM, comes after
 * dma_resv; who goes through the list tries their dma_resv only.  So hmm_svm may
 * ask for room with its locks and mmap_lock held, and a buffer may ask hmm_svm for
 * room with its dma_resv held: neither waits for the other.
 */

#include <linux/dma-resv.h>
#include <linux/sched/signal.h>
#include <linux/shmem_fs.h>
#include <linux/slab.h>

#include <drm/drm_vma_manager.h>

#include "colibri_bind.h"
#include "colibri_copy.h"
#include "colibri_device.h"
#include "colibri_gem.h"
#include "colibri_mmu.h"
#include "colibri_pt.h"
#include "colibri_vm.h"
#include "hmm_svm.h"

/* A buffer that had to leave VRAM stays out for this long. */
#define COLIBRI_GEM_STAY_OUT	(HZ / 10)

/* How long a move waits for jobs that use the buffer. */
#define COLIBRI_GEM_IDLE_WAIT	HZ

/* ---- VRAM ---------------------------------------------------------------- */

static void colibri_gem_free_chunks(struct colibri_chunk *chunks, unsigned int count)
{
	while (count--)
		hmm_svm_chunk_free(chunks[count].chunk);
	kvfree(chunks);
}

/* One chunk, if need be at the expense of other buffers. */
static int colibri_gem_get_chunk(struct colibri_device *cdev, struct colibri_chunk *c, bool evict)
{
	for (;;) {
		c->chunk = hmm_svm_chunk_alloc(cdev->svm, &c->offset);
		if (!IS_ERR(c->chunk))
			return 0;
		if (!evict || fatal_signal_pending(current) || !colibri_gem_evict_one(cdev, true))
			return PTR_ERR(c->chunk);
	}
}

static struct colibri_chunk *colibri_gem_get_chunks(struct colibri_device *cdev,
						    unsigned int count, bool evict)
{
	struct colibri_chunk *chunks;
	unsigned int i;
	int ret;

	chunks = kvzalloc_objs(*chunks, count);
	if (!chunks)
		return ERR_PTR(-ENOMEM);
	for (i = 0; i < count; i++) {
		ret = colibri_gem_get_chunk(cdev, &chunks[i], evict);
		if (ret) {
			colibri_gem_free_chunks(chunks, i);
			return ERR_PTR(ret);
		}
	}
	return chunks;
}

static int colibri_gem_clear(struct colibri_device *cdev, const struct colibri_chunk *chunks,
			     unsigned int count)
{
	unsigned int i;
	int ret = 0;

	for (i = 0; i < count && !ret; i++)
		ret = colibri_copy_clear_vram(cdev, chunks[i].offset, HMM_SVM_BLOCK_SIZE);
	return ret ? -ENODEV : 0;
}

static unsigned int colibri_gem_count_chunks(struct colibri_bo *bo)
{
	return DIV_ROUND_UP_ULL(colibri_bo_gem(bo)->size, HMM_SVM_BLOCK_SIZE);
}

/* From here on the buffer is in VRAM. */
static void colibri_gem_set_chunks(struct colibri_bo *bo, struct colibri_chunk *chunks)
{
	struct colibri_device *cdev = to_colibri_device(colibri_bo_gem(bo)->dev);

	bo->num_chunks = colibri_gem_count_chunks(bo);
	WRITE_ONCE(bo->chunks, chunks);
	bo->evicted = false;
	mutex_lock(&cdev->vram_bos.lock);
	list_add_tail(&bo->vram_entry, &cdev->vram_bos.list);
	mutex_unlock(&cdev->vram_bos.lock);
}

/**
 * colibri_gem_release_vram() - give a buffer's device memory back
 * @bo: buffer that nobody uses there (any more)
 */
void colibri_gem_release_vram(struct colibri_bo *bo)
{
	struct colibri_device *cdev = to_colibri_device(colibri_bo_gem(bo)->dev);

	/* Under the lock: once a buffer is off the list, the removal of the device is through. */
	mutex_lock(&cdev->vram_bos.lock);
	if (bo->chunks) {
		list_del_init(&bo->vram_entry);
		colibri_gem_free_chunks(bo->chunks, bo->num_chunks);
		WRITE_ONCE(bo->chunks, NULL);
		bo->num_chunks = 0;
	}
	mutex_unlock(&cdev->vram_bos.lock);
}

/**
 * colibri_gem_place_vram() - device memory for a new buffer, zeroed
 * @bo: buffer that is nowhere yet and that nobody else knows
 * @evict: whether other buffers may have to leave for it
 *
 * Return: 0, -ENOSPC, -ENOMEM or -ENODEV.
 */
int colibri_gem_place_vram(struct colibri_bo *bo, bool evict)
{
	struct colibri_device *cdev = to_colibri_device(colibri_bo_gem(bo)->dev);
	unsigned int count = colibri_gem_count_chunks(bo);
	struct colibri_chunk *chunks;
	int ret;

	if (colibri_bo_gem(bo)->size > cdev->vram_size)
		return -ENOSPC;
	chunks = colibri_gem_get_chunks(cdev, count, evict);
	if (IS_ERR(chunks))
		return PTR_ERR(chunks);
	ret = colibri_gem_clear(cdev, chunks, count);
	if (ret) {
		colibri_gem_free_chunks(chunks, count);
		return ret;
	}
	colibri_gem_set_chunks(bo, chunks);
	return 0;
}

/* ---- System memory ------------------------------------------------------- */

static int colibri_gem_map_pages(struct colibri_bo *bo)
{
	struct sg_table *sgt;
	int ret;

	sgt = drm_gem_shmem_get_sg_table(&bo->shmem);
	if (IS_ERR(sgt))
		return PTR_ERR(sgt);
	ret = dma_map_sgtable(colibri_bo_gem(bo)->dev->dev, sgt, DMA_BIDIRECTIONAL, 0);
	if (ret) {
		sg_free_table(sgt);
		kfree(sgt);
		return ret;
	}
	WRITE_ONCE(bo->shmem.sgt, sgt);
	return 0;
}

/* Pages, mapped for the device. */
static int colibri_gem_get_system(struct colibri_bo *bo)
{
	struct colibri_device *cdev = to_colibri_device(colibri_bo_gem(bo)->dev);
	int ret;

	if (bo->shmem.sgt)
		return 0;
	ret = drm_gem_shmem_pin_locked(&bo->shmem);
	if (ret)
		return ret;
	ret = colibri_gem_map_pages(bo);
	if (ret) {
		drm_gem_shmem_unpin_locked(&bo->shmem);
		return ret;
	}
	bo->populated = true;
	if (colibri_bo_movable(bo))
		atomic64_add(colibri_bo_gem(bo)->size, &cdev->system_used);
	return 0;
}

/**
 * colibri_gem_release_system() - give a buffer's system memory back
 * @bo: buffer that the device does not use there (any more); its dma_resv held
 */
void colibri_gem_release_system(struct colibri_bo *bo)
{
	struct drm_gem_object *obj = colibri_bo_gem(bo);
	struct colibri_device *cdev = to_colibri_device(obj->dev);
	struct sg_table *sgt = bo->shmem.sgt;

	dma_resv_assert_held(obj->resv);
	if (!bo->populated)
		return;
	bo->populated = false;
	WRITE_ONCE(bo->shmem.sgt, NULL);
	dma_unmap_sgtable(obj->dev->dev, sgt, DMA_BIDIRECTIONAL, 0);
	sg_free_table(sgt);
	kfree(sgt);
	drm_gem_shmem_unpin_locked(&bo->shmem);
	if (colibri_bo_movable(bo)) {
		shmem_truncate_range(file_inode(obj->filp), 0, (loff_t)-1);
		atomic64_sub(obj->size, &cdev->system_used);
	}
}

/**
 * colibri_gem_populate_locked() - make the memory of a buffer ready for the device
 * @bo: buffer, its dma_resv held
 *
 * Return: 0 or a negative errno.
 */
int colibri_gem_populate_locked(struct colibri_bo *bo)
{
	dma_resv_assert_held(colibri_bo_gem(bo)->resv);
	if (bo->lost)
		return -ENODEV;
	return bo->chunks ? 0 : colibri_gem_get_system(bo);
}

/**
 * colibri_gem_populate() - make the memory of a buffer that is to be bound ready for the device
 * @bo: buffer
 *
 * Context: may sleep and allocate; takes the buffer's dma_resv.
 * Return: 0 or a negative errno.
 */
int colibri_gem_populate(struct colibri_bo *bo)
{
	int ret;

	ret = dma_resv_lock_interruptible(colibri_bo_gem(bo)->resv, NULL);
	if (ret)
		return ret;
	colibri_gem_come_back(bo);
	ret = colibri_gem_populate_locked(bo);
	dma_resv_unlock(colibri_bo_gem(bo)->resv);
	return ret;
}

/* ---- Moves --------------------------------------------------------------- */

/* Copy what has been gathered, the first @count of @extents. */
static int colibri_gem_copy_some(struct colibri_device *cdev, struct hmm_svm_extent *extents,
				 unsigned int *count)
{
	int ret = *count ? colibri_copy_extents(cdev, extents, *count) : 0;

	*count = 0;
	return ret;
}

/* Copy all of a buffer that is in system memory to @chunks, or from there. */
static int colibri_gem_copy(struct colibri_bo *bo, const struct colibri_chunk *chunks,
			    bool to_vram)
{
	struct colibri_device *cdev = to_colibri_device(colibri_bo_gem(bo)->dev);
	struct hmm_svm_extent *extents;
	unsigned int i, n = 0;
	struct scatterlist *sg;
	u64 offset = 0;
	int ret = 0;

	extents = kvmalloc_objs(*extents, HMM_SVM_BLOCK_PAGES);
	if (!extents)
		return -ENOMEM;
	for_each_sgtable_dma_sg(bo->shmem.sgt, sg, i) {
		u64 bus = sg_dma_address(sg), end = bus + sg_dma_len(sg);

		while (bus < end && !ret) {
			u64 in_chunk = offset & (HMM_SVM_BLOCK_SIZE - 1);
			u64 size = min(end - bus, HMM_SVM_BLOCK_SIZE - in_chunk);
			u64 vram = chunks[offset >> HMM_SVM_BLOCK_SHIFT].offset + in_chunk;

			extents[n++] = (struct hmm_svm_extent) {
				.dst = to_vram ? vram : bus,
				.src = to_vram ? bus : vram,
				.size = size,
				.flags = to_vram ? HMM_SVM_EXTENT_DST_DEV : HMM_SVM_EXTENT_SRC_DEV,
			};
			if (n == HMM_SVM_BLOCK_PAGES)
				ret = colibri_gem_copy_some(cdev, extents, &n);
			bus += size;
			offset += size;
		}
	}
	if (!ret)
		ret = colibri_gem_copy_some(cdev, extents, &n);
	kvfree(extents);
	return ret;
}

/* Take the buffer from all who have it mapped. */
static void colibri_gem_begin_move(struct colibri_bo *bo)
{
	struct drm_gem_object *obj = colibri_bo_gem(bo);

	mutex_lock(&bo->place_lock);
	bo->moving = true;
	mutex_unlock(&bo->place_lock);
	colibri_bind_evict(bo);
	drm_vma_node_unmap(&obj->vma_node, obj->dev->anon_inode->i_mapping);
}

static void colibri_gem_end_move(struct colibri_bo *bo)
{
	mutex_lock(&bo->place_lock);
	bo->moving = false;
	mutex_unlock(&bo->place_lock);
}

/* Whether no job uses the buffer; if wanted, waits for that for a while. */
static bool colibri_gem_is_idle(struct colibri_bo *bo, bool may_wait)
{
	struct dma_resv *resv = colibri_bo_gem(bo)->resv;

	if (!may_wait)
		return dma_resv_test_signaled(resv, DMA_RESV_USAGE_BOOKKEEP);
	return dma_resv_wait_timeout(resv, DMA_RESV_USAGE_BOOKKEEP, true,
				     COLIBRI_GEM_IDLE_WAIT) > 0;
}

/**
 * colibri_gem_to_system() - move a buffer out of VRAM
 * @bo: buffer that may be in system memory; its dma_resv held
 * @may_wait: whether to wait for jobs that use it
 *
 * Return: 0, -EBUSY while jobs use it, -ENOMEM, or the copy engine's error; then it is where it
 * was.
 */
int colibri_gem_to_system(struct colibri_bo *bo, bool may_wait)
{
	int ret;

	dma_resv_assert_held(colibri_bo_gem(bo)->resv);
	if (bo->lost)
		return -ENODEV;
	if (!bo->chunks)
		return colibri_gem_get_system(bo);
	if (!colibri_gem_is_idle(bo, may_wait))
		return -EBUSY;
	ret = colibri_gem_get_system(bo);
	if (ret)
		return ret;

	colibri_gem_begin_move(bo);
	ret = colibri_gem_copy(bo, bo->chunks, false);
	if (ret)
		colibri_gem_release_system(bo);
	else
		colibri_gem_release_vram(bo);
	colibri_gem_end_move(bo);
	return ret;
}

/**
 * colibri_gem_to_vram() - move a buffer to VRAM
 * @bo: buffer that may be in VRAM; its dma_resv held
 * @evict: whether other buffers may have to leave for it
 *
 * Return: 0, -EBUSY while other drivers or jobs use it, -ENOSPC, -ENOMEM, or the copy engine's
 * error; then it is where it was.
 */
int colibri_gem_to_vram(struct colibri_bo *bo, bool evict)
{
	struct colibri_device *cdev = to_colibri_device(colibri_bo_gem(bo)->dev);
	unsigned int count = colibri_gem_count_chunks(bo);
	struct colibri_chunk *chunks;
	int ret;

	dma_resv_assert_held(colibri_bo_gem(bo)->resv);
	if (bo->chunks)
		return 0;
	if (bo->lost)
		return -ENODEV;
	if (bo->system_pins || !colibri_gem_is_idle(bo, evict))
		return -EBUSY;
	if (!bo->populated)
		return colibri_gem_place_vram(bo, evict);
	chunks = colibri_gem_get_chunks(cdev, count, evict);
	if (IS_ERR(chunks))
		return PTR_ERR(chunks);

	colibri_gem_begin_move(bo);
	ret = colibri_gem_copy(bo, chunks, true);
	if (ret) {
		colibri_gem_free_chunks(chunks, count);
	} else {
		colibri_gem_release_system(bo);
		colibri_gem_set_chunks(bo, chunks);
	}
	colibri_gem_end_move(bo);
	return ret;
}

/**
 * colibri_gem_come_back() - the device is about to use a buffer
 * @bo: buffer; its dma_resv held
 *
 * Moves one that was evicted back, if there is room and it has been out for long enough.
 */
void colibri_gem_come_back(struct colibri_bo *bo)
{
	if (bo->evicted && bo->populated &&
	    time_after(jiffies, bo->evicted_at + COLIBRI_GEM_STAY_OUT))
		colibri_gem_to_vram(bo, false);
}

/* ---- Eviction ------------------------------------------------------------ */

/* The buffer in VRAM that came first and may leave, its dma_resv taken; or NULL. */
static struct colibri_bo *colibri_gem_take_victim(struct colibri_device *cdev)
{
	struct colibri_bo *bo, *victim = NULL;

	mutex_lock(&cdev->vram_bos.lock);
	list_for_each_entry(bo, &cdev->vram_bos.list, vram_entry) {
		struct drm_gem_object *obj = colibri_bo_gem(bo);

		/* It cannot be freed while it is on the list and this holds the list's lock. */
		if (!colibri_bo_movable(bo) || !dma_resv_trylock(obj->resv))
			continue;
		if (kref_get_unless_zero(&obj->refcount)) {
			victim = bo;
			/* Should it not leave, the next one is to try another. */
			list_move_tail(&bo->vram_entry, &cdev->vram_bos.list);
			break;
		}
		dma_resv_unlock(obj->resv);
	}
	mutex_unlock(&cdev->vram_bos.lock);
	return victim;
}

static unsigned int colibri_gem_count_in_vram(struct colibri_device *cdev)
{
	unsigned int count;

	mutex_lock(&cdev->vram_bos.lock);
	count = list_count_nodes(&cdev->vram_bos.list);
	mutex_unlock(&cdev->vram_bos.lock);
	return count;
}

/**
 * colibri_gem_note_eviction() - a buffer is not in VRAM against its will
 * @bo: buffer
 */
void colibri_gem_note_eviction(struct colibri_bo *bo)
{
	bo->evicted = true;
	bo->evicted_at = jiffies;
}

/**
 * colibri_gem_evict_one() - move some buffer out of VRAM
 * @cdev: device
 * @may_wait: whether to wait for jobs that use it
 *
 * Context: may sleep and allocate; waits for no dma_resv.
 * Return: whether one has moved.
 */
bool colibri_gem_evict_one(struct colibri_device *cdev, bool may_wait)
{
	unsigned int tries = colibri_gem_count_in_vram(cdev);
	bool moved = false;

	while (tries-- && !moved) {
		struct colibri_bo *bo = colibri_gem_take_victim(cdev);

		if (!bo)
			break;
		moved = bo->chunks && !colibri_gem_to_system(bo, may_wait);
		if (moved)
			colibri_gem_note_eviction(bo);
		dma_resv_unlock(colibri_bo_gem(bo)->resv);
		colibri_gem_put(bo);
	}
	return moved;
}

/* Some buffer in VRAM, with a reference; NULL: those that are left are being freed. */
static struct colibri_bo *colibri_gem_take_any(struct colibri_device *cdev)
{
	struct colibri_bo *bo, *found = NULL;

	mutex_lock(&cdev->vram_bos.lock);
	list_for_each_entry(bo, &cdev->vram_bos.list, vram_entry) {
		if (kref_get_unless_zero(&colibri_bo_gem(bo)->refcount)) {
			found = bo;
			break;
		}
	}
	mutex_unlock(&cdev->vram_bos.lock);
	return found;
}

/**
 * colibri_gem_revoke_all() - give all device memory of buffers back
 * @cdev: device that is being removed; nothing uses it any more
 */
void colibri_gem_revoke_all(struct colibri_device *cdev)
{
	struct drm_gem_object *obj;
	struct colibri_bo *bo;

	while (colibri_gem_count_in_vram(cdev)) {
		bo = colibri_gem_take_any(cdev);
		if (!bo) {
			schedule_timeout_uninterruptible(1);
			continue;
		}
		obj = colibri_bo_gem(bo);
		dma_resv_lock(obj->resv, NULL);
		bo->lost = true;
		colibri_gem_begin_move(bo);
		colibri_gem_release_vram(bo);
		colibri_gem_end_move(bo);
		dma_resv_unlock(obj->resv);
		drm_gem_object_put(obj);
	}
}

/* ---- Page tables --------------------------------------------------------- */

static void colibri_gem_map_chunks(struct colibri_bo *bo, struct colibri_pt *pt, u64 va, u64 offset,
				   u64 size, u64 pte_flags)
{
	u64 end = va + size;

	while (va < end) {
		u64 in_chunk = offset & (HMM_SVM_BLOCK_SIZE - 1);
		u64 n = min(end - va, HMM_SVM_BLOCK_SIZE - in_chunk);
		u64 vram = bo->chunks[offset >> HMM_SVM_BLOCK_SHIFT].offset + in_chunk;

		colibri_pt_map(pt, va, vram, n, pte_flags);
		va += n;
		offset += n;
	}
}

/**
 * colibri_gem_map_gpu() - write the page-table entries of a buffer
 * @bo: buffer, populated; its dma_resv or place_lock held
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

	if (bo->chunks) {
		colibri_gem_map_chunks(bo, pt, va, offset, size, pte_flags);
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
