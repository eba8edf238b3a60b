// SPDX-License-Identifier: MIT
/*
 * Buffers: DRM_IOCTL_COLIBRI_GEM_CREATE and GEM_MMAP_OFFSET.
 */
#include <errno.h>
#include <sys/mman.h>

#include <xf86drm.h>

#include "gpu_test.h"

IGT_TEST_DESCRIPTION("Creation and mapping of buffers");

static int create(struct gpu *gpu, struct drm_colibri_gem_create *args)
{
	return colibri_ioctl(gpu->dev.fd, DRM_IOCTL_COLIBRI_GEM_CREATE, args);
}

static bool all_bytes(const uint8_t *bytes, size_t size, uint8_t value)
{
	for (size_t i = 0; i < size; i++)
		if (bytes[i] != value)
			return false;
	return true;
}

static void create_map_write(struct gpu *gpu, uint32_t placement)
{
	struct colibri_bo bo;

	igt_assert_eq(colibri_bo_create(&gpu->dev, 5000, placement, 0, &bo), 0);
	igt_assert_eq_u64(bo.size, 2 * PAGE_SIZE);
	igt_assert(all_bytes(bo.map, bo.size, 0));
	memset(bo.map, 0x5a, bo.size);
	igt_assert(all_bytes(bo.map, bo.size, 0x5a));
	colibri_bo_destroy(&gpu->dev, &bo);
}

static void create_system(struct gpu *gpu)
{
	create_map_write(gpu, DRM_COLIBRI_GEM_SYSTEM);
}

static void create_vram(struct gpu *gpu)
{
	create_map_write(gpu, DRM_COLIBRI_GEM_VRAM);
}

static void create_either(struct gpu *gpu)
{
	create_map_write(gpu, DRM_COLIBRI_GEM_SYSTEM | DRM_COLIBRI_GEM_VRAM);
}

static void create_bad(struct gpu *gpu)
{
	struct drm_colibri_gem_create bad[] = {
		{ .size = 0, .placement = DRM_COLIBRI_GEM_SYSTEM },
		{ .size = 4096, .placement = 0 },
		{ .size = 4096, .placement = 1 << 2 },
		{ .size = 4096, .placement = DRM_COLIBRI_GEM_SYSTEM, .flags = 1 << 1 },
		{ .size = 4096, .placement = DRM_COLIBRI_GEM_SYSTEM, .cpu_caching = 3 },
		{ .size = 4096, .placement = DRM_COLIBRI_GEM_VRAM, .flags = DRM_COLIBRI_GEM_FENCE },
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(bad); i++) {
		igt_debug("row %u\n", i);
		igt_assert_eq(create(gpu, &bad[i]), -EINVAL);
		igt_assert_eq_u32(bad[i].handle, 0);
	}
}

static void too_large(struct gpu *gpu)
{
	for (unsigned int i = 40; i < 64; i++) {
		struct drm_colibri_gem_create args = {
			.size = (2ull << i) - 1, .placement = DRM_COLIBRI_GEM_SYSTEM,
		};

		igt_assert_eq(create(gpu, &args), -ENOMEM);
		args.placement = DRM_COLIBRI_GEM_VRAM;
		igt_assert_eq(create(gpu, &args), -ENOSPC);
		igt_assert_eq_u32(args.handle, 0);
	}
}

static void vram_full(struct gpu *gpu)
{
	struct colibri_bo *bos;
	unsigned int max = gpu->dev.info.vram_size / SVM_BLOCK_SIZE;
	unsigned int count = 0;
	int ret = 0;

	require_small_vram(gpu, 64);
	bos = calloc(max + 1, sizeof(*bos));
	while (count <= max && !ret) {
		ret = colibri_bo_create(&gpu->dev, SVM_BLOCK_SIZE, DRM_COLIBRI_GEM_VRAM, 0, &bos[count]);
		if (!ret)
			memset(bos[count++].map, 0x77, SVM_BLOCK_SIZE);
	}
	igt_assert_eq(ret, -ENOSPC);
	igt_assert(count >= 1);
	for (unsigned int i = 0; i < count; i++)
		colibri_bo_destroy(&gpu->dev, &bos[i]);

	/* What was freed is there again, and nobody's data in it. */
	for (unsigned int i = 0; i < count; i++) {
		igt_assert_eq(colibri_bo_create(&gpu->dev, SVM_BLOCK_SIZE, DRM_COLIBRI_GEM_VRAM, 0, &bos[i]), 0);
		igt_assert(all_bytes(bos[i].map, SVM_BLOCK_SIZE, 0));
	}
	for (unsigned int i = 0; i < count; i++)
		colibri_bo_destroy(&gpu->dev, &bos[i]);
	free(bos);
}

static void mmap_bad(struct gpu *gpu)
{
	struct drm_colibri_gem_mmap_offset args = { .handle = 0x7fff };
	struct colibri_bo bo;
	void *map;

	igt_assert_eq(colibri_ioctl(gpu->dev.fd, DRM_IOCTL_COLIBRI_GEM_MMAP_OFFSET, &args), -ENOENT);

	igt_assert_eq(colibri_bo_create(&gpu->dev, PAGE_SIZE, DRM_COLIBRI_GEM_SYSTEM, 0, &bo), 0);
	args = (struct drm_colibri_gem_mmap_offset) { .handle = bo.handle, .pad = 1 };
	igt_assert_eq(colibri_ioctl(gpu->dev.fd, DRM_IOCTL_COLIBRI_GEM_MMAP_OFFSET, &args), -EINVAL);

	/* Behind the buffer, and where no buffer is */
	args.pad = 0;
	igt_assert_eq(colibri_ioctl(gpu->dev.fd, DRM_IOCTL_COLIBRI_GEM_MMAP_OFFSET, &args), 0);
	map = mmap(NULL, 2 * PAGE_SIZE, PROT_READ, MAP_SHARED, gpu->dev.fd, args.offset);
	igt_assert(map == MAP_FAILED && errno == EINVAL);
	map = mmap(NULL, PAGE_SIZE, PROT_READ, MAP_SHARED, gpu->dev.fd, 1ul << 46);
	igt_assert(map == MAP_FAILED && errno == EINVAL);
	colibri_bo_destroy(&gpu->dev, &bo);
}

static void other_file(struct gpu *gpu)
{
	struct drm_colibri_gem_mmap_offset args;
	struct colibri_device other;
	struct colibri_bo bo;
	void *map;

	igt_assert_eq(colibri_bo_create(&gpu->dev, PAGE_SIZE, DRM_COLIBRI_GEM_SYSTEM, 0, &bo), 0);
	args = (struct drm_colibri_gem_mmap_offset) { .handle = bo.handle };
	igt_assert_eq(colibri_ioctl(gpu->dev.fd, DRM_IOCTL_COLIBRI_GEM_MMAP_OFFSET, &args), 0);

	igt_assert_eq(colibri_device_open(&other, 0), 0);
	map = mmap(NULL, PAGE_SIZE, PROT_READ, MAP_SHARED, other.fd, args.offset);
	igt_assert(map == MAP_FAILED && errno == EACCES);
	igt_assert_eq(colibri_ioctl(other.fd, DRM_IOCTL_COLIBRI_GEM_MMAP_OFFSET, &args), -ENOENT);
	colibri_device_close(&other);
	colibri_bo_destroy(&gpu->dev, &bo);
}

static void map_outlives_handle(struct gpu *gpu)
{
	struct colibri_bo bo;

	igt_assert_eq(colibri_bo_create(&gpu->dev, PAGE_SIZE, DRM_COLIBRI_GEM_VRAM, 0, &bo), 0);
	igt_assert_eq(drmCloseBufferHandle(gpu->dev.fd, bo.handle), 0);
	memset(bo.map, 0x11, bo.size);
	igt_assert(all_bytes(bo.map, bo.size, 0x11));
	munmap(bo.map, bo.size);
}

static const struct gpu_test tests[] = {
	{ "create-system", create_system, "a buffer in system memory: rounded up, zeroed, mappable" },
	{ "create-vram", create_vram, "a buffer in VRAM: rounded up, zeroed, mappable" },
	{ "create-either", create_either, "the kernel chooses the placement" },
	{ "create-bad", create_bad, "each bad field is EINVAL and makes no buffer" },
	{ "too-large", too_large, "sizes beyond all memory: ENOMEM, for VRAM ENOSPC" },
	{ "vram-full", vram_full, "VRAM runs out with ENOSPC, and is zeroed before it is used again" },
	{ "mmap-bad", mmap_bad, "unknown handles and ranges outside the buffer are refused" },
	{ "other-file", other_file, "another open file can neither name nor map the buffer" },
	{ "map-outlives-handle", map_outlives_handle, "a mapping stays valid after its handle is closed" },
};

igt_main()
{
	gpu_run_tests(tests, ARRAY_SIZE(tests), gpu_open);
}
