// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * The driver's face: PCI and DRM registration.
 */

/**
 * DOC: Overview
 *
 * colibri.ko drives Colibri, a compute GPU whose MMU can fault and replay.  A
 * process gives the GPU plain pointers; the rest is shown by the files, one for
 * each concept:
 *
 * ====================== =================================================
 * colibri_drv.c          PCI and DRM registration
 * colibri_ioctl.c        table of the ioctls; buffers, address spaces
 * colibri_query.c        what the device is
 * colibri_ioctl_bind.c   VM_BIND
 * colibri_ioctl_queue.c  the same for queues and fences
 * colibri_ioctl_svm.c    the same for shared virtual memory
 * colibri_file.c         ids of an open file
 * colibri_device.c       start and stop of the device
 * colibri_reset.c        reset, loss of the device
 * colibri_hang.c         resets of engines that hang
 * colibri_coredump.c     dumps of what came to grief
 * colibri_pm.c           system sleep
 * colibri_irq.c          interrupts
 * colibri_vm.c           address spaces: life, death, ASIDs
 * colibri_pt.c           page tables
 * colibri_bind.c         buffers in an address space
 * colibri_bind_job.c     when that takes effect
 * colibri_bind_place.c   buffers there that move
 * colibri_svm.c          the process in an address space: hmm_svm's callbacks
 * colibri_mmu.c          commands to the MMU, TLB flushes
 * colibri_fault.c        GPU page faults
 * colibri_copy.c         migration engine
 * colibri_queue.c        queues and submission
 * colibri_group.c        groups of queues
 * colibri_runlist.c      which queues are on the hardware
 * colibri_hwqueue.c      on and off the hardware
 * colibri_doorbell.c     submission by processes themselves
 * colibri_fence.c        user fences
 * colibri_gem.c          buffers
 * colibri_gem_place.c    where they are
 * colibri_exec.c         EXEC: many queues, and fenced VMs
 * colibri_job.c          jobs of fenced VMs
 * colibri_sync.c         syncobjs
 * colibri_mm.c           statistics of a process
 * colibri_fdinfo.c       what a client uses
 * colibri_debugfs.c      what can be looked at
 * colibri_trace.h        tracepoints
 * ====================== =================================================
 */

#include <linux/module.h>
#include <linux/pci.h>

#include <drm/drm_drv.h>
#include <drm/drm_file.h>
#include <drm/drm_gem.h>
#include <drm/drm_ioctl.h>

#include "colibri_device.h"
#include "colibri_doorbell.h"
#include "colibri_fdinfo.h"
#include "colibri_file.h"
#include "colibri_gem.h"
#include "colibri_ioctl.h"
#include "colibri_pm.h"
#include "colibri_vm.h"

static const struct file_operations colibri_fops = {
	.owner = THIS_MODULE,
	.open = drm_open,
	.release = drm_release,
	.unlocked_ioctl = drm_ioctl,
	.compat_ioctl = drm_compat_ioctl,
	.poll = drm_poll,
	.read = drm_read,
	.llseek = noop_llseek,
	.get_unmapped_area = COLIBRI_GEM_AREA,
	.mmap = colibri_mmap,
	.fop_flags = FOP_UNSIGNED_OFFSET,
	.show_fdinfo = drm_show_fdinfo,
};

static const struct drm_driver colibri_driver = {
	.driver_features = DRIVER_RENDER | DRIVER_GEM | DRIVER_SYNCOBJ |
			   DRIVER_SYNCOBJ_TIMELINE | COLIBRI_DRIVER_GPUVA,
	.name = "colibri",
	.desc = "Colibri compute GPU",
	.major = 1,
	.minor = 0,
	.fops = &colibri_fops,
	.ioctls = colibri_ioctls,
	.num_ioctls = COLIBRI_NUM_IOCTLS,
	.open = colibri_file_open,
	.postclose = colibri_file_close,
	.show_fdinfo = colibri_show_fdinfo,
	.gem_create_object = colibri_gem_create_object,
	.gem_prime_import_sg_table = colibri_gem_import_sg_table,
#ifdef CONFIG_DEBUG_FS
	.debugfs_init = colibri_debugfs_init,
#endif
};

static int colibri_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	struct colibri_device *cdev;
	int ret;

	cdev = devm_drm_dev_alloc(&pdev->dev, &colibri_driver, struct colibri_device, base);
	if (IS_ERR(cdev))
		return PTR_ERR(cdev);
	cdev->pdev = pdev;
	pci_set_drvdata(pdev, cdev);

	ret = colibri_device_init(cdev);
	if (ret)
		return ret;
	ret = drm_dev_register(&cdev->base, 0);
	if (ret)
		colibri_device_fini(cdev);
	return ret;
}

static void colibri_remove(struct pci_dev *pdev)
{
	struct colibri_device *cdev = pci_get_drvdata(pdev);

	if (!pci_device_is_present(pdev))
		colibri_device_lost(cdev, "it was pulled");
	drm_dev_unplug(&cdev->base);
	colibri_device_fini(cdev);
}

static const struct pci_device_id colibri_pci_ids[] = {
	{ PCI_DEVICE(COLIBRI_PCI_VENDOR, COLIBRI_PCI_DEVICE) },
	{ }
};
MODULE_DEVICE_TABLE(pci, colibri_pci_ids);

static struct pci_driver colibri_pci_driver = {
	.name = "colibri",
	.id_table = colibri_pci_ids,
	.probe = colibri_probe,
	.remove = colibri_remove,
	.driver.pm = pm_sleep_ptr(&colibri_pm_ops),
};
module_pci_driver(colibri_pci_driver);

MODULE_DESCRIPTION("Colibri compute GPU with shared virtual memory");
MODULE_LICENSE("Dual MIT/GPL");
