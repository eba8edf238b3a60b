/*
 * Copyright © 2026 Colibri developers
 * SPDX-License-Identifier: MIT
 */

/* Finds or makes the screen of a render node. */
#include "colibri_drm_public.h"

#include "colibri/colibri_public.h"
#include "util/os_file.h"
#include "util/u_screen.h"

static struct pipe_screen *
screen_create(int fd, const struct pipe_screen_config *config,
              struct renderonly *ro)
{
   return colibri_screen_create(fd, config);
}

struct pipe_screen *
colibri_drm_screen_create(int fd, const struct pipe_screen_config *config)
{
   return u_pipe_screen_lookup_or_create(os_dupfd_cloexec(fd), config, NULL,
                                         screen_create);
}
