// SPDX-License-Identifier: MIT
/*
 * Submission without calls: the producer's side of colibri_hw.h's rings, see
 * libcolibri_drm.h.
 */
#include "libcolibri_drm.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

/* The control block has a page of its own. */
#define RING_OFFSET	4096

static int map_ring(const struct colibri_device *dev, const struct drm_colibri_queue_create *args,
		    struct colibri_ring *ring)
{
	void *cb, *doorbell;
	int ret;

	cb = mmap(NULL, args->mmap_size, PROT_READ | PROT_WRITE, MAP_SHARED, dev->fd,
		  args->mmap_offset);
	if (cb == MAP_FAILED)
		return -errno;
	doorbell = mmap(NULL, COLIBRI_DOORBELL_SIZE, PROT_WRITE, MAP_SHARED, dev->fd,
			args->doorbell_offset);
	if (doorbell == MAP_FAILED) {
		ret = -errno;
		munmap(cb, args->mmap_size);
		return ret;
	}
	*ring = (struct colibri_ring){
		.queue = args->queue_id,
		.count = args->ring_packets,
		.cb = cb,
		.packets = (union colibri_packet *)((char *)cb + RING_OFFSET),
		.doorbell = doorbell,
		.map_size = args->mmap_size,
		.map_offset = args->mmap_offset,
		.doorbell_offset = args->doorbell_offset,
	};
	return 0;
}

int colibri_ring_create(const struct colibri_device *dev, uint32_t vm, uint32_t priority,
			uint32_t ring_packets, struct colibri_ring *ring)
{
	struct drm_colibri_queue_create args = {
		.vm_id = vm,
		.priority = priority,
		.ring_packets = ring_packets,
		.flags = DRM_COLIBRI_QUEUE_USER,
	};
	int ret;

	ret = colibri_ioctl(dev->fd, DRM_IOCTL_COLIBRI_QUEUE_CREATE, &args);
	if (ret)
		return ret;
	ret = map_ring(dev, &args, ring);
	if (ret)
		colibri_queue_destroy(dev, args.queue_id);
	return ret;
}

int colibri_ring_destroy(const struct colibri_device *dev, struct colibri_ring *ring)
{
	int ret = colibri_queue_destroy(dev, ring->queue);

	if (ret)
		return ret;
	munmap((void *)ring->doorbell, COLIBRI_DOORBELL_SIZE);
	munmap((void *)ring->cb, ring->map_size);
	memset(ring, 0, sizeof(*ring));
	return 0;
}

uint32_t colibri_ring_room(const struct colibri_ring *ring)
{
	uint64_t read = __atomic_load_n(&ring->cb->read_index, __ATOMIC_ACQUIRE);

	return ring->count - (ring->cb->write_index - read);
}

/* The header makes a packet of it, so it comes last. */
static void put_packet(union colibri_packet *slot, const union colibri_packet *packet)
{
	memcpy(slot->bytes + sizeof(slot->header), packet->bytes + sizeof(packet->header),
	       sizeof(*slot) - sizeof(slot->header));
	__atomic_store_n(&slot->header, packet->header, __ATOMIC_RELEASE);
}

int colibri_ring_submit(struct colibri_ring *ring, const union colibri_packet *packets,
			uint32_t count)
{
	uint64_t index = ring->cb->write_index;

	if (count > ring->count)
		return -EINVAL;
	if (count > colibri_ring_room(ring))
		return -EAGAIN;
	for (uint32_t i = 0; i < count; i++)
		put_packet(&ring->packets[(index + i) & (ring->count - 1)], &packets[i]);
	__atomic_store_n(&ring->cb->write_index, index + count, __ATOMIC_RELEASE);

	/* Either the device sees the new index before it sleeps, or its idle is seen here. */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (__atomic_load_n(&ring->cb->idle, __ATOMIC_RELAXED))
		*ring->doorbell = 1;
	return 0;
}
