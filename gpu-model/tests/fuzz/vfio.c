/* SPDX-License-Identifier: MIT */
/*
 * Fuzzes the vfio-user server: the input is a sequence of messages, each a
 * command, a length and a payload.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "vfio/server.h"

static struct vfu_server server;
static struct vfu_reply reply;

static void
setup(void)
{
   struct cg_device_config config = {.vram_size = 1 << 20, .num_cus = 1, .vlen = 2048};
   struct cg_device *dev = cg_device_create(&config);

   if (!dev)
      abort();
   vfu_server_init(&server, dev);
   reply.payload = malloc(VFU_MAX_XFER + 64);
}

/* One message with @num_fds fds, as the stream's end would hand it over. */
static void
handle(uint8_t command, unsigned num_fds, const uint8_t *payload, uint32_t size)
{
   struct vfu_request req = {
      .header = {.command = command, .size = sizeof(req.header) + size},
      .size = size,
      .num_fds = num_fds,
   };
   /* Of its exact size, so that a read behind its end is seen. */
   uint8_t *copy = malloc(size);

   memcpy(copy, payload, size);
   req.payload = copy;
   for (unsigned i = 0; i < num_fds; i++)
      req.fds[i] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
   vfu_handle(&server, &req, &reply);
   for (unsigned i = 0; i < num_fds; i++) {
      if (req.fds[i] >= 0)
         close(req.fds[i]);
   }
   free(copy);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
   if (!reply.payload)
      setup();
   server.greeted = true;
   while (size >= 2) {
      uint8_t command = data[0] & 0x1f, num_fds = data[0] >> 5;
      uint32_t n = data[1] < size - 2 ? data[1] : size - 2;

      handle(command, num_fds > 2 ? 0 : num_fds, data + 2, n);
      data += 2 + n;
      size -= 2 + n;
   }
   cg_device_dma_unmap_all(server.dev);
   server.num_opaque = 0;
   return 0;
}
