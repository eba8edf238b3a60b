/* SPDX-License-Identifier: MIT */
/*
 * The test kernels' arguments, shared by the tests and the GPU code. Each
 * kernel of kernels.c takes the structure of its name.
 */
#ifndef COLIBRI_GPU_KERNELS_H
#define COLIBRI_GPU_KERNELS_H

#include <stdint.h>

/*
 * Words in a buffer in system memory by which a running kernel and the test
 * talk: reading or writing them is never a fault.
 */
struct mailbox {
	/* GPU: how often the loop went round */
	uint64_t progress;
	uint64_t pad0[7];
	/* CPU: end the loop */
	uint64_t stop;
	uint64_t pad1[7];
};

/* ramp_write: word i = value + i. ramp_add: word i += value. A wave takes @per_wave words. */
struct ramp_args {
	uint64_t words;
	uint32_t count;
	uint32_t value;
	uint32_t per_wave;
	uint32_t pad;
	/* ramp_check: @bad[wave] = how many words i of the wave are not value + i */
	uint64_t bad;
};

/* copy_bytes: lane by lane, a wave takes 64 bytes in 32-bit accesses of any alignment. */
struct copy_args {
	uint64_t dst;
	uint64_t src;
	uint32_t count;
};

/* spread_add: lane l adds 1 to the 32-bit word at base + l * stride, @rounds times; one gather, one scatter each. */
struct spread_args {
	uint64_t base;
	uint64_t stride;
	uint32_t rounds;
};

/*
 * walk_add: adds @value to the 32-bit word at the start of each of 2^@log2_count pieces of
 * 2^@shift bytes from @base on, once. Step s is at piece rotate_left(s * @factor, @rotate),
 * in @log2_count bits; @factor is odd. Lanes take successive steps, a wave takes @per_wave.
 */
struct walk_args {
	uint64_t base;
	uint32_t log2_count;
	uint32_t shift;
	uint32_t factor;
	uint32_t rotate;
	uint32_t per_wave;
	uint32_t value;
};

/* spread_read: wave w stores 1 to entered[w], then reads the byte at base + w * stride into out[w]. */
struct spread_read_args {
	uint64_t base;
	uint64_t stride;
	uint64_t entered;
	uint64_t out;
};

/* scalar_read: *out = *addr. scalar_write: *addr = value. jump: goto addr. */
struct scalar_args {
	uint64_t addr;
	uint64_t value;
	uint64_t out;
};

/* loop_add: adds 1 to the 64-bit word at @addr, and then to the mailbox's progress, until stop. */
struct loop_args {
	uint64_t addr;
	uint64_t mail;
};

struct list_node {
	struct list_node *next;
	uint64_t value;
};

/* list_walk: adds @add to each node's value; *sum = sum of the old values, *nodes = their number. */
struct list_args {
	uint64_t head;
	uint64_t add;
	uint64_t sum;
	uint64_t nodes;
};

/*
 * atomic_add32, atomic_add64: each lane adds 1 to the word at @addr, @rounds
 * times (custom instruction). amo_add32, amo_add64: each wave does (A extension).
 * atomic_ops32: one wave, one operation after the other: ADD, SWAP, CAS, XOR, OR,
 * AND, MIN, MAX, MINU, MAXU. Lane l's data is l + 1, operation k's target word k at
 * @addr; @old[64 * k + l] = what the lane found there.
 */
struct atomic_args {
	uint64_t addr;
	uint32_t rounds;
	uint32_t pad;
	uint64_t old;
};

#define ATOMIC_OPS	10
#define CAS_EXPECTED	1000

/* item_ids: out[x + y * grid x + z * grid x * grid y] += flat index in the group + 1 */
struct ids_args {
	uint64_t out;
};

/* group_reverse: reverses each work-group's words through local memory. */
struct reverse_args {
	uint64_t words;
};

/*
 * keep_state: sixteen vector registers, local memory and the other waves of the group decide what each
 * round makes of them; out[item] = what came of @rounds rounds. For groups of 256.
 */
struct state_args {
	uint64_t out;
	uint64_t rounds;
};

/* private_sum: out[item] = sum of 0..15 + item, added up in private memory. */
struct private_args {
	uint64_t out;
};

/*
 * leave_traces: @value into @size bytes of local memory, of each lane's private memory and of the stack's
 * low half. find_traces: out[wave] = all words of these, ored. In groups of one wave.
 */
struct traces_args {
	uint64_t out;
	uint32_t size;
	uint32_t value;
};

#endif /* COLIBRI_GPU_KERNELS_H */
