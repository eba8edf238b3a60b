// SPDX-License-Identifier: MIT
/*
 * Shared virtual memory whose pages are in VRAM when the kernel itself wants them:
 * for O_DIRECT, pipes, other processes, debuggers and core dumps.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/elf.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include "gpu_test.h"
#include "system.h"

IGT_TEST_DESCRIPTION("Shared virtual memory: kernel accesses to pages in VRAM");

#define SIZE	(64 * KiB)
#define TMPFS	"/mnt"
#define EXT4	"/mnt/ext4"

static void *in_vram(struct gpu *gpu, uint32_t value)
{
	void *words = map_anonymous(SIZE, PAGE_SIZE);

	gpu_ramp_to_vram(gpu, words, SIZE, value);
	return words;
}

static int open_on_disk(int flags)
{
	int fd;

	private_mounts(TMPFS);
	igt_assert_eq(mkdir(EXT4, 0755), 0);
	igt_assert_eq(system("modprobe loop && truncate -s 16M " TMPFS "/disk && "
			     "mkfs.ext4 -q " TMPFS "/disk && mount -o loop " TMPFS "/disk " EXT4), 0);
	fd = open(EXT4 "/file", O_RDWR | O_CREAT | O_CLOEXEC | flags, 0600);
	igt_assert(fd >= 0);
	return fd;
}

static void direct_write(struct gpu *gpu)
{
	void *words = in_vram(gpu, 1), *copy = malloc(SIZE);
	int fd = open_on_disk(O_DIRECT), cached;

	igt_assert_eq(pwrite(fd, words, SIZE, 0), SIZE);
	cached = open(EXT4 "/file", O_RDONLY | O_CLOEXEC);
	igt_assert_eq(pread(cached, copy, SIZE, 0), SIZE);
	igt_assert_eq_u64(cpu_ramp_errors(copy, SIZE, 1), 0);
	igt_assert_eq_u64(gpu_ramp_errors(gpu, words, SIZE, 1), 0);
	close(cached);
	close(fd);
	free(copy);
}

static void direct_read(struct gpu *gpu)
{
	void *words = map_anonymous(SIZE, PAGE_SIZE);
	int fd = open_on_disk(O_DIRECT);

	cpu_ramp_write(words, SIZE, 30);
	igt_assert_eq(pwrite(fd, words, SIZE, 0), SIZE);
	gpu_ramp_to_vram(gpu, words, SIZE, 1);
	igt_assert_eq(pread(fd, words, SIZE, 0), SIZE);
	igt_assert_eq_u64(gpu_ramp_errors(gpu, words, SIZE, 30), 0);
	igt_assert_eq_u64(cpu_ramp_errors(words, SIZE, 30), 0);
	close(fd);
}

static void read_all(int fd, void *data, size_t size)
{
	for (size_t done = 0; done < size;) {
		ssize_t n = read(fd, (char *)data + done, size - done);

		igt_assert(n > 0);
		done += n;
	}
}

/* The pipe holds the pages themselves: what is read later is what they hold then. */
static void vmsplice_pages(struct gpu *gpu)
{
	void *words = in_vram(gpu, 1), *copy = malloc(SIZE);
	struct iovec iov = { .iov_base = words, .iov_len = SIZE };
	int ends[2];

	igt_assert_eq(pipe2(ends, O_CLOEXEC), 0);
	igt_assert_eq(fcntl(ends[1], F_SETPIPE_SZ, SIZE), SIZE);
	igt_assert_eq(vmsplice(ends[1], &iov, 1, 0), SIZE);
	/* Pinned by the pipe, the pages stay in system memory. */
	gpu_ramp_add(gpu, words, SIZE, 10);
	read_all(ends[0], copy, SIZE);
	igt_assert_eq_u64(cpu_ramp_errors(copy, SIZE, 11), 0);
	gpu_ramp_add(gpu, words, SIZE, 10);
	igt_assert_eq_u64(cpu_ramp_errors(words, SIZE, 21), 0);
	close(ends[0]);
	close(ends[1]);
	free(copy);
}

static void vm_readv(struct gpu *gpu)
{
	void *words = in_vram(gpu, 1);
	pid_t parent = getpid();

	igt_fork(child, 1) {
		void *copy = malloc(SIZE);
		struct iovec local = { copy, SIZE }, remote = { words, SIZE };

		igt_assert_eq(process_vm_readv(parent, &local, 1, &remote, 1, 0), SIZE);
		igt_assert_eq_u64(cpu_ramp_errors(copy, SIZE, 1), 0);
	}
	igt_waitchildren_timeout(GPU_TIMEOUT_S, "the reader");
	gpu_ramp_add(gpu, words, SIZE, 1);
	igt_assert_eq_u64(cpu_ramp_errors(words, SIZE, 2), 0);
}

static void vm_writev(struct gpu *gpu)
{
	void *words = in_vram(gpu, 1);
	pid_t parent = getpid();

	igt_fork(child, 1) {
		void *copy = malloc(SIZE / 2);
		struct iovec local = { copy, SIZE / 2 }, remote = { words, SIZE / 2 };

		cpu_ramp_write(copy, SIZE / 2, 70);
		igt_assert_eq(process_vm_writev(parent, &local, 1, &remote, 1, 0), SIZE / 2);
	}
	igt_waitchildren_timeout(GPU_TIMEOUT_S, "the writer");
	igt_assert_eq_u64(gpu_ramp_errors(gpu, words, SIZE / 2, 70), 0);
	igt_assert_eq_u64(cpu_ramp_errors(words, SIZE / 2, 70), 0);
	igt_assert_eq_u64(cpu_ramp_errors((char *)words + SIZE / 2, SIZE / 2, 1 + SIZE / 8), 0);
}

/* A process with a GPU of its own and @words in VRAM, which waits for step 2 and adds 1. */
static void traced_process(void *words, struct steps *steps)
{
	struct gpu own = { 0 };

	gpu_init(&own);
	gpu_ramp_to_vram(&own, words, SIZE, 1);
	steps_done(steps, 1);
	steps_wait(steps, 2);
	gpu_ramp_add(&own, words, SIZE, 1);
	/* Word 3 was 4 and is made 1000, word 4 and 5 are as they were. */
	igt_assert_eq_u64(((volatile uint32_t *)words)[3], 1001);
	igt_assert_eq_u64(cpu_ramp_errors((char *)words + 16, SIZE - 16, 6), 0);
	gpu_fini(&own);
}

static void attach(pid_t pid)
{
	int status;

	igt_assert_eq(ptrace(PTRACE_ATTACH, pid, NULL, NULL), 0);
	igt_assert_eq(waitpid(pid, &status, 0), pid);
	igt_assert(WIFSTOPPED(status));
}

static void start_traced(void *words, struct steps *steps)
{
	fork_victim()
		traced_process(words, steps);
	steps_wait(steps, 1);
}

static void end_traced(struct steps *steps)
{
	steps_done(steps, 2);
	igt_assert_eq(igt_wait_helper(victim()), 0);
}

static void ptrace_words(struct gpu *gpu)
{
	uint32_t *words = map_anonymous(SIZE, PAGE_SIZE);
	struct steps *steps = steps_new();
	long data;
	pid_t pid;

	require_migration(gpu);
	start_traced(words, steps);
	pid = victim()->pid;
	attach(pid);
	errno = 0;
	data = ptrace(PTRACE_PEEKDATA, pid, words + 2, NULL);
	igt_assert_eq(errno, 0);
	igt_assert_eq_u64(data, 3 | 4ul << 32);
	data = 3 | 1000ul << 32;
	igt_assert_eq(ptrace(PTRACE_POKEDATA, pid, words + 2, (void *)data), 0);
	igt_assert_eq(ptrace(PTRACE_DETACH, pid, NULL, NULL), 0);
	end_traced(steps);
}

static void proc_mem(struct gpu *gpu)
{
	uint32_t *words = map_anonymous(SIZE, PAGE_SIZE), value = 1000;
	struct steps *steps = steps_new();
	void *copy = malloc(SIZE);
	char path[32];
	int fd;

	require_migration(gpu);
	start_traced(words, steps);
	snprintf(path, sizeof(path), "/proc/%d/mem", victim()->pid);
	fd = open(path, O_RDWR | O_CLOEXEC);
	igt_assert(fd >= 0);
	igt_assert_eq(pread(fd, copy, SIZE, (uintptr_t)words), SIZE);
	igt_assert_eq_u64(cpu_ramp_errors(copy, SIZE, 1), 0);
	igt_assert_eq(pwrite(fd, &value, sizeof(value), (uintptr_t)(words + 3)), sizeof(value));
	close(fd);
	end_traced(steps);
	free(copy);
}

/* Where @addr is in the core file. */
static off_t core_offset(int fd, uintptr_t addr)
{
	Elf64_Ehdr header;
	Elf64_Phdr segment;

	igt_assert_eq(pread(fd, &header, sizeof(header), 0), sizeof(header));
	igt_assert_eq(header.e_type, ET_CORE);
	for (unsigned int i = 0; i < header.e_phnum; i++) {
		off_t at = header.e_phoff + i * sizeof(segment);

		igt_assert_eq(pread(fd, &segment, sizeof(segment), at), sizeof(segment));
		if (segment.p_type == PT_LOAD && addr >= segment.p_vaddr &&
		    addr + SIZE <= segment.p_vaddr + segment.p_filesz)
			return segment.p_offset + addr - segment.p_vaddr;
	}
	igt_assert_f(false, "%#lx is not in the core file\n", addr);
}

#define CORE_PATTERN	"/proc/sys/kernel/core_pattern"

static void dump_core(void *words)
{
	const struct rlimit unlimited = { RLIM_INFINITY, RLIM_INFINITY };
	struct gpu own = { 0 };

	gpu_init(&own);
	gpu_ramp_to_vram(&own, words, SIZE, 1);
	setrlimit(RLIMIT_CORE, &unlimited);
	prctl(PR_SET_DUMPABLE, 1);
	signal(SIGQUIT, SIG_DFL);
	raise(SIGQUIT);
}

static void core_dump(struct gpu *gpu)
{
	void *words = map_anonymous(SIZE, PAGE_SIZE), *copy = malloc(SIZE);
	int status, fd;

	require_migration(gpu);
	private_mounts(TMPFS);
	sys_require_write(CORE_PATTERN, TMPFS "/core.%%p");
	fork_victim()
		dump_core(words);
	status = igt_wait_helper(victim());
	sys_write(CORE_PATTERN, "core");
	igt_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGQUIT);
	igt_assert(WCOREDUMP(status));
	igt_assert(!chdir(TMPFS) && !system("mv core.* core"));
	fd = open("core", O_RDONLY | O_CLOEXEC);
	igt_assert(fd >= 0);
	igt_assert_eq(pread(fd, copy, SIZE, core_offset(fd, (uintptr_t)words)), SIZE);
	igt_assert_eq_u64(cpu_ramp_errors(copy, SIZE, 1), 0);
	close(fd);
	free(copy);
}

static const struct gpu_test tests[] = {
	{ "direct-write", direct_write, "O_DIRECT write from pages in VRAM" },
	{ "direct-read", direct_read, "O_DIRECT read into pages in VRAM" },
	{ "vmsplice", vmsplice_pages, "vmsplice of pages in VRAM; the GPU goes on in the pages that the pipe holds" },
	{ "process-vm-readv", vm_readv, "another process reads pages in VRAM" },
	{ "process-vm-writev", vm_writev, "another process writes pages in VRAM" },
	{ "ptrace", ptrace_words, "a debugger reads and changes words in VRAM" },
	{ "proc-mem", proc_mem, "/proc/PID/mem reads and changes words in VRAM" },
	{ "core-dump", core_dump, "the core file has what was in VRAM" },
};

igt_main()
{
	gpu_run_tests(tests, ARRAY_SIZE(tests), gpu_init);
}
