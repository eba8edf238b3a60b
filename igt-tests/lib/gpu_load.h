/* SPDX-License-Identifier: MIT */
/*
 * Work for a GPU that is about to go: threads that have kernels write memory, touch it, make
 * buffers and queues, until a call says that there is no device any more.
 */
#ifndef COLIBRI_GPU_LOAD_H
#define COLIBRI_GPU_LOAD_H

#include <pthread.h>
#include <stdatomic.h>

#include "gpu_test.h"

#define LOAD_MIGRATE	(1u << 0)	/* memory that fits into VRAM goes there and back */
#define LOAD_EVICT	(1u << 1)	/* twice as much as fits */
#define LOAD_CPU	(1u << 2)	/* a thread of the CPU touches the same */
#define LOAD_ATOMIC	(1u << 3)	/* atomics, with a GPU that needs exclusive access for them */
#define LOAD_BIND	(1u << 4)	/* buffers are made, bound and unbound */
#define LOAD_PREFETCH	(1u << 5)

/** struct gpu_load - such work; zero but for the first fields */
struct gpu_load {
	struct gpu *gpu;
	/** @flags: LOAD_* */
	unsigned int flags;
	/** @words: word i is 1 + i, whoever wrote it */
	char *words;
	size_t size;
	atomic_bool stop;
	pthread_t threads[3];
	unsigned int num_threads;
};

/** gpu_load_start() - Get memory and begin */
void gpu_load_start(struct gpu_load *load);

/** gpu_load_end() - The device is gone: each thread must end, soon and by ENODEV */
void gpu_load_end(struct gpu_load *load);

/** gpu_load_check() - Each page has its data or is lost; returns how many are lost, and unmaps */
size_t gpu_load_check(struct gpu_load *load);

#endif /* COLIBRI_GPU_LOAD_H */
