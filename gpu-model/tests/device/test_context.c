/* SPDX-License-Identifier: MIT */
/*
 * Contexts: queues that are taken off the hardware and put back, on another
 * queue than before, in the middle of everything.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "guest.h"
#include "test.h"

static struct guest g;
static struct vm vm;
static struct queue q;
static uint64_t *mem; /* VA_USER in vm */

#define MEM_SIZE (8ull << 20)
/* Moves that a test goes on for: on a busy machine a packet may be complete before its first one. */
#define ENOUGH 20
/* Nobody has memory there before he maps it. */
#define VA_HOLE (VA_USER + (1ull << 32))

static void
setup(void)
{
   struct cg_device_config config = guest_config();

   guest_init(&g, &config, 8);
   vm_init(&vm, &g, 7);
   mem = vm_alloc(&vm, VA_USER, MEM_SIZE, RWA);
   queue_init(&q, &vm, 1, 1);
   wr32(&g, COLIBRI_REG_QUEUE_CONTEXT(1), 5);
   queue_enable(&q);
}

/* @return what the context was about */
static unsigned
detach(struct queue *queue)
{
   qctl(queue, COLIBRI_QCTL_DETACH);

   uint32_t state = qrd32(queue, COLIBRI_QREG_STATE);

   return (state & COLIBRI_QSTATE_MASK) == COLIBRI_QSTATE_DISABLED ? COLIBRI_QSTATE_ACTIVITY(state) : ~0u;
}

/* On hardware queue @id.  @return its state */
static uint32_t
attach(struct queue *queue, unsigned id, uint32_t context)
{
   queue->id = id;
   wr32(&g, COLIBRI_REG_QUEUE_CONTEXT(id), context);
   qctl(queue, COLIBRI_QCTL_ATTACH);
   return qrd32(queue, COLIBRI_QREG_STATE);
}

static void
nap(long us)
{
   nanosleep(&(struct timespec){.tv_nsec = us * 1000}, NULL);
}

/* Takes the queue to and fro until the packet is complete; @return how often, -1: something is wrong */
static int
shake(struct queue *queue, uint64_t index, long us)
{
   uint64_t end = now_ns() + 60000000000ull;
   int n = 0;

   while (LOAD(&queue->cb->read_index) <= index && now_ns() < end) {
      nap(us);
      if (detach(queue) > COLIBRI_ACTIVITY_WAITING)
         return -1;
      if (attach(queue, 1 + rand() % 63, 5) != COLIBRI_QSTATE_ENABLED)
         return -1;
      n++;
   }
   return LOAD(&queue->cb->read_index) > index ? n : -1;
}

/* Every kind of state that a wave has survives. */
static void
live_state(void)
{
   enum { ITEMS = 4096, OUT = ITEMS * 4 };

   setup();
   struct colibri_pkt_dispatch d = KERNEL(&q, K_STATE, ITEMS, 256, VA_USER, 20000);

   d.group_size = 1024;
   d.private_size = 16;
   CHECK(queue_wait(&q, queue_run(&q, &d), 60000));
   d = KERNEL(&q, K_STATE, ITEMS, 256, VA_USER + OUT, 20000);
   d.group_size = 1024;
   d.private_size = 16;

   for (int sum = 0; sum < ENOUGH;) {
      memset((uint8_t *)mem + OUT, 0, OUT);

      int n = shake(&q, queue_run(&q, &d), 500);

      CHECK(n >= 0);
      sum += n;
      CHECK(!memcmp(mem, (uint8_t *)mem + OUT, OUT));
   }
   CHECK(((uint32_t *)mem)[0] != ((uint32_t *)mem)[1]);
   guest_fini(&g);
}

/* Each work-item's atomic happens once. */
static void
atomics(void)
{
   setup();
   for (int sum = 0; sum < ENOUGH;) {
      STORE((uint32_t *)mem, 0);

      struct colibri_pkt_dispatch d = KERNEL(&q, K_ATOMIC, 100000, 256, VA_USER);
      int n = shake(&q, queue_run(&q, &d), 50);

      CHECK(n >= 0);
      sum += n;
      CHECK(LOAD((uint32_t *)mem) == 100000);
   }
   guest_fini(&g);
}

static void
copies(void)
{
   setup();
   struct colibri_pkt_copy c = {.op = COLIBRI_OP_COPY,
                                .dst = VA_USER + (4 << 20) + 3,
                                .src = VA_USER + 1,
                                .size = (4 << 20) - 5};

   for (uint64_t i = 0; i < MEM_SIZE / 16; i++)
      mem[i] = i * 0x9e3779b97f4a7c15ull;
   for (int sum = 0; sum < ENOUGH;) {
      memset((uint8_t *)mem + c.dst - VA_USER, 0, c.size);

      int n = shake(&q, queue_run(&q, &c), 20);

      CHECK(n >= 0);
      sum += n;
      CHECK(!memcmp((uint8_t *)mem + c.dst - VA_USER, (uint8_t *)mem + 1, c.size));
   }
   guest_fini(&g);
}

/* Many endless kernels and one queue for them: each counts while it is attached, and only then. */
static void
many_endless(void)
{
   enum { NUM = 100 };
   static struct queue qs[NUM];

   setup();
   detach(&q);
   for (unsigned i = 0; i < NUM; i++) {
      struct colibri_pkt_dispatch d;

      queue_init(&qs[i], &vm, 2 + i % 62, 1);
      if (i >= 62) {
         /* Rings of their own. */
         uint64_t va = VA_RINGS + (i + 2) * 0x100000ull, base = COLIBRI_REG_QUEUE(qs[i].id);

         qs[i].ring = vm_alloc(&vm, va, COLIBRI_PACKET_SIZE << qs[i].log2, RW);
         qs[i].cb = vm_alloc(&vm, va + 0x10000, PAGE, RW);
         qs[i].args_host = vm_alloc(&vm, VA_ARGS + (i + 2) * 0x10000ull, PAGE, COLIBRI_PTE_READ);
         qs[i].args = VA_ARGS + (i + 2) * 0x10000ull;
         wr64(&g, base + COLIBRI_QREG_RING, va);
         wr64(&g, base + COLIBRI_QREG_CB, va + 0x10000);
      }
      wr32(&g, COLIBRI_REG_QUEUE_CONTEXT(qs[i].id), 10 + i);
      queue_enable(&qs[i]);
      d = KERNEL(&qs[i], K_COUNT, 64, 64, VA_USER + 64 * i);
      queue_run(&qs[i], &d);
      CHECK(WAIT_FOR(LOAD(&mem[8 * i]) > 100, 5000));
      CHECK(detach(&qs[i]) == COLIBRI_ACTIVITY_RUNS);
   }
   for (unsigned i = 0; i < NUM; i++) {
      uint64_t seen = LOAD(&mem[8 * i]);

      CHECK(attach(&qs[i], 9, 10 + i) == COLIBRI_QSTATE_ENABLED);
      CHECK(WAIT_FOR(LOAD(&mem[8 * i]) > seen + 100, 5000));
      CHECK(detach(&qs[i]) == COLIBRI_ACTIVITY_RUNS);
      seen = LOAD(&mem[8 * i]);
      guest_relax();
      CHECK(LOAD(&mem[8 * i]) == seen);
   }
   guest_fini(&g);
}

/* Parked faults stay parked, and answers reach them. */
static void
parked(void)
{
   setup();
   struct colibri_pkt_dispatch d = KERNEL(&q, K_LOAD, 1, 1, VA_HOLE);
   struct colibri_fault f;
   uint64_t index = queue_run(&q, &d);

   CHECK(fault_get(&g, &f, 5000));
   CHECK(f.queue == 1 && f.context == 5);
   CHECK(WAIT_FOR(rd64(&g, COLIBRI_REG_SCHED_PARKED) == 1 << 1, 5000));
   CHECK(detach(&q) == COLIBRI_ACTIVITY_PARKED);
   CHECK(attach(&q, 2, 5) == COLIBRI_QSTATE_ENABLED);
   CHECK(WAIT_FOR(rd64(&g, COLIBRI_REG_SCHED_PARKED) == 1 << 2, 5000));
   CHECK(detach(&q) == COLIBRI_ACTIVITY_PARKED);
   CHECK(!LOAD(&g.sp->context_event[0]));
   vm_alloc(&vm, VA_HOLE, PAGE, RWA);
   mmu_cmd(&g, COLIBRI_MMU_FAULT_RETRY, 7, VA_HOLE, PAGE);
   CHECK(irq_wait(&g, COLIBRI_VEC_SCHED, 5000));
   CHECK(LOAD(&g.sp->context_event[0]) == 1 << 5);
   STORE(&g.sp->context_event[0], 0);
   CHECK(LOAD(&q.cb->read_index) == index);
   CHECK(attach(&q, 3, 5) == COLIBRI_QSTATE_ENABLED);
   CHECK(queue_wait(&q, index, 5000));

   d = KERNEL(&q, K_LOAD, 1, 1, VA_HOLE + PAGE);
   queue_run(&q, &d);
   CHECK(fault_get(&g, &f, 5000));
   CHECK(f.queue == 3);
   CHECK(detach(&q) <= COLIBRI_ACTIVITY_PARKED);
   mmu_cmd(&g, COLIBRI_MMU_FAULT_FAIL, 7, VA_HOLE + PAGE, PAGE);
   CHECK(irq_wait(&g, COLIBRI_VEC_SCHED, 5000));
   CHECK(LOAD(&g.sp->context_event[0]) == 1 << 5);
   CHECK(!LOAD(&g.sp->queue_error));
   CHECK(attach(&q, 4, 5) == COLIBRI_QSTATE_ERROR);
   CHECK(LOAD(&g.sp->queue_error) == 1 << 4);
   CHECK(irq_wait(&g, COLIBRI_VEC_ERROR, 5000));
   CHECK(qrd32(&q, COLIBRI_QREG_ERROR) == COLIBRI_QERR_FAULT);
   CHECK(qrd64(&q, COLIBRI_QREG_ERROR_ADDR) == VA_HOLE + PAGE);
   guest_fini(&g);
}

static void
waiting(void)
{
   setup();
   struct colibri_pkt_wait w = {.op = COLIBRI_OP_WAIT, .addr = VA_USER, .ref = 5, .mask = ~0ull};
   struct colibri_pkt_barrier b = {.header = COLIBRI_PKT_BARRIER_AND, .dep_signal = {VA_USER + 8}};

   mem[1] = 1;
   queue_push(&q, &w);

   uint64_t index = queue_run(&q, &b);

   CHECK(WAIT_FOR(rd64(&g, COLIBRI_REG_SCHED_WAITING) == 1 << 1, 5000));
   CHECK(WAIT_FOR(detach(&q) == COLIBRI_ACTIVITY_WAITING ||
                  attach(&q, 1, 5) != COLIBRI_QSTATE_ENABLED, 5000));
   CHECK(rd64(&g, COLIBRI_REG_SCHED_WAITING) == 0);
   STORE(&mem[0], 5);
   CHECK(attach(&q, 2, 5) == COLIBRI_QSTATE_ENABLED);
   CHECK(WAIT_FOR(LOAD(&q.cb->read_index) == index, 5000));
   detach(&q);
   STORE(&mem[1], 0);
   guest_relax();
   CHECK(LOAD(&q.cb->read_index) == index);
   CHECK(attach(&q, 63, 5) == COLIBRI_QSTATE_ENABLED);
   CHECK(queue_wait(&q, index, 5000));
   guest_fini(&g);
}

/* What is pushed meanwhile is seen at ATTACH, without a doorbell; RESTART goes on without a context. */
static void
idle_and_restart(void)
{
   setup();
   struct colibri_pkt_dispatch d = KERNEL(&q, K_STORE, 1, 1, VA_USER, 1);

   CHECK(queue_wait(&q, queue_run(&q, &d), 5000));
   CHECK(WAIT_FOR(rd64(&g, COLIBRI_REG_SCHED_IDLE) == 1 << 1, 5000));
   CHECK(detach(&q) == COLIBRI_ACTIVITY_IDLE);
   CHECK(LOAD(&q.cb->idle) == 1);
   d = KERNEL(&q, K_STORE, 1, 1, VA_USER, 2);

   uint64_t index = queue_push(&q, &d);

   CHECK(attach(&q, 2, 5) == COLIBRI_QSTATE_ENABLED);
   CHECK(queue_wait(&q, index, 5000));
   CHECK(LOAD(&mem[0]) == 2);

   CHECK(WAIT_FOR(LOAD(&q.cb->idle) == 1, 5000));
   detach(&q);
   wr32(&g, COLIBRI_REG_CONTEXT_DROP, 5);
   CHECK(attach(&q, 2, 5) == COLIBRI_QSTATE_DISABLED);

   struct queue again = q;

   d = KERNEL(&q, K_STORE, 1, 1, VA_USER, 3);
   index = queue_push(&q, &d);
   queue_init(&again, &vm, 2, 0);
   wr64(&g, COLIBRI_REG_QUEUE(2) + COLIBRI_QREG_RING, q.ring_addr);
   wr64(&g, COLIBRI_REG_QUEUE(2) + COLIBRI_QREG_CB, q.cb_addr);
   qctl(&q, COLIBRI_QCTL_RESTART);
   CHECK(queue_wait(&q, index, 5000));
   CHECK(LOAD(&mem[0]) == 3 && LOAD(&q.cb->read_index) == 3);
   guest_fini(&g);
}

static void
watch(void)
{
   setup();
   CHECK(WAIT_FOR(rd64(&g, COLIBRI_REG_SCHED_IDLE) == 1 << 1, 5000));
   wr64(&g, COLIBRI_REG_SCHED_WATCH, ~0ull);
   CHECK(irq_wait(&g, COLIBRI_VEC_SCHED, 5000));
   CHECK(LOAD(&g.sp->queue_event) == 1 << 1);
   CHECK(rd64(&g, COLIBRI_REG_SCHED_WATCH) == ~3ull);
   STORE(&g.sp->queue_event, 0);

   struct colibri_pkt_dispatch d = KERNEL(&q, K_UNTIL, 1, 1, VA_USER, VA_USER + 8);
   uint64_t index = queue_run(&q, &d);

   wr64(&g, COLIBRI_REG_SCHED_WATCH, 1 << 1);
   CHECK(!irq_wait(&g, COLIBRI_VEC_SCHED, 20));
   STORE(&mem[0], 1);
   CHECK(queue_wait(&q, index, 5000));
   CHECK(irq_wait(&g, COLIBRI_VEC_SCHED, 5000));
   CHECK(LOAD(&g.sp->queue_event) == 1 << 1);
   CHECK(rd64(&g, COLIBRI_REG_SCHED_WATCH) == 0);
   STORE(&g.sp->queue_event, 0);

   d = KERNEL(&q, K_LOAD, 1, 1, VA_HOLE);
   queue_run(&q, &d);
   wr64(&g, COLIBRI_REG_SCHED_WATCH, 1 << 1);
   CHECK(WAIT_FOR(rd64(&g, COLIBRI_REG_SCHED_PARKED) == 1 << 1, 5000));
   CHECK(irq_wait(&g, COLIBRI_VEC_SCHED, 5000));
   CHECK(LOAD(&g.sp->queue_event) == 1 << 1);
   guest_fini(&g);
}

/* What makes no sense does nothing. */
static void
misuse(void)
{
   setup();
   struct colibri_pkt_dispatch d = KERNEL(&q, K_COUNT, 64, 64, VA_USER);
   struct queue q2;

   queue_run(&q, &d);
   queue_init(&q2, &vm, 2, 1);
   queue_enable(&q2); /* QUEUE_CONTEXT is 0 */
   wr32(&g, COLIBRI_REG_QUEUE_CONTEXT(2), 9);
   CHECK(rd32(&g, COLIBRI_REG_QUEUE_CONTEXT(2)) == 0);
   qctl(&q2, COLIBRI_QCTL_DETACH);
   CHECK(qrd32(&q2, COLIBRI_QREG_STATE) == COLIBRI_QSTATE_ENABLED);
   for (unsigned i = 0; i < 3; i++) {
      static const uint32_t bad[] = {5, COLIBRI_MAX_CONTEXTS, ~0u};

      qctl(&q2, COLIBRI_QCTL_DISABLE);
      wr32(&g, COLIBRI_REG_QUEUE_CONTEXT(2), bad[i]);
      qctl(&q2, COLIBRI_QCTL_ATTACH);
      CHECK(qrd32(&q2, COLIBRI_QREG_STATE) == COLIBRI_QSTATE_DISABLED);
      queue_enable(&q2);
      if (!i)
         CHECK(detach(&q) == COLIBRI_ACTIVITY_RUNS);
      qctl(&q2, COLIBRI_QCTL_DETACH);
      CHECK(qrd32(&q2, COLIBRI_QREG_STATE) == COLIBRI_QSTATE_ENABLED);
      qctl(&q2, COLIBRI_QCTL_ATTACH);
      CHECK(qrd32(&q2, COLIBRI_QREG_STATE) == COLIBRI_QSTATE_ENABLED);
      wr32(&g, COLIBRI_REG_CONTEXT_DROP, bad[i] == 5 ? 6 : bad[i]);
   }
   CHECK(attach(&q, 1, 5) == COLIBRI_QSTATE_ENABLED);
   qctl(&q, COLIBRI_QCTL_SUSPEND);
   detach(&q);
   CHECK(attach(&q, 1, 5) == COLIBRI_QSTATE_SUSPENDED);
   detach(&q);
   wr32(&g, COLIBRI_REG_RESET, 1);
   CHECK(attach(&q, 1, 5) == COLIBRI_QSTATE_DISABLED);
   CHECK(rd32(&g, COLIBRI_REG_NUM_CONTEXTS) == COLIBRI_MAX_CONTEXTS);
   guest_fini(&g);
}

const struct test context_tests[] = {
   {"context-live-state", live_state},
   {"context-atomics", atomics},
   {"context-copies", copies},
   {"context-many-endless", many_endless},
   {"context-parked", parked},
   {"context-waiting", waiting},
   {"context-idle-and-restart", idle_and_restart},
   {"context-watch", watch},
   {"context-misuse", misuse},
   {0},
};
