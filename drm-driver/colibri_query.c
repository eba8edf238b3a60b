// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * DRM_IOCTL_COLIBRI_QUERY: what the device is.
 */

#include <linux/mm.h>
#include <linux/time_namespace.h>
#include <linux/timekeeping.h>

#include <drm/drm_file.h>
#include <drm/drm_ioctl.h>

#include <drm/colibri_drm.h>

#include "colibri_device.h"
#include "colibri_gem.h"
#include "colibri_ioctl.h"
#include "colibri_job.h"
#include "colibri_runlist.h"
#include "colibri_sync.h"
#include "hmm_svm.h"

/* Copy an answer, or say how large it is. */
static int colibri_query_answer(struct drm_colibri_query *args, const void *answer, u32 size)
{
	if (!args->size) {
		args->size = size;
		return 0;
	}
	args->size = min(args->size, size);
	return copy_to_user(u64_to_user_ptr(args->data), answer, args->size) ? -EFAULT : 0;
}

static int colibri_query_device(struct colibri_device *cdev, struct drm_colibri_query *args)
{
	struct drm_colibri_query_device info = {
		.vram_size = cdev->vram_size,
		.va_user_end = COLIBRI_VA_DRIVER_ZONE,
		.va_zone_start = COLIBRI_VA_DRIVER_ZONE,
		.va_zone_end = COLIBRI_VA_QUEUE_SLOTS,
		.num_cus = cdev->num_cus,
		.num_queues = cdev->num_queues - 1,
		.wave_lanes = COLIBRI_WAVE_LANES,
		.max_wg_items = COLIBRI_MAX_WG_ITEMS,
		.max_lds = COLIBRI_MAX_LDS,
		.max_private = COLIBRI_MAX_PRIVATE,
		.hw_features = cdev->features,
		.hw_version = cdev->version,
		.svm_flags = DRM_COLIBRI_SVM_MIRROR |
			     (cdev->vram_size && IS_ENABLED(CONFIG_DEVICE_PRIVATE) ?
			      DRM_COLIBRI_SVM_MIGRATE : 0),
	};

	return colibri_query_answer(args, &info, sizeof(info));
}

static int colibri_query_limits(struct colibri_device *cdev, struct drm_colibri_query *args)
{
	struct drm_colibri_query_limits limits = {
		.max_vms = cdev->num_asids - 1,
		.max_queues = colibri_runlist_max_queues(cdev),
		.max_queues_per_group = colibri_runlist_max_group(cdev),
		.min_ring_packets = COLIBRI_MIN_RING_PACKETS,
		.max_ring_packets = COLIBRI_MAX_RING_PACKETS,
		.max_priority = COLIBRI_MAX_PRIORITY,
		.max_exec_items = COLIBRI_MAX_EXEC_ITEMS,
		.max_syncs = COLIBRI_MAX_SYNCS,
		.job_timeout_ms = colibri_job_timeout(),
		.waves_per_queue = cdev->waves_per_queue,
		.timeslice_us = COLIBRI_TIMESLICE_MS * USEC_PER_MSEC,
		.vram_granule = HMM_SVM_BLOCK_SIZE,
	};

	return colibri_query_answer(args, &limits, sizeof(limits));
}

static int colibri_query_mem_regions(struct colibri_device *cdev, struct drm_colibri_query *args)
{
	u64 ram = PFN_PHYS((u64)totalram_pages());
	struct drm_colibri_mem_region regions[] = {
		{
			.placement = DRM_COLIBRI_GEM_SYSTEM,
			.size = ram,
			.used = atomic64_read(&cdev->system_used),
			.cpu_visible = ram,
			.min_page = PAGE_SIZE,
		}, {
			.placement = DRM_COLIBRI_GEM_VRAM,
			.size = cdev->vram_size,
			.used = hmm_svm_device_used(cdev->svm),
			.cpu_visible = cdev->vram_size,
			.min_page = PAGE_SIZE,
		},
	};

	return colibri_query_answer(args, regions,
				    cdev->vram_size ? sizeof(regions) : sizeof(regions[0]));
}

static int colibri_query_topology(struct colibri_device *cdev, struct drm_colibri_query *args)
{
	struct pci_dev *pdev = cdev->pdev;
	struct drm_colibri_query_topology topology = {
		.pci_domain = pci_domain_nr(pdev->bus),
		.pci_bus = pdev->bus->number,
		.pci_device = PCI_SLOT(pdev->devfn),
		.pci_function = PCI_FUNC(pdev->devfn),
		.numa_node = dev_to_node(&pdev->dev),
		.num_cus = cdev->num_cus,
		.wave_lanes = COLIBRI_WAVE_LANES,
		.vlen = cdev->vlen,
		.num_copy_engines = cdev->num_queues - 1,
	};

	return colibri_query_answer(args, &topology, sizeof(topology));
}

static u64 colibri_query_clock(u32 clock)
{
	switch (clock) {
	case CLOCK_MONOTONIC:
		return ktime_get_ns();
	case CLOCK_MONOTONIC_RAW:
		return ktime_get_raw_ns();
	default:
		return ktime_get_boottime_ns();
	}
}

/* The CPU's clock as the process sees it: a time namespace may have it moved. */
static u64 colibri_query_user_clock(u32 clock, u64 ns)
{
	struct timespec64 ts = ns_to_timespec64(ns);

	if (clock == CLOCK_BOOTTIME)
		timens_add_boottime(&ts);
	else
		timens_add_monotonic(&ts);
	return timespec64_to_ns(&ts);
}

static int colibri_query_timestamp(struct colibri_device *cdev, struct drm_colibri_query *args)
{
	struct drm_colibri_query_timestamp ts;
	u64 before, after;

	if (!args->size) {
		args->size = sizeof(ts);
		return 0;
	}
	if (args->size < sizeof(ts))
		return -EINVAL;
	if (copy_from_user(&ts, u64_to_user_ptr(args->data), sizeof(ts)))
		return -EFAULT;
	if (ts.pad || (ts.clock != CLOCK_MONOTONIC && ts.clock != CLOCK_MONOTONIC_RAW &&
		       ts.clock != CLOCK_BOOTTIME))
		return -EINVAL;

	/* Preempted in between, the answer would be right, but of no use. */
	preempt_disable();
	before = colibri_query_clock(ts.clock);
	ts.device_ns = colibri_read64(cdev, COLIBRI_REG_TIMESTAMP);
	after = colibri_query_clock(ts.clock);
	preempt_enable();

	ts.cpu_ns = colibri_query_user_clock(ts.clock, before + (after - before) / 2);
	ts.cpu_delta_ns = DIV_ROUND_UP_ULL(after - before, 2);
	return colibri_query_answer(args, &ts, sizeof(ts));
}

/* DRM_IOCTL_COLIBRI_QUERY: what the device is. */
int colibri_ioctl_query(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct colibri_device *cdev = to_colibri_device(drm);
	struct drm_colibri_query *args = data;

	switch (args->query) {
	case DRM_COLIBRI_QUERY_DEVICE:
		return colibri_query_device(cdev, args);
	case DRM_COLIBRI_QUERY_LIMITS:
		return colibri_query_limits(cdev, args);
	case DRM_COLIBRI_QUERY_MEM_REGIONS:
		return colibri_query_mem_regions(cdev, args);
	case DRM_COLIBRI_QUERY_TOPOLOGY:
		return colibri_query_topology(cdev, args);
	case DRM_COLIBRI_QUERY_TIMESTAMP:
		return colibri_query_timestamp(cdev, args);
	default:
		return -EINVAL;
	}
}
