// SPDX-License-Identifier: MIT
/*
 * How long it takes from the doorbell of a queue of the process's own until the fence behind it
 * is in guest memory, and what one trapped access to a register takes, as JSON. The median
 * of many, in nanoseconds.
 *
 * Runs as root in a guest whose kernel has iomem=relaxed: it maps the device's registers.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include <libcolibri_drm.h>

#define ROUNDS 501
#define RING 64
#define REGISTERS 4096
#define TIMEOUT_NS 10000000000ull

static void need(int ret, const char *what)
{
	if (ret >= 0)
		return;
	fprintf(stderr, "doorbell_bench: %s: %s\n", what, strerror(-ret));
	exit(1);
}

static uint64_t now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ull + ts.tv_nsec;
}

static int compare(const void *a, const void *b)
{
	const uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;

	return (left > right) - (left < right);
}

static uint64_t median(uint64_t *times)
{
	qsort(times, ROUNDS, sizeof(*times), compare);
	return times[ROUNDS / 2];
}

static uint64_t measure_fences(const struct colibri_device *dev)
{
	const uint64_t addr = dev->info.va_zone_start;
	uint64_t times[ROUNDS];
	struct colibri_ring ring;
	struct colibri_bo bo;
	uint32_t vm;

	need(colibri_vm_create(dev, &vm), "VM");
	need(colibri_bo_create(dev, 4096, DRM_COLIBRI_GEM_SYSTEM, 0, &bo), "buffer");
	need(colibri_vm_map(dev, vm, &bo, addr, 0), "binding");
	need(colibri_ring_create(dev, vm, 0, RING, &ring), "queue");
	for (uint64_t i = 0; i < ROUNDS; i++) {
		union colibri_packet packet = colibri_packet_fence(addr, i + 1);
		volatile uint64_t *word = bo.map;
		uint64_t start;

		packet.fence.flags = 0;	/* nobody waits for an interrupt */
		start = now();
		need(colibri_ring_submit(&ring, &packet, 1), "submission");
		while (*word != i + 1)
			if (now() - start > TIMEOUT_NS)
				need(-ETIMEDOUT, "fence");
		times[i] = now() - start;
	}
	need(colibri_ring_destroy(dev, &ring), "end of the queue");
	colibri_bo_destroy(dev, &bo);
	return median(times);
}

static uint64_t measure_registers(const struct colibri_node *node)
{
	volatile uint32_t *registers;
	uint64_t times[ROUNDS];
	char path[96];
	int fd;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%04x:%02x:%02x.%x/resource0",
		 node->pci_domain, node->pci_bus, node->pci_device, node->pci_function);
	fd = open(path, O_RDWR | O_SYNC);
	if (fd < 0)
		need(-errno, path);
	registers = mmap(NULL, REGISTERS, PROT_READ, MAP_SHARED, fd, 0);
	if (registers == MAP_FAILED)
		need(-errno, "registers (the kernel needs iomem=relaxed)");
	for (unsigned int i = 0; i < ROUNDS; i++) {
		uint64_t start = now();

		if (registers[COLIBRI_REG_ID / 4] != COLIBRI_ID_MAGIC)
			need(-EIO, "identity register");
		times[i] = now() - start;
	}
	return median(times);
}

int main(void)
{
	struct colibri_device dev;
	struct colibri_node node;

	if (colibri_enumerate(&node, 1) < 1)
		need(-ENODEV, "device");
	need(colibri_device_open(&dev, 0), "device");
	printf("{\"doorbell_ns\": %llu, \"mmio_ns\": %llu}\n",
	       (unsigned long long)measure_fences(&dev), (unsigned long long)measure_registers(&node));
	colibri_device_close(&dev);
	return 0;
}
