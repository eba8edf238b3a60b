// SPDX-License-Identifier: MIT
/*
 * The uAPI of colibri_drm.h as C functions, see colibri_device.h.
 */
#include "colibri_device.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <xf86drm.h>

/* The minor numbers of render nodes */
#define FIRST_RENDER_MINOR	128
#define END_RENDER_MINOR	192

int colibri_ioctl(int fd, unsigned long request, void *arg)
{
	int ret;

	do {
		ret = ioctl(fd, request, arg);
	} while (ret < 0 && errno == EINTR);

	return ret < 0 ? -errno : 0;
}

static int query_device(int fd, struct drm_colibri_query_device *info)
{
	struct drm_colibri_query query = {
		.query = DRM_COLIBRI_QUERY_DEVICE,
		.size = sizeof(*info),
		.data = (uintptr_t)info,
	};

	memset(info, 0, sizeof(*info));
	return colibri_ioctl(fd, DRM_IOCTL_COLIBRI_QUERY, &query);
}

/* Opens render node @minor if a Colibri device is behind it. */
static int open_render_node(unsigned int minor)
{
	drmVersionPtr version;
	char path[32];
	bool ours;
	int fd;

	snprintf(path, sizeof(path), "/dev/dri/renderD%u", minor);
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return -ENODEV;
	version = drmGetVersion(fd);
	ours = version && !strcmp(version->name, "colibri");
	drmFreeVersion(version);
	if (ours)
		return fd;
	close(fd);
	return -ENODEV;
}

int colibri_device_open(struct colibri_device *dev, unsigned int index)
{
	for (unsigned int minor = FIRST_RENDER_MINOR; minor < END_RENDER_MINOR; minor++) {
		int ret, fd = open_render_node(minor);

		if (fd < 0)
			continue;
		ret = index ? -ENODEV : query_device(fd, &dev->info);
		if (!ret) {
			dev->fd = fd;
			return 0;
		}
		close(fd);
		if (!index--)
			return ret;
	}
	return -ENODEV;
}

void colibri_device_close(struct colibri_device *dev)
{
	close(dev->fd);
	dev->fd = -1;
}

int colibri_bo_create(const struct colibri_device *dev, uint64_t size, uint32_t placement,
		      uint32_t flags, struct colibri_bo *bo)
{
	struct drm_colibri_gem_create create = {
		.size = size,
		.placement = placement,
		.flags = flags,
	};
	struct drm_colibri_gem_mmap_offset mmap_offset = { 0 };
	struct colibri_bo made = { 0 };
	int ret;

	ret = colibri_ioctl(dev->fd, DRM_IOCTL_COLIBRI_GEM_CREATE, &create);
	if (ret)
		return ret;

	made.handle = create.handle;
	made.size = create.size;
	mmap_offset.handle = create.handle;
	ret = colibri_ioctl(dev->fd, DRM_IOCTL_COLIBRI_GEM_MMAP_OFFSET, &mmap_offset);
	if (!ret) {
		made.map = mmap(NULL, made.size, PROT_READ | PROT_WRITE, MAP_SHARED, dev->fd,
				mmap_offset.offset);
		if (made.map == MAP_FAILED)
			ret = -errno;
	}
	if (ret) {
		drmCloseBufferHandle(dev->fd, made.handle);
		return ret;
	}

	*bo = made;
	return 0;
}

void colibri_bo_destroy(const struct colibri_device *dev, struct colibri_bo *bo)
{
	if (!bo->handle)
		return;
	munmap(bo->map, bo->size);
	drmCloseBufferHandle(dev->fd, bo->handle);
	memset(bo, 0, sizeof(*bo));
}

int colibri_vm_create(const struct colibri_device *dev, uint32_t *vm)
{
	struct drm_colibri_vm_create create = { 0 };
	int ret;

	ret = colibri_ioctl(dev->fd, DRM_IOCTL_COLIBRI_VM_CREATE, &create);
	if (!ret)
		*vm = create.vm_id;
	return ret;
}

int colibri_vm_destroy(const struct colibri_device *dev, uint32_t vm)
{
	struct drm_colibri_vm_destroy destroy = { .vm_id = vm };

	return colibri_ioctl(dev->fd, DRM_IOCTL_COLIBRI_VM_DESTROY, &destroy);
}

int colibri_vm_mirror(const struct colibri_device *dev, uint32_t vm)
{
	struct drm_colibri_vm_bind bind = {
		.vm_id = vm,
		.op = DRM_COLIBRI_VM_BIND_OP_MIRROR,
	};

	return colibri_ioctl(dev->fd, DRM_IOCTL_COLIBRI_VM_BIND, &bind);
}

int colibri_vm_map(const struct colibri_device *dev, uint32_t vm, const struct colibri_bo *bo,
		   uint64_t addr, uint32_t flags)
{
	struct drm_colibri_vm_bind bind = {
		.vm_id = vm,
		.op = DRM_COLIBRI_VM_BIND_OP_MAP,
		.handle = bo->handle,
		.flags = flags,
		.addr = addr,
		.range = bo->size,
	};

	return colibri_ioctl(dev->fd, DRM_IOCTL_COLIBRI_VM_BIND, &bind);
}

int colibri_vm_unmap(const struct colibri_device *dev, uint32_t vm, uint64_t addr, uint64_t range)
{
	struct drm_colibri_vm_bind bind = {
		.vm_id = vm,
		.op = DRM_COLIBRI_VM_BIND_OP_UNMAP,
		.addr = addr,
		.range = range,
	};

	return colibri_ioctl(dev->fd, DRM_IOCTL_COLIBRI_VM_BIND, &bind);
}

int colibri_queue_create(const struct colibri_device *dev, uint32_t vm, uint32_t priority,
			 uint32_t ring_packets, uint32_t *queue)
{
	struct drm_colibri_queue_create create = {
		.vm_id = vm,
		.priority = priority,
		.ring_packets = ring_packets,
	};
	int ret;

	ret = colibri_ioctl(dev->fd, DRM_IOCTL_COLIBRI_QUEUE_CREATE, &create);
	if (!ret)
		*queue = create.queue_id;
	return ret;
}

int colibri_queue_destroy(const struct colibri_device *dev, uint32_t queue)
{
	struct drm_colibri_queue_destroy destroy = { .queue_id = queue };

	return colibri_ioctl(dev->fd, DRM_IOCTL_COLIBRI_QUEUE_DESTROY, &destroy);
}

int colibri_queue_submit(const struct colibri_device *dev, uint32_t queue,
			 const union colibri_packet *packets, uint32_t count)
{
	struct drm_colibri_queue_submit submit = {
		.queue_id = queue,
		.count = count,
		.packets = (uintptr_t)packets,
	};

	return colibri_ioctl(dev->fd, DRM_IOCTL_COLIBRI_QUEUE_SUBMIT, &submit);
}

int colibri_queue_get_state(const struct colibri_device *dev, uint32_t queue,
			    struct drm_colibri_queue_state *state)
{
	struct drm_colibri_queue_state answer = { .queue_id = queue };
	int ret;

	ret = colibri_ioctl(dev->fd, DRM_IOCTL_COLIBRI_QUEUE_STATE, &answer);
	if (!ret)
		*state = answer;
	return ret;
}

static int64_t deadline(int64_t timeout_ns)
{
	struct timespec now;

	if (!timeout_ns)
		return 0;
	clock_gettime(CLOCK_MONOTONIC, &now);
	if (timeout_ns > INT64_MAX - now.tv_sec * 1000000000ll - now.tv_nsec)
		return INT64_MAX;
	return now.tv_sec * 1000000000ll + now.tv_nsec + timeout_ns;
}

int colibri_fence_wait(const struct colibri_device *dev, const struct colibri_bo *bo, uint64_t offset,
		       uint32_t cond, uint64_t value, uint32_t queue, int64_t timeout_ns)
{
	struct drm_colibri_fence_wait wait = {
		.handle = bo->handle,
		.queue_id = queue,
		.offset = offset,
		.value = value,
		.timeout_ns = deadline(timeout_ns),
		.cond = cond,
	};

	return colibri_ioctl(dev->fd, DRM_IOCTL_COLIBRI_FENCE_WAIT, &wait);
}

int colibri_svm_prefetch(const struct colibri_device *dev, uint32_t vm, const void *addr, uint64_t size,
			 uint32_t location)
{
	struct drm_colibri_svm_prefetch prefetch = {
		.vm_id = vm,
		.location = location,
		.addr = (uintptr_t)addr,
		.size = size,
	};

	return colibri_ioctl(dev->fd, DRM_IOCTL_COLIBRI_SVM_PREFETCH, &prefetch);
}

int colibri_svm_get_stats(const struct colibri_device *dev, uint32_t vm,
			  struct drm_colibri_svm_stats *stats)
{
	struct drm_colibri_svm_stats answer = { .vm_id = vm };
	int ret;

	ret = colibri_ioctl(dev->fd, DRM_IOCTL_COLIBRI_SVM_STATS, &answer);
	if (!ret)
		*stats = answer;
	return ret;
}

int colibri_svm_advise(const struct colibri_device *dev, uint32_t vm, const void *addr, uint64_t size,
		       uint32_t advice, uint32_t value)
{
	struct drm_colibri_svm_advise advise = {
		.vm_id = vm,
		.advice = advice,
		.value = value,
		.addr = (uintptr_t)addr,
		.size = size,
	};

	return colibri_ioctl(dev->fd, DRM_IOCTL_COLIBRI_SVM_ADVISE, &advise);
}

int colibri_svm_query(const struct colibri_device *dev, uint32_t vm, const void *addr, uint64_t size,
		      uint16_t *pages)
{
	struct drm_colibri_svm_query query = {
		.vm_id = vm,
		.addr = (uintptr_t)addr,
		.size = size,
		.pages = (uintptr_t)pages,
	};

	return colibri_ioctl(dev->fd, DRM_IOCTL_COLIBRI_SVM_QUERY, &query);
}

union colibri_packet colibri_packet_vendor(uint16_t op)
{
	union colibri_packet packet = { .bytes = { 0 } };

	packet.copy.header = COLIBRI_PKT_VENDOR;
	packet.copy.op = op;
	return packet;
}

union colibri_packet colibri_packet_fence(uint64_t addr, uint64_t value)
{
	union colibri_packet packet = colibri_packet_vendor(COLIBRI_OP_FENCE);

	packet.fence.flags = COLIBRI_FENCE_IRQ;
	packet.fence.addr = addr;
	packet.fence.value = value;
	return packet;
}

union colibri_packet colibri_packet_dispatch(uint64_t kernel_object, uint64_t kernarg,
					     uint32_t items, uint16_t wg_size)
{
	union colibri_packet packet = { .bytes = { 0 } };

	packet.dispatch.header = COLIBRI_PKT_DISPATCH | COLIBRI_PKT_BARRIER_BIT;
	packet.dispatch.setup = 1;
	packet.dispatch.wg_size[0] = wg_size;
	packet.dispatch.wg_size[1] = 1;
	packet.dispatch.wg_size[2] = 1;
	packet.dispatch.grid_size[0] = items;
	packet.dispatch.grid_size[1] = 1;
	packet.dispatch.grid_size[2] = 1;
	packet.dispatch.kernel_object = kernel_object;
	packet.dispatch.kernarg = kernarg;
	return packet;
}
