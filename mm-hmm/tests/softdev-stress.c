// SPDX-License-Identifier: GPL-2.0
/*
 * The stress: everybody adds to the same words while the memory is moved about
 * under them, and at the end the sum must be right.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "softdev-test.h"

#define STRESS_SIZE (24 * MB)
#define STRESS_WORDS (STRESS_SIZE / PAGE)

static char *stress_mem;
static atomic_bool stress_stop;
static atomic_ulong stress_sum;
static atomic_ulong stress_ops[3];

static uint64_t *stress_word(unsigned int *seed)
{
	return (uint64_t *)(stress_mem + rand_r(seed) % STRESS_WORDS * PAGE +
			    rand_r(seed) % 64 * 8);
}

static void *stress_device(void *arg)
{
	unsigned int seed = (uintptr_t)arg;

	while (!stress_stop) {
		uint64_t *p = stress_word(&seed);
		uint64_t count = rand_r(&seed) % 64 + 1;

		if ((char *)p + count * PAGE > stress_mem + STRESS_SIZE)
			count = 1;
		CHECK(!access_dev(SOFTDEV_ADD, p, PAGE, count, 3));
		stress_sum += 3 * count;
		stress_ops[0]++;
	}
	return NULL;
}

static void *stress_cpu(void *arg)
{
	unsigned int seed = (uintptr_t)arg;

	while (!stress_stop) {
		for (int i = 0; i < 100; i++)
			atomic_fetch_add((_Atomic uint64_t *)stress_word(&seed), 1);
		stress_sum += 100;
		stress_ops[1]++;
		usleep(rand_r(&seed) % 3000);
	}
	return NULL;
}

static void stress_child(unsigned int seed)
{
	for (int i = 0; i < 200; i++)
		*stress_word(&seed) = 0xdead;
	_exit(0);
}

/* Buffers take half of the device, and give it back. */
static void stress_chunks(void)
{
	uint32_t n = 0;

	CHECK(!ioctl(dev, SOFTDEV_IOC_CHUNKS, &n));
	CHECK(n);
	n = 1;
	CHECK(!ioctl(dev, SOFTDEV_IOC_CHUNKS, &n));
}

static void *stress_mm(void *arg)
{
	unsigned int seed = (uintptr_t)arg;

	while (!stress_stop) {
		char *p = stress_mem + rand_r(&seed) % STRESS_WORDS * PAGE;
		size_t size = (rand_r(&seed) % 1024 + 1) * PAGE;
		pid_t pid;

		if (p + size > stress_mem + STRESS_SIZE)
			size = PAGE;
		switch (rand_r(&seed) % 8) {
		case 0:
			CHECK(!dev_prefetch(p, size, true));
			break;
		case 1:
			CHECK(!dev_prefetch(p, size, false));
			break;
		case 2:
			pid = fork();
			if (!pid)
				stress_child(seed);
			CHECK(wait_child(pid) == 0);
			break;
		case 3:
			madvise(p, size, MADV_COLD);
			break;
		case 4:
			madvise(p, size, MADV_PAGEOUT);
			break;
		case 5:
			madvise((void *)((uintptr_t)p & ~(BLOCK - 1)), BLOCK, MADV_COLLAPSE);
			break;
		case 6:
			stress_chunks();
			break;
		case 7:
			p = map_anon(8 * MB);
			dev_write(p, PAGE, 2048, 1);
			munmap(p, 8 * MB);
			break;
		}
		stress_ops[2]++;
	}
	return NULL;
}

void stress(void)
{
	pthread_t threads[5];
	uint64_t sum = 0;
	void *whole;

	stress_mem = map_aligned(STRESS_SIZE, &whole);
	madvise(stress_mem, STRESS_SIZE / 2, MADV_HUGEPAGE);
	stress_stop = false;
	stress_sum = 0;
	pthread_create(&threads[0], NULL, stress_device, (void *)1);
	pthread_create(&threads[1], NULL, stress_device, (void *)2);
	pthread_create(&threads[2], NULL, stress_cpu, (void *)3);
	pthread_create(&threads[3], NULL, stress_mm, (void *)4);
	pthread_create(&threads[4], NULL, stress_mm, (void *)5);
	sleep(getenv("STRESS_SECONDS") ? atoi(getenv("STRESS_SECONDS")) : 5);
	stress_stop = true;
	for (int i = 0; i < 5; i++)
		pthread_join(threads[i], NULL);
	for (size_t i = 0; i < STRESS_SIZE / 8; i++)
		sum += ((uint64_t *)stress_mem)[i];
	CHECK(sum == stress_sum);
	printf("# stress: device %lu, cpu %lu, mm %lu, sum %lu of %lu\n", stress_ops[0],
	       stress_ops[1], stress_ops[2], sum, stress_sum);
	munmap(whole, STRESS_SIZE + BLOCK);
}
