/* SPDX-License-Identifier: MIT */
/*
 * What the benchmark programs share: clocks, memory, and the one way to print
 * a result. A program that cannot measure says why and ends with status 1.
 */
#ifndef BENCH_H
#define BENCH_H

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#define KiB	1024ul
#define MiB	(1024 * KiB)
#define PAGE	4096ul
#define BLOCK	(2 * MiB)

#define die(...) do {				\
	fprintf(stderr, __VA_ARGS__);		\
	fprintf(stderr, "\n");			\
	exit(1);				\
} while (0)

/* Ends the program unless @ret, 0 or a negative errno, is 0. */
static inline void must(int ret, const char *what)
{
	if (ret)
		die("%s: %s", what, strerror(-ret));
}

static inline uint64_t clock_ns(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return t.tv_sec * 1000000000ull + t.tv_nsec;
}

static inline uint64_t now(void)
{
	return clock_ns(CLOCK_MONOTONIC);
}

/* Time on the CPU: what it costs, without what it waits for. */
static inline uint64_t cpu_time(void)
{
	return clock_ns(CLOCK_THREAD_CPUTIME_ID);
}

/* The runner reads lines of this form. */
static inline void result(const char *name, double value)
{
	printf("result %s %.6g\n", name, value);
	fflush(stdout);
}

/* Anonymous memory, 2 MiB aligned, of huge pages or of none. */
static inline char *map_anonymous(uint64_t size, bool huge)
{
	char *raw = mmap(NULL, size + BLOCK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			 -1, 0);
	char *aligned;

	if (raw == MAP_FAILED)
		die("mmap of %lu MiB: %s", size / MiB, strerror(errno));
	aligned = (char *)(((uintptr_t)raw + BLOCK - 1) & ~(BLOCK - 1));
	/* Nothing else shares the notifier's range or the vma. */
	munmap(raw, aligned - raw);
	munmap(aligned + size, raw + BLOCK - aligned);
	if (madvise(aligned, size, huge ? MADV_HUGEPAGE : MADV_NOHUGEPAGE))
		die("madvise: %s", strerror(errno));
	return aligned;
}

#endif /* BENCH_H */
