/* SPDX-License-Identifier: MIT */
/*
 * More queues than the hardware has, each with arguments, a counter and a fence of its own.
 */
#ifndef COLIBRI_MANY_QUEUES_H
#define COLIBRI_MANY_QUEUES_H

#include "gpu_test.h"

#define MANY_MAX	256

/* What a queue has in the shared buffer. */
struct many_slot {
	uint8_t args[GPU_KERNARG_SIZE];
	uint64_t counter;
	uint64_t fence;
	uint8_t pad[112];
};

struct many {
	struct gpu *gpu;
	unsigned int count;
	uint32_t queue[MANY_MAX];
	/** @seqno: value of each queue's last fence */
	uint64_t seqno[MANY_MAX];
	struct colibri_bo bo;
	uint64_t addr;
	struct many_slot *slots;
};

/** many_init() - Make @count queues; priority of queue i: i % @priorities */
void many_init(struct many *many, struct gpu *gpu, unsigned int count, unsigned int priorities);
/** many_fini() - Destroy what queues are left */
void many_fini(struct many *many);

#define many_field(many, i, field)	\
	((many)->addr + (i) * sizeof(struct many_slot) + offsetof(struct many_slot, field))

/** many_submit() - Submit packets to queue @i, and a fence */
void many_submit(struct many *many, unsigned int i, const union colibri_packet *packets,
		 uint32_t count);
/** many_launch() - Launch a kernel of @items work-items in groups of @wg on queue @i, with a fence */
void many_launch(struct many *many, unsigned int i, const char *kernel, const void *args,
		 size_t size, uint32_t items, uint16_t wg, uint32_t local);
/** many_wait() - Wait for queue @i; 0 or the wait's error */
int many_wait(struct many *many, unsigned int i);
/** many_wait_all() - Wait for all, which must succeed */
void many_wait_all(struct many *many);
/** many_loop() - Start an endless kernel on each queue, and wait until each has gone round */
void many_loop(struct many *many);
/** many_progress() - Wait until each endless kernel has gone round once more */
void many_progress(struct many *many);
/** many_stop() - End them */
void many_stop(struct many *many);
/** many_switches() - How often queue @i has left the hardware for another */
uint64_t many_switches(struct many *many, unsigned int i);

#endif /* COLIBRI_MANY_QUEUES_H */
