// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests of the policies: how much a fault brings, what may migrate, when
 * a block thrashes.
 */
#include <linux/jiffies.h>
#include <linux/mm.h>

#include "hmm_svm_kunit.h"

#define WHOLE		((unsigned int)HMM_SVM_BLOCK_PAGES)
#define WHOLE_ORDER	(HMM_SVM_BLOCK_SHIFT - PAGE_SHIFT)

static struct hmm_svm_span density(struct hmm_svm_block *block, struct vm_area_struct *vma,
				   unsigned int page, unsigned int order)
{
	struct hmm_svm_span span;

	mutex_lock(&block->migrate);
	span = hmm_svm_policy_density(block, vma, kunit_svm_addr(block, page), order);
	mutex_unlock(&block->migrate);
	return span;
}

/* As a fault on @page, after which what it brought, at most 2^@order pages, is mapped. */
static unsigned int fault_up_to(struct hmm_svm_block *block, struct vm_area_struct *vma,
				unsigned int page, unsigned int order)
{
	struct hmm_svm_span span = density(block, vma, page, order);
	unsigned int first = hmm_svm_page_index(block, span.start);
	unsigned int n = (span.end - span.start) >> PAGE_SHIFT;

	bitmap_set(block->mapped, first, n);
	return n;
}

static unsigned int fault(struct hmm_svm_block *block, struct vm_area_struct *vma,
			  unsigned int page)
{
	return fault_up_to(block, vma, page, WHOLE_ORDER);
}

static struct vm_area_struct *whole_vma(struct kunit *test, struct hmm_svm_block *block)
{
	return kunit_svm_vma(test, block->start - HMM_SVM_BLOCK_SIZE,
			     hmm_svm_block_end(block) + HMM_SVM_BLOCK_SIZE,
			     VM_READ | VM_WRITE);
}

static void sequential_use_takes_three_faults(struct kunit *test)
{
	struct hmm_svm_block *block = kunit_svm_block(test, 0);
	struct vm_area_struct *vma = whole_vma(test, block);
	unsigned int faults = 0, page;

	for (page = 0; page < WHOLE; page = find_next_zero_bit(block->mapped, WHOLE, page)) {
		fault(block, vma, page);
		KUNIT_ASSERT_TRUE(test, test_bit(page, block->mapped));
		faults++;
	}
	KUNIT_EXPECT_EQ(test, 3, faults);
}

/* The same in the other direction, in a vma that has a part of the block. */
static void sequential_use_backwards(struct kunit *test)
{
	struct hmm_svm_block *block = kunit_svm_block(test, 0);
	struct vm_area_struct *vma;

	vma = kunit_svm_vma(test, kunit_svm_addr(block, 40), kunit_svm_addr(block, 400),
			    VM_READ | VM_WRITE);
	KUNIT_EXPECT_EQ(test, 16, fault(block, vma, 399));
	KUNIT_EXPECT_EQ(test, 16, fault(block, vma, 383));
	KUNIT_EXPECT_EQ(test, 360 - 32, fault(block, vma, 367));
}

/* Something of the block lies elsewhere: it is not used from end to end. */
static void gap_is_no_sequence(struct kunit *test)
{
	struct hmm_svm_block *block = kunit_svm_block(test, 0);
	struct vm_area_struct *vma = whole_vma(test, block);

	KUNIT_EXPECT_EQ(test, 16, fault(block, vma, 400));
	KUNIT_EXPECT_EQ(test, 16, fault(block, vma, 0));
	KUNIT_EXPECT_EQ(test, 16, fault(block, vma, 16));
	/* The density of 256 KiB alone. */
	KUNIT_EXPECT_EQ(test, 32, fault(block, vma, 32));
	/* From its beginning, but for a hole. */
	bitmap_zero(block->mapped, WHOLE);
	bitmap_set(block->mapped, 1, 63);
	KUNIT_EXPECT_EQ(test, 16, fault(block, vma, 300));
}

static void sparse_use_stays_sparse(struct kunit *test)
{
	struct hmm_svm_block *block = kunit_svm_block(test, 0);
	struct vm_area_struct *vma = whole_vma(test, block);
	unsigned int page;

	for (page = 5; page < WHOLE; page += 64)
		KUNIT_EXPECT_EQ(test, 16, fault(block, vma, page));
	KUNIT_EXPECT_EQ(test, WHOLE / 4, bitmap_weight(block->mapped, WHOLE));
}

/* Whatever is mapped: the page is in, the range is in the block, its ends are new. */
static void window_has_the_page_and_new_ends(struct kunit *test)
{
	struct hmm_svm_block *block = kunit_svm_block(test, 0);
	struct vm_area_struct *vma = whole_vma(test, block);
	unsigned int round, page, state = 1;
	struct hmm_svm_span span;

	for (round = 0; round < 2000; round++) {
		state = state * 1103515245 + 12345;
		page = (state >> 16) % WHOLE;
		if (test_bit(page, block->mapped)) {
			bitmap_clear(block->mapped, page / 2, (state >> 8) % 64 + 1);
			continue;
		}
		span = density(block, vma, page, WHOLE_ORDER);
		KUNIT_ASSERT_TRUE(test, span.start >= block->start);
		KUNIT_ASSERT_TRUE(test, span.end <= hmm_svm_block_end(block));
		KUNIT_ASSERT_TRUE(test, span.start <= kunit_svm_addr(block, page));
		KUNIT_ASSERT_TRUE(test, span.end > kunit_svm_addr(block, page));
		KUNIT_ASSERT_FALSE(test, test_bit(hmm_svm_page_index(block, span.start),
						  block->mapped));
		KUNIT_ASSERT_FALSE(test, test_bit(hmm_svm_page_index(block, span.end) - 1,
						  block->mapped));
		fault(block, vma, page);
	}
}

static void window_is_clipped_to_the_vma(struct kunit *test)
{
	struct hmm_svm_block *block = kunit_svm_block(test, 0);
	struct vm_area_struct *vma;
	struct hmm_svm_span span;

	vma = kunit_svm_vma(test, kunit_svm_addr(block, 35), kunit_svm_addr(block, 37),
			    VM_READ | VM_WRITE);
	span = density(block, vma, 36, WHOLE_ORDER);
	KUNIT_EXPECT_EQ(test, kunit_svm_addr(block, 35), span.start);
	KUNIT_EXPECT_EQ(test, kunit_svm_addr(block, 37), span.end);
}

/* %HMM_SVM_ADVISE_PREFETCH: no more than the program allows. */
static void window_is_limited_by_advice(struct kunit *test)
{
	struct hmm_svm_block *block = kunit_svm_block(test, 0);
	struct vm_area_struct *vma = whole_vma(test, block);
	struct hmm_svm_span span;
	unsigned int order;

	bitmap_fill(block->mapped, WHOLE);
	bitmap_clear(block->mapped, 256, 256);
	for (order = 0; order <= WHOLE_ORDER; order++) {
		span = density(block, vma, 300, order);
		KUNIT_EXPECT_LE(test, span.end - span.start, PAGE_SIZE << order);
		KUNIT_EXPECT_TRUE(test, span.start <= kunit_svm_addr(block, 300));
		KUNIT_EXPECT_TRUE(test, span.end > kunit_svm_addr(block, 300));
	}
	span = density(block, vma, 300, 0);
	KUNIT_EXPECT_EQ(test, PAGE_SIZE, span.end - span.start);
}

/* MADV_HUGEPAGE: all at once, unless advice is against it. */
static void huge_memory_comes_whole(struct kunit *test)
{
	struct hmm_svm_block *block = kunit_svm_block(test, 0);
	struct vm_area_struct *vma = whole_vma(test, block);
	struct hmm_svm_span span;

	vm_flags_init(vma, VM_READ | VM_WRITE | VM_HUGEPAGE);
	span = density(block, vma, 300, WHOLE_ORDER);
	KUNIT_EXPECT_EQ(test, block->start, span.start);
	KUNIT_EXPECT_EQ(test, hmm_svm_block_end(block), span.end);
	span = density(block, vma, 300, 2);
	KUNIT_EXPECT_EQ(test, 4 * PAGE_SIZE, span.end - span.start);
	__set_bit(0, block->mapped);
	span = density(block, vma, 300, WHOLE_ORDER);
	KUNIT_EXPECT_LT(test, span.end - span.start, (u64)HMM_SVM_BLOCK_SIZE);
}

/* What the device has from end to end goes on in the next block, on either side. */
static void stream_goes_on_in_the_neighbour(struct kunit *test)
{
	struct kunit_svm *fix = test->priv;
	struct hmm_svm_block *below = kunit_svm_block(test, 0);
	struct hmm_svm_block *block = kunit_svm_block(test, 1);
	struct hmm_svm_block *above = kunit_svm_block(test, 2);
	struct vm_area_struct *vma = whole_vma(test, block), *own;

	bitmap_fill(below->mapped, WHOLE);
	KUNIT_EXPECT_EQ(test, WHOLE, fault(block, vma, 300));
	bitmap_zero(block->mapped, WHOLE);
	__clear_bit(7, below->mapped);
	KUNIT_EXPECT_EQ(test, 16, fault(block, vma, 300));
	bitmap_fill(above->mapped, WHOLE);
	KUNIT_EXPECT_EQ(test, WHOLE, fault(block, vma, 500));

	/* Another object; advice; no room. */
	bitmap_zero(block->mapped, WHOLE);
	own = kunit_svm_vma(test, block->start, hmm_svm_block_end(block), VM_READ | VM_WRITE);
	KUNIT_EXPECT_EQ(test, 16, fault(block, own, 300));
	bitmap_zero(block->mapped, WHOLE);
	KUNIT_EXPECT_EQ(test, 16, fault_up_to(block, vma, 300, WHOLE_ORDER - 1));
	bitmap_zero(block->mapped, WHOLE);
	fix->sdev->short_until = jiffies + HZ;
	KUNIT_EXPECT_EQ(test, 16, fault(block, vma, 300));
}

/* As a fault on @page when there are only pages that @step divides. */
static unsigned int fault_in_sparse(struct hmm_svm_block *block, struct vm_area_struct *vma,
				    unsigned int page, unsigned int step)
{
	struct hmm_svm_span span = density(block, vma, page, WHOLE_ORDER);
	unsigned int first = hmm_svm_page_index(block, span.start);
	unsigned int n = (span.end - span.start) >> PAGE_SHIFT, i;

	for (i = first; i < first + n; i++)
		__set_bit(i, i % step ? block->empty : block->mapped);
	return n;
}

/* What nobody has touched is not in the way of a sequence. */
static void sequence_has_holes(struct kunit *test)
{
	struct hmm_svm_block *block = kunit_svm_block(test, 1);
	struct hmm_svm_block *above = kunit_svm_block(test, 2);
	struct vm_area_struct *vma = whole_vma(test, block);

	KUNIT_EXPECT_EQ(test, 16, fault_in_sparse(block, vma, 0, 16));
	KUNIT_EXPECT_EQ(test, 16, fault_in_sparse(block, vma, 16, 16));
	KUNIT_EXPECT_EQ(test, WHOLE - 32, fault_in_sparse(block, vma, 32, 16));
	KUNIT_EXPECT_EQ(test, WHOLE / 16, bitmap_weight(block->mapped, WHOLE));
	KUNIT_EXPECT_EQ(test, WHOLE, fault(above, vma, 0));

	/* But where one is wanted. */
	bitmap_zero(above->mapped, WHOLE);
	bitmap_fill(above->empty, WHOLE);
	KUNIT_EXPECT_EQ(test, 16, fault(above, vma, 0));
	bitmap_zero(above->empty, WHOLE);

	/* Holes are no use of the block. */
	bitmap_zero(above->mapped, WHOLE);
	bitmap_zero(block->mapped, WHOLE);
	bitmap_fill(block->empty, WHOLE);
	KUNIT_EXPECT_EQ(test, 16, fault(above, vma, 0));
}

/* What the device does with one says what it may do with others. */
static void wanted_hole_counts_as_such(struct kunit *test)
{
	struct hmm_svm_block *block = kunit_svm_block(test, 0);
	struct vm_area_struct *vma = whole_vma(test, block);
	unsigned int page;

	for (page = 0; page < WHOLE; page++)
		__set_bit(page, page % 4 ? block->empty : block->mapped);
	/* More than half of 128 KiB with it, less page 0. */
	KUNIT_EXPECT_EQ(test, 31, fault(block, vma, 1));
	/* The same of 512 KiB, less what is mapped of its first 33 pages. */
	KUNIT_EXPECT_EQ(test, 95, fault(block, vma, 33));
}

static void weight_counts_ranges(struct kunit *test)
{
	DECLARE_BITMAP(bits, HMM_SVM_BLOCK_PAGES) = {};
	unsigned int first, last, i, n;

	for (i = 0; i < WHOLE; i += i / 3 + 1)
		__set_bit(i, bits);
	for (first = 0; first < WHOLE; first += 13) {
		for (last = first; last <= WHOLE; last += 29) {
			for (n = 0, i = first; i < last; i++)
				n += test_bit(i, bits);
			KUNIT_ASSERT_EQ(test, n, hmm_svm_weight(bits, first, last));
		}
	}
	KUNIT_EXPECT_EQ(test, bitmap_weight(bits, WHOLE), hmm_svm_weight(bits, 0, WHOLE));
}

static const struct vm_operations_struct file_ops;

static void only_private_anonymous_memory_migrates(struct kunit *test)
{
	static const struct {
		unsigned long flags;
		bool can;
	} cases[] = {
		{ VM_READ | VM_WRITE, true },
		{ VM_READ, true },
		{ VM_READ | VM_WRITE | VM_EXEC, true },
		{ VM_READ | VM_WRITE | VM_GROWSDOWN, true },
		{ VM_READ | VM_WRITE | VM_LOCKED, false },
		{ VM_READ | VM_WRITE | VM_SHARED, false },
		{ VM_READ | VM_WRITE | VM_IO, false },
		{ VM_READ | VM_WRITE | VM_PFNMAP, false },
		{ VM_READ | VM_WRITE | VM_MIXEDMAP, false },
		{ VM_READ | VM_WRITE | VM_DONTEXPAND, false },
		{ VM_READ | VM_WRITE | VM_UFFD_MISSING, false },
		{ VM_READ | VM_WRITE | VM_UFFD_WP, false },
		{ VM_READ | VM_WRITE | VM_MERGEABLE, false },
	};
	struct hmm_svm_block *block = kunit_svm_block(test, 0);
	struct vm_area_struct *vma;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		vma = kunit_svm_vma(test, block->start, hmm_svm_block_end(block), cases[i].flags);
		KUNIT_EXPECT_EQ_MSG(test, cases[i].can, hmm_svm_vma_can_migrate(vma),
				    "flags %lx", cases[i].flags);
	}
	vma = whole_vma(test, block);
	vma->vm_ops = &file_ops;
	KUNIT_EXPECT_FALSE(test, hmm_svm_vma_can_migrate(vma));
}

/* A page comes to device memory, and leaves it. */
static void round_trip(struct kunit *test, struct hmm_svm_chunk *chunk)
{
	struct page *page = kunit_svm_take_page(test, chunk, 0);

	hmm_svm_chunk_left(chunk);
	kunit_svm_put_page(page);
}

/* Nobody thrashes by coming once, or twice. */
static void block_that_goes_to_and_fro_stays(struct kunit *test)
{
	struct hmm_svm_block *block = kunit_svm_block(test, 0);
	struct hmm_svm_chunk *chunk = kunit_svm_pin(test, block);
	unsigned long first_time;
	unsigned int trips = 0;

	while (!hmm_svm_policy_thrash(block) && trips < 100) {
		round_trip(test, chunk);
		trips++;
	}
	KUNIT_EXPECT_GT(test, trips, 2);
	KUNIT_EXPECT_LT(test, trips, 10);

	/* After a while it is tried again; then it stays for longer. */
	first_time = block->pin_time;
	block->pinned_until = jiffies;
	KUNIT_EXPECT_FALSE(test, hmm_svm_policy_thrash(block));
	for (trips = 0; !hmm_svm_policy_thrash(block) && trips < 100; trips++)
		round_trip(test, chunk);
	KUNIT_EXPECT_TRUE(test, hmm_svm_policy_thrash(block));
	KUNIT_EXPECT_EQ(test, 2 * first_time, block->pin_time);
	hmm_svm_chunk_unpin(chunk);
}

static void slow_trips_do_not_count(struct kunit *test)
{
	struct hmm_svm_block *block = kunit_svm_block(test, 0);
	struct hmm_svm_chunk *chunk = kunit_svm_pin(test, block);
	unsigned int i;

	for (i = 0; i < 20; i++) {
		round_trip(test, chunk);
		block->last_trip -= HZ;
		KUNIT_EXPECT_FALSE(test, hmm_svm_policy_thrash(block));
	}
	hmm_svm_chunk_unpin(chunk);
}

/* The program prefers it on the device, whatever that costs. */
static void preferred_block_never_thrashes(struct kunit *test)
{
	struct hmm_svm_block *block = kunit_svm_block(test, 0);
	struct hmm_svm_chunk *chunk = kunit_svm_pin(test, block);
	unsigned int i;

	block->keep = true;
	for (i = 0; i < 100; i++)
		round_trip(test, chunk);
	KUNIT_EXPECT_FALSE(test, hmm_svm_policy_thrash(block));
	hmm_svm_chunk_unpin(chunk);
}

static void what_cannot_migrate_stays(struct kunit *test)
{
	struct hmm_svm_block *block = kunit_svm_block(test, 0);
	struct vm_area_struct *vma = whole_vma(test, block);
	struct hmm_svm_advised advised = {};

	KUNIT_EXPECT_EQ(test, HMM_SVM_PLACE_DEVICE,
			hmm_svm_policy_first_touch(block, vma, &advised, HMM_SVM_READ));
	vm_flags_init(vma, VM_READ | VM_WRITE | VM_LOCKED);
	advised.v[HMM_SVM_ADVISE_PREFERRED] = HMM_SVM_LOC_DEVICE;
	advised.v[HMM_SVM_ADVISE_PROMOTE] = 1;
	KUNIT_EXPECT_EQ(test, HMM_SVM_PLACE_SYSTEM,
			hmm_svm_policy_first_touch(block, vma, &advised, HMM_SVM_ATOMIC));
	KUNIT_EXPECT_FALSE(test, hmm_svm_policy_promote(block, vma, &advised));
}

/* One line for each rule, and for each pair of rules that could meet. */
static void advice_decides_the_place(struct kunit *test)
{
	static const struct {
		u8 preferred, touch, read_mostly, atomic, thrash;
		enum hmm_svm_access access;
		bool pinned;
		enum hmm_svm_placement place;
	} cases[] = {
		{ .access = HMM_SVM_READ, .place = HMM_SVM_PLACE_DEVICE },
		{ .access = HMM_SVM_WRITE, .place = HMM_SVM_PLACE_DEVICE },
		{ .preferred = HMM_SVM_LOC_SYSTEM, .access = HMM_SVM_WRITE,
		  .place = HMM_SVM_PLACE_REMOTE },
		{ .preferred = HMM_SVM_LOC_DEVICE, .touch = HMM_SVM_TOUCH_REMOTE,
		  .place = HMM_SVM_PLACE_DEVICE },
		{ .touch = HMM_SVM_TOUCH_REMOTE, .place = HMM_SVM_PLACE_REMOTE },
		{ .read_mostly = 1, .access = HMM_SVM_READ, .place = HMM_SVM_PLACE_SYSTEM },
		{ .read_mostly = 1, .access = HMM_SVM_WRITE, .place = HMM_SVM_PLACE_DEVICE },
		{ .touch = HMM_SVM_TOUCH_REMOTE, .atomic = HMM_SVM_ATOMIC_DEVICE,
		  .access = HMM_SVM_ATOMIC, .place = HMM_SVM_PLACE_DEVICE },
		{ .preferred = HMM_SVM_LOC_SYSTEM, .atomic = HMM_SVM_ATOMIC_DEVICE,
		  .access = HMM_SVM_ATOMIC, .place = HMM_SVM_PLACE_REMOTE },
		{ .touch = HMM_SVM_TOUCH_REMOTE, .atomic = HMM_SVM_ATOMIC_DEVICE,
		  .access = HMM_SVM_WRITE, .place = HMM_SVM_PLACE_REMOTE },
		{ .thrash = 1, .pinned = true, .place = HMM_SVM_PLACE_SYSTEM },
		{ .thrash = 0, .pinned = true, .place = HMM_SVM_PLACE_DEVICE },
		{ .thrash = 1, .pinned = true, .preferred = HMM_SVM_LOC_DEVICE,
		  .place = HMM_SVM_PLACE_DEVICE },
	};
	struct kunit_svm *fix = test->priv;
	struct hmm_svm_block *block = kunit_svm_block(test, 0);
	struct vm_area_struct *vma = whole_vma(test, block);
	unsigned int i;

	fix->sdev->flags |= HMM_SVM_DEVICE_SYS_ATOMICS;
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		struct hmm_svm_advised advised = {
			.v = {
				[HMM_SVM_ADVISE_PREFERRED] = cases[i].preferred,
				[HMM_SVM_ADVISE_TOUCH] = cases[i].touch,
				[HMM_SVM_ADVISE_READ_MOSTLY] = cases[i].read_mostly,
				[HMM_SVM_ADVISE_ATOMIC] = cases[i].atomic,
				[HMM_SVM_ADVISE_THRASH] = cases[i].thrash,
			},
		};

		block->pin_time = HZ * cases[i].pinned;
		block->pinned_until = jiffies + 3600 * HZ * cases[i].pinned;
		KUNIT_EXPECT_EQ_MSG(test, cases[i].place,
				    hmm_svm_policy_first_touch(block, vma, &advised,
							       cases[i].access),
				    "case %u", i);
	}
}

/* For a device whose atomics on system memory are none for the CPU. */
static void atomics_need_the_page(struct kunit *test)
{
	struct kunit_svm *fix = test->priv;
	struct hmm_svm_advised advised = {};

	fix->sdev->flags &= ~HMM_SVM_DEVICE_SYS_ATOMICS;
	KUNIT_EXPECT_TRUE(test, hmm_svm_policy_local_atomic(fix->svm, &advised));
	fix->sdev->flags |= HMM_SVM_DEVICE_SYS_ATOMICS;
	KUNIT_EXPECT_FALSE(test, hmm_svm_policy_local_atomic(fix->svm, &advised));
	advised.v[HMM_SVM_ADVISE_ATOMIC] = HMM_SVM_ATOMIC_DEVICE;
	KUNIT_EXPECT_TRUE(test, hmm_svm_policy_local_atomic(fix->svm, &advised));
}

static void advice_decides_promotion(struct kunit *test)
{
	struct hmm_svm_block *block = kunit_svm_block(test, 0);
	struct vm_area_struct *vma = whole_vma(test, block);
	struct hmm_svm_advised advised = { .v = { [HMM_SVM_ADVISE_PROMOTE] = 1 } };

	KUNIT_EXPECT_TRUE(test, hmm_svm_policy_promote(block, vma, &advised));
	advised.v[HMM_SVM_ADVISE_TOUCH] = HMM_SVM_TOUCH_REMOTE;
	KUNIT_EXPECT_TRUE(test, hmm_svm_policy_promote(block, vma, &advised));
	advised.v[HMM_SVM_ADVISE_PREFERRED] = HMM_SVM_LOC_SYSTEM;
	KUNIT_EXPECT_FALSE(test, hmm_svm_policy_promote(block, vma, &advised));
	advised.all = 0;
	KUNIT_EXPECT_FALSE(test, hmm_svm_policy_promote(block, vma, &advised));
}

static void cpu_faults_in_a_row_bring_more(struct kunit *test)
{
	struct hmm_svm_block *block = kunit_svm_block(test, 0);
	struct vm_area_struct *vma = whole_vma(test, block);
	struct hmm_svm_chunk *chunk = kunit_svm_pin(test, block);
	u64 addr = kunit_svm_addr(block, 301), size, last = 0;
	struct hmm_svm_span span;
	unsigned int i;

	for (i = 0; i < 10; i++) {
		span = hmm_svm_policy_readback(chunk, vma, addr);
		size = span.end - span.start;
		KUNIT_EXPECT_TRUE(test, span.start <= addr && addr < span.end);
		KUNIT_EXPECT_TRUE(test, size == 2 * last || !last || size == HMM_SVM_BLOCK_SIZE);
		last = size;
	}
	KUNIT_EXPECT_EQ(test, HMM_SVM_BLOCK_SIZE, size);

	/* Once pages come again, it begins anew. */
	round_trip(test, chunk);
	span = hmm_svm_policy_readback(chunk, vma, addr);
	KUNIT_EXPECT_LT(test, span.end - span.start, (u64)HMM_SVM_BLOCK_SIZE);
	hmm_svm_chunk_unpin(chunk);
}

static void readback_is_clipped_to_the_vma(struct kunit *test)
{
	struct hmm_svm_block *block = kunit_svm_block(test, 0);
	struct hmm_svm_chunk *chunk = kunit_svm_pin(test, block);
	struct vm_area_struct *vma;
	struct hmm_svm_span span;
	unsigned int i;

	vma = kunit_svm_vma(test, kunit_svm_addr(block, 299), kunit_svm_addr(block, 303),
			    VM_READ | VM_WRITE);
	for (i = 0; i < 8; i++)
		span = hmm_svm_policy_readback(chunk, vma, kunit_svm_addr(block, 301));
	KUNIT_EXPECT_EQ(test, vma->vm_start, span.start);
	KUNIT_EXPECT_EQ(test, vma->vm_end, span.end);
	hmm_svm_chunk_unpin(chunk);
}

static struct kunit_case policy_cases[] = {
	KUNIT_CASE(sequential_use_takes_three_faults),
	KUNIT_CASE(sequential_use_backwards),
	KUNIT_CASE(gap_is_no_sequence),
	KUNIT_CASE(sparse_use_stays_sparse),
	KUNIT_CASE(window_has_the_page_and_new_ends),
	KUNIT_CASE(window_is_clipped_to_the_vma),
	KUNIT_CASE(window_is_limited_by_advice),
	KUNIT_CASE(huge_memory_comes_whole),
	KUNIT_CASE(stream_goes_on_in_the_neighbour),
	KUNIT_CASE(sequence_has_holes),
	KUNIT_CASE(wanted_hole_counts_as_such),
	KUNIT_CASE(weight_counts_ranges),
	KUNIT_CASE(only_private_anonymous_memory_migrates),
	KUNIT_CASE(block_that_goes_to_and_fro_stays),
	KUNIT_CASE(slow_trips_do_not_count),
	KUNIT_CASE(preferred_block_never_thrashes),
	KUNIT_CASE(what_cannot_migrate_stays),
	KUNIT_CASE(advice_decides_the_place),
	KUNIT_CASE(atomics_need_the_page),
	KUNIT_CASE(advice_decides_promotion),
	KUNIT_CASE(cpu_faults_in_a_row_bring_more),
	KUNIT_CASE(readback_is_clipped_to_the_vma),
	{}
};

struct kunit_suite hmm_svm_policy_suite = {
	.name = "hmm_svm_policy",
	.init = kunit_svm_init,
	.exit = kunit_svm_exit,
	.test_cases = policy_cases,
};
