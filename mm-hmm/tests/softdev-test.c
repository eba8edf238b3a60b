// SPDX-License-Identifier: GPL-2.0
/*
 * Tests of hmm_svm on the software device: one function per memory situation,
 * checked from the device's side and from the CPU's. Prints TAP.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "softdev-test.h"

int dev;
const char *failure;
int failure_line;
const char *skipped;
bool migrates;

static void anon_write(void)
{
	size_t n = 4 * MB / 8;
	uint64_t *p = map_anon(4 * MB);
	struct softdev_stats before = stats(), after;

	CHECK(!dev_write(p, 8, n, 7));
	CHECK(has_migrated(p) && (query(p) & SOFTDEV_WRITABLE));
	CHECK(cpu_check(p, 8, n, 7));
	CHECK(!migrates || !query(p));
	after = stats();
	CHECK(!migrates || after.pages_to_dev - before.pages_to_dev >= 1024);
	CHECK(!migrates || after.pages_to_sys - before.pages_to_sys >= 1024);
	CHECK(after.cpu_faults - before.cpu_faults < 64);
	CHECK(!migrates || after.faults - before.faults < 64);
	munmap(p, 4 * MB);
}

static void anon_read(void)
{
	size_t n = 4 * MB / 8;
	uint64_t *p = map_anon(4 * MB);

	cpu_write(p, 8, n, 3);
	CHECK(!dev_check(p, 8, n, 3));
	CHECK(has_migrated(p));
	CHECK(!dev_write(p, 8, n, 4));
	CHECK(cpu_check(p, 8, n, 4));
	munmap(p, 4 * MB);
}

static void anon_untouched_is_zero(void)
{
	uint64_t *p = map_anon(MB);

	for (int i = 0; i < 256; i++)
		CHECK(!dev_check(p + i * 512 + i, 8, 1, 0));
	for (size_t i = 0; i < MB / 8; i++)
		CHECK(!p[i]);
	munmap(p, MB);
}

static void zero_page(void)
{
	uint64_t *p = map_anon(MB);

	for (size_t i = 0; i < MB / PAGE; i++)
		CHECK(!p[i * 512]);
	for (size_t i = 0; i < MB / PAGE; i++)
		CHECK(!dev_check(p + i * 512, 8, 1, 0));
	CHECK(!dev_write(p, PAGE, MB / PAGE, 1));
	CHECK(cpu_check(p, PAGE, MB / PAGE, 1));
	munmap(p, MB);
}

static void stack(void)
{
	uint64_t a[1024];

	cpu_write(a, 8, 1024, 5);
	CHECK(!dev_check(a, 8, 1024, 5));
	CHECK(!dev_write(a, 8, 1024, 9));
	CHECK(cpu_check(a, 8, 1024, 9));
}

static void below_stack(void)
{
	char *sp = __builtin_frame_address(0);

	CHECK(dev_write((void *)((uintptr_t)(sp - 4 * MB) & ~7UL), 8, 1, 0) == EFAULT);
}

static void thp(void)
{
	void *whole;
	uint64_t *p = map_aligned(4 * MB, &whole);
	size_t n = 4 * MB / 8;

	madvise(p, 4 * MB, MADV_HUGEPAGE);
	cpu_write(p, 8, n, 11);
	CHECK(!dev_check(p, 8, n, 11));
	CHECK(has_migrated(p));
	CHECK(!dev_write(p, 8, n, 13));
	CHECK(cpu_check(p, 8, n, 13));
	munmap(whole, 4 * MB + BLOCK);
}

static void check_file(int fd, int flags, bool reaches_file)
{
	uint64_t *p, *q;
	size_t n = MB / 8;

	CHECK(!ftruncate(fd, MB));
	q = mmap(NULL, MB, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	p = mmap(NULL, MB, PROT_READ | PROT_WRITE, flags, fd, 0);
	CHECK(p != MAP_FAILED && q != MAP_FAILED);
	cpu_write(q, 8, n, 100);
	CHECK(!dev_check(p, 8, n, 100));
	CHECK((query(p) & (SOFTDEV_PRESENT | SOFTDEV_IN_DEVMEM)) == SOFTDEV_PRESENT);
	CHECK(!dev_write(p, 8, n, 200));
	CHECK(cpu_check(p, 8, n, 200));
	CHECK(!msync(p, MB, MS_SYNC));
	CHECK(cpu_check(q, 8, n, reaches_file ? 200 : 100));
	munmap(p, MB);
	munmap(q, MB);
}

static int temp_file(void)
{
	char name[] = "/tmp/softdev-XXXXXX";
	int fd = mkstemp(name);

	CHECK(fd >= 0);
	unlink(name);
	return fd;
}

static void file_shared(void)
{
	int fd = temp_file();

	check_file(fd, MAP_SHARED, true);
	close(fd);
}

static void file_private(void)
{
	int fd = temp_file();

	check_file(fd, MAP_PRIVATE, false);
	close(fd);
}

static void memfd(void)
{
	int fd = memfd_create("softdev", 0);

	check_file(fd, MAP_SHARED, true);
	close(fd);
}

static void file_beyond_end(void)
{
	int fd = temp_file();
	char *p;

	CHECK(!ftruncate(fd, PAGE));
	p = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	CHECK(!dev_write(p, 8, PAGE / 8, 1));
	CHECK(dev_write(p + PAGE, 8, 1, 1) == EFAULT);
	munmap(p, 2 * PAGE);
	close(fd);
}

static void shmem(void)
{
	size_t n = MB / 8;
	uint64_t *p = mmap(NULL, MB, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	CHECK(!dev_write(p, 8, n, 1));
	CHECK(!(query(p) & SOFTDEV_IN_DEVMEM));
	CHECK(cpu_check(p, 8, n, 1));
	munmap(p, MB);
}

static void hugetlb(void)
{
	size_t n = 2 * MB / 8;
	FILE *f = fopen("/proc/sys/vm/nr_hugepages", "w");
	uint64_t *p;

	CHECK(f && fputs("4", f) >= 0 && !fclose(f));
	p = mmap(NULL, 2 * MB, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, -1, 0);
	CHECK(p != MAP_FAILED);
	if (p == MAP_FAILED)
		return;
	CHECK(!dev_write(p + n / 2, 8, n / 2, 1));
	CHECK(!(query(p + n / 2) & SOFTDEV_IN_DEVMEM));
	CHECK(cpu_check(p + n / 2, 8, n / 2, 1));
	munmap(p, 2 * MB);
}

static void mlocked(void)
{
	uint64_t *p = map_anon(16 * PAGE);

	CHECK(!mlock(p, 16 * PAGE));
	CHECK(!dev_write(p, 8, 16 * PAGE / 8, 1));
	CHECK((query(p) & (SOFTDEV_PRESENT | SOFTDEV_IN_DEVMEM)) == SOFTDEV_PRESENT);
	CHECK(cpu_check(p, 8, 16 * PAGE / 8, 1));
	munmap(p, 16 * PAGE);
}

static void permissions(void)
{
	uint64_t *p = map_anon(MB);

	CHECK(!dev_write(p, 8, 4, 1));
	CHECK(!mprotect(p, MB, PROT_READ));
	CHECK(!dev_check(p, 8, 4, 1));
	CHECK(dev_write(p, 8, 4, 2) == EACCES);
	CHECK(!mprotect(p, MB, PROT_READ | PROT_WRITE));
	CHECK(!dev_write(p, 8, 4, 2));
	CHECK(has_migrated(p));
	CHECK(cpu_check(p, 8, 4, 2));
	CHECK(!mprotect(p, MB, PROT_NONE));
	CHECK(dev_check(p, 8, 4, 2) == EACCES);
	munmap(p, MB);
	CHECK(dev_check(p, 8, 4, 2) == EFAULT);
	CHECK(dev_check(NULL, 8, 1, 0) == EFAULT);
	CHECK(dev_check((void *)~7UL, 8, 1, 0) == EFAULT);
}

static void special_memory(void)
{
	int fd = open("/dev/mem", O_RDONLY);
	void *p;

	if (fd >= 0) {
		p = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 0);
		if (p != MAP_FAILED) {
			CHECK(dev_check(p, 8, 1, 0) == EFAULT);
			munmap(p, PAGE);
		}
		close(fd);
	}
	/* memfd_secret */
	fd = syscall(SYS_memfd_secret, 0);
	if (fd >= 0) {
		CHECK(!ftruncate(fd, PAGE));
		p = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
		CHECK(dev_check(p, 8, 1, 0) == EFAULT);
		munmap(p, PAGE);
		close(fd);
	}
}

static uint64_t *map_userfault(int *fd)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	uint64_t *p = map_anon(MB);

	*fd = syscall(SYS_userfaultfd, 0);
	CHECK(*fd >= 0);
	reg.range.start = (uintptr_t)p;
	reg.range.len = MB;
	CHECK(!ioctl(*fd, UFFDIO_API, &api));
	CHECK(!ioctl(*fd, UFFDIO_REGISTER, &reg));
	return p;
}

static void *serve_userfaults(void *arg)
{
	int fd = (intptr_t)arg;
	struct uffd_msg msg;

	while (read(fd, &msg, sizeof(msg)) == sizeof(msg)) {
		static uint64_t data[512] __attribute__((aligned(4096))) = { 42 };
		struct uffdio_copy copy = {
			.dst = msg.arg.pagefault.address & ~(PAGE - 1),
			.src = (uintptr_t)data,
			.len = PAGE,
		};

		usleep(50000);
		CHECK(!ioctl(fd, UFFDIO_COPY, &copy));
	}
	return NULL;
}

static void userfault(void)
{
	pthread_t thread;
	uint64_t *p;
	int fd;

	p = map_userfault(&fd);
	pthread_create(&thread, NULL, serve_userfaults, (void *)(intptr_t)fd);
	CHECK(!dev_check(p, PAGE, 1, 42));
	CHECK(!dev_write(p + 512, 8, 512, 1));
	CHECK(cpu_check(p + 512, 8, 512, 1));
	CHECK(!(query(p) & SOFTDEV_IN_DEVMEM));
	pthread_cancel(thread);
	pthread_join(thread, NULL);
	close(fd);
	munmap(p, MB);
}

/* Nobody serves the page. The process can be killed, and others do not notice. */
static void userfault_stalled(void)
{
	uint64_t *p = map_anon(MB);
	pid_t pid = fork();
	int fd;

	if (!pid) {
		close(dev);
		dev = open("/dev/hmm_svm_softdev", O_RDWR);
		dev_write(map_userfault(&fd), 8, 1, 1);
		_exit(1);
	}
	usleep(200000);
	CHECK(!dev_write(p, 8, MB / 8, 1));
	CHECK(cpu_check(p, 8, MB / 8, 1));
	kill(pid, SIGKILL);
	CHECK(WIFSIGNALED(wait_child(pid)));
	munmap(p, MB);
}

/* A pinned page stays where it is, and the device uses it there. */
static void pinned(void)
{
	uint64_t *p = map_anon(MB), *q = map_anon(MB);
	struct iovec iov = { .iov_base = p, .iov_len = 8 * PAGE };
	int pipes[2];

	CHECK(!pipe(pipes));
	cpu_write(p, 8, MB / 8, 1);
	CHECK(vmsplice(pipes[1], &iov, 1, 0) == 8 * PAGE);
	CHECK(!dev_write(p, 8, MB / 8, 2));
	CHECK((query(p) & (SOFTDEV_PRESENT | SOFTDEV_IN_DEVMEM)) == SOFTDEV_PRESENT);
	CHECK(has_migrated(p + 16 * 512));
	CHECK(read(pipes[0], q, 8 * PAGE) == 8 * PAGE);
	CHECK(cpu_check(q, 8, 8 * PAGE / 8, 2));
	CHECK(cpu_check(p, 8, MB / 8, 2));
	close(pipes[0]);
	close(pipes[1]);
	munmap(p, MB);
	munmap(q, MB);
}

/* The kernel reads and writes memory that is on the device. */
static void system_calls(void)
{
	uint64_t *p = map_anon(MB);
	int fd = temp_file();

	CHECK(!dev_write(p, 8, MB / 8, 5));
	CHECK(write(fd, p, MB) == (ssize_t)MB);
	CHECK(!dev_write(p, 8, MB / 8, 6));
	CHECK(pread(fd, p, MB, 0) == (ssize_t)MB);
	CHECK(!dev_check(p, 8, MB / 8, 5));
	close(fd);
	munmap(p, MB);
}

static void moved(void)
{
	uint64_t *p = map_anon(4 * MB), *q = map_anon(8 * MB);
	size_t n = 4 * MB / 8;

	CHECK(!dev_write(p, 8, n, 1));
	q = mremap(p, 4 * MB, 4 * MB, MREMAP_MAYMOVE | MREMAP_FIXED, (char *)q + 5 * PAGE);
	CHECK(q != MAP_FAILED);
	CHECK(dev_check(p, 8, 1, 1) == EFAULT);
	CHECK(!dev_check(q, 8, n, 1));
	CHECK(!dev_write(q, 8, n, 2));
	CHECK(cpu_check(q, 8, n, 2));
	munmap((char *)q - 5 * PAGE, 8 * MB);
}

static void dontneed(void)
{
	uint64_t *p = map_anon(4 * MB);

	CHECK(!dev_write(p, PAGE, 1024, 1));
	CHECK(!madvise(p, 4 * MB, MADV_DONTNEED));
	CHECK(!migrates || !query(p));
	for (int i = 0; i < 1024; i++)
		CHECK(!dev_check(p + i * 512, 8, 1, 0));
	munmap(p, 4 * MB);
}

static void fork_cow(bool child_first)
{
	uint64_t *p = map_anon(MB);
	size_t n = MB / 8;
	int pipes[2];
	char c;
	pid_t pid;

	CHECK(!pipe(pipes));
	CHECK(!dev_write(p, 8, n, 1));
	pid = fork();
	if (!pid) {
		bool ok;

		if (!child_first)
			ok = read(pipes[0], &c, 1) == 1;
		ok = cpu_check(p, 8, n, 1);
		cpu_write(p, 8, n, 77);
		_exit(ok && cpu_check(p, 8, n, 77) ? 0 : 1);
	}
	if (child_first)
		CHECK(wait_child(pid) == 0);
	CHECK(!dev_check(p, 8, n, 1));
	CHECK(!dev_write(p, 8, n, 2));
	if (!child_first) {
		CHECK(write(pipes[1], "x", 1) == 1);
		CHECK(wait_child(pid) == 0);
	}
	CHECK(!dev_check(p, 8, n, 2));
	CHECK(cpu_check(p, 8, n, 2));
	close(pipes[0]);
	close(pipes[1]);
	munmap(p, MB);
}

static void fork_child_first(void)
{
	fork_cow(true);
}

static void fork_parent_first(void)
{
	fork_cow(false);
}

static void fork_child_refused(void)
{
	uint64_t *p = map_anon(MB);
	pid_t pid = fork();

	if (!pid)
		_exit(dev_write(p, 8, 1, 1));
	CHECK(WEXITSTATUS(wait_child(pid)) == EPERM);
	munmap(p, MB);
}

/* Each sees what the other writes, wherever that is, and what the CPU writes. */
static void two_mirrors(void)
{
	uint64_t *p = map_anon(4 * MB);
	size_t n = 4 * MB / 8;
	int first = dev, second = open("/dev/hmm_svm_softdev", O_RDWR);

	CHECK(!dev_write(p, 8, n, 1));
	dev = second;
	CHECK(!dev_check(p, 8, n, 1));
	CHECK(has_migrated(p));
	CHECK(!dev_write(p, 8, n, 2));
	dev = first;
	CHECK(has_migrated(p));
	CHECK(!dev_check(p, 8, n, 2));
	cpu_write(p, 8, n, 3);
	CHECK(!migrates || !query(p));
	dev = second;
	CHECK(!migrates || !query(p));
	CHECK(!dev_check(p, 8, n, 3));
	close(second);
	dev = first;
	CHECK(cpu_check(p, 8, n, 3));
	munmap(p, 4 * MB);
}

/* The mirror goes with its process; the pages stay with the child. */
static void child_outlives_parent(void)
{
	int pipes[2];
	char result = 0;
	pid_t pid;

	CHECK(!pipe(pipes));
	pid = fork();
	if (!pid) {
		uint64_t *p = map_anon(MB);

		close(dev);
		dev = open("/dev/hmm_svm_softdev", O_RDWR);
		dev_write(p, 8, MB / 8, 1);
		if (fork())
			_exit(0);
		usleep(300000);
		result = cpu_check(p, 8, MB / 8, 1) ? 'y' : 'n';
		_exit(write(pipes[1], &result, 1) != 1);
	}
	CHECK(wait_child(pid) == 0);
	close(pipes[1]);
	CHECK(read(pipes[0], &result, 1) == 1 && result == 'y');
	close(pipes[0]);
}

static void oversubscribed(void)
{
	size_t size = 64 * MB, n = size / 512;
	char *p = map_anon(size);
	struct softdev_stats before = stats(), after;

	for (int round = 1; round < 4; round++) {
		CHECK(!dev_write(p, 512, n, round));
		CHECK(!dev_check(p, 512, n, round));
	}
	CHECK(cpu_check((void *)p, 512, n, 3));
	after = stats();
	CHECK(!migrates || after.pages_evicted - before.pages_evicted > 1000);
	munmap(p, size);
}

/* One word per block, round and round: the worst case for chunks. */
static void lanes_on_blocks(void)
{
	char *p = map_anon(64 * BLOCK);

	for (int round = 1; round < 20; round++)
		CHECK(!dev_write(p, BLOCK, 64, round));
	CHECK(cpu_check((void *)p, BLOCK, 64, 19));
	munmap(p, 64 * BLOCK);
}

static void prefetch(void)
{
	uint64_t *p = map_anon(4 * MB);
	size_t n = 4 * MB / 8;
	struct softdev_stats before, after;

	cpu_write(p, 8, n, 1);
	CHECK(!dev_prefetch(p, 4 * MB, true));
	before = stats();
	CHECK(!dev_check(p, 8, n, 1));
	CHECK(!dev_write(p, 8, n, 2));
	after = stats();
	CHECK(after.faults == before.faults);
	CHECK(!dev_prefetch(p, 4 * MB, false));
	before = stats();
	CHECK(cpu_check(p, 8, n, 2));
	after = stats();
	CHECK(after.cpu_faults == before.cpu_faults);
	munmap((char *)p + MB, MB);
	CHECK(dev_prefetch(p, 4 * MB, true) == EFAULT);
	CHECK(has_migrated((char *)p + 3 * MB));
	munmap(p, 4 * MB);
}

static void copy_fails_to_device(void)
{
	uint64_t *p = map_anon(MB);

	cpu_write(p, 8, 512, 1);
	fail_copies(1);
	CHECK(!dev_check(p, 8, 512, 1));
	CHECK((query(p) & (SOFTDEV_PRESENT | SOFTDEV_IN_DEVMEM)) == SOFTDEV_PRESENT);
	fail_copies(0);
	munmap(p, MB);
}

static sigjmp_buf on_sigbus;

static void sigbus(int sig)
{
	siglongjmp(on_sigbus, 1);
}

static void copy_fails_to_system(void)
{
	volatile uint64_t *p = map_anon(MB);
	volatile bool got = false;

	CHECK(!dev_write((void *)p, 8, 512, 1));
	signal(SIGBUS, sigbus);
	fail_copies(1);
	if (sigsetjmp(on_sigbus, 1))
		got = true;
	else
		CHECK(p[0] == 1);
	signal(SIGBUS, SIG_DFL);
	CHECK(got);
	/* Nothing was lost. */
	CHECK(cpu_check(p, 8, 512, 1));
	munmap((void *)p, MB);
}

static void driver_chunks(void)
{
	uint64_t *p = map_anon(16 * MB);
	size_t n = 16 * MB / 8;
	uint32_t chunks = 0;

	CHECK(!dev_write(p, 8, n, 1));
	CHECK(!ioctl(dev, SOFTDEV_IOC_CHUNKS, &chunks));
	/* of 8, half of which are kept for what migrates */
	CHECK(chunks == (migrates ? 4 : 8));
	CHECK(!dev_check(p, 8, n, 1));
	CHECK(!dev_write(p, 8, n, 2));
	CHECK(cpu_check(p, 8, n, 2));
	chunks = 1;
	CHECK(!ioctl(dev, SOFTDEV_IOC_CHUNKS, &chunks));
	CHECK(!chunks);
	munmap(p, 16 * MB);
}

static void killed_in_fault(void)
{
	for (int i = 0; i < 5; i++) {
		pid_t pid = fork();

		if (!pid) {
			char *p = map_anon(64 * MB);

			close(dev);
			dev = open("/dev/hmm_svm_softdev", O_RDWR);
			for (;;)
				dev_write(p, PAGE, 64 * MB / PAGE, 1);
		}
		usleep(100000 + 37000 * i);
		kill(pid, SIGKILL);
		CHECK(WIFSIGNALED(wait_child(pid)));
	}
}

static void exec_of_owner(void)
{
	pid_t pid = fork();

	if (!pid) {
		char *p = map_anon(8 * MB);

		close(dev);
		dev = open("/dev/hmm_svm_softdev", O_RDWR);
		if (dev_write(p, PAGE, 2048, 1))
			_exit(1);
		execl("/bin/true", "true", NULL);
		_exit(2);
	}
	CHECK(wait_child(pid) == 0);
}

/*
 * For run-in-guest: leaves a page behind on a device that cannot copy
 * any more, until something arrives at standard input. By then the device may
 * be gone; the page must be SIGBUS and nothing else.
 */
static int lost(void)
{
	volatile uint64_t *p = map_anon(MB);
	char c;

	dev = open("/dev/hmm_svm_softdev", O_RDWR);
	CHECK(!dev_write((void *)p, 8, 512, 1));
	fail_copies(1000000);
	close(dev);
	printf("ready\n");
	CHECK(read(0, &c, 1) == 1);
	signal(SIGBUS, sigbus);
	if (!sigsetjmp(on_sigbus, 1)) {
		CHECK(!p[0]);
		CHECK(!"SIGBUS");
	}
	munmap((void *)p, MB);
	printf("%s - lost\n", failure ? "not ok" : "ok");
	return !!failure;
}

#define TEST(name) { #name, name, false }
#define TEST_OF_MIGRATION(name) { #name, name, true }
static const struct {
	const char *name;
	void (*run)(void);
	bool needs_migration;
} tests[] = {
	TEST(anon_write), TEST(anon_read), TEST(anon_untouched_is_zero), TEST(zero_page),
	TEST(stack), TEST(below_stack), TEST(thp), TEST(file_shared), TEST(file_private),
	TEST(memfd), TEST(file_beyond_end), TEST(shmem), TEST(hugetlb), TEST(mlocked),
	TEST(permissions), TEST(special_memory), TEST(userfault),
	TEST(userfault_stalled), TEST(pinned), TEST(system_calls), TEST(moved), TEST(dontneed),
	TEST(fork_child_first), TEST(fork_parent_first), TEST(fork_child_refused),
	TEST(two_mirrors),
	TEST(child_outlives_parent), TEST(oversubscribed), TEST(lanes_on_blocks),
	TEST(prefetch), TEST(copy_fails_to_device), TEST_OF_MIGRATION(copy_fails_to_system),
	TEST(driver_chunks), TEST(killed_in_fault), TEST(exec_of_owner),
	TEST(large_both_ways), TEST(large_untouched), TEST(large_first_touch),
	TEST(large_zero_page), TEST(large_unwanted),
	TEST(large_refused_to_device), TEST(large_refused_to_cpu), TEST(large_refused_to_system),
	TEST(large_unmapped_in_part), TEST(large_discarded_in_part),
	TEST(large_protected_in_part), TEST(large_forked), TEST(large_shared_refused),
	TEST(large_moved), TEST(large_oversubscribed), TEST(large_eviction_refused),
	TEST(race_split_in_fault), TEST(race_discarded_in_fault),
	TEST(race_discarded_in_eviction), TEST(race_discarded_in_prefetch),
	TEST(race_child_exits_in_fault), TEST(race_child_exits_in_eviction),
	TEST(race_fault_of_child), TEST(race_only_child_left),
	TEST_OF_MIGRATION(run_of_all_kinds), TEST_OF_MIGRATION(run_with_gaps),
	TEST_OF_MIGRATION(run_copy_fails), TEST_OF_MIGRATION(run_large_refused),
	TEST_OF_MIGRATION(run_oversubscribed), TEST_OF_MIGRATION(run_contended),
	TEST(entry_huge), TEST(entry_hugetlb), TEST(entry_shmem),
	TEST_OF_MIGRATION(entry_device), TEST(entry_in_part), TEST(entry_upgrade),
	TEST(entry_upgrade_in_part), TEST(pages_of_kinds), TEST(pages_bad),
	TEST_OF_MIGRATION(exclusive), TEST_OF_MIGRATION(exclusive_and_fork),
	TEST_OF_MIGRATION(exclusive_and_changes), TEST_OF_MIGRATION(exclusive_shared_memory),
	TEST_OF_MIGRATION(exclusive_contended), TEST(given_up_and_written),
	TEST_OF_MIGRATION(copy_shared), TEST_OF_MIGRATION(copy_child_gone),
	TEST_OF_MIGRATION(copy_huge), TEST_OF_MIGRATION(copy_merged), TEST(copy_not_exclusive),
	TEST_OF_MIGRATION(copy_fails), TEST_OF_MIGRATION(copy_evicted),
	TEST_OF_MIGRATION(copy_contended),
	TEST(advice_bad), TEST_OF_MIGRATION(advice_of_ranges), TEST(advice_is_forgotten),
	TEST(advice_of_everything), TEST(advice_is_limited), TEST_OF_MIGRATION(advice_preferred),
	TEST_OF_MIGRATION(advice_window), TEST(advice_ahead), TEST(advice_atomic_none),
	TEST_OF_MIGRATION(advice_atomic_device), TEST_OF_MIGRATION(advice_read_mostly),
	TEST(advice_atomic_in_part), TEST(promoted), TEST_OF_MIGRATION(holes_stay),
	TEST(thrash_with_cpu), TEST(thrash_by_eviction), TEST(thrash_among_others), TEST(faults),
	TEST(stalled_owner_killed), TEST(stalled_two_mirrors), TEST(stalled_interrupted),
	TEST(stalled_closed), TEST(stalled_fuse), TEST(stalled_fuse_taken), TEST(stress),
};

static bool kernel_migrates(void)
{
	FILE *file = fopen("/sys/module/hmm_svm_softdev/parameters/migrates", "r");
	int c = file ? fgetc(file) : EOF;

	if (file)
		fclose(file);
	return c == 'Y';
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
	size_t i, n = sizeof(tests) / sizeof(*tests);
	int failed = 0;

	setvbuf(stdout, NULL, _IOLBF, 0);
	migrates = kernel_migrates();
	if (argc > 1 && !strcmp(argv[1], "lost"))
		return lost();
	if (argc > 1 && !strcmp(argv[1], "stays"))
		return stays();
	if (argc > 1 && !strcmp(argv[1], "coherent"))
		return coherent_tests();
	printf("1..%zu\n", n);
	for (i = 0; i < n; i++) {
		double start = now();

		if (argc > 1 && strcmp(argv[1], tests[i].name)) {
			printf("ok %zu %s # SKIP not asked for\n", i + 1, tests[i].name);
			continue;
		}
		if (tests[i].needs_migration && !migrates) {
			printf("ok %zu %s # SKIP the kernel has no CONFIG_DEVICE_PRIVATE\n",
			       i + 1, tests[i].name);
			continue;
		}
		printf("# running %s\n", tests[i].name);
		failure = NULL;
		skipped = NULL;
		dev = open("/dev/hmm_svm_softdev", O_RDWR);
		CHECK(dev >= 0);
		tests[i].run();
		close(dev);
		if (skipped && !failure) {
			printf("ok %zu %s # SKIP %s\n", i + 1, tests[i].name, skipped);
			continue;
		}
		printf("%s %zu %s # %.2f s\n", failure ? "not ok" : "ok", i + 1, tests[i].name,
		       now() - start);
		if (failure)
			printf("# line %d: %s\n", failure_line, failure);
		failed += !!failure;
	}
	return failed != 0;
}
