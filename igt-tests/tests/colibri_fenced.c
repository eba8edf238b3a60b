// SPDX-License-Identifier: MIT
/*
 * Fenced VMs: nothing faults, work comes by EXEC and has a time limit.
 */
#include <errno.h>
#include <signal.h>
#include <unistd.h>

#include "jobs.h"

IGT_TEST_DESCRIPTION("VMs on which nothing faults, and the life and death of their jobs");

#define LONG	(GPU_TIMEOUT_S * NSEC_PER_SEC)

static struct drm_colibri_sync out_sync(struct gpu *gpu)
{
	return signal_syncobj(syncobj_new(gpu, false), 0);
}

static void state(struct gpu *gpu)
{
	struct drm_colibri_vm_state vm;

	igt_assert_eq(colibri_vm_get_state(&gpu->dev, gpu->vm, &vm), 0);
	igt_assert_eq_u32(vm.state, DRM_COLIBRI_VM_OK);
	igt_assert_eq_u32(vm.flags, DRM_COLIBRI_VM_FENCED);
	igt_assert_eq_u32(vm.num_queues, 1);
	igt_assert_eq_u64(vm.faults_failed, 0);
}

static void refused(struct gpu *gpu)
{
	union colibri_packet nop = colibri_packet_vendor(COLIBRI_OP_NOP);
	union colibri_packet fence = colibri_packet_fence(gpu->fence_addr, 1);
	struct drm_colibri_exec_item item = colibri_exec_item(gpu->queue, &fence, 1);

	igt_assert_eq(colibri_vm_mirror(&gpu->dev, gpu->vm), -EINVAL);
	igt_assert_eq(colibri_queue_submit(&gpu->dev, gpu->queue, &nop, 1), -EINVAL);
	igt_assert_eq(colibri_exec(&gpu->dev, &item, 1, NULL, 0), -EINVAL);
}

static void create_bad(struct gpu *gpu)
{
	struct drm_colibri_vm_create args = { .flags = 1 << 1 };

	igt_assert_eq(colibri_ioctl(gpu->dev.fd, DRM_IOCTL_COLIBRI_VM_CREATE, &args), -EINVAL);
	igt_assert_eq_u32(args.vm_id, 0);
}

/* More work than the ring holds at once */
static void many_jobs(struct gpu *gpu)
{
	struct drm_colibri_sync last = out_sync(gpu);

	for (uint64_t i = 1; i < 200; i++)
		igt_assert_eq(job_write(gpu, gpu->queue, 0, i, NULL, 0), 0);
	igt_assert_eq(job_write(gpu, gpu->queue, 0, 200, &last, 1), 0);
	igt_assert_eq(syncobj_status(gpu, last.handle), 0);
	igt_assert_eq_u64(job_word(gpu, 0), 200);
}

static void full_ring(struct gpu *gpu)
{
	struct drm_colibri_sync last = out_sync(gpu);
	union colibri_packet nops[64];
	struct drm_colibri_exec_item item = { 0 };

	for (unsigned int i = 0; i < 64; i++)
		nops[i] = colibri_packet_vendor(COLIBRI_OP_NOP);
	item = colibri_exec_item(gpu->queue, nops, 63);
	igt_assert_eq(colibri_exec(&gpu->dev, &item, 1, NULL, 0), -EINVAL);
	item.count = 62;
	for (unsigned int i = 0; i < 5; i++)
		igt_assert_eq(colibri_exec(&gpu->dev, &item, 1, NULL, 0), 0);
	igt_assert_eq(colibri_exec(&gpu->dev, &item, 1, &last, 1), 0);
	igt_assert_eq(syncobj_status(gpu, last.handle), 0);
}

/* An access to what is not bound bans the queue at once; the VM and its other queues go on. */
static void fault_bans(struct gpu *gpu)
{
	struct drm_colibri_sync syncs[2], after = out_sync(gpu), good = out_sync(gpu);
	uint64_t addr = gpu->next_addr + 64 * MiB + 8;
	struct scalar_args args = { .addr = addr, .value = 1 };
	union colibri_packet packet = job_dispatch(gpu, "scalar_write", &args, sizeof(args));
	struct drm_colibri_exec_item item = colibri_exec_item(gpu->queue, &packet, 1);
	struct drm_colibri_queue_state queue;
	struct drm_colibri_vm_state vm;
	struct gate gate;
	uint32_t other;

	/* Both jobs are there before the first one runs, and bans the queue. */
	gate_init(gpu, &gate);
	syncs[0] = wait_syncobj(gate.syncobj, 0);
	syncs[1] = out_sync(gpu);
	igt_assert_eq(colibri_queue_create(&gpu->dev, gpu->vm, 1, 16, &other), 0);
	igt_assert_eq(colibri_exec(&gpu->dev, &item, 1, syncs, 2), 0);
	igt_assert_eq(job_write(gpu, gpu->queue, 0, 1, &after, 1), 0);
	gate_open(gpu);
	igt_assert_eq(syncobj_status(gpu, syncs[1].handle), -ECANCELED);
	igt_assert_eq(syncobj_status(gpu, after.handle), -ECANCELED);
	igt_assert_eq_u64(job_word(gpu, 0), 0);

	igt_assert_eq(colibri_queue_get_state(&gpu->dev, gpu->queue, &queue), 0);
	igt_assert_eq_u32(queue.state, DRM_COLIBRI_QUEUE_BANNED);
	igt_assert_eq_u32(queue.error, COLIBRI_QERR_FAULT);
	igt_assert_eq_u64(queue.fault_addr & ~(PAGE_SIZE - 1), addr & ~(PAGE_SIZE - 1));
	igt_assert_eq_u32(queue.fault_access, COLIBRI_ACCESS_WRITE);
	igt_assert_eq(job_write(gpu, gpu->queue, 0, 1, NULL, 0), -ENOTRECOVERABLE);

	igt_assert_eq(colibri_vm_get_state(&gpu->dev, gpu->vm, &vm), 0);
	igt_assert_eq_u32(vm.state, DRM_COLIBRI_VM_OK);
	igt_assert_eq_u64(vm.faults_failed, 1);
	igt_assert_eq_u64(vm.fault_addr & ~(PAGE_SIZE - 1), addr & ~(PAGE_SIZE - 1));
	igt_assert_eq_u32(vm.fault_access, COLIBRI_ACCESS_WRITE);
	igt_assert_eq_u32(vm.fault_reason, EFAULT);

	igt_assert_eq(job_write(gpu, other, 0, 2, &good, 1), 0);
	igt_assert_eq(syncobj_status(gpu, good.handle), 0);
	igt_assert_eq_u64(job_word(gpu, 0), 2);
	igt_assert_eq(colibri_queue_destroy(&gpu->dev, other), 0);
	gate_fini(gpu, &gate);
}

/* Memory of the process is no memory of a fenced VM. */
static void pointer_bans(struct gpu *gpu)
{
	struct drm_colibri_sync sync = out_sync(gpu);
	uint64_t word = 5;
	struct scalar_args args = { .addr = (uintptr_t)&word, .value = 6 };
	union colibri_packet packet = job_dispatch(gpu, "scalar_write", &args, sizeof(args));
	struct drm_colibri_exec_item item = colibri_exec_item(gpu->queue, &packet, 1);

	igt_assert_eq(colibri_exec(&gpu->dev, &item, 1, &sync, 1), 0);
	igt_assert_eq(syncobj_status(gpu, sync.handle), -ECANCELED);
	igt_assert_eq_u64(word, 5);
}

/* The job that takes too long ends with ETIME and its queue is banned; nobody else notices. */
static void timeout(struct gpu *gpu)
{
	struct drm_colibri_sync sync = out_sync(gpu), after = out_sync(gpu), good = out_sync(gpu);
	unsigned int was = job_timeout(500);
	struct drm_colibri_queue_state queue;
	uint64_t rounds;
	uint32_t other;

	gpu_new_queue(gpu);
	job_timeout(was);
	igt_assert_eq(colibri_queue_create(&gpu->dev, gpu->vm, 1, 16, &other), 0);
	gpu->shared->mail.stop = 0;
	igt_assert_eq(job_loop(gpu, gpu->queue, &sync, 1), 0);
	igt_assert_eq(job_write(gpu, gpu->queue, 0, 1, &after, 1), 0);
	igt_assert_eq(job_write(gpu, other, 1, 2, &good, 1), 0);

	igt_assert_eq(syncobj_status(gpu, good.handle), 0);
	igt_assert_eq_u64(job_word(gpu, 1), 2);
	igt_assert_eq(syncobj_status(gpu, sync.handle), -ETIME);
	rounds = gpu->shared->mail.progress;
	igt_assert_eq(colibri_queue_get_state(&gpu->dev, gpu->queue, &queue), 0);
	igt_assert_eq(syncobj_status(gpu, after.handle), -ECANCELED);
	igt_assert_eq_u64(job_word(gpu, 0), 0);
	igt_assert_eq_u32(queue.state, DRM_COLIBRI_QUEUE_BANNED);
	igt_assert_eq_u32(queue.error, DRM_COLIBRI_QUEUE_ERR_TIMEOUT);
	igt_assert_eq(job_write(gpu, gpu->queue, 0, 1, NULL, 0), -ENOTRECOVERABLE);

	good = out_sync(gpu);
	igt_assert_eq(job_write(gpu, other, 1, 3, &good, 1), 0);
	igt_assert_eq(syncobj_status(gpu, good.handle), 0);
	igt_assert_eq_u64(job_word(gpu, 1), 3);
	/* The loop had ended when its fence signalled. */
	igt_assert_eq_u64(gpu->shared->mail.progress, rounds);
	igt_assert_eq(colibri_queue_destroy(&gpu->dev, other), 0);
}

static void destroy_running(struct gpu *gpu)
{
	struct drm_colibri_sync sync = out_sync(gpu), after = out_sync(gpu);

	gpu->shared->mail.stop = 0;
	igt_assert_eq(job_loop(gpu, gpu->queue, &sync, 1), 0);
	igt_assert_eq(job_write(gpu, gpu->queue, 0, 1, &after, 1), 0);
	gpu_loop_progress(gpu, 1);
	gpu_new_queue(gpu);
	igt_assert_eq(syncobj_status(gpu, sync.handle), -ECANCELED);
	igt_assert_eq(syncobj_status(gpu, after.handle), -ECANCELED);
	igt_assert_eq_u64(job_word(gpu, 0), 0);
}

/* Jobs that have not started end when what they wait for has. */
static void destroy_waiting(struct gpu *gpu)
{
	struct drm_colibri_sync syncs[2];
	struct gate gate;

	gate_init(gpu, &gate);
	syncs[0] = wait_syncobj(gate.syncobj, 0);
	syncs[1] = out_sync(gpu);
	igt_assert_eq(job_write(gpu, gpu->queue, 0, 1, syncs, 2), 0);
	gpu_new_queue(gpu);
	gate_open(gpu);
	igt_assert_eq(syncobj_status(gpu, syncs[1].handle), -ECANCELED);
	igt_assert_eq_u64(job_word(gpu, 0), 0);
	gate_fini(gpu, &gate);
}

/* A process with jobs of each kind is killed; it is gone soon, and so is its work. */
static void killed(struct gpu *gpu)
{
	unsigned int queues = count_free_queues(gpu);
	struct steps *steps = steps_new();

	fork_victim() {
		struct drm_colibri_sync wait;
		struct gpu own = { 0 };
		struct gate gate;

		gpu_init_fenced(&own);
		gate_init(&own, &gate);
		wait = wait_syncobj(gate.syncobj, 0);
		igt_assert_eq(job_write(&own, own.queue, 0, 1, &wait, 1), 0);
		gpu_loop_progress(&own, 1);
		steps_done(steps, 1);
		for (;;)
			pause();
	}
	steps_wait(steps, 1);
	kill_victim();
	wait_for_free_queues(gpu, queues);
	many_jobs(gpu);
}

/* What a process maps stays usable by the CPU while jobs use it, and the fence of a buffer is theirs. */
static void two_vms(struct gpu *gpu)
{
	struct drm_colibri_sync syncs[2];
	uint32_t vm, queue;

	igt_assert_eq(colibri_vm_create_fenced(&gpu->dev, &vm), 0);
	igt_assert_eq(colibri_vm_map(&gpu->dev, vm, &gpu->code, gpu->code_addr,
				     DRM_COLIBRI_VM_BIND_EXEC), 0);
	igt_assert_eq(colibri_vm_map(&gpu->dev, vm, &gpu->shared_bo, gpu->shared_addr, 0), 0);
	igt_assert_eq(colibri_queue_create(&gpu->dev, vm, 1, 16, &queue), 0);
	syncs[0] = out_sync(gpu);
	igt_assert_eq(job_write(gpu, gpu->queue, 0, 7, syncs, 1), 0);
	syncs[0].flags = 0;
	syncs[1] = out_sync(gpu);
	igt_assert_eq(job_write(gpu, queue, 0, 8, syncs, 2), 0);
	igt_assert_eq(syncobj_status(gpu, syncs[1].handle), 0);
	igt_assert_eq_u64(job_word(gpu, 0), 8);
	igt_assert_eq(colibri_queue_destroy(&gpu->dev, queue), 0);
	igt_assert_eq(colibri_vm_destroy(&gpu->dev, vm), 0);
}

static const struct gpu_test tests[] = {
	{ "state", state, "VM_STATE knows what it is" },
	{ "refused", refused, "no mirror, no QUEUE_SUBMIT, no FENCE packets: EINVAL" },
	{ "create-bad", create_bad, "unknown flags of VM_CREATE are EINVAL" },
	{ "many-jobs", many_jobs, "more jobs than the ring holds run one after the other" },
	{ "full-ring", full_ring, "a job may have as many packets as the ring less two" },
	{ "fault-bans", fault_bans, "an access to nothing bans the queue, with its address, and no other" },
	{ "pointer-bans", pointer_bans, "memory of the process is out of reach" },
	{ "timeout", timeout, "a job over the limit ends with ETIME and bans its queue alone" },
	{ "destroy-running", destroy_running, "jobs of a queue that is destroyed end with ECANCELED" },
	{ "destroy-waiting", destroy_waiting, "the same for jobs that wait" },
	{ "killed", killed, "a killed process leaves nothing behind" },
	{ "two-vms", two_vms, "jobs on two VMs share a buffer, ordered by a syncobj" },
};

igt_main()
{
	gpu_run_tests(tests, ARRAY_SIZE(tests), gpu_init_fenced);
}
