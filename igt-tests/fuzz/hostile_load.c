// SPDX-License-Identifier: MIT
/*
 * Uses a GPU that may lie (colibri-gpu --hostile): no call is expected to work, each
 * has to return. One process for each way to use it; all have the same time, and then
 * are killed and have to go.
 *
 * usage: hostile_load SECONDS
 *
 * Exit status 0; 1: a process that was killed does not end (its stack is printed).
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "gpu_program.h"
#include "gpu_test.h"

#define WAIT_NS		(200 * NSEC_PER_MSEC)
#define MEMORY		(4 * MiB)
#define MANY_QUEUES	70
/* How long a killed process may take: a device that does not answer is waited for, then lost. */
#define DEATH_SECONDS	60

struct load {
	struct colibri_device dev;
	uint32_t vm, queue;
	struct colibri_bo code, fence, data;
	uint64_t code_addr, fence_addr, data_addr;
	uint64_t seqno;
};

static bool open_load(struct load *load, bool fenced)
{
	uint64_t zone;

	memset(load, 0, sizeof(*load));
	if (colibri_device_open(&load->dev, 0))
		return false;
	zone = load->dev.info.va_zone_start;
	load->code_addr = zone;
	load->fence_addr = zone + 16 * MiB;
	load->data_addr = zone + 32 * MiB;
	if ((fenced ? colibri_vm_create_fenced : colibri_vm_create)(&load->dev, &load->vm) ||
	    colibri_queue_create(&load->dev, load->vm, 1, 64, &load->queue) ||
	    colibri_bo_create(&load->dev, gpu_program_size(), DRM_COLIBRI_GEM_SYSTEM, 0,
			      &load->code) ||
	    colibri_bo_create(&load->dev, PAGE_SIZE, DRM_COLIBRI_GEM_SYSTEM, DRM_COLIBRI_GEM_FENCE,
			      &load->fence))
		return false;
	gpu_program_load(load->code.map, load->code_addr);
	colibri_bo_create(&load->dev, MEMORY,
			  DRM_COLIBRI_GEM_VRAM | DRM_COLIBRI_GEM_SYSTEM, 0, &load->data);
	return !colibri_vm_map(&load->dev, load->vm, &load->code, load->code_addr,
			       DRM_COLIBRI_VM_BIND_EXEC) &&
	       !colibri_vm_map(&load->dev, load->vm, &load->fence, load->fence_addr, 0) &&
	       !colibri_vm_map(&load->dev, load->vm, &load->data, load->data_addr, 0);
}

static union colibri_packet kernel(struct load *load, const char *name, const void *args,
				   size_t size, uint32_t waves)
{
	/* Behind the fence words. */
	size_t offset = 1024 + load->seqno % 8 * 128;

	memcpy((char *)load->fence.map + offset, args, size);
	return colibri_packet_dispatch(load->code_addr + gpu_program_kernel(name),
				       load->fence_addr + offset, waves * COLIBRI_WAVE_LANES,
				       COLIBRI_WAVE_LANES);
}

static void submit_and_wait(struct load *load, uint32_t queue, union colibri_packet packet)
{
	union colibri_packet list[] = { packet, colibri_packet_fence(load->fence_addr,
								     ++load->seqno) };

	colibri_queue_submit(&load->dev, queue, list, 2);
	colibri_fence_wait(&load->dev, &load->fence, 0, DRM_COLIBRI_WAIT_GE, load->seqno, queue,
			   WAIT_NS);
}

static void ramp(struct load *load, uint32_t queue, uint64_t words)
{
	struct ramp_args args = { .words = words, .count = MEMORY / 4, .value = 7,
				  .per_wave = 4096 };

	submit_and_wait(load, queue, kernel(load, "ramp_write", &args, sizeof(args),
					    MEMORY / 4 / 4096));
}

/* A queue that is banned has a successor. */
static void new_queue(struct load *load)
{
	colibri_queue_destroy(&load->dev, load->queue);
	colibri_queue_create(&load->dev, load->vm, 1, 64, &load->queue);
}

/* ---- The ways to use it ------------------------------------------------------------------*/

static void use_svm(struct load *load)
{
	static uint16_t pages[MEMORY / PAGE_SIZE];
	volatile char *memory = map_anonymous(MEMORY, SVM_BLOCK_SIZE);

	colibri_vm_mirror(&load->dev, load->vm);
	ramp(load, load->queue, (uintptr_t)memory);
	colibri_svm_prefetch(&load->dev, load->vm, (const void *)memory, MEMORY,
			     DRM_COLIBRI_SVM_LOC_VRAM);
	for (size_t i = 0; i < MEMORY; i += PAGE_SIZE)
		memory[i]++;
	ramp(load, load->queue, (uintptr_t)memory);
	colibri_svm_query(&load->dev, load->vm, (const void *)memory, MEMORY, pages);
	munmap((void *)memory, MEMORY);
	new_queue(load);
}

static void use_buffers(struct load *load)
{
	ramp(load, load->queue, load->data_addr);
	submit_and_wait(load, load->queue, colibri_packet_copy(load->data_addr + MEMORY / 2,
							       load->data_addr, MEMORY / 2));
	colibri_vm_prefetch(&load->dev, load->vm, load->data_addr, load->data.size,
			    DRM_COLIBRI_SVM_LOC_SYSTEM);
	submit_and_wait(load, load->queue, colibri_packet_fill(load->data_addr, MEMORY, 3));
	memset(load->data.map, 1, MEMORY);
	new_queue(load);
}

static void use_jobs(struct load *load)
{
	union colibri_packet packet = colibri_packet_fill(load->data_addr, MEMORY, 3);
	struct drm_colibri_exec_item item = colibri_exec_item(load->queue, &packet, 1);
	struct drm_colibri_sync sync = colibri_sync_user(&load->fence, 8, ++load->seqno);

	colibri_exec(&load->dev, &item, 1, &sync, 1);
	colibri_fence_wait(&load->dev, &load->fence, 8, DRM_COLIBRI_WAIT_GE, load->seqno, 0,
			   WAIT_NS);
	new_queue(load);
}

/* More than fit on the hardware, each with something that takes a while. */
static void use_many_queues(struct load *load)
{
	uint32_t queues[MANY_QUEUES];
	unsigned int i;

	for (i = 0; i < MANY_QUEUES; i++)
		if (colibri_queue_create(&load->dev, load->vm, i % 3, 16, &queues[i]))
			break;
	for (unsigned int q = 0; q < i; q++) {
		union colibri_packet packet =
			colibri_packet_wait(load->fence_addr + 8, COLIBRI_WAIT_EQ, 1);

		colibri_queue_submit(&load->dev, queues[q], &packet, 1);
	}
	((volatile uint64_t *)load->fence.map)[1] = 1;
	for (unsigned int q = 0; q < i; q += 16)
		submit_and_wait(load, queues[q], colibri_packet_timestamp(load->data_addr));
	((volatile uint64_t *)load->fence.map)[1] = 0;
	for (unsigned int q = 0; q < i; q++)
		colibri_queue_destroy(&load->dev, queues[q]);
}

static void use_ring(struct load *load)
{
	struct colibri_ring ring;

	if (colibri_ring_create(&load->dev, load->vm, 1, 64, &ring))
		return;
	for (unsigned int i = 0; i < 20; i++) {
		union colibri_packet list[] = {
			colibri_packet_fill(load->data_addr, 65536, i),
			colibri_packet_fence(load->fence_addr + 16, ++load->seqno),
		};

		colibri_ring_submit(&ring, list, 2);
		colibri_fence_wait(&load->dev, &load->fence, 16, DRM_COLIBRI_WAIT_GE, load->seqno,
				   ring.queue, WAIT_NS);
	}
	colibri_ring_destroy(&load->dev, &ring);
}

static void use_queries(struct load *load)
{
	struct drm_colibri_query_limits limits;
	struct drm_colibri_mem_region regions[2];
	struct drm_colibri_query_topology topology;
	struct drm_colibri_query_timestamp timestamp;
	struct drm_colibri_queue_state queue_state;
	struct drm_colibri_vm_state vm_state;
	char text[4096];
	unsigned int count;
	int fd;

	colibri_query_limits(&load->dev, &limits);
	colibri_query_mem_regions(&load->dev, regions, &count);
	colibri_query_topology(&load->dev, &topology);
	colibri_query_timestamp(&load->dev, CLOCK_MONOTONIC, &timestamp);
	colibri_queue_get_state(&load->dev, load->queue, &queue_state);
	colibri_vm_get_state(&load->dev, load->vm, &vm_state);
	snprintf(text, sizeof(text), "/proc/self/fdinfo/%d", load->dev.fd);
	fd = open(text, O_RDONLY);
	while (fd >= 0 && read(fd, text, sizeof(text)) > 0)
		;
	close(fd);
	system("cat /sys/kernel/debug/dri/*/{device,vms,queues,vram,faults,page_tables} "
	       ">/dev/null 2>&1");
	cpu_pause();
}

/* ---- Processes ---------------------------------------------------------------------------*/

static const struct way {
	void (*use)(struct load *load);
	bool fenced;
} ways[] = {
	{ use_svm, false }, { use_buffers, false }, { use_jobs, true }, { use_many_queues, false },
	{ use_ring, false }, { use_queries, false },
};

static void run(const struct way *way)
{
	struct load load;

	/* A device that is lost is so for good, but one that was refused something may do the next. */
	for (;;) {
		bool ready = open_load(&load, way->fenced);

		for (unsigned int i = 0; ready && i < 8; i++)
			way->use(&load);
		if (load.dev.fd > 0)
			colibri_device_close(&load.dev);
		cpu_pause();
	}
}

/* Whether @pid has ended; waits for it. */
static bool reap(pid_t pid)
{
	for (unsigned int i = 0; i < DEATH_SECONDS * 1000; i++) {
		if (waitpid(pid, NULL, WNOHANG) == pid)
			return true;
		cpu_pause();
	}
	return false;
}

int main(int argc, char **argv)
{
	unsigned int seconds = argc == 2 ? atoi(argv[1]) : 0;
	pid_t pids[ARRAY_SIZE(ways)];
	int status = 0;

	if (!seconds) {
		fprintf(stderr, "usage: hostile_load SECONDS\n");
		return 2;
	}
	for (unsigned int i = 0; i < ARRAY_SIZE(ways); i++) {
		pids[i] = fork();
		if (!pids[i])
			run(&ways[i]);
	}
	sleep(seconds);
	for (unsigned int i = 0; i < ARRAY_SIZE(ways); i++)
		kill(pids[i], SIGKILL);
	for (unsigned int i = 0; i < ARRAY_SIZE(ways); i++) {
		char command[64];

		if (reap(pids[i]))
			continue;
		printf("process %u does not end:\n", i);
		fflush(stdout);
		snprintf(command, sizeof(command), "cat /proc/%d/task/*/stack", pids[i]);
		system(command);
		status = 1;
	}
	return status;
}
