// SPDX-License-Identifier: MIT
/*
 * What is submitted: packets for buffers, kernels and memory as op_context() lays them
 * out, so that most do work; some with a field that is wrong.
 */
#include <string.h>

#include "fuzz.h"
#include "gpu_program.h"
#include "kernels.h"

static uint64_t zone(const struct thread *thread, uint64_t offset)
{
	return thread->process->info.info.va_zone_start + offset;
}

/* An address for the GPU to read or write. */
static uint64_t gpu_addr(struct thread *thread)
{
	uint32_t number = rng_next(&thread->rng);

	switch (number & 31) {
	case 0:
		return value_bad(thread, number, zone(thread, CONTEXT_SHARED));
	case 1:
		return zone(thread, CONTEXT_FREE + (number >> 8) % 1024 * PAGE_SIZE);
	case 2:
		return zone(thread, CONTEXT_CODE);
	case 3:
	case 4:
		return zone(thread, CONTEXT_FENCE + (number >> 8) % 64 * 8);
	default:
		if (number >> 31)
			return value_user_addr(thread, number) + (number >> 10) % 512 * 8;
		return zone(thread, CONTEXT_SHARED + PAGE_SIZE +
			    (number >> 8) % (CONTEXT_SHARED_SIZE / 2 / 64) * 64);
	}
}

/* Arguments lie in the shared buffer; another thread may write its own over them. */
static uint64_t put_args(struct thread *thread, const void *args, size_t size)
{
	uint64_t offset = CONTEXT_SHARED_SIZE / 2 + rng_below(&thread->rng, 256) * 64;
	uintptr_t word = thread->process->mappings[thread->file - thread->process->files].word;

	if (!word)
		return gpu_addr(thread);
	guarded_copy(thread, mapping_addr(word) + offset, args, size);
	return zone(thread, CONTEXT_SHARED + offset);
}

static union colibri_packet kernel(struct thread *thread, const char *name, const void *args,
				   size_t size, uint32_t items)
{
	return colibri_packet_dispatch(zone(thread, CONTEXT_CODE) + gpu_program_kernel(name),
				       put_args(thread, args, size), items, COLIBRI_WAVE_LANES);
}

static union colibri_packet ramp(struct thread *thread)
{
	struct ramp_args args = {
		.words = gpu_addr(thread),
		.count = 1 + rng_below(&thread->rng, 4096),
		.per_wave = 1024,
		.bad = gpu_addr(thread),
	};
	static const char *const names[] = { "ramp_write", "ramp_add", "ramp_check" };

	return kernel(thread, names[rng_below(&thread->rng, 3)], &args, sizeof(args),
		      COLIBRI_WAVE_LANES * (1 + rng_below(&thread->rng, 4)));
}

static union colibri_packet scalar(struct thread *thread)
{
	struct scalar_args args = {
		.addr = gpu_addr(thread),
		.value = rng_next(&thread->rng),
		.out = gpu_addr(thread),
	};
	uint32_t number = rng_below(&thread->rng, 64);

	if (number == 0)
		return kernel(thread, "illegal", &args, sizeof(args), 64);
	if (number == 1)
		return kernel(thread, "jump", &args, sizeof(args), 64);
	return kernel(thread, number & 1 ? "scalar_write" : "scalar_read", &args, sizeof(args), 64);
}

static union colibri_packet atomics(struct thread *thread)
{
	struct atomic_args args = {
		.addr = gpu_addr(thread),
		.rounds = 1 + rng_below(&thread->rng, 4),
		.old = gpu_addr(thread),
	};
	static const char *const names[] = { "atomic_add32", "atomic_add64", "amo_add32" };

	return kernel(thread, names[rng_below(&thread->rng, 3)], &args, sizeof(args), 64);
}

/* One that nobody ends: it goes round until its queue does. */
static union colibri_packet endless(struct thread *thread)
{
	struct loop_args args = {
		.addr = gpu_addr(thread),
		.mail = zone(thread, CONTEXT_SHARED),
	};

	return kernel(thread, "loop_add", &args, sizeof(args), 64);
}

static union colibri_packet barrier(struct thread *thread)
{
	union colibri_packet packet = { .bytes = { 0 } };
	bool all = rng_below(&thread->rng, 2);

	packet.barrier.header = (all ? COLIBRI_PKT_BARRIER_AND : COLIBRI_PKT_BARRIER_OR) |
				COLIBRI_PKT_BARRIER_BIT;
	if (rng_below(&thread->rng, 4) == 0)
		packet.barrier.dep_signal[0] = gpu_addr(thread) & ~7ull;
	return packet;
}

static union colibri_packet any(struct thread *thread)
{
	union colibri_packet packet;

	for (unsigned int i = 0; i < sizeof(packet) / 8; i++) {
		uint64_t value = rng_next(&thread->rng);

		memcpy(&packet.bytes[i * 8], &value, sizeof(value));
	}
	if (rng_below(&thread->rng, 2)) {
		packet.copy.header = COLIBRI_PKT_VENDOR;
		packet.copy.op %= COLIBRI_OP_ICACHE_INV + 2;
	}
	return packet;
}

static union colibri_packet random_packet(struct thread *thread)
{
	uint64_t size = 8 * (1 + rng_below(&thread->rng, 512));

	switch (rng_below(&thread->rng, 64)) {
	case 0:
		return any(thread);
	case 1:
		return endless(thread);
	case 2:
		return colibri_packet_wait(gpu_addr(thread) & ~7ull, COLIBRI_WAIT_GE, 0);
	case 3:
		return colibri_packet_wait(gpu_addr(thread) & ~7ull, COLIBRI_WAIT_EQ, 12345);
	case 4 ... 6:
		return barrier(thread);
	case 7 ... 9:
		return colibri_packet_timestamp(gpu_addr(thread) & ~7ull);
	case 10 ... 11:
		return colibri_packet_vendor(COLIBRI_OP_ICACHE_INV);
	case 12 ... 19:
		return colibri_packet_copy(gpu_addr(thread), gpu_addr(thread), size);
	case 20 ... 25:
		return colibri_packet_fill(gpu_addr(thread), size, 0xa5a5a5a5);
	case 26 ... 29:
		return colibri_packet_fence(zone(thread, CONTEXT_FENCE +
						 rng_below(&thread->rng, 64) * 8),
					    rng_below(&thread->rng, 16));
	case 34 ... 43:
		return ramp(thread);
	case 44 ... 49:
		return atomics(thread);
	case 50 ... 57:
		return scalar(thread);
	default:
		return colibri_packet_vendor(COLIBRI_OP_NOP);
	}
}

void packets_fill(struct thread *thread, union colibri_packet *packets, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		packets[i] = random_packet(thread);
		if (rng_below(&thread->rng, 64) == 0)
			packets[i].bytes[rng_below(&thread->rng, COLIBRI_PACKET_SIZE)] ^=
				1u << rng_below(&thread->rng, 8);
	}
}
