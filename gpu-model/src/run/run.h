/* SPDX-License-Identifier: MIT */
/*
 * colibri-run: one kernel on the device, in one process, without a VM.
 */
#ifndef CG_RUN_H
#define CG_RUN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "device/device.h"

/** Memory of the pretended guest and the one address space in it. */
struct run_machine {
   struct cg_device *dev;
   uint8_t *ram;
   uint64_t used; /**< bytes of RAM handed out */
   uint64_t root; /**< bus address of the page table */
   struct colibri_status_page *sp;
};

/** How the kernel ended. */
struct run_result {
   uint32_t error; /**< COLIBRI_QERR_*, 0: well */
   bool timeout;
   uint64_t addr, pc, info;
   uint64_t ns;    /**< from the doorbell to the end */
};

/** Ends the program with a message. */
void run_die(const char *fmt, ...) __attribute__((format(printf, 1, 2), noreturn));

void run_machine_init(struct run_machine *m, const struct cg_device_config *config);
/** Zeroed memory at @va, readable, writable, executable, good for atomics. @return its host address */
uint8_t *run_map(struct run_machine *m, uint64_t va, uint64_t size);
struct run_result run_dispatch(struct run_machine *m, const struct colibri_pkt_dispatch *pkt,
                               unsigned seconds);

/**
 * Loads an ELF executable, or what else @path contains at @base.
 * @entry: symbol or NULL
 * @return the address of the first instruction
 */
uint64_t run_load(struct run_machine *m, const char *path, uint64_t base, const char *entry);

/** The contents of a file; ends the program when it cannot be read. */
uint8_t *run_read_file(const char *path, size_t *size);

#endif /* CG_RUN_H */
