/*
 * Copyright © 2026 Colibri developers
 * SPDX-License-Identifier: MIT
 */

/*
 * Images become loads and stores.
 *
 * The GPU has no texture unit. An image is linear memory and a descriptor,
 * struct colibri_image_desc; descriptors are in front of the kernel's arguments.
 * Formats and samplers are part of the key, so what is generated converts one
 * format and nothing else.
 *
 * Nothing that a coordinate can be makes an access outside of the image: reads
 * from there give zeros, which the swizzle of the format turns into OpenCL's
 * border colour, and writes are dropped. Both are done by leaving the lane out
 * of the access, so that neighbouring work-items which access neighbouring
 * elements still make one unit-stride access.
 */
#include "colibri_nir_image.h"

#include "colibri_nir.h"
#include "nir_format_convert.h"
#include "util/format/u_format.h"

static nir_def *
load_desc(nir_builder *b, const struct colibri_nir_image *image,
          unsigned offset, unsigned bits)
{
   nir_def *base =
      nir_imul_imm(b, image->index, sizeof(struct colibri_image_desc));

   return nir_load_kernel_input(b, 1, bits, nir_iadd_imm(b, base, offset),
                                .align_mul = bits / 8);
}

nir_def *
colibri_nir_image_size(nir_builder *b, const struct colibri_nir_image *image,
                       unsigned d)
{
   return load_desc(b, image,
                    offsetof(struct colibri_image_desc, size) + 4 * d, 32);
}

nir_def *
colibri_nir_image_contains(nir_builder *b,
                           const struct colibri_nir_image *image,
                           nir_def *const *coord)
{
   nir_def *inside = NULL;

   for (unsigned d = 0; d < image->dims; d++) {
      nir_def *ok = nir_ult(b, coord[d], colibri_nir_image_size(b, image, d));

      inside = inside ? nir_iand(b, inside, ok) : ok;
   }
   return inside;
}

/*
 * The first coordinate, which mostly counts up from lane to lane, is added last
 * and in 64 bits. What the others give fits into 32.
 */
static nir_def *
address_of(nir_builder *b, const struct colibri_nir_image *image,
           nir_def *const *coord)
{
   nir_def *address =
      load_desc(b, image, offsetof(struct colibri_image_desc, address), 64);
   nir_def *rows = NULL;

   for (unsigned d = 1; d < image->dims; d++) {
      nir_def *stride = load_desc(
         b, image,
         offsetof(struct colibri_image_desc, stride) + 4 * (d - 1), 32);
      nir_def *bytes = nir_imul(b, coord[d], stride);

      rows = rows ? nir_iadd(b, rows, bytes) : bytes;
   }
   if (rows)
      address = nir_iadd(b, address, nir_u2u64(b, rows));
   return nir_iadd(b, address,
                   nir_imul_imm(b, nir_u2u64(b, coord[0]),
                                image->element_size));
}

/* An element is accessed in the largest pieces up to 32 bits. */
static unsigned
piece_size(const struct colibri_nir_image *image)
{
   return MIN2(image->element_size, 4);
}

nir_def *
colibri_nir_image_read(nir_builder *b, const struct colibri_nir_image *image,
                       nir_def *const *coord)
{
   unsigned bytes = piece_size(image);
   nir_def *packed =
      nir_load_global(b, address_of(b, image, coord), bytes,
                      image->element_size / bytes, bytes * 8);

   return nir_u2u32(b, packed);
}

nir_def *
colibri_nir_image_unpack(nir_builder *b, const struct colibri_nir_image *image,
                         nir_def *packed)
{
   return nir_format_unpack_rgba(b, packed, image->format);
}

nir_def *
colibri_nir_image_load(nir_builder *b, const struct colibri_nir_image *image,
                       nir_def *const *coord)
{
   nir_push_if(b, colibri_nir_image_contains(b, image, coord));
   nir_def *packed = colibri_nir_image_read(b, image, coord);
   nir_push_else(b, NULL);
   nir_def *nothing = nir_imm_zero(b, packed->num_components, 32);
   nir_pop_if(b, NULL);
   return colibri_nir_image_unpack(b, image,
                                   nir_if_phi(b, packed, nothing));
}

/*
 * Where one channel is read as several, luminance for one, the first of them is
 * what is written.
 */
static nir_def *
fold(nir_builder *b, enum pipe_format format, nir_def *color)
{
   const unsigned char *swizzle = util_format_description(format)->swizzle;
   unsigned from[4];

   for (unsigned i = 0; i < 4; i++) {
      from[i] = 0;
      while (swizzle[from[i]] != swizzle[i])
         from[i]++;
   }
   return nir_swizzle(b, color, from, 4);
}

static void
store(nir_builder *b, const struct colibri_nir_image *image,
      nir_def *const *coord, nir_def *color)
{
   unsigned bytes = piece_size(image);
   nir_def *packed =
      nir_format_pack_rgba(b, image->format, fold(b, image->format, color));

   nir_push_if(b, colibri_nir_image_contains(b, image, coord));
   nir_store_global(b, address_of(b, image, coord), bytes,
                    nir_u2uN(b, packed, bytes * 8),
                    nir_component_mask(packed->num_components));
   nir_pop_if(b, NULL);
}

/* 32 bits are what all conversions work with. */
static nir_def *
widen(nir_builder *b, nir_def *color, nir_alu_type type)
{
   if (color->bit_size == 32)
      return color;
   return nir_convert_to_bit_size(b, color, nir_alu_type_get_base_type(type),
                                  32);
}

static nir_def *
narrow(nir_builder *b, nir_def *color, nir_alu_type type, const nir_def *def)
{
   if (def->bit_size != 32)
      color = nir_convert_to_bit_size(
         b, color, nir_alu_type_get_base_type(type), def->bit_size);
   return nir_trim_vector(b, color, def->num_components);
}

static struct colibri_nir_image
make_image(nir_def *index, enum pipe_format format, enum glsl_sampler_dim dim,
           bool is_array)
{
   return (struct colibri_nir_image){
      .format = format,
      .dims = glsl_get_sampler_dim_coordinate_components(dim) + is_array,
      .is_array = is_array,
      .element_size = util_format_get_blocksize(format),
      .index = index,
   };
}

static nir_def *
size_vector(nir_builder *b, const struct colibri_nir_image *image)
{
   nir_def *size[3];

   for (unsigned d = 0; d < image->dims; d++)
      size[d] = colibri_nir_image_size(b, image, d);
   return nir_vec(b, size, image->dims);
}

static void
split(nir_builder *b, const struct colibri_nir_image *image, nir_def *coord,
      nir_def **out)
{
   for (unsigned d = 0; d < image->dims; d++)
      out[d] = nir_channel(b, coord, d);
}

static nir_def *
lower_tex_op(nir_builder *b, nir_tex_instr *tex,
             const struct colibri_nir_image *image,
             const struct colibri_shader_key *key)
{
   int at = nir_tex_instr_src_index(tex, nir_tex_src_coord);
   nir_def *coord[3];

   switch (tex->op) {
   case nir_texop_txs:
      return size_vector(b, image);
   case nir_texop_query_levels:
   case nir_texop_texture_samples:
      return nir_imm_int(b, 1);
   case nir_texop_txf:
      split(b, image, tex->src[at].src.ssa, coord);
      return colibri_nir_image_load(b, image, coord);
   case nir_texop_tex:
   case nir_texop_txl:
      if (tex->sampler_index >= key->num_samplers)
         return NULL;
      return colibri_nir_image_sample(b, image,
                                      &key->samplers[tex->sampler_index],
                                      tex->src[at].src.ssa);
   default:
      return NULL;
   }
}

static bool
lower_tex(nir_builder *b, nir_tex_instr *tex,
          const struct colibri_shader_key *key)
{
   if (tex->texture_index >= key->num_textures)
      return false;

   b->cursor = nir_before_instr(&tex->instr);
   const struct colibri_nir_image image =
      make_image(nir_imm_int(b, tex->texture_index),
                 key->formats[tex->texture_index], tex->sampler_dim,
                 tex->is_array);
   nir_def *r = lower_tex_op(b, tex, &image, key);
   if (!r)
      return false;
   nir_def_replace(&tex->def, narrow(b, r, tex->dest_type, &tex->def));
   return true;
}

static bool
lower_intrinsic(nir_builder *b, nir_intrinsic_instr *intr,
                const struct colibri_shader_key *key)
{
   nir_def *coord[3];

   switch (intr->intrinsic) {
   case nir_intrinsic_image_load:
   case nir_intrinsic_image_store:
   case nir_intrinsic_image_size:
   case nir_intrinsic_image_samples:
      break;
   default:
      return false;
   }
   if (!nir_src_is_const(intr->src[0]) ||
       nir_src_as_uint(intr->src[0]) >= key->num_images)
      return false;

   /* They come after the images that are only read. */
   unsigned index = key->num_textures + nir_src_as_uint(intr->src[0]);
   b->cursor = nir_before_instr(&intr->instr);
   const struct colibri_nir_image image = make_image(
      nir_imm_int(b, index), key->formats[index],
      nir_intrinsic_image_dim(intr), nir_intrinsic_image_array(intr));

   switch (intr->intrinsic) {
   case nir_intrinsic_image_load:
      split(b, &image, intr->src[1].ssa, coord);
      nir_def_replace(&intr->def,
                      narrow(b, colibri_nir_image_load(b, &image, coord),
                             nir_intrinsic_dest_type(intr), &intr->def));
      break;
   case nir_intrinsic_image_store:
      split(b, &image, intr->src[1].ssa, coord);
      store(b, &image, coord,
            nir_pad_vec4(b, widen(b, intr->src[3].ssa,
                                  nir_intrinsic_src_type(intr))));
      nir_instr_remove(&intr->instr);
      break;
   case nir_intrinsic_image_size:
      nir_def_replace(&intr->def,
                      narrow(b, size_vector(b, &image), nir_type_uint32,
                             &intr->def));
      break;
   default:
      nir_def_replace(&intr->def, nir_imm_int(b, 1));
      break;
   }
   return true;
}

/* The arguments begin behind the descriptors. */
static void
move_input(nir_intrinsic_instr *intr, const struct colibri_shader_key *key)
{
   nir_intrinsic_set_base(intr, nir_intrinsic_base(intr) +
                                   colibri_shader_key_desc_size(key));
}

static bool
lower_instr(nir_builder *b, nir_instr *instr, void *data)
{
   const struct colibri_shader_key *key = data;

   b->exact = true;
   if (instr->type == nir_instr_type_tex)
      return lower_tex(b, nir_instr_as_tex(instr), key);
   if (instr->type == nir_instr_type_intrinsic)
      return lower_intrinsic(b, nir_instr_as_intrinsic(instr), key);
   return false;
}

static bool
move_instr(nir_builder *b, nir_intrinsic_instr *intr, void *data)
{
   if (intr->intrinsic != nir_intrinsic_load_kernel_input)
      return false;
   move_input(intr, data);
   return true;
}

bool
colibri_nir_lower_images(nir_shader *nir, const struct colibri_shader_key *key)
{
   if (!colibri_shader_key_desc_size(key))
      return false;

   /* Those that are there before descriptors are loaded in the same way. */
   nir_shader_intrinsics_pass(nir, move_instr, nir_metadata_all, (void *)key);
   nir_shader_instructions_pass(nir, lower_instr, nir_metadata_none,
                                (void *)key);
   return true;
}
