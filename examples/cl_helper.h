/* SPDX-License-Identifier: MIT */
/*
 * The part of an OpenCL program that is the same in all of them: find the
 * device, build the source, run a kernel, say what failed and where.
 */
#ifndef CL_HELPER_H
#define CL_HELPER_H

#define CL_TARGET_OPENCL_VERSION 300

#include <CL/cl.h>
#include <stddef.h>

/** A device, and a queue on it. */
struct cl {
	cl_platform_id platform;
	cl_device_id device;
	cl_context context;
	cl_command_queue queue;
};

/** Ends the program with the name of the error, unless @err is CL_SUCCESS. */
void cl_check(cl_int err, const char *what, const char *file, int line);

#define CL_CHECK(call) cl_check(call, #call, __FILE__, __LINE__)

/**
 * Opens the first GPU that takes any pointer of the program: fine-grained
 * system SVM. Ends the program when there is none.
 */
void cl_open(struct cl *cl);

void cl_close(struct cl *cl);

/** A program that is still to be built. */
cl_program cl_source(struct cl *cl, const char *source);

/** Compiles @source for clLinkProgram(). */
cl_program cl_compile(struct cl *cl, const char *source);

/** Builds @source; ends the program with the compiler's log if that fails. */
cl_program cl_build(struct cl *cl, const char *source);

/** The kernel @name of @program. */
cl_kernel cl_kernel_of(cl_program program, const char *name);

/** Sets an argument to a plain pointer: from malloc(), mmap(), the stack. */
void cl_arg_pointer(cl_kernel kernel, cl_uint index, const void *pointer);

/** Sets an argument that is passed by value. */
#define CL_ARG(kernel, index, value) \
	CL_CHECK(clSetKernelArg(kernel, index, sizeof(value), &(value)))

/**
 * Runs @kernel on @items work-items in groups of @group (0: let OpenCL choose)
 * and waits until it is done.
 */
void cl_run(struct cl *cl, cl_kernel kernel, size_t items, size_t group);

#endif
