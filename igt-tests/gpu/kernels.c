// SPDX-License-Identifier: MIT
/*
 * The GPU code of the tests, compiled for RV64GCV and embedded as an ELF file.
 * kernels.h says what each kernel does with its arguments.
 *
 * The code is position independent: it has no data, and the tests load it
 * where they like.
 */
#include <stdint.h>

#include "kernels.h"
#include "wave.h"

/* Words of wave w: [w * per_wave, (w + 1) * per_wave), cut at count. */
static inline void wave_words(const struct ramp_args *a, uint32_t *first, uint32_t *end)
{
	*first = wave_index() * a->per_wave;
	*end = *first + a->per_wave;
	if (*end > a->count)
		*end = a->count;
}

static inline vuint32m1_t ramp(uint32_t value, unsigned long vl)
{
	return __riscv_vadd_vx_u32m1(__riscv_vid_v_u32m1(vl), value, vl);
}

KERNEL(ramp_write, struct ramp_args)
{
	uint32_t *words = (uint32_t *)a->words;
	uint32_t i, end;

	wave_words(a, &i, &end);
	for (unsigned long vl; i < end; i += vl) {
		vl = __riscv_vsetvl_e32m1(end - i);
		__riscv_vse32_v_u32m1(words + i, ramp(a->value + i, vl), vl);
	}
}

KERNEL(ramp_add, struct ramp_args)
{
	uint32_t *words = (uint32_t *)a->words;
	uint32_t i, end;

	wave_words(a, &i, &end);
	for (unsigned long vl; i < end; i += vl) {
		vuint32m1_t v;

		vl = __riscv_vsetvl_e32m1(end - i);
		v = __riscv_vle32_v_u32m1(words + i, vl);
		__riscv_vse32_v_u32m1(words + i, __riscv_vadd_vx_u32m1(v, a->value, vl), vl);
	}
}

KERNEL(ramp_check, struct ramp_args)
{
	const uint32_t *words = (const uint32_t *)a->words;
	uint32_t *bad = (uint32_t *)a->bad;
	uint32_t count = 0;
	uint32_t i, end;

	wave_words(a, &i, &end);
	for (unsigned long vl; i < end; i += vl) {
		vbool32_t differs;

		vl = __riscv_vsetvl_e32m1(end - i);
		differs = __riscv_vmsne_vv_u32m1_b32(__riscv_vle32_v_u32m1(words + i, vl),
						     ramp(a->value + i, vl), vl);
		count += __riscv_vcpop_m_b32(differs, vl);
	}
	bad[wave_index()] = count;
}

KERNEL(copy_bytes, struct copy_args)
{
	unsigned long first = wave_index() * LANES;
	unsigned long words = (a->count - first) / 4;

	if (words > LANES / 4)
		words = LANES / 4;
	__riscv_vse32_v_u32m1((uint32_t *)(a->dst + first),
			      __riscv_vle32_v_u32m1((const uint32_t *)(a->src + first), words),
			      words);
}

KERNEL(spread_add, struct spread_args)
{
	vuint64m2_t offsets = __riscv_vmul_vx_u64m2(__riscv_vid_v_u64m2(LANES), a->stride, LANES);
	uint32_t *base = (uint32_t *)a->base;

	for (uint32_t i = 0; i < a->rounds; i++) {
		vuint32m1_t v = __riscv_vluxei64_v_u32m1(base, offsets, LANES);

		__riscv_vsuxei64_v_u32m1(base, offsets, __riscv_vadd_vx_u32m1(v, 1, LANES), LANES);
	}
}

/* The piece of each lane's step, the first of which is @step. */
static inline vuint32m1_t walk_pieces(const struct walk_args *a, uint32_t step)
{
	uint32_t mask = (1u << a->log2_count) - 1;
	vuint32m1_t v = __riscv_vmul_vx_u32m1(ramp(step, LANES), a->factor, LANES);

	v = __riscv_vand_vx_u32m1(v, mask, LANES);
	v = __riscv_vor_vv_u32m1(__riscv_vsll_vx_u32m1(v, a->rotate, LANES),
				 __riscv_vsrl_vx_u32m1(v, a->log2_count - a->rotate, LANES), LANES);
	return __riscv_vand_vx_u32m1(v, mask, LANES);
}

KERNEL(walk_add, struct walk_args)
{
	uint32_t *base = (uint32_t *)a->base;
	uint32_t first = wave_index() * a->per_wave;

	for (uint32_t step = first; step < first + a->per_wave; step += LANES) {
		vuint64m2_t at = __riscv_vzext_vf2_u64m2(walk_pieces(a, step), LANES);
		vuint32m1_t v;

		at = __riscv_vsll_vx_u64m2(at, a->shift, LANES);
		v = __riscv_vluxei64_v_u32m1(base, at, LANES);
		__riscv_vsuxei64_v_u32m1(base, at, __riscv_vadd_vx_u32m1(v, a->value, LANES), LANES);
	}
}

KERNEL(spread_read, struct spread_read_args)
{
	unsigned long wave = wave_index();
	volatile uint8_t *entered = (volatile uint8_t *)a->entered;
	volatile uint8_t *out = (volatile uint8_t *)a->out;

	entered[wave] = 1;
	out[wave] = *(volatile uint8_t *)(a->base + wave * a->stride);
}

KERNEL(scalar_read, struct scalar_args)
{
	*(volatile uint64_t *)a->out = *(volatile uint64_t *)a->addr;
}

KERNEL(scalar_write, struct scalar_args)
{
	*(volatile uint64_t *)a->addr = a->value;
}

KERNEL(jump, struct scalar_args)
{
	((void (*)(void))a->addr)();
}

KERNEL(illegal, struct scalar_args)
{
	(void)a;
	__asm__ volatile("unimp");
}

KERNEL(loop_add, struct loop_args)
{
	volatile struct mailbox *mail = (volatile struct mailbox *)a->mail;
	volatile uint64_t *word = (volatile uint64_t *)a->addr;

	while (!mail->stop) {
		*word += 1;
		mail->progress += 1;
		cpu_relax();
	}
}

KERNEL(list_walk, struct list_args)
{
	uint64_t sum = 0, nodes = 0;

	for (struct list_node *node = (struct list_node *)a->head; node; node = node->next) {
		sum += node->value;
		node->value += a->add;
		nodes++;
	}
	*(volatile uint64_t *)a->sum = sum;
	*(volatile uint64_t *)a->nodes = nodes;
}

KERNEL(atomic_add32, struct atomic_args)
{
	vuint32m1_t one = __riscv_vmv_v_x_u32m1(1, LANES);

	for (uint32_t i = 0; i < a->rounds; i++)
		(void)lanes_atomic32(COLIBRI_ATOMIC_ADD, lanes_addr(a->addr), one);
}

KERNEL(atomic_add64, struct atomic_args)
{
	vuint64m2_t one = __riscv_vmv_v_x_u64m2(1, LANES);

	for (uint32_t i = 0; i < a->rounds; i++)
		(void)lanes_atomic64(COLIBRI_ATOMIC_ADD, lanes_addr(a->addr), one);
}

KERNEL(amo_add32, struct atomic_args)
{
	for (uint32_t i = 0; i < a->rounds; i++)
		__atomic_fetch_add((uint32_t *)a->addr, 1, __ATOMIC_SEQ_CST);
}

KERNEL(amo_add64, struct atomic_args)
{
	for (uint32_t i = 0; i < a->rounds; i++)
		__atomic_fetch_add((uint64_t *)a->addr, 1, __ATOMIC_SEQ_CST);
}

/* Word k is the target of operation k; old[k * 64 + lane] gets what the lane found there. */
KERNEL(atomic_ops32, struct atomic_args)
{
	vuint32m1_t lane = __riscv_vid_v_u32m1(LANES);
	vuint32m1_t data = __riscv_vadd_vx_u32m1(lane, 1, LANES);
	uint32_t *old = (uint32_t *)a->old;
	unsigned int k = 0;

#define STEP(result)								\
	do {									\
		vuint32m1_t found = (result);					\
										\
		__riscv_vse32_v_u32m1(old + k * LANES, found, LANES);		\
		k++;								\
	} while (0)
#define TARGET	lanes_addr(a->addr + k * sizeof(uint32_t))

	STEP(lanes_atomic32(COLIBRI_ATOMIC_ADD, TARGET, data));
	STEP(lanes_atomic32(COLIBRI_ATOMIC_SWAP, TARGET, data));
	STEP(lanes_cas32(TARGET, __riscv_vmv_v_x_u32m1(CAS_EXPECTED, LANES), data));
	STEP(lanes_atomic32(COLIBRI_ATOMIC_XOR, TARGET, data));
	STEP(lanes_atomic32(COLIBRI_ATOMIC_OR, TARGET, data));
	STEP(lanes_atomic32(COLIBRI_ATOMIC_AND, TARGET, data));
	STEP(lanes_atomic32(COLIBRI_ATOMIC_MIN, TARGET, data));
	STEP(lanes_atomic32(COLIBRI_ATOMIC_MAX, TARGET, data));
	STEP(lanes_atomic32(COLIBRI_ATOMIC_MINU, TARGET, data));
	STEP(lanes_atomic32(COLIBRI_ATOMIC_MAXU, TARGET, data));
}

KERNEL(item_ids, struct ids_args)
{
	unsigned long sx = csr_read(COLIBRI_CSR_WG_SIZE(0));
	unsigned long sy = csr_read(COLIBRI_CSR_WG_SIZE(1));
	unsigned long first = csr_read(COLIBRI_CSR_WAVE_IN_WG) * LANES;
	unsigned long vl = wave_items();
	vuint32m1_t flat = __riscv_vadd_vx_u32m1(__riscv_vid_v_u32m1(vl), first, vl);
	vuint32m1_t x = __riscv_vremu_vx_u32m1(flat, sx, vl);
	vuint32m1_t rest = __riscv_vdivu_vx_u32m1(flat, sx, vl);
	vuint32m1_t y = __riscv_vremu_vx_u32m1(rest, sy, vl);
	vuint32m1_t z = __riscv_vdivu_vx_u32m1(rest, sy, vl);
	vuint32m1_t index, v;
	uint32_t *out = (uint32_t *)a->out;

	x = __riscv_vadd_vx_u32m1(x, csr_read(COLIBRI_CSR_WG_ID(0)) *
				  csr_read(COLIBRI_CSR_WG_SIZE_NOM(0)), vl);
	y = __riscv_vadd_vx_u32m1(y, csr_read(COLIBRI_CSR_WG_ID(1)) *
				  csr_read(COLIBRI_CSR_WG_SIZE_NOM(1)), vl);
	z = __riscv_vadd_vx_u32m1(z, csr_read(COLIBRI_CSR_WG_ID(2)) *
				  csr_read(COLIBRI_CSR_WG_SIZE_NOM(2)), vl);
	index = __riscv_vmul_vx_u32m1(z, csr_read(COLIBRI_CSR_GRID_SIZE(1)), vl);
	index = __riscv_vadd_vv_u32m1(index, y, vl);
	index = __riscv_vmul_vx_u32m1(index, csr_read(COLIBRI_CSR_GRID_SIZE(0)), vl);
	index = __riscv_vadd_vv_u32m1(index, x, vl);
	index = __riscv_vsll_vx_u32m1(index, 2, vl);

	v = __riscv_vluxei32_v_u32m1(out, index, vl);
	v = __riscv_vadd_vv_u32m1(v, __riscv_vadd_vx_u32m1(flat, 1, vl), vl);
	__riscv_vsuxei32_v_u32m1(out, index, v, vl);
}

KERNEL(group_reverse, struct reverse_args)
{
	unsigned long size = csr_read(COLIBRI_CSR_WG_SIZE(0));
	unsigned long first = csr_read(COLIBRI_CSR_WAVE_IN_WG) * LANES;
	unsigned long group = csr_read(COLIBRI_CSR_WG_ID(0)) * csr_read(COLIBRI_CSR_WG_SIZE_NOM(0));
	unsigned long vl = wave_items();
	uint32_t *words = (uint32_t *)a->words + group + first;
	uint32_t *local = (uint32_t *)COLIBRI_LOCAL_BASE;
	vuint32m1_t flat = __riscv_vadd_vx_u32m1(__riscv_vid_v_u32m1(vl), first, vl);
	vuint32m1_t mirror = __riscv_vrsub_vx_u32m1(flat, size - 1, vl);

	__riscv_vse32_v_u32m1(local + first, __riscv_vle32_v_u32m1(words, vl), vl);
	barrier();
	__riscv_vse32_v_u32m1(words, __riscv_vluxei32_v_u32m1(local,
			      __riscv_vsll_vx_u32m1(mirror, 2, vl), vl), vl);
}

KERNEL(private_sum, struct private_args)
{
	unsigned long vl = wave_items();
	vuint64m2_t base = __riscv_vsll_vx_u64m2(__riscv_vid_v_u64m2(vl),
						 COLIBRI_PRIVATE_LANE_SHIFT, vl);
	uint32_t *private = (uint32_t *)COLIBRI_PRIVATE_BASE;
	unsigned long first = wave_index() * LANES;
	vuint32m1_t sum = ramp(first, vl);

	for (unsigned int i = 0; i < 16; i++)
		__riscv_vsuxei64_v_u32m1(private + i, base, __riscv_vmv_v_x_u32m1(i, vl), vl);
	for (unsigned int i = 0; i < 16; i++)
		sum = __riscv_vadd_vv_u32m1(sum, __riscv_vluxei64_v_u32m1(private + i, base, vl), vl);
	__riscv_vse32_v_u32m1((uint32_t *)a->out + first, sum, vl);
}

#define STATE_REGS(X)	X(1, 0) X(2, 1) X(3, 2) X(4, 3) X(5, 4) X(6, 5) X(7, 6) X(8, 7) X(9, 8) \
			X(10, 9) X(11, 10) X(12, 11) X(13, 12) X(14, 13) X(15, 14)
#define STATE_BEGIN(n, m)	vuint32m1_t v##n = __riscv_vadd_vx_u32m1(v##m, 0x9e3779b1u, LANES);
#define STATE_ROUND(n, m)	v##n = __riscv_vxor_vx_u32m1(__riscv_vadd_vv_u32m1(v##n, v##m, LANES), n, LANES);
#define STATE_END(n, m)		v0 = __riscv_vadd_vv_u32m1(v0, v##n, LANES);

KERNEL(keep_state, struct state_args)
{
	unsigned long wave = csr_read(COLIBRI_CSR_WAVE_IN_WG), waves = csr_read(COLIBRI_CSR_WAVES_IN_WG);
	uint32_t *mine = (uint32_t *)COLIBRI_LOCAL_BASE + wave * LANES;
	uint32_t *next = (uint32_t *)COLIBRI_LOCAL_BASE + (wave + 1) % waves * LANES;
	uint32_t *out = (uint32_t *)a->out + wave_index() * LANES;
	vuint32m1_t v0 = __riscv_vmul_vx_u32m1(ramp(wave_index() * LANES, LANES), 77777, LANES);

	STATE_REGS(STATE_BEGIN)
	for (unsigned long i = a->rounds; i; i--) {
		STATE_REGS(STATE_ROUND)
		__riscv_vse32_v_u32m1(mine, v15, LANES);
		barrier();
		v0 = __riscv_vadd_vv_u32m1(v0, __riscv_vle32_v_u32m1(next, LANES), LANES);
		barrier();
	}
	STATE_REGS(STATE_END)
	__riscv_vse32_v_u32m1(out, v0, LANES);
}

KERNEL(leave_traces, struct traces_args)
{
	vuint64m2_t base = __riscv_vsll_vx_u64m2(__riscv_vid_v_u64m2(LANES),
						 COLIBRI_PRIVATE_LANE_SHIFT, LANES);
	vuint32m1_t value = __riscv_vmv_v_x_u32m1(a->value, LANES);

	for (uint32_t i = 0; i < a->size / 4; i++) {
		((volatile uint32_t *)COLIBRI_LOCAL_BASE)[i] = a->value;
		((volatile uint32_t *)COLIBRI_STACK_BASE)[i / 2] = a->value;
		__riscv_vsuxei64_v_u32m1((uint32_t *)COLIBRI_PRIVATE_BASE + i, base, value, LANES);
	}
}

KERNEL(find_traces, struct traces_args)
{
	vuint64m2_t base = __riscv_vsll_vx_u64m2(__riscv_vid_v_u64m2(LANES),
						 COLIBRI_PRIVATE_LANE_SHIFT, LANES);
	vuint32m1_t found = __riscv_vmv_v_x_u32m1(0, LANES);
	uint32_t all = 0;

	for (uint32_t i = 0; i < a->size / 4; i++) {
		all |= ((volatile uint32_t *)COLIBRI_LOCAL_BASE)[i];
		all |= ((volatile uint32_t *)COLIBRI_STACK_BASE)[i / 2];
		found = __riscv_vor_vv_u32m1(found, __riscv_vluxei64_v_u32m1(
			(const uint32_t *)COLIBRI_PRIVATE_BASE + i, base, LANES), LANES);
	}
	all |= __riscv_vmv_x_s_u32m1_u32(__riscv_vredor_vs_u32m1_u32m1(found,
		__riscv_vmv_v_x_u32m1(0, LANES), LANES));
	((volatile uint32_t *)a->out)[wave_index()] = all;
}
