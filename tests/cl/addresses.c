/* SPDX-License-Identifier: MIT */
/*
 * Addresses that the compiler can tell from the work-items' IDs: groups of all
 * shapes, groups that the driver chooses itself, loops, and indices that wrap.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "cl_helper.h"
#include "tap.h"

#define MAX_ITEMS 65536
#define PAGE 4096
#define COUNT 5000

static const char source[] =
	"#define AT (((z) * get_global_size(1) + (y)) * get_global_size(0) + (x))\n"
	"kernel void count(global uint *out, global uint *seen)\n"
	"{\n"
	"	uint x = get_global_id(0), y = get_global_id(1), z = get_global_id(2);\n"
	"	uint at = AT;\n"
	"\n"
	"	atomic_inc(&seen[at]);\n"
	"	out[at] = x + 1000 * y + 1000000 * z;\n"
	"}\n"
	"kernel void neighbours(global uint *out, global const uint *in, uint width,\n"
	"		       local uint *tile)\n"
	"{\n"
	"	uint x = get_global_id(0), y = get_global_id(1);\n"
	"	uint lx = get_local_id(0), ly = get_local_id(1), row = get_local_size(0);\n"
	"\n"
	"	tile[ly * row + lx] = in[y * width + x];\n"
	"	barrier(CLK_LOCAL_MEM_FENCE);\n"
	"	out[y * width + x] = tile[ly * row + (lx + 1) % row] + 3 * in[y] +\n"
	"			     5 * in[x] + 7 * tile[ly * row] + 11 * tile[lx];\n"
	"}\n"
	"#define ELEMENTS(type)							\\\n"
	"	do {								\\\n"
	"		local type *t = (local type *)tile;			\\\n"
	"		t[ly * row + lx] = (type)(in[at] * 0x100000001ul);	\\\n"
	"		barrier(CLK_LOCAL_MEM_FENCE);				\\\n"
	"		sum = sum * 31 + t[ly * row] + 7 * (ulong)t[lx];	\\\n"
	"		barrier(CLK_LOCAL_MEM_FENCE);				\\\n"
	"	} while (0)\n"
	"kernel void widths(global ulong *out, global const uint *in, uint width,\n"
	"		   local ulong *tile)\n"
	"{\n"
	"	uint lx = get_local_id(0), ly = get_local_id(1), row = get_local_size(0);\n"
	"	uint at = get_global_id(1) * width + get_global_id(0);\n"
	"	ulong sum = 0;\n"
	"\n"
	"	ELEMENTS(uchar);\n"
	"	ELEMENTS(ushort);\n"
	"	ELEMENTS(uint);\n"
	"	ELEMENTS(ulong);\n"
	"	out[at] = sum;\n"
	"}\n"
	"kernel __attribute__((reqd_work_group_size(16, 16, 1)))\n"
	"void transpose(global uint *out, global const uint *in, int width)\n"
	"{\n"
	"	local uint tile[16][17];\n"
	"	int lx = get_local_id(0), ly = get_local_id(1);\n"
	"	int gx = get_group_id(0) * 16, gy = get_group_id(1) * 16;\n"
	"\n"
	"	tile[ly][lx] = in[(gy + ly) * width + gx + lx];\n"
	"	barrier(CLK_LOCAL_MEM_FENCE);\n"
	"	out[(gx + ly) * width + gy + lx] = tile[lx][ly];\n"
	"}\n"
	"kernel __attribute__((reqd_work_group_size(64, 1, 1)))\n"
	"void pairs(global uint *out, global const uint *in, uint first)\n"
	"{\n"
	"	local uint2 tile[64];\n"
	"	uint l = get_local_id(0);\n"
	"	uint2 sum = 0;\n"
	"\n"
	"	tile[l] = (uint2)(in[l], in[64 + l]);\n"
	"	barrier(CLK_LOCAL_MEM_FENCE);\n"
	"	if (l == 0)\n"
	"		tile[first] = (uint2)(first, 7);\n"
	"	barrier(CLK_LOCAL_MEM_FENCE);\n"
	"	for (uint i = first; i < 64; i++)\n"
	"		sum += tile[i] * (uint2)(l, i);\n"
	"	out[l] = sum.x;\n"
	"	out[64 + l] = sum.y;\n"
	"}\n"
	"kernel void walk(global uint *out, global const uint *in, uint count)\n"
	"{\n"
	"	uint i, sum = 0, step = get_global_size(0);\n"
	"\n"
	"	for (i = get_global_id(0); i < count; i += step)\n"
	"		sum += in[i];\n"
	"	out[get_global_id(0)] = (uint)sum * 3 + i;\n"
	"}\n"
	"kernel void walk_back(global uint *out, global const uint *in, uint count)\n"
	"{\n"
	"	int i, sum = 0, step = get_global_size(0);\n"
	"\n"
	"	for (i = count - 1 - (int)get_global_id(0); i >= 0; i -= step) {\n"
	"		if (in[i] & 1)\n"
	"			continue;\n"
	"		sum += in[i];\n"
	"		if (sum & 64)\n"
	"			i -= in[i] & 3;\n"
	"	}\n"
	"	out[get_global_id(0)] = (uint)sum * 3 + i;\n"
	"}\n"
	"kernel void wrap(global uchar *p, uint base)\n"
	"{\n"
	"	uint at = (uint)get_global_id(0) + base;\n"
	"\n"
	"	p[at] = p[at] * 3 + (uchar)get_global_id(0);\n"
	"}\n"
	"kernel void wrap_signed(global uchar *p, uint base)\n"
	"{\n"
	"	int at = (uint)get_global_id(0) + base;\n"
	"\n"
	"	p[(long)at] = p[(long)at] * 3 + (uchar)get_global_id(0);\n"
	"}\n";

static uint32_t in[MAX_ITEMS], out[MAX_ITEMS], seen[MAX_ITEMS];
static uint64_t sums[MAX_ITEMS];

struct shape {
	size_t items[3], group[3];
};

static void run(struct cl *cl, cl_kernel kernel, const struct shape *shape)
{
	CL_CHECK(clEnqueueNDRangeKernel(cl->queue, kernel, 3, NULL, shape->items,
					shape->group[0] ? shape->group : NULL, 0, NULL, NULL));
	CL_CHECK(clFinish(cl->queue));
	CL_CHECK(clReleaseKernel(kernel));
}

static void result(bool ok, const char *name, const struct shape *s)
{
	tap_result(ok, "%s: %zux%zux%zu in groups of %zux%zux%zu", name, s->items[0], s->items[1],
		   s->items[2], s->group[0], s->group[1], s->group[2]);
}

/* Each item runs once, with its own IDs. */
static void test_count(struct cl *cl, cl_program program, const struct shape *shape)
{
	cl_kernel kernel = cl_kernel_of(program, "count");
	size_t at = 0;
	bool ok = true;

	memset(out, 0, sizeof(out));
	memset(seen, 0, sizeof(seen));
	cl_arg_pointer(kernel, 0, out);
	cl_arg_pointer(kernel, 1, seen);
	run(cl, kernel, shape);
	for (size_t z = 0; z < shape->items[2]; z++)
		for (size_t y = 0; y < shape->items[1]; y++)
			for (size_t x = 0; x < shape->items[0]; x++, at++)
				ok &= seen[at] == 1 && out[at] == (uint32_t)(x + 1000 * y + 1000000 * z);
	for (; at < MAX_ITEMS; at++)
		ok &= !seen[at] && !out[at];
	result(ok, "count", shape);
}

static void test_neighbours(struct cl *cl, cl_program program, const struct shape *shape)
{
	cl_kernel kernel = cl_kernel_of(program, "neighbours");
	size_t gx = shape->group[0], gy = shape->group[1];
	cl_uint width = shape->items[0];
	bool ok = true;

	cl_arg_pointer(kernel, 0, out);
	cl_arg_pointer(kernel, 1, in);
	CL_ARG(kernel, 2, width);
	CL_CHECK(clSetKernelArg(kernel, 3, gx * gy * sizeof(uint32_t), NULL));
	run(cl, kernel, shape);
	for (size_t y = 0; y < shape->items[1]; y++) {
		for (size_t x = 0; x < width; x++) {
			size_t first = x / gx * gx, next = first + (x + 1 - first) % gx;

			ok &= out[y * width + x] == in[y * width + next] + 3 * in[y] + 5 * in[x] +
						    7 * in[y * width + first] +
						    11 * in[y / gy * gy * width + x];
		}
	}
	result(ok, "neighbours", shape);
}

/* The lower @bits of what the kernel makes of a number of `in`. */
static uint64_t element(uint32_t value, unsigned int bits)
{
	return value * 0x100000001ull & (~0ull >> (64 - bits));
}

/* Elements of all sizes that rows, or the items of a row, have in common. */
static void test_widths(struct cl *cl, cl_program program, const struct shape *shape)
{
	cl_kernel kernel = cl_kernel_of(program, "widths");
	size_t gx = shape->group[0], gy = shape->group[1];
	cl_uint width = shape->items[0];
	bool ok = true;

	cl_arg_pointer(kernel, 0, sums);
	cl_arg_pointer(kernel, 1, in);
	CL_ARG(kernel, 2, width);
	CL_CHECK(clSetKernelArg(kernel, 3, gx * gy * sizeof(uint64_t), NULL));
	run(cl, kernel, shape);
	for (size_t y = 0; y < shape->items[1]; y++) {
		for (size_t x = 0; x < width; x++) {
			uint32_t first = in[y * width + x / gx * gx];
			uint32_t above = in[y / gy * gy * width + x];
			uint64_t sum = 0;

			for (unsigned int bits = 8; bits <= 64; bits *= 2)
				sum = sum * 31 + element(first, bits) + 7 * element(above, bits);
			ok &= sums[y * width + x] == sum;
		}
	}
	result(ok, "widths", shape);
}

static void test_transpose(struct cl *cl, cl_program program)
{
	const struct shape shape = { { 128, 128, 1 }, { 16, 16, 1 } };
	cl_kernel kernel = cl_kernel_of(program, "transpose");
	cl_int width = 128;
	bool ok = true;

	cl_arg_pointer(kernel, 0, out);
	cl_arg_pointer(kernel, 1, in);
	CL_ARG(kernel, 2, width);
	run(cl, kernel, &shape);
	for (size_t y = 0; y < 128; y++)
		for (size_t x = 0; x < 128; x++)
			ok &= out[y * 128 + x] == in[x * 128 + y];
	result(ok, "transpose", &shape);
}

/* All lanes access the same vector in local memory, at an index that is no constant. */
static void test_pairs(struct cl *cl, cl_program program)
{
	const struct shape shape = { { 64, 1, 1 }, { 64, 1, 1 } };
	cl_kernel kernel = cl_kernel_of(program, "pairs");
	cl_uint first = 5, x = first, y = 7 * first;
	bool ok = true;

	cl_arg_pointer(kernel, 0, out);
	cl_arg_pointer(kernel, 1, in);
	CL_ARG(kernel, 2, first);
	run(cl, kernel, &shape);
	for (cl_uint i = first + 1; i < 64; i++) {
		x += in[i];
		y += in[64 + i] * i;
	}
	for (cl_uint i = 0; i < 64; i++)
		ok &= out[i] == x * i && out[64 + i] == y;
	result(ok, "pairs", &shape);
}

static uint32_t walk(size_t i, size_t step)
{
	uint32_t sum = 0;

	for (; i < COUNT; i += step)
		sum += in[i];
	return (uint32_t)sum * 3 + i;
}

static uint32_t walk_back(size_t id, size_t step)
{
	int32_t i, sum = 0;

	for (i = COUNT - 1 - (int32_t)id; i >= 0; i -= step) {
		if (in[i] & 1)
			continue;
		sum += in[i];
		if (sum & 64)
			i -= in[i] & 3;
	}
	return (uint32_t)sum * 3 + i;
}

static void test_walk(struct cl *cl, cl_program program, const char *name,
		      uint32_t (*cpu)(size_t id, size_t step))
{
	const struct shape shape = { { 192, 1, 1 }, { 96, 1, 1 } };
	cl_kernel kernel = cl_kernel_of(program, name);
	cl_uint count = COUNT;
	bool ok = true;

	cl_arg_pointer(kernel, 0, out);
	cl_arg_pointer(kernel, 1, in);
	CL_ARG(kernel, 2, count);
	run(cl, kernel, &shape);
	for (size_t i = 0; i < shape.items[0]; i++)
		ok &= out[i] == cpu(i, shape.items[0]);
	result(ok, name, &shape);
}

/*
 * Indices run over the end of their type: lanes of one wave access both ends of
 * a range of 4 GiB, of which only those two pages are there.
 */
static void test_wrap(struct cl *cl, cl_program program, const char *name, int64_t lowest)
{
	const struct shape shape = { { 64, 1, 1 }, { 64, 1, 1 } };
	const size_t range = (size_t)1 << 32;
	cl_kernel kernel = cl_kernel_of(program, name);
	cl_uint base = (cl_uint)(lowest + (int64_t)range - 24);
	uint8_t *low = mmap(NULL, range, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	uint8_t *high = low + range - PAGE;
	bool ok = low != MAP_FAILED && !mprotect(low, PAGE, PROT_READ | PROT_WRITE) &&
		  !mprotect(high, PAGE, PROT_READ | PROT_WRITE);

	if (!ok) {
		perror("mmap");
		exit(1);
	}
	memset(low, 1, PAGE);
	memset(high, 2, PAGE);
	cl_arg_pointer(kernel, 0, low - lowest);
	CL_ARG(kernel, 1, base);
	run(cl, kernel, &shape);
	for (size_t i = 0; i < 24; i++)
		ok &= high[PAGE - 24 + i] == 6 + i;
	for (size_t i = 24; i < 64; i++)
		ok &= low[i - 24] == 3 + i;
	ok &= low[40] == 1 && high[PAGE - 25] == 2;
	tap_result(ok, "%s: an index beyond the end of its type", name);
	munmap(low, range);
}

int main(void)
{
	static const struct shape counts[] = {
		{ { 256, 16, 2 }, { 0, 0, 0 } }, { { 256, 16, 2 }, { 16, 16, 1 } },
		{ { 300, 7, 3 }, { 1, 1, 1 } }, { { 1000, 9, 1 }, { 8, 1, 1 } },
		{ { 65, 31, 2 }, { 5, 31, 2 } }, { { 7, 64, 64 }, { 7, 4, 2 } },
		{ { 65536, 1, 1 }, { 1024, 1, 1 } }, { { 1, 1, 65536 }, { 1, 1, 64 } },
	};
	static const struct shape tiles[] = {
		{ { 128, 32, 1 }, { 64, 2, 1 } }, { { 384, 8, 1 }, { 192, 4, 1 } },
		{ { 128, 32, 1 }, { 32, 8, 1 } }, { { 128, 32, 1 }, { 32, 1, 1 } },
		{ { 128, 32, 1 }, { 16, 16, 1 } }, { { 128, 32, 1 }, { 16, 2, 1 } },
		{ { 128, 32, 1 }, { 8, 8, 1 } }, { { 128, 32, 1 }, { 8, 32, 1 } },
		{ { 128, 32, 1 }, { 4, 16, 1 } }, { { 120, 33, 1 }, { 24, 11, 1 } },
		{ { 200, 10, 1 }, { 100, 1, 1 } }, { { 64, 64, 1 }, { 1, 64, 1 } },
	};
	struct cl cl;

	cl_open(&cl);
	cl_program program = cl_build(&cl, source);
	for (uint32_t i = 0; i < MAX_ITEMS; i++)
		in[i] = (i * 2654435761u) >> 7;

	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++)
		test_count(&cl, program, &counts[i]);
	for (size_t i = 0; i < sizeof(tiles) / sizeof(tiles[0]); i++)
		test_neighbours(&cl, program, &tiles[i]);
	for (size_t i = 0; i < sizeof(tiles) / sizeof(tiles[0]); i++)
		test_widths(&cl, program, &tiles[i]);
	test_transpose(&cl, program);
	test_pairs(&cl, program);
	test_walk(&cl, program, "walk", walk);
	test_walk(&cl, program, "walk_back", walk_back);
	test_wrap(&cl, program, "wrap", 0);
	test_wrap(&cl, program, "wrap_signed", INT32_MIN);

	CL_CHECK(clReleaseProgram(program));
	cl_close(&cl);
	return tap_status();
}
