/* SPDX-License-Identifier: MIT */
/* Divergent control flow: GPU and CPU must agree. */
#include "tap.h"
#include "twice.h"

/* Each is a function of one number, as text for OpenCL and as C. */
#define FUNCTIONS(F) \
	F(if_else, { \
		uint r; \
		if (x % 3 == 0) \
			r = x * 2; \
		else if (x % 3 == 1) \
			r = x + 100; \
		else \
			r = 7; \
		return r; \
	}) \
	F(nested, { \
		uint r = 1; \
		if (x & 1) { \
			if (x & 2) { \
				r += x; \
				if (x & 4) \
					r *= 3; \
			} else { \
				r -= x; \
			} \
			r ^= 0x55; \
		} \
		return r; \
	}) \
	F(collatz, { \
		uint steps = 0; \
		while (x > 1) { \
			x = x & 1 ? 3 * x + 1 : x / 2; \
			steps++; \
		} \
		return steps; \
	}) \
	F(break_and_continue, { \
		uint r = 0; \
		for (uint i = 0; i < 50; i++) { \
			if ((x + i) % 5 == 0) \
				continue; \
			if (r > x) \
				break; \
			r += i * (x & 3) + 1; \
			if ((x ^ i) == 37) \
				break; \
			r ^= i; \
		} \
		return r; \
	}) \
	F(nested_loops, { \
		uint r = 0; \
		for (uint i = 0; i <= x % 9; i++) { \
			for (uint j = i; j < x % 13; j++) { \
				if (j * i > x) \
					break; \
				if ((j & i) == 2) \
					continue; \
				r += j * i + 1; \
			} \
			if (r > 200) \
				break; \
			r++; \
		} \
		return r; \
	}) \
	F(early_return, { \
		if (x % 7 == 0) \
			return 1000 + x; \
		for (uint i = 2; i * i <= x; i++) { \
			if (x % i == 0) \
				return i; \
		} \
		return x; \
	}) \
	F(do_while, { \
		uint r = x; \
		do { \
			r = r * 1103515245u + 12345u; \
			if (r % 11 == 3) \
				break; \
		} while (r % 17 != 5); \
		return r; \
	}) \
	F(switch_cases, { \
		uint r = 0; \
		switch (x % 6) { \
		case 0: \
			r = 10; \
			break; \
		case 1: \
			r = 20; \
		case 2: \
			r += 5; \
			break; \
		case 4: \
			for (uint i = 0; i < x % 10; i++) \
				r += i; \
			break; \
		default: \
			r = x; \
		} \
		return r; \
	}) \
	F(private_array, { \
		uint a[16]; \
		for (uint i = 0; i < 16; i++) \
			a[i] = i * x; \
		for (uint i = 0; i < x % 40; i++) \
			a[(i * 7 + x) % 16] += a[i % 16] ^ i; \
		uint r = 0; \
		for (uint i = 0; i < 16; i++) \
			r = r * 31 + a[i]; \
		return r; \
	}) \
	F(values_across_loops, { \
		uint last = 0; \
		uint before = 0; \
		uint i = 0; \
		while (1) { \
			before = last; \
			last = last * 3 + x + i; \
			i++; \
			if (last % 8 == x % 8) \
				break; \
			if (i == x % 23) \
				break; \
			if (i > 100) \
				break; \
		} \
		return before * 1000003u + last * 101u + i; \
	}) \
	F(one_side_jumps, { \
		uint r = 0; \
		for (uint i = 0; i < 20; i++) { \
			uint v; \
			if ((x ^ i) & 1) { \
				if (i * x % 7 == 3) \
					break; \
				v = (x + i) / (i + 1); \
			} else { \
				r += 5; \
				continue; \
			} \
			r = r * 31 + v; \
			if (v % 3) \
				r ^= v / 3; \
		} \
		return r; \
	}) \
	F(short_or_constant, { \
		float f = 1.0f; \
		if (x & 1) \
			f = (float)(short)x; \
		return (uint)(f * 4.0f + 300000.0f); \
	})

#pragma GCC diagnostic ignored "-Wimplicit-fallthrough"

FUNCTIONS(TWICE_AS_C)

static const char source[] = FUNCTIONS(TWICE_AS_TEXT);

static const struct twice_function functions[] = { FUNCTIONS(TWICE_AS_ENTRY) };

int main(void)
{
	struct cl cl;

	cl_open(&cl);
	twice_run(&cl, "control flow", source, functions,
		  sizeof(functions) / sizeof(functions[0]));
	cl_close(&cl);
	return tap_status();
}
