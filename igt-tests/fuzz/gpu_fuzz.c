// SPDX-License-Identifier: MIT
/*
 * Fuzzes the GPU's side: what processes may have it do (packets, code, kernel descriptors, arguments), and
 * page tables. Each case is a process with an address space of its own; beside them another one
 * computes all the time, and its results have to be right.
 *
 * usage: gpu_fuzz [--seed N] [--first CASE] [--cases N] [--seconds N] [--kinds KIND,...]
 *
 * Case CASE of seed N is always the same: --first 17 --cases 1 makes one again.
 * Exit status 0; 1: a process did not end, the other one stood still or computed wrong; 77: no GPU.
 */
#include "gpu_fuzz.h"

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "gpu_program.h"
#include "kernels.h"

/* A kernel may be endless, and then there is nothing more to see. */
#define CASE_NS		(100 * NSEC_PER_MSEC)
/* Nothing takes longer unless it hangs, however busy the machine is. */
#define PATIENCE_S	120

#define NUM_ERRORS	16

/* What the processes count, in memory that they share. */
static struct {
	uint64_t victim_rounds;
	uint64_t victim_failed;
	uint64_t refused, done, unfinished, banned_otherwise;
	uint64_t banned[NUM_ERRORS];
} *shared;

static struct {
	uint64_t seed, first, cases, seconds;
	const char *kinds;
} options = { .seed = 1, .cases = UINT64_MAX, .seconds = UINT64_MAX };

static uint64_t now_s(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec;
}

static void count(uint64_t *counter)
{
	__atomic_fetch_add(counter, 1, __ATOMIC_RELAXED);
}

/* ---- A case ------------------------------------------------------------------------------*/

static bool set_up(struct fuzz *f, bool mirror, bool user_ring)
{
	uint64_t zone;

	if (colibri_device_open(&f->dev, 0))
		return false;
	zone = f->dev.info.va_zone_start;
	f->code_addr = zone;
	f->fence_addr = zone + 4 * MiB;
	f->data_addr = zone + (3ull << 48);
	if (colibri_vm_create(&f->dev, &f->vm) ||
	    (mirror && colibri_vm_mirror(&f->dev, f->vm)) ||
	    colibri_bo_create(&f->dev, FUZZ_CODE, DRM_COLIBRI_GEM_SYSTEM, 0, &f->code) ||
	    colibri_bo_create(&f->dev, PAGE_SIZE, DRM_COLIBRI_GEM_SYSTEM, DRM_COLIBRI_GEM_FENCE,
			      &f->fence) ||
	    colibri_bo_create(&f->dev, FUZZ_DATA, DRM_COLIBRI_GEM_VRAM, 0, &f->data) ||
	    colibri_vm_map(&f->dev, f->vm, &f->code, f->code_addr, DRM_COLIBRI_VM_BIND_EXEC) ||
	    colibri_vm_map(&f->dev, f->vm, &f->fence, f->fence_addr, 0) ||
	    colibri_vm_map(&f->dev, f->vm, &f->data, f->data_addr, 0))
		return false;
	gpu_program_load(f->code.map, f->code_addr);
	if (user_ring) {
		if (colibri_ring_create(&f->dev, f->vm, 1, FUZZ_RING, &f->ring))
			return false;
		f->queue = f->ring.queue;
		return true;
	}
	return !colibri_queue_create(&f->dev, f->vm, 1, FUZZ_RING, &f->queue);
}

/* The control block and the ring are the process's to write. */
static void break_ring(struct fuzz *f)
{
	volatile uint64_t *words = (volatile uint64_t *)f->ring.cb;

	switch (fuzz_below(f, 5)) {
	case 0:
		f->ring.cb->write_index = fuzz_value(f);
		break;
	case 1:
		f->ring.cb->read_index = fuzz_value(f);
		break;
	case 2:
		words[fuzz_below(f, sizeof(*f->ring.cb) / 8)] = fuzz_value(f);
		break;
	case 3:
		f->ring.packets[fuzz_below(f, FUZZ_RING)].bytes[fuzz_below(f, 64)] = fuzz_random(f);
		break;
	default:
		break;
	}
	*f->ring.doorbell = 1;
}

static int submit(struct fuzz *f)
{
	/* A case may have broken what the fence needs; then it does not come. */
	f->packets[f->count++] = colibri_packet_fence(f->fence_addr, 1);
	if (!f->ring.cb)
		return colibri_queue_submit(&f->dev, f->queue, f->packets, f->count);
	if (colibri_ring_submit(&f->ring, f->packets, f->count))
		return -1;
	if (fuzz_below(f, 2))
		break_ring(f);
	return 0;
}

static void note_end(struct fuzz *f, int ret)
{
	struct drm_colibri_queue_state state;

	if (colibri_queue_get_state(&f->dev, f->queue, &state))
		count(&shared->refused);
	else if (state.state == DRM_COLIBRI_QUEUE_BANNED)
		count(state.error < NUM_ERRORS ? &shared->banned[state.error] :
		      &shared->banned_otherwise);
	else
		count(ret ? &shared->unfinished : &shared->done);
}

static void run_case(uint64_t number, const struct fuzz_kind *kind)
{
	struct fuzz f = { .random = options.seed * 0x2545f4914f6cdd1d + number * 0x9fb21c651e98df25 };
	bool mirror = fuzz_below(&f, 4) == 0, user_ring = fuzz_below(&f, 4) == 0;
	int ret;

	if (!set_up(&f, mirror, user_ring)) {
		count(&shared->refused);
		return;
	}
	kind->make(&f);
	if (submit(&f)) {
		count(&shared->refused);
		return;
	}
	ret = colibri_fence_wait(&f.dev, &f.fence, 0, DRM_COLIBRI_WAIT_EQ, 1, f.queue, CASE_NS);
	note_end(&f, ret);
	/* All the rest goes with the process. */
}

/* ---- The other one -----------------------------------------------------------------------*/

#define VICTIM_WORDS	4096

static bool victim_round(struct fuzz *f, uint64_t round)
{
	struct ramp_args *args = (void *)((char *)f->code.map + FUZZ_CODE - PAGE_SIZE);
	volatile uint32_t *words = (uint32_t *)((char *)f->code.map + FUZZ_CODE / 2);
	union colibri_packet packets[2];

	*args = (struct ramp_args){ .words = f->code_addr + FUZZ_CODE / 2, .count = VICTIM_WORDS,
				    .value = round, .per_wave = VICTIM_WORDS / 4 };
	packets[0] = colibri_packet_dispatch(f->code_addr + gpu_program_kernel("ramp_write"),
					     f->code_addr + FUZZ_CODE - PAGE_SIZE, 256, 64);
	packets[1] = colibri_packet_fence(f->fence_addr, round);
	if (colibri_queue_submit(&f->dev, f->queue, packets, 2) ||
	    colibri_fence_wait(&f->dev, &f->fence, 0, DRM_COLIBRI_WAIT_EQ, round, f->queue,
			       PATIENCE_S * 1000 * NSEC_PER_MSEC))
		return false;
	for (unsigned int i = 0; i < VICTIM_WORDS; i++)
		if (words[i] != (uint32_t)(round + i))
			return false;
	return true;
}

static void victim(void)
{
	struct fuzz f = { .random = 1 };

	if (!set_up(&f, false, false))
		_exit(1);
	for (uint64_t round = 1; victim_round(&f, round); round++) {
		count(&shared->victim_rounds);
		usleep(5000);
	}
	count(&shared->victim_failed);
	_exit(1);
}

/* The victim computes again after what has been. */
static bool victim_goes_on(void)
{
	uint64_t before = __atomic_load_n(&shared->victim_rounds, __ATOMIC_RELAXED);
	uint64_t end = now_s() + PATIENCE_S;

	/* One may have begun before. */
	while (__atomic_load_n(&shared->victim_rounds, __ATOMIC_RELAXED) < before + 2) {
		if (__atomic_load_n(&shared->victim_failed, __ATOMIC_RELAXED) || now_s() > end)
			return false;
		usleep(1000);
	}
	return true;
}

/* ---- All of them -------------------------------------------------------------------------*/

/* Whether @pid ends in time. */
static bool reap(pid_t pid)
{
	uint64_t end = now_s() + PATIENCE_S;

	while (now_s() < end) {
		if (waitpid(pid, NULL, WNOHANG) == pid)
			return true;
		usleep(500);
	}
	return false;
}

static bool in_list(const char *list, const char *name)
{
	size_t length = strlen(name);

	for (const char *at = list; (at = strstr(at, name)); at += length)
		if ((at == list || at[-1] == ',') && (at[length] == ',' || !at[length]))
			return true;
	return false;
}

/* Of which kind case @number is: a matter of the seed, as the rest of it. */
static const struct fuzz_kind *kind_of(uint64_t number)
{
	return &fuzz_kinds[(number + options.seed) % fuzz_num_kinds];
}

static bool run_cases(uint64_t *ran)
{
	uint64_t end = options.seconds == UINT64_MAX ? UINT64_MAX : now_s() + options.seconds;

	for (uint64_t n = options.first; *ran < options.cases && now_s() < end; n++) {
		const struct fuzz_kind *kind = kind_of(n);
		pid_t pid;

		if (options.kinds && !in_list(options.kinds, kind->name))
			continue;
		++*ran;
		pid = fork();
		if (!pid) {
			run_case(n, kind);
			_exit(0);
		}
		if (reap(pid))
			continue;
		fprintf(stderr, "gpu_fuzz: case %llu of seed %llu (%s): the process does not end\n",
			(unsigned long long)n, (unsigned long long)options.seed, kind->name);
		kill(pid, SIGKILL);
		return false;
	}
	return true;
}

static void print_result(uint64_t ran)
{
	printf("%llu cases: %llu done, %llu unfinished, %llu refused, banned for", (unsigned long long)ran,
	       (unsigned long long)shared->done, (unsigned long long)shared->unfinished,
	       (unsigned long long)shared->refused);
	for (unsigned int i = 0; i < NUM_ERRORS; i++)
		if (shared->banned[i])
			printf(" %u: %llu", i, (unsigned long long)shared->banned[i]);
	printf(", otherwise: %llu; %llu rounds beside them\n",
	       (unsigned long long)shared->banned_otherwise, (unsigned long long)shared->victim_rounds);
}

static uint64_t number(const char *text)
{
	char *end;
	uint64_t value = strtoull(text, &end, 0);

	if (end != text && !*end)
		return value;
	fprintf(stderr, "gpu_fuzz: '%s' is no number\n", text);
	exit(2);
}

static void parse_options(int argc, char **argv)
{
	static const struct option long_options[] = {
		{ "seed", required_argument, NULL, 's' }, { "first", required_argument, NULL, 'f' },
		{ "cases", required_argument, NULL, 'c' }, { "seconds", required_argument, NULL, 't' },
		{ "kinds", required_argument, NULL, 'k' }, { NULL, 0, NULL, 0 },
	};
	int option;

	while ((option = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
		switch (option) {
		case 's':
			options.seed = number(optarg);
			break;
		case 'f':
			options.first = number(optarg);
			break;
		case 'c':
			options.cases = number(optarg);
			break;
		case 't':
			options.seconds = number(optarg);
			break;
		case 'k':
			options.kinds = optarg;
			break;
		default:
			exit(2);
		}
	}
	for (unsigned int i = 0; options.kinds && i < fuzz_num_kinds; i++)
		if (in_list(options.kinds, fuzz_kinds[i].name))
			return;
	if (options.kinds) {
		fprintf(stderr, "gpu_fuzz: '%s' names no kind\n", options.kinds);
		exit(2);
	}
}

int main(int argc, char **argv)
{
	const struct rlimit no_core = { 0, 0 };
	struct colibri_device dev;
	uint64_t ran = 0;
	bool ok;
	pid_t other;

	parse_options(argc, argv);
	if (colibri_device_open(&dev, 0)) {
		fprintf(stderr, "gpu_fuzz: no Colibri device\n");
		return 77;
	}
	colibri_device_close(&dev);
	if (!fuzz_have_raw_pte())
		fprintf(stderr, "gpu_fuzz: page tables need root and the module parameter raw_pte\n");
	/* Kernels write over the processes that they mirror. */
	setrlimit(RLIMIT_CORE, &no_core);
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED)
		return 1;

	other = fork();
	if (!other)
		victim();
	ok = run_cases(&ran);
	if (ok && !victim_goes_on()) {
		fprintf(stderr, "gpu_fuzz: the other process %s\n",
			shared->victim_failed ? "failed" : "stands still");
		ok = false;
	}
	kill(other, SIGKILL);
	print_result(ran);
	return reap(other) && ok ? 0 : 1;
}
