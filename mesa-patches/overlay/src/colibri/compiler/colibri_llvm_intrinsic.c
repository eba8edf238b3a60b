/*
 * Copyright © 2026 Colibri developers
 * SPDX-License-Identifier: MIT
 */

/*
 * Memory, atomics, barriers and IDs.
 *
 * All memory is reached through flat 64-bit addresses: offsets into local and
 * private memory become pointers of their apertures. A uniform address makes a
 * scalar access, else it is a gather or scatter under `exec`, of which LLVM
 * makes unit-stride accesses where it sees that lanes are neighbours.
 */
#include "colibri_llvm.h"

/* A memory access: where, and what is known about it. */
struct access {
   LLVMValueRef address;
   /** The address of lane 0 and the step to the next, where that is known. */
   struct colibri_affine lanes;
   unsigned align;
   /** Others may change or see the memory meanwhile. */
   bool is_volatile;
   /** Nobody writes it while the kernel runs. */
   bool is_invariant;
};

static LLVMValueRef
build_add(struct colibri_llvm *ctx, LLVMValueRef x, LLVMValueRef y)
{
   bool divergent = colibri_is_lanes(x) || colibri_is_lanes(y);

   return LLVMBuildAdd(ctx->builder, colibri_widen(ctx, x, divergent),
                       colibri_widen(ctx, y, divergent), "");
}

/* An offset, extended to an address's 64 bits. */
static LLVMValueRef
extend_offset(struct colibri_llvm *ctx, LLVMValueRef offset, unsigned bits)
{
   if (bits == 64)
      return offset;
   return LLVMBuildZExt(ctx->builder, offset,
                        colibri_int(ctx, 64, colibri_is_lanes(offset)), "");
}

static LLVMValueRef
local_address(struct colibri_llvm *ctx, nir_src offset, uint32_t base)
{
   LLVMValueRef value = extend_offset(ctx, colibri_src(ctx, offset, 0),
                                      nir_src_bit_size(offset));

   return build_add(ctx, value,
                    colibri_const(ctx, 64, COLIBRI_LOCAL_BASE + base, false));
}

/*
 * Offsets of lanes that execute are small. That of lane 0 may lie below zero if
 * it does not: so it is extended with its sign. One offset for all lanes needs no
 * address of lane 0.
 */
static struct colibri_affine
local_lanes(struct colibri_llvm *ctx, nir_src offset, uint32_t base)
{
   struct colibri_affine lanes = colibri_get_affine(ctx, offset.ssa, 0);

   if (!lanes.base || (!lanes.stride && !lanes.row))
      return (struct colibri_affine){0};
   lanes.stride = (int32_t)lanes.stride;
   lanes.base = LLVMBuildSExt(ctx->builder, lanes.base,
                              colibri_int(ctx, 64, false), "");
   lanes.base =
      build_add(ctx, lanes.base,
                colibri_const(ctx, 64, COLIBRI_LOCAL_BASE + base, false));
   if (lanes.row)
      lanes.row = LLVMBuildSExt(ctx->builder, lanes.row,
                                colibri_int(ctx, 64, false), "");
   return lanes;
}

/* Each lane has private memory of its own. */
static LLVMValueRef
private_address(struct colibri_llvm *ctx, nir_src offset)
{
   LLVMValueRef lane = LLVMBuildZExt(ctx->builder, ctx->lane,
                                     colibri_int(ctx, 64, true), "");
   LLVMValueRef base = LLVMBuildShl(
      ctx->builder, lane,
      colibri_const(ctx, 64, COLIBRI_PRIVATE_LANE_SHIFT, true), "");
   base = build_add(ctx, base,
                    colibri_const(ctx, 64, COLIBRI_PRIVATE_BASE, false));
   return build_add(ctx, base,
                    extend_offset(ctx, colibri_src(ctx, offset, 0),
                                  nir_src_bit_size(offset)));
}

static LLVMValueRef
to_pointer(struct colibri_llvm *ctx, LLVMValueRef address)
{
   LLVMTypeRef type =
      colibri_is_lanes(address) ? colibri_lanes_of(ctx->ptr) : ctx->ptr;

   return LLVMBuildIntToPtr(ctx->builder, address, type, "");
}

/* @access, @bytes further on. */
static struct access
access_at(struct colibri_llvm *ctx, const struct access *access,
          unsigned bytes)
{
   struct access at = *access;

   if (bytes) {
      at.address = build_add(ctx, access->address,
                             colibri_const(ctx, 64, bytes, false));
      if (access->lanes.base)
         at.lanes.base = build_add(ctx, access->lanes.base,
                                   colibri_const(ctx, 64, bytes, false));
      at.align = MIN2(access->align, 1u << (ffs(bytes) - 1));
   }
   return at;
}

/* Neighbouring lanes access neighbouring elements, at least if lanes.sure. */
static bool
is_unit_stride(const struct access *access, unsigned bits)
{
   return access->lanes.base && access->lanes.stride == bits / 8 &&
          !access->lanes.row;
}

/* The lanes of a row access the same element, or each row the same elements. */
static bool
is_by_rows(struct colibri_llvm *ctx, const struct access *access, unsigned bits)
{
   const LLVMValueRef row = access->lanes.row;

   if (!row || !colibri_is_whole(ctx))
      return false;
   return !access->lanes.stride ||
          (LLVMIsAConstantInt(row) && LLVMIsNull(row) && bits <= 32 &&
           access->lanes.stride == bits / 8);
}

/* The step from row to row is known, so that rows may be one piece after all. */
static void
join_rows(struct colibri_llvm *ctx, struct access *access)
{
   LLVMValueRef row = access->lanes.row;

   if (row && LLVMIsAConstantInt(row) &&
       LLVMConstIntGetSExtValue(row) ==
          access->lanes.stride * ctx->key->row_lanes)
      access->lanes.row = NULL;
}

static void
mark_invariant(struct colibri_llvm *ctx, LLVMValueRef load)
{
   unsigned kind =
      LLVMGetMDKindIDInContext(ctx->context, "invariant.load", 14);
   LLVMMetadataRef node = LLVMMDNodeInContext2(ctx->context, NULL, 0);

   LLVMSetMetadata(load, kind, LLVMMetadataAsValue(ctx->context, node));
}

static LLVMValueRef
build_gather(struct colibri_llvm *ctx, const struct access *access,
             LLVMTypeRef type)
{
   LLVMTypeRef types[] = {type, colibri_lanes_of(ctx->ptr)};
   LLVMValueRef args[] = {
      to_pointer(ctx, access->address),
      colibri_const(ctx, 32, access->align, false),
      colibri_exec_mask(ctx),
      LLVMGetPoison(type),
   };

   return colibri_intrinsic(ctx, "llvm.masked.gather", types, 2, args, 4);
}

static LLVMValueRef
build_unit_stride_load(struct colibri_llvm *ctx, const struct access *access,
                       LLVMTypeRef type)
{
   LLVMTypeRef types[] = {type, ctx->ptr};
   LLVMValueRef args[] = {
      to_pointer(ctx, access->lanes.base),
      colibri_const(ctx, 32, access->align, false),
      colibri_exec_mask(ctx),
      LLVMGetPoison(type),
   };

   return colibri_intrinsic(ctx, "llvm.masked.load", types, 2, args, 4);
}

static void
build_unit_stride_store(struct colibri_llvm *ctx, const struct access *access,
                        LLVMValueRef value)
{
   LLVMTypeRef types[] = {LLVMTypeOf(value), ctx->ptr};
   LLVMValueRef args[] = {
      value,
      to_pointer(ctx, access->lanes.base),
      colibri_const(ctx, 32, access->align, false),
      colibri_exec_mask(ctx),
   };

   colibri_intrinsic(ctx, "llvm.masked.store", types, 2, args, 4);
}

/* A choice at run time between a unit-stride access and another. */
struct choice {
   LLVMBasicBlockRef unit, other, end;
};

/* The first way of @branch is the one to make fast. */
static void
mark_likely(struct colibri_llvm *ctx, LLVMValueRef branch)
{
   LLVMTypeRef i32 = colibri_int(ctx, 32, false);
   LLVMMetadataRef operands[] = {
      LLVMMDStringInContext2(ctx->context, "branch_weights", 14),
      LLVMValueAsMetadata(LLVMConstInt(i32, 2000, false)),
      LLVMValueAsMetadata(LLVMConstInt(i32, 1, false)),
   };
   LLVMMetadataRef node = LLVMMDNodeInContext2(ctx->context, operands, 3);

   LLVMSetMetadata(branch, LLVMGetMDKindIDInContext(ctx->context, "prof", 4),
                   LLVMMetadataAsValue(ctx->context, node));
}

static struct choice
begin_choice(struct colibri_llvm *ctx, LLVMValueRef sure)
{
   struct choice choice = {
      .unit = colibri_new_block(ctx, "unit"),
      .other = colibri_new_block(ctx, "scattered"),
      .end = colibri_new_block(ctx, "accessed"),
   };

   LLVMValueRef branch =
      LLVMBuildCondBr(ctx->builder, sure, choice.unit, choice.other);
   mark_likely(ctx, branch);
   colibri_start_block(ctx, choice.unit);
   return choice;
}

static void
next_choice(struct colibri_llvm *ctx, const struct choice *choice)
{
   LLVMBuildBr(ctx->builder, choice->end);
   colibri_start_block(ctx, choice->other);
}

static void
end_choice(struct colibri_llvm *ctx, const struct choice *choice)
{
   LLVMBuildBr(ctx->builder, choice->end);
   colibri_start_block(ctx, choice->end);
}

/* As fast as what is known of the lanes allows, if that is true. */
static LLVMValueRef
build_known_load(struct colibri_llvm *ctx, const struct access *access,
                 LLVMTypeRef type)
{
   return access->lanes.row
             ? colibri_load_rows(ctx, &access->lanes, access->align, type)
             : build_unit_stride_load(ctx, access, type);
}

static LLVMValueRef
build_lanes_load(struct colibri_llvm *ctx, struct access *access,
                 LLVMTypeRef type, unsigned bits)
{
   join_rows(ctx, access);
   if (!is_unit_stride(access, bits) && !is_by_rows(ctx, access, bits))
      return build_gather(ctx, access, type);
   if (!access->lanes.sure)
      return build_known_load(ctx, access, type);

   struct choice choice = begin_choice(ctx, access->lanes.sure);
   LLVMBasicBlockRef blocks[] = {choice.unit, choice.other};
   LLVMValueRef values[2];

   values[0] = build_known_load(ctx, access, type);
   next_choice(ctx, &choice);
   values[1] = build_gather(ctx, access, type);
   end_choice(ctx, &choice);
   LLVMValueRef phi = LLVMBuildPhi(ctx->builder, type, "");
   LLVMAddIncoming(phi, values, blocks, 2);
   return phi;
}

static LLVMValueRef
build_load(struct colibri_llvm *ctx, struct access *access, unsigned bits)
{
   bool divergent = colibri_is_lanes(access->address);
   LLVMTypeRef type = colibri_int(ctx, bits, divergent);

   if (divergent)
      return build_lanes_load(ctx, access, type, bits);

   LLVMValueRef load = LLVMBuildLoad2(ctx->builder, type,
                                      to_pointer(ctx, access->address), "");
   LLVMSetAlignment(load, access->align);
   LLVMSetVolatile(load, access->is_volatile);
   if (access->is_invariant)
      mark_invariant(ctx, load);
   return load;
}

static void
build_scatter(struct colibri_llvm *ctx, const struct access *access,
              LLVMValueRef value)
{
   LLVMTypeRef types[] = {LLVMTypeOf(value), colibri_lanes_of(ctx->ptr)};
   LLVMValueRef args[] = {
      value,
      to_pointer(ctx, colibri_widen(ctx, access->address, true)),
      colibri_const(ctx, 32, access->align, false),
      colibri_exec_mask(ctx),
   };

   colibri_intrinsic(ctx, "llvm.masked.scatter", types, 2, args, 4);
}

static void
build_lanes_store(struct colibri_llvm *ctx, struct access *access,
                  LLVMValueRef value, unsigned bits)
{
   join_rows(ctx, access);
   if (!is_unit_stride(access, bits)) {
      build_scatter(ctx, access, value);
      return;
   }
   if (!access->lanes.sure) {
      build_unit_stride_store(ctx, access, value);
      return;
   }

   struct choice choice = begin_choice(ctx, access->lanes.sure);

   build_unit_stride_store(ctx, access, value);
   next_choice(ctx, &choice);
   build_scatter(ctx, access, value);
   end_choice(ctx, &choice);
}

static void
build_store(struct colibri_llvm *ctx, struct access *access,
            LLVMValueRef value, unsigned bits)
{
   if (!colibri_is_lanes(access->address) && !colibri_is_lanes(value)) {
      LLVMValueRef store = LLVMBuildStore(ctx->builder, value,
                                          to_pointer(ctx, access->address));

      LLVMSetAlignment(store, access->align);
      LLVMSetVolatile(store, access->is_volatile);
      return;
   }

   build_lanes_store(ctx, access, colibri_widen(ctx, value, true), bits);
}

static struct access
access_of(nir_intrinsic_instr *intr, LLVMValueRef address)
{
   enum gl_access_qualifier flags =
      nir_intrinsic_has_access(intr) ? nir_intrinsic_access(intr) : 0;

   return (struct access){
      .address = address,
      .align = nir_intrinsic_align(intr),
      .is_volatile = flags & (ACCESS_VOLATILE | ACCESS_COHERENT),
   };
}

static void
visit_load(struct colibri_llvm *ctx, nir_intrinsic_instr *intr,
           const struct access *access)
{
   unsigned bits = intr->def.bit_size;

   if (access->is_volatile)
      colibri_compiler_barrier(ctx);
   for (unsigned c = 0; c < intr->def.num_components; c++) {
      struct access at = access_at(ctx, access, c * bits / 8);
      LLVMValueRef value = build_load(ctx, &at, bits);

      colibri_set_def(ctx, &intr->def, c,
                      colibri_widen(ctx, value, intr->def.divergent));
   }
   if (access->is_volatile)
      colibri_compiler_barrier(ctx);
}

static void
visit_store(struct colibri_llvm *ctx, nir_intrinsic_instr *intr,
            const struct access *access)
{
   unsigned bits = nir_src_bit_size(intr->src[0]);

   if (access->is_volatile)
      colibri_compiler_barrier(ctx);
   u_foreach_bit(c, nir_intrinsic_write_mask(intr)) {
      struct access at = access_at(ctx, access, c * bits / 8);

      build_store(ctx, &at, colibri_src(ctx, intr->src[0], c), bits);
   }
   if (access->is_volatile)
      colibri_compiler_barrier(ctx);
}

/* The operation and flag of the custom instruction; false: it has none. */
static bool
atomic_op(nir_atomic_op op, unsigned *hw_op, bool *is_float)
{
   *is_float = nir_atomic_op_type(op) == nir_type_float;
   switch (op) {
   case nir_atomic_op_iadd:
   case nir_atomic_op_fadd: *hw_op = COLIBRI_ATOMIC_ADD; return true;
   case nir_atomic_op_xchg: *hw_op = COLIBRI_ATOMIC_SWAP; return true;
   case nir_atomic_op_cmpxchg: *hw_op = COLIBRI_ATOMIC_CAS; return true;
   case nir_atomic_op_ixor: *hw_op = COLIBRI_ATOMIC_XOR; return true;
   case nir_atomic_op_ior: *hw_op = COLIBRI_ATOMIC_OR; return true;
   case nir_atomic_op_iand: *hw_op = COLIBRI_ATOMIC_AND; return true;
   case nir_atomic_op_imin:
   case nir_atomic_op_fmin: *hw_op = COLIBRI_ATOMIC_MIN; return true;
   case nir_atomic_op_imax:
   case nir_atomic_op_fmax: *hw_op = COLIBRI_ATOMIC_MAX; return true;
   case nir_atomic_op_umin: *hw_op = COLIBRI_ATOMIC_MINU; return true;
   case nir_atomic_op_umax: *hw_op = COLIBRI_ATOMIC_MAXU; return true;
   default: return false;
   }
}

/* @compare: what compare-and-swap expects, else NULL. */
static LLVMValueRef
build_atomic(struct colibri_llvm *ctx, unsigned bits, unsigned hw_op,
             bool is_float, LLVMValueRef address, LLVMValueRef data,
             LLVMValueRef compare)
{
   LLVMValueRef args[4];
   unsigned n = 0;
   char text[64];

   snprintf(text, sizeof(text), ".insn r 0x%x, %u, %u, $0, $%u, $%u",
            COLIBRI_INSN_OPCODE,
            bits == 64 ? COLIBRI_INSN_F3_ATOMIC64 : COLIBRI_INSN_F3_ATOMIC32,
            COLIBRI_INSN_F7_ATOMIC(hw_op, is_float, 0), compare ? 2 : 1,
            compare ? 3 : 2);
   if (compare)
      args[n++] = colibri_to_scalable(ctx, compare, bits);
   args[n++] = colibri_to_scalable(ctx, address, 64);
   args[n++] = colibri_to_scalable(ctx, data, bits);
   args[n++] = colibri_to_scalable(ctx, colibri_exec_mask(ctx), 1);

   /* The result may overlap neither the address nor v0, where the mask is. */
   const char *constraints =
      compare ? "=&^vr,0,^vr,^vr,^vm,~{memory}" : "=&^vr,^vr,^vr,^vm,~{memory}";
   LLVMValueRef old = colibri_asm(ctx, colibri_scalable_type(ctx, bits), text,
                                  constraints, args, n, true);
   return colibri_from_scalable(ctx, old, bits);
}

static void
visit_atomic(struct colibri_llvm *ctx, nir_intrinsic_instr *intr,
             LLVMValueRef address, bool is_swap)
{
   nir_atomic_op op = nir_intrinsic_atomic_op(intr);
   unsigned bits = intr->def.bit_size;
   unsigned data_src = is_swap ? 2 : 1;
   unsigned hw_op;
   bool is_float;

   if (!atomic_op(op, &hw_op, &is_float) || (bits != 32 && bits != 64)) {
      colibri_llvm_error(ctx, "%u-bit atomic operation %u is not supported",
                         bits, op);
      return;
   }

   LLVMValueRef compare =
      is_swap ? colibri_widen(ctx, colibri_src(ctx, intr->src[1], 0), true)
              : NULL;
   LLVMValueRef data =
      colibri_widen(ctx, colibri_src(ctx, intr->src[data_src], 0), true);
   colibri_set_def(ctx, &intr->def, 0,
                   build_atomic(ctx, bits, hw_op, is_float,
                                colibri_widen(ctx, address, true), data,
                                compare));
}

static void
visit_barrier(struct colibri_llvm *ctx, nir_intrinsic_instr *intr)
{
   if (nir_intrinsic_memory_scope(intr) != SCOPE_NONE)
      LLVMBuildFence(ctx->builder, LLVMAtomicOrderingSequentiallyConsistent,
                     false, "");
   if (nir_intrinsic_execution_scope(intr) >= SCOPE_WORKGROUP)
      colibri_asm(ctx, NULL, ".insn r 0x0b, 0, 1, x0, x0, x0", "~{memory}",
                  NULL, 0, true);
}

/* Groups at the end of a row of groups may be smaller where Mesa made them. */
static LLVMValueRef
group_size(struct colibri_llvm *ctx, unsigned d)
{
   if (ctx->key->regrouped)
      return colibri_csr(ctx, COLIBRI_CSR_WG_SIZE_NOM(d));
   if (!ctx->nir->info.workgroup_size_variable)
      return colibri_const(ctx, 32, ctx->nir->info.workgroup_size[d], false);
   return colibri_csr(ctx, COLIBRI_CSR_WG_SIZE(d));
}

static void
set_all(struct colibri_llvm *ctx, nir_intrinsic_instr *intr,
        LLVMValueRef (*value)(struct colibri_llvm *ctx, unsigned d))
{
   for (unsigned d = 0; d < intr->def.num_components; d++)
      colibri_set_def(ctx, &intr->def, d, value(ctx, d));
}

static LLVMValueRef
group_id(struct colibri_llvm *ctx, unsigned d)
{
   return colibri_csr(ctx, COLIBRI_CSR_WG_ID(d));
}

/* IDs and sizes. False: it is something else. */
static bool
visit_id(struct colibri_llvm *ctx, nir_intrinsic_instr *intr)
{
   LLVMValueRef value;

   switch (intr->intrinsic) {
   case nir_intrinsic_load_workgroup_id:
      set_all(ctx, intr, group_id);
      return true;
   case nir_intrinsic_load_workgroup_size:
      set_all(ctx, intr, group_size);
      return true;
   case nir_intrinsic_load_subgroup_invocation:
      colibri_set_affine(ctx, &intr->def, 0,
                         (struct colibri_affine){
                            .base = colibri_const(ctx, 32, 0, false),
                            .stride = 1,
                         });
      return true;
   case nir_intrinsic_load_subgroup_size:
      value = colibri_const(ctx, 32, LANES, false);
      break;
   case nir_intrinsic_load_subgroup_id:
      value = colibri_csr(ctx, COLIBRI_CSR_WAVE_IN_WG);
      break;
   case nir_intrinsic_load_num_subgroups:
      value = colibri_csr(ctx, COLIBRI_CSR_WAVES_IN_WG);
      break;
   default:
      return false;
   }
   colibri_set_def(ctx, &intr->def, 0, value);
   return true;
}

static struct access
input_access(struct colibri_llvm *ctx, nir_intrinsic_instr *intr)
{
   LLVMValueRef offset = extend_offset(ctx, colibri_src(ctx, intr->src[0], 0),
                                       nir_src_bit_size(intr->src[0]));
   LLVMValueRef base = build_add(
      ctx, ctx->kernarg,
      colibri_const(ctx, 64, nir_intrinsic_base(intr), false));
   struct access access = access_of(intr, build_add(ctx, base, offset));

   access.is_invariant = true;
   return access;
}

void
colibri_llvm_intrinsic(struct colibri_llvm *ctx, nir_intrinsic_instr *intr)
{
   struct access access;

   if (visit_id(ctx, intr) || colibri_llvm_subgroup(ctx, intr))
      return;

   switch (intr->intrinsic) {
   case nir_intrinsic_load_kernel_input:
      access = input_access(ctx, intr);
      visit_load(ctx, intr, &access);
      break;
   case nir_intrinsic_load_global:
   case nir_intrinsic_load_global_constant:
      access = access_of(intr, colibri_src(ctx, intr->src[0], 0));
      access.lanes = colibri_get_affine(ctx, intr->src[0].ssa, 0);
      visit_load(ctx, intr, &access);
      break;
   case nir_intrinsic_load_shared:
      access = access_of(intr, local_address(ctx, intr->src[0],
                                             nir_intrinsic_base(intr)));
      access.lanes =
         local_lanes(ctx, intr->src[0], nir_intrinsic_base(intr));
      visit_load(ctx, intr, &access);
      break;
   case nir_intrinsic_load_scratch:
      access = access_of(intr, private_address(ctx, intr->src[0]));
      visit_load(ctx, intr, &access);
      break;
   case nir_intrinsic_store_global:
      access = access_of(intr, colibri_src(ctx, intr->src[1], 0));
      access.lanes = colibri_get_affine(ctx, intr->src[1].ssa, 0);
      visit_store(ctx, intr, &access);
      break;
   case nir_intrinsic_store_shared:
      access = access_of(intr, local_address(ctx, intr->src[1],
                                             nir_intrinsic_base(intr)));
      access.lanes =
         local_lanes(ctx, intr->src[1], nir_intrinsic_base(intr));
      visit_store(ctx, intr, &access);
      break;
   case nir_intrinsic_store_scratch:
      access = access_of(intr, private_address(ctx, intr->src[1]));
      visit_store(ctx, intr, &access);
      break;
   case nir_intrinsic_global_atomic:
   case nir_intrinsic_global_atomic_swap:
      visit_atomic(ctx, intr, colibri_src(ctx, intr->src[0], 0),
                   intr->intrinsic == nir_intrinsic_global_atomic_swap);
      break;
   case nir_intrinsic_shared_atomic:
   case nir_intrinsic_shared_atomic_swap:
      visit_atomic(ctx, intr,
                   local_address(ctx, intr->src[0], nir_intrinsic_base(intr)),
                   intr->intrinsic == nir_intrinsic_shared_atomic_swap);
      break;
   case nir_intrinsic_barrier:
      visit_barrier(ctx, intr);
      break;
   default:
      colibri_llvm_error(ctx, "NIR intrinsic %s is not supported",
                         nir_intrinsic_infos[intr->intrinsic].name);
      break;
   }
}
