/* SPDX-License-Identifier: MIT */
/*
 * Fuzzes the page walk: the input is the guest's memory, page tables and all.
 * Whatever it contains, a translation lies within guest memory or VRAM.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "device/internal.h"

#define RAM_BASE 0x1000ull
#define RAM_SIZE (16 * 4096ull)
#define VRAM_SIZE (1ull << 20)

static struct cg_device *dev;
static uint8_t *ram;

static void
setup(void)
{
   struct cg_device_config config = {.vram_size = VRAM_SIZE, .num_cus = 1, .vlen = 2048};
   int fd = memfd_create("ram", MFD_CLOEXEC);

   dev = cg_device_create(&config);
   if (!dev || ftruncate(fd, RAM_SIZE) || cg_device_dma_map(dev, RAM_BASE, RAM_SIZE, fd, 0, true))
      abort();
   ram = mmap(NULL, RAM_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
}

static void
check(const struct cg_xlate *x, uint8_t access)
{
   const uint8_t *end = x->host + x->size;
   const uint8_t *lent = cg_sys_ptr(dev, RAM_BASE, RAM_SIZE, false);
   bool in_ram = x->host >= lent && end <= lent + RAM_SIZE;
   bool in_vram = x->host >= dev->vram && end <= dev->vram + VRAM_SIZE;

   if (x->sys ? !in_ram : !in_vram)
      abort();
   if (x->size != 4096 && x->size != 65536 && x->size != 2 << 20)
      abort();
   if (access == COLIBRI_ACCESS_WRITE && !(x->perm & CG_PERM_W))
      abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
   uint64_t va = 0, root = 0;

   if (!dev)
      setup();
   if (size < 24)
      return -1;
   memcpy(&root, data, 8);
   memcpy(&va, data + 8, 8);
   data += 16;
   size -= 16;
   if (size > RAM_SIZE)
      size = RAM_SIZE;
   memcpy(ram, data, size);
   memset(ram + size, 0, RAM_SIZE - size);

   /* Half of the roots are good ones, so that the tables are reached. */
   if (root & 1)
      root = RAM_BASE | COLIBRI_PTE_VALID | COLIBRI_PTE_SYS;
   atomic_store(&dev->pt_root[0], root);
   for (unsigned i = 0; i < 32; i++) {
      /* Low bits of the indices, so that they stay in what the input can fill. */
      uint64_t at = va;
      struct cg_xlate x;

      if (i & 1)
         at &= 0x000f00f00f00ffffull;
      if (cg_mmu_walk(dev, 0, at, i & 3, &x) == CG_XLATE_OK)
         check(&x, i & 3);
      va = va * 6364136223846793005ull + 1442695040888963407ull;
   }
   return 0;
}
