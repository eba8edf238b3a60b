// SPDX-License-Identifier: MIT
/*
 * Not a test: what gpu_exec_helper() execs. Checks that exec stopped the kernel that ran
 * in the process's memory, and that this program may not use the VM and the queue of
 * the one before it (EACCES), nor map its ring and doorbell, but may destroy them.
 *
 * usage: colibri_exec_helper FD VM QUEUE MAILBOX-BUFFER RING-OFFSET RING-SIZE DOORBELL-OFFSET
 * (size 0: there was no ring)
 */
#include <stdio.h>
#include <stdlib.h>
#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#include "libcolibri_drm.h"
#include "kernels.h"

static int expect(const char *call, int ret, int expected)
{
	if (ret == expected)
		return 0;
	fprintf(stderr, "after exec, %s returned %d instead of %d\n", call, ret, expected);
	return 1;
}

static int expect_stopped(const struct colibri_device *dev, uint32_t handle)
{
	struct drm_colibri_gem_mmap_offset args = { .handle = handle };
	volatile struct mailbox *mail;
	uint64_t before;

	if (colibri_ioctl(dev->fd, DRM_IOCTL_COLIBRI_GEM_MMAP_OFFSET, &args))
		return expect("GEM_MMAP_OFFSET", -errno, 0);
	mail = mmap(NULL, sizeof(*mail), PROT_READ, MAP_SHARED, dev->fd, args.offset);
	if (mail == MAP_FAILED)
		return expect("mmap", -errno, 0);
	before = mail->progress;
	usleep(200 * 1000);
	if (mail->progress == before)
		return 0;
	fprintf(stderr, "the kernel runs on after exec\n");
	return 1;
}

static int expect_refused(const struct colibri_device *dev, const char *what, size_t size, int prot,
			  uint64_t offset)
{
	void *map = mmap(NULL, size, prot, MAP_SHARED, dev->fd, offset);

	return expect(what, map == MAP_FAILED ? -errno : 0, -EACCES);
}

int main(int argc, char **argv)
{
	union colibri_packet nop = colibri_packet_vendor(COLIBRI_OP_NOP);
	struct drm_colibri_svm_stats stats;
	struct colibri_device dev;
	uint32_t vm, queue;
	size_t ring_size;
	int bad = 0;

	if (argc != 8)
		return 2;
	dev.fd = atoi(argv[1]);
	vm = strtoul(argv[2], NULL, 0);
	queue = strtoul(argv[3], NULL, 0);

	bad += expect_stopped(&dev, strtoul(argv[4], NULL, 0));
	bad += expect("QUEUE_SUBMIT", colibri_queue_submit(&dev, queue, &nop, 1), -EACCES);
	bad += expect("VM_BIND", colibri_vm_mirror(&dev, vm), -EACCES);
	bad += expect("SVM_STATS", colibri_svm_get_stats(&dev, vm, &stats), -EACCES);
	ring_size = strtoul(argv[6], NULL, 0);
	if (ring_size) {
		bad += expect_refused(&dev, "mmap of the ring", ring_size, PROT_READ | PROT_WRITE,
				      strtoull(argv[5], NULL, 0));
		bad += expect_refused(&dev, "mmap of the doorbell", COLIBRI_DOORBELL_SIZE, PROT_WRITE,
				      strtoull(argv[7], NULL, 0));
	}
	bad += expect("QUEUE_DESTROY", colibri_queue_destroy(&dev, queue), 0);
	bad += expect("VM_DESTROY", colibri_vm_destroy(&dev, vm), 0);
	return bad ? 1 : 0;
}
