/* SPDX-License-Identifier: MIT */
/*
 * What nearly every test needs: a VM that mirrors the process, a queue, the
 * test kernels, and buffers for arguments, results and fences. Everything
 * here fails the subtest when it goes wrong.
 */
#ifndef COLIBRI_GPU_TEST_H
#define COLIBRI_GPU_TEST_H

#include "libcolibri_drm.h"
#include "igt.h"
#include "kernels.h"

/* No wait in the tests is longer. */
#define GPU_TIMEOUT_S	gpu_timeout_s()
#define NSEC_PER_SEC	1000000000ll
#define NSEC_PER_MSEC	1000000ll
#define KiB		1024ul
#define MiB		(1024 * KiB)
#define SVM_BLOCK_SIZE	(2 * MiB)	/* what the kernel migrates and evicts as one */
#define PAGE_SIZE	4096ul

#define GPU_KERNARGS		32	/* of each queue */
#define GPU_KERNARG_SIZE	128
#define GPU_RESULT_SIZE		(256 * KiB)

/* The system-memory buffer that CPU and kernels share. */
struct gpu_shared {
	struct mailbox mail;
	uint8_t pad[PAGE_SIZE - sizeof(struct mailbox)];
	uint8_t kernargs[2 * GPU_KERNARGS][GPU_KERNARG_SIZE];
	uint8_t result[GPU_RESULT_SIZE];
};

/**
 * gpu_timeout_s() - Seconds that nothing takes
 *
 * Generous, for a guest without KVM on a loaded host; COLIBRI_SLOW=N in the environment says that
 * all is N times as slow.
 */
uint64_t gpu_timeout_s(void);

/** struct gpu - a VM with one queue, ready to run test kernels */
struct gpu {
	struct colibri_device dev;
	uint32_t vm;
	uint32_t queue;
	/** @code: the test kernels */
	struct colibri_bo code;
	/** @shared_bo: holds @shared */
	struct colibri_bo shared_bo;
	struct gpu_shared *shared;
	/** @fence: the word at @fence_offset counts what gpu_submit() submitted */
	struct colibri_bo fence;
	uint64_t fence_offset;
	/** @first_kernarg: the queue's half of the kernel arguments */
	unsigned int first_kernarg;
	uint64_t code_addr;
	uint64_t shared_addr;
	uint64_t fence_addr;
	/** @next_addr: first free address of the VM's buffer zone */
	uint64_t next_addr;
	/** @seqno: value of the last launch's fence */
	uint64_t seqno;
	bool live;
};

/** gpu_open() - Open the device alone; fails when there is none */
void gpu_open(struct gpu *gpu);

/**
 * gpu_init() - Open the device and make all of @gpu
 *
 * A context that a failed subtest left behind is closed first: @gpu must be
 * zero or come from an earlier gpu_init().
 */
void gpu_init(struct gpu *gpu);

/** gpu_init_second() - gpu_init() on the second device; skips when there is none */
void gpu_init_second(struct gpu *gpu);

/** gpu_init_buffers_only() - The same with a VM that mirrors nothing */
void gpu_init_buffers_only(struct gpu *gpu);

/** gpu_init_fenced() - The same with a fenced VM, for jobs (lib/jobs.h) */
void gpu_init_fenced(struct gpu *gpu);

/** gpu_fini() - Destroy the queue and the VM, if any (it must succeed), and close the device */
void gpu_fini(struct gpu *gpu);

/** gpu_bind_bo() - Create a buffer and bind it; returns its GPU address */
uint64_t gpu_bind_bo(struct gpu *gpu, struct colibri_bo *bo, uint64_t size, uint32_t placement,
		     uint32_t gem_flags, uint32_t bind_flags);

/** gpu_shared_addr() - GPU address of a field of @gpu->shared */
#define gpu_shared_addr(gpu, field)	\
	((gpu)->shared_addr + offsetof(struct gpu_shared, field))

/** gpu_kernel() - GPU address of a test kernel's descriptor */
uint64_t gpu_kernel(const struct gpu *gpu, const char *name);

/** gpu_put_args() - Copy arguments to where kernels get them; returns their GPU address */
uint64_t gpu_put_args(struct gpu *gpu, const void *args, size_t size);

/** gpu_submit() - Submit packets and a fence after them, @gpu->seqno */
void gpu_submit(struct gpu *gpu, const union colibri_packet *packets, uint32_t count);

/** gpu_launch() - Submit @waves waves of a kernel, one work-group each, and a fence */
void gpu_launch(struct gpu *gpu, const char *kernel, const void *args, size_t size,
		uint32_t waves);

/** gpu_wait_result() - Wait for everything launched; 0 or the wait's error. Never hangs. */
int gpu_wait_result(struct gpu *gpu);

/** gpu_wait() - The same, which must succeed */
void gpu_wait(struct gpu *gpu);

/** gpu_is_done() - Whether everything launched is complete */
bool gpu_is_done(struct gpu *gpu);

/** gpu_run() - gpu_launch() and gpu_wait() */
void gpu_run(struct gpu *gpu, const char *kernel, const void *args, size_t size, uint32_t waves);

/** gpu_expect_ban() - What was launched must end with the queue banned for @error (COLIBRI_QERR_*) */
struct drm_colibri_queue_state gpu_expect_ban(struct gpu *gpu, uint32_t error);

/** gpu_expect_fault() - The same, by a failed fault on @addr's page with this access and errno */
void gpu_expect_fault(struct gpu *gpu, const volatile void *addr, uint32_t access, uint32_t reason);

/** gpu_new_queue() - Replace the queue, a banned one, too */
void gpu_new_queue(struct gpu *gpu);

/**
 * gpu_second_queue() - Another queue on the VM of @gpu, with a fence word of its own
 *
 * One at a time, until gpu_second_queue_fini(); @other shares all else.
 */
void gpu_second_queue(const struct gpu *gpu, struct gpu *other);
void gpu_second_queue_fini(struct gpu *other);

/** gpu_assert_vm_lives() - A second queue of the VM computes */
void gpu_assert_vm_lives(struct gpu *gpu);

struct drm_colibri_svm_stats gpu_stats(struct gpu *gpu);

/** gpu_write_word() - Launch a kernel that writes a 64-bit word */
void gpu_write_word(struct gpu *gpu, volatile void *addr, uint64_t value);
/** gpu_read_word() - Launch a kernel that reads a 64-bit word, for gpu_word_read() */
void gpu_read_word(struct gpu *gpu, const volatile void *addr);
/** gpu_word_read() - Wait for it; returns the word */
uint64_t gpu_word_read(struct gpu *gpu);

/** gpu_loop_start() - Run loop_add on @addr; returns when it has gone round once */
void gpu_loop_start(struct gpu *gpu, uint64_t addr);
/** gpu_loop_progress() - Wait until the loop has gone round @rounds times more */
void gpu_loop_progress(struct gpu *gpu, uint64_t rounds);
/** gpu_loop_stop() - End the loop; returns how often it went round */
uint64_t gpu_loop_stop(struct gpu *gpu);

/**
 * most_of() - How many of @pages must have moved at least
 *
 * A page that somebody holds a reference to just now stays, and is used where it is.
 */
static inline uint64_t most_of(uint64_t pages)
{
	return pages - pages / 8;
}

/* Words: 32-bit ramps, word i = value + i, on the GPU and on the CPU. */
void gpu_ramp_write(struct gpu *gpu, void *words, size_t bytes, uint32_t value);
void gpu_ramp_add(struct gpu *gpu, void *words, size_t bytes, uint32_t value);
/** gpu_ramp_errors() - How many words the GPU finds wrong */
uint64_t gpu_ramp_errors(struct gpu *gpu, const void *words, size_t bytes, uint32_t value);
/** gpu_ramp_to_vram() - gpu_ramp_write(), which must bring most of the pages to VRAM */
void gpu_ramp_to_vram(struct gpu *gpu, void *words, size_t bytes, uint32_t value);
/** gpu_share() - Both sides read what the other wrote, twice in turn */
void gpu_share(struct gpu *gpu, void *words, size_t bytes);
void cpu_ramp_write(void *words, size_t bytes, uint32_t value);
uint64_t cpu_ramp_errors(const void *words, size_t bytes, uint32_t value);

/**
 * struct steps - how forked processes take turns; in memory that they share
 *
 * Made by steps_new() before the fork.
 */
struct steps {
	unsigned int done;
};

struct steps *steps_new(void);
/** steps_done() - Step number @step is done; whoever waits for it goes on */
void steps_done(struct steps *steps, unsigned int step);
/** steps_wait() - Wait until step number @step is done; fails after GPU_TIMEOUT_S */
void steps_wait(struct steps *steps, unsigned int step);

/**
 * fork_victim() - Fork a process that will be killed: a block, as igt_fork_helper()
 *
 * One at a time. kill_victim() sends SIGKILL and fails when the process is not
 * gone soon; when the subtest fails before, gpu_run_tests() does it.
 */
#define fork_victim()	igt_fork_helper(victim())
struct igt_helper_process *victim(void);
void kill_victim(void);

/**
 * gpu_exec_helper() - Exec colibri_exec_helper, which looks what is left of VM, queue and @ring
 *
 * @ring may be NULL. A kernel started by gpu_loop_start() or ring_loop() must be running.
 */
void gpu_exec_helper(const struct gpu *gpu, const struct colibri_ring *ring) __attribute__((noreturn));

/** count_free_queues() - How many queues can be made on the VM of @gpu now */
unsigned int count_free_queues(struct gpu *gpu);

/** wait_for_free_queues() - Wait until @count queues can be made; fails after GPU_TIMEOUT_S */
void wait_for_free_queues(struct gpu *gpu, unsigned int count);

/** struct gpu_test - one subtest */
struct gpu_test {
	const char *name;
	void (*run)(struct gpu *gpu);
	/** @what: one sentence on what it proves */
	const char *what;
};

/** gpu_run_tests() - All of igt_main(): a subtest for each row, each with a fresh @gpu made by @init */
void gpu_run_tests(const struct gpu_test *tests, size_t count, void (*init)(struct gpu *gpu));

#define ARRAY_SIZE(array)	(sizeof(array) / sizeof((array)[0]))

/** map_anonymous() - Private anonymous memory, aligned to @align (a power of two) */
void *map_anonymous(size_t size, size_t align);

/** gpu_migrates() - Whether the kernel moves anonymous memory to VRAM */
bool gpu_migrates(const struct gpu *gpu);
/** require_migration() - Skip where it does not */
void require_migration(const struct gpu *gpu);
/** require_exclusive() - Skip where a GPU without atomics on system memory cannot get a page for itself */
void require_exclusive(const struct gpu *gpu);
/** require_small_vram() - Skip unless memory migrates to VRAM, which has at most @chunks chunks of 2 MiB */
void require_small_vram(struct gpu *gpu, unsigned int chunks);

/** cpu_pause() - Sleep a millisecond in a loop that waits for another party */
void cpu_pause(void);

#endif /* COLIBRI_GPU_TEST_H */
