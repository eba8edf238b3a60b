/* SPDX-License-Identifier: MIT */
/*
 * GPU programs of the device tests, as one blob of position-independent code.
 * It begins with a table of the entry points, in the order of kernels.h.
 * Each takes its arguments from the block at a0.
 */
#include "kernels.h"

.macro ENDW
	.insn r 0x0b, 0, 0, x0, x0, x0
.endm
.macro BARRIER
	.insn r 0x0b, 0, 1, x0, x0, x0
.endm
#define CSR_WG_ID0	0xcc0
#define CSR_WG_SIZE0	0xcc3
#define CSR_WG_NOM0	0xcc6
#define CSR_WAVE	0xccc
#define CSR_WAVES	0xccf

	.text
table:
	.word k_end - table
	.word k_store - table
	.word k_ids - table
	.word k_forever - table
	.word k_until - table
	.word k_scatter - table
	.word k_count - table
	.word k_barrier - table
	.word k_illegal - table
	.word k_load - table
	.word k_walk - table
	.word k_atomic - table
	.word k_local - table
	.word k_add1 - table
	.word k_group - table
	.word k_state - table
	.word k_chain - table
	.word k_local_atomic - table
	.balign 16

k_end:	ENDW

/* { address, value } */
k_store:
	ld	t0, 0(a0)
	ld	t1, 8(a0)
	sd	t1, 0(t0)
	ENDW

/* { u64 *count }: waits until the next wave of the group was here, then counts itself */
k_chain:
	li	s0, 1
	slli	s0, s0, 62
	csrr	s1, CSR_WAVE
	csrr	s2, CSR_WAVES
	slli	t0, s1, 3
	add	s3, s0, t0
	li	s4, 1
	addi	s2, s2, -1
	beq	s1, s2, 2f
1:	ld	t1, 8(s3)
	beqz	t1, 1b
2:	sd	s4, 0(s3)
	ld	a1, 0(a0)
	amoadd.d x0, s4, (a1)
	ENDW

/* vl and v8 = the work-items of this wave and their flat ids in the grid (one dimension) */
.macro ITEMS
	csrr	t0, CSR_WAVE
	slli	t1, t0, 6
	csrr	t2, CSR_WG_SIZE0
	sub	t2, t2, t1
	vsetvli	t3, t2, e32, m1, ta, ma
	csrr	t4, CSR_WG_ID0
	csrr	t5, CSR_WG_NOM0
	mul	t4, t4, t5
	add	t4, t4, t1
	vid.v	v8
	vadd.vx	v8, v8, t4
.endm

/* { u32 *out }: out[id] = id */
k_ids:
	ITEMS
	ld	a1, 0(a0)
	vsll.vi	v9, v8, 2
	vsoxei32.v v8, (a1), v9
	ENDW

k_forever:
	j	k_forever

/* { u64 *flag, u64 *out }: spin until *flag is not 0, then *out = *flag */
k_until:
	ld	a1, 0(a0)
	ld	a2, 8(a0)
1:	ld	t0, 0(a1)
	beqz	t0, 1b
	sd	t0, 0(a2)
	ENDW

/* { base, stride }: lane l of wave w stores its flat id at base + id * stride */
k_scatter:
	ITEMS
	ld	a1, 0(a0)
	ld	a2, 8(a0)
	vsetvli	zero, t3, e64, m2, ta, ma
	vzext.vf2 v10, v8
	vmul.vx	v12, v10, a2
	vsetvli	zero, t3, e32, m1, ta, ma
	vsoxei64.v v8, (a1), v12
	ENDW

/* { u64 *counter }: counts up for ever */
k_count:
	ld	a1, 0(a0)
	li	t0, 0
1:	addi	t0, t0, 1
	sd	t0, 0(a1)
	j	1b

/* { u64 *out }: each wave adds its number + 1 to local memory, 8 rounds; wave 0 stores the sum of the last */
k_barrier:
	li	s0, 1
	slli	s0, s0, 62
	csrr	s1, CSR_WAVE
	csrr	s2, CSR_WAVES
	slli	t0, s1, 3
	add	s3, s0, t0
	li	s4, 8
1:	ld	t1, 0(s3)
	add	t1, t1, s1
	addi	t1, t1, 1
	sd	t1, 0(s3)
	BARRIER
	li	s5, 0
	mv	t2, s0
	mv	t3, s2
2:	ld	t4, 0(t2)
	add	s5, s5, t4
	addi	t2, t2, 8
	addi	t3, t3, -1
	bnez	t3, 2b
	BARRIER
	addi	s4, s4, -1
	bnez	s4, 1b
	bnez	s1, 3f
	ld	a1, 0(a0)
	csrr	t0, CSR_WG_ID0
	slli	t0, t0, 3
	add	a1, a1, t0
	sd	s5, 0(a1)
3:	ENDW

k_illegal:
	.word	0

/* { address } */
k_load:
	ld	t0, 0(a0)
	ld	t1, 0(t0)
	ENDW

/* { base, pages, u64 *out }: adds up the first word of each page */
k_walk:
	ld	a1, 0(a0)
	ld	a2, 8(a0)
	ld	a3, 16(a0)
	li	t0, 0
	lui	t2, 1
1:	ld	t1, 0(a1)
	add	t0, t0, t1
	add	a1, a1, t2
	addi	a2, a2, -1
	bnez	a2, 1b
	sd	t0, 0(a3)
	ENDW

/* { u32 *counter }: each work-item adds 1 */
k_atomic:
	csrr	t0, CSR_WAVE
	slli	t1, t0, 6
	csrr	t2, CSR_WG_SIZE0
	sub	t2, t2, t1
	vsetvli	t3, zero, e32, m1, ta, ma
	vid.v	v8
	vmsltu.vx v0, v8, t2
	ld	a1, 0(a0)
	vsetvli	t3, zero, e64, m2, ta, ma
	vmv.v.x	v10, a1
	vsetvli	t3, zero, e32, m1, ta, ma
	vmv.v.i	v12, 1
	.insn r 0x0b, 2, 0, x14, x10, x12
	ENDW

/* { u32 *out }: each item adds 1 to a word of local memory, 64 rounds; wave 0 adds the sum to out */
k_local_atomic:
	csrr	s1, CSR_WAVE
	slli	t1, s1, 6
	csrr	t2, CSR_WG_SIZE0
	sub	t2, t2, t1
	li	s0, 1
	slli	s0, s0, 62
	vsetvli	t3, zero, e32, m1, ta, ma
	vid.v	v8
	vmsltu.vx v0, v8, t2
	vmv.v.i	v12, 1
	vsetvli	t3, zero, e64, m2, ta, ma
	vmv.v.x	v10, s0
	li	s4, 64
1:	.insn r 0x0b, 2, 0, x14, x10, x12
	addi	s4, s4, -1
	bnez	s4, 1b
	BARRIER
	bnez	s1, 2f
	lw	t1, 0(s0)
	ld	a1, 0(a0)
	amoadd.w zero, t1, (a1)
2:	ENDW

/* { u64 *out }: stores what local memory holds at the start, then dirties it */
k_local:
	li	s0, 1
	slli	s0, s0, 62
	ld	t0, 0(s0)
	ld	a1, 0(a0)
	sd	t0, 0(a1)
	li	t1, -1
	sd	t1, 0(s0)
	ENDW

/* { u32 *in, u32 *out }: out[id] = in[id] + 1 */
k_add1:
	ITEMS
	ld	a1, 0(a0)
	ld	a2, 8(a0)
	slli	t4, t4, 2
	add	a1, a1, t4
	add	a2, a2, t4
	vle32.v	v9, (a1)
	vadd.vi	v9, v9, 1
	vse32.v	v9, (a2)
	ENDW

/* { out, n0, n1 }: each group stores { id0, id1, id2, size0, size1, size2, waves, dims } as u32 at its place */
k_group:
	csrr	t0, CSR_WAVE
	bnez	t0, 1f
	ld	a1, 0(a0)
	ld	a2, 8(a0)
	ld	a3, 16(a0)
	csrr	t0, 0xcc0
	csrr	t1, 0xcc1
	csrr	t2, 0xcc2
	mul	t3, t2, a3
	add	t3, t3, t1
	mul	t3, t3, a2
	add	t3, t3, t0
	slli	t3, t3, 5
	add	a1, a1, t3
	sw	t0, 0(a1)
	sw	t1, 4(a1)
	sw	t2, 8(a1)
	csrr	t0, 0xcc3
	csrr	t1, 0xcc4
	csrr	t2, 0xcc5
	sw	t0, 12(a1)
	sw	t1, 16(a1)
	sw	t2, 20(a1)
	csrr	t0, CSR_WAVES
	csrr	t1, 0xcce
	sw	t0, 24(a1)
	sw	t1, 28(a1)
1:	ENDW

/*
 * { u32 *out, rounds }: every vector register, some of the others, local and private memory and the stack
 * carry state from round to round, and the waves of a group depend on each other; out[id] = what came of it.
 */
k_state:
	ITEMS
	ld	a1, 0(a0)
	ld	a2, 8(a0)
	slli	t4, t4, 2
	add	a1, a1, t4
	li	s6, 0x1e3779b1
	vmul.vx	v31, v8, s6
	li	t6, 1
	.irp	i, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30
	vadd.vx	v\i, v31, t6
	add	t6, t6, s6
	.endr
	fcvt.d.w fs0, t4
	fcvt.d.w fs1, s6
	csrr	s1, CSR_WAVE
	csrr	s2, CSR_WAVES
	li	s0, 1
	slli	s0, s0, 62
	slli	t0, s1, 8
	add	s3, s0, t0
	addi	t0, s1, 1
	remu	t0, t0, s2
	slli	t0, t0, 8
	add	s4, s0, t0
	slli	s5, s0, 1
	addi	sp, sp, -256
1:
	.altmacro
	.macro CHAIN a, b
	vadd.vv	v\a, v\a, v\b
	vxor.vx	v\a, v\a, s6
	.endm
	.set n, 1
	.rept	30
	CHAIN	%n, %(n - 1)
	.set n, n + 1
	.endr
	vse32.v	v5, (s3)
	vse32.v	v9, (sp)
	BARRIER
	vle32.v	v31, (s4)
	BARRIER
	vadd.vv	v0, v0, v31
	vle32.v	v31, (sp)
	vxor.vv	v10, v10, v31
	ld	t0, 0(s5)
	add	t0, t0, s6
	sd	t0, 0(s5)
	vadd.vx	v11, v11, t0
	fadd.d	fs0, fs0, fs1
	addi	a2, a2, -1
	bnez	a2, 1b
	.set n, 1
	.rept	30
	CHAIN	%n, %(n - 1)
	.set n, n + 1
	.endr
	fmv.x.d	t0, fs0
	vadd.vx	v30, v30, t0
	vse32.v	v30, (a1)
	ENDW
