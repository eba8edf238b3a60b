// SPDX-License-Identifier: MIT
/*
 * Shared virtual memory: kinds of memory that the kernel treats apart. What colibri_svm
 * begins with plain memory goes on here with huge pages, memory that is guarded, merged,
 * locked or watched by its program, and memory that no GPU may have.
 */
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/mount.h>

#include "gpu_test.h"
#include "system.h"

IGT_TEST_DESCRIPTION("Shared virtual memory: special kinds of memory");

#define SIZE		(256 * KiB)
#define PAGES		(SIZE / PAGE_SIZE)
#define HUGE_SIZE	SVM_BLOCK_SIZE
#define HUGE_PAGES	(HUGE_SIZE / PAGE_SIZE)
#define HUGE_KIB	(HUGE_SIZE / KiB)

/* Newer than the C library's headers */
#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL	102
#define MADV_GUARD_REMOVE	103
#endif

/* A huge page, filled by the CPU. */
static char *make_thp(uint32_t value)
{
	char *words = map_anonymous(HUGE_SIZE, HUGE_SIZE);

	igt_require_f(!madvise(words, HUGE_SIZE, MADV_HUGEPAGE), "no transparent huge pages\n");
	cpu_ramp_write(words, HUGE_SIZE, value);
	igt_assert_eq_u64(smaps_kib(words, "AnonHugePages"), HUGE_KIB);
	return words;
}

/* A huge page that went to VRAM as one. */
static char *make_thp_in_vram(struct gpu *gpu, uint32_t value)
{
	char *words;

	require_kernel(6, 19, "large pages in device memory");
	words = make_thp(value);
	igt_assert_eq_u64(gpu_ramp_errors(gpu, words, HUGE_SIZE, value), 0);
	igt_assert_eq_u64(gpu_stats(gpu).pages_large_to_vram, HUGE_PAGES);
	return words;
}

static void thp_whole(struct gpu *gpu)
{
	char *words = make_thp_in_vram(gpu, 1);

	gpu_ramp_add(gpu, words, HUGE_SIZE, 1);
	/* One touch by the CPU, and it is a huge page again. */
	igt_assert_eq_u64(*(volatile uint32_t *)words, 2);
	igt_assert_eq_u64(smaps_kib(words, "AnonHugePages"), HUGE_KIB);
	igt_assert_eq_u64(gpu_stats(gpu).pages_large_to_sys, HUGE_PAGES);
	igt_assert_eq_u64(gpu_stats(gpu).cpu_faults, 1);
	igt_assert_eq_u64(cpu_ramp_errors(words, HUGE_SIZE, 2), 0);
}

/* A huge page that nobody has touched yet: made in VRAM. */
static void thp_first_touch(struct gpu *gpu)
{
	char *words = map_anonymous(HUGE_SIZE, HUGE_SIZE);

	require_kernel(6, 19, "large pages in device memory");
	igt_require_f(!madvise(words, HUGE_SIZE, MADV_HUGEPAGE), "no transparent huge pages\n");
	gpu_ramp_write(gpu, words, HUGE_SIZE, 7);
	igt_assert_eq_u64(cpu_ramp_errors(words, HUGE_SIZE, 7), 0);
	gpu_ramp_add(gpu, words, HUGE_SIZE, 1);
	igt_assert_eq_u64(cpu_ramp_errors(words, HUGE_SIZE, 8), 0);
}

/* The CPU read it, and got the huge zero page. */
static void thp_zero_page(struct gpu *gpu)
{
	volatile uint64_t *words = map_anonymous(HUGE_SIZE, HUGE_SIZE);
	const size_t last = HUGE_SIZE / 8 - 1;

	igt_require_f(!madvise((void *)words, HUGE_SIZE, MADV_HUGEPAGE), "no transparent huge pages\n");
	igt_assert_eq_u64(words[last], 0);
	gpu_read_word(gpu, &words[last]);
	igt_assert_eq_u64(gpu_word_read(gpu), 0);
	gpu_write_word(gpu, &words[last], 5);
	gpu_wait(gpu);
	igt_assert_eq_u64(words[last], 5);
	for (size_t i = 0; i < last; i++)
		igt_assert_eq_u64(words[i], 0);
}

/* What the kernel does to a part of a huge page in VRAM splits it there. */
static void thp_split(struct gpu *gpu)
{
	const size_t third = HUGE_SIZE / 4;
	char *words = make_thp_in_vram(gpu, 1);
	char *target = map_anonymous(third, PAGE_SIZE);

	igt_assert_eq(munmap(words + PAGE_SIZE, PAGE_SIZE), 0);
	igt_assert_eq(madvise(words + third, PAGE_SIZE, MADV_DONTNEED), 0);
	igt_assert_eq(mprotect(words + 2 * third, third, PROT_READ), 0);
	igt_assert(mremap(words + 3 * third, third, third, MREMAP_MAYMOVE | MREMAP_FIXED, target) ==
		   target);

	gpu_ramp_add(gpu, words, PAGE_SIZE, 10);
	igt_assert_eq_u64(cpu_ramp_errors(words, PAGE_SIZE, 11), 0);
	igt_assert_eq_u64(gpu_ramp_errors(gpu, words + 2 * third, third, 1 + 2 * third / 4), 0);
	igt_assert_eq_u64(cpu_ramp_errors(words + 2 * third, third, 1 + 2 * third / 4), 0);
	gpu_ramp_add(gpu, target, third, 10);
	igt_assert_eq_u64(cpu_ramp_errors(target, third, 11 + 3 * third / 4), 0);
	igt_assert_eq_u64(gpu_ramp_errors(gpu, words + third + PAGE_SIZE, third - PAGE_SIZE,
					  1 + (third + PAGE_SIZE) / 4), 0);
	for (size_t i = 0; i < PAGE_SIZE; i++)
		igt_assert_eq(words[third + i], 0);
}

static void thp_fork(struct gpu *gpu)
{
	struct steps *steps = steps_new();
	char *words = make_thp_in_vram(gpu, 1);

	igt_fork(child, 1) {
		igt_assert_eq_u64(cpu_ramp_errors(words, HUGE_SIZE, 1), 0);
		steps_done(steps, 1);
		steps_wait(steps, 2);
		igt_assert_eq_u64(cpu_ramp_errors(words, HUGE_SIZE, 1), 0);
		cpu_ramp_write(words, HUGE_SIZE, 50);
	}
	steps_wait(steps, 1);
	gpu_ramp_add(gpu, words, HUGE_SIZE, 10);
	steps_done(steps, 2);
	igt_waitchildren_timeout(GPU_TIMEOUT_S, "the child of thp-fork");
	igt_assert_eq_u64(cpu_ramp_errors(words, HUGE_SIZE, 11), 0);
}

static void thp_shmem(struct gpu *gpu)
{
	char *area = map_anonymous(HUGE_SIZE, HUGE_SIZE);
	void *words;
	int fd;

	private_mounts("/mnt");
	igt_require_f(!mount("tmpfs", "/mnt", "tmpfs", 0, "huge=always,size=16m"),
		      "no huge pages in tmpfs\n");
	fd = open("/mnt/file", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	igt_assert_eq(ftruncate(fd, HUGE_SIZE), 0);
	words = mmap(area, HUGE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 0);
	igt_assert(words == area);
	gpu_share(gpu, words, HUGE_SIZE);
	igt_assert_eq_u64(smaps_kib(words, "ShmemPmdMapped"), HUGE_KIB);
	igt_assert_eq_u64(gpu_stats(gpu).pages_to_vram, 0);
	igt_assert_lte_u64(HUGE_PAGES, gpu_stats(gpu).pages_mapped_sys);
	munmap(words, HUGE_SIZE);
	close(fd);
}

static void *map_hugetlb(int flags)
{
	void *words;

	sys_require_write("/proc/sys/vm/nr_hugepages", "4");
	words = mmap(NULL, HUGE_SIZE, PROT_READ | PROT_WRITE, MAP_ANONYMOUS | MAP_HUGETLB | flags, -1, 0);
	igt_assert(words != MAP_FAILED);
	return words;
}

static void hugetlb_shared(struct gpu *gpu)
{
	void *words = map_hugetlb(MAP_SHARED);

	gpu_ramp_write(gpu, words, HUGE_SIZE, 1);
	igt_fork(child, 1) {
		igt_assert_eq_u64(cpu_ramp_errors(words, HUGE_SIZE, 1), 0);
		cpu_ramp_write(words, HUGE_SIZE, 20);
	}
	igt_waitchildren_timeout(GPU_TIMEOUT_S, "the child of hugetlb-shared");
	gpu_ramp_add(gpu, words, HUGE_SIZE, 1);
	igt_assert_eq_u64(cpu_ramp_errors(words, HUGE_SIZE, 21), 0);
	igt_assert_eq_u64(gpu_stats(gpu).pages_to_vram, 0);
	munmap(words, HUGE_SIZE);
	sys_write("/proc/sys/vm/nr_hugepages", "0");
}

static void hugetlb_cow(struct gpu *gpu)
{
	struct steps *steps = steps_new();
	void *words = map_hugetlb(MAP_PRIVATE);

	gpu_ramp_write(gpu, words, HUGE_SIZE, 1);
	igt_fork(child, 1) {
		steps_wait(steps, 1);
		igt_assert_eq_u64(cpu_ramp_errors(words, HUGE_SIZE, 1), 0);
		cpu_ramp_write(words, HUGE_SIZE, 50);
	}
	gpu_ramp_add(gpu, words, HUGE_SIZE, 10);
	steps_done(steps, 1);
	igt_waitchildren_timeout(GPU_TIMEOUT_S, "the child of hugetlb-cow");
	igt_assert_eq_u64(gpu_ramp_errors(gpu, words, HUGE_SIZE, 11), 0);
	igt_assert_eq_u64(cpu_ramp_errors(words, HUGE_SIZE, 11), 0);
	munmap(words, HUGE_SIZE);
	sys_write("/proc/sys/vm/nr_hugepages", "0");
}

static void *use_own_stack(void *gpu)
{
	uint32_t words[16384];
	pthread_attr_t attr;
	size_t size, guard;
	char *stack;

	gpu_share(gpu, words, sizeof(words));

	igt_assert_eq(pthread_getattr_np(pthread_self(), &attr), 0);
	igt_assert_eq(pthread_attr_getstack(&attr, (void **)&stack, &size), 0);
	igt_assert_eq(pthread_attr_getguardsize(&attr, &guard), 0);
	igt_assert(guard >= PAGE_SIZE);
	pthread_attr_destroy(&attr);
	return stack - 8;	/* in its guard page */
}

static void thread_stack(struct gpu *gpu)
{
	pthread_attr_t attr;
	pthread_t thread;
	void *guard;

	igt_assert_eq(pthread_attr_init(&attr), 0);
	igt_assert_eq(pthread_attr_setguardsize(&attr, 4 * PAGE_SIZE), 0);
	igt_assert_eq(pthread_create(&thread, &attr, use_own_stack, gpu), 0);
	igt_assert_eq(pthread_join(thread, &guard), 0);
	gpu_write_word(gpu, guard, 1);
	gpu_expect_ban(gpu, COLIBRI_QERR_FAULT);
	gpu_assert_vm_lives(gpu);
	gpu_new_queue(gpu);
}

static uintptr_t stack_start(void)
{
	FILE *maps = fopen("/proc/self/maps", "re");
	unsigned long start = 0;
	char line[256];

	igt_assert(maps);
	while (fgets(line, sizeof(line), maps))
		if (strstr(line, "[stack]"))
			igt_assert_eq(sscanf(line, "%lx-", &start), 1);
	fclose(maps);
	igt_assert(start);
	return start;
}

/* The main stack is there for the GPU, the gap below is not, and it does not grow into it. */
static void stack_gap(struct gpu *gpu)
{
	uintptr_t start = stack_start();
	uint64_t on_stack = 3;

	gpu_write_word(gpu, &on_stack, 4);
	gpu_wait(gpu);
	igt_assert_eq_u64(*(volatile uint64_t *)&on_stack, 4);
	for (size_t below = PAGE_SIZE; below <= MiB; below *= 16) {
		gpu_read_word(gpu, (void *)(start - below));
		gpu_expect_fault(gpu, (void *)(start - below), COLIBRI_ACCESS_READ, EFAULT);
		gpu_new_queue(gpu);
		gpu_write_word(gpu, (void *)(start - below), 1);
		gpu_expect_fault(gpu, (void *)(start - below), COLIBRI_ACCESS_WRITE, EFAULT);
		gpu_new_queue(gpu);
	}
	igt_assert_eq_u64(stack_start(), start);
}

static void guard_region(struct gpu *gpu)
{
	char *words = map_anonymous(SIZE, PAGE_SIZE);
	char *guard = words + SIZE / 2;

	gpu_ramp_to_vram(gpu, words, SIZE, 1);
	igt_require_f(!madvise(guard, PAGE_SIZE, MADV_GUARD_INSTALL), "no MADV_GUARD_INSTALL\n");
	gpu_read_word(gpu, guard);
	gpu_expect_fault(gpu, guard, COLIBRI_ACCESS_READ, EFAULT);
	gpu_new_queue(gpu);
	gpu_write_word(gpu, guard, 1);
	gpu_expect_fault(gpu, guard, COLIBRI_ACCESS_WRITE, EFAULT);
	gpu_new_queue(gpu);
	igt_assert_eq_u64(gpu_ramp_errors(gpu, words, SIZE / 2, 1), 0);
	igt_assert_eq_u64(cpu_ramp_errors(words, SIZE / 2, 1), 0);

	/* What was there is gone, and new memory is zero. */
	igt_assert_eq(madvise(guard, PAGE_SIZE, MADV_GUARD_REMOVE), 0);
	gpu_read_word(gpu, guard);
	igt_assert_eq_u64(gpu_word_read(gpu), 0);
	gpu_ramp_write(gpu, words, SIZE, 3);
	igt_assert_eq_u64(cpu_ramp_errors(words, SIZE, 3), 0);
}

static void mlock_in_vram(struct gpu *gpu)
{
	char *words = map_anonymous(SIZE, PAGE_SIZE);
	uint64_t before;

	gpu_ramp_to_vram(gpu, words, SIZE, 1);
	igt_assert_eq(mlock(words, SIZE), 0);
	/* Locked is: in memory, where the CPU needs no fault. */
	igt_assert_eq_u64(pagemap_count(words, SIZE, PAGEMAP_PRESENT), PAGES);
	before = gpu_stats(gpu).pages_to_vram;
	gpu_ramp_add(gpu, words, SIZE, 1);
	igt_assert_eq_u64(cpu_ramp_errors(words, SIZE, 2), 0);
	igt_assert_eq_u64(gpu_stats(gpu).pages_to_vram, before);

	igt_assert_eq(munlock(words, SIZE), 0);
	igt_assert_eq(madvise(words, SIZE, MADV_PAGEOUT), 0);	/* so that the GPU faults */
	gpu_ramp_add(gpu, words, SIZE, 1);
	igt_assert_eq_u64(cpu_ramp_errors(words, SIZE, 3), 0);
}

static size_t merged_pages(const char *one, const char *two)
{
	size_t count = 0;

	for (size_t i = 0; i < SIZE; i += PAGE_SIZE) {
		uint64_t a = pagemap(one + i), b = pagemap(two + i);

		count += (a & PAGEMAP_PRESENT) && (a & PAGEMAP_PFN) == (b & PAGEMAP_PFN);
	}
	return count;
}

static void wait_until_merged(const char *one, const char *two)
{
	struct timespec start = { 0 };

	while (merged_pages(one, two) < PAGES) {
		igt_assert_f(igt_nsec_elapsed(&start) < GPU_TIMEOUT_S * NSEC_PER_SEC,
			     "ksmd merged %zu of %lu pages\n", merged_pages(one, two), PAGES);
		cpu_pause();
	}
}

#define KSM	"/sys/kernel/mm/ksm/"

static void ksm(struct gpu *gpu)
{
	char *one = map_anonymous(SIZE, PAGE_SIZE);
	char *two = map_anonymous(SIZE, PAGE_SIZE);

	sys_require_write(KSM "pages_to_scan", "10000");
	sys_write(KSM "sleep_millisecs", "1");
	/*
	 * Else ksmd skips an old page eight times of nine, and two alike whose turns are not
	 * the same never meet.
	 */
	sys_write(KSM "smart_scan", "0");
	sys_write(KSM "run", "1");
	igt_assert_eq(madvise(one, SIZE, MADV_MERGEABLE), 0);
	igt_assert_eq(madvise(two, SIZE, MADV_MERGEABLE), 0);
	cpu_ramp_write(one, SIZE, 1);
	cpu_ramp_write(two, SIZE, 1);
	wait_until_merged(one, two);

	igt_assert_eq_u64(gpu_ramp_errors(gpu, one, SIZE, 1), 0);
	igt_assert_eq_u64(gpu_ramp_errors(gpu, two, SIZE, 1), 0);
	gpu_ramp_add(gpu, one, SIZE, 10);
	igt_assert_eq_u64(cpu_ramp_errors(one, SIZE, 11), 0);
	igt_assert_eq_u64(cpu_ramp_errors(two, SIZE, 1), 0);

	/* Alike again, this time by the GPU, and merged while the GPU has both mapped. */
	gpu_ramp_add(gpu, two, SIZE, 10);
	igt_assert_eq_u64(cpu_ramp_errors(one, SIZE, 11), 0);
	igt_assert_eq_u64(cpu_ramp_errors(two, SIZE, 11), 0);
	wait_until_merged(one, two);
	gpu_ramp_add(gpu, two, SIZE, 10);
	cpu_ramp_write(one, SIZE, 5);
	igt_assert_eq_u64(gpu_ramp_errors(gpu, two, SIZE, 21), 0);
	igt_assert_eq_u64(gpu_ramp_errors(gpu, one, SIZE, 5), 0);
	igt_assert_eq_u64(cpu_ramp_errors(two, SIZE, 21), 0);
	sys_write(KSM "run", "2");
	sys_write(KSM "smart_scan", "1");
}

/* Of a device: a buffer in VRAM and a PCI device's registers. */
static void device_memory(struct gpu *gpu)
{
	struct colibri_bo bo;
	glob_t found = { 0 };
	void *bar;
	int fd;

	igt_assert_eq(colibri_bo_create(&gpu->dev, PAGE_SIZE, DRM_COLIBRI_GEM_VRAM, 0, &bo), 0);
	*(volatile uint64_t *)bo.map = 6;
	gpu_read_word(gpu, bo.map);
	gpu_expect_fault(gpu, bo.map, COLIBRI_ACCESS_READ, EFAULT);
	gpu_new_queue(gpu);
	gpu_write_word(gpu, bo.map, 7);
	gpu_expect_fault(gpu, bo.map, COLIBRI_ACCESS_WRITE, EFAULT);
	igt_assert_eq_u64(*(volatile uint64_t *)bo.map, 6);
	gpu_new_queue(gpu);
	colibri_bo_destroy(&gpu->dev, &bo);

	igt_assert_eq(glob("/sys/class/drm/card*/device/resource2", 0, NULL, &found), 0);
	fd = open(found.gl_pathv[0], O_RDWR | O_CLOEXEC);
	igt_assert(fd >= 0);
	bar = mmap(NULL, PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	igt_require_f(bar != MAP_FAILED, "this kernel maps no busy device's memory\n");
	gpu_read_word(gpu, bar);
	gpu_expect_fault(gpu, bar, COLIBRI_ACCESS_READ, EFAULT);
	gpu_new_queue(gpu);
	munmap(bar, PAGE_SIZE);
	close(fd);
	globfree(&found);
}

static const struct gpu_test tests[] = {
	{ "thp-whole", thp_whole, "a huge page goes to VRAM and comes back as one" },
	{ "thp-first-touch", thp_first_touch, "a huge page that the GPU touches first" },
	{ "thp-zero-page", thp_zero_page, "the huge zero page: read, and written by the GPU" },
	{ "thp-split", thp_split, "munmap, MADV_DONTNEED, mprotect and mremap of parts of a huge page in VRAM" },
	{ "thp-fork", thp_fork, "fork with a huge page in VRAM: copy-on-write on both sides" },
	{ "thp-shmem", thp_shmem, "a huge page of tmpfs is used where it is" },
	{ "hugetlb-shared", hugetlb_shared, "a shared hugetlb page, with another process" },
	{ "hugetlb-cow", hugetlb_cow, "a private hugetlb page after fork: copy-on-write by the GPU" },
	{ "thread-stack", thread_stack, "a thread's stack, but not the guard page below" },
	{ "stack-gap", stack_gap, "the gap below the main stack is EFAULT, and the stack does not grow" },
	{ "guard-region", guard_region, "MADV_GUARD_INSTALL over pages in VRAM: EFAULT; removed: zeros" },
	{ "mlock-in-vram", mlock_in_vram, "mlock() brings pages back from VRAM, and they stay" },
	{ "ksm", ksm, "pages merged by ksmd: read shared, the GPU's write makes an own copy" },
	{ "device-memory", device_memory, "mappings of device memory are EFAULT" },
};

igt_main()
{
	gpu_run_tests(tests, ARRAY_SIZE(tests), gpu_init);
}
