/* SPDX-License-Identifier: MIT */
/*
 * Memory access of the cores: TLB, apertures, and the record of what faulted.
 */
#ifndef CG_MEM_H
#define CG_MEM_H

#include "core_priv.h"
#include "hot.h"
#include "split.h"

enum cg_mem_result {
   CG_MEM_OK,
   CG_MEM_FAULT,     /**< noted in wave->faults */
   CG_MEM_ERROR,     /**< noted in wave->error */
};

/** Host memory behind a guest address. */
struct cg_span {
   uint8_t *host;
   uint64_t size;    /**< bytes from there on that belong together */
   bool sys;
};

static inline uint32_t
cg_access_perm(uint8_t access)
{
   switch (access) {
   case COLIBRI_ACCESS_READ: return CG_PERM_R;
   case COLIBRI_ACCESS_WRITE: return CG_PERM_W;
   case COLIBRI_ACCESS_EXEC: return CG_PERM_X;
   default: return CG_PERM_R | CG_PERM_W | CG_PERM_A;
   }
}

static inline uint64_t
cg_tlb_tag(uint32_t asid, uint64_t page_number)
{
   return 1ull << 63 | page_number << 16 | (asid & 0xffff);
}

static inline struct cg_tlb_entry *
cg_tlb_slot(struct cg_core *core, uint32_t asid, uint64_t page_number)
{
   return &core->tlb[(page_number ^ page_number >> 9 ^ asid * 37) % CG_TLB_ENTRIES];
}

/** TLB hit or NULL; @va must be a global address. */
static inline struct cg_tlb_entry *
cg_tlb_lookup(struct cg_core *core, uint32_t asid, uint64_t va, uint32_t perm)
{
   uint64_t page_number = va >> CG_PAGE_SHIFT;
   struct cg_tlb_entry *e = cg_tlb_slot(core, asid, page_number);
   if (likely(e->tag == cg_tlb_tag(asid, page_number) && (e->perm & perm) == perm))
      return e;
   return NULL;
}

static inline struct cg_tlb_extent *
cg_tlb_extent_slot(struct cg_tlb_extent *table, uint32_t asid, uint64_t number)
{
   return &table[(number ^ asid * 37) % CG_TLB_EXTENTS];
}

/** The large translation that holds a global address, or NULL. */
static inline struct cg_tlb_extent *
cg_tlb_extent(struct cg_core *core, uint32_t asid, uint64_t va, uint32_t perm)
{
   if (likely(!core->has_extents))
      return NULL;
   struct cg_tlb_extent *ext = cg_tlb_extent_slot(core->ext2m, asid, va >> 21);
   if (ext->tag == cg_tlb_tag(asid, va >> 21) && (ext->x.perm & perm) == perm)
      return ext;
   ext = cg_tlb_extent_slot(core->ext64k, asid, va >> 16);
   if (ext->tag == cg_tlb_tag(asid, va >> 16) && (ext->x.perm & perm) == perm)
      return ext;
   return NULL;
}

/**
 * Host memory for an access at @va in any aperture; the span ends with its page
 * or segment.  The slow way, for all cases.
 */
enum cg_mem_result cg_mem_span(struct cg_wave *w, uint64_t va, uint8_t access, struct cg_span *span);

/** As cg_mem_span(), but a page that is missing is not noted as a fault. */
enum cg_mem_result cg_mem_probe(struct cg_wave *w, uint64_t va, uint8_t access, struct cg_span *span);

/**
 * Copy @size (<= 8) bytes between @data and guest memory at @va, across pages
 * if need be; all pages are there before the first byte moves.
 */
enum cg_mem_result cg_mem_copy(struct cg_wave *w, uint64_t va, void *data, unsigned size, bool store);

/** A naturally aligned word during one atomic operation. */
struct cg_atomic {
   void *word;             /**< to operate on, atomically */
   struct cg_split split;  /**< host NULL: word is the memory itself */
};

/** On success cg_mem_atomic_end() follows the operation. */
enum cg_mem_result cg_mem_atomic_begin(struct cg_wave *w, uint64_t va, unsigned size, struct cg_atomic *a);

static inline void
cg_mem_atomic_end(struct cg_atomic *a)
{
   if (unlikely(a->split.host))
      cg_split_end(&a->split);
}

/**
 * Private memory lies as its lanes use it: a row has a unit of each lane, since mostly all use the same
 * offset at the same time.  Aligned elements of up to 8 bytes never cross units.
 */
#define CG_PRIVATE_UNIT 8u

/** Where @va, which is in a lane's private memory, is on the host. */
static inline uint8_t *
cg_private_host(const struct cg_wave *w, uint64_t va)
{
   uint64_t lane = (va - COLIBRI_PRIVATE_BASE) >> 32;
   uint32_t offset = (uint32_t)va, unit = offset / CG_PRIVATE_UNIT;
   return w->priv + (unit * (uint64_t)CG_LANES + lane) * CG_PRIVATE_UNIT + offset % CG_PRIVATE_UNIT;
}

/** Host pointer for @size bytes in one piece of local or private memory or the stack, else NULL. */
uint8_t *cg_mem_segment_fast(struct cg_wave *w, uint64_t va, unsigned size);

/** As cg_mem_fast(), for pages whose accesses are counted. */
uint8_t *cg_mem_counted(struct cg_wave *w, uint64_t va, unsigned size, uint32_t perm);

/** Host pointer for @size bytes in one page with a TLB hit, or in a segment, else NULL: ask cg_mem_copy(). */
static inline uint8_t *
cg_mem_fast(struct cg_wave *w, uint64_t va, unsigned size, uint32_t perm)
{
   unsigned offset = va & CG_PAGE_MASK;
   if (unlikely(va >> COLIBRI_VA_BITS))
      return cg_mem_segment_fast(w, va, size);
   if (unlikely(offset + size > CG_PAGE_SIZE))
      return NULL;
   uint64_t page_number = va >> CG_PAGE_SHIFT;
   struct cg_tlb_entry *e = cg_tlb_slot(w->core, w->asid, page_number);
   if (likely(e->tag == cg_tlb_tag(w->asid, page_number) && (e->perm & (perm | CG_PERM_COUNTED)) == perm))
      return e->host + offset;
   return NULL;
}

/** Set wave->error. */
enum cg_mem_result cg_mem_error(struct cg_wave *w, uint32_t code, uint64_t va);

void cg_tlb_flush(struct cg_core *core);
void cg_tlb_inv(struct cg_core *core, uint32_t asid, uint64_t va, uint64_t size);

static inline const struct cg_op *
cg_mem_stop(struct cg_wave *w, const struct cg_op *op, enum cg_mem_result r)
{
   return r == CG_MEM_FAULT ? cg_stop_fault(w, op) : cg_stop_error(w, op);
}

#endif /* CG_MEM_H */
