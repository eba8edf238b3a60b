// SPDX-License-Identifier: MIT
/*
 * Coverage by KCOV: the program counters that a call reached in the modules, which alone are built
 * for it. The files are opened before privileges are dropped.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <linux/kcov.h>

#include "fuzz.h"

#define KCOV_WORDS	(64u << 10)

struct kcov {
	int fd;
	/* [0]: how many follow */
	_Atomic unsigned long *words;
};

struct kcov *kcov_open(void)
{
	struct kcov *kcov = calloc(1, sizeof(*kcov));

	if (!kcov)
		return NULL;
	kcov->fd = open("/sys/kernel/debug/kcov", O_RDWR | O_CLOEXEC);
	if (kcov->fd < 0 || ioctl(kcov->fd, KCOV_INIT_TRACE, (unsigned long)KCOV_WORDS))
		goto fail;
	kcov->words = mmap(NULL, KCOV_WORDS * sizeof(*kcov->words), PROT_READ | PROT_WRITE,
			   MAP_SHARED, kcov->fd, 0);
	if (kcov->words == MAP_FAILED)
		goto fail;
	return kcov;
fail:
	if (kcov->fd >= 0)
		close(kcov->fd);
	free(kcov);
	return NULL;
}

bool kcov_start(struct kcov *kcov)
{
	return !ioctl(kcov->fd, KCOV_ENABLE, KCOV_TRACE_PC);
}

void kcov_reset(struct kcov *kcov)
{
	kcov->words[0] = 0;
}

/* Whether @pc is new. The table never gets full: the modules are smaller. */
static bool is_new(struct shared *shared, uint32_t pc)
{
	uint32_t slot = pc * 0x9e3779b1u;

	for (unsigned int i = 0; i < SEEN_SIZE; i++, slot++) {
		uint32_t found = 0;

		if (atomic_compare_exchange_strong(&shared->seen[slot % SEEN_SIZE], &found, pc)) {
			shared->num_seen++;
			return true;
		}
		if (found == pc)
			return false;
	}
	return false;
}

unsigned int kcov_collect(struct kcov *kcov, struct shared *shared)
{
	unsigned long count = kcov->words[0];
	unsigned int found = 0;

	if (count >= KCOV_WORDS)
		count = KCOV_WORDS - 1;
	for (unsigned long i = 1; i <= count; i++)
		found += is_new(shared, (uint32_t)kcov->words[i]);
	return found;
}
