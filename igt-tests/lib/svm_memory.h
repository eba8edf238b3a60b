/* SPDX-License-Identifier: MIT */
/*
 * The kinds of memory of the SVM matrix: each is made, used by its words and
 * a model of what they must hold, and given back.
 */
#ifndef COLIBRI_SVM_MEMORY_H
#define COLIBRI_SVM_MEMORY_H

#include "gpu_test.h"

/* Bytes that the model covers; behind them is a page for counters. */
#define SVM_BYTES	(8 * PAGE_SIZE)
#define SVM_WORDS	(SVM_BYTES / 4)
#define SVM_SPAN	(SVM_BYTES + PAGE_SIZE)

/** struct svm_memory - a piece of memory */
struct svm_memory {
	const struct svm_kind *kind;
	/** @words: SVM_SPAN bytes, page-aligned */
	uint32_t *words;
	/** @model: what the first SVM_BYTES of @words must hold; shared with children */
	uint32_t *model;
	/** @counter: 0 at first; not of the model */
	uint64_t *counter;
	/** @map: the mapping that @words is in, if it is to be unmapped */
	void *map;
	size_t map_size;
	/** @twin: memory of KSM with the same content, which nobody writes */
	uint32_t *twin;
	int fd;
};

/** struct svm_kind - a kind of memory */
struct svm_kind {
	const char *name;
	/** @make: map it; leaves @words as the kernel gives them, or fills them and @model */
	void (*make)(struct svm_memory *memory, void *stack);
	/** @check: what else must hold in the end */
	void (*check)(const struct svm_memory *memory);
	/** @shared: what a child writes its parent sees */
	bool shared;
	/** @untouched: stays as made: nobody fills it */
	bool untouched;
	/** @anonymous: core mm can give a page to the device exclusively */
	bool anonymous;
};

extern const struct svm_kind svm_kinds[];
extern const unsigned int num_svm_kinds;

/** svm_kinds_prepare() - Mounts, huge pages and ksmd that the kinds want, for this process */
void svm_kinds_prepare(void);

/**
 * svm_memory_make() - A piece of memory
 * @stack: SVM_SPAN page-aligned bytes of the caller's stack, for the kind that is of it
 */
void svm_memory_make(struct svm_memory *memory, const struct svm_kind *kind, void *stack);
void svm_memory_drop(struct svm_memory *memory);

/** svm_memory_change() - The CPU changes each word, and the model */
void svm_memory_change(struct svm_memory *memory);
/** svm_memory_check() - The CPU finds what the model says */
void svm_memory_check(const struct svm_memory *memory);

#endif /* COLIBRI_SVM_MEMORY_H */
