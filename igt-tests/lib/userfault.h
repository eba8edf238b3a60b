/* SPDX-License-Identifier: MIT */
/*
 * Memory whose page faults the test serves itself, by a userfaultfd.
 */
#ifndef COLIBRI_USERFAULT_H
#define COLIBRI_USERFAULT_H

#include <stddef.h>
#include <stdint.h>

#include <linux/userfaultfd.h>

/**
 * userfault_open() - A userfaultfd; skips the subtest when there is none
 * @features: UFFD_FEATURE_*; skips without them
 */
int userfault_open(uint64_t features);

/** userfault_register() - Have the faults of a range; @mode: UFFDIO_REGISTER_MODE_* */
void userfault_register(int fd, void *pages, size_t size, uint64_t mode);

/** userfault_wait() - Read the next page fault; returns its page, and its UFFD_PAGEFAULT_FLAG_* */
uintptr_t userfault_wait(int fd, uint64_t *flags);

/** userfault_pending() - Whether a page fault waits to be read */
int userfault_pending(int fd);

/** userfault_protect() - Forbid writes to a range, or allow them and wake who waits */
void userfault_protect(int fd, void *pages, size_t size, int protect);

#endif /* COLIBRI_USERFAULT_H */
