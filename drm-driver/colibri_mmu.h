/* SPDX-License-Identifier: GPL-2.0 OR MIT */
#ifndef COLIBRI_MMU_H
#define COLIBRI_MMU_H

#include <linux/types.h>

struct colibri_device;

int colibri_mmu_init(struct colibri_device *cdev);
void colibri_mmu_start(struct colibri_device *cdev);

u64 colibri_mmu_invalidate(struct colibri_device *cdev, u32 asid, u64 va, u64 size);
void colibri_mmu_retry(struct colibri_device *cdev, u32 asid, u64 va, u64 size);
void colibri_mmu_fail(struct colibri_device *cdev, u32 asid, u64 va, u64 size, u64 reason);
int colibri_mmu_wait(struct colibri_device *cdev, u64 ticket, bool may_sleep);
void colibri_mmu_freeze(struct colibri_device *cdev);
void colibri_mmu_unfreeze(struct colibri_device *cdev);
void colibri_mmu_rewind(struct colibri_device *cdev);
void colibri_mmu_wake(struct colibri_device *cdev);
void colibri_mmu_get_indices(struct colibri_device *cdev, u64 *posted, u64 *completed);

/* The whole address space, for the size of a command. */
#define COLIBRI_MMU_ALL		(~0ull)

#endif /* COLIBRI_MMU_H */
