/*
 * Copyright © 2026 Colibri developers
 * SPDX-License-Identifier: MIT
 */

/* The driver's entry point. */
#ifndef COLIBRI_PUBLIC_H
#define COLIBRI_PUBLIC_H

struct pipe_screen;
struct pipe_screen_config;

/** The screen for render node @fd, which it takes over; on failure NULL, and @fd is closed. */
struct pipe_screen *
colibri_screen_create(int fd, const struct pipe_screen_config *config);

#endif /* COLIBRI_PUBLIC_H */
