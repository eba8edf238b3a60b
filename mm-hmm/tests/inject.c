// SPDX-License-Identifier: GPL-2.0
/*
 * Allocations fail, on the software device: first each allocation that an
 * operation makes, one by one (/proc/self/fail-nth), then any, now and then, in
 * a stress of several threads (make-it-fail). The script around it restricts
 * both to allocations below hmm_svm.ko.
 *
 * An operation may fail then, with an error that says so. Afterwards it works,
 * and no data is wrong.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "softdev-test.h"

int dev;
const char *failure;
int failure_line;
const char *skipped;
bool migrates = true;

#define NODE "/dev/hmm_svm_softdev"
/* A word per page; fewer where each page is a fault, with allocations of its own. */
#define WORDS (BLOCK / PAGE)
#define FEW_WORDS 16
/* More than any operation allocates: then it does not end. */
#define MOST 5000

/* What the operations work on. */
static char *mem, *whole, *other;
static uint64_t value, words = WORDS;

static void write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY);

	if (fd < 0 || write(fd, text, strlen(text)) < 0) {
		perror(path);
		exit(1);
	}
	close(fd);
}

/* ---- The operations ----------------------------------------------------------*/

static void fresh(void)
{
	mem = map_aligned(BLOCK, (void **)&whole);
	madvise(whole, 2 * BLOCK, MADV_NOHUGEPAGE);
	value++;
}

static void touched(void)
{
	fresh();
	cpu_write((void *)mem, PAGE, words, value++);
}

static void touched_huge(void)
{
	mem = map_aligned(BLOCK, (void **)&whole);
	madvise(mem, BLOCK, MADV_HUGEPAGE);
	cpu_write((void *)mem, PAGE, words, ++value);
	value++;
}

static void in_device(void)
{
	fresh();
	CHECK(!dev_write(mem, PAGE, words, value));
}

static void of_file(void)
{
	int fd = memfd_create("inject", MFD_CLOEXEC);

	CHECK(!ftruncate(fd, 2 * BLOCK));
	whole = mmap(NULL, 2 * BLOCK, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	CHECK(whole != MAP_FAILED);
	mem = (char *)(((uintptr_t)whole + BLOCK - 1) & ~(BLOCK - 1));
	close(fd);
	words = FEW_WORDS;
	value++;
}

/* The device's memory is full of something else. */
static void device_full(void)
{
	other = map_anon(24 * MB);
	CHECK(!dev_write(other, PAGE, 24 * MB / PAGE, 77));
	touched();
}

static void done(void)
{
	munmap(whole, 2 * BLOCK);
	words = WORDS;
}

static void done_device_full(void)
{
	CHECK(cpu_check((void *)other, PAGE, 24 * MB / PAGE, 77));
	munmap(other, 24 * MB);
	done();
}

static int write_by_device(void)
{
	return dev_write(mem, PAGE, words, value);
}

static int read_by_device(void)
{
	return dev_check(mem, PAGE, words, value);
}

static int write_by_cpu(void)
{
	cpu_write((void *)mem, PAGE, words, value);
	return 0;
}

static int to_device(void)
{
	return dev_prefetch(mem, BLOCK, true);
}

static int to_system(void)
{
	return dev_prefetch(mem, BLOCK, false);
}

static int advise(void)
{
	int ret = dev_advise(mem, BLOCK / 2, SOFTDEV_READ_MOSTLY, 1);

	return ret ?: dev_advise(mem + BLOCK / 4, BLOCK / 4, SOFTDEV_READ_MOSTLY, 0);
}

static int promote(void)
{
	return dev_promote(mem, BLOCK);
}

static int fork_and_write(void)
{
	pid_t pid = fork();

	if (pid < 0)
		return errno;
	if (!pid) {
		cpu_write((void *)mem, PAGE, words, 0xdead);
		_exit(0);
	}
	CHECK(wait_child(pid) == 0);
	return 0;
}

static int move(void)
{
	char *to = mmap(NULL, 2 * BLOCK, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (to == MAP_FAILED)
		return errno;
	if (mremap(whole, 2 * BLOCK, 2 * BLOCK, MREMAP_MAYMOVE | MREMAP_FIXED, to) == MAP_FAILED) {
		int ret = errno;

		munmap(to, 2 * BLOCK);
		return ret;
	}
	mem = to + (mem - whole);
	whole = to;
	return 0;
}

static int protect(void)
{
	int ret = mprotect(mem, BLOCK / 2, PROT_READ) ? errno : 0;

	return mprotect(mem, BLOCK / 2, PROT_READ | PROT_WRITE) ? errno : ret;
}

/* A second mirror, from its beginning to its end. */
static int mirror(void)
{
	int first = dev, ret;

	dev = open(NODE, O_RDWR);
	if (dev < 0) {
		ret = errno;
		dev = first;
		return ret;
	}
	ret = write_by_device();
	close(dev);
	dev = first;
	return ret;
}

static const struct operation {
	const char *name;
	void (*setup)(void);
	int (*run)(void);
	void (*end)(void);
} operations[] = {
	{ "device writes untouched memory", fresh, write_by_device, done },
	{ "device writes touched memory", touched, write_by_device, done },
	{ "device writes a huge page", touched_huge, write_by_device, done },
	{ "device writes memory of a file", of_file, write_by_device, done },
	{ "device writes, which evicts", device_full, write_by_device, done_device_full },
	{ "device reads what it has", in_device, read_by_device, done },
	{ "CPU writes what the device has", in_device, write_by_cpu, done },
	{ "prefetch to the device", in_device, to_device, done },
	{ "prefetch to the system", in_device, to_system, done },
	{ "advice", in_device, advise, done },
	{ "promotion", in_device, promote, done },
	{ "fork", in_device, fork_and_write, done },
	{ "mremap", in_device, move, done },
	{ "mprotect", in_device, protect, done },
	{ "a second mirror", touched, mirror, done },
};

/* ---- Each allocation, one by one ------------------------------------------------*/

static void arm(int nth)
{
	char text[16];

	snprintf(text, sizeof(text), "%d", nth);
	write_text("/proc/self/fail-nth", text);
}

/* Returns whether it has failed. */
static bool disarm(void)
{
	char text[16] = "";
	int fd = open("/proc/self/fail-nth", O_RDWR);
	bool fired;

	CHECK(read(fd, text, sizeof(text) - 1) > 0);
	fired = atoi(text) == 0;
	CHECK(pwrite(fd, "0", 1, 0) == 1);
	close(fd);
	return fired;
}

/* Returns whether the allocation was there to fail. */
static bool fail_nth(const struct operation *op, int nth)
{
	bool fired;
	int ret;

	op->setup();
	arm(nth);
	ret = op->run();
	fired = disarm();
	CHECK(!ret || (fired && (ret == ENOMEM || ret == EBUSY)));
	if (ret && ret != ENOMEM)
		printf("# %s: allocation %d: %s\n", op->name, nth, strerror(ret));
	/* Once more, in peace. */
	CHECK(!op->run());
	if (op->run == advise || op->run == read_by_device || op->setup == in_device)
		CHECK(!dev_check(mem, PAGE, words, value));
	else
		CHECK(!dev_write(mem, PAGE, words, value));
	CHECK(cpu_check((void *)mem, PAGE, words, value));
	CHECK(!dev_check(mem, PAGE, words, value));
	op->end();
	return fired;
}

static void one_by_one(const struct operation *op, int number)
{
	int nth = 1;

	failure = NULL;
	while (!failure && fail_nth(op, nth))
		if (nth++ == MOST)
			failure = "it ends";
	printf("%s %d each allocation fails once: %s\n", failure ? "not ok" : "ok", number,
	       op->name);
	printf("# %d allocations\n", nth - 1);
	if (failure)
		printf("# line %d: %s, allocation %d\n", failure_line, failure, nth);
	fflush(stdout);
}

/* ---- Now and then -----------------------------------------------------------------*/

#define STRESS_SIZE (24 * MB)
#define STRESS_WORDS (STRESS_SIZE / PAGE)

static atomic_bool stop;
static atomic_ulong sum, refused;

static void may_fail(void)
{
	write_text("/proc/thread-self/make-it-fail", "1");
}

static void *device_adds(void *arg)
{
	unsigned int seed = (uintptr_t)arg;

	may_fail();
	while (!stop) {
		uint64_t first = rand_r(&seed) % (STRESS_WORDS - 64);
		struct softdev_access a = { .stride = PAGE, .value = 3, .op = SOFTDEV_ADD };
		uint64_t left = 64;

		while (left) {
			a.addr = (uintptr_t)mem + first * PAGE;
			a.count = left;
			if (ioctl(dev, SOFTDEV_IOC_ACCESS, &a)) {
				CHECK(errno == ENOMEM || errno == EBUSY);
				refused++;
			}
			first += a.done;
			left -= a.done;
		}
		sum += 64 * 3;
	}
	return NULL;
}

static _Atomic uint64_t *stress_word(unsigned int *seed)
{
	return (_Atomic uint64_t *)(mem + rand_r(seed) % STRESS_WORDS * PAGE);
}

static void *cpu_adds(void *arg)
{
	unsigned int seed = (uintptr_t)arg;

	may_fail();
	while (!stop) {
		for (int i = 0; i < 100; i++)
			atomic_fetch_add(stress_word(&seed), 1);
		sum += 100;
		usleep(rand_r(&seed) % 3000);
	}
	return NULL;
}

static void *memory_moves(void *arg)
{
	unsigned int seed = (uintptr_t)arg;

	may_fail();
	while (!stop) {
		char *p = mem + rand_r(&seed) % (STRESS_WORDS - 512) * PAGE;

		switch (rand_r(&seed) % 5) {
		case 0:
		case 1:
			dev_prefetch(p, BLOCK, rand_r(&seed) % 2);
			break;
		case 2:
			madvise(p, BLOCK, MADV_PAGEOUT);
			break;
		case 3:
			madvise((void *)((uintptr_t)p & ~(BLOCK - 1)), BLOCK, MADV_COLLAPSE);
			break;
		case 4:
			p = map_anon(BLOCK);
			dev_write(p, PAGE, WORDS, 1);
			munmap(p, BLOCK);
			break;
		}
	}
	return NULL;
}

static void now_and_then(int number, int seconds)
{
	void *(*const run[])(void *) = { device_adds, device_adds, cpu_adds, memory_moves };
	pthread_t threads[4];
	uint64_t found = 0;

	failure = NULL;
	mem = map_aligned(STRESS_SIZE, (void **)&whole);
	for (int i = 0; i < 4; i++)
		pthread_create(&threads[i], NULL, run[i], (void *)(uintptr_t)(i + 1));
	sleep(seconds);
	stop = true;
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	for (size_t i = 0; i < STRESS_WORDS; i++)
		found += *(uint64_t *)(mem + i * PAGE);
	CHECK(found == sum);
	munmap(whole, STRESS_SIZE + BLOCK);
	printf("%s %d allocations fail now and then\n", failure ? "not ok" : "ok", number);
	printf("# sum %lu of %lu, %lu device accesses refused\n", found, sum, refused);
	if (failure)
		printf("# line %d: %s\n", failure_line, failure);
}

int main(int argc, char **argv)
{
	int n = sizeof(operations) / sizeof(*operations);

	setvbuf(stdout, NULL, _IOLBF, 0);
	dev = open(NODE, O_RDWR);
	if (dev < 0) {
		perror(NODE);
		return 1;
	}
	if (argc > 2 && !strcmp(argv[1], "now-and-then")) {
		now_and_then(n + 1, atoi(argv[2]));
		return 0;
	}
	for (int i = 0; i < n; i++)
		one_by_one(&operations[i], i + 1);
	return 0;
}
