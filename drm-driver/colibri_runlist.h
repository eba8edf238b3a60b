/* SPDX-License-Identifier: GPL-2.0 OR MIT */
#ifndef COLIBRI_RUNLIST_H
#define COLIBRI_RUNLIST_H

#include <linux/types.h>

struct colibri_device;
struct colibri_queue;

/* What a queue may stay on the hardware while others wait. */
#define COLIBRI_TIMESLICE_MS	20

int colibri_runlist_init(struct colibri_device *cdev);

int colibri_runlist_add(struct colibri_queue *queue);
void colibri_runlist_remove(struct colibri_queue *queue);
void colibri_runlist_start(struct colibri_queue *queue);
void colibri_runlist_stop(struct colibri_queue *queue);
void colibri_runlist_kick(struct colibri_queue *queue, bool ring);
void colibri_runlist_set_ready(struct colibri_queue *queue);
struct colibri_queue *colibri_runlist_find(struct colibri_device *cdev, u32 context);

void colibri_runlist_wake(struct colibri_device *cdev);
void colibri_runlist_lost(struct colibri_device *cdev);
void colibri_runlist_handle_errors(struct colibri_device *cdev);
bool colibri_runlist_is_empty(struct colibri_device *cdev);

void colibri_runlist_suspend(struct colibri_device *cdev);
void colibri_runlist_abandon(struct colibri_device *cdev);
void colibri_runlist_resume(struct colibri_device *cdev, u32 lost);

u32 colibri_runlist_max_queues(struct colibri_device *cdev);
u32 colibri_runlist_max_group(struct colibri_device *cdev);

#endif /* COLIBRI_RUNLIST_H */
