// SPDX-License-Identifier: MIT
/*
 * The driver is taken from a device that works: nothing is lost but buffers in VRAM.
 */
#include <errno.h>
#include <sys/mman.h>

#include "gpu_load.h"
#include "gpu_power.h"
#include "queued.h"
#include "system.h"
#include "user_ring.h"
#include "userfault.h"

IGT_TEST_DESCRIPTION("Unbinding and removing the device");

#define REMOVE_S	10	/* at most, on a loaded host with emulated CPUs */

/* ---- Ways to go and come ---- */

static void unbind(const char *slot)
{
	igt_assert_eq(gpu_unbind(slot), 0);
}

static void bind(const char *slot)
{
	igt_assert_eq(gpu_bind(slot), 0);
	gpu_wait_ready();
}

static void remove_device(const char *slot)
{
	igt_assert_eq(gpu_slot_write(slot, "remove", "1"), 0);
}

static void rescan(const char *slot)
{
	(void)slot;
	sys_write("/sys/bus/pci/rescan", "1");
	gpu_wait_ready();
}

/* Takes the device away, and fails when that takes long. */
static void timed(void (*go)(const char *slot), const char *slot)
{
	struct timespec start = {};

	igt_nsec_elapsed(&start);
	go(slot);
	igt_info("gone in %.3f s\n", igt_nsec_elapsed(&start) / 1e9);
	igt_assert_lt_u64(igt_nsec_elapsed(&start), REMOVE_S * NSEC_PER_SEC);
}

/* The device that came back works. */
static void expect_works(struct gpu *gpu)
{
	char *words = map_anonymous(SVM_BLOCK_SIZE, SVM_BLOCK_SIZE);

	gpu_init(gpu);
	gpu_share(gpu, words, SVM_BLOCK_SIZE);
	igt_assert_eq(munmap(words, SVM_BLOCK_SIZE), 0);
}

/* ---- Subtests ---- */

static void memory(struct gpu *gpu)
{
	char *words = map_anonymous(2 * SVM_BLOCK_SIZE, SVM_BLOCK_SIZE), *slot = gpu_slot(gpu);
	struct colibri_bo vram, system;
	uint32_t value;

	gpu_ramp_write(gpu, words, 2 * SVM_BLOCK_SIZE, 1);
	igt_assert_eq(colibri_bo_create(&gpu->dev, SVM_BLOCK_SIZE, DRM_COLIBRI_GEM_VRAM, 0, &vram), 0);
	igt_assert_eq(colibri_bo_create(&gpu->dev, PAGE_SIZE, DRM_COLIBRI_GEM_SYSTEM, 0, &system), 0);
	*(volatile uint32_t *)vram.map = 5;
	*(volatile uint32_t *)system.map = 6;
	timed(unbind, slot);
	igt_assert_eq_u64(cpu_ramp_errors(words, 2 * SVM_BLOCK_SIZE, 1), 0);
	igt_assert(!read_or_sigbus(vram.map, &value));
	igt_assert(read_or_sigbus(system.map, &value) && value == 6);
	colibri_bo_destroy(&gpu->dev, &vram);
	colibri_bo_destroy(&gpu->dev, &system);
	gpu_close_lost(gpu, -ENODEV);
	bind(slot);
	expect_works(gpu);
	free(slot);
}

static void under_load(struct gpu *gpu, void (*go)(const char *slot), void (*come)(const char *slot),
		       unsigned int flags)
{
	struct gpu_load load = { .gpu = gpu, .flags = flags };
	char *slot = gpu_slot(gpu);

	gpu_load_start(&load);
	usleep(rand() % 500000);
	timed(go, slot);
	gpu_load_end(&load);
	/* Nothing is lost: the device worked until it had given all back. */
	igt_assert_eq_u64(gpu_load_check(&load), 0);
	gpu_close_lost(gpu, -ENODEV);
	come(slot);
	expect_works(gpu);
	free(slot);
}

static void unbind_load(struct gpu *gpu)
{
	for (unsigned int i = 0; i < 3; i++)
		under_load(gpu, unbind, bind, LOAD_MIGRATE | LOAD_CPU | LOAD_BIND | LOAD_PREFETCH);
}

static void unbind_evict(struct gpu *gpu)
{
	require_small_vram(gpu, 32);
	under_load(gpu, unbind, bind, LOAD_EVICT | LOAD_BIND);
}

static void remove_load(struct gpu *gpu)
{
	under_load(gpu, remove_device, rescan, LOAD_MIGRATE | LOAD_CPU | LOAD_BIND | LOAD_ATOMIC);
}

/* A fault that waits for user space, which will never answer. */
static void stalled_fault(struct gpu *gpu)
{
	char *page = map_anonymous(PAGE_SIZE, PAGE_SIZE), *slot = gpu_slot(gpu);
	int fd = userfault_open(0);
	uint64_t flags;

	userfault_register(fd, page, PAGE_SIZE, UFFDIO_REGISTER_MODE_MISSING);
	gpu_read_word(gpu, page);
	igt_assert_eq_u64(userfault_wait(fd, &flags), (uintptr_t)page);
	timed(unbind, slot);
	gpu_close_lost(gpu, -ENODEV);
	close(fd);
	bind(slot);
	expect_works(gpu);
	free(slot);
}

/* Another process, which does the same as this one. */
static void ring_until_gone(struct steps *steps)
{
	struct colibri_ring ring;
	struct gpu own = { 0 };

	gpu_init(&own);
	ring_make(&own, &ring);
	ring_work(&own, &ring, 1);
	steps_done(steps, 1);
	ring_bells(&ring);
	ring_expect_gone(&ring);
}

/* Two processes ring doorbells that they map, all the time. */
static void doorbells_go(struct gpu *gpu, void (*go)(const char *slot),
			 void (*come)(const char *slot))
{
	struct steps *steps = steps_new();
	char *slot = gpu_slot(gpu);
	struct colibri_ring ring;
	struct ringer ringer;

	igt_fork(child, 1)
		ring_until_gone(steps);
	steps_wait(steps, 1);
	ring_make(gpu, &ring);
	ring_work(gpu, &ring, 1);
	ringer_start(&ringer, &ring);
	usleep(rand() % 200000);
	timed(go, slot);
	ringer_end(&ringer);
	igt_waitchildren_timeout(GPU_TIMEOUT_S, "the other process");
	gpu->seqno++; /* which nobody will write */
	igt_assert_eq(ring_wait(gpu, &ring), -ENODEV);
	ring_expect_gone(&ring);
	igt_assert_eq(colibri_ring_destroy(&gpu->dev, &ring), -ENODEV);
	gpu_close_lost(gpu, -ENODEV);
	ring_expect_gone(&ring);
	ring_unmap(&ring);
	come(slot);
	expect_works(gpu);
	free(slot);
}

static void doorbells(struct gpu *gpu)
{
	for (unsigned int i = 0; i < 3; i++)
		doorbells_go(gpu, unbind, bind);
	doorbells_go(gpu, remove_device, rescan);
}

/* The module is used by what is queued, and by open files. */
static void expect_module_unused(void)
{
	struct timespec start = {};

	while (sys_read("/sys/module/colibri/refcnt")) {
		igt_assert(igt_nsec_elapsed(&start) < GPU_TIMEOUT_S * NSEC_PER_SEC);
		cpu_pause();
	}
}

/* The removal waits for nobody, and the fences end as soon as what they wait for has. */
static void queued_go(struct gpu *gpu, void (*go)(const char *slot), void (*come)(const char *slot))
{
	char *slot = gpu_slot(gpu);
	struct queued queued;

	queued_start(&queued);
	timed(go, slot);
	queued_expect(&queued, -ENODEV);
	gpu_close_lost(gpu, -ENODEV);
	expect_module_unused();
	come(slot);
	expect_works(gpu);
	free(slot);
}

static void queued_work(struct gpu *gpu)
{
	queued_go(gpu, unbind, bind);
	queued_go(gpu, remove_device, rescan);
}

#define NUM_CLOSED	8

/* A job that runs, and a job and bindings behind it. */
static void closed_start(struct gpu *gpu)
{
	struct drm_colibri_sync signal, wait;

	gpu_init_fenced(gpu);
	signal = signal_syncobj(syncobj_new(gpu, false), 0);
	wait = wait_syncobj(signal.handle, 0);
	igt_assert_eq(job_loop(gpu, gpu->queue, &signal, 1), 0);
	gpu_loop_progress(gpu, 1);
	igt_assert_eq(job_write(gpu, gpu->queue, 0, 1, NULL, 0), 0);
	for (unsigned int i = 0; i < 8; i++) {
		struct drm_colibri_vm_bind args = {
			.vm_id = gpu->vm, .op = DRM_COLIBRI_VM_BIND_OP_MAP, .handle = gpu->fence.handle,
			.addr = gpu->next_addr + i * PAGE_SIZE, .range = PAGE_SIZE,
			.syncs = (uintptr_t)&wait, .num_syncs = 1,
		};

		igt_assert_eq(colibri_vm_bind(&gpu->dev, &args), 0);
	}
	/* They go with the file. */
	gpu->queue = 0;
	gpu->vm = 0;
}

static void *close_files(void *data)
{
	struct gpu *gpus = data;

	for (unsigned int i = 0; i < NUM_CLOSED; i++)
		gpu_fini(&gpus[i]);
	return NULL;
}

/* The end of a file and that of the device meet in the same queues and VMs. */
static void closing(struct gpu *gpu)
{
	char *slot = gpu_slot(gpu);
	unsigned int timeout = job_timeout(0);
	struct gpu gpus[NUM_CLOSED];
	pthread_t thread;

	gpu_fini_early(gpu);
	for (unsigned int round = 0; round < 4; round++) {
		for (unsigned int i = 0; i < NUM_CLOSED; i++)
			closed_start(&gpus[i]);
		igt_assert_eq(pthread_create(&thread, NULL, close_files, gpus), 0);
		timed(unbind, slot);
		igt_assert_eq(pthread_join(thread, NULL), 0);
		expect_module_unused();
		bind(slot);
	}
	job_timeout(timeout);
	expect_works(gpu);
	free(slot);
}

static void init(struct gpu *gpu)
{
	gpu_init(gpu);
	srand(time(NULL));
}

static const struct gpu_test tests[] = {
	{ "memory", memory, "pages come home; buffers in VRAM are SIGBUS, those in system memory stay" },
	{ "unbind-load", unbind_load, "while kernels, migration, binds and CPU faults are under way" },
	{ "unbind-evict", unbind_evict, "while there is more than fits into VRAM" },
	{ "remove-load", remove_load, "removed from the bus under load; a rescan brings it back" },
	{ "doorbells", doorbells, "while processes ring doorbells that they map: SIGBUS" },
	{ "queued", queued_work, "while jobs and bindings are queued: each fence ends with ENODEV" },
	{ "closing", closing, "while files with jobs and bindings that are queued are closed" },
	{ "stalled-fault", stalled_fault, "while a fault waits for user space" },
};

igt_main()
{
	gpu_run_tests(tests, ARRAY_SIZE(tests), init);
}
