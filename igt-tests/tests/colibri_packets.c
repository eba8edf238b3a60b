// SPDX-License-Identifier: MIT
/*
 * What each packet does: copy, fill, fence, wait, timestamp, barrier and
 * instruction-cache invalidation.
 */
#include <errno.h>

#include "gpu_program.h"
#include "gpu_test.h"

IGT_TEST_DESCRIPTION("Packets of a compute queue");

static uint64_t *result(struct gpu *gpu)
{
	return (uint64_t *)gpu->shared->result;
}

static union colibri_packet copy_packet(uint64_t dst, uint64_t src, uint64_t size)
{
	union colibri_packet packet = colibri_packet_vendor(COLIBRI_OP_COPY);

	packet.copy.dst = dst;
	packet.copy.src = src;
	packet.copy.size = size;
	return packet;
}

static void copy_between(struct gpu *gpu)
{
	struct colibri_bo vram, sys;
	uint64_t vram_addr = gpu_bind_bo(gpu, &vram, MiB, DRM_COLIBRI_GEM_VRAM, 0, 0);
	uint64_t sys_addr = gpu_bind_bo(gpu, &sys, MiB, DRM_COLIBRI_GEM_SYSTEM, 0, 0);
	union colibri_packet packets[2];

	cpu_ramp_write(sys.map, sys.size, 3);
	packets[0] = copy_packet(vram_addr, sys_addr, MiB);
	gpu_submit(gpu, packets, 1);
	gpu_wait(gpu);
	igt_assert_eq_u64(cpu_ramp_errors(vram.map, vram.size, 3), 0);

	/* Any alignment and size: bytes 5..1004 go to 1..1000, nothing around them changes. */
	memset(sys.map, 0xee, sys.size);
	packets[0] = copy_packet(sys_addr + 1, vram_addr + 5, 1000);
	gpu_submit(gpu, packets, 1);
	gpu_wait(gpu);
	igt_assert_eq(memcmp((char *)sys.map + 1, (char *)vram.map + 5, 1000), 0);
	igt_assert_eq(*(uint8_t *)sys.map, 0xee);
	igt_assert_eq(((uint8_t *)sys.map)[1001], 0xee);
	colibri_bo_destroy(&gpu->dev, &sys);
	colibri_bo_destroy(&gpu->dev, &vram);
}

static void copy_svm(struct gpu *gpu)
{
	uint32_t *src = map_anonymous(MiB, PAGE_SIZE);
	uint32_t *dst = map_anonymous(MiB, PAGE_SIZE);
	union colibri_packet packet = copy_packet((uintptr_t)dst, (uintptr_t)src, MiB);

	cpu_ramp_write(src, MiB, 9);
	gpu_submit(gpu, &packet, 1);
	gpu_wait(gpu);
	igt_assert_eq_u64(cpu_ramp_errors(dst, MiB, 9), 0);
	igt_assert(gpu_stats(gpu).faults > 0);
}

static void fill_patterns(struct gpu *gpu)
{
	static const uint8_t pattern[16] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16 };
	uint8_t *bytes = gpu->shared->result;

	for (unsigned int size = 1; size <= 16; size *= 2) {
		union colibri_packet packet = colibri_packet_vendor(COLIBRI_OP_FILL);

		memset(bytes, 0, 1024);
		packet.fill.pattern_size = size;
		packet.fill.dst = gpu_shared_addr(gpu, result) + 16;
		packet.fill.size = 512;
		memcpy(packet.fill.pattern, pattern, sizeof(pattern));
		gpu_submit(gpu, &packet, 1);
		gpu_wait(gpu);
		for (unsigned int i = 0; i < 1024; i++)
			igt_assert_eq(bytes[i], i >= 16 && i < 528 ? pattern[(i - 16) % size] : 0);
	}
}

/* The timestamp lies between a kernel's effect and the fence; time goes forward. */
static void timestamp(struct gpu *gpu)
{
	union colibri_packet packets[2];

	for (unsigned int i = 0; i < 2; i++) {
		packets[i] = colibri_packet_vendor(COLIBRI_OP_TIMESTAMP);
		packets[i].timestamp.addr = gpu_shared_addr(gpu, result) + i * 8;
	}
	memset(result(gpu), 0, 16);
	gpu_submit(gpu, packets, 2);
	gpu_wait(gpu);
	igt_assert(result(gpu)[0] != 0);
	igt_assert_lte_u64(result(gpu)[0], result(gpu)[1]);
}

static void wait_blocks(struct gpu *gpu, uint32_t cond, uint64_t start, uint64_t ref,
			uint64_t release)
{
	volatile uint64_t *word = result(gpu);
	union colibri_packet packets[2];

	word[0] = start;
	word[8] = 0;
	packets[0] = colibri_packet_vendor(COLIBRI_OP_WAIT);
	packets[0].wait.cond = cond;
	packets[0].wait.addr = gpu_shared_addr(gpu, result);
	packets[0].wait.ref = ref;
	packets[0].wait.mask = 0xff;
	packets[1] = colibri_packet_vendor(COLIBRI_OP_FILL);
	packets[1].header |= COLIBRI_PKT_BARRIER_BIT;
	packets[1].fill.pattern_size = 8;
	packets[1].fill.dst = gpu_shared_addr(gpu, result) + 64;
	packets[1].fill.size = 8;
	packets[1].fill.pattern[0] = 5;
	gpu_submit(gpu, packets, 2);
	igt_assert_eq(colibri_fence_wait(&gpu->dev, &gpu->fence, 0, DRM_COLIBRI_WAIT_GE, gpu->seqno,
					 gpu->queue, 100 * NSEC_PER_MSEC), -ETIME);
	igt_assert_eq_u64(word[8], 0);
	word[0] = release;
	gpu_wait(gpu);
	igt_assert_eq_u64(word[8], 5);
}

static void wait_conditions(struct gpu *gpu)
{
	/* The mask hides the upper bits. */
	wait_blocks(gpu, COLIBRI_WAIT_EQ, 0xf01, 2, 0xf02);
	wait_blocks(gpu, COLIBRI_WAIT_NE, 0xf02, 2, 0xf03);
	wait_blocks(gpu, COLIBRI_WAIT_GE, 0xf01, 2, 0x103);
}

/* Signals count down to zero as packets complete; barriers wait for them. */
static void barriers(struct gpu *gpu)
{
	volatile uint64_t *signals = result(gpu);
	uint64_t addr = gpu_shared_addr(gpu, result);
	union colibri_packet packets[3] = { 0 };
	uint32_t waiter;

	signals[0] = 1;	/* completed by packet 0 */
	signals[1] = 1;	/* by the CPU */
	signals[2] = 2;	/* by packets 1 and 2 */
	packets[0] = colibri_packet_vendor(COLIBRI_OP_NOP);
	packets[0].copy.completion_signal = addr;
	packets[1].barrier.header = COLIBRI_PKT_BARRIER_OR;
	packets[1].barrier.dep_signal[0] = addr + 8;
	packets[1].barrier.dep_signal[1] = addr;
	packets[1].barrier.completion_signal = addr + 16;
	packets[2].barrier.header = COLIBRI_PKT_BARRIER_AND;
	packets[2].barrier.dep_signal[0] = addr + 8;
	packets[2].barrier.dep_signal[3] = addr;
	packets[2].barrier.completion_signal = addr + 16;

	gpu_submit(gpu, packets, 3);
	igt_assert_eq(colibri_fence_wait(&gpu->dev, &gpu->fence, 0, DRM_COLIBRI_WAIT_GE, gpu->seqno,
					 gpu->queue, 100 * NSEC_PER_MSEC), -ETIME);
	igt_assert_eq_u64(signals[0], 0);
	igt_assert_eq_u64(signals[2], 1);

	/* Another queue's packet gives the second signal. */
	igt_assert_eq(colibri_queue_create(&gpu->dev, gpu->vm, 1, 16, &waiter), 0);
	packets[0].copy.completion_signal = addr + 8;
	igt_assert_eq(colibri_queue_submit(&gpu->dev, waiter, packets, 1), 0);
	gpu_wait(gpu);
	igt_assert_eq_u64(signals[1], 0);
	igt_assert_eq_u64(signals[2], 0);
	igt_assert_eq(colibri_queue_destroy(&gpu->dev, waiter), 0);
}

static void icache_invalidate(struct gpu *gpu)
{
	struct scalar_args args = { .addr = gpu_shared_addr(gpu, result), .value = 1 };
	union colibri_packet packet = colibri_packet_vendor(COLIBRI_OP_ICACHE_INV);
	uint8_t *code = gpu->code.map;

	gpu_run(gpu, "scalar_write", &args, sizeof(args), 1);
	igt_assert_eq_u64(result(gpu)[0], 1);

	/* scalar_write becomes illegal's code: the queue must notice. */
	memcpy(code + gpu_program_entry("scalar_write"), code + gpu_program_entry("illegal"), 2);
	gpu_submit(gpu, &packet, 1);
	args.value = 2;
	gpu_launch(gpu, "scalar_write", &args, sizeof(args), 1);
	gpu_expect_ban(gpu, COLIBRI_QERR_ILLEGAL_INSN);
	igt_assert_eq_u64(result(gpu)[0], 1);
	gpu_new_queue(gpu);
}

static const struct gpu_test tests[] = {
	{ "copy-between-memories", copy_between, "system memory to VRAM and back, any alignment" },
	{ "copy-svm", copy_svm, "both ends in the process's memory: the copy faults and goes on" },
	{ "fill-patterns", fill_patterns, "patterns of 1 to 16 bytes, nothing around them changes" },
	{ "timestamp", timestamp, "the device's clock goes forward" },
	{ "wait-conditions", wait_conditions, "the queue stops until the word fulfils the condition" },
	{ "barriers", barriers, "AND waits for all signals, OR for one; across queues" },
	{ "icache-invalidate", icache_invalidate, "changed code runs after ICACHE_INV" },
};

igt_main()
{
	gpu_run_tests(tests, ARRAY_SIZE(tests), gpu_init);
}
