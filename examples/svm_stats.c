/* SPDX-License-Identifier: MIT */
/*
 * The statistics ioctl of the render node, see drm-driver/include/uapi. OpenCL
 * opened the device by itself; with VM 0 the driver adds up all VMs of the
 * process, so it does not matter which file they belong to.
 */
#include "svm_stats.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xf86drm.h>

#include "drm/colibri_drm.h"

static int is_colibri(int fd)
{
	drmVersionPtr version = drmGetVersion(fd);
	int yes = version && !strcmp(version->name, "colibri");

	drmFreeVersion(version);
	return yes;
}

static int open_render_node(void)
{
	char path[64];

	for (int minor = 128; minor < 192; minor++) {
		int fd;

		snprintf(path, sizeof(path), "/dev/dri/renderD%d", minor);
		fd = open(path, O_RDWR | O_CLOEXEC);
		if (fd < 0)
			continue;
		if (is_colibri(fd))
			return fd;
		close(fd);
	}
	fprintf(stderr, "no colibri render node in /dev/dri\n");
	exit(1);
}

void svm_stats_read(struct drm_colibri_svm_stats *stats)
{
	int fd = open_render_node();

	memset(stats, 0, sizeof(*stats));
	if (drmIoctl(fd, DRM_IOCTL_COLIBRI_SVM_STATS, stats)) {
		fprintf(stderr, "SVM statistics: %s\n", strerror(errno));
		exit(1);
	}
	close(fd);
}

void svm_stats_print(const struct drm_colibri_svm_stats *stats)
{
	printf("GPU faults:            %llu\n", (unsigned long long)stats->faults);
	printf("pages moved to VRAM:   %llu\n",
	       (unsigned long long)stats->pages_to_vram);
	printf("pages moved back:      %llu\n",
	       (unsigned long long)stats->pages_to_sys);
	printf("pages mapped in place: %llu\n",
	       (unsigned long long)stats->pages_mapped_sys);
}

int svm_stats_nonzero(unsigned long long value, const char *what)
{
	if (value)
		return 1;
	printf("no %s: did the GPU use the pointers?\n", what);
	return 0;
}
