// SPDX-License-Identifier: MIT
/*
 * Memory whose page faults the test serves itself, see userfault.h.
 */
#include "userfault.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>

#include "gpu_test.h"

int userfault_open(uint64_t features)
{
	struct uffdio_api api = { .api = UFFD_API, .features = features };
	int fd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);

	igt_require_f(fd >= 0, "no userfaultfd: %s\n", strerror(errno));
	igt_require_f(!ioctl(fd, UFFDIO_API, &api), "no userfaultfd features %#lx\n", features);
	return fd;
}

void userfault_register(int fd, void *pages, size_t size, uint64_t mode)
{
	struct uffdio_register reg = {
		.range = { .start = (uintptr_t)pages, .len = size },
		.mode = mode,
	};

	igt_assert_f(!ioctl(fd, UFFDIO_REGISTER, &reg), "UFFDIO_REGISTER: %s\n", strerror(errno));
}

uintptr_t userfault_wait(int fd, uint64_t *flags)
{
	struct timespec start = { 0 };
	struct uffd_msg msg;

	while (read(fd, &msg, sizeof(msg)) != sizeof(msg)) {
		igt_assert_f(igt_nsec_elapsed(&start) < GPU_TIMEOUT_S * NSEC_PER_SEC,
			     "no page fault reaches the monitor\n");
		cpu_pause();
	}
	igt_assert_eq(msg.event, UFFD_EVENT_PAGEFAULT);
	if (flags)
		*flags = msg.arg.pagefault.flags;
	return msg.arg.pagefault.address & ~(PAGE_SIZE - 1);
}

int userfault_pending(int fd)
{
	struct pollfd poll_fd = { .fd = fd, .events = POLLIN };

	return poll(&poll_fd, 1, 0) == 1;
}

void userfault_protect(int fd, void *pages, size_t size, int protect)
{
	struct uffdio_writeprotect wp = {
		.range = { .start = (uintptr_t)pages, .len = size },
		.mode = protect ? UFFDIO_WRITEPROTECT_MODE_WP : 0,
	};

	igt_assert_f(!ioctl(fd, UFFDIO_WRITEPROTECT, &wp), "UFFDIO_WRITEPROTECT: %s\n",
		     strerror(errno));
}
