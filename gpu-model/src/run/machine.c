/* SPDX-License-Identifier: MIT */
/*
 * The pretended guest: memory, a page table, a queue.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "run.h"

#define RAM_SIZE (4ull << 30) /* sparse: costs what is used */
#define PAGE 4096ull
#define QUEUE 1
#define VA_RING (COLIBRI_VA_DRIVER_ZONE + 0x10000000ull)
#define VA_CB (VA_RING + PAGE)
#define RING_LOG2 6

static uint64_t
alloc_pages(struct run_machine *m, uint64_t size)
{
   uint64_t at = m->used;

   size = (size + PAGE - 1) & ~(PAGE - 1);
   if (size > RAM_SIZE - at)
      run_die("more than 4 GiB of memory");
   m->used += size;
   return at;
}

static uint64_t *
entry_of(struct run_machine *m, uint64_t va)
{
   uint64_t table = m->root;

   for (int level = COLIBRI_PT_LEVELS;; level--) {
      uint64_t *e = (uint64_t *)(m->ram + table) + (va >> COLIBRI_PT_SHIFT(level) & 511);

      if (level == 1)
         return e;
      if (!*e)
         *e = alloc_pages(m, PAGE) | COLIBRI_PTE_VALID | COLIBRI_PTE_SYS;
      table = *e & COLIBRI_PTE_ADDR_MASK;
   }
}

uint8_t *
run_map(struct run_machine *m, uint64_t va, uint64_t size)
{
   uint64_t start = va & ~(PAGE - 1), bus;

   if (va > 1ull << COLIBRI_VA_BITS || size > (1ull << COLIBRI_VA_BITS) - va)
      run_die("address %#llx is outside of the address space", (unsigned long long)va);
   size += va - start;
   bus = alloc_pages(m, size);
   for (uint64_t off = 0; off < size; off += PAGE) {
      uint64_t *e = entry_of(m, start + off);

      if (*e)
         run_die("address %#llx is taken twice", (unsigned long long)(start + off));
      *e = (bus + off) | COLIBRI_PTE_VALID | COLIBRI_PTE_LEAF | COLIBRI_PTE_SYS | COLIBRI_PTE_READ |
           COLIBRI_PTE_WRITE | COLIBRI_PTE_EXEC | COLIBRI_PTE_ATOMIC;
   }
   return m->ram + bus + (va - start);
}

static void
wr(struct run_machine *m, uint64_t reg, unsigned size, uint64_t value)
{
   cg_device_reg_write(m->dev, reg, size, value);
}

static uint64_t
queue_reg(struct run_machine *m, unsigned reg, unsigned size)
{
   return cg_device_reg_read(m->dev, COLIBRI_REG_QUEUE(QUEUE) + reg, size);
}

void
run_machine_init(struct run_machine *m, const struct cg_device_config *config)
{
   int fd = memfd_create("colibri-run", MFD_CLOEXEC);

   memset(m, 0, sizeof(*m));
   m->dev = cg_device_create(config);
   if (!m->dev || fd < 0 || ftruncate(fd, RAM_SIZE))
      run_die("cannot make the device");
   m->ram = mmap(NULL, RAM_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
   if (m->ram == MAP_FAILED || cg_device_dma_map(m->dev, 0, RAM_SIZE, fd, 0, true))
      run_die("cannot map memory");
   close(fd);
   alloc_pages(m, PAGE); /* bus address 0 means "off" in registers */
   m->root = alloc_pages(m, PAGE);

   uint64_t sp = alloc_pages(m, PAGE), faults = alloc_pages(m, PAGE);

   m->sp = (void *)(m->ram + sp);
   wr(m, COLIBRI_REG_STATUS_PAGE, 8, sp);
   wr(m, COLIBRI_REG_FAULT_RING_LOG2, 4, 6);
   wr(m, COLIBRI_REG_FAULT_RING, 8, faults);
   wr(m, COLIBRI_REG_PT_ROOT(0), 8, m->root | COLIBRI_PTE_VALID | COLIBRI_PTE_SYS);
}

static uint64_t
now_ns(void)
{
   struct timespec ts;

   clock_gettime(CLOCK_MONOTONIC, &ts);
   return ts.tv_sec * 1000000000ull + ts.tv_nsec;
}

/* A page that is not there is an error here: there is no driver to bring it. */
static bool
faulted(struct run_machine *m, struct run_result *r)
{
   if (!__atomic_load_n(&m->sp->fault_prod, __ATOMIC_ACQUIRE))
      return false;

   uint64_t ring = cg_device_reg_read(m->dev, COLIBRI_REG_FAULT_RING, 8);
   const struct colibri_fault *f = (void *)(m->ram + ring);

   r->error = COLIBRI_QERR_FAULT;
   r->addr = f->addr;
   r->pc = f->pc;
   r->info = (uint64_t)f->wg << 32 | f->wave;
   return true;
}

static bool
failed(struct run_machine *m, struct run_result *r)
{
   if (queue_reg(m, COLIBRI_QREG_STATE, 4) != COLIBRI_QSTATE_ERROR)
      return false;
   r->error = queue_reg(m, COLIBRI_QREG_ERROR, 4);
   r->addr = queue_reg(m, COLIBRI_QREG_ERROR_ADDR, 8);
   r->pc = queue_reg(m, COLIBRI_QREG_ERROR_PC, 8);
   r->info = queue_reg(m, COLIBRI_QREG_ERROR_INFO, 8);
   return true;
}

struct run_result
run_dispatch(struct run_machine *m, const struct colibri_pkt_dispatch *pkt, unsigned seconds)
{
   uint8_t *ring = run_map(m, VA_RING, PAGE);
   struct colibri_queue_cb *cb = (void *)run_map(m, VA_CB, PAGE);
   struct run_result r = {0};
   uint64_t base = COLIBRI_REG_QUEUE(QUEUE), start;

   memcpy(ring, pkt, sizeof(*pkt));
   cb->write_index = 1;
   wr(m, base + COLIBRI_QREG_RING, 8, VA_RING);
   wr(m, base + COLIBRI_QREG_CB, 8, VA_CB);
   wr(m, base + COLIBRI_QREG_RING_LOG2, 4, RING_LOG2);
   start = now_ns();
   wr(m, base + COLIBRI_QREG_CTL, 4, COLIBRI_QCTL_ENABLE);
   while (!__atomic_load_n(&cb->read_index, __ATOMIC_ACQUIRE) && !faulted(m, &r) && !failed(m, &r)) {
      struct timespec ts = {0, 50000};

      if (now_ns() - start > seconds * 1000000000ull) {
         r.timeout = true;
         break;
      }
      nanosleep(&ts, NULL);
   }
   r.ns = now_ns() - start;
   wr(m, base + COLIBRI_QREG_CTL, 4, COLIBRI_QCTL_DISABLE);
   return r;
}
