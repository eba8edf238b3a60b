/* SPDX-License-Identifier: MIT */
/*
 * A file whose contents never arrive: each page fault on a mapping of it waits
 * until the process that made it ends. It is what a broken network file system
 * or a stuck FUSE daemon is to the kernel.
 */
#ifndef COLIBRI_STALLED_FILE_H
#define COLIBRI_STALLED_FILE_H

#include <stddef.h>

/**
 * stalled_file_map() - Map a file that never answers, read-only
 * @size: bytes
 *
 * Mounts it in a mount namespace of the calling process, which therefore goes
 * with the process. Once in a process. Skips the subtest without FUSE.
 */
void *stalled_file_map(size_t size);

#endif /* COLIBRI_STALLED_FILE_H */
