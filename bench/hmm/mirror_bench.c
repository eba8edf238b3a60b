// SPDX-License-Identifier: MIT
/*
 * Migration by the interface of the kernel's HMM test device, which
 * hmm_svm_dmirror.ko offers, too:
 *
 *   mirror_bench [--no-data] /dev/hmm_dmirror0
 *
 * migrate_*: GB/s to the device and back. cpu_*: CPU time in ns per 4 KiB page,
 * which under QEMU's -icount is instructions.
 */
#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "bench.h"

/* The test device's interface: lib/test_hmm_uapi.h of the kernel. */
struct mirror_cmd {
	uint64_t addr;
	uint64_t ptr;
	uint64_t npages;
	uint64_t cpages;
	uint64_t faults;
};

#define MIRROR_READ		_IOWR('H', 0x00, struct mirror_cmd)
#define MIRROR_MIGRATE_TO_DEV	_IOWR('H', 0x02, struct mirror_cmd)
#define MIRROR_MIGRATE_TO_SYS	_IOWR('H', 0x03, struct mirror_cmd)

#define MAX_TRIES	10

static int fd;
static bool no_data;

/*
 * The device copies what it has into @buffer. Return: false: a page did not
 * move, as somebody had it just now.
 */
static bool try_command(unsigned long request, char *addr, uint64_t size, char *buffer)
{
	struct mirror_cmd cmd = {
		.addr = (uintptr_t)addr,
		.ptr = (uintptr_t)buffer,
		.npages = size / PAGE,
	};

	if (ioctl(fd, request, &cmd)) {
		if (errno == ENOENT)
			return false;
		die("ioctl %#lx: %s", request & 0xff, strerror(errno));
	}
	/* On the way back the kernel's device counts a huge page as one. */
	if (request != MIRROR_MIGRATE_TO_SYS && cmd.cpages != cmd.npages)
		die("ioctl %#lx: %lu of %lu pages", request & 0xff, cmd.cpages, cmd.npages);
	return true;
}

static void command(unsigned long request, char *addr, uint64_t size, char *buffer)
{
	if (!try_command(request, addr, size, buffer))
		die("ioctl %#lx: %s", request & 0xff, strerror(ENOENT));
}

static void migrate(uint64_t mib, bool huge)
{
	uint64_t size = mib * MiB, pages = size / PAGE;
	char *mem = map_anonymous(size, huge), *buffer = map_anonymous(size, huge);
	uint64_t wall[3], cpu[3];
	char name[64];

	memset(mem, 1, size);
	memset(buffer, 2, size);
	for (int tries = 0; ; tries++) {
		wall[0] = now();
		cpu[0] = cpu_time();
		if (try_command(MIRROR_MIGRATE_TO_DEV, mem, size, buffer))
			break;
		if (tries == MAX_TRIES)
			die("pages do not move to the device");
		command(MIRROR_MIGRATE_TO_SYS, mem, size, buffer);
	}
	wall[1] = now();
	cpu[1] = cpu_time();
	command(MIRROR_MIGRATE_TO_SYS, mem, size, buffer);
	wall[2] = now();
	cpu[2] = cpu_time();
	/* Where nobody copies (nocopy.h) the pages are as they were allocated. */
	for (uint64_t i = 0; i < size && !no_data; i += PAGE)
		if (mem[i] != 1)
			die("wrong data at %#lx", i);

	for (int back = 0; back < 2; back++) {
		snprintf(name, sizeof(name), "migrate_%s_%s_%lum", back ? "to_ram" : "to_vram",
			 huge ? "2m" : "4k", mib);
		result(name, size / (double)(wall[back + 1] - wall[back]));
		snprintf(name, sizeof(name), "cpu_%s_%s_%lum", back ? "to_ram" : "to_vram",
			 huge ? "2m" : "4k", mib);
		result(name, (cpu[back + 1] - cpu[back]) / (double)pages);
	}
	munmap(mem, size);
	munmap(buffer, size);
}

/* The device reads what is in system memory: fault and map. */
static void fault_and_map(uint64_t mib, bool huge)
{
	uint64_t size = mib * MiB, start;
	char *mem = map_anonymous(size, huge), *buffer = map_anonymous(size, huge);

	memset(mem, 1, size);
	memset(buffer, 2, size);
	start = cpu_time();
	command(MIRROR_READ, mem, size, buffer);
	result(huge ? "cpu_map_2m" : "cpu_map_4k", (cpu_time() - start) / (double)(size / PAGE));
	munmap(mem, size);
	munmap(buffer, size);
}

int main(int argc, char **argv)
{
	static const uint64_t sizes[] = { 2, 16, 256 };

	no_data = argc == 3 && !strcmp(argv[1], "--no-data");
	if (argc != 2 + no_data)
		die("usage: mirror_bench [--no-data] DEVICE");
	fd = open(argv[argc - 1], O_RDWR);
	if (fd < 0)
		die("%s: %s", argv[argc - 1], strerror(errno));
	for (int huge = 0; huge < 2; huge++) {
		for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++)
			migrate(sizes[i], huge);
		fault_and_map(16, huge);
	}
	return 0;
}
