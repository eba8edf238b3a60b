/* SPDX-License-Identifier: MIT */
/*
 * Fuzzes the running device: the input is what a guest does.  Packets for the
 * compute queue and the migration queue, MMU commands, register writes and
 * writes to guest memory, among them to the page tables, the rings and the
 * code that runs at the same time.
 *
 * Addresses in packets are made of a few bases and an offset, so that much of
 * what is tried gets somewhere.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "device/device.h"
#include "fuzz_code.h"

#define RAM_BASE 0x100000ull
#define RAM_PAGES 32
#define RAM_SIZE (RAM_PAGES * 4096ull)
#define VRAM_SIZE (1ull << 20)

/* Pages of the guest. */
enum { STATUS, FAULTS, MMU, RING, CB, MIG_RING, MIG_CB, LIST, ROOT, L4, L3, L2, L1, CODE, DESC, ARGS, DATA };

#define BUS(page) (RAM_BASE + (page) * 4096ull)
/* All pages of RAM are mapped from here on, then 16 pages of VRAM, then holes. */
#define VA 0x7000000000ull
#define RING_LOG2 5
#define TABLE (COLIBRI_PTE_VALID | COLIBRI_PTE_SYS)
#define LEAF (TABLE | COLIBRI_PTE_LEAF | COLIBRI_PTE_READ | COLIBRI_PTE_WRITE)

static struct cg_device *dev;
static uint8_t *ram, clean[RAM_SIZE];

static void
put_entry(unsigned page, unsigned level, uint64_t va, uint64_t entry)
{
   memcpy(clean + page * 4096 + (va >> COLIBRI_PT_SHIFT(level) & 511) * 8, &entry, 8);
}

static void
make_tables(void)
{
   put_entry(ROOT, 5, VA, BUS(L4) | TABLE);
   put_entry(L4, 4, VA, BUS(L3) | TABLE);
   put_entry(L3, 3, VA, BUS(L2) | TABLE);
   put_entry(L2, 2, VA, BUS(L1) | TABLE);
   for (unsigned i = 0; i < RAM_PAGES; i++)
      put_entry(L1, 1, VA + i * 4096, BUS(i) | LEAF | COLIBRI_PTE_ATOMIC | COLIBRI_PTE_EXEC);
   for (unsigned i = 0; i < 16; i++)
      put_entry(L1, 1, VA + (RAM_PAGES + i) * 4096,
                (i * 4096) | (LEAF & ~COLIBRI_PTE_SYS) | COLIBRI_PTE_ATOMIC);
}

static void
setup(void)
{
   struct cg_device_config config = {.vram_size = VRAM_SIZE, .num_cus = 2, .vlen = 2048, .sys_atomics = true};
   int fd = memfd_create("ram", MFD_CLOEXEC);
   struct colibri_kernel_desc desc = {.entry = VA + CODE * 4096, .stack_size = 256};

   dev = cg_device_create(&config);
   if (!dev || ftruncate(fd, RAM_SIZE) || cg_device_dma_map(dev, RAM_BASE, RAM_SIZE, fd, 0, true))
      abort();
   ram = mmap(NULL, RAM_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
   make_tables();
   memcpy(clean + CODE * 4096, fuzz_code, sizeof(fuzz_code));
   memcpy(clean + DESC * 4096, &desc, sizeof(desc));
   for (unsigned i = 0; i < 8; i++) {
      uint64_t arg = VA + (DATA + i * 3) * 4096;

      memcpy(clean + ARGS * 4096 + i * 8, &arg, 8);
   }
}

static void
wr(uint64_t reg, uint64_t value, unsigned size)
{
   cg_device_reg_write(dev, reg, size, value);
}

static void
enable_queue(unsigned id, uint64_t ring, uint64_t cb)
{
   wr(COLIBRI_REG_QUEUE(id) + COLIBRI_QREG_RING, ring, 8);
   wr(COLIBRI_REG_QUEUE(id) + COLIBRI_QREG_CB, cb, 8);
   wr(COLIBRI_REG_QUEUE(id) + COLIBRI_QREG_RING_LOG2, RING_LOG2, 4);
   wr(COLIBRI_REG_QUEUE(id) + COLIBRI_QREG_CTL, COLIBRI_QCTL_ENABLE, 4);
}

static void
power_on(void)
{
   wr(COLIBRI_REG_RESET, 1, 4);
   memcpy(ram, clean, RAM_SIZE);
   wr(COLIBRI_REG_STATUS_PAGE, BUS(STATUS), 8);
   wr(COLIBRI_REG_FAULT_RING_LOG2, 3, 4);
   wr(COLIBRI_REG_FAULT_RING, BUS(FAULTS), 8);
   wr(COLIBRI_REG_MMU_RING_LOG2, 5, 4);
   wr(COLIBRI_REG_MMU_RING, BUS(MMU), 8);
   wr(COLIBRI_REG_PT_ROOT(0), BUS(ROOT) | TABLE, 8);
   enable_queue(1, VA + RING * 4096, VA + CB * 4096);
   enable_queue(COLIBRI_MIGRATE_QUEUE, BUS(MIG_RING), BUS(MIG_CB));
}

/* ---- The input -------------------------------------------------------------------------*/

struct input {
   const uint8_t *p;
   size_t left;
};

static uint64_t
take(struct input *in, unsigned bytes)
{
   uint64_t v = 0;

   if (bytes > in->left)
      bytes = in->left;
   memcpy(&v, in->p, bytes);
   in->p += bytes;
   in->left -= bytes;
   return v;
}

static uint64_t
take_va(struct input *in)
{
   uint32_t v = take(in, 3);

   if (v >> 20 == 0xf)
      return take(in, 8);
   return VA + (v % (56 * 4096)) / (v & 1 ? 1 : 8) * (v & 1 ? 1 : 8);
}

static uint64_t
take_phys(struct input *in)
{
   uint32_t v = take(in, 3);

   if (v >> 20 == 0xf)
      return take(in, 8);
   return v & 1 ? COLIBRI_PHYS_SYS | (RAM_BASE + v % RAM_SIZE) : v;
}

static void
push(unsigned ring, unsigned cb, const void *packet)
{
   struct colibri_queue_cb *c = (void *)(ram + cb * 4096);
   uint64_t index = __atomic_load_n(&c->write_index, __ATOMIC_RELAXED);

   memcpy(ram + ring * 4096 + index % (1 << RING_LOG2) * COLIBRI_PACKET_SIZE, packet,
          COLIBRI_PACKET_SIZE);
   __atomic_store_n(&c->write_index, index + 1, __ATOMIC_RELEASE);
}

static void
push_dispatch(struct input *in)
{
   struct colibri_pkt_dispatch d = {
      .header = COLIBRI_PKT_DISPATCH | (take(in, 1) & 1 ? COLIBRI_PKT_BARRIER_BIT : 0),
      .setup = take(in, 1) % 5,
      .kernel_object = VA + DESC * 4096 + (take(in, 1) & 0xc0),
      .kernarg = VA + ARGS * 4096,
      .group_size = take(in, 1) * 300,
      .private_size = take(in, 1) * 16,
   };

   for (unsigned i = 0; i < 3; i++) {
      d.wg_size[i] = take(in, 1) & 0x7f;
      d.grid_size[i] = take(in, 2) & 0x3ff;
   }
   if (take(in, 1) & 1)
      d.completion_signal = take_va(in);
   push(RING, CB, &d);
}

static void
push_vendor(struct input *in)
{
   uint64_t w[8] = {0};
   uint16_t op = take(in, 1) % 8;

   w[0] = (uint64_t)op << 16 | take(in, 2) << 32;
   for (unsigned i = 1; i < 4; i++)
      w[i] = i < 3 && take(in, 1) & 1 ? take_va(in) : take(in, 3);
   w[7] = take(in, 1) & 1 ? take_va(in) : 0;
   push(RING, CB, w);
}

static void
push_barrier(struct input *in)
{
   struct colibri_pkt_barrier b = {.header = take(in, 1) & 1 ? COLIBRI_PKT_BARRIER_AND : COLIBRI_PKT_BARRIER_OR};

   for (unsigned i = 0; i < 5; i++)
      b.dep_signal[i] = take(in, 1) & 1 ? take_va(in) : 0;
   push(RING, CB, &b);
}

static void
push_migrate(struct input *in)
{
   struct colibri_pkt_migrate m = {
      .op = COLIBRI_OP_MIGRATE, .count = take(in, 1) % 40, .list = BUS(LIST) + take(in, 1) * 8};
   struct colibri_extent *e = (void *)(ram + LIST * 4096);

   for (unsigned i = 0; i < 4; i++)
      e[take(in, 1) % 64] = (struct colibri_extent){take_phys(in), take_phys(in), take(in, 2), take(in, 1) & 3};
   push(MIG_RING, MIG_CB, &m);
}

static void
push_raw(struct input *in)
{
   uint64_t w[8];

   for (unsigned i = 0; i < 8; i++)
      w[i] = take(in, 8);
   if (take(in, 1) & 1)
      push(RING, CB, w);
   else
      push(MIG_RING, MIG_CB, w);
}

static void
push_mmu(struct input *in)
{
   struct colibri_status_page *sp = (void *)(ram + STATUS * 4096);
   struct colibri_mmu_cmd cmd = {
      .op = take(in, 1) % 6, .asid = take(in, 1) & 1 ? take(in, 4) : 0, .va = take_va(in) & ~4095ull,
      .size = take(in, 1) * 4096};
   uint32_t prod = __atomic_load_n(&sp->mmu_prod, __ATOMIC_RELAXED);

   memcpy(ram + MMU * 4096 + prod % 32 * sizeof(cmd), &cmd, sizeof(cmd));
   __atomic_store_n(&sp->mmu_prod, prod + 1, __ATOMIC_RELEASE);
   wr(COLIBRI_REG_MMU_DOORBELL, 1, 4);
}

static void
poke_memory(struct input *in)
{
   uint64_t v = take(in, 8);

   memcpy(ram + (take(in, 3) % RAM_SIZE & ~7ull), &v, 8);
}

static void
poke_register(struct input *in)
{
   uint64_t reg = take(in, 2) % 0x5000;

   wr(take(in, 1) & 1 ? reg & ~7ull : reg & ~3ull, take(in, 4), take(in, 1) & 1 ? 8 : 4);
}

static void
ring_all(void)
{
   wr(COLIBRI_DOORBELL(1), 1, 4);
   wr(COLIBRI_DOORBELL(COLIBRI_MIGRATE_QUEUE), 1, 4);
   wr(COLIBRI_REG_MMU_DOORBELL, 1, 4);
   wr(COLIBRI_REG_FAULT_DOORBELL, 1, 4);
}

/* Gives what was started some time; endless kernels are ended by the next reset. */
static void
settle(void)
{
   struct colibri_queue_cb *cb = (void *)(ram + CB * 4096);

   ring_all();
   for (unsigned i = 0; i < 20; i++) {
      struct timespec ts = {0, 50000};

      if (__atomic_load_n(&cb->read_index, __ATOMIC_RELAXED) ==
             __atomic_load_n(&cb->write_index, __ATOMIC_RELAXED) ||
          cg_device_reg_read(dev, COLIBRI_REG_QUEUE(1) + COLIBRI_QREG_STATE, 4) ==
             COLIBRI_QSTATE_ERROR)
         break;
      nanosleep(&ts, NULL);
   }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
   static void (*const actions[])(struct input *) = {
      push_dispatch, push_dispatch, push_vendor, push_vendor, push_barrier, push_migrate,
      push_raw, push_mmu, push_mmu, poke_memory, poke_register,
   };
   struct input in = {data, size};

   if (!dev)
      setup();
   power_on();
   for (unsigned i = 0; in.left && i < 28; i++) {
      uint8_t action = take(&in, 1);

      actions[action % (sizeof(actions) / sizeof(actions[0]))](&in);
      if (action & 0x80)
         ring_all();
   }
   settle();
   return 0;
}
