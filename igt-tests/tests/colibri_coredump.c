// SPDX-License-Identifier: MIT
/*
 * Dumps in /sys/class/devcoredump: what a person needs to know of a queue that was banned and
 * of a device that was lost; and the event that tells of the latter.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <poll.h>
#include <stdarg.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include "gpu_power.h"
#include "kernel_log.h"

IGT_TEST_DESCRIPTION("Dumps of queues and of the device");

#define DUMPS		"/sys/class/devcoredump"
#define DUMP_SIZE	(256 * KiB)

/* The file of the dump there is; false: none. */
static bool find_dump(char *path, size_t size)
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

static void drop_dump(const char *path)
{
	int fd = open(path, O_WRONLY);

	igt_assert(fd >= 0);
	igt_assert_eq(write(fd, "0", 1), 1);
	close(fd);
}

static void drop_old_dumps(void)
{
	char path[512];

	for (unsigned int i = 0; find_dump(path, sizeof(path)); i++) {
		igt_assert_lt_u64(i, 1000);
		drop_dump(path);
		cpu_pause();
	}
}

/* Wait for a dump, and take it. */
static char *take_dump(void)
{
	char *text = calloc(1, DUMP_SIZE), path[512];
	size_t size = 0;
	ssize_t n;
	int fd;

	for (unsigned int i = 0; !find_dump(path, sizeof(path)); i++) {
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

static void expect(const char *dump, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static void expect(const char *dump, const char *format, ...)
{
	char text[128];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	igt_assert_f(strstr(dump, text), "'%s' is not in\n%s", text, dump);
}

static void expect_header(const char *dump, const char *reason)
{
	igt_assert(!strncmp(dump, "**** Colibri device coredump ****\nformat: 1\n", 44));
	expect(dump, "\nreason: %s\n", reason);
	expect(dump, "\nkernel: ");
	expect(dump, "\ntime: 1");
}

static void queue_fault(struct gpu *gpu)
{
	const uintptr_t hole = (uintptr_t)map_anonymous(3 * PAGE_SIZE, PAGE_SIZE);
	struct drm_colibri_queue_state state;
	char *dump;

	drop_old_dumps();
	igt_assert_eq(munmap((void *)(hole + PAGE_SIZE), PAGE_SIZE), 0);
	gpu_read_word(gpu, (void *)(hole + PAGE_SIZE + 64));
	state = gpu_expect_ban(gpu, COLIBRI_QERR_FAULT);
	dump = take_dump();
	expect_header(dump, "queue-fault");
	expect(dump, "\nerror: %u\nreason: %u\n", COLIBRI_QERR_FAULT, EFAULT);
	expect(dump, "\nfault_addr: %#llx\n", (unsigned long long)state.fault_addr);
	expect(dump, "\nfault_pc: %#llx\n", (unsigned long long)state.fault_pc);
	expect(dump, "**** Page table walk of %#llx ****\nL5[", (unsigned long long)state.fault_addr);
	expect(dump, "\npacket 0: 02");
	expect(dump, "\nID: %#x\n", COLIBRI_ID_MAGIC);
	expect(dump, "**** Last fault records ****\nasid ");
	expect(dump, "\nmirror: yes\n");
	free(dump);
}

static void queue_error(struct gpu *gpu)
{
	union colibri_packet bad = colibri_packet_dispatch(gpu->code_addr + 1, 0, 64, 64);
	char *dump;

	drop_old_dumps();
	gpu_submit(gpu, &bad, 1);
	gpu_expect_ban(gpu, COLIBRI_QERR_BAD_PACKET);
	dump = take_dump();
	expect_header(dump, "queue-error");
	expect(dump, "\nerror: %u\n", COLIBRI_QERR_BAD_PACKET);
	free(dump);
}

/* The first of several is kept. */
static void first_kept(struct gpu *gpu)
{
	union colibri_packet bad = colibri_packet_dispatch(gpu->code_addr + 1, 0, 64, 64);
	char *dump, path[512];

	drop_old_dumps();
	gpu_submit(gpu, &bad, 1);
	gpu_expect_ban(gpu, COLIBRI_QERR_BAD_PACKET);
	while (!find_dump(path, sizeof(path)))
		cpu_pause();
	gpu_new_queue(gpu);
	gpu_read_word(gpu, (void *)PAGE_SIZE);
	gpu_expect_ban(gpu, COLIBRI_QERR_FAULT);
	dump = take_dump();
	expect_header(dump, "queue-error");
	free(dump);
	drop_old_dumps();
}

static int uevents_open(void)
{
	struct sockaddr_nl addr = { .nl_family = AF_NETLINK, .nl_groups = 1 };
	int fd = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_KOBJECT_UEVENT);

	igt_assert(fd >= 0);
	igt_assert_eq(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	return fd;
}

/* Wait for an event that has @word among its lines. */
static void uevents_expect(int fd, const char *word)
{
	struct pollfd pollfd = { .fd = fd, .events = POLLIN };
	char text[4096];

	while (poll(&pollfd, 1, 10000) > 0) {
		ssize_t n = recv(fd, text, sizeof(text) - 1, 0);

		igt_assert(n > 0);
		text[n] = 0;
		for (char *line = text; line < text + n; line += strlen(line) + 1)
			if (!strcmp(line, word))
				return;
	}
	igt_assert_f(false, "no event with %s\n", word);
}

static void device_lost(struct gpu *gpu)
{
	int events = uevents_open();
	char *dump, *slot;

	gpu_power_require();
	slot = gpu_slot(gpu);
	drop_old_dumps();
	kernel_log_expect("device lost: ");
	gpu_power("kill", "");
	uevents_expect(events, "WEDGED=rebind,bus-reset");
	gpu_wait_lost(gpu, 5);
	dump = take_dump();
	expect_header(dump, "device-lost");
	expect(dump, "\ncause: ");
	expect(dump, "**** Status page ****");
	expect(dump, "**** VM ****\nasid: ");
	gpu_close_lost(gpu, 0);
	gpu_replace(slot);
	close(events);
	free(dump);
	free(slot);
}

static const struct gpu_test tests[] = {
	{ "queue-fault", queue_fault, "a fault that failed: registers, packets, page table walk" },
	{ "queue-error", queue_error, "a packet that cannot be" },
	{ "first-kept", first_kept, "the first dump stays until it is read" },
	{ "device-lost", device_lost, "the loss of the device, with the event that tells of it" },
};

igt_main()
{
	gpu_run_tests(tests, ARRAY_SIZE(tests), gpu_init);
}
