/* SPDX-License-Identifier: MIT */
/*
 * Images: all kinds, read and written by kernels and by the host. Elements are
 * integers that say where they belong, so everything is compared exactly.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cl_helper.h"
#include "tap.h"

#define WIDTH 70
#define HEIGHT 9
#define LAYERS 4
#define MAX_TEXELS (WIDTH * HEIGHT * LAYERS)

/*
 * A kernel per kind: adds one to each element, and notes what size it sees. It
 * is run on more work-items than there are elements: those outside write, too.
 */
#define KIND(name, kind, coord, size) \
	"kernel void " name "(read_only " kind " in, write_only " kind " out,\n" \
	"	global int4 *size)\n" \
	"{\n" \
	"	int x = get_global_id(0) - 1, y = get_global_id(1) - 1;\n" \
	"	int z = get_global_id(2) - 1;\n" \
	"	write_imageui(out, " coord ", read_imageui(in, " coord ") + 1);\n" \
	"	if (x == 0 && y == 0 && z == 0)\n" \
	"		*size = " size ";\n" \
	"}\n"

static const char source[] =
	KIND("add_1d", "image1d_t", "x", "(int4)(get_image_width(in), 1, 1, 0)")
	KIND("add_1d_buffer", "image1d_buffer_t", "x",
	     "(int4)(get_image_width(in), 1, 1, 0)")
	KIND("add_1d_array", "image1d_array_t", "(int2)(x, y)",
	     "(int4)(get_image_width(in), get_image_array_size(in), 1, 0)")
	KIND("add_2d", "image2d_t", "(int2)(x, y)",
	     "(int4)(get_image_dim(in), 1, 0)")
	KIND("add_2d_array", "image2d_array_t", "(int4)(x, y, z, 0)",
	     "(int4)(get_image_dim(in), get_image_array_size(in), 0)")
	"#pragma OPENCL EXTENSION cl_khr_3d_image_writes : enable\n"
	KIND("add_3d", "image3d_t", "(int4)(x, y, z, 0)",
	     "get_image_dim(in)")
	"kernel void twice(read_write image2d_t im)\n"
	"{\n"
	"	int2 at = (int2)(get_global_id(0), get_global_id(1));\n"
	"	write_imageui(im, at, read_imageui(im, at) * 2);\n"
	"	write_imageui(im, at, read_imageui(im, at) + 1);\n"
	"}\n"
	"kernel void ask(read_only image2d_t a, write_only image2d_t b, global int *out)\n"
	"{\n"
	"	out[0] = get_image_channel_data_type(a) == CLK_UNSIGNED_INT16;\n"
	"	out[1] = get_image_channel_order(a) == CLK_RGBA;\n"
	"	out[2] = get_image_channel_data_type(b) == CLK_FLOAT;\n"
	"	out[3] = get_image_channel_order(b) == CLK_R;\n"
	"}\n";

struct kind {
	const char *name;
	const char *kernel;
	cl_mem_object_type type;
	size_t size[3];
};

static const struct kind kinds[] = {
	{ "1D", "add_1d", CL_MEM_OBJECT_IMAGE1D, { WIDTH, 1, 1 } },
	{ "1D buffer", "add_1d_buffer", CL_MEM_OBJECT_IMAGE1D_BUFFER, { WIDTH, 1, 1 } },
	{ "1D array", "add_1d_array", CL_MEM_OBJECT_IMAGE1D_ARRAY, { WIDTH, LAYERS, 1 } },
	{ "2D", "add_2d", CL_MEM_OBJECT_IMAGE2D, { WIDTH, HEIGHT, 1 } },
	{ "2D array", "add_2d_array", CL_MEM_OBJECT_IMAGE2D_ARRAY, { WIDTH, HEIGHT, LAYERS } },
	{ "3D", "add_3d", CL_MEM_OBJECT_IMAGE3D, { WIDTH, HEIGHT, LAYERS } },
};

static const cl_image_format rgba16 = { CL_RGBA, CL_UNSIGNED_INT16 };

typedef cl_ushort texel[4];

static texel in[MAX_TEXELS], out[MAX_TEXELS];

static size_t texels_of(const struct kind *kind)
{
	return kind->size[0] * kind->size[1] * kind->size[2];
}

static cl_mem create(struct cl *cl, const struct kind *kind, cl_mem_flags flags,
		     const cl_image_format *format, void *data)
{
	cl_image_desc desc = {
		.image_type = kind->type,
		.image_width = kind->size[0],
		.image_height = kind->size[1],
		.image_depth = kind->size[2],
		.image_array_size = kind->type == CL_MEM_OBJECT_IMAGE1D_ARRAY ? kind->size[1] :
									  kind->size[2],
	};
	cl_int err;

	if (kind->type == CL_MEM_OBJECT_IMAGE1D_BUFFER) {
		desc.buffer = clCreateBuffer(cl->context, flags & ~CL_MEM_WRITE_ONLY,
					     WIDTH * sizeof(texel), data, &err);
		CL_CHECK(err);
		flags &= ~(cl_mem_flags)CL_MEM_COPY_HOST_PTR;
		data = NULL;
	}
	cl_mem image = clCreateImage(cl->context, flags, format, &desc, data, &err);

	CL_CHECK(err);
	if (desc.buffer)
		CL_CHECK(clReleaseMemObject(desc.buffer));
	return image;
}

static void fill_input(void)
{
	for (int i = 0; i < MAX_TEXELS; i++)
		for (int c = 0; c < 4; c++)
			in[i][c] = i * 16 + c;
	memset(out, 0, sizeof(out));
}

/* Whether each of @count elements of @out is that of @in plus @add. */
static bool is_sum(size_t count, int add)
{
	for (size_t i = 0; i < count; i++) {
		for (int c = 0; c < 4; c++) {
			if (out[i][c] != (cl_ushort)(in[i][c] + add)) {
				tap_note("element %zu channel %d is %u, not %u", i, c, out[i][c],
					 in[i][c] + add);
				return false;
			}
		}
	}
	return true;
}

static void read_all(struct cl *cl, cl_mem image, const struct kind *kind)
{
	CL_CHECK(clEnqueueReadImage(cl->queue, image, CL_TRUE, (size_t[3]){ 0 }, kind->size, 0, 0,
				    out, 0, NULL, NULL));
}

static void test_kernel(struct cl *cl, cl_program program, const struct kind *kind)
{
	size_t grid[3] = { kind->size[0] + 2, kind->size[1] + 2, kind->size[2] + 2 };
	cl_kernel kernel = cl_kernel_of(program, kind->kernel);
	cl_int seen[4] = { 0 };

	fill_input();
	cl_mem a = create(cl, kind, CL_MEM_READ_ONLY | CL_MEM_COPY_HOST_PTR, &rgba16, in);
	cl_mem b = create(cl, kind, CL_MEM_WRITE_ONLY, &rgba16, NULL);
	CL_ARG(kernel, 0, a);
	CL_ARG(kernel, 1, b);
	cl_arg_pointer(kernel, 2, seen);
	CL_CHECK(clEnqueueNDRangeKernel(cl->queue, kernel, 3, NULL, grid, NULL, 0, NULL, NULL));
	read_all(cl, b, kind);
	tap_result(is_sum(texels_of(kind), 1), "images: a kernel copies %s", kind->name);
	tap_result(seen[0] == (int)kind->size[0] && seen[1] == (int)kind->size[1] &&
		   seen[2] == (int)kind->size[2], "images: a kernel sees the size of %s",
		   kind->name);
	CL_CHECK(clReleaseMemObject(a));
	CL_CHECK(clReleaseMemObject(b));
	CL_CHECK(clReleaseKernel(kernel));
}

/* Copies and fills a part; the CPU does the same to its copy. */
static void test_copy_fill(struct cl *cl, const struct kind *kind)
{
	const size_t at[3] = { 3, kind->size[1] / 2, kind->size[2] / 2 };
	const size_t part[3] = { 40, (kind->size[1] + 1) / 2, (kind->size[2] + 1) / 2 };
	const size_t from[3] = { 11, 0, 0 };
	const cl_uint color[4] = { 60001, 2, 3, 4 };
	static texel model[MAX_TEXELS];

	fill_input();
	cl_mem a = create(cl, kind, CL_MEM_READ_WRITE | CL_MEM_COPY_HOST_PTR, &rgba16, in);
	cl_mem b = create(cl, kind, CL_MEM_READ_WRITE, &rgba16, NULL);
	CL_CHECK(clEnqueueFillImage(cl->queue, b, color, (size_t[3]){ 0 }, kind->size, 0, NULL,
				    NULL));
	CL_CHECK(clEnqueueCopyImage(cl->queue, a, b, from, at, part, 0, NULL, NULL));
	CL_CHECK(clEnqueueFillImage(cl->queue, b, color, at, (size_t[3]){ 2, 1, 1 }, 0, NULL,
				    NULL));
	for (size_t i = 0; i < texels_of(kind); i++) {
		size_t x = i % kind->size[0] - at[0];
		size_t y = i / kind->size[0] % kind->size[1] - at[1];
		size_t z = i / kind->size[0] / kind->size[1] - at[2];
		bool copied = x < part[0] && y < part[1] && z < part[2] &&
			      !(x < 2 && y == 0 && z == 0);
		size_t src = x + from[0] + (y + z * kind->size[1]) * kind->size[0];

		for (int c = 0; c < 4; c++)
			model[i][c] = copied ? in[src][c] : color[c];
	}
	read_all(cl, b, kind);
	tap_result(!memcmp(model, out, texels_of(kind) * sizeof(texel)),
		   "images: copy and fill of a part of %s", kind->name);
	CL_CHECK(clReleaseMemObject(a));
	CL_CHECK(clReleaseMemObject(b));
}

/* Elements that the CPU sees at a mapping, and what it writes there. */
static void test_map(struct cl *cl, const struct kind *kind)
{
	size_t row = 0, slice = 0;
	cl_int err;

	fill_input();
	cl_mem image = create(cl, kind, CL_MEM_READ_WRITE | CL_MEM_COPY_HOST_PTR, &rgba16, in);
	char *map = clEnqueueMapImage(cl->queue, image, CL_TRUE, CL_MAP_READ | CL_MAP_WRITE,
				      (size_t[3]){ 0 }, kind->size, &row, &slice, 0, NULL, NULL,
				      &err);
	CL_CHECK(err);
	bool same = true;
	for (size_t i = 0; i < texels_of(kind); i++) {
		size_t y = i / kind->size[0] % kind->size[1];
		size_t z = i / kind->size[0] / kind->size[1];
		bool lines = kind->type == CL_MEM_OBJECT_IMAGE1D_ARRAY;
		texel *e = (texel *)(map + y * (lines ? slice : row) + z * slice) +
			   i % kind->size[0];

		same &= !memcmp(e, in[i], sizeof(texel));
		for (int c = 0; c < 4; c++)
			(*e)[c] += 7;
	}
	CL_CHECK(clEnqueueUnmapMemObject(cl->queue, image, map, 0, NULL, NULL));
	read_all(cl, image, kind);
	tap_result(same && is_sum(texels_of(kind), 7), "images: the CPU maps %s", kind->name);
	CL_CHECK(clReleaseMemObject(image));
}

static void test_read_write(struct cl *cl, cl_program program)
{
	static const cl_image_format r32 = { CL_R, CL_UNSIGNED_INT32 };
	const struct kind *kind = &kinds[3];
	cl_kernel kernel = cl_kernel_of(program, "twice");
	static cl_uint data[WIDTH * HEIGHT], got[WIDTH * HEIGHT];
	bool ok = true;

	for (int i = 0; i < WIDTH * HEIGHT; i++)
		data[i] = i * 1000003;
	cl_mem image = create(cl, kind, CL_MEM_READ_WRITE | CL_MEM_COPY_HOST_PTR, &r32, data);
	CL_ARG(kernel, 0, image);
	CL_CHECK(clEnqueueNDRangeKernel(cl->queue, kernel, 2, NULL, kind->size, NULL, 0, NULL,
					NULL));
	CL_CHECK(clEnqueueReadImage(cl->queue, image, CL_TRUE, (size_t[3]){ 0 }, kind->size, 0, 0,
				    got, 0, NULL, NULL));
	for (int i = 0; i < WIDTH * HEIGHT; i++)
		ok &= got[i] == data[i] * 2 + 1;
	tap_result(ok, "images: a kernel reads what it wrote");
	CL_CHECK(clReleaseMemObject(image));
	CL_CHECK(clReleaseKernel(kernel));
}

/* Rows of a buffer with a gap at their ends, seen as an image. */
static void test_from_buffer(struct cl *cl, cl_program program)
{
	const cl_image_desc desc = {
		.image_type = CL_MEM_OBJECT_IMAGE2D, .image_width = WIDTH - 6,
		.image_height = HEIGHT, .image_row_pitch = WIDTH * sizeof(texel),
	};
	size_t grid[3] = { WIDTH + 2, HEIGHT + 2, 3 };
	cl_kernel kernel = cl_kernel_of(program, "add_2d");
	cl_image_desc with_buffer = desc;
	cl_mem buffer[2], image[2];
	cl_int size[4], err;
	bool ok = true;

	fill_input();
	for (int i = 0; i < 2; i++) {
		buffer[i] = clCreateBuffer(cl->context, CL_MEM_COPY_HOST_PTR,
					   WIDTH * HEIGHT * sizeof(texel), in, &err);
		CL_CHECK(err);
		with_buffer.buffer = buffer[i];
		image[i] = clCreateImage(cl->context, 0, &rgba16, &with_buffer, NULL, &err);
		CL_CHECK(err);
		CL_ARG(kernel, i, image[i]);
	}
	cl_arg_pointer(kernel, 2, size);
	CL_CHECK(clEnqueueNDRangeKernel(cl->queue, kernel, 3, NULL, grid, NULL, 0, NULL, NULL));
	CL_CHECK(clEnqueueReadBuffer(cl->queue, buffer[1], CL_TRUE, 0,
				     WIDTH * HEIGHT * sizeof(texel), out, 0, NULL, NULL));
	for (int i = 0; i < WIDTH * HEIGHT; i++)
		ok &= out[i][2] == in[i][2] + (i % WIDTH < WIDTH - 6);
	tap_result(ok, "images: 2D from a buffer with a row pitch");
	for (int i = 0; i < 2; i++) {
		CL_CHECK(clReleaseMemObject(image[i]));
		CL_CHECK(clReleaseMemObject(buffer[i]));
	}
	CL_CHECK(clReleaseKernel(kernel));
}

static void test_ask(struct cl *cl, cl_program program)
{
	static const cl_image_format r_float = { CL_R, CL_FLOAT };
	cl_kernel kernel = cl_kernel_of(program, "ask");
	cl_mem a = create(cl, &kinds[3], CL_MEM_READ_ONLY, &rgba16, NULL);
	cl_mem b = create(cl, &kinds[3], CL_MEM_WRITE_ONLY, &r_float, NULL);
	cl_int is[4] = { 0 };

	CL_ARG(kernel, 0, a);
	CL_ARG(kernel, 1, b);
	cl_arg_pointer(kernel, 2, is);
	cl_run(cl, kernel, 1, 1);
	tap_result(is[0] && is[1] && is[2] && is[3], "images: a kernel asks for the formats");
	CL_CHECK(clReleaseMemObject(a));
	CL_CHECK(clReleaseMemObject(b));
	CL_CHECK(clReleaseKernel(kernel));
}

static void test_device(struct cl *cl)
{
	cl_bool images = CL_FALSE;
	char profile[64] = "";

	CL_CHECK(clGetDeviceInfo(cl->device, CL_DEVICE_IMAGE_SUPPORT, sizeof(images), &images,
				 NULL));
	CL_CHECK(clGetDeviceInfo(cl->device, CL_DEVICE_PROFILE, sizeof(profile), profile, NULL));
	tap_result(images && !strcmp(profile, "FULL_PROFILE"),
		   "images: supported, in the full profile");
}

int main(void)
{
	struct cl cl;

	cl_open(&cl);
	test_device(&cl);
	cl_program program = cl_build(&cl, source);
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		test_kernel(&cl, program, &kinds[i]);
		test_copy_fill(&cl, &kinds[i]);
		test_map(&cl, &kinds[i]);
	}
	test_read_write(&cl, program);
	test_from_buffer(&cl, program);
	test_ask(&cl, program);
	CL_CHECK(clReleaseProgram(program));
	cl_close(&cl);
	return tap_status();
}
