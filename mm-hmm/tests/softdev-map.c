// SPDX-License-Identifier: GPL-2.0
/*
 * How memory is mapped: large entries, what a query says, and pages that the
 * device has for itself. The device notes each large entry that is not what
 * the layer promises, or of which only a part is taken away.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "softdev-test.h"

#define GROUP (64UL << 10)
#define WORDS(size) ((size) / sizeof(uint64_t))

static unsigned int broken(void)
{
	uint32_t n = 0;

	CHECK(!ioctl(dev, SOFTDEV_IOC_BROKEN, &n));
	return n;
}

static unsigned int order_of(void *p)
{
	return SOFTDEV_ORDER(query(p));
}

static bool is_present(void *p)
{
	return query(p) & SOFTDEV_PRESENT;
}

static void write_file(const char *name, const char *text)
{
	int fd = open(name, O_WRONLY);

	CHECK(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	close(fd);
}

/* A huge page, which is to stay in system memory; false: the kernel has none left. */
static uint64_t *map_huge(void **whole)
{
	uint64_t *p = map_aligned(BLOCK, whole);

	madvise(p, BLOCK, MADV_HUGEPAGE);
	cpu_write(p, 8, WORDS(BLOCK), 1);
	CHECK(!dev_advise(p, BLOCK, SOFTDEV_PREFERRED, SOFTDEV_LOC_SYSTEM));
	return p;
}

static void unmap_huge(void *whole)
{
	munmap(whole, 2 * BLOCK);
	CHECK(!broken());
}

void entry_huge(void)
{
	struct softdev_stats before, after;
	void *whole;
	uint64_t *p = map_huge(&whole);

	before = stats();
	CHECK(!dev_check(p, 8, WORDS(BLOCK), 1));
	after = stats();
	CHECK(order_of(p) == 9);
	CHECK(order_of((char *)p + 300 * PAGE) == 9);
	CHECK(after.faults - before.faults == 1);
	CHECK(after.pages_mapped_sys - before.pages_mapped_sys == 512);
	CHECK(!dev_write(p, 8, WORDS(BLOCK), 2));
	CHECK(cpu_check(p, 8, WORDS(BLOCK), 2));
	CHECK(order_of(p) == 9);
	unmap_huge(whole);
}

void entry_hugetlb(void)
{
	uint64_t *p;

	write_file("/proc/sys/vm/nr_hugepages", "4");
	p = mmap(NULL, 2 * BLOCK, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, -1, 0);
	CHECK(p != MAP_FAILED);
	cpu_write(p, 8, WORDS(2 * BLOCK), 1);
	CHECK(!dev_check(p, 8, WORDS(2 * BLOCK), 1));
	CHECK(order_of(p) == 9);
	CHECK(!dev_write(p, 8, WORDS(2 * BLOCK), 2));
	CHECK(!munmap(p, BLOCK));
	CHECK(!is_present(p));
	CHECK(cpu_check(p + WORDS(BLOCK), 8, WORDS(BLOCK), 2 + WORDS(BLOCK)));
	munmap(p + WORDS(BLOCK), BLOCK);
	write_file("/proc/sys/vm/nr_hugepages", "0");
	CHECK(!broken());
}

/* Large folios of the page cache. */
void entry_shmem(void)
{
	char dir[] = "/tmp/softdev-huge-XXXXXX", name[64];
	uint64_t *p;
	void *whole;
	int fd;

	CHECK(mkdtemp(dir) && !mount("none", dir, "tmpfs", 0, "huge=always"));
	snprintf(name, sizeof(name), "%s/file", dir);
	fd = open(name, O_RDWR | O_CREAT, 0600);
	CHECK(fd >= 0 && !ftruncate(fd, BLOCK));
	p = map_aligned(BLOCK, &whole);
	CHECK(mmap(p, BLOCK, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 0) == p);
	cpu_write(p, 8, WORDS(BLOCK), 1);
	CHECK(!dev_check(p, 8, WORDS(BLOCK), 1));
	CHECK(order_of(p) >= 4);
	CHECK(!dev_write(p, 8, WORDS(BLOCK), 2));
	/* A hole in the middle of the large folio. */
	CHECK(!fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 100 * PAGE, PAGE));
	CHECK(!is_present((char *)p + 100 * PAGE));
	CHECK(!dev_check((char *)p + 100 * PAGE, 8, 1, 0));
	CHECK(!dev_check(p, 8, 100 * WORDS(PAGE), 2));
	CHECK(cpu_check(p + 101 * WORDS(PAGE), 8, WORDS(BLOCK) - 101 * WORDS(PAGE),
			2 + 101 * WORDS(PAGE)));
	munmap(whole, 2 * BLOCK);
	close(fd);
	CHECK(!umount(dir) && !rmdir(dir));
	CHECK(!broken());
}

/*
 * Device memory is contiguous. What goes to the CPU takes the whole entry
 * along, and one fault brings the rest of it back.
 */
void entry_device(void)
{
	struct softdev_stats before, after;
	void *whole;
	char *p = map_aligned(BLOCK, &whole);
	uint64_t *last = (uint64_t *)(p + BLOCK - PAGE);

	madvise(p, BLOCK, MADV_NOHUGEPAGE);
	CHECK(!dev_write(p, PAGE, 16, 1));
	CHECK(order_of(p) == 4);
	CHECK(!dev_prefetch(p, BLOCK, false));
	CHECK(!is_present(p));
	CHECK(!dev_prefetch(p, BLOCK, true));
	CHECK(order_of(p) == 9 && order_of(last) == 9);
	CHECK(!dev_write(p, 8, WORDS(BLOCK), 3));

	CHECK(*last == 3 + WORDS(BLOCK - PAGE));
	CHECK(!is_present(p) && !is_present(last));
	before = stats();
	CHECK(!dev_check(p, 8, WORDS(BLOCK - GROUP), 3));
	after = stats();
	CHECK(after.faults - before.faults == 1);
	CHECK(order_of(p) == 4);
	CHECK(cpu_check((void *)p, 8, WORDS(BLOCK), 3));
	unmap_huge(whole);
}

void entry_in_part(void)
{
	void *whole;
	uint64_t *p = map_huge(&whole), *hole = p + 300 * WORDS(PAGE);

	CHECK(!dev_write(p, 8, WORDS(BLOCK), 7));
	CHECK(order_of(p) == 9);
	CHECK(!madvise(hole, PAGE, MADV_DONTNEED));
	CHECK(!is_present(p) && !is_present(hole));
	CHECK(!dev_check(hole, 8, 1, 0));
	CHECK(!dev_check(p, 8, 300 * WORDS(PAGE), 7));
	CHECK(!mprotect(hole + WORDS(PAGE), PAGE, PROT_READ));
	CHECK(dev_write(hole + WORDS(PAGE), 8, 1, 1) == EACCES);
	CHECK(!dev_write(hole + 2 * WORDS(PAGE), 8, WORDS(PAGE), 9));
	CHECK(cpu_check(hole + 2 * WORDS(PAGE), 8, WORDS(PAGE), 9));
	CHECK(cpu_check(hole + WORDS(PAGE), 8, WORDS(PAGE), 7 + 301 * WORDS(PAGE)));
	unmap_huge(whole);
}

static void fork_and_forget(void)
{
	pid_t pid = fork();

	if (!pid)
		_exit(0);
	CHECK(wait_child(pid) == 0);
}

/* The CPU gets the right to write without an invalidation; so does the device. */
void entry_upgrade(void)
{
	void *whole;
	uint64_t *p = map_huge(&whole);

	fork_and_forget();
	CHECK(!dev_check(p, 8, WORDS(BLOCK), 1));
	CHECK(order_of(p) == 9 && !(query(p) & SOFTDEV_WRITABLE));
	CHECK(!dev_write(p, 8, WORDS(BLOCK), 2));
	CHECK(query(p) & SOFTDEV_WRITABLE);
	CHECK(cpu_check(p, 8, WORDS(BLOCK), 2));
	unmap_huge(whole);
}

/* The same for one page of a folio that the CPU maps by pages. */
void entry_upgrade_in_part(void)
{
	static const char knob[] = "/sys/kernel/mm/transparent_hugepage/hugepages-64kB/enabled";
	void *whole;
	uint64_t *p = map_aligned(BLOCK, &whole);

	write_file(knob, "always");
	madvise(p, BLOCK, MADV_NOHUGEPAGE);
	madvise(p, GROUP, MADV_HUGEPAGE);
	cpu_write(p, 8, WORDS(GROUP), 1);
	CHECK(!dev_advise(p, BLOCK, SOFTDEV_PREFERRED, SOFTDEV_LOC_SYSTEM));
	fork_and_forget();
	CHECK(!dev_check(p, 8, WORDS(GROUP), 1));
	CHECK(order_of(p) == 4 && !(query(p) & SOFTDEV_WRITABLE));
	CHECK(!dev_write(p + 5 * WORDS(PAGE), 8, 1, 42));
	CHECK(query(p + 5 * WORDS(PAGE)) & SOFTDEV_WRITABLE);
	CHECK(!dev_check(p, 8, 5 * WORDS(PAGE), 1));
	CHECK(p[5 * WORDS(PAGE)] == 42);
	write_file(knob, "never");
	unmap_huge(whole);
}

static int pages_of(void *p, size_t n, uint16_t *flags)
{
	struct softdev_pages q = {
		.start = (uintptr_t)p,
		.end = (uintptr_t)p + n * PAGE,
		.flags = (uintptr_t)flags,
	};

	return ioctl(dev, SOFTDEV_IOC_PAGES, &q) ? errno : 0;
}

void pages_of_kinds(void)
{
	char *p = map_anon(MB);
	int fd = syscall(SYS_memfd_secret, 0);
	uint16_t flags[512];
	volatile char sink;
	void *whole, *huge;

	CHECK(!munmap(p + PAGE, PAGE));
	CHECK(!mprotect(p + 2 * PAGE, PAGE, PROT_NONE));
	sink = p[3 * PAGE];
	p[4 * PAGE] = p[5 * PAGE] = p[6 * PAGE] = sink + 1;
	CHECK(!mprotect(p + 5 * PAGE, PAGE, PROT_READ));
	CHECK(!dev_advise(p + 6 * PAGE, PAGE, SOFTDEV_PREFETCH, 0));
	CHECK(!dev_check(p + 6 * PAGE, 8, 1, 1));

	CHECK(!pages_of(p, 8, flags));
	CHECK(flags[0] == 0);
	CHECK(flags[1] == SOFTDEV_PAGE_ERROR);
	CHECK(flags[2] == SOFTDEV_PAGE_ERROR);
	CHECK(flags[3] == (SOFTDEV_PAGE_READ | SOFTDEV_PAGE_ZERO));
	CHECK(flags[4] == (SOFTDEV_PAGE_READ | SOFTDEV_PAGE_WRITE));
	CHECK(flags[5] == SOFTDEV_PAGE_READ);
	CHECK(flags[6] == (SOFTDEV_PAGE_READ | SOFTDEV_PAGE_WRITE | SOFTDEV_PAGE_MAPPED |
			   (migrates ? SOFTDEV_PAGE_LOCAL : 0)));
	CHECK(flags[7] == 0);
	munmap(p, MB);

	huge = map_huge(&whole);
	CHECK(!pages_of(huge, 512, flags));
	CHECK(flags[0] == (SOFTDEV_PAGE_READ | SOFTDEV_PAGE_WRITE | 9 << 12));
	CHECK(flags[511] == flags[0]);
	unmap_huge(whole);

	if (fd >= 0) {
		CHECK(!ftruncate(fd, PAGE));
		p = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
		p[0] = 1;
		CHECK(!pages_of(p, 1, flags) && flags[0] == SOFTDEV_PAGE_ERROR);
		munmap(p, PAGE);
		close(fd);
	}
}

void pages_bad(void)
{
	char *p = map_anon(MB);
	uint16_t flags[2] = { 0x5555, 0x5555 };

	CHECK(pages_of(p + 8, 1, flags) == EINVAL);
	CHECK(pages_of((void *)(1UL << 62), 1, flags) == EINVAL);
	CHECK(flags[0] == 0x5555);
	/* A query brings nothing. */
	CHECK(!pages_of(p, 2, flags) && !flags[0] && !flags[1]);
	CHECK(!is_present(p));
	munmap(p, MB);
}

/* Anonymous memory that is to stay, and of which the device is to do atomics alone. */
static uint64_t *map_for_atomics(size_t size)
{
	uint64_t *p = map_anon(size);

	CHECK(!dev_advise(p, size, SOFTDEV_PREFERRED, SOFTDEV_LOC_SYSTEM));
	CHECK(!dev_advise(p, size, SOFTDEV_ATOMIC, SOFTDEV_ATOMIC_DEVICE));
	return p;
}

static bool is_exclusive(void *p)
{
	uint16_t flags = 0;

	CHECK(!pages_of(p, 1, &flags));
	return (query(p) & (SOFTDEV_CAN_ATOMIC | SOFTDEV_IN_DEVMEM)) == SOFTDEV_CAN_ATOMIC &&
	       flags == SOFTDEV_PAGE_MAPPED;
}

void exclusive(void)
{
	uint64_t *p = map_for_atomics(MB);
	struct softdev_stats before = stats(), after;

	cpu_write(p, PAGE, 32, 100);
	/* What is only written is not taken from the CPU. */
	CHECK(!dev_write(p, PAGE, 32, 200));
	CHECK(is_present(p) && !(query(p) & SOFTDEV_CAN_ATOMIC));
	CHECK(!dev_add(p, PAGE, 16, 5));
	after = stats();
	CHECK(is_exclusive(p) && is_exclusive(p + 15 * WORDS(PAGE)));
	CHECK(!is_exclusive(p + 16 * WORDS(PAGE)));
	CHECK(after.pages_exclusive - before.pages_exclusive == 16);
	/* The device may do all there, without a fault. */
	before = stats();
	CHECK(!dev_check(p, PAGE, 16, 205));
	CHECK(!dev_write(p, PAGE, 16, 300));
	CHECK(!dev_add(p, PAGE, 16, 1));
	after = stats();
	CHECK(after.faults == before.faults);
	/* The CPU gets it back when it wants it. */
	CHECK(cpu_check(p, PAGE, 16, 301));
	CHECK(!is_present(p));
	p[0] = 1000;
	CHECK(!dev_add(p, PAGE, 1, 1));
	CHECK(is_exclusive(p) && p[0] == 1001);
	munmap(p, MB);
}

void exclusive_and_fork(void)
{
	uint64_t *p = map_for_atomics(MB);
	pid_t pid;

	CHECK(!dev_add(p, PAGE, 16, 5));
	CHECK(is_exclusive(p));
	pid = fork();
	if (!pid) {
		for (int i = 0; i < 16; i++)
			if (p[i * WORDS(PAGE)]++ != 5)
				_exit(1);
		_exit(0);
	}
	CHECK(!dev_add(p, PAGE, 16, 5));
	CHECK(wait_child(pid) == 0);
	CHECK(!dev_add(p, PAGE, 16, 1));
	for (int i = 0; i < 16; i++)
		CHECK(p[i * WORDS(PAGE)] == 11);
	munmap(p, MB);
}

void exclusive_and_changes(void)
{
	uint64_t *p = map_for_atomics(MB), *q;

	CHECK(!dev_add(p, PAGE, 16, 5));
	CHECK(!madvise(p, PAGE, MADV_DONTNEED));
	CHECK(!is_present(p));
	CHECK(!dev_add(p, PAGE, 1, 1) && p[0] == 1);
	CHECK(!mprotect(p + WORDS(PAGE), PAGE, PROT_READ));
	CHECK(dev_add(p + WORDS(PAGE), PAGE, 1, 1) == EACCES);
	CHECK(p[WORDS(PAGE)] == 5);
	/* The page goes elsewhere, and takes its value along. */
	q = map_for_atomics(MB);
	CHECK(mremap(p + 2 * WORDS(PAGE), PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, q) == q);
	CHECK(dev_add(p + 2 * WORDS(PAGE), PAGE, 1, 1) == EFAULT);
	CHECK(!dev_add(q, PAGE, 1, 1) && q[0] == 6);
	munmap(p, MB);
	munmap(q, MB);
}

/* Core mm cannot take this from the CPU: others may have it mapped. */
void exclusive_shared_memory(void)
{
	uint64_t *p = mmap(NULL, MB, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	CHECK(!dev_advise(p, MB, SOFTDEV_ATOMIC, SOFTDEV_ATOMIC_DEVICE));
	p[0] = 7;
	CHECK(dev_add(p, PAGE, 1, 1) == EOPNOTSUPP);
	CHECK(!dev_check(p, PAGE, 1, 7));
	CHECK(!dev_advise(p, MB, SOFTDEV_ATOMIC, 0));
	CHECK(!dev_add(p, PAGE, 1, 1) && p[0] == 8);
	munmap(p, MB);
}

static void *add_by_cpu(void *arg)
{
	uint64_t *p = arg;

	for (int i = 0; i < 2000; i++)
		__atomic_fetch_add(&p[i % 4 * WORDS(PAGE)], 1, __ATOMIC_SEQ_CST);
	return NULL;
}

/* Neither loses an addition to the other. */
void exclusive_contended(void)
{
	uint64_t *p = map_for_atomics(MB), sum = 0;
	pthread_t thread;

	CHECK(!pthread_create(&thread, NULL, add_by_cpu, p));
	for (int i = 0; i < 500; i++)
		CHECK(!dev_add(p, PAGE, 4, 1));
	CHECK(!pthread_join(thread, NULL));
	for (int i = 0; i < 4; i++)
		sum += p[i * WORDS(PAGE)];
	CHECK(sum == 2000 + 4 * 500);
	munmap(p, MB);
}

/* MADV_FREE gives memory up until it is written again: by the device, too. */
void given_up_and_written(void)
{
	uint64_t *p = map_anon(MB);
	size_t n = MB / PAGE;

	for (int in_device = 0; in_device < 2; in_device++) {
		cpu_write(p, PAGE, n, 1);
		CHECK(!in_device || !dev_prefetch(p, MB, true));
		CHECK(!madvise(p, MB, MADV_FREE));
		CHECK(!dev_write(p, PAGE, n, 2));
		CHECK(!dev_prefetch(p, MB, false));
		CHECK(cpu_check(p, PAGE, n, 2));
		CHECK(!madvise(p, MB, MADV_PAGEOUT));
		CHECK(cpu_check(p, PAGE, n, 2));
	}
	munmap(p, MB);
}
