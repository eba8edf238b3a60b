/* SPDX-License-Identifier: MIT */
/*
 * Machine code for the unit tests.
 */
#ifndef CG_TEST_ENCODE_H
#define CG_TEST_ENCODE_H

#include "core_priv.h"

/* SEW as log2 bytes, LMUL as log2; tail and mask agnostic. */
#define VTYPE(sew, lmul) (0xc0u | (sew) << 3 | ((lmul) & 7))
#define VSETVLI(rd, rs1, vtype) (7u << 12 | (rd) << 7 | (rs1) << 15 | (uint32_t)(vtype) << 20 | 0x57)

/* Width field of vector memory instructions, by log2 bytes. */
static inline uint32_t
vwidth(unsigned eew)
{
   return (eew == 0 ? 0 : 4 + eew) << 12;
}

enum { VM_UNIT, VM_INDEXED_U, VM_STRIDED, VM_INDEXED_O };

static inline uint32_t
vmem_insn(bool store, unsigned mop, unsigned nf, unsigned eew, unsigned vd, unsigned rs1, unsigned rs2, bool vm)
{
   return (store ? 0x27u : 0x07u) | vd << 7 | vwidth(eew) | rs1 << 15 | rs2 << 20 | (uint32_t)vm << 25 |
          mop << 26 | (nf - 1) << 29;
}

static inline uint32_t
vatomic_insn(unsigned op, bool fp, bool wide, unsigned vd, unsigned vaddr, unsigned vdata, bool vm)
{
   return COLIBRI_INSN_OPCODE | vd << 7 | (wide ? 3u : 2u) << 12 | vaddr << 15 | vdata << 20 |
          (uint32_t)COLIBRI_INSN_F7_ATOMIC(op, fp, vm) << 25;
}

#define I_TYPE(opcode, f3, rd, rs1, imm) ((uint32_t)(imm) << 20 | (rs1) << 15 | (f3) << 12 | (rd) << 7 | (opcode))
#define ADDI(rd, rs1, imm) I_TYPE(0x13u, 0u, rd, rs1, imm)
#define LW(rd, rs1, imm)   I_TYPE(0x03u, 2u, rd, rs1, imm)
#define LD(rd, rs1, imm)   I_TYPE(0x03u, 3u, rd, rs1, imm)
#define SD(rs2, rs1)       (0x23u | 3u << 12 | (rs1) << 15 | (rs2) << 20)
#define SW(rs2, rs1)       (0x23u | 2u << 12 | (rs1) << 15 | (rs2) << 20)
#define CSRR(rd, csr)      I_TYPE(0x73u, 2u, rd, 0u, csr)
#define AMOADD_D(rd, rs1, rs2) (0x2fu | (rd) << 7 | 3u << 12 | (rs1) << 15 | (rs2) << 20)
#define LR_D(rd, rs1)      (0x2fu | (rd) << 7 | 3u << 12 | (rs1) << 15 | 2u << 27)
#define SC_D(rd, rs1, rs2) (0x2fu | (rd) << 7 | 3u << 12 | (rs1) << 15 | (rs2) << 20 | 3u << 27)
#define JUMP_SELF          0x6fu
#define ENDW               ((uint32_t)COLIBRI_INSN_OPCODE)
#define BARRIER            ((uint32_t)COLIBRI_INSN_F7_BARRIER << 25 | COLIBRI_INSN_OPCODE)

#endif
