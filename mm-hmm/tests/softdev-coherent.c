// SPDX-License-Identifier: GPL-2.0
/*
 * Coherent memory: the CPU works on a page where it is, in the device's memory,
 * and takes no fault for it. For a softdev that was loaded with coherent=ADDRESS.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "softdev-test.h"

#define WORDS (BLOCK / 8)

static void shared_by_both(void)
{
	uint64_t *p = map_anon(BLOCK);
	struct softdev_stats before = stats(), after;

	cpu_write(p, 8, WORDS, 1);
	CHECK(!dev_check(p, 8, WORDS, 1));
	CHECK(query(p) & SOFTDEV_IN_DEVMEM);
	CHECK(cpu_check(p, 8, WORDS, 1));
	cpu_write(p, 8, WORDS, 2);
	CHECK(!dev_check(p, 8, WORDS, 2));
	CHECK(!dev_write(p, 8, WORDS, 3));
	CHECK(cpu_check(p, 8, WORDS, 3));
	after = stats();
	CHECK(query(p) & SOFTDEV_IN_DEVMEM);
	CHECK(after.pages_to_dev - before.pages_to_dev == BLOCK / PAGE);
	CHECK(after.pages_to_sys == before.pages_to_sys);
	CHECK(after.cpu_faults == before.cpu_faults);
	munmap(p, BLOCK);
}

static void untouched(void)
{
	uint64_t *p = map_anon(BLOCK);

	CHECK(!dev_prefetch(p, BLOCK, true));
	for (size_t i = 0; i < WORDS; i++)
		CHECK(!p[i]);
	cpu_write(p, 8, WORDS, 1);
	CHECK(!dev_check(p, 8, WORDS, 1));
	munmap(p, BLOCK);
}

static void brought_back(void)
{
	uint64_t *p = map_anon(BLOCK);
	struct softdev_stats before, after;

	CHECK(!dev_write(p, 8, WORDS, 1));
	before = stats();
	CHECK(!dev_prefetch(p, BLOCK, false));
	after = stats();
	CHECK(after.pages_to_sys - before.pages_to_sys == BLOCK / PAGE);
	CHECK(cpu_check(p, 8, WORDS, 1));
	munmap(p, BLOCK);
}

static void huge_page(void)
{
	void *whole;
	uint64_t *p = map_aligned(BLOCK, &whole);

	CHECK(!madvise(p, BLOCK, MADV_HUGEPAGE));
	cpu_write(p, 8, WORDS, 1);
	CHECK(!dev_check(p, 8, WORDS, 1));
	CHECK(query(p) & SOFTDEV_IN_DEVMEM);
	CHECK(!dev_write(p, 8, WORDS, 2));
	CHECK(cpu_check(p, 8, WORDS, 2));
	CHECK(!dev_prefetch(p, BLOCK, false));
	CHECK(cpu_check(p, 8, WORDS, 2));
	munmap(whole, 2 * BLOCK);
}

static void forked(void)
{
	uint64_t *p = map_anon(BLOCK);
	pid_t pid;

	CHECK(!dev_write(p, 8, WORDS, 1));
	pid = fork();
	if (!pid) {
		bool ok = cpu_check(p, 8, WORDS, 1);

		cpu_write(p, 8, WORDS, 7);
		_exit(!ok || !cpu_check(p, 8, WORDS, 7));
	}
	CHECK(wait_child(pid) == 0);
	CHECK(!dev_check(p, 8, WORDS, 1));
	CHECK(!dev_write(p, 8, WORDS, 2));
	CHECK(cpu_check(p, 8, WORDS, 2));
	munmap(p, BLOCK);
}

static void evicted(void)
{
	const size_t size = 64 * MB, n = size / 512;
	char *p = map_anon(size);
	struct softdev_stats before = stats(), after;

	for (int round = 1; round < 4; round++) {
		CHECK(!dev_write(p, 512, n, round));
		CHECK(cpu_check((void *)p, 512, n, round));
		cpu_write((void *)p, 512, n, round + 10);
		CHECK(!dev_check(p, 512, n, round + 10));
	}
	after = stats();
	CHECK(after.pages_evicted - before.pages_evicted > 1000);
	munmap(p, size);
}

static const struct {
	const char *name;
	void (*run)(void);
} tests[] = {
	{ "shared_by_both", shared_by_both }, { "untouched", untouched },
	{ "brought_back", brought_back }, { "huge_page", huge_page }, { "forked", forked },
	{ "evicted", evicted }, { "stress", stress },
};

int coherent_tests(void)
{
	int failed = 0;

	dev = open("/dev/hmm_svm_softdev", O_RDWR);
	for (size_t i = 0; i < sizeof(tests) / sizeof(*tests); i++) {
		failure = NULL;
		tests[i].run();
		printf("%s - coherent: %s\n", failure ? "not ok" : "ok", tests[i].name);
		if (failure)
			printf("# line %d: %s\n", failure_line, failure);
		failed |= !!failure;
	}
	return failed;
}
