// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests of advice: what holds at an address after which calls.
 */
#include <linux/mm.h>

#include "hmm_svm_kunit.h"

static u64 page_at(unsigned int page)
{
	return KUNIT_ADDR + (u64)page * PAGE_SIZE;
}

static int advise(struct kunit *test, unsigned int first, unsigned int last,
		  enum hmm_svm_advice advice, u32 value)
{
	struct kunit_svm *fix = test->priv;

	return hmm_svm_advise(fix->svm, page_at(first), page_at(last), advice, value);
}

static u8 value_at(struct kunit *test, unsigned int page, enum hmm_svm_advice advice)
{
	struct kunit_svm *fix = test->priv;

	return hmm_svm_advice_at(fix->svm, page_at(page), NULL).v[advice];
}

static void expect_same(struct kunit *test, unsigned int page, unsigned int first,
			unsigned int last)
{
	struct kunit_svm *fix = test->priv;
	struct hmm_svm_span same;

	hmm_svm_advice_at(fix->svm, page_at(page), &same);
	KUNIT_EXPECT_EQ(test, page_at(first), same.start);
	KUNIT_EXPECT_EQ(test, page_at(last), same.end);
}

static void default_holds_everywhere(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, HMM_SVM_LOC_ANY, value_at(test, 0, HMM_SVM_ADVISE_PREFERRED));
	KUNIT_EXPECT_EQ(test, HMM_SVM_BLOCK_SHIFT - PAGE_SHIFT,
			value_at(test, 7, HMM_SVM_ADVISE_PREFETCH));
	KUNIT_EXPECT_EQ(test, 1, value_at(test, 7, HMM_SVM_ADVISE_THRASH));
	KUNIT_EXPECT_EQ(test, 1, value_at(test, 7, HMM_SVM_ADVISE_PROMOTE));
	expect_same(test, 7, 0, HMM_SVM_BLOCK_PAGES);
}

static void bad_advice_changes_nothing(struct kunit *test)
{
	struct kunit_svm *fix = test->priv;
	struct hmm_svm *svm = fix->svm;

	KUNIT_EXPECT_EQ(test, -EINVAL, advise(test, 0, 4, HMM_SVM_NR_ADVICE, 0));
	KUNIT_EXPECT_EQ(test, -EINVAL, advise(test, 0, 4, HMM_SVM_ADVISE_TOUCH, 2));
	KUNIT_EXPECT_EQ(test, -EINVAL, advise(test, 0, 4, HMM_SVM_ADVISE_PREFETCH, 10));
	KUNIT_EXPECT_EQ(test, -EINVAL, advise(test, 4, 4, HMM_SVM_ADVISE_TOUCH, 1));
	KUNIT_EXPECT_EQ(test, -EINVAL, advise(test, 4, 3, HMM_SVM_ADVISE_TOUCH, 1));
	KUNIT_EXPECT_EQ(test, -EINVAL,
			hmm_svm_advise(svm, KUNIT_ADDR + 1, page_at(2), HMM_SVM_ADVISE_TOUCH, 1));
	KUNIT_EXPECT_EQ(test, -EINVAL,
			hmm_svm_advise(svm, KUNIT_ADDR, svm->end + PAGE_SIZE,
				       HMM_SVM_ADVISE_TOUCH, 1));
	KUNIT_EXPECT_EQ(test, 0, svm->nr_advice);
}

static void advice_holds_in_its_range(struct kunit *test)
{
	KUNIT_ASSERT_EQ(test, 0, advise(test, 10, 20, HMM_SVM_ADVISE_TOUCH, 1));
	KUNIT_EXPECT_EQ(test, 0, value_at(test, 9, HMM_SVM_ADVISE_TOUCH));
	KUNIT_EXPECT_EQ(test, 1, value_at(test, 10, HMM_SVM_ADVISE_TOUCH));
	KUNIT_EXPECT_EQ(test, 1, value_at(test, 19, HMM_SVM_ADVISE_TOUCH));
	KUNIT_EXPECT_EQ(test, 0, value_at(test, 20, HMM_SVM_ADVISE_TOUCH));
	/* It changes what it is about alone. */
	KUNIT_EXPECT_EQ(test, 1, value_at(test, 10, HMM_SVM_ADVISE_THRASH));
	expect_same(test, 5, 0, 10);
	expect_same(test, 15, 10, 20);
	expect_same(test, 25, 20, HMM_SVM_BLOCK_PAGES);
}

static void advice_of_several_kinds_adds_up(struct kunit *test)
{
	KUNIT_ASSERT_EQ(test, 0, advise(test, 10, 30, HMM_SVM_ADVISE_TOUCH, 1));
	KUNIT_ASSERT_EQ(test, 0, advise(test, 20, 40, HMM_SVM_ADVISE_READ_MOSTLY, 1));
	expect_same(test, 12, 10, 20);
	expect_same(test, 22, 20, 30);
	expect_same(test, 32, 30, 40);
	KUNIT_EXPECT_EQ(test, 1, value_at(test, 25, HMM_SVM_ADVISE_TOUCH));
	KUNIT_EXPECT_EQ(test, 1, value_at(test, 25, HMM_SVM_ADVISE_READ_MOSTLY));
	KUNIT_EXPECT_EQ(test, 0, value_at(test, 35, HMM_SVM_ADVISE_TOUCH));
}

/* A program that advises page by page, or takes all back, leaves a small tree. */
static void equal_neighbours_are_one(struct kunit *test)
{
	struct kunit_svm *fix = test->priv;
	unsigned int i;

	for (i = 0; i < 64; i++)
		KUNIT_ASSERT_EQ(test, 0, advise(test, i * 37 % 64, i * 37 % 64 + 1,
						HMM_SVM_ADVISE_TOUCH, 1));
	KUNIT_EXPECT_EQ(test, 1, fix->svm->nr_advice);
	expect_same(test, 40, 0, 64);

	KUNIT_ASSERT_EQ(test, 0, advise(test, 20, 30, HMM_SVM_ADVISE_TOUCH, 0));
	KUNIT_EXPECT_EQ(test, 2, fix->svm->nr_advice);
	KUNIT_ASSERT_EQ(test, 0, advise(test, 0, 100, HMM_SVM_ADVISE_TOUCH, 0));
	KUNIT_EXPECT_EQ(test, 0, fix->svm->nr_advice);
}

static void advice_of_everything_is_the_default(struct kunit *test)
{
	struct kunit_svm *fix = test->priv;

	KUNIT_ASSERT_EQ(test, 0, advise(test, 0, 10, HMM_SVM_ADVISE_TOUCH, 1));
	KUNIT_ASSERT_EQ(test, 0, advise(test, 10, 20, HMM_SVM_ADVISE_READ_MOSTLY, 1));
	KUNIT_ASSERT_EQ(test, 0, hmm_svm_advise(fix->svm, 0, fix->svm->end,
						HMM_SVM_ADVISE_TOUCH, 1));
	KUNIT_EXPECT_EQ(test, 1, value_at(test, 500, HMM_SVM_ADVISE_TOUCH));
	KUNIT_EXPECT_EQ(test, 1, value_at(test, 15, HMM_SVM_ADVISE_TOUCH));
	KUNIT_EXPECT_EQ(test, 1, value_at(test, 15, HMM_SVM_ADVISE_READ_MOSTLY));
	/* The first range says nothing else any more. */
	KUNIT_EXPECT_EQ(test, 1, fix->svm->nr_advice);
}

static void advice_goes_with_the_mapping(struct kunit *test)
{
	struct kunit_svm *fix = test->priv;

	KUNIT_ASSERT_EQ(test, 0, advise(test, 0, 100, HMM_SVM_ADVISE_TOUCH, 1));
	hmm_svm_advice_unmapped(fix->svm, page_at(40), page_at(50));
	expect_same(test, 10, 0, 40);
	expect_same(test, 45, 40, 50);
	expect_same(test, 60, 50, 100);
	KUNIT_EXPECT_EQ(test, 0, value_at(test, 45, HMM_SVM_ADVISE_TOUCH));
	KUNIT_EXPECT_EQ(test, 1, value_at(test, 50, HMM_SVM_ADVISE_TOUCH));
	hmm_svm_advice_unmapped(fix->svm, page_at(90), page_at(1000));
	expect_same(test, 60, 50, 90);
	hmm_svm_advice_unmapped(fix->svm, page_at(0), page_at(1000));
	KUNIT_EXPECT_EQ(test, 0, fix->svm->nr_advice);
}

/* Against an array that does the same in the simplest way. */
static void random_advice_is_as_told(struct kunit *test)
{
	struct kunit_svm *fix = test->priv;
	u8 *told = kunit_kzalloc(test, 256, GFP_KERNEL);
	unsigned int round, state = 7, i;

	KUNIT_ASSERT_NOT_NULL(test, told);
	for (round = 0; round < 300; round++) {
		unsigned int first, last;
		u8 value;

		state = state * 1103515245 + 12345;
		first = (state >> 8) % 255;
		last = first + 1 + (state >> 16) % (256 - first - 1 ?: 1);
		value = (state >> 24) % 4;
		if (value == 3) {
			hmm_svm_advice_unmapped(fix->svm, page_at(first), page_at(last));
			value = 0;
		} else {
			KUNIT_ASSERT_EQ(test, 0, advise(test, first, last,
							HMM_SVM_ADVISE_PREFERRED, value));
		}
		memset(told + first, value, last - first);
		for (i = 0; i < 256; i++)
			KUNIT_ASSERT_EQ(test, told[i],
					value_at(test, i, HMM_SVM_ADVISE_PREFERRED));
	}
}

static struct kunit_case advice_cases[] = {
	KUNIT_CASE(default_holds_everywhere),
	KUNIT_CASE(bad_advice_changes_nothing),
	KUNIT_CASE(advice_holds_in_its_range),
	KUNIT_CASE(advice_of_several_kinds_adds_up),
	KUNIT_CASE(equal_neighbours_are_one),
	KUNIT_CASE(advice_of_everything_is_the_default),
	KUNIT_CASE(advice_goes_with_the_mapping),
	KUNIT_CASE(random_advice_is_as_told),
	{}
};

struct kunit_suite hmm_svm_advice_suite = {
	.name = "hmm_svm_advice",
	.init = kunit_svm_init,
	.exit = kunit_svm_exit,
	.test_cases = advice_cases,
};
