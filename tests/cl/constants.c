/* SPDX-License-Identifier: MIT */
/* Constants of program scope: all kinds of types and initialisers, read by whatever index. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cl_helper.h"
#include "tap.h"

#define ITEMS 256

/* Each test is the body of a kernel that gives out[i], 0 where all is right. */
static const struct {
	const char *name;
	const char *declarations;
	const char *body;
} tests[] = {
	{ "scalars of all sizes",
	  "constant char c = -5; constant uchar uc = 250; constant short s = -30000;\n"
	  "constant int n = -2000000000; constant ulong l = 0xfedcba9876543210ul;\n"
	  "constant float f = -1.5f; constant bool b = true;\n",
	  "out[i] = c != -5 || uc != 250 || s != -30000 || n != -2000000000 ||\n"
	  "	 l != 0xfedcba9876543210ul || f != -1.5f || !b;\n" },
	{ "half and double",
	  "#pragma OPENCL EXTENSION cl_khr_fp16 : enable\n"
	  "constant half h[] = { 0.5h, -2.0h, 65504.0h }; constant double d[] = { 1e300, -0.1 };\n",
	  "out[i] = (float)h[i % 3] != (i % 3 == 0 ? 0.5f : i % 3 == 1 ? -2.0f : 65504.0f) ||\n"
	  "	 d[i & 1] != (i & 1 ? -0.1 : 1e300);\n" },
	{ "an array, by a divergent index",
	  "constant int a[8] = { 3, 1, 4, 1, 5, 9, 2, 6 };\n",
	  "const int e[8] = { 3, 1, 4, 1, 5, 9, 2, 6 };\n"
	  "out[i] = a[i * 7 % 8] != e[i * 7 % 8];\n" },
	{ "the rest of an array is zero",
	  "constant int a[64] = { 7, 8 };\n",
	  "out[i] = a[i % 64] != (i % 64 == 0 ? 7 : i % 64 == 1 ? 8 : 0);\n" },
	{ "arrays of arrays",
	  "constant short a[3][4][2] = { { { 1, 2 }, { 3, 4 } }, { { 5, 6 } }, { { 7 }, { 8, 9 } } };\n",
	  "out[i] = a[i % 3][i / 3 % 2][0] != (i % 3 == 0 ? 1 + 2 * (i / 3 % 2) :\n"
	  "	 i % 3 == 1 ? (i / 3 % 2 ? 0 : 5) : 7 + i / 3 % 2);\n" },
	{ "vectors",
	  "constant float4 v[2] = { (float4)(1, 2, 3, 4), (float4)(5) };\n"
	  "constant uchar16 w = (uchar16)(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);\n"
	  "constant int3 t[3] = { (int3)(1, 2, 3), (int3)(4, 5, 6), (int3)(7, 8, 9) };\n",
	  "float4 x = v[i & 1];\n"
	  "out[i] = any(x != (i & 1 ? (float4)(5) : (float4)(1, 2, 3, 4))) ||\n"
	  "	 w.s0 != 0 || w.s7 != 7 || w.sf != 15 || t[i % 3].y != 2 + 3 * (i % 3);\n" },
	{ "structures, unions, packed",
	  "struct s { char a; double b; short c[3]; struct { int x; float y; } d; };\n"
	  "struct __attribute__((packed)) p { char a; int b; short c; };\n"
	  "union u { int i; float f; };\n"
	  "constant struct s s[2] = { { 1, 2.5, { 3, 4, 5 }, { 6, 7.5f } }, { .d = { .x = -6 } } };\n"
	  "constant struct p p[3] = { { 1, 2, 3 }, { 4, 5, 6 }, { 7, 8, 9 } };\n"
	  "constant union u u = { .f = 1.0f };\n",
	  "int k = i & 1, j = i % 3;\n"
	  "out[i] = s[k].a != !k || s[k].b != (k ? 0.0 : 2.5) || s[k].c[2] != (k ? 0 : 5) ||\n"
	  "	 s[k].d.x != (k ? -6 : 6) || s[k].d.y != (k ? 0 : 7.5f) ||\n"
	  "	 p[j].a != 1 + 3 * j || p[j].b != 2 + 3 * j || p[j].c != 3 + 3 * j || u.i != 0x3f800000;\n" },
	{ "strings",
	  "constant char text[] = \"colibri\";\n"
	  "int length(constant char *p) { int n = 0; while (p[n]) n++; return n; }\n",
	  "out[i] = length(text) != 7 || text[i % 7] == 0 || length(\"four\") != 4 || text[2] != 'l';\n" },
	{ "computed initialisers",
	  "enum { N = 5 };\n"
	  "constant int a[] = { N * N, sizeof(double), (int)3.7f, ~0, 1 << 20, 'x', N > 3 ? 1 : 2 };\n",
	  "const int e[] = { 25, 8, 3, -1, 1048576, 120, 1 };\n"
	  "out[i] = a[i % 7] != e[i % 7] || sizeof(a) != 28;\n" },
	{ "one that is large",
	  "#define R(n) n, n + 1, n + 2, n + 3, n + 4, n + 5, n + 6, n + 7\n"
	  "#define S(n) R(n), R(n + 8), R(n + 16), R(n + 24), R(n + 32), R(n + 40), R(n + 48), R(n + 56)\n"
	  "#define T(n) S(n), S(n + 64), S(n + 128), S(n + 192), S(n + 256), S(n + 320), S(n + 384), S(n + 448)\n"
	  "constant uint a[4096] = { T(0), T(512), T(1024), T(1536), T(2048), T(2560), T(3072), T(3584) };\n",
	  "out[i] = a[i * 16 + 5] != i * 16 + 5 || a[4095] != 4095;\n" },
	{ "pointers to constants, through functions",
	  "constant int a[4] = { 1, 2, 3, 4 }; constant int b[4] = { 10, 20, 30, 40 };\n"
	  "int pick(constant int *p, int n) { return p[n]; }\n",
	  "constant int *p = i & 1 ? a : b;\n"
	  "out[i] = pick(p, i / 2 % 4) != (i / 2 % 4 + 1) * (i & 1 ? 1 : 10);\n" },
	{ "in a function, and one of the kernel's own",
	  "int in_function(int n) { static constant int a[4] = { 5, 6, 7, 8 }; return a[n]; }\n",
	  "constant int own[4] = { 9, 8, 7, 6 };\n"
	  "out[i] = in_function(i % 4) != 5 + i % 4 || own[i % 4] != 9 - i % 4;\n" },
};

static bool run(struct cl *cl, const char *declarations, const char *body)
{
	char source[8192];
	int *out = malloc(ITEMS * sizeof(*out));
	bool ok = true;

	snprintf(source, sizeof(source),
		 "%s\nkernel void k(global int *out)\n{\n\tint i = get_global_id(0);\n%s}\n",
		 declarations, body);
	memset(out, 0xff, ITEMS * sizeof(*out));
	cl_program program = cl_build(cl, source);
	cl_kernel kernel = cl_kernel_of(program, "k");

	cl_arg_pointer(kernel, 0, out);
	cl_run(cl, kernel, ITEMS, 64);
	for (int i = 0; i < ITEMS; i++)
		ok &= !out[i];
	CL_CHECK(clReleaseKernel(kernel));
	CL_CHECK(clReleaseProgram(program));
	free(out);
	return ok;
}

int main(void)
{
	struct cl cl;

	cl_open(&cl);
	for (size_t i = 0; i < sizeof(tests) / sizeof(*tests); i++)
		tap_result(run(&cl, tests[i].declarations, tests[i].body), "constants: %s",
			   tests[i].name);
	cl_close(&cl);
	return tap_status();
}
