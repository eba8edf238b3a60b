/* SPDX-License-Identifier: MIT */
/*
 * Scalar instructions.  Registers stay in memory; the one that was computed
 * last is known to be in rax.
 */
#include "exec.h"
#include "translate.h"

/* ---- Registers ------------------------------------------------------------------*/

/* What was put off and uses the register gets a copy of its value. */
static void
keep(struct jit_region *t, unsigned r, bool fp)
{
   struct cg_operand from = fp ? rm_f(r) : rm_x(r);
   int slot = -1;

   for (unsigned i = 0; i < t->num_vops; i++) {
      struct jit_vop *op = &t->vop[i];
      if ((fp ? op->f : op->x) != r)
         continue;
      if (slot < 0) {
         slot = (int)t->num_slots++;
         asm_load(&t->a, RDX, from);
         asm_store(&t->a, rm_slot((unsigned)slot), RDX);
      }
      op->b = rm_slot((unsigned)slot);
      op->x = op->f = 0xff;
      t->jit->pending[op->pending].value = (uint16_t)slot;
      t->jit->pending[op->pending].value_from = (uint16_t)(t->pos + 1);
   }
}

void
jit_keep_x(struct jit_region *t, unsigned r)
{
   if (r < 32)
      keep(t, r, false);
}

void
jit_keep_f(struct jit_region *t, unsigned r)
{
   if (r < 32)
      keep(t, r, true);
}

static void
get(struct jit_region *t, unsigned reg, unsigned x)
{
   if (t->acc == (int)x && x != 0)
      asm_int(&t->a, 0, true, 0x89, RAX, rm_reg(reg));
   else if (x == 0)
      asm_alu(&t->a, false, ALU_XOR, reg, rm_reg(reg));
   else
      asm_load(&t->a, reg, rm_x(x));
}

/* To rax, where it may be already. */
static void
get_rax(struct jit_region *t, unsigned x)
{
   if (t->acc != (int)x || x == 0)
      get(t, RAX, x);
   t->acc = -1;
}

static void
put_rax(struct jit_region *t, unsigned rd)
{
   if (rd == CG_XZERO_SINK) {
      t->acc = -1;
      return;
   }
   jit_keep_x(t, rd);
   asm_store(&t->a, rm_x(rd), RAX);
   t->acc = (int)rd;
}

static void
sign_extend(struct jit_region *t)
{
   asm_int(&t->a, 0, true, 0x63, RAX, rm_reg(RAX));
}

/* ---- Arithmetic --------------------------------------------------------------------*/

enum kind { ALU, ALU_W, SHIFT, SHIFT_W, COMPARE, MUL, MUL_W, SHADD, SHADD_UW, MINMAX, ANDN, EXTEND, COUNT, LI, AUIPC };

struct scalar {
   cg_exec_fn fn;
   uint8_t kind, op;
   bool imm;
};

/* x86: cmov conditions under which the second operand is taken; setcc for comparisons */
static const struct scalar table[] = {
   { cg_x_add, ALU, ALU_ADD, false }, { cg_x_addi, ALU, ALU_ADD, true },
   { cg_x_sub, ALU, ALU_SUB, false }, { cg_x_and, ALU, ALU_AND, false }, { cg_x_andi, ALU, ALU_AND, true },
   { cg_x_or, ALU, ALU_OR, false }, { cg_x_ori, ALU, ALU_OR, true },
   { cg_x_xor, ALU, ALU_XOR, false }, { cg_x_xori, ALU, ALU_XOR, true },
   { cg_x_addw, ALU_W, ALU_ADD, false }, { cg_x_addiw, ALU_W, ALU_ADD, true }, { cg_x_subw, ALU_W, ALU_SUB, false },
   { cg_x_sll, SHIFT, SH_SHL, false }, { cg_x_slli, SHIFT, SH_SHL, true },
   { cg_x_srl, SHIFT, SH_SHR, false }, { cg_x_srli, SHIFT, SH_SHR, true },
   { cg_x_sra, SHIFT, SH_SAR, false }, { cg_x_srai, SHIFT, SH_SAR, true },
   { cg_x_rol, SHIFT, SH_ROL, false }, { cg_x_ror, SHIFT, SH_ROR, false }, { cg_x_rori, SHIFT, SH_ROR, true },
   { cg_x_sllw, SHIFT_W, SH_SHL, false }, { cg_x_slliw, SHIFT_W, SH_SHL, true },
   { cg_x_srlw, SHIFT_W, SH_SHR, false }, { cg_x_srliw, SHIFT_W, SH_SHR, true },
   { cg_x_sraw, SHIFT_W, SH_SAR, false }, { cg_x_sraiw, SHIFT_W, SH_SAR, true },
   { cg_x_rolw, SHIFT_W, SH_ROL, false }, { cg_x_rorw, SHIFT_W, SH_ROR, false }, { cg_x_roriw, SHIFT_W, SH_ROR, true },
   { cg_x_slt, COMPARE, CC_L, false }, { cg_x_slti, COMPARE, CC_L, true },
   { cg_x_sltu, COMPARE, CC_B, false }, { cg_x_sltiu, COMPARE, CC_B, true },
   { cg_x_mul, MUL, 0, false }, { cg_x_mulw, MUL_W, 0, false },
   { cg_x_sh1add, SHADD, 1, false }, { cg_x_sh2add, SHADD, 2, false }, { cg_x_sh3add, SHADD, 3, false },
   { cg_x_add_uw, SHADD_UW, 0, false }, { cg_x_sh1add_uw, SHADD_UW, 1, false },
   { cg_x_sh2add_uw, SHADD_UW, 2, false }, { cg_x_sh3add_uw, SHADD_UW, 3, false },
   { cg_x_slli_uw, SHADD_UW, 0, true },
   { cg_x_min, MINMAX, CC_G, false }, { cg_x_max, MINMAX, CC_L, false },
   { cg_x_minu, MINMAX, CC_A, false }, { cg_x_maxu, MINMAX, CC_B, false },
   { cg_x_andn, ANDN, ALU_AND, false }, { cg_x_orn, ANDN, ALU_OR, false }, { cg_x_xnor, ANDN, ALU_XOR, false },
   { cg_x_sext_b, EXTEND, 0xbe, false }, { cg_x_sext_h, EXTEND, 0xbf, false }, { cg_x_zext_h, EXTEND, 0xb7, false },
   { cg_x_cpop, COUNT, 0xb8, false }, { cg_x_ctz, COUNT, 0xbc, false }, { cg_x_clz, COUNT, 0xbd, false },
   { cg_x_li, LI, 0, true }, { cg_x_auipc, AUIPC, 0, true },
};

static const struct scalar *
find(const struct cg_op *op)
{
   for (unsigned i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
      if (table[i].fn == op->fn)
         return &table[i];
   }
   return NULL;
}

/* rax = rax op second operand */
static void
alu(struct jit_region *t, const struct cg_op *op, const struct scalar *s, bool wide)
{
   get_rax(t, op->rs1);
   if (s->imm)
      asm_alu_imm(&t->a, wide, s->op, rm_reg(RAX), (int32_t)op->imm);
   else
      asm_alu(&t->a, wide, s->op, RAX, rm_x(op->rs2));
}

static void
shift(struct jit_region *t, const struct cg_op *op, const struct scalar *s, bool wide)
{
   if (!s->imm)
      get(t, RCX, op->rs2);
   get_rax(t, op->rs1);
   if (s->imm)
      asm_shift_imm(&t->a, wide, s->op, RAX, (unsigned)op->imm & (wide ? 63 : 31));
   else
      asm_shift_cl(&t->a, wide, s->op, RAX);
}

static void
compare(struct jit_region *t, const struct cg_op *op, const struct scalar *s)
{
   get_rax(t, op->rs1);
   if (s->imm)
      asm_alu_imm(&t->a, true, ALU_CMP, rm_reg(RAX), (int32_t)op->imm);
   else
      asm_alu(&t->a, true, ALU_CMP, RAX, rm_x(op->rs2));
   asm_int(&t->a, 0, false, 0x0f90 | s->op, 0, rm_reg(RAX));
   asm_int(&t->a, 0, false, 0x0fb6, RAX, rm_reg(RAX));
}

static void
shift_add(struct jit_region *t, const struct cg_op *op, const struct scalar *s)
{
   if (s->kind == SHADD_UW) {
      get_rax(t, op->rs1);
      asm_int(&t->a, 0, false, 0x89, RAX, rm_reg(RAX));
   } else {
      get_rax(t, op->rs1);
   }
   unsigned n = s->imm ? (unsigned)op->imm & 63 : s->op;
   if (n)
      asm_shift_imm(&t->a, true, SH_SHL, RAX, n);
   if (!s->imm)
      asm_alu(&t->a, true, ALU_ADD, RAX, rm_x(op->rs2));
}

static void
min_max(struct jit_region *t, const struct cg_op *op, const struct scalar *s)
{
   get(t, RCX, op->rs2);
   get_rax(t, op->rs1);
   asm_alu(&t->a, true, ALU_CMP, RAX, rm_reg(RCX));
   asm_int(&t->a, 0, true, 0x0f40 | s->op, RAX, rm_reg(RCX));
}

/* rs1 op ~rs2; xnor is the same with xor */
static void
and_not(struct jit_region *t, const struct cg_op *op, const struct scalar *s)
{
   get(t, RCX, op->rs2);
   get_rax(t, op->rs1);
   asm_int(&t->a, 0, true, 0xf7, 2, rm_reg(RCX));
   asm_alu(&t->a, true, s->op, RAX, rm_reg(RCX));
}

static void
multiply(struct jit_region *t, const struct cg_op *op, bool wide)
{
   get_rax(t, op->rs1);
   asm_int(&t->a, 0, wide, 0x0faf, RAX, rm_x(op->rs2));
}

static bool
arithmetic(struct jit_region *t, const struct cg_op *op)
{
   const struct scalar *s = find(op);
   if (!s)
      return false;
   if (op->rd == CG_XZERO_SINK)
      return true;
   switch ((enum kind)s->kind) {
   case ALU: alu(t, op, s, true); break;
   case ALU_W: alu(t, op, s, false); sign_extend(t); break;
   case SHIFT: shift(t, op, s, true); break;
   case SHIFT_W: shift(t, op, s, false); sign_extend(t); break;
   case COMPARE: compare(t, op, s); break;
   case MUL: multiply(t, op, true); break;
   case MUL_W: multiply(t, op, false); sign_extend(t); break;
   case SHADD:
   case SHADD_UW: shift_add(t, op, s); break;
   case MINMAX: min_max(t, op, s); break;
   case ANDN: and_not(t, op, s); break;
   case EXTEND:
      get_rax(t, op->rs1);
      asm_int(&t->a, 0, true, 0x0f00u | s->op, RAX, rm_reg(RAX));
      break;
   case COUNT:   /* popcnt, tzcnt, lzcnt */
      get_rax(t, op->rs1);
      asm_int(&t->a, 0xf3, true, 0x0f00u | s->op, RAX, rm_reg(RAX));
      break;
   case LI: asm_mov_imm(&t->a, RAX, (uint64_t)op->imm); break;
   case AUIPC: asm_mov_imm(&t->a, RAX, t->page->va + 2ull * t->insn[t->cur].slot + (uint64_t)op->imm); break;
   }
   put_rax(t, op->rd);
   return true;
}

/* ---- Memory --------------------------------------------------------------------------*/

struct access {
   cg_exec_fn fn;
   uint8_t size;
   bool store, fp;
   uint32_t op;      /**< of the x86 move */
   bool wide;
};

static const struct access accesses[] = {
   { cg_x_lb, 1, false, false, 0x0fbe, true }, { cg_x_lh, 2, false, false, 0x0fbf, true },
   { cg_x_lw, 4, false, false, 0x63, true }, { cg_x_ld, 8, false, false, 0x8b, true },
   { cg_x_lbu, 1, false, false, 0x0fb6, false }, { cg_x_lhu, 2, false, false, 0x0fb7, false },
   { cg_x_lwu, 4, false, false, 0x8b, false },
   { cg_x_flw, 4, false, true, 0x8b, false }, { cg_x_fld, 8, false, true, 0x8b, true },
   { cg_x_sb, 1, true, false, 0x88, false }, { cg_x_sh, 2, true, false, 0x89, false },
   { cg_x_sw, 4, true, false, 0x89, false }, { cg_x_sd, 8, true, false, 0x89, true },
   { cg_x_fsw, 4, true, true, 0x89, false }, { cg_x_fsd, 8, true, true, 0x89, true },
};

static void
load(struct jit_region *t, const struct cg_op *op, const struct access *m)
{
   struct cg_asm *a = &t->a;
   asm_int(a, 0, m->wide, m->op, RAX, rm_mem(RCX, 0));
   if (!m->fp) {
      put_rax(t, op->rd);
      return;
   }
   jit_keep_f(t, op->rd);
   asm_store(a, rm_f(op->rd), RAX);
   t->boxed &= ~(1u << op->rd);
   if (m->size == 4) {
      asm_store_imm(a, rm_mem(R_WAVE, rm_f(op->rd).disp + 4), 2, -1);
      t->boxed |= 1u << op->rd;
   }
}

static bool
memory(struct jit_region *t, const struct cg_op *op)
{
   const struct access *m = NULL;
   for (unsigned i = 0; i < sizeof(accesses) / sizeof(accesses[0]); i++) {
      if (accesses[i].fn == op->fn)
         m = &accesses[i];
   }
   if (!m)
      return false;
   /* Stores keep their order with all others, loads with stores. */
   if (m->store ? t->num_memory : t->stores)
      jit_flush(t, jit_live_before(t));
   get_rax(t, op->rs1);
   if (op->imm)
      asm_alu_imm(&t->a, true, ALU_ADD, rm_reg(RAX), (int32_t)op->imm);
   jit_address(t, m->size, m->store ? CG_PERM_W : CG_PERM_R);
   t->acc = -1;
   if (!m->store) {
      load(t, op, m);
      return true;
   }
   asm_load(&t->a, RAX, m->fp ? rm_f(op->rs2) : rm_x(op->rs2));
   asm_int(&t->a, m->size == 2 ? 0x66 : 0, m->wide, m->op, RAX, rm_mem(RCX, 0));
   return true;
}

/* ---- The rest --------------------------------------------------------------------------*/

/* fmv.w.x: boxes */
static bool
move_to_single(struct jit_region *t, const struct cg_op *op)
{
   if (op->fn != cg_x_fmv_to_s)
      return false;
   get_rax(t, op->rs1);
   jit_keep_f(t, op->rd);
   asm_store32(&t->a, rm_f(op->rd), RAX);
   asm_store_imm(&t->a, rm_mem(R_WAVE, rm_f(op->rd).disp + 4), 2, -1);
   t->boxed |= 1u << op->rd;
   return true;
}

bool
jit_scalar(struct jit_region *t, const struct cg_op *op)
{
   return arithmetic(t, op) || memory(t, op) || move_to_single(t, op);
}

bool
jit_is_branch(const struct cg_op *op)
{
   return op->fn == cg_x_jal || op->fn == cg_x_beq || op->fn == cg_x_bne || op->fn == cg_x_blt ||
          op->fn == cg_x_bge || op->fn == cg_x_bltu || op->fn == cg_x_bgeu;
}

unsigned
jit_compare(struct jit_region *t, const struct cg_op *op)
{
   if (op->rs2 == 0) {
      get_rax(t, op->rs1);
      asm_alu_imm(&t->a, true, ALU_CMP, rm_reg(RAX), 0);
   } else {
      get_rax(t, op->rs1);
      asm_alu(&t->a, true, ALU_CMP, RAX, rm_x(op->rs2));
   }
   return op->fn == cg_x_beq ? CC_E : op->fn == cg_x_bne ? CC_NE : op->fn == cg_x_blt ? CC_L :
          op->fn == cg_x_bge ? CC_GE : op->fn == cg_x_bltu ? CC_B : CC_AE;
}
