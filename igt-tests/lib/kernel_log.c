// SPDX-License-Identifier: MIT
/*
 * Kernel messages that a subtest is about, see kernel_log.h.
 */
#include "kernel_log.h"

#include <fcntl.h>

#include "igt.h"

#define LOG_INFO	6

static void declare(const char *verb, const char *text)
{
	int fd = open("/dev/kmsg", O_WRONLY | O_CLOEXEC);

	igt_assert(fd >= 0);
	igt_assert(dprintf(fd, "<%d>colibri-test: %s: %s\n", LOG_INFO, verb, text) > 0);
	close(fd);
}

void kernel_log_expect(const char *text)
{
	declare("expects", text);
}

void kernel_log_allow(const char *text)
{
	declare("allows", text);
}
