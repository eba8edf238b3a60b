/* SPDX-License-Identifier: MIT */
/*
 * What the device's round trips cost: a dispatch, work-groups, an invalidation,
 * a fault, copies.  Prints one line each.
 */
#include <sched.h>
#include <stdio.h>
#include <string.h>

#include "guest.h"

#define ROUNDS 2000

static struct guest g;
static struct vm vm;
static struct queue q, mig;

static void
print(const char *what, uint64_t ns, uint64_t count, double bytes)
{
   printf("%-44s %9.2f us", what, ns / 1e3 / count);
   if (bytes)
      printf("  %6.2f GB/s", bytes / ns);
   putchar('\n');
}

/* The tests sleep while they wait; this would hide what is to be measured. */
static void
spin(struct queue *queue, uint64_t index)
{
   while (LOAD(&queue->cb->read_index) <= index)
      sched_yield();
}

static void
bench_dispatch(const char *what, unsigned kernel, uint32_t items, uint32_t wg, unsigned rounds)
{
   uint64_t t = now_ns();

   for (unsigned i = 0; i < rounds; i++) {
      struct colibri_pkt_dispatch d = KERNEL(&q, kernel, items, wg, VA_USER, VA_USER + (8 << 20));

      spin(&q, queue_run(&q, &d));
   }
   print(what, now_ns() - t, rounds, 0);
}

static void
bench_stream(void)
{
   uint64_t t = now_ns(), last = 0;

   for (unsigned i = 0; i < ROUNDS; i++) {
      struct colibri_pkt_dispatch d = KERNEL(&q, K_END, 64, 64, 0);

      while (q.cb->write_index - LOAD(&q.cb->read_index) >= 60)
         sched_yield();
      last = queue_run(&q, &d);
   }
   spin(&q, last);
   print("the same, 60 in the ring", now_ns() - t, ROUNDS, 0);
}

static void
bench_mmu(const char *what)
{
   uint64_t t = now_ns();

   for (unsigned i = 0; i < ROUNDS; i++) {
      uint32_t index = mmu_post(&g, COLIBRI_MMU_TLB_INV, 1, VA_USER, PAGE, 0);

      while ((int32_t)(LOAD(&g.sp->mmu_cons) - index) < 0)
         sched_yield();
   }
   print(what, now_ns() - t, ROUNDS, 0);
}

static void
bench_faults(void)
{
   struct colibri_fault f;
   uint64_t bus = guest_alloc(&g, PAGE), t = now_ns();
   struct colibri_pkt_dispatch d = KERNEL(&q, K_WALK, 1, 1, VA_USER + (1ull << 30), 1000, VA_USER);
   uint64_t index = queue_run(&q, &d);

   for (unsigned i = 0; i < 1000; i++) {
      while (LOAD(&g.sp->fault_prod) == g.sp->fault_cons)
         sched_yield();
      fault_get(&g, &f, 1000);
      vm_map(&vm, f.addr & ~(PAGE - 1), bus, PAGE, RW);
      mmu_post(&g, COLIBRI_MMU_FAULT_RETRY, 1, f.addr & ~(PAGE - 1), PAGE, 0);
   }
   spin(&q, index);
   print("fault, map, retry", now_ns() - t, 1000, 0);
}

static void
bench_copies(void)
{
   struct colibri_pkt_copy c = {
      .op = COLIBRI_OP_COPY, .dst = VA_USER + (8 << 20), .src = VA_USER, .size = 4 << 20};
   uint64_t list = guest_alloc(&g, 512 * sizeof(struct colibri_extent)), src = guest_alloc(&g, 2 << 20), t;
   struct colibri_extent *e = guest_ptr(&g, list);
   struct colibri_pkt_migrate m = {.op = COLIBRI_OP_MIGRATE, .count = 512, .list = list};

   t = now_ns();
   for (unsigned i = 0; i < 100; i++)
      spin(&q, queue_run(&q, &c));
   print("virtual copy of 4 MiB", now_ns() - t, 100, 100.0 * (4 << 20));

   for (unsigned i = 0; i < 512; i++)
      e[i] = (struct colibri_extent){i * PAGE, COLIBRI_PHYS_SYS | (src + (511 - i) * PAGE), PAGE, 0};
   t = now_ns();
   for (unsigned i = 0; i < 200; i++)
      spin(&mig, queue_run(&mig, &m));
   print("migration of 512 scattered pages", now_ns() - t, 200, 200.0 * (2 << 20));
}

int
main(void)
{
   struct cg_device_config config = guest_config();
   struct queue busy;

   setvbuf(stdout, NULL, _IOLBF, 0);
   guest_init(&g, &config, 8);
   vm_init(&vm, &g, 1);
   vm_alloc(&vm, VA_USER, 16 << 20, RWA);
   queue_init(&q, &vm, 1, 1);
   queue_enable(&q);
   queue_init(&busy, &vm, 2, 1);
   queue_enable(&busy);
   queue_init_migrate(&mig, &g);
   queue_enable(&mig);

   bench_dispatch("dispatch of one empty wave, and its end", K_END, 64, 64, ROUNDS);
   bench_stream();
   bench_dispatch("dispatch of 1024 empty groups", K_END, 65536, 64, 100);
   bench_dispatch("vector add of 1 Mi items, groups of 256", K_ADD1, 1 << 20, 256, 20);
   bench_mmu("TLB invalidation, idle");
   bench_faults();
   bench_copies();

   struct colibri_pkt_dispatch d = KERNEL(&busy, K_COUNT, 256, 64, VA_USER + 64);

   queue_run(&busy, &d);
   guest_relax();
   bench_mmu("TLB invalidation, compute units busy");
   bench_dispatch("dispatch beside an endless kernel", K_END, 64, 64, 200);
   guest_fini(&g);
   return 0;
}
