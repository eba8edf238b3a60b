// SPDX-License-Identifier: MIT
/*
 * Dumps in /sys/class/devcoredump: what a person needs to know of a queue that was banned and
 * of a device that was lost; and the event that tells of the latter.
 */
#include <errno.h>
#include <sys/mman.h>

#include "dumps.h"
#include "gpu_power.h"
#include "kernel_log.h"

IGT_TEST_DESCRIPTION("Dumps of queues and of the device");

static void queue_fault(struct gpu *gpu)
{
	const uintptr_t hole = (uintptr_t)map_anonymous(3 * PAGE_SIZE, PAGE_SIZE);
	struct drm_colibri_queue_state state;
	char *dump;

	dump_drop_all();
	igt_assert_eq(munmap((void *)(hole + PAGE_SIZE), PAGE_SIZE), 0);
	gpu_read_word(gpu, (void *)(hole + PAGE_SIZE + 64));
	state = gpu_expect_ban(gpu, COLIBRI_QERR_FAULT);
	dump = dump_take();
	dump_expect_header(dump, "queue-fault");
	dump_expect(dump, "\nerror: %u\nreason: %u\n", COLIBRI_QERR_FAULT, EFAULT);
	dump_expect(dump, "\nfault_addr: %#llx\n", (unsigned long long)state.fault_addr);
	dump_expect(dump, "\nfault_pc: %#llx\n", (unsigned long long)state.fault_pc);
	dump_expect(dump, "**** Page table walk of %#llx ****\nL5[", (unsigned long long)state.fault_addr);
	dump_expect(dump, "\npacket 0: 02");
	dump_expect(dump, "\nID: %#x\n", COLIBRI_ID_MAGIC);
	dump_expect(dump, "**** Last fault records ****\nasid ");
	dump_expect(dump, "\nmirror: yes\n");
	free(dump);
}

static void queue_error(struct gpu *gpu)
{
	union colibri_packet bad = colibri_packet_dispatch(gpu->code_addr + 1, 0, 64, 64);
	char *dump;

	dump_drop_all();
	gpu_submit(gpu, &bad, 1);
	gpu_expect_ban(gpu, COLIBRI_QERR_BAD_PACKET);
	dump = dump_take();
	dump_expect_header(dump, "queue-error");
	dump_expect(dump, "\nerror: %u\n", COLIBRI_QERR_BAD_PACKET);
	free(dump);
}

/* The first of several is kept. */
static void first_kept(struct gpu *gpu)
{
	union colibri_packet bad = colibri_packet_dispatch(gpu->code_addr + 1, 0, 64, 64);
	char *dump, path[512];

	dump_drop_all();
	gpu_submit(gpu, &bad, 1);
	gpu_expect_ban(gpu, COLIBRI_QERR_BAD_PACKET);
	while (!dump_find(path, sizeof(path)))
		cpu_pause();
	gpu_new_queue(gpu);
	gpu_read_word(gpu, (void *)PAGE_SIZE);
	gpu_expect_ban(gpu, COLIBRI_QERR_FAULT);
	dump = dump_take();
	dump_expect_header(dump, "queue-error");
	free(dump);
	dump_drop_all();
}

static void device_lost(struct gpu *gpu)
{
	int events = uevents_open();
	char *dump, *slot;

	gpu_power_require();
	slot = gpu_slot(gpu);
	dump_drop_all();
	kernel_log_expect("device lost: ");
	gpu_power("kill", "");
	uevents_expect(events, "WEDGED=rebind,bus-reset");
	gpu_wait_lost(gpu, 5);
	dump = dump_take();
	dump_expect_header(dump, "device-lost");
	dump_expect(dump, "\ncause: ");
	dump_expect(dump, "**** Status page ****");
	dump_expect(dump, "**** VM ****\nasid: ");
	gpu_replace_lost(gpu, slot);
	close(events);
	free(dump);
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
