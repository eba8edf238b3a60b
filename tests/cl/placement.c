/* SPDX-License-Identifier: MIT */
/* Where memory is: migration by commands, advice, host memory that stays where it is. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "cl_helper.h"
#include "tap.h"

#include <CL/cl_ext_colibri.h>

#define SIZE (8u << 20)
#define INTS (SIZE / sizeof(cl_int))

static const char source[] =
	"kernel void add(global int *p, int v) { p[get_global_id(0)] += v; }\n"
	"kernel void count(global int *p) { atomic_inc(p); }\n";

static clSVMAdviseCOLIBRI_fn advise;

/* The largest value of @key among the open devices, or 0. */
static uint64_t usage(const char *key)
{
	uint64_t best = 0;
	DIR *dir = opendir("/proc/self/fdinfo");

	for (struct dirent *entry; (entry = readdir(dir));) {
		char path[300], line[256];
		snprintf(path, sizeof(path), "/proc/self/fdinfo/%s", entry->d_name);
		FILE *file = fopen(path, "r");

		while (file && fgets(line, sizeof(line), file)) {
			unsigned long long value;
			char unit[8] = "";

			if (strncmp(line, key, strlen(key)) || line[strlen(key)] != ':' ||
			    sscanf(line + strlen(key) + 1, "%llu %7s", &value, unit) < 1)
				continue;
			value <<= !strcmp(unit, "KiB") ? 10 : !strcmp(unit, "MiB") ? 20 : 0;
			best = value > best ? value : best;
		}
		if (file)
			fclose(file);
	}
	closedir(dir);
	return best;
}

/* Bytes of the process's memory that are in VRAM. */
static uint64_t in_vram(void)
{
	return usage("drm-resident-svm");
}

static int *new_memory(void)
{
	int *memory = aligned_alloc(2u << 20, SIZE);

	for (size_t i = 0; i < INTS; i++)
		memory[i] = i;
	return memory;
}

static void add(struct cl *cl, cl_kernel kernel, const void *pointer, cl_int v)
{
	cl_arg_pointer(kernel, 0, pointer);
	CL_ARG(kernel, 1, v);
	cl_run(cl, kernel, INTS, 64);
}

/* Looking at it brings it back: so only when placement does not matter any more. */
static bool is_sum(const int *memory, int sum)
{
	for (size_t i = 0; i < INTS; i++)
		if (memory[i] != (int)i + sum)
			return false;
	return true;
}

static void migrate(struct cl *cl, const void *pointer, size_t size, cl_mem_migration_flags flags)
{
	CL_CHECK(clEnqueueSVMMigrateMem(cl->queue, 1, &pointer, &size, flags, 0, NULL, NULL));
	CL_CHECK(clFinish(cl->queue));
}

static void test_migrate_malloc(struct cl *cl, cl_kernel kernel)
{
	int *memory = new_memory();
	const void *pointer = memory;
	uint64_t before = in_vram();

	migrate(cl, memory, SIZE, 0);
	tap_result(in_vram() >= before + SIZE, "malloc() memory migrates to the device");
	migrate(cl, memory, SIZE, CL_MIGRATE_MEM_OBJECT_HOST);
	tap_result(in_vram() <= before, "and back to the host");
	migrate(cl, (char *)memory + SIZE / 2 + 100, SIZE / 4, 0);
	tap_result(in_vram() >= before + SIZE / 4 && in_vram() < before + SIZE / 2,
		   "a part of it migrates alone");
	add(cl, kernel, memory, 3);
	tap_result(is_sum(memory, 3), "its content is the same");
	tap_result(clEnqueueSVMMigrateMem(cl->queue, 1, &pointer, NULL, 0, 0, NULL, NULL) ==
		   CL_INVALID_VALUE, "memory without a size is refused");
	free(memory);
}

static void test_migrate_buffer(struct cl *cl)
{
	const cl_buffer_region region = { SIZE / 2, SIZE / 4 };
	const cl_image_format format = { CL_RGBA, CL_UNORM_INT8 };
	const cl_image_desc desc = {
		.image_type = CL_MEM_OBJECT_IMAGE2D, .image_width = 1024, .image_height = 1024,
	};
	const cl_int zero = 0, white[4] = { 1, 1, 1, 1 };
	const size_t origin[3] = { 0 }, all[3] = { 1024, 1024, 1 };
	uint64_t before = in_vram();
	cl_int err;
	cl_mem buffer = clCreateBuffer(cl->context, 0, SIZE, NULL, &err);
	CL_CHECK(err);
	cl_mem part = clCreateSubBuffer(buffer, 0, CL_BUFFER_CREATE_TYPE_REGION, &region, &err);
	CL_CHECK(err);
	cl_mem image = clCreateImage(cl->context, 0, &format, &desc, NULL, &err);
	CL_CHECK(err);

	CL_CHECK(clEnqueueFillBuffer(cl->queue, buffer, &zero, sizeof(zero), 0, SIZE, 0, NULL, NULL));
	CL_CHECK(clEnqueueFillImage(cl->queue, image, white, origin, all, 0, NULL, NULL));
	cl_mem both[] = { buffer, image };
	CL_CHECK(clEnqueueMigrateMemObjects(cl->queue, 2, both, CL_MIGRATE_MEM_OBJECT_HOST, 0, NULL,
					    NULL));
	CL_CHECK(clFinish(cl->queue));
	tap_result(in_vram() <= before, "clEnqueueMigrateMemObjects() to the host");
	CL_CHECK(clEnqueueMigrateMemObjects(cl->queue, 1, &part, 0, 0, NULL, NULL));
	CL_CHECK(clFinish(cl->queue));
	tap_result(in_vram() >= before + SIZE / 4 && in_vram() < before + SIZE / 2,
		   "a sub-buffer migrates alone");
	CL_CHECK(clEnqueueMigrateMemObjects(cl->queue, 2, both, 0, 0, NULL, NULL));
	CL_CHECK(clFinish(cl->queue));
	tap_result(in_vram() >= before + SIZE + (4 << 20),
		   "clEnqueueMigrateMemObjects() of a buffer and an image to the device");
	CL_CHECK(clReleaseMemObject(part));
	CL_CHECK(clReleaseMemObject(buffer));
	CL_CHECK(clReleaseMemObject(image));
}

static cl_int advise_all(struct cl *cl, const void *memory, cl_svm_advice_colibri advice,
			 cl_uint value)
{
	return advise(cl->context, cl->device, memory, SIZE, advice, value);
}

static void test_location(struct cl *cl, cl_kernel kernel)
{
	int *memory = new_memory();
	uint64_t before = in_vram();

	CL_CHECK(advise_all(cl, memory, CL_SVM_ADVICE_PREFERRED_LOCATION_COLIBRI,
			    CL_SVM_PREFER_HOST_COLIBRI));
	add(cl, kernel, memory, 1);
	tap_result(in_vram() <= before, "what prefers the host stays there");
	CL_CHECK(advise_all(cl, memory, CL_SVM_ADVICE_PREFERRED_LOCATION_COLIBRI,
			    CL_SVM_PREFER_ANY_COLIBRI));
	CL_CHECK(advise_all(cl, memory, CL_SVM_ADVICE_TOUCH_COLIBRI, CL_SVM_TOUCH_REMOTE_COLIBRI));
	add(cl, kernel, memory, 2);
	CL_CHECK(advise_all(cl, memory, CL_SVM_ADVICE_TOUCH_COLIBRI, CL_SVM_TOUCH_MIGRATE_COLIBRI));
	CL_CHECK(advise_all(cl, memory, CL_SVM_ADVICE_PREFERRED_LOCATION_COLIBRI,
			    CL_SVM_PREFER_DEVICE_COLIBRI));
	migrate(cl, memory, SIZE, CL_MIGRATE_MEM_OBJECT_HOST);
	add(cl, kernel, memory, 3);
	tap_result(in_vram() >= before + SIZE, "what prefers the device goes there");
	CL_CHECK(advise_all(cl, memory, CL_SVM_ADVICE_READ_MOSTLY_COLIBRI, CL_TRUE));
	CL_CHECK(advise_all(cl, memory, CL_SVM_ADVICE_ACCESSED_BY_COLIBRI, CL_TRUE));
	add(cl, kernel, memory, 4);
	tap_result(is_sum(memory, 10), "no advice changes what is read");
	free(memory);
}

static void test_atomic(struct cl *cl, cl_kernel kernel)
{
	const size_t items = 64;
	int *memory = new_memory();
	cl_int err, status = CL_SUCCESS;
	cl_event event;
	cl_command_queue queue = clCreateCommandQueueWithProperties(cl->context, cl->device, NULL,
								    &err);

	CL_CHECK(err);
	CL_CHECK(advise_all(cl, memory, CL_SVM_ADVICE_ATOMIC_COLIBRI, CL_SVM_ATOMIC_NONE_COLIBRI));
	cl_arg_pointer(kernel, 0, memory);
	CL_CHECK(clEnqueueNDRangeKernel(queue, kernel, 1, NULL, &items, NULL, 0, NULL, &event));
	clWaitForEvents(1, &event);
	CL_CHECK(clGetEventInfo(event, CL_EVENT_COMMAND_EXECUTION_STATUS, sizeof(status), &status,
				NULL));
	CL_CHECK(clReleaseEvent(event));
	CL_CHECK(clReleaseCommandQueue(queue));
	tap_result(status == CL_OUT_OF_RESOURCES && memory[0] == 0,
		   "atomics of the device where it may make none are an error");
	CL_CHECK(advise_all(cl, memory, CL_SVM_ADVICE_ATOMIC_COLIBRI, CL_SVM_ATOMIC_ALL_COLIBRI));
	cl_run(cl, kernel, items, 64);
	tap_result(memory[0] == 64, "and work when they may be made again");
	free(memory);
}

static void test_bad_advice(struct cl *cl)
{
	char *memory = malloc(4096);

	tap_result(advise(NULL, cl->device, memory, 1, 0, 0) == CL_INVALID_CONTEXT &&
		   advise(cl->context, NULL, memory, 1, 0, 0) == CL_INVALID_DEVICE,
		   "advice needs a context and a device");
	tap_result(advise(cl->context, cl->device, NULL, 1, 0, 0) == CL_INVALID_VALUE &&
		   advise(cl->context, cl->device, memory, 0, 0, 0) == CL_INVALID_VALUE &&
		   advise(cl->context, cl->device, memory, SIZE_MAX, 0, 0) == CL_INVALID_VALUE,
		   "advice needs memory");
	tap_result(advise(cl->context, cl->device, memory, 1, 5, 0) == CL_INVALID_VALUE &&
		   advise(cl->context, cl->device, memory, 1, 0, 3) == CL_INVALID_VALUE &&
		   advise(cl->context, cl->device, memory, 1, 2, 2) == CL_INVALID_VALUE,
		   "unknown advice is refused");
	free(memory);
}

/* What the GPU's copy engines did for this process. */
static uint64_t copy_time(void)
{
	return usage("drm-engine-copy");
}

static void test_host_pointer(struct cl *cl, cl_kernel kernel)
{
	const cl_int five = 5;
	const size_t items = INTS;
	int *memory = new_memory();
	uint64_t before, after;
	cl_int err;
	cl_mem buffer = clCreateBuffer(cl->context, CL_MEM_USE_HOST_PTR, SIZE, memory, &err);
	CL_CHECK(err);
	cl_mem copy = clCreateBuffer(cl->context, 0, SIZE, NULL, &err);
	CL_CHECK(err);

	before = copy_time();
	for (int round = 0; round < 3; round++) {
		memory[round] += 1;
		CL_CHECK(clSetKernelArg(kernel, 0, sizeof(buffer), &buffer));
		CL_ARG(kernel, 1, five);
		CL_CHECK(clEnqueueNDRangeKernel(cl->queue, kernel, 1, NULL, &items, NULL, 0, NULL,
						NULL));
		CL_CHECK(clFinish(cl->queue));
	}
	after = copy_time();
	tap_result(memory[0] == 16 && memory[1] == 17 && memory[2] == 18 && memory[3] == 18 &&
		   memory[INTS - 1] == (int)INTS + 14,
		   "CL_MEM_USE_HOST_PTR: kernel and host see each other's writes, without commands");
	CL_CHECK(clEnqueueCopyBuffer(cl->queue, buffer, copy, 0, 0, SIZE, 0, NULL, NULL));
	CL_CHECK(clFinish(cl->queue));
	tap_result(before == after && copy_time() > after,
		   "no copy engine takes part, but in a copy");
	CL_CHECK(clReleaseMemObject(copy));
	CL_CHECK(clReleaseMemObject(buffer));
	free(memory);
}

static void test_exec_info(struct cl *cl, cl_kernel kernel)
{
	const cl_bool yes = CL_TRUE, no = CL_FALSE;
	int *memory = new_memory();
	void *list[] = { memory };
	const cl_kernel_exec_info system = CL_KERNEL_EXEC_INFO_SVM_FINE_GRAIN_SYSTEM;
	const cl_kernel_exec_info pointers = CL_KERNEL_EXEC_INFO_SVM_PTRS;

	tap_result(clSetKernelExecInfo(kernel, system, sizeof(yes), &yes) == CL_SUCCESS &&
		   clSetKernelExecInfo(kernel, pointers, sizeof(list), list) == CL_SUCCESS &&
		   clSetKernelExecInfo(kernel, system, sizeof(no), &no) == CL_SUCCESS,
		   "what a kernel accesses can be told");
	add(cl, kernel, memory, 1);
	tap_result(is_sum(memory, 1), "a kernel reaches what it was told of");
	tap_result(clSetKernelExecInfo(kernel, system, 1, &yes) == CL_INVALID_VALUE &&
		   clSetKernelExecInfo(kernel, system, sizeof(yes), NULL) == CL_INVALID_VALUE &&
		   clSetKernelExecInfo(kernel, pointers, 3, list) == CL_INVALID_VALUE &&
		   clSetKernelExecInfo(kernel, pointers, sizeof(list), NULL) == CL_INVALID_VALUE &&
		   clSetKernelExecInfo(kernel, 0x11b8, sizeof(yes), &yes) == CL_INVALID_VALUE &&
		   clSetKernelExecInfo(NULL, system, sizeof(yes), &yes) == CL_INVALID_KERNEL,
		   "what is not valid is refused");
	free(memory);
}

int main(void)
{
	struct cl cl;
	char extensions[4096];

	cl_open(&cl);
	cl_program program = cl_build(&cl, source);
	cl_kernel add_kernel = cl_kernel_of(program, "add"), count = cl_kernel_of(program, "count");

	CL_CHECK(clGetDeviceInfo(cl.device, CL_DEVICE_EXTENSIONS, sizeof(extensions), extensions,
				 NULL));
	advise = (clSVMAdviseCOLIBRI_fn)clGetExtensionFunctionAddressForPlatform(cl.platform,
										 "clSVMAdviseCOLIBRI");
	tap_result(advise && strstr(extensions, CL_COLIBRI_SVM_ADVISE_EXTENSION_NAME),
		   CL_COLIBRI_SVM_ADVISE_EXTENSION_NAME);
	test_migrate_malloc(&cl, add_kernel);
	test_migrate_buffer(&cl);
	if (advise) {
		test_location(&cl, add_kernel);
		test_atomic(&cl, count);
		test_bad_advice(&cl);
	}
	test_host_pointer(&cl, add_kernel);
	test_exec_info(&cl, add_kernel);
	CL_CHECK(clReleaseKernel(add_kernel));
	CL_CHECK(clReleaseKernel(count));
	CL_CHECK(clReleaseProgram(program));
	cl_close(&cl);
	return tap_status();
}
