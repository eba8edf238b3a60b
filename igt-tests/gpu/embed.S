/* SPDX-License-Identifier: MIT */
/* The linked test kernels as bytes of the test program. */
	.section .rodata
	.balign 16
	.globl gpu_kernels_elf
gpu_kernels_elf:
	.incbin KERNELS_ELF
	.globl gpu_kernels_elf_end
gpu_kernels_elf_end:
	.section .note.GNU-stack, "", @progbits
