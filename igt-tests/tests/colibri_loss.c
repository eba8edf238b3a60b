// SPDX-License-Identifier: MIT
/*
 * The device vanishes: its model is killed while this or that is under way. The driver
 * notices, calls fail with ENODEV, waiters wake, data in system memory is kept, touching
 * what was in VRAM is SIGBUS, and a new device can be had.
 *
 * Each subtest takes the first GPU out of the VM and puts another one in.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "gpu_load.h"
#include "gpu_power.h"
#include "kernel_log.h"
#include "queued.h"
#include "system.h"
#include "user_ring.h"

IGT_TEST_DESCRIPTION("Loss of the device");

#define LOST_S		5	/* in which a loss is noticed: the driver looks once a second */
#define RANDOM_KILLS	3	/* of each random subtest */

/* ---- The end of a device ---- */

/* The driver will notice that the device is gone; what was in VRAM then may be lost. */
static void expect_loss(void)
{
	kernel_log_expect("device lost: ");
	kernel_log_allow("pages of device memory are lost");
}

static void die(void)
{
	expect_loss();
	gpu_power("kill", "");
}

/* ---- Waiters ---- */

struct waiter {
	pthread_t thread;
	struct gpu *gpu;
	uint32_t queue;
	int ret;
};

static void *wait_for_ever(void *data)
{
	struct waiter *w = data;

	w->ret = colibri_fence_wait(&w->gpu->dev, &w->gpu->fence, 8, DRM_COLIBRI_WAIT_EQ, ~0ull,
				    w->queue, INT64_MAX);
	return NULL;
}

static void waiter_start(struct waiter *w, struct gpu *gpu, uint32_t queue)
{
	w->gpu = gpu;
	w->queue = queue;
	igt_assert_eq(pthread_create(&w->thread, NULL, wait_for_ever, w), 0);
}

static void waiter_expect(struct waiter *w, int ret)
{
	struct timespec end;

	clock_gettime(CLOCK_REALTIME, &end);
	end.tv_sec += LOST_S;
	igt_assert_eq(pthread_timedjoin_np(w->thread, NULL, &end), 0);
	igt_assert_eq(w->ret, ret);
}

/* ---- One state each ---- */

static void idle(struct gpu *gpu)
{
	struct waiter with_queue, without;
	char *slot = gpu_slot(gpu);

	waiter_start(&with_queue, gpu, gpu->queue);
	waiter_start(&without, gpu, 0);
	die();
	waiter_expect(&with_queue, -ENODEV);
	waiter_expect(&without, -ENODEV);
	gpu_replace_lost(gpu, slot);
}

static void dispatch(struct gpu *gpu)
{
	volatile uint64_t *word = map_anonymous(PAGE_SIZE, PAGE_SIZE);
	char *slot = gpu_slot(gpu);
	struct waiter w;

	gpu_loop_start(gpu, (uintptr_t)word);
	waiter_start(&w, gpu, gpu->queue);
	die();
	waiter_expect(&w, -ENODEV);
	gpu_replace_lost(gpu, slot);
}

/* It is there, but does not answer: for a moment, which is no matter, then for good. */
static void stopped(struct gpu *gpu)
{
	volatile uint64_t *word = map_anonymous(PAGE_SIZE, PAGE_SIZE);
	char *slot = gpu_slot(gpu);
	struct waiter w;
	uint32_t vm;

	gpu_loop_start(gpu, (uintptr_t)word);
	waiter_start(&w, gpu, gpu->queue);
	gpu_power("stop", "2");
	igt_assert_eq(colibri_vm_create(&gpu->dev, &vm), 0);
	gpu_loop_progress(gpu, 10);
	expect_loss();
	gpu_power("stop", "");
	gpu_wait_lost(gpu, GPU_TIMEOUT_S);
	waiter_expect(&w, -ENODEV);
	gpu_power("kill", "");
	gpu_replace_lost(gpu, slot);
}

/* Exactly what was in VRAM is lost, and nothing else. */
static void sigbus(struct gpu *gpu)
{
	const size_t size = 2 * SVM_BLOCK_SIZE, pages = size / PAGE_SIZE;
	char *words = map_anonymous(size, SVM_BLOCK_SIZE), *slot = gpu_slot(gpu);
	uint16_t where[2 * SVM_BLOCK_SIZE / PAGE_SIZE];
	unsigned int lost = 0;
	uint32_t value;

	require_migration(gpu);
	cpu_ramp_write(words, size, 1);
	gpu_ramp_to_vram(gpu, words, size, 1);
	igt_assert_eq_u64(cpu_ramp_errors(words, size / 4, 1), 0);
	igt_assert_eq(colibri_svm_query(&gpu->dev, gpu->vm, words, size, where), 0);
	die();
	for (size_t i = 0; i < pages; i++) {
		bool there = read_or_sigbus(words + i * PAGE_SIZE, &value);

		igt_assert_eq(there, !(where[i] & DRM_COLIBRI_SVM_PAGE_VRAM));
		lost += !there;
		if (there)
			igt_assert_eq_u32(value, 1 + i * PAGE_SIZE / 4);
	}
	igt_info("%u of %zu pages lost\n", lost, pages);
	igt_assert_lte_u64(pages / 2, lost);
	gpu_wait_lost(gpu, LOST_S);
	gpu_close_lost(gpu, 0);
	/* For good, also with another device in its place. */
	gpu_replace(slot);
	igt_assert(!read_or_sigbus(words + size - PAGE_SIZE, &value));
	igt_assert_eq(munmap(words, size), 0);
	free(slot);
}

/* Buffers: those in system memory stay, those in VRAM are SIGBUS. */
static void buffers(struct gpu *gpu)
{
	struct colibri_bo vram, system;
	char *slot = gpu_slot(gpu);
	uint32_t value;

	igt_assert_eq(colibri_bo_create(&gpu->dev, SVM_BLOCK_SIZE, DRM_COLIBRI_GEM_VRAM, 0, &vram), 0);
	igt_assert_eq(colibri_bo_create(&gpu->dev, PAGE_SIZE, DRM_COLIBRI_GEM_SYSTEM, 0, &system), 0);
	*(volatile uint32_t *)vram.map = 5;
	*(volatile uint32_t *)system.map = 6;
	die();
	gpu_wait_lost(gpu, LOST_S);
	for (unsigned int i = 0; read_or_sigbus(vram.map, &value); i++) {
		igt_assert_lt_u64(i, 5000);
		cpu_pause();
	}
	igt_assert(read_or_sigbus(system.map, &value) && value == 6);
	igt_assert_eq(gpu_slot_write(slot, "remove", "1"), 0);
	igt_assert(!read_or_sigbus(vram.map, &value));
	igt_assert(read_or_sigbus(system.map, &value) && value == 6);
	colibri_bo_destroy(&gpu->dev, &vram);
	colibri_bo_destroy(&gpu->dev, &system);
	gpu_close_lost(gpu, -ENODEV);
	gpu_power("plug", "");
	gpu_wait_ready();
	free(slot);
}

/* A process rings its doorbell all the time, which nobody answers any more. */
static void doorbell(struct gpu *gpu)
{
	char *slot = gpu_slot(gpu);
	struct colibri_ring ring;
	struct ringer ringer;

	ring_make(gpu, &ring);
	ring_work(gpu, &ring, 1);
	ringer_start(&ringer, &ring);
	usleep(rand() % 200000);
	die();
	ringer_end(&ringer);
	gpu_wait_lost(gpu, LOST_S);
	gpu->seqno++; /* which nobody will write */
	igt_assert_eq(ring_wait(gpu, &ring), -ENODEV);
	ring_expect_gone(&ring);
	igt_assert_eq(colibri_ring_destroy(&gpu->dev, &ring), 0);
	gpu_replace_lost(gpu, slot);
}

/* Each fence ends, whatever it waited for. */
static void queued_work(struct gpu *gpu)
{
	char *slot = gpu_slot(gpu);
	struct queued queued;

	queued_start(&queued);
	die();
	gpu_wait_lost(gpu, LOST_S);
	queued_expect(&queued, -ENODEV);
	gpu_replace_lost(gpu, slot);
}

/* The driver can go at once; what keeps lost pages goes when the last is unmapped. */
static void unload(struct gpu *gpu)
{
	const char *modules = getenv("COLIBRI_MODULES");
	char *words = map_anonymous(SVM_BLOCK_SIZE, SVM_BLOCK_SIZE), *slot = gpu_slot(gpu);
	struct timespec start = {};
	char command[512];
	uint32_t value;

	igt_require_f(modules, "needs COLIBRI_MODULES, the folder of the modules\n");
	require_migration(gpu);
	gpu_ramp_to_vram(gpu, words, SVM_BLOCK_SIZE, 1);
	die();
	gpu_wait_lost(gpu, LOST_S);
	igt_assert_neq(system("rmmod colibri 2>/dev/null"), 0);
	gpu_close_lost(gpu, 0);
	igt_nsec_elapsed(&start);
	igt_assert_eq(gpu_slot_write(slot, "remove", "1"), 0);
	igt_assert_lt_u64(igt_nsec_elapsed(&start), 2 * NSEC_PER_SEC);
	igt_assert_eq(system("rmmod colibri"), 0);
	igt_assert_neq(system("rmmod hmm_svm 2>/dev/null"), 0);
	igt_assert(!read_or_sigbus(words + SVM_BLOCK_SIZE - PAGE_SIZE, &value));
	igt_assert_eq(munmap(words, SVM_BLOCK_SIZE), 0);
	/* The last page takes its device with it by a work item. */
	for (unsigned int i = 0; system("rmmod hmm_svm 2>/dev/null"); i++) {
		igt_assert_lt_u64(i, 100);
		cpu_pause();
	}
	snprintf(command, sizeof(command), "insmod %s/hmm_svm.ko && insmod %s/colibri.ko", modules,
		 modules);
	igt_assert_eq(system(command), 0);
	gpu_power("plug", "");
	gpu_wait_ready();
	free(slot);
}

/* ---- At random instants ---- */

static void kill_under_load(struct gpu *gpu, unsigned int flags, unsigned int delay_us)
{
	struct gpu_load load = { .gpu = gpu, .flags = flags };
	char *slot = gpu_slot(gpu);

	igt_info("killed after %u us\n", delay_us);
	gpu_load_start(&load);
	usleep(delay_us);
	die();
	gpu_wait_lost(gpu, LOST_S);
	gpu_load_end(&load);
	gpu_load_check(&load);
	gpu_replace_lost(gpu, slot);
}

static void kill_often(struct gpu *gpu, unsigned int flags)
{
	require_small_vram(gpu, 32);
	for (unsigned int i = 0; i < RANDOM_KILLS; i++) {
		if (!gpu->live)
			gpu_init(gpu);
		kill_under_load(gpu, flags, rand() % 400000);
	}
}

static void migrate(struct gpu *gpu)
{
	kill_often(gpu, LOAD_MIGRATE | LOAD_PREFETCH);
}

static void cpu_fault(struct gpu *gpu)
{
	kill_often(gpu, LOAD_MIGRATE | LOAD_CPU);
}

static void evict(struct gpu *gpu)
{
	kill_often(gpu, LOAD_EVICT);
}

static void bind(struct gpu *gpu)
{
	kill_often(gpu, LOAD_MIGRATE | LOAD_BIND);
}

static void everything(struct gpu *gpu)
{
	kill_often(gpu, LOAD_EVICT | LOAD_CPU | LOAD_BIND | LOAD_ATOMIC | LOAD_PREFETCH);
}

/* With a device that has no atomics on system memory: pages are made exclusive. */
static void exclusive(struct gpu *gpu)
{
	char *slot = gpu_slot(gpu);

	gpu_fini_early(gpu);
	die();
	igt_assert_eq(gpu_slot_write(slot, "remove", "1"), 0);
	gpu_power("plug", "--no-pcie-atomics");
	gpu_wait_ready();
	gpu_init(gpu);
	igt_assert(!(gpu->dev.info.hw_features & COLIBRI_FEATURE_SYS_ATOMICS));
	kill_under_load(gpu, LOAD_MIGRATE | LOAD_CPU | LOAD_ATOMIC, 100000 + rand() % 300000);
	free(slot);
}

/* ---- While the driver comes and goes ---- */

/* @change runs in a child while the device dies. */
static void kill_during(const char *slot, int (*change)(const char *slot), unsigned int max_delay_us)
{
	unsigned int delay = rand() % max_delay_us;
	pid_t child;
	int status;

	igt_info("killed after %u us\n", delay);
	child = fork();
	igt_assert(child >= 0);
	if (!child)
		_exit(-change(slot));
	usleep(delay);
	kernel_log_allow("device lost: ");
	kernel_log_allow("pages of device memory are lost");
	kernel_log_allow("probe with driver colibri failed");
	/* It answered nothing but ones. */
	kernel_log_allow("not a Colibri");
	gpu_power("kill", "");
	/* Each step of probe() has its own timeout; none is tried twice. */
	igt_set_timeout(GPU_TIMEOUT_S, "the driver hangs");
	igt_assert_eq(waitpid(child, &status, 0), child);
	igt_reset_timeout();
	igt_assert(WIFEXITED(status));
	igt_info("it ended with %s\n", strerror(WEXITSTATUS(status)));
	gpu_replace(slot);
}

static void during_probe(struct gpu *gpu)
{
	for (unsigned int i = 0; i < 3; i++) {
		char *slot;

		if (!gpu->live)
			gpu_init(gpu);
		slot = gpu_slot(gpu);
		gpu_fini_early(gpu);
		igt_assert_eq(gpu_unbind(slot), 0);
		kill_during(slot, gpu_bind, 60000);
		free(slot);
	}
}

static void during_remove(struct gpu *gpu)
{
	char *words = map_anonymous(2 * SVM_BLOCK_SIZE, SVM_BLOCK_SIZE);
	char *slot = gpu_slot(gpu);
	uint32_t value;

	gpu_ramp_write(gpu, words, 2 * SVM_BLOCK_SIZE, 1);
	kill_during(slot, gpu_unbind, 20000);
	for (size_t at = 0; at < 2 * SVM_BLOCK_SIZE; at += PAGE_SIZE) {
		if (read_or_sigbus(words + at, &value))
			igt_assert_eq_u32(value, 1 + at / 4);
	}
	gpu_close_lost(gpu, -ENODEV);
	free(slot);
}

static void init(struct gpu *gpu)
{
	gpu_power_require();
	gpu_init(gpu);
	srand(time(NULL));
}

static const struct gpu_test tests[] = {
	{ "idle", idle, "nothing runs: waiters wake with ENODEV, each call has its errno" },
	{ "dispatch", dispatch, "an endless kernel runs" },
	{ "stopped", stopped, "a device that does not answer for two seconds goes on; one that never does is lost" },
	{ "sigbus", sigbus, "exactly the pages that were in VRAM are lost" },
	{ "buffers", buffers, "buffers in system memory keep their data, those in VRAM are SIGBUS" },
	{ "doorbell", doorbell, "a process rings a doorbell that it maps: SIGBUS" },
	{ "queued", queued_work, "jobs and bindings are queued: each fence ends with ENODEV" },
	{ "unload", unload, "remove returns at once; hmm_svm.ko goes with the last lost page" },
	{ "migrate", migrate, "at random instants of migration each way" },
	{ "cpu-fault", cpu_fault, "at random instants, while the CPU faults on the same memory" },
	{ "evict", evict, "at random instants of eviction" },
	{ "bind", bind, "at random instants, while buffers are bound and queues made" },
	{ "exclusive", exclusive, "while pages are exclusive for atomics" },
	{ "everything", everything, "at random instants of all of it" },
	{ "during-probe", during_probe, "while the driver starts the device" },
	{ "during-remove", during_remove, "while the driver lets go of the device" },
};

igt_main()
{
	gpu_run_tests(tests, ARRAY_SIZE(tests), init);
}
