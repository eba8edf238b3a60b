/*
 * Copyright © 2026 Colibri developers
 * SPDX-License-Identifier: MIT
 */

/*
 * The device as the kernel offers it: one GPU address space that mirrors the
 * process, buffers bound in the driver's zone above it, and queues.
 *
 * The ioctls are those of ../libcolibri_drm; here is what is done with them.
 */
#ifndef COLIBRI_WS_H
#define COLIBRI_WS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "colibri_lines.h"
#include "libcolibri_drm.h"
#include "util/list.h"
#include "util/simple_mtx.h"
#include "util/vma.h"

struct colibri_ws {
   /** The render node, which is owned, and what it says about itself. */
   struct colibri_device dev;

   /** The one VM: its lower part is the address space of the process. */
   uint32_t vm_id;

   /** Protects va and named. */
   simple_mtx_t va_lock;

   /** What is free in the driver's zone. */
   struct util_vma_heap va;

   /** Buffers with a name. */
   struct list_head named;
};

/** What a buffer is for: decides placement and permissions. */
enum colibri_ws_bo_use {
   /** Machine code and its constants: the GPU cannot write it. */
   COLIBRI_WS_BO_CODE,
   /** What the CPU writes and the GPU reads once, such as kernel arguments. */
   COLIBRI_WS_BO_ARGS,
   /** Fence words and timestamps. */
   COLIBRI_WS_BO_FENCE,
};

/** A buffer, mapped for the CPU and bound in the VM. */
struct colibri_ws_bo {
   struct colibri_bo base;
   uint64_t va;

   /** What an error message calls an address in it, or NULL. */
   char *name;

   /** Where in the source the code with that name comes from. */
   struct colibri_lines lines;
   struct list_head named_link;
};

/**
 * Takes over @fd, makes the VM and lets it mirror the process.
 *
 * Says on stderr what is missing when it fails; @fd is then still the caller's.
 */
bool colibri_ws_open(struct colibri_ws *ws, int fd);

/** Destroys the VM and closes the file. All queues must be gone. */
void colibri_ws_close(struct colibri_ws *ws);

/** Makes a zeroed buffer. NULL: no memory or address space. */
struct colibri_ws_bo *colibri_ws_bo_create(struct colibri_ws *ws, uint64_t size,
                                           enum colibri_ws_bo_use use);

/** Lets messages call the kernel in @bo @name, and takes its lines over. */
void colibri_ws_bo_set_kernel(struct colibri_ws *ws, struct colibri_ws_bo *bo,
                              const char *name, struct colibri_lines *lines);

/**
 * Says what an instruction belongs to: "pc 0x..., in kernel NAME + 0x...,
 * FILE:LINE:COLUMN". The offset counts from the first byte of the code, as
 * COLIBRI_DEBUG=asm prints it. What is not known is left out.
 */
void colibri_ws_describe_pc(struct colibri_ws *ws, uint64_t pc, char *text,
                            size_t size);

/** Unbinds and frees it; the GPU must be done with it. NULL is fine. */
void colibri_ws_bo_destroy(struct colibri_ws *ws, struct colibri_ws_bo *bo);

/**
 * Asks for the pages that [@ptr, @ptr + @size) touches to move to VRAM or back.
 *
 * Only a hint: pages that cannot move stay where they are.
 */
void colibri_ws_prefetch(struct colibri_ws *ws, const void *ptr,
                         size_t size, bool to_vram);

/**
 * Says how the pages that [@ptr, @ptr + @size) touches are going to be used.
 *
 * @advice and @value are DRM_COLIBRI_SVM_ADVISE_*. Returns 0 or a negative errno.
 */
int colibri_ws_advise(struct colibri_ws *ws, const void *ptr, size_t size,
                      uint32_t advice, uint32_t value);

#endif /* COLIBRI_WS_H */
