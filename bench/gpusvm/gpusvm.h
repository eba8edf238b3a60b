/* SPDX-License-Identifier: GPL-2.0 */
/*
 * hmm_svm on drm_gpusvm: what its files share.
 *
 * The roles are those of a driver that uses drm_gpusvm and drm_pagemap as
 * their documentation says: one lock around the fault service of an address
 * space, a garbage collector for unmapped ranges, all or nothing migration of
 * a range, and device memory evicted by allocation, the oldest first.
 */
#ifndef _GPUSVM_H
#define _GPUSVM_H

#include <drm/drm_gpusvm.h>
#include <drm/drm_pagemap.h>
#include <linux/gpu_buddy.h>
#include <linux/kref.h>
#include <linux/mmu_notifier.h>
#include <linux/mutex.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>

#include "hmm_svm.h"

/**
 * struct hmm_svm_device - device memory
 * @dev: does the DMA
 * @drm: the same, to DRM
 * @ops: the driver's
 * @priv: the driver's
 * @size: bytes of memory
 * @pgmap: its struct pages
 * @dpagemap: the same, to drm_pagemap
 * @destroyed: drm_pagemap has let go of it
 * @region: reserved of the physical address space for @pgmap
 * @lock: protects what follows
 * @buddy: allocates
 * @lru: struct gpusvm_alloc, the oldest first
 * @driver_bytes: given to the driver
 * @dead_lock: protects @dead
 * @dead: struct gpusvm_alloc on their way out
 * @reaper: gives their memory back
 */
struct hmm_svm_device {
	struct device *dev;
	struct drm_device *drm;
	const struct hmm_svm_device_ops *ops;
	void *priv;
	u64 size;
	struct dev_pagemap pgmap;
	struct drm_pagemap dpagemap;
	struct completion destroyed;
	struct resource *region;
	struct mutex lock; /* allocations */
	struct gpu_buddy buddy;
	struct list_head lru;
	u64 driver_bytes;
	spinlock_t dead_lock; /* @dead */
	struct list_head dead;
	struct work_struct reaper;
};

/* What backs one range of one address space. */
struct gpusvm_alloc {
	struct drm_pagemap_devmem devmem;
	struct kref ref;
	struct hmm_svm_device *sdev;
	struct list_head blocks;
	struct list_head lru;
	struct list_head dead;
};

/* Of hmm_svm_chunk_alloc(). */
struct hmm_svm_chunk {
	struct hmm_svm_device *sdev;
	struct list_head blocks;
};

/**
 * struct hmm_svm - the mirror of one address space
 * @gpusvm: ranges and notifiers
 * @sdev: device
 * @ops: the driver's
 * @priv: the driver's
 * @mm: address space
 * @end: of the mirrored range
 * @mn: tells when the mm dies
 * @dead: it has died
 * @interrupted: hmm_svm_interrupt() was called
 * @lock: one fault at a time, as drm_gpusvm wants it
 * @garbage_lock: protects @garbage; taken in the notifier
 * @garbage: struct gpusvm_range that core mm has unmapped
 * @stats_lock: protects @stats
 * @stats: counters
 */
struct hmm_svm {
	struct drm_gpusvm gpusvm;
	struct hmm_svm_device *sdev;
	const struct hmm_svm_ops *ops;
	void *priv;
	struct mm_struct *mm;
	u64 end;
	struct mmu_notifier mn;
	bool dead;
	bool interrupted;
	struct mutex lock; /* fault service */
	spinlock_t garbage_lock; /* @garbage */
	struct list_head garbage;
	spinlock_t stats_lock; /* @stats */
	struct hmm_svm_stats stats;
};

/* A range that the device has mapped as one. */
struct gpusvm_range {
	struct drm_gpusvm_range base;
	struct drm_gpusvm_pages pages;
	struct list_head garbage;
	bool mapped;
};

static inline struct gpusvm_range *to_gpusvm_range(struct drm_gpusvm_range *range)
{
	return container_of(range, struct gpusvm_range, base);
}

static inline struct hmm_svm *to_mirror(struct drm_gpusvm *gpusvm)
{
	return container_of(gpusvm, struct hmm_svm, gpusvm);
}

#define gpusvm_count(svm, counter, n) do {		\
	spin_lock(&(svm)->stats_lock);			\
	(svm)->stats.counter += (n);			\
	spin_unlock(&(svm)->stats_lock);		\
} while (0)

/* gpusvm_memory.c */
int gpusvm_memory_init(struct hmm_svm_device *sdev);
void gpusvm_memory_fini(struct hmm_svm_device *sdev);
void gpusvm_memory_reap(struct work_struct *work);

/* gpusvm_mirror.c */
extern const struct drm_gpusvm_ops gpusvm_mirror_ops;

void gpusvm_unmap_range(struct hmm_svm *svm, struct gpusvm_range *range, bool in_notifier);
void gpusvm_collect_garbage(struct hmm_svm *svm);

#endif /* _GPUSVM_H */
