/* SPDX-License-Identifier: MIT */
/*
 * Work-groups and what can go wrong in a kernel.
 */
#include <string.h>

#include "guest.h"
#include "test.h"

static struct guest g;
static struct vm vm;
static struct queue q, q2;
static uint64_t *mem;

static void
setup_with(struct cg_device_config config)
{
   guest_init(&g, &config, 8);
   vm_init(&vm, &g, 1);
   mem = vm_alloc(&vm, VA_USER, 1 << 20, RWA);
   queue_init(&q, &vm, 1, 1);
   queue_init(&q2, &vm, 2, 1);
   queue_enable(&q);
   queue_enable(&q2);
}

static void
setup(void)
{
   setup_with(guest_config());
}

/* 16 waves a group meet at 16 barriers; what they wrote before is seen behind. */
static void
barriers(void)
{
   setup();
   struct colibri_pkt_dispatch d = KERNEL(&q, K_BARRIER, 64 * 1024, 1024, VA_USER);

   d.group_size = 128;
   CHECK(queue_wait(&q, queue_run(&q, &d), 10000));
   for (unsigned i = 0; i < 64; i++)
      CHECK(mem[i] == 8 * 136);
   guest_fini(&g);
}

/* A wave that waits for a later one lets it run, though a CU takes several at once. */
static void
waves_take_turns(void)
{
   struct cg_device_config config = guest_config();

   config.num_cus = 1;
   setup_with(config);
   struct colibri_pkt_dispatch d = KERNEL(&q, K_CHAIN, 16 * 1024, 1024, VA_USER);

   d.group_size = 128;
   CHECK(queue_wait(&q, queue_run(&q, &d), 60000));
   CHECK(mem[0] == 16 * 16);
   guest_fini(&g);
}

/* Every work-item's atomic happens exactly once, in system memory and in VRAM. */
static void
atomics(void)
{
   setup();
   struct colibri_pkt_dispatch d = KERNEL(&q, K_ATOMIC, 100000, 192, VA_USER);
   uint64_t a = queue_run(&q, &d);

   d = KERNEL(&q2, K_ATOMIC, 50000, 1024, VA_USER);
   CHECK(queue_wait(&q2, queue_run(&q2, &d), 10000) && queue_wait(&q, a, 10000));
   CHECK((uint32_t)mem[0] == 150000);

   *vm_entry(&vm, VA_USER + (1ull << 30), 1) =
      0x3000 | RWA | COLIBRI_PTE_VALID | COLIBRI_PTE_LEAF;
   *(uint32_t *)(g.vram + 0x3008) = 0;
   d = KERNEL(&q, K_ATOMIC, 12345, 64, VA_USER + (1ull << 30) + 8);
   CHECK(queue_wait(&q, queue_run(&q, &d), 10000));
   CHECK(*(uint32_t *)(g.vram + 0x3008) == 12345);
   guest_fini(&g);
}

/* The same in local memory: groups that a CU has to itself, and larger ones that others help with. */
static void
local_atomics(void)
{
   setup();
   for (unsigned i = 0; i < 20; i++) {
      struct colibri_pkt_dispatch d = KERNEL(&q, K_LOCAL_ATOMIC, 10000, 192, VA_USER);

      mem[0] = 0;
      d.group_size = 64;
      uint64_t a = queue_run(&q, &d);

      d = KERNEL(&q2, K_LOCAL_ATOMIC, 5000, 1024, VA_USER);
      d.group_size = 64;
      CHECK(queue_wait(&q2, queue_run(&q2, &d), 10000) && queue_wait(&q, a, 10000));
      CHECK((uint32_t)mem[0] == 64 * 15000);
   }
   guest_fini(&g);
}

/* Adds @items to mem[0] by atomics of two queues while the CPU adds, too. @return what the CPU added */
static uint64_t
race_with_cpu(uint32_t items)
{
   uint32_t *word = (uint32_t *)mem;
   struct colibri_pkt_dispatch d = KERNEL(&q, K_ATOMIC, items, 192, VA_USER);
   uint64_t added = 0, a = queue_run(&q, &d), b;

   d = KERNEL(&q2, K_ATOMIC, items, 1024, VA_USER);
   b = queue_run(&q2, &d);
   for (; LOAD(&q.cb->read_index) <= a || LOAD(&q2.cb->read_index) <= b; added++)
      __atomic_fetch_add(word, 1, __ATOMIC_SEQ_CST);
   return added;
}

/* Without SYS_ATOMICS the device's atomics are so among themselves, and the CPU's get lost in between. */
static void
split_atomics(void)
{
   struct cg_device_config config = guest_config();
   bool lost = false;

   config.sys_atomics = false;
   setup_with(config);
   CHECK(!(rd32(&g, COLIBRI_REG_FEATURES) & COLIBRI_FEATURE_SYS_ATOMICS));

   struct colibri_pkt_dispatch d = KERNEL(&q, K_ATOMIC, 100000, 192, VA_USER);
   uint64_t a = queue_run(&q, &d);

   d = KERNEL(&q2, K_ATOMIC, 50000, 1024, VA_USER);
   CHECK(queue_wait(&q2, queue_run(&q2, &d), 10000) && queue_wait(&q, a, 10000));
   CHECK((uint32_t)mem[0] == 150000);

   for (unsigned i = 0; i < 1000 && !lost; i++) {
      mem[0] = 0;
      uint64_t added = race_with_cpu(20000);

      CHECK((uint32_t)mem[0] <= added + 40000);
      lost = (uint32_t)mem[0] != added + 40000;
   }
   CHECK(lost);
   guest_fini(&g);
}

/* With it nobody's get lost. */
static void
shared_atomics(void)
{
   setup();
   for (unsigned i = 0; i < 10; i++) {
      mem[0] = 0;
      uint64_t added = race_with_cpu(20000);

      CHECK((uint32_t)mem[0] == (uint32_t)added + 40000);
   }
   guest_fini(&g);
}

/* A group sees zeros in local memory, not what another left there. */
static void
local_memory_is_clean(void)
{
   setup();
   for (unsigned i = 0; i < 20; i++) {
      struct colibri_pkt_dispatch d = KERNEL(&q, K_LOCAL, 64, 64, VA_USER);

      mem[0] = 1;
      d.group_size = COLIBRI_MAX_LDS;
      CHECK(queue_wait(&q, queue_run(&q, &d), 5000));
      CHECK(mem[0] == 0);
   }
   guest_fini(&g);
}

static bool
fails_with(unsigned kernel, uint64_t arg, uint32_t error, uint64_t addr)
{
   struct colibri_pkt_dispatch d = KERNEL(&q, kernel, 300, 64, arg);
   bool ok;

   queue_run(&q, &d);
   ok = queue_wait_state(&q, COLIBRI_QSTATE_ERROR, 5000) &&
        qrd32(&q, COLIBRI_QREG_ERROR) == error && irq_wait(&g, COLIBRI_VEC_ERROR, 1000) &&
        (!addr || qrd64(&q, COLIBRI_QREG_ERROR_ADDR) == addr) &&
        qrd64(&q, COLIBRI_QREG_ERROR_PC) >= VA_CODE;
   qctl(&q, COLIBRI_QCTL_DISABLE);
   queue_enable(&q);
   return ok;
}

/* One queue's errors are its own: the other one counts on. */
static void
kernel_errors(void)
{
   setup();
   struct colibri_pkt_dispatch d = KERNEL(&q2, K_COUNT, 64, 64, VA_USER);

   queue_run(&q2, &d);
   vm_map(&vm, VA_USER + (1ull << 30), 1ull << 50, PAGE, RWA);
   CHECK(fails_with(K_ILLEGAL, 0, COLIBRI_QERR_ILLEGAL_INSN, 0));
   CHECK(fails_with(K_LOAD, 1ull << 57, COLIBRI_QERR_BAD_ADDRESS, 1ull << 57));
   CHECK(fails_with(K_LOAD, ~0ull - 7, COLIBRI_QERR_BAD_ADDRESS, ~0ull - 7));
   CHECK(fails_with(K_LOAD, COLIBRI_LOCAL_BASE + 64, COLIBRI_QERR_BAD_ADDRESS, 0));
   CHECK(fails_with(K_LOAD, COLIBRI_PRIVATE_BASE + 64, COLIBRI_QERR_BAD_ADDRESS, 0));
   CHECK(fails_with(K_LOAD, VA_USER + (1ull << 30), COLIBRI_QERR_BUS, VA_USER + (1ull << 30)));
   CHECK(fails_with(K_ATOMIC, VA_USER + 4097, COLIBRI_QERR_MISALIGNED, 0));

   uint64_t seen = LOAD(&mem[0]);

   CHECK(WAIT_FOR(LOAD(&mem[0]) > seen, 5000));
   guest_fini(&g);
}

/* Two address spaces with other memory at the same address. */
static void
address_spaces(void)
{
   setup();
   struct vm other;
   struct queue q3;

   vm_init(&other, &g, 2);
   uint64_t *theirs = vm_alloc(&other, VA_USER, 4096, RWA);

   queue_init(&q3, &other, 40, 3);
   queue_enable(&q3);
   for (unsigned i = 0; i < 200; i++) {
      struct colibri_pkt_dispatch a = KERNEL(&q, K_STORE, 1, 1, VA_USER + 8, i);
      struct colibri_pkt_dispatch b = KERNEL(&q3, K_STORE, 1, 1, VA_USER + 8, i + 1000);
      uint64_t ia = queue_run(&q, &a), ib = queue_run(&q3, &b);

      CHECK(queue_wait(&q, ia, 5000) && queue_wait(&q3, ib, 5000));
      CHECK(mem[1] == i && theirs[1] == i + 1000);
   }
   guest_fini(&g);
}

/* New code at an old address, with ICACHE_INV and nothing else in between. */
static void
new_code(void)
{
   setup();
   uint32_t *code = vm_alloc(&vm, VA_USER + (1ull << 30), PAGE, RW | COLIBRI_PTE_EXEC);
   struct colibri_kernel_desc *desc = (void *)((uint8_t *)mem + 4096);

   memset(desc, 0, sizeof(*desc));
   desc->entry = VA_USER + (1ull << 30);
   for (uint32_t i = 0; i < 50; i++) {
      struct colibri_pkt_dispatch d = KERNEL(&q, K_END, 64, 64, VA_USER);
      struct colibri_pkt_fence inv = {.op = COLIBRI_OP_ICACHE_INV};

      code[0] = 0x00053583;             /* ld a1, 0(a0) */
      code[1] = (i + 1) << 20 | 0x613;  /* li a2, i + 1 */
      code[2] = 0x00c5b023;             /* sd a2, 0(a1) */
      code[3] = 0x0000000b;             /* ENDW */
      d.kernel_object = VA_USER + 4096;
      d.header |= COLIBRI_PKT_BARRIER_BIT;
      queue_push(&q, &inv);
      CHECK(queue_wait(&q, queue_run(&q, &d), 5000));
      CHECK(mem[0] == i + 1);
   }
   guest_fini(&g);
}

/* Short vectors: a group of 1024 items has 256 waves, and still meets at its barriers. */
static void
short_vectors(void)
{
   struct cg_device_config config = guest_config();

   config.vlen = 128;
   setup_with(config);
   CHECK(rd32(&g, COLIBRI_REG_WAVES_PER_QUEUE) == 256);

   struct colibri_pkt_dispatch d = KERNEL(&q, K_BARRIER, 4096, 1024, VA_USER);

   d.group_size = 2048;
   CHECK(queue_wait(&q, queue_run(&q, &d), 20000));
   for (unsigned i = 0; i < 4; i++)
      CHECK(mem[i] == 8 * 256 * 257 / 2);
   guest_fini(&g);
}

const struct test kernel_tests[] = {
   {"barriers", barriers},
   {"waves-take-turns", waves_take_turns},
   {"atomics", atomics},
   {"local-atomics", local_atomics},
   {"split-atomics", split_atomics},
   {"shared-atomics", shared_atomics},
   {"local-memory-is-clean", local_memory_is_clean},
   {"kernel-errors", kernel_errors},
   {"address-spaces", address_spaces},
   {"new-code", new_code},
   {"short-vectors", short_vectors},
   {0},
};
