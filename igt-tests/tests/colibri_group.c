// SPDX-License-Identifier: MIT
/*
 * Groups: queues that run together and fall together.
 */
#include <errno.h>

#include "many_queues.h"

IGT_TEST_DESCRIPTION("Groups of queues");

#define NUM_ENDLESS	80

static struct many many, pair;

/* @count queues of one group, in @pair. */
static uint32_t make_group(struct gpu *gpu, unsigned int count)
{
	uint32_t group;

	igt_assert_eq(colibri_group_create(&gpu->dev, gpu->vm, 1, &group), 0);
	many_init(&pair, gpu, 0, 1);
	for (; pair.count < count; pair.count++)
		igt_assert_eq(colibri_queue_create_in_group(&gpu->dev, gpu->vm, group, 16,
							    &pair.queue[pair.count]), 0);
	return group;
}

static void bad(struct gpu *gpu)
{
	const struct drm_colibri_group_create good = { .vm_id = gpu->vm };
	struct drm_colibri_group_create args = good;
	struct drm_colibri_group_destroy destroy = { .group_id = 1, .pad = 1 };
	uint32_t group, vm, queue;

	args.priority = 3;
	igt_assert_eq(colibri_ioctl(gpu->dev.fd, DRM_IOCTL_COLIBRI_GROUP_CREATE, &args), -EINVAL);
	args = good;
	args.flags = 1;
	igt_assert_eq(colibri_ioctl(gpu->dev.fd, DRM_IOCTL_COLIBRI_GROUP_CREATE, &args), -EINVAL);
	args = good;
	args.vm_id = 0x7fffffff;
	igt_assert_eq(colibri_ioctl(gpu->dev.fd, DRM_IOCTL_COLIBRI_GROUP_CREATE, &args), -ENOENT);
	igt_assert_eq(colibri_ioctl(gpu->dev.fd, DRM_IOCTL_COLIBRI_GROUP_DESTROY, &destroy), -EINVAL);
	igt_assert_eq(colibri_group_destroy(&gpu->dev, 0x7fffffff), -ENOENT);

	/* A queue of another VM does not get in, and neither goes while the other is there. */
	igt_assert_eq(colibri_vm_create(&gpu->dev, &vm), 0);
	igt_assert_eq(colibri_group_create(&gpu->dev, vm, 0, &group), 0);
	igt_assert_eq(colibri_queue_create_in_group(&gpu->dev, gpu->vm, group, 16, &queue), -EINVAL);
	igt_assert_eq(colibri_queue_create_in_group(&gpu->dev, vm, group, 16, &queue), 0);
	igt_assert_eq(colibri_group_destroy(&gpu->dev, group), -EBUSY);
	igt_assert_eq(colibri_queue_destroy(&gpu->dev, queue), 0);
	igt_assert_eq(colibri_vm_destroy(&gpu->dev, vm), -EBUSY);
	igt_assert_eq(colibri_group_destroy(&gpu->dev, group), 0);
	igt_assert_eq(colibri_vm_destroy(&gpu->dev, vm), 0);
	gpu_assert_vm_lives(gpu);
}

static void full(struct gpu *gpu)
{
	uint32_t group = make_group(gpu, gpu->dev.info.num_queues), queue;

	igt_assert_eq(colibri_queue_create_in_group(&gpu->dev, gpu->vm, group, 16, &queue), -ENOSPC);
	many_loop(&pair);
	gpu_ramp_write(gpu, map_anonymous(PAGE_SIZE, PAGE_SIZE), PAGE_SIZE, 3);
	many_progress(&pair);
	many_stop(&pair);
	many_fini(&pair);
	igt_assert_eq(colibri_group_destroy(&gpu->dev, group), 0);
}

/* Two queues pass a word to and fro, with endless kernels on all of the hardware. */
static void ping_pong(struct gpu *gpu)
{
	enum { ROUNDS = 20 };
	uint32_t group = make_group(gpu, 2);

	many_init(&many, gpu, NUM_ENDLESS, 1);
	many_loop(&many);
	for (unsigned int i = 0; i < ROUNDS; i++) {
		for (unsigned int q = 0; q < 2; q++) {
			union colibri_packet packets[] = {
				colibri_packet_wait(many_field(&pair, 0, counter),
						    DRM_COLIBRI_WAIT_EQ, 2 * i + q),
				colibri_packet_fence(many_field(&pair, 0, counter), 2 * i + q + 1),
			};

			many_submit(&pair, q, packets, 2);
		}
	}
	many_wait_all(&pair);
	igt_assert_eq_u64(pair.slots[0].counter, 2 * ROUNDS);
	many_stop(&many);
	many_fini(&many);
	many_fini(&pair);
	igt_assert_eq(colibri_group_destroy(&gpu->dev, group), 0);
}

static void expect_ban(struct gpu *gpu, uint32_t queue, uint32_t error)
{
	struct drm_colibri_queue_state state;

	igt_assert_eq(colibri_queue_get_state(&gpu->dev, queue, &state), 0);
	igt_assert_eq_u32(state.state, DRM_COLIBRI_QUEUE_BANNED);
	igt_assert_eq_u32(state.error, error);
}

/* One queue's error ends the other's endless kernel; @others: with endless kernels of other queues. */
static void ban(struct gpu *gpu, bool others)
{
	struct loop_args args = { .mail = gpu_shared_addr(gpu, mail) };
	union colibri_packet wrong = colibri_packet_fence(many_field(&pair, 0, fence) + 4, 1);
	uint32_t group = make_group(gpu, 2), queue;

	gpu->shared->mail.stop = 0;
	if (others) {
		many_init(&many, gpu, NUM_ENDLESS, 1);
		many_loop(&many);
	}
	args.addr = many_field(&pair, 0, counter);
	many_launch(&pair, 0, "loop_add", &args, sizeof(args), 64, 64, 0);
	wrong.fence.addr = many_field(&pair, 1, fence) + 4;
	many_submit(&pair, 1, &wrong, 1);
	igt_assert_eq(many_wait(&pair, 0), -ENOTRECOVERABLE);
	igt_assert_eq(many_wait(&pair, 1), -ENOTRECOVERABLE);
	expect_ban(gpu, pair.queue[0], DRM_COLIBRI_QUEUE_ERR_GROUP);
	expect_ban(gpu, pair.queue[1], COLIBRI_QERR_MISALIGNED);

	/* One that comes later is none the better. */
	igt_assert_eq(colibri_queue_create_in_group(&gpu->dev, gpu->vm, group, 16, &queue), 0);
	expect_ban(gpu, queue, DRM_COLIBRI_QUEUE_ERR_GROUP);
	igt_assert_eq(colibri_queue_destroy(&gpu->dev, queue), 0);
	if (others) {
		many_progress(&many);
		many_stop(&many);
		many_fini(&many);
	}
	many_fini(&pair);
	igt_assert_eq(colibri_group_destroy(&gpu->dev, group), 0);
	gpu_assert_vm_lives(gpu);
}

static void ban_together(struct gpu *gpu)
{
	ban(gpu, false);
}

static void ban_detached(struct gpu *gpu)
{
	ban(gpu, true);
}

static const struct gpu_test tests[] = {
	{ "bad", bad, "wrong arguments are refused, and what is in use stays" },
	{ "full", full, "a group as large as the hardware runs, and others beside it" },
	{ "ping-pong", ping_pong, "two queues that wait for each other, on hardware full of endless kernels" },
	{ "ban-together", ban_together, "an error bans the whole group" },
	{ "ban-detached", ban_detached, "the same while the group takes turns with others" },
};

igt_main()
{
	gpu_run_tests(tests, ARRAY_SIZE(tests), gpu_init);
}
