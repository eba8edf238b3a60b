// SPDX-License-Identifier: MIT
/*
 * Shared virtual memory that its program watches by userfaultfd. What becomes of a process
 * whose monitor never answers is in colibri_svm_pressure.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "gpu_test.h"
#include "system.h"
#include "userfault.h"

IGT_TEST_DESCRIPTION("Shared virtual memory: userfaultfd");

#define SIZE	(64 * KiB)

/* Two pages: one that the monitor fills, one that it leaves empty. */
static void missing(struct gpu *gpu)
{
	char *pages = map_anonymous(2 * PAGE_SIZE, PAGE_SIZE);
	uint64_t filled[PAGE_SIZE / 8] = { 42 };
	struct uffdio_copy copy = {
		.dst = (uintptr_t)pages, .src = (uintptr_t)filled, .len = PAGE_SIZE,
	};
	struct uffdio_zeropage zero = {
		.range = { .start = (uintptr_t)pages + PAGE_SIZE, .len = PAGE_SIZE },
	};
	int fd = userfault_open(0);
	uint64_t flags;

	userfault_register(fd, pages, 2 * PAGE_SIZE, UFFDIO_REGISTER_MODE_MISSING);
	gpu_read_word(gpu, pages);
	igt_assert_eq_u64(userfault_wait(fd, &flags), (uintptr_t)pages);
	igt_assert(!gpu_is_done(gpu));
	igt_assert_eq(ioctl(fd, UFFDIO_COPY, &copy), 0);
	igt_assert_eq_u64(gpu_word_read(gpu), 42);

	gpu_write_word(gpu, pages + PAGE_SIZE, 43);
	igt_assert_eq_u64(userfault_wait(fd, &flags), (uintptr_t)pages + PAGE_SIZE);
	igt_assert_eq(ioctl(fd, UFFDIO_ZEROPAGE, &zero), 0);
	gpu_wait(gpu);
	igt_assert_eq_u64(*(volatile uint64_t *)(pages + PAGE_SIZE), 43);
	igt_assert_eq_u64(*(volatile uint64_t *)pages, 42);
	close(fd);
}

/* One block waits for its monitor; faults on others of the same process are served. */
static void other_blocks(struct gpu *gpu)
{
	const unsigned int blocks = 8;
	char *first = map_anonymous(blocks * SVM_BLOCK_SIZE, SVM_BLOCK_SIZE);
	uint64_t workers = sys_read("/sys/module/colibri/parameters/fault_workers"), flags;
	uint64_t filled[PAGE_SIZE / 8] = { 7 };
	struct uffdio_copy copy = {
		.dst = (uintptr_t)first, .src = (uintptr_t)filled, .len = PAGE_SIZE,
	};
	struct gpu other = { 0 };
	int fd = userfault_open(0);

	igt_require_f((workers ?: (uint64_t)sysconf(_SC_NPROCESSORS_ONLN)) > 1,
		      "needs two fault workers\n");
	userfault_register(fd, first, PAGE_SIZE, UFFDIO_REGISTER_MODE_MISSING);
	gpu_second_queue(gpu, &other);
	gpu_read_word(gpu, first);
	igt_assert_eq_u64(userfault_wait(fd, &flags), (uintptr_t)first);
	for (unsigned int i = 1; i < blocks; i++) {
		volatile uint64_t *word = (void *)(first + i * SVM_BLOCK_SIZE);

		gpu_write_word(&other, word, i);
		gpu_wait(&other);
		igt_assert_eq_u64(*word, i);
	}
	igt_assert(!gpu_is_done(gpu));
	igt_assert_eq(ioctl(fd, UFFDIO_COPY, &copy), 0);
	igt_assert_eq_u64(gpu_word_read(gpu), 7);
	gpu_second_queue_fini(&other);
	close(fd);
}

/* The GPU's first write to a page of the protected memory @words goes to the monitor. */
static void expect_protected(struct gpu *gpu, int fd, char *words)
{
	uint64_t flags;

	gpu_read_word(gpu, words);
	igt_assert_eq_u64(gpu_word_read(gpu) & UINT32_MAX, 1);
	igt_assert(!userfault_pending(fd));

	gpu_write_word(gpu, words, 9);
	igt_assert_eq_u64(userfault_wait(fd, &flags), (uintptr_t)words);
	igt_assert(flags & UFFD_PAGEFAULT_FLAG_WP);
	igt_assert(!gpu_is_done(gpu));
	igt_assert_eq_u64(*(volatile uint32_t *)words, 1);
	userfault_protect(fd, words, PAGE_SIZE, 0);
	gpu_wait(gpu);
	igt_assert_eq_u64(*(volatile uint64_t *)words, 9);
	igt_assert_eq_u64(cpu_ramp_errors(words + PAGE_SIZE, SIZE - PAGE_SIZE, 1 + PAGE_SIZE / 4), 0);
	igt_assert_eq_u64(gpu_ramp_errors(gpu, words + PAGE_SIZE, SIZE - PAGE_SIZE,
					  1 + PAGE_SIZE / 4), 0);
}

static void write_protect(struct gpu *gpu)
{
	char *words = map_anonymous(SIZE, PAGE_SIZE);
	int fd = userfault_open(UFFD_FEATURE_PAGEFAULT_FLAG_WP);

	cpu_ramp_write(words, SIZE, 1);
	userfault_register(fd, words, SIZE, UFFDIO_REGISTER_MODE_WP);
	/* The GPU may write, until it may not. */
	gpu_ramp_write(gpu, words, SIZE, 1);
	userfault_protect(fd, words, SIZE, 1);
	expect_protected(gpu, fd, words);
	close(fd);
}

/* Protected while the pages are in VRAM. */
static void write_protect_in_vram(struct gpu *gpu)
{
	char *words = map_anonymous(SIZE, PAGE_SIZE);
	int fd = userfault_open(UFFD_FEATURE_PAGEFAULT_FLAG_WP);

	gpu_ramp_to_vram(gpu, words, SIZE, 1);
	userfault_register(fd, words, SIZE, UFFDIO_REGISTER_MODE_WP);
	userfault_protect(fd, words, SIZE, 1);
	expect_protected(gpu, fd, words);
	close(fd);
}

/* Protected under a kernel that writes: it stands still, loses nothing, and goes on. */
static void write_protect_during_kernel(struct gpu *gpu)
{
	volatile uint64_t *page = map_anonymous(PAGE_SIZE, PAGE_SIZE);
	int fd = userfault_open(UFFD_FEATURE_PAGEFAULT_FLAG_WP);
	uint64_t flags, count;

	page[0] = 0;
	userfault_register(fd, (void *)page, PAGE_SIZE, UFFDIO_REGISTER_MODE_WP);
	gpu_loop_start(gpu, (uintptr_t)page);
	for (unsigned int i = 0; i < 10; i++) {
		userfault_protect(fd, (void *)page, PAGE_SIZE, 1);
		igt_assert_eq_u64(userfault_wait(fd, &flags), (uintptr_t)page);
		igt_assert(flags & UFFD_PAGEFAULT_FLAG_WP);
		count = page[0];
		for (unsigned int wait = 0; wait < 5; wait++)
			cpu_pause();
		igt_assert_eq_u64(page[0], count);
		userfault_protect(fd, (void *)page, PAGE_SIZE, 0);
		gpu_loop_progress(gpu, 2);
		igt_assert_lt_u64(count, page[0]);
	}
	igt_assert_eq_u64(gpu_loop_stop(gpu), page[0]);
	close(fd);
}

/* Pages that are in the page cache of shmem, but not mapped. */
static void minor(struct gpu *gpu)
{
	int memfd = memfd_create("colibri", MFD_CLOEXEC);
	int fd = userfault_open(UFFD_FEATURE_MINOR_SHMEM);
	struct uffdio_continue cont = { .range.len = PAGE_SIZE };
	uint64_t *hidden, *watched, flags;

	igt_assert_eq(ftruncate(memfd, PAGE_SIZE), 0);
	hidden = mmap(NULL, PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, memfd, 0);
	watched = mmap(NULL, PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, memfd, 0);
	igt_assert(hidden != MAP_FAILED && watched != MAP_FAILED);
	userfault_register(fd, watched, PAGE_SIZE, UFFDIO_REGISTER_MODE_MINOR);
	hidden[0] = 5;
	gpu_read_word(gpu, watched);
	igt_assert_eq_u64(userfault_wait(fd, &flags), (uintptr_t)watched);
	igt_assert(flags & UFFD_PAGEFAULT_FLAG_MINOR);
	hidden[0] = 6;
	cont.range.start = (uintptr_t)watched;
	igt_assert_eq(ioctl(fd, UFFDIO_CONTINUE, &cont), 0);
	igt_assert_eq_u64(gpu_word_read(gpu), 6);
	gpu_write_word(gpu, watched, 7);
	gpu_wait(gpu);
	igt_assert_eq_u64(*(volatile uint64_t *)hidden, 7);
	close(fd);
	close(memfd);
}

/* UFFDIO_MOVE takes pages away from where the GPU has them in VRAM. */
static void move(struct gpu *gpu)
{
	char *src = map_anonymous(SIZE, PAGE_SIZE);
	char *dst = map_anonymous(SIZE, PAGE_SIZE);
	int fd = userfault_open(UFFD_FEATURE_MOVE);
	struct uffdio_move args = {
		.dst = (uintptr_t)dst, .src = (uintptr_t)src, .len = SIZE,
		.mode = UFFDIO_MOVE_MODE_ALLOW_SRC_HOLES,
	};
	int ret;

	gpu_ramp_to_vram(gpu, src, SIZE, 1);
	userfault_register(fd, dst, SIZE, UFFDIO_REGISTER_MODE_MISSING);
	ret = ioctl(fd, UFFDIO_MOVE, &args) ? -errno : 0;
	if (ret) {
		/* Core mm does not move what is in device memory: nothing has changed. */
		igt_assert_eq(ret, -EFAULT);
		igt_assert_eq_u64(cpu_ramp_errors(src, SIZE, 1), 0);
		args.move = 0;
		igt_assert_eq(ioctl(fd, UFFDIO_MOVE, &args), 0);
	}
	igt_assert_eq_u64(gpu_ramp_errors(gpu, dst, SIZE, 1), 0);
	gpu_ramp_add(gpu, dst, SIZE, 1);
	igt_assert_eq_u64(cpu_ramp_errors(dst, SIZE, 2), 0);
	gpu_ramp_write(gpu, src, SIZE, 50);
	igt_assert_eq_u64(cpu_ramp_errors(src, SIZE, 50), 0);
	close(fd);
}

static const struct gpu_test tests[] = {
	{ "missing", missing, "a missing page: the GPU waits for the monitor, which fills it or makes it zero" },
	{ "other-blocks", other_blocks, "a block that waits for its monitor delays no fault on another" },
	{ "write-protect", write_protect, "a protected page: the GPU reads it, its write waits for the monitor" },
	{ "write-protect-in-vram", write_protect_in_vram, "the same, protected while it is in VRAM" },
	{ "write-protect-during-kernel", write_protect_during_kernel, "protection stops a running kernel, and not one update is lost" },
	{ "minor", minor, "a page in the page cache that the monitor has to let in" },
	{ "move", move, "UFFDIO_MOVE of pages in VRAM" },
};

igt_main()
{
	gpu_run_tests(tests, ARRAY_SIZE(tests), gpu_init);
}
