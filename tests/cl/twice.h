/* SPDX-License-Identifier: MIT */
/*
 * Code that is compiled twice, by OpenCL for the GPU and by the C compiler for
 * the CPU, and must give the same on both. A list of functions of one number,
 *
 *	#define FUNCTIONS(F) \
 *		F(half, { return x / 2; }) \
 *		F(next, { return x + 1; })
 *
 * becomes, in this order,
 *
 *	FUNCTIONS(TWICE_AS_C)
 *	static const char source[] = FUNCTIONS(TWICE_AS_TEXT);
 *	static const struct twice_function functions[] = {
 *		FUNCTIONS(TWICE_AS_ENTRY)
 *	};
 *
 * Definitions that they share are written in TWICE_DEFINITIONS().
 */
#ifndef TWICE_H
#define TWICE_H

#include <stddef.h>

#include "cl_helper.h"

typedef unsigned int uint;

struct twice_function {
	const char *name;
	uint (*cpu)(uint x);
};

#define TWICE_AS_C(name, ...) \
	static uint cpu_##name(uint x) __VA_ARGS__
#define TWICE_AS_TEXT(name, ...) \
	"uint " #name "(uint x) " #__VA_ARGS__ "\n" \
	"kernel void run_" #name "(global const uint *in, global uint *out)\n" \
	"{\n" \
	"	uint i = get_global_id(0);\n" \
	"	out[i] = " #name "(in[i]);\n" \
	"}\n"
#define TWICE_AS_ENTRY(name, ...) { #name, cpu_##name },

/** Defines things for C, and @text with the same for OpenCL. */
#define TWICE_DEFINITIONS(text, ...) \
	__VA_ARGS__ \
	static const char text[] = #__VA_ARGS__ "\n"

/**
 * Runs each of @functions, which OpenCL knows from @source, with a thousand
 * numbers; each is a test whose name begins with @title.
 */
void twice_run(struct cl *cl, const char *title, const char *source,
	       const struct twice_function *functions, size_t count);

#endif
