/*
 * Copyright © 2026 Colibri developers
 * SPDX-License-Identifier: MIT
 */

/*
 * Reads of images with a sampler, by the formulas of the OpenCL specification
 * ("Image Addressing and Filtering"). Each dimension is resolved to one or two
 * elements, these are read, and a linear filter weighs them.
 */
#include "colibri_nir_image.h"

/* The elements that a sample needs in one dimension. */
struct axis {
   unsigned count;
   nir_def *index[2];
   /** NULL: yes. */
   nir_def *inside[2];
   /** That of the second element. */
   nir_def *weight;
};

struct sample {
   nir_builder *b;
   const struct colibri_nir_image *image;
   const struct colibri_sampler_key *sampler;
   struct axis axes[3];
};

/* The coordinate in elements, brought into the image for modes that repeat it. */
static nir_def *
scale_coordinate(struct sample *s, nir_def *x, nir_def *size)
{
   nir_builder *b = s->b;

   switch (s->sampler->wrap) {
   case COLIBRI_WRAP_REPEAT:
      x = nir_fsub(b, x, nir_ffloor(b, x));
      break;
   case COLIBRI_WRAP_MIRROR: {
      nir_def *even =
         nir_fmul_imm(b, nir_fround_even(b, nir_fmul_imm(b, x, 0.5)), 2.0);
      x = nir_fabs(b, nir_fsub(b, x, even));
      break;
   }
   default:
      break;
   }
   return s->sampler->unnormalized ? x : nir_fmul(b, x, nir_u2f32(b, size));
}

static void
address_element(struct sample *s, struct axis *axis, unsigned i, nir_def *size)
{
   nir_builder *b = s->b;
   nir_def *last = nir_iadd_imm(b, size, -1);
   nir_def *zero = nir_imm_int(b, 0);
   nir_def *x = axis->index[i];

   if (s->sampler->wrap == COLIBRI_WRAP_REPEAT) {
      x = nir_bcsel(b, nir_ilt(b, x, zero), nir_iadd(b, x, size), x);
      x = nir_bcsel(b, nir_ilt(b, last, x), nir_isub(b, x, size), x);
   }
   if (s->sampler->wrap == COLIBRI_WRAP_BORDER)
      axis->inside[i] = nir_ult(b, x, size);
   axis->index[i] = nir_imin(b, nir_imax(b, x, zero), last);
}

static void
resolve_axis(struct sample *s, unsigned d, nir_def *coord)
{
   nir_builder *b = s->b;
   struct axis *axis = &s->axes[d];
   nir_def *size = colibri_nir_image_size(b, s->image, d);
   nir_def *x = scale_coordinate(s, coord, size);

   axis->count = 1;
   if (s->sampler->linear) {
      x = nir_fadd_imm(b, x, -0.5);
      axis->count = 2;
      axis->weight = nir_fsub(b, x, nir_ffloor(b, x));
   }
   axis->index[0] = nir_f2i32(b, nir_ffloor(b, x));
   axis->index[1] = nir_iadd_imm(b, axis->index[0], 1);
   for (unsigned i = 0; i < axis->count; i++)
      address_element(s, axis, i, size);
}

/* Layers are neither repeated nor filtered. */
static void
resolve_layer(struct sample *s, unsigned d, nir_def *coord)
{
   nir_builder *b = s->b;
   nir_def *last =
      nir_iadd_imm(b, colibri_nir_image_size(b, s->image, d), -1);
   nir_def *layer = nir_f2i32(b, nir_fround_even(b, coord));

   s->axes[d].count = 1;
   s->axes[d].index[0] =
      nir_imin(b, nir_imax(b, layer, nir_imm_int(b, 0)), last);
}

/* One element; bit d of @which: the second one in dimension d. */
static nir_def *
read_element(struct sample *s, unsigned which)
{
   nir_builder *b = s->b;
   nir_def *coord[3] = { NULL }, *inside = NULL;

   for (unsigned d = 0; d < s->image->dims; d++) {
      unsigned i = which >> d & 1;
      nir_def *ok = s->axes[d].inside[i];

      coord[d] = s->axes[d].index[i];
      if (ok)
         inside = inside ? nir_iand(b, inside, ok) : ok;
   }

   nir_def *packed = colibri_nir_image_read(b, s->image, coord);
   if (inside)
      packed = nir_bcsel(b, inside, packed,
                         nir_imm_zero(b, packed->num_components, 32));
   return colibri_nir_image_unpack(b, s->image, packed);
}

/* Filters in dimension @d - 1 and those below. */
static nir_def *
filter(struct sample *s, unsigned d, unsigned which)
{
   nir_builder *b = s->b;

   if (d == 0)
      return read_element(s, which);

   const struct axis *axis = &s->axes[d - 1];
   nir_def *first = filter(s, d - 1, which);
   if (axis->count == 1)
      return first;

   nir_def *second = filter(s, d - 1, which | 1u << (d - 1));
   nir_def *rest = nir_fsub_imm(b, 1.0, axis->weight);
   return nir_fadd(b, nir_fmul(b, first, rest),
                   nir_fmul(b, second, axis->weight));
}

/* What OpenCL's integer coordinates are made of: x of (float)x + 0.5. */
static nir_def *
integer_coordinate(nir_builder *b, nir_def *coord, unsigned d, bool is_layer)
{
   nir_scalar x = nir_scalar_resolved(coord, d);

   if (!is_layer) {
      if (!nir_scalar_is_alu(x) || nir_scalar_alu_op(x) != nir_op_fadd)
         return NULL;

      nir_scalar half = nir_scalar_chase_alu_src(x, 1);
      if (!nir_scalar_is_const(half) || nir_scalar_as_float(half) != 0.5)
         return NULL;
      x = nir_scalar_chase_alu_src(x, 0);
   }
   if (!nir_scalar_is_alu(x) || nir_scalar_alu_op(x) != nir_op_i2f32)
      return NULL;
   x = nir_scalar_chase_alu_src(x, 0);
   return x.def->bit_size == 32 ? nir_channel(b, x.def, x.comp) : NULL;
}

/*
 * Most programs read single elements: then a sampler does nothing, but for
 * coordinates outside, which it clamps or not.
 */
static nir_def *
sample_integer(struct sample *s, nir_def *coord)
{
   nir_builder *b = s->b;
   bool border = s->sampler->wrap == COLIBRI_WRAP_BORDER;
   nir_def *x[3];

   if (s->sampler->linear || !s->sampler->unnormalized ||
       (!border && s->sampler->wrap != COLIBRI_WRAP_CLAMP))
      return NULL;

   for (unsigned d = 0; d < s->image->dims; d++) {
      bool is_layer = s->image->is_array && d == s->image->dims - 1;

      x[d] = integer_coordinate(b, coord, d, is_layer);
      if (!x[d])
         return NULL;
      if (is_layer || !border) {
         nir_def *last =
            nir_iadd_imm(b, colibri_nir_image_size(b, s->image, d), -1);
         x[d] = nir_imin(b, nir_imax(b, x[d], nir_imm_int(b, 0)), last);
      }
   }
   return border ? colibri_nir_image_load(b, s->image, x)
                 : colibri_nir_image_unpack(
                      b, s->image, colibri_nir_image_read(b, s->image, x));
}

nir_def *
colibri_nir_image_sample(nir_builder *b, const struct colibri_nir_image *image,
                         const struct colibri_sampler_key *sampler,
                         nir_def *coord)
{
   struct sample s = {.b = b, .image = image, .sampler = sampler};
   nir_def *r = sample_integer(&s, coord);

   if (r)
      return r;
   for (unsigned d = 0; d < image->dims; d++) {
      if (image->is_array && d == image->dims - 1)
         resolve_layer(&s, d, nir_channel(b, coord, d));
      else
         resolve_axis(&s, d, nir_channel(b, coord, d));
   }
   return filter(&s, image->dims, 0);
}
