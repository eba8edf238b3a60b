// SPDX-License-Identifier: MIT
/*
 * More queues than the hardware has.
 */
#include "many_queues.h"

void many_init(struct many *many, struct gpu *gpu, unsigned int count, unsigned int priorities)
{
	memset(many, 0, sizeof(*many));
	many->gpu = gpu;
	many->addr = gpu_bind_bo(gpu, &many->bo, MANY_MAX * sizeof(struct many_slot),
				 DRM_COLIBRI_GEM_SYSTEM, DRM_COLIBRI_GEM_FENCE, 0);
	many->slots = many->bo.map;
	for (; many->count < count; many->count++)
		igt_assert_eq(colibri_queue_create(&gpu->dev, gpu->vm, many->count % priorities, 16,
						   &many->queue[many->count]), 0);
}

void many_fini(struct many *many)
{
	for (unsigned int i = 0; i < many->count; i++) {
		if (many->queue[i])
			igt_assert_eq(colibri_queue_destroy(&many->gpu->dev, many->queue[i]), 0);
	}
	colibri_bo_destroy(&many->gpu->dev, &many->bo);
}

void many_submit(struct many *many, unsigned int i, const union colibri_packet *packets,
		 uint32_t count)
{
	union colibri_packet all[8];

	igt_assert_lte_u64(count, ARRAY_SIZE(all) - 1);
	memcpy(all, packets, count * sizeof(*packets));
	all[count] = colibri_packet_fence(many_field(many, i, fence), ++many->seqno[i]);
	igt_assert_eq(colibri_queue_submit(&many->gpu->dev, many->queue[i], all, count + 1), 0);
}

void many_launch(struct many *many, unsigned int i, const char *kernel, const void *args,
		 size_t size, uint32_t items, uint16_t wg, uint32_t local)
{
	union colibri_packet packet = colibri_packet_dispatch(gpu_kernel(many->gpu, kernel),
							      many_field(many, i, args), items, wg);

	packet.dispatch.group_size = local;
	memcpy(many->slots[i].args, args, size);
	many_submit(many, i, &packet, 1);
}

int many_wait(struct many *many, unsigned int i)
{
	uint64_t offset = many_field(many, i, fence) - many->addr;

	return colibri_fence_wait(&many->gpu->dev, &many->bo, offset, DRM_COLIBRI_WAIT_GE,
				  many->seqno[i], many->queue[i], GPU_TIMEOUT_S * NSEC_PER_SEC);
}

void many_wait_all(struct many *many)
{
	for (unsigned int i = 0; i < many->count; i++)
		igt_assert_eq(many_wait(many, i), 0);
}

static uint64_t counter(struct many *many, unsigned int i)
{
	return __atomic_load_n(&many->slots[i].counter, __ATOMIC_ACQUIRE);
}

void many_progress(struct many *many)
{
	struct timespec start = { 0 };
	uint64_t seen[MANY_MAX];

	for (unsigned int i = 0; i < many->count; i++)
		seen[i] = counter(many, i);
	for (unsigned int i = 0; i < many->count; i++) {
		while (counter(many, i) == seen[i]) {
			igt_assert_f(igt_nsec_elapsed(&start) < GPU_TIMEOUT_S * NSEC_PER_SEC,
				     "queue %u of %u does not get on\n", i, many->count);
			cpu_pause();
		}
	}
}

void many_loop(struct many *many)
{
	many->gpu->shared->mail.stop = 0;
	for (unsigned int i = 0; i < many->count; i++) {
		struct loop_args args = {
			.addr = many_field(many, i, counter),
			.mail = gpu_shared_addr(many->gpu, mail),
		};

		many_launch(many, i, "loop_add", &args, sizeof(args), 64, 64, 0);
	}
	many_progress(many);
}

void many_stop(struct many *many)
{
	__atomic_store_n(&many->gpu->shared->mail.stop, 1, __ATOMIC_RELEASE);
	many_wait_all(many);
}

uint64_t many_switches(struct many *many, unsigned int i)
{
	struct drm_colibri_queue_state state;

	igt_assert_eq(colibri_queue_get_state(&many->gpu->dev, many->queue[i], &state), 0);
	return state.switches;
}
