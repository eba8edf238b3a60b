// SPDX-License-Identifier: MIT
/*
 * Shared virtual memory on the GPU, by the uAPI of colibri_drm.h:
 *
 *   gpu_bench TEST...
 *
 * The kernels are those of the IGT tests (igt-tests/gpu/kernels.h). Each test
 * checks what it has moved.
 */
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"
#include "libcolibri_drm.h"
#include "gpu_program.h"
#include "kernels.h"

#define RING		64
#define TIMEOUT_S	120
#define PER_WAVE	(64 * KiB / 4)	/* words */

static struct {
	struct colibri_device dev;
	uint32_t vm, queue;
	struct colibri_bo code, args, fence;
	uint64_t code_addr, args_addr, fence_addr;
	uint64_t next_addr;
	uint64_t seqno;
} gpu;

/* ---- The GPU --------------------------------------------------------------*/

static uint64_t bind_bo(struct colibri_bo *bo, uint64_t size, uint32_t placement,
			uint32_t gem_flags, uint32_t bind_flags)
{
	uint64_t addr = gpu.next_addr;

	must(colibri_bo_create(&gpu.dev, size, placement, gem_flags, bo), "buffer");
	must(colibri_vm_map(&gpu.dev, gpu.vm, bo, addr, bind_flags), "bind");
	gpu.next_addr += (bo->size + BLOCK - 1) & ~(BLOCK - 1);
	return addr;
}

static void gpu_start(void)
{
	memset(&gpu, 0, sizeof(gpu));
	must(colibri_device_open(&gpu.dev, 0), "Colibri device");
	gpu.next_addr = gpu.dev.info.va_zone_start;
	must(colibri_vm_create(&gpu.dev, &gpu.vm), "VM");
	must(colibri_queue_create(&gpu.dev, gpu.vm, 1, RING, &gpu.queue), "queue");
	gpu.code_addr = bind_bo(&gpu.code, gpu_program_size(), DRM_COLIBRI_GEM_SYSTEM, 0,
				DRM_COLIBRI_VM_BIND_READONLY | DRM_COLIBRI_VM_BIND_EXEC);
	gpu_program_load(gpu.code.map, gpu.code_addr);
	gpu.args_addr = bind_bo(&gpu.args, 64 * KiB, DRM_COLIBRI_GEM_SYSTEM, 0, 0);
	gpu.fence_addr = bind_bo(&gpu.fence, PAGE, DRM_COLIBRI_GEM_SYSTEM, DRM_COLIBRI_GEM_FENCE, 0);
	must(colibri_vm_mirror(&gpu.dev, gpu.vm), "mirror");
}

static void gpu_stop(void)
{
	must(colibri_queue_destroy(&gpu.dev, gpu.queue), "queue");
	must(colibri_vm_destroy(&gpu.dev, gpu.vm), "VM");
	colibri_bo_destroy(&gpu.dev, &gpu.fence);
	colibri_bo_destroy(&gpu.dev, &gpu.args);
	colibri_bo_destroy(&gpu.dev, &gpu.code);
	colibri_device_close(&gpu.dev);
}

static void run_packet(union colibri_packet packet)
{
	union colibri_packet list[2] = {
		packet, colibri_packet_fence(gpu.fence_addr, ++gpu.seqno),
	};

	must(colibri_queue_submit(&gpu.dev, gpu.queue, list, 2), "submit");
	must(colibri_fence_wait(&gpu.dev, &gpu.fence, 0, DRM_COLIBRI_WAIT_GE, gpu.seqno, gpu.queue,
				TIMEOUT_S * 1000000000ll), "wait");
}

/* Runs one wave per work-group. */
static void run_kernel(const char *name, const void *args, size_t size, uint32_t waves)
{
	uint64_t offset = gpu_program_kernel(name);

	if (!offset)
		die("no kernel %s", name);
	memcpy(gpu.args.map, args, size);
	run_packet(colibri_packet_dispatch(gpu.code_addr + offset, gpu.args_addr,
					   waves * COLIBRI_WAVE_LANES, COLIBRI_WAVE_LANES));
}

/* Adds 1 to each word: reads and writes everything once. */
static void stream(uint64_t addr, uint64_t size)
{
	struct ramp_args args = {
		.words = addr,
		.count = size / 4,
		.value = 1,
		.per_wave = PER_WAVE,
	};

	run_kernel("ramp_add", &args, sizeof(args), (args.count + PER_WAVE - 1) / PER_WAVE);
}

static void copy(uint64_t dst, uint64_t src, uint64_t size)
{
	union colibri_packet packet = colibri_packet_vendor(COLIBRI_OP_COPY);

	packet.copy.dst = dst;
	packet.copy.src = src;
	packet.copy.size = size;
	run_packet(packet);
}

static void prefetch(const void *mem, uint64_t size, uint32_t location)
{
	must(colibri_svm_prefetch(&gpu.dev, gpu.vm, mem, size, location), "prefetch");
}

/* ---- Memory ---------------------------------------------------------------*/

static void fill(uint32_t *words, uint64_t size, uint32_t value)
{
	for (uint64_t i = 0; i < size / 4; i++)
		words[i] = value + i;
}

/* The CPU reads it all: part of what is measured. */
static void consume(const uint32_t *words, uint64_t size, uint32_t value)
{
	uint32_t bad = 0;

	for (uint64_t i = 0; i < size / 4; i++)
		bad |= words[i] ^ (value + (uint32_t)i);
	if (bad)
		die("wrong data");
}

/* One word per page is right. */
static void check_pages(const char *mem, uint64_t size, char value)
{
	for (uint64_t i = 0; i < size; i += PAGE)
		if (mem[i] != value)
			die("wrong data at %#lx", i);
}

/* ---- Tests ----------------------------------------------------------------*/

static void migrate_size(uint64_t mib, bool huge)
{
	const char *kind = huge ? "2m" : "4k";
	uint64_t size = mib * MiB, pages = size / PAGE;
	char *mem = map_anonymous(size, huge);
	uint64_t wall, cpu;
	char name[64];

	memset(mem, 1, size);
	wall = now();
	cpu = cpu_time();
	prefetch(mem, size, DRM_COLIBRI_SVM_LOC_VRAM);
	snprintf(name, sizeof(name), "cpu_to_vram_%s_%lum", kind, mib);
	result(name, (cpu_time() - cpu) / (double)pages);
	snprintf(name, sizeof(name), "migrate_to_vram_%s_%lum", kind, mib);
	result(name, size / (double)(now() - wall));

	wall = now();
	cpu = cpu_time();
	prefetch(mem, size, DRM_COLIBRI_SVM_LOC_SYSTEM);
	snprintf(name, sizeof(name), "cpu_to_ram_%s_%lum", kind, mib);
	result(name, (cpu_time() - cpu) / (double)pages);
	snprintf(name, sizeof(name), "migrate_to_ram_%s_%lum", kind, mib);
	result(name, size / (double)(now() - wall));
	check_pages(mem, size, 1);

	/* Back again by CPU faults. */
	prefetch(mem, size, DRM_COLIBRI_SVM_LOC_VRAM);
	wall = now();
	cpu = cpu_time();
	check_pages(mem, size, 1);
	snprintf(name, sizeof(name), "cpu_fault_back_%s_%lum", kind, mib);
	result(name, (cpu_time() - cpu) / (double)pages);
	snprintf(name, sizeof(name), "fault_back_%s_%lum", kind, mib);
	result(name, size / (double)(now() - wall));
	munmap(mem, size);
}

static void test_migrate(void)
{
	static const uint64_t sizes[] = { 2, 16, 256 };

	for (int huge = 0; huge < 2; huge++)
		for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++)
			migrate_size(sizes[i], huge);
}

/* Memory that stays where it is, of 4 KiB pages and of 2 MiB: fault-and-map alone. */
static void test_map(void)
{
	const uint64_t size = 64 * MiB;
	uint64_t cpu;

	for (int huge = 0; huge < 2; huge++) {
		char *mem = map_anonymous(size, huge);

		memset(mem, 1, size);
		if (mlock(mem, size))
			die("mlock: %s", strerror(errno));
		cpu = cpu_time();
		prefetch(mem, size, DRM_COLIBRI_SVM_LOC_VRAM);
		result(huge ? "cpu_map_2m" : "cpu_map_4k", (cpu_time() - cpu) / (double)(size / PAGE));
		munmap(mem, size);
	}
}

/* A list with a node in each 64 KiB, so each step of the one wave is one fault. */
static void test_latency(void)
{
	const uint64_t nodes = 512, stride = 64 * KiB, size = nodes * stride;
	uint64_t out = gpu.args_addr + 32 * KiB, start, ns;

	for (int in_place = 0; in_place < 2; in_place++) {
		char *mem = map_anonymous(size, false);
		struct list_args args = { .head = (uintptr_t)mem, .add = 1, .sum = out, .nodes = out + 8 };

		for (uint64_t i = 0; i < nodes; i++) {
			struct list_node *node = (void *)(mem + i * stride);

			node->next = i + 1 < nodes ? (void *)(mem + (i + 1) * stride) : NULL;
			node->value = i;
		}
		if (in_place && mlock(mem, size))
			die("mlock: %s", strerror(errno));
		start = now();
		run_kernel("list_walk", &args, sizeof(args), 1);
		ns = now() - start;
		if (((uint64_t *)((char *)gpu.args.map + 32 * KiB))[1] != nodes)
			die("the list has lost nodes");
		result(in_place ? "fault_latency_map_us" : "fault_latency_migrate_us",
		       ns / 1000.0 / nodes);
		munmap(mem, size);
	}
}

/* Many waves, each with a page of its own in a block of its own: faults per second. */
static void test_rate(void)
{
	const uint64_t waves = 128;
	char *mem = map_anonymous(waves * BLOCK, false);
	struct spread_read_args args = {
		.base = (uintptr_t)mem,
		.stride = BLOCK,
		.entered = gpu.args_addr + 16 * KiB,
		.out = gpu.args_addr + 32 * KiB,
	};
	uint64_t start;

	for (uint64_t i = 0; i < waves; i++)
		mem[i * BLOCK] = 1;
	if (mlock(mem, waves * BLOCK))
		die("mlock: %s", strerror(errno));
	start = now();
	run_kernel("spread_read", &args, sizeof(args), waves);
	result("faults_per_s", waves * 1e9 / (now() - start));
	munmap(mem, waves * BLOCK);
}

/* GB/s from data that the CPU has written to results that the CPU has read. */
static void test_stream(void)
{
	const uint64_t size = 64 * MiB;
	struct colibri_bo staging, vram;
	uint64_t staging_addr, vram_addr, start;
	uint32_t *mem;

	staging_addr = bind_bo(&staging, size, DRM_COLIBRI_GEM_SYSTEM, 0, 0);
	vram_addr = bind_bo(&vram, size, DRM_COLIBRI_GEM_VRAM, 0, 0);
	fill(staging.map, size, 5);
	start = now();
	copy(vram_addr, staging_addr, size);
	stream(vram_addr, size);
	copy(staging_addr, vram_addr, size);
	consume(staging.map, size, 6);
	result("stream_explicit", size / (double)(now() - start));
	must(colibri_vm_unmap(&gpu.dev, gpu.vm, vram_addr, vram.size), "unbind");
	must(colibri_vm_unmap(&gpu.dev, gpu.vm, staging_addr, staging.size), "unbind");
	colibri_bo_destroy(&gpu.dev, &vram);
	colibri_bo_destroy(&gpu.dev, &staging);

	for (int ahead = 0; ahead < 2; ahead++) {
		mem = (void *)map_anonymous(size, true);
		fill(mem, size, 7);
		start = now();
		if (ahead)
			prefetch(mem, size, DRM_COLIBRI_SVM_LOC_VRAM);
		stream((uintptr_t)mem, size);
		if (ahead)
			prefetch(mem, size, DRM_COLIBRI_SVM_LOC_SYSTEM);
		consume(mem, size, 8);
		result(ahead ? "stream_prefetch" : "stream_demand", size / (double)(now() - start));
		munmap(mem, size);
	}
}

/* GB/s of the GPU over @size of cold data, which the GPU has to itself. */
static double stream_cold(uint64_t size)
{
	uint32_t *mem = (void *)map_anonymous(size, true);
	uint64_t start, ns;

	fill(mem, size, 1);
	start = now();
	stream((uintptr_t)mem, size);
	ns = now() - start;
	consume(mem, size, 2);
	munmap(mem, size);
	return size / (double)ns;
}

static void test_oversub(void)
{
	uint64_t vram = gpu.dev.info.vram_size / 2 & ~(BLOCK - 1);
	struct colibri_bo other;

	/* Half of the memory is a buffer's, so that less has to be moved. */
	bind_bo(&other, vram, DRM_COLIBRI_GEM_VRAM, 0, 0);
	result("stream_fit", stream_cold(vram / 2 & ~(BLOCK - 1)));
	result("stream_2x", stream_cold(2 * vram));
	result("stream_4x", stream_cold(4 * vram));
	colibri_bo_destroy(&gpu.dev, &other);
}

/* ms to unmap 1 GiB that the GPU has used. */
static void test_munmap(void)
{
	const uint64_t size = 1024 * MiB;
	char *mem = map_anonymous(size, true);
	uint64_t start;

	memset(mem, 1, size);
	stream((uintptr_t)mem, size);
	start = now();
	munmap(mem, size);
	result("munmap_1g_ms", (now() - start) / 1e6);
}

/* ms that a process takes to go, with 128 MiB on the GPU. */
static void test_exit(void)
{
	const uint64_t size = 128 * MiB;
	uint64_t gone, *left = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int status;

	if (!fork()) {
		char *mem = map_anonymous(size, true);

		gpu_start();
		memset(mem, 1, size);
		prefetch(mem, size, DRM_COLIBRI_SVM_LOC_VRAM);
		*left = now();
		_exit(0);
	}
	wait(&status);
	gone = now();
	if (status)
		die("the child failed");
	result("exit_ms", (gone - *left) / 1e6);
}

/* What takes milliseconds is at the mercy of the other CPU: it wants more values for a median. */
static const struct {
	const char *name;
	void (*run)(void);
	unsigned int times;
} tests[] = {
	{ "migrate", test_migrate, 1 },
	{ "map", test_map, 1 },
	{ "latency", test_latency, 5 },
	{ "rate", test_rate, 1 },
	{ "stream", test_stream, 1 },
	{ "oversub", test_oversub, 1 },
	{ "munmap", test_munmap, 5 },
	{ "exit", test_exit, 5 },
};

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		size_t t = 0;

		while (t < sizeof(tests) / sizeof(*tests) && strcmp(tests[t].name, argv[i]))
			t++;
		if (t == sizeof(tests) / sizeof(*tests))
			die("gpu_bench: no test '%s'", argv[i]);
		for (unsigned int n = 0; n < tests[t].times; n++) {
			gpu_start();
			tests[t].run();
			gpu_stop();
		}
	}
	return 0;
}
