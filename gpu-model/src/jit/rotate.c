/* SPDX-License-Identifier: MIT */
/*
 * Rotations.  RVV has none, so that compilers shift a register both ways and
 * join the two.  Where all three were put off the third becomes a rotation of
 * the host, and shifts that nobody reads any more are left out.
 */
#include "translate.h"

enum { LEFT = 6, RIGHT = 2, ROTATE = 1 };   /* jit_vop.imm of V_SHIFT: extensions of the host's opcode */

static bool
writes(const struct jit_vop *v, unsigned reg)
{
   return v->kind != V_STORE && jit_group(v->rd, v->eew) >> reg & 1;
}

/* Or maybe: of scalars' operations rs1 is no register. */
static bool
reads(const struct jit_vop *v, unsigned reg)
{
   bool second = v->b_reg || v->kind == V_LOGIC;
   bool old = v->masked || v->kind == V_MAC || v->kind == V_FMA || v->kind == V_STORE;
   uint32_t regs = jit_group(v->rs2, v->kind == V_EXTEND ? v->aeew : v->eew);

   regs |= second ? jit_group(v->rs1, v->eew) : 0;
   regs |= old ? jit_group(v->rd, v->eew) : 0;
   regs |= v->masked ? 1 : 0;
   return regs >> reg & 1;
}

/* Index of the shift by a constant that made @reg, or -1. */
static int
shift_of(const struct jit_region *t, unsigned reg)
{
   for (unsigned i = t->num_vops; i-- > 0;) {
      const struct jit_vop *v = &t->vop[i];
      if (writes(v, reg))
         return v->kind == V_SHIFT && v->eew == 2 && !v->masked && jit_shift_is_constant(v) ? (int)i : -1;
   }
   return -1;
}

void
jit_make_rotation(const struct jit_region *t, struct jit_vop *v)
{
   int x = shift_of(t, v->rs1), y = shift_of(t, v->rs2);
   if (x < 0 || y < 0)
      return;
   const struct jit_vop *left = &t->vop[t->vop[x].imm == LEFT ? x : y], *right = &t->vop[t->vop[x].imm == LEFT ? y : x];
   unsigned n = jit_shift_amount(left);
   if (left->imm != LEFT || right->imm != RIGHT || left->rs2 != right->rs2 || n + jit_shift_amount(right) != 32)
      return;
   /* What is rotated has to be there still. */
   for (unsigned i = (unsigned)(x < y ? x : y); i < t->num_vops; i++) {
      if (writes(&t->vop[i], left->rs2))
         return;
   }
   v->kind = V_SHIFT;
   v->imm = ROTATE;
   v->rs2 = left->rs2;
   v->b_reg = false;
   v->b = rm_small((int64_t)n);
}

bool
jit_is_dead(const struct jit_region *t, unsigned i, uint32_t live)
{
   const struct jit_vop *v = &t->vop[i];

   if (v->kind != V_SHIFT || v->masked || v->eew != 2)
      return false;
   for (unsigned later = i + 1; later < t->num_vops; later++) {
      const struct jit_vop *w = &t->vop[later];
      if (reads(w, v->rd))
         return false;
      if (writes(w, v->rd))
         return w->eew == 2 && w->kind != V_CMP && w->kind != V_FCMP && w->kind != V_LOGIC;
   }
   return !(live >> v->rd & 1);
}
