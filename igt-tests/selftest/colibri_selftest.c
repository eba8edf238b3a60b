// SPDX-License-Identifier: MIT
/*
 * Subtests whose results are known, to see that the runner and the reports tell them apart
 * (tools/suites/igt-selftest). Needs no GPU.
 */
#include <fcntl.h>
#include <signal.h>

#include "igt.h"
#include "kernel_log.h"

IGT_TEST_DESCRIPTION("Results of all kinds, for tools/suites/igt-selftest");

#define LOG_WARNING	4
#define LOG_NOTICE	5

/* A message in the kernel log, of this level, as the kernel itself would write it. */
static void log_message(int level, const char *text)
{
	int fd = open("/dev/kmsg", O_WRONLY | O_CLOEXEC);

	igt_assert(fd >= 0);
	igt_assert(dprintf(fd, "<%d>colibri_selftest: %s\n", level, text) > 0);
	close(fd);
}

igt_main()
{
	igt_subtest("pass")
		igt_assert(true);

	igt_subtest("fail")
		igt_assert_eq(1, 2);

	igt_subtest("skip")
		igt_require_f(false, "what is never there\n");

	igt_subtest("notice")
		log_message(LOG_NOTICE, "nothing to worry about");

	igt_subtest("warning")
		log_message(LOG_WARNING, "the kernel warns");

	igt_subtest("warning-and-fail") {
		log_message(LOG_WARNING, "the kernel warns");
		igt_assert_eq(1, 2);
	}

	igt_subtest("expected") {
		kernel_log_expect("the kernel warns");
		kernel_log_allow("of something else");
		log_message(LOG_WARNING, "the kernel warns");
	}

	igt_subtest("expected-once") {
		kernel_log_expect("the kernel warns");
		log_message(LOG_WARNING, "the kernel warns");
		log_message(LOG_WARNING, "the kernel warns");
	}

	igt_subtest("expected-in-vain")
		kernel_log_expect("the kernel warns");

	igt_subtest("crash")
		raise(SIGSEGV);

	igt_subtest_with_dynamic("dynamic") {
		igt_dynamic("good")
			igt_assert(true);
		igt_dynamic("bad")
			igt_assert_eq(1, 2);
	}

	igt_subtest("killed")
		raise(SIGKILL);
}
