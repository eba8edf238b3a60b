/*
 * Copyright © 2026 Colibri developers
 * SPDX-License-Identifier: MIT
 */

/* The screen: what the device can do, and what belongs to it as a whole. */
#include "colibri_screen.h"

#include <inttypes.h>
#include <time.h>
#include <unistd.h>
#include <xf86drm.h>

#include "colibri_context.h"
#include "colibri_fence.h"
#include "colibri_hw.h"
#include "colibri_public.h"
#include "colibri_resource.h"
#include "colibri_svm.h"
#include "colibri_texture.h"
#include "compiler/colibri_compiler.h"
#include "lib/colibri_debug.h"
#include "util/build_id.h"
#include "util/disk_cache.h"
#include "util/mesa-sha1.h"
#include "util/os_misc.h"
#include "util/ralloc.h"
#include "util/u_math.h"
#include "util/u_screen.h"

/* CL's minimum for a kernel's arguments is 1 KiB; rusticl uses up to 4 KiB. */
#define MAX_INPUT_SIZE 4096

static void
colibri_destroy_screen(struct pipe_screen *pscreen)
{
   struct colibri_screen *screen = colibri_screen(pscreen);

   disk_cache_destroy(screen->disk_cache);
   colibri_ws_close(&screen->ws);
   ralloc_free(screen);
}

static const char *
colibri_get_name(struct pipe_screen *pscreen)
{
   return colibri_screen(pscreen)->name;
}

static const char *
colibri_get_vendor(struct pipe_screen *pscreen)
{
   return "Colibri";
}

static int
colibri_get_screen_fd(struct pipe_screen *pscreen)
{
   return colibri_screen(pscreen)->ws.dev.fd;
}

/* The clock of timestamp queries; 0 when the device is lost, as their results are. */
static uint64_t
colibri_get_timestamp(struct pipe_screen *pscreen)
{
   struct colibri_screen *screen = colibri_screen(pscreen);
   struct drm_colibri_query_timestamp ts;

   if (colibri_query_timestamp(&screen->ws.dev, CLOCK_MONOTONIC, &ts))
      return 0;
   return ts.device_ns;
}

static struct disk_cache *
colibri_get_disk_shader_cache(struct pipe_screen *pscreen)
{
   return colibri_screen(pscreen)->disk_cache;
}

static bool
colibri_is_format_supported(struct pipe_screen *pscreen,
                            enum pipe_format format,
                            enum pipe_texture_target target,
                            unsigned sample_count,
                            unsigned storage_sample_count, unsigned usage)
{
   if (sample_count > 1)
      return false;
   if (format == PIPE_FORMAT_NONE)
      return target == PIPE_BUFFER;
   return colibri_format_is_supported(format);
}

static int
colibri_get_shader_param(struct pipe_screen *pscreen,
                         enum pipe_shader_type shader,
                         enum pipe_shader_cap param)
{
   if (shader != PIPE_SHADER_COMPUTE)
      return 0;

   switch (param) {
   case PIPE_SHADER_CAP_MAX_INSTRUCTIONS:
   case PIPE_SHADER_CAP_MAX_CONTROL_FLOW_DEPTH:
      return INT32_MAX;
   case PIPE_SHADER_CAP_MAX_CONST_BUFFER0_SIZE:
      return MAX_INPUT_SIZE;
   case PIPE_SHADER_CAP_MAX_CONST_BUFFERS:
      return 16;
   case PIPE_SHADER_CAP_MAX_TEXTURE_SAMPLERS:
      return COLIBRI_MAX_SAMPLERS;
   case PIPE_SHADER_CAP_MAX_SAMPLER_VIEWS:
      return COLIBRI_MAX_TEXTURES;
   case PIPE_SHADER_CAP_MAX_SHADER_IMAGES:
      return COLIBRI_MAX_IMAGES;
   case PIPE_SHADER_CAP_INTEGERS:
   case PIPE_SHADER_CAP_FP16:
   case PIPE_SHADER_CAP_INT16:
      return 1;
   case PIPE_SHADER_CAP_SUPPORTED_IRS:
      return 1 << PIPE_SHADER_IR_NIR;
   default:
      return 0;
   }
}

static uint64_t
max_alloc(const struct colibri_screen *screen)
{
   return MIN2(screen->system_memory / 4, UINT32_MAX / 2 + 1ull);
}

/* Copies one value out; @ret may be NULL to ask for the size only. */
#define COMPUTE_CAP(type, ...)                                                 \
   do {                                                                        \
      const type values[] = {__VA_ARGS__};                                     \
      if (ret)                                                                 \
         memcpy(ret, values, sizeof(values));                                  \
      return sizeof(values);                                                   \
   } while (0)

static int
colibri_get_compute_param(struct pipe_screen *pscreen,
                          enum pipe_shader_ir ir_type,
                          enum pipe_compute_cap param, void *ret)
{
   const struct colibri_screen *screen = colibri_screen(pscreen);
   const struct drm_colibri_query_device *info = &screen->ws.dev.info;

   switch (param) {
   case PIPE_COMPUTE_CAP_ADDRESS_BITS:
      COMPUTE_CAP(uint32_t, 64);
   case PIPE_COMPUTE_CAP_GRID_DIMENSION:
      COMPUTE_CAP(uint64_t, 3);
   case PIPE_COMPUTE_CAP_MAX_GRID_SIZE: {
      /* The packet counts work-items in 32 bits. */
      const uint64_t groups = UINT32_MAX / info->max_wg_items;
      COMPUTE_CAP(uint64_t, groups, groups, groups);
   }
   case PIPE_COMPUTE_CAP_MAX_BLOCK_SIZE:
      COMPUTE_CAP(uint64_t, info->max_wg_items, info->max_wg_items,
                  info->max_wg_items);
   case PIPE_COMPUTE_CAP_MAX_THREADS_PER_BLOCK:
      COMPUTE_CAP(uint64_t, info->max_wg_items);
   case PIPE_COMPUTE_CAP_MAX_GLOBAL_SIZE:
      COMPUTE_CAP(uint64_t, screen->system_memory);
   case PIPE_COMPUTE_CAP_MAX_MEM_ALLOC_SIZE:
      COMPUTE_CAP(uint64_t, max_alloc(screen));
   case PIPE_COMPUTE_CAP_MAX_LOCAL_SIZE:
      COMPUTE_CAP(uint64_t, info->max_lds);
   case PIPE_COMPUTE_CAP_MAX_PRIVATE_SIZE:
      COMPUTE_CAP(uint64_t, info->max_private);
   case PIPE_COMPUTE_CAP_MAX_INPUT_SIZE:
      COMPUTE_CAP(uint64_t, MAX_INPUT_SIZE);
   case PIPE_COMPUTE_CAP_MAX_COMPUTE_UNITS:
      COMPUTE_CAP(uint32_t, info->num_cus);
   case PIPE_COMPUTE_CAP_MAX_CLOCK_FREQUENCY:
      /* It has no clock of its own; 0 is what CL calls unknown. */
      COMPUTE_CAP(uint32_t, 0);
   case PIPE_COMPUTE_CAP_SUBGROUP_SIZES:
      COMPUTE_CAP(uint32_t, info->wave_lanes);
   case PIPE_COMPUTE_CAP_MAX_SUBGROUPS:
      COMPUTE_CAP(uint32_t, info->max_wg_items / info->wave_lanes);
   case PIPE_COMPUTE_CAP_IMAGES_SUPPORTED:
      COMPUTE_CAP(uint32_t, 1);
   default:
      return 0;
   }
}

static const void *
colibri_get_compiler_options(struct pipe_screen *pscreen,
                             enum pipe_shader_ir ir,
                             enum pipe_shader_type shader)
{
   return colibri_nir_options();
}

static char *
colibri_finalize_nir(struct pipe_screen *pscreen, struct nir_shader *nir)
{
   colibri_preprocess_nir(nir);
   return NULL;
}

static void
colibri_query_memory_info(struct pipe_screen *pscreen,
                          struct pipe_memory_info *info)
{
   const struct colibri_screen *screen = colibri_screen(pscreen);

   /* Pages move between both memories, and system memory bounds the sum. */
   *info = (struct pipe_memory_info){
      .total_device_memory = MIN2(screen->system_memory >> 10, UINT32_MAX),
      .avail_device_memory = MIN2(screen->system_memory >> 10, UINT32_MAX),
   };
}

static void
colibri_get_uuid(struct pipe_screen *pscreen, char *uuid, const char *what)
{
   uint8_t sha1[SHA1_DIGEST_LENGTH];
   struct mesa_sha1 ctx;

   _mesa_sha1_init(&ctx);
   _mesa_sha1_update(&ctx, what, strlen(what));
   _mesa_sha1_update(&ctx, &pscreen->caps.pci_group, sizeof(uint32_t));
   _mesa_sha1_update(&ctx, &pscreen->caps.pci_bus, sizeof(uint32_t));
   _mesa_sha1_update(&ctx, &pscreen->caps.pci_device, sizeof(uint32_t));
   _mesa_sha1_final(&ctx, sha1);
   memcpy(uuid, sha1, PIPE_UUID_SIZE);
}

static void
colibri_get_device_uuid(struct pipe_screen *pscreen, char *uuid)
{
   colibri_get_uuid(pscreen, uuid, "colibri device");
}

static void
colibri_get_driver_uuid(struct pipe_screen *pscreen, char *uuid)
{
   colibri_get_uuid(pscreen, uuid, "colibri driver " PACKAGE_VERSION);
}

static void
init_pci_caps(struct colibri_screen *screen)
{
   struct pipe_caps *caps = (struct pipe_caps *)&screen->base.caps;
   drmDevicePtr device;

   if (drmGetDevice2(screen->ws.dev.fd, 0, &device))
      return;
   if (device->bustype == DRM_BUS_PCI) {
      caps->vendor_id = device->deviceinfo.pci->vendor_id;
      caps->device_id = device->deviceinfo.pci->device_id;
      caps->pci_group = device->businfo.pci->domain;
      caps->pci_bus = device->businfo.pci->bus;
      caps->pci_device = device->businfo.pci->dev;
      caps->pci_function = device->businfo.pci->func;
   }
   drmFreeDevice(&device);
}

/* What OpenCL's full profile asks for, or more. */
static void
init_image_caps(struct pipe_caps *caps)
{
   caps->texture_sampler_independent = true;
   caps->image_load_formatted = true;
   caps->image_store_formatted = true;
   caps->nir_images_as_deref = false;

   caps->max_texture_2d_size = 16384;
   caps->max_texture_3d_levels = 12;
   caps->max_texture_array_layers = 2048;
   caps->max_texel_buffer_elements = 1u << 27;
   caps->linear_image_pitch_alignment = 1;
   caps->linear_image_base_address_alignment = 1;
}

static void
init_caps(struct colibri_screen *screen)
{
   struct pipe_caps *caps = (struct pipe_caps *)&screen->base.caps;

   u_init_pipe_screen_caps(&screen->base, 1);
   init_pci_caps(screen);
   init_image_caps(caps);

   caps->graphics = false;
   caps->compute = true;
   caps->int64 = true;
   caps->doubles = true;
   caps->fp16 = true;
   caps->cl_precise_fp = true;
   caps->cl_fp32_denorms = true;
   caps->cl_generic_pointers = true;
   caps->cl_debug_info = true;
   caps->cl_device_scope_atomics = true;
   /* Waves get turns, and a wave is a sub-group. */
   caps->cl_subgroup_forward_progress = true;
   caps->cl_subgroup_operations = true;
   caps->shader_atomic_int64 = true;
   caps->max_shader_buffer_size = max_alloc(screen);
   caps->video_memory = screen->ws.dev.info.vram_size >> 20;

   /* Any pointer of the process is a pointer of the GPU. */
   caps->system_svm = true;
   caps->system_svm_atomics = true;
   caps->resource_from_user_memory = true;
   caps->uma = true;

   caps->device_reset_status_query = true;
   caps->query_memory_info = true;
   caps->query_timestamp = true;
   caps->timer_resolution = 1;
}

static void
init_disk_cache(struct colibri_screen *screen)
{
   /* What comes from the cache is not printed. */
   if (colibri_debug(COLIBRI_DBG_NOCACHE | COLIBRI_DBG_NIR | COLIBRI_DBG_LLVM |
                     COLIBRI_DBG_ASM))
      return;

   const struct build_id_note *note =
      build_id_find_nhdr_for_addr(colibri_screen_create);
   if (!note || build_id_length(note) != SHA1_DIGEST_LENGTH)
      return;

   char build_id[SHA1_DIGEST_STRING_LENGTH];
   _mesa_sha1_format(build_id, build_id_data(note));
   /* Of the flags that are left, one changes the code. */
   screen->disk_cache =
      disk_cache_create("colibri", build_id,
                        colibri_debug_flags() & COLIBRI_DBG_NOOPT);
}

struct pipe_screen *
colibri_screen_create(int fd, const struct pipe_screen_config *config)
{
   struct colibri_screen *screen = rzalloc(NULL, struct colibri_screen);

   if (!screen || !colibri_ws_open(&screen->ws, fd)) {
      ralloc_free(screen);
      close(fd);
      return NULL;
   }
   if (!os_get_total_physical_memory(&screen->system_memory))
      screen->system_memory = screen->ws.dev.info.vram_size;
   snprintf(screen->name, sizeof(screen->name),
            "Colibri (%u CUs, %" PRIu64 " MiB VRAM)",
            screen->ws.dev.info.num_cus,
            (uint64_t)screen->ws.dev.info.vram_size >> 20);

   struct pipe_screen *base = &screen->base;
   base->destroy = colibri_destroy_screen;
   base->get_name = colibri_get_name;
   base->get_vendor = colibri_get_vendor;
   base->get_device_vendor = colibri_get_vendor;
   base->get_screen_fd = colibri_get_screen_fd;
   base->get_shader_param = colibri_get_shader_param;
   base->get_compute_param = colibri_get_compute_param;
   base->get_compiler_options = colibri_get_compiler_options;
   base->get_disk_shader_cache = colibri_get_disk_shader_cache;
   base->get_timestamp = colibri_get_timestamp;
   base->get_device_uuid = colibri_get_device_uuid;
   base->get_driver_uuid = colibri_get_driver_uuid;
   base->query_memory_info = colibri_query_memory_info;
   base->is_format_supported = colibri_is_format_supported;
   base->finalize_nir = colibri_finalize_nir;
   base->context_create = colibri_context_create;
   colibri_init_screen_fences(base);
   colibri_init_screen_resources(base);
   colibri_init_screen_svm(base);

   init_caps(screen);
   init_disk_cache(screen);
   return base;
}
