// SPDX-License-Identifier: MIT
/*
 * Jobs and syncobjs for the tests, see jobs.h.
 */
#include "jobs.h"

#include <errno.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <linux/sync_file.h>
#include <xf86drm.h>

#include "system.h"

#define TIMEOUT_PATH	"/sys/module/colibri/parameters/job_timeout_ms"

uint32_t syncobj_new(struct gpu *gpu, bool signalled)
{
	uint32_t syncobj;

	igt_assert_eq(drmSyncobjCreate(gpu->dev.fd, signalled ? DRM_SYNCOBJ_CREATE_SIGNALED : 0,
				       &syncobj), 0);
	return syncobj;
}

void syncobj_free(struct gpu *gpu, uint32_t syncobj)
{
	igt_assert_eq(drmSyncobjDestroy(gpu->dev.fd, syncobj), 0);
}

void syncobj_signal(struct gpu *gpu, uint32_t syncobj, uint64_t point)
{
	if (point)
		igt_assert_eq(drmSyncobjTimelineSignal(gpu->dev.fd, &syncobj, &point, 1), 0);
	else
		igt_assert_eq(drmSyncobjSignal(gpu->dev.fd, &syncobj, 1), 0);
}

void gate_init(struct gpu *gpu, struct gate *gate)
{
	struct drm_colibri_sync sync;

	igt_assert_eq(colibri_vm_create_fenced(&gpu->dev, &gate->vm), 0);
	igt_assert_eq(colibri_vm_map(&gpu->dev, gate->vm, &gpu->code, gpu->code_addr,
				     DRM_COLIBRI_VM_BIND_EXEC), 0);
	igt_assert_eq(colibri_vm_map(&gpu->dev, gate->vm, &gpu->shared_bo, gpu->shared_addr, 0), 0);
	igt_assert_eq(colibri_queue_create(&gpu->dev, gate->vm, 1, 16, &gate->queue), 0);
	gate->syncobj = syncobj_new(gpu, false);
	sync = signal_syncobj(gate->syncobj, 0);
	memset(&gpu->shared->mail, 0, sizeof(gpu->shared->mail));
	igt_assert_eq(job_loop(gpu, gate->queue, &sync, 1), 0);
	/* It has read its arguments then. */
	gpu_loop_progress(gpu, 1);
}

void gate_open(struct gpu *gpu)
{
	__atomic_store_n(&gpu->shared->mail.stop, 1, __ATOMIC_RELEASE);
}

void gate_fini(struct gpu *gpu, struct gate *gate)
{
	gate_open(gpu);
	igt_assert_eq(syncobj_status(gpu, gate->syncobj), 0);
	syncobj_free(gpu, gate->syncobj);
	igt_assert_eq(colibri_queue_destroy(&gpu->dev, gate->queue), 0);
	igt_assert_eq(colibri_vm_destroy(&gpu->dev, gate->vm), 0);
}

int syncobj_wait(struct gpu *gpu, uint32_t syncobj, uint64_t point, int64_t timeout_ns)
{
	int64_t deadline = colibri_deadline(timeout_ns);
	int ret;

	if (point)
		ret = drmSyncobjTimelineWait(gpu->dev.fd, &syncobj, &point, 1, deadline, 0, NULL);
	else
		ret = drmSyncobjWait(gpu->dev.fd, &syncobj, 1, deadline, 0, NULL);
	return ret;
}

int syncobj_export(struct gpu *gpu, uint32_t syncobj)
{
	int fd;

	igt_assert_eq(drmSyncobjExportSyncFile(gpu->dev.fd, syncobj, &fd), 0);
	return fd;
}

int sync_file_status(int fd)
{
	struct pollfd pollfd = { .fd = fd, .events = POLLIN };
	struct sync_file_info info = { 0 };

	igt_assert_eq(poll(&pollfd, 1, GPU_TIMEOUT_S * 1000), 1);
	igt_assert_eq(ioctl(fd, SYNC_IOC_FILE_INFO, &info), 0);
	return info.status < 0 ? info.status : 0;
}

int syncobj_status(struct gpu *gpu, uint32_t syncobj)
{
	int fd, status;

	igt_assert_eq(syncobj_wait(gpu, syncobj, 0, GPU_TIMEOUT_S * NSEC_PER_SEC), 0);
	fd = syncobj_export(gpu, syncobj);
	status = sync_file_status(fd);
	close(fd);
	return status;
}

struct drm_colibri_sync wait_syncobj(uint32_t syncobj, uint64_t point)
{
	return point ? colibri_sync_timeline(syncobj, point, 0) : colibri_sync_binary(syncobj, 0);
}

struct drm_colibri_sync signal_syncobj(uint32_t syncobj, uint64_t point)
{
	return point ? colibri_sync_timeline(syncobj, point, DRM_COLIBRI_SYNC_SIGNAL) :
		       colibri_sync_binary(syncobj, DRM_COLIBRI_SYNC_SIGNAL);
}

union colibri_packet job_dispatch(struct gpu *gpu, const char *kernel, const void *args, size_t size)
{
	uint64_t kernarg = gpu_put_args(gpu, args, size);

	gpu->seqno++; /* which place the next arguments get */
	return colibri_packet_dispatch(gpu_kernel(gpu, kernel), kernarg, COLIBRI_WAVE_LANES,
				       COLIBRI_WAVE_LANES);
}

int job_write(struct gpu *gpu, uint32_t queue, unsigned int word, uint64_t value,
	      const struct drm_colibri_sync *syncs, uint32_t num_syncs)
{
	struct scalar_args args = {
		.addr = gpu_shared_addr(gpu, result) + word * sizeof(uint64_t),
		.value = value,
	};
	union colibri_packet packet = job_dispatch(gpu, "scalar_write", &args, sizeof(args));
	struct drm_colibri_exec_item item = colibri_exec_item(queue, &packet, 1);

	return colibri_exec(&gpu->dev, &item, 1, syncs, num_syncs);
}

uint64_t job_word(struct gpu *gpu, unsigned int word)
{
	return __atomic_load_n((uint64_t *)gpu->shared->result + word, __ATOMIC_ACQUIRE);
}

int job_read(struct gpu *gpu, uint64_t addr, const struct drm_colibri_sync *syncs,
		     uint32_t num_syncs)
{
	struct scalar_args args = { .addr = addr, .out = gpu_shared_addr(gpu, result) };
	union colibri_packet packet = job_dispatch(gpu, "scalar_read", &args, sizeof(args));
	struct drm_colibri_exec_item item = colibri_exec_item(gpu->queue, &packet, 1);

	return colibri_exec(&gpu->dev, &item, 1, syncs, num_syncs);
}

uint64_t job_probe(struct gpu *gpu, uint64_t addr)
{
	struct drm_colibri_sync sync = signal_syncobj(syncobj_new(gpu, false), 0);
	int status;

	igt_assert_eq(job_read(gpu, addr, &sync, 1), 0);
	status = syncobj_status(gpu, sync.handle);
	syncobj_free(gpu, sync.handle);
	if (!status)
		return job_word(gpu, 0);
	igt_assert_eq(status, -ECANCELED);
	gpu_new_queue(gpu);
	return UINT64_MAX;
}

int job_loop(struct gpu *gpu, uint32_t queue, const struct drm_colibri_sync *syncs,
	     uint32_t num_syncs)
{
	struct loop_args args = {
		.addr = gpu_shared_addr(gpu, result) + GPU_RESULT_SIZE - sizeof(uint64_t),
		.mail = gpu_shared_addr(gpu, mail),
	};
	union colibri_packet packet = job_dispatch(gpu, "loop_add", &args, sizeof(args));
	struct drm_colibri_exec_item item = colibri_exec_item(queue, &packet, 1);

	return colibri_exec(&gpu->dev, &item, 1, syncs, num_syncs);
}

unsigned int job_timeout(unsigned int ms)
{
	unsigned int was = sys_read(TIMEOUT_PATH);

	sys_write(TIMEOUT_PATH, "%u", ms);
	return was;
}
