/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * The device: everything that exists once per Colibri, and what its parts share.
 */
#ifndef COLIBRI_DEVICE_H
#define COLIBRI_DEVICE_H

#include <linux/bits.h>
#include <linux/dma-mapping.h>
#include <linux/io-64-nonatomic-lo-hi.h>
#include <linux/mutex.h>
#include <linux/notifier.h>
#include <linux/pci.h>
#include <linux/spinlock.h>
#include <linux/wait.h>
#include <linux/workqueue.h>
#include <linux/xarray.h>

#include <drm/drm_device.h>
#include <drm/drm_drv.h>
#include <drm/drm_print.h>

#include "colibri_compat.h"
#include "colibri_hw.h"

struct colibri_copy;
struct colibri_mmu;
struct colibri_queue;
struct colibri_runlist;
struct hmm_svm_device;

/*
 * Where the GPU address space is whose.  Behind the zone that VM_BIND offers
 * lie the rings of the kernel, a slot of fixed size for each context of a queue.
 */
#define COLIBRI_VA_END			BIT_ULL(COLIBRI_VA_BITS)
#define COLIBRI_QUEUE_SLOT_SIZE		BIT_ULL(24)
#define COLIBRI_VA_QUEUE_SLOTS		\
	(COLIBRI_VA_END - COLIBRI_MAX_CONTEXTS * COLIBRI_QUEUE_SLOT_SIZE)

/**
 * struct colibri_device - one Colibri
 */
struct colibri_device {
	/** @base: DRM device */
	struct drm_device base;
	/** @pdev: PCI device */
	struct pci_dev *pdev;
	/** @regs: BAR 0 */
	void __iomem *regs;
	/** @vram_start: CPU physical address of BAR 2 */
	resource_size_t vram_start;
	/** @vram_size: bytes of device memory in use */
	u64 vram_size;
	/** @features: register FEATURES */
	u32 features;
	/** @version: register VERSION */
	u32 version;
	/** @num_queues: hardware queues, the migration queue included */
	u32 num_queues;
	/** @num_cus: compute units */
	u32 num_cus;
	/** @num_asids: address spaces, ASID 0 (never used) included */
	u32 num_asids;
	/** @vlen: bits of a vector register */
	u32 vlen;
	/** @waves_per_queue: waves of one queue that are resident together */
	u32 waves_per_queue;
	/** @status: status page, shared with the device */
	struct colibri_status_page *status;
	/** @status_bus: its bus address */
	dma_addr_t status_bus;
	/** @lost: the device does not answer any more; never cleared */
	atomic_t lost;
	/** @lost_why: what was noticed; set before @lost */
	const char *lost_why;
	/** @lost_work: tells user space of the loss */
	struct work_struct lost_work;
	/** @watch: looks now and then whether the device is still there */
	struct delayed_work watch;
	/** @saved: contents of VRAM over a suspend, &colibri_saved.entry */
	struct list_head saved;
	/** @pm_nb: tells of system sleep before tasks are frozen */
	struct notifier_block pm_nb;
	/** @dump: state of the device for a person to read, see colibri_coredump.c */
	struct {
		/** @dump.lock: protects @dump.queue */
		spinlock_t lock;
		/** @dump.queue: queue that was banned, a reference; NULL: the device was lost */
		struct colibri_queue *queue;
		/** @dump.work: makes the dump */
		struct work_struct work;
		/** @dump.give: one dump at a time for the device core; outside of all others */
		struct mutex give;
	} dump;
	/** @hang: engines that do not answer, see colibri_hang.c */
	struct {
		/** @hang.wq: where @hang.recover runs, also when memory is short */
		struct workqueue_struct *wq;
		/** @hang.recover: resets the device */
		struct work_struct recover;
		/** @hang.tell: what follows a reset and needs memory */
		struct work_struct tell;
		/** @hang.dump: @hang.tell makes a dump, too */
		bool dump;
		/** @hang.why: what hung */
		const char *why;
		/** @hang.lock: protects @hang.resetting and @hang.resets; inside of all others */
		spinlock_t lock;
		/** @hang.resetting: the device is going to be reset, or just now */
		bool resetting;
		/** @hang.resets: how often it was */
		u32 resets;
		/** @hang.seen: @hang.resets when the watch looked last */
		u32 seen;
		/** @hang.fault_prod: of the fault ring, when the watch looked last */
		u32 fault_prod;
		/** @hang.held: whether there were records then that could have been in it */
		bool held;
	} hang;
	/** @timeout: jiffies that the device has for any answer */
	unsigned long timeout;

	/** @mmu: MMU command ring */
	struct colibri_mmu *mmu;
	/** @copy: migration engine */
	struct colibri_copy *copy;
	/** @svm: device memory, as hmm_svm sees it */
	struct hmm_svm_device *svm;

	/** @fault: ring of fault records; only the handler of VEC_FAULT uses it */
	struct {
		/** @fault.ring: records */
		struct colibri_fault *ring;
		/** @fault.bus: bus address of @fault.ring */
		dma_addr_t bus;
		/** @fault.cons: records consumed */
		u32 cons;
		/** @fault.stopped: the handler leaves the ring alone */
		bool stopped;
	} fault;

	/**
	 * @vms: ASID to &struct colibri_vm, NULL while that begins or ends; an entry
	 * goes when the ASID is clean
	 */
	struct xarray vms;
	/** @next_asid: cursor, so that an ASID is reused as late as possible */
	u32 next_asid;

	/** @runlist: which queues are on the hardware; NULL: not ready for any */
	struct colibri_runlist *runlist;
	/** @queues: hardware queues in use, see colibri_runlist.c */
	struct {
		/** @queues.lock: protects @queues.slot and what says so; innermost */
		spinlock_t lock;
		/** @queues.slot: NULL: free */
		struct colibri_queue *slot[COLIBRI_MAX_QUEUES];
	} queues;

	/** @meters: who reads the busy time of hardware queues, see colibri_fdinfo.c */
	struct {
		/** @meters.lock: protects the list, meters and usages; only registers are read */
		struct mutex lock;
		/** @meters.list: &colibri_meter.entry */
		struct list_head list;
		/** @meters.work: reads them while they are traced */
		struct delayed_work work;
		/** @meters.stopped: the device goes: not any more */
		bool stopped;
	} meters;

	/** @fence_wq: whoever waits for a fence, for room in a ring or for a VM to go */
	wait_queue_head_t fence_wq;

	/** @fenced: queues of fenced VMs, see colibri_job.c */
	struct {
		/** @fenced.lock: protects @fenced.list */
		spinlock_t lock;
		/** @fenced.list: &colibri_jobs.entry */
		struct list_head list;
		/** @fenced.work: signals fences */
		struct work_struct work;
		/** @fenced.wq: where it and the schedulers run */
		struct workqueue_struct *wq;
	} fenced;

	/** @system_used: bytes of buffers in system memory */
	atomic64_t system_used;

	/** @vram_bos: buffers in device memory, those that came last at the end */
	struct {
		/** @vram_bos.lock: protects @vram_bos.list; inside of dma_resv */
		struct mutex lock;
		/** @vram_bos.list: &colibri_bo.vram_entry */
		struct list_head list;
	} vram_bos;

	/** @mms: processes with statistics, see colibri_mm.c */
	struct {
		/** @mms.lock: protects @mms.list and each record's list */
		struct mutex lock;
		/** @mms.list: &colibri_mm.entry */
		struct list_head list;
	} mms;
};

static inline struct colibri_device *to_colibri_device(struct drm_device *drm)
{
	return container_of(drm, struct colibri_device, base);
}

static inline u32 colibri_read32(struct colibri_device *cdev, u32 reg)
{
	return readl(cdev->regs + reg);
}

static inline u64 colibri_read64(struct colibri_device *cdev, u32 reg)
{
	return readq(cdev->regs + reg);
}

static inline void colibri_write32(struct colibri_device *cdev, u32 reg, u32 value)
{
	writel(value, cdev->regs + reg);
}

static inline void colibri_write64(struct colibri_device *cdev, u32 reg, u64 value)
{
	writeq(value, cdev->regs + reg);
}

/* True once the device stopped to answer: nothing waits for it any more. */
static inline bool colibri_is_lost(struct colibri_device *cdev)
{
	return atomic_read(&cdev->lost);
}

bool colibri_device_answers(struct colibri_device *cdev);
int colibri_device_init(struct colibri_device *cdev);
void colibri_device_fini(struct colibri_device *cdev);
int colibri_device_restart(struct colibri_device *cdev);

int colibri_irq_init(struct colibri_device *cdev);
void colibri_irq_disable(struct colibri_device *cdev);
void colibri_irq_enable(struct colibri_device *cdev);

int colibri_reset_init(struct colibri_device *cdev);
void colibri_watch_start(struct colibri_device *cdev);
void colibri_watch_stop(struct colibri_device *cdev);
int colibri_reset(struct colibri_device *cdev);
void colibri_device_lost(struct colibri_device *cdev, const char *why);

int colibri_hang_init(struct colibri_device *cdev);
void colibri_hang_check(struct colibri_device *cdev);
void colibri_hang_flush(struct colibri_device *cdev);
void colibri_engine_was_reset(struct colibri_device *cdev, const char *what, bool dump);
u32 colibri_device_resets(struct colibri_device *cdev);
bool colibri_device_resetting(struct colibri_device *cdev);
void colibri_device_recover(struct colibri_device *cdev, u32 resets, const char *why);

void colibri_coredump_init(struct colibri_device *cdev);
void colibri_coredump_fini(struct colibri_device *cdev);
void colibri_coredump_queue(struct colibri_queue *queue);
void colibri_coredump_device(struct colibri_device *cdev);

#ifdef CONFIG_DEBUG_FS
void colibri_debugfs_init(struct drm_minor *minor);
#endif

#endif /* COLIBRI_DEVICE_H */
