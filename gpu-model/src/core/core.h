/* SPDX-License-Identifier: MIT */
/*
 * The line between the cores and the rest of the device.
 *
 * A core executes waves (struct cg_wave: one RV64GCV hart of 64 work-items).
 * It knows instructions, its segments (local, private, stack) and a TLB; it
 * does not know page tables, queues or the guest.  Global addresses it asks of
 * cg_mem_ops.translate().  The device (src/device/) owns the waves, decides
 * which one a compute unit runs, and answers faults.
 */
#ifndef CG_CORE_H
#define CG_CORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "colibri_hw.h"

/** Most pages that one instruction can touch: 64 lanes, each crossing a page. */
#define CG_MAX_FAULTS 128

/** Why cg_wave_run() returned. */
enum cg_stop {
   CG_STOP_BUDGET,   /**< instruction budget used up, or a stop was asked for; call again */
   CG_STOP_BARRIER,  /**< at BARRIER; pc is behind it */
   CG_STOP_END,      /**< ENDW */
   CG_STOP_FAULT,    /**< wave->faults[] are to be resolved; call again to go on where it was */
   CG_STOP_ERROR,    /**< wave->error (COLIBRI_QERR_*), error_addr, error_pc */
};

/** One page that an instruction needs and did not get. */
struct cg_page_fault {
   uint64_t addr;    /**< first faulting byte in the page */
   uint8_t access;   /**< COLIBRI_ACCESS_*, the strongest needed */
};

/** What a translation gives: host memory of one naturally aligned extent of the VA space. */
struct cg_xlate {
   uint8_t *host;    /**< host address of va & ~(size - 1) */
   uint64_t size;    /**< 4096, 65536 or 2 MiB */
   uint8_t perm;     /**< CG_PERM_* granted */
   bool sys;         /**< system memory (else VRAM) */
};

#define CG_PERM_R 1
#define CG_PERM_W 2
#define CG_PERM_X 4
#define CG_PERM_A 8

enum cg_xlate_result {
   CG_XLATE_OK,
   CG_XLATE_FAULT,   /**< not present, or without the permission */
   CG_XLATE_BUS,     /**< the entry points outside VRAM and guest memory */
};

/**
 * Page walk, provided by the device.  Never blocks.  The result may be cached in the
 * core's TLB until the device calls cg_core_tlb_inv() or cg_core_tlb_flush().
 */
typedef enum cg_xlate_result (*cg_translate_fn)(void *priv, uint32_t asid, uint64_t va,
                                                uint8_t access, struct cg_xlate *out);

/**
 * The waves of a core use system memory a lot: about *hot_threshold accesses went to the aligned
 * 64 KiB at @va.  Called on the core's thread, while a wave runs.
 */
typedef void (*cg_hot_fn)(void *priv, uint32_t asid, uint64_t va);

struct cg_core;      /**< one compute unit's execution state: TLB, decode cache */
struct cg_wave;      /**< registers and progress of one wave */

/** What is uniform over a work-group; owned by the device, shared by the group's waves. */
struct cg_group {
   uint32_t asid;
   uint32_t wg_id[3], wg_size[3], wg_size_nom[3], grid_size[3];
   uint32_t dims, num_waves;
   uint64_t kernarg;
   uint8_t *lds;          /**< local memory, lds_size bytes */
   uint32_t lds_size;
   _Atomic bool together; /**< while a wave runs no other thread runs one of the group */
   uint32_t private_size; /**< bytes per work-item */
   uint32_t stack_size;   /**< bytes per wave */
};

struct cg_core_config {
   uint32_t vlen;         /**< bits, 128..2048, a power of two */
   bool sys_atomics;      /**< COLIBRI_FEATURE_SYS_ATOMICS */
   cg_translate_fn translate;
   cg_hot_fn hot;
   const _Atomic uint32_t *hot_threshold; /**< 0: off; flush the TLB after a change.  NULL: no access counters */
   void *priv;            /**< for the callbacks */
};

struct cg_core *cg_core_create(const struct cg_core_config *config);
void cg_core_destroy(struct cg_core *core);

/**
 * Forget translations and decoded code of [va, va + size) of an ASID.  Called on the thread that runs the core, or
 * while that thread is known to be outside cg_wave_run().
 */
void cg_core_tlb_inv(struct cg_core *core, uint32_t asid, uint64_t va, uint64_t size);
void cg_core_tlb_flush(struct cg_core *core);
void cg_core_icache_inv(struct cg_core *core, uint32_t asid);

/**
 * Any thread: make a running cg_wave_run() return CG_STOP_BUDGET within one instruction or a few (bounded by microseconds,
 * checked at least at every taken branch, every memory instruction and every decoded-block boundary).  Sticky until
 * cg_core_clear_stop(), called by the core's own thread.
 */
void cg_core_request_stop(struct cg_core *core);
void cg_core_clear_stop(struct cg_core *core);
bool cg_core_stop_requested(struct cg_core *core);

/**
 * Waves are big (32 vector registers, private memory, stack): create sets no state, reset prepares
 * one for a group as colibri_hw.h describes ("Cores") and keeps the memory for reuse.
 * @return false when memory for private segment or stack cannot be had.
 */
struct cg_wave *cg_wave_create(const struct cg_core_config *config);
void cg_wave_destroy(struct cg_wave *wave);
bool cg_wave_reset(struct cg_wave *wave, const struct cg_group *group, uint32_t wave_in_wg, uint64_t entry);

/** Execute up to @budget instructions.  A wave may run on another core each time. */
enum cg_stop cg_wave_run(struct cg_core *core, struct cg_wave *wave, uint64_t budget);

/** After CG_STOP_FAULT: the faulting pages, all those that the instruction still needs. */
const struct cg_page_fault *cg_wave_faults(const struct cg_wave *wave, unsigned *count);
/** After CG_STOP_ERROR. */
struct cg_wave_error { uint32_t code; uint64_t addr, pc; };
struct cg_wave_error cg_wave_error(const struct cg_wave *wave);
uint64_t cg_wave_pc(const struct cg_wave *wave);
/** Instructions retired since reset. */
uint64_t cg_wave_instret(const struct cg_wave *wave);

#endif /* CG_CORE_H */
