/* SPDX-License-Identifier: MIT */
/*
 * What advice about malloc()ed memory changes, and what it does not.
 *
 * The CPU changes some words all over a table, the GPU adds up the table, and
 * so on in turn. Without advice each of them pulls the pages to itself. With
 * "prefer host" they stay in system memory, and the GPU reads them there. With
 * "prefer device" and a migration ahead of the kernel the GPU does not fault. The
 * sums are the same, and what moved is printed.
 *
 * usage: svm-advise
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cl_helper.h"
#include "drm/colibri_drm.h"
#include "svm_stats.h"

#include <CL/cl_ext_colibri.h>

#define SIZE (8u << 20)
#define WORDS (SIZE / (unsigned int)sizeof(uint32_t))
#define STEP 1024 /* words: each page has changed ones */
#define TURNS 4
#define ITEMS 4096

static const char source[] =
	"kernel void add_up(global const uint *table, uint words, global uint *sum)\n"
	"{\n"
	"	uint part = 0;\n"
	"\n"
	"	for (uint i = get_global_id(0); i < words; i += get_global_size(0))\n"
	"		part += table[i];\n"
	"	atomic_add(sum, part);\n"
	"}\n";

struct plan {
	const char *name;
	cl_uint location;
	int ahead;	/* migrate before each kernel */
};

static const struct plan plans[] = {
	{ "no advice", CL_SVM_PREFER_ANY_COLIBRI, 0 },
	{ "prefer host", CL_SVM_PREFER_HOST_COLIBRI, 0 },
	{ "prefer device, ahead", CL_SVM_PREFER_DEVICE_COLIBRI, 1 },
};

#define NUM_PLANS (sizeof(plans) / sizeof(plans[0]))

static void advise(struct cl *cl, const uint32_t *table, cl_uint location)
{
	clSVMAdviseCOLIBRI_fn call = (clSVMAdviseCOLIBRI_fn)
		clGetExtensionFunctionAddressForPlatform(cl->platform, "clSVMAdviseCOLIBRI");

	if (!call) {
		fprintf(stderr, "the platform has no " CL_COLIBRI_SVM_ADVISE_EXTENSION_NAME "\n");
		exit(1);
	}
	CL_CHECK(call(cl->context, cl->device, table, SIZE, CL_SVM_ADVICE_PREFERRED_LOCATION_COLIBRI,
		      location));
}

static void migrate(struct cl *cl, const uint32_t *table)
{
	const void *pointer = table;
	size_t size = SIZE;

	CL_CHECK(clEnqueueSVMMigrateMem(cl->queue, 1, &pointer, &size, 0, 0, NULL, NULL));
}

/* Returns whether each of the GPU's sums is that of the CPU. */
static int take_turns(struct cl *cl, cl_kernel kernel, uint32_t *table, const struct plan *plan)
{
	const cl_uint words = WORDS;
	uint32_t *sum = malloc(sizeof(*sum)), expected = 0;
	int ok = 1;

	memset(table, 0, SIZE);
	advise(cl, table, plan->location);
	cl_arg_pointer(kernel, 0, table);
	CL_ARG(kernel, 1, words);
	cl_arg_pointer(kernel, 2, sum);
	for (uint32_t turn = 1; turn <= TURNS; turn++) {
		for (size_t i = 0; i < WORDS; i += STEP) {
			table[i] += turn;
			expected += turn;
		}
		*sum = 0;
		if (plan->ahead)
			migrate(cl, table);
		cl_run(cl, kernel, ITEMS, 64);
		ok &= *sum == expected;
	}
	free(sum);
	return ok;
}

int main(void)
{
	struct drm_colibri_svm_stats before, after, moved[NUM_PLANS];
	uint32_t *table = aligned_alloc(2u << 20, SIZE);
	struct cl cl;
	int ok = 1;

	if (!table) {
		fprintf(stderr, "svm-advise: out of memory\n");
		return 1;
	}
	cl_open(&cl);
	cl_program program = cl_build(&cl, source);
	cl_kernel kernel = cl_kernel_of(program, "add_up");

	printf("%u pages from malloc(), used by CPU and GPU in turn, %d times\n", SIZE / 4096, TURNS);
	printf("%-22s %10s %10s %10s\n", "", "GPU faults", "to VRAM", "back");
	for (size_t p = 0; p < NUM_PLANS; p++) {
		svm_stats_read(&before);
		ok &= take_turns(&cl, kernel, table, &plans[p]);
		svm_stats_read(&after);
		moved[p].faults = after.faults - before.faults;
		moved[p].pages_to_vram = after.pages_to_vram - before.pages_to_vram;
		moved[p].pages_to_sys = after.pages_to_sys - before.pages_to_sys;
		printf("%-22s %10llu %10llu %10llu\n", plans[p].name, (unsigned long long)moved[p].faults,
		       (unsigned long long)moved[p].pages_to_vram,
		       (unsigned long long)moved[p].pages_to_sys);
	}
	if (!ok)
		printf("the sums differ\n");
	/* A page more or less is the sum's own. */
	ok &= svm_stats_nonzero(moved[0].pages_to_vram, "pages moved without advice");
	if (moved[1].pages_to_vram * 2 > moved[0].pages_to_vram) {
		printf("memory that prefers the host moved\n");
		ok = 0;
	}
	if (moved[2].faults > moved[0].faults) {
		printf("the GPU faulted on memory that was there\n");
		ok = 0;
	}
	CL_CHECK(clReleaseKernel(kernel));
	CL_CHECK(clReleaseProgram(program));
	cl_close(&cl);
	free(table);
	printf("%s\n", ok ? "PASS" : "FAIL");
	return !ok;
}
