/*
 * Copyright © 2026 Colibri developers
 * SPDX-License-Identifier: MIT
 */

/*
 * Translation of NIR to LLVM IR, the part that its files share.
 *
 * One function is one wave. A NIR value that diverges is a vector of 64 lanes,
 * any other a scalar; both are integers (i1 for booleans) and are cast where an
 * operation wants floating point. A NIR vector is an array of such values.
 *
 * The lanes that execute are in `exec`. Code is reached only while some lane
 * does, so scalar operations need no thought about masks.
 */
#ifndef COLIBRI_LLVM_H
#define COLIBRI_LLVM_H

#include <llvm-c/Core.h>

#include "colibri_compiler.h"
#include "colibri_debug_info.h"
#include "colibri_hw.h"

#define LANES COLIBRI_WAVE_LANES

#define COLIBRI_TARGET_TRIPLE "riscv64-unknown-elf"
#define COLIBRI_TARGET_FEATURES                                                \
   "+m,+a,+f,+d,+c,+v,+zvl2048b,+zba,+zbb,+zfh,+zvfh,+unaligned-scalar-mem,"   \
   "+unaligned-vector-mem"

/* The innermost loop around what is being translated. */
struct colibri_loop {
   struct colibri_loop *outer;
   const nir_loop *nir;

   /** End of the body: who continues comes here. */
   LLVMBasicBlockRef latch;
   LLVMBasicBlockRef exit;

   /** Alloca: lanes that wait for the next iteration. */
   LLVMValueRef continued;

   /** Divergent ifs between the loop and what is being translated. */
   unsigned divergent_ifs;

   /** A divergent continue came before in the body. */
   bool lanes_continued;
};

/*
 * base + stride * lane, in the bits of base. A NULL base: it is not like that.
 *
 * With key->row_lanes of less than a wave it can also be
 * base + stride * (lane % row_lanes) + row * (lane / row_lanes).
 */
struct colibri_affine {
   LLVMValueRef base;
   int64_t stride;

   /** In the bits of base; NULL: stride * row_lanes, lanes go on in the next row. */
   LLVMValueRef row;

   /** i1: it is like that only if this is true. NULL: always. */
   LLVMValueRef sure;
};

struct colibri_llvm {
   const nir_shader *nir;
   const struct colibri_shader_key *key;
   struct colibri_debug_info *debug_info;
   struct colibri_shader_info *info;

   LLVMContextRef context;
   LLVMModuleRef module;
   LLVMBuilderRef builder;

   /** Inserts allocas into the entry block. */
   LLVMBuilderRef alloca_builder;

   LLVMValueRef function;
   LLVMTypeRef ptr;

   /** Alloca: the lanes that execute. */
   LLVMValueRef exec;

   /** i64: the kernel's arguments. */
   LLVMValueRef kernarg;

   /** <64 x i32>: 0 .. 63. */
   LLVMValueRef lane;

   /** The same, of which LLVM does not know it, or NULL until it is needed. */
   LLVMValueRef hidden_lane;

   struct colibri_loop *loop;

   /** Divergent ifs around what is being translated. */
   unsigned divergent_ifs;

   /** Counts jumps that took lanes out of exec. */
   unsigned jumps;

   /** Per SSA definition: an array of components; phis also their allocas. */
   LLVMValueRef **defs;
   LLVMValueRef **phis;

   /** Per phi: not 0 if it is affine; then its alloca is that of the base. */
   int64_t *phi_strides;

   /** Components that are known to be affine in the lane. */
   struct colibri_affine **affine;

   /** The first thing that is not supported, malloc()ed. */
   char *error;
};

/** Remembers what is not supported, unless something was before. */
void PRINTFLIKE(2, 3)
colibri_llvm_error(struct colibri_llvm *ctx, const char *fmt, ...);

/* Types: integer, float, and their vectors over the lanes. */
LLVMTypeRef colibri_lanes_of(LLVMTypeRef element);
LLVMTypeRef colibri_int(struct colibri_llvm *ctx, unsigned bits, bool divergent);
LLVMTypeRef colibri_float(struct colibri_llvm *ctx, unsigned bits,
                          bool divergent);

/** The same constant in every lane, if divergent. */
LLVMValueRef colibri_const(struct colibri_llvm *ctx, unsigned bits,
                           uint64_t value, bool divergent);

bool colibri_is_lanes(LLVMValueRef value);
LLVMValueRef colibri_splat(struct colibri_llvm *ctx, LLVMValueRef scalar);

/** @value as lanes if @divergent asks for it. */
LLVMValueRef colibri_widen(struct colibri_llvm *ctx, LLVMValueRef value,
                           bool divergent);

/** Calls an LLVM intrinsic that is overloaded on @types. */
LLVMValueRef colibri_intrinsic(struct colibri_llvm *ctx, const char *name,
                               LLVMTypeRef *types, unsigned num_types,
                               LLVMValueRef *args, unsigned num_args);

/** Calls inline assembly. @effects: it must stay, where it is. */
LLVMValueRef colibri_asm(struct colibri_llvm *ctx, LLVMTypeRef ret,
                         const char *text, const char *constraints,
                         LLVMValueRef *args, unsigned num_args, bool effects);

/* A register of lanes as RISC-V's intrinsics and inline assembly want it. */
LLVMTypeRef colibri_scalable_type(struct colibri_llvm *ctx, unsigned bits);
LLVMValueRef colibri_to_scalable(struct colibri_llvm *ctx, LLVMValueRef lanes,
                                 unsigned bits);
LLVMValueRef colibri_from_scalable(struct colibri_llvm *ctx, LLVMValueRef value,
                                   unsigned bits);

/** Reads one of the read-only CSRs, as i32. */
LLVMValueRef colibri_csr(struct colibri_llvm *ctx, unsigned csr);

/** Nothing may be moved across, as other waves may see or change memory. */
void colibri_compiler_barrier(struct colibri_llvm *ctx);

LLVMTypeRef colibri_mask_type(struct colibri_llvm *ctx);

/** The lanes that execute here: <64 x i1>. */
LLVMValueRef colibri_exec_mask(struct colibri_llvm *ctx);
void colibri_set_exec(struct colibri_llvm *ctx, LLVMValueRef mask);

/** A variable of the function. */
LLVMValueRef colibri_alloca(struct colibri_llvm *ctx, LLVMTypeRef type);

/** All lanes are known to execute here. */
bool colibri_is_whole(struct colibri_llvm *ctx);

LLVMBasicBlockRef colibri_new_block(struct colibri_llvm *ctx, const char *name);
void colibri_start_block(struct colibri_llvm *ctx, LLVMBasicBlockRef block);

/** Translates a list of blocks, ifs and loops. */
void colibri_llvm_cf(struct colibri_llvm *ctx, struct exec_list *body);

/** Component @comp of a source. */
LLVMValueRef colibri_src(struct colibri_llvm *ctx, nir_src src, unsigned comp);

void colibri_set_def(struct colibri_llvm *ctx, const nir_def *def,
                     unsigned comp, LLVMValueRef value);

/** How a component changes from lane to lane; a uniform one does not. */
struct colibri_affine colibri_get_affine(struct colibri_llvm *ctx,
                                         const nir_def *def, unsigned comp);

/** Defines a component by its base and stride. */
void colibri_set_affine(struct colibri_llvm *ctx, const nir_def *def,
                        unsigned comp, struct colibri_affine affine);

/**
 * The stride of a loop's phi that starts as an affine value and changes by what
 * is the same for all lanes; 0: it is no such phi.
 */
int64_t colibri_phi_stride(struct colibri_llvm *ctx, nir_phi_instr *phi,
                           const nir_loop *loop);

/** Translates @alu if its result is affine in the lane. */
bool colibri_llvm_affine_alu(struct colibri_llvm *ctx, nir_alu_instr *alu);

void colibri_llvm_alu(struct colibri_llvm *ctx, nir_alu_instr *alu);

/**
 * Each lane gets what the lane of its choice has; integers of at most 32 bits.
 */
LLVMValueRef colibri_shuffle(struct colibri_llvm *ctx, LLVMValueRef value,
                             LLVMValueRef lane, unsigned bits);

/**
 * Loads @type's elements of all lanes, where the lanes of a row have one
 * address or each row has the same addresses of neighbouring elements.
 */
LLVMValueRef colibri_load_rows(struct colibri_llvm *ctx,
                               const struct colibri_affine *lanes,
                               unsigned align, LLVMTypeRef type);

/** Translates an operation of sub-groups. False: it is something else. */
bool colibri_llvm_subgroup(struct colibri_llvm *ctx, nir_intrinsic_instr *intr);

void colibri_llvm_intrinsic(struct colibri_llvm *ctx,
                            nir_intrinsic_instr *intr);

/**
 * Translates @nir into a new module of @context, and notes what a launch has to
 * know in @info. NULL: see *@error.
 */
LLVMModuleRef colibri_nir_to_llvm(nir_shader *nir,
                                  const struct colibri_shader_key *key,
                                  struct colibri_debug_info *debug_info,
                                  struct colibri_shader_info *info,
                                  const char *name, LLVMContextRef context,
                                  char **error);

/** Optimizes the module and makes machine code of it. */
bool colibri_llvm_codegen(LLVMModuleRef module, struct colibri_shader *shader,
                          char **error);

#endif /* COLIBRI_LLVM_H */
