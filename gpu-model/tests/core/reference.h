/* SPDX-License-Identifier: MIT */
/*
 * A plain vector unit: one element at a time, written from the V extension's
 * text and independent of src/core.  It is what the fast one is compared with
 * at VLEN 2048, where QEMU cannot follow.
 */
#ifndef CG_TEST_REFERENCE_H
#define CG_TEST_REFERENCE_H

#include <stdbool.h>
#include <stdint.h>

typedef uint64_t u64;
typedef int64_t i64;
typedef __int128 i128;

struct ref {
   u64 x[32], f[32];
   uint8_t v[32 * 256];
   uint8_t old[32 * 256];       /* the registers before the instruction: all sources are read here */
   unsigned vlenb, vl, vstart;
   u64 vtype;
   unsigned vxrm, vxsat, frm, fflags;
   uint8_t *(*mem)(struct ref *r, u64 addr);   /* one byte of memory */
   void *priv;

   /* of the running instruction */
   uint32_t insn;
   unsigned sew;                /* bits */
   int lmul;                    /* log2 */
};

/** Executes @insn.  @return false if it is no vector instruction that this reference knows. */
bool ref_execute(struct ref *r, uint32_t insn);

u64 ref_get(const struct ref *r, unsigned reg, unsigned i, unsigned bits);
void ref_set(struct ref *r, unsigned reg, unsigned i, unsigned bits, u64 v);
bool ref_active(const struct ref *r, unsigned i);
bool ref_mask_bit(const struct ref *r, unsigned reg, unsigned i);
void ref_set_mask(struct ref *r, unsigned reg, unsigned i, bool v);

/* reference_fp.c */
bool ref_execute_fp(struct ref *r);
u64 ref_unbox(u64 f, unsigned bits);

#endif
