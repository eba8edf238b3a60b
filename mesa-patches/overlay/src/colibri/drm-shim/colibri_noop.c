/*
 * Copyright © 2026 Colibri developers
 * SPDX-License-Identifier: MIT
 */

/*
 * A device that does nothing, to compile kernels on a machine without one:
 * submitted work counts as done at once.
 *
 *    LD_PRELOAD=.../libcolibri_noop_drm_shim.so COLIBRI_DEBUG=asm ./program
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include "colibri_hw.h"
#include "drm-shim/drm_shim.h"
#include "drm-uapi/colibri_drm.h"
#include "util/u_math.h"

bool drm_shim_driver_prefers_first_render_node = true;

#define MAX_BINDINGS 4096

/* Where fence buffers are bound: FENCE packets are carried out. */
static struct {
   uint64_t va;
   uint64_t size;
   struct shim_bo *bo;
} bindings[MAX_BINDINGS];

static int
ioctl_noop(int fd, unsigned long request, void *arg)
{
   return 0;
}

static int
ioctl_query(int fd, unsigned long request, void *arg)
{
   const struct drm_colibri_query_device info = {
      .vram_size = 1ull << 30,
      .va_user_end = COLIBRI_VA_DRIVER_ZONE,
      .va_zone_start = COLIBRI_VA_DRIVER_ZONE,
      .va_zone_end = COLIBRI_VA_DRIVER_ZONE + (1ull << 40),
      .num_cus = 1,
      .num_queues = 8,
      .wave_lanes = COLIBRI_WAVE_LANES,
      .max_wg_items = COLIBRI_MAX_WG_ITEMS,
      .max_lds = COLIBRI_MAX_LDS,
      .max_private = COLIBRI_MAX_PRIVATE,
      .hw_features = COLIBRI_FEATURE_SYS_ATOMICS,
      .hw_version = COLIBRI_VERSION,
      .svm_flags = DRM_COLIBRI_SVM_MIRROR | DRM_COLIBRI_SVM_MIGRATE,
   };
   struct drm_colibri_query *query = arg;

   if (query->query != DRM_COLIBRI_QUERY_DEVICE) {
      errno = EINVAL;
      return -1;
   }
   if (query->size)
      memcpy((void *)(uintptr_t)query->data, &info,
             MIN2(query->size, sizeof(info)));
   query->size = sizeof(info);
   return 0;
}

static int
ioctl_gem_create(int fd, unsigned long request, void *arg)
{
   struct shim_fd *shim_fd = drm_shim_fd_lookup(fd);
   struct drm_colibri_gem_create *create = arg;
   struct shim_bo *bo = calloc(1, sizeof(*bo));

   create->size = align64(create->size, 4096);
   drm_shim_bo_init(bo, create->size);
   create->handle = drm_shim_bo_get_handle(shim_fd, bo);
   drm_shim_bo_put(bo);
   return 0;
}

static int
ioctl_gem_mmap_offset(int fd, unsigned long request, void *arg)
{
   struct shim_fd *shim_fd = drm_shim_fd_lookup(fd);
   struct drm_colibri_gem_mmap_offset *map = arg;
   struct shim_bo *bo = drm_shim_bo_lookup(shim_fd, map->handle);

   map->offset = drm_shim_bo_get_mmap_offset(shim_fd, bo);
   drm_shim_bo_put(bo);
   return 0;
}

static int
ioctl_vm_create(int fd, unsigned long request, void *arg)
{
   struct drm_colibri_vm_create *create = arg;

   create->vm_id = 1;
   return 0;
}

static int
ioctl_vm_bind(int fd, unsigned long request, void *arg)
{
   struct shim_fd *shim_fd = drm_shim_fd_lookup(fd);
   struct drm_colibri_vm_bind *bind = arg;

   for (unsigned i = 0; i < MAX_BINDINGS; i++) {
      if (bind->op == DRM_COLIBRI_VM_BIND_OP_MAP && !bindings[i].bo) {
         bindings[i].va = bind->addr;
         bindings[i].size = bind->range;
         bindings[i].bo = drm_shim_bo_lookup(shim_fd, bind->handle);
         return 0;
      }
      if (bind->op == DRM_COLIBRI_VM_BIND_OP_UNMAP && bindings[i].bo &&
          bindings[i].va == bind->addr) {
         drm_shim_bo_put(bindings[i].bo);
         bindings[i].bo = NULL;
         return 0;
      }
   }
   if (bind->op != DRM_COLIBRI_VM_BIND_OP_MAP)
      return 0;
   errno = ENOMEM;
   return -1;
}

static int
ioctl_queue_create(int fd, unsigned long request, void *arg)
{
   struct drm_colibri_queue_create *create = arg;

   create->queue_id = 1;
   return 0;
}

static void
signal_fence(const struct colibri_pkt_fence *fence)
{
   for (unsigned i = 0; i < MAX_BINDINGS; i++) {
      if (!bindings[i].bo || fence->addr < bindings[i].va ||
          fence->addr >= bindings[i].va + bindings[i].size)
         continue;
      uint64_t offset =
         bindings[i].bo->mem_addr + fence->addr - bindings[i].va;
      if (pwrite(shim_device.mem_fd, &fence->value, sizeof(fence->value),
                 offset) < 0)
         abort();
   }
}

static int
ioctl_queue_submit(int fd, unsigned long request, void *arg)
{
   const struct drm_colibri_queue_submit *submit = arg;
   const struct colibri_pkt_fence *packets =
      (const void *)(uintptr_t)submit->packets;

   for (uint32_t i = 0; i < submit->count; i++) {
      if ((packets[i].header & COLIBRI_PKT_TYPE_MASK) == COLIBRI_PKT_VENDOR &&
          packets[i].op == COLIBRI_OP_FENCE)
         signal_fence(&packets[i]);
   }
   return 0;
}

static ioctl_fn_t driver_ioctls[] = {
   [DRM_COLIBRI_QUERY] = ioctl_query,
   [DRM_COLIBRI_GEM_CREATE] = ioctl_gem_create,
   [DRM_COLIBRI_GEM_MMAP_OFFSET] = ioctl_gem_mmap_offset,
   [DRM_COLIBRI_VM_CREATE] = ioctl_vm_create,
   [DRM_COLIBRI_VM_DESTROY] = ioctl_noop,
   [DRM_COLIBRI_VM_BIND] = ioctl_vm_bind,
   [DRM_COLIBRI_QUEUE_CREATE] = ioctl_queue_create,
   [DRM_COLIBRI_QUEUE_DESTROY] = ioctl_noop,
   [DRM_COLIBRI_QUEUE_SUBMIT] = ioctl_queue_submit,
   [DRM_COLIBRI_QUEUE_STATE] = ioctl_noop,
   [DRM_COLIBRI_FENCE_WAIT] = ioctl_noop,
   [DRM_COLIBRI_SVM_PREFETCH] = ioctl_noop,
   [DRM_COLIBRI_SVM_STATS] = ioctl_noop,
};

void
drm_shim_driver_init(void)
{
   shim_device.bus_type = DRM_BUS_PLATFORM;
   shim_device.driver_name = "colibri";
   shim_device.driver_ioctls = driver_ioctls;
   shim_device.driver_ioctl_count = ARRAY_SIZE(driver_ioctls);

   drm_shim_override_file("OF_FULLNAME=/colibri\n"
                          "OF_COMPATIBLE_N=1\n"
                          "OF_COMPATIBLE_0=colibri\n",
                          "/sys/dev/char/%d:%d/device/uevent", DRM_MAJOR,
                          render_node_minor);
}
