/* SPDX-License-Identifier: MIT */
/* The ways from source to a program: compiled apart, linked, from a binary. */
#include <stdlib.h>
#include <string.h>

#include "cl_helper.h"
#include "tap.h"

#define ITEMS 64

/*
 * The translation to SPIR-V gives each module the lowest version that it can:
 * unsigned arithmetic does with an older one than signed arithmetic.
 */
static const char unsigned_kernel[] =
	"uint next(uint x);\n"
	"kernel void k(global uint *out)\n"
	"{\n"
	"	uint i = get_global_id(0);\n"
	"	out[i] = next(i) * 3u;\n"
	"}\n";
static const char signed_kernel[] =
	"uint next(uint x);\n"
	"kernel void k(global uint *out)\n"
	"{\n"
	"	int i = get_global_id(0);\n"
	"	local int three;\n"
	"	three = 3;\n"
	"	barrier(CLK_LOCAL_MEM_FENCE);\n"
	"	out[i] = next(i + 0) * three;\n"
	"}\n";
static const char unsigned_function[] =
	"uint next(uint x)\n"
	"{\n"
	"	return x + 1u;\n"
	"}\n";
static const char signed_function[] =
	"constant int steps[2] = { 1, 2 };\n"
	"uint next(uint x)\n"
	"{\n"
	"	int y = x;\n"
	"	return y + steps[y & 1] - (y & 1);\n"
	"}\n";
/* No external definition: any number of programs may have it. */
#define INLINE_TRIPLE \
	"inline uint triple(uint x) { return x * 3u; }\n"
static const char inline_kernel[] =
	INLINE_TRIPLE
	"uint next(uint x);\n"
	"kernel void k(global uint *out)\n"
	"{\n"
	"	uint i = get_global_id(0);\n"
	"	out[i] = triple(next(i)) / 2u;\n"
	"}\n";
static const char inline_function[] =
	INLINE_TRIPLE
	"uint next(uint x)\n"
	"{\n"
	"	return triple(2u * x + 2u) / 3u;\n"
	"}\n";
static const char header[] =
	"#define STEP 1u\n";
static const char with_header[] =
	"#include \"step.h\"\n"
	"uint next(uint x)\n"
	"{\n"
	"	return x * FACTOR + STEP;\n"
	"}\n";

/* Links two programs, and releases them. */
static cl_program linked(struct cl *cl, cl_program a, cl_program b, cl_int *err)
{
	const cl_program parts[] = { a, b };
	cl_program whole = clLinkProgram(cl->context, 1, &cl->device, "", 2, parts,
					 NULL, NULL, err);

	CL_CHECK(clReleaseProgram(a));
	CL_CHECK(clReleaseProgram(b));
	return whole;
}

/* Whether the kernel runs and is right; releases the program. */
static bool works(struct cl *cl, cl_program program)
{
	uint32_t out[ITEMS] = { 0 };
	cl_kernel kernel = cl_kernel_of(program, "k");
	bool ok = true;

	cl_arg_pointer(kernel, 0, out);
	cl_run(cl, kernel, ITEMS, 0);
	for (uint32_t i = 0; i < ITEMS; i++)
		ok &= out[i] == (i + 1) * 3;
	CL_CHECK(clReleaseKernel(kernel));
	CL_CHECK(clReleaseProgram(program));
	return ok;
}

static void test_link(struct cl *cl, const char *kernel, const char *function,
		      const char *name)
{
	cl_int err;
	cl_program program = linked(cl, cl_compile(cl, kernel), cl_compile(cl, function),
				    &err);

	tap_result(err == CL_SUCCESS && works(cl, program), "link %s", name);
}

static void test_library(struct cl *cl)
{
	cl_int err;
	cl_program part = cl_compile(cl, signed_function);
	cl_program library = clLinkProgram(cl->context, 1, &cl->device,
					   "-create-library", 1, &part, NULL, NULL,
					   &err);

	CL_CHECK(err);
	CL_CHECK(clReleaseProgram(part));
	cl_program program = linked(cl, cl_compile(cl, unsigned_kernel), library, &err);
	tap_result(err == CL_SUCCESS && works(cl, program), "link with a library");
}

static void test_header(struct cl *cl)
{
	const char *name = "step.h";
	cl_program h = cl_source(cl, header), part = cl_source(cl, with_header);
	cl_int err;

	CL_CHECK(clCompileProgram(part, 1, &cl->device, "-DFACTOR=1u", 1, &h, &name,
				  NULL, NULL));
	CL_CHECK(clReleaseProgram(h));
	cl_program program = linked(cl, cl_compile(cl, unsigned_kernel), part, &err);
	tap_result(err == CL_SUCCESS && works(cl, program),
		   "compile with a header and a macro");
}

static void test_unresolved(struct cl *cl)
{
	cl_program part = cl_compile(cl, unsigned_kernel);
	cl_int err;
	cl_program program = clLinkProgram(cl->context, 1, &cl->device, "", 1, &part,
					   NULL, NULL, &err);

	tap_result(err == CL_LINK_PROGRAM_FAILURE,
		   "a function that is missing fails to link");
	CL_CHECK(clReleaseProgram(part));
	if (program)
		CL_CHECK(clReleaseProgram(program));
}

static void test_binary(struct cl *cl)
{
	cl_int err;
	cl_program program = linked(cl, cl_compile(cl, signed_kernel),
				    cl_compile(cl, signed_function), &err);
	unsigned char *binary;
	size_t size;

	CL_CHECK(err);
	CL_CHECK(clGetProgramInfo(program, CL_PROGRAM_BINARY_SIZES, sizeof(size), &size,
				  NULL));
	binary = malloc(size);
	CL_CHECK(clGetProgramInfo(program, CL_PROGRAM_BINARIES, sizeof(binary), &binary,
				  NULL));
	CL_CHECK(clReleaseProgram(program));
	program = clCreateProgramWithBinary(cl->context, 1, &cl->device, &size,
					    (const unsigned char **)&binary, NULL, &err);
	CL_CHECK(err);
	free(binary);
	CL_CHECK(clBuildProgram(program, 1, &cl->device, "", NULL, NULL));
	tap_result(works(cl, program), "a binary of a linked program");
}

int main(void)
{
	struct cl cl;

	cl_open(&cl);
	test_link(&cl, unsigned_kernel, unsigned_function, "both unsigned");
	test_link(&cl, unsigned_kernel, signed_function, "a signed function");
	test_link(&cl, signed_kernel, unsigned_function, "a signed kernel");
	test_link(&cl, signed_kernel, signed_function, "both signed");
	test_link(&cl, inline_kernel, inline_function, "an inline function in both");
	test_library(&cl);
	test_header(&cl);
	test_unresolved(&cl);
	test_binary(&cl);
	cl_close(&cl);
	return tap_status();
}
