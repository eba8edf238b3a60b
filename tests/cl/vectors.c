/* SPDX-License-Identifier: MIT */
/* Vector addition on every kind of memory that a program has. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "cl_helper.h"
#include "tap.h"

#define N 5000

static const char source[] =
	"kernel void add(global const float *a, global const float *b,\n"
	"		global float *c, uint n)\n"
	"{\n"
	"	uint i = get_global_id(0);\n"
	"\n"
	"	if (i < n)\n"
	"		c[i] = a[i] + b[i];\n"
	"}\n"
	"kernel void add16(global const float16 *a, global const float16 *b,\n"
	"		  global float16 *c)\n"
	"{\n"
	"	uint i = get_global_id(0);\n"
	"\n"
	"	c[i] = a[i] + b[i];\n"
	"}\n"
	"kernel void add_buffers(global const float *a, global const float *b,\n"
	"			global float *c)\n"
	"{\n"
	"	uint i = get_global_id(0);\n"
	"\n"
	"	c[i] = a[i] + b[i];\n"
	"}\n";

static float global_a[N], global_b[N], global_c[N];

static void fill(float *a, float *b, float *c)
{
	for (int i = 0; i < N; i++) {
		a[i] = i;
		b[i] = 0.5f * i;
		c[i] = -1;
	}
}

static bool is_sum(const float *a, const float *b, const float *c, int n)
{
	for (int i = 0; i < n; i++) {
		if (c[i] != a[i] + b[i]) {
			tap_note("element %d is %g, not %g", i, c[i], a[i] + b[i]);
			return false;
		}
	}
	return true;
}

static void test_add(struct cl *cl, cl_kernel kernel, const char *name, float *a,
		     float *b, float *c)
{
	const cl_uint n = N;

	fill(a, b, c);
	cl_arg_pointer(kernel, 0, a);
	cl_arg_pointer(kernel, 1, b);
	cl_arg_pointer(kernel, 2, c);
	CL_ARG(kernel, 3, n);
	cl_run(cl, kernel, (N + 255) / 256 * 256, 256);
	tap_result(is_sum(a, b, c, N), "vector add: %s", name);
}

static void test_malloc(struct cl *cl, cl_kernel kernel)
{
	float *a = malloc(N * sizeof(*a)), *b = malloc(N * sizeof(*b));
	float *c = malloc(N * sizeof(*c));

	test_add(cl, kernel, "malloc()", a, b, c);
	free(a);
	free(b);
	free(c);
}

static void test_stack(struct cl *cl, cl_kernel kernel)
{
	float a[N], b[N], c[N];

	test_add(cl, kernel, "stack", a, b, c);
}

static void test_mmap(struct cl *cl, cl_kernel kernel, int flags,
		      const char *name)
{
	size_t size = 3 * N * sizeof(float);
	float *map = mmap(NULL, size, PROT_READ | PROT_WRITE, flags | MAP_ANONYMOUS,
			  -1, 0);

	if (map == MAP_FAILED) {
		tap_result(false, "vector add: %s", name);
		return;
	}
	test_add(cl, kernel, name, map, map + N, map + 2 * N);
	munmap(map, size);
}

static void test_svm_alloc(struct cl *cl, cl_kernel kernel)
{
	float *p = clSVMAlloc(cl->context, CL_MEM_READ_WRITE, 3 * N * sizeof(*p), 0);

	test_add(cl, kernel, "clSVMAlloc()", p, p + N, p + 2 * N);
	clSVMFree(cl->context, p);
}

static void test_unaligned(struct cl *cl, cl_kernel kernel)
{
	char *p = malloc(3 * N * sizeof(float) + 1);

	/* OpenCL does not ask for it, the hardware can do it. */
	test_add(cl, kernel, "odd addresses", (float *)(p + 1),
		 (float *)(p + 1) + N, (float *)(p + 1) + 2 * N);
	free(p);
}

static void test_float16(struct cl *cl, cl_program program)
{
	enum { COUNT = N / 16 * 16 };
	cl_kernel kernel = cl_kernel_of(program, "add16");
	float *a = aligned_alloc(64, N * 4 + 64 - N * 4 % 64);
	float *b = aligned_alloc(64, N * 4 + 64 - N * 4 % 64);
	float *c = aligned_alloc(64, N * 4 + 64 - N * 4 % 64);

	fill(a, b, c);
	cl_arg_pointer(kernel, 0, a);
	cl_arg_pointer(kernel, 1, b);
	cl_arg_pointer(kernel, 2, c);
	cl_run(cl, kernel, COUNT / 16, 0);
	tap_result(is_sum(a, b, c, COUNT), "vector add: float16");
	free(a);
	free(b);
	free(c);
	CL_CHECK(clReleaseKernel(kernel));
}

static cl_mem make_buffer(struct cl *cl, cl_mem_flags flags, float *data)
{
	cl_int err;
	cl_mem mem = clCreateBuffer(cl->context, flags, N * sizeof(*data), data,
				    &err);

	CL_CHECK(err);
	return mem;
}

static void test_buffers(struct cl *cl, cl_program program)
{
	cl_kernel kernel = cl_kernel_of(program, "add_buffers");

	fill(global_a, global_b, global_c);
	cl_mem a = make_buffer(cl, CL_MEM_COPY_HOST_PTR, global_a);
	cl_mem b = make_buffer(cl, CL_MEM_USE_HOST_PTR, global_b);
	cl_mem c = make_buffer(cl, CL_MEM_WRITE_ONLY, NULL);
	CL_ARG(kernel, 0, a);
	CL_ARG(kernel, 1, b);
	CL_ARG(kernel, 2, c);
	cl_run(cl, kernel, N, 0);
	CL_CHECK(clEnqueueReadBuffer(cl->queue, c, CL_TRUE, 0, sizeof(global_c),
				     global_c, 0, NULL, NULL));
	tap_result(is_sum(global_a, global_b, global_c, N),
		   "vector add: cl_mem buffers");

	const float pattern = 7;
	CL_CHECK(clEnqueueFillBuffer(cl->queue, a, &pattern, sizeof(pattern), 0,
				     N * sizeof(float), 0, NULL, NULL));
	CL_CHECK(clEnqueueCopyBuffer(cl->queue, a, c, 0, 0, N * sizeof(float), 0,
				     NULL, NULL));
	CL_CHECK(clEnqueueReadBuffer(cl->queue, c, CL_TRUE, 0, sizeof(global_c),
				     global_c, 0, NULL, NULL));
	bool ok = true;
	for (int i = 0; i < N; i++)
		ok &= global_c[i] == pattern;
	tap_result(ok, "buffers: fill and copy");
	clReleaseMemObject(a);
	clReleaseMemObject(b);
	clReleaseMemObject(c);
	CL_CHECK(clReleaseKernel(kernel));
}

int main(void)
{
	struct cl cl;

	cl_open(&cl);
	cl_program program = cl_build(&cl, source);
	cl_kernel kernel = cl_kernel_of(program, "add");

	test_malloc(&cl, kernel);
	test_stack(&cl, kernel);
	test_add(&cl, kernel, "globals", global_a, global_b, global_c);
	test_mmap(&cl, kernel, MAP_PRIVATE, "mmap(), private");
	test_mmap(&cl, kernel, MAP_SHARED, "mmap(), shared");
	test_svm_alloc(&cl, kernel);
	test_unaligned(&cl, kernel);
	test_float16(&cl, program);
	test_buffers(&cl, program);

	CL_CHECK(clReleaseKernel(kernel));
	CL_CHECK(clReleaseProgram(program));
	cl_close(&cl);
	return tap_status();
}
