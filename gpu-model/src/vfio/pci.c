/* SPDX-License-Identifier: MIT */
/*
 * PCI configuration space: a type 0 header and an MSI-X capability.
 */
#include <linux/pci_regs.h>
#include <string.h>

#include "colibri_hw.h"
#include "pci.h"

#define CAP_MSIX 0x40

static void
put16(uint8_t *p, uint16_t v)
{
   p[0] = v;
   p[1] = v >> 8;
}

static void
put32(uint8_t *p, uint32_t v)
{
   put16(p, v);
   put16(p + 2, v >> 16);
}

/* The address bits of a BAR are those that its size leaves: that is how its size is found out. */
static void
put_bar(struct pci_config *c, unsigned bar, uint32_t type, uint64_t size)
{
   unsigned at = PCI_BASE_ADDRESS_0 + 4 * bar;
   uint64_t mask = ~(size - 1);

   put32(c->data + at, type);
   put32(c->writable + at, mask & PCI_BASE_ADDRESS_MEM_MASK);
   if (type & PCI_BASE_ADDRESS_MEM_TYPE_64)
      put32(c->writable + at + 4, mask >> 32);
}

static void
put_msix(struct pci_config *c)
{
   uint8_t *cap = c->data + CAP_MSIX;

   cap[PCI_CAP_LIST_ID] = PCI_CAP_ID_MSIX;
   put16(cap + PCI_MSIX_FLAGS, COLIBRI_NUM_VECS - 1);
   put32(cap + PCI_MSIX_TABLE, COLIBRI_BAR_MSIX);
   put32(cap + PCI_MSIX_PBA, COLIBRI_BAR_MSIX | MSIX_PBA_AT);
   put16(c->writable + CAP_MSIX + PCI_MSIX_FLAGS, PCI_MSIX_FLAGS_ENABLE | PCI_MSIX_FLAGS_MASKALL);
}

void
pci_config_reset(struct pci_config *c, uint64_t vram_size)
{
   memset(c, 0, sizeof(*c));
   put16(c->data + PCI_VENDOR_ID, COLIBRI_PCI_VENDOR);
   put16(c->data + PCI_DEVICE_ID, COLIBRI_PCI_DEVICE);
   put16(c->data + PCI_SUBSYSTEM_VENDOR_ID, COLIBRI_PCI_VENDOR);
   put16(c->data + PCI_SUBSYSTEM_ID, COLIBRI_PCI_DEVICE);
   put32(c->data + PCI_CLASS_REVISION, COLIBRI_PCI_CLASS << 8);
   put16(c->data + PCI_STATUS, PCI_STATUS_CAP_LIST);
   c->data[PCI_CAPABILITY_LIST] = CAP_MSIX;
   put16(c->writable + PCI_COMMAND,
         PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER | PCI_COMMAND_INTX_DISABLE);
   c->writable[PCI_CACHE_LINE_SIZE] = 0xff;
   c->writable[PCI_INTERRUPT_LINE] = 0xff;
   put_bar(c, COLIBRI_BAR_REGS, 0, COLIBRI_BAR_REGS_SIZE);
   put_bar(c, COLIBRI_BAR_VRAM, PCI_BASE_ADDRESS_MEM_TYPE_64 | PCI_BASE_ADDRESS_MEM_PREFETCH,
           vram_size);
   put_bar(c, COLIBRI_BAR_MSIX, 0, MSIX_BAR_SIZE);
   put_msix(c);
}

void
pci_config_read(const struct pci_config *c, uint64_t offset, uint32_t count, uint8_t *data)
{
   memcpy(data, c->data + offset, count);
}

void
pci_config_add_hostile(struct pci_config *c)
{
   put32(c->writable + PCI_HOSTILE_SEED, ~0u);
   put32(c->writable + PCI_HOSTILE_KINDS, ~0u);
}

uint32_t
pci_config_get32(const struct pci_config *c, uint64_t offset)
{
   const uint8_t *p = c->data + offset;

   return p[0] | p[1] << 8 | p[2] << 16 | (uint32_t)p[3] << 24;
}

void
pci_config_write(struct pci_config *c, uint64_t offset, uint32_t count, const uint8_t *data)
{
   for (uint32_t i = 0; i < count; i++) {
      uint8_t w = c->writable[offset + i];
      uint8_t *p = &c->data[offset + i];

      *p = (*p & ~w) | (data[i] & w);
   }
}
