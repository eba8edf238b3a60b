/* SPDX-License-Identifier: MIT */
/*
 * The guest of the device tests; see guest.h.
 */
#include "guest.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "kernels_bin.h"

#define MMU_LOG2 6
#define QUEUE_LOG2 6
#define ARG_BYTES 64
#define ARG_SLOTS 64
/* Kernel descriptors follow the programs. */
#define DESC_AT 0x4000

#define CHECK_SETUP(x)                                              \
   do {                                                             \
      if (!(x)) {                                                   \
         fprintf(stderr, "guest: %s failed, line %d\n", #x, __LINE__); \
         abort();                                                   \
      }                                                             \
   } while (0)

uint64_t
now_ns(void)
{
   struct timespec ts;

   clock_gettime(CLOCK_MONOTONIC, &ts);
   return ts.tv_sec * 1000000000ull + ts.tv_nsec;
}

void
guest_relax(void)
{
   struct timespec ts = {0, 20000};

   nanosleep(&ts, NULL);
}

/* ---- Registers ------------------------------------------------------------------------*/

uint32_t
rd32(struct guest *g, uint64_t reg)
{
   return cg_device_reg_read(g->dev, reg, 4);
}

uint64_t
rd64(struct guest *g, uint64_t reg)
{
   return cg_device_reg_read(g->dev, reg, 8);
}

void
wr32(struct guest *g, uint64_t reg, uint32_t v)
{
   cg_device_reg_write(g->dev, reg, 4, v);
}

void
wr64(struct guest *g, uint64_t reg, uint64_t v)
{
   cg_device_reg_write(g->dev, reg, 8, v);
}

uint32_t
qrd32(struct queue *q, uint64_t reg)
{
   return rd32(q->g, COLIBRI_REG_QUEUE(q->id) + reg);
}

uint64_t
qrd64(struct queue *q, uint64_t reg)
{
   return rd64(q->g, COLIBRI_REG_QUEUE(q->id) + reg);
}

void
qctl(struct queue *q, uint32_t op)
{
   wr32(q->g, COLIBRI_REG_QUEUE(q->id) + COLIBRI_QREG_CTL, op);
}

/* ---- Memory and set-up ------------------------------------------------------------------*/

uint64_t
guest_alloc(struct guest *g, uint64_t size)
{
   uint64_t at = g->ram_used;

   g->ram_used += (size + PAGE - 1) & ~(PAGE - 1);
   CHECK_SETUP(g->ram_used <= GUEST_RAM_SIZE);
   return GUEST_RAM_BASE + at;
}

void *
guest_ptr(struct guest *g, uint64_t bus)
{
   return g->ram + (bus - GUEST_RAM_BASE);
}

struct cg_device_config
guest_config(void)
{
   return (struct cg_device_config){
      .vram_size = 16 << 20,
      .num_cus = 2,
      .vlen = COLIBRI_VLEN,
      .sys_atomics = true,
   };
}

static void
load_programs(struct guest *g)
{
   g->code = guest_alloc(g, 2 * DESC_AT);
   CHECK_SETUP(sizeof(kernels_bin) <= DESC_AT);

   uint8_t *code = guest_ptr(g, g->code);

   memcpy(code, kernels_bin, sizeof(kernels_bin));
   for (unsigned i = 0; i < NUM_KERNELS; i++) {
      struct colibri_kernel_desc *d = (void *)(code + DESC_AT + i * sizeof(*d));

      d->entry = VA_CODE + ((uint32_t *)kernels_bin)[i];
      d->stack_size = 4096;
   }
}

void
guest_setup_rings(struct guest *g)
{
   uint64_t sp = guest_alloc(g, PAGE), faults = guest_alloc(g, sizeof(*g->faults) << g->fault_log2);
   uint64_t mmu = guest_alloc(g, sizeof(*g->mmu) << MMU_LOG2);

   g->sp = guest_ptr(g, sp);
   g->faults = guest_ptr(g, faults);
   g->mmu = guest_ptr(g, mmu);
   wr64(g, COLIBRI_REG_STATUS_PAGE, sp);
   wr32(g, COLIBRI_REG_FAULT_RING_LOG2, g->fault_log2);
   wr64(g, COLIBRI_REG_FAULT_RING, faults);
   wr32(g, COLIBRI_REG_MMU_RING_LOG2, MMU_LOG2);
   wr64(g, COLIBRI_REG_MMU_RING, mmu);
}

void
guest_init(struct guest *g, const struct cg_device_config *config, uint32_t fault_log2)
{
   memset(g, 0, sizeof(*g));
   g->dev = cg_device_create(config);
   CHECK_SETUP(g->dev);
   g->ram_fd = memfd_create("guest-ram", MFD_CLOEXEC);
   CHECK_SETUP(g->ram_fd >= 0 && !ftruncate(g->ram_fd, GUEST_RAM_SIZE));
   g->ram = mmap(NULL, GUEST_RAM_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, g->ram_fd, 0);
   CHECK_SETUP(g->ram != MAP_FAILED);
   g->vram = mmap(NULL, config->vram_size, PROT_READ | PROT_WRITE, MAP_SHARED,
                  cg_device_vram_fd(g->dev), 0);
   CHECK_SETUP(g->vram != MAP_FAILED);
   CHECK_SETUP(!cg_device_dma_map(g->dev, GUEST_RAM_BASE, GUEST_RAM_SIZE, g->ram_fd, 0, true));
   for (unsigned i = 0; i < COLIBRI_NUM_VECS; i++) {
      g->irq[i] = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
      cg_device_set_irq(g->dev, i, fcntl(g->irq[i], F_DUPFD_CLOEXEC, 0));
   }
   g->fault_log2 = fault_log2;
   guest_setup_rings(g);
   load_programs(g);
}

void
guest_fini(struct guest *g)
{
   munmap(g->vram, cg_device_config(g->dev)->vram_size);
   cg_device_destroy(g->dev);
   for (unsigned i = 0; i < COLIBRI_NUM_VECS; i++)
      close(g->irq[i]);
   munmap(g->ram, GUEST_RAM_SIZE);
   close(g->ram_fd);
}

bool
irq_wait(struct guest *g, unsigned vec, int timeout_ms)
{
   struct pollfd p = {g->irq[vec], POLLIN, 0};
   uint64_t count;

   return poll(&p, 1, timeout_ms) == 1 && read(g->irq[vec], &count, sizeof(count)) == sizeof(count);
}

/* ---- Address spaces -----------------------------------------------------------------------*/

uint64_t *
vm_entry(struct vm *vm, uint64_t va, int level)
{
   uint64_t table = vm->root;

   for (int l = COLIBRI_PT_LEVELS;; l--) {
      uint64_t *e = (uint64_t *)guest_ptr(vm->g, table) + (va >> COLIBRI_PT_SHIFT(l) & 511);

      if (l == level)
         return e;
      if (!*e)
         STORE(e, guest_alloc(vm->g, PAGE) | COLIBRI_PTE_VALID | COLIBRI_PTE_SYS);
      table = *e & COLIBRI_PTE_ADDR_MASK;
   }
}

void
vm_map(struct vm *vm, uint64_t va, uint64_t bus, uint64_t size, uint64_t perm)
{
   for (uint64_t off = 0; off < size; off += PAGE)
      STORE(vm_entry(vm, va + off, 1),
            (bus + off) | perm | COLIBRI_PTE_VALID | COLIBRI_PTE_LEAF | COLIBRI_PTE_SYS);
}

void *
vm_alloc(struct vm *vm, uint64_t va, uint64_t size, uint64_t perm)
{
   uint64_t bus = guest_alloc(vm->g, size);

   vm_map(vm, va, bus, size, perm);
   return guest_ptr(vm->g, bus);
}

void
vm_unmap(struct vm *vm, uint64_t va, uint64_t size)
{
   for (uint64_t off = 0; off < size; off += PAGE)
      STORE(vm_entry(vm, va + off, 1), 0);
}

void
vm_init(struct vm *vm, struct guest *g, uint32_t asid)
{
   vm->g = g;
   vm->asid = asid;
   vm->root = guest_alloc(g, PAGE);
   vm_map(vm, VA_CODE, g->code, 2 * DESC_AT, COLIBRI_PTE_READ | COLIBRI_PTE_EXEC);
   wr64(g, COLIBRI_REG_PT_ROOT(asid), vm->root | COLIBRI_PTE_VALID | COLIBRI_PTE_SYS);
}

/* ---- MMU commands and faults ----------------------------------------------------------------*/

uint32_t
mmu_post(struct guest *g, uint32_t op, uint32_t asid, uint64_t va, uint64_t size, uint64_t arg)
{
   uint32_t prod = g->sp->mmu_prod;

   CHECK_SETUP(WAIT_FOR(prod - LOAD(&g->sp->mmu_cons) < 1u << MMU_LOG2, 10000));
   g->mmu[prod % (1u << MMU_LOG2)] =
      (struct colibri_mmu_cmd){.op = op, .asid = asid, .va = va, .size = size, .arg = arg};
   STORE(&g->sp->mmu_prod, prod + 1);
   __atomic_thread_fence(__ATOMIC_SEQ_CST);
   if (LOAD(&g->sp->mmu_idle))
      wr32(g, COLIBRI_REG_MMU_DOORBELL, 1);
   return prod + 1;
}

void
mmu_wait(struct guest *g, uint32_t index)
{
   CHECK_SETUP(WAIT_FOR((int32_t)(LOAD(&g->sp->mmu_cons) - index) >= 0, 10000));
}

void
mmu_cmd(struct guest *g, uint32_t op, uint32_t asid, uint64_t va, uint64_t size)
{
   mmu_wait(g, mmu_post(g, op, asid, va, size, 0));
}

bool
fault_get(struct guest *g, struct colibri_fault *f, int timeout_ms)
{
   uint32_t cons = g->sp->fault_cons;

   if (!WAIT_FOR(LOAD(&g->sp->fault_prod) != cons, timeout_ms))
      return false;
   *f = g->faults[cons & ((1u << g->fault_log2) - 1)];
   STORE(&g->sp->fault_cons, cons + 1);
   __atomic_thread_fence(__ATOMIC_SEQ_CST);
   if (LOAD(&g->sp->fault_overflow))
      wr32(g, COLIBRI_REG_FAULT_DOORBELL, 1);
   return true;
}

/* ---- Queues ---------------------------------------------------------------------------------*/

static void
set_queue_regs(struct queue *q, uint32_t asid, uint32_t priority)
{
   uint64_t base = COLIBRI_REG_QUEUE(q->id);

   wr64(q->g, base + COLIBRI_QREG_RING, q->ring_addr);
   wr64(q->g, base + COLIBRI_QREG_CB, q->cb_addr);
   wr32(q->g, base + COLIBRI_QREG_RING_LOG2, q->log2);
   wr32(q->g, base + COLIBRI_QREG_ASID, asid);
   wr32(q->g, base + COLIBRI_QREG_PRIORITY, priority);
}

void
queue_init(struct queue *q, struct vm *vm, unsigned id, uint32_t priority)
{
   uint64_t va = VA_RINGS + id * 0x100000ull;

   *q = (struct queue){.g = vm->g, .vm = vm, .id = id, .log2 = QUEUE_LOG2};
   q->ring_addr = va;
   q->ring = vm_alloc(vm, va, COLIBRI_PACKET_SIZE << q->log2, RW);
   q->cb_addr = va + 0x10000;
   q->cb = vm_alloc(vm, q->cb_addr, PAGE, RW);
   q->args = VA_ARGS + id * 0x10000ull;
   q->args_host = vm_alloc(vm, q->args, ARG_BYTES * ARG_SLOTS, COLIBRI_PTE_READ);
   set_queue_regs(q, vm->asid, priority);
}

void
queue_init_migrate(struct queue *q, struct guest *g)
{
   *q = (struct queue){.g = g, .id = COLIBRI_MIGRATE_QUEUE, .log2 = QUEUE_LOG2};
   q->ring_addr = guest_alloc(g, COLIBRI_PACKET_SIZE << q->log2);
   q->ring = guest_ptr(g, q->ring_addr);
   q->cb_addr = guest_alloc(g, PAGE);
   q->cb = guest_ptr(g, q->cb_addr);
   set_queue_regs(q, 0, 0);
}

void
queue_enable(struct queue *q)
{
   memset(q->cb, 0, sizeof(*q->cb));
   qctl(q, COLIBRI_QCTL_ENABLE);
}

uint64_t
queue_push(struct queue *q, const void *packet)
{
   uint64_t index = q->cb->write_index;

   CHECK_SETUP(WAIT_FOR(index - LOAD(&q->cb->read_index) < 1ull << q->log2, 10000));
   memcpy(q->ring + (index & ((1ull << q->log2) - 1)) * COLIBRI_PACKET_SIZE, packet,
          COLIBRI_PACKET_SIZE);
   STORE(&q->cb->write_index, index + 1);
   return index;
}

void
queue_ring(struct queue *q)
{
   __atomic_thread_fence(__ATOMIC_SEQ_CST);
   if (LOAD(&q->cb->idle))
      wr32(q->g, COLIBRI_DOORBELL(q->id), 1);
}

uint64_t
queue_run(struct queue *q, const void *packet)
{
   uint64_t index = queue_push(q, packet);

   queue_ring(q);
   return index;
}

bool
queue_wait(struct queue *q, uint64_t index, int timeout_ms)
{
   return WAIT_FOR(LOAD(&q->cb->read_index) > index, timeout_ms);
}

bool
queue_wait_state(struct queue *q, uint32_t state, int timeout_ms)
{
   return WAIT_FOR(qrd32(q, COLIBRI_QREG_STATE) == state, timeout_ms);
}

struct colibri_pkt_dispatch
queue_kernel(struct queue *q, unsigned kernel, uint32_t items, uint32_t wg, unsigned nargs,
             const uint64_t *args)
{
   unsigned slot = q->next_arg++ % ARG_SLOTS;

   CHECK_SETUP(nargs * 8 <= ARG_BYTES);
   memcpy(q->args_host + slot * ARG_BYTES, args, nargs * 8);
   return (struct colibri_pkt_dispatch){
      .header = COLIBRI_PKT_DISPATCH,
      .setup = 1,
      .wg_size = {wg, 1, 1},
      .grid_size = {items, 1, 1},
      .kernel_object = VA_CODE + DESC_AT + kernel * sizeof(struct colibri_kernel_desc),
      .kernarg = q->args + slot * ARG_BYTES,
   };
}
