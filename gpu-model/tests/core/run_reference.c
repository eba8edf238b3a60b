/* SPDX-License-Identifier: MIT */
/*
 * Runs a program of the differential test on the model, and each of its vector
 * instructions on the plain reference too; all state must be equal after it.
 *
 * usage: run_reference VLEN PROGRAM
 */
#include <stdio.h>
#include <stdlib.h>

#include "fpenv.h"
#include "harness.h"
#include "reference.h"

#define WINDOW (1u << 20)   /* memory around the base register that an instruction may touch */

static struct machine m;
static struct ref r;
static uint8_t window[WINDOW];
static uint64_t window_va;
static bool outside;

static uint8_t *
window_byte(struct ref *ref, u64 addr)
{
   static uint8_t nowhere;
   (void)ref;
   if (addr - window_va >= WINDOW) {
      outside = true;
      return &nowhere;
   }
   return &window[addr - window_va];
}

static void
copy_state(void)
{
   struct cg_wave *w = m.wave;
   memcpy(r.x, w->x, sizeof(r.x));
   memcpy(r.f, w->f, sizeof(r.f));
   memcpy(r.v, w->v, 32 * w->vlenb);
   r.vlenb = w->vlenb;
   r.vl = w->vl;
   r.vstart = w->vstart;
   r.vtype = w->vtype;
   r.vxrm = w->vxrm;
   r.vxsat = w->vxsat;
   r.frm = w->frm;
   r.fflags = w->fflags;
   r.mem = window_byte;
}

static bool
differs(const char *name, uint64_t expected, uint64_t got)
{
   if (expected != got)
      printf("%s: expected %#lx, got %#lx\n", name, (unsigned long)expected, (unsigned long)got);
   return expected != got;
}

static bool
compare_state(void)
{
   const struct cg_wave *w = m.wave;
   bool bad = false;
   char name[32];

   for (unsigned i = 1; i < 32; i++) {
      snprintf(name, sizeof(name), "x%u", i);
      bad |= differs(name, r.x[i], w->x[i]);
   }
   for (unsigned i = 0; i < 32; i++) {
      snprintf(name, sizeof(name), "f%u", i);
      bad |= differs(name, r.f[i], w->f[i]);
   }
   for (unsigned i = 0; i < 32 * w->vlenb && !bad; i += 8) {
      uint64_t a, b;
      memcpy(&a, r.v + i, 8);
      memcpy(&b, w->v + i, 8);
      snprintf(name, sizeof(name), "v%u bytes %u..", i / w->vlenb, i % w->vlenb);
      bad |= differs(name, a, b);
   }
   bad |= differs("vl", r.vl, w->vl);
   bad |= differs("vtype", r.vtype, w->vtype);
   bad |= differs("vstart", r.vstart, w->vstart);
   bad |= differs("vxsat", r.vxsat, w->vxsat);
   bad |= differs("fflags", r.fflags, w->fflags);
   return bad;
}

static uint32_t
next_insn(void)
{
   uint32_t insn;
   memcpy(&insn, machine_ptr(&m, cg_wave_pc(m.wave)), sizeof(insn));
   return insn;
}

/* Does the window differ from memory? */
static bool
compare_memory(void)
{
   const uint8_t *mem = machine_ptr(&m, window_va);
   if (memcmp(mem, window, WINDOW) == 0)
      return false;
   for (unsigned i = 0; i < WINDOW; i++) {
      if (mem[i] != window[i]) {
         printf("memory at %#lx: expected %#x, got %#x\n", (unsigned long)(window_va + i), window[i], mem[i]);
         break;
      }
   }
   return true;
}

/* @return false when the two disagree. */
static bool
step_both(uint32_t insn)
{
   bool memory = (insn & 0x7f) != 0x57;
   uint64_t pc = cg_wave_pc(m.wave);

   copy_state();
   if (memory) {
      uint64_t base = r.x[insn >> 15 & 31] & ~7ull;
      window_va = base - WINDOW / 2 < GUEST_BASE || base < WINDOW / 2 ? GUEST_BASE : base - WINDOW / 2;
      memcpy(window, machine_ptr(&m, window_va), WINDOW);
   }
   outside = false;
   bool known = ref_execute(&r, insn);
   enum cg_stop stop = cg_wave_run(m.core, m.wave, 1);
   if (known && !outside && stop == CG_STOP_BUDGET && !compare_state() && !(memory && compare_memory()))
      return true;
   printf("pc %#lx, instruction %08x, vtype %#lx, vl %u%s%s%s\n", (unsigned long)pc, insn, (unsigned long)r.vtype, r.vl,
          known ? "" : ", unknown to the reference", outside ? ", outside its memory" : "",
          stop == CG_STOP_BUDGET ? "" : ", the model stopped");
   return false;
}

static bool
is_vector(uint32_t insn)
{
   unsigned opcode = insn & 0x7f, width = insn >> 12 & 7;
   return opcode == 0x57 || ((opcode == 0x07 || opcode == 0x27) && (width == 0 || width >= 5));
}

int
main(int argc, char **argv)
{
   if (argc != 3) {
      fprintf(stderr, "usage: %s VLEN PROGRAM\n", argv[0]);
      return 99;
   }
   machine_init(&m, (uint32_t)atoi(argv[1]));
   machine_load(&m, argv[2]);
   for (;;) {
      uint32_t insn = next_insn();
      if (insn == 0x73)
         break;
      if (is_vector(insn)) {
         if (!step_both(insn))
            return 1;
      } else if (cg_wave_run(m.core, m.wave, 1) != CG_STOP_BUDGET) {
         printf("the model stopped at pc %#lx\n", (unsigned long)cg_wave_pc(m.wave));
         return 1;
      }
   }
   return 0;
}
