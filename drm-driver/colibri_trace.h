/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * Tracepoints.  They show the life of a page: fault, copy, fault_done, and what
 * else the device is told and tells.  Field names are stable; "asid" is an address
 * space, which colibri_vm tells the process of, "queue" a hardware queue.
 * Documentation/gpu/colibri/observe.rst has the list.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM colibri

#if !defined(COLIBRI_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define COLIBRI_TRACE_H

#include <linux/tracepoint.h>

#include "colibri_hw.h"
#include "hmm_svm.h"

#define colibri_show_access(access)				\
	__print_symbolic(access,				\
			 { COLIBRI_ACCESS_READ, "read" },	\
			 { COLIBRI_ACCESS_WRITE, "write" },	\
			 { COLIBRI_ACCESS_EXEC, "exec" },	\
			 { COLIBRI_ACCESS_ATOMIC, "atomic" },	\
			 { COLIBRI_ACCESS_HOT, "hot" })

TRACE_EVENT(colibri_fault,
	TP_PROTO(const struct colibri_fault *record),
	TP_ARGS(record),
	TP_STRUCT__entry(
		__field(u64, addr)
		__field(u64, pc)
		__field(u32, asid)
		__field(u16, queue)
		__field(u8, access)
		__field(u8, client)
	),
	TP_fast_assign(
		__entry->addr = record->addr;
		__entry->pc = record->pc;
		__entry->asid = record->asid;
		__entry->queue = record->queue;
		__entry->access = record->access;
		__entry->client = record->client;
	),
	TP_printk("asid=%u queue=%u addr=%#llx access=%s client=%u pc=%#llx",
		  __entry->asid, __entry->queue, __entry->addr,
		  colibri_show_access(__entry->access), __entry->client, __entry->pc)
);

TRACE_EVENT(colibri_fault_done,
	TP_PROTO(u32 asid, u64 addr, u32 access, int ret, u64 ns),
	TP_ARGS(asid, addr, access, ret, ns),
	TP_STRUCT__entry(
		__field(u64, addr)
		__field(u64, ns)
		__field(u32, asid)
		__field(u32, access)
		__field(int, ret)
	),
	TP_fast_assign(
		__entry->addr = addr;
		__entry->asid = asid;
		__entry->access = access;
		__entry->ret = ret;
		__entry->ns = ns;
	),
	TP_printk("asid=%u addr=%#llx access=%s ret=%d ns=%llu", __entry->asid, __entry->addr,
		  colibri_show_access(__entry->access), __entry->ret, __entry->ns)
);

TRACE_EVENT(colibri_hot,
	TP_PROTO(u32 asid, u64 addr),
	TP_ARGS(asid, addr),
	TP_STRUCT__entry(
		__field(u64, addr)
		__field(u32, asid)
	),
	TP_fast_assign(
		__entry->addr = addr;
		__entry->asid = asid;
	),
	TP_printk("asid=%u addr=%#llx", __entry->asid, __entry->addr)
);

TRACE_EVENT(colibri_copy,
	TP_PROTO(const struct hmm_svm_extent *extents, unsigned int count),
	TP_ARGS(extents, count),
	TP_STRUCT__entry(
		__field(u64, dst)
		__field(u64, src)
		__field(u32, count)
		__field(u32, flags)
	),
	TP_fast_assign(
		__entry->dst = extents->dst;
		__entry->src = extents->src;
		__entry->count = count;
		__entry->flags = extents->flags;
	),
	TP_printk("extents=%u first: %s dst=%s%#llx src=%s%#llx", __entry->count,
		  __entry->flags & HMM_SVM_EXTENT_CLEAR ? "clear" : "copy",
		  __entry->flags & HMM_SVM_EXTENT_DST_DEV ? "vram:" : "sys:", __entry->dst,
		  __entry->flags & HMM_SVM_EXTENT_SRC_DEV ? "vram:" : "sys:", __entry->src)
);

TRACE_EVENT(colibri_tlb_inv,
	TP_PROTO(u32 asid, u64 va, u64 size),
	TP_ARGS(asid, va, size),
	TP_STRUCT__entry(
		__field(u64, va)
		__field(u64, size)
		__field(u32, asid)
	),
	TP_fast_assign(
		__entry->va = va;
		__entry->size = size;
		__entry->asid = asid;
	),
	TP_printk("asid=%u va=%#llx size=%#llx", __entry->asid, __entry->va, __entry->size)
);

TRACE_EVENT(colibri_bind,
	TP_PROTO(u32 asid, u32 op, u64 addr, u64 range),
	TP_ARGS(asid, op, addr, range),
	TP_STRUCT__entry(
		__field(u64, addr)
		__field(u64, range)
		__field(u32, asid)
		__field(u32, op)
	),
	TP_fast_assign(
		__entry->addr = addr;
		__entry->range = range;
		__entry->asid = asid;
		__entry->op = op;
	),
	TP_printk("asid=%u op=%u addr=%#llx range=%#llx", __entry->asid, __entry->op,
		  __entry->addr, __entry->range)
);

TRACE_EVENT(colibri_submit,
	TP_PROTO(u32 asid, u32 queue, u64 index, u32 count),
	TP_ARGS(asid, queue, index, count),
	TP_STRUCT__entry(
		__field(u64, index)
		__field(u32, asid)
		__field(u32, queue)
		__field(u32, count)
	),
	TP_fast_assign(
		__entry->index = index;
		__entry->asid = asid;
		__entry->queue = queue;
		__entry->count = count;
	),
	TP_printk("asid=%u queue=%u index=%llu count=%u", __entry->asid, __entry->queue,
		  __entry->index, __entry->count)
);

TRACE_EVENT(colibri_queue_error,
	TP_PROTO(u32 queue, u32 code, u64 addr, u64 pc),
	TP_ARGS(queue, code, addr, pc),
	TP_STRUCT__entry(
		__field(u64, addr)
		__field(u64, pc)
		__field(u32, queue)
		__field(u32, code)
	),
	TP_fast_assign(
		__entry->addr = addr;
		__entry->pc = pc;
		__entry->queue = queue;
		__entry->code = code;
	),
	TP_printk("queue=%u error=%u addr=%#llx pc=%#llx", __entry->queue, __entry->code,
		  __entry->addr, __entry->pc)
);

TRACE_EVENT(colibri_vm,
	TP_PROTO(u32 asid, u32 pid, bool alive),
	TP_ARGS(asid, pid, alive),
	TP_STRUCT__entry(
		__field(u32, asid)
		__field(u32, pid)
		__field(u8, alive)
	),
	TP_fast_assign(
		__entry->asid = asid;
		__entry->pid = pid;
		__entry->alive = alive;
	),
	TP_printk("asid=%u pid=%u alive=%u", __entry->asid, __entry->pid, __entry->alive)
);

/* Engine time that a hardware queue gained since the last of these; see colibri_fdinfo.c. */
TRACE_EVENT(colibri_queue_busy,
	TP_PROTO(u32 asid, u32 queue, u64 gain, u64 compute, u64 copy),
	TP_ARGS(asid, queue, gain, compute, copy),
	TP_STRUCT__entry(
		__field(u64, gain)
		__field(u64, compute)
		__field(u64, copy)
		__field(u32, asid)
		__field(u32, queue)
	),
	TP_fast_assign(
		__entry->gain = gain;
		__entry->compute = compute;
		__entry->copy = copy;
		__entry->asid = asid;
		__entry->queue = queue;
	),
	TP_printk("asid=%u queue=%u gain=%llu compute=%llu copy=%llu", __entry->asid,
		  __entry->queue, __entry->gain, __entry->compute, __entry->copy)
);

/* A queue of a process gets a hardware queue (@on), or loses it for others to run. */
TRACE_EVENT(colibri_queue_switch,
	TP_PROTO(u32 asid, u32 id, u32 queue, bool on),
	TP_ARGS(asid, id, queue, on),
	TP_STRUCT__entry(
		__field(u32, asid)
		__field(u32, id)
		__field(u32, queue)
		__field(u8, on)
	),
	TP_fast_assign(
		__entry->asid = asid;
		__entry->id = id;
		__entry->queue = queue;
		__entry->on = on;
	),
	TP_printk("asid=%u id=%u queue=%u on=%u", __entry->asid, __entry->id, __entry->queue,
		  __entry->on)
);

/* A wait for a user fence is over. */
TRACE_EVENT(colibri_fence,
	TP_PROTO(u64 offset, u64 value, int ret),
	TP_ARGS(offset, value, ret),
	TP_STRUCT__entry(
		__field(u64, offset)
		__field(u64, value)
		__field(int, ret)
	),
	TP_fast_assign(
		__entry->offset = offset;
		__entry->value = value;
		__entry->ret = ret;
	),
	TP_printk("offset=%#llx value=%llu ret=%d", __entry->offset, __entry->value,
		  __entry->ret)
);

TRACE_EVENT(colibri_reset,
	TP_PROTO(int ret),
	TP_ARGS(ret),
	TP_STRUCT__entry(
		__field(int, ret)
	),
	TP_fast_assign(
		__entry->ret = ret;
	),
	TP_printk("ret=%d", __entry->ret)
);

TRACE_EVENT(colibri_lost,
	TP_PROTO(const char *why),
	TP_ARGS(why),
	TP_STRUCT__entry(
		__array(char, why, 64)
	),
	TP_fast_assign(
		strscpy(__entry->why, why, sizeof(__entry->why));
	),
	TP_printk("why=%s", __entry->why)
);

#endif /* COLIBRI_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE colibri_trace
#include <trace/define_trace.h>
