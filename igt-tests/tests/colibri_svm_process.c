// SPDX-License-Identifier: MIT
/*
 * Shared virtual memory and processes: fork, exec, exit, kill, and several at
 * once. The processes of a subtest take turns by struct steps.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/mman.h>

#include "gpu_test.h"

IGT_TEST_DESCRIPTION("Shared virtual memory: processes");

#define SIZE	(256 * KiB)

/*
 * A VM of the calling process on the file of @gpu, which another process opened:
 * buffers are the file's and stay bound at the same addresses.
 */
static void vm_on_inherited_file(struct gpu *gpu)
{
	igt_assert_eq(colibri_vm_create(&gpu->dev, &gpu->vm), 0);
	igt_assert_eq(colibri_vm_map(&gpu->dev, gpu->vm, &gpu->code, gpu->code_addr,
				     DRM_COLIBRI_VM_BIND_READONLY | DRM_COLIBRI_VM_BIND_EXEC), 0);
	igt_assert_eq(colibri_vm_map(&gpu->dev, gpu->vm, &gpu->shared_bo, gpu->shared_addr, 0), 0);
	igt_assert_eq(colibri_vm_map(&gpu->dev, gpu->vm, &gpu->fence, gpu->fence_addr, 0), 0);
	igt_assert_eq(colibri_vm_mirror(&gpu->dev, gpu->vm), 0);
	igt_assert_eq(colibri_queue_create(&gpu->dev, gpu->vm, 1, 64, &gpu->queue), 0);
}

static void fork_cow_child(void *words, struct steps *steps)
{
	struct gpu own = { 0 };

	/* The parent's GPU had them in VRAM at the fork. */
	igt_assert_eq_u64(cpu_ramp_errors(words, SIZE, 1), 0);
	steps_done(steps, 1);
	steps_wait(steps, 2);
	igt_assert_eq_u64(cpu_ramp_errors(words, SIZE, 1), 0);

	gpu_init(&own);
	igt_assert_eq_u64(gpu_ramp_errors(&own, words, SIZE, 1), 0);
	gpu_ramp_add(&own, words, SIZE, 10);
	igt_assert_eq_u64(cpu_ramp_errors(words, SIZE, 11), 0);
	cpu_ramp_write(words, SIZE, 500);
	igt_assert_eq_u64(gpu_ramp_errors(&own, words, SIZE, 500), 0);
	gpu_fini(&own);
	steps_done(steps, 3);
}

static void fork_cow(struct gpu *gpu)
{
	struct steps *steps = steps_new();
	void *words = map_anonymous(SIZE, PAGE_SIZE);

	gpu_ramp_write(gpu, words, SIZE, 1);
	igt_assert(gpu_stats(gpu).pages_to_vram > 0 || gpu_stats(gpu).pages_mapped_vram > 0 ||
		   !gpu_migrates(gpu));
	igt_fork(child, 1)
		fork_cow_child(words, steps);

	steps_wait(steps, 1);
	gpu_ramp_add(gpu, words, SIZE, 100);
	igt_assert_eq_u64(cpu_ramp_errors(words, SIZE, 101), 0);
	steps_done(steps, 2);
	steps_wait(steps, 3);
	igt_assert_eq_u64(gpu_ramp_errors(gpu, words, SIZE, 101), 0);
	igt_assert_eq_u64(cpu_ramp_errors(words, SIZE, 101), 0);
	igt_waitchildren_timeout(GPU_TIMEOUT_S, "the child of fork-cow");
}

/* fork() while a kernel writes: the child has a snapshot, the kernel goes on in the parent's page. */
static void fork_during_kernel(struct gpu *gpu)
{
	volatile uint64_t *page = map_anonymous(PAGE_SIZE, PAGE_SIZE);

	page[0] = 0;
	gpu_loop_start(gpu, (uintptr_t)page);
	for (unsigned int i = 0; i < 5; i++) {
		igt_fork(child, 1) {
			uint64_t snapshot = page[0];

			gpu_loop_progress(gpu, 5);
			igt_assert_eq_u64(page[0], snapshot);
			page[0] = 1ull << 40;
		}
		igt_waitchildren_timeout(GPU_TIMEOUT_S, "a child of fork-during-kernel");
	}
	igt_assert_eq_u64(gpu_loop_stop(gpu), page[0]);
}

static void fork_child_refused(struct gpu *gpu)
{
	uint64_t *words = map_anonymous(PAGE_SIZE, PAGE_SIZE);

	words[0] = 1;
	igt_fork(child, 1) {
		union colibri_packet nop = colibri_packet_vendor(COLIBRI_OP_NOP);
		const struct colibri_device *dev = &gpu->dev;
		struct drm_colibri_queue_state state;
		struct drm_colibri_svm_stats stats;
		uint32_t queue;
		uint16_t page;

		igt_assert_eq(colibri_queue_submit(dev, gpu->queue, &nop, 1), -EACCES);
		igt_assert_eq(colibri_queue_create(dev, gpu->vm, 1, 16, &queue), -EACCES);
		igt_assert_eq(colibri_queue_get_state(dev, gpu->queue, &state), -EACCES);
		igt_assert_eq(colibri_vm_map(dev, gpu->vm, &gpu->code, gpu->next_addr, 0), -EACCES);
		igt_assert_eq(colibri_vm_unmap(dev, gpu->vm, gpu->code_addr, PAGE_SIZE), -EACCES);
		igt_assert_eq(colibri_vm_mirror(dev, gpu->vm), -EACCES);
		igt_assert_eq(colibri_svm_prefetch(dev, gpu->vm, words, PAGE_SIZE,
						   DRM_COLIBRI_SVM_LOC_VRAM), -EACCES);
		igt_assert_eq(colibri_svm_get_stats(dev, gpu->vm, &stats), -EACCES);
		igt_assert_eq(colibri_svm_advise(dev, gpu->vm, words, PAGE_SIZE,
						 DRM_COLIBRI_SVM_ADVISE_ATOMIC, 0), -EACCES);
		igt_assert_eq(colibri_svm_query(dev, gpu->vm, words, PAGE_SIZE, &page), -EACCES);
		igt_assert_eq(colibri_fence_wait(dev, &gpu->fence, 0, DRM_COLIBRI_WAIT_GE, 0,
						 gpu->queue, 0), -EACCES);
	}
	igt_waitchildren_timeout(GPU_TIMEOUT_S, "the refused child");
	/* And the parent works on, undisturbed. */
	gpu_ramp_write(gpu, words, PAGE_SIZE, 3);
	igt_assert_eq_u64(cpu_ramp_errors(words, PAGE_SIZE, 3), 0);
}

static void exec_of_owner(struct gpu *gpu)
{
	uint64_t *word = map_anonymous(PAGE_SIZE, PAGE_SIZE);

	igt_fork(child, 1) {
		struct gpu own = *gpu;

		vm_on_inherited_file(&own);
		gpu_loop_start(&own, (uintptr_t)word);
		gpu_exec_helper(&own, NULL);
	}
	igt_waitchildren_timeout(GPU_TIMEOUT_S, "the process that execs");
	gpu_ramp_write(gpu, word, PAGE_SIZE, 3);
	igt_assert_eq_u64(cpu_ramp_errors(word, PAGE_SIZE, 3), 0);
}

static void exit_of_owner(struct gpu *gpu)
{
	struct { struct steps step; uint32_t vm, queue; } *shared = (void *)steps_new();
	union colibri_packet nop = colibri_packet_vendor(COLIBRI_OP_NOP);
	uint64_t *word = map_anonymous(PAGE_SIZE, PAGE_SIZE);
	uint64_t progress;

	igt_fork(child, 1) {
		struct gpu own = *gpu;

		vm_on_inherited_file(&own);
		shared->vm = own.vm;
		shared->queue = own.queue;
		gpu_loop_start(&own, (uintptr_t)word);
	}
	igt_waitchildren_timeout(GPU_TIMEOUT_S, "the owner");

	progress = gpu->shared->mail.progress;
	igt_assert_eq(colibri_queue_submit(&gpu->dev, shared->queue, &nop, 1), -EACCES);
	igt_assert_eq(colibri_fence_wait(&gpu->dev, &gpu->fence, 0, DRM_COLIBRI_WAIT_GE, 1000,
					 shared->queue, NSEC_PER_SEC), -EACCES);
	gpu_ramp_write(gpu, word, PAGE_SIZE, 3);
	igt_assert_eq_u64(gpu->shared->mail.progress, progress);
	igt_assert_eq(colibri_queue_destroy(&gpu->dev, shared->queue), 0);
	igt_assert_eq(colibri_vm_destroy(&gpu->dev, shared->vm), 0);
}

/* Same addresses, different data, both kernels running at once. */
static void two_processes_child(unsigned int me, void *words, struct steps *running)
{
	struct gpu own = { 0 }, second;
	volatile uint64_t *page = map_anonymous(PAGE_SIZE, PAGE_SIZE);
	uint32_t value = 1000 * (me + 1);

	gpu_init(&own);
	gpu_loop_start(&own, (uintptr_t)page);
	__atomic_fetch_add(&running->done, 1, __ATOMIC_SEQ_CST);
	steps_wait(running, 2);

	gpu_second_queue(&own, &second);
	for (unsigned int round = 0; round < 5; round++) {
		gpu_ramp_write(&second, words, SIZE, value);
		igt_assert_eq_u64(cpu_ramp_errors(words, SIZE, value), 0);
		cpu_ramp_write(words, SIZE, ++value);
		igt_assert_eq_u64(gpu_ramp_errors(&second, words, SIZE, value), 0);
		value++;
		gpu_loop_progress(&own, 1);
	}
	gpu_second_queue_fini(&second);
	__atomic_fetch_add(&running->done, 1, __ATOMIC_SEQ_CST);
	steps_wait(running, 4);
	igt_assert_eq_u64(gpu_loop_stop(&own), page[0]);
	gpu_fini(&own);
}

static void two_processes(struct gpu *gpu)
{
	void *words = map_anonymous(SIZE, PAGE_SIZE);
	struct steps *running = steps_new();

	cpu_ramp_write(words, SIZE, 1);
	igt_fork(child, 2)
		two_processes_child(child, words, running);
	igt_waitchildren_timeout(2 * GPU_TIMEOUT_S, "two processes");
	igt_assert_eq_u64(gpu_ramp_errors(gpu, words, SIZE, 1), 0);
}

static void kill_during_kernel(struct gpu *gpu)
{
	unsigned int free_queues = count_free_queues(gpu);
	uint64_t *word = map_anonymous(PAGE_SIZE, PAGE_SIZE);

	for (unsigned int i = 0; i < 3; i++) {
		struct steps *steps = steps_new();

		fork_victim() {
			struct gpu own = { 0 };

			gpu_init(&own);
			gpu_loop_start(&own, (uintptr_t)word);
			steps_done(steps, 1);
			gpu_wait_result(&own);
		}
		steps_wait(steps, 1);
		kill_victim();
		gpu_ramp_write(gpu, word, PAGE_SIZE, i);
		igt_assert_eq_u64(cpu_ramp_errors(word, PAGE_SIZE, i), 0);
	}
	igt_assert_eq_u32(count_free_queues(gpu), free_queues);
}

static const struct gpu_test tests[] = {
	{ "fork-cow", fork_cow, "after fork each side's CPU and GPU see its own copy" },
	{ "fork-during-kernel", fork_during_kernel, "the child gets a snapshot, the parent's kernel loses nothing" },
	{ "fork-child-refused", fork_child_refused, "a child may not use the parent's VM: EACCES" },
	{ "exec-of-owner", exec_of_owner, "exec ends the kernels and the VM's use" },
	{ "exit-of-owner", exit_of_owner, "a VM whose process is gone can only be destroyed" },
	{ "two-processes", two_processes, "two processes at once at the same addresses" },
	{ "kill-during-kernel", kill_during_kernel, "SIGKILL ends the process at once, nothing is left behind" },
};

igt_main()
{
	gpu_run_tests(tests, ARRAY_SIZE(tests), gpu_init);
}
