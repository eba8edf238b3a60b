// SPDX-License-Identifier: MIT
/*
 * What can happen to a GPU from outside, see gpu_power.h.
 */
#include "gpu_power.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "system.h"

#define CONTROL_PORT	"/dev/virtio-ports/colibri.gpus"
#define CONTROL_LOCK	"/run/colibri-gpus.lock"

void gpu_power_require(void)
{
	igt_require_f(!access(CONTROL_PORT, R_OK | W_OK), "needs a VM with --gpu-may-die\n");
}

void gpu_power(const char *verb, const char *options)
{
	int lock = open(CONTROL_LOCK, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	char text[256];
	ssize_t n;
	int port;

	/* The port takes one opener at a time. */
	igt_assert(lock >= 0 && !flock(lock, LOCK_EX));
	port = open(CONTROL_PORT, O_RDWR | O_CLOEXEC);
	igt_assert(port >= 0);
	n = snprintf(text, sizeof(text), "%s 0 %s\n", verb, options);
	igt_assert_eq(write(port, text, n), n);
	n = read(port, text, sizeof(text) - 1);
	igt_assert(n > 0);
	text[n] = 0;
	igt_assert_f(!strcmp(text, "ok\n"), "%s: %s", verb, text);
	close(port);
	close(lock);
}

char *gpu_slot(const struct gpu *gpu)
{
	char path[64], device[PATH_MAX];
	struct stat st;

	igt_assert_eq(fstat(gpu->dev.fd, &st), 0);
	snprintf(path, sizeof(path), "/sys/dev/char/%u:%u/device", major(st.st_rdev),
		 minor(st.st_rdev));
	igt_assert(realpath(path, device));
	return strdup(basename(device));
}

int gpu_slot_write(const char *slot, const char *file, const char *text)
{
	char path[128];

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/%s", slot, file);
	return sys_try_write(path, "%s", text);
}

int gpu_unbind(const char *slot)
{
	return sys_try_write("/sys/bus/pci/drivers/colibri/unbind", "%s", slot);
}

int gpu_bind(const char *slot)
{
	return sys_try_write("/sys/bus/pci/drivers/colibri/bind", "%s", slot);
}

void gpu_wait_ready(void)
{
	struct colibri_device dev;
	struct timespec start = {};

	/* For kernels without a driver for PCI slots. */
	sys_try_write("/sys/bus/pci/rescan", "1");
	igt_nsec_elapsed(&start);
	while (colibri_device_open(&dev, 0)) {
		igt_assert_f(igt_nsec_elapsed(&start) < GPU_TIMEOUT_S * NSEC_PER_SEC,
			     "no new device came up\n");
		cpu_pause();
	}
	colibri_device_close(&dev);
}

void gpu_replace(const char *slot)
{
	igt_assert_eq(gpu_slot_write(slot, "remove", "1"), 0);
	gpu_power("plug", "");
	gpu_wait_ready();
}

void gpu_wait_lost(const struct gpu *gpu, unsigned int seconds)
{
	struct timespec start = {};
	uint32_t vm;
	int ret;

	igt_nsec_elapsed(&start);
	while (!(ret = colibri_vm_create(&gpu->dev, &vm))) {
		colibri_vm_destroy(&gpu->dev, vm);
		igt_assert_f(igt_nsec_elapsed(&start) < seconds * (uint64_t)NSEC_PER_SEC,
			     "the loss was not noticed in %u s\n", seconds);
		cpu_pause();
	}
	igt_assert_eq(ret, -ENODEV);
}

void gpu_close_lost(struct gpu *gpu, int error)
{
	struct drm_colibri_queue_state state;
	struct drm_colibri_svm_stats stats;
	struct colibri_bo bo;
	uint16_t page;
	uint32_t id;

	igt_assert_eq(colibri_vm_create(&gpu->dev, &id), -ENODEV);
	igt_assert_eq(colibri_bo_create(&gpu->dev, PAGE_SIZE, DRM_COLIBRI_GEM_SYSTEM, 0, &bo),
		      -ENODEV);
	igt_assert_eq(colibri_queue_create(&gpu->dev, gpu->vm, 1, 64, &id), -ENODEV);
	igt_assert_eq(colibri_vm_unmap(&gpu->dev, gpu->vm, gpu->code_addr, PAGE_SIZE), -ENODEV);
	igt_assert_eq(colibri_svm_prefetch(&gpu->dev, gpu->vm, (void *)PAGE_SIZE, PAGE_SIZE, 0),
		      -ENODEV);
	igt_assert_eq(colibri_svm_query(&gpu->dev, gpu->vm, (void *)PAGE_SIZE, PAGE_SIZE, &page),
		      -ENODEV);
	igt_assert_eq(colibri_fence_wait(&gpu->dev, &gpu->fence, 0, DRM_COLIBRI_WAIT_EQ, ~0ull, 0,
					 INT64_MAX), -ENODEV);
	igt_assert_eq(colibri_queue_submit(&gpu->dev, gpu->queue, (union colibri_packet[]) {
						colibri_packet_vendor(COLIBRI_OP_NOP) }, 1), -ENODEV);
	/* What asks for no device works, as long as there is a driver. */
	igt_assert_eq(colibri_queue_get_state(&gpu->dev, gpu->queue, &state), error);
	igt_assert_eq(colibri_svm_get_stats(&gpu->dev, gpu->vm, &stats), error);
	igt_assert_eq(colibri_queue_destroy(&gpu->dev, gpu->queue), error);
	igt_assert_eq(colibri_vm_destroy(&gpu->dev, gpu->vm), error);

	gpu->queue = 0;
	gpu->vm = 0;
	gpu_fini(gpu);
}

void gpu_replace_lost(struct gpu *gpu, char *slot)
{
	gpu_close_lost(gpu, 0);
	gpu_replace(slot);
	free(slot);
}

void gpu_fini_early(struct gpu *gpu)
{
	gpu_fini(gpu);
	gpu->queue = 0;
	gpu->vm = 0;
}

static __thread sigjmp_buf sigbus_return;
static __thread void *sigbus_addr;

static void on_sigbus(int signal, siginfo_t *info, void *context)
{
	(void)signal;
	(void)context;
	sigbus_addr = info->si_addr;
	siglongjmp(sigbus_return, 1);
}

bool read_or_sigbus(const volatile void *addr, uint32_t *value)
{
	struct sigaction action = { .sa_sigaction = on_sigbus, .sa_flags = SA_SIGINFO };

	igt_assert_eq(sigaction(SIGBUS, &action, NULL), 0);
	if (sigsetjmp(sigbus_return, 1)) {
		igt_assert_eq_u64((uintptr_t)sigbus_addr & -PAGE_SIZE, (uintptr_t)addr & -PAGE_SIZE);
		return false;
	}
	*value = *(const volatile uint32_t *)addr;
	return true;
}
