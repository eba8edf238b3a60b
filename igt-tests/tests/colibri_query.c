// SPDX-License-Identifier: MIT
/*
 * DRM_IOCTL_COLIBRI_QUERY: what the kernel says about the device.
 */
#include <errno.h>

#include "gpu_test.h"

IGT_TEST_DESCRIPTION("Device query");

static int query(struct gpu *gpu, uint32_t what, uint32_t *size, void *data)
{
	struct drm_colibri_query args = {
		.query = what,
		.size = *size,
		.data = (uintptr_t)data,
	};
	int ret = colibri_ioctl(gpu->dev.fd, DRM_IOCTL_COLIBRI_QUERY, &args);

	*size = args.size;
	return ret;
}

static void size_first(struct gpu *gpu)
{
	uint32_t size = 0;

	igt_assert_eq(query(gpu, DRM_COLIBRI_QUERY_DEVICE, &size, NULL), 0);
	igt_assert_eq_u32(size, sizeof(struct drm_colibri_query_device));
}

/* The kernel has this function with CONFIG_DEVICE_PRIVATE alone. */
static bool has_device_private(void)
{
	return !system("grep -q ' make_device_exclusive' /proc/kallsyms");
}

static void values(struct gpu *gpu)
{
	const struct drm_colibri_query_device *info = &gpu->dev.info;

	igt_assert(info->vram_size >= SVM_BLOCK_SIZE && info->vram_size % SVM_BLOCK_SIZE == 0);
	igt_assert_lte_u64(info->va_user_end, COLIBRI_VA_DRIVER_ZONE);
	igt_assert_lt_u64((uintptr_t)info, info->va_user_end);
	igt_assert_lte_u64(COLIBRI_VA_DRIVER_ZONE, info->va_zone_start);
	igt_assert_lt_u64(info->va_zone_start, info->va_zone_end);
	igt_assert_lte_u64(info->va_zone_end, 1ull << COLIBRI_VA_BITS);
	igt_assert(info->num_cus >= 1);
	igt_assert(info->num_queues >= 1 && info->num_queues < COLIBRI_MAX_QUEUES);
	igt_assert_eq_u32(info->wave_lanes, COLIBRI_WAVE_LANES);
	igt_assert_eq_u32(info->max_wg_items, COLIBRI_MAX_WG_ITEMS);
	igt_assert_eq_u32(info->max_lds, COLIBRI_MAX_LDS);
	igt_assert_eq_u32(info->max_private, COLIBRI_MAX_PRIVATE);
	igt_assert_eq_u32(info->hw_version >> 16, COLIBRI_VERSION >> 16);
	igt_assert(info->svm_flags & DRM_COLIBRI_SVM_MIRROR);
	igt_assert_eq(gpu_migrates(gpu), has_device_private());
	igt_assert_eq_u32(info->pad, 0);
}

static void short_copy(struct gpu *gpu)
{
	struct drm_colibri_query_device info;
	uint32_t size = sizeof(info.vram_size);

	memset(&info, 0xa5, sizeof(info));
	igt_assert_eq(query(gpu, DRM_COLIBRI_QUERY_DEVICE, &size, &info), 0);
	igt_assert_eq_u64(info.vram_size, gpu->dev.info.vram_size);
	igt_assert_eq_u64(info.va_user_end, 0xa5a5a5a5a5a5a5a5ul);
}

static void unknown_query(struct gpu *gpu)
{
	uint32_t size = 0;

	igt_assert_eq(query(gpu, 0x1000, &size, NULL), -EINVAL);
	igt_assert_eq_u32(size, 0);
}

static void bad_pointer(struct gpu *gpu)
{
	uint32_t size = sizeof(struct drm_colibri_query_device);

	igt_assert_eq(query(gpu, DRM_COLIBRI_QUERY_DEVICE, &size, (void *)8), -EFAULT);
}

static const struct gpu_test tests[] = {
	{ "size-first", size_first, "size 0 asks for the size" },
	{ "values", values, "every value is within the hardware's limits" },
	{ "short-copy", short_copy, "a program of an older header gets what it knows" },
	{ "unknown-query", unknown_query, "an unknown query is EINVAL" },
	{ "bad-pointer", bad_pointer, "a bad pointer is EFAULT" },
};

igt_main()
{
	gpu_run_tests(tests, ARRAY_SIZE(tests), gpu_open);
}
