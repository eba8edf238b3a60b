// SPDX-License-Identifier: MIT
/*
 * Memory runs short in a call: each allocation of it fails once. The call fails then and has changed
 * nothing; above all there is no fence that never signals.
 */
#include <errno.h>

#include "inject.h"
#include "jobs.h"

/*
 * What the kernel (7.3) does wrong without memory is spared. The one prints that it lacks
 * some, under a lock that a console takes, too (lockdep says so; for vmap(), in a kernel
 * with kmemleak); the other loses a REMAP's unmap, when there is none for its next.
 */
#define SPARED		"kmemleak_scan_area"
#define SPARED_IN_BIND	"drm_gpuva_sm_step"
#define DEPTH		32

IGT_TEST_DESCRIPTION("Calls without memory (on a kernel with fault injection)");

#define HOLE_AT		(16 * KiB)
#define HOLE_SIZE	(16 * KiB)
#define BO_SIZE		(64 * KiB)

/* ---- Things that are made ---- */

static uint32_t made;

static int create_vm(struct gpu *gpu)
{
	return colibri_vm_create_fenced(&gpu->dev, &made);
}

static void destroy_vm(struct gpu *gpu)
{
	igt_assert_eq(colibri_vm_destroy(&gpu->dev, made), 0);
}

static void vm(struct gpu *gpu)
{
	inject_each(gpu, &(struct inject){ .run = create_vm, .worked = destroy_vm });
}

static int create_queue(struct gpu *gpu)
{
	return colibri_queue_create(&gpu->dev, gpu->vm, 1, 16, &made);
}

static void destroy_queue(struct gpu *gpu)
{
	igt_assert_eq(colibri_queue_destroy(&gpu->dev, made), 0);
}

static void queue(struct gpu *gpu)
{
	unsigned int free_queues = count_free_queues(gpu);

	inject_each(gpu, &(struct inject){ .run = create_queue, .worked = destroy_queue });
	igt_assert_eq_u32(count_free_queues(gpu), free_queues);
}

static struct colibri_ring ring;

static int create_ring(struct gpu *gpu)
{
	return colibri_ring_create(&gpu->dev, made, 1, 16, &ring);
}

static void destroy_ring(struct gpu *gpu)
{
	igt_assert_eq(colibri_ring_destroy(&gpu->dev, &ring), 0);
}

static void user_queue(struct gpu *gpu)
{
	igt_assert_eq(colibri_vm_create(&gpu->dev, &made), 0);
	inject_each(gpu, &(struct inject){ .run = create_ring, .worked = destroy_ring });
	destroy_vm(gpu);
}

/* ---- Jobs ---- */

static struct {
	uint32_t in;
	uint32_t out;
	uint32_t timeline;
	uint64_t submitted;
} job;

static volatile uint64_t *user_fence(struct gpu *gpu)
{
	return (volatile uint64_t *)((char *)gpu->fence.map + 256);
}

static uint64_t submitted(struct gpu *gpu)
{
	struct drm_colibri_queue_state state;

	igt_assert_eq(colibri_queue_get_state(&gpu->dev, gpu->queue, &state), 0);
	return state.submitted;
}

static void prepare_job(struct gpu *gpu)
{
	job.in = syncobj_new(gpu, true);
	job.out = syncobj_new(gpu, false);
	job.timeline = syncobj_new(gpu, false);
	job.submitted = submitted(gpu);
	*(volatile uint64_t *)gpu->shared->result = 0;
	*user_fence(gpu) = 0;
}

static int exec_job(struct gpu *gpu)
{
	struct drm_colibri_sync syncs[] = {
		wait_syncobj(job.in, 0), signal_syncobj(job.out, 0),
		signal_syncobj(job.timeline, 5), colibri_sync_user(&gpu->fence, 256, 9),
	};

	return job_write(gpu, gpu->queue, 0, 77, syncs, ARRAY_SIZE(syncs));
}

static void free_job(struct gpu *gpu)
{
	syncobj_free(gpu, job.in);
	syncobj_free(gpu, job.out);
	syncobj_free(gpu, job.timeline);
}

static void job_failed(struct gpu *gpu)
{
	igt_assert_eq(syncobj_wait(gpu, job.out, 0, 0), -EINVAL);
	igt_assert_eq(syncobj_wait(gpu, job.timeline, 5, 0), -EINVAL);
	igt_assert_eq_u64(submitted(gpu), job.submitted);
	igt_assert_eq_u64(job_word(gpu, 0), 0);
	igt_assert_eq_u64(*user_fence(gpu), 0);
	free_job(gpu);
}

static void job_worked(struct gpu *gpu)
{
	igt_assert_eq(syncobj_status(gpu, job.out), 0);
	igt_assert_eq(syncobj_wait(gpu, job.timeline, 5, GPU_TIMEOUT_S * NSEC_PER_SEC), 0);
	igt_assert_eq_u64(job_word(gpu, 0), 77);
	igt_assert_eq_u64(*user_fence(gpu), 9);
	free_job(gpu);
}

static void exec(struct gpu *gpu)
{
	inject_each(gpu, &(struct inject){ prepare_job, exec_job, job_failed, job_worked });
}

/* ---- Bindings ---- */

static struct {
	struct colibri_bo one;
	struct colibri_bo two;
	uint64_t addr;
	uint32_t op;
	bool queued;
} binding;

static int bind(struct gpu *gpu, uint32_t op, const struct colibri_bo *bo, uint64_t addr,
		uint64_t range, bool queued)
{
	struct drm_colibri_sync syncs[2] = { wait_syncobj(job.in, 0), signal_syncobj(job.out, 0) };
	struct drm_colibri_vm_bind args = {
		.vm_id = gpu->vm, .op = op, .addr = addr, .range = range,
		.handle = op == DRM_COLIBRI_VM_BIND_OP_MAP ? bo->handle : 0,
	};

	if (queued) {
		args.syncs = (uintptr_t)syncs;
		args.num_syncs = ARRAY_SIZE(syncs);
	}
	return colibri_vm_bind(&gpu->dev, &args);
}

/* All of @one is bound. */
static void prepare_bind(struct gpu *gpu)
{
	igt_assert_eq(bind(gpu, DRM_COLIBRI_VM_BIND_OP_MAP, &binding.one, binding.addr, BO_SIZE,
			   false), 0);
	prepare_job(gpu);
}

/* A hole in the middle, with @two in it or nothing. */
static int bind_hole(struct gpu *gpu)
{
	return bind(gpu, binding.op, &binding.two, binding.addr + HOLE_AT, HOLE_SIZE,
		    binding.queued);
}

static void bind_failed(struct gpu *gpu)
{
	if (binding.queued)
		igt_assert_eq(syncobj_wait(gpu, job.out, 0, 0), -EINVAL);
	igt_assert_eq_u64(job_probe(gpu, binding.addr), 1);
	igt_assert_eq_u64(job_probe(gpu, binding.addr + HOLE_AT), 1);
	igt_assert_eq_u64(job_probe(gpu, binding.addr + HOLE_AT + HOLE_SIZE), 1);
	free_job(gpu);
}

static void bind_worked(struct gpu *gpu)
{
	bool map = binding.op == DRM_COLIBRI_VM_BIND_OP_MAP;

	if (binding.queued)
		igt_assert_eq(syncobj_status(gpu, job.out), 0);
	igt_assert_eq_u64(job_probe(gpu, binding.addr), 1);
	igt_assert_eq_u64(job_probe(gpu, binding.addr + HOLE_AT), map ? 2 : UINT64_MAX);
	igt_assert_eq_u64(job_probe(gpu, binding.addr + HOLE_AT + HOLE_SIZE), 1);
	free_job(gpu);
}

static void fill(struct gpu *gpu, struct colibri_bo *bo, uint64_t value)
{
	igt_assert_eq(colibri_bo_create(&gpu->dev, BO_SIZE, DRM_COLIBRI_GEM_SYSTEM, 0, bo), 0);
	for (size_t at = 0; at < BO_SIZE; at += PAGE_SIZE)
		*(uint64_t *)((char *)bo->map + at) = value;
}

static void bind_each(struct gpu *gpu, uint32_t op, bool queued)
{
	inject_require(DEPTH, SPARED_IN_BIND);
	binding.op = op;
	binding.queued = queued;
	binding.addr = gpu->next_addr;
	fill(gpu, &binding.one, 1);
	fill(gpu, &binding.two, 2);
	inject_each(gpu, &(struct inject){ prepare_bind, bind_hole, bind_failed, bind_worked });
	colibri_bo_destroy(&gpu->dev, &binding.one);
	colibri_bo_destroy(&gpu->dev, &binding.two);
}

static void map(struct gpu *gpu)
{
	bind_each(gpu, DRM_COLIBRI_VM_BIND_OP_MAP, false);
}

static void map_queued(struct gpu *gpu)
{
	bind_each(gpu, DRM_COLIBRI_VM_BIND_OP_MAP, true);
}

static void unmap(struct gpu *gpu)
{
	bind_each(gpu, DRM_COLIBRI_VM_BIND_OP_UNMAP, false);
}

static void unmap_queued(struct gpu *gpu)
{
	bind_each(gpu, DRM_COLIBRI_VM_BIND_OP_UNMAP, true);
}

static void init(struct gpu *gpu)
{
	gpu_init_fenced(gpu);
	inject_require(DEPTH, SPARED);
}

static const struct gpu_test tests[] = {
	{ "vm", vm, "a VM is made" },
	{ "queue", queue, "a queue with jobs is made" },
	{ "user-queue", user_queue, "a queue for the process to submit to is made, and mapped" },
	{ "exec", exec, "a job that waits, and signals fences of each kind" },
	{ "map", map, "a binding cuts another one" },
	{ "map-queued", map_queued, "the same, queued" },
	{ "unmap", unmap, "a part of a binding is taken away" },
	{ "unmap-queued", unmap_queued, "the same, queued" },
};

igt_main()
{
	gpu_run_tests(tests, ARRAY_SIZE(tests), init);
}
