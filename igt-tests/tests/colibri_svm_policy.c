// SPDX-License-Identifier: MIT
/*
 * Policies of shared virtual memory, and the advice that steers them (SVM_ADVISE). For each
 * piece of advice a subtest sees its effect, where the pages are (SVM_QUERY) and what
 * faulted, and its statistic; and that data are right on both sides.
 */
#include <errno.h>
#include <sys/mman.h>

#include "gpu_test.h"
#include "system.h"

IGT_TEST_DESCRIPTION("Shared virtual memory: policies and advice");

#define SIZE		(256 * KiB)
#define PAGES		(SIZE / PAGE_SIZE)
#define BLOCK_PAGES	(SVM_BLOCK_SIZE / PAGE_SIZE)

static void advise(struct gpu *gpu, const void *words, size_t size, uint32_t advice, uint32_t value)
{
	igt_assert_eq(colibri_svm_advise(&gpu->dev, gpu->vm, words, size, advice, value), 0);
}

/* How many pages have all of @bits (DRM_COLIBRI_SVM_PAGE_*). */
static size_t count_pages(struct gpu *gpu, const void *words, size_t size, uint16_t bits)
{
	uint16_t pages[16 * BLOCK_PAGES];
	size_t count = 0;

	igt_assert(size / PAGE_SIZE <= ARRAY_SIZE(pages));
	igt_assert_eq(colibri_svm_query(&gpu->dev, gpu->vm, words, size, pages), 0);
	for (size_t i = 0; i < size / PAGE_SIZE; i++)
		count += (pages[i] & bits) == bits;
	return count;
}

static size_t in_vram(struct gpu *gpu, const void *words, size_t size)
{
	return count_pages(gpu, words, size, DRM_COLIBRI_SVM_PAGE_VRAM);
}

/* Small pages, filled by the CPU. */
static char *map_filled(size_t size, uint32_t value)
{
	char *words = map_anonymous(size, SVM_BLOCK_SIZE);

	igt_assert_eq(madvise(words, size, MADV_NOHUGEPAGE), 0);
	cpu_ramp_write(words, size, value);
	return words;
}

/* The GPU adds to memory that stays where it is. */
static void expect_in_place(struct gpu *gpu, char *words, uint32_t value)
{
	gpu_ramp_add(gpu, words, SIZE, 1);
	igt_assert_eq_u64(in_vram(gpu, words, SIZE), 0);
	igt_assert_eq_u64(count_pages(gpu, words, SIZE, DRM_COLIBRI_SVM_PAGE_MAPPED), PAGES);
	igt_assert_eq_u64(cpu_ramp_errors(words, SIZE, value + 1), 0);
}

static void preferred_system(struct gpu *gpu)
{
	char *words = map_filled(SIZE, 1);

	require_migration(gpu);
	advise(gpu, words, SIZE, DRM_COLIBRI_SVM_ADVISE_PREFERRED, DRM_COLIBRI_SVM_PREFER_SYSTEM);
	expect_in_place(gpu, words, 1);
	igt_assert_eq_u64(gpu_stats(gpu).pages_to_vram, 0);
	igt_assert_lte_u64(PAGES, gpu_stats(gpu).pages_remote);
}

/* Going to and fro does not make it stay in system memory. */
static void preferred_vram(struct gpu *gpu)
{
	char *words = map_filled(SIZE, 1);
	const uint32_t rounds = 20;

	require_migration(gpu);
	advise(gpu, words, SIZE, DRM_COLIBRI_SVM_ADVISE_PREFERRED, DRM_COLIBRI_SVM_PREFER_VRAM);
	for (uint32_t i = 0; i < rounds; i++) {
		gpu_ramp_add(gpu, words, SIZE, 1);
		igt_assert_lte_u64(most_of(PAGES), in_vram(gpu, words, SIZE));
		igt_assert_eq_u64(cpu_ramp_errors(words, SIZE, 2 + i), 0);
	}
	igt_assert_eq_u64(gpu_stats(gpu).thrash_pins, 0);
}

/* Evicted last: what else passes through VRAM leaves it alone. */
static void preferred_vram_stays(struct gpu *gpu)
{
	char *words = map_filled(SVM_BLOCK_SIZE, 1);
	char *others = map_anonymous(24 * MiB, SVM_BLOCK_SIZE);

	require_small_vram(gpu, 8);
	advise(gpu, words, SVM_BLOCK_SIZE, DRM_COLIBRI_SVM_ADVISE_PREFERRED,
	       DRM_COLIBRI_SVM_PREFER_VRAM);
	gpu_ramp_add(gpu, words, SVM_BLOCK_SIZE, 1);
	for (uint32_t i = 0; i < 2; i++)
		gpu_ramp_write(gpu, others, 24 * MiB, i);
	igt_assert_lte_u64(1, gpu_stats(gpu).pages_evicted);
	igt_assert_lte_u64(most_of(BLOCK_PAGES), in_vram(gpu, words, SVM_BLOCK_SIZE));
	igt_assert_eq_u64(cpu_ramp_errors(words, SVM_BLOCK_SIZE, 2), 0);
	igt_assert_eq_u64(cpu_ramp_errors(others, 24 * MiB, 1), 0);
}

static void touch_remote(struct gpu *gpu)
{
	char *words = map_filled(SIZE, 1);

	require_migration(gpu);
	advise(gpu, words, SIZE, DRM_COLIBRI_SVM_ADVISE_TOUCH, DRM_COLIBRI_SVM_TOUCH_REMOTE);
	advise(gpu, words, SIZE, DRM_COLIBRI_SVM_ADVISE_PROMOTE, 0);
	expect_in_place(gpu, words, 1);
	igt_assert_lte_u64(PAGES, gpu_stats(gpu).pages_remote);
	igt_assert_eq_u64(gpu_stats(gpu).pages_to_vram, 0);

	/* It says what touches do, not that the memory may not move. */
	igt_assert_eq(colibri_svm_prefetch(&gpu->dev, gpu->vm, words, SIZE,
					   DRM_COLIBRI_SVM_LOC_VRAM), 0);
	igt_assert_lte_u64(most_of(PAGES), in_vram(gpu, words, SIZE));
	igt_assert_eq_u64(gpu_ramp_errors(gpu, words, SIZE, 2), 0);

	/* And back to the default: */
	igt_assert_eq_u64(cpu_ramp_errors(words, SIZE, 2), 0);
	advise(gpu, words, SIZE, DRM_COLIBRI_SVM_ADVISE_TOUCH, DRM_COLIBRI_SVM_TOUCH_MIGRATE);
	gpu_ramp_add(gpu, words, SIZE, 1);
	igt_assert_lte_u64(most_of(PAGES), in_vram(gpu, words, SIZE));
	igt_assert_eq_u64(cpu_ramp_errors(words, SIZE, 3), 0);
}

/* Both read on, and neither disturbs the other. */
static void expect_undisturbed_reads(struct gpu *gpu, const char *words)
{
	uint64_t faults = gpu_stats(gpu).faults;

	igt_assert_eq_u64(pagemap_count(words, SIZE, PAGEMAP_PRESENT), PAGES);
	igt_assert_eq_u64(cpu_ramp_errors(words, SIZE, 1), 0);
	igt_assert_eq_u64(gpu_ramp_errors(gpu, words, SIZE, 1), 0);
	igt_assert_eq_u64(gpu_stats(gpu).faults, faults);
	igt_assert_eq_u64(gpu_stats(gpu).cpu_faults, 0);
}

/* Memory that another process shares, until somebody writes it: a forked child has it, too. */
static void read_mostly(struct gpu *gpu)
{
	char *words = map_filled(SIZE, 1);
	struct steps *steps = steps_new();

	require_migration(gpu);
	igt_fork(child, 1) {
		steps_wait(steps, 1);
		igt_assert_eq_u64(cpu_ramp_errors(words, SIZE, 1), 0);
	}
	advise(gpu, words, SIZE, DRM_COLIBRI_SVM_ADVISE_READ_MOSTLY, 1);
	igt_assert_eq_u64(gpu_ramp_errors(gpu, words, SIZE, 1), 0);
	igt_assert_lte_u64(most_of(PAGES), gpu_stats(gpu).pages_copied);
	igt_assert_lte_u64(most_of(PAGES), count_pages(gpu, words, SIZE, DRM_COLIBRI_SVM_PAGE_COPY));
	igt_assert_eq_u64(gpu_stats(gpu).pages_to_vram, 0);
	expect_undisturbed_reads(gpu, words);

	/* A write by either side is the end of the copies. */
	cpu_ramp_write(words, SIZE / 2, 40);
	igt_assert_eq_u64(count_pages(gpu, words, SIZE / 2, DRM_COLIBRI_SVM_PAGE_COPY), 0);
	igt_assert_eq_u64(gpu_ramp_errors(gpu, words, SIZE / 2, 40), 0);
	gpu_ramp_write(gpu, words, SIZE, 70);
	igt_assert_eq_u64(count_pages(gpu, words, SIZE, DRM_COLIBRI_SVM_PAGE_COPY), 0);
	igt_assert_eq_u64(gpu_ramp_errors(gpu, words, SIZE, 70), 0);
	igt_assert_eq_u64(cpu_ramp_errors(words, SIZE, 70), 0);
	steps_done(steps, 1);
	igt_waitchildren_timeout(GPU_TIMEOUT_S, "the child of read-mostly");
}

/* What nobody else has might be written unseen (by a debugger, say): read in place. */
static void read_mostly_own(struct gpu *gpu)
{
	char *words = map_filled(SIZE, 1);

	require_migration(gpu);
	advise(gpu, words, SIZE, DRM_COLIBRI_SVM_ADVISE_READ_MOSTLY, 1);
	igt_assert_eq_u64(gpu_ramp_errors(gpu, words, SIZE, 1), 0);
	igt_assert_eq_u64(gpu_stats(gpu).pages_copied, 0);
	igt_assert_eq_u64(in_vram(gpu, words, SIZE), 0);
	expect_undisturbed_reads(gpu, words);

	gpu_ramp_add(gpu, words, SIZE, 1);
	igt_assert_lte_u64(most_of(PAGES), in_vram(gpu, words, SIZE));
	igt_assert_eq_u64(cpu_ramp_errors(words, SIZE, 2), 0);
}

static void wait_until_mapped(struct gpu *gpu, const char *words)
{
	struct timespec start = { 0 };
	size_t mapped;

	while ((mapped = count_pages(gpu, words, SIZE, DRM_COLIBRI_SVM_PAGE_MAPPED)) < PAGES) {
		igt_assert_f(igt_nsec_elapsed(&start) < GPU_TIMEOUT_S * NSEC_PER_SEC,
			     "%zu of %lu pages are mapped\n", mapped, PAGES);
		cpu_pause();
	}
}

static void accessed_by(struct gpu *gpu)
{
	char *words = map_filled(SIZE, 1);

	require_migration(gpu);
	advise(gpu, words, SIZE, DRM_COLIBRI_SVM_ADVISE_ACCESSED_BY, 1);
	wait_until_mapped(gpu, words);
	igt_assert_lte_u64(PAGES, gpu_stats(gpu).pages_ahead);
	gpu_ramp_add(gpu, words, SIZE, 1);
	igt_assert_eq_u64(gpu_stats(gpu).faults, 0);
	igt_assert_eq_u64(cpu_ramp_errors(words, SIZE, 2), 0);

	/* Again when the CPU has taken it back from VRAM. */
	igt_assert_eq(colibri_svm_prefetch(&gpu->dev, gpu->vm, words, SIZE,
					   DRM_COLIBRI_SVM_LOC_VRAM), 0);
	igt_assert_lte_u64(most_of(PAGES), in_vram(gpu, words, SIZE));
	igt_assert_eq_u64(cpu_ramp_errors(words, SIZE, 2), 0);
	wait_until_mapped(gpu, words);
	gpu_ramp_add(gpu, words, SIZE, 1);
	igt_assert_eq_u64(gpu_stats(gpu).faults, 0);
	igt_assert_eq_u64(cpu_ramp_errors(words, SIZE, 3), 0);
}

static void run_atomics(struct gpu *gpu, uint64_t *word, uint64_t expected)
{
	struct atomic_args args = { .addr = (uintptr_t)word, .rounds = 50 };
	const uint32_t waves = 2;

	gpu_run(gpu, "atomic_add64", &args, sizeof(args), waves);
	igt_assert_eq_u64(*(volatile uint64_t *)word,
			  expected + waves * args.rounds * COLIBRI_WAVE_LANES);
}

static void atomic_system(struct gpu *gpu)
{
	uint64_t *word = (uint64_t *)map_filled(PAGE_SIZE, 0);
	uint64_t before = *word;

	igt_require(gpu->dev.info.hw_features & COLIBRI_FEATURE_SYS_ATOMICS);
	advise(gpu, word, PAGE_SIZE, DRM_COLIBRI_SVM_ADVISE_PREFERRED, DRM_COLIBRI_SVM_PREFER_SYSTEM);
	advise(gpu, word, PAGE_SIZE, DRM_COLIBRI_SVM_ADVISE_ATOMIC, DRM_COLIBRI_SVM_ATOMIC_SYSTEM);
	run_atomics(gpu, word, before);
	igt_assert_eq_u64(gpu_stats(gpu).pages_exclusive, 0);
	igt_assert_eq_u64(gpu_stats(gpu).pages_to_vram, 0);
}

/* Either the page comes, or, where it may not, the GPU gets it for itself. */
static void atomic_device(struct gpu *gpu)
{
	uint64_t *word = (uint64_t *)map_filled(PAGE_SIZE, 0);
	uint64_t before = *word;
	uint64_t *fixed = (uint64_t *)map_filled(PAGE_SIZE, 0);

	require_migration(gpu);
	advise(gpu, word, PAGE_SIZE, DRM_COLIBRI_SVM_ADVISE_TOUCH, DRM_COLIBRI_SVM_TOUCH_REMOTE);
	advise(gpu, word, PAGE_SIZE, DRM_COLIBRI_SVM_ADVISE_ATOMIC, DRM_COLIBRI_SVM_ATOMIC_DEVICE);
	gpu_write_word(gpu, word, before);
	gpu_wait(gpu);
	igt_assert_eq_u64(in_vram(gpu, word, PAGE_SIZE), 0);
	run_atomics(gpu, word, before);
	igt_assert_eq_u64(gpu_stats(gpu).pages_to_vram, 1);

	advise(gpu, fixed, PAGE_SIZE, DRM_COLIBRI_SVM_ADVISE_PREFERRED, DRM_COLIBRI_SVM_PREFER_SYSTEM);
	advise(gpu, fixed, PAGE_SIZE, DRM_COLIBRI_SVM_ADVISE_ATOMIC, DRM_COLIBRI_SVM_ATOMIC_DEVICE);
	run_atomics(gpu, fixed, before);
	igt_assert_lte_u64(1, gpu_stats(gpu).pages_exclusive);
	igt_assert_eq_u64(gpu_stats(gpu).pages_to_vram, 1);
}

static void atomic_none(struct gpu *gpu)
{
	uint64_t *word = (uint64_t *)map_filled(PAGE_SIZE, 0);
	struct atomic_args args = { .addr = (uintptr_t)word, .rounds = 1 };

	advise(gpu, word, PAGE_SIZE, DRM_COLIBRI_SVM_ADVISE_ATOMIC, DRM_COLIBRI_SVM_ATOMIC_NONE);
	gpu_write_word(gpu, word, 5);
	gpu_wait(gpu);
	gpu_launch(gpu, "atomic_add64", &args, sizeof(args), 1);
	gpu_expect_fault(gpu, word, COLIBRI_ACCESS_ATOMIC, EACCES);
	igt_assert_eq_u64(gpu_stats(gpu).faults_failed, 1);
	igt_assert_eq_u64(*(volatile uint64_t *)word, 5);
	gpu_assert_vm_lives(gpu);
	gpu_new_queue(gpu);
}

/* How many faults the GPU takes to add to a block of small pages, of which at most 2^order come with each. */
static uint64_t faults_with_order(struct gpu *gpu, uint32_t order)
{
	char *words = map_filled(SVM_BLOCK_SIZE, 1);
	uint64_t before = gpu_stats(gpu).faults;

	advise(gpu, words, SVM_BLOCK_SIZE, DRM_COLIBRI_SVM_ADVISE_PREFETCH, order);
	gpu_ramp_add(gpu, words, SVM_BLOCK_SIZE, 1);
	igt_assert_eq_u64(cpu_ramp_errors(words, SVM_BLOCK_SIZE, 2), 0);
	return gpu_stats(gpu).faults - before;
}

static void prefetch_order(struct gpu *gpu)
{
	uint64_t one, some, all, before;

	one = faults_with_order(gpu, 0);
	igt_assert_eq_u64(gpu_stats(gpu).pages_prefetched, 0);
	some = faults_with_order(gpu, 4);
	before = gpu_stats(gpu).pages_prefetched;
	igt_assert_lte_u64(most_of(BLOCK_PAGES / 16 * 15), before);
	all = faults_with_order(gpu, 9);
	igt_assert_lte_u64(most_of(BLOCK_PAGES / 16 * 15), gpu_stats(gpu).pages_prefetched - before);
	igt_debug("faults: %lu, %lu, %lu\n", one, some, all);
	igt_assert_lte_u64(BLOCK_PAGES, one);
	igt_assert_lte_u64(BLOCK_PAGES / 16, some);
	igt_assert_lt_u64(some, one / 4);
	igt_assert_lt_u64(all, some);
}

/* CPU and GPU take a block from each other, until it is left in place or @rounds are over. */
static uint32_t go_to_and_fro(struct gpu *gpu, char *words, uint32_t rounds)
{
	uint32_t i = 0;

	while (i < rounds && !gpu_stats(gpu).thrash_pins) {
		gpu_ramp_add(gpu, words, SIZE, 1);
		i++;
		igt_assert_eq_u64(cpu_ramp_errors(words, SIZE, 1 + i), 0);
	}
	return i;
}

static void thrash(struct gpu *gpu)
{
	char *words = map_filled(SIZE, 1);
	uint32_t rounds = go_to_and_fro(gpu, words, 100);

	require_migration(gpu);
	igt_assert_lte_u64(1, gpu_stats(gpu).thrash_pins);
	gpu_ramp_add(gpu, words, SIZE, 1);
	igt_assert_lte_u64(1, gpu_stats(gpu).pages_mapped_sys);
	igt_assert_eq_u64(cpu_ramp_errors(words, SIZE, 2 + rounds), 0);
}

static void thrash_off(struct gpu *gpu)
{
	char *words = map_filled(SIZE, 1);

	require_migration(gpu);
	advise(gpu, words, SIZE, DRM_COLIBRI_SVM_ADVISE_THRASH, 0);
	for (uint32_t i = 0; i < 20; i++) {
		gpu_ramp_add(gpu, words, SIZE, 1);
		igt_assert_lte_u64(most_of(PAGES), in_vram(gpu, words, SIZE));
		igt_assert_eq_u64(cpu_ramp_errors(words, SIZE, 2 + i), 0);
	}
}

/* The GPU uses 64 KiB of remote memory a lot. */
static void use_a_lot(struct gpu *gpu, char *words)
{
	struct timespec start = { 0 };

	for (unsigned int i = 0; i < 200 && !gpu_stats(gpu).pages_promoted; i++) {
		igt_assert_eq_u64(gpu_ramp_errors(gpu, words, 64 * KiB, 1), 0);
		igt_assert(igt_nsec_elapsed(&start) < GPU_TIMEOUT_S * NSEC_PER_SEC);
	}
}

static void promote(struct gpu *gpu)
{
	char *words = map_filled(64 * KiB, 1);

	require_migration(gpu);
	igt_require_f(gpu->dev.info.hw_features & COLIBRI_FEATURE_ACCESS_COUNTERS,
		      "the GPU has no access counters\n");
	advise(gpu, words, 64 * KiB, DRM_COLIBRI_SVM_ADVISE_TOUCH, DRM_COLIBRI_SVM_TOUCH_REMOTE);
	use_a_lot(gpu, words);
	igt_assert_lte_u64(most_of(16), gpu_stats(gpu).pages_promoted);
	igt_assert_lte_u64(most_of(16), in_vram(gpu, words, 64 * KiB));
	gpu_ramp_add(gpu, words, 64 * KiB, 1);
	igt_assert_eq_u64(cpu_ramp_errors(words, 64 * KiB, 2), 0);
}

static void promote_off(struct gpu *gpu)
{
	char *words = map_filled(64 * KiB, 1);

	igt_require_f(gpu->dev.info.hw_features & COLIBRI_FEATURE_ACCESS_COUNTERS,
		      "the GPU has no access counters\n");
	advise(gpu, words, 64 * KiB, DRM_COLIBRI_SVM_ADVISE_TOUCH, DRM_COLIBRI_SVM_TOUCH_REMOTE);
	advise(gpu, words, 64 * KiB, DRM_COLIBRI_SVM_ADVISE_PROMOTE, 0);
	use_a_lot(gpu, words);
	igt_assert_eq_u64(gpu_stats(gpu).pages_promoted, 0);
	igt_assert_eq_u64(in_vram(gpu, words, 64 * KiB), 0);
}

/* Advice for addresses that have none of their own, also those mapped later. */
static void default_advice(struct gpu *gpu)
{
	char *words;

	require_migration(gpu);
	advise(gpu, NULL, 0, DRM_COLIBRI_SVM_ADVISE_PREFERRED, DRM_COLIBRI_SVM_PREFER_SYSTEM);
	words = map_filled(SIZE, 1);
	expect_in_place(gpu, words, 1);
	advise(gpu, words, SIZE, DRM_COLIBRI_SVM_ADVISE_PREFERRED, DRM_COLIBRI_SVM_PREFER_VRAM);
	cpu_ramp_write(words, SIZE, 1);
	igt_assert_eq(madvise(words, SIZE, MADV_DONTNEED), 0);	/* so that the GPU faults */
	gpu_ramp_write(gpu, words, SIZE, 7);
	igt_assert_lte_u64(most_of(PAGES), in_vram(gpu, words, SIZE));
	igt_assert_eq_u64(cpu_ramp_errors(words, SIZE, 7), 0);
}

/* It holds for just these pages, until they are unmapped. */
static void range(struct gpu *gpu)
{
	char *words = map_filled(SIZE, 1), *part = words + SIZE / 4;

	require_migration(gpu);
	advise(gpu, part, SIZE / 2, DRM_COLIBRI_SVM_ADVISE_PREFERRED, DRM_COLIBRI_SVM_PREFER_SYSTEM);
	gpu_ramp_add(gpu, words, SIZE, 1);
	igt_assert_eq_u64(in_vram(gpu, part, SIZE / 2), 0);
	igt_assert_lte_u64(most_of(PAGES / 4), in_vram(gpu, words, SIZE / 4));
	igt_assert_lte_u64(most_of(PAGES / 4), in_vram(gpu, part + SIZE / 2, SIZE / 4));
	igt_assert_eq_u64(cpu_ramp_errors(words, SIZE, 2), 0);

	igt_assert_eq(munmap(words, SIZE), 0);
	igt_assert(mmap(words, SIZE, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) == words);
	gpu_ramp_write(gpu, words, SIZE, 3);
	igt_assert_lte_u64(most_of(PAGES), in_vram(gpu, words, SIZE));
	igt_assert_eq_u64(cpu_ramp_errors(words, SIZE, 3), 0);
}

static void advise_bad(struct gpu *gpu)
{
	char *words = map_filled(SIZE, 1);
	const struct drm_colibri_svm_advise good = {
		.vm_id = gpu->vm, .advice = DRM_COLIBRI_SVM_ADVISE_PREFERRED,
		.value = DRM_COLIBRI_SVM_PREFER_SYSTEM, .addr = (uintptr_t)words, .size = SIZE,
	};
	struct drm_colibri_svm_advise bad[] = {
		good, good, good, good, good, good, good, good, good, good, good, good, good,
	};
	uint32_t vm;

	bad[0].advice = 8;
	bad[1].value = 3;
	bad[2].flags = 1;
	bad[3].addr += 8;
	bad[4].size += 8;
	bad[5].size = -PAGE_SIZE;
	bad[6].size = 0;
	bad[7].addr = gpu->dev.info.va_user_end;
	bad[8].advice = DRM_COLIBRI_SVM_ADVISE_TOUCH;
	bad[9].advice = DRM_COLIBRI_SVM_ADVISE_READ_MOSTLY;
	bad[10].advice = DRM_COLIBRI_SVM_ADVISE_PREFETCH;
	bad[10].value = 10;
	bad[11].advice = DRM_COLIBRI_SVM_ADVISE_ATOMIC;
	bad[11].value = 3;
	bad[12].advice = DRM_COLIBRI_SVM_ADVISE_THRASH;
	for (unsigned int i = 0; i < ARRAY_SIZE(bad); i++) {
		igt_debug("row %u\n", i);
		igt_assert_eq(colibri_ioctl(gpu->dev.fd, DRM_IOCTL_COLIBRI_SVM_ADVISE, &bad[i]), -EINVAL);
	}
	igt_assert_eq(colibri_svm_advise(&gpu->dev, 0x7fffffff, words, SIZE, 0, 0), -ENOENT);
	igt_assert_eq(colibri_vm_create(&gpu->dev, &vm), 0);
	igt_assert_eq(colibri_svm_advise(&gpu->dev, vm, words, SIZE, 0, 0), -EINVAL);
	igt_assert_eq(colibri_vm_destroy(&gpu->dev, vm), 0);

	/* None of that was heard. */
	gpu_ramp_add(gpu, words, SIZE, 1);
	require_migration(gpu);
	igt_assert_lte_u64(most_of(PAGES), in_vram(gpu, words, SIZE));
	igt_assert_eq_u64(cpu_ramp_errors(words, SIZE, 2), 0);
}

/* One page of each: zero, read-only, in VRAM, none, forbidden. */
static void query(struct gpu *gpu)
{
	char *pages = map_anonymous(5 * PAGE_SIZE, SVM_BLOCK_SIZE);
	uint16_t is[5];

	require_migration(gpu);
	igt_assert_eq(madvise(pages, 5 * PAGE_SIZE, MADV_NOHUGEPAGE), 0);
	igt_assert_eq(*(volatile char *)pages, 0);
	pages[PAGE_SIZE] = 1;
	igt_assert_eq(mprotect(pages + PAGE_SIZE, PAGE_SIZE, PROT_READ), 0);
	advise(gpu, NULL, 0, DRM_COLIBRI_SVM_ADVISE_PREFETCH, 0);
	gpu_write_word(gpu, pages + 2 * PAGE_SIZE, 1);
	gpu_wait(gpu);
	munmap(pages + 4 * PAGE_SIZE, PAGE_SIZE);

	igt_assert_eq(colibri_svm_query(&gpu->dev, gpu->vm, pages, 5 * PAGE_SIZE, is), 0);
	igt_assert_eq(is[0], DRM_COLIBRI_SVM_PAGE_READ | DRM_COLIBRI_SVM_PAGE_ZERO);
	igt_assert_eq(is[1], DRM_COLIBRI_SVM_PAGE_READ);
	igt_assert_eq(is[2], DRM_COLIBRI_SVM_PAGE_READ | DRM_COLIBRI_SVM_PAGE_WRITE |
			     DRM_COLIBRI_SVM_PAGE_VRAM | DRM_COLIBRI_SVM_PAGE_MAPPED);
	igt_assert_eq(is[3], 0);
	igt_assert_eq(is[4], DRM_COLIBRI_SVM_PAGE_ERROR);
	/* It looked, and moved nothing. */
	igt_assert_eq_u64(gpu_stats(gpu).cpu_faults, 0);
	igt_assert_eq_u64(in_vram(gpu, pages, PAGE_SIZE * 4), 1);
}

static void query_bad(struct gpu *gpu)
{
	char *words = map_filled(SIZE, 1);
	uint16_t pages[PAGES] = { 0 };
	const struct drm_colibri_svm_query good = {
		.vm_id = gpu->vm, .addr = (uintptr_t)words, .size = SIZE, .pages = (uintptr_t)pages,
	};
	struct drm_colibri_svm_query bad[] = { good, good, good, good, good };

	bad[0].flags = 1;
	bad[1].addr += 8;
	bad[2].size += 8;
	bad[3].size = -PAGE_SIZE;
	bad[4].addr = gpu->dev.info.va_user_end;
	for (unsigned int i = 0; i < ARRAY_SIZE(bad); i++) {
		igt_debug("row %u\n", i);
		igt_assert_eq(colibri_ioctl(gpu->dev.fd, DRM_IOCTL_COLIBRI_SVM_QUERY, &bad[i]), -EINVAL);
	}
	igt_assert_eq(colibri_svm_query(&gpu->dev, gpu->vm, words, SIZE, (void *)16), -EFAULT);
	igt_assert_eq(colibri_svm_query(&gpu->dev, 0x7fffffff, words, SIZE, pages), -ENOENT);
	for (size_t i = 0; i < PAGES; i++)
		igt_assert_eq(pages[i], 0);
}

static const struct gpu_test tests[] = {
	{ "preferred-system", preferred_system, "PREFERRED system: the GPU has it in place" },
	{ "preferred-vram", preferred_vram, "PREFERRED VRAM: it comes each time, however often the CPU takes it" },
	{ "preferred-vram-stays", preferred_vram_stays, "PREFERRED VRAM: others are evicted first" },
	{ "touch-remote", touch_remote, "TOUCH remote: the GPU's touch leaves it, a prefetch moves it" },
	{ "read-mostly", read_mostly, "READ_MOSTLY on shared pages: CPU and GPU read without faults; a write by either side is seen" },
	{ "read-mostly-own", read_mostly_own, "READ_MOSTLY on memory that no other process has: read in place, moves when written" },
	{ "accessed-by", accessed_by, "ACCESSED_BY: mapped ahead, the GPU does not fault" },
	{ "atomic-system", atomic_system, "ATOMIC system: atomics in place" },
	{ "atomic-device", atomic_device, "ATOMIC device: atomics in VRAM, or in place exclusively" },
	{ "atomic-none", atomic_none, "ATOMIC none: an atomic is EACCES, a write is not" },
	{ "prefetch-order", prefetch_order, "PREFETCH: at most so much comes with a fault" },
	{ "thrash", thrash, "a block that goes to and fro is left in place" },
	{ "thrash-off", thrash_off, "THRASH off: it always moves" },
	{ "promote", promote, "remote memory that the GPU uses a lot moves to VRAM" },
	{ "promote-off", promote_off, "PROMOTE off: it stays" },
	{ "default", default_advice, "advice for all addresses" },
	{ "range", range, "advice for a few pages, until munmap()" },
	{ "advise-bad", advise_bad, "each bad field is refused" },
	{ "query", query, "what each page is" },
	{ "query-bad", query_bad, "each bad field is refused" },
};

igt_main()
{
	gpu_run_tests(tests, ARRAY_SIZE(tests), gpu_init);
}
