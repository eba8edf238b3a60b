// SPDX-License-Identifier: MIT
/*
 * Two unprivileged processes of different users cannot see each other's data: what one leaves in memory,
 * and what the other's GPU work reaches. colibri_isolation_calls.c is about calls and files.
 */
#include <errno.h>
#include <signal.h>
#include <sys/mman.h>

#include "gpu_test.h"
#include "users.h"

IGT_TEST_DESCRIPTION("What one process's GPU work sees of another process");

#define SECRET		0x5ec2e7
#define SVM_SIZE	(4 * MiB)
#define TRACE_SIZE	1024u
#define TRACE_WAVES	16u
#define TRACE_QUEUES	8u

static bool all_zero(const void *data, size_t size)
{
	const uint64_t *words = data;

	for (size_t i = 0; i < size / sizeof(*words); i++)
		if (words[i])
			return false;
	return true;
}

/* ---- What is left in memory ---------------------------------------------- */

/* As many buffers of @size as there is VRAM for, each as @use likes it; returns how many. */
static unsigned int take_vram(struct gpu *gpu, size_t size, struct colibri_bo *bos, unsigned int max,
			      void (*use)(struct colibri_bo *bo))
{
	unsigned int count = 0;
	int ret;

	while (count < max) {
		ret = colibri_bo_create(&gpu->dev, size, DRM_COLIBRI_GEM_VRAM, 0, &bos[count]);
		if (ret) {
			igt_assert_eq(ret, -ENOSPC);
			break;
		}
		use(&bos[count++]);
	}
	return count;
}

static void write_secret(struct colibri_bo *bo)
{
	for (size_t i = 0; i < bo->size / 8; i++)
		((uint64_t *)bo->map)[i] = SECRET;
}

static void expect_zero(struct colibri_bo *bo)
{
	igt_assert(all_zero(bo->map, bo->size));
}

/* A's buffers go with its process, killed or not; B gets the same VRAM, in pieces of another size. */
static void buffers_cleared(struct gpu *gpu)
{
	require_small_vram(gpu, 64);
	for (unsigned int round = 0; round < 2; round++) {
		user_fork(USER_A) {
			struct colibri_bo bos[64];
			struct gpu own = { 0 };

			gpu_open(&own);
			igt_assert(take_vram(&own, SVM_BLOCK_SIZE, bos, 64, write_secret) > 0);
		}
		user_wait();
		user_fork(USER_B) {
			struct colibri_bo bos[256];
			struct gpu own = { 0 };

			gpu_open(&own);
			igt_assert(take_vram(&own, SVM_BLOCK_SIZE / 4, bos, 256, expect_zero) > 0);
		}
		user_wait();
	}
}

static void write_one_per_page(struct gpu *gpu, char *memory)
{
	struct walk_args args = {
		.base = (uintptr_t)memory,
		.log2_count = 10,	/* pages of SVM_SIZE */
		.shift = 12,
		.factor = 1,
		.rotate = 0,
		.per_wave = 64,
		.value = 1,
	};

	gpu_run(gpu, "walk_add", &args, sizeof(args), (1u << 10) / 64);
}

/* A fills VRAM by faults and is killed; B's first touch of new memory brings zeros to the GPU. */
static void svm_cleared(struct gpu *gpu, int advice)
{
	struct steps *steps = steps_new();

	require_small_vram(gpu, 64);
	fork_victim() {
		struct gpu own = { 0 };
		uint64_t *memory = map_anonymous(SVM_SIZE, SVM_BLOCK_SIZE);

		user_become(USER_A);
		madvise(memory, SVM_SIZE, advice);
		gpu_init(&own);
		gpu_ramp_write(&own, memory, SVM_SIZE, SECRET);
		gpu_loop_start(&own, gpu_shared_addr(&own, result));
		steps_done(steps, 1);
		gpu_wait_result(&own);
	}
	steps_wait(steps, 1);
	kill_victim();
	user_fork(USER_B) {
		struct gpu own = { 0 };
		char *memory = map_anonymous(SVM_SIZE, SVM_BLOCK_SIZE);
		uint64_t before;

		madvise(memory, SVM_SIZE, advice);
		gpu_init(&own);
		before = gpu_stats(&own).pages_to_vram + gpu_stats(&own).pages_mapped_vram;
		write_one_per_page(&own, memory);
		igt_assert(gpu_stats(&own).pages_to_vram + gpu_stats(&own).pages_mapped_vram > before);
		for (size_t at = 0; at < SVM_SIZE; at += PAGE_SIZE) {
			igt_assert_eq_u64(*(uint64_t *)(memory + at), 1);
			igt_assert(all_zero(memory + at + 8, PAGE_SIZE - 8));
		}
	}
	user_wait();
}

static void pages_cleared(struct gpu *gpu)
{
	svm_cleared(gpu, MADV_NOHUGEPAGE);
}

static void large_pages_cleared(struct gpu *gpu)
{
	svm_cleared(gpu, MADV_HUGEPAGE);
}

static void run_traces(struct gpu *gpu, const char *kernel, uint32_t value)
{
	struct traces_args args = {
		.out = gpu_shared_addr(gpu, result),
		.size = TRACE_SIZE,
		.value = value,
	};
	union colibri_packet packet =
		colibri_packet_dispatch(gpu_kernel(gpu, kernel), gpu_put_args(gpu, &args, sizeof(args)),
					TRACE_WAVES * COLIBRI_WAVE_LANES, COLIBRI_WAVE_LANES);

	packet.dispatch.private_size = TRACE_SIZE;
	packet.dispatch.group_size = TRACE_SIZE;
	gpu_submit(gpu, &packet, 1);
	gpu_wait(gpu);
}

/* How many waves found something that was not zero. */
static unsigned int count_traces(struct gpu *gpu)
{
	const uint32_t *found = (const uint32_t *)gpu->shared->result;
	unsigned int count = 0;

	memset(gpu->shared->result, 0xff, TRACE_WAVES * sizeof(*found));
	run_traces(gpu, "find_traces", 0);
	for (unsigned int i = 0; i < TRACE_WAVES; i++)
		count += found[i] != 0;
	return count;
}

/* Local and private memory and stacks, of queues that take turns on the same hardware. */
static void waves_cleared(struct gpu *gpu)
{
	(void)gpu;
	user_fork(USER_A) {
		struct gpu own = { 0 };

		gpu_init(&own);
		for (unsigned int i = 0; i < TRACE_QUEUES; i++) {
			run_traces(&own, "leave_traces", SECRET);
			gpu_new_queue(&own);
			igt_assert_eq_u32(count_traces(&own), 0);
		}
		run_traces(&own, "leave_traces", SECRET);
	}
	user_wait();
	user_fork(USER_B) {
		struct gpu own = { 0 };

		gpu_init(&own);
		for (unsigned int i = 0; i < TRACE_QUEUES; i++) {
			igt_assert_eq_u32(count_traces(&own), 0);
			gpu_new_queue(&own);
		}
	}
	user_wait();
}

/* ---- What the GPU reaches ------------------------------------------------- */

/* A copy from @src to the VM's own memory must fail. */
static void expect_no_read(struct gpu *gpu, uint64_t src)
{
	union colibri_packet packet = colibri_packet_copy(gpu_shared_addr(gpu, result), src, 8);
	uint64_t *result = (uint64_t *)gpu->shared->result;

	*result = 1;
	gpu_submit(gpu, &packet, 1);
	igt_assert_eq(gpu_wait_result(gpu), -ENOTRECOVERABLE);
	igt_assert_eq_u64(*result, 1);
	gpu_new_queue(gpu);
}

static void expect_no_write(struct gpu *gpu, uint64_t dst)
{
	const union colibri_packet packets[] = {
		colibri_packet_fill(dst, 8, 0x66666666),
		colibri_packet_fence(dst, 0x66666666),
		colibri_packet_timestamp(dst),
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(packets); i++) {
		gpu_submit(gpu, &packets[i], 1);
		igt_assert_eq(gpu_wait_result(gpu), -ENOTRECOVERABLE);
		gpu_new_queue(gpu);
	}
}

static void expect_no_code(struct gpu *gpu, uint64_t addr)
{
	struct scalar_args args = { .addr = addr };

	gpu_launch(gpu, "jump", &args, sizeof(args), 1);
	igt_assert_eq(gpu_wait_result(gpu), -ENOTRECOVERABLE);
	gpu_new_queue(gpu);
}

/* What @who has where only it knows, for the other to look at. */
struct places {
	struct steps steps;
	uint64_t addr[8];
	unsigned int count;
};

static void reach_child(struct places *places)
{
	struct gpu own = { 0 };

	gpu_init(&own);
	for (unsigned int i = 0; i < places->count; i++) {
		igt_debug("address %#lx\n", (unsigned long)places->addr[i]);
		expect_no_read(&own, places->addr[i]);
		expect_no_write(&own, places->addr[i]);
		expect_no_code(&own, places->addr[i]);
	}
	gpu_assert_vm_lives(&own);
	gpu_fini(&own);
}

/* B's buffers, memory, and all that is the driver's; A has nothing at these addresses. */
static void other_memory(struct gpu *gpu)
{
	struct places *places = (struct places *)steps_new();

	(void)gpu;
	user_fork(USER_B) {
		struct gpu own = { 0 };
		struct colibri_bo bo;
		uint64_t *memory, addr;

		/* Where no other process has anything. */
		memory = mmap((void *)0x123400000000, SVM_SIZE, PROT_READ | PROT_WRITE,
			      MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
		igt_assert(memory != MAP_FAILED);
		gpu_init(&own);
		own.next_addr += 1ull << 40;
		addr = gpu_bind_bo(&own, &bo, MiB, DRM_COLIBRI_GEM_VRAM, 0, 0);
		write_secret(&bo);
		gpu_ramp_write(&own, memory, SVM_SIZE, SECRET);
		gpu_loop_start(&own, gpu_shared_addr(&own, result));
		places->addr[0] = addr;
		places->addr[1] = (uintptr_t)memory;
		/* Rings are behind the zone; A's own are somewhere there, too. */
		places->addr[2] = own.dev.info.va_zone_end + (1ull << 48);
		places->addr[3] = (1ull << COLIBRI_VA_BITS) - PAGE_SIZE;
		places->addr[4] = own.dev.info.va_zone_end - PAGE_SIZE;
		/* VRAM's offsets, where page tables are, are no addresses. */
		places->addr[5] = 0;
		places->addr[6] = PAGE_SIZE;
		places->count = 7;
		steps_done(&places->steps, 1);
		steps_wait(&places->steps, 2);
		gpu_loop_stop(&own);
		igt_assert_eq_u64(gpu_ramp_errors(&own, memory, SVM_SIZE, SECRET), 0);
		for (size_t i = 0; i < bo.size / 8; i++)
			igt_assert_eq_u64(((uint64_t *)bo.map)[i], SECRET);
	}
	user_fork(USER_A) {
		steps_wait(&places->steps, 1);
		reach_child(places);
		steps_done(&places->steps, 2);
	}
	user_wait();
}

/* A VM of each ASID that there is, one after the other: none knows A's translations. */
static void asids_recycled(struct gpu *gpu)
{
	struct drm_colibri_query_limits limits;

	igt_assert_eq(colibri_query_limits(&gpu->dev, &limits), 0);
	user_fork(USER_A) {
		struct gpu own = { 0 };
		struct colibri_bo bo;
		union colibri_packet copy;

		gpu_init(&own);
		own.next_addr += 1ull << 30;
		copy = colibri_packet_copy(gpu_shared_addr(&own, result), own.next_addr, PAGE_SIZE);
		gpu_bind_bo(&own, &bo, PAGE_SIZE, DRM_COLIBRI_GEM_VRAM, 0, 0);
		write_secret(&bo);
		gpu_submit(&own, &copy, 1);
		gpu_wait(&own);
		igt_assert_eq_u64(*(uint64_t *)own.shared->result, SECRET);
	}
	user_wait();
	user_fork(USER_B) {
		struct gpu own = { 0 };
		union colibri_packet copy;

		gpu_open(&own);
		copy = colibri_packet_copy(own.next_addr + 4096, own.next_addr + (1ull << 30), 8);
		igt_assert_eq(colibri_bo_create(&own.dev, PAGE_SIZE, DRM_COLIBRI_GEM_SYSTEM,
						DRM_COLIBRI_GEM_FENCE, &own.fence), 0);
		own.seqno = 1;
		for (unsigned int i = 0; i < limits.max_vms + 8; i++) {
			igt_assert_eq(colibri_vm_create(&own.dev, &own.vm), 0);
			igt_assert_eq(colibri_queue_create(&own.dev, own.vm, 0, 16, &own.queue), 0);
			igt_assert_eq(colibri_queue_submit(&own.dev, own.queue, &copy, 1), 0);
			igt_assert_eq(gpu_wait_result(&own), -ENOTRECOVERABLE);
			igt_assert_eq(colibri_queue_destroy(&own.dev, own.queue), 0);
			igt_assert_eq(colibri_vm_destroy(&own.dev, own.vm), 0);
		}
	}
	user_wait();
}

/* ---- What one does to the other ------------------------------------------ */

/* Faults without end: good ones on memory that is taken away again, and bad ones. */
static void storm(struct steps *steps)
{
	uint32_t *memory = map_anonymous(MiB, PAGE_SIZE);
	struct gpu own = { 0 }, endless;

	gpu_init(&own);
	gpu_second_queue(&own, &endless);
	gpu_loop_start(&endless, gpu_shared_addr(&endless, result));
	__atomic_fetch_add(&steps->done, 1, __ATOMIC_SEQ_CST);
	while (__atomic_load_n(&steps->done, __ATOMIC_ACQUIRE) < 100) {
		gpu_ramp_write(&own, memory, MiB, 1);
		madvise(memory, MiB, MADV_DONTNEED);
		gpu_write_word(&own, (void *)(PAGE_SIZE * 3), 1);
		igt_assert_eq(gpu_wait_result(&own), -ENOTRECOVERABLE);
		gpu_new_queue(&own);
	}
	gpu_loop_stop(&endless);
	gpu_second_queue_fini(&endless);
	gpu_fini(&own);
}

static void storms(struct gpu *gpu)
{
	struct steps *steps = steps_new();

	(void)gpu;
	user_fork(USER_A)
		storm(steps);
	user_fork(USER_A)
		storm(steps);
	user_fork(USER_B) {
		uint32_t *memory = map_anonymous(64 * KiB, PAGE_SIZE);
		struct gpu own = { 0 };

		steps_wait(steps, 2);
		gpu_init(&own);
		for (unsigned int i = 0; i < 3; i++)
			gpu_share(&own, memory, 64 * KiB);
		gpu_fini(&own);
		steps_done(steps, 100);
	}
	user_wait();
}

static const struct gpu_test tests[] = {
	{ "buffers-cleared", buffers_cleared, "VRAM of a dead process's buffers is zero for the next one" },
	{ "pages-cleared", pages_cleared, "pages that A had in VRAM are zero when B's GPU gets them" },
	{ "large-pages-cleared", large_pages_cleared, "the same with large pages" },
	{ "waves-cleared", waves_cleared, "local and private memory and stacks of another's waves are not seen" },
	{ "other-memory", other_memory, "B's buffers, memory and rings and the page tables are not A's to reach" },
	{ "asids-recycled", asids_recycled, "whatever ASID a VM has, it has no translation of an earlier one" },
	{ "storms", storms, "fault storms and endless kernels of A leave B working" },
};

igt_main()
{
	gpu_run_tests(tests, ARRAY_SIZE(tests), gpu_open);
}
