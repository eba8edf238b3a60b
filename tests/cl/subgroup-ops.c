/* SPDX-License-Identifier: MIT */
/*
 * What the work-items of a sub-group make of their values together, and hand to
 * each other: reductions, scans, broadcasts, shuffles and rotations, of all types,
 * in whole and partial sub-groups, with and without divergent control flow.
 *
 * Kernels and expectations come from one list of operations. Values are small
 * integers, so that sums are exact in whatever order.
 */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cl_helper.h"
#include "tap.h"

#define WAVE 64
#define MAX_ITEMS 1024
#define MAX_OPS 64

#define MIN(x, y) ((x) < (y) ? (x) : (y))
#define MAX(x, y) ((x) > (y) ? (x) : (y))

enum combination { ADD, MUL, LEAST, GREATEST, AND, OR, XOR };

enum kind { REDUCE, INCLUSIVE, EXCLUSIVE, MOVE, ALL_EQUAL };

/* Which lane's value a lane of a sub-group of @n gets; beyond @n: undefined. */
typedef size_t (*source_fn)(size_t lane, size_t n, const int *who);

/* One result of a kernel. */
struct op {
	char text[100];
	enum kind kind;
	enum combination how;
	/** What is combined is whether the value is more than 2. */
	bool logical;
	size_t cluster;
	source_fn source;
};

static const struct {
	const char *name;
	enum combination how;
	bool logical, ints_only, uniform;
} combinations[] = {
	{ "add", ADD, .uniform = true },
	{ "mul", .how = MUL },
	{ "min", LEAST, .uniform = true },
	{ "max", GREATEST, .uniform = true },
	{ "and", AND, .ints_only = true },
	{ "or", OR, .ints_only = true },
	{ "xor", XOR, .ints_only = true },
	{ "logical_and", AND, .logical = true },
	{ "logical_or", OR, .logical = true },
	{ "logical_xor", XOR, .logical = true },
};

#define NUM_COMBINATIONS (sizeof(combinations) / sizeof(combinations[0]))

/* A source that depends on the lane and the size only. */
#define SOURCE(name, expression) \
static size_t from_##name(size_t lane, size_t n, const int *who) \
{ \
	(void)lane, (void)n, (void)who; \
	return expression; \
}

SOURCE(last, n - 1)
SOURCE(0, 0)
SOURCE(fifth, lane * 5 % n)
SOURCE(xor_1, lane ^ 1)
SOURCE(xor_35, lane ^ 35)
SOURCE(below, lane - 2)
SOURCE(above, lane + 2)
SOURCE(rotated, (lane + 7) % WAVE)
SOURCE(cluster, lane / 8 * 8 + (lane + 3) % 8)

static size_t from_first(size_t lane, size_t n, const int *who)
{
	(void)lane, (void)n;
	for (lane = 0; !who[lane]; lane++)
		;
	return lane;
}

struct move {
	const char *text;
	source_fn source;
};

static const struct move uniform_moves[] = {
	{ "sub_group_broadcast(x, get_sub_group_size() - 1)", from_last },
	{ "sub_group_broadcast((V)(0, 1, 2, x), 0).w", from_0 },
	{ "sub_group_shuffle(x, lane * 5 % get_sub_group_size())", from_fifth },
	{ "sub_group_shuffle_xor(x, 35)", from_xor_35 },
	{ "sub_group_shuffle_up(x, 2)", from_below },
	{ "sub_group_shuffle_down(x, 2)", from_above },
	{ "sub_group_rotate(x, 7)", from_rotated },
	{ "sub_group_clustered_rotate(x, 3, 8)", from_cluster },
	{ NULL },
};

static const struct move divergent_moves[] = {
	{ "sub_group_broadcast_first(x)", from_first },
	{ "sub_group_non_uniform_broadcast(x, 0)", from_0 },
	{ "sub_group_non_uniform_broadcast((V)(0, 1, x, 2), 0).z", from_0 },
	{ "sub_group_shuffle_xor(x, 1)", from_xor_1 },
	{ NULL },
};

static size_t add_combination(struct op *op, size_t c, bool divergent)
{
	static const char *const kinds[] = { "reduce", "scan_inclusive", "scan_exclusive" };
	const char *name = combinations[c].name;
	const char *x = combinations[c].how == MUL ? "m" : combinations[c].logical ? "p" : "x";
	const size_t clusters[] = { 4, (size_t)1 << c % 7 };
	size_t n = 0;

	for (size_t k = 0; k < 3; k++, n++) {
		op[n] = (struct op){ .kind = k, .cluster = WAVE };
		snprintf(op[n].text, sizeof(op[n].text), "sub_group_%s%s_%s(%s)",
			 divergent ? "non_uniform_" : "", kinds[k], name, x);
	}
	for (size_t k = 0; divergent && k < 2; k++, n++) {
		op[n] = (struct op){ .kind = REDUCE, .cluster = clusters[k] };
		snprintf(op[n].text, sizeof(op[n].text), "sub_group_clustered_reduce_%s(%s, %zu)",
			 name, x, clusters[k]);
	}
	for (size_t k = 0; k < n; k++) {
		op[k].how = combinations[c].how;
		op[k].logical = combinations[c].logical;
	}
	return n;
}

/* The logical operations are of int only. */
static size_t list_ops(struct op *ops, bool divergent, bool is_float, bool is_int)
{
	const struct move *move = divergent ? divergent_moves : uniform_moves;
	size_t n = 0;

	for (size_t c = 0; c < NUM_COMBINATIONS; c++) {
		if ((divergent || combinations[c].uniform) && !(is_float && combinations[c].ints_only) &&
		    (is_int || !combinations[c].logical))
			n += add_combination(ops + n, c, divergent);
	}
	for (; move->text; move++, n++) {
		ops[n] = (struct op){ .kind = MOVE, .source = move->source };
		snprintf(ops[n].text, sizeof(ops[n].text), "%s", move->text);
	}
	if (divergent) {
		ops[n] = (struct op){ .kind = ALL_EQUAL };
		snprintf(ops[n++].text, sizeof(ops[0].text), "sub_group_non_uniform_all_equal(x)");
		ops[n] = (struct op){ .kind = ALL_EQUAL, .logical = true };
		snprintf(ops[n++].text, sizeof(ops[0].text), "sub_group_non_uniform_all_equal((T)5)");
	}
	return n;
}

static void *in, *out;
static int chosen[MAX_ITEMS];

/* A sub-group, and which of its lanes execute. */
struct lanes {
	size_t first, count;
	const int *who;
};

/*
 * What lane @lane has to get from @op, in the type's own arithmetic; false: that
 * is not defined.
 */
#define DEFINE_TYPE(name, T, LOWEST, HIGHEST, COMBINE_BITS) \
static T combine_##name(enum combination how, T x, T y) \
{ \
	switch (how) { \
	case LEAST: return MIN(x, y); \
	case GREATEST: return MAX(x, y); \
	default: COMBINE_BITS(T) \
	} \
} \
\
static T identity_##name(const struct op *op) \
{ \
	switch (op->how) { \
	case MUL: return 1; \
	case LEAST: return HIGHEST; \
	case GREATEST: return LOWEST; \
	case AND: return op->logical ? 1 : (T)-1; \
	default: return 0; \
	} \
} \
\
static T operand_##name(const struct op *op, T x) \
{ \
	if (op->how == MUL) \
		return (int64_t)x & 1 ? 1 : 2; \
	return op->logical ? x > 2 : x; \
} \
\
static T combined_##name(const struct op *op, const T *x, const struct lanes *lanes, size_t lane) \
{ \
	size_t begin = lane / op->cluster * op->cluster, end = MIN(begin + op->cluster, lanes->count); \
	T all = identity_##name(op); \
\
	if (op->kind != REDUCE) \
		end = op->kind == INCLUSIVE ? lane + 1 : lane; \
	for (size_t k = begin; k < end; k++) { \
		if (lanes->who[k]) \
			all = combine_##name(op->how, all, operand_##name(op, x[k])); \
	} \
	return all; \
} \
\
static bool expect_##name(const struct op *op, const struct lanes *lanes, size_t lane, void *want) \
{ \
	const T *x = (const T *)in + lanes->first; \
	T value = 1; \
	size_t from; \
\
	switch (op->kind) { \
	case MOVE: \
		from = op->source(lane, lanes->count, lanes->who); \
		if (from >= lanes->count || !lanes->who[from]) \
			return false; \
		value = x[from]; \
		break; \
	case ALL_EQUAL: \
		for (size_t k = 0; k < lanes->count && !op->logical; k++) { \
			if (lanes->who[k] && x[k] != x[lane]) \
				value = 0; \
		} \
		break; \
	default: \
		value = combined_##name(op, x, lanes, lane); \
	} \
	memcpy(want, &value, sizeof(value)); \
	return true; \
} \
\
static void fill_##name(void) \
{ \
	for (size_t i = 0; i < MAX_ITEMS; i++) \
		((T *)in)[i] = (T)((int)(i * 37 % 13) - ((T)-1 < 0 ? 5 : 0)); \
}

#define INTEGER(T) \
	case ADD: return (T)((uint64_t)x + (uint64_t)y); \
	case MUL: return (T)((uint64_t)x * (uint64_t)y); \
	case AND: return x & y; \
	case OR: return x | y; \
	case XOR: return x ^ y;

#define FLOAT(T) \
	return how == ADD ? x + y : x * y;

DEFINE_TYPE(char, int8_t, INT8_MIN, INT8_MAX, INTEGER)
DEFINE_TYPE(uchar, uint8_t, 0, UINT8_MAX, INTEGER)
DEFINE_TYPE(short, int16_t, INT16_MIN, INT16_MAX, INTEGER)
DEFINE_TYPE(ushort, uint16_t, 0, UINT16_MAX, INTEGER)
DEFINE_TYPE(int, int32_t, INT32_MIN, INT32_MAX, INTEGER)
DEFINE_TYPE(uint, uint32_t, 0, UINT32_MAX, INTEGER)
DEFINE_TYPE(long, int64_t, INT64_MIN, INT64_MAX, INTEGER)
DEFINE_TYPE(ulong, uint64_t, 0, UINT64_MAX, INTEGER)
DEFINE_TYPE(half, _Float16, -INFINITY, INFINITY, FLOAT)
DEFINE_TYPE(float, float, -INFINITY, INFINITY, FLOAT)
DEFINE_TYPE(double, double, -INFINITY, INFINITY, FLOAT)

struct type {
	const char *name;
	size_t size;
	bool is_float;
	void (*fill)(void);
	bool (*expect)(const struct op *op, const struct lanes *lanes, size_t lane, void *want);
};

#define TYPE(name, T, is_float) { #name, sizeof(T), is_float, fill_##name, expect_##name }

static const struct type types[] = {
	TYPE(char, int8_t, false), TYPE(uchar, uint8_t, false),
	TYPE(short, int16_t, false), TYPE(ushort, uint16_t, false),
	TYPE(int, int32_t, false), TYPE(uint, uint32_t, false),
	TYPE(long, int64_t, false), TYPE(ulong, uint64_t, false),
	TYPE(half, _Float16, true), TYPE(float, float, true), TYPE(double, double, true),
};

/* Work-groups of all the items, in one dimension or two. */
struct shape {
	size_t groups, x, y;
};

static const struct shape shapes[] = {
	{ 4, 1, 1 }, { 3, 7, 1 }, { 2, WAVE, 1 }, { 3, WAVE + 1, 1 }, { 3, 4 * WAVE, 1 }, { 4, 10, 13 },
};

/* A kernel that is `name` and writes the results of @ops, one behind the other. */
static cl_program build(struct cl *cl, const struct type *type, const struct op *ops, size_t num,
			bool divergent)
{
	char text[MAX_OPS * (sizeof(ops->text) + 24) + 1024];
	size_t at;

	at = snprintf(text, sizeof(text),
		      "#pragma OPENCL EXTENSION cl_khr_fp16 : enable\n"
		      "#define T %s\n"
		      "#define V %s4\n"
		      "kernel void run(global const T *in, global T *out, global const int *chosen)\n"
		      "{\n"
		      "	size_t at = get_group_id(0) * get_local_size(0) * get_local_size(1) +\n"
		      "		    get_local_linear_id();\n"
		      "	uint lane = get_sub_group_local_id();\n"
		      "	T x = in[at], m = (long)x & 1 ? 1 : 2;\n"
		      "	int p = x > 2;\n"
		      "\n"
		      "%s", type->name, type->name, divergent ? "	if (!chosen[at])\n		return;\n" : "");
	for (size_t k = 0; k < num; k++)
		at += snprintf(text + at, sizeof(text) - at, "	out[%zu + at] = %s;\n",
			       k * MAX_ITEMS, ops[k].text);
	snprintf(text + at, sizeof(text) - at, "}\n");
	return cl_build(cl, text);
}

/* Says which of the results of item @i is wrong, if one is. */
static bool item_right(const struct type *type, const struct op *ops, size_t num,
		       const struct lanes *lanes, size_t lane)
{
	char want[8];

	for (size_t k = 0; k < num; k++) {
		const char *got = (const char *)out + (k * MAX_ITEMS + lanes->first + lane) * type->size;

		memset(want, 0, sizeof(want));
		if (lanes->who[lane] && !type->expect(&ops[k], lanes, lane, want))
			continue;
		if (memcmp(got, want, type->size)) {
			uint64_t bits[2] = { 0 };

			memcpy(&bits[0], got, type->size);
			memcpy(&bits[1], want, type->size);
			tap_note("lane %zu of the sub-group at item %zu: %s is %#llx, not %#llx",
				 lane, lanes->first, ops[k].text, (unsigned long long)bits[0],
				 (unsigned long long)bits[1]);
			return false;
		}
	}
	return true;
}

static bool all_right(const struct type *type, const struct op *ops, size_t num,
		      const struct shape *shape)
{
	const size_t size = shape->x * shape->y;

	for (size_t i = 0; i < shape->groups * size; i++) {
		size_t group = i / size * size, first = group + (i - group) / WAVE * WAVE;
		struct lanes lanes = { first, MIN(WAVE, group + size - first), chosen + first };

		if (!item_right(type, ops, num, &lanes, i - first))
			return false;
	}
	return true;
}

static void run(struct cl *cl, cl_program program, const struct shape *shape)
{
	size_t items[] = { shape->groups * shape->x, shape->y }, group[] = { shape->x, shape->y };
	cl_kernel kernel = cl_kernel_of(program, "run");

	cl_arg_pointer(kernel, 0, in);
	cl_arg_pointer(kernel, 1, out);
	cl_arg_pointer(kernel, 2, chosen);
	CL_CHECK(clEnqueueNDRangeKernel(cl->queue, kernel, 2, NULL, items, group, 0, NULL, NULL));
	CL_CHECK(clFinish(cl->queue));
	CL_CHECK(clReleaseKernel(kernel));
}

static void test_type(struct cl *cl, const struct type *type, bool divergent)
{
	struct op ops[MAX_OPS];
	size_t num = list_ops(ops, divergent, type->is_float, !strcmp(type->name, "int"));
	cl_program program = build(cl, type, ops, num, divergent);

	type->fill();
	for (size_t i = 0; i < MAX_ITEMS; i++)
		chosen[i] = !divergent || i * 7 / 5 % 3 != 1;
	for (size_t s = 0; s < sizeof(shapes) / sizeof(shapes[0]); s++) {
		memset(out, 0, MAX_OPS * MAX_ITEMS * type->size);
		run(cl, program, &shapes[s]);
		tap_result(all_right(type, ops, num, &shapes[s]),
			   "%zu operations of %s in %s flow, groups of %zux%zu", num, type->name,
			   divergent ? "divergent" : "uniform", shapes[s].x, shapes[s].y);
	}
	CL_CHECK(clReleaseProgram(program));
}

int main(int argc, char **argv)
{
	struct cl cl;

	in = calloc(MAX_ITEMS, sizeof(uint64_t));
	out = calloc(MAX_OPS * MAX_ITEMS, sizeof(uint64_t));
	if (!in || !out)
		return 1;
	cl_open(&cl);
	for (size_t t = 0; t < sizeof(types) / sizeof(types[0]); t++) {
		if (argc > 1 && strcmp(argv[1], types[t].name))
			continue;
		test_type(&cl, &types[t], false);
		test_type(&cl, &types[t], true);
	}
	cl_close(&cl);
	free(out);
	free(in);
	return tap_status();
}
