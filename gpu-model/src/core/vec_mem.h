/* SPDX-License-Identifier: MIT */
/*
 * Vector loads and stores.
 */
#ifndef CG_VEC_MEM_H
#define CG_VEC_MEM_H

#include "mem.h"
#include "vec.h"

/** One vector memory instruction. */
struct cg_vmem {
   uint8_t *reg;             /**< data registers */
   unsigned sew;             /**< log2 bytes of an element */
   unsigned nf;              /**< fields of a segment */
   size_t field_step;        /**< bytes between the register groups of two fields */
   unsigned n;               /**< elements: vl, but for mask and whole-register accesses */
   bool store;
   bool masked;
   uint64_t base;
   int64_t stride;           /**< of elements, unless indexed */
   const uint8_t *index;     /**< vs2 or NULL */
   unsigned isew;            /**< log2 bytes of an index */
};

#define CG_VMEM_HANDLERS(X) \
   X(vle) X(vse) X(vlr) X(vsr) X(vlm) X(vsm) X(vleff) X(vlse) X(vsse) X(vlxei) X(vsxei)
CG_VMEM_HANDLERS(CG_VEC_DECLARE)

/** Execute, element by element if need be, and go on or stop. */
const struct cg_op *cg_vmem_run(struct cg_wave *w, const struct cg_op *op, struct cg_vmem *m);

#endif /* CG_VEC_MEM_H */
