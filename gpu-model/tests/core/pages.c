/* SPDX-License-Identifier: MIT */
/*
 * See pages.h.
 */
#include <stdio.h>
#include <stdlib.h>

#include "pages.h"

#define RWXA (CG_PERM_R | CG_PERM_W | CG_PERM_X | CG_PERM_A)

static uint8_t
needed(uint8_t access)
{
   return access == COLIBRI_ACCESS_READ ? CG_PERM_R : access == COLIBRI_ACCESS_WRITE ? CG_PERM_W :
          access == COLIBRI_ACCESS_EXEC ? CG_PERM_X : CG_PERM_R | CG_PERM_W | CG_PERM_A;
}

static enum cg_xlate_result
translate(void *priv, uint32_t asid, uint64_t va, uint8_t access, struct cg_xlate *out)
{
   struct pages *p = priv;
   if (va >= CODE_VA && va < CODE_VA + sizeof(p->code)) {
      uint64_t page = (va - CODE_VA) / CG_PAGE_SIZE;
      *out = (struct cg_xlate){ .host = p->code + page * CG_PAGE_SIZE, .size = 4096, .perm = p->code_perm[page] };
      return (out->perm & needed(access)) == needed(access) ? CG_XLATE_OK : CG_XLATE_FAULT;
   }
   uint64_t page = (va - PAGES_BASE) / CG_PAGE_SIZE;
   if (va < PAGES_BASE || page >= NUM_PAGES || (p->perm[page] & needed(access)) != needed(access))
      return CG_XLATE_FAULT;
   if (p->bus[page])
      return CG_XLATE_BUS;
   *out = (struct cg_xlate){ .host = page_ptr(p, (unsigned)page, 0), .size = 4096, .perm = p->perm[page], .sys = p->sys[page] };
   if (p->large) {
      out->host = page_ptr(p, 16u * p->large_at[page / 16], 0);
      out->size = 65536;
   }
   return CG_XLATE_OK;
}

void
pages_init(struct pages *p, bool sys_atomics)
{
   memset(p, 0, sizeof(*p));
   p->mem = calloc(NUM_PAGES, CG_PAGE_SIZE);
   p->cfg = (struct cg_core_config){ .vlen = 2048, .sys_atomics = sys_atomics, .translate = translate, .priv = p };
   p->core = cg_core_create(&p->cfg);
   p->w = cg_wave_create(&p->cfg);
   p->code_perm[0] = p->code_perm[1] = RWXA;
   p->seed = 0x1234567;
   p->group = (struct cg_group){
      .asid = 7, .wg_id = { 1, 2, 3 }, .wg_size = { 4, 5, 6 }, .wg_size_nom = { 7, 8, 9 }, .grid_size = { 10, 11, 12 },
      .dims = 3, .num_waves = 13, .kernarg = 0x1234, .lds = p->lds, .lds_size = sizeof(p->lds),
      .private_size = 128, .stack_size = 512,
   };
   if (!p->mem || !p->core || !p->w) {
      fprintf(stderr, "no memory\n");
      exit(99);
   }
}

void
pages_fini(struct pages *p)
{
   cg_wave_destroy(p->w);
   cg_core_destroy(p->core);
   free(p->mem);
}

void
pages_set_all(struct pages *p, uint8_t perm)
{
   memset(p->perm, perm, sizeof(p->perm));
   cg_core_tlb_inv(p->core, p->group.asid, PAGES_BASE, (uint64_t)NUM_PAGES * CG_PAGE_SIZE);
}

void
pages_set(struct pages *p, unsigned page, uint8_t perm)
{
   p->perm[page] = perm;
   cg_core_tlb_inv(p->core, p->group.asid, page_va(page), CG_PAGE_SIZE);
}

void
pages_program(struct pages *p, const uint32_t *insn, unsigned n)
{
   const uint32_t end = ENDW;
   memcpy(p->code, insn, n * sizeof(*insn));
   memcpy(p->code + n * sizeof(*insn), &end, sizeof(end));
   cg_core_icache_inv(p->core, p->group.asid);
   if (!cg_wave_reset(p->w, &p->group, 5, CODE_VA)) {
      fprintf(stderr, "no memory\n");
      exit(99);
   }
}

uint32_t
pages_random(struct pages *p)
{
   p->seed = p->seed * 6364136223846793005ull + 1442695040888963407ull;
   return (uint32_t)(p->seed >> 33);
}

unsigned tap_failures;
const char *tap_skipped;

void
tap_check(bool ok, const char *file, int line, const char *what)
{
   if (ok)
      return;
   if (tap_failures++ < 5)
      printf("# %s:%d: %s\n", file, line, what);
}

int
tap_main(const struct tap_test *tests, unsigned n)
{
   unsigned failed = 0;
   printf("1..%u\n", n);
   for (unsigned i = 0; i < n; i++) {
      tap_failures = 0;
      tap_skipped = NULL;
      tests[i].run();
      printf("%sok %u %s", tap_failures ? "not " : "", i + 1, tests[i].name);
      printf("%s%s\n", tap_skipped ? " # SKIP " : "", tap_skipped ? tap_skipped : "");
      fflush(stdout);
      failed += tap_failures != 0;
   }
   return failed != 0;
}
