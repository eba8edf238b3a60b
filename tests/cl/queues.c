/* SPDX-License-Identifier: MIT */
/* Command queues: dependencies between them, threads, callbacks, profiling, mapping. */
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timex.h>
#include <time.h>

#include "cl_helper.h"
#include "tap.h"

#define N 20000
#define THREADS 4
#define ROUNDS 20

static const char source[] =
	"kernel void increment(global int *v)\n"
	"{\n"
	"	v[get_global_id(0)]++;\n"
	"}\n"
	"kernel void twice(global int *v)\n"
	"{\n"
	"	v[get_global_id(0)] *= 2;\n"
	"}\n";

static cl_command_queue new_queue(struct cl *cl, cl_command_queue_properties flags)
{
	const cl_queue_properties props[] = { CL_QUEUE_PROPERTIES, flags, 0 };
	cl_int err;
	cl_command_queue queue = clCreateCommandQueueWithProperties(
		cl->context, cl->device, props, &err);

	CL_CHECK(err);
	return queue;
}

static cl_event enqueue(cl_command_queue queue, cl_kernel kernel, size_t items,
			cl_event wait_for)
{
	cl_event event;

	CL_CHECK(clEnqueueNDRangeKernel(queue, kernel, 1, NULL, &items, NULL,
					!!wait_for, wait_for ? &wait_for : NULL,
					&event));
	return event;
}

static bool all_are(const int *v, int value)
{
	for (int i = 0; i < N; i++) {
		if (v[i] != value)
			return false;
	}
	return true;
}

/* ((0 + 1) * 2 + 1) * 2: each step on the other queue. */
static void test_dependencies(struct cl *cl, cl_program program)
{
	cl_kernel kernels[] = { cl_kernel_of(program, "increment"),
				cl_kernel_of(program, "twice") };
	cl_command_queue queues[] = { new_queue(cl, 0), new_queue(cl, 0) };
	int *v = calloc(N, sizeof(*v));
	cl_event events[4], last = NULL;

	cl_arg_pointer(kernels[0], 0, v);
	cl_arg_pointer(kernels[1], 0, v);
	for (int i = 0; i < 4; i++)
		last = events[i] = enqueue(queues[i % 2], kernels[i % 2], N, last);
	CL_CHECK(clWaitForEvents(1, &last));
	tap_result(all_are(v, 6), "two queues wait for each other");

	for (int i = 0; i < 4; i++)
		CL_CHECK(clReleaseEvent(events[i]));
	for (int i = 0; i < 2; i++) {
		CL_CHECK(clReleaseCommandQueue(queues[i]));
		CL_CHECK(clReleaseKernel(kernels[i]));
	}
	free(v);
}

static void test_user_event(struct cl *cl, cl_program program)
{
	cl_kernel kernel = cl_kernel_of(program, "increment");
	int *v = calloc(N, sizeof(*v));
	cl_int err;
	cl_event user = clCreateUserEvent(cl->context, &err), done;
	bool waited;

	CL_CHECK(err);
	cl_arg_pointer(kernel, 0, v);
	done = enqueue(cl->queue, kernel, N, user);
	CL_CHECK(clFlush(cl->queue));
	waited = all_are(v, 0);
	CL_CHECK(clSetUserEventStatus(user, CL_COMPLETE));
	CL_CHECK(clWaitForEvents(1, &done));
	tap_result(waited && all_are(v, 1), "a kernel waits for a user event");
	CL_CHECK(clReleaseEvent(user));
	CL_CHECK(clReleaseEvent(done));
	CL_CHECK(clReleaseKernel(kernel));
	free(v);
}

struct thread {
	pthread_t id;
	struct cl *cl;
	cl_program program;
	bool ok;
};

static void *use_own_queue(void *data)
{
	struct thread *thread = data;
	cl_kernel kernel = cl_kernel_of(thread->program, "increment");
	cl_command_queue queue = new_queue(thread->cl, 0);
	int *v = calloc(N, sizeof(*v));

	cl_arg_pointer(kernel, 0, v);
	for (int i = 0; i < ROUNDS; i++) {
		CL_CHECK(clReleaseEvent(enqueue(queue, kernel, N, NULL)));
		if (i % 5 == 0) {
			CL_CHECK(clFinish(queue));
			for (int k = 0; k < N; k++)
				v[k]--;
		}
	}
	CL_CHECK(clFinish(queue));
	thread->ok = all_are(v, ROUNDS - ROUNDS / 5);
	CL_CHECK(clReleaseCommandQueue(queue));
	CL_CHECK(clReleaseKernel(kernel));
	free(v);
	return NULL;
}

static void *use_same_queue(void *data)
{
	struct thread *thread = data;
	cl_command_queue queue = thread->cl->queue;
	cl_kernel kernel = cl_kernel_of(thread->program, "increment");
	int *v = calloc(N, sizeof(*v));

	cl_arg_pointer(kernel, 0, v);
	thread->ok = true;
	for (int i = 1; i <= ROUNDS; i++) {
		CL_CHECK(clReleaseEvent(enqueue(queue, kernel, N, NULL)));
		if (i % 3 == 0)
			CL_CHECK(clFlush(queue));
		CL_CHECK(clFinish(queue));
		thread->ok &= all_are(v, i);
	}
	CL_CHECK(clReleaseKernel(kernel));
	free(v);
	return NULL;
}

static void test_threads(struct cl *cl, cl_program program, void *(*use)(void *), const char *name)
{
	struct thread threads[THREADS];
	bool ok = true;

	for (int i = 0; i < THREADS; i++) {
		threads[i] = (struct thread){ .cl = cl, .program = program };
		if (pthread_create(&threads[i].id, NULL, use, &threads[i]))
			abort();
	}
	for (int i = 0; i < THREADS; i++) {
		pthread_join(threads[i].id, NULL);
		ok &= threads[i].ok;
	}
	tap_result(ok, "%d threads, %s", THREADS, name);
}

/* What a callback shares with who waits for its event. */
struct callback {
	pthread_mutex_t lock;
	pthread_cond_t called;
	cl_int status;
};

static void CL_CALLBACK note_status(cl_event event, cl_int status, void *data)
{
	struct callback *callback = data;

	(void)event;
	pthread_mutex_lock(&callback->lock);
	callback->status = status;
	pthread_cond_signal(&callback->called);
	pthread_mutex_unlock(&callback->lock);
}

/* clFinish() may be called with a lock that a callback takes: it does not wait for callbacks. */
static void test_callback(struct cl *cl, cl_program program)
{
	struct callback callback = {
		PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, CL_QUEUED,
	};
	cl_kernel kernel = cl_kernel_of(program, "increment");
	int *v = calloc(N, sizeof(*v));
	cl_event event;
	bool ok;

	cl_arg_pointer(kernel, 0, v);
	pthread_mutex_lock(&callback.lock);
	event = enqueue(cl->queue, kernel, N, NULL);
	CL_CHECK(clSetEventCallback(event, CL_COMPLETE, note_status, &callback));
	CL_CHECK(clFinish(cl->queue));
	ok = all_are(v, 1);
	while (callback.status == CL_QUEUED)
		pthread_cond_wait(&callback.called, &callback.lock);
	ok &= callback.status == CL_COMPLETE;
	pthread_mutex_unlock(&callback.lock);
	tap_result(ok, "a callback takes a lock that clFinish() is called with");
	CL_CHECK(clReleaseEvent(event));
	CL_CHECK(clReleaseKernel(kernel));
	free(v);
}

static cl_ulong time_of(cl_event event, cl_profiling_info what)
{
	cl_ulong time = 0;

	CL_CHECK(clGetEventProfilingInfo(event, what, sizeof(time), &time, NULL));
	return time;
}

/* How far the CPU's clock is ahead of the one that nobody adjusts, in ms. */
static long ahead(void)
{
	struct timespec clock, raw;

	clock_gettime(CLOCK_MONOTONIC, &clock);
	clock_gettime(CLOCK_MONOTONIC_RAW, &raw);
	return (clock.tv_sec - raw.tv_sec) * 1000 + (clock.tv_nsec - raw.tv_nsec) / 1000000;
}

/* Lets the CPU's clock go a tenth too fast for a while, as nobody's does: the device's does not. */
static bool speed_up_clock(void)
{
	const struct timespec pause = { .tv_nsec = 10000000 };
	struct timex tick = { .modes = 0 };
	long before = ahead();
	bool ok = adjtimex(&tick) >= 0;
	long normal = tick.tick;

	tick = (struct timex){ .modes = ADJ_TICK, .tick = normal + normal / 10 };
	ok = ok && adjtimex(&tick) >= 0;
	for (int i = 0; ok && i < 6000 && ahead() < before + 50; i++)
		nanosleep(&pause, NULL);
	tick.tick = normal;
	return ok && adjtimex(&tick) >= 0 && ahead() >= before + 50;
}

/* The host's clock and those of a command that is queued, and has ended, meanwhile. */
static bool times_are_in_order(struct cl *cl, cl_kernel kernel)
{
	cl_command_queue queue = new_queue(cl, CL_QUEUE_PROFILING_ENABLE);
	cl_ulong device, times[10];
	bool ok = true;

	CL_CHECK(clGetDeviceAndHostTimer(cl->device, &device, &times[0]));
	for (int i = 0; i < 2; i++) {
		cl_event event = enqueue(queue, kernel, N, NULL);

		CL_CHECK(clWaitForEvents(1, &event));
		times[1 + 4 * i] = time_of(event, CL_PROFILING_COMMAND_QUEUED);
		times[2 + 4 * i] = time_of(event, CL_PROFILING_COMMAND_SUBMIT);
		times[3 + 4 * i] = time_of(event, CL_PROFILING_COMMAND_START);
		times[4 + 4 * i] = time_of(event, CL_PROFILING_COMMAND_END);
		CL_CHECK(clReleaseEvent(event));
		ok &= i || speed_up_clock();
	}
	CL_CHECK(clGetHostTimer(cl->device, &times[9]));
	CL_CHECK(clReleaseCommandQueue(queue));

	ok &= times[0] > 0;
	for (int i = 1; i < 10; i++)
		ok &= times[i - 1] <= times[i];
	for (int i = 0; !ok && i < 10; i++)
		printf("# %+lld ns\n", (long long)(times[i] - times[0]));
	return ok;
}

static void test_profiling(struct cl *cl, cl_program program)
{
	cl_kernel kernel = cl_kernel_of(program, "increment");
	cl_command_queue queue = new_queue(cl, CL_QUEUE_PROFILING_ENABLE);
	int *v = calloc(N, sizeof(*v));
	cl_event first, second;

	cl_arg_pointer(kernel, 0, v);
	first = enqueue(queue, kernel, N, NULL);
	second = enqueue(queue, kernel, N, NULL);
	CL_CHECK(clFinish(queue));
	tap_result(time_of(first, CL_PROFILING_COMMAND_START) <
			   time_of(first, CL_PROFILING_COMMAND_END) &&
		   time_of(first, CL_PROFILING_COMMAND_END) <=
			   time_of(second, CL_PROFILING_COMMAND_START),
		   "profiling: one command after the other");
	CL_CHECK(clReleaseEvent(first));
	CL_CHECK(clReleaseEvent(second));
	CL_CHECK(clReleaseCommandQueue(queue));

	tap_result(times_are_in_order(cl, kernel), "profiling: all times are of one clock");
	CL_CHECK(clReleaseKernel(kernel));
	free(v);
}

static void test_map(struct cl *cl, cl_program program)
{
	cl_kernel kernel = cl_kernel_of(program, "increment");
	cl_buffer_region region = { N * sizeof(int) / 2, N * sizeof(int) / 2 };
	cl_int err;
	cl_mem buffer = clCreateBuffer(cl->context, CL_MEM_READ_WRITE,
				       N * sizeof(int), NULL, &err);
	CL_CHECK(err);
	cl_mem half = clCreateSubBuffer(buffer, CL_MEM_READ_WRITE,
					CL_BUFFER_CREATE_TYPE_REGION, &region, &err);
	CL_CHECK(err);
	int *v = clEnqueueMapBuffer(cl->queue, buffer, CL_TRUE, CL_MAP_WRITE, 0,
				    N * sizeof(int), 0, NULL, NULL, &err);
	CL_CHECK(err);
	for (int i = 0; i < N; i++)
		v[i] = i;
	CL_CHECK(clEnqueueUnmapMemObject(cl->queue, buffer, v, 0, NULL, NULL));
	CL_ARG(kernel, 0, half);
	cl_run(cl, kernel, N / 2, 0);
	v = clEnqueueMapBuffer(cl->queue, buffer, CL_TRUE, CL_MAP_READ, 0,
			       N * sizeof(int), 0, NULL, NULL, &err);
	CL_CHECK(err);
	bool ok = true;
	for (int i = 0; i < N; i++)
		ok &= v[i] == i + (i >= N / 2);
	tap_result(ok, "a mapped buffer and a part of it");
	CL_CHECK(clEnqueueUnmapMemObject(cl->queue, buffer, v, 0, NULL, NULL));
	CL_CHECK(clFinish(cl->queue));
	CL_CHECK(clReleaseMemObject(half));
	CL_CHECK(clReleaseMemObject(buffer));
	CL_CHECK(clReleaseKernel(kernel));
}

/* Everything is released while the GPU may still be at work. */
static void test_early_release(struct cl *cl, cl_program program)
{
	cl_kernel kernel = cl_kernel_of(program, "increment");
	cl_command_queue queue = new_queue(cl, 0);
	bool ok = true;

	for (int i = 0; i < ROUNDS; i++) {
		cl_int err;
		cl_mem buffer = clCreateBuffer(cl->context, CL_MEM_READ_WRITE,
					       N * sizeof(int), NULL, &err);

		CL_CHECK(err);
		CL_ARG(kernel, 0, buffer);
		CL_CHECK(clReleaseEvent(enqueue(queue, kernel, N, NULL)));
		CL_CHECK(clReleaseMemObject(buffer));
	}
	CL_CHECK(clReleaseKernel(kernel));
	ok = clFinish(queue) == CL_SUCCESS;
	CL_CHECK(clReleaseCommandQueue(queue));
	tap_result(ok, "buffers are released before the GPU is done");
}

int main(void)
{
	struct cl cl;

	cl_open(&cl);
	cl_program program = cl_build(&cl, source);
	test_dependencies(&cl, program);
	test_user_event(&cl, program);
	test_threads(&cl, program, use_own_queue, "each with a queue");
	test_threads(&cl, program, use_same_queue, "all with one");
	test_callback(&cl, program);
	test_profiling(&cl, program);
	test_map(&cl, program);
	test_early_release(&cl, program);
	CL_CHECK(clReleaseProgram(program));
	cl_close(&cl);
	return tap_status();
}
