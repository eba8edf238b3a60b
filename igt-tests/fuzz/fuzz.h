/* SPDX-License-Identifier: MIT */
/*
 * The fuzzer of the uAPI: what its parts share.
 *
 * A call is an operation and a few random numbers. What the numbers stand for - a handle of the pool, a
 * flag, an address - is decided when the call is made, from the table in uapi.c and the
 * objects that there are then. So a sequence of calls can be written down, changed and made
 * again, and makes sense in any process.
 *
 *   main.c      starts and watches the worker processes, counts
 *   worker.c    a life: the threads of a process
 *   sequence.c  makes and changes sequences, keeps those that reach new code
 *   uapi.c      the table of the ioctls and their fields
 *   value.c     numbers to values: handles, sizes, addresses, arrays; good ones and bad ones
 *   packets.c   what is submitted to the GPU
 *   memory.c    operations beside the ioctls: memory
 *   files.c     operations beside the ioctls: files, processes, whole contexts
 *   kcov.c      coverage
 */
#ifndef COLIBRI_FUZZ_H
#define COLIBRI_FUZZ_H

#include <setjmp.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "libcolibri_drm.h"

#define ARRAY_SIZE(array)	(sizeof(array) / sizeof((array)[0]))
#define PAGE_SIZE		4096ul

/* ---- Calls ---------------------------------------------------------------*/

#define MAX_FIELDS	14
#define NUM_NUMBERS	(3 + MAX_FIELDS)
#define MAX_CALLS	12	/* of a sequence */

/**
 * struct call - one call: an operation and numbers
 */
struct call {
	uint16_t op;	/**< index into fuzz_ops */
	uint32_t number[NUM_NUMBERS];
};

/* What the first numbers are; the others are those of the fields, in their order. */
#define NUMBER_FILE	0	/* on which file */
#define NUMBER_BAD	1	/* bit n: field n gets a bad value */
#define NUMBER_SEED	2	/* of what fields point to */
#define NUMBER_FIELD	3

/** struct sequence - calls that one thread makes one after the other */
struct sequence {
	uint32_t count;
	struct call calls[MAX_CALLS];
};

struct rng {
	uint64_t state;
};

uint64_t rng_next(struct rng *rng);
/** rng_below() - 0 .. @limit - 1 */
uint32_t rng_below(struct rng *rng, uint32_t limit);

/* ---- Objects -------------------------------------------------------------*/

/** enum kind - what a field is, or which pool an object is in */
enum kind {
	KIND_NONE,
	/* pools of a file */
	KIND_BO,
	KIND_VM,
	KIND_QUEUE,
	KIND_GROUP,
	KIND_SYNCOBJ,
	KIND_MMAP_OFFSET,	/* in pages */
	KIND_FENCE,		/* buffers with fences, which are in KIND_BO, too */
	NUM_FILE_POOLS,
	/* pools of the process */
	KIND_FD = NUM_FILE_POOLS,
	NUM_KINDS,
	/* plain values */
	KIND_ZERO = NUM_KINDS,	/* padding, unknown flags */
	KIND_OUT,		/* what the kernel sets */
	KIND_ENUM,		/* 0 .. @max */
	KIND_FLAGS,		/* bits of @max */
	KIND_COUNT,		/* @min .. @max, of an array */
	KIND_SYNC_COUNT,	/* the same, but often none */
	KIND_SIZE,		/* bytes, whole pages */
	KIND_RANGE,		/* the same, few, or none when @max is 1 */
	KIND_OFFSET,		/* bytes, multiple of 8 */
	KIND_RING_PACKETS,
	KIND_ZONE_ADDR,		/* of bindings */
	KIND_BIND_ADDR,		/* of bindings, or mirrored */
	KIND_USER_ADDR,		/* of the process's memory */
	KIND_TIMEOUT,		/* absolute */
	KIND_POINT,		/* of a timeline */
	KIND_ANY,
	/* pointers */
	KIND_BUFFER,		/* to be written to */
	KIND_STRING,
	KIND_SYNCS,
	KIND_PACKETS,
	KIND_EXEC_ITEMS,
	KIND_HANDLES,		/* of syncobjs */
	KIND_POINTS,
};

#define POOL_SIZE	16

/** struct pool - handles, of live objects and of some that are gone */
struct pool {
	_Atomic uint64_t item[POOL_SIZE];
	_Atomic uint32_t next;
};

void pool_add(struct pool *pool, uint64_t item);
/** pool_pick() - One of them by @number, the first one more often; 0: none */
uint64_t pool_pick(const struct pool *pool, uint32_t number);
void pool_remove(struct pool *pool, uint64_t item);
void pool_clear(struct pool *pool);

#define NUM_FILES	3	/* of a process */
#define NUM_MAPPINGS	16
#define ARENA_SIZE	(8ul << 20)
#define SCRATCH_SIZE	(64ul << 10)

/** struct file - an open render node and what belongs to it */
struct file {
	_Atomic int fd;
	struct pool pools[NUM_FILE_POOLS];
};

/**
 * struct mapping - of a buffer, a ring or a doorbell
 *
 * Address and size are one word, as threads replace it at any time: the pages are in the low bits.
 */
struct mapping {
	_Atomic uintptr_t word;
};

static inline uint8_t *mapping_addr(uintptr_t word)
{
	return (uint8_t *)(word & ~(PAGE_SIZE - 1));
}

static inline size_t mapping_size(uintptr_t word)
{
	return word % PAGE_SIZE * PAGE_SIZE;
}

/** struct process - what the threads of a worker share */
struct process {
	const char *node;
	int send;		/**< files to other workers, and */
	int receive;		/**< from them */
	struct file files[NUM_FILES];
	struct pool fds;	/**< duplicates, dma-bufs, sync files */
	struct mapping mappings[NUM_MAPPINGS];
	_Atomic uint32_t next_mapping;
	uint8_t *arena;		/**< memory that operations play with */
	_Atomic int arena_use;	/**< see memory.c */
	struct colibri_device info;
};

/* ---- Counting ------------------------------------------------------------*/

#define NUM_ERRNOS	135	/* ... and one for anything else */
#define MAX_OPS		96
#define MAX_WORKERS	16
#define MAX_THREADS	4
#define SEEN_SIZE	(1u << 17)	/* a power of two */
#define CORPUS_SIZE	4096

/** struct thread_state - what the watcher knows of a thread */
struct thread_state {
	_Atomic uint64_t since;	/**< when its call began, in ns; 0: it is in none */
	_Atomic uint32_t op;
};

/** struct worker_state - what main knows of a worker */
struct worker_state {
	_Atomic uint64_t calls;
	struct thread_state threads[MAX_THREADS];
};

/** struct corpus_slot - a sequence that reached new code */
struct corpus_slot {
	_Atomic bool ready;
	struct sequence sequence;
};

/** struct shared - memory that all processes share; nothing in it is locked, so any may die */
struct shared {
	_Atomic bool stop;
	_Atomic uint64_t calls;
	_Atomic uint64_t lives;
	_Atomic uint64_t results[MAX_OPS][NUM_ERRNOS + 1];
	_Atomic uint64_t time[MAX_OPS];	/**< ns */
	struct worker_state workers[MAX_WORKERS];
	_Atomic uint32_t seen[SEEN_SIZE];	/**< program counters, hashed */
	_Atomic uint32_t num_seen;
	_Atomic uint32_t corpus_next;
	struct corpus_slot corpus[CORPUS_SIZE];
};

/** struct options - the command line */
struct options {
	uint64_t seed;
	uint64_t calls;
	unsigned int workers;
	unsigned int threads;
	unsigned int slow;	/**< how many times longer things may take */
	const char *log;	/**< folder for the last sequences, NULL: none */
	const char *replay;	/**< file to make again, NULL: none */
	const char *corpus;	/**< file to read at the start and write at the end, NULL: none */
	unsigned int repeat;
};

/** struct thread - one thread of a worker */
struct thread {
	struct process *process;
	struct shared *shared;
	struct worker_state *worker;
	struct thread_state *state;
	struct file *file;	/**< of the call */
	struct rng rng;		/**< of what the call's fields point to */
	uint8_t *scratch;	/**< SCRATCH_SIZE bytes, then nothing is mapped */
	size_t scratch_used;
	unsigned int index;
	int log;		/**< file, or -1 */
	uint32_t sequences;
	struct kcov *kcov;	/**< NULL: no coverage */
	sigjmp_buf *volatile guard;	/**< where SIGSEGV and SIGBUS go; NULL: nowhere */
};

/* ---- Operations ----------------------------------------------------------*/

/** struct field - a field of an ioctl's structure */
struct field {
	const char *name;
	uint16_t offset;
	uint16_t size;
	enum kind kind;
	uint64_t max;		/**< see @kind */
	uint64_t min;
	uint16_t count_offset;	/**< arrays: where the count is */
	uint16_t element;	/**< KIND_BUFFER: bytes for each of what is counted, shifted right by @shift */
	uint8_t shift;
	uint32_t limit;		/**< KIND_COUNT: no value is above; 0: any may be */
};

/** struct op - an operation of the table */
struct op {
	const char *name;
	unsigned long request;	/**< of an ioctl, else 0 */
	const struct field *fields;
	unsigned int num_fields;
	/** @run: other operations: returns 0 or a negative errno */
	int (*run)(struct thread *thread, const struct call *call);
	unsigned int weight;	/**< how often, among the others */
	enum kind makes;	/**< the object that it makes */
	uint16_t makes_at;
	enum kind ends;		/**< the object that it ends */
	uint16_t ends_at;
	bool on_fd;		/**< on a file of the pool, not on the render node */
};

extern const struct op fuzz_ops[];
extern const unsigned int fuzz_num_ops;

/** op_make() - Make a call; returns 0 or a negative errno */
int op_make(struct thread *thread, const struct call *call);

/** value_field() - Write a field, @number says which value, @bad whether it may be a wrong one */
void value_field(struct thread *thread, void *args, const struct field *field, uint32_t number,
		 bool bad);
/** value_bad() - A value that is wrong for nearly everything */
uint64_t value_bad(struct thread *thread, uint32_t number, uint64_t good);
/** value_user_addr() - A page of the arena */
uint64_t value_user_addr(struct thread *thread, uint32_t number);

/** packets_fill() - Packets for a queue, most of them valid */
void packets_fill(struct thread *thread, union colibri_packet *packets, uint32_t count);

/* Where a context (op_context()) has its buffers, from the start of the zone. */
#define CONTEXT_CODE	0ul
#define CONTEXT_SHARED	(1ul << 20)
#define CONTEXT_FENCE	(2ul << 20)
#define CONTEXT_FREE	(4ul << 20)
#define CONTEXT_SHARED_SIZE	(64ul << 10)

/** mapping_keep() - Remember a mapping, in place of another one */
void mapping_keep(struct process *process, volatile void *addr, size_t size);

/** guarded_copy() - memcpy() that survives missing memory; returns whether it did it all */
bool guarded_copy(struct thread *thread, void *dst, const void *src, size_t size);

/* memory.c */
int op_mmap(struct thread *thread, const struct call *call);
int op_mmap_raw(struct thread *thread, const struct call *call);
int op_munmap(struct thread *thread, const struct call *call);
int op_touch_mapping(struct thread *thread, const struct call *call);
int op_touch(struct thread *thread, const struct call *call);
int op_madvise(struct thread *thread, const struct call *call);
int op_arena_hole(struct thread *thread, const struct call *call);
int op_mprotect(struct thread *thread, const struct call *call);
int op_mremap(struct thread *thread, const struct call *call);
/** memory_arena() - Map the arena anew; false: no memory */
bool memory_arena(struct process *process);

/* files.c */
int op_context(struct thread *thread, const struct call *call);
int op_close(struct thread *thread, const struct call *call);
int op_dup(struct thread *thread, const struct call *call);
int op_close_fd(struct thread *thread, const struct call *call);
int op_send(struct thread *thread, const struct call *call);
int op_receive(struct thread *thread, const struct call *call);
int op_fork(struct thread *thread, const struct call *call);
int op_look(struct thread *thread, const struct call *call);
int op_raw_ioctl(struct thread *thread, const struct call *call);
int op_ring(struct thread *thread, const struct call *call);

/* ---- Sequences -----------------------------------------------------------*/

/** sequence_next() - A new one, or one of the corpus, changed */
void sequence_next(struct shared *shared, struct rng *rng, struct sequence *sequence);
/** sequence_print() - As text, a line for each call; returns its length */
size_t sequence_print(const struct sequence *sequence, char *text, size_t size);
/** sequence_parse() - A call from a line; false: it is none */
bool sequence_parse(const char *line, struct call *call);
/** sequence_random_call() - A call that nothing is known about */
void sequence_random_call(struct rng *rng, struct call *call);
/** sequences_load() - Those of a file, in which an empty line ends each; false: cannot be read */
bool sequences_load(const char *path, void (*take)(void *data, const struct sequence *sequence),
		    void *data);
void corpus_add(struct shared *shared, const struct sequence *sequence);
bool corpus_load(struct shared *shared, const char *path);
bool corpus_save(const struct shared *shared, const char *path);

/* ---- Coverage ------------------------------------------------------------*/

/** kcov_open() - To be called while privileged; NULL: this kernel has none */
struct kcov *kcov_open(void);
/** kcov_start() - Count what the calling thread does */
bool kcov_start(struct kcov *kcov);
void kcov_reset(struct kcov *kcov);
/** kcov_collect() - Remember what was reached since kcov_reset(); returns how much of it was new */
unsigned int kcov_collect(struct kcov *kcov, struct shared *shared);

/* ---- Workers -------------------------------------------------------------*/

/**
 * worker_live() - What a worker process does; it does not return
 *
 * @kcovs has one for each thread, or NULLs.
 */
void worker_live(const struct options *options, struct shared *shared, struct process *process,
		 unsigned int index, uint64_t life, struct kcov **kcovs)
	__attribute__((noreturn));

/** fuzz_now() - CLOCK_MONOTONIC in ns */
uint64_t fuzz_now(void);

#endif /* COLIBRI_FUZZ_H */
