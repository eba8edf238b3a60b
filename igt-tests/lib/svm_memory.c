// SPDX-License-Identifier: MIT
/*
 * Kinds of memory, see svm_memory.h.
 */
#include "svm_memory.h"

#include <fcntl.h>
#include <sys/mman.h>

#include "system.h"

#define MOUNT		"/mnt"
#define HUGETLB_PAGES	4
#define KSM		"/sys/kernel/mm/ksm/"

static void map(struct svm_memory *memory, size_t size, int flags)
{
	memory->map = mmap(NULL, size, PROT_READ | PROT_WRITE, flags, memory->fd, 0);
	igt_assert(memory->map != MAP_FAILED);
	memory->map_size = size;
	memory->words = memory->map;
}

static void make_anon(struct svm_memory *memory, void *stack)
{
	(void)stack;
	map(memory, SVM_SPAN, MAP_PRIVATE | MAP_ANONYMOUS);
	madvise(memory->map, SVM_SPAN, MADV_NOHUGEPAGE);
}

static void make_thp(struct svm_memory *memory, void *stack)
{
	(void)stack;
	memory->map = map_anonymous(SVM_BLOCK_SIZE, SVM_BLOCK_SIZE);
	memory->map_size = SVM_BLOCK_SIZE;
	memory->words = memory->map;
	igt_assert_eq(madvise(memory->map, SVM_BLOCK_SIZE, MADV_HUGEPAGE), 0);
	memset(memory->map, 0, SVM_BLOCK_SIZE);
	igt_assert_eq_u64(smaps_kib(memory->map, "AnonHugePages"), SVM_BLOCK_SIZE / KiB);
}

static void make_stack(struct svm_memory *memory, void *stack)
{
	memory->words = stack;
	memset(stack, 0, SVM_SPAN);
}

static void make_heap(struct svm_memory *memory, void *stack)
{
	uintptr_t end = (uintptr_t)sbrk(0);
	uintptr_t pad = -end & (PAGE_SIZE - 1);

	(void)stack;
	igt_assert(sbrk(pad + SVM_SPAN) != (void *)-1);
	memory->words = (uint32_t *)(end + pad);
}

static void make_shmem(struct svm_memory *memory, void *stack)
{
	(void)stack;
	map(memory, SVM_SPAN, MAP_SHARED | MAP_ANONYMOUS);
}

static void map_file(struct svm_memory *memory, int flags)
{
	igt_assert(memory->fd >= 0);
	igt_assert_eq(ftruncate(memory->fd, SVM_SPAN), 0);
	map(memory, SVM_SPAN, flags);
}

static void make_memfd(struct svm_memory *memory, void *stack)
{
	(void)stack;
	memory->fd = memfd_create("matrix", MFD_CLOEXEC);
	map_file(memory, MAP_SHARED);
}

static int new_file(void)
{
	return open(MOUNT "/ext4/matrix", O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
}

static void make_file_shared(struct svm_memory *memory, void *stack)
{
	(void)stack;
	memory->fd = new_file();
	map_file(memory, MAP_SHARED);
}

static void make_file_private(struct svm_memory *memory, void *stack)
{
	(void)stack;
	memory->fd = new_file();
	map_file(memory, MAP_PRIVATE);
}

/* The file has what the mapping has. */
static void check_file_shared(const struct svm_memory *memory)
{
	uint32_t *content = malloc(SVM_BYTES);

	igt_assert_eq(pread(memory->fd, content, SVM_BYTES, 0), SVM_BYTES);
	igt_assert_eq(memcmp(content, memory->model, SVM_BYTES), 0);
	free(content);
}

/* The file has nothing of it. */
static void check_file_private(const struct svm_memory *memory)
{
	uint32_t *content = malloc(SVM_BYTES);

	igt_assert_eq(pread(memory->fd, content, SVM_BYTES, 0), SVM_BYTES);
	for (size_t i = 0; i < SVM_WORDS; i++)
		igt_assert_eq_u32(content[i], 0);
	free(content);
}

static void make_hugetlb(struct svm_memory *memory, void *stack)
{
	(void)stack;
	map(memory, SVM_BLOCK_SIZE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB);
}

/* Each page is read, and is the zero page. */
static void make_zero(struct svm_memory *memory, void *stack)
{
	make_anon(memory, stack);
	for (size_t i = 0; i < SVM_WORDS; i += PAGE_SIZE / 4)
		igt_assert_eq_u32(((volatile uint32_t *)memory->words)[i], 0);
}

static bool merged(const struct svm_memory *memory)
{
	for (size_t i = 0; i < SVM_WORDS; i += PAGE_SIZE / 4)
		if ((pagemap(memory->words + i) & PAGEMAP_PFN) !=
		    (pagemap(memory->twin + i) & PAGEMAP_PFN))
			return false;
	return true;
}

static void make_ksm(struct svm_memory *memory, void *stack)
{
	struct timespec start = { 0 };

	(void)stack;
	map(memory, 2 * SVM_SPAN, MAP_PRIVATE | MAP_ANONYMOUS);
	madvise(memory->map, 2 * SVM_SPAN, MADV_NOHUGEPAGE);
	memory->twin = memory->words + SVM_SPAN / 4;
	for (size_t i = 0; i < SVM_WORDS; i++)
		memory->words[i] = memory->twin[i] = memory->model[i] = 0x5eed + i;
	igt_assert_eq(madvise(memory->map, 2 * SVM_SPAN, MADV_MERGEABLE), 0);
	while (!merged(memory)) {
		igt_assert_f(igt_nsec_elapsed(&start) < GPU_TIMEOUT_S * NSEC_PER_SEC,
			     "ksmd does not merge the pages\n");
		cpu_pause();
	}
}

static void check_ksm(const struct svm_memory *memory)
{
	for (size_t i = 0; i < SVM_WORDS; i++)
		igt_assert_eq_u32(memory->twin[i], 0x5eed + i);
}

const struct svm_kind svm_kinds[] = {
	{ .name = "anon", .make = make_anon, .anonymous = true },
	{ .name = "thp", .make = make_thp, .anonymous = true },
	{ .name = "stack", .make = make_stack, .anonymous = true },
	{ .name = "heap", .make = make_heap, .anonymous = true },
	{ .name = "zero", .make = make_zero, .anonymous = true, .untouched = true },
	{ .name = "ksm", .make = make_ksm, .check = check_ksm, .anonymous = true,
	  .untouched = true },
	{ .name = "hugetlb", .make = make_hugetlb },
	{ .name = "file-private", .make = make_file_private, .check = check_file_private },
	{ .name = "file-shared", .make = make_file_shared, .check = check_file_shared,
	  .shared = true },
	{ .name = "memfd", .make = make_memfd, .check = check_file_shared, .shared = true },
	{ .name = "shmem", .make = make_shmem, .shared = true },
};

const unsigned int num_svm_kinds = ARRAY_SIZE(svm_kinds);

void svm_kinds_prepare(void)
{
	private_mounts_ext4(MOUNT);
	sys_require_write("/proc/sys/vm/nr_hugepages", "%u", HUGETLB_PAGES);
	igt_require_f(sys_read("/proc/sys/vm/nr_hugepages") == HUGETLB_PAGES,
		      "no memory for %u huge pages\n", HUGETLB_PAGES);
	sys_require_write(KSM "pages_to_scan", "10000");
	sys_write(KSM "sleep_millisecs", "1");
	sys_write(KSM "run", "1");
}

void svm_memory_make(struct svm_memory *memory, const struct svm_kind *kind, void *stack)
{
	*memory = (struct svm_memory){ .kind = kind, .fd = -1 };
	memory->model = mmap(NULL, SVM_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
			     -1, 0);
	igt_assert(memory->model != MAP_FAILED);
	kind->make(memory, stack);
	memory->counter = (uint64_t *)(memory->words + SVM_WORDS);
	if (!kind->untouched)
		svm_memory_change(memory);
}

void svm_memory_drop(struct svm_memory *memory)
{
	if (memory->kind->check)
		memory->kind->check(memory);
	if (memory->map)
		munmap(memory->map, memory->map_size);
	munmap(memory->model, SVM_BYTES);
	if (memory->fd >= 0)
		close(memory->fd);
}

void svm_memory_change(struct svm_memory *memory)
{
	for (size_t i = 0; i < SVM_WORDS; i++)
		memory->words[i] = memory->model[i] = memory->model[i] * 5 + i + 1;
}

void svm_memory_check(const struct svm_memory *memory)
{
	for (size_t i = 0; i < SVM_WORDS; i++)
		igt_assert_f(memory->words[i] == memory->model[i], "word %zu is %#x, not %#x\n", i,
			     memory->words[i], memory->model[i]);
}
