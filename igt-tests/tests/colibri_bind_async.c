// SPDX-License-Identifier: MIT
/*
 * VM_BIND with syncs: later, in order, or never.
 */
#include <errno.h>
#include <signal.h>
#include <unistd.h>

#include "jobs.h"

IGT_TEST_DESCRIPTION("Bindings that take effect later, and prefetch of bindings");

#define SHORT	(200 * NSEC_PER_MSEC)
#define LONG	(GPU_TIMEOUT_S * NSEC_PER_SEC)

static int bind(struct gpu *gpu, uint32_t op, const struct colibri_bo *bo, uint64_t addr,
		const struct drm_colibri_sync *syncs, uint32_t num_syncs)
{
	struct drm_colibri_vm_bind args = {
		.vm_id = gpu->vm,
		.op = op,
		.handle = bo ? bo->handle : 0,
		.addr = addr,
		.range = 64 * KiB,
		.syncs = (uintptr_t)syncs,
		.num_syncs = num_syncs,
	};

	return colibri_vm_bind(&gpu->dev, &args);
}

static struct colibri_bo new_bo(struct gpu *gpu, uint64_t value)
{
	struct colibri_bo bo;

	igt_assert_eq(colibri_bo_create(&gpu->dev, 64 * KiB, DRM_COLIBRI_GEM_SYSTEM, 0, &bo), 0);
	*(uint64_t *)bo.map = value;
	return bo;
}

static void later(struct gpu *gpu)
{
	struct colibri_bo bo = new_bo(gpu, 101);
	struct drm_colibri_sync syncs[2];
	struct gate gate;

	gate_init(gpu, &gate);
	syncs[0] = wait_syncobj(gate.syncobj, 0);
	syncs[1] = signal_syncobj(syncobj_new(gpu, false), 0);
	igt_assert_eq(bind(gpu, DRM_COLIBRI_VM_BIND_OP_MAP, &bo, gpu->next_addr, syncs, 2), 0);
	igt_assert_eq(syncobj_wait(gpu, syncs[1].handle, 0, SHORT), -ETIME);
	igt_assert_eq_u64(job_probe(gpu, gpu->next_addr), UINT64_MAX);
	gate_open(gpu);
	igt_assert_eq(syncobj_status(gpu, syncs[1].handle), 0);
	igt_assert_eq_u64(job_probe(gpu, gpu->next_addr), 101);
	gate_fini(gpu, &gate);
	colibri_bo_destroy(&gpu->dev, &bo);
}

/* A job may be queued before what it needs is bound. */
static void job_waits_for_bind(struct gpu *gpu)
{
	struct colibri_bo bo = new_bo(gpu, 102);
	struct drm_colibri_sync syncs[2], job[2];
	struct gate gate;

	gate_init(gpu, &gate);
	syncs[0] = wait_syncobj(gate.syncobj, 0);
	syncs[1] = signal_syncobj(syncobj_new(gpu, false), 0);
	job[0] = wait_syncobj(syncs[1].handle, 0);
	job[1] = signal_syncobj(syncobj_new(gpu, false), 0);
	igt_assert_eq(bind(gpu, DRM_COLIBRI_VM_BIND_OP_MAP, &bo, gpu->next_addr, syncs, 2), 0);
	igt_assert_eq(job_read(gpu, gpu->next_addr, job, 2), 0);
	gate_open(gpu);
	igt_assert_eq(syncobj_status(gpu, job[1].handle), 0);
	igt_assert_eq_u64(job_word(gpu, 0), 102);
	gate_fini(gpu, &gate);
	colibri_bo_destroy(&gpu->dev, &bo);
}

/* Map, replace, unmap, map: each after the one before it; the call without syncs, too. */
static void in_order(struct gpu *gpu)
{
	struct colibri_bo one = new_bo(gpu, 1), two = new_bo(gpu, 2);
	uint64_t addr = gpu->next_addr;
	struct drm_colibri_sync sync, out;
	struct gate gate;

	gate_init(gpu, &gate);
	sync = wait_syncobj(gate.syncobj, 0);
	out = signal_syncobj(syncobj_new(gpu, false), 0);
	igt_assert_eq(bind(gpu, DRM_COLIBRI_VM_BIND_OP_MAP, &one, addr, &sync, 1), 0);
	igt_assert_eq(bind(gpu, DRM_COLIBRI_VM_BIND_OP_MAP, &two, addr, &out, 1), 0);
	igt_assert_eq(syncobj_wait(gpu, out.handle, 0, SHORT), -ETIME);
	gate_open(gpu);
	igt_assert_eq(bind(gpu, DRM_COLIBRI_VM_BIND_OP_MAP, &one, addr + 64 * KiB, NULL, 0), 0);
	igt_assert_eq(syncobj_wait(gpu, out.handle, 0, 0), 0);
	igt_assert_eq_u64(job_probe(gpu, addr), 2);
	igt_assert_eq_u64(job_probe(gpu, addr + 64 * KiB), 1);
	igt_assert_eq(bind(gpu, DRM_COLIBRI_VM_BIND_OP_UNMAP, NULL, addr, &out, 1), 0);
	igt_assert_eq(syncobj_status(gpu, out.handle), 0);
	igt_assert_eq_u64(job_probe(gpu, addr), UINT64_MAX);
	igt_assert_eq_u64(job_probe(gpu, addr + 64 * KiB), 1);
	gate_fini(gpu, &gate);
	colibri_bo_destroy(&gpu->dev, &one);
	colibri_bo_destroy(&gpu->dev, &two);
}

static void cut(struct gpu *gpu)
{
	struct colibri_bo one = new_bo(gpu, 1), two = new_bo(gpu, 2);
	uint64_t addr = gpu->next_addr;
	struct drm_colibri_vm_bind hole = {
		.vm_id = gpu->vm, .op = DRM_COLIBRI_VM_BIND_OP_MAP, .handle = two.handle,
		.addr = addr + 16 * KiB, .range = 16 * KiB, .num_syncs = 1,
	};
	struct drm_colibri_sync out = signal_syncobj(syncobj_new(gpu, false), 0);

	for (unsigned int i = 0; i < 16; i++)
		((uint64_t *)one.map)[i * 512] = 10 + i;
	igt_assert_eq(bind(gpu, DRM_COLIBRI_VM_BIND_OP_MAP, &one, addr, &out, 1), 0);
	hole.syncs = (uintptr_t)&out;
	igt_assert_eq(colibri_vm_bind(&gpu->dev, &hole), 0);
	igt_assert_eq(syncobj_status(gpu, out.handle), 0);
	igt_assert_eq_u64(job_probe(gpu, addr + 12 * KiB), 13);
	igt_assert_eq_u64(job_probe(gpu, addr + 16 * KiB), 2);
	igt_assert_eq_u64(job_probe(gpu, addr + 32 * KiB), 18);
	colibri_bo_destroy(&gpu->dev, &one);
	colibri_bo_destroy(&gpu->dev, &two);
}

static void user_out(struct gpu *gpu)
{
	struct drm_colibri_sync sync = colibri_sync_user(&gpu->fence, 256, 9);
	struct colibri_bo bo = new_bo(gpu, 103);

	igt_assert_eq(bind(gpu, DRM_COLIBRI_VM_BIND_OP_MAP, &bo, gpu->next_addr, &sync, 1), 0);
	igt_assert_eq(colibri_fence_wait(&gpu->dev, &gpu->fence, 256, DRM_COLIBRI_WAIT_EQ, 9, 0,
					 LONG), 0);
	igt_assert_eq_u64(job_probe(gpu, gpu->next_addr), 103);
	colibri_bo_destroy(&gpu->dev, &bo);
}

/* The VM goes while binds are queued: their fences end with ECANCELED. */
static void cancelled(struct gpu *gpu)
{
	struct drm_colibri_sync map[2], unmap;
	struct colibri_bo bo = new_bo(gpu, 104), old = new_bo(gpu, 105);
	struct gpu vm = *gpu;
	struct gate gate;

	igt_assert_eq(colibri_vm_create(&gpu->dev, &vm.vm), 0);
	igt_assert_eq(bind(&vm, DRM_COLIBRI_VM_BIND_OP_MAP, &old, gpu->next_addr, NULL, 0), 0);
	gate_init(gpu, &gate);
	map[0] = wait_syncobj(gate.syncobj, 0);
	map[1] = signal_syncobj(syncobj_new(gpu, false), 0);
	unmap = signal_syncobj(syncobj_new(gpu, false), 0);
	igt_assert_eq(bind(&vm, DRM_COLIBRI_VM_BIND_OP_MAP, &bo, gpu->next_addr, map, 2), 0);
	igt_assert_eq(bind(&vm, DRM_COLIBRI_VM_BIND_OP_UNMAP, NULL, gpu->next_addr, &unmap, 1), 0);
	igt_assert_eq(colibri_vm_destroy(&gpu->dev, vm.vm), 0);
	gate_open(gpu);
	igt_assert_eq(syncobj_status(gpu, map[1].handle), -ECANCELED);
	igt_assert_eq(syncobj_status(gpu, unmap.handle), -ECANCELED);
	gate_fini(gpu, &gate);
	colibri_bo_destroy(&gpu->dev, &bo);
	colibri_bo_destroy(&gpu->dev, &old);
}

static void killed(struct gpu *gpu)
{
	struct steps *steps = steps_new();

	fork_victim() {
		struct gpu own = { 0 };
		struct drm_colibri_sync sync;
		struct colibri_bo bo;
		struct gate gate;

		gpu_init_fenced(&own);
		bo = new_bo(&own, 1);
		gate_init(&own, &gate);
		sync = wait_syncobj(gate.syncobj, 0);
		for (unsigned int i = 0; i < 20; i++)
			igt_assert_eq(bind(&own, DRM_COLIBRI_VM_BIND_OP_MAP, &bo,
					   own.next_addr + i * MiB, &sync, 1), 0);
		steps_done(steps, 1);
		for (;;)
			pause();
	}
	steps_wait(steps, 1);
	kill_victim();
	later(gpu);
}

static void bad(struct gpu *gpu)
{
	struct drm_colibri_sync out = signal_syncobj(syncobj_new(gpu, false), 0);
	struct drm_colibri_sync syncs[2] = { out, wait_syncobj(out.handle, 0) };
	struct colibri_bo bo = new_bo(gpu, 106);
	struct drm_colibri_vm_bind args;
	uint32_t vm;

	/* Nothing to wait for */
	igt_assert_eq(bind(gpu, DRM_COLIBRI_VM_BIND_OP_MAP, &bo, gpu->next_addr, syncs, 2), -EINVAL);
	igt_assert_eq(bind(gpu, DRM_COLIBRI_VM_BIND_OP_MAP, &bo, gpu->next_addr, syncs, 1000), -EINVAL);
	igt_assert_eq(bind(gpu, DRM_COLIBRI_VM_BIND_OP_MAP, &bo, gpu->next_addr, (void *)8, 1), -EFAULT);
	igt_assert_eq(bind(gpu, DRM_COLIBRI_VM_BIND_OP_MAP, &bo, 0, &out, 1), -EINVAL);
	igt_assert_eq(bind(gpu, 4, NULL, gpu->next_addr, &out, 1), -EINVAL);
	igt_assert_eq(bind(gpu, DRM_COLIBRI_VM_BIND_OP_UNMAP, &bo, gpu->next_addr, &out, 1), -EINVAL);

	/* Memory of the process can be waited for, so it has no fence. */
	igt_assert_eq(colibri_vm_create(&gpu->dev, &vm), 0);
	args = (struct drm_colibri_vm_bind) {
		.vm_id = vm, .op = DRM_COLIBRI_VM_BIND_OP_MIRROR, .num_syncs = 1,
		.syncs = (uintptr_t)&out,
	};
	igt_assert_eq(colibri_vm_bind(&gpu->dev, &args), -EINVAL);
	args.op = DRM_COLIBRI_VM_BIND_OP_PREFETCH;
	args.addr = (uintptr_t)bo.map;
	args.range = 64 * KiB;
	igt_assert_eq(colibri_vm_bind(&gpu->dev, &args), -EINVAL);
	args.num_syncs = 0;
	args.syncs = 0;
	igt_assert_eq(colibri_vm_bind(&gpu->dev, &args), -EINVAL); /* no mirror */
	igt_assert_eq(colibri_vm_destroy(&gpu->dev, vm), 0);

	igt_assert_eq(syncobj_wait(gpu, out.handle, 0, 0), -EINVAL);
	igt_assert_eq_u64(job_probe(gpu, gpu->next_addr), UINT64_MAX);
	colibri_bo_destroy(&gpu->dev, &bo);
}

static uint32_t resident(struct gpu *gpu, const struct colibri_bo *bo)
{
	struct drm_colibri_gem_info info;

	igt_assert_eq(colibri_bo_get_info(&gpu->dev, bo->handle, &info), 0);
	return info.resident;
}

static void prefetch(struct gpu *gpu)
{
	struct drm_colibri_sync out = signal_syncobj(syncobj_new(gpu, false), 0);
	struct drm_colibri_vm_bind args = {
		.vm_id = gpu->vm, .op = DRM_COLIBRI_VM_BIND_OP_PREFETCH,
		.syncs = (uintptr_t)&out, .num_syncs = 1,
	};
	struct colibri_bo bo;

	args.addr = gpu_bind_bo(gpu, &bo, 2 * MiB, DRM_COLIBRI_GEM_SYSTEM | DRM_COLIBRI_GEM_VRAM, 0, 0);
	args.range = bo.size;
	*(uint64_t *)bo.map = 107;
	igt_assert_eq_u32(resident(gpu, &bo), DRM_COLIBRI_GEM_VRAM);
	args.location = DRM_COLIBRI_SVM_LOC_SYSTEM;
	igt_assert_eq(colibri_vm_bind(&gpu->dev, &args), 0);
	igt_assert_eq(syncobj_status(gpu, out.handle), 0);
	igt_assert_eq_u32(resident(gpu, &bo), DRM_COLIBRI_GEM_SYSTEM);
	igt_assert_eq_u64(job_probe(gpu, args.addr), 107);
	igt_assert_eq_u32(resident(gpu, &bo), DRM_COLIBRI_GEM_SYSTEM);
	*(uint64_t *)bo.map = 108;
	args.location = DRM_COLIBRI_SVM_LOC_VRAM;
	igt_assert_eq(colibri_vm_bind(&gpu->dev, &args), 0);
	igt_assert_eq_u32(resident(gpu, &bo), DRM_COLIBRI_GEM_VRAM);
	igt_assert_eq_u64(job_probe(gpu, args.addr), 108);
	igt_assert_eq_u64(*(uint64_t *)bo.map, 108);
	args.location = 2;
	igt_assert_eq(colibri_vm_bind(&gpu->dev, &args), -EINVAL);
	colibri_bo_destroy(&gpu->dev, &bo);
}

static const struct gpu_test tests[] = {
	{ "later", later, "a binding takes effect when what it waits for has signalled" },
	{ "job-waits-for-bind", job_waits_for_bind, "a job may be queued before its buffer is bound" },
	{ "in-order", in_order, "binds of a VM happen in the order of the calls" },
	{ "cut", cut, "a queued bind cuts one that is queued" },
	{ "user-out", user_out, "a bind writes a word of a fence buffer" },
	{ "cancelled", cancelled, "binds of a VM that is destroyed end with ECANCELED" },
	{ "killed", killed, "a killed process leaves no bind behind" },
	{ "bad", bad, "each bad call has its errno and changes nothing" },
	{ "prefetch", prefetch, "PREFETCH moves a buffer either way, with its data" },
};

igt_main()
{
	gpu_run_tests(tests, ARRAY_SIZE(tests), gpu_init_fenced);
}
