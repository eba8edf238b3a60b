/* SPDX-License-Identifier: MIT */
/*
 * The kernel of the device fuzzer: touches memory through its eight argument
 * pointers in all the ways there are; the fuzzer changes it while it runs.
 */
	.text
	csrr	t0, 0xccc
	vsetvli	t3, zero, e32, m1, ta, ma
	vid.v	v8
	ld	a1, 0(a0)
	ld	a2, 8(a0)
	ld	a3, 16(a0)
	vle32.v	v9, (a1)
	vsll.vi	v10, v8, 7
	vsoxei32.v v9, (a2), v10
	vloxei32.v v12, (a3), v10
	.insn r 0x0b, 0, 1, x0, x0, x0
	vsetvli	t3, zero, e64, m2, ta, ma
	vmv.v.x	v14, a2
	.insn r 0x0b, 2, 1, x16, x14, x12
	ld	t1, 24(a0)
	amoadd.d t2, t0, (t1)
	sd	t2, -8(sp)
	li	s0, 1
	slli	s0, s0, 62
	sw	t0, 0(s0)
	.insn r 0x0b, 0, 0, x0, x0, x0
