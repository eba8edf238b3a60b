/* SPDX-License-Identifier: MIT */
/*
 * Vector loads and stores: moving the elements.
 *
 * The common cases are one copy.  All others, and whatever was interrupted by
 * a fault, go element by element in chunks of 64; a bit for each element and
 * field tells what is done, so that nothing is done twice.
 */
#include "vec_mem.h"

#define ELEMS 64

/* Addresses of elements [first, first + 64). */
static void
addresses(const struct cg_wave *w, const struct cg_vmem *m, unsigned first, uint64_t *addr)
{
   if (m->index) {
      w->core->isa->addresses[m->isew](addr, m->index + ((size_t)first << m->isew), m->base);
      return;
   }
   uint64_t va = m->base + first * (uint64_t)m->stride;
   for (unsigned i = 0; i < ELEMS; i++, va += (uint64_t)m->stride)
      addr[i] = va;
}

/* Active elements of the chunk at @first. */
static uint64_t
active(const struct cg_wave *w, const struct cg_vmem *m, unsigned first)
{
   uint64_t bits = ~0ull;
   if (m->n - first < ELEMS)
      bits = ~(~0ull << (m->n - first));
   if (w->vstart > first)
      bits &= w->vstart - first < ELEMS ? ~0ull << (w->vstart - first) : 0;
   if (m->masked) {
      uint64_t mask;
      memcpy(&mask, w->v + first / 8, sizeof(mask));
      bits &= mask;
   }
   return bits;
}

/* Host memory of [va, va + size) in one piece, or NULL. */
static uint8_t *
one_piece(struct cg_wave *w, uint64_t va, uint64_t size, bool store)
{
   uint32_t perm = store ? CG_PERM_W : CG_PERM_R;
   uint8_t *host = cg_mem_fast(w, va, (unsigned)size, perm);
   if (unlikely(!host))
      host = cg_mem_counted(w, va, (unsigned)size, perm);
   if (likely(host))
      return host;
   struct cg_span span;
   if (cg_mem_probe(w, va, store ? COLIBRI_ACCESS_WRITE : COLIBRI_ACCESS_READ, &span) == CG_MEM_OK && span.size >= size)
      return span.host;
   return NULL;
}

static void
bulk(struct cg_wave *w, uint8_t *reg, uint8_t *host, uint64_t size, bool store)
{
   if (store)
      w->core->isa->copy(host, reg, size);
   else
      w->core->isa->copy(reg, host, size);
}

/* Unit stride, in one piece of memory. */
static bool
try_unit(struct cg_wave *w, const struct cg_vmem *m)
{
   if (m->nf != 1 || m->index || m->stride != 1 << m->sew || w->restart.active)
      return false;
   if (w->vstart >= m->n)
      return true;

   uint64_t skip = (uint64_t)w->vstart << m->sew, size = ((uint64_t)m->n << m->sew) - skip;
   if (m->masked && (w->vstart || m->n % 32))
      return false;
   uint8_t *host = one_piece(w, m->base + skip, size, m->store);
   if (!host)
      return false;
   if (!m->masked) {
      bulk(w, m->reg + skip, host, size, m->store);
      return true;
   }
   for (unsigned e = 0; e < m->n; e += 256) {
      uint64_t bits[4];
      unsigned n = m->n - e < 256 ? m->n - e : 256;
      size_t at = (size_t)e << m->sew;
      memcpy(bits, w->v + e / 8, sizeof(bits));
      if (m->store)
         w->core->isa->store[m->sew](host + at, m->reg + at, bits, n);
      else
         w->core->isa->blend[m->sew](m->reg + at, host + at, bits, n);
   }
   return true;
}

/* A piece of host memory behind guest memory: elements may start in its first @starts bytes. */
struct piece {
   uint64_t va, starts;
   uint8_t *host;
};

/* The piece that a TLB hit gives for @va, as large as the translation is. */
static inline uint8_t *
find_piece(struct cg_wave *w, uint64_t va, unsigned size, uint32_t perm, struct piece *piece)
{
   if (unlikely(w->num_blocked || w->defer_all))
      return NULL;
   if (va >> COLIBRI_VA_BITS)
      return cg_mem_segment_fast(w, va, size);
   struct cg_tlb_extent *ext = cg_tlb_extent(w->core, w->asid, va, perm);
   uint64_t extent = ext ? ext->x.size : CG_PAGE_SIZE, offset = va & (extent - 1);
   uint8_t *host = !ext ? cg_mem_fast(w, va, size, perm) : offset + size <= extent ? ext->x.host + offset : NULL;
   if (unlikely(!ext && !host))
      host = cg_mem_counted(w, va, size, perm);
   if (unlikely(ext && host && ext->left))
      cg_hot_access(w->core, w->asid, va, &ext->left);
   if (likely(host))
      *piece = (struct piece){ .va = va - offset, .host = host - offset, .starts = extent - size + 1 };
   return host;
}

/*
 * The elements of @todo, one field.  The page of the last one is tried first,
 * then the TLB, then the slow way, which alone knows of faults.
 * @return the elements that are done now.
 */
static inline __attribute__((always_inline)) uint64_t
each_element(struct cg_wave *w, uint8_t *reg, const uint64_t *addr, uint64_t offset, uint64_t todo,
             unsigned size, bool store, enum cg_mem_result *error)
{
   uint32_t perm = store ? CG_PERM_W : CG_PERM_R;
   struct piece piece = { 0 };
   uint64_t done = 0;

   for (; todo; todo &= todo - 1) {
      unsigned i = (unsigned)__builtin_ctzll(todo);
      uint64_t va = addr[i] + offset;
      uint8_t *data = reg + i * size, *host;

      if (likely(va - piece.va < piece.starts)) {
         host = piece.host + (va - piece.va);
      } else {
         host = find_piece(w, va, size, perm, &piece);
         if (unlikely(!host)) {
            enum cg_mem_result r = cg_mem_copy(w, va, data, size, store);
            if (unlikely(r == CG_MEM_ERROR)) {
               *error = r;
               return done;
            }
            if (r == CG_MEM_OK)
               done |= 1ull << i;
            else
               piece.starts = 0;
            continue;
         }
      }
      if (store)
         memcpy(host, data, size);
      else
         memcpy(data, host, size);
      done |= 1ull << i;
   }
   return done;
}

static uint64_t
elements(struct cg_wave *w, const struct cg_vmem *m, uint8_t *reg, const uint64_t *addr, uint64_t offset,
         uint64_t todo, enum cg_mem_result *error)
{
   switch (m->sew | m->store << 2) {
   case 0: return each_element(w, reg, addr, offset, todo, 1, false, error);
   case 1: return each_element(w, reg, addr, offset, todo, 2, false, error);
   case 2: return each_element(w, reg, addr, offset, todo, 4, false, error);
   case 3: return each_element(w, reg, addr, offset, todo, 8, false, error);
   case 4: return each_element(w, reg, addr, offset, todo, 1, true, error);
   case 5: return each_element(w, reg, addr, offset, todo, 2, true, error);
   case 6: return each_element(w, reg, addr, offset, todo, 4, true, error);
   default: return each_element(w, reg, addr, offset, todo, 8, true, error);
   }
}

/* A gather whose lanes turn out to lie side by side. */
static bool
try_contiguous(struct cg_wave *w, const struct cg_vmem *m, uint8_t *reg, const uint64_t *addr)
{
   if (!m->index || !w->core->isa->contiguous(addr, 1u << m->sew))
      return false;
   uint64_t size = (uint64_t)ELEMS << m->sew;
   uint8_t *host = one_piece(w, addr[0], size, m->store);
   if (!host)
      return false;
   bulk(w, reg, host, size, m->store);
   return true;
}

/* Where elements near @va may be, as far as it can be told at once. */
static bool
find_place(struct cg_wave *w, uint64_t va, unsigned size, bool store, struct cg_place *place)
{
   uint64_t high = va >> 32;
   struct piece piece;

   *place = (struct cg_place){ 0 };
   if (va >> COLIBRI_VA_BITS == 0) {
      if (!find_piece(w, va, size, store ? CG_PERM_W : CG_PERM_R, &piece))
         return false;
      place->host = piece.host, place->va = piece.va, place->starts = place->row_starts = piece.starts;
      return true;
   }
   if (!cg_mem_segment_fast(w, va, size))
      return false;
   if (high == COLIBRI_LOCAL_BASE >> 32) {
      place->host = w->group->lds, place->va = COLIBRI_LOCAL_BASE;
      place->starts = place->row_starts = w->group->lds_size - size + 1;
      return true;
   }
   if (high == COLIBRI_STACK_BASE >> 32)
      return false;
   /* Each lane in its own private memory, as programs do it. */
   place->host = w->priv, place->va = COLIBRI_PRIVATE_BASE, place->starts = w->private_size - size + 1;
   place->rows = -(uint64_t)CG_PRIVATE_UNIT, place->row_starts = CG_PRIVATE_UNIT - size + 1;
   place->lane_va = 1ull << 32, place->lane_host = CG_PRIVATE_UNIT;
   return true;
}

/* All elements of the chunk, if they are in one place. */
static bool
try_place(struct cg_wave *w, const struct cg_vmem *m, uint8_t *reg, const uint64_t *addr, uint64_t todo)
{
   unsigned first = (unsigned)__builtin_ctzll(todo), last = 63 - (unsigned)__builtin_clzll(todo);
   struct cg_place place;
   uint32_t offset[ELEMS];

   if (w->num_faults || w->num_blocked || w->defer_all || first == last)
      return false;
   if (!find_place(w, addr[first], 1u << m->sew, m->store, &place) ||
       addr[last] - place.va - last * place.lane_va >= place.starts ||
       !w->core->isa->offsets(offset, addr, todo, &place))
      return false;
   if (m->store)
      w->core->isa->scatter[m->sew](place.host, reg, offset, todo);
   else
      w->core->isa->gather[m->sew](reg, place.host, offset, todo);
   return true;
}

/* One chunk; @done has a word for each field. */
static enum cg_mem_result
chunk(struct cg_wave *w, const struct cg_vmem *m, unsigned first, uint64_t *done)
{
   uint64_t addr[ELEMS], bits = active(w, m, first);
   uint8_t *reg = m->reg + ((size_t)first << m->sew);
   enum cg_mem_result error = CG_MEM_OK;

   if (!bits)
      return CG_MEM_OK;
   addresses(w, m, first, addr);
   if (m->nf == 1) {
      uint64_t todo = bits & ~done[0];
      if (todo == ~0ull && !w->num_faults && !w->defer_all && try_contiguous(w, m, reg, addr)) {
         done[0] = ~0ull;
         return CG_MEM_OK;
      }
      if (todo && try_place(w, m, reg, addr, todo)) {
         done[0] |= todo;
         return CG_MEM_OK;
      }
      done[0] |= elements(w, m, reg, addr, 0, todo, &error);
      return error;
   }
   /* Segments in element order, since ordered stores may overlap. */
   for (; bits && error == CG_MEM_OK; bits &= bits - 1) {
      uint64_t bit = bits & -bits;
      for (unsigned f = 0; f < m->nf && error == CG_MEM_OK; f++)
         done[f] |= elements(w, m, reg + f * m->field_step, addr, (uint64_t)f << m->sew, bit & ~done[f], &error);
   }
   return error;
}

const struct cg_op *
cg_vmem_run(struct cg_wave *w, const struct cg_op *op, struct cg_vmem *m)
{
   if (likely(try_unit(w, m)))
      return cg_vec_done(w, op);

   struct cg_restart *restart = &w->restart;
   unsigned chunks = (m->n + ELEMS - 1) / ELEMS;
   if (!restart->active)
      memset(restart->done, 0, chunks * m->nf * sizeof(restart->done[0]));
   restart->active = false;

   for (unsigned c = w->vstart / ELEMS; c < chunks; c++) {
      if (chunk(w, m, c * ELEMS, &restart->done[c * m->nf]) == CG_MEM_ERROR)
         return cg_stop_error(w, op);
   }
   if (w->num_faults) {
      restart->active = true;
      return cg_stop_fault(w, op);
   }
   return cg_vec_done(w, op);
}
