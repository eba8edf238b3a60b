/* SPDX-License-Identifier: MIT */
/*
 * The C extension: each compressed instruction has a 32-bit form, which is
 * what the rest of the decoder sees.
 */
#include "core_priv.h"

enum {
   OP_LOAD = 0x03, OP_LOAD_FP = 0x07, OP_IMM = 0x13, OP_IMM32 = 0x1b, OP_STORE = 0x23,
   OP_STORE_FP = 0x27, OP_OP = 0x33, OP_LUI = 0x37, OP_OP32 = 0x3b, OP_BRANCH = 0x63,
   OP_JALR = 0x67, OP_JAL = 0x6f,
};

static uint32_t
enc_r(uint32_t opcode, uint32_t f3, uint32_t f7, uint32_t rd, uint32_t rs1, uint32_t rs2)
{
   return f7 << 25 | rs2 << 20 | rs1 << 15 | f3 << 12 | rd << 7 | opcode;
}

static uint32_t
enc_i(uint32_t opcode, uint32_t f3, uint32_t rd, uint32_t rs1, uint32_t imm)
{
   return imm << 20 | rs1 << 15 | f3 << 12 | rd << 7 | opcode;
}

static uint32_t
enc_s(uint32_t opcode, uint32_t f3, uint32_t rs1, uint32_t rs2, uint32_t imm)
{
   return (imm >> 5 & 0x7f) << 25 | rs2 << 20 | rs1 << 15 | f3 << 12 | (imm & 0x1f) << 7 | opcode;
}

static uint32_t
enc_b(uint32_t f3, uint32_t rs1, uint32_t rs2, uint32_t imm)
{
   return (imm >> 12 & 1) << 31 | (imm >> 5 & 0x3f) << 25 | rs2 << 20 | rs1 << 15 | f3 << 12 |
          (imm >> 1 & 0xf) << 8 | (imm >> 11 & 1) << 7 | OP_BRANCH;
}

static uint32_t
enc_j(uint32_t rd, uint32_t imm)
{
   return (imm >> 20 & 1) << 31 | (imm >> 1 & 0x3ff) << 21 | (imm >> 11 & 1) << 20 |
          (imm >> 12 & 0xff) << 12 | rd << 7 | OP_JAL;
}

/* Sign-extended 6-bit immediate of the CI format. */
static uint32_t
imm6(uint16_t c)
{
   return cg_bits(c, 2, 5) | (c >> 12 & 1 ? ~0x1fu : 0);
}

static uint32_t
expand_quadrant0(uint16_t c)
{
   uint32_t rd = 8 + cg_bits(c, 2, 3), rs1 = 8 + cg_bits(c, 7, 3);
   uint32_t imm_w = cg_bits(c, 10, 3) << 3 | cg_bits(c, 6, 1) << 2 | cg_bits(c, 5, 1) << 6;
   uint32_t imm_d = cg_bits(c, 10, 3) << 3 | cg_bits(c, 5, 2) << 6;

   switch (c >> 13) {
   case 0: {
      uint32_t imm = cg_bits(c, 11, 2) << 4 | cg_bits(c, 7, 4) << 6 | cg_bits(c, 6, 1) << 2 | cg_bits(c, 5, 1) << 3;
      return imm ? enc_i(OP_IMM, 0, rd, 2, imm) : 0;
   }
   case 1: return enc_i(OP_LOAD_FP, 3, rd, rs1, imm_d);
   case 2: return enc_i(OP_LOAD, 2, rd, rs1, imm_w);
   case 3: return enc_i(OP_LOAD, 3, rd, rs1, imm_d);
   case 5: return enc_s(OP_STORE_FP, 3, rs1, rd, imm_d);
   case 6: return enc_s(OP_STORE, 2, rs1, rd, imm_w);
   case 7: return enc_s(OP_STORE, 3, rs1, rd, imm_d);
   default: return 0;
   }
}

static uint32_t
expand_arith(uint16_t c)
{
   static const uint8_t f3[8] = { 0, 4, 6, 7, 0, 0, 0, 0 };
   uint32_t rd = 8 + cg_bits(c, 7, 3), rs2 = 8 + cg_bits(c, 2, 3);
   uint32_t shamt = imm6(c) & 0x3f;

   switch (cg_bits(c, 10, 2)) {
   case 0: return enc_i(OP_IMM, 5, rd, rd, shamt);
   case 1: return enc_i(OP_IMM, 5, rd, rd, 0x400 | shamt);
   case 2: return enc_i(OP_IMM, 7, rd, rd, imm6(c) & 0xfff);
   }
   uint32_t sel = cg_bits(c, 5, 2) | (c >> 12 & 1) << 2;
   if (sel < 4)
      return enc_r(OP_OP, f3[sel], sel == 0 ? 0x20 : 0, rd, rd, rs2);
   if (sel < 6)
      return enc_r(OP_OP32, 0, sel == 4 ? 0x20 : 0, rd, rd, rs2);
   return 0;
}

static uint32_t
expand_jump(uint16_t c)
{
   uint32_t imm = cg_bits(c, 3, 3) << 1 | cg_bits(c, 11, 1) << 4 | cg_bits(c, 2, 1) << 5 |
                  cg_bits(c, 7, 1) << 6 | cg_bits(c, 6, 1) << 7 | cg_bits(c, 9, 2) << 8 |
                  cg_bits(c, 8, 1) << 10;
   return enc_j(0, imm | (c >> 12 & 1 ? ~0x7ffu : 0));
}

static uint32_t
expand_branch(uint16_t c)
{
   uint32_t imm = cg_bits(c, 3, 2) << 1 | cg_bits(c, 10, 2) << 3 | cg_bits(c, 2, 1) << 5 | cg_bits(c, 5, 2) << 6;
   return enc_b(c >> 13 & 1, 8 + cg_bits(c, 7, 3), 0, imm | (c >> 12 & 1 ? ~0xffu : 0));
}

static uint32_t
expand_quadrant1(uint16_t c)
{
   uint32_t rd = cg_bits(c, 7, 5);
   switch (c >> 13) {
   case 0: return enc_i(OP_IMM, 0, rd, rd, imm6(c) & 0xfff);
   case 1: return rd ? enc_i(OP_IMM32, 0, rd, rd, imm6(c) & 0xfff) : 0;
   case 2: return enc_i(OP_IMM, 0, rd, 0, imm6(c) & 0xfff);
   case 3:
      if (imm6(c) == 0)
         return 0;
      if (rd == 2) {
         uint32_t imm = cg_bits(c, 6, 1) << 4 | cg_bits(c, 2, 1) << 5 | cg_bits(c, 5, 1) << 6 |
                        cg_bits(c, 3, 2) << 7 | cg_bits(c, 12, 1) << 9;
         return enc_i(OP_IMM, 0, 2, 2, (imm | (c >> 12 & 1 ? ~0x3ffu : 0)) & 0xfff);
      }
      return imm6(c) << 12 | rd << 7 | OP_LUI;
   case 4: return expand_arith(c);
   case 5: return expand_jump(c);
   default: return expand_branch(c);
   }
}

static uint32_t
expand_quadrant2(uint16_t c)
{
   uint32_t rd = cg_bits(c, 7, 5), rs2 = cg_bits(c, 2, 5);
   uint32_t load_w = cg_bits(c, 4, 3) << 2 | cg_bits(c, 12, 1) << 5 | cg_bits(c, 2, 2) << 6;
   uint32_t load_d = cg_bits(c, 5, 2) << 3 | cg_bits(c, 12, 1) << 5 | cg_bits(c, 2, 3) << 6;
   uint32_t store_w = cg_bits(c, 9, 4) << 2 | cg_bits(c, 7, 2) << 6;
   uint32_t store_d = cg_bits(c, 10, 3) << 3 | cg_bits(c, 7, 3) << 6;

   switch (c >> 13) {
   case 0: return enc_i(OP_IMM, 1, rd, rd, imm6(c) & 0x3f);
   case 1: return enc_i(OP_LOAD_FP, 3, rd, 2, load_d);
   case 2: return rd ? enc_i(OP_LOAD, 2, rd, 2, load_w) : 0;
   case 3: return rd ? enc_i(OP_LOAD, 3, rd, 2, load_d) : 0;
   case 4:
      if (!(c >> 12 & 1)) {
         if (rs2)
            return enc_r(OP_OP, 0, 0, rd, 0, rs2);
         return rd ? enc_i(OP_JALR, 0, 0, rd, 0) : 0;
      }
      if (rs2)
         return enc_r(OP_OP, 0, 0, rd, rd, rs2);
      return rd ? enc_i(OP_JALR, 0, 1, rd, 0) : 0;
   case 5: return enc_s(OP_STORE_FP, 3, 2, rs2, store_d);
   case 6: return enc_s(OP_STORE, 2, 2, rs2, store_w);
   default: return enc_s(OP_STORE, 3, 2, rs2, store_d);
   }
}

uint32_t
cg_rvc_expand(uint16_t c)
{
   switch (c & 3) {
   case 0: return expand_quadrant0(c);
   case 1: return expand_quadrant1(c);
   default: return expand_quadrant2(c);
   }
}
