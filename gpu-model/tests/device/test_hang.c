/* SPDX-License-Identifier: MIT */
/*
 * Engines that hang, and resets of them alone.
 */
#include "guest.h"
#include "test.h"

static struct guest g;
static struct vm vm;
static struct queue q, q2;

#define HOLE (VA_USER + (1ull << 32))

static void
setup(void)
{
   struct cg_device_config config = guest_config();

   guest_init(&g, &config, 8);
   vm_init(&vm, &g, 7);
   vm_alloc(&vm, VA_USER, 1 << 20, RWA);
   queue_init(&q, &vm, 1, 1);
   queue_init(&q2, &vm, 2, 1);
   queue_enable(&q);
   queue_enable(&q2);
}

static bool
works(struct queue *queue, uint64_t value)
{
   struct colibri_pkt_dispatch d = KERNEL(queue, K_STORE, 1, 1, VA_USER, value);

   return queue_wait(queue, queue_run(queue, &d), 10000);
}

/* It takes no control word but RESET, which a hard hang ignores, too; its neighbour works. */
static void
hang_queue(void)
{
   setup();
   wr64(&g, COLIBRI_REG_HANG_QUEUES, 1 << 1);
   struct colibri_pkt_dispatch d = KERNEL(&q, K_STORE, 1, 1, VA_USER, 1);
   uint64_t index = queue_run(&q, &d);

   qctl(&q, COLIBRI_QCTL_DISABLE);
   CHECK(qrd32(&q, COLIBRI_QREG_STATE) == COLIBRI_QSTATE_ENABLED);
   CHECK(works(&q2, 2));
   CHECK(LOAD(&q.cb->read_index) <= index);
   wr32(&g, COLIBRI_REG_HANG, COLIBRI_HANG_HARD);
   qctl(&q, COLIBRI_QCTL_RESET);
   CHECK(qrd32(&q, COLIBRI_QREG_STATE) == COLIBRI_QSTATE_ENABLED);
   wr32(&g, COLIBRI_REG_HANG, 0);
   qctl(&q, COLIBRI_QCTL_RESET);
   CHECK(qrd32(&q, COLIBRI_QREG_STATE) == COLIBRI_QSTATE_DISABLED);
   CHECK(rd64(&g, COLIBRI_REG_HANG_QUEUES) == 0);
   queue_enable(&q);
   CHECK(works(&q, 3));
   guest_fini(&g);
}

/* Records are held, and told of when there is a ring again. */
static void
hang_fault(void)
{
   setup();
   uint64_t ring = rd64(&g, COLIBRI_REG_FAULT_RING);
   uint32_t log2 = rd32(&g, COLIBRI_REG_FAULT_RING_LOG2);
   struct colibri_pkt_dispatch d = KERNEL(&q, K_LOAD, 1, 1, HOLE);
   struct colibri_fault f;

   wr32(&g, COLIBRI_REG_HANG, COLIBRI_ENGINE_FAULT);
   queue_run(&q, &d);
   CHECK(WAIT_FOR(rd32(&g, COLIBRI_REG_FAULTS_HELD), 10000));
   CHECK(!g.sp->fault_prod);
   wr32(&g, COLIBRI_REG_ENGINE_RESET, COLIBRI_ENGINE_FAULT);
   CHECK(rd64(&g, COLIBRI_REG_FAULT_RING) == 0 && rd32(&g, COLIBRI_REG_HANG) == 0);
   wr32(&g, COLIBRI_REG_FAULT_RING_LOG2, log2);
   wr64(&g, COLIBRI_REG_FAULT_RING, ring);
   CHECK(fault_get(&g, &f, 5000) && f.addr == HOLE);
   CHECK(rd32(&g, COLIBRI_REG_FAULTS_HELD) == 0);
   guest_fini(&g);
}

/* DEAD outlives RESET, HANG nothing. */
static void
hang_dead(void)
{
   setup();
   wr32(&g, COLIBRI_REG_HANG, COLIBRI_ENGINE_MMU);
   wr32(&g, COLIBRI_REG_ENGINE_RESET, COLIBRI_ENGINE_MMU);
   CHECK(rd64(&g, COLIBRI_REG_MMU_RING) == 0 && rd32(&g, COLIBRI_REG_HANG) == 0);
   wr32(&g, COLIBRI_REG_HANG, COLIBRI_ENGINE_MMU | COLIBRI_HANG_DEAD);
   wr32(&g, COLIBRI_REG_RESET, 1);
   CHECK(rd32(&g, COLIBRI_REG_HANG) == COLIBRI_HANG_DEAD);
   CHECK(!(rd32(&g, COLIBRI_REG_STATUS) & COLIBRI_STATUS_READY));
   wr32(&g, COLIBRI_REG_HANG, 0);
   CHECK(rd32(&g, COLIBRI_REG_STATUS) & COLIBRI_STATUS_READY);
   guest_fini(&g);
}

const struct test hang_tests[] = {
   {"hang-queue", hang_queue},
   {"hang-fault", hang_fault},
   {"hang-dead", hang_dead},
   {0},
};
