// SPDX-License-Identifier: MIT
/*
 * The kernel's virtual driver, see vgem.h.
 */
#include "vgem.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <xf86drm.h>

#include "igt.h"

int vgem_open(void)
{
	igt_require_f(!system("modprobe -q vgem"), "the kernel has no vgem\n");
	for (int i = 0; i < 16; i++) {
		char path[32];
		drmVersionPtr version;
		bool found;
		int fd;

		snprintf(path, sizeof(path), "/dev/dri/card%d", i);
		fd = open(path, O_RDWR | O_CLOEXEC);
		if (fd < 0)
			continue;
		version = drmGetVersion(fd);
		found = version && !strcmp(version->name, "vgem");
		drmFreeVersion(version);
		if (found)
			return fd;
		close(fd);
	}
	igt_require_f(false, "no vgem device\n");
	return -1;
}
