// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Queues: rings of packets that processes submit.
 */

/**
 * DOC: Queues
 *
 * Overview
 * --------
 *
 * A queue of user space is a hardware queue.  Its control block and ring lie in
 * memory of the driver, mapped into the VM behind the zone that VM_BIND
 * offers.  Submission copies packets, after a check of their types, and moves
 * write_index.  The doorbell, a register, is rung only when the device says in
 * the control block that it sleeps.
 *
 * The device reads the ring through the process's own page tables, so its waves
 * can write there, too.  A process can only harm itself by that: packets reach
 * its own address space alone, and the kernel believes nothing that it reads
 * back without a check.
 *
 * Room in the ring comes when the device retires packets, which raises no
 * interrupt of its own: a FENCE packet would be a barrier in the process's
 * work.  So whoever needs room waits for the interrupts that there are and
 * looks again after a few milliseconds without one.
 *
 * A queue ends in one of these ways, each of which wakes its waiters: the
 * device stops it (banned:  ENOTRECOVERABLE), it is destroyed (ECANCELED), the
 * owner of the VM dies (EOWNERDEAD), the device is lost or goes (ENODEV).
 *
 * Locking
 * -------
 *
 * &colibri_queue.submit_lock is the outermost: submission waits for room with
 * it held; whoever wants to end the queue sets a flag and wakes that first.
 * Under it come &colibri_vm.bind_lock and &colibri_vm.queue_lock.
 * &colibri_device.queues.lock is a spinlock, innermost; so is
 * &colibri_queue.state_lock, which lets QUEUE_STATE look at a queue whose
 * submit_lock is held by somebody who waits for room.
 */

#include <linux/log2.h>
#include <linux/slab.h>
#include <linux/string.h>

#include <drm/colibri_drm.h>

#include "colibri_device.h"
#include "colibri_gem.h"
#include "colibri_job.h"
#include "colibri_queue.h"
#include "colibri_trace.h"
#include "colibri_vm.h"

/* How often a submission that waits for room looks without an interrupt. */
#define COLIBRI_ROOM_POLL_MIN	usecs_to_jiffies(1000)
#define COLIBRI_ROOM_POLL_MAX	msecs_to_jiffies(16)

/**
 * struct colibri_queue_mem - what a queue shares with the device
 */
struct colibri_queue_mem {
	/** @cb: control block */
	struct colibri_queue_cb cb;
	/** @job: &colibri_queue.jobs of the last job that is complete */
	u64 job;
	/** @pad: the ring starts on a page of its own */
	u8 pad[PAGE_SIZE - sizeof(struct colibri_queue_cb) - sizeof(u64)];
	/** @ring: packets */
	u8 ring[][COLIBRI_PACKET_SIZE];
};

static u64 colibri_queue_va(const struct colibri_queue *queue)
{
	return COLIBRI_VA_QUEUE_SLOTS + queue->hwid * COLIBRI_QUEUE_SLOT_SIZE;
}

static u64 colibri_queue_size(u32 ring_packets)
{
	return PAGE_ALIGN(sizeof(struct colibri_queue_mem) +
			  (u64)ring_packets * COLIBRI_PACKET_SIZE);
}

/* ---- References -----------------------------------------------------------*/

static void colibri_queue_free(struct kref *kref)
{
	struct colibri_queue *queue = container_of(kref, struct colibri_queue, refcount);

	kfree(queue->fenced);
	colibri_vm_put(queue->vm);
	mutex_destroy(&queue->submit_lock);
	kfree(queue);
}

/**
 * colibri_queue_get() - take a reference
 * @queue: queue
 */
void colibri_queue_get(struct colibri_queue *queue)
{
	kref_get(&queue->refcount);
}

/**
 * colibri_queue_put() - drop a reference
 * @queue: queue
 */
void colibri_queue_put(struct colibri_queue *queue)
{
	kref_put(&queue->refcount, colibri_queue_free);
}

/* ---- Creation and end -----------------------------------------------------*/

static int colibri_queue_get_hw(struct colibri_queue *queue)
{
	struct colibri_device *cdev = queue->vm->cdev;
	int ret = -EBUSY;
	u32 q;

	spin_lock(&cdev->queues.lock);
	for (q = COLIBRI_MIGRATE_QUEUE + 1; q < cdev->num_queues && ret; q++) {
		if (cdev->queues.slot[q])
			continue;
		cdev->queues.slot[q] = queue;
		queue->hwid = q;
		ret = 0;
	}
	spin_unlock(&cdev->queues.lock);
	return ret;
}

static void colibri_queue_put_hw(struct colibri_queue *queue)
{
	struct colibri_device *cdev = queue->vm->cdev;

	spin_lock(&cdev->queues.lock);
	cdev->queues.slot[queue->hwid] = NULL;
	spin_unlock(&cdev->queues.lock);
	wake_up_all(&cdev->fence_wq);
}

static void colibri_queue_enable(struct colibri_queue *queue, u32 priority)
{
	struct colibri_device *cdev = queue->vm->cdev;
	u32 reg = COLIBRI_REG_QUEUE(queue->hwid);
	u64 va = colibri_queue_va(queue);

	colibri_write64(cdev, reg + COLIBRI_QREG_RING,
			va + offsetof(struct colibri_queue_mem, ring));
	colibri_write64(cdev, reg + COLIBRI_QREG_CB, va + offsetof(struct colibri_queue_mem, cb));
	colibri_write32(cdev, reg + COLIBRI_QREG_RING_LOG2, ilog2(queue->ring_packets));
	colibri_write32(cdev, reg + COLIBRI_QREG_ASID, queue->vm->asid);
	colibri_write32(cdev, reg + COLIBRI_QREG_PRIORITY, priority);
	colibri_write32(cdev, reg + COLIBRI_QREG_CTL, COLIBRI_QCTL_ENABLE);
}

/* Enable the queue, unless the VM died meanwhile. */
static int colibri_queue_start(struct colibri_queue *queue, u32 priority)
{
	struct colibri_vm *vm = queue->vm;
	int ret = 0;

	mutex_lock(&vm->queue_lock);
	if (vm->dead) {
		ret = -EOWNERDEAD;
	} else {
		colibri_queue_enable(queue, priority);
		list_add(&queue->vm_entry, &vm->queues);
	}
	mutex_unlock(&vm->queue_lock);
	return ret;
}

/**
 * colibri_queue_create() - give a process a hardware queue
 * @vm: VM
 * @args: checked arguments of the call
 *
 * Return: the queue or an ERR_PTR; -EBUSY when every hardware queue is taken.
 */
struct colibri_queue *colibri_queue_create(struct colibri_vm *vm,
					   const struct drm_colibri_queue_create *args)
{
	struct colibri_queue *queue;
	int ret;

	queue = kzalloc_obj(*queue, GFP_KERNEL_ACCOUNT);
	if (!queue)
		return ERR_PTR(-ENOMEM);
	kref_init(&queue->refcount);
	mutex_init(&queue->submit_lock);
	spin_lock_init(&queue->state_lock);
	INIT_LIST_HEAD(&queue->vm_entry);
	queue->ring_packets = args->ring_packets;
	queue->vm = colibri_vm_get(vm);

	queue->bo = colibri_gem_create_mapped(vm->cdev, colibri_queue_size(args->ring_packets));
	if (IS_ERR(queue->bo)) {
		ret = PTR_ERR(queue->bo);
		goto put_queue;
	}
	queue->mem = queue->bo->vaddr;

	ret = colibri_queue_get_hw(queue);
	if (ret)
		goto put_bo;
	ret = colibri_bind_kernel(vm, queue->bo, colibri_queue_va(queue));
	if (ret)
		goto put_hw;
	if (vm->fenced) {
		queue->fenced = colibri_jobs_create(queue);
		ret = PTR_ERR_OR_ZERO(queue->fenced);
		if (ret) {
			queue->fenced = NULL;
			goto unbind;
		}
	}
	ret = colibri_queue_start(queue, args->priority);
	if (ret)
		goto unbind;
	colibri_meter_start(&queue->meter, vm->cdev, vm->usage, queue->hwid, vm->asid);
	return queue;

unbind:
	if (queue->fenced)
		colibri_jobs_close(queue->fenced);
	colibri_unbind_kernel(vm, colibri_queue_va(queue), colibri_bo_gem(queue->bo)->size);
put_hw:
	colibri_queue_put_hw(queue);
put_bo:
	colibri_gem_put(queue->bo);
put_queue:
	colibri_queue_put(queue);
	return ERR_PTR(ret);
}

/**
 * colibri_queue_disable() - have the device drop all work of a queue
 * @queue: queue
 *
 * &colibri_vm.queue_lock is held.  When it returns nothing of the queue executes.
 */
void colibri_queue_disable(struct colibri_queue *queue)
{
	struct colibri_device *cdev = queue->vm->cdev;
	u32 reg = COLIBRI_REG_QUEUE(queue->hwid);
	u32 state;

	lockdep_assert_held(&queue->vm->queue_lock);
	if (colibri_is_lost(cdev))
		return;

	colibri_write32(cdev, reg + COLIBRI_QREG_CTL, COLIBRI_QCTL_DISABLE);
	/* The read returns when the write has taken effect. */
	state = colibri_read32(cdev, reg + COLIBRI_QREG_STATE);
	if (state != COLIBRI_QSTATE_DISABLED)
		colibri_device_lost(cdev, "a queue cannot be disabled");
}

/* Give back what the queue has of the device; submit_lock is held. */
static void colibri_queue_release(struct colibri_queue *queue)
{
	struct colibri_vm *vm = queue->vm;

	lockdep_assert_held(&queue->submit_lock);
	if (queue->released)
		return;
	queue->released = true;

	mutex_lock(&vm->queue_lock);
	colibri_queue_disable(queue);
	list_del_init(&queue->vm_entry);
	mutex_unlock(&vm->queue_lock);
	colibri_meter_stop(&queue->meter);

	spin_lock(&queue->state_lock);
	queue->mem = NULL;
	spin_unlock(&queue->state_lock);
	colibri_unbind_kernel(vm, colibri_queue_va(queue), colibri_bo_gem(queue->bo)->size);
	colibri_gem_put(queue->bo);
	/* Last: from here on the removal of the device waits for this queue no more. */
	colibri_queue_put_hw(queue);
}

/* Drop the work of a queue and let everybody who waits for it know. */
static void colibri_queue_end(struct colibri_queue *queue)
{
	WRITE_ONCE(queue->closed, true);
	colibri_jobs_wake(queue->vm->cdev);
	if (queue->fenced)
		colibri_jobs_close(queue->fenced);

	mutex_lock(&queue->submit_lock);
	colibri_queue_release(queue);
	mutex_unlock(&queue->submit_lock);
}

/**
 * colibri_queue_close() - the file gives the queue up
 * @queue: queue; the caller's reference goes with it
 */
void colibri_queue_close(struct colibri_queue *queue)
{
	colibri_queue_end(queue);
	colibri_queue_put(queue);
}

/**
 * colibri_queue_all_idle() - whether no hardware queue is in use
 * @cdev: device
 *
 * Return: true if none is.
 */
bool colibri_queue_all_idle(struct colibri_device *cdev)
{
	bool idle;

	spin_lock(&cdev->queues.lock);
	idle = !memchr_inv(cdev->queues.slot, 0, sizeof(cdev->queues.slot));
	spin_unlock(&cdev->queues.lock);
	return idle;
}

/**
 * colibri_queue_revoke_all() - end every queue of a VM
 * @vm: VM of a device that is being removed
 */
void colibri_queue_revoke_all(struct colibri_vm *vm)
{
	struct colibri_queue *queue;

	for (;;) {
		mutex_lock(&vm->queue_lock);
		queue = list_first_entry_or_null(&vm->queues, struct colibri_queue, vm_entry);
		if (queue)
			colibri_queue_get(queue);
		mutex_unlock(&vm->queue_lock);
		if (!queue)
			return;
		colibri_queue_end(queue);
		colibri_queue_put(queue);
	}
}

/* ---- State ----------------------------------------------------------------*/

/**
 * colibri_queue_status() - whether a queue can still do anything
 * @queue: queue
 *
 * Return: 0, -ENODEV, -ECANCELED, -ENOTRECOVERABLE or -EOWNERDEAD.
 */
int colibri_queue_status(struct colibri_queue *queue)
{
	struct colibri_device *cdev = queue->vm->cdev;

	if (colibri_is_lost(cdev) || drm_dev_is_unplugged(&cdev->base))
		return -ENODEV;
	if (READ_ONCE(queue->closed))
		return -ECANCELED;
	if (READ_ONCE(queue->banned))
		return -ENOTRECOVERABLE;
	if (READ_ONCE(queue->vm->dead))
		return -EOWNERDEAD;
	return 0;
}

/* Packets of the ring that the device has not retired; more than the ring holds is nonsense. */
static u64 colibri_queue_used(struct colibri_queue *queue)
{
	/* Pairs with the device's release: it does not read retired packets any more. */
	u64 retired = smp_load_acquire(&queue->mem->cb.read_index);

	return queue->submitted - retired;
}

static void colibri_queue_ban(struct colibri_queue *queue, const struct colibri_queue_error *error)
{
	trace_colibri_queue_error(queue->hwid, error->code, error->addr, error->pc);
	spin_lock(&queue->state_lock);
	if (!queue->banned) {
		queue->error = *error;
		WRITE_ONCE(queue->banned, true);
	}
	spin_unlock(&queue->state_lock);
}

/**
 * colibri_queue_get_state() - answer QUEUE_STATE
 * @queue: queue
 * @state: returns everything but &drm_colibri_queue_state.queue_id
 */
void colibri_queue_get_state(struct colibri_queue *queue, struct drm_colibri_queue_state *state)
{
	spin_lock(&queue->state_lock);
	state->submitted = READ_ONCE(queue->submitted);
	state->retired = state->submitted;
	if (queue->mem)
		state->retired -= min(colibri_queue_used(queue), (u64)queue->ring_packets);
	if (queue->banned) {
		state->state = DRM_COLIBRI_QUEUE_BANNED;
		state->error = queue->error.code;
		state->reason = queue->error.reason;
		state->fault_addr = queue->error.addr;
		state->fault_pc = queue->error.pc;
		state->fault_access = queue->error.access;
	}
	spin_unlock(&queue->state_lock);
}

/* Learn why the device stopped a queue, if it did: the news may be of an earlier owner. */
static void colibri_queue_check_error(struct colibri_queue *queue)
{
	struct colibri_device *cdev = queue->vm->cdev;
	u32 reg = COLIBRI_REG_QUEUE(queue->hwid);
	struct colibri_queue_error error = {};
	struct colibri_failed_fault failed;

	if (colibri_read32(cdev, reg + COLIBRI_QREG_STATE) != COLIBRI_QSTATE_ERROR)
		return;

	error.code = colibri_read32(cdev, reg + COLIBRI_QREG_ERROR);
	error.addr = colibri_read64(cdev, reg + COLIBRI_QREG_ERROR_ADDR);
	error.pc = colibri_read64(cdev, reg + COLIBRI_QREG_ERROR_PC);
	if (error.code == COLIBRI_QERR_FAULT) {
		error.reason = EFAULT;
		if (colibri_vm_fault_find_failed(queue->vm, error.addr, &failed)) {
			error.reason = failed.error;
			error.access = failed.access;
		}
	}
	colibri_queue_ban(queue, &error);
}

/**
 * colibri_queue_handle_errors() - find the queues that the device stopped
 * @cdev: device
 *
 * Called by the handler of VEC_ERROR alone.  Context: may sleep.
 */
void colibri_queue_handle_errors(struct colibri_device *cdev)
{
	u64 errors = xchg(&cdev->status->queue_error, 0);

	if (errors & BIT_ULL(COLIBRI_MIGRATE_QUEUE))
		colibri_device_lost(cdev, "the migration engine stopped");

	while (errors && !colibri_is_lost(cdev)) {
		u32 q = __ffs64(errors);
		struct colibri_queue *queue;

		errors &= errors - 1;
		spin_lock(&cdev->queues.lock);
		queue = cdev->queues.slot[q];
		if (queue && !kref_get_unless_zero(&queue->refcount))
			queue = NULL;
		spin_unlock(&cdev->queues.lock);
		if (!queue)
			continue;
		colibri_queue_check_error(queue);
		colibri_queue_put(queue);
	}
	colibri_jobs_wake(cdev);
}

/* ---- Submission -----------------------------------------------------------*/

/* Whether there is something to do: room for @count packets, or an end of the queue. */
static bool colibri_queue_ready(struct colibri_queue *queue, u32 count)
{
	return colibri_queue_used(queue) + count <= queue->ring_packets ||
	       colibri_queue_used(queue) > queue->ring_packets || colibri_queue_status(queue);
}

/* Wait until @count packets have room; submit_lock is held. */
static int colibri_queue_wait_room(struct colibri_queue *queue, u32 count)
{
	static const struct colibri_queue_error bad_ring = { .code = COLIBRI_QERR_BAD_RING };
	unsigned long pause = COLIBRI_ROOM_POLL_MIN;
	long ret;

	while (!colibri_queue_ready(queue, count)) {
		ret = wait_event_interruptible_timeout(queue->vm->cdev->fence_wq,
						       colibri_queue_ready(queue, count), pause);
		if (ret < 0)
			return ret;
		pause = min(2 * pause, COLIBRI_ROOM_POLL_MAX);
	}
	if (colibri_queue_used(queue) > queue->ring_packets)
		colibri_queue_ban(queue, &bad_ring);
	return colibri_queue_status(queue);
}

static void colibri_queue_push(struct colibri_queue *queue, const u8 *packets, u32 count)
{
	struct colibri_device *cdev = queue->vm->cdev;
	struct colibri_queue_mem *mem = queue->mem;
	u32 i;

	for (i = 0; i < count; i++) {
		u8 *slot = mem->ring[(queue->submitted + i) & (queue->ring_packets - 1)];
		const u8 *packet = packets + i * COLIBRI_PACKET_SIZE;

		memcpy(slot + sizeof(u16), packet + sizeof(u16), COLIBRI_PACKET_SIZE - sizeof(u16));
		/* A packet is valid with its header, so the header comes last. */
		smp_store_release((u16 *)slot, *(const u16 *)packet);
	}
	WRITE_ONCE(queue->submitted, queue->submitted + count);
	/* Publishes the packets. */
	smp_store_release(&mem->cb.write_index, queue->submitted);

	/* The device looks at write_index once more after it has set idle. */
	mb();
	if (READ_ONCE(mem->cb.idle))
		colibri_write32(cdev, COLIBRI_DOORBELL(queue->hwid), 1);
}

/**
 * colibri_queue_submit() - append packets to the ring
 * @queue: queue
 * @packets: checked packets
 * @count: how many, at most as the ring holds
 *
 * Context: waits for room, interruptibly; not inside drm_dev_enter().
 * Return: 0, or a negative errno and nothing was submitted.
 */
int colibri_queue_submit(struct colibri_queue *queue, const void *packets, u32 count)
{
	struct colibri_device *cdev = queue->vm->cdev;
	int idx, ret;

	ret = mutex_lock_interruptible(&queue->submit_lock);
	if (ret)
		return ret;
	ret = colibri_queue_status(queue);
	if (!ret)
		ret = colibri_queue_wait_room(queue, count);
	if (ret)
		goto unlock;

	ret = -ENODEV;
	if (drm_dev_enter(&cdev->base, &idx)) {
		trace_colibri_submit(queue->vm->asid, queue->hwid, queue->submitted, count);
		colibri_meters_kick(cdev);
		colibri_queue_push(queue, packets, count);
		drm_dev_exit(idx);
		ret = 0;
	}
unlock:
	mutex_unlock(&queue->submit_lock);
	return ret;
}

/**
 * colibri_queue_push_job() - append the packets of a job
 * @queue: queue of a fenced VM
 * @packets: checked packets
 * @count: how many
 * @seqno: returns the number of the job
 *
 * A packet follows them that tells, with VEC_FENCE, that they are complete: see
 * colibri_queue_job_done().  Jobs must come one after the other.
 *
 * Context: does not wait and allocates nothing; inside drm_dev_enter().
 * Return: 0; -EAGAIN: no room for @count + 1 packets; or what colibri_queue_status() says.
 */
int colibri_queue_push_job(struct colibri_queue *queue, const void *packets, u32 count, u64 *seqno)
{
	struct colibri_pkt_fence fence = {
		.header = COLIBRI_PKT_VENDOR,
		.op = COLIBRI_OP_FENCE,
		.flags = COLIBRI_FENCE_IRQ,
		.addr = colibri_queue_va(queue) + offsetof(struct colibri_queue_mem, job),
		.value = queue->jobs + 1,
	};
	int ret = -EAGAIN;

	static_assert(sizeof(fence) == COLIBRI_PACKET_SIZE);
	spin_lock(&queue->state_lock);
	if (!queue->mem || colibri_queue_status(queue)) {
		ret = colibri_queue_status(queue) ?: -ECANCELED;
	} else if (colibri_queue_used(queue) + count < queue->ring_packets) {
		colibri_queue_push(queue, packets, count);
		colibri_queue_push(queue, (const u8 *)&fence, 1);
		*seqno = ++queue->jobs;
		ret = 0;
	}
	spin_unlock(&queue->state_lock);
	return ret;
}

/**
 * colibri_queue_job_done() - whether a job is complete
 * @queue: queue
 * @seqno: number of the job
 */
bool colibri_queue_job_done(struct colibri_queue *queue, u64 seqno)
{
	bool done = false;

	spin_lock(&queue->state_lock);
	/* Pairs with the device's release: what the job wrote is visible. */
	if (queue->mem)
		done = smp_load_acquire(&queue->mem->job) >= seqno;
	spin_unlock(&queue->state_lock);
	return done;
}

/**
 * colibri_queue_kill() - stop a queue for good
 * @queue: queue
 * @code: DRM_COLIBRI_QUEUE_ERR_*
 */
void colibri_queue_kill(struct colibri_queue *queue, u32 code)
{
	struct colibri_queue_error error = { .code = code };
	struct colibri_vm *vm = queue->vm;

	colibri_queue_ban(queue, &error);
	mutex_lock(&vm->queue_lock);
	if (!list_empty(&queue->vm_entry))
		colibri_queue_disable(queue);
	mutex_unlock(&vm->queue_lock);
}

/* ---- Many queues ----------------------------------------------------------*/

static void colibri_queue_unlock_first(const struct colibri_queue_packets *items, unsigned int n)
{
	while (n--)
		mutex_unlock(&items[n].queue->submit_lock);
}

/* Lock all queues.  They have no order, so none is waited for while another one is held. */
static int colibri_queue_lock_all(const struct colibri_queue_packets *items, unsigned int n)
{
	struct mutex *contended;
	unsigned int i;
	int ret;

	for (;;) {
		for (i = 0; i < n && mutex_trylock(&items[i].queue->submit_lock); i++)
			;
		if (i == n)
			return 0;
		colibri_queue_unlock_first(items, i);
		contended = &items[i].queue->submit_lock;
		ret = mutex_lock_interruptible(contended);
		if (ret)
			return ret;
		mutex_unlock(contended);
	}
}

/* The first queue without room, or @n; or a negative errno when one can do no more. */
static int colibri_queue_find_full(const struct colibri_queue_packets *items, unsigned int n)
{
	unsigned int i;
	int ret;

	for (i = 0; i < n; i++) {
		ret = colibri_queue_status(items[i].queue);
		if (ret)
			return ret;
	}
	for (i = 0; i < n; i++) {
		if (colibri_queue_used(items[i].queue) + items[i].count >
		    items[i].queue->ring_packets)
			return i;
	}
	return n;
}

/* Lock all queues, with room in each. */
static int colibri_queue_lock_room(const struct colibri_queue_packets *items, unsigned int n)
{
	const struct colibri_queue_packets *full;
	int ret;

	for (;;) {
		ret = colibri_queue_lock_all(items, n);
		if (ret)
			return ret;
		ret = colibri_queue_find_full(items, n);
		if (ret == n)
			return 0;
		colibri_queue_unlock_first(items, n);
		if (ret < 0)
			return ret;

		full = &items[ret];
		ret = mutex_lock_interruptible(&full->queue->submit_lock);
		if (ret)
			return ret;
		ret = colibri_queue_status(full->queue);
		if (!ret)
			ret = colibri_queue_wait_room(full->queue, full->count);
		mutex_unlock(&full->queue->submit_lock);
		if (ret)
			return ret;
	}
}

/**
 * colibri_queue_submit_all() - append packets to many rings, or to none
 * @items: different queues with checked packets, at most as their rings hold
 * @n: how many
 *
 * Context: waits for room, interruptibly; not inside drm_dev_enter().
 * Return: 0, or a negative errno and nothing was submitted.
 */
int colibri_queue_submit_all(const struct colibri_queue_packets *items, unsigned int n)
{
	struct colibri_device *cdev = items[0].queue->vm->cdev;
	unsigned int i;
	int idx, ret;

	ret = colibri_queue_lock_room(items, n);
	if (ret)
		return ret;
	ret = -ENODEV;
	if (drm_dev_enter(&cdev->base, &idx)) {
		colibri_meters_kick(cdev);
		for (i = 0; i < n; i++)
			colibri_queue_push(items[i].queue, items[i].packets, items[i].count);
		drm_dev_exit(idx);
		ret = 0;
	}
	colibri_queue_unlock_first(items, n);
	return ret;
}
