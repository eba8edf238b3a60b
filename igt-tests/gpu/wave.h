/* SPDX-License-Identifier: MIT */
/*
 * What a kernel in C needs to know of the machine: the wave's place in the
 * grid, the custom instructions, and how a kernel ends.
 */
#ifndef COLIBRI_GPU_WAVE_H
#define COLIBRI_GPU_WAVE_H

#include <riscv_vector.h>

#include "colibri_hw.h"

#define LANES	COLIBRI_WAVE_LANES

/* A kernel: the hardware starts it with its arguments in a0; it does not return. */
#define KERNEL(name, args_type)					\
	static void name##_body(const args_type *a);		\
	__attribute__((noreturn)) void name(const args_type *a)	\
	{							\
		name##_body(a);					\
		__asm__ volatile(".insn r 0x0b, 0, 0, x0, x0, x0" ::: "memory"); \
		__builtin_unreachable();			\
	}							\
	static inline __attribute__((always_inline)) void name##_body(const args_type *a)

#define csr_read(csr)						\
({								\
	unsigned long value_;					\
								\
	__asm__ volatile("csrr %0, %1" : "=r"(value_) : "i"(csr)); \
	value_;							\
})

static inline void barrier(void)
{
	__asm__ volatile(".insn r 0x0b, 0, 1, x0, x0, x0" ::: "memory");
}

/* A hint that the wave spins. */
static inline void cpu_relax(void)
{
	__asm__ volatile(".insn i 0x0f, 0, x0, x0, 0x010" ::: "memory");
}

/* The number of this wave in a one-dimensional grid of groups with @csr wave size. */
static inline unsigned long wave_index(void)
{
	unsigned long waves = (csr_read(COLIBRI_CSR_WG_SIZE_NOM(0)) + LANES - 1) / LANES;

	return csr_read(COLIBRI_CSR_WG_ID(0)) * waves + csr_read(COLIBRI_CSR_WAVE_IN_WG);
}

/* How many lanes of this wave are work-items. */
static inline unsigned long wave_items(void)
{
	unsigned long items = csr_read(COLIBRI_CSR_WG_SIZE(0)) * csr_read(COLIBRI_CSR_WG_SIZE(1)) *
			      csr_read(COLIBRI_CSR_WG_SIZE(2));
	unsigned long first = csr_read(COLIBRI_CSR_WAVE_IN_WG) * LANES;

	return items - first < LANES ? items - first : LANES;
}

/* The same address in all lanes. */
static inline vuint64m2_t lanes_addr(uint64_t addr)
{
	return __riscv_vmv_v_x_u64m2(addr, LANES);
}

/*
 * Vector atomics of the custom extension, unmasked (funct7 bit 0). The
 * assembler's "r" format takes vector registers, too.
 */
#define lanes_atomic32(op, addr, data)						\
({										\
	vuint32m1_t old_;							\
										\
	__asm__ volatile(".insn r 0x0b, 2, %3, %0, %1, %2"			\
			 : "=&vr"(old_)						\
			 : "vr"(addr), "vr"(data),				\
			   "i"(COLIBRI_INSN_F7_ATOMIC(op, 0, 1)) : "memory");	\
	old_;									\
})

#define lanes_atomic64(op, addr, data)						\
({										\
	vuint64m2_t old_;							\
										\
	__asm__ volatile(".insn r 0x0b, 3, %3, %0, %1, %2"			\
			 : "=&vr"(old_)						\
			 : "vr"(addr), "vr"(data),				\
			   "i"(COLIBRI_INSN_F7_ATOMIC(op, 0, 1)) : "memory");	\
	old_;									\
})

/* Compare and swap: the old value comes back in place of the expected one. */
#define lanes_cas32(addr, expected, data)					\
({										\
	vuint32m1_t old_ = (expected);						\
										\
	__asm__ volatile(".insn r 0x0b, 2, %3, %0, %1, %2"			\
			 : "+&vr"(old_)						\
			 : "vr"(addr), "vr"(data),				\
			   "i"(COLIBRI_INSN_F7_ATOMIC(COLIBRI_ATOMIC_CAS, 0, 1)) : "memory"); \
	old_;									\
})

#endif /* COLIBRI_GPU_WAVE_H */
