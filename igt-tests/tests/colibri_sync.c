// SPDX-License-Identifier: MIT
/*
 * What EXEC on a fenced VM waits for and signals: struct drm_colibri_sync.
 */
#include <errno.h>
#include <unistd.h>

#include <xf86drm.h>

#include "jobs.h"

IGT_TEST_DESCRIPTION("Jobs with syncobjs, timelines and user fences");

#define SHORT	(200 * NSEC_PER_MSEC)
#define LONG	(GPU_TIMEOUT_S * NSEC_PER_SEC)

static void binary_out(struct gpu *gpu)
{
	uint32_t syncobj = syncobj_new(gpu, false);
	struct drm_colibri_sync sync = signal_syncobj(syncobj, 0);

	igt_assert_eq(job_write(gpu, gpu->queue, 0, 11, &sync, 1), 0);
	igt_assert_eq(syncobj_status(gpu, syncobj), 0);
	igt_assert_eq_u64(job_word(gpu, 0), 11);
	syncobj_free(gpu, syncobj);
}

static void binary_in(struct gpu *gpu)
{
	struct drm_colibri_sync syncs[2];
	struct gate gate;

	gate_init(gpu, &gate);
	syncs[0] = wait_syncobj(gate.syncobj, 0);
	syncs[1] = signal_syncobj(syncobj_new(gpu, false), 0);
	igt_assert_eq(job_write(gpu, gpu->queue, 0, 12, syncs, 2), 0);

	igt_assert_eq(syncobj_wait(gpu, syncs[1].handle, 0, SHORT), -ETIME);
	igt_assert_eq_u64(job_word(gpu, 0), 0);
	gate_open(gpu);
	igt_assert_eq(syncobj_status(gpu, syncs[1].handle), 0);
	igt_assert_eq_u64(job_word(gpu, 0), 12);
	syncobj_free(gpu, syncs[1].handle);
	gate_fini(gpu, &gate);
}

static void timeline(struct gpu *gpu)
{
	uint32_t syncobj = syncobj_new(gpu, false);
	struct drm_colibri_sync syncs[3];
	struct gate gate;
	uint64_t point;

	gate_init(gpu, &gate);
	syncs[0] = wait_syncobj(gate.syncobj, 0);
	syncs[1] = signal_syncobj(syncobj, 1);
	igt_assert_eq(job_write(gpu, gpu->queue, 0, 21, syncs, 2), 0);
	syncs[0] = wait_syncobj(syncobj, 1);
	syncs[1] = signal_syncobj(syncobj, 5);
	igt_assert_eq(job_write(gpu, gpu->queue, 1, 22, syncs, 2), 0);

	igt_assert_eq(syncobj_wait(gpu, syncobj, 1, SHORT), -ETIME);
	gate_open(gpu);
	igt_assert_eq(syncobj_wait(gpu, syncobj, 5, LONG), 0);
	igt_assert_eq_u64(job_word(gpu, 0), 21);
	igt_assert_eq_u64(job_word(gpu, 1), 22);
	igt_assert_eq(drmSyncobjQuery(gpu->dev.fd, &syncobj, &point, 1), 0);
	igt_assert_eq_u64(point, 5);
	syncobj_free(gpu, syncobj);
	gate_fini(gpu, &gate);
}

/* A fence that has signalled already is no obstacle. */
static void signalled_in(struct gpu *gpu)
{
	struct drm_colibri_sync syncs[] = {
		wait_syncobj(syncobj_new(gpu, true), 0),
		signal_syncobj(syncobj_new(gpu, false), 0),
	};

	igt_assert_eq(job_write(gpu, gpu->queue, 0, 31, syncs, 2), 0);
	igt_assert_eq(syncobj_status(gpu, syncs[1].handle), 0);
	igt_assert_eq_u64(job_word(gpu, 0), 31);
}

static void user_out(struct gpu *gpu)
{
	struct drm_colibri_sync sync = colibri_sync_user(&gpu->fence, 128, 77);

	igt_assert_eq(job_write(gpu, gpu->queue, 0, 41, &sync, 1), 0);
	igt_assert_eq(colibri_fence_wait(&gpu->dev, &gpu->fence, 128, DRM_COLIBRI_WAIT_EQ, 77,
					 gpu->queue, LONG), 0);
	igt_assert_eq_u64(job_word(gpu, 0), 41);
}

static void many_out(struct gpu *gpu)
{
	struct drm_colibri_query_limits limits;
	struct drm_colibri_sync syncs[65];

	igt_assert_eq(colibri_query_limits(&gpu->dev, &limits), 0);
	igt_assert(limits.max_syncs < ARRAY_SIZE(syncs));
	for (unsigned int i = 0; i <= limits.max_syncs; i++)
		syncs[i] = signal_syncobj(syncobj_new(gpu, false), i % 2 ? 0 : i + 1);
	igt_assert_eq(job_write(gpu, gpu->queue, 0, 51, syncs, limits.max_syncs + 1), -EINVAL);
	igt_assert_eq(job_write(gpu, gpu->queue, 0, 52, syncs, limits.max_syncs), 0);
	for (unsigned int i = 0; i < limits.max_syncs; i++)
		igt_assert_eq(syncobj_wait(gpu, syncs[i].handle, syncs[i].point, LONG), 0);
	igt_assert_eq_u64(job_word(gpu, 0), 52);
}

/* Jobs of one queue run in the order of the calls, those that wait included. */
static void in_order(struct gpu *gpu)
{
	struct drm_colibri_sync sync, last = signal_syncobj(syncobj_new(gpu, false), 0);
	struct gate gate;

	gate_init(gpu, &gate);
	sync = wait_syncobj(gate.syncobj, 0);
	igt_assert_eq(job_write(gpu, gpu->queue, 0, 1, &sync, 1), 0);
	/* Not more than there are places for their arguments */
	for (uint64_t i = 2; i < GPU_KERNARGS / 2; i++)
		igt_assert_eq(job_write(gpu, gpu->queue, 0, i, NULL, 0), 0);
	igt_assert_eq(job_write(gpu, gpu->queue, 1, 1, &last, 1), 0);
	igt_assert_eq(syncobj_wait(gpu, last.handle, 0, SHORT), -ETIME);
	igt_assert_eq_u64(job_word(gpu, 0), 0);
	gate_open(gpu);
	igt_assert_eq(syncobj_status(gpu, last.handle), 0);
	igt_assert_eq_u64(job_word(gpu, 0), GPU_KERNARGS / 2 - 1);
	gate_fini(gpu, &gate);
}

/* The driver's fence in another process's hands, by way of a sync_file */
static void across_files(struct gpu *gpu)
{
	struct drm_colibri_sync sync = signal_syncobj(syncobj_new(gpu, false), 0);
	struct gpu other = { 0 };
	int fd;

	igt_assert_eq(job_write(gpu, gpu->queue, 0, 61, &sync, 1), 0);
	igt_assert_eq(drmSyncobjExportSyncFile(gpu->dev.fd, sync.handle, &fd), 0);

	gpu_init_fenced(&other);
	sync = wait_syncobj(syncobj_new(&other, false), 0);
	igt_assert_eq(drmSyncobjImportSyncFile(other.dev.fd, sync.handle, fd), 0);
	close(fd);
	igt_assert_eq(job_write(&other, other.queue, 0, 62, &sync, 1), 0);
	sync = signal_syncobj(syncobj_new(&other, false), 0);
	igt_assert_eq(job_write(&other, other.queue, 1, 63, &sync, 1), 0);
	igt_assert_eq(syncobj_status(&other, sync.handle), 0);
	igt_assert_eq_u64(job_word(gpu, 0), 61);
	igt_assert_eq_u64(job_word(&other, 0), 62);
	gpu_fini(&other);
}

static void bad(struct gpu *gpu)
{
	uint32_t empty = syncobj_new(gpu, false), full = syncobj_new(gpu, true);
	const struct {
		struct drm_colibri_sync sync;
		int error;
	} rows[] = {
		{ { .type = 3, .handle = full }, -EINVAL },
		{ { .flags = 2, .handle = full }, -EINVAL },
		{ { .handle = full, .pad = 1 }, -EINVAL },
		{ { .handle = full, .point = 1 }, -EINVAL },
		{ { .handle = full, .offset = 8 }, -EINVAL },
		{ { .handle = 0x7fff }, -ENOENT },
		{ { .handle = 0x7fff, .flags = DRM_COLIBRI_SYNC_SIGNAL }, -ENOENT },
		/* nothing to wait for was submitted */
		{ { .handle = empty }, -EINVAL },
		{ { .type = DRM_COLIBRI_SYNC_TYPE_TIMELINE, .handle = empty, .point = 1 }, -EINVAL },
		{ { .type = DRM_COLIBRI_SYNC_TYPE_TIMELINE, .handle = full }, -EINVAL },
		{ { .type = DRM_COLIBRI_SYNC_TYPE_TIMELINE, .handle = full, .point = 1,
		    .offset = 8 }, -EINVAL },
		{ { .type = DRM_COLIBRI_SYNC_TYPE_USER, .handle = gpu->fence.handle }, -EINVAL },
		{ { .type = DRM_COLIBRI_SYNC_TYPE_USER, .flags = DRM_COLIBRI_SYNC_SIGNAL,
		    .handle = gpu->fence.handle, .offset = 4 }, -EINVAL },
		{ { .type = DRM_COLIBRI_SYNC_TYPE_USER, .flags = DRM_COLIBRI_SYNC_SIGNAL,
		    .handle = gpu->fence.handle, .offset = gpu->fence.size }, -EINVAL },
		{ { .type = DRM_COLIBRI_SYNC_TYPE_USER, .flags = DRM_COLIBRI_SYNC_SIGNAL,
		    .handle = gpu->shared_bo.handle }, -EINVAL },
		{ { .type = DRM_COLIBRI_SYNC_TYPE_USER, .flags = DRM_COLIBRI_SYNC_SIGNAL,
		    .handle = 0x7fff }, -ENOENT },
	};
	struct drm_colibri_sync syncs[2];

	for (unsigned int i = 0; i < ARRAY_SIZE(rows); i++) {
		igt_debug("row %u\n", i);
		/* A good one before it must not be signalled, or replaced. */
		syncs[0] = signal_syncobj(empty, 0);
		syncs[1] = rows[i].sync;
		igt_assert_eq(job_write(gpu, gpu->queue, 0, 71, syncs, 2), rows[i].error);
		igt_assert_eq(syncobj_wait(gpu, empty, 0, 0), -EINVAL);
	}
	igt_assert_eq(job_write(gpu, gpu->queue, 0, 71, (void *)8, 1), -EFAULT);
	igt_assert_eq_u64(job_word(gpu, 0), 0);
	binary_out(gpu);
}

/* With a dependency that fails, the job runs all the same: ordering is all that a fence means. */
static void dependency_fails(struct gpu *gpu)
{
	struct drm_colibri_sync syncs[2];
	struct gate gate;

	gate_init(gpu, &gate);
	syncs[0] = wait_syncobj(gate.syncobj, 0);
	syncs[1] = signal_syncobj(syncobj_new(gpu, false), 0);
	igt_assert_eq(job_write(gpu, gpu->queue, 0, 81, syncs, 2), 0);
	igt_assert_eq(colibri_queue_destroy(&gpu->dev, gate.queue), 0);
	igt_assert_eq(syncobj_status(gpu, gate.syncobj), -ECANCELED);
	igt_assert_eq(syncobj_status(gpu, syncs[1].handle), 0);
	igt_assert_eq_u64(job_word(gpu, 0), 81);
	igt_assert_eq(colibri_vm_destroy(&gpu->dev, gate.vm), 0);
}

static const struct gpu_test tests[] = {
	{ "binary-out", binary_out, "a job signals a syncobj when it is complete" },
	{ "binary-in", binary_in, "a job starts when the syncobj that it waits for has signalled" },
	{ "timeline", timeline, "points of a timeline order jobs" },
	{ "signalled-in", signalled_in, "what has signalled already is not waited for" },
	{ "user-out", user_out, "a job writes a word of a fence buffer and wakes FENCE_WAIT" },
	{ "many-out", many_out, "as many syncs as the kernel says, and not one more" },
	{ "in-order", in_order, "jobs of a queue run in the order of the calls" },
	{ "across-files", across_files, "a sync_file orders jobs of two files" },
	{ "bad", bad, "each bad sync has its errno, and the call does nothing" },
	{ "dependency-fails", dependency_fails, "a job whose dependency fails runs after it" },
};

igt_main()
{
	gpu_run_tests(tests, ARRAY_SIZE(tests), gpu_init_fenced);
}
