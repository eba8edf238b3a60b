// SPDX-License-Identifier: MIT
/*
 * Two unprivileged processes of different users: what calls, files and mappings say and do about what is
 * another's. colibri_isolation.c is about memory.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include <drm.h>
#include <xf86drm.h>

#include "gpu_test.h"
#include "users.h"

IGT_TEST_DESCRIPTION("What calls and files tell a process of another process");

#define SECRET	0x5ec2e7ull

/* ---- Handles ------------------------------------------------------------- */

/* All calls that name something, with a number that is another's, must say @error. */
static void expect_refused(const struct colibri_device *dev, const struct gpu *theirs, int error)
{
	union colibri_packet nop = colibri_packet_vendor(COLIBRI_OP_NOP);
	struct drm_colibri_exec_item item = colibri_exec_item(theirs->queue, &nop, 1);
	struct drm_colibri_queue_state queue_state;
	struct drm_colibri_vm_state vm_state;
	struct drm_colibri_svm_stats stats;
	uint64_t *page = map_anonymous(PAGE_SIZE, PAGE_SIZE);
	uint64_t zone = dev->info.va_zone_start;
	uint32_t number;
	uint16_t where;

	igt_assert_eq(colibri_vm_get_state(dev, theirs->vm, &vm_state), error);
	igt_assert_eq(colibri_vm_mirror(dev, theirs->vm), error);
	igt_assert_eq(colibri_vm_unmap(dev, theirs->vm, zone, PAGE_SIZE), error);
	igt_assert_eq(colibri_vm_prefetch(dev, theirs->vm, zone, PAGE_SIZE, 0), error);
	igt_assert_eq(colibri_group_create(dev, theirs->vm, 0, &number), error);
	igt_assert_eq(colibri_queue_create(dev, theirs->vm, 0, 16, &number), error);
	igt_assert_eq(colibri_queue_get_state(dev, theirs->queue, &queue_state), error);
	igt_assert_eq(colibri_queue_submit(dev, theirs->queue, &nop, 1), error);
	igt_assert_eq(colibri_exec(dev, &item, 1, NULL, 0), error);
	igt_assert_eq(colibri_svm_get_stats(dev, theirs->vm, &stats), error);
	igt_assert_eq(colibri_svm_prefetch(dev, theirs->vm, page, PAGE_SIZE, 0), error);
	igt_assert_eq(colibri_svm_advise(dev, theirs->vm, page, PAGE_SIZE, 0, 0), error);
	igt_assert_eq(colibri_svm_query(dev, theirs->vm, page, PAGE_SIZE, &where), error);
}

/* What the file does not have at all, so that nobody can destroy it, either. */
static void expect_unknown(const struct colibri_device *dev, const struct gpu *theirs)
{
	const uint32_t handles[] = {
		theirs->code.handle, theirs->shared_bo.handle, theirs->fence.handle,
	};
	struct drm_syncobj_destroy destroy = { .handle = 1 };
	struct drm_syncobj_handle export = { .handle = 1 };
	struct drm_colibri_gem_info info;
	uint64_t offset;
	int fd;

	expect_refused(dev, theirs, -ENOENT);
	igt_assert_eq(colibri_queue_destroy(dev, theirs->queue), -ENOENT);
	igt_assert_eq(colibri_vm_destroy(dev, theirs->vm), -ENOENT);
	igt_assert_eq(colibri_group_destroy(dev, 1), -ENOENT);
	for (unsigned int i = 0; i < ARRAY_SIZE(handles); i++) {
		struct drm_gem_close close_args = { .handle = handles[i] };
		struct colibri_bo bo = { .handle = handles[i] };

		igt_assert_eq(colibri_bo_get_info(dev, handles[i], &info), -ENOENT);
		igt_assert_eq(colibri_bo_mmap_offset(dev, handles[i], &offset), -ENOENT);
		igt_assert_eq(colibri_bo_export(dev, &bo, &fd), -ENOENT);
		igt_assert_eq(colibri_fence_wait(dev, &bo, 0, 0, 0, 0, 0), -ENOENT);
		igt_assert_eq(colibri_ioctl(dev->fd, DRM_IOCTL_GEM_CLOSE, &close_args), -EINVAL);
	}
	igt_assert_eq(colibri_ioctl(dev->fd, DRM_IOCTL_SYNCOBJ_DESTROY, &destroy), -EINVAL);
	igt_assert_eq(colibri_ioctl(dev->fd, DRM_IOCTL_SYNCOBJ_HANDLE_TO_FD, &export), -EINVAL);
}

/* By a file of its own B knows nothing of A; by A's file, it may not use what is A's. */
static void handles(struct gpu *gpu)
{
	struct { struct steps steps; struct gpu gpu; } *shared = (void *)steps_new();
	int sockets[2];

	(void)gpu;
	igt_assert_eq(socketpair(AF_UNIX, SOCK_DGRAM, 0, sockets), 0);
	user_fork(USER_A) {
		struct gpu own = { 0 };
		uint32_t syncobj;

		gpu_init(&own);
		igt_assert_eq(drmSyncobjCreate(own.dev.fd, 0, &syncobj), 0);
		shared->gpu = own;
		user_send(sockets[0], own.dev.fd);
		steps_done(&shared->steps, 1);
		steps_wait(&shared->steps, 2);
		gpu_assert_vm_lives(&own);
		gpu_fini(&own);
	}
	user_fork(USER_B) {
		struct colibri_device dev, theirs;

		steps_wait(&shared->steps, 1);
		igt_assert_eq(colibri_device_open(&dev, 0), 0);
		expect_unknown(&dev, &shared->gpu);
		igt_assert_eq(colibri_device_init(&theirs, user_receive(sockets[1])), 0);
		expect_refused(&theirs, &shared->gpu, -EACCES);
		steps_done(&shared->steps, 2);
	}
	user_wait();
}

/* ---- Mappings ------------------------------------------------------------ */

static int try_mmap(int fd, size_t size, int prot, uint64_t offset)
{
	void *map = mmap(NULL, size, prot, MAP_SHARED, fd, offset);

	if (map == MAP_FAILED)
		return -errno;
	munmap(map, size);
	return 0;
}

static sigjmp_buf caught;

static void on_signal(int signal)
{
	siglongjmp(caught, signal);
}

/* The signal that a write there raises, or 0. */
static int touch(volatile uint32_t *word)
{
	struct sigaction action = { .sa_handler = on_signal }, old;
	int got;

	sigaction(SIGBUS, &action, &old);
	got = sigsetjmp(caught, 1);
	if (!got)
		*word = 1;
	sigaction(SIGBUS, &old, NULL);
	return got;
}

struct bells {
	struct steps steps;
	struct drm_colibri_queue_create queue;
	uint64_t buffer;
};

/* B rings, and works, on a queue that has what A's had. */
static void bells_of_b(struct bells *bells)
{
	struct colibri_device empty;
	struct gpu own = { 0 };
	int fd;

	steps_wait(&bells->steps, 1);
	gpu_init(&own);
	fd = own.dev.fd;
	igt_assert_eq(try_mmap(fd, PAGE_SIZE, PROT_WRITE, bells->queue.doorbell_offset), -EACCES);
	igt_assert_eq(try_mmap(fd, bells->queue.mmap_size, PROT_READ | PROT_WRITE,
			       bells->queue.mmap_offset), -EACCES);
	igt_assert_eq(try_mmap(fd, PAGE_SIZE, PROT_READ, bells->buffer), -EACCES);
	/* Nor, by a file that has nothing, what is at any other offset, near or far. */
	igt_assert_eq(colibri_device_open(&empty, 0), 0);
	for (unsigned int i = 0; i < 4096; i++) {
		igt_assert(try_mmap(empty.fd, PAGE_SIZE, PROT_WRITE,
				    (1ull << 44) + ((uint64_t)i << 24)) < 0);
		igt_assert(try_mmap(empty.fd, PAGE_SIZE, PROT_READ, bells->buffer + i * PAGE_SIZE) < 0);
	}
	steps_done(&bells->steps, 2);
	steps_wait(&bells->steps, 3);
	for (unsigned int i = 0; i < 20; i++) {
		struct colibri_ring ring;

		igt_assert_eq(colibri_ring_create(&own.dev, own.vm, 0, 16, &ring), 0);
		gpu_assert_vm_lives(&own);
		igt_assert_eq(colibri_ring_destroy(&own.dev, &ring), 0);
	}
	steps_done(&bells->steps, 4);
}

/* A's doorbell is of no use to B, and A's is none to A once the queue has ended. */
static void doorbells(struct gpu *gpu)
{
	struct bells *bells = (struct bells *)steps_new();

	(void)gpu;
	user_fork(USER_A) {
		struct drm_colibri_queue_create *args = &bells->queue;
		volatile uint32_t *bell;
		struct gpu own = { 0 };

		gpu_init(&own);
		*args = (struct drm_colibri_queue_create){
			.vm_id = own.vm, .ring_packets = 16, .flags = DRM_COLIBRI_QUEUE_USER,
		};
		igt_assert_eq(colibri_ioctl(own.dev.fd, DRM_IOCTL_COLIBRI_QUEUE_CREATE, args), 0);
		bell = mmap(NULL, PAGE_SIZE, PROT_WRITE, MAP_SHARED, own.dev.fd, args->doorbell_offset);
		igt_assert(bell != MAP_FAILED);
		igt_assert_eq(touch(bell), 0);
		igt_assert_eq(colibri_bo_mmap_offset(&own.dev, own.shared_bo.handle, &bells->buffer), 0);
		steps_done(&bells->steps, 1);
		steps_wait(&bells->steps, 2);
		igt_assert_eq(colibri_queue_destroy(&own.dev, args->queue_id), 0);
		steps_done(&bells->steps, 3);
		while (__atomic_load_n(&bells->steps.done, __ATOMIC_ACQUIRE) < 4)
			igt_assert_eq(touch(bell), SIGBUS);
	}
	user_fork(USER_B)
		bells_of_b(bells);
	user_wait();
}

/* ---- dma-bufs ------------------------------------------------------------ */

static void export_to(int socket, struct gpu *gpu, const struct colibri_bo *bo, uint32_t flags)
{
	int fd;

	igt_assert_eq(drmPrimeHandleToFD(gpu->dev.fd, bo->handle, flags, &fd), 0);
	user_send(socket, fd);
}

/* Only who was sent the file has the buffer; one without DRM_RDWR cannot be mapped writable. */
static void dma_bufs(struct gpu *gpu)
{
	struct steps *steps = steps_new();
	int sockets[2];

	(void)gpu;
	igt_assert_eq(socketpair(AF_UNIX, SOCK_DGRAM, 0, sockets), 0);
	user_fork(USER_A) {
		struct colibri_bo bos[2];
		struct gpu own = { 0 };

		gpu_open(&own);
		for (unsigned int i = 0; i < 2; i++) {
			igt_assert_eq(colibri_bo_create(&own.dev, PAGE_SIZE, 1 + i, 0, &bos[i]), 0);
			*(uint64_t *)bos[i].map = SECRET;
			export_to(sockets[0], &own, &bos[i], DRM_CLOEXEC | (i ? DRM_RDWR : 0));
		}
		steps_wait(steps, 1);
		igt_assert_eq_u64(*(uint64_t *)bos[0].map, SECRET);
		igt_assert_eq_u64(*(uint64_t *)bos[1].map, SECRET + 1);
	}
	user_fork(USER_B) {
		int readonly = user_receive(sockets[1]), writable = user_receive(sockets[1]);
		uint64_t *map;

		igt_assert_eq(try_mmap(readonly, PAGE_SIZE, PROT_READ | PROT_WRITE, 0), -EACCES);
		map = mmap(NULL, PAGE_SIZE, PROT_READ, MAP_SHARED, readonly, 0);
		igt_assert(map != MAP_FAILED);
		igt_assert_eq_u64(*map, SECRET);
		igt_assert_eq(mprotect(map, PAGE_SIZE, PROT_READ | PROT_WRITE), -1);
		map = mmap(NULL, PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, writable, 0);
		igt_assert(map != MAP_FAILED);
		igt_assert_eq_u64((*map)++, SECRET);
		steps_done(steps, 1);
	}
	user_wait();
}

/* ---- Privileges ---------------------------------------------------------- */

static void compute(void)
{
	uint64_t *words = map_anonymous(64 * KiB, PAGE_SIZE);
	struct gpu own = { 0 };

	gpu_init(&own);
	gpu_share(&own, words, 64 * KiB);
	gpu_fini(&own);
}

static void no_capability(struct gpu *gpu)
{
	(void)gpu;
	igt_require_f(!access("/proc/self/ns/user", F_OK), "the kernel has no user namespaces\n");
	user_fork(USER_A)
		compute();
	user_wait();
	/* Root of a user namespace is nobody in particular. */
	user_fork(USER_B) {
		igt_assert_eq(unshare(CLONE_NEWUSER), 0);
		compute();
	}
	user_wait();
}

/* ---- What calls give back ------------------------------------------------ */

#define PATTERN	0xa5

/* No word of an answer is an address of the kernel, and none is left as it was. */
static void check_words(const char *what, const void *data, size_t size)
{
	for (size_t i = 0; i + 4 <= size; i += 4) {
		uint32_t word;

		memcpy(&word, (const char *)data + i, sizeof(word));
		igt_assert_f(word != 0xa5a5a5a5, "%s: nothing at byte %zu\n", what, i);
	}
	for (size_t i = 0; i + 8 <= size; i += 8) {
		uint64_t word;

		memcpy(&word, (const char *)data + i, sizeof(word));
		/* Small negative numbers are errors or "none". */
		igt_assert_f(word < 0xffff800000000000 || word >= UINT64_MAX - 4096,
			     "%s: %#lx at byte %zu\n", what, (unsigned long)word, i);
	}
}

static void check_query(const struct colibri_device *dev, uint32_t query, const char *what)
{
	uint8_t data[1024];
	uint32_t size = 0;

	igt_assert_eq(colibri_query(dev, query, NULL, &size), 0);
	igt_assert(size && size + 64 <= sizeof(data));
	memset(data, PATTERN, sizeof(data));
	if (query == DRM_COLIBRI_QUERY_TIMESTAMP)
		memcpy(data, &(uint64_t){ CLOCK_MONOTONIC }, 8);
	igt_assert_eq(colibri_query(dev, query, data, &(uint32_t){ sizeof(data) }), 0);
	check_words(what, data, size);
	for (size_t i = size; i < sizeof(data); i++)
		igt_assert_eq(data[i], PATTERN);
	/* A part is that part and no byte more. */
	if (query == DRM_COLIBRI_QUERY_TIMESTAMP)
		return;
	memset(data, PATTERN, sizeof(data));
	igt_assert_eq(colibri_query(dev, query, data, &(uint32_t){ 5 }), 0);
	for (size_t i = 5; i < sizeof(data); i++)
		igt_assert_eq(data[i], PATTERN);
}

/* Fills all behind the id with the pattern, and calls. */
static void check_state(const struct gpu *gpu, unsigned long request, uint32_t id, size_t zero_at,
			const char *what)
{
	_Alignas(8) uint8_t args[512];
	size_t size = _IOC_SIZE(request);

	memset(args, PATTERN, size);
	memcpy(args, &id, sizeof(id));
	/* What is no output must be zero. */
	if (zero_at)
		memset(args + zero_at, 0, 4);
	igt_assert_eq(colibri_ioctl(gpu->dev.fd, request, args), 0);
	check_words(what, args, size);
}

static void check_text(const char *path)
{
	FILE *file = fopen(path, "r");
	char line[512];

	igt_assert_f(file, "%s: %s\n", path, strerror(errno));
	while (fgets(line, sizeof(line), file))
		igt_assert_f(!strstr(line, "ffff8") && !strstr(line, "ffffffff8"), "%s: %s", path, line);
	fclose(file);
}

static void check_pages(struct gpu *gpu)
{
	uint64_t *memory = map_anonymous(16 * PAGE_SIZE, PAGE_SIZE);
	uint16_t pages[17];

	memset(pages, PATTERN, sizeof(pages));
	igt_assert_eq(colibri_svm_query(&gpu->dev, gpu->vm, memory, 16 * PAGE_SIZE, pages), 0);
	for (unsigned int i = 0; i < 16; i++)
		igt_assert(pages[i] != 0xa5a5);
	igt_assert_eq(pages[16], 0xa5a5);
}

static void answers_clean_child(void)
{
	static const char *const queries[] = { "device", "limits", "mem regions", "topology", "timestamp" };
	struct drm_colibri_queue_create user;
	struct gpu own = { 0 };
	char path[64];

	gpu_init(&own);
	for (unsigned int i = 0; i < ARRAY_SIZE(queries); i++)
		check_query(&own.dev, i, queries[i]);
	check_state(&own, DRM_IOCTL_COLIBRI_VM_STATE, own.vm, 0, "VM_STATE");
	check_state(&own, DRM_IOCTL_COLIBRI_QUEUE_STATE, own.queue,
		    offsetof(struct drm_colibri_queue_state, pad), "QUEUE_STATE");
	check_state(&own, DRM_IOCTL_COLIBRI_SVM_STATS, own.vm,
		    offsetof(struct drm_colibri_svm_stats, pad), "SVM_STATS");
	check_state(&own, DRM_IOCTL_COLIBRI_SVM_STATS, 0,
		    offsetof(struct drm_colibri_svm_stats, pad), "SVM_STATS of the process");
	check_state(&own, DRM_IOCTL_COLIBRI_GEM_INFO, own.code.handle,
		    offsetof(struct drm_colibri_gem_info, pad), "GEM_INFO");
	check_state(&own, DRM_IOCTL_COLIBRI_GEM_MMAP_OFFSET, own.code.handle,
		    offsetof(struct drm_colibri_gem_mmap_offset, pad), "GEM_MMAP_OFFSET");
	check_pages(&own);

	/* A queue of the other kind has no offsets: what was there is not kept. */
	memset(&user, PATTERN, sizeof(user));
	user.vm_id = own.vm;
	user.priority = 0;
	user.ring_packets = 16;
	user.flags = 0;
	user.group_id = 0;
	igt_assert_eq(colibri_ioctl(own.dev.fd, DRM_IOCTL_COLIBRI_QUEUE_CREATE, &user), 0);
	check_words("QUEUE_CREATE", &user, sizeof(user));
	igt_assert_eq_u64(user.mmap_offset | user.mmap_size | user.doorbell_offset, 0);

	sprintf(path, "/proc/self/fdinfo/%d", own.dev.fd);
	check_text(path);
	check_text("/proc/self/maps");
}

static void answers_clean(struct gpu *gpu)
{
	(void)gpu;
	user_fork(USER_A)
		answers_clean_child();
	user_wait();
}

/* A structure cut short or made longer gives what the shorter of both has. */
static void sizes(struct gpu *gpu)
{
	_Alignas(8) uint8_t args[1024];
	unsigned long base = DRM_IOCTL_COLIBRI_SVM_STATS & ~((unsigned long)_IOC_SIZEMASK << _IOC_SIZESHIFT);
	size_t size = sizeof(struct drm_colibri_svm_stats);

	for (size_t given = 8; given <= sizeof(args); given += 8) {
		memset(args, PATTERN, sizeof(args));
		memset(args, 0, 8);
		igt_assert_eq(colibri_ioctl(gpu->dev.fd, base | given << _IOC_SIZESHIFT, args), 0);
		check_words("SVM_STATS", args, given < size ? given : size);
		for (size_t i = given; i < sizeof(args); i++)
			igt_assert_eq(args[i], PATTERN);
	}
}

static const struct gpu_test tests[] = {
	{ "handles", handles, "another's VMs, queues and buffers: ENOENT by one's own file, EACCES by theirs" },
	{ "doorbells", doorbells, "another's doorbell, ring and buffers cannot be mapped; an ended queue's is dead" },
	{ "dma-bufs", dma_bufs, "a buffer is shared by sending its file, read-only if that is so" },
	{ "no-capability", no_capability, "nobody in particular can compute, in a user namespace, too" },
	{ "answers-clean", answers_clean, "answers are whole and have no address of the kernel in them" },
	{ "sizes", sizes, "shorter and longer structures give nothing beyond" },
};

igt_main()
{
	gpu_run_tests(tests, ARRAY_SIZE(tests), gpu_open);
}
