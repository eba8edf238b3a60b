// SPDX-License-Identifier: MIT
/*
 * Operations on files and processes, and contexts: what a program has that computes.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <drm.h>

#include "file_message.h"
#include "fuzz.h"
#include "gpu_program.h"

/* ---- Contexts ------------------------------------------------------------*/

static int bind_new(const struct colibri_device *dev, struct file *file, uint32_t vm,
		    uint64_t offset, uint64_t size, uint32_t gem_flags, uint32_t bind_flags,
		    struct colibri_bo *bo)
{
	int ret = colibri_bo_create(dev, size, DRM_COLIBRI_GEM_SYSTEM, gem_flags, bo);

	if (ret)
		return ret;
	pool_add(&file->pools[KIND_BO], bo->handle);
	ret = colibri_vm_map(dev, vm, bo, dev->info.va_zone_start + offset, bind_flags);
	if (ret)
		munmap(bo->map, bo->size);
	return ret;
}

static int add_code(const struct colibri_device *dev, struct file *file, uint32_t vm)
{
	struct colibri_bo bo;
	int ret = bind_new(dev, file, vm, CONTEXT_CODE, gpu_program_size(), 0,
			   DRM_COLIBRI_VM_BIND_READONLY | DRM_COLIBRI_VM_BIND_EXEC, &bo);

	if (ret)
		return ret;
	gpu_program_load(bo.map, dev->info.va_zone_start + CONTEXT_CODE);
	munmap(bo.map, bo.size);
	return 0;
}

/* Stays mapped, for arguments. */
static int add_shared(struct thread *thread, const struct colibri_device *dev, struct file *file,
		      uint32_t vm)
{
	struct mapping *mapping = &thread->process->mappings[file - thread->process->files];
	struct colibri_bo bo;
	uintptr_t old;
	int ret = bind_new(dev, file, vm, CONTEXT_SHARED, CONTEXT_SHARED_SIZE, 0, 0, &bo);

	if (ret)
		return ret;
	old = atomic_exchange(&mapping->word, (uintptr_t)bo.map | bo.size / PAGE_SIZE);
	if (old)
		munmap(mapping_addr(old), mapping_size(old));
	return 0;
}

static int add_fences(const struct colibri_device *dev, struct file *file, uint32_t vm)
{
	struct colibri_bo bo;
	int ret = bind_new(dev, file, vm, CONTEXT_FENCE, PAGE_SIZE, DRM_COLIBRI_GEM_FENCE, 0, &bo);

	if (ret)
		return ret;
	pool_add(&file->pools[KIND_FENCE], bo.handle);
	munmap(bo.map, bo.size);
	return 0;
}

static void add_queues(const struct colibri_device *dev, struct file *file, uint32_t vm)
{
	struct drm_syncobj_create syncobj = { 0 };
	uint32_t queue;

	for (unsigned int i = 0; i < 2; i++)
		if (!colibri_queue_create(dev, vm, i, 64, &queue))
			pool_add(&file->pools[KIND_QUEUE], queue);
	if (!ioctl(dev->fd, DRM_IOCTL_SYNCOBJ_CREATE, &syncobj))
		pool_add(&file->pools[KIND_SYNCOBJ], syncobj.handle);
}

static int open_file(struct thread *thread, struct file *file)
{
	int fd = open(thread->process->node, O_RDWR | O_CLOEXEC), none = -1;

	if (fd < 0)
		return -errno;
	if (!atomic_compare_exchange_strong(&file->fd, &none, fd))
		close(fd);
	return 0;
}

/* Open the file, unless it is open, and make a VM on which packets work. */
int op_context(struct thread *thread, const struct call *call)
{
	struct colibri_device dev = thread->process->info;
	bool fenced = call->number[NUMBER_FIELD] % 4 == 0;
	struct file *file = thread->file;
	uint32_t vm;
	int ret = 0;

	if (file->fd < 0)
		ret = open_file(thread, file);
	dev.fd = file->fd;
	if (!ret)
		ret = fenced ? colibri_vm_create_fenced(&dev, &vm) : colibri_vm_create(&dev, &vm);
	if (ret)
		return ret;
	pool_add(&file->pools[KIND_VM], vm);
	ret = add_code(&dev, file, vm);
	if (!ret)
		ret = add_shared(thread, &dev, file, vm);
	if (!ret)
		ret = add_fences(&dev, file, vm);
	if (!ret && !fenced)
		ret = colibri_vm_mirror(&dev, vm);
	if (!ret)
		add_queues(&dev, file, vm);
	return ret;
}

/* ---- Files ---------------------------------------------------------------*/

/* Close a file with all that it has, whoever uses it just now; mostly, begin anew. */
int op_close(struct thread *thread, const struct call *call)
{
	struct file *file = thread->file;
	int fd = atomic_exchange(&file->fd, -1);

	if (fd < 0)
		return op_context(thread, call);
	for (unsigned int kind = 0; kind < NUM_FILE_POOLS; kind++)
		pool_clear(&file->pools[kind]);
	close(fd);
	return call->number[NUMBER_FIELD + 1] % 16 ? op_context(thread, call) : 0;
}

int op_dup(struct thread *thread, const struct call *call)
{
	uint32_t number = call->number[NUMBER_FIELD];
	int from = number & 1 ? thread->file->fd : (int)pool_pick(&thread->process->fds, number);
	int fd = fcntl(from, F_DUPFD_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	pool_add(&thread->process->fds, fd);
	return 0;
}

/* One of the pool: they are no others than those that operations put there. */
int op_close_fd(struct thread *thread, const struct call *call)
{
	int fd = (int)pool_pick(&thread->process->fds, call->number[NUMBER_FIELD]);

	if (!fd)
		return -ENOENT;
	pool_remove(&thread->process->fds, fd);
	return close(fd) ? -errno : 0;
}

/* To whoever receives it, most likely another process of another user. */
int op_send(struct thread *thread, const struct call *call)
{
	uint32_t number = call->number[NUMBER_FIELD];
	int fd = number % 4 ? (int)pool_pick(&thread->process->fds, number >> 2) : thread->file->fd;

	return file_message_send(thread->process->send, fd, MSG_DONTWAIT);
}

int op_receive(struct thread *thread, const struct call *call)
{
	int fd = file_message_receive(thread->process->receive, MSG_DONTWAIT);

	(void)call;
	if (fd < 0)
		return fd;
	pool_add(&thread->process->fds, fd);
	return 0;
}

/* What can be asked of a file without an ioctl. */
int op_look(struct thread *thread, const struct call *call)
{
	uint32_t number = call->number[NUMBER_FIELD];
	int fd = number & 1 ? thread->file->fd : (int)pool_pick(&thread->process->fds, number >> 2);
	struct pollfd poll_fd = { .fd = fd, .events = POLLIN | POLLOUT };
	char path[64], text[4096];
	ssize_t length;
	struct stat stat;
	int info;

	if (number & 2)
		return poll(&poll_fd, 1, 0) < 0 || lseek(fd, 0, SEEK_END) < 0 || fstat(fd, &stat) ?
		       -errno : 0;
	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	info = open(path, O_RDONLY | O_CLOEXEC);
	if (info < 0)
		return -errno;
	length = read(info, text, sizeof(text));
	close(info);
	return length < 0 ? -errno : 0;
}

/*
 * Numbers, sizes and directions that there are not. Not those of syncobjs, as the kernel warns
 * when they say that there are many.
 */
int op_raw_ioctl(struct thread *thread, const struct call *call)
{
	uint32_t number = call->number[NUMBER_FIELD];
	unsigned int nr = number & 1 ? DRM_COMMAND_BASE + (number >> 8) % 0x20 : number >> 8 & 0x7f;
	uint8_t args[1 << 10] = { 0 };
	int ret;

	for (unsigned int i = 0; i < 16; i++)
		args[rng_below(&thread->rng, 96)] = rng_next(&thread->rng);
	ret = ioctl(thread->file->fd, _IOC(number >> 1 & 3, DRM_IOCTL_BASE, nr,
					   (number >> 16) % sizeof(args)), args);
	return ret < 0 ? -errno : 0;
}

/* ---- Submission without calls --------------------------------------------*/

/* Its mappings outlive this, and perhaps the queue. */
int op_ring(struct thread *thread, const struct call *call)
{
	struct colibri_device dev = { .fd = thread->file->fd };
	uint32_t vm = pool_pick(&thread->file->pools[KIND_VM], call->number[NUMBER_FIELD]);
	uint32_t count = 1 + call->number[NUMBER_FIELD + 1] % 8;
	union colibri_packet packets[8];
	struct colibri_ring ring;
	int ret = colibri_ring_create(&dev, vm, 0, 16, &ring);

	if (ret)
		return ret;
	pool_add(&thread->file->pools[KIND_QUEUE], ring.queue);
	packets_fill(thread, packets, count);
	/* As colibri_ring_submit(), but another thread may destroy the queue in between. */
	guarded_copy(thread, ring.packets, packets, count * sizeof(packets[0]));
	guarded_copy(thread, (void *)&ring.cb->write_index, &(uint64_t){ count }, sizeof(uint64_t));
	guarded_copy(thread, (void *)ring.doorbell, &count, sizeof(count));
	mapping_keep(thread->process, ring.cb, ring.map_size);
	mapping_keep(thread->process, ring.doorbell, COLIBRI_DOORBELL_SIZE);
	return 0;
}

/* ---- Processes -----------------------------------------------------------*/

static void child(struct thread *thread, uint32_t number)
{
	static struct worker_state own;
	struct call call;

	/* Its parent goes on, and is interrupted by what this says of its calls. */
	thread->worker = &own;
	thread->state = &own.threads[thread->index];
	/* Whatever the calls wait for. */
	alarm(10);
	if (number % 8 == 0)
		execl("/bin/true", "true", NULL);
	for (uint32_t i = 0; i < number % 8; i++) {
		do
			sequence_random_call(&thread->rng, &call);
		while (fuzz_ops[call.op].run == op_fork);
		op_make(thread, &call);
	}
	_exit(0);
}

/* A child with all files, which may not use its parent's VMs, and everything copied on write. */
int op_fork(struct thread *thread, const struct call *call)
{
	pid_t pid = fork();

	if (pid == 0)
		child(thread, call->number[NUMBER_FIELD]);
	return pid < 0 ? -errno : 0;
}
