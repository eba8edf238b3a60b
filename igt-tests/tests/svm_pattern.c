// SPDX-License-Identifier: MIT
/*
 * Not a test: two ways to use memory from CPU and GPU, to look at with tools/svm-timeline.
 *
 * usage: svm_pattern stream MIB
 *	  svm_pattern thrash MIB ROUNDS
 *
 * "stream" fills a buffer after the other on the CPU, works on each once on the GPU and reads
 * it once.  "thrash" has the GPU go over more than VRAM holds again and again, while
 * the CPU touches some of it all the time.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "gpu_test.h"

#define PIECE	(4 * MiB)

static int stream(struct gpu *gpu, size_t size)
{
	char *words = map_anonymous(size, SVM_BLOCK_SIZE);

	for (size_t at = 0; at < size; at += PIECE) {
		cpu_ramp_write(words + at, PIECE, 1);
		gpu_ramp_add(gpu, words + at, PIECE, 2);
	}
	for (size_t at = 0; at < size; at += PIECE)
		if (cpu_ramp_errors(words + at, PIECE, 3))
			return 1;
	return 0;
}

static int thrash(struct gpu *gpu, size_t size, unsigned int rounds)
{
	char *words = map_anonymous(size, SVM_BLOCK_SIZE);

	for (size_t at = 0; at < size; at += PIECE)
		cpu_ramp_write(words + at, PIECE, 0);
	for (unsigned int round = 0; round < rounds; round++) {
		for (size_t at = 0; at < size; at += PIECE) {
			gpu_ramp_add(gpu, words + at, PIECE, 1);
			if (cpu_ramp_errors(words + at, PIECE / 2, round + 1))
				return 1;
		}
	}
	return 0;
}

int main(int argc, char **argv)
{
	size_t size = argc > 2 ? strtoul(argv[2], NULL, 0) * MiB : 0;
	struct gpu gpu = { 0 };
	int ret;

	if (!size || size % PIECE || (strcmp(argv[1], "stream") && strcmp(argv[1], "thrash"))) {
		fprintf(stderr, "usage: svm_pattern stream MIB | thrash MIB ROUNDS (a multiple of 4)\n");
		return 2;
	}
	gpu_init(&gpu);
	if (!strcmp(argv[1], "stream"))
		ret = stream(&gpu, size);
	else
		ret = thrash(&gpu, size, argc > 3 ? strtoul(argv[3], NULL, 0) : 2);
	if (ret)
		fprintf(stderr, "svm_pattern: wrong data\n");
	gpu_fini(&gpu);
	return ret;
}
