// SPDX-License-Identifier: MIT
/*
 * Dispatches: grids, work-groups, local and private memory, barriers, atomics.
 * All data is in buffers; colibri_svm* is about the process's memory.
 */
#include "gpu_test.h"

IGT_TEST_DESCRIPTION("Dispatches");

static uint32_t *result(struct gpu *gpu)
{
	return (uint32_t *)gpu->shared->result;
}

static void dispatch(struct gpu *gpu, const char *kernel, const void *args, size_t size,
		     const uint32_t grid[3], const uint16_t group[3], uint32_t local,
		     uint32_t private)
{
	union colibri_packet packet = colibri_packet_dispatch(gpu_kernel(gpu, kernel),
							      gpu_put_args(gpu, args, size), 0, 0);

	packet.dispatch.setup = 3;
	packet.dispatch.group_size = local;
	packet.dispatch.private_size = private;
	for (unsigned int d = 0; d < 3; d++) {
		packet.dispatch.wg_size[d] = group[d];
		packet.dispatch.grid_size[d] = grid[d];
	}
	gpu_submit(gpu, &packet, 1);
	gpu_wait(gpu);
}

/* The flat index in its group of a work-item, by the text of the specification. */
static uint32_t flat_in_group(const uint32_t item[3], const uint32_t grid[3], const uint16_t group[3])
{
	uint32_t size[3], id[3];

	for (unsigned int d = 0; d < 3; d++) {
		uint32_t first = item[d] / group[d] * group[d];

		id[d] = item[d] - first;
		size[d] = grid[d] - first < group[d] ? grid[d] - first : group[d];
	}
	return id[0] + size[0] * (id[1] + size[1] * id[2]);
}

static void check_ids(struct gpu *gpu, const uint32_t grid[3], const uint16_t group[3])
{
	struct ids_args args = { .out = gpu_shared_addr(gpu, result) };
	uint32_t *out = result(gpu);
	uint32_t count = grid[0] * grid[1] * grid[2];
	uint32_t item[3];

	memset(out, 0, (count + 64) * sizeof(*out));
	dispatch(gpu, "item_ids", &args, sizeof(args), grid, group, 0, 0);
	for (uint32_t i = 0; i < count; i++) {
		item[0] = i % grid[0];
		item[1] = i / grid[0] % grid[1];
		item[2] = i / grid[0] / grid[1];
		igt_assert_eq_u32(out[i], flat_in_group(item, grid, group) + 1);
	}
	for (uint32_t i = count; i < count + 64; i++)
		igt_assert_eq_u32(out[i], 0);
}

static void grid_1d(struct gpu *gpu)
{
	check_ids(gpu, (uint32_t[]) { 1024, 1, 1 }, (uint16_t[]) { 64, 1, 1 });
	check_ids(gpu, (uint32_t[]) { 1, 1, 1 }, (uint16_t[]) { 1, 1, 1 });
}

static void grid_3d(struct gpu *gpu)
{
	check_ids(gpu, (uint32_t[]) { 16, 8, 4 }, (uint16_t[]) { 8, 4, 2 });
}

static void grid_partial(struct gpu *gpu)
{
	check_ids(gpu, (uint32_t[]) { 1000, 1, 1 }, (uint16_t[]) { 192, 1, 1 });
	check_ids(gpu, (uint32_t[]) { 17, 9, 5 }, (uint16_t[]) { 8, 4, 3 });
}

static void group_max(struct gpu *gpu)
{
	check_ids(gpu, (uint32_t[]) { 4096, 1, 1 }, (uint16_t[]) { 1024, 1, 1 });
}

static void local_memory(struct gpu *gpu)
{
	struct reverse_args args = { .words = gpu_shared_addr(gpu, result) };
	const uint32_t grid[3] = { 3000, 1, 1 };
	const uint16_t group[3] = { 1024, 1, 1 };
	uint32_t *words = result(gpu);

	cpu_ramp_write(words, grid[0] * 4, 0);
	dispatch(gpu, "group_reverse", &args, sizeof(args), grid, group, 4096, 0);
	for (uint32_t i = 0; i < grid[0]; i++) {
		uint32_t first = i / 1024 * 1024;
		uint32_t size = grid[0] - first < 1024 ? grid[0] - first : 1024;

		igt_assert_eq_u32(words[i], first + size - 1 - (i - first));
	}
}

static void private_memory(struct gpu *gpu)
{
	struct private_args args = { .out = gpu_shared_addr(gpu, result) };
	const uint32_t grid[3] = { 1024, 1, 1 };
	const uint16_t group[3] = { 64, 1, 1 };

	dispatch(gpu, "private_sum", &args, sizeof(args), grid, group, 0, 64);
	igt_assert_eq_u64(cpu_ramp_errors(result(gpu), 4096, 120), 0);
}

static void atomic_counters(struct gpu *gpu)
{
	const struct { const char *kernel; uint32_t per_wave_round; } rows[] = {
		{ "atomic_add32", COLIBRI_WAVE_LANES },
		{ "atomic_add64", COLIBRI_WAVE_LANES },
		{ "amo_add32", 1 },
		{ "amo_add64", 1 },
	};

	igt_require(gpu->dev.info.hw_features & COLIBRI_FEATURE_SYS_ATOMICS);
	for (unsigned int i = 0; i < ARRAY_SIZE(rows); i++) {
		struct atomic_args args = { .addr = gpu_shared_addr(gpu, result), .rounds = 50 };

		*(uint64_t *)result(gpu) = 0;
		gpu_run(gpu, rows[i].kernel, &args, sizeof(args), 16);
		igt_assert_eq_u64(*(uint64_t *)result(gpu), 16 * 50 * rows[i].per_wave_round);
	}
}

/* Adding l + 1 in some order: each found value is the one before plus what that lane added. */
static void check_add_chain(const uint32_t *old, uint32_t start, uint32_t final)
{
	bool used[COLIBRI_WAVE_LANES] = { false };
	uint32_t value = start;

	for (unsigned int step = 0; step < COLIBRI_WAVE_LANES; step++) {
		unsigned int lane = 0;

		while (lane < COLIBRI_WAVE_LANES && (used[lane] || old[lane] != value))
			lane++;
		igt_assert_f(lane < COLIBRI_WAVE_LANES, "no lane found %u\n", value);
		used[lane] = true;
		value += lane + 1;
	}
	igt_assert_eq_u32(final, value);
}

/* Swapping: start and all data come back once, but for the one that stays. */
static void check_swap(const uint32_t *old, uint32_t start, uint32_t final)
{
	uint32_t sum = start - final;

	for (uint32_t lane = 0; lane < COLIBRI_WAVE_LANES; lane++)
		sum += lane + 1 - old[lane];
	igt_assert_eq_u32(sum, 0);
	igt_assert(final >= 1 && final <= COLIBRI_WAVE_LANES);
}

static void check_cas(const uint32_t *old, uint32_t final)
{
	unsigned int won = 0;

	igt_assert(final >= 1 && final <= COLIBRI_WAVE_LANES);
	for (uint32_t lane = 0; lane < COLIBRI_WAVE_LANES; lane++) {
		won += old[lane] == CAS_EXPECTED;
		igt_assert_eq_u32(old[lane], lane + 1 == final ? CAS_EXPECTED : final);
	}
	igt_assert_eq_u32(won, 1);
}

static void atomic_operations(struct gpu *gpu)
{
	static const uint32_t start[ATOMIC_OPS] = {
		100, 7000, CAS_EXPECTED, 0x80, 0x100, 0xff, 0x7fffffff, -5u, -1u, 3,
	};
	/* from XOR on: 1 ^ .. ^ 64, 1 | .. | 64, 1 & .. & 64, and the four limits */
	static const uint32_t final[ATOMIC_OPS] = {
		0, 0, 0, 0x80 ^ 64, 0x100 | 127, 0, 1, 64, 1, 64,
	};
	struct colibri_bo bo;
	struct atomic_args args = {
		.addr = gpu_bind_bo(gpu, &bo, PAGE_SIZE, DRM_COLIBRI_GEM_VRAM, 0, 0),
		.old = gpu_shared_addr(gpu, result),
	};
	const uint32_t *old = result(gpu);
	const uint32_t *target = bo.map;

	memcpy(bo.map, start, sizeof(start));
	gpu_run(gpu, "atomic_ops32", &args, sizeof(args), 1);
	check_add_chain(old, start[0], target[0]);
	check_swap(old + 64, start[1], target[1]);
	check_cas(old + 128, target[2]);
	for (unsigned int k = 3; k < ATOMIC_OPS; k++) {
		bool first = false;

		igt_assert_eq_u32(target[k], final[k]);
		for (unsigned int lane = 0; lane < COLIBRI_WAVE_LANES; lane++)
			first |= old[64 * k + lane] == start[k];
		igt_assert(first);
	}
	colibri_bo_destroy(&gpu->dev, &bo);
}

static const struct gpu_test tests[] = {
	{ "grid-1d", grid_1d, "each work-item runs once, with its IDs" },
	{ "grid-3d", grid_3d, "three dimensions" },
	{ "grid-partial", grid_partial, "the last groups are smaller" },
	{ "group-max", group_max, "groups of 1024 work-items" },
	{ "local-memory", local_memory, "local memory and barrier reverse each group" },
	{ "private-memory", private_memory, "each work-item has memory of its own" },
	{ "atomic-counters", atomic_counters, "vector and scalar adds of many waves lose nothing" },
	{ "atomic-operations", atomic_operations, "each vector atomic: old values and result" },
};

igt_main()
{
	gpu_run_tests(tests, ARRAY_SIZE(tests), gpu_init_buffers_only);
}
