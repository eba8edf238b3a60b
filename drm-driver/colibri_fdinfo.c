// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * What a client uses: memory by region and engine time, for fdinfo.
 */

/**
 * DOC: Client usage
 *
 * Engine time
 * -----------
 *
 * The device counts, for each hardware queue, the time that engines spend on it,
 * in registers that never go back but by a reset (QUEUE_BUSY in hardware.rst).  A
 * *meter* belongs to whoever has the hardware queue: it starts when the queue is
 * given to work of a client and stops when that is taken off, and adds the
 * difference to the client's *usage*.  A meter never believes in more time than
 * all compute units together could have spent since its last reading, nor in
 * less than none: the counter is the device's word, and a reset makes it 0.
 *
 * The usage belongs to the open file and lives as long as a VM of it does, so the
 * time of queues that are gone is not lost, and a queue that ends while the file is
 * being closed still has somewhere to add it to.
 *
 * Memory
 * ------
 *
 * Three regions: "system" and "vram" are buffers by where they are; "svm" is the
 * process's own memory that is in VRAM just now, for the mirrors of the file's
 * VMs.  It is all private and all resident: total is what is there.
 *
 * Tracing
 * -------
 *
 * While the tracepoint colibri_queue_busy is on, a work item reads all meters
 * every few milliseconds as long as there are any, and emits what they gained.  That
 * shows also what processes submit without a call.
 *
 * Locking
 * -------
 *
 * &colibri_device.meters.lock protects the list of meters, the meters and all
 * usages.  Under it only registers are read.  It is taken with
 * &colibri_vm.queue_lock held, so no memory is allocated under it, either.
 */

#include <linux/slab.h>

#include <drm/drm_file.h>
#include <drm/drm_gem.h>
#include <drm/drm_print.h>

#include <drm/colibri_drm.h>

#include "colibri_device.h"
#include "colibri_fdinfo.h"
#include "colibri_file.h"
#include "colibri_gem.h"
#include "colibri_trace.h"
#include "colibri_vm.h"

#define COLIBRI_SAMPLE_PERIOD	msecs_to_jiffies(4)

/* How much later the device may count than the CPU reads, without being cut. */
#define COLIBRI_METER_SLACK	NSEC_PER_MSEC

/* ---- Usage ----------------------------------------------------------------*/

/**
 * colibri_usage_create() - usage of a new client
 *
 * Return: it, with one reference, or NULL.
 */
struct colibri_usage *colibri_usage_create(void)
{
	struct colibri_usage *usage = kzalloc_obj(*usage);

	if (usage)
		kref_init(&usage->refcount);
	return usage;
}

/**
 * colibri_usage_get() - take a reference
 * @usage: usage
 *
 * Return: @usage.
 */
struct colibri_usage *colibri_usage_get(struct colibri_usage *usage)
{
	kref_get(&usage->refcount);
	return usage;
}

static void colibri_usage_free(struct kref *kref)
{
	kfree(container_of(kref, struct colibri_usage, refcount));
}

/**
 * colibri_usage_put() - drop a reference
 * @usage: usage, or NULL
 */
void colibri_usage_put(struct colibri_usage *usage)
{
	if (usage)
		kref_put(&usage->refcount, colibri_usage_free);
}

/* ---- Meters ---------------------------------------------------------------*/

static u64 colibri_meter_read(struct colibri_meter *meter, unsigned int kind)
{
	return colibri_read64(meter->cdev, COLIBRI_REG_QUEUE_BUSY(meter->hwid, kind));
}

/* Add what the device counted since the last time. */
static void colibri_meter_update(struct colibri_meter *meter)
{
	struct colibri_device *cdev = meter->cdev;
	u64 now = ktime_get_ns();
	u64 limit = (now - meter->when) * cdev->num_cus + COLIBRI_METER_SLACK;
	unsigned int kind;

	lockdep_assert_held(&cdev->meters.lock);
	if (colibri_is_lost(cdev))
		return;
	for (kind = 0; kind < COLIBRI_NUM_BUSY; kind++) {
		u64 seen = colibri_meter_read(meter, kind);
		u64 gain = seen > meter->seen[kind] ? min(seen - meter->seen[kind], limit) : 0;

		/* A device that is not there, or sleeps, reads as all ones. */
		if (seen == U64_MAX)
			continue;
		meter->seen[kind] = seen;
		meter->ns[kind] += gain;
		meter->usage->ns[kind] += gain;
	}
	meter->when = now;
}

static void colibri_meter_trace(struct colibri_meter *meter)
{
	u64 total = meter->ns[COLIBRI_BUSY_COMPUTE] + meter->ns[COLIBRI_BUSY_COPY];

	if (total == meter->traced)
		return;
	trace_colibri_queue_busy(meter->asid, meter->hwid, total - meter->traced,
				 meter->ns[COLIBRI_BUSY_COMPUTE], meter->ns[COLIBRI_BUSY_COPY]);
	meter->traced = total;
}

/**
 * colibri_meter_start() - a hardware queue begins to work for a client
 * @meter: meter that does not run
 * @cdev: device
 * @usage: usage of the client; stays until colibri_meter_stop()
 * @hwid: hardware queue
 * @asid: address space, for tracepoints
 *
 * Context: may sleep; allocates nothing.
 */
void colibri_meter_start(struct colibri_meter *meter, struct colibri_device *cdev,
			 struct colibri_usage *usage, u32 hwid, u32 asid)
{
	unsigned int kind;

	mutex_lock(&cdev->meters.lock);
	meter->cdev = cdev;
	meter->usage = usage;
	meter->hwid = hwid;
	meter->asid = asid;
	meter->when = ktime_get_ns();
	for (kind = 0; kind < COLIBRI_NUM_BUSY; kind++)
		meter->seen[kind] = colibri_meter_read(meter, kind);
	list_add(&meter->entry, &cdev->meters.list);
	mutex_unlock(&cdev->meters.lock);
	colibri_meters_kick(cdev);
}

/**
 * colibri_meter_stop() - the hardware queue does not work for the client any more
 * @meter: meter; nothing happens if it does not run
 *
 * Call it when the queue is at rest, so that nothing is missed.
 *
 * Context: may sleep; allocates nothing.
 */
void colibri_meter_stop(struct colibri_meter *meter)
{
	struct colibri_device *cdev = meter->cdev;

	if (!cdev)
		return;
	mutex_lock(&cdev->meters.lock);
	colibri_meter_update(meter);
	colibri_meter_trace(meter);
	list_del(&meter->entry);
	meter->cdev = NULL;
	mutex_unlock(&cdev->meters.lock);
}

/**
 * colibri_meter_total() - what a meter has counted, with what it counts just now
 * @meter: meter
 * @cdev: device
 *
 * Return: ns, of all engines.
 */
u64 colibri_meter_total(struct colibri_meter *meter, struct colibri_device *cdev)
{
	unsigned int kind;
	u64 total = 0;

	mutex_lock(&cdev->meters.lock);
	if (meter->cdev)
		colibri_meter_update(meter);
	for (kind = 0; kind < COLIBRI_NUM_BUSY; kind++)
		total += meter->ns[kind];
	mutex_unlock(&cdev->meters.lock);
	return total;
}

static void colibri_meters_work(struct work_struct *work)
{
	struct colibri_device *cdev = container_of(to_delayed_work(work), struct colibri_device,
						   meters.work);
	struct colibri_meter *meter;
	bool any;

	mutex_lock(&cdev->meters.lock);
	list_for_each_entry(meter, &cdev->meters.list, entry) {
		colibri_meter_update(meter);
		colibri_meter_trace(meter);
	}
	any = !list_empty(&cdev->meters.list);
	mutex_unlock(&cdev->meters.lock);

	if (any && !colibri_is_lost(cdev))
		colibri_meters_kick(cdev);
}

/**
 * colibri_meters_kick() - have the meters read from time to time, if they are traced
 * @cdev: device
 *
 * Call it when work begins: tracing may have been switched on since.  Context: any.
 */
void colibri_meters_kick(struct colibri_device *cdev)
{
	if (trace_colibri_queue_busy_enabled() && !READ_ONCE(cdev->meters.stopped))
		schedule_delayed_work(&cdev->meters.work, COLIBRI_SAMPLE_PERIOD);
}

/**
 * colibri_meters_init() - before there is any
 * @cdev: device
 */
void colibri_meters_init(struct colibri_device *cdev)
{
	mutex_init(&cdev->meters.lock);
	INIT_LIST_HEAD(&cdev->meters.list);
	INIT_DELAYED_WORK(&cdev->meters.work, colibri_meters_work);
}

/**
 * colibri_meters_fini() - after the last has stopped
 * @cdev: device
 */
void colibri_meters_fini(struct colibri_device *cdev)
{
	WRITE_ONCE(cdev->meters.stopped, true);
	cancel_delayed_work_sync(&cdev->meters.work);
}

/* ---- fdinfo ---------------------------------------------------------------*/

static void colibri_show_engines(struct drm_printer *p, struct colibri_device *cdev,
				 struct colibri_usage *usage)
{
	static const char * const names[COLIBRI_NUM_BUSY] = {
		[COLIBRI_BUSY_COMPUTE] = "compute",
		[COLIBRI_BUSY_COPY] = "copy",
	};
	u64 ns[COLIBRI_NUM_BUSY];
	struct colibri_meter *meter;
	unsigned int kind;

	mutex_lock(&cdev->meters.lock);
	list_for_each_entry(meter, &cdev->meters.list, entry) {
		if (meter->usage == usage)
			colibri_meter_update(meter);
	}
	memcpy(ns, usage->ns, sizeof(ns));
	mutex_unlock(&cdev->meters.lock);

	for (kind = 0; kind < COLIBRI_NUM_BUSY; kind++) {
		drm_printf(p, "drm-engine-%s:\t%llu ns\n", names[kind], ns[kind]);
		/* Copies are done by the compute units' threads, too. */
		drm_printf(p, "drm-engine-capacity-%s:\t%u\n", names[kind], cdev->num_cus);
	}
}

static void colibri_count_buffer(struct drm_gem_object *obj, struct drm_memory_stats *stats)
{
	struct colibri_bo *bo = to_colibri_bo(obj);
	bool resident = colibri_bo_resident(bo);

	if (drm_gem_object_is_shared_for_memory_stats(obj))
		stats->shared += obj->size;
	else
		stats->private += obj->size;
	if (resident)
		stats->resident += obj->size;
	if (!dma_resv_test_signaled(obj->resv, dma_resv_usage_rw(true)))
		stats->active += obj->size;
}

static u64 colibri_svm_resident(struct colibri_file *cfile)
{
	struct colibri_vm *vm;
	unsigned long id;
	u64 bytes = 0;

	xa_for_each(&cfile->vms, id, vm) {
		xa_lock(&cfile->vms);
		vm = xa_load(&cfile->vms, id);
		if (vm)
			colibri_vm_get(vm);
		xa_unlock(&cfile->vms);
		if (!vm)
			continue;
		down_read(&vm->teardown_lock);
		if (!vm->torn_down && colibri_vm_svm(vm))
			bytes += hmm_svm_resident(vm->svm);
		up_read(&vm->teardown_lock);
		colibri_vm_put(vm);
	}
	return bytes;
}

static void colibri_show_memory(struct drm_printer *p, struct drm_file *file)
{
	const enum drm_gem_object_status supported = DRM_GEM_OBJECT_RESIDENT |
						     DRM_GEM_OBJECT_PURGEABLE |
						     DRM_GEM_OBJECT_ACTIVE;
	struct drm_memory_stats system = {}, vram = {}, svm = {};
	struct drm_gem_object *obj;
	int id;

	spin_lock(&file->table_lock);
	idr_for_each_entry(&file->object_idr, obj, id) {
		if (obj->dev != file->minor->dev)
			continue;
		colibri_count_buffer(obj, colibri_bo_in_vram(to_colibri_bo(obj)) ? &vram : &system);
	}
	spin_unlock(&file->table_lock);

	svm.private = colibri_svm_resident(file->driver_priv);
	svm.resident = svm.private;
	drm_print_memory_stats(p, &system, supported, "system");
	drm_print_memory_stats(p, &vram, supported, "vram");
	drm_print_memory_stats(p, &svm, supported, "svm");
}

/**
 * colibri_show_fdinfo() - &drm_driver.show_fdinfo
 * @p: printer
 * @file: DRM file
 */
void colibri_show_fdinfo(struct drm_printer *p, struct drm_file *file)
{
	struct colibri_file *cfile = file->driver_priv;

	colibri_show_engines(p, cfile->cdev, cfile->usage);
	colibri_show_memory(p, file);
}
