// SPDX-License-Identifier: MIT
/*
 * Shared virtual memory as a matrix: each kind of memory x each way to access it x each policy
 * x each shape of process. A subtest is a kind and an access, its dynamic subtests are policies and shapes;
 * "pairs" has as few combinations as it takes for each pair of values to meet.
 *
 * In each combination the CPU and the GPU take turns in changing every word, and either checks all
 * that the other wrote. What cannot be combined is named with the reason in the output.
 *
 * Memory that a GPU is refused altogether (PROT_NONE, guard pages, device memory, secretmem) has no
 * data to check from both sides: see colibri_svm and colibri_svm_kinds.
 */
#include <errno.h>
#include <pthread.h>
#include <sys/mman.h>

#include "svm_memory.h"

IGT_TEST_DESCRIPTION("Shared virtual memory: memory x access x policy x processes");

#define RING_PACKETS	16

static struct gpu gpu;

/* Whether a process may submit to a queue by itself, and why not. */
static const char *no_ring;

struct policy {
	const char *name;
	uint32_t advice;
	uint32_t value;
	uint32_t usual;		/* the value without advice */
};

static const struct policy policies[] = {
	{ "default", 0, 0, 0 },
	{ "prefer-vram", DRM_COLIBRI_SVM_ADVISE_PREFERRED, DRM_COLIBRI_SVM_PREFER_VRAM, 0 },
	{ "prefer-system", DRM_COLIBRI_SVM_ADVISE_PREFERRED, DRM_COLIBRI_SVM_PREFER_SYSTEM, 0 },
	{ "remote", DRM_COLIBRI_SVM_ADVISE_TOUCH, DRM_COLIBRI_SVM_TOUCH_REMOTE, 0 },
	{ "read-mostly", DRM_COLIBRI_SVM_ADVISE_READ_MOSTLY, 1, 0 },
	{ "accessed-by", DRM_COLIBRI_SVM_ADVISE_ACCESSED_BY, 1, 0 },
	{ "atomic-device", DRM_COLIBRI_SVM_ADVISE_ATOMIC, DRM_COLIBRI_SVM_ATOMIC_DEVICE, 0 },
	{ "atomic-none", DRM_COLIBRI_SVM_ADVISE_ATOMIC, DRM_COLIBRI_SVM_ATOMIC_NONE, 0 },
	{ "no-neighbours", DRM_COLIBRI_SVM_ADVISE_PREFETCH, 0, 9 },
	{ "no-thrash", DRM_COLIBRI_SVM_ADVISE_THRASH, 0, 1 },
	{ "no-promote", DRM_COLIBRI_SVM_ADVISE_PROMOTE, 0, 1 },
};

static void advise(struct gpu *own, const struct svm_memory *memory, const struct policy *policy,
		   uint32_t value)
{
	igt_assert_eq(colibri_svm_advise(&own->dev, own->vm, memory->words, SVM_SPAN, policy->advice,
					 value), 0);
}

/* ---- How the GPU gets at memory -------------------------------------------*/

static void read_all(struct gpu *own, struct svm_memory *memory, const struct policy *policy)
{
	struct copy_args args = {
		.dst = gpu_shared_addr(own, result),
		.src = (uintptr_t)memory->words,
		.count = SVM_BYTES,
	};

	(void)policy;
	memset(own->shared->result, 0xee, SVM_BYTES);
	gpu_run(own, "copy_bytes", &args, sizeof(args), SVM_BYTES / COLIBRI_WAVE_LANES);
	igt_assert_eq(memcmp(own->shared->result, memory->model, SVM_BYTES), 0);
}

static void add_to_model(struct svm_memory *memory, uint32_t value)
{
	for (size_t i = 0; i < SVM_WORDS; i++)
		memory->model[i] += value;
}

static void write_all(struct gpu *own, struct svm_memory *memory, const struct policy *policy)
{
	(void)policy;
	gpu_ramp_add(own, memory->words, SVM_BYTES, 7);
	add_to_model(memory, 7);
}

/* What keeps the GPU from atomics: 0, or the fault's errno. */
static int atomic_error(const struct gpu *own, const struct svm_kind *kind,
			const struct policy *policy)
{
	if (policy->advice != DRM_COLIBRI_SVM_ADVISE_ATOMIC)
		return 0;
	if (policy->value == DRM_COLIBRI_SVM_ATOMIC_NONE)
		return EACCES;
	/* Where nothing can be the GPU's alone, that advice changes nothing. */
	if (!gpu_migrates(own))
		return 0;
	/* Neither can it move to VRAM nor be the GPU's alone where it is. */
	return kind->anonymous ? 0 : EOPNOTSUPP;
}

/* One word of each page. */
static void atomic_each_page(struct gpu *own, struct svm_memory *memory, const struct policy *policy)
{
	int error = atomic_error(own, memory->kind, policy);

	for (size_t i = 0; i < SVM_WORDS; i += PAGE_SIZE / 4) {
		struct atomic_args args = { .addr = (uintptr_t)&memory->words[i], .rounds = 2 };

		gpu_launch(own, "atomic_add32", &args, sizeof(args), 1);
		if (error) {
			gpu_expect_fault(own, &memory->words[i], COLIBRI_ACCESS_ATOMIC, error);
			gpu_new_queue(own);
			return;
		}
		gpu_wait(own);
		memory->model[i] += 2 * COLIBRI_WAVE_LANES;
	}
}

static void exec_refused(struct gpu *own, struct svm_memory *memory, const struct policy *policy)
{
	struct scalar_args args = { .addr = (uintptr_t)memory->words };

	(void)policy;
	gpu_launch(own, "jump", &args, sizeof(args), 1);
	gpu_expect_fault(own, memory->words, COLIBRI_ACCESS_EXEC, EACCES);
	gpu_new_queue(own);
}

/* By COPY packets, out of it and into it. */
static void copy_packets(struct gpu *own, struct svm_memory *memory, const struct policy *policy)
{
	uint32_t *words = (uint32_t *)own->shared->result;
	uint64_t result = gpu_shared_addr(own, result), addr = (uintptr_t)memory->words;
	union colibri_packet packet = colibri_packet_copy(result, addr, SVM_BYTES);

	(void)policy;
	memset(words, 0xee, SVM_BYTES);
	gpu_submit(own, &packet, 1);
	gpu_wait(own);
	igt_assert_eq(memcmp(words, memory->model, SVM_BYTES), 0);

	for (size_t i = 0; i < SVM_WORDS; i++)
		words[i] = memory->model[i] = ~memory->model[i];
	packet = colibri_packet_copy(addr, result, SVM_BYTES);
	gpu_submit(own, &packet, 1);
	gpu_wait(own);
}

/* By a queue that the process writes to itself. */
static void user_ring(struct gpu *own, struct svm_memory *memory, const struct policy *policy)
{
	uint64_t fence = own->fence_offset + 128, value = own->seqno + 1;
	struct ramp_args args = {
		.words = (uintptr_t)memory->words,
		.count = SVM_WORDS,
		.value = 9,
		.per_wave = SVM_WORDS / 2,
	};
	union colibri_packet packets[] = {
		colibri_packet_dispatch(gpu_kernel(own, "ramp_add"),
					gpu_put_args(own, &args, sizeof(args)),
					2 * COLIBRI_WAVE_LANES, COLIBRI_WAVE_LANES),
		colibri_packet_fence(own->fence_addr + fence, value),
	};
	struct colibri_ring ring;

	(void)policy;
	*(volatile uint64_t *)((char *)own->fence.map + fence) = 0;
	igt_assert_eq(colibri_ring_create(&own->dev, own->vm, 1, RING_PACKETS, &ring), 0);
	igt_assert_eq(colibri_ring_submit(&ring, packets, ARRAY_SIZE(packets)), 0);
	igt_assert_eq(colibri_fence_wait(&own->dev, &own->fence, fence, DRM_COLIBRI_WAIT_EQ, value,
					 ring.queue, GPU_TIMEOUT_S * NSEC_PER_SEC), 0);
	igt_assert_eq(colibri_ring_destroy(&own->dev, &ring), 0);
	add_to_model(memory, 9);
}

static const struct access {
	const char *name;
	void (*run)(struct gpu *own, struct svm_memory *memory, const struct policy *policy);
} accesses[] = {
	{ "read", read_all },
	{ "write", write_all },
	{ "atomic", atomic_each_page },
	{ "exec", exec_refused },
	{ "copy", copy_packets },
	{ "ring", user_ring },
};

struct combination {
	unsigned int kind, access, policy, shape;
};

/* The GPU's turn, the CPU looks; the CPU's turn, the GPU looks. */
static void take_turns(struct gpu *own, struct svm_memory *memory, const struct combination *c)
{
	accesses[c->access].run(own, memory, &policies[c->policy]);
	svm_memory_check(memory);
	svm_memory_change(memory);
	read_all(own, memory, &policies[c->policy]);
}

/* ---- Shapes of processes --------------------------------------------------*/

static void single(struct svm_memory *memory, const struct combination *c)
{
	take_turns(&gpu, memory, c);
	take_turns(&gpu, memory, c);
}

struct counting {
	uint64_t *word;
	uint64_t count;
	bool stop;
};

static void *count_up(void *data)
{
	struct counting *counting = data;

	while (!__atomic_load_n(&counting->stop, __ATOMIC_ACQUIRE)) {
		__atomic_fetch_add(counting->word, 1, __ATOMIC_SEQ_CST);
		counting->count++;
		cpu_pause();
	}
	return NULL;
}

/* Another thread writes to the page behind all the while. */
static void threads(struct svm_memory *memory, const struct combination *c)
{
	struct counting counting = { .word = memory->counter };
	uint64_t before = *memory->counter;
	pthread_t thread;

	igt_assert_eq(pthread_create(&thread, NULL, count_up, &counting), 0);
	take_turns(&gpu, memory, c);
	take_turns(&gpu, memory, c);
	__atomic_store_n(&counting.stop, true, __ATOMIC_RELEASE);
	igt_assert_eq(pthread_join(thread, NULL), 0);
	igt_assert_eq_u64(*memory->counter, before + counting.count);
}

/* What the child of private memory has is its own, and its model, too. */
static void own_model(struct svm_memory *memory)
{
	uint32_t *model = malloc(SVM_BYTES);

	memcpy(model, memory->model, SVM_BYTES);
	memory->model = model;
}

static void child_exits(struct svm_memory *memory, const struct combination *c)
{
	take_turns(&gpu, memory, c);
	igt_fork(child, 1) {
		if (!memory->kind->shared)
			own_model(memory);
		svm_memory_check(memory);
		svm_memory_change(memory);
		svm_memory_check(memory);
	}
	igt_waitchildren_timeout(GPU_TIMEOUT_S, "the child that exits");
	svm_memory_check(memory);
	take_turns(&gpu, memory, c);
}

/* The child lives while its parent goes on. */
static void parent_forks(struct svm_memory *memory, const struct combination *c)
{
	struct steps *steps = steps_new();

	take_turns(&gpu, memory, c);
	igt_fork(child, 1) {
		if (!memory->kind->shared)
			own_model(memory);
		steps_done(steps, 1);
		steps_wait(steps, 2);
		svm_memory_check(memory);
	}
	steps_wait(steps, 1);
	take_turns(&gpu, memory, c);
	steps_done(steps, 2);
	igt_waitchildren_timeout(GPU_TIMEOUT_S, "the child that watches");
	svm_memory_check(memory);
	munmap(steps, PAGE_SIZE);
}

/* Each with a GPU context of its own, in turn. */
static void two_processes(struct svm_memory *memory, const struct combination *c)
{
	const struct policy *policy = &policies[c->policy];
	struct steps *steps = steps_new();

	igt_fork(child, 1) {
		struct gpu own = { 0 };

		gpu_init(&own);
		advise(&own, memory, policy, policy->value);
		steps_wait(steps, 1);
		take_turns(&own, memory, c);
		steps_done(steps, 2);
		gpu_fini(&own);
	}
	take_turns(&gpu, memory, c);
	steps_done(steps, 1);
	steps_wait(steps, 2);
	svm_memory_check(memory);
	take_turns(&gpu, memory, c);
	igt_waitchildren_timeout(GPU_TIMEOUT_S, "the second process");
	munmap(steps, PAGE_SIZE);
}

/* A process that never stops, with a context of its own, until it is killed. */
static void killed(struct svm_memory *memory, const struct combination *c)
{
	const struct policy *policy = &policies[c->policy];
	struct steps *steps = steps_new();

	fork_victim() {
		struct gpu own = { 0 };

		gpu_init(&own);
		own_model(memory);
		advise(&own, memory, policy, policy->value);
		for (unsigned int round = 1; ; round++) {
			take_turns(&own, memory, c);
			steps_done(steps, round);
		}
	}
	steps_wait(steps, 2);
	kill_victim();
	/* Half of a round may be in what they share. */
	if (memory->kind->shared)
		svm_memory_change(memory);
	svm_memory_check(memory);
	take_turns(&gpu, memory, c);
	munmap(steps, PAGE_SIZE);
}

static const struct shape {
	const char *name;
	void (*run)(struct svm_memory *memory, const struct combination *c);
	bool shared_only;
} shapes[] = {
	{ "single", single, false },
	{ "threads", threads, false },
	{ "child-exits", child_exits, false },
	{ "parent-forks", parent_forks, false },
	{ "two-processes", two_processes, true },
	{ "killed", killed, false },
};

/* ---- Combinations ---------------------------------------------------------*/

/* Why there is no such thing, or NULL. */
static const char *impossible(const struct combination *c)
{
	if (shapes[c->shape].shared_only && !svm_kinds[c->kind].shared)
		return "private memory is not of two processes";
	if (accesses[c->access].run == user_ring)
		return no_ring;
	return NULL;
}

static void run_combination(const struct combination *c)
{
	const struct policy *policy = &policies[c->policy];
	uint8_t stack[SVM_SPAN] __attribute__((aligned(4096)));
	struct svm_memory memory;

	gpu_init(&gpu);
	svm_memory_make(&memory, &svm_kinds[c->kind], stack);
	advise(&gpu, &memory, policy, policy->value);
	shapes[c->shape].run(&memory, c);
	/* Stack and heap stay, and so would the advice. */
	advise(&gpu, &memory, policy, policy->usual);
	svm_memory_drop(&memory);
	gpu_fini(&gpu);
}

static void run_dynamic(const struct combination *c, const char *name)
{
	const char *reason = impossible(c);

	if (reason) {
		igt_info("%s is left out: %s\n", name, reason);
		return;
	}
	igt_dynamic(name) {
		if (victim()->running)
			igt_stop_helper(victim());
		run_combination(c);
	}
}

static void kind_and_access(unsigned int kind, unsigned int access)
{
	for (volatile unsigned int i = 0; i < ARRAY_SIZE(policies) * ARRAY_SIZE(shapes); i++) {
		const struct combination c = {
			kind, access, i / ARRAY_SIZE(shapes), i % ARRAY_SIZE(shapes),
		};
		char name[64];

		snprintf(name, sizeof(name), "%s-%s", policies[c.policy].name, shapes[c.shape].name);
		run_dynamic(&c, name);
	}
}

/* Values of all four flags, numbered one after the other. */
#define MAX_VALUES	64

static void values_of(const struct combination *c, unsigned int value[4])
{
	value[0] = c->kind;
	value[1] = num_svm_kinds + c->access;
	value[2] = num_svm_kinds + ARRAY_SIZE(accesses) + c->policy;
	value[3] = num_svm_kinds + ARRAY_SIZE(accesses) + ARRAY_SIZE(policies) + c->shape;
}

/* How many of its pairs have not met yet; with @note they have now. */
static unsigned int new_pairs(bool met[MAX_VALUES][MAX_VALUES], const struct combination *c,
			      bool note)
{
	unsigned int value[4], count = 0;

	values_of(c, value);
	for (unsigned int i = 0; i < 4; i++) {
		for (unsigned int j = 0; j < i; j++) {
			count += !met[value[i]][value[j]];
			if (note)
				met[value[i]][value[j]] = true;
		}
	}
	return count;
}

static struct combination combination(unsigned int number)
{
	struct combination c;

	c.kind = number % num_svm_kinds;
	number /= num_svm_kinds;
	c.access = number % ARRAY_SIZE(accesses);
	number /= ARRAY_SIZE(accesses);
	c.policy = number % ARRAY_SIZE(policies);
	c.shape = number / ARRAY_SIZE(policies);
	return c;
}

static void pairs(void)
{
	static bool met[MAX_VALUES][MAX_VALUES];
	const unsigned int all = num_svm_kinds * ARRAY_SIZE(accesses) * ARRAY_SIZE(policies) *
				 ARRAY_SIZE(shapes);

	for (;;) {
		struct combination best = { 0 };
		unsigned int most = 0;
		char name[96];

		for (unsigned int i = 0; i < all; i++) {
			struct combination c = combination(i);
			unsigned int count = impossible(&c) ? 0 : new_pairs(met, &c, false);

			if (count > most) {
				most = count;
				best = c;
			}
		}
		if (!most)
			return;
		new_pairs(met, &best, true);
		snprintf(name, sizeof(name), "%s-%s-%s-%s", svm_kinds[best.kind].name,
			 accesses[best.access].name, policies[best.policy].name,
			 shapes[best.shape].name);
		run_dynamic(&best, name);
	}
}

static void look_for_rings(void)
{
	struct colibri_ring ring;
	int ret;

	gpu_init(&gpu);
	ret = colibri_ring_create(&gpu.dev, gpu.vm, 1, RING_PACKETS, &ring);
	if (ret == -EINVAL) {
		no_ring = "this driver has no queues for user-mode submission";
	} else {
		igt_assert_eq(ret, 0);
		igt_assert_eq(colibri_ring_destroy(&gpu.dev, &ring), 0);
	}
	gpu_fini(&gpu);
}

igt_main()
{
	igt_fixture() {
		svm_kinds_prepare();
		look_for_rings();
	}

	igt_describe("each pair of kind, access, policy and shape meets once");
	igt_subtest_with_dynamic("pairs")
		pairs();

	for (volatile unsigned int i = 0; i < num_svm_kinds * ARRAY_SIZE(accesses); i++) {
		unsigned int kind = i / ARRAY_SIZE(accesses), access = i % ARRAY_SIZE(accesses);
		char name[64];

		snprintf(name, sizeof(name), "%s-%s", svm_kinds[kind].name, accesses[access].name);
		igt_describe("this kind and access with each policy and shape");
		igt_subtest_with_dynamic(name)
			kind_and_access(kind, access);
	}
}
