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
 * A queue is a ring of packets, which the runlist (colibri_runlist.c) brings to a
 * hardware queue when it has something to do.  Its control block and ring lie in
 * memory of the driver, mapped into the VM behind the zone that VM_BIND
 * offers.  Submission copies packets, after a check of their types, and moves
 * write_index.  The doorbell, a register, is rung only when the device says in
 * the control block that it sleeps.  A process can also map all that and submit by
 * itself (colibri_doorbell.c).
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
 * device stops it (banned: ENOTRECOVERABLE; so is its whole group), it is destroyed
 * (ECANCELED), the owner of the VM dies (EOWNERDEAD), the device is lost or goes (ENODEV).
 *
 * Locking
 * -------
 *
 * &colibri_queue.submit_lock is the outermost: submission waits for room with
 * it held; whoever wants to end the queue sets a flag and wakes that first.
 * Under it come &colibri_vm.bind_lock and &colibri_vm.queue_lock.
 * The runlist's hw_lock comes behind queue_lock.  &colibri_device.queues.lock is a spinlock,
 * innermost; so is
 * &colibri_queue.state_lock, which lets QUEUE_STATE look at a queue whose
 * submit_lock is held by somebody who waits for room.
 */

#include <linux/log2.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/string.h>

#include <drm/colibri_drm.h>

#include "colibri_device.h"
#include "colibri_doorbell.h"
#include "colibri_gem.h"
#include "colibri_group.h"
#include "colibri_job.h"
#include "colibri_queue.h"
#include "colibri_runlist.h"
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
	return COLIBRI_VA_QUEUE_SLOTS + queue->context * COLIBRI_QUEUE_SLOT_SIZE;
}

/**
 * colibri_queue_ring_va() - where the device finds the packets
 * @queue: queue
 *
 * Return: GPU address.
 */
u64 colibri_queue_ring_va(const struct colibri_queue *queue)
{
	return colibri_queue_va(queue) + offsetof(struct colibri_queue_mem, ring);
}

/**
 * colibri_queue_cb_va() - where the device finds the control block
 * @queue: queue
 *
 * Return: GPU address.
 */
u64 colibri_queue_cb_va(const struct colibri_queue *queue)
{
	return colibri_queue_va(queue) + offsetof(struct colibri_queue_mem, cb);
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
	colibri_doorbell_put(queue->doorbell);
	colibri_group_put(queue->group);
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

/* Let the runlist have the queue, unless the VM died meanwhile. */
static int colibri_queue_start(struct colibri_queue *queue)
{
	struct colibri_vm *vm = queue->vm;
	int ret = 0;

	mutex_lock(&vm->queue_lock);
	if (vm->dead) {
		ret = -EOWNERDEAD;
	} else {
		colibri_runlist_start(queue);
		list_add(&queue->vm_entry, &vm->queues);
	}
	mutex_unlock(&vm->queue_lock);
	return ret;
}

static struct colibri_queue *colibri_queue_alloc(struct colibri_group *group, u32 ring_packets)
{
	struct colibri_queue *queue = kzalloc_obj(*queue, GFP_KERNEL_ACCOUNT);

	if (!queue)
		return NULL;
	kref_init(&queue->refcount);
	mutex_init(&queue->submit_lock);
	spin_lock_init(&queue->state_lock);
	INIT_LIST_HEAD(&queue->vm_entry);
	INIT_LIST_HEAD(&queue->group_entry);
	queue->ring_packets = ring_packets;
	queue->group = colibri_group_get(group);
	queue->vm = colibri_vm_get(group->vm);
	return queue;
}

/**
 * colibri_queue_create() - give a process a queue
 * @group: group that it is to be in
 * @file: file that it is made by
 * @args: checked arguments of the call; returns where to mmap()
 *
 * Return: the queue or an ERR_PTR; -ENOSPC when the device cannot hold another, or the group.
 */
struct colibri_queue *colibri_queue_create(struct colibri_group *group,
					   const struct colibri_file *file,
					   struct drm_colibri_queue_create *args)
{
	struct colibri_vm *vm = group->vm;
	struct colibri_queue *queue;
	int ret;

	queue = colibri_queue_alloc(group, args->ring_packets);
	if (!queue)
		return ERR_PTR(-ENOMEM);
	queue->file = file;

	queue->bo = colibri_gem_create_mapped(vm->cdev, colibri_queue_size(args->ring_packets));
	if (IS_ERR(queue->bo)) {
		ret = PTR_ERR(queue->bo);
		goto put_queue;
	}
	queue->mem = queue->bo->vaddr;

	ret = colibri_runlist_add(queue);
	if (ret)
		goto put_bo;
	ret = colibri_bind_kernel(vm, queue->bo, colibri_queue_va(queue));
	if (ret)
		goto remove;
	if (vm->fenced) {
		queue->fenced = colibri_jobs_create(queue);
		ret = PTR_ERR_OR_ZERO(queue->fenced);
		if (ret) {
			queue->fenced = NULL;
			goto unbind;
		}
	}
	if (args->flags & DRM_COLIBRI_QUEUE_USER) {
		ret = colibri_doorbell_create(queue);
		if (ret)
			goto unbind;
		/* The first packet needs the doorbell: the queue is not on the hardware. */
		queue->mem->cb.idle = 1;
		args->mmap_offset = queue->doorbell->offset;
		args->mmap_size = colibri_doorbell_ring_size(queue->doorbell);
		args->doorbell_offset = colibri_doorbell_offset(queue->doorbell);
	}
	ret = colibri_queue_start(queue);
	if (ret)
		goto unbind;
	return queue;

unbind:
	if (queue->fenced)
		colibri_jobs_close(queue->fenced);
	colibri_unbind_kernel(vm, colibri_queue_va(queue), colibri_bo_gem(queue->bo)->size);
remove:
	colibri_runlist_remove(queue);
put_bo:
	colibri_gem_put(queue->bo);
put_queue:
	colibri_queue_put(queue);
	return ERR_PTR(ret);
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
	colibri_runlist_stop(queue);
	list_del_init(&queue->vm_entry);
	mutex_unlock(&vm->queue_lock);

	colibri_doorbell_revoke_sync(queue->doorbell);
	spin_lock(&queue->state_lock);
	queue->mem = NULL;
	spin_unlock(&queue->state_lock);
	colibri_unbind_kernel(vm, colibri_queue_va(queue), colibri_bo_gem(queue->bo)->size);
	colibri_gem_put(queue->bo);
	/* Last: from here on the removal of the device waits for this queue no more. */
	colibri_runlist_remove(queue);
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

/**
 * colibri_queue_ban() - note that a queue is stopped for good
 * @queue: queue
 * @error: why
 *
 * The runlist's hw_lock is held, under which the rest of it happens.
 */
void colibri_queue_ban(struct colibri_queue *queue, const struct colibri_queue_error *error)
{
	bool first;

	trace_colibri_queue_error(queue->hwid, error->code, error->addr, error->pc);
	spin_lock(&queue->state_lock);
	first = !queue->banned;
	if (first) {
		queue->error = *error;
		WRITE_ONCE(queue->banned, true);
	}
	spin_unlock(&queue->state_lock);
	/* A reset of the device leaves a dump of that. */
	if (first && error->code != DRM_COLIBRI_QUEUE_ERR_RESET)
		colibri_coredump_queue(queue);
}

/* How many packets before and behind the first that has not retired are worth a look. */
#define COLIBRI_DUMP_PACKETS	8

/**
 * colibri_queue_dump_packets() - print the packets around the first that has not retired
 * @queue: queue
 * @p: printer
 */
void colibri_queue_dump_packets(struct colibri_queue *queue, struct drm_printer *p)
{
	u8 packet[COLIBRI_PACKET_SIZE];
	u64 i, first, end;

	spin_lock(&queue->state_lock);
	if (!queue->mem)
		goto unlock;
	end = queue->submitted - min_t(u64, colibri_queue_used(queue), queue->ring_packets);
	first = end - min_t(u64, end, COLIBRI_DUMP_PACKETS);
	end = min_t(u64, end + COLIBRI_DUMP_PACKETS, queue->submitted);
	for (i = first; i < end; i++) {
		memcpy(packet, queue->mem->ring[i & (queue->ring_packets - 1)], sizeof(packet));
		drm_printf(p, "packet %llu: %*phN\n", i, COLIBRI_PACKET_SIZE, packet);
	}
unlock:
	spin_unlock(&queue->state_lock);
}

/**
 * colibri_queue_get_state() - answer QUEUE_STATE
 * @queue: queue
 * @state: returns everything but &drm_colibri_queue_state.queue_id
 */
void colibri_queue_get_state(struct colibri_queue *queue, struct drm_colibri_queue_state *state)
{
	state->switches = READ_ONCE(queue->switches);
	state->busy_ns = colibri_meter_total(&queue->meter, queue->vm->cdev);
	spin_lock(&queue->state_lock);
	if (queue->doorbell && queue->mem)
		WRITE_ONCE(queue->submitted, READ_ONCE(queue->mem->cb.write_index));
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

/**
 * colibri_queue_read_error() - learn why the device stopped a queue, if it did
 * @queue: queue that is on the hardware; the runlist's hw_lock is held
 * @error: returns it
 *
 * Return: whether the device stopped it.
 */
bool colibri_queue_read_error(struct colibri_queue *queue, struct colibri_queue_error *error)
{
	struct colibri_device *cdev = queue->vm->cdev;
	u32 reg = COLIBRI_REG_QUEUE(queue->hwid);
	struct colibri_failed_fault failed;

	memset(error, 0, sizeof(*error));
	if (colibri_read32(cdev, reg + COLIBRI_QREG_STATE) != COLIBRI_QSTATE_ERROR)
		return false;

	error->code = colibri_read32(cdev, reg + COLIBRI_QREG_ERROR);
	/* A reason that is none, or one of the driver's own. */
	if (error->code == COLIBRI_QERR_NONE || error->code > COLIBRI_QERR_NO_MEMORY)
		error->code = DRM_COLIBRI_QUEUE_ERR_HUNG;
	error->addr = colibri_read64(cdev, reg + COLIBRI_QREG_ERROR_ADDR);
	error->pc = colibri_read64(cdev, reg + COLIBRI_QREG_ERROR_PC);
	if (error->code == COLIBRI_QERR_FAULT) {
		error->reason = EFAULT;
		if (colibri_vm_fault_find_failed(queue->vm, error->addr, &failed)) {
			error->reason = failed.error;
			error->access = failed.access;
		}
	}
	return true;
}

/**
 * colibri_queue_has_more() - whether the device sleeps although a user queue has packets
 * @queue: user queue
 *
 * A doorbell may have been lost then.  The process can lie; it gets a turn that it has no use for.
 *
 * Return: whether it looks like that.
 */
bool colibri_queue_has_more(struct colibri_queue *queue)
{
	bool more;

	spin_lock(&queue->state_lock);
	more = queue->mem && READ_ONCE(queue->mem->cb.idle) &&
	       READ_ONCE(queue->mem->cb.write_index) != READ_ONCE(queue->mem->cb.read_index);
	spin_unlock(&queue->state_lock);
	return more;
}

/**
 * colibri_queue_is_drained() - whether the device has done all that a queue was given
 * @queue: queue
 *
 * The process can lie about its own queue: then it loses what it had given to it.
 *
 * Return: whether it looks like that.
 */
bool colibri_queue_is_drained(struct colibri_queue *queue)
{
	bool drained;

	spin_lock(&queue->state_lock);
	drained = !queue->mem ||
		  READ_ONCE(queue->mem->cb.write_index) == READ_ONCE(queue->mem->cb.read_index);
	spin_unlock(&queue->state_lock);
	return drained;
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

static void colibri_queue_write(struct colibri_queue *queue, u64 index, const void *packet)
{
	u8 *slot = queue->mem->ring[index & (queue->ring_packets - 1)];

	memcpy(slot + sizeof(u16), packet + sizeof(u16), COLIBRI_PACKET_SIZE - sizeof(u16));
	/* A packet is valid with its header, so the header comes last. */
	smp_store_release((u16 *)slot, *(const u16 *)packet);
}

/* Make @count packets that have been written known to the device. */
static void colibri_queue_publish(struct colibri_queue *queue, u32 count)
{
	struct colibri_queue_mem *mem = queue->mem;

	trace_colibri_submit(queue->vm->asid, queue->hwid, queue->submitted, count);
	WRITE_ONCE(queue->submitted, queue->submitted + count);
	/* Publishes the packets. */
	smp_store_release(&mem->cb.write_index, queue->submitted);

	/* The device looks at write_index once more after it has set idle. */
	mb();
	colibri_runlist_kick(queue, READ_ONCE(mem->cb.idle));
}

static void colibri_queue_write_all(struct colibri_queue *queue, const void *packets, u32 count)
{
	u32 i;

	for (i = 0; i < count; i++)
		colibri_queue_write(queue, queue->submitted + i, packets + i * COLIBRI_PACKET_SIZE);
}

static void colibri_queue_push(struct colibri_queue *queue, const void *packets, u32 count)
{
	colibri_queue_write_all(queue, packets, count);
	colibri_queue_publish(queue, count);
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
		colibri_queue_write_all(queue, packets, count);
		colibri_queue_write(queue, queue->submitted + count, &fence);
		colibri_queue_publish(queue, count + 1);
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
 *
 * The word lies where the process's own work can write it.  Who lies about it is told
 * early that his own work is done, and nothing else depends on it: buffers leave the
 * page tables before their memory is used again.
 *
 * Return: whether it is.
 */
bool colibri_queue_job_done(struct colibri_queue *queue, u64 seqno)
{
	bool done = false;

	spin_lock(&queue->state_lock);
	if (queue->mem)
		/* Pairs with the device's release: what the job wrote is visible. */
		done = smp_load_acquire(&queue->mem->job) >= seqno;
	spin_unlock(&queue->state_lock);
	return done;
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
	struct colibri_queue *contended;
	unsigned int i;
	int ret;

	for (;;) {
		for (i = 0; i < n && mutex_trylock(&items[i].queue->submit_lock); i++)
			;
		if (i == n)
			return 0;
		colibri_queue_unlock_first(items, i);
		contended = items[i].queue;
		ret = mutex_lock_interruptible(&contended->submit_lock);
		if (ret)
			return ret;
		mutex_unlock(&contended->submit_lock);
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
		/* The control blocks are the processes': room can come and go without end. */
		if (signal_pending(current))
			return -ERESTARTSYS;
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
