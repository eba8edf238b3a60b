/* SPDX-License-Identifier: MIT */
/*
 * Another driver: the kernel's virtual one for buffers and fences.
 */
#ifndef COLIBRI_VGEM_H
#define COLIBRI_VGEM_H

/** vgem_open() - Load and open it; skips where the kernel has none */
int vgem_open(void);

#endif /* COLIBRI_VGEM_H */
