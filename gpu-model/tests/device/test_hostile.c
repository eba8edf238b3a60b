/* SPDX-License-Identifier: MIT */
/*
 * Bus Master Enable, and the layer that lies (device/hostile.h).
 */
#include <string.h>

#include "device/hostile.h"
#include "guest.h"
#include "test.h"

static struct guest g;
static struct vm vm;
static struct queue q;
static volatile uint64_t *mem;

static void
setup(const struct cg_device_config *config)
{
   guest_init(&g, config, 6);
   vm_init(&vm, &g, 7);
   mem = vm_alloc(&vm, VA_USER, PAGE, RWA);
   queue_init(&q, &vm, 1, 1);
   queue_enable(&q);
}

/* Once the bit is clear memory stays as it is, though a kernel writes to it all the time. */
static void
bus_master(void)
{
   struct cg_device_config config = guest_config();

   setup(&config);
   struct colibri_pkt_dispatch loop = KERNEL(&q, K_COUNT, 64, 64, VA_USER + 8);

   queue_run(&q, &loop);
   CHECK(WAIT_FOR(mem[1] > 1000, 5000));
   cg_device_set_bus_master(g.dev, false);

   uint64_t seen = mem[1];

   CHECK(queue_wait_state(&q, COLIBRI_QSTATE_ERROR, 5000));
   CHECK(qrd32(&q, COLIBRI_QREG_ERROR) == COLIBRI_QERR_BUS);
   CHECK(mem[1] == seen && !(LOAD(&g.sp->queue_error) & 2));

   cg_device_set_bus_master(g.dev, true);
   qctl(&q, COLIBRI_QCTL_DISABLE);
   queue_enable(&q);
   struct colibri_pkt_dispatch store = KERNEL(&q, K_STORE, 1, 1, VA_USER, 5);

   CHECK(queue_wait(&q, queue_run(&q, &store), 5000));
   CHECK(mem[0] == 5);
   guest_fini(&g);
}

static void
parse(void)
{
   uint32_t seed, kinds;

   CHECK(cg_hostile_parse("17", &seed, &kinds) && seed == 17 && kinds == (1u << CG_NUM_LIES) - 1);
   CHECK(cg_hostile_parse("0,faults,mute", &seed, &kinds) && !seed &&
         kinds == (1u << CG_LIE_FAULTS | 1u << CG_LIE_MUTE));
   CHECK(!cg_hostile_parse("", &seed, &kinds));
   CHECK(!cg_hostile_parse("x", &seed, &kinds));
   CHECK(!cg_hostile_parse("1,", &seed, &kinds));
   CHECK(!cg_hostile_parse("1,fault", &seed, &kinds));
   CHECK(!cg_hostile_parse("1,faults,", &seed, &kinds));
   CHECK(!cg_hostile_parse("4294967296", &seed, &kinds));
}

/* Of each kind alone: how often the word at @reg reads as something else. */
static unsigned
lies_in(uint64_t reg, unsigned kind)
{
   uint64_t truth;
   unsigned lies = 0;

   cg_device_set_hostile(g.dev, 0, 0);
   truth = rd32(&g, reg);
   for (unsigned seed = 0; seed < 40; seed++) {
      cg_device_set_hostile(g.dev, seed, 1u << kind);
      for (unsigned i = 0; i < 1000; i++)
         lies += rd32(&g, reg) != truth;
   }
   cg_device_set_hostile(g.dev, 0, 0);
   return lies;
}

static void
lies_about_registers(void)
{
   struct cg_device_config config = guest_config();

   config.hostile = true;
   setup(&config);
   CHECK(lies_in(COLIBRI_REG_NUM_QUEUES, CG_LIE_IDENTITY));
   CHECK(!lies_in(COLIBRI_REG_NUM_QUEUES, CG_LIE_REGISTERS));
   CHECK(lies_in(COLIBRI_REG_QUEUE(1) + COLIBRI_QREG_STATE, CG_LIE_REGISTERS));
   CHECK(!lies_in(COLIBRI_REG_QUEUE(1) + COLIBRI_QREG_STATE, CG_LIE_IDENTITY));
   guest_fini(&g);
}

/* An honest device cannot be made to lie. */
static void
stays_honest(void)
{
   struct cg_device_config config = guest_config();

   setup(&config);
   CHECK(!lies_in(COLIBRI_REG_NUM_QUEUES, CG_LIE_IDENTITY));
   guest_fini(&g);
}

/* The same sequence from the same seed. */
static void
same_seed(void)
{
   struct cg_device_config config = guest_config();
   uint32_t first[1000];

   config.hostile = true;
   setup(&config);
   for (unsigned round = 0; round < 2; round++) {
      cg_device_set_hostile(g.dev, 11, 1u << CG_LIE_IDENTITY);
      for (unsigned i = 0; i < 1000; i++) {
         uint32_t value = rd32(&g, COLIBRI_REG_NUM_ASIDS);

         CHECK(!round || value == first[i]);
         first[i] = value;
      }
   }
   cg_device_set_hostile(g.dev, 0, 0);
   guest_fini(&g);
}

/* After RESET nothing is written any more, whatever it was that lied. */
static void
reset_ends_it(void)
{
   struct cg_device_config config = guest_config();
   struct colibri_status_page before;

   config.hostile = true;
   for (unsigned seed = 0; seed < 20; seed++) {
      setup(&config);
      cg_device_set_hostile(g.dev, seed, (1u << CG_NUM_LIES) - 1);
      struct colibri_pkt_dispatch store = KERNEL(&q, K_STORE, 1, 1, VA_USER, 5);

      queue_run(&q, &store);
      queue_wait(&q, 0, 20);
      wr32(&g, COLIBRI_REG_RESET, 1);
      memcpy(&before, g.sp, sizeof(before));
      for (unsigned i = 0; i < 20; i++)
         guest_relax();
      CHECK(!memcmp(&before, g.sp, sizeof(before)));
      cg_device_set_hostile(g.dev, 0, 0);
      guest_fini(&g);
   }
}

const struct test hostile_tests[] = {
   {"bus-master", bus_master},
   {"hostile-parse", parse},
   {"hostile-registers", lies_about_registers},
   {"hostile-stays-honest", stays_honest},
   {"hostile-same-seed", same_seed},
   {"hostile-reset", reset_ends_it},
   {0},
};
