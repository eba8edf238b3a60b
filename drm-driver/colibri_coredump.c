// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Dumps: what there is to know about a queue or a device that came to grief.
 */

/**
 * DOC: Dumps
 *
 * When the device stops a queue, or is lost, a text with its state appears in
 * /sys/class/devcoredump, for root alone, as packets are data of a process.
 * Documentation/gpu/colibri/recovery.rst tells what is in it.
 *
 * The device core keeps the first dump until it was read (or for five minutes)
 * and drops the next ones; a program that bans queue after queue makes ten in
 * five seconds at most.
 *
 * A dump is made by a work item, since whoever finds the cause cannot always
 * sleep.  It keeps a reference to the queue; what the device has dropped by
 * then is left out.
 */

#include <linux/devcoredump.h>
#include <linux/ratelimit.h>
#include <linux/sched.h>
#include <linux/timekeeping.h>
#include <linux/utsname.h>
#include <linux/vmalloc.h>

#include <linux/string_choices.h>

#include <drm/colibri_drm.h>
#include <drm/drm_managed.h>
#include <drm/drm_print.h>

#include "colibri_device.h"
#include "colibri_mmu.h"
#include "colibri_queue.h"
#include "colibri_vm.h"

#define COLIBRI_DUMP_SIZE	SZ_64K
#define COLIBRI_DUMP_FAULTS	16	/* of the fault ring, the last ones */

static DEFINE_RATELIMIT_STATE(colibri_dump_limit, DEFAULT_RATELIMIT_INTERVAL,
			      DEFAULT_RATELIMIT_BURST);

/* ---- Parts of the text ----------------------------------------------------*/

static void colibri_dump_header(struct colibri_device *cdev, struct drm_printer *p,
				const char *reason)
{
	struct timespec64 now;

	ktime_get_real_ts64(&now);
	drm_puts(p, "**** Colibri device coredump ****\n");
	drm_puts(p, "format: 1\n");
	drm_printf(p, "reason: %s\n", reason);
	drm_printf(p, "kernel: %s\n", init_utsname()->release);
	drm_printf(p, "device: %s\n", dev_name(cdev->base.dev));
	drm_printf(p, "time: %ptSp\n", &now);
	drm_printf(p, "uptime-ns: %llu\n", ktime_get_boottime_ns());
}

static void colibri_dump_registers(struct colibri_device *cdev, struct drm_printer *p)
{
	static const struct {
		const char *name;
		u32 reg;
		bool wide;
	} regs[] = {
		{ "ID", COLIBRI_REG_ID },
		{ "VERSION", COLIBRI_REG_VERSION },
		{ "FEATURES", COLIBRI_REG_FEATURES },
		{ "STATUS", COLIBRI_REG_STATUS },
		{ "VRAM_SIZE", COLIBRI_REG_VRAM_SIZE, true },
		{ "TIMESTAMP", COLIBRI_REG_TIMESTAMP, true },
		{ "STATUS_PAGE", COLIBRI_REG_STATUS_PAGE, true },
		{ "FAULT_RING", COLIBRI_REG_FAULT_RING, true },
		{ "MMU_RING", COLIBRI_REG_MMU_RING, true },
		{ "MMU_ERROR", COLIBRI_REG_MMU_ERROR },
	};
	unsigned int i;

	drm_puts(p, "\n**** Registers ****\n");
	/* Each read could take seconds, and tell nothing. */
	if (colibri_is_lost(cdev)) {
		drm_puts(p, "the device does not answer\n");
		return;
	}
	for (i = 0; i < ARRAY_SIZE(regs); i++)
		drm_printf(p, "%s: %#llx\n", regs[i].name,
			   regs[i].wide ? colibri_read64(cdev, regs[i].reg) :
			   (u64)colibri_read32(cdev, regs[i].reg));
}

/* What driver and device tell each other through memory, which outlives the device. */
static void colibri_dump_rings(struct colibri_device *cdev, struct drm_printer *p)
{
	struct colibri_status_page *status = cdev->status;
	u32 cons = READ_ONCE(cdev->fault.cons);
	unsigned int i;

	drm_puts(p, "\n**** Status page ****\n");
	drm_printf(p, "fault_prod: %u\nfault_cons: %u\nfault_overflow: %u\n",
		   READ_ONCE(status->fault_prod), cons, READ_ONCE(status->fault_overflow));
	drm_printf(p, "mmu_prod: %u\nmmu_cons: %u\nmmu_idle: %u\n", READ_ONCE(status->mmu_prod),
		   READ_ONCE(status->mmu_cons), READ_ONCE(status->mmu_idle));
	drm_printf(p, "queue_error: %#llx\n", READ_ONCE(status->queue_error));

	drm_puts(p, "\n**** Last fault records ****\n");
	for (i = min(cons, COLIBRI_DUMP_FAULTS); i; i--) {
		const struct colibri_fault *f = colibri_fault_record(cdev, cons - i);

		drm_printf(p, "asid %u queue %u addr %#llx access %u client %u ", f->asid, f->queue,
			   f->addr, f->access, f->client);
		drm_printf(p, "pc %#llx wg %u wave %u time %llu\n", f->pc, f->wg, f->wave,
			   f->timestamp);
	}
}

static void colibri_dump_walk(struct colibri_vm *vm, struct drm_printer *p, u64 addr)
{
	u64 entries[COLIBRI_PT_LEVELS];
	unsigned int i, n = 0;

	drm_printf(p, "\n**** Page table walk of %#llx ****\n", addr);
	/* Whoever tears the VM down frees the tables. */
	down_read(&vm->teardown_lock);
	if (!vm->torn_down)
		n = colibri_pt_read_walk(&vm->pt, addr, entries);
	up_read(&vm->teardown_lock);
	for (i = 0; i < n; i++)
		drm_printf(p, "L%u[%u]: %#018llx\n", COLIBRI_PT_LEVELS - i,
			   colibri_pt_index(addr, COLIBRI_PT_LEVELS - i), entries[i]);
	if (!n)
		drm_puts(p, "the page tables are gone\n");
}

static void colibri_dump_vm(struct colibri_vm *vm, struct drm_printer *p)
{
	struct hmm_svm_stats stats;

	colibri_vm_peek_stats(vm, &stats);
	drm_puts(p, "\n**** VM ****\n");
	drm_printf(p, "asid: %u\nmirror: %s\ndead: %s\n", vm->asid,
		   str_yes_no(colibri_vm_svm(vm)), str_yes_no(READ_ONCE(vm->dead)));
	drm_printf(p, "faults: %llu\nfaults_failed: %llu\n", stats.faults, stats.faults_failed);
	drm_printf(p, "pages_to_vram: %llu\npages_to_sys: %llu\n", stats.pages_to_dev,
		   stats.pages_to_sys);
}

static void colibri_dump_queue(struct colibri_queue *queue, struct drm_printer *p)
{
	struct drm_colibri_queue_state state = {};

	colibri_queue_get_state(queue, &state);
	drm_printf(p, "\n**** Queue %u ****\n", queue->hwid);
	drm_printf(p, "asid: %u\nring_packets: %u\n", queue->vm->asid, queue->ring_packets);
	drm_printf(p, "submitted: %llu\nretired: %llu\n", state.submitted, state.retired);
	drm_printf(p, "error: %u\nreason: %u\n", state.error, state.reason);
	drm_printf(p, "fault_addr: %#llx\nfault_access: %u\nfault_pc: %#llx\n", state.fault_addr,
		   state.fault_access, state.fault_pc);
	colibri_queue_dump_packets(queue, p);
}

/* ---- The whole ------------------------------------------------------------*/

static const char *colibri_dump_reason(u32 error)
{
	switch (error) {
	case COLIBRI_QERR_FAULT:
		return "queue-fault";
	case DRM_COLIBRI_QUEUE_ERR_HUNG:
		return "queue-hung";
	default:
		return "queue-error";
	}
}

static void colibri_dump_banned(struct colibri_queue *queue, struct drm_printer *p)
{
	struct colibri_device *cdev = queue->vm->cdev;
	struct drm_colibri_queue_state state = {};

	colibri_queue_get_state(queue, &state);
	colibri_dump_header(cdev, p, colibri_dump_reason(state.error));
	colibri_dump_queue(queue, p);
	if (state.fault_addr)
		colibri_dump_walk(queue->vm, p, state.fault_addr);
	colibri_dump_vm(queue->vm, p);
	colibri_dump_registers(cdev, p);
	colibri_dump_rings(cdev, p);
}

static void colibri_dump_lost(struct colibri_device *cdev, struct drm_printer *p)
{
	struct colibri_vm *vm;
	unsigned long asid;

	colibri_dump_header(cdev, p, colibri_is_lost(cdev) ? "device-lost" : "engine-hung");
	drm_printf(p, "cause: %s\n",
		   colibri_is_lost(cdev) ? READ_ONCE(cdev->lost_why) : READ_ONCE(cdev->hang.why));
	colibri_dump_registers(cdev, p);
	colibri_dump_rings(cdev, p);
	xa_for_each(&cdev->vms, asid, vm) {
		vm = colibri_vm_get_by_asid(cdev, asid);
		if (!vm)
			continue;
		colibri_dump_vm(vm, p);
		colibri_vm_put(vm);
	}
}

static void colibri_dump_make(struct colibri_device *cdev, struct colibri_queue *queue)
{
	struct drm_print_iterator iter = { .remain = COLIBRI_DUMP_SIZE };
	struct drm_printer p;

	iter.data = vzalloc(COLIBRI_DUMP_SIZE);
	if (!iter.data)
		return;
	p = drm_coredump_printer(&iter);
	if (queue)
		colibri_dump_banned(queue, &p);
	else
		colibri_dump_lost(cdev, &p);
	/*
	 * The device core frees the text, and keeps the first dump. But of two that come at the
	 * same moment, say of an engine and of the queue that hung it, it would make both.
	 */
	mutex_lock(&cdev->dump.give);
	dev_coredumpv(cdev->base.dev, iter.data, COLIBRI_DUMP_SIZE - iter.remain, GFP_KERNEL);
	mutex_unlock(&cdev->dump.give);
}

static void colibri_dump_work(struct work_struct *work)
{
	struct colibri_device *cdev = container_of(work, struct colibri_device, dump.work);
	struct colibri_queue *queue;
	int idx;

	spin_lock(&cdev->dump.lock);
	queue = cdev->dump.queue;
	spin_unlock(&cdev->dump.lock);

	if (drm_dev_enter(&cdev->base, &idx)) {
		colibri_dump_make(cdev, queue);
		drm_dev_exit(idx);
	}

	/* The next one may come. */
	spin_lock(&cdev->dump.lock);
	cdev->dump.queue = NULL;
	spin_unlock(&cdev->dump.lock);
	colibri_queue_put(queue);
}

/**
 * colibri_coredump_queue() - have the state of a queue dumped
 * @queue: queue that has just been banned
 *
 * With a dump in the making nothing happens: the first is the interesting one.
 * Context: any but hard irq.
 */
void colibri_coredump_queue(struct colibri_queue *queue)
{
	struct colibri_device *cdev = queue->vm->cdev;

	if (!__ratelimit(&colibri_dump_limit))
		return;
	spin_lock(&cdev->dump.lock);
	if (!cdev->dump.queue) {
		colibri_queue_get(queue);
		cdev->dump.queue = queue;
		queue_work(system_dfl_wq, &cdev->dump.work);
	}
	spin_unlock(&cdev->dump.lock);
}

/**
 * colibri_coredump_device() - dump the state of a device that is lost, or of which an engine hung
 * @cdev: device
 *
 * Context: may sleep.
 */
void colibri_coredump_device(struct colibri_device *cdev)
{
	colibri_dump_make(cdev, NULL);
}

/**
 * colibri_coredump_init() - prepare for dumps
 * @cdev: device
 */
void colibri_coredump_init(struct colibri_device *cdev)
{
	spin_lock_init(&cdev->dump.lock);
	drmm_mutex_init(&cdev->base, &cdev->dump.give);
	INIT_WORK(&cdev->dump.work, colibri_dump_work);
	ratelimit_set_flags(&colibri_dump_limit, RATELIMIT_MSG_ON_RELEASE);
}

/**
 * colibri_coredump_fini() - wait for a dump in the making
 * @cdev: device, whose queues are gone
 */
void colibri_coredump_fini(struct colibri_device *cdev)
{
	flush_work(&cdev->dump.work);
}
