// SPDX-License-Identifier: MIT
/*
 * Submission by the process itself, into a ring and to a doorbell that it maps.
 */
#include <errno.h>
#include <inttypes.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>

#include "jobs.h"
#include "many_queues.h"
#include "user_ring.h"

IGT_TEST_DESCRIPTION("Queues with DRM_COLIBRI_QUEUE_USER");

#define NUM_ENDLESS	70

static struct many many;

static void submit(struct gpu *gpu)
{
	struct drm_colibri_queue_state state;
	struct colibri_ring ring;

	ring_make(gpu, &ring);
	ring_work(gpu, &ring, 50);
	igt_assert_eq(colibri_queue_get_state(&gpu->dev, ring.queue, &state), 0);
	igt_assert_eq_u64(state.submitted, 100);
	igt_assert_eq(colibri_ring_destroy(&gpu->dev, &ring), 0);
}

/* It is off the hardware again and again; no bell is lost. */
static void detached(struct gpu *gpu)
{
	struct colibri_ring ring;

	ring_make(gpu, &ring);
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

	ring_make(gpu, &ring);
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

struct user {
	struct gpu *gpu;
	struct colibri_ring *ring;
};

static void submit_wrong(void *data)
{
	struct user *user = data;
	union colibri_packet packets[] = {
		colibri_packet_vendor(0xff),
		colibri_packet_fence(user->gpu->fence_addr + 8, ++user->gpu->seqno),
	};

	ring_submit(user->ring, packets, ARRAY_SIZE(packets));
}

static void ends(struct gpu *gpu)
{
	struct colibri_ring ring, copy;
	int got;

	ring_make(gpu, &ring);
	ring_work(gpu, &ring, 1);
	igt_assert_eq(mremap((void *)ring.doorbell, PAGE_SIZE, PAGE_SIZE, MREMAP_MAYMOVE | MREMAP_FIXED,
			     map_anonymous(PAGE_SIZE, PAGE_SIZE)) == MAP_FAILED, true);
	igt_assert_eq(mprotect((void *)ring.doorbell, PAGE_SIZE, PROT_READ | PROT_WRITE), -1);
	igt_fork(child, 1)
		igt_assert_eq(ring_touch(ring.doorbell), SIGSEGV);
	igt_waitchildren_timeout(GPU_TIMEOUT_S, "the child");

	copy = ring;
	igt_assert_eq(colibri_queue_destroy(&gpu->dev, ring.queue), 0);
	igt_assert_eq(ring_touch(copy.doorbell), SIGBUS);
	ring_expect_gone(&copy);

	ring_make(gpu, &ring);
	ring_work(gpu, &ring, 1);
	/* It is banned, and its memory may be gone before this has rung the bell. */
	got = ring_try(submit_wrong, &(struct user){ gpu, &ring });
	igt_assert(got == 0 || got == SIGBUS);
	igt_assert_eq(ring_wait(gpu, &ring), -ENOTRECOVERABLE);
	ring_expect_gone(&ring);
	igt_assert_eq(colibri_ring_destroy(&gpu->dev, &ring), 0);
	gpu_assert_vm_lives(gpu);
}

static void scribble(void *data)
{
	struct colibri_ring *ring = data;
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
	int got = ring_try(scribble, ring);

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

		ring_make(gpu, &ring);
		ring_work(gpu, &ring, 1);
		for (unsigned int i = 0; i < 200; i++) {
			if (!try_scribble(&ring))
				break;
			igt_assert_eq(colibri_queue_get_state(&gpu->dev, ring.queue, &state), 0);
			igt_assert_lte_u64(state.submitted - state.retired, 64);
			if (ring_touch(ring.doorbell))
				break;
		}
		igt_assert_eq(colibri_ring_destroy(&gpu->dev, &ring), 0);
	}
	many_progress(&many);
	many_stop(&many);
	many_fini(&many);
	gpu_assert_vm_lives(gpu);
}

/*
 * While @end ends processes that ring in a loop, another one has each of its packets done, once.
 * All that they had is given back.
 */
static void others_go_on(struct gpu *gpu, void (*end)(struct gpu *gpu, struct colibri_ring *ring))
{
	unsigned int free_queues;
	struct colibri_ring ring;

	ring_make(gpu, &ring);
	ring_work(gpu, &ring, 1);
	free_queues = count_free_queues(gpu);
	end(gpu, &ring);
	/* With more than the hardware holds it moves from one hardware queue to another. */
	many_init(&many, gpu, NUM_ENDLESS, 1);
	many_loop(&many);
	end(gpu, &ring);
	many_progress(&many);
	many_stop(&many);
	many_fini(&many);
	ring_work(gpu, &ring, 5);
	wait_for_free_queues(gpu, free_queues);
	igt_assert_eq(colibri_ring_destroy(&gpu->dev, &ring), 0);
}

/* A process of its own with one ring that never ends its work, and one whose bell it rings. */
static void ring_for_ever(struct steps *steps)
{
	struct colibri_ring loop, ring;
	struct gpu own = { 0 };

	gpu_init(&own);
	ring_make(&own, &loop);
	ring_loop(&own, &loop, (uintptr_t)map_anonymous(PAGE_SIZE, PAGE_SIZE));
	ring_make(&own, &ring);
	ring_work(&own, &ring, 1);
	steps_done(steps, 1);
	ring_bells(&ring);
}

static void kill_ringers(struct gpu *gpu, struct colibri_ring *ring)
{
	for (unsigned int i = 0; i < 4; i++) {
		struct steps *steps = steps_new();

		fork_victim()
			ring_for_ever(steps);
		steps_wait(steps, 1);
		ring_work(gpu, ring, 1 + i);
		kill_victim();
		ring_work(gpu, ring, 1 + i);
	}
}

static void killed(struct gpu *gpu)
{
	others_go_on(gpu, kill_ringers);
}

static void exec_ringers(struct gpu *gpu, struct colibri_ring *ring)
{
	for (unsigned int i = 0; i < 2; i++) {
		igt_fork(child, 1) {
			struct ringer ringer;
			struct colibri_ring own_ring;
			struct gpu own = { 0 };

			gpu_init(&own);
			ring_make(&own, &own_ring);
			igt_assert_eq(colibri_queue_destroy(&own.dev, own.queue), 0);
			own.queue = own_ring.queue;
			ring_loop(&own, &own_ring, (uintptr_t)map_anonymous(PAGE_SIZE, PAGE_SIZE));
			ringer_start(&ringer, &own_ring);
			gpu_exec_helper(&own, &own_ring);
		}
		ring_work(gpu, ring, 5);
		igt_waitchildren_timeout(GPU_TIMEOUT_S, "the process that execs");
		ring_work(gpu, ring, 1);
	}
}

static void exec(struct gpu *gpu)
{
	others_go_on(gpu, exec_ringers);
}

/* ---- What a submission costs: bench/submit reads the last two lines ---- */

#define NUM_SUBMISSIONS	100	/* in a round; the ring has room for all */
#define NUM_ROUNDS	9
#define RATE_RING	512

struct way {
	struct gpu *gpu;
	int (*submit)(struct way *way, const union colibri_packet *packet);
	struct colibri_ring ring;
	uint32_t queue;
	struct drm_colibri_sync sync;
	uint64_t cpu_ns[NUM_ROUNDS];
	uint64_t ns[NUM_ROUNDS];
};

static int submit_by_doorbell(struct way *way, const union colibri_packet *packet)
{
	return colibri_ring_submit(&way->ring, packet, 1);
}

static int submit_by_call(struct way *way, const union colibri_packet *packet)
{
	return colibri_queue_submit(&way->gpu->dev, way->queue, packet, 1);
}

/* A job of drm_sched, the fence of which a syncobj has. */
static int submit_by_job(struct way *way, const union colibri_packet *packet)
{
	struct drm_colibri_exec_item item = colibri_exec_item(way->queue, packet, 1);

	return colibri_exec(&way->gpu->dev, &item, 1, &way->sync, 1);
}

static void way_submit(struct way *way, union colibri_packet packet)
{
	igt_assert_eq(way->submit(way, &packet), 0);
}

static void way_finish(struct way *way)
{
	struct gpu *gpu = way->gpu;

	/* The fence of the last job. */
	if (way->sync.handle) {
		igt_assert_eq(syncobj_wait(gpu, way->sync.handle, 0, GPU_TIMEOUT_S * NSEC_PER_SEC), 0);
		return;
	}
	way_submit(way, colibri_packet_fence(gpu->fence_addr + 8, ++gpu->seqno));
	igt_assert_eq(colibri_fence_wait(&gpu->dev, &gpu->fence, 8, DRM_COLIBRI_WAIT_GE, gpu->seqno,
					 way->queue, GPU_TIMEOUT_S * NSEC_PER_SEC), 0);
}

static void way_submit_all(struct way *way)
{
	for (unsigned int i = 0; i < NUM_SUBMISSIONS; i++)
		way_submit(way, colibri_packet_vendor(COLIBRI_OP_NOP));
}

static uint64_t cpu_time(void)
{
	struct timespec now;

	igt_assert_eq(clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now), 0);
	return now.tv_sec * NSEC_PER_SEC + now.tv_nsec;
}

/* What it takes of the submitting thread, while the queue has something else to do. */
static uint64_t way_cpu_time(struct way *way)
{
	struct gpu *gpu = way->gpu;
	uint64_t start;

	__atomic_store_n(&gpu->shared->mail.stop, 0, __ATOMIC_RELEASE);
	way_submit(way, colibri_packet_wait(gpu_shared_addr(gpu, mail.stop), DRM_COLIBRI_WAIT_NE, 0));
	start = cpu_time();
	way_submit_all(way);
	start = cpu_time() - start;
	__atomic_store_n(&gpu->shared->mail.stop, 1, __ATOMIC_RELEASE);
	way_finish(way);
	return start / NUM_SUBMISSIONS;
}

/* What it takes until all of it is done, when the queue has nothing else to do. */
static uint64_t way_time(struct way *way)
{
	struct timespec start = { 0 };

	igt_nsec_elapsed(&start);
	way_submit_all(way);
	way_finish(way);
	return igt_nsec_elapsed(&start) / NUM_SUBMISSIONS;
}

static int compare(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static uint64_t median(uint64_t *values)
{
	qsort(values, NUM_ROUNDS, sizeof(*values), compare);
	return values[NUM_ROUNDS / 2];
}

/* All ways in turn, so that what else the machine does meets each of them. */
static void rate(struct gpu *gpu)
{
	static struct gpu fenced;
	static struct way ways[3];
	struct way *doorbell = &ways[0], *call = &ways[1], *job = &ways[2];

	gpu_init_fenced(&fenced);
	*doorbell = (struct way){ .gpu = gpu, .submit = submit_by_doorbell };
	*call = (struct way){ .gpu = gpu, .submit = submit_by_call };
	*job = (struct way){ .gpu = &fenced, .submit = submit_by_job };
	igt_assert_eq(colibri_ring_create(&gpu->dev, gpu->vm, 1, RATE_RING, &doorbell->ring), 0);
	doorbell->queue = doorbell->ring.queue;
	igt_assert_eq(colibri_queue_create(&gpu->dev, gpu->vm, 1, RATE_RING, &call->queue), 0);
	igt_assert_eq(colibri_queue_create(&fenced.dev, fenced.vm, 1, RATE_RING, &job->queue), 0);
	job->sync = signal_syncobj(syncobj_new(&fenced, false), 0);

	for (unsigned int round = 0; round < NUM_ROUNDS; round++) {
		for (unsigned int i = 0; i < ARRAY_SIZE(ways); i++) {
			ways[i].cpu_ns[round] = way_cpu_time(&ways[i]);
			ways[i].ns[round] = way_time(&ways[i]);
		}
	}
	igt_info("CPU ns of the thread a submission: doorbell %" PRIu64 " call %" PRIu64 " job %" PRIu64 "\n",
		 median(doorbell->cpu_ns), median(call->cpu_ns), median(job->cpu_ns));
	igt_info("ns a submission: doorbell %" PRIu64 " call %" PRIu64 " job %" PRIu64 "\n",
		 median(doorbell->ns), median(call->ns), median(job->ns));

	igt_assert_eq(colibri_ring_destroy(&gpu->dev, &doorbell->ring), 0);
	igt_assert_eq(colibri_queue_destroy(&gpu->dev, call->queue), 0);
	igt_assert_eq(syncobj_status(&fenced, job->sync.handle), 0);
	syncobj_free(&fenced, job->sync.handle);
	igt_assert_eq(colibri_queue_destroy(&fenced.dev, job->queue), 0);
	gpu_fini(&fenced);
}

static const struct gpu_test tests[] = {
	{ "submit", submit, "packets run, fences wake, and the state counts them" },
	{ "detached", detached, "the same on hardware full of endless kernels: no bell is lost" },
	{ "refused", refused, "calls that submit refuse such a queue" },
	{ "mmap-bad", mmap_bad, "wrong offset, size, protection, file or process" },
	{ "ends", ends, "mappings end with the queue, stay where they are and are not inherited" },
	{ "corrupt", corrupt, "nonsense in the mapped memory harms nobody else" },
	{ "killed", killed, "a process is killed while it rings: nobody notices, nothing is left" },
	{ "exec", exec, "a process execs while it rings: work and mappings end, nobody else notices" },
	{ "rate", rate, "what a submission costs, by doorbell, call and job" },
};

igt_main()
{
	gpu_run_tests(tests, ARRAY_SIZE(tests), gpu_init);
}
