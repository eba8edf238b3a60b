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
 *
 * Many may wait for the same engine, and there is one reset for each hang.  Who resets an
 * engine looks, under the lock of that engine, whether it has got on or has been started anew
 * since he began to wait.  Who wants a reset of the device says how many there had been
 * (&colibri_device.hang.resets) before he looked whether one is necessary; another one
 * under way, or one since then, was for the same reason.  While the device is reset nobody
 * resets an engine of it.
 */

#include <linux/workqueue.h>

#include <drm/colibri_drm.h>

#include "colibri_copy.h"
#include "colibri_device.h"
#include "colibri_fault.h"
#include "colibri_lockdep.h"
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
	if (xchg(&cdev->hang.dump, false))
		colibri_coredump_device(cdev);
	if (cdev->base.registered)
		colibri_wedged_event(&cdev->base, DRM_WEDGE_RECOVERY_NONE);
	drm_dev_exit(idx);
}

/**
 * colibri_engine_was_reset() - let everybody know of a reset of one engine
 * @cdev: device
 * @what: the engine
 * @dump: whether to dump the state of the device; else a queue is banned for it, which is dumped
 *
 * What waits for the answer to a fault tries again.
 *
 * Context: any but hard irq.
 */
void colibri_engine_was_reset(struct colibri_device *cdev, const char *what, bool dump)
{
	trace_colibri_reset(0);
	drm_warn(&cdev->base, "%s hung and was reset\n", what);
	WRITE_ONCE(cdev->hang.why, what);
	if (dump)
		WRITE_ONCE(cdev->hang.dump, true);
	queue_work(system_dfl_wq, &cdev->hang.tell);
}

static void colibri_hang_reset_over(struct colibri_device *cdev)
{
	spin_lock(&cdev->hang.lock);
	WRITE_ONCE(cdev->hang.resetting, false);
	WRITE_ONCE(cdev->hang.resets, cdev->hang.resets + 1);
	spin_unlock(&cdev->hang.lock);
}

static void colibri_hang_recover(struct work_struct *work)
{
	struct colibri_device *cdev = container_of(work, struct colibri_device, hang.recover);
	int idx, ret;

	if (colibri_is_lost(cdev) || !drm_dev_enter(&cdev->base, &idx)) {
		colibri_hang_reset_over(cdev);
		return;
	}
	drm_warn(&cdev->base, "the device is reset: %s\n", READ_ONCE(cdev->hang.why));
	colibri_runlist_abandon(cdev);
	colibri_irq_disable(cdev);
	ret = colibri_device_restart(cdev);
	colibri_irq_enable(cdev);
	/* Before queues are on the hardware again: one that hangs then is another matter. */
	colibri_hang_reset_over(cdev);
	if (ret)
		colibri_device_lost(cdev, "a reset did not help");
	else
		colibri_runlist_resume(cdev, DRM_COLIBRI_QUEUE_ERR_RESET);
	colibri_mmu_wake(cdev);
	colibri_copy_wake(cdev);
	if (!ret) {
		WRITE_ONCE(cdev->hang.dump, true);
		queue_work(system_dfl_wq, &cdev->hang.tell);
	}
	drm_dev_exit(idx);
}

/**
 * colibri_device_resets() - how often the device was reset
 * @cdev: device
 *
 * Return: a number for colibri_device_recover().
 */
u32 colibri_device_resets(struct colibri_device *cdev)
{
	/* Pairs with the locks of engines: what is looked at next is not older. */
	return smp_load_acquire(&cdev->hang.resets);
}

/**
 * colibri_device_resetting() - whether the device is going to be reset, or just now
 * @cdev: device
 *
 * Return: true if it is.
 */
bool colibri_device_resetting(struct colibri_device *cdev)
{
	return READ_ONCE(cdev->hang.resetting);
}

/**
 * colibri_device_recover() - have the device reset, and set up as it was
 * @cdev: device, of which an engine hangs
 * @resets: colibri_device_resets() before the caller found that it does
 * @why: for the log
 *
 * Nothing happens when another reset is under way, or has been since.
 * Waiters of the MMU and of the migration engine are woken when it is done.
 *
 * Context: any but hard irq; does not wait.
 */
void colibri_device_recover(struct colibri_device *cdev, u32 resets, const char *why)
{
	if (colibri_is_lost(cdev))
		return;
	spin_lock(&cdev->hang.lock);
	if (!cdev->hang.resetting && cdev->hang.resets == resets) {
		WRITE_ONCE(cdev->hang.resetting, true);
		WRITE_ONCE(cdev->hang.why, why);
		queue_work(cdev->hang.wq, &cdev->hang.recover);
	}
	spin_unlock(&cdev->hang.lock);
}

/**
 * colibri_hang_check() - look at what nobody waits for
 * @cdev: device
 *
 * Called by the watch.  Context: may sleep.
 */
void colibri_hang_check(struct colibri_device *cdev)
{
	u32 prod = READ_ONCE(cdev->status->fault_prod), resets = colibri_device_resets(cdev);
	bool held = !colibri_device_resetting(cdev) && colibri_fault_has_room(cdev) &&
		    colibri_read32(cdev, COLIBRI_REG_FAULTS_HELD);

	if (held && cdev->hang.held && prod == cdev->hang.fault_prod &&
	    resets == cdev->hang.seen) {
		held = false;
		if (colibri_fault_reset(cdev))
			colibri_engine_was_reset(cdev, "the fault ring", true);
		else
			colibri_device_recover(cdev, resets, "the fault ring hangs");
	}
	cdev->hang.held = held;
	cdev->hang.fault_prod = prod;
	cdev->hang.seen = resets;
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
	spin_lock_init(&cdev->hang.lock);
	colibri_lockdep_in_reclaim(&cdev->hang.lock);
	INIT_WORK(&cdev->hang.tell, colibri_hang_tell);
	INIT_WORK(&cdev->hang.recover, colibri_hang_recover);
	/* Reclaim may wait for what it makes go on. */
	cdev->hang.wq = alloc_ordered_workqueue("colibri-hang", WQ_MEM_RECLAIM);
	if (!cdev->hang.wq)
		return -ENOMEM;
	return devm_add_action_or_reset(cdev->base.dev, colibri_hang_fini, cdev);
}
