/*
 * Copyright © 2026 Colibri developers
 * SPDX-License-Identifier: MIT
 */

/*
 * Programs and their launch.
 *
 * A program keeps its NIR. Machine code is made when a launch first needs it,
 * since rusticl creates more programs than are ever run, and comes from the
 * shader cache when it can. The shape of the work-groups decides which IDs are
 * the same for a wave and so changes the code, as does each combination of image
 * formats and samplers. A kernel that uses nothing of groups gets groups that
 * suit the device.
 */
#include "colibri_program.h"

#include <inttypes.h>

#include "colibri_context.h"
#include "colibri_resource.h"
#include "colibri_texture.h"
#include "compiler/colibri_compiler.h"
#include "lib/colibri_debug.h"
#include "nir_serialize.h"
#include "util/blob.h"
#include "util/disk_cache.h"
#include "util/log.h"
#include "util/mesa-sha1.h"
#include "util/ralloc.h"
#include "util/simple_mtx.h"
#include "util/u_atomic.h"
#include "util/u_inlines.h"
#include "util/u_math.h"
#include "util/u_memory.h"

/* The code of one key, on the GPU. */
struct colibri_variant {
   struct colibri_variant *next;

   /** NULL: it could not be compiled. */
   struct colibri_ws_bo *bo;
   struct colibri_shader_info info;
   struct colibri_shader_key key;
};

struct colibri_program {
   int32_t refcount;
   struct colibri_screen *screen;

   /** Protects variants: contexts on several threads launch one program. */
   simple_mtx_t lock;
   struct colibri_variant *variants;

   /** Serialized NIR and its hash. */
   void *nir;
   size_t nir_size;
   uint8_t nir_sha1[SHA1_DIGEST_LENGTH];

   char *name;
   uint32_t shared_size;
   uint32_t scratch_size;

   /** Its work-items do not care in which groups they are. */
   bool any_group;

   /** Nor in which order they execute. */
   bool any_order;

   uint8_t num_textures;
   uint8_t num_images;
   uint8_t num_samplers;
};

struct colibri_program *
colibri_program_ref(struct colibri_program *program)
{
   p_atomic_inc(&program->refcount);
   return program;
}

void
colibri_program_unref(struct colibri_program *program)
{
   if (!program || !p_atomic_dec_zero(&program->refcount))
      return;

   while (program->variants) {
      struct colibri_variant *variant = program->variants;

      program->variants = variant->next;
      colibri_ws_bo_destroy(&program->screen->ws, variant->bo);
      FREE(variant);
   }
   simple_mtx_destroy(&program->lock);
   free(program->nir);
   free(program->name);
   FREE(program);
}

/* SPIR-V kernels are called through a wrapper, which is what NIR has in the end. */
static char *
kernel_name(const nir_shader *nir)
{
   static const char prefix[] = "__wrapped_";
   const char *name =
      nir_shader_get_entrypoint((nir_shader *)nir)->function->name;

   if (!strncmp(name, prefix, strlen(prefix)))
      name += strlen(prefix);
   return strdup(name);
}

static void *
colibri_create_compute_state(struct pipe_context *pctx,
                             const struct pipe_compute_state *state)
{
   nir_shader *nir = (nir_shader *)state->prog;
   struct colibri_program *program = CALLOC_STRUCT(colibri_program);
   struct blob blob;

   assert(state->ir_type == PIPE_SHADER_IR_NIR);
   if (!program) {
      ralloc_free(nir);
      return NULL;
   }

   program->refcount = 1;
   program->screen = colibri_screen(pctx->screen);
   simple_mtx_init(&program->lock, mtx_plain);
   program->name = kernel_name(nir);
   program->shared_size = MAX2(state->static_shared_mem, nir->info.shared_size);
   program->scratch_size = nir->scratch_size;
   program->any_group = colibri_nir_any_group(nir);
   program->any_order = program->any_group && colibri_nir_any_order(nir);
   /* info.num_textures counts samplers, too. */
   program->num_textures = BITSET_LAST_BIT(nir->info.textures_used);
   program->num_images = BITSET_LAST_BIT(nir->info.images_used);
   program->num_samplers = BITSET_LAST_BIT(nir->info.samplers_used);

   blob_init(&blob);
   nir_serialize(&blob, nir, true);
   blob_finish_get_buffer(&blob, &program->nir, &program->nir_size);
   _mesa_sha1_compute(program->nir, program->nir_size, program->nir_sha1);
   ralloc_free(nir);
   return program;
}

static void
colibri_bind_compute_state(struct pipe_context *pctx, void *cso)
{
   colibri_context(pctx)->program = cso;
}

static void
colibri_delete_compute_state(struct pipe_context *pctx, void *cso)
{
   colibri_program_unref(cso);
}

static void
colibri_get_compute_state_info(struct pipe_context *pctx, void *cso,
                               struct pipe_compute_state_object_info *info)
{
   const struct colibri_program *program = cso;
   const struct drm_colibri_query_device *dev = &program->screen->ws.dev.info;

   *info = (struct pipe_compute_state_object_info){
      .max_threads = dev->max_wg_items,
      .preferred_simd_size = dev->wave_lanes,
      .simd_sizes = dev->wave_lanes,
      .private_memory = program->scratch_size,
   };
}

static void
cache_key_of(const struct colibri_program *program,
             const struct colibri_shader_key *key, cache_key out)
{
   uint8_t data[SHA1_DIGEST_LENGTH + sizeof(*key)];
   const size_t size = colibri_shader_key_size(key);

   memcpy(data, program->nir_sha1, SHA1_DIGEST_LENGTH);
   memcpy(data + SHA1_DIGEST_LENGTH, key, size);
   disk_cache_compute_key(program->screen->disk_cache, data,
                          SHA1_DIGEST_LENGTH + size, out);
}

static bool
read_shader(struct blob_reader *reader, struct colibri_shader *shader)
{
   blob_copy_bytes(reader, &shader->info, sizeof(shader->info));
   const void *code = blob_read_bytes(reader, shader->info.code_size);
   if (reader->overrun || !colibri_lines_deserialize(&shader->lines, reader))
      return false;

   shader->code = malloc(shader->info.code_size);
   if (!shader->code) {
      colibri_lines_finish(&shader->lines);
      return false;
   }
   memcpy(shader->code, code, shader->info.code_size);
   return true;
}

static bool
load_cached(struct colibri_program *program,
            const struct colibri_shader_key *key, struct colibri_shader *shader)
{
   struct disk_cache *cache = program->screen->disk_cache;
   struct blob_reader reader;
   cache_key hash;
   size_t size;

   if (!cache)
      return false;
   cache_key_of(program, key, hash);
   void *data = disk_cache_get(cache, hash, &size);
   if (!data)
      return false;

   blob_reader_init(&reader, data, size);
   bool ok = read_shader(&reader, shader);
   free(data);
   return ok;
}

static void
store_cached(struct colibri_program *program,
             const struct colibri_shader_key *key,
             const struct colibri_shader *shader)
{
   struct disk_cache *cache = program->screen->disk_cache;
   struct blob blob;
   cache_key hash;

   if (!cache)
      return;
   cache_key_of(program, key, hash);
   blob_init(&blob);
   blob_write_bytes(&blob, &shader->info, sizeof(shader->info));
   blob_write_bytes(&blob, shader->code, shader->info.code_size);
   colibri_lines_serialize(&shader->lines, &blob);
   if (!blob.out_of_memory) {
      disk_cache_put(cache, hash, blob.data, blob.size, NULL);
      /*
       * A program that ends now would take what is not written yet with it, as
       * rusticl never destroys a screen. Compiling took much longer.
       */
      disk_cache_wait_for_idle(cache);
   }
   blob_finish(&blob);
}

static bool
compile(struct colibri_program *program, const struct colibri_shader_key *key,
        struct colibri_shader *shader)
{
   struct blob_reader reader;
   char *error = NULL;

   blob_reader_init(&reader, program->nir, program->nir_size);
   nir_shader *nir = nir_deserialize(NULL, colibri_nir_options(), &reader);
   bool ok = colibri_compile_nir(nir, key, program->name, shader, &error);
   ralloc_free(nir);
   if (!ok)
      mesa_loge("colibri: kernel %s: %s", program->name, error);
   free(error);
   return ok;
}

/* Descriptor and code go into one buffer; both only ever use relative addresses. */
static bool
upload(struct colibri_program *program, struct colibri_variant *variant,
       struct colibri_shader *shader)
{
   const size_t code_offset = sizeof(struct colibri_kernel_desc);

   variant->bo = colibri_ws_bo_create(&program->screen->ws,
                                      code_offset + shader->info.code_size,
                                      COLIBRI_WS_BO_CODE);
   if (!variant->bo)
      return false;
   variant->info = shader->info;
   colibri_ws_bo_set_kernel(&program->screen->ws, variant->bo, program->name,
                            &shader->lines);

   struct colibri_kernel_desc desc = {
      .entry = variant->bo->va + code_offset + shader->info.entry,
      .stack_size = shader->info.stack_size,
   };
   memcpy(variant->bo->base.map, &desc, sizeof(desc));
   memcpy((char *)variant->bo->base.map + code_offset, shader->code,
          shader->info.code_size);
   return true;
}

/*
 * False: there is no memory now. What cannot be compiled never can, and stays
 * a variant without code.
 */
static bool
fill_variant(struct colibri_program *program, struct colibri_variant *variant)
{
   struct colibri_shader shader = {0};
   bool cached = load_cached(program, &variant->key, &shader);
   bool ok = true;

   if (colibri_debug(COLIBRI_DBG_CACHE))
      mesa_logi("colibri: kernel %s: %s", program->name,
                cached ? "from the shader cache" : "compiled");
   if (cached || compile(program, &variant->key, &shader)) {
      if (!cached)
         store_cached(program, &variant->key, &shader);
      ok = upload(program, variant, &shader);
   }
   colibri_lines_finish(&shader.lines);
   free(shader.code);
   return ok;
}

static struct colibri_variant *
find_variant(struct colibri_program *program,
             const struct colibri_shader_key *key)
{
   const size_t size = colibri_shader_key_size(key);
   struct colibri_variant *variant = program->variants;

   while (variant && memcmp(&variant->key, key, size))
      variant = variant->next;
   return variant;
}

static struct colibri_variant *
create_variant(struct colibri_program *program,
               const struct colibri_shader_key *key)
{
   struct colibri_variant *variant = CALLOC_STRUCT(colibri_variant);
   if (!variant)
      return NULL;

   memcpy(&variant->key, key, colibri_shader_key_size(key));
   if (!fill_variant(program, variant)) {
      FREE(variant);
      return NULL;
   }
   variant->next = program->variants;
   program->variants = variant;
   return variant;
}

/*
 * NULL: there is no memory, or it cannot be compiled, which stderr has been
 * told once.
 */
static const struct colibri_variant *
get_variant(struct colibri_program *program,
            const struct colibri_shader_key *key)
{
   simple_mtx_lock(&program->lock);
   struct colibri_variant *variant = find_variant(program, key);
   if (!variant)
      variant = create_variant(program, key);
   simple_mtx_unlock(&program->lock);
   return variant && variant->bo ? variant : NULL;
}

/* The work-groups and the work-items of a launch. */
struct grid {
   uint32_t group[3];
   uint32_t items[3];
   bool regrouped;

   /** Each item is 1 << as many of the launch's. */
   uint8_t repeat_x, repeat_y;
};

/* Groups of one wave spread over all compute units, larger ones cost less. */
#define LARGE_GROUP 256
#define MANY_WAVES 256

/* Waves are made longer, up to 1 << as many times, while each compute unit has so many. */
#define MAX_REPEAT 8
#define ENOUGH_WAVES 32

static uint64_t
count_waves(const struct grid *grid, uint32_t lanes)
{
   uint64_t waves = DIV_ROUND_UP(
      grid->group[0] * grid->group[1] * grid->group[2], lanes);

   for (unsigned i = 0; i < 3; i++)
      waves *= DIV_ROUND_UP(grid->items[i], grid->group[i]);
   return waves;
}

/*
 * A kernel that cannot tell gets groups of one row, in whose waves all but x is
 * uniform, unless the ends of rows would leave too many lanes without work.
 */
static void
regroup(struct grid *grid, uint32_t lanes)
{
   const uint64_t waves = count_waves(grid, lanes);
   struct grid rows = *grid;

   rows.group[0] = waves < MANY_WAVES ? lanes : LARGE_GROUP;
   rows.group[1] = rows.group[2] = 1;
   rows.regrouped = true;

   const uint64_t row_waves = DIV_ROUND_UP(grid->items[0], lanes) *
                              (uint64_t)grid->items[1] * grid->items[2];
   if (row_waves <= waves + waves / 4)
      *grid = rows;
}

/* How often two divides both @count and what there is too much of. */
static uint8_t
shared_twos(uint64_t count, uint64_t too_many)
{
   uint8_t n = 0;

   while (n < MAX_REPEAT && too_many >> (n + 1) && count % (2u << n) == 0)
      n++;
   return n;
}

/* Rows one after the other, if there are any, else waves of the row. */
static void
repeat_waves(struct grid *grid, const struct drm_colibri_query_device *dev)
{
   const uint64_t waves = count_waves(grid, dev->wave_lanes);
   const uint64_t spare = waves / (ENOUGH_WAVES * dev->num_cus);

   if (grid->items[1] > 1)
      grid->repeat_y = shared_twos(grid->items[1], spare);
   else if (grid->items[0] % dev->wave_lanes == 0)
      grid->repeat_x = shared_twos(grid->items[0] / dev->wave_lanes, spare);
   grid->items[0] >>= grid->repeat_x;
   grid->items[1] >>= grid->repeat_y;
}

static struct grid
make_grid(const struct colibri_context *ctx, const struct pipe_grid_info *info)
{
   const struct drm_colibri_query_device *dev = &ctx->screen->ws.dev.info;
   struct grid grid = {0};

   for (unsigned i = 0; i < 3; i++) {
      grid.group[i] = info->block[i];
      grid.items[i] = info->block[i] * info->grid[i];
   }
   if (ctx->program->any_group && !info->variable_shared_mem)
      regroup(&grid, dev->wave_lanes);
   if (ctx->program->any_order && grid.regrouped)
      repeat_waves(&grid, dev);
   return grid;
}

static uint8_t
row_lanes(const struct grid *grid, uint32_t lanes)
{
   const uint32_t x = grid->group[0], plane = x * grid->group[1];

   if (x % lanes == 0)
      return lanes;
   return x >= 8 && util_is_power_of_two_nonzero(x) && plane % lanes == 0 ? x : 0;
}

/* False: an image is missing. */
static bool
make_key(const struct colibri_context *ctx, const struct grid *grid,
         struct colibri_shader_key *key)
{
   const uint32_t lanes = ctx->screen->ws.dev.info.wave_lanes;
   const uint32_t group = grid->group[0] * grid->group[1] * grid->group[2];

   memset(key, 0, offsetof(struct colibri_shader_key, formats));
   key->linear_group = grid->group[1] == 1 && grid->group[2] == 1;
   key->full_waves = group % lanes == 0 &&
                     (!grid->regrouped || grid->items[0] % lanes == 0);
   key->row_lanes = row_lanes(grid, lanes);
   key->regrouped = grid->regrouped;
   key->repeat_x = grid->repeat_x;
   key->repeat_y = grid->repeat_y;
   key->num_textures = ctx->program->num_textures;
   key->num_images = ctx->program->num_images;
   key->num_samplers = ctx->program->num_samplers;
   return colibri_textures_key(&ctx->textures, key);
}

/* Descriptors of images, then arguments. */
static uint64_t
write_args(struct colibri_context *ctx, const struct colibri_shader_key *key)
{
   const uint32_t desc_size = colibri_shader_key_desc_size(key);
   void *map;
   uint64_t va =
      colibri_context_alloc_args(ctx, desc_size + ctx->input.size, &map);

   if (!va)
      return 0;
   if (desc_size)
      colibri_textures_describe(ctx, key, map);
   if (ctx->input.size)
      memcpy((char *)map + desc_size, ctx->input.data, ctx->input.size);
   return va;
}

static void
hold_all(struct colibri_context *ctx)
{
   colibri_context_hold_program(ctx, ctx->program);
   util_dynarray_foreach(&ctx->globals, struct pipe_resource *, res) {
      if (*res)
         colibri_context_hold(ctx, *res);
   }
}

/* Bytes of local memory; as few as are asked for tell most who goes beyond. */
static uint32_t
local_size(const struct colibri_context *ctx, const struct colibri_shader_info *shader,
           const struct pipe_grid_info *info)
{
   const uint32_t size = ctx->program->shared_size + info->variable_shared_mem;
   const uint32_t max = ctx->screen->ws.dev.info.max_lds;

   /* What is too much to begin with is for the device to refuse. */
   return size && size < max ? MIN2(size + shader->local_slack, max) : size;
}

static void
colibri_launch_grid(struct pipe_context *pctx,
                    const struct pipe_grid_info *info)
{
   struct colibri_context *ctx = colibri_context(pctx);
   struct colibri_program *program = ctx->program;
   const struct colibri_variant *variant = NULL;
   const struct grid grid = make_grid(ctx, info);
   struct colibri_shader_key key;

   if (make_key(ctx, &grid, &key))
      variant = get_variant(program, &key);
   else
      mesa_loge("colibri: kernel %s: one of its images is missing",
                program->name);
   uint64_t args = variant ? write_args(ctx, &key) : 0;
   if (!args) {
      colibri_context_fail(ctx);
      return;
   }

   union colibri_packet packet = {
      .dispatch = {
         .header = COLIBRI_PKT_DISPATCH | COLIBRI_PKT_BARRIER_BIT,
         .setup = 3,
         .private_size = variant->info.private_size,
         .group_size = local_size(ctx, &variant->info, info),
         .kernel_object = variant->bo->va,
         .kernarg = args,
      },
   };
   for (unsigned i = 0; i < 3; i++) {
      packet.dispatch.wg_size[i] = grid.group[i];
      packet.dispatch.grid_size[i] = grid.items[i];
   }

   hold_all(ctx);
   if (colibri_debug(COLIBRI_DBG_SUBMIT | COLIBRI_DBG_SYNC))
      mesa_logi("colibri: launch %s, items %ux%ux%u, group %ux%ux%u, "
                "desc 0x%" PRIx64 ", args 0x%" PRIx64,
                program->name, grid.items[0], grid.items[1], grid.items[2],
                grid.group[0], grid.group[1], grid.group[2],
                variant->bo->va, args);
   colibri_context_add_packet(ctx, &packet);
   if (colibri_debug(COLIBRI_DBG_SYNC))
      colibri_context_finish(ctx);
}

static void
colibri_set_constant_buffer(struct pipe_context *pctx,
                            enum pipe_shader_type shader, uint index,
                            bool take_ownership,
                            const struct pipe_constant_buffer *cb)
{
   struct colibri_context *ctx = colibri_context(pctx);

   assert(index == 0);
   util_dynarray_clear(&ctx->input);
   if (!cb)
      return;

   const char *data = cb->user_buffer;
   if (cb->buffer)
      data = colibri_resource(cb->buffer)->ptr;
   if (data) {
      void *input = util_dynarray_grow_bytes(&ctx->input, 1, cb->buffer_size);

      memcpy(input, data + cb->buffer_offset, cb->buffer_size);
   }
   if (take_ownership && cb->buffer) {
      struct pipe_resource *owned = cb->buffer;

      pipe_resource_reference(&owned, NULL);
   }
}

static void
colibri_set_global_binding(struct pipe_context *pctx, unsigned first,
                           unsigned count, struct pipe_resource **resources,
                           uint32_t **handles)
{
   struct colibri_context *ctx = colibri_context(pctx);
   unsigned have =
      util_dynarray_num_elements(&ctx->globals, struct pipe_resource *);
   unsigned need = MAX2(have, first + count);

   if (need > have) {
      void *added =
         util_dynarray_grow(&ctx->globals, struct pipe_resource *, need - have);
      memset(added, 0, (need - have) * sizeof(struct pipe_resource *));
   }

   for (unsigned i = 0; i < count; i++) {
      struct pipe_resource **slot = util_dynarray_element(
         &ctx->globals, struct pipe_resource *, first + i);

      pipe_resource_reference(slot, resources ? resources[i] : NULL);
      if (*slot) {
         /* Handles point into the argument block and need not be aligned. */
         uint64_t address;

         memcpy(&address, handles[i], sizeof(address));
         address += colibri_resource_va(*slot);
         memcpy(handles[i], &address, sizeof(address));
      }
   }
}

void
colibri_init_context_programs(struct pipe_context *pctx)
{
   pctx->create_compute_state = colibri_create_compute_state;
   pctx->bind_compute_state = colibri_bind_compute_state;
   pctx->delete_compute_state = colibri_delete_compute_state;
   pctx->get_compute_state_info = colibri_get_compute_state_info;
   pctx->launch_grid = colibri_launch_grid;
   pctx->set_constant_buffer = colibri_set_constant_buffer;
   pctx->set_global_binding = colibri_set_global_binding;
}
