/* SPDX-License-Identifier: MIT */
/*
 * What a subtest makes the kernel print. A message of level warning or worse fails a subtest,
 * unless the subtest has said that it comes: here, by a line in the kernel log that
 * tools/lib/igt_tap.py reads.
 */
#ifndef COLIBRI_KERNEL_LOG_H
#define COLIBRI_KERNEL_LOG_H

/** kernel_log_expect() - One message with this text comes; the subtest fails when it does not */
void kernel_log_expect(const char *text);

/** kernel_log_allow() - One message with this text may come */
void kernel_log_allow(const char *text);

#endif /* COLIBRI_KERNEL_LOG_H */
