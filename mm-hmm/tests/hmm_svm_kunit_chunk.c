// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests of device memory: who gets which chunk, when it is free again,
 * and which one is evicted.
 */
#include <linux/mm.h>
#include <linux/workqueue.h>

#include "hmm_svm_kunit.h"

static struct hmm_svm_chunk *take_victim(struct hmm_svm_device *sdev)
{
	struct hmm_svm_block *block;
	struct hmm_svm_chunk *chunk = hmm_svm_chunk_take_victim(sdev, &block);

	if (block)
		hmm_svm_chunk_put_block(block);
	return chunk;
}

static unsigned int nr_free(struct hmm_svm_device *sdev)
{
	struct hmm_svm_chunk *chunks[KUNIT_CHUNKS];
	unsigned int n = 0, i;

	while (n < KUNIT_CHUNKS) {
		chunks[n] = hmm_svm_chunk_take_free(sdev);
		if (!chunks[n])
			break;
		n++;
	}
	for (i = 0; i < n; i++)
		hmm_svm_chunk_put_free(chunks[i]);
	return n;
}

static void chunks_are_taken_and_put(struct kunit *test)
{
	struct kunit_svm *fix = test->priv;
	struct hmm_svm_chunk *chunks[KUNIT_CHUNKS];
	unsigned int i, j;

	for (i = 0; i < KUNIT_CHUNKS; i++) {
		chunks[i] = hmm_svm_chunk_take_free(fix->sdev);
		KUNIT_ASSERT_NOT_NULL(test, chunks[i]);
		for (j = 0; j < i; j++)
			KUNIT_EXPECT_PTR_NE(test, chunks[j], chunks[i]);
	}
	KUNIT_EXPECT_NULL(test, hmm_svm_chunk_take_free(fix->sdev));
	for (i = 0; i < KUNIT_CHUNKS; i++)
		hmm_svm_chunk_put_free(chunks[i]);
	KUNIT_EXPECT_EQ(test, KUNIT_CHUNKS, nr_free(fix->sdev));
}

/* The driver's buffers never take all of device memory. */
static void driver_gets_half_of_the_chunks(struct kunit *test)
{
	struct kunit_svm *fix = test->priv;
	struct hmm_svm_chunk *chunks[KUNIT_CHUNKS];
	unsigned int n = 0;
	u64 offset, seen = 0;

	for (;;) {
		struct hmm_svm_chunk *chunk = hmm_svm_chunk_alloc(fix->sdev, &offset);

		if (IS_ERR(chunk)) {
			KUNIT_EXPECT_PTR_EQ(test, ERR_PTR(-ENOSPC), chunk);
			break;
		}
		KUNIT_ASSERT_LT(test, n, KUNIT_CHUNKS);
		KUNIT_EXPECT_TRUE(test, IS_ALIGNED(offset, HMM_SVM_BLOCK_SIZE));
		KUNIT_ASSERT_LT(test, offset, (u64)KUNIT_CHUNKS << HMM_SVM_BLOCK_SHIFT);
		KUNIT_EXPECT_FALSE(test, seen & BIT_ULL(offset >> HMM_SVM_BLOCK_SHIFT));
		seen |= BIT_ULL(offset >> HMM_SVM_BLOCK_SHIFT);
		chunks[n++] = chunk;
	}
	KUNIT_EXPECT_EQ(test, KUNIT_CHUNKS / 2, n);
	while (n)
		hmm_svm_chunk_free(chunks[--n]);
	KUNIT_EXPECT_EQ(test, KUNIT_CHUNKS, nr_free(fix->sdev));
}

static void block_keeps_its_chunk(struct kunit *test)
{
	struct kunit_svm *fix = test->priv;
	struct hmm_svm_block *block = kunit_svm_block(test, 0);
	struct hmm_svm_chunk *chunk = kunit_svm_pin(test, block);
	struct page *page = kunit_svm_take_page(test, chunk, 7);

	KUNIT_EXPECT_PTR_EQ(test, chunk, hmm_svm_chunk_of(page));
	KUNIT_EXPECT_EQ(test, ((chunk - fix->sdev->chunks) << HMM_SVM_BLOCK_SHIFT) + 7 * PAGE_SIZE,
			hmm_svm_page_offset(fix->sdev, page));
	hmm_svm_chunk_unpin(chunk);
	KUNIT_EXPECT_PTR_EQ(test, chunk, kunit_svm_pin(test, block));
	hmm_svm_chunk_unpin(chunk);
	KUNIT_EXPECT_EQ(test, KUNIT_CHUNKS - 1, nr_free(fix->sdev));

	/* It goes with its last page. */
	kunit_svm_put_page(page);
	KUNIT_EXPECT_NULL(test, block->chunk);
	KUNIT_EXPECT_EQ(test, KUNIT_CHUNKS, nr_free(fix->sdev));
}

static void unused_chunk_goes_with_the_pin(struct kunit *test)
{
	struct kunit_svm *fix = test->priv;
	struct hmm_svm_block *block = kunit_svm_block(test, 0);
	struct hmm_svm_chunk *chunk = kunit_svm_pin(test, block);
	struct page *page = kunit_svm_take_page(test, chunk, 0);

	/* A page that comes and goes during a fault does not take it away. */
	kunit_svm_put_page(page);
	KUNIT_EXPECT_PTR_EQ(test, chunk, block->chunk);
	hmm_svm_chunk_unpin(chunk);
	KUNIT_EXPECT_NULL(test, block->chunk);
	KUNIT_EXPECT_EQ(test, KUNIT_CHUNKS, nr_free(fix->sdev));
}

/* A forked child may still have the page that the parent's place asks for. */
static void pages_in_use_are_not_given_again(struct kunit *test)
{
	DECLARE_BITMAP(pages, HMM_SVM_BLOCK_PAGES) = {};
	struct hmm_svm_block *block = kunit_svm_block(test, 0);
	struct hmm_svm_chunk *chunk = kunit_svm_pin(test, block);
	struct page *page = kunit_svm_take_page(test, chunk, 3);
	unsigned int i;

	bitmap_set(pages, 2, 3);
	hmm_svm_chunk_reserve(chunk, pages);
	KUNIT_EXPECT_FALSE(test, test_bit(3, pages));
	KUNIT_EXPECT_EQ(test, 2, bitmap_weight(pages, HMM_SVM_BLOCK_PAGES));
	KUNIT_EXPECT_EQ(test, 3, chunk->nr_used);
	KUNIT_EXPECT_EQ(test, 3, bitmap_weight(chunk->used, HMM_SVM_BLOCK_PAGES));

	for_each_set_bit(i, pages, HMM_SVM_BLOCK_PAGES) {
		struct page *other = pfn_to_page(hmm_svm_chunk_pfn(chunk) + i);

		hmm_svm_page_init(other, &chunk->sdev->pgmap);
		kunit_svm_put_page(other);
	}
	KUNIT_EXPECT_EQ(test, 1, chunk->nr_used);
	kunit_svm_put_page(page);
	hmm_svm_chunk_unpin(chunk);
}

/**
 * struct used_chunk - a block with one page in device memory
 * @block: block
 * @chunk: its chunk, not pinned
 * @page: the page
 */
struct used_chunk {
	struct hmm_svm_block *block;
	struct hmm_svm_chunk *chunk;
	struct page *page;
};

static void use_chunks(struct kunit *test, struct used_chunk *used, unsigned int n)
{
	unsigned int i;

	for (i = 0; i < n; i++) {
		used[i].block = kunit_svm_block(test, i);
		used[i].chunk = kunit_svm_pin(test, used[i].block);
		used[i].page = kunit_svm_take_page(test, used[i].chunk, i);
		hmm_svm_chunk_unpin(used[i].chunk);
	}
}

static void put_pages(struct used_chunk *used, unsigned int n)
{
	while (n)
		kunit_svm_put_page(used[--n].page);
}

static void least_recently_used_chunk_goes_first(struct kunit *test)
{
	struct kunit_svm *fix = test->priv;
	struct used_chunk used[3];

	use_chunks(test, used, 3);
	hmm_svm_chunk_touch(used[0].block);
	KUNIT_EXPECT_PTR_EQ(test, used[1].chunk, take_victim(fix->sdev));
	/* It could not be emptied: then it is the last to be tried again. */
	KUNIT_EXPECT_FALSE(test, hmm_svm_chunk_end_eviction(used[1].chunk));
	KUNIT_EXPECT_PTR_EQ(test, used[2].chunk, take_victim(fix->sdev));
	KUNIT_EXPECT_PTR_EQ(test, used[0].chunk, take_victim(fix->sdev));
	KUNIT_EXPECT_PTR_EQ(test, used[1].chunk, take_victim(fix->sdev));
	KUNIT_EXPECT_NULL(test, take_victim(fix->sdev));

	put_pages(used, 3);
	for (unsigned int i = 0; i < 3; i++) {
		KUNIT_EXPECT_TRUE(test, hmm_svm_chunk_end_eviction(used[i].chunk));
		KUNIT_EXPECT_NULL(test, used[i].block->chunk);
		hmm_svm_chunk_put_free(used[i].chunk);
	}
	KUNIT_EXPECT_EQ(test, KUNIT_CHUNKS, nr_free(fix->sdev));
}

static void chunk_that_is_being_filled_is_no_victim(struct kunit *test)
{
	struct kunit_svm *fix = test->priv;
	struct used_chunk used[2];

	use_chunks(test, used, 2);
	kunit_svm_pin(test, used[0].block);
	kunit_svm_pin(test, used[1].block);
	KUNIT_EXPECT_NULL(test, take_victim(fix->sdev));
	hmm_svm_chunk_unpin(used[1].chunk);
	KUNIT_EXPECT_PTR_EQ(test, used[1].chunk, take_victim(fix->sdev));
	KUNIT_EXPECT_FALSE(test, hmm_svm_chunk_end_eviction(used[1].chunk));
	hmm_svm_chunk_unpin(used[0].chunk);
	put_pages(used, 2);
}

/**
 * struct eviction - one that ends by itself
 * @work: the end
 * @chunk: chunk
 */
struct eviction {
	struct delayed_work work;
	struct hmm_svm_chunk *chunk;
};

static void end_eviction(struct work_struct *work)
{
	hmm_svm_chunk_end_eviction(container_of(work, struct eviction, work.work)->chunk);
}

/* The block's chunk is on its way out: no second one, its pages have places. */
static void block_waits_for_the_eviction_of_its_chunk(struct kunit *test)
{
	struct kunit_svm *fix = test->priv;
	struct eviction eviction;
	struct used_chunk used;

	use_chunks(test, &used, 1);
	eviction.chunk = take_victim(fix->sdev);
	KUNIT_ASSERT_PTR_EQ(test, used.chunk, eviction.chunk);
	INIT_DELAYED_WORK_ONSTACK(&eviction.work, end_eviction);
	schedule_delayed_work(&eviction.work, HZ / 20);
	KUNIT_EXPECT_PTR_EQ(test, used.chunk, kunit_svm_pin(test, used.block));
	KUNIT_EXPECT_FALSE(test, delayed_work_pending(&eviction.work));
	flush_delayed_work(&eviction.work);
	destroy_delayed_work_on_stack(&eviction.work);
	hmm_svm_chunk_unpin(used.chunk);
	put_pages(&used, 1);
}

/* What the program prefers on the device is evicted when nothing else is left. */
static void preferred_chunk_goes_last(struct kunit *test)
{
	struct kunit_svm *fix = test->priv;
	struct hmm_svm_block *keep = kunit_svm_block(test, 0);
	struct used_chunk used[3];

	keep->keep = true;
	use_chunks(test, used, 3);
	KUNIT_EXPECT_PTR_EQ(test, used[1].chunk, take_victim(fix->sdev));
	KUNIT_EXPECT_PTR_EQ(test, used[2].chunk, take_victim(fix->sdev));
	KUNIT_EXPECT_PTR_EQ(test, used[0].chunk, take_victim(fix->sdev));
	for (unsigned int i = 0; i < 3; i++)
		KUNIT_EXPECT_FALSE(test, hmm_svm_chunk_end_eviction(used[i].chunk));
	put_pages(used, 3);
}

/* Reserved for a migration that did not take place, or for a read-only copy. */
static void reserved_pages_are_released(struct kunit *test)
{
	struct kunit_svm *fix = test->priv;
	DECLARE_BITMAP(pages, HMM_SVM_BLOCK_PAGES) = {};
	struct hmm_svm_block *block = kunit_svm_block(test, 0);
	struct hmm_svm_chunk *chunk = kunit_svm_pin(test, block);

	KUNIT_EXPECT_TRUE(test, hmm_svm_chunk_is_empty(chunk));
	bitmap_set(pages, 10, 20);
	hmm_svm_chunk_reserve(chunk, pages);
	KUNIT_EXPECT_FALSE(test, hmm_svm_chunk_is_empty(chunk));
	hmm_svm_chunk_unpin(chunk);
	KUNIT_EXPECT_PTR_EQ(test, chunk, block->chunk);

	bitmap_clear(pages, 10, 5);
	hmm_svm_chunk_release(chunk, pages);
	KUNIT_EXPECT_EQ(test, 5, chunk->nr_used);
	bitmap_set(pages, 0, HMM_SVM_BLOCK_PAGES);
	hmm_svm_chunk_release(chunk, pages);
	KUNIT_EXPECT_NULL(test, block->chunk);
	KUNIT_EXPECT_EQ(test, KUNIT_CHUNKS, nr_free(fix->sdev));
}

/* After munmap() of the block: say, a forked child has the page. */
static void pages_outlive_their_block(struct kunit *test)
{
	struct kunit_svm *fix = test->priv;
	struct hmm_svm_block *block;
	struct hmm_svm_chunk *chunk;
	struct page *page;

	block = hmm_svm_block_get(fix->notifier, KUNIT_ADDR);
	KUNIT_ASSERT_NOT_NULL(test, block);
	chunk = kunit_svm_pin(test, block);
	page = kunit_svm_take_page(test, chunk, 0);
	hmm_svm_chunk_unpin(chunk);
	hmm_svm_block_remove(block);
	hmm_svm_block_put(block);

	KUNIT_EXPECT_NULL(test, chunk->block);
	KUNIT_EXPECT_PTR_NE(test, chunk, kunit_svm_pin(test, kunit_svm_block(test, 0)));
	hmm_svm_chunk_unpin(kunit_svm_block(test, 0)->chunk);
	KUNIT_EXPECT_PTR_EQ(test, chunk, take_victim(fix->sdev));
	KUNIT_EXPECT_FALSE(test, hmm_svm_chunk_end_eviction(chunk));
	kunit_svm_put_page(page);
	KUNIT_EXPECT_EQ(test, KUNIT_CHUNKS, nr_free(fix->sdev));
}

/* Somebody holds a reference to each page: none moves, and it ends nevertheless. */
static void eviction_gives_up_on_pages_that_stay(struct kunit *test)
{
	struct kunit_svm *fix = test->priv;
	struct used_chunk used[KUNIT_CHUNKS];
	unsigned int i;

	use_chunks(test, used, KUNIT_CHUNKS);
	KUNIT_EXPECT_EQ(test, 0, nr_free(fix->sdev));
	KUNIT_EXPECT_NULL(test, hmm_svm_evict(fix->sdev, false, NULL));
	for (i = 0; i < KUNIT_CHUNKS; i++)
		KUNIT_EXPECT_EQ(test, 1, used[i].chunk->nr_used);
	put_pages(used, KUNIT_CHUNKS);
	KUNIT_EXPECT_EQ(test, KUNIT_CHUNKS, nr_free(fix->sdev));
}

static struct kunit_case chunk_cases[] = {
	KUNIT_CASE(chunks_are_taken_and_put),
	KUNIT_CASE(driver_gets_half_of_the_chunks),
	KUNIT_CASE(block_keeps_its_chunk),
	KUNIT_CASE(unused_chunk_goes_with_the_pin),
	KUNIT_CASE(pages_in_use_are_not_given_again),
	KUNIT_CASE(least_recently_used_chunk_goes_first),
	KUNIT_CASE(chunk_that_is_being_filled_is_no_victim),
	KUNIT_CASE(block_waits_for_the_eviction_of_its_chunk),
	KUNIT_CASE(preferred_chunk_goes_last),
	KUNIT_CASE(reserved_pages_are_released),
	KUNIT_CASE(pages_outlive_their_block),
	KUNIT_CASE(eviction_gives_up_on_pages_that_stay),
	{}
};

struct kunit_suite hmm_svm_chunk_suite = {
	.name = "hmm_svm_chunk",
	.init = kunit_svm_init,
	.exit = kunit_svm_exit,
	.test_cases = chunk_cases,
};
