/*
 * Copyright © 2026 Colibri developers
 * SPDX-License-Identifier: MIT
 */

/* Device, VM and buffers, by libcolibri_drm. */
#include "colibri_ws.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "colibri_debug.h"
#include "util/log.h"
#include "util/u_math.h"

#define COLIBRI_PAGE 4096

static bool
query_info(struct colibri_ws *ws, int fd)
{
   int ret = colibri_device_init(&ws->dev, fd);

   if (ret) {
      mesa_loge("colibri: device query failed: %s", strerror(-ret));
      return false;
   }
   if (!(ws->dev.info.svm_flags & DRM_COLIBRI_SVM_MIRROR)) {
      mesa_loge("colibri: the kernel driver cannot mirror address spaces");
      return false;
   }
   return true;
}

static void
destroy_vm(struct colibri_ws *ws)
{
   int ret = colibri_vm_destroy(&ws->dev, ws->vm_id);

   if (ret)
      mesa_logw("colibri: cannot destroy the VM: %s", strerror(-ret));
}

static bool
create_mirrored_vm(struct colibri_ws *ws)
{
   int ret = colibri_vm_create(&ws->dev, &ws->vm_id);

   if (ret) {
      mesa_loge("colibri: cannot create a VM: %s", strerror(-ret));
      return false;
   }
   ret = colibri_vm_mirror(&ws->dev, ws->vm_id);
   if (ret) {
      mesa_loge("colibri: cannot mirror the address space: %s",
                strerror(-ret));
      destroy_vm(ws);
      return false;
   }
   return true;
}

bool
colibri_ws_open(struct colibri_ws *ws, int fd)
{
   memset(ws, 0, sizeof(*ws));
   if (!query_info(ws, fd) || !create_mirrored_vm(ws))
      return false;

   simple_mtx_init(&ws->va_lock, mtx_plain);
   list_inithead(&ws->named);
   util_vma_heap_init(&ws->va, ws->dev.info.va_zone_start,
                      ws->dev.info.va_zone_end - ws->dev.info.va_zone_start);
   ws->va.alloc_high = false;
   return true;
}

void
colibri_ws_close(struct colibri_ws *ws)
{
   destroy_vm(ws);
   util_vma_heap_finish(&ws->va);
   simple_mtx_destroy(&ws->va_lock);
   colibri_device_close(&ws->dev);
}

static const struct {
   uint32_t placement;
   uint32_t gem_flags;
   uint32_t bind_flags;
} bo_uses[] = {
   [COLIBRI_WS_BO_CODE] = {
      .placement = DRM_COLIBRI_GEM_SYSTEM | DRM_COLIBRI_GEM_VRAM,
      .bind_flags = DRM_COLIBRI_VM_BIND_READONLY | DRM_COLIBRI_VM_BIND_EXEC,
   },
   [COLIBRI_WS_BO_ARGS] = {
      .placement = DRM_COLIBRI_GEM_SYSTEM,
      .bind_flags = DRM_COLIBRI_VM_BIND_READONLY,
   },
   [COLIBRI_WS_BO_FENCE] = {
      .placement = DRM_COLIBRI_GEM_SYSTEM,
      .gem_flags = DRM_COLIBRI_GEM_FENCE,
   },
};

/* The address stays taken until the buffer is destroyed, bound or not. */
static int
bo_bind(struct colibri_ws *ws, struct colibri_ws_bo *bo, uint32_t flags)
{
   simple_mtx_lock(&ws->va_lock);
   bo->va = util_vma_heap_alloc(&ws->va, bo->base.size, COLIBRI_PAGE);
   simple_mtx_unlock(&ws->va_lock);
   if (!bo->va)
      return -ENOMEM;
   return colibri_vm_map(&ws->dev, ws->vm_id, &bo->base, bo->va, flags);
}

struct colibri_ws_bo *
colibri_ws_bo_create(struct colibri_ws *ws, uint64_t size,
                     enum colibri_ws_bo_use use)
{
   struct colibri_ws_bo *bo = calloc(1, sizeof(*bo));
   if (!bo)
      return NULL;

   int ret = colibri_bo_create(&ws->dev, size, bo_uses[use].placement,
                               bo_uses[use].gem_flags, &bo->base);
   if (!ret)
      ret = bo_bind(ws, bo, bo_uses[use].bind_flags);
   if (ret) {
      mesa_loge("colibri: cannot make a buffer of %" PRIu64 " bytes: %s", size,
                strerror(-ret));
      colibri_ws_bo_destroy(ws, bo);
      return NULL;
   }
   return bo;
}

void
colibri_ws_bo_set_kernel(struct colibri_ws *ws, struct colibri_ws_bo *bo,
                         const char *name, struct colibri_lines *lines)
{
   assert(!bo->name);
   bo->lines = *lines;
   memset(lines, 0, sizeof(*lines));
   bo->name = strdup(name);
   if (!bo->name)
      return;
   simple_mtx_lock(&ws->va_lock);
   list_add(&bo->named_link, &ws->named);
   simple_mtx_unlock(&ws->va_lock);
}

static void
describe_in_kernel(const struct colibri_ws_bo *bo, uint64_t pc, char *text,
                   size_t size)
{
   const uint64_t offset = pc - bo->va - sizeof(struct colibri_kernel_desc);
   char place[256];
   bool known =
      colibri_lines_describe(&bo->lines, offset, place, sizeof(place));

   snprintf(text, size, "pc 0x%" PRIx64 ", in kernel %s + 0x%" PRIx64 "%s%s",
            pc, bo->name, offset, known ? ", " : "", known ? place : "");
}

void
colibri_ws_describe_pc(struct colibri_ws *ws, uint64_t pc, char *text,
                       size_t size)
{
   snprintf(text, size, "pc 0x%" PRIx64, pc);
   simple_mtx_lock(&ws->va_lock);
   list_for_each_entry(struct colibri_ws_bo, bo, &ws->named, named_link) {
      if (pc >= bo->va && pc - bo->va < bo->base.size) {
         describe_in_kernel(bo, pc, text, size);
         break;
      }
   }
   simple_mtx_unlock(&ws->va_lock);
}

static void
forget_kernel(struct colibri_ws *ws, struct colibri_ws_bo *bo)
{
   if (bo->name) {
      simple_mtx_lock(&ws->va_lock);
      list_del(&bo->named_link);
      simple_mtx_unlock(&ws->va_lock);
      free(bo->name);
   }
   colibri_lines_finish(&bo->lines);
}

void
colibri_ws_bo_destroy(struct colibri_ws *ws, struct colibri_ws_bo *bo)
{
   if (!bo)
      return;

   forget_kernel(ws, bo);

   /* An address that may still be bound is not used again. */
   if (bo->va && !colibri_vm_unmap(&ws->dev, ws->vm_id, bo->va, bo->base.size)) {
      simple_mtx_lock(&ws->va_lock);
      util_vma_heap_free(&ws->va, bo->va, bo->base.size);
      simple_mtx_unlock(&ws->va_lock);
   }
   colibri_bo_destroy(&ws->dev, &bo->base);
   free(bo);
}

void
colibri_ws_prefetch(struct colibri_ws *ws, const void *ptr, size_t size,
                    bool to_vram)
{
   uintptr_t start = ROUND_DOWN_TO((uintptr_t)ptr, COLIBRI_PAGE);
   uintptr_t end = align64((uintptr_t)ptr + size, COLIBRI_PAGE);
   int ret = colibri_svm_prefetch(
      &ws->dev, ws->vm_id, (const void *)start, end - start,
      to_vram ? DRM_COLIBRI_SVM_LOC_VRAM : DRM_COLIBRI_SVM_LOC_SYSTEM);

   if (ret && colibri_debug(COLIBRI_DBG_SUBMIT))
      mesa_logi("colibri: prefetch of %p, %zu bytes: %s", ptr, size,
                strerror(-ret));
}

int
colibri_ws_advise(struct colibri_ws *ws, const void *ptr, size_t size,
                  uint32_t advice, uint32_t value)
{
   uintptr_t start = ROUND_DOWN_TO((uintptr_t)ptr, COLIBRI_PAGE);
   uintptr_t end = align64((uintptr_t)ptr + size, COLIBRI_PAGE);

   return colibri_svm_advise(&ws->dev, ws->vm_id, (const void *)start,
                             end - start, advice, value);
}
