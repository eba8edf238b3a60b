// SPDX-License-Identifier: MIT
/*
 * Runs the programs of bench-cl (programs.c) on the first device of the first
 * platform that the loader finds, and prints a line of JSON for each:
 *
 *	{"name": "triad", "seconds": 0.002, "runs": 40, "bytes": 50331648, "flops": 8388608}
 *
 * The time is that of the fastest of the runs that fit into the given span,
 * from before the first enqueue to the end of clFinish(). "launch" is an empty kernel, "compile"
 * the building of all kernels. Wrong results end it with status 1.
 *
 * usage: bench_cl KERNELS.cl SECONDS [NAME...]
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bench_cl.h"

#define LAUNCHES 20
#define MIN_RUNS 3

void cl_check(cl_int error, const char *what)
{
	if (error == CL_SUCCESS)
		return;
	fprintf(stderr, "bench_cl: %s: error %d\n", what, error);
	exit(2);
}

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec * 1e-9;
}

static char *read_file(const char *path)
{
	FILE *file = fopen(path, "r");
	char *text = NULL;
	size_t size = 0;

	if (!file || getdelim(&text, &size, '\0', file) < 0) {
		perror(path);
		exit(2);
	}
	fclose(file);
	return text;
}

static cl_device_id open_device(struct bench *bench)
{
	cl_platform_id platform;
	cl_device_id device;
	char name[256] = "";
	cl_int error;

	cl_check(clGetPlatformIDs(1, &platform, NULL), "clGetPlatformIDs");
	cl_check(clGetDeviceIDs(platform, CL_DEVICE_TYPE_ALL, 1, &device, NULL), "clGetDeviceIDs");
	clGetDeviceInfo(device, CL_DEVICE_NAME, sizeof(name), name, NULL);
	printf("{\"device\": \"%s\"}\n", name);
	bench->context = clCreateContext(NULL, 1, &device, NULL, NULL, &error);
	cl_check(error, "clCreateContext");
	bench->queue = clCreateCommandQueue(bench->context, device, 0, &error);
	cl_check(error, "clCreateCommandQueue");
	return device;
}

/* Builds all kernels; a driver may put off the code of a kernel until it runs. */
static void build(struct bench *bench, cl_device_id device, const char *path)
{
	char *source = read_file(path);
	char log[4096] = "";
	double start = now();
	cl_int error;

	bench->program = clCreateProgramWithSource(bench->context, 1, (const char **)&source, NULL,
						   &error);
	cl_check(error, "clCreateProgramWithSource");
	if (clBuildProgram(bench->program, 1, &device, "", NULL, NULL)) {
		clGetProgramBuildInfo(bench->program, device, CL_PROGRAM_BUILD_LOG, sizeof(log), log,
				      NULL);
		fprintf(stderr, "bench_cl: %s does not build:\n%s\n", path, log);
		exit(2);
	}
	printf("{\"name\": \"compile\", \"seconds\": %.6f}\n", now() - start);
	free(source);
}

static void launch(struct bench *bench)
{
	const size_t one = 1;
	double best = 1e9;
	cl_int error;

	bench->kernel = clCreateKernel(bench->program, "empty", &error);
	cl_check(error, "clCreateKernel(empty)");
	for (int i = 0; i < LAUNCHES; i++) {
		double start = now(), took;

		cl_check(clEnqueueNDRangeKernel(bench->queue, bench->kernel, 1, NULL, &one, NULL, 0,
						NULL, NULL), "clEnqueueNDRangeKernel");
		cl_check(clFinish(bench->queue), "clFinish");
		took = now() - start;
		if (took < best)
			best = took;
	}
	printf("{\"name\": \"launch\", \"seconds\": %.9f}\n", best);
	clReleaseKernel(bench->kernel);
}

static double one_run(struct bench *bench, const struct workload *work)
{
	double start = now();

	work->run(bench);
	cl_check(clFinish(bench->queue), "clFinish");
	bench->runs++;
	return now() - start;
}

/* Returns whether the results are right. */
static bool measure(struct bench *bench, const struct workload *work, double span)
{
	double best = 1e9, end;
	cl_int error;
	bool right;

	bench->kernel = clCreateKernel(bench->program, work->kernel, &error);
	cl_check(error, work->kernel);
	memset(bench->buffers, 0, sizeof(bench->buffers));
	bench->runs = 0;
	bench->count = work->count;
	work->setup(bench);
	one_run(bench, work);
	end = now() + span;
	do {
		double took = one_run(bench, work);

		if (took < best)
			best = took;
	} while (bench->runs <= MIN_RUNS || now() < end);
	right = work->verify(bench);
	printf("{\"name\": \"%s\", \"seconds\": %.9f, \"runs\": %u, \"bytes\": %.0f, \"flops\": %.0f}\n",
	       work->name, best, bench->runs, work->bytes, work->flops);
	fflush(stdout);
	for (size_t i = 0; i < MAX_BUFFERS; i++) {
		if (bench->buffers[i].mem)
			clReleaseMemObject(bench->buffers[i].mem);
		free(bench->buffers[i].host);
	}
	clReleaseKernel(bench->kernel);
	return right;
}

static bool wanted(const char *name, int count, char **names)
{
	for (int i = 0; i < count; i++)
		if (!strcmp(name, names[i]))
			return true;
	return count == 0;
}

int main(int argc, char **argv)
{
	struct bench bench = { 0 };
	int status = 0;

	if (argc < 3) {
		fprintf(stderr, "usage: bench_cl KERNELS.cl SECONDS [NAME...]\n");
		return 2;
	}
	build(&bench, open_device(&bench), argv[1]);
	launch(&bench);
	for (const struct workload *work = workloads; work->name; work++)
		if (wanted(work->name, argc - 3, argv + 3) && !measure(&bench, work, atof(argv[2])))
			status = 1;
	return status;
}
