/* SPDX-License-Identifier: MIT */
/*
 * Image formats: what a kernel reads of random memory, and what memory its
 * writes make, against conversions by the CPU.
 */
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cl_helper.h"
#include "tap.h"

#define TEXELS 256

#define KERNEL(name, type, suffix) \
	"kernel void " name "(read_only image1d_t in, write_only image1d_t out,\n" \
	"	global " type " *seen, global const " type " *given)\n" \
	"{\n" \
	"	int x = get_global_id(0);\n" \
	"	seen[x] = read_image" suffix "(in, x);\n" \
	"	write_image" suffix "(out, x, given[x]);\n" \
	"}\n"

static const char source[] =
	KERNEL("with_float", "float4", "f")
	KERNEL("with_int", "int4", "i")
	KERNEL("with_uint", "uint4", "ui");

/* Which channel of memory a component of a color is; ZERO and ONE are none. */
enum { ZERO = 4, ONE };

struct order {
	cl_channel_order order;
	const char *name;
	int channels;
	int from[4];
};

static const struct order rgba = { CL_RGBA, "RGBA", 4, { 0, 1, 2, 3 } };
static const struct order bgra = { CL_BGRA, "BGRA", 4, { 2, 1, 0, 3 } };
static const struct order argb = { CL_ARGB, "ARGB", 4, { 1, 2, 3, 0 } };
static const struct order rg = { CL_RG, "RG", 2, { 0, 1, ZERO, ONE } };
static const struct order r = { CL_R, "R", 1, { 0, ZERO, ZERO, ONE } };
static const struct order luminance = { CL_LUMINANCE, "LUMINANCE", 1, { 0, 0, 0, ONE } };
static const struct order intensity = { CL_INTENSITY, "INTENSITY", 1, { 0, 0, 0, 0 } };

enum kind { UNORM, SNORM, SIGNED, UNSIGNED, REAL };

struct type {
	cl_channel_type type;
	const char *name;
	enum kind kind;
	int bytes;
};

static const struct type unorm8 = { CL_UNORM_INT8, "UNORM_INT8", UNORM, 1 };
static const struct type unorm16 = { CL_UNORM_INT16, "UNORM_INT16", UNORM, 2 };
static const struct type snorm8 = { CL_SNORM_INT8, "SNORM_INT8", SNORM, 1 };
static const struct type snorm16 = { CL_SNORM_INT16, "SNORM_INT16", SNORM, 2 };
static const struct type sint8 = { CL_SIGNED_INT8, "SIGNED_INT8", SIGNED, 1 };
static const struct type sint16 = { CL_SIGNED_INT16, "SIGNED_INT16", SIGNED, 2 };
static const struct type sint32 = { CL_SIGNED_INT32, "SIGNED_INT32", SIGNED, 4 };
static const struct type uint8 = { CL_UNSIGNED_INT8, "UNSIGNED_INT8", UNSIGNED, 1 };
static const struct type uint16 = { CL_UNSIGNED_INT16, "UNSIGNED_INT16", UNSIGNED, 2 };
static const struct type uint32 = { CL_UNSIGNED_INT32, "UNSIGNED_INT32", UNSIGNED, 4 };
static const struct type half = { CL_HALF_FLOAT, "HALF_FLOAT", REAL, 2 };
static const struct type real = { CL_FLOAT, "FLOAT", REAL, 4 };

union texel {
	uint8_t u8[16];
	int8_t s8[16];
	uint16_t u16[8];
	int16_t s16[8];
	uint32_t u32[4];
	int32_t s32[4];
	_Float16 f16[8];
	float f32[4];
};

/* Channel @c as a number, not yet normalized. */
static double channel(const struct type *type, const union texel *t, int c)
{
	switch (type->kind) {
	case UNORM:
	case UNSIGNED:
		return type->bytes == 1 ? t->u8[c] : type->bytes == 2 ? t->u16[c] : t->u32[c];
	case SNORM:
	case SIGNED:
		return type->bytes == 1 ? t->s8[c] : type->bytes == 2 ? t->s16[c] : t->s32[c];
	default:
		return type->bytes == 2 ? (double)t->f16[c] : t->f32[c];
	}
}

static double scale(const struct type *type)
{
	if (type->kind == UNORM)
		return (1 << 8 * type->bytes) - 1;
	return type->kind == SNORM ? (1 << (8 * type->bytes - 1)) - 1 : 1;
}

static double decode(const struct order *order, const struct type *type,
		     const union texel *t, int component)
{
	int from = order->from[component];

	if (from >= ZERO)
		return from == ONE;
	return fmax(channel(type, t, from) / scale(type), type->kind == SNORM ? -1 : -INFINITY);
}

/* What channel @c shall become for a component @v, in units of the channel. */
static double encode(const struct type *type, double v)
{
	double bits = 8 * type->bytes;

	switch (type->kind) {
	case UNORM: return fmin(fmax(v, 0), 1) * scale(type);
	case SNORM: return fmin(fmax(v, -1), 1) * scale(type);
	case UNSIGNED: return fmin(v, exp2(bits) - 1);
	case SIGNED: return fmin(fmax(v, -exp2(bits - 1)), exp2(bits - 1) - 1);
	default: return type->bytes == 2 ? (double)(_Float16)(float)v : v;
	}
}

/* Random memory; floats are kept finite. */
static void fill(const struct type *type, union texel *t)
{
	for (int i = 0; i < 16; i++)
		t->u8[i] = rand() >> 8;
	for (int c = 0; c < 4 && type->kind == REAL; c++) {
		if (type->bytes == 2)
			t->f16[c] = (rand() % 4001 - 2000) / 16.0f;
		else
			t->f32[c] = (rand() % 400001 - 200000) / 7.0f;
	}
}

/* Components to write: floats around the range of norms, integers of any size. */
static void choose(const struct type *type, cl_int *given)
{
	for (int c = 0; c < 4; c++) {
		if (type->kind == SIGNED || type->kind == UNSIGNED) {
			given[c] = (rand() ^ (cl_uint)rand() << 16) >> rand() % 32;
		} else {
			float v = (rand() % 30001 - 15000) / 10000.0f;

			memcpy(&given[c], &v, sizeof(v));
		}
	}
}

static double component(const struct type *type, const cl_int *v)
{
	float f;

	if (type->kind == SIGNED)
		return *v;
	if (type->kind == UNSIGNED)
		return (cl_uint)*v;
	memcpy(&f, v, sizeof(f));
	return f;
}

static bool check(const struct order *order, const struct type *type, const union texel *in,
		  const union texel *out, const cl_int *seen, const cl_int *given)
{
	/* Spec: 1.5 ulp for what is read; rounding to nearest is preferred, 0.6 allowed. */
	const double slack = type->kind == UNORM || type->kind == SNORM ? 0.6 : 0;

	for (int i = 0; i < 4; i++) {
		double want = decode(order, type, in, i), got = component(type, &seen[i]);

		if (fabs(got - want) > (slack ? 1.5 * 0x1p-23 : 0)) {
			tap_note("component %d is read as %.9g, not %.9g", i, got, want);
			return false;
		}
		int c = order->from[i];
		bool first = c < ZERO;

		for (int j = 0; j < i; j++)
			first &= order->from[j] != c;
		if (!first)
			continue;
		want = encode(type, component(type, &given[i]));
		got = channel(type, out, c);
		if (fabs(got - want) > slack) {
			tap_note("component %d is written as %.9g, not %.9g", i, got, want);
			return false;
		}
	}
	return true;
}

static cl_mem make_image(struct cl *cl, cl_mem_flags flags, const struct order *order,
			 const struct type *type, void *data)
{
	const cl_image_format format = { order->order, type->type };
	const cl_image_desc desc = { .image_type = CL_MEM_OBJECT_IMAGE1D,
				     .image_width = TEXELS };
	cl_int err;
	cl_mem image = clCreateImage(cl->context, flags, &format, &desc, data, &err);

	CL_CHECK(err);
	return image;
}

static void test_format(struct cl *cl, cl_program program, const struct order *order,
			const struct type *type)
{
	cl_kernel kernel = cl_kernel_of(program, type->kind == SIGNED ? "with_int" :
					type->kind == UNSIGNED ? "with_uint" : "with_float");
	static union texel in[TEXELS], out[TEXELS];
	static char packed[TEXELS * sizeof(union texel)];
	static cl_int seen[TEXELS][4], given[TEXELS][4];
	const size_t size = order->channels * type->bytes;
	bool ok = true;

	for (int i = 0; i < TEXELS; i++) {
		fill(type, &in[i]);
		choose(type, given[i]);
		memcpy(packed + i * size, &in[i], size);
	}
	cl_mem a = make_image(cl, CL_MEM_READ_ONLY | CL_MEM_COPY_HOST_PTR, order, type, packed);
	cl_mem b = make_image(cl, CL_MEM_WRITE_ONLY, order, type, NULL);
	CL_ARG(kernel, 0, a);
	CL_ARG(kernel, 1, b);
	cl_arg_pointer(kernel, 2, seen);
	cl_arg_pointer(kernel, 3, given);
	cl_run(cl, kernel, TEXELS, 64);
	CL_CHECK(clEnqueueReadImage(cl->queue, b, CL_TRUE, (size_t[3]){ 0 },
				    (size_t[3]){ TEXELS, 1, 1 }, 0, 0, packed, 0, NULL, NULL));
	for (int i = 0; i < TEXELS && ok; i++) {
		memcpy(&out[i], packed + i * size, size);
		ok = check(order, type, &in[i], &out[i], seen[i], given[i]);
	}
	tap_result(ok, "formats: %s %s", order->name, type->name);
	CL_CHECK(clReleaseMemObject(a));
	CL_CHECK(clReleaseMemObject(b));
	CL_CHECK(clReleaseKernel(kernel));
}

int main(void)
{
	static const struct {
		const struct order *order;
		const struct type *type;
	} formats[] = {
		{ &rgba, &unorm8 }, { &rgba, &unorm16 }, { &rgba, &snorm8 }, { &rgba, &snorm16 },
		{ &rgba, &sint8 }, { &rgba, &sint16 }, { &rgba, &sint32 }, { &rgba, &uint8 },
		{ &rgba, &uint16 }, { &rgba, &uint32 }, { &rgba, &half }, { &rgba, &real },
		{ &bgra, &unorm8 }, { &argb, &uint8 }, { &rg, &unorm16 }, { &rg, &half },
		{ &rg, &sint8 }, { &r, &unorm8 }, { &r, &snorm8 }, { &r, &sint16 }, { &r, &real },
		{ &luminance, &unorm8 }, { &intensity, &real },
	};
	struct cl cl;

	cl_open(&cl);
	cl_program program = cl_build(&cl, source);
	for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++)
		test_format(&cl, program, formats[i].order, formats[i].type);
	CL_CHECK(clReleaseProgram(program));
	cl_close(&cl);
	return tap_status();
}
