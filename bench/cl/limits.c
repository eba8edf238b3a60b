// SPDX-License-Identifier: MIT
/*
 * What this machine can do at most, for bench-cl: memcpy() of more than the
 * caches hold, and multiply-adds of single precision on all CPUs, as JSON.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define SIZE (64u << 20)
#define ROUNDS 5
#define CHAINS 16		/* enough to hide the latency of an FMA */
#define LANES 16
#define STEPS 20000000u

typedef float vector __attribute__((vector_size(LANES * sizeof(float))));

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec * 1e-9;
}

/* Bytes read and written per second. */
static double memcpy_rate(void)
{
	char *from = malloc(SIZE), *to = malloc(SIZE);
	double best = 1e9;

	if (!from || !to)
		abort();
	memset(from, 1, SIZE);
	memset(to, 2, SIZE);
	for (int i = 0; i < ROUNDS; i++) {
		double start = now(), took;

		memcpy(to, from, SIZE);
		took = now() - start;
		if (took < best)
			best = took;
		from[i]++;
	}
	if (memcmp(to, from, 1 << 10) == 0 && to[ROUNDS] != from[ROUNDS])
		abort();
	return 2.0 * SIZE / best;
}

__attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
static float multiply_add(unsigned int steps)
{
	vector sum[CHAINS], a, b;
	float total = 0;

	for (int lane = 0; lane < LANES; lane++) {
		a[lane] = 0.999f;
		b[lane] = 0.001f;
	}
	for (int i = 0; i < CHAINS; i++)
		sum[i] = b * (float)i;
	for (unsigned int step = 0; step < steps; step += CHAINS)
		for (int i = 0; i < CHAINS; i++)
			sum[i] = sum[i] * a + b;
	for (int i = 0; i < CHAINS; i++)
		total += sum[i][i % LANES];
	return total;
}

static void *worker(void *arg)
{
	*(float *)arg = multiply_add(STEPS);
	return NULL;
}

/* Operations per second of all CPUs together. */
static double fma_rate(void)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	pthread_t *threads = calloc(cpus, sizeof(*threads));
	float *results = calloc(cpus, sizeof(*results));
	double best = 1e9;

	if (!threads || !results)
		abort();
	for (int round = 0; round < ROUNDS; round++) {
		double start = now(), took;

		for (long i = 0; i < cpus; i++)
			if (pthread_create(&threads[i], NULL, worker, &results[i]))
				abort();
		for (long i = 0; i < cpus; i++)
			pthread_join(threads[i], NULL);
		took = now() - start;
		if (took < best)
			best = took;
	}
	/* The chains go to 1: 0.001 / (1 - 0.999). */
	if (!(results[0] > 0.9f * CHAINS && results[0] < 1.1f * CHAINS))
		abort();
	return 2.0 * LANES * STEPS * cpus / best;
}

int main(void)
{
	printf("{\"memcpy_bytes\": %.0f, \"fma_flops\": %.0f}\n", memcpy_rate(), fma_rate());
	return 0;
}
