/* SPDX-License-Identifier: MIT */
/*
 * Large launches of kernels that use global IDs only, where one wave does the
 * work of several: each item is executed once, with its own IDs.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "cl_helper.h"
#include "tap.h"

#define MAX_ITEMS (1u << 18)

static const char source[] =
	"kernel void each(global uint *out, uint nx, uint ny, uint turns)\n"
	"{\n"
	"	uint x = get_global_id(0), y = get_global_id(1), z = get_global_id(2);\n"
	"	uint at = (z * ny + y) * nx + x, table[8], sum = 0;\n"
	"\n"
	"	if (at % 7 == 3)\n"
	"		return;\n"
	"	for (uint i = 0; i < 8; i++)\n"
	"		table[i] = at * i;\n"
	"	for (uint i = 0; i < turns + x % 4; i++) {\n"
	"		if (i == y % 5)\n"
	"			continue;\n"
	"		table[(i + x) % 8] += i;\n"
	"		sum += table[i % 8];\n"
	"	}\n"
	"	out[at] += sum + at + 1;\n"
	"}\n"
	"kernel void stream(global uint *out, global const uint *in)\n"
	"{\n"
	"	size_t i = get_global_id(0);\n"
	"\n"
	"	out[i] += in[i] * 3;\n"
	"}\n"
	"kernel void meet(global uint *out)\n"
	"{\n"
	"	uint i = get_global_id(0);\n"
	"\n"
	"	atomic_xchg(&out[i], i + 1);\n"
	"	while (!atomic_or(&out[i ^ 64], 0))\n"
	"		;\n"
	"}\n"
	"kernel void meet_volatile(volatile global uint *out)\n"
	"{\n"
	"	uint i = get_global_id(0);\n"
	"\n"
	"	out[i] = i + 1;\n"
	"	while (!out[i ^ 64])\n"
	"		;\n"
	"}\n";

static uint32_t *out, *in;

static void launch(struct cl *cl, cl_kernel kernel, const size_t *items)
{
	memset(out, 0, MAX_ITEMS * sizeof(*out));
	CL_CHECK(clEnqueueNDRangeKernel(cl->queue, kernel, 3, NULL, items, NULL,
					0, NULL, NULL));
	CL_CHECK(clFinish(cl->queue));
}

/* The first kernel in C. */
static uint32_t each(uint32_t at, uint32_t x, uint32_t y, uint32_t turns)
{
	uint32_t table[8], sum = 0;

	if (at % 7 == 3)
		return 0;
	for (uint32_t i = 0; i < 8; i++)
		table[i] = at * i;
	for (uint32_t i = 0; i < turns + x % 4; i++) {
		if (i == y % 5)
			continue;
		table[(i + x) % 8] += i;
		sum += table[i % 8];
	}
	return sum + at + 1;
}

static void test_each(struct cl *cl, cl_program program, const size_t *items)
{
	cl_kernel kernel = cl_kernel_of(program, "each");
	cl_uint nx = items[0], ny = items[1], turns = 6;
	size_t count = items[0] * items[1] * items[2], at = 0;
	bool ok = true;

	cl_arg_pointer(kernel, 0, out);
	CL_ARG(kernel, 1, nx);
	CL_ARG(kernel, 2, ny);
	CL_ARG(kernel, 3, turns);
	launch(cl, kernel, items);
	for (; at < count && ok; at++) {
		uint32_t want = each(at, at % nx, at / nx % ny, turns);

		ok = out[at] == want;
		if (!ok)
			tap_note("item %zu: %u, not %u", at, out[at], want);
	}
	for (; at < MAX_ITEMS; at++)
		ok &= !out[at];
	tap_result(ok, "each of %zux%zux%zu items once", items[0], items[1], items[2]);
	CL_CHECK(clReleaseKernel(kernel));
}

static void test_stream(struct cl *cl, cl_program program, size_t count)
{
	cl_kernel kernel = cl_kernel_of(program, "stream");
	const size_t items[] = { count, 1, 1 };
	bool ok = true;

	cl_arg_pointer(kernel, 0, out);
	cl_arg_pointer(kernel, 1, in);
	launch(cl, kernel, items);
	for (size_t i = 0; i < MAX_ITEMS; i++)
		ok &= out[i] == (i < count ? in[i] * 3 : 0);
	tap_result(ok, "a stream of %zu items", count);
	CL_CHECK(clReleaseKernel(kernel));
}

/* Items of neighbouring waves wait for each other, so no wave may do them in turn. */
static void test_meet(struct cl *cl, cl_program program, const char *name)
{
	cl_kernel kernel = cl_kernel_of(program, name);
	const size_t items[] = { 1u << 15, 1, 1 };
	bool ok = true;

	cl_arg_pointer(kernel, 0, out);
	launch(cl, kernel, items);
	for (size_t i = 0; i < items[0]; i++)
		ok &= out[i] == i + 1;
	tap_result(ok, "items of two waves wait for each other: %s", name);
	CL_CHECK(clReleaseKernel(kernel));
}

int main(void)
{
	static const size_t grids[][3] = {
		{ 1u << 18, 1, 1 }, { 64 * 2050, 1, 1 }, { 100001, 1, 1 }, { 512, 512, 1 },
		{ 64, 1000, 1 }, { 200, 384, 1 }, { 128, 96, 16 }, { 64, 1, 1024 }, { 67, 77, 16 },
	};
	struct cl cl;

	cl_open(&cl);
	cl_program program = cl_build(&cl, source);
	out = malloc(MAX_ITEMS * sizeof(*out));
	in = malloc(MAX_ITEMS * sizeof(*in));
	if (!out || !in)
		return 2;
	for (uint32_t i = 0; i < MAX_ITEMS; i++)
		in[i] = i * 2654435761u;

	for (size_t i = 0; i < sizeof(grids) / sizeof(grids[0]); i++)
		test_each(&cl, program, grids[i]);
	test_stream(&cl, program, MAX_ITEMS);
	test_stream(&cl, program, 3 * 64 * 256);
	test_stream(&cl, program, MAX_ITEMS - 63);
	test_meet(&cl, program, "meet");
	test_meet(&cl, program, "meet_volatile");

	free(out);
	free(in);
	CL_CHECK(clReleaseProgram(program));
	cl_close(&cl);
	return tap_status();
}
