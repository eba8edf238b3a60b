/* SPDX-License-Identifier: MIT */
/*
 * A core with memory whose pages come and go, for the tests of restart.
 */
#ifndef CG_TEST_PAGES_H
#define CG_TEST_PAGES_H

#include "encode.h"

#define NUM_PAGES  4096u
#define PAGES_BASE 0x40000000ull
/** The code has a page of its own, always there. */
#define CODE_VA    0x1000ull

struct pages {
   struct cg_core_config cfg;
   struct cg_core *core;
   struct cg_wave *w;
   struct cg_group group;
   uint8_t *mem;
   uint8_t perm[NUM_PAGES];        /**< 0: not resident */
   unsigned resident[NUM_PAGES], num_resident;   /**< oldest first, for tests that evict */
   bool sys[NUM_PAGES];
   bool bus[NUM_PAGES];
   /** Pages come in 64 KiB; large_at: where in @mem those are, in 64 KiB */
   bool large;
   uint8_t large_at[NUM_PAGES / 16];
   uint8_t code[8192];
   uint8_t code_perm[2];
   uint8_t lds[1024];
   uint64_t seed;
};

void pages_init(struct pages *p, bool sys_atomics);
void pages_fini(struct pages *p);
/** All pages get @perm, and the TLB forgets. */
void pages_set_all(struct pages *p, uint8_t perm);
void pages_set(struct pages *p, unsigned page, uint8_t perm);
/** Fresh wave that runs @n instructions and ENDW; vtype and vl are set by the first if it is a vsetvli. */
void pages_program(struct pages *p, const uint32_t *insn, unsigned n);
uint32_t pages_random(struct pages *p);

static inline uint64_t
page_va(unsigned page)
{
   return PAGES_BASE + (uint64_t)page * CG_PAGE_SIZE;
}

static inline void *
page_ptr(struct pages *p, unsigned page, unsigned offset)
{
   return p->mem + (size_t)page * CG_PAGE_SIZE + offset;
}

/** TAP: a failed check names itself and counts. */
extern unsigned tap_failures;
/** A test sets why it cannot be run here. */
extern const char *tap_skipped;
void tap_check(bool ok, const char *file, int line, const char *what);
#define CHECK(cond) tap_check(cond, __FILE__, __LINE__, #cond)

struct tap_test {
   const char *name;
   void (*run)(void);
};

/** Runs all and prints TAP; the exit status. */
int tap_main(const struct tap_test *tests, unsigned n);

#endif
