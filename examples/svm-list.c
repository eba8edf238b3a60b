/* SPDX-License-Identifier: MIT */
/*
 * Walks and changes a linked list on the GPU, through the list's own pointers.
 *
 * 100,000 nodes come from malloc() one by one, are linked in random order and
 * have a node on the program's stack among them. The GPU follows the pointers,
 * changes each value, and reverses the list in place; then the CPU walks it.
 *
 * usage: svm-list
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cl_helper.h"
#include "drm/colibri_drm.h"
#include "svm_stats.h"

#define NODES 100000

struct node {
	struct node *next;
	uint64_t value;
};

/* What the GPU found, and the new head of the list. */
struct walk {
	struct node *head;
	uint64_t nodes;
	uint64_t sum;
};

static const char source[] =
	"struct node {\n"
	"	global struct node *next;\n"
	"	ulong value;\n"
	"};\n"
	"\n"
	"struct walk {\n"
	"	global struct node *head;\n"
	"	ulong nodes, sum;\n"
	"};\n"
	"\n"
	"kernel void reverse(global struct node *node, global struct walk *walk)\n"
	"{\n"
	"	global struct node *reversed = 0;\n"
	"	ulong nodes = 0, sum = 0;\n"
	"\n"
	"	while (node) {\n"
	"		global struct node *next = node->next;\n"
	"\n"
	"		sum += node->value;\n"
	"		nodes++;\n"
	"		node->value = 3 * node->value + 1;\n"
	"		node->next = reversed;\n"
	"		reversed = node;\n"
	"		node = next;\n"
	"	}\n"
	"	walk->head = reversed;\n"
	"	walk->nodes = nodes;\n"
	"	walk->sum = sum;\n"
	"}\n";

/* The nodes in list order; the last one of the array is on the stack. */
static void shuffle(struct node **nodes, size_t count)
{
	srand(1);
	for (size_t i = count - 1; i > 0; i--) {
		size_t j = rand() % (i + 1);
		struct node *node = nodes[i];

		nodes[i] = nodes[j];
		nodes[j] = node;
	}
}

static struct node **make_list(struct node *on_stack)
{
	struct node **nodes = malloc((NODES + 1) * sizeof(*nodes));

	for (size_t i = 0; nodes && i < NODES; i++) {
		nodes[i] = malloc(sizeof(**nodes));
		if (!nodes[i])
			nodes = NULL;
	}
	if (!nodes) {
		fprintf(stderr, "svm-list: out of memory\n");
		exit(1);
	}
	nodes[NODES] = on_stack;
	shuffle(nodes, NODES + 1);
	for (size_t i = 0; i <= NODES; i++) {
		nodes[i]->value = i;
		nodes[i]->next = i < NODES ? nodes[i + 1] : NULL;
	}
	return nodes;
}

static void reverse_on_gpu(struct cl *cl, struct node *head, struct walk *walk)
{
	cl_program program = cl_build(cl, source);
	cl_kernel kernel = cl_kernel_of(program, "reverse");

	cl_arg_pointer(kernel, 0, head);
	cl_arg_pointer(kernel, 1, walk);
	cl_run(cl, kernel, 1, 1);

	CL_CHECK(clReleaseKernel(kernel));
	CL_CHECK(clReleaseProgram(program));
}

/* The CPU follows the pointers that the GPU wrote. */
static int check_list(struct node **nodes, const struct walk *walk)
{
	const uint64_t count = NODES + 1;
	const struct node *node = walk->head;

	if (walk->nodes != count || walk->sum != count * (count - 1) / 2) {
		printf("the GPU saw other nodes: %llu expected, with sum %llu\n",
		       (unsigned long long)count,
		       (unsigned long long)(count * (count - 1) / 2));
		return 0;
	}
	for (uint64_t i = count; i-- > 0; node = node->next) {
		if (node != nodes[i] || node->value != 3 * i + 1) {
			printf("node %llu is wrong\n", (unsigned long long)i);
			return 0;
		}
	}
	if (node) {
		printf("the list does not end\n");
		return 0;
	}
	return 1;
}

int main(void)
{
	struct node on_stack = { 0 };
	struct walk walk = { 0 };
	struct drm_colibri_svm_stats stats;
	struct node **nodes;
	struct cl cl;
	int ok;

	cl_open(&cl);
	nodes = make_list(&on_stack);
	printf("%d nodes from malloc(), one at %p on the stack\n", NODES,
	       (void *)&on_stack);

	reverse_on_gpu(&cl, nodes[0], &walk);
	printf("GPU: %llu nodes, sum %llu, list reversed\n",
	       (unsigned long long)walk.nodes, (unsigned long long)walk.sum);
	ok = check_list(nodes, &walk);
	if (ok)
		printf("CPU: the reversed list is right, node by node\n");

	svm_stats_read(&stats);
	svm_stats_print(&stats);
	ok &= svm_stats_nonzero(stats.faults, "GPU faults");
	ok &= svm_stats_nonzero(stats.pages_to_vram, "pages moved to VRAM");
	ok &= svm_stats_nonzero(stats.pages_to_sys, "pages moved back");

	for (size_t i = 0; i <= NODES; i++) {
		if (nodes[i] != &on_stack)
			free(nodes[i]);
	}
	free(nodes);
	cl_close(&cl);
	printf("%s\n", ok ? "PASS" : "FAIL");
	return !ok;
}
