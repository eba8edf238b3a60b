/* SPDX-License-Identifier: MIT */
/*
 * A device that lies, to see what a driver believes (colibri-gpu --hostile).
 *
 * The device works, and this layer tells lies on its behalf: in what registers
 * read as, in fault records, in rings and control blocks, by interrupts without a
 * cause and by silence.  The places in the device where it can do so call one of
 * the functions below, which do nothing in an honest device.
 *
 * It lies to the driver and keeps to what holds the guest's memory together: it
 * writes where the driver told it to write and nowhere else, it stops using a
 * translation before it says so, and RESET and Bus Master Enable work.  A device
 * that breaks these can only be stopped by an IOMMU.
 */
#ifndef CG_HOSTILE_H
#define CG_HOSTILE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "colibri_hw.h"

struct cg_device;

/** The engines whose answers a driver waits for. */
enum cg_answers {
   CG_ANSWERS_MMU,
   CG_ANSWERS_COPY,
   CG_NUM_ANSWERS
};

/** What there is to lie about. */
enum cg_lie {
   CG_LIE_IDENTITY,   /**< ID, limits and features */
   CG_LIE_REGISTERS,  /**< states, errors, masks, clocks */
   CG_LIE_FAULTS,     /**< records: changed, repeated, invented */
   CG_LIE_FLOOD,      /**< records without end */
   CG_LIE_RINGS,      /**< the status page's indices and flags */
   CG_LIE_EVENTS,     /**< the status page's bits, for queues and contexts that are none */
   CG_LIE_COPIES,     /**< what the migration engine says it has done */
   CG_LIE_INDICES,    /**< control blocks of queues */
   CG_LIE_INTERRUPTS, /**< interrupts about nothing */
   CG_LIE_MUTE,       /**< no interrupt, no answer, doorbells and control words ignored */
   CG_NUM_LIES
};

/**
 * Understands "SEED[,KIND...]"; without a kind it is all of them.
 * @kinds: returns a bit for each enum cg_lie
 */
bool cg_hostile_parse(const char *text, uint32_t *seed, uint32_t *kinds);

/** For the device: what is made of the truth. */
uint64_t cg_hostile_read(struct cg_device *dev, uint64_t offset, uint64_t value);
/** @return whether the write is ignored */
bool cg_hostile_ignores(struct cg_device *dev, uint64_t offset);
/** @return whether the interrupt is not raised */
bool cg_hostile_silent(struct cg_device *dev);
/** @return whether this one of the engines that answer the driver has stopped to do so, for good */
bool cg_hostile_stalls(struct cg_device *dev, enum cg_answers engine);
/** @return whether the record is to be posted once more */
bool cg_hostile_record(struct cg_device *dev, struct colibri_fault *record);
/** The number that a fence of the migration engine writes. */
uint64_t cg_hostile_fence(struct cg_device *dev, uint64_t value);
/** @return whether the migration engine only says that it has copied */
bool cg_hostile_skips(struct cg_device *dev);
uint64_t cg_hostile_index(struct cg_device *dev, uint64_t value);

int cg_hostile_start(struct cg_device *dev);
void cg_hostile_stop(struct cg_device *dev);

#endif /* CG_HOSTILE_H */
