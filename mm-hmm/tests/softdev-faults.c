// SPDX-License-Identifier: GPL-2.0
/*
 * How many faults a second some threads get served, of one process, each in
 * blocks of its own, page by page and mapped in place: what is measured is
 * the layer and its locks, not the copying. "softdev-test faults" prints it.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "softdev-test.h"

#define FAULTS_SIZE (128 * MB)
#define FAULTS_BLOCKS (FAULTS_SIZE / BLOCK)

static char *faults_mem;
static unsigned int faults_threads;

static void *take_faults(void *arg)
{
	for (unsigned int i = (uintptr_t)arg; i < FAULTS_BLOCKS; i += faults_threads)
		CHECK(!dev_check(faults_mem + i * BLOCK, PAGE, BLOCK / PAGE, 0));
	return NULL;
}

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

static double run(unsigned int threads)
{
	struct softdev_stats before = stats(), after;
	pthread_t thread[4];
	double start;

	/* Touched with zeros, and nothing mapped for the device. */
	memset(faults_mem, 0, FAULTS_SIZE);
	CHECK(!dev_advise(faults_mem, FAULTS_SIZE, SOFTDEV_ATOMIC, SOFTDEV_ATOMIC_DEVICE));
	CHECK(!dev_advise(faults_mem, FAULTS_SIZE, SOFTDEV_ATOMIC, 0));
	for (size_t i = 0; i < FAULTS_SIZE; i += PAGE)
		*(uint64_t *)(faults_mem + i) = i / PAGE % (BLOCK / PAGE);

	faults_threads = threads;
	start = seconds();
	for (unsigned int i = 0; i < threads; i++)
		pthread_create(&thread[i], NULL, take_faults, (void *)(uintptr_t)i);
	for (unsigned int i = 0; i < threads; i++)
		pthread_join(thread[i], NULL);
	after = stats();
	CHECK(after.faults - before.faults == FAULTS_SIZE / PAGE);
	return (after.faults - before.faults) / (seconds() - start);
}

void faults(void)
{
	void *whole;

	faults_mem = map_aligned(FAULTS_SIZE, &whole);
	madvise(whole, FAULTS_SIZE + BLOCK, MADV_NOHUGEPAGE);
	CHECK(!dev_advise(faults_mem, FAULTS_SIZE, SOFTDEV_TOUCH, SOFTDEV_TOUCH_REMOTE));
	CHECK(!dev_advise(faults_mem, FAULTS_SIZE, SOFTDEV_PREFETCH, 0));
	for (unsigned int threads = 1; threads <= 4; threads *= 2)
		printf("# %u threads: %.0f faults/s\n", threads, run(threads));
	munmap(whole, FAULTS_SIZE + BLOCK);
}
