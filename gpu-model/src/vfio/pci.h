/* SPDX-License-Identifier: MIT */
/*
 * The device's PCI configuration space.
 */
#ifndef CG_VFIO_PCI_H
#define CG_VFIO_PCI_H

#include <stdint.h>

#define PCI_CONFIG_SIZE 256

/* The MSI-X BAR: the table at its start, the pending bits behind it. */
#define MSIX_BAR_SIZE 0x1000
#define MSIX_PBA_AT 0x800

/* For tests (colibri-gpu --hostile): a seed, and what to lie about, see device/hostile.h. */
#define PCI_HOSTILE_SEED 0x80
#define PCI_HOSTILE_KINDS 0x84

struct pci_config {
   uint8_t data[PCI_CONFIG_SIZE];
   uint8_t writable[PCI_CONFIG_SIZE]; /**< bits that a write changes */
};

/** Power-on state of a device with @vram_size bytes (a power of two) behind BAR 2. */
void pci_config_reset(struct pci_config *c, uint64_t vram_size);

/** Makes PCI_HOSTILE_* writable. */
void pci_config_add_hostile(struct pci_config *c);

/** offset + count <= PCI_CONFIG_SIZE is the caller's care. */
void pci_config_read(const struct pci_config *c, uint64_t offset, uint32_t count, uint8_t *data);
uint32_t pci_config_get32(const struct pci_config *c, uint64_t offset);
void pci_config_write(struct pci_config *c, uint64_t offset, uint32_t count, const uint8_t *data);

#endif /* CG_VFIO_PCI_H */
