/* SPDX-License-Identifier: MIT */
/* { u32 *data, u32 factor }: data[id] *= factor; the program of the command line tests */
	.file	"crash"	/* is not what --entry crash means */
	.text
	.globl	_start, scale, crash
_start:
scale:
	csrr	t0, 0xcc0
	csrr	t1, 0xcc6
	mul	t0, t0, t1
	slli	t0, t0, 2
	csrr	t2, 0xcc3
	ld	a1, 0(a0)
	lw	a2, 8(a0)
	add	a1, a1, t0
	vsetvli	t3, t2, e32, m1, ta, ma
	vle32.v	v8, (a1)
	vmul.vx	v8, v8, a2
	vse32.v	v8, (a1)
	.insn r 0x0b, 0, 0, x0, x0, x0
crash:
	lui	a1, 0x7ffff
	ld	a1, 0x10(a1)
