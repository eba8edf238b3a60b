/* SPDX-License-Identifier: GPL-2.0 OR MIT */
#ifndef COLIBRI_PM_H
#define COLIBRI_PM_H

struct colibri_device;
struct dev_pm_ops;

extern const struct dev_pm_ops colibri_pm_ops;

void colibri_pm_init(struct colibri_device *cdev);
void colibri_pm_fini(struct colibri_device *cdev);

#endif /* COLIBRI_PM_H */
