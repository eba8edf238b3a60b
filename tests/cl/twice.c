/* SPDX-License-Identifier: MIT */
/* Runs functions on the GPU and on the CPU, see twice.h. */
#include "twice.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tap.h"

#define ITEMS 1000

static void run_one(struct cl *cl, const char *title, cl_program program,
		    const struct twice_function *f)
{
	char kernel_name[64];
	uint *in = malloc(ITEMS * sizeof(*in)), *out = malloc(ITEMS * sizeof(*out));
	bool ok = true;

	snprintf(kernel_name, sizeof(kernel_name), "run_%s", f->name);
	cl_kernel kernel = cl_kernel_of(program, kernel_name);
	for (int i = 0; i < ITEMS; i++)
		in[i] = i < 500 ? (uint)i : i * 2654435761u % 100000;
	memset(out, 0xee, ITEMS * sizeof(*out));
	cl_arg_pointer(kernel, 0, in);
	cl_arg_pointer(kernel, 1, out);
	cl_run(cl, kernel, ITEMS, 100);
	for (int i = 0; i < ITEMS; i++) {
		if (out[i] != f->cpu(in[i]) && ok) {
			tap_note("%s(%u) is %u, not %u", f->name, in[i], out[i],
				 f->cpu(in[i]));
			ok = false;
		}
	}
	tap_result(ok, "%s: %s", title, f->name);
	free(in);
	free(out);
	CL_CHECK(clReleaseKernel(kernel));
}

void twice_run(struct cl *cl, const char *title, const char *source,
	       const struct twice_function *functions, size_t count)
{
	cl_program program = cl_build(cl, source);

	for (size_t i = 0; i < count; i++)
		run_one(cl, title, program, &functions[i]);
	CL_CHECK(clReleaseProgram(program));
}
