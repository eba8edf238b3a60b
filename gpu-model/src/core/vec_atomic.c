/* SPDX-License-Identifier: MIT */
/*
 * The vector atomics of the custom extension: one read-modify-write for each
 * active lane, exactly once, whatever faults come in between.
 */
#include "fp.h"
#include "mem.h"
#include "vec.h"

/* The fields of funct7. */
struct vatomic {
   unsigned op;
   bool fp;
   unsigned sew;
};

static uint64_t
combine_int(unsigned op, unsigned sew, uint64_t old, uint64_t b)
{
   bool less = sew == 3 ? (int64_t)old < (int64_t)b : (int32_t)old < (int32_t)b;
   switch (op) {
   case COLIBRI_ATOMIC_ADD: return old + b;
   case COLIBRI_ATOMIC_XOR: return old ^ b;
   case COLIBRI_ATOMIC_OR: return old | b;
   case COLIBRI_ATOMIC_AND: return old & b;
   case COLIBRI_ATOMIC_MIN: return less ? old : b;
   case COLIBRI_ATOMIC_MAX: return less ? b : old;
   case COLIBRI_ATOMIC_MINU: return old < b ? old : b;
   case COLIBRI_ATOMIC_MAXU: return old < b ? b : old;
   default: return b;
   }
}

/* minimumNumber and maximumNumber, as fmin and fmax do it; the sum rounds to nearest. */
static uint64_t
combine_fp(unsigned op, unsigned sew, uint64_t old, uint64_t b)
{
   if (op == COLIBRI_ATOMIC_SWAP)
      return b;
   bool want_min = op == COLIBRI_ATOMIC_MIN;
   if (sew == 2) {
      float x = cg_val_s((uint32_t)old), y = cg_val_s((uint32_t)b);
      float r = op == COLIBRI_ATOMIC_ADD ? x + y : x != x ? y : y != y ? x :
                x == y ? (!!signbit(x) == want_min ? x : y) : (x < y) == want_min ? x : y;
      return r == r ? cg_bits_s(r) : CG_NAN_S;
   }
   double x = cg_val_d(old), y = cg_val_d(b);
   double r = op == COLIBRI_ATOMIC_ADD ? x + y : x != x ? y : y != y ? x :
              x == y ? (!!signbit(x) == want_min ? x : y) : (x < y) == want_min ? x : y;
   return r == r ? cg_bits_d(r) : CG_NAN_D;
}

static uint64_t
combine(const struct vatomic *v, uint64_t old, uint64_t b)
{
   return v->fp ? combine_fp(v->op, v->sew, old, b) : combine_int(v->op, v->sew, old, b);
}

#define ATOMIC_WORD(type) \
   static uint64_t atomic_##type(const struct vatomic *v, void *word, uint64_t b, uint64_t expected) \
   { \
      type *p = word, old; \
      if (v->op == COLIBRI_ATOMIC_CAS) { \
         old = (type)expected; \
         __atomic_compare_exchange_n(p, &old, (type)b, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST); \
         return old; \
      } \
      if (v->op == COLIBRI_ATOMIC_ADD && !v->fp) \
         return __atomic_fetch_add(p, (type)b, __ATOMIC_SEQ_CST); \
      old = __atomic_load_n(p, __ATOMIC_RELAXED); \
      while (!__atomic_compare_exchange_n(p, &old, (type)combine(v, old, b), true, \
                                          __ATOMIC_SEQ_CST, __ATOMIC_RELAXED)) \
         ; \
      return old; \
   }

ATOMIC_WORD(uint32_t)
ATOMIC_WORD(uint64_t)

static bool
op_ok(const struct vatomic *v)
{
   switch (v->op) {
   case COLIBRI_ATOMIC_ADD:
   case COLIBRI_ATOMIC_SWAP:
   case COLIBRI_ATOMIC_MIN:
   case COLIBRI_ATOMIC_MAX:
      return true;
   case COLIBRI_ATOMIC_CAS:
   case COLIBRI_ATOMIC_XOR:
   case COLIBRI_ATOMIC_OR:
   case COLIBRI_ATOMIC_AND:
   case COLIBRI_ATOMIC_MINU:
   case COLIBRI_ATOMIC_MAXU:
      return !v->fp;
   default:
      return false;
   }
}

/* Groups of two for addresses and 64-bit data; vd apart from the addresses and the mask. */
static bool
registers_ok(const struct cg_op *op, const struct vatomic *v)
{
   int emul = v->sew - 2;
   return cg_group_ok(op->rs1, 1) && cg_group_ok(op->rs2, emul) && cg_group_ok(op->rd, emul) &&
          !cg_groups_touch(op->rd, emul, op->rs1, 1) && (op->vm || op->rd != 0);
}

/* Host memory where the processor's own atomics will do, and words may start in the first @starts bytes. */
struct piece {
   uint64_t va, starts;
   uint8_t *host;
};

/* The piece around @va as the TLB or local memory gives it; none: the slow way knows more. */
static struct piece
find_piece(struct cg_wave *w, uint64_t va, unsigned size)
{
   const struct cg_group *g = w->group;

   if (va >> 32 == COLIBRI_LOCAL_BASE >> 32)
      return (struct piece){ COLIBRI_LOCAL_BASE, g->lds_size < size ? 0 : g->lds_size - size + 1, g->lds };
   if (va >> COLIBRI_VA_BITS || w->num_faults)
      return (struct piece){ 0 };
   struct cg_tlb_entry *e = cg_tlb_lookup(w->core, w->asid, va, cg_access_perm(COLIBRI_ACCESS_ATOMIC));
   if (!e || (e->perm & CG_PERM_COUNTED) || (e->sys && !w->core->cfg.sys_atomics))
      return (struct piece){ 0 };
   return (struct piece){ va & ~(uint64_t)CG_PAGE_MASK, CG_PAGE_SIZE - size + 1, e->host };
}

static uint64_t
word_op(const struct vatomic *v, void *word, uint64_t b, uint64_t expected)
{
   return v->sew == 2 ? atomic_uint32_t(v, word, b, expected) : atomic_uint64_t(v, word, b, expected);
}

static enum cg_mem_result
lane(struct cg_wave *w, const struct cg_op *op, const struct vatomic *v, unsigned i, struct piece *piece)
{
   uint8_t *d = cg_vreg(w, op->rd);
   unsigned size = 1u << v->sew;
   uint64_t va = cg_elem_get(cg_vreg(w, op->rs1), i, 3), old;
   uint64_t b = cg_elem_get(cg_vreg(w, op->rs2), i, v->sew), expected = cg_elem_get(d, i, v->sew);

   if (unlikely(va - piece->va >= piece->starts))
      *piece = find_piece(w, va, size);
   if (likely(va - piece->va < piece->starts && va % size == 0)) {
      old = word_op(v, piece->host + (va - piece->va), b, expected);
   } else {
      struct cg_atomic a;
      enum cg_mem_result r = cg_mem_atomic_begin(w, va, size, &a);
      if (r != CG_MEM_OK)
         return r;
      old = word_op(v, a.word, b, expected);
      cg_mem_atomic_end(&a);
   }
   cg_elem_set(d, i, v->sew, old);
   return CG_MEM_OK;
}

/*
 * In local memory that no other thread uses meanwhile plain accesses will do, which take a fraction of the time.
 * Returns which of the lanes in @todo are done: those before the first that is elsewhere, or misaligned.
 */
#define PLAIN_LANES(type) \
   static uint64_t plain_##type(struct cg_wave *w, const struct cg_op *op, const struct vatomic *v, uint64_t todo) \
   { \
      const uint64_t limit = w->group->lds_size < sizeof(type) ? 0 : w->group->lds_size - sizeof(type) + 1; \
      const uint64_t *va = (const uint64_t *)cg_vreg(w, op->rs1); \
      const type *b = (const type *)cg_vreg(w, op->rs2); \
      type *d = (type *)cg_vreg(w, op->rd); \
      uint64_t left = todo; \
      for (; left; left &= left - 1) { \
         unsigned i = (unsigned)__builtin_ctzll(left); \
         uint64_t offset = va[i] - COLIBRI_LOCAL_BASE; \
         if (offset >= limit || offset % sizeof(type)) \
            break; \
         type *word = (type *)(w->group->lds + offset), old = *word; \
         if (v->op == COLIBRI_ATOMIC_CAS) \
            *word = old == d[i] ? b[i] : old; \
         else if (v->op == COLIBRI_ATOMIC_ADD && !v->fp) \
            *word = old + b[i]; \
         else \
            *word = (type)combine(v, old, b[i]); \
         d[i] = old; \
      } \
      return todo & ~left; \
   }

PLAIN_LANES(uint32_t)
PLAIN_LANES(uint64_t)

/* The active lanes that are not done. */
static uint64_t
lanes_to_do(struct cg_wave *w, const struct cg_op *op, unsigned lanes)
{
   uint64_t bits = ~0ull >> (64 - lanes), active = ~0ull;

   if (!op->vm)
      memcpy(&active, w->v, sizeof(active));
   return bits & active & ~w->restart.done[0];
}

const struct cg_op *
cg_exec_vatomic(struct cg_wave *w, const struct cg_op *op)
{
   uint32_t f7 = op->insn >> 25;
   struct vatomic v = { .op = f7 >> 2, .fp = f7 >> 1 & 1, .sew = cg_bits(op->insn, 12, 3) };
   struct cg_restart *restart = &w->restart;
   unsigned lanes = w->vlenb / 4;
   struct piece piece = { 0 };

   if (!op_ok(&v) || !registers_ok(op, &v))
      return cg_illegal(w, op);
   if (!restart->active)
      restart->done[0] = 0;
   restart->active = false;

   uint64_t todo = lanes_to_do(w, op, lanes);
   if (atomic_load_explicit(&w->group->together, memory_order_relaxed)) {
      uint64_t done = v.sew == 2 ? plain_uint32_t(w, op, &v, todo) : plain_uint64_t(w, op, &v, todo);
      restart->done[0] |= done;
      todo &= ~done;
   }
   for (; todo; todo &= todo - 1) {
      unsigned i = (unsigned)__builtin_ctzll(todo);
      enum cg_mem_result r = lane(w, op, &v, i, &piece);
      if (r == CG_MEM_ERROR)
         return cg_stop_error(w, op);
      if (r == CG_MEM_OK)
         restart->done[0] |= 1ull << i;
   }
   if (w->num_faults) {
      restart->active = true;
      return cg_stop_fault(w, op);
   }
   return op + op->len;
}
