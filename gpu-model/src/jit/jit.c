/* SPDX-License-Identifier: MIT */
/*
 * See jit.h: when code is translated, where translations are kept, how they
 * are entered and thrown away.
 *
 * The memory for host code is of a fixed size and never writable and
 * executable at once.  When it is full, everything is thrown away and what is
 * still hot comes again.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "translate.h"
#include "vec.h"

/* Times that an operation is counted before it is translated. */
#define HOT 24

/* COLIBRI_CORE_JIT. @return 0: off */
static unsigned
threshold(void)
{
   const char *mode = getenv("COLIBRI_CORE_JIT");
   if (mode && strcmp(mode, "off") == 0)
      return 0;
   if (mode && strcmp(mode, "sync") == 0)
      return 1;
   return HOT;
}

static void
fill_constants(struct cg_jit *jit)
{
   for (int i = 0; i < 48; i++)
      jit->small[i] = (uint64_t)(int64_t)(i - 16);
   jit->nan[0] = 0x7fc00000, jit->nan[1] = 0x7ff8000000000000;
   jit->sign[0] = 0x80000000, jit->sign[1] = 1ull << 63;
   jit->count_mask[0] = 31, jit->count_mask[1] = 63;
   jit->two31 = 0x4f000000;   /* 2^31 as a float */
   jit->half = CG_LANES / 2, jit->lanes = CG_LANES;
   for (unsigned i = 0; i < 64; i++) {
      jit->iota8[i] = (uint8_t)i;
      jit->iota16[i] = (uint16_t)i;
      jit->iota32[i] = jit->iota64[i] = i;
   }
}

/* The way in and the way out, at the beginning of the memory. */
static void
emit_gates(struct cg_jit *jit)
{
   static const uint8_t saved[] = { RBX, RBP, R12, R13, R14, R15 };
   /* What checks the types of called functions reads in front of them. */
   struct cg_asm a = { .base = jit->code, .p = jit->code + 64, .end = jit->code + JIT_CODE };

   jit->enter = (const struct cg_op *(*)(struct cg_wave *, const uint8_t *))(uintptr_t)a.p;
   for (unsigned i = 0; i < sizeof(saved); i++)
      asm_int(&a, 0, false, 0xff, 6, rm_reg(saved[i]));
   asm_alu_imm(&a, true, ALU_SUB, rm_reg(RSP), 8);
   asm_int(&a, 0, true, 0x8d, R_WAVE, rm_mem(RDI, WAVE_BIAS));
   asm_load(&a, R_CORE, rm_mem(RDI, offsetof(struct cg_wave, core)));
   asm_mov_imm(&a, R_JIT, (uintptr_t)jit);
   asm_int(&a, 0, false, 0xff, 4, rm_reg(RSI));

   jit->leave = a.p;
   asm_byte(&a, 0xc5), asm_byte(&a, 0xf8), asm_byte(&a, 0x77);   /* vzeroupper */
   asm_alu_imm(&a, true, ALU_ADD, rm_reg(RSP), 8);
   for (unsigned i = sizeof(saved); i-- > 0;)
      asm_int(&a, 0, false, 0x8f, 0, rm_reg(saved[i]));
   asm_byte(&a, 0xc3);
   jit->used = (size_t)(a.p - jit->code);
}

struct cg_jit *
cg_jit_create(struct cg_core *core)
{
   unsigned hot = threshold();
   if (!hot || core->isa != &cg_isa_avx512)
      return NULL;
   struct cg_jit *jit = aligned_alloc(64, (sizeof(*jit) + 63) & ~63ul);
   if (!jit)
      return NULL;
   memset(jit, 0, sizeof(*jit));
   jit->core = core;
   jit->threshold = hot;
   jit->region = calloc(1, sizeof(*jit->region));
   jit->code = mmap(NULL, JIT_CODE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
   if (jit->code == MAP_FAILED)
      jit->code = NULL;
   if (jit->region && jit->code) {
      fill_constants(jit);
      emit_gates(jit);
      if (mprotect(jit->code, JIT_CODE, PROT_READ | PROT_EXEC) == 0)
         return jit;
   }
   cg_jit_destroy(jit);
   return NULL;
}

void
cg_jit_destroy(struct cg_jit *jit)
{
   if (!jit)
      return;
   if (jit->code)
      munmap(jit->code, JIT_CODE);
   free(jit->region);
   free(jit);
}

void
cg_jit_forget_addresses(struct cg_jit *jit)
{
   if (!jit)
      return;
   for (unsigned i = 0; i < jit->num_sites; i++)
      jit->site[i].limit = jit->site[i].counted = 0;
}

void
cg_jit_begin_run(struct cg_jit *jit)
{
   while (jit && jit->num_segments) {
      struct jit_site *site = jit->segment[--jit->num_segments];
      site->limit = 0;
      site->segment = false;
   }
}

void
cg_jit_page_reset(struct cg_code_page *page)
{
   memset(page->heat, 0, sizeof(page->heat));
   free(page->jit);
   page->jit = NULL;
}

/* Operations get their handlers back. */
static void
page_restore(struct cg_code_page *page)
{
   if (page->jit) {
      for (unsigned i = 0; i < CG_SLOTS_PER_PAGE; i++) {
         if (page->ops[i].fn == cg_jit_enter)
            page->ops[i].fn = page->jit->fn[i];
      }
   }
   cg_jit_page_reset(page);
}

static void
forget_all(struct cg_jit *jit)
{
   for (unsigned i = 0; i < CG_CODE_PAGES; i++) {
      if (jit->core->code[i])
         page_restore(jit->core->code[i]);
   }
   jit->num_sites = jit->num_pending = jit->num_segments = 0;
   emit_gates(jit);
}

static void
translate(struct cg_jit *jit, struct cg_wave *w, struct cg_code_page *page, unsigned slot)
{
   if (mprotect(jit->code, JIT_CODE, PROT_READ | PROT_WRITE) != 0)
      return;
   if (jit_translate(jit, w, page, slot) == JIT_FULL) {
      forget_all(jit);
      jit_translate(jit, w, page, slot);
   }
   page->heat[slot] = UINT8_MAX;
   if (mprotect(jit->code, JIT_CODE, PROT_READ | PROT_EXEC) != 0) {
      forget_all(jit);
      jit->threshold = UINT32_MAX;
   }
}

void
cg_jit_count_hot(struct cg_wave *w, const struct cg_op *op)
{
   struct cg_jit *jit = w->core->jit;
   struct cg_code_page *page = (struct cg_code_page *)w->page;
   unsigned slot = (unsigned)(op - page->ops);

   if (slot >= CG_SLOTS_PER_PAGE || page->heat[slot] >= jit->threshold)
      return;
   if (++page->heat[slot] == jit->threshold && !jit->inside && op->fn != cg_jit_enter)
      translate(jit, w, page, slot);
}

/*
 * run() has counted one instruction, and so do blocks.  A block that was left before its first
 * instruction has to be begun by the interpreter, so that there is progress.
 */
const struct cg_op *
cg_jit_enter(struct cg_wave *w, const struct cg_op *op)
{
   struct cg_jit *jit = w->core->jit;
   const struct cg_jit_page *page = w->page->jit;
   unsigned slot = (unsigned)(op - w->page->ops);
   uint64_t left = ++w->left;

   /* An instruction of which a part was done is for the interpreter to go on with. */
   if (likely(!jit->inside && !w->restart.active)) {
      jit->inside = true;
      const struct cg_op *next = jit->enter(w, page->code[slot]);
      jit->inside = false;
      if (likely(w->left != left || !next))
         return next;
      op = next;
   }
   w->left--;
   return jit_call(w, op);
}

void
cg_jit_set_fn(struct cg_wave *w, struct cg_op *op, cg_exec_fn fn)
{
   if (op->fn == cg_jit_enter)
      w->page->jit->fn[op - w->page->ops] = fn;
   else
      op->fn = fn;
}
