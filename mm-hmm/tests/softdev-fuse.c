// SPDX-License-Identifier: GPL-2.0
/*
 * A file system in user space with one file, which tells all about it and never
 * answers a read: whoever touches the file's pages waits, killably where read-ahead asked
 * for them. A read of one page that the server has taken core FUSE waits out, whatever
 * signal comes, till the server ends.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/fuse.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "softdev-test.h"

static const char mount_point[] = "/tmp/softdev-fuse";
static pid_t server;

static void reply(int fuse, const struct fuse_in_header *in, const void *data, size_t size,
		  int error)
{
	char buffer[sizeof(struct fuse_out_header) + 256];
	struct fuse_out_header *out = (void *)buffer;

	out->len = sizeof(*out) + size;
	out->error = -error;
	out->unique = in->unique;
	memcpy(out + 1, data, size);
	/* The file system may be gone meanwhile. */
	if (write(fuse, buffer, out->len) < 0)
		return;
}

static struct fuse_attr attributes(uint64_t node)
{
	return (struct fuse_attr) {
		.ino = node,
		.size = MB,
		.blocks = MB / 512,
		.mode = node == FUSE_ROOT_ID ? S_IFDIR | 0755 : S_IFREG | 0644,
		.nlink = 1,
		.blksize = PAGE,
	};
}

static void serve_request(int fuse, const struct fuse_in_header *in)
{
	struct fuse_init_out init = {
		.major = FUSE_KERNEL_VERSION,
		.minor = 31,
		.max_readahead = PAGE,
		.flags = FUSE_ASYNC_READ,
		.max_write = PAGE,
	};
	struct fuse_entry_out entry = { .nodeid = 2, .attr_valid = 1000, .entry_valid = 1000,
					.attr = attributes(2) };
	struct fuse_attr_out attr = { .attr_valid = 1000, .attr = attributes(in->nodeid) };
	/* An open that empties the cache would wait for the pages that are being read. */
	struct fuse_open_out open = { .open_flags = FOPEN_KEEP_CACHE };

	switch (in->opcode) {
	case FUSE_INIT:
		reply(fuse, in, &init, sizeof(init), 0);
		break;
	case FUSE_LOOKUP:
		reply(fuse, in, &entry, sizeof(entry), 0);
		break;
	case FUSE_GETATTR:
		reply(fuse, in, &attr, sizeof(attr), 0);
		break;
	case FUSE_OPEN:
		reply(fuse, in, &open, sizeof(open), 0);
		break;
	case FUSE_READ:
	case FUSE_FORGET:
	case FUSE_BATCH_FORGET:
	case FUSE_INTERRUPT:
		break;
	default:
		reply(fuse, in, NULL, 0, ENOSYS);
	}
}

static void serve(int fuse)
{
	static char buffer[1 << 20];

	while (read(fuse, buffer, sizeof(buffer)) > 0)
		serve_request(fuse, (void *)buffer);
	_exit(0);
}

/* Mounts it. Returns false when the kernel has no FUSE. */
bool fuse_start(void)
{
	int fuse = open("/dev/fuse", O_RDWR);
	char options[80];

	if (fuse < 0)
		return false;
	mkdir(mount_point, 0755);
	snprintf(options, sizeof(options), "fd=%d,rootmode=40000,user_id=0,group_id=0", fuse);
	CHECK(!mount("softdev", mount_point, "fuse", MS_NOSUID | MS_NODEV, options));
	server = fork();
	if (!server)
		serve(fuse);
	close(fuse);
	return true;
}

/* Ends the server, and with it each wait for its answers. */
void fuse_kill(void)
{
	if (server <= 0)
		return;
	kill(server, SIGKILL);
	waitpid(server, NULL, 0);
	server = 0;
}

void fuse_stop(void)
{
	fuse_kill();
	CHECK(!umount2(mount_point, MNT_DETACH));
	rmdir(mount_point);
}

/*
 * The file, of MB bytes, none of which can be read. Opened anew each time: two faults at once
 * through one open file take each other's read-ahead, which is by file and without a lock, and
 * read their pages by themselves. With @single all do.
 */
char *fuse_map(bool single)
{
	char path[sizeof(mount_point) + 8];
	char *p;
	int fd;

	snprintf(path, sizeof(path), "%s/file", mount_point);
	fd = open(path, O_RDONLY);
	CHECK(fd >= 0);
	p = mmap(NULL, MB, PROT_READ, MAP_SHARED, fd, 0);
	CHECK(p != MAP_FAILED);
	CHECK(!single || !madvise(p, MB, MADV_RANDOM));
	close(fd);
	return p;
}
