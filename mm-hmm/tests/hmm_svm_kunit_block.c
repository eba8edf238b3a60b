// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests of blocks: what map, zap, reap and clean do to their bits, what
 * they ask the driver for, and when.
 */
#include <linux/mm.h>
#include <linux/sched/task.h>

#include "hmm_svm_kunit.h"

/* As a commit of device pages does. */
static void map_dev(struct hmm_svm_block *block, unsigned int first, unsigned int n)
{
	spin_lock(&block->state);
	bitmap_set(block->mapped, first, n);
	bitmap_set(block->writable, first, n);
	bitmap_set(block->devmem, first, n);
	spin_unlock(&block->state);
}

/* As a commit of a page of system memory does. */
static struct page *map_sys(struct kunit *test, struct hmm_svm_block *block, unsigned int i,
			    bool writable)
{
	struct page *page = alloc_page(GFP_KERNEL);
	dma_addr_t dma;
	int ret;

	KUNIT_ASSERT_NOT_NULL(test, page);
	mutex_lock(&block->migrate);
	ret = hmm_svm_dma_map(block, i, page_to_pfn(page), &dma);
	mutex_unlock(&block->migrate);
	KUNIT_ASSERT_EQ(test, 0, ret);

	spin_lock(&block->state);
	__set_bit(i, block->mapped);
	__assign_bit(i, block->writable, writable);
	spin_unlock(&block->state);
	return page;
}

static void expect_bits(struct kunit *test, const unsigned long *bits, unsigned int first,
			unsigned int n)
{
	KUNIT_EXPECT_EQ(test, n, bitmap_weight(bits, HMM_SVM_BLOCK_PAGES));
	KUNIT_EXPECT_EQ(test, first, find_first_bit(bits, HMM_SVM_BLOCK_PAGES));
	KUNIT_EXPECT_EQ(test, first + n, find_next_zero_bit(bits, HMM_SVM_BLOCK_PAGES, first));
}

static void expect_span(struct kunit *test, const struct hmm_svm_span *span,
			const struct hmm_svm_block *block, unsigned int first, unsigned int last)
{
	KUNIT_EXPECT_EQ(test, kunit_svm_addr(block, first), span->start);
	KUNIT_EXPECT_EQ(test, kunit_svm_addr(block, last), span->end);
}

static struct hmm_svm_span zap(struct hmm_svm_block *block, unsigned int first, unsigned int last)
{
	struct hmm_svm_span zapped = HMM_SVM_EMPTY_SPAN;

	hmm_svm_block_zap(block, kunit_svm_addr(block, first), kunit_svm_addr(block, last),
			  &zapped, NULL);
	return zapped;
}

static void block_is_found_again(struct kunit *test)
{
	struct kunit_svm *fix = test->priv;
	struct hmm_svm_block *block = kunit_svm_block(test, 0), *again, *next;

	again = hmm_svm_block_get(fix->notifier, block->start + HMM_SVM_BLOCK_SIZE - 1);
	KUNIT_EXPECT_PTR_EQ(test, block, again);
	hmm_svm_block_put(again);
	next = hmm_svm_block_get(fix->notifier, block->start + HMM_SVM_BLOCK_SIZE);
	KUNIT_EXPECT_PTR_NE(test, block, next);
	KUNIT_EXPECT_EQ(test, hmm_svm_block_end(block), next->start);
	hmm_svm_block_put(next);
}

static void removed_block_is_gone(struct kunit *test)
{
	struct kunit_svm *fix = test->priv;
	struct hmm_svm_block *block = kunit_svm_block(test, 0), *fresh;

	KUNIT_EXPECT_FALSE(test, block->gone);
	hmm_svm_block_remove(block);
	KUNIT_EXPECT_TRUE(test, block->gone);
	/* Once more, as when an invalidation and the mirror's end meet. */
	hmm_svm_block_remove(block);

	fresh = hmm_svm_block_get(fix->notifier, block->start);
	KUNIT_EXPECT_PTR_NE(test, block, fresh);
	KUNIT_EXPECT_FALSE(test, fresh->gone);
	hmm_svm_block_put(fresh);
}

/* What is found at the address of @block. */
static struct hmm_svm_block *found(const struct kunit_svm *fix, const struct hmm_svm_block *block)
{
	return xa_load(&fix->notifier->blocks, hmm_svm_block_index(fix->notifier, block->start));
}

/* When all of its memory is unmapped, once; a new block does not wait for the worker. */
static void unmapped_block_is_gone(struct kunit *test)
{
	struct kunit_svm *fix = test->priv;
	struct hmm_svm_block *block = kunit_svm_block(test, 0), *fresh;

	KUNIT_EXPECT_FALSE(test, hmm_svm_block_reap(block, 0, 0, false));
	KUNIT_EXPECT_FALSE(test, block->gone);
	KUNIT_EXPECT_TRUE(test, hmm_svm_block_reap(block, 0, 0, true));
	KUNIT_EXPECT_TRUE(test, block->gone);
	KUNIT_EXPECT_FALSE(test, hmm_svm_block_reap(block, 0, 0, true));
	KUNIT_EXPECT_PTR_EQ(test, block, found(fix, block));

	fresh = hmm_svm_block_get(fix->notifier, block->start);
	KUNIT_EXPECT_PTR_NE(test, block, fresh);
	KUNIT_EXPECT_FALSE(test, fresh->gone);

	/* What the worker does finds the new one there. */
	llist_del_all(&fix->svm->idle);
	hmm_svm_block_forget(block);
	KUNIT_EXPECT_PTR_EQ(test, fresh, found(fix, block));
	hmm_svm_block_put(fresh);
}

static void forgotten_block_is_not_found(struct kunit *test)
{
	struct kunit_svm *fix = test->priv;
	struct hmm_svm_block *block = kunit_svm_block(test, 0);

	KUNIT_EXPECT_TRUE(test, hmm_svm_block_reap(block, 0, 0, true));
	llist_del_all(&fix->svm->idle);
	hmm_svm_block_forget(block);
	KUNIT_EXPECT_NULL(test, found(fix, block));
}

static void zap_of_nothing_only_counts(struct kunit *test)
{
	struct kunit_svm *fix = test->priv;
	struct hmm_svm_block *block = kunit_svm_block(test, 0);
	unsigned long seq = hmm_svm_block_seq(block);
	struct hmm_svm_span zapped = zap(block, 0, HMM_SVM_BLOCK_PAGES);

	KUNIT_EXPECT_TRUE(test, zapped.start >= zapped.end);
	KUNIT_EXPECT_EQ(test, 0, fix->unmaps);
	KUNIT_EXPECT_EQ(test, seq + 1, hmm_svm_block_seq(block));
}

static void zap_takes_its_range_alone(struct kunit *test)
{
	struct kunit_svm *fix = test->priv;
	struct hmm_svm_block *block = kunit_svm_block(test, 0);
	struct hmm_svm_span zapped;

	map_dev(block, 8, 16);
	zapped = zap(block, 0, 12);
	KUNIT_EXPECT_EQ(test, 1, fix->unmaps);
	KUNIT_EXPECT_TRUE(test, fix->unmapped.start <= kunit_svm_addr(block, 8));
	KUNIT_EXPECT_EQ(test, kunit_svm_addr(block, 12), fix->unmapped.end);
	expect_span(test, &zapped, block, 8, 12);
	expect_bits(test, block->stale, 8, 4);
	expect_bits(test, block->mapped, 12, 12);
	expect_bits(test, block->writable, 12, 12);
	expect_bits(test, block->devmem, 12, 12);
}

static void zap_is_clipped_to_the_block(struct kunit *test)
{
	struct kunit_svm *fix = test->priv;
	struct hmm_svm_block *block = kunit_svm_block(test, 1);
	struct hmm_svm_span zapped = HMM_SVM_EMPTY_SPAN;

	map_dev(block, 0, 1);
	map_dev(block, HMM_SVM_BLOCK_PAGES - 1, 1);
	hmm_svm_block_zap(block, 0, U64_MAX, &zapped, NULL);
	expect_span(test, &zapped, block, 0, HMM_SVM_BLOCK_PAGES);
	KUNIT_EXPECT_TRUE(test, fix->unmapped.start >= block->start);
	KUNIT_EXPECT_TRUE(test, fix->unmapped.end <= hmm_svm_block_end(block));
	KUNIT_EXPECT_EQ(test, 2, bitmap_weight(block->stale, HMM_SVM_BLOCK_PAGES));
	KUNIT_EXPECT_TRUE(test, bitmap_empty(block->mapped, HMM_SVM_BLOCK_PAGES));
}

/* Whoever zaps must flush what somebody else has zapped and not flushed yet. */
static void zap_adds_what_is_stale(struct kunit *test)
{
	struct kunit_svm *fix = test->priv;
	struct hmm_svm_block *block = kunit_svm_block(test, 0);
	struct hmm_svm_span zapped;

	map_dev(block, 0, 32);
	zap(block, 4, 8);
	zapped = zap(block, 16, 20);
	expect_span(test, &zapped, block, 16, 20);
	zapped = zap(block, 4, 6);
	expect_span(test, &zapped, block, 4, 6);
	KUNIT_EXPECT_EQ(test, 2, fix->unmaps);
	zapped = zap(block, 0, 24);
	expect_span(test, &zapped, block, 0, 24);
}

static void zap_gathers_over_blocks(struct kunit *test)
{
	struct hmm_svm_block *first = kunit_svm_block(test, 0), *second = kunit_svm_block(test, 1);
	struct hmm_svm_span zapped = HMM_SVM_EMPTY_SPAN;

	map_dev(first, 500, 2);
	map_dev(second, 3, 4);
	hmm_svm_block_zap(first, 0, U64_MAX, &zapped, NULL);
	hmm_svm_block_zap(second, 0, U64_MAX, &zapped, NULL);
	KUNIT_EXPECT_EQ(test, kunit_svm_addr(first, 500), zapped.start);
	KUNIT_EXPECT_EQ(test, kunit_svm_addr(second, 7), zapped.end);
}

/* Only the device's entry knew that the page may have been written. */
static void zap_dirties_what_was_writable(struct kunit *test)
{
	struct hmm_svm_block *block = kunit_svm_block(test, 0);
	struct page *written = map_sys(test, block, 5, true);
	struct page *read = map_sys(test, block, 6, false);

	zap(block, 0, HMM_SVM_BLOCK_PAGES);
	KUNIT_EXPECT_TRUE(test, PageDirty(written));
	KUNIT_EXPECT_FALSE(test, PageDirty(read));
	hmm_svm_block_reap(block, block->start, hmm_svm_block_end(block), false);
	ClearPageDirty(written);
	put_page(written);
	put_page(read);
}

/* A large entry goes as one; its other pages are to come back with the next fault. */
static void zap_takes_large_entries_whole(struct kunit *test)
{
	struct kunit_svm *fix = test->priv;
	struct hmm_svm_block *block = kunit_svm_block(test, 0);
	const unsigned int n = HMM_SVM_GROUP_PAGES;
	DECLARE_BITMAP(wanted, HMM_SVM_BLOCK_PAGES);
	struct hmm_svm_span all = { block->start, hmm_svm_block_end(block) };
	struct hmm_svm_span span;

	map_dev(block, 0, 4 * n);
	__set_bit(1, block->groups);
	__set_bit(2, block->groups);
	span = zap(block, n + 3, n + 5);
	expect_span(test, &span, block, n, 2 * n);
	KUNIT_EXPECT_EQ(test, kunit_svm_addr(block, n), fix->unmapped.start);
	KUNIT_EXPECT_EQ(test, kunit_svm_addr(block, 2 * n), fix->unmapped.end);
	KUNIT_EXPECT_FALSE(test, test_bit(1, block->groups));
	KUNIT_EXPECT_TRUE(test, test_bit(2, block->groups));
	expect_bits(test, block->stale, n, n);
	KUNIT_EXPECT_EQ(test, n - 2, bitmap_weight(block->lost, HMM_SVM_BLOCK_PAGES));
	KUNIT_EXPECT_FALSE(test, test_bit(n + 3, block->lost));

	span = (struct hmm_svm_span) { kunit_svm_addr(block, n + 3), kunit_svm_addr(block, n + 4) };
	hmm_svm_block_widen(block, &all, &span, wanted);
	expect_span(test, &span, block, n, 2 * n);
	KUNIT_EXPECT_EQ(test, n - 1, bitmap_weight(wanted, HMM_SVM_BLOCK_PAGES));
	KUNIT_EXPECT_FALSE(test, test_bit(n + 4, wanted));
}

static void zap_takes_a_whole_block(struct kunit *test)
{
	struct kunit_svm *fix = test->priv;
	struct hmm_svm_block *block = kunit_svm_block(test, 0);
	struct hmm_svm_span span;

	map_dev(block, 0, HMM_SVM_BLOCK_PAGES);
	block->whole = true;
	span = zap(block, 100, 101);
	expect_span(test, &span, block, 0, HMM_SVM_BLOCK_PAGES);
	KUNIT_EXPECT_EQ(test, 1, fix->unmaps);
	KUNIT_EXPECT_TRUE(test, bitmap_empty(block->mapped, HMM_SVM_BLOCK_PAGES));
	KUNIT_EXPECT_EQ(test, HMM_SVM_BLOCK_PAGES - 1,
			bitmap_weight(block->lost, HMM_SVM_BLOCK_PAGES));
	/* One large entry until it is flushed. */
	KUNIT_EXPECT_TRUE(test, block->whole);
	hmm_svm_block_reap(block, block->start, hmm_svm_block_end(block), false);
	KUNIT_EXPECT_FALSE(test, block->whole);
}

static void entries_allow_what_they_allow(struct kunit *test)
{
	struct hmm_svm_block *block = kunit_svm_block(test, 0);

	map_dev(block, 1, 2);
	__clear_bit(2, block->writable);
	__set_bit(1, block->atomic);
	KUNIT_EXPECT_FALSE(test, hmm_svm_block_allows(block, kunit_svm_addr(block, 0),
						      HMM_SVM_READ));
	KUNIT_EXPECT_TRUE(test, hmm_svm_block_allows(block, kunit_svm_addr(block, 1),
						     HMM_SVM_ATOMIC));
	KUNIT_EXPECT_TRUE(test, hmm_svm_block_allows(block, kunit_svm_addr(block, 2),
						     HMM_SVM_READ));
	KUNIT_EXPECT_FALSE(test, hmm_svm_block_allows(block, kunit_svm_addr(block, 2),
						      HMM_SVM_WRITE));
	KUNIT_EXPECT_FALSE(test, hmm_svm_block_allows(block, kunit_svm_addr(block, 2),
						      HMM_SVM_ATOMIC));
	zap(block, 1, 2);
	KUNIT_EXPECT_FALSE(test, hmm_svm_block_allows(block, kunit_svm_addr(block, 1),
						      HMM_SVM_ATOMIC));
}

static void reap_ends_what_is_stale(struct kunit *test)
{
	struct hmm_svm_block *block = kunit_svm_block(test, 0);
	struct page *pages[3];
	unsigned int i;

	for (i = 0; i < 3; i++)
		pages[i] = map_sys(test, block, i, false);
	zap(block, 0, 2);

	hmm_svm_block_reap(block, block->start, kunit_svm_addr(block, 1), false);
	expect_bits(test, block->stale, 1, 1);
	KUNIT_EXPECT_PTR_EQ(test, pages[1], hmm_svm_dma_page(block, 1));
	/* What is mapped is nobody's to reap. */
	hmm_svm_block_reap(block, block->start, hmm_svm_block_end(block), false);
	KUNIT_EXPECT_TRUE(test, bitmap_empty(block->stale, HMM_SVM_BLOCK_PAGES));
	KUNIT_EXPECT_PTR_EQ(test, pages[2], hmm_svm_dma_page(block, 2));
	expect_bits(test, block->mapped, 2, 1);

	hmm_svm_block_clean(block, block->start, hmm_svm_block_end(block));
	for (i = 0; i < 3; i++)
		put_page(pages[i]);
}

static void clean_flushes_and_reaps(struct kunit *test)
{
	struct kunit_svm *fix = test->priv;
	struct hmm_svm_block *block = kunit_svm_block(test, 0);

	hmm_svm_block_clean(block, block->start, hmm_svm_block_end(block));
	KUNIT_EXPECT_EQ(test, 0, fix->flushes);

	map_dev(block, 10, 10);
	hmm_svm_block_clean(block, block->start, kunit_svm_addr(block, 15));
	KUNIT_EXPECT_EQ(test, 1, fix->flushes);
	KUNIT_EXPECT_EQ(test, 1, fix->waits);
	expect_span(test, &fix->flushed, block, 10, 15);
	KUNIT_EXPECT_TRUE(test, bitmap_empty(block->stale, HMM_SVM_BLOCK_PAGES));
	expect_bits(test, block->mapped, 15, 5);
}

static void map_and_zap_again(struct kunit_svm *fix)
{
	struct hmm_svm_block *block = fix->wait_arg;

	fix->during_wait = NULL;
	map_dev(block, 3, 1);
	zap(block, 3, 4);
}

/* What went again during our wait is not covered by our flush. */
static void clean_leaves_newer_zaps(struct kunit *test)
{
	struct kunit_svm *fix = test->priv;
	struct hmm_svm_block *block = kunit_svm_block(test, 0);

	map_dev(block, 3, 1);
	fix->during_wait = map_and_zap_again;
	fix->wait_arg = block;
	hmm_svm_block_clean(block, block->start, hmm_svm_block_end(block));
	expect_bits(test, block->stale, 3, 1);

	hmm_svm_block_clean(block, block->start, hmm_svm_block_end(block));
	KUNIT_EXPECT_EQ(test, 2, fix->flushes);
	KUNIT_EXPECT_TRUE(test, bitmap_empty(block->stale, HMM_SVM_BLOCK_PAGES));
}

/* As a commit of a large entry does. */
static void map_group(struct hmm_svm_block *block, unsigned int group)
{
	map_dev(block, group * HMM_SVM_GROUP_PAGES, HMM_SVM_GROUP_PAGES);
	spin_lock(&block->state);
	__set_bit(group, block->groups);
	spin_unlock(&block->state);
}

static void lost_pages_are_wanted(struct kunit *test)
{
	struct hmm_svm_block *block = kunit_svm_block(test, 0);
	DECLARE_BITMAP(wanted, HMM_SVM_BLOCK_PAGES);
	struct hmm_svm_span same = { .start = block->start, .end = hmm_svm_block_end(block) };
	struct hmm_svm_span span = {
		.start = kunit_svm_addr(block, 200),
		.end = kunit_svm_addr(block, 201),
	};
	struct hmm_svm_span wide = span;

	map_group(block, 1);
	zap(block, HMM_SVM_GROUP_PAGES, HMM_SVM_GROUP_PAGES + 1);
	hmm_svm_block_widen(block, &same, &wide, wanted);
	expect_span(test, &wide, block, HMM_SVM_GROUP_PAGES + 1, 201);
	KUNIT_EXPECT_EQ(test, HMM_SVM_GROUP_PAGES, bitmap_weight(wanted, HMM_SVM_BLOCK_PAGES));

	/* Not where something else was advised. */
	wide = span;
	same.start = kunit_svm_addr(block, 100);
	hmm_svm_block_widen(block, &same, &wide, wanted);
	expect_span(test, &wide, block, 200, 201);
	/* What is zapped itself is not lost. */
	zap(block, 0, HMM_SVM_BLOCK_PAGES);
	KUNIT_EXPECT_TRUE(test, bitmap_empty(block->lost, HMM_SVM_BLOCK_PAGES));
}

/* All of a block as one: one DMA mapping, which goes when the flush is complete. */
static void whole_block_is_one(struct kunit *test)
{
	struct hmm_svm_block *block = kunit_svm_block(test, 0);
	struct page *pages = alloc_pages(GFP_KERNEL | __GFP_COMP, HMM_SVM_BLOCK_ORDER);
	struct hmm_svm_span zapped;
	dma_addr_t dma;

	KUNIT_ASSERT_NOT_NULL(test, pages);
	mutex_lock(&block->migrate);
	KUNIT_EXPECT_EQ(test, 0, hmm_svm_dma_map_whole(block, page_to_pfn(pages), &dma));
	mutex_unlock(&block->migrate);
	spin_lock(&block->state);
	bitmap_fill(block->mapped, HMM_SVM_BLOCK_PAGES);
	bitmap_fill(block->writable, HMM_SVM_BLOCK_PAGES);
	block->whole = true;
	spin_unlock(&block->state);

	zapped = zap(block, 300, 301);
	expect_span(test, &zapped, block, 0, HMM_SVM_BLOCK_PAGES);
	KUNIT_EXPECT_TRUE(test, bitmap_empty(block->mapped, HMM_SVM_BLOCK_PAGES));
	KUNIT_EXPECT_TRUE(test, bitmap_full(block->stale, HMM_SVM_BLOCK_PAGES));
	KUNIT_EXPECT_TRUE(test, PageDirty(pages));
	KUNIT_EXPECT_EQ(test, HMM_SVM_BLOCK_SIZE, block->dma.dma_entry_size);
	/* Another zap, anywhere in it, flushes all of it. */
	zapped = zap(block, 5, 6);
	expect_span(test, &zapped, block, 0, HMM_SVM_BLOCK_PAGES);
	hmm_svm_block_reap(block, zapped.start, zapped.end, false);
	KUNIT_EXPECT_FALSE(test, block->whole);
	KUNIT_EXPECT_TRUE(test, bitmap_empty(block->stale, HMM_SVM_BLOCK_PAGES));
	KUNIT_EXPECT_EQ(test, PAGE_SIZE, block->dma.dma_entry_size);
	ClearPageDirty(pages);
	__free_pages(pages, HMM_SVM_BLOCK_ORDER);
}

/* As core mm, in an invalidation. Returns whether it has to wait. */
static bool core_zaps(struct hmm_svm_block *block)
{
	struct hmm_svm_span zapped = HMM_SVM_EMPTY_SPAN;
	bool waits = false;

	hmm_svm_block_zap(block, 0, U64_MAX, &zapped, &waits);
	return waits;
}

/* What may zap before a large folio moves ends first, and later has to wait. */
static void move_waits_for_zaps(struct kunit *test)
{
	struct hmm_svm_block *block = kunit_svm_block(test, 0);
	unsigned long before;

	KUNIT_EXPECT_FALSE(test, hmm_svm_whole_begin(block));
	before = hmm_svm_whole_zaps(block);
	KUNIT_EXPECT_FALSE(test, core_zaps(block));
	hmm_svm_whole_settled(block, before);
	KUNIT_EXPECT_FALSE(test, hmm_svm_whole_begin(block));
	hmm_svm_whole_settled(block, hmm_svm_whole_zaps(block));
	KUNIT_EXPECT_TRUE(test, hmm_svm_whole_is_settled(block));
	/* Of two that settle, the slower one knows less. */
	hmm_svm_whole_settled(block, before);
	KUNIT_EXPECT_TRUE(test, hmm_svm_whole_begin(block));

	/* A second move; the mover's own zap; then that of another. */
	KUNIT_EXPECT_FALSE(test, hmm_svm_whole_begin(block));
	KUNIT_EXPECT_FALSE(test, core_zaps(block));
	block->mover = &init_task;
	KUNIT_EXPECT_TRUE(test, core_zaps(block));
	hmm_svm_whole_end(block);
	KUNIT_EXPECT_FALSE(test, hmm_svm_whole_begin(block));
	hmm_svm_whole_settled(block, hmm_svm_whole_zaps(block));
	KUNIT_EXPECT_TRUE(test, hmm_svm_whole_begin(block));
	hmm_svm_whole_end(block);
	hmm_svm_whole_stop(block);
	KUNIT_EXPECT_FALSE(test, hmm_svm_whole_begin(block));
}

static struct kunit_case block_cases[] = {
	KUNIT_CASE(block_is_found_again),
	KUNIT_CASE(removed_block_is_gone),
	KUNIT_CASE(unmapped_block_is_gone),
	KUNIT_CASE(forgotten_block_is_not_found),
	KUNIT_CASE(zap_of_nothing_only_counts),
	KUNIT_CASE(zap_takes_its_range_alone),
	KUNIT_CASE(zap_is_clipped_to_the_block),
	KUNIT_CASE(zap_adds_what_is_stale),
	KUNIT_CASE(zap_gathers_over_blocks),
	KUNIT_CASE(zap_dirties_what_was_writable),
	KUNIT_CASE(zap_takes_large_entries_whole),
	KUNIT_CASE(zap_takes_a_whole_block),
	KUNIT_CASE(entries_allow_what_they_allow),
	KUNIT_CASE(reap_ends_what_is_stale),
	KUNIT_CASE(clean_flushes_and_reaps),
	KUNIT_CASE(clean_leaves_newer_zaps),
	KUNIT_CASE(lost_pages_are_wanted),
	KUNIT_CASE(whole_block_is_one),
	KUNIT_CASE(move_waits_for_zaps),
	{}
};

struct kunit_suite hmm_svm_block_suite = {
	.name = "hmm_svm_block",
	.init = kunit_svm_init,
	.exit = kunit_svm_exit,
	.test_cases = block_cases,
};
