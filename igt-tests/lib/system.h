/* SPDX-License-Identifier: MIT */
/*
 * What the tests ask of the system beside the GPU: files of /proc and /sys, page tables as
 * /proc shows them, and a mount namespace. Everything here fails the subtest when it goes
 * wrong, except what is said to skip it.
 */
#ifndef COLIBRI_SYSTEM_H
#define COLIBRI_SYSTEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** sys_write() - Write a value, as printf(), to a file of /proc or /sys */
void sys_write(const char *path, const char *format, ...) __attribute__((format(printf, 2, 3)));

/** sys_require_write() - The same; skips the subtest when the file is missing */
void sys_require_write(const char *path, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/** sys_try_write() - The same; returns 0 or a negative errno */
int sys_try_write(const char *path, const char *format, ...) __attribute__((format(printf, 2, 3)));

/** sys_read() - The number in a file */
uint64_t sys_read(const char *path);

/** sys_field() - The number behind @field in a file of lines "FIELD: NUMBER" or "FIELD NUMBER" */
uint64_t sys_field(const char *path, const char *field);

/** smaps_kib() - @field of the mapping of this process that @addr is in */
uint64_t smaps_kib(const void *addr, const char *field);

/* Bits of an entry of /proc/self/pagemap */
#define PAGEMAP_PFN	((1ull << 55) - 1)
#define PAGEMAP_WP	(1ull << 57)	/* write-protected by userfaultfd */
#define PAGEMAP_FILE	(1ull << 61)
#define PAGEMAP_SWAP	(1ull << 62)
#define PAGEMAP_PRESENT	(1ull << 63)

/** pagemap() - The entry of the page at @addr */
uint64_t pagemap(const void *addr);

/** pagemap_count() - How many pages of a range have all bits of @bits */
size_t pagemap_count(const void *addr, size_t size, uint64_t bits);

/** require_kernel() - Skip unless the kernel is this version or newer; @what says what it brings */
void require_kernel(unsigned int major, unsigned int minor, const char *what);

/** require_command() - Skip unless a shell command succeeds; @what says what it is for */
void require_command(const char *command, const char *what);

/**
 * private_mounts() - A mount namespace for this process, which goes with it
 *
 * Mounts a tmpfs at @dir.
 */
void private_mounts(const char *dir);

/** private_mounts_ext4() - The same, and an ext4 file system of 16 MiB at @dir/ext4 */
void private_mounts_ext4(const char *dir);

/* The control group that a test may make; its files are CGROUP "memory.max" and so on */
#define CGROUP	"/sys/fs/cgroup/colibri-test/"

/** cgroup_make() - Make it, with at most this much memory and swap; skips without memory groups */
void cgroup_make(size_t memory, size_t swap);

/** cgroup_enter() - Move the calling process into it */
void cgroup_enter(void);

/** cgroup_remove() - Remove it, as soon as its processes are gone */
void cgroup_remove(void);

#endif /* COLIBRI_SYSTEM_H */
