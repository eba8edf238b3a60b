/* SPDX-License-Identifier: MIT */
/*
 * Sections: how translations and guest memory are taken away from engines
 * that run all the time.
 *
 * An engine uses host addresses of guest memory only between
 * cg_engine_enter() and cg_engine_exit(), and a core keeps them in its TLB
 * across sections.  To take one away: change the source (page table, region
 * table), cg_engine_post() what is to be forgotten, cg_engine_wait().  An
 * engine inside is asked to stop and leaves soon; an engine outside is not
 * disturbed: it reads its inbox before it touches anything again.
 *
 * Neither side can miss the other: the engine sets inside and then reads
 * pending, the other sets pending and then reads inside, all sequentially
 * consistent.
 *
 * An engine that is asked to stop does so within microseconds of CPU time.
 * But where there are more busy threads than host CPUs its thread may not be
 * running, and would be for a timer tick or several.  The waiter then lends it
 * real-time priority until it has left, if the process may do that.
 */
#include <limits.h>
#include <linux/futex.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "internal.h"

/* How long a stop may take before the engine's thread is helped, and a time slice of it. */
#define CG_PATIENCE_NS 50000
#define CG_SLICE_NS 100000

static void
futex_wait(atomic_uint *word, unsigned value, const struct timespec *timeout)
{
   syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, value, timeout, NULL, 0);
}

static void
futex_wake(atomic_uint *word)
{
   syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0);
}

/* struct sched_attr of the kernel's first version; older C libraries lack it. */
struct sched_attr_v0 {
   uint32_t size, policy;
   uint64_t flags;
   int32_t nice;
   uint32_t priority;
   uint64_t runtime, deadline, period;
};

/* Kernels before 6.12 have no slices of a thread's own: slower on a crowded host, nothing else. */
static void
set_normal(int tid)
{
   struct sched_attr_v0 attr = {.size = sizeof(attr), .policy = SCHED_OTHER, .runtime = CG_SLICE_NS};

   syscall(SYS_sched_setattr, tid, &attr, 0);
}

static bool
set_urgent(int tid)
{
   struct sched_attr_v0 attr = {.size = sizeof(attr), .policy = SCHED_FIFO, .priority = 1};

   return syscall(SYS_sched_setattr, tid, &attr, 0) == 0;
}

void
cg_engine_thread(struct cg_engine *e, const char *name, bool urgent)
{
   pthread_setname_np(pthread_self(), name);
   if (!urgent || !set_urgent(0))
      set_normal(0);
   atomic_store(&e->tid, syscall(SYS_gettid));
}

void
cg_engine_init(struct cg_engine *e, struct cg_core *core)
{
   e->core = core;
   atomic_init(&e->inside, false);
   atomic_init(&e->pending, false);
   atomic_init(&e->exits, 0);
   atomic_init(&e->waiters, 0);
   atomic_init(&e->tid, 0);
   atomic_init(&e->urgent, false);
   pthread_mutex_init(&e->inv_lock, NULL);
   e->num_inv = 0;
   e->inv_all = false;
}

void
cg_engine_fini(struct cg_engine *e)
{
   pthread_mutex_destroy(&e->inv_lock);
}

static void
apply_inbox(struct cg_engine *e)
{
   pthread_mutex_lock(&e->inv_lock);
   atomic_store(&e->pending, false);
   if (e->inv_all) {
      cg_core_tlb_flush(e->core);
   } else {
      for (unsigned i = 0; i < e->num_inv; i++) {
         const struct cg_inv *inv = &e->inv[i];

         if (inv->icache)
            cg_core_icache_inv(e->core, inv->asid);
         else
            cg_core_tlb_inv(e->core, inv->asid, inv->va, inv->size);
      }
   }
   e->num_inv = 0;
   e->inv_all = false;
   pthread_mutex_unlock(&e->inv_lock);
}

void
cg_engine_enter(struct cg_engine *e)
{
   atomic_store(&e->inside, true);
   if (atomic_load(&e->pending))
      apply_inbox(e);
}

void
cg_engine_exit(struct cg_engine *e)
{
   atomic_store(&e->inside, false);
   atomic_fetch_add(&e->exits, 1);
   /* Before the waiter can do it: it may not get a CPU as long as this thread keeps one. */
   if (atomic_exchange(&e->urgent, false))
      set_normal(0);
   if (atomic_load(&e->waiters))
      futex_wake(&e->exits);
}

void
cg_engine_post(struct cg_engine *e, const struct cg_inv *inv)
{
   if (!e->core)
      return;

   pthread_mutex_lock(&e->inv_lock);
   if (inv && e->num_inv < CG_MAX_INV)
      e->inv[e->num_inv++] = *inv;
   else
      e->inv_all = true;
   atomic_store(&e->pending, true);
   pthread_mutex_unlock(&e->inv_lock);
}

void
cg_engine_wait(struct cg_engine *e)
{
   unsigned exits = atomic_load(&e->exits);

   if (!atomic_load(&e->inside))
      return;
   if (e->core)
      cg_core_request_stop(e->core);

   const struct timespec patience = {.tv_nsec = CG_PATIENCE_NS};
   bool helped = false;

   atomic_fetch_add(&e->waiters, 1);
   while (atomic_load(&e->inside) && atomic_load(&e->exits) == exits) {
      futex_wait(&e->exits, exits, helped ? NULL : &patience);
      if (!helped && atomic_load(&e->exits) == exits) {
         helped = true;
         atomic_store(&e->urgent, true);
         set_urgent(atomic_load(&e->tid));
      }
   }
   atomic_fetch_sub(&e->waiters, 1);
   /* The engine may have left just before it was helped. */
   if (helped) {
      atomic_store(&e->urgent, false);
      set_normal(atomic_load(&e->tid));
   }
}

void
cg_doze_sleep(struct cg_doze *d, unsigned prepared)
{
   while (atomic_load(&d->kicks) == prepared)
      futex_wait(&d->kicks, prepared, NULL);
}

void
cg_doze_kick(struct cg_doze *d)
{
   atomic_fetch_add(&d->kicks, 1);
   futex_wake(&d->kicks);
}
