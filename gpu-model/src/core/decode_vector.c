/* SPDX-License-Identifier: MIT */
/*
 * Decoder of the vector arithmetic instructions (major opcode OP-V, but for
 * vsetvl).  What depends on vtype is checked when the instruction first runs
 * under a vtype; see prepare() in vec_exec.c and the handlers themselves.
 */
#include "vec.h"

/* funct3 */
enum { OPIVV, OPFVV, OPMVV, OPIVI, OPIVX, OPFVF, OPMVX };

static int64_t
simm5(const struct cg_op *op)
{
   return ((int64_t)op->rs1 ^ 16) - 16;
}

static void
set_kernel(struct cg_op *op, const struct cg_vinfo *info, enum cg_vform form)
{
   if (!(info->forms & CG_FORM(form)) || ((info->flags & CG_VI_NO_VS2) && op->rs2))
      return;
   op->vinfo = info;
   op->form = form;
   op->imm = info->flags & CG_VI_UIMM ? op->rs1 : simm5(op);
   op->fn = cg_vec_slow;
}

/* The unary groups: vs1 selects. */
static void
set_unary(struct cg_op *op, const struct cg_vinfo *table)
{
   set_kernel(op, &table[op->rs1], CG_VV);
}

static void
set_other(struct cg_op *op, cg_exec_fn fn, enum cg_vform form)
{
   op->form = form;
   op->imm = op->rs1;
   op->fn = fn;
}

static void
decode_opi(struct cg_op *op, uint32_t f6, enum cg_vform form)
{
   const struct cg_isa *isa = cg_isa_get();

   switch (f6) {
   case 0x0c:
      set_other(op, cg_exec_gather, form);
      return;
   case 0x0e:
      set_other(op, form == CG_VV ? cg_exec_gatherei16 : cg_exec_slideup, form);
      return;
   case 0x0f:
      if (form != CG_VV)
         set_other(op, cg_exec_slidedown, form);
      return;
   case 0x10:
   case 0x12:
      if (op->vm)
         return;
      break;
   case 0x17:
      set_kernel(op, op->vm ? isa->vmv : isa->vmerge, form);
      return;
   case 0x27:
      if (form == CG_VI) {
         if (op->vm)
            set_other(op, cg_exec_vmvr, form);
         return;
      }
      break;
   case 0x30:
   case 0x31:
      if (form == CG_VV)
         set_other(op, cg_exec_reduce, form);
      return;
   }
   set_kernel(op, &isa->opi[f6], form);
}

static void
decode_vwxunary(struct cg_op *op)
{
   cg_exec_fn fn = op->rs1 == 0 && op->vm ? cg_exec_vmv_x_s :
                   op->rs1 == 16 ? cg_exec_vcpop : op->rs1 == 17 ? cg_exec_vfirst : NULL;
   uint8_t rd = op->rd ? op->rd : CG_XZERO_SINK;
   if (fn) {
      set_other(op, fn, CG_VV);
      op->rd = rd;
   }
}

static void
decode_vmunary(struct cg_op *op)
{
   switch (op->rs1) {
   case 1: case 2: case 3:
      set_other(op, cg_exec_vmsxf, CG_VV);
      break;
   case 16:
      set_other(op, cg_exec_viota, CG_VV);
      break;
   case 17:
      if (op->rs2 == 0)
         set_other(op, cg_exec_vid, CG_VV);
      break;
   }
}

static void
decode_opm(struct cg_op *op, uint32_t f6, enum cg_vform form)
{
   const struct cg_isa *isa = cg_isa_get();
   bool vv = form == CG_VV;

   if (f6 < 8) {
      if (vv)
         set_other(op, cg_exec_reduce, form);
      return;
   }
   if (f6 >= 0x18 && f6 < 0x20) {
      if (vv && op->vm)
         set_other(op, cg_exec_mask_logic, form);
      return;
   }
   switch (f6) {
   case 0x0e:
   case 0x0f:
      if (!vv)
         set_other(op, f6 == 0x0e ? cg_exec_slide1up : cg_exec_slide1down, form);
      return;
   case 0x10:
      if (vv)
         decode_vwxunary(op);
      else if (op->rs2 == 0 && op->vm)
         set_other(op, cg_exec_vmv_s_x, form);
      return;
   case 0x12:
      if (vv)
         set_unary(op, isa->xunary);
      return;
   case 0x14:
      if (vv)
         decode_vmunary(op);
      return;
   case 0x17:
      if (vv && op->vm)
         set_other(op, cg_exec_compress, form);
      return;
   }
   set_kernel(op, &isa->opm[f6], form);
}

static void
decode_opf(struct cg_op *op, uint32_t f6, enum cg_vform form)
{
   const struct cg_isa *isa = cg_isa_get();
   bool vv = form == CG_VV;

   switch (f6) {
   case 0x01: case 0x03: case 0x05: case 0x07: case 0x31: case 0x33:
      if (vv)
         set_other(op, cg_exec_freduce, form);
      return;
   case 0x0e:
   case 0x0f:
      if (!vv)
         set_other(op, f6 == 0x0e ? cg_exec_slide1up : cg_exec_slide1down, form);
      return;
   case 0x10:
      if (!op->vm || (vv ? op->rs1 : op->rs2))
         return;
      set_other(op, vv ? cg_exec_vfmv_f_s : cg_exec_vfmv_s_f, form);
      return;
   case 0x12:
      if (vv)
         set_unary(op, isa->funary0);
      return;
   case 0x13:
      if (vv)
         set_kernel(op, op->rs1 ? &isa->funary1[op->rs1] : isa->vfsqrt, form);
      return;
   case 0x17:
      if (!vv)
         set_kernel(op, op->vm ? &isa->opf[f6] : isa->vfmerge, form);
      return;
   }
   set_kernel(op, &isa->opf[f6], form);
}

void
cg_decode_vector(struct cg_op *op, uint32_t insn)
{
   uint32_t f6 = insn >> 26;
   op->rd = cg_bits(insn, 7, 5);

   switch (cg_bits(insn, 12, 3)) {
   case OPIVV: decode_opi(op, f6, CG_VV); break;
   case OPIVX: decode_opi(op, f6, CG_VX); break;
   case OPIVI: decode_opi(op, f6, CG_VI); break;
   case OPMVV: decode_opm(op, f6, CG_VV); break;
   case OPMVX: decode_opm(op, f6, CG_VX); break;
   case OPFVV: decode_opf(op, f6, CG_VV); break;
   case OPFVF: decode_opf(op, f6, CG_VF); break;
   }
}
