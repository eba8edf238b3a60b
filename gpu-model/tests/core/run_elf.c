/* SPDX-License-Identifier: MIT */
/*
 * Runs a static RISC-V program of the tests on the model: up to its first
 * ecall, which is taken for write(1, a1, a2) and exit.
 *
 * usage: run_elf VLEN PROGRAM
 */
#include <stdio.h>
#include <stdlib.h>

#include "harness.h"

int
main(int argc, char **argv)
{
   static struct machine m;
   if (argc != 3) {
      fprintf(stderr, "usage: %s VLEN PROGRAM\n", argv[0]);
      return 99;
   }
   machine_init(&m, (uint32_t)atoi(argv[1]));
   machine_load(&m, argv[2]);

   enum cg_stop stop = cg_wave_run(m.core, m.wave, 1ull << 40);
   if (!machine_at_ecall(&m, stop)) {
      struct cg_wave_error e = cg_wave_error(m.wave);
      unsigned n;
      const struct cg_page_fault *f = cg_wave_faults(m.wave, &n);
      fprintf(stderr, "stop %d, error %u at pc %#lx, address %#lx, %u faults%s%#lx\n", stop, e.code,
              (unsigned long)cg_wave_pc(m.wave), (unsigned long)e.addr, n, n ? ", first at " : "",
              n ? (unsigned long)f[0].addr : 0);
      return 1;
   }
   const uint64_t *x = m.wave->x;
   if (x[11] < GUEST_BASE || x[11] + x[12] > GUEST_BASE + GUEST_SIZE)
      return 1;
   fwrite(machine_ptr(&m, x[11]), 1, x[12], stdout);
   machine_fini(&m);
   return 0;
}
