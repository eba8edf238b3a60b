/* SPDX-License-Identifier: MIT */
/*
 * Dumps in /sys/class/devcoredump, and the events that tell of a device. Everything here fails the
 * subtest when it goes wrong.
 */
#ifndef COLIBRI_DUMPS_H
#define COLIBRI_DUMPS_H

#include "gpu_test.h"

/** dump_find() - The file of the dump that there is; false: none */
bool dump_find(char *path, size_t size);

/** dump_drop_all() - Drop what earlier tests have left */
void dump_drop_all(void);

/** dump_take() - Wait for a dump, and take it; returns its text, to be freed */
char *dump_take(void);

/** dump_expect() - The text must have this in it */
void dump_expect(const char *dump, const char *format, ...) __attribute__((format(printf, 2, 3)));

/** dump_expect_header() - It must begin as each dump does, and have this reason */
void dump_expect_header(const char *dump, const char *reason);

/** uevents_open() - Events from now on */
int uevents_open(void);

/** uevents_expect() - Wait for an event that has @word among its lines */
void uevents_expect(int fd, const char *word);

/** uevents_count() - How many of these have come and were not looked at */
unsigned int uevents_count(int fd, const char *word);

#endif /* COLIBRI_DUMPS_H */
