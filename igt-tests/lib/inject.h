/* SPDX-License-Identifier: MIT */
/*
 * Memory that runs short: allocations of the driver fail one by one, in calls of this thread alone.
 * Everything here fails the subtest when it goes wrong, except what is said to skip it.
 */
#ifndef COLIBRI_INJECT_H
#define COLIBRI_INJECT_H

#include "gpu_test.h"

/** struct inject - a call, and what shows whether it has done something */
struct inject {
	/** @prepare: before each time; may be NULL */
	void (*prepare)(struct gpu *gpu);
	/** @run: the call; returns 0 or a negative errno */
	int (*run)(struct gpu *gpu);
	/** @failed: it had no effect; may be NULL */
	void (*failed)(struct gpu *gpu);
	/** @worked: it had its effect, which is undone */
	void (*worked)(struct gpu *gpu);
};

/**
 * inject_require() - Choose the allocations below colibri.ko; skips where the kernel cannot do it
 * @depth: at most so many calls from where the allocation fails
 * @spared: a function of the kernel that gets what it wants, as it (7.3) is wrong without;
 *          one that it does not have spares nothing
 */
void inject_require(unsigned int depth, const char *spared);

/** inject_begin() - The @nth allocation from now on fails, of this thread */
void inject_begin(unsigned int nth);

/** inject_end() - None fails any more; returns whether one did */
bool inject_end(void);

/**
 * inject_each() - Call with the first allocation failing, then with the second, until none is left
 *
 * The call must fail with ENOMEM and no effect, or work all the same; it must work when
 * nothing fails.
 */
void inject_each(struct gpu *gpu, const struct inject *inject);

#endif /* COLIBRI_INJECT_H */
