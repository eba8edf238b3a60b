// SPDX-License-Identifier: MIT
/*
 * DRM_IOCTL_COLIBRI_FENCE_WAIT.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/ioctl.h>

#include "gpu_test.h"

IGT_TEST_DESCRIPTION("Waiting for user fences");

static volatile uint64_t *word(struct gpu *gpu)
{
	return gpu->fence.map;
}

static int poll_word(struct gpu *gpu, uint32_t cond, uint64_t value)
{
	return colibri_fence_wait(&gpu->dev, &gpu->fence, 64, cond, value, 0, 0);
}

static void conditions(struct gpu *gpu)
{
	word(gpu)[8] = 1ull << 40;
	igt_assert_eq(poll_word(gpu, DRM_COLIBRI_WAIT_EQ, 1ull << 40), 0);
	igt_assert_eq(poll_word(gpu, DRM_COLIBRI_WAIT_EQ, 0), -ETIME);
	igt_assert_eq(poll_word(gpu, DRM_COLIBRI_WAIT_NE, 0), 0);
	igt_assert_eq(poll_word(gpu, DRM_COLIBRI_WAIT_NE, 1ull << 40), -ETIME);
	igt_assert_eq(poll_word(gpu, DRM_COLIBRI_WAIT_GE, 7), 0);
	igt_assert_eq(poll_word(gpu, DRM_COLIBRI_WAIT_GE, (1ull << 40) + 1), -ETIME);
	word(gpu)[8] = 1ull << 63;	/* unsigned */
	igt_assert_eq(poll_word(gpu, DRM_COLIBRI_WAIT_GE, 1), 0);
}

static void timeout(struct gpu *gpu)
{
	struct timespec start = { 0 };

	igt_nsec_elapsed(&start);
	igt_assert_eq(colibri_fence_wait(&gpu->dev, &gpu->fence, 0, DRM_COLIBRI_WAIT_GE, 1, 0,
					 200 * NSEC_PER_MSEC), -ETIME);
	igt_assert_lte_u64(200 * NSEC_PER_MSEC, igt_nsec_elapsed(&start));
}

static void bad(struct gpu *gpu)
{
	const struct drm_colibri_fence_wait good = { .handle = gpu->fence.handle };
	struct drm_colibri_fence_wait rows[] = { good, good, good, good, good, good };

	rows[0].offset = 4;
	rows[1].offset = gpu->fence.size;
	rows[2].offset = ~7ull;
	rows[3].cond = 3;
	rows[4].flags = 1;
	rows[5].handle = gpu->shared_bo.handle;	/* not a fence buffer */
	for (unsigned int i = 0; i < ARRAY_SIZE(rows); i++) {
		igt_debug("row %u\n", i);
		igt_assert_eq(colibri_ioctl(gpu->dev.fd, DRM_IOCTL_COLIBRI_FENCE_WAIT, &rows[i]), -EINVAL);
	}
	rows[0] = good;
	rows[0].handle = 0x7fff;
	igt_assert_eq(colibri_ioctl(gpu->dev.fd, DRM_IOCTL_COLIBRI_FENCE_WAIT, &rows[0]), -ENOENT);
	rows[0] = good;
	rows[0].queue_id = 0x7fffffff;
	igt_assert_eq(colibri_ioctl(gpu->dev.fd, DRM_IOCTL_COLIBRI_FENCE_WAIT, &rows[0]), -ENOENT);
	rows[0] = good;	/* and the good one is good */
	igt_assert_eq(colibri_ioctl(gpu->dev.fd, DRM_IOCTL_COLIBRI_FENCE_WAIT, &rows[0]), 0);
}

/* A thread that waits for a fence of the queue which never comes. */
struct waiter {
	struct gpu *gpu;
	pthread_t thread;
	int ret;
};

static void *waiter_main(void *data)
{
	struct waiter *waiter = data;

	waiter->ret = colibri_fence_wait(&waiter->gpu->dev, &waiter->gpu->fence, 0,
					 DRM_COLIBRI_WAIT_GE, 1000000, waiter->gpu->queue,
					 GPU_TIMEOUT_S * NSEC_PER_SEC);
	return NULL;
}

static void waiter_start(struct waiter *waiter, struct gpu *gpu)
{
	waiter->gpu = gpu;
	igt_assert_eq(pthread_create(&waiter->thread, NULL, waiter_main, waiter), 0);
	/* Not needed for the result, which is the same when the queue is gone first. */
	for (unsigned int i = 0; i < 50; i++)
		cpu_pause();
}

static int waiter_join(struct waiter *waiter)
{
	igt_assert_eq(pthread_join(waiter->thread, NULL), 0);
	return waiter->ret;
}

static void sleeps_until_signal(struct gpu *gpu)
{
	struct waiter waiters[4];

	for (unsigned int i = 0; i < ARRAY_SIZE(waiters); i++)
		waiter_start(&waiters[i], gpu);
	gpu->seqno = 1000000 - 1;
	gpu_submit(gpu, NULL, 0);
	for (unsigned int i = 0; i < ARRAY_SIZE(waiters); i++)
		igt_assert_eq(waiter_join(&waiters[i]), 0);
}

static void queue_destroyed(struct gpu *gpu)
{
	struct waiter waiter;
	int ret;

	waiter_start(&waiter, gpu);
	gpu_new_queue(gpu);
	ret = waiter_join(&waiter);
	igt_assert_eq(ret, -ECANCELED);
}

static void queue_banned(struct gpu *gpu)
{
	struct scalar_args args = { 0 };
	struct waiter waiter;

	waiter_start(&waiter, gpu);
	gpu_launch(gpu, "illegal", &args, sizeof(args), 1);
	igt_assert_eq(waiter_join(&waiter), -ENOTRECOVERABLE);
	/* and at once for who comes later */
	igt_assert_eq(gpu_wait_result(gpu), -ENOTRECOVERABLE);
	gpu_new_queue(gpu);
}

/* What was signalled before the ban is signalled. */
static void banned_after_signal(struct gpu *gpu)
{
	struct scalar_args args = { 0 };
	uint64_t before;

	gpu_submit(gpu, NULL, 0);
	before = gpu->seqno;
	gpu_launch(gpu, "illegal", &args, sizeof(args), 1);
	igt_assert_eq(gpu_wait_result(gpu), -ENOTRECOVERABLE);
	igt_assert_eq(colibri_fence_wait(&gpu->dev, &gpu->fence, 0, DRM_COLIBRI_WAIT_GE, before,
					 gpu->queue, 0), 0);
	gpu_new_queue(gpu);
}

static void on_alarm(int signal)
{
	(void)signal;
}

static void interrupted(struct gpu *gpu)
{
	struct sigaction action = { .sa_handler = on_alarm };
	struct drm_colibri_fence_wait args = {
		.handle = gpu->fence.handle,
		.value = 1,
		.timeout_ns = INT64_MAX,
	};

	sigaction(SIGALRM, &action, NULL);
	alarm(1);
	igt_assert_eq(ioctl(gpu->dev.fd, DRM_IOCTL_COLIBRI_FENCE_WAIT, &args), -1);
	igt_assert_eq(errno, EINTR);
}

static void ordered(struct gpu *gpu)
{
	struct colibri_bo bo;
	uint64_t addr = gpu_bind_bo(gpu, &bo, SVM_BLOCK_SIZE, DRM_COLIBRI_GEM_VRAM, 0, 0);

	/* When the fence is there, so is all that was computed before it. */
	for (uint32_t round = 1; round <= 10; round++) {
		gpu_ramp_write(gpu, (void *)addr, bo.size, round);
		igt_assert_eq_u64(cpu_ramp_errors(bo.map, bo.size, round), 0);
	}
	colibri_bo_destroy(&gpu->dev, &bo);
}

static const struct gpu_test tests[] = {
	{ "conditions", conditions, "EQ, NE and unsigned GE on 64 bits; a poll does not wait" },
	{ "timeout", timeout, "ETIME, not before the time is over" },
	{ "bad", bad, "each bad field is refused" },
	{ "sleeps-until-signal", sleeps_until_signal, "one fence wakes every waiter" },
	{ "queue-destroyed", queue_destroyed, "ECANCELED for a waiter whose queue goes" },
	{ "queue-banned", queue_banned, "ENOTRECOVERABLE for a waiter whose queue is banned" },
	{ "banned-after-signal", banned_after_signal, "a fence that came before the ban counts" },
	{ "interrupted", interrupted, "a signal ends the wait with EINTR" },
	{ "ordered", ordered, "a fence comes after the data" },
};

igt_main()
{
	gpu_run_tests(tests, ARRAY_SIZE(tests), gpu_init_buffers_only);
}
