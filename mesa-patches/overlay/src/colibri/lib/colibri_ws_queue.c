/*
 * Copyright © 2026 Colibri developers
 * SPDX-License-Identifier: MIT
 */

/* Queues and user fences, by libcolibri_drm. */
#include "colibri_ws_queue.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "colibri_debug.h"
#include "util/log.h"
#include "util/macros.h"
#include "util/os_time.h"
#include "util/u_atomic.h"
#include "util/u_math.h"

#define RING_PACKETS 1024

/* A submission is taken whole or not at all: keep each well below the ring. */
#define MAX_SUBMIT (RING_PACKETS / 4)

struct colibri_ws_queue *
colibri_ws_queue_create(struct colibri_ws *ws)
{
   struct colibri_ws_queue *queue = calloc(1, sizeof(*queue));
   if (!queue)
      return NULL;
   queue->refcount = 1;
   queue->ws = ws;

   queue->fence_bo = colibri_ws_bo_create(
      ws, (1 + COLIBRI_WS_QUEUE_TIMESTAMPS) * sizeof(uint64_t),
      COLIBRI_WS_BO_FENCE);
   if (!queue->fence_bo) {
      free(queue);
      return NULL;
   }

   int ret = colibri_queue_create(&ws->dev, ws->vm_id, 1, RING_PACKETS,
                                  &queue->id);
   if (ret) {
      mesa_loge("colibri: cannot create a queue: %s",
                ret == -ENOSPC ? "the device holds no more" : strerror(-ret));
      colibri_ws_bo_destroy(ws, queue->fence_bo);
      free(queue);
      return NULL;
   }
   return queue;
}

struct colibri_ws_queue *
colibri_ws_queue_ref(struct colibri_ws_queue *queue)
{
   p_atomic_inc(&queue->refcount);
   return queue;
}

void
colibri_ws_queue_unref(struct colibri_ws_queue *queue)
{
   if (!queue || !p_atomic_dec_zero(&queue->refcount))
      return;

   int ret = colibri_queue_destroy(&queue->ws->dev, queue->id);
   if (ret)
      mesa_logw("colibri: cannot destroy a queue: %s", strerror(-ret));
   colibri_ws_bo_destroy(queue->ws, queue->fence_bo);
   free(queue);
}

static const char *
error_name(uint32_t error)
{
   static const char *const names[] = {
      [COLIBRI_QERR_BAD_RING] = "bad ring",
      [COLIBRI_QERR_BAD_PACKET] = "bad packet",
      [COLIBRI_QERR_FAULT] = "page fault",
      [COLIBRI_QERR_ILLEGAL_INSN] = "illegal instruction",
      [COLIBRI_QERR_BAD_ADDRESS] = "bad address",
      [COLIBRI_QERR_MISALIGNED] = "misaligned atomic",
      [COLIBRI_QERR_FENCE_UNMAPPED] = "unmapped fence",
      [COLIBRI_QERR_BUS] = "bus error",
      [COLIBRI_QERR_NO_MEMORY] = "no memory for private variables and stacks",
   };

   return error < ARRAY_SIZE(names) && names[error] ? names[error]
                                                    : "unknown error";
}

static void
report_banned(struct colibri_ws_queue *queue)
{
   static const char *const accesses[] = {"read", "write", "execute", "atomic"};
   struct drm_colibri_queue_state state;
   char pc[512];
   int ret = colibri_queue_get_state(&queue->ws->dev, queue->id, &state);

   if (ret) {
      mesa_loge("colibri: the queue is lost, and its state too: %s",
                strerror(-ret));
      return;
   }
   colibri_ws_describe_pc(queue->ws, state.fault_pc, pc, sizeof(pc));
   if (state.error == COLIBRI_QERR_FAULT) {
      mesa_loge("colibri: the GPU's %s of address 0x%" PRIx64
                " failed: %s (%s)",
                accesses[MIN2(state.fault_access, ARRAY_SIZE(accesses) - 1)],
                (uint64_t)state.fault_addr, strerror(state.reason), pc);
   } else {
      mesa_loge("colibri: the queue stopped: %s, address 0x%" PRIx64 " (%s)",
                error_name(state.error), (uint64_t)state.fault_addr, pc);
   }
}

/* Marks the queue lost; the first to see it tells why. */
static void
lose(struct colibri_ws_queue *queue, int err)
{
   if (p_atomic_xchg(&queue->lost, true))
      return;
   if (err == ENOTRECOVERABLE)
      report_banned(queue);
   else
      mesa_loge("colibri: the queue is lost: %s", strerror(err));
}

static bool
submit_packets(struct colibri_ws_queue *queue, const union colibri_packet *packets,
               uint32_t count)
{
   int ret =
      colibri_queue_submit(&queue->ws->dev, queue->id, packets, count);

   if (ret)
      lose(queue, -ret);
   return !ret;
}

bool
colibri_ws_queue_submit(struct colibri_ws_queue *queue,
                        struct util_dynarray *packets)
{
   if (p_atomic_read(&queue->lost))
      return false;

   union colibri_packet fence =
      colibri_packet_fence(queue->fence_bo->va, queue->submitted + 1);
   fence.header |= COLIBRI_PKT_BARRIER_BIT;
   util_dynarray_append(packets, union colibri_packet, fence);

   const union colibri_packet *next = packets->data;
   uint32_t count = util_dynarray_num_elements(packets, union colibri_packet);

   while (count) {
      uint32_t n = MIN2(count, MAX_SUBMIT);

      if (!submit_packets(queue, next, n))
         return false;
      next += n;
      count -= n;
   }
   util_dynarray_clear(packets);
   queue->submitted++;
   if (colibri_debug(COLIBRI_DBG_SUBMIT))
      mesa_logi("colibri: queue %u: submitted fence %" PRIu64, queue->id,
                queue->submitted);
   return true;
}

bool
colibri_ws_queue_wait(struct colibri_ws_queue *queue, uint64_t seqno,
                      uint64_t timeout_ns)
{
   const uint64_t *word = queue->fence_bo->base.map;

   if (p_atomic_read(word) >= seqno || p_atomic_read(&queue->lost))
      return true;
   if (!timeout_ns)
      return false;

   int64_t abs_timeout = os_time_get_absolute_timeout(timeout_ns);
   struct drm_colibri_fence_wait wait = {
      .handle = queue->fence_bo->base.handle,
      .queue_id = queue->id,
      .offset = 0,
      .value = seqno,
      .timeout_ns = abs_timeout < 0 ? INT64_MAX : abs_timeout,
      .cond = DRM_COLIBRI_WAIT_GE,
   };
   int ret = colibri_fence_wait_until(&queue->ws->dev, &wait);

   if (ret == -ETIME)
      return false;
   if (ret)
      lose(queue, -ret);
   return true;
}

uint64_t
colibri_ws_queue_timestamp_va(struct colibri_ws_queue *queue, unsigned slot)
{
   return queue->fence_bo->va + (1 + slot) * sizeof(uint64_t);
}

uint64_t
colibri_ws_queue_timestamp(struct colibri_ws_queue *queue, unsigned slot)
{
   const uint64_t *words = queue->fence_bo->base.map;

   return p_atomic_read(&words[1 + slot]);
}
