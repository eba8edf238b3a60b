/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * Colibri hardware interface: registers, page tables, packets, fault records
 * and the custom instructions.
 *
 * This is the one definition of these facts.  The virtual GPU (gpu-model/),
 * the kernel driver (drm-driver/), the Mesa driver and the tests include it;
 * Documentation/gpu/colibri/hardware.rst explains it in prose.  Everything is
 * little-endian.  The header needs the fixed-width types of <linux/types.h>
 * (kernel and user space both have it) and nothing else.
 */
#ifndef COLIBRI_HW_H
#define COLIBRI_HW_H

#include <linux/types.h>

/* ---- PCI identity --------------------------------------------------------
 *
 * 1af4:10f0-10ff is the range that QEMU's docs/specs/pci-ids.rst sets aside
 * for experimental use without registration.
 */
#define COLIBRI_PCI_VENDOR		0x1af4
#define COLIBRI_PCI_DEVICE		0x10f0
#define COLIBRI_PCI_CLASS		0x030200	/* 3D controller */

#define COLIBRI_BAR_REGS		0	/* trapped, 32-bit */
#define COLIBRI_BAR_VRAM		2	/* plain memory, 64-bit prefetchable */
#define COLIBRI_BAR_MSIX		4

#define COLIBRI_BAR_REGS_SIZE		0x80000

/* MSI-X vectors */
#define COLIBRI_VEC_FAULT		0	/* the fault ring got records */
#define COLIBRI_VEC_FENCE		1	/* a fence packet with IRQ completed */
#define COLIBRI_VEC_MIGRATE		2	/* the same, on the migration queue */
#define COLIBRI_VEC_ERROR		3	/* status page: queue_error has new bits */
#define COLIBRI_VEC_MMU			4	/* an MMU SYNC command with IRQ completed */
#define COLIBRI_VEC_SCHED		5	/* status page: queue_event or context_event */
#define COLIBRI_NUM_VECS		8

/* ---- Limits --------------------------------------------------------------*/
#define COLIBRI_MAX_QUEUES		64	/* queue 0 is the migration queue */
#define COLIBRI_MAX_CONTEXTS		512	/* number 0 is none */
#define COLIBRI_MAX_ASIDS		256
#define COLIBRI_MIGRATE_QUEUE		0
#define COLIBRI_MAX_WG_ITEMS		1024
#define COLIBRI_MAX_LDS			65536	/* bytes of local memory per work-group */
#define COLIBRI_MAX_PRIVATE		65536	/* bytes of private memory per work-item */
#define COLIBRI_MAX_STACK		(1 << 20) /* bytes of stack per wave */
#define COLIBRI_WAVE_LANES		64	/* VLEN / 32 */
#define COLIBRI_VLEN			2048	/* bits; a device may have less */
#define COLIBRI_MIN_VLEN		128
#define COLIBRI_MAX_CUS			1024

/* ---- Registers (BAR 0) ---------------------------------------------------
 *
 * 32-bit registers take naturally aligned 4-byte accesses, 64-bit registers
 * (marked 64) an 8-byte access or two 4-byte ones, low half first; the write
 * of the high half takes effect.  Unknown offsets read as 0, writes to them
 * are ignored.
 */
#define COLIBRI_REG_ID			0x0000	/* RO COLIBRI_ID_MAGIC */
#define COLIBRI_REG_VERSION		0x0004	/* RO major << 16 | minor */
#define COLIBRI_REG_FEATURES		0x0008	/* RO COLIBRI_FEATURE_* */
#define COLIBRI_REG_STATUS		0x000c	/* RO COLIBRI_STATUS_* */
#define COLIBRI_REG_VRAM_SIZE		0x0010	/* RO 64, bytes */
#define COLIBRI_REG_NUM_QUEUES		0x0018	/* RO including the migration queue */
#define COLIBRI_REG_NUM_CUS		0x001c	/* RO compute units */
#define COLIBRI_REG_NUM_ASIDS		0x0020	/* RO */
#define COLIBRI_REG_VLEN		0x0024	/* RO bits */
#define COLIBRI_REG_WAVES_PER_QUEUE	0x0028	/* RO resident waves of one queue */
#define COLIBRI_REG_NUM_CONTEXTS	0x002c	/* RO contexts have numbers 1 .. this - 1 */
#define COLIBRI_REG_TIMESTAMP		0x0030	/* RO 64, ns, monotonic */
#define COLIBRI_REG_RESET		0x0038	/* WO write 1: everything but VRAM to power-on */
#define COLIBRI_REG_STATUS_PAGE		0x0040	/* RW 64, bus address, 4 KiB aligned; 0: off */
#define COLIBRI_REG_FAULT_RING		0x0048	/* RW 64, bus address, 4 KiB aligned; 0: off */
#define COLIBRI_REG_FAULT_RING_LOG2	0x0050	/* RW log2 of the number of records, 1..16 */
#define COLIBRI_REG_FAULT_DOORBELL	0x0054	/* WO fault_cons moved after an overflow */
#define COLIBRI_REG_MMU_RING		0x0058	/* RW 64, bus address, 4 KiB aligned; 0: off */
#define COLIBRI_REG_MMU_RING_LOG2	0x0060	/* RW log2 of the number of commands, 1..16 */
#define COLIBRI_REG_MMU_DOORBELL	0x0064	/* WO mmu_prod moved while mmu_idle was set */
#define COLIBRI_REG_MMU_ERROR		0x0068	/* RO COLIBRI_MMU_ERR_*, sticky until reset */
#define COLIBRI_REG_HOT_THRESHOLD	0x006c	/* RW accesses to report, per 64 KiB; 0: off */

#define COLIBRI_REG_CONTEXT_DROP	0x0070	/* WO number of a detached context to forget */

/*
 * One bit for each queue.  A queue that is not ENABLED is in none of the three RO masks; any other
 * is in one of them at most.
 */
#define COLIBRI_REG_SCHED_WATCH		0x0078	/* RW 64, tell when it gets idle or parked */
#define COLIBRI_REG_SCHED_IDLE		0x0080	/* RO 64, cb.idle is 1 and nothing is in flight */
#define COLIBRI_REG_SCHED_PARKED	0x0088	/* RO 64, goes on only when faults are answered */
#define COLIBRI_REG_SCHED_WAITING	0x0090	/* RO 64, waits for words of memory (and faults) */

#define COLIBRI_REG_ENGINE_RESET	0x0098	/* WO COLIBRI_ENGINE_*: to power-on, these alone */
#define COLIBRI_REG_FAULTS_HELD		0x009c	/* RO fault records that are not in the ring yet */

/* To test a driver: who hangs.  0 after a reset. */
#define COLIBRI_REG_HANG		0x00a0	/* RW COLIBRI_ENGINE_*, COLIBRI_HANG_* */
#define COLIBRI_REG_HANG_QUEUES		0x00a8	/* RW 64, one bit for each queue */

#define COLIBRI_ENGINE_MMU		(1u << 0)	/* the MMU ring */
#define COLIBRI_ENGINE_FAULT		(1u << 1)	/* the fault ring */
#define COLIBRI_HANG_HARD		(1u << 8)	/* resets of single engines do not help */
#define COLIBRI_HANG_DEAD		(1u << 9)	/* nor does RESET: not READY behind it */

#define COLIBRI_ID_MAGIC		0x52424c43u	/* "CLBR" */
#define COLIBRI_VERSION			0x00010001u

/*
 * Atomics on system memory are atomic for the CPU, too (PCIe AtomicOps).  Without it
 * they are so among the device's own atomics only: they are a read and a later write on
 * the bus, and what others write in between is lost.  So give ATOMIC for system memory
 * only while the CPU cannot reach it.
 */
#define COLIBRI_FEATURE_SYS_ATOMICS	(1u << 0)
#define COLIBRI_FEATURE_ACCESS_COUNTERS	(1u << 1)	/* HOT_THRESHOLD works */

#define COLIBRI_STATUS_READY		(1u << 0)

/*
 * Busy time of queue @q, RO 64: ns that engines have spent on its packets, summed over the engines.
 * It runs on while they execute, is kept over DISABLE and starts at 0 with RESET.  Time for which
 * everything of the queue is parked on faults, or waits for memory or a turn, does not count.
 */
#define COLIBRI_REG_QUEUE_BUSY(q, kind)	(0x3000 + (q) * 0x10 + (kind) * 8)
#define COLIBRI_BUSY_COMPUTE		0	/* waves, and the command processor */
/* the command processor's turns with copies and fills */
#define COLIBRI_BUSY_COPY		1
#define COLIBRI_NUM_BUSY		2

/*
 * RW, while DISABLED: the number under which DETACH puts the state of queue @q and ATTACH finds it;
 * 0: none.
 */
#define COLIBRI_REG_QUEUE_CONTEXT(q)	(0x3400 + (q) * 4)

/* Page-table root of address space @asid (64): a directory entry, see PTEs.  Root 0: none. */
#define COLIBRI_REG_PT_ROOT(asid)	(0x4000 + (asid) * 8)

/*
 * Queue registers.  Ring, cb, log2, asid and priority may change only while the queue is DISABLED.
 */
#define COLIBRI_REG_QUEUE(q)		(0x1000 + (q) * 0x40)
#define COLIBRI_QREG_RING		0x00	/* RW 64, VA (queue 0: bus), 64-byte aligned */
#define COLIBRI_QREG_CB			0x08	/* RW 64, VA (queue 0: bus) of colibri_queue_cb */
#define COLIBRI_QREG_RING_LOG2		0x10	/* RW log2 of the number of packets, 1..16 */
#define COLIBRI_QREG_ASID		0x14	/* RW */
#define COLIBRI_QREG_PRIORITY		0x18	/* RW 0 (low) .. 3 (high) */
#define COLIBRI_QREG_CTL		0x1c	/* WO COLIBRI_QCTL_* */
#define COLIBRI_QREG_STATE		0x20	/* RO COLIBRI_QSTATE_* */
#define COLIBRI_QREG_ERROR		0x24	/* RO COLIBRI_QERR_* */
#define COLIBRI_QREG_ERROR_ADDR		0x28	/* RO 64 */
#define COLIBRI_QREG_ERROR_PC		0x30	/* RO 64 */
#define COLIBRI_QREG_ERROR_INFO		0x38	/* RO 64, work-group << 32 | wave */

/*
 * Control words.  The write is complete - and a following register read
 * returns - only when no wave, packet or copy of the queue executes any more
 * (DISABLE, SUSPEND, DETACH).  DISABLE drops waves, parked ones too, and the error.
 *
 * DETACH moves all state of the queue - registers, indices, packets and waves in flight, parked
 * faults, the error - to the context that QUEUE_CONTEXT names, and the queue is DISABLED.  ATTACH,
 * on any DISABLED queue, brings it back and goes on as if the doorbell had rung.
 */
#define COLIBRI_QCTL_ENABLE		1
#define COLIBRI_QCTL_DISABLE		2
#define COLIBRI_QCTL_SUSPEND		3
#define COLIBRI_QCTL_RESUME		4
/* nothing if QUEUE_CONTEXT is 0, too large or in use */
#define COLIBRI_QCTL_DETACH		5
#define COLIBRI_QCTL_ATTACH		6	/* nothing if there is no such context */
#define COLIBRI_QCTL_RESTART		7	/* ENABLE, but indices start at cb.read_index */
#define COLIBRI_QCTL_RESET		8	/* DISABLE, also of a queue that hangs */

#define COLIBRI_QSTATE_DISABLED		0
#define COLIBRI_QSTATE_ENABLED		1
#define COLIBRI_QSTATE_SUSPENDED	2
#define COLIBRI_QSTATE_ERROR		3	/* stopped; registers tell why; leave by DISABLE */

/*
 * In STATE from a DETACH to the next control word: what the context was about at that moment.
 * 0 at any other time.
 */
#define COLIBRI_QSTATE_MASK		0xffu
#define COLIBRI_QSTATE_ACTIVITY(state)	((state) >> 8 & 0xff)
#define COLIBRI_ACTIVITY_RUNS		1	/* it has something to execute */
#define COLIBRI_ACTIVITY_IDLE		2	/* these: as the masks SCHED_ of these names */
#define COLIBRI_ACTIVITY_PARKED		3
#define COLIBRI_ACTIVITY_WAITING	4

#define COLIBRI_QERR_NONE		0
#define COLIBRI_QERR_BAD_RING		1	/* ring, cb: alignment, size, indices, address */
#define COLIBRI_QERR_BAD_PACKET		2	/* unknown type or a field out of its range */
#define COLIBRI_QERR_FAULT		3	/* the driver answered a fault with FAIL */
#define COLIBRI_QERR_ILLEGAL_INSN	4
#define COLIBRI_QERR_BAD_ADDRESS	5	/* non-canonical, or outside its segment */
#define COLIBRI_QERR_MISALIGNED		6	/* atomic or fence word not naturally aligned */
#define COLIBRI_QERR_FENCE_UNMAPPED	7	/* fence and timestamp writes never fault */
#define COLIBRI_QERR_BUS		8	/* a PTE or descriptor points nowhere */
#define COLIBRI_QERR_NO_MEMORY		10	/* no room for private memory and stacks */

/* One 4 KiB doorbell page per queue; any 4-byte write to its start rings. */
#define COLIBRI_DOORBELL(q)		(0x20000 + (q) * 0x1000)

/* ---- Status page (system memory, at STATUS_PAGE) -------------------------
 *
 * Producers publish with release, consumers read with acquire.  Ring indices
 * run free over 2^32 and are taken modulo the ring size; all are 0 after
 * RESET, and the driver zeroes the page before it writes STATUS_PAGE.  Write
 * the LOG2 registers before the ring registers.
 *
 * VEC_FAULT is raised when fault_prod moved and fault_cons has reached the
 * fault_prod of the last time it was raised.  So, before its handler returns,
 * the driver stores fault_cons, executes a full barrier and looks at
 * fault_prod once more.
 */
struct colibri_status_page {
	__u32 fault_prod;	/* device: records written to the fault ring */
	__u32 fault_overflow;	/* device: 1 while faults wait for room in the ring */
	__u32 pad0[14];
	__u32 fault_cons;	/* driver: records consumed */
	__u32 pad1[15];
	__u32 mmu_prod;		/* driver: commands written to the MMU ring */
	__u32 pad2[15];
	__u32 mmu_cons;		/* device: commands completed, in order */
	__u32 mmu_idle;		/* device: 1: sleeps, ring MMU_DOORBELL after moving mmu_prod */
	__u32 pad3[14];
	__u64 queue_error;	/* bit q: queue q is in ERROR; device: atomic or, driver: xchg 0 */
	__u32 pad4[14];
	/* Set by the device with VEC_SCHED, taken by the driver in the same way: */
	__u64 queue_event;	/* bit q: q is idle or parked, and has left SCHED_WATCH */
	__u64 pad5[7];
	/* bit c: faults of detached context c were answered: it can run, or is in ERROR */
	__u64 context_event[COLIBRI_MAX_CONTEXTS / 64];
};

/* ---- Addresses -----------------------------------------------------------
 *
 * Flat 64-bit pointers.  Bits 63:62 select the aperture (NIR's 62-bit generic
 * encoding).  Global: [0, 2^57), [0, 2^56) mirrors the process, [2^56, 2^57)
 * is the driver's zone.  Anything else with 63:62 = 0 or 3 is BAD_ADDRESS.
 */
#define COLIBRI_APERTURE_SHIFT		62
#define COLIBRI_APERTURE_LOCAL		1ull	/* bits 31:0 offset into the group's local memory */
#define COLIBRI_APERTURE_PRIVATE	2ull	/* see below */
#define COLIBRI_VA_BITS			57
#define COLIBRI_VA_DRIVER_ZONE		(1ull << 56)

/*
 * Private aperture: bit 61 clear: a work-item's private memory, bits 37:32 the
 * lane, bits 31:0 the offset; bit 61 set: the wave's stack (scalar and vector
 * spills), bits 31:0 the offset.
 */
#define COLIBRI_PRIVATE_STACK		(1ull << 61)
#define COLIBRI_PRIVATE_LANE_SHIFT	32
#define COLIBRI_LOCAL_BASE		(COLIBRI_APERTURE_LOCAL << COLIBRI_APERTURE_SHIFT)
#define COLIBRI_PRIVATE_BASE		(COLIBRI_APERTURE_PRIVATE << COLIBRI_APERTURE_SHIFT)
#define COLIBRI_STACK_BASE		(COLIBRI_PRIVATE_BASE | COLIBRI_PRIVATE_STACK)

/* A physical address, in PTEs, migration lists and roots: VRAM offset or bus address. */
#define COLIBRI_PHYS_SYS		(1ull << 63)	/* of extents: bus address, else of VRAM */

/* ---- Page tables ---------------------------------------------------------
 *
 * Five levels of 512 64-bit entries: L5 (VA 56:48) .. L1 (VA 20:12).  A
 * non-leaf entry has VALID and no LEAF and points at the next table.  Leaves:
 * 4 KiB in L1, 2 MiB in L2.  CONT64 on an L1 leaf promises that the 16 entries
 * of its aligned 64 KiB are alike and physically contiguous.  Absent, or
 * present without the permission: a fault.  An atomic needs READ, WRITE and
 * ATOMIC.  LEAF in another level, or an L1 entry without LEAF: QERR_BUS.  The
 * device caches no absence: making an entry valid, or adding a permission,
 * needs no TLB_INV.
 */
#define COLIBRI_PTE_VALID		(1ull << 0)
#define COLIBRI_PTE_READ		(1ull << 1)
#define COLIBRI_PTE_WRITE		(1ull << 2)
#define COLIBRI_PTE_EXEC		(1ull << 3)
#define COLIBRI_PTE_ATOMIC		(1ull << 4)
#define COLIBRI_PTE_LEAF		(1ull << 5)
#define COLIBRI_PTE_SYS			(1ull << 6)	/* bus address, else VRAM offset */
#define COLIBRI_PTE_CONT64		(1ull << 7)
#define COLIBRI_PTE_ADDR_MASK		0x00fffffffffff000ull
#define COLIBRI_PT_LEVELS		5
#define COLIBRI_PT_ENTRIES		512
#define COLIBRI_PT_SHIFT(level)		(12 + 9 * ((level) - 1))	/* level 1..5 */

/* ---- MMU commands (ring of 32-byte commands in system memory) ------------
 *
 * Executed in order.  mmu_cons passes a command when it is complete; for
 * TLB_INV that is when no access of any engine uses the old translation and
 * all its earlier writes are visible.
 */
struct colibri_mmu_cmd {
	__u32 op;		/* COLIBRI_MMU_* */
	__u32 asid;
	__u64 va;		/* 4 KiB aligned */
	__u64 size;		/* bytes, multiple of 4 KiB; ~0: to the end of the space */
	__u64 arg;
};

#define COLIBRI_MMU_NOP			0
#define COLIBRI_MMU_TLB_INV		1	/* drop translations, decoded code of a range */
#define COLIBRI_MMU_FAULT_RETRY		2	/* what waits on pages of a range retries */
#define COLIBRI_MMU_FAULT_FAIL		3	/* what waits there: error FAULT; arg: reason */
#define COLIBRI_MMU_SYNC		4	/* arg bit 0: raise VEC_MMU */

#define COLIBRI_MMU_ERR_NONE		0
#define COLIBRI_MMU_ERR_BAD_CMD		1	/* unknown op, bad asid or range; command skipped */
#define COLIBRI_MMU_ERR_BAD_RING	2	/* ring or indices invalid; processing stopped */

/* ---- Faults (ring of 64-byte records in system memory) -------------------
 *
 * One record per (asid, page) with a stronger access reported again; the
 * device holds it until a RETRY or FAIL covers the page.  With the ring full
 * nothing is lost: the device keeps the rest, sets fault_overflow and goes on
 * when FAULT_DOORBELL is rung.
 */
struct colibri_fault {
	__u64 addr;		/* VA, bits 11:0 the first faulting access's offset */
	__u32 asid;
	__u16 queue;
	__u8 access;		/* COLIBRI_ACCESS_* */
	__u8 client;		/* COLIBRI_CLIENT_* */
	__u64 pc;		/* instruction, or packet index for the CP */
	__u32 wave;		/* of the work-group */
	__u32 wg;		/* flat work-group index */
	__u64 timestamp;	/* ns */
	__u32 context;		/* QUEUE_CONTEXT; it may have been detached since */
	__u32 reserved0;
	__u64 reserved[2];
};

#define COLIBRI_ACCESS_READ		0
#define COLIBRI_ACCESS_WRITE		1
#define COLIBRI_ACCESS_EXEC		2
#define COLIBRI_ACCESS_ATOMIC		3
/*
 * Not a fault: since the translations were loaded, about HOT_THRESHOLD accesses of waves
 * went to the aligned 64 KiB at addr, over SYS entries; the next such record of it comes after
 * twice as many, and so on.  queue, pc, wave and wg are 0.  Nothing waits for an answer; with
 * half of the ring full it is dropped.
 */
#define COLIBRI_ACCESS_HOT		4

#define COLIBRI_CLIENT_WAVE		0
#define COLIBRI_CLIENT_CP		1	/* ring, control block, descriptor, signals */
#define COLIBRI_CLIENT_COPY		2	/* virtual copy and fill packets */

/* Reasons of FAULT_FAIL: kept in QREG_ERROR_INFO's place of the driver, opaque to the device. */

/* ---- Queues and packets --------------------------------------------------
 *
 * Packets follow the HSA AQL layout.  write_index and read_index count packets
 * since ENABLE; slot = index modulo ring size.  The producer fills the packet,
 * stores its header last (release), moves write_index, and rings the doorbell
 * when idle is set (a full barrier between the two).  It zeroes the control
 * block before ENABLE.  A packet retires, in order, when it is complete; a
 * packet of type INVALID below write_index is BAD_PACKET.  The control block is
 * 8-byte aligned.  On queue 0 only NOP, FENCE, TIMESTAMP and MIGRATE are valid,
 * with completion_signal 0.
 */
struct colibri_queue_cb {
	__u64 write_index;	/* producer */
	__u64 pad0[7];
	__u64 read_index;	/* device: packets retired; their slots are free */
	__u32 idle;		/* device: 1: sleeps, needs the doorbell */
	__u32 pad1[13];
};

#define COLIBRI_PACKET_SIZE		64

/* header: bits 7:0 type, 8 barrier, 10:9 acquire scope, 12:11 release scope */
#define COLIBRI_PKT_VENDOR		0
#define COLIBRI_PKT_INVALID		1
#define COLIBRI_PKT_DISPATCH		2
#define COLIBRI_PKT_BARRIER_AND		3
#define COLIBRI_PKT_BARRIER_OR		5
#define COLIBRI_PKT_TYPE_MASK		0x00ff
#define COLIBRI_PKT_BARRIER_BIT		0x0100	/* start when all earlier ones are complete */
#define COLIBRI_PKT_ACQUIRE_SHIFT	9
#define COLIBRI_PKT_RELEASE_SHIFT	11

struct colibri_pkt_dispatch {
	__u16 header;
	__u16 setup;		/* bits 1:0 number of dimensions, 1..3 */
	__u16 wg_size[3];	/* product <= COLIBRI_MAX_WG_ITEMS */
	__u16 reserved0;
	__u32 grid_size[3];	/* in work-items; the last group of a dimension may be partial */
	__u32 private_size;	/* bytes per work-item */
	__u32 group_size;	/* bytes of local memory per work-group */
	__u64 kernel_object;	/* VA of struct colibri_kernel_desc, 64-byte aligned */
	__u64 kernarg;		/* VA */
	__u64 reserved1;
	__u64 completion_signal;	/* 0, or VA of a __u64 to decrement at the end (ATOMIC) */
};

struct colibri_pkt_barrier {
	__u16 header;
	__u16 reserved0;
	__u32 reserved1;
	__u64 dep_signal[5];	/* 0, or VA of a 64-bit word; satisfied when it is 0 */
	__u64 reserved2;
	__u64 completion_signal;
};

/* Vendor packets: header type VENDOR, op in the second half-word. */
#define COLIBRI_OP_NOP			0
#define COLIBRI_OP_COPY			1	/* virtual */
#define COLIBRI_OP_FILL			2	/* virtual */
#define COLIBRI_OP_FENCE		3	/* any queue; implies COLIBRI_PKT_BARRIER_BIT */
#define COLIBRI_OP_WAIT			4	/* until the word fulfils the condition */
#define COLIBRI_OP_TIMESTAMP		5
#define COLIBRI_OP_ICACHE_INV		6	/* forget decoded code of the queue's ASID */
#define COLIBRI_OP_MIGRATE		16	/* migration queue only */

struct colibri_pkt_copy {
	__u16 header;
	__u16 op;
	__u32 reserved0;
	__u64 dst;
	__u64 src;
	__u64 size;		/* bytes */
	__u64 reserved1[3];
	__u64 completion_signal;
};

struct colibri_pkt_fill {
	__u16 header;
	__u16 op;
	__u32 pattern_size;	/* 1, 2, 4, 8, 16 */
	__u64 dst;
	__u64 size;		/* bytes, a multiple of pattern_size */
	__u64 pattern[2];
	__u64 reserved1[2];
	__u64 completion_signal;
};

/* FENCE: all earlier packets complete and visible, then *addr = value, then the interrupt. */
struct colibri_pkt_fence {
	__u16 header;
	__u16 op;
	__u32 flags;		/* COLIBRI_FENCE_IRQ */
	__u64 addr;		/* 8-byte aligned VA (queue 0: bus), mapped writable */
	__u64 value;
	__u64 reserved1[4];
	__u64 completion_signal;
};

#define COLIBRI_FENCE_IRQ		(1u << 0)

/*
 * WAIT and the barrier packets look at their words at least once a millisecond
 * and whenever the device itself signals or the queue's doorbell rings.
 */
struct colibri_pkt_wait {
	__u16 header;
	__u16 op;
	__u32 cond;		/* COLIBRI_WAIT_* */
	__u64 addr;		/* 8-byte aligned VA */
	__u64 ref;
	__u64 mask;
	__u64 reserved1[3];
	__u64 completion_signal;
};

#define COLIBRI_WAIT_EQ			0	/* (*addr & mask) == ref */
#define COLIBRI_WAIT_NE			1
#define COLIBRI_WAIT_GE			2	/* unsigned */

/* TIMESTAMP: written when all earlier packets are complete. */
struct colibri_pkt_timestamp {
	__u16 header;
	__u16 op;
	__u32 reserved0;
	__u64 addr;		/* 8-byte aligned VA; *addr = TIMESTAMP */
	__u64 reserved1[5];
	__u64 completion_signal;
};

/*
 * MIGRATE: copy or clear @count physical extents.  Never faults; a bad extent is queue error BUS
 * before any is touched.
 */
struct colibri_pkt_migrate {
	__u16 header;
	__u16 op;
	__u32 count;		/* 1..COLIBRI_MAX_EXTENTS */
	__u64 list;		/* bus address of struct colibri_extent[count], 8-byte aligned */
	__u64 reserved1[5];
	__u64 completion_signal;	/* must be 0 */
};

#define COLIBRI_MAX_EXTENTS		4096

struct colibri_extent {
	__u64 dst;		/* with COLIBRI_PHYS_SYS or a VRAM offset */
	__u64 src;		/* the same; ignored with EXTENT_CLEAR */
	__u32 size;		/* bytes */
	__u32 flags;		/* COLIBRI_EXTENT_CLEAR: dst = 0 */
};

#define COLIBRI_EXTENT_CLEAR		(1u << 0)

/* What kernel_object points at. */
struct colibri_kernel_desc {
	__u64 entry;		/* VA of the first instruction, 2-byte aligned */
	__u32 stack_size;	/* bytes per wave, multiple of 256, <= COLIBRI_MAX_STACK */
	__u32 flags;		/* 0 */
	__u64 reserved[6];
};

/* ---- Cores ---------------------------------------------------------------
 *
 * RV64IMAFDC_Zicsr_Zifencei_Zba_Zbb_Zfh_V_Zvfh, VLEN 2048, ELEN 64; user mode
 * only.  At its start a wave has pc = entry, a0 = kernarg, sp = STACK_BASE +
 * stack_size, fcsr = 0, vtype = vill, every other register 0.  Work-item of
 * lane l: flat index in the group = wave_in_wg * 64 + l; lanes beyond the
 * group's size must be masked by the code.
 *
 * Read-only CSRs (csrr) carry what is uniform in the wave:
 */
#define COLIBRI_CSR_WG_ID(d)		(0xcc0 + (d))	/* d = 0..2 */
#define COLIBRI_CSR_WG_SIZE(d)		(0xcc3 + (d))	/* of this, maybe partial, group */
#define COLIBRI_CSR_WG_SIZE_NOM(d)	(0xcc6 + (d))	/* as in the packet */
#define COLIBRI_CSR_GRID_SIZE(d)	(0xcc9 + (d))	/* in work-items */
#define COLIBRI_CSR_WAVE_IN_WG		0xccc
#define COLIBRI_CSR_KERNARG		0xccd
#define COLIBRI_CSR_DIMS		0xcce
#define COLIBRI_CSR_WAVES_IN_WG		0xccf

/*
 * Custom instructions, R-type in custom-0 (opcode 0x0b).  They carry width and
 * mask themselves, ignore vl/vtype/vstart and work on all VLEN/32 lanes.
 *
 * funct3 0: control.  funct7 0: ENDW (end of wave), 1: BARRIER (work-group
 *   barrier; ended waves do not count; all memory accesses of the group before
 *   it are visible after it).  rd = rs1 = rs2 = 0.
 * funct3 2 (32-bit lanes) and 3 (64-bit lanes): vector atomic.
 *   funct7 = op << 2 | fp << 1 | vm.  vm 0: only lanes with their bit in v0.
 *   rs1 (field): even vector register of a group of 2 with a 64-bit flat address a lane.
 *   rs2 (field): data, rd (field): old value (CAS: in: the expected value);
 *   32-bit: one register, 64-bit: an even group of 2.  rd must not overlap the
 *   address group, nor v0 when masked.  Each active lane's atomic happens exactly
 *   once; sequentially consistent; naturally aligned or error MISALIGNED.
 *   In assembler: .insn r 0x0b, funct3, funct7, vd, vaddr, vdata
 */
#define COLIBRI_INSN_OPCODE		0x0b
#define COLIBRI_INSN_F3_CTRL		0
#define COLIBRI_INSN_F3_ATOMIC32	2
#define COLIBRI_INSN_F3_ATOMIC64	3
#define COLIBRI_INSN_F7_ENDW		0
#define COLIBRI_INSN_F7_BARRIER		1
#define COLIBRI_INSN_F7_ATOMIC(op, fp, vm)	((op) << 2 | (fp) << 1 | (vm))
#define COLIBRI_ATOMIC_ADD		0
#define COLIBRI_ATOMIC_SWAP		1
#define COLIBRI_ATOMIC_CAS		5
#define COLIBRI_ATOMIC_XOR		4
#define COLIBRI_ATOMIC_OR		8
#define COLIBRI_ATOMIC_AND		12
#define COLIBRI_ATOMIC_MIN		16	/* fp = 1: float min/max/add/swap; else signed */
#define COLIBRI_ATOMIC_MAX		20
#define COLIBRI_ATOMIC_MINU		24
#define COLIBRI_ATOMIC_MAXU		28

#endif /* COLIBRI_HW_H */
