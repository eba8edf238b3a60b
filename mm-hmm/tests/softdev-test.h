/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the tests on the software device are written with: checks that do not
 * end the test, the device's ioctls as functions, patterns in memory.
 */
#ifndef _SOFTDEV_TEST_H
#define _SOFTDEV_TEST_H

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "softdev.h"

#define PAGE 4096UL
#define MB (1UL << 20)
#define BLOCK (2 * MB)
#define BLOCK_PAGES (BLOCK / PAGE)
#define BLOCK_WORDS (BLOCK / 8)

extern int dev;
extern const char *failure;
extern int failure_line;
/* Why a test did nothing. */
extern const char *skipped;
/* The kernel lets memory move to the device (CONFIG_DEVICE_PRIVATE). */
extern bool migrates;

void stress(void);

/* softdev-coherent.c; 0 if all of them pass */
int coherent_tests(void);

/* softdev-large.c */
void large_both_ways(void);
void large_untouched(void);
void large_first_touch(void);
void large_zero_page(void);
void large_unwanted(void);
void large_refused_to_device(void);
void large_refused_to_cpu(void);
void large_refused_to_system(void);
void large_unmapped_in_part(void);
void large_discarded_in_part(void);
void large_protected_in_part(void);
void large_forked(void);
void large_shared_refused(void);
void large_moved(void);
void large_oversubscribed(void);
void large_eviction_refused(void);
int stays(void);
/* What core mm can do: large folios are device-private since 7.x. */
bool has_large_folios(void);
/* Whole blocks that may be huge pages, in a mapping of their own. */
void *map_large(size_t size, void **whole);
void unmap_large(void *whole, size_t size);
/* One huge page with pattern @value, on the device if @on_dev. */
uint64_t *one_page(void **whole, uint64_t value, bool on_dev);

/* softdev-race.c */
void race_split_in_fault(void);
void race_discarded_in_fault(void);
void race_discarded_in_eviction(void);
void race_discarded_in_prefetch(void);
void race_child_exits_in_fault(void);
void race_child_exits_in_eviction(void);
void race_fault_of_child(void);
void race_only_child_left(void);

/* softdev-run.c */
void run_of_all_kinds(void);
void run_with_gaps(void);
void run_copy_fails(void);
void run_large_refused(void);
void run_oversubscribed(void);
void run_contended(void);

/* softdev-faults.c */
void faults(void);

/* softdev-map.c */
void entry_huge(void);
void entry_hugetlb(void);
void entry_shmem(void);
void entry_device(void);
void entry_in_part(void);
void entry_upgrade(void);
void entry_upgrade_in_part(void);
void pages_of_kinds(void);
void pages_bad(void);
void exclusive(void);
void exclusive_and_fork(void);
void exclusive_and_changes(void);
void exclusive_shared_memory(void);
void exclusive_contended(void);
void given_up_and_written(void);

/* softdev-copy.c */
void copy_shared(void);
void copy_child_gone(void);
void copy_huge(void);
void copy_merged(void);
void copy_not_exclusive(void);
void copy_fails(void);
void copy_evicted(void);
void copy_contended(void);

/* softdev-policy.c */
void advice_bad(void);
void advice_of_ranges(void);
void advice_is_forgotten(void);
void advice_of_everything(void);
void advice_is_limited(void);
void advice_preferred(void);
void advice_window(void);
void advice_ahead(void);
void advice_atomic_none(void);
void advice_atomic_device(void);
void advice_read_mostly(void);
void advice_atomic_in_part(void);
void holes_stay(void);
void promoted(void);
void thrash_with_cpu(void);
void thrash_by_eviction(void);
void thrash_among_others(void);

/* softdev-wait.c */
void stalled_owner_killed(void);
void stalled_two_mirrors(void);
void stalled_interrupted(void);
void stalled_closed(void);
void stalled_fuse(void);
void stalled_fuse_taken(void);

/* softdev-fuse.c */
bool fuse_start(void);
void fuse_kill(void);
void fuse_stop(void);
char *fuse_map(bool single);

#define CHECK(cond) do {						\
	if (!(cond) && !failure) {					\
		failure = #cond;					\
		failure_line = __LINE__;				\
	}								\
} while (0)

/* Returns 0 or an errno. */
static inline int access_dev(int op, void *addr, uint64_t stride, uint64_t count, uint64_t value)
{
	struct softdev_access a = {
		.addr = (uintptr_t)addr,
		.stride = stride,
		.count = count,
		.value = value,
		.op = op,
	};

	return ioctl(dev, SOFTDEV_IOC_ACCESS, &a) ? errno : 0;
}

static inline int dev_write(void *addr, uint64_t stride, uint64_t count, uint64_t value)
{
	return access_dev(SOFTDEV_WRITE, addr, stride, count, value);
}

static inline int dev_check(void *addr, uint64_t stride, uint64_t count, uint64_t value)
{
	return access_dev(SOFTDEV_CHECK, addr, stride, count, value);
}

static inline int dev_add(void *addr, uint64_t stride, uint64_t count, uint64_t value)
{
	return access_dev(SOFTDEV_ADD, addr, stride, count, value);
}

static inline int dev_prefetch(void *addr, uint64_t size, bool to_device)
{
	struct softdev_range r = {
		.start = (uintptr_t)addr,
		.end = (uintptr_t)addr + size,
		.to_device = to_device,
	};

	return ioctl(dev, SOFTDEV_IOC_PREFETCH, &r) ? errno : 0;
}

static inline int dev_advise(void *addr, uint64_t size, enum softdev_advice advice, uint32_t value)
{
	struct softdev_advise a = {
		.start = (uintptr_t)addr,
		.end = (uintptr_t)addr + size,
		.advice = advice,
		.value = value,
	};

	return ioctl(dev, SOFTDEV_IOC_ADVISE, &a) ? errno : 0;
}

static inline int dev_promote(void *addr, uint64_t size)
{
	struct softdev_promote p = { .addr = (uintptr_t)addr, .size = size };

	return ioctl(dev, SOFTDEV_IOC_PROMOTE, &p) ? errno : 0;
}

static inline unsigned int query(void *addr)
{
	struct softdev_query q = { .addr = (uintptr_t)addr };

	CHECK(!ioctl(dev, SOFTDEV_IOC_QUERY, &q));
	return q.flags;
}

/* Whether the device has it mapped where a migration on first touch takes it. */
static inline bool has_migrated(void *addr)
{
	unsigned int flags = query(addr);

	return (flags & SOFTDEV_PRESENT) && !(flags & SOFTDEV_IN_DEVMEM) == !migrates;
}

static inline struct softdev_stats stats(void)
{
	struct softdev_stats s = {};

	CHECK(!ioctl(dev, SOFTDEV_IOC_STATS, &s));
	return s;
}

static inline void fail_copies(uint32_t n)
{
	CHECK(!ioctl(dev, SOFTDEV_IOC_FAIL_COPY, &n));
}

/* The next large page is not to be had, wherever it is needed. */
static inline void fail_large_page(void)
{
	CHECK(!ioctl(dev, SOFTDEV_IOC_FAIL_LARGE));
}

static inline bool cpu_check(volatile uint64_t *p, uint64_t stride, uint64_t count, uint64_t value)
{
	for (uint64_t i = 0; i < count; i++)
		if (p[i * stride / 8] != value + i)
			return false;
	return true;
}

static inline void cpu_write(volatile uint64_t *p, uint64_t stride, uint64_t count, uint64_t value)
{
	for (uint64_t i = 0; i < count; i++)
		p[i * stride / 8] = value + i;
}

static inline void *map_anon(size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	CHECK(p != MAP_FAILED);
	madvise(p, size, MADV_NOHUGEPAGE);
	return p;
}

/* @size bytes at a block boundary, from a mapping of *@whole, to be unmapped as such */
static inline void *map_aligned(size_t size, void **whole)
{
	*whole = mmap(NULL, size + BLOCK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
		      -1, 0);
	CHECK(*whole != MAP_FAILED);
	return (void *)(((uintptr_t)*whole + BLOCK - 1) & ~(BLOCK - 1));
}

static inline int wait_child(pid_t pid)
{
	int status;

	CHECK(waitpid(pid, &status, 0) == pid);
	return status;
}

#endif /* _SOFTDEV_TEST_H */
