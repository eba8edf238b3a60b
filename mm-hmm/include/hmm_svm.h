/* SPDX-License-Identifier: GPL-2.0 */
/*
 * hmm_svm: shared virtual memory for device drivers, on top of HMM.
 *
 * A driver registers its memory once (struct hmm_svm_device) and makes one
 * mirror (struct hmm_svm) per process address space.  For each device page
 * fault it calls hmm_svm_fault(); the layer finds the memory through HMM, moves
 * it into device memory when that pays, and calls the driver back to map,
 * unmap, flush and copy.  Documentation/mm/hmm_svm.rst is the contract.
 */
#ifndef _HMM_SVM_H
#define _HMM_SVM_H

#include <linux/bits.h>
#include <linux/dma-mapping.h>
#include <linux/memremap.h>
#include <linux/mm.h>
#include <linux/types.h>

struct hmm_svm;
struct hmm_svm_chunk;
struct hmm_svm_device;
struct seq_file;

/*
 * One block: what is migrated, tracked and locked together.  One chunk of
 * device memory backs one block.
 */
#define HMM_SVM_BLOCK_SHIFT	21
#define HMM_SVM_BLOCK_SIZE	BIT(HMM_SVM_BLOCK_SHIFT)
#define HMM_SVM_BLOCK_PAGES	(HMM_SVM_BLOCK_SIZE >> PAGE_SHIFT)

/**
 * enum hmm_svm_access - what the device wants to do
 * @HMM_SVM_READ: load or execute
 * @HMM_SVM_WRITE: store
 * @HMM_SVM_ATOMIC: read-modify-write
 */
enum hmm_svm_access {
	HMM_SVM_READ,
	HMM_SVM_WRITE,
	HMM_SVM_ATOMIC,
};

#define HMM_SVM_PTE_READ	BIT(0)
#define HMM_SVM_PTE_WRITE	BIT(1)
#define HMM_SVM_PTE_ATOMIC	BIT(2)
/* &hmm_svm_pte.addr is an offset into the device's memory, else a DMA address */
#define HMM_SVM_PTE_DEVMEM	BIT(3)

/**
 * struct hmm_svm_pte - one page for &hmm_svm_ops.map
 * @addr: DMA address, or offset into device memory (%HMM_SVM_PTE_DEVMEM)
 * @flags: HMM_SVM_PTE_*; 0: leave this page's entry as it is
 * @order: this is the first of 2^@order pages that are all given, contiguous
 *	and naturally aligned in both addresses, with the same flags: the driver may write
 *	one large entry for them.  0 for the pages that follow.
 */
struct hmm_svm_pte {
	u64 addr;
	u16 flags;
	u16 order;
};

/**
 * struct hmm_svm_ops - what a driver provides for each mirror
 *
 * "Under state" means: with the spinlock of a block held.  Such a callback
 * must not sleep, allocate, fault or wait for the device.
 */
struct hmm_svm_ops {
	/**
	 * @prepare: Preallocate whatever @map will need for [@start, @end),
	 * which lies in one block.  May sleep and allocate (GFP_KERNEL);
	 * mmap_lock (read) and the block's migrate lock are held.
	 *
	 * Return: 0 or a negative errno, which the fault then fails with.
	 */
	int (*prepare)(struct hmm_svm *svm, u64 start, u64 end);

	/**
	 * @map: Write entries for @npages pages from @addr, in one block.  An
	 * entry that was valid may get more rights for the same memory, and
	 * has the same order then; it is not flushed, so a device whose cached
	 * entry denies an access must read the page table again before it
	 * faults.  Under state.
	 */
	void (*map)(struct hmm_svm *svm, u64 addr, const struct hmm_svm_pte *ptes,
		    unsigned int npages);

	/**
	 * @unmap: Clear the entries of [@start, @end), in one block; some of
	 * them may be clear.  Never a part of what @map got as one large entry:
	 * no driver has to split one.  Under state.
	 */
	void (*unmap)(struct hmm_svm *svm, u64 start, u64 end);

	/**
	 * @flush_post: Start dropping cached translations of [@start, @end),
	 * which may span blocks.  Must not sleep.
	 *
	 * Return: a ticket for @flush_wait.
	 */
	u64 (*flush_post)(struct hmm_svm *svm, u64 start, u64 end);

	/**
	 * @flush_wait: Wait until the flush of @ticket, and all earlier ones,
	 * are complete: no access of the device uses an old translation, and
	 * its writes are visible.  @may_sleep false: poll for a short bounded
	 * time.  May be called from reclaim: allocates nothing and takes no
	 * lock under which memory is allocated.
	 *
	 * Return: 0; -EAGAIN when it may not sleep and time is up; a lost
	 * device counts as flushed (0).
	 */
	int (*flush_wait)(struct hmm_svm *svm, u64 ticket, bool may_sleep);

	/**
	 * @dead: The owner exits or has exec'ed: stop all work that uses the
	 * mirror, before this returns.  Faults not answered yet fail.  Called
	 * once, may sleep, from the mmu notifier's release or from
	 * hmm_svm_destroy().  The other callbacks may still be called until
	 * hmm_svm_destroy() returns.
	 */
	void (*dead)(struct hmm_svm *svm);
};

#define HMM_SVM_EXTENT_CLEAR	BIT(0)
#define HMM_SVM_EXTENT_SRC_DEV	BIT(1)
#define HMM_SVM_EXTENT_DST_DEV	BIT(2)

/**
 * struct hmm_svm_extent - one piece of a copy
 * @dst: DMA address, or with %HMM_SVM_EXTENT_DST_DEV an offset into device memory
 * @src: the same with %HMM_SVM_EXTENT_SRC_DEV; ignored with %HMM_SVM_EXTENT_CLEAR
 * @size: bytes, a multiple of PAGE_SIZE, at most HMM_SVM_BLOCK_SIZE
 * @flags: HMM_SVM_EXTENT_*
 */
struct hmm_svm_extent {
	u64 dst;
	u64 src;
	u32 size;
	u32 flags;
};

/**
 * struct hmm_svm_device_ops - what a driver provides for its device memory
 */
struct hmm_svm_device_ops {
	/**
	 * @copy: Copy or clear @count extents (at most HMM_SVM_BLOCK_PAGES),
	 * return when that is done.  Called with folio locks held, from CPU
	 * faults and from eviction, by several threads at once: sleeps for the
	 * engine only, allocates nothing that could wait for reclaim, never
	 * depends on user work or on a fault being served.
	 *
	 * Return: 0, or -EIO or -ENODEV when the data could not be copied.
	 */
	int (*copy)(struct hmm_svm_device *sdev, const struct hmm_svm_extent *extents,
		    unsigned int count);

	/**
	 * @copy_begin: The same, but return when the copy has begun, so that the
	 * caller can prepare another meanwhile.  Never sleeps.  @extents may be gone
	 * before the copy is done.  Optional.
	 *
	 * Return: a ticket (not negative) for @copy_end, which is called once, by
	 * the same thread, before @copy_begin's data is looked at; -EAGAIN: the
	 * engine has no room now; or an error of @copy.
	 */
	int (*copy_begin)(struct hmm_svm_device *sdev, const struct hmm_svm_extent *extents,
			  unsigned int count);

	/**
	 * @copy_end: Wait for a copy that has begun.  Folios are locked, also
	 * of other copies.  Required with @copy_begin.
	 *
	 * Return: as @copy.
	 */
	int (*copy_end)(struct hmm_svm_device *sdev, int ticket);

	/**
	 * @evict: Migrated memory needs room: free a chunk of hmm_svm_chunk_alloc()
	 * if the driver can do without, by moving what is in it to system memory.
	 * Called in faults, with mmap_lock and a migrate lock held, and by a worker,
	 * by several threads at once: may sleep and allocate (GFP_KERNEL), may only try
	 * locks under which hmm_svm_chunk_alloc() is called, and calls no
	 * function of this layer but hmm_svm_chunk_free().  Optional.
	 *
	 * Return: whether it freed any.
	 */
	bool (*evict)(struct hmm_svm_device *sdev);
};

/* The CPU addresses this memory at &hmm_svm_device_desc.base, coherently. */
#define HMM_SVM_DEVICE_COHERENT		BIT(0)
/* The device's atomics on system memory are atomic for the CPU, too. */
#define HMM_SVM_DEVICE_SYS_ATOMICS	BIT(1)

/**
 * struct hmm_svm_device_desc - what hmm_svm_device_create() is to know
 * @size: bytes of device memory, a multiple of HMM_SVM_BLOCK_SIZE; 0: the
 *	device has none, memory is mapped in place
 * @base: %HMM_SVM_DEVICE_COHERENT: physical address of that memory, a multiple
 *	of HMM_SVM_BLOCK_SIZE; else 0
 * @flags: HMM_SVM_DEVICE_*
 * @ops: callbacks; kept by reference
 * @priv: hmm_svm_device_priv() gives it back
 */
struct hmm_svm_device_desc {
	u64 size;
	phys_addr_t base;
	u32 flags;
	const struct hmm_svm_device_ops *ops;
	void *priv;
};

/* Where a page is best: %HMM_SVM_ADVISE_PREFERRED */
enum hmm_svm_location {
	HMM_SVM_LOC_ANY,	/* where the other advice says (default) */
	HMM_SVM_LOC_DEVICE,	/* fight for it: no thrash detection, evicted last */
	HMM_SVM_LOC_SYSTEM,	/* do not migrate: map in place */
};

/* What the device's first touch does: %HMM_SVM_ADVISE_TOUCH */
enum hmm_svm_touch {
	HMM_SVM_TOUCH_MIGRATE,	/* move the page to the device (default) */
	HMM_SVM_TOUCH_REMOTE,	/* map it where it is */
};

/* Who does atomics: %HMM_SVM_ADVISE_ATOMIC */
enum hmm_svm_atomic_scope {
	HMM_SVM_ATOMIC_SYSTEM,	/* CPU and device, at the same time (default) */
	HMM_SVM_ATOMIC_DEVICE,	/* the device alone: device memory, or exclusively in place */
	HMM_SVM_ATOMIC_NONE,	/* only the CPU: the device's fail with -EACCES */
};

/**
 * enum hmm_svm_advice - what a program can say about a range, see hmm_svm_advise()
 * @HMM_SVM_ADVISE_PREFERRED: enum hmm_svm_location
 * @HMM_SVM_ADVISE_TOUCH: enum hmm_svm_touch
 * @HMM_SVM_ADVISE_READ_MOSTLY: 1: the device reads a copy in its memory while
 *	the CPU keeps its page, where the page is shared, after fork() or by
 *	KSM, so that a writer gets another one; 0 (default)
 * @HMM_SVM_ADVISE_ACCESSED_BY: 1: what is in system memory is mapped for the
 *	device ahead of any fault; 0 (default)
 * @HMM_SVM_ADVISE_ATOMIC: enum hmm_svm_atomic_scope
 * @HMM_SVM_ADVISE_PREFETCH: the most that a fault serves around its page, as
 *	log2 of pages, 0 to 9 (default)
 * @HMM_SVM_ADVISE_THRASH: 1 (default): a block that goes to and fro stays in
 *	system memory for a while; 0
 * @HMM_SVM_ADVISE_PROMOTE: 1 (default): hmm_svm_promote() may move it; 0
 * @HMM_SVM_NR_ADVICE: number of these
 */
enum hmm_svm_advice {
	HMM_SVM_ADVISE_PREFERRED,
	HMM_SVM_ADVISE_TOUCH,
	HMM_SVM_ADVISE_READ_MOSTLY,
	HMM_SVM_ADVISE_ACCESSED_BY,
	HMM_SVM_ADVISE_ATOMIC,
	HMM_SVM_ADVISE_PREFETCH,
	HMM_SVM_ADVISE_THRASH,
	HMM_SVM_ADVISE_PROMOTE,
	HMM_SVM_NR_ADVICE,
};

/* hmm_svm_query(): one u16 per page; 0: nothing there, or not accessible */
#define HMM_SVM_PAGE_READ	BIT(0)	/* the CPU may read it */
#define HMM_SVM_PAGE_WRITE	BIT(1)	/* the CPU may write it */
#define HMM_SVM_PAGE_ZERO	BIT(2)	/* the zero page */
#define HMM_SVM_PAGE_LOCAL	BIT(3)	/* in this device's memory */
#define HMM_SVM_PAGE_REMOTE	BIT(4)	/* in another device's coherent memory */
#define HMM_SVM_PAGE_COHERENT	BIT(5)	/* LOCAL or REMOTE, and the CPU reaches it there */
#define HMM_SVM_PAGE_MAPPED	BIT(6)	/* the device has an entry */
#define HMM_SVM_PAGE_COPY	BIT(7)	/* that entry is for a read-only copy */
#define HMM_SVM_PAGE_ERROR	BIT(8)	/* no mapping, or memory that HMM cannot mirror */
#define HMM_SVM_PAGE_ORDER_SHIFT 12	/* bits 15:12: the CPU maps 2^order pages (15: or more) */

/* What hmm_svm_inject() makes fail, once. */
enum hmm_svm_failure {
	HMM_SVM_FAIL_LARGE_PAGE,	/* the next allocation of a large page, on either side */
};

/**
 * struct hmm_svm_stats - counters of one mirror, in 4 KiB pages or events
 * @faults: hmm_svm_fault() calls answered
 * @faults_failed: those of them that returned an error
 * @pages_to_dev: pages moved to, or cleared in, device memory
 * @pages_to_sys: pages moved to system memory, for whatever reason
 * @cpu_faults: CPU faults on pages in device memory
 * @pages_evicted: those of @pages_to_sys that had to make room
 * @pages_mapped_sys: pages of system memory given to the device
 * @pages_mapped_dev: pages of device memory given to the device
 * @invalidations: calls of core mm that took mappings away
 * @retries: faults tried again since core mm changed their memory meanwhile
 * @pages_large_to_dev: those of @pages_to_dev that moved as part of a large page
 * @pages_large_to_sys: those of @pages_to_sys that did
 * @pages_prefetched: pages served with a fault on a neighbour
 * @pages_remote: pages mapped in place since advice said so
 * @pages_copied: read-only copies made (%HMM_SVM_ADVISE_READ_MOSTLY)
 * @pages_ahead: pages mapped ahead of a fault (%HMM_SVM_ADVISE_ACCESSED_BY)
 * @pages_promoted: pages moved by hmm_svm_promote()
 * @pages_exclusive: pages the device got for its atomics alone, in place
 * @thrash_pins: times that a block was found to go to and fro
 */
struct hmm_svm_stats {
	u64 faults;
	u64 faults_failed;
	u64 pages_to_dev;
	u64 pages_to_sys;
	u64 cpu_faults;
	u64 pages_evicted;
	u64 pages_mapped_sys;
	u64 pages_mapped_dev;
	u64 invalidations;
	u64 retries;
	u64 pages_large_to_dev;
	u64 pages_large_to_sys;
	u64 pages_prefetched;
	u64 pages_remote;
	u64 pages_copied;
	u64 pages_ahead;
	u64 pages_promoted;
	u64 pages_exclusive;
	u64 thrash_pins;
};

/**
 * hmm_svm_device_create() - Register device memory
 * @dev: device that does the DMA
 * @desc: the rest; copied
 *
 * Creates the ZONE_DEVICE pages.  The layer is the one owner of this memory:
 * buffers of the driver get theirs by hmm_svm_chunk_alloc().  A kernel without
 * CONFIG_DEVICE_PRIVATE has no such pages for memory that the CPU does not
 * reach: nothing migrates then, and all of it is there for the driver.
 *
 * Context: may sleep.
 * Return: the device or an ERR_PTR: -EINVAL for a bad @desc, -EOPNOTSUPP when
 * @dev cannot reach all memory (set its DMA mask first), -ENOMEM.
 */
struct hmm_svm_device *hmm_svm_device_create(struct device *dev,
					     const struct hmm_svm_device_desc *desc);

/**
 * hmm_svm_device_destroy() - Take the device's memory away
 * @sdev: device
 *
 * Every mirror must have been destroyed and every chunk freed.  Moves what is
 * left in device memory to system memory.  What cannot be moved, as the copy
 * engine is dead, is lost: CPU accesses get SIGBUS, and this module (not the
 * driver) stays until the last process has unmapped it.  When this returns, the
 * driver is not called any more.
 *
 * Context: may sleep.
 */
void hmm_svm_device_destroy(struct hmm_svm_device *sdev);

/**
 * hmm_svm_device_lost() - What is in device memory is lost
 * @sdev: device that does not answer any more
 *
 * From now on a CPU access to it is SIGBUS at once, and nobody asks the driver's
 * copy engine.  Optional: without it each access asks, and learns the same.
 *
 * Context: any.
 */
void hmm_svm_device_lost(struct hmm_svm_device *sdev);

/**
 * hmm_svm_device_evict() - Move all that is in device memory to system memory
 * @sdev: device that raises no faults now, say because its work is suspended
 *
 * For a device that is about to lose its memory and to come back, with mirrors
 * and all. Chunks of the driver are its own care.
 *
 * Context: may sleep.
 * Return: 0, or -EBUSY: pages are left that cannot move now.
 */
int hmm_svm_device_evict(struct hmm_svm_device *sdev);

/**
 * hmm_svm_chunk_is_allocated() - Whether a part of device memory is the driver's
 * @sdev: device
 * @offset: of a chunk, as hmm_svm_chunk_alloc() returned it
 *
 * Context: any.
 * Return: whether hmm_svm_chunk_alloc() gave it, and hmm_svm_chunk_free() did not take it back.
 */
bool hmm_svm_chunk_is_allocated(struct hmm_svm_device *sdev, u64 offset);

/**
 * hmm_svm_device_priv() - The driver's pointer
 * @sdev: device
 *
 * Context: any.
 * Return: what was given to hmm_svm_device_create().
 */
void *hmm_svm_device_priv(struct hmm_svm_device *sdev);

/**
 * hmm_svm_device_used() - How much of the device's memory is in use
 * @sdev: device
 *
 * Whole chunks, those of the driver included.
 *
 * Context: any.
 * Return: bytes; a moment later it may be another number.
 */
u64 hmm_svm_device_used(struct hmm_svm_device *sdev);

/**
 * hmm_svm_chunk_alloc() - Device memory for the driver's own use
 * @sdev: device
 * @offset: returns the offset into device memory, a multiple of HMM_SVM_BLOCK_SIZE
 *
 * One chunk of HMM_SVM_BLOCK_SIZE, not cleared.  Evicts migrated pages when
 * none is free; at least half of all chunks stay with migrated memory, if
 * memory can migrate (see hmm_svm_device_create()).
 *
 * Context: may sleep; no folio or mmap lock held, and none that &hmm_svm_device_ops.evict
 * waits for.
 * Return: the chunk or ERR_PTR(-ENOSPC).
 */
struct hmm_svm_chunk *hmm_svm_chunk_alloc(struct hmm_svm_device *sdev, u64 *offset);

/**
 * hmm_svm_chunk_free() - Give a chunk of hmm_svm_chunk_alloc() back
 * @chunk: chunk, which the device must not use any more
 *
 * Context: any but hard irq.
 */
void hmm_svm_chunk_free(struct hmm_svm_chunk *chunk);

/**
 * hmm_svm_create() - Mirror the caller's address space
 * @sdev: device
 * @ops: callbacks; kept by reference
 * @end: end of the mirrored range (exclusive), the device's limit; the mm's
 *	own limit applies, too
 * @priv: hmm_svm_priv() gives it back
 *
 * Context: process context of the owner, mmap_lock not held.
 * Return: the mirror or an ERR_PTR.
 */
struct hmm_svm *hmm_svm_create(struct hmm_svm_device *sdev, const struct hmm_svm_ops *ops,
			       u64 end, void *priv);

/**
 * hmm_svm_destroy() - End a mirror
 * @svm: mirror
 *
 * Calls &hmm_svm_ops.dead unless that has happened, unmaps everything;
 * afterwards no callback runs.  Must not be called while another function of the
 * mirror may run: hmm_svm_interrupt() first, then wait for them.
 *
 * Context: may sleep; mmap_lock not held; not from a callback.
 */
void hmm_svm_destroy(struct hmm_svm *svm);

/**
 * hmm_svm_priv() - The driver's pointer
 * @svm: mirror
 *
 * Context: any.
 * Return: what was given to hmm_svm_create().
 */
void *hmm_svm_priv(struct hmm_svm *svm);

/**
 * hmm_svm_owned_by_current() - Whether the caller may use a mirror
 * @svm: mirror
 *
 * Context: process context.
 * Return: true when the caller runs in the mirrored mm.
 */
bool hmm_svm_owned_by_current(struct hmm_svm *svm);

/**
 * hmm_svm_fault() - Serve one device page fault
 * @svm: mirror
 * @addr: faulting address
 * @access: what the device wants
 *
 * Makes the page accessible to the device, by migration or in place, and what
 * the policy adds around it in the block.  Safe to call from several threads;
 * faults on different blocks run in parallel.
 *
 * Context: may sleep and take mmap_lock, and may wait for user space (a
 * userfaultfd, a FUSE server) until that answers, the owner dies, or
 * hmm_svm_interrupt().  So call it in a thread of the owner, or in a kernel thread
 * that has allow_kernel_signal(SIGKILL), by which the layer interrupts that wait
 * (nothing of the signal is left when this returns); never in a notifier or reclaim.
 * Return: 0: mapped (it may already be gone again: the device just retries);
 * -EFAULT: no memory there, below the stack, beyond the end of a file,
 * VM_IO, VM_PFNMAP or secret memory;
 * -EACCES: the mapping, or advice, forbids @access; -EOPNOTSUPP: an atomic on
 * memory of which neither the device nor core mm can make it one; -EOWNERDEAD:
 * the mm is gone or dying; -EINTR: hmm_svm_interrupt() or a fatal signal; -ENOMEM;
 * -EBUSY: no progress within the layer's timeout; or an error of &hmm_svm_ops.prepare.
 */
int hmm_svm_fault(struct hmm_svm *svm, u64 addr, enum hmm_svm_access access);

/**
 * hmm_svm_prefetch() - Move a range
 * @svm: mirror
 * @start: page aligned
 * @end: page aligned, exclusive
 * @to_device: true: to device memory, mapped there; false: to system memory
 *
 * A hint: what cannot move stays where it is.
 *
 * Context: as hmm_svm_fault(); interruptible by fatal signals.
 * Return: 0; -EFAULT when the range has holes (nothing is undone); -EINVAL for
 * a bad range; -EINTR; -EOWNERDEAD; -ENOMEM.
 */
int hmm_svm_prefetch(struct hmm_svm *svm, u64 start, u64 end, bool to_device);

/**
 * hmm_svm_interrupt() - Stop waiting for user space
 * @svm: mirror
 *
 * Faults and prefetches that run now or later return -EINTR or -EOWNERDEAD
 * soon, whatever they wait for; those in a thread of the owner, when a fatal
 * signal ends its wait.  Not undone: for a driver that is about to call
 * hmm_svm_destroy() and has to wait for its workers.
 *
 * Context: process context, atomic or not.
 */
void hmm_svm_interrupt(struct hmm_svm *svm);

/**
 * hmm_svm_advise() - Say how a range is going to be used
 * @svm: mirror
 * @start: page aligned
 * @end: page aligned, exclusive; 0 to the mirror's end or beyond: the default
 *	of the mirror
 * @advice: about what
 * @value: see enum hmm_svm_advice
 *
 * Advice belongs to the addresses until munmap() or mremap() of them, which
 * leaves them with the default.  The last word counts: a default replaces what
 * ranges were advised of the same before.  It changes where
 * memory is and how fast things go, never what is read and written
 * (%HMM_SVM_ADVISE_ATOMIC excepted).  What a process may advise is limited, and
 * charged to it: at most 65536 ranges that differ.  On -ENOMEM, a part may be
 * advised.
 *
 * Context: may sleep; takes mmap_lock.
 * Return: 0; -EINVAL for a bad range, advice or value; -ENOMEM; -EOWNERDEAD.
 */
int hmm_svm_advise(struct hmm_svm *svm, u64 start, u64 end, enum hmm_svm_advice advice,
		   u32 value);

/**
 * hmm_svm_promote() - The device uses memory that is mapped in place a lot
 * @svm: mirror
 * @addr: an address in it
 * @size: bytes around it that the device counted together, a power of two,
 *	at most HMM_SVM_BLOCK_SIZE
 *
 * For devices with access counters: moves the naturally aligned @size around
 * @addr to device memory, where advice and policy allow that.
 *
 * Context: as hmm_svm_fault().
 * Return: 0, also when nothing moved, or -EINVAL for a bad @size, -EOWNERDEAD,
 * -EINTR, -ENOMEM.
 */
int hmm_svm_promote(struct hmm_svm *svm, u64 addr, u64 size);

/**
 * hmm_svm_query() - Where memory is
 * @svm: mirror
 * @start: page aligned
 * @end: page aligned, exclusive
 * @pages: returns HMM_SVM_PAGE_* for each page; looks, faults nothing in
 *
 * Context: may sleep; takes mmap_lock.
 * Return: 0; -EINVAL for a bad range; -EOWNERDEAD; -EINTR; -ENOMEM; -EBUSY when
 * core mm changed the memory all the time.
 */
int hmm_svm_query(struct hmm_svm *svm, u64 start, u64 end, u16 *pages);

/**
 * hmm_svm_inject() - Make something fail once, for tests
 * @svm: mirror whose next migration it hits
 * @failure: what
 *
 * Context: any.
 */
void hmm_svm_inject(struct hmm_svm *svm, enum hmm_svm_failure failure);

/**
 * hmm_svm_get_stats() - Copy the counters
 * @svm: mirror
 * @stats: returns them
 *
 * Context: any.
 */
void hmm_svm_get_stats(struct hmm_svm *svm, struct hmm_svm_stats *stats);

/**
 * hmm_svm_resident() - Device memory that a mirror's process uses
 * @svm: mirror
 *
 * Of pages that migrated for it, and of read-only copies. Pages that a forked child
 * shares count for the mirror that moved them.
 *
 * Context: any.
 * Return: bytes, as they are just now.
 */
u64 hmm_svm_resident(struct hmm_svm *svm);

/**
 * hmm_svm_show_chunks() - Table of all chunks in use, for debugfs
 * @sdev: device
 * @m: where to
 *
 * Context: may sleep.
 * Return: 0 or -ENOMEM.
 */
int hmm_svm_show_chunks(struct hmm_svm_device *sdev, struct seq_file *m);

/**
 * hmm_svm_show_blocks() - Table of a mirror's blocks, for debugfs
 * @svm: mirror, which is not destroyed meanwhile
 * @m: where to
 *
 * Context: may sleep.
 */
void hmm_svm_show_blocks(struct hmm_svm *svm, struct seq_file *m);

#endif /* _HMM_SVM_H */
