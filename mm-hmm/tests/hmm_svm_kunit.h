/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the KUnit tests share: a mirror of an empty address space on a device
 * whose callbacks only note that they were called.
 */
#ifndef _HMM_SVM_KUNIT_H
#define _HMM_SVM_KUNIT_H

#include <kunit/test.h>

#include "../hmm_svm_internal.h"

#define KUNIT_CHUNKS	8U
#define KUNIT_BLOCKS	32U
#define KUNIT_ADDR	(16ULL << HMM_SVM_BLOCK_SHIFT)

/**
 * struct kunit_svm - the fixture
 * @sdev: device with KUNIT_CHUNKS chunks
 * @svm: mirror
 * @notifier: of the addresses around KUNIT_ADDR
 * @blocks: that the test has got, with a reference each
 * @nr_blocks: number of them
 * @unmaps: calls of unmap()
 * @unmapped: range of the last one
 * @flushes: calls of flush_post()
 * @flushed: range of the last one
 * @waits: calls of flush_wait()
 * @deaths: calls of dead()
 * @during_wait: called by flush_wait(), so that something happens meanwhile
 * @wait_arg: for it
 */
struct kunit_svm {
	struct hmm_svm_device *sdev;
	struct hmm_svm *svm;
	struct hmm_svm_notifier *notifier;
	struct hmm_svm_block *blocks[KUNIT_BLOCKS];
	unsigned int nr_blocks;
	unsigned int unmaps;
	struct hmm_svm_span unmapped;
	unsigned int flushes;
	struct hmm_svm_span flushed;
	unsigned int waits;
	unsigned int deaths;
	void (*during_wait)(struct kunit_svm *fix);
	void *wait_arg;
};

int kunit_svm_init(struct kunit *test);
void kunit_svm_exit(struct kunit *test);
struct hmm_svm_block *kunit_svm_block(struct kunit *test, unsigned int n);
struct vm_area_struct *kunit_svm_vma(struct kunit *test, u64 start, u64 end, unsigned long flags);
struct hmm_svm_chunk *kunit_svm_pin(struct kunit *test, struct hmm_svm_block *block);
struct page *kunit_svm_take_page(struct kunit *test, struct hmm_svm_chunk *chunk,
				 unsigned int i);
void kunit_svm_put_page(struct page *page);

static inline u64 kunit_svm_addr(const struct hmm_svm_block *block, unsigned int page)
{
	return block->start + ((u64)page << PAGE_SHIFT);
}

/* The suites. */
extern struct kunit_suite hmm_svm_advice_suite;
extern struct kunit_suite hmm_svm_block_suite;
extern struct kunit_suite hmm_svm_chunk_suite;
extern struct kunit_suite hmm_svm_policy_suite;

#endif /* _HMM_SVM_KUNIT_H */
