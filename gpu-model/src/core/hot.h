/* SPDX-License-Identifier: MIT */
/*
 * Access counters: which system memory the waves use a lot.
 *
 * A counter stands for 64 KiB of an address space.  Looking for it takes longer
 * than an access should, so each translation counts down by itself, and tells in
 * batches.  Translations that need not count do not pay for it: the others lack
 * what the fastest path looks for (CG_PERM_COUNTED).
 */
#ifndef CG_HOT_H
#define CG_HOT_H

#include "core_priv.h"

/** Accesses that a fresh translation counts by itself; 0: none are counted. */
uint32_t cg_hot_batch(const struct cg_core *core, bool sys);
/** Counts @n accesses to the system memory at @va. */
void cg_hot_count(struct cg_core *core, uint32_t asid, uint64_t va, uint32_t n);
/** Counts one access by way of a translation that counts; *left is its count-down. */
void cg_hot_access(struct cg_core *core, uint32_t asid, uint64_t va, uint32_t *left);

#endif /* CG_HOT_H */
