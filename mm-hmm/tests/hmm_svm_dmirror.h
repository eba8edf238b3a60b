/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the files of hmm_svm_dmirror share.
 *
 *   hmm_svm_dmirror_mem.c	the device's memory and its copy engine
 *   hmm_svm_dmirror_mmu.c	its MMU: page table, TLB, accesses
 *   hmm_svm_dmirror_drv.c	device nodes and commands
 */
#ifndef _HMM_SVM_DMIRROR_H
#define _HMM_SVM_DMIRROR_H

#include <linux/atomic.h>
#include <linux/miscdevice.h>
#include <linux/platform_device.h>
#include <linux/rwsem.h>
#include <linux/spinlock.h>
#include <linux/xarray.h>

#include "../include/hmm_svm.h"

#define DMIRROR_TLB_ENTRIES	16
#define DMIRROR_NO_PAGE		1	/* not an address of a page */

/**
 * struct dmirror_device - a device made of software
 * @pdev: what does its DMA
 * @sdev: its memory, as hmm_svm has it
 * @misc: its node
 * @name: of @misc
 * @size: bytes of memory
 * @base: physical address of the memory; 0: only the device reaches it, it is in @pages
 * @pages: by page of the device's memory; NULL: never used so far
 */
struct dmirror_device {
	struct platform_device *pdev;
	struct hmm_svm_device *sdev;
	struct miscdevice misc;
	char name[16];
	u64 size;
	phys_addr_t base;
	struct page **pages;
};

/* The part of a page table for one block. */
struct dmirror_leaf {
	struct hmm_svm_pte ptes[HMM_SVM_BLOCK_PAGES];
};

struct dmirror_tlb_entry {
	u64 addr;
	struct hmm_svm_pte pte;
};

/**
 * struct dmirror - one open file: a context of the device, with an address space
 * @ddev: device
 * @svm: mirror of the process that opened it
 * @busy: read: the device uses a translation
 * @leaves: page table: struct dmirror_leaf by address >> HMM_SVM_BLOCK_SHIFT
 * @lock: protects the entries of the page table, and @tlb
 * @tlb: translations the device has at hand; only a flush makes it forget
 * @flushes: number of flushes so far, the tickets
 */
struct dmirror {
	struct dmirror_device *ddev;
	struct hmm_svm *svm;
	struct rw_semaphore busy;
	struct xarray leaves;
	spinlock_t lock; /* page table and TLB */
	struct dmirror_tlb_entry tlb[DMIRROR_TLB_ENTRIES];
	atomic64_t flushes;
};

/* hmm_svm_dmirror_mem.c */
extern const struct hmm_svm_device_ops dmirror_device_ops;

int dmirror_memory_init(struct dmirror_device *ddev);
void dmirror_memory_fini(struct dmirror_device *ddev);
void *dmirror_memory(struct dmirror_device *ddev, u64 addr, bool devmem);

/* hmm_svm_dmirror_mmu.c */
extern const struct hmm_svm_ops dmirror_ops;

void dmirror_mmu_init(struct dmirror *dm);
void dmirror_mmu_fini(struct dmirror *dm);
bool dmirror_mapped(struct dmirror *dm, u64 addr, u16 need);
int dmirror_read_page(struct dmirror *dm, u64 addr, u16 need, void __user *to);
int dmirror_write_page(struct dmirror *dm, u64 addr, const void __user *from);

#endif /* _HMM_SVM_DMIRROR_H */
