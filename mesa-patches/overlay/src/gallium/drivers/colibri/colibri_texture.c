/*
 * Copyright © 2026 Colibri developers
 * SPDX-License-Identifier: MIT
 */

/* Images: their layout, what is bound, and their transfers. */
#include "colibri_texture.h"

#include "colibri_context.h"
#include "colibri_resource.h"
#include "util/format/u_format.h"
#include "util/u_inlines.h"
#include "util/u_math.h"
#include "util/u_memory.h"
#include "util/u_transfer.h"

/* What converts formats takes whole channels that are all alike. */
bool
colibri_format_is_supported(enum pipe_format format)
{
   const struct util_format_description *desc = util_format_description(format);

   if (!desc || desc->layout != UTIL_FORMAT_LAYOUT_PLAIN ||
       desc->colorspace != UTIL_FORMAT_COLORSPACE_RGB ||
       !util_is_power_of_two_nonzero(desc->block.bits) ||
       desc->block.bits > 128)
      return false;

   for (unsigned c = 0; c < desc->nr_channels; c++) {
      const struct util_format_channel_description *chan = &desc->channel[c];

      switch (chan->type) {
      case UTIL_FORMAT_TYPE_UNSIGNED:
      case UTIL_FORMAT_TYPE_SIGNED:
         if (chan->size != 8 && chan->size != 16 &&
             (chan->size != 32 || !chan->pure_integer))
            return false;
         if (!chan->normalized && !chan->pure_integer)
            return false;
         break;
      case UTIL_FORMAT_TYPE_FLOAT:
         if (chan->size != 16 && chan->size != 32)
            return false;
         break;
      default:
         return false;
      }
      if (chan->size != desc->channel[0].size)
         return false;
   }
   return true;
}

static bool
is_1d_array(const struct pipe_resource *res)
{
   return res->target == PIPE_TEXTURE_1D_ARRAY;
}

/* The sizes of an image as kernels see it. */
static void
get_sizes(const struct pipe_resource *res, uint32_t size[3])
{
   size[0] = res->width0;
   size[1] = MAX2(is_1d_array(res) ? res->array_size : res->height0, 1);
   size[2] = MAX2(res->target == PIPE_TEXTURE_2D_ARRAY ? res->array_size
                                                       : res->depth0, 1);
}

/* Kernels compute offsets in 32 bits. */
size_t
colibri_texture_layout(struct colibri_resource *res)
{
   uint32_t size[3];

   get_sizes(&res->base, size);
   uint64_t row =
      (uint64_t)size[0] * util_format_get_blocksize(res->base.format);
   uint64_t layer = row * size[1];
   uint64_t bytes = layer * size[2];

   if (bytes > UINT32_MAX)
      return 0;
   res->row_stride = row;
   res->layer_stride = is_1d_array(&res->base) ? row : layer;
   return bytes;
}

static void
colibri_set_sampler_views(struct pipe_context *pctx,
                          enum pipe_shader_type shader, unsigned start,
                          unsigned num, unsigned unbind_num_trailing,
                          bool take_ownership,
                          struct pipe_sampler_view **views)
{
   struct pipe_sampler_view **bound =
      colibri_context(pctx)->textures.views + start;

   assert(start + num + unbind_num_trailing <= COLIBRI_MAX_TEXTURES);
   for (unsigned i = 0; i < num; i++) {
      struct pipe_sampler_view *view = views ? views[i] : NULL;

      if (take_ownership) {
         pipe_sampler_view_reference(&bound[i], NULL);
         bound[i] = view;
      } else {
         pipe_sampler_view_reference(&bound[i], view);
      }
   }
   for (unsigned i = num; i < num + unbind_num_trailing; i++)
      pipe_sampler_view_reference(&bound[i], NULL);
}

static struct pipe_sampler_view *
colibri_create_sampler_view(struct pipe_context *pctx,
                            struct pipe_resource *res,
                            const struct pipe_sampler_view *templ)
{
   struct pipe_sampler_view *view = CALLOC_STRUCT(pipe_sampler_view);
   if (!view)
      return NULL;

   *view = *templ;
   pipe_reference_init(&view->reference, 1);
   view->texture = NULL;
   pipe_resource_reference(&view->texture, res);
   view->context = pctx;
   return view;
}

static void
colibri_sampler_view_destroy(struct pipe_context *pctx,
                             struct pipe_sampler_view *view)
{
   pipe_resource_reference(&view->texture, NULL);
   FREE(view);
}

static void
colibri_set_shader_images(struct pipe_context *pctx,
                          enum pipe_shader_type shader, unsigned start,
                          unsigned count, unsigned unbind_num_trailing,
                          const struct pipe_image_view *images)
{
   struct pipe_image_view *bound =
      colibri_context(pctx)->textures.images + start;

   assert(start + count + unbind_num_trailing <= COLIBRI_MAX_IMAGES);
   for (unsigned i = 0; i < count; i++)
      util_copy_image_view(&bound[i], images ? &images[i] : NULL);
   for (unsigned i = count; i < count + unbind_num_trailing; i++)
      util_copy_image_view(&bound[i], NULL);
}

static enum colibri_wrap
wrap_mode(unsigned pipe_wrap)
{
   switch (pipe_wrap) {
   case PIPE_TEX_WRAP_REPEAT: return COLIBRI_WRAP_REPEAT;
   case PIPE_TEX_WRAP_MIRROR_REPEAT: return COLIBRI_WRAP_MIRROR;
   case PIPE_TEX_WRAP_CLAMP_TO_BORDER: return COLIBRI_WRAP_BORDER;
   default: return COLIBRI_WRAP_CLAMP;
   }
}

static void *
colibri_create_sampler_state(struct pipe_context *pctx,
                             const struct pipe_sampler_state *state)
{
   struct colibri_sampler_key *sampler = CALLOC_STRUCT(colibri_sampler_key);
   if (!sampler)
      return NULL;

   /* CL has one mode for all dimensions, one filter, and no levels. */
   sampler->wrap = wrap_mode(state->wrap_s);
   sampler->linear = state->mag_img_filter == PIPE_TEX_FILTER_LINEAR;
   sampler->unnormalized = state->unnormalized_coords;
   return sampler;
}

static void
colibri_bind_sampler_states(struct pipe_context *pctx,
                            enum pipe_shader_type shader, unsigned start,
                            unsigned num, void **samplers)
{
   struct colibri_sampler_key *bound =
      colibri_context(pctx)->textures.samplers + start;

   assert(start + num <= COLIBRI_MAX_SAMPLERS);
   for (unsigned i = 0; i < num; i++) {
      const struct colibri_sampler_key *sampler =
         samplers ? samplers[i] : NULL;

      bound[i] = sampler ? *sampler : (struct colibri_sampler_key){0};
   }
}

static void
colibri_delete_sampler_state(struct pipe_context *pctx, void *sampler)
{
   FREE(sampler);
}

bool
colibri_textures_key(const struct colibri_textures *textures,
                     struct colibri_shader_key *key)
{
   uint16_t *format = key->formats;

   for (unsigned i = 0; i < key->num_textures; i++) {
      if (!textures->views[i])
         return false;
      *format++ = textures->views[i]->format;
   }
   for (unsigned i = 0; i < key->num_images; i++) {
      if (!textures->images[i].resource)
         return false;
      *format++ = textures->images[i].format;
   }
   memcpy(key->samplers, textures->samplers,
          key->num_samplers * sizeof(key->samplers[0]));
   return true;
}

static void
describe_texture(struct colibri_image_desc *desc, struct pipe_resource *res)
{
   const struct colibri_resource *texture = colibri_resource(res);

   get_sizes(res, desc->size);
   desc->address = colibri_resource_va(res);
   desc->stride[0] = texture->row_stride;
   desc->stride[1] = texture->layer_stride;
}

/* A buffer as an image with one dimension. */
static void
describe_range(struct colibri_image_desc *desc, struct pipe_resource *res,
               enum pipe_format format, unsigned offset, unsigned bytes)
{
   desc->address = colibri_resource_va(res) + offset;
   desc->size[0] = bytes / util_format_get_blocksize(format);
}

/* A buffer as an image with two; rows are given in elements. */
static void
describe_rows(struct colibri_image_desc *desc, struct pipe_resource *res,
              enum pipe_format format, unsigned offset, unsigned row,
              unsigned width, unsigned height)
{
   unsigned bytes = util_format_get_blocksize(format);

   desc->address = colibri_resource_va(res) + (uint64_t)offset * bytes;
   desc->size[0] = width;
   desc->size[1] = height;
   desc->stride[0] = row * bytes;
}

static void
describe_view(struct colibri_image_desc *desc,
              const struct pipe_sampler_view *view)
{
   if (view->is_tex2d_from_buf)
      describe_rows(desc, view->texture, view->format,
                    view->u.tex2d_from_buf.offset,
                    view->u.tex2d_from_buf.row_stride,
                    view->u.tex2d_from_buf.width,
                    view->u.tex2d_from_buf.height);
   else if (view->texture->target == PIPE_BUFFER)
      describe_range(desc, view->texture, view->format, view->u.buf.offset,
                     view->u.buf.size);
   else
      describe_texture(desc, view->texture);
}

static void
describe_image(struct colibri_image_desc *desc,
               const struct pipe_image_view *view)
{
   if (view->access & PIPE_IMAGE_ACCESS_TEX2D_FROM_BUFFER)
      describe_rows(desc, view->resource, view->format,
                    view->u.tex2d_from_buf.offset,
                    view->u.tex2d_from_buf.row_stride,
                    view->u.tex2d_from_buf.width,
                    view->u.tex2d_from_buf.height);
   else if (view->resource->target == PIPE_BUFFER)
      describe_range(desc, view->resource, view->format, view->u.buf.offset,
                     view->u.buf.size);
   else
      describe_texture(desc, view->resource);
}

void
colibri_textures_describe(struct colibri_context *ctx,
                          const struct colibri_shader_key *key,
                          struct colibri_image_desc *desc)
{
   memset(desc, 0, colibri_shader_key_desc_size(key));
   for (unsigned i = 0; i < key->num_textures; i++) {
      const struct pipe_sampler_view *view = ctx->textures.views[i];

      describe_view(desc++, view);
      colibri_context_hold(ctx, view->texture);
   }
   for (unsigned i = 0; i < key->num_images; i++) {
      const struct pipe_image_view *view = &ctx->textures.images[i];

      describe_image(desc++, view);
      colibri_context_hold(ctx, view->resource);
   }
}

void
colibri_textures_fini(struct colibri_textures *textures)
{
   for (unsigned i = 0; i < COLIBRI_MAX_TEXTURES; i++)
      pipe_sampler_view_reference(&textures->views[i], NULL);
   for (unsigned i = 0; i < COLIBRI_MAX_IMAGES; i++)
      util_copy_image_view(&textures->images[i], NULL);
}

/* Bytes from the start of an image to an element. */
static uint64_t
offset_of(const struct colibri_resource *res, unsigned x, unsigned y,
          unsigned z)
{
   return (uint64_t)z * res->layer_stride + (uint64_t)y * res->row_stride +
          (uint64_t)x * util_format_get_blocksize(res->base.format);
}

static void *
colibri_texture_map(struct pipe_context *pctx, struct pipe_resource *pres,
                    unsigned level, unsigned usage, const struct pipe_box *box,
                    struct pipe_transfer **out_transfer)
{
   const struct colibri_resource *res = colibri_resource(pres);
   char *base =
      colibri_resource_map(pctx, pres, usage, box, out_transfer);

   if (!base)
      return NULL;
   (*out_transfer)->stride = res->row_stride;
   (*out_transfer)->layer_stride = res->layer_stride;
   return base + offset_of(res, box->x, box->y, box->z);
}

void
colibri_texture_copy_region(struct pipe_context *pctx,
                            struct pipe_resource *pdst, unsigned dstx,
                            unsigned dsty, unsigned dstz,
                            struct pipe_resource *psrc,
                            const struct pipe_box *box)
{
   struct colibri_context *ctx = colibri_context(pctx);
   const struct colibri_resource *dst = colibri_resource(pdst);
   const struct colibri_resource *src = colibri_resource(psrc);
   const uint64_t bytes =
      (uint64_t)box->width * util_format_get_blocksize(psrc->format);
   /* Whole rows of equal images are one piece. */
   const bool rows =
      bytes == src->row_stride && src->row_stride == dst->row_stride;
   const unsigned steps = rows ? 1 : box->height;

   colibri_context_hold(ctx, pdst);
   colibri_context_hold(ctx, psrc);
   for (int z = 0; z < box->depth; z++) {
      for (unsigned y = 0; y < steps; y++)
         colibri_emit_copy(
            ctx,
            colibri_resource_va(pdst) +
               offset_of(dst, dstx, dsty + y, dstz + z),
            colibri_resource_va(psrc) +
               offset_of(src, box->x, box->y + y, box->z + z),
            rows ? bytes * box->height : bytes);
   }
}

static void
colibri_clear_texture(struct pipe_context *pctx, struct pipe_resource *pres,
                      unsigned level, const struct pipe_box *box,
                      const void *data)
{
   struct colibri_context *ctx = colibri_context(pctx);
   const struct colibri_resource *res = colibri_resource(pres);
   const unsigned size = util_format_get_blocksize(pres->format);
   const uint64_t bytes = (uint64_t)box->width * size;
   const bool rows = bytes == res->row_stride;
   const unsigned steps = rows ? 1 : box->height;

   colibri_context_hold(ctx, pres);
   for (int z = 0; z < box->depth; z++) {
      for (unsigned y = 0; y < steps; y++)
         colibri_emit_fill(ctx,
                           colibri_resource_va(pres) +
                              offset_of(res, box->x, box->y + y, box->z + z),
                           rows ? bytes * box->height : bytes, data, size);
   }
}

void
colibri_init_context_textures(struct pipe_context *pctx)
{
   pctx->create_sampler_view = colibri_create_sampler_view;
   pctx->sampler_view_destroy = colibri_sampler_view_destroy;
   pctx->set_sampler_views = colibri_set_sampler_views;
   pctx->set_shader_images = colibri_set_shader_images;
   pctx->create_sampler_state = colibri_create_sampler_state;
   pctx->bind_sampler_states = colibri_bind_sampler_states;
   pctx->delete_sampler_state = colibri_delete_sampler_state;
   pctx->texture_map = colibri_texture_map;
   pctx->texture_subdata = u_default_texture_subdata;
   pctx->clear_texture = colibri_clear_texture;
}
