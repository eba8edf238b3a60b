/* SPDX-License-Identifier: MIT */
/*
 * Counts lines, words and bytes of a file on the GPU, without a copy.
 *
 * The file is mmap()ed and the result malloc()ed; the kernel gets both raw
 * pointers. The GPU faults on the text's pages, which stay in the page cache,
 * and on the result's page, which moves to VRAM and back when the CPU reads it.
 *
 * usage: svm-wordcount FILE
 */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cl_helper.h"
#include "drm/colibri_drm.h"
#include "svm_stats.h"

#define ITEMS 4096

struct counts {
	uint32_t lines;
	uint32_t words;
	uint32_t bytes;
};

struct text {
	const char *data;
	uint32_t size;
};

static const char source[] =
	"struct counts { uint lines, words, bytes; };\n"
	"\n"
	"bool is_space(uchar c)\n"
	"{\n"
	"	return c == ' ' || (c >= '\\t' && c <= '\\r');\n"
	"}\n"
	"\n"
	"kernel void count(global const uchar *text, uint size,\n"
	"		  global struct counts *result)\n"
	"{\n"
	"	uint lines = 0, words = 0, bytes = 0;\n"
	"\n"
	"	/* Neighbours read neighbouring bytes. */\n"
	"	for (uint i = get_global_id(0); i < size; i += get_global_size(0)) {\n"
	"		uchar c = text[i];\n"
	"		uchar before = i ? text[i - 1] : (uchar)' ';\n"
	"\n"
	"		lines += c == '\\n';\n"
	"		words += is_space(before) && !is_space(c);\n"
	"		bytes++;\n"
	"	}\n"
	"	atomic_add(&result->lines, lines);\n"
	"	atomic_add(&result->words, words);\n"
	"	atomic_add(&result->bytes, bytes);\n"
	"}\n";

static void die(const char *path, const char *why)
{
	fprintf(stderr, "svm-wordcount: %s: %s\n", path, why);
	exit(1);
}

static struct text map_file(const char *path)
{
	struct text text;
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || fstat(fd, &st))
		die(path, strerror(errno));
	if (!S_ISREG(st.st_mode))
		die(path, "not a regular file");
	if (st.st_size == 0)
		die(path, "is empty");
	if (st.st_size > INT32_MAX)
		die(path, "larger than 2 GiB");

	text.size = st.st_size;
	text.data = mmap(NULL, text.size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (text.data == MAP_FAILED)
		die(path, strerror(errno));
	close(fd);
	return text;
}

static void count_on_gpu(struct cl *cl, const struct text *text,
			 struct counts *result)
{
	cl_program program = cl_build(cl, source);
	cl_kernel kernel = cl_kernel_of(program, "count");

	cl_arg_pointer(kernel, 0, text->data);
	CL_ARG(kernel, 1, text->size);
	cl_arg_pointer(kernel, 2, result);
	cl_run(cl, kernel, ITEMS, 64);

	CL_CHECK(clReleaseKernel(kernel));
	CL_CHECK(clReleaseProgram(program));
}

static int is_space(unsigned char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

static struct counts count_on_cpu(const struct text *text)
{
	struct counts counts = { .bytes = text->size };
	int in_word = 0;

	for (uint32_t i = 0; i < text->size; i++) {
		unsigned char c = text->data[i];

		counts.lines += c == '\n';
		counts.words += !in_word && !is_space(c);
		in_word = !is_space(c);
	}
	return counts;
}

static void print_counts(const char *who, const struct counts *counts)
{
	printf("%s: %u lines, %u words, %u bytes\n", who, counts->lines,
	       counts->words, counts->bytes);
}

static int check(const struct counts *gpu, const struct counts *cpu,
		 const struct drm_colibri_svm_stats *stats)
{
	int ok = gpu->lines == cpu->lines && gpu->words == cpu->words &&
		 gpu->bytes == cpu->bytes;

	if (!ok)
		printf("the counts differ\n");
	ok &= svm_stats_nonzero(stats->faults, "GPU faults");
	ok &= svm_stats_nonzero(stats->pages_to_vram, "pages moved to VRAM");
	ok &= svm_stats_nonzero(stats->pages_to_sys, "pages moved back");
	ok &= svm_stats_nonzero(stats->pages_mapped_sys, "pages mapped in place");
	return ok;
}

int main(int argc, char **argv)
{
	struct drm_colibri_svm_stats stats;
	struct counts *result;
	struct counts expected;
	struct text text;
	struct cl cl;
	int ok;

	if (argc != 2) {
		fprintf(stderr, "usage: svm-wordcount FILE\n");
		return 1;
	}
	text = map_file(argv[1]);
	result = malloc(sizeof(*result));
	if (!result)
		die(argv[1], "out of memory");
	memset(result, 0, sizeof(*result));

	cl_open(&cl);
	printf("text at %p (mmap), result at %p (malloc)\n", (const void *)text.data,
	       (void *)result);
	count_on_gpu(&cl, &text, result);
	print_counts("GPU", result);
	expected = count_on_cpu(&text);
	print_counts("CPU", &expected);

	svm_stats_read(&stats);
	svm_stats_print(&stats);
	ok = check(result, &expected, &stats);
	cl_close(&cl);
	free(result);
	munmap((void *)text.data, text.size);
	printf("%s\n", ok ? "PASS" : "FAIL");
	return !ok;
}
