// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Reset, and what happens when the device does not answer any more.
 */

/**
 * DOC: Device loss
 *
 * Every wait for the device has a timeout.  When one runs out and no reset helps
 * (colibri_hang.c), or the device says something that cannot be, the device is
 * lost, for good:
 * &colibri_device.lost is set and every waiter woken.  From then on waits for
 * the MMU return as if done (a device that is gone uses no old translation),
 * copies fail with EIO, and calls of user space with ENODEV; destroying things
 * works.
 *
 * Whoever waits for the work of a process waits as long as that likes, so the
 * driver also looks by itself, once a second, whether the device still answers.
 *
 * A lost device is not reset: the memory that it may still write to is in use.
 * User space is told by a wedged event, and finds a dump of the state in
 * /sys/class/devcoredump.
 */

#include <linux/iopoll.h>
#include <linux/workqueue.h>

#include "colibri_copy.h"
#include "colibri_device.h"
#include "colibri_gem.h"
#include "colibri_job.h"
#include "colibri_mmu.h"
#include "colibri_runlist.h"
#include "colibri_trace.h"
#include "hmm_svm.h"

#define COLIBRI_RESET_TIMEOUT_US	(5 * USEC_PER_SEC)
#define COLIBRI_WATCH_PERIOD		HZ

/**
 * colibri_device_lost() - the device does not behave
 * @cdev: device
 * @why: for the log
 *
 * Context: any but hard irq; wakes every waiter.
 */
void colibri_device_lost(struct colibri_device *cdev, const char *why)
{
	struct hmm_svm_device *svm = READ_ONCE(cdev->svm);

	if (atomic_read(&cdev->lost))
		return;
	/*
	 * First: who finds the device lost takes it that memory is out of its
	 * reach.  One that is only slow would still write to it.
	 */
	pci_clear_master(cdev->pdev);
	if (atomic_xchg(&cdev->lost, 1))
		return;

	trace_colibri_lost(why);
	drm_err(&cdev->base, "device lost: %s\n", why);
	WRITE_ONCE(cdev->lost_why, why);
	if (svm)
		hmm_svm_device_lost(svm);
	colibri_mmu_wake(cdev);
	colibri_copy_wake(cdev);
	colibri_runlist_lost(cdev);
	colibri_jobs_wake(cdev);
	queue_work(system_dfl_wq, &cdev->lost_work);
}

/* What needs a context that may sleep. */
static void colibri_lost_work(struct work_struct *work)
{
	struct colibri_device *cdev = container_of(work, struct colibri_device, lost_work);
	int idx;

	if (!drm_dev_enter(&cdev->base, &idx))
		return;
	colibri_gem_unmap_lost(cdev);
	colibri_coredump_device(cdev);
	/* Before it is registered nobody knows it, and probe() says what is wrong. */
	if (cdev->base.registered)
		colibri_wedged_event(&cdev->base, DRM_WEDGE_RECOVERY_REBIND |
						  DRM_WEDGE_RECOVERY_BUS_RESET);
	drm_dev_exit(idx);
}

static void colibri_watch_work(struct work_struct *work)
{
	struct colibri_device *cdev = container_of(to_delayed_work(work), struct colibri_device,
						   watch);

	if (colibri_is_lost(cdev))
		return;
	if (colibri_read32(cdev, COLIBRI_REG_ID) != COLIBRI_ID_MAGIC) {
		colibri_device_lost(cdev, "it does not answer");
		return;
	}
	colibri_hang_check(cdev);
	queue_delayed_work(system_freezable_wq, &cdev->watch, COLIBRI_WATCH_PERIOD);
}

/**
 * colibri_watch_start() - begin to look whether the device is still there
 * @cdev: device that works
 */
void colibri_watch_start(struct colibri_device *cdev)
{
	queue_delayed_work(system_freezable_wq, &cdev->watch, COLIBRI_WATCH_PERIOD);
}

/**
 * colibri_watch_stop() - end that
 * @cdev: device
 */
void colibri_watch_stop(struct colibri_device *cdev)
{
	cancel_delayed_work_sync(&cdev->watch);
}

static void colibri_reset_cancel(void *data)
{
	struct colibri_device *cdev = data;

	colibri_watch_stop(cdev);
	cancel_work_sync(&cdev->lost_work);
	colibri_coredump_fini(cdev);
}

/**
 * colibri_reset_init() - prepare for the loss of the device
 * @cdev: device with its registers mapped
 *
 * Return: 0 or -ENOMEM.
 */
int colibri_reset_init(struct colibri_device *cdev)
{
	INIT_WORK(&cdev->lost_work, colibri_lost_work);
	INIT_DELAYED_WORK(&cdev->watch, colibri_watch_work);
	colibri_coredump_init(cdev);
	return devm_add_action_or_reset(cdev->base.dev, colibri_reset_cancel, cdev);
}

/**
 * colibri_reset() - bring everything but VRAM to the power-on state
 * @cdev: device
 *
 * Afterwards the device makes no access to system memory.
 *
 * Context: may sleep.
 * Return: 0, -ETIMEDOUT, or -ENODEV at once when the device is lost.
 */
int colibri_reset(struct colibri_device *cdev)
{
	u32 status;
	int ret;

	colibri_write32(cdev, COLIBRI_REG_RESET, 1);
	if (colibri_is_lost(cdev))
		return -ENODEV;
	ret = readl_poll_timeout(cdev->regs + COLIBRI_REG_STATUS, status,
				 status != ~0u && (status & COLIBRI_STATUS_READY),
				 USEC_PER_MSEC, COLIBRI_RESET_TIMEOUT_US);
	trace_colibri_reset(ret);
	return ret;
}
