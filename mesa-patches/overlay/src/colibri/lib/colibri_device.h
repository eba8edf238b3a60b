/*
 * Copyright © 2026 Colibri developers
 * SPDX-License-Identifier: MIT
 */

/*
 * The device as the kernel offers it: one GPU address space that mirrors the
 * process, buffers bound in the driver's zone above it, and queues.
 *
 * Nothing but the files of this folder makes ioctls.
 */
#ifndef COLIBRI_DEVICE_H
#define COLIBRI_DEVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "drm-uapi/colibri_drm.h"
#include "util/simple_mtx.h"
#include "util/vma.h"

struct colibri_device {
   /** The render node; owned. */
   int fd;

   /** The one VM: its lower part is the address space of the process. */
   uint32_t vm_id;

   struct drm_colibri_query_device info;

   /** Protects va. */
   simple_mtx_t va_lock;

   /** What is free in the driver's zone. */
   struct util_vma_heap va;
};

/** What a buffer is for: decides placement and permissions. */
enum colibri_bo_use {
   /** Machine code and its constants: the GPU cannot write it. */
   COLIBRI_BO_CODE,
   /** What the CPU writes and the GPU reads once, such as kernel arguments. */
   COLIBRI_BO_ARGS,
   /** Fence words and timestamps. */
   COLIBRI_BO_FENCE,
};

/** A buffer, mapped for the CPU and bound in the VM. */
struct colibri_bo {
   uint32_t handle;
   uint64_t size;
   uint64_t va;
   void *map;
};

/**
 * Takes over @fd, makes the VM and lets it mirror the process.
 *
 * Says on stderr what is missing when it fails; @fd is then still the caller's.
 */
bool colibri_device_open(struct colibri_device *dev, int fd);

/** Destroys the VM and closes the file. All queues must be gone. */
void colibri_device_close(struct colibri_device *dev);

/** Makes a zeroed buffer. NULL: no memory or address space. */
struct colibri_bo *colibri_bo_create(struct colibri_device *dev, uint64_t size,
                                     enum colibri_bo_use use);

/** Unbinds and frees it; the GPU must be done with it. NULL is fine. */
void colibri_bo_destroy(struct colibri_device *dev, struct colibri_bo *bo);

/**
 * Asks for the pages that [@ptr, @ptr + @size) touches to move to VRAM or back.
 *
 * Only a hint: pages that cannot move stay where they are.
 */
void colibri_device_prefetch(struct colibri_device *dev, const void *ptr,
                             size_t size, bool to_vram);

#endif /* COLIBRI_DEVICE_H */
