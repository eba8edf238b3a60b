/* SPDX-License-Identifier: MIT */
/*
 * Address translation of the cores: apertures, TLB refill, the list of pages
 * that the running instruction lacks.
 *
 * During one pass over an instruction's elements, a page that was found
 * missing stays missing, and so do the resident pages of an element that waits
 * for its other page.  Otherwise a later element could overtake an earlier one
 * with the same address, and ordered stores would end with the wrong value.
 */
#include "mem.h"

static void
tlb_fill(struct cg_core *core, uint32_t asid, uint64_t va, const struct cg_xlate *x)
{
   uint64_t page_number = va >> CG_PAGE_SHIFT;
   struct cg_tlb_entry *e = cg_tlb_slot(core, asid, page_number);
   e->tag = cg_tlb_tag(asid, page_number);
   e->host = x->host + (va & (x->size - 1) & ~(uint64_t)CG_PAGE_MASK);
   e->perm = x->perm;
   e->sys = x->sys;
   e->left = cg_hot_batch(core, x->sys);
   if (e->left) {
      e->perm |= CG_PERM_COUNTED;
      cg_hot_count(core, asid, va, 1);
   }

   if (x->size == CG_PAGE_SIZE)
      return;
   bool huge = x->size > 65536;
   uint64_t number = va >> (huge ? 21 : 16);
   struct cg_tlb_extent *ext = cg_tlb_extent_slot(huge ? core->ext2m : core->ext64k, asid, number);
   ext->tag = cg_tlb_tag(asid, number);
   ext->x = *x;
   ext->left = cg_hot_batch(core, x->sys);
   core->has_extents = true;
}

enum cg_mem_result
cg_mem_error(struct cg_wave *w, uint32_t code, uint64_t va)
{
   w->error.code = code;
   w->error.addr = va;
   return CG_MEM_ERROR;
}

/** Is the page of @va one that this pass has to stay away from? */
static bool
is_deferred(const struct cg_wave *w, uint64_t va)
{
   for (unsigned i = 0; i < w->num_faults; i++) {
      if (w->faults[i].addr >> CG_PAGE_SHIFT == va >> CG_PAGE_SHIFT)
         return true;
   }
   for (unsigned i = 0; i < w->num_blocked; i++) {
      if (w->blocked[i] == va >> CG_PAGE_SHIFT)
         return true;
   }
   return false;
}

static void
note_fault(struct cg_wave *w, uint64_t va, uint8_t access)
{
   w->faults[w->num_faults++] = (struct cg_page_fault){ .addr = va, .access = access };
   if (w->num_faults == CG_MAX_FAULTS)
      w->defer_all = true;
}

static enum cg_mem_result
global_span(struct cg_wave *w, uint64_t va, uint8_t access, struct cg_span *span, bool note)
{
   struct cg_core *core = w->core;
   uint32_t perm = cg_access_perm(access);

   if (w->defer_all || ((w->num_faults || w->num_blocked) && is_deferred(w, va)))
      return CG_MEM_FAULT;

   struct cg_tlb_entry *e = cg_tlb_lookup(core, w->asid, va, perm);
   if (e && (e->perm & CG_PERM_COUNTED)) {
      cg_hot_access(core, w->asid, va, &e->left);
   } else if (!e) {
      const struct cg_tlb_extent *known = cg_tlb_extent(core, w->asid, va, perm);
      struct cg_xlate x;
      if (known) {
         x = known->x;
      } else {
         enum cg_xlate_result r = core->cfg.translate(core->cfg.priv, w->asid, va, access, &x);
         if (r == CG_XLATE_BUS)
            return cg_mem_error(w, COLIBRI_QERR_BUS, va);
         if (r != CG_XLATE_OK || (x.perm & perm) != perm) {
            if (note)
               note_fault(w, va, access);
            return CG_MEM_FAULT;
         }
      }
      tlb_fill(core, w->asid, va, &x);
      e = cg_tlb_slot(core, w->asid, va >> CG_PAGE_SHIFT);
   }
   span->host = e->host + (va & CG_PAGE_MASK);
   span->size = CG_PAGE_SIZE - (va & CG_PAGE_MASK);
   span->sys = e->sys;
   /* What is deferred is counted in pages; else a span is as large as the translation. */
   const struct cg_tlb_extent *large = w->num_faults || w->num_blocked ? NULL : cg_tlb_extent(core, w->asid, va, perm);
   if (large)
      span->size = large->x.size - (va & (large->x.size - 1));
   return CG_MEM_OK;
}

static enum cg_mem_result
segment_span(struct cg_wave *w, uint64_t va, uint8_t *base, uint64_t size, struct cg_span *span)
{
   uint64_t offset = va & 0xffffffff;
   if (offset >= size)
      return cg_mem_error(w, COLIBRI_QERR_BAD_ADDRESS, va);
   span->host = base + offset;
   span->size = size - offset;
   span->sys = false;
   return CG_MEM_OK;
}

/* Up to the end of the unit. */
static enum cg_mem_result
private_span(struct cg_wave *w, uint64_t va, struct cg_span *span)
{
   uint32_t offset = (uint32_t)va, left = CG_PRIVATE_UNIT - offset % CG_PRIVATE_UNIT;
   if (offset >= w->private_size)
      return cg_mem_error(w, COLIBRI_QERR_BAD_ADDRESS, va);
   span->host = cg_private_host(w, va);
   span->size = w->private_size - offset < left ? w->private_size - offset : left;
   span->sys = false;
   return CG_MEM_OK;
}

static enum cg_mem_result
any_span(struct cg_wave *w, uint64_t va, uint8_t access, struct cg_span *span, bool note)
{
   if (likely(va >> COLIBRI_VA_BITS == 0))
      return global_span(w, va, access, span, note);
   if (access == COLIBRI_ACCESS_EXEC)
      return cg_mem_error(w, COLIBRI_QERR_BAD_ADDRESS, va);

   uint64_t high = va >> 32;
   if (high == COLIBRI_LOCAL_BASE >> 32)
      return segment_span(w, va, w->group->lds, w->group->lds_size, span);
   if (high == COLIBRI_STACK_BASE >> 32)
      return segment_span(w, va, w->stack, w->stack_size, span);
   if (high - (COLIBRI_PRIVATE_BASE >> 32) < CG_LANES)
      return private_span(w, va, span);
   return cg_mem_error(w, COLIBRI_QERR_BAD_ADDRESS, va);
}

enum cg_mem_result
cg_mem_span(struct cg_wave *w, uint64_t va, uint8_t access, struct cg_span *span)
{
   return any_span(w, va, access, span, true);
}

enum cg_mem_result
cg_mem_probe(struct cg_wave *w, uint64_t va, uint8_t access, struct cg_span *span)
{
   return any_span(w, va, access, span, false);
}

uint8_t *
cg_mem_segment_fast(struct cg_wave *w, uint64_t va, unsigned size)
{
   uint64_t high = va >> 32, offset = va & 0xffffffff, lane = high - (COLIBRI_PRIVATE_BASE >> 32);
   if (high == COLIBRI_LOCAL_BASE >> 32)
      return offset + size <= w->group->lds_size ? w->group->lds + offset : NULL;
   if (high == COLIBRI_STACK_BASE >> 32)
      return offset + size <= w->stack_size ? w->stack + offset : NULL;
   if (lane < CG_LANES && offset + size <= w->private_size && offset % CG_PRIVATE_UNIT + size <= CG_PRIVATE_UNIT)
      return cg_private_host(w, va);
   return NULL;
}

uint8_t *
cg_mem_counted(struct cg_wave *w, uint64_t va, unsigned size, uint32_t perm)
{
   unsigned offset = va & CG_PAGE_MASK;
   if (va >> COLIBRI_VA_BITS || offset + size > CG_PAGE_SIZE)
      return NULL;
   struct cg_tlb_entry *e = cg_tlb_lookup(w->core, w->asid, va, perm | CG_PERM_COUNTED);
   if (!e)
      return NULL;
   cg_hot_access(w->core, w->asid, va, &e->left);
   return e->host + offset;
}

/* Constant sizes become single moves, so that no aligned element is torn. */
static void
copy_element(void *dst, const void *src, unsigned size)
{
   switch (size) {
   case 1: memcpy(dst, src, 1); break;
   case 2: memcpy(dst, src, 2); break;
   case 4: memcpy(dst, src, 4); break;
   case 8: memcpy(dst, src, 8); break;
   default: memcpy(dst, src, size); break;
   }
}

static void
move_element(uint8_t *host, void *data, unsigned size, bool store)
{
   if (store)
      copy_element(host, data, size);
   else
      copy_element(data, host, size);
}

static void
block_page(struct cg_wave *w, uint64_t va)
{
   if (w->num_blocked < CG_MAX_FAULTS)
      w->blocked[w->num_blocked++] = va >> CG_PAGE_SHIFT;
   else
      w->defer_all = true;
}

/* What does not fit the segment's first span: an element that is not aligned may be in two units. */
static enum cg_mem_result
copy_across(struct cg_wave *w, uint64_t va, const struct cg_span *first, void *data, unsigned size, bool store)
{
   uint32_t offset = (uint32_t)va, head = (uint32_t)first->size;
   if (va - COLIBRI_PRIVATE_BASE >= (uint64_t)CG_LANES << 32 || w->private_size - offset < size)
      return cg_mem_error(w, COLIBRI_QERR_BAD_ADDRESS, va);
   move_element(first->host, data, head, store);
   move_element(cg_private_host(w, va + head), (uint8_t *)data + head, size - head, store);
   return CG_MEM_OK;
}

enum cg_mem_result
cg_mem_copy(struct cg_wave *w, uint64_t va, void *data, unsigned size, bool store)
{
   uint8_t access = store ? COLIBRI_ACCESS_WRITE : COLIBRI_ACCESS_READ;
   struct cg_span first, second;

   enum cg_mem_result r = cg_mem_span(w, va, access, &first);
   if (r == CG_MEM_OK && likely(first.size >= size)) {
      move_element(first.host, data, size, store);
      return CG_MEM_OK;
   }
   unsigned head = CG_PAGE_SIZE - (va & CG_PAGE_MASK);
   if (r == CG_MEM_OK && va >> COLIBRI_VA_BITS)
      return copy_across(w, va, &first, data, size, store);
   if (r == CG_MEM_ERROR || head >= size)
      return r;

   enum cg_mem_result r2 = cg_mem_span(w, va + head, access, &second);
   if (r2 == CG_MEM_ERROR)
      return r2;
   if (r == CG_MEM_OK && r2 == CG_MEM_OK) {
      move_element(first.host, data, head, store);
      move_element(second.host, (uint8_t *)data + head, size - head, store);
      return CG_MEM_OK;
   }
   if (r == CG_MEM_OK)
      block_page(w, va);
   else if (r2 == CG_MEM_OK)
      block_page(w, va + head);
   return CG_MEM_FAULT;
}

enum cg_mem_result
cg_mem_atomic_begin(struct cg_wave *w, uint64_t va, unsigned size, struct cg_atomic *a)
{
   if (va & (size - 1))
      return cg_mem_error(w, COLIBRI_QERR_MISALIGNED, va);
   struct cg_span span;
   enum cg_mem_result r = cg_mem_span(w, va, COLIBRI_ACCESS_ATOMIC, &span);
   if (r != CG_MEM_OK)
      return r;
   if (span.size < size)
      return cg_mem_error(w, COLIBRI_QERR_BAD_ADDRESS, va);
   a->split.host = NULL;
   a->word = span.host;
   if (span.sys && !w->core->cfg.sys_atomics)
      a->word = cg_split_begin(&a->split, span.host, size);
   return CG_MEM_OK;
}

void
cg_tlb_flush(struct cg_core *core)
{
   memset(core->tlb, 0, sizeof(core->tlb));
   memset(core->ext64k, 0, sizeof(core->ext64k));
   memset(core->ext2m, 0, sizeof(core->ext2m));
   core->has_extents = false;
   memset(core->hot, 0, sizeof(core->hot));
   core->counting = false;
}

/* Does [number << shift, + 1 << shift) of @tag touch [va, last]? */
static bool
tag_hit(uint64_t tag, unsigned shift, uint32_t asid, uint64_t va, uint64_t last)
{
   uint64_t number = tag << 1 >> 17;
   return tag && (tag & 0xffff) == (asid & 0xffff) && number >= va >> shift && number <= last >> shift;
}

static void
extent_inv(struct cg_tlb_extent *table, unsigned shift, uint32_t asid, uint64_t va, uint64_t last)
{
   for (unsigned i = 0; i < CG_TLB_EXTENTS; i++) {
      if (tag_hit(table[i].tag, shift, asid, va, last))
         table[i].tag = 0;
   }
}

void
cg_tlb_inv(struct cg_core *core, uint32_t asid, uint64_t va, uint64_t size)
{
   uint64_t last = size > ~va ? ~0ull : va + size - 1;
   for (unsigned i = 0; i < CG_TLB_ENTRIES; i++) {
      if (tag_hit(core->tlb[i].tag, CG_PAGE_SHIFT, asid, va, last))
         core->tlb[i].tag = 0;
   }
   extent_inv(core->ext64k, 16, asid, va, last);
   extent_inv(core->ext2m, 21, asid, va, last);
   for (unsigned i = 0; core->counting && i < CG_HOT_REGIONS; i++) {
      if (tag_hit(core->hot[i].tag, CG_HOT_SHIFT, asid, va, last))
         core->hot[i].tag = 0;
   }
}
