/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * softdev: the interface of a device that exists in software only, to test
 * hmm_svm without hardware. Each open file is a mirror of the opener.
 */
#ifndef _SOFTDEV_H
#define _SOFTDEV_H

#include <linux/ioctl.h>
#include <linux/types.h>

enum softdev_op {
	SOFTDEV_WRITE,	/* word i becomes value + i */
	SOFTDEV_CHECK,	/* word i must be value + i, else EILSEQ and its i in done */
	SOFTDEV_ADD,	/* word i grows by value */
};

/**
 * struct softdev_access - what the device does with memory
 * @addr: first 64-bit word, 8-byte aligned
 * @stride: bytes from word to word, a multiple of 8
 * @count: number of words
 * @value: operand
 * @op: enum softdev_op
 * @pad: 0
 * @done: words that succeeded
 * @found: SOFTDEV_CHECK: the wrong value
 *
 * Returns 0 or the error of hmm_svm_fault().
 */
struct softdev_access {
	__u64 addr;
	__u64 stride;
	__u64 count;
	__u64 value;
	__u32 op;
	__u32 pad;
	__u64 done;
	__u64 found;
};

struct softdev_range {
	__u64 start;
	__u64 end;
	__u32 to_device;
	__u32 pad;
};

#define SOFTDEV_PRESENT		1
#define SOFTDEV_WRITABLE	2
#define SOFTDEV_IN_DEVMEM	4
#define SOFTDEV_CAN_ATOMIC	8
#define SOFTDEV_ORDER_SHIFT	8
#define SOFTDEV_ORDER(flags)	((flags) >> SOFTDEV_ORDER_SHIFT)

/* SOFTDEV_* of the device's page table at @addr; no fault */
struct softdev_query {
	__u64 addr;
	__u32 flags;
	__u32 pad;
};

struct softdev_stats {
	__u64 faults;
	__u64 faults_failed;
	__u64 pages_to_dev;
	__u64 pages_to_sys;
	__u64 cpu_faults;
	__u64 pages_evicted;
	__u64 pages_mapped_sys;
	__u64 pages_mapped_dev;
	__u64 invalidations;
	__u64 retries;
	__u64 pages_large_to_dev;
	__u64 pages_large_to_sys;
	__u64 pages_prefetched;
	__u64 pages_remote;
	__u64 pages_copied;
	__u64 pages_ahead;
	__u64 pages_promoted;
	__u64 pages_exclusive;
	__u64 thrash_pins;
};

/* As enum hmm_svm_advice, and their values. */
enum softdev_advice {
	SOFTDEV_PREFERRED,
	SOFTDEV_TOUCH,
	SOFTDEV_READ_MOSTLY,
	SOFTDEV_ACCESSED_BY,
	SOFTDEV_ATOMIC,
	SOFTDEV_PREFETCH,
	SOFTDEV_THRASH,
	SOFTDEV_PROMOTE,
	SOFTDEV_NR_ADVICE,
};

#define SOFTDEV_LOC_DEVICE	1
#define SOFTDEV_LOC_SYSTEM	2
#define SOFTDEV_TOUCH_REMOTE	1
#define SOFTDEV_ATOMIC_SYSTEM	0
#define SOFTDEV_ATOMIC_DEVICE	1
#define SOFTDEV_ATOMIC_NONE	2

/* hmm_svm_advise() */
struct softdev_advise {
	__u64 start;
	__u64 end;
	__u32 advice;
	__u32 value;
};

/* hmm_svm_promote() */
struct softdev_promote {
	__u64 addr;
	__u64 size;
};

#define SOFTDEV_PAGE_READ	(1 << 0)
#define SOFTDEV_PAGE_WRITE	(1 << 1)
#define SOFTDEV_PAGE_ZERO	(1 << 2)
#define SOFTDEV_PAGE_LOCAL	(1 << 3)
#define SOFTDEV_PAGE_REMOTE	(1 << 4)
#define SOFTDEV_PAGE_COHERENT	(1 << 5)
#define SOFTDEV_PAGE_MAPPED	(1 << 6)
#define SOFTDEV_PAGE_COPY	(1 << 7)
#define SOFTDEV_PAGE_ERROR	(1 << 8)
#define SOFTDEV_PAGE_ORDER(flags)	((flags) >> 12)

/* hmm_svm_query(): @flags points to a __u16 for each page */
struct softdev_pages {
	__u64 start;
	__u64 end;
	__u64 flags;
};

#define SOFTDEV_MAX_WORKERS	8

/**
 * struct softdev_state - what becomes of a mirror; for any process that has the file
 * @dead: the mirror's owner is gone
 * @running: workers at work
 * @result: of the last worker that ended, as of SOFTDEV_IOC_ACCESS: 0 or a positive errno
 * @overlapped: copies that began while another was under way, since the module was loaded
 */
struct softdev_state {
	__u32 dead;
	__u32 running;
	__u32 result;
	__u32 overlapped;
};

#define SOFTDEV_IOC_ACCESS	_IOWR('S', 0, struct softdev_access)
#define SOFTDEV_IOC_PREFETCH	_IOW('S', 1, struct softdev_range)
#define SOFTDEV_IOC_QUERY	_IOWR('S', 2, struct softdev_query)
#define SOFTDEV_IOC_STATS	_IOR('S', 3, struct softdev_stats)
/* Takes as many chunks for the driver as it gets (0) or gives them back (1). */
#define SOFTDEV_IOC_CHUNKS	_IOWR('S', 4, __u32)
/* The copy engine fails this many times. */
#define SOFTDEV_IOC_FAIL_COPY	_IOW('S', 5, __u32)
/* hmm_svm_inject(HMM_SVM_FAIL_LARGE_PAGE) */
#define SOFTDEV_IOC_FAIL_LARGE	_IO('S', 8)
#define SOFTDEV_IOC_ADVISE	_IOW('S', 16, struct softdev_advise)
#define SOFTDEV_IOC_PROMOTE	_IOW('S', 17, struct softdev_promote)
#define SOFTDEV_IOC_INTERRUPT	_IO('S', 18)
/* As SOFTDEV_IOC_ACCESS, but by a kernel thread, and returns at once. */
#define SOFTDEV_IOC_WORK	_IOW('S', 19, struct softdev_access)
#define SOFTDEV_IOC_STATE	_IOR('S', 20, struct softdev_state)
#define SOFTDEV_IOC_PAGES	_IOW('S', 32, struct softdev_pages)
/* How often the layer broke a promise about large entries, since the module was loaded. */
#define SOFTDEV_IOC_BROKEN	_IOR('S', 33, __u32)

/*
 * SOFTDEV_HOLD: what comes to a point in a migration stays there until
 * SOFTDEV_GO, for a second at most. Returns how many did so since.
 */
#define SOFTDEV_GO		0
#define SOFTDEV_HOLD		1
#define SOFTDEV_LOOK		2
/*
 * A thread of this process in which core mm splits a large folio, just behind
 * that. EOPNOTSUPP: the kernel has no kretprobes.
 */
#define SOFTDEV_IOC_HOLD_SPLIT	_IOWR('S', 34, __u32)
/* Whoever copies to system memory, before that. */
#define SOFTDEV_IOC_HOLD_COPY	_IOWR('S', 35, __u32)

#endif /* _SOFTDEV_H */
