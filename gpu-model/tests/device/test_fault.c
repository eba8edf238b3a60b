/* SPDX-License-Identifier: MIT */
/*
 * Replayable faults and TLB invalidation.
 */
#include <string.h>

#include "guest.h"
#include "test.h"

#define HOLE (VA_USER + (1ull << 32)) /* not mapped at first */

static struct guest g;
static struct vm vm;
static struct queue q, q2;
static uint64_t *mem;

static void
setup_ring(uint32_t fault_log2)
{
   struct cg_device_config config = guest_config();

   guest_init(&g, &config, fault_log2);
   vm_init(&vm, &g, 9);
   mem = vm_alloc(&vm, VA_USER, 1 << 20, RWA);
   queue_init(&q, &vm, 1, 1);
   queue_init(&q2, &vm, 2, 1);
   queue_enable(&q);
   queue_enable(&q2);
}

static void
setup(void)
{
   setup_ring(8);
}

static void
retry(uint64_t va, uint64_t size)
{
   mmu_cmd(&g, COLIBRI_MMU_FAULT_RETRY, vm.asid, va, size);
}

static void
fault_retry(void)
{
   setup();
   struct colibri_pkt_dispatch d = KERNEL(&q, K_STORE, 1, 1, HOLE + 0x128, 4711);
   struct colibri_fault f;
   uint64_t index = queue_run(&q, &d), t = rd64(&g, COLIBRI_REG_TIMESTAMP);

   CHECK(fault_get(&g, &f, 5000));
   CHECK(f.addr == HOLE + 0x128 && f.asid == 9 && f.queue == 1);
   CHECK(f.access == COLIBRI_ACCESS_WRITE && f.client == COLIBRI_CLIENT_WAVE);
   CHECK(f.pc > VA_CODE && f.pc < VA_CODE + PAGE && f.wave == 0 && f.wg == 0);
   CHECK(f.timestamp + 1000000000 > t);
   CHECK(irq_wait(&g, COLIBRI_VEC_FAULT, 1000));

   /* Without an answer it stays where it is; an answer for other pages changes nothing. */
   retry(HOLE + PAGE, PAGE);
   CHECK(!fault_get(&g, &f, 20));

   /* An answer without a mapping: the same fault again. */
   retry(HOLE, PAGE);
   CHECK(fault_get(&g, &f, 5000));
   CHECK(f.addr == HOLE + 0x128);

   uint64_t *page = vm_alloc(&vm, HOLE, PAGE, RW);

   retry(HOLE - 4 * PAGE, 9 * PAGE);
   CHECK(queue_wait(&q, index, 5000));
   CHECK(page[0x128 / 8] == 4711);
   guest_fini(&g);
}

static void
fault_fail(void)
{
   setup();
   struct colibri_pkt_dispatch d = KERNEL(&q, K_LOAD, 256, 256, HOLE + 16);
   struct colibri_fault f;

   queue_run(&q, &d);
   CHECK(fault_get(&g, &f, 5000));
   CHECK(f.access == COLIBRI_ACCESS_READ);
   mmu_cmd(&g, COLIBRI_MMU_FAULT_FAIL, vm.asid, HOLE, PAGE);
   CHECK(queue_wait_state(&q, COLIBRI_QSTATE_ERROR, 5000));
   CHECK(qrd32(&q, COLIBRI_QREG_ERROR) == COLIBRI_QERR_FAULT);
   CHECK(qrd64(&q, COLIBRI_QREG_ERROR_ADDR) == HOLE + 16);
   CHECK(qrd64(&q, COLIBRI_QREG_ERROR_PC) > VA_CODE);
   CHECK(irq_wait(&g, COLIBRI_VEC_ERROR, 1000));
   CHECK(g.sp->queue_error == 1 << 1);
   d = KERNEL(&q2, K_STORE, 1, 1, VA_USER, 3);
   CHECK(queue_wait(&q2, queue_run(&q2, &d), 5000));
   qctl(&q, COLIBRI_QCTL_DISABLE);
   queue_enable(&q);
   d = KERNEL(&q, K_STORE, 1, 1, VA_USER, 4);
   CHECK(queue_wait(&q, queue_run(&q, &d), 5000));
   guest_fini(&g);
}

/* 64 waves wait for one page: one record; a write behind the reads: one more. */
static void
fault_dedup(void)
{
   setup();
   struct colibri_pkt_dispatch r = KERNEL(&q, K_LOAD, 4096, 256, HOLE);
   struct colibri_pkt_dispatch w = KERNEL(&q2, K_STORE, 1, 1, HOLE + 8, 5);
   struct colibri_fault f;
   uint64_t a = queue_run(&q, &r);

   CHECK(fault_get(&g, &f, 5000) && f.access == COLIBRI_ACCESS_READ);
   CHECK(!fault_get(&g, &f, 50));

   uint64_t b = queue_run(&q2, &w);

   CHECK(fault_get(&g, &f, 5000) && f.access == COLIBRI_ACCESS_WRITE && f.queue == 2);
   CHECK(!fault_get(&g, &f, 50));
   vm_alloc(&vm, HOLE, PAGE, RW);
   retry(HOLE, PAGE);
   CHECK(queue_wait(&q, a, 5000) && queue_wait(&q2, b, 5000));
   CHECK(!fault_get(&g, &f, 20));
   guest_fini(&g);
}

/* A read-only page, then a write: the permission is a fault; adding it needs no invalidation. */
static void
fault_permission(void)
{
   setup();
   uint64_t *page = vm_alloc(&vm, HOLE, PAGE, COLIBRI_PTE_READ);
   struct colibri_pkt_dispatch d = KERNEL(&q, K_LOAD, 1, 1, HOLE);
   struct colibri_fault f;

   CHECK(queue_wait(&q, queue_run(&q, &d), 5000));
   d = KERNEL(&q, K_STORE, 1, 1, HOLE, 5);

   uint64_t index = queue_run(&q, &d);

   CHECK(fault_get(&g, &f, 5000) && f.access == COLIBRI_ACCESS_WRITE);
   *vm_entry(&vm, HOLE, 1) |= COLIBRI_PTE_WRITE;
   retry(HOLE, PAGE);
   CHECK(queue_wait(&q, index, 5000) && *page == 5);

   d = KERNEL(&q, K_ATOMIC, 64, 64, HOLE);
   index = queue_run(&q, &d);
   CHECK(fault_get(&g, &f, 5000) && f.access == COLIBRI_ACCESS_ATOMIC);
   *vm_entry(&vm, HOLE, 1) |= COLIBRI_PTE_ATOMIC;
   retry(HOLE, PAGE);
   CHECK(queue_wait(&q, index, 5000) && *page == 69);
   guest_fini(&g);
}

/* All pages of one instruction are reported together; the wave goes on when all are answered. */
static void
fault_scatter(void)
{
   setup();
   struct colibri_pkt_dispatch d = KERNEL(&q, K_SCATTER, 64, 64, HOLE, 2 * PAGE);
   uint64_t index = queue_run(&q, &d), seen = 0;
   uint32_t *pages[64];
   struct colibri_fault f;

   for (unsigned i = 0; i < 64; i++) {
      CHECK(fault_get(&g, &f, 5000));
      CHECK(f.access == COLIBRI_ACCESS_WRITE && f.addr % (2 * PAGE) == 0);
      seen |= 1ull << (f.addr - HOLE) / (2 * PAGE);
   }
   CHECK(seen == ~0ull);
   for (unsigned i = 0; i < 64; i++)
      pages[i] = vm_alloc(&vm, HOLE + i * 2 * PAGE, PAGE, RW);
   for (unsigned i = 0; i < 63; i++)
      retry(HOLE + i * 2 * PAGE, PAGE);
   CHECK(!queue_wait(&q, index, 50));
   retry(HOLE + 126 * PAGE, PAGE);
   CHECK(queue_wait(&q, index, 5000));
   for (unsigned i = 0; i < 64; i++)
      CHECK(*pages[i] == i);
   guest_fini(&g);
}

/* A ring of 4 records and 256 faults. */
static void
fault_overflow(void)
{
   setup_ring(2);
   struct colibri_pkt_dispatch d = KERNEL(&q, K_SCATTER, 256, 256, HOLE, PAGE);
   uint64_t index = queue_run(&q, &d);
   struct colibri_fault f;

   CHECK(WAIT_FOR(LOAD(&g.sp->fault_prod) == 4 && LOAD(&g.sp->fault_overflow), 5000));
   /* One that was not posted yet can be answered, too. */
   vm_alloc(&vm, HOLE + 60 * PAGE, 4 * PAGE, RW);
   retry(HOLE + 60 * PAGE, 4 * PAGE);
   for (unsigned n = 0; LOAD(&q.cb->read_index) <= index; n++) {
      CHECK(n < 2000);
      if (!fault_get(&g, &f, 200))
         continue;
      if (!*vm_entry(&vm, f.addr & ~(PAGE - 1), 1))
         vm_alloc(&vm, f.addr & ~(PAGE - 1), PAGE, RW);
      retry(f.addr & ~(PAGE - 1), PAGE);
   }
   for (unsigned i = 0; i < 256; i++)
      CHECK(*(uint32_t *)guest_ptr(&g, *vm_entry(&vm, HOLE + i * PAGE, 1) & COLIBRI_PTE_ADDR_MASK) == i);
   guest_fini(&g);
}

/* Code, arguments, descriptor, ring, control block and signal: all can be away. */
static void
fault_everywhere(void)
{
   setup();
   struct colibri_pkt_dispatch d = KERNEL(&q, K_STORE, 1, 1, VA_USER, 6);
   struct colibri_fault f;

   d.completion_signal = HOLE;
   qctl(&q, COLIBRI_QCTL_DISABLE);

   const uint64_t vas[] = {VA_RINGS + 0x100000, VA_RINGS + 0x110000, VA_CODE + 4 * PAGE, VA_CODE, q.args};
   uint64_t saved[5];

   for (unsigned i = 0; i < 5; i++) {
      saved[i] = *vm_entry(&vm, vas[i], 1);
      *vm_entry(&vm, vas[i], 1) = 0;
   }
   mmu_cmd(&g, COLIBRI_MMU_TLB_INV, vm.asid, 0, ~0ull);
   queue_enable(&q);
   mem[0] = 0;
   queue_push(&q, &d);
   wr32(&g, COLIBRI_DOORBELL(1), 1);

   unsigned cp = 0, exec = 0, signal = 0;

   while (!LOAD(&q.cb->read_index)) {
      CHECK(fault_get(&g, &f, 5000));
      cp += f.client == COLIBRI_CLIENT_CP;
      exec += f.access == COLIBRI_ACCESS_EXEC;
      for (unsigned i = 0; i < 5; i++) {
         if (f.addr / PAGE == vas[i] / PAGE)
            STORE(vm_entry(&vm, vas[i], 1), saved[i]);
      }
      if (f.addr == HOLE && !signal++)
         *(uint64_t *)vm_alloc(&vm, HOLE, PAGE, RWA) = 10;
      retry(f.addr & ~(PAGE - 1), PAGE);
      WAIT_FOR(LOAD(&q.cb->read_index) || LOAD(&g.sp->fault_prod) != g.sp->fault_cons, 1000);
   }
   CHECK(cp == 4 && exec == 1 && signal == 1);
   CHECK(mem[0] == 6);
   CHECK(*(uint64_t *)guest_ptr(&g, *vm_entry(&vm, HOLE, 1) & COLIBRI_PTE_ADDR_MASK) == 9);
   guest_fini(&g);
}

/* The command processor waits for a page while groups of an earlier dispatch come to their end. */
static void
fault_beside_running_groups(void)
{
   setup();
   struct colibri_pkt_dispatch d = KERNEL(&q, K_UNTIL, 64 * 48, 64, VA_USER, VA_USER + 8);
   struct colibri_fault f;
   uint64_t a = queue_push(&q, &d), b;

   mem[0] = 0;
   d = KERNEL(&q, K_STORE, 1, 1, VA_USER + 64, 8);
   d.kernel_object = HOLE;
   b = queue_run(&q, &d);
   CHECK(fault_get(&g, &f, 5000) && f.client == COLIBRI_CLIENT_CP && f.addr == HOLE);
   STORE(&mem[0], 1);
   /* They end, one by one, but what is parked stays parked. */
   CHECK(!fault_get(&g, &f, 100) && LOAD(&q.cb->read_index) == a);

   uint8_t *desc = vm_alloc(&vm, HOLE, PAGE, RW);

   memcpy(desc, (uint8_t *)guest_ptr(&g, g.code) + 0x4000 + K_STORE * 64, 64);
   retry(HOLE, PAGE);
   CHECK(queue_wait(&q, b, 5000) && mem[8] == 8);
   guest_fini(&g);
}

/* A virtual copy over missing pages asks for many at once and parks its queue alone. */
static void
fault_copy(void)
{
   setup();
   struct colibri_pkt_copy c = {
      .op = COLIBRI_OP_COPY, .dst = HOLE + 5, .src = VA_USER + 99, .size = 100 * PAGE};
   struct colibri_fault f;
   uint64_t index = queue_run(&q, &c);

   for (unsigned i = 0; i < 100 * PAGE / 8 + 16; i++)
      mem[i] = i * 0x9e3779b97f4a7c15ull;
   for (unsigned i = 0; i < 64; i++) {
      CHECK(fault_get(&g, &f, 5000));
      CHECK(f.client == COLIBRI_CLIENT_COPY && f.access == COLIBRI_ACCESS_WRITE);
      CHECK(f.addr / PAGE == HOLE / PAGE + i);
   }
   struct colibri_pkt_dispatch d = KERNEL(&q2, K_STORE, 1, 1, VA_USER + 0xf0000, 6);

   CHECK(queue_wait(&q2, queue_run(&q2, &d), 5000));

   uint8_t *dst = vm_alloc(&vm, HOLE, 101 * PAGE, RW);

   retry(HOLE, 128 * PAGE);
   CHECK(queue_wait(&q, index, 5000));
   CHECK(!memcmp(dst + 5, (uint8_t *)mem + 99, 100 * PAGE));
   guest_fini(&g);
}

/* Every wave slot of a queue is parked; another queue, the MMU and migrations go on. */
static void
all_slots_parked(void)
{
   setup();
   struct queue mig;
   struct colibri_pkt_dispatch d = KERNEL(&q, K_SCATTER, 8192, 1024, HOLE, PAGE);
   struct colibri_fault f;
   uint64_t list = guest_alloc(&g, PAGE), page = guest_alloc(&g, PAGE);
   struct colibri_extent *e = guest_ptr(&g, list);
   struct colibri_pkt_migrate m = {.op = COLIBRI_OP_MIGRATE, .count = 1, .list = list};

   queue_init_migrate(&mig, &g);
   queue_enable(&mig);
   queue_run(&q, &d);
   for (unsigned i = 0; i < 4096; i++)
      CHECK(fault_get(&g, &f, 5000));
   for (unsigned i = 0; i < 100; i++) {
      d = KERNEL(&q2, K_ADD1, 1024, 1024, VA_USER, VA_USER + 65536);
      CHECK(queue_wait(&q2, queue_run(&q2, &d), 5000));
      *e = (struct colibri_extent){i * PAGE, COLIBRI_PHYS_SYS | page, PAGE, 0};
      memset(guest_ptr(&g, page), i, PAGE);
      CHECK(queue_wait(&mig, queue_run(&mig, &m), 5000));
      CHECK(g.vram[i * PAGE] == i);
      mmu_cmd(&g, COLIBRI_MMU_TLB_INV, vm.asid, HOLE, PAGE);
   }
   qctl(&q, COLIBRI_QCTL_DISABLE);
   /* Nobody waits any more: the next one is told of anew. */
   queue_enable(&q);
   d = KERNEL(&q, K_LOAD, 1, 1, HOLE);
   queue_run(&q, &d);
   CHECK(fault_get(&g, &f, 5000) && f.addr == HOLE);
   guest_fini(&g);
}

/* After TLB_INV completes nothing reaches the old page, although kernels store to it all the time. */
static void
invalidate_under_load(void)
{
   setup();
   uint64_t bus[2] = {guest_alloc(&g, PAGE), guest_alloc(&g, PAGE)};
   struct colibri_pkt_dispatch d = KERNEL(&q, K_COUNT, 256, 256, HOLE + 64);
   struct colibri_fault f;

   vm_map(&vm, HOLE, bus[0], PAGE, RW);
   queue_run(&q, &d);
   d = KERNEL(&q2, K_COUNT, 64, 64, HOLE + 128);
   queue_run(&q2, &d);
   for (unsigned round = 0; round < 300; round++) {
      volatile uint64_t *old = guest_ptr(&g, bus[round & 1]);
      volatile uint64_t *new = guest_ptr(&g, bus[~round & 1]);

      CHECK(WAIT_FOR(old[8] && old[16], 5000));
      vm_unmap(&vm, HOLE, PAGE);
      mmu_cmd(&g, COLIBRI_MMU_TLB_INV, vm.asid, HOLE, PAGE);

      uint64_t a = old[8], b = old[16];

      new[8] = new[16] = 0;
      guest_relax();
      CHECK(old[8] == a && old[16] == b);
      CHECK(fault_get(&g, &f, 5000));
      vm_map(&vm, HOLE, bus[~round & 1], PAGE, RW);
      retry(HOLE, PAGE);
   }
   guest_fini(&g);
}

/* 64 lanes on 64 pages progress although only 8 of them are ever mapped, in any order. */
static void
eight_pages_for_64_lanes(void)
{
   setup();
   uint64_t bus = guest_alloc(&g, 128 * PAGE), mapped[8] = {0};
   struct colibri_pkt_dispatch d = KERNEL(&q, K_SCATTER, 128, 128, HOLE, PAGE + 4);
   uint64_t index = queue_run(&q, &d);
   struct colibri_fault f;
   unsigned services = 0;

   while (LOAD(&q.cb->read_index) <= index) {
      if (!fault_get(&g, &f, 100))
         continue;

      uint64_t va = f.addr & ~(PAGE - 1), *slot = &mapped[services++ % 8];

      CHECK(services < 20000);
      if (*slot) {
         vm_unmap(&vm, *slot, PAGE);
         mmu_cmd(&g, COLIBRI_MMU_TLB_INV, vm.asid, *slot, PAGE);
      }
      *slot = va;
      vm_map(&vm, va, bus + (va - HOLE), PAGE, RW);
      retry(va, PAGE);
   }
   for (unsigned i = 0; i < 128; i++)
      CHECK(*(uint32_t *)((uint8_t *)guest_ptr(&g, bus) + i * (PAGE + 4)) == i);
   guest_fini(&g);
}

/* A wave that polls the word at @va for a while. @return the records it gave, -1 when it does not end */
static int
poll_word(uint64_t va, volatile uint64_t *word, struct colibri_fault *first)
{
   struct colibri_pkt_dispatch d = KERNEL(&q, K_UNTIL, 1, 1, va, VA_USER);
   uint64_t index = queue_run(&q, &d), end = now_ns() + 200000000;
   struct colibri_fault f;
   int n = 0;

   /* The record comes in no time, but how many follow depends on the host. */
   while (now_ns() < end && n < 4) {
      if (fault_get(&g, &f, 20) && !n++)
         *first = f;
   }
   *word = 1;
   return queue_wait(&q, index, 5000) ? n : -1;
}

/* Access counters: of system memory, from a threshold on, and more seldom each time. */
static void
hot_memory(void)
{
   uint64_t *far, *vram;
   struct colibri_fault f;

   setup();
   far = vm_alloc(&vm, HOLE, 1 << 20, RWA);
   vram = (uint64_t *)(g.vram + 0x3000);
   *vm_entry(&vm, HOLE + (1 << 20), 1) = 0x3000 | RWA | COLIBRI_PTE_VALID | COLIBRI_PTE_LEAF;
   CHECK(rd32(&g, COLIBRI_REG_HOT_THRESHOLD) == 0);
   far[0] = *vram = 0;
   CHECK(poll_word(HOLE, far, &f) == 0);

   wr32(&g, COLIBRI_REG_HOT_THRESHOLD, 1000);
   CHECK(rd32(&g, COLIBRI_REG_HOT_THRESHOLD) == 1000);
   CHECK(poll_word(HOLE + (1 << 20), vram, &f) == 0);
   far[8200] = 0;
   CHECK(poll_word(HOLE + 8 * 8200, far + 8200, &f) > 0);
   CHECK(f.addr == HOLE + 65536 && f.asid == 9 && f.access == COLIBRI_ACCESS_HOT);
   CHECK(f.client == COLIBRI_CLIENT_WAVE && irq_wait(&g, COLIBRI_VEC_FAULT, 1000));

   wr32(&g, COLIBRI_REG_RESET, 1);
   CHECK(rd32(&g, COLIBRI_REG_HOT_THRESHOLD) == 0);
   guest_fini(&g);
}

/* Such records never take the place of those that somebody waits for, and are no overflow. */
static void
hot_memory_and_full_ring(void)
{
   struct colibri_fault f;
   uint64_t *far;

   setup_ring(1);
   far = vm_alloc(&vm, HOLE, 1 << 20, RWA);
   far[0] = 0;
   wr32(&g, COLIBRI_REG_HOT_THRESHOLD, 1);

   struct colibri_pkt_dispatch poll = KERNEL(&q, K_UNTIL, 1, 1, HOLE, VA_USER);
   struct colibri_pkt_dispatch store = KERNEL(&q2, K_STORE, 1, 1, HOLE + (1 << 20), 4711);
   uint64_t index = queue_run(&q, &poll);

   CHECK(WAIT_FOR(LOAD(&g.sp->fault_prod) == 1, 5000));
   CHECK(!LOAD(&g.sp->fault_overflow));
   queue_run(&q2, &store);
   CHECK(WAIT_FOR(LOAD(&g.sp->fault_prod) == 2, 5000));
   CHECK(!LOAD(&g.sp->fault_overflow));
   CHECK(fault_get(&g, &f, 1000) && f.access == COLIBRI_ACCESS_HOT);
   CHECK(fault_get(&g, &f, 1000) && f.access == COLIBRI_ACCESS_WRITE && f.queue == 2);
   far[0] = 1;
   CHECK(queue_wait(&q, index, 5000));
   guest_fini(&g);
}

const struct test fault_tests[] = {
   {"fault-retry", fault_retry},
   {"fault-fail", fault_fail},
   {"fault-dedup", fault_dedup},
   {"fault-permission", fault_permission},
   {"fault-scatter", fault_scatter},
   {"fault-overflow", fault_overflow},
   {"fault-everywhere", fault_everywhere},
   {"fault-beside-running-groups", fault_beside_running_groups},
   {"fault-copy", fault_copy},
   {"all-slots-parked", all_slots_parked},
   {"invalidate-under-load", invalidate_under_load},
   {"eight-pages-for-64-lanes", eight_pages_for_64_lanes},
   {"hot-memory", hot_memory},
   {"hot-memory-and-full-ring", hot_memory_and_full_ring},
   {0},
};
