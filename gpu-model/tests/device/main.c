/* SPDX-License-Identifier: MIT */
/*
 * Runs the device tests: all, or those whose name contains the argument.  Prints TAP lines.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "test.h"

/* A test that takes longer hangs. */
#define TEST_SECONDS 120

static bool failed;

void
test_fail(const char *file, int line, const char *what)
{
   const char *base = strrchr(file, '/');

   printf("# %s:%d: %s\n", base ? base + 1 : file, line, what);
   failed = true;
}

int
main(int argc, char **argv)
{
   const struct test *const suites[] = {memory_tests, queue_tests, fault_tests,
                                        context_tests, kernel_tests, vfio_tests,
                                        hostile_tests, hang_tests};
   unsigned num_passed = 0, num_failed = 0;

   setvbuf(stdout, NULL, _IOLBF, 0);
   for (unsigned s = 0; s < sizeof(suites) / sizeof(suites[0]); s++) {
      for (const struct test *t = suites[s]; t->name; t++) {
         if (argc > 1 && !strstr(t->name, argv[1]))
            continue;
         failed = false;
         alarm(TEST_SECONDS);
         t->run();
         printf("%s - %s\n", failed ? "not ok" : "ok", t->name);
         if (failed)
            num_failed++;
         else
            num_passed++;
      }
   }
   printf("# %u passed, %u failed\n", num_passed, num_failed);
   return num_failed || !num_passed;
}
