/* SPDX-License-Identifier: MIT */
/*
 * Jobs and bindings that wait in queues when the device ends: for a job that runs, for another
 * driver's fence, for each other. Everything here fails the subtest when it goes wrong.
 */
#ifndef COLIBRI_QUEUED_H
#define COLIBRI_QUEUED_H

#include "jobs.h"

#define QUEUED_MAX	16

/** struct queued - such work, and the fences that it is to signal */
struct queued {
	/** @gpu: a fenced VM, by a file of its own */
	struct gpu gpu;
	/** @gate: the job that runs */
	struct gate gate;
	/** @vgem: another driver's device, with a fence that has not signalled */
	int vgem;
	uint32_t vgem_fence;
	/** @files: sync files of all that is queued, which outlive the device */
	struct {
		const char *what;
		int fd;
	} files[QUEUED_MAX];
	unsigned int count;
	/** @job_timeout: what it was */
	unsigned int job_timeout;
};

/** queued_start() - Queue it; skips without a second driver */
void queued_start(struct queued *queued);

/** queued_expect() - The device has ended: so does each fence, with @error. Closes everything. */
void queued_expect(struct queued *queued, int error);

#endif /* COLIBRI_QUEUED_H */
