/*
 * Copyright © 2026 Colibri developers
 * SPDX-License-Identifier: MIT
 */

/* NIR as the translation to LLVM wants it. */
#include "colibri_nir.h"

#include "nir_builder.h"

static const nir_shader_compiler_options compiler_options = {
   /* Lanes are the vectors here: a work-item's own vectors are scalars. */
   .lower_to_scalar = true,

   .lower_fpow = true,
   .lower_fmod = true,
   .lower_ffract = true,
   .lower_flrp16 = true,
   .lower_flrp32 = true,
   .lower_flrp64 = true,
   .lower_ldexp = true,
   .lower_fisnormal = true,
   .lower_fdph = true,
   .lower_bitfield_extract = true,
   .lower_bitfield_insert = true,
   .lower_ifind_msb = true,
   .lower_uadd_carry = true,
   .lower_usub_borrow = true,
   .lower_hadd = true,
   .lower_isign = true,
   .lower_extract_byte = true,
   .lower_extract_word = true,
   .lower_insert_byte = true,
   .lower_insert_word = true,
   .lower_pack_half_2x16 = true,
   .lower_unpack_half_2x16 = true,

   .has_fsub = true,
   .has_isub = true,
   .has_uclz = true,
   .support_8bit_alu = true,
   .support_16bit_alu = true,

   .max_unroll_iterations = 8,
};

const nir_shader_compiler_options *
colibri_nir_options(void)
{
   return &compiler_options;
}

static void
optimize(nir_shader *nir)
{
   bool progress;

   do {
      progress = false;
      NIR_PASS(progress, nir, nir_lower_alu_to_scalar, NULL, NULL);
      NIR_PASS(progress, nir, nir_lower_phis_to_scalar, true);
      NIR_PASS(progress, nir, nir_copy_prop);
      NIR_PASS(progress, nir, nir_opt_remove_phis);
      NIR_PASS(progress, nir, nir_opt_dce);
      NIR_PASS(progress, nir, nir_opt_dead_cf);
      NIR_PASS(progress, nir, nir_opt_if,
               nir_opt_if_optimize_phi_true_false);
      NIR_PASS(progress, nir, nir_opt_cse);
      NIR_PASS(progress, nir, nir_opt_algebraic);
      NIR_PASS(progress, nir, nir_opt_constant_folding);
      NIR_PASS(progress, nir, nir_opt_undef);
   } while (progress);
}

void
colibri_preprocess_nir(nir_shader *nir)
{
   NIR_PASS(_, nir, colibri_nir_lower_math);
   optimize(nir);
}

void
colibri_nir_prepare(nir_shader *nir)
{
   bool progress;

   do {
      progress = false;
      NIR_PASS(progress, nir, nir_opt_algebraic_late);
      if (progress) {
         NIR_PASS(_, nir, nir_opt_constant_folding);
         NIR_PASS(_, nir, nir_copy_prop);
         NIR_PASS(_, nir, nir_opt_dce);
         NIR_PASS(_, nir, nir_opt_cse);
      }
   } while (progress);

   /* Whole vectors were only needed by what is gone now. */
   NIR_PASS(_, nir, nir_lower_alu_to_scalar, NULL, NULL);
   NIR_PASS(_, nir, nir_copy_prop);
   NIR_PASS(_, nir, nir_opt_dce);

   /*
    * Values leave a loop through phis: where lanes leave at different times,
    * the phi is the place that collects their values.
    */
   NIR_PASS(_, nir, nir_convert_to_lcssa, false, false);
   nir_divergence_analysis(nir);
   nir_index_ssa_defs(nir_shader_get_entrypoint(nir));
}
