// SPDX-License-Identifier: MIT
/*
 * What the kernel says about itself: the other queries, GEM_INFO with CPU caching, VM_STATE.
 */
#include <errno.h>
#include <time.h>

#include "gpu_test.h"

IGT_TEST_DESCRIPTION("Limits, memory regions, topology, clocks, buffers and VMs");

#define EITHER	(DRM_COLIBRI_GEM_SYSTEM | DRM_COLIBRI_GEM_VRAM)

static void limits(struct gpu *gpu)
{
	struct drm_colibri_query_limits l;

	igt_assert_eq(colibri_query_limits(&gpu->dev, &l), 0);
	igt_assert(l.max_vms >= 1 && l.max_vms < COLIBRI_MAX_ASIDS);
	igt_assert(l.max_queues >= gpu->dev.info.num_queues);
	igt_assert(l.max_queues_per_group >= 1 && l.max_queues_per_group <= l.max_queues);
	igt_assert_eq_u32(l.min_ring_packets, 16);
	igt_assert_eq_u32(l.max_ring_packets, 65536);
	igt_assert_eq_u32(l.max_priority, 2);
	igt_assert(l.max_exec_items >= 2 && l.max_syncs >= 2 && l.waves_per_queue >= 1);
	igt_assert_eq_u64(l.vram_granule, SVM_BLOCK_SIZE);
	igt_assert_eq_u32(l.pad, 0);
}

/* Rings at the limits can be made, those beyond cannot. */
static void ring_limits(struct gpu *gpu)
{
	struct drm_colibri_query_limits l;
	uint32_t vm, queue;

	igt_assert_eq(colibri_query_limits(&gpu->dev, &l), 0);
	igt_assert_eq(colibri_vm_create(&gpu->dev, &vm), 0);
	igt_assert_eq(colibri_queue_create(&gpu->dev, vm, 0, l.min_ring_packets / 2, &queue), -EINVAL);
	igt_assert_eq(colibri_queue_create(&gpu->dev, vm, 0, l.max_ring_packets * 2, &queue), -EINVAL);
	igt_assert_eq(colibri_queue_create(&gpu->dev, vm, l.max_priority + 1, 16, &queue), -EINVAL);
	igt_assert_eq(colibri_queue_create(&gpu->dev, vm, 0, l.min_ring_packets, &queue), 0);
	igt_assert_eq(colibri_queue_destroy(&gpu->dev, queue), 0);
	igt_assert_eq(colibri_queue_create(&gpu->dev, vm, l.max_priority, l.max_ring_packets, &queue), 0);
	igt_assert_eq(colibri_queue_destroy(&gpu->dev, queue), 0);
	igt_assert_eq(colibri_vm_destroy(&gpu->dev, vm), 0);
}

static struct drm_colibri_mem_region region(struct gpu *gpu, uint32_t placement)
{
	struct drm_colibri_mem_region regions[4];
	uint32_t count = ARRAY_SIZE(regions);

	igt_assert_eq(colibri_query_mem_regions(&gpu->dev, regions, &count), 0);
	igt_assert_eq_u32(count, 2);
	for (unsigned int i = 0; i < count; i++)
		if (regions[i].placement == placement)
			return regions[i];
	igt_assert_f(false, "no region %u\n", placement);
	__builtin_unreachable();
}

static void regions(struct gpu *gpu)
{
	struct drm_colibri_mem_region vram = region(gpu, DRM_COLIBRI_GEM_VRAM), system;
	uint64_t used = vram.used;
	struct colibri_bo bo;

	igt_assert_eq_u64(vram.size, gpu->dev.info.vram_size);
	igt_assert_eq_u64(vram.cpu_visible, vram.size);
	igt_assert_eq_u64(vram.min_page, PAGE_SIZE);
	igt_assert_eq(colibri_bo_create(&gpu->dev, SVM_BLOCK_SIZE, DRM_COLIBRI_GEM_VRAM, 0, &bo), 0);
	igt_assert_eq_u64(region(gpu, DRM_COLIBRI_GEM_VRAM).used, used + SVM_BLOCK_SIZE);
	colibri_bo_destroy(&gpu->dev, &bo);
	igt_assert_eq_u64(region(gpu, DRM_COLIBRI_GEM_VRAM).used, used);

	system = region(gpu, DRM_COLIBRI_GEM_SYSTEM);
	igt_assert_lt_u64(64 * MiB, system.size);
	igt_assert_eq(colibri_bo_create(&gpu->dev, MiB, DRM_COLIBRI_GEM_SYSTEM, 0, &bo), 0);
	igt_assert_eq_u64(region(gpu, DRM_COLIBRI_GEM_SYSTEM).used, system.used + MiB);
	colibri_bo_destroy(&gpu->dev, &bo);
	igt_assert_eq_u64(region(gpu, DRM_COLIBRI_GEM_SYSTEM).used, system.used);
}

static void topology(struct gpu *gpu)
{
	struct drm_colibri_query_topology t;
	struct colibri_node nodes[8];
	int count = colibri_enumerate(nodes, ARRAY_SIZE(nodes));

	igt_assert(count >= 1);
	igt_assert_eq(colibri_query_topology(&gpu->dev, &t), 0);
	igt_assert_eq_u32(t.pci_domain, nodes[0].pci_domain);
	igt_assert_eq_u32(t.pci_bus, nodes[0].pci_bus);
	igt_assert_eq_u32(t.pci_device, nodes[0].pci_device);
	igt_assert_eq_u32(t.pci_function, nodes[0].pci_function);
	igt_assert_eq_u32(t.num_cus, gpu->dev.info.num_cus);
	igt_assert_eq_u32(t.wave_lanes, COLIBRI_WAVE_LANES);
	igt_assert_eq_u32(t.vlen, COLIBRI_VLEN);
	igt_assert(t.num_copy_engines >= 1 && t.numa_node >= -1);
}

static uint64_t now(clockid_t clock)
{
	struct timespec time;

	igt_assert_eq(clock_gettime(clock, &time), 0);
	return time.tv_sec * NSEC_PER_SEC + time.tv_nsec;
}

static void timestamps(struct gpu *gpu)
{
	static const clockid_t clocks[] = { CLOCK_MONOTONIC, CLOCK_MONOTONIC_RAW, CLOCK_BOOTTIME };

	for (unsigned int i = 0; i < ARRAY_SIZE(clocks); i++) {
		struct drm_colibri_query_timestamp a, b;
		uint64_t before = now(clocks[i]);

		igt_assert_eq(colibri_query_timestamp(&gpu->dev, clocks[i], &a), 0);
		igt_assert_eq(colibri_query_timestamp(&gpu->dev, clocks[i], &b), 0);
		igt_assert_lte_u64(before, a.cpu_ns);
		igt_assert_lte_u64(a.cpu_ns, b.cpu_ns);
		igt_assert_lte_u64(b.cpu_ns, now(clocks[i]));
		igt_assert_lt_u64(a.device_ns, b.device_ns);
	}
}

/* A TIMESTAMP packet is on the same clock. */
static void timestamp_packet(struct gpu *gpu)
{
	struct drm_colibri_query_timestamp a, b;
	volatile uint64_t *word;
	union colibri_packet packet;

	gpu_init_buffers_only(gpu);
	word = (uint64_t *)gpu->shared->result;
	packet = colibri_packet_timestamp(gpu_shared_addr(gpu, result));
	igt_assert_eq(colibri_query_timestamp(&gpu->dev, CLOCK_MONOTONIC, &a), 0);
	gpu_submit(gpu, &packet, 1);
	gpu_wait(gpu);
	igt_assert_eq(colibri_query_timestamp(&gpu->dev, CLOCK_MONOTONIC, &b), 0);
	igt_assert_lte_u64(a.device_ns, *word);
	igt_assert_lte_u64(*word, b.device_ns);
}

static void timestamp_bad(struct gpu *gpu)
{
	struct drm_colibri_query_timestamp ts = { .clock = CLOCK_REALTIME };
	uint32_t size = sizeof(ts);

	igt_assert_eq(colibri_query(&gpu->dev, DRM_COLIBRI_QUERY_TIMESTAMP, &ts, &size), -EINVAL);
	ts = (struct drm_colibri_query_timestamp) { .clock = CLOCK_MONOTONIC, .pad = 1 };
	igt_assert_eq(colibri_query(&gpu->dev, DRM_COLIBRI_QUERY_TIMESTAMP, &ts, &size), -EINVAL);
	ts.pad = 0;
	size = 8;
	igt_assert_eq(colibri_query(&gpu->dev, DRM_COLIBRI_QUERY_TIMESTAMP, &ts, &size), -EINVAL);
	size = sizeof(ts);
	igt_assert_eq(colibri_query(&gpu->dev, DRM_COLIBRI_QUERY_TIMESTAMP, (void *)8, &size), -EFAULT);
	size = 0;
	igt_assert_eq(colibri_query(&gpu->dev, DRM_COLIBRI_QUERY_TIMESTAMP, NULL, &size), 0);
	igt_assert_eq_u32(size, sizeof(ts));
}

static void check_bo(struct gpu *gpu, uint32_t placement, uint32_t caching, uint32_t resident,
		     uint32_t expect)
{
	struct drm_colibri_gem_info info;
	struct colibri_bo bo;

	igt_assert_eq(colibri_bo_alloc(&gpu->dev, 5000, placement, 0, caching, &bo), 0);
	igt_assert_eq(colibri_bo_map(&gpu->dev, &bo), 0);
	memset(bo.map, 0x5a, bo.size);
	igt_assert_eq(((uint8_t *)bo.map)[bo.size - 1], 0x5a);
	igt_assert_eq(colibri_bo_get_info(&gpu->dev, bo.handle, &info), 0);
	igt_assert_eq_u32(info.placement, placement);
	igt_assert_eq_u32(info.resident, resident);
	igt_assert_eq_u32(info.flags, 0);
	igt_assert_eq_u32(info.cpu_caching, expect);
	igt_assert_eq_u64(info.size, 8192);
	colibri_bo_destroy(&gpu->dev, &bo);
}

static void gem_info(struct gpu *gpu)
{
	const uint32_t sys = DRM_COLIBRI_GEM_SYSTEM, vram = DRM_COLIBRI_GEM_VRAM;

	check_bo(gpu, sys, DRM_COLIBRI_CACHING_DEFAULT, sys, DRM_COLIBRI_CACHING_WB);
	check_bo(gpu, sys, DRM_COLIBRI_CACHING_WB, sys, DRM_COLIBRI_CACHING_WB);
	check_bo(gpu, sys, DRM_COLIBRI_CACHING_WC, sys, DRM_COLIBRI_CACHING_WC);
	check_bo(gpu, vram, DRM_COLIBRI_CACHING_DEFAULT, vram, DRM_COLIBRI_CACHING_WC);
	check_bo(gpu, vram, DRM_COLIBRI_CACHING_WC, vram, DRM_COLIBRI_CACHING_WC);
	check_bo(gpu, EITHER, DRM_COLIBRI_CACHING_DEFAULT, vram, DRM_COLIBRI_CACHING_WC);
	check_bo(gpu, EITHER, DRM_COLIBRI_CACHING_WC, vram, DRM_COLIBRI_CACHING_WC);
}

static void caching_bad(struct gpu *gpu)
{
	struct colibri_bo bo;

	igt_assert_eq(colibri_bo_alloc(&gpu->dev, 4096, DRM_COLIBRI_GEM_VRAM, 0,
				       DRM_COLIBRI_CACHING_WB, &bo), -EINVAL);
	igt_assert_eq(colibri_bo_alloc(&gpu->dev, 4096, EITHER, 0, DRM_COLIBRI_CACHING_WB, &bo),
		      -EINVAL);
	igt_assert_eq(colibri_bo_alloc(&gpu->dev, 4096, DRM_COLIBRI_GEM_SYSTEM,
				       DRM_COLIBRI_GEM_FENCE, DRM_COLIBRI_CACHING_WC, &bo), -EINVAL);
	igt_assert_eq(colibri_bo_alloc(&gpu->dev, 4096, DRM_COLIBRI_GEM_SYSTEM, 0, 3, &bo), -EINVAL);
}

static void gem_info_bad(struct gpu *gpu)
{
	struct drm_colibri_gem_info info = { .handle = 0x7fff };
	struct colibri_bo bo;

	igt_assert_eq(colibri_ioctl(gpu->dev.fd, DRM_IOCTL_COLIBRI_GEM_INFO, &info), -ENOENT);
	igt_assert_eq(colibri_bo_create(&gpu->dev, 4096, DRM_COLIBRI_GEM_SYSTEM,
					DRM_COLIBRI_GEM_FENCE, &bo), 0);
	info = (struct drm_colibri_gem_info) { .handle = bo.handle, .pad = 1 };
	igt_assert_eq(colibri_ioctl(gpu->dev.fd, DRM_IOCTL_COLIBRI_GEM_INFO, &info), -EINVAL);
	igt_assert_eq(colibri_bo_get_info(&gpu->dev, bo.handle, &info), 0);
	igt_assert_eq_u32(info.flags, DRM_COLIBRI_GEM_FENCE);
	colibri_bo_destroy(&gpu->dev, &bo);
}

static void vm_state(struct gpu *gpu)
{
	struct drm_colibri_vm_state state;

	gpu_init(gpu);
	igt_assert_eq(colibri_vm_get_state(&gpu->dev, gpu->vm, &state), 0);
	igt_assert_eq_u32(state.state, DRM_COLIBRI_VM_OK);
	igt_assert_eq_u32(state.flags, DRM_COLIBRI_VM_MIRRORED);
	igt_assert_eq_u32(state.num_queues, 1);
	igt_assert_eq_u64(state.faults_failed, 0);

	gpu_write_word(gpu, (void *)4096, 1);
	gpu_expect_fault(gpu, (void *)4096, COLIBRI_ACCESS_WRITE, EFAULT);
	igt_assert_eq(colibri_vm_get_state(&gpu->dev, gpu->vm, &state), 0);
	igt_assert_eq_u32(state.state, DRM_COLIBRI_VM_OK);
	igt_assert_eq_u32(state.fault_reason, EFAULT);
	igt_assert_eq_u64(state.fault_addr & ~(PAGE_SIZE - 1), 4096);
	igt_assert_eq_u32(state.fault_access, COLIBRI_ACCESS_WRITE);
	igt_assert_lte_u64(1, state.faults_failed);
	igt_assert_eq(colibri_vm_get_state(&gpu->dev, 0x7fff, &state), -ENOENT);
}

/* The process that made the VM alone may ask. */
static void vm_state_other(struct gpu *gpu)
{
	struct drm_colibri_vm_state state;

	gpu_init(gpu);
	igt_fork(child, 1)
		igt_assert_eq(colibri_vm_get_state(&gpu->dev, gpu->vm, &state), -EACCES);
	igt_waitchildren_timeout(GPU_TIMEOUT_S, "the child asks");
}

static const struct gpu_test tests[] = {
	{ "limits", limits, "every limit is within the hardware's" },
	{ "ring-limits", ring_limits, "what the limits allow can be had, and no more" },
	{ "regions", regions, "regions count what buffers use" },
	{ "topology", topology, "where the device is" },
	{ "timestamps", timestamps, "the device's clock next to each clock of the CPU" },
	{ "timestamp-packet", timestamp_packet, "TIMESTAMP packets use that clock" },
	{ "timestamp-bad", timestamp_bad, "other clocks and sizes are EINVAL" },
	{ "gem-info", gem_info, "placement, residence and caching of each kind of buffer" },
	{ "caching-bad", caching_bad, "caching that cannot be had is EINVAL" },
	{ "gem-info-bad", gem_info_bad, "unknown handles and padding are refused" },
	{ "vm-state", vm_state, "VM_STATE tells of the last fault that failed" },
	{ "vm-state-other", vm_state_other, "and only to the process that made the VM" },
};

igt_main()
{
	gpu_run_tests(tests, ARRAY_SIZE(tests), gpu_open);
}
