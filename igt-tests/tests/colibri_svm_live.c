// SPDX-License-Identifier: MIT
/*
 * Shared virtual memory that changes while a kernel uses it. Each subtest has
 * the same kernel running throughout: it adds 1 to a word, then to the
 * mailbox's progress, so the word may never fall behind the progress.
 */
#include <errno.h>
#include <pthread.h>
#include <sys/mman.h>

#include "gpu_test.h"

IGT_TEST_DESCRIPTION("Shared virtual memory: changes during a kernel");

static uint64_t *start_on_page(struct gpu *gpu)
{
	uint64_t *page = map_anonymous(3 * PAGE_SIZE, PAGE_SIZE);

	memset(page, 0, 3 * PAGE_SIZE);
	gpu_loop_start(gpu, (uintptr_t)page);
	gpu_loop_progress(gpu, 10);
	return page;
}

static uint64_t progress(struct gpu *gpu)
{
	return __atomic_load_n(&gpu->shared->mail.progress, __ATOMIC_ACQUIRE);
}

static uint64_t expect_stopped_at(struct gpu *gpu, const volatile void *addr, uint32_t reason)
{
	struct drm_colibri_queue_state state = gpu_expect_ban(gpu, COLIBRI_QERR_FAULT);

	igt_assert_eq_u64(state.fault_addr & ~(PAGE_SIZE - 1), (uintptr_t)addr);
	igt_assert_eq(state.reason, reason);
	gpu_assert_vm_lives(gpu);
	gpu_new_queue(gpu);
	return progress(gpu);
}

static void cpu_fault(struct gpu *gpu)
{
	volatile uint64_t *page = start_on_page(gpu);
	const unsigned int rounds = 50;
	uint64_t seen = 0;

	for (unsigned int i = 0; i < rounds; i++) {
		uint64_t before = progress(gpu);
		uint64_t now = page[0];

		igt_assert_lte_u64(before, now);
		igt_assert_lte_u64(seen, now);
		seen = now;
		page[1] += 1;
		gpu_loop_progress(gpu, 2);
	}
	igt_assert_eq_u64(gpu_loop_stop(gpu), page[0]);
	igt_assert_eq_u64(page[1], rounds);
	require_migration(gpu);
	igt_assert_lte_u64(2, gpu_stats(gpu).cpu_faults);
	igt_assert_lte_u64(2, gpu_stats(gpu).pages_to_vram);
}

static void munmap_live(struct gpu *gpu)
{
	uint64_t *page = start_on_page(gpu);

	page[PAGE_SIZE / 8] = 5;
	munmap(page, PAGE_SIZE);
	expect_stopped_at(gpu, page, EFAULT);
	igt_assert_eq_u64(page[PAGE_SIZE / 8], 5);
}

static void mprotect_read(struct gpu *gpu)
{
	volatile uint64_t *page = start_on_page(gpu);

	igt_assert_eq(mprotect((void *)page, PAGE_SIZE, PROT_READ), 0);
	igt_assert_eq_u64(expect_stopped_at(gpu, page, EACCES), page[0]);

	/* Writable again, the next kernel goes on from there. */
	igt_assert_eq(mprotect((void *)page, PAGE_SIZE, PROT_READ | PROT_WRITE), 0);
	page[0] = 0;
	gpu_loop_start(gpu, (uintptr_t)page);
	igt_assert_eq_u64(gpu_loop_stop(gpu), page[0]);
}

static void mprotect_none(struct gpu *gpu)
{
	volatile uint64_t *page = start_on_page(gpu);
	uint64_t count;

	igt_assert_eq(mprotect((void *)page, PAGE_SIZE, PROT_NONE), 0);
	count = expect_stopped_at(gpu, page, EACCES);
	igt_assert_eq(mprotect((void *)page, PAGE_SIZE, PROT_READ), 0);
	igt_assert_eq_u64(count, page[0]);
}

static void mremap_live(struct gpu *gpu)
{
	uint64_t *page = start_on_page(gpu);
	volatile uint64_t *target = map_anonymous(PAGE_SIZE, PAGE_SIZE);

	igt_assert(mremap(page, PAGE_SIZE, PAGE_SIZE, MREMAP_MAYMOVE | MREMAP_FIXED,
			  target) == target);
	igt_assert_eq_u64(expect_stopped_at(gpu, page, EFAULT), target[0]);

	target[0] = 0;
	gpu_loop_start(gpu, (uintptr_t)target);
	igt_assert_eq_u64(gpu_loop_stop(gpu), target[0]);
}

static void mremap_data(struct gpu *gpu)
{
	const size_t size = 64 * PAGE_SIZE;
	char *old = map_anonymous(size, PAGE_SIZE);
	char *target = map_anonymous(size, PAGE_SIZE);

	gpu_ramp_write(gpu, old, size, 3);
	igt_assert(mremap(old, size, size, MREMAP_MAYMOVE | MREMAP_FIXED, target) == target);
	igt_assert_eq_u64(gpu_ramp_errors(gpu, target, size, 3), 0);
	gpu_ramp_add(gpu, target, size, 1);
	igt_assert_eq_u64(cpu_ramp_errors(target, size, 4), 0);
}

/* Memory given back is zero for both sides, also what the GPU had in VRAM. */
static void dontneed(struct gpu *gpu)
{
	volatile uint64_t *page = start_on_page(gpu);
	uint64_t count;

	page[PAGE_SIZE / 8] = 5;
	for (unsigned int i = 0; i < 10; i++) {
		igt_assert_eq(madvise((void *)page, 2 * PAGE_SIZE, MADV_DONTNEED), 0);
		gpu_loop_progress(gpu, 2);
	}
	count = gpu_loop_stop(gpu);
	igt_assert_lt_u64(page[0], count);
	igt_assert_eq_u64(page[PAGE_SIZE / 8], 0);

	igt_assert_eq(madvise((void *)page, PAGE_SIZE, MADV_DONTNEED), 0);
	gpu_loop_start(gpu, (uintptr_t)page);
	igt_assert_eq_u64(gpu_loop_stop(gpu), page[0]);
}

static void prefetch(struct gpu *gpu)
{
	volatile uint64_t *page = start_on_page(gpu);

	for (unsigned int i = 0; i < 20; i++) {
		uint32_t location = i % 2 ? DRM_COLIBRI_SVM_LOC_VRAM : DRM_COLIBRI_SVM_LOC_SYSTEM;

		igt_assert_eq(colibri_svm_prefetch(&gpu->dev, gpu->vm, (void *)page, PAGE_SIZE,
						   location), 0);
		gpu_loop_progress(gpu, 2);
	}
	igt_assert_eq_u64(gpu_loop_stop(gpu), page[0]);
	require_migration(gpu);
	igt_assert_lte_u64(10, gpu_stats(gpu).pages_to_sys);
}

static bool done(struct gpu *gpu)
{
	return !colibri_fence_wait(&gpu->dev, &gpu->fence, 0, DRM_COLIBRI_WAIT_GE, gpu->seqno,
				   gpu->queue, 0);
}

static void atomics(struct gpu *gpu, const char *kernel, bool is64, uint32_t per_wave_round)
{
	uint64_t *word = map_anonymous(PAGE_SIZE, PAGE_SIZE);
	struct atomic_args args = { .addr = (uintptr_t)word, .rounds = 300 };
	const uint32_t waves = 4;
	uint64_t own = 0;

	igt_require(gpu->dev.info.hw_features & COLIBRI_FEATURE_SYS_ATOMICS);
	gpu_launch(gpu, kernel, &args, sizeof(args), waves);
	do {
		for (unsigned int i = 0; i < 100; i++, own++) {
			if (is64)
				__atomic_fetch_add(word, 1, __ATOMIC_SEQ_CST);
			else
				__atomic_fetch_add((uint32_t *)word, 1, __ATOMIC_SEQ_CST);
		}
		cpu_pause();
	} while (!done(gpu) && own < 1000000);
	gpu_wait(gpu);
	igt_assert_eq_u64(*word, own + waves * args.rounds * per_wave_round);
}

static void atomic_vector_32(struct gpu *gpu)
{
	atomics(gpu, "atomic_add32", false, COLIBRI_WAVE_LANES);
}

static void atomic_vector_64(struct gpu *gpu)
{
	atomics(gpu, "atomic_add64", true, COLIBRI_WAVE_LANES);
}

static void atomic_scalar_32(struct gpu *gpu)
{
	atomics(gpu, "amo_add32", false, 1);
}

static void atomic_scalar_64(struct gpu *gpu)
{
	atomics(gpu, "amo_add64", true, 1);
}

static const struct gpu_test tests[] = {
	{ "cpu-fault-during-kernel", cpu_fault, "CPU and GPU write words of one page: no update is lost" },
	{ "munmap-during-kernel", munmap_live, "the kernel's next access fails, neighbours and others live" },
	{ "mprotect-read-during-kernel", mprotect_read, "the write is refused, not one is lost or doubled" },
	{ "mprotect-none-during-kernel", mprotect_none, "the access is refused, the data stays" },
	{ "mremap-during-kernel", mremap_live, "the old address fails, the data is at the new one" },
	{ "mremap", mremap_data, "data in VRAM moves with its mapping" },
	{ "dontneed-during-kernel", dontneed, "memory given back is zero for both" },
	{ "prefetch-during-kernel", prefetch, "the page goes to and fro under the kernel: no update is lost" },
	{ "atomic-vector-32", atomic_vector_32, "CPU and GPU atomics on one 32-bit word" },
	{ "atomic-vector-64", atomic_vector_64, "CPU and GPU atomics on one 64-bit word" },
	{ "atomic-scalar-32", atomic_scalar_32, "CPU atomics and AMOs on one 32-bit word" },
	{ "atomic-scalar-64", atomic_scalar_64, "CPU atomics and AMOs on one 64-bit word" },
};

igt_main()
{
	gpu_run_tests(tests, ARRAY_SIZE(tests), gpu_init);
}
