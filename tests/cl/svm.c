/* SPDX-License-Identifier: MIT */
/* Commands on shared virtual memory: copies, fills, host memory as a buffer. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "cl_helper.h"
#include "tap.h"

#define N (300 * 1024)

static const char source[] =
	"kernel void add(global uchar *p, uchar v)\n"
	"{\n"
	"	p[get_global_id(0)] += v;\n"
	"}\n";

static void enqueue_add(struct cl *cl, cl_kernel kernel, const void *pointer, cl_uchar v)
{
	const size_t items = N;

	cl_arg_pointer(kernel, 0, pointer);
	CL_ARG(kernel, 1, v);
	CL_CHECK(clEnqueueNDRangeKernel(cl->queue, kernel, 1, NULL, &items, NULL, 0, NULL, NULL));
}

/* Nothing waits in between: the queue keeps the order. */
static void test_copy(struct cl *cl, cl_kernel kernel)
{
	uint8_t *a = malloc(N + 1), *b = calloc(1, N + 1);
	bool ok = true;

	for (int i = 0; i < N + 1; i++)
		a[i] = i * 7;
	enqueue_add(cl, kernel, a, 1);
	CL_CHECK(clEnqueueSVMMemcpy(cl->queue, CL_FALSE, b + 1, a, N, 0, NULL, NULL));
	enqueue_add(cl, kernel, b + 1, 2);
	CL_CHECK(clEnqueueSVMMemcpy(cl->queue, CL_TRUE, a, b + 1, N, 0, NULL, NULL));
	for (int i = 0; i < N; i++)
		ok &= a[i] == (uint8_t)(i * 7 + 3) && b[i + 1] == a[i];
	tap_result(ok && a[N] == (uint8_t)(N * 7) && b[0] == 0,
		   "copies are in order with kernels");
	tap_result(clEnqueueSVMMemcpy(cl->queue, CL_TRUE, a, a + 1, 2, 0, NULL, NULL) ==
		   CL_MEM_COPY_OVERLAP, "a copy that overlaps is refused");
	free(a);
	free(b);
}

static void test_fill(struct cl *cl, cl_kernel kernel)
{
	uint8_t *memory = aligned_alloc(4096, N + 4096), pattern[128];
	cl_int err;

	for (unsigned i = 0; i < sizeof(pattern); i++)
		pattern[i] = 3 * i + 1;
	for (size_t size = 1; size <= sizeof(pattern); size *= 2) {
		bool ok = true;

		memset(memory, 0xee, N + 4096);
		CL_CHECK(clEnqueueSVMMemFill(cl->queue, memory + 128, pattern, size, N, 0, NULL,
					     NULL));
		enqueue_add(cl, kernel, memory + 128, 5);
		CL_CHECK(clFinish(cl->queue));
		for (int i = 0; i < N; i++)
			ok &= memory[128 + i] == (uint8_t)(pattern[i % size] + 5);
		tap_result(ok && memory[127] == 0xee && memory[128 + N] == 0xee,
			   "a fill with a pattern of %zu bytes", size);
	}
	err = clEnqueueSVMMemFill(cl->queue, memory, pattern, 0, N, 0, NULL, NULL);
	tap_result(err == CL_INVALID_VALUE, "a fill without a pattern is refused");
	err = clEnqueueSVMMemFill(cl->queue, memory + 1, pattern, 4, 8, 0, NULL, NULL);
	tap_result(err == CL_INVALID_VALUE, "a fill that is not aligned is refused");
	free(memory);
}

/* The device makes the copy: its fault is the command's error, not the program's end. */
static void test_bad_copy(struct cl *cl, cl_kernel kernel)
{
	uint8_t *a = calloc(1, N);
	char *page = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	cl_event event;
	cl_int err, status = CL_SUCCESS;
	cl_command_queue queue = clCreateCommandQueueWithProperties(cl->context, cl->device, NULL,
								    &err);

	CL_CHECK(err);
	CL_CHECK(clEnqueueSVMMemcpy(queue, CL_FALSE, a, page, 4096, 0, NULL, &event));
	err = clWaitForEvents(1, &event);
	CL_CHECK(clGetEventInfo(event, CL_EVENT_COMMAND_EXECUTION_STATUS, sizeof(status), &status,
				NULL));
	tap_result(err == CL_EXEC_STATUS_ERROR_FOR_EVENTS_IN_WAIT_LIST &&
		   status == CL_OUT_OF_RESOURCES, "a copy of what cannot be read is an error");
	CL_CHECK(clReleaseEvent(event));
	CL_CHECK(clReleaseCommandQueue(queue));
	enqueue_add(cl, kernel, a, 1);
	CL_CHECK(clFinish(cl->queue));
	tap_result(a[0] == 1 && a[N - 1] == 1, "another queue goes on after it");
	munmap(page, 4096);
	free(a);
}

static void test_host_pointer(struct cl *cl, cl_kernel kernel)
{
	const size_t items = N;
	const cl_uchar one = 1;
	uint8_t *memory = calloc(1, N);
	cl_int err;
	cl_mem buffer = clCreateBuffer(cl->context, CL_MEM_READ_WRITE | CL_MEM_USE_HOST_PTR, N,
				       memory, &err);

	CL_CHECK(err);
	CL_CHECK(clSetKernelArg(kernel, 0, sizeof(buffer), &buffer));
	CL_ARG(kernel, 1, one);
	CL_CHECK(clEnqueueNDRangeKernel(cl->queue, kernel, 1, NULL, &items, NULL, 0, NULL, NULL));
	enqueue_add(cl, kernel, memory, 2);
	CL_CHECK(clFinish(cl->queue));
	tap_result(memory[0] == 3 && memory[N - 1] == 3,
		   "CL_MEM_USE_HOST_PTR: buffer and pointer are the same memory, not mapped");
	void *map = clEnqueueMapBuffer(cl->queue, buffer, CL_TRUE, CL_MAP_READ, 0, N, 0, NULL,
				       NULL, &err);
	tap_result(err == CL_SUCCESS && map == memory, "CL_MEM_USE_HOST_PTR: mapped where it is");
	CL_CHECK(clEnqueueUnmapMemObject(cl->queue, buffer, map, 0, NULL, NULL));
	CL_CHECK(clFinish(cl->queue));
	CL_CHECK(clReleaseMemObject(buffer));
	free(memory);
}

static void test_exec_info(cl_kernel kernel)
{
	const cl_bool yes = CL_TRUE;
	void *pointers[] = { &pointers };

	tap_result(clSetKernelExecInfo(kernel, CL_KERNEL_EXEC_INFO_SVM_FINE_GRAIN_SYSTEM,
				       sizeof(yes), &yes) == CL_SUCCESS &&
		   clSetKernelExecInfo(kernel, CL_KERNEL_EXEC_INFO_SVM_PTRS, sizeof(pointers),
				       pointers) == CL_SUCCESS &&
		   clSetKernelExecInfo(kernel, CL_KERNEL_EXEC_INFO_SVM_FINE_GRAIN_SYSTEM, 1,
				       &yes) == CL_INVALID_VALUE &&
		   clSetKernelExecInfo(kernel, 0x1234, sizeof(yes), &yes) == CL_INVALID_VALUE,
		   "clSetKernelExecInfo()");
}

int main(void)
{
	struct cl cl;

	cl_open(&cl);
	cl_program program = cl_build(&cl, source);
	cl_kernel kernel = cl_kernel_of(program, "add");

	test_copy(&cl, kernel);
	test_fill(&cl, kernel);
	test_bad_copy(&cl, kernel);
	test_host_pointer(&cl, kernel);
	test_exec_info(kernel);
	CL_CHECK(clReleaseKernel(kernel));
	CL_CHECK(clReleaseProgram(program));
	cl_close(&cl);
	return tap_status();
}
