/* SPDX-License-Identifier: MIT */
/* Test Anything Protocol, see tap.h. */
#include "tap.h"

#include <stdarg.h>
#include <stdio.h>

static int failed;

void tap_result(bool ok, const char *name, ...)
{
	va_list args;

	printf("%s - ", ok ? "ok" : "not ok");
	va_start(args, name);
	vprintf(name, args);
	va_end(args);
	printf("\n");
	fflush(stdout);
	failed |= !ok;
}

void tap_note(const char *format, ...)
{
	va_list args;

	printf("# ");
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	printf("\n");
}

int tap_status(void)
{
	return failed;
}
