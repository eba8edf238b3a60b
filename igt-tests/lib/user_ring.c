// SPDX-License-Identifier: MIT
/*
 * Submission by the process for the tests, see user_ring.h.
 */
#include "user_ring.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>

void ring_make(struct gpu *gpu, struct colibri_ring *ring)
{
	igt_assert_eq(colibri_ring_create(&gpu->dev, gpu->vm, 1, 64, ring), 0);
}

void ring_submit(struct colibri_ring *ring, const union colibri_packet *packets, uint32_t count)
{
	struct timespec start = { 0 };
	int ret;

	while ((ret = colibri_ring_submit(ring, packets, count)) == -EAGAIN) {
		igt_assert(igt_nsec_elapsed(&start) < GPU_TIMEOUT_S * NSEC_PER_SEC);
		cpu_pause();
	}
	igt_assert_eq(ret, 0);
}

int ring_wait(struct gpu *gpu, struct colibri_ring *ring)
{
	return colibri_fence_wait(&gpu->dev, &gpu->fence, 8, DRM_COLIBRI_WAIT_GE, gpu->seqno,
				  ring->queue, GPU_TIMEOUT_S * NSEC_PER_SEC);
}

void ring_fence(struct gpu *gpu, struct colibri_ring *ring)
{
	union colibri_packet fence = colibri_packet_fence(gpu->fence_addr + 8, ++gpu->seqno);

	ring_submit(ring, &fence, 1);
}

void ring_work(struct gpu *gpu, struct colibri_ring *ring, unsigned int rounds)
{
	uint32_t *word = (uint32_t *)gpu->shared->result;
	struct atomic_args args = { .addr = gpu_shared_addr(gpu, result), .rounds = 1 };

	*word = 0;
	for (unsigned int i = 1; i <= rounds; i++) {
		union colibri_packet packet =
			colibri_packet_dispatch(gpu_kernel(gpu, "atomic_add32"),
						gpu_put_args(gpu, &args, sizeof(args)), 64, 64);

		ring_submit(ring, &packet, 1);
		ring_fence(gpu, ring);
		igt_assert_eq(ring_wait(gpu, ring), 0);
		igt_assert_eq_u32(*word, 64 * i);
	}
}

void ring_loop(struct gpu *gpu, struct colibri_ring *ring, uint64_t addr)
{
	struct loop_args args = { .addr = addr, .mail = gpu_shared_addr(gpu, mail) };
	union colibri_packet packet =
		colibri_packet_dispatch(gpu_kernel(gpu, "loop_add"),
					gpu_put_args(gpu, &args, sizeof(args)), 64, 64);

	memset(&gpu->shared->mail, 0, sizeof(gpu->shared->mail));
	ring_submit(ring, &packet, 1);
	gpu_loop_progress(gpu, 1);
}

static __thread sigjmp_buf caught;

static void on_signal(int signal)
{
	siglongjmp(caught, signal);
}

/* Whether SIGBUS and SIGSEGV go to @caught, or to where they went before. */
static void catch_signals(bool on)
{
	static struct sigaction old[2];
	struct sigaction action = { .sa_handler = on_signal };

	sigaction(SIGBUS, on ? &action : &old[0], on ? &old[0] : NULL);
	sigaction(SIGSEGV, on ? &action : &old[1], on ? &old[1] : NULL);
}

static int run_caught(void (*use)(void *data), void *data)
{
	int got = sigsetjmp(caught, 1);

	if (!got)
		use(data);
	return got;
}

int ring_try(void (*use)(void *data), void *data)
{
	int got;

	catch_signals(true);
	got = run_caught(use, data);
	catch_signals(false);
	return got;
}

static void write_word(void *word)
{
	*(volatile uint32_t *)word = 1;
}

int ring_touch(volatile uint32_t *word)
{
	return ring_try(write_word, (void *)word);
}

void ring_expect_gone(struct colibri_ring *ring)
{
	struct timespec start = { 0 };

	while (!ring_touch(ring->doorbell) || !ring_touch((uint32_t *)&ring->cb->pad0[0])) {
		igt_assert(igt_nsec_elapsed(&start) < GPU_TIMEOUT_S * NSEC_PER_SEC);
		cpu_pause();
	}
	igt_assert_eq(ring_touch(ring->doorbell), SIGBUS);
	igt_assert_eq(ring_touch((uint32_t *)&ring->cb->pad0[0]), SIGBUS);
	igt_assert_eq(ring_touch((uint32_t *)ring->packets), SIGBUS);
}

void ring_unmap(struct colibri_ring *ring)
{
	igt_assert_eq(munmap((void *)ring->doorbell, COLIBRI_DOORBELL_SIZE), 0);
	igt_assert_eq(munmap((void *)ring->cb, ring->map_size), 0);
}

static void bells(void *data)
{
	union colibri_packet nop = colibri_packet_vendor(COLIBRI_OP_NOP);
	struct colibri_ring *ring = data;

	for (;;) {
		/* Without room it is only the bell. */
		colibri_ring_submit(ring, &nop, 1);
		*ring->doorbell = 1;
	}
}

void ring_bells(struct colibri_ring *ring)
{
	igt_assert_eq(ring_try(bells, ring), SIGBUS);
}

static void *ringer_run(void *data)
{
	struct ringer *ringer = data;

	ringer->signal = run_caught(bells, ringer->ring);
	return NULL;
}

void ringer_start(struct ringer *ringer, struct colibri_ring *ring)
{
	*ringer = (struct ringer){ .ring = ring };
	catch_signals(true);
	igt_assert_eq(pthread_create(&ringer->thread, NULL, ringer_run, ringer), 0);
}

void ringer_end(struct ringer *ringer)
{
	struct timespec end;

	clock_gettime(CLOCK_REALTIME, &end);
	end.tv_sec += GPU_TIMEOUT_S;
	igt_assert_eq(pthread_timedjoin_np(ringer->thread, NULL, &end), 0);
	catch_signals(false);
	igt_assert_eq(ringer->signal, SIGBUS);
}
