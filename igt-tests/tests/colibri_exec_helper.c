// SPDX-License-Identifier: MIT
/*
 * Not a test: what colibri_svm_process@exec-of-owner execs. Checks that exec
 * stopped the kernel that ran in the process's memory, and that this program may not
 * use the VM and the queue of the one before it (EACCES), but may destroy them.
 *
 * usage: colibri_exec_helper FD VM QUEUE MAILBOX-BUFFER
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

int main(int argc, char **argv)
{
	union colibri_packet nop = colibri_packet_vendor(COLIBRI_OP_NOP);
	struct drm_colibri_svm_stats stats;
	struct colibri_device dev;
	uint32_t vm, queue;
	int bad = 0;

	if (argc != 5)
		return 2;
	dev.fd = atoi(argv[1]);
	vm = strtoul(argv[2], NULL, 0);
	queue = strtoul(argv[3], NULL, 0);

	bad += expect_stopped(&dev, strtoul(argv[4], NULL, 0));
	bad += expect("QUEUE_SUBMIT", colibri_queue_submit(&dev, queue, &nop, 1), -EACCES);
	bad += expect("VM_BIND", colibri_vm_mirror(&dev, vm), -EACCES);
	bad += expect("SVM_STATS", colibri_svm_get_stats(&dev, vm, &stats), -EACCES);
	bad += expect("QUEUE_DESTROY", colibri_queue_destroy(&dev, queue), 0);
	bad += expect("VM_DESTROY", colibri_vm_destroy(&dev, vm), 0);
	return bad ? 1 : 0;
}
