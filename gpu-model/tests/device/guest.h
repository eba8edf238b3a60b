/* SPDX-License-Identifier: MIT */
/*
 * A guest in a few hundred lines: memory, page tables, rings and queues as a
 * driver would set them up, for tests that run the device in their own
 * process.
 */
#ifndef GUEST_H
#define GUEST_H

#include <stdbool.h>
#include <stdint.h>

#include "device/device.h"
#include "kernels.h"

#define GUEST_RAM_BASE 0x40000000ull
#define GUEST_RAM_SIZE (64ull << 20)
#define PAGE 4096ull

/* Where the guest puts its things in each address space. */
#define VA_RINGS (COLIBRI_VA_DRIVER_ZONE + 0x10000000ull)
#define VA_CODE (COLIBRI_VA_DRIVER_ZONE + 0x20000000ull)
#define VA_ARGS (COLIBRI_VA_DRIVER_ZONE + 0x30000000ull)
#define VA_USER 0x7f0000000000ull

#define RW (COLIBRI_PTE_READ | COLIBRI_PTE_WRITE)
#define RWA (RW | COLIBRI_PTE_ATOMIC)

struct guest {
   struct cg_device *dev;
   int ram_fd;
   uint8_t *ram;
   uint8_t *vram; /**< as through BAR 2 */
   uint64_t ram_used;
   int irq[COLIBRI_NUM_VECS];
   struct colibri_status_page *sp;
   uint32_t fault_log2;
   struct colibri_fault *faults;
   struct colibri_mmu_cmd *mmu;
   uint64_t code; /**< bus address of the programs */
};

/** An address space. */
struct vm {
   struct guest *g;
   uint32_t asid;
   uint64_t root;
};

struct queue {
   struct guest *g;
   struct vm *vm;
   unsigned id;
   uint32_t log2;
   uint8_t *ring;
   struct colibri_queue_cb *cb;
   uint64_t ring_addr, cb_addr; /**< as in the registers */
   uint64_t args;               /**< VA of this queue's kernel arguments */
   uint8_t *args_host;
   unsigned next_arg;
};

/** The defaults of a small device; change what the test is about. */
struct cg_device_config guest_config(void);
/** A device with status page, fault ring of 1 << fault_log2 records and MMU ring. */
void guest_init(struct guest *g, const struct cg_device_config *config, uint32_t fault_log2);
void guest_fini(struct guest *g);

/** What a driver does after reset: rings again. */
void guest_setup_rings(struct guest *g);

uint64_t guest_alloc(struct guest *g, uint64_t size);
void *guest_ptr(struct guest *g, uint64_t bus);

uint32_t rd32(struct guest *g, uint64_t reg);
uint64_t rd64(struct guest *g, uint64_t reg);
void wr32(struct guest *g, uint64_t reg, uint32_t v);
void wr64(struct guest *g, uint64_t reg, uint64_t v);
uint32_t qrd32(struct queue *q, uint64_t reg);
uint64_t qrd64(struct queue *q, uint64_t reg);
void qctl(struct queue *q, uint32_t op);

/** An address space with the programs mapped. */
void vm_init(struct vm *vm, struct guest *g, uint32_t asid);
/** The entry for @va at @level (tables are made as needed). */
uint64_t *vm_entry(struct vm *vm, uint64_t va, int level);
/** Maps 4 KiB pages of guest memory. */
void vm_map(struct vm *vm, uint64_t va, uint64_t bus, uint64_t size, uint64_t perm);
/** New memory at @va. @return where the guest sees it */
void *vm_alloc(struct vm *vm, uint64_t va, uint64_t size, uint64_t perm);
void vm_unmap(struct vm *vm, uint64_t va, uint64_t size);

/** Queues a command and waits until it is complete. */
void mmu_cmd(struct guest *g, uint32_t op, uint32_t asid, uint64_t va, uint64_t size);
/** The same without waiting. @return the value of mmu_cons that means "complete" */
uint32_t mmu_post(struct guest *g, uint32_t op, uint32_t asid, uint64_t va, uint64_t size, uint64_t arg);
void mmu_wait(struct guest *g, uint32_t index);

/** Takes the next fault; false when none comes in time. */
bool fault_get(struct guest *g, struct colibri_fault *f, int timeout_ms);
/** Waits for an interrupt. */
bool irq_wait(struct guest *g, unsigned vec, int timeout_ms);

void queue_init(struct queue *q, struct vm *vm, unsigned id, uint32_t priority);
/** Queue 0. */
void queue_init_migrate(struct queue *q, struct guest *g);
void queue_enable(struct queue *q);
/** @return the packet's index */
uint64_t queue_push(struct queue *q, const void *packet);
void queue_ring(struct queue *q);
/** Waits until packet @index has retired; false in @timeout_ms. */
bool queue_wait(struct queue *q, uint64_t index, int timeout_ms);
/** Waits for the state; false in time. */
bool queue_wait_state(struct queue *q, uint32_t state, int timeout_ms);

/** A dispatch of @kernel over @items in groups of @wg, with @nargs 64-bit arguments. */
struct colibri_pkt_dispatch queue_kernel(struct queue *q, unsigned kernel, uint32_t items, uint32_t wg,
                                         unsigned nargs, const uint64_t *args);
#define KERNEL(q, kernel, items, wg, ...)                                         \
   queue_kernel(q, kernel, items, wg, sizeof((uint64_t[]){__VA_ARGS__}) / 8, \
                (uint64_t[]){__VA_ARGS__})
/** Pushes, rings. @return the packet's index */
uint64_t queue_run(struct queue *q, const void *packet);

uint64_t now_ns(void);
/** Repeats @cond until it is true or the time is over. */
#define WAIT_FOR(cond, timeout_ms)                                     \
   ({                                                                  \
      uint64_t end_ = now_ns() + (timeout_ms) * 1000000ull;            \
      bool ok_;                                                        \
      while (!(ok_ = (cond)) && now_ns() < end_)                       \
         guest_relax();                                                \
      ok_ || (cond);                                                   \
   })
void guest_relax(void);

#define LOAD(p) __atomic_load_n(p, __ATOMIC_ACQUIRE)
#define STORE(p, v) __atomic_store_n(p, v, __ATOMIC_RELEASE)

#endif /* GUEST_H */
