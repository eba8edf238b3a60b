/* SPDX-License-Identifier: MIT */
/*
 * Queues that the process submits to by itself, and what is left of their mappings when the
 * queue, the process or the device ends. Everything here fails the subtest when it goes wrong.
 */
#ifndef COLIBRI_USER_RING_H
#define COLIBRI_USER_RING_H

#include <pthread.h>

#include "gpu_test.h"

/** ring_make() - Make such a queue on the VM of @gpu */
void ring_make(struct gpu *gpu, struct colibri_ring *ring);

/** ring_submit() - Append packets, waiting for room */
void ring_submit(struct colibri_ring *ring, const union colibri_packet *packets, uint32_t count);

/** ring_fence() - Append a fence, @gpu->seqno, for ring_wait() */
void ring_fence(struct gpu *gpu, struct colibri_ring *ring);
/** ring_wait() - Wait for it; 0 or the wait's error */
int ring_wait(struct gpu *gpu, struct colibri_ring *ring);

/** ring_work() - Kernels, one after the other, each with a fence that is waited for */
void ring_work(struct gpu *gpu, struct colibri_ring *ring, unsigned int rounds);

/** ring_loop() - Run loop_add on @addr, as gpu_loop_start() does */
void ring_loop(struct gpu *gpu, struct colibri_ring *ring, uint64_t addr);

/** ring_try() - Call @use; returns SIGBUS or SIGSEGV if that ended it, else 0. One thread at a time. */
int ring_try(void (*use)(void *data), void *data);

/** ring_touch() - The signal that a write to *@word raises, or 0 */
int ring_touch(volatile uint32_t *word);

/** ring_expect_gone() - Wait until all of the mappings, which stay, is SIGBUS */
void ring_expect_gone(struct colibri_ring *ring);

/** ring_unmap() - Unmap what a queue has left that is gone */
void ring_unmap(struct colibri_ring *ring);

/** ring_bells() - Ring the doorbell, with packets as there is room, until that is SIGBUS */
void ring_bells(struct colibri_ring *ring);

/** struct ringer - a thread that does so */
struct ringer {
	pthread_t thread;
	struct colibri_ring *ring;
	int signal;
};

/** ringer_start() - Begin; until ringer_end() nobody else may expect signals */
void ringer_start(struct ringer *ringer, struct colibri_ring *ring);
/** ringer_end() - It must end, soon and by SIGBUS */
void ringer_end(struct ringer *ringer);

#endif /* COLIBRI_USER_RING_H */
