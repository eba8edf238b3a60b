// SPDX-License-Identifier: MIT
/*
 * The table of the uAPI: each ioctl with the fields of its structure, and the other operations.
 * A new call of colibri_drm.h is a new row here and nothing else.
 *
 * A count stands before the array that it is of: fields are written in this order.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>

#include <drm.h>
#include <linux/dma-buf.h>

#include "fuzz.h"

#define AT(type, member)	.name = #member, .offset = offsetof(struct type, member), \
				.size = sizeof(((struct type *)0)->member)
/* A handle that may be left out. */
#define OPTIONAL		.max = 1
#define OF(type, member)	.count_offset = offsetof(struct type, member)

static const struct field query[] = {
	{ AT(drm_colibri_query, query), KIND_ENUM, .max = 4 },
	{ AT(drm_colibri_query, size), KIND_COUNT, .max = 256 },
	{ AT(drm_colibri_query, data), KIND_BUFFER, OF(drm_colibri_query, size), .element = 1 },
};

static const struct field gem_create[] = {
	{ AT(drm_colibri_gem_create, size), KIND_SIZE },
	{ AT(drm_colibri_gem_create, placement), KIND_ENUM, .min = 1, .max = 3 },
	{ AT(drm_colibri_gem_create, flags), KIND_FLAGS, .max = DRM_COLIBRI_GEM_FENCE },
	{ AT(drm_colibri_gem_create, handle), KIND_OUT },
	{ AT(drm_colibri_gem_create, cpu_caching), KIND_ENUM, .max = DRM_COLIBRI_CACHING_WC },
};

static const struct field gem_info[] = {
	{ AT(drm_colibri_gem_info, handle), KIND_BO },
	{ AT(drm_colibri_gem_info, flags), KIND_OUT },
	{ AT(drm_colibri_gem_info, pad), KIND_ZERO },
	{ AT(drm_colibri_gem_info, size), KIND_OUT },
};

static const struct field gem_mmap_offset[] = {
	{ AT(drm_colibri_gem_mmap_offset, handle), KIND_BO },
	{ AT(drm_colibri_gem_mmap_offset, pad), KIND_ZERO },
	{ AT(drm_colibri_gem_mmap_offset, offset), KIND_OUT },
};

static const struct field gem_close[] = {
	{ AT(drm_gem_close, handle), KIND_BO },
	{ AT(drm_gem_close, pad), KIND_ZERO },
};

static const struct field vm_create[] = {
	{ AT(drm_colibri_vm_create, flags), KIND_FLAGS, .max = DRM_COLIBRI_VM_FENCED },
	{ AT(drm_colibri_vm_create, vm_id), KIND_OUT },
};

static const struct field vm_destroy[] = {
	{ AT(drm_colibri_vm_destroy, vm_id), KIND_VM },
	{ AT(drm_colibri_vm_destroy, pad), KIND_ZERO },
};

static const struct field vm_state[] = {
	{ AT(drm_colibri_vm_state, vm_id), KIND_VM },
	{ AT(drm_colibri_vm_state, fault_addr), KIND_OUT },
};

static const struct field vm_map[] = {
	{ AT(drm_colibri_vm_bind, vm_id), KIND_VM },
	{ AT(drm_colibri_vm_bind, op), KIND_ZERO },
	{ AT(drm_colibri_vm_bind, handle), KIND_BO },
	{ AT(drm_colibri_vm_bind, flags), KIND_FLAGS, .max = 3 },
	{ AT(drm_colibri_vm_bind, bo_offset), KIND_RANGE, OPTIONAL },
	{ AT(drm_colibri_vm_bind, addr), KIND_ZONE_ADDR },
	{ AT(drm_colibri_vm_bind, range), KIND_RANGE },
	{ AT(drm_colibri_vm_bind, num_syncs), KIND_SYNC_COUNT, .max = 2 },
	{ AT(drm_colibri_vm_bind, syncs), KIND_SYNCS, OF(drm_colibri_vm_bind, num_syncs) },
	{ AT(drm_colibri_vm_bind, location), KIND_ZERO },
};

static const struct field vm_unmap[] = {
	{ AT(drm_colibri_vm_bind, vm_id), KIND_VM },
	{ AT(drm_colibri_vm_bind, op), KIND_ENUM, .min = DRM_COLIBRI_VM_BIND_OP_UNMAP,
	  .max = DRM_COLIBRI_VM_BIND_OP_UNMAP },
	{ AT(drm_colibri_vm_bind, handle), KIND_ZERO },
	{ AT(drm_colibri_vm_bind, addr), KIND_ZONE_ADDR },
	{ AT(drm_colibri_vm_bind, range), KIND_SIZE },
	{ AT(drm_colibri_vm_bind, num_syncs), KIND_SYNC_COUNT, .max = 2 },
	{ AT(drm_colibri_vm_bind, syncs), KIND_SYNCS, OF(drm_colibri_vm_bind, num_syncs) },
	{ AT(drm_colibri_vm_bind, location), KIND_ZERO },
};

static const struct field vm_mirror[] = {
	{ AT(drm_colibri_vm_bind, vm_id), KIND_VM },
	{ AT(drm_colibri_vm_bind, op), KIND_ENUM, .min = DRM_COLIBRI_VM_BIND_OP_MIRROR,
	  .max = DRM_COLIBRI_VM_BIND_OP_MIRROR },
	{ AT(drm_colibri_vm_bind, flags), KIND_ZERO },
	{ AT(drm_colibri_vm_bind, bo_offset), KIND_ZERO },
	{ AT(drm_colibri_vm_bind, range), KIND_ZERO },
};

static const struct field vm_prefetch[] = {
	{ AT(drm_colibri_vm_bind, vm_id), KIND_VM },
	{ AT(drm_colibri_vm_bind, op), KIND_ENUM, .min = DRM_COLIBRI_VM_BIND_OP_PREFETCH,
	  .max = DRM_COLIBRI_VM_BIND_OP_PREFETCH },
	{ AT(drm_colibri_vm_bind, flags), KIND_ZERO },
	{ AT(drm_colibri_vm_bind, addr), KIND_BIND_ADDR },
	{ AT(drm_colibri_vm_bind, range), KIND_SIZE },
	{ AT(drm_colibri_vm_bind, num_syncs), KIND_SYNC_COUNT, .max = 2 },
	{ AT(drm_colibri_vm_bind, syncs), KIND_SYNCS, OF(drm_colibri_vm_bind, num_syncs) },
	{ AT(drm_colibri_vm_bind, location), KIND_ENUM, .max = 1 },
};

static const struct field group_create[] = {
	{ AT(drm_colibri_group_create, vm_id), KIND_VM },
	{ AT(drm_colibri_group_create, priority), KIND_ENUM, .max = 2 },
	{ AT(drm_colibri_group_create, flags), KIND_ZERO },
	{ AT(drm_colibri_group_create, group_id), KIND_OUT },
};

static const struct field group_destroy[] = {
	{ AT(drm_colibri_group_destroy, group_id), KIND_GROUP },
	{ AT(drm_colibri_group_destroy, pad), KIND_ZERO },
};

static const struct field queue_create[] = {
	{ AT(drm_colibri_queue_create, vm_id), KIND_VM },
	{ AT(drm_colibri_queue_create, priority), KIND_ENUM, .max = 2 },
	{ AT(drm_colibri_queue_create, ring_packets), KIND_RING_PACKETS },
	{ AT(drm_colibri_queue_create, flags), KIND_FLAGS, .max = DRM_COLIBRI_QUEUE_USER },
	{ AT(drm_colibri_queue_create, group_id), KIND_GROUP, OPTIONAL },
	{ AT(drm_colibri_queue_create, mmap_offset), KIND_OUT },
};

static const struct field queue_destroy[] = {
	{ AT(drm_colibri_queue_destroy, queue_id), KIND_QUEUE },
	{ AT(drm_colibri_queue_destroy, pad), KIND_ZERO },
};

static const struct field queue_submit[] = {
	{ AT(drm_colibri_queue_submit, queue_id), KIND_QUEUE },
	{ AT(drm_colibri_queue_submit, count), KIND_COUNT, .min = 1, .max = 8 },
	{ AT(drm_colibri_queue_submit, packets), KIND_PACKETS, OF(drm_colibri_queue_submit, count) },
	{ AT(drm_colibri_queue_submit, flags), KIND_ZERO },
	{ AT(drm_colibri_queue_submit, pad), KIND_ZERO },
};

static const struct field queue_state[] = {
	{ AT(drm_colibri_queue_state, queue_id), KIND_QUEUE },
	{ AT(drm_colibri_queue_state, pad), KIND_ZERO },
	{ AT(drm_colibri_queue_state, busy_ns), KIND_OUT },
};

static const struct field exec[] = {
	{ AT(drm_colibri_exec, num_items), KIND_COUNT, .min = 1, .max = 2 },
	{ AT(drm_colibri_exec, items), KIND_EXEC_ITEMS, OF(drm_colibri_exec, num_items) },
	{ AT(drm_colibri_exec, num_syncs), KIND_SYNC_COUNT, .max = 4 },
	{ AT(drm_colibri_exec, syncs), KIND_SYNCS, OF(drm_colibri_exec, num_syncs) },
	{ AT(drm_colibri_exec, flags), KIND_ZERO },
	{ AT(drm_colibri_exec, pad), KIND_ZERO },
};

static const struct field fence_wait[] = {
	{ AT(drm_colibri_fence_wait, handle), KIND_FENCE },
	{ AT(drm_colibri_fence_wait, queue_id), KIND_QUEUE, OPTIONAL },
	{ AT(drm_colibri_fence_wait, offset), KIND_OFFSET },
	{ AT(drm_colibri_fence_wait, value), KIND_POINT },
	{ AT(drm_colibri_fence_wait, timeout_ns), KIND_TIMEOUT },
	{ AT(drm_colibri_fence_wait, cond), KIND_ENUM, .max = 2 },
	{ AT(drm_colibri_fence_wait, flags), KIND_ZERO },
};

static const struct field svm_prefetch[] = {
	{ AT(drm_colibri_svm_prefetch, vm_id), KIND_VM },
	{ AT(drm_colibri_svm_prefetch, location), KIND_ENUM, .max = 1 },
	{ AT(drm_colibri_svm_prefetch, addr), KIND_USER_ADDR },
	{ AT(drm_colibri_svm_prefetch, size), KIND_SIZE },
	{ AT(drm_colibri_svm_prefetch, flags), KIND_ZERO },
	{ AT(drm_colibri_svm_prefetch, pad), KIND_ZERO },
};

static const struct field svm_stats[] = {
	{ AT(drm_colibri_svm_stats, vm_id), KIND_VM, OPTIONAL },
	{ AT(drm_colibri_svm_stats, pad), KIND_ZERO },
	{ AT(drm_colibri_svm_stats, faults), KIND_OUT },
};

static const struct field svm_advise[] = {
	{ AT(drm_colibri_svm_advise, vm_id), KIND_VM },
	{ AT(drm_colibri_svm_advise, advice), KIND_ENUM, .max = 7 },
	{ AT(drm_colibri_svm_advise, value), KIND_ENUM, .max = 2 },
	{ AT(drm_colibri_svm_advise, flags), KIND_ZERO },
	{ AT(drm_colibri_svm_advise, addr), KIND_USER_ADDR },
	{ AT(drm_colibri_svm_advise, size), KIND_SIZE },
};

static const struct field svm_query[] = {
	{ AT(drm_colibri_svm_query, vm_id), KIND_VM },
	{ AT(drm_colibri_svm_query, flags), KIND_ZERO },
	{ AT(drm_colibri_svm_query, addr), KIND_USER_ADDR },
	{ AT(drm_colibri_svm_query, size), KIND_SIZE },
	{ AT(drm_colibri_svm_query, pages), KIND_BUFFER, OF(drm_colibri_svm_query, size),
	  .element = 2, .shift = 12 },
};

/* ---- What every render node has ------------------------------------------*/

/* The kernel allocates as much as a count of syncobjs says, and warns when that is too much. */
#define SYNCOBJ_COUNT	KIND_COUNT, .max = 4, .limit = 4096

static const struct field prime_export[] = {
	{ AT(drm_prime_handle, handle), KIND_BO },
	{ AT(drm_prime_handle, flags), KIND_FLAGS, .max = DRM_CLOEXEC | DRM_RDWR },
	{ AT(drm_prime_handle, fd), KIND_OUT },
};

static const struct field prime_import[] = {
	{ AT(drm_prime_handle, fd), KIND_FD },
	{ AT(drm_prime_handle, flags), KIND_ZERO },
	{ AT(drm_prime_handle, handle), KIND_OUT },
};

static const struct field syncobj_create[] = {
	{ AT(drm_syncobj_create, handle), KIND_OUT },
	{ AT(drm_syncobj_create, flags), KIND_FLAGS, .max = DRM_SYNCOBJ_CREATE_SIGNALED },
};

static const struct field syncobj_destroy[] = {
	{ AT(drm_syncobj_destroy, handle), KIND_SYNCOBJ },
	{ AT(drm_syncobj_destroy, pad), KIND_ZERO },
};

static const struct field syncobj_to_fd[] = {
	{ AT(drm_syncobj_handle, handle), KIND_SYNCOBJ },
	{ AT(drm_syncobj_handle, flags), KIND_FLAGS, .max = 1 },
	{ AT(drm_syncobj_handle, fd), KIND_OUT },
	{ AT(drm_syncobj_handle, pad), KIND_ZERO },
};

static const struct field syncobj_from_fd[] = {
	{ AT(drm_syncobj_handle, handle), KIND_SYNCOBJ, OPTIONAL },
	{ AT(drm_syncobj_handle, flags), KIND_FLAGS, .max = 1 },
	{ AT(drm_syncobj_handle, fd), KIND_FD },
	{ AT(drm_syncobj_handle, pad), KIND_ZERO },
};

static const struct field syncobj_wait[] = {
	{ AT(drm_syncobj_wait, count_handles), SYNCOBJ_COUNT },
	{ AT(drm_syncobj_wait, handles), KIND_HANDLES, OF(drm_syncobj_wait, count_handles) },
	{ AT(drm_syncobj_wait, timeout_nsec), KIND_TIMEOUT },
	{ AT(drm_syncobj_wait, flags), KIND_FLAGS, .max = 3 },
	{ AT(drm_syncobj_wait, pad), KIND_ZERO },
};

static const struct field timeline_wait[] = {
	{ AT(drm_syncobj_timeline_wait, count_handles), SYNCOBJ_COUNT },
	{ AT(drm_syncobj_timeline_wait, handles), KIND_HANDLES,
	  OF(drm_syncobj_timeline_wait, count_handles) },
	{ AT(drm_syncobj_timeline_wait, points), KIND_POINTS,
	  OF(drm_syncobj_timeline_wait, count_handles) },
	{ AT(drm_syncobj_timeline_wait, timeout_nsec), KIND_TIMEOUT },
	{ AT(drm_syncobj_timeline_wait, flags), KIND_FLAGS, .max = 7 },
	{ AT(drm_syncobj_timeline_wait, pad), KIND_ZERO },
};

static const struct field syncobj_array[] = {
	{ AT(drm_syncobj_array, count_handles), SYNCOBJ_COUNT },
	{ AT(drm_syncobj_array, handles), KIND_HANDLES, OF(drm_syncobj_array, count_handles) },
	{ AT(drm_syncobj_array, pad), KIND_ZERO },
};

static const struct field timeline_array[] = {
	{ AT(drm_syncobj_timeline_array, count_handles), SYNCOBJ_COUNT },
	{ AT(drm_syncobj_timeline_array, handles), KIND_HANDLES,
	  OF(drm_syncobj_timeline_array, count_handles) },
	{ AT(drm_syncobj_timeline_array, points), KIND_POINTS,
	  OF(drm_syncobj_timeline_array, count_handles) },
	{ AT(drm_syncobj_timeline_array, flags), KIND_FLAGS, .max = 1 },
};

static const struct field syncobj_transfer[] = {
	{ AT(drm_syncobj_transfer, src_handle), KIND_SYNCOBJ },
	{ AT(drm_syncobj_transfer, dst_handle), KIND_SYNCOBJ },
	{ AT(drm_syncobj_transfer, src_point), KIND_POINT },
	{ AT(drm_syncobj_transfer, dst_point), KIND_POINT },
	{ AT(drm_syncobj_transfer, flags), KIND_FLAGS, .max = 2 },
	{ AT(drm_syncobj_transfer, pad), KIND_ZERO },
};

static const struct field get_cap[] = {
	{ AT(drm_get_cap, capability), KIND_ENUM, .max = 0x16 },
	{ AT(drm_get_cap, value), KIND_OUT },
};

static const struct field dma_buf_sync[] = {
	{ AT(dma_buf_sync, flags), KIND_FLAGS, .max = DMA_BUF_SYNC_VALID_FLAGS_MASK },
};

static const struct field export_sync_file[] = {
	{ AT(dma_buf_export_sync_file, flags), KIND_FLAGS, .max = DMA_BUF_SYNC_RW },
	{ AT(dma_buf_export_sync_file, fd), KIND_OUT },
};

static const struct field import_sync_file[] = {
	{ AT(dma_buf_import_sync_file, flags), KIND_FLAGS, .max = DMA_BUF_SYNC_RW },
	{ AT(dma_buf_import_sync_file, fd), KIND_FD },
};

/* ---- The table -----------------------------------------------------------*/

#define IOCTL(label, number, list, often)	\
	.name = label, .request = number, .fields = list, .num_fields = ARRAY_SIZE(list), \
	.weight = often
#define COLIBRI(label, NAME, list, often)	IOCTL(label, DRM_IOCTL_COLIBRI_##NAME, list, often)
#define MAKES(kind, type, member)	.makes = kind, .makes_at = offsetof(struct type, member)
#define ENDS(kind, type, member)	.ends = kind, .ends_at = offsetof(struct type, member)

const struct op fuzz_ops[] = {
	{ COLIBRI("query", QUERY, query, 4) },
	{ COLIBRI("gem_create", GEM_CREATE, gem_create, 12),
	  MAKES(KIND_BO, drm_colibri_gem_create, handle) },
	{ COLIBRI("gem_info", GEM_INFO, gem_info, 4) },
	{ COLIBRI("gem_mmap_offset", GEM_MMAP_OFFSET, gem_mmap_offset, 6) },
	{ IOCTL("gem_close", DRM_IOCTL_GEM_CLOSE, gem_close, 8),
	  ENDS(KIND_BO, drm_gem_close, handle) },
	{ COLIBRI("vm_create", VM_CREATE, vm_create, 3),
	  MAKES(KIND_VM, drm_colibri_vm_create, vm_id) },
	{ COLIBRI("vm_destroy", VM_DESTROY, vm_destroy, 2),
	  ENDS(KIND_VM, drm_colibri_vm_destroy, vm_id) },
	{ COLIBRI("vm_state", VM_STATE, vm_state, 3) },
	{ COLIBRI("vm_map", VM_BIND, vm_map, 16) },
	{ COLIBRI("vm_unmap", VM_BIND, vm_unmap, 6) },
	{ COLIBRI("vm_mirror", VM_BIND, vm_mirror, 2) },
	{ COLIBRI("vm_prefetch", VM_BIND, vm_prefetch, 6) },
	{ COLIBRI("group_create", GROUP_CREATE, group_create, 3),
	  MAKES(KIND_GROUP, drm_colibri_group_create, group_id) },
	{ COLIBRI("group_destroy", GROUP_DESTROY, group_destroy, 2),
	  ENDS(KIND_GROUP, drm_colibri_group_destroy, group_id) },
	{ COLIBRI("queue_create", QUEUE_CREATE, queue_create, 8),
	  MAKES(KIND_QUEUE, drm_colibri_queue_create, queue_id) },
	{ COLIBRI("queue_destroy", QUEUE_DESTROY, queue_destroy, 5),
	  ENDS(KIND_QUEUE, drm_colibri_queue_destroy, queue_id) },
	{ COLIBRI("queue_submit", QUEUE_SUBMIT, queue_submit, 24) },
	{ COLIBRI("queue_state", QUEUE_STATE, queue_state, 4) },
	{ COLIBRI("exec", EXEC, exec, 20) },
	{ COLIBRI("fence_wait", FENCE_WAIT, fence_wait, 10) },
	{ COLIBRI("svm_prefetch", SVM_PREFETCH, svm_prefetch, 10) },
	{ COLIBRI("svm_stats", SVM_STATS, svm_stats, 3) },
	{ COLIBRI("svm_advise", SVM_ADVISE, svm_advise, 10) },
	{ COLIBRI("svm_query", SVM_QUERY, svm_query, 8) },

	{ IOCTL("prime_export", DRM_IOCTL_PRIME_HANDLE_TO_FD, prime_export, 5),
	  MAKES(KIND_FD, drm_prime_handle, fd) },
	{ IOCTL("prime_import", DRM_IOCTL_PRIME_FD_TO_HANDLE, prime_import, 5),
	  MAKES(KIND_BO, drm_prime_handle, handle) },
	{ IOCTL("syncobj_create", DRM_IOCTL_SYNCOBJ_CREATE, syncobj_create, 5),
	  MAKES(KIND_SYNCOBJ, drm_syncobj_create, handle) },
	{ IOCTL("syncobj_destroy", DRM_IOCTL_SYNCOBJ_DESTROY, syncobj_destroy, 3),
	  ENDS(KIND_SYNCOBJ, drm_syncobj_destroy, handle) },
	{ IOCTL("syncobj_to_fd", DRM_IOCTL_SYNCOBJ_HANDLE_TO_FD, syncobj_to_fd, 3),
	  MAKES(KIND_FD, drm_syncobj_handle, fd) },
	{ IOCTL("syncobj_from_fd", DRM_IOCTL_SYNCOBJ_FD_TO_HANDLE, syncobj_from_fd, 3),
	  MAKES(KIND_SYNCOBJ, drm_syncobj_handle, handle) },
	{ IOCTL("syncobj_wait", DRM_IOCTL_SYNCOBJ_WAIT, syncobj_wait, 4) },
	{ IOCTL("timeline_wait", DRM_IOCTL_SYNCOBJ_TIMELINE_WAIT, timeline_wait, 4) },
	{ IOCTL("syncobj_reset", DRM_IOCTL_SYNCOBJ_RESET, syncobj_array, 3) },
	{ IOCTL("syncobj_signal", DRM_IOCTL_SYNCOBJ_SIGNAL, syncobj_array, 3) },
	{ IOCTL("timeline_signal", DRM_IOCTL_SYNCOBJ_TIMELINE_SIGNAL, timeline_array, 3) },
	{ IOCTL("syncobj_query", DRM_IOCTL_SYNCOBJ_QUERY, timeline_array, 2) },
	{ IOCTL("syncobj_transfer", DRM_IOCTL_SYNCOBJ_TRANSFER, syncobj_transfer, 3) },
	{ IOCTL("get_cap", DRM_IOCTL_GET_CAP, get_cap, 1) },
	{ IOCTL("dma_buf_sync", DMA_BUF_IOCTL_SYNC, dma_buf_sync, 2), .on_fd = true },
	{ IOCTL("export_sync_file", DMA_BUF_IOCTL_EXPORT_SYNC_FILE, export_sync_file, 2),
	  .on_fd = true, MAKES(KIND_FD, dma_buf_export_sync_file, fd) },
	{ IOCTL("import_sync_file", DMA_BUF_IOCTL_IMPORT_SYNC_FILE, import_sync_file, 2),
	  .on_fd = true },

	{ .name = "context", .run = op_context, .weight = 5 },
	{ .name = "close", .run = op_close, .weight = 2 },
	{ .name = "dup", .run = op_dup, .weight = 1 },
	{ .name = "close_fd", .run = op_close_fd, .weight = 4 },
	{ .name = "send", .run = op_send, .weight = 2 },
	{ .name = "receive", .run = op_receive, .weight = 2 },
	{ .name = "fork", .run = op_fork, .weight = 1 },
	{ .name = "look", .run = op_look, .weight = 2 },
	{ .name = "raw_ioctl", .run = op_raw_ioctl, .weight = 3 },
	{ .name = "ring", .run = op_ring, .weight = 3 },
	{ .name = "mmap", .run = op_mmap, .weight = 8 },
	{ .name = "mmap_raw", .run = op_mmap_raw, .weight = 2 },
	{ .name = "munmap", .run = op_munmap, .weight = 4 },
	{ .name = "touch_mapping", .run = op_touch_mapping, .weight = 10 },
	{ .name = "touch", .run = op_touch, .weight = 12 },
	{ .name = "madvise", .run = op_madvise, .weight = 8 },
	{ .name = "arena_hole", .run = op_arena_hole, .weight = 3 },
	{ .name = "mprotect", .run = op_mprotect, .weight = 4 },
	{ .name = "mremap", .run = op_mremap, .weight = 2 },
};

const unsigned int fuzz_num_ops = ARRAY_SIZE(fuzz_ops);

_Static_assert(ARRAY_SIZE(fuzz_ops) <= MAX_OPS, "MAX_OPS");

/* ---- Making a call -------------------------------------------------------*/

/* The largest argument is that of SVM_STATS. */
#define MAX_ARGS	512

static uint64_t get_u32(const void *args, uint16_t at)
{
	uint32_t value;

	memcpy(&value, (const uint8_t *)args + at, sizeof(value));
	return value;
}

static void note_offset(struct file *file, uint64_t offset)
{
	if (offset)
		pool_add(&file->pools[KIND_MMAP_OFFSET], offset / PAGE_SIZE);
}

/* What a call that succeeded has made and ended. */
static void take_results(struct thread *thread, const struct op *op, const void *args)
{
	struct file *file = thread->file;

	if (op->makes == KIND_FD)
		pool_add(&thread->process->fds, get_u32(args, op->makes_at));
	else if (op->makes)
		pool_add(&file->pools[op->makes], get_u32(args, op->makes_at));
	/* Some stay in the pool, to be used after their end. */
	if (op->ends && rng_below(&thread->rng, 4))
		pool_remove(&file->pools[op->ends], get_u32(args, op->ends_at));

	if (op->request == DRM_IOCTL_COLIBRI_GEM_CREATE) {
		const struct drm_colibri_gem_create *create = args;

		if (create->flags & DRM_COLIBRI_GEM_FENCE)
			pool_add(&file->pools[KIND_FENCE], create->handle);
	} else if (op->request == DRM_IOCTL_COLIBRI_GEM_MMAP_OFFSET) {
		note_offset(file, ((const struct drm_colibri_gem_mmap_offset *)args)->offset);
	} else if (op->request == DRM_IOCTL_COLIBRI_QUEUE_CREATE) {
		note_offset(file, ((const struct drm_colibri_queue_create *)args)->mmap_offset);
		note_offset(file, ((const struct drm_colibri_queue_create *)args)->doorbell_offset);
	}
}

/* A file; now and then, another one than what the handles are of. */
static int call_fd(struct thread *thread, const struct op *op, const struct call *call)
{
	uint32_t number = call->number[NUMBER_FILE] >> 8;

	if (op->on_fd || number % 64 == 0)
		return (int)pool_pick(&thread->process->fds, number >> 6);
	return thread->file->fd;
}

static int make_ioctl(struct thread *thread, const struct op *op, const struct call *call)
{
	_Alignas(8) uint8_t args[MAX_ARGS] = { 0 };
	int fd = call_fd(thread, op, call);

	for (unsigned int i = 0; i < op->num_fields; i++)
		value_field(thread, args, &op->fields[i], call->number[NUMBER_FIELD + i],
			    call->number[NUMBER_BAD] & 1u << i);
	if (!ioctl(fd, op->request, args)) {
		take_results(thread, op, args);
		return 0;
	}
	/* A banned queue is good for little: make room for another one. */
	if (errno == ENOTRECOVERABLE)
		thread->file->pools[KIND_QUEUE].item[0] = 0;
	return -errno;
}

int op_make(struct thread *thread, const struct call *call)
{
	const struct op *op = &fuzz_ops[call->op];
	uint64_t start = fuzz_now();
	unsigned int result;
	int ret;

	thread->file = &thread->process->files[call->number[NUMBER_FILE] % NUM_FILES];
	thread->rng.state = call->number[NUMBER_SEED];
	thread->scratch_used = 0;
	thread->state->op = call->op;
	thread->state->since = start;
	ret = op->run ? op->run(thread, call) : make_ioctl(thread, op, call);
	thread->state->since = 0;

	result = ret > 0 || -ret > NUM_ERRNOS ? NUM_ERRNOS : -ret;
	thread->shared->results[call->op][result]++;
	thread->shared->time[call->op] += fuzz_now() - start;
	thread->shared->calls++;
	thread->worker->calls++;
	return ret;
}
