// SPDX-License-Identifier: MIT
/*
 * Buffers that may be in VRAM and in system memory: they leave when others need the room, and
 * come back, with their data.
 */
#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#include "jobs.h"

IGT_TEST_DESCRIPTION("Eviction of buffers, by memory of processes and by other buffers");

#define EITHER	(DRM_COLIBRI_GEM_SYSTEM | DRM_COLIBRI_GEM_VRAM)
#define SIZE	(2 * MiB)

static uint32_t resident(struct gpu *gpu, const struct colibri_bo *bo)
{
	struct drm_colibri_gem_info info;

	igt_assert_eq(colibri_bo_get_info(&gpu->dev, bo->handle, &info), 0);
	return info.resident;
}

/* Fill VRAM with buffers that cannot leave; returns how many there are. */
static unsigned int fill_vram(struct gpu *gpu, struct colibri_bo **bos)
{
	unsigned int max = gpu->dev.info.vram_size / SIZE, count = 0;

	require_small_vram(gpu, 64);
	*bos = calloc(max, sizeof(**bos));
	while (count < max &&
	       !colibri_bo_create(&gpu->dev, SIZE, DRM_COLIBRI_GEM_VRAM, 0, &(*bos)[count]))
		count++;
	igt_assert(count >= 1);
	return count;
}

static void free_vram(struct gpu *gpu, struct colibri_bo *bos, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++)
		colibri_bo_destroy(&gpu->dev, &bos[i]);
	free(bos);
}

/* Out and back on a faulting VM: the GPU's next access finds it in system memory, or brings it home. */
static void by_buffers(struct gpu *gpu)
{
	struct colibri_bo bo, *others;
	unsigned int count;
	uint64_t addr;

	addr = gpu_bind_bo(gpu, &bo, SIZE, EITHER, 0, 0);
	gpu_ramp_write(gpu, (void *)addr, SIZE, 1);
	igt_assert_eq_u32(resident(gpu, &bo), DRM_COLIBRI_GEM_VRAM);
	igt_assert_eq_u64(cpu_ramp_errors(bo.map, SIZE, 1), 0);

	count = fill_vram(gpu, &others);
	igt_assert_eq_u32(resident(gpu, &bo), DRM_COLIBRI_GEM_SYSTEM);
	igt_assert_eq_u64(cpu_ramp_errors(bo.map, SIZE, 1), 0);
	gpu_ramp_add(gpu, (void *)addr, SIZE, 1);
	igt_assert_eq_u32(resident(gpu, &bo), DRM_COLIBRI_GEM_SYSTEM);
	igt_assert_eq_u64(cpu_ramp_errors(bo.map, SIZE, 2), 0);
	free_vram(gpu, others, count);

	igt_assert_eq(colibri_vm_prefetch(&gpu->dev, gpu->vm, addr, SIZE, DRM_COLIBRI_SVM_LOC_VRAM), 0);
	igt_assert_eq_u32(resident(gpu, &bo), DRM_COLIBRI_GEM_VRAM);
	igt_assert_eq_u64(gpu_ramp_errors(gpu, (void *)addr, SIZE, 2), 0);
	igt_assert_eq_u64(cpu_ramp_errors(bo.map, SIZE, 2), 0);
	colibri_bo_destroy(&gpu->dev, &bo);
}

/* It was out for a while, and nobody used it there: the next fault brings it back. */
static void faulted_back(struct gpu *gpu)
{
	struct colibri_bo bo, *others;
	unsigned int count;
	uint64_t addr;

	addr = gpu_bind_bo(gpu, &bo, SIZE, EITHER, 0, 0);
	gpu_ramp_write(gpu, (void *)addr, SIZE, 3);
	count = fill_vram(gpu, &others);
	igt_assert_eq_u32(resident(gpu, &bo), DRM_COLIBRI_GEM_SYSTEM);
	free_vram(gpu, others, count);
	usleep(300000);
	gpu_ramp_add(gpu, (void *)addr, SIZE, 4);
	igt_assert_eq_u32(resident(gpu, &bo), DRM_COLIBRI_GEM_VRAM);
	igt_assert_eq_u64(cpu_ramp_errors(bo.map, SIZE, 7), 0);
	colibri_bo_destroy(&gpu->dev, &bo);
}

/* A binding that forbids writes still does after the buffer has moved. */
static void rights_stay(struct gpu *gpu)
{
	struct scalar_args args = { .value = 1 };
	struct colibri_bo bo, *others;
	unsigned int count;

	args.addr = gpu_bind_bo(gpu, &bo, SIZE, EITHER, 0, DRM_COLIBRI_VM_BIND_READONLY);
	count = fill_vram(gpu, &others);
	igt_assert_eq_u32(resident(gpu, &bo), DRM_COLIBRI_GEM_SYSTEM);
	gpu_launch(gpu, "scalar_write", &args, sizeof(args), 1);
	gpu_expect_fault(gpu, (void *)args.addr, COLIBRI_ACCESS_WRITE, EACCES);
	free_vram(gpu, others, count);
	colibri_bo_destroy(&gpu->dev, &bo);
}

/* Migrated memory and buffers compete; neither starves, and all data is right on both sides. */
static void by_svm(struct gpu *gpu)
{
	size_t size = gpu->dev.info.vram_size * 2;
	unsigned int n = gpu->dev.info.vram_size / SIZE / 2, out = 0;
	struct colibri_bo *bos = calloc(n, sizeof(*bos));
	uint64_t *addr = calloc(n, sizeof(*addr));
	void *memory;

	require_small_vram(gpu, 64);
	igt_require_f(gpu_migrates(gpu), "the kernel does not migrate to VRAM\n");
	igt_assert_eq(colibri_vm_mirror(&gpu->dev, gpu->vm), 0);
	for (unsigned int i = 0; i < n; i++) {
		addr[i] = gpu_bind_bo(gpu, &bos[i], SIZE, EITHER, 0, 0);
		gpu_ramp_write(gpu, (void *)addr[i], SIZE, i);
	}
	memory = map_anonymous(size, SIZE);
	for (unsigned int round = 1; round <= 2; round++) {
		gpu_ramp_write(gpu, memory, size, round);
		for (unsigned int i = 0; i < n; i++)
			out += resident(gpu, &bos[i]) == DRM_COLIBRI_GEM_SYSTEM;
		for (unsigned int i = 0; i < n; i++)
			gpu_ramp_add(gpu, (void *)addr[i], SIZE, 1);
		igt_assert_eq_u64(cpu_ramp_errors(memory, size, round), 0);
	}
	igt_info("%u of %u buffers had to leave\n", out, 2 * n);
	igt_assert(out);
	for (unsigned int i = 0; i < n; i++) {
		igt_assert_eq_u64(cpu_ramp_errors(bos[i].map, SIZE, i + 2), 0);
		colibri_bo_destroy(&gpu->dev, &bos[i]);
	}
	munmap(memory, size);
	free(bos);
	free(addr);
}

/* On a fenced VM a buffer leaves between jobs only, and each job finds it. */
static void fenced(struct gpu *gpu)
{
	struct drm_colibri_sync sync;
	struct colibri_bo bo, *others;
	struct ramp_args args = { .count = SIZE / 4, .per_wave = SIZE / 4, .value = 1 };
	union colibri_packet packet;
	struct drm_colibri_exec_item item;
	unsigned int count;
	struct gpu vm = { 0 };

	gpu_init_fenced(&vm);
	args.words = gpu_bind_bo(&vm, &bo, SIZE, EITHER, 0, 0);
	sync = signal_syncobj(syncobj_new(&vm, false), 0);
	for (unsigned int round = 1; round <= 3; round++) {
		count = fill_vram(gpu, &others);
		igt_assert_eq_u32(resident(&vm, &bo), DRM_COLIBRI_GEM_SYSTEM);
		if (round == 3)
			free_vram(gpu, others, count);
		usleep(300000);
		packet = job_dispatch(&vm, round == 1 ? "ramp_write" : "ramp_add", &args, sizeof(args));
		item = colibri_exec_item(vm.queue, &packet, 1);
		igt_assert_eq(colibri_exec(&vm.dev, &item, 1, &sync, 1), 0);
		igt_assert_eq(syncobj_status(&vm, sync.handle), 0);
		igt_assert_eq_u64(cpu_ramp_errors(bo.map, SIZE, round), 0);
		if (round < 3)
			free_vram(gpu, others, count);
	}
	igt_assert_eq_u32(resident(&vm, &bo), DRM_COLIBRI_GEM_VRAM);
	colibri_bo_destroy(&vm.dev, &bo);
	gpu_fini(&vm);
}

/* A job uses it: it stays until the job has ended. */
static void busy_stays(struct gpu *gpu)
{
	struct drm_colibri_sync sync;
	struct colibri_bo bo, *others;
	struct gpu vm = { 0 };
	unsigned int count;

	gpu_init_fenced(&vm);
	gpu_bind_bo(&vm, &bo, SIZE, EITHER, 0, 0);
	sync = signal_syncobj(syncobj_new(&vm, false), 0);
	vm.shared->mail.stop = 0;
	igt_assert_eq(job_loop(&vm, vm.queue, &sync, 1), 0);
	gpu_loop_progress(&vm, 1);
	count = fill_vram(gpu, &others);
	igt_assert_eq_u32(resident(&vm, &bo), DRM_COLIBRI_GEM_VRAM);
	free_vram(gpu, others, count);
	__atomic_store_n(&vm.shared->mail.stop, 1, __ATOMIC_RELEASE);
	igt_assert_eq(syncobj_status(&vm, sync.handle), 0);
	count = fill_vram(gpu, &others);
	igt_assert_eq_u32(resident(&vm, &bo), DRM_COLIBRI_GEM_SYSTEM);
	free_vram(gpu, others, count);
	colibri_bo_destroy(&vm.dev, &bo);
	gpu_fini(&vm);
}

/* The CPU writes all the time while the buffer goes to and fro. */
static void cpu_meanwhile(struct gpu *gpu)
{
	struct igt_helper_process helper = { .use_SIGKILL = true };
	volatile uint64_t *word;
	struct colibri_bo bo;
	uint64_t addr, seen = 0;

	addr = gpu_bind_bo(gpu, &bo, SIZE, EITHER, 0, 0);
	word = bo.map;
	*word = 0;
	igt_fork_helper(&helper)
		for (;;)
			++*word;
	for (unsigned int i = 0; i < 40; i++) {
		uint64_t now;

		igt_assert_eq(colibri_vm_prefetch(&gpu->dev, gpu->vm, addr, SIZE, i % 2), 0);
		now = *word;
		igt_assert_lte_u64(seen, now);
		seen = now;
	}
	igt_stop_helper(&helper);
	igt_assert_lt_u64(0, *word);
	colibri_bo_destroy(&gpu->dev, &bo);
}

static const struct gpu_test tests[] = {
	{ "by-buffers", by_buffers, "a buffer leaves VRAM for one that cannot be elsewhere" },
	{ "faulted-back", faulted_back, "an access of the GPU brings it back when there is room" },
	{ "rights-stay", rights_stay, "a read-only binding stays one" },
	{ "by-svm", by_svm, "buffers and migrated memory compete for VRAM, with right data" },
	{ "fenced", fenced, "each job of a fenced VM finds a buffer that left between jobs" },
	{ "busy-stays", busy_stays, "a buffer that a job uses stays" },
	{ "cpu-meanwhile", cpu_meanwhile, "no write of the CPU is lost while a buffer moves" },
};

igt_main()
{
	gpu_run_tests(tests, ARRAY_SIZE(tests), gpu_init_buffers_only);
}
