// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * What can be looked at in debugfs, one line for each thing.
 */

/**
 * DOC: debugfs
 *
 * ``vms`` lists address spaces with the counters of their mirrors, ``queues``
 * lists queues, ``device`` shows the state of the rings between driver and
 * device.
 */

#include <linux/seq_file.h>

#include <drm/drm_debugfs.h>
#include <drm/drm_file.h>

#include "colibri_device.h"
#include "colibri_mmu.h"
#include "colibri_queue.h"
#include "colibri_vm.h"

static int colibri_debugfs_device(struct seq_file *m, void *unused)
{
	struct drm_debugfs_entry *entry = m->private;
	struct colibri_device *cdev = to_colibri_device(entry->dev);
	u64 posted, completed;

	colibri_mmu_get_indices(cdev, &posted, &completed);
	seq_printf(m, "lost: %u\n", colibri_is_lost(cdev));
	seq_printf(m, "mmu: %llu commands, %llu complete\n", posted, completed);
	seq_printf(m, "faults: %u records, %u handed out\n", READ_ONCE(cdev->status->fault_prod),
		   READ_ONCE(cdev->fault.cons));
	return 0;
}

static int colibri_debugfs_vms(struct seq_file *m, void *unused)
{
	struct drm_debugfs_entry *entry = m->private;
	struct colibri_device *cdev = to_colibri_device(entry->dev);
	struct hmm_svm_stats stats;
	struct colibri_vm *vm;
	unsigned long asid;

	xa_for_each(&cdev->vms, asid, vm) {
		vm = colibri_vm_get_by_asid(cdev, asid);
		if (!vm)
			continue;
		colibri_vm_peek_stats(vm, &stats);
		seq_printf(m, "asid %lu: %s%s, %llu faults (%llu failed), %llu pages to VRAM, %llu back\n",
			   asid, colibri_vm_svm(vm) ? "mirror" : "buffers only",
			   READ_ONCE(vm->dead) ? ", dead" : "", stats.faults, stats.faults_failed,
			   stats.pages_to_dev, stats.pages_to_sys);
		colibri_vm_put(vm);
	}
	return 0;
}

static int colibri_debugfs_queues(struct seq_file *m, void *unused)
{
	struct drm_debugfs_entry *entry = m->private;
	struct colibri_device *cdev = to_colibri_device(entry->dev);
	u32 q;

	spin_lock(&cdev->queues.lock);
	for (q = 0; q < cdev->num_queues; q++) {
		struct colibri_queue *queue = cdev->queues.slot[q];

		if (queue)
			seq_printf(m, "queue %u: asid %u, ring of %u, %llu submitted%s\n", q,
				   queue->vm->asid, queue->ring_packets,
				   READ_ONCE(queue->submitted), queue->banned ? ", banned" : "");
	}
	spin_unlock(&cdev->queues.lock);
	return 0;
}

static const struct drm_debugfs_info colibri_debugfs_files[] = {
	{ "device", colibri_debugfs_device, 0 },
	{ "vms", colibri_debugfs_vms, 0 },
	{ "queues", colibri_debugfs_queues, 0 },
};

/**
 * colibri_debugfs_init() - &drm_driver.debugfs_init
 * @minor: DRM minor
 */
void colibri_debugfs_init(struct drm_minor *minor)
{
	drm_debugfs_add_files(minor->dev, colibri_debugfs_files, ARRAY_SIZE(colibri_debugfs_files));
}
