// SPDX-License-Identifier: MIT
/*
 * Modules come and go: refused while something uses them, and then nothing breaks.
 */
#include <errno.h>
#include <sys/mman.h>

#include "gpu_power.h"
#include "inject.h"
#include "kernel_log.h"
#include "system.h"

IGT_TEST_DESCRIPTION("Loading and unloading of the modules");

static const char *modules(void)
{
	const char *dir = getenv("COLIBRI_MODULES");

	igt_require_f(dir, "needs COLIBRI_MODULES, the folder of the modules\n");
	return dir;
}

static int run(const char *format, const char *dir, const char *what)
{
	char command[512];

	snprintf(command, sizeof(command), format, dir, what);
	return system(command);
}

static void load(const char *dir, const char *options)
{
	igt_assert_eq(run("insmod %s/colibri.ko %s", dir, options), 0);
}

/* In use: refused, and the kernel that runs does not notice. */
static void busy(struct gpu *gpu)
{
	volatile uint64_t *word = map_anonymous(PAGE_SIZE, PAGE_SIZE);

	gpu_loop_start(gpu, (uintptr_t)word);
	igt_assert_neq(system("rmmod colibri 2>/dev/null"), 0);
	igt_assert_neq(system("rmmod hmm_svm 2>/dev/null"), 0);
	gpu_loop_progress(gpu, 10);
	igt_assert_eq_u64(gpu_loop_stop(gpu), *word);
}

/* Pages in VRAM outlive the file; the module brings them home. */
static void pages(struct gpu *gpu)
{
	char *words = map_anonymous(2 * SVM_BLOCK_SIZE, SVM_BLOCK_SIZE);
	const char *dir = modules();

	gpu_ramp_write(gpu, words, 2 * SVM_BLOCK_SIZE, 1);
	gpu_fini_early(gpu);
	igt_assert_eq(system("rmmod colibri"), 0);
	igt_assert_eq_u64(cpu_ramp_errors(words, 2 * SVM_BLOCK_SIZE, 1), 0);
	igt_assert_eq(system("rmmod hmm_svm"), 0);
	igt_assert_eq(run("insmod %s/hmm_svm.ko%s", dir, ""), 0);
	load(dir, "");
	gpu_wait_ready();
}

static void often(struct gpu *gpu)
{
	const char *dir = modules();

	for (unsigned int i = 0; i < 5; i++) {
		gpu_fini_early(gpu);
		igt_assert_eq(system("rmmod colibri"), 0);
		load(dir, i & 1 ? "fault_workers=1" : "timeout_ms=20000");
		gpu_wait_ready();
		gpu_init(gpu);
		gpu_share(gpu, map_anonymous(SVM_BLOCK_SIZE, SVM_BLOCK_SIZE), SVM_BLOCK_SIZE);
	}
	gpu_fini_early(gpu);
	igt_assert_eq(system("rmmod colibri"), 0);
	load(dir, "");
	gpu_wait_ready();
}

/* What the kernel says when one allocation of probe() fails: one of these, and that probe() did. */
static void allow_messages(void)
{
	static const char *const messages[] = {
		"probe with driver colibri failed with error -12",
		"Cannot allocate anonymous inode: -12",
		"Cannot initialize graphics execution manager (GEM)",
		"ioremap memtype_reserve failed -12",
		"Failed to allocate a rescuer for wq \"colibri-",
		"debugfs: out of free dentries, can not create file",
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(messages); i++)
		kernel_log_allow(messages[i]);
}

/*
 * The n-th allocation of probe() fails, for each n until none does: it returns an error,
 * and the next try works.
 */
static void probe_fails(struct gpu *gpu)
{
	char *slot = gpu_slot(gpu);
	unsigned int n, failed = 0;

	/*
	 * Not too far down: what register_irq_proc() and add_pages() lack, the kernel (7.3)
	 * warns of. And the DRM core puts the error of this function as if it were a device.
	 */
	inject_require(8, "drm_sysfs_minor_alloc");
	gpu_fini_early(gpu);
	igt_assert_eq(gpu_unbind(slot), 0);
	for (n = 1; n < 2000; n++) {
		bool injected;
		int ret;

		allow_messages();
		inject_begin(n);
		ret = gpu_bind(slot);
		injected = inject_end();
		failed += ret < 0;
		if (!ret)
			igt_assert_eq(gpu_unbind(slot), 0);
		/* It never came to the n-th. */
		if (!injected)
			break;
	}
	igt_info("%u allocations, %u of them made probe fail\n", n - 1, failed);
	igt_assert_lt_u64(0, failed);
	igt_assert_eq(gpu_bind(slot), 0);
	gpu_wait_ready();
	free(slot);
}

static const struct gpu_test tests[] = {
	{ "busy", busy, "refused while a file is open" },
	{ "pages", pages, "pages in VRAM come home when the module goes" },
	{ "often", often, "five times, with other parameters" },
	{ "probe-fails", probe_fails, "each allocation of probe() fails once: no leak, no crash" },
};

igt_main()
{
	gpu_run_tests(tests, ARRAY_SIZE(tests), gpu_init);
}
