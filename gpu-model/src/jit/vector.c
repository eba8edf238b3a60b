/* SPDX-License-Identifier: MIT */
/*
 * Which vector instructions are translated, and putting them off.
 *
 * A block's operations are executed slice by slice (lanes.c), so what is put
 * off together must not depend on other slices: a register is seen with one
 * width of elements, or as a mask, and memory operands do not overlap.
 */
#include "exec.h"
#include "fp.h"
#include "translate.h"
#include "vec_mem.h"

#define P66(w, op)    EVEX_OP(PP_66, MAP_0F, w, op)
#define P66_38(w, op) EVEX_OP(PP_66, MAP_0F38, w, op)
#define P66_3A(w, op) EVEX_OP(PP_66, MAP_0F3A, w, op)

/** How an operation of RISC-V is done; opcodes by width, 0: not at all. */
struct form {
   uint8_t kind, flags, imm;
   uint32_t opc[4];
};

#define BIN(b, w, d, q) { V_BIN, 0, 0, { b, w, d, q } }
#define LOGIC(op) BIN(P66(0, op), P66(0, op), P66(0, op), P66(1, op))
#define MAC(fl) { V_MAC, fl, 0, { 0, P66(0, 0xd5), P66_38(0, 0x40), P66_38(1, 0x40) } }
#define CMP_U(pred) { V_CMP, 0, pred, { P66_3A(0, 0x3e), P66_3A(1, 0x3e), P66_3A(0, 0x1e), P66_3A(1, 0x1e) } }
#define CMP_S(pred) { V_CMP, 0, pred, { P66_3A(0, 0x3f), P66_3A(1, 0x3f), P66_3A(0, 0x1f), P66_3A(1, 0x1f) } }
#define MOVE(k) { k, 0, 0, { 1, 1, 1, 1 } }
#define FP(kind, fl, imm, op) { kind, fl, imm, { 0, 0, EVEX_OP(PP_NONE, MAP_0F, 0, op), P66(1, op) } }
#define FMA(op, fl) { V_FMA, fl, 0, { 0, 0, P66_38(0, op), P66_38(1, op) } }
#define FSIGN(imm) { V_FSIGN, 0, imm, { 0, 0, P66_3A(0, 0x25), P66_3A(1, 0x25) } }
#define FMINMAX(imm) { V_FMINMAX, 0, imm, { 0, 0, P66_3A(0, 0x50), P66_3A(1, 0x50) } }

enum { EQ, LT, LE, NE = 4, GE, GT };

enum { VOR = 0x0a };   /* funct6 */

static const struct form opi[64] = {
   [0x00] = BIN(P66(0, 0xfc), P66(0, 0xfd), P66(0, 0xfe), P66(1, 0xd4)),
   [0x02] = BIN(P66(0, 0xf8), P66(0, 0xf9), P66(0, 0xfa), P66(1, 0xfb)),
   [0x03] = { V_BIN, VF_REVERSE, 0, { P66(0, 0xf8), P66(0, 0xf9), P66(0, 0xfa), P66(1, 0xfb) } },
   [0x04] = BIN(P66(0, 0xda), P66_38(0, 0x3a), P66_38(0, 0x3b), P66_38(1, 0x3b)),
   [0x05] = BIN(P66_38(0, 0x38), P66(0, 0xea), P66_38(0, 0x39), P66_38(1, 0x39)),
   [0x06] = BIN(P66(0, 0xde), P66_38(0, 0x3e), P66_38(0, 0x3f), P66_38(1, 0x3f)),
   [0x07] = BIN(P66_38(0, 0x3c), P66(0, 0xee), P66_38(0, 0x3d), P66_38(1, 0x3d)),
   [0x09] = LOGIC(0xdb),
   [VOR] = LOGIC(0xeb),
   [0x0b] = LOGIC(0xef),
   [0x18] = CMP_U(EQ), [0x19] = CMP_U(NE), [0x1a] = CMP_U(LT), [0x1b] = CMP_S(LT),
   [0x1c] = CMP_U(LE), [0x1d] = CMP_S(LE), [0x1e] = CMP_U(GT), [0x1f] = CMP_S(GT),
   [0x25] = { V_SHIFT, 0, 6, { 0, P66_38(1, 0x12), P66_38(0, 0x47), P66_38(1, 0x47) } },
   [0x28] = { V_SHIFT, 0, 2, { 0, P66_38(1, 0x10), P66_38(0, 0x45), P66_38(1, 0x45) } },
   [0x29] = { V_SHIFT, 0, 4, { 0, P66_38(1, 0x11), P66_38(0, 0x46), P66_38(1, 0x46) } },
};

static const struct form opm[64] = {
   [0x25] = BIN(0, P66(0, 0xd5), P66_38(0, 0x40), P66_38(1, 0x40)),
   [0x29] = MAC(VF_ADD_VS2),
   [0x2b] = MAC(VF_ADD_VS2 | VF_SUB),
   [0x2d] = MAC(0),
   [0x2f] = MAC(VF_SUB),
};

/* Products come from the forms 231 (vd is the addend) and 132 (vs2 is). */
static const struct form opf[64] = {
   [0x00] = FP(V_FBIN, 0, 0, 0x58),
   [0x02] = FP(V_FBIN, 0, 0, 0x5c),
   [0x04] = FMINMAX(4), [0x06] = FMINMAX(5),
   [0x08] = FSIGN(0xd8), [0x09] = FSIGN(0x72), [0x0a] = FSIGN(0x78),
   [0x17] = { V_MOVE, 0, 0, { 0, 0, 1, 1 } },
   [0x18] = FP(V_FCMP, 0, 0x00, 0xc2), [0x19] = FP(V_FCMP, 0, 0x02, 0xc2), [0x1b] = FP(V_FCMP, 0, 0x01, 0xc2),
   [0x1c] = FP(V_FCMP, 0, 0x04, 0xc2), [0x1d] = FP(V_FCMP, 0, 0x0e, 0xc2), [0x1f] = FP(V_FCMP, 0, 0x0d, 0xc2),
   [0x20] = FP(V_FBIN, 0, 0, 0x5e), [0x21] = FP(V_FBIN, VF_REVERSE, 0, 0x5e),
   [0x24] = FP(V_FBIN, 0, 0, 0x59), [0x27] = FP(V_FBIN, VF_REVERSE, 0, 0x5c),
   [0x28] = FMA(0x98, VF_ADD_VS2), [0x29] = FMA(0x9e, VF_ADD_VS2),
   [0x2a] = FMA(0x9a, VF_ADD_VS2), [0x2b] = FMA(0x9c, VF_ADD_VS2),
   [0x2c] = FMA(0xb8, 0), [0x2d] = FMA(0xbe, 0), [0x2e] = FMA(0xba, 0), [0x2f] = FMA(0xbc, 0),
};

static const struct form move_form = MOVE(V_MOVE), merge_form = MOVE(V_MERGE), fmerge_form = { V_MERGE, 0, 0, { 0, 0, 1, 1 } };
static const struct form sqrt_form = FP(V_FSQRT, 0, 0, 0x51);

/* Zero and sign extension by the widths of vs2 and vd. */
static const uint32_t extensions[2][4][4] = {
   { { 0, P66_38(0, 0x30), P66_38(0, 0x31), P66_38(0, 0x32) }, { 0, 0, P66_38(0, 0x33), P66_38(0, 0x34) },
     { 0, 0, 0, P66_38(0, 0x35) } },
   { { 0, P66_38(0, 0x20), P66_38(0, 0x21), P66_38(0, 0x22) }, { 0, 0, P66_38(0, 0x23), P66_38(0, 0x24) },
     { 0, 0, 0, P66_38(0, 0x25) } },
};

/* Conversions of 32 bits, by the vs1 field; the table has 8 of them. */
static const struct form conversions[8] = {
   [0] = { V_FCVT, VF_TO_INT | VF_UNSIGNED, 0, { 0, 0, EVEX_OP(PP_NONE, MAP_0F, 0, 0x79), 0 } },
   [1] = { V_FCVT, VF_TO_INT, 0, { 0, 0, P66(0, 0x5b), 0 } },
   [2] = { V_FCVT, VF_UNSIGNED, 0, { 0, 0, EVEX_OP(PP_F2, MAP_0F, 0, 0x7a), 0 } },
   [3] = { V_FCVT, 0, 0, { 0, 0, EVEX_OP(PP_NONE, MAP_0F, 0, 0x5b), 0 } },
   [6] = { V_FCVT, VF_TO_INT | VF_UNSIGNED, 0, { 0, 0, EVEX_OP(PP_NONE, MAP_0F, 0, 0x78), 0 } },
   [7] = { V_FCVT, VF_TO_INT, 0, { 0, 0, EVEX_OP(PP_F3, MAP_0F, 0, 0x5b), 0 } },
};

bool
jit_is_vector(const struct cg_op *op)
{
   uint32_t opcode = op->insn & 0x7f, width = op->insn >> 12 & 7;
   if (opcode == COLIBRI_INSN_OPCODE)
      return op->fn == cg_exec_vatomic;
   return opcode == 0x57 || ((opcode == 0x07 || opcode == 0x27) && (width == 0 || width >= 5));
}

/* Elements of 32 bits, with legal registers: at other widths and with segments the interpreter's. */
bool
jit_is_gather(const struct cg_op *op, unsigned vtype)
{
   bool store = op->fn == cg_exec_vsxei;
   if ((!store && op->fn != cg_exec_vlxei) || (vtype >> 3 & 7) != 2 || op->form != 3 || op->rm != 1 || op->rs2 % 2)
      return false;
   return store || (op->rd / 2 != op->rs2 / 2 && (op->vm || op->rd != 0));
}

bool
jit_is_whole(const struct jit_region *t, const struct cg_op *op)
{
   return (op->fn == cg_exec_vlr || op->fn == cg_exec_vsr) && t->jit->core->cfg.vlen == 2048;
}

bool
jit_vtype_ok(const struct jit_region *t, int64_t vtype)
{
   unsigned sew = vtype >> 3 & 7, lmul = vtype & 7;
   return t->jit->core->cfg.vlen == 2048 && vtype >= 0 && vtype < 256 && sew <= 3 && lmul == (sew + 6) % 8;
}

/* The arithmetic instruction's form, NULL if it has none here. */
static const struct form *
find_form(const struct cg_op *op, unsigned sew)
{
   const struct cg_isa *isa = &cg_isa_avx512;
   const struct cg_vinfo *i = op->vinfo;
   const struct form *form = NULL;

   if (op->fn != cg_vec_slow)
      return NULL;
   if (i >= isa->opi && i < isa->opi + 64)
      form = &opi[i - isa->opi];
   else if (i >= isa->opm && i < isa->opm + 64)
      form = &opm[i - isa->opm];
   else if (i >= isa->opf && i < isa->opf + 64)
      form = &opf[i - isa->opf];
   else if (i == isa->vmv)
      form = &move_form;
   else if (i == isa->vmerge)
      form = &merge_form;
   else if (i == isa->vfmerge)
      form = &fmerge_form;
   else if (i == isa->vfsqrt)
      form = &sqrt_form;
   else if (i >= isa->funary0 && i < isa->funary0 + 8)
      form = &conversions[i - isa->funary0];
   return form && form->kind && form->opc[sew] ? form : NULL;
}

/* ---- Operands ----------------------------------------------------------------------*/

#define VIEW(eew) (uint8_t)((eew) + 1)

static bool
group_ok(unsigned reg, unsigned eew)
{
   return eew < 3 || reg % 2 == 0;
}

/* Everything about the registers of an operation. */
struct uses {
   uint8_t read[3], read_eew[3], num_reads;
   uint8_t write, write_eew;
   bool writes, partly;           /* partly: the old content matters */
   uint32_t masks;                /* read */
   bool mask_write;
};

static void
reads(struct uses *u, unsigned reg, unsigned eew)
{
   u->read[u->num_reads] = (uint8_t)reg;
   u->read_eew[u->num_reads++] = (uint8_t)eew;
}

/* @return false: not as it is seen by what was put off */
static bool
reads_fit(const struct jit_region *t, const struct uses *u)
{
   for (unsigned i = 0; i < u->num_reads; i++) {
      uint32_t regs = jit_group(u->read[i], u->read_eew[i]);
      if (t->m_written & regs)
         return false;
      for (uint32_t r = regs; r; r &= r - 1) {
         uint8_t view = t->view[__builtin_ctz(r)];
         if (view && view != VIEW(u->read_eew[i]))
            return false;
      }
   }
   return !(u->masks & t->e_written & ~t->m_written);
}

static bool
write_fits(const struct jit_region *t, const struct uses *u)
{
   uint32_t regs = jit_group(u->write, u->mask_write ? 2 : u->write_eew);
   if (!u->writes)
      return true;
   if (t->pinned & regs)
      return false;
   if (u->mask_write)
      return true;
   if (t->m_loaded & regs)
      return false;
   for (uint32_t r = regs; r; r &= r - 1) {
      unsigned reg = (unsigned)__builtin_ctz(r);
      uint8_t view = t->view[reg];
      if (!view || view == VIEW(u->write_eew))
         continue;
      /* Another width may only go if all of it is replaced. */
      if ((t->e_loaded >> reg & 1) || view == VIEW(3) || u->write_eew < 2)
         return false;
   }
   return true;
}

static unsigned
new_zmm(const struct jit_region *t, uint32_t regs)
{
   unsigned n = 0;
   for (; regs; regs &= regs - 1)
      n += t->zmm[__builtin_ctz(regs)] == 0xff;
   return n;
}

/* Is there a host register for each? */
static bool
room(const struct jit_region *t, const struct uses *u)
{
   uint32_t regs = 0, masks = u->masks | (u->mask_write ? 1u << u->write : 0);
   unsigned k = t->num_k, out = (unsigned)__builtin_popcount(t->m_written);
   for (unsigned i = 0; i < u->num_reads; i++)
      regs |= jit_group(u->read[i], u->read_eew[i]);
   if (u->writes && !u->mask_write)
      regs |= jit_group(u->write, u->write_eew);
   for (uint32_t r = masks; r; r &= r - 1)
      k += t->kreg[__builtin_ctz(r)] == 0;
   return t->num_zmm + new_zmm(t, regs) <= 28 && k <= 5 && out + u->mask_write <= 4 && t->num_vops < MAX_PUT_OFF &&
          t->num_slots + 8 < JIT_SLOTS;
}

static void
take_zmm(struct jit_region *t, uint32_t regs, unsigned eew)
{
   for (; regs; regs &= regs - 1) {
      unsigned r = (unsigned)__builtin_ctz(regs);
      if (t->zmm[r] == 0xff)
         t->zmm[r] = (uint8_t)t->num_zmm++;
      t->view[r] = VIEW(eew);
   }
}

static void
take_k(struct jit_region *t, unsigned r)
{
   if (!t->kreg[r])
      t->kreg[r] = (uint8_t)++t->num_k;
}

/* The views, after it was seen that they fit. */
static void
take(struct jit_region *t, const struct uses *u)
{
   for (unsigned i = 0; i < u->num_reads; i++) {
      uint32_t regs = jit_group(u->read[i], u->read_eew[i]);
      t->e_loaded |= regs & ~t->e_written;
      take_zmm(t, regs, u->read_eew[i]);
   }
   for (uint32_t r = u->masks; r; r &= r - 1) {
      take_k(t, (unsigned)__builtin_ctz(r));
      t->m_loaded |= (r & -r) & ~t->m_written;
   }
   if (!u->writes)
      return;
   if (u->mask_write) {
      take_k(t, u->write);
      t->m_written |= 1u << u->write;
   } else {
      uint32_t regs = jit_group(u->write, u->write_eew);
      take_zmm(t, regs, u->write_eew);
      t->e_written |= regs;
      t->m_written &= ~regs;
   }
}

/* Before the operation's first instruction is emitted. */
static void
make_fit(struct jit_region *t, const struct uses *u)
{
   if (!reads_fit(t, u) || !write_fits(t, u) || !room(t, u))
      jit_flush(t, jit_live_before(t));
}

/* Notes it for the slices, and for those who leave before they were executed. */
static void
put_off(struct jit_region *t, const struct cg_op *op, struct jit_vop v, const struct uses *u)
{
   struct cg_jit *jit = t->jit;

   if (jit->num_pending == JIT_PENDING) {
      t->failed = true;
      return;
   }
   take(t, u);
   v.pending = jit->num_pending++;
   jit->pending[v.pending] = (struct jit_pending){
      .op = jit_op(t, t->cur), .vtype = (uint16_t)t->vtype, .value_from = v.value ? (uint16_t)(t->pos + 1) : UINT16_MAX,
      .value = v.value, .fp_value = op->form == CG_VF, .memory = v.kind == V_LOAD || v.kind == V_STORE, .host = v.host,
   };
   t->vop[t->num_vops++] = v;
}

/* ---- Scalar operands --------------------------------------------------------------------*/

/* A single that is not boxed is a NaN. @return the slot */
static uint16_t
unboxed(struct jit_region *t, unsigned f)
{
   struct cg_asm *a = &t->a;
   unsigned slot = t->num_slots++;
   asm_load32(a, RDX, rm_f(f));
   asm_alu_imm(a, false, ALU_CMP, rm_mem(R_WAVE, rm_f(f).disp + 4), -1);
   asm_int(a, 0, false, 0x0f45, RDX, JIT(nan[0]));
   asm_store(a, rm_slot(slot), RDX);
   return (uint16_t)slot;
}

static void
scalar_operand(struct jit_region *t, const struct cg_op *op, struct jit_vop *v, unsigned sew)
{
   v->x = v->f = 0xff;
   switch (op->form) {
   case CG_VI:
      v->b = rm_small(op->imm);
      break;
   case CG_VX:
      v->b = rm_x(op->rs1);
      v->x = op->rs1;
      break;
   case CG_VF:
      if (sew == 3 || (t->boxed >> op->rs1 & 1)) {
         v->b = rm_f(op->rs1);
         v->f = op->rs1;
      } else {
         v->value = unboxed(t, op->rs1);
         v->b = rm_slot(v->value);
      }
      break;
   default:
      v->b_reg = v->kind != V_FSQRT && v->kind != V_FCVT;
      break;
   }
}

/* The host can do what frm says. */
static void
need_rm(struct jit_region *t)
{
   if (t->rm_checked)
      return;
   asm_int(&t->a, 0, false, 0x80, ALU_CMP, WAVE(rm)), asm_byte(&t->a, CG_RMM);
   jit_stub_exit(t, asm_jcc(&t->a, CC_AE));
   t->rm_checked = true;
}

/* ---- Instructions ---------------------------------------------------------------------------*/

/* What an instruction does to registers, NULL form: not translated.  No code is emitted. */
static bool
arithmetic_uses(const struct cg_op *op, const struct form *form, unsigned sew, struct uses *u)
{
   bool unary = form->kind == V_FSQRT || form->kind == V_FCVT;
   bool vector_b = op->form == CG_VV && !unary, carry = form->kind == V_MERGE;

   *u = (struct uses){ .writes = true, .write = op->rd, .write_eew = (uint8_t)sew };
   u->mask_write = form->kind == V_CMP || form->kind == V_FCMP;
   u->partly = (!op->vm && !carry) || form->kind == V_MAC || form->kind == V_FMA;
   if (!group_ok(op->rs2, sew) || (vector_b && !group_ok(op->rs1, sew)) || (!u->mask_write && !group_ok(op->rd, sew)))
      return false;
   if (!op->vm && op->rd == 0 && !u->mask_write)
      return false;
   if (form->kind == V_MERGE && op->vm)
      return false;
   if (form->kind != V_MOVE)
      reads(u, op->rs2, sew);
   if (vector_b)
      reads(u, op->rs1, sew);
   if (!op->vm)
      u->masks |= 1;
   if (u->partly && u->mask_write)
      u->masks |= 1u << op->rd;
   else if (u->partly)
      reads(u, op->rd, sew);
   /* A mask over the upper register of a pair that is read is not in its lowest part. */
   if (u->mask_write && sew == 3) {
      uint32_t sources = jit_group(op->rs2, 3) | (vector_b ? jit_group(op->rs1, 3) : 0);
      if ((sources >> op->rd & 1) && op->rd % 2)
         return false;
   }
   return true;
}

static bool
arithmetic(struct jit_region *t, const struct cg_op *op, unsigned sew)
{
   const struct form *form = find_form(op, sew);
   struct uses u;
   if (!form || !arithmetic_uses(op, form, sew, &u))
      return false;

   struct jit_vop v = {
      .kind = form->kind, .flags = form->flags, .imm = form->imm, .rd = op->rd, .rs1 = op->rs1, .rs2 = op->rs2,
      .eew = (uint8_t)sew, .masked = !op->vm, .opc = form->opc[sew],
   };
   if (op->vinfo->flags & CG_VI_ROUND)
      need_rm(t);
   make_fit(t, &u);
   scalar_operand(t, op, &v, sew);
   if (form == &opi[VOR] && sew == 2 && v.b_reg && !v.masked)
      jit_make_rotation(t, &v);
   put_off(t, op, v, &u);
   return true;
}

static bool
extension_uses(const struct cg_op *op, unsigned sew, unsigned *aeew, struct uses *u)
{
   const struct cg_isa *isa = &cg_isa_avx512;
   if (op->fn != cg_vec_slow || op->vinfo < isa->xunary || op->vinfo >= isa->xunary + 32)
      return false;
   unsigned shrink = 4 - op->rs1 / 2;   /* 2, 3: by 8; 4, 5: by 4; 6, 7: by 2 */
   if (op->rs1 < 2 || op->rs1 > 7 || sew < shrink || !op->vm || !group_ok(op->rd, sew))
      return false;
   *aeew = sew - shrink;
   if (jit_group(op->rd, sew) & 1u << op->rs2)
      return false;
   *u = (struct uses){ .writes = true, .write = op->rd, .write_eew = (uint8_t)sew };
   reads(u, op->rs2, *aeew);
   return true;
}

static bool
extension(struct jit_region *t, const struct cg_op *op, unsigned sew)
{
   struct uses u;
   unsigned aeew;
   if (!extension_uses(op, sew, &aeew, &u))
      return false;
   make_fit(t, &u);
   put_off(t, op, (struct jit_vop){ .kind = V_EXTEND, .rd = op->rd, .rs2 = op->rs2, .eew = (uint8_t)sew,
                                    .aeew = (uint8_t)aeew, .opc = extensions[op->rs1 & 1][aeew][sew],
                                    .x = 0xff, .f = 0xff }, &u);
   return true;
}

/* vid, mask logic, whole register moves */
static bool
other_uses(const struct cg_op *op, unsigned sew, struct uses *u, struct jit_vop *v)
{
   *u = (struct uses){ .writes = true, .write = op->rd, .write_eew = (uint8_t)sew };
   *v = (struct jit_vop){ .rd = op->rd, .rs1 = op->rs1, .rs2 = op->rs2, .eew = (uint8_t)sew, .x = 0xff, .f = 0xff };
   if (op->fn == cg_exec_vid && op->vm && group_ok(op->rd, sew)) {
      v->kind = V_IOTA;
      return true;
   }
   if (op->fn == cg_exec_mask_logic) {
      v->kind = V_LOGIC;
      v->imm = op->insn >> 26 & 7;
      u->mask_write = true;
      u->masks = 1u << op->rs1 | 1u << op->rs2;
      return true;
   }
   if (op->fn == cg_exec_vmvr && op->imm <= 1 && op->rd % (op->imm + 1) == 0 && op->rs2 % (op->imm + 1) == 0) {
      v->kind = V_COPY;
      v->eew = u->write_eew = op->imm ? 3 : 2;
      reads(u, op->rs2, v->eew);
      return true;
   }
   return false;
}

/* Is the register that is moved seen as a mask? One that nobody has seen is if it goes to v0. */
static bool
moves_mask(const struct jit_region *t, const struct cg_op *op)
{
   if (op->fn != cg_exec_vmvr || op->imm || t->view[op->rd] || (t->e_written >> op->rs2 & 1))
      return false;
   return (t->m_loaded | t->m_written) >> op->rs2 & 1 || (op->rd == 0 && !t->view[op->rs2]);
}

static bool
other(struct jit_region *t, const struct cg_op *op, unsigned sew)
{
   struct uses u;
   struct jit_vop v;
   if (!other_uses(op, sew, &u, &v))
      return false;
   if (moves_mask(t, op)) {
      u = (struct uses){ .writes = true, .write = op->rd, .mask_write = true, .masks = 1u << op->rs2 };
      v.kind = V_LOGIC;
      v.imm = VL_AND;
      v.rs1 = op->rs2;
      v.flags = VF_WHOLE;
   }
   make_fit(t, &u);
   put_off(t, op, v, &u);
   return true;
}

/* ---- Across lanes ---------------------------------------------------------------------------*/

/* vrgather.vv of 32-bit elements */
static bool
permute_uses(const struct cg_op *op, unsigned vtype, struct uses *u)
{
   enum { SEW_LMUL = 0x3f, E32_M1 = 2 << 3 };
   if (op->fn != cg_exec_gather || op->form != CG_VV || !op->vm || (vtype & SEW_LMUL) != E32_M1 ||
       op->rd == op->rs1 || op->rd == op->rs2)
      return false;
   *u = (struct uses){ .writes = true, .write = op->rd, .write_eew = 2 };
   reads(u, op->rs1, 2);
   return true;
}

static bool
permute(struct jit_region *t, const struct cg_op *op)
{
   struct uses u;
   if (!permute_uses(op, (unsigned)t->vtype, &u))
      return false;
   make_fit(t, &u);
   if ((t->e_written | t->m_written) >> op->rs2 & 1)
      jit_flush(t, jit_live_before(t));
   put_off(t, op, (struct jit_vop){ .kind = V_PERMUTE, .rd = op->rd, .rs1 = op->rs1, .rs2 = op->rs2, .eew = 2,
                                    .b_reg = true, .x = 0xff, .f = 0xff }, &u);
   t->pinned |= 1u << op->rs2;
   return true;
}

/* ---- Memory ---------------------------------------------------------------------------------*/

static bool
memory_uses(const struct cg_op *op, struct uses *u, struct jit_vop *v)
{
   bool store = op->fn == cg_exec_vse || op->fn == cg_exec_vsr;
   bool whole = op->fn == cg_exec_vlr || op->fn == cg_exec_vsr;
   unsigned eew = op->form;

   if (!store && !whole && op->fn != cg_exec_vle)
      return false;
   if (whole) {
      if (op->rm > 2)
         return false;
      eew = op->rm == 2 ? 3 : 2;
   } else if (op->rm != 1 || !group_ok(op->rd, eew) || (!op->vm && !store && op->rd == 0)) {
      return false;
   }
   *u = (struct uses){ .writes = !store, .write = op->rd, .write_eew = (uint8_t)eew, .partly = !op->vm };
   *v = (struct jit_vop){
      .kind = store ? V_STORE : V_LOAD, .rd = op->rd, .eew = (uint8_t)eew, .masked = !op->vm, .x = 0xff, .f = 0xff,
      .bytes = (uint16_t)(whole ? op->rm * CG_MAX_VLENB : CG_LANES << eew),
   };
   if (store || !op->vm)
      reads(u, op->rd, eew);
   if (!op->vm)
      u->masks = 1;
   return true;
}

/* Leaves if [rcx, + bytes) overlaps what is to be accessed before, unless lane by lane. */
static void
check_overlap(struct jit_region *t, const struct jit_vop *v, const struct jit_vop *before)
{
   struct cg_asm *a = &t->a;
   uint8_t *same = NULL;
   asm_int(a, 0, true, 0x89, RCX, rm_reg(RAX));
   asm_alu(a, true, ALU_SUB, RAX, before->host_reg ? rm_reg(before->host_reg) : rm_slot(before->host));
   if (v->eew == before->eew)
      same = asm_jcc(a, CC_E);
   asm_alu_imm(a, true, ALU_ADD, rm_reg(RAX), v->bytes - 1);
   asm_alu_imm(a, true, ALU_CMP, rm_reg(RAX), v->bytes + before->bytes - 1);
   jit_stub_exit(t, asm_jcc(a, CC_B));
   if (same)
      asm_patch(a, same, a->p);
}

static bool
memory(struct jit_region *t, const struct cg_op *op)
{
   struct uses u;
   struct jit_vop v;
   if (!memory_uses(op, &u, &v))
      return false;
   bool store = v.kind == V_STORE;

   if (t->num_memory == MAX_MEMORY)
      jit_flush(t, jit_live_before(t));
   make_fit(t, &u);
   if (!op->rs1)
      asm_alu(&t->a, false, ALU_XOR, RAX, rm_reg(RAX));
   else if (t->acc != op->rs1)
      asm_load(&t->a, RAX, rm_x(op->rs1));
   t->acc = -1;
   jit_address(t, v.bytes, store ? CG_PERM_W : CG_PERM_R);
   for (unsigned i = 0; i < t->num_vops; i++) {
      const struct jit_vop *before = &t->vop[i];
      if (before->kind == V_STORE || (store && before->kind == V_LOAD))
         check_overlap(t, &v, before);
   }
   v.host = (uint16_t)t->num_slots++;
   v.host_reg = t->num_memory < HOST_REGS ? jit_host_reg[t->num_memory] : 0;
   asm_store(&t->a, v.host_reg ? rm_reg(v.host_reg) : rm_slot(v.host), RCX);
   put_off(t, op, v, &u);
   t->num_memory++;
   t->stores |= store;
   return true;
}

/* ---- To scalar registers ------------------------------------------------------------------------*/

/* vmv.x.s: element 0, often the bits of a mask */
static bool
to_scalar(struct jit_region *t, const struct cg_op *op, unsigned sew)
{
   if (op->fn != cg_exec_vmv_x_s || sew < 2)
      return false;
   if ((t->e_written | t->m_written) >> op->rs2 & 1)
      jit_flush(t, jit_live_before(t) | 1u << op->rs2);
   if (op->rd == CG_XZERO_SINK)
      return true;
   jit_keep_x(t, op->rd);
   asm_int(&t->a, 0, true, sew == 3 ? 0x8b : 0x63, RAX, rm_v(op->rs2, 0));
   asm_store(&t->a, rm_x(op->rd), RAX);
   t->acc = op->rd;
   return true;
}

bool
jit_vector(struct jit_region *t, const struct cg_op *op)
{
   unsigned sew = (unsigned)t->vtype >> 3 & 7;
   if (jit_is_whole(t, op))
      return memory(t, op);
   return arithmetic(t, op, sew) || extension(t, op, sew) || other(t, op, sew) || permute(t, op) ||
          memory(t, op) || to_scalar(t, op, sew);
}

void
jit_vector_effects(struct jit_region *t, struct jit_insn *i)
{
   const struct cg_op *op = &i->op;
   struct uses u;
   struct jit_vop v;
   unsigned sew, aeew;

   i->use = i->def = 0;
   if (jit_is_vsetvli(op)) {
      /* With another vl, what follows writes less than it would. */
      i->use = op->rs1 || !jit_vtype_ok(t, op->imm) ? ~0u : 0;
      return;
   }
   if (!jit_is_vector(op)) {
      i->use = jit_changes_vtype(op) ? ~0u : 0;
      return;
   }
   i->use = ~0u;
   if (i->vtype == NO_VTYPE && !jit_is_whole(t, op))
      return;
   sew = (unsigned)i->vtype >> 3 & 7;
   if (op->fn == cg_exec_vmv_x_s) {
      i->use = 1u << op->rs2;
      return;
   }
   if (jit_is_gather(op, (unsigned)i->vtype)) {
      bool store = op->fn == cg_exec_vsxei;
      i->use = jit_group(op->rs2, 3) | (store || !op->vm ? 1u << op->rd : 0) | (op->vm ? 0 : 1);
      i->def = store || !op->vm ? 0 : 1u << op->rd;
      return;
   }
   if (permute_uses(op, (unsigned)i->vtype, &u)) {
      i->use = 1u << op->rs1 | 1u << op->rs2;
      i->def = 1u << op->rd;
      return;
   }
   if (!memory_uses(op, &u, &v)) {
      const struct form *form = find_form(op, sew);
      if (!(form && arithmetic_uses(op, form, sew, &u)) && !extension_uses(op, sew, &aeew, &u) &&
          !other_uses(op, sew, &u, &v))
         return;
   }
   i->use = u.masks;
   for (unsigned r = 0; r < u.num_reads; r++)
      i->use |= jit_group(u.read[r], u.read_eew[r]);
   if (u.writes && !u.mask_write && !u.partly && u.write_eew >= 2)
      i->def = jit_group(u.write, u.write_eew);
}
