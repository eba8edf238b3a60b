/* SPDX-License-Identifier: MIT */
/*
 * Structs, unions and arrays of a work-item, that are copied and reached through
 * pointers: GPU and CPU must agree.
 */
#include <stdio.h>

#include "tap.h"
#include "twice.h"

TWICE_DEFINITIONS(definitions,
	struct pair {
		int first;
		int second;
	};
	struct mixed {
		char a;
		int b;
		short c;
		long d;
		float e;
		unsigned char f;
	};
	union views {
		struct mixed mixed;
		int words[8];
	};
	static struct mixed changed(struct mixed m, int v)
	{
		struct mixed r = m;

		r.a ^= v;
		if (v & 1) {
			r.b = r.c;
			r.f = v;
		}
		return r;
	}
	static int value_before(struct mixed m, struct mixed *p)
	{
		p->b = 5;
		return m.b;
	}
);

#define FUNCTIONS(F) \
	F(in_a_circle, { \
		struct mixed m = { x, x + 1, 3, x, 1.0f, x }, n = m; \
		for (int i = 0; i < 5; i++) { \
			n = m; \
			m = changed(n, 0); \
		} \
		return m.b * 31 + n.d; \
	}) \
	F(in_a_circle_with_changes, { \
		struct mixed m = { x, x + 1, 3, x, 1.0f, x }, n = m; \
		for (int i = 0; i < 5; i++) { \
			n = m; \
			m = changed(n, x + i); \
			m.c += i; \
		} \
		return m.a * 31 + m.b * 17 + m.f + n.c; \
	}) \
	F(one_of_two_numbers, { \
		int a = 1, b = 2; \
		int *p = x & 1 ? &a : &b; \
		*p = 3; \
		a = 4; \
		int seen = *p; \
		*p = 5; \
		b += seen; \
		return a * 100 + b * 10 + *p; \
	}) \
	F(one_of_two_structs, { \
		struct pair a = { x, 1 }, b = { 2, x }, copy; \
		struct pair *p = x & 1 ? &a : &b; \
		copy = *p; \
		a.first = 9; \
		b.first = 8; \
		uint seen = p->first; \
		*p = copy; \
		return seen + 10 * a.first + 1000 * b.first; \
	}) \
	F(changed_after_the_copy, { \
		struct mixed m = { 1, 2, 3, 4, 5, 6 }; \
		for (uint i = 0; i < x % 8; i++) \
			m.b += i; \
		int before = value_before(m, &m); \
		return before * 10 + m.b; \
	}) \
	F(union_views, { \
		struct mixed m = { 0, x, 0, 1, 0, 0 }; \
		union views v; \
		v.words[1] = 7; \
		v.mixed = m; \
		uint r = v.words[1]; \
		v.words[1] = 4; \
		m = v.mixed; \
		r += m.b; \
		v.words[1] = 5; \
		return r * 10 + v.mixed.b; \
	}) \
	F(part_of_an_array, { \
		int a[8] = { 1, x, 3, 4 }, b[8] = { 0 }; \
		__builtin_memcpy(b, a, 12); \
		a[1] = 2; \
		a[2] = 9; \
		uint r = b[1] + b[2] * 3 + b[3] * 5 + a[1]; \
		b[1] = 8; \
		__builtin_memcpy(&b[0], &a[0], 8); \
		a[1] = 6; \
		return r * 31 + b[1] * 7 + a[1]; \
	})

FUNCTIONS(TWICE_AS_C)

static const char texts[] = FUNCTIONS(TWICE_AS_TEXT);

static const struct twice_function functions[] = { FUNCTIONS(TWICE_AS_ENTRY) };

int main(void)
{
	struct cl cl;
	char source[sizeof(definitions) + sizeof(texts)];

	snprintf(source, sizeof(source), "%s%s", definitions, texts);
	cl_open(&cl);
	twice_run(&cl, "objects", source, functions,
		  sizeof(functions) / sizeof(functions[0]));
	cl_close(&cl);
	return tap_status();
}
