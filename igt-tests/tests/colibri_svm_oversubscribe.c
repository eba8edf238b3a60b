// SPDX-License-Identifier: MIT
/*
 * Shared virtual memory of eight times the size of VRAM: every pattern of access ends, with
 * right data; whoever takes part can be killed at any time; and whoever stalls, stalls alone.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "gpu_test.h"
#include "system.h"
#include "userfault.h"

IGT_TEST_DESCRIPTION("Shared virtual memory: oversubscription");

#define CHUNKS		8
#define VRAM_SIZE	(CHUNKS * SVM_BLOCK_SIZE)
#define SIZE		(8 * VRAM_SIZE)
#define PAGES		(SIZE / PAGE_SIZE)
#define LOG2_PAGES	15
#define PAGE_WORDS	(PAGE_SIZE / 4)

/* Orders in which to visit pages: see walk_add */
struct pattern {
	uint32_t factor;
	uint32_t rotate;
};

static const struct pattern sequential = { 1, 0 };
static const struct pattern strided = { 1, 9 };		/* each lane in a block of its own */
static const struct pattern random_order = { 0x9e3779b1, 7 };

/* Adds @value to the first word of each page. */
static void launch_walk(struct gpu *gpu, void *words, struct pattern pattern, uint32_t value)
{
	struct walk_args args = {
		.base = (uintptr_t)words,
		.log2_count = LOG2_PAGES,
		.shift = 12,
		.factor = pattern.factor,
		.rotate = pattern.rotate,
		.per_wave = 1024,
		.value = value,
	};

	gpu_launch(gpu, "walk_add", &args, sizeof(args), PAGES / args.per_wave);
}

static char *map_words(void)
{
	char *words = map_anonymous(SIZE, SVM_BLOCK_SIZE);

	igt_assert_eq_u64(PAGES, 1ul << LOG2_PAGES);
	cpu_ramp_write(words, SIZE, 1);
	return words;
}

/* The ramp 1, 2, ..., but for what was added to the first word of each page. */
static uint64_t errors_after_walk(const char *words, uint32_t added)
{
	uint64_t errors = 0;

	for (size_t i = 0; i < PAGES; i++) {
		const uint32_t *page = (const uint32_t *)(words + i * PAGE_SIZE);
		uint32_t value = 1 + i * PAGE_WORDS;

		errors += page[0] != value + added;
		errors += cpu_ramp_errors(page + 1, PAGE_SIZE - 4, value + 1);
	}
	return errors;
}

static void walk(struct gpu *gpu, struct pattern pattern)
{
	char *words;

	require_small_vram(gpu, CHUNKS);
	words = map_words();
	for (uint32_t round = 1; round <= 2; round++) {
		launch_walk(gpu, words, pattern, 10);
		gpu_wait(gpu);
		igt_assert_eq_u64(errors_after_walk(words, 10 * round), 0);
	}
	igt_info("%llu faults, %llu pages to VRAM, %llu evicted\n", gpu_stats(gpu).faults,
		 gpu_stats(gpu).pages_to_vram, gpu_stats(gpu).pages_evicted);
	munmap(words, SIZE);
}

/* Every word, by the GPU alone: what was evicted comes back. */
static void all_words(struct gpu *gpu)
{
	char *words = map_anonymous(SIZE, SVM_BLOCK_SIZE);

	require_small_vram(gpu, CHUNKS);
	for (size_t at = 0; at < SIZE; at += VRAM_SIZE)
		gpu_ramp_write(gpu, words + at, VRAM_SIZE, at);
	for (size_t at = 0; at < SIZE; at += VRAM_SIZE)
		gpu_ramp_add(gpu, words + at, VRAM_SIZE, 1);
	for (size_t at = 0; at < SIZE; at += VRAM_SIZE)
		igt_assert_eq_u64(gpu_ramp_errors(gpu, words + at, VRAM_SIZE, at + 1), 0);
	igt_assert_lte_u64((SIZE - VRAM_SIZE) / PAGE_SIZE, gpu_stats(gpu).pages_evicted);
	for (size_t at = 0; at < SIZE; at += VRAM_SIZE)
		igt_assert_eq_u64(cpu_ramp_errors(words + at, VRAM_SIZE, at + 1), 0);
	munmap(words, SIZE);
}

static void walk_sequential(struct gpu *gpu)
{
	walk(gpu, sequential);
}

static void walk_strided(struct gpu *gpu)
{
	walk(gpu, strided);
}

static void walk_random(struct gpu *gpu)
{
	walk(gpu, random_order);
}

static void two_processes(struct gpu *gpu)
{
	require_small_vram(gpu, CHUNKS);
	igt_fork(child, 2) {
		struct gpu own = { 0 };

		gpu_init(&own);
		walk(&own, child ? random_order : strided);
		gpu_fini(&own);
	}
	igt_waitchildren_timeout(2 * GPU_TIMEOUT_S, "two processes");
}

/* A CPU thread that counts in the second word of pages all over the memory. */
struct rival {
	char *words;
	bool stop;
	uint64_t rounds;
};

static void *rival_main(void *data)
{
	struct rival *rival = data;

	while (!__atomic_load_n(&rival->stop, __ATOMIC_ACQUIRE)) {
		uint64_t i = rival->rounds++ * random_order.factor % PAGES;

		((volatile uint32_t *)(rival->words + i * PAGE_SIZE))[1]++;
	}
	return NULL;
}

/* Takes the rival's part back, so that the rest can be checked. */
static void undo_rival(struct rival *rival)
{
	for (uint64_t round = 0; round < rival->rounds; round++)
		((uint32_t *)(rival->words + round * random_order.factor % PAGES * PAGE_SIZE))[1]--;
}

static void fight(struct gpu *gpu)
{
	struct rival rival = { 0 };
	pthread_t thread;

	require_small_vram(gpu, CHUNKS);
	rival.words = map_words();
	igt_assert_eq(pthread_create(&thread, NULL, rival_main, &rival), 0);
	launch_walk(gpu, rival.words, random_order, 10);
	launch_walk(gpu, rival.words, sequential, 10);
	gpu_wait(gpu);
	__atomic_store_n(&rival.stop, true, __ATOMIC_RELEASE);
	igt_assert_eq(pthread_join(thread, NULL), 0);
	igt_info("%lu CPU accesses, %llu CPU faults\n", rival.rounds, gpu_stats(gpu).cpu_faults);
	igt_assert_lte_u64(1, gpu_stats(gpu).cpu_faults);
	undo_rival(&rival);
	igt_assert_eq_u64(errors_after_walk(rival.words, 20), 0);
	munmap(rival.words, SIZE);
}

/* The parts that a victim can play, each for ever. */
static void keep_walking(struct gpu *own, char *words)
{
	for (;;) {
		launch_walk(own, words, random_order, 1);
		gpu_wait(own);
	}
}

static void keep_fighting(struct gpu *own, char *words)
{
	struct rival rival = { .words = words };
	pthread_t thread;

	igt_assert_eq(pthread_create(&thread, NULL, rival_main, &rival), 0);
	keep_walking(own, words);
}

static void keep_prefetching(struct gpu *own, char *words)
{
	for (uint32_t i = 0;; i++)
		igt_assert_eq(colibri_svm_prefetch(&own->dev, own->vm, words, SIZE,
						   i % 2 ? DRM_COLIBRI_SVM_LOC_SYSTEM :
							   DRM_COLIBRI_SVM_LOC_VRAM), 0);
}

typedef void (*part_fn)(struct gpu *own, char *words);

/* Kills a process that plays @part after @ms milliseconds; returns how long it took, in ms. */
static unsigned int kill_after(part_fn part, unsigned int ms)
{
	struct steps *steps = steps_new();
	struct timespec start = { 0 };
	unsigned int took;

	fork_victim() {
		struct gpu own = { 0 };
		char *words = map_anonymous(SIZE, SVM_BLOCK_SIZE);

		gpu_init(&own);
		steps_done(steps, 1);
		part(&own, words);
	}
	steps_wait(steps, 1);
	usleep(1000 * ms);
	igt_nsec_elapsed(&start);
	kill_victim();
	took = igt_nsec_elapsed(&start) / NSEC_PER_MSEC;
	munmap(steps, PAGE_SIZE);
	return took;
}

#define KILLS		4
#define KILL_MS		1000
/* A machine that stands still for a moment is no kernel that does. */
#define KILL_SLOW_MS	(8 * KILL_MS)

static void killed(struct gpu *gpu)
{
	const part_fn parts[] = { keep_walking, keep_fighting, keep_prefetching };
	unsigned int free_queues = count_free_queues(gpu), slow = 0, most = 0;
	char *words = map_anonymous(VRAM_SIZE, SVM_BLOCK_SIZE);

	require_small_vram(gpu, CHUNKS);
	srandom(getpid());
	for (unsigned int i = 0; i < KILLS * ARRAY_SIZE(parts); i++) {
		unsigned int took = kill_after(parts[i % ARRAY_SIZE(parts)], random() % 400);

		slow += took > KILL_MS;
		most = took > most ? took : most;
		/* The others work on. */
		gpu_ramp_write(gpu, words, VRAM_SIZE, i);
		igt_assert_eq_u64(cpu_ramp_errors(words, VRAM_SIZE, i), 0);
	}
	igt_info("the slowest of %zu went after %u ms\n", KILLS * ARRAY_SIZE(parts), most);
	igt_assert_lte_u64(slow, 1);
	igt_assert_lte_u64(most, KILL_SLOW_MS);
	wait_for_free_queues(gpu, free_queues);
}

/* A process whose GPU waits for a page that its monitor, this process, never brings. */
static int start_stalled_process(struct steps *steps, size_t memory)
{
	struct { struct steps steps; int fd; } *shared = (void *)steps;
	int pidfd, fd;

	fork_victim() {
		uint8_t *page = map_anonymous(PAGE_SIZE, PAGE_SIZE);
		struct gpu own = { 0 };

		if (memory) {
			cgroup_enter();
			memset(map_anonymous(memory, PAGE_SIZE), 1, memory);
		}
		shared->fd = userfault_open(0);
		userfault_register(shared->fd, page, PAGE_SIZE, UFFDIO_REGISTER_MODE_MISSING);
		gpu_init(&own);
		gpu_write_word(&own, page, 1);
		steps_done(steps, 1);
		gpu_wait_result(&own);
	}
	steps_wait(steps, 1);
	pidfd = syscall(SYS_pidfd_open, victim()->pid, 0);
	fd = syscall(SYS_pidfd_getfd, pidfd, shared->fd, 0);
	igt_assert(pidfd >= 0 && fd >= 0);
	close(pidfd);
	userfault_wait(fd, NULL);
	return fd;
}

static uint64_t time_faults(struct gpu *gpu)
{
	struct timespec start = { 0 };

	for (unsigned int i = 0; i < 4; i++) {
		char *words = map_anonymous(VRAM_SIZE, SVM_BLOCK_SIZE);

		igt_nsec_elapsed(&start);
		gpu_ramp_write(gpu, words, VRAM_SIZE, 1);
		igt_assert_eq_u64(cpu_ramp_errors(words, VRAM_SIZE, 1), 0);
		munmap(words, VRAM_SIZE);
	}
	return igt_nsec_elapsed(&start);
}

static void userfault_delays_nobody(struct gpu *gpu)
{
	uint64_t alone, beside;
	int fd;

	alone = time_faults(gpu);
	fd = start_stalled_process(steps_new(), 0);
	beside = time_faults(gpu);
	igt_info("%llu ms alone, %llu ms beside a stalled process\n", alone / NSEC_PER_MSEC,
		 beside / NSEC_PER_MSEC);
	/* Waiting for the stalled one would be for ever; this is for a busy machine. */
	igt_assert_lt_u64(beside, 10 * alone + NSEC_PER_SEC);
	kill_victim();
	close(fd);
}

/* Its memory goes, too, though the monitor keeps the userfaultfd open. */
static void userfault_killed_memory(struct gpu *gpu)
{
	const size_t memory = 32 * MiB;
	struct timespec start = { 0 };
	int fd;

	cgroup_make(2 * memory, 0);
	fd = start_stalled_process(steps_new(), memory);
	igt_assert_lte_u64(memory, sys_read(CGROUP "memory.current"));
	kill_victim();
	while (sys_read(CGROUP "memory.current") > memory / 8) {
		igt_assert_f(igt_nsec_elapsed(&start) < GPU_TIMEOUT_S * NSEC_PER_SEC,
			     "%lu MiB are still there\n", sys_read(CGROUP "memory.current") / MiB);
		cpu_pause();
	}
	gpu_assert_vm_lives(gpu);
	close(fd);
	cgroup_remove();
}

static const struct gpu_test tests[] = {
	{ "all-words", all_words, "every word of eight times VRAM" },
	{ "sequential", walk_sequential, "a word of each page, one page after the other" },
	{ "strided", walk_strided, "the same, each lane in a 2 MiB block of its own" },
	{ "random", walk_random, "the same, in random order" },
	{ "two-processes", two_processes, "two processes, strided and random, with eight times VRAM each" },
	{ "fight", fight, "CPU and GPU write to the same pages in random order: no update is lost" },
	{ "killed", killed, "processes that compute, fight or prefetch are killed at random times: gone within a second" },
	{ "userfault-delays-nobody", userfault_delays_nobody, "a process whose monitor never answers delays no other" },
	{ "userfault-killed-memory", userfault_killed_memory, "killed, its memory is free, though the monitor lives" },
};

igt_main()
{
	gpu_run_tests(tests, ARRAY_SIZE(tests), gpu_init);
}
