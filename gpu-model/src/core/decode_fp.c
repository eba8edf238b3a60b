/* SPDX-License-Identifier: MIT */
/*
 * Decoder of the scalar floating-point instructions: F, D and Zfh.
 */
#include "exec.h"
#include "fpenv.h"

/* The fmt field, also the source's format in rs2 of the conversions; 3 is quad. */
enum { FMT_S, FMT_D, FMT_H };

#define HSD(name) { [FMT_S] = cg_x_##name##_s, [FMT_D] = cg_x_##name##_d, [FMT_H] = cg_x_##name##_h }

/* A static rounding mode needs the host's mode changed around the instruction. */
static void
set_rm(struct cg_op *op, cg_exec_fn fn, uint32_t rm)
{
   op->fn = fn;
   if (!fn || rm == CG_RM_DYN)
      return;
   if (rm > CG_RMM) {
      op->fn = NULL;
      return;
   }
   op->inner = fn;
   op->rm = rm;
   op->fn = cg_exec_static_rm;
}

static void
decode_fma(struct cg_op *op, uint32_t insn, uint32_t fmt)
{
   static const cg_exec_fn fn[4][3] = { HSD(fmadd), HSD(fmsub), HSD(fnmsub), HSD(fnmadd) };
   set_rm(op, fn[insn >> 2 & 3][fmt], cg_bits(insn, 12, 3));
}

static cg_exec_fn
decode_sign_minmax(uint32_t f5, uint32_t f3, uint32_t fmt)
{
   static const cg_exec_fn sgnj[3][3] = { HSD(fsgnj), HSD(fsgnjn), HSD(fsgnjx) };
   static const cg_exec_fn minmax[2][3] = { HSD(fmin), HSD(fmax) };
   static const cg_exec_fn compare[3][3] = { HSD(fle), HSD(flt), HSD(feq) };

   switch (f5) {
   case 0x04: return f3 < 3 ? sgnj[f3][fmt] : NULL;
   case 0x05: return f3 < 2 ? minmax[f3][fmt] : NULL;
   default: return f3 < 3 ? compare[f3][fmt] : NULL;
   }
}

static cg_exec_fn
decode_convert(uint32_t f5, uint32_t rs2, uint32_t fmt)
{
   static const cg_exec_fn to_int[4][3] = { HSD(fcvt_w), HSD(fcvt_wu), HSD(fcvt_l), HSD(fcvt_lu) };
   static const cg_exec_fn from_int[4][3] = { HSD(fcvt_from_w), HSD(fcvt_from_wu), HSD(fcvt_from_l), HSD(fcvt_from_lu) };
   static const cg_exec_fn from_fp[3][3] = {
      [FMT_S] = { [FMT_D] = cg_x_fcvt_from_s_d, [FMT_H] = cg_x_fcvt_from_s_h },
      [FMT_D] = { [FMT_S] = cg_x_fcvt_from_d_s, [FMT_H] = cg_x_fcvt_from_d_h },
      [FMT_H] = { [FMT_S] = cg_x_fcvt_from_h_s, [FMT_D] = cg_x_fcvt_from_h_d },
   };

   switch (f5) {
   case 0x08: return rs2 < 3 ? from_fp[rs2][fmt] : NULL;
   case 0x18: return rs2 < 4 ? to_int[rs2][fmt] : NULL;
   default: return rs2 < 4 ? from_int[rs2][fmt] : NULL;
   }
}

static bool
is_to_int_reg(uint32_t f5)
{
   return f5 == 0x14 || f5 == 0x18 || f5 == 0x1c;
}

void
cg_decode_fp(struct cg_op *op, uint32_t insn)
{
   static const cg_exec_fn arith[4][3] = { HSD(fadd), HSD(fsub), HSD(fmul), HSD(fdiv) };
   static const cg_exec_fn sqrt_[3] = HSD(fsqrt), fclass[3] = HSD(fclass);
   static const cg_exec_fn mv_x[3] = HSD(fmv_x), mv_to[3] = HSD(fmv_to);
   uint32_t f3 = cg_bits(insn, 12, 3), f5 = insn >> 27;
   uint32_t fmt = cg_bits(insn, 25, 2), rs2 = op->rs2;

   if (fmt > FMT_H)
      return;
   if ((insn & 0x7f) != 0x53) {
      op->rd = cg_bits(insn, 7, 5);
      decode_fma(op, insn, fmt);
      return;
   }
   if (!is_to_int_reg(f5))
      op->rd = cg_bits(insn, 7, 5);

   switch (f5) {
   case 0x00: case 0x01: case 0x02: case 0x03:
      set_rm(op, arith[f5][fmt], f3);
      break;
   case 0x0b:
      set_rm(op, rs2 == 0 ? sqrt_[fmt] : NULL, f3);
      break;
   case 0x04: case 0x05: case 0x14:
      op->fn = decode_sign_minmax(f5, f3, fmt);
      break;
   case 0x08: case 0x18: case 0x1a:
      set_rm(op, decode_convert(f5, rs2, fmt), f3);
      break;
   case 0x1c:
      op->fn = rs2 ? NULL : f3 == 0 ? mv_x[fmt] : f3 == 1 ? fclass[fmt] : NULL;
      break;
   case 0x1e:
      op->fn = rs2 == 0 && f3 == 0 ? mv_to[fmt] : NULL;
      break;
   }
}
