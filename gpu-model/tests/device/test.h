/* SPDX-License-Identifier: MIT */
/*
 * The smallest test framework: a test is a function that returns, or that
 * ends early in a CHECK that does not hold.
 */
#ifndef TEST_H
#define TEST_H

#include <stdbool.h>

struct test {
   const char *name;
   void (*run)(void);
};

/** Notes that the running test failed. */
void test_fail(const char *file, int line, const char *what);

#define CHECK(x)                                \
   do {                                         \
      if (!(x)) {                               \
         test_fail(__FILE__, __LINE__, #x);     \
         return;                                \
      }                                         \
   } while (0)

extern const struct test memory_tests[], queue_tests[], fault_tests[], context_tests[],
   kernel_tests[], vfio_tests[], hostile_tests[], hang_tests[];

#endif /* TEST_H */
