/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the files of hmm_svm share.
 *
 * Locks, outermost first (Documentation/mm/hmm_svm.rst has the reasons):
 *
 *   hmm_svm.advice_mutex	advice is added; before mmap_lock
 *   hmm_svm.notifiers_lock	notifiers are made; before mmap_lock
 *   mm->mmap_lock
 *   hmm_svm_block.migrate	one fault service or migration per block; a second one is tried
 *   folio locks, locks of core mm, our invalidate callbacks
 *   hmm_svm_device.copy_lock	(read) the driver's copy engine may be used
 *   xa_lock of hmm_svm_notifier.blocks
 *   hmm_svm_block.state	what the device has mapped
 *   hmm_svm_chunk.lock		which pages of a chunk are in use
 *   hmm_svm_device.lock	whose chunks are; a leaf
 *   hmm_svm_device.spares_lock	a leaf
 *   hmm_svm.advice_lock	a leaf
 *   hmm_svm_space.lock	who is in a fault; before signal locks
 */
#ifndef _HMM_SVM_INTERNAL_H
#define _HMM_SVM_INTERNAL_H

#include <linux/bitmap.h>
#include <linux/fs.h>
#include <linux/kref.h>
#include <linux/list.h>
#include <linux/llist.h>
#include <linux/magic.h>
#include <linux/mmu_notifier.h>
#include <linux/mutex.h>
#include <linux/rbtree.h>
#include <linux/rwsem.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>
#include <linux/xarray.h>

#include "hmm_svm_compat.h"
#include "include/hmm_svm.h"

/* One interval notifier covers this much, so that munmap() and exit are cheap. */
#define HMM_SVM_NOTIFIER_SHIFT	29
#define HMM_SVM_NOTIFIER_SIZE	BIT(HMM_SVM_NOTIFIER_SHIFT)

/* Large entries are for a block, or for a group of 64 KiB. */
#define HMM_SVM_BLOCK_ORDER	(HMM_SVM_BLOCK_SHIFT - PAGE_SHIFT)
#define HMM_SVM_GROUP_ORDER	(PAGE_SHIFT < 16 ? 16 - PAGE_SHIFT : 0)
#define HMM_SVM_GROUP_PAGES	BIT(HMM_SVM_GROUP_ORDER)
#define HMM_SVM_BLOCK_GROUPS	(HMM_SVM_BLOCK_PAGES >> HMM_SVM_GROUP_ORDER)

enum hmm_svm_counter {
	HMM_SVM_NR_FAULTS,
	HMM_SVM_NR_FAULTS_FAILED,
	HMM_SVM_NR_TO_DEV,
	HMM_SVM_NR_TO_SYS,
	HMM_SVM_NR_CPU_FAULTS,
	HMM_SVM_NR_EVICTED,
	HMM_SVM_NR_MAPPED_SYS,
	HMM_SVM_NR_MAPPED_DEV,
	HMM_SVM_NR_INVALIDATIONS,
	HMM_SVM_NR_RETRIES,
	HMM_SVM_NR_LARGE_TO_DEV,
	HMM_SVM_NR_LARGE_TO_SYS,
	HMM_SVM_NR_PREFETCHED,
	HMM_SVM_NR_REMOTE,
	HMM_SVM_NR_COPIED,
	HMM_SVM_NR_AHEAD,
	HMM_SVM_NR_PROMOTED,
	HMM_SVM_NR_EXCLUSIVE,
	HMM_SVM_NR_THRASH_PINS,
	HMM_SVM_NR_COUNTERS,
};

/*
 * The counters of a mirror, and whose they are; pages in device memory keep
 * them alive after it.
 */
struct hmm_svm_counters {
	struct kref ref;
	struct work_struct free;
	struct mm_struct *mm;
	u32 pid; /* of the process that made the mirror, for tracepoints */
	atomic64_t v[HMM_SVM_NR_COUNTERS];
};

/* Why pages move; the first ones to the device, the others to system memory. */
enum hmm_svm_cause {
	HMM_SVM_CAUSE_FAULT,
	HMM_SVM_CAUSE_PREFETCH,
	HMM_SVM_CAUSE_PROMOTE,
	HMM_SVM_CAUSE_CPU,
	HMM_SVM_CAUSE_EVICT,
	HMM_SVM_CAUSE_FETCH_BACK,	/* a prefetch to system memory */
};

/* What holds at an address: a value for each enum hmm_svm_advice. */
struct hmm_svm_advised {
	union {
		u8 v[HMM_SVM_NR_ADVICE];
		u64 all;
	};
};

static_assert(sizeof(struct hmm_svm_advised) == sizeof(u64));

enum hmm_svm_chunk_state {
	HMM_SVM_CHUNK_FREE,	/* on hmm_svm_device.free */
	HMM_SVM_CHUNK_TAKEN,	/* on no list: about to be used */
	HMM_SVM_CHUNK_USED,	/* on hmm_svm_device.lru: has migrated pages */
	HMM_SVM_CHUNK_EVICTING,	/* on no list: losing its pages */
	HMM_SVM_CHUNK_DRIVER,	/* on no list: the driver's */
};

/* A CPU fault's reference to a large folio. */
enum hmm_svm_lent {
	HMM_SVM_LENT_NOT,
	HMM_SVM_LENT,
	HMM_SVM_LENT_FREED,	/* the folio is gone, but for its first page */
};

/*
 * HMM_SVM_BLOCK_SIZE of device memory.  @nr_used, @lent and @used are protected by
 * @lock, the others by hmm_svm_device.lock; a chunk loses its block, its counters
 * and its place under both.  @counters and @start are also stable while a page of
 * the chunk is in use, and while it is being evicted.
 */
struct hmm_svm_chunk {
	struct hmm_svm_device *sdev;
	struct list_head link;
	enum hmm_svm_chunk_state state;
	unsigned int pins;	/* fault services that take pages from it */
	unsigned int cpu_window; /* pages the next CPU fault moves */
	struct hmm_svm_block *block; /* NULL: its pages outlived their block */
	struct hmm_svm_counters *counters;
	u64 start;		/* of the block it was taken for */
	spinlock_t lock;	/* which pages are in use */
	enum hmm_svm_lent lent;	/* under @lock: see hmm_svm_lend() */
	unsigned int nr_used;	/* bits set in @used */
	DECLARE_BITMAP(used, HMM_SVM_BLOCK_PAGES);
};

/**
 * struct hmm_svm_device - device memory and its one owner
 * @dev: does the DMA
 * @ops: the driver's callbacks; NULL once the driver is gone, see @copy_lock
 * @priv: the driver's
 * @flags: HMM_SVM_DEVICE_*
 * @pgmap: the ZONE_DEVICE pages
 * @region: what was reserved of the physical address space for @pgmap
 * @first_pfn: of chunk 0
 * @max_mapping: the most that the DMA API maps at once
 * @nr_chunks: size of @chunks
 * @chunks: all device memory
 * @lock: protects the chunks and what follows
 * @free: free chunks
 * @nr_free: number of them
 * @lru: chunks with migrated pages, least recently used first
 * @lru_keep: the same, of blocks that are evicted last
 * @nr_driver: chunks given to the driver
 * @turns: how often a fault found no free chunk while the driver had some
 * @nr_busy: chunks of which a page is in use
 * @orphaned: hmm_svm_device_destroy() left pages behind; the last one frees all
 * @lost: what is in its memory is lost
 * @chunk_wait: woken when a chunk becomes free, or its eviction ends
 * @short_until: chunks run out until then (jiffies), see HMM_SVM_SHORTAGE_TIME
 * @evict_work: evicts ahead of need
 * @spares_lock: protects what follows; a leaf
 * @spares: struct hmm_svm_migration nobody uses
 * @nr_spares: number of them
 * @copy_lock: read: the copy engine may be used while @ops is not NULL
 * @halves: the driver has &hmm_svm_device_ops.copy_begin
 * @nr_halves: copies that have begun with it, and not ended
 * @teardown: frees an orphaned device
 */
struct hmm_svm_device {
	struct device *dev;
	const struct hmm_svm_device_ops *ops;
	void *priv;
	u32 flags;
	struct dev_pagemap pgmap;
	struct resource *region;
	unsigned long first_pfn;
	size_t max_mapping;
	unsigned int nr_chunks;
	struct hmm_svm_chunk *chunks;
	spinlock_t lock; /* chunks; a leaf */
	struct list_head free;
	unsigned int nr_free;
	struct list_head lru;
	struct list_head lru_keep;
	unsigned int nr_driver;
	atomic_t turns;
	unsigned int nr_busy;
	bool orphaned;
	bool lost;
	wait_queue_head_t chunk_wait;
	unsigned long short_until;
	struct work_struct evict_work;
	spinlock_t spares_lock; /* spares; a leaf */
	struct list_head spares;
	unsigned int nr_spares;
	struct rw_semaphore copy_lock;
	bool halves;
	atomic_t nr_halves;
	struct work_struct teardown;
};

/**
 * struct hmm_svm - the mirror of one address space
 * @sdev: the device it is for
 * @ops: the driver's callbacks
 * @priv: the driver's
 * @mm: the address space; holds a reference to the struct, not to its memory
 * @end: of the mirrored range
 * @mn: tells when the mm dies
 * @dead: it has died
 * @notifiers_lock: serialises making a notifier
 * @notifiers: struct hmm_svm_notifier by address >> HMM_SVM_NOTIFIER_SHIFT
 * @counters: statistics
 * @evictions: those that know a block of the mirror; and CPU faults, for a moment
 * @space: what it shares with other mirrors of the mm
 * @interrupted: hmm_svm_interrupt(); under hmm_svm_space.lock
 * @turns: evictions from its blocks: the time in which thrashing is measured; under
 *	hmm_svm_device.lock
 * @later: blocks to map ahead of a fault; the same
 * @map_later: does that
 * @idle: blocks that are gone, as their memory was unmapped
 * @forget_idle: forgets them
 * @inject: bits by enum hmm_svm_failure, see hmm_svm_take_failure()
 * @advice_mutex: serialises adding advice
 * @advice_lock: protects what follows; a leaf
 * @advice: ranges with advice other than @advised
 * @nr_advice: number of them
 * @advised: everywhere else
 */
struct hmm_svm {
	struct hmm_svm_device *sdev;
	const struct hmm_svm_ops *ops;
	void *priv;
	struct mm_struct *mm;
	u64 end;
	struct mmu_notifier mn;
	bool dead;
	struct mutex notifiers_lock; /* making a notifier */
	struct xarray notifiers;
	struct hmm_svm_counters *counters;
	atomic_t evictions;
	struct hmm_svm_space *space;
	bool interrupted;
	unsigned long turns;
	struct list_head later;
	struct delayed_work map_later;
	struct llist_head idle;
	struct delayed_work forget_idle;
	unsigned long inject;
	struct mutex advice_mutex; /* adding advice */
	spinlock_t advice_lock; /* advice; a leaf */
	struct rb_root_cached advice;
	unsigned int nr_advice;
	struct hmm_svm_advised advised;
};

/**
 * struct hmm_svm_notifier - watches HMM_SVM_NOTIFIER_SIZE of address space
 * @mn: what core mm calls
 * @svm: mirror
 * @start: first address
 * @end: behind the last one
 * @blocks: struct hmm_svm_block by hmm_svm_block_index(), from 0 on so that the
 *	tree is flat; its xa_lock also covers mmu_interval_set_seq(), see zap_blocks()
 */
struct hmm_svm_notifier {
	struct mmu_interval_notifier mn;
	struct hmm_svm *svm;
	u64 start;
	u64 end;
	struct xarray blocks;
};

enum hmm_svm_left {
	HMM_SVM_LEFT_NOT,
	HMM_SVM_LEFT_BY_CPU,
	HMM_SVM_LEFT_EVICTED,
};

/**
 * struct hmm_svm_block - HMM_SVM_BLOCK_SIZE of mirrored address space
 * @notifier: which watches it
 * @start: first address
 * @ref: the xarray has one, each user has one
 * @rcu: invalidations walk the blocks under RCU
 * @migrate: serialises fault service and migration
 * @state: protects what follows
 * @idle: on hmm_svm.idle, with a reference
 * @seq: counts invalidations that touched this block
 * @gone: not in the xarray any more, or about to: nothing may be mapped
 * @zaps: counts invalidations in which core mm may zap entries here, see hmm_svm_whole.c
 * @settled: the first so many of them have ended
 * @mover: who moves the block's memory as one large folio, or NULL
 * @mapped: the device has an entry for the page
 * @writable: which allows writing
 * @devmem: which points to device memory
 * @empty: nobody had touched the page when it was last looked at; a hint, under @migrate
 * @stale: the entry is gone, but the flush is not known to be complete
 * @atomic: the entry allows atomics
 * @copy: a read-only copy, mapped or stale; see hmm_svm_copy.c
 * @groups: 64 KiB that are mapped as one large entry
 * @whole: all of the block is mapped as one large entry, or was and is stale
 * @lost: pages that were unmapped since they shared a large entry with others
 * @dma: of pages in system memory, mapped or stale; see hmm_svm_dma.c
 * @exclusive_seq: of hmm_svm_make_exclusive(), which holds @migrate
 * @exclusive_busy: the same
 * @chunk: where the block's pages go; under hmm_svm_device.lock
 * @left: whether and how pages left @chunk since pages last came; under
 *	hmm_svm_device.lock, as is the rest
 * @keep: %HMM_SVM_LOC_DEVICE holds for it: evicted last
 * @ahead: %HMM_SVM_ADVISE_ACCESSED_BY holds for a part of it
 * @later: on hmm_svm.later, with a reference, or empty
 * @trips: quick round trips between device and system memory
 * @last_trip: when the last one was (jiffies)
 * @left_at: hmm_svm.turns when pages were last evicted
 * @pin_time: how long it was pinned in system memory last (jiffies)
 * @pinned_until: when that ends
 */
struct hmm_svm_block {
	struct hmm_svm_notifier *notifier;
	u64 start;
	struct kref ref;
	struct rcu_head rcu;
	struct mutex migrate; /* fault service and migration */
	spinlock_t state; /* what the device has mapped */
	struct llist_node idle;
	unsigned long seq;
	bool gone;
	unsigned long zaps;
	unsigned long settled;
	struct task_struct *mover;
	DECLARE_BITMAP(mapped, HMM_SVM_BLOCK_PAGES);
	DECLARE_BITMAP(writable, HMM_SVM_BLOCK_PAGES);
	DECLARE_BITMAP(devmem, HMM_SVM_BLOCK_PAGES);
	DECLARE_BITMAP(empty, HMM_SVM_BLOCK_PAGES);
	DECLARE_BITMAP(stale, HMM_SVM_BLOCK_PAGES);
	DECLARE_BITMAP(atomic, HMM_SVM_BLOCK_PAGES);
	DECLARE_BITMAP(copy, HMM_SVM_BLOCK_PAGES);
	DECLARE_BITMAP(groups, HMM_SVM_BLOCK_GROUPS);
	bool whole;
	DECLARE_BITMAP(lost, HMM_SVM_BLOCK_PAGES);
	struct hmm_dma_map dma;
	unsigned long exclusive_seq;
	bool exclusive_busy;
	struct hmm_svm_chunk *chunk;
	enum hmm_svm_left left;
	bool keep;
	bool ahead;
	struct list_head later;
	unsigned int trips;
	unsigned long last_trip;
	unsigned long left_at;
	unsigned long pin_time;
	unsigned long pinned_until;
};

/* A range of addresses of one mirror; empty while start >= end. */
struct hmm_svm_span {
	u64 start;
	u64 end;
};

#define HMM_SVM_EMPTY_SPAN	{ .start = U64_MAX, .end = 0 }

static inline unsigned long hmm_svm_block_index(const struct hmm_svm_notifier *notifier, u64 addr)
{
	return (addr - notifier->start) >> HMM_SVM_BLOCK_SHIFT;
}

static inline unsigned int hmm_svm_page_index(const struct hmm_svm_block *block, u64 addr)
{
	return (addr - block->start) >> PAGE_SHIFT;
}

static inline u64 hmm_svm_block_end(const struct hmm_svm_block *block)
{
	return block->start + HMM_SVM_BLOCK_SIZE;
}

static inline struct hmm_svm_span hmm_svm_clip_to_vma(const struct vm_area_struct *vma,
						      u64 start, u64 end)
{
	return (struct hmm_svm_span) {
		.start = max_t(u64, start, vma->vm_start),
		.end = min_t(u64, end, vma->vm_end),
	};
}

/* Whether memory of processes can move to the device's. */
static inline bool hmm_svm_has_pages(const struct hmm_svm_device *sdev)
{
	return sdev->pgmap.nr_range;
}

/* Whether chunks have run out lately. */
static inline bool hmm_svm_is_short(const struct hmm_svm_device *sdev)
{
	return time_before(jiffies, READ_ONCE(sdev->short_until));
}

static inline bool hmm_svm_is_coherent(const struct hmm_svm_device *sdev)
{
	return sdev->flags & HMM_SVM_DEVICE_COHERENT;
}

/* Whether a page is in the device's memory, by its number. */
static inline bool hmm_svm_pfn_is_local(const struct hmm_svm_device *sdev, unsigned long pfn)
{
	return hmm_svm_has_pages(sdev) &&
	       pfn - sdev->first_pfn < (unsigned long)sdev->nr_chunks * HMM_SVM_BLOCK_PAGES;
}

/* memfd_secret(): out of the kernel's reach, so of a device's. */
static inline bool hmm_svm_vma_is_secret(const struct vm_area_struct *vma)
{
	return vma->vm_file && file_inode(vma->vm_file)->i_sb->s_magic == SECRETMEM_MAGIC;
}

static inline void hmm_svm_count(struct hmm_svm_counters *counters,
				 enum hmm_svm_counter which, long n)
{
	atomic64_add(n, &counters->v[which]);
}

/* hmm_svm_main.c */
void hmm_svm_counters_put(struct hmm_svm_counters *counters);
bool hmm_svm_take_failure(struct hmm_svm *svm, enum hmm_svm_failure failure);
struct workqueue_struct *hmm_svm_workqueue(void);

/* hmm_svm_lockdep.c */
#ifdef CONFIG_LOCKDEP
void hmm_svm_lockdep_device(struct hmm_svm_device *sdev);
void hmm_svm_lockdep_mirror(struct hmm_svm *svm);
void hmm_svm_lockdep_notifier(struct hmm_svm_notifier *notifier);
void hmm_svm_lockdep_block(struct hmm_svm_block *block);
#else
static inline void hmm_svm_lockdep_device(struct hmm_svm_device *sdev)
{
}

static inline void hmm_svm_lockdep_mirror(struct hmm_svm *svm)
{
}

static inline void hmm_svm_lockdep_notifier(struct hmm_svm_notifier *notifier)
{
}

static inline void hmm_svm_lockdep_block(struct hmm_svm_block *block)
{
}
#endif

/* hmm_svm_notifier.c */
void hmm_svm_notifiers_init(struct hmm_svm *svm);
struct hmm_svm_notifier *hmm_svm_notifier_get(struct hmm_svm *svm, u64 addr);
void hmm_svm_notifiers_remove(struct hmm_svm *svm);

/* hmm_svm_block.c */
bool hmm_svm_block_exists(struct hmm_svm *svm, u64 addr);
bool hmm_svm_block_is_full(struct hmm_svm *svm, u64 addr, bool but_holes);
struct hmm_svm_block *hmm_svm_block_get(struct hmm_svm_notifier *notifier, u64 addr);
struct hmm_svm_block *hmm_svm_block_find(struct hmm_svm_notifier *notifier, u64 addr);
struct hmm_svm_block *hmm_svm_block_next(struct hmm_svm *svm, u64 start, u64 end);
void hmm_svm_block_put(struct hmm_svm_block *block);
void hmm_svm_block_remove(struct hmm_svm_block *block);
void hmm_svm_block_forget(struct hmm_svm_block *block);
unsigned long hmm_svm_block_seq(struct hmm_svm_block *block);
unsigned long hmm_svm_block_zap(struct hmm_svm_block *block, u64 start, u64 end,
				struct hmm_svm_span *zapped, bool *waits);
bool hmm_svm_block_reap(struct hmm_svm_block *block, u64 start, u64 end, bool unmapped);
void hmm_svm_block_clean(struct hmm_svm_block *block, u64 start, u64 end);
void hmm_svm_block_widen(struct hmm_svm_block *block, const struct hmm_svm_span *same,
			 struct hmm_svm_span *span, unsigned long *wanted);
bool hmm_svm_block_allows(struct hmm_svm_block *block, u64 addr, enum hmm_svm_access access);

/* hmm_svm_dma.c */
int hmm_svm_dma_prepare(struct hmm_svm_block *block);
void hmm_svm_dma_free(struct hmm_svm_block *block);
int hmm_svm_dma_map(struct hmm_svm_block *block, unsigned int i, unsigned long pfn,
		    dma_addr_t *addr);
int hmm_svm_dma_map_whole(struct hmm_svm_block *block, unsigned long pfn, dma_addr_t *addr);
dma_addr_t hmm_svm_dma_addr(struct hmm_svm_block *block, unsigned int i);
struct page *hmm_svm_dma_page(const struct hmm_svm_block *block, unsigned int i);
void hmm_svm_dma_unmap_whole(struct hmm_svm_block *block);
void hmm_svm_dma_unmap_page(struct hmm_svm_block *block, unsigned int i);
void hmm_svm_dma_unmap(struct hmm_svm_block *block, const unsigned long *pages,
		       unsigned int first, unsigned int last);

/* hmm_svm_advice.c */
void hmm_svm_advice_init(struct hmm_svm *svm);
void hmm_svm_advice_destroy(struct hmm_svm *svm);
struct hmm_svm_advised hmm_svm_advice_at(struct hmm_svm *svm, u64 addr,
					 struct hmm_svm_span *same);
void hmm_svm_advice_unmapped(struct hmm_svm *svm, u64 start, u64 end);

/* hmm_svm_wait.c */

/**
 * struct hmm_svm_call - a thread in a function that may wait for user space
 * @link: in hmm_svm_space.calls
 * @svm: mirror
 * @task: thread
 * @waits: it may wait now
 * @killed: it got SIGKILL from us
 * @memcg: pays for what the layer allocates
 * @outer_memcg: who paid before
 */
struct hmm_svm_call {
	struct list_head link;
	struct hmm_svm *svm;
	struct task_struct *task;
	bool waits;
	bool killed;
	struct mem_cgroup *memcg;
	struct mem_cgroup *outer_memcg;
};

int hmm_svm_space_join(struct hmm_svm *svm);
void hmm_svm_space_leave(struct hmm_svm *svm);
int hmm_svm_call_begin(struct hmm_svm_call *call, struct hmm_svm *svm);
void hmm_svm_call_end(struct hmm_svm_call *call);
int hmm_svm_call_check(struct hmm_svm_call *call);
void hmm_svm_call_wait_begin(struct hmm_svm_call *call);
void hmm_svm_call_wait_end(struct hmm_svm_call *call);

/* hmm_svm_fault.c */
int hmm_svm_check_vma(const struct vm_area_struct *vma, bool write);
void hmm_svm_block_advised(struct hmm_svm_block *block, const struct hmm_svm_advised *advised);

/* hmm_svm_prefetch.c */
void hmm_svm_map_later(struct hmm_svm_block *block);
void hmm_svm_map_later_init(struct hmm_svm *svm);
void hmm_svm_map_later_end(struct hmm_svm *svm);
void hmm_svm_map_ahead(struct hmm_svm *svm, u64 start, u64 end);

/* hmm_svm_policy.c */
enum hmm_svm_placement {
	HMM_SVM_PLACE_DEVICE,
	HMM_SVM_PLACE_SYSTEM,
	HMM_SVM_PLACE_REMOTE, /* in system memory, by advice */
};

bool hmm_svm_policy_local_atomic(const struct hmm_svm *svm, const struct hmm_svm_advised *advised);
enum hmm_svm_placement hmm_svm_policy_first_touch(struct hmm_svm_block *block,
						  struct vm_area_struct *vma,
						  const struct hmm_svm_advised *advised,
						  enum hmm_svm_access access);
bool hmm_svm_policy_promote(struct hmm_svm_block *block, struct vm_area_struct *vma,
			    const struct hmm_svm_advised *advised);
bool hmm_svm_policy_thrash(struct hmm_svm_block *block);
unsigned int hmm_svm_weight(const unsigned long *bits, unsigned int first, unsigned int last);
struct hmm_svm_span hmm_svm_policy_density(struct hmm_svm_block *block,
					   struct vm_area_struct *vma, u64 addr,
					   unsigned int order);
bool hmm_svm_vma_can_migrate(struct vm_area_struct *vma);
bool hmm_svm_vma_can_prefetch(struct vm_area_struct *vma);
void hmm_svm_note_arrival(struct hmm_svm_block *block);
void hmm_svm_note_departure(struct hmm_svm_chunk *chunk);
struct hmm_svm_span hmm_svm_policy_readback(struct hmm_svm_chunk *chunk,
					    struct vm_area_struct *vma, u64 addr);

/* hmm_svm_map.c */
struct hmm_svm_window;

struct hmm_svm_window *hmm_svm_window_alloc(struct hmm_svm_block *block,
					    const struct hmm_svm_span *span);
void hmm_svm_window_free(struct hmm_svm_window *win);
void hmm_svm_window_for_write(struct hmm_svm_window *win);
int hmm_svm_window_snapshot(struct hmm_svm_window *win);
bool hmm_svm_window_allows(const struct hmm_svm_window *win, u64 addr, bool write);
bool hmm_svm_window_untouched(const struct hmm_svm_window *win, u64 addr);
bool hmm_svm_window_in_devmem(const struct hmm_svm_window *win, u64 addr);
bool hmm_svm_window_shared(const struct hmm_svm_window *win, u64 addr);
bool hmm_svm_window_huge(const struct hmm_svm_window *win, u64 addr);
int hmm_svm_window_map(struct hmm_svm_window *win, u64 addr);
struct hmm_svm_block *hmm_svm_window_block(struct hmm_svm_window *win);

/* hmm_svm_copy.c */
bool hmm_svm_copy_is_candidate(const struct hmm_svm_device *sdev, unsigned long hmm_pfn);
u64 hmm_svm_copies_make(struct hmm_svm_block *block, unsigned long *pages,
			const unsigned long *pfns, unsigned int first);
void hmm_svm_copies_drop(struct hmm_svm_block *block, const unsigned long *pages);

/* hmm_svm_exclusive.c */
int hmm_svm_make_exclusive(struct hmm_svm_window *win, u64 addr);
void hmm_svm_exclusive_begins(struct hmm_svm_block *block, unsigned long seq, bool busy);

/* hmm_svm_migrate.c */
int hmm_svm_migrate_to_sys(struct hmm_svm_block *block, struct vm_area_struct *vma,
			   u64 start, u64 end);
vm_fault_t hmm_svm_migrate_to_ram(struct vm_fault *vmf);
int hmm_svm_migrate_chunk(struct hmm_svm_chunk *chunk, struct mm_struct *mm);
int hmm_svm_migrate_large(struct hmm_svm_chunk *chunk, struct hmm_svm_block *block,
			  struct mm_struct *mm);
int hmm_svm_migrate_strays(struct hmm_svm_chunk *chunk, struct mm_struct *held);

/* hmm_svm_to_dev.c */
int hmm_svm_migrate_to_dev(struct hmm_svm_block *block, struct vm_area_struct *vma,
			   u64 start, u64 end, enum hmm_svm_cause cause, bool holes);
unsigned int hmm_svm_migrate_run(struct hmm_svm_call *call, struct hmm_svm_block *const *blocks,
				 unsigned int n, struct vm_area_struct *vma);

/* hmm_svm_whole.c */
bool hmm_svm_may_zap(const struct mmu_notifier_range *range);
bool hmm_svm_whole_zapped(struct hmm_svm_block *block);
void hmm_svm_whole_wait(struct hmm_svm_notifier *notifier, const struct hmm_svm_span *span);
void hmm_svm_whole_stop(struct hmm_svm_block *block);
unsigned long hmm_svm_whole_zaps(struct hmm_svm_block *block);
void hmm_svm_whole_settled(struct hmm_svm_block *block, unsigned long zaps);
unsigned long hmm_svm_whole_read_begin(struct hmm_svm_block *block);
bool hmm_svm_whole_may_move(struct hmm_svm_block *block, struct mm_struct *mm);
bool hmm_svm_whole_begin(struct hmm_svm_block *block);
bool hmm_svm_whole_is_settled(struct hmm_svm_block *block);
void hmm_svm_whole_end(struct hmm_svm_block *block);
struct hmm_svm_block *hmm_svm_whole_block(struct hmm_svm_chunk *chunk,
					  const struct vm_fault *vmf);
void hmm_svm_whole_settle(struct hmm_svm_block *block, struct folio *folio);
void hmm_svm_lend(struct hmm_svm_chunk *chunk, struct folio *folio);
void hmm_svm_take_back(struct hmm_svm_chunk *chunk, struct folio *folio);

/* hmm_svm_transfer.c */
int hmm_svm_copy_to_dev(struct hmm_svm_device *sdev, const struct hmm_svm_extent *extents,
			unsigned int n);

/* hmm_svm_devmem.c */
extern const struct dev_pagemap_ops hmm_svm_pagemap_ops;

struct hmm_svm_chunk *hmm_svm_chunk_of(struct page *page);
unsigned long hmm_svm_chunk_pfn(const struct hmm_svm_chunk *chunk);
u64 hmm_svm_page_offset(const struct hmm_svm_device *sdev, struct page *page);
struct hmm_svm_chunk *hmm_svm_chunk_pin(struct hmm_svm_block *block, struct mm_struct *held);
struct hmm_svm_chunk *hmm_svm_chunk_try_pin(struct hmm_svm_block *block);
void hmm_svm_chunk_unpin(struct hmm_svm_chunk *chunk);
bool hmm_svm_chunk_is_empty(struct hmm_svm_chunk *chunk);
void hmm_svm_chunk_reserve(struct hmm_svm_chunk *chunk, unsigned long *pages);
void hmm_svm_chunk_release(struct hmm_svm_chunk *chunk, const unsigned long *pages);
struct hmm_svm_block *hmm_svm_chunk_get_block(struct hmm_svm_chunk *chunk);
bool hmm_svm_chunk_is_large(const struct hmm_svm_chunk *chunk);
unsigned int hmm_svm_chunk_pages(struct hmm_svm_chunk *chunk, unsigned long *pfns);
struct hmm_svm_block *hmm_svm_chunk_left(struct hmm_svm_chunk *chunk);
void hmm_svm_chunk_touch(struct hmm_svm_block *block);
void hmm_svm_chunk_detach(struct hmm_svm_block *block);
struct hmm_svm_chunk *hmm_svm_chunk_take_free(struct hmm_svm_device *sdev);
struct hmm_svm_chunk *hmm_svm_chunk_take_victim(struct hmm_svm_device *sdev,
						struct hmm_svm_block **block);
void hmm_svm_chunk_put_block(struct hmm_svm_block *block);
bool hmm_svm_chunk_end_eviction(struct hmm_svm_chunk *chunk);
void hmm_svm_chunk_put_free(struct hmm_svm_chunk *chunk);

/* hmm_svm_anchor.c */
struct mm_struct *hmm_svm_owner_lock(struct hmm_svm_chunk *chunk, struct mm_struct *held);
void hmm_svm_owner_unlock(struct mm_struct *mm, struct mm_struct *held);
struct mm_struct *hmm_svm_stray_lock(struct page *page, struct mm_struct *held, u64 *addr);
unsigned int hmm_svm_anchored(struct hmm_svm_chunk *chunk, struct mm_struct *mm,
			      unsigned long *pfns, unsigned int n);

/* hmm_svm_evict.c */
struct hmm_svm_chunk *hmm_svm_evict(struct hmm_svm_device *sdev, bool for_driver,
				    struct mm_struct *held);
void hmm_svm_evict_ahead(struct hmm_svm_device *sdev);
void hmm_svm_evict_ahead_work(struct work_struct *work);
void hmm_svm_evict_all(struct hmm_svm_device *sdev);

#endif /* _HMM_SVM_INTERNAL_H */
