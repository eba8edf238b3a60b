/* SPDX-License-Identifier: MIT */
/*
 * A file that cannot be read: each page fault on a mapping of it fails, or waits until the process
 * that made it ends. It is what a broken or stuck network file system is to the kernel.
 */
#ifndef COLIBRI_FUSE_FILE_H
#define COLIBRI_FUSE_FILE_H

#include <stddef.h>

/** fuse_file_require() - Skip the subtest when the kernel has no FUSE; not in a forked child */
void fuse_file_require(void);

/**
 * fuse_file_map() - Map a file that cannot be read, read-only
 * @size: bytes
 * @error: what each read of the file fails with, such as EIO; 0: it never ends
 *
 * Mounts it in a mount namespace of the calling process, which therefore goes
 * with the process. Once in a process, after fuse_file_require().
 */
void *fuse_file_map(size_t size, int error);

#endif /* COLIBRI_FUSE_FILE_H */
