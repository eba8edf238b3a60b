/* SPDX-License-Identifier: MIT */
/*
 * Gathers and scatters of translated code: 64 elements of 32 bits at 64-bit
 * indices.  All of them in the place that the instruction used last is the
 * common case; whatever else is for the interpreter.
 */
#include "mem.h"
#include "translate.h"
#include "vec.h"

#define SIZE 4
/* So many gathers in several places, and the next 250 are not tried. */
#define MISSES 6

/* Offsets from the site's base of the active elements, 0 for others; false: not all are in its place. */
static bool
offsets(const struct jit_site *site, const uint64_t *index, uint64_t base, uint64_t bits, uint32_t *offset)
{
   const uint64_t first = base - site->base, limit = site->limit;
   uint64_t outside = 0;

   for (unsigned i = 0; i < CG_LANES; i++) {
      uint64_t on = -(bits >> i & 1), o = (index[i] + first) & on;
      outside |= o >= limit;
      offset[i] = (uint32_t)o;
   }
   return !outside;
}

/* Do they lie side by side? */
static bool
side_by_side(const uint32_t *offset)
{
   uint32_t differ = 0, first = offset[0];

   if (offset[1] != first + SIZE || offset[CG_LANES - 1] != first + (CG_LANES - 1) * SIZE)
      return false;
   for (unsigned i = 0; i < CG_LANES; i++)
      differ |= offset[i] ^ (first + i * SIZE);
   return differ == 0;
}

static void
move(const struct cg_isa *isa, uint8_t *host, uint8_t *reg, const uint32_t *offset, uint64_t bits, bool store)
{
   if (bits == ~0ull && side_by_side(offset))
      isa->copy(store ? host + offset[0] : reg, store ? reg : host + offset[0], CG_LANES * SIZE);
   else if (store)
      isa->scatter[2](host, reg, offset, bits);
   else
      isa->gather[2](reg, host, offset, bits);
}

const struct cg_op *
jit_gather(struct cg_wave *w, const struct cg_op *op, struct jit_site *site)
{
   const uint64_t base = w->x[op->rs1], *index = (const uint64_t *)(w->v + CG_MAX_VLENB * op->rs2);
   bool store = (op->insn & 0x7f) == 0x27;
   uint32_t offset[CG_LANES];
   uint64_t bits = ~0ull;

   if (!op->vm)
      memcpy(&bits, w->v, sizeof(bits));
   if (!bits)
      return op + 2;
   if (site->misses > MISSES) {
      site->misses++;   /* until it wraps */
      return jit_call(w, op);
   }
   if (--*site->counter == 0 || !offsets(site, index, base, bits, offset)) {
      uint64_t first = base + index[__builtin_ctzll(bits)];
      if (!jit_site_fill(w, site, first) || !offsets(site, index, base, bits, offset)) {
         site->misses++;
         return jit_call(w, op);
      }
   }
   site->misses = 0;
   move(w->core->isa, (uint8_t *)(uintptr_t)site->host, w->v + CG_MAX_VLENB * op->rd, offset, bits, store);
   return op + 2;
}
