/* SPDX-License-Identifier: MIT */
/*
 * Inside of the cores: the wave's state, decoded instructions and the pieces
 * that decode, memory access and execution share.
 *
 * The path of an instruction: core.c finds the decoded code page of the pc and
 * calls one handler after another; decode*.c turns machine code into struct
 * cg_op on first execution; exec_*.c and vec_*.c hold the handlers; mem.c
 * translates addresses for them.  A handler returns the next operation, or
 * NULL when the wave stops (wave->stop and wave->pc then say why and where).
 */
#ifndef CG_CORE_PRIV_H
#define CG_CORE_PRIV_H

#include <stdatomic.h>
#include <string.h>

#include "core.h"

#define likely(x)   __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)

#define CG_PAGE_SHIFT 12
#define CG_PAGE_SIZE  4096u
#define CG_PAGE_MASK  (CG_PAGE_SIZE - 1)
#define CG_HOT_SHIFT  16

#define CG_MAX_VLENB   256
/** Bytes of the vector registers that a kernel handles at a time. */
#define CG_CHUNK       256
/** Elements of the longest vector: LMUL 8, SEW 8. */
#define CG_MAX_VLMAX   (8 * CG_MAX_VLENB)
#define CG_LANES       (COLIBRI_WAVE_LANES)

/** Slot of cg_wave.x that takes the writes to x0. */
#define CG_XZERO_SINK 32

struct cg_op;
struct cg_vinfo;

/** Executes one operation; returns the next one, NULL when the wave stops. */
typedef const struct cg_op *(*cg_exec_fn)(struct cg_wave *w, const struct cg_op *op);

/**
 * A kernel computes one chunk of a vector operation for all its lanes.
 * @a is vs2, @b is vs1 or the splat scalar, @c the old destination (multiply-add)
 * or the carry/select bits.
 */
typedef void (*cg_vkern)(struct cg_wave *w, void *d, const void *a, const void *b, const void *c);

/** One decoded instruction. */
struct cg_op {
   cg_exec_fn fn;
   int64_t imm;
   union {
      const struct cg_vinfo *vinfo; /**< vector arithmetic */
      cg_exec_fn inner;             /**< behind a wrapper (static rounding mode) */
   };
   cg_vkern kern;                   /**< vector arithmetic, for the SEW of cfg */
   uint8_t rd, rs1, rs2, rs3;
   uint8_t len;                     /**< in half-words */
   uint8_t vm;                      /**< vector: 1 unmasked */
   uint8_t form;                    /**< enum cg_vform, or a width */
   uint8_t rm;                      /**< static rounding mode; vector memory: nf */
   uint16_t cfg;                    /**< vector: the vcfg that was checked to be legal; branches: CG_BRANCH_* seen */
   uint16_t fast;                   /**< vector: the vfull for which the fast handler applies */
   uint32_t insn;
};

/** Which ways a branch went. */
enum { CG_BRANCH_TAKEN = 1, CG_BRANCH_NOT = 2 };

/** Vector operand forms. */
enum cg_vform { CG_VV, CG_VX, CG_VI, CG_VF };

#define CG_SLOTS_PER_PAGE (CG_PAGE_SIZE / 2)

/** Decoded code of one 4 KiB page; a slot per half-word, two more for what lies behind its end. */
struct cg_code_page {
   uint64_t va;
   uint32_t asid;
   const uint8_t *host;
   bool straddles;      /**< an instruction reaches into the next page */
   struct cg_jit_page *jit;             /**< its translations, or NULL */
   uint8_t heat[CG_SLOTS_PER_PAGE];     /**< how often loops and kernels began here */
   struct cg_op ops[CG_SLOTS_PER_PAGE + 2];
};

/** In a TLB entry, beside what the page table gives: accesses are counted. */
#define CG_PERM_COUNTED 0x8000

/** TLB entry: one 4 KiB page.  tag 0 is invalid. */
struct cg_tlb_entry {
   uint64_t tag;
   uint8_t *host;
   uint16_t perm;   /**< CG_PERM_* */
   uint16_t sys;
   uint32_t left;   /**< CG_PERM_COUNTED: accesses until hot.c hears of them */
};

/** Large translations, which refill the entries above. */
struct cg_tlb_extent {
   uint64_t tag;
   struct cg_xlate x;
   uint32_t left;   /**< the same for accesses that need no entry; 0: they are not counted */
};

/** Access counter of 64 KiB of system memory.  tag 0 is invalid. */
struct cg_hot_region {
   uint64_t tag;
   uint32_t count;
   uint32_t limit;  /**< that is reported */
};

#define CG_TLB_ENTRIES  512
#define CG_TLB_EXTENTS  64
#define CG_HOT_REGIONS  256
#define CG_CODE_PAGES   64

struct cg_core {
   struct cg_core_config cfg;
   const struct cg_isa *isa;
   _Atomic uint32_t stop;
   struct cg_tlb_entry tlb[CG_TLB_ENTRIES];
   bool has_extents;                   /**< any of the following is valid */
   struct cg_tlb_extent ext64k[CG_TLB_EXTENTS];
   struct cg_tlb_extent ext2m[CG_TLB_EXTENTS];
   bool counting;                      /**< any of the following is valid */
   struct cg_hot_region hot[CG_HOT_REGIONS];
   struct cg_code_page *code[CG_CODE_PAGES];
   struct cg_jit *jit;                 /**< NULL: all is interpreted */
};

/** Index into cg_core.code. */
static inline unsigned
cg_code_slot(uint32_t asid, uint64_t va)
{
   uint64_t n = va >> CG_PAGE_SHIFT;
   return (n ^ n >> 6 ^ asid * 37) % CG_CODE_PAGES;
}

/** Progress of an interrupted vector memory instruction. */
struct cg_restart {
   bool active;
   bool saved_index;                   /**< index[] holds vs2, since vd overlaps it */
   uint64_t done[CG_MAX_VLMAX / 64 + 8];
   uint8_t index[CG_MAX_VLMAX];
};

struct cg_wave {
   uint64_t x[33];
   uint64_t f[32];
   uint64_t pc;
   struct cg_core *core;               /**< while running */
   const struct cg_code_page *page;    /**< of the operation that runs */
   const struct cg_group *group;
   uint32_t asid;
   uint32_t wave_in_wg;
   enum cg_stop stop;

   /* vector configuration; vec_config.c derives the rest from vtype, vl and vstart */
   uint64_t vtype;
   uint32_t vlenb;
   uint32_t vl, vlmax, vstart;
   uint16_t vcfg;                      /**< 1 + vtype[5:0], CG_VCFG_ILL when vill */
   uint16_t vfull;                     /**< vcfg, if whole registers of VLEN 2048 with all lanes are meant */
   uint16_t vfull_fp;                  /**< the same, if the host can round as rm asks */
   uint32_t lanes;                     /**< vtype, if an element for each lane is meant, each in its place */
   uint8_t sew;                        /**< log2 bytes */
   int8_t lmul;                        /**< log2 */
   uint8_t vxrm, vxsat;

   uint8_t frm;
   uint8_t rm;                         /**< effective mode: frm, or an instruction's static mode */
   uint8_t fflags;                     /**< beside those in the host's status word */

   uint64_t instret;
   uint64_t left;                      /**< instructions that this run may still execute */
   uint64_t resv_addr, resv_value;     /**< LR/SC; addr ~0: none */
   uint8_t *priv, *stack;
   size_t priv_cap, stack_cap;
   uint32_t private_size, stack_size;

   struct cg_wave_error error;
   unsigned num_faults, num_blocked;
   bool defer_all;                     /**< no room to note more: nothing else in this pass */
   struct cg_page_fault faults[CG_MAX_FAULTS];
   uint64_t blocked[CG_MAX_FAULTS];    /**< resident pages of elements that wait for another page */
   struct cg_restart restart;

   /* Kernels may read up to a chunk beyond the last register. */
   uint8_t v[32 * CG_MAX_VLENB + CG_CHUNK] __attribute__((aligned(64)));
};

#define CG_VCFG_ILL  0x00ff
#define CG_NEVER     0xffff   /**< vfull that matches no operation */
#define CG_NOT_FAST  0xfffe   /**< fast that matches no vfull */

static inline uint8_t *
cg_vreg(struct cg_wave *w, unsigned reg)
{
   return w->v + reg * w->vlenb;
}

static inline uint64_t
cg_op_pc(const struct cg_wave *w, const struct cg_op *op)
{
   return w->page->va + 2 * (uint64_t)(op - w->page->ops);
}

/* core.c: leaving the straight line.  All return what a handler returns. */

/** Go on at @pc, in whatever page that is. */
const struct cg_op *cg_goto(struct cg_wave *w, uint64_t pc);
/** Stop before @op; it is to be executed again. */
const struct cg_op *cg_stop_fault(struct cg_wave *w, const struct cg_op *op);
/** Stop with wave->error as set by the memory access of @op. */
const struct cg_op *cg_stop_error(struct cg_wave *w, const struct cg_op *op);
const struct cg_op *cg_illegal(struct cg_wave *w, const struct cg_op *op);
/** Forget all decoded code of an ASID. */
void cg_code_inv(struct cg_core *core, uint32_t asid, uint64_t va, uint64_t size);

/* decode.c */

/** Handler of an operation that was not decoded yet. */
const struct cg_op *cg_exec_undecoded(struct cg_wave *w, const struct cg_op *op);
/** Decodes the instruction at a slot; false: it goes on in the next page. */
bool cg_decode_slot(struct cg_code_page *page, unsigned slot);
/** Handler of the slots behind a page's end. */
const struct cg_op *cg_exec_page_end(struct cg_wave *w, const struct cg_op *op);
/** The 32-bit form of a compressed instruction, 0 when it is illegal. */
uint32_t cg_rvc_expand(uint16_t c);
/** Fill in @op for @insn; what is not an instruction gets cg_illegal. */
void cg_decode(struct cg_op *op, uint32_t insn);
void cg_decode_fp(struct cg_op *op, uint32_t insn);
void cg_decode_vector(struct cg_op *op, uint32_t insn);
void cg_decode_vmem(struct cg_op *op, uint32_t insn);

/* exec_csr.c: current value of the CSRs that live in several places */
uint32_t cg_fflags_get(const struct cg_wave *w);

/* vec_config.c */
void cg_vcfg_update(struct cg_wave *w);
void cg_vtype_set(struct cg_wave *w, uint64_t vtype, uint64_t avl);

static inline uint32_t
cg_bits(uint32_t v, unsigned lo, unsigned n)
{
   return (v >> lo) & ((1u << n) - 1);
}

#endif /* CG_CORE_PRIV_H */
