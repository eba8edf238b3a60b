/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * What a program and the dmirror device say to each other: the ioctls of the
 * kernel's HMM test device (lib/test_hmm_uapi.h), bit for bit, so that
 * tools/testing/selftests/mm/hmm-tests.c runs on it as it is.
 */
#ifndef _HMM_SVM_DMIRROR_UAPI_H
#define _HMM_SVM_DMIRROR_UAPI_H

#include <linux/ioctl.h>
#include <linux/types.h>

/**
 * struct hmm_dmirror_cmd - a command to the device
 * @addr: in: page aligned address in the mirrored process
 * @ptr: in: the program's buffer for the data or the result
 * @npages: in: how much, in pages; %HMM_DMIRROR_FLAGS: the flags
 * @cpages: out: how many pages it was done for
 * @faults: out: how often the device had to stop for memory it could not reach
 */
struct hmm_dmirror_cmd {
	__u64 addr;
	__u64 ptr;
	__u64 npages;
	__u64 cpages;
	__u64 faults;
};

/* The device reads memory and leaves what it read at ptr. */
#define HMM_DMIRROR_READ		_IOWR('H', 0x00, struct hmm_dmirror_cmd)
/* The device writes what is at ptr. */
#define HMM_DMIRROR_WRITE		_IOWR('H', 0x01, struct hmm_dmirror_cmd)
/* Memory moves to the device, which reads it there as with READ. */
#define HMM_DMIRROR_MIGRATE_TO_DEV	_IOWR('H', 0x02, struct hmm_dmirror_cmd)
/* Memory moves to the CPU. */
#define HMM_DMIRROR_MIGRATE_TO_SYS	_IOWR('H', 0x03, struct hmm_dmirror_cmd)
/* A byte of HMM_DMIRROR_PROT_* per page, at ptr. */
#define HMM_DMIRROR_SNAPSHOT		_IOWR('H', 0x04, struct hmm_dmirror_cmd)
/* The device gets memory for its atomics alone, in place, and reads it. */
#define HMM_DMIRROR_EXCLUSIVE		_IOWR('H', 0x05, struct hmm_dmirror_cmd)
/* Fails with EPERM while the device has any of it in that way. */
#define HMM_DMIRROR_CHECK_EXCLUSIVE	_IOWR('H', 0x06, struct hmm_dmirror_cmd)
/* The device gives its memory that is in the range back: MIGRATE_TO_SYS. */
#define HMM_DMIRROR_RELEASE		_IOWR('H', 0x07, struct hmm_dmirror_cmd)
/* Sets HMM_DMIRROR_FLAG_*. */
#define HMM_DMIRROR_FLAGS		_IOWR('H', 0x08, struct hmm_dmirror_cmd)
/* READ that may wait for user space (a userfaultfd), as here READ may, too. */
#define HMM_DMIRROR_READ_UNLOCKED	_IOWR('H', 0x09, struct hmm_dmirror_cmd)

/* The next allocation of a large page fails. */
#define HMM_DMIRROR_FLAG_FAIL_ALLOC	(1ULL << 0)

/* What SNAPSHOT reports: what the CPU may do, by what size of entry, and where. */
enum {
	HMM_DMIRROR_PROT_NONE			= 0x00,
	HMM_DMIRROR_PROT_READ			= 0x01,
	HMM_DMIRROR_PROT_WRITE			= 0x02,
	HMM_DMIRROR_PROT_PMD			= 0x04,
	HMM_DMIRROR_PROT_PUD			= 0x08,
	HMM_DMIRROR_PROT_ZERO			= 0x10,
	HMM_DMIRROR_PROT_DEV_PRIVATE_LOCAL	= 0x20,
	HMM_DMIRROR_PROT_DEV_PRIVATE_REMOTE	= 0x30,
	HMM_DMIRROR_PROT_DEV_COHERENT_LOCAL	= 0x40,
	HMM_DMIRROR_PROT_DEV_COHERENT_REMOTE	= 0x50,
	HMM_DMIRROR_PROT_ERROR			= 0xff,
};

#endif /* _HMM_SVM_DMIRROR_UAPI_H */
