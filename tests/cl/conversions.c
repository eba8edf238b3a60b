/* SPDX-License-Identifier: MIT */
/*
 * Conversions of each type to each, in all rounding modes, with and without
 * saturation, and loads and stores of half: against exact values, rounded here.
 */
#include <fenv.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cl_helper.h"
#include "tap.h"

#define MAX_VALUES 4096
#define MAX_OPS 128

/* A value of any of the types; a long double holds each of them exactly. */
typedef long double exact;

struct type {
	const char *name;
	unsigned int bits;
	bool is_float, is_signed;
	/* of a float */
	int digits, min_exponent, max_exponent;
};

static const struct type types[] = {
	{ "char", 8, false, true, 0, 0, 0 }, { "uchar", 8, false, false, 0, 0, 0 },
	{ "short", 16, false, true, 0, 0, 0 }, { "ushort", 16, false, false, 0, 0, 0 },
	{ "int", 32, false, true, 0, 0, 0 }, { "uint", 32, false, false, 0, 0, 0 },
	{ "long", 64, false, true, 0, 0, 0 }, { "ulong", 64, false, false, 0, 0, 0 },
	{ "half", 16, true, true, 11, -14, 15 }, { "float", 32, true, true, 24, -126, 127 },
	{ "double", 64, true, true, 53, -1022, 1023 },
};

#define NUM_TYPES (sizeof(types) / sizeof(types[0]))
#define HALF (&types[8])

struct mode {
	const char *suffix;
	int round;
};

static const struct mode modes[] = {
	{ "", -1 }, { "_rte", FE_TONEAREST }, { "_rtz", FE_TOWARDZERO }, { "_rtp", FE_UPWARD },
	{ "_rtn", FE_DOWNWARD },
};

/* One conversion of a kernel: its results are the k-th block of out. */
struct conversion {
	const struct type *to;
	const struct mode *mode;
	bool saturate;
};

static uint64_t in[MAX_VALUES], out[MAX_OPS * MAX_VALUES];
static unsigned int num_values;

static exact lowest(const struct type *t)
{
	return t->is_signed ? -ldexpl(1, t->bits - 1) : 0;
}

static exact highest(const struct type *t)
{
	return ldexpl(1, t->bits - t->is_signed) - 1;
}

/* What the bits of a value mean. */
static exact decode(const struct type *t, uint64_t bits)
{
	if (!t->is_float)
		return t->is_signed ? (exact)((int64_t)(bits << (64 - t->bits)) >> (64 - t->bits)) :
				      (exact)bits;

	int fraction_bits = t->digits - 1;
	uint64_t fraction = bits & ((1ull << fraction_bits) - 1);
	int top = (int)(bits >> fraction_bits) & (2 * t->max_exponent + 1);
	exact sign = bits >> (t->bits - 1) & 1 ? -1.0L : 1.0L;

	if (top == 2 * t->max_exponent + 1)
		return fraction ? NAN : sign * INFINITY;
	if (!top)
		return sign * ldexpl(fraction, t->min_exponent - fraction_bits);
	return sign * ldexpl(fraction + (1ull << fraction_bits), top - t->max_exponent - fraction_bits);
}

static exact round_to_integer(exact x, int round)
{
	fesetround(round);
	x = rintl(x);
	fesetround(FE_TONEAREST);
	return x;
}

/* @x as a float of the type. */
static exact round_to_float(const struct type *t, exact x, int round)
{
	const exact max = ldexpl(2 - ldexpl(1, 1 - t->digits), t->max_exponent);
	int exponent;

	if (isnan(x) || isinf(x) || x == 0)
		return x;
	frexpl(x, &exponent);
	exponent = (exponent - 1 < t->min_exponent ? t->min_exponent : exponent - 1) - (t->digits - 1);

	exact r = copysignl(ldexpl(round_to_integer(ldexpl(x, -exponent), round), exponent), x);
	if (fabsl(r) <= max)
		return r;
	if (round == FE_TONEAREST || round == (x > 0 ? FE_UPWARD : FE_DOWNWARD))
		return copysignl(INFINITY, x);
	return copysignl(max, x);
}

static bool same(exact x, exact y)
{
	return isnan(x) ? isnan(y) : x == y && signbit(x) == signbit(y);
}

/* False: anything may come out. */
static bool expected(const struct type *from, const struct conversion *c, uint64_t bits, exact *want)
{
	exact x = decode(from, bits);
	int round = c->mode->round;

	if (c->to->is_float) {
		*want = round_to_float(c->to, x, round < 0 ? FE_TONEAREST : round);
		return true;
	}
	if (isnan(x)) {
		*want = 0;
		return c->saturate;
	}
	x = isinf(x) ? x : round_to_integer(x, round < 0 ? FE_TOWARDZERO : round) + 0.0L;
	if (x < lowest(c->to) || x > highest(c->to)) {
		if (!c->saturate && !from->is_float) {
			*want = decode(c->to, c->to->bits == 64 ? bits : bits & ((1ull << c->to->bits) - 1));
			return c->to->bits <= from->bits;
		}
		*want = x < 0 ? lowest(c->to) : highest(c->to);
		return c->saturate;
	}
	*want = x == 0 ? 0 : x;
	return true;
}

static void put(uint64_t bits)
{
	if (num_values < MAX_VALUES)
		in[num_values++] = bits;
}

/* Powers of two and what is around them, and of floats every 2^k plus parts of an ulp of another type. */
static void fill_integers(const struct type *t)
{
	const uint64_t all = t->bits == 64 ? ~0ull : (1ull << t->bits) - 1;

	for (unsigned int k = 0; k < t->bits; k++) {
		const uint64_t power = 1ull << k;

		for (int64_t d = -2; d <= 2; d++) {
			put((power + d) & all);
			put((0 - power + d) & all);
			/* ties and nearly ties of half, float and double */
			put((power + (power >> 11) + d) & all);
			put((power + 3 * (power >> 11) + d) & all);
			put((power + (power >> 24) + d) & all);
			put((power + 3 * (power >> 24) - d) & all);
		}
	}
}

static void fill_floats(const struct type *t)
{
	const int fraction_bits = t->digits - 1;
	static const int drops[] = { 0, 1, 5, 10, 11, 23, 24 };
	const uint64_t sign = 1ull << (t->bits - 1);

	for (int e = 0; e < 2 * t->max_exponent + 2; e++) {
		const uint64_t power = (uint64_t)e << fraction_bits;
		const int value = e - t->max_exponent;

		if (t->digits > 11 && (value < -30 || value > 66) && e > 1 && e < 2 * t->max_exponent &&
		    abs(value) != 126 && abs(value) != 127 && abs(value) != 149)
			continue;
		for (size_t i = 0; i < sizeof(drops) / sizeof(drops[0]); i++) {
			const uint64_t half = drops[i] < fraction_bits ? 1ull << (fraction_bits - 1) >> drops[i] : 1;

			put(power + half);
			put(sign | (power + 3 * half));
			put(power + half - 1);
			put(sign | (power + half + 1));
		}
		put(power);
		put(sign | power);
		put(power - (e > 0));
	}
}

static void fill(const struct type *t)
{
	num_values = 0;
	put(0);
	if (t->is_float)
		fill_floats(t);
	else
		fill_integers(t);
}

/* Results are stored in the size of their type. */
static uint64_t result_at(const struct conversion *c, size_t op, size_t i)
{
	const char *block = (const char *)&out[op * MAX_VALUES];
	uint64_t bits = 0;

	memcpy(&bits, block + i * c->to->bits / 8, c->to->bits / 8);
	return bits;
}

static bool check(const struct type *from, const struct conversion *c, size_t op)
{
	for (size_t i = 0; i < num_values; i++) {
		uint64_t bits = result_at(c, op, i);
		exact got = decode(c->to, bits), want;

		if (!expected(from, c, in[i], &want) || same(got, want))
			continue;
		tap_note("%s to %s%s%s: %.20Lg (0x%llx) gives %.20Lg (0x%llx), not %.20Lg", from->name,
			 c->to->name, c->saturate ? "_sat" : "", c->mode->suffix, decode(from, in[i]),
			 (unsigned long long)in[i], got, (unsigned long long)bits, want);
		return false;
	}
	return true;
}

static size_t list_conversions(const struct type *to, struct conversion *list)
{
	size_t count = 0;

	for (size_t m = 0; m < 5; m++) {
		list[count++] = (struct conversion){ to, &modes[m], false };
		if (!to->is_float)
			list[count++] = (struct conversion){ to, &modes[m], true };
	}
	return count;
}

static void run(struct cl *cl, const char *body)
{
	static char text[65536];

	snprintf(text, sizeof(text), "#pragma OPENCL EXTENSION cl_khr_fp16 : enable\n"
		 "#define VALUES %d\n%s", MAX_VALUES, body);
	cl_program program = cl_build(cl, text);
	cl_kernel kernel = cl_kernel_of(program, "run");

	memset(out, 0x77, sizeof(out));
	cl_arg_pointer(kernel, 0, in);
	cl_arg_pointer(kernel, 1, out);
	cl_run(cl, kernel, num_values, 0);
	CL_CHECK(clReleaseKernel(kernel));
	CL_CHECK(clReleaseProgram(program));
}

static void test_conversions(struct cl *cl, const struct type *from)
{
	static struct conversion list[MAX_OPS];
	static char text[32768];
	size_t count = 0, at;

	fill(from);
	at = snprintf(text, sizeof(text),
		      "kernel void run(global const ulong *in, global ulong *out)\n{\n"
		      "	uint i = get_global_id(0);\n	%s x = ((global const %s *)&in[i])[0];\n",
		      from->name, from->name);
	for (const struct type *to = types; to < types + NUM_TYPES; to++) {
		size_t more = list_conversions(to, &list[count]);

		for (; more--; count++)
			at += snprintf(text + at, sizeof(text) - at,
				       "	((global %s *)&out[%zu])[i] = convert_%s%s%s(x);\n", to->name,
				       count * MAX_VALUES, to->name, list[count].saturate ? "_sat" : "",
				       list[count].mode->suffix);
	}
	snprintf(text + at, sizeof(text) - at, "}\n");
	run(cl, text);

	for (size_t k = 0; k < count;) {
		const struct type *to = list[k].to;
		bool ok = true;

		for (; k < count && list[k].to == to; k++)
			ok &= check(from, &list[k], k);
		tap_result(ok, "%s to %s", from->name, to->name);
	}
}

/* vstore_half of floats and doubles; vload_half gives floats. */
static void test_half_memory(struct cl *cl, const struct type *from)
{
	static char text[8192];
	size_t at;
	bool ok = true;

	fill(from);
	at = snprintf(text, sizeof(text),
		      "kernel void run(global const ulong *in, global ulong *out)\n{\n"
		      "	uint i = get_global_id(0);\n	%s x = ((global const %s *)&in[i])[0];\n",
		      from->name, from->name);
	for (size_t m = 0; m < 5; m++)
		at += snprintf(text + at, sizeof(text) - at,
			       "	vstore_half%s(x, i, (global half *)&out[%zu]);\n"
			       "	vstorea_half4%s((%s4)(x, x, x, x), i, (global half *)&out[%zu]);\n",
			       modes[m].suffix, 2 * m * MAX_VALUES, modes[m].suffix, from->name,
			       (2 * m + 1) * MAX_VALUES);
	snprintf(text + at, sizeof(text) - at, "}\n");
	run(cl, text);
	for (size_t m = 0; m < 5; m++) {
		const struct conversion c = { HALF, &modes[m], false };

		ok &= check(from, &c, 2 * m);
		/* the first of four is at four times the index */
		for (size_t i = 0; i < num_values && ok; i++) {
			const uint16_t *halves = (const uint16_t *)&out[(2 * m + 1) * MAX_VALUES];
			exact want;

			expected(from, &c, in[i], &want);
			for (size_t j = 0; j < 4; j++)
				ok &= same(decode(HALF, halves[4 * i + j]), want);
		}
	}
	tap_result(ok, "vstore_half and vstorea_half4 of %s", from->name);
}

static void test_half_loads(struct cl *cl)
{
	const struct conversion c = { &types[9], &modes[1], false };
	bool ok;

	fill(HALF);
	run(cl, "kernel void run(global const half *in, global float *out)\n{\n"
		"	uint i = get_global_id(0);\n"
		"	out[i] = vload_half(4 * i, in);\n"
		"	out[2 * VALUES + i] = vload_half4(i, in).x;\n"
		"	out[4 * VALUES + i] = vloada_half2(2 * i, in).x;\n"
		"	out[6 * VALUES + i] = vloada_half3(i, in).x;\n}\n");
	ok = check(HALF, &c, 0) && check(HALF, &c, 1) && check(HALF, &c, 2) && check(HALF, &c, 3);
	tap_result(ok, "vload_half and vloada_half");
}

/* Two numbers in one word: all of +, -, *, / and fma of one with both, rounded once. */
static void test_half_arithmetic(struct cl *cl)
{
	bool ok = true;

	fill(HALF);
	for (size_t i = 0; i < num_values; i++)
		in[i] |= in[i * 7 % num_values] << 16 & 0xffff0000;
	run(cl, "kernel void run(global const half *in, global half *out)\n{\n"
		"	uint i = get_global_id(0);\n"
		"	half x = in[4 * i], y = in[4 * i + 1];\n"
		"	out[i] = x + y;\n"
		"	out[4 * VALUES + i] = x - y;\n"
		"	out[8 * VALUES + i] = x * y;\n"
		"	out[12 * VALUES + i] = x / y;\n"
		"	out[16 * VALUES + i] = sqrt(x);\n"
		"	out[20 * VALUES + i] = fma(x, y, x);\n}\n");
	for (size_t i = 0; i < num_values; i++) {
		exact x = decode(HALF, in[i] & 0xffff), y = decode(HALF, in[i] >> 16 & 0xffff);
		exact want[] = { x + y, x - y, x * y, x / y, sqrtl(x), x * y + x };

		for (size_t op = 0; op < 6; op++) {
			exact got = decode(HALF, ((const uint16_t *)&out[op * MAX_VALUES])[i]);
			exact rounded = round_to_float(HALF, want[op], FE_TONEAREST);

			if (ok && !same(got, rounded)) {
				tap_note("operation %zu of %Lg and %Lg gives %Lg, not %Lg", op, x, y, got, rounded);
				ok = false;
			}
		}
	}
	tap_result(ok, "arithmetic of half");
}

int main(void)
{
	struct cl cl;

	cl_open(&cl);
	for (const struct type *from = types; from < types + NUM_TYPES; from++)
		test_conversions(&cl, from);
	test_half_memory(&cl, &types[9]);
	test_half_memory(&cl, &types[10]);
	test_half_loads(&cl);
	test_half_arithmetic(&cl);
	cl_close(&cl);
	return tap_status();
}
