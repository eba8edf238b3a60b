// SPDX-License-Identifier: MIT
/*
 * Shared virtual memory under random operations: several regions of odd sizes,
 * together more than VRAM, and at each step one of them is computed on,
 * checked, moved, forked, protected or given back. What each word must be is
 * known at all times. A failure prints the seed; COLIBRI_SEED=N repeats it.
 */
#include <errno.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "gpu_test.h"

IGT_TEST_DESCRIPTION("Shared virtual memory: random operations");

#define REGIONS		12	/* more than VRAM has chunks */
#define SECONDS		8

/* Words of a region: value, value + 1, ... */
struct region {
	char *words;
	size_t size;
	uint32_t value;
};

struct stress {
	struct gpu gpu;
	struct region regions[REGIONS];
	uint64_t random;
	unsigned int steps;
};

/* xorshift64 */
static uint64_t next_random(struct stress *s, uint64_t limit)
{
	s->random ^= s->random << 13;
	s->random ^= s->random >> 7;
	s->random ^= s->random << 17;
	return s->random % limit;
}

static void new_region(struct stress *s, struct region *r)
{
	size_t align = next_random(s, 2) ? SVM_BLOCK_SIZE : PAGE_SIZE;
	unsigned int max_pages = next_random(s, 4) ? 128 : 1024;

	r->size = (1 + next_random(s, max_pages)) * PAGE_SIZE;
	r->words = map_anonymous(r->size, align);
	r->value = next_random(s, 1000000);
	cpu_ramp_write(r->words, r->size, r->value);
}

static void op_gpu_add(struct stress *s, struct region *r)
{
	uint32_t value = next_random(s, 1000);

	gpu_ramp_add(&s->gpu, r->words, r->size, value);
	r->value += value;
}

static void op_gpu_check(struct stress *s, struct region *r)
{
	igt_assert_eq_u64(gpu_ramp_errors(&s->gpu, r->words, r->size, r->value), 0);
}

static void op_gpu_write(struct stress *s, struct region *r)
{
	r->value = next_random(s, 1000000);
	gpu_ramp_write(&s->gpu, r->words, r->size, r->value);
}

static void op_cpu_check(struct stress *s, struct region *r)
{
	(void)s;
	igt_assert_eq_u64(cpu_ramp_errors(r->words, r->size, r->value), 0);
}

static void op_cpu_write(struct stress *s, struct region *r)
{
	r->value = next_random(s, 1000000);
	cpu_ramp_write(r->words, r->size, r->value);
}

static void op_prefetch(struct stress *s, struct region *r)
{
	uint32_t location = next_random(s, 2) ? DRM_COLIBRI_SVM_LOC_VRAM : DRM_COLIBRI_SVM_LOC_SYSTEM;

	igt_assert_eq(colibri_svm_prefetch(&s->gpu.dev, s->gpu.vm, r->words, r->size, location), 0);
}

static void op_mremap(struct stress *s, struct region *r)
{
	char *target = map_anonymous(r->size, next_random(s, 2) ? SVM_BLOCK_SIZE : PAGE_SIZE);

	r->words = mremap(r->words, r->size, r->size, MREMAP_MAYMOVE | MREMAP_FIXED, target);
	igt_assert(r->words == target);
}

/* Cuts a piece off either end. */
static void op_shrink(struct stress *s, struct region *r)
{
	size_t cut = next_random(s, r->size / PAGE_SIZE) * PAGE_SIZE;

	if (next_random(s, 2)) {
		munmap(r->words, cut);
		r->words += cut;
		r->value += cut / 4;
	} else {
		munmap(r->words + r->size - cut, cut);
	}
	r->size -= cut;
}

static void op_protect(struct stress *s, struct region *r)
{
	igt_assert_eq(mprotect(r->words, r->size, PROT_READ), 0);
	op_gpu_check(s, r);
	igt_assert_eq(mprotect(r->words, r->size, PROT_READ | PROT_WRITE), 0);
}

static void op_dontneed(struct stress *s, struct region *r)
{
	igt_assert_eq(madvise(r->words, r->size, MADV_DONTNEED), 0);
	for (size_t i = 0; i < r->size; i += PAGE_SIZE)
		igt_assert_eq(r->words[i], 0);
	op_gpu_write(s, r);
}

/* The child has a copy of its own, also while the parent's GPU goes on. */
static void op_fork(struct stress *s, struct region *r)
{
	uint32_t value = r->value;
	int status;
	pid_t pid = fork();

	igt_assert(pid >= 0);
	if (!pid)
		_exit(cpu_ramp_errors(r->words, r->size, value) ? 1 : 0);
	op_gpu_add(s, r);
	igt_assert_eq(waitpid(pid, &status, 0), pid);
	igt_assert_eq(status, 0);
}

static void op_renew(struct stress *s, struct region *r)
{
	op_cpu_check(s, r);
	munmap(r->words, r->size);
	new_region(s, r);
}

typedef void (*op_fn)(struct stress *s, struct region *r);

static const op_fn ops[] = {
	op_gpu_add, op_gpu_add, op_gpu_check, op_gpu_write, op_cpu_check, op_cpu_check, op_cpu_write,
	op_prefetch, op_mremap, op_shrink, op_protect, op_dontneed, op_fork, op_renew,
};

static void run(uint64_t seed)
{
	struct stress *s = calloc(1, sizeof(*s));
	struct timespec start = { 0 };

	s->random = seed;
	gpu_init(&s->gpu);
	for (unsigned int i = 0; i < REGIONS; i++)
		new_region(s, &s->regions[i]);
	while (igt_nsec_elapsed(&start) < SECONDS * NSEC_PER_SEC) {
		ops[next_random(s, ARRAY_SIZE(ops))](s, &s->regions[next_random(s, REGIONS)]);
		s->steps++;
	}
	for (unsigned int i = 0; i < REGIONS; i++) {
		op_gpu_check(s, &s->regions[i]);
		op_cpu_check(s, &s->regions[i]);
		munmap(s->regions[i].words, s->regions[i].size);
	}
	igt_info("seed %lu: %u steps\n", seed, s->steps);
	gpu_fini(&s->gpu);
	free(s);
}

static uint64_t choose_seed(void)
{
	const char *given = getenv("COLIBRI_SEED");
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return given ? strtoul(given, NULL, 0) : now.tv_sec * 1000000000ul + now.tv_nsec;
}

static void one_process(struct gpu *gpu)
{
	uint64_t seed = choose_seed();

	(void)gpu;
	igt_info("COLIBRI_SEED=%lu\n", seed);
	run(seed);
}

static void three_processes(struct gpu *gpu)
{
	uint64_t seed = choose_seed();

	(void)gpu;
	igt_info("COLIBRI_SEED=%lu\n", seed);
	igt_fork(child, 3)
		run(seed + child);
	igt_waitchildren_timeout(SECONDS + GPU_TIMEOUT_S, "three processes");
}

static const struct gpu_test tests[] = {
	{ "one-process", one_process, "no word is ever wrong" },
	{ "three-processes", three_processes, "no word is ever wrong, with others at the same VRAM" },
};

igt_main()
{
	gpu_run_tests(tests, ARRAY_SIZE(tests), gpu_open);
}
