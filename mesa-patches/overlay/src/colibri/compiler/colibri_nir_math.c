/*
 * Copyright © 2026 Colibri developers
 * SPDX-License-Identifier: MIT
 */

/*
 * The transcendental operations of NIR.
 *
 * CL's precise functions come from libclc. What is left are the native_* ones,
 * whose precision is the implementation's choice; these are good to a few ULP
 * in 32 bits. 16-bit operations are computed in 32 bits.
 */
#include "colibri_nir.h"

#include <math.h>

#include "nir_builder.h"

/* Horner's rule; coefficients from the highest power down. */
static nir_def *
polynomial(nir_builder *b, nir_def *x, const float *coeff, unsigned count)
{
   nir_def *r = nir_imm_float(b, coeff[0]);

   for (unsigned i = 1; i < count; i++)
      r = nir_ffma(b, r, x, nir_imm_float(b, coeff[i]));
   return r;
}

/* 2^n for an integer n in [-126, 127]: an exponent field. */
static nir_def *
exp2_integer(nir_builder *b, nir_def *n)
{
   return nir_ishl_imm(b, nir_iadd_imm(b, n, 127), 23);
}

/*
 * 2^x = 2^n * 2^f with f in [-1/2, 1/2]; the power of two is applied in two
 * halves, so that results in the denormal range come out right.
 */
static nir_def *
build_exp2(nir_builder *b, nir_def *x)
{
   static const float coeff[] = {
      1.5252734e-05f, 1.5403530e-04f, 1.3333558e-03f, 9.6181291e-03f,
      5.5504109e-02f, 2.4022651e-01f, 6.9314718e-01f, 1.0f,
   };
   nir_def *clamped = nir_fmax(b, nir_fmin(b, x, nir_imm_float(b, 130.0f)),
                               nir_imm_float(b, -160.0f));
   nir_def *rounded = nir_fround_even(b, clamped);
   nir_def *n = nir_f2i32(b, rounded);
   nir_def *half = nir_ishr_imm(b, n, 1);
   nir_def *p = polynomial(b, nir_fsub(b, clamped, rounded), coeff,
                           ARRAY_SIZE(coeff));
   nir_def *r = nir_fmul(b, nir_fmul(b, p, exp2_integer(b, half)),
                         exp2_integer(b, nir_isub(b, n, half)));

   /* fmin/fmax swallow a NaN. */
   return nir_bcsel(b, nir_fneu(b, x, x), x, r);
}

/*
 * log2(m * 2^e) = e + log2(m), m in [sqrt(1/2), sqrt(2)], by the series of
 * artanh: log2(m) = 2/ln(2) * (s + s^3/3 + ...), s = (m - 1) / (m + 1).
 */
static nir_def *
build_log2(nir_builder *b, nir_def *x)
{
   static const float coeff[] = {
      2.8853901f / 9, 2.8853901f / 7, 2.8853901f / 5, 2.8853901f / 3,
      2.8853901f,
   };
   nir_def *tiny = nir_flt_imm(b, x, 0x1p-126f);
   nir_def *scaled =
      nir_bcsel(b, tiny, nir_fmul_imm(b, x, 0x1p24f), x);
   nir_def *bias = nir_bcsel(b, tiny, nir_imm_int(b, -24), nir_imm_int(b, 0));

   /* Subtracting the bits of sqrt(1/2) carries into the exponent field. */
   nir_def *offset = nir_iadd_imm(b, scaled, -0x3f3504f3);
   nir_def *e = nir_ishr_imm(b, offset, 23);
   nir_def *m = nir_iadd_imm(b, nir_iand_imm(b, offset, 0x7fffff), 0x3f3504f3);

   nir_def *s = nir_fdiv(b, nir_fadd_imm(b, m, -1.0), nir_fadd_imm(b, m, 1.0));
   nir_def *s2 = nir_fmul(b, s, s);
   nir_def *p =
      nir_fmul(b, s, polynomial(b, s2, coeff, ARRAY_SIZE(coeff)));
   nir_def *r = nir_fadd(b, nir_i2f32(b, nir_iadd(b, e, bias)), p);

   nir_def *inf = nir_imm_float(b, INFINITY);
   r = nir_bcsel(b, nir_feq(b, x, inf), inf, r);
   r = nir_bcsel(b, nir_feq_imm(b, x, 0.0), nir_fneg(b, inf), r);
   /* Negative or NaN. */
   return nir_bcsel(b, nir_fge_imm(b, x, 0.0), r, nir_imm_float(b, NAN));
}

/*
 * x = n * pi/2 + r, with pi/2 in three parts; n mod 4 chooses among the two
 * polynomials and their signs. Good for the range that native_sin() is used in.
 */
static nir_def *
build_sincos(nir_builder *b, nir_def *x, unsigned quadrant)
{
   static const float sin_coeff[] = {
      2.7183114e-06f, -1.9839334e-04f, 8.3333293e-03f, -1.6666667e-01f,
   };
   static const float cos_coeff[] = {
      2.4390449e-05f, -1.3888397e-03f, 4.1666642e-02f, -0.5f, 1.0f,
   };
   nir_def *rounded = nir_fround_even(b, nir_fmul_imm(b, x, M_2_PI));
   nir_def *r = nir_ffma_imm1(b, rounded, -1.5703125, x);
   r = nir_ffma_imm1(b, rounded, -4.837512969970703e-04, r);
   r = nir_ffma_imm1(b, rounded, -7.549790126404332e-08, r);

   nir_def *r2 = nir_fmul(b, r, r);
   nir_def *sin = nir_ffma(
      b, nir_fmul(b, r, r2),
      polynomial(b, r2, sin_coeff, ARRAY_SIZE(sin_coeff)), r);
   nir_def *cos = polynomial(b, r2, cos_coeff, ARRAY_SIZE(cos_coeff));

   nir_def *n = nir_iadd_imm(b, nir_f2i32(b, rounded), quadrant);
   nir_def *odd = nir_ine_imm(b, nir_iand_imm(b, n, 1), 0);
   nir_def *negative = nir_ine_imm(b, nir_iand_imm(b, n, 2), 0);
   nir_def *v = nir_bcsel(b, odd, cos, sin);
   return nir_bcsel(b, negative, nir_fneg(b, v), v);
}

static nir_def *
build_math(nir_builder *b, nir_op op, nir_def *x)
{
   switch (op) {
   case nir_op_fexp2:
      return build_exp2(b, x);
   case nir_op_flog2:
      return build_log2(b, x);
   case nir_op_fsin:
      return build_sincos(b, x, 0);
   default:
      return build_sincos(b, x, 1);
   }
}

static bool
lower_instr(nir_builder *b, nir_alu_instr *alu, void *data)
{
   switch (alu->op) {
   case nir_op_fexp2:
   case nir_op_flog2:
   case nir_op_fsin:
   case nir_op_fcos:
      break;
   default:
      return false;
   }
   /* 64 bits come only from libclc, which has its own. */
   if (alu->def.bit_size == 64)
      return false;

   b->cursor = nir_before_instr(&alu->instr);
   b->exact = true;
   nir_def *x = nir_ssa_for_alu_src(b, alu, 0);
   bool is_half = alu->def.bit_size == 16;
   nir_def *r = build_math(b, alu->op, is_half ? nir_f2f32(b, x) : x);
   nir_def_replace(&alu->def, is_half ? nir_f2f16(b, r) : r);
   return true;
}

bool
colibri_nir_lower_math(nir_shader *nir)
{
   return nir_shader_alu_pass(nir, lower_instr, nir_metadata_control_flow,
                              NULL);
}
