/* SPDX-License-Identifier: MIT */
/* OpenCL boilerplate, see cl_helper.h. */
#include "cl_helper.h"

#include <stdio.h>
#include <stdlib.h>

static const struct {
	cl_int code;
	const char *name;
} errors[] = {
	{ CL_DEVICE_NOT_FOUND, "CL_DEVICE_NOT_FOUND" },
	{ CL_DEVICE_NOT_AVAILABLE, "CL_DEVICE_NOT_AVAILABLE" },
	{ CL_OUT_OF_RESOURCES, "CL_OUT_OF_RESOURCES" },
	{ CL_OUT_OF_HOST_MEMORY, "CL_OUT_OF_HOST_MEMORY" },
	{ CL_MEM_OBJECT_ALLOCATION_FAILURE, "CL_MEM_OBJECT_ALLOCATION_FAILURE" },
	{ CL_BUILD_PROGRAM_FAILURE, "CL_BUILD_PROGRAM_FAILURE" },
	{ CL_INVALID_VALUE, "CL_INVALID_VALUE" },
	{ CL_INVALID_KERNEL_NAME, "CL_INVALID_KERNEL_NAME" },
	{ CL_INVALID_ARG_INDEX, "CL_INVALID_ARG_INDEX" },
	{ CL_INVALID_ARG_VALUE, "CL_INVALID_ARG_VALUE" },
	{ CL_INVALID_ARG_SIZE, "CL_INVALID_ARG_SIZE" },
	{ CL_INVALID_KERNEL_ARGS, "CL_INVALID_KERNEL_ARGS" },
	{ CL_INVALID_WORK_GROUP_SIZE, "CL_INVALID_WORK_GROUP_SIZE" },
	{ CL_INVALID_OPERATION, "CL_INVALID_OPERATION" },
	{ -1001, "CL_PLATFORM_NOT_FOUND_KHR" },
};

void cl_check(cl_int err, const char *what, const char *file, int line)
{
	const char *name = "OpenCL error";

	if (err == CL_SUCCESS)
		return;
	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		if (errors[i].code == err)
			name = errors[i].name;
	}
	fprintf(stderr, "%s:%d: %s: %s (%d)\n", file, line, what, name, err);
	exit(1);
}

static int takes_any_pointer(cl_device_id device)
{
	cl_device_svm_capabilities svm = 0;

	CL_CHECK(clGetDeviceInfo(device, CL_DEVICE_SVM_CAPABILITIES,
				 sizeof(svm), &svm, NULL));
	return !!(svm & CL_DEVICE_SVM_FINE_GRAIN_SYSTEM);
}

static int find_device(struct cl *cl)
{
	cl_platform_id platforms[8];
	cl_device_id devices[8];
	cl_uint num_platforms = 0, num_devices;

	CL_CHECK(clGetPlatformIDs(8, platforms, &num_platforms));
	for (cl_uint p = 0; p < num_platforms && p < 8; p++) {
		if (clGetDeviceIDs(platforms[p], CL_DEVICE_TYPE_GPU, 8, devices,
				   &num_devices) != CL_SUCCESS)
			continue;
		for (cl_uint d = 0; d < num_devices && d < 8; d++) {
			if (takes_any_pointer(devices[d])) {
				cl->platform = platforms[p];
				cl->device = devices[d];
				return 1;
			}
		}
	}
	return 0;
}

void cl_open(struct cl *cl)
{
	cl_int err;

	if (!find_device(cl)) {
		fprintf(stderr, "no GPU with fine-grained system SVM\n");
		exit(1);
	}
	cl->context = clCreateContext(NULL, 1, &cl->device, NULL, NULL, &err);
	CL_CHECK(err);
	cl->queue = clCreateCommandQueueWithProperties(cl->context, cl->device,
						       NULL, &err);
	CL_CHECK(err);
}

void cl_close(struct cl *cl)
{
	CL_CHECK(clReleaseCommandQueue(cl->queue));
	CL_CHECK(clReleaseContext(cl->context));
}

static void print_build_log(struct cl *cl, cl_program program)
{
	size_t size = 0;
	char *log;

	clGetProgramBuildInfo(program, cl->device, CL_PROGRAM_BUILD_LOG, 0, NULL,
			      &size);
	log = calloc(1, size + 1);
	if (!log)
		return;
	clGetProgramBuildInfo(program, cl->device, CL_PROGRAM_BUILD_LOG, size,
			      log, NULL);
	fprintf(stderr, "%s\n", log);
	free(log);
}

cl_program cl_source(struct cl *cl, const char *source)
{
	cl_int err;
	cl_program program = clCreateProgramWithSource(cl->context, 1, &source,
						       NULL, &err);

	CL_CHECK(err);
	return program;
}

cl_program cl_compile(struct cl *cl, const char *source)
{
	cl_program program = cl_source(cl, source);

	CL_CHECK(clCompileProgram(program, 1, &cl->device, "", 0, NULL, NULL, NULL,
				  NULL));
	return program;
}

cl_program cl_build(struct cl *cl, const char *source)
{
	cl_program program = cl_source(cl, source);
	cl_int err;

	err = clBuildProgram(program, 1, &cl->device, "-cl-std=CL3.0", NULL, NULL);
	if (err != CL_SUCCESS)
		print_build_log(cl, program);
	CL_CHECK(err);
	return program;
}

cl_kernel cl_kernel_of(cl_program program, const char *name)
{
	cl_int err;
	cl_kernel kernel = clCreateKernel(program, name, &err);

	CL_CHECK(err);
	return kernel;
}

void cl_arg_pointer(cl_kernel kernel, cl_uint index, const void *pointer)
{
	CL_CHECK(clSetKernelArgSVMPointer(kernel, index, pointer));
}

void cl_run(struct cl *cl, cl_kernel kernel, size_t items, size_t group)
{
	cl_event event;
	cl_int status;

	CL_CHECK(clEnqueueNDRangeKernel(cl->queue, kernel, 1, NULL, &items,
					group ? &group : NULL, 0, NULL, &event));
	CL_CHECK(clFinish(cl->queue));
	CL_CHECK(clGetEventInfo(event, CL_EVENT_COMMAND_EXECUTION_STATUS,
				sizeof(status), &status, NULL));
	/* A negative status is the error that ended the command. */
	CL_CHECK(status);
	CL_CHECK(clReleaseEvent(event));
}
