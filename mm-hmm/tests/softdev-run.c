// SPDX-License-Identifier: GPL-2.0
/*
 * Runs: blocks that are prefetched to the device one after the other, of which one is
 * copied while the next is taken (hmm_svm_to_dev.c). The software device makes a copy
 * when it is waited for, as late as it can be.
 */
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "softdev-test.h"

/* Fits, with room for other things: the device has eight. */
#define RUN_BLOCKS	6

#ifndef UFFDIO_MOVE
struct uffdio_move {
	__u64 dst;
	__u64 src;
	__u64 len;
	__u64 mode;
	__s64 move;
};

#define UFFDIO_MOVE			_IOWR(UFFDIO, 0x05, struct uffdio_move)
#define UFFDIO_MOVE_MODE_ALLOW_SRC_HOLES	(1ULL << 1)
#define UFFD_FEATURE_MOVE		(1 << 16)
#endif

/* Copies that began while another was under way. */
static uint32_t overlapped(void)
{
	struct softdev_state state = {};

	CHECK(!ioctl(dev, SOFTDEV_IOC_STATE, &state));
	return state.overlapped;
}

/* Large folios, untouched memory and small pages, one after the other. */
static void fill_blocks(uint64_t *p)
{
	for (int i = 0; i < RUN_BLOCKS; i++) {
		uint64_t *block = p + i * BLOCK_WORDS;

		/* And back: a run is in one VMA. */
		if (i % 3 == 2)
			madvise(block, BLOCK, MADV_NOHUGEPAGE);
		if (i % 3 != 1)
			cpu_write(block, 8, BLOCK_WORDS, i);
		madvise(block, BLOCK, MADV_HUGEPAGE);
	}
}

static uint64_t word_of(int block, size_t word)
{
	return block % 3 == 1 ? 0 : block + word;
}

static bool is_right(uint64_t *word, uint64_t value, bool by_device)
{
	return by_device ? !dev_check(word, 8, 1, value) : *word == value;
}

/* @by_device: the device looks at them, at some words of each page. */
static bool blocks_are_right(uint64_t *p, bool by_device)
{
	for (int i = 0; i < RUN_BLOCKS; i++)
		for (size_t word = 0; word < BLOCK_WORDS; word += by_device ? 511 : 1)
			if (!is_right(&p[i * BLOCK_WORDS + word], word_of(i, word), by_device))
				return false;
	return true;
}

void run_of_all_kinds(void)
{
	struct softdev_stats before, after;
	uint32_t overlaps = overlapped();
	void *whole;
	uint64_t *p = map_large(RUN_BLOCKS * BLOCK, &whole);

	fill_blocks(p);
	before = stats();
	CHECK(!dev_prefetch(p, RUN_BLOCKS * BLOCK, true));
	after = stats();
	CHECK(after.pages_to_dev - before.pages_to_dev == RUN_BLOCKS * BLOCK_PAGES);
	if (has_large_folios())
		CHECK(after.pages_large_to_dev - before.pages_large_to_dev == 4 * BLOCK_PAGES);
	CHECK(overlapped() - overlaps == RUN_BLOCKS - 1);
	before = after;
	CHECK(blocks_are_right(p, true));
	after = stats();
	CHECK(after.faults == before.faults);
	CHECK(blocks_are_right(p, false));
	unmap_large(whole, RUN_BLOCKS * BLOCK);
}

/* What is copied by being mapped is no part of a run, and what is not mapped ends one. */
void run_with_gaps(void)
{
	uint32_t overlaps = overlapped();
	void *whole;
	uint64_t *p = map_large(RUN_BLOCKS * BLOCK, &whole);

	for (int i = 0; i < RUN_BLOCKS; i++)
		cpu_write(p + i * BLOCK_WORDS, 8, BLOCK_WORDS, i);
	CHECK(!dev_advise(p + 2 * BLOCK_WORDS, BLOCK, SOFTDEV_READ_MOSTLY, 1));
	munmap(p + 5 * BLOCK_WORDS, PAGE);
	CHECK(dev_prefetch(p, RUN_BLOCKS * BLOCK, true) == EFAULT);
	/* 0 and 1, 3 and 4. */
	CHECK(overlapped() - overlaps == 2);
	for (int i = 0; i < RUN_BLOCKS; i++) {
		size_t skip = i == 5 ? 512 : 0;
		uint64_t *block = p + i * BLOCK_WORDS + skip;

		CHECK(query(block) & SOFTDEV_PRESENT);
		CHECK(!dev_check(block, 8, BLOCK_WORDS - skip, i + skip));
		CHECK(cpu_check(block, 8, BLOCK_WORDS - skip, i + skip));
	}
	unmap_large(whole, RUN_BLOCKS * BLOCK);
}

/* Whatever copy fails: what was taken goes back, and the others go on. */
void run_copy_fails(void)
{
	void *whole;
	uint64_t *p = map_large(RUN_BLOCKS * BLOCK, &whole);

	fill_blocks(p);
	for (uint32_t n = 1; n < 2 * RUN_BLOCKS; n++) {
		fail_copies(n);
		CHECK(!dev_prefetch(p, RUN_BLOCKS * BLOCK, true));
		fail_copies(0);
		CHECK(blocks_are_right(p, n % 2));
		CHECK(!dev_prefetch(p, RUN_BLOCKS * BLOCK, false));
	}
	CHECK(blocks_are_right(p, false));
	unmap_large(whole, RUN_BLOCKS * BLOCK);
}

void run_large_refused(void)
{
	struct softdev_stats before, after;
	void *whole;
	uint64_t *p = map_large(RUN_BLOCKS * BLOCK, &whole);

	fill_blocks(p);
	before = stats();
	fail_large_page();
	CHECK(!dev_prefetch(p, RUN_BLOCKS * BLOCK, true));
	after = stats();
	CHECK(after.pages_to_dev - before.pages_to_dev == RUN_BLOCKS * BLOCK_PAGES);
	CHECK(blocks_are_right(p, true));
	CHECK(blocks_are_right(p, false));
	unmap_large(whole, RUN_BLOCKS * BLOCK);
}

/* More than the device has: a run ends where something must be evicted. */
void run_oversubscribed(void)
{
	const int n = 20;
	void *whole;
	uint64_t *p = map_large(n * BLOCK, &whole);

	for (int i = 0; i < n; i++)
		cpu_write(p + i * BLOCK_WORDS, 8, BLOCK_WORDS, i);
	for (int round = 0; round < 3; round++) {
		CHECK(!dev_prefetch(p, n * BLOCK, true));
		for (int i = 0; i < n; i++)
			CHECK(!dev_check(p + i * BLOCK_WORDS, 8, 512, i));
	}
	for (int i = 0; i < n; i++)
		CHECK(cpu_check(p + i * BLOCK_WORDS, 8, BLOCK_WORDS, i));
	unmap_large(whole, n * BLOCK);
}

static volatile bool stop;
static uint64_t *shared;
static unsigned long moved;

static void *discards(void *arg)
{
	unsigned int seed = (uintptr_t)arg;

	while (!stop) {
		uint64_t *page = shared + rand_r(&seed) % (RUN_BLOCKS * BLOCK_PAGES) * 512;

		switch (rand_r(&seed) % 3) {
		case 0:
			madvise(page, PAGE, MADV_DONTNEED);
			break;
		case 1:
			page[0] = 0;
			break;
		case 2:
			dev_write(page, 8, 1, 0);
			break;
		}
	}
	return NULL;
}

static int move_target(void *dst)
{
	struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_MOVE };
	struct uffdio_register reg = {
		.range = { (uintptr_t)dst, RUN_BLOCKS * BLOCK },
		.mode = UFFDIO_REGISTER_MODE_MISSING,
	};
	int fd = syscall(SYS_userfaultfd, O_NONBLOCK);

	if (fd >= 0 && (ioctl(fd, UFFDIO_API, &api) || ioctl(fd, UFFDIO_REGISTER, &reg))) {
		close(fd);
		fd = -1;
	}
	return fd;
}

/* UFFDIO_MOVE waits for a folio's lock between the two halves of an invalidation. */
static void *moves_away(void *arg)
{
	char *dst = map_anon(RUN_BLOCKS * BLOCK);
	unsigned int seed = (uintptr_t)arg;
	int fd = move_target(dst);

	while (fd >= 0 && !stop) {
		size_t at = rand_r(&seed) % (RUN_BLOCKS * BLOCK_PAGES) * PAGE;
		struct uffdio_move move = {
			.dst = (uintptr_t)dst + at,
			.src = (uintptr_t)shared + at,
			.len = PAGE,
			.mode = UFFDIO_MOVE_MODE_ALLOW_SRC_HOLES,
		};

		if (!ioctl(fd, UFFDIO_MOVE, &move))
			__atomic_fetch_add(&moved, 1, __ATOMIC_RELAXED);
		madvise(dst + at, PAGE, MADV_DONTNEED);
	}
	close(fd);
	munmap(dst, RUN_BLOCKS * BLOCK);
	return NULL;
}

/* All words are zero, whatever happens to a page; a page with something else was mixed up. */
void run_contended(void)
{
	static void *(*const others[])(void *) = { discards, discards, moves_away };
	pthread_t threads[3];
	void *whole;

	shared = map_large(RUN_BLOCKS * BLOCK, &whole);
	stop = false;
	moved = 0;
	for (uintptr_t i = 0; i < 3; i++)
		CHECK(!pthread_create(&threads[i], NULL, others[i], (void *)(i + 1)));
	for (int round = 0; round < 10; round++) {
		pid_t pid = round % 8 ? 0 : fork();

		if (!pid && round % 8 == 0) {
			memset(shared, 1, RUN_BLOCKS * BLOCK);
			_exit(0);
		}
		if (pid)
			CHECK(wait_child(pid) == 0);
		CHECK(!dev_prefetch(shared, RUN_BLOCKS * BLOCK, true));
		CHECK(!dev_prefetch(shared, RUN_BLOCKS * BLOCK, false));
	}
	stop = true;
	for (int i = 0; i < 3; i++)
		pthread_join(threads[i], NULL);
	for (size_t i = 0; i < RUN_BLOCKS * BLOCK_WORDS; i++)
		CHECK(!shared[i]);
	printf("# %lu pages moved by userfaultfd\n", moved);
	unmap_large(whole, RUN_BLOCKS * BLOCK);
}
