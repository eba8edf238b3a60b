/* SPDX-License-Identifier: MIT */
/*
 * The parts of the command processor: the packet loop (cp.c), the packets
 * (packet.c), copies (copy.c) and dispatches (dispatch.c).
 *
 * Everything here runs on a CU thread inside a section, for one queue at a
 * time, and never blocks: a step that cannot go on says why and is repeated
 * from its start later.
 */
#ifndef CG_CP_H
#define CG_CP_H

#include "internal.h"

/** How a step of the command processor ended. */
enum cg_cp_result {
   CG_CP_NEXT,    /**< done: go on */
   CG_CP_AGAIN,   /**< not done, but it is others' turn */
   CG_CP_FAULT,   /**< cp->faults stand in the way */
   CG_CP_BLOCKED, /**< until a packet in flight completes */
   CG_CP_POLL,    /**< until a word of memory changes */
   CG_CP_IDLE,    /**< until the doorbell rings */
   CG_CP_ERROR,   /**< the queue was stopped */
};

/** The slot of the packet at hand. */
static inline struct cg_slot *
cg_cp_slot(struct cg_cp *cp)
{
   return &cp->slots[cp->tail % CG_MAX_INFLIGHT];
}

/** Stops the queue with an error. */
enum cg_cp_result cg_cp_fail(struct cg_queue *q, uint32_t code, uint64_t addr);
/** Stops the queue because of the packet at hand. */
enum cg_cp_result cg_cp_bad_packet(struct cg_queue *q);

/** One translation: host memory at @va and how many bytes follow contiguously. */
struct cg_span {
   uint8_t *host;
   uint64_t bytes;
   bool sys;
};

/** Translates @va; a missing page is noted in cp->faults. */
enum cg_cp_result cg_cp_span(struct cg_queue *q, uint64_t va, uint8_t access, struct cg_span *out);
/** Host address of a naturally aligned word (or packet) of @size bytes. */
enum cg_cp_result cg_cp_word(struct cg_queue *q, uint64_t va, unsigned size, uint8_t access,
                             void **out);

enum cg_cp_result cg_packet_run(struct cg_queue *q);
enum cg_cp_result cg_copy_run(struct cg_queue *q, const struct colibri_pkt_copy *pkt);
enum cg_cp_result cg_fill_run(struct cg_queue *q, const struct colibri_pkt_fill *pkt);
enum cg_cp_result cg_dispatch_start(struct cg_queue *q, const struct colibri_pkt_dispatch *pkt);
/** Starts work-groups of the dispatches in flight, as many as there are wave slots. */
enum cg_cp_result cg_dispatch_launch(struct cg_queue *q);

#endif /* CG_CP_H */
