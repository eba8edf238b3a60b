// SPDX-License-Identifier: MIT
/*
 * Shared virtual memory of one process on two GPUs. The second one of tools/vm --gpus 2
 * --no-pcie-atomics also cannot do atomics on system memory: it gets a page for itself instead
 * (device-exclusive access).
 */
#include <errno.h>
#include <sys/mman.h>

#include "gpu_test.h"

IGT_TEST_DESCRIPTION("Shared virtual memory: two GPUs");

#define SIZE	(256 * KiB)

static void take_turns(struct gpu *gpu)
{
	void *words = map_anonymous(SIZE, PAGE_SIZE);
	struct gpu second = { 0 };
	uint32_t value = 1;

	gpu_init_second(&second);
	cpu_ramp_write(words, SIZE, value);
	for (unsigned int i = 0; i < 5; i++) {
		gpu_ramp_add(gpu, words, SIZE, 1);
		gpu_ramp_add(&second, words, SIZE, 10);
		value += 11;
		igt_assert_eq_u64(gpu_ramp_errors(gpu, words, SIZE, value), 0);
	}
	igt_assert_eq_u64(cpu_ramp_errors(words, SIZE, value), 0);
	/* From one VRAM to the other, by way of system memory. */
	if (gpu_migrates(gpu)) {
		igt_assert(gpu_stats(gpu).pages_to_vram > 0);
		igt_assert(gpu_stats(&second).pages_to_vram > 0);
	}
	gpu_fini(&second);
}

/* Kernels on both at once, each on a word of its own in the same page. */
static void same_page(struct gpu *gpu)
{
	volatile uint64_t *page = map_anonymous(PAGE_SIZE, PAGE_SIZE);
	struct gpu second = { 0 };

	gpu_init_second(&second);
	gpu_loop_start(gpu, (uintptr_t)&page[0]);
	gpu_loop_start(&second, (uintptr_t)&page[8]);
	for (unsigned int i = 0; i < 20; i++) {
		page[16]++;
		gpu_loop_progress(gpu, 2);
		gpu_loop_progress(&second, 2);
	}
	igt_assert_eq_u64(gpu_loop_stop(gpu), page[0]);
	igt_assert_eq_u64(gpu_loop_stop(&second), page[8]);
	igt_assert_eq_u64(page[16], 20);
	gpu_fini(&second);
}

/* Both map the same system memory: shared, so in place. */
static void in_place(struct gpu *gpu)
{
	void *words = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct gpu second = { 0 };
	uint64_t before;

	igt_assert(words != MAP_FAILED);
	gpu_init_second(&second);
	gpu_ramp_write(gpu, words, SIZE, 1);
	gpu_ramp_add(&second, words, SIZE, 1);
	before = gpu_stats(gpu).faults + gpu_stats(&second).faults;
	gpu_ramp_add(gpu, words, SIZE, 1);
	gpu_ramp_add(&second, words, SIZE, 1);
	/* Neither took it from the other. */
	igt_assert_eq_u64(gpu_stats(gpu).faults + gpu_stats(&second).faults, before);
	igt_assert_eq_u64(cpu_ramp_errors(words, SIZE, 4), 0);
	gpu_fini(&second);
	munmap(words, SIZE);
}

/* munmap() has to reach both. */
static void munmap_during_kernels(struct gpu *gpu)
{
	char *page = map_anonymous(2 * PAGE_SIZE, PAGE_SIZE);
	struct gpu second = { 0 };

	gpu_init_second(&second);
	memset(page, 0, 2 * PAGE_SIZE);
	gpu_loop_start(gpu, (uintptr_t)page);
	gpu_loop_start(&second, (uintptr_t)page + 64);
	munmap(page, PAGE_SIZE);
	gpu_expect_ban(gpu, COLIBRI_QERR_FAULT);
	gpu_expect_ban(&second, COLIBRI_QERR_FAULT);
	gpu_assert_vm_lives(gpu);
	gpu_assert_vm_lives(&second);
	gpu_fini(&second);
}

static bool done(struct gpu *gpu)
{
	return !colibri_fence_wait(&gpu->dev, &gpu->fence, 0, DRM_COLIBRI_WAIT_GE, gpu->seqno,
				   gpu->queue, 0);
}

static void init_without_atomics(struct gpu *second)
{
	gpu_init_second(second);
	igt_require_f(!(second->dev.info.hw_features & COLIBRI_FEATURE_SYS_ATOMICS),
		      "needs a VM with --no-pcie-atomics\n");
}

/* Atomics of @gpu and of the CPU on one word that stays in system memory. */
static void atomics_with_cpu(struct gpu *gpu, uint64_t *word, const char *kernel,
			     uint64_t per_wave_round)
{
	struct atomic_args args = { .addr = (uintptr_t)word, .rounds = 200 };
	const uint32_t waves = 4;
	uint64_t own = 0, before = *word;

	gpu_launch(gpu, kernel, &args, sizeof(args), waves);
	do {
		for (unsigned int i = 0; i < 100; i++, own++)
			__atomic_fetch_add(word, 1, __ATOMIC_SEQ_CST);
		cpu_pause();
	} while (!done(gpu) && own < 1000000);
	gpu_wait(gpu);
	igt_assert_eq_u64(*word, before + own + waves * args.rounds * per_wave_round);
}

static uint64_t *word_in_system_memory(struct gpu *gpu)
{
	uint64_t *word = map_anonymous(PAGE_SIZE, PAGE_SIZE);

	igt_assert_eq(colibri_svm_advise(&gpu->dev, gpu->vm, word, PAGE_SIZE,
					 DRM_COLIBRI_SVM_ADVISE_PREFERRED,
					 DRM_COLIBRI_SVM_PREFER_SYSTEM), 0);
	*word = 0;
	return word;
}

static void exclusive(struct gpu *gpu)
{
	struct gpu second = { 0 };
	uint64_t *word;

	require_exclusive(gpu);
	init_without_atomics(&second);
	word = word_in_system_memory(&second);
	atomics_with_cpu(&second, word, "amo_add64", 1);
	atomics_with_cpu(&second, word, "atomic_add64", COLIBRI_WAVE_LANES);
	igt_assert(gpu_stats(&second).pages_exclusive > 0);
	igt_assert_eq_u64(gpu_stats(&second).pages_to_vram, 0);
	gpu_fini(&second);
}

/* The first GPU's atomics reach system memory, the second one's need the page. */
static void exclusive_two_gpus(struct gpu *gpu)
{
	struct atomic_args args = { .rounds = 300 };
	struct gpu second = { 0 };
	const uint32_t waves = 4;
	uint64_t *word;

	require_exclusive(gpu);
	init_without_atomics(&second);
	word = word_in_system_memory(&second);
	igt_assert_eq(colibri_svm_advise(&gpu->dev, gpu->vm, word, PAGE_SIZE,
					 DRM_COLIBRI_SVM_ADVISE_PREFERRED,
					 DRM_COLIBRI_SVM_PREFER_SYSTEM), 0);
	args.addr = (uintptr_t)word;
	gpu_launch(gpu, "amo_add64", &args, sizeof(args), waves);
	gpu_launch(&second, "amo_add64", &args, sizeof(args), waves);
	gpu_wait(gpu);
	gpu_wait(&second);
	igt_assert_eq_u64(*word, 2 * waves * args.rounds);
	gpu_fini(&second);
}

/* Shared memory cannot be had for oneself. */
static void exclusive_shared_refused(struct gpu *gpu)
{
	uint64_t *word = mmap(NULL, PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
			      -1, 0);
	struct atomic_args args = { .addr = (uintptr_t)word, .rounds = 1 };
	struct gpu second = { 0 };

	(void)gpu;
	init_without_atomics(&second);
	*word = 5;
	gpu_launch(&second, "amo_add64", &args, sizeof(args), 1);
	gpu_expect_fault(&second, word, COLIBRI_ACCESS_ATOMIC, EOPNOTSUPP);
	igt_assert_eq_u64(*word, 5);
	gpu_assert_vm_lives(&second);
	gpu_fini(&second);
}

static const struct gpu_test tests[] = {
	{ "take-turns", take_turns, "both compute on the same memory in turn" },
	{ "same-page", same_page, "kernels on both write to words of one page at once: no update is lost" },
	{ "in-place", in_place, "both have shared memory mapped at once" },
	{ "munmap-during-kernels", munmap_during_kernels, "munmap() takes it from both" },
	{ "exclusive", exclusive, "a GPU without PCIe atomics, and the CPU: atomics on one word in system memory" },
	{ "exclusive-two-gpus", exclusive_two_gpus, "the same between two GPUs" },
	{ "exclusive-shared-refused", exclusive_shared_refused, "the same on shared memory is EOPNOTSUPP" },
};

igt_main()
{
	gpu_run_tests(tests, ARRAY_SIZE(tests), gpu_init);
}
