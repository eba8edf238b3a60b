/* SPDX-License-Identifier: MIT */
/* What the kernel driver did to make the program's pointers work on the GPU. */
#ifndef SVM_STATS_H
#define SVM_STATS_H

struct drm_colibri_svm_stats;

/**
 * Reads the driver's counters for this process; ends the program when no
 * colibri device answers.
 */
void svm_stats_read(struct drm_colibri_svm_stats *stats);

/** Prints them, four lines. */
void svm_stats_print(const struct drm_colibri_svm_stats *stats);

/** Says so and returns 0 if @value, which is called @what, is zero. */
int svm_stats_nonzero(unsigned long long value, const char *what);

#endif
