/* SPDX-License-Identifier: MIT */
/*
 * Queues: packets, order, states, errors, sharing.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "guest.h"
#include "test.h"

static struct guest g;
static struct vm vm;
static struct queue q, q2;
static uint64_t *mem; /* VA_USER in vm */

static void
setup_cus(unsigned num_cus)
{
   struct cg_device_config config = guest_config();

   config.num_cus = num_cus;
   guest_init(&g, &config, 8);
   vm_init(&vm, &g, 7);
   mem = vm_alloc(&vm, VA_USER, 1 << 20, RWA);
   queue_init(&q, &vm, 1, 1);
   queue_init(&q2, &vm, 63, 1);
   queue_enable(&q);
   queue_enable(&q2);
}

static void
setup(void)
{
   setup_cus(2);
}

static struct colibri_pkt_fence
fence_packet(uint64_t addr, uint64_t value, uint32_t flags)
{
   return (struct colibri_pkt_fence){.header = COLIBRI_PKT_VENDOR,
                                     .op = COLIBRI_OP_FENCE,
                                     .flags = flags,
                                     .addr = addr,
                                     .value = value};
}

/* A partial last group, several waves a group. */
static void
dispatch_ids(void)
{
   setup();
   uint32_t *out = (uint32_t *)mem;
   struct colibri_pkt_dispatch d = KERNEL(&q, K_IDS, 1000, 256, VA_USER);

   memset(out, 0xff, 8000);
   CHECK(queue_wait(&q, queue_run(&q, &d), 5000));
   for (uint32_t i = 0; i < 1000; i++)
      CHECK(out[i] == i);
   CHECK(out[1000] == ~0u);
   guest_fini(&g);
}

static void
dispatch_3d(void)
{
   setup();
   struct colibri_pkt_dispatch d = KERNEL(&q, K_GROUP, 1, 1, VA_USER, 4, 3);
   static const uint16_t wg[3] = {16, 8, 2};
   static const uint32_t grid[3] = {50, 24, 3};

   d.setup = 3;
   memcpy(d.wg_size, wg, sizeof(wg));
   memcpy(d.grid_size, grid, sizeof(grid));
   CHECK(queue_wait(&q, queue_run(&q, &d), 5000));

   const uint32_t *rec = (uint32_t *)mem;

   for (uint32_t z = 0; z < 2; z++)
      for (uint32_t y = 0; y < 3; y++)
         for (uint32_t x = 0; x < 4; x++, rec += 8) {
            uint32_t sx = x == 3 ? 2 : 16, sz = z == 1 ? 1 : 2, items = sx * 8 * sz;
            uint32_t expect[8] = {x, y, z, sx, 8, sz, (items + 63) / 64, 3};

            CHECK(!memcmp(rec, expect, sizeof(expect)));
         }
   guest_fini(&g);
}

/* More groups than wave slots, more packets than the ring and the window in flight. */
static void
many_groups(void)
{
   setup();
   uint32_t *in = (uint32_t *)mem, *out = in + 100000;

   for (uint32_t i = 0; i < 100000; i++)
      in[i] = i * 3;

   struct colibri_pkt_dispatch d = KERNEL(&q, K_ADD1, 100000, 64, VA_USER, VA_USER + 400000);

   CHECK(queue_wait(&q, queue_run(&q, &d), 20000));
   for (uint32_t i = 0; i < 100000; i++)
      CHECK(out[i] == i * 3 + 1);

   uint64_t last = 0;

   for (uint32_t i = 0; i < 300; i++) {
      d = KERNEL(&q, K_STORE, 1, 1, VA_USER + 8 * i, i + 5);
      last = queue_run(&q, &d);
      if (i % 64 == 63)
         CHECK(queue_wait(&q, last, 5000));
   }
   CHECK(queue_wait(&q, last, 5000));
   for (uint32_t i = 0; i < 300; i++)
      CHECK(mem[i] == i + 5);
   guest_fini(&g);
}

/* The fence's value is there only when the kernels before it are done; then comes the interrupt. */
static void
fence_order(void)
{
   setup();
   for (uint64_t round = 1; round <= 50; round++) {
      struct colibri_pkt_dispatch d = KERNEL(&q, K_IDS, 5000, 128, VA_USER);
      struct colibri_pkt_fence f = fence_packet(VA_USER + 65536, round, COLIBRI_FENCE_IRQ);

      memset(mem, 0, 20000);
      queue_push(&q, &d);
      queue_run(&q, &f);
      CHECK(irq_wait(&g, COLIBRI_VEC_FENCE, 5000));
      CHECK(LOAD(&mem[8192]) == round);
      for (uint32_t i = 0; i < 5000; i++)
         CHECK(((uint32_t *)mem)[i] == i);
   }
   guest_fini(&g);
}

/* Signals between queues, waits on memory that the CPU writes, timestamps. */
static void
signals_and_waits(void)
{
   setup();
   uint64_t *sig = &mem[16], *word = &mem[24], *stamp = &mem[32];
   uint64_t va_sig = VA_USER + 128, va_word = VA_USER + 192, va_stamp = VA_USER + 256;
   struct colibri_pkt_barrier b = {.header = COLIBRI_PKT_BARRIER_AND, .dep_signal = {0, va_sig}};
   struct colibri_pkt_wait w = {.header = COLIBRI_PKT_VENDOR,
                                .op = COLIBRI_OP_WAIT,
                                .cond = COLIBRI_WAIT_GE,
                                .addr = va_word,
                                .ref = 0x500,
                                .mask = 0xff00};
   struct colibri_pkt_timestamp t = {.header = COLIBRI_PKT_VENDOR, .op = COLIBRI_OP_TIMESTAMP, .addr = va_stamp};

   *sig = 2;
   queue_push(&q2, &b);
   queue_push(&q2, &w);

   uint64_t last = queue_run(&q2, &t), before = rd64(&g, COLIBRI_REG_TIMESTAMP);
   struct colibri_pkt_dispatch d = KERNEL(&q, K_STORE, 1, 1, VA_USER, 1);

   d.completion_signal = va_sig;
   CHECK(queue_wait(&q, queue_run(&q, &d), 5000));
   CHECK(*sig == 1);
   CHECK(!queue_wait(&q2, last, 20));
   CHECK(queue_wait(&q, queue_run(&q, &d), 5000));
   CHECK(*sig == 0);
   STORE(word, 0x4ff);
   CHECK(!queue_wait(&q2, last, 20));
   STORE(word, 0xf0500);
   CHECK(queue_wait(&q2, last, 5000));
   CHECK(*stamp > before && *stamp < rd64(&g, COLIBRI_REG_TIMESTAMP));

   b = (struct colibri_pkt_barrier){.header = COLIBRI_PKT_BARRIER_OR, .dep_signal = {va_word, 0, va_sig}};
   CHECK(queue_wait(&q2, queue_run(&q2, &b), 5000));
   guest_fini(&g);
}

/* A queue that polls memory is suspended: the device sleeps, and the poll goes on with RESUME. */
static void
suspended_wait(void)
{
   setup();
   struct colibri_pkt_wait w = {.op = COLIBRI_OP_WAIT, .addr = VA_USER, .ref = 5, .mask = ~0ull};
   struct timespec ts = {0, 100000000}, before, after;

   mem[0] = 0;
   uint64_t index = queue_run(&q, &w);

   guest_relax();
   qctl(&q, COLIBRI_QCTL_SUSPEND);
   clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &before);
   nanosleep(&ts, NULL);
   clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &after);
   CHECK((after.tv_sec - before.tv_sec) * 1000000000ll + after.tv_nsec - before.tv_nsec < 30000000);
   STORE(&mem[0], 5);
   CHECK(LOAD(&q.cb->read_index) == index);
   qctl(&q, COLIBRI_QCTL_RESUME);
   CHECK(queue_wait(&q, index, 5000));
   guest_fini(&g);
}

static void
fills(void)
{
   setup();
   uint8_t *bytes = (uint8_t *)mem, pattern[16];

   for (unsigned i = 0; i < 16; i++)
      pattern[i] = i * 17 + 1;
   for (unsigned ps = 1; ps <= 16; ps *= 2) {
      struct colibri_pkt_fill f = {.header = COLIBRI_PKT_VENDOR,
                                   .op = COLIBRI_OP_FILL,
                                   .pattern_size = ps,
                                   .dst = VA_USER + 4091,
                                   .size = 200016};

      memset(bytes, 0, 300000);
      memcpy(f.pattern, pattern, 16);
      CHECK(queue_wait(&q, queue_run(&q, &f), 5000));
      for (unsigned i = 0; i < 200016; i++)
         CHECK(bytes[4091 + i] == pattern[i % ps]);
      CHECK(bytes[4090] == 0 && bytes[4091 + 200016] == 0);
   }
   guest_fini(&g);
}

static bool
refused(const void *packet, uint32_t error)
{
   bool ok;

   queue_run(&q, packet);
   ok = queue_wait_state(&q, COLIBRI_QSTATE_ERROR, 5000) &&
        qrd32(&q, COLIBRI_QREG_ERROR) == error && irq_wait(&g, COLIBRI_VEC_ERROR, 1000);
   qctl(&q, COLIBRI_QCTL_DISABLE);
   queue_enable(&q);
   return ok;
}

static void
bad_dispatches(void)
{
   setup();
   struct colibri_pkt_dispatch good = KERNEL(&q, K_END, 64, 64, 0), d;

#define REFUSED(change, error)           \
   d = good;                             \
   change;                               \
   CHECK(refused(&d, COLIBRI_QERR_##error))

   REFUSED(d.setup = 0, BAD_PACKET);
   REFUSED(d.setup = 4, BAD_PACKET);
   REFUSED(d.wg_size[0] = 0, BAD_PACKET);
   REFUSED(d.wg_size[0] = 1025, BAD_PACKET);
   REFUSED((d.setup = 3, d.wg_size[0] = d.wg_size[1] = d.wg_size[2] = 65535), BAD_PACKET);
   REFUSED(d.grid_size[0] = 0, BAD_PACKET);
   REFUSED((d.setup = 2, d.wg_size[0] = 1, d.grid_size[0] = d.grid_size[1] = ~0u), BAD_PACKET);
   REFUSED(d.private_size = COLIBRI_MAX_PRIVATE + 1, BAD_PACKET);
   REFUSED(d.group_size = COLIBRI_MAX_LDS + 1, BAD_PACKET);
   REFUSED(d.kernel_object += 8, BAD_PACKET);
   REFUSED(d.kernel_object = 1ull << 60, BAD_ADDRESS);
   REFUSED(d.kernel_object = VA_CODE, BAD_PACKET); /* not a descriptor */
   REFUSED(d.reserved1 = 1, BAD_PACKET);
   REFUSED(d.completion_signal = VA_USER + 4, MISALIGNED);
   REFUSED(d.completion_signal = 1ull << 57, BAD_ADDRESS);
   REFUSED(d.header = COLIBRI_PKT_INVALID, BAD_PACKET);
   REFUSED(d.header = 4, BAD_PACKET);
   REFUSED(d.header |= 0x8000, BAD_PACKET);
   CHECK(queue_wait(&q2, queue_run(&q2, &good), 5000));
   guest_fini(&g);
}

static void
bad_vendor_packets(void)
{
   setup();
   struct colibri_pkt_fence f = fence_packet(VA_USER, 1, 2);
   struct colibri_pkt_wait w = {.op = COLIBRI_OP_WAIT, .cond = 3, .addr = VA_USER};
   struct colibri_pkt_fill p = {.op = COLIBRI_OP_FILL, .pattern_size = 3, .dst = VA_USER, .size = 3};
   struct colibri_pkt_migrate m = {.op = COLIBRI_OP_MIGRATE, .count = 1};

   CHECK(refused(&f, COLIBRI_QERR_BAD_PACKET));
   f = fence_packet(VA_USER + 4, 1, 0);
   CHECK(refused(&f, COLIBRI_QERR_MISALIGNED));
   f = fence_packet(VA_USER + (1 << 20), 1, 0);
   CHECK(refused(&f, COLIBRI_QERR_FENCE_UNMAPPED));
   f = fence_packet(VA_CODE, 1, 0); /* mapped, but not writable */
   CHECK(refused(&f, COLIBRI_QERR_FENCE_UNMAPPED));
   CHECK(refused(&w, COLIBRI_QERR_BAD_PACKET));
   w.cond = 0;
   w.addr++;
   CHECK(refused(&w, COLIBRI_QERR_MISALIGNED));
   CHECK(refused(&p, COLIBRI_QERR_BAD_PACKET));
   p = (struct colibri_pkt_fill){.op = COLIBRI_OP_FILL, .pattern_size = 8, .dst = VA_USER, .size = 12};
   CHECK(refused(&p, COLIBRI_QERR_BAD_PACKET));
   CHECK(refused(&m, COLIBRI_QERR_BAD_PACKET));
   guest_fini(&g);
}

static void
bad_rings(void)
{
   setup();
   static const struct { uint64_t reg, value; } bad[] = {
      {COLIBRI_QREG_RING, 0},
      {COLIBRI_QREG_RING, VA_RINGS + 8},
      {COLIBRI_QREG_CB, VA_RINGS + 4},
      {COLIBRI_QREG_RING_LOG2, 0},
      {COLIBRI_QREG_RING_LOG2, 17},
      {COLIBRI_QREG_RING_LOG2, 1u << 31},
      {COLIBRI_QREG_ASID, 256},
      {COLIBRI_QREG_PRIORITY, 4},
   };

   for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
      qctl(&q, COLIBRI_QCTL_DISABLE);
      queue_init(&q, &vm, 1, 1);
      if (bad[i].reg <= COLIBRI_QREG_CB)
         wr64(&g, COLIBRI_REG_QUEUE(1) + bad[i].reg, bad[i].value);
      else
         wr32(&g, COLIBRI_REG_QUEUE(1) + bad[i].reg, bad[i].value);
      qctl(&q, COLIBRI_QCTL_ENABLE);
      CHECK(qrd32(&q, COLIBRI_QREG_STATE) == COLIBRI_QSTATE_ERROR);
      CHECK(qrd32(&q, COLIBRI_QREG_ERROR) == COLIBRI_QERR_BAD_RING);
   }
   qctl(&q, COLIBRI_QCTL_DISABLE);
   queue_init(&q, &vm, 1, 1);
   queue_enable(&q);
   STORE(&q.cb->write_index, 65);
   wr32(&g, COLIBRI_DOORBELL(1), 1);
   CHECK(queue_wait_state(&q, COLIBRI_QSTATE_ERROR, 5000));
   CHECK(qrd32(&q, COLIBRI_QREG_ERROR) == COLIBRI_QERR_BAD_RING);
   guest_fini(&g);
}

/* DISABLE and SUSPEND return when nothing runs any more. */
static void
stop_endless_kernel(void)
{
   setup();
   for (unsigned round = 0; round < 20; round++) {
      struct colibri_pkt_dispatch d = KERNEL(&q, K_COUNT, 64, 64, VA_USER);

      mem[0] = 0;
      queue_run(&q, &d);
      CHECK(WAIT_FOR(LOAD(&mem[0]) > 1000, 5000));
      qctl(&q, COLIBRI_QCTL_SUSPEND);
      uint64_t seen = LOAD(&mem[0]);
      guest_relax();
      CHECK(LOAD(&mem[0]) == seen);
      qctl(&q, COLIBRI_QCTL_RESUME);
      CHECK(WAIT_FOR(LOAD(&mem[0]) > seen, 5000));
      qctl(&q, COLIBRI_QCTL_DISABLE);
      seen = LOAD(&mem[0]);
      guest_relax();
      CHECK(LOAD(&mem[0]) == seen);
      queue_enable(&q);
   }
   guest_fini(&g);
}

/* One compute unit, endless kernels of three priorities, and short ones beside them. */
static void
endless_kernels_share(void)
{
   setup_cus(1);
   struct queue low;
   struct colibri_pkt_dispatch d = KERNEL(&q, K_COUNT, 64, 64, VA_USER);

   queue_init(&low, &vm, 5, 0);
   queue_enable(&low);
   queue_run(&q, &d);
   d = KERNEL(&q2, K_COUNT, 64, 64, VA_USER + 64);
   queue_run(&q2, &d);
   d = KERNEL(&low, K_COUNT, 64, 64, VA_USER + 128);
   queue_run(&low, &d);
   CHECK(WAIT_FOR(LOAD(&mem[0]) > 100000 && LOAD(&mem[8]) > 100000 && LOAD(&mem[16]) > 1000, 20000));
   d = KERNEL(&q, K_STORE, 1, 1, VA_USER + 256, 77);
   CHECK(queue_run(&q, &d) == 1);
   CHECK(WAIT_FOR(LOAD(&mem[32]) == 77, 5000));
   guest_fini(&g);
}

/* Reset in the middle of everything, then all over again. */
/* Time counts for the queue that runs and for what it does, while it does it, and never goes back. */
static void
busy_time(void)
{
   setup();
   uint64_t start = rd64(&g, COLIBRI_REG_TIMESTAMP), last = 0;
   struct colibri_pkt_dispatch d = KERNEL(&q, K_FOREVER, 1, 1);

   queue_run(&q, &d);
   for (unsigned i = 0; i < 5000 && last < 5000000; i++) {
      uint64_t now = rd64(&g, COLIBRI_REG_QUEUE_BUSY(1, COLIBRI_BUSY_COMPUTE));

      CHECK(now >= last);
      last = now;
      nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
   }
   CHECK(last >= 5000000);
   wr32(&g, COLIBRI_REG_QUEUE(1) + COLIBRI_QREG_CTL, COLIBRI_QCTL_DISABLE);
   last = rd64(&g, COLIBRI_REG_QUEUE_BUSY(1, COLIBRI_BUSY_COMPUTE));
   CHECK(last <= 2 * (rd64(&g, COLIBRI_REG_TIMESTAMP) - start));
   CHECK(rd64(&g, COLIBRI_REG_QUEUE_BUSY(1, COLIBRI_BUSY_COMPUTE)) == last);

   uint32_t lo = rd32(&g, COLIBRI_REG_QUEUE_BUSY(1, COLIBRI_BUSY_COMPUTE));
   uint32_t hi = rd32(&g, COLIBRI_REG_QUEUE_BUSY(1, COLIBRI_BUSY_COMPUTE) + 4);

   CHECK(((uint64_t)hi << 32 | lo) == last);
   CHECK(rd64(&g, COLIBRI_REG_QUEUE_BUSY(1, COLIBRI_BUSY_COPY)) == 0);
   CHECK(rd64(&g, COLIBRI_REG_QUEUE_BUSY(63, COLIBRI_BUSY_COPY)) == 0);

   struct colibri_pkt_copy c = {.header = COLIBRI_PKT_VENDOR,
                                .op = COLIBRI_OP_COPY,
                                .dst = VA_USER,
                                .src = VA_USER + (1 << 19),
                                .size = 1 << 19};

   CHECK(queue_wait(&q2, queue_run(&q2, &c), 5000));
   CHECK(WAIT_FOR(rd64(&g, COLIBRI_REG_QUEUE_BUSY(63, COLIBRI_BUSY_COPY)) > 0, 5000));
   wr32(&g, COLIBRI_REG_RESET, 1);
   CHECK(rd64(&g, COLIBRI_REG_QUEUE_BUSY(1, COLIBRI_BUSY_COMPUTE)) == 0);
   guest_fini(&g);
}

static void
reset_while_running(void)
{
   setup();
   for (unsigned round = 0; round < 10; round++) {
      struct colibri_pkt_dispatch d = KERNEL(&q, K_COUNT, 64, 64, VA_USER);

      queue_run(&q, &d);
      d = KERNEL(&q2, K_LOAD, 1024, 256, VA_USER + (1ull << 32));
      queue_run(&q2, &d);
      CHECK(WAIT_FOR(LOAD(&g.sp->fault_prod) == 1, 5000));
      wr32(&g, COLIBRI_REG_RESET, 1);
      CHECK(qrd32(&q, COLIBRI_QREG_STATE) == COLIBRI_QSTATE_DISABLED);
      CHECK(qrd64(&q, COLIBRI_QREG_RING) == 0);
      guest_setup_rings(&g);
      vm_init(&vm, &g, 7);
      mem = vm_alloc(&vm, VA_USER, 4096, RWA);
      queue_init(&q, &vm, 1, 1);
      queue_init(&q2, &vm, 63, 1);
      queue_enable(&q);
      queue_enable(&q2);
   }
   guest_fini(&g);
}

const struct test queue_tests[] = {
   {"dispatch-ids", dispatch_ids},
   {"dispatch-3d", dispatch_3d},
   {"many-groups", many_groups},
   {"fence-order", fence_order},
   {"signals-and-waits", signals_and_waits},
   {"suspended-wait", suspended_wait},
   {"fills", fills},
   {"bad-dispatches", bad_dispatches},
   {"bad-vendor-packets", bad_vendor_packets},
   {"bad-rings", bad_rings},
   {"stop-endless-kernel", stop_endless_kernel},
   {"endless-kernels-share", endless_kernels_share},
   {"busy-time", busy_time},
   {"reset-while-running", reset_while_running},
   {0},
};
