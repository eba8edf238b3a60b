/*
 * Copyright © 2026 Colibri developers
 * SPDX-License-Identifier: MIT
 */

/* The driver's entry point. */
#ifndef COLIBRI_PUBLIC_H
#define COLIBRI_PUBLIC_H

struct pipe_screen;
struct pipe_screen_config;

/** Makes the screen for render node @fd, which it owns from then on; NULL and @fd closed on failure. */
struct pipe_screen *
colibri_screen_create(int fd, const struct pipe_screen_config *config);

#endif /* COLIBRI_PUBLIC_H */
