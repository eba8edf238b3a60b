/* SPDX-License-Identifier: MIT */
/*
 * From machine code to struct cg_op: the integer instructions and the way to
 * the other decoders.
 */
#include "exec.h"
#include "mem.h"
#include "vec.h"

#define F3(insn) cg_bits(insn, 12, 3)
#define F7(insn) cg_bits(insn, 25, 7)

static int64_t
imm_i(uint32_t insn)
{
   return (int32_t)insn >> 20;
}

static int64_t
imm_s(uint32_t insn)
{
   return ((int32_t)insn >> 25) * 32ll | cg_bits(insn, 7, 5);
}

static int64_t
imm_b(uint32_t insn)
{
   return ((int32_t)insn >> 31) * 4096ll | cg_bits(insn, 7, 1) << 11 | cg_bits(insn, 25, 6) << 5 |
          cg_bits(insn, 8, 4) << 1;
}

static int64_t
imm_j(uint32_t insn)
{
   return ((int32_t)insn >> 31) * (1ll << 20) | cg_bits(insn, 12, 8) << 12 | cg_bits(insn, 20, 1) << 11 |
          cg_bits(insn, 21, 10) << 1;
}

static void
decode_load(struct cg_op *op, uint32_t insn)
{
   static const cg_exec_fn fn[8] = { cg_x_lb, cg_x_lh, cg_x_lw, cg_x_ld, cg_x_lbu, cg_x_lhu, cg_x_lwu, NULL };
   op->fn = fn[F3(insn)];
   op->imm = imm_i(insn);
}

static void
decode_store(struct cg_op *op, uint32_t insn)
{
   static const cg_exec_fn fn[8] = { cg_x_sb, cg_x_sh, cg_x_sw, cg_x_sd };
   op->fn = fn[F3(insn)];
   op->imm = imm_s(insn);
}

static void
decode_load_fp(struct cg_op *op, uint32_t insn)
{
   static const cg_exec_fn fn[8] = { NULL, cg_x_flh, cg_x_flw, cg_x_fld };
   if (!fn[F3(insn)]) {
      cg_decode_vmem(op, insn);
      return;
   }
   op->fn = fn[F3(insn)];
   op->rd = cg_bits(insn, 7, 5);
   op->imm = imm_i(insn);
}

static void
decode_store_fp(struct cg_op *op, uint32_t insn)
{
   static const cg_exec_fn fn[8] = { NULL, cg_x_fsh, cg_x_fsw, cg_x_fsd };
   if (!fn[F3(insn)]) {
      cg_decode_vmem(op, insn);
      return;
   }
   op->fn = fn[F3(insn)];
   op->imm = imm_s(insn);
}

/* Zbb's one-operand instructions, told apart by the rs2 field. */
static cg_exec_fn
decode_unary(uint32_t rs2, bool word)
{
   switch (rs2) {
   case 0: return word ? cg_x_clzw : cg_x_clz;
   case 1: return word ? cg_x_ctzw : cg_x_ctz;
   case 2: return word ? cg_x_cpopw : cg_x_cpop;
   case 4: return word ? NULL : cg_x_sext_b;
   case 5: return word ? NULL : cg_x_sext_h;
   default: return NULL;
   }
}

static void
decode_imm(struct cg_op *op, uint32_t insn)
{
   static const cg_exec_fn fn[8] = { cg_x_addi, NULL, cg_x_slti, cg_x_sltiu, cg_x_xori, NULL, cg_x_ori, cg_x_andi };
   uint32_t f6 = insn >> 26, shamt = cg_bits(insn, 20, 6);

   op->fn = fn[F3(insn)];
   op->imm = imm_i(insn);
   if (F3(insn) == 1) {
      op->imm = shamt;
      op->fn = f6 == 0 ? cg_x_slli : f6 == 0x18 ? decode_unary(shamt, false) : NULL;
   } else if (F3(insn) == 5) {
      uint32_t imm12 = insn >> 20;
      op->imm = shamt;
      op->fn = f6 == 0 ? cg_x_srli : f6 == 0x10 ? cg_x_srai : f6 == 0x18 ? cg_x_rori :
               imm12 == 0x287 ? cg_x_orc_b : imm12 == 0x6b8 ? cg_x_rev8 : NULL;
   } else if (F3(insn) == 0 && op->rs1 == 0) {
      op->fn = cg_x_li;
   }
}

static void
decode_imm32(struct cg_op *op, uint32_t insn)
{
   uint32_t f7 = F7(insn), shamt = cg_bits(insn, 20, 5);
   op->imm = shamt;
   switch (F3(insn)) {
   case 0:
      op->imm = imm_i(insn);
      op->fn = cg_x_addiw;
      break;
   case 1:
      op->fn = f7 == 0 ? cg_x_slliw : f7 == 0x30 ? decode_unary(shamt, true) : NULL;
      if (f7 >> 1 == 2) {
         op->imm = cg_bits(insn, 20, 6);
         op->fn = cg_x_slli_uw;
      }
      break;
   case 5:
      op->fn = f7 == 0 ? cg_x_srliw : f7 == 0x20 ? cg_x_sraiw : f7 == 0x30 ? cg_x_roriw : NULL;
      break;
   }
}

static void
decode_op(struct cg_op *op, uint32_t insn)
{
   static const cg_exec_fn base[8] = { cg_x_add, cg_x_sll, cg_x_slt, cg_x_sltu, cg_x_xor, cg_x_srl, cg_x_or, cg_x_and };
   static const cg_exec_fn muldiv[8] = { cg_x_mul, cg_x_mulh, cg_x_mulhsu, cg_x_mulhu, cg_x_div, cg_x_divu, cg_x_rem, cg_x_remu };
   static const cg_exec_fn alt[8] = { cg_x_sub, NULL, NULL, NULL, cg_x_xnor, cg_x_sra, cg_x_orn, cg_x_andn };
   static const cg_exec_fn minmax[8] = { NULL, NULL, NULL, NULL, cg_x_min, cg_x_minu, cg_x_max, cg_x_maxu };
   static const cg_exec_fn shadd[8] = { NULL, NULL, cg_x_sh1add, NULL, cg_x_sh2add, NULL, cg_x_sh3add, NULL };
   static const cg_exec_fn rot[8] = { NULL, cg_x_rol, NULL, NULL, NULL, cg_x_ror, NULL, NULL };

   switch (F7(insn)) {
   case 0x00: op->fn = base[F3(insn)]; break;
   case 0x01: op->fn = muldiv[F3(insn)]; break;
   case 0x05: op->fn = minmax[F3(insn)]; break;
   case 0x10: op->fn = shadd[F3(insn)]; break;
   case 0x20: op->fn = alt[F3(insn)]; break;
   case 0x30: op->fn = rot[F3(insn)]; break;
   }
}

static void
decode_op32(struct cg_op *op, uint32_t insn)
{
   static const cg_exec_fn base[8] = { cg_x_addw, cg_x_sllw, NULL, NULL, NULL, cg_x_srlw, NULL, NULL };
   static const cg_exec_fn muldiv[8] = { cg_x_mulw, NULL, NULL, NULL, cg_x_divw, cg_x_divuw, cg_x_remw, cg_x_remuw };
   static const cg_exec_fn alt[8] = { cg_x_subw, NULL, NULL, NULL, NULL, cg_x_sraw, NULL, NULL };
   static const cg_exec_fn shadd[8] = { NULL, NULL, cg_x_sh1add_uw, NULL, cg_x_sh2add_uw, NULL, cg_x_sh3add_uw, NULL };
   static const cg_exec_fn rot[8] = { NULL, cg_x_rolw, NULL, NULL, NULL, cg_x_rorw, NULL, NULL };

   switch (F7(insn)) {
   case 0x00: op->fn = base[F3(insn)]; break;
   case 0x01: op->fn = muldiv[F3(insn)]; break;
   case 0x04: op->fn = F3(insn) == 0 ? cg_x_add_uw : F3(insn) == 4 && op->rs2 == 0 ? cg_x_zext_h : NULL; break;
   case 0x10: op->fn = shadd[F3(insn)]; break;
   case 0x20: op->fn = alt[F3(insn)]; break;
   case 0x30: op->fn = rot[F3(insn)]; break;
   }
}

static void
decode_branch(struct cg_op *op, uint32_t insn)
{
   static const cg_exec_fn fn[8] = { cg_x_beq, cg_x_bne, NULL, NULL, cg_x_blt, cg_x_bge, cg_x_bltu, cg_x_bgeu };
   op->fn = fn[F3(insn)];
   op->imm = imm_b(insn);
}

#define AMO_PAIR(f5, name) [f5] = { cg_x_##name##_w, cg_x_##name##_d }

static void
decode_amo(struct cg_op *op, uint32_t insn)
{
   static const cg_exec_fn fn[32][2] = {
      AMO_PAIR(0x00, amoadd), AMO_PAIR(0x01, amoswap), AMO_PAIR(0x02, lr), AMO_PAIR(0x03, sc),
      AMO_PAIR(0x04, amoxor), AMO_PAIR(0x08, amoor), AMO_PAIR(0x0c, amoand), AMO_PAIR(0x10, amomin),
      AMO_PAIR(0x14, amomax), AMO_PAIR(0x18, amominu), AMO_PAIR(0x1c, amomaxu),
   };
   uint32_t f5 = insn >> 27;
   if (F3(insn) != 2 && F3(insn) != 3)
      return;
   if (f5 == 2 && op->rs2 != 0)
      return;
   op->fn = fn[f5][F3(insn) - 2];
}

static void
decode_system(struct cg_op *op, uint32_t insn)
{
   if (F3(insn) == 0 || F3(insn) == 4)
      return;
   op->fn = cg_x_csr;
   op->form = F3(insn);
   op->imm = insn >> 20;
}

static void
decode_custom(struct cg_op *op, uint32_t insn)
{
   switch (F3(insn)) {
   case COLIBRI_INSN_F3_CTRL:
      if (insn == COLIBRI_INSN_OPCODE)
         op->fn = cg_x_endw;
      else if (insn == (COLIBRI_INSN_F7_BARRIER << 25 | COLIBRI_INSN_OPCODE))
         op->fn = cg_x_barrier;
      break;
   case COLIBRI_INSN_F3_ATOMIC32:
   case COLIBRI_INSN_F3_ATOMIC64:
      op->fn = cg_exec_vatomic;
      op->rd = cg_bits(insn, 7, 5);
      break;
   }
}

static void
decode_v(struct cg_op *op, uint32_t insn)
{
   if (F3(insn) != 7) {
      cg_decode_vector(op, insn);
   } else if (!(insn >> 31)) {
      op->fn = cg_exec_vsetvli;
      op->imm = cg_bits(insn, 20, 11);
   } else if (insn >> 30 == 3) {
      op->fn = cg_exec_vsetivli;
      op->imm = cg_bits(insn, 20, 10);
   } else if (F7(insn) == 0x40) {
      op->fn = cg_exec_vsetvl;
   }
}

void
cg_decode(struct cg_op *op, uint32_t insn)
{
   uint8_t rd = cg_bits(insn, 7, 5);
   *op = (struct cg_op){
      .insn = insn, .len = 2, .rd = rd ? rd : CG_XZERO_SINK,
      .rs1 = cg_bits(insn, 15, 5), .rs2 = cg_bits(insn, 20, 5), .rs3 = insn >> 27,
      .vm = insn >> 25 & 1, .fast = CG_NOT_FAST,
   };

   switch (insn & 0x7f) {
   case 0x03: decode_load(op, insn); break;
   case 0x07: decode_load_fp(op, insn); break;
   case COLIBRI_INSN_OPCODE: decode_custom(op, insn); break;
   case 0x0f: op->fn = F3(insn) == 0 ? cg_x_fence : F3(insn) == 1 ? cg_x_fence_i : NULL; break;
   case 0x13: decode_imm(op, insn); break;
   case 0x17: op->fn = cg_x_auipc; op->imm = (int32_t)(insn & ~0xfffu); break;
   case 0x1b: decode_imm32(op, insn); break;
   case 0x23: decode_store(op, insn); break;
   case 0x27: decode_store_fp(op, insn); break;
   case 0x2f: decode_amo(op, insn); break;
   case 0x33: decode_op(op, insn); break;
   case 0x37: op->fn = cg_x_li; op->imm = (int32_t)(insn & ~0xfffu); break;
   case 0x3b: decode_op32(op, insn); break;
   case 0x43: case 0x47: case 0x4b: case 0x4f: case 0x53: cg_decode_fp(op, insn); break;
   case 0x57: decode_v(op, insn); break;
   case 0x63: decode_branch(op, insn); break;
   case 0x67: op->fn = F3(insn) == 0 ? cg_x_jalr : NULL; op->imm = imm_i(insn); break;
   case 0x6f: op->fn = cg_x_jal; op->imm = imm_j(insn); break;
   case 0x73: decode_system(op, insn); break;
   }
   if (!op->fn)
      op->fn = cg_illegal;
}

/* Branches within the page go from slot to slot. */
static void
link_branch(struct cg_op *op, unsigned slot)
{
   uint32_t opcode = op->insn & 0x7f;
   if (opcode != 0x63 && opcode != 0x6f)
      return;
   int64_t target = 2 * (int64_t)slot + op->imm;
   op->form = target >= 0 && target < CG_PAGE_SIZE;
   if (op->form)
      op->imm /= 2;
}

static uint16_t
fetch16(const uint8_t *p)
{
   return p[0] | p[1] << 8;
}

static void
decode_to(struct cg_op *out, unsigned slot, uint32_t insn, unsigned len)
{
   cg_decode(out, insn);
   out->len = len;
   link_branch(out, slot);
}

bool
cg_decode_slot(struct cg_code_page *page, unsigned slot)
{
   uint32_t insn = fetch16(page->host + 2 * slot);

   if ((insn & 3) != 3)
      decode_to(&page->ops[slot], slot, cg_rvc_expand(insn), 1);
   else if (slot + 1 < CG_SLOTS_PER_PAGE)
      decode_to(&page->ops[slot], slot, insn | (uint32_t)fetch16(page->host + 2 * slot + 2) << 16, 2);
   else
      return false;
   return true;
}

const struct cg_op *
cg_exec_undecoded(struct cg_wave *w, const struct cg_op *op)
{
   struct cg_code_page *page = (struct cg_code_page *)w->page;
   unsigned slot = op - page->ops;

   if (!cg_decode_slot(page, slot)) {
      struct cg_span span;
      enum cg_mem_result r = cg_mem_span(w, page->va + CG_PAGE_SIZE, COLIBRI_ACCESS_EXEC, &span);
      if (r != CG_MEM_OK)
         return cg_mem_stop(w, op, r);
      page->straddles = true;
      decode_to(&page->ops[slot], slot, fetch16(page->host + 2 * slot) | (uint32_t)fetch16(span.host) << 16, 2);
   }
   return op->fn(w, op);
}

const struct cg_op *
cg_exec_page_end(struct cg_wave *w, const struct cg_op *op)
{
   const struct cg_op *next = cg_goto(w, cg_op_pc(w, op));
   if (!next) {
      w->instret--;
      return NULL;
   }
   return next->fn(w, next);
}
