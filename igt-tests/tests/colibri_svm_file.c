// SPDX-License-Identifier: MIT
/*
 * Shared virtual memory of files, on tmpfs and on a real ext4 file system: the
 * page cache is mapped where it is, and what the GPU writes reaches the disk.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>

#include "fuse_file.h"
#include "gpu_test.h"
#include "system.h"

IGT_TEST_DESCRIPTION("Shared virtual memory: file mappings");

#define SIZE	(256 * KiB)
#define PAGES	(SIZE / PAGE_SIZE)
/* Both live in a mount namespace of this process and go with it. */
#define TMPFS	"/mnt"
#define EXT4	"/mnt/ext4"

static int make_file(const char *path, uint32_t value)
{
	uint32_t *words = malloc(SIZE);
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	igt_assert(fd >= 0);
	cpu_ramp_write(words, SIZE, value);
	igt_assert_eq(write(fd, words, SIZE), SIZE);
	free(words);
	return fd;
}

static void *map_file(int fd, int prot, int flags)
{
	void *map = mmap(NULL, SIZE, prot, flags, fd, 0);

	igt_assert(map != MAP_FAILED);
	return map;
}

static uint64_t file_errors(int fd, uint32_t value)
{
	void *words = aligned_alloc(PAGE_SIZE, SIZE);
	uint64_t errors;

	igt_assert_eq(pread(fd, words, SIZE, 0), SIZE);
	errors = cpu_ramp_errors(words, SIZE, value);
	free(words);
	return errors;
}

static void private(struct gpu *gpu, const char *path)
{
	int fd = make_file(path, 4);
	void *words = map_file(fd, PROT_READ | PROT_WRITE, MAP_PRIVATE);

	igt_assert_eq_u64(gpu_ramp_errors(gpu, words, SIZE, 4), 0);
	igt_assert_lte_u64(PAGES, gpu_stats(gpu).pages_mapped_sys);
	gpu_ramp_add(gpu, words, SIZE, 10);
	igt_assert_eq_u64(cpu_ramp_errors(words, SIZE, 14), 0);
	cpu_ramp_write(words, SIZE, 20);
	igt_assert_eq_u64(gpu_ramp_errors(gpu, words, SIZE, 20), 0);
	/* All that was private. */
	igt_assert_eq_u64(file_errors(fd, 4), 0);
	munmap(words, SIZE);
	close(fd);
}

static void private_tmpfs(struct gpu *gpu)
{
	private(gpu, TMPFS "/private");
}

static void private_ext4(struct gpu *gpu)
{
	private(gpu, EXT4 "/private");
}

static void shared(struct gpu *gpu, const char *path)
{
	int fd = make_file(path, 4);
	void *words = map_file(fd, PROT_READ | PROT_WRITE, MAP_SHARED);

	igt_assert_eq_u64(gpu_ramp_errors(gpu, words, SIZE, 4), 0);
	gpu_ramp_add(gpu, words, SIZE, 10);
	igt_assert_eq_u64(cpu_ramp_errors(words, SIZE, 14), 0);
	igt_assert_eq_u64(file_errors(fd, 14), 0);
	cpu_ramp_write(words, SIZE, 20);
	gpu_ramp_add(gpu, words, SIZE, 1);
	igt_assert_eq_u64(file_errors(fd, 21), 0);
	igt_assert_lte_u64(PAGES, gpu_stats(gpu).pages_mapped_sys);
	munmap(words, SIZE);
	close(fd);
}

static void shared_tmpfs(struct gpu *gpu)
{
	shared(gpu, TMPFS "/shared");
}

static void shared_ext4(struct gpu *gpu)
{
	shared(gpu, EXT4 "/shared");
}

/* O_DIRECT reads what is on the disk, past the page cache. */
static void msync_reaches_disk(struct gpu *gpu)
{
	int fd = make_file(EXT4 "/msync", 4);
	void *words = map_file(fd, PROT_READ | PROT_WRITE, MAP_SHARED);
	int direct = open(EXT4 "/msync", O_RDONLY | O_DIRECT | O_CLOEXEC);

	igt_assert(direct >= 0);
	igt_assert_eq(fsync(fd), 0);
	/* Twice: after the first write-back the GPU must fault anew to dirty the page. */
	for (uint32_t round = 1; round <= 2; round++) {
		gpu_ramp_write(gpu, words, SIZE, round * 100);
		igt_assert_eq(msync(words, SIZE, MS_SYNC), 0);
		igt_assert_eq_u64(file_errors(direct, round * 100), 0);
	}
	close(direct);
	munmap(words, SIZE);
	close(fd);
}

static void read_only_file(struct gpu *gpu)
{
	int fd = make_file(EXT4 "/read-only", 4);
	void *words = map_file(fd, PROT_READ, MAP_SHARED);
	struct scalar_args args = { .addr = (uintptr_t)words, .value = 1 };

	igt_assert_eq_u64(gpu_ramp_errors(gpu, words, SIZE, 4), 0);
	gpu_launch(gpu, "scalar_write", &args, sizeof(args), 1);
	gpu_expect_fault(gpu, words, COLIBRI_ACCESS_WRITE, EACCES);
	igt_assert_eq_u64(file_errors(fd, 4), 0);
	gpu_new_queue(gpu);
	munmap(words, SIZE);
	close(fd);
}

static void beyond_end(struct gpu *gpu)
{
	int fd = make_file(EXT4 "/short", 4);
	char *words = map_file(fd, PROT_READ | PROT_WRITE, MAP_SHARED);
	struct scalar_args args = {
		.addr = (uintptr_t)words + SIZE - PAGE_SIZE,
		.out = gpu_shared_addr(gpu, result),
	};

	igt_assert_eq_u64(gpu_ramp_errors(gpu, words, SIZE, 4), 0);
	igt_assert_eq(ftruncate(fd, SIZE - PAGE_SIZE), 0);
	gpu_launch(gpu, "scalar_read", &args, sizeof(args), 1);
	gpu_expect_fault(gpu, words + SIZE - PAGE_SIZE, COLIBRI_ACCESS_READ, EFAULT);
	gpu_new_queue(gpu);
	igt_assert_eq_u64(gpu_ramp_errors(gpu, words, SIZE - PAGE_SIZE, 4), 0);
	munmap(words, SIZE);
	close(fd);
}

static void read_error(struct gpu *gpu)
{
	struct scalar_args args = { .out = gpu_shared_addr(gpu, result) };
	char *page;

	fuse_file_require();
	page = fuse_file_map(SIZE, EIO);
	args.addr = (uintptr_t)page;
	gpu_launch(gpu, "scalar_read", &args, sizeof(args), 1);
	gpu_expect_fault(gpu, page, COLIBRI_ACCESS_READ, EFAULT);
	gpu_assert_vm_lives(gpu);
	gpu_new_queue(gpu);
}

static const struct gpu_test tests[] = {
	{ "private-tmpfs", private_tmpfs, "MAP_PRIVATE on tmpfs: writes stay private" },
	{ "private-ext4", private_ext4, "MAP_PRIVATE on ext4: writes stay private" },
	{ "shared-tmpfs", shared_tmpfs, "MAP_SHARED on tmpfs: writes reach the file" },
	{ "shared-ext4", shared_ext4, "MAP_SHARED on ext4: writes reach the file" },
	{ "msync-reaches-disk", msync_reaches_disk, "what the GPU wrote is on the disk after msync()" },
	{ "read-only", read_only_file, "a PROT_READ mapping: the write is refused, the file unchanged" },
	{ "beyond-end", beyond_end, "a page cut off by ftruncate() is gone for the GPU, too" },
	{ "read-error", read_error, "a file that cannot be read: the access fails, nothing hangs" },
};

igt_main()
{
	igt_fixture()
		private_mounts_ext4(TMPFS);

	gpu_run_tests(tests, ARRAY_SIZE(tests), gpu_init);
}
