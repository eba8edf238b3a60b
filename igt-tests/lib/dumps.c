// SPDX-License-Identifier: MIT
/*
 * Dumps and events for the tests, see dumps.h.
 */
#include "dumps.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <poll.h>
#include <stdarg.h>
#include <sys/socket.h>

#define DUMPS		"/sys/class/devcoredump"
#define DUMP_SIZE	(256 * KiB)

bool dump_find(char *path, size_t size)
{
	DIR *dir = opendir(DUMPS);
	struct dirent *entry;
	bool found = false;

	igt_assert(dir);
	while (!found && (entry = readdir(dir))) {
		if (strncmp(entry->d_name, "devcd", 5))
			continue;
		snprintf(path, size, DUMPS "/%s/data", entry->d_name);
		found = true;
	}
	closedir(dir);
	return found;
}

/* The kernel drops it later: until then, it would take no other dump of the device. */
static void drop_dump(const char *path)
{
	int fd;

	for (unsigned int i = 0; (fd = open(path, O_WRONLY)) >= 0; i++) {
		igt_assert_f(i < 10000, "%s does not go\n", path);
		igt_assert(write(fd, "0", 1) == 1 || errno == ENODEV);
		close(fd);
		cpu_pause();
	}
	igt_assert(errno == ENOENT || errno == ENODEV);
}

void dump_drop_all(void)
{
	char path[512];

	for (unsigned int i = 0; dump_find(path, sizeof(path)); i++) {
		igt_assert_lt_u64(i, 1000);
		drop_dump(path);
		cpu_pause();
	}
}

char *dump_take(void)
{
	char *text = calloc(1, DUMP_SIZE), path[512];
	size_t size = 0;
	ssize_t n;
	int fd;

	for (unsigned int i = 0; !dump_find(path, sizeof(path)); i++) {
		igt_assert_f(i < 10000, "no dump came\n");
		cpu_pause();
	}
	fd = open(path, O_RDONLY);
	igt_assert(fd >= 0);
	while ((n = read(fd, text + size, DUMP_SIZE - 1 - size)) > 0)
		size += n;
	igt_assert_eq(n, 0);
	close(fd);
	drop_dump(path);
	igt_debug("%s", text);
	return text;
}

void dump_expect(const char *dump, const char *format, ...)
{
	char text[128];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	igt_assert_f(strstr(dump, text), "'%s' is not in\n%s", text, dump);
}

void dump_expect_header(const char *dump, const char *reason)
{
	igt_assert(!strncmp(dump, "**** Colibri device coredump ****\nformat: 1\n", 44));
	dump_expect(dump, "\nreason: %s\n", reason);
	dump_expect(dump, "\nkernel: ");
	dump_expect(dump, "\ntime: 1");
}

int uevents_open(void)
{
	struct sockaddr_nl addr = { .nl_family = AF_NETLINK, .nl_groups = 1 };
	int fd = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_KOBJECT_UEVENT);

	igt_assert(fd >= 0);
	igt_assert_eq(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	return fd;
}

static bool has_line(const char *text, ssize_t size, const char *word)
{
	for (const char *line = text; line < text + size; line += strlen(line) + 1) {
		if (!strcmp(line, word))
			return true;
	}
	return false;
}

/* Whether an event with @word comes in time. */
static bool next_event(int fd, const char *word, int timeout_ms)
{
	struct pollfd pollfd = { .fd = fd, .events = POLLIN };
	char text[4096];

	while (poll(&pollfd, 1, timeout_ms) > 0) {
		ssize_t n = recv(fd, text, sizeof(text) - 1, 0);

		igt_assert(n > 0);
		text[n] = 0;
		if (has_line(text, n, word))
			return true;
	}
	return false;
}

void uevents_expect(int fd, const char *word)
{
	igt_assert_f(next_event(fd, word, GPU_TIMEOUT_S * 1000), "no event with %s\n", word);
}

unsigned int uevents_count(int fd, const char *word)
{
	unsigned int count = 0;

	while (next_event(fd, word, 0))
		count++;
	return count;
}
