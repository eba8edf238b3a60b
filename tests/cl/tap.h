/* SPDX-License-Identifier: MIT */
/* Results in the Test Anything Protocol: one line per test. */
#ifndef TAP_H
#define TAP_H

#include <stdbool.h>

/** Prints the line of test @name (printf format). */
void tap_result(bool ok, const char *name, ...)
	__attribute__((format(printf, 2, 3)));

/** Prints a comment that explains a failure. */
void tap_note(const char *format, ...) __attribute__((format(printf, 1, 2)));

/** The exit status of the program: 1 if a test failed. */
int tap_status(void);

#endif
