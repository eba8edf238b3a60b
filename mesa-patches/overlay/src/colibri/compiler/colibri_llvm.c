/*
 * Copyright © 2026 Colibri developers
 * SPDX-License-Identifier: MIT
 */

/* The module, its function, and what all of the translation uses. */
#include "colibri_llvm.h"

#include <stdarg.h>

#include "util/ralloc.h"

void
colibri_llvm_error(struct colibri_llvm *ctx, const char *fmt, ...)
{
   va_list args;

   if (ctx->error)
      return;
   va_start(args, fmt);
   if (vasprintf(&ctx->error, fmt, args) < 0)
      ctx->error = strdup("out of memory");
   va_end(args);
}

LLVMTypeRef
colibri_lanes_of(LLVMTypeRef element)
{
   return LLVMVectorType(element, LANES);
}

LLVMTypeRef
colibri_int(struct colibri_llvm *ctx, unsigned bits, bool divergent)
{
   LLVMTypeRef type = LLVMIntTypeInContext(ctx->context, bits);

   return divergent ? colibri_lanes_of(type) : type;
}

LLVMTypeRef
colibri_float(struct colibri_llvm *ctx, unsigned bits, bool divergent)
{
   LLVMTypeRef type = bits == 16   ? LLVMHalfTypeInContext(ctx->context)
                      : bits == 32 ? LLVMFloatTypeInContext(ctx->context)
                                   : LLVMDoubleTypeInContext(ctx->context);

   return divergent ? colibri_lanes_of(type) : type;
}

LLVMValueRef
colibri_const(struct colibri_llvm *ctx, unsigned bits, uint64_t value,
              bool divergent)
{
   LLVMValueRef scalar =
      LLVMConstInt(colibri_int(ctx, bits, false), value, false);

   return divergent ? colibri_splat(ctx, scalar) : scalar;
}

bool
colibri_is_lanes(LLVMValueRef value)
{
   return LLVMGetTypeKind(LLVMTypeOf(value)) == LLVMVectorTypeKind;
}

LLVMValueRef
colibri_splat(struct colibri_llvm *ctx, LLVMValueRef scalar)
{
   LLVMTypeRef lanes = colibri_lanes_of(LLVMTypeOf(scalar));
   LLVMTypeRef i32 = colibri_int(ctx, 32, false);
   LLVMValueRef first =
      LLVMBuildInsertElement(ctx->builder, LLVMGetPoison(lanes), scalar,
                             LLVMConstInt(i32, 0, false), "");

   return LLVMBuildShuffleVector(ctx->builder, first, LLVMGetPoison(lanes),
                                 LLVMConstNull(colibri_lanes_of(i32)), "");
}

LLVMValueRef
colibri_widen(struct colibri_llvm *ctx, LLVMValueRef value, bool divergent)
{
   return divergent && !colibri_is_lanes(value) ? colibri_splat(ctx, value)
                                                : value;
}

LLVMValueRef
colibri_intrinsic(struct colibri_llvm *ctx, const char *name,
                  LLVMTypeRef *types, unsigned num_types, LLVMValueRef *args,
                  unsigned num_args)
{
   unsigned id = LLVMLookupIntrinsicID(name, strlen(name));
   LLVMValueRef fn =
      LLVMGetIntrinsicDeclaration(ctx->module, id, types, num_types);
   LLVMTypeRef type = LLVMIntrinsicGetType(ctx->context, id, types, num_types);

   assert(id);
   return LLVMBuildCall2(ctx->builder, type, fn, args, num_args, "");
}

LLVMValueRef
colibri_asm(struct colibri_llvm *ctx, LLVMTypeRef ret, const char *text,
            const char *constraints, LLVMValueRef *args, unsigned num_args,
            bool effects)
{
   LLVMTypeRef types[4];

   assert(num_args <= ARRAY_SIZE(types));
   for (unsigned i = 0; i < num_args; i++)
      types[i] = LLVMTypeOf(args[i]);
   if (!ret)
      ret = LLVMVoidTypeInContext(ctx->context);

   LLVMTypeRef type = LLVMFunctionType(ret, types, num_args, false);
   LLVMValueRef code =
      LLVMGetInlineAsm(type, (char *)text, strlen(text), (char *)constraints,
                       strlen(constraints), effects, false,
                       LLVMInlineAsmDialectATT, false);
   LLVMValueRef call =
      LLVMBuildCall2(ctx->builder, type, code, args, num_args, "");

   if (effects) {
      /* All waves of a group meet at a barrier: it must not be duplicated. */
      unsigned kind = LLVMGetEnumAttributeKindForName("convergent", 10);

      LLVMAddCallSiteAttribute(
         call, LLVMAttributeFunctionIndex,
         LLVMCreateEnumAttribute(ctx->context, kind, 0));
   }
   return call;
}

/*
 * Registers of custom instructions and of RISC-V's own intrinsics are scalable
 * vectors for LLVM: with the VLEN it knows, a fixed one moves in and out for free.
 */
LLVMTypeRef
colibri_scalable_type(struct colibri_llvm *ctx, unsigned bits)
{
   return LLVMScalableVectorType(colibri_int(ctx, bits, false),
                                 LANES / (COLIBRI_VLEN / 64));
}

LLVMValueRef
colibri_to_scalable(struct colibri_llvm *ctx, LLVMValueRef lanes, unsigned bits)
{
   LLVMTypeRef types[] = {colibri_scalable_type(ctx, bits), LLVMTypeOf(lanes)};
   LLVMValueRef args[] = {
      LLVMGetPoison(types[0]), lanes, colibri_const(ctx, 64, 0, false)};

   return colibri_intrinsic(ctx, "llvm.vector.insert", types, 2, args, 3);
}

LLVMValueRef
colibri_from_scalable(struct colibri_llvm *ctx, LLVMValueRef value, unsigned bits)
{
   LLVMTypeRef types[] = {colibri_int(ctx, bits, true),
                          colibri_scalable_type(ctx, bits)};
   LLVMValueRef args[] = {value, colibri_const(ctx, 64, 0, false)};

   return colibri_intrinsic(ctx, "llvm.vector.extract", types, 2, args, 2);
}

LLVMValueRef
colibri_csr(struct colibri_llvm *ctx, unsigned csr)
{
   char text[32];

   snprintf(text, sizeof(text), "csrr $0, 0x%x", csr);
   LLVMValueRef value = colibri_asm(ctx, colibri_int(ctx, 64, false), text,
                                    "=r", NULL, 0, false);
   return LLVMBuildTrunc(ctx->builder, value, colibri_int(ctx, 32, false), "");
}

void
colibri_compiler_barrier(struct colibri_llvm *ctx)
{
   colibri_asm(ctx, NULL, "", "~{memory}", NULL, 0, true);
}

LLVMValueRef
colibri_src(struct colibri_llvm *ctx, nir_src src, unsigned comp)
{
   return ctx->defs[src.ssa->index][comp];
}

void
colibri_set_def(struct colibri_llvm *ctx, const nir_def *def, unsigned comp,
                LLVMValueRef value)
{
   if (!ctx->defs[def->index])
      ctx->defs[def->index] =
         rzalloc_array(ctx->defs, LLVMValueRef, def->num_components);
   ctx->defs[def->index][comp] = value;
}

LLVMValueRef
colibri_alloca(struct colibri_llvm *ctx, LLVMTypeRef type)
{
   return LLVMBuildAlloca(ctx->alloca_builder, type, "");
}

static void
add_attribute(struct colibri_llvm *ctx, const char *name, uint64_t value)
{
   unsigned kind = LLVMGetEnumAttributeKindForName(name, strlen(name));

   LLVMAddAttributeAtIndex(ctx->function, LLVMAttributeFunctionIndex,
                           LLVMCreateEnumAttribute(ctx->context, kind, value));
}

static void
add_string_attribute(struct colibri_llvm *ctx, const char *name,
                     const char *value)
{
   LLVMAddAttributeAtIndex(ctx->function, LLVMAttributeFunctionIndex,
                           LLVMCreateStringAttribute(ctx->context, name,
                                                     strlen(name), value,
                                                     strlen(value)));
}

static void
create_function(struct colibri_llvm *ctx, const char *name)
{
   const uint64_t vscale = COLIBRI_VLEN / 64;
   LLVMTypeRef i64 = colibri_int(ctx, 64, false);
   LLVMTypeRef type = LLVMFunctionType(LLVMVoidTypeInContext(ctx->context),
                                       &i64, 1, false);

   ctx->function = LLVMAddFunction(ctx->module, name, type);
   add_attribute(ctx, "noreturn", 0);
   add_attribute(ctx, "nounwind", 0);
   add_attribute(ctx, "vscale_range", vscale << 32 | vscale);
   add_string_attribute(ctx, "target-features", COLIBRI_TARGET_FEATURES);
   /* A table of jumps would hold absolute addresses. */
   add_string_attribute(ctx, "no-jump-tables", "true");
}

static LLVMValueRef
lane_numbers(struct colibri_llvm *ctx)
{
   LLVMValueRef lanes[LANES];

   for (unsigned i = 0; i < LANES; i++)
      lanes[i] = colibri_const(ctx, 32, i, false);
   return LLVMConstVector(lanes, LANES);
}

/*
 * Lanes of the last wave may lie beyond the group. With whole waves only, all
 * masks start as constants and mostly vanish.
 */
static LLVMValueRef
lanes_of_group(struct colibri_llvm *ctx)
{
   if (ctx->key->full_waves)
      return LLVMConstAllOnes(colibri_mask_type(ctx));

   LLVMValueRef items = colibri_csr(ctx, COLIBRI_CSR_WG_SIZE(0));
   for (unsigned d = 1; d < 3 && !ctx->key->linear_group; d++)
      items = LLVMBuildMul(ctx->builder, items,
                           colibri_csr(ctx, COLIBRI_CSR_WG_SIZE(d)), "");
   LLVMValueRef first =
      LLVMBuildMul(ctx->builder, colibri_csr(ctx, COLIBRI_CSR_WAVE_IN_WG),
                   colibri_const(ctx, 32, LANES, false), "");
   LLVMValueRef left = LLVMBuildSub(ctx->builder, items, first, "");
   return LLVMBuildICmp(ctx->builder, LLVMIntULT, ctx->lane,
                        colibri_splat(ctx, left), "");
}

static void
end_wave(struct colibri_llvm *ctx)
{
   colibri_asm(ctx, NULL, ".insn r 0x0b, 0, 0, x0, x0, x0", "~{memory}", NULL,
               0, true);
   LLVMBuildUnreachable(ctx->builder);
}

static void
build_function(struct colibri_llvm *ctx, nir_function_impl *impl)
{
   LLVMBasicBlockRef allocas = colibri_new_block(ctx, "entry");
   LLVMBasicBlockRef body = colibri_new_block(ctx, "body");

   LLVMPositionBuilderAtEnd(ctx->alloca_builder, allocas);
   colibri_start_block(ctx, body);
   ctx->kernarg = LLVMGetParam(ctx->function, 0);
   ctx->exec = colibri_alloca(ctx, colibri_mask_type(ctx));
   ctx->lane = lane_numbers(ctx);
   colibri_set_exec(ctx, lanes_of_group(ctx));
   colibri_llvm_cf(ctx, &impl->body);
   if (!ctx->error)
      end_wave(ctx);
   LLVMBuildBr(ctx->alloca_builder, body);
}

LLVMModuleRef
colibri_nir_to_llvm(nir_shader *nir, const struct colibri_shader_key *key,
                    struct colibri_debug_info *debug_info,
                    struct colibri_shader_info *info, const char *name,
                    LLVMContextRef context, char **error)
{
   nir_function_impl *impl = nir_shader_get_entrypoint(nir);
   void *mem_ctx = ralloc_context(NULL);
   struct colibri_llvm ctx = {
      .nir = nir,
      .key = key,
      .debug_info = debug_info,
      .info = info,
      .context = context,
      .module = LLVMModuleCreateWithNameInContext(name, context),
      .builder = LLVMCreateBuilderInContext(context),
      .alloca_builder = LLVMCreateBuilderInContext(context),
      .ptr = LLVMPointerTypeInContext(context, 0),
      .defs = rzalloc_array(mem_ctx, LLVMValueRef *, impl->ssa_alloc),
      .phis = rzalloc_array(mem_ctx, LLVMValueRef *, impl->ssa_alloc),
      .phi_strides = rzalloc_array(mem_ctx, int64_t, impl->ssa_alloc),
      .affine =
         rzalloc_array(mem_ctx, struct colibri_affine *, impl->ssa_alloc),
   };

   LLVMSetTarget(ctx.module, COLIBRI_TARGET_TRIPLE);
   create_function(&ctx, name);
   colibri_llvm_begin_debug_info(debug_info, ctx.module, ctx.function);
   build_function(&ctx, impl);
   colibri_llvm_end_debug_info(debug_info);

   LLVMDisposeBuilder(ctx.builder);
   LLVMDisposeBuilder(ctx.alloca_builder);
   ralloc_free(mem_ctx);
   if (!ctx.error)
      return ctx.module;
   LLVMDisposeModule(ctx.module);
   *error = ctx.error;
   return NULL;
}
