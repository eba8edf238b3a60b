// SPDX-License-Identifier: MIT
/*
 * Submission by the process itself, into a ring and to a doorbell that it maps.
 */
#include <errno.h>
#include <inttypes.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "many_queues.h"

IGT_TEST_DESCRIPTION("Queues with DRM_COLIBRI_QUEUE_USER");

#define NUM_ENDLESS	70

static struct many many;

/* Append packets, waiting for room. */
static void ring_submit(struct colibri_ring *ring, const union colibri_packet *packets, uint32_t count)
{
	struct timespec start = { 0 };
	int ret;

	while ((ret = colibri_ring_submit(ring, packets, count)) == -EAGAIN) {
		igt_assert(igt_nsec_elapsed(&start) < GPU_TIMEOUT_S * NSEC_PER_SEC);
		cpu_pause();
	}
	igt_assert_eq(ret, 0);
}

static int ring_wait(struct gpu *gpu, struct colibri_ring *ring)
{
	return colibri_fence_wait(&gpu->dev, &gpu->fence, 8, DRM_COLIBRI_WAIT_GE, gpu->seqno,
				  ring->queue, GPU_TIMEOUT_S * NSEC_PER_SEC);
}

static void ring_fence(struct gpu *gpu, struct colibri_ring *ring)
{
	union colibri_packet fence = colibri_packet_fence(gpu->fence_addr + 8, ++gpu->seqno);

	ring_submit(ring, &fence, 1);
}

/* Kernels, one after the other, each with a fence that is waited for. */
static void ring_work(struct gpu *gpu, struct colibri_ring *ring, unsigned int rounds)
{
	uint32_t *word = (uint32_t *)gpu->shared->result;
	struct atomic_args args = { .addr = gpu_shared_addr(gpu, result), .rounds = 1 };

	*word = 0;
	for (unsigned int i = 1; i <= rounds; i++) {
		union colibri_packet packet =
			colibri_packet_dispatch(gpu_kernel(gpu, "atomic_add32"),
						gpu_put_args(gpu, &args, sizeof(args)), 64, 64);

		ring_submit(ring, &packet, 1);
		ring_fence(gpu, ring);
		igt_assert_eq(ring_wait(gpu, ring), 0);
		igt_assert_eq_u32(*word, 64 * i);
	}
}

static void make_ring(struct gpu *gpu, struct colibri_ring *ring)
{
	igt_assert_eq(colibri_ring_create(&gpu->dev, gpu->vm, 1, 64, ring), 0);
}

static void submit(struct gpu *gpu)
{
	struct drm_colibri_queue_state state;
	struct colibri_ring ring;

	make_ring(gpu, &ring);
	ring_work(gpu, &ring, 50);
	igt_assert_eq(colibri_queue_get_state(&gpu->dev, ring.queue, &state), 0);
	igt_assert_eq_u64(state.submitted, 100);
	igt_assert_eq(colibri_ring_destroy(&gpu->dev, &ring), 0);
}

/* It is off the hardware again and again; no bell is lost. */
static void detached(struct gpu *gpu)
{
	struct colibri_ring ring;

	make_ring(gpu, &ring);
	many_init(&many, gpu, NUM_ENDLESS, 1);
	many_loop(&many);
	for (unsigned int i = 0; i < 3; i++) {
		ring_work(gpu, &ring, 2);
		many_progress(&many);
	}
	many_stop(&many);
	many_fini(&many);
	igt_assert_eq(colibri_ring_destroy(&gpu->dev, &ring), 0);
}

static void refused(struct gpu *gpu)
{
	union colibri_packet nop = colibri_packet_vendor(COLIBRI_OP_NOP);
	struct drm_colibri_exec_item item;
	struct colibri_ring ring;

	make_ring(gpu, &ring);
	item = colibri_exec_item(ring.queue, &nop, 1);
	igt_assert_eq(colibri_queue_submit(&gpu->dev, ring.queue, &nop, 1), -EINVAL);
	igt_assert_eq(colibri_exec(&gpu->dev, &item, 1, NULL, 0), -EINVAL);
	ring_work(gpu, &ring, 1);
	igt_assert_eq(colibri_ring_destroy(&gpu->dev, &ring), 0);
}

static int try_mmap(int fd, size_t size, int prot, int flags, uint64_t offset)
{
	void *p = mmap(NULL, size, prot, flags, fd, offset);

	if (p == MAP_FAILED)
		return -errno;
	munmap(p, size);
	return 0;
}

static void mmap_bad(struct gpu *gpu)
{
	struct drm_colibri_queue_create args = {
		.vm_id = gpu->vm, .ring_packets = 64, .flags = DRM_COLIBRI_QUEUE_USER,
	};
	const int rw = PROT_READ | PROT_WRITE;
	struct colibri_device other;
	int fd = gpu->dev.fd;

	igt_assert_eq(colibri_ioctl(fd, DRM_IOCTL_COLIBRI_QUEUE_CREATE, &args), 0);
	igt_assert_eq_u64(args.mmap_size, 2 * PAGE_SIZE);
	igt_assert_eq(try_mmap(fd, args.mmap_size, rw, MAP_SHARED, args.mmap_offset), 0);
	igt_assert_eq(try_mmap(fd, PAGE_SIZE, PROT_WRITE, MAP_SHARED, args.doorbell_offset), 0);

	igt_assert_eq(try_mmap(fd, args.mmap_size, rw, MAP_PRIVATE, args.mmap_offset), -EINVAL);
	igt_assert_eq(try_mmap(fd, args.mmap_size, rw | PROT_EXEC, MAP_SHARED, args.mmap_offset), -EINVAL);
	igt_assert_eq(try_mmap(fd, PAGE_SIZE, rw, MAP_SHARED, args.mmap_offset), -EINVAL);
	igt_assert_eq(try_mmap(fd, 3 * PAGE_SIZE, rw, MAP_SHARED, args.mmap_offset), -EINVAL);
	igt_assert_eq(try_mmap(fd, PAGE_SIZE, rw, MAP_SHARED, args.mmap_offset + PAGE_SIZE), -EINVAL);
	igt_assert_eq(try_mmap(fd, PAGE_SIZE, rw, MAP_SHARED, args.doorbell_offset), -EINVAL);
	igt_assert_eq(try_mmap(fd, PAGE_SIZE, PROT_READ, MAP_SHARED, args.doorbell_offset), -EINVAL);
	igt_assert_eq(try_mmap(fd, 2 * PAGE_SIZE, PROT_WRITE, MAP_SHARED, args.doorbell_offset), -EINVAL);
	igt_assert_eq(try_mmap(fd, PAGE_SIZE, PROT_WRITE, MAP_SHARED, args.doorbell_offset + PAGE_SIZE),
		      -EINVAL);
	igt_assert_eq(try_mmap(fd, args.mmap_size, rw, MAP_SHARED, args.mmap_offset + (1ull << 40)),
		      -EINVAL);

	/* Another file of this process, another process with this file. */
	igt_assert_eq(colibri_device_open(&other, 0), 0);
	igt_assert_eq(try_mmap(other.fd, args.mmap_size, rw, MAP_SHARED, args.mmap_offset), -EACCES);
	igt_assert_eq(try_mmap(other.fd, PAGE_SIZE, PROT_WRITE, MAP_SHARED, args.doorbell_offset), -EACCES);
	colibri_device_close(&other);
	igt_fork(child, 1) {
		igt_assert_eq(try_mmap(fd, args.mmap_size, rw, MAP_SHARED, args.mmap_offset), -EACCES);
		igt_assert_eq(try_mmap(fd, PAGE_SIZE, PROT_WRITE, MAP_SHARED, args.doorbell_offset),
			      -EACCES);
	}
	igt_waitchildren_timeout(GPU_TIMEOUT_S, "the child");
	igt_assert_eq(colibri_queue_destroy(&gpu->dev, args.queue_id), 0);
	igt_assert_eq(try_mmap(fd, args.mmap_size, rw, MAP_SHARED, args.mmap_offset), -EINVAL);
}

static sigjmp_buf caught;

static void on_signal(int signal)
{
	siglongjmp(caught, signal);
}

/* Whether SIGBUS and SIGSEGV go to @caught, or to where they went before. */
static void catch_signals(bool on)
{
	static struct sigaction old[2];
	struct sigaction action = { .sa_handler = on_signal };

	sigaction(SIGBUS, on ? &action : &old[0], on ? &old[0] : NULL);
	sigaction(SIGSEGV, on ? &action : &old[1], on ? &old[1] : NULL);
}

/* The signal that a write to *@word raises, or 0. */
static int touch(volatile uint32_t *word)
{
	int got;

	catch_signals(true);
	got = sigsetjmp(caught, 1);
	if (!got)
		*word = 1;
	catch_signals(false);
	return got;
}

/* What the queue's end leaves of the mappings. */
static void expect_gone(struct colibri_ring *ring)
{
	struct timespec start = { 0 };

	while (!touch(ring->doorbell) || !touch((uint32_t *)&ring->cb->pad0[0])) {
		igt_assert(igt_nsec_elapsed(&start) < GPU_TIMEOUT_S * NSEC_PER_SEC);
		cpu_pause();
	}
	igt_assert_eq(touch(ring->doorbell), SIGBUS);
	igt_assert_eq(touch((uint32_t *)&ring->cb->pad0[0]), SIGBUS);
	igt_assert_eq(touch((uint32_t *)ring->packets), SIGBUS);
}

/* Have the queue banned: its memory may be gone before this has rung the bell. */
static void submit_wrong(struct gpu *gpu, struct colibri_ring *ring)
{
	union colibri_packet packets[] = {
		colibri_packet_vendor(0xff),
		colibri_packet_fence(gpu->fence_addr + 8, ++gpu->seqno),
	};
	int got;

	catch_signals(true);
	got = sigsetjmp(caught, 1);
	if (!got)
		ring_submit(ring, packets, ARRAY_SIZE(packets));
	catch_signals(false);
	igt_assert(got == 0 || got == SIGBUS);
}

static void ends(struct gpu *gpu)
{
	struct colibri_ring ring, copy;

	make_ring(gpu, &ring);
	ring_work(gpu, &ring, 1);
	igt_assert_eq(mremap((void *)ring.doorbell, PAGE_SIZE, PAGE_SIZE, MREMAP_MAYMOVE | MREMAP_FIXED,
			     map_anonymous(PAGE_SIZE, PAGE_SIZE)) == MAP_FAILED, true);
	igt_assert_eq(mprotect((void *)ring.doorbell, PAGE_SIZE, PROT_READ | PROT_WRITE), -1);
	igt_fork(child, 1)
		igt_assert_eq(touch(ring.doorbell), SIGSEGV);
	igt_waitchildren_timeout(GPU_TIMEOUT_S, "the child");

	copy = ring;
	igt_assert_eq(colibri_queue_destroy(&gpu->dev, ring.queue), 0);
	igt_assert_eq(touch(copy.doorbell), SIGBUS);
	expect_gone(&copy);

	make_ring(gpu, &ring);
	ring_work(gpu, &ring, 1);
	submit_wrong(gpu, &ring);
	igt_assert_eq(ring_wait(gpu, &ring), -ENOTRECOVERABLE);
	expect_gone(&ring);
	igt_assert_eq(colibri_ring_destroy(&gpu->dev, &ring), 0);
	gpu_assert_vm_lives(gpu);
}

static void scribble(struct colibri_ring *ring)
{
	uint64_t *words = (uint64_t *)ring->packets;

	words[random() % 512] = ((uint64_t)random() << 32 | random()) >> random() % 64;
	if (random() % 2)
		ring->cb->write_index = random() >> random() % 31;
	if (random() % 4 == 0)
		ring->cb->read_index = random();
	if (random() % 4 == 0)
		ring->cb->idle = random();
}

/* False when the queue was banned for it, which can be at any moment. */
static bool try_scribble(struct colibri_ring *ring)
{
	int got;

	catch_signals(true);
	got = sigsetjmp(caught, 1);
	if (!got)
		scribble(ring);
	catch_signals(false);
	igt_assert(got == 0 || got == SIGBUS);
	return !got;
}

/* Nonsense in ring and control block, while the device and the kernel use them. */
static void corrupt(struct gpu *gpu)
{
	srandom(1);
	many_init(&many, gpu, 70, 1);
	many_loop(&many);
	for (unsigned int round = 0; round < 5; round++) {
		struct drm_colibri_queue_state state;
		struct colibri_ring ring;

		make_ring(gpu, &ring);
		ring_work(gpu, &ring, 1);
		for (unsigned int i = 0; i < 200; i++) {
			if (!try_scribble(&ring))
				break;
			igt_assert_eq(colibri_queue_get_state(&gpu->dev, ring.queue, &state), 0);
			igt_assert_lte_u64(state.submitted - state.retired, 64);
			if (touch(ring.doorbell))
				break;
		}
		igt_assert_eq(colibri_ring_destroy(&gpu->dev, &ring), 0);
	}
	many_progress(&many);
	many_stop(&many);
	many_fini(&many);
	gpu_assert_vm_lives(gpu);
}

/* How fast it is; the figures are for the log. */
static void rate(struct gpu *gpu)
{
	enum { NUM = 5000 };
	union colibri_packet nop = colibri_packet_vendor(COLIBRI_OP_NOP);
	struct timespec start = { 0 };
	struct colibri_ring ring;
	uint64_t user, call;

	make_ring(gpu, &ring);
	ring_work(gpu, &ring, 1);
	igt_nsec_elapsed(&start);
	for (unsigned int i = 0; i < NUM; i++)
		while (colibri_ring_submit(&ring, &nop, 1) == -EAGAIN)
			sched_yield();
	ring_fence(gpu, &ring);
	igt_assert_eq(ring_wait(gpu, &ring), 0);
	user = igt_nsec_elapsed(&start);
	igt_assert_eq(colibri_ring_destroy(&gpu->dev, &ring), 0);

	start = (struct timespec){ 0 };
	igt_nsec_elapsed(&start);
	for (unsigned int i = 0; i < NUM; i++)
		igt_assert_eq(colibri_queue_submit(&gpu->dev, gpu->queue, &nop, 1), 0);
	gpu_submit(gpu, &nop, 1);
	gpu_wait(gpu);
	call = igt_nsec_elapsed(&start);
	igt_info("a packet: %" PRIu64 " ns by the process, %" PRIu64 " ns by a call\n", user / NUM, call / NUM);
}

static const struct gpu_test tests[] = {
	{ "submit", submit, "packets run, fences wake, and the state counts them" },
	{ "detached", detached, "the same on hardware full of endless kernels: no bell is lost" },
	{ "refused", refused, "calls that submit refuse such a queue" },
	{ "mmap-bad", mmap_bad, "wrong offset, size, protection, file or process" },
	{ "ends", ends, "mappings end with the queue, stay where they are and are not inherited" },
	{ "corrupt", corrupt, "nonsense in the mapped memory harms nobody else" },
	{ "rate", rate, "what a packet costs" },
};

igt_main()
{
	gpu_run_tests(tests, ARRAY_SIZE(tests), gpu_init);
}
