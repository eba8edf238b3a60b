/*
 * Copyright © 2026 Colibri developers
 * SPDX-License-Identifier: MIT
 */

/*
 * Runs the prologue of a kernel on paper.
 *
 * The prologue moves the stack pointer by constants that it makes in registers.
 * Following the integer instructions from the entry to the first branch, with
 * the stack pointer at 0 and registers that hold constants known, finds the
 * lowest place that it reaches. The stack itself starts aligned to 256 bytes,
 * so a prologue that aligns the pointer comes out right, too.
 */
#include "colibri_stack.h"

#include <string.h>

#include "colibri_hw.h"
#include "util/bitscan.h"
#include "util/macros.h"
#include "util/u_math.h"

#define REG_SP 2
#define CSR_VLENB 0xc22

struct prologue {
   int64_t value[32];
   /** Registers that hold a constant, and the stack pointer. */
   uint32_t known;
   int64_t lowest;
};

static bool
is_known(const struct prologue *p, unsigned reg)
{
   return p->known & BITFIELD_BIT(reg);
}

/* @ok: the operands were known. False: the stack pointer got lost. */
static bool
set(struct prologue *p, unsigned rd, bool ok, int64_t value)
{
   if (rd == 0)
      return true;
   if (!ok) {
      p->known &= ~BITFIELD_BIT(rd);
      return rd != REG_SP;
   }
   p->known |= BITFIELD_BIT(rd);
   p->value[rd] = value;
   if (rd == REG_SP)
      p->lowest = MIN2(p->lowest, value);
   return true;
}

static int64_t
sign_extend(uint32_t value, unsigned bits)
{
   return util_sign_extend(value, bits);
}

/* ADDI, SLLI, ANDI and their relatives. */
static bool
run_op_imm(struct prologue *p, uint32_t insn)
{
   unsigned rd = insn >> 7 & 31, rs = insn >> 15 & 31, f3 = insn >> 12 & 7;
   int64_t imm = sign_extend(insn >> 20, 12);
   int64_t x = p->value[rs];
   bool ok = is_known(p, rs);

   switch (f3) {
   case 0: return set(p, rd, ok, x + imm);
   case 1: return set(p, rd, ok && !(insn >> 26), x << (imm & 63));
   case 7: return set(p, rd, ok, x & imm);
   default: return set(p, rd, false, 0);
   }
}

static bool
run_op(struct prologue *p, uint32_t insn)
{
   unsigned rd = insn >> 7 & 31, rs1 = insn >> 15 & 31, rs2 = insn >> 20 & 31;
   unsigned f3 = insn >> 12 & 7, f7 = insn >> 25;
   int64_t x = p->value[rs1], y = p->value[rs2];
   bool ok = is_known(p, rs1) && is_known(p, rs2);

   if (f7 == 0x00 && f3 == 0)
      return set(p, rd, ok, x + y);
   if (f7 == 0x20 && f3 == 0)
      return set(p, rd, ok, x - y);
   if (f7 == 0x01 && f3 == 0)
      return set(p, rd, ok, x * y);
   if (f7 == 0x10 && (f3 == 2 || f3 == 4 || f3 == 6))
      return set(p, rd, ok, (x << (f3 / 2)) + y);
   return set(p, rd, false, 0);
}

/* CSRRS rd, vlenb, x0 is a constant; another CSR's value is not known. */
static bool
run_system(struct prologue *p, uint32_t insn)
{
   unsigned rd = insn >> 7 & 31;
   bool ok = insn >> 20 == CSR_VLENB && (insn >> 12 & 0xff) == 2;

   return set(p, rd, ok, COLIBRI_VLEN / 8);
}

/* False: the prologue ends here, or *@bad. */
static bool
run_32(struct prologue *p, uint32_t insn, bool *bad)
{
   unsigned rd = insn >> 7 & 31;
   bool ok = true;

   switch (insn & 0x7f) {
   case 0x13:
      ok = run_op_imm(p, insn);
      break;
   case 0x1b: /* ADDIW and shifts of words: constants in a lui/addiw pair. */
      ok = set(p, rd, is_known(p, insn >> 15 & 31) && !(insn >> 12 & 7),
               (int32_t)(p->value[insn >> 15 & 31] +
                         sign_extend(insn >> 20, 12)));
      break;
   case 0x33:
      ok = run_op(p, insn);
      break;
   case 0x37:
      ok = set(p, rd, true, (int32_t)(insn & 0xfffff000));
      break;
   case 0x17: /* AUIPC */
   case 0x3b: /* operations on words */
   case 0x03: /* loads */
      ok = set(p, rd, false, 0);
      break;
   case 0x73:
      ok = run_system(p, insn);
      break;
   case 0x57: /* vector, floating point: the result may be a scalar */
   case 0x53:
      ok = set(p, rd == REG_SP ? 0 : rd, false, 0);
      break;
   case 0x23: /* stores, other loads, fences, fused multiply-adds */
   case 0x27:
   case 0x07:
   case 0x0f:
   case 0x43:
   case 0x47:
   case 0x4b:
   case 0x4f:
      break;
   case 0x63: /* branches and jumps end it, as the end of the wave does */
   case 0x67:
   case 0x6f:
   case 0x0b:
      return false;
   default:
      ok = false;
      break;
   }
   *bad = !ok;
   return ok;
}

static bool
run_16(struct prologue *p, uint32_t insn, bool *bad)
{
   unsigned rd = insn >> 7 & 31, rs2 = insn >> 2 & 31;
   int64_t imm6 = sign_extend((insn >> 7 & 32) | (insn >> 2 & 31), 6);
   bool ok = true;

   switch ((insn & 3) << 3 | insn >> 13) {
   case 0x08: /* C.ADDI */
      ok = set(p, rd, is_known(p, rd), p->value[rd] + imm6);
      break;
   case 0x0a: /* C.LI */
      ok = set(p, rd, true, imm6);
      break;
   case 0x0b: /* C.LUI, or C.ADDI16SP */
      if (rd == REG_SP) {
         int64_t imm = sign_extend((insn >> 3 & 512) | (insn >> 2 & 16) |
                                      (insn << 1 & 64) | (insn << 4 & 384) |
                                      (insn << 3 & 32), 10);
         ok = set(p, REG_SP, is_known(p, REG_SP), p->value[REG_SP] + imm);
      } else {
         ok = set(p, rd, true, imm6 << 12);
      }
      break;
   case 0x09: /* C.ADDIW */
   case 0x12: /* C.LWSP */
   case 0x13: /* C.LDSP */
      ok = set(p, rd, false, 0);
      break;
   case 0x10: /* C.SLLI */
      ok = set(p, rd, is_known(p, rd), p->value[rd] << (imm6 & 63));
      break;
   case 0x14: /* C.MV, C.ADD; C.JR and C.JALR end it */
      if (!rs2)
         return false;
      if (insn & 0x1000)
         ok = set(p, rd, is_known(p, rd) && is_known(p, rs2),
                  p->value[rd] + p->value[rs2]);
      else
         ok = set(p, rd, is_known(p, rs2), p->value[rs2]);
      break;
   case 0x00: /* C.ADDI4SPN and loads: to x8..x15 */
   case 0x02:
   case 0x03:
      ok = set(p, 8 + (insn >> 2 & 7), false, 0);
      break;
   case 0x0c: /* arithmetic on x8..x15 */
      ok = set(p, 8 + (insn >> 7 & 7), false, 0);
      break;
   case 0x0d: /* C.J, C.BEQZ, C.BNEZ end it */
   case 0x0e:
   case 0x0f:
      return false;
   default: /* stores and floating-point loads */
      break;
   }
   *bad = !ok;
   return ok;
}

/* Length of the instruction at @pc, which is copied out; 0: the code ends there. */
static unsigned
fetch(const uint8_t *code, uint32_t size, uint32_t pc, uint32_t *insn)
{
   *insn = 0;
   if (pc + 2 > size)
      return 0;
   memcpy(insn, code + pc, 2);
   if ((*insn & 3) != 3)
      return 2;
   if (pc + 4 > size)
      return 0;
   memcpy(insn, code + pc, 4);
   return 4;
}

/* Integer instructions that have a destination, and it is the stack pointer. */
static bool
moves_stack_pointer(uint32_t insn)
{
   bool rd_is_sp = (insn >> 7 & 31) == REG_SP;

   if ((insn & 3) != 3) {
      switch ((insn & 3) << 3 | insn >> 13) {
      case 0x08:
      case 0x09:
      case 0x0a:
      case 0x0b:
      case 0x10:
         return rd_is_sp;
      case 0x14:
         return rd_is_sp && (insn >> 2 & 31);
      default:
         return false;
      }
   }
   switch (insn & 0x7f) {
   case 0x13:
   case 0x1b:
   case 0x33:
   case 0x3b:
   case 0x37:
   case 0x17:
      return rd_is_sp;
   default:
      return false;
   }
}

static bool
fail(char **error, const char *message)
{
   *error = strdup(message);
   return false;
}

bool
colibri_stack_size(const uint8_t *code, uint32_t size, uint32_t *stack_size,
                   char **error)
{
   struct prologue p = {.known = BITFIELD_BIT(0) | BITFIELD_BIT(REG_SP)};
   bool bad = false, more = true;
   uint32_t pc = 0, insn;
   unsigned length;

   while (more && (length = fetch(code, size, pc, &insn))) {
      more = length == 4 ? run_32(&p, insn, &bad) : run_16(&p, insn, &bad);
      pc += length;
   }
   if (bad)
      return fail(error, "the prologue of the code is not understood");

   /* A kernel never returns, so nothing moves the pointer back. */
   for (; (length = fetch(code, size, pc, &insn)); pc += length) {
      if (moves_stack_pointer(insn))
         return fail(error, "the code has a second prologue");
   }
   if (-p.lowest > COLIBRI_MAX_STACK)
      return fail(error, "it needs more stack than a wave can have");
   *stack_size = align64(-p.lowest, 256);
   return true;
}
