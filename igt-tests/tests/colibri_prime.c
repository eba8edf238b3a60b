// SPDX-License-Identifier: MIT
/*
 * Buffers as dma-bufs: shared with files, processes and other drivers.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <linux/dma-buf.h>
#include <linux/udmabuf.h>
#include <xf86drm.h>

#include "gpu_test.h"
#include "vgem.h"

IGT_TEST_DESCRIPTION("Export, import and mapping of dma-bufs");

#define EITHER	(DRM_COLIBRI_GEM_SYSTEM | DRM_COLIBRI_GEM_VRAM)
#define SIZE	(64 * KiB)

static int export(struct gpu *gpu, const struct colibri_bo *bo)
{
	int fd;

	igt_assert_eq(colibri_bo_export(&gpu->dev, bo, &fd), 0);
	return fd;
}

static struct drm_colibri_gem_info info(struct gpu *gpu, uint32_t handle)
{
	struct drm_colibri_gem_info answer;

	igt_assert_eq(colibri_bo_get_info(&gpu->dev, handle, &answer), 0);
	return answer;
}

static void self_import(struct gpu *gpu)
{
	static const uint32_t placements[] = { DRM_COLIBRI_GEM_SYSTEM, DRM_COLIBRI_GEM_VRAM, EITHER };

	for (unsigned int i = 0; i < ARRAY_SIZE(placements); i++) {
		struct colibri_bo bo, again;
		int fd;

		igt_assert_eq(colibri_bo_create(&gpu->dev, SIZE, placements[i], 0, &bo), 0);
		fd = export(gpu, &bo);
		igt_assert_eq(colibri_bo_import(&gpu->dev, fd, &again), 0);
		igt_assert_eq_u32(again.handle, bo.handle);
		igt_assert_eq_u32(info(gpu, bo.handle).flags, 0);
		close(fd);
		colibri_bo_destroy(&gpu->dev, &bo);
	}
}

/* Another file gets a handle of its own for the same memory, which outlives the first. */
static void other_file(struct gpu *gpu)
{
	static const uint32_t placements[] = { DRM_COLIBRI_GEM_SYSTEM, DRM_COLIBRI_GEM_VRAM, EITHER };

	for (unsigned int i = 0; i < ARRAY_SIZE(placements); i++) {
		struct colibri_device other;
		struct colibri_bo bo, theirs;
		int fd;

		igt_assert_eq(colibri_bo_create(&gpu->dev, SIZE, placements[i], 0, &bo), 0);
		fd = export(gpu, &bo);
		cpu_ramp_write(bo.map, SIZE, 100 + i);
		igt_assert_eq(colibri_device_open(&other, 0), 0);
		igt_assert_eq(colibri_bo_import(&other, fd, &theirs), 0);
		close(fd);
		colibri_bo_destroy(&gpu->dev, &bo);
		igt_assert_eq(colibri_bo_map(&other, &theirs), 0);
		igt_assert_eq_u64(theirs.size, SIZE);
		igt_assert_eq_u64(cpu_ramp_errors(theirs.map, SIZE, 100 + i), 0);
		colibri_bo_destroy(&other, &theirs);
		colibri_device_close(&other);
	}
}

/* Two processes' GPU work on one buffer */
static void other_process(struct gpu *gpu)
{
	struct colibri_bo bo;
	int fd;

	igt_assert_eq(colibri_bo_create(&gpu->dev, SIZE, EITHER, 0, &bo), 0);
	cpu_ramp_write(bo.map, SIZE, 5);
	fd = export(gpu, &bo);
	igt_fork(child, 1) {
		struct gpu own = { 0 };
		struct colibri_bo theirs;

		gpu_init_buffers_only(&own);
		igt_assert_eq(colibri_bo_import(&own.dev, fd, &theirs), 0);
		igt_assert_eq(colibri_vm_map(&own.dev, own.vm, &theirs, own.next_addr, 0), 0);
		gpu_ramp_add(&own, (void *)own.next_addr, SIZE, 10);
		gpu_fini(&own);
	}
	igt_waitchildren_timeout(GPU_TIMEOUT_S, "the child works");
	igt_assert_eq_u64(cpu_ramp_errors(bo.map, SIZE, 15), 0);
	close(fd);
	colibri_bo_destroy(&gpu->dev, &bo);
}

static void sync_ioctl(int fd, uint64_t flags)
{
	struct dma_buf_sync sync = { .flags = flags };

	igt_assert_eq(ioctl(fd, DMA_BUF_IOCTL_SYNC, &sync), 0);
}

static void mmap_dmabuf(struct gpu *gpu)
{
	static const uint32_t placements[] = { DRM_COLIBRI_GEM_SYSTEM, DRM_COLIBRI_GEM_VRAM, EITHER };

	for (unsigned int i = 0; i < ARRAY_SIZE(placements); i++) {
		struct colibri_bo bo;
		void *map;
		int fd;

		igt_assert_eq(colibri_bo_create(&gpu->dev, SIZE, placements[i], 0, &bo), 0);
		fd = export(gpu, &bo);
		map = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
		igt_assert(map != MAP_FAILED);
		igt_assert(mmap(NULL, SIZE, PROT_READ, MAP_SHARED, fd, SIZE) == MAP_FAILED);
		sync_ioctl(fd, DMA_BUF_SYNC_START | DMA_BUF_SYNC_WRITE);
		cpu_ramp_write(map, SIZE, 7);
		sync_ioctl(fd, DMA_BUF_SYNC_END | DMA_BUF_SYNC_WRITE);
		igt_assert_eq_u64(cpu_ramp_errors(bo.map, SIZE, 7), 0);
		cpu_ramp_write(bo.map, SIZE, 8);
		close(fd);
		colibri_bo_destroy(&gpu->dev, &bo);
		/* The mapping keeps the buffer. */
		igt_assert_eq_u64(cpu_ramp_errors(map, SIZE, 8), 0);
		munmap(map, SIZE);
	}
}

/* ---- Other drivers ------------------------------------------------------- */

/* A buffer of vgem, mapped, as a dma-buf */
static int vgem_dmabuf(int vgem, void **map)
{
	struct drm_mode_create_dumb create = { .width = SIZE / 64, .height = 16, .bpp = 32 };
	struct drm_mode_map_dumb args = { 0 };
	int fd;

	igt_assert_eq(drmIoctl(vgem, DRM_IOCTL_MODE_CREATE_DUMB, &create), 0);
	igt_assert_eq_u64(create.size, SIZE);
	args.handle = create.handle;
	igt_assert_eq(drmIoctl(vgem, DRM_IOCTL_MODE_MAP_DUMB, &args), 0);
	*map = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, vgem, args.offset);
	igt_assert(*map != MAP_FAILED);
	igt_assert_eq(drmPrimeHandleToFD(vgem, create.handle, DRM_CLOEXEC | DRM_RDWR, &fd), 0);
	return fd;
}

/* The GPU works on memory that another driver made. */
static void use_import(struct gpu *gpu, int fd, void *map)
{
	struct drm_colibri_gem_info answer;
	struct colibri_bo bo;

	igt_assert_eq(colibri_bo_import(&gpu->dev, fd, &bo), 0);
	igt_assert_eq_u64(bo.size, SIZE);
	answer = info(gpu, bo.handle);
	igt_assert_eq_u32(answer.flags, DRM_COLIBRI_GEM_IMPORTED);
	igt_assert_eq_u32(answer.resident, DRM_COLIBRI_GEM_SYSTEM);
	cpu_ramp_write(map, SIZE, 30);
	igt_assert_eq(colibri_vm_map(&gpu->dev, gpu->vm, &bo, gpu->next_addr, 0), 0);
	gpu_ramp_add(gpu, (void *)gpu->next_addr, SIZE, 3);
	igt_assert_eq_u64(cpu_ramp_errors(map, SIZE, 33), 0);
	igt_assert_eq(colibri_bo_map(&gpu->dev, &bo), 0);
	igt_assert_eq_u64(cpu_ramp_errors(bo.map, SIZE, 33), 0);
	igt_assert_eq(colibri_vm_unmap(&gpu->dev, gpu->vm, gpu->next_addr, SIZE), 0);
	colibri_bo_destroy(&gpu->dev, &bo);
}

static void import_vgem(struct gpu *gpu)
{
	int vgem = vgem_open(), fd;
	void *map;

	fd = vgem_dmabuf(vgem, &map);
	use_import(gpu, fd, map);
	munmap(map, SIZE);
	close(fd);
	close(vgem);
}

static void import_udmabuf(struct gpu *gpu)
{
	struct udmabuf_create create = { .size = SIZE, .flags = UDMABUF_FLAGS_CLOEXEC };
	int dev, fd;
	void *map;

	igt_require_f(!system("modprobe -q udmabuf || test -c /dev/udmabuf"), "the kernel has no udmabuf\n");
	dev = open("/dev/udmabuf", O_RDWR | O_CLOEXEC);
	igt_require_f(dev >= 0, "no /dev/udmabuf\n");
	create.memfd = memfd_create("colibri", MFD_ALLOW_SEALING | MFD_CLOEXEC);
	igt_assert_eq(ftruncate(create.memfd, SIZE), 0);
	igt_assert_eq(fcntl(create.memfd, F_ADD_SEALS, F_SEAL_SHRINK), 0);
	fd = ioctl(dev, UDMABUF_CREATE, &create);
	igt_assert(fd >= 0);
	map = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, create.memfd, 0);
	igt_assert(map != MAP_FAILED);
	use_import(gpu, fd, map);
	munmap(map, SIZE);
	close(fd);
	close(create.memfd);
	close(dev);
}

/* Another driver attaches: the buffer moves to system memory, and stays there meanwhile. */
static void export_vgem(struct gpu *gpu)
{
	int vgem = vgem_open(), fd;
	struct colibri_bo bo;
	uint64_t addr;
	uint32_t handle;

	addr = gpu_bind_bo(gpu, &bo, SIZE, EITHER, 0, 0);
	igt_assert_eq_u32(info(gpu, bo.handle).resident, DRM_COLIBRI_GEM_VRAM);
	gpu_ramp_write(gpu, (void *)addr, SIZE, 50);
	fd = export(gpu, &bo);
	igt_assert_eq_u32(info(gpu, bo.handle).resident, DRM_COLIBRI_GEM_VRAM);
	igt_assert_eq(drmPrimeFDToHandle(vgem, fd, &handle), 0);
	igt_assert_eq_u32(info(gpu, bo.handle).resident, DRM_COLIBRI_GEM_SYSTEM);
	igt_assert_eq_u64(cpu_ramp_errors(bo.map, SIZE, 50), 0);
	gpu_ramp_add(gpu, (void *)addr, SIZE, 1);
	igt_assert_eq_u64(cpu_ramp_errors(bo.map, SIZE, 51), 0);
	igt_assert_eq(colibri_vm_prefetch(&gpu->dev, gpu->vm, addr, SIZE, DRM_COLIBRI_SVM_LOC_VRAM), 0);
	igt_assert_eq_u32(info(gpu, bo.handle).resident, DRM_COLIBRI_GEM_SYSTEM);

	igt_assert_eq(drmCloseBufferHandle(vgem, handle), 0);
	igt_assert_eq(colibri_vm_prefetch(&gpu->dev, gpu->vm, addr, SIZE, DRM_COLIBRI_SVM_LOC_VRAM), 0);
	igt_assert_eq_u32(info(gpu, bo.handle).resident, DRM_COLIBRI_GEM_VRAM);
	igt_assert_eq_u64(gpu_ramp_errors(gpu, (void *)addr, SIZE, 51), 0);
	close(fd);
	colibri_bo_destroy(&gpu->dev, &bo);
	close(vgem);
}

static void export_vram(struct gpu *gpu)
{
	int vgem = vgem_open(), fd;
	struct colibri_bo bo;
	uint32_t handle;

	igt_assert_eq(colibri_bo_create(&gpu->dev, SIZE, DRM_COLIBRI_GEM_VRAM, 0, &bo), 0);
	fd = export(gpu, &bo);
	igt_assert(drmPrimeFDToHandle(vgem, fd, &handle) < 0);
	igt_assert_eq(errno, EOPNOTSUPP);
	igt_assert_eq_u32(info(gpu, bo.handle).resident, DRM_COLIBRI_GEM_VRAM);
	close(fd);
	colibri_bo_destroy(&gpu->dev, &bo);
	close(vgem);
}

static void import_bad(struct gpu *gpu)
{
	struct colibri_bo bo;
	int fd = memfd_create("colibri", MFD_CLOEXEC);

	igt_assert_eq(colibri_bo_import(&gpu->dev, -1, &bo), -EBADF);
	igt_assert_eq(colibri_bo_import(&gpu->dev, fd, &bo), -EINVAL);
	close(fd);
}

/* Whoever holds the dma-buf keeps the memory, not the process that made it. */
static void exporter_dies(struct gpu *gpu)
{
	struct colibri_bo bo;
	void *map;
	int fd;

	igt_assert_eq(colibri_bo_create(&gpu->dev, SIZE, DRM_COLIBRI_GEM_VRAM, 0, &bo), 0);
	cpu_ramp_write(bo.map, SIZE, 60);
	fd = export(gpu, &bo);
	munmap(bo.map, SIZE);
	colibri_device_close(&gpu->dev);
	igt_assert_eq(colibri_device_open(&gpu->dev, 0), 0);
	igt_assert_eq(colibri_bo_import(&gpu->dev, fd, &bo), 0);
	igt_assert_eq(colibri_bo_map(&gpu->dev, &bo), 0);
	igt_assert_eq_u64(cpu_ramp_errors(bo.map, SIZE, 60), 0);
	map = mmap(NULL, SIZE, PROT_READ, MAP_SHARED, fd, 0);
	igt_assert(map != MAP_FAILED);
	igt_assert_eq_u64(cpu_ramp_errors(map, SIZE, 60), 0);
	munmap(map, SIZE);
	close(fd);
	colibri_bo_destroy(&gpu->dev, &bo);
	gpu->vm = 0;
	gpu->queue = 0;
}

static const struct gpu_test tests[] = {
	{ "self-import", self_import, "a file that imports its own buffer gets the same handle" },
	{ "other-file", other_file, "another file gets the same memory, which outlives the first handle" },
	{ "other-process", other_process, "the GPU work of two processes meets in one buffer" },
	{ "mmap", mmap_dmabuf, "a dma-buf of each placement can be mapped, and keeps the buffer" },
	{ "import-vgem", import_vgem, "the GPU works on a buffer of vgem" },
	{ "import-udmabuf", import_udmabuf, "the GPU works on a memfd by udmabuf" },
	{ "export-vgem", export_vgem, "a buffer moves to system memory when another driver attaches" },
	{ "export-vram", export_vram, "nobody else can attach to a buffer of VRAM alone: EOPNOTSUPP" },
	{ "import-bad", import_bad, "what is no dma-buf is refused" },
	{ "exporter-dies", exporter_dies, "a dma-buf outlives the file that made the buffer" },
};

igt_main()
{
	gpu_run_tests(tests, ARRAY_SIZE(tests), gpu_init_buffers_only);
}
