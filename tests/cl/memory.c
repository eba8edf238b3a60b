/* SPDX-License-Identifier: MIT */
/* Memory that is not there is the documented error, costs nothing, and the context goes on. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "cl_helper.h"
#include "tap.h"

#define MAX_BUFFERS 64
#define BIG (64u << 20)

static const char source[] =
	"kernel void fill(global int *p, int v) { p[get_global_id(0)] = v; }\n"
	"kernel void local_arg(global int *p, local int *l)\n"
	"{\n"
	"	l[get_local_id(0)] = get_local_id(0);\n"
	"	p[get_global_id(0)] = l[get_local_id(0)];\n"
	"}\n"
	"kernel void local_big(global int *p)\n"
	"{\n"
	"	local int l[LOCAL_INTS];\n"
	"	l[p[0]] = 1;\n"
	"	p[get_global_id(0)] = l[p[1]];\n"
	"}\n"
	"kernel void private_big(global int *p)\n"
	"{\n"
	"	int l[PRIVATE_INTS];\n"
	"	for (int i = 0; i < PRIVATE_INTS; i++)\n"
	"		l[i] = p[i & 1];\n"
	"	p[get_global_id(0)] = l[p[1]];\n"
	"}\n";

static uint64_t device_size(struct cl *cl, cl_device_info info)
{
	cl_ulong value;

	CL_CHECK(clGetDeviceInfo(cl->device, info, sizeof(value), &value, NULL));
	return value;
}

/* Bytes of the process's address space. */
static uint64_t address_space(void)
{
	unsigned long pages = 0;
	FILE *file = fopen("/proc/self/statm", "r");

	if (!file || fscanf(file, "%lu", &pages) != 1)
		tap_result(false, "/proc/self/statm");
	if (file)
		fclose(file);
	return (uint64_t)pages * 4096;
}

/* Lets the address space grow by @bytes, or without limit. */
static void limit(uint64_t bytes)
{
	struct rlimit lim;

	getrlimit(RLIMIT_AS, &lim);
	lim.rlim_cur = bytes ? address_space() + bytes : lim.rlim_max;
	setrlimit(RLIMIT_AS, &lim);
}

static bool fill_works(struct cl *cl, cl_program program)
{
	cl_kernel kernel = cl_kernel_of(program, "fill");
	const cl_int value = 7;
	int *memory = calloc(64, sizeof(*memory));
	bool ok = true;

	cl_arg_pointer(kernel, 0, memory);
	CL_ARG(kernel, 1, value);
	cl_run(cl, kernel, 64, 0);
	for (int i = 0; i < 64; i++)
		ok &= memory[i] == value;
	CL_CHECK(clReleaseKernel(kernel));
	free(memory);
	return ok;
}

static void test_too_large(struct cl *cl)
{
	const uint64_t max = device_size(cl, CL_DEVICE_MAX_MEM_ALLOC_SIZE);
	cl_int err;
	cl_mem buffer = clCreateBuffer(cl->context, 0, max + 1, NULL, &err);

	tap_result(!buffer && err == CL_INVALID_BUFFER_SIZE,
		   "a buffer beyond CL_DEVICE_MAX_MEM_ALLOC_SIZE is CL_INVALID_BUFFER_SIZE");
	tap_result(!clSVMAlloc(cl->context, CL_MEM_READ_WRITE, max + 1, 0),
		   "clSVMAlloc() of as much is NULL");
}

/* How many of the largest buffers there can be; *@err is what the last one was. */
static int exhaust(struct cl *cl, cl_int *err, cl_int *image_err)
{
	const cl_image_format format = { CL_RGBA, CL_FLOAT };
	const cl_image_desc desc = {
		.image_type = CL_MEM_OBJECT_IMAGE2D, .image_width = 8192, .image_height = 8192,
	};
	const size_t max = device_size(cl, CL_DEVICE_MAX_MEM_ALLOC_SIZE);
	cl_mem buffers[MAX_BUFFERS], image;
	int count = 0;

	while (count < MAX_BUFFERS) {
		buffers[count] = clCreateBuffer(cl->context, 0, max, NULL, err);
		if (*err)
			break;
		count++;
	}
	image = clCreateImage(cl->context, CL_MEM_READ_WRITE, &format, &desc, NULL, image_err);
	if (image)
		CL_CHECK(clReleaseMemObject(image));
	for (int i = 0; i < count; i++)
		CL_CHECK(clReleaseMemObject(buffers[i]));
	return count;
}

static void test_exhausted(struct cl *cl, cl_program program)
{
	const uint64_t max = device_size(cl, CL_DEVICE_MAX_MEM_ALLOC_SIZE);
	const uint64_t all = device_size(cl, CL_DEVICE_GLOBAL_MEM_SIZE);
	cl_int err = CL_SUCCESS, image_err = CL_SUCCESS;
	const int first = exhaust(cl, &err, &image_err);
	uint64_t before = address_space();
	bool same = true;

	tap_result(err == CL_MEM_OBJECT_ALLOCATION_FAILURE && first > 0 && first * max <= all,
		   "buffers beyond CL_DEVICE_GLOBAL_MEM_SIZE are CL_MEM_OBJECT_ALLOCATION_FAILURE");
	tap_result(image_err == CL_MEM_OBJECT_ALLOCATION_FAILURE, "and so is an image");
	for (int i = 0; i < 50; i++)
		same &= exhaust(cl, &err, &image_err) == first;
	tap_result(same && address_space() < before + (4 << 20), "fifty times the same: nothing leaks");
	tap_result(fill_works(cl, program), "a kernel works after it");
}

static void test_no_address_space(struct cl *cl, cl_program program)
{
	cl_int err, queue_err;
	cl_command_queue queue;

	limit(1 << 20);
	cl_mem buffer = clCreateBuffer(cl->context, 0, BIG, NULL, &err);
	void *svm = clSVMAlloc(cl->context, CL_MEM_READ_WRITE, BIG, 0);
	queue = clCreateCommandQueueWithProperties(cl->context, cl->device, NULL, &queue_err);
	limit(0);
	tap_result(!buffer && err == CL_MEM_OBJECT_ALLOCATION_FAILURE,
		   "a buffer without address space is CL_MEM_OBJECT_ALLOCATION_FAILURE");
	tap_result(!svm, "clSVMAlloc() without address space is NULL");
	tap_result(!queue && queue_err == CL_OUT_OF_HOST_MEMORY,
		   "a queue without memory for its thread is CL_OUT_OF_HOST_MEMORY");

	buffer = clCreateBuffer(cl->context, 0, BIG, NULL, &err);
	CL_CHECK(err);
	svm = clSVMAlloc(cl->context, CL_MEM_READ_WRITE, BIG, 0);
	tap_result(buffer && svm && fill_works(cl, program), "all of it works with address space");
	CL_CHECK(clReleaseMemObject(buffer));
	clSVMFree(cl->context, svm);
}

/* The first launch of a queue needs memory for arguments, which is larger than the limit. */
static void test_launch_without_memory(struct cl *cl, cl_program program)
{
	const size_t items = 64;
	const cl_int value = 3;
	cl_kernel kernel = cl_kernel_of(program, "fill");
	int *memory = calloc(64, sizeof(*memory));
	cl_int err, status = CL_SUCCESS;
	cl_event event = NULL;
	cl_command_queue queue = clCreateCommandQueueWithProperties(cl->context, cl->device, NULL,
								    &err);

	CL_CHECK(err);
	/*
	 * The queue's thread maps a malloc() arena as it starts, twice as large
	 * as what it keeps: the limit would be counted from the larger one.
	 */
	CL_CHECK(clEnqueueMarkerWithWaitList(queue, 0, NULL, NULL));
	CL_CHECK(clFinish(queue));
	cl_arg_pointer(kernel, 0, memory);
	CL_ARG(kernel, 1, value);
	limit(256 << 10);
	err = clEnqueueNDRangeKernel(queue, kernel, 1, NULL, &items, NULL, 0, NULL, &event);
	if (!err) {
		clWaitForEvents(1, &event);
		CL_CHECK(clGetEventInfo(event, CL_EVENT_COMMAND_EXECUTION_STATUS, sizeof(status),
					&status, NULL));
		CL_CHECK(clReleaseEvent(event));
	}
	limit(0);
	tap_result(err == CL_OUT_OF_RESOURCES || status == CL_OUT_OF_RESOURCES,
		   "a launch without memory is CL_OUT_OF_RESOURCES");
	tap_result(!memory[0] && fill_works(cl, program), "and another queue goes on");
	CL_CHECK(clReleaseCommandQueue(queue));
	CL_CHECK(clReleaseKernel(kernel));
	free(memory);
}

static cl_int enqueue(struct cl *cl, cl_kernel kernel, size_t items, size_t group)
{
	cl_int err = clEnqueueNDRangeKernel(cl->queue, kernel, 1, NULL, &items, &group, 0, NULL, NULL);

	CL_CHECK(clFinish(cl->queue));
	return err;
}

static void test_kernel_too_large(struct cl *cl, cl_program program)
{
	const size_t local_max = device_size(cl, CL_DEVICE_LOCAL_MEM_SIZE);
	const size_t square[] = { 256, 256 };
	int *memory = calloc(4096, sizeof(*memory));
	cl_kernel kernel = cl_kernel_of(program, "local_arg");
	bool ok = true;

	cl_arg_pointer(kernel, 0, memory);
	CL_CHECK(clSetKernelArg(kernel, 1, local_max + 4, NULL));
	tap_result(enqueue(cl, kernel, 64, 64) == CL_OUT_OF_RESOURCES,
		   "a local argument that is too large is CL_OUT_OF_RESOURCES");
	CL_CHECK(clSetKernelArg(kernel, 1, local_max, NULL));
	ok = enqueue(cl, kernel, 64, 64) == CL_SUCCESS;
	for (int i = 0; i < 64; i++)
		ok &= memory[i] == i;
	tap_result(ok, "all of CL_DEVICE_LOCAL_MEM_SIZE can be had");
	tap_result(enqueue(cl, kernel, 8192, 4096) == CL_INVALID_WORK_ITEM_SIZE,
		   "a work-group that is too long is CL_INVALID_WORK_ITEM_SIZE");
	tap_result(clEnqueueNDRangeKernel(cl->queue, kernel, 2, NULL, square, square, 0, NULL,
					  NULL) == CL_INVALID_WORK_GROUP_SIZE,
		   "one that is too large is CL_INVALID_WORK_GROUP_SIZE");
	CL_CHECK(clReleaseKernel(kernel));

	kernel = cl_kernel_of(program, "local_big");
	cl_arg_pointer(kernel, 0, memory);
	tap_result(enqueue(cl, kernel, 64, 64) == CL_OUT_OF_RESOURCES,
		   "local variables that are too large are CL_OUT_OF_RESOURCES");
	CL_CHECK(clReleaseKernel(kernel));

	kernel = cl_kernel_of(program, "private_big");
	cl_arg_pointer(kernel, 0, memory);
	tap_result(enqueue(cl, kernel, 64, 64) == CL_OUT_OF_RESOURCES,
		   "private variables that are too large are CL_OUT_OF_RESOURCES");
	CL_CHECK(clReleaseKernel(kernel));
	tap_result(fill_works(cl, program), "the queue goes on after all of it");
	free(memory);
}

static cl_program build(struct cl *cl)
{
	cl_program program = cl_source(cl, source);
	char options[128];

	snprintf(options, sizeof(options), "-DLOCAL_INTS=%u -DPRIVATE_INTS=%u",
		 (unsigned)device_size(cl, CL_DEVICE_LOCAL_MEM_SIZE) / 4 + 1, 32u << 20);
	CL_CHECK(clBuildProgram(program, 1, &cl->device, options, NULL, NULL));
	return program;
}

int main(void)
{
	struct cl cl;

	cl_open(&cl);
	cl_program program = build(&cl);

	tap_result(fill_works(&cl, program), "a kernel works before");
	test_too_large(&cl);
	test_exhausted(&cl, program);
	test_no_address_space(&cl, program);
	test_launch_without_memory(&cl, program);
	test_kernel_too_large(&cl, program);
	CL_CHECK(clReleaseProgram(program));
	cl_close(&cl);
	return tap_status();
}
