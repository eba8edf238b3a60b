/* SPDX-License-Identifier: MIT */
/*
 * The handlers of the scalar instructions, named after them: cg_x_addi executes addi.
 */
#ifndef CG_EXEC_H
#define CG_EXEC_H

#include "core_priv.h"

#define CG_HANDLER(name) const struct cg_op *cg_x_##name(struct cg_wave *w, const struct cg_op *op)

/* Register-register: rd = f(rs1, rs2).  With an I the immediate takes rs2's place. */
#define CG_INT_RR(X) \
   X(add) X(sub) X(sll) X(slt) X(sltu) X(xor) X(srl) X(sra) X(or) X(and) \
   X(addw) X(subw) X(sllw) X(srlw) X(sraw) \
   X(mul) X(mulh) X(mulhsu) X(mulhu) X(div) X(divu) X(rem) X(remu) \
   X(mulw) X(divw) X(divuw) X(remw) X(remuw) \
   X(sh1add) X(sh2add) X(sh3add) X(add_uw) X(sh1add_uw) X(sh2add_uw) X(sh3add_uw) \
   X(andn) X(orn) X(xnor) X(min) X(minu) X(max) X(maxu) X(rol) X(ror) X(rolw) X(rorw)

#define CG_INT_RI(X) \
   X(addi) X(slti) X(sltiu) X(xori) X(ori) X(andi) X(slli) X(srli) X(srai) \
   X(addiw) X(slliw) X(srliw) X(sraiw) X(slli_uw) X(rori) X(roriw) \
   X(clz) X(ctz) X(cpop) X(clzw) X(ctzw) X(cpopw) X(sext_b) X(sext_h) X(zext_h) X(rev8) X(orc_b)

#define CG_INT_OTHER(X) \
   X(li) X(auipc) X(jal) X(jalr) X(beq) X(bne) X(blt) X(bge) X(bltu) X(bgeu) \
   X(fence) X(fence_i) X(csr) X(endw) X(barrier)

#define CG_MEM(X) \
   X(lb) X(lh) X(lw) X(ld) X(lbu) X(lhu) X(lwu) X(sb) X(sh) X(sw) X(sd) \
   X(flh) X(flw) X(fld) X(fsh) X(fsw) X(fsd)

#define CG_AMO(X) \
   X(lr) X(sc) X(amoswap) X(amoadd) X(amoxor) X(amoand) X(amoor) \
   X(amomin) X(amomax) X(amominu) X(amomaxu)

/* One for each format: half, single, double. */
#define CG_FP(X) \
   X(fadd) X(fsub) X(fmul) X(fdiv) X(fsqrt) X(fsgnj) X(fsgnjn) X(fsgnjx) X(fmin) X(fmax) \
   X(fmadd) X(fmsub) X(fnmsub) X(fnmadd) X(feq) X(flt) X(fle) X(fclass) \
   X(fcvt_w) X(fcvt_wu) X(fcvt_l) X(fcvt_lu) X(fcvt_from_w) X(fcvt_from_wu) X(fcvt_from_l) X(fcvt_from_lu) \
   X(fmv_x) X(fmv_to)

#define CG_DECLARE(name) CG_HANDLER(name);
#define CG_DECLARE_WD(name) CG_HANDLER(name##_w); CG_HANDLER(name##_d);
#define CG_DECLARE_HSD(name) CG_HANDLER(name##_h); CG_HANDLER(name##_s); CG_HANDLER(name##_d);

CG_INT_RR(CG_DECLARE)
CG_INT_RI(CG_DECLARE)
CG_INT_OTHER(CG_DECLARE)
CG_MEM(CG_DECLARE)
CG_AMO(CG_DECLARE_WD)
CG_FP(CG_DECLARE_HSD)
CG_DECLARE(fcvt_from_h_s)
CG_DECLARE(fcvt_from_h_d)
CG_DECLARE(fcvt_from_s_h)
CG_DECLARE(fcvt_from_s_d)
CG_DECLARE(fcvt_from_d_h)
CG_DECLARE(fcvt_from_d_s)

/** Runs op->inner with the instruction's own rounding mode. */
const struct cg_op *cg_exec_static_rm(struct cg_wave *w, const struct cg_op *op);

/** Change the effective rounding mode (and the host's). */
void cg_rm_set(struct cg_wave *w, unsigned rm);

#endif /* CG_EXEC_H */
