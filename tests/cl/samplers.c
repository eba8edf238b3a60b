/* SPDX-License-Identifier: MIT */
/*
 * Samplers: every addressing mode, filter and kind of coordinate, in one to
 * three dimensions, against the formulas of the OpenCL specification, written
 * down here once more for the CPU.
 */
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cl_helper.h"
#include "tap.h"

#define SAMPLES 512
#define WIDTH 13
#define HEIGHT 7
#define DEPTH 5

static const char source[] =
	"kernel void d1(read_only image1d_t im, sampler_t s,\n"
	"	global const float4 *at, global float4 *out)\n"
	"{\n"
	"	uint i = get_global_id(0);\n"
	"	out[i] = read_imagef(im, s, at[i].x);\n"
	"}\n"
	"kernel void d2(read_only image2d_t im, sampler_t s,\n"
	"	global const float4 *at, global float4 *out)\n"
	"{\n"
	"	uint i = get_global_id(0);\n"
	"	out[i] = read_imagef(im, s, at[i].xy);\n"
	"}\n"
	"kernel void d3(read_only image3d_t im, sampler_t s,\n"
	"	global const float4 *at, global float4 *out)\n"
	"{\n"
	"	uint i = get_global_id(0);\n"
	"	out[i] = read_imagef(im, s, at[i]);\n"
	"}\n"
	"kernel void i2(read_only image2d_t im, sampler_t s,\n"
	"	global const float4 *at, global float4 *out)\n"
	"{\n"
	"	uint i = get_global_id(0);\n"
	"	out[i] = read_imagef(im, s, convert_int2_rtn(at[i].xy));\n"
	"}\n"
	"kernel void a2(read_only image2d_array_t im, sampler_t s,\n"
	"	global const float4 *at, global float4 *out)\n"
	"{\n"
	"	uint i = get_global_id(0);\n"
	"	out[i] = read_imagef(im, s, at[i]);\n"
	"}\n"
	"constant sampler_t fixed_sampler = CLK_NORMALIZED_COORDS_TRUE |\n"
	"	CLK_ADDRESS_REPEAT | CLK_FILTER_LINEAR;\n"
	"kernel void in_source(read_only image2d_t im, sampler_t s,\n"
	"	global const float4 *at, global float4 *out)\n"
	"{\n"
	"	uint i = get_global_id(0);\n"
	"	out[i] = read_imagef(im, fixed_sampler, at[i].xy);\n"
	"}\n";

static const int sizes[3] = { WIDTH, HEIGHT, DEPTH };
static float texels[DEPTH][HEIGHT][WIDTH][4];

/* What is sampled, and how. */
struct shot {
	const char *kernel;
	cl_mem_object_type type;
	int dims;
	bool layers;
	bool whole;
	cl_addressing_mode mode;
	cl_filter_mode filter;
	bool normalized;
};

/* One dimension: elements, their weights, and which of them are border. */
struct line {
	int count;
	int at[2];
	double weight[2];
};

static int wrap(cl_addressing_mode mode, int i, int size)
{
	switch (mode) {
	case CL_ADDRESS_REPEAT:
		return i < 0 ? i + size : i >= size ? i - size : i;
	case CL_ADDRESS_CLAMP:
		return i < 0 || i >= size ? -1 : i;
	default:
		return i < 0 ? 0 : i >= size ? size - 1 : i;
	}
}

static struct line resolve(const struct shot *shot, float s, int size)
{
	struct line line = { .count = 1, .weight = { 1, 0 } };
	float u = s;

	if (shot->mode == CL_ADDRESS_REPEAT)
		u = u - floorf(u);
	if (shot->mode == CL_ADDRESS_MIRRORED_REPEAT)
		u = fabsf(u - 2.0f * rintf(0.5f * u));
	if (shot->normalized)
		u *= size;
	if (shot->filter == CL_FILTER_LINEAR) {
		u -= 0.5f;
		line.count = 2;
		line.weight[1] = u - floorf(u);
		line.weight[0] = 1 - line.weight[1];
	}
	for (int i = 0; i < line.count; i++)
		line.at[i] = wrap(shot->mode, (int)floorf(u) + i, size);
	return line;
}

static void expected(const struct shot *shot, const float at[4], double out[4])
{
	struct line lines[3];

	for (int d = 0; d < 3; d++) {
		if (d == 2 && shot->layers) {
			int layer = rintf(at[d]);

			lines[d] = (struct line){ .count = 1, .weight = { 1, 0 } };
			lines[d].at[0] = layer < 0 ? 0 : layer >= DEPTH ? DEPTH - 1 : layer;
		} else if (d < shot->dims) {
			float s = shot->whole ? floorf(at[d]) + 0.5f : at[d];

			lines[d] = resolve(shot, s, sizes[d]);
		} else {
			lines[d] = (struct line){ .count = 1, .weight = { 1, 0 } };
		}
	}

	memset(out, 0, 4 * sizeof(*out));
	for (int i = 0; i < 8; i++) {
		int x = i & 1, y = i >> 1 & 1, z = i >> 2;

		if (x >= lines[0].count || y >= lines[1].count || z >= lines[2].count)
			continue;
		if (lines[0].at[x] < 0 || lines[1].at[y] < 0 || lines[2].at[z] < 0)
			continue;
		for (int c = 0; c < 4; c++)
			out[c] += lines[0].weight[x] * lines[1].weight[y] *
				  lines[2].weight[z] *
				  texels[lines[2].at[z]][lines[1].at[y]][lines[0].at[x]][c];
	}
}

/* Coordinates inside and well outside, none so near to an edge that rounding decides. */
static void make_coordinates(const struct shot *shot, float (*at)[4])
{
	for (int i = 0; i < SAMPLES; i++) {
		for (int d = 0; d < 4; d++) {
			float e = (rand() % 400 - 100) / 64.0f * sizes[d % 3] / 3.0f;

			e = floorf(e) + (rand() % 15 + 0.5f) / 16;
			at[i][d] = shot->normalized && !(shot->layers && d == 2) ?
				   e / sizes[d % 3] : e;
		}
	}
}

static cl_mem make_image(struct cl *cl, const struct shot *shot)
{
	const cl_image_format format = { CL_RGBA, CL_FLOAT };
	const cl_image_desc desc = {
		.image_type = shot->type,
		.image_width = WIDTH,
		.image_height = shot->dims > 1 ? HEIGHT : 0,
		.image_depth = shot->dims > 2 ? DEPTH : 0,
		.image_array_size = shot->layers ? DEPTH : 0,
	};
	cl_int err;
	cl_mem image = clCreateImage(cl->context, CL_MEM_READ_ONLY | CL_MEM_COPY_HOST_PTR,
				     &format, &desc, texels, &err);

	CL_CHECK(err);
	return image;
}

static bool matches(const struct shot *shot, float (*at)[4], float (*got)[4])
{
	for (int i = 0; i < SAMPLES; i++) {
		double want[4];

		expected(shot, at[i], want);
		for (int c = 0; c < 4; c++) {
			/* The weights of a filter are rounded to a float each. */
			double slack = shot->filter == CL_FILTER_LINEAR ? 1e-4 : 0;

			if (!(fabs(got[i][c] - want[c]) <= slack)) {
				tap_note("at %g %g %g channel %d is %g, not %g", at[i][0],
					 at[i][1], at[i][2], c, got[i][c], want[c]);
				return false;
			}
		}
	}
	return true;
}

static void test_shot(struct cl *cl, cl_program program, const struct shot *shot,
		      const char *name)
{
	static float at[SAMPLES][4], got[SAMPLES][4];
	cl_kernel kernel = cl_kernel_of(program, shot->kernel);
	cl_mem image = make_image(cl, shot);
	cl_int err;
	const cl_sampler_properties properties[] = {
		CL_SAMPLER_NORMALIZED_COORDS, shot->normalized,
		CL_SAMPLER_ADDRESSING_MODE, shot->mode,
		CL_SAMPLER_FILTER_MODE, shot->filter, 0,
	};
	cl_sampler sampler = clCreateSamplerWithProperties(cl->context, properties, &err);

	CL_CHECK(err);
	make_coordinates(shot, at);
	memset(got, 0xee, sizeof(got));
	CL_ARG(kernel, 0, image);
	CL_ARG(kernel, 1, sampler);
	cl_arg_pointer(kernel, 2, at);
	cl_arg_pointer(kernel, 3, got);
	cl_run(cl, kernel, SAMPLES, 64);
	tap_result(matches(shot, at, got), "samplers: %s, %s, %s coordinates, %s", shot->kernel,
		   shot->filter == CL_FILTER_LINEAR ? "linear" : "nearest",
		   shot->normalized ? "normalized" : "plain", name);
	CL_CHECK(clReleaseSampler(sampler));
	CL_CHECK(clReleaseMemObject(image));
	CL_CHECK(clReleaseKernel(kernel));
}

/* All modes that OpenCL allows with the coordinates. */
static void test_modes(struct cl *cl, cl_program program, struct shot shot)
{
	static const struct {
		const char *name;
		cl_addressing_mode mode;
		bool repeats;
	} modes[] = {
		{ "clamp to edge", CL_ADDRESS_CLAMP_TO_EDGE, false },
		{ "clamp", CL_ADDRESS_CLAMP, false },
		{ "repeat", CL_ADDRESS_REPEAT, true },
		{ "mirrored repeat", CL_ADDRESS_MIRRORED_REPEAT, true },
	};

	for (int i = 0; i < 16; i++) {
		shot.mode = modes[i & 3].mode;
		shot.normalized = i & 4;
		shot.filter = i & 8 ? CL_FILTER_LINEAR : CL_FILTER_NEAREST;
		if ((modes[i & 3].repeats && !shot.normalized) ||
		    (shot.whole && (shot.normalized || shot.filter == CL_FILTER_LINEAR)))
			continue;
		test_shot(cl, program, &shot, modes[i & 3].name);
	}
}

int main(void)
{
	struct shot shots[] = {
		{ .kernel = "d1", .type = CL_MEM_OBJECT_IMAGE1D, .dims = 1 },
		{ .kernel = "d2", .type = CL_MEM_OBJECT_IMAGE2D, .dims = 2 },
		{ .kernel = "d3", .type = CL_MEM_OBJECT_IMAGE3D, .dims = 3 },
		{ .kernel = "a2", .type = CL_MEM_OBJECT_IMAGE2D_ARRAY, .dims = 2,
		  .layers = true },
		{ .kernel = "i2", .type = CL_MEM_OBJECT_IMAGE2D, .dims = 2, .whole = true },
	};
	const struct shot in_source = {
		.kernel = "in_source", .type = CL_MEM_OBJECT_IMAGE2D, .dims = 2,
		.mode = CL_ADDRESS_REPEAT, .filter = CL_FILTER_LINEAR, .normalized = true,
	};
	float *texel = &texels[0][0][0][0];
	struct cl cl;

	for (size_t i = 0; i < sizeof(texels) / sizeof(float); i++)
		texel[i] = (float)rand() / RAND_MAX - 0.25f;
	cl_open(&cl);
	cl_program program = cl_build(&cl, source);
	for (size_t i = 0; i < sizeof(shots) / sizeof(shots[0]); i++)
		test_modes(&cl, program, shots[i]);
	test_shot(&cl, program, &in_source, "a sampler in the source");
	CL_CHECK(clReleaseProgram(program));
	cl_close(&cl);
	return tap_status();
}
