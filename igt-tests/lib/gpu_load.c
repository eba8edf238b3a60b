// SPDX-License-Identifier: MIT
/*
 * Work for a GPU that is about to go, see gpu_load.h.
 */
#include "gpu_load.h"

#include <errno.h>
#include <sys/mman.h>

#include "gpu_power.h"

#define END_S	60

/* Whether a call found the device gone; anything else must have worked. */
static bool is_gone(int ret)
{
	igt_assert_f(!ret || ret == -ENODEV, "failed with %s\n", strerror(-ret));
	return ret;
}

/* Read all, and where the CPU has it write what is there anyway. */
static void *load_cpu(void *data)
{
	struct gpu_load *load = data;
	uint32_t value;

	while (!load->stop) {
		for (size_t at = 0; at < load->size && !load->stop; at += PAGE_SIZE) {
			if (read_or_sigbus(load->words + at, &value))
				igt_assert_eq_u32(value, 1 + at / 4);
		}
	}
	return NULL;
}

static void *load_bind(void *data)
{
	struct gpu_load *load = data;
	struct gpu *gpu = load->gpu;
	uint64_t addr = gpu->next_addr;
	struct colibri_bo bo;
	uint32_t queue;
	int ret;

	while (!load->stop) {
		ret = colibri_bo_create(&gpu->dev, SVM_BLOCK_SIZE, DRM_COLIBRI_GEM_VRAM, 0, &bo);
		if (ret == -ENOSPC)
			continue;
		if (is_gone(ret))
			break;
		ret = colibri_vm_map(&gpu->dev, gpu->vm, &bo, addr, 0);
		if (!ret)
			ret = colibri_queue_create(&gpu->dev, gpu->vm, 1, 64, &queue);
		if (!ret)
			ret = colibri_queue_destroy(&gpu->dev, queue);
		if (!ret)
			ret = colibri_vm_unmap(&gpu->dev, gpu->vm, addr, bo.size);
		colibri_bo_destroy(&gpu->dev, &bo);
		if (is_gone(ret))
			break;
	}
	return NULL;
}

/* One round of kernels over all of the memory; returns what the wait says. */
static int load_round(struct gpu_load *load)
{
	const uint32_t waves = 8, count = load->size / 4;
	struct gpu *gpu = load->gpu;
	struct ramp_args ramp = {
		.words = (uintptr_t)load->words, .count = count, .value = 1,
		.per_wave = count / waves,
	};
	struct atomic_args atomic = {
		.addr = (uintptr_t)load->words + load->size, .rounds = 100,
	};
	union colibri_packet packets[3];
	unsigned int n = 0;
	int ret;

	packets[n++] = colibri_packet_dispatch(gpu_kernel(gpu, "ramp_write"),
					       gpu_put_args(gpu, &ramp, sizeof(ramp)),
					       waves * COLIBRI_WAVE_LANES, COLIBRI_WAVE_LANES);
	gpu->seqno++;
	if (load->flags & LOAD_ATOMIC)
		packets[n++] = colibri_packet_dispatch(gpu_kernel(gpu, "atomic_add64"),
						       gpu_put_args(gpu, &atomic, sizeof(atomic)),
						       COLIBRI_WAVE_LANES, COLIBRI_WAVE_LANES);
	packets[n++] = colibri_packet_fence(gpu->fence_addr, gpu->seqno);
	ret = colibri_queue_submit(&gpu->dev, gpu->queue, packets, n);
	return ret ?: gpu_wait_result(gpu);
}

static void *load_gpu(void *data)
{
	struct gpu_load *load = data;
	int ret = 0;

	while (!load->stop) {
		ret = load_round(load);
		if (!ret && load->flags & LOAD_PREFETCH)
			ret = colibri_svm_prefetch(&load->gpu->dev, load->gpu->vm, load->words,
						   load->size, DRM_COLIBRI_SVM_LOC_SYSTEM);
		if (is_gone(ret))
			return NULL;
	}
	return NULL;
}

void gpu_load_start(struct gpu_load *load)
{
	size_t vram = load->gpu->dev.info.vram_size;
	unsigned int n = 0;

	load->size = load->flags & LOAD_EVICT ? 2 * vram : vram / 4;
	/* one page more, for the atomics */
	load->words = map_anonymous(load->size + PAGE_SIZE, SVM_BLOCK_SIZE);
	cpu_ramp_write(load->words, load->size, 1);
	igt_assert_eq(pthread_create(&load->threads[n++], NULL, load_gpu, load), 0);
	if (load->flags & LOAD_CPU)
		igt_assert_eq(pthread_create(&load->threads[n++], NULL, load_cpu, load), 0);
	if (load->flags & LOAD_BIND)
		igt_assert_eq(pthread_create(&load->threads[n++], NULL, load_bind, load), 0);
	load->num_threads = n;
}

void gpu_load_end(struct gpu_load *load)
{
	struct timespec end;

	load->stop = true;
	clock_gettime(CLOCK_REALTIME, &end);
	end.tv_sec += END_S;
	while (load->num_threads)
		igt_assert_eq(pthread_timedjoin_np(load->threads[--load->num_threads], NULL, &end), 0);
}

size_t gpu_load_check(struct gpu_load *load)
{
	size_t lost = 0;
	uint32_t value;

	for (size_t at = 0; at < load->size; at += PAGE_SIZE) {
		if (!read_or_sigbus(load->words + at, &value))
			lost++;
		else
			igt_assert_eq_u64(cpu_ramp_errors(load->words + at, PAGE_SIZE, 1 + at / 4), 0);
	}
	igt_info("%zu of %zu pages lost\n", lost, load->size / PAGE_SIZE);
	igt_assert_eq(munmap(load->words, load->size + PAGE_SIZE), 0);
	return lost;
}
