/* SPDX-License-Identifier: MIT */
/*
 * The wave's life and what the device may ask it.
 */
#include <stdlib.h>

#include "mem.h"

struct cg_wave *
cg_wave_create(const struct cg_core_config *config)
{
   struct cg_wave *w = aligned_alloc(64, (sizeof(*w) + 63) & ~63ul);
   if (!w)
      return NULL;
   memset(w, 0, sizeof(*w));
   w->vlenb = config->vlen / 8;
   return w;
}

void
cg_wave_destroy(struct cg_wave *w)
{
   if (!w)
      return;
   free(w->priv);
   free(w->stack);
   free(w);
}

/* Cleared each time: what another process left there is nobody's business. */
static bool
segment_reset(uint8_t **mem, size_t *cap, size_t size)
{
   if (size > *cap) {
      free(*mem);
      *cap = 0;
      *mem = aligned_alloc(64, (size + 63) & ~63ul);
      if (!*mem)
         return false;
      *cap = size;
   }
   if (size)
      memset(*mem, 0, size);
   return true;
}

bool
cg_wave_reset(struct cg_wave *w, const struct cg_group *group, uint32_t wave_in_wg, uint64_t entry)
{
   const size_t private = (group->private_size + CG_PRIVATE_UNIT - 1) & -(size_t)CG_PRIVATE_UNIT;
   if (!segment_reset(&w->priv, &w->priv_cap, private * CG_LANES) ||
       !segment_reset(&w->stack, &w->stack_cap, group->stack_size))
      return false;

   memset(w->x, 0, sizeof(w->x));
   memset(w->f, 0, sizeof(w->f));
   memset(w->v, 0, sizeof(w->v));
   w->pc = entry;
   w->x[2] = COLIBRI_STACK_BASE + group->stack_size;
   w->x[10] = group->kernarg;
   w->group = group;
   w->asid = group->asid;
   w->wave_in_wg = wave_in_wg;
   w->private_size = group->private_size;
   w->stack_size = group->stack_size;

   w->frm = w->rm = w->fflags = 0;
   w->vxrm = w->vxsat = 0;
   w->vstart = 0;
   cg_vtype_set(w, 1ull << 63, 0);

   w->resv_addr = ~0ull;
   w->restart.active = false;
   w->num_faults = 0;
   w->instret = 0;
   w->error = (struct cg_wave_error){ 0 };
   return true;
}

const struct cg_page_fault *
cg_wave_faults(const struct cg_wave *w, unsigned *count)
{
   *count = w->num_faults;
   return w->faults;
}

struct cg_wave_error
cg_wave_error(const struct cg_wave *w)
{
   return w->error;
}

uint64_t
cg_wave_pc(const struct cg_wave *w)
{
   return w->pc;
}

uint64_t
cg_wave_instret(const struct cg_wave *w)
{
   return w->instret;
}
