/* SPDX-License-Identifier: MIT */
/* What building and linking refuse, and what they say of it. */
#include <string.h>

#include "cl_helper.h"
#include "tap.h"

#define LOG_SIZE 4096

static const char kernel_text[] =
	"uint next(uint x);\n"
	"kernel void k(global uint *out)\n"
	"{\n"
	"	out[0] = next(0);\n"
	"}\n";
static const char function_text[] =
	"uint next(uint x)\n"
	"{\n"
	"	return x + 1u;\n"
	"}\n";
static const char whole_text[] =
	"kernel void k(global uint *out)\n"
	"{\n"
	"	out[0] = FACTOR;\n"
	"}\n";

static bool log_has(struct cl *cl, cl_program program, const char *text)
{
	char log[LOG_SIZE] = "";

	CL_CHECK(clGetProgramBuildInfo(program, cl->device, CL_PROGRAM_BUILD_LOG,
				       sizeof(log), log, NULL));
	return strstr(log, text);
}

/* What is invalid in options is named in the log, and the next build does not mind. */
static void test_build_options(struct cl *cl, const char *options, const char *named)
{
	cl_program program = cl_source(cl, whole_text);
	cl_int err = clBuildProgram(program, 1, &cl->device, options, NULL, NULL);

	tap_result(err == CL_INVALID_BUILD_OPTIONS && log_has(cl, program, named),
		   "build with \"%s\"", options);
	err = clCompileProgram(program, 1, &cl->device, options, 0, NULL, NULL, NULL,
			       NULL);
	tap_result(err == CL_INVALID_COMPILER_OPTIONS && log_has(cl, program, named),
		   "compile with \"%s\"", options);
	err = clBuildProgram(program, 1, &cl->device, "-DFACTOR=1", NULL, NULL);
	tap_result(err == CL_SUCCESS, "build after \"%s\"", options);
	CL_CHECK(clReleaseProgram(program));
}

static void test_valid_options(struct cl *cl)
{
	static const char *const options[] = {
		"-D FACTOR=1", "-DFACTOR=1 -I /tmp -I\"/tmp\"",
		"-DFACTOR=1 -cl-opt-disable -cl-strict-aliasing -cl-mad-enable",
		"-DFACTOR=1 -cl-unsafe-math-optimizations -cl-finite-math-only",
		"-DFACTOR=1 -cl-fast-relaxed-math -cl-no-signed-zeros",
		"-DFACTOR=1 -cl-denorms-are-zero -cl-fp32-correctly-rounded-divide-sqrt",
		"-DFACTOR=1 -cl-single-precision-constant -cl-uniform-work-group-size",
		"-DFACTOR=1 -cl-kernel-arg-info -cl-std=CL3.0 -w",
		"-DFACTOR=1 -cl-no-subgroup-ifp -Werror",
	};

	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
		cl_program program = cl_source(cl, whole_text);
		cl_int err = clBuildProgram(program, 1, &cl->device, options[i], NULL,
					    NULL);

		tap_result(err == CL_SUCCESS, "build with \"%s\"", options[i]);
		CL_CHECK(clReleaseProgram(program));
	}
}

/* Links two programs and releases them and what comes of it; the error code. */
static cl_int link_error(struct cl *cl, const char *options, cl_program a, cl_program b)
{
	const cl_program parts[] = { a, b };
	cl_int err;
	cl_program whole = clLinkProgram(cl->context, 1, &cl->device, options, 2, parts,
					 NULL, NULL, &err);

	CL_CHECK(clReleaseProgram(a));
	if (b != a)
		CL_CHECK(clReleaseProgram(b));
	if (whole)
		CL_CHECK(clReleaseProgram(whole));
	return err;
}

static void test_link_options(struct cl *cl)
{
	static const struct {
		const char *options;
		cl_int err;
	} cases[] = {
		{ "-cl-fast-relaxed-math  -cl-denorms-are-zero", CL_SUCCESS },
		{ "-create-library -enable-link-options", CL_SUCCESS },
		{ "-enable-link-options", CL_INVALID_LINKER_OPTIONS },
		{ "-create-libraries", CL_INVALID_LINKER_OPTIONS },
		{ "-DFACTOR=1", CL_INVALID_LINKER_OPTIONS },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		cl_int err = link_error(cl, cases[i].options, cl_compile(cl, kernel_text),
					cl_compile(cl, function_text));

		tap_result(err == cases[i].err, "link with \"%s\"", cases[i].options);
	}
}

static void test_link_inputs(struct cl *cl)
{
	cl_program built = cl_source(cl, whole_text), twice;

	CL_CHECK(clBuildProgram(built, 1, &cl->device, "-DFACTOR=1", NULL, NULL));
	tap_result(link_error(cl, "", built, cl_compile(cl, function_text)) ==
			   CL_INVALID_OPERATION,
		   "an executable does not link");
	tap_result(link_error(cl, "", cl_compile(cl, function_text),
			      cl_source(cl, kernel_text)) == CL_INVALID_OPERATION,
		   "source does not link");
	tap_result(link_error(cl, "", cl_compile(cl, function_text),
			      cl_compile(cl, function_text)) == CL_LINK_PROGRAM_FAILURE,
		   "two definitions do not link");
	twice = cl_compile(cl, function_text);
	tap_result(link_error(cl, "", twice, twice) == CL_LINK_PROGRAM_FAILURE,
		   "a program does not link with itself");
}

static cl_int name_of_argument(struct cl *cl, const char *options, char *name, size_t size)
{
	cl_program program = cl_source(cl, whole_text);
	cl_kernel kernel;
	cl_int err;

	CL_CHECK(clBuildProgram(program, 1, &cl->device, options, NULL, NULL));
	kernel = cl_kernel_of(program, "k");
	err = clGetKernelArgInfo(kernel, 0, CL_KERNEL_ARG_NAME, size, name, NULL);
	CL_CHECK(clReleaseKernel(kernel));
	CL_CHECK(clReleaseProgram(program));
	return err;
}

static void test_argument_info(struct cl *cl)
{
	char name[16] = "";

	tap_result(name_of_argument(cl, "-DFACTOR=1 -cl-kernel-arg-info", name,
				    sizeof(name)) == CL_SUCCESS && !strcmp(name, "out"),
		   "an argument's name is kept if asked to");
	tap_result(name_of_argument(cl, "-DFACTOR=1", name, sizeof(name)) ==
			   CL_KERNEL_ARG_INFO_NOT_AVAILABLE,
		   "else it is not");
}

int main(void)
{
	struct cl cl;

	cl_open(&cl);
	test_build_options(&cl, "-invalid-option", "-invalid-option");
	test_build_options(&cl, "-cl-std=CL9.9", "CL9.9");
	test_build_options(&cl, "nothing.cl", "nothing.cl");
	test_build_options(&cl, "-", "-");
	test_valid_options(&cl);
	test_link_options(&cl);
	test_link_inputs(&cl);
	test_argument_info(&cl);
	cl_close(&cl);
	return tap_status();
}
