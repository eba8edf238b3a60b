/* SPDX-License-Identifier: MIT */
/*
 * Atomics on system memory without PCIe AtomicOps.
 *
 * The device's atomics come one after the other, but the bus only carries a
 * read and, later, a write: what the CPU writes in between is lost.
 */
#ifndef CG_SPLIT_H
#define CG_SPLIT_H

#include <stdint.h>

/** A word that one atomic operation works on. */
struct cg_split {
   uint8_t *host;          /**< the word in memory */
   unsigned size;          /**< 4 or 8 bytes */
   uint64_t before;        /**< what was read */
   uint64_t word;          /**< the device's copy */
};

/** Reads the word, and keeps other atomics off it. @return the copy to operate on */
void *cg_split_begin(struct cg_split *s, uint8_t *host, unsigned size);
/** Writes it back if the operation changed it. */
void cg_split_end(struct cg_split *s);

#endif /* CG_SPLIT_H */
