// SPDX-License-Identifier: MIT
/*
 * Shared virtual memory, one kind of process memory after the other: the GPU
 * gets plain pointers, both sides see the same data, and the driver's
 * statistics tell by which path. Files are in colibri_svm_file, changes under a
 * running kernel in colibri_svm_live, several processes in colibri_svm_process.
 */
#include <errno.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "gpu_test.h"

IGT_TEST_DESCRIPTION("Shared virtual memory: kinds of memory and access");

#define REGION	(256 * KiB)
#define PAGES	(REGION / PAGE_SIZE)

static void fault_read(struct gpu *gpu)
{
	uint64_t *word = map_anonymous(PAGE_SIZE, PAGE_SIZE);

	word[3] = 0x1122334455667788;
	gpu_read_word(gpu, &word[3]);
	igt_assert_eq_u64(gpu_word_read(gpu), 0x1122334455667788);
	igt_assert_eq_u64(gpu_stats(gpu).faults, 1);
	igt_assert_eq_u64(gpu_stats(gpu).faults_failed, 0);
	igt_assert_eq_u64(word[3], 0x1122334455667788);
}

static void fault_write(struct gpu *gpu)
{
	volatile uint64_t *word = map_anonymous(PAGE_SIZE, PAGE_SIZE);

	word[0] = 1;
	word[1] = 2;
	gpu_write_word(gpu, &word[1], 77);
	gpu_wait(gpu);
	igt_assert(gpu_stats(gpu).faults >= 1);
	igt_assert_eq_u64(word[0], 1);
	igt_assert_eq_u64(word[1], 77);
}

static void anonymous(struct gpu *gpu)
{
	void *words = map_anonymous(REGION, PAGE_SIZE);
	struct drm_colibri_svm_stats stats;

	gpu_share(gpu, words, REGION);
	require_migration(gpu);
	stats = gpu_stats(gpu);
	igt_assert_lte_u64(most_of(PAGES), stats.pages_to_vram);
	igt_assert_lte_u64(most_of(PAGES), stats.pages_to_sys);
	igt_assert_lte_u64(1, stats.cpu_faults);
	igt_assert_lte_u64(most_of(PAGES), stats.pages_mapped_vram);
}

static void heap_malloc(struct gpu *gpu)
{
	char *small[64];

	for (unsigned int i = 0; i < ARRAY_SIZE(small); i++)
		small[i] = malloc(1000);
	for (unsigned int i = 0; i < ARRAY_SIZE(small); i++) {
		cpu_ramp_write(small[i], 1000, i);
		gpu_ramp_add(gpu, small[i], 1000, 1);
	}
	for (unsigned int i = 0; i < ARRAY_SIZE(small); i++) {
		igt_assert_eq_u64(cpu_ramp_errors(small[i], 1000, i + 1), 0);
		free(small[i]);
	}
}

static void brk_heap(struct gpu *gpu)
{
	char *words = sbrk(REGION + PAGE_SIZE);

	igt_assert(words != (void *)-1);
	gpu_share(gpu, (void *)(((uintptr_t)words + 3) & ~3ul), REGION);
	require_migration(gpu);
	igt_assert(gpu_stats(gpu).pages_to_vram > 0);
}

static void stack(struct gpu *gpu)
{
	uint32_t words[16384];

	gpu_share(gpu, words, sizeof(words));
	require_migration(gpu);
	igt_assert(gpu_stats(gpu).pages_to_vram > 0);
}

static uint32_t global_words[16384] = { 1 };

static void globals(struct gpu *gpu)
{
	gpu_share(gpu, global_words, sizeof(global_words));
}

static void linked_list(struct gpu *gpu)
{
	struct { struct list_args args; uint64_t sum, nodes; } *call = calloc(1, sizeof(*call));
	struct list_node on_stack = { .value = 1000000 };
	struct list_node *node, *head = &on_stack;
	const unsigned int count = 5000;

	for (unsigned int i = 0; i < count; i++) {
		node = malloc(sizeof(*node) + i % 64);
		node->next = head;
		node->value = i;
		head = node;
	}
	call->args.head = (uintptr_t)head;
	call->args.add = 3;
	call->args.sum = (uintptr_t)&call->sum;
	call->args.nodes = (uintptr_t)&call->nodes;
	gpu_run(gpu, "list_walk", &call->args, sizeof(call->args), 1);
	igt_assert_eq_u64(call->nodes, count + 1);
	igt_assert_eq_u64(call->sum, count * (count - 1ul) / 2 + 1000000);
	for (unsigned int i = count; i-- > 0; head = node) {
		node = head->next;
		igt_assert_eq_u64(head->value, i + 3);
		free(head);
	}
	igt_assert_eq_u64(on_stack.value, 1000003);
	free(call);
}

static unsigned long anon_huge_kib(void)
{
	FILE *smaps = fopen("/proc/self/smaps_rollup", "r");
	unsigned long value, kib = 0;
	char line[128];

	igt_assert(smaps);
	while (fgets(line, sizeof(line), smaps))
		if (sscanf(line, "AnonHugePages: %lu kB", &value) == 1)
			kib = value;
	fclose(smaps);
	return kib;
}

static void thp(struct gpu *gpu)
{
	void *words = map_anonymous(SVM_BLOCK_SIZE, SVM_BLOCK_SIZE);
	unsigned long before = anon_huge_kib();

	igt_require_f(!madvise(words, SVM_BLOCK_SIZE, MADV_HUGEPAGE), "no transparent huge pages\n");
	cpu_ramp_write(words, SVM_BLOCK_SIZE, 1);
	igt_require_f(anon_huge_kib() >= before + 2048, "the kernel gave no huge page\n");

	gpu_share(gpu, words, SVM_BLOCK_SIZE);
	require_migration(gpu);
	igt_assert_lte_u64(most_of(SVM_BLOCK_SIZE / PAGE_SIZE), gpu_stats(gpu).pages_to_vram);
	igt_assert_lte_u64(most_of(SVM_BLOCK_SIZE / PAGE_SIZE), gpu_stats(gpu).pages_to_sys);
}

static void shared_anonymous(struct gpu *gpu)
{
	void *words = mmap(NULL, REGION, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	igt_assert(words != MAP_FAILED);
	gpu_share(gpu, words, REGION);
	igt_assert_lte_u64(PAGES, gpu_stats(gpu).pages_mapped_sys);
	munmap(words, REGION);
}

static void memfd(struct gpu *gpu)
{
	int fd = memfd_create("colibri", MFD_CLOEXEC);
	void *one, *two;

	igt_assert_eq(ftruncate(fd, REGION), 0);
	one = mmap(NULL, REGION, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	two = mmap(NULL, REGION, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	igt_assert(one != MAP_FAILED && two != MAP_FAILED);
	gpu_share(gpu, one, REGION);
	/* The GPU through one mapping, the CPU through the other, and the other way round. */
	gpu_ramp_write(gpu, one, REGION, 70);
	igt_assert_eq_u64(cpu_ramp_errors(two, REGION, 70), 0);
	cpu_ramp_write(one, REGION, 80);
	igt_assert_eq_u64(gpu_ramp_errors(gpu, two, REGION, 80), 0);
	munmap(one, REGION);
	munmap(two, REGION);
	close(fd);
}

static void locked(struct gpu *gpu)
{
	void *words = map_anonymous(REGION, PAGE_SIZE);

	igt_assert_eq(mlock(words, REGION), 0);
	gpu_share(gpu, words, REGION);
	igt_assert_eq_u64(gpu_stats(gpu).pages_to_vram, 0);
	igt_assert_lte_u64(PAGES, gpu_stats(gpu).pages_mapped_sys);
	munlock(words, REGION);
}

static void hugetlb(struct gpu *gpu)
{
	void *words;

	igt_require_f(!system("echo 2 >/proc/sys/vm/nr_hugepages"), "no hugetlb pages\n");
	words = mmap(NULL, SVM_BLOCK_SIZE, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, -1, 0);
	igt_require_f(words != MAP_FAILED, "no room for a hugetlb page\n");
	gpu_share(gpu, words, SVM_BLOCK_SIZE);
	igt_assert_eq_u64(gpu_stats(gpu).pages_to_vram, 0);
	munmap(words, SVM_BLOCK_SIZE);
	igt_assert_eq(system("echo 0 >/proc/sys/vm/nr_hugepages"), 0);
}

/* What HMM cannot mirror: a device's memory, and secret memory. */
static void not_mirrored(struct gpu *gpu)
{
	int fd = syscall(SYS_memfd_secret, 0);
	volatile uint64_t *secret;

	gpu_write_word(gpu, gpu->fence.map, 1);
	gpu_expect_fault(gpu, gpu->fence.map, COLIBRI_ACCESS_WRITE, EFAULT);
	gpu_new_queue(gpu);

	igt_require_f(fd >= 0, "no memfd_secret() in this kernel\n");
	igt_assert_eq(ftruncate(fd, PAGE_SIZE), 0);
	secret = mmap(NULL, PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	igt_assert(secret != MAP_FAILED);
	secret[0] = 5;
	gpu_read_word(gpu, secret);
	gpu_expect_fault(gpu, secret, COLIBRI_ACCESS_READ, EFAULT);
	igt_assert_eq_u64(secret[0], 5);
	gpu_new_queue(gpu);
	munmap((void *)secret, PAGE_SIZE);
	close(fd);
}

/* A stack grows for the CPU alone. */
static void below_stack(struct gpu *gpu)
{
	char *map = mmap(NULL, MiB, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_GROWSDOWN, -1, 0);
	char *below = map - PAGE_SIZE;

	igt_assert(map != MAP_FAILED);
	memset(map, 1, MiB);
	gpu_write_word(gpu, below, 1);
	gpu_expect_fault(gpu, below, COLIBRI_ACCESS_WRITE, EFAULT);
	gpu_new_queue(gpu);
	munmap(map, MiB);
}

/* Never written: the CPU and the GPU read zeros, and a write makes a page of one's own. */
static void zero_page(struct gpu *gpu)
{
	volatile uint64_t *cpu_first = map_anonymous(REGION, PAGE_SIZE);
	volatile uint64_t *gpu_first = map_anonymous(REGION, PAGE_SIZE);
	volatile uint64_t *untouched = map_anonymous(PAGE_SIZE, PAGE_SIZE);

	for (size_t i = 0; i < REGION / 8; i += PAGE_SIZE / 8)
		igt_assert_eq_u64(cpu_first[i], 0);
	gpu_read_word(gpu, cpu_first);
	igt_assert_eq_u64(gpu_word_read(gpu), 0);
	gpu_read_word(gpu, gpu_first);
	igt_assert_eq_u64(gpu_word_read(gpu), 0);

	gpu_write_word(gpu, cpu_first, 5);
	gpu_write_word(gpu, gpu_first, 6);
	gpu_wait(gpu);
	igt_assert_eq_u64(cpu_first[0], 5);
	igt_assert_eq_u64(cpu_first[1], 0);
	igt_assert_eq_u64(gpu_first[0], 6);
	igt_assert_eq_u64(gpu_first[1], 0);
	igt_assert_eq_u64(untouched[0], 0);
}

static void read_only(struct gpu *gpu)
{
	uint64_t *word = map_anonymous(PAGE_SIZE, PAGE_SIZE);

	word[0] = 9;
	igt_assert_eq(mprotect(word, PAGE_SIZE, PROT_READ), 0);
	gpu_read_word(gpu, word);
	igt_assert_eq_u64(gpu_word_read(gpu), 9);
	gpu_write_word(gpu, word, 10);
	gpu_expect_fault(gpu, word, COLIBRI_ACCESS_WRITE, EACCES);
	igt_assert_eq_u64(word[0], 9);
	gpu_assert_vm_lives(gpu);
	gpu_new_queue(gpu);
	igt_assert_eq_u64(gpu_stats(gpu).faults_failed, 1);
}

static void prot_none(struct gpu *gpu)
{
	uint64_t *word = map_anonymous(PAGE_SIZE, PAGE_SIZE);

	word[0] = 9;
	igt_assert_eq(mprotect(word, PAGE_SIZE, PROT_NONE), 0);
	gpu_read_word(gpu, word);
	gpu_expect_fault(gpu, word, COLIBRI_ACCESS_READ, EACCES);
	gpu_new_queue(gpu);
	igt_assert_eq(mprotect(word, PAGE_SIZE, PROT_READ | PROT_WRITE), 0);
	igt_assert_eq_u64(word[0], 9);
	gpu_read_word(gpu, word);
	igt_assert_eq_u64(gpu_word_read(gpu), 9);
}

/* Code lives in buffers: whatever the mapping allows the CPU. */
static void no_exec(struct gpu *gpu)
{
	void *code = mmap(NULL, PAGE_SIZE, PROT_READ | PROT_WRITE | PROT_EXEC,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct scalar_args args = { .addr = (uintptr_t)code };

	igt_assert(code != MAP_FAILED);
	gpu_launch(gpu, "jump", &args, sizeof(args), 1);
	gpu_expect_fault(gpu, code, COLIBRI_ACCESS_EXEC, EACCES);
	gpu_new_queue(gpu);
	munmap(code, PAGE_SIZE);
}

static void wild_pointer(struct gpu *gpu)
{
	char *hole = map_anonymous(3 * PAGE_SIZE, PAGE_SIZE);

	memset(hole, 1, 3 * PAGE_SIZE);
	munmap(hole + PAGE_SIZE, PAGE_SIZE);
	gpu_read_word(gpu, hole + PAGE_SIZE + 16);
	gpu_expect_fault(gpu, hole + PAGE_SIZE, COLIBRI_ACCESS_READ, EFAULT);
	gpu_assert_vm_lives(gpu);
	gpu_new_queue(gpu);

	gpu_write_word(gpu, (void *)16, 1);
	gpu_expect_fault(gpu, (void *)16, COLIBRI_ACCESS_WRITE, EFAULT);
	gpu_new_queue(gpu);

	gpu_read_word(gpu, (void *)(gpu->dev.info.va_user_end - PAGE_SIZE));
	gpu_expect_fault(gpu, (void *)(gpu->dev.info.va_user_end - PAGE_SIZE),
			 COLIBRI_ACCESS_READ, EFAULT);
	gpu_new_queue(gpu);

	/* The neighbours of the hole are as before. */
	for (size_t i = 0; i < PAGE_SIZE; i++)
		igt_assert(hole[i] == 1 && hole[2 * PAGE_SIZE + i] == 1);
}

static void misaligned(struct gpu *gpu)
{
	uint8_t *src = map_anonymous(4 * PAGE_SIZE, PAGE_SIZE);
	uint8_t *dst = map_anonymous(4 * PAGE_SIZE, PAGE_SIZE);
	struct copy_args args = {
		.dst = (uintptr_t)dst + 3,
		.src = (uintptr_t)src + 1,
		.count = 4 * PAGE_SIZE - 8,
	};
	uint64_t value;

	for (size_t i = 0; i < 4 * PAGE_SIZE; i++)
		src[i] = i * 7;
	memset(dst, 0xee, PAGE_SIZE);	/* the other pages have never been touched */
	gpu_run(gpu, "copy_bytes", &args, sizeof(args), (args.count + 63) / 64);
	igt_assert_eq(memcmp(dst + 3, src + 1, args.count), 0);
	igt_assert(dst[0] == 0xee && dst[2] == 0xee && dst[3 + args.count] == 0);

	/* One scalar access on two pages */
	gpu_read_word(gpu, src + PAGE_SIZE - 3);
	memcpy(&value, src + PAGE_SIZE - 3, 8);
	igt_assert_eq_u64(gpu_word_read(gpu), value);
	gpu_write_word(gpu, dst + 2 * PAGE_SIZE - 5, 0x0102030405060708);
	gpu_wait(gpu);
	memcpy(&value, dst + 2 * PAGE_SIZE - 5, 8);
	igt_assert_eq_u64(value, 0x0102030405060708);
}

static void prefetch(struct gpu *gpu)
{
	void *words = map_anonymous(REGION, PAGE_SIZE);
	struct drm_colibri_svm_stats stats;

	require_migration(gpu);
	cpu_ramp_write(words, REGION, 1);
	igt_assert_eq(colibri_svm_prefetch(&gpu->dev, gpu->vm, words, REGION,
					   DRM_COLIBRI_SVM_LOC_VRAM), 0);
	stats = gpu_stats(gpu);
	igt_assert_lte_u64(most_of(PAGES), stats.pages_to_vram);
	gpu_ramp_add(gpu, words, REGION, 1);
	/* mapped, too: the kernel did not fault */
	igt_assert_eq_u64(gpu_stats(gpu).faults, 0);

	igt_assert_eq(colibri_svm_prefetch(&gpu->dev, gpu->vm, words, REGION,
					   DRM_COLIBRI_SVM_LOC_SYSTEM), 0);
	stats = gpu_stats(gpu);
	igt_assert_lte_u64(most_of(PAGES), stats.pages_to_sys);
	igt_assert_eq_u64(cpu_ramp_errors(words, REGION, 2), 0);
	igt_assert_eq_u64(gpu_stats(gpu).cpu_faults, 0);
}

static void prefetch_bad(struct gpu *gpu)
{
	char *hole = map_anonymous(3 * PAGE_SIZE, PAGE_SIZE);
	const struct drm_colibri_svm_prefetch good = {
		.vm_id = gpu->vm, .location = DRM_COLIBRI_SVM_LOC_VRAM,
		.addr = (uintptr_t)hole, .size = PAGE_SIZE,
	};
	struct drm_colibri_svm_prefetch bad[] = { good, good, good, good, good, good };
	uint32_t vm;

	memset(hole, 1, 3 * PAGE_SIZE);
	bad[0].location = 2;
	bad[1].addr += 1;
	bad[2].size = 100;
	bad[3].flags = 1;
	bad[4].pad = 1;
	bad[5].size = -PAGE_SIZE;
	for (unsigned int i = 0; i < ARRAY_SIZE(bad); i++) {
		igt_debug("row %u\n", i);
		igt_assert_eq(colibri_ioctl(gpu->dev.fd, DRM_IOCTL_COLIBRI_SVM_PREFETCH, &bad[i]), -EINVAL);
	}
	igt_assert_eq_u64(gpu_stats(gpu).pages_to_vram, 0);

	munmap(hole + PAGE_SIZE, PAGE_SIZE);
	igt_assert_eq(colibri_svm_prefetch(&gpu->dev, gpu->vm, hole + PAGE_SIZE, PAGE_SIZE,
					   DRM_COLIBRI_SVM_LOC_VRAM), -EFAULT);
	igt_assert_eq(colibri_svm_prefetch(&gpu->dev, gpu->vm, hole, 3 * PAGE_SIZE,
					   DRM_COLIBRI_SVM_LOC_VRAM), -EFAULT);
	igt_assert_eq(colibri_svm_prefetch(&gpu->dev, 0x7fffffff, hole, PAGE_SIZE,
					   DRM_COLIBRI_SVM_LOC_VRAM), -ENOENT);

	igt_assert_eq(colibri_vm_create(&gpu->dev, &vm), 0);
	igt_assert_eq(colibri_svm_prefetch(&gpu->dev, vm, hole, PAGE_SIZE,
					   DRM_COLIBRI_SVM_LOC_VRAM), -EINVAL);
	igt_assert_eq(colibri_vm_destroy(&gpu->dev, vm), 0);
	igt_assert(hole[0] == 1 && hole[2 * PAGE_SIZE] == 1);
}

static void stats(struct gpu *gpu)
{
	struct drm_colibri_svm_stats own, all, args = { .vm_id = gpu->vm, .pad = 1 };
	uint32_t *words = map_anonymous(REGION, PAGE_SIZE);
	struct gpu second = { 0 };

	igt_assert_eq(colibri_ioctl(gpu->dev.fd, DRM_IOCTL_COLIBRI_SVM_STATS, &args), -EINVAL);
	igt_assert_eq(colibri_svm_get_stats(&gpu->dev, 0x7fffffff, &own), -ENOENT);

	igt_assert_eq(colibri_svm_get_stats(&gpu->dev, 0, &all), 0);
	cpu_ramp_write(words, REGION, 1);
	gpu_ramp_add(gpu, words, REGION, 1);
	own = gpu_stats(gpu);
	igt_assert_lte_u64(most_of(PAGES), gpu_migrates(gpu) ? own.pages_to_vram : own.pages_mapped_sys);

	/* vm_id 0 is every VM of this process, also of another file, and of VMs that are gone. */
	gpu_init(&second);
	gpu_ramp_add(&second, words, REGION, 1);
	igt_assert(gpu_stats(&second).faults > 0);
	own.faults += gpu_stats(&second).faults;
	gpu_fini(&second);
	own.faults += all.faults;
	igt_assert_eq(colibri_svm_get_stats(&gpu->dev, 0, &all), 0);
	igt_assert_eq_u64(all.faults, own.faults);
	igt_assert_eq_u64(cpu_ramp_errors(words, REGION, 3), 0);
}

static const struct gpu_test tests[] = {
	{ "fault-read", fault_read, "a GPU load faults once and reads the CPU's data" },
	{ "fault-write", fault_write, "a GPU store faults and leaves the rest of the page" },
	{ "anonymous", anonymous, "anonymous memory moves to VRAM and back" },
	{ "malloc", heap_malloc, "small malloc()ed pieces" },
	{ "brk-heap", brk_heap, "memory of brk()" },
	{ "stack", stack, "an array on the stack" },
	{ "globals", globals, "the program's data segment" },
	{ "linked-list", linked_list, "nested pointers: heap nodes and one on the stack" },
	{ "thp", thp, "a transparent huge page" },
	{ "shmem", shared_anonymous, "shared anonymous memory, mapped in place" },
	{ "memfd", memfd, "a memfd mapped twice" },
	{ "mlock", locked, "locked memory is used where it is" },
	{ "hugetlb", hugetlb, "a hugetlb page is used where it is" },
	{ "not-mirrored", not_mirrored, "device mappings and secret memory are EFAULT" },
	{ "below-stack", below_stack, "the GPU does not grow a stack: EFAULT" },
	{ "zero-page", zero_page, "memory that nobody has written reads as zero, a write stays private" },
	{ "read-only", read_only, "read-only memory: read works, write is refused" },
	{ "prot-none", prot_none, "PROT_NONE: even read is refused; later the data is there" },
	{ "no-exec", no_exec, "process memory is never GPU code" },
	{ "wild-pointer", wild_pointer, "no memory: the queue is banned, others live" },
	{ "misaligned", misaligned, "accesses of any alignment, over page boundaries" },
	{ "prefetch", prefetch, "prefetch to VRAM and back: no faults afterwards" },
	{ "prefetch-bad", prefetch_bad, "each bad field is refused" },
	{ "stats", stats, "counters of a VM, and of the process" },
};

igt_main()
{
	gpu_run_tests(tests, ARRAY_SIZE(tests), gpu_init);
}
