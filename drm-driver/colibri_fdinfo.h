/* SPDX-License-Identifier: GPL-2.0 OR MIT */
#ifndef COLIBRI_FDINFO_H
#define COLIBRI_FDINFO_H

#include <linux/kref.h>
#include <linux/list.h>
#include <linux/types.h>

#include "colibri_hw.h"

struct colibri_device;
struct drm_file;
struct drm_printer;

/**
 * struct colibri_usage - engine time of a client
 */
struct colibri_usage {
	/** @refcount: the file, its VMs */
	struct kref refcount;
	/** @ns: of meters that have stopped, and of the others as of their last reading */
	u64 ns[COLIBRI_NUM_BUSY];
};

/**
 * struct colibri_meter - reads the busy time of a hardware queue for a client
 *
 * All zeroes until colibri_meter_start().  &colibri_device.meters.lock protects it.
 */
struct colibri_meter {
	/** @entry: in &colibri_device.meters.list while it runs */
	struct list_head entry;
	/** @cdev: device; NULL: it does not run */
	struct colibri_device *cdev;
	/** @usage: where the time goes; the queue's VM has a reference */
	struct colibri_usage *usage;
	/** @hwid: number of the hardware queue */
	u32 hwid;
	/** @asid: the address space, for tracepoints */
	u32 asid;
	/** @seen: the counters when they were read last */
	u64 seen[COLIBRI_NUM_BUSY];
	/** @when: when that was, ktime */
	u64 when;
	/** @traced: what the tracepoint has told of @ns */
	u64 traced;
	/** @ns: time counted since it started */
	u64 ns[COLIBRI_NUM_BUSY];
};

struct colibri_usage *colibri_usage_create(void);
struct colibri_usage *colibri_usage_get(struct colibri_usage *usage);
void colibri_usage_put(struct colibri_usage *usage);

void colibri_meter_start(struct colibri_meter *meter, struct colibri_device *cdev,
			 struct colibri_usage *usage, u32 hwid, u32 asid);
void colibri_meter_stop(struct colibri_meter *meter);

u64 colibri_meter_total(struct colibri_meter *meter, struct colibri_device *cdev);

void colibri_meters_init(struct colibri_device *cdev);
void colibri_meters_fini(struct colibri_device *cdev);
void colibri_meters_kick(struct colibri_device *cdev);

void colibri_show_fdinfo(struct drm_printer *p, struct drm_file *file);

#endif /* COLIBRI_FDINFO_H */
