// SPDX-License-Identifier: GPL-2.0
/*
 * Waits for user space that never answers: a userfaultfd whose monitor lives on
 * and does nothing, a FUSE server. Kernel threads of the device wait there; the owner, or the
 * driver, ends that.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "softdev-test.h"

#define WORKERS 3

/* Returns the userfaultfd that nobody reads. */
static int map_stalling(char **p)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	int fd = syscall(SYS_userfaultfd, 0);

	CHECK(fd >= 0);
	*p = map_anon(MB);
	reg.range.start = (uintptr_t)*p;
	reg.range.len = MB;
	CHECK(!ioctl(fd, UFFDIO_API, &api));
	CHECK(!ioctl(fd, UFFDIO_REGISTER, &reg));
	return fd;
}

static void start_worker(int file, char *p)
{
	struct softdev_access a = {
		.addr = (uintptr_t)p,
		.stride = 8,
		.count = 1,
		.op = SOFTDEV_CHECK,
	};

	CHECK(!ioctl(file, SOFTDEV_IOC_WORK, &a));
}

static struct softdev_state state(int file)
{
	struct softdev_state s = {};

	CHECK(!ioctl(file, SOFTDEV_IOC_STATE, &s));
	return s;
}

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

/* Gives the file of @file to its parent: descriptors of a child that dies. */
static void hand_over(int socket, int file)
{
	char control[CMSG_SPACE(sizeof(int))] = {}, c = 0;
	struct iovec iov = { .iov_base = &c, .iov_len = 1 };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);

	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_RIGHTS;
	cmsg->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(cmsg), &file, sizeof(int));
	CHECK(sendmsg(socket, &msg, 0) == 1);
}

static int take_over(int socket)
{
	char control[CMSG_SPACE(sizeof(int))] = {}, c;
	struct iovec iov = { .iov_base = &c, .iov_len = 1 };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	int file = -1;

	CHECK(recvmsg(socket, &msg, 0) == 1);
	if (CMSG_FIRSTHDR(&msg))
		memcpy(&file, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof(int));
	CHECK(file >= 0);
	return file;
}

/* Whose answers the workers wait for. */
enum silent {
	MONITOR,	/* a userfaultfd's */
	SERVER,		/* a FUSE server's, to read-ahead */
	SERVER_OF_PAGES	/* to reads of single pages */
};

/* A process with @n mirrors, each with workers that wait; it waits to be killed. */
static void stall(int socket, int n, enum silent silent)
{
	char *p;

	if (silent == MONITOR)
		hand_over(socket, map_stalling(&p));
	for (int i = 0; i < n; i++) {
		int file = open("/dev/hmm_svm_softdev", O_RDWR);

		for (int j = 0; j < WORKERS; j++) {
			if (silent != MONITOR)
				p = fuse_map(silent == SERVER_OF_PAGES);
			start_worker(file, p + j * 64 * 1024);
		}
		hand_over(socket, file);
	}
	for (;;)
		pause();
}

/*
 * The monitor of a userfaultfd, which is this process, has the files, too: so nothing is closed,
 * and nothing but the watchdog can end the workers' waits; and the server's end, if it has taken
 * a read of a page. Else the server lives until all is seen, but no longer: a worker that waits
 * for it could not be closed.
 */
static void owner_killed(int n, enum silent silent)
{
	int sockets[2], files[8], uffd = -1;
	double start;
	pid_t pid;

	CHECK(!socketpair(AF_UNIX, SOCK_SEQPACKET, 0, sockets));
	pid = fork();
	if (!pid)
		stall(sockets[1], n, silent);
	if (silent == MONITOR)
		uffd = take_over(sockets[0]);
	for (int i = 0; i < n; i++)
		files[i] = take_over(sockets[0]);
	usleep(1500000);
	for (int i = 0; i < n; i++) {
		CHECK(state(files[i]).running == WORKERS);
		CHECK(!state(files[i]).dead);
	}

	kill(pid, SIGKILL);
	CHECK(WIFSIGNALED(wait_child(pid)));
	if (silent == SERVER_OF_PAGES) {
		usleep(1000000);
		CHECK(state(files[0]).running == WORKERS);
		fuse_kill();
	}
	start = seconds();
	for (int i = 0; i < n; i++) {
		while (!(state(files[i]).dead && !state(files[i]).running) &&
		       seconds() - start < 10)
			usleep(10000);
		CHECK(state(files[i]).dead);
		CHECK(!state(files[i]).running);
		/* What the server did not answer is no fault of nobody's, but may be seen first. */
		CHECK(state(files[i]).result == EOWNERDEAD ||
		      (silent == SERVER_OF_PAGES && state(files[i]).result == EFAULT));
	}
	printf("# the address space went %.2f s after its process\n", seconds() - start);
	CHECK(seconds() - start < 2);
	if (silent != MONITOR)
		fuse_stop();
	for (int i = 0; i < n; i++)
		close(files[i]);
	close(uffd);
	close(sockets[0]);
	close(sockets[1]);
}

void stalled_owner_killed(void)
{
	owner_killed(1, MONITOR);
}

void stalled_two_mirrors(void)
{
	owner_killed(2, MONITOR);
}

static void owner_killed_with_fuse(enum silent silent)
{
	if (fuse_start())
		owner_killed(1, silent);
	else
		skipped = "the kernel has no FUSE";
}

/* A FUSE server that does not answer, and lives on. */
void stalled_fuse(void)
{
	owner_killed_with_fuse(SERVER);
}

/* The same with the reads that no signal ends: the server's end ends them, and all is gone. */
void stalled_fuse_taken(void)
{
	owner_killed_with_fuse(SERVER_OF_PAGES);
}

/* The owner lives; the driver wants its workers back. */
void stalled_interrupted(void)
{
	double start;
	char *p;
	int uffd = map_stalling(&p);

	for (int i = 0; i < WORKERS; i++)
		start_worker(dev, p + i * 64 * 1024);
	usleep(300000);
	CHECK(state(dev).running == WORKERS);
	start = seconds();
	CHECK(!ioctl(dev, SOFTDEV_IOC_INTERRUPT));
	while (state(dev).running && seconds() - start < 10)
		usleep(10000);
	CHECK(!state(dev).running);
	CHECK(seconds() - start < 1);
	CHECK(state(dev).result == EINTR);
	CHECK(!state(dev).dead);
	/* It is not undone. */
	CHECK(dev_write(p, 8, 1, 1) == EINTR);
	CHECK(dev_prefetch(p, MB, true) == EINTR);
	munmap(p, MB);
	close(uffd);
}

/* Closing the file waits for workers, and not for user space. */
void stalled_closed(void)
{
	double start;
	char *p;
	int uffd = map_stalling(&p), file = open("/dev/hmm_svm_softdev", O_RDWR);

	for (int i = 0; i < WORKERS; i++)
		start_worker(file, p + i * 64 * 1024);
	usleep(300000);
	CHECK(state(file).running == WORKERS);
	start = seconds();
	CHECK(!close(file));
	CHECK(seconds() - start < 1);
	munmap(p, MB);
	close(uffd);
}
