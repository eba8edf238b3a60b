/* SPDX-License-Identifier: MIT */
/*
 * Which of the compiled SIMD levels this host runs.
 */
#include <stdlib.h>

#include "vec.h"

static const struct cg_isa *
choose(void)
{
#ifdef __x86_64__
   const char *limit = getenv("COLIBRI_CORE_ISA");
   bool base = limit && strcmp(limit, "base") == 0;
   bool avx2 = limit && strcmp(limit, "avx2") == 0;

   if (!base && !avx2 && __builtin_cpu_supports("x86-64-v4"))
      return &cg_isa_avx512;
   if (!base && __builtin_cpu_supports("x86-64-v3"))
      return &cg_isa_avx2;
#endif
   return &cg_isa_base;
}

const struct cg_isa *
cg_isa_get(void)
{
   static _Atomic(const struct cg_isa *) chosen;
   const struct cg_isa *isa = atomic_load_explicit(&chosen, memory_order_relaxed);
   if (unlikely(!isa)) {
      isa = choose();
      atomic_store_explicit(&chosen, isa, memory_order_relaxed);
   }
   return isa;
}
