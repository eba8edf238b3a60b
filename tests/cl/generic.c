/* SPDX-License-Identifier: MIT */
/* Pointers without an address space: global, local and private memory through one type. */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "cl_helper.h"
#include "tap.h"

#define ITEMS 256
#define GROUP 128

static const char source[] =
	"int sum(const int *p) { return p[0] + 10 * p[1] + 100 * p[2]; }\n"
	"void fill(int *p, int v) { for (int i = 0; i < 3; i++) p[i] = v + i; }\n"
	"kernel void choose(global int *g, local int *l, global int *out)\n"
	"{\n"
	"	int i = get_global_id(0), own[3];\n"
	"	int *p[3] = { g + 3 * i, l + 3 * get_local_id(0), own };\n"
	"\n"
	"	for (int k = 0; k < 3; k++)\n"
	"		fill(p[(k + i) % 3], i + 1000 * ((k + i) % 3));\n"
	"	for (int k = 0; k < 3; k++)\n"
	"		out[3 * i + k] = sum(p[(k + i) % 3]);\n"
	"}\n"
	"kernel void tell(global int *g, global int *out)\n"
	"{\n"
	"	local int l[4];\n"
	"	int i = get_global_id(0), own[4];\n"
	"	int *p = i % 4 == 0 ? (int *)g : i % 4 == 1 ? (int *)l : i % 4 == 2 ? (int *)own : NULL;\n"
	"\n"
	"	out[i] = (to_global(p) == g && g) | (to_local(p) == l) << 1 |\n"
	"		 (to_private(p) == own) << 2 | (p == NULL) << 3 |\n"
	"		 (get_fence(p) == CLK_LOCAL_MEM_FENCE) << 4;\n"
	"}\n"
	"kernel void atomics(global int *g, global int *out)\n"
	"{\n"
	"	local atomic_int l;\n"
	"	atomic_int own;\n"
	"	int i = get_global_id(0), old;\n"
	"\n"
	"	atomic_init(&own, i);\n"
	"	if (get_local_id(0) == 0)\n"
	"		atomic_init(&l, 0);\n"
	"	barrier(CLK_LOCAL_MEM_FENCE);\n"
	"	atomic_int *p = i % 3 == 0 ? (atomic_int *)(volatile global atomic_int *)g :\n"
	"			i % 3 == 1 ? (atomic_int *)&l : &own;\n"
	"	old = atomic_fetch_add_explicit(p, 5, memory_order_relaxed,\n"
	"					memory_scope_device);\n"
	"	atomic_compare_exchange_strong_explicit(&own, &old, 7, memory_order_relaxed,\n"
	"		memory_order_relaxed, memory_scope_work_item);\n"
	"	barrier(CLK_LOCAL_MEM_FENCE);\n"
	"	out[i] = i % 3 == 2 ? atomic_load_explicit(p, memory_order_relaxed,\n"
	"			memory_scope_work_item) :\n"
	"		 i % 3 == 1 ? atomic_load_explicit(p, memory_order_relaxed,\n"
	"			memory_scope_work_group) : 0;\n"
	"}\n"
	"kernel void results(global const float *in, global float *out)\n"
	"{\n"
	"	local float l[256];\n"
	"	local int e[128];\n"
	"	int i = get_global_id(0), here = get_local_id(0), exponent, quotient;\n"
	"	float x = in[i], own[2], *p = i % 2 ? (float *)&l[2 * here] : own;\n"
	"	int *q = i % 2 ? (int *)&e[here] : &exponent;\n"
	"\n"
	"	out[8 * i] = fract(x, p);\n"
	"	out[8 * i + 1] = *p;\n"
	"	out[8 * i + 2] = frexp(x, q);\n"
	"	out[8 * i + 3] = *q;\n"
	"	out[8 * i + 4] = modf(x, &out[8 * i + 5]);\n"
	"	out[8 * i + 6] = remquo(x, 3.0f, i % 2 ? &quotient : q);\n"
	"	vstore2(vload2(0, out + 8 * i + 4), 1, p - 2);\n"
	"	out[8 * i + 7] = *p;\n"
	"}\n"
	"struct node { struct node *next; int value; };\n"
	"kernel void chain(global struct node *nodes, global int *out)\n"
	"{\n"
	"	int i = get_global_id(0);\n"
	"	struct node head = { i % 2 ? NULL : (struct node *)&nodes[i], 1 }, copy;\n"
	"	struct node *p = &head;\n"
	"	int sum = 0;\n"
	"\n"
	"	for (; p; p = copy.next) {\n"
	"		copy = *p;\n"
	"		sum += copy.value;\n"
	"	}\n"
	"	out[i] = sum;\n"
	"}\n";

static int want_sum(int v)
{
	return v + 10 * (v + 1) + 100 * (v + 2);
}

static void test_choose(struct cl *cl, cl_program program)
{
	cl_kernel kernel = cl_kernel_of(program, "choose");
	int *g = calloc(3 * ITEMS, sizeof(*g)), *out = calloc(3 * ITEMS, sizeof(*out));
	bool ok = true;

	cl_arg_pointer(kernel, 0, g);
	CL_CHECK(clSetKernelArg(kernel, 1, 3 * GROUP * sizeof(cl_int), NULL));
	cl_arg_pointer(kernel, 2, out);
	cl_run(cl, kernel, ITEMS, GROUP);
	for (int i = 0; i < ITEMS; i++) {
		for (int k = 0; k < 3; k++)
			ok &= out[3 * i + k] == want_sum(i + 1000 * ((k + i) % 3)) &&
			      g[3 * i + k] == i + k;
	}
	tap_result(ok, "generic pointers: chosen at run time, loads and stores");
	free(g);
	free(out);
	CL_CHECK(clReleaseKernel(kernel));
}

static void test_tell(struct cl *cl, cl_program program)
{
	static const int want[] = { 1, 2 | 16, 4, 8 };
	cl_kernel kernel = cl_kernel_of(program, "tell");
	int *g = calloc(4, sizeof(*g)), *out = calloc(ITEMS, sizeof(*out));
	bool ok = true;

	cl_arg_pointer(kernel, 0, g);
	cl_arg_pointer(kernel, 1, out);
	cl_run(cl, kernel, ITEMS, GROUP);
	for (int i = 0; i < ITEMS; i++) {
		if (out[i] != want[i % 4] && ok)
			tap_note("item %d: %#x, not %#x", i, out[i], want[i % 4]);
		ok &= out[i] == want[i % 4];
	}
	tap_result(ok, "generic pointers: to_global(), to_local(), to_private(), get_fence()");
	free(g);
	free(out);
	CL_CHECK(clReleaseKernel(kernel));
}

static void test_atomics(struct cl *cl, cl_program program)
{
	cl_kernel kernel = cl_kernel_of(program, "atomics");
	int *g = calloc(1, sizeof(*g)), *out = calloc(ITEMS, sizeof(*out));
	int global = 0, local[ITEMS / GROUP] = { 0 };
	bool ok = true;

	for (int i = 0; i < ITEMS; i++) {
		global += i % 3 == 0 ? 5 : 0;
		local[i / GROUP] += i % 3 == 1 ? 5 : 0;
	}
	cl_arg_pointer(kernel, 0, g);
	cl_arg_pointer(kernel, 1, out);
	cl_run(cl, kernel, ITEMS, GROUP);
	ok = *g == global;
	for (int i = 0; i < ITEMS; i++)
		ok &= out[i] == (i % 3 == 2 ? i + 5 : i % 3 == 1 ? local[i / GROUP] : 0);
	tap_result(ok, "generic pointers: atomics of global, local and private memory");
	free(g);
	free(out);
	CL_CHECK(clReleaseKernel(kernel));
}

static void test_results(struct cl *cl, cl_program program)
{
	cl_kernel kernel = cl_kernel_of(program, "results");
	float *in = calloc(ITEMS, sizeof(*in)), *out = calloc(8 * ITEMS, sizeof(*out));
	bool ok = true;

	for (int i = 0; i < ITEMS; i++)
		in[i] = i * 0.75f + 0.125f;
	cl_arg_pointer(kernel, 0, in);
	cl_arg_pointer(kernel, 1, out);
	cl_run(cl, kernel, ITEMS, GROUP);
	for (int i = 0; i < ITEMS; i++) {
		const float *o = out + 8 * i;
		int exponent, quotient;
		float whole;

		ok &= o[0] == in[i] - floorf(in[i]) && o[1] == floorf(in[i]);
		ok &= o[2] == frexpf(in[i], &exponent) && o[3] == exponent;
		ok &= o[4] == modff(in[i], &whole) && o[5] == whole && o[7] == o[4];
		ok &= o[6] == remquof(in[i], 3.0f, &quotient);
	}
	tap_result(ok, "generic pointers: second results of functions, vload and vstore");
	free(in);
	free(out);
	CL_CHECK(clReleaseKernel(kernel));
}

struct node {
	struct node *next;
	cl_int value;
};

static void test_chain(struct cl *cl, cl_program program)
{
	cl_kernel kernel = cl_kernel_of(program, "chain");
	struct node *nodes = calloc(ITEMS, sizeof(*nodes));
	int *out = calloc(ITEMS, sizeof(*out));
	bool ok = true;

	for (int i = 0; i < ITEMS; i++)
		nodes[i] = (struct node){ i + 16 < ITEMS ? &nodes[i + 16] : NULL, i };
	cl_arg_pointer(kernel, 0, nodes);
	cl_arg_pointer(kernel, 1, out);
	cl_run(cl, kernel, ITEMS, GROUP);
	for (int i = 0; i < ITEMS; i++) {
		int want = 1;

		for (int k = i; i % 2 == 0 && k < ITEMS; k += 16)
			want += k;
		ok &= out[i] == want;
	}
	tap_result(ok, "generic pointers: a list that begins in private memory");
	free(nodes);
	free(out);
	CL_CHECK(clReleaseKernel(kernel));
}

int main(void)
{
	struct cl cl;
	cl_bool generic = CL_FALSE;

	cl_open(&cl);
	CL_CHECK(clGetDeviceInfo(cl.device, CL_DEVICE_GENERIC_ADDRESS_SPACE_SUPPORT,
				 sizeof(generic), &generic, NULL));
	tap_result(generic, "the device has generic pointers");
	cl_program program = cl_build(&cl, source);
	test_choose(&cl, program);
	test_tell(&cl, program);
	test_atomics(&cl, program);
	test_results(&cl, program);
	test_chain(&cl, program);
	CL_CHECK(clReleaseProgram(program));
	cl_close(&cl);
	return tap_status();
}
