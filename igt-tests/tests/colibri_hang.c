// SPDX-License-Identifier: MIT
/*
 * Engines hang, since the device's register HANG tells them to, and the driver finds out: one
 * engine is reset alone and nobody else notices, then the device, then it is lost.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/mman.h>

#include "dumps.h"
#include "gpu_power.h"
#include "kernel_log.h"
#include "many_queues.h"

IGT_TEST_DESCRIPTION("Engines that hang");

#define SIZE		(2 * SVM_BLOCK_SIZE)
#define NUM_QUEUES	80	/* more than the hardware has */

static struct many many;

/* ---- The device's registers, as root has them ---- */

static volatile uint8_t *regs;

static void regs_map(struct gpu *gpu)
{
	char path[128], *slot = gpu_slot(gpu);
	void *map;
	int fd;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/resource0", slot);
	fd = open(path, O_RDWR | O_CLOEXEC);
	igt_assert(fd >= 0);
	map = mmap(NULL, COLIBRI_BAR_REGS_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	igt_require_f(map != MAP_FAILED, "this kernel does not let root map registers: %s\n",
		      strerror(errno));
	regs = map;
	close(fd);
	free(slot);
}

static uint64_t reg_read64(unsigned int reg)
{
	return *(volatile uint64_t *)(regs + reg);
}

static void hang(uint32_t flags, uint64_t queues)
{
	*(volatile uint32_t *)(regs + COLIBRI_REG_HANG) = flags;
	*(volatile uint64_t *)(regs + COLIBRI_REG_HANG_QUEUES) = queues;
	igt_assert_eq_u32(*(volatile uint32_t *)(regs + COLIBRI_REG_HANG), flags);
	igt_assert_eq_u64(reg_read64(COLIBRI_REG_HANG_QUEUES), queues);
}

static void expect_healthy(void)
{
	igt_assert_eq_u32(*(volatile uint32_t *)(regs + COLIBRI_REG_HANG), 0);
	igt_assert_eq_u64(reg_read64(COLIBRI_REG_HANG_QUEUES), 0);
}

/* The one hardware queue besides @known that is at work; @gpu has an endless kernel. */
static unsigned int hardware_queue(struct gpu *gpu, unsigned int known)
{
	unsigned int num = gpu->dev.info.num_queues, found = 0, count = 0;
	uint64_t before[COLIBRI_MAX_QUEUES];

	for (unsigned int q = 1; q < num; q++)
		before[q] = reg_read64(COLIBRI_REG_QUEUE_BUSY(q, COLIBRI_BUSY_COMPUTE));
	gpu_loop_progress(gpu, 1000);
	for (unsigned int q = 1; q < num; q++) {
		if (q != known &&
		    reg_read64(COLIBRI_REG_QUEUE_BUSY(q, COLIBRI_BUSY_COMPUTE)) != before[q]) {
			found = q;
			count++;
		}
	}
	igt_assert_eq(count, 1);
	return found;
}

/* ---- What tells of it ---- */

struct report {
	int events;
};

static void report_begin(struct report *report)
{
	dump_drop_all();
	report->events = uevents_open();
}

/* One event, and the first dump. */
static char *report_take(struct report *report)
{
	char *dump = dump_take();

	uevents_expect(report->events, "WEDGED=none");
	igt_assert_eq_u32(uevents_count(report->events, "WEDGED=none"), 0);
	close(report->events);
	return dump;
}

static void report_expect(struct report *report, const char *cause)
{
	char *dump = report_take(report);

	dump_expect_header(dump, "engine-hung");
	dump_expect(dump, "\ncause: %s\n", cause);
	dump_expect(dump, "\nID: %#x\n", COLIBRI_ID_MAGIC);
	dump_expect(dump, "**** Status page ****");
	dump_expect(dump, "**** VM ****\nasid: ");
	free(dump);
}

/* ---- One engine, alone ---- */

/* It is noticed when more want to be on the hardware than fit. */
static void queue(struct gpu *gpu)
{
	volatile uint64_t *word = map_anonymous(PAGE_SIZE, PAGE_SIZE);
	struct gpu victim = { 0 };
	struct report report;
	char *dump;

	report_begin(&report);
	gpu_second_queue(gpu, &victim);
	gpu_loop_start(&victim, (uintptr_t)word);
	kernel_log_expect("a hardware queue hung and was reset");
	hang(0, 1ull << hardware_queue(&victim, 0));
	many_init(&many, gpu, NUM_QUEUES, 3);
	many_loop(&many);
	gpu_expect_ban(&victim, DRM_COLIBRI_QUEUE_ERR_HUNG);
	many_progress(&many);
	many_stop(&many);
	many_fini(&many);
	expect_healthy();
	dump = report_take(&report);
	dump_expect_header(dump, "queue-hung");
	dump_expect(dump, "\nerror: %u\n", DRM_COLIBRI_QUEUE_ERR_HUNG);
	dump_expect(dump, "\npacket 0: 02");
	free(dump);
	gpu_second_queue_fini(&victim);
	gpu_share(gpu, map_anonymous(SIZE, SVM_BLOCK_SIZE), SIZE);
}

/* What a kernel that runs meanwhile does not notice; @engine is in the messages. */
static void with_witness(struct gpu *gpu, const char *engine,
			 void (*run)(struct gpu *gpu, char *words))
{
	char *words = map_anonymous(SIZE, SVM_BLOCK_SIZE), message[64];
	volatile uint64_t *word = map_anonymous(PAGE_SIZE, PAGE_SIZE);
	struct gpu witness = { 0 };
	struct report report;

	report_begin(&report);
	snprintf(message, sizeof(message), "%s hung and was reset", engine);
	kernel_log_expect(message);
	gpu_second_queue(gpu, &witness);
	gpu_ramp_write(gpu, words, SIZE, 1);
	gpu_loop_start(&witness, (uintptr_t)word);
	run(gpu, words);
	gpu_loop_progress(&witness, 10);
	expect_healthy();
	igt_assert_eq_u64(gpu_loop_stop(&witness), *word);
	gpu_second_queue_fini(&witness);
	report_expect(&report, engine);
	gpu_share(gpu, words, SIZE);
}

/* The pages leave VRAM and the GPU's tables, and come back. */
static void move_pages(struct gpu *gpu, char *words)
{
	igt_assert_eq_u64(cpu_ramp_errors(words, SIZE, 1), 0);
	gpu_ramp_add(gpu, words, SIZE, 1);
	igt_assert_eq_u64(cpu_ramp_errors(words, SIZE, 2), 0);
}

static void run_mmu(struct gpu *gpu, char *words)
{
	hang(COLIBRI_ENGINE_MMU, 0);
	move_pages(gpu, words);
}

static void mmu(struct gpu *gpu)
{
	with_witness(gpu, "the MMU ring", run_mmu);
}

static void run_copy(struct gpu *gpu, char *words)
{
	hang(0, 1 << COLIBRI_MIGRATE_QUEUE);
	move_pages(gpu, words);
}

static void copy(struct gpu *gpu)
{
	require_migration(gpu);
	with_witness(gpu, "the migration engine", run_copy);
}

/* ---- Many who wait for the same ---- */

#define NUM_WAITERS	6

struct waiter {
	pthread_t thread;
	char *words;
	size_t size;
	uint64_t errors;
};

static void *waiter_read(void *data)
{
	struct waiter *w = data;

	w->errors = cpu_ramp_errors(w->words, w->size, 1);
	return NULL;
}

/* Each reads a block of its own, at the same time. */
static void read_by_many(char *words[NUM_WAITERS])
{
	struct waiter waiters[NUM_WAITERS];

	for (unsigned int i = 0; i < NUM_WAITERS; i++) {
		waiters[i] = (struct waiter){ .words = words[i], .size = 64 * PAGE_SIZE };
		igt_assert_eq(pthread_create(&waiters[i].thread, NULL, waiter_read, &waiters[i]), 0);
	}
	for (unsigned int i = 0; i < NUM_WAITERS; i++) {
		igt_assert_eq(pthread_join(waiters[i].thread, NULL), 0);
		igt_assert_eq_u64(waiters[i].errors, 0);
	}
}

/* Memory of which each waiter has some in VRAM. */
static void spread(struct gpu *gpu, char *words[NUM_WAITERS])
{
	for (unsigned int i = 0; i < NUM_WAITERS; i++) {
		words[i] = map_anonymous(SVM_BLOCK_SIZE, SVM_BLOCK_SIZE);
		gpu_ramp_write(gpu, words[i], 64 * PAGE_SIZE, 1);
	}
}

static void run_copy_many(struct gpu *gpu, char *words)
{
	char *blocks[NUM_WAITERS];

	spread(gpu, blocks);
	hang(0, 1 << COLIBRI_MIGRATE_QUEUE);
	read_by_many(blocks);
	move_pages(gpu, words);
}

static void copy_many(struct gpu *gpu)
{
	require_migration(gpu);
	with_witness(gpu, "the migration engine", run_copy_many);
}

static void run_fault(struct gpu *gpu, char *words)
{
	igt_assert_eq_u64(cpu_ramp_errors(words, SIZE, 1), 0);
	hang(COLIBRI_ENGINE_FAULT, 0);
	gpu_ramp_add(gpu, words, SIZE, 1);
	igt_assert_eq_u64(cpu_ramp_errors(words, SIZE, 2), 0);
}

static void fault(struct gpu *gpu)
{
	require_migration(gpu);
	with_witness(gpu, "the fault ring", run_fault);
}

/* ---- The device ---- */

/*
 * Resets of one engine do not help: that of the device does. What is in VRAM is kept, queues without
 * work go on, one that runs is banned.
 */
static void hard(struct gpu *gpu, const char *cause,
		 void (*run)(struct gpu *gpu, struct gpu *victim))
{
	char *words = map_anonymous(SIZE, SVM_BLOCK_SIZE);
	volatile uint64_t *word = map_anonymous(PAGE_SIZE, PAGE_SIZE);
	struct gpu bystander = { 0 };
	struct colibri_bo vram;
	struct report report;
	uint64_t addr;

	report_begin(&report);
	addr = gpu_bind_bo(gpu, &vram, SVM_BLOCK_SIZE, DRM_COLIBRI_GEM_VRAM, 0, 0);
	cpu_ramp_write(vram.map, SVM_BLOCK_SIZE, 3);
	gpu_ramp_write(gpu, words, SIZE, 1);
	gpu_second_queue(gpu, &bystander);
	gpu_loop_start(&bystander, (uintptr_t)word);
	kernel_log_expect("the device is reset: ");
	run(gpu, &bystander);
	gpu_expect_ban(&bystander, DRM_COLIBRI_QUEUE_ERR_RESET);
	expect_healthy();
	report_expect(&report, cause);
	gpu_second_queue_fini(&bystander);
	igt_assert_eq_u64(gpu_ramp_errors(gpu, (void *)addr, SVM_BLOCK_SIZE, 3), 0);
	igt_assert_eq_u64(gpu_ramp_errors(gpu, words, SIZE, 1), 0);
	gpu_share(gpu, words, SIZE);
	colibri_bo_destroy(&gpu->dev, &vram);
}

static void run_mmu_hard(struct gpu *gpu, struct gpu *bystander)
{
	void *page = map_anonymous(PAGE_SIZE, PAGE_SIZE);

	(void)bystander;
	gpu_ramp_write(gpu, page, PAGE_SIZE, 7);
	hang(COLIBRI_ENGINE_MMU | COLIBRI_HANG_HARD, 0);
	igt_assert_eq_u64(cpu_ramp_errors(page, PAGE_SIZE, 7), 0);
	igt_assert_eq(munmap(page, PAGE_SIZE), 0);
}

static void mmu_hard(struct gpu *gpu)
{
	hard(gpu, "the MMU does not complete commands", run_mmu_hard);
}

/* All of them find at the same time that a reset of the engine does not help. */
static void run_mmu_hard_many(struct gpu *gpu, struct gpu *bystander)
{
	char *blocks[NUM_WAITERS];

	(void)bystander;
	spread(gpu, blocks);
	hang(COLIBRI_ENGINE_MMU | COLIBRI_HANG_HARD, 0);
	read_by_many(blocks);
}

static void mmu_hard_many(struct gpu *gpu)
{
	require_migration(gpu);
	hard(gpu, "the MMU does not complete commands", run_mmu_hard_many);
}

static void run_copy_hard_many(struct gpu *gpu, struct gpu *bystander)
{
	char *blocks[NUM_WAITERS];

	(void)bystander;
	spread(gpu, blocks);
	hang(COLIBRI_HANG_HARD, 1 << COLIBRI_MIGRATE_QUEUE);
	read_by_many(blocks);
}

static void copy_hard_many(struct gpu *gpu)
{
	require_migration(gpu);
	hard(gpu, "the migration engine does not finish a copy", run_copy_hard_many);
}

/* It is noticed when the queue is destroyed. */
static void run_queue_hard(struct gpu *gpu, struct gpu *bystander)
{
	unsigned int known = hardware_queue(bystander, 0);

	many_init(&many, gpu, 1, 1);
	many_loop(&many);
	hang(COLIBRI_HANG_HARD, 1ull << hardware_queue(bystander, known));
	many_fini(&many);
}

static void queue_hard(struct gpu *gpu)
{
	hard(gpu, "a hardware queue hangs", run_queue_hard);
}

static void dead(struct gpu *gpu)
{
	void *page = map_anonymous(PAGE_SIZE, PAGE_SIZE);
	char *slot = gpu_slot(gpu);

	gpu_power_require();
	gpu_ramp_write(gpu, page, PAGE_SIZE, 7);
	kernel_log_expect("the device is reset: ");
	kernel_log_expect("device lost: ");
	kernel_log_allow("pages of device memory are lost");
	hang(COLIBRI_ENGINE_MMU | COLIBRI_HANG_HARD | COLIBRI_HANG_DEAD, 0);
	igt_assert_eq(munmap(page, PAGE_SIZE), 0);
	gpu_wait_lost(gpu, GPU_TIMEOUT_S);
	munmap((void *)regs, COLIBRI_BAR_REGS_SIZE);
	gpu_power("kill", "");
	gpu_replace_lost(gpu, slot);
}

static void init(struct gpu *gpu)
{
	gpu_init(gpu);
	regs_map(gpu);
}

static const struct gpu_test tests[] = {
	{ "queue", queue, "a hardware queue: its queue is banned, all others go on" },
	{ "mmu", mmu, "the MMU ring: nobody notices but by the time it takes" },
	{ "copy", copy, "the migration engine: copies are made again" },
	{ "copy-many", copy_many, "likewise, with many who wait for it: it is reset once" },
	{ "fault", fault, "the fault ring: faults are reported again" },
	{ "queue-hard", queue_hard, "a queue that only a reset of the device helps" },
	{ "mmu-hard", mmu_hard, "the MMU, likewise" },
	{ "mmu-hard-many", mmu_hard_many, "with many who wait for the MMU: the device is reset once" },
	{ "copy-hard-many", copy_hard_many, "with many who wait for copies: once, too" },
	{ "dead", dead, "nothing helps: the device is lost" },
};

igt_main()
{
	gpu_run_tests(tests, ARRAY_SIZE(tests), init);
}
