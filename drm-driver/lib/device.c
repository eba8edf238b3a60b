// SPDX-License-Identifier: MIT
/*
 * The way into the kernel, devices and queries, see libcolibri_drm.h.
 */
#include "libcolibri_drm.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <xf86drm.h>

#define MAX_DRM_DEVICES	64

static colibri_observer the_observer;

void colibri_observe(colibri_observer observer)
{
	the_observer = observer;
}

static int restarted_ioctl(int fd, unsigned long request, void *arg)
{
	int ret;

	do {
		ret = ioctl(fd, request, arg);
	} while (ret < 0 && errno == EINTR);

	return ret < 0 ? -errno : 0;
}

static int observed_ioctl(int fd, unsigned long request, void *arg)
{
	size_t size = _IOC_SIZE(request);
	uint8_t before[1 << _IOC_SIZEBITS];
	int ret;

	memcpy(before, arg, size);
	ret = restarted_ioctl(fd, request, arg);
	the_observer(request, before, arg, ret);
	return ret;
}

int colibri_ioctl(int fd, unsigned long request, void *arg)
{
	if (the_observer)
		return observed_ioctl(fd, request, arg);
	return restarted_ioctl(fd, request, arg);
}

static bool is_colibri(int fd)
{
	drmVersionPtr version = drmGetVersion(fd);
	bool ours = version && !strcmp(version->name, "colibri");

	drmFreeVersion(version);
	return ours;
}

/* Opens a render node if a Colibri device is behind it; -1: it is not. */
static int open_ours(const char *path)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);

	if (fd < 0 || is_colibri(fd))
		return fd;
	close(fd);
	return -1;
}

static int by_path(const void *a, const void *b)
{
	const struct colibri_node *x = a, *y = b;

	/* Equal up to the number, which has no leading zeroes. */
	if (strlen(x->path) != strlen(y->path))
		return strlen(x->path) < strlen(y->path) ? -1 : 1;
	return strcmp(x->path, y->path);
}

static bool describe(const drmDevice *device, struct colibri_node *node)
{
	int fd;

	if (!(device->available_nodes & (1 << DRM_NODE_RENDER)))
		return false;
	memset(node, 0, sizeof(*node));
	snprintf(node->path, sizeof(node->path), "%s", device->nodes[DRM_NODE_RENDER]);
	fd = open_ours(node->path);
	if (fd < 0)
		return false;
	close(fd);
	if (device->bustype == DRM_BUS_PCI) {
		node->pci_domain = device->businfo.pci->domain;
		node->pci_bus = device->businfo.pci->bus;
		node->pci_device = device->businfo.pci->dev;
		node->pci_function = device->businfo.pci->func;
	}
	return true;
}

int colibri_enumerate(struct colibri_node *nodes, unsigned int max)
{
	struct colibri_node found[MAX_DRM_DEVICES];
	drmDevicePtr devices[MAX_DRM_DEVICES];
	unsigned int count = 0;
	int ret;

	ret = drmGetDevices2(0, devices, MAX_DRM_DEVICES);
	if (ret == -ENOENT)
		return 0;
	if (ret < 0)
		return ret;
	for (int i = 0; i < ret; i++)
		count += describe(devices[i], &found[count]);
	drmFreeDevices(devices, ret);

	qsort(found, count, sizeof(*found), by_path);
	for (unsigned int i = 0; i < count && i < max; i++)
		nodes[i] = found[i];
	return count;
}

int colibri_device_init(struct colibri_device *dev, int fd)
{
	struct colibri_device made = { .fd = fd };
	uint32_t size = sizeof(made.info);
	int ret;

	ret = colibri_query(&made, DRM_COLIBRI_QUERY_DEVICE, &made.info, &size);
	if (!ret)
		*dev = made;
	return ret;
}

int colibri_device_open(struct colibri_device *dev, unsigned int index)
{
	struct colibri_node nodes[MAX_DRM_DEVICES];
	int fd, ret = colibri_enumerate(nodes, MAX_DRM_DEVICES);

	if (ret < 0)
		return ret;
	if (index >= (unsigned int)ret)
		return -ENODEV;
	fd = open_ours(nodes[index].path);
	if (fd < 0)
		return -ENODEV;
	ret = colibri_device_init(dev, fd);
	if (ret)
		close(fd);
	return ret;
}

void colibri_device_close(struct colibri_device *dev)
{
	close(dev->fd);
	dev->fd = -1;
}

int colibri_query(const struct colibri_device *dev, uint32_t query, void *data, uint32_t *size)
{
	struct drm_colibri_query args = {
		.query = query,
		.size = *size,
		.data = (uintptr_t)data,
	};
	int ret;

	ret = colibri_ioctl(dev->fd, DRM_IOCTL_COLIBRI_QUERY, &args);
	if (!ret)
		*size = args.size;
	return ret;
}

/* One structure of known size; an older kernel's is shorter, the rest is zero. */
static int query_struct(const struct colibri_device *dev, uint32_t query, void *data, uint32_t size)
{
	return colibri_query(dev, query, data, &size);
}

int colibri_query_limits(const struct colibri_device *dev, struct drm_colibri_query_limits *limits)
{
	struct drm_colibri_query_limits answer = { 0 };
	int ret = query_struct(dev, DRM_COLIBRI_QUERY_LIMITS, &answer, sizeof(answer));

	if (!ret)
		*limits = answer;
	return ret;
}

int colibri_query_mem_regions(const struct colibri_device *dev,
			      struct drm_colibri_mem_region *regions, uint32_t *count)
{
	uint32_t size = 0, room = *count * sizeof(*regions);
	int ret;

	ret = colibri_query(dev, DRM_COLIBRI_QUERY_MEM_REGIONS, NULL, &size);
	if (!ret && room)
		ret = query_struct(dev, DRM_COLIBRI_QUERY_MEM_REGIONS, regions, room);
	if (!ret)
		*count = size / sizeof(*regions);
	return ret;
}

int colibri_query_topology(const struct colibri_device *dev,
			   struct drm_colibri_query_topology *topology)
{
	struct drm_colibri_query_topology answer = { 0 };
	int ret = query_struct(dev, DRM_COLIBRI_QUERY_TOPOLOGY, &answer, sizeof(answer));

	if (!ret)
		*topology = answer;
	return ret;
}

int colibri_query_timestamp(const struct colibri_device *dev, uint32_t clock,
			    struct drm_colibri_query_timestamp *timestamp)
{
	struct drm_colibri_query_timestamp answer = { .clock = clock };
	int ret = query_struct(dev, DRM_COLIBRI_QUERY_TIMESTAMP, &answer, sizeof(answer));

	if (!ret)
		*timestamp = answer;
	return ret;
}
