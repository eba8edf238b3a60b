// SPDX-License-Identifier: MIT
/*
 * Work that waits in queues, see queued.h.
 */
#include "queued.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>

#include <drm/vgem_drm.h>
#include <linux/dma-buf.h>
#include <xf86drm.h>
#include <xf86drmMode.h>

#include "system.h"
#include "vgem.h"

#define BIND_SIZE	(64 * KiB)

/* A syncobj with a fence that vgem signals when it is told to, or after ten seconds. */
static uint32_t foreign_fence(struct queued *q)
{
	struct dma_buf_export_sync_file export = { .flags = DMA_BUF_SYNC_READ };
	struct drm_vgem_fence_attach attach = { .flags = VGEM_FENCE_WRITE };
	uint32_t syncobj, pitch;
	uint64_t size;
	int buf;

	q->vgem = vgem_open();
	igt_assert_eq(drmModeCreateDumbBuffer(q->vgem, 1024, 4, 32, 0, &attach.handle, &pitch, &size), 0);
	igt_assert_eq(drmPrimeHandleToFD(q->vgem, attach.handle, DRM_CLOEXEC, &buf), 0);
	igt_assert_eq(drmIoctl(q->vgem, DRM_IOCTL_VGEM_FENCE_ATTACH, &attach), 0);
	q->vgem_fence = attach.out_fence;
	igt_assert_eq(ioctl(buf, DMA_BUF_IOCTL_EXPORT_SYNC_FILE, &export), 0);
	syncobj = syncobj_new(&q->gpu, false);
	igt_assert_eq(drmSyncobjImportSyncFile(q->gpu.dev.fd, syncobj, export.fd), 0);
	close(export.fd);
	close(buf);
	return syncobj;
}

static void foreign_signal(struct queued *q)
{
	struct drm_vgem_fence_signal signal = { .fence = q->vgem_fence };
	int ret = drmIoctl(q->vgem, DRM_IOCTL_VGEM_FENCE_SIGNAL, &signal);

	/* On a slow host its time was over before. */
	igt_assert(!ret || errno == ETIMEDOUT);
}

/* Keep what @syncobj is to signal. */
static void keep(struct queued *q, const char *what, uint32_t syncobj)
{
	igt_assert_lt_u64(q->count, QUEUED_MAX);
	q->files[q->count].what = what;
	q->files[q->count++].fd = syncobj_export(&q->gpu, syncobj);
}

/* @first: 0, or what it waits for; returns what it signals. */
static uint32_t queue_job(struct queued *q, const char *what, uint32_t first)
{
	struct drm_colibri_sync syncs[] = {
		signal_syncobj(syncobj_new(&q->gpu, false), 0), wait_syncobj(first, 0),
	};
	uint32_t queue;

	igt_assert_eq(colibri_queue_create(&q->gpu.dev, q->gpu.vm, 1, 16, &queue), 0);
	igt_assert_eq(job_write(&q->gpu, queue, 0, 1, syncs, first ? 2 : 1), 0);
	keep(q, what, syncs[0].handle);
	return syncs[0].handle;
}

static uint32_t queue_bind(struct queued *q, const char *what, uint32_t vm, uint32_t op,
			   uint32_t bo, uint32_t first)
{
	struct drm_colibri_sync syncs[] = {
		signal_syncobj(syncobj_new(&q->gpu, false), 0), wait_syncobj(first, 0),
	};
	struct drm_colibri_vm_bind args = {
		.vm_id = vm, .op = op, .handle = bo, .addr = q->gpu.next_addr, .range = BIND_SIZE,
		.syncs = (uintptr_t)syncs, .num_syncs = first ? 2 : 1,
	};

	igt_assert_eq(colibri_vm_bind(&q->gpu.dev, &args), 0);
	keep(q, what, syncs[0].handle);
	return syncs[0].handle;
}

void queued_start(struct queued *q)
{
	const uint32_t map = DRM_COLIBRI_VM_BIND_OP_MAP, unmap = DRM_COLIBRI_VM_BIND_OP_UNMAP;
	uint32_t foreign, bound, faulting;
	struct colibri_bo bo;

	memset(q, 0, sizeof(*q));
	q->job_timeout = job_timeout(0);
	gpu_init_fenced(&q->gpu);
	igt_assert_eq(colibri_vm_create(&q->gpu.dev, &faulting), 0);
	igt_assert_eq(colibri_bo_create(&q->gpu.dev, BIND_SIZE, DRM_COLIBRI_GEM_VRAM, 0, &bo), 0);
	gate_init(&q->gpu, &q->gate);
	foreign = foreign_fence(q);

	keep(q, "the job that runs", q->gate.syncobj);
	queue_job(q, "a job behind it", q->gate.syncobj);
	queue_job(q, "a job behind another driver", foreign);
	bound = queue_bind(q, "a bind behind the job", q->gpu.vm, map, bo.handle, q->gate.syncobj);
	queue_job(q, "a job behind the bind", bound);
	queue_bind(q, "an unmap behind another driver", q->gpu.vm, unmap, 0, foreign);
	queue_bind(q, "a bind behind the unmap", q->gpu.vm, map, bo.handle, 0);
	queue_bind(q, "a bind of a faulting VM behind the job", faulting, map, bo.handle,
		   q->gate.syncobj);
	queue_bind(q, "an unmap behind that", faulting, unmap, 0, 0);
	colibri_bo_destroy(&q->gpu.dev, &bo);
}

void queued_expect(struct queued *q, int error)
{
	foreign_signal(q);
	for (unsigned int i = 0; i < q->count; i++) {
		int status = sync_file_status(q->files[i].fd);

		igt_assert_f(status == error, "%s ended with %d\n", q->files[i].what, status);
		close(q->files[i].fd);
	}
	close(q->vgem);
	job_timeout(q->job_timeout);
	/* What is left of VMs and queues goes with the file. */
	q->gpu.queue = 0;
	q->gpu.vm = 0;
	gpu_fini(&q->gpu);
}
