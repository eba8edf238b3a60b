/* SPDX-License-Identifier: MIT */
/* Pointers inside of memory, moving memory, and the order of SVM commands. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "cl_helper.h"
#include "tap.h"

#define ROWS 50
#define COLS 300
#define N 100000

static const char source[] =
	"struct matrix {\n"
	"	global int *global *rows;\n"
	"	int count, length;\n"
	"};\n"
	"kernel void row_sums(global struct matrix *m, global int *sums)\n"
	"{\n"
	"	int r = get_global_id(0), sum = 0;\n"
	"\n"
	"	if (r >= m->count)\n"
	"		return;\n"
	"	for (int i = 0; i < m->length; i++)\n"
	"		sum += m->rows[r][i];\n"
	"	sums[r] = sum;\n"
	"}\n"
	"struct tree {\n"
	"	global struct tree *left, *right;\n"
	"	int key;\n"
	"	int found;\n"
	"};\n"
	"kernel void search(global struct tree *root)\n"
	"{\n"
	"	int key = get_global_id(0);\n"
	"	global struct tree *t = root;\n"
	"\n"
	"	while (t && t->key != key)\n"
	"		t = key < t->key ? t->left : t->right;\n"
	"	if (t)\n"
	"		t->found = key + 1;\n"
	"}\n"
	"kernel void increment(global int *v)\n"
	"{\n"
	"	v[get_global_id(0)]++;\n"
	"}\n"
	"constant int primes[] = { 2, 3, 5, 7, 11, 13, 17, 19 };\n"
	"kernel void constants(constant int *scale, global int *out)\n"
	"{\n"
	"	int i = get_global_id(0);\n"
	"\n"
	"	out[i] = primes[i % 8] * scale[i % 4];\n"
	"}\n";

struct matrix {
	int **rows;
	int count, length;
};

/* Rows from every place, found through an array of pointers. */
static void test_nested(struct cl *cl, cl_program program)
{
	static int global_row[COLS];
	cl_kernel kernel = cl_kernel_of(program, "row_sums");
	int stack_row[COLS], *rows[ROWS], sums[ROWS] = { 0 };
	struct matrix matrix = { rows, ROWS, COLS };
	bool ok = true;

	for (int r = 0; r < ROWS; r++) {
		rows[r] = r == 3 ? stack_row : r == 4 ? global_row :
			  malloc(COLS * sizeof(int));
		for (int i = 0; i < COLS; i++)
			rows[r][i] = r * i;
	}
	cl_arg_pointer(kernel, 0, &matrix);
	cl_arg_pointer(kernel, 1, sums);
	cl_run(cl, kernel, 64, 64);
	for (int r = 0; r < ROWS; r++) {
		ok &= sums[r] == r * COLS * (COLS - 1) / 2;
		if (r != 3 && r != 4)
			free(rows[r]);
	}
	tap_result(ok, "nested pointers: an array of rows");
	CL_CHECK(clReleaseKernel(kernel));
}

struct tree {
	struct tree *left, *right;
	int key;
	int found;
};

static struct tree *make_tree(int low, int high)
{
	struct tree *t;

	if (low > high)
		return NULL;
	t = calloc(1, sizeof(*t));
	t->key = (low + high) / 2;
	t->left = make_tree(low, t->key - 1);
	t->right = make_tree(t->key + 1, high);
	return t;
}

/* Counts the nodes that the GPU marked rightly, and frees them. */
static int free_tree(struct tree *t)
{
	int count;

	if (!t)
		return 0;
	count = free_tree(t->left) + free_tree(t->right) + (t->found == t->key + 1);
	free(t);
	return count;
}

static void test_tree(struct cl *cl, cl_program program)
{
	cl_kernel kernel = cl_kernel_of(program, "search");
	struct tree *root = make_tree(0, 999);

	cl_arg_pointer(kernel, 0, root);
	cl_run(cl, kernel, 1024, 64);
	tap_result(free_tree(root) == 1000, "nested pointers: a search tree");
	CL_CHECK(clReleaseKernel(kernel));
}

static bool all_are(const int *v, int value)
{
	for (int i = 0; i < N; i++) {
		if (v[i] != value)
			return false;
	}
	return true;
}

static void enqueue(struct cl *cl, cl_kernel kernel)
{
	const size_t items = N;

	CL_CHECK(clEnqueueNDRangeKernel(cl->queue, kernel, 1, NULL, &items, NULL, 0,
					NULL, NULL));
}

static void test_migrate(struct cl *cl, cl_program program)
{
	cl_kernel kernel = cl_kernel_of(program, "increment");
	int *v = calloc(N, sizeof(*v));
	const void *pointers[] = { v };
	const size_t sizes[] = { N * sizeof(*v) };

	cl_arg_pointer(kernel, 0, v);
	CL_CHECK(clEnqueueSVMMigrateMem(cl->queue, 1, pointers, sizes, 0, 0, NULL,
					NULL));
	enqueue(cl, kernel);
	CL_CHECK(clEnqueueSVMMigrateMem(cl->queue, 1, pointers, sizes,
					CL_MIGRATE_MEM_OBJECT_HOST, 0, NULL, NULL));
	enqueue(cl, kernel);
	CL_CHECK(clFinish(cl->queue));
	tap_result(all_are(v, 2), "clEnqueueSVMMigrateMem of malloc()ed memory");
	free(v);
	CL_CHECK(clReleaseKernel(kernel));
}

static void test_order(struct cl *cl, cl_program program)
{
	cl_kernel kernel = cl_kernel_of(program, "increment");
	int *v = calloc(N, sizeof(*v)), *copy = calloc(N, sizeof(*copy));
	const int nine = 9;

	cl_arg_pointer(kernel, 0, v);
	enqueue(cl, kernel);
	CL_CHECK(clEnqueueSVMMemcpy(cl->queue, CL_FALSE, copy, v, N * sizeof(*v), 0,
				    NULL, NULL));
	enqueue(cl, kernel);
	CL_CHECK(clFinish(cl->queue));
	tap_result(all_are(v, 2) && all_are(copy, 1),
		   "clEnqueueSVMMemcpy between two kernels");

	CL_CHECK(clEnqueueSVMMemFill(cl->queue, v, &nine, sizeof(nine),
				     N * sizeof(*v), 0, NULL, NULL));
	enqueue(cl, kernel);
	CL_CHECK(clFinish(cl->queue));
	tap_result(all_are(v, 10), "clEnqueueSVMMemFill before a kernel");
	free(v);
	free(copy);
	CL_CHECK(clReleaseKernel(kernel));
}

/* CPU and GPU take turns with the same memory. */
static void test_turns(struct cl *cl, cl_program program)
{
	cl_kernel kernel = cl_kernel_of(program, "increment");
	int *v = calloc(N, sizeof(*v));

	cl_arg_pointer(kernel, 0, v);
	for (int turn = 0; turn < 5; turn++) {
		cl_run(cl, kernel, N, 0);
		for (int i = 0; i < N; i++)
			v[i] *= 2;
	}
	tap_result(all_are(v, 62), "CPU and GPU take turns");
	free(v);
	CL_CHECK(clReleaseKernel(kernel));
}

static void test_constants(struct cl *cl, cl_program program)
{
	static const int primes[] = { 2, 3, 5, 7, 11, 13, 17, 19 };
	static const int scale[] = { 1, 10, 100, 1000 };
	cl_kernel kernel = cl_kernel_of(program, "constants");
	int out[256];
	bool ok = true;

	cl_arg_pointer(kernel, 0, scale);
	cl_arg_pointer(kernel, 1, out);
	cl_run(cl, kernel, 256, 0);
	for (int i = 0; i < 256; i++)
		ok &= out[i] == primes[i % 8] * scale[i % 4];
	tap_result(ok, "constant memory, and a pointer to read-only data");
	CL_CHECK(clReleaseKernel(kernel));
}

int main(void)
{
	struct cl cl;

	cl_open(&cl);
	cl_program program = cl_build(&cl, source);
	test_nested(&cl, program);
	test_tree(&cl, program);
	test_migrate(&cl, program);
	test_order(&cl, program);
	test_turns(&cl, program);
	test_constants(&cl, program);
	CL_CHECK(clReleaseProgram(program));
	cl_close(&cl);
	return tap_status();
}
