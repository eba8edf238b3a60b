/* SPDX-License-Identifier: MIT */
/*
 * The virtual GPU as its surroundings see it: register accesses go in, guest
 * memory is lent to it, interrupts come out as eventfd writes.  The vfio-user
 * server (src/vfio/), the tests and the standalone runner are its users.
 *
 * All functions may be called from any thread; they are serialised against
 * each other inside.
 */
#ifndef CG_DEVICE_H
#define CG_DEVICE_H

#include <stdbool.h>
#include <stdint.h>

#include "colibri_hw.h"

struct cg_device;

/** What distinguishes one device from another. */
struct cg_device_config {
   uint64_t vram_size; /**< bytes, a multiple of 4 KiB and a power of two */
   unsigned num_cus;   /**< compute units, 1..CG_MAX_CUS */
   unsigned vlen;      /**< bits of a vector register, a power of two in 128..2048 */
   bool sys_atomics;   /**< offer COLIBRI_FEATURE_SYS_ATOMICS */
   bool verbose;       /**< say on stderr what happens */
   bool hostile;       /**< it may be told to lie, see hostile.h */
   uint32_t hostile_seed, hostile_kinds; /**< what it is told at first */
};

#define CG_MAX_CUS 64

/**
 * @return the device in its power-on state, NULL with errno set when memory or threads cannot be had.
 */
struct cg_device *cg_device_create(const struct cg_device_config *config);
void cg_device_destroy(struct cg_device *dev);

const struct cg_device_config *cg_device_config(const struct cg_device *dev);

/** The memfd behind VRAM, and where this process has it mapped. */
int cg_device_vram_fd(const struct cg_device *dev);
uint8_t *cg_device_vram(const struct cg_device *dev);

/** BAR 0.  Sizes other than 4 and 8 and misaligned offsets read as 0 and write nothing. */
uint64_t cg_device_reg_read(struct cg_device *dev, uint64_t offset, unsigned size);
void cg_device_reg_write(struct cg_device *dev, uint64_t offset, unsigned size, uint64_t value);

/**
 * PCI's Bus Master Enable, on at first.  Without it no bus address leads anywhere: when this returns
 * nothing in the device uses guest memory.
 */
void cg_device_set_bus_master(struct cg_device *dev, bool on);

/** From now on another sequence of lies, or none (@kinds 0); only of a device that may. */
void cg_device_set_hostile(struct cg_device *dev, uint32_t seed, uint32_t kinds);

/** Everything but VRAM and the guest memory map to its power-on state. */
void cg_device_reset(struct cg_device *dev);

/** The same, and VRAM forgets what it contains, as without power. */
void cg_device_power_cycle(struct cg_device *dev);

/**
 * Lends the device the guest memory [iova, iova + size), which is @fd at @offset.  The fd stays the
 * caller's.
 * @return 0, -EINVAL (alignment, overflow, beyond the file's end), -EEXIST (overlap), -ENOSPC, -ENOMEM,
 * -EACCES (@writable of a file that is not) or mmap()'s error.
 */
int cg_device_dma_map(struct cg_device *dev, uint64_t iova, uint64_t size, int fd, uint64_t offset,
                      bool writable);

/**
 * Takes all that was lent in [iova, iova + size) back, which may be nothing: when this returns nothing in
 * the device uses it any more.
 * @return 0, or -EINVAL (alignment, overflow, or the range cuts what was lent as one: nothing happens).
 */
int cg_device_dma_unmap(struct cg_device *dev, uint64_t iova, uint64_t size);
void cg_device_dma_unmap_all(struct cg_device *dev);

/**
 * Interrupt @vec is raised by a write to @fd (-1: keep it pending until there is one).  The device owns
 * the fd from here on.
 */
void cg_device_set_irq(struct cg_device *dev, unsigned vec, int fd);
/** A masked vector stays pending; unmasking delivers it. */
void cg_device_mask_irq(struct cg_device *dev, unsigned vec, bool masked);
/** Raises @vec as the device itself would. */
void cg_device_trigger_irq(struct cg_device *dev, unsigned vec);
/** MSI-X pending bits. */
uint64_t cg_device_irq_pending(struct cg_device *dev);

#endif /* CG_DEVICE_H */
