// SPDX-License-Identifier: MIT
/*
 * A file that cannot be read, see fuse_file.h: a FUSE file system of one file,
 * served by a thread.
 */
#include "fuse_file.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <pthread.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "igt.h"

#define MOUNT_POINT	"/tmp/colibri-fuse-file"
#define REQUEST_SIZE	(FUSE_MIN_READ_BUFFER + 4096)

struct server {
	int fd;
	size_t size;
	int read_error;
};

/* Answers request @unique: an error, or @size bytes. */
static void reply(int fd, uint64_t unique, int error, const void *data, size_t size)
{
	struct {
		struct fuse_out_header header;
		uint8_t data[256];
	} out = {
		.header = {
			.len = sizeof(out.header) + size,
			.error = error,
			.unique = unique,
		},
	};

	memcpy(out.data, data, size);
	/* It fails when the request was given up meanwhile. */
	if (write(fd, &out, out.header.len) < 0)
		igt_debug("fuse reply: %s\n", strerror(errno));
}

static void reply_attr(const struct server *server, uint64_t unique)
{
	const struct fuse_attr_out attr = {
		.attr_valid = 3600,
		.attr = {
			.ino = FUSE_ROOT_ID,
			.size = server->size,
			.mode = S_IFREG | 0400,
			.nlink = 1,
			.blksize = 4096,
		},
	};

	reply(server->fd, unique, 0, &attr, sizeof(attr));
}

static void serve(const struct server *server, const struct fuse_in_header *in)
{
	const struct fuse_init_out init = {
		.major = FUSE_KERNEL_VERSION,
		.minor = FUSE_KERNEL_MINOR_VERSION,
		.max_readahead = 4096,
		.max_background = 1024,
		.congestion_threshold = 1024,
		.max_write = 4096,
		.time_gran = 1,
	};
	const struct fuse_open_out open_out = { .open_flags = FOPEN_KEEP_CACHE };

	switch (in->opcode) {
	case FUSE_INIT:
		reply(server->fd, in->unique, 0, &init, sizeof(init));
		break;
	case FUSE_GETATTR:
		reply_attr(server, in->unique);
		break;
	case FUSE_OPEN:
		reply(server->fd, in->unique, 0, &open_out, sizeof(open_out));
		break;
	case FUSE_READ:
		if (server->read_error)
			reply(server->fd, in->unique, -server->read_error, NULL, 0);
		break;
	case FUSE_FORGET:
	case FUSE_BATCH_FORGET:
	case FUSE_INTERRUPT:
		break;
	default:
		reply(server->fd, in->unique, -ENOSYS, NULL, 0);
	}
}

static void *server_main(void *data)
{
	static uint64_t request[REQUEST_SIZE / sizeof(uint64_t)];
	struct server *server = data;

	/* Ends when the process does, or with ENODEV at the unmount. */
	while (read(server->fd, request, sizeof(request)) >= (ssize_t)sizeof(struct fuse_in_header) ||
	       errno == EINTR)
		serve(server, (const struct fuse_in_header *)request);
	return NULL;
}

void fuse_file_require(void)
{
	/* Built into the kernel it needs no module. */
	igt_require_f(!access("/dev/fuse", F_OK) || !system("modprobe fuse"),
		      "no FUSE in this kernel\n");
}

void *fuse_file_map(size_t size, int error)
{
	static struct server server;
	char options[128];
	pthread_t thread;
	struct stat st;
	void *map;
	int fd;

	server.size = size;
	server.read_error = error;
	server.fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);
	igt_assert(server.fd >= 0);

	igt_assert_eq(unshare(CLONE_NEWNS), 0);
	igt_assert_eq(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
	fd = open(MOUNT_POINT, O_CREAT | O_CLOEXEC, 0600);
	igt_assert(fd >= 0);
	close(fd);
	snprintf(options, sizeof(options), "fd=%d,rootmode=100400,user_id=0,group_id=0", server.fd);
	igt_assert_eq(mount("colibri", MOUNT_POINT, "fuse", MS_NOSUID | MS_NODEV, options), 0);
	igt_assert_eq(pthread_create(&thread, NULL, server_main, &server), 0);

	fd = open(MOUNT_POINT, O_RDONLY | O_CLOEXEC);
	igt_assert(fd >= 0);
	/* Without this the kernel would not have asked for the size, and take the file for empty. */
	igt_assert_eq(fstat(fd, &st), 0);
	igt_assert_eq_u64(st.st_size, size);
	map = mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);
	igt_assert(map != MAP_FAILED);
	close(fd);
	return map;
}
