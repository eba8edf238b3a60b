/* SPDX-License-Identifier: MIT */
/*
 * A machine around one core for the tests: flat guest memory, a translate()
 * that hands it out, and a loader for static RISC-V programs.
 */
#ifndef CG_TEST_HARNESS_H
#define CG_TEST_HARNESS_H

#include "core_priv.h"

#define GUEST_BASE 0x10000ull
#define GUEST_SIZE (256u << 20)

struct machine {
   uint8_t *mem;                 /**< [GUEST_BASE, GUEST_BASE + GUEST_SIZE) */
   struct cg_core_config cfg;
   struct cg_core *core;
   struct cg_wave *wave;
   struct cg_group group;
   uint8_t lds[4096];
};

/** All memory mapped with all rights; @vlen in bits. */
void machine_init(struct machine *m, uint32_t vlen);
void machine_fini(struct machine *m);

/** Load an ELF file and reset the wave to its entry; exits when it cannot. */
void machine_load(struct machine *m, const char *path);
/** Reset the wave to @entry. */
void machine_start(struct machine *m, uint64_t entry);

static inline void *
machine_ptr(struct machine *m, uint64_t va)
{
   return m->mem + (va - GUEST_BASE);
}

/** Stopped at an ecall, with which the test programs end? */
bool machine_at_ecall(struct machine *m, enum cg_stop stop);

#endif
