// SPDX-License-Identifier: GPL-2.0
/*
 * Large folios: what the CPU maps as one 2 MiB page moves to the device and
 * back as one, whatever is done to a part of it there, and as small pages when
 * there is no memory for a large one.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/prctl.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "softdev-test.h"

bool has_large_folios(void)
{
	struct utsname name;

	return migrates && !uname(&name) && atoi(name.release) >= 7;
}

/* Bytes of [@p, @p + 2 MiB) that the CPU maps by large entries of system memory. */
static unsigned long huge_bytes(void *p)
{
	FILE *file = fopen("/proc/self/smaps", "r");
	unsigned long start, end, kb = 0;
	bool found = false;
	char line[512];

	CHECK(file);
	while (file && fgets(line, sizeof(line), file)) {
		if (sscanf(line, "%lx-%lx ", &start, &end) == 2)
			found = (uintptr_t)p >= start && (uintptr_t)p < end;
		else if (found && sscanf(line, "AnonHugePages: %lu kB", &kb) == 1)
			break;
	}
	if (file)
		fclose(file);
	return kb << 10;
}

void *map_large(size_t size, void **whole)
{
	char *p = map_aligned(size, whole);

	/* Apart from the rest of the mapping, so that smaps tells of it alone. */
	CHECK(!mprotect(p + size, PAGE, PROT_NONE));
	CHECK(!madvise(p, size, MADV_HUGEPAGE));
	return p;
}

void unmap_large(void *whole, size_t size)
{
	munmap(whole, size + BLOCK);
}

uint64_t *one_page(void **whole, uint64_t value, bool on_dev)
{
	uint64_t *p = map_large(BLOCK, whole);

	cpu_write(p, 8, BLOCK_WORDS, value);
	CHECK(huge_bytes(p) == BLOCK);
	if (on_dev) {
		CHECK(!dev_check(p, 8, BLOCK_WORDS, value));
		CHECK(has_migrated(p));
	}
	return p;
}

void large_both_ways(void)
{
	struct softdev_stats before = stats(), after;
	void *whole;
	uint64_t *p = map_large(4 * MB, &whole);

	cpu_write(p, 8, 2 * BLOCK_WORDS, 5);
	CHECK(huge_bytes(p) == 4 * MB);
	CHECK(!dev_check(p, 8, 2 * BLOCK_WORDS, 5));
	CHECK(!dev_write(p, 8, 2 * BLOCK_WORDS, 6));
	CHECK(cpu_check(p, 8, 2 * BLOCK_WORDS, 6));
	after = stats();
	if (has_large_folios()) {
		CHECK(after.pages_large_to_dev - before.pages_large_to_dev == 2 * BLOCK_PAGES);
		CHECK(after.pages_large_to_sys - before.pages_large_to_sys == 2 * BLOCK_PAGES);
		CHECK(after.cpu_faults - before.cpu_faults == 2);
		CHECK(huge_bytes(p) == 4 * MB);
	}
	unmap_large(whole, 4 * MB);
}

static void check_untouched(uint64_t *p, bool large)
{
	struct softdev_stats before = stats(), after;

	CHECK(!dev_prefetch(p, BLOCK, true));
	after = stats();
	CHECK(!migrates || after.pages_to_dev - before.pages_to_dev == BLOCK_PAGES);
	CHECK(after.pages_large_to_dev - before.pages_large_to_dev == (large ? BLOCK_PAGES : 0));
	for (size_t i = 0; i < BLOCK_WORDS; i += 64)
		CHECK(!dev_check(p + i, 8, 1, 0));
	CHECK(!dev_write(p, 8, 512, 3));
	CHECK(cpu_check(p, 8, 512, 3));
	for (size_t i = 512; i < BLOCK_WORDS; i++)
		CHECK(!p[i]);
}

void large_untouched(void)
{
	void *whole;
	uint64_t *p = map_large(BLOCK, &whole);

	check_untouched(p, has_large_folios());
	unmap_large(whole, BLOCK);
}

/* One word of memory that wants to be huge brings all of it. */
void large_first_touch(void)
{
	struct softdev_stats before = stats(), after;
	void *whole;
	uint64_t *p = map_large(BLOCK, &whole);

	CHECK(!dev_write(p + 77 * 512, 8, 1, 9));
	after = stats();
	CHECK(!has_large_folios() ||
	      after.pages_large_to_dev - before.pages_large_to_dev == BLOCK_PAGES);
	CHECK(p[77 * 512] == 9 && !p[0] && !p[BLOCK_WORDS - 1]);
	unmap_large(whole, BLOCK);
}

void large_zero_page(void)
{
	void *whole;
	volatile uint64_t *p = map_large(BLOCK, &whole);

	CHECK(!p[77]);
	check_untouched((void *)p, has_large_folios());
	unmap_large(whole, BLOCK);
}

/* What the program does not want huge does not become so by way of the device. */
void large_unwanted(void)
{
	void *whole;
	uint64_t *p = map_large(BLOCK, &whole);

	CHECK(!madvise(p, BLOCK, MADV_NOHUGEPAGE));
	check_untouched(p, false);
	CHECK(!prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0));
	CHECK(!madvise(p, BLOCK, MADV_HUGEPAGE));
	CHECK(!madvise(p, BLOCK, MADV_DONTNEED));
	check_untouched(p, false);
	CHECK(!prctl(PR_SET_THP_DISABLE, 0, 0, 0, 0));
	unmap_large(whole, BLOCK);
}

void large_refused_to_device(void)
{
	struct softdev_stats before = stats(), after;
	void *whole;
	uint64_t *p;

	fail_large_page();
	p = one_page(&whole, 1, true);
	after = stats();
	CHECK(!migrates || after.pages_to_dev - before.pages_to_dev == BLOCK_PAGES);
	CHECK(after.pages_large_to_dev == before.pages_large_to_dev);
	CHECK(cpu_check(p, 8, BLOCK_WORDS, 1));
	fail_large_page();
	CHECK(!madvise(p, BLOCK, MADV_DONTNEED));
	check_untouched(p, false);
	unmap_large(whole, BLOCK);
}

static void refused_to_system(bool by_cpu)
{
	struct softdev_stats before, after;
	void *whole;
	uint64_t *p = one_page(&whole, 1, true);

	before = stats();
	fail_large_page();
	if (by_cpu)
		CHECK(((volatile uint64_t *)p)[300 * 512] == 300 * 512 + 1);
	else
		CHECK(!dev_prefetch(p, BLOCK, false));
	CHECK(cpu_check(p, 8, BLOCK_WORDS, 1));
	after = stats();
	CHECK(!migrates || after.pages_to_sys - before.pages_to_sys == BLOCK_PAGES);
	CHECK(after.pages_large_to_sys == before.pages_large_to_sys);
	CHECK(!has_large_folios() || huge_bytes(p) == 0);
	CHECK(!dev_write(p, 8, BLOCK_WORDS, 2));
	CHECK(cpu_check(p, 8, BLOCK_WORDS, 2));
	unmap_large(whole, BLOCK);
}

void large_refused_to_cpu(void)
{
	refused_to_system(true);
}

void large_refused_to_system(void)
{
	refused_to_system(false);
}

void large_unmapped_in_part(void)
{
	for (size_t offset = 0; offset <= BLOCK / 2; offset += BLOCK / 4) {
		void *whole;
		char *p = (char *)one_page(&whole, 1, true);

		CHECK(!munmap(p + offset, BLOCK / 2));
		for (size_t i = 0; i < BLOCK; i += PAGE) {
			if (i - offset < BLOCK / 2) {
				CHECK(dev_write(p + i, 8, 1, 1) == EFAULT);
				continue;
			}
			CHECK(!dev_check(p + i, 8, 512, 1 + i / 8));
			if (i % (2 * PAGE))
				CHECK(cpu_check((void *)(p + i), 8, 512, 1 + i / 8));
		}
		unmap_large(whole, BLOCK);
	}
}

void large_discarded_in_part(void)
{
	void *whole;
	char *p = (char *)one_page(&whole, 1, true);

	CHECK(!madvise(p + MB, MB / 2, MADV_DONTNEED));
	for (size_t i = 0; i < BLOCK; i += PAGE) {
		bool gone = i - MB < MB / 2;

		CHECK(!dev_check(p + i, 8, 1, gone ? 0 : 1 + i / 8));
		CHECK(!dev_write(p + i, 8, 1, i));
	}
	CHECK(cpu_check((void *)p, PAGE, 1, 0));
	for (size_t i = 0; i < BLOCK; i += PAGE)
		CHECK(*(uint64_t *)(p + i) == i);
	unmap_large(whole, BLOCK);
}

void large_protected_in_part(void)
{
	void *whole;
	char *p = (char *)one_page(&whole, 1, true);

	CHECK(!mprotect(p + 64 * PAGE, PAGE, PROT_READ));
	CHECK(!dev_check(p, 8, BLOCK_WORDS, 1));
	CHECK(dev_write(p + 64 * PAGE, 8, 1, 1) == EACCES);
	CHECK(!dev_write(p, 8, 64 * 512, 2));
	CHECK(cpu_check((void *)p, 8, 64 * 512, 2));
	CHECK(cpu_check((void *)(p + 64 * PAGE), 8, 448 * 512, 1 + 64 * 512));
	unmap_large(whole, BLOCK);
}

static void fork_with(bool refuse, bool parent_first)
{
	void *whole;
	uint64_t *p = one_page(&whole, 1, true);
	int pipes[2];
	pid_t pid;
	char c;

	CHECK(!pipe(pipes));
	pid = fork();
	if (!pid) {
		bool ok = !parent_first || read(pipes[0], &c, 1) == 1;

		ok = ok && cpu_check(p, 8, BLOCK_WORDS, 1);
		cpu_write(p, 8, BLOCK_WORDS, 7);
		_exit(ok && cpu_check(p, 8, BLOCK_WORDS, 7) ? 0 : 1);
	}
	if (!parent_first)
		CHECK(wait_child(pid) == 0);
	if (refuse)
		fail_large_page();
	CHECK(!dev_check(p, 8, BLOCK_WORDS, 1));
	CHECK(!dev_write(p, 8, BLOCK_WORDS, 2));
	CHECK(cpu_check(p, 8, BLOCK_WORDS, 2));
	if (parent_first) {
		CHECK(write(pipes[1], "x", 1) == 1);
		CHECK(wait_child(pid) == 0);
	}
	CHECK(!dev_check(p, 8, BLOCK_WORDS, 2));
	close(pipes[0]);
	close(pipes[1]);
	unmap_large(whole, BLOCK);
}

void large_forked(void)
{
	fork_with(false, false);
	fork_with(false, true);
	fork_with(true, false);
	fork_with(true, true);
}

/* A page that a child shares is split for both when it must be. */
void large_shared_refused(void)
{
	void *whole;
	uint64_t *p;
	pid_t pid;

	p = one_page(&whole, 1, false);
	for (int to_dev = 1; to_dev >= 0; to_dev--) {
		int pipes[2];
		char c;

		CHECK(!pipe(pipes));
		pid = fork();
		if (!pid) {
			bool ok = read(pipes[0], &c, 1) == 1 && cpu_check(p, 8, BLOCK_WORDS, 1);

			_exit(!ok);
		}
		fail_large_page();
		CHECK(!dev_prefetch(p, BLOCK, to_dev));
		CHECK(write(pipes[1], "x", 1) == 1);
		CHECK(wait_child(pid) == 0);
		close(pipes[0]);
		close(pipes[1]);
	}
	CHECK(cpu_check(p, 8, BLOCK_WORDS, 1));
	CHECK(!dev_check(p, 8, BLOCK_WORDS, 1));
	unmap_large(whole, BLOCK);
}

static void move_by(size_t offset)
{
	void *whole, *room;
	char *p = (char *)one_page(&whole, 1, true), *to;

	to = (char *)map_aligned(2 * BLOCK, &room) + offset;
	CHECK(mremap(p, BLOCK, BLOCK, MREMAP_MAYMOVE | MREMAP_FIXED, to) == to);
	CHECK(!dev_check(to, 8, BLOCK_WORDS, 1));
	CHECK(!dev_write(to, 8, BLOCK_WORDS / 2, 2));
	CHECK(cpu_check((void *)to, 8, BLOCK_WORDS / 2, 2));
	CHECK(cpu_check((void *)(to + BLOCK / 2), 8, BLOCK_WORDS / 2, 1 + BLOCK_WORDS / 2));
	CHECK(!dev_check(to, 8, BLOCK_WORDS / 2, 2));
	munmap(room, 3 * BLOCK);
	unmap_large(whole, BLOCK);
}

void large_moved(void)
{
	move_by(0);
	move_by(BLOCK / 4);
}

/* 64 MiB through 16: chunks are evicted whole, into huge pages again. */
void large_oversubscribed(void)
{
	const size_t size = 64 * MB, n = size / 512;
	struct softdev_stats before = stats(), after;
	void *whole;
	char *p = map_large(size, &whole);

	cpu_write((void *)p, PAGE, size / PAGE, 0);
	for (int round = 1; round < 4; round++) {
		CHECK(!dev_write(p, 512, n, round));
		CHECK(!dev_check(p, 512, n, round));
	}
	after = stats();
	if (has_large_folios()) {
		CHECK(after.pages_large_to_dev > before.pages_large_to_dev);
		CHECK(after.pages_large_to_sys - before.pages_large_to_sys > 4096);
		CHECK(huge_bytes(p) >= size / 2);
	}
	CHECK(cpu_check((void *)p, 512, n, 3));
	unmap_large(whole, size);
}

/* An eviction that gets no huge page splits the folio by its address. */
void large_eviction_refused(void)
{
	const size_t size = 32 * MB, n = size / 512;
	struct softdev_stats before, after;
	void *whole;
	char *p = map_large(size, &whole);

	CHECK(!dev_write(p, 512, n / 2, 1));
	before = stats();
	for (size_t i = n / 2; i < n; i += n / 16) {
		fail_large_page();
		CHECK(!dev_prefetch(p + i * 512, BLOCK, true));
		CHECK(!dev_write(p + i * 512, 512, n / 16, 1 + i));
	}
	after = stats();
	CHECK(!migrates || after.pages_evicted > before.pages_evicted);
	CHECK(cpu_check((void *)p, 512, n, 1));
	unmap_large(whole, size);
}

/*
 * For run-in-guest: leaves two large folios on the device, one of them mapped
 * by small entries, until something arrives at standard input. By then the
 * device is gone; the data must not be.
 */
int stays(void)
{
	void *whole, *other;
	uint64_t *p, *q;
	char c;

	dev = open("/dev/hmm_svm_softdev", O_RDWR);
	p = one_page(&whole, 1, true);
	q = one_page(&other, 2, true);
	CHECK(!munmap(q, PAGE));
	close(dev);
	printf("ready\n");
	CHECK(read(0, &c, 1) == 1);
	CHECK(cpu_check(p, 8, BLOCK_WORDS, 1));
	CHECK(cpu_check(q + 512, 8, BLOCK_WORDS - 512, 2 + 512));
	printf("%s - data outlives the device\n", failure ? "not ok" : "ok");
	return !!failure;
}
