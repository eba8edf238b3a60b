/*
 * Copyright © 2026 Colibri developers
 * SPDX-License-Identifier: MIT
 */

#ifndef COLIBRI_SVM_H
#define COLIBRI_SVM_H

struct pipe_context;
struct pipe_screen;

void colibri_init_screen_svm(struct pipe_screen *pscreen);
void colibri_init_context_svm(struct pipe_context *pctx);

#endif /* COLIBRI_SVM_H */
