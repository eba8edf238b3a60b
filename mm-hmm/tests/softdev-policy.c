// SPDX-License-Identifier: GPL-2.0
/*
 * What advice does, and what the policies do without: where memory is
 * afterwards, and what the statistics say.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "softdev-test.h"

/* Whole of the address space, and more. */
#define EVERYTHING (~0UL & ~(PAGE - 1))

/* The device has the page at @p in the memory that it has if memory moves at all. */
static bool on_device(void *p)
{
	return (query(p) & (SOFTDEV_PRESENT | SOFTDEV_IN_DEVMEM)) ==
	       (migrates ? SOFTDEV_PRESENT | SOFTDEV_IN_DEVMEM : SOFTDEV_PRESENT);
}

static bool in_place(void *p)
{
	return (query(p) & (SOFTDEV_PRESENT | SOFTDEV_IN_DEVMEM)) == SOFTDEV_PRESENT;
}

static char *map_blocks(size_t n, void **whole)
{
	char *p = map_aligned(n * BLOCK, whole);

	madvise(*whole, (n + 1) * BLOCK, MADV_NOHUGEPAGE);
	return p;
}

void advice_bad(void)
{
	char *p = map_anon(MB);

	CHECK(dev_advise(p + 1, PAGE, SOFTDEV_TOUCH, 1) == EINVAL);
	CHECK(dev_advise(p, PAGE + 1, SOFTDEV_TOUCH, 1) == EINVAL);
	CHECK(dev_advise(p, 0, SOFTDEV_TOUCH, 1) == EINVAL);
	CHECK(dev_advise(p, -PAGE, SOFTDEV_TOUCH, 1) == EINVAL);
	CHECK(dev_advise(p, 1UL << 60, SOFTDEV_TOUCH, 1) == EINVAL);
	CHECK(dev_advise(p, PAGE, SOFTDEV_NR_ADVICE, 1) == EINVAL);
	CHECK(dev_advise(p, PAGE, -1, 1) == EINVAL);
	for (int advice = 0; advice < SOFTDEV_NR_ADVICE; advice++)
		CHECK(dev_advise(p, PAGE, advice, advice == SOFTDEV_PREFETCH ? 10 : 3) == EINVAL);
	/* Nothing of that has changed anything. */
	CHECK(!dev_write(p, 8, MB / 8, 1));
	CHECK(on_device(p));
	munmap(p, MB);
}

/* Page by page, each with advice of its own, and pieces merged and cut. */
void advice_of_ranges(void)
{
	void *whole;
	char *p = map_blocks(2, &whole);

	CHECK(!dev_advise(p + MB, 2 * MB, SOFTDEV_TOUCH, SOFTDEV_TOUCH_REMOTE));
	CHECK(!dev_advise(p + 2 * MB, PAGE, SOFTDEV_TOUCH, 0));
	CHECK(!dev_advise(p + PAGE, PAGE, SOFTDEV_TOUCH, SOFTDEV_TOUCH_REMOTE));
	CHECK(!dev_advise(p + MB + PAGE, PAGE, SOFTDEV_THRASH, 0));
	CHECK(!dev_advise(p + MB + PAGE, PAGE, SOFTDEV_THRASH, 1));
	CHECK(!dev_write(p, 512, 4 * MB / 512, 1));
	for (size_t i = 0; i < 4 * MB; i += PAGE) {
		bool remote = (i >= MB && i < 3 * MB && i != 2 * MB) || i == PAGE;

		CHECK(remote ? in_place(p + i) : on_device(p + i));
	}
	CHECK(stats().pages_remote == 512);
	CHECK(cpu_check((void *)p, 512, 4 * MB / 512, 1));
	munmap(whole, 3 * BLOCK);
}

/* munmap() forgets, mremap() leaves advice behind for nobody. */
void advice_is_forgotten(void)
{
	void *whole;
	char *p = map_blocks(2, &whole), *q;

	CHECK(!dev_advise(p, 4 * MB, SOFTDEV_TOUCH, SOFTDEV_TOUCH_REMOTE));
	CHECK(mmap(p + MB, PAGE, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == p + MB);
	CHECK(!dev_write(p, 512, 4 * MB / 512, 1));
	for (size_t i = 0; i < 4 * MB; i += PAGE)
		CHECK(i == MB ? on_device(p + i) : in_place(p + i));

	q = mmap(NULL, BLOCK, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CHECK(mremap(p, MB, MB, MREMAP_MAYMOVE | MREMAP_FIXED, q) == q);
	CHECK(mmap(p, MB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED,
		   -1, 0) == p);
	CHECK(!dev_write(p, 512, 2 * MB / 512, 1));
	CHECK(on_device(p));
	CHECK(in_place(p + MB + PAGE));
	CHECK(!dev_write(q, 512, MB / 512, 1));
	CHECK(on_device(q));
	munmap(q, BLOCK);
	munmap(whole, 3 * BLOCK);
}

/* The last word counts. */
void advice_of_everything(void)
{
	void *whole;
	char *p = map_blocks(1, &whole);

	CHECK(!dev_advise(p, MB, SOFTDEV_PREFETCH, 0));
	CHECK(!dev_advise(p, 4 * PAGE, SOFTDEV_TOUCH, 0));
	CHECK(!dev_advise(NULL, EVERYTHING, SOFTDEV_TOUCH, SOFTDEV_TOUCH_REMOTE));
	CHECK(!dev_advise(p + PAGE, PAGE, SOFTDEV_TOUCH, 0));
	CHECK(!dev_write(p, PAGE, 4, 1));
	CHECK(in_place(p) && on_device(p + PAGE) && in_place(p + 2 * PAGE));
	/* The other advice of the range has stayed. */
	CHECK(!query(p + 4 * PAGE));
	CHECK(!dev_advise(NULL, EVERYTHING, SOFTDEV_TOUCH, 0));
	CHECK(!dev_write(p + MB, 512, MB / 512, 1));
	CHECK(on_device(p + MB));
	munmap(whole, 2 * BLOCK);
}

/* A program cannot take the kernel's memory by it, and can give it back. */
void advice_is_limited(void)
{
	char *p = mmap(NULL, 1UL << 30, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
		       -1, 0);
	size_t n = 0;

	CHECK(p != MAP_FAILED);
	while (n < 100000 && !dev_advise(p + 2 * n * PAGE, PAGE, SOFTDEV_THRASH, 0))
		n++;
	CHECK(n == 65536);
	CHECK(errno == ENOMEM);
	CHECK(!dev_advise(NULL, EVERYTHING, SOFTDEV_THRASH, 1));
	CHECK(!dev_advise(p, PAGE, SOFTDEV_THRASH, 0));
	munmap(p, 1UL << 30);
}

void advice_preferred(void)
{
	char *p = map_anon(MB), *q = map_anon(MB);

	CHECK(!dev_advise(p, MB, SOFTDEV_PREFERRED, SOFTDEV_LOC_SYSTEM));
	CHECK(!dev_advise(q, MB, SOFTDEV_PREFERRED, SOFTDEV_LOC_DEVICE));
	/* To and fro, by a program that knows what it is doing. */
	for (int i = 0; i < 20; i++) {
		CHECK(!dev_write(p, 512, MB / 512, i));
		CHECK(!dev_write(q, 512, MB / 512, i));
		CHECK(in_place(p) && on_device(q));
		CHECK(cpu_check((void *)p, 512, MB / 512, i));
		CHECK(cpu_check((void *)q, 512, MB / 512, i));
	}
	CHECK(!stats().thrash_pins);
	CHECK(stats().pages_remote >= MB / PAGE);
	/* Access counters do not overrule it. */
	CHECK(!dev_promote(p, MB));
	CHECK(!dev_check(p, 8, 1, 19));
	CHECK(in_place(p));
	munmap(p, MB);
	munmap(q, MB);
}

void advice_window(void)
{
	void *whole;
	char *p = map_blocks(2, &whole);

	CHECK(!dev_advise(p, BLOCK, SOFTDEV_PREFETCH, 0));
	CHECK(!dev_write(p, 512, BLOCK / 512, 1));
	CHECK(stats().faults == BLOCK / PAGE);
	CHECK(!stats().pages_prefetched);
	CHECK(!dev_advise(p + BLOCK, BLOCK, SOFTDEV_PREFETCH, 5));
	CHECK(!dev_write(p + BLOCK, 512, BLOCK / 512, 1));
	CHECK(stats().faults == BLOCK / PAGE + 32);
	CHECK(stats().pages_prefetched + stats().faults == 2 * BLOCK / PAGE);
	munmap(whole, 3 * BLOCK);
}

/* A page in 64 KiB is used, by both; then the device wants what lies between. */
void holes_stay(void)
{
	const size_t step = 16 * PAGE, used = 4 * BLOCK / step;
	void *whole;
	char *p = map_blocks(4, &whole);

	for (size_t i = 0; i < used; i++)
		*(uint64_t *)(p + i * step) = i;
	for (size_t i = 0; i < used; i++)
		CHECK(!dev_add(p + i * step, 8, 1, 1));
	for (size_t i = 0; i < used; i++)
		CHECK(on_device(p + i * step) && !query(p + i * step + PAGE));
	CHECK(stats().pages_to_dev == used);
	/* Three for the first block. */
	CHECK(stats().faults == 3 + 3);

	CHECK(!dev_check(p + 5 * PAGE, 8, 1, 0));
	CHECK(on_device(p + PAGE) && on_device(p + 31 * PAGE) && !query(p + 33 * PAGE));
	CHECK(stats().pages_to_dev == used + 30);
	CHECK(!dev_write(p + 64 * PAGE, 512, 16 * PAGE / 512, 7));
	CHECK(cpu_check((void *)(p + 64 * PAGE), 512, 16 * PAGE / 512, 7));
	for (size_t i = 0; i < used; i++)
		CHECK(i == 4 || *(uint64_t *)(p + i * step) == i + 1);
	munmap(whole, 5 * BLOCK);
}

static void wait_for(char *p)
{
	for (int i = 0; i < 200 && !query(p); i++)
		usleep(10000);
}

/* Mapped before the device asks: at once, and whenever the CPU has taken it. */
void advice_ahead(void)
{
	char *p = map_anon(MB);
	struct softdev_stats before, after;

	cpu_write((void *)p, 512, MB / 512, 1);
	CHECK(!dev_advise(p, MB, SOFTDEV_ACCESSED_BY, 1));
	CHECK(in_place(p) && in_place(p + MB - PAGE));
	CHECK(!dev_check(p, 512, MB / 512, 1));
	after = stats();
	CHECK(!after.faults);
	CHECK(after.pages_ahead == MB / PAGE);

	CHECK(!dev_prefetch(p, MB, true));
	CHECK(on_device(p));
	before = stats();
	cpu_write((void *)p, 512, MB / 512, 2);
	wait_for(p + MB - PAGE);
	CHECK(in_place(p + MB - PAGE));
	CHECK(!dev_check(p + MB - PAGE, 512, 8, 2 + (MB - PAGE) / 512));
	after = stats();
	CHECK(after.faults == before.faults);
	CHECK(!migrates || after.pages_ahead > before.pages_ahead);
	munmap(p, MB);
}

void advice_atomic_none(void)
{
	char *p = map_anon(MB);

	CHECK(!access_dev(SOFTDEV_ADD, p, 8, 4, 1));
	CHECK(!dev_advise(p, MB, SOFTDEV_ATOMIC, SOFTDEV_ATOMIC_NONE));
	CHECK(access_dev(SOFTDEV_ADD, p, 8, 4, 1) == EACCES);
	CHECK(!dev_write(p, 8, 4, 1));
	CHECK(!dev_check(p, 8, 4, 1));
	CHECK(!dev_advise(p, MB, SOFTDEV_ATOMIC, SOFTDEV_ATOMIC_DEVICE));
	CHECK(!access_dev(SOFTDEV_ADD, p, 8, 4, 1));
	CHECK(cpu_check((void *)p, 8, 4, 2));
	munmap(p, MB);
}

/* A huge page of which only a part has the advice. */
void advice_atomic_in_part(void)
{
	char *raw = map_anon(2 * BLOCK), *p = (char *)(((uintptr_t)raw + BLOCK - 1) & -BLOCK);

	for (int second = 0; second < 2; second++) {
		char *none = p + second * MB, *other = p + !second * MB;

		CHECK(!madvise(p, BLOCK, MADV_HUGEPAGE));
		cpu_write((void *)p, PAGE, BLOCK / PAGE, 0);
		CHECK(!dev_advise(none, MB, SOFTDEV_ATOMIC, SOFTDEV_ATOMIC_NONE));
		cpu_write((void *)other, 8, 4, 0);
		CHECK(!access_dev(SOFTDEV_ADD, other, 8, 4, 1));
		CHECK(access_dev(SOFTDEV_ADD, none, 8, 4, 1) == EACCES);
		CHECK(!dev_write(none, 8, 4, 3));
		CHECK(!access_dev(SOFTDEV_ADD, other, 8, 4, 1));
		CHECK(cpu_check((void *)other, 8, 4, 2));
		CHECK(cpu_check((void *)none, 8, 4, 3));
		CHECK(!dev_advise(none, MB, SOFTDEV_ATOMIC, SOFTDEV_ATOMIC_SYSTEM));
		CHECK(!access_dev(SOFTDEV_ADD, none, 8, 4, 1));
		CHECK(cpu_check((void *)none, 8, 4, 4));
		CHECK(!madvise(p, BLOCK, MADV_DONTNEED));
	}
	munmap(raw, 2 * BLOCK);
}

/* The device has the page for itself, by moving it or where it is. */
void advice_atomic_device(void)
{
	char *p = map_anon(MB), *q = map_anon(MB);
	uint64_t *shared = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
				-1, 0);

	CHECK(!dev_advise(p, MB, SOFTDEV_ATOMIC, SOFTDEV_ATOMIC_DEVICE));
	CHECK(!dev_advise(p, MB, SOFTDEV_TOUCH, SOFTDEV_TOUCH_REMOTE));
	CHECK(!dev_advise(q, MB, SOFTDEV_ATOMIC, SOFTDEV_ATOMIC_DEVICE));
	CHECK(!dev_advise(q, MB, SOFTDEV_PREFERRED, SOFTDEV_LOC_SYSTEM));
	cpu_write((void *)q, PAGE, MB / PAGE, 0);
	CHECK(!dev_write(p, 8, 4, 1));
	CHECK(in_place(p));
	for (int i = 1; i < 4; i++) {
		CHECK(!access_dev(SOFTDEV_ADD, p, 8, 1, 1));
		CHECK(!migrates || on_device(p));
		CHECK(*(volatile uint64_t *)p == 1 + (uint64_t)i);
		CHECK(!access_dev(SOFTDEV_ADD, q + PAGE, PAGE, 2, 1));
		CHECK(in_place(q + PAGE));
		CHECK(*(volatile uint64_t *)(q + PAGE) == 1 + (uint64_t)i);
		CHECK(!query(q + PAGE));
	}
	CHECK(stats().pages_exclusive >= 4);
	/* What is exclusive serves reads and writes, too. */
	CHECK(!access_dev(SOFTDEV_ADD, q + PAGE, PAGE, 1, 1));
	CHECK(!dev_check(q + PAGE, 8, 1, 5));
	CHECK(!dev_write(q + PAGE, 8, 1, 9));
	CHECK(!access_dev(SOFTDEV_ADD, q + PAGE, PAGE, 1, 1));
	CHECK(*(volatile uint64_t *)(q + PAGE) == 10);
	/* Nobody gets shared memory for himself. */
	*shared = 1;
	CHECK(!dev_advise(shared, PAGE, SOFTDEV_ATOMIC, SOFTDEV_ATOMIC_DEVICE));
	CHECK(access_dev(SOFTDEV_ADD, shared, 8, 1, 1) == EOPNOTSUPP);
	CHECK(!dev_advise(shared, PAGE, SOFTDEV_ATOMIC, 0));
	CHECK(!access_dev(SOFTDEV_ADD, shared, 8, 1, 1));
	CHECK(*shared == 2);
	munmap(p, MB);
	munmap(q, MB);
	munmap(shared, PAGE);
}

/* Read in place where nothing can be copied; what is written moves. */
void advice_read_mostly(void)
{
	char *p = map_anon(MB);

	cpu_write((void *)p, 512, MB / 512, 1);
	CHECK(!dev_advise(p, MB, SOFTDEV_READ_MOSTLY, 1));
	CHECK(!dev_check(p, 512, MB / 512, 1));
	CHECK(query(p) == SOFTDEV_PRESENT);
	CHECK(!stats().pages_to_dev);
	CHECK(!dev_write(p, 512, MB / 512, 2));
	CHECK(on_device(p) && on_device(p + MB - PAGE));
	CHECK(cpu_check((void *)p, 512, MB / 512, 2));
	CHECK(!dev_check(p, 512, MB / 512, 2));
	CHECK(!dev_advise(p, MB, SOFTDEV_READ_MOSTLY, 0));
	CHECK(!dev_check(p, 512, MB / 512, 2));
	CHECK(on_device(p));
	munmap(p, MB);
}

void promoted(void)
{
	void *whole;
	char *p = map_blocks(2, &whole);

	CHECK(!dev_advise(p, 4 * MB, SOFTDEV_TOUCH, SOFTDEV_TOUCH_REMOTE));
	CHECK(!dev_advise(p + 2 * MB, MB, SOFTDEV_PROMOTE, 0));
	CHECK(!dev_write(p, 512, 4 * MB / 512, 1));
	CHECK(in_place(p) && in_place(p + MB) && in_place(p + 2 * MB));
	CHECK(!dev_promote(p + 17 * PAGE + 8, 16 * PAGE));
	CHECK(in_place(p + 15 * PAGE) && on_device(p + 16 * PAGE) && on_device(p + 31 * PAGE));
	CHECK(in_place(p + 32 * PAGE));
	CHECK(stats().pages_promoted == (migrates ? 16 : 0));
	CHECK(!dev_promote(p + 3 * MB, 2 * MB));
	CHECK(in_place(p + 2 * MB) && on_device(p + 3 * MB));
	CHECK(!dev_promote(NULL, PAGE));
	CHECK(!dev_promote((void *)~7UL, PAGE));
	CHECK(!dev_check(p, 512, 4 * MB / 512, 1));
	CHECK(cpu_check((void *)p, 512, 4 * MB / 512, 1));
	munmap(whole, 3 * BLOCK);
}

/* Returns how often memory moved to the device in some rounds of to and fro. */
static uint64_t fight(char *p, int rounds)
{
	uint64_t before = stats().pages_to_dev;

	for (int i = 0; i < rounds; i++) {
		CHECK(!dev_write(p, 8, 1, i));
		CHECK(cpu_check((void *)p, 8, 1, i));
	}
	return stats().pages_to_dev - before;
}

void thrash_with_cpu(void)
{
	char *p = map_anon(MB), *q = map_anon(MB);

	fight(p, 50);
	CHECK(!migrates || stats().thrash_pins);
	CHECK(in_place(p) || !query(p));
	/* While it is pinned: for a quarter of a second at least. */
	CHECK(!fight(p, 5));
	CHECK(!dev_advise(q, MB, SOFTDEV_THRASH, 0));
	CHECK(fight(q, 50) >= (migrates ? 50 : 0));
	munmap(p, MB);
	munmap(q, MB);
}

/* Eight chunks, 64 blocks in turn: most are soon left where they are. */
void thrash_by_eviction(void)
{
	char *p = map_anon(64 * BLOCK);
	struct softdev_stats before, after;

	for (int round = 0; round < 4; round++)
		CHECK(!dev_write(p, BLOCK, 64, round));
	before = stats();
	for (int round = 4; round < 40; round++)
		CHECK(!dev_write(p, BLOCK, 64, round));
	after = stats();
	CHECK(cpu_check((void *)p, BLOCK, 64, 39));
	CHECK(!migrates || after.thrash_pins);
	/* Each used to come and go 36 times. */
	printf("# %llu pages evicted in 36 rounds\n", after.pages_evicted - before.pages_evicted);
	CHECK(after.pages_evicted - before.pages_evicted < 64 * 36 * 16 / 4);
	munmap(p, 64 * BLOCK);
}

/*
 * The same while others evict all the time: each turn then takes long, and it must
 * come to rest nevertheless.
 */
void thrash_among_others(void)
{
	char *p = map_anon(32 * BLOCK);
	struct softdev_stats before, after;
	pid_t others[4];

	for (int i = 0; i < 4; i++) {
		others[i] = fork();
		if (others[i])
			continue;
		close(dev);
		dev = open("/dev/hmm_svm_softdev", O_RDWR);
		/* A program that does not want to be helped. */
		dev_advise(NULL, EVERYTHING, SOFTDEV_THRASH, 0);
		p = map_anon(16 * BLOCK);
		for (;;)
			dev_write(p, 64 * 1024, 16 * BLOCK / (64 * 1024), 1);
	}
	for (int round = 0; round < 4; round++)
		CHECK(!dev_write(p, BLOCK, 32, round));
	before = stats();
	for (int round = 4; round < 20; round++)
		CHECK(!dev_write(p, BLOCK, 32, round));
	after = stats();
	for (int i = 0; i < 4; i++) {
		kill(others[i], SIGKILL);
		CHECK(WIFSIGNALED(wait_child(others[i])));
	}
	CHECK(cpu_check((void *)p, BLOCK, 32, 19));
	printf("# %llu pages evicted in 16 rounds\n", after.pages_evicted - before.pages_evicted);
	CHECK(!migrates || after.thrash_pins);
	CHECK(after.pages_evicted - before.pages_evicted < 32 * 16 * 16 / 4);
	munmap(p, 32 * BLOCK);
}
