// SPDX-License-Identifier: MIT
/*
 * Shared virtual memory under pressure: more data than VRAM, more pages in one
 * instruction than VRAM has chunks, and page faults that nobody resolves.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "fuse_file.h"
#include "gpu_test.h"
#include "userfault.h"

IGT_TEST_DESCRIPTION("Shared virtual memory: eviction and stalled faults");

/* VRAM of the VM that these tests want: 8 chunks */
#define CHUNKS		8
#define VRAM_SIZE	(CHUNKS * SVM_BLOCK_SIZE)

#define LANES		COLIBRI_WAVE_LANES

static void spread(struct gpu *gpu, uint64_t first, uint32_t rounds)
{
	uint8_t *blocks = map_anonymous(LANES * SVM_BLOCK_SIZE, SVM_BLOCK_SIZE);
	struct spread_args args = {
		.base = (uintptr_t)blocks + first,
		.stride = SVM_BLOCK_SIZE,
		.rounds = rounds,
	};

	require_small_vram(gpu, CHUNKS);
	for (unsigned int lane = 0; lane < LANES; lane++)
		memcpy(blocks + first + lane * SVM_BLOCK_SIZE, &lane, sizeof(lane));
	gpu_run(gpu, "spread_add", &args, sizeof(args), 1);
	for (unsigned int lane = 0; lane < LANES; lane++) {
		uint32_t value;

		memcpy(&value, blocks + first + lane * SVM_BLOCK_SIZE, sizeof(value));
		igt_assert_eq_u32(value, lane + rounds);
	}
	igt_assert(gpu_stats(gpu).pages_evicted > 0);
	munmap(blocks, LANES * SVM_BLOCK_SIZE);
}

static void lanes_on_blocks(struct gpu *gpu)
{
	spread(gpu, 0, 4);
}

/* Each lane's word lies across a page boundary: 128 pages in one instruction. */
static void lanes_on_page_pairs(struct gpu *gpu)
{
	spread(gpu, PAGE_SIZE - 2, 2);
}

static void oversubscribe_with(struct gpu *gpu, size_t size)
{
	uint8_t *words = map_anonymous(size, SVM_BLOCK_SIZE);
	struct drm_colibri_svm_stats stats;

	gpu_ramp_write(gpu, words, size, 1);
	igt_assert_eq_u64(cpu_ramp_errors(words, size / 4, 1), 0);
	gpu_ramp_add(gpu, words, size, 10);
	igt_assert_eq_u64(gpu_ramp_errors(gpu, words, size, 11), 0);
	stats = gpu_stats(gpu);
	igt_assert_lte_u64((size - VRAM_SIZE) / PAGE_SIZE, stats.pages_evicted);
	igt_assert_eq_u64(cpu_ramp_errors(words, size, 11), 0);
	munmap(words, size);
}

static void oversubscribe(struct gpu *gpu)
{
	require_small_vram(gpu, CHUNKS);
	oversubscribe_with(gpu, 64 * MiB);
}

static void oversubscribe_two(struct gpu *gpu)
{
	require_small_vram(gpu, CHUNKS);
	igt_fork(child, 2) {
		struct gpu own = { 0 };

		gpu_init(&own);
		oversubscribe_with(&own, 24 * MiB);
		gpu_fini(&own);
	}
	igt_waitchildren_timeout(2 * GPU_TIMEOUT_S, "two processes with 24 MiB each");
}

/* Buffers take their part of VRAM from migrated pages, and keep their data. */
static void buffers_and_pages(struct gpu *gpu)
{
	uint8_t *words = map_anonymous(VRAM_SIZE, SVM_BLOCK_SIZE);
	struct colibri_bo bo;
	uint64_t addr;

	require_small_vram(gpu, CHUNKS);
	gpu_ramp_write(gpu, words, VRAM_SIZE, 1);
	addr = gpu_bind_bo(gpu, &bo, 2 * SVM_BLOCK_SIZE, DRM_COLIBRI_GEM_VRAM, 0, 0);
	gpu_ramp_write(gpu, (void *)addr, bo.size, 2);
	gpu_ramp_add(gpu, words, VRAM_SIZE, 1);
	igt_assert_eq_u64(cpu_ramp_errors(bo.map, bo.size, 2), 0);
	igt_assert_eq_u64(gpu_ramp_errors(gpu, words, VRAM_SIZE, 2), 0);
	igt_assert_eq_u64(cpu_ramp_errors(words, VRAM_SIZE, 2), 0);
	igt_assert_eq(colibri_vm_unmap(&gpu->dev, gpu->vm, addr, bo.size), 0);
	colibri_bo_destroy(&gpu->dev, &bo);
	munmap(words, VRAM_SIZE);
}

/* Pages whose faults go to the returned userfaultfd. */
static int stalling_pages(void *pages, size_t size)
{
	int fd = userfault_open(0);

	userfault_register(fd, pages, size, UFFDIO_REGISTER_MODE_MISSING);
	return fd;
}

/* Resolves @count page faults: page i gets bytes i + 1. */
struct resolver {
	int fd;
	uint8_t *pages;
	unsigned int count;
};

static void *resolver_main(void *data)
{
	struct resolver *resolver = data;
	uint8_t page[PAGE_SIZE];

	while (resolver->count) {
		struct uffdio_copy copy = { .src = (uintptr_t)page, .len = PAGE_SIZE };

		copy.dst = userfault_wait(resolver->fd, NULL);
		memset(page, 1 + (copy.dst - (uintptr_t)resolver->pages) / PAGE_SIZE, PAGE_SIZE);
		if (!ioctl(resolver->fd, UFFDIO_COPY, &copy))
			resolver->count--;
	}
	return NULL;
}

static void userfault_resolved(struct gpu *gpu)
{
	const unsigned int waves = 16;
	struct resolver resolver = {
		.pages = map_anonymous(waves * PAGE_SIZE, PAGE_SIZE),
		.count = waves,
	};
	struct spread_read_args args = {
		.base = (uintptr_t)resolver.pages,
		.stride = PAGE_SIZE,
		.entered = gpu_shared_addr(gpu, result),
		.out = gpu_shared_addr(gpu, result) + waves,
	};
	pthread_t thread;

	resolver.fd = stalling_pages(resolver.pages, waves * PAGE_SIZE);
	igt_assert_eq(pthread_create(&thread, NULL, resolver_main, &resolver), 0);
	gpu_run(gpu, "spread_read", &args, sizeof(args), waves);
	igt_assert_eq(pthread_join(thread, NULL), 0);
	for (unsigned int i = 0; i < waves; i++)
		igt_assert_eq(gpu->shared->result[waves + i], i + 1);
	close(resolver.fd);
}

/*
 * Killed while its GPU waits for a page whose monitor is another process, here
 * this one, and does not answer: the process goes at once, its address space with all in it
 * when the monitor lets go, as with any kernel thread that waits in it.
 */
static void userfault_killed(struct gpu *gpu)
{
	struct { struct steps steps; int fd; } *shared = (void *)steps_new();
	unsigned int free_queues = count_free_queues(gpu);
	int pidfd, fd;

	fork_victim() {
		uint8_t *page = map_anonymous(PAGE_SIZE, PAGE_SIZE);
		struct scalar_args args = { .addr = (uintptr_t)page };
		struct gpu own = { 0 };

		shared->fd = stalling_pages(page, PAGE_SIZE);
		gpu_init(&own);
		gpu_launch(&own, "scalar_write", &args, sizeof(args), 1);
		steps_done(&shared->steps, 1);
		gpu_wait_result(&own);
	}
	steps_wait(&shared->steps, 1);
	pidfd = syscall(SYS_pidfd_open, victim()->pid, 0);
	fd = syscall(SYS_pidfd_getfd, pidfd, shared->fd, 0);
	igt_assert(pidfd >= 0 && fd >= 0);
	userfault_wait(fd, NULL);
	kill_victim();
	gpu_assert_vm_lives(gpu);
	close(fd);
	close(pidfd);
	wait_for_free_queues(gpu, free_queues);
}

/*
 * The process that parks all wave slots: PARK_WAVES waves on as many queues as the
 * hardware has but SPARE_QUEUES, more than the WAVE_SLOTS of a queue, each on a page of
 * its own that never comes.
 */
#define WAVE_SLOTS	64
#define PARK_WAVES	256
#define SPARE_QUEUES	4

static void launch_stalled(struct gpu *own, uint8_t *pages, unsigned int queues, uint32_t *ids)
{
	igt_assert(queues <= ARRAY_SIZE(own->shared->kernargs));
	for (unsigned int made = 0; made < queues; made++) {
		struct spread_read_args *args = (void *)own->shared->kernargs[made];
		union colibri_packet packet =
			colibri_packet_dispatch(gpu_kernel(own, "spread_read"),
						gpu_shared_addr(own, kernargs) + made * GPU_KERNARG_SIZE,
						PARK_WAVES * LANES, LANES);

		args->base = (uintptr_t)pages + made * PARK_WAVES * PAGE_SIZE;
		args->stride = PAGE_SIZE;
		args->entered = gpu_shared_addr(own, result) + made * PARK_WAVES;
		args->out = gpu_shared_addr(own, result) + GPU_RESULT_SIZE / 2 + made * PARK_WAVES;
		igt_assert_eq(colibri_queue_create(&own->dev, own->vm, 1, 16, &ids[made]), 0);
		igt_assert_eq(colibri_queue_submit(&own->dev, ids[made], &packet, 1), 0);
	}
}

static unsigned int count_ones(const volatile uint8_t *bytes, size_t size)
{
	unsigned int count = 0;

	for (size_t i = 0; i < size; i++)
		count += bytes[i] == 1;
	return count;
}

/* How many queues have all their slots taken. */
static unsigned int full_queues(struct gpu *own, unsigned int queues)
{
	unsigned int full = 0;

	for (unsigned int i = 0; i < queues; i++)
		full += count_ones(own->shared->result + i * PARK_WAVES, PARK_WAVES) >= WAVE_SLOTS;
	return full;
}

static void assert_not_banned(struct gpu *own, unsigned int queues, const uint32_t *ids)
{
	struct drm_colibri_queue_state state;

	for (unsigned int i = 0; i < queues; i++) {
		igt_assert_eq(colibri_queue_get_state(&own->dev, ids[i], &state), 0);
		igt_assert_f(state.state == DRM_COLIBRI_QUEUE_OK,
			     "queue %u is banned: error %u reason %u address %#llx\n", ids[i],
			     state.error, state.reason, state.fault_addr);
	}
}

static void wait_until_parked(struct gpu *own, unsigned int queues, const uint32_t *ids)
{
	struct timespec start = { 0 };
	unsigned int full;

	while ((full = full_queues(own, queues)) < queues) {
		assert_not_banned(own, queues, ids);
		igt_assert_f(igt_nsec_elapsed(&start) < GPU_TIMEOUT_S * NSEC_PER_SEC,
			     "%u of %u queues are full, %u waves started\n", full, queues,
			     count_ones(own->shared->result, queues * PARK_WAVES));
		cpu_pause();
	}
}

static void stalled_process(unsigned int queues, struct steps *steps)
{
	uint8_t *pages = fuse_file_map(queues * PARK_WAVES * PAGE_SIZE, 0);
	uint32_t ids[COLIBRI_MAX_QUEUES];
	struct gpu own = { 0 };

	gpu_init(&own);
	memset(own.shared->result, 0xff, GPU_RESULT_SIZE);
	launch_stalled(&own, pages, queues, ids);
	wait_until_parked(&own, queues, ids);
	steps_done(steps, 1);
	steps_wait(steps, 2);
	/* Not one of them got a page, or an error. */
	assert_not_banned(&own, queues, ids);
	for (size_t i = 0; i < queues * PARK_WAVES; i++)
		igt_assert_eq(own.shared->result[GPU_RESULT_SIZE / 2 + i], 0xff);
	steps_done(steps, 3);
	for (;;)
		pause();
}

static void all_wave_slots_parked(struct gpu *gpu)
{
	struct steps *steps = steps_new();
	unsigned int free_queues = count_free_queues(gpu);
	unsigned int queues = gpu->dev.info.num_queues - SPARE_QUEUES;
	uint8_t *words = map_anonymous(4 * MiB, PAGE_SIZE);

	fuse_file_require();
	igt_assert(2 * queues * PARK_WAVES <= GPU_RESULT_SIZE);
	fork_victim()
		stalled_process(queues, steps);
	steps_wait(steps, 1);

	cpu_ramp_write(words, 4 * MiB, 1);
	gpu_ramp_add(gpu, words, 4 * MiB, 1);
	igt_assert_eq_u64(cpu_ramp_errors(words, 4 * MiB, 2), 0);
	igt_assert_eq_u64(gpu_ramp_errors(gpu, words, 4 * MiB, 2), 0);
	if (gpu_migrates(gpu)) {
		igt_assert_lte_u64(most_of(2 * 4 * MiB / PAGE_SIZE), gpu_stats(gpu).pages_to_vram);
		igt_assert_lte_u64(most_of(4 * MiB / PAGE_SIZE), gpu_stats(gpu).pages_to_sys);
	}

	steps_done(steps, 2);
	steps_wait(steps, 3);
	kill_victim();
	wait_for_free_queues(gpu, free_queues);
}

static const struct gpu_test tests[] = {
	{ "64-lanes-64-blocks", lanes_on_blocks, "one instruction on 64 blocks, with VRAM of 8 chunks" },
	{ "64-lanes-128-pages", lanes_on_page_pairs, "one instruction on 64 page boundaries in 64 blocks" },
	{ "oversubscribe", oversubscribe, "64 MiB in VRAM of 16 MiB: all data right, on both sides" },
	{ "oversubscribe-two-processes", oversubscribe_two, "two processes of 24 MiB each" },
	{ "buffers-and-pages", buffers_and_pages, "a VRAM buffer takes room from migrated pages" },
	{ "userfault-resolved", userfault_resolved, "GPU faults on userfaultfd pages wait for their monitor" },
	{ "userfault-killed", userfault_killed, "a process whose GPU waits for a monitor that never answers can be killed" },
	{ "all-wave-slots-parked", all_wave_slots_parked,
	  "waves stalled for ever on every queue of one process: another one migrates and computes" },
};

igt_main()
{
	gpu_run_tests(tests, ARRAY_SIZE(tests), gpu_init);
}
