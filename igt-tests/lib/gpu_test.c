// SPDX-License-Identifier: MIT
/*
 * Contexts, launches and waits for the tests, see gpu_test.h.
 */
#include "gpu_test.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "gpu_program.h"

#define RING_PACKETS	64
#define RAMP_PER_WAVE	4096	/* words */

uint64_t gpu_timeout_s(void)
{
	const char *slow = getenv("COLIBRI_SLOW");

	int times = slow ? atoi(slow) : 1;

	return 60 * (times > 1 ? times : 1);
}

static int open_device(struct gpu *gpu, unsigned int index)
{
	int ret;

	if (gpu->live)
		colibri_device_close(&gpu->dev);
	memset(gpu, 0, sizeof(*gpu));
	ret = colibri_device_open(&gpu->dev, index);
	if (ret)
		return ret;
	gpu->next_addr = gpu->dev.info.va_zone_start;
	gpu->live = true;
	return 0;
}

void gpu_open(struct gpu *gpu)
{
	int ret = open_device(gpu, 0);

	igt_assert_f(!ret, "no Colibri device: %s\n", strerror(-ret));
}

uint64_t gpu_bind_bo(struct gpu *gpu, struct colibri_bo *bo, uint64_t size, uint32_t placement,
		     uint32_t gem_flags, uint32_t bind_flags)
{
	uint64_t addr = gpu->next_addr;

	igt_assert_eq(colibri_bo_create(&gpu->dev, size, placement, gem_flags, bo), 0);
	igt_assert_eq(colibri_vm_map(&gpu->dev, gpu->vm, bo, addr, bind_flags), 0);
	gpu->next_addr += (bo->size + MiB - 1) & ~(MiB - 1);
	return addr;
}

/* All that goes onto a VM. */
static void fill_vm(struct gpu *gpu)
{
	igt_assert_eq(colibri_queue_create(&gpu->dev, gpu->vm, 1, RING_PACKETS, &gpu->queue), 0);

	gpu->code_addr = gpu_bind_bo(gpu, &gpu->code, gpu_program_size(), DRM_COLIBRI_GEM_SYSTEM, 0,
				     DRM_COLIBRI_VM_BIND_READONLY | DRM_COLIBRI_VM_BIND_EXEC);
	gpu_program_load(gpu->code.map, gpu->code_addr);
	gpu->shared_addr = gpu_bind_bo(gpu, &gpu->shared_bo, sizeof(struct gpu_shared),
				       DRM_COLIBRI_GEM_SYSTEM, 0, 0);
	gpu->shared = gpu->shared_bo.map;
	gpu->fence_addr = gpu_bind_bo(gpu, &gpu->fence, PAGE_SIZE, DRM_COLIBRI_GEM_SYSTEM,
				      DRM_COLIBRI_GEM_FENCE, 0);
}

static void make_vm(struct gpu *gpu)
{
	igt_assert_eq(colibri_vm_create(&gpu->dev, &gpu->vm), 0);
	fill_vm(gpu);
}

void gpu_init_fenced(struct gpu *gpu)
{
	gpu_open(gpu);
	igt_assert_eq(colibri_vm_create_fenced(&gpu->dev, &gpu->vm), 0);
	fill_vm(gpu);
}

void gpu_init_buffers_only(struct gpu *gpu)
{
	gpu_open(gpu);
	make_vm(gpu);
}

void gpu_init(struct gpu *gpu)
{
	gpu_init_buffers_only(gpu);
	igt_assert_eq(colibri_vm_mirror(&gpu->dev, gpu->vm), 0);
}

void gpu_init_second(struct gpu *gpu)
{
	igt_require_f(!open_device(gpu, 1), "needs a VM with --gpus 2\n");
	make_vm(gpu);
	igt_assert_eq(colibri_vm_mirror(&gpu->dev, gpu->vm), 0);
}

void gpu_fini(struct gpu *gpu)
{
	if (gpu->queue)
		igt_assert_eq(colibri_queue_destroy(&gpu->dev, gpu->queue), 0);
	if (gpu->vm)
		igt_assert_eq(colibri_vm_destroy(&gpu->dev, gpu->vm), 0);
	colibri_bo_destroy(&gpu->dev, &gpu->fence);
	colibri_bo_destroy(&gpu->dev, &gpu->shared_bo);
	colibri_bo_destroy(&gpu->dev, &gpu->code);
	colibri_device_close(&gpu->dev);
	gpu->live = false;
}

uint64_t gpu_kernel(const struct gpu *gpu, const char *name)
{
	uint64_t offset = gpu_program_kernel(name);

	igt_assert_f(offset, "no kernel %s\n", name);
	return gpu->code_addr + offset;
}

uint64_t gpu_put_args(struct gpu *gpu, const void *args, size_t size)
{
	unsigned int slot = gpu->first_kernarg + gpu->seqno % GPU_KERNARGS;

	igt_assert_lte_u64(size, GPU_KERNARG_SIZE);
	memcpy(gpu->shared->kernargs[slot], args, size);
	return gpu_shared_addr(gpu, kernargs) + slot * GPU_KERNARG_SIZE;
}

void gpu_submit(struct gpu *gpu, const union colibri_packet *packets, uint32_t count)
{
	union colibri_packet list[RING_PACKETS];

	igt_assert(count < RING_PACKETS);
	memcpy(list, packets, count * sizeof(*packets));
	list[count] = colibri_packet_fence(gpu->fence_addr + gpu->fence_offset, gpu->seqno + 1);
	igt_assert_eq(colibri_queue_submit(&gpu->dev, gpu->queue, list, count + 1), 0);
	gpu->seqno++;
}

void gpu_launch(struct gpu *gpu, const char *kernel, const void *args, size_t size, uint32_t waves)
{
	union colibri_packet packet =
		colibri_packet_dispatch(gpu_kernel(gpu, kernel), gpu_put_args(gpu, args, size),
					waves * COLIBRI_WAVE_LANES, COLIBRI_WAVE_LANES);

	gpu_submit(gpu, &packet, 1);
}

int gpu_wait_result(struct gpu *gpu)
{
	return colibri_fence_wait(&gpu->dev, &gpu->fence, gpu->fence_offset, DRM_COLIBRI_WAIT_GE,
				  gpu->seqno, gpu->queue, GPU_TIMEOUT_S * NSEC_PER_SEC);
}

static void log_queue_state(struct gpu *gpu)
{
	struct drm_colibri_queue_state state;

	if (colibri_queue_get_state(&gpu->dev, gpu->queue, &state))
		return;
	igt_info("queue: state %u error %u reason %u access %u address %#llx pc %#llx (code %#lx) submitted %llu retired %llu\n",
		 state.state, state.error, state.reason, state.fault_access, state.fault_addr,
		 state.fault_pc, gpu->code_addr, state.submitted, state.retired);
}

void gpu_wait(struct gpu *gpu)
{
	int ret = gpu_wait_result(gpu);

	if (ret)
		log_queue_state(gpu);
	igt_assert_eq(ret, 0);
}

bool gpu_is_done(struct gpu *gpu)
{
	return !colibri_fence_wait(&gpu->dev, &gpu->fence, gpu->fence_offset, DRM_COLIBRI_WAIT_GE,
				   gpu->seqno, gpu->queue, 0);
}

void gpu_run(struct gpu *gpu, const char *kernel, const void *args, size_t size, uint32_t waves)
{
	gpu_launch(gpu, kernel, args, size, waves);
	gpu_wait(gpu);
}

struct drm_colibri_queue_state gpu_expect_ban(struct gpu *gpu, uint32_t error)
{
	struct drm_colibri_queue_state state;
	int ret = gpu_wait_result(gpu);

	if (ret != -ENOTRECOVERABLE)
		log_queue_state(gpu);
	igt_assert_eq(ret, -ENOTRECOVERABLE);
	igt_assert_eq(colibri_queue_get_state(&gpu->dev, gpu->queue, &state), 0);
	igt_assert_eq(state.state, DRM_COLIBRI_QUEUE_BANNED);
	igt_assert_eq(state.error, error);
	igt_assert_lt_u64(state.retired, state.submitted);
	return state;
}

void gpu_expect_fault(struct gpu *gpu, const volatile void *addr, uint32_t access, uint32_t reason)
{
	struct drm_colibri_queue_state state = gpu_expect_ban(gpu, COLIBRI_QERR_FAULT);

	igt_assert_eq_u64(state.fault_addr & ~(PAGE_SIZE - 1),
			  (uintptr_t)addr & ~(PAGE_SIZE - 1));
	igt_assert_eq(state.fault_access, access);
	igt_assert_eq(state.reason, reason);
}

void gpu_new_queue(struct gpu *gpu)
{
	igt_assert_eq(colibri_queue_destroy(&gpu->dev, gpu->queue), 0);
	igt_assert_eq(colibri_queue_create(&gpu->dev, gpu->vm, 1, RING_PACKETS, &gpu->queue), 0);
}

void gpu_second_queue(const struct gpu *gpu, struct gpu *other)
{
	*other = *gpu;
	igt_assert_eq(colibri_queue_create(&gpu->dev, gpu->vm, 1, RING_PACKETS, &other->queue), 0);
	other->fence_offset = gpu->fence_offset + 64;
	other->first_kernarg = GPU_KERNARGS;
	other->seqno = *(uint64_t *)((char *)gpu->fence.map + other->fence_offset);
}

void gpu_second_queue_fini(struct gpu *other)
{
	igt_assert_eq(colibri_queue_destroy(&other->dev, other->queue), 0);
}

void gpu_assert_vm_lives(struct gpu *gpu)
{
	volatile uint64_t *word = (uint64_t *)(gpu->shared->result + GPU_RESULT_SIZE) - 1;
	struct scalar_args args = {
		.addr = gpu_shared_addr(gpu, result) + GPU_RESULT_SIZE - sizeof(*word),
		.value = *word + 1,
	};
	struct gpu other;

	gpu_second_queue(gpu, &other);
	gpu_run(&other, "scalar_write", &args, sizeof(args), 1);
	igt_assert_eq_u64(*word, args.value);
	gpu_second_queue_fini(&other);
}

struct drm_colibri_svm_stats gpu_stats(struct gpu *gpu)
{
	struct drm_colibri_svm_stats stats;

	igt_assert_eq(colibri_svm_get_stats(&gpu->dev, gpu->vm, &stats), 0);
	return stats;
}

void gpu_loop_start(struct gpu *gpu, uint64_t addr)
{
	struct loop_args args = {
		.addr = addr,
		.mail = gpu_shared_addr(gpu, mail),
	};

	memset(&gpu->shared->mail, 0, sizeof(gpu->shared->mail));
	gpu_launch(gpu, "loop_add", &args, sizeof(args), 1);
	gpu_loop_progress(gpu, 1);
}

static uint64_t loop_rounds(struct gpu *gpu)
{
	return __atomic_load_n(&gpu->shared->mail.progress, __ATOMIC_ACQUIRE);
}

void gpu_loop_progress(struct gpu *gpu, uint64_t rounds)
{
	uint64_t target = loop_rounds(gpu) + rounds;
	struct timespec start = { 0 };

	while (loop_rounds(gpu) < target) {
		if (igt_nsec_elapsed(&start) > GPU_TIMEOUT_S * NSEC_PER_SEC) {
			log_queue_state(gpu);
			igt_assert_f(false, "the loop stands still\n");
		}
		cpu_pause();
	}
}

uint64_t gpu_loop_stop(struct gpu *gpu)
{
	__atomic_store_n(&gpu->shared->mail.stop, 1, __ATOMIC_RELEASE);
	gpu_wait(gpu);
	return loop_rounds(gpu);
}

void gpu_write_word(struct gpu *gpu, volatile void *addr, uint64_t value)
{
	struct scalar_args args = { .addr = (uintptr_t)addr, .value = value };

	gpu_launch(gpu, "scalar_write", &args, sizeof(args), 1);
}

void gpu_read_word(struct gpu *gpu, const volatile void *addr)
{
	struct scalar_args args = {
		.addr = (uintptr_t)addr,
		.out = gpu_shared_addr(gpu, result),
	};

	gpu_launch(gpu, "scalar_read", &args, sizeof(args), 1);
}

uint64_t gpu_word_read(struct gpu *gpu)
{
	gpu_wait(gpu);
	return *(uint64_t *)gpu->shared->result;
}

static uint32_t ramp_waves(size_t bytes)
{
	return (bytes / 4 + RAMP_PER_WAVE - 1) / RAMP_PER_WAVE;
}

static void ramp(struct gpu *gpu, const char *kernel, const void *words, size_t bytes,
		 uint32_t value)
{
	struct ramp_args args = {
		.words = (uintptr_t)words,
		.count = bytes / 4,
		.value = value,
		.per_wave = RAMP_PER_WAVE,
		.bad = gpu_shared_addr(gpu, result),
	};

	gpu_run(gpu, kernel, &args, sizeof(args), ramp_waves(bytes));
}

void gpu_ramp_write(struct gpu *gpu, void *words, size_t bytes, uint32_t value)
{
	ramp(gpu, "ramp_write", words, bytes, value);
}

void gpu_ramp_add(struct gpu *gpu, void *words, size_t bytes, uint32_t value)
{
	ramp(gpu, "ramp_add", words, bytes, value);
}

uint64_t gpu_ramp_errors(struct gpu *gpu, const void *words, size_t bytes, uint32_t value)
{
	uint32_t *bad = (uint32_t *)gpu->shared->result;
	uint32_t waves = ramp_waves(bytes);
	uint64_t errors = 0;

	igt_assert_lte_u64(waves * sizeof(*bad), sizeof(gpu->shared->result));
	memset(bad, 0xff, waves * sizeof(*bad));
	ramp(gpu, "ramp_check", words, bytes, value);
	for (uint32_t i = 0; i < waves; i++)
		errors += bad[i];
	return errors;
}

void cpu_ramp_write(void *words, size_t bytes, uint32_t value)
{
	for (size_t i = 0; i < bytes / 4; i++)
		((uint32_t *)words)[i] = value + i;
}

uint64_t cpu_ramp_errors(const void *words, size_t bytes, uint32_t value)
{
	uint64_t errors = 0;

	for (size_t i = 0; i < bytes / 4; i++)
		errors += ((const uint32_t *)words)[i] != value + i;
	return errors;
}

void gpu_share(struct gpu *gpu, void *words, size_t bytes)
{
	cpu_ramp_write(words, bytes, 1);
	igt_assert_eq_u64(gpu_ramp_errors(gpu, words, bytes, 1), 0);
	gpu_ramp_add(gpu, words, bytes, 10);
	igt_assert_eq_u64(cpu_ramp_errors(words, bytes, 11), 0);
	cpu_ramp_write(words, bytes, 5);
	gpu_ramp_add(gpu, words, bytes, 100);
	igt_assert_eq_u64(gpu_ramp_errors(gpu, words, bytes, 105), 0);
	igt_assert_eq_u64(cpu_ramp_errors(words, bytes, 105), 0);
}

void gpu_ramp_to_vram(struct gpu *gpu, void *words, size_t bytes, uint32_t value)
{
	uint64_t before;

	require_migration(gpu);
	before = gpu_stats(gpu).pages_to_vram;
	gpu_ramp_write(gpu, words, bytes, value);
	igt_assert_lte_u64(most_of(bytes / PAGE_SIZE), gpu_stats(gpu).pages_to_vram - before);
}

void *map_anonymous(size_t size, size_t align)
{
	uintptr_t start, aligned;
	void *map = mmap(NULL, size + align, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	igt_assert(map != MAP_FAILED);
	start = (uintptr_t)map;
	aligned = (start + align - 1) & ~(align - 1);
	if (aligned > start)
		munmap(map, aligned - start);
	munmap((void *)(aligned + size), start + align - aligned);
	return (void *)aligned;
}

bool gpu_migrates(const struct gpu *gpu)
{
	return gpu->dev.info.svm_flags & DRM_COLIBRI_SVM_MIGRATE;
}

void require_migration(const struct gpu *gpu)
{
	igt_require_f(gpu_migrates(gpu),
		      "the kernel has no CONFIG_DEVICE_PRIVATE: memory does not migrate to VRAM\n");
}

void require_exclusive(const struct gpu *gpu)
{
	igt_require_f(gpu_migrates(gpu),
		      "the kernel has no CONFIG_DEVICE_PRIVATE: a GPU cannot have a page for itself\n");
}

void require_small_vram(struct gpu *gpu, unsigned int chunks)
{
	require_migration(gpu);
	igt_require_f(gpu->dev.info.vram_size <= chunks * SVM_BLOCK_SIZE,
		      "needs a VM with --vram %luM, this one has %llu MiB\n",
		      chunks * SVM_BLOCK_SIZE / MiB, gpu->dev.info.vram_size / MiB);
}

void cpu_pause(void)
{
	struct timespec ms = { .tv_nsec = NSEC_PER_MSEC };

	nanosleep(&ms, NULL);
}

struct steps *steps_new(void)
{
	void *map = mmap(NULL, PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	igt_assert(map != MAP_FAILED);
	return map;
}

void steps_done(struct steps *steps, unsigned int step)
{
	__atomic_store_n(&steps->done, step, __ATOMIC_RELEASE);
}

void steps_wait(struct steps *steps, unsigned int step)
{
	struct timespec start = { 0 };

	while (__atomic_load_n(&steps->done, __ATOMIC_ACQUIRE) < step) {
		igt_assert_f(igt_nsec_elapsed(&start) < GPU_TIMEOUT_S * NSEC_PER_SEC,
			     "the other process does not reach step %u\n", step);
		cpu_pause();
	}
}

struct igt_helper_process *victim(void)
{
	static struct igt_helper_process process = { .use_SIGKILL = true };

	return &process;
}

void kill_victim(void)
{
	struct timespec start = { 0 };
	siginfo_t info = { 0 };

	igt_assert_eq(kill(victim()->pid, SIGKILL), 0);
	/* Only look: igt_wait_helper() wants to reap it. */
	while (!info.si_pid) {
		igt_assert_f(igt_nsec_elapsed(&start) < GPU_TIMEOUT_S * NSEC_PER_SEC,
			     "process %d survives SIGKILL\n", victim()->pid);
		igt_assert_eq(waitid(P_PID, victim()->pid, &info, WEXITED | WNOHANG | WNOWAIT), 0);
		cpu_pause();
	}
	igt_assert_eq(info.si_code, CLD_KILLED);
	igt_wait_helper(victim());
}

void gpu_exec_helper(const struct gpu *gpu, const struct colibri_ring *ring)
{
	const struct colibri_ring none = { 0 };
	char path[PATH_MAX + 32], args[7][24];
	ssize_t len = readlink("/proc/self/exe", path, PATH_MAX);

	igt_assert(len > 0);
	path[len] = '\0';
	strcpy(strrchr(path, '/'), "/colibri_exec_helper");
	igt_assert_eq(fcntl(gpu->dev.fd, F_SETFD, 0), 0);
	ring = ring ?: &none;
	snprintf(args[0], sizeof(args[0]), "%d", gpu->dev.fd);
	snprintf(args[1], sizeof(args[1]), "%u", gpu->vm);
	snprintf(args[2], sizeof(args[2]), "%u", gpu->queue);
	snprintf(args[3], sizeof(args[3]), "%u", gpu->shared_bo.handle);
	snprintf(args[4], sizeof(args[4]), "%#" PRIx64, ring->map_offset);
	snprintf(args[5], sizeof(args[5]), "%" PRIu64, ring->map_size);
	snprintf(args[6], sizeof(args[6]), "%#" PRIx64, ring->doorbell_offset);
	execl(path, path, args[0], args[1], args[2], args[3], args[4], args[5], args[6], NULL);
	igt_assert_f(false, "%s: %s\n", path, strerror(errno));
}

unsigned int count_free_queues(struct gpu *gpu)
{
	uint32_t queues[COLIBRI_MAX_CONTEXTS];
	unsigned int count = 0;
	int ret = 0;

	while (count < COLIBRI_MAX_CONTEXTS && !ret) {
		ret = colibri_queue_create(&gpu->dev, gpu->vm, count % 3, 16, &queues[count]);
		if (!ret)
			count++;
	}
	igt_assert_eq(ret, -ENOSPC);
	for (unsigned int i = 0; i < count; i++)
		igt_assert_eq(colibri_queue_destroy(&gpu->dev, queues[i]), 0);
	return count;
}

void wait_for_free_queues(struct gpu *gpu, unsigned int count)
{
	struct timespec start = { 0 };
	unsigned int now;

	while ((now = count_free_queues(gpu)) != count) {
		igt_assert_f(igt_nsec_elapsed(&start) < GPU_TIMEOUT_S * NSEC_PER_SEC,
			     "%u queues are free, not %u\n", now, count);
		cpu_pause();
	}
}

void gpu_run_tests(const struct gpu_test *tests, size_t count, void (*init)(struct gpu *gpu))
{
	static struct gpu gpu;

	/* volatile: a failed subtest comes back by longjmp */
	for (volatile size_t i = 0; i < count; i++) {
		igt_describe(tests[i].what);
		igt_subtest(tests[i].name) {
			if (victim()->running)
				igt_stop_helper(victim());
			init(&gpu);
			tests[i].run(&gpu);
			gpu_fini(&gpu);
		}
	}
}
