// SPDX-License-Identifier: MIT
/*
 * Files of /proc and /sys, page tables and mounts, see system.h.
 */
#include "system.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdarg.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/utsname.h>

#include "igt.h"

#define PAGE	4096ul

static int write_value(const char *path, const char *format, va_list args)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	int ret = 0;

	if (fd < 0)
		return -errno;
	if (vdprintf(fd, format, args) < 0)
		ret = -errno;
	close(fd);
	return ret;
}

void sys_write(const char *path, const char *format, ...)
{
	va_list args;
	int ret;

	va_start(args, format);
	ret = write_value(path, format, args);
	va_end(args);
	igt_assert_f(!ret, "%s: %s\n", path, strerror(-ret));
}

void sys_require_write(const char *path, const char *format, ...)
{
	va_list args;
	int ret;

	igt_require_f(!access(path, W_OK), "this kernel has no %s\n", path);
	va_start(args, format);
	ret = write_value(path, format, args);
	va_end(args);
	igt_assert_f(!ret, "%s: %s\n", path, strerror(-ret));
}

int sys_try_write(const char *path, const char *format, ...)
{
	va_list args;
	int ret;

	va_start(args, format);
	ret = write_value(path, format, args);
	va_end(args);
	return ret;
}

static FILE *open_file(const char *path)
{
	FILE *file = fopen(path, "re");

	igt_assert_f(file, "%s: %s\n", path, strerror(errno));
	return file;
}

uint64_t sys_read(const char *path)
{
	FILE *file = open_file(path);
	char text[32], *end = text;
	uint64_t value = 0;

	/* decimal, or hexadecimal with its prefix */
	if (fscanf(file, "%31s", text) == 1)
		value = strtoull(text, &end, 0);
	igt_assert_f(end != text && !*end, "%s holds no number\n", path);
	fclose(file);
	return value;
}

/* Whether @line starts with @field; @value is the number behind it. */
static bool parse_field(const char *line, const char *field, uint64_t *value)
{
	size_t len = strlen(field);
	char *end;

	if (strncmp(line, field, len))
		return false;
	line += len;
	line += *line == ':';
	if (*line != ' ' && *line != '\t')
		return false;
	*value = strtoull(line, &end, 10);
	return end != line;
}

uint64_t sys_field(const char *path, const char *field)
{
	FILE *file = open_file(path);
	bool found = false;
	uint64_t value = 0;
	char line[256];

	while (!found && fgets(line, sizeof(line), file))
		found = parse_field(line, field, &value);
	fclose(file);
	igt_assert_f(found, "%s has no %s\n", path, field);
	return value;
}

uint64_t smaps_kib(const void *addr, const char *field)
{
	FILE *file = open_file("/proc/self/smaps");
	bool inside = false, found = false;
	unsigned long start, end;
	uint64_t value = 0;
	char line[512];

	while (!found && fgets(line, sizeof(line), file)) {
		if (sscanf(line, "%lx-%lx ", &start, &end) == 2)
			inside = (uintptr_t)addr >= start && (uintptr_t)addr < end;
		else
			found = inside && parse_field(line, field, &value);
	}
	fclose(file);
	igt_assert_f(found, "smaps has no %s for %p\n", field, addr);
	return value;
}

uint64_t pagemap(const void *addr)
{
	int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	uint64_t entry;

	igt_assert(fd >= 0);
	igt_assert_eq(pread(fd, &entry, sizeof(entry), (uintptr_t)addr / PAGE * sizeof(entry)),
		      sizeof(entry));
	close(fd);
	return entry;
}

size_t pagemap_count(const void *addr, size_t size, uint64_t bits)
{
	size_t count = 0;

	for (size_t i = 0; i < size; i += PAGE)
		count += (pagemap((const char *)addr + i) & bits) == bits;
	return count;
}

void require_kernel(unsigned int major, unsigned int minor, const char *what)
{
	struct utsname name;
	unsigned int is_major, is_minor;

	igt_assert_eq(uname(&name), 0);
	igt_assert_eq(sscanf(name.release, "%u.%u", &is_major, &is_minor), 2);
	igt_require_f(is_major > major || (is_major == major && is_minor >= minor),
		      "Linux %u.%u has no %s\n", is_major, is_minor, what);
}

void require_command(const char *command, const char *what)
{
	igt_require_f(!system(command), "no %s: '%s' failed\n", what, command);
}

void private_mounts(const char *dir)
{
	igt_assert_eq(unshare(CLONE_NEWNS), 0);
	igt_assert_eq(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
	igt_assert_eq(mount("tmpfs", dir, "tmpfs", 0, "size=64m"), 0);
}

void private_mounts_ext4(const char *dir)
{
	char command[256];

	private_mounts(dir);
	/* Where no udev runs, nobody else loads loop. */
	snprintf(command, sizeof(command),
		 "modprobe loop && cd %s && mkdir ext4 && truncate -s 16M disk && "
		 "mkfs.ext4 -q disk && mount -o loop disk ext4", dir);
	igt_assert_eq(system(command), 0);
}

#define CGROUPS	"/sys/fs/cgroup/"

void cgroup_make(size_t memory, size_t swap)
{
	require_command("grep -qw memory " CGROUPS "cgroup.controllers", "memory control groups");
	sys_write(CGROUPS "cgroup.subtree_control", "+memory");
	/* A subtest that was killed left it. */
	rmdir(CGROUP);
	igt_assert_eq(mkdir(CGROUP, 0755), 0);
	sys_write(CGROUP "memory.max", "%zu", memory);
	sys_write(CGROUP "memory.swap.max", "%zu", swap);
}

void cgroup_enter(void)
{
	sys_write(CGROUP "cgroup.procs", "%d", getpid());
}

void cgroup_remove(void)
{
	unsigned int tries = 0;

	while (rmdir(CGROUP)) {
		igt_assert_f(errno == EBUSY && tries++ < 1000, "%s: %s\n", CGROUP, strerror(errno));
		usleep(10000);
	}
}
