/* SPDX-License-Identifier: MIT */
/*
 * See hot.h.
 */
#include "hot.h"
#include "mem.h"

/* Batches that make up the threshold. */
#define BATCHES 16

static uint32_t
threshold(const struct cg_core *core)
{
   return core->cfg.hot_threshold ? atomic_load_explicit(core->cfg.hot_threshold, memory_order_relaxed) : 0;
}

uint32_t
cg_hot_batch(const struct cg_core *core, bool sys)
{
   uint32_t t = sys ? threshold(core) : 0;
   return t && t < BATCHES ? 1 : t / BATCHES;
}

void
cg_hot_count(struct cg_core *core, uint32_t asid, uint64_t va, uint32_t n)
{
   uint32_t t = threshold(core);
   if (!t)
      return;

   uint64_t number = va >> CG_HOT_SHIFT, tag = cg_tlb_tag(asid, number);
   struct cg_hot_region *r = &core->hot[(number ^ asid * 37) % CG_HOT_REGIONS];
   if (r->tag != tag)
      *r = (struct cg_hot_region){ .tag = tag, .limit = t };
   core->counting = true;
   r->count += n;
   if (r->count < r->limit)
      return;

   /* If nothing came of it, less often: memory that has to stay there must not fill the ring. */
   r->count = 0;
   if (r->limit <= UINT32_MAX / 4)
      r->limit *= 2;
   core->cfg.hot(core->cfg.priv, asid, number << CG_HOT_SHIFT);
}

void
cg_hot_access(struct cg_core *core, uint32_t asid, uint64_t va, uint32_t *left)
{
   if (--*left)
      return;
   *left = cg_hot_batch(core, true);
   cg_hot_count(core, asid, va, *left);
}
