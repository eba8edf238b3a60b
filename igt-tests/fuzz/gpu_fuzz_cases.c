// SPDX-License-Identifier: MIT
/*
 * Kinds of cases: random packets, code, kernel descriptors and arguments. Most of each is right, so that
 * it gets far.
 */
#include "gpu_fuzz.h"

#include <string.h>

#include "gpu_program.h"

uint64_t fuzz_random(struct fuzz *f)
{
	uint64_t z = f->random += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

uint64_t fuzz_below(struct fuzz *f, uint64_t n)
{
	return fuzz_random(f) % n;
}

uint64_t fuzz_value(struct fuzz *f)
{
	uint64_t r = fuzz_random(f);

	switch (fuzz_below(f, 6)) {
	case 0:
		return r & 7;
	case 1:
		return (1ull << (r & 63)) + (r >> 8 & 3) - 1;
	case 2:
		return -(r & 7);
	case 3:
		return r >> 48;
	case 4:
		return r >> 32;
	default:
		return r;
	}
}

uint64_t fuzz_address(struct fuzz *f)
{
	uint64_t r = fuzz_random(f), offset = fuzz_random(f);

	/* Half of them aligned. */
	if (r & 1)
		offset &= ~63ull;
	switch (r >> 8 & 15) {
	case 0:
		return f->code_addr + offset % (2 * FUZZ_CODE);
	case 1:
		return f->fence_addr + offset % (2 * PAGE_SIZE);
	case 2:		/* local memory */
		return COLIBRI_LOCAL_BASE + offset % (1 << (r >> 16 & 31));
	case 3:		/* private memory, of some lane */
		return COLIBRI_PRIVATE_BASE + (offset & 0x3f0000ffff);
	case 4:
		return COLIBRI_STACK_BASE + offset % 8192;
	case 5:		/* rings and control blocks */
		return (1ull << COLIBRI_VA_BITS) - 1 - offset % ((uint64_t)COLIBRI_MAX_CONTEXTS << 24);
	case 6:
		return (1ull << (r >> 16 & 63)) - (offset & 127);
	case 7:		/* the process, if it is mirrored */
		return (uintptr_t)f->data.map + offset % FUZZ_DATA;
	case 8:
		return offset;
	default:
		return f->data_addr + offset % (FUZZ_DATA + PAGE_SIZE);
	}
}

void fuzz_push(struct fuzz *f, union colibri_packet packet)
{
	if (f->count < ARRAY_SIZE(f->packets) - 1)
		f->packets[f->count++] = packet;
}

/* Where code.map has room for data. */
static uint64_t spare(struct fuzz *f, size_t size, void **map)
{
	uint64_t offset = FUZZ_CODE - PAGE_SIZE + fuzz_below(f, (PAGE_SIZE - size) / 64) * 64;

	*map = (char *)f->code.map + offset;
	return f->code_addr + offset;
}

static const char *const kernel_names[] = {
	"ramp_write", "ramp_add", "ramp_check", "copy_bytes", "spread_add", "walk_add", "spread_read",
	"scalar_read", "scalar_write", "jump", "illegal", "loop_add", "list_walk", "atomic_add32",
	"atomic_add64", "amo_add32", "amo_add64", "atomic_ops32", "item_ids", "group_reverse",
	"private_sum", "keep_state",
};

void fuzz_dispatch(struct fuzz *f, const char *name)
{
	uint64_t *args, addr = spare(f, 128, (void **)&args);
	static const uint16_t sizes[] = { 1, 63, 64, 65, 128, 256, 1024 };
	uint16_t wg_size = sizes[fuzz_below(f, ARRAY_SIZE(sizes))];

	for (unsigned int i = 0; i < 16; i++)
		args[i] = fuzz_below(f, 3) ? fuzz_address(f) : fuzz_value(f);
	fuzz_push(f, colibri_packet_dispatch(f->code_addr + gpu_program_kernel(name), addr,
					     wg_size * (1 + fuzz_below(f, 8)), wg_size));
}

void fuzz_dispatch_any(struct fuzz *f)
{
	fuzz_dispatch(f, kernel_names[fuzz_below(f, ARRAY_SIZE(kernel_names))]);
}

/* ---- Packets -----------------------------------------------------------------------------*/

/* One that makes sense, but for its addresses. */
static union colibri_packet sensible_packet(struct fuzz *f)
{
	switch (fuzz_below(f, 6)) {
	case 0:
		return colibri_packet_copy(fuzz_address(f), fuzz_address(f),
					   fuzz_below(f, FUZZ_DATA));
	case 1:
		return colibri_packet_fill(fuzz_address(f), fuzz_below(f, FUZZ_DATA) & ~3ull,
					   fuzz_random(f));
	case 2:
		return colibri_packet_fence(fuzz_address(f) & ~7ull, fuzz_value(f));
	case 3:
		return colibri_packet_wait(fuzz_address(f) & ~7ull, fuzz_below(f, 3), 0);
	case 4:
		return colibri_packet_timestamp(fuzz_address(f) & ~7ull);
	default: {
		union colibri_packet packet = colibri_packet_vendor(0);

		packet.bytes[0] = fuzz_below(f, 2) ? COLIBRI_PKT_BARRIER_AND : COLIBRI_PKT_BARRIER_OR;
		packet.bytes[1] = fuzz_random(f);
		for (unsigned int i = 0; i < 5; i++) {
			uint64_t addr = fuzz_below(f, 2) ? 0 : fuzz_address(f) & ~7ull;

			memcpy(packet.bytes + 8 + 8 * i, &addr, sizeof(addr));
		}
		return packet;
	}
	}
}

static void break_packet(struct fuzz *f, union colibri_packet *packet)
{
	uint64_t value = fuzz_below(f, 2) ? fuzz_address(f) : fuzz_value(f);
	unsigned int size = 1 << fuzz_below(f, 4);

	memcpy(packet->bytes + fuzz_below(f, COLIBRI_PACKET_SIZE / size) * size, &value, size);
}

static void make_packets(struct fuzz *f)
{
	unsigned int count = 1 + fuzz_below(f, 24);

	for (unsigned int i = 0; i < count; i++) {
		unsigned int before = f->count;

		if (fuzz_below(f, 3))
			fuzz_push(f, sensible_packet(f));
		else
			fuzz_dispatch_any(f);
		if (f->count > before && !fuzz_below(f, 3))
			break_packet(f, &f->packets[f->count - 1]);
	}
}

/* ---- Code --------------------------------------------------------------------------------*/

/* An instruction that is one more often than random bits are. */
static uint32_t random_insn(struct fuzz *f)
{
	/* LOAD, LOAD-FP, custom-0, MISC-MEM, OP-IMM, AUIPC, OP-IMM-32, STORE, STORE-FP, AMO, OP, LUI, ... */
	static const uint8_t opcodes[] = {
		0x03, 0x07, 0x0b, 0x0f, 0x13, 0x17, 0x1b, 0x23, 0x27, 0x2f, 0x33, 0x37, 0x3b, 0x43,
		0x47, 0x4b, 0x4f, 0x53, 0x57, 0x57, 0x57, 0x57, 0x63, 0x67, 0x6f, 0x73,
	};
	uint32_t r = fuzz_random(f);

	switch (fuzz_below(f, 10)) {
	case 0:
		return r;
	case 1:		/* two of 16 bits */
		return r & ~0x00010001u;
	case 2:		/* vsetvli */
		return (r & 0x000f8f80) | (fuzz_random(f) & 0xff) << 20 | 0x7057;
	case 3:		/* a vector access by a register that holds an address */
		return (r & 0xfe0ff000u & ~0x10000000u) | 10 << 15 | (r & 0xf80) |
		       (fuzz_below(f, 2) ? 0x07 : 0x27);
	default:
		return (r & ~0x7fu) | opcodes[fuzz_below(f, ARRAY_SIZE(opcodes))];
	}
}

static uint64_t put_descriptor(struct fuzz *f, uint64_t entry)
{
	struct colibri_kernel_desc *desc;
	uint64_t addr = spare(f, sizeof(*desc), (void **)&desc);

	memset(desc, 0, sizeof(*desc));
	desc->entry = entry;
	desc->stack_size = 256 << fuzz_below(f, 8);
	return addr;
}

static void push_dispatch(struct fuzz *f, uint64_t desc)
{
	union colibri_packet packet = colibri_packet_dispatch(desc, f->data_addr,
							      64 * (1 + fuzz_below(f, 4)), 64);
	struct colibri_pkt_dispatch dispatch;

	memcpy(&dispatch, &packet, sizeof(dispatch));
	dispatch.private_size = fuzz_below(f, 1024);
	dispatch.group_size = fuzz_below(f, 4096);
	memcpy(&packet, &dispatch, sizeof(dispatch));
	fuzz_push(f, packet);
}

/* Random instructions, with registers full of addresses. */
static void make_code(struct fuzz *f)
{
	/* ld xN, 8 * N(a0), for all but a0 */
	uint32_t *code = (uint32_t *)f->code.map + fuzz_below(f, 1024);
	uint32_t *start = code;
	uint64_t *args = (uint64_t *)f->data.map;
	unsigned int count = 8 + fuzz_below(f, 512);

	for (unsigned int reg = 1; reg < 32; reg++) {
		args[reg] = fuzz_below(f, 2) ? fuzz_address(f) : fuzz_value(f);
		if (reg != 10)
			*code++ = reg * 8 << 20 | 10 << 15 | 3 << 12 | reg << 7 | 0x03;
	}
	for (unsigned int i = 0; i < count; i++)
		*code++ = random_insn(f);
	*code++ = COLIBRI_INSN_OPCODE;	/* ENDW */
	push_dispatch(f, put_descriptor(f, f->code_addr + (start - (uint32_t *)f->code.map) * 4));
}

/* The test kernels, with some instructions changed. */
static void make_mutants(struct fuzz *f)
{
	uint8_t *code = f->code.map;

	for (unsigned int n = 1 + fuzz_below(f, 64); n; n--) {
		uint64_t at = fuzz_below(f, 6 * KiB) & ~1ull;
		uint32_t insn = random_insn(f);

		if (fuzz_below(f, 2))
			code[at + fuzz_below(f, 4)] ^= 1 << fuzz_below(f, 8);
		else
			memcpy(code + at, &insn, sizeof(insn));
	}
	for (unsigned int n = 1 + fuzz_below(f, 4); n; n--)
		fuzz_dispatch_any(f);
}

/* ---- Descriptors and arguments -----------------------------------------------------------*/

static void make_descriptors(struct fuzz *f)
{
	for (unsigned int n = 1 + fuzz_below(f, 4); n; n--) {
		struct colibri_kernel_desc *desc;
		uint64_t addr = spare(f, sizeof(*desc), (void **)&desc);

		desc->entry = fuzz_below(f, 2) ? fuzz_address(f) :
			      f->code_addr + gpu_program_entry(kernel_names[fuzz_below(f, 8)]);
		desc->stack_size = fuzz_below(f, 2) ? 4096 : fuzz_value(f);
		desc->flags = fuzz_below(f, 4) ? 0 : fuzz_value(f);
		memset(desc->reserved, fuzz_below(f, 4) ? 0 : 1, sizeof(desc->reserved));
		push_dispatch(f, fuzz_below(f, 8) ? addr : fuzz_address(f));
	}
}

static void make_arguments(struct fuzz *f)
{
	for (unsigned int n = 1 + fuzz_below(f, 8); n; n--)
		fuzz_dispatch_any(f);
}

const struct fuzz_kind fuzz_kinds[] = {
	{ "packets", make_packets },
	{ "code", make_code },
	{ "mutants", make_mutants },
	{ "descriptors", make_descriptors },
	{ "arguments", make_arguments },
	{ "tables", fuzz_make_tables },
};
const unsigned int fuzz_num_kinds = ARRAY_SIZE(fuzz_kinds);
