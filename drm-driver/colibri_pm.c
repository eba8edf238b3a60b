// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * System sleep: suspend, hibernation, and what is saved before them.
 */

/**
 * DOC: System sleep
 *
 * Suspend
 * -------
 *
 * By the time that the driver is asked all tasks are frozen, so no ioctl is in
 * progress.  Queues are suspended, which stops their kernels between two
 * instructions.  Then what is in VRAM moves to system memory, in case that the
 * device loses its power: migrated pages by eviction, chunks of buffers into
 * pages that are kept until resume.  Last, the MMU ring and the migration engine
 * run empty, and interrupts are off.
 *
 * While these are frozen an MMU notifier, say of reclaim, finds that nothing
 * needs a flush, and who wants a copy, say a worker in the middle of a fault, waits
 * for the resume.
 *
 * The bulk of the pages moves earlier, by a PM notifier, while tasks still
 * run and memory can be swapped out.
 *
 * Resume
 * ------
 *
 * If the register STATUS_PAGE has kept its value so has everything else (s2idle,
 * an aborted suspend, the thaw of a hibernation): translations are dropped, what
 * waits for faults tries again, and kernels go on.
 *
 * Else the device starts anew with the page tables that there are, and VRAM is
 * restored.  Queues without unfinished work go on.  The work of the others is gone:
 * a kernel cannot be run again, as nobody knows what it has done to memory.  They
 * are banned with DRM_COLIBRI_QUEUE_ERR_POWER.
 *
 * If something cannot be saved the suspend fails, and the device works on.
 */

#include <linux/pm.h>
#include <linux/scatterlist.h>
#include <linux/slab.h>
#include <linux/suspend.h>

#include <drm/colibri_drm.h>

#include "colibri_copy.h"
#include "colibri_device.h"
#include "colibri_fault.h"
#include "colibri_job.h"
#include "colibri_mmu.h"
#include "colibri_pm.h"
#include "colibri_runlist.h"
#include "colibri_vm.h"
#include "hmm_svm.h"

/**
 * struct colibri_saved - the contents of a chunk of VRAM
 */
struct colibri_saved {
	/** @entry: in &colibri_device.saved */
	struct list_head entry;
	/** @offset: in VRAM */
	u64 offset;
	/** @sgt: where it is */
	struct sg_table sgt;
};

/* ---- VRAM -----------------------------------------------------------------*/

static void colibri_saved_free(struct colibri_device *cdev, struct colibri_saved *saved)
{
	if (saved->sgt.nents)
		dma_unmap_sgtable(cdev->base.dev, &saved->sgt, DMA_BIDIRECTIONAL, 0);
	sgl_free_n_order(saved->sgt.sgl, saved->sgt.orig_nents, 0);
	kfree(saved);
}

static struct colibri_saved *colibri_saved_alloc(struct colibri_device *cdev, u64 offset)
{
	struct colibri_saved *saved = kzalloc_obj(*saved);

	if (!saved)
		return NULL;
	saved->offset = offset;
	saved->sgt.sgl = sgl_alloc(HMM_SVM_BLOCK_SIZE, GFP_KERNEL | __GFP_NOWARN,
				   &saved->sgt.orig_nents);
	if (!saved->sgt.sgl) {
		kfree(saved);
		return NULL;
	}
	if (dma_map_sgtable(cdev->base.dev, &saved->sgt, DMA_BIDIRECTIONAL, 0)) {
		saved->sgt.nents = 0;
		colibri_saved_free(cdev, saved);
		return NULL;
	}
	return saved;
}

/* Copy between the chunk and its pages. */
static int colibri_saved_copy(struct colibri_device *cdev, struct colibri_saved *saved, bool save)
{
	struct hmm_svm_extent *extents;
	u64 offset = saved->offset;
	struct scatterlist *sg;
	unsigned int i;
	int ret;

	extents = kvzalloc_objs(*extents, saved->sgt.nents);
	if (!extents)
		return -ENOMEM;
	for_each_sgtable_dma_sg(&saved->sgt, sg, i) {
		extents[i].dst = save ? sg_dma_address(sg) : offset;
		extents[i].src = save ? offset : sg_dma_address(sg);
		extents[i].size = sg_dma_len(sg);
		extents[i].flags = save ? HMM_SVM_EXTENT_SRC_DEV : HMM_SVM_EXTENT_DST_DEV;
		offset += sg_dma_len(sg);
	}
	ret = colibri_copy_extents(cdev, extents, saved->sgt.nents);
	kvfree(extents);
	return ret;
}

static void colibri_vram_drop(struct colibri_device *cdev)
{
	struct colibri_saved *saved, *next;

	list_for_each_entry_safe(saved, next, &cdev->saved, entry) {
		list_del(&saved->entry);
		colibri_saved_free(cdev, saved);
	}
}

static int colibri_vram_save(struct colibri_device *cdev)
{
	struct colibri_saved *saved;
	u64 offset;
	int ret;

	ret = hmm_svm_device_evict(cdev->svm);
	for (offset = 0; offset < cdev->vram_size && !ret; offset += HMM_SVM_BLOCK_SIZE) {
		if (!hmm_svm_chunk_is_allocated(cdev->svm, offset))
			continue;
		saved = colibri_saved_alloc(cdev, offset);
		if (!saved)
			return -ENOMEM;
		list_add(&saved->entry, &cdev->saved);
		ret = colibri_saved_copy(cdev, saved, true);
	}
	return ret;
}

static int colibri_vram_restore(struct colibri_device *cdev)
{
	struct colibri_saved *saved;
	int ret = 0;

	list_for_each_entry(saved, &cdev->saved, entry)
		ret = ret ?: colibri_saved_copy(cdev, saved, false);
	return ret;
}

/* ---- Suspend --------------------------------------------------------------*/

/* Everything as it was: nothing was lost. */
static void colibri_pm_continue(struct colibri_device *cdev)
{
	unsigned long asid;
	void *vm;

	colibri_mmu_unfreeze(cdev);
	colibri_copy_unfreeze(cdev);
	xa_for_each(&cdev->vms, asid, vm) {
		colibri_mmu_invalidate(cdev, asid, 0, COLIBRI_MMU_ALL);
		colibri_mmu_retry(cdev, asid, 0, COLIBRI_MMU_ALL);
	}
	colibri_runlist_resume(cdev, 0);
}

static int colibri_pm_suspend(struct device *dev)
{
	struct colibri_device *cdev = dev_get_drvdata(dev);
	int ret;

	if (colibri_is_lost(cdev))
		return 0;
	colibri_watch_stop(cdev);
	colibri_hang_flush(cdev);
	colibri_runlist_suspend(cdev);
	ret = colibri_vram_save(cdev);
	if (ret) {
		drm_err(&cdev->base, "VRAM cannot be saved: %d\n", ret);
		colibri_vram_drop(cdev);
		colibri_runlist_resume(cdev, 0);
		colibri_watch_start(cdev);
		return ret;
	}
	colibri_mmu_freeze(cdev);
	colibri_copy_freeze(cdev);
	colibri_irq_disable(cdev);
	return 0;
}

/* ---- Resume ---------------------------------------------------------------*/

static bool colibri_pm_has_state(struct colibri_device *cdev)
{
	return colibri_read64(cdev, COLIBRI_REG_STATUS_PAGE) == cdev->status_bus;
}

/* The device has forgotten everything: tell it all anew. */
static int colibri_pm_restart(struct colibri_device *cdev)
{
	int ret;

	ret = colibri_device_restart(cdev);
	if (ret)
		return ret;
	colibri_irq_enable(cdev);
	colibri_mmu_unfreeze(cdev);
	colibri_copy_unfreeze(cdev);
	ret = colibri_vram_restore(cdev);
	if (ret)
		return ret;
	colibri_runlist_resume(cdev, DRM_COLIBRI_QUEUE_ERR_POWER);
	return 0;
}

static int colibri_pm_resume(struct device *dev)
{
	struct colibri_device *cdev = dev_get_drvdata(dev);
	int ret = 0;

	if (colibri_is_lost(cdev))
		return 0;
	pci_set_master(cdev->pdev);
	if (colibri_pm_has_state(cdev)) {
		colibri_irq_enable(cdev);
		colibri_pm_continue(cdev);
	} else {
		ret = colibri_pm_restart(cdev);
	}
	if (ret)
		colibri_device_lost(cdev, "it does not come back from sleep");
	else
		colibri_watch_start(cdev);
	colibri_vram_drop(cdev);
	/* What came while interrupts were off. */
	colibri_runlist_handle_errors(cdev);
	colibri_fault_kick(cdev);
	colibri_jobs_wake(cdev);
	return ret;
}

/* Before tasks are frozen. What stays, or comes again, is for colibri_pm_suspend(). */
static int colibri_pm_notify(struct notifier_block *nb, unsigned long action, void *data)
{
	struct colibri_device *cdev = container_of(nb, struct colibri_device, pm_nb);

	if ((action == PM_SUSPEND_PREPARE || action == PM_HIBERNATION_PREPARE) &&
	    !colibri_is_lost(cdev))
		hmm_svm_device_evict(cdev->svm);
	return NOTIFY_DONE;
}

/**
 * colibri_pm_init() - be told of system sleep
 * @cdev: device that works
 */
void colibri_pm_init(struct colibri_device *cdev)
{
	INIT_LIST_HEAD(&cdev->saved);
	cdev->pm_nb.notifier_call = colibri_pm_notify;
	register_pm_notifier(&cdev->pm_nb);
}

/**
 * colibri_pm_fini() - undo colibri_pm_init()
 * @cdev: device
 */
void colibri_pm_fini(struct colibri_device *cdev)
{
	unregister_pm_notifier(&cdev->pm_nb);
}

DEFINE_SIMPLE_DEV_PM_OPS(colibri_pm_ops, colibri_pm_suspend, colibri_pm_resume);
