/*
 * Copyright © 2026 Colibri developers
 * SPDX-License-Identifier: MIT
 */

/* Device, VM and buffers: the ioctls behind colibri_device.h. */
#include "colibri_device.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <xf86drm.h>

#include "colibri_debug.h"
#include "util/log.h"
#include "util/u_math.h"

#define COLIBRI_PAGE 4096

static bool
query_info(struct colibri_device *dev)
{
   struct drm_colibri_query query = {
      .query = DRM_COLIBRI_QUERY_DEVICE,
      .size = sizeof(dev->info),
      .data = (uintptr_t)&dev->info,
   };

   if (drmIoctl(dev->fd, DRM_IOCTL_COLIBRI_QUERY, &query)) {
      mesa_loge("colibri: device query failed: %s", strerror(errno));
      return false;
   }
   if (!(dev->info.svm_flags & DRM_COLIBRI_SVM_MIRROR)) {
      mesa_loge("colibri: the kernel driver cannot mirror address spaces");
      return false;
   }
   return true;
}

static bool
create_mirrored_vm(struct colibri_device *dev)
{
   struct drm_colibri_vm_create vm = {0};

   if (drmIoctl(dev->fd, DRM_IOCTL_COLIBRI_VM_CREATE, &vm)) {
      mesa_loge("colibri: cannot create a VM: %s", strerror(errno));
      return false;
   }
   dev->vm_id = vm.vm_id;

   struct drm_colibri_vm_bind bind = {
      .vm_id = vm.vm_id,
      .op = DRM_COLIBRI_VM_BIND_OP_MIRROR,
   };
   if (drmIoctl(dev->fd, DRM_IOCTL_COLIBRI_VM_BIND, &bind)) {
      mesa_loge("colibri: cannot mirror the address space: %s",
                strerror(errno));
      return false;
   }
   return true;
}

static void
destroy_vm(struct colibri_device *dev)
{
   struct drm_colibri_vm_destroy destroy = {.vm_id = dev->vm_id};

   if (drmIoctl(dev->fd, DRM_IOCTL_COLIBRI_VM_DESTROY, &destroy))
      mesa_logw("colibri: cannot destroy the VM: %s", strerror(errno));
}

bool
colibri_device_open(struct colibri_device *dev, int fd)
{
   memset(dev, 0, sizeof(*dev));
   dev->fd = fd;

   if (!query_info(dev))
      return false;

   if (!create_mirrored_vm(dev)) {
      if (dev->vm_id)
         destroy_vm(dev);
      return false;
   }

   simple_mtx_init(&dev->va_lock, mtx_plain);
   util_vma_heap_init(&dev->va, dev->info.va_zone_start,
                      dev->info.va_zone_end - dev->info.va_zone_start);
   dev->va.alloc_high = false;
   return true;
}

void
colibri_device_close(struct colibri_device *dev)
{
   destroy_vm(dev);
   util_vma_heap_finish(&dev->va);
   simple_mtx_destroy(&dev->va_lock);
   close(dev->fd);
}

static const struct {
   uint32_t placement;
   uint32_t gem_flags;
   uint32_t bind_flags;
} bo_uses[] = {
   [COLIBRI_BO_CODE] = {
      .placement = DRM_COLIBRI_GEM_SYSTEM | DRM_COLIBRI_GEM_VRAM,
      .bind_flags = DRM_COLIBRI_VM_BIND_READONLY | DRM_COLIBRI_VM_BIND_EXEC,
   },
   [COLIBRI_BO_ARGS] = {
      .placement = DRM_COLIBRI_GEM_SYSTEM,
      .bind_flags = DRM_COLIBRI_VM_BIND_READONLY,
   },
   [COLIBRI_BO_FENCE] = {
      .placement = DRM_COLIBRI_GEM_SYSTEM,
      .gem_flags = DRM_COLIBRI_GEM_FENCE,
   },
};

static bool
bo_allocate(struct colibri_device *dev, struct colibri_bo *bo,
            enum colibri_bo_use use)
{
   struct drm_colibri_gem_create create = {
      .size = bo->size,
      .placement = bo_uses[use].placement,
      .flags = bo_uses[use].gem_flags,
   };
   if (drmIoctl(dev->fd, DRM_IOCTL_COLIBRI_GEM_CREATE, &create))
      return false;
   bo->handle = create.handle;
   bo->size = create.size;
   return true;
}

static bool
bo_map(struct colibri_device *dev, struct colibri_bo *bo)
{
   struct drm_colibri_gem_mmap_offset mmap_offset = {.handle = bo->handle};

   if (drmIoctl(dev->fd, DRM_IOCTL_COLIBRI_GEM_MMAP_OFFSET, &mmap_offset))
      return false;

   void *map = mmap(NULL, bo->size, PROT_READ | PROT_WRITE, MAP_SHARED,
                    dev->fd, mmap_offset.offset);
   if (map == MAP_FAILED)
      return false;
   bo->map = map;
   return true;
}

static bool
bo_bind(struct colibri_device *dev, struct colibri_bo *bo,
        enum colibri_bo_use use)
{
   simple_mtx_lock(&dev->va_lock);
   bo->va = util_vma_heap_alloc(&dev->va, bo->size, COLIBRI_PAGE);
   simple_mtx_unlock(&dev->va_lock);
   if (!bo->va)
      return false;

   struct drm_colibri_vm_bind bind = {
      .vm_id = dev->vm_id,
      .op = DRM_COLIBRI_VM_BIND_OP_MAP,
      .handle = bo->handle,
      .flags = bo_uses[use].bind_flags,
      .addr = bo->va,
      .range = bo->size,
   };
   return !drmIoctl(dev->fd, DRM_IOCTL_COLIBRI_VM_BIND, &bind);
}

struct colibri_bo *
colibri_bo_create(struct colibri_device *dev, uint64_t size,
                  enum colibri_bo_use use)
{
   struct colibri_bo *bo = calloc(1, sizeof(*bo));
   if (!bo)
      return NULL;
   bo->size = align64(size, COLIBRI_PAGE);

   if (!bo_allocate(dev, bo, use) || !bo_map(dev, bo) ||
       !bo_bind(dev, bo, use)) {
      mesa_loge("colibri: cannot make a buffer of %" PRIu64 " bytes: %s", size,
                strerror(errno));
      colibri_bo_destroy(dev, bo);
      return NULL;
   }
   return bo;
}

void
colibri_bo_destroy(struct colibri_device *dev, struct colibri_bo *bo)
{
   if (!bo)
      return;

   if (bo->va) {
      struct drm_colibri_vm_bind unbind = {
         .vm_id = dev->vm_id,
         .op = DRM_COLIBRI_VM_BIND_OP_UNMAP,
         .addr = bo->va,
         .range = bo->size,
      };
      bool unbound = !drmIoctl(dev->fd, DRM_IOCTL_COLIBRI_VM_BIND, &unbind);

      /* An address that may still be bound is not used again. */
      if (unbound) {
         simple_mtx_lock(&dev->va_lock);
         util_vma_heap_free(&dev->va, bo->va, bo->size);
         simple_mtx_unlock(&dev->va_lock);
      }
   }
   if (bo->map)
      munmap(bo->map, bo->size);
   if (bo->handle)
      drmCloseBufferHandle(dev->fd, bo->handle);
   free(bo);
}

void
colibri_device_prefetch(struct colibri_device *dev, const void *ptr,
                        size_t size, bool to_vram)
{
   uint64_t start = ROUND_DOWN_TO((uintptr_t)ptr, COLIBRI_PAGE);
   uint64_t end = align64((uintptr_t)ptr + size, COLIBRI_PAGE);
   struct drm_colibri_svm_prefetch prefetch = {
      .vm_id = dev->vm_id,
      .location =
         to_vram ? DRM_COLIBRI_SVM_LOC_VRAM : DRM_COLIBRI_SVM_LOC_SYSTEM,
      .addr = start,
      .size = end - start,
   };

   int err = drmIoctl(dev->fd, DRM_IOCTL_COLIBRI_SVM_PREFETCH, &prefetch);
   if (err && colibri_debug(COLIBRI_DBG_SUBMIT))
      mesa_logi("colibri: prefetch of %p, %zu bytes: %s", ptr, size,
                strerror(errno));
}
