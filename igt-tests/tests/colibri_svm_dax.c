// SPDX-License-Identifier: MIT
/*
 * Shared virtual memory of files on persistent memory (FS-DAX): there is no page cache, the
 * program and the GPU have the storage itself. Wants a VM with a pmem device: memmap=128M!START
 * on the kernel command line.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "gpu_test.h"
#include "system.h"

IGT_TEST_DESCRIPTION("Shared virtual memory: FS-DAX files");

#define SIZE	(256 * KiB)
#define PAGES	(SIZE / PAGE_SIZE)
#define TMPFS	"/mnt"
#define DIR	"/mnt/dax"
#define PMEM	"/dev/pmem0"

static void mount_pmem(void)
{
	private_mounts(TMPFS);
	igt_assert_eq(mkdir(DIR, 0755), 0);
	/* Where no udev runs, nobody else loads them. */
	require_command("modprobe -qa nd_e820 nd_pmem; test -b " PMEM,
			"pmem device: memmap=SIZE!START on the kernel command line makes one");
	/* the stripes keep large pieces of a file aligned */
	igt_assert_eq(system("mkfs.ext4 -qF -b 4096 -E stride=512,stripe_width=512 " PMEM), 0);
	require_command("mount -o dax=always " PMEM " " DIR, "DAX in this kernel");
}

static void remount(const char *dax)
{
	char command[128];

	snprintf(command, sizeof(command), "umount " DIR " && mount -o dax=%s " PMEM " " DIR, dax);
	igt_assert_eq(system(command), 0);
}

static bool is_dax(int fd)
{
	struct statx stx;

	igt_assert_eq(statx(fd, "", AT_EMPTY_PATH, 0, &stx), 0);
	return stx.stx_attributes & STATX_ATTR_DAX;
}

/* A file of @size bytes, allocated, with the ramp @value in it. */
static int make_file(const char *path, size_t size, uint32_t value)
{
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	uint32_t *words = malloc(size);

	igt_assert(fd >= 0);
	igt_assert_eq(fallocate(fd, 0, 0, size), 0);
	cpu_ramp_write(words, size, value);
	igt_assert_eq_u64(write(fd, words, size), size);
	free(words);
	igt_assert(is_dax(fd));
	return fd;
}

static void *map_file(int fd, size_t size, int flags)
{
	char *area = map_anonymous(size, size);
	void *map = mmap(area, size, PROT_READ | PROT_WRITE, flags | MAP_FIXED, fd, 0);

	igt_assert(map == area);
	return map;
}

static uint64_t file_errors(int fd, size_t size, uint32_t value)
{
	void *words = malloc(size);
	uint64_t errors;

	igt_assert_eq_u64(pread(fd, words, size, 0), size);
	errors = cpu_ramp_errors(words, size, value);
	free(words);
	return errors;
}

/* The page at @addr is one of the device's storage. */
static void assert_is_storage(const void *addr)
{
	uint64_t start = sys_read("/sys/class/block/pmem0/device/resource");
	uint64_t phys = (pagemap(addr) & PAGEMAP_PFN) * PAGE_SIZE;

	igt_assert_lte_u64(start, phys);
	igt_assert_lt_u64(phys, start + 512 * sys_read("/sys/class/block/pmem0/size"));
}

static void shared(struct gpu *gpu)
{
	int fd = make_file(DIR "/shared", SIZE, 4);
	void *words = map_file(fd, SIZE, MAP_SHARED);

	igt_assert_eq_u64(gpu_ramp_errors(gpu, words, SIZE, 4), 0);
	gpu_ramp_add(gpu, words, SIZE, 10);
	igt_assert_eq_u64(file_errors(fd, SIZE, 14), 0);
	igt_assert_eq_u64(cpu_ramp_errors(words, SIZE, 14), 0);
	cpu_ramp_write(words, SIZE, 20);
	igt_assert_eq_u64(gpu_ramp_errors(gpu, words, SIZE, 20), 0);
	assert_is_storage(words);
	igt_assert_eq_u64(gpu_stats(gpu).pages_to_vram, 0);
	igt_assert_lte_u64(PAGES, gpu_stats(gpu).pages_mapped_sys);
	munmap(words, SIZE);
	close(fd);
}

static void private(struct gpu *gpu)
{
	int fd = make_file(DIR "/private", SIZE, 4);
	void *words = map_file(fd, SIZE, MAP_PRIVATE);

	igt_assert_eq_u64(gpu_ramp_errors(gpu, words, SIZE, 4), 0);
	gpu_ramp_add(gpu, words, SIZE, 10);
	igt_assert_eq_u64(cpu_ramp_errors(words, SIZE, 14), 0);
	igt_assert_eq_u64(file_errors(fd, SIZE, 4), 0);
	cpu_ramp_write(words, SIZE, 20);
	gpu_ramp_add(gpu, words, SIZE, 1);
	igt_assert_eq_u64(cpu_ramp_errors(words, SIZE, 21), 0);
	igt_assert_eq_u64(file_errors(fd, SIZE, 4), 0);
	munmap(words, SIZE);
	close(fd);
}

/* One entry of the page table for all of a 2 MiB piece of the file. */
static void huge(struct gpu *gpu)
{
	int fd = make_file(DIR "/huge", SVM_BLOCK_SIZE, 4);
	void *words = map_file(fd, SVM_BLOCK_SIZE, MAP_SHARED);
	uint16_t pages[SVM_BLOCK_SIZE / PAGE_SIZE];

	gpu_share(gpu, words, SVM_BLOCK_SIZE);
	igt_assert_eq(colibri_svm_query(&gpu->dev, gpu->vm, words, SVM_BLOCK_SIZE, pages), 0);
	for (size_t i = 0; i < ARRAY_SIZE(pages); i++)
		igt_assert_eq(DRM_COLIBRI_SVM_PAGE_ORDER(pages[i]), 9);
	igt_assert_eq_u64(file_errors(fd, SVM_BLOCK_SIZE, 105), 0);
	assert_is_storage(words);
	munmap(words, SVM_BLOCK_SIZE);
	close(fd);
}

/* Seen by a mount that has a page cache, and so reads the storage. */
static void msync_reaches_storage(struct gpu *gpu)
{
	int fd = make_file(DIR "/msync", SIZE, 4);
	void *words = map_file(fd, SIZE, MAP_SHARED);

	/* Twice: after the first write-back the GPU must fault anew to dirty the page. */
	for (uint32_t round = 1; round <= 2; round++) {
		gpu_ramp_write(gpu, words, SIZE, round * 100);
		igt_assert_eq(msync(words, SIZE, MS_SYNC), 0);
	}
	munmap(words, SIZE);
	close(fd);
	remount("never");
	fd = open(DIR "/msync", O_RDONLY | O_CLOEXEC);
	igt_assert(fd >= 0 && !is_dax(fd));
	igt_assert_eq_u64(file_errors(fd, SIZE, 200), 0);
	close(fd);
	remount("always");
}

/* A hole has no storage; the GPU's write makes some. */
static void hole(struct gpu *gpu)
{
	int fd = open(DIR "/hole", O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	volatile uint64_t *words;

	igt_assert(fd >= 0);
	igt_assert_eq(ftruncate(fd, SIZE), 0);
	words = map_file(fd, SIZE, MAP_SHARED);
	gpu_read_word(gpu, &words[5]);
	igt_assert_eq_u64(gpu_word_read(gpu), 0);
	gpu_ramp_write(gpu, (void *)words, SIZE, 3);
	igt_assert_eq_u64(file_errors(fd, SIZE, 3), 0);

	igt_assert_eq(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, PAGE_SIZE), 0);
	gpu_read_word(gpu, &words[5]);
	igt_assert_eq_u64(gpu_word_read(gpu), 0);
	gpu_write_word(gpu, &words[5], 8);
	gpu_wait(gpu);
	igt_assert_eq_u64(words[5], 8);
	igt_assert_eq_u64(words[6], 0);
	munmap((void *)words, SIZE);
	close(fd);
}

/* Storage that the file gives back while a kernel writes to it; only then may it get another owner. */
static void truncate_during_kernel(struct gpu *gpu)
{
	int fd = make_file(DIR "/truncate", SIZE, 4), other;
	char *words = map_file(fd, SIZE, MAP_SHARED);
	struct drm_colibri_queue_state state;

	gpu_loop_start(gpu, (uintptr_t)words + SIZE - PAGE_SIZE);
	gpu_loop_progress(gpu, 10);
	igt_assert_eq(ftruncate(fd, SIZE - PAGE_SIZE), 0);
	other = make_file(DIR "/other", SIZE, 70);
	state = gpu_expect_ban(gpu, COLIBRI_QERR_FAULT);
	igt_assert_eq_u64(state.fault_addr, (uintptr_t)words + SIZE - PAGE_SIZE);
	igt_assert_eq(state.reason, EFAULT);
	gpu_new_queue(gpu);
	igt_assert_eq_u64(file_errors(other, SIZE, 70), 0);
	igt_assert_eq_u64(gpu_ramp_errors(gpu, words, SIZE - PAGE_SIZE, 4), 0);
	munmap(words, SIZE);
	close(other);
	close(fd);
}

static const struct gpu_test tests[] = {
	{ "shared", shared, "MAP_SHARED: the GPU has the storage itself" },
	{ "private", private, "MAP_PRIVATE: writes stay private" },
	{ "huge", huge, "a file in 2 MiB pieces" },
	{ "msync-reaches-storage", msync_reaches_storage, "a mount without DAX finds what the GPU wrote" },
	{ "hole", hole, "a hole reads as zero, a write fills it; also a hole punched later" },
	{ "truncate-during-kernel", truncate_during_kernel, "storage given back is out of the GPU's reach first" },
};

igt_main()
{
	igt_fixture()
		mount_pmem();

	gpu_run_tests(tests, ARRAY_SIZE(tests), gpu_init);
}
