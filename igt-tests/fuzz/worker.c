// SPDX-License-Identifier: MIT
/*
 * A life: a process with a few threads that make sequences of calls on the same objects, and
 * an end of some kind. The main thread interrupts calls that take long.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "fuzz.h"

#define INTERRUPT_NS	20000000ull
#define LOOK_NS		5000000l

/* struct life - a thread and what it is to do */
struct life {
	struct thread thread;
	pthread_t handle;
	const struct options *options;
	struct rng rng;
	uint32_t sequences;
	uint64_t number;
	unsigned int worker;
	/* to be made again; NULL: new ones */
	struct sequence *replay;
	_Atomic bool done;
};

static __thread struct thread *current;

/* No thread maps anything before all are there: a hole of the arena could get it. */
static pthread_barrier_t all_there;

uint64_t fuzz_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000ull + now.tv_nsec;
}

static void on_interrupt(int number)
{
	(void)number;
}

/* Memory that is gone, where that can happen; anywhere else it is a fault of this program. */
static void on_fault(int number)
{
	if (current && current->guard)
		siglongjmp(*current->guard, 1);
	signal(number, SIG_DFL);
	raise(number);
}

static void set_signals(void)
{
	struct sigaction action = { .sa_handler = on_interrupt };

	sigaction(SIGUSR1, &action, NULL);
	action.sa_handler = on_fault;
	sigaction(SIGSEGV, &action, NULL);
	sigaction(SIGBUS, &action, NULL);
	/* Children need not be waited for. */
	signal(SIGCHLD, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
}

/* ---- Threads -------------------------------------------------------------*/

/* Before it is made: what comes after may be the end of the machine. */
static void log_sequence(struct life *life, uint32_t number, const struct sequence *sequence)
{
	char text[MAX_CALLS * 256];
	size_t used;

	if (life->thread.log < 0)
		return;
	used = sprintf(text, "# worker %u thread %u life %llu sequence %u\n", life->worker,
		       life->thread.index, (unsigned long long)life->number, number);
	used += sequence_print(sequence, text + used, sizeof(text) - used - 1);
	text[used++] = '\n';
	if (write(life->thread.log, text, used) < 0)
		life->thread.log = -1;
}

static void run_sequence(struct life *life, const struct sequence *sequence)
{
	struct thread *thread = &life->thread;
	unsigned int found = 0;

	for (uint32_t i = 0; i < sequence->count && !thread->shared->stop; i++) {
		if (thread->kcov)
			kcov_reset(thread->kcov);
		op_make(thread, &sequence->calls[i]);
		if (thread->kcov)
			found += kcov_collect(thread->kcov, thread->shared);
	}
	if (found)
		corpus_add(thread->shared, sequence);
}

static void *run_thread(void *data)
{
	struct life *life = data;
	struct thread *thread = &life->thread;
	struct sequence sequence;

	current = thread;
	pthread_barrier_wait(&all_there);
	if (thread->kcov && !kcov_start(thread->kcov))
		thread->kcov = NULL;
	for (uint32_t i = 0; i < life->sequences && !thread->shared->stop; i++) {
		if (life->replay)
			sequence = life->replay[i];
		else
			sequence_next(thread->shared, &life->rng, &sequence);
		log_sequence(life, i, &sequence);
		run_sequence(life, &sequence);
	}
	life->done = true;
	return NULL;
}

static bool make_scratch(struct thread *thread)
{
	thread->scratch = mmap(NULL, SCRATCH_SIZE + PAGE_SIZE, PROT_READ | PROT_WRITE,
			       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	return thread->scratch != MAP_FAILED &&
	       !mprotect(thread->scratch + SCRATCH_SIZE, PAGE_SIZE, PROT_NONE);
}

/* Two logs of each thread in turn: the last life's is there when this one has just begun. */
static int open_log(const struct life *life)
{
	char path[512];

	if (!life->options->log)
		return -1;
	snprintf(path, sizeof(path), "%s/%u-%u.%llu", life->options->log, life->worker,
		 life->thread.index, (unsigned long long)life->number % 2);
	return open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
}

static void take_replay(void *data, const struct sequence *sequence)
{
	struct life *life = data;

	life->replay = realloc(life->replay, (life->sequences + 1) * sizeof(*sequence));
	if (!life->replay)
		_exit(2);
	life->replay[life->sequences++] = *sequence;
}

/* A file for the first thread, or a folder with a file for each, as open_log() names them. */
static void load_replay(struct life *life)
{
	const char *from = life->options->replay;
	char path[512];

	life->sequences = 0;
	for (unsigned int half = 0; half < 2 && !life->sequences; half++) {
		snprintf(path, sizeof(path), "%s/%u-%u.%u", from, life->worker, life->thread.index,
			 half);
		sequences_load(path, take_replay, life);
	}
	if (!life->sequences && life->worker == 0 && life->thread.index == 0)
		sequences_load(from, take_replay, life);
}

static void start_thread(struct life *life, struct worker_state *state)
{
	struct thread *thread = &life->thread;

	thread->worker = state;
	thread->state = &state->threads[thread->index];
	thread->state->since = 0;
	thread->log = -1;
	life->sequences = 24 + rng_below(&life->rng, 104);
	if (life->options->replay)
		load_replay(life);
	else
		thread->log = open_log(life);
	if (!make_scratch(thread) || pthread_create(&life->handle, NULL, run_thread, life))
		_exit(2);
}

/* ---- The main thread -----------------------------------------------------*/

static bool threads_done(struct life *lives, unsigned int count)
{
	bool done = true;

	for (unsigned int i = 0; i < count; i++) {
		uint64_t since = lives[i].thread.state->since;

		if (lives[i].done)
			continue;
		done = false;
		if (since && fuzz_now() - since > INTERRUPT_NS)
			pthread_kill(lives[i].handle, SIGUSR1);
	}
	return done;
}

/* All of it is orderly, or in the middle of things. */
static void end(struct life *lives, unsigned int count, uint32_t how)
{
	while (!threads_done(lives, count)) {
		bool half = lives[0].done || lives[count - 1].done;

		if (half && how % 3 == 1)
			_exit(0);
		if (half && how % 3 == 2)
			raise(SIGKILL);
		nanosleep(&(struct timespec){ .tv_nsec = LOOK_NS }, NULL);
	}
	_exit(0);
}

/* Each file has a context to begin with, the first one a fenced VM. */
static void make_contexts(struct thread *thread)
{
	struct call call = { 0 };

	for (unsigned int i = 0; i < NUM_FILES; i++) {
		thread->file = &thread->process->files[i];
		call.number[NUMBER_FIELD] = i;
		op_context(thread, &call);
	}
}

static void prepare(struct process *process)
{
	int fd = open(process->node, O_RDWR | O_CLOEXEC);

	if (fd < 0 || colibri_device_init(&process->info, fd) || !memory_arena(process)) {
		fprintf(stderr, "fuzz: %s: %s\n", process->node, strerror(errno));
		_exit(2);
	}
	close(fd);
	for (unsigned int i = 0; i < NUM_FILES; i++)
		process->files[i].fd = -1;
	set_signals();
}

void worker_live(const struct options *options, struct shared *shared, struct process *process,
		 unsigned int index, uint64_t life, struct kcov **kcovs)
{
	struct life *lives = calloc(options->threads, sizeof(*lives));
	struct rng rng = { options->seed ^ (life + 1) << 32 ^ (uint64_t)index << 24 };

	if (!lives)
		_exit(2);
	prepare(process);
	pthread_barrier_init(&all_there, NULL, options->threads);
	make_contexts(&(struct thread){ .process = process });
	for (unsigned int i = 0; i < options->threads; i++) {
		lives[i] = (struct life){
			.thread = {
				.process = process,
				.shared = shared,
				.index = i,
				.kcov = kcovs[i],
			},
			.options = options,
			.rng = { rng_next(&rng) },
			.number = life,
			.worker = index,
		};
		start_thread(&lives[i], &shared->workers[index]);
	}
	end(lives, options->threads, options->replay ? 0 : rng_next(&rng));
	_exit(0);
}
