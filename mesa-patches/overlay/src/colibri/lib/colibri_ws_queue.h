/*
 * Copyright © 2026 Colibri developers
 * SPDX-License-Identifier: MIT
 */

/*
 * A hardware queue with a timeline of user fences.
 *
 * Work on a faulting VM signals no dma_fence: each submission ends with a FENCE
 * packet that writes the next number of the timeline into the queue's fence
 * buffer, and waiting is a kernel call that sleeps until the word is there. The
 * rest of that page holds timestamps that TIMESTAMP packets write.
 */
#ifndef COLIBRI_WS_QUEUE_H
#define COLIBRI_WS_QUEUE_H

#include <stdbool.h>
#include <stdint.h>

#include "colibri_ws.h"
#include "util/u_dynarray.h"

#define COLIBRI_WS_QUEUE_TIMESTAMPS 256

struct colibri_ws_queue {
   /** Contexts and fences hold references. */
   int32_t refcount;

   struct colibri_ws *ws;

   /** 0 once the hardware queue is gone. */
   uint32_t id;

   struct colibri_ws_bo *fence_bo;

   /** Last number of the timeline that was submitted. */
   uint64_t submitted;

   /** Set by whoever sees the queue fail; nothing on it completes any more. */
   bool lost;
};

/** NULL: the device holds no more queues, or no memory; stderr says which. */
struct colibri_ws_queue *colibri_ws_queue_create(struct colibri_ws *ws);

struct colibri_ws_queue *colibri_ws_queue_ref(struct colibri_ws_queue *queue);

/** The last reference destroys the hardware queue and what it has not done. */
void colibri_ws_queue_unref(struct colibri_ws_queue *queue);

/**
 * Submits @packets, an array of union colibri_packet, and a fence after them,
 * with one call if they are few. The array is empty afterwards.
 *
 * False, with the reason on stderr: the queue is lost.
 */
bool colibri_ws_queue_submit(struct colibri_ws_queue *queue,
                             struct util_dynarray *packets);

/**
 * Waits until the timeline has reached @seqno.
 *
 * @timeout_ns is relative; OS_TIMEOUT_INFINITE waits for ever. False: timeout.
 * A lost queue ends the wait with true: nothing more will come.
 */
bool colibri_ws_queue_wait(struct colibri_ws_queue *queue, uint64_t seqno,
                           uint64_t timeout_ns);

/** Address that a TIMESTAMP packet for slot @slot writes to. */
uint64_t colibri_ws_queue_timestamp_va(struct colibri_ws_queue *queue, unsigned slot);

/** What it wrote. */
uint64_t colibri_ws_queue_timestamp(struct colibri_ws_queue *queue, unsigned slot);

#endif /* COLIBRI_WS_QUEUE_H */
