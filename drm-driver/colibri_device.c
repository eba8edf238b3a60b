// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * The device: from PCI resources to a GPU that runs, and back.
 */

/**
 * DOC: Device
 *
 * Start
 * -----
 *
 * The registers are mapped and checked, the device is reset, the memory that it
 * shares with the driver is allocated (coherent, for the life of the driver's
 * binding), interrupts are requested, and the rings are given to it.  Last,
 * hmm_svm gets VRAM.
 *
 * Stop
 * ----
 *
 * Calls of user space run inside drm_dev_enter(), apart from waits; so after
 * drm_dev_unplug() none is in progress and none starts.  What holds something
 * of the device (VMs, queues, buffers in VRAM) is then revoked while the device
 * still works, so that hmm_svm can bring data in VRAM home.  A reset makes sure
 * that the device touches no memory that is freed next.
 */

#include <linux/io.h>
#include <linux/log2.h>
#include <linux/sizes.h>

#include "colibri_copy.h"
#include "colibri_device.h"
#include "colibri_fault.h"
#include "colibri_fdinfo.h"
#include "colibri_gem.h"
#include "colibri_job.h"
#include "colibri_mmu.h"
#include "colibri_pm.h"
#include "colibri_runlist.h"
#include "colibri_vm.h"
#include "hmm_svm.h"

static unsigned int timeout_ms = 10000;
module_param(timeout_ms, uint, 0444);
MODULE_PARM_DESC(timeout_ms, "Time that the device has for any answer before it is declared lost");

static int colibri_device_map(struct colibri_device *cdev)
{
	struct pci_dev *pdev = cdev->pdev;
	int ret;

	ret = pcim_enable_device(pdev);
	if (ret)
		return ret;
	if (pci_resource_len(pdev, COLIBRI_BAR_REGS) < COLIBRI_BAR_REGS_SIZE)
		return -ENODEV;
	cdev->regs = pcim_iomap(pdev, COLIBRI_BAR_REGS, COLIBRI_BAR_REGS_SIZE);
	if (!cdev->regs)
		return -ENOMEM;

	ret = dma_set_mask_and_coherent(&pdev->dev, DMA_BIT_MASK(64));
	if (ret)
		return ret;
	pci_set_master(pdev);
	cdev->vram_start = pci_resource_start(pdev, COLIBRI_BAR_VRAM);
	/* Without it x86 maps uncached what asks for write-combining.  Then it is only slower. */
	devm_arch_io_reserve_memtype_wc(&pdev->dev, cdev->vram_start,
					pci_resource_len(pdev, COLIBRI_BAR_VRAM));
	return 0;
}

/**
 * colibri_device_answers() - is there still a device?
 * @cdev: device whose registers are mapped
 *
 * One that was pulled reads as all ones, which are not worth a complaint about
 * what it has: probe asks before it makes one.
 *
 * Return: false if it is none of ours any more, which is in the log then.
 */
bool colibri_device_answers(struct colibri_device *cdev)
{
	if (colibri_read32(cdev, COLIBRI_REG_ID) == COLIBRI_ID_MAGIC)
		return true;
	drm_err(&cdev->base, "not a Colibri\n");
	return false;
}

/* What programs compile their code for, and how much of it runs at a time. */
static int colibri_device_identify_cores(struct colibri_device *cdev)
{
	cdev->num_cus = colibri_read32(cdev, COLIBRI_REG_NUM_CUS);
	cdev->vlen = colibri_read32(cdev, COLIBRI_REG_VLEN);
	cdev->waves_per_queue = colibri_read32(cdev, COLIBRI_REG_WAVES_PER_QUEUE);
	if (!cdev->num_cus || cdev->num_cus > COLIBRI_MAX_CUS || !is_power_of_2(cdev->vlen) ||
	    cdev->vlen < COLIBRI_MIN_VLEN || cdev->vlen > COLIBRI_VLEN || !cdev->waves_per_queue) {
		if (!colibri_device_answers(cdev))
			return -ENODEV;
		drm_err(&cdev->base, "%u compute units, vectors of %u bits, %u waves a queue: out of range\n",
			cdev->num_cus, cdev->vlen, cdev->waves_per_queue);
		return -ENODEV;
	}
	return 0;
}

/* Learn what the device is, and refuse what cannot work. */
static int colibri_device_identify(struct colibri_device *cdev)
{
	u64 vram_size;

	if (!colibri_device_answers(cdev))
		return -ENODEV;
	cdev->version = colibri_read32(cdev, COLIBRI_REG_VERSION);
	if (cdev->version >> 16 != COLIBRI_VERSION >> 16) {
		if (colibri_device_answers(cdev))
			drm_err(&cdev->base, "hardware version %#x is not supported\n",
				cdev->version);
		return -ENODEV;
	}

	cdev->features = colibri_read32(cdev, COLIBRI_REG_FEATURES);
	cdev->num_queues = colibri_read32(cdev, COLIBRI_REG_NUM_QUEUES);
	cdev->num_asids = colibri_read32(cdev, COLIBRI_REG_NUM_ASIDS);
	vram_size = colibri_read64(cdev, COLIBRI_REG_VRAM_SIZE);
	if (cdev->num_queues < 2 || cdev->num_queues > COLIBRI_MAX_QUEUES ||
	    cdev->num_asids < 2 || cdev->num_asids > COLIBRI_MAX_ASIDS ||
	    vram_size > pci_resource_len(cdev->pdev, COLIBRI_BAR_VRAM)) {
		if (colibri_device_answers(cdev))
			drm_err(&cdev->base, "%u queues, %u ASIDs, %llu bytes of VRAM: out of range\n",
				cdev->num_queues, cdev->num_asids, vram_size);
		return -ENODEV;
	}
	cdev->vram_size = round_down(vram_size, HMM_SVM_BLOCK_SIZE);
	return colibri_device_identify_cores(cdev);
}

/* Bring the device to its power-on state, so that it touches no memory of the driver. */
static void colibri_device_silence(void *data)
{
	struct colibri_device *cdev = data;

	if (colibri_reset(cdev) && !colibri_is_lost(cdev))
		drm_err(&cdev->base, "the device does not come out of reset\n");
	/* Whatever it says, the bridges take nothing from it any more. */
	pci_clear_master(cdev->pdev);
}

static int colibri_device_alloc(struct colibri_device *cdev)
{
	struct device *dev = cdev->base.dev;
	int ret;

	cdev->status = dmam_alloc_coherent(dev, SZ_4K, &cdev->status_bus, GFP_KERNEL);
	if (!cdev->status)
		return -ENOMEM;
	ret = colibri_runlist_init(cdev);
	if (!ret)
		ret = colibri_mmu_init(cdev);
	if (!ret)
		ret = colibri_copy_init(cdev);
	if (!ret)
		ret = colibri_fault_init(cdev);
	if (!ret)
		ret = colibri_jobs_init(cdev);
	if (!ret)
		ret = devm_add_action_or_reset(dev, colibri_device_silence, cdev);
	return ret;
}

static void colibri_device_start(struct colibri_device *cdev)
{
	colibri_write64(cdev, COLIBRI_REG_STATUS_PAGE, cdev->status_bus);
	colibri_mmu_start(cdev);
	colibri_fault_start(cdev);
	colibri_copy_start(cdev);
}

/**
 * colibri_device_restart() - make the device run again that has lost its state, or is to lose it
 * @cdev: device on which nothing is that runs
 *
 * The device then knows the address spaces, and no queue.  Commands to the MMU are done with it,
 * copies that were under way are made again.
 *
 * Return: 0 or a negative errno.
 */
int colibri_device_restart(struct colibri_device *cdev)
{
	struct colibri_vm *vm;
	unsigned long asid;
	int ret;

	ret = colibri_reset(cdev);
	if (ret)
		return ret;
	WRITE_ONCE(cdev->fault.cons, 0);
	colibri_mmu_rewind(cdev);
	colibri_device_start(cdev);
	xa_for_each(&cdev->vms, asid, vm) {
		vm = colibri_vm_get_by_asid(cdev, asid);
		if (!vm)
			continue;
		colibri_write64(cdev, COLIBRI_REG_PT_ROOT(asid), colibri_pt_root_entry(&vm->pt));
		colibri_vm_put(vm);
	}
	return 0;
}

/**
 * colibri_device_init() - make the device run
 * @cdev: device, zeroed but for @base and @pdev
 *
 * Return: 0 or a negative errno.
 */
int colibri_device_init(struct colibri_device *cdev)
{
	int ret;

	cdev->timeout = msecs_to_jiffies(timeout_ms);
	xa_init_flags(&cdev->vms, XA_FLAGS_ALLOC1);
	spin_lock_init(&cdev->queues.lock);
	init_waitqueue_head(&cdev->fence_wq);
	colibri_meters_init(cdev);
	mutex_init(&cdev->vram_bos.lock);
	INIT_LIST_HEAD(&cdev->vram_bos.list);
	mutex_init(&cdev->mms.lock);
	INIT_LIST_HEAD(&cdev->mms.list);

	ret = colibri_device_map(cdev);
	if (!ret)
		ret = colibri_reset_init(cdev);
	if (!ret)
		ret = colibri_hang_init(cdev);
	if (!ret)
		ret = colibri_device_identify(cdev);
	if (!ret)
		ret = colibri_reset(cdev);
	if (!ret)
		ret = colibri_device_alloc(cdev);
	if (!ret)
		ret = colibri_irq_init(cdev);
	if (ret)
		return ret;

	colibri_device_start(cdev);
	ret = colibri_svm_device_init(cdev);
	if (ret)
		return ret;

	colibri_pm_init(cdev);
	colibri_watch_start(cdev);
	drm_info(&cdev->base, "%u compute units, %u queues, %llu MiB of VRAM\n", cdev->num_cus,
		 cdev->num_queues - 1, cdev->vram_size >> 20);
	return 0;
}

/**
 * colibri_device_fini() - take the device from everybody
 * @cdev: device, which is not registered (any more)
 */
void colibri_device_fini(struct colibri_device *cdev)
{
	struct hmm_svm_device *svm;

	colibri_pm_fini(cdev);
	colibri_watch_stop(cdev);
	colibri_jobs_wake(cdev);
	colibri_vm_revoke_all(cdev);
	colibri_gem_revoke_all(cdev);
	colibri_meters_fini(cdev);
	/* Whoever finds the device lost from now on has nobody to tell. */
	svm = cdev->svm;
	WRITE_ONCE(cdev->svm, NULL);
	hmm_svm_device_destroy(svm);
}
