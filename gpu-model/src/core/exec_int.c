/* SPDX-License-Identifier: MIT */
/*
 * Integer instructions (I, M, Zba, Zbb), branches and the control instructions.
 */
#include "../jit/jit.h"
#include "exec.h"
#include "mem.h"

typedef int64_t i64;
typedef uint64_t u64;
typedef int32_t i32;
typedef uint32_t u32;

#define RR(name, expr) \
   CG_HANDLER(name) \
   { \
      u64 a = w->x[op->rs1], b = w->x[op->rs2]; \
      w->x[op->rd] = (u64)(i64)(expr); \
      return op + op->len; \
   }

#define RI(name, expr) \
   CG_HANDLER(name) \
   { \
      u64 a = w->x[op->rs1]; \
      i64 b = op->imm; \
      (void)b; \
      w->x[op->rd] = (u64)(i64)(expr); \
      return op + op->len; \
   }

static u64
rol64(u64 a, unsigned n)
{
   return a << (n & 63) | a >> (-n & 63);
}

static u32
rol32(u32 a, unsigned n)
{
   return a << (n & 31) | a >> (-n & 31);
}

static u64
mulhu(u64 a, u64 b)
{
   return (u64)((unsigned __int128)a * b >> 64);
}

static u64
mulh(i64 a, i64 b)
{
   return (u64)((__int128)a * b >> 64);
}

/* Division by zero and overflow have results of their own, no traps. */
static i64
div64(i64 a, i64 b)
{
   return b == 0 ? -1 : b == -1 ? (i64)-(u64)a : a / b;
}

static i64
rem64(i64 a, i64 b)
{
   return b == 0 ? a : b == -1 ? 0 : a % b;
}

static i32
div32(i32 a, i32 b)
{
   return b == 0 ? -1 : b == -1 ? (i32)-(u32)a : a / b;
}

static i32
rem32(i32 a, i32 b)
{
   return b == 0 ? a : b == -1 ? 0 : a % b;
}

static u64
orc_b(u64 a)
{
   a |= a >> 1 & 0x7f7f7f7f7f7f7f7full;
   a |= a << 1 & 0xfefefefefefefefeull;
   a |= a >> 2 & 0x3f3f3f3f3f3f3f3full;
   a |= a << 2 & 0xfcfcfcfcfcfcfcfcull;
   a |= a >> 4 & 0x0f0f0f0f0f0f0f0full;
   a |= a << 4 & 0xf0f0f0f0f0f0f0f0ull;
   return a;
}

RR(add, a + b)
RR(sub, a - b)
RR(sll, a << (b & 63))
RR(slt, (i64)a < (i64)b)
RR(sltu, a < b)
RR(xor, a ^ b)
RR(srl, a >> (b & 63))
RR(sra, (i64)a >> (b & 63))
RR(or, a | b)
RR(and, a & b)
RR(addw, (i32)(a + b))
RR(subw, (i32)(a - b))
RR(sllw, (i32)((u32)a << (b & 31)))
RR(srlw, (i32)((u32)a >> (b & 31)))
RR(sraw, (i32)a >> (b & 31))

RR(mul, a * b)
RR(mulh, mulh(a, b))
RR(mulhsu, mulhu(a, b) - ((i64)a < 0 ? b : 0))
RR(mulhu, mulhu(a, b))
RR(div, div64(a, b))
RR(divu, b ? a / b : ~0ull)
RR(rem, rem64(a, b))
RR(remu, b ? a % b : a)
RR(mulw, (i32)(a * b))
RR(divw, div32(a, b))
RR(divuw, (i32)((u32)b ? (u32)a / (u32)b : ~0u))
RR(remw, rem32(a, b))
RR(remuw, (i32)((u32)b ? (u32)a % (u32)b : (u32)a))

RR(sh1add, (a << 1) + b)
RR(sh2add, (a << 2) + b)
RR(sh3add, (a << 3) + b)
RR(add_uw, (u32)a + b)
RR(sh1add_uw, ((u64)(u32)a << 1) + b)
RR(sh2add_uw, ((u64)(u32)a << 2) + b)
RR(sh3add_uw, ((u64)(u32)a << 3) + b)
RR(andn, a & ~b)
RR(orn, a | ~b)
RR(xnor, ~(a ^ b))
RR(min, (i64)a < (i64)b ? a : b)
RR(minu, a < b ? a : b)
RR(max, (i64)a > (i64)b ? a : b)
RR(maxu, a > b ? a : b)
RR(rol, rol64(a, b))
RR(ror, rol64(a, -b))
RR(rolw, (i32)rol32(a, b))
RR(rorw, (i32)rol32(a, -b))

RI(addi, a + b)
RI(slti, (i64)a < b)
RI(sltiu, a < (u64)b)
RI(xori, a ^ b)
RI(ori, a | b)
RI(andi, a & b)
RI(slli, a << b)
RI(srli, a >> b)
RI(srai, (i64)a >> b)
RI(addiw, (i32)(a + b))
RI(slliw, (i32)((u32)a << b))
RI(srliw, (i32)((u32)a >> b))
RI(sraiw, (i32)a >> b)
RI(slli_uw, (u64)(u32)a << b)
RI(rori, rol64(a, -b))
RI(roriw, (i32)rol32(a, -b))
RI(clz, a ? __builtin_clzll(a) : 64)
RI(ctz, a ? __builtin_ctzll(a) : 64)
RI(cpop, __builtin_popcountll(a))
RI(clzw, (u32)a ? __builtin_clz(a) : 32)
RI(ctzw, (u32)a ? __builtin_ctz(a) : 32)
RI(cpopw, __builtin_popcount(a))
RI(sext_b, (int8_t)a)
RI(sext_h, (int16_t)a)
RI(zext_h, (uint16_t)a)
RI(rev8, __builtin_bswap64(a))
RI(orc_b, orc_b(a))

CG_HANDLER(li)
{
   w->x[op->rd] = op->imm;
   return op + op->len;
}

CG_HANDLER(auipc)
{
   w->x[op->rd] = cg_op_pc(w, op) + op->imm;
   return op + op->len;
}

/* op->form: the target is in this page, imm counts slots. */
static inline const struct cg_op *
jump(struct cg_wave *w, const struct cg_op *op)
{
   if (unlikely(!op->form))
      return cg_goto(w, cg_op_pc(w, op) + op->imm);
   if (op->imm < 0)
      cg_jit_count(w, op + op->imm);
   return op + op->imm;
}

CG_HANDLER(jal)
{
   if (op->rd != CG_XZERO_SINK)
      w->x[op->rd] = cg_op_pc(w, op) + 2 * op->len;
   return jump(w, op);
}

CG_HANDLER(jalr)
{
   uint64_t target = (w->x[op->rs1] + op->imm) & ~1ull;
   w->x[op->rd] = cg_op_pc(w, op) + 2 * op->len;
   return cg_goto(w, target);
}

/* For the translator. */
static inline void
note_branch(const struct cg_op *op, bool taken)
{
   uint16_t way = taken ? CG_BRANCH_TAKEN : CG_BRANCH_NOT;
   if (unlikely(!(op->cfg & way)))
      ((struct cg_op *)op)->cfg |= way;
}

#define BRANCH(name, type, cmp) \
   CG_HANDLER(name) \
   { \
      bool taken = (type)w->x[op->rs1] cmp (type)w->x[op->rs2]; \
      note_branch(op, taken); \
      return taken ? jump(w, op) : op + op->len; \
   }

BRANCH(beq, u64, ==)
BRANCH(bne, u64, !=)
BRANCH(blt, i64, <)
BRANCH(bge, i64, >=)
BRANCH(bltu, u64, <)
BRANCH(bgeu, u64, >=)

CG_HANDLER(fence)
{
   (void)w;
   atomic_thread_fence(memory_order_seq_cst);
   return op + op->len;
}

CG_HANDLER(fence_i)
{
   uint64_t next = cg_op_pc(w, op) + 2 * op->len;
   cg_code_inv(w->core, w->asid, 0, ~0ull);
   return cg_goto(w, next);
}

CG_HANDLER(endw)
{
   w->pc = cg_op_pc(w, op) + 2 * op->len;
   w->stop = CG_STOP_END;
   return NULL;
}

CG_HANDLER(barrier)
{
   atomic_thread_fence(memory_order_seq_cst);
   w->pc = cg_op_pc(w, op) + 2 * op->len;
   w->stop = CG_STOP_BARRIER;
   return NULL;
}
