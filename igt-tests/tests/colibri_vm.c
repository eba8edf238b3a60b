// SPDX-License-Identifier: MIT
/*
 * GPU address spaces: DRM_IOCTL_COLIBRI_VM_CREATE, VM_DESTROY and VM_BIND of
 * buffers and of the mirror.
 */
#include <errno.h>

#include "gpu_program.h"
#include "gpu_test.h"

IGT_TEST_DESCRIPTION("VMs and bindings");

static int bind(struct gpu *gpu, const struct drm_colibri_vm_bind *args)
{
	struct drm_colibri_vm_bind copy = *args;

	return colibri_ioctl(gpu->dev.fd, DRM_IOCTL_COLIBRI_VM_BIND, &copy);
}

/* The GPU's view of a 64-bit word. */
static uint64_t gpu_peek(struct gpu *gpu, uint64_t addr)
{
	struct scalar_args args = {
		.addr = addr,
		.out = gpu_shared_addr(gpu, result),
	};

	gpu_run(gpu, "scalar_read", &args, sizeof(args), 1);
	return *(uint64_t *)gpu->shared->result;
}

static void gpu_poke(struct gpu *gpu, uint64_t addr, uint64_t value)
{
	struct scalar_args args = { .addr = addr, .value = value };

	gpu_launch(gpu, "scalar_write", &args, sizeof(args), 1);
}

static void launch_peek(struct gpu *gpu, uint64_t addr)
{
	struct scalar_args args = { .addr = addr, .out = gpu_shared_addr(gpu, result) };

	gpu_launch(gpu, "scalar_read", &args, sizeof(args), 1);
}

static void create_bad(struct gpu *gpu)
{
	struct drm_colibri_vm_create args = { .flags = 1 << 1 };

	igt_assert_eq(colibri_ioctl(gpu->dev.fd, DRM_IOCTL_COLIBRI_VM_CREATE, &args), -EINVAL);
	igt_assert_eq_u32(args.vm_id, 0);
}

static void create_all(struct gpu *gpu)
{
	uint32_t vms[COLIBRI_MAX_ASIDS];
	unsigned int count = 0;
	int ret = 0;

	while (count < COLIBRI_MAX_ASIDS && !ret) {
		ret = colibri_vm_create(&gpu->dev, &vms[count]);
		if (!ret)
			count++;
	}
	igt_assert_eq(ret, -ENOSPC);
	igt_assert(count >= 8);
	for (unsigned int i = 0; i < count; i++)
		igt_assert_eq(colibri_vm_destroy(&gpu->dev, vms[i]), 0);
	igt_assert_eq(colibri_vm_create(&gpu->dev, &vms[0]), 0);
	igt_assert_eq(colibri_vm_destroy(&gpu->dev, vms[0]), 0);
}

static void destroy_bad(struct gpu *gpu)
{
	struct drm_colibri_vm_destroy args = { .vm_id = gpu->vm, .pad = 1 };
	uint32_t vm;

	igt_assert_eq(colibri_ioctl(gpu->dev.fd, DRM_IOCTL_COLIBRI_VM_DESTROY, &args), -EINVAL);
	igt_assert_eq(colibri_vm_destroy(&gpu->dev, 0), -ENOENT);
	igt_assert_eq(colibri_vm_destroy(&gpu->dev, 0x7fffffff), -ENOENT);

	igt_assert_eq(colibri_vm_create(&gpu->dev, &vm), 0);
	igt_assert_eq(colibri_vm_destroy(&gpu->dev, vm), 0);
	igt_assert_eq(colibri_vm_destroy(&gpu->dev, vm), -ENOENT);
}

static void destroy_busy(struct gpu *gpu)
{
	igt_assert_eq(colibri_vm_destroy(&gpu->dev, gpu->vm), -EBUSY);
	gpu_poke(gpu, gpu_shared_addr(gpu, result), 42);
	gpu_wait(gpu);
	igt_assert_eq_u64(*(uint64_t *)gpu->shared->result, 42);
}

static void bind_bad(struct gpu *gpu)
{
	const struct drm_colibri_query_device *info = &gpu->dev.info;
	struct colibri_bo bo;
	uint64_t addr = gpu_bind_bo(gpu, &bo, 4 * PAGE_SIZE, DRM_COLIBRI_GEM_SYSTEM, 0, 0);
	const struct drm_colibri_vm_bind good = {
		.vm_id = gpu->vm, .op = DRM_COLIBRI_VM_BIND_OP_MAP, .handle = bo.handle,
		.addr = addr, .range = bo.size,
	};
	struct drm_colibri_vm_bind bad[] = {
		good, good, good, good, good, good, good, good, good, good, good, good,
	};

	bad[0].op = 0x77;
	bad[1].flags = 1 << 2;
	bad[2].addr += 1;
	bad[3].bo_offset = 8;
	bad[4].range -= 1;
	bad[5].range = 0;
	bad[6].range = 8 * PAGE_SIZE;		/* behind the buffer */
	bad[7].bo_offset = ~(PAGE_SIZE - 1);	/* wraps around */
	bad[8].addr = 0x100000;			/* the process's half */
	bad[9].addr = info->va_zone_end - PAGE_SIZE;
	bad[10].addr = info->va_zone_end;	/* the driver's own */
	bad[11].addr = info->va_zone_start - PAGE_SIZE;

	*(uint64_t *)bo.map = 0x1234;
	for (unsigned int i = 0; i < ARRAY_SIZE(bad); i++) {
		igt_debug("row %u\n", i);
		igt_assert_eq(bind(gpu, &bad[i]), -EINVAL);
	}
	bad[0] = good;
	bad[0].handle = 0x7fff;
	igt_assert_eq(bind(gpu, &bad[0]), -ENOENT);
	bad[0] = good;
	bad[0].vm_id = 0x7fffffff;
	igt_assert_eq(bind(gpu, &bad[0]), -ENOENT);

	igt_assert_eq_u64(gpu_peek(gpu, addr), 0x1234);
	colibri_bo_destroy(&gpu->dev, &bo);
}

static void unmap_bad(struct gpu *gpu)
{
	const struct drm_colibri_vm_bind good = {
		.vm_id = gpu->vm, .op = DRM_COLIBRI_VM_BIND_OP_UNMAP,
		.addr = gpu->shared_addr, .range = PAGE_SIZE,
	};
	struct drm_colibri_vm_bind bad[] = { good, good, good, good, good, good };

	bad[0].handle = gpu->shared_bo.handle;
	bad[1].flags = DRM_COLIBRI_VM_BIND_READONLY;
	bad[2].bo_offset = PAGE_SIZE;
	bad[3].addr += 8;
	bad[4].range = 0;
	bad[5].range = ~(PAGE_SIZE - 1);
	for (unsigned int i = 0; i < ARRAY_SIZE(bad); i++) {
		igt_debug("row %u\n", i);
		igt_assert_eq(bind(gpu, &bad[i]), -EINVAL);
	}
	igt_assert_eq_u64(gpu_peek(gpu, gpu->shared_addr), gpu->shared->mail.progress);
}

static void mirror_bad(struct gpu *gpu)
{
	const struct drm_colibri_vm_bind good = {
		.vm_id = gpu->vm, .op = DRM_COLIBRI_VM_BIND_OP_MIRROR,
	};
	struct drm_colibri_vm_bind bad[] = { good, good, good, good, good };

	bad[0].addr = PAGE_SIZE;
	bad[1].range = PAGE_SIZE;
	bad[2].handle = gpu->shared_bo.handle;
	bad[3].bo_offset = PAGE_SIZE;
	bad[4].flags = DRM_COLIBRI_VM_BIND_READONLY;
	for (unsigned int i = 0; i < ARRAY_SIZE(bad); i++) {
		igt_debug("row %u\n", i);
		igt_assert_eq(bind(gpu, &bad[i]), -EINVAL);
	}
	igt_assert_eq(bind(gpu, &good), 0);
	igt_assert_eq(bind(gpu, &good), -EEXIST);
}

static void bind_data(struct gpu *gpu, uint32_t placement)
{
	struct colibri_bo bo;
	uint64_t addr = gpu_bind_bo(gpu, &bo, SVM_BLOCK_SIZE, placement, 0, 0);

	cpu_ramp_write(bo.map, bo.size, 7);
	igt_assert_eq_u64(gpu_ramp_errors(gpu, (void *)addr, bo.size, 7), 0);
	gpu_ramp_add(gpu, (void *)addr, bo.size, 100);
	igt_assert_eq_u64(cpu_ramp_errors(bo.map, bo.size, 107), 0);
	igt_assert_eq(colibri_vm_unmap(&gpu->dev, gpu->vm, addr, bo.size), 0);
	colibri_bo_destroy(&gpu->dev, &bo);
}

static void bind_system(struct gpu *gpu)
{
	bind_data(gpu, DRM_COLIBRI_GEM_SYSTEM);
}

static void bind_vram(struct gpu *gpu)
{
	bind_data(gpu, DRM_COLIBRI_GEM_VRAM);
}

static void bind_offset(struct gpu *gpu)
{
	struct colibri_bo bo;
	uint64_t addr = gpu_bind_bo(gpu, &bo, 4 * PAGE_SIZE, DRM_COLIBRI_GEM_SYSTEM, 0, 0);
	uint64_t window = addr + MiB;
	struct drm_colibri_vm_bind args = {
		.vm_id = gpu->vm, .handle = bo.handle, .bo_offset = 2 * PAGE_SIZE,
		.addr = window, .range = PAGE_SIZE,
	};

	gpu->next_addr += MiB;
	igt_assert_eq(bind(gpu, &args), 0);
	gpu_poke(gpu, window + 8, 99);
	gpu_wait(gpu);
	igt_assert_eq_u64(((uint64_t *)bo.map)[2 * PAGE_SIZE / 8 + 1], 99);
	igt_assert_eq_u64(gpu_peek(gpu, addr + 2 * PAGE_SIZE + 8), 99);
	colibri_bo_destroy(&gpu->dev, &bo);
}

static void bind_replace(struct gpu *gpu)
{
	struct colibri_bo first, second;
	uint64_t addr = gpu_bind_bo(gpu, &first, 4 * PAGE_SIZE, DRM_COLIBRI_GEM_SYSTEM, 0, 0);
	struct drm_colibri_vm_bind args;

	igt_assert_eq(colibri_bo_create(&gpu->dev, PAGE_SIZE, DRM_COLIBRI_GEM_SYSTEM, 0, &second), 0);
	for (unsigned int page = 0; page < 4; page++)
		((uint64_t *)first.map)[page * PAGE_SIZE / 8] = page;
	*(uint64_t *)second.map = 0x22;
	igt_assert_eq_u64(gpu_peek(gpu, addr + PAGE_SIZE), 1);

	args = (struct drm_colibri_vm_bind) {
		.vm_id = gpu->vm, .handle = second.handle, .addr = addr + PAGE_SIZE, .range = PAGE_SIZE,
	};
	igt_assert_eq(bind(gpu, &args), 0);
	igt_assert_eq_u64(gpu_peek(gpu, addr), 0);
	igt_assert_eq_u64(gpu_peek(gpu, addr + PAGE_SIZE), 0x22);
	igt_assert_eq_u64(gpu_peek(gpu, addr + 2 * PAGE_SIZE), 2);
	igt_assert_eq_u64(gpu_peek(gpu, addr + 3 * PAGE_SIZE), 3);
	colibri_bo_destroy(&gpu->dev, &second);
	colibri_bo_destroy(&gpu->dev, &first);
}

static void unmap_part(struct gpu *gpu)
{
	struct colibri_bo bo;
	uint64_t addr = gpu_bind_bo(gpu, &bo, 3 * PAGE_SIZE, DRM_COLIBRI_GEM_SYSTEM, 0, 0);

	for (unsigned int page = 0; page < 3; page++)
		((uint64_t *)bo.map)[page * PAGE_SIZE / 8] = 10 + page;
	igt_assert_eq_u64(gpu_peek(gpu, addr + PAGE_SIZE), 11);
	igt_assert_eq(colibri_vm_unmap(&gpu->dev, gpu->vm, addr + PAGE_SIZE, PAGE_SIZE), 0);
	igt_assert_eq_u64(gpu_peek(gpu, addr), 10);
	igt_assert_eq_u64(gpu_peek(gpu, addr + 2 * PAGE_SIZE), 12);

	launch_peek(gpu, addr + PAGE_SIZE);
	gpu_expect_fault(gpu, (void *)(addr + PAGE_SIZE), COLIBRI_ACCESS_READ, EFAULT);
	gpu_new_queue(gpu);
	colibri_bo_destroy(&gpu->dev, &bo);
}

static void read_only(struct gpu *gpu)
{
	struct colibri_bo bo;
	uint64_t addr = gpu_bind_bo(gpu, &bo, PAGE_SIZE, DRM_COLIBRI_GEM_SYSTEM, 0,
				    DRM_COLIBRI_VM_BIND_READONLY);

	*(uint64_t *)bo.map = 5;
	igt_assert_eq_u64(gpu_peek(gpu, addr), 5);
	gpu_poke(gpu, addr, 6);
	gpu_expect_fault(gpu, (void *)addr, COLIBRI_ACCESS_WRITE, EACCES);
	igt_assert_eq_u64(*(uint64_t *)bo.map, 5);
	gpu_new_queue(gpu);
	colibri_bo_destroy(&gpu->dev, &bo);
}

static void no_exec(struct gpu *gpu)
{
	struct colibri_bo bo;
	uint64_t addr = gpu_bind_bo(gpu, &bo, gpu_program_size(), DRM_COLIBRI_GEM_SYSTEM, 0, 0);
	struct scalar_args args = { .addr = addr + gpu_program_entry("scalar_read") };

	gpu_program_load(bo.map, addr);
	gpu_launch(gpu, "jump", &args, sizeof(args), 1);
	gpu_expect_fault(gpu, (void *)args.addr, COLIBRI_ACCESS_EXEC, EACCES);
	gpu_new_queue(gpu);
	colibri_bo_destroy(&gpu->dev, &bo);
}

static void no_mirror(struct gpu *gpu)
{
	uint64_t word = 3;

	launch_peek(gpu, (uintptr_t)&word);
	gpu_expect_fault(gpu, &word, COLIBRI_ACCESS_READ, EFAULT);
	gpu_new_queue(gpu);
}

static void closed_handle(struct gpu *gpu)
{
	struct colibri_bo bo;
	uint64_t addr = gpu_bind_bo(gpu, &bo, PAGE_SIZE, DRM_COLIBRI_GEM_SYSTEM, 0, 0);

	*(uint64_t *)bo.map = 0x77;
	colibri_bo_destroy(&gpu->dev, &bo);
	igt_assert_eq_u64(gpu_peek(gpu, addr), 0x77);
}

static const struct gpu_test tests[] = {
	{ "create-bad", create_bad, "unknown flags are EINVAL" },
	{ "create-all", create_all, "address-space IDs run out with ENOSPC and come back" },
	{ "destroy-bad", destroy_bad, "unknown VMs are ENOENT, padding is checked" },
	{ "destroy-busy", destroy_busy, "a VM with a queue is EBUSY and works on" },
	{ "bind-bad", bind_bad, "each bad field of a MAP is refused, what is bound stays" },
	{ "unmap-bad", unmap_bad, "each bad field of an UNMAP is refused, what is bound stays" },
	{ "mirror-bad", mirror_bad, "MIRROR takes no range, and only once" },
	{ "bind-system", bind_system, "the GPU reads and writes a system-memory buffer" },
	{ "bind-vram", bind_vram, "the GPU reads and writes a VRAM buffer" },
	{ "bind-offset", bind_offset, "a part of a buffer, and two bindings of one page" },
	{ "bind-replace", bind_replace, "MAP over a binding replaces just that part" },
	{ "unmap-part", unmap_part, "UNMAP of a middle page: it faults, its neighbours stay" },
	{ "read-only", read_only, "a READONLY binding refuses the write, data unchanged" },
	{ "no-exec", no_exec, "code runs only where EXEC was given" },
	{ "no-mirror", no_mirror, "a VM without mirror knows no process memory" },
	{ "closed-handle", closed_handle, "a binding keeps its buffer after the handle is closed" },
};

igt_main()
{
	gpu_run_tests(tests, ARRAY_SIZE(tests), gpu_init_buffers_only);
}
