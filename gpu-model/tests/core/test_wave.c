/* SPDX-License-Identifier: MIT */
/*
 * What a wave may and may not do: apertures, atomics' rules, illegal
 * instructions, stops, CSRs, and code that changes.
 */
#include <pthread.h>
#include <stdio.h>
#include <time.h>

#include "mem.h"
#include "pages.h"

#define RW  (CG_PERM_R | CG_PERM_W)
#define RWA (RW | CG_PERM_A)

static struct pages p;

static uint64_t *
v64(unsigned reg)
{
   return (uint64_t *)(p.w->v + reg * 256);
}

static enum cg_stop
run(const uint32_t *code, unsigned n, uint64_t a0, uint64_t a1)
{
   pages_program(&p, code, n);
   p.w->x[10] = a0;
   p.w->x[11] = a1;
   return cg_wave_run(p.core, p.w, 1000);
}

static bool
is_error(enum cg_stop stop, uint32_t code, uint64_t addr, uint64_t pc)
{
   struct cg_wave_error e = cg_wave_error(p.w);
   if (stop == CG_STOP_ERROR && e.code == code && e.addr == addr && e.pc == pc && cg_wave_pc(p.w) == pc)
      return true;
   printf("# stop %d, error %u, address %#lx, pc %#lx\n", stop, e.code, (unsigned long)e.addr, (unsigned long)e.pc);
   return false;
}

static void
segments(void)
{
   pages_init(&p, true);
   const struct { uint64_t base, size; } segment[] = {
      { COLIBRI_LOCAL_BASE, 1024 },
      { COLIBRI_STACK_BASE, 512 },
      { COLIBRI_PRIVATE_BASE, 128 },
      { COLIBRI_PRIVATE_BASE | 63ull << COLIBRI_PRIVATE_LANE_SHIFT, 128 },
   };
   const uint32_t code[] = { SD(11, 10), LD(12, 10, 0) };
   for (unsigned i = 0; i < 4; i++) {
      uint64_t base = segment[i].base, size = segment[i].size;
      CHECK(run(code, 2, base, 1234 + i) == CG_STOP_END && p.w->x[12] == 1234 + i);
      CHECK(run(code, 2, base + size - 8, 5) == CG_STOP_END && p.w->x[12] == 5);
      CHECK(run(code, 2, base + 13, 6) == CG_STOP_END && p.w->x[12] == 6);
      CHECK(is_error(run(code, 2, base + size - 7, 5), COLIBRI_QERR_BAD_ADDRESS, base + size - 7, CODE_VA));
      CHECK(is_error(run(code, 2, base + size, 5), COLIBRI_QERR_BAD_ADDRESS, base + size, CODE_VA));
      CHECK(is_error(run(code, 2, base - 8, 5), COLIBRI_QERR_BAD_ADDRESS, base - 8, CODE_VA));
   }
   pages_fini(&p);
}

static void
bad_addresses(void)
{
   pages_init(&p, true);
   const uint64_t bad[] = {
      1ull << 57, ~0ull, ~7ull, 1ull << 61, 3ull << 62, COLIBRI_LOCAL_BASE | 1ull << 32,
      COLIBRI_PRIVATE_BASE | 1ull << 38, COLIBRI_STACK_BASE | 1ull << 32,
   };
   const uint32_t store[] = { SD(11, 10) }, load[] = { LD(12, 10, 0) };
   const uint32_t vector[] = { VSETVLI(31, 0, VTYPE(2, 0)), vmem_insn(false, VM_UNIT, 1, 2, 8, 10, 0, true) };
   const uint32_t amo[] = { AMOADD_D(5, 10, 11) };
   for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
      CHECK(is_error(run(store, 1, bad[i], 0), COLIBRI_QERR_BAD_ADDRESS, bad[i], CODE_VA));
      CHECK(is_error(run(load, 1, bad[i], 0), COLIBRI_QERR_BAD_ADDRESS, bad[i], CODE_VA));
      CHECK(is_error(run(vector, 2, bad[i], 0), COLIBRI_QERR_BAD_ADDRESS, bad[i], CODE_VA + 4));
      CHECK(is_error(run(amo, 1, bad[i] & ~7ull, 0), COLIBRI_QERR_BAD_ADDRESS, bad[i] & ~7ull, CODE_VA));
   }
   /* The first page beyond the space is found from the last one within. */
   CHECK(is_error(run(load, 1, (1ull << 57) - 4, 0), COLIBRI_QERR_BAD_ADDRESS, 1ull << 57, CODE_VA));
   pages_fini(&p);
}

static void
private_lanes(void)
{
   pages_init(&p, true);
   const uint32_t code[] = {
      VSETVLI(31, 0, VTYPE(2, 0)),
      vmem_insn(true, VM_INDEXED_O, 1, 3, 8, 0, 16, true),
      vmem_insn(false, VM_INDEXED_U, 1, 3, 12, 0, 16, true),
      vmem_insn(true, VM_UNIT, 1, 2, 8, 10, 0, true),      /* local memory */
      vmem_insn(false, VM_UNIT, 1, 2, 13, 10, 0, true),
      BARRIER,   /* whoever is at its end has no registers any more */
   };
   pages_program(&p, code, 6);
   for (unsigned i = 0; i < 64; i++) {
      v64(16)[i] = COLIBRI_PRIVATE_BASE | (uint64_t)i << COLIBRI_PRIVATE_LANE_SHIFT | (i % 32 * 4);
      ((uint32_t *)v64(8))[i] = 9 * i;
   }
   p.w->x[10] = COLIBRI_LOCAL_BASE + 1024 - 256;
   CHECK(cg_wave_run(p.core, p.w, 100) == CG_STOP_BARRIER);
   CHECK(memcmp(v64(8), v64(12), 256) == 0);
   CHECK(memcmp(v64(8), v64(13), 256) == 0);
   CHECK(memcmp(v64(8), p.lds + 768, 256) == 0);
   pages_fini(&p);
}

/* What is read at @offset, byte by byte as translations have it. */
static uint32_t
large_word(unsigned offset)
{
   uint32_t word = 0;

   for (unsigned i = 0; i < 4; i++, offset++)
      word |= (uint32_t)*(uint8_t *)page_ptr(&p, 16u * p.large_at[offset >> 16], offset & 0xffff) << 8 * i;
   return word;
}

/* Gathers from several large translations, some of which are neighbours for the host, too, and change places. */
static void
large_translations(void)
{
   const uint32_t jump_back = 0xff5ff06f;   /* jal x0, -12 */
   const uint32_t code[] = {
      VSETVLI(31, 0, VTYPE(2, 0)), vmem_insn(false, VM_INDEXED_O, 1, 3, 8, 0, 16, true), BARRIER, jump_back,
   };

   pages_init(&p, true);
   p.large = true;
   for (unsigned i = 0; i < NUM_PAGES / 16; i++)
      p.large_at[i] = (uint8_t)i;
   for (unsigned i = 0; i < 16 * 65536 / 4; i++)
      ((uint32_t *)page_ptr(&p, 0, 0))[i] = pages_random(&p);
   pages_set_all(&p, RWA);
   pages_program(&p, code, 4);
   for (unsigned round = 0; round < 2000; round++) {
      unsigned first = pages_random(&p) % 8, span = 1 + pages_random(&p) % 8;
      uint32_t offset[64];

      for (unsigned i = 0; i < 64; i++) {
         offset[i] = 65536 * first + pages_random(&p) % (65536 * span - 4);
         v64(16)[i] = page_va(0) + offset[i];
      }
      CHECK(cg_wave_run(p.core, p.w, 10) == CG_STOP_BARRIER);
      for (unsigned i = 0; i < 64; i++)
         CHECK(((uint32_t *)v64(8))[i] == large_word(offset[i]));
      if (round % 32)
         continue;
      unsigned a = pages_random(&p) % 16, b = pages_random(&p) % 16;
      uint8_t at = p.large_at[a];

      p.large_at[a] = p.large_at[b];
      p.large_at[b] = at;
      cg_core_tlb_inv(p.core, p.group.asid, page_va(16 * a), 65536);
      cg_core_tlb_inv(p.core, p.group.asid, page_va(16 * b), 65536);
   }
   pages_fini(&p);
}

/* Memory of a test's wave, of which a copy is what the wave should have made of it. */
struct places {
   uint8_t pages[3 * CG_PAGE_SIZE], lds[1024], priv[64 * 128];
};

static void
places_get(struct places *m)
{
   memcpy(m->pages, page_ptr(&p, 0, 0), sizeof(m->pages));
   memcpy(m->lds, p.lds, sizeof(m->lds));
   for (unsigned i = 0; i < sizeof(m->priv); i++)
      m->priv[i] = *cg_private_host(p.w, COLIBRI_PRIVATE_BASE | (uint64_t)(i / 128) << COLIBRI_PRIVATE_LANE_SHIFT | i % 128);
}

static void
fill(void *memory, size_t size)
{
   uint32_t state = pages_random(&p) | 1;

   for (size_t i = 0; i < size; i++) {
      state = state * 1664525 + 1013904223;
      ((uint8_t *)memory)[i] = (uint8_t)(state >> 24);
   }
}

static uint8_t *
places_find(struct places *m, uint64_t va)
{
   if (va >> 62 == COLIBRI_APERTURE_LOCAL)
      return m->lds + (va & 0xffff);
   if (va >> 62 == COLIBRI_APERTURE_PRIVATE)
      return m->priv + (va >> COLIBRI_PRIVATE_LANE_SHIFT & 63) * 128 + (va & 0xff);
   return m->pages + (va - PAGES_BASE);
}

/* An element in one of the places; now and then in another page, or the private memory of another lane. */
static uint64_t
random_place(unsigned kind, unsigned lane, unsigned size)
{
   uint64_t r = pages_random(&p);
   bool odd = pages_random(&p) % 256 == 0;

   switch (kind) {
   case 0: return page_va(odd ? 2 : 1) + r % (CG_PAGE_SIZE - size + 1);
   case 1: return page_va(0) + r % (3 * CG_PAGE_SIZE - size + 1);
   case 2: return COLIBRI_LOCAL_BASE + r % (1024 - size + 1);
   default:
      return (COLIBRI_PRIVATE_BASE | (uint64_t)(odd ? 63 - lane : lane) << COLIBRI_PRIVATE_LANE_SHIFT) + r % (128 - size + 1);
   }
}

/*
 * Executes the program, which moves an element between v8 and @addr for each lane that
 * @active has, and compares all memory and v8 with what that makes of them.
 */
static void
check_moves(const uint64_t *addr, uint64_t active, unsigned size, bool store)
{
   static struct places want, got;
   uint8_t data[64 * 8], *reg = (uint8_t *)v64(8);

   memcpy(data, reg, sizeof(data));
   places_get(&want);
   for (unsigned i = 0; i < 64; i++) {
      uint8_t *place = active >> i & 1 ? places_find(&want, addr[i]) : NULL;

      if (place)
         memcpy(store ? place : data + i * size, store ? data + i * size : place, size);
   }
   CHECK(cg_wave_run(p.core, p.w, 10) == CG_STOP_BARRIER);
   places_get(&got);
   CHECK(memcmp(&want, &got, sizeof(want)) == 0);
   CHECK(memcmp(data, reg, 64 * size) == 0);
}

/* Gathers and scatters are what they would be lane by lane, wherever they go and whatever the mask. */
static void
gathers(void)
{
   pages_init(&p, true);
   pages_set_all(&p, RWA);
   for (unsigned round = 0; round < 4000; round++) {
      unsigned sew = round % 4, kind = round / 4 % 4, size = 1u << sew;
      bool store = round / 16 % 2, all = round / 32 % 2;
      const uint32_t code[] = {
         VSETVLI(31, 0, VTYPE(sew, (int)sew - 2)),
         vmem_insn(store, VM_INDEXED_O, 1, 3, 8, 0, 16, all),
         BARRIER,
      };

      pages_program(&p, code, 3);
      fill(p.w->priv, 64 * 128);
      fill(p.lds, 1024);
      fill(page_ptr(&p, 0, 0), 3 * CG_PAGE_SIZE);
      v64(0)[0] = (uint64_t)pages_random(&p) << 32 | pages_random(&p);
      for (unsigned i = 0; i < 64; i++)
         v64(16)[i] = random_place(kind, i, size);
      fill(v64(8), 64 * 8);
      check_moves(v64(16), all ? ~0ull : v64(0)[0], size, store);
   }
   pages_fini(&p);
}

/* The same of unit strides with a mask; lanes without it may be where no memory is. */
static void
masked_units(void)
{
   pages_init(&p, true);
   for (unsigned round = 0; round < 1000; round++) {
      unsigned sew = round % 4, size = 1u << sew, lanes = 64 - 11 * (round / 8 % 3);
      bool store = round / 4 % 2, local = round / 24 % 2;
      const uint32_t code[] = {
         VSETVLI(31, 11, VTYPE(sew, (int)sew - 2)),
         vmem_insn(store, VM_UNIT, 1, sew, 8, 10, 0, false),
         BARRIER,
      };
      /* The last third of the elements is beyond the end. */
      unsigned last = round / 48 % 2 ? lanes : lanes - lanes / 3;
      uint64_t va = local ? COLIBRI_LOCAL_BASE + 1024 - last * size : page_va(3) - last * size;
      uint64_t addr[64];

      pages_set_all(&p, RWA);
      pages_set(&p, 3, 0);
      pages_program(&p, code, 3);
      fill(p.w->priv, 64 * 128);
      fill(p.lds, 1024);
      fill(page_ptr(&p, 0, 0), 3 * CG_PAGE_SIZE);
      fill(v64(8), 64 * 8);
      fill(v64(0), 8);
      if (last < 64)
         v64(0)[0] &= ~(~0ull << last);
      p.w->x[10] = va;
      p.w->x[11] = lanes;

      for (unsigned i = 0; i < 64; i++)
         addr[i] = va + i * size;
      check_moves(addr, v64(0)[0] & ~0ull >> (64 - lanes), size, store);
   }
   pages_fini(&p);
}

static void
atomic_rules(void)
{
   pages_init(&p, false);
   const uint32_t scalar[] = { AMOADD_D(5, 10, 11) };
   const uint32_t vector[] = { vatomic_insn(COLIBRI_ATOMIC_ADD, false, false, 8, 16, 24, true) };
   unsigned n;

   pages_set_all(&p, RWA);
   CHECK(is_error(run(scalar, 1, page_va(0) + 4, 1), COLIBRI_QERR_MISALIGNED, page_va(0) + 4, CODE_VA));
   CHECK(run(scalar, 1, page_va(0), 1) == CG_STOP_END);
   CHECK(run(scalar, 1, COLIBRI_LOCAL_BASE + 8, 3) == CG_STOP_END && p.lds[8] == 3);

   /* without SYS_ATOMICS system memory is read and written, with the same result */
   uint32_t *word = (uint32_t *)page_ptr(&p, 1, 160);
   p.sys[1] = true;
   *word = 41;
   CHECK(run(scalar, 1, page_va(1) + 160, 1) == CG_STOP_END && *word == 42);
   pages_program(&p, vector, 1);
   for (unsigned i = 0; i < 64; i++) {
      v64(16)[i] = page_va(i >= 40) + 160;
      ((uint32_t *)v64(24))[i] = 1;
   }
   CHECK(cg_wave_run(p.core, p.w, 10) == CG_STOP_END);
   CHECK(*word == 42 + 24 && *(uint32_t *)page_ptr(&p, 0, 160) == 40);

   pages_set_all(&p, RW);
   CHECK(run(scalar, 1, page_va(3), 1) == CG_STOP_FAULT);
   const struct cg_page_fault *f = cg_wave_faults(p.w, &n);
   CHECK(n == 1 && f[0].access == COLIBRI_ACCESS_ATOMIC && f[0].addr == page_va(3));
   /* a store may go on there */
   const uint32_t store[] = { SD(11, 10) };
   CHECK(run(store, 1, page_va(3), 1) == CG_STOP_END);
   pages_fini(&p);
}

static unsigned num_hot;
static uint64_t hot_va;

static void
count_hot(void *priv, uint32_t asid, uint64_t va)
{
   (void)priv;
   num_hot += asid == 7;
   hot_va = va;
}

/* Loads until the budget is used up. @return the reports */
static unsigned
load_much(const uint32_t *insn, uint64_t va, unsigned loads)
{
   uint32_t code[1000];
   for (unsigned i = 0; i < 998; i++)
      code[i + 1] = insn[0];
   code[0] = VSETVLI(31, 0, VTYPE(2, 0));
   num_hot = 0;
   CHECK(run(code, loads + 1, va, 0) == CG_STOP_END);
   return num_hot;
}

/* Scalar and vector accesses to system memory are counted by 64 KiB; a report doubles the threshold. */
static void
access_counters(void)
{
   static _Atomic uint32_t threshold;
   const uint32_t scalar[] = { 0x00053583 };   /* ld a1, 0(a0) */
   const uint32_t vector[] = { vmem_insn(false, VM_UNIT, 1, 2, 8, 10, 0, true) };
   pages_init(&p, true);
   pages_set_all(&p, RW);
   p.core->cfg.hot = count_hot;
   p.core->cfg.hot_threshold = &threshold;
   memset(p.sys + 16, 1, 16);

   CHECK(load_much(scalar, page_va(17), 900) == 0);
   cg_core_tlb_flush(p.core);
   threshold = 64;
   CHECK(load_much(scalar, page_va(1), 900) == 0);
   CHECK(load_much(scalar, page_va(17), 50) == 0);
   CHECK(load_much(scalar, page_va(18), 50) == 1 && hot_va == page_va(16));
   CHECK(load_much(vector, page_va(19), 50) == 0);
   CHECK(load_much(vector, page_va(17), 900) == 3);
   /* a new translation, a new count */
   pages_set(&p, 17, RW);
   CHECK(load_much(scalar, page_va(17), 50) == 0);
   CHECK(load_much(scalar, page_va(17), 50) == 1);
   pages_fini(&p);
}

/* Where atomics are done in different ways. */
enum place { GLOBAL, LOCAL, LOCAL_TOGETHER, NUM_PLACES };

static uint64_t
place_va(enum place place, unsigned offset)
{
   return (place == GLOBAL ? page_va(0) : COLIBRI_LOCAL_BASE) + offset;
}

static void *
place_ptr(enum place place, unsigned offset)
{
   return place == GLOBAL ? page_ptr(&p, 0, offset) : p.lds + offset;
}

static void
place_init(enum place place)
{
   pages_init(&p, true);
   pages_set_all(&p, RWA);
   p.group.together = place == LOCAL_TOGETHER;
}

/* 32 and 64 bit, integer and float: each operation on one lane against its definition. */
static void
atomic_operations(void)
{
   static const struct { unsigned op; bool fp, wide; uint64_t old, data, expect; } c[] = {
      { COLIBRI_ATOMIC_ADD, 0, 0, 0xffffffff, 2, 1 },
      { COLIBRI_ATOMIC_ADD, 0, 1, 0xffffffff, 2, 0x100000001 },
      { COLIBRI_ATOMIC_SWAP, 0, 1, 5, 6, 6 },
      { COLIBRI_ATOMIC_XOR, 0, 0, 0xff00, 0x0ff0, 0xf0f0 },
      { COLIBRI_ATOMIC_OR, 0, 0, 0xff00, 0x0ff0, 0xfff0 },
      { COLIBRI_ATOMIC_AND, 0, 0, 0xff00, 0x0ff0, 0x0f00 },
      { COLIBRI_ATOMIC_MIN, 0, 0, 1, 0xffffffff, 0xffffffff },
      { COLIBRI_ATOMIC_MAX, 0, 0, 1, 0xffffffff, 1 },
      { COLIBRI_ATOMIC_MINU, 0, 0, 1, 0xffffffff, 1 },
      { COLIBRI_ATOMIC_MAXU, 0, 0, 1, 0xffffffff, 0xffffffff },
      { COLIBRI_ATOMIC_MIN, 0, 1, 1, ~0ull, ~0ull },
      { COLIBRI_ATOMIC_MAXU, 0, 1, 1, ~0ull, ~0ull },
      { COLIBRI_ATOMIC_ADD, 1, 0, 0x3fc00000, 0x40100000, 0x40700000 },            /* 1.5 + 2.25 */
      { COLIBRI_ATOMIC_MIN, 1, 0, 0x80000000, 0x00000000, 0x80000000 },            /* -0 < +0 */
      { COLIBRI_ATOMIC_MAX, 1, 0, 0x7fc00000, 0xc0000000, 0xc0000000 },            /* the number, not the NaN */
      { COLIBRI_ATOMIC_ADD, 1, 1, 0x3ff8000000000000, 0x4002000000000000, 0x400e000000000000 },
      { COLIBRI_ATOMIC_SWAP, 1, 0, 1, 0x7f800001, 0x7f800001 },
   };
   for (unsigned n = 0; n < NUM_PLACES * sizeof(c) / sizeof(c[0]); n++) {
      unsigned i = n / NUM_PLACES;
      enum place place = n % NUM_PLACES;
      place_init(place);
      const uint32_t code[] = { vatomic_insn(c[i].op, c[i].fp, c[i].wide, 8, 16, 24, false) };
      pages_program(&p, code, 1);
      *(uint64_t *)place_ptr(place, 64) = c[i].old;
      for (unsigned lane = 0; lane < 64; lane++)
         v64(16)[lane] = ~0ull;          /* only lane 33 is active */
      v64(0)[0] = 1ull << 33;
      v64(16)[33] = place_va(place, 64);
      if (c[i].wide)
         v64(24)[33] = c[i].data;
      else
         ((uint32_t *)v64(24))[33] = (uint32_t)c[i].data;
      CHECK(cg_wave_run(p.core, p.w, 10) == CG_STOP_END);
      CHECK(*(uint64_t *)place_ptr(place, 64) == c[i].expect);
      CHECK((c[i].wide ? v64(8)[33] : ((uint32_t *)v64(8))[33]) == c[i].old);
      pages_fini(&p);
   }
}

static void
compare_and_swap_in(enum place place)
{
   place_init(place);
   const uint32_t code[] = { vatomic_insn(COLIBRI_ATOMIC_CAS, false, false, 8, 16, 24, true) };
   pages_program(&p, code, 1);
   uint32_t *mem = place_ptr(place, 0), *expected = (uint32_t *)v64(8), *new = (uint32_t *)v64(24);
   for (unsigned i = 0; i < 64; i++) {
      mem[i] = i;
      v64(16)[i] = place_va(place, 4 * i);
      expected[i] = i % 2 ? i : i + 1;
      new[i] = 1000 + i;
   }
   CHECK(cg_wave_run(p.core, p.w, 10) == CG_STOP_END);
   for (unsigned i = 0; i < 64; i++) {
      CHECK(mem[i] == (i % 2 ? 1000 + i : i));
      CHECK(expected[i] == i);
   }
   pages_fini(&p);
}

static void
compare_and_swap(void)
{
   for (enum place place = 0; place < NUM_PLACES; place++)
      compare_and_swap_in(place);
}

/* Some lanes in local memory, in the order of the lanes; then one that is not aligned, or behind its end. */
static void
local_atomics(void)
{
   for (unsigned round = 0; round < 8; round++) {
      bool together = round & 1, misaligned = round & 2, outside = round & 4;
      place_init(together ? LOCAL_TOGETHER : LOCAL);
      const uint32_t code[] = { vatomic_insn(COLIBRI_ATOMIC_ADD, false, false, 8, 16, 24, true) };
      pages_program(&p, code, 1);
      uint32_t *mem = page_ptr(&p, 0, 0), *lds = (uint32_t *)p.lds, *old = (uint32_t *)v64(8);
      lds[255] = 7;
      for (unsigned i = 0; i < 64; i++) {
         v64(16)[i] = i % 8 ? COLIBRI_LOCAL_BASE + 1020 : page_va(0);
         ((uint32_t *)v64(24))[i] = i;
      }
      if (misaligned || outside)
         v64(16)[20] += misaligned ? 2 : 4;
      enum cg_stop stop = cg_wave_run(p.core, p.w, 10);
      CHECK(stop == (misaligned || outside ? CG_STOP_ERROR : CG_STOP_END));
      uint32_t local = 7, global = 0;
      for (unsigned i = 0; i < (stop == CG_STOP_END ? 64 : 20); i++) {
         uint32_t *sum = i % 8 ? &local : &global;
         CHECK(old[i] == *sum);
         *sum += i;
      }
      CHECK(lds[255] == local && mem[0] == global);
      pages_fini(&p);
   }
}

static void
illegal_instructions(void)
{
   pages_init(&p, true);
   const uint32_t vadd = 0x57 | 8 << 7 | 12 << 15 | 16 << 20 | 1 << 25;
   const uint32_t alone[] = {
      0x00000000, 0xffffffff, 0x00000073, 0x00100073, 0x30200073 /* mret */, vadd /* vill */,
      0x0000000f | 7 << 12, ENDW | 1 << 7, BARRIER | 1 << 15, CSRR(5, 0x300), 0xc2001073 /* csrw vl */,
      vatomic_insn(2, false, false, 8, 16, 24, true), vatomic_insn(COLIBRI_ATOMIC_ADD, false, false, 8, 15, 24, true),
      vatomic_insn(COLIBRI_ATOMIC_ADD, false, false, 17, 16, 24, true), vatomic_insn(COLIBRI_ATOMIC_XOR, true, false, 8, 16, 24, true),
      vatomic_insn(COLIBRI_ATOMIC_ADD, false, false, 0, 16, 24, false), 0x02000053 | 5 << 12 /* reserved rounding mode */,
   };
   for (unsigned i = 0; i < sizeof(alone) / sizeof(alone[0]); i++)
      CHECK(is_error(run(&alone[i], 1, 0, 0), COLIBRI_QERR_ILLEGAL_INSN, CODE_VA, CODE_VA));

   const uint32_t grouped[] = {
      VSETVLI(31, 0, VTYPE(2, 3)), vadd + (1 << 7),                                   /* v9 is no group of 8 */
      VSETVLI(31, 0, VTYPE(2, 0)), 0x57 | 0 << 7 | 12 << 15 | 16 << 20,               /* vd is the mask */
      VSETVLI(31, 0, VTYPE(3, 0)), 0x57 | 2 << 12 | 8 << 7 | 12 << 15 | 16 << 20 | 1 << 25 | 0x31u << 26, /* widening 64 */
      VSETVLI(31, 0, VTYPE(2, 3)), vmem_insn(false, VM_UNIT, 2, 2, 8, 10, 0, true),   /* 16 registers */
      VSETVLI(31, 0, VTYPE(2, 2)), vmem_insn(false, VM_UNIT, 2, 2, 28, 10, 0, true),  /* beyond v31 */
   };
   for (unsigned i = 0; i < sizeof(grouped) / sizeof(grouped[0]); i += 2)
      CHECK(is_error(run(grouped + i, 2, page_va(0), 0), COLIBRI_QERR_ILLEGAL_INSN, CODE_VA + 4, CODE_VA + 4));
   pages_fini(&p);
}

static void *
stop_soon(void *unused)
{
   struct timespec ts = { .tv_nsec = 20 * 1000 * 1000 };
   (void)unused;
   nanosleep(&ts, NULL);
   cg_core_request_stop(p.core);
   return NULL;
}

static void
stops(void)
{
   pages_init(&p, true);
   const uint32_t loop[] = { JUMP_SELF }, count[] = { ADDI(5, 5, 1), ADDI(5, 5, 1), ADDI(5, 5, 1) };
   pthread_t thread;

   pages_program(&p, loop, 1);
   CHECK(cg_wave_run(p.core, p.w, 12345) == CG_STOP_BUDGET && cg_wave_instret(p.w) == 12345);
   pthread_create(&thread, NULL, stop_soon, NULL);
   CHECK(cg_wave_run(p.core, p.w, ~0ull) == CG_STOP_BUDGET);
   pthread_join(thread, NULL);
   CHECK(cg_wave_run(p.core, p.w, 100) == CG_STOP_BUDGET);   /* sticky */
   CHECK(cg_wave_pc(p.w) == CODE_VA);

   cg_core_clear_stop(p.core);
   pages_program(&p, count, 3);
   CHECK(cg_wave_run(p.core, p.w, 2) == CG_STOP_BUDGET && p.w->x[5] == 2 && cg_wave_pc(p.w) == CODE_VA + 8);
   CHECK(cg_wave_run(p.core, p.w, 2) == CG_STOP_END && p.w->x[5] == 3);
   pages_fini(&p);
}

static void
csrs(void)
{
   pages_init(&p, true);
   static const struct { unsigned csr; uint64_t value; } c[] = {
      { COLIBRI_CSR_WG_ID(0), 1 }, { COLIBRI_CSR_WG_ID(2), 3 }, { COLIBRI_CSR_WG_SIZE(1), 5 },
      { COLIBRI_CSR_WG_SIZE_NOM(0), 7 }, { COLIBRI_CSR_GRID_SIZE(2), 12 }, { COLIBRI_CSR_WAVE_IN_WG, 5 },
      { COLIBRI_CSR_KERNARG, 0x1234 }, { COLIBRI_CSR_DIMS, 3 }, { COLIBRI_CSR_WAVES_IN_WG, 13 }, { 0xc22, 256 },
   };
   for (unsigned i = 0; i < sizeof(c) / sizeof(c[0]); i++) {
      const uint32_t code[] = { CSRR(5, c[i].csr) };
      CHECK(run(code, 1, 0, 0) == CG_STOP_END && p.w->x[5] == c[i].value);
   }
   const uint32_t start[] = { ADDI(5, 10, 0), ADDI(6, 2, 0), CSRR(7, 0xc21), CSRR(8, 3) };
   pages_program(&p, start, 4);
   CHECK(cg_wave_run(p.core, p.w, 10) == CG_STOP_END);
   CHECK(p.w->x[5] == 0x1234 && p.w->x[6] == COLIBRI_STACK_BASE + 512 && p.w->x[7] == 1ull << 63 && p.w->x[8] == 0);
   pages_fini(&p);
}

static void
barrier_and_end(void)
{
   pages_init(&p, true);
   const uint32_t code[] = { BARRIER, ADDI(5, 5, 1), BARRIER };
   pages_program(&p, code, 3);
   CHECK(cg_wave_run(p.core, p.w, 10) == CG_STOP_BARRIER && cg_wave_pc(p.w) == CODE_VA + 4 && p.w->x[5] == 0);
   CHECK(cg_wave_run(p.core, p.w, 10) == CG_STOP_BARRIER && p.w->x[5] == 1);
   CHECK(cg_wave_run(p.core, p.w, 10) == CG_STOP_END);
   CHECK(cg_wave_instret(p.w) == 4);
   pages_fini(&p);
}

static void
code_faults(void)
{
   pages_init(&p, true);
   const uint32_t addi = ADDI(5, 5, 1), end = ENDW;
   unsigned n;
   pages_program(&p, &addi, 1);
   /* a 4-byte instruction across the pages, after a jump to it */
   memcpy(p.code + 4094, &addi, 4);
   memcpy(p.code + 4098, &end, 4);
   p.code_perm[1] = 0;
   cg_core_tlb_flush(p.core);
   CHECK(cg_wave_reset(p.w, &p.group, 0, CODE_VA + 4094));
   CHECK(cg_wave_run(p.core, p.w, 10) == CG_STOP_FAULT);
   const struct cg_page_fault *f = cg_wave_faults(p.w, &n);
   CHECK(n == 1 && f[0].addr == CODE_VA + 4096 && f[0].access == COLIBRI_ACCESS_EXEC);
   CHECK(cg_wave_pc(p.w) == CODE_VA + 4094);
   p.code_perm[1] = CG_PERM_X;
   CHECK(cg_wave_run(p.core, p.w, 10) == CG_STOP_END && p.w->x[5] == 1);

   /* new code is seen after an invalidation of the second page, which has the instruction's end */
   const uint32_t addi9 = ADDI(5, 5, 9);
   memcpy(p.code + 4094, &addi9, 4);
   cg_core_tlb_inv(p.core, p.group.asid, CODE_VA + 4096, 4096);
   CHECK(cg_wave_reset(p.w, &p.group, 0, CODE_VA + 4094));
   CHECK(cg_wave_run(p.core, p.w, 10) == CG_STOP_END && p.w->x[5] == 9);
   CHECK(is_error((CHECK(cg_wave_reset(p.w, &p.group, 0, COLIBRI_LOCAL_BASE)), cg_wave_run(p.core, p.w, 10)),
                  COLIBRI_QERR_BAD_ADDRESS, COLIBRI_LOCAL_BASE, COLIBRI_LOCAL_BASE));
   pages_fini(&p);
}

static void
bus_errors(void)
{
   pages_init(&p, true);
   const uint32_t code[] = { LD(5, 10, 0) };
   pages_set_all(&p, RW);
   p.bus[4] = true;
   CHECK(is_error(run(code, 1, page_va(4) + 16, 0), COLIBRI_QERR_BUS, page_va(4) + 16, CODE_VA));
   pages_fini(&p);
}

/* Exceptions of masked-off lanes do not count, and each wave has its own flags and mode. */
static void
fp_state_is_the_waves_own(void)
{
   pages_init(&p, true);
   const uint32_t fdiv = 0x57 | 1 << 12 | 8 << 7 | 12 << 15 | 16 << 20 | 0x20u << 26;
   const uint32_t masked[] = { VSETVLI(31, 0, VTYPE(2, 0)), fdiv, CSRR(5, 1) };
   pages_program(&p, masked, 3);
   float *num = (float *)v64(16), *den = (float *)v64(12);
   for (unsigned i = 0; i < 64; i++) {
      num[i] = 1;
      den[i] = i == 7 ? 3 : 0;   /* division by zero everywhere but in lane 7 */
   }
   v64(0)[0] = 1 << 7;
   CHECK(cg_wave_run(p.core, p.w, 10) == CG_STOP_END);
   CHECK(p.w->x[5] == 1);        /* inexact alone */

   struct cg_wave *other = cg_wave_create(&p.cfg);
   CHECK(cg_wave_reset(other, &p.group, 0, CODE_VA + 8));
   CHECK(cg_wave_run(p.core, other, 10) == CG_STOP_END && other->x[5] == 0);
   cg_wave_destroy(other);
   pages_fini(&p);
}

/* Random words with random registers: any stop is fine, a crash is not. */
static void
random_instructions(void)
{
   static const uint8_t opcodes[] = { 0x03, 0x07, 0x0b, 0x0f, 0x13, 0x17, 0x1b, 0x23, 0x27, 0x2f, 0x33, 0x37, 0x3b,
                                      0x43, 0x53, 0x57, 0x57, 0x57, 0x57, 0x07, 0x27, 0x0b, 0x63, 0x67, 0x6f, 0x73 };
   static const uint64_t bases[] = { PAGES_BASE, COLIBRI_LOCAL_BASE, COLIBRI_PRIVATE_BASE, COLIBRI_STACK_BASE, 0, ~0ull };
   pages_init(&p, true);
   pages_set_all(&p, RWA | CG_PERM_X);
   for (unsigned round = 0; round < 20000; round++) {
      uint32_t code[16];
      for (unsigned i = 1; i < 16; i++) {
         code[i] = pages_random(&p) << 1 ^ pages_random(&p);
         if (pages_random(&p) % 8)
            code[i] = (code[i] & ~0x7fu) | opcodes[pages_random(&p) % sizeof(opcodes)];
      }
      code[0] = VSETVLI(31, 0, VTYPE(pages_random(&p) & 3, pages_random(&p) & 7));
      pages_program(&p, code, 16);
      for (unsigned i = 1; i < 32; i++) {
         p.w->x[i] = bases[pages_random(&p) % 6] + pages_random(&p) % 70000;
         p.w->f[i] = (uint64_t)pages_random(&p) << 33 ^ pages_random(&p);
      }
      for (unsigned i = 0; i < 32 * 256 / 8; i += 1 + pages_random(&p) % 7)
         ((uint64_t *)p.w->v)[i] = bases[pages_random(&p) % 6] + pages_random(&p) % 70000;
      if (pages_random(&p) % 4 == 0)
         pages_set(&p, pages_random(&p) % 16, pages_random(&p) & 15);
      cg_wave_run(p.core, p.w, 64);
   }
   pages_fini(&p);
}

int
main(void)
{
   static const struct tap_test tests[] = {
      { "local, stack and private memory end where they end", segments },
      { "addresses outside every aperture", bad_addresses },
      { "a private pointer contains its lane", private_lanes },
      { "gathers and scatters", gathers },
      { "gathers from large translations", large_translations },
      { "loads and stores with a mask", masked_units },
      { "atomics: alignment, rights and system memory", atomic_rules },
      { "access counters", access_counters },
      { "atomics: operations", atomic_operations },
      { "atomics: compare and swap", compare_and_swap },
      { "atomics: of local memory and beside it", local_atomics },
      { "illegal instructions", illegal_instructions },
      { "budget and the stop flag", stops },
      { "CSRs and the state at the start", csrs },
      { "barrier and end of wave", barrier_and_end },
      { "code that faults, straddles pages and changes", code_faults },
      { "entries that point nowhere", bus_errors },
      { "floating-point state is the wave's own", fp_state_is_the_waves_own },
      { "random instructions do no harm", random_instructions },
   };
   return tap_main(tests, sizeof(tests) / sizeof(tests[0]));
}
