/* SPDX-License-Identifier: MIT */
/*
 * What the parts of the device share.
 *
 * Threads
 *   control   whoever calls device.h (the vfio-user server): registers, memory map, interrupts
 *   CU        one per compute unit (cu.c): runs waves, and the command processor of whichever
 *             queue needs it (cp.c), so that a small dispatch costs one wake-up
 *   MMU       executes the MMU ring (mmu_ring.c)
 *   migration executes queue 0 (migrate.c)
 *
 * Locks, outermost first
 *   ctl_lock  serialises the control calls
 *   mmu.lock  the MMU ring's registers; held while a command executes
 *   mig.lock  queue 0
 *   lock      queues, waves, faults: everything that is scheduled.  Held for short stretches only, never
 *             while waiting for an engine
 *   engine.inv_lock, irq_lock  leaves
 *
 * Guest memory
 *   Every engine touches guest memory only inside a section (engine.c).  Whoever takes memory or a
 *   translation away publishes that first and then waits until each engine has left the section it was in.
 */
#ifndef CG_INTERNAL_H
#define CG_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>

#include "core/core.h"
#include "device.h"
#include "hostile.h"
#include "list.h"

#define CG_PAGE_SIZE 4096ull
#define CG_HUGE_SIZE (2ull << 20) /* what the host can map at once */
#define CG_VA_LIMIT (1ull << COLIBRI_VA_BITS)

/* Waves of one queue that are resident together: four full work-groups of 16 waves. */
#define CG_WAVES_PER_QUEUE 64
/* Packets of one queue that are in flight together. */
#define CG_MAX_INFLIGHT 16
/* Instructions that a wave may execute before others get a turn: some 100 us. */
#define CG_QUANTUM 16384
/* Waves that a CU takes at once. */
#define CG_MAX_TURN 16
/* Private memory and stacks of all resident waves. */
#define CG_WAVE_MEMORY_LIMIT (2ull << 30)

struct cg_queue;
struct cg_wave_ctx;

/* ---- Engines (engine.c) --------------------------------------------------*/

#define CG_MAX_INV 32

/** A translation or decoded code that a core must forget. */
struct cg_inv {
   bool icache; /**< decoded code of the ASID only */
   uint32_t asid;
   uint64_t va, size;
};

/** One thread that touches guest memory by itself. */
struct cg_engine {
   struct cg_core *core;   /**< NULL: keeps no translations */
   atomic_bool inside;     /**< in a section */
   atomic_bool pending;    /**< the inbox is not empty */
   atomic_uint exits;      /**< sections left so far; futex */
   atomic_uint waiters;    /**< threads that wait for exits to move */
   atomic_int tid;         /**< its thread, 0 before that runs */
   atomic_bool urgent;     /**< was lent real-time priority for this section */
   pthread_mutex_t inv_lock;
   unsigned num_inv;       /**< inbox */
   bool inv_all;           /**< the inbox overflowed: forget everything */
   struct cg_inv inv[CG_MAX_INV];
};

void cg_engine_init(struct cg_engine *e, struct cg_core *core);
void cg_engine_fini(struct cg_engine *e);
/**
 * First thing in the engine's thread.
 * @urgent: it works for microseconds at a time while somebody spins for the result, and gets real-time
 * priority where the process may take it: else a busy host lets it wait for timer ticks
 */
void cg_engine_thread(struct cg_engine *e, const char *name, bool urgent);
/** Enters a section; applies the inbox. */
void cg_engine_enter(struct cg_engine *e);
void cg_engine_exit(struct cg_engine *e);
/** Puts @inv (NULL: everything) into the inbox. */
void cg_engine_post(struct cg_engine *e, const struct cg_inv *inv);
/** Waits until the section that @e is in, if any, is over. */
void cg_engine_wait(struct cg_engine *e);

/** A thread sleeps here when it has nothing to do; kicks are never lost. */
struct cg_doze {
   atomic_uint kicks;
};
static inline unsigned
cg_doze_prepare(struct cg_doze *d)
{
   return atomic_load(&d->kicks);
}
void cg_doze_sleep(struct cg_doze *d, unsigned prepared);
void cg_doze_kick(struct cg_doze *d);

/* ---- Memory (memory.c, bus.c) ----------------------------------------------*/

/* One GiB in pages of 4 KiB: what a guest's IOMMU may have mapped at a time. */
#define CG_MAX_REGIONS (1u << 18)
/* Bus addresses end here. */
#define CG_BUS_LIMIT (1ull << 57)

/** A node of the bus map. */
struct cg_bus_node {
   unsigned used; /**< slots that are not 0; the writer's */
   struct cg_bus_node *next_garbage;
   _Atomic(uint64_t) slot[512];
};

/**
 * Host address of guest memory or VRAM; NULL when any byte of it is not there, or when it is not in one
 * piece on the host.
 */
uint8_t *cg_sys_ptr(struct cg_device *dev, uint64_t bus, uint64_t size, bool write);
uint8_t *cg_vram_ptr(struct cg_device *dev, uint64_t offset, uint64_t size);

/** As mmap(), shared, where the host's huge pages can take the place of small ones. */
void *cg_map_file(uint64_t size, int prot, int fd, uint64_t offset);
/** The first piece of guest memory, at most @max bytes: its host address and @size; NULL when there is none. */
uint8_t *cg_sys_span(struct cg_device *dev, uint64_t bus, uint64_t max, bool write, uint64_t *size);

/** Adds [bus, bus + size), where nothing is, with ctl_lock held; false without memory. */
bool cg_bus_add(struct cg_device *dev, uint64_t bus, uint64_t size, uint8_t *host, bool writable);
/** Removes all that was added in [bus, bus + size); nodes go to @garbage. */
void cg_bus_remove(struct cg_device *dev, uint64_t bus, uint64_t size, struct cg_bus_node **garbage);
/** When this returns nothing uses what was removed, and @garbage is freed. */
void cg_bus_collect(struct cg_device *dev, struct cg_bus_node *garbage);

/* ---- MMU (mmu.c, mmu_ring.c) ---------------------------------------------*/

/** The page walk, as cg_translate_fn. */
enum cg_xlate_result cg_mmu_walk(void *dev, uint32_t asid, uint64_t va, uint8_t access,
                                 struct cg_xlate *out);

struct cg_mmu {
   pthread_mutex_t lock;
   pthread_t thread;
   struct cg_engine engine;
   struct cg_doze doze;
   uint64_t ring;
   uint32_t ring_log2;
   uint32_t cons;
   atomic_uint error;
   bool stopped; /**< the ring is bad */
   bool exiting; /**< the thread is to end */
};

int cg_mmu_start(struct cg_device *dev);
void cg_mmu_stop(struct cg_device *dev);
/** Registers to power-on. */
void cg_mmu_reset(struct cg_device *dev);
/** The same while others go on: when it returns no engine uses a translation from before. */
void cg_mmu_engine_reset(struct cg_device *dev);
void cg_mmu_set_ring(struct cg_device *dev, uint64_t ring);
void cg_mmu_set_log2(struct cg_device *dev, uint32_t log2);

/* ---- Faults (fault.c) ----------------------------------------------------*/

struct cg_fault;
struct cg_waiter;

/** One page that one waiter waits for. */
struct cg_fault_link {
   struct cg_list link; /**< in cg_fault.waiters */
   struct cg_waiter *waiter;
   struct cg_fault *fault;
};

/** A wave or a command processor that can wait for pages. */
struct cg_waiter {
   struct cg_queue *queue;
   struct cg_wave_ctx *wave; /**< NULL: the queue's command processor */
   uint64_t pc;
   uint32_t wave_in_wg, wg;
   unsigned pending;         /**< pages not answered yet */
   unsigned num_links;       /**< links in use */
   struct cg_fault_link links[CG_MAX_FAULTS];
};

#define CG_FAULT_BUCKETS 1024

struct cg_faults {
   struct cg_list buckets[CG_FAULT_BUCKETS];
   struct cg_list all;
   unsigned count;
   struct cg_list unposted; /**< wait for room in the ring, oldest first */
   uint64_t ring;
   uint32_t ring_log2;
   uint32_t prod, raised;   /**< free-running; raised: prod when VEC_FAULT was raised last */
};

/**
 * Parks @w on the pages that cannot be had yet.  Called with dev->lock held, inside a section.
 * @return false when all of them can be had by now.
 */
bool cg_fault_park(struct cg_device *dev, struct cg_waiter *w, const struct cg_page_fault *faults,
                   unsigned count, uint8_t client);
/** Forgets that @w waits.  dev->lock held. */
void cg_fault_cancel(struct cg_device *dev, struct cg_waiter *w);
/** The driver's answer for [va, va + size).  dev->lock held, inside a section. */
void cg_fault_answer(struct cg_device *dev, uint32_t asid, uint64_t va, uint64_t size, bool fail);
/** Moves records to the ring as long as it has room.  dev->lock held, guest memory stable. */
void cg_fault_flush(struct cg_device *dev);
/**
 * Writes a record that nobody waits for, if the ring has room and nobody else waits for that.
 * dev->lock held, inside a section.
 */
void cg_fault_post(struct cg_device *dev, const struct colibri_fault *record);
/** Tells the driver that waves use this system memory a lot, as cg_hot_fn.  Inside a section. */
void cg_fault_hot(void *dev, uint32_t asid, uint64_t va);
void cg_faults_init(struct cg_device *dev);
/** Records that are not in the ring.  dev->lock held. */
unsigned cg_faults_held(const struct cg_device *dev);
/** Registers to power-on; records stay.  dev->lock held. */
void cg_faults_reset(struct cg_device *dev);

/* ---- Queues (queue.c), command processor (cp.c) --------------------------*/

enum cg_wave_state {
   CG_WAVE_FREE,
   CG_WAVE_READY,
   CG_WAVE_RUNNING,
   CG_WAVE_BARRIER,
   CG_WAVE_PARKED,
};

/** A work-group that is resident. */
struct cg_group_ctx {
   struct cg_list link; /**< free list, or the CP's list of new groups */
   struct cg_group group;
   struct cg_slot *slot;
   uint32_t flat;       /**< flat index of the group */
   unsigned alive;      /**< waves that have not ended */
   unsigned arrived;    /**< waves at the barrier */
   unsigned taken;      /**< cg_sched_pick(): waves that it has taken */
   uint32_t lds_capacity;
   struct cg_wave_ctx **waves; /**< group.num_waves of them */
};

/** A wave slot of a queue. */
struct cg_wave_ctx {
   struct cg_list link; /**< free or ready list */
   struct cg_wave *wave;
   struct cg_group_ctx *group;
   uint32_t index;      /**< wave in its work-group */
   enum cg_wave_state state;
   bool fresh;          /**< registers are to be set up before it runs */
   uint64_t memory;     /**< private memory and stack it was ever given */
   struct cg_waiter waiter;
};

/** A grid being executed. */
struct cg_dispatch {
   struct cg_group proto; /**< what all groups have alike */
   uint32_t num_groups[3];
   uint64_t total, next, done;
   uint64_t entry;
   uint64_t wave_memory;
};

/** A packet that was started and has not retired. */
struct cg_slot {
   bool done;       /**< its work is complete; dev->lock */
   bool signalled;  /**< and its completion signal was given */
   bool irq;        /**< VEC_FENCE when it retires */
   uint64_t signal;
   struct cg_dispatch dispatch; /**< total 0: none */
};

/** State of a queue's command processor; used by the CU thread that runs it. */
struct cg_cp {
   bool running;          /**< dev->lock */
   bool ready;            /**< dev->lock: wants to run */
   bool ran_last;         /**< dev->lock: let a wave go first */
   bool waiting;          /**< dev->lock: polls memory; see deadline */
   uint64_t deadline, backoff; /**< ns */

   uint64_t head, tail;   /**< packets retired, packets started */
   uint64_t published;    /**< read_index as the guest sees it */
   bool idle;             /**< the guest sees idle = 1 */
   bool have_packet;      /**< packet holds number tail */
   bool restart;          /**< indices are to be read from the control block */
   _Alignas(8) uint8_t packet[COLIBRI_PACKET_SIZE];
   uint64_t progress;     /**< bytes of a copy or fill done */
   bool copied;           /**< this turn had a copy or fill */
   struct cg_slot slots[CG_MAX_INFLIGHT]; /**< of packet n: n % CG_MAX_INFLIGHT */

   struct cg_waiter waiter;
   uint8_t client;
   unsigned num_faults;   /**< pages that the step needs */
   struct cg_page_fault faults[CG_MAX_FAULTS];
};

/** What is on a hardware queue, or in the context store. */
struct cg_queue {
   struct cg_device *dev;
   unsigned id;            /**< hardware queue that it is on, or was on last */
   /* Registers; written by the control thread while DISABLED */
   uint64_t ring, cb;
   uint32_t ring_log2, asid, priority;
   uint32_t context;       /**< number of its context, 0: none */
   atomic_uint state;      /**< COLIBRI_QSTATE_*; written under dev->lock */
   bool detached;          /**< in dev->contexts, not in dev->queues */
   unsigned activity;      /**< of what was detached last; control thread */
   uint32_t error;
   uint64_t error_addr, error_pc, error_info;

   bool quiesce;           /**< the control thread waits for busy to become 0 */
   unsigned busy;          /**< CU threads at work for this queue */
   struct cg_list link;    /**< in dev->runq when there is something to run */
   uint64_t vtime;         /**< time had, by weight; see sched.c */
   struct cg_list ready;   /**< waves */
   unsigned num_ready;
   struct cg_list free_waves, free_groups;
   unsigned num_free;
   bool more_groups;       /**< groups wait for wave slots */
   struct cg_wave_ctx *waves;
   struct cg_group_ctx *groups;
   struct cg_cp cp;
};

void cg_queues_init(struct cg_device *dev);
void cg_queues_fini(struct cg_device *dev);
/** Control thread: QREG_CTL. */
void cg_queue_control(struct cg_queue *q, uint32_t op);
/** Control thread: the doorbell. */
void cg_queue_doorbell(struct cg_queue *q);
/** Stops the queue with an error; the first one is kept.  dev->lock held, guest memory stable. */
void cg_queue_error_locked(struct cg_queue *q, uint32_t code, uint64_t addr, uint64_t pc,
                           uint64_t info);
/** Control thread: QUEUE_BUSY. */
uint64_t cg_queue_busy(struct cg_device *dev, unsigned id, unsigned kind);
/** A DISABLED queue. */
struct cg_queue *cg_queue_new(struct cg_device *dev, unsigned id);
/** Drops all its work.  dev->lock held. */
void cg_queue_free(struct cg_queue *q);
/** Waits until no CU works for the queue; none begins to meanwhile.  dev->lock held, dropped while it waits. */
void cg_queue_quiesce(struct cg_queue *q);
/** Sets the status page's bit and raises VEC_ERROR.  dev->lock held, guest memory stable. */
void cg_queue_report_error(struct cg_queue *q);

/* ---- Contexts (context.c); all of these: dev->lock held -------------------*/

/** Control thread: QCTL_DETACH. */
void cg_context_detach(struct cg_queue *q);
/** Control thread: QCTL_ATTACH; @q is DISABLED, and gone when it worked. */
void cg_context_attach(struct cg_queue *q);
/** Control thread: CONTEXT_DROP. */
void cg_context_drop(struct cg_device *dev, uint64_t context);
void cg_contexts_reset(struct cg_device *dev);
/** The detached context can run, or is in ERROR.  Guest memory stable. */
void cg_context_event(struct cg_queue *q);
/** Queues whose activity is @activity. */
uint64_t cg_sched_mask(struct cg_device *dev, unsigned activity);
/** Control thread: SCHED_WATCH. */
void cg_sched_set_watch(struct cg_device *dev, uint64_t mask);
/** The queue has less to do than before.  Guest memory stable. */
void cg_sched_check_watch(struct cg_queue *q);
/** Executes packets for a while.  On a CU thread, inside a section, dev->lock not held. */
void cg_cp_run(struct cg_queue *q);
void cg_cp_reset(struct cg_queue *q);

/* ---- Scheduler (sched.c), compute units (cu.c) ---------------------------*/

/** A compute unit: a thread and its core. */
struct cg_cu {
   struct cg_device *dev;
   unsigned id;
   pthread_t thread;
   struct cg_engine engine;
   struct cg_wave *spare;    /**< registers that new waves begin in; see cu.c */
   struct cg_list idle_link; /**< in dev->idle_cus while asleep */
   pthread_cond_t wake;
   struct cg_queue *queue;   /**< what it works for; dev->lock, as is the rest */
   bool in_wave;             /**< and whether that is a wave */
   uint64_t since;           /**< when it began */
};

/** What a CU is to do next: waves in order, or with none of them the command processor. */
struct cg_work {
   struct cg_queue *queue;
   unsigned num_waves;
   struct cg_wave_ctx *waves[CG_MAX_TURN];
   enum cg_stop stops[CG_MAX_TURN]; /**< of those that ran */
};

/* All of these: dev->lock held. */
bool cg_sched_pick(struct cg_device *dev, struct cg_work *work);
/** @return when the next memory poll is due (ns), 0 when none is. */
uint64_t cg_sched_deadline(struct cg_device *dev);
void cg_sched_wave_ready(struct cg_wave_ctx *ctx);
/** The same for one that was taken and did not run: it is next again. */
void cg_sched_wave_untake(struct cg_wave_ctx *ctx);
void cg_sched_cp_ready(struct cg_queue *q);
/** The command processor is to look at memory again in a while, longer each time. */
void cg_sched_cp_poll(struct cg_queue *q);
void cg_sched_cp_unpoll(struct cg_queue *q);
/** The device changed a word of memory: whoever polls looks now. */
void cg_sched_poke_polling(struct cg_device *dev);
/** Has the command processor something to do that it can do? */
bool cg_sched_cp_runnable(const struct cg_queue *q);
/** A CU has worked for the queue for so long. */
void cg_sched_charge(struct cg_queue *q, uint64_t ns);
/** The queue's state or lists changed: is there something to run? */
void cg_sched_update(struct cg_queue *q);
/** Wakes sleeping CUs for what is there to run; @self: the calling CU will take one itself. */
void cg_sched_kick(struct cg_device *dev, bool self);

/** The compute units forget all translations, decoded code and access counts before they run on. */
void cg_cus_forget(struct cg_device *dev);
int cg_cus_start(struct cg_device *dev);
void cg_cus_stop(struct cg_device *dev);

/* ---- Migration engine (migrate.c) ----------------------------------------*/

struct cg_migrate {
   pthread_mutex_t lock;
   pthread_cond_t quiet;  /**< busy became false */
   pthread_t thread;
   struct cg_engine engine;
   struct cg_doze doze;
   bool exiting;          /**< lock: the thread is to end */
   bool enabled;          /**< lock: packets may be executed */
   bool busy;             /**< lock: the thread is at it */
   atomic_bool stop;      /**< somebody waits for busy to become false */

   /* Used by the thread while busy */
   uint64_t head;         /**< packets retired */
   bool idle;             /**< the guest sees idle = 1 */
   bool irq;              /**< VEC_MIGRATE when the packet retires */
   uint64_t linger_until; /**< until when it looks for another packet */
   uint32_t count, extent; /**< of the list at hand; count 0: none */
   uint64_t extent_done;  /**< bytes */
   struct colibri_extent list[COLIBRI_MAX_EXTENTS];
};

int cg_migrate_start(struct cg_device *dev);
void cg_migrate_stop(struct cg_device *dev);
void cg_migrate_control(struct cg_device *dev, uint32_t op);
void cg_migrate_doorbell(struct cg_device *dev);

/* ---- Lies (hostile.c) ----------------------------------------------------*/

struct cg_hostile {
   atomic_uint kinds;             /**< a bit for each enum cg_lie; 0: an honest device */
   atomic_ullong random;
   atomic_uint odds[CG_NUM_LIES]; /**< one occasion in 2^odds is used */
   atomic_long patience[CG_NUM_ANSWERS]; /**< answers that are given before there is silence */
   pthread_t thread;
   struct cg_engine engine;
   struct cg_doze doze;
   atomic_bool exiting;           /**< the thread is to end */
};

/* ---- Engines that hang (hang.c) -------------------------------------------*/

/** Does one of these COLIBRI_ENGINE_*, COLIBRI_HANG_* hold?  Any thread. */
bool cg_hangs(const struct cg_device *dev, unsigned what);
/** Does the queue stand still, and take no control word but RESET?  Any thread. */
bool cg_queue_hangs(const struct cg_queue *q);
/** Control thread: HANG and HANG_QUEUES. */
void cg_hang_set(struct cg_device *dev, uint32_t flags);
void cg_hang_set_queues(struct cg_device *dev, uint64_t mask);
/** The queue is being reset; @return false: that does not help. */
bool cg_queue_unhang(struct cg_queue *q);
/** What a reset of the device does not help against stays. */
void cg_hang_reset(struct cg_device *dev);
/** Control thread: ENGINE_RESET. */
void cg_engine_reset(struct cg_device *dev, uint32_t engines);

/* ---- The device ----------------------------------------------------------*/

#define CG_NUM_IRQS COLIBRI_NUM_VECS

struct cg_device {
   struct cg_device_config config;
   int vram_fd;
   uint8_t *vram;

   pthread_mutex_t ctl_lock;
   uint32_t latch[0x5000 / 8]; /**< low halves of 64-bit registers being written */
   uint32_t clock_high;

   void *regions;               /**< tree of struct cg_region; ctl_lock */
   unsigned num_regions;
   struct cg_backing *backings; /**< files they are in */
   struct cg_bus_node bus;      /**< root of the bus map */
   atomic_bool bus_master;      /**< PCI's Bus Master Enable */
   atomic_ullong status_page;
   atomic_ullong pt_root[COLIBRI_MAX_ASIDS];
   _Atomic uint32_t hot_threshold;
   atomic_uint hang;         /**< COLIBRI_ENGINE_*, COLIBRI_HANG_* */
   atomic_ullong hang_queues;

   pthread_mutex_t irq_lock;
   int irq_fd[CG_NUM_IRQS];
   uint64_t irq_masked, irq_pending;

   struct cg_mmu mmu;
   struct cg_migrate mig;
   struct cg_hostile hostile;

   pthread_mutex_t lock;
   pthread_cond_t quiet; /**< a queue's busy became 0 */
   bool stopping;
   unsigned waves_per_queue;
   uint64_t wave_memory;
   uint64_t vtime;       /**< of the queue that was picked last */
   unsigned num_polling; /**< queues with cp.waiting */
   struct cg_list runq;  /**< queues with something to run, the least vtime first */
   struct cg_list idle_cus;
   struct cg_faults faults;
   struct cg_queue *queues[COLIBRI_MAX_QUEUES];    /**< never NULL; changed by the control thread */
   struct cg_queue *contexts[COLIBRI_MAX_CONTEXTS]; /**< NULL: no such context */
   uint64_t sched_watch;
   /** Turns that are over, by hardware queue; see cg_queue_busy() */
   atomic_ullong busy_ns[COLIBRI_MAX_QUEUES][COLIBRI_NUM_BUSY];
   unsigned num_cus_started;
   struct cg_cu *cus;
};

/** The status page, NULL when it is off or not in guest memory. */
static inline struct colibri_status_page *
cg_status_page(struct cg_device *dev)
{
   uint64_t bus = atomic_load(&dev->status_page);

   return bus ? (void *)cg_sys_ptr(dev, bus, sizeof(struct colibri_status_page), true) : NULL;
}

/** ns, monotonic: COLIBRI_REG_TIMESTAMP. */
uint64_t cg_now(void);
/** Raises an interrupt; any thread. */
void cg_irq_raise(struct cg_device *dev, unsigned vec);
void cg_irq_init(struct cg_device *dev);
void cg_irq_fini(struct cg_device *dev);
void cg_irq_reset(struct cg_device *dev);

/** Power-on state; ctl_lock held. */
void cg_reset_locked(struct cg_device *dev);

void cg_log(const struct cg_device *dev, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Words shared with the guest. */
static inline uint32_t
cg_load32(const __u32 *p)
{
   return __atomic_load_n(p, __ATOMIC_ACQUIRE);
}

static inline void
cg_store32(__u32 *p, uint32_t v)
{
   __atomic_store_n(p, v, __ATOMIC_RELEASE);
}

static inline uint64_t
cg_load64(const void *p)
{
   return __atomic_load_n((const uint64_t *)p, __ATOMIC_ACQUIRE);
}

static inline void
cg_store64(void *p, uint64_t v)
{
   __atomic_store_n((uint64_t *)p, v, __ATOMIC_RELEASE);
}

#endif /* CG_INTERNAL_H */
