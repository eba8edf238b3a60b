/* SPDX-License-Identifier: MIT */
/*
 * From a region to host code: blocks, one instruction after the other, and
 * behind them the stubs through which they are left.
 */
#include <assert.h>
#include <stdlib.h>

#include "exec.h"
#include "fpenv.h"
#include "translate.h"
#include "vec.h"

const uint8_t jit_host_reg[HOST_REGS] = { RBX, RBP, R14 };

static struct jit_stub *
new_stub(struct jit_region *t, enum stub_kind kind, uint8_t *at)
{
   if (t->num_stubs == MAX_STUBS) {
      t->failed = true;
      return &t->nowhere;
   }
   struct jit_stub *s = &t->stub[t->num_stubs++];
   bool put_off = t->num_vops != 0;
   *s = (struct jit_stub){
      .kind = kind, .at = at, .op = jit_op(t, t->cur), .uncount = (uint16_t)(t->path_length - t->pos),
      .index = (uint16_t)t->pos, .first = t->first_pending, .num = t->num_vops,
      .vtype = t->vtype != NO_VTYPE && (put_off || t->vtype != t->vtype_memory) ? t->vtype : NO_VTYPE,
   };
   for (unsigned i = 0, n = 0; i < t->num_vops; i++) {
      if (t->vop[i].host_reg)
         s->host[n++] = t->vop[i].host;
   }
   return s;
}

void
jit_stub_exit(struct jit_region *t, uint8_t *at)
{
   new_stub(t, STUB_EXIT, at);
}

struct jit_stub *
jit_stub_fma(struct jit_region *t, uint8_t *at)
{
   return new_stub(t, STUB_FMA, at);
}

/* A new site's place in struct cg_jit. */
static int32_t
new_site(struct jit_region *t, unsigned size, uint32_t perm)
{
   struct cg_jit *jit = t->jit;
   if (jit->num_sites == JIT_SITES) {
      t->failed = true;
      return (int32_t)offsetof(struct cg_jit, site);   /* in code that nobody will run */
   }
   unsigned n = jit->num_sites++;
   jit->site[n] = (struct jit_site){ .size = (uint16_t)size, .perm = (uint8_t)perm };
   return (int32_t)(offsetof(struct cg_jit, site) + n * sizeof(struct jit_site));
}

void
jit_call_handler(struct jit_region *t, bool site)
{
   struct cg_asm *a = &t->a;
   const struct cg_op *op = &t->insn[t->cur].op;
   asm_int(a, 0, true, 0x8d, RDI, rm_mem(R_WAVE, -WAVE_BIAS));
   asm_mov_imm(a, RSI, (uintptr_t)jit_op(t, t->cur));
   if (site)
      asm_int(a, 0, true, 0x8d, RDX, rm_mem(R_JIT, new_site(t, 4, (op->insn & 0x7f) == 0x27 ? CG_PERM_W : CG_PERM_R)));
   asm_call(a, site ? (const void *)(uintptr_t)jit_gather : (const void *)(uintptr_t)jit_call);
   asm_mov_imm(a, RCX, (uintptr_t)(jit_op(t, t->cur) + op->len));
   asm_alu(a, true, ALU_CMP, RAX, rm_reg(RCX));
   new_stub(t, STUB_RESULT, asm_jcc(a, CC_NE))->uncount--;
   t->acc = -1;
}

static void
emit_replay(struct jit_region *t, const struct jit_stub *s)
{
   struct cg_asm *a = &t->a;
   if (!s->num && s->vtype == NO_VTYPE)
      return;
   for (unsigned i = 0; i < HOST_REGS && s->host[i]; i++)
      asm_store(a, rm_slot(s->host[i]), jit_host_reg[i]);
   asm_int(a, 0, true, 0x8d, RDI, rm_mem(R_WAVE, -WAVE_BIAS));
   asm_mov_imm(a, RSI, s->first);
   asm_mov_imm(a, RDX, s->num);
   asm_mov_imm(a, RCX, s->index);
   asm_mov_imm(a, R8, (uint32_t)s->vtype);
   asm_call(a, (const void *)(uintptr_t)jit_replay);
}

/* What cg_vtype_set() does for a vtype of 64 lanes. rax and rcx are lost. */
static void
emit_vtype(struct jit_region *t, unsigned vtype)
{
   struct cg_asm *a = &t->a;
   const int vcfg = 1 + (int)(vtype & 0x3f), lmul = (int)(vtype & 7) < 4 ? (int)(vtype & 7) : (int)(vtype & 7) - 8;

   asm_store_imm(a, WAVE(vtype), 3, (int32_t)vtype);
   asm_store_imm(a, WAVE(vl), 2, CG_LANES);
   asm_store_imm(a, WAVE(vlmax), 2, CG_LANES);
   asm_store_imm(a, WAVE(vstart), 2, 0);
   asm_store_imm(a, WAVE(lanes), 2, (int32_t)vtype);
   asm_store_imm(a, WAVE(vcfg), 1, vcfg);
   asm_store_imm(a, WAVE(vfull), 1, lmul >= 0 ? vcfg : CG_NEVER);
   asm_store_imm(a, WAVE(sew), 0, (int32_t)(vtype >> 3 & 7));
   asm_store_imm(a, WAVE(lmul), 0, lmul);
   if (lmul < 0 || t->rm_checked) {
      asm_store_imm(a, WAVE(vfull_fp), 1, lmul >= 0 ? vcfg : CG_NEVER);
      return;
   }
   asm_mov_imm(a, RAX, (unsigned)vcfg);
   asm_mov_imm(a, RCX, CG_NEVER);
   asm_int(a, 0, false, 0x80, ALU_CMP, WAVE(rm)), asm_byte(a, CG_RMM);
   asm_int(a, 0, false, 0x0f40 | CC_AE, RAX, rm_reg(RCX));
   asm_int(a, 0x66, false, 0x89, RAX, WAVE(vfull_fp));
}

void
jit_vtype_to_memory(struct jit_region *t)
{
   if (t->vtype == NO_VTYPE || t->vtype == t->vtype_memory)
      return;
   emit_vtype(t, (unsigned)t->vtype);
   t->vtype_memory = t->vtype;
   t->acc = -1;
}

bool
jit_need_vtype(struct jit_region *t)
{
   if (t->vtype != NO_VTYPE)
      return true;
   if (t->expected == NO_VTYPE)
      return false;
   asm_alu_imm(&t->a, false, ALU_CMP, WAVE(lanes), t->expected);
   jit_stub_exit(t, asm_jcc(&t->a, CC_NE));
   t->vtype = t->vtype_memory = t->expected;
   return true;
}

/*
 * What vector instructions need to be translated.  Whole registers only have to be accessed from
 * their first element on, where no vtype is expected, which registers are wanted depends on.
 */
static bool
need_vector(struct jit_region *t, const struct cg_op *op)
{
   if (jit_need_vtype(t))
      return true;
   if (!jit_is_whole(t, op))
      return false;
   if (!t->from_start) {
      asm_alu_imm(&t->a, false, ALU_CMP, WAVE(vstart), 0);
      jit_stub_exit(t, asm_jcc(&t->a, CC_NE));
   }
   t->from_start = true;
   return true;
}

/* Makes sure of 64 lanes, with the expected vtype or another; false when none is. */
static bool
need_lanes(struct jit_region *t)
{
   if (t->vtype == NO_VTYPE && t->expected == NO_VTYPE)
      return false;
   if (t->vtype == NO_VTYPE) {
      asm_alu_imm(&t->a, false, ALU_CMP, WAVE(lanes), CG_NEVER);
      jit_stub_exit(t, asm_jcc(&t->a, CC_E));
   }
   return true;
}

/* The last place's limits decide whether there is one; else emit_site(). */
void
jit_address(struct jit_region *t, unsigned size, uint32_t perm)
{
   struct cg_asm *a = &t->a;
   int32_t at = new_site(t, size, perm);
   asm_int(a, 0, true, 0x89, RAX, rm_reg(RCX));
   asm_alu(a, true, ALU_SUB, RCX, rm_mem(R_JIT, at + (int)offsetof(struct jit_site, base)));
   asm_alu(a, true, ALU_CMP, RCX, rm_mem(R_JIT, at + (int)offsetof(struct jit_site, limit)));
   struct jit_stub *s = new_stub(t, STUB_SITE, asm_jcc(a, CC_AE));
   asm_alu(a, true, ALU_ADD, RCX, rm_mem(R_JIT, at + (int)offsetof(struct jit_site, host)));
   s->back = a->p;
   s->site = (unsigned)at;
}

/* ---- Instructions -----------------------------------------------------------*/

/* vl stays 64 lanes, or the interpreter does it. */
static bool
emit_vsetvli(struct jit_region *t, const struct cg_op *op)
{
   bool keeps_vl = !op->rs1 && op->rd == CG_XZERO_SINK;
   if (!jit_vtype_ok(t, op->imm) || (keeps_vl && !need_lanes(t)))
      return false;
   if (op->rs1) {
      asm_alu_imm(&t->a, true, ALU_CMP, rm_x(op->rs1), CG_LANES);
      jit_stub_exit(t, asm_jcc(&t->a, CC_B));
   }
   if (op->rd != CG_XZERO_SINK) {
      jit_keep_x(t, op->rd);
      asm_store_imm(&t->a, rm_x(op->rd), 3, CG_LANES);
      if (t->acc == op->rd)
         t->acc = -1;
   }
   t->vtype = (int)op->imm;
   return true;
}

/* By the interpreter's handler. What was put off has to be done before what could notice. */
static void
emit_by_handler(struct jit_region *t, const struct cg_op *op)
{
   bool vector = jit_is_vector(op), memory = (op->insn & 0x7f) == 0x2f || op->fn == cg_x_fence;
   if (vector || memory || jit_changes_vtype(op))
      jit_flush(t, jit_live_before(t));
   if (vector || op->fn == cg_x_csr)
      jit_vtype_to_memory(t);
   if (!vector && op->rd < 32)
      jit_keep_x(t, op->rd), jit_keep_f(t, op->rd);
   jit_call_handler(t, vector && t->vtype != NO_VTYPE && jit_is_gather(op, (unsigned)t->vtype));
   if (op->rd < 32)
      t->boxed &= ~(1u << op->rd);
   if (jit_changes_vtype(op) || jit_is_vsetvli(op))
      t->vtype = t->vtype_memory = t->expected = NO_VTYPE, t->from_start = false;
   if (op->fn == cg_x_csr)
      t->rm_checked = false;
}

static void
emit_insn(struct jit_region *t)
{
   const struct cg_op *op = &t->insn[t->cur].op;
   if (jit_is_vsetvli(op)) {
      if (!emit_vsetvli(t, op))
         emit_by_handler(t, op);
      return;
   }
   if (jit_is_vector(op) && need_vector(t, op) && jit_vector(t, op))
      return;
   if (!jit_is_vector(op) && jit_scalar(t, op))
      return;
   emit_by_handler(t, op);
}

/* ---- Blocks -------------------------------------------------------------------*/

static void
jump_to(struct jit_region *t, uint8_t *at, unsigned slot)
{
   int16_t target = t->by_slot[slot];
   if (target < 0) {
      jit_stub_exit(t, at);
   } else if (t->num_jumps == MAX_JUMPS) {
      t->failed = true;
   } else {
      t->jump[t->num_jumps].at = at;
      t->jump[t->num_jumps++].target = (unsigned)target;
   }
}

/* Writes back everything and goes to @slot, while the block goes on elsewhere. */
static void
emit_side_exit(struct jit_region *t, unsigned slot)
{
   int16_t target = t->by_slot[slot];
   if (target < 0) {
      jit_stub_exit(t, asm_jmp(&t->a));
      return;
   }
   jit_emit_lanes(t, t->insn[target].live_in);
   if (t->vtype != t->vtype_memory)
      emit_vtype(t, (unsigned)t->vtype);
   asm_alu_imm(&t->a, true, ALU_ADD, WAVE(left), (int)(t->path_length - t->pos - 1));
   jump_to(t, asm_jmp(&t->a), slot);
}

/* The path goes on at @next, unless the branch decides otherwise. */
static void
emit_foreseen(struct jit_region *t, const struct jit_insn *insn, unsigned next)
{
   if (insn->op.fn == cg_x_jal)
      return;
   if (t->num_vops > MAX_TWICE)
      jit_flush(t, insn->live);
   bool taken = next == (unsigned)t->by_slot[jit_target(insn)];
   unsigned cc = jit_compare(t, &insn->op) ^ !taken;
   uint8_t *on = asm_jcc(&t->a, cc);
   emit_side_exit(t, taken ? jit_next(insn) : jit_target(insn));
   asm_patch(&t->a, on, t->a.p);
}

/* A branch out of what was compiled is left to the interpreter, which finds the page. */
static void
emit_branch(struct jit_region *t, const struct jit_insn *insn)
{
   const struct cg_op *op = &insn->op;
   jit_flush(t, jit_live_before(t));
   jit_vtype_to_memory(t);
   if (op->fn == cg_x_jal) {
      unsigned target = jit_target(insn);
      if (t->by_slot[target] < 0) {
         jit_stub_exit(t, asm_jmp(&t->a));
         return;
      }
      if (op->rd != CG_XZERO_SINK) {
         asm_mov_imm(&t->a, RAX, t->page->va + 2ull * (insn->slot + op->len));
         asm_store(&t->a, rm_x(op->rd), RAX);
      }
      jump_to(t, asm_jmp(&t->a), target);
      return;
   }
   jump_to(t, asm_jcc(&t->a, jit_compare(t, op)), jit_target(insn));
}

/* Behind the last instruction of a block. */
static void
emit_fall_through(struct jit_region *t)
{
   const struct jit_insn *last = &t->insn[t->cur];
   unsigned next = jit_next(last);
   if (t->by_slot[next] >= 0) {
      jump_to(t, asm_jmp(&t->a), next);
      return;
   }
   asm_mov_imm(&t->a, RAX, (uintptr_t)(jit_op(t, t->cur) + last->op.len));
   asm_jmp_to(&t->a, t->jit->leave);
}

static void
begin_block(struct jit_region *t, unsigned first)
{
   struct cg_asm *a = &t->a;
   jit_make_path(t, first);
   t->pos = 0;
   t->cur = first;
   t->vtype = t->vtype_memory = NO_VTYPE;
   t->rm_checked = t->from_start = false;
   t->acc = -1;
   t->boxed = 0;
   t->label[first] = a->p;
   asm_alu_imm(a, true, ALU_SUB, WAVE(left), (int)t->path_length);
   jit_stub_exit(t, asm_jcc(a, CC_B));
   asm_alu_imm(a, false, ALU_CMP, rm_mem(R_CORE, (int)offsetof(struct cg_core, stop)), 0);
   jit_stub_exit(t, asm_jcc(a, CC_NE));
}

static void
emit_block(struct jit_region *t, unsigned first)
{
   begin_block(t, first);
   for (; t->pos < t->path_length; t->pos++) {
      t->cur = t->path[t->pos];
      struct jit_insn *insn = &t->insn[t->cur];
      bool last = t->pos + 1 == t->path_length;
      t->expected = insn->vtype;
      if (insn->exit) {
         jit_flush(t, jit_live_before(t));
         jit_vtype_to_memory(t);
         jit_stub_exit(t, asm_jmp(&t->a));
         return;
      }
      if (!jit_is_branch(&insn->op)) {
         emit_insn(t);
      } else if (!last) {
         emit_foreseen(t, insn, t->path[t->pos + 1]);
      } else {
         emit_branch(t, insn);
         if (insn->op.fn == cg_x_jal)
            return;
      }
   }
   t->pos = t->path_length - 1;
   jit_flush(t, t->insn[t->cur].live);
   jit_vtype_to_memory(t);
   emit_fall_through(t);
}

/* ---- Stubs ----------------------------------------------------------------------*/

static void
emit_leave(struct jit_region *t, const struct jit_stub *s)
{
   struct cg_asm *a = &t->a;
   if (s->uncount)
      asm_alu_imm(a, true, ALU_ADD, WAVE(left), s->uncount);
   emit_replay(t, s);
   asm_mov_imm(a, RAX, (uintptr_t)s->op);
   asm_jmp_to(a, t->jit->leave);
}

/* The result of a handler that is not the next operation. */
static void
emit_result(struct jit_region *t, const struct jit_stub *s)
{
   struct cg_asm *a = &t->a;
   if (s->uncount)
      asm_alu_imm(a, true, ALU_ADD, WAVE(left), s->uncount);
   asm_store(a, rm_slot(0), RAX);
   emit_replay(t, s);
   asm_load(a, RAX, rm_slot(0));
   asm_jmp_to(a, t->jit->leave);
}

/* Accesses that are counted, and those that are elsewhere. */
static void
emit_site(struct jit_region *t, const struct jit_stub *s)
{
   struct cg_asm *a = &t->a;
   asm_alu(a, true, ALU_CMP, RCX, rm_mem(R_JIT, (int32_t)s->site + (int)offsetof(struct jit_site, counted)));
   uint8_t *elsewhere = asm_jcc(a, CC_AE);
   asm_load(a, RDX, rm_mem(R_JIT, (int32_t)s->site + (int)offsetof(struct jit_site, counter)));
   asm_alu_imm(a, false, ALU_SUB, rm_mem(RDX, 0), 1);
   uint8_t *report = asm_jcc(a, CC_E);
   asm_alu(a, true, ALU_ADD, RCX, rm_mem(R_JIT, (int32_t)s->site + (int)offsetof(struct jit_site, host)));
   asm_jmp_to(a, s->back);
   asm_patch(a, elsewhere, a->p);
   asm_patch(a, report, a->p);
   asm_int(a, 0, true, 0x8d, RDI, rm_mem(R_WAVE, -WAVE_BIAS));
   asm_int(a, 0, true, 0x8d, RSI, rm_mem(R_JIT, (int32_t)s->site));
   asm_int(a, 0, true, 0x89, RAX, rm_reg(RDX));
   asm_call(a, (const void *)(uintptr_t)jit_site_fill);
   asm_int(a, 0, true, 0x89, RAX, rm_reg(RCX));
   asm_int(a, 0, true, 0x85, RAX, rm_reg(RAX));
   asm_patch(a, asm_jcc(a, CC_NE), s->back);
   emit_leave(t, s);
}

/* 0 * inf + NaN is invalid, whatever the host thinks of it; and NaNs become the canonical one. */
static void
emit_fma_nan(struct jit_region *t, const struct jit_stub *s)
{
   struct cg_asm *a = &t->a;
   const uint32_t w = s->wide ? EVEX_W : 0;
   const uint32_t class = EVEX_OP(PP_66, MAP_0F3A, 0, 0x66) | w;
   const uint32_t cmp = (s->wide ? EVEX_OP(PP_66, MAP_0F, 1, 0xc2) : EVEX_OP(PP_NONE, MAP_0F, 0, 0xc2));
   const struct cg_evex on = { .k = s->mask }, q = { .k = 7, .b = s->q_broadcast };
   enum { ZERO = 0x06, INF = 0x18, UNORDERED = 3 };

   for (unsigned i = 0; i < 2; i++) {
      asm_evex(a, class, L512, 7, 0, s->p, on), asm_byte(a, i ? INF : ZERO);
      asm_evex(a, class, L512, 7, 0, s->q, q), asm_byte(a, i ? ZERO : INF);
      asm_k(a, K_ORTEST, false, 7, 0, rm_reg(7));
      uint8_t *none = asm_jcc(a, CC_E);
      asm_int(a, 0, false, 0x80, ALU_OR, WAVE(fflags)), asm_byte(a, CG_NV);
      asm_patch(a, none, a->p);
   }
   asm_evex(a, cmp, L512, 7, s->result, rm_reg(s->result), on), asm_byte(a, UNORDERED);
   asm_evex(a, EVEX_OP(PP_66, MAP_0F38, 0, s->wide ? 0x59 : 0x58) | w, L512, s->result, 0,
            s->wide ? JIT(nan[1]) : JIT(nan[0]), (struct cg_evex){ .k = 7 });
   asm_jmp_to(a, s->back);
}

static void
emit_stubs(struct jit_region *t)
{
   for (unsigned i = 0; i < t->num_stubs; i++) {
      const struct jit_stub *s = &t->stub[i];
      asm_patch(&t->a, s->at, t->a.p);
      switch (s->kind) {
      case STUB_EXIT: emit_leave(t, s); break;
      case STUB_RESULT: emit_result(t, s); break;
      case STUB_SITE: emit_site(t, s); break;
      case STUB_FMA: emit_fma_nan(t, s); break;
      }
   }
}

/* ---- The region -------------------------------------------------------------------*/

static bool
hook(struct jit_region *t)
{
   struct cg_code_page *page = t->page;
   if (!page->jit)
      page->jit = calloc(1, sizeof(*page->jit));
   if (!page->jit)
      return false;
   for (unsigned i = 0; i < t->num_insns; i++) {
      struct jit_insn *insn = &t->insn[i];
      struct cg_op *op = &page->ops[insn->slot];
      if (!insn->leader || insn->exit)
         continue;
      if (op->fn != cg_jit_enter)
         page->jit->fn[insn->slot] = op->fn;
      page->jit->code[insn->slot] = t->label[i];
      op->fn = cg_jit_enter;
   }
   return true;
}

/* What a path ends in front of has to begin one, too. */
static void
split_long_paths(struct jit_region *t)
{
   bool changed = true;
   while (changed) {
      changed = false;
      for (unsigned i = 0; i < t->num_insns; i++) {
         if (!t->insn[i].leader)
            continue;
         jit_make_path(t, i);
         const struct jit_insn *last = &t->insn[t->path[t->path_length - 1]];
         int16_t next = last->exit ? -1 : t->by_slot[jit_next(last)];
         if (next >= 0 && last->op.fn != cg_x_jal && !t->insn[next].leader)
            changed = t->insn[next].leader = true;
      }
   }
}

enum jit_result
jit_translate(struct cg_jit *jit, struct cg_wave *w, struct cg_code_page *page, unsigned slot)
{
   struct jit_region *t = jit->region;
   unsigned sites = jit->num_sites, pending = jit->num_pending;

   t->jit = jit;
   t->page = page;
   size_t space = JIT_CODE - jit->used;
   t->a = (struct cg_asm){ .base = jit->code + jit->used, .p = jit->code + jit->used };
   t->a.end = t->a.p + (space < JIT_REGION ? space : JIT_REGION);
   t->num_jumps = t->num_stubs = 0;
   t->failed = false;
   memset(t->label, 0, sizeof(t->label));
   jit_begin_lanes(t);
   if (!jit_discover(t, slot, w->lanes == CG_NEVER ? NO_VTYPE : (int)w->lanes) || t->insn[t->by_slot[slot]].exit)
      return JIT_NOTHING;

   split_long_paths(t);
   for (unsigned i = 0; i < t->num_insns; i++) {
      if (t->insn[i].leader)
         emit_block(t, i);
   }
   for (unsigned i = 0; i < t->num_jumps; i++) {
      assert(t->label[t->jump[i].target]);
      asm_patch(&t->a, t->jump[i].at, t->label[t->jump[i].target]);
   }
   emit_stubs(t);
   if (t->failed || t->a.full) {
      jit->num_sites = sites;
      jit->num_pending = pending;
      return space < JIT_REGION || jit->num_sites > JIT_SITES / 2 || jit->num_pending > JIT_PENDING / 2 ? JIT_FULL : JIT_NOTHING;
   }
   if (!hook(t))
      return JIT_NOTHING;
   jit->used += (size_t)(t->a.p - t->a.base);
   return JIT_DONE;
}
