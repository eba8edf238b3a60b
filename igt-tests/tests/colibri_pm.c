// SPDX-License-Identifier: MIT
/*
 * System sleep: memory of all kinds keeps its data, and work goes on where the device
 * keeps its power; where it does not, unfinished work is banned.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>

#include "gpu_test.h"
#include "system.h"

IGT_TEST_DESCRIPTION("Suspend and resume");

#define SIZE	(4 * MiB)

/* ---- How to sleep ---- */

static void require_word(const char *path, const char *word)
{
	char text[256] = "";
	int fd = open(path, O_RDONLY);

	if (fd >= 0) {
		igt_assert(read(fd, text, sizeof(text) - 1) >= 0);
		close(fd);
	}
	igt_require_f(strstr(text, word), "%s does not offer %s\n", path, word);
}

/* Go through suspend up to @level of pm_test, and back. */
static void sleep_to(const char *level)
{
	require_word("/sys/power/pm_test", level);
	sys_try_write("/sys/module/suspend/parameters/pm_test_delay", "1");
	sys_write("/sys/power/pm_test", "%s", level);
	sys_write("/sys/power/state", "mem");
	sys_write("/sys/power/pm_test", "none");
}

/* Sleep in earnest, until the VM is woken: tools/vm --wake. */
static void sleep_really(const char *how)
{
	uint64_t slept = sys_read("/sys/power/suspend_stats/success");
	int ret;

	require_word("/sys/power/mem_sleep", how);
	sys_write("/sys/power/mem_sleep", "%s", how);
	/* Who is woken before he sleeps does not: on a slow host that may happen. */
	while ((ret = sys_try_write("/sys/power/state", "mem")) == -EBUSY)
		;
	igt_assert_eq(ret, 0);
	igt_assert_eq_u64(sys_read("/sys/power/suspend_stats/success"), slept + 1);
}

/* ---- What has to survive ---- */

struct things {
	char *migrated;		/* in VRAM by migration */
	char *shared;		/* a file's page cache */
	struct colibri_bo vram, system;
	uint64_t vram_addr;
};

static void things_make(struct gpu *gpu, struct things *t)
{
	t->migrated = map_anonymous(SIZE, SVM_BLOCK_SIZE);
	t->shared = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	igt_assert(t->shared != MAP_FAILED);
	t->vram_addr = gpu_bind_bo(gpu, &t->vram, SVM_BLOCK_SIZE, DRM_COLIBRI_GEM_VRAM, 0, 0);
	gpu_bind_bo(gpu, &t->system, SVM_BLOCK_SIZE, DRM_COLIBRI_GEM_SYSTEM, 0, 0);
	cpu_ramp_write(t->vram.map, SVM_BLOCK_SIZE, 3);
	cpu_ramp_write(t->system.map, SVM_BLOCK_SIZE, 4);
	gpu_ramp_write(gpu, t->shared, SIZE, 2);
	gpu_ramp_write(gpu, t->migrated, SIZE, 1);
}

static void things_check(struct gpu *gpu, struct things *t)
{
	igt_assert_eq_u64(cpu_ramp_errors(t->vram.map, SVM_BLOCK_SIZE, 3), 0);
	igt_assert_eq_u64(cpu_ramp_errors(t->system.map, SVM_BLOCK_SIZE, 4), 0);
	igt_assert_eq_u64(gpu_ramp_errors(gpu, (void *)t->vram_addr, SVM_BLOCK_SIZE, 3), 0);
	igt_assert_eq_u64(gpu_ramp_errors(gpu, t->migrated, SIZE / 2, 1), 0);
	igt_assert_eq_u64(cpu_ramp_errors(t->migrated, SIZE, 1), 0);
	igt_assert_eq_u64(cpu_ramp_errors(t->shared, SIZE, 2), 0);
	/* All of it can be used as before. */
	gpu_ramp_write(gpu, t->migrated, SIZE, 5);
	igt_assert_eq_u64(cpu_ramp_errors(t->migrated, SIZE, 5), 0);
	colibri_bo_destroy(&gpu->dev, &t->vram);
	colibri_bo_destroy(&gpu->dev, &t->system);
	munmap(t->migrated, SIZE);
	munmap(t->shared, SIZE);
}

/* The device keeps its power: a kernel that runs meanwhile goes on. */
static void expect_all(struct gpu *gpu, void (*fall_asleep)(const char *how), const char *how)
{
	volatile uint64_t *word = map_anonymous(PAGE_SIZE, PAGE_SIZE);
	struct gpu other = { 0 };
	struct things t;

	gpu_second_queue(gpu, &other);
	things_make(gpu, &t);
	gpu_loop_start(&other, (uintptr_t)word);
	for (unsigned int i = 0; i < 2; i++) {
		fall_asleep(how);
		gpu_loop_progress(&other, 10);
	}
	things_check(gpu, &t);
	igt_assert_eq_u64(gpu_loop_stop(&other), *word);
	gpu_second_queue_fini(&other);
}

static void freezer(struct gpu *gpu)
{
	expect_all(gpu, sleep_to, "freezer");
}

static void devices(struct gpu *gpu)
{
	expect_all(gpu, sleep_to, "devices");
}

static void platform(struct gpu *gpu)
{
	expect_all(gpu, sleep_to, "platform");
}

static void processors(struct gpu *gpu)
{
	expect_all(gpu, sleep_to, "processors");
}

static void core(struct gpu *gpu)
{
	expect_all(gpu, sleep_to, "core");
}

static void s2idle(struct gpu *gpu)
{
	expect_all(gpu, sleep_really, "s2idle");
}

/* The device loses its power: data stays, queues without work go on, the others are banned. */
static void s3(struct gpu *gpu)
{
	volatile uint64_t *word = map_anonymous(PAGE_SIZE, PAGE_SIZE);
	struct drm_colibri_queue_state state;
	struct gpu other = { 0 };
	struct things t;

	gpu_second_queue(gpu, &other);
	things_make(gpu, &t);
	gpu_loop_start(&other, (uintptr_t)word);
	sleep_really("deep");
	state = gpu_expect_ban(&other, DRM_COLIBRI_QUEUE_ERR_POWER);
	igt_assert_eq_u64(state.fault_addr, 0);
	igt_assert_lt_u64(0, *word);
	things_check(gpu, &t);
	gpu_second_queue_fini(&other);
	/* And again, with an idle device. */
	sleep_really("deep");
	gpu_share(gpu, map_anonymous(SIZE, SVM_BLOCK_SIZE), SIZE);
}

static const struct gpu_test tests[] = {
	{ "freezer", freezer, "tasks freeze and thaw under a kernel" },
	{ "devices", devices, "the same with devices suspended" },
	{ "platform", platform, "the same with late and noirq steps" },
	{ "processors", processors, "the same with one CPU" },
	{ "core", core, "the same up to the last step" },
	{ "s2idle", s2idle, "real sleep with the device powered" },
	{ "s3", s3, "suspend to RAM: the device loses its state" },
};

igt_main()
{
	gpu_run_tests(tests, ARRAY_SIZE(tests), gpu_init);
}
