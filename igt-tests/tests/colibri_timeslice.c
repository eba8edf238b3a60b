// SPDX-License-Identifier: MIT
/*
 * Time slices: more queues with work than the hardware has.
 */
#include <inttypes.h>
#include <sys/mman.h>

#include "many_queues.h"
#include "userfault.h"

IGT_TEST_DESCRIPTION("Queues take turns on the hardware, in the middle of whatever they do");

/* More than the hardware has by far. */
#define NUM_ENDLESS	80

static struct many many;

static void short_beside_endless(struct gpu *gpu)
{
	uint32_t *words = map_anonymous(16 * KiB, PAGE_SIZE);

	many_init(&many, gpu, NUM_ENDLESS, 1);
	many_loop(&many);
	for (unsigned int i = 0; i < 5; i++) {
		gpu_ramp_write(gpu, words, 16 * KiB, i);
		igt_assert_eq_u64(cpu_ramp_errors(words, 16 * KiB, i), 0);
	}
	many_progress(&many);
	many_stop(&many);
	many_fini(&many);
}

/* Rounds that all kernels of each priority have gone. */
static void work_done(uint64_t work[3])
{
	memset(work, 0, 3 * sizeof(*work));
	for (unsigned int i = 0; i < many.count; i++)
		work[i % 3] += __atomic_load_n(&many.slots[i].counter, __ATOMIC_ACQUIRE);
}

/*
 * Priorities 0, 1 and 2 have weights of 1, 2 and 4.  The work of equal kernels is compared over
 * so many of their rounds, and turns, that where in a turn somebody looks is no matter.
 */
static void shares(struct gpu *gpu, unsigned int count, unsigned int rounds)
{
	uint64_t before[3], after[3], work[3];

	many_init(&many, gpu, count, 3);
	many_loop(&many);
	work_done(before);
	for (unsigned int i = 0; i < rounds; i++)
		many_progress(&many);
	work_done(after);
	many_stop(&many);
	for (unsigned int p = 0; p < 3; p++)
		work[p] = after[p] - before[p];
	igt_info("rounds: %" PRIu64 " %" PRIu64 " %" PRIu64 ", 1 : %.2f : %.2f\n", work[0], work[1],
		 work[2], (double)work[1] / work[0], (double)work[2] / work[0]);
	for (unsigned int p = 1; p < 3; p++) {
		igt_assert_lt_u64(work[p - 1] * 3 / 2, work[p]);
		igt_assert_lt_u64(work[p], work[p - 1] * 8 / 3);
	}
	many_fini(&many);
}

static void weights(struct gpu *gpu)
{
	shares(gpu, 3 * 18, 20);
}

static void priorities(struct gpu *gpu)
{
	shares(gpu, 3 * 42, 8);
}

static void fits(struct gpu *gpu)
{
	many_init(&many, gpu, gpu->dev.info.num_queues - 1, 3);
	many_loop(&many);
	gpu_ramp_write(gpu, map_anonymous(PAGE_SIZE, PAGE_SIZE), PAGE_SIZE, 1);
	for (unsigned int i = 0; i < many.count; i++)
		igt_assert_eq_u64(many_switches(&many, i), 0);
	many_stop(&many);
	many_fini(&many);
}

/* All that a wave has survives, and what waves of a group say to each other. */
static void state_survives(struct gpu *gpu)
{
	enum { ITEMS = 512, NUM = 80 };
	struct state_args args = { .rounds = 20000 };
	uint32_t *out = map_anonymous((NUM + 1) * ITEMS * 4, PAGE_SIZE);
	uint64_t switches = 0;

	memset(out, 0, (NUM + 1) * ITEMS * 4);
	many_init(&many, gpu, NUM, 3);
	args.out = (uintptr_t)&out[NUM * ITEMS];
	many_launch(&many, 0, "keep_state", &args, sizeof(args), ITEMS, 256, 1024);
	igt_assert_eq(many_wait(&many, 0), 0);
	for (unsigned int i = 0; i < NUM; i++) {
		args.out = (uintptr_t)&out[i * ITEMS];
		many_launch(&many, i, "keep_state", &args, sizeof(args), ITEMS, 256, 1024);
	}
	many_wait_all(&many);
	for (unsigned int i = 0; i < NUM; i++) {
		igt_assert_f(!memcmp(&out[i * ITEMS], &out[NUM * ITEMS], ITEMS * 4), "queue %u\n", i);
		switches += many_switches(&many, i);
	}
	igt_assert(out[0] && out[0] != out[1]);
	igt_info("%" PRIu64 " switches\n", switches);
	igt_assert_lt_u64(0, switches);
	many_fini(&many);
}

static void atomics(struct gpu *gpu)
{
	struct atomic_args args = { .rounds = 2000 };
	uint32_t *word;

	many_init(&many, gpu, 80, 3);
	word = (uint32_t *)gpu->shared->result;
	*word = 0;
	args.addr = gpu_shared_addr(gpu, result);
	for (unsigned int i = 0; i < many.count; i++)
		many_launch(&many, i, "atomic_add32", &args, sizeof(args), 64, 64, 0);
	many_wait_all(&many);
	igt_assert_eq_u32(*word, many.count * 64 * args.rounds);
	many_fini(&many);
}

/* Every queue faults on memory of its own, with endless kernels beside. */
static void faults(struct gpu *gpu)
{
	enum { NUM = 200, SIZE = 64 * KiB };
	char *words = map_anonymous(NUM * SIZE, PAGE_SIZE);

	many_init(&many, gpu, NUM, 3);
	gpu_loop_start(gpu, gpu_shared_addr(gpu, result));
	for (unsigned int i = 0; i < NUM; i++) {
		struct ramp_args args = {
			.words = (uintptr_t)&words[i * SIZE],
			.count = SIZE / 4,
			.value = i,
			.per_wave = SIZE / 4 / 4,
		};

		many_launch(&many, i, "ramp_write", &args, sizeof(args), 256, 64, 0);
	}
	many_wait_all(&many);
	for (unsigned int i = 0; i < NUM; i++)
		igt_assert_eq_u64(cpu_ramp_errors(&words[i * SIZE], SIZE, i), 0);
	gpu_loop_stop(gpu);
	many_fini(&many);
}

static void copies_and_waits(struct gpu *gpu)
{
	enum { NUM = 80, SIZE = 256 * KiB };
	char *from = map_anonymous(SIZE, PAGE_SIZE), *to = map_anonymous(NUM * SIZE, PAGE_SIZE);

	many_init(&many, gpu, NUM, 3);
	cpu_ramp_write(from, SIZE, 7);
	for (unsigned int i = 0; i < NUM; i++) {
		union colibri_packet packets[] = {
			colibri_packet_wait(many_field(&many, i, counter), DRM_COLIBRI_WAIT_EQ, 5),
			colibri_packet_copy((uintptr_t)&to[i * SIZE], (uintptr_t)from, SIZE),
		};

		many_submit(&many, i, packets, 2);
	}
	/* They wait, and others work. */
	gpu_ramp_write(gpu, map_anonymous(PAGE_SIZE, PAGE_SIZE), PAGE_SIZE, 1);
	for (unsigned int i = NUM; i--;)
		__atomic_store_n(&many.slots[i].counter, 5, __ATOMIC_RELEASE);
	many_wait_all(&many);
	for (unsigned int i = 0; i < NUM; i++)
		igt_assert_eq_u64(cpu_ramp_errors(&to[i * SIZE], SIZE, 7), 0);
	many_fini(&many);
}

/* Parked for ever, all of them: they are in nobody's way. */
static void parked_give_way(struct gpu *gpu)
{
	/* In blocks of their own: the faults of a block wait for each other. */
	uint8_t *page = map_anonymous(SVM_BLOCK_SIZE, SVM_BLOCK_SIZE);
	uint32_t *words = map_anonymous(SVM_BLOCK_SIZE, SVM_BLOCK_SIZE);
	int fd = userfault_open(0);

	userfault_register(fd, page, PAGE_SIZE, UFFDIO_REGISTER_MODE_MISSING);
	many_init(&many, gpu, NUM_ENDLESS, 3);
	for (unsigned int i = 0; i < many.count; i++) {
		struct scalar_args args = { .addr = (uintptr_t)page, .value = i };

		many_launch(&many, i, "scalar_write", &args, sizeof(args), 64, 64, 0);
	}
	for (unsigned int i = 0; i < 5; i++) {
		gpu_ramp_write(gpu, words, PAGE_SIZE, i);
		igt_assert_eq_u64(cpu_ramp_errors(words, PAGE_SIZE, i), 0);
	}
	close(fd);
	many_wait_all(&many);
	many_fini(&many);
}

static void destroy(struct gpu *gpu)
{
	unsigned int free_queues = count_free_queues(gpu);

	many_init(&many, gpu, NUM_ENDLESS, 3);
	many_loop(&many);
	many_fini(&many);
	igt_assert_eq_u32(count_free_queues(gpu), free_queues);
	gpu_assert_vm_lives(gpu);
}

static void killed(struct gpu *gpu)
{
	unsigned int free_queues = count_free_queues(gpu);
	struct steps *steps = steps_new();

	fork_victim() {
		struct gpu own = { 0 };

		gpu_init(&own);
		many_init(&many, &own, NUM_ENDLESS, 3);
		many_loop(&many);
		steps_done(steps, 1);
		for (;;)
			pause();
	}
	steps_wait(steps, 1);
	gpu_assert_vm_lives(gpu);
	kill_victim();
	wait_for_free_queues(gpu, free_queues);
}

static const struct gpu_test tests[] = {
	{ "fits", fits, "as long as every queue has a place, none is taken off the hardware" },
	{ "short-beside-endless", short_beside_endless, "endless kernels on all queues, and short work gets done" },
	{ "weights", weights, "each priority gets twice the time of the one below" },
	{ "priorities", priorities, "the same with more queues than the hardware has" },
	{ "state-survives", state_survives, "registers, local memory and barriers survive switches" },
	{ "atomics", atomics, "each atomic happens once" },
	{ "faults", faults, "200 queues that fault" },
	{ "copies-and-waits", copies_and_waits, "waits for memory give way, copies go on where they were" },
	{ "parked-give-way", parked_give_way, "queues whose faults nobody serves block nobody" },
	{ "destroy", destroy, "queues are destroyed, on the hardware or not" },
	{ "killed", killed, "a process with endless kernels is killed, on the hardware or not" },
};

igt_main()
{
	gpu_run_tests(tests, ARRAY_SIZE(tests), gpu_init);
}
