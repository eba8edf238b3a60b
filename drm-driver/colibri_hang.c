// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Engines that hang: one is reset alone, and if that does not help, the device.
 */

/**
 * DOC: Hung engines
 *
 * Who waits for an engine longer than &colibri_device.timeout has it reset, with these
 * consequences for others:
 *
 * ================ ====================================================================
 * hardware queue   its group is banned (DRM_COLIBRI_QUEUE_ERR_HUNG); none for others
 * MMU ring         none: translations are dropped with the reset, so that what was asked
 *                  for is done; answers to faults are given once more, to everybody
 * migration engine none: copies that were not complete are made again, as both sides
 *                  stay as they are until then
 * fault ring       none: what has not been read is reported again
 * ================ ====================================================================
 *
 * Nobody waits for the fault ring; the watch looks whether the device holds records although
 * there is room for them, and has made no progress since it looked last.
 *
 * If the engine does not get on after that the device is reset, VRAM and page tables
 * excepted: queues without unfinished work go on, the others are banned
 * (DRM_COLIBRI_QUEUE_ERR_RESET).  If that does not help the device is lost
 * (colibri_reset.c).
 *
 * An engine is reset by whoever waits, in reclaim, too, with register writes and
 * nothing else.  What allocates is done by work items.
 */

#include <linux/workqueue.h>

#include <drm/colibri_drm.h>

#include "colibri_copy.h"
#include "colibri_device.h"
#include "colibri_fault.h"
#include "colibri_mmu.h"
#include "colibri_runlist.h"
#include "colibri_trace.h"

static void colibri_hang_tell(struct work_struct *work)
{
	struct colibri_device *cdev = container_of(work, struct colibri_device, hang.tell);
	unsigned long asid;
	void *vm;
	int idx;

	if (!drm_dev_enter(&cdev->base, &idx))
		return;
	/* Answers to faults, and faults, may have been lost. */
	xa_for_each(&cdev->vms, asid, vm)
		colibri_mmu_retry(cdev, asid, 0, COLIBRI_MMU_ALL);
	colibri_coredump_device(cdev);
	if (cdev->base.registered)
		colibri_wedged_event(&cdev->base, DRM_WEDGE_RECOVERY_NONE);
	drm_dev_exit(idx);
}

/**
 * colibri_engine_was_reset() - let everybody know of a reset of one engine
 * @cdev: device
 * @what: the engine
 *
 * What waits for the answer to a fault tries again.
 *
 * Context: any but hard irq.
 */
void colibri_engine_was_reset(struct colibri_device *cdev, const char *what)
{
	trace_colibri_reset(0);
	drm_warn(&cdev->base, "%s hung and was reset\n", what);
	WRITE_ONCE(cdev->hang.why, what);
	queue_work(system_dfl_wq, &cdev->hang.tell);
}

static void colibri_hang_recover(struct work_struct *work)
{
	struct colibri_device *cdev = container_of(work, struct colibri_device, hang.recover);
	int idx, ret;

	if (colibri_is_lost(cdev) || !drm_dev_enter(&cdev->base, &idx))
		return;
	drm_warn(&cdev->base, "the device is reset: %s\n", READ_ONCE(cdev->hang.why));
	colibri_runlist_abandon(cdev);
	colibri_irq_disable(cdev);
	ret = colibri_device_restart(cdev);
	colibri_irq_enable(cdev);
	if (ret)
		colibri_device_lost(cdev, "a reset did not help");
	else
		colibri_runlist_resume(cdev, DRM_COLIBRI_QUEUE_ERR_RESET);
	colibri_mmu_wake(cdev);
	colibri_copy_wake(cdev);
	if (!ret)
		queue_work(system_dfl_wq, &cdev->hang.tell);
	drm_dev_exit(idx);
}

/**
 * colibri_device_recover() - have the device reset, and set up as it was
 * @cdev: device, of which an engine hangs
 * @why: for the log
 *
 * Waiters of the MMU and of the migration engine are woken when it is done.
 *
 * Context: any but hard irq; does not wait.
 */
void colibri_device_recover(struct colibri_device *cdev, const char *why)
{
	if (colibri_is_lost(cdev))
		return;
	WRITE_ONCE(cdev->hang.why, why);
	queue_work(cdev->hang.wq, &cdev->hang.recover);
}

/**
 * colibri_hang_check() - look at what nobody waits for
 * @cdev: device
 *
 * Called by the watch.  Context: may sleep.
 */
void colibri_hang_check(struct colibri_device *cdev)
{
	u32 prod = READ_ONCE(cdev->status->fault_prod);
	bool held = colibri_fault_has_room(cdev) &&
		    colibri_read32(cdev, COLIBRI_REG_FAULTS_HELD);

	if (held && cdev->hang.held && prod == cdev->hang.fault_prod) {
		held = false;
		if (colibri_fault_reset(cdev))
			colibri_engine_was_reset(cdev, "the fault ring");
		else
			colibri_device_recover(cdev, "the fault ring hangs");
	}
	cdev->hang.held = held;
	cdev->hang.fault_prod = prod;
}

/**
 * colibri_hang_flush() - wait for a reset that is under way
 * @cdev: device
 */
void colibri_hang_flush(struct colibri_device *cdev)
{
	flush_work(&cdev->hang.recover);
}

static void colibri_hang_fini(void *data)
{
	struct colibri_device *cdev = data;

	destroy_workqueue(cdev->hang.wq);
	cancel_work_sync(&cdev->hang.tell);
}

/**
 * colibri_hang_init() - prepare for engines that hang
 * @cdev: device
 *
 * Return: 0 or -ENOMEM.
 */
int colibri_hang_init(struct colibri_device *cdev)
{
	INIT_WORK(&cdev->hang.tell, colibri_hang_tell);
	INIT_WORK(&cdev->hang.recover, colibri_hang_recover);
	/* Reclaim may wait for what it makes go on. */
	cdev->hang.wq = alloc_ordered_workqueue("colibri-hang", WQ_MEM_RECLAIM);
	if (!cdev->hang.wq)
		return -ENOMEM;
	return devm_add_action_or_reset(cdev->base.dev, colibri_hang_fini, cdev);
}
