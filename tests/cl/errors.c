/* SPDX-License-Identifier: MIT */
/* What goes wrong is an error of its command, and nothing else suffers. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "cl_helper.h"
#include "tap.h"

static const char source[] =
	"kernel void store(global int *p, int v)\n"
	"{\n"
	"	p[get_global_id(0)] = v;\n"
	"}\n"
	"kernel void say(int n)\n"
	"{\n"
	"	if (get_global_id(0) == 3)\n"
	"		printf(\"item %d of %d, %s, %.2f\\n\", (int)get_global_id(0), n,\n"
	"		       \"text\", 1.25f);\n"
	"}\n";

/* The status of one kernel on a queue of its own. */
static cl_int run_on_new_queue(struct cl *cl, cl_kernel kernel)
{
	const size_t items = 64;
	cl_int err, status = CL_SUCCESS;
	cl_event event;
	cl_command_queue queue = clCreateCommandQueueWithProperties(
		cl->context, cl->device, NULL, &err);

	CL_CHECK(err);
	CL_CHECK(clEnqueueNDRangeKernel(queue, kernel, 1, NULL, &items, NULL, 0,
					NULL, &event));
	err = clWaitForEvents(1, &event);
	CL_CHECK(clGetEventInfo(event, CL_EVENT_COMMAND_EXECUTION_STATUS,
				sizeof(status), &status, NULL));
	CL_CHECK(clReleaseEvent(event));
	CL_CHECK(clReleaseCommandQueue(queue));
	return status < 0 ? status : err;
}

static bool store_works(struct cl *cl, cl_kernel kernel)
{
	const cl_int value = 42;
	int *memory = calloc(64, sizeof(*memory));
	bool ok;

	cl_arg_pointer(kernel, 0, memory);
	CL_ARG(kernel, 1, value);
	ok = run_on_new_queue(cl, kernel) == CL_SUCCESS;
	for (int i = 0; i < 64; i++)
		ok &= memory[i] == value;
	free(memory);
	return ok;
}

static void test_wild(struct cl *cl, cl_kernel kernel, void *pointer,
		      const char *name)
{
	const cl_int value = 1;

	cl_arg_pointer(kernel, 0, pointer);
	CL_ARG(kernel, 1, value);
	tap_result(run_on_new_queue(cl, kernel) < 0, "%s is an error", name);
	tap_result(store_works(cl, kernel), "the next queue works after %s", name);
}

/* What the library says on stderr while @kernel runs. */
static cl_int run_and_read(struct cl *cl, cl_kernel kernel, char *text, size_t size)
{
	FILE *file = tmpfile();
	int saved = dup(STDERR_FILENO);
	cl_int status;

	fflush(stderr);
	dup2(fileno(file), STDERR_FILENO);
	status = run_on_new_queue(cl, kernel);
	fflush(stderr);
	dup2(saved, STDERR_FILENO);
	close(saved);
	rewind(file);
	text[fread(text, 1, size - 1, file)] = '\0';
	fclose(file);
	return status;
}

static void test_message(struct cl *cl, cl_kernel kernel)
{
	const cl_int value = 1;
	char text[4096];

	cl_arg_pointer(kernel, 0, (void *)0x1000);
	CL_ARG(kernel, 1, value);
	tap_result(run_and_read(cl, kernel, text, sizeof(text)) == CL_OUT_OF_RESOURCES,
		   "a wild pointer is CL_OUT_OF_RESOURCES");
	tap_result(strstr(text, "write of address 0x1000 ") && strstr(text, "kernel store"),
		   "the message tells the address and the kernel");
	if (!strstr(text, "kernel store"))
		tap_note("%s", text);
}

static void test_read_only(struct cl *cl, cl_kernel kernel)
{
	char *page = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	test_wild(cl, kernel, page, "a write to read-only memory");
	tap_result(page[0] == 0, "read-only memory stays as it was");
	munmap(page, 4096);
}

static void test_build_error(struct cl *cl)
{
	const char *bad = "kernel void k(global int *p) { p[0] = nonsense; }";
	char log[4096] = "";
	cl_program program = cl_source(cl, bad);
	cl_int err;

	err = clBuildProgram(program, 1, &cl->device, "", NULL, NULL);
	CL_CHECK(clGetProgramBuildInfo(program, cl->device, CL_PROGRAM_BUILD_LOG,
				       sizeof(log), log, NULL));
	tap_result(err == CL_BUILD_PROGRAM_FAILURE &&
		   strstr(log, "1:39: error: use of undeclared identifier 'nonsense'"),
		   "a program that does not compile says why and where");
	CL_CHECK(clReleaseProgram(program));
}

/* Runs @kernel with standard output going to a file, and reads that. */
static void test_printf(struct cl *cl, cl_program program)
{
	const cl_int n = 64;
	cl_kernel kernel = cl_kernel_of(program, "say");
	char text[128] = "";
	FILE *file = tmpfile();
	int saved = dup(STDOUT_FILENO);

	CL_ARG(kernel, 0, n);
	fflush(stdout);
	dup2(fileno(file), STDOUT_FILENO);
	cl_run(cl, kernel, 64, 64);
	fflush(stdout);
	dup2(saved, STDOUT_FILENO);
	close(saved);
	rewind(file);
	if (!fgets(text, sizeof(text), file))
		text[0] = '\0';
	fclose(file);
	tap_result(!strcmp(text, "item 3 of 64, text, 1.25\n"), "printf()");
	CL_CHECK(clReleaseKernel(kernel));
}

int main(void)
{
	struct cl cl;

	cl_open(&cl);
	cl_program program = cl_build(&cl, source);
	cl_kernel kernel = cl_kernel_of(program, "store");

	test_wild(&cl, kernel, (void *)0x1000, "a wild pointer");
	test_wild(&cl, kernel, (void *)0x00f0000000000000, "a pointer beyond the process");
	test_message(&cl, kernel);
	test_read_only(&cl, kernel);
	test_build_error(&cl);
	test_printf(&cl, program);
	tap_result(store_works(&cl, kernel), "a kernel works after all errors");

	CL_CHECK(clReleaseKernel(kernel));
	CL_CHECK(clReleaseProgram(program));
	cl_close(&cl);
	return tap_status();
}
