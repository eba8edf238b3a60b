// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Reset, and what happens when the device does not answer any more.
 */

/**
 * DOC: Device loss
 *
 * Every wait for the device has a timeout.  When one runs out, or the device
 * says something that cannot be, the device is lost, for good:
 * &colibri_device.lost is set and every waiter woken.  From then on waits for
 * the MMU return as if done (a device that is gone uses no old translation),
 * copies fail with EIO, and calls of user space with ENODEV; destroying things
 * works.
 *
 * A lost device is not reset: the memory that it may still write to is in use.
 */

#include <linux/iopoll.h>

#include "colibri_copy.h"
#include "colibri_device.h"
#include "colibri_job.h"
#include "colibri_mmu.h"
#include "colibri_runlist.h"
#include "colibri_trace.h"

#define COLIBRI_RESET_TIMEOUT_US	(5 * USEC_PER_SEC)

/**
 * colibri_device_lost() - the device does not behave
 * @cdev: device
 * @why: for the log
 *
 * Context: any but hard irq; wakes every waiter.
 */
void colibri_device_lost(struct colibri_device *cdev, const char *why)
{
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
	colibri_mmu_wake(cdev);
	colibri_copy_wake(cdev);
	colibri_runlist_lost(cdev);
	colibri_jobs_wake(cdev);
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
