/* SPDX-License-Identifier: MIT */
/*
 * The fuzzer of the GPU's side: what its parts share.
 *
 * A case is made by the seed and its number alone, on an address space and a queue of its own.
 */
#ifndef GPU_FUZZ_H
#define GPU_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "libcolibri_drm.h"

#define KiB		1024ul
#define MiB		(1024 * KiB)
#define PAGE_SIZE	4096ul
#define NSEC_PER_MSEC	1000000ll
#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

#define FUZZ_RING	64	/* packets */
#define FUZZ_DATA	(2 * MiB)
#define FUZZ_CODE	(256 * KiB)
#define FUZZ_TABLES	16	/* of random entries */

/** struct fuzz - one case */
struct fuzz {
	uint64_t random;
	struct colibri_device dev;
	uint32_t vm;
	/** @queue: of the kernel path; 0 if @ring is in use */
	uint32_t queue;
	struct colibri_ring ring;
	/** @code: the test kernels, then a page for a descriptor and arguments; mapped executable */
	struct colibri_bo code;
	/** @fence: word 0 is 1 when all is done */
	struct colibri_bo fence;
	/** @data: mapped at @data_addr, an address whose tables nothing else uses */
	struct colibri_bo data;
	uint64_t code_addr, fence_addr, data_addr;
	/** @packets: what is to be submitted */
	union colibri_packet packets[FUZZ_RING];
	unsigned int count;
	/** @tables: see gpu_fuzz_tables.c */
	struct colibri_bo tables;
};

/** struct fuzz_kind - a kind of cases */
struct fuzz_kind {
	const char *name;
	void (*make)(struct fuzz *f);
};

extern const struct fuzz_kind fuzz_kinds[];
extern const unsigned int fuzz_num_kinds;

/** fuzz_random() - the next 64 bits */
uint64_t fuzz_random(struct fuzz *f);
/** fuzz_below() - one of 0 .. @n - 1 */
uint64_t fuzz_below(struct fuzz *f, uint64_t n);
/** fuzz_value() - one that is likely to be near a limit of something */
uint64_t fuzz_value(struct fuzz *f);
/** fuzz_address() - one that somebody may have something at, more often than not */
uint64_t fuzz_address(struct fuzz *f);
/** fuzz_push() - Submit this, too */
void fuzz_push(struct fuzz *f, union colibri_packet packet);
/** fuzz_dispatch() - Run the test kernel @name on random arguments */
void fuzz_dispatch(struct fuzz *f, const char *name);
/** fuzz_dispatch_any() - Run one of them */
void fuzz_dispatch_any(struct fuzz *f);

/** fuzz_make_tables() - Random page tables around @data_addr, and work that goes there */
void fuzz_make_tables(struct fuzz *f);
/** fuzz_have_raw_pte() - Whether the driver lets us */
bool fuzz_have_raw_pte(void);

#endif /* GPU_FUZZ_H */
