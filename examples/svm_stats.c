/* SPDX-License-Identifier: MIT */
/*
 * The statistics of the render node, by drm-driver/lib. OpenCL
 * opened the device by itself; with VM 0 the driver adds up all VMs of the
 * process, so it does not matter which file they belong to.
 */
#include "svm_stats.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libcolibri_drm.h"

void svm_stats_read(struct drm_colibri_svm_stats *stats)
{
	struct colibri_device dev;
	int ret = colibri_device_open(&dev, 0);

	if (ret) {
		fprintf(stderr, "no colibri render node in /dev/dri: %s\n", strerror(-ret));
		exit(1);
	}
	ret = colibri_svm_get_stats(&dev, 0, stats);
	colibri_device_close(&dev);
	if (ret) {
		fprintf(stderr, "SVM statistics: %s\n", strerror(-ret));
		exit(1);
	}
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
