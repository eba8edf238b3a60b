// SPDX-License-Identifier: MIT
/* memcpy() on the machine that runs the model: the most that migration could reach, in GB/s. */
#include "bench.h"

#define SIZE	(256 * MiB)
#define ROUNDS	8

int main(void)
{
	char *src = map_anonymous(SIZE, true), *dst = map_anonymous(SIZE, true);
	uint64_t best = UINT64_MAX;

	memset(src, 1, SIZE);
	memset(dst, 2, SIZE);
	for (int i = 0; i < ROUNDS; i++) {
		uint64_t start = now(), ns;

		memcpy(dst, src, SIZE);
		ns = now() - start;
		if (ns < best)
			best = ns;
		src[i] = dst[i + 1];
	}
	result("memcpy", SIZE / (double)best);
	return 0;
}
