// SPDX-License-Identifier: MIT
/*
 * Queues: QUEUE_CREATE, QUEUE_DESTROY, QUEUE_SUBMIT and QUEUE_STATE, and what
 * happens to a queue, and only to it, when its work is wrong.
 */
#include <errno.h>

#include "gpu_test.h"

IGT_TEST_DESCRIPTION("Queues, submission and queue errors");

static uint64_t submitted(struct gpu *gpu)
{
	struct drm_colibri_queue_state state;

	igt_assert_eq(colibri_queue_get_state(&gpu->dev, gpu->queue, &state), 0);
	return state.submitted;
}

static void expect_error(struct gpu *gpu, uint32_t error)
{
	union colibri_packet nop = colibri_packet_vendor(COLIBRI_OP_NOP);

	gpu_expect_ban(gpu, error);
	igt_assert_eq(colibri_queue_submit(&gpu->dev, gpu->queue, &nop, 1), -ENOTRECOVERABLE);
	gpu_assert_vm_lives(gpu);
	gpu_new_queue(gpu);
}

static void create_bad(struct gpu *gpu)
{
	const struct drm_colibri_queue_create good = {
		.vm_id = gpu->vm, .priority = 1, .ring_packets = 16,
	};
	struct drm_colibri_queue_create bad[] = { good, good, good, good, good, good, good };

	bad[0].priority = 3;	/* the kernel's */
	bad[1].ring_packets = 0;
	bad[2].ring_packets = 8;
	bad[3].ring_packets = 24;
	bad[4].ring_packets = 131072;
	bad[5].flags = 2;
	bad[6].group_id = 77;	/* has its own priority */
	for (unsigned int i = 0; i < ARRAY_SIZE(bad); i++) {
		igt_debug("row %u\n", i);
		igt_assert_eq(colibri_ioctl(gpu->dev.fd, DRM_IOCTL_COLIBRI_QUEUE_CREATE, &bad[i]), -EINVAL);
		igt_assert_eq_u32(bad[i].queue_id, 0);
	}
	bad[0] = good;
	bad[0].priority = 0;
	bad[0].group_id = 77;
	igt_assert_eq(colibri_ioctl(gpu->dev.fd, DRM_IOCTL_COLIBRI_QUEUE_CREATE, &bad[0]), -ENOENT);
	bad[0] = good;
	bad[0].vm_id = 0x7fffffff;
	igt_assert_eq(colibri_ioctl(gpu->dev.fd, DRM_IOCTL_COLIBRI_QUEUE_CREATE, &bad[0]), -ENOENT);
}

static void create_all(struct gpu *gpu)
{
	/* One process gets half of the contexts; gpu->queue is one more. */
	igt_assert_eq_u32(count_free_queues(gpu) + 1, COLIBRI_MAX_CONTEXTS / 2);
	gpu_assert_vm_lives(gpu);
}

static void destroy_bad(struct gpu *gpu)
{
	struct drm_colibri_queue_destroy args = { .queue_id = gpu->queue, .pad = 1 };

	igt_assert_eq(colibri_ioctl(gpu->dev.fd, DRM_IOCTL_COLIBRI_QUEUE_DESTROY, &args), -EINVAL);
	igt_assert_eq(colibri_queue_destroy(&gpu->dev, 0), -ENOENT);
	igt_assert_eq(colibri_queue_destroy(&gpu->dev, 0x7fffffff), -ENOENT);
	gpu_new_queue(gpu);
	gpu_assert_vm_lives(gpu);
}

static void submit_bad(struct gpu *gpu)
{
	struct drm_colibri_queue_submit args = { .queue_id = gpu->queue };
	union colibri_packet packets[3];

	args.packets = (uintptr_t)packets;
	for (unsigned int i = 0; i < 3; i++)
		packets[i] = colibri_packet_vendor(COLIBRI_OP_NOP);

	args.count = 1;
	args.flags = 1;
	igt_assert_eq(colibri_ioctl(gpu->dev.fd, DRM_IOCTL_COLIBRI_QUEUE_SUBMIT, &args), -EINVAL);
	args.flags = 0;
	args.pad = 1;
	igt_assert_eq(colibri_ioctl(gpu->dev.fd, DRM_IOCTL_COLIBRI_QUEUE_SUBMIT, &args), -EINVAL);
	args.pad = 0;
	args.count = 0;
	igt_assert_eq(colibri_ioctl(gpu->dev.fd, DRM_IOCTL_COLIBRI_QUEUE_SUBMIT, &args), -EINVAL);
	args.count = 65;	/* the ring has 64 */
	igt_assert_eq(colibri_ioctl(gpu->dev.fd, DRM_IOCTL_COLIBRI_QUEUE_SUBMIT, &args), -EINVAL);
	args.count = 3;
	args.packets = 64;
	igt_assert_eq(colibri_ioctl(gpu->dev.fd, DRM_IOCTL_COLIBRI_QUEUE_SUBMIT, &args), -EFAULT);
	igt_assert_eq(colibri_queue_submit(&gpu->dev, 0x7fffffff, packets, 1), -ENOENT);

	/* One bad packet among good ones: none is taken. */
	packets[2].header = COLIBRI_PKT_INVALID;
	igt_assert_eq(colibri_queue_submit(&gpu->dev, gpu->queue, packets, 3), -EINVAL);
	packets[2].header = 4;
	igt_assert_eq(colibri_queue_submit(&gpu->dev, gpu->queue, packets, 3), -EINVAL);
	packets[2] = colibri_packet_vendor(COLIBRI_OP_MIGRATE);
	igt_assert_eq(colibri_queue_submit(&gpu->dev, gpu->queue, packets, 3), -EINVAL);
	packets[2] = colibri_packet_vendor(COLIBRI_OP_ICACHE_INV + 1);
	igt_assert_eq(colibri_queue_submit(&gpu->dev, gpu->queue, packets, 3), -EINVAL);

	igt_assert_eq_u64(submitted(gpu), 0);
	gpu_assert_vm_lives(gpu);
}

static void state_counts(struct gpu *gpu)
{
	struct drm_colibri_queue_state state;
	union colibri_packet nops[3];

	for (unsigned int i = 0; i < 3; i++)
		nops[i] = colibri_packet_vendor(COLIBRI_OP_NOP);
	gpu_submit(gpu, nops, 3);
	gpu_wait(gpu);
	igt_assert_eq(colibri_queue_get_state(&gpu->dev, gpu->queue, &state), 0);
	igt_assert_eq(state.state, DRM_COLIBRI_QUEUE_OK);
	igt_assert_eq(state.error, COLIBRI_QERR_NONE);
	igt_assert_eq_u64(state.submitted, 4);
	/* The fence is written before its packet retires. */
	igt_assert(state.retired == 3 || state.retired == 4);

	igt_assert_eq(colibri_queue_get_state(&gpu->dev, 0x7fffffff, &state), -ENOENT);
	state.queue_id = gpu->queue;
	state.pad = 1;
	igt_assert_eq(colibri_ioctl(gpu->dev.fd, DRM_IOCTL_COLIBRI_QUEUE_STATE, &state), -EINVAL);
}

static void ring_wraps(struct gpu *gpu)
{
	struct scalar_args args = { .addr = gpu_shared_addr(gpu, result) };
	uint32_t queue = gpu->queue;

	/* 16 slots, 100 launches of two packets: submit waits for room */
	igt_assert_eq(colibri_queue_create(&gpu->dev, gpu->vm, 1, 16, &gpu->queue), 0);
	for (args.value = 1; args.value <= 100; args.value++) {
		gpu_launch(gpu, "scalar_write", &args, sizeof(args), 1);
		if (args.value % (GPU_KERNARGS / 2) == 0)
			gpu_wait(gpu);
	}
	gpu_wait(gpu);
	igt_assert_eq_u64(*(uint64_t *)gpu->shared->result, 100);
	igt_assert_eq(colibri_queue_destroy(&gpu->dev, gpu->queue), 0);
	gpu->queue = queue;
}

static void illegal_instruction(struct gpu *gpu)
{
	struct scalar_args args = { 0 };
	struct drm_colibri_queue_state state;

	gpu_launch(gpu, "illegal", &args, sizeof(args), 1);
	state = gpu_expect_ban(gpu, COLIBRI_QERR_ILLEGAL_INSN);
	igt_assert(state.fault_pc >= gpu->code_addr &&
		   state.fault_pc < gpu->code_addr + gpu->code.size);
	expect_error(gpu, COLIBRI_QERR_ILLEGAL_INSN);
}

static void write_to(struct gpu *gpu, uint64_t addr, uint32_t error)
{
	struct scalar_args args = { .addr = addr };

	gpu_launch(gpu, "scalar_write", &args, sizeof(args), 1);
	expect_error(gpu, error);
}

static void bad_address(struct gpu *gpu)
{
	write_to(gpu, 1ull << COLIBRI_VA_BITS, COLIBRI_QERR_BAD_ADDRESS);
	write_to(gpu, ~7ull, COLIBRI_QERR_BAD_ADDRESS);
	write_to(gpu, COLIBRI_LOCAL_BASE + COLIBRI_MAX_LDS, COLIBRI_QERR_BAD_ADDRESS);
	write_to(gpu, COLIBRI_STACK_BASE + COLIBRI_MAX_STACK, COLIBRI_QERR_BAD_ADDRESS);
}

static void misaligned_atomic(struct gpu *gpu)
{
	struct atomic_args args = { .addr = gpu_shared_addr(gpu, result) + 2, .rounds = 1 };

	gpu_launch(gpu, "atomic_add32", &args, sizeof(args), 1);
	expect_error(gpu, COLIBRI_QERR_MISALIGNED);
}

static void bad_packet(struct gpu *gpu)
{
	const union colibri_packet good =
		colibri_packet_dispatch(gpu_kernel(gpu, "scalar_write"),
					gpu_shared_addr(gpu, kernargs), 64, 64);
	union colibri_packet bad[] = { good, good, good, good, good, good, good };

	bad[0].dispatch.wg_size[0] = COLIBRI_MAX_WG_ITEMS + 1;
	bad[1].dispatch.wg_size[0] = 0;
	bad[2].dispatch.setup = 0;
	bad[3].dispatch.group_size = COLIBRI_MAX_LDS + 1;
	bad[4].dispatch.private_size = COLIBRI_MAX_PRIVATE + 1;
	bad[5].dispatch.kernel_object += 8;
	bad[6] = colibri_packet_vendor(COLIBRI_OP_FILL);
	bad[6].fill.pattern_size = 3;
	bad[6].fill.dst = gpu_shared_addr(gpu, result);
	bad[6].fill.size = 3;
	for (unsigned int i = 0; i < ARRAY_SIZE(bad); i++) {
		igt_debug("row %u\n", i);
		gpu_submit(gpu, &bad[i], 1);
		expect_error(gpu, COLIBRI_QERR_BAD_PACKET);
	}
}

static void fence_unmapped(struct gpu *gpu)
{
	union colibri_packet fence = colibri_packet_fence(gpu->next_addr, 1);

	gpu_submit(gpu, &fence, 1);
	expect_error(gpu, COLIBRI_QERR_FENCE_UNMAPPED);

	fence = colibri_packet_fence(gpu->fence_addr + 12, 1);
	gpu_submit(gpu, &fence, 1);
	expect_error(gpu, COLIBRI_QERR_MISALIGNED);
}

static void two_queues(struct gpu *gpu)
{
	gpu_loop_start(gpu, gpu_shared_addr(gpu, result));
	for (unsigned int i = 0; i < 5; i++) {
		gpu_assert_vm_lives(gpu);
		gpu_loop_progress(gpu, 1);
	}
	gpu_loop_stop(gpu);
}

static void endless_destroy(struct gpu *gpu)
{
	uint64_t progress;

	gpu_loop_start(gpu, gpu_shared_addr(gpu, result));
	gpu_loop_progress(gpu, 10);
	igt_set_timeout(GPU_TIMEOUT_S, "destroying the queue of an endless kernel");
	gpu_new_queue(gpu);
	igt_reset_timeout();
	progress = gpu->shared->mail.progress;
	gpu_assert_vm_lives(gpu);
	igt_assert_eq_u64(gpu->shared->mail.progress, progress);
}

static void endless_exit(struct gpu *gpu)
{
	igt_fork(child, 1) {
		struct gpu own = { 0 };

		gpu_init(&own);
		gpu_loop_start(&own, gpu_shared_addr(&own, result));
	}
	igt_waitchildren_timeout(GPU_TIMEOUT_S, "a process exits with an endless kernel");
	create_all(gpu);
}

static const struct gpu_test tests[] = {
	{ "create-bad", create_bad, "each bad field is EINVAL and makes no queue" },
	{ "create-all", create_all, "contexts run out with ENOSPC, before one process has more than half, and come back" },
	{ "destroy-bad", destroy_bad, "unknown queues are ENOENT, padding is checked" },
	{ "submit-bad", submit_bad, "one bad packet or field: nothing is submitted" },
	{ "state-counts", state_counts, "QUEUE_STATE counts packets" },
	{ "ring-wraps", ring_wraps, "a small ring takes any number of packets, in order" },
	{ "illegal-instruction", illegal_instruction, "bans its queue, tells where, others live" },
	{ "bad-address", bad_address, "addresses of no segment ban the queue, others live" },
	{ "misaligned-atomic", misaligned_atomic, "bans its queue, others live" },
	{ "bad-packet", bad_packet, "each malformed packet bans its queue, others live" },
	{ "fence-unmapped", fence_unmapped, "fences to nowhere ban the queue, others live" },
	{ "two-queues", two_queues, "a queue works while another one's kernel runs on" },
	{ "endless-destroy", endless_destroy, "an endless kernel ends with its queue" },
	{ "endless-exit", endless_exit, "an endless kernel ends with its process, the queue is free again" },
};

igt_main()
{
	gpu_run_tests(tests, ARRAY_SIZE(tests), gpu_init_buffers_only);
}
