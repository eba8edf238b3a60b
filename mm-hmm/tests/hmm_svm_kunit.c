// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests of the parts of hmm_svm that need no device: built into
 * hmm_svm.ko by CONFIG_HMM_SVM_KUNIT, run when that is loaded.
 *
 * Each test has a mirror of its own, of the empty address space that KUnit
 * gives to the thread of the test, and device memory of its own.
 */
#include <kunit/device.h>
#include <linux/dma-mapping.h>
#include <linux/mm.h>

#include "hmm_svm_kunit.h"

static int note_prepare(struct hmm_svm *svm, u64 start, u64 end)
{
	return 0;
}

static void note_map(struct hmm_svm *svm, u64 addr, const struct hmm_svm_pte *ptes,
		     unsigned int npages)
{
}

static void note_unmap(struct hmm_svm *svm, u64 start, u64 end)
{
	struct kunit_svm *fix = hmm_svm_priv(svm);

	fix->unmaps++;
	fix->unmapped = (struct hmm_svm_span) { start, end };
}

static u64 note_flush_post(struct hmm_svm *svm, u64 start, u64 end)
{
	struct kunit_svm *fix = hmm_svm_priv(svm);

	fix->flushed = (struct hmm_svm_span) { start, end };
	return ++fix->flushes;
}

static int note_flush_wait(struct hmm_svm *svm, u64 ticket, bool may_sleep)
{
	struct kunit_svm *fix = hmm_svm_priv(svm);

	fix->waits++;
	if (fix->during_wait)
		fix->during_wait(fix);
	return 0;
}

static void note_dead(struct hmm_svm *svm)
{
	struct kunit_svm *fix = hmm_svm_priv(svm);

	fix->deaths++;
}

static const struct hmm_svm_ops note_ops = {
	.prepare = note_prepare,
	.map = note_map,
	.unmap = note_unmap,
	.flush_post = note_flush_post,
	.flush_wait = note_flush_wait,
	.dead = note_dead,
};

static int note_copy(struct hmm_svm_device *sdev, const struct hmm_svm_extent *extents,
		     unsigned int count)
{
	return 0;
}

static const struct hmm_svm_device_ops note_device_ops = {
	.copy = note_copy,
};

/**
 * kunit_svm_init() - make the fixture
 * @test: test
 *
 * Return: 0 or a negative errno.
 */
int kunit_svm_init(struct kunit *test)
{
	struct hmm_svm_device_desc desc = {
		.size = (u64)KUNIT_CHUNKS << HMM_SVM_BLOCK_SHIFT,
		.ops = &note_device_ops,
	};
	struct kunit_svm *fix = kunit_kzalloc(test, sizeof(*fix), GFP_KERNEL);
	struct device *dev = kunit_device_register(test, "hmm_svm_kunit");
	int ret;

	if (!fix || IS_ERR(dev))
		return -ENOMEM;
	test->priv = fix;
	ret = dma_coerce_mask_and_coherent(dev, DMA_BIT_MASK(64));
	if (ret)
		return ret;
	fix->sdev = hmm_svm_device_create(dev, &desc);
	if (IS_ERR(fix->sdev))
		return PTR_ERR(fix->sdev);
	ret = kunit_attach_mm();
	if (ret)
		return ret;
	fix->svm = hmm_svm_create(fix->sdev, &note_ops, U64_MAX, fix);
	if (IS_ERR(fix->svm))
		return PTR_ERR(fix->svm);
	fix->notifier = hmm_svm_notifier_get(fix->svm, KUNIT_ADDR);
	return PTR_ERR_OR_ZERO(fix->notifier);
}

/**
 * kunit_svm_exit() - end the fixture, in another thread than the test's
 * @test: test
 */
void kunit_svm_exit(struct kunit *test)
{
	struct kunit_svm *fix = test->priv;

	if (!fix)
		return;
	fix->during_wait = NULL;
	while (fix->nr_blocks)
		hmm_svm_block_put(fix->blocks[--fix->nr_blocks]);
	if (!IS_ERR_OR_NULL(fix->svm))
		hmm_svm_destroy(fix->svm);
	if (!IS_ERR_OR_NULL(fix->sdev))
		hmm_svm_device_destroy(fix->sdev);
}

/**
 * kunit_svm_block() - a block of the fixture's mirror
 * @test: test
 * @n: which
 *
 * Return: the block; the test's reference goes with the test.
 */
struct hmm_svm_block *kunit_svm_block(struct kunit *test, unsigned int n)
{
	struct kunit_svm *fix = test->priv;
	struct hmm_svm_block *block;

	KUNIT_ASSERT_LT(test, fix->nr_blocks, KUNIT_BLOCKS);
	block = hmm_svm_block_get(fix->notifier, KUNIT_ADDR + (u64)n * HMM_SVM_BLOCK_SIZE);
	KUNIT_ASSERT_NOT_NULL(test, block);
	fix->blocks[fix->nr_blocks++] = block;
	return block;
}

/**
 * kunit_svm_vma() - a vma that is in no tree, as a policy's argument
 * @test: test
 * @start: first address
 * @end: behind the last one
 * @flags: VM_*
 *
 * Return: an anonymous vma, freed with the test.
 */
struct vm_area_struct *kunit_svm_vma(struct kunit *test, u64 start, u64 end, unsigned long flags)
{
	struct kunit_svm *fix = test->priv;
	struct vm_area_struct *vma = kunit_kzalloc(test, sizeof(*vma), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, vma);
	vma->vm_mm = fix->svm->mm;
	vma->vm_start = start;
	vma->vm_end = end;
	vm_flags_init(vma, flags);
	return vma;
}

/**
 * kunit_svm_pin() - device memory for a block
 * @test: test
 * @block: block
 *
 * Return: its chunk, to be unpinned by the test.
 */
struct hmm_svm_chunk *kunit_svm_pin(struct kunit *test, struct hmm_svm_block *block)
{
	struct hmm_svm_chunk *chunk;

	mutex_lock(&block->migrate);
	chunk = hmm_svm_chunk_pin(block, NULL);
	mutex_unlock(&block->migrate);
	KUNIT_ASSERT_NOT_NULL(test, chunk);
	return chunk;
}

/**
 * kunit_svm_take_page() - one page of device memory, as a migration takes it
 * @test: test
 * @chunk: pinned chunk
 * @i: page of it, which is free
 *
 * Return: the page, locked; kunit_svm_put_page() ends it.
 */
struct page *kunit_svm_take_page(struct kunit *test, struct hmm_svm_chunk *chunk,
				 unsigned int i)
{
	DECLARE_BITMAP(pages, HMM_SVM_BLOCK_PAGES) = {};
	struct page *page = pfn_to_page(hmm_svm_chunk_pfn(chunk) + i);

	__set_bit(i, pages);
	hmm_svm_chunk_reserve(chunk, pages);
	KUNIT_ASSERT_TRUE(test, test_bit(i, pages));
	hmm_svm_page_init(page, &chunk->sdev->pgmap);
	return page;
}

/**
 * kunit_svm_put_page() - drop the last reference, as core mm does
 * @page: page of kunit_svm_take_page()
 */
void kunit_svm_put_page(struct page *page)
{
	unlock_page(page);
	put_page(page);
}

kunit_test_suites(&hmm_svm_advice_suite, &hmm_svm_block_suite, &hmm_svm_chunk_suite,
		  &hmm_svm_policy_suite);
