/* SPDX-License-Identifier: MIT */
/*
 * What a region consists of, and what is known about it: with which vtype
 * instructions run, and which vector registers are wanted behind them.
 *
 * Registers that are not wanted need not be written back.  That is decided
 * along the paths of the region, which the interpreter follows, too, when it
 * goes on from somewhere in it.
 */
#include "exec.h"
#include "translate.h"
#include "vec_mem.h"

#define ALL_REGISTERS 0xffffffffu

/* The instruction at @slot as the interpreter executes it; false: it goes on in the next page. */
static bool
decode_at(struct cg_code_page *page, unsigned slot, struct cg_op *op)
{
   const struct cg_op *known = &page->ops[slot];

   if (known->fn == cg_exec_undecoded && !cg_decode_slot(page, slot))
      return false;
   /* Once more: handlers change, and branch targets are in slots. */
   cg_decode(op, known->insn);
   op->len = known->len;
   return slot + op->len <= CG_SLOTS_PER_PAGE;
}

/* Only the interpreter knows what comes next, or the decoded code is not the same afterwards. */
static bool
ends_region(const struct cg_op *op)
{
   return op->fn == cg_illegal || op->fn == cg_x_jalr || op->fn == cg_x_endw || op->fn == cg_x_barrier ||
          op->fn == cg_x_fence_i;
}

bool
jit_is_vsetvli(const struct cg_op *op)
{
   return op->fn == cg_exec_vsetvli;
}

/* CSRs from 0xc00 on cannot be written. */
bool
jit_is_plain_csr(const struct cg_op *op)
{
   return op->fn == cg_x_csr && op->imm >= 0xc00;
}

bool
jit_changes_vtype(const struct cg_op *op)
{
   return op->fn == cg_exec_vsetvl || op->fn == cg_exec_vsetivli || op->fn == cg_exec_vleff ||
          (op->fn == cg_x_csr && !jit_is_plain_csr(op));
}

unsigned
jit_target(const struct jit_insn *i)
{
   int64_t slot = (int64_t)i->slot + i->op.imm / 2;
   return slot >= 0 && slot < CG_SLOTS_PER_PAGE ? (unsigned)slot : CG_SLOTS_PER_PAGE;
}

unsigned
jit_next(const struct jit_insn *i)
{
   unsigned slot = i->slot + i->op.len;
   return slot < CG_SLOTS_PER_PAGE ? slot : CG_SLOTS_PER_PAGE;
}

/* Everything reachable, in a stack of the heads of paths. */
static void
collect(struct jit_region *t, unsigned slot)
{
   uint16_t *stack = t->stack;
   unsigned depth = 0;

   stack[depth++] = (uint16_t)slot;
   while (depth) {
      unsigned at = stack[--depth];
      bool leader = true;
      while (at < CG_SLOTS_PER_PAGE) {
         int16_t known = t->by_slot[at];
         /* Also when there is no room for more: whatever is jumped to has to begin a block. */
         if (known >= 0)
            t->insn[known].leader = true;
         if (known >= 0 || t->num_insns == MAX_INSNS)
            break;
         struct jit_insn *i = &t->insn[t->num_insns];
         *i = (struct jit_insn){ .slot = (uint16_t)at, .leader = leader, .vtype = NO_VTYPE };
         if (!decode_at(t->page, at, &i->op))
            break;
         t->by_slot[at] = (int16_t)t->num_insns++;
         i->exit = ends_region(&i->op);
         if (i->exit)
            break;
         leader = jit_is_branch(&i->op);
         if (leader && jit_target(i) < CG_SLOTS_PER_PAGE)
            stack[depth++] = (uint16_t)jit_target(i);
         if (i->op.fn == cg_x_jal)
            break;
         at = jit_next(i);
      }
   }
}

/* In the order of their addresses, so that most paths fall through. */
static void
sort(struct jit_region *t)
{
   unsigned n = 0;

   for (unsigned slot = 0; slot < CG_SLOTS_PER_PAGE; slot++) {
      if (t->by_slot[slot] < 0)
         continue;
      t->sorted[n] = t->insn[t->by_slot[slot]];
      t->by_slot[slot] = (int16_t)n++;
   }
   memcpy(t->insn, t->sorted, n * sizeof(*t->sorted));
}

/* Does the path from insn @i lead to the next one in order, without a jump? */
static bool
falls_into_next(const struct jit_region *t, unsigned i)
{
   return !t->insn[i].exit && t->insn[i].op.fn != cg_x_jal && i + 1 < t->num_insns &&
          jit_next(&t->insn[i]) == t->insn[i + 1].slot;
}

/* What follows the last instruction of a block: up to two instructions. @return false: something outside, too */
static bool
successors(const struct jit_region *t, unsigned i, int next[2])
{
   const struct jit_insn *insn = &t->insn[i];
   bool all = true;

   next[0] = next[1] = -1;
   if (insn->exit)
      return false;
   if (jit_is_branch(&insn->op)) {
      next[0] = t->by_slot[jit_target(insn)];
      all = next[0] >= 0;
   }
   if (insn->op.fn != cg_x_jal) {
      next[1] = t->by_slot[jit_next(insn)];
      all &= next[1] >= 0;
   }
   return all;
}

/* vtype behind an instruction that has @vtype in front of it. */
static int
vtype_behind(const struct jit_region *t, const struct cg_op *op, int vtype)
{
   if (jit_is_vsetvli(op))
      return jit_vtype_ok(t, op->imm) && (op->rs1 || op->rd != CG_XZERO_SINK || vtype != NO_VTYPE) ? (int)op->imm : NO_VTYPE;
   return jit_changes_vtype(op) ? NO_VTYPE : vtype;
}

/* What follows instruction @i when all goes as it did so far, -1: no one knows. */
static int
foreseen(const struct jit_region *t, unsigned i)
{
   const struct jit_insn *insn = &t->insn[i];
   unsigned seen = t->page->ops[insn->slot].cfg;

   if (insn->exit || (insn->op.fn == cg_x_jal && insn->op.rd != CG_XZERO_SINK))
      return -1;
   if (insn->op.fn == cg_x_jal || (jit_is_branch(&insn->op) && seen == CG_BRANCH_TAKEN && insn->op.imm > 0))
      return t->by_slot[jit_target(insn)];
   if (jit_is_branch(&insn->op) && (seen & CG_BRANCH_TAKEN))
      return -1;
   return t->by_slot[jit_next(insn)];
}

/* Is a vtype of 64 lanes set before the first vector instruction behind leader @i? */
static bool
begins_with_vtype(const struct jit_region *t, unsigned i)
{
   for (;; i++) {
      const struct jit_insn *insn = &t->insn[i];
      if (jit_is_vsetvli(&insn->op))
         return jit_vtype_ok(t, insn->op.imm);
      if (jit_is_vector(&insn->op) || jit_is_branch(&insn->op) || jit_changes_vtype(&insn->op) ||
          !falls_into_next(t, i) || t->insn[i + 1].leader)
         return false;
   }
}

/* Do vector instructions behind leader @i have the vtype by which their effects are known, or none? */
static bool
vtype_is_known(const struct jit_region *t, unsigned i)
{
   const struct jit_insn *insn = &t->insn[i];
   return insn->sure || insn->vtype == NO_VTYPE || (insn->lanes && begins_with_vtype(t, i));
}

void
jit_make_path(struct jit_region *t, unsigned first)
{
   bool far = t->insn[first].head;
   int next = (int)first;

   t->path_length = 0;
   do {
      unsigned i = (unsigned)next;
      t->seen[i] = true;
      t->path[t->path_length++] = (uint16_t)i;
      next = far ? foreseen(t, i) : falls_into_next(t, i) && !t->insn[i + 1].leader ? (int)i + 1 : -1;
      /* The registers that are wanted are known for the expected vtype only. */
      if (next >= 0 && t->insn[next].leader && !vtype_is_known(t, (unsigned)next))
         next = -1;
   } while (next >= 0 && !t->seen[next] && t->path_length < MAX_PATH);
   for (unsigned i = 0; i < t->path_length; i++)
      t->seen[t->path[i]] = false;
}

/* What is known behind the last instruction of a block reaches leader @to. @return true: it has to flow on from there */
static bool
merge_vtype(struct jit_insn *to, int vtype, bool sure, bool lanes)
{
   bool less_sure = to->sure && (!sure || vtype != to->vtype), fewer = to->lanes && !lanes;

   to->sure &= !less_sure;
   to->lanes &= !fewer;
   return less_sure || fewer;
}

/* Expected vtypes flow along the paths; the first that comes wins, and others make it unsure. */
static void
flow_vtype(struct jit_region *t, unsigned start, int vtype)
{
   bool *seen = t->seen;
   uint16_t *stack = t->stack;
   unsigned depth = 0;

   memset(seen, 0, t->num_insns);
   t->insn[start].vtype = (int16_t)vtype;
   t->insn[start].sure = t->insn[start].lanes = vtype != NO_VTYPE;
   seen[start] = true;
   stack[depth++] = (uint16_t)start;
   while (depth) {
      unsigned i = stack[--depth];
      int now = t->insn[i].vtype, next[2];
      bool sure = t->insn[i].sure, lanes = t->insn[i].lanes;
      for (;; i++) {
         t->insn[i].vtype = (int16_t)now;
         bool vsetvli = jit_is_vsetvli(&t->insn[i].op);
         if (vsetvli)
            now = vtype_behind(t, &t->insn[i].op, now);
         if (vsetvli || jit_is_vector(&t->insn[i].op))
            sure |= now != NO_VTYPE, lanes |= sure;   /* it was checked, if it was not sure */
         if (!vsetvli)
            now = vtype_behind(t, &t->insn[i].op, now);
         sure &= now != NO_VTYPE, lanes &= now != NO_VTYPE;
         if (!falls_into_next(t, i) || t->insn[i + 1].leader)
            break;
      }
      successors(t, i, next);
      for (unsigned s = 0; s < 2; s++) {
         if (next[s] < 0)
            continue;
         struct jit_insn *to = &t->insn[next[s]];
         if (!seen[next[s]]) {
            seen[next[s]] = true;
            to->vtype = (int16_t)now;
            to->sure = sure;
            to->lanes = lanes;
            stack[depth++] = (uint16_t)next[s];
         } else if (merge_vtype(to, now, sure, lanes)) {
            stack[depth++] = (uint16_t)next[s];
         }
      }
   }
}

/* Backwards until nothing changes. */
static void
flow_live(struct jit_region *t)
{
   bool changed = true;

   while (changed) {
      changed = false;
      for (unsigned i = t->num_insns; i-- > 0;) {
         struct jit_insn *insn = &t->insn[i];
         int next[2];
         uint32_t live = 0;
         if (falls_into_next(t, i) && !jit_is_branch(&insn->op)) {
            live = t->insn[i + 1].live_in;
         } else {
            if (!successors(t, i, next))
               live = ALL_REGISTERS;
            for (unsigned s = 0; s < 2; s++)
               live |= next[s] >= 0 ? t->insn[next[s]].live_in : 0;
         }
         uint32_t in = insn->use | (live & ~insn->def);
         if (insn->leader && !vtype_is_known(t, i))
            in = ALL_REGISTERS;
         changed |= in != insn->live_in;
         insn->live = live;
         insn->live_in = in;
      }
   }
}

unsigned
jit_discover(struct jit_region *t, unsigned slot, int vtype)
{
   t->num_insns = 0;
   memset(t->by_slot, 0xff, sizeof(t->by_slot));
   collect(t, slot);
   if (!t->num_insns)
      return 0;
   sort(t);
   flow_vtype(t, (unsigned)t->by_slot[slot], vtype);
   for (unsigned i = 0; i < t->num_insns; i++) {
      struct jit_insn *insn = &t->insn[i];
      insn->live_in = 0;
      insn->use = insn->def = 0;
      if (insn->op.fn == cg_x_endw)
         insn->def = ALL_REGISTERS;   /* nobody sees them any more */
      else if (insn->exit)
         insn->use = ALL_REGISTERS;
      else
         jit_vector_effects(t, insn);
   }
   flow_live(t);
   memset(t->seen, 0, sizeof(t->seen));
   t->insn[t->by_slot[slot]].head = true;
   for (unsigned i = 0; i < t->num_insns; i++) {
      const struct jit_insn *insn = &t->insn[i];
      if (jit_is_branch(&insn->op) && insn->op.imm <= 0 && t->by_slot[jit_target(insn)] >= 0)
         t->insn[t->by_slot[jit_target(insn)]].head = true;
   }
   return t->num_insns;
}
