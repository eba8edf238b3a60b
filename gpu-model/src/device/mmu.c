/* SPDX-License-Identifier: MIT */
/*
 * The page walk.  Entries are the guest's: they are read once, atomically,
 * and every address in them is checked.
 */
#include "internal.h"

static uint8_t *
phys_ptr(struct cg_device *dev, uint64_t pte, uint64_t addr, uint64_t size, bool write)
{
   return pte & COLIBRI_PTE_SYS ? cg_sys_ptr(dev, addr, size, write) : cg_vram_ptr(dev, addr, size);
}

static uint8_t
pte_perm(uint64_t pte)
{
   uint8_t perm = 0;

   if (pte & COLIBRI_PTE_READ)
      perm |= CG_PERM_R;
   if (pte & COLIBRI_PTE_WRITE)
      perm |= CG_PERM_W;
   if (pte & COLIBRI_PTE_EXEC)
      perm |= CG_PERM_X;
   if (pte & COLIBRI_PTE_ATOMIC)
      perm |= CG_PERM_A;
   return perm;
}

static uint8_t
needed_perm(uint8_t access)
{
   switch (access) {
   case COLIBRI_ACCESS_READ:
      return CG_PERM_R;
   case COLIBRI_ACCESS_WRITE:
      return CG_PERM_W;
   case COLIBRI_ACCESS_EXEC:
      return CG_PERM_X;
   default:
      return CG_PERM_R | CG_PERM_W | CG_PERM_A;
   }
}

/*
 * The leaf of @size as one extent, or the part of it around @va that is there: guest memory may end in
 * the middle of a large leaf.
 */
static enum cg_xlate_result
leaf_extent(struct cg_device *dev, uint64_t pte, uint64_t va, uint64_t size, uint8_t need,
            struct cg_xlate *out)
{
   static const uint64_t parts[] = {2 << 20, 65536, CG_PAGE_SIZE};
   uint64_t phys = pte & COLIBRI_PTE_ADDR_MASK & ~(size - 1);
   uint8_t perm = pte_perm(pte);

   if ((perm & need) != need)
      return CG_XLATE_FAULT;

   for (unsigned i = 0; i < 3; i++) {
      uint64_t part = parts[i];
      uint64_t at = phys + (va & (size - 1) & ~(part - 1));
      uint8_t *host = part > size ? NULL : phys_ptr(dev, pte, at, part, need & CG_PERM_W);

      if (!host)
         continue;
      if (!phys_ptr(dev, pte, at, part, true))
         perm &= ~(CG_PERM_W | CG_PERM_A);
      out->host = host;
      out->size = part;
      out->perm = perm;
      out->sys = pte & COLIBRI_PTE_SYS;
      return CG_XLATE_OK;
   }
   return CG_XLATE_BUS;
}

enum cg_xlate_result
cg_mmu_walk(void *priv, uint32_t asid, uint64_t va, uint8_t access, struct cg_xlate *out)
{
   struct cg_device *dev = priv;

   if (asid >= COLIBRI_MAX_ASIDS || va >= CG_VA_LIMIT)
      return CG_XLATE_BUS;

   uint64_t pte = atomic_load(&dev->pt_root[asid]);

   for (int level = COLIBRI_PT_LEVELS; level >= 1; level--) {
      if (!(pte & COLIBRI_PTE_VALID))
         return CG_XLATE_FAULT;
      if (pte & COLIBRI_PTE_LEAF)
         return CG_XLATE_BUS;

      uint8_t *table = phys_ptr(dev, pte, pte & COLIBRI_PTE_ADDR_MASK, CG_PAGE_SIZE, false);

      if (!table)
         return CG_XLATE_BUS;
      pte = cg_load64(table + 8 * (va >> COLIBRI_PT_SHIFT(level) & (COLIBRI_PT_ENTRIES - 1)));

      if (level <= 2 && (pte & COLIBRI_PTE_VALID) && (pte & COLIBRI_PTE_LEAF)) {
         uint64_t size = level == 2                ? 2 << 20
                         : pte & COLIBRI_PTE_CONT64 ? 65536
                                                    : CG_PAGE_SIZE;

         return leaf_extent(dev, pte, va, size, needed_perm(access), out);
      }
   }
   return pte & COLIBRI_PTE_VALID ? CG_XLATE_BUS : CG_XLATE_FAULT;
}
