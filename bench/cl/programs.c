// SPDX-License-Identifier: MIT
/*
 * The programs of bench-cl: their data, how they run, and what has to come
 * out, computed here by other code than the kernels'.
 */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench_cl.h"

#define STREAM (32u << 20)	/* floats: an array is 128 MiB, of which no cache holds much */
#define CACHED (4u << 20)	/* 16 MiB: two or three of them may stay in a last-level cache */
#define SUMMED (4u << 20)
#define MATRIX 256u
#define BODIES 2048u
#define GRID 128u
#define BYTES (4u << 20)
#define KEYS (1u << 16)
#define ROWS 32768u
#define PER_ROW 24u
#define PICTURE 512u
#define ITERATIONS 256u
#define DIGESTS 32768u
#define GROUPS 64u
#define GROUP_SIZE 256u

#define ENQUEUE(bench, dim, global, local) \
	cl_check(clEnqueueNDRangeKernel((bench)->queue, (bench)->kernel, dim, NULL, global, local, \
					0, NULL, NULL), "clEnqueueNDRangeKernel")
#define ARG(bench, index, value) \
	cl_check(clSetKernelArg((bench)->kernel, index, sizeof(value), &(value)), "clSetKernelArg")

/* Numbers that are always the same: a linear congruential generator. */
static uint32_t random_word(uint32_t *state)
{
	*state = *state * 1664525u + 1013904223u;
	return *state >> 8;
}

static float random_float(uint32_t *state)
{
	return random_word(state) / (float)(1 << 24);
}

/* A buffer whose host copy the caller fills before upload(). */
static void *make_buffer(struct bench *bench, unsigned int index, size_t size)
{
	struct buffer *buffer = &bench->buffers[index];
	cl_int error;

	buffer->size = size;
	buffer->host = calloc(1, size);
	if (!buffer->host)
		abort();
	buffer->mem = clCreateBuffer(bench->context, CL_MEM_READ_WRITE, size, NULL, &error);
	cl_check(error, "clCreateBuffer");
	cl_check(clSetKernelArg(bench->kernel, index, sizeof(cl_mem), &buffer->mem), "clSetKernelArg");
	return buffer->host;
}

static void upload(struct bench *bench, unsigned int index)
{
	struct buffer *buffer = &bench->buffers[index];

	cl_check(clEnqueueWriteBuffer(bench->queue, buffer->mem, CL_TRUE, 0, buffer->size,
				      buffer->host, 0, NULL, NULL), "clEnqueueWriteBuffer");
}

static void random_buffer(struct bench *bench, unsigned int index, size_t count)
{
	float *data = make_buffer(bench, index, count * sizeof(float));
	uint32_t state = index + 1;

	for (size_t i = 0; i < count; i++)
		data[i] = random_float(&state);
	upload(bench, index);
}

static void *results(struct bench *bench, unsigned int index)
{
	struct buffer *buffer = &bench->buffers[index];
	void *data = malloc(buffer->size);

	if (!data)
		abort();
	cl_check(clEnqueueReadBuffer(bench->queue, buffer->mem, CL_TRUE, 0, buffer->size, data,
				     0, NULL, NULL), "clEnqueueReadBuffer");
	return data;
}

static bool near(double got, double want, double tolerance)
{
	return fabs(got - want) <= tolerance * fmax(1, fabs(want));
}

static bool wrong(const char *what, size_t index, double got, double want)
{
	fprintf(stderr, "bench_cl: %s: [%zu] is %g, not %g\n", what, index, got, want);
	return false;
}

/* Compares with a function of the index; every step-th number. */
#define COMPARE(bench, what, type, count, step, tolerance, expression) do { \
	type *got_ = results(bench, 0); \
	bool same_ = true; \
	for (size_t i = 0; i < (count) && same_; i += (step)) { \
		double want_ = (expression); \
		if (!near(got_[i], want_, tolerance)) \
			same_ = wrong(what, i, got_[i], want_); \
	} \
	free(got_); \
	return same_; \
} while (0)

#define HOST(bench, index, type) ((const type *)(bench)->buffers[index].host)

/* ---- streams ----------------------------------------------------------------*/

static void run_stream(struct bench *bench)
{
	ENQUEUE(bench, 1, &bench->count, NULL);
}

static void setup_copy(struct bench *bench)
{
	make_buffer(bench, 0, bench->count * sizeof(float));
	random_buffer(bench, 1, bench->count);
}

static bool verify_copy(struct bench *bench)
{
	COMPARE(bench, "copy", float, bench->count, 1, 0, HOST(bench, 1, float)[i]);
}

static void setup_saxpy(struct bench *bench)
{
	float a = 0.5f;

	random_buffer(bench, 0, bench->count);
	random_buffer(bench, 1, bench->count);
	ARG(bench, 2, a);
}

/* Each run adds; in float, as the sum's rounding errors do. */
static float saxpy_after(float y, float x, unsigned int runs)
{
	for (unsigned int i = 0; i < runs; i++)
		y = 0.5f * x + y;
	return y;
}

static bool verify_saxpy(struct bench *bench)
{
	COMPARE(bench, "saxpy", float, bench->count, 61, 1e-4,
		saxpy_after(HOST(bench, 0, float)[i], HOST(bench, 1, float)[i], bench->runs));
}

static void setup_triad(struct bench *bench)
{
	float scale = 3;

	make_buffer(bench, 0, bench->count * sizeof(float));
	random_buffer(bench, 1, bench->count);
	random_buffer(bench, 2, bench->count);
	ARG(bench, 3, scale);
}

static bool verify_triad(struct bench *bench)
{
	COMPARE(bench, "triad", float, bench->count, 1, 1e-6,
		HOST(bench, 1, float)[i] + 3.0 * HOST(bench, 2, float)[i]);
}

/* ---- reduction ----------------------------------------------------------------*/

static void setup_reduction(struct bench *bench)
{
	cl_uint count = SUMMED;

	make_buffer(bench, 0, GROUPS * sizeof(float));
	random_buffer(bench, 1, SUMMED);
	cl_check(clSetKernelArg(bench->kernel, 2, GROUP_SIZE * sizeof(float), NULL), "clSetKernelArg");
	ARG(bench, 3, count);
}

static void run_groups(struct bench *bench)
{
	ENQUEUE(bench, 1, (&(size_t){ GROUPS * GROUP_SIZE }), (&(size_t){ GROUP_SIZE }));
}

static bool verify_reduction(struct bench *bench)
{
	const float *in = HOST(bench, 1, float);
	float *sums = results(bench, 0);
	double got = 0, want = 0;

	for (size_t i = 0; i < GROUPS; i++)
		got += sums[i];
	for (size_t i = 0; i < SUMMED; i++)
		want += in[i];
	free(sums);
	return near(got, want, 1e-4) || wrong("reduction", 0, got, want);
}

/* ---- matrices -----------------------------------------------------------------*/

static void setup_sgemm(struct bench *bench)
{
	cl_uint n = MATRIX;

	make_buffer(bench, 0, MATRIX * MATRIX * sizeof(float));
	random_buffer(bench, 1, MATRIX * MATRIX);
	random_buffer(bench, 2, MATRIX * MATRIX);
	ARG(bench, 3, n);
}

static void run_sgemm(struct bench *bench)
{
	ENQUEUE(bench, 2, ((size_t[]){ MATRIX, MATRIX }), ((size_t[]){ 16, 16 }));
}

static double matrix_element(struct bench *bench, size_t i)
{
	const float *a = HOST(bench, 1, float), *b = HOST(bench, 2, float);
	double sum = 0;

	for (size_t k = 0; k < MATRIX; k++)
		sum += (double)a[i / MATRIX * MATRIX + k] * b[k * MATRIX + i % MATRIX];
	return sum;
}

static bool verify_sgemm(struct bench *bench)
{
	COMPARE(bench, "sgemm", float, MATRIX * MATRIX, 17, 1e-4, matrix_element(bench, i));
}

/* ---- bodies -------------------------------------------------------------------*/

static void setup_nbody(struct bench *bench)
{
	cl_uint count = BODIES;

	make_buffer(bench, 0, BODIES * 4 * sizeof(float));
	random_buffer(bench, 1, BODIES * 4);
	ARG(bench, 2, count);
}

static void run_nbody(struct bench *bench)
{
	ENQUEUE(bench, 1, (&(size_t){ BODIES }), (&(size_t){ 64 }));
}

static double force(struct bench *bench, size_t i)
{
	const float *body = HOST(bench, 1, float), *self = &body[i & ~(size_t)3];
	double sum = 0;

	for (size_t j = 0; j < BODIES * 4; j += 4) {
		double x = body[j] - self[0], y = body[j + 1] - self[1], z = body[j + 2] - self[2];
		double square = x * x + y * y + z * z + 0.01;

		sum += ((double)body[j + i % 4] - self[i % 4]) * body[j + 3] / (square * sqrt(square));
	}
	return sum;
}

static bool verify_nbody(struct bench *bench)
{
	COMPARE(bench, "nbody", float, BODIES * 4, 13, 1e-3, force(bench, i));
}

/* ---- stencil ------------------------------------------------------------------*/

static void setup_stencil(struct bench *bench)
{
	cl_uint n = GRID;

	make_buffer(bench, 0, GRID * GRID * GRID * sizeof(float));
	random_buffer(bench, 1, GRID * GRID * GRID);
	ARG(bench, 2, n);
}

static void run_stencil(struct bench *bench)
{
	ENQUEUE(bench, 3, ((size_t[]){ GRID, GRID, GRID }), NULL);
}

static bool on_border(size_t i)
{
	size_t at[3] = { i % GRID, i / GRID % GRID, i / GRID / GRID };

	for (int axis = 0; axis < 3; axis++)
		if (at[axis] == 0 || at[axis] == GRID - 1)
			return true;
	return false;
}

static double stencil_at(const float *in, size_t i)
{
	const size_t step[] = { 1, GRID, GRID * GRID };
	double around = 0;

	if (on_border(i))
		return in[i];
	for (int axis = 0; axis < 3; axis++)
		around += (double)in[i - step[axis]] + in[i + step[axis]];
	return 0.4 * in[i] + 0.1 * around;
}

static bool verify_stencil(struct bench *bench)
{
	COMPARE(bench, "stencil7", float, GRID * GRID * GRID, 1, 1e-5,
		stencil_at(HOST(bench, 1, float), i));
}

/* ---- histogram ----------------------------------------------------------------*/

static void setup_histogram(struct bench *bench)
{
	cl_uint count = BYTES;
	uint8_t *in;
	uint32_t state = 7;

	make_buffer(bench, 0, 256 * sizeof(cl_uint));
	in = make_buffer(bench, 1, BYTES);
	for (size_t i = 0; i < BYTES; i++)
		in[i] = random_word(&state) & random_word(&state);
	upload(bench, 1);
	ARG(bench, 2, count);
}

static void run_histogram(struct bench *bench)
{
	struct buffer *bins = &bench->buffers[0];
	cl_uint zero = 0;

	cl_check(clEnqueueFillBuffer(bench->queue, bins->mem, &zero, sizeof(zero), 0, bins->size,
				     0, NULL, NULL), "clEnqueueFillBuffer");
	run_groups(bench);
}

static bool verify_histogram(struct bench *bench)
{
	const uint8_t *in = HOST(bench, 1, uint8_t);
	uint32_t bins[256] = { 0 };

	for (size_t i = 0; i < BYTES; i++)
		bins[in[i]]++;
	COMPARE(bench, "histogram", cl_uint, 256, 1, 0, bins[i]);
}

/* ---- bitonic sort -------------------------------------------------------------*/

/* Buffer 3 keeps the numbers as they were. */
static void setup_bitonic(struct bench *bench)
{
	uint32_t state = 5, *keys = make_buffer(bench, 0, KEYS * sizeof(cl_uint));

	for (size_t i = 0; i < KEYS; i++)
		keys[i] = random_word(&state);
	upload(bench, 0);
	bench->buffers[3] = bench->buffers[0];
	make_buffer(bench, 0, KEYS * sizeof(cl_uint));
}

static void run_bitonic(struct bench *bench)
{
	cl_check(clEnqueueCopyBuffer(bench->queue, bench->buffers[3].mem, bench->buffers[0].mem, 0, 0,
				     KEYS * sizeof(cl_uint), 0, NULL, NULL), "clEnqueueCopyBuffer");
	for (cl_uint block = 2; block <= KEYS; block *= 2)
		for (cl_uint distance = block / 2; distance; distance /= 2) {
			ARG(bench, 1, block);
			ARG(bench, 2, distance);
			ENQUEUE(bench, 1, (&(size_t){ KEYS / 2 }), NULL);
		}
}

static int compare_keys(const void *a, const void *b)
{
	const cl_uint left = *(const cl_uint *)a, right = *(const cl_uint *)b;

	return (left > right) - (left < right);
}

static bool verify_bitonic(struct bench *bench)
{
	cl_uint *sorted = bench->buffers[3].host;

	qsort(sorted, KEYS, sizeof(*sorted), compare_keys);
	COMPARE(bench, "bitonic", cl_uint, KEYS, 1, 0, sorted[i]);
}

/* ---- sparse matrix ------------------------------------------------------------*/

static void setup_spmv(struct bench *bench)
{
	cl_uint *column, *start;
	uint32_t state = 3;

	make_buffer(bench, 0, ROWS * sizeof(float));
	random_buffer(bench, 1, ROWS);
	/* rows are of 0 to twice the mean */
	start = make_buffer(bench, 4, (ROWS + 1) * sizeof(cl_uint));
	for (size_t i = 0; i < ROWS; i++)
		start[i + 1] = start[i] + random_word(&state) % (2 * PER_ROW + 1);
	upload(bench, 4);
	random_buffer(bench, 2, start[ROWS]);
	column = make_buffer(bench, 3, start[ROWS] * sizeof(cl_uint));
	for (size_t i = 0; i < start[ROWS]; i++)
		column[i] = random_word(&state) % ROWS;
	upload(bench, 3);
}

static void run_spmv(struct bench *bench)
{
	ENQUEUE(bench, 1, (&(size_t){ ROWS }), NULL);
}

static double row_sum(struct bench *bench, size_t row)
{
	const cl_uint *start = HOST(bench, 4, cl_uint), *column = HOST(bench, 3, cl_uint);
	double sum = 0;

	for (size_t i = start[row]; i < start[row + 1]; i++)
		sum += (double)HOST(bench, 2, float)[i] * HOST(bench, 1, float)[column[i]];
	return sum;
}

static bool verify_spmv(struct bench *bench)
{
	COMPARE(bench, "spmv", float, ROWS, 1, 1e-4, row_sum(bench, i));
}

/* ---- mandelbrot ---------------------------------------------------------------*/

static void setup_mandelbrot(struct bench *bench)
{
	cl_uint size = PICTURE, limit = ITERATIONS;

	make_buffer(bench, 0, PICTURE * PICTURE * sizeof(cl_uint));
	ARG(bench, 1, size);
	ARG(bench, 2, size);
	ARG(bench, 3, limit);
}

static void run_mandelbrot(struct bench *bench)
{
	ENQUEUE(bench, 2, ((size_t[]){ PICTURE, PICTURE }), NULL);
}

/* This file is compiled without contraction, as the kernel is. */
static unsigned int escape_time(size_t i)
{
	float re = -2.0f + 2.5f * (i % PICTURE) / PICTURE, im = -1.25f + 2.5f * (i / PICTURE) / PICTURE;
	float x = 0, y = 0;
	unsigned int count = 0;

	for (; count < ITERATIONS && x * x + y * y < 4.0f; count++) {
		float next = x * x - y * y + re;

		y = 2 * x * y + im;
		x = next;
	}
	return count;
}

/* The division may be a bit off where OpenCL allows it: some pixels of the border may differ. */
static bool verify_mandelbrot(struct bench *bench)
{
	cl_uint *got = results(bench, 0);
	size_t differ = 0;

	for (size_t i = 0; i < PICTURE * PICTURE; i++)
		differ += got[i] != escape_time(i);
	free(got);
	return differ <= PICTURE * PICTURE / 1000 || wrong("mandelbrot: pixels", 0, differ, 0);
}

/* ---- SHA-256 ------------------------------------------------------------------*/

static void setup_sha256(struct bench *bench)
{
	make_buffer(bench, 0, DIGESTS * 8 * sizeof(cl_uint));
}

static void run_sha256(struct bench *bench)
{
	ENQUEUE(bench, 1, (&(size_t){ DIGESTS }), NULL);
}

/* Of three messages, by sha256sum: printf '\0\0\0\0\0\0\0\0' | sha256sum and so on. */
static bool verify_sha256(struct bench *bench)
{
	static const struct {
		cl_uint id, digest[8];
	} known[] = {
		{ 0, { 0xaf5570f5, 0xa1810b7a, 0xf78caf4b, 0xc70a660f,
		       0x0df51e42, 0xbaf91d4d, 0xe5b2328d, 0xe0e83dfc } },
		{ 1, { 0xcbbc4875, 0x0debb853, 0x5093b3de, 0xaf88ac7f,
		       0x4cff8742, 0x5576a58d, 0xe2bac754, 0xacdb4616 } },
		{ DIGESTS - 1, { 0x0456cf2b, 0x496ffc75, 0x42223fed, 0x390f8159,
		       0x99001d85, 0x9e2544bb, 0xec30bdee, 0x2f79e87b } },
	};
	cl_uint *got = results(bench, 0);
	bool same = true;

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (memcmp(&got[known[i].id * 8], known[i].digest, sizeof(known[i].digest)))
			same = wrong("sha256", known[i].id, got[known[i].id * 8], known[i].digest[0]);
	free(got);
	return same;
}

/* ---- all ----------------------------------------------------------------------*/

#define CELLS ((double)GRID * GRID * GRID)
#define MATRIX_FLOPS (2.0 * MATRIX * MATRIX * MATRIX)

#define STREAMS(suffix, n) \
	{ "copy" suffix, "copy", 8.0 * (n), 0, setup_copy, run_stream, verify_copy, n }, \
	{ "saxpy" suffix, "saxpy", 12.0 * (n), 2.0 * (n), setup_saxpy, run_stream, verify_saxpy, n }, \
	{ "triad" suffix, "triad", 12.0 * (n), 2.0 * (n), setup_triad, run_stream, verify_triad, n }

const struct workload workloads[] = {
	STREAMS("", STREAM),
	STREAMS("-cached", CACHED),
	{ "reduction", "reduction", 4.0 * SUMMED, SUMMED, setup_reduction, run_groups,
	  verify_reduction, 0 },
	{ "sgemm-naive", "sgemm_naive", 0, MATRIX_FLOPS, setup_sgemm, run_sgemm, verify_sgemm, 0 },
	{ "sgemm-tiled", "sgemm_tiled", 0, MATRIX_FLOPS, setup_sgemm, run_sgemm, verify_sgemm, 0 },
	{ "nbody", "nbody", 0, 20.0 * BODIES * BODIES, setup_nbody, run_nbody, verify_nbody, 0 },
	{ "stencil7", "stencil7", 8 * CELLS, 8 * CELLS, setup_stencil, run_stencil, verify_stencil, 0 },
	{ "histogram", "histogram", BYTES, 0, setup_histogram, run_histogram, verify_histogram, 0 },
	{ "bitonic", "bitonic", 0, 0, setup_bitonic, run_bitonic, verify_bitonic, 0 },
	{ "spmv", "spmv", 8.0 * ROWS * PER_ROW, 2.0 * ROWS * PER_ROW, setup_spmv, run_spmv,
	  verify_spmv, 0 },
	{ "mandelbrot", "mandelbrot", 0, 0, setup_mandelbrot, run_mandelbrot, verify_mandelbrot, 0 },
	{ "sha256", "sha256", 0, 0, setup_sha256, run_sha256, verify_sha256, 0 },
	{ 0 }
};
