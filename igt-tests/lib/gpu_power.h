/* SPDX-License-Identifier: MIT */
/*
 * What can happen to a GPU from outside: in a VM of `tools/vm run --gpu-may-die` its model
 * is killed or stopped and a new one plugged in; the driver is unbound and bound.
 * Everything here fails the subtest when it goes wrong, except what is said to skip it.
 */
#ifndef COLIBRI_GPU_POWER_H
#define COLIBRI_GPU_POWER_H

#include <stdbool.h>

#include "gpu_test.h"

/** gpu_power_require() - Skip unless this VM may lose its first GPU */
void gpu_power_require(void);

/** gpu_power() - "kill", "stop" (for that many seconds, or ""), or "plug" with options for the model */
void gpu_power(const char *verb, const char *options);

/** gpu_slot() - The name of the PCI device of an open GPU, such as 0000:01:00.0; to be freed */
char *gpu_slot(const struct gpu *gpu);

/** gpu_slot_write() - Write to a file of the PCI device's folder in /sys; returns 0 or a negative errno */
int gpu_slot_write(const char *slot, const char *file, const char *text);

/** gpu_unbind(), gpu_bind() - Take the driver from the device, and give it back; 0 or a negative errno */
int gpu_unbind(const char *slot);
int gpu_bind(const char *slot);

/** gpu_replace() - Remove a dead device, put a new one in, and wait until it can be used */
void gpu_replace(const char *slot);

/** gpu_wait_ready() - Wait until there is a device that can be used */
void gpu_wait_ready(void);

/** gpu_wait_lost() - Wait until the driver knows that the device is lost; fails after @seconds */
void gpu_wait_lost(const struct gpu *gpu, unsigned int seconds);

/** gpu_fini_early() - gpu_fini(), for which nothing is left to do at the end of the subtest */
void gpu_fini_early(struct gpu *gpu);

/** gpu_close_lost() - Close a lost or removed device: what has to work works, what must fail fails */
void gpu_close_lost(struct gpu *gpu, int error);

/**
 * read_or_sigbus() - Read a word
 *
 * Return: false: the read was a SIGBUS on this address.
 */
bool read_or_sigbus(const volatile void *addr, uint32_t *value);

/** gpu_replace_lost() - gpu_close_lost() of a device that is lost, then gpu_replace(); frees @slot */
void gpu_replace_lost(struct gpu *gpu, char *slot);

#endif /* COLIBRI_GPU_POWER_H */
