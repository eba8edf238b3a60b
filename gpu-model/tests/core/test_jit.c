/* SPDX-License-Identifier: MIT */
/*
 * The translator against the interpreter: random programs of loops, branches,
 * vector arithmetic and memory accesses on a core of each kind, in slices of
 * random length and with pages that come and go; then all state is compared.
 *
 * usage: test_jit [PROGRAMS [SEED]]
 */
#include <stdio.h>
#include <stdlib.h>

#include "fpenv.h"
#include "pages.h"
#include "vec.h"

#define RWA (CG_PERM_R | CG_PERM_W | CG_PERM_A)
#define DATA_PAGES 16
/* Instructions after which a program is endless. */
#define LONGEST    40000

/* Translated at first execution, and when hot, with branches that were seen. */
static struct pages at_once, when_hot, plain;
static struct pages *jit = &at_once;
static struct pages *rnd = &plain;
static unsigned programs = 10000;
static uint64_t seed = 1;

static uint32_t
random_below(uint32_t n)
{
   return pages_random(rnd) % n;
}

static bool
one_in(uint32_t n)
{
   return random_below(n) == 0;
}

/* ---- Programs ------------------------------------------------------------------------*/

#define MAX_CODE 1000   /* of the 1024 words of a page */

static uint32_t code[MAX_CODE];
static unsigned length;
static unsigned sew;
/* No vtype is set: whole registers are all that vector instructions can access. */
static bool untyped;

static void
put(uint32_t insn)
{
   if (length < MAX_CODE - 8)
      code[length++] = insn;
}

#define V_OP(f6, f3, vd, vs2, vs1, vm) \
   ((uint32_t)(f6) << 26 | (uint32_t)(vm) << 25 | (uint32_t)(vs2) << 20 | (uint32_t)(vs1) << 15 | \
    (uint32_t)(f3) << 12 | (uint32_t)(vd) << 7 | 0x57)

enum { IVV, FVV, MVV, IVI, IVX, FVF, MVX };

/* Registers that programs compute with; x5 to x9 count and point. */
static unsigned
some_x(void)
{
   return one_in(12) ? 0 : 10 + random_below(8);
}

static unsigned
some_v(void)
{
   static const uint8_t few[] = { 0, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 1 };
   unsigned v = few[random_below(sizeof(few))];
   return sew == 3 && !one_in(16) ? v & ~1u : v;
}

static void
set_vtype(void)
{
   if (untyped)
      return;
   sew = one_in(3) ? random_below(4) : 2;
   bool keep = one_in(2);
   if (one_in(20)) {
      /* fewer lanes than there are */
      put(ADDI(29, 0, random_below(64) + 1));
      put(VSETVLI(0, 29, VTYPE(sew, (int)sew - 2)));
   } else {
      put(VSETVLI(keep ? 0 : 28, 0, VTYPE(sew, (int)sew - 2)));
   }
}

static void
integer_op(void)
{
   static const uint8_t f6[] = { 0, 2, 3, 4, 5, 6, 7, 9, 10, 11, 0x25, 0x28, 0x29, 0x18, 0x19, 0x1a, 0x1b, 0x1c, 0x1d, 0x1e, 0x1f, 0x17 };
   static const uint8_t form[] = { IVV, IVX, IVI };
   unsigned op = f6[random_below(sizeof(f6))], f3 = form[random_below(3)];
   unsigned vm = op == 0x17 ? one_in(2) : !one_in(4), vd = some_v(), vs2 = op == 0x17 && vm ? 0 : some_v();
   if ((op == 2 || op == 4 || op == 5 || op == 6 || op == 7 || op == 0x1a || op == 0x1b) && f3 == IVI)
      f3 = IVX;
   if ((op == 3 || op == 0x1e || op == 0x1f) && f3 == IVV)
      f3 = IVX;
   if (!vm && vd == 0)
      vd = 8;
   put(V_OP(op, f3, vd, vs2, f3 == IVV ? some_v() : f3 == IVX ? some_x() : random_below(32), vm));
}

/* Shifts both ways that are joined, mostly to a rotation, with something in between. */
static void
rotate_op(void)
{
   unsigned from = some_v(), left = some_v(), right = some_v(), n = 1 + random_below(31), m = one_in(4) ? n : 32 - n;
   bool swapped = one_in(2);
   put(V_OP(swapped ? 0x28 : 0x25, IVI, left, from, swapped ? m : n, 1));
   if (one_in(4))
      integer_op();
   put(V_OP(swapped ? 0x25 : 0x28, IVI, right, one_in(8) ? some_v() : from, swapped ? n : m, 1));
   if (one_in(4))
      integer_op();
   put(V_OP(0x0a, IVV, some_v(), one_in(2) ? left : right, one_in(2) ? right : left, !one_in(8)));
}

static void
multiply_op(void)
{
   static const uint8_t f6[] = { 0x25, 0x29, 0x2b, 0x2d, 0x2f, 0x24, 0x27, 0x20, 0x23 };
   unsigned f3 = one_in(2) ? MVV : MVX, vm = !one_in(4), vd = some_v();
   if (!vm && vd == 0)
      vd = 10;
   put(V_OP(f6[random_below(sizeof(f6))], f3, vd, some_v(), f3 == MVV ? some_v() : some_x(), vm));
}

static void
float_op(void)
{
   static const uint8_t both[] = { 0, 2, 4, 6, 8, 9, 10, 0x18, 0x19, 0x1b, 0x1c, 0x20, 0x24,
                                   0x28, 0x29, 0x2a, 0x2b, 0x2c, 0x2d, 0x2e, 0x2f };
   static const uint8_t scalar[] = { 0x1d, 0x1f, 0x21, 0x27, 0x17 };
   bool vf = one_in(2);
   unsigned op = vf && one_in(4) ? scalar[random_below(sizeof(scalar))] : both[random_below(sizeof(both))];
   unsigned vm = !one_in(4), vd = some_v();
   if (sew < 1)
      return;
   if (!vm && vd == 0)
      vd = 12;
   put(V_OP(op, vf ? FVF : FVV, vd, op == 0x17 && vm ? 0 : some_v(), vf ? 1 + random_below(6) : some_v(), vm));
}

static void
unary_op(void)
{
   static const uint8_t convert[] = { 0, 1, 2, 3, 6, 7 };
   unsigned vm = !one_in(4), vd = some_v();
   if (!vm && vd == 0)
      vd = 14;
   switch (random_below(5)) {
   case 0:
      if (sew)
         put(V_OP(0x12, FVV, vd, some_v(), convert[random_below(6)], vm));
      break;
   case 1:
      if (sew)
         put(V_OP(0x13, FVV, vd, some_v(), 0, vm));
      break;
   case 2: {
      unsigned by = 1 + random_below(3);
      if (sew >= by) {
         unsigned from = some_v();
         while (from / 2 == vd / 2)
            from = 8 + random_below(8);
         put(V_OP(0x12, MVV, vd, from, 8 - 2 * by + one_in(2), 1));
      }
      break;
   }
   case 3:
      put(V_OP(0x14, MVV, vd, 0, 17, 1));
      break;
   default: {
      unsigned pair = one_in(3), align = pair ? ~1u : ~0u;
      put(V_OP(0x27, IVI, vd & align, some_v() & align, pair, 1));
      break;
   }
   }
}

static void
mask_op(void)
{
   switch (random_below(4)) {
   case 3:
      put(V_OP(0x27, IVI, one_in(2) ? 0 : some_v(), some_v(), 0, 1));
      break;
   case 0:
      put(V_OP(0x18 + random_below(8), MVV, some_v(), some_v(), some_v(), 1));
      break;
   case 1:
      put(V_OP(0x10, MVV, some_x(), some_v(), 0, 1));
      break;
   default:
      put(V_OP(0x10, MVV, some_x(), some_v(), 16 + one_in(2), 1));
      break;
   }
}

/* vrgather.vv: indices of any bits, or multiples of the lane and more than there are. */
static void
permute_op(void)
{
   bool words = !one_in(4);
   if (words) {
      put(VSETVLI(28, 0, VTYPE(2, 0)));
      sew = 2;
   }
   unsigned vd = some_v(), from = some_v(), index = one_in(3) ? some_v() : 20, vm = !one_in(4) || vd == 0;
   if (index == 20) {
      put(V_OP(0x14, MVV, 20, 0, 17, 1));
      put(V_OP(0x25, IVI, 20, 20, random_below(3), 1));
      put(V_OP(0x0b, IVI, 20, 20, random_below(16), 1));
   }
   if (vd != from && vd != index)
      put(V_OP(0x0c, IVV, vd, from, index, vm));
}

/*
 * Gathers and scatters at multiples of the lane, or of the lane's complement, or in the lanes' private
 * memory at the same offset or at others.
 */
static void
gather_op(void)
{
   bool vm = !one_in(3);
   unsigned vd = 8 + random_below(8);
   put(VSETVLI(28, 0, VTYPE(3, 1)));
   put(V_OP(0x14, MVV, 20, 0, 17, 1));
   if (one_in(3))
      put(V_OP(0x0b, IVI, 20, 20, 1 + random_below(15), 1));
   unsigned base = 6 + random_below(4);
   if (one_in(3)) {
      put(V_OP(0x25, IVI, 20, 20, 16, 1));
      put(V_OP(0x25, IVI, 20, 20, 16, 1));
      if (one_in(2)) {
         put(V_OP(0x14, MVV, 22, 0, 17, 1));
         put(V_OP(0x09, IVI, 22, 22, 15, 1));
         put(V_OP(0x25, IVI, 22, 22, 1 + random_below(3), 1));
         put(V_OP(0x00, IVV, 20, 20, 22, 1));
      }
      base = 4;
   } else {
      put(V_OP(0x25, IVI, 20, 20, random_below(6), 1));
   }
   put(VSETVLI(28, 0, VTYPE(2, 0)));
   sew = 2;
   put(vmem_insn(one_in(3), one_in(2) ? VM_INDEXED_U : VM_INDEXED_O, 1, 3, vd, base, 20, vm));
}

/* x6 to x9 point into the data, x9 at the end of a page. */
static void
memory_op(void)
{
   bool store = one_in(3);
   unsigned eew = one_in(3) ? random_below(4) : sew, vd = some_v(), base = 6 + random_below(4);
   if (eew == 3)
      vd &= ~1u;
   switch (random_below(untyped ? 4 : 6)) {
   case 0:
      put((store ? 0x02000027u | 8u << 20 : 0x02000007u | 8u << 20) | (store ? 0 : vwidth(2)) | vd << 7 | base << 15);
      break;
   case 1:
      put(store ? SD(some_x(), base) : LD(10 + random_below(8), base, 8 * random_below(16)));
      break;
   case 2:
      put(store ? SW(some_x(), base) : LW(10 + random_below(8), base, 4 * random_below(16)));
      break;
   case 3:   /* flw, fld */
      put(I_TYPE(0x07u, one_in(3) ? 3u : 2u, 1 + random_below(6), base, 8 * random_below(16)));
      break;
   default: {
      bool vm = !one_in(4);
      if (!vm && vd == 0)
         vd = 8;
      put(vmem_insn(store, VM_UNIT, 1, eew, vd, base, 0, vm));
      break;
   }
   }
}

static void
scalar_op(void)
{
   static const uint32_t f7[] = { 0, 0x20, 1, 5, 0x10 };
   unsigned rd = one_in(16) ? 0 : 10 + random_below(8);
   uint32_t f = f7[random_below(5)], f3 = random_below(8);
   switch (random_below(6)) {
   case 0:
      put(ADDI(rd, some_x(), random_below(4096)));
      break;
   case 1:   /* any of the immediates, shifts aside */
      put(I_TYPE(0x13u, f3 == 1 || f3 == 5 ? 7u : f3, rd, some_x(), random_below(4096)));
      break;
   case 2:
      put(I_TYPE(0x13u, one_in(2) ? 1u : 5u, rd, some_x(), random_below(64)));
      break;
   case 3:   /* move a pointer */
      put(ADDI(6 + random_below(2), 6 + random_below(2), 4 * random_below(64)));
      break;
   default:
      if (f == 0x20 && f3 != 0 && f3 != 5)
         f3 = 0;
      if (f == 5)
         f3 |= 4;
      if (f == 0x10)
         f3 = 2 + 2 * random_below(3);
      put((one_in(4) && f != 5 && f != 0x10 && (f3 == 0 || f3 == 5) ? 0x3bu : 0x33u) | rd << 7 | f3 << 12 |
          some_x() << 15 | some_x() << 20 | f << 25);
      break;
   }
}

static void
scalar_float_op(void)
{
   static const uint32_t f7[] = { 0, 4, 8, 0xc, 1, 5 };
   if (one_in(4))
      put(0x53u | (1 + random_below(6)) << 7 | some_x() << 15 | 0x78u << 25);   /* fmv.w.x */
   else
      put(0x53u | (1 + random_below(6)) << 7 | 7u << 12 | (1 + random_below(6)) << 15 | (1 + random_below(6)) << 20 |
          f7[random_below(6)] << 25);
}

static void
csr_op(void)
{
   switch (random_below(5)) {
   case 4: put(I_TYPE(0x73u, 5u, 0, one_in(2) ? 0 : random_below(8), 8)); break;    /* vstart */
   case 0: put(I_TYPE(0x73u, 2u, 10 + random_below(8), 0, 1)); break;              /* fflags */
   case 1: put(I_TYPE(0x73u, 5u, 0, random_below(5), 2)); break;                   /* frm */
   case 2: put(I_TYPE(0x73u, 2u, 10 + random_below(8), 0, 0xc21)); break;          /* vtype */
   default: put(I_TYPE(0x73u, 2u, 10 + random_below(8), 0, 0xcc0)); break;
   }
}

static void
random_op(void)
{
   unsigned r = random_below(100);
   if (untyped)
      r = r < 50 ? 70 : 80 + r / 7;
   if (r < 22) integer_op();
   else if (r < 24) rotate_op();
   else if (r < 30) multiply_op();
   else if (r < 50) float_op();
   else if (r < 58) unary_op();
   else if (r < 64) mask_op();
   else if (r < 76) memory_op();
   else if (r < 77) gather_op();
   else if (r < 79) permute_op();
   else if (r < 90) scalar_op();
   else if (r < 93) scalar_float_op();
   else if (r < 94) csr_op();
   else set_vtype();
}

/* A conditional branch from @from to @to. */
static uint32_t
branch(unsigned from, unsigned to, uint32_t f3, unsigned rs1, unsigned rs2)
{
   uint32_t d = (to - from) * 4;
   return 0x63u | (d >> 11 & 1) << 7 | (d >> 1 & 15) << 8 | f3 << 12 | rs1 << 15 | rs2 << 20 |
          (d >> 5 & 63) << 25 | (d >> 12 & 1) << 31;
}

/* Operations, some of which are jumped over. */
static void
body(unsigned n)
{
   for (unsigned i = 0; i < n; i++) {
      if (!one_in(10)) {
         random_op();
         continue;
      }
      static const uint8_t f3[] = { 0, 1, 4, 5, 6, 7 };
      unsigned at = length;
      put(0);
      for (unsigned k = 1 + random_below(4); k-- > 0;)
         random_op();
      code[at] = branch(at, length, f3[random_below(6)], some_x(), some_x());
      /* Either side may have set it. */
      set_vtype();
   }
}

/*
 * More instructions than a region may have, two to a word, and branches into all parts of them; or
 * more heads of loops, whose branches are never taken, than there is room for.
 */
static void
dense_body(void)
{
   static const uint32_t two_increments = 0x05050505;   /* c.addi x10, 1 */
   unsigned first = length, end = length + 530 + random_below(350);
   bool many_heads = one_in(4);
   while (length < end) {
      unsigned at = length;
      put(0);
      for (unsigned k = 1 + random_below(60); k-- > 0;)
         put(many_heads ? branch(length, first + random_below(at + 1 - first), 1, 0, 0) : two_increments);
      code[at] = branch(at, length, random_below(2), some_x(), some_x());
      if (one_in(4))
         random_op();
   }
   set_vtype();
}

static void
make_program(void)
{
   length = 0;
   untyped = one_in(10);
   sew = 2;
   set_vtype();
   body(random_below(6));
   put(ADDI(5, 0, (one_in(4) ? 30 : 2) + random_below(6)));
   unsigned head = length;
   if (one_in(20))
      dense_body();
   else
      body(4 + random_below(40));
   put(ADDI(5, 5, -1 & 0xfff));
   code[length] = branch(length, head, 1, 5, 0);
   length++;
   body(random_below(6));
   code[length++] = BARRIER;
}

/* ---- State ---------------------------------------------------------------------------------*/

static uint32_t
special(void)
{
   static const uint32_t values[] = {
      0, 0x80000000, 0x7f800000, 0xff800000, 0x7fc00000, 0x7fa00000, 0xffc12345, 0x3f800000, 0xbf800000, 0x00000001,
      0x80012345, 0x7f7fffff, 0x4f000000, 0x4effffff, 0xcf000000, 0x5f000000, 0x40490fdb, 0x34000000, 0xffffffff,
   };
   return one_in(2) ? values[random_below(sizeof(values) / 4)] : one_in(2) ? random_below(100) : pages_random(rnd);
}

static void
fill(void *data, size_t words)
{
   uint32_t *w = data;
   uint32_t state = pages_random(rnd);
   bool wild = one_in(2);
   for (size_t i = 0; i < words; i++) {
      state = state * 1664525 + 1013904223;
      w[i] = wild ? special() : (state >> 9) | 0x3f000000;
   }
}

/* Runs to the barrier; what is not there comes when it is asked for, and may go again. */
static enum cg_stop
run(struct pages *p, uint64_t budget)
{
   while (cg_wave_instret(p->w) < LONGEST) {
      enum cg_stop stop = cg_wave_run(p->core, p->w, budget);
      unsigned n;
      const struct cg_page_fault *faults = cg_wave_faults(p->w, &n);
      if (stop == CG_STOP_BARRIER || stop == CG_STOP_ERROR)
         return stop;
      if (stop != CG_STOP_FAULT) {
         if (p == jit && one_in(8))
            pages_set(p, random_below(DATA_PAGES), 0);
         continue;
      }
      for (unsigned f = 0; f < n; f++)
         pages_set(p, (unsigned)((faults[f].addr - PAGES_BASE) / CG_PAGE_SIZE) % NUM_PAGES, RWA);
   }
   return CG_STOP_BUDGET;
}

static bool silent;

static bool
same(const char *what, const void *a, const void *b, size_t size, size_t unit)
{
   for (size_t i = 0; i < size; i += unit) {
      if (memcmp((const char *)a + i, (const char *)b + i, unit) == 0)
         continue;
      if (silent)
         return false;
      uint64_t x = 0, y = 0;
      memcpy(&x, (const char *)a + i, unit < 8 ? unit : 8);
      memcpy(&y, (const char *)b + i, unit < 8 ? unit : 8);
      printf("# %s[%zu]: translated %#lx, interpreted %#lx\n", what, i / unit, (unsigned long)x, (unsigned long)y);
      return false;
   }
   return true;
}

/* A wave that ends with an error never looks at its vector registers again. */
static bool
compare(bool vectors)
{
   const struct cg_wave *a = jit->w, *b = plain.w;
   bool ok = same("x", a->x, b->x, 32 * 8, 8) & same("f", a->f, b->f, 32 * 8, 8);
   for (unsigned r = 0; vectors && r < 32; r++) {
      char name[16];
      snprintf(name, sizeof(name), "v%u word ", r);
      ok &= same(name, a->v + 256 * r, b->v + 256 * r, 256, 4);
   }
   ok &= same("vtype", &a->vtype, &b->vtype, 8, 8) & same("vl", &a->vl, &b->vl, 4, 4);
   ok &= same("fflags", &a->fflags, &b->fflags, 1, 1) & same("frm", &a->frm, &b->frm, 1, 1);
   ok &= same("instret", &a->instret, &b->instret, 8, 8) & same("pc", &a->pc, &b->pc, 8, 8);
   ok &= same("memory", jit->mem, plain.mem, DATA_PAGES * CG_PAGE_SIZE, 4);
   ok &= same("lds", jit->lds, plain.lds, sizeof(plain.lds), 4);
   ok &= same("private", jit->w->priv, plain.w->priv, 64 * 128, 4);
   return ok;
}

/* What both begin with. */
static struct {
   struct cg_wave wave;
   uint8_t memory[DATA_PAGES * CG_PAGE_SIZE], perm[DATA_PAGES];
   uint64_t budget;
} start;

static void
make_state(void)
{
   uint64_t *x = start.wave.x;
   fill(start.wave.v, 32 * 64);
   for (unsigned i = 10; i < 32; i++)
      x[i] = one_in(2) ? special() : (uint64_t)pages_random(rnd) << 32 | pages_random(rnd);
   for (unsigned i = 0; i < 32; i++)
      start.wave.f[i] = one_in(8) ? (uint64_t)special() << 32 | special() : ~0ull << 32 | special();
   x[4] = COLIBRI_PRIVATE_BASE + 4 * random_below(34);   /* of 128 bytes a lane */
   x[6] = page_va(0) + 4 * random_below(256);
   x[7] = one_in(3) ? x[6] : page_va(2) + random_below(1024);
   x[8] = one_in(3) ? COLIBRI_LOCAL_BASE + 8 * random_below(32) : x[6] + 64 * random_below(8);
   x[9] = page_va(4) - 4 * random_below(80);
   fill(start.memory, sizeof(start.memory) / 4);
   bool absent = one_in(2);
   for (unsigned i = 0; i < DATA_PAGES; i++)
      start.perm[i] = absent && one_in(2) ? one_in(2) ? CG_PERM_R : 0 : RWA;
   start.budget = one_in(2) ? 1 + random_below(200) : LONGEST;
}

static enum cg_stop
run_from_start(struct pages *p, uint64_t budget)
{
   memcpy(p->mem, start.memory, sizeof(start.memory));
   for (unsigned i = 0; i < DATA_PAGES; i++)
      pages_set(p, i, start.perm[i]);
   pages_program(p, code, length);
   memcpy(p->w->x, start.wave.x, sizeof(start.wave.x));
   memcpy(p->w->f, start.wave.f, sizeof(start.wave.f));
   memcpy(p->w->v, start.wave.v, sizeof(start.wave.v));
   memset(p->lds, 0, sizeof(p->lds));
   memset(p->w->priv, 0, 64 * 128);
   return run(p, budget);
}

/* The program in both, from the same state. */
static bool
agree(bool quiet)
{
   enum cg_stop a = run_from_start(&plain, LONGEST), b = run_from_start(jit, start.budget);
   if (a != b && !quiet)
      printf("# stop: translated %d, interpreted %d, after %lu and %lu\n", b, a, (unsigned long)jit->w->instret,
             (unsigned long)plain.w->instret);
   if (a == CG_STOP_BUDGET || b == CG_STOP_BUDGET)
      return a == b;
   silent = quiet;
   bool ok = compare(a != CG_STOP_ERROR);
   silent = false;
   return a == b && ok;
}

/* Without the instructions that do not matter. */
static void
shrink(void)
{
   static const uint32_t nop = 0x13;
   bool less = true;
   while (less) {
      less = false;
      for (unsigned i = 0; i + 1 < length; i++) {
         uint32_t was = code[i];
         if (was == nop)
            continue;
         code[i] = nop;
         if (agree(true))
            code[i] = was;
         else
            less = true;
      }
   }
}

static bool
try(void)
{
   jit = one_in(3) ? &when_hot : &at_once;
   make_program();
   make_state();
   if (agree(true))
      return true;
   shrink();
   agree(false);
   for (unsigned i = 6; i < 10; i++)
      printf("# x%u %#lx\n", i, (unsigned long)start.wave.x[i]);
   printf("# budget %lu\n", (unsigned long)start.budget);
   for (unsigned i = 0; i < length; i++)
      printf("# .word %#010x\n", code[i]);
   return false;
}

static void
random_programs(void)
{
   setenv("COLIBRI_CORE_JIT", "sync", 1);
   pages_init(&at_once, true);
   setenv("COLIBRI_CORE_JIT", "on", 1);
   pages_init(&when_hot, true);
   setenv("COLIBRI_CORE_JIT", "off", 1);
   pages_init(&plain, true);
   if (!jit->core->jit)
      tap_skipped = "the translator is not built, or the host has no AVX-512";
   for (unsigned i = 0; jit->core->jit && i < programs; i++) {
      plain.seed = seed * 1000003 + i;
      pages_random(&plain);
      bool ok = try();
      if (!ok)
         printf("# program %u of seed %lu\n", i, (unsigned long)seed);
      CHECK(ok);
      if (!ok)
         break;
   }
   pages_fini(&at_once);
   pages_fini(&when_hot);
   pages_fini(&plain);
}

int
main(int argc, char **argv)
{
   static const struct tap_test tests[] = {
      { "random programs", random_programs },
   };
   if (argc > 1)
      programs = (unsigned)atoi(argv[1]);
   if (argc > 2)
      seed = (uint64_t)atoll(argv[2]);
   return tap_main(tests, sizeof(tests) / sizeof(tests[0]));
}
