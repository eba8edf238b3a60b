/* SPDX-License-Identifier: MIT */
/*
 * Sub-groups: what the device and kernels say of them, the IDs of their
 * work-items, votes and ballots, and that they make independent progress. What
 * is computed of values is tested by subgroup-ops.
 */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cl_helper.h"
#include "tap.h"

#define WAVE 64
#define MAX_ITEMS 1024

#define MIN(x, y) ((x) < (y) ? (x) : (y))

/* For votes. */
static int chosen[MAX_ITEMS];

/* Calls @f for each item of @groups work-groups of @size, with the bounds of its sub-group. */
static void each_item(size_t groups, size_t size, void (*f)(size_t i, size_t first, size_t end))
{
	for (size_t i = 0; i < groups * size; i++) {
		size_t group = i / size * size, first = group + (i - group) / WAVE * WAVE;

		f(i, first, MIN(first + WAVE, group + size));
	}
}

static const char masks[] =
	"#define AT (get_group_id(0) * get_local_size(0) + get_local_linear_id())\n"
	"#define OUT(k) out[(k) * 1024 + AT]\n"
	"kernel void ids(global uint *out)\n"
	"{\n"
	"	OUT(0) = get_sub_group_size();\n"
	"	OUT(1) = get_max_sub_group_size();\n"
	"	OUT(2) = get_num_sub_groups();\n"
	"	OUT(3) = get_enqueued_num_sub_groups();\n"
	"	OUT(4) = get_sub_group_id();\n"
	"	OUT(5) = get_sub_group_local_id();\n"
	"}\n"
	"kernel void votes(global uint *out, global const int *chosen)\n"
	"{\n"
	"	int c = chosen[AT];\n"
	"	uint4 b = sub_group_ballot(c);\n"
	"\n"
	"	OUT(0) = b.x;\n"
	"	OUT(1) = b.y;\n"
	"	OUT(2) = sub_group_any(c) + 2 * sub_group_all(c) + 4 * sub_group_any(0) +\n"
	"		 8 * sub_group_all(1);\n"
	"	OUT(3) = sub_group_ballot_bit_count(b);\n"
	"	OUT(4) = sub_group_ballot_inclusive_scan(b);\n"
	"	OUT(5) = sub_group_ballot_exclusive_scan(b);\n"
	"	OUT(6) = sub_group_ballot_find_lsb(b);\n"
	"	OUT(7) = sub_group_ballot_find_msb(b);\n"
	"	OUT(8) = sub_group_inverse_ballot(b);\n"
	"	OUT(9) = sub_group_ballot_bit_extract(b, 3);\n"
	"	OUT(10) = get_sub_group_lt_mask().x;\n"
	"	OUT(11) = get_sub_group_eq_mask().y;\n"
	"	OUT(15) = (get_sub_group_gt_mask() & sub_group_ballot(1)).y;\n"
	"	OUT(16) = (get_sub_group_ge_mask() & sub_group_ballot(1)).x;\n"
	"	OUT(17) = get_sub_group_le_mask().y;\n"
	"	if (c) {\n"
	"		OUT(12) = sub_group_elect();\n"
	"		OUT(13) = sub_group_non_uniform_all(c);\n"
	"		OUT(14) = sub_group_non_uniform_any(!c);\n"
	"	}\n"
	"}\n"
	"kernel void loop(global uint *out)\n"
	"{\n"
	"	uint sum = 0, last = 0;\n"
	"\n"
	"	for (uint i = 0; i < get_sub_group_local_id() % 7; i++) {\n"
	"		last = sub_group_non_uniform_reduce_add(i + 1);\n"
	"		sum = sum * 3 + last;\n"
	"	}\n"
	"	OUT(0) = sum;\n"
	"	OUT(1) = last;\n"
	"}\n"
	"kernel void wait(global uint *out)\n"
	"{\n"
	"	local atomic_uint turn;\n"
	"	local uint cells[64];\n"
	"	uint id = get_sub_group_id(), lane = get_sub_group_local_id();\n"
	"\n"
	"	if (get_local_id(0) == 0)\n"
	"		atomic_init(&turn, 0);\n"
	"	barrier(CLK_LOCAL_MEM_FENCE);\n"
	"	for (uint round = 0; round < 5; round++) {\n"
	"		while (sub_group_broadcast(atomic_load_explicit(&turn, memory_order_acquire,\n"
	"								memory_scope_work_group), 0) !=\n"
	"		       round * get_num_sub_groups() + get_num_sub_groups() - 1 - id)\n"
	"			;\n"
	"		cells[lane] = id ? cells[lane] * 3 + id : cells[lane];\n"
	"		if (round == 0 && id == get_num_sub_groups() - 1)\n"
	"			cells[lane] = lane;\n"
	"		sub_group_barrier(CLK_LOCAL_MEM_FENCE);\n"
	"		OUT(round) = cells[lane ^ 1];\n"
	"		sub_group_barrier(CLK_LOCAL_MEM_FENCE);\n"
	"		if (lane == 0)\n"
	"			atomic_fetch_add_explicit(&turn, 1, memory_order_release,\n"
	"						  memory_scope_work_group);\n"
	"	}\n"
	"}\n";

/* Lanes that do not execute change no result, nor do those that are not there. */
static const char specials[] =
	"kernel void specials(global uint *out, float zero, float nan)\n"
	"{\n"
	"	uint lane = get_sub_group_local_id(), at = 5 * get_global_id(0);\n"
	"\n"
	"	if (lane % 4 == 2)\n"
	"		return;\n"
	"	out[at] = as_uint(sub_group_non_uniform_reduce_add(zero));\n"
	"	out[at + 1] = isnan(sub_group_non_uniform_reduce_min(nan));\n"
	"	out[at + 2] = as_uint(sub_group_non_uniform_reduce_max(lane == 5 ? -2 : nan));\n"
	"	out[at + 3] = as_uint(sub_group_non_uniform_scan_exclusive_max(nan));\n"
	"	out[at + 4] = as_uint(sub_group_non_uniform_scan_exclusive_add(zero));\n"
	"}\n";

static uint32_t out[18 * MAX_ITEMS];
#define GOT(k) out[(k) * MAX_ITEMS + i]

static bool right;

static void check(size_t op, size_t i, uint32_t want)
{
	if (GOT(op) != want && right) {
		tap_note("%zu of item %zu is %u, not %u", op, i, GOT(op), want);
		right = false;
	}
}

static void run_masks(struct cl *cl, cl_program program, const char *name, size_t group,
		      void (*f)(size_t i, size_t first, size_t end))
{
	cl_kernel kernel = cl_kernel_of(program, name);

	memset(out, 0, sizeof(out));
	cl_arg_pointer(kernel, 0, out);
	if (!strcmp(name, "votes"))
		cl_arg_pointer(kernel, 1, chosen);
	cl_run(cl, kernel, 3 * group, group);
	CL_CHECK(clReleaseKernel(kernel));
	right = true;
	each_item(3, group, f);
	tap_result(right, "%s in groups of %zu", name, group);
}

static size_t group_size;

static void want_ids(size_t i, size_t first, size_t end)
{
	check(0, i, end - first);
	check(1, i, WAVE);
	check(2, i, (group_size + WAVE - 1) / WAVE);
	check(3, i, (group_size + WAVE - 1) / WAVE);
	check(4, i, i % group_size / WAVE);
	check(5, i, i - first);
}

static void want_votes(size_t i, size_t first, size_t end)
{
	uint64_t bits = 0, below = (1ull << (i - first)) - 1, all = ~0ull >> (WAVE - (end - first));

	for (size_t k = first; k < end; k++)
		bits |= (uint64_t)!!chosen[k] << (k - first);
	check(0, i, (uint32_t)bits);
	check(1, i, bits >> 32);
	check(2, i, !!bits + 2 * (__builtin_popcountll(bits) == (int)(end - first)) + 8);
	check(3, i, __builtin_popcountll(bits));
	check(4, i, __builtin_popcountll(bits & (below * 2 + 1)));
	check(5, i, __builtin_popcountll(bits & below));
	if (bits) {
		check(6, i, __builtin_ctzll(bits));
		check(7, i, 63 - __builtin_clzll(bits));
	}
	check(8, i, !!chosen[i]);
	check(9, i, bits >> 3 & 1);
	check(10, i, (uint32_t)below);
	check(11, i, (1ull << (i - first)) >> 32);
	check(15, i, (all & ~(below * 2 + 1)) >> 32);
	check(16, i, (uint32_t)(all & ~below));
	check(17, i, (below * 2 + 1) >> 32);
	check(12, i, chosen[i] && !(bits & below));
	check(13, i, !!chosen[i]);
	check(14, i, 0);
}

static void want_loop(size_t i, size_t first, size_t end)
{
	uint32_t sum = 0, all = 0;

	for (uint32_t k = 0; k < (i - first) % 7; k++) {
		all = 0;

		for (size_t j = first; j < end; j++)
			all += (j - first) % 7 > k ? k + 1 : 0;
		sum = sum * 3 + all;
	}
	check(0, i, sum);
	check(1, i, all);
}

/* The sub-groups take turns, the last one first, for five rounds. */
static void want_wait(size_t i, size_t first, size_t end)
{
	uint32_t groups = group_size / WAVE, mine = i % group_size / WAVE;
	uint32_t cell = (i - first) ^ 1;

	(void)end;
	for (uint32_t round = 0; round < 5; round++) {
		for (uint32_t id = groups; id-- > 0;) {
			cell = id ? cell * 3 + id : cell;
			if (round == 0 && id == groups - 1)
				cell = (i - first) ^ 1;
			if (id == mine)
				check(round, i, cell);
		}
	}
}

static void test_masks(struct cl *cl)
{
	static const size_t groups[] = { 1, 37, 64, 100, 192, 257 };
	cl_program program = cl_build(cl, masks);

	for (size_t g = 0; g < sizeof(groups) / sizeof(groups[0]); g++) {
		group_size = groups[g];
		run_masks(cl, program, "ids", group_size, want_ids);
		for (size_t i = 0; i < MAX_ITEMS; i++)
			chosen[i] = i * 11 / 7 % 3 != 1;
		run_masks(cl, program, "votes", group_size, want_votes);
		memset(chosen, g % 2 ? 1 : 0, sizeof(chosen));
		run_masks(cl, program, "votes", group_size, want_votes);
		run_masks(cl, program, "loop", group_size, want_loop);
	}
	group_size = 256;
	run_masks(cl, program, "wait", group_size, want_wait);
	CL_CHECK(clReleaseProgram(program));
}

static void test_specials(struct cl *cl)
{
	static const uint32_t want[] = { 0x80000000, 1, 0xc0000000, 0xff800000, 0 };
	cl_program program = cl_build(cl, specials);
	cl_kernel kernel = cl_kernel_of(program, "specials");
	const float zero = -0.0f, nan = NAN;
	const size_t items = 100;
	bool ok = true;

	memset(out, 0, sizeof(out));
	cl_arg_pointer(kernel, 0, out);
	CL_ARG(kernel, 1, zero);
	CL_ARG(kernel, 2, nan);
	cl_run(cl, kernel, items, items);
	for (size_t i = 0; i < items * 5 && ok; i++) {
		size_t lane = i / 5 % WAVE;

		if (lane % 4 != 2 && out[i] != want[i % 5]) {
			tap_note("%zu of item %zu is %#x", i % 5, i / 5, out[i]);
			ok = false;
		}
	}
	tap_result(ok, "negative zero and NaN");
	CL_CHECK(clReleaseKernel(kernel));
	CL_CHECK(clReleaseProgram(program));
}

static size_t sub_group_info(struct cl *cl, cl_kernel kernel, cl_kernel_sub_group_info what,
			     const size_t *in, size_t num)
{
	size_t value = 0;

	CL_CHECK(clGetKernelSubGroupInfo(kernel, cl->device, what, num * sizeof(size_t), in,
					 sizeof(value), &value, NULL));
	return value;
}

static void test_queries(struct cl *cl)
{
	const size_t block[] = { 10, 13 }, three = 3, too_many = 17;
	cl_program program = cl_build(cl, masks);
	cl_kernel kernel = cl_kernel_of(program, "ids");
	size_t local[3] = { 9, 9, 9 };
	cl_uint max = 0;
	cl_bool progress = 0;

	CL_CHECK(clGetDeviceInfo(cl->device, CL_DEVICE_MAX_NUM_SUB_GROUPS, sizeof(max), &max, NULL));
	CL_CHECK(clGetDeviceInfo(cl->device, CL_DEVICE_SUB_GROUP_INDEPENDENT_FORWARD_PROGRESS,
				 sizeof(progress), &progress, NULL));
	tap_result(max == 16 && progress, "the device's limits");
	tap_result(sub_group_info(cl, kernel, CL_KERNEL_MAX_SUB_GROUP_SIZE_FOR_NDRANGE, block, 2) == WAVE &&
		   sub_group_info(cl, kernel, CL_KERNEL_SUB_GROUP_COUNT_FOR_NDRANGE, block, 2) == 3 &&
		   sub_group_info(cl, kernel, CL_KERNEL_MAX_NUM_SUB_GROUPS, NULL, 0) == 16 &&
		   sub_group_info(cl, kernel, CL_KERNEL_COMPILE_NUM_SUB_GROUPS, NULL, 0) == 0,
		   "sizes and counts of a kernel");
	CL_CHECK(clGetKernelSubGroupInfo(kernel, cl->device, CL_KERNEL_LOCAL_SIZE_FOR_SUB_GROUP_COUNT,
					 sizeof(three), &three, sizeof(local), local, NULL));
	tap_result(local[0] == 3 * WAVE && local[1] == 1 && local[2] == 1, "the group of three sub-groups");
	CL_CHECK(clGetKernelSubGroupInfo(kernel, cl->device, CL_KERNEL_LOCAL_SIZE_FOR_SUB_GROUP_COUNT,
					 sizeof(too_many), &too_many, sizeof(local), local, NULL));
	tap_result(!local[0] && !local[1] && !local[2], "no group of seventeen");
	tap_result(clGetKernelSubGroupInfo(kernel, cl->device, CL_KERNEL_SUB_GROUP_COUNT_FOR_NDRANGE,
					   sizeof(block), NULL, sizeof(local), local, NULL) == CL_INVALID_VALUE &&
		   clGetKernelSubGroupInfo(kernel, cl->device, CL_KERNEL_SUB_GROUP_COUNT_FOR_NDRANGE,
					   sizeof(block) + 1, block, sizeof(local), local, NULL) == CL_INVALID_VALUE &&
		   clGetKernelSubGroupInfo(kernel, cl->device, CL_KERNEL_LOCAL_SIZE_FOR_SUB_GROUP_COUNT,
					   sizeof(three), NULL, sizeof(local), local, NULL) == CL_INVALID_VALUE,
		   "groups that are not given");
	tap_result(clGetExtensionFunctionAddressForPlatform(cl->platform, "clGetKernelSubGroupInfoKHR"),
		   "the query's name in cl_khr_subgroups");
	CL_CHECK(clReleaseKernel(kernel));
	CL_CHECK(clReleaseProgram(program));
}

static void test_extensions(struct cl *cl)
{
	static const char *const names[] = {
		"cl_khr_subgroups", "cl_khr_subgroup_extended_types", "cl_khr_subgroup_non_uniform_vote",
		"cl_khr_subgroup_ballot", "cl_khr_subgroup_non_uniform_arithmetic",
		"cl_khr_subgroup_clustered_reduce", "cl_khr_subgroup_shuffle",
		"cl_khr_subgroup_shuffle_relative", "cl_khr_subgroup_rotate", "__opencl_c_subgroups",
	};
	char text[4096], source[4096] = "";
	bool all = true;

	CL_CHECK(clGetDeviceInfo(cl->device, CL_DEVICE_EXTENSIONS, sizeof(text), text, NULL));
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		size_t at = strlen(source);

		snprintf(source + at, sizeof(source) - at, "#ifndef %s\n#error no %s\n#endif\n",
			 names[i], names[i]);
		if (names[i][0] == 'c' && !strstr(text, names[i])) {
			tap_note("there is no %s", names[i]);
			all = false;
		}
	}
	tap_result(all, "extensions of the device");
	CL_CHECK(clReleaseProgram(cl_build(cl, source)));
	tap_result(true, "extensions and the feature in OpenCL C");
}

int main(void)
{
	struct cl cl;

	cl_open(&cl);
	test_extensions(&cl);
	test_queries(&cl);
	test_masks(&cl);
	test_specials(&cl);
	cl_close(&cl);
	return tap_status();
}
