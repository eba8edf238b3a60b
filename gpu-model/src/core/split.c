/* SPDX-License-Identifier: MIT */
/*
 * See split.h.
 */
#include <pthread.h>

#include "core_priv.h"
#include "split.h"

/* A lock for each word, more or less; they are held for less than a microsecond. */
#define NUM_LOCKS 64

static pthread_mutex_t locks[NUM_LOCKS] = { [0 ... NUM_LOCKS - 1] = PTHREAD_MUTEX_INITIALIZER };

/* A round on the bus takes its time, in which a CPU can do a lot. */
#define BUS_DELAY 32

static pthread_mutex_t *
lock_of(const uint8_t *host)
{
   return &locks[((uintptr_t)host >> 3) % NUM_LOCKS];
}

static void
wait_for_bus(void)
{
   for (volatile unsigned i = 0; i < BUS_DELAY; i++)
      ;
}

void *
cg_split_begin(struct cg_split *s, uint8_t *host, unsigned size)
{
   pthread_mutex_lock(lock_of(host));
   s->host = host;
   s->size = size;
   s->word = size == 4 ? __atomic_load_n((uint32_t *)host, __ATOMIC_SEQ_CST)
                       : __atomic_load_n((uint64_t *)host, __ATOMIC_SEQ_CST);
   s->before = s->word;
   return &s->word;
}

void
cg_split_end(struct cg_split *s)
{
   if (s->word != s->before) {
      wait_for_bus();
      if (s->size == 4)
         __atomic_store_n((uint32_t *)s->host, (uint32_t)s->word, __ATOMIC_SEQ_CST);
      else
         __atomic_store_n((uint64_t *)s->host, s->word, __ATOMIC_SEQ_CST);
   }
   pthread_mutex_unlock(lock_of(s->host));
}
