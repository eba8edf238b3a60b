// SPDX-License-Identifier: MIT
/*
 * DRM_IOCTL_COLIBRI_EXEC on VMs that fault: many queues, all or none.
 */
#include <errno.h>
#include <signal.h>
#include <unistd.h>

#include "jobs.h"

IGT_TEST_DESCRIPTION("Submission to many queues at once");

#define QUEUES	3
#define LONG	(GPU_TIMEOUT_S * NSEC_PER_SEC)

/* What each of some queues is to do: write its number to a word of its own, then a fence. */
struct set {
	uint32_t queues[QUEUES];
	union colibri_packet packets[QUEUES][2];
	struct drm_colibri_exec_item items[QUEUES];
};

static uint64_t *set_words(struct gpu *gpu)
{
	return (uint64_t *)gpu->shared->result;
}

static void set_init(struct gpu *gpu, struct set *set)
{
	for (unsigned int i = 0; i < QUEUES; i++) {
		struct scalar_args args = {
			.addr = gpu_shared_addr(gpu, result) + i * 8,
			.value = i + 1,
		};

		igt_assert_eq(colibri_queue_create(&gpu->dev, gpu->vm, 1, 16, &set->queues[i]), 0);
		set->packets[i][0] = job_dispatch(gpu, "scalar_write", &args, sizeof(args));
		set->packets[i][1] = colibri_packet_fence(gpu->fence_addr + 256 + i * 8, 1);
		set->items[i] = colibri_exec_item(set->queues[i], set->packets[i], 2);
	}
}

static void set_wait(struct gpu *gpu, struct set *set)
{
	for (unsigned int i = 0; i < QUEUES; i++)
		igt_assert_eq(colibri_fence_wait(&gpu->dev, &gpu->fence, 256 + i * 8,
						 DRM_COLIBRI_WAIT_EQ, 1, set->queues[i], LONG), 0);
	for (unsigned int i = 0; i < QUEUES; i++)
		igt_assert_eq_u64(set_words(gpu)[i], i + 1);
}

/* No packet came to any queue. */
static void set_idle(struct gpu *gpu, struct set *set)
{
	struct drm_colibri_queue_state state;

	for (unsigned int i = 0; i < QUEUES; i++) {
		igt_assert_eq(colibri_queue_get_state(&gpu->dev, set->queues[i], &state), 0);
		igt_assert_eq_u64(state.submitted, 0);
	}
}

static void set_fini(struct gpu *gpu, struct set *set)
{
	for (unsigned int i = 0; i < QUEUES; i++)
		igt_assert_eq(colibri_queue_destroy(&gpu->dev, set->queues[i]), 0);
}

static int exec(struct gpu *gpu, struct set *set)
{
	return colibri_exec(&gpu->dev, set->items, QUEUES, NULL, 0);
}

static void all(struct gpu *gpu)
{
	struct set set;

	set_init(gpu, &set);
	igt_assert_eq(exec(gpu, &set), 0);
	set_wait(gpu, &set);
	set_fini(gpu, &set);
}

static void bad_fields(struct gpu *gpu)
{
	struct drm_colibri_exec good, args;
	struct drm_colibri_sync sync = signal_syncobj(syncobj_new(gpu, false), 0);
	struct set set;

	set_init(gpu, &set);
	good = (struct drm_colibri_exec) { .items = (uintptr_t)set.items, .num_items = QUEUES };
#define BAD(change, error)							\
	do {									\
		args = good;							\
		change;								\
		igt_assert_eq(colibri_ioctl(gpu->dev.fd, DRM_IOCTL_COLIBRI_EXEC, &args), error); \
	} while (0)
	BAD(args.flags = 1, -EINVAL);
	BAD(args.pad = 1, -EINVAL);
	BAD(args.num_items = 0, -EINVAL);
	BAD(args.num_items = 100000, -EINVAL);
	BAD(args.items = 8, -EFAULT);
	/* Syncs are for fenced VMs. */
	BAD((args.syncs = (uintptr_t)&sync, args.num_syncs = 1), -EINVAL);
#undef BAD
	set_idle(gpu, &set);
	igt_assert_eq(exec(gpu, &set), 0);
	set_wait(gpu, &set);
	set_fini(gpu, &set);
}

static void none(struct gpu *gpu)
{
	struct drm_colibri_exec_item good;
	struct set set;

	set_init(gpu, &set);
	good = set.items[2];
#define BAD(change, error)				\
	do {						\
		set.items[2] = good;			\
		change;					\
		igt_assert_eq(exec(gpu, &set), error);	\
	} while (0)
	BAD(set.items[2].queue_id = set.queues[0], -EINVAL);
	BAD(set.items[2].queue_id = 0x7fff, -ENOENT);
	BAD(set.items[2].count = 0, -EINVAL);
	BAD(set.items[2].count = 17, -EINVAL);
	BAD(set.items[2].packets = 8, -EFAULT);
#undef BAD
	set.items[2] = good;
	set.packets[2][1].header = COLIBRI_PKT_INVALID;
	igt_assert_eq(exec(gpu, &set), -EINVAL);
	set_idle(gpu, &set);
	set_fini(gpu, &set);
}

static void two_vms(struct gpu *gpu)
{
	struct set set;
	uint32_t vm, mine;

	set_init(gpu, &set);
	mine = set.queues[2];
	igt_assert_eq(colibri_vm_create(&gpu->dev, &vm), 0);
	igt_assert_eq(colibri_queue_create(&gpu->dev, vm, 1, 16, &set.queues[2]), 0);
	set.items[2].queue_id = set.queues[2];
	igt_assert_eq(exec(gpu, &set), -EINVAL);
	set_idle(gpu, &set);
	set_fini(gpu, &set);
	igt_assert_eq(colibri_queue_destroy(&gpu->dev, mine), 0);
	igt_assert_eq(colibri_vm_destroy(&gpu->dev, vm), 0);
}

/* One of the queues is banned: the others get nothing either. */
static void banned(struct gpu *gpu)
{
	union colibri_packet bad = colibri_packet_fence(gpu->next_addr + 64 * MiB, 1);
	struct set set;

	set_init(gpu, &set);
	set.items[2].queue_id = gpu->queue;
	igt_assert_eq(colibri_queue_submit(&gpu->dev, gpu->queue, &bad, 1), 0);
	gpu->seqno++;
	igt_assert_eq(gpu_wait_result(gpu), -ENOTRECOVERABLE);
	igt_assert_eq(exec(gpu, &set), -ENOTRECOVERABLE);
	set_idle(gpu, &set);
	set_fini(gpu, &set);
}

/* A full ring holds all of them up, and a signal ends that. */
static void waits_for_room(struct gpu *gpu)
{
	union colibri_packet wait = colibri_packet_wait(gpu_shared_addr(gpu, mail.stop),
							COLIBRI_WAIT_EQ, 1);
	struct drm_colibri_queue_state state;
	struct igt_helper_process helper = { .use_SIGKILL = true };
	struct set set;

	set_init(gpu, &set);
	gpu->shared->mail.stop = 0;
	for (unsigned int i = 0; i < 15; i++)
		igt_assert_eq(colibri_queue_submit(&gpu->dev, set.queues[2], &wait, 1), 0);
	/* Who lets go of it works from outside, as this thread is in the call. */
	igt_fork_helper(&helper) {
		usleep(300000);
		__atomic_store_n(&gpu->shared->mail.stop, 1, __ATOMIC_RELEASE);
	}
	igt_assert_eq(exec(gpu, &set), 0);
	igt_assert_eq_u64(gpu->shared->mail.stop, 1);
	igt_wait_helper(&helper);
	set_wait(gpu, &set);
	igt_assert_eq(colibri_queue_get_state(&gpu->dev, set.queues[2], &state), 0);
	igt_assert_eq_u64(state.submitted, 17);
	set_fini(gpu, &set);
}

static const struct gpu_test tests[] = {
	{ "all", all, "each queue gets its packets" },
	{ "bad-fields", bad_fields, "each bad field has its errno, and nobody gets anything" },
	{ "none", none, "an item that is bad keeps the others from being submitted" },
	{ "two-vms", two_vms, "queues of two VMs are EINVAL" },
	{ "banned", banned, "one banned queue keeps the others from getting anything" },
	{ "waits-for-room", waits_for_room, "it waits until every ring has room" },
};

igt_main()
{
	gpu_run_tests(tests, ARRAY_SIZE(tests), gpu_init_buffers_only);
}
