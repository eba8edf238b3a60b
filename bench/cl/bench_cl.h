/* SPDX-License-Identifier: MIT */
/*
 * What the programs of bench-cl (programs.c) get from the one that runs them
 * (bench_cl.c).
 */
#ifndef BENCH_CL_H
#define BENCH_CL_H

#define CL_TARGET_OPENCL_VERSION 120
#include <CL/cl.h>
#include <stdbool.h>
#include <stddef.h>

#define MAX_BUFFERS 5

/**
 * struct buffer - memory of the device, and a copy here to compute results from.
 * @mem: the device's
 * @host: what was in it at the start
 * @size: in bytes
 */
struct buffer {
	cl_mem mem;
	void *host;
	size_t size;
};

/**
 * struct bench - one program that runs.
 * @context: OpenCL's
 * @queue: in order
 * @program: all of kernels.cl
 * @kernel: the one that the program is about
 * @buffers: as many as setup() made
 * @runs: how often run() has been called
 * @count: the workload's
 */
struct bench {
	cl_context context;
	cl_command_queue queue;
	cl_program program;
	cl_kernel kernel;
	struct buffer buffers[MAX_BUFFERS];
	unsigned int runs;
	size_t count;
};

/**
 * struct workload - a program: what it does, and how much of it.
 * @name: for people
 * @kernel: in kernels.cl
 * @bytes: that a run has to move at least; 0: it is not about memory
 * @flops: floating-point operations of a run; 0: none
 * @setup: makes buffers, sets the kernel's arguments
 * @run: enqueues one run
 * @verify: whether the device's results, after bench.runs runs, are right
 * @count: elements of an array, where a program comes in several sizes; else 0
 */
struct workload {
	const char *name;
	const char *kernel;
	double bytes;
	double flops;
	void (*setup)(struct bench *bench);
	void (*run)(struct bench *bench);
	bool (*verify)(struct bench *bench);
	size_t count;
};

extern const struct workload workloads[];

/** cl_check() - Ends the process with a message unless the call succeeded. */
void cl_check(cl_int error, const char *what);

#endif
