/* SPDX-License-Identifier: MIT */
/*
 * What generated code calls.
 */
#include "mem.h"
#include "translate.h"
#include "vec.h"

/* Large translations on one side of another that a place has: to look for one takes as long as some accesses. */
#define MAX_NEIGHBOURS 8

/** The handler of an operation, also if a translation begins there. */
const struct cg_op *
jit_call(struct cg_wave *w, const struct cg_op *op)
{
   cg_exec_fn fn = op->fn;
   if (unlikely(fn == cg_jit_enter))
      fn = w->page->jit->fn[op - w->page->ops];
   return fn(w, op);
}

/* A unit-stride access whose memory was found when it was put off. */
static void
replay_memory(struct cg_wave *w, const struct jit_pending *p, uint8_t *host)
{
   const struct cg_isa *isa = w->core->isa;
   const struct cg_op *op = p->op;
   bool store = (op->insn & 0x7f) == 0x27;
   uint8_t *reg = cg_vreg(w, op->rd);
   uint64_t bits[4];

   if (op->vm) {
      size_t size = op->insn >> 20 & 31 ? (size_t)op->rm * w->vlenb : (size_t)CG_LANES << op->form;
      isa->copy(store ? host : reg, store ? reg : host, size);
      return;
   }
   memcpy(bits, w->v, sizeof(bits));
   if (store)
      isa->store[op->form](host, reg, bits, CG_LANES);
   else
      isa->blend[op->form](reg, host, bits, CG_LANES);
}

static void
replay_one(struct cg_wave *w, const struct jit_pending *p, unsigned index)
{
   struct cg_jit *jit = w->core->jit;

   if (p->memory) {
      replay_memory(w, p, (uint8_t *)(uintptr_t)jit->slot[p->host]);
      return;
   }
   if (index < p->value_from) {
      jit_call(w, p->op);
      return;
   }
   uint64_t *reg = p->fp_value ? &w->f[p->op->rs1] : &w->x[p->op->rs1], now = *reg;
   *reg = jit->slot[p->value];
   if (p->fp_value && w->sew == 2)
      *reg |= ~0ull << 32;
   jit_call(w, p->op);
   *reg = now;
}

/**
 * Executes pending operations as they are to be at instruction @index of their block, and sets
 * @vtype, if there is one.
 */
void
jit_replay(struct cg_wave *w, unsigned first, unsigned num, unsigned index, int vtype)
{
   const struct jit_pending *p = w->core->jit->pending + first;

   for (unsigned i = 0; i < num; i++, p++) {
      if (!p->memory && w->lanes != p->vtype)
         cg_vtype_set(w, p->vtype, CG_LANES);
      replay_one(w, p, index);
   }
   if (vtype >= 0 && w->lanes != (unsigned)vtype)
      cg_vtype_set(w, (unsigned)vtype, CG_LANES);
}

/* Memory that belongs to the wave or its group: until the end of this run. */
static uint8_t *
fill_segment(struct cg_wave *w, struct jit_site *site, uint64_t va)
{
   struct cg_jit *jit = w->core->jit;
   uint8_t *host = cg_mem_segment_fast(w, va, site->size);
   uint64_t high = va >> 32;
   bool local = high == COLIBRI_LOCAL_BASE >> 32, private = !local && high != COLIBRI_STACK_BASE >> 32;

   /* Private memory is in one piece only as far as the unit goes. */
   if (!host || private || (!site->segment && jit->num_segments == JIT_SEGMENTS))
      return host;
   if (!site->segment)
      jit->segment[jit->num_segments++] = site;
   site->segment = true;
   site->base = high << 32;
   site->host = (uintptr_t)host - (va - site->base);
   site->limit = (local ? w->group->lds_size : w->stack_size) - site->size + 1;
   return host;
}

static uint8_t *
fill_page(struct cg_wave *w, struct jit_site *site, uint64_t va, struct cg_tlb_entry *e)
{
   if ((va & CG_PAGE_MASK) + site->size > CG_PAGE_SIZE)
      return NULL;
   if (e->perm & CG_PERM_COUNTED) {
      cg_hot_access(w->core, w->asid, va, &e->left);
      site->counter = &e->left;
   }
   const uint64_t starts = CG_PAGE_SIZE - site->size + 1;
   site->base = va & ~(uint64_t)CG_PAGE_MASK;
   site->host = (uintptr_t)e->host;
   site->limit = e->perm & CG_PERM_COUNTED ? 0 : starts;
   site->counted = starts - site->limit;
   return e->host + (va & CG_PAGE_MASK);
}

/* The large translation at @va, if what is there lies at @host. */
static const struct cg_tlb_extent *
neighbour(struct cg_wave *w, const struct jit_site *site, uint64_t va, const uint8_t *host)
{
   const struct cg_tlb_extent *ext = cg_tlb_extent(w->core, w->asid, va, site->perm);

   return ext && !ext->left && ext->x.host + (va & (ext->x.size - 1)) == host ? ext : NULL;
}

/* A large translation, and those around it that the TLB has and that are next to it for the host, too. */
static void
fill_extents(struct cg_wave *w, struct jit_site *site, uint64_t va, const struct cg_tlb_extent *ext)
{
   uint64_t start = va & ~(ext->x.size - 1), end = start + ext->x.size;
   uint8_t *host = ext->x.host;
   unsigned left = MAX_NEIGHBOURS;

   for (; left && (ext = neighbour(w, site, end, host + (end - start))); left--)
      end = (end & ~(ext->x.size - 1)) + ext->x.size;
   for (left += MAX_NEIGHBOURS; left && start && (ext = neighbour(w, site, start - 1, host - 1)); left--) {
      host -= start - ((start - 1) & ~(ext->x.size - 1));
      start = (start - 1) & ~(ext->x.size - 1);
   }
   site->base = start;
   site->host = (uintptr_t)host;
   site->limit = end - start - site->size + 1;
}

/**
 * Host memory for an access, if it is all in one place, else NULL.  The site remembers the place:
 * large translations, or a page, whose accesses may be counted.
 */
uint8_t *
jit_site_fill(struct cg_wave *w, struct jit_site *site, uint64_t va)
{
   struct cg_core *core = w->core;
   struct cg_span span;

   /* The one that is to be reported is counted again below. */
   if (site->counted && *site->counter == 0)
      *site->counter = 1;
   site->limit = site->counted = 0;
   if (va >> COLIBRI_VA_BITS)
      return fill_segment(w, site, va);

   const struct cg_tlb_extent *ext = cg_tlb_extent(core, w->asid, va, site->perm);
   if (ext && !ext->left) {
      uint64_t offset = va & (ext->x.size - 1);
      if (offset + site->size > ext->x.size)
         return NULL;
      uint8_t *host = ext->x.host + offset;
      fill_extents(w, site, va, ext);
      return host;
   }
   struct cg_tlb_entry *e = cg_tlb_lookup(core, w->asid, va, site->perm);
   if (!e) {
      uint8_t access = site->perm == CG_PERM_W ? COLIBRI_ACCESS_WRITE : COLIBRI_ACCESS_READ;
      if (cg_mem_probe(w, va, access, &span) != CG_MEM_OK)
         return NULL;
      e = cg_tlb_lookup(core, w->asid, va, site->perm);
   }
   return e ? fill_page(w, site, va, e) : NULL;
}
