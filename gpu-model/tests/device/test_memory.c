/* SPDX-License-Identifier: MIT */
/*
 * Registers, page tables, the MMU ring and the migration engine.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "guest.h"
#include "test.h"

static struct guest g;
static struct vm vm;
static struct queue q, mig;

static void
setup(void)
{
   struct cg_device_config config = guest_config();

   guest_init(&g, &config, 8);
   vm_init(&vm, &g, 3);
   queue_init(&q, &vm, 1, 0);
   queue_enable(&q);
   queue_init_migrate(&mig, &g);
   queue_enable(&mig);
}

static void
registers(void)
{
   setup();
   CHECK(rd32(&g, COLIBRI_REG_ID) == COLIBRI_ID_MAGIC);
   CHECK(rd32(&g, COLIBRI_REG_VERSION) == COLIBRI_VERSION);
   CHECK(rd32(&g, COLIBRI_REG_STATUS) == COLIBRI_STATUS_READY);
   CHECK(rd32(&g, COLIBRI_REG_FEATURES) ==
         (COLIBRI_FEATURE_SYS_ATOMICS | COLIBRI_FEATURE_ACCESS_COUNTERS));
   CHECK(rd64(&g, COLIBRI_REG_VRAM_SIZE) == 16 << 20);
   CHECK(rd32(&g, COLIBRI_REG_NUM_CUS) == 2);
   CHECK(rd32(&g, COLIBRI_REG_WAVES_PER_QUEUE) == 64);
   CHECK(rd32(&g, COLIBRI_REG_NUM_QUEUES) == COLIBRI_MAX_QUEUES);

   uint64_t t1 = rd64(&g, COLIBRI_REG_TIMESTAMP);
   uint32_t lo = rd32(&g, COLIBRI_REG_TIMESTAMP), hi = rd32(&g, COLIBRI_REG_TIMESTAMP + 4);
   uint64_t t2 = (uint64_t)hi << 32 | lo;

   CHECK(t2 >= t1 && t2 - t1 < 10000000000ull);

   /* A 64-bit register changes with its high half. */
   wr32(&g, COLIBRI_REG_PT_ROOT(200), 0x1000);
   CHECK(rd64(&g, COLIBRI_REG_PT_ROOT(200)) == 0);
   wr32(&g, COLIBRI_REG_PT_ROOT(200) + 4, 0x55);
   CHECK(rd64(&g, COLIBRI_REG_PT_ROOT(200)) == 0x5500001000ull);
   CHECK(rd32(&g, COLIBRI_REG_PT_ROOT(200) + 4) == 0x55);

   /* Nothing there, or not so. */
   wr32(&g, 0x3000, 1);
   CHECK(rd32(&g, 0x3000) == 0);
   CHECK(cg_device_reg_read(g.dev, COLIBRI_REG_ID, 2) == 0);
   CHECK(cg_device_reg_read(g.dev, COLIBRI_REG_ID + 2, 4) == 0);
   CHECK(cg_device_reg_read(g.dev, COLIBRI_BAR_REGS_SIZE, 4) == 0);
   CHECK(cg_device_reg_read(g.dev, ~0ull - 3, 4) == 0);
   guest_fini(&g);
}

static void
queue_registers_locked(void)
{
   setup();
   CHECK(qrd32(&q, COLIBRI_QREG_STATE) == COLIBRI_QSTATE_ENABLED);
   wr64(&g, COLIBRI_REG_QUEUE(1) + COLIBRI_QREG_RING, 0x1000);
   wr32(&g, COLIBRI_REG_QUEUE(1) + COLIBRI_QREG_PRIORITY, 2);
   CHECK(qrd64(&q, COLIBRI_QREG_RING) == q.ring_addr);
   CHECK(qrd32(&q, COLIBRI_QREG_PRIORITY) == 0);
   qctl(&q, COLIBRI_QCTL_SUSPEND);
   CHECK(qrd32(&q, COLIBRI_QREG_STATE) == COLIBRI_QSTATE_SUSPENDED);
   qctl(&q, COLIBRI_QCTL_RESUME);
   CHECK(qrd32(&q, COLIBRI_QREG_STATE) == COLIBRI_QSTATE_ENABLED);
   qctl(&q, COLIBRI_QCTL_DISABLE);
   wr32(&g, COLIBRI_REG_QUEUE(1) + COLIBRI_QREG_PRIORITY, 2);
   CHECK(qrd32(&q, COLIBRI_QREG_PRIORITY) == 2);
   guest_fini(&g);
}

static void
dma_regions(void)
{
   setup();
   CHECK(cg_device_dma_map(g.dev, GUEST_RAM_BASE + PAGE, PAGE, g.ram_fd, 0, true) == -EEXIST);
   CHECK(cg_device_dma_map(g.dev, 0x1000, 0, g.ram_fd, 0, true) == -EINVAL);
   CHECK(cg_device_dma_map(g.dev, 0x1001, PAGE, g.ram_fd, 0, true) == -EINVAL);
   CHECK(cg_device_dma_map(g.dev, 0x1000, PAGE, g.ram_fd, GUEST_RAM_SIZE, true) == -EINVAL);
   CHECK(cg_device_dma_map(g.dev, ~0ull - PAGE + 1, 2 * PAGE, g.ram_fd, 0, true) == -EINVAL);
   CHECK(cg_device_dma_map(g.dev, 0x1000, PAGE, g.ram_fd, 0, true) == 0);
   CHECK(cg_device_dma_map(g.dev, 0x2000, 2 * PAGE, g.ram_fd, 0, true) == 0);
   CHECK(cg_device_dma_unmap(g.dev, 0x1000, 2 * PAGE) == -EINVAL);
   CHECK(cg_device_dma_unmap(g.dev, 0x3000, 2 * PAGE) == -EINVAL);
   CHECK(cg_device_dma_unmap(g.dev, 0, 16 * PAGE) == 0);
   CHECK(cg_device_dma_unmap(g.dev, 0x1000, PAGE) == 0);
   CHECK(cg_device_dma_unmap(g.dev, 0x1000, 0) == -EINVAL);
   CHECK(cg_device_dma_unmap(g.dev, 0x1000, 100) == -EINVAL);
   CHECK(cg_device_dma_unmap(g.dev, ~0ull - PAGE + 1, 2 * PAGE) == -EINVAL);
   guest_fini(&g);
}

/* A file that may only be read is lent for reading only. */
static void
dma_read_only_file(void)
{
   setup();
   char path[64];
   int fd = memfd_create("read-only", MFD_CLOEXEC), read_only;

   CHECK(!ftruncate(fd, PAGE));
   snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
   read_only = open(path, O_RDONLY | O_CLOEXEC);
   CHECK(cg_device_dma_map(g.dev, 0x1000, PAGE, read_only, 0, true) == -EACCES);
   CHECK(cg_device_dma_map(g.dev, 0x1000, PAGE, read_only, 0, false) == 0);
   CHECK(cg_device_dma_unmap(g.dev, 0x1000, PAGE) == 0);
   close(read_only);
   close(fd);
   guest_fini(&g);
}

static struct colibri_pkt_copy
copy_packet(uint64_t dst, uint64_t src, uint64_t size)
{
   return (struct colibri_pkt_copy){
      .header = COLIBRI_PKT_VENDOR, .op = COLIBRI_OP_COPY, .dst = dst, .src = src, .size = size};
}

static void
random_bytes(uint8_t *p, size_t n)
{
   for (size_t i = 0; i < n; i++)
      p[i] = rand();
}

/* A copy through scattered 4 KiB pages, 64 KiB and 2 MiB leaves, system memory and VRAM. */
static void
page_sizes(void)
{
   setup();
   uint64_t size = 300000, off = 123;
   uint8_t *src = vm_alloc(&vm, VA_USER, 4 << 20, RW);
   uint8_t *vram = g.vram;

   random_bytes(src, 4 << 20);
   *vm_entry(&vm, VA_USER + (1ull << 30), 2) =
      (2 << 20) | RW | COLIBRI_PTE_VALID | COLIBRI_PTE_LEAF;
   for (unsigned i = 0; i < 16; i++)
      for (unsigned b = 0; b < 8; b++)
         *vm_entry(&vm, VA_USER + (2ull << 30) + b * 65536 + i * PAGE, 1) =
            ((8 << 20) + b * 131072 + i * PAGE) | RW | COLIBRI_PTE_VALID | COLIBRI_PTE_LEAF |
            COLIBRI_PTE_CONT64;

   struct colibri_pkt_copy c = copy_packet(VA_USER + (1ull << 30) + off, VA_USER + 77, size);

   CHECK(queue_wait(&q, queue_run(&q, &c), 5000));
   CHECK(!memcmp(vram + (2 << 20) + off, src + 77, size));

   c = copy_packet(VA_USER + (2ull << 30) + 9, VA_USER + (1ull << 30) + off, size);
   CHECK(queue_wait(&q, queue_run(&q, &c), 5000));
   for (uint64_t i = 0; i < size; i++) {
      uint64_t at = 9 + i;

      CHECK(vram[(8 << 20) + (at >> 16) * 131072 + (at & 65535)] == src[77 + i]);
   }
   guest_fini(&g);
}

static void
expect_copy_error(uint64_t dst, uint64_t src, uint32_t error)
{
   struct colibri_pkt_copy c = copy_packet(dst, src, 64);

   queue_run(&q, &c);
   CHECK(queue_wait_state(&q, COLIBRI_QSTATE_ERROR, 5000));
   CHECK(qrd32(&q, COLIBRI_QREG_ERROR) == error);
   CHECK(irq_wait(&g, COLIBRI_VEC_ERROR, 1000));
   CHECK(__atomic_exchange_n(&g.sp->queue_error, 0, __ATOMIC_SEQ_CST) == 1ull << q.id);
   qctl(&q, COLIBRI_QCTL_DISABLE);
   CHECK(qrd32(&q, COLIBRI_QREG_ERROR) == 0);
   queue_enable(&q);
}

/* Entries that point outside of everything, malformed ones, addresses that are none. */
static void
bad_page_tables(void)
{
   setup();
   vm_alloc(&vm, VA_USER, PAGE, RW);
   vm_map(&vm, VA_USER + PAGE, 1ull << 50, PAGE, RW);
   *vm_entry(&vm, VA_USER + 2 * PAGE, 1) = (16 << 20) | RW | COLIBRI_PTE_VALID | COLIBRI_PTE_LEAF;
   *vm_entry(&vm, VA_USER + 3 * PAGE, 1) = RW | COLIBRI_PTE_VALID;
   *vm_entry(&vm, VA_USER + (1ull << 39), 3) = RW | COLIBRI_PTE_VALID | COLIBRI_PTE_LEAF;
   *vm_entry(&vm, VA_USER + (1ull << 40), 4) = (1ull << 50) | COLIBRI_PTE_VALID | COLIBRI_PTE_SYS;
   expect_copy_error(VA_USER, VA_USER + PAGE, COLIBRI_QERR_BUS);
   expect_copy_error(VA_USER + 2 * PAGE, VA_USER, COLIBRI_QERR_BUS);
   expect_copy_error(VA_USER + 3 * PAGE, VA_USER, COLIBRI_QERR_BUS);
   expect_copy_error(VA_USER + (1ull << 39), VA_USER, COLIBRI_QERR_BUS);
   expect_copy_error(VA_USER + (1ull << 40), VA_USER, COLIBRI_QERR_BUS);
   expect_copy_error(1ull << 57, VA_USER, COLIBRI_QERR_BAD_ADDRESS);
   expect_copy_error(VA_USER, (1ull << 57) - 32, COLIBRI_QERR_BAD_ADDRESS);
   expect_copy_error(VA_USER, ~0ull, COLIBRI_QERR_BAD_ADDRESS);
   guest_fini(&g);
}

static void
mmu_ring(void)
{
   setup();
   /* More than the ring holds, in order, with an interrupt. */
   for (unsigned i = 0; i < 1000; i++)
      mmu_post(&g, i % 3 ? COLIBRI_MMU_TLB_INV : COLIBRI_MMU_NOP, i % 256, i * PAGE, PAGE, 0);
   mmu_wait(&g, mmu_post(&g, COLIBRI_MMU_SYNC, 0, 0, 0, 1));
   CHECK(irq_wait(&g, COLIBRI_VEC_MMU, 1000));
   CHECK(rd32(&g, COLIBRI_REG_MMU_ERROR) == COLIBRI_MMU_ERR_NONE);
   mmu_cmd(&g, COLIBRI_MMU_TLB_INV, 3, 0, ~0ull);
   CHECK(rd32(&g, COLIBRI_REG_MMU_ERROR) == COLIBRI_MMU_ERR_NONE);

   /* Bad commands are skipped, and told. */
   mmu_cmd(&g, COLIBRI_MMU_TLB_INV, 256, 0, PAGE);
   CHECK(rd32(&g, COLIBRI_REG_MMU_ERROR) == COLIBRI_MMU_ERR_BAD_CMD);
   mmu_cmd(&g, 77, 0, 0, PAGE);
   mmu_cmd(&g, COLIBRI_MMU_TLB_INV, 0, 12, PAGE);
   mmu_cmd(&g, COLIBRI_MMU_TLB_INV, 0, 1ull << 57, PAGE);
   mmu_cmd(&g, COLIBRI_MMU_TLB_INV, 0, PAGE, 1ull << 57);
   mmu_cmd(&g, COLIBRI_MMU_NOP, 0, 0, 0);

   /* An index beyond the ring stops it until reset. */
   STORE(&g.sp->mmu_prod, g.sp->mmu_cons + 1000);
   wr32(&g, COLIBRI_REG_MMU_DOORBELL, 1);
   CHECK(WAIT_FOR(rd32(&g, COLIBRI_REG_MMU_ERROR) == COLIBRI_MMU_ERR_BAD_RING, 5000));
   wr32(&g, COLIBRI_REG_RESET, 1);
   CHECK(rd32(&g, COLIBRI_REG_MMU_ERROR) == COLIBRI_MMU_ERR_NONE);
   CHECK(rd64(&g, COLIBRI_REG_STATUS_PAGE) == 0);
   CHECK(rd64(&g, COLIBRI_REG_PT_ROOT(3)) == 0);
   guest_setup_rings(&g);
   mmu_cmd(&g, COLIBRI_MMU_NOP, 0, 0, 0);
   guest_fini(&g);
}

static void
push_migrate(uint64_t list, uint32_t count)
{
   struct colibri_pkt_migrate m = {
      .header = COLIBRI_PKT_VENDOR, .op = COLIBRI_OP_MIGRATE, .count = count, .list = list};

   queue_push(&mig, &m);
}

static bool
migrate_fence(uint64_t fence, uint64_t value)
{
   struct colibri_pkt_fence f = {.header = COLIBRI_PKT_VENDOR,
                                 .op = COLIBRI_OP_FENCE,
                                 .flags = COLIBRI_FENCE_IRQ,
                                 .addr = fence,
                                 .value = value};

   queue_push(&mig, &f);
   queue_ring(&mig);
   return irq_wait(&g, COLIBRI_VEC_MIGRATE, 5000) &&
          LOAD((uint64_t *)guest_ptr(&g, fence)) == value;
}

#define IOVA_BASE (1ull << 40)
#define IOVA_PAGES 32768u

static uint64_t
iova(unsigned page)
{
   return IOVA_BASE + (uint64_t)page * PAGE;
}

/* Copies @pages from @page on to VRAM. */
static bool
migrate_from_iova(uint64_t list, uint64_t fence, unsigned page, unsigned pages)
{
   static uint64_t value;

   *(struct colibri_extent *)guest_ptr(&g, list) =
      (struct colibri_extent){.dst = 0, .src = iova(page) | COLIBRI_PHYS_SYS, .size = pages * PAGE};
   push_migrate(list, 1);
   return migrate_fence(fence, ++value);
}

/*
 * As behind an IOMMU: 128 MiB lent page by page, in another order than the
 * file's, and taken back so.  One extent covers what the host has in pieces.
 */
static void
dma_page_by_page(void)
{
   setup();
   uint64_t list = guest_alloc(&g, PAGE), fence = guest_alloc(&g, PAGE), src = guest_alloc(&g, 512 * PAGE);

   for (unsigned i = 0; i < 512; i++)
      memset(guest_ptr(&g, src + (uint64_t)i * PAGE), i * 7 + 1, PAGE);
   for (unsigned i = 0; i < IOVA_PAGES; i++) {
      unsigned page = i * 7919u % IOVA_PAGES;

      CHECK(!cg_device_dma_map(g.dev, iova(page), PAGE, g.ram_fd,
                               src - GUEST_RAM_BASE + (uint64_t)(511 - page % 512) * PAGE, true));
   }
   CHECK(migrate_from_iova(list, fence, 512 * 3 + 1, 512));
   for (unsigned i = 0; i < 512; i++)
      CHECK(g.vram[i * PAGE + 7] == (uint8_t)((511 - (i + 1) % 512) * 7 + 1));

   for (unsigned page = 1; page < IOVA_PAGES; page += 2)
      CHECK(!cg_device_dma_unmap(g.dev, iova(page), PAGE));
   CHECK(migrate_from_iova(list, fence, 2, 1));
   CHECK(g.vram[7] == (uint8_t)(509 * 7 + 1));
   /* All that is left, at once. */
   CHECK(!cg_device_dma_unmap(g.dev, IOVA_BASE, IOVA_PAGES * PAGE));
   migrate_from_iova(list, fence, 2, 1);
   CHECK(qrd32(&mig, COLIBRI_QREG_ERROR) == COLIBRI_QERR_BUS);
   guest_fini(&g);
}

/* 512 scattered pages to VRAM, back to others, and cleared. */
static void
migrate_scattered(void)
{
   setup();
   uint64_t list = guest_alloc(&g, 512 * sizeof(struct colibri_extent)), fence = guest_alloc(&g, PAGE);
   uint64_t src = guest_alloc(&g, 2 << 20), dst = guest_alloc(&g, 2 << 20);
   struct colibri_extent *e = guest_ptr(&g, list);
   uint8_t *vram = g.vram;

   random_bytes(guest_ptr(&g, src), 2 << 20);
   for (unsigned i = 0; i < 512; i++)
      e[i] = (struct colibri_extent){i * 2 * PAGE, COLIBRI_PHYS_SYS | (src + (511 - i) * PAGE), PAGE, 0};
   push_migrate(list, 512);
   CHECK(migrate_fence(fence, 41));
   for (unsigned i = 0; i < 512; i++) {
      CHECK(!memcmp(vram + i * 2 * PAGE, (uint8_t *)guest_ptr(&g, src) + (511 - i) * PAGE, PAGE));
      e[i] = (struct colibri_extent){COLIBRI_PHYS_SYS | (dst + (511 - i) * PAGE), i * 2 * PAGE, PAGE, 0};
   }
   push_migrate(list, 512);
   CHECK(migrate_fence(fence, 42));
   CHECK(!memcmp(guest_ptr(&g, src), guest_ptr(&g, dst), 2 << 20));

   e[0] = (struct colibri_extent){0, 0, 4 << 20, COLIBRI_EXTENT_CLEAR};
   push_migrate(list, 1);
   CHECK(migrate_fence(fence, 43));
   for (unsigned i = 0; i < 4 << 20; i++)
      CHECK(vram[i] == 0);
   guest_fini(&g);
}

/* Large extents take another way, unless they are not of whole lines, or overlap. */
static void
migrate_large(void)
{
   setup();
   static const struct {
      uint64_t dst, src, size;
   } cases[] = {
      {0, 0, 2 << 20},
      {64, 1, (1 << 20) + (512 << 10)},
      {3, 0, 1 << 20},
      {0, 64, (256 << 10) + 1},
      {4096, 5, 256 << 10},
   };
   uint64_t list = guest_alloc(&g, PAGE), fence = guest_alloc(&g, PAGE);
   uint64_t src = guest_alloc(&g, 4 << 20);
   struct colibri_extent *e = guest_ptr(&g, list);
   uint8_t *bytes = guest_ptr(&g, src), *vram = g.vram;

   random_bytes(bytes, 4 << 20);
   for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
      uint64_t dst = cases[i].dst, n = cases[i].size;

      memset(vram, 0xa5, 4 << 20);
      e[0] = (struct colibri_extent){dst, COLIBRI_PHYS_SYS | (src + cases[i].src), n, 0};
      push_migrate(list, 1);
      CHECK(migrate_fence(fence, i + 1));
      CHECK(!memcmp(vram + dst, bytes + cases[i].src, n));
      CHECK(vram[dst + n] == 0xa5 && (!dst || vram[dst - 1] == 0xa5));
   }

   /* Onto itself, a line further on. */
   memcpy(vram, bytes, 1 << 20);
   e[0] = (struct colibri_extent){64, 0, 512 << 10, 0};
   push_migrate(list, 1);
   CHECK(migrate_fence(fence, 100));
   CHECK(!memcmp(vram + 64, bytes, 512 << 10));
   guest_fini(&g);
}

static void
expect_migrate_error(uint32_t error)
{
   queue_ring(&mig);
   CHECK(queue_wait_state(&mig, COLIBRI_QSTATE_ERROR, 5000));
   CHECK(qrd32(&mig, COLIBRI_QREG_ERROR) == error);
   CHECK(irq_wait(&g, COLIBRI_VEC_ERROR, 1000));
   qctl(&mig, COLIBRI_QCTL_DISABLE);
   queue_enable(&mig);
}

/* A bad extent leaves the good ones before it alone. */
static void
migrate_bad_input(void)
{
   setup();
   uint64_t list = guest_alloc(&g, PAGE), page = guest_alloc(&g, PAGE);
   struct colibri_extent *e = guest_ptr(&g, list);
   uint8_t *vram = g.vram;
   struct colibri_pkt_dispatch d = {.header = COLIBRI_PKT_DISPATCH};
   struct colibri_pkt_fence f = {.op = COLIBRI_OP_FENCE, .addr = 12};

   memset(guest_ptr(&g, page), 7, PAGE);
   e[0] = (struct colibri_extent){0, COLIBRI_PHYS_SYS | page, PAGE, 0};
   e[1] = (struct colibri_extent){16 << 20, COLIBRI_PHYS_SYS | page, PAGE, 0};
   push_migrate(list, 2);
   expect_migrate_error(COLIBRI_QERR_BUS);
   CHECK(vram[0] == 0);
   e[1] = (struct colibri_extent){0, COLIBRI_PHYS_SYS | 0x1000, PAGE, 0};
   push_migrate(list, 2);
   expect_migrate_error(COLIBRI_QERR_BUS);
   e[1] = (struct colibri_extent){0, (16 << 20) - 1, 2, 0};
   push_migrate(list, 2);
   expect_migrate_error(COLIBRI_QERR_BUS);
   e[1] = (struct colibri_extent){0, 0, PAGE, 2};
   push_migrate(list, 2);
   expect_migrate_error(COLIBRI_QERR_BAD_PACKET);
   CHECK(vram[0] == 0);
   push_migrate(list, 0);
   expect_migrate_error(COLIBRI_QERR_BAD_PACKET);
   push_migrate(list, COLIBRI_MAX_EXTENTS + 1);
   expect_migrate_error(COLIBRI_QERR_BAD_PACKET);
   push_migrate(0x1000, 1);
   expect_migrate_error(COLIBRI_QERR_BUS);
   queue_push(&mig, &d);
   expect_migrate_error(COLIBRI_QERR_BAD_PACKET);
   queue_push(&mig, &f);
   expect_migrate_error(COLIBRI_QERR_MISALIGNED);
   f.addr = 0x1000;
   queue_push(&mig, &f);
   expect_migrate_error(COLIBRI_QERR_FENCE_UNMAPPED);
   STORE(&mig.cb->write_index, 65);
   expect_migrate_error(COLIBRI_QERR_BAD_RING);
   guest_fini(&g);
}

/* Guest memory goes away while copies into it run: an error, no access. */
static void
unmap_under_load(void)
{
   setup();
   int fd = memfd_create("more", MFD_CLOEXEC);
   struct colibri_pkt_copy c = copy_packet(VA_USER, VA_USER + (2 << 20), 1 << 20);

   CHECK(!ftruncate(fd, 4 << 20));
   CHECK(!cg_device_dma_map(g.dev, 1ull << 40, 4 << 20, fd, 0, true));
   vm_map(&vm, VA_USER, 1ull << 40, 4 << 20, RW);
   for (unsigned i = 0; i < 50; i++)
      queue_run(&q, &c);
   CHECK(!cg_device_dma_unmap(g.dev, 1ull << 40, 4 << 20));
   CHECK(queue_wait_state(&q, COLIBRI_QSTATE_ERROR, 5000));
   CHECK(qrd32(&q, COLIBRI_QREG_ERROR) == COLIBRI_QERR_BUS);
   close(fd);
   guest_fini(&g);
}

const struct test memory_tests[] = {
   {"registers", registers},
   {"queue-registers-locked", queue_registers_locked},
   {"dma-regions", dma_regions},
   {"dma-read-only-file", dma_read_only_file},
   {"dma-page-by-page", dma_page_by_page},
   {"page-sizes", page_sizes},
   {"bad-page-tables", bad_page_tables},
   {"mmu-ring", mmu_ring},
   {"migrate-scattered", migrate_scattered},
   {"migrate-large", migrate_large},
   {"migrate-bad-input", migrate_bad_input},
   {"unmap-under-load", unmap_under_load},
   {0},
};
