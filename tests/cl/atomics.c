/* SPDX-License-Identifier: MIT */
/* Atomics in global and in local memory: each happens once per work-item. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "cl_helper.h"
#include "tap.h"

#define ITEMS 4096

static const char source[] =
	"kernel void global_ops(global int *v, global uint *u)\n"
	"{\n"
	"	int i = get_global_id(0);\n"
	"\n"
	"	atomic_add(&v[0], i);\n"
	"	atomic_sub(&v[1], i);\n"
	"	atomic_min(&v[2], i - 2000);\n"
	"	atomic_max(&v[3], i - 2000);\n"
	"	atomic_or(&v[4], 1 << (i & 31));\n"
	"	atomic_and(&v[5], ~(1 << (i % 7)));\n"
	"	atomic_xor(&v[6], i * 77);\n"
	"	atomic_min(&u[0], (uint)i + 0xfffff000u);\n"
	"	atomic_max(&u[1], (uint)i + 0xffff0000u);\n"
	"	if (i % 3 == 0)\n"
	"		atomic_inc(&v[7]);\n"
	"}\n"
	"kernel void tickets(global int *next, global int *owner)\n"
	"{\n"
	"	owner[atomic_inc(next)] = get_global_id(0);\n"
	"}\n"
	"kernel void local_histogram(global const uchar *in, global uint *out)\n"
	"{\n"
	"	local uint bins[16];\n"
	"	uint l = get_local_id(0);\n"
	"\n"
	"	if (l < 16)\n"
	"		bins[l] = 0;\n"
	"	barrier(CLK_LOCAL_MEM_FENCE);\n"
	"	atomic_inc(&bins[in[get_global_id(0)] & 15]);\n"
	"	barrier(CLK_LOCAL_MEM_FENCE);\n"
	"	if (l < 16)\n"
	"		atomic_add(&out[l], bins[l]);\n"
	"}\n"
	"kernel void compare_and_swap(global int *sum)\n"
	"{\n"
	"	int add = get_global_id(0) % 5;\n"
	"	int old = *(volatile global int *)sum, seen;\n"
	"\n"
	"	while ((seen = atomic_cmpxchg(sum, old, old + add)) != old)\n"
	"		old = seen;\n"
	"}\n"
	"kernel void exchange(global int *slot, global int *got)\n"
	"{\n"
	"	got[get_global_id(0)] = atomic_xchg(slot, get_global_id(0));\n"
	"}\n"
	"kernel void between_stores(global int *v, global int *got)\n"
	"{\n"
	"	local int words[64];\n"
	"	int i = get_global_id(0), l = get_local_id(0);\n"
	"\n"
	"	v[i] = i;\n"
	"	words[l] = 2 * i;\n"
	"	got[i] = atomic_add(&v[i], 5) + atomic_xchg(&words[l], 7);\n"
	"	v[i] = 9;\n"
	"	words[l] = 8;\n"
	"}\n";

static void test_global(struct cl *cl, cl_program program)
{
	cl_kernel kernel = cl_kernel_of(program, "global_ops");
	int *v = calloc(8, sizeof(*v));
	uint32_t *u = calloc(2, sizeof(*u));
	int sum = 0, xor = 0;

	for (int i = 0; i < ITEMS; i++) {
		sum += i;
		xor ^= i * 77;
	}
	v[5] = -1;
	u[0] = UINT32_MAX;
	cl_arg_pointer(kernel, 0, v);
	cl_arg_pointer(kernel, 1, u);
	cl_run(cl, kernel, ITEMS, 256);
	tap_result(v[0] == sum && v[1] == -sum, "global atomics: add and sub");
	tap_result(v[2] == -2000 && v[3] == ITEMS - 1 - 2000,
		   "global atomics: signed min and max");
	tap_result(u[0] == 0xfffff000u && u[1] == 0xffff0000u + ITEMS - 1,
		   "global atomics: unsigned min and max");
	tap_result(v[4] == -1 && v[5] == ~0x7f && v[6] == xor,
		   "global atomics: or, and, xor");
	tap_result(v[7] == (ITEMS + 2) / 3, "global atomics: some lanes only");
	free(v);
	free(u);
	CL_CHECK(clReleaseKernel(kernel));
}

static void test_tickets(struct cl *cl, cl_program program)
{
	cl_kernel kernel = cl_kernel_of(program, "tickets");
	int next = 0, *owner = malloc(ITEMS * sizeof(*owner));
	char *seen = calloc(1, ITEMS);
	bool ok;

	memset(owner, 0xff, ITEMS * sizeof(*owner));
	cl_arg_pointer(kernel, 0, &next);
	cl_arg_pointer(kernel, 1, owner);
	cl_run(cl, kernel, ITEMS, 64);
	ok = next == ITEMS;
	for (int i = 0; i < ITEMS; i++) {
		ok &= owner[i] >= 0 && owner[i] < ITEMS && !seen[owner[i]];
		if (ok)
			seen[owner[i]] = 1;
	}
	tap_result(ok, "atomic tickets: each is given once");
	free(owner);
	free(seen);
	CL_CHECK(clReleaseKernel(kernel));
}

static void test_local(struct cl *cl, cl_program program)
{
	cl_kernel kernel = cl_kernel_of(program, "local_histogram");
	uint8_t *in = malloc(ITEMS);
	uint32_t *out = calloc(16, sizeof(*out)), want[16] = { 0 };

	for (int i = 0; i < ITEMS; i++) {
		in[i] = i * i / 7;
		want[in[i] & 15]++;
	}
	cl_arg_pointer(kernel, 0, in);
	cl_arg_pointer(kernel, 1, out);
	cl_run(cl, kernel, ITEMS, 256);
	tap_result(!memcmp(out, want, sizeof(want)), "local atomics: histogram");
	free(in);
	free(out);
	CL_CHECK(clReleaseKernel(kernel));
}

static void test_compare_and_swap(struct cl *cl, cl_program program)
{
	cl_kernel kernel = cl_kernel_of(program, "compare_and_swap");
	int sum = 0, want = 0;

	for (int i = 0; i < 640; i++)
		want += i % 5;
	cl_arg_pointer(kernel, 0, &sum);
	cl_run(cl, kernel, 640, 64);
	tap_result(sum == want, "compare and swap in a loop");
	CL_CHECK(clReleaseKernel(kernel));
}

/* Every value goes in once and comes out once. */
static void test_exchange(struct cl *cl, cl_program program)
{
	cl_kernel kernel = cl_kernel_of(program, "exchange");
	int slot = -1, *got = malloc(ITEMS * sizeof(*got));
	long sum = 0;

	cl_arg_pointer(kernel, 0, &slot);
	cl_arg_pointer(kernel, 1, got);
	cl_run(cl, kernel, ITEMS, 64);
	for (int i = 0; i < ITEMS; i++)
		sum += got[i];
	tap_result(sum + slot == (long)ITEMS * (ITEMS - 1) / 2 - 1,
		   "exchange keeps all values");
	free(got);
	CL_CHECK(clReleaseKernel(kernel));
}

/* An atomic sees the store before it, though another store follows. */
static void test_between_stores(struct cl *cl, cl_program program)
{
	cl_kernel kernel = cl_kernel_of(program, "between_stores");
	int *v = calloc(ITEMS, sizeof(*v)), *got = calloc(ITEMS, sizeof(*got));
	bool ok = true;

	cl_arg_pointer(kernel, 0, v);
	cl_arg_pointer(kernel, 1, got);
	cl_run(cl, kernel, ITEMS, 64);
	for (int i = 0; i < ITEMS; i++)
		ok &= v[i] == 9 && got[i] == 3 * i;
	tap_result(ok, "atomics between two stores");
	free(v);
	free(got);
	CL_CHECK(clReleaseKernel(kernel));
}

int main(void)
{
	struct cl cl;

	cl_open(&cl);
	cl_program program = cl_build(&cl, source);
	test_global(&cl, program);
	test_tickets(&cl, program);
	test_local(&cl, program);
	test_compare_and_swap(&cl, program);
	test_exchange(&cl, program);
	test_between_stores(&cl, program);
	CL_CHECK(clReleaseProgram(program));
	cl_close(&cl);
	return tap_status();
}
