/* SPDX-License-Identifier: MIT */
/*
 * Scalar loads, stores and the A extension.
 */
#include "exec.h"
#include "mem.h"

#define LOAD(name, type, file, convert) \
   CG_HANDLER(name) \
   { \
      uint64_t va = w->x[op->rs1] + op->imm; \
      uint8_t *host = cg_mem_fast(w, va, sizeof(type), CG_PERM_R); \
      type v = 0; \
      if (likely(host)) { \
         memcpy(&v, host, sizeof(v)); \
      } else { \
         enum cg_mem_result r = cg_mem_copy(w, va, &v, sizeof(v), false); \
         if (r != CG_MEM_OK) \
            return cg_mem_stop(w, op, r); \
      } \
      w->file[op->rd] = convert; \
      return op + op->len; \
   }

#define STORE(name, type, file) \
   CG_HANDLER(name) \
   { \
      uint64_t va = w->x[op->rs1] + op->imm; \
      uint8_t *host = cg_mem_fast(w, va, sizeof(type), CG_PERM_W); \
      type v = (type)w->file[op->rs2]; \
      if (likely(host)) { \
         memcpy(host, &v, sizeof(v)); \
      } else { \
         enum cg_mem_result r = cg_mem_copy(w, va, &v, sizeof(v), true); \
         if (r != CG_MEM_OK) \
            return cg_mem_stop(w, op, r); \
      } \
      return op + op->len; \
   }

LOAD(lb, int8_t, x, (uint64_t)(int64_t)v)
LOAD(lh, int16_t, x, (uint64_t)(int64_t)v)
LOAD(lw, int32_t, x, (uint64_t)(int64_t)v)
LOAD(ld, uint64_t, x, v)
LOAD(lbu, uint8_t, x, v)
LOAD(lhu, uint16_t, x, v)
LOAD(lwu, uint32_t, x, v)
LOAD(flh, uint16_t, f, v | ~0xffffull)
LOAD(flw, uint32_t, f, v | ~0xffffffffull)
LOAD(fld, uint64_t, f, v)

STORE(sb, uint8_t, x)
STORE(sh, uint16_t, x)
STORE(sw, uint32_t, x)
STORE(sd, uint64_t, x)
STORE(fsh, uint16_t, f)
STORE(fsw, uint32_t, f)
STORE(fsd, uint64_t, f)

#define LR(name, type) \
   CG_HANDLER(name) \
   { \
      uint64_t va = w->x[op->rs1]; \
      struct cg_atomic a; \
      enum cg_mem_result r = cg_mem_atomic_begin(w, va, sizeof(type), &a); \
      if (r != CG_MEM_OK) \
         return cg_mem_stop(w, op, r); \
      type v = __atomic_load_n((type *)a.word, __ATOMIC_SEQ_CST); \
      cg_mem_atomic_end(&a); \
      w->resv_addr = va; \
      w->resv_value = (uint64_t)(int64_t)v; \
      w->x[op->rd] = (uint64_t)(int64_t)v; \
      return op + op->len; \
   }

LR(lr_w, int32_t)
LR(lr_d, int64_t)

/* The reservation is the value read: SC succeeds when the word still holds it. */
#define SC(name, type) \
   CG_HANDLER(name) \
   { \
      uint64_t va = w->x[op->rs1]; \
      struct cg_atomic a; \
      enum cg_mem_result r = cg_mem_atomic_begin(w, va, sizeof(type), &a); \
      if (r != CG_MEM_OK) \
         return cg_mem_stop(w, op, r); \
      type expected = (type)w->resv_value; \
      bool ok = w->resv_addr == va && \
                __atomic_compare_exchange_n((type *)a.word, &expected, (type)w->x[op->rs2], false, \
                                            __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST); \
      cg_mem_atomic_end(&a); \
      w->resv_addr = ~0ull; \
      w->x[op->rd] = !ok; \
      return op + op->len; \
   }

SC(sc_w, int32_t)
SC(sc_d, int64_t)

#define AMO_HEAD(type) \
   struct cg_atomic a; \
   enum cg_mem_result r = cg_mem_atomic_begin(w, w->x[op->rs1], sizeof(type), &a); \
   if (r != CG_MEM_OK) \
      return cg_mem_stop(w, op, r); \
   type b = (type)w->x[op->rs2]; \
   type *p = a.word

#define AMO(name, type, builtin) \
   CG_HANDLER(name) \
   { \
      AMO_HEAD(type); \
      type old = builtin(p, b, __ATOMIC_SEQ_CST); \
      cg_mem_atomic_end(&a); \
      w->x[op->rd] = (uint64_t)(int64_t)old; \
      return op + op->len; \
   }

#define AMO_SELECT(name, type, stype, cmp) \
   CG_HANDLER(name) \
   { \
      AMO_HEAD(type); \
      type old = __atomic_load_n(p, __ATOMIC_RELAXED); \
      while (!__atomic_compare_exchange_n(p, &old, old cmp b ? old : b, true, \
                                          __ATOMIC_SEQ_CST, __ATOMIC_RELAXED)) \
         ; \
      cg_mem_atomic_end(&a); \
      w->x[op->rd] = (uint64_t)(int64_t)(stype)old; \
      return op + op->len; \
   }

#define AMOS(sfx, type, utype) \
   AMO(amoswap_##sfx, type, __atomic_exchange_n) \
   AMO(amoadd_##sfx, type, __atomic_fetch_add) \
   AMO(amoxor_##sfx, type, __atomic_fetch_xor) \
   AMO(amoand_##sfx, type, __atomic_fetch_and) \
   AMO(amoor_##sfx, type, __atomic_fetch_or) \
   AMO_SELECT(amomin_##sfx, type, type, <) \
   AMO_SELECT(amomax_##sfx, type, type, >) \
   AMO_SELECT(amominu_##sfx, utype, type, <) \
   AMO_SELECT(amomaxu_##sfx, utype, type, >)

AMOS(w, int32_t, uint32_t)
AMOS(d, int64_t, uint64_t)
