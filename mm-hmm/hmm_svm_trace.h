/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Tracepoints of the layer: what happens to memory, and why.
 *
 * Field names are stable, see Documentation/gpu/colibri/observe.rst.  "pid" is the
 * process (thread group) that the memory belongs to, not who runs.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM hmm_svm

#if !defined(_HMM_SVM_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define _HMM_SVM_TRACE_H

#include <linux/tracepoint.h>

#include "hmm_svm_internal.h"

#define hmm_svm_show_access(access)			\
	__print_symbolic(access,			\
			 { HMM_SVM_READ, "read" },	\
			 { HMM_SVM_WRITE, "write" },	\
			 { HMM_SVM_ATOMIC, "atomic" })

#define hmm_svm_show_cause(cause)				\
	__print_symbolic(cause,					\
			 { HMM_SVM_CAUSE_FAULT, "fault" },	\
			 { HMM_SVM_CAUSE_PREFETCH, "prefetch" },	\
			 { HMM_SVM_CAUSE_PROMOTE, "promote" },	\
			 { HMM_SVM_CAUSE_CPU, "cpu" },		\
			 { HMM_SVM_CAUSE_EVICT, "evict" },	\
			 { HMM_SVM_CAUSE_FETCH_BACK, "prefetch" })

TRACE_EVENT(hmm_svm_fault,
	TP_PROTO(const struct hmm_svm *svm, u64 addr, u32 access, int ret, u64 ns),
	TP_ARGS(svm, addr, access, ret, ns),
	TP_STRUCT__entry(
		__field(u64, addr)
		__field(u64, ns)
		__field(u32, pid)
		__field(u32, access)
		__field(int, ret)
	),
	TP_fast_assign(
		__entry->addr = addr;
		__entry->ns = ns;
		__entry->pid = svm->counters->pid;
		__entry->access = access;
		__entry->ret = ret;
	),
	TP_printk("pid=%u addr=%#llx access=%s ret=%d ns=%llu", __entry->pid, __entry->addr,
		  hmm_svm_show_access(__entry->access), __entry->ret, __entry->ns)
);

TRACE_EVENT(hmm_svm_migrate,
	TP_PROTO(const struct hmm_svm_counters *counters, u64 addr, u64 size, u32 pages,
		 bool large, u32 cause),
	TP_ARGS(counters, addr, size, pages, large, cause),
	TP_STRUCT__entry(
		__field(u64, addr)
		__field(u64, size)
		__field(u32, pid)
		__field(u32, pages)
		__field(u8, to_dev)
		__field(u8, large)
		__field(u8, cause)
	),
	TP_fast_assign(
		__entry->addr = addr;
		__entry->size = size;
		__entry->pid = counters->pid;
		__entry->pages = pages;
		__entry->to_dev = cause < HMM_SVM_CAUSE_CPU;
		__entry->large = large;
		__entry->cause = cause;
	),
	TP_printk("pid=%u addr=%#llx size=%#llx pages=%u to=%s large=%u cause=%s", __entry->pid,
		  __entry->addr, __entry->size, __entry->pages,
		  __entry->to_dev ? "dev" : "sys", __entry->large,
		  hmm_svm_show_cause(__entry->cause))
);

TRACE_EVENT(hmm_svm_evict,
	TP_PROTO(u32 pid, u64 addr, u32 pages, int ret, u64 ns),
	TP_ARGS(pid, addr, pages, ret, ns),
	TP_STRUCT__entry(
		__field(u64, addr)
		__field(u64, ns)
		__field(u32, pid)
		__field(u32, pages)
		__field(int, ret)
	),
	TP_fast_assign(
		__entry->addr = addr;
		__entry->ns = ns;
		__entry->pid = pid;
		__entry->pages = pages;
		__entry->ret = ret;
	),
	TP_printk("pid=%u addr=%#llx pages=%u ret=%d ns=%llu", __entry->pid, __entry->addr,
		  __entry->pages, __entry->ret, __entry->ns)
);

TRACE_EVENT(hmm_svm_thrash_pin,
	TP_PROTO(const struct hmm_svm_block *block),
	TP_ARGS(block),
	TP_STRUCT__entry(
		__field(u64, addr)
		__field(u32, pid)
		__field(u32, ms)
	),
	TP_fast_assign(
		__entry->addr = block->start;
		__entry->pid = block->notifier->svm->counters->pid;
		__entry->ms = jiffies_to_msecs(block->pin_time);
	),
	TP_printk("pid=%u addr=%#llx ms=%u", __entry->pid, __entry->addr, __entry->ms)
);

#endif /* _HMM_SVM_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE hmm_svm_trace
#include <trace/define_trace.h>
