/* SPDX-License-Identifier: MIT */
/*
 * Executes what vector.c has put off: four slices of 16 lanes, one after the
 * other, each from loading what it needs to storing what is wanted.
 *
 * A register's 16 elements of 32 bits are one zmm, of 64 bits two; narrower
 * ones use its lower part.  Masks are in k1 to k5.  zmm29 to 31 and k6, k7
 * are free for one operation.
 *
 * Results of arithmetic may be NaNs other than RISC-V's as long as only
 * arithmetic looks at them.
 */
#include "translate.h"
#include "vec.h"

#define P66(w, op)    EVEX_OP(PP_66, MAP_0F, w, op)
#define P66_38(w, op) EVEX_OP(PP_66, MAP_0F38, w, op)
#define P66_3A(w, op) EVEX_OP(PP_66, MAP_0F3A, w, op)

#define MOV_LOAD  EVEX_OP(PP_F3, MAP_0F, 1, 0x6f)    /* vmovdqu64 */
#define MOV_STORE EVEX_OP(PP_F3, MAP_0F, 1, 0x7f)
#define CMP_PS    EVEX_OP(PP_NONE, MAP_0F, 0, 0xc2)
#define CMP_PD    P66(1, 0xc2)
#define UNORDERED 3

enum { SLICES = 4, T0 = 31, T1 = 30, T2 = 29, K6 = 6, K7 = 7 };

/* Where the bits of masks that were written are collected. */
static const uint8_t mask_out[] = { R8, R9, R10, R11 };

/* One slice. */
struct slice {
   struct jit_region *t;
   struct cg_asm *a;
   unsigned n;
   uint32_t e_valid, e_dirty, loose;   /* loose: NaNs may be other ones */
   uint32_t m_valid, m_dirty;
   uint8_t eew[32];
};

static unsigned
length(unsigned eew)
{
   return eew >= 2 ? L512 : eew;
}

static unsigned
parts(unsigned eew)
{
   return eew == 3 ? 2 : 1;
}

/* vmovdqu of elements, which matters with masks */
static uint32_t
move_op(unsigned eew, bool store)
{
   static const uint32_t load[4] = {
      EVEX_OP(PP_F2, MAP_0F, 0, 0x6f), EVEX_OP(PP_F2, MAP_0F, 1, 0x6f),
      EVEX_OP(PP_F3, MAP_0F, 0, 0x6f), EVEX_OP(PP_F3, MAP_0F, 1, 0x6f),
   };
   return load[eew] + (store ? 0x10 : 0);
}

static uint32_t
broadcast_op(unsigned eew)
{
   static const uint32_t op[4] = { P66_38(0, 0x78), P66_38(0, 0x79), P66_38(0, 0x58), P66_38(1, 0x59) };
   return op[eew];
}

/* Memory of a slice's part of a register. */
static struct cg_operand
home(const struct slice *s, unsigned reg, unsigned eew, unsigned part)
{
   return rm_v(reg, (s->n * 16 << eew) + 64 * part);
}

static unsigned
z(const struct slice *s, unsigned reg, unsigned part)
{
   return s->t->zmm[reg + part];
}

/* Loaded when first read. */
static void
need(struct slice *s, unsigned reg, unsigned eew)
{
   if (s->e_valid >> reg & 1)
      return;
   for (unsigned p = 0; p < parts(eew); p++) {
      asm_v(s->a, MOV_LOAD, length(eew), z(s, reg, p), 0, home(s, reg, eew, p));
      s->e_valid |= 1u << (reg + p);
   }
}

static void
canonical_with(struct slice *s, unsigned zmm, unsigned eew, unsigned mask)
{
   bool wide = eew == 3;
   asm_evex(s->a, wide ? CMP_PD : CMP_PS, L512, K7, zmm, rm_reg(zmm), (struct cg_evex){ .k = (uint8_t)mask });
   asm_byte(s->a, UNORDERED);
   asm_evex(s->a, broadcast_op(eew), L512, zmm, 0, wide ? JIT(nan[1]) : JIT(nan[0]), (struct cg_evex){ .k = K7 });
}

static void
canonical(struct slice *s, unsigned reg, unsigned eew)
{
   if (!(s->loose >> reg & 1))
      return;
   for (unsigned p = 0; p < parts(eew); p++) {
      canonical_with(s, z(s, reg, p), eew, 0);
      s->loose &= ~(1u << (reg + p));
   }
}

/* Read by something that looks at the bits. */
static void
need_bits(struct slice *s, unsigned reg, unsigned eew)
{
   need(s, reg, eew);
   canonical(s, reg, eew);
}

static void
wrote(struct slice *s, unsigned reg, unsigned eew, bool loose)
{
   uint32_t regs = (eew == 3 ? 3u : 1u) << reg;
   s->e_valid |= regs;
   s->e_dirty |= regs;
   s->loose = loose ? s->loose | regs : s->loose & ~regs;
   s->m_valid &= ~regs;
   s->m_dirty &= ~regs;
   for (unsigned p = 0; p < parts(eew); p++)
      s->eew[reg + p] = (uint8_t)eew;
}

static unsigned
mask(struct slice *s, unsigned reg)
{
   unsigned k = s->t->kreg[reg];
   if (!(s->m_valid >> reg & 1)) {
      asm_k(s->a, K_MOV_LOAD, false, k, 0, rm_v(reg, 2 * s->n));
      s->m_valid |= 1u << reg;
   }
   return k;
}

/* The mask of an operation's part: 0, or v0's bits. */
static unsigned
active(struct slice *s, const struct jit_vop *v, unsigned part)
{
   if (!v->masked)
      return 0;
   unsigned k = mask(s, 0);
   if (part == 0)
      return k;
   asm_k(s->a, K_SHR, false, K6, 0, rm_reg(k));
   asm_byte(s->a, 8);
   return K6;
}

/* The second operand: a register, or memory of which an element is broadcast. */
static struct cg_operand
operand_b(struct slice *s, const struct jit_vop *v, unsigned part, struct cg_evex *x)
{
   if (v->b_reg)
      return rm_reg(z(s, v->rs1, part));
   if (v->eew >= 2) {
      x->b = true;
      return v->b;
   }
   asm_v(s->a, broadcast_op(v->eew), length(v->eew), T0, 0, v->b);
   return rm_reg(T0);
}

/* ... in a register in any case */
static unsigned
register_b(struct slice *s, const struct jit_vop *v, unsigned part, unsigned scratch)
{
   if (v->b_reg)
      return z(s, v->rs1, part);
   asm_v(s->a, broadcast_op(v->eew), length(v->eew), scratch, 0, v->b);
   return scratch;
}

/* A result in @from is moved to the active elements of vd. */
static void
merge(struct slice *s, const struct jit_vop *v, unsigned part, unsigned from)
{
   asm_evex(s->a, move_op(v->eew, false), length(v->eew), z(s, v->rd, part), 0, rm_reg(from),
            (struct cg_evex){ .k = (uint8_t)active(s, v, part) });
}

static unsigned
target(struct slice *s, const struct jit_vop *v, unsigned part)
{
   return v->masked ? T1 : z(s, v->rd, part);
}

static void
finish(struct slice *s, const struct jit_vop *v, unsigned part)
{
   if (v->masked)
      merge(s, v, part, T1);
}

/* ---- Integers -----------------------------------------------------------------------*/

static void
need_sources(struct slice *s, const struct jit_vop *v, bool bits)
{
   void (*want)(struct slice *, unsigned, unsigned) = bits ? need_bits : need;
   want(s, v->rs2, v->eew);
   if (v->b_reg)
      want(s, v->rs1, v->eew);
   if (v->masked)
      need_bits(s, v->rd, v->eew);
}

static void
binary(struct slice *s, const struct jit_vop *v)
{
   need_sources(s, v, true);
   for (unsigned p = 0; p < parts(v->eew); p++) {
      struct cg_evex x = { 0 };
      unsigned l = length(v->eew), d = target(s, v, p);
      if (v->flags & VF_REVERSE) {
         unsigned b = register_b(s, v, p, T0);
         asm_v(s->a, v->opc, l, d, b, rm_reg(z(s, v->rs2, p)));
      } else {
         struct cg_operand b = operand_b(s, v, p, &x);
         asm_evex(s->a, v->opc, l, d, z(s, v->rs2, p), b, x);
      }
      finish(s, v, p);
   }
   wrote(s, v->rd, v->eew, false);
}

/* By an immediate, or by amounts of which the low bits count. */
static void
shift(struct slice *s, const struct jit_vop *v)
{
   static const uint32_t by_imm[4] = { 0, P66(0, 0x71), P66(0, 0x72), P66(1, 0x73) };

   need_sources(s, v, true);
   for (unsigned p = 0; p < parts(v->eew); p++) {
      unsigned l = length(v->eew), d = target(s, v, p), a = z(s, v->rs2, p);
      if (jit_shift_is_constant(v)) {
         uint32_t opc = v->imm == 4 && v->eew == 3 ? P66(1, 0x72) : by_imm[v->eew];
         asm_v(s->a, opc, l, v->imm, d, rm_reg(a)), asm_byte(s->a, jit_shift_amount(v));
      } else {
         unsigned b = register_b(s, v, p, T0);
         if (v->eew == 1) {
            asm_v(s->a, broadcast_op(1), l, T2, 0, rm_small(15));
            asm_v(s->a, P66(0, 0xdb), l, T0, b, rm_reg(T2));
         } else {
            asm_evex(s->a, v->eew == 3 ? P66(1, 0xdb) : P66(0, 0xdb), l, T0, b,
                     v->eew == 3 ? JIT(count_mask[1]) : JIT(count_mask[0]), (struct cg_evex){ .b = true });
         }
         asm_v(s->a, v->opc, l, d, a, rm_reg(T0));
      }
      finish(s, v, p);
   }
   wrote(s, v->rd, v->eew, false);
}

/* vd = vd +- vs1 * vs2, or vs1 * vd +- vs2 */
static void
multiply_add(struct slice *s, const struct jit_vop *v)
{
   static const uint32_t add[4] = { 0, P66(0, 0xfd), P66(0, 0xfe), P66(1, 0xd4) };
   static const uint32_t sub[4] = { 0, P66(0, 0xf9), P66(0, 0xfa), P66(1, 0xfb) };

   need_sources(s, v, true);
   need_bits(s, v->rd, v->eew);
   for (unsigned p = 0; p < parts(v->eew); p++) {
      unsigned l = length(v->eew), d = z(s, v->rd, p), a = z(s, v->rs2, p);
      unsigned factor = v->flags & VF_ADD_VS2 ? d : a, addend = v->flags & VF_ADD_VS2 ? a : d;
      struct cg_evex x = { 0 };
      struct cg_operand b = operand_b(s, v, p, &x);
      asm_evex(s->a, v->opc, l, T1, factor, b, x);
      asm_v(s->a, (v->flags & VF_SUB ? sub : add)[v->eew], l, v->masked ? T1 : d, addend, rm_reg(T1));
      finish(s, v, p);
   }
   wrote(s, v->rd, v->eew, false);
}

/* Two halves of eight lanes become one mask; elements that are masked off keep their bits. */
static void
compare(struct slice *s, const struct jit_vop *v, bool fp)
{
   unsigned d = s->t->kreg[v->rd], k0 = 0, old = 0;

   need_sources(s, &(struct jit_vop){ .rs1 = v->rs1, .rs2 = v->rs2, .eew = v->eew, .b_reg = v->b_reg }, !fp);
   if (v->masked)
      k0 = mask(s, 0), old = mask(s, v->rd);
   for (unsigned p = parts(v->eew); p-- > 0;) {
      struct cg_evex x = { 0 };
      struct cg_operand b = operand_b(s, v, p, &x);
      /* The second half first, in k6, where its mask is, too. */
      x.k = (uint8_t)active(s, v, p);
      unsigned out = p ? K6 : K7;
      asm_evex(s->a, v->opc, length(v->eew), out, z(s, v->rs2, p), b, x);
      asm_byte(s->a, v->imm);
   }
   if (parts(v->eew) == 2)
      asm_k(s->a, K_UNPCK, true, K7, K6, rm_reg(K7));
   if (v->masked) {
      asm_k(s->a, K_ANDN, true, K6, k0, rm_reg(old));
      asm_k(s->a, K_OR, true, d, K6, rm_reg(K7));
   } else {
      asm_k(s->a, K_OR, true, d, K7, rm_reg(K7));
   }
   s->m_valid |= 1u << v->rd;
   s->m_dirty |= 1u << v->rd;
}

static void
move(struct slice *s, const struct jit_vop *v)
{
   if (v->b_reg)
      need_bits(s, v->rs1, v->eew);
   for (unsigned p = 0; p < parts(v->eew); p++) {
      if (v->b_reg)
         asm_v(s->a, MOV_LOAD, L512, z(s, v->rd, p), 0, rm_reg(z(s, v->rs1, p)));
      else
         asm_v(s->a, broadcast_op(v->eew), length(v->eew), z(s, v->rd, p), 0, v->b);
   }
   wrote(s, v->rd, v->eew, false);
}

static void
merge_op(struct slice *s, const struct jit_vop *v)
{
   static const uint32_t blend[4] = { P66_38(0, 0x66), P66_38(1, 0x66), P66_38(0, 0x64), P66_38(1, 0x64) };
   need_bits(s, v->rs2, v->eew);
   if (v->b_reg)
      need_bits(s, v->rs1, v->eew);
   for (unsigned p = 0; p < parts(v->eew); p++) {
      struct cg_evex x = { 0 };
      struct cg_operand b = operand_b(s, v, p, &x);
      x.k = (uint8_t)active(s, v, p);
      asm_evex(s->a, blend[v->eew], length(v->eew), z(s, v->rd, p), z(s, v->rs2, p), b, x);
   }
   wrote(s, v->rd, v->eew, false);
}

/* From 16 narrow elements in one register to one or two. */
static void
extend(struct slice *s, const struct jit_vop *v)
{
   need_bits(s, v->rs2, v->aeew);
   unsigned from = z(s, v->rs2, 0);
   if (v->eew == 3) {
      /* the upper eight elements: shifted down */
      if (v->aeew == 2) {
         asm_v(s->a, P66_3A(1, 0x3b), L512, from, 0, rm_reg(T0)), asm_byte(s->a, 1);
      } else if (v->aeew == 1) {
         asm_v(s->a, P66_3A(0, 0x39), L256, from, 0, rm_reg(T0)), asm_byte(s->a, 1);
      } else {
         asm_v(s->a, P66(0, 0x73), L128, 3, T0, rm_reg(from)), asm_byte(s->a, 8);
      }
      asm_v(s->a, v->opc, L512, z(s, v->rd, 1), 0, rm_reg(T0));
   }
   asm_v(s->a, v->opc, length(v->eew), z(s, v->rd, 0), 0, rm_reg(from));
   wrote(s, v->rd, v->eew, false);
}

static void
iota(struct slice *s, const struct jit_vop *v)
{
   static const size_t at[4] = {
      offsetof(struct cg_jit, iota8), offsetof(struct cg_jit, iota16),
      offsetof(struct cg_jit, iota32), offsetof(struct cg_jit, iota64),
   };
   for (unsigned p = 0; p < parts(v->eew); p++)
      asm_v(s->a, MOV_LOAD, length(v->eew), z(s, v->rd, p), 0,
            rm_mem(R_JIT, (int32_t)(at[v->eew] + (s->n * 16 << v->eew) + 64 * p)));
   wrote(s, v->rd, v->eew, false);
}

static void
copy(struct slice *s, const struct jit_vop *v)
{
   need(s, v->rs2, v->eew);
   bool loose = s->loose >> v->rs2 & 1;
   for (unsigned p = 0; p < parts(v->eew); p++)
      asm_v(s->a, MOV_LOAD, L512, z(s, v->rd, p), 0, rm_reg(z(s, v->rs2, p)));
   wrote(s, v->rd, v->eew, loose);
}

/* In the order of funct6: andn, and, or, xor, orn, nand, nor, xnor of vs2 and vs1 */
static void
logic(struct slice *s, const struct jit_vop *v)
{
   unsigned a = mask(s, v->rs2), b = mask(s, v->rs1), d = s->t->kreg[v->rd];
   switch (v->imm) {
   case 0: asm_k(s->a, K_ANDN, true, d, b, rm_reg(a)); break;
   case 1: asm_k(s->a, K_AND, true, d, a, rm_reg(b)); break;
   case 2: asm_k(s->a, K_OR, true, d, a, rm_reg(b)); break;
   case 3: asm_k(s->a, K_XOR, true, d, a, rm_reg(b)); break;
   case 4:
      asm_k(s->a, K_NOT, false, K7, 0, rm_reg(b));
      asm_k(s->a, K_OR, true, d, a, rm_reg(K7));
      break;
   case 5:
      asm_k(s->a, K_AND, true, d, a, rm_reg(b));
      asm_k(s->a, K_NOT, false, d, 0, rm_reg(d));
      break;
   case 6:
      asm_k(s->a, K_OR, true, d, a, rm_reg(b));
      asm_k(s->a, K_NOT, false, d, 0, rm_reg(d));
      break;
   default: asm_k(s->a, K_XNOR, true, d, a, rm_reg(b)); break;
   }
   s->m_valid |= 1u << v->rd;
   s->m_dirty |= 1u << v->rd;
}

/* ---- Floating point ---------------------------------------------------------------------*/

/* Elements that are masked off keep their bits and raise nothing. */
static void
float_binary(struct slice *s, const struct jit_vop *v)
{
   bool sqrt = v->kind == V_FSQRT;
   need_sources(s, v, false);
   for (unsigned p = 0; p < parts(v->eew); p++) {
      struct cg_evex x = { 0 };
      unsigned d = z(s, v->rd, p), first = z(s, v->rs2, p);
      struct cg_operand second = rm_reg(first);
      if (v->flags & VF_REVERSE)
         first = register_b(s, v, p, T0);
      else if (!sqrt)
         second = operand_b(s, v, p, &x);
      x.k = (uint8_t)active(s, v, p);
      asm_evex(s->a, v->opc, L512, d, sqrt ? 0 : first, second, x);
      if (v->masked)
         canonical_with(s, d, v->eew, x.k);
   }
   wrote(s, v->rd, v->eew, !v->masked);
}

static void
float_multiply_add(struct slice *s, const struct jit_vop *v)
{
   bool add_vs2 = v->flags & VF_ADD_VS2;
   need_sources(s, v, false);
   need(s, v->rd, v->eew);
   for (unsigned p = 0; p < parts(v->eew); p++) {
      struct cg_evex x = { 0 };
      unsigned d = z(s, v->rd, p), a = z(s, v->rs2, p), factor = add_vs2 ? d : a;
      struct cg_operand b = operand_b(s, v, p, &x);
      struct cg_operand other = b;
      /* The factors are wanted again if a NaN comes out. */
      if (add_vs2 || a == d || (!b.mem && b.reg == d)) {
         asm_v(s->a, MOV_LOAD, L512, T1, 0, rm_reg(d));
         factor = factor == d ? T1 : factor;
         if (!b.mem && b.reg == d)
            other = rm_reg(T1);
      }
      x.k = (uint8_t)active(s, v, p);
      asm_evex(s->a, v->opc, L512, d, a, b, x);
      asm_evex(s->a, v->eew == 3 ? CMP_PD : CMP_PS, L512, K7, d, rm_reg(d), (struct cg_evex){ .k = x.k });
      asm_byte(s->a, UNORDERED);
      asm_k(s->a, K_ORTEST, false, K7, 0, rm_reg(K7));
      struct jit_stub *stub = jit_stub_fma(s->t, asm_jcc(s->a, CC_NE));
      stub->back = s->a->p;
      stub->p = rm_reg(factor);
      stub->q = other;
      stub->q_broadcast = x.b;
      stub->wide = v->eew == 3;
      stub->result = (uint8_t)d;
      stub->mask = x.k;
   }
   wrote(s, v->rd, v->eew, false);
}

/*
 * vrange orders zeros and prefers numbers, but for signalling NaNs: what comes out as a NaN is
 * the other operand, or the canonical NaN.
 */
static void
float_min_max(struct slice *s, const struct jit_vop *v)
{
   const uint32_t cmp = v->eew == 3 ? CMP_PD : CMP_PS;
   need_sources(s, v, true);
   for (unsigned p = 0; p < parts(v->eew); p++) {
      unsigned a = z(s, v->rs2, p), b = register_b(s, v, p, T0);
      const struct cg_evex on = { .k = (uint8_t)active(s, v, p) };
      asm_evex(s->a, v->opc, L512, T1, a, rm_reg(b), on), asm_byte(s->a, v->imm);
      asm_evex(s->a, cmp, L512, K7, T1, rm_reg(T1), on), asm_byte(s->a, UNORDERED);
      /* of the lanes with a NaN: where vs2 is one vs1, else vs2; then what still is one */
      asm_evex(s->a, move_op(v->eew, false), L512, T1, 0, rm_reg(b), (struct cg_evex){ .k = K7 });
      asm_evex(s->a, cmp, L512, K7, T1, rm_reg(T1), (struct cg_evex){ .k = K7 }), asm_byte(s->a, UNORDERED);
      asm_evex(s->a, move_op(v->eew, false), L512, T1, 0, rm_reg(a), (struct cg_evex){ .k = K7 });
      canonical_with(s, T1, v->eew, on.k);
      asm_evex(s->a, move_op(v->eew, false), L512, z(s, v->rd, p), 0, rm_reg(T1), on);
   }
   wrote(s, v->rd, v->eew, false);
}

/* vpternlog with the sign bit: dst = vs2, second = vs1, third = sign */
static void
float_sign(struct slice *s, const struct jit_vop *v)
{
   need_sources(s, v, true);
   for (unsigned p = 0; p < parts(v->eew); p++) {
      unsigned b = register_b(s, v, p, T0);
      asm_v(s->a, MOV_LOAD, L512, T1, 0, rm_reg(z(s, v->rs2, p)));
      asm_evex(s->a, v->opc, L512, T1, b, v->eew == 3 ? JIT(sign[1]) : JIT(sign[0]), (struct cg_evex){ .b = true });
      asm_byte(s->a, v->imm);
      asm_evex(s->a, move_op(v->eew, false), L512, z(s, v->rd, p), 0, rm_reg(T1),
               (struct cg_evex){ .k = (uint8_t)active(s, v, p) });
   }
   wrote(s, v->rd, v->eew, false);
}

/* What does not fit is the nearest integer on RISC-V, NaNs the largest. */
static void
convert(struct slice *s, const struct jit_vop *v)
{
   enum { LESS = 0x11, NOT_LESS = 0x15 };
   unsigned a = z(s, v->rs2, 0), d = z(s, v->rd, 0), k = active(s, v, 0);
   need_bits(s, v->rs2, v->eew);
   if (v->masked)
      need_bits(s, v->rd, v->eew);
   asm_evex(s->a, v->opc, L512, T1, 0, rm_reg(a), (struct cg_evex){ .k = (uint8_t)k });
   if ((v->flags & VF_TO_INT) && (v->flags & VF_UNSIGNED)) {
      asm_v(s->a, P66(0, 0xef), L512, T0, T0, rm_reg(T0));
      asm_evex(s->a, CMP_PS, L512, K7, a, rm_reg(T0), (struct cg_evex){ .k = (uint8_t)k }), asm_byte(s->a, LESS);
      asm_evex(s->a, move_op(2, false), L512, T1, 0, rm_reg(T0), (struct cg_evex){ .k = K7 });
   } else if (v->flags & VF_TO_INT) {
      asm_evex(s->a, CMP_PS, L512, K7, a, JIT(two31), (struct cg_evex){ .k = (uint8_t)k, .b = true }), asm_byte(s->a, NOT_LESS);
      asm_v(s->a, P66_3A(0, 0x25), L512, T0, T0, rm_reg(T0)), asm_byte(s->a, 0xff);
      asm_v(s->a, P66(0, 0x72), L512, 2, T0, rm_reg(T0)), asm_byte(s->a, 1);
      asm_evex(s->a, move_op(2, false), L512, T1, 0, rm_reg(T0), (struct cg_evex){ .k = K7 });
   }
   asm_evex(s->a, move_op(2, false), L512, d, 0, rm_reg(T1), (struct cg_evex){ .k = (uint8_t)k });
   wrote(s, v->rd, v->eew, false);
}

/* ---- Memory --------------------------------------------------------------------------------*/

static void
transfer(struct slice *s, const struct jit_vop *v)
{
   bool store = v->kind == V_STORE;
   if (store || v->masked)
      need_bits(s, v->rd, v->eew);
   if (!v->host_reg)
      asm_load(s->a, RAX, rm_slot(v->host));
   for (unsigned p = 0; p < parts(v->eew); p++)
      asm_evex(s->a, move_op(v->eew, store), length(v->eew), z(s, v->rd, p), 0,
               rm_mem(v->host_reg ? v->host_reg : RAX, (int32_t)(s->n * 16 << v->eew) + 64 * (int32_t)p),
               (struct cg_evex){ .k = (uint8_t)active(s, v, p) });
   if (!store)
      wrote(s, v->rd, v->eew, false);
}

/* ---- Across lanes ---------------------------------------------------------------------------*/

/* From all 64 elements of vs2 in memory; vpermi2d chooses among 32, by the index it is written over. */
static void
permute(struct slice *s, const struct jit_vop *v)
{
   enum { NOT_LESS = 5 };
   const struct cg_evex broadcast = { .b = true };
   unsigned index = z(s, v->rs1, 0), d = z(s, v->rd, 0);

   need_bits(s, v->rs1, 2);
   for (unsigned half = 0; half < 2; half++) {
      unsigned to = half ? T2 : T1;
      asm_v(s->a, MOV_LOAD, L512, T0, 0, rm_v(v->rs2, 128 * half));
      asm_v(s->a, MOV_LOAD, L512, to, 0, rm_reg(index));
      asm_v(s->a, P66_38(0, 0x76), L512, to, T0, rm_v(v->rs2, 128 * half + 64));
   }
   asm_evex(s->a, P66_38(0, 0x27), L512, K7, index, JIT(half), broadcast);
   asm_evex(s->a, move_op(2, false), L512, T1, 0, rm_reg(T2), (struct cg_evex){ .k = K7 });
   asm_evex(s->a, P66_3A(0, 0x1e), L512, K7, index, JIT(lanes), broadcast), asm_byte(s->a, NOT_LESS);
   asm_evex(s->a, P66(0, 0xef), L512, T1, T1, rm_reg(T1), (struct cg_evex){ .k = K7 });
   asm_v(s->a, MOV_LOAD, L512, d, 0, rm_reg(T1));
   wrote(s, v->rd, 2, false);
}

/* ---- A slice -----------------------------------------------------------------------------------*/

static void
operation(struct slice *s, const struct jit_vop *v)
{
   switch ((enum vkind)v->kind) {
   case V_BIN: binary(s, v); break;
   case V_SHIFT: shift(s, v); break;
   case V_MAC: multiply_add(s, v); break;
   case V_CMP: compare(s, v, false); break;
   case V_FCMP: compare(s, v, true); break;
   case V_MOVE: move(s, v); break;
   case V_MERGE: merge_op(s, v); break;
   case V_EXTEND: extend(s, v); break;
   case V_IOTA: iota(s, v); break;
   case V_COPY: copy(s, v); break;
   case V_LOGIC: logic(s, v); break;
   case V_FBIN:
   case V_FSQRT: float_binary(s, v); break;
   case V_FMA: float_multiply_add(s, v); break;
   case V_FMINMAX: float_min_max(s, v); break;
   case V_FSIGN: float_sign(s, v); break;
   case V_FCVT: convert(s, v); break;
   case V_LOAD:
   case V_STORE: transfer(s, v); break;
   case V_PERMUTE: permute(s, v); break;
   case V_NONE: break;
   }
}

/* Elements first, since a mask may have been written over them. */
static void
write_back(struct slice *s, uint32_t live)
{
   for (uint32_t r = s->e_dirty & live; r; r &= r - 1) {
      unsigned reg = (unsigned)__builtin_ctz(r), eew = s->eew[reg];
      /* Of a pair, the first register has the lower two slices. */
      if (eew == 3 && reg % 2 != s->n / 2)
         continue;
      unsigned base = eew == 3 ? reg & ~1u : reg;
      canonical(s, base, eew);
      for (unsigned p = 0; p < parts(eew); p++)
         asm_v(s->a, MOV_STORE, length(eew), z(s, base, p), 0, home(s, base, eew, p));
   }
   unsigned out = 0;
   for (uint32_t r = s->m_dirty; r; r &= r - 1, out++) {
      unsigned reg = (unsigned)__builtin_ctz(r), k = s->t->kreg[reg], sum = mask_out[out];
      if (!(live >> reg & 1))
         continue;
      asm_k(s->a, K_TO_GPR, false, s->n ? RAX : sum, 0, rm_reg(k));
      if (s->n) {
         asm_shift_imm(s->a, true, SH_SHL, RAX, 16 * s->n);
         asm_alu(s->a, true, ALU_OR, sum, rm_reg(RAX));
      }
      if (s->n == SLICES - 1)
         asm_store(s->a, rm_v(reg, 0), sum);
   }
}

void
jit_begin_lanes(struct jit_region *t)
{
   t->num_vops = t->num_memory = 0;
   t->num_slots = 1;
   t->first_pending = t->jit->num_pending;
   t->stores = false;
   memset(t->view, 0, sizeof(t->view));
   memset(t->zmm, 0xff, sizeof(t->zmm));
   memset(t->kreg, 0, sizeof(t->kreg));
   t->e_loaded = t->e_written = t->m_loaded = t->m_written = t->pinned = 0;
   t->num_zmm = t->num_k = 0;
}

/*
 * Of masks that are moved as whole registers, what is behind the 64 bits that slices see.  It is not
 * written by what is put off with them.
 */
static void
move_rests(struct jit_region *t, uint32_t live)
{
   struct cg_asm *a = &t->a;

   for (unsigned i = t->num_vops; i-- > 0;) {
      if (t->vop[i].flags & VF_WHOLE && live >> t->vop[i].rd & 1)
         live |= 1u << t->vop[i].rs2;
   }
   for (unsigned i = 0; i < t->num_vops; i++) {
      const struct jit_vop *v = &t->vop[i];
      if (!(v->flags & VF_WHOLE) || !(live >> v->rd & 1))
         continue;
      asm_mov_imm(a, RAX, 0xfe);
      asm_k(a, K_FROM_GPR, false, K7, 0, rm_reg(RAX));
      for (unsigned byte = 0; byte < CG_MAX_VLENB; byte += 64) {
         struct cg_evex rest = { .k = byte ? 0 : K7 };
         asm_evex(a, MOV_LOAD, L512, T0, 0, rm_v(v->rs2, byte), rest);
         asm_evex(a, MOV_STORE, L512, T0, 0, rm_v(v->rd, byte), rest);
      }
   }
}

void
jit_emit_lanes(struct jit_region *t, uint32_t live)
{
   bool dead[MAX_PUT_OFF];

   for (unsigned i = 0; i < t->num_vops; i++)
      dead[i] = jit_is_dead(t, i, live);
   move_rests(t, live);
   for (unsigned n = 0; n < SLICES; n++) {
      struct slice s = { .t = t, .a = &t->a, .n = n };
      for (unsigned i = 0; i < t->num_vops; i++) {
         if (!dead[i])
            operation(&s, &t->vop[i]);
      }
      write_back(&s, live);
   }
}

void
jit_flush(struct jit_region *t, uint32_t live)
{
   if (!t->num_vops)
      return;
   t->acc = -1;
   jit_emit_lanes(t, live);
   jit_begin_lanes(t);
}
