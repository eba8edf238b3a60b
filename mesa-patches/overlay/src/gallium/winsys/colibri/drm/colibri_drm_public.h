/*
 * Copyright © 2026 Colibri developers
 * SPDX-License-Identifier: MIT
 */

/* What the pipe loader calls to get a screen for a render node. */
#ifndef COLIBRI_DRM_PUBLIC_H
#define COLIBRI_DRM_PUBLIC_H

struct pipe_screen;
struct pipe_screen_config;

/** The screen of the device behind @fd, shared by all that open it; NULL when it cannot be used. */
struct pipe_screen *
colibri_drm_screen_create(int fd, const struct pipe_screen_config *config);

#endif /* COLIBRI_DRM_PUBLIC_H */
