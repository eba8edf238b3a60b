/* SPDX-License-Identifier: MIT */
/*
 * Restart of memory instructions: pages are granted in random order and taken
 * away again while one instruction tries to finish.
 */
#include <stdio.h>
#include <stdlib.h>

#include "pages.h"

#define RWA (CG_PERM_R | CG_PERM_W | CG_PERM_A)
#define LANES 64

static struct pages p;

static uint64_t *
v64(unsigned reg)
{
   return (uint64_t *)(p.w->v + reg * 256);
}

static uint32_t *
v32(unsigned reg)
{
   return (uint32_t *)(p.w->v + reg * 256);
}

/* At most @capacity pages are resident; the oldest goes first. */
static void
grant_page(unsigned page, unsigned capacity)
{
   if (p.perm[page])
      return;
   if (p.num_resident == capacity) {
      pages_set(&p, p.resident[0], 0);
      memmove(p.resident, p.resident + 1, --p.num_resident * sizeof(p.resident[0]));
   }
   p.resident[p.num_resident++] = page;
   pages_set(&p, page, RWA);
}

/*
 * Run to the end with room for @capacity pages; at each fault half of them
 * are granted, taken at random from those reported.
 */
static unsigned
run_with_few_pages(unsigned capacity, uint8_t access)
{
   unsigned tries = 0;
   for (;;) {
      enum cg_stop stop = cg_wave_run(p.core, p.w, 1000);
      if (stop == CG_STOP_END)
         return tries;
      CHECK(stop == CG_STOP_FAULT);
      if (stop != CG_STOP_FAULT || ++tries > 4000) {
         CHECK(!"no progress");
         return tries;
      }
      unsigned n;
      const struct cg_page_fault *f = cg_wave_faults(p.w, &n);
      CHECK(n >= 1 && n <= CG_MAX_FAULTS);
      for (unsigned i = 0; i < n; i++) {
         CHECK(f[i].access == access);
         for (unsigned j = 0; j < i; j++)
            CHECK(f[i].addr >> 12 != f[j].addr >> 12);
      }
      for (unsigned i = 0; i < (capacity + 1) / 2; i++)
         grant_page((unsigned)((f[pages_random(&p) % n].addr - PAGES_BASE) >> 12), capacity);
   }
}

static void
gather_64_pages(void)
{
   pages_init(&p, true);
   const uint32_t code[] = { VSETVLI(31, 0, VTYPE(2, 0)), vmem_insn(false, VM_INDEXED_U, 1, 3, 8, 0, 16, true) };
   pages_program(&p, code, 2);
   for (unsigned i = 0; i < LANES; i++) {
      v64(16)[i] = page_va(3 * i) + 4 * i;
      *(uint32_t *)page_ptr(&p, 3 * i, 4 * i) = i * 77;
   }
   CHECK(cg_wave_run(p.core, p.w, 10) == CG_STOP_FAULT);
   unsigned n;
   cg_wave_faults(p.w, &n);
   CHECK(n == LANES);   /* all of them at once */
   unsigned tries = run_with_few_pages(3, COLIBRI_ACCESS_READ);
   CHECK(tries >= LANES / 3);
   for (unsigned i = 0; i < LANES; i++)
      CHECK(v32(8)[i] == i * 77);
   pages_fini(&p);
}

/* Somebody else changes what a finished lane stored; it must stay changed. */
static void
overwrite_finished(void)
{
   for (unsigned i = 0; i < LANES; i++) {
      uint32_t *word = page_ptr(&p, i, 8);
      if (*word == 1000 + i)
         *word = 5000 + i;
   }
}

static void
scatter_never_repeats(void)
{
   pages_init(&p, true);
   const uint32_t code[] = { VSETVLI(31, 0, VTYPE(2, 0)), vmem_insn(true, VM_INDEXED_O, 1, 3, 8, 0, 16, true) };
   pages_program(&p, code, 2);
   for (unsigned i = 0; i < LANES; i++) {
      v64(16)[i] = page_va(i) + 8;
      v32(8)[i] = 1000 + i;
   }
   cg_wave_run(p.core, p.w, 1);
   for (unsigned tries = 0; tries < 4000; tries++) {
      overwrite_finished();
      memset(p.perm, 0, sizeof(p.perm));
      for (unsigned i = 0; i < 4; i++)
         p.perm[pages_random(&p) % LANES] = RWA;
      cg_core_tlb_inv(p.core, p.group.asid, PAGES_BASE, NUM_PAGES * 4096ull);
      if (cg_wave_run(p.core, p.w, 10) == CG_STOP_END)
         break;
   }
   unsigned changed = 0;
   for (unsigned i = 0; i < LANES; i++) {
      uint32_t word = *(uint32_t *)page_ptr(&p, i, 8);
      CHECK(word == 1000 + i || word == 5000 + i);
      changed += word == 5000 + i;
   }
   CHECK(changed > LANES / 2);
   pages_fini(&p);
}

static void
atomics_exactly_once(void)
{
   for (unsigned wide = 0; wide < 2; wide++) {
      pages_init(&p, true);
      const uint32_t code[] = { vatomic_insn(COLIBRI_ATOMIC_ADD, false, wide, 8, 16, 24, true) };
      pages_program(&p, code, 1);
      uint64_t sum = 0;
      for (unsigned i = 0; i < LANES; i++) {
         v64(16)[i] = page_va(i % 20) + 16;   /* lanes share words */
         if (wide)
            v64(24)[i] = 1ull << 33 | i;
         else
            v32(24)[i] = 1 + i;
         sum += wide ? (1ull << 33 | i) : 1 + i;
      }
      run_with_few_pages(2, COLIBRI_ACCESS_ATOMIC);
      uint64_t total = 0;
      for (unsigned i = 0; i < 20; i++)
         total += *(uint64_t *)page_ptr(&p, i, 16);
      CHECK(total == sum);
      /* Old values of the lanes that share a word are all different. */
      for (unsigned i = 0; i < LANES; i++) {
         for (unsigned j = i + 20; j < LANES; j += 20)
            CHECK(wide ? v64(8)[i] != v64(8)[j] : v32(8)[i] != v32(8)[j]);
      }
      pages_fini(&p);
   }
}

/* The same, with every other lane in local memory, which no other wave uses and which is always there. */
static void
atomics_in_part_local(void)
{
   pages_init(&p, true);
   p.group.together = true;
   const uint32_t code[] = { vatomic_insn(COLIBRI_ATOMIC_ADD, false, false, 8, 16, 24, true) };
   pages_program(&p, code, 1);
   uint32_t local = 0, global = 0;
   for (unsigned i = 0; i < LANES; i++) {
      v64(16)[i] = i % 2 ? COLIBRI_LOCAL_BASE + 64 : page_va(i) + 16;
      v32(24)[i] = 1 + i;
   }
   /* The first lanes, too, before any fault. */
   v64(16)[0] = COLIBRI_LOCAL_BASE + 64;
   run_with_few_pages(2, COLIBRI_ACCESS_ATOMIC);
   for (unsigned i = 0; i < LANES; i++) {
      if (i % 2 || !i) {
         CHECK(i < 2 ? v32(8)[i] == i : v32(8)[i] > 0);
         local += 1 + i;
      } else {
         global += *(uint32_t *)page_ptr(&p, i, 16) == 1 + i;
      }
   }
   CHECK(*(uint32_t *)(p.lds + 64) == local && global == LANES / 2 - 1);
   pages_fini(&p);
}

/* Lanes that write the same address, some across a page boundary: the last one wins. */
static void
ordered_scatter(void)
{
   for (unsigned round = 0; round < 200; round++) {
      pages_init(&p, true);
      p.seed += round;
      const uint32_t code[] = { VSETVLI(31, 0, VTYPE(3, 1)), vmem_insn(true, VM_INDEXED_O, 1, 3, 8, 0, 16, true) };
      pages_program(&p, code, 2);
      uint8_t *expected = calloc(8, CG_PAGE_SIZE);
      for (unsigned i = 0; i < LANES; i++) {
         unsigned at = 4096 * (1 + pages_random(&p) % 4) - 8 + pages_random(&p) % 16;
         v64(16)[i] = PAGES_BASE + at;
         v64(8)[i] = 0x0101010101010101ull * (i + 1);
         memcpy(expected + at, &v64(8)[i], 8);
      }
      run_with_few_pages(2, COLIBRI_ACCESS_WRITE);
      CHECK(memcmp(expected, p.mem, 8 * CG_PAGE_SIZE) == 0);
      free(expected);
      pages_fini(&p);
   }
}

/* Elements across pages need both at once, whatever comes first. */
static void
misaligned_strided(void)
{
   pages_init(&p, true);
   const uint32_t code[] = { VSETVLI(31, 0, VTYPE(2, 0)), vmem_insn(false, VM_STRIDED, 1, 2, 8, 10, 11, true) };
   pages_program(&p, code, 2);
   p.w->x[10] = page_va(1) - 2;
   p.w->x[11] = 4096;
   for (unsigned i = 0; i < LANES; i++) {
      uint32_t v = i * 0x01010101;
      memcpy(page_ptr(&p, i, 4094), &v, 4);
   }
   run_with_few_pages(6, COLIBRI_ACCESS_READ);
   for (unsigned i = 0; i < LANES; i++)
      CHECK(v32(8)[i] == i * 0x01010101);
   pages_fini(&p);
}

/* The destination's upper half is the index register itself. */
static void
load_over_its_index(void)
{
   pages_init(&p, true);
   const uint32_t code[] = { VSETVLI(31, 0, VTYPE(3, 1)), vmem_insn(false, VM_INDEXED_U, 1, 2, 8, 10, 9, true) };
   pages_program(&p, code, 2);
   p.w->x[10] = PAGES_BASE;
   for (unsigned i = 0; i < LANES; i++) {
      v32(9)[i] = (63 - i) * 4096 + 8;
      *(uint64_t *)page_ptr(&p, 63 - i, 8) = 0xabc000000000ull + i;
   }
   run_with_few_pages(5, COLIBRI_ACCESS_READ);
   for (unsigned i = 0; i < LANES; i++)
      CHECK(v64(8)[i] == 0xabc000000000ull + i);
   pages_fini(&p);
}

static void
segments(void)
{
   pages_init(&p, true);
   const uint32_t code[] = { VSETVLI(31, 0, VTYPE(2, 0)), vmem_insn(true, VM_STRIDED, 4, 2, 8, 10, 11, true) };
   pages_program(&p, code, 2);
   p.w->x[10] = page_va(0) + 4088;   /* fields 0 and 1 in one page, 2 and 3 in the next */
   p.w->x[11] = 4096;
   for (unsigned f = 0; f < 4; f++)
      for (unsigned i = 0; i < LANES; i++)
         v32(8 + f)[i] = 100 * i + f;
   run_with_few_pages(4, COLIBRI_ACCESS_WRITE);
   for (unsigned f = 0; f < 4; f++)
      for (unsigned i = 0; i < LANES; i++)
         CHECK(*(uint32_t *)page_ptr(&p, i, 4088 + 4 * f) == 100 * i + f);
   pages_fini(&p);
}

/* More pages than the list holds. */
static void
gather_2048_pages(void)
{
   pages_init(&p, true);
   const uint32_t code[] = { VSETVLI(31, 0, VTYPE(0, 1)), vmem_insn(false, VM_INDEXED_U, 1, 1, 8, 10, 16, true) };
   pages_program(&p, code, 2);
   p.w->x[10] = PAGES_BASE;
   /* 512 bytes from 512 addresses in 16 pages, then the same with the largest group of addresses */
   for (unsigned i = 0; i < 512; i++)
      ((uint16_t *)v32(16))[i] = (uint16_t)(i * 127);
   for (unsigned i = 0; i < 65536; i++)
      p.mem[i] = (uint8_t)(i * 31 + (i >> 8));
   run_with_few_pages(2, COLIBRI_ACCESS_READ);
   for (unsigned i = 0; i < 512; i++)
      CHECK(((uint8_t *)v32(8))[i] == (uint8_t)(i * 127 * 31 + (i * 127 >> 8)));

   const uint32_t strided[] = { VSETVLI(31, 0, VTYPE(0, 3)), vmem_insn(false, VM_STRIDED, 1, 0, 8, 10, 11, true) };
   pages_set_all(&p, 0);
   p.num_resident = 0;
   pages_program(&p, strided, 2);
   p.w->x[10] = PAGES_BASE + 5;
   p.w->x[11] = 4096;
   for (unsigned i = 0; i < 2048; i++)
      p.mem[i * 4096 + 5] = (uint8_t)(i * 7);
   CHECK(cg_wave_run(p.core, p.w, 10) == CG_STOP_FAULT);
   unsigned n;
   cg_wave_faults(p.w, &n);
   CHECK(n == CG_MAX_FAULTS);
   run_with_few_pages(100, COLIBRI_ACCESS_READ);
   for (unsigned i = 0; i < 2048; i++)
      CHECK(((uint8_t *)v32(8))[i] == (uint8_t)(i * 7));
   pages_fini(&p);
}

static void
same_page_is_one_fault(void)
{
   pages_init(&p, true);
   const uint32_t code[] = { VSETVLI(31, 0, VTYPE(2, 0)), vmem_insn(true, VM_STRIDED, 1, 2, 8, 10, 11, true) };
   pages_set_all(&p, CG_PERM_R);
   pages_program(&p, code, 2);
   p.w->x[10] = page_va(2) + 64;
   p.w->x[11] = 16;
   CHECK(cg_wave_run(p.core, p.w, 10) == CG_STOP_FAULT);
   unsigned n;
   const struct cg_page_fault *f = cg_wave_faults(p.w, &n);
   CHECK(n == 1);
   CHECK(f[0].addr == page_va(2) + 64);
   CHECK(f[0].access == COLIBRI_ACCESS_WRITE);
   CHECK(cg_wave_pc(p.w) == CODE_VA + 4);
   pages_fini(&p);
}

static void
scalar_accesses(void)
{
   pages_init(&p, true);
   const uint32_t code[] = { LD(5, 10, 0), SD(5, 11), AMOADD_D(6, 12, 13), LR_D(7, 12), SC_D(8, 12, 13) };
   pages_program(&p, code, 5);
   p.w->x[10] = page_va(1) - 3;   /* across two pages */
   p.w->x[11] = page_va(5) - 5;
   p.w->x[12] = page_va(9);
   p.w->x[13] = 30;
   uint64_t v = 0x1122334455667788, stored = 0;
   memcpy(page_ptr(&p, 0, 4093), &v, 8);
   *(uint64_t *)page_ptr(&p, 9, 0) = 12;
   unsigned tries = 0;
   enum cg_stop stop;
   while ((stop = cg_wave_run(p.core, p.w, 100)) == CG_STOP_FAULT && tries++ < 20) {
      unsigned n;
      const struct cg_page_fault *f = cg_wave_faults(p.w, &n);
      for (unsigned i = 0; i < n; i++)
         pages_set(&p, (unsigned)((f[i].addr - PAGES_BASE) >> 12), RWA);
   }
   CHECK(stop == CG_STOP_END);
   CHECK(tries == 3);   /* both pages of an access in one go */
   memcpy(&stored, page_ptr(&p, 4, 4091), 8);
   CHECK(p.w->x[5] == v && stored == v);
   CHECK(p.w->x[6] == 12 && p.w->x[7] == 42 && p.w->x[8] == 0);
   CHECK(*(uint64_t *)page_ptr(&p, 9, 0) == 30);
   CHECK(cg_wave_instret(p.w) == 6);
   pages_fini(&p);
}

static void
fault_only_first(void)
{
   pages_init(&p, true);
   const uint32_t code[] = { VSETVLI(31, 0, VTYPE(2, 0)), vmem_insn(false, VM_UNIT, 1, 2, 8, 10, 16, true), CSRR(5, 0xc20) };
   pages_set(&p, 0, RWA);
   pages_program(&p, code, 3);
   p.w->x[10] = page_va(1) - 40;   /* ten elements, then a missing page */
   CHECK(cg_wave_run(p.core, p.w, 10) == CG_STOP_END);
   CHECK(p.w->x[5] == 10);

   pages_program(&p, code, 3);
   p.w->x[10] = page_va(1);
   CHECK(cg_wave_run(p.core, p.w, 10) == CG_STOP_FAULT);
   pages_set(&p, 1, RWA);
   CHECK(cg_wave_run(p.core, p.w, 10) == CG_STOP_END);
   CHECK(p.w->x[5] == 64);
   pages_fini(&p);
}

int
main(void)
{
   static const struct tap_test tests[] = {
      { "a gather from 64 pages reports all and ends with 3 resident", gather_64_pages },
      { "a scatter never repeats a finished lane", scatter_never_repeats },
      { "vector atomics happen exactly once", atomics_exactly_once },
      { "vector atomics of local memory happen exactly once", atomics_in_part_local },
      { "ordered scatters keep their order through faults", ordered_scatter },
      { "misaligned elements wait for both pages", misaligned_strided },
      { "a load over its own index", load_over_its_index },
      { "segment stores", segments },
      { "more pages than the fault list holds", gather_2048_pages },
      { "a page is reported once, with its access", same_page_is_one_fault },
      { "scalar loads, stores and atomics", scalar_accesses },
      { "fault-only-first loads", fault_only_first },
   };
   return tap_main(tests, sizeof(tests) / sizeof(tests[0]));
}
