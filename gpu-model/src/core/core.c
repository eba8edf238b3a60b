/* SPDX-License-Identifier: MIT */
/*
 * The core: its life, the loop that runs a wave, and the cache of decoded code.
 *
 * Code is cached by 4 KiB page, direct-mapped; a page has a slot for each
 * half-word, decoded when it is first executed.  The loop makes one indirect
 * call for each operation and looks at the stop flag each time.  Handlers may
 * execute more than one instruction: hot code is translated (src/jit/).
 */
#include <stdlib.h>

#include "../jit/jit.h"
#include "fpenv.h"
#include "mem.h"
#include "vec.h"

struct cg_core *
cg_core_create(const struct cg_core_config *config)
{
   struct cg_core *core = calloc(1, sizeof(*core));
   if (!core)
      return NULL;
   core->cfg = *config;
   core->isa = cg_isa_get();
   core->jit = cg_jit_create(core);
   return core;
}

void
cg_core_destroy(struct cg_core *core)
{
   if (!core)
      return;
   for (unsigned i = 0; i < CG_CODE_PAGES; i++) {
      if (core->code[i])
         cg_jit_page_reset(core->code[i]);
      free(core->code[i]);
   }
   cg_jit_destroy(core->jit);
   free(core);
}

void
cg_core_tlb_inv(struct cg_core *core, uint32_t asid, uint64_t va, uint64_t size)
{
   if (size == 0)
      return;
   cg_tlb_inv(core, asid, va, size);
   cg_jit_forget_addresses(core->jit);
   cg_code_inv(core, asid, va, size);
}

void
cg_core_tlb_flush(struct cg_core *core)
{
   cg_tlb_flush(core);
   cg_jit_forget_addresses(core->jit);
   for (unsigned i = 0; i < CG_CODE_PAGES; i++) {
      if (core->code[i])
         core->code[i]->host = NULL;
   }
}

void
cg_core_icache_inv(struct cg_core *core, uint32_t asid)
{
   cg_code_inv(core, asid, 0, ~0ull);
}

void
cg_core_request_stop(struct cg_core *core)
{
   atomic_store_explicit(&core->stop, 1, memory_order_relaxed);
}

void
cg_core_clear_stop(struct cg_core *core)
{
   atomic_store_explicit(&core->stop, 0, memory_order_relaxed);
}

bool
cg_core_stop_requested(struct cg_core *core)
{
   return atomic_load_explicit(&core->stop, memory_order_relaxed);
}

void
cg_code_inv(struct cg_core *core, uint32_t asid, uint64_t va, uint64_t size)
{
   uint64_t last = size > ~va ? ~0ull : va + size - 1;
   for (unsigned i = 0; i < CG_CODE_PAGES; i++) {
      struct cg_code_page *page = core->code[i];
      if (!page || page->asid != asid)
         continue;
      uint64_t page_last = page->va + CG_PAGE_SIZE - 1 + (page->straddles ? 2 : 0);
      if (page->va <= last && page_last >= va)
         page->host = NULL;
   }
}

static void
code_page_init(struct cg_code_page *page, uint32_t asid, uint64_t va, const uint8_t *host)
{
   page->va = va;
   page->asid = asid;
   page->host = host;
   page->straddles = false;
   cg_jit_page_reset(page);
   for (unsigned i = 0; i < CG_SLOTS_PER_PAGE; i++)
      page->ops[i].fn = cg_exec_undecoded;
   page->ops[CG_SLOTS_PER_PAGE].fn = cg_exec_page_end;
   page->ops[CG_SLOTS_PER_PAGE + 1].fn = cg_exec_page_end;
}

/* The decoded page of @pc, or NULL with the wave's stop set. */
static struct cg_code_page *
code_page_get(struct cg_wave *w, uint64_t pc)
{
   struct cg_core *core = w->core;
   uint64_t va = pc & ~(uint64_t)CG_PAGE_MASK;
   struct cg_code_page **slot = &core->code[cg_code_slot(w->asid, va)];
   struct cg_code_page *page = *slot;

   if (page && page->host && page->va == va && page->asid == w->asid)
      return page;

   struct cg_span span;
   enum cg_mem_result r = cg_mem_span(w, pc, COLIBRI_ACCESS_EXEC, &span);
   if (r != CG_MEM_OK) {
      w->error.pc = pc;
      w->stop = r == CG_MEM_FAULT ? CG_STOP_FAULT : CG_STOP_ERROR;
      return NULL;
   }
   if (!page)
      page = *slot = calloc(1, sizeof(*page));
   if (!page) {
      w->error = (struct cg_wave_error){ COLIBRI_QERR_BUS, pc, pc };
      w->stop = CG_STOP_ERROR;
      return NULL;
   }
   code_page_init(page, w->asid, va, span.host - (pc & CG_PAGE_MASK));
   return page;
}

const struct cg_op *
cg_goto(struct cg_wave *w, uint64_t pc)
{
   w->pc = pc;
   struct cg_code_page *page = code_page_get(w, pc);
   if (!page)
      return NULL;
   w->page = page;
   const struct cg_op *op = &page->ops[(pc & CG_PAGE_MASK) / 2];
   cg_jit_count(w, op);
   return op;
}

const struct cg_op *
cg_stop_fault(struct cg_wave *w, const struct cg_op *op)
{
   w->pc = cg_op_pc(w, op);
   w->stop = CG_STOP_FAULT;
   w->instret--;
   return NULL;
}

const struct cg_op *
cg_stop_error(struct cg_wave *w, const struct cg_op *op)
{
   w->pc = w->error.pc = cg_op_pc(w, op);
   w->stop = CG_STOP_ERROR;
   w->instret--;
   return NULL;
}

const struct cg_op *
cg_illegal(struct cg_wave *w, const struct cg_op *op)
{
   w->error.code = COLIBRI_QERR_ILLEGAL_INSN;
   w->error.addr = cg_op_pc(w, op);
   return cg_stop_error(w, op);
}

static void
run(struct cg_core *core, struct cg_wave *w, uint64_t budget)
{
   w->left = budget;
   const struct cg_op *op = cg_goto(w, w->pc);

   while (op) {
      if (unlikely(w->left == 0 || atomic_load_explicit(&core->stop, memory_order_relaxed))) {
         w->pc = cg_op_pc(w, op);
         w->stop = CG_STOP_BUDGET;
         break;
      }
      w->left--;
      op = op->fn(w, op);
   }
   w->instret += budget - w->left;
}

enum cg_stop
cg_wave_run(struct cg_core *core, struct cg_wave *w, uint64_t budget)
{
   w->core = core;
   w->num_faults = w->num_blocked = 0;
   w->defer_all = false;

   cg_jit_begin_run(core->jit);

   uint32_t host_env = cg_fp_enter(w->rm);
   run(core, w, budget);
   w->fflags |= cg_fp_leave(host_env);
   w->core = NULL;
   return w->stop;
}
