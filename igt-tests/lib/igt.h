/* SPDX-License-Identifier: MIT */
/*
 * The part of the IGT API that these tests use.
 *
 * Debian packages libigt.so.0 (igt-gpu-tools 2.5) without its headers. This
 * file declares the functions and macros by IGT's own names, so a test written
 * against it compiles unchanged inside the IGT tree, where it includes "igt.h".
 */
#ifndef COLIBRI_TESTS_IGT_H
#define COLIBRI_TESTS_IGT_H

#include <setjmp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

struct option;

extern const char *__igt_test_description __attribute__((weak));
extern jmp_buf igt_subtest_jmpbuf;
extern jmp_buf igt_dynamic_jmpbuf;

enum igt_log_level {
	IGT_LOG_DEBUG,
	IGT_LOG_INFO,
	IGT_LOG_WARN,
	IGT_LOG_CRITICAL,
	IGT_LOG_NONE,
};

typedef int (*igt_opt_handler_t)(int opt, int opt_index, void *data);

int igt_subtest_init_parse_opts(int *argc, char **argv, const char *extra_short_opts,
				const struct option *extra_long_opts, const char *help_str,
				igt_opt_handler_t extra_opt_handler, void *handler_data);
bool __igt_run_subtest(const char *subtest_name, const char *file, const int line);
void __igt_enter_dynamic_container(void);
bool __igt_run_dynamic_subtest(const char *dynamic_subtest_name);
bool __igt_fixture(void);
void __igt_fixture_complete(void);
void igt_success(void);
void igt_exit(void) __attribute__((noreturn));
void igt_describe_f(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void igt_log(const char *domain, enum igt_log_level level, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
void __igt_skip_check(const char *file, const int line, const char *func, const char *check,
		      const char *format, ...) __attribute__((noreturn, format(printf, 5, 6)));
void __igt_fail_assert(const char *domain, const char *file, const int line, const char *func,
		       const char *assertion, const char *format, ...)
	__attribute__((noreturn, format(printf, 6, 7)));

struct igt_helper_process {
	bool running;
	bool use_SIGKILL;
	pid_t pid;
	int id;
};

bool __igt_fork(void);
bool __igt_fork_helper(struct igt_helper_process *proc);
int igt_wait_helper(struct igt_helper_process *proc);
void igt_stop_helper(struct igt_helper_process *proc);
void igt_waitchildren_timeout(int seconds, const char *reason);
void igt_set_timeout(unsigned int seconds, const char *op);
void igt_reset_timeout(void);
uint64_t igt_nsec_elapsed(struct timespec *start);

#define IGT_TEST_DESCRIPTION(str) const char *__igt_test_description = str

#define igt_tokencat2(x, y)	x##y
#define igt_tokencat(x, y)	igt_tokencat2(x, y)
#define igt_unique(prefix)	igt_tokencat(igt_unique_##prefix, __LINE__)

#define igt_main()							\
	static void igt_unique(main)(void);				\
	int main(int argc, char **argv)					\
	{								\
		igt_subtest_init_parse_opts(&argc, argv, NULL, NULL,	\
					    NULL, NULL, NULL);		\
		igt_unique(main)();					\
		igt_exit();						\
	}								\
	static void igt_unique(main)(void)

#define igt_fixture()							\
	for (volatile int igt_unique(once) = 0;				\
	     igt_unique(once) < 1 && __igt_fixture() &&			\
	     sigsetjmp(igt_subtest_jmpbuf, 1) == 0;			\
	     igt_unique(once)++, __igt_fixture_complete())

#define igt_subtest(name)						\
	for (; __igt_run_subtest((name), __FILE__, __LINE__) &&		\
	     sigsetjmp(igt_subtest_jmpbuf, 1) == 0;			\
	     igt_success())

#define igt_subtest_with_dynamic(name)					\
	for (; __igt_run_subtest((name), __FILE__, __LINE__) &&		\
	     sigsetjmp(igt_subtest_jmpbuf, 1) == 0 &&			\
	     (__igt_enter_dynamic_container(), true);			\
	     igt_success())

#define igt_dynamic(name)						\
	for (; __igt_run_dynamic_subtest(name) &&			\
	     sigsetjmp(igt_dynamic_jmpbuf, 1) == 0;			\
	     igt_success())

#define igt_describe(dsc)	igt_describe_f("%s", dsc)

#define igt_fork(child, num_children)					\
	for (int child = 0; child < (num_children); child++)		\
		for (; __igt_fork(); exit(0))

#define igt_fork_helper(proc)						\
	for (; __igt_fork_helper(proc); exit(0))

#define igt_debug(f...)		igt_log(NULL, IGT_LOG_DEBUG, f)
#define igt_info(f...)		igt_log(NULL, IGT_LOG_INFO, f)
#define igt_warn(f...)		igt_log(NULL, IGT_LOG_WARN, f)

#define igt_assert_f(expr, f...)					\
	do {								\
		if (!(expr))						\
			__igt_fail_assert(NULL, __FILE__, __LINE__,	\
					  __func__, #expr, f);		\
	} while (0)
#define igt_assert(expr)	igt_assert_f(expr, NULL)

#define igt_assert_cmp64(n1, cmp, ncmp, n2, type, fmt)			\
	do {								\
		type n1_ = (n1), n2_ = (n2);				\
		if (!(n1_ cmp n2_))					\
			__igt_fail_assert(NULL, __FILE__, __LINE__,	\
					  __func__, #n1 " " #cmp " " #n2, \
					  "error: " fmt " " #ncmp " " fmt "\n", \
					  n1_, n2_);			\
	} while (0)

#define igt_assert_eq(n1, n2)		igt_assert_cmp64(n1, ==, !=, n2, int, "%d")
#define igt_assert_neq(n1, n2)		igt_assert_cmp64(n1, !=, ==, n2, int, "%d")
#define igt_assert_eq_u32(n1, n2)	igt_assert_cmp64(n1, ==, !=, n2, unsigned int, "%#x")
#define igt_assert_eq_u64(n1, n2)	igt_assert_cmp64(n1, ==, !=, n2, unsigned long, "%#lx")
#define igt_assert_lt_u64(n1, n2)	igt_assert_cmp64(n1, <, >=, n2, unsigned long, "%#lx")
#define igt_assert_lte_u64(n1, n2)	igt_assert_cmp64(n1, <=, >, n2, unsigned long, "%#lx")

#define igt_require_f(expr, f...)					\
	do {								\
		if (!(expr))						\
			__igt_skip_check(__FILE__, __LINE__, __func__,	\
					 #expr, f);			\
	} while (0)
#define igt_require(expr)	igt_require_f(expr, NULL)

#endif /* COLIBRI_TESTS_IGT_H */
