/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the files of the software device share: points in a migration at which a
 * test holds it, see SOFTDEV_HOLD.
 */
#ifndef _HMM_SVM_SOFTDEV_H
#define _HMM_SVM_SOFTDEV_H

#include <linux/types.h>

void softdev_watch_splits(void);
void softdev_unwatch_splits(void);
long softdev_hold_split(u32 __user *arg);
void softdev_copy_begins(void);
long softdev_hold_copy(u32 __user *arg);

#endif /* _HMM_SVM_SOFTDEV_H */
