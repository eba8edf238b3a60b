// SPDX-License-Identifier: MIT
/*
 * Shared virtual memory when memory is short: swap (zram) both ways, and control groups at
 * their limit with VRAM full, too.
 */
#include <signal.h>
#include <sys/mman.h>
#include <sys/swap.h>
#include <sys/wait.h>

#include "gpu_test.h"
#include "system.h"

IGT_TEST_DESCRIPTION("Shared virtual memory: swap and memory limits");

#define SIZE		(256 * KiB)
#define PAGES		(SIZE / PAGE_SIZE)
#define VRAM_CHUNKS	8
#define VRAM_SIZE	(VRAM_CHUNKS * SVM_BLOCK_SIZE)
#define ZRAM		"/sys/block/zram0/"
#define SWAP		"/dev/zram0"

static void swap_on(void)
{
	require_command("modprobe -q zram; test -e " ZRAM "disksize", "zram in this kernel");
	/* A subtest that was killed left it on. */
	swapoff(SWAP);
	sys_write(ZRAM "reset", "1");
	sys_write(ZRAM "disksize", "256M");
	igt_assert_eq(system("mkswap -q " SWAP), 0);
	igt_assert_eq(swapon(SWAP, 0), 0);
}

static void swap_off(void)
{
	igt_assert_eq(swapoff(SWAP), 0);
	sys_write(ZRAM "reset", "1");
}

/* Until at least @pages pages of a range are in swap. */
static void page_out(void *words, size_t size, size_t pages)
{
	struct timespec start = { 0 };

	do {
		igt_assert_f(igt_nsec_elapsed(&start) < GPU_TIMEOUT_S * NSEC_PER_SEC,
			     "%zu of %zu pages are in swap\n",
			     pagemap_count(words, size, PAGEMAP_SWAP), pages);
		igt_assert_eq(madvise(words, size, MADV_PAGEOUT), 0);
	} while (pagemap_count(words, size, PAGEMAP_SWAP) < pages);
}

static void to_gpu(struct gpu *gpu)
{
	char *words = map_anonymous(SIZE, PAGE_SIZE);

	cpu_ramp_write(words, SIZE, 1);
	page_out(words, SIZE, PAGES);
	igt_assert_eq_u64(gpu_ramp_errors(gpu, words, SIZE, 1), 0);
	page_out(words, SIZE, 0);	/* in VRAM: none of its business */
	gpu_ramp_add(gpu, words, SIZE, 1);
	igt_assert_eq_u64(cpu_ramp_errors(words, SIZE, 2), 0);
	page_out(words, SIZE, PAGES);
	gpu_ramp_write(gpu, words, SIZE, 30);
	igt_assert_eq_u64(cpu_ramp_errors(words, SIZE, 30), 0);
}

static void huge_to_gpu(struct gpu *gpu)
{
	char *words = map_anonymous(SVM_BLOCK_SIZE, SVM_BLOCK_SIZE);

	igt_require_f(!madvise(words, SVM_BLOCK_SIZE, MADV_HUGEPAGE), "no transparent huge pages\n");
	cpu_ramp_write(words, SVM_BLOCK_SIZE, 1);
	igt_assert_eq_u64(smaps_kib(words, "AnonHugePages"), SVM_BLOCK_SIZE / KiB);
	page_out(words, SVM_BLOCK_SIZE, SVM_BLOCK_SIZE / PAGE_SIZE);
	gpu_ramp_add(gpu, words, SVM_BLOCK_SIZE, 1);
	igt_assert_eq_u64(cpu_ramp_errors(words, SVM_BLOCK_SIZE, 2), 0);
}

/* VRAM, eviction, swap, CPU; and the same way back, with the GPU at the end. */
static void from_vram(struct gpu *gpu)
{
	char *words = map_anonymous(SVM_BLOCK_SIZE, SVM_BLOCK_SIZE);
	char *others = map_anonymous(VRAM_SIZE, SVM_BLOCK_SIZE);

	require_small_vram(gpu, VRAM_CHUNKS);
	for (uint32_t round = 0; round < 2; round++) {
		uint64_t evicted = gpu_stats(gpu).pages_evicted;

		gpu_ramp_to_vram(gpu, words, SVM_BLOCK_SIZE, 100 * round);
		gpu_ramp_write(gpu, others, VRAM_SIZE, 1);
		igt_assert_lte_u64(most_of(SVM_BLOCK_SIZE / PAGE_SIZE),
				   gpu_stats(gpu).pages_evicted - evicted);
		page_out(words, SVM_BLOCK_SIZE, most_of(SVM_BLOCK_SIZE / PAGE_SIZE));
		if (round)
			igt_assert_eq_u64(cpu_ramp_errors(words, SVM_BLOCK_SIZE, 100 * round), 0);
		else
			igt_assert_eq_u64(gpu_ramp_errors(gpu, words, SVM_BLOCK_SIZE, 100 * round), 0);
		igt_assert_eq_u64(madvise(words, SVM_BLOCK_SIZE, MADV_DONTNEED), 0);
	}
	igt_assert_eq_u64(cpu_ramp_errors(others, VRAM_SIZE, 1), 0);
}

/*
 * What a running kernel uses is swapped out under it; mapped in place, as shared memory is.
 * Each lane has a page: while the wave waits for the first one that is gone, the others go.
 */
static void during_kernel(struct gpu *gpu)
{
	const size_t size = COLIBRI_WAVE_LANES * PAGE_SIZE;
	char *pages = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct spread_args args = {
		.base = (uintptr_t)pages, .stride = PAGE_SIZE, .rounds = 200,
	};
	uint64_t target = sys_field("/proc/vmstat", "pswpout") + COLIBRI_WAVE_LANES;
	struct timespec start = { 0 };
	uint32_t launches = 0;

	igt_assert(pages != MAP_FAILED);
	memset(pages, 0, size);
	do {
		gpu_launch(gpu, "spread_add", &args, sizeof(args), 1);
		launches++;
		do {
			igt_assert(igt_nsec_elapsed(&start) < GPU_TIMEOUT_S * NSEC_PER_SEC);
			igt_assert_eq(madvise(pages, size, MADV_PAGEOUT), 0);
		} while (!gpu_is_done(gpu));
		gpu_wait(gpu);
	} while (sys_field("/proc/vmstat", "pswpout") < target);
	for (size_t i = 0; i < size; i += PAGE_SIZE)
		igt_assert_eq_u64(*(uint32_t *)(pages + i), launches * args.rounds);
	munmap(pages, size);
}

/* In the group: more data than its memory, and than VRAM. */
static void compute_in_group(size_t size)
{
	struct gpu own = { 0 };
	char *words;

	cgroup_enter();
	gpu_init(&own);
	words = map_anonymous(size, SVM_BLOCK_SIZE);
	/* khugepaged would charge 2 MiB more, and keep as many from reclaim, of the few that there are. */
	igt_assert_eq(madvise(words, size, MADV_NOHUGEPAGE), 0);
	gpu_ramp_write(&own, words, size, 1);
	igt_assert_eq_u64(cpu_ramp_errors(words, size / 2, 1), 0);
	gpu_ramp_add(&own, words, size, 10);
	igt_assert_eq_u64(gpu_ramp_errors(&own, words, size, 11), 0);
	igt_assert_eq_u64(cpu_ramp_errors(words, size, 11), 0);
	gpu_fini(&own);
}

static void memcg_limit(struct gpu *gpu)
{
	require_small_vram(gpu, VRAM_CHUNKS);
	cgroup_make(28 * MiB, 128 * MiB);
	igt_fork(child, 1)
		compute_in_group(36 * MiB);
	igt_waitchildren_timeout(2 * GPU_TIMEOUT_S, "the process at its limit");
	igt_assert_lte_u64(1, sys_field(CGROUP "memory.events", "max"));
	igt_assert_lte_u64(1, sys_field(CGROUP "memory.stat", "pswpout"));
	igt_assert_eq_u64(sys_field(CGROUP "memory.events", "oom_kill"), 0);
	cgroup_remove();
}

/* RAM of the group and VRAM full, no swap: the process is killed, and only it. */
static void memcg_oom(struct gpu *gpu)
{
	unsigned int free_queues = count_free_queues(gpu);
	struct steps *steps = steps_new();
	char *words;
	int status;

	require_small_vram(gpu, VRAM_CHUNKS);
	cgroup_make(32 * MiB, 0);
	fork_victim() {
		compute_in_group(128 * MiB);
		steps_done(steps, 1);
	}
	gpu_assert_vm_lives(gpu);
	status = igt_wait_helper(victim());
	igt_assert_eq(steps->done, 0);
	igt_assert_f(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL, "status %#x\n", status);
	igt_assert_lte_u64(1, sys_field(CGROUP "memory.events", "oom_kill"));
	cgroup_remove();

	/* All it had is free again. */
	wait_for_free_queues(gpu, free_queues);
	words = map_anonymous(VRAM_SIZE / 2, SVM_BLOCK_SIZE);
	gpu_ramp_to_vram(gpu, words, VRAM_SIZE / 2, 1);
	igt_assert_eq_u64(gpu_stats(gpu).pages_evicted, 0);
	igt_assert_eq_u64(cpu_ramp_errors(words, VRAM_SIZE / 2, 1), 0);
}

static const struct gpu_test tests[] = {
	{ "to-gpu", to_gpu, "the GPU reads, adds to, and writes pages that are in swap" },
	{ "huge-to-gpu", huge_to_gpu, "a huge page that is in swap" },
	{ "from-vram", from_vram, "from VRAM by eviction to swap, and back" },
	{ "during-kernel", during_kernel, "pages of a running kernel are swapped out: no update is lost" },
	{ "memcg-limit", memcg_limit, "more data than the control group's memory and VRAM: all data right" },
	{ "memcg-oom", memcg_oom, "the same without swap: the process is killed, others live" },
};

igt_main()
{
	igt_fixture()
		swap_on();

	gpu_run_tests(tests, ARRAY_SIZE(tests), gpu_init);

	igt_fixture()
		swap_off();
}
