/* SPDX-License-Identifier: MIT */
/*
 * What an instruction on 64 lanes costs, beside a plain C loop over 64 lanes
 * compiled for the same host in the same run.
 *
 * usage: bench [MILLISECONDS]
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "pages.h"
#include "vec.h"

#define LANES   64
#define REPEAT  64   /* instructions in the loop body */

static struct pages p;
static double budget_s = 0.05;

static double
now(void)
{
   struct timespec ts;
   clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
   return (double)ts.tv_sec + 1e-9 * (double)ts.tv_nsec;
}

/* ns for each of REPEAT copies of @insn in an endless loop; registers as set by @setup. */
static double
measure(uint32_t vtype, uint32_t insn, void (*setup)(void))
{
   uint32_t code[REPEAT + 2];
   pages_set_all(&p, CG_PERM_R | CG_PERM_W | CG_PERM_A);
   code[0] = VSETVLI(31, 0, vtype);
   for (unsigned i = 1; i <= REPEAT; i++)
      code[i] = insn;
   /* jal x0, back to the first copy */
   int32_t back = -4 * REPEAT;
   code[REPEAT + 1] = 0x6fu | ((uint32_t)back & 0xff000) | (1u << 31) | ((uint32_t)back >> 1 & 0x3ff) << 21 | ((uint32_t)back >> 11 & 1) << 20;
   pages_program(&p, code, REPEAT + 2);
   if (setup)
      setup();
   double start = now(), t;
   uint64_t done = 0;
   do {
      if (cg_wave_run(p.core, p.w, 65 * 1000) != CG_STOP_BUDGET) {
         printf("stopped: error %u\n", cg_wave_error(p.w).code);
         exit(1);
      }
      done += 64 * 1000;
      t = now() - start;
   } while (t < budget_s);
   return t / (double)done * 1e9;
}

#define CLONES
#ifdef __x86_64__
#undef CLONES
#define CLONES __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default"), noinline))
#endif

static float fa[LANES], fb[LANES], fd[LANES];
static uint32_t ia[LANES], ib[LANES], id[LANES], index_[LANES], table[1 << 16];

CLONES static void
plain_fma(void)
{
   for (unsigned i = 0; i < LANES; i++)
      fd[i] = __builtin_fmaf(fa[i], fb[i], fd[i]);
}

CLONES static void
plain_add(void)
{
   for (unsigned i = 0; i < LANES; i++)
      id[i] = ia[i] + ib[i];
}

CLONES static void
plain_load(void)
{
   for (unsigned i = 0; i < LANES; i++)
      id[i] = table[i + 64];
}

CLONES static void
plain_gather(void)
{
   for (unsigned i = 0; i < LANES; i++)
      id[i] = table[index_[i]];
}

static double
plain(void (*f)(void))
{
   double start = now(), t;
   uint64_t done = 0;
   do {
      for (unsigned i = 0; i < 1000; i++)
         f();
      done += 1000;
      t = now() - start;
   } while (t < budget_s);
   return t / (double)done * 1e9;
}

static uint64_t *
v64(unsigned reg)
{
   return (uint64_t *)(p.w->v + 256 * reg);
}

static void
setup_memory(void)
{
   p.w->x[10] = page_va(1) + 256;
   memset(p.w->v, 0x55, 256);
}

static void
setup_contiguous(void)
{
   for (unsigned i = 0; i < LANES; i++)
      v64(16)[i] = page_va(1) + 4 * i;
}

static void
setup_same_page(void)
{
   for (unsigned i = 0; i < LANES; i++)
      v64(16)[i] = page_va(1) + 4 * (pages_random(&p) % 1024);
}

static void
setup_random(void)
{
   for (unsigned i = 0; i < LANES; i++) {
      index_[i] = pages_random(&p) % (1 << 16);
      v64(16)[i] = PAGES_BASE + 4ull * index_[i];
   }
}

static void
setup_private(void)
{
   for (unsigned i = 0; i < LANES; i++)
      v64(16)[i] = COLIBRI_PRIVATE_BASE | (uint64_t)i << COLIBRI_PRIVATE_LANE_SHIFT | 8;
}

#define V_OP(f6, f3, vd, vs2, vs1, vm) ((uint32_t)(f6) << 26 | (vm) << 25 | (vs2) << 20 | (vs1) << 15 | (f3) << 12 | (vd) << 7 | 0x57)

int
main(int argc, char **argv)
{
   const unsigned e32 = VTYPE(2, 0), e64 = VTYPE(3, 1);
   if (argc > 1)
      budget_s = atof(argv[1]) / 1000;
   pages_init(&p, true);

   const struct {
      const char *name;
      unsigned vtype;
      uint32_t insn;
      void (*setup)(void);
      void (*plain)(void);
   } rows[] = {
      { "fp32 fma", e32, V_OP(0x2c, 1, 8, 16, 12, 1), NULL, plain_fma },
      { "fp32 fma, masked", e32, V_OP(0x2c, 1, 8, 16, 12, 0), setup_memory, plain_fma },
      { "fp32 add", e32, V_OP(0x00, 1, 8, 16, 12, 1), NULL, plain_fma },
      { "int32 add", e32, V_OP(0x00, 0, 8, 16, 12, 1), NULL, plain_add },
      { "int32 add, masked", e32, V_OP(0x00, 0, 8, 16, 12, 0), setup_memory, plain_add },
      { "int32 add of scalar", e32, V_OP(0x00, 4, 8, 16, 10, 1), NULL, plain_add },
      { "int64 add (2 registers)", e64, V_OP(0x00, 0, 8, 16, 12, 1), NULL, plain_add },
      { "int32 compare", e32, V_OP(0x1b, 0, 8, 16, 12, 1), NULL, plain_add },
      { "int32 merge", e32, V_OP(0x17, 0, 8, 16, 12, 0), setup_memory, plain_add },
      { "zext 32 to 64", e64, V_OP(0x12, 2, 8, 16, 6, 1), NULL, plain_add },
      { "mask and", e32, V_OP(0x19, 2, 0, 1, 2, 1), NULL, plain_add },
      { "int32 divide", e32, V_OP(0x21, 2, 8, 16, 12, 1), NULL, plain_add },
      { "fp32 to int32", e32, V_OP(0x12, 1, 8, 16, 7, 1), NULL, plain_add },
      { "load", e32, vmem_insn(false, VM_UNIT, 1, 2, 8, 10, 0, true), setup_memory, plain_load },
      { "load, masked", e32, vmem_insn(false, VM_UNIT, 1, 2, 8, 10, 0, false), setup_memory, plain_load },
      { "store", e32, vmem_insn(true, VM_UNIT, 1, 2, 8, 10, 0, true), setup_memory, plain_load },
      { "store, masked", e32, vmem_insn(true, VM_UNIT, 1, 2, 8, 10, 0, false), setup_memory, plain_load },
      { "gather, contiguous", e32, vmem_insn(false, VM_INDEXED_U, 1, 3, 8, 0, 16, true), setup_contiguous, plain_load },
      { "gather, one page", e32, vmem_insn(false, VM_INDEXED_U, 1, 3, 8, 0, 16, true), setup_same_page, plain_gather },
      { "gather, 64 pages", e32, vmem_insn(false, VM_INDEXED_U, 1, 3, 8, 0, 16, true), setup_random, plain_gather },
      { "gather, private", e32, vmem_insn(false, VM_INDEXED_U, 1, 3, 8, 0, 16, true), setup_private, plain_gather },
      { "scatter, contiguous", e32, vmem_insn(true, VM_INDEXED_O, 1, 3, 8, 0, 16, true), setup_contiguous, plain_load },
      { "scatter, 64 pages", e32, vmem_insn(true, VM_INDEXED_O, 1, 3, 8, 0, 16, true), setup_random, plain_gather },
      { "atomic add", e32, vatomic_insn(COLIBRI_ATOMIC_ADD, false, false, 8, 16, 24, true), setup_contiguous, plain_gather },
      { "scalar addi", e32, ADDI(5, 5, 1), NULL, NULL },
      { "scalar load", e32, LW(5, 10, 0), setup_memory, NULL },
   };
   printf("%-26s %10s %10s %8s   (%s)\n", "64 lanes", "model ns", "plain ns", "ratio", cg_isa_get()->name);
   for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
      double model = measure(rows[i].vtype, rows[i].insn, rows[i].setup);
      if (!rows[i].plain) {
         printf("%-26s %10.2f\n", rows[i].name, model);
         continue;
      }
      double base = plain(rows[i].plain);
      printf("%-26s %10.2f %10.2f %8.1f\n", rows[i].name, model, base, model / base);
   }
   pages_fini(&p);
   return 0;
}
