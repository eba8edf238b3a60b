/* SPDX-License-Identifier: MIT */
/*
 * The translator's face to the interpreter (src/core/).
 *
 * Hot code becomes host code that belongs to one core and is executed by its
 * thread alone, so nothing here needs a lock.  The way in is an operation's
 * handler: where a translated block begins, the decoded page has cg_jit_enter()
 * and the translator keeps the handler that was there.  Whoever throws the
 * decoded page away has thrown away its translation.
 */
#ifndef CG_JIT_H
#define CG_JIT_H

#include "core_priv.h"

struct cg_jit;

#ifdef CG_HAVE_JIT

/** NULL where it is off or the host cannot: all of the following take that. */
struct cg_jit *cg_jit_create(struct cg_core *core);
void cg_jit_destroy(struct cg_jit *jit);

void cg_jit_count_hot(struct cg_wave *w, const struct cg_op *op);

/** @op, the first of something that may be a loop or a kernel, is about to run. */
static inline void
cg_jit_count(struct cg_wave *w, const struct cg_op *op)
{
   if (w->core->jit)
      cg_jit_count_hot(w, op);
}

/** Handler of an operation that begins a translated block. */
const struct cg_op *cg_jit_enter(struct cg_wave *w, const struct cg_op *op);

/** Give @op this handler, behind the translation if there is one. */
void cg_jit_set_fn(struct cg_wave *w, struct cg_op *op, cg_exec_fn fn);

/** Another wave may run, whose local memory, private memory and stack are elsewhere. */
void cg_jit_begin_run(struct cg_jit *jit);

/** Translations of addresses have changed. */
void cg_jit_forget_addresses(struct cg_jit *jit);

/** The page's operations are decoded anew, or the page is freed. */
void cg_jit_page_reset(struct cg_code_page *page);

#else

static inline struct cg_jit *cg_jit_create(struct cg_core *core) { (void)core; return NULL; }
static inline void cg_jit_destroy(struct cg_jit *jit) { (void)jit; }
static inline void cg_jit_count(struct cg_wave *w, const struct cg_op *op) { (void)w, (void)op; }
static inline void cg_jit_set_fn(struct cg_wave *w, struct cg_op *op, cg_exec_fn fn) { (void)w; op->fn = fn; }
static inline void cg_jit_begin_run(struct cg_jit *jit) { (void)jit; }
static inline void cg_jit_forget_addresses(struct cg_jit *jit) { (void)jit; }
static inline void cg_jit_page_reset(struct cg_code_page *page) { (void)page; }

#endif

#endif /* CG_JIT_H */
