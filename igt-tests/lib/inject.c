// SPDX-License-Identifier: MIT
/*
 * Allocations that fail, see inject.h.
 */
#include "inject.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>

#include "system.h"

#define DEBUGFS		"/sys/kernel/debug/"
#define FAIL_NTH	"/proc/thread-self/fail-nth"

/* More than any call allocates: then it does not end. */
#define MOST		1000

/*
 * The driver's code, up to its last function. The kernel gives the size of all of a module, and
 * another module's code may lie behind.
 */
static void text_range(uint64_t *start, uint64_t *end)
{
	FILE *file = fopen("/proc/kallsyms", "r");
	char line[512], type, module[64];
	uint64_t addr;

	igt_assert(file);
	*start = UINT64_MAX;
	*end = 0;
	while (fgets(line, sizeof(line), file)) {
		if (sscanf(line, "%" SCNx64 " %c %*s %63s", &addr, &type, module) != 3 ||
		    strcmp(module, "[colibri]") || (type != 't' && type != 'T'))
			continue;
		*start = addr < *start ? addr : *start;
		*end = addr > *end ? addr : *end;
	}
	fclose(file);
	igt_assert_lt_u64(*start, *end);
}

/* Where a function of the kernel is: [*start, *end), or nowhere, without it. */
static void function_range(const char *name, uint64_t *start, uint64_t *end)
{
	FILE *file = fopen("/proc/kallsyms", "r");
	char line[512], symbol[256];
	uint64_t addr;

	igt_assert(file);
	*start = 0;
	while (fgets(line, sizeof(line), file))
		if (sscanf(line, "%" SCNx64 " %*c %255s", &addr, symbol) == 2 &&
		    !strcmp(symbol, name))
			*start = addr;
	*end = *start ? UINT64_MAX : 0;
	rewind(file);
	while (fgets(line, sizeof(line), file))
		if (sscanf(line, "%" SCNx64, &addr) == 1 && addr > *start && addr < *end)
			*end = addr;
	fclose(file);
}

/* A file in debugfs, and what it is to have. */
struct setting {
	const char *file;
	uint64_t value;
};

/* Whatever waits, whatever its size, as @settings have it. */
static void choose(const char *kind, const struct setting *settings, size_t count)
{
	char path[128];

	snprintf(path, sizeof(path), DEBUGFS "%s/ignore-gfp-wait", kind);
	sys_write(path, "N");
	for (size_t i = 0; i < count; i++) {
		snprintf(path, sizeof(path), DEBUGFS "%s/%s", kind, settings[i].file);
		sys_write(path, "%#" PRIx64, settings[i].value);
	}
}

/* Only what colibri.ko has called, and never by chance. */
void inject_require(unsigned int depth, const char *spared)
{
	uint64_t start, end, spared_start, spared_end;

	igt_require_f(!access(FAIL_NTH, W_OK) && !access(DEBUGFS "failslab/require-start", W_OK),
		      "the kernel has no fault injection with a stack trace filter\n");
	text_range(&start, &end);
	function_range(spared, &spared_start, &spared_end);
	const struct setting settings[] = {
		{ "probability", 0 }, { "verbose", 0 }, { "stacktrace-depth", depth },
		{ "require-start", start }, { "require-end", end },
		{ "reject-start", spared_start }, { "reject-end", spared_end },
	};

	choose("failslab", settings, ARRAY_SIZE(settings));
	choose("fail_page_alloc", settings, ARRAY_SIZE(settings));
	sys_write(DEBUGFS "fail_page_alloc/ignore-gfp-highmem", "N");
	sys_write(DEBUGFS "fail_page_alloc/min-order", "0");
}

void inject_begin(unsigned int nth)
{
	sys_write(FAIL_NTH, "%u", nth);
}

bool inject_end(void)
{
	uint64_t left = sys_read(FAIL_NTH);

	sys_write(FAIL_NTH, "0");
	return !left;
}

void inject_each(struct gpu *gpu, const struct inject *inject)
{
	unsigned int nth = 0, failures = 0;
	bool failed;
	int ret;

	do {
		igt_assert_lt_u64(nth, MOST);
		if (inject->prepare)
			inject->prepare(gpu);
		inject_begin(++nth);
		ret = inject->run(gpu);
		failed = inject_end();
		if (ret) {
			igt_assert(failed);
			igt_assert_eq(ret, -ENOMEM);
			failures++;
			if (inject->failed)
				inject->failed(gpu);
		} else {
			inject->worked(gpu);
		}
	} while (failed);
	igt_info("%u allocations, %u of which the call needs\n", nth - 1, failures);
	igt_assert(failures);
}
