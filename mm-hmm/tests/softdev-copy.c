// SPDX-License-Identifier: GPL-2.0
/*
 * Read-only copies: where the device has one, the CPU keeps its page, and whoever
 * writes is seen by all. Where it could be written unseen there is none.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ptrace.h>
#include <unistd.h>

#include "softdev-test.h"

#define WORDS(size) ((size) / sizeof(uint64_t))

/* A child that shares all memory until it is told to go. */
struct sharer {
	pid_t pid;
	int pipe[2];
};

static struct sharer share(void)
{
	struct sharer s = {};
	char c;

	CHECK(!pipe(s.pipe));
	s.pid = fork();
	if (!s.pid) {
		close(s.pipe[1]);
		_exit(read(s.pipe[0], &c, 1) != 0);
	}
	close(s.pipe[0]);
	return s;
}

static void unshare_again(struct sharer *s)
{
	close(s->pipe[1]);
	CHECK(wait_child(s->pid) == 0);
}

/* A debugger, which writes our memory whatever it is mapped for. */
struct debugger {
	pid_t pid;
	int to[2], from[2];
};

static void debug(struct debugger *d)
{
	pid_t parent = getppid();
	uint64_t *p;

	close(d->to[1]);
	while (read(d->to[0], &p, sizeof(p)) == sizeof(p)) {
		if (ptrace(PTRACE_ATTACH, parent, NULL, NULL) || waitpid(parent, NULL, 0) < 0 ||
		    ptrace(PTRACE_POKEDATA, parent, p, 99UL) ||
		    ptrace(PTRACE_DETACH, parent, NULL, NULL) || write(d->from[1], &p, 1) != 1)
			_exit(1);
	}
	_exit(0);
}

/* To be called before the memory is there, which it would else share. */
static struct debugger start_debugger(void)
{
	struct debugger d;

	CHECK(!pipe(d.to) && !pipe(d.from));
	d.pid = fork();
	if (!d.pid)
		debug(&d);
	close(d.to[0]);
	close(d.from[1]);
	return d;
}

static void poke_99(struct debugger *d, uint64_t *p)
{
	char done;

	CHECK(write(d->to[1], &p, sizeof(p)) == sizeof(p));
	CHECK(read(d->from[0], &done, 1) == 1);
}

static void end_debugger(struct debugger *d)
{
	close(d->to[1]);
	close(d->from[0]);
	CHECK(wait_child(d->pid) == 0);
}

static uint16_t page_flags(void *p)
{
	uint16_t flags = 0;
	struct softdev_pages q = {
		.start = (uintptr_t)p & -PAGE,
		.end = ((uintptr_t)p & -PAGE) + PAGE,
		.flags = (uintptr_t)&flags,
	};

	CHECK(!ioctl(dev, SOFTDEV_IOC_PAGES, &q));
	return flags;
}

static bool is_copy(void *p)
{
	uint16_t flags = page_flags(p);

	return (query(p) & (SOFTDEV_PRESENT | SOFTDEV_IN_DEVMEM | SOFTDEV_WRITABLE)) ==
		       (SOFTDEV_PRESENT | SOFTDEV_IN_DEVMEM) &&
	       (flags & SOFTDEV_PAGE_COPY) && (flags & SOFTDEV_PAGE_READ) &&
	       !(flags & (SOFTDEV_PAGE_LOCAL | SOFTDEV_PAGE_WRITE));
}

static uint64_t *map_read_mostly(size_t size)
{
	uint64_t *p = map_anon(size);

	CHECK(!dev_advise(p, size, SOFTDEV_READ_MOSTLY, 1));
	cpu_write(p, 8, WORDS(size), 1);
	return p;
}

void copy_shared(void)
{
	uint64_t *p = map_read_mostly(MB);
	struct sharer s = share();
	struct softdev_stats before = stats(), after;

	CHECK(!dev_check(p, 8, WORDS(MB), 1));
	after = stats();
	CHECK(after.pages_copied - before.pages_copied == MB / PAGE);
	CHECK(after.pages_to_dev == before.pages_to_dev);
	CHECK(is_copy(p) && is_copy(p + WORDS(MB - PAGE)));
	CHECK(cpu_check(p, 8, WORDS(MB), 1));
	CHECK(stats().cpu_faults == before.cpu_faults);
	CHECK(is_copy(p));
	/* The CPU writes one page, the device another. */
	p[0] = 77;
	CHECK(!is_copy(p));
	CHECK(!dev_check(p, 8, 1, 77));
	CHECK(!dev_write(p + WORDS(PAGE), 8, 1, 88));
	CHECK(p[WORDS(PAGE)] == 88);
	CHECK(!dev_check(p + 2 * WORDS(PAGE), 8, WORDS(MB - 2 * PAGE), 1 + 2 * WORDS(PAGE)));
	unshare_again(&s);
	munmap(p, MB);
}

/* The CPU's page is its own again: would it be written in place, we would not know. */
void copy_child_gone(void)
{
	struct debugger d = start_debugger();
	uint64_t *p = map_read_mostly(MB);
	struct sharer s = share();

	CHECK(!dev_check(p, 8, WORDS(MB), 1));
	unshare_again(&s);
	CHECK(is_copy(p));
	p[0] = 77;
	CHECK(!dev_check(p, 8, 1, 77));
	/* Through a mapping that forbids it, too. */
	CHECK(!mprotect(p, MB, PROT_READ));
	CHECK(!dev_check(p + WORDS(PAGE), 8, WORDS(PAGE), 1 + WORDS(PAGE)));
	poke_99(&d, p + WORDS(PAGE));
	CHECK(!dev_check(p + WORDS(PAGE), 8, 1, 99));
	CHECK(!dev_check(p + 2 * WORDS(PAGE), 8, WORDS(MB - 2 * PAGE), 1 + 2 * WORDS(PAGE)));
	end_debugger(&d);
	munmap(p, MB);
}

void copy_huge(void)
{
	void *whole;
	uint64_t *p = map_aligned(BLOCK, &whole);
	struct sharer s;

	madvise(p, BLOCK, MADV_HUGEPAGE);
	CHECK(!dev_advise(p, BLOCK, SOFTDEV_READ_MOSTLY, 1));
	cpu_write(p, 8, WORDS(BLOCK), 1);
	/* Not as long as the process has it alone, and may write it. */
	CHECK(!dev_check(p, 8, WORDS(BLOCK), 1));
	CHECK(!is_copy(p));
	s = share();
	CHECK(!dev_check(p, 8, WORDS(BLOCK), 1));
	CHECK(is_copy(p));
	unshare_again(&s);
	p[WORDS(300 * PAGE)] = 5;
	CHECK(!dev_check(p + WORDS(300 * PAGE), 8, 1, 5));
	CHECK(!dev_check(p, 8, WORDS(300 * PAGE), 1));
	munmap(whole, 2 * BLOCK);
}

static void set_ksm(const char *name, const char *value)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/sys/kernel/mm/ksm/%s", name);
	fd = open(path, O_WRONLY);
	CHECK(fd >= 0 && write(fd, value, strlen(value)) > 0);
	close(fd);
}

static long ksm_sharing(void)
{
	FILE *file = fopen("/sys/kernel/mm/ksm/pages_sharing", "r");
	long n = -1;

	CHECK(file && fscanf(file, "%ld", &n) == 1);
	if (file)
		fclose(file);
	return n;
}

void copy_merged(void)
{
	uint64_t *p = map_anon(16 * PAGE);

	for (int i = 0; i < 16; i++)
		cpu_write(p + i * WORDS(PAGE), 8, WORDS(PAGE), 4711);
	CHECK(!dev_advise(p, 16 * PAGE, SOFTDEV_READ_MOSTLY, 1));
	CHECK(!madvise(p, 16 * PAGE, MADV_MERGEABLE));
	set_ksm("pages_to_scan", "1000");
	set_ksm("sleep_millisecs", "10");
	set_ksm("run", "1");
	for (int i = 0; i < 500 && ksm_sharing() < 15; i++)
		usleep(10000);
	CHECK(ksm_sharing() >= 15);
	for (int i = 0; i < 16; i++)
		CHECK(!dev_check(p + i * WORDS(PAGE), 8, WORDS(PAGE), 4711));
	CHECK(is_copy(p) && is_copy(p + 15 * WORDS(PAGE)));
	p[0] = 1;
	CHECK(!dev_check(p, 8, 1, 1));
	CHECK(!dev_check(p + WORDS(PAGE), 8, WORDS(PAGE), 4711));
	set_ksm("run", "2");
	CHECK(!dev_check(p + WORDS(PAGE), 8, WORDS(PAGE), 4711));
	set_ksm("run", "0");
	munmap(p, 16 * PAGE);
}

/* A page of one process alone is written by a debugger without a word. */
void copy_not_exclusive(void)
{
	struct debugger d = start_debugger();
	uint64_t *p = map_read_mostly(MB);

	CHECK(!mprotect(p, MB, PROT_READ));
	CHECK(!dev_check(p, 8, WORDS(MB), 1));
	CHECK(!is_copy(p));
	poke_99(&d, p);
	CHECK(!dev_check(p, 8, 1, 99));
	end_debugger(&d);
	munmap(p, MB);
}

void copy_fails(void)
{
	uint64_t *p = map_read_mostly(PAGE);
	struct sharer s = share();

	fail_copies(1);
	CHECK(!dev_check(p, 8, WORDS(PAGE), 1));
	CHECK((query(p) & (SOFTDEV_PRESENT | SOFTDEV_IN_DEVMEM)) == SOFTDEV_PRESENT);
	fail_copies(0);
	unshare_again(&s);
	munmap(p, PAGE);
}

void copy_evicted(void)
{
	uint64_t *p = map_read_mostly(8 * MB), *q = map_anon(64 * MB);
	struct sharer s = share();

	CHECK(!dev_check(p, 8, WORDS(8 * MB), 1));
	CHECK(!dev_write(q, PAGE, 64 * MB / PAGE, 3));
	CHECK(!dev_check(p, 8, WORDS(8 * MB), 1));
	CHECK(!dev_check(q, PAGE, 64 * MB / PAGE, 3));
	CHECK(cpu_check(p, 8, WORDS(8 * MB), 1));
	unshare_again(&s);
	munmap(q, 64 * MB);
	munmap(p, 8 * MB);
}

struct writer {
	volatile uint64_t *p;
	volatile bool stop;
};

/* Makes pages shared again and again, and writes them. */
static void *write_and_fork(void *arg)
{
	struct writer *w = arg;

	for (uint64_t i = 1; !w->stop; i++) {
		pid_t pid = fork();

		if (!pid)
			_exit(0);
		if (i % 2)
			wait_child(pid);
		for (int page = 0; page < 8; page++)
			w->p[page * WORDS(PAGE)] = i;
		if (!(i % 2))
			wait_child(pid);
	}
	return NULL;
}

/* What the device reads never goes back in time, and is at last what the CPU wrote. */
void copy_contended(void)
{
	uint64_t *p = map_read_mostly(8 * PAGE), last[8] = {};
	struct writer w = { .p = p };
	struct softdev_stats before = stats();
	pthread_t thread;

	for (int page = 0; page < 8; page++)
		p[page * WORDS(PAGE)] = 0;
	CHECK(!pthread_create(&thread, NULL, write_and_fork, &w));
	/* Until there were copies, however long the other thread takes to fork. */
	for (int i = 0; i < 4000 || (i < 4000000 && stats().pages_copied == before.pages_copied);
	     i++) {
		uint64_t *word = p + i % 8 * WORDS(PAGE);
		struct softdev_access a = {
			.addr = (uintptr_t)word, .count = 1, .op = SOFTDEV_CHECK, .value = ~0UL,
		};

		CHECK(ioctl(dev, SOFTDEV_IOC_ACCESS, &a) && errno == EILSEQ);
		CHECK(a.found >= last[i % 8]);
		last[i % 8] = a.found;
	}
	w.stop = true;
	CHECK(!pthread_join(thread, NULL));
	for (int page = 0; page < 8; page++)
		CHECK(!dev_check(p + page * WORDS(PAGE), 8, 1, p[page * WORDS(PAGE)]));
	CHECK(stats().pages_copied > before.pages_copied);
	munmap(p, 8 * PAGE);
}
