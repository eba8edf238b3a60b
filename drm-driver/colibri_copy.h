/* SPDX-License-Identifier: GPL-2.0 OR MIT */
#ifndef COLIBRI_COPY_H
#define COLIBRI_COPY_H

#include <linux/types.h>

struct colibri_device;
struct hmm_svm_extent;

int colibri_copy_init(struct colibri_device *cdev);
void colibri_copy_start(struct colibri_device *cdev);

int colibri_copy_extents(struct colibri_device *cdev, const struct hmm_svm_extent *extents,
			 unsigned int count);
int colibri_copy_begin(struct colibri_device *cdev, const struct hmm_svm_extent *extents,
		       unsigned int count);
int colibri_copy_end(struct colibri_device *cdev, int slot);
int colibri_copy_clear_vram(struct colibri_device *cdev, u64 offset, u32 size);
void colibri_copy_freeze(struct colibri_device *cdev);
void colibri_copy_unfreeze(struct colibri_device *cdev);
void colibri_copy_wake(struct colibri_device *cdev);

#endif /* COLIBRI_COPY_H */
