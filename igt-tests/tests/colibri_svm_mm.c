// SPDX-License-Identifier: MIT
/*
 * Shared virtual memory and what memory management does on its own or on request: gives
 * pages back, makes huge pages of small ones, and moves pages between nodes and away from
 * memory that is taken out. Where the pages of a running kernel have to be in system memory,
 * mlock() keeps them there.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/mempolicy.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "gpu_test.h"
#include "system.h"

IGT_TEST_DESCRIPTION("Shared virtual memory: memory management");

#define HUGE_SIZE	SVM_BLOCK_SIZE
#define HUGE_KIB	(HUGE_SIZE / KiB)
#define KHUGEPAGED	"/sys/kernel/mm/transparent_hugepage/khugepaged/"
#define NUMA_SCAN	"/sys/kernel/debug/sched/numa_balancing/"
#define MEMORY		"/sys/devices/system/memory/"

/* A block of small pages, zero, that stay in system memory. */
static char *map_in_place(size_t size)
{
	char *pages = map_anonymous(size, HUGE_SIZE);

	igt_assert_eq(madvise(pages, size, MADV_NOHUGEPAGE), 0);
	memset(pages, 0, size);
	igt_assert_eq(mlock(pages, size), 0);
	return pages;
}

static void wait_for_pages(const void *pages, const char *field, uint64_t kib)
{
	struct timespec start = { 0 };

	while (smaps_kib(pages, field) != kib) {
		igt_assert_f(igt_nsec_elapsed(&start) < GPU_TIMEOUT_S * NSEC_PER_SEC,
			     "%s is %lu kB, not %lu kB\n", field, smaps_kib(pages, field), kib);
		cpu_pause();
	}
}

/* Given back over and over, more than VRAM holds: nothing had to be evicted. */
static void dontneed(struct gpu *gpu)
{
	const size_t size = 4 * MiB;
	char *words = map_anonymous(size, HUGE_SIZE);

	for (size_t sum = 0; sum < 2 * gpu->dev.info.vram_size && sum < 64 * MiB; sum += size) {
		gpu_ramp_to_vram(gpu, words, size, 1);
		igt_assert_eq(madvise(words, size, MADV_DONTNEED), 0);
		for (size_t i = 0; i < size; i += PAGE_SIZE)
			igt_assert_eq(*(volatile uint32_t *)(words + i), 0);
	}
	igt_assert_eq_u64(gpu_stats(gpu).pages_evicted, 0);

	gpu_ramp_to_vram(gpu, words, size, 1);
	igt_assert_eq(madvise(words, size, MADV_DONTNEED), 0);
	for (size_t i = 0; i < size; i += MiB) {
		gpu_read_word(gpu, words + i + 8);
		igt_assert_eq_u64(gpu_word_read(gpu), 0);
	}
}

/* Each page is as it was or zero, for both sides the same, until it is written again. */
static void free_lazily(struct gpu *gpu)
{
	const size_t size = 256 * KiB;
	uint32_t *words = map_anonymous(size, PAGE_SIZE);

	gpu_ramp_to_vram(gpu, words, size, 1);
	igt_assert_eq(madvise(words, size, MADV_FREE), 0);
	for (size_t i = 0; i < size / 4; i += PAGE_SIZE / 4) {
		uint32_t seen;

		gpu_read_word(gpu, &words[i]);
		seen = gpu_word_read(gpu);
		igt_assert(seen == 1 + i || seen == 0);
		if (!seen)
			igt_assert_eq_u32(words[i], 0);
	}
	gpu_ramp_write(gpu, words, size, 50);
	igt_assert_eq_u64(cpu_ramp_errors(words, size, 50), 0);
	igt_assert_eq_u64(gpu_ramp_errors(gpu, words, size, 50), 0);
}

static char *small_pages_in_vram(struct gpu *gpu)
{
	char *words = map_anonymous(HUGE_SIZE, HUGE_SIZE);

	igt_assert_eq(madvise(words, HUGE_SIZE, MADV_NOHUGEPAGE), 0);
	gpu_ramp_to_vram(gpu, words, HUGE_SIZE, 1);
	igt_assert_eq(madvise(words, HUGE_SIZE, MADV_HUGEPAGE), 0);
	return words;
}

static void collapse(struct gpu *gpu)
{
	char *words = small_pages_in_vram(gpu);
	int ret = madvise(words, HUGE_SIZE, MADV_COLLAPSE) ? errno : 0;

	/* It may leave what is in VRAM alone. */
	igt_assert_f(!ret || ret == EAGAIN || ret == EINVAL || ret == EBUSY, "%s\n", strerror(ret));
	igt_assert_eq_u64(gpu_ramp_errors(gpu, words, HUGE_SIZE, 1), 0);
	igt_assert_eq_u64(cpu_ramp_errors(words, HUGE_SIZE, 1), 0);

	/* Now it is in system memory. */
	igt_assert_eq(madvise(words, HUGE_SIZE, MADV_COLLAPSE), 0);
	igt_assert_eq_u64(smaps_kib(words, "AnonHugePages"), HUGE_KIB);
	gpu_ramp_add(gpu, words, HUGE_SIZE, 1);
	igt_assert_eq_u64(cpu_ramp_errors(words, HUGE_SIZE, 2), 0);
}

static void hurry_khugepaged(void)
{
	sys_require_write(KHUGEPAGED "scan_sleep_millisecs", "1");
	sys_write(KHUGEPAGED "alloc_sleep_millisecs", "1");
	sys_write(KHUGEPAGED "pages_to_scan", "65536");
}

static void khugepaged(struct gpu *gpu)
{
	volatile uint64_t *pages = (uint64_t *)map_in_place(HUGE_SIZE);

	hurry_khugepaged();
	gpu_loop_start(gpu, (uintptr_t)&pages[100]);
	gpu_loop_progress(gpu, 10);
	igt_assert_eq_u64(smaps_kib((void *)pages, "AnonHugePages"), 0);
	igt_assert_eq(madvise((void *)pages, HUGE_SIZE, MADV_HUGEPAGE), 0);
	wait_for_pages((void *)pages, "AnonHugePages", HUGE_KIB);
	gpu_loop_progress(gpu, 10);
	igt_assert_eq_u64(gpu_loop_stop(gpu), pages[100]);
	igt_assert_eq_u64(pages[99], 0);
}

static void khugepaged_in_vram(struct gpu *gpu)
{
	struct timespec start = { 0 };
	uint64_t scans;
	char *words;

	hurry_khugepaged();
	words = small_pages_in_vram(gpu);
	scans = sys_read(KHUGEPAGED "full_scans");
	while (sys_read(KHUGEPAGED "full_scans") < scans + 2) {
		igt_assert(igt_nsec_elapsed(&start) < GPU_TIMEOUT_S * NSEC_PER_SEC);
		cpu_pause();
	}
	gpu_ramp_add(gpu, words, HUGE_SIZE, 1);
	igt_assert_eq_u64(cpu_ramp_errors(words, HUGE_SIZE, 2), 0);
	/* Here khugepaged gets it, and the GPU the huge page. */
	wait_for_pages(words, "AnonHugePages", HUGE_KIB);
	gpu_ramp_add(gpu, words, HUGE_SIZE, 1);
	igt_assert_eq_u64(cpu_ramp_errors(words, HUGE_SIZE, 3), 0);
}

static void compaction(struct gpu *gpu)
{
	volatile uint64_t *page = (uint64_t *)map_in_place(PAGE_SIZE);
	char *other = map_anonymous(8 * MiB, HUGE_SIZE);

	/* Holes for the compaction to fill */
	igt_assert_eq(madvise(other, 8 * MiB, MADV_NOHUGEPAGE), 0);
	gpu_loop_start(gpu, (uintptr_t)page);
	for (unsigned int i = 0; i < 3; i++) {
		memset(other, 1, 8 * MiB);
		for (size_t at = 0; at < 8 * MiB; at += 2 * PAGE_SIZE)
			madvise(other + at, PAGE_SIZE, MADV_DONTNEED);
		sys_require_write("/proc/sys/vm/compact_memory", "1");
		gpu_loop_progress(gpu, 5);
	}
	igt_assert_eq_u64(gpu_loop_stop(gpu), page[0]);
}

static void require_two_nodes(void)
{
	require_command("test -d /sys/devices/system/node/node1",
			"second memory node: numa=fake=2 on the kernel command line makes two");
}

static int move_to_node(volatile void *page, int node)
{
	void *pages[1] = { (void *)page };
	int status = -1;

	igt_assert_eq(syscall(SYS_move_pages, 0, 1ul, pages, &node, &status, MPOL_MF_MOVE), 0);
	return status;
}

/* The page moves between nodes under a kernel that uses it. */
static void move_pages(struct gpu *gpu)
{
	volatile uint64_t *page = (uint64_t *)map_in_place(PAGE_SIZE);
	unsigned int moved = 0;

	require_two_nodes();
	gpu_loop_start(gpu, (uintptr_t)page);
	for (int i = 0; i < 20; i++) {
		int status = move_to_node(page, i % 2);

		/* Busy: somebody holds a reference just now. */
		igt_assert_f(status == i % 2 || status == -EBUSY || status == -EAGAIN, "%s\n", strerror(-status));
		moved += status == i % 2;
		gpu_loop_progress(gpu, 2);
	}
	igt_assert_lte_u64(10, moved);
	igt_assert_eq_u64(gpu_loop_stop(gpu), page[0]);
}

/* What is in VRAM has no node. */
static void move_pages_in_vram(struct gpu *gpu)
{
	const size_t size = 64 * KiB;
	char *words = map_anonymous(size, PAGE_SIZE);

	require_two_nodes();
	gpu_ramp_to_vram(gpu, words, size, 1);
	for (size_t i = 0; i < size; i += PAGE_SIZE)
		igt_assert_eq(move_to_node(words + i, 1), -ENOENT);
	gpu_ramp_add(gpu, words, size, 1);
	igt_assert_eq_u64(cpu_ramp_errors(words, size, 2), 0);
	igt_assert_eq(move_to_node(words, 1), 1);
}

/* On the CPUs of @node; the memory that is mapped from now on comes from the other one. */
static void run_on_node(int node)
{
	unsigned long nodes = 1ul << !node;
	char path[64];
	cpu_set_t set;

	CPU_ZERO(&set);
	for (int cpu = 0; cpu < 64; cpu++) {
		snprintf(path, sizeof(path), "/sys/devices/system/node/node%d/cpu%d", node, cpu);
		if (!access(path, F_OK))
			CPU_SET(cpu, &set);
	}
	igt_require_f(CPU_COUNT(&set), "node %d has no CPU\n", node);
	igt_assert_eq(sched_setaffinity(0, sizeof(set), &set), 0);
	igt_assert_eq(syscall(SYS_set_mempolicy, MPOL_PREFERRED, &nodes, 64), 0);
}

static void numa_balancing(struct gpu *gpu)
{
	const char *hints = "numa_hint_faults", *moves = "numa_pages_migrated";
	struct timespec start = { 0 };
	uint64_t hints_before, moves_before;
	volatile uint64_t *words;

	require_two_nodes();
	sys_require_write("/proc/sys/kernel/numa_balancing", "1");
	sys_write(NUMA_SCAN "scan_delay_ms", "10");
	sys_write(NUMA_SCAN "scan_period_min_ms", "10");
	sys_write(NUMA_SCAN "scan_period_max_ms", "20");
	run_on_node(0);
	words = (uint64_t *)map_in_place(HUGE_SIZE);
	igt_assert_eq(syscall(SYS_set_mempolicy, MPOL_DEFAULT, NULL, 0), 0);
	hints_before = sys_field("/proc/vmstat", hints);
	moves_before = sys_field("/proc/vmstat", moves);

	gpu_loop_start(gpu, (uintptr_t)words);
	/* Until the kernel has found pages used from afar, and brought some. */
	while (sys_field("/proc/vmstat", hints) < hints_before + 100 ||
	       sys_field("/proc/vmstat", moves) < moves_before + 10) {
		igt_assert_f(igt_nsec_elapsed(&start) < GPU_TIMEOUT_S * NSEC_PER_SEC,
			     "%lu hint faults, %lu pages moved\n",
			     sys_field("/proc/vmstat", hints) - hints_before,
			     sys_field("/proc/vmstat", moves) - moves_before);
		for (size_t i = 0; i < HUGE_SIZE / 8; i += PAGE_SIZE / 8)
			words[i + 1]++;
	}
	gpu_loop_progress(gpu, 5);
	sys_write("/proc/sys/kernel/numa_balancing", "0");
	igt_assert_eq_u64(gpu_loop_stop(gpu), words[0]);
	for (size_t i = 0; i < HUGE_SIZE / 8; i += PAGE_SIZE / 8)
		igt_assert_eq_u64(words[i + 1], words[1]);
}

/* The number of the memory block that a page is in. */
static uint64_t memory_block(const volatile void *page)
{
	char text[32];
	FILE *file = fopen(MEMORY "block_size_bytes", "re");

	igt_assert(file && fgets(text, sizeof(text), file));
	fclose(file);
	return (pagemap((void *)page) & PAGEMAP_PFN) * PAGE_SIZE / strtoull(text, NULL, 16);
}

static bool is_movable(uint64_t block)
{
	char path[64], zones[64] = "";
	FILE *file;

	snprintf(path, sizeof(path), MEMORY "memory%lu/valid_zones", block);
	file = fopen(path, "re");
	if (!file)
		return false;
	if (!fgets(zones, sizeof(zones), file))
		zones[0] = 0;
	fclose(file);
	return strstr(zones, "Movable");
}

/* Memory blocks that one subtest tries to take out. */
#define MAX_BLOCKS	8

static bool is_known(const uint64_t *blocks, unsigned int n, uint64_t block)
{
	for (unsigned int i = 0; i < n; i++)
		if (blocks[i] == block)
			return true;
	return false;
}

/* A huge page in each block of movable memory that is found among many. */
static unsigned int map_movable(char **pages)
{
	const size_t size = 256 * MiB;
	char *pool = map_anonymous(size, HUGE_SIZE), *end = pool + size;
	uint64_t blocks[MAX_BLOCKS];
	unsigned int n = 0, kept = 0;

	for (char *at = pool; at < end && n < MAX_BLOCKS; at += HUGE_SIZE) {
		memset(at, 0, HUGE_SIZE);
		if (is_known(blocks, n, memory_block(at)) || !is_movable(memory_block(at)))
			continue;
		blocks[n] = memory_block(at);
		pages[n++] = at;
	}
	for (char *at = pool; at < end; at += HUGE_SIZE) {
		if (kept < n && at == pages[kept])
			kept++;
		else
			munmap(at, HUGE_SIZE);
	}
	return n;
}

static int take_out(uint64_t block)
{
	char path[64];
	int ret;

	snprintf(path, sizeof(path), MEMORY "memory%lu/state", block);
	/* Others' pages may be in use by I/O for a moment. */
	for (unsigned int i = 0; (ret = sys_try_write(path, "offline")) == -EBUSY && i < 20; i++)
		cpu_pause();
	igt_assert_f(!ret || ret == -EBUSY, "memory block %lu: %d\n", block, ret);
	return ret;
}

static void put_back(uint64_t block)
{
	char path[64];

	snprintf(path, sizeof(path), MEMORY "memory%lu/state", block);
	sys_write(path, "online_movable");
}

/* Takes out the memory under a kernel that uses it; false: it is in use by others, too. */
static bool loses_block(struct gpu *gpu, volatile uint64_t *page, uint64_t block)
{
	bool out;

	igt_assert_eq(mlock((void *)page, HUGE_SIZE), 0);
	gpu_loop_start(gpu, (uintptr_t)page);
	gpu_loop_progress(gpu, 10);
	out = !take_out(block);
	igt_assert(!out || memory_block(page) != block);
	gpu_loop_progress(gpu, 10);
	if (out)
		put_back(block);
	igt_assert_eq_u64(gpu_loop_stop(gpu), page[0]);
	munmap((void *)page, HUGE_SIZE);
	return out;
}

/*
 * A block may hold a page that the kernel cannot move, of its own or of a device.
 * Then another block must do; and without the GPU this one must not go, either.
 */
static void hot_remove(struct gpu *gpu)
{
	unsigned int n, kept_by_gpu = 0;
	char *pages[MAX_BLOCKS];

	require_command("test -d " MEMORY, "memory hot-remove in this kernel");
	n = map_movable(pages);
	igt_require_f(n, "no memory can be taken out: movablecore=640M on the kernel command line makes some\n");

	for (unsigned int i = 0; i < n; i++) {
		uint64_t block = memory_block(pages[i]);

		if (loses_block(gpu, (uint64_t *)pages[i], block))
			return;
		igt_info("memory block %lu stays\n", block);
		if (!take_out(block)) {
			put_back(block);
			kept_by_gpu++;
		}
	}
	igt_assert_f(!kept_by_gpu, "%u of %u memory blocks stay when the GPU uses them, and go when it does not\n",
		     kept_by_gpu, n);
	igt_require_f(false, "each of %u blocks of movable memory holds pages that the kernel cannot take out\n",
		      n);
}

static const struct gpu_test tests[] = {
	{ "dontneed-in-vram", dontneed, "MADV_DONTNEED of pages in VRAM: zero, and VRAM is free again" },
	{ "free-in-vram", free_lazily, "MADV_FREE of pages in VRAM" },
	{ "collapse-in-vram", collapse, "MADV_COLLAPSE of pages in VRAM, and of pages that the GPU had" },
	{ "khugepaged", khugepaged, "khugepaged collapses the pages of a running kernel" },
	{ "khugepaged-in-vram", khugepaged_in_vram, "khugepaged passes pages in VRAM, and gets them later" },
	{ "compaction", compaction, "compaction moves pages of a running kernel" },
	{ "move-pages", move_pages, "move_pages() between nodes under a running kernel" },
	{ "move-pages-in-vram", move_pages_in_vram, "move_pages() of pages in VRAM is refused" },
	{ "numa-balancing", numa_balancing, "NUMA balancing moves pages of a running kernel" },
	{ "hot-remove", hot_remove, "the memory of a running kernel is taken offline" },
};

igt_main()
{
	gpu_run_tests(tests, ARRAY_SIZE(tests), gpu_init);
}
