/* SPDX-License-Identifier: MIT */
/* Work-groups: IDs of every shape, local memory and barriers. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "cl_helper.h"
#include "tap.h"

#define N 4096

static const char source[] =
	"kernel void reduce(global const uint *in, global uint *out,\n"
	"		   local uint *part)\n"
	"{\n"
	"	uint l = get_local_id(0);\n"
	"\n"
	"	part[l] = in[get_global_id(0)];\n"
	"	barrier(CLK_LOCAL_MEM_FENCE);\n"
	"	for (uint n = get_local_size(0); n > 1;) {\n"
	"		uint rest = (n + 1) / 2;\n"
	"\n"
	"		if (l < n - rest)\n"
	"			part[l] += part[l + rest];\n"
	"		barrier(CLK_LOCAL_MEM_FENCE);\n"
	"		n = rest;\n"
	"	}\n"
	"	if (l == 0)\n"
	"		out[get_group_id(0)] = part[0];\n"
	"}\n"
	"kernel void reverse(global const uint *in, global uint *out)\n"
	"{\n"
	"	local uint tile[256];\n"
	"	uint l = get_local_id(0), n = get_local_size(0);\n"
	"\n"
	"	tile[l] = in[get_global_id(0)];\n"
	"	barrier(CLK_LOCAL_MEM_FENCE);\n"
	"	out[get_global_id(0)] = tile[n - 1 - l];\n"
	"}\n"
	"kernel void ids(global uint *out)\n"
	"{\n"
	"	uint x = get_global_id(0), y = get_global_id(1);\n"
	"	uint z = get_global_id(2);\n"
	"	uint at = (z * get_global_size(1) + y) * get_global_size(0) + x;\n"
	"\n"
	"	out[at] = get_local_id(0) | get_local_id(1) << 10 |\n"
	"		  get_local_id(2) << 20;\n"
	"}\n"
	"kernel __attribute__((reqd_work_group_size(6, 5, 4)))\n"
	"void fixed_ids(global uint *out)\n"
	"{\n"
	"	uint x = get_global_id(0), y = get_global_id(1);\n"
	"	uint z = get_global_id(2);\n"
	"	uint at = (z * get_global_size(1) + y) * get_global_size(0) + x;\n"
	"\n"
	"	out[at] = get_local_id(0) | get_local_id(1) << 10 |\n"
	"		  get_local_id(2) << 20;\n"
	"}\n"
	"kernel void offset(global uint *out)\n"
	"{\n"
	"	out[get_global_id(0) - get_global_offset(0)] = get_global_id(0);\n"
	"}\n"
	"kernel void ring(global uint *out, uint rounds)\n"
	"{\n"
	"	local uint cells[1024];\n"
	"	uint l = get_local_id(0), n = get_local_size(0);\n"
	"\n"
	"	cells[l] = l;\n"
	"	for (uint i = 0; i < rounds; i++) {\n"
	"		barrier(CLK_LOCAL_MEM_FENCE);\n"
	"		uint next = cells[(l + 1) % n];\n"
	"		barrier(CLK_LOCAL_MEM_FENCE);\n"
	"		cells[l] = next;\n"
	"	}\n"
	"	out[get_global_id(0)] = cells[l];\n"
	"}\n";

static uint32_t in[N], out[N];

static void run(struct cl *cl, cl_kernel kernel, cl_uint dims,
		const size_t *offset, const size_t *items, const size_t *group)
{
	cl_event event;
	cl_int status;

	CL_CHECK(clEnqueueNDRangeKernel(cl->queue, kernel, dims, offset, items,
					group, 0, NULL, &event));
	CL_CHECK(clFinish(cl->queue));
	CL_CHECK(clGetEventInfo(event, CL_EVENT_COMMAND_EXECUTION_STATUS,
				sizeof(status), &status, NULL));
	CL_CHECK(status);
	CL_CHECK(clReleaseEvent(event));
}

static void test_reduce(struct cl *cl, cl_program program, size_t group)
{
	cl_kernel kernel = cl_kernel_of(program, "reduce");
	size_t groups = N / group, items = groups * group;
	bool ok = true;

	cl_arg_pointer(kernel, 0, in);
	cl_arg_pointer(kernel, 1, out);
	CL_CHECK(clSetKernelArg(kernel, 2, group * sizeof(uint32_t), NULL));
	run(cl, kernel, 1, NULL, &items, &group);
	for (size_t g = 0; g < groups; g++) {
		uint32_t sum = 0;

		for (size_t i = 0; i < group; i++)
			sum += in[g * group + i];
		if (out[g] != sum && ok) {
			tap_note("group %zu: %u, not %u", g, out[g], sum);
			ok = false;
		}
	}
	tap_result(ok, "reduction in groups of %zu", group);
	CL_CHECK(clReleaseKernel(kernel));
}

static void test_static_local(struct cl *cl, cl_program program)
{
	cl_kernel kernel = cl_kernel_of(program, "reverse");
	size_t group = 200, items = 20 * group;
	bool ok = true;

	cl_arg_pointer(kernel, 0, in);
	cl_arg_pointer(kernel, 1, out);
	run(cl, kernel, 1, NULL, &items, &group);
	for (size_t i = 0; i < items; i++)
		ok &= out[i] == in[i / group * group + group - 1 - i % group];
	tap_result(ok, "local memory of fixed size");
	CL_CHECK(clReleaseKernel(kernel));
}

static void test_ids(struct cl *cl, cl_program program, const char *name,
		     const size_t *items, const size_t *group)
{
	cl_kernel kernel = cl_kernel_of(program, name);
	size_t at = 0;
	bool ok = true;

	cl_arg_pointer(kernel, 0, out);
	run(cl, kernel, 3, NULL, items, group);
	for (size_t z = 0; z < items[2]; z++) {
		for (size_t y = 0; y < items[1]; y++) {
			for (size_t x = 0; x < items[0]; x++, at++) {
				uint32_t want = x % group[0] |
						(y % group[1]) << 10 |
						(z % group[2]) << 20;
				if (out[at] != want && ok) {
					tap_note("%zu,%zu,%zu: 0x%x, not 0x%x", x,
						 y, z, out[at], want);
					ok = false;
				}
			}
		}
	}
	tap_result(ok, "%s in groups of %zux%zux%zu", name, group[0], group[1],
		   group[2]);
	CL_CHECK(clReleaseKernel(kernel));
}

static void test_offset(struct cl *cl, cl_program program)
{
	cl_kernel kernel = cl_kernel_of(program, "offset");
	size_t offset = 1000, items = 640, group = 64;
	bool ok = true;

	cl_arg_pointer(kernel, 0, out);
	run(cl, kernel, 1, &offset, &items, &group);
	for (size_t i = 0; i < items; i++)
		ok &= out[i] == offset + i;
	tap_result(ok, "global offset");
	CL_CHECK(clReleaseKernel(kernel));
}

static void test_barriers(struct cl *cl, cl_program program, size_t group)
{
	cl_kernel kernel = cl_kernel_of(program, "ring");
	const cl_uint rounds = 37;
	size_t items = 2 * group;
	bool ok = true;

	cl_arg_pointer(kernel, 0, out);
	CL_ARG(kernel, 1, rounds);
	run(cl, kernel, 1, NULL, &items, &group);
	for (size_t i = 0; i < items; i++)
		ok &= out[i] == (i % group + rounds) % group;
	tap_result(ok, "barriers in a loop, groups of %zu", group);
	CL_CHECK(clReleaseKernel(kernel));
}

int main(void)
{
	static const size_t reductions[] = { 1, 7, 64, 65, 100, 256, 1024 };
	const size_t items[] = { 24, 10, 8 }, small[] = { 3, 5, 2 };
	const size_t large[] = { 12, 10, 8 }, fixed[] = { 6, 5, 4 };
	const size_t flat[] = { 512, 8, 1 }, row[] = { 128, 1, 1 };
	struct cl cl;

	cl_open(&cl);
	cl_program program = cl_build(&cl, source);
	for (uint32_t i = 0; i < N; i++)
		in[i] = i * 2654435761u;

	for (size_t i = 0; i < sizeof(reductions) / sizeof(reductions[0]); i++)
		test_reduce(&cl, program, reductions[i]);
	test_static_local(&cl, program);
	test_ids(&cl, program, "ids", items, small);
	test_ids(&cl, program, "ids", items, large);
	test_ids(&cl, program, "ids", flat, row);
	test_ids(&cl, program, "fixed_ids", items, fixed);
	test_offset(&cl, program);
	test_barriers(&cl, program, 64);
	test_barriers(&cl, program, 1000);
	test_barriers(&cl, program, 1024);

	CL_CHECK(clReleaseProgram(program));
	cl_close(&cl);
	return tap_status();
}
