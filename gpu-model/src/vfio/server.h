/* SPDX-License-Identifier: MIT */
/*
 * A vfio-user server for one client and one device.
 */
#ifndef CG_VFIO_SERVER_H
#define CG_VFIO_SERVER_H

#include <stdint.h>

#include "device/device.h"
#include "pci.h"
#include "protocol.h"

#define VFU_MAX_OPAQUE 512

/** What the server knows of its client. */
struct vfu_server {
   struct cg_device *dev;
   struct pci_config config;
   uint8_t msix_table[MSIX_PBA_AT];
   bool greeted; /**< VERSION was exchanged */
   /* DMA regions without an fd: known, but out of the device's reach */
   unsigned num_opaque;
   struct { uint64_t base, size; } opaque[VFU_MAX_OPAQUE];
};

/** One message; fds that a handler keeps are set to -1. */
struct vfu_request {
   struct vfu_header header;
   const uint8_t *payload;
   uint32_t size; /**< of the payload */
   int fds[VFU_MAX_FDS];
   unsigned num_fds;
};

struct vfu_reply {
   uint8_t *payload; /**< room for VFU_MAX_XFER + 64 bytes */
   uint32_t size;
   int fd; /**< to be sent along, or -1; stays the device's */
};

void vfu_server_init(struct vfu_server *s, struct cg_device *dev);

/**
 * Carries out one request.
 * @return 0, or the errno value of the error reply
 */
int vfu_handle(struct vfu_server *s, struct vfu_request *req, struct vfu_reply *reply);

/**
 * Serves the client at the other end of @sock until it goes or until @stop_fd becomes readable.
 * @return 0, or a negative errno value when the stream could no longer be understood
 */
int vfu_serve(struct vfu_server *s, int sock, int stop_fd);

#endif /* CG_VFIO_SERVER_H */
