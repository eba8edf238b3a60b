/* SPDX-License-Identifier: MIT */
/*
 * An assembler for the host: the few forms of x86-64 and AVX-512 instructions
 * that the translator uses.  Memory operands are a base register and a
 * 32-bit displacement.  What does not fit the buffer is dropped and noted.
 */
#ifndef CG_JIT_ASM_H
#define CG_JIT_ASM_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

struct cg_asm {
   uint8_t *base, *p, *end;
   bool full;
};

enum { RAX, RCX, RDX, RBX, RSP, RBP, RSI, RDI, R8, R9, R10, R11, R12, R13, R14, R15 };

/** Condition codes. */
enum { CC_O, CC_NO, CC_B, CC_AE, CC_E, CC_NE, CC_BE, CC_A, CC_S, CC_NS, CC_P, CC_NP, CC_L, CC_GE, CC_LE, CC_G };

/** A register (of any file), or memory at base + disp. */
struct cg_operand {
   bool mem;
   uint8_t reg;
   int32_t disp;
};

static inline struct cg_operand
rm_reg(unsigned reg)
{
   return (struct cg_operand){ .reg = (uint8_t)reg };
}

static inline struct cg_operand
rm_mem(unsigned base, int32_t disp)
{
   return (struct cg_operand){ .mem = true, .reg = (uint8_t)base, .disp = disp };
}

static inline void
asm_byte(struct cg_asm *a, unsigned b)
{
   if (a->p < a->end)
      *a->p++ = (uint8_t)b;
   else
      a->full = true;
}

static inline void
asm_u32(struct cg_asm *a, uint32_t v)
{
   for (unsigned i = 0; i < 4; i++)
      asm_byte(a, v >> 8 * i & 0xff);
}

static inline void
asm_u64(struct cg_asm *a, uint64_t v)
{
   asm_u32(a, (uint32_t)v);
   asm_u32(a, (uint32_t)(v >> 32));
}

/* ModRM and what follows; @disp8: the short form may be used. */
static inline void
asm_modrm(struct cg_asm *a, unsigned reg, struct cg_operand rm, bool disp8)
{
   reg &= 7;
   if (!rm.mem) {
      asm_byte(a, 0xc0 | reg << 3 | (rm.reg & 7));
      return;
   }
   bool small = disp8 && rm.disp >= -128 && rm.disp < 128;
   asm_byte(a, (small ? 0x40 : 0x80) | reg << 3 | (rm.reg & 7));
   if ((rm.reg & 7) == RSP)
      asm_byte(a, 0x24);
   if (small)
      asm_byte(a, (uint8_t)rm.disp);
   else
      asm_u32(a, (uint32_t)rm.disp);
}

/** Integer instruction; @op: up to three bytes, the last one lowest. @prefix: 0, 0x66, 0xf2 or 0xf3. */
static inline void
asm_int(struct cg_asm *a, unsigned prefix, bool wide, uint32_t op, unsigned reg, struct cg_operand rm)
{
   if (prefix)
      asm_byte(a, prefix);
   unsigned rex = 0x40 | wide << 3 | (reg >> 3 & 1) << 2 | (rm.reg >> 3 & 1);
   asm_byte(a, rex);   /* always: byte registers are the low ones then */
   if (op >> 16)
      asm_byte(a, op >> 16 & 0xff);
   if (op >> 8)
      asm_byte(a, op >> 8 & 0xff);
   asm_byte(a, op & 0xff);
   asm_modrm(a, reg, rm, true);
}

static inline void asm_load(struct cg_asm *a, unsigned reg, struct cg_operand rm) { asm_int(a, 0, true, 0x8b, reg, rm); }
static inline void asm_load32(struct cg_asm *a, unsigned reg, struct cg_operand rm) { asm_int(a, 0, false, 0x8b, reg, rm); }
static inline void asm_store(struct cg_asm *a, struct cg_operand rm, unsigned reg) { asm_int(a, 0, true, 0x89, reg, rm); }
static inline void asm_store32(struct cg_asm *a, struct cg_operand rm, unsigned reg) { asm_int(a, 0, false, 0x89, reg, rm); }

/** op of the group 0x81: 0 add, 1 or, 4 and, 5 sub, 6 xor, 7 cmp */
static inline void
asm_alu_imm(struct cg_asm *a, bool wide, unsigned op, struct cg_operand rm, int32_t imm)
{
   if (imm >= -128 && imm < 128) {
      asm_int(a, 0, wide, 0x83, op, rm);
      asm_byte(a, (uint8_t)imm);
   } else {
      asm_int(a, 0, wide, 0x81, op, rm);
      asm_u32(a, (uint32_t)imm);
   }
}

enum { ALU_ADD, ALU_OR, ALU_AND = 4, ALU_SUB, ALU_XOR, ALU_CMP };

/** reg = reg op rm */
static inline void
asm_alu(struct cg_asm *a, bool wide, unsigned op, unsigned reg, struct cg_operand rm)
{
   asm_int(a, 0, wide, op << 3 | 3, reg, rm);
}

/** Shifts by an immediate: 0 rol, 1 ror, 4 shl, 5 shr, 7 sar */
static inline void
asm_shift_imm(struct cg_asm *a, bool wide, unsigned op, unsigned reg, unsigned n)
{
   asm_int(a, 0, wide, 0xc1, op, rm_reg(reg));
   asm_byte(a, n);
}

/** The same by cl. */
static inline void
asm_shift_cl(struct cg_asm *a, bool wide, unsigned op, unsigned reg)
{
   asm_int(a, 0, wide, 0xd3, op, rm_reg(reg));
}

enum { SH_ROL, SH_ROR, SH_SHL = 4, SH_SHR, SH_SAR = 7 };

static inline void
asm_mov_imm(struct cg_asm *a, unsigned reg, uint64_t v)
{
   if (v >> 32 == 0) {
      asm_byte(a, 0x40 | (reg >> 3 & 1));
      asm_byte(a, 0xb8 | (reg & 7));
      asm_u32(a, (uint32_t)v);
   } else if ((int64_t)v == (int32_t)v) {
      asm_int(a, 0, true, 0xc7, 0, rm_reg(reg));
      asm_u32(a, (uint32_t)v);
   } else {
      asm_byte(a, 0x48 | (reg >> 3 & 1));
      asm_byte(a, 0xb8 | (reg & 7));
      asm_u64(a, v);
   }
}

/** A store of 1 << size bytes, sign-extended from 32 bits. */
static inline void
asm_store_imm(struct cg_asm *a, struct cg_operand rm, unsigned size, int32_t v)
{
   asm_int(a, size == 1 ? 0x66 : 0, size == 3, size == 0 ? 0xc6 : 0xc7, 0, rm);
   for (unsigned i = 0; i < (size > 2 ? 4u : 1u << size); i++)
      asm_byte(a, (uint32_t)v >> 8 * i & 0xff);
}

/** Jumps return where their displacement is, for asm_patch(). */
static inline uint8_t *
asm_jcc(struct cg_asm *a, unsigned cc)
{
   asm_byte(a, 0x0f);
   asm_byte(a, 0x80 | cc);
   asm_u32(a, 0);
   return a->p - 4;
}

static inline uint8_t *
asm_jmp(struct cg_asm *a)
{
   asm_byte(a, 0xe9);
   asm_u32(a, 0);
   return a->p - 4;
}

static inline void
asm_patch(struct cg_asm *a, uint8_t *at, const uint8_t *target)
{
   int32_t rel = (int32_t)(target - (at + 4));
   if (!a->full)
      memcpy(at, &rel, 4);
}

static inline void
asm_jmp_to(struct cg_asm *a, const uint8_t *target)
{
   asm_patch(a, asm_jmp(a), target);
}

/** Calls a function; rax is lost. */
static inline void
asm_call(struct cg_asm *a, const void *fn)
{
   asm_mov_imm(a, RAX, (uintptr_t)fn);
   asm_int(a, 0, false, 0xff, 2, rm_reg(RAX));
}

/** Vector lengths. */
enum { L128, L256, L512 };
/** Prefixes and opcode maps. */
enum { PP_NONE, PP_66, PP_F3, PP_F2 };
enum { MAP_0F = 1, MAP_0F38, MAP_0F3A };

/** An EVEX opcode. */
#define EVEX_OP(pp, map, w, op) ((uint32_t)(pp) << 16 | (uint32_t)(map) << 12 | (uint32_t)(w) << 8 | (op))
#define EVEX_W 0x100u

/** What else an EVEX instruction says: a mask register, zeroing, broadcast of a memory operand. */
struct cg_evex {
   uint8_t k;
   bool z, b;
};

static inline void
asm_evex(struct cg_asm *a, uint32_t op, unsigned l, unsigned reg, unsigned vvvv, struct cg_operand rm, struct cg_evex x)
{
   unsigned pp = op >> 16 & 3, map = op >> 12 & 7, w = op >> 8 & 1;
   unsigned bx = rm.mem ? 1 : !(rm.reg >> 4 & 1);
   asm_byte(a, 0x62);
   asm_byte(a, (unsigned)!(reg >> 3 & 1) << 7 | bx << 6 | (unsigned)!(rm.reg >> 3 & 1) << 5 |
               (unsigned)!(reg >> 4 & 1) << 4 | map);
   asm_byte(a, w << 7 | (~vvvv & 15) << 3 | 4 | pp);
   asm_byte(a, (unsigned)x.z << 7 | l << 5 | (unsigned)x.b << 4 | (unsigned)!(vvvv >> 4 & 1) << 3 | x.k);
   asm_byte(a, op & 0xff);
   asm_modrm(a, reg, rm, false);
}

/** Without masks. */
static inline void
asm_v(struct cg_asm *a, uint32_t op, unsigned l, unsigned reg, unsigned vvvv, struct cg_operand rm)
{
   asm_evex(a, op, l, reg, vvvv, rm, (struct cg_evex){ 0 });
}

/** VEX instruction on mask registers; @vvvv 0 if there is no second source. */
static inline void
asm_k(struct cg_asm *a, uint32_t op, bool l1, unsigned reg, unsigned vvvv, struct cg_operand rm)
{
   unsigned pp = op >> 16 & 3, map = op >> 12 & 7, w = op >> 8 & 1;
   asm_byte(a, 0xc4);
   asm_byte(a, (unsigned)!(reg >> 3 & 1) << 7 | 1u << 6 | (unsigned)!(rm.reg >> 3 & 1) << 5 | map);
   asm_byte(a, w << 7 | (~vvvv & 15) << 3 | (unsigned)l1 << 2 | pp);
   asm_byte(a, op & 0xff);
   asm_modrm(a, reg, rm, true);
}

#define K_MOV_LOAD   EVEX_OP(PP_NONE, MAP_0F, 0, 0x90)   /* kmovw k, k/m16 */
#define K_MOV_STORE  EVEX_OP(PP_NONE, MAP_0F, 0, 0x91)
#define K_FROM_GPR   EVEX_OP(PP_NONE, MAP_0F, 0, 0x92)
#define K_TO_GPR     EVEX_OP(PP_NONE, MAP_0F, 0, 0x93)
#define K_AND        EVEX_OP(PP_NONE, MAP_0F, 0, 0x41)
#define K_ANDN       EVEX_OP(PP_NONE, MAP_0F, 0, 0x42)   /* ~vvvv & rm */
#define K_NOT        EVEX_OP(PP_NONE, MAP_0F, 0, 0x44)
#define K_OR         EVEX_OP(PP_NONE, MAP_0F, 0, 0x45)
#define K_XNOR       EVEX_OP(PP_NONE, MAP_0F, 0, 0x46)
#define K_XOR        EVEX_OP(PP_NONE, MAP_0F, 0, 0x47)
#define K_UNPCK      EVEX_OP(PP_66, MAP_0F, 0, 0x4b)     /* vvvv << 8 | rm */
#define K_ORTEST     EVEX_OP(PP_NONE, MAP_0F, 0, 0x98)
#define K_SHR        EVEX_OP(PP_66, MAP_0F3A, 1, 0x30)

#endif /* CG_JIT_ASM_H */
