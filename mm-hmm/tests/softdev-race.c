// SPDX-License-Identifier: GPL-2.0
/*
 * Races: what a program does with a large folio just while it moves, which
 * softdev holds for that (SOFTDEV_HOLD). Core mm (7.3) has defects there: without
 * what hmm_svm does about them, these tests bring the kernel down.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "softdev-test.h"

#define DEVICE_SIZE (16 * MB)

/* Returns how many were held, or a negative errno. */
static int hold(unsigned long request, uint32_t what)
{
	return ioctl(dev, request, &what) ? -errno : (int)what;
}

static int hold_copy(uint32_t what)
{
	return hold(SOFTDEV_IOC_HOLD_COPY, what);
}

static int hold_split(uint32_t what)
{
	return hold(SOFTDEV_IOC_HOLD_SPLIT, what);
}

static bool can_race(void)
{
	if (!has_large_folios())
		skipped = "the kernel has no large folios in device memory";
	return !skipped;
}

/* While a CPU fault is behind the split of a large folio: gives its page back. */
static void *give_back(void *page)
{
	while (!hold_split(SOFTDEV_LOOK))
		sched_yield();
	CHECK(!madvise(page, PAGE, MADV_DONTNEED));
	hold_split(SOFTDEV_GO);
	return NULL;
}

/*
 * A page that is given back between the split of its folio, for a CPU fault on
 * it, and the rest of that fault, is freed once. Twice, and the books say that the
 * chunk is free while page 9 is still in it.
 */
void race_split_in_fault(void)
{
	volatile uint64_t *p;
	pthread_t thread;
	void *whole;

	if (!can_race())
		return;
	if (hold_split(SOFTDEV_LOOK) == -EOPNOTSUPP) {
		skipped = "the kernel has no kretprobes";
		return;
	}
	p = one_page(&whole, 1, true);
	/* From now on the CPU has it by small pages. */
	CHECK(!mprotect((char *)p + BLOCK - PAGE, PAGE, PROT_READ));
	CHECK(!hold_split(SOFTDEV_HOLD));
	CHECK(!pthread_create(&thread, NULL, give_back, (char *)p + 5 * PAGE));
	CHECK(p[5 * 512] == 0);
	CHECK(!pthread_join(thread, NULL));
	CHECK(hold_split(SOFTDEV_LOOK) == 1);

	CHECK(!madvise((char *)p, 9 * PAGE, MADV_DONTNEED));
	CHECK(!madvise((char *)p + 10 * PAGE, BLOCK - 10 * PAGE, MADV_DONTNEED));
	CHECK(p[9 * 512] == 9 * 512 + 1);
	CHECK(!dev_check((void *)&p[9 * 512], 8, 512, 9 * 512 + 1));
	unmap_large(whole, BLOCK);
}

/* Starts a thread that moves @page, and returns when its copy is held. */
static pthread_t start_move(void *(*move)(void *page), void *page)
{
	pthread_t thread;

	CHECK(!hold_copy(SOFTDEV_HOLD));
	CHECK(!pthread_create(&thread, NULL, move, page));
	while (!hold_copy(SOFTDEV_LOOK) && !failure)
		sched_yield();
	return thread;
}

static void end_move(pthread_t thread)
{
	hold_copy(SOFTDEV_GO);
	CHECK(!pthread_join(thread, NULL));
}

static void *touch(void *page)
{
	*(volatile uint64_t *)page;
	return NULL;
}

static void *fetch_back(void *page)
{
	CHECK(!dev_prefetch(page, BLOCK, false));
	return NULL;
}

/* Fills the device with other memory; @page is what it has had for the longest. */
static void *evict(void *page)
{
	void *whole, *other = map_large(DEVICE_SIZE, &whole);

	CHECK(!dev_write(other, PAGE, DEVICE_SIZE / PAGE, 7));
	CHECK(cpu_check(other, PAGE, DEVICE_SIZE / PAGE, 7));
	unmap_large(whole, DEVICE_SIZE);
	return NULL;
}

static atomic_int discarded;

/*
 * Gives the page back as soon as its copy is held. Started before, since who moves
 * a page keeps others from making mappings, as that for the stack of a thread.
 */
static void *discard(void *page)
{
	while (hold_copy(SOFTDEV_LOOK) < 1 && !failure)
		sched_yield();
	CHECK(!madvise(page, BLOCK, MADV_DONTNEED));
	atomic_store(&discarded, 1);
	return NULL;
}

/* It gets as far as it can while the copy is held: it is done, or has to wait. */
static void let_discard(void)
{
	for (int ms = 0; ms < 200 && !atomic_load(&discarded); ms++)
		usleep(1000);
}

/* It is used again: what was freed once too often shows. */
static void use_again(uint64_t *p)
{
	cpu_write(p, 8, BLOCK_WORDS, 3);
	CHECK(!dev_check(p, 8, BLOCK_WORDS, 3));
	CHECK(!dev_write(p, 8, BLOCK_WORDS, 4));
	evict(p);
	CHECK(cpu_check(p, 8, BLOCK_WORDS, 4));
}

/* Another thread gives a page back that is on its way. */
static void discarded_in(void *(*move)(void *page))
{
	pthread_t mover, discarder;
	uint64_t *p;
	void *whole;

	if (!can_race())
		return;
	p = one_page(&whole, 1, true);
	CHECK(!hold_copy(SOFTDEV_HOLD));
	CHECK(!hold_copy(SOFTDEV_GO));
	atomic_store(&discarded, 0);
	CHECK(!pthread_create(&discarder, NULL, discard, p));
	mover = start_move(move, p);
	let_discard();
	end_move(mover);
	CHECK(!pthread_join(discarder, NULL));
	for (size_t i = 0; i < BLOCK_WORDS; i += 64)
		CHECK(!p[i]);
	use_again(p);
	unmap_large(whole, BLOCK);
}

void race_discarded_in_fault(void)
{
	discarded_in(touch);
}

void race_discarded_in_eviction(void)
{
	discarded_in(evict);
}

void race_discarded_in_prefetch(void)
{
	discarded_in(fetch_back);
}

static void *wait_here(void *unused)
{
	pause();
	return unused;
}

/* A child that has what the parent has, until it is killed. */
static pid_t fork_idle(void)
{
	pid_t pid = fork();

	if (!pid) {
		wait_here(NULL);
		_exit(0);
	}
	CHECK(pid > 0);
	return pid;
}

static void kill_child(pid_t pid)
{
	CHECK(!kill(pid, SIGKILL));
	wait_child(pid);
}

/* A forked child exits while a page moves that it has, too. */
static void child_exits_in(void *(*move)(void *page))
{
	pthread_t mover;
	uint64_t *p;
	void *whole;
	pid_t pid;

	if (!can_race())
		return;
	p = one_page(&whole, 1, true);
	pid = fork_idle();
	mover = start_move(move, p);
	kill_child(pid);
	end_move(mover);
	CHECK(cpu_check(p, 8, BLOCK_WORDS, 1));
	use_again(p);
	unmap_large(whole, BLOCK);
}

void race_child_exits_in_fault(void)
{
	child_exits_in(touch);
}

void race_child_exits_in_eviction(void)
{
	child_exits_in(evict);
}

static void *discard_soon(void *page)
{
	usleep(100000);
	CHECK(!madvise(page, BLOCK, MADV_DONTNEED));
	return NULL;
}

/*
 * The child's own fault moves it, and its thread gives it back meanwhile. The device is
 * the parent's, so the child can't see that the copy is held.
 */
static int child_moves(uint64_t *p)
{
	pthread_t discarder;

	if (pthread_create(&discarder, NULL, discard_soon, p))
		return 1;
	touch(p);
	if (pthread_join(discarder, NULL))
		return 2;
	for (size_t i = 0; i < BLOCK_WORDS; i += 64)
		if (p[i])
			return 4;
	return 0;
}

void race_fault_of_child(void)
{
	uint64_t *p;
	void *whole;
	pid_t pid;

	if (!can_race())
		return;
	p = one_page(&whole, 1, true);
	CHECK(!hold_copy(SOFTDEV_HOLD));
	pid = fork();
	if (!pid)
		_exit(child_moves(p));
	CHECK(wait_child(pid) == 0);
	hold_copy(SOFTDEV_GO);
	CHECK(cpu_check(p, 8, BLOCK_WORDS, 1));
	use_again(p);
	unmap_large(whole, BLOCK);
}

/* Only a forked child has the page: it is evicted nevertheless, and is right. */
void race_only_child_left(void)
{
	struct softdev_stats before, after;
	uint64_t *p;
	void *whole;
	int pipes[2];
	pid_t pid;
	char c;

	if (!can_race())
		return;
	p = one_page(&whole, 1, true);
	CHECK(!pipe(pipes));
	pid = fork();
	if (!pid)
		_exit(read(pipes[0], &c, 1) != 1 || !cpu_check(p, 8, BLOCK_WORDS, 1));
	unmap_large(whole, BLOCK);

	before = stats();
	evict(NULL);
	after = stats();
	CHECK(after.pages_evicted - before.pages_evicted >= BLOCK_PAGES);
	CHECK(write(pipes[1], "x", 1) == 1);
	CHECK(wait_child(pid) == 0);
	close(pipes[0]);
	close(pipes[1]);
}
