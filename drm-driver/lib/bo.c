// SPDX-License-Identifier: MIT
/*
 * Buffers, see libcolibri_drm.h.
 */
#include "libcolibri_drm.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>

#include <xf86drm.h>

int colibri_bo_alloc(const struct colibri_device *dev, uint64_t size, uint32_t placement,
		     uint32_t flags, uint32_t caching, struct colibri_bo *bo)
{
	struct drm_colibri_gem_create create = {
		.size = size,
		.placement = placement,
		.flags = flags,
		.cpu_caching = caching,
	};
	int ret;

	ret = colibri_ioctl(dev->fd, DRM_IOCTL_COLIBRI_GEM_CREATE, &create);
	if (!ret)
		*bo = (struct colibri_bo){ .handle = create.handle, .size = create.size };
	return ret;
}

int colibri_bo_mmap_offset(const struct colibri_device *dev, uint32_t handle, uint64_t *offset)
{
	struct drm_colibri_gem_mmap_offset args = { .handle = handle };
	int ret;

	ret = colibri_ioctl(dev->fd, DRM_IOCTL_COLIBRI_GEM_MMAP_OFFSET, &args);
	if (!ret)
		*offset = args.offset;
	return ret;
}

int colibri_bo_map(const struct colibri_device *dev, struct colibri_bo *bo)
{
	uint64_t offset;
	void *map;
	int ret;

	if (bo->map)
		return 0;
	ret = colibri_bo_mmap_offset(dev, bo->handle, &offset);
	if (ret)
		return ret;
	map = mmap(NULL, bo->size, PROT_READ | PROT_WRITE, MAP_SHARED, dev->fd, offset);
	if (map == MAP_FAILED)
		return -errno;
	bo->map = map;
	return 0;
}

int colibri_bo_create(const struct colibri_device *dev, uint64_t size, uint32_t placement,
		      uint32_t flags, struct colibri_bo *bo)
{
	struct colibri_bo made;
	int ret;

	ret = colibri_bo_alloc(dev, size, placement, flags, DRM_COLIBRI_CACHING_DEFAULT, &made);
	if (ret)
		return ret;
	ret = colibri_bo_map(dev, &made);
	if (ret)
		colibri_bo_destroy(dev, &made);
	else
		*bo = made;
	return ret;
}

void colibri_bo_destroy(const struct colibri_device *dev, struct colibri_bo *bo)
{
	if (!bo->handle)
		return;
	if (bo->map)
		munmap(bo->map, bo->size);
	drmCloseBufferHandle(dev->fd, bo->handle);
	memset(bo, 0, sizeof(*bo));
}

int colibri_bo_get_info(const struct colibri_device *dev, uint32_t handle,
			struct drm_colibri_gem_info *info)
{
	struct drm_colibri_gem_info answer = { .handle = handle };
	int ret;

	ret = colibri_ioctl(dev->fd, DRM_IOCTL_COLIBRI_GEM_INFO, &answer);
	if (!ret)
		*info = answer;
	return ret;
}

int colibri_bo_export(const struct colibri_device *dev, const struct colibri_bo *bo, int *prime_fd)
{
	int fd;

	if (drmPrimeHandleToFD(dev->fd, bo->handle, DRM_CLOEXEC | DRM_RDWR, &fd))
		return -errno;
	*prime_fd = fd;
	return 0;
}

int colibri_bo_import(const struct colibri_device *dev, int prime_fd, struct colibri_bo *bo)
{
	struct drm_colibri_gem_info info;
	uint32_t handle;
	int ret;

	if (drmPrimeFDToHandle(dev->fd, prime_fd, &handle))
		return -errno;
	ret = colibri_bo_get_info(dev, handle, &info);
	if (ret)
		drmCloseBufferHandle(dev->fd, handle);
	else
		*bo = (struct colibri_bo){ .handle = handle, .size = info.size };
	return ret;
}
