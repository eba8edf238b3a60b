/* SPDX-License-Identifier: MIT */
/* The message of a fault names the line of the source that made the access. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cl_helper.h"
#include "tap.h"

/* Each @ marks the access that faults, in the kernel named behind it. */
static const char source[] =
	"struct pair { int a, b; };\n"
	"int helper(global const int *p, int i)\n"
	"{\n"
	"	return p[i] + /* @helped */\n"
	"		1;\n"
	"}\n"
	"kernel void stored(global int *p, global int *good)\n"
	"{\n"
	"	int i = get_global_id(0);\n"
	"	good[i] = i;\n"
	"	p[i] = i; /* @stored */\n"
	"	good[i] += i;\n"
	"}\n"
	"kernel void helped(global int *p, global int *good)\n"
	"{\n"
	"	int i = get_global_id(0);\n"
	"	int v = good[i];\n"
	"	good[i] = v + helper(p, i);\n"
	"}\n"
	"kernel void looped(global int *p, global int *good)\n"
	"{\n"
	"	int i = get_global_id(0), sum = 0;\n"
	"	for (int n = 0; n < good[64]; n++) {\n"
	"		if (n == 2 + i % 2)\n"
	"			sum += p[n]; /* @looped */\n"
	"		sum += good[n];\n"
	"	}\n"
	"	good[i] = sum;\n"
	"}\n"
	"kernel void counted(global int *p, global int *good)\n"
	"{\n"
	"	good[get_local_id(0)] = 1;\n"
	"	atomic_inc(p); /* @counted */\n"
	"}\n"
	"kernel void copied(global struct pair *p, global int *good)\n"
	"{\n"
	"	struct pair pair;\n"
	"	pair = p[3]; /* @copied */\n"
	"	good[get_global_id(0)] = pair.a + pair.b;\n"
	"}\n"
	"kernel void halved(global half *p, global int *good)\n"
	"{\n"
	"	int i = get_global_id(0);\n"
	"	float f = good[i];\n"
	"	vstore_half(f, i, p); /* @halved */\n"
	"	good[i] = 0;\n"
	"}\n"
	"kernel void generic_p(global int *p, global int *good)\n"
	"{\n"
	"	local int l[64];\n"
	"	int i = get_local_id(0);\n"
	"	l[i] = i;\n"
	"	int *g = i & 1 ? (int *)p : (int *)l;\n"
	"	good[i] = i;\n"
	"	g[i] = 3; /* @generic_p */\n"
	"}\n"
	"#line 100 \"other.h\"\n"
	"kernel void elsewhere(global int *p, global int *good)\n"
	"{\n"
	"	good[get_global_id(0)] = *p; /* other.h:102 */\n"
	"}\n";

static const char *const kernels[] = {
	"stored", "helped", "looped", "counted", "copied", "halved", "generic_p",
};

/* The line with the mark of @kernel. */
static int marked_line(const char *kernel)
{
	char mark[32];
	int line = 1;

	snprintf(mark, sizeof(mark), "@%s ", kernel);
	const char *end = strstr(source, mark);
	for (const char *p = source; p < end; p++)
		line += *p == '\n';
	return line;
}

static cl_program build(struct cl *cl, const char *options)
{
	cl_program program = cl_source(cl, source);

	CL_CHECK(clBuildProgram(program, 1, &cl->device, options, NULL, NULL));
	return program;
}

/* Runs @kernel with a wild first argument; what the library says comes in @text. */
static cl_int run_wild(struct cl *cl, cl_kernel kernel, char *text, size_t size)
{
	const size_t items = 64;
	FILE *file = tmpfile();
	int saved = dup(STDERR_FILENO);
	int *good = calloc(65, sizeof(*good));
	cl_int err, status = CL_SUCCESS;
	cl_event event;
	cl_command_queue queue = clCreateCommandQueueWithProperties(cl->context, cl->device, NULL,
								    &err);

	CL_CHECK(err);
	good[64] = 8;
	cl_arg_pointer(kernel, 0, (void *)0x3000);
	cl_arg_pointer(kernel, 1, good);
	fflush(stderr);
	dup2(fileno(file), STDERR_FILENO);
	CL_CHECK(clEnqueueNDRangeKernel(queue, kernel, 1, NULL, &items, &items, 0, NULL, &event));
	clWaitForEvents(1, &event);
	dup2(saved, STDERR_FILENO);
	close(saved);
	CL_CHECK(clGetEventInfo(event, CL_EVENT_COMMAND_EXECUTION_STATUS, sizeof(status), &status,
				NULL));
	CL_CHECK(clReleaseEvent(event));
	CL_CHECK(clReleaseCommandQueue(queue));
	rewind(file);
	text[fread(text, 1, size - 1, file)] = '\0';
	fclose(file);
	free(good);
	return status;
}

static void test_line(struct cl *cl, cl_program program, const char *name, const char *file,
		      int line, const char *options)
{
	cl_kernel kernel = cl_kernel_of(program, name);
	char text[4096], expected[64];

	snprintf(expected, sizeof(expected), ", %s:%d:", file, line);
	bool ok = run_wild(cl, kernel, text, sizeof(text)) == CL_OUT_OF_RESOURCES &&
		  strstr(text, expected);
	tap_result(ok, "%s, built with '%s': %s:%d", name, options, file, line);
	if (!ok)
		tap_note("%s", text);
	CL_CHECK(clReleaseKernel(kernel));
}

static void test_options(struct cl *cl, const char *options)
{
	cl_program program = build(cl, options);

	for (size_t i = 0; i < sizeof(kernels) / sizeof(*kernels); i++)
		test_line(cl, program, kernels[i], "input.cl", marked_line(kernels[i]), options);
	test_line(cl, program, "elsewhere", "other.h", 102, options);
	CL_CHECK(clReleaseProgram(program));
}

int main(void)
{
	struct cl cl;

	cl_open(&cl);
	test_options(&cl, "-cl-std=CL3.0");
	test_options(&cl, "-cl-std=CL3.0 -g -O0");
	cl_close(&cl);
	return tap_status();
}
