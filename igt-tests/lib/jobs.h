/* SPDX-License-Identifier: MIT */
/*
 * Jobs on fenced VMs, and the syncobjs that they wait for and signal. Everything here fails
 * the subtest when it goes wrong.
 */
#ifndef COLIBRI_JOBS_H
#define COLIBRI_JOBS_H

#include "gpu_test.h"

/** syncobj_new() - A syncobj without a fence, or with one that has signalled */
uint32_t syncobj_new(struct gpu *gpu, bool signalled);
void syncobj_free(struct gpu *gpu, uint32_t syncobj);

/** syncobj_signal() - Signal a syncobj, or a point of its timeline; @point 0: a binary one */
void syncobj_signal(struct gpu *gpu, uint32_t syncobj, uint64_t point);

/**
 * struct gate - something to wait for that the test ends when it likes
 *
 * The end of a job on a VM of its own, which uses gpu->shared->mail.
 */
struct gate {
	uint32_t vm;
	uint32_t queue;
	/** @syncobj: binary, signals when the gate opens */
	uint32_t syncobj;
};

void gate_init(struct gpu *gpu, struct gate *gate);
/** gate_open() - Let what waits go */
void gate_open(struct gpu *gpu);
/** gate_fini() - Open it, and clean up */
void gate_fini(struct gpu *gpu, struct gate *gate);

/** syncobj_wait() - Wait; 0 or -ETIME. @point 0: a binary one */
int syncobj_wait(struct gpu *gpu, uint32_t syncobj, uint64_t point, int64_t timeout_ns);

/** syncobj_status() - Wait, then: 0, or the negative errno that its fence carries */
int syncobj_status(struct gpu *gpu, uint32_t syncobj);

/** syncobj_export() - A sync file of the fence of a binary syncobj, which need not have signalled */
int syncobj_export(struct gpu *gpu, uint32_t syncobj);

/** sync_file_status() - Wait, then: 0, or the negative errno that the fence carries */
int sync_file_status(int fd);

/** wait_syncobj(), signal_syncobj() - Entries of a list of syncs; @point 0: binary */
struct drm_colibri_sync wait_syncobj(uint32_t syncobj, uint64_t point);
struct drm_colibri_sync signal_syncobj(uint32_t syncobj, uint64_t point);

/** job_write() - A job on @queue that writes a word of @gpu->shared->result; returns EXEC's result */
int job_write(struct gpu *gpu, uint32_t queue, unsigned int word, uint64_t value,
	      const struct drm_colibri_sync *syncs, uint32_t num_syncs);

/** job_word() - That word */
uint64_t job_word(struct gpu *gpu, unsigned int word);

/** job_read() - A job that copies the word at @addr to @gpu->shared->result; returns EXEC's result */
int job_read(struct gpu *gpu, uint64_t addr, const struct drm_colibri_sync *syncs,
	     uint32_t num_syncs);

/** job_probe() - The word at @addr, or UINT64_MAX when the access banned the queue, which is replaced */
uint64_t job_probe(struct gpu *gpu, uint64_t addr);

/** job_dispatch() - The packet of one wave of a kernel */
union colibri_packet job_dispatch(struct gpu *gpu, const char *kernel, const void *args, size_t size);

/** job_loop() - A job that runs until gpu->shared->mail.stop, or is stopped */
int job_loop(struct gpu *gpu, uint32_t queue, const struct drm_colibri_sync *syncs,
	     uint32_t num_syncs);

/** job_timeout() - Set the time limit of jobs of queues made from now on; returns what it was */
unsigned int job_timeout(unsigned int ms);

#endif /* COLIBRI_JOBS_H */
