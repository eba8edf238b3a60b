/* SPDX-License-Identifier: MIT */
/*
 * Inside of the translator.
 *
 * A region is what can be reached from a hot operation without leaving its
 * page of code.  Between blocks all registers are in struct cg_wave, so every
 * block may be entered from the interpreter, and left to it at any operation.
 *
 * Within a block vector operations are put off (vector.c) and then executed
 * together, 16 lanes at a time, so that what one computes for the next stays
 * in host registers.  Where such a block is left before they ran, replay.c
 * executes what is pending with the interpreter's handlers.
 */
#ifndef CG_JIT_TRANSLATE_H
#define CG_JIT_TRANSLATE_H

#include "asm.h"
#include "jit.h"

#define JIT_SITES   4096
#define JIT_PENDING (16 * 1024)
#define JIT_SLOTS   128
#define JIT_SEGMENTS 64
#define JIT_CODE    (4u << 20)
#define JIT_REGION  (1u << 20)

/**
 * The place that one memory instruction used last: accesses may begin in [base, base + limit), or,
 * where they are counted, in [base, base + counted).
 */
struct jit_site {
   uint64_t base, limit, counted;
   uint64_t host;
   uint32_t *counter;    /**< of the counted ones until the place is looked up again */
   uint16_t size;        /**< bytes of the access */
   uint8_t perm;         /**< CG_PERM_* */
   bool segment;         /**< in cg_jit.segment */
   uint8_t misses;       /**< gathers that were not in one place, one after the other */
};

/** A vector operation that was put off, as replay.c needs it. */
struct jit_pending {
   const struct cg_op *op;
   uint16_t vtype;
   uint16_t value;       /**< slot of the scalar operand ... */
   uint16_t value_from;  /**< ... for exits behind this instruction of the block */
   uint16_t host;        /**< slot of a memory operand's host address */
   bool fp_value;        /**< the operand is in an f register */
   bool memory;
};

/** What generated code reaches through r15. */
struct cg_jit {
   uint64_t small[48];                  /**< -16 .. 31 */
   uint64_t nan[2], sign[2], count_mask[2], two31;
   uint8_t iota8[64];
   uint16_t iota16[64];
   uint32_t iota32[64];
   uint32_t half, lanes;                /**< 32, 64 */
   uint64_t iota64[64];
   uint64_t slot[JIT_SLOTS];            /**< the first one is free for a moment */
   struct jit_site site[JIT_SITES];
   unsigned num_sites;
   struct jit_site *segment[JIT_SEGMENTS];   /**< those of this run's local memory, private memory and stack */
   unsigned num_segments;
   struct jit_pending pending[JIT_PENDING];
   unsigned num_pending;
   struct cg_core *core;
   uint8_t *code;                       /**< JIT_CODE bytes, writable or executable */
   size_t used;
   const struct cg_op *(*enter)(struct cg_wave *w, const uint8_t *block);
   const uint8_t *leave;
   unsigned threshold;
   bool inside;
   struct jit_region *region;           /**< scratch of the translator */
};

/** Of a decoded page: where the translations of its operations begin, and what was the handler. */
struct cg_jit_page {
   const uint8_t *code[CG_SLOTS_PER_PAGE];
   cg_exec_fn fn[CG_SLOTS_PER_PAGE];
};

/* Registers of generated code, the same everywhere. */
#define R_WAVE R12   /* + WAVE_BIAS, so that x registers have short displacements */
#define R_CORE R13
#define R_JIT  R15
#define WAVE_BIAS 128

#define WAVE(field) rm_mem(R_WAVE, (int32_t)offsetof(struct cg_wave, field) - WAVE_BIAS)
#define JIT(field)  rm_mem(R_JIT, (int32_t)offsetof(struct cg_jit, field))

static inline struct cg_operand
rm_x(unsigned r)
{
   return rm_mem(R_WAVE, (int32_t)(offsetof(struct cg_wave, x) + 8 * r) - WAVE_BIAS);
}

static inline struct cg_operand
rm_f(unsigned r)
{
   return rm_mem(R_WAVE, (int32_t)(offsetof(struct cg_wave, f) + 8 * r) - WAVE_BIAS);
}

static inline struct cg_operand
rm_v(unsigned r, unsigned byte)
{
   return rm_mem(R_WAVE, (int32_t)(offsetof(struct cg_wave, v) + CG_MAX_VLENB * r + byte) - WAVE_BIAS);
}

static inline struct cg_operand
rm_slot(unsigned slot)
{
   return rm_mem(R_JIT, (int32_t)(offsetof(struct cg_jit, slot) + 8 * slot));
}

static inline struct cg_operand
rm_small(int64_t v)
{
   return rm_mem(R_JIT, (int32_t)(offsetof(struct cg_jit, small) + 8 * (v + 16)));
}

#define MAX_INSNS  1024
#define MAX_JUMPS  4096
#define MAX_STUBS  4096
#define MAX_PUT_OFF 96
#define MAX_PATH   160
/* What is put off is emitted once more where a path may be left. */
#define MAX_TWICE  32
#define MAX_MEMORY 12
/* The first host addresses of what is put off are in registers that calls leave alone. */
#define HOST_REGS  3
#define NO_VTYPE   (-1)

/** One instruction of a region. */
struct jit_insn {
   uint16_t slot;
   bool leader;
   bool head;              /**< of a loop, or where the region was entered */
   bool exit;              /**< the interpreter executes it */
   struct cg_op op;        /**< branch targets in bytes */
   uint32_t use, def;      /**< vector registers */
   uint32_t live;          /**< those that somebody may want afterwards */
   uint32_t live_in;       /**< leaders: the same in front of it */
   int16_t vtype;          /**< in front of it; what is expected, unless sure */
   bool sure;              /**< leaders: whoever comes from the region has that vtype ... */
   bool lanes;             /**< ... or at least one of 64 lanes */
};

/** What a deferred vector operation does. */
enum vkind {
   V_NONE, V_BIN, V_SHIFT, V_MAC, V_CMP, V_MOVE, V_MERGE, V_EXTEND, V_IOTA, V_COPY, V_LOGIC,
   V_FBIN, V_FMA, V_FSQRT, V_FMINMAX, V_FCMP, V_FSIGN, V_FCVT, V_LOAD, V_STORE, V_PERMUTE,
};

enum { VF_REVERSE = 1, VF_SUB = 2, VF_ADD_VS2 = 4, VF_TO_INT = 8, VF_UNSIGNED = 16, VF_WHOLE = 32 };

/** jit_vop.imm of V_LOGIC is the low part of funct6; that of vmand: */
enum { VL_AND = 1 };

/** A vector operation that was put off. */
struct jit_vop {
   uint8_t kind, flags, imm;
   uint8_t rd, rs1, rs2;
   uint8_t eew, aeew;      /**< of the result, and of vs2 where it differs */
   bool masked;
   bool b_reg;             /**< vs1 is a register, else: */
   struct cg_operand b;         /**< the scalar operand */
   uint32_t opc;
   uint8_t x, f;           /**< registers whose value at this time is meant, or 0xff */
   uint16_t value;         /**< slot that has the operand from the beginning, 0: none */
   uint16_t host, bytes;
   uint8_t host_reg;       /**< register that has the host address instead of the slot, 0: none */
   unsigned pending;       /**< index in cg_jit.pending */
};

enum stub_kind { STUB_EXIT, STUB_RESULT, STUB_SITE, STUB_FMA };

/** Code out of the way. */
struct jit_stub {
   enum stub_kind kind;
   uint8_t *at, *back;
   const struct cg_op *op;
   uint16_t uncount;       /**< instructions that were counted and are not executed */
   uint16_t index;         /**< of the instruction in its block */
   unsigned first, num;    /**< pending operations */
   int vtype;              /**< that is to be set, or NO_VTYPE */
   uint16_t host[HOST_REGS];   /**< slots of the host addresses that are in registers, 0: none */
   unsigned site;
   /* STUB_FMA */
   struct cg_operand p, q;
   bool q_broadcast, wide;
   uint8_t result, mask;
};

struct jit_region {
   struct cg_asm a;
   struct cg_jit *jit;
   struct cg_code_page *page;
   struct jit_insn insn[MAX_INSNS];
   struct jit_insn sorted[MAX_INSNS];
   unsigned num_insns;
   bool seen[MAX_INSNS];
   /* An instruction is put there once, and again when it is less sure, and when it has fewer lanes. */
   uint16_t stack[3 * MAX_INSNS + 1];
   int16_t by_slot[CG_SLOTS_PER_PAGE + 1];   /**< index into insn, -1 */
   const uint8_t *label[MAX_INSNS];
   struct { uint8_t *at; unsigned target; } jump[MAX_JUMPS];
   unsigned num_jumps;
   struct jit_stub stub[MAX_STUBS];
   unsigned num_stubs;
   struct jit_stub nowhere;                  /**< what no longer fits */
   bool failed;

   /* the block: instructions that follow each other, and the one that is being translated */
   uint16_t path[MAX_PATH];
   unsigned path_length, pos, cur;
   int vtype;              /**< known to apply, or NO_VTYPE */
   int vtype_memory;       /**< the one in struct cg_wave */
   int expected;           /**< NO_VTYPE, or what a check will establish */
   bool rm_checked;
   bool from_start;        /**< vstart is known to be 0, also where vtype is not */
   int acc;                /**< x register whose value is in rax, -1 */
   uint32_t boxed;         /**< f registers that hold a single */

   /* what was put off */
   struct jit_vop vop[MAX_PUT_OFF];
   unsigned num_vops, first_pending, num_slots, num_memory;
   bool stores;
   uint8_t view[32], zmm[32], kreg[32];
   uint32_t e_loaded, e_written, m_loaded, m_written;
   uint32_t pinned;        /**< registers of which all slices read the memory: not written meanwhile */
   unsigned num_zmm, num_k;
};

/* translate.c */
enum jit_result { JIT_DONE, JIT_NOTHING, JIT_FULL };
enum jit_result jit_translate(struct cg_jit *jit, struct cg_wave *w, struct cg_code_page *page, unsigned slot);
void jit_stub_exit(struct jit_region *t, uint8_t *at);
struct jit_stub *jit_stub_fma(struct jit_region *t, uint8_t *at);
/** Calls the handler of the current instruction and goes on, or leaves; @site: that of a gather or scatter. */
void jit_call_handler(struct jit_region *t, bool site);
/** The vtype that is known goes to struct cg_wave. */
void jit_vtype_to_memory(struct jit_region *t);
/** Host address of the access at va in rax to rcx. */
void jit_address(struct jit_region *t, unsigned size, uint32_t perm);

static inline const struct cg_op *
jit_op(const struct jit_region *t, unsigned insn)
{
   return &t->page->ops[t->insn[insn].slot];
}

/** Registers of 64 elements, as bits: those of 64 bits come in pairs. */
static inline uint32_t
jit_group(unsigned reg, unsigned eew)
{
   return (eew == 3 ? 3u : 1u) << reg;
}

/** Of a V_SHIFT: by a number that the instruction has. */
static inline bool
jit_shift_is_constant(const struct jit_vop *v)
{
   return !v->b_reg && v->x == 0xff && v->b.reg == R_JIT && v->b.disp < rm_slot(0).disp;
}

static inline unsigned
jit_shift_amount(const struct jit_vop *v)
{
   return (unsigned)((v->b.disp - rm_small(0).disp) / 8) & ((8u << v->eew) - 1);
}

/** Vector registers that are wanted in front of the current instruction. */
static inline uint32_t
jit_live_before(const struct jit_region *t)
{
   const struct jit_insn *i = &t->insn[t->cur];
   return i->use | (i->live & ~i->def);
}

/* region.c */
/** Finds the instructions from @slot on, and what is known about them. @return how many */
unsigned jit_discover(struct jit_region *t, unsigned slot, int vtype);
/** Slots of a branch's target and of what follows an instruction; CG_SLOTS_PER_PAGE: outside of the page. */
unsigned jit_target(const struct jit_insn *i);
unsigned jit_next(const struct jit_insn *i);
/** The instructions of the block that begins with @first go to t->path; behind heads as far as branches are foreseen. */
void jit_make_path(struct jit_region *t, unsigned first);
bool jit_is_vsetvli(const struct cg_op *op);
bool jit_is_plain_csr(const struct cg_op *op);
/** May vtype, vl or vstart be different afterwards (vsetvli has rules of its own)? */
bool jit_changes_vtype(const struct cg_op *op);

/* scalar.c */
/** Emits the current instruction if it knows how. */
bool jit_scalar(struct jit_region *t, const struct cg_op *op);
/** A branch: jumps if taken. @return condition code for its compare, which was emitted */
unsigned jit_compare(struct jit_region *t, const struct cg_op *op);
bool jit_is_branch(const struct cg_op *op);
/** Before an x or f register is written: those who were put off keep its value. */
void jit_keep_x(struct jit_region *t, unsigned r);
void jit_keep_f(struct jit_region *t, unsigned r);

/** The register of the N-th host address. */
extern const uint8_t jit_host_reg[HOST_REGS];

/* vector.c: putting off */
/** Puts off the current instruction if it knows how; of whole registers also while no vtype is known. */
bool jit_vector(struct jit_region *t, const struct cg_op *op);
/** Which vector registers an instruction reads and completely writes. */
void jit_vector_effects(struct jit_region *t, struct jit_insn *i);
bool jit_is_vector(const struct cg_op *op);
bool jit_is_gather(const struct cg_op *op, unsigned vtype);
/** vtype of 64 lanes: SEW/LMUL is 32. */
bool jit_vtype_ok(const struct jit_region *t, int64_t vtype);
/** Is it an access of whole registers of 64 lanes, which is the same with any vtype and vl? */
bool jit_is_whole(const struct jit_region *t, const struct cg_op *op);
/** Makes sure of the expected vtype; false when none is. */
bool jit_need_vtype(struct jit_region *t);

/* lanes.c */
void jit_begin_lanes(struct jit_region *t);
/** Executes what was put off, which stays so for other ways out of the block. */
void jit_emit_lanes(struct jit_region *t, uint32_t live);
/** Executes what was put off; of the vector registers those of @live are wanted afterwards. */
void jit_flush(struct jit_region *t, uint32_t live);

/* rotate.c */
/** The vor @v, about to be put off, becomes a rotation if it is the last part of one. */
void jit_make_rotation(const struct jit_region *t, struct jit_vop *v);
/** Does nobody read what operation @i computes? @live: registers that are wanted behind all of them */
bool jit_is_dead(const struct jit_region *t, unsigned i, uint32_t live);

/* replay.c */
void jit_replay(struct cg_wave *w, unsigned first, unsigned num, unsigned index, int vtype);
uint8_t *jit_site_fill(struct cg_wave *w, struct jit_site *site, uint64_t va);
const struct cg_op *jit_call(struct cg_wave *w, const struct cg_op *op);

/* gather.c */
const struct cg_op *jit_gather(struct cg_wave *w, const struct cg_op *op, struct jit_site *site);
void jit_move(bool store, uint64_t address, uint8_t *reg, const uint64_t *at, uint64_t bits);

/* private.c */
bool jit_private(struct cg_wave *w, const struct cg_op *op, const uint64_t *index, uint64_t base, uint64_t bits);

#endif /* CG_JIT_TRANSLATE_H */
