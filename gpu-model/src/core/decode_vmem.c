/* SPDX-License-Identifier: MIT */
/*
 * Decoder of the vector loads and stores.
 */
#include "vec_mem.h"

enum { MOP_UNIT, MOP_INDEXED_UNORDERED, MOP_STRIDED, MOP_INDEXED_ORDERED };
enum { UMOP_NORMAL = 0, UMOP_WHOLE = 8, UMOP_MASK = 11, UMOP_FAULT_FIRST = 16 };

static cg_exec_fn
decode_unit(const struct cg_op *op, bool store)
{
   unsigned nf = op->rm;
   switch (op->rs2) {
   case UMOP_NORMAL:
      return store ? cg_exec_vse : cg_exec_vle;
   case UMOP_WHOLE:
      if (!op->vm || (nf & (nf - 1)) || op->rd % nf || (store && op->form))
         return NULL;
      return store ? cg_exec_vsr : cg_exec_vlr;
   case UMOP_MASK:
      if (!op->vm || nf != 1 || op->form)
         return NULL;
      return store ? cg_exec_vsm : cg_exec_vlm;
   case UMOP_FAULT_FIRST:
      return store ? NULL : cg_exec_vleff;
   default:
      return NULL;
   }
}

void
cg_decode_vmem(struct cg_op *op, uint32_t insn)
{
   static const int8_t eew[8] = { 0, -1, -1, -1, -1, 1, 2, 3 };
   int width = eew[cg_bits(insn, 12, 3)];
   bool store = (insn & 0x7f) == 0x27;

   if (width < 0 || insn >> 28 & 1)
      return;
   op->rd = cg_bits(insn, 7, 5);
   op->form = (uint8_t)width;
   op->rm = (uint8_t)(1 + (insn >> 29));
   switch (cg_bits(insn, 26, 2)) {
   case MOP_UNIT:
      op->fn = decode_unit(op, store);
      break;
   case MOP_STRIDED:
      op->fn = store ? cg_exec_vsse : cg_exec_vlse;
      break;
   default:
      op->fn = store ? cg_exec_vsxei : cg_exec_vlxei;
      break;
   }
}
