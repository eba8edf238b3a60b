/* SPDX-License-Identifier: MIT */
/*
 * Arithmetic of every type: integer results must be those of the CPU, floating
 * point as close as OpenCL asks for.
 */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cl_helper.h"
#include "tap.h"

#define N 640

#define INT_RESULTS 13
#define STRING_(x) #x
#define STRING(x) STRING_(x)

/* From x and y, both of @type, to o[]. */
#define INT_OPERATIONS(type) \
	"	{ " type " d = y ? y : (" type ")1;\n" \
	"	o[0] = x + y; o[1] = x - y; o[2] = x * y;\n" \
	"	o[3] = x / d; o[4] = x % d;\n" \
	"	o[5] = x << (y & 7); o[6] = x >> (y & 7);\n" \
	"	o[7] = min(x, y); o[8] = max(x, y);\n" \
	"	o[9] = add_sat(x, y); o[10] = mul_hi(x, y);\n" \
	"	o[11] = x < y ? ~x : x ^ y; o[12] = sub_sat(x, y); }\n"

#define INT_KERNEL(type) \
	"kernel void int_" #type "(global const " #type " *a,\n" \
	"	global const " #type " *b, global " #type " *o)\n" \
	"{\n" \
	"	int i = get_global_id(0);\n" \
	"	" #type " x = a[i], y = b[i];\n" \
	"	o += " STRING(INT_RESULTS) " * i;\n" \
	INT_OPERATIONS(#type) \
	"}\n"

static const char source[] =
	"#pragma OPENCL EXTENSION cl_khr_fp16 : enable\n"
	"#pragma OPENCL EXTENSION cl_khr_fp64 : enable\n"
	INT_KERNEL(char) INT_KERNEL(uchar) INT_KERNEL(short) INT_KERNEL(ushort)
	INT_KERNEL(int) INT_KERNEL(uint) INT_KERNEL(long) INT_KERNEL(ulong)
	"kernel void math_float(global const float *a, global float *o)\n"
	"{\n"
	"	int i = get_global_id(0);\n"
	"	float x = a[i];\n"
	"	o += 16 * i;\n"
	"	o[0] = sqrt(x); o[1] = 1.0f / x; o[2] = fma(x, x, -x);\n"
	"	o[3] = floor(x); o[4] = ceil(x); o[5] = rint(x); o[6] = trunc(x);\n"
	"	o[7] = sin(x); o[8] = cos(x); o[9] = exp(x); o[10] = log(x);\n"
	"	o[11] = pow(x, 1.5f); o[12] = tanh(x); o[13] = fmod(x, 0.7f);\n"
	"	o[14] = atan2(x, 2.0f); o[15] = cbrt(x);\n"
	"}\n"
	"kernel void math_double(global const double *a, global double *o)\n"
	"{\n"
	"	int i = get_global_id(0);\n"
	"	double x = a[i];\n"
	"	o += 16 * i;\n"
	"	o[0] = sqrt(x); o[1] = 1.0 / x; o[2] = fma(x, x, -x);\n"
	"	o[3] = floor(x); o[4] = ceil(x); o[5] = rint(x); o[6] = trunc(x);\n"
	"	o[7] = sin(x); o[8] = cos(x); o[9] = exp(x); o[10] = log(x);\n"
	"	o[11] = pow(x, 1.5); o[12] = tanh(x); o[13] = fmod(x, 0.7);\n"
	"	o[14] = atan2(x, 2.0); o[15] = cbrt(x);\n"
	"}\n"
	"kernel void native(global const float *a, global float *o)\n"
	"{\n"
	"	int i = get_global_id(0);\n"
	"	float x = a[i];\n"
	"	o += 4 * i;\n"
	"	o[0] = native_sin(x); o[1] = native_cos(x);\n"
	"	o[2] = native_exp2(x); o[3] = native_log2(x);\n"
	"}\n"
	"kernel void halves(global const half *a, global half *o)\n"
	"{\n"
	"	#pragma OPENCL FP_CONTRACT OFF\n"
	"	int i = get_global_id(0);\n"
	"	o[i] = a[i] * a[i] + (half)0.5;\n"
	"}\n"
	"kernel void half_functions(global const half *a, global half *o)\n"
	"{\n"
	"	int i = get_global_id(0);\n"
	"	half x = a[i];\n"
	"	o += 6 * i;\n"
	"	o[0] = exp2(x); o[1] = log(x); o[2] = asin(x);\n"
	"	o[3] = sqrt(x); o[4] = sin(x); o[5] = step(x, (half)0.5);\n"
	"}\n"
	"kernel void spills(global const double16 *a, global double *o)\n"
	"{\n"
	"	int i = get_global_id(0);\n"
	"	global const double16 *p = a + i % 8 * 4;\n"
	"	double16 w = p[0], x = p[1], y = p[2], z = p[3];\n"
	"	double s = 1;\n"
	"	if (i & 1)\n"
	"		s = w.s0 + z.sf;\n"
	"	barrier(CLK_GLOBAL_MEM_FENCE);\n"
	"	w += x * s; x += y * s; y += z * s; z += w * s;\n"
	"	w += x + y + z;\n"
	"	w.s01234567 += w.s89abcdef; w.s0123 += w.s4567; w.s01 += w.s23;\n"
	"	o[i] = w.s0 + w.s1;\n"
	"}\n"
	"kernel void convert(global const float *a, global long *o)\n"
	"{\n"
	"	int i = get_global_id(0);\n"
	"	float x = a[i];\n"
	"	o += 8 * i;\n"
	"	o[0] = convert_int_rte(x); o[1] = convert_int_rtz(x);\n"
	"	o[2] = convert_int_rtp(x); o[3] = convert_int_rtn(x);\n"
	"	o[4] = convert_uchar_sat(x); o[5] = convert_char_sat_rte(x * 100);\n"
	"	o[6] = convert_long(x * 1e6f); o[7] = convert_ushort_sat(x * 1e4f);\n"
	"}\n";

/* What the kernels of INT_KERNEL compute, in C; unsigned types have no low end. */
#pragma GCC diagnostic ignored "-Wtype-limits"
#define CPU_INT(type, wide, name, low, high) \
	static void cpu_##name(const void *a, const void *b, void *out) \
	{ \
		for (int i = 0; i < N; i++) { \
			type x = ((const type *)a)[i], y = ((const type *)b)[i]; \
			type d = y ? y : 1, *o = (type *)out + INT_RESULTS * i; \
			wide sum = (wide)x + (wide)y, difference = (wide)x - (wide)y; \
			o[0] = (type)sum; \
			o[1] = (type)difference; \
			o[2] = (type)((wide)x * (wide)y); \
			o[3] = (type)((wide)x / (wide)d); \
			o[4] = (type)((wide)x % (wide)d); \
			o[5] = (type)((wide)x << (y & 7)); \
			o[6] = x >> (y & 7); \
			o[7] = x < y ? x : y; \
			o[8] = x > y ? x : y; \
			o[9] = low && sum < (wide)low ? low : sum > (wide)high ? high : (type)sum; \
			o[10] = (type)(((wide)x * (wide)y) >> (sizeof(type) * 8)); \
			o[11] = x < y ? (type)~x : (type)(x ^ y); \
			o[12] = !low && x < y ? 0 : low && difference < (wide)low ? low : \
				low && difference > (wide)high ? high : (type)difference; \
		} \
	}

CPU_INT(int8_t, __int128, char, INT8_MIN, INT8_MAX)
CPU_INT(uint8_t, __int128, uchar, 0, UINT8_MAX)
CPU_INT(int16_t, __int128, short, INT16_MIN, INT16_MAX)
CPU_INT(uint16_t, __int128, ushort, 0, UINT16_MAX)
CPU_INT(int32_t, __int128, int, INT32_MIN, INT32_MAX)
CPU_INT(uint32_t, __int128, uint, 0, UINT32_MAX)
CPU_INT(int64_t, __int128, long, INT64_MIN, INT64_MAX)
CPU_INT(uint64_t, unsigned __int128, ulong, 0, UINT64_MAX)

static const struct {
	const char *name;
	size_t size;
	void (*cpu)(const void *a, const void *b, void *out);
} int_types[] = {
	{ "char", 1, cpu_char }, { "uchar", 1, cpu_uchar },
	{ "short", 2, cpu_short }, { "ushort", 2, cpu_ushort },
	{ "int", 4, cpu_int }, { "uint", 4, cpu_uint },
	{ "long", 8, cpu_long }, { "ulong", 8, cpu_ulong },
};

/* Random bits, with small numbers and extremes among them. */
static void fill(uint8_t *data, size_t size)
{
	for (int i = 0; i < N; i++) {
		uint64_t v = (uint64_t)rand() << 42 ^ (uint64_t)rand() << 21 ^ rand();

		if (i % 5 == 1)
			v %= 16;
		if (i % 37 == 2)
			v = 1ull << (8 * size - 1);
		if (i % 41 == 3)
			v = ~0ull;
		memcpy(data + i * size, &v, size);
	}
}

static bool are_results(const uint8_t *gpu, const uint8_t *cpu, int items, size_t size)
{
	for (int i = 0; i < INT_RESULTS * items; i++) {
		if (memcmp(gpu + i * size, cpu + i * size, size)) {
			tap_note("item %d, result %d differs", i / INT_RESULTS, i % INT_RESULTS);
			return false;
		}
	}
	return true;
}

static void test_int(struct cl *cl, cl_program program, const char *name,
		     size_t size, void (*cpu)(const void *, const void *, void *))
{
	char kernel_name[32];
	uint8_t *a = malloc(N * size), *b = malloc(N * size);
	uint8_t *gpu_out = calloc(INT_RESULTS * N, size), *cpu_out = calloc(INT_RESULTS * N, size);
	bool ok;

	snprintf(kernel_name, sizeof(kernel_name), "int_%s", name);
	cl_kernel kernel = cl_kernel_of(program, kernel_name);
	fill(a, size);
	fill(b, size);
	cl_arg_pointer(kernel, 0, a);
	cl_arg_pointer(kernel, 1, b);
	cl_arg_pointer(kernel, 2, gpu_out);
	cl_run(cl, kernel, N, 0);
	cpu(a, b, cpu_out);
	ok = are_results(gpu_out, cpu_out, N, size);
	tap_result(ok, "integer arithmetic: %s", name);
	free(a);
	free(b);
	free(gpu_out);
	free(cpu_out);
	CL_CHECK(clReleaseKernel(kernel));
}

/* The same of numbers that stand in the source: the compiler computes instead of the GPU. */
static void test_folded(struct cl *cl, const char *name, size_t size,
			void (*cpu)(const void *, const void *, void *))
{
	const uint64_t top = 1ull << (8 * size - 1);
	const uint64_t pairs[][2] = {
		{ 5, -3ull }, { 100, 100 }, { top - 1, 1 }, { top - 1, top - 1 }, { top, top },
		{ top, 1 }, { top - 1, -1ull }, { -1ull, -1ull }, { -1ull, 100 }, { 0, top },
	};
	const size_t count = sizeof(pairs) / sizeof(pairs[0]);
	uint8_t *a = calloc(N, size), *b = calloc(N, size);
	uint8_t *gpu_out = calloc(INT_RESULTS * N, size), *cpu_out = calloc(INT_RESULTS * N, size);
	char *text = malloc(65536);
	size_t at = sprintf(text, "#define T %s\nkernel void folded(global T *o)\n{\n", name);

	for (size_t i = 0; i < count; i++) {
		memcpy(a + i * size, &pairs[i][0], size);
		memcpy(b + i * size, &pairs[i][1], size);
		at += sprintf(text + at, "	{ T x = (T)%#llxul, y = (T)%#llxul;\n%s	o += " STRING(INT_RESULTS) "; }\n",
			      (unsigned long long)pairs[i][0], (unsigned long long)pairs[i][1],
			      INT_OPERATIONS("T"));
	}
	sprintf(text + at, "}\n");

	cl_program program = cl_build(cl, text);
	cl_kernel kernel = cl_kernel_of(program, "folded");

	cl_arg_pointer(kernel, 0, gpu_out);
	cl_run(cl, kernel, 1, 0);
	cpu(a, b, cpu_out);
	tap_result(are_results(gpu_out, cpu_out, count, size), "integer arithmetic of constants: %s", name);
	free(a);
	free(b);
	free(gpu_out);
	free(cpu_out);
	free(text);
	CL_CHECK(clReleaseKernel(kernel));
	CL_CHECK(clReleaseProgram(program));
}

/* Units in the last place that OpenCL allows, by index of the kernels above. */
static const int max_ulp[16] = { 3, 3, 0, 0, 0, 0, 0, 4, 4, 3, 3, 16, 5, 0, 6, 2 };

static void reference(double x, double *o, double mod, double f)
{
	o[0] = sqrt(x);
	o[1] = 1.0 / x;
	o[2] = f;
	o[3] = floor(x);
	o[4] = ceil(x);
	o[5] = rint(x);
	o[6] = trunc(x);
	o[7] = sin(x);
	o[8] = cos(x);
	o[9] = exp(x);
	o[10] = log(x);
	o[11] = pow(x, 1.5);
	o[12] = tanh(x);
	o[13] = mod;
	o[14] = atan2(x, 2.0);
	o[15] = cbrt(x);
}

static bool close_enough(double got, double want, double ulp, int allowed)
{
	return got == want || fabs(got - want) <= allowed * ulp;
}

static void test_float(struct cl *cl, cl_program program)
{
	cl_kernel kernel = cl_kernel_of(program, "math_float");
	float *a = malloc(N * sizeof(*a)), *out = malloc(16 * N * sizeof(*out));
	bool ok = true;

	for (int i = 0; i < N; i++)
		a[i] = 0.01f + i * 0.04f;
	cl_arg_pointer(kernel, 0, a);
	cl_arg_pointer(kernel, 1, out);
	cl_run(cl, kernel, N, 0);
	for (int i = 0; i < N; i++) {
		double want[16];

		reference(a[i], want, fmodf(a[i], 0.7f), fmaf(a[i], a[i], -a[i]));
		for (int k = 0; k < 16; k++) {
			float w = fabs(want[k]);
			double ulp = nextafterf(w, INFINITY) - w;

			/* The reference is rounded, too. */
			if (!close_enough(out[16 * i + k], want[k], ulp,
					  max_ulp[k] + 1) && ok) {
				tap_note("result %d of %g: %.9g, not %.9g", k, a[i],
					 out[16 * i + k], want[k]);
				ok = false;
			}
		}
	}
	tap_result(ok, "float: operations and functions");
	free(a);
	free(out);
	CL_CHECK(clReleaseKernel(kernel));
}

static void test_double(struct cl *cl, cl_program program)
{
	cl_kernel kernel = cl_kernel_of(program, "math_double");
	double *a = malloc(N * sizeof(*a)), *out = malloc(16 * N * sizeof(*out));
	bool ok = true;

	for (int i = 0; i < N; i++)
		a[i] = 0.01 + i * 0.04;
	cl_arg_pointer(kernel, 0, a);
	cl_arg_pointer(kernel, 1, out);
	cl_run(cl, kernel, N, 0);
	for (int i = 0; i < N; i++) {
		double want[16];

		reference(a[i], want, fmod(a[i], 0.7), fma(a[i], a[i], -a[i]));
		for (int k = 0; k < 16; k++) {
			double w = fabs(want[k]);

			if (!close_enough(out[16 * i + k], want[k],
					  nextafter(w, INFINITY) - w,
					  max_ulp[k] + 1) && ok) {
				tap_note("result %d of %g: %.17g, not %.17g", k,
					 a[i], out[16 * i + k], want[k]);
				ok = false;
			}
		}
	}
	tap_result(ok, "double: operations and functions");
	free(a);
	free(out);
	CL_CHECK(clReleaseKernel(kernel));
}

static void test_native(struct cl *cl, cl_program program)
{
	cl_kernel kernel = cl_kernel_of(program, "native");
	float *a = malloc(N * sizeof(*a)), *out = malloc(4 * N * sizeof(*out));
	bool ok = true;

	for (int i = 0; i < N; i++)
		a[i] = 0.01f + i * 0.04f;
	cl_arg_pointer(kernel, 0, a);
	cl_arg_pointer(kernel, 1, out);
	cl_run(cl, kernel, N, 0);
	for (int i = 0; i < N; i++) {
		const double want[] = { sin(a[i]), cos(a[i]), exp2(a[i]), log2(a[i]) };

		for (int k = 0; k < 4; k++) {
			double scale = fmax(1.0, fabs(want[k]));

			if (fabs(out[4 * i + k] - want[k]) > 1e-6 * scale && ok) {
				tap_note("result %d of %g: %.9g, not %.9g", k, a[i],
					 out[4 * i + k], want[k]);
				ok = false;
			}
		}
	}
	tap_result(ok, "float: native functions");
	free(a);
	free(out);
	CL_CHECK(clReleaseKernel(kernel));
}

static void test_half(struct cl *cl, cl_program program)
{
	cl_kernel kernel = cl_kernel_of(program, "halves");
	_Float16 *a = malloc(N * sizeof(*a)), *out = malloc(N * sizeof(*out));
	bool ok = true;

	for (int i = 0; i < N; i++)
		a[i] = (_Float16)(i * 0.125f - 30);
	cl_arg_pointer(kernel, 0, a);
	cl_arg_pointer(kernel, 1, out);
	cl_run(cl, kernel, N, 0);
	for (int i = 0; i < N; i++)
		ok &= out[i] == (_Float16)((_Float16)(a[i] * a[i]) + (_Float16)0.5f);
	tap_result(ok, "half: operations");
	free(a);
	free(out);
	CL_CHECK(clReleaseKernel(kernel));
}

static void test_half_functions(struct cl *cl, cl_program program)
{
	cl_kernel kernel = cl_kernel_of(program, "half_functions");
	_Float16 *a = malloc(N * sizeof(*a)), *out = malloc(6 * N * sizeof(*out));
	bool ok = true;

	for (int i = 0; i < N; i++)
		a[i] = (_Float16)((i + 1) / (float)N);
	cl_arg_pointer(kernel, 0, a);
	cl_arg_pointer(kernel, 1, out);
	cl_run(cl, kernel, N, 0);
	for (int i = 0; i < N; i++) {
		double x = (double)a[i];
		const double want[] = { exp2(x), log(x), asin(x), sqrt(x), sin(x),
					0.5 < x ? 0 : 1 };

		for (int k = 0; k < 6; k++) {
			double got = (double)out[6 * i + k];

			/* Half has eleven bits; two units in the last place. */
			if (fabs(got - want[k]) > 0x1p-9 * fmax(fabs(want[k]), 1e-3) &&
			    ok) {
				tap_note("function %d of %g: %g, not %g", k, x, got,
					 want[k]);
				ok = false;
			}
		}
	}
	tap_result(ok, "half: functions");
	free(a);
	free(out);
	CL_CHECK(clReleaseKernel(kernel));
}

/* More live values than there are registers. All sums are exact. */
static void test_spills(struct cl *cl, cl_program program)
{
	cl_kernel kernel = cl_kernel_of(program, "spills");
	double *a = aligned_alloc(128, 8 * 64 * sizeof(*a));
	double *out = malloc(N * sizeof(*out));
	bool ok = true;

	for (int i = 0; i < 8 * 64; i++)
		a[i] = i * 37 % 101;
	cl_arg_pointer(kernel, 0, a);
	cl_arg_pointer(kernel, 1, out);
	cl_run(cl, kernel, N, 64);
	for (int i = 0; i < N; i++) {
		const double *w = a + i % 8 * 64, *x = w + 16, *y = x + 16, *z = y + 16;
		double s = i & 1 ? w[0] + z[15] : 1, sum = 0;

		for (int k = 0; k < 16; k++) {
			double w1 = w[k] + x[k] * s, x1 = x[k] + y[k] * s;
			double y1 = y[k] + z[k] * s, z1 = z[k] + w1 * s;

			sum += w1 + x1 + y1 + z1;
		}
		ok &= out[i] == sum;
	}
	tap_result(ok, "more values than registers");
	free(a);
	free(out);
	CL_CHECK(clReleaseKernel(kernel));
}

static long saturate(double x, double low, double high)
{
	return x < low ? low : x > high ? high : (long)x;
}

static void test_convert(struct cl *cl, cl_program program)
{
	cl_kernel kernel = cl_kernel_of(program, "convert");
	float *a = malloc(N * sizeof(*a));
	int64_t *out = malloc(8 * N * sizeof(*out));
	bool ok = true;

	for (int i = 0; i < N; i++)
		a[i] = (i - 320) * 0.875f;
	cl_arg_pointer(kernel, 0, a);
	cl_arg_pointer(kernel, 1, out);
	cl_run(cl, kernel, N, 0);
	for (int i = 0; i < N; i++) {
		float x = a[i];
		const int64_t want[] = {
			rintf(x), truncf(x), ceilf(x), floorf(x),
			saturate(x, 0, 255), saturate(rintf(x * 100), -128, 127),
			(int64_t)(x * 1e6f), saturate(x * 1e4f, 0, 65535),
		};

		for (int k = 0; k < 8; k++) {
			if (out[8 * i + k] != want[k] && ok) {
				tap_note("conversion %d of %g: %ld, not %ld", k, x,
					 (long)out[8 * i + k], (long)want[k]);
				ok = false;
			}
		}
	}
	tap_result(ok, "conversions: rounding and saturation");
	free(a);
	free(out);
	CL_CHECK(clReleaseKernel(kernel));
}

int main(void)
{
	struct cl cl;

	cl_open(&cl);
	cl_program program = cl_build(&cl, source);
	srand(1);
	for (size_t i = 0; i < sizeof(int_types) / sizeof(int_types[0]); i++)
		test_int(&cl, program, int_types[i].name, int_types[i].size,
			 int_types[i].cpu);
	for (size_t i = 0; i < sizeof(int_types) / sizeof(int_types[0]); i++)
		test_folded(&cl, int_types[i].name, int_types[i].size, int_types[i].cpu);
	test_float(&cl, program);
	test_double(&cl, program);
	test_native(&cl, program);
	test_half(&cl, program);
	test_half_functions(&cl, program);
	test_convert(&cl, program);
	test_spills(&cl, program);
	CL_CHECK(clReleaseProgram(program));
	cl_close(&cl);
	return tap_status();
}
