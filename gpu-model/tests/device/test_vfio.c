/* SPDX-License-Identifier: MIT */
/*
 * The vfio-user server, spoken to over a socket.
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "guest.h"
#include "test.h"
#include "vfio/server.h"

static struct vfu_server server;
static struct cg_device *dev;
static pthread_t thread;
static int sock, stop_fd, serve_result;

static void *
serve(void *arg)
{
   int s = *(int *)arg;

   serve_result = vfu_serve(&server, s, stop_fd);
   close(s);
   return NULL;
}

static void
start(void)
{
   static int pair[2];
   struct cg_device_config config = guest_config();

   dev = cg_device_create(&config);
   vfu_server_init(&server, dev);
   stop_fd = eventfd(0, EFD_CLOEXEC);
   if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair))
      abort();
   sock = pair[0];
   pthread_create(&thread, NULL, serve, &pair[1]);
}

static int
finish(void)
{
   close(sock);
   pthread_join(thread, NULL);
   close(stop_fd);
   cg_device_destroy(dev);
   return serve_result;
}

static void
send_request(uint16_t command, uint32_t flags, const void *payload, uint32_t size, const int *fds,
             unsigned num_fds)
{
   struct vfu_header h = {.id = 7, .command = command, .size = sizeof(h) + size, .flags = flags};
   struct iovec iov[] = {{&h, sizeof(h)}, {(void *)payload, size}};
   char control[CMSG_SPACE(16 * sizeof(int))] = {0};
   struct msghdr msg = {.msg_iov = iov, .msg_iovlen = 2};

   if (num_fds) {
      msg.msg_control = control;
      msg.msg_controllen = CMSG_SPACE(num_fds * sizeof(int));

      struct cmsghdr *c = CMSG_FIRSTHDR(&msg);

      c->cmsg_level = SOL_SOCKET;
      c->cmsg_type = SCM_RIGHTS;
      c->cmsg_len = CMSG_LEN(num_fds * sizeof(int));
      memcpy(CMSG_DATA(c), fds, num_fds * sizeof(int));
   }
   if (sendmsg(sock, &msg, MSG_NOSIGNAL) < 0 && errno != EPIPE && errno != ECONNRESET)
      abort();
}

/* @return the reply's error, -1 at the end of the stream; @fd: one that came along, or -1 */
static int
get_reply(void *payload, uint32_t room, uint32_t *size, int *fd)
{
   struct vfu_header h;
   struct iovec iov = {&h, sizeof(h)};
   char control[CMSG_SPACE(sizeof(int))];
   struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control)};

   if (recvmsg(sock, &msg, MSG_WAITALL | MSG_CMSG_CLOEXEC) != sizeof(h) || h.id != 7 ||
       (h.flags & VFU_TYPE_MASK) != VFU_REPLY)
      return -1;

   struct cmsghdr *c = CMSG_FIRSTHDR(&msg);

   if (fd) {
      *fd = -1;
      if (c)
         memcpy(fd, CMSG_DATA(c), sizeof(int));
   }
   *size = h.size - sizeof(h);
   if (*size > room || (*size && recv(sock, payload, *size, MSG_WAITALL) != (ssize_t)*size))
      return -1;
   return h.flags & VFU_ERROR ? (int)h.error : 0;
}

static int
call(uint16_t command, const void *payload, uint32_t size, void *reply, uint32_t reply_size)
{
   uint8_t buf[4096];
   uint32_t n;

   send_request(command, 0, payload, size, NULL, 0);

   int ret = get_reply(buf, sizeof(buf), &n, NULL);

   if (!ret && reply)
      memcpy(reply, buf, n < reply_size ? n : reply_size);
   return ret;
}

static int
hello(void)
{
   static const char v[] = "\0\0\0\0{\"capabilities\":{\"max_msg_fds\":8,\"write_multiple\": true}}";
   char reply[512] = "";

   int ret = call(VFU_VERSION, v, sizeof(v), reply, sizeof(reply));

   return ret ? ret : strstr(reply + 4, "\"write_multiple\":true") ? 0 : -2;
}

static int
region_read(uint32_t region, uint64_t offset, uint32_t count, void *data)
{
   struct { struct vfu_region_access a; uint8_t data[256]; } r = {{offset, region, count}};
   int ret = call(VFU_REGION_READ, &r.a, sizeof(r.a), &r, sizeof(r));

   if (!ret)
      memcpy(data, r.data, count);
   return ret;
}

static int
region_write(uint32_t region, uint64_t offset, uint32_t count, const void *data)
{
   struct { struct vfu_region_access a; uint8_t data[256]; } r = {{offset, region, count}};

   memcpy(r.data, data, count);
   return call(VFU_REGION_WRITE, &r, sizeof(r.a) + count, NULL, 0);
}

static void
vfio_handshake(void)
{
   start();
   struct vfu_device_info info = {.argsz = sizeof(info)};

   CHECK(call(VFU_DEVICE_GET_INFO, &info, sizeof(info), NULL, 0) == EINVAL); /* VERSION comes first */
   CHECK(hello() == 0);
   CHECK(hello() == EINVAL);
   CHECK(call(VFU_DEVICE_GET_INFO, &info, sizeof(info), &info, sizeof(info)) == 0);
   CHECK(info.num_regions == 9 && info.num_irqs == 5 && info.flags == 3);
   CHECK(call(VFU_DEVICE_GET_INFO, &info, 4, NULL, 0) == EINVAL);
   CHECK(call(99, NULL, 0, NULL, 0) == ENOTSUP);

   struct vfu_irq_info irq = {.argsz = sizeof(irq), .index = VFU_IRQ_MSIX};

   CHECK(call(VFU_DEVICE_GET_IRQ_INFO, &irq, sizeof(irq), &irq, sizeof(irq)) == 0);
   CHECK(irq.count == COLIBRI_NUM_VECS && irq.flags == VFU_IRQ_FLAG_EVENTFD);
   irq.index = 5;
   CHECK(call(VFU_DEVICE_GET_IRQ_INFO, &irq, sizeof(irq), NULL, 0) == EINVAL);
   CHECK(finish() == 0);
}

static void
vfio_config_space(void)
{
   start();
   CHECK(hello() == 0);
   uint32_t v, ones = ~0u;

   CHECK(region_read(VFU_REGION_CONFIG, 0, 4, &v) == 0);
   CHECK(v == (COLIBRI_PCI_DEVICE << 16 | COLIBRI_PCI_VENDOR));
   CHECK(region_read(VFU_REGION_CONFIG, 8, 4, &v) == 0 && v >> 8 == COLIBRI_PCI_CLASS);
   CHECK(region_write(VFU_REGION_CONFIG, 0x10, 4, &ones) == 0);
   CHECK(region_read(VFU_REGION_CONFIG, 0x10, 4, &v) == 0 && v == (uint32_t)-COLIBRI_BAR_REGS_SIZE);
   CHECK(region_write(VFU_REGION_CONFIG, 0x18, 4, &ones) == 0);
   CHECK(region_read(VFU_REGION_CONFIG, 0x18, 4, &v) == 0 && v == ((uint32_t) - (16 << 20) | 0xc));
   CHECK(region_write(VFU_REGION_CONFIG, 0, 4, &ones) == 0);
   CHECK(region_read(VFU_REGION_CONFIG, 0, 2, &v) == 0 && (v & 0xffff) == COLIBRI_PCI_VENDOR);
   CHECK(region_read(VFU_REGION_CONFIG, 254, 4, &v) == EINVAL);
   CHECK(call(VFU_DEVICE_RESET, NULL, 0, NULL, 0) == 0);
   CHECK(region_read(VFU_REGION_CONFIG, 0x10, 4, &v) == 0 && v == 0);
   CHECK(finish() == 0);
}

static void
vfio_regions(void)
{
   start();
   CHECK(hello() == 0);
   struct vfu_region_info info = {.argsz = sizeof(info), .index = COLIBRI_BAR_VRAM};
   uint32_t n, v = 0;
   uint64_t v64;
   int fd;

   send_request(VFU_DEVICE_GET_REGION_INFO, 0, &info, sizeof(info), NULL, 0);
   CHECK(get_reply(&info, sizeof(info), &n, &fd) == 0);
   CHECK(info.flags == 7 && info.size == 16 << 20 && fd >= 0);

   uint32_t *vram = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, info.offset);

   CHECK(vram != MAP_FAILED);
   vram[3] = 0x1234;
   CHECK(region_read(COLIBRI_BAR_VRAM, 12, 4, &v) == 0 && v == 0x1234);
   v = 0x4321;
   CHECK(region_write(COLIBRI_BAR_VRAM, 16, 4, &v) == 0 && vram[4] == 0x4321);
   CHECK(region_write(COLIBRI_BAR_VRAM, (16 << 20) - 2, 4, &v) == EINVAL);
   CHECK(region_read(COLIBRI_BAR_VRAM, ~0ull, 4, &v) == EINVAL);
   /* RESET keeps it, a reset of the function does not. */
   v = 1;
   CHECK(region_write(COLIBRI_BAR_REGS, COLIBRI_REG_RESET, 4, &v) == 0 && vram[4] == 0x4321);
   CHECK(call(VFU_DEVICE_RESET, NULL, 0, NULL, 0) == 0 && vram[4] != 0x4321);
   munmap(vram, PAGE);
   close(fd);

   CHECK(region_read(COLIBRI_BAR_REGS, COLIBRI_REG_ID, 4, &v) == 0 && v == COLIBRI_ID_MAGIC);
   v64 = 0x123456789000;
   CHECK(region_write(COLIBRI_BAR_REGS, COLIBRI_REG_PT_ROOT(5), 8, &v64) == 0);
   v64 = 0;
   CHECK(region_read(COLIBRI_BAR_REGS, COLIBRI_REG_PT_ROOT(5), 8, &v64) == 0);
   CHECK(v64 == 0x123456789000);
   CHECK(region_read(1, 0, 4, &v) == EINVAL);
   CHECK(region_read(77, 0, 4, &v) == EINVAL);

   /* Posted, and several at once. */
   struct { struct vfu_region_access a; uint32_t data; } w = {{COLIBRI_REG_PT_ROOT(6), 0, 4}, 0x7000};
   struct { uint64_t count; struct vfu_multi_write w[2]; } m = {
      2, {{COLIBRI_REG_PT_ROOT(6) + 4, 0, 4, {0x11}}, {COLIBRI_REG_PT_ROOT(7), 0, 8, {0, 0x20}}}};

   send_request(VFU_REGION_WRITE, VFU_NO_REPLY, &w, sizeof(w.a) + 4, NULL, 0);
   send_request(VFU_REGION_WRITE_MULTI, VFU_NO_REPLY, &m, sizeof(m), NULL, 0);
   CHECK(region_read(0, COLIBRI_REG_PT_ROOT(6), 8, &v64) == 0 && v64 == 0x1100007000);
   CHECK(region_read(0, COLIBRI_REG_PT_ROOT(7), 8, &v64) == 0 && v64 == 0x2000);
   m.w[1].region = 1;
   m.w[0].data[0] = 0x12;
   CHECK(call(VFU_REGION_WRITE_MULTI, &m, sizeof(m), NULL, 0) == EINVAL);
   CHECK(region_read(0, COLIBRI_REG_PT_ROOT(6), 8, &v64) == 0 && v64 == 0x1100007000);
   m.count = 1ull << 60;
   CHECK(call(VFU_REGION_WRITE_MULTI, &m, sizeof(m), NULL, 0) == EINVAL);
   CHECK(finish() == 0);
}

static int
set_irqs(uint32_t flags, uint32_t start_vec, uint32_t count, const int *fds, unsigned num_fds)
{
   struct vfu_irq_set set = {sizeof(set), flags, VFU_IRQ_MSIX, start_vec, count};
   uint32_t n;

   send_request(VFU_DEVICE_SET_IRQS, 0, &set, sizeof(set), fds, num_fds);
   return get_reply(NULL, 0, &n, NULL);
}

static bool
fired(int fd)
{
   struct pollfd p = {fd, POLLIN, 0};
   uint64_t v;

   return poll(&p, 1, 0) == 1 && read(fd, &v, sizeof(v)) == sizeof(v);
}

static void
vfio_interrupts(void)
{
   start();
   CHECK(hello() == 0);
   int fds[2] = {eventfd(0, EFD_CLOEXEC), eventfd(0, EFD_CLOEXEC)};
   uint64_t pending = 0;

   CHECK(set_irqs(VFU_IRQ_DATA_EVENTFD | VFU_IRQ_ACTION_TRIGGER, 2, 2, fds, 2) == 0);
   CHECK(set_irqs(VFU_IRQ_DATA_NONE | VFU_IRQ_ACTION_TRIGGER, 3, 1, NULL, 0) == 0);
   CHECK(!fired(fds[0]) && fired(fds[1]));

   /* Masked and unassigned vectors stay pending. */
   CHECK(set_irqs(VFU_IRQ_DATA_NONE | VFU_IRQ_ACTION_MASK, 2, 1, NULL, 0) == 0);
   CHECK(set_irqs(VFU_IRQ_DATA_NONE | VFU_IRQ_ACTION_TRIGGER, 2, 1, NULL, 0) == 0);
   CHECK(!fired(fds[0]));
   CHECK(region_read(COLIBRI_BAR_MSIX, MSIX_PBA_AT, 8, &pending) == 0 && pending == 4);
   CHECK(set_irqs(VFU_IRQ_DATA_NONE | VFU_IRQ_ACTION_UNMASK, 2, 1, NULL, 0) == 0);
   CHECK(fired(fds[0]));
   CHECK(set_irqs(VFU_IRQ_DATA_NONE | VFU_IRQ_ACTION_TRIGGER, 0, 0, NULL, 0) == 0);
   CHECK(set_irqs(VFU_IRQ_DATA_NONE | VFU_IRQ_ACTION_TRIGGER, 3, 1, NULL, 0) == 0);
   CHECK(!fired(fds[1]));
   CHECK(set_irqs(VFU_IRQ_DATA_EVENTFD | VFU_IRQ_ACTION_TRIGGER, 3, 1, &fds[1], 1) == 0);
   CHECK(fired(fds[1]));

   CHECK(set_irqs(VFU_IRQ_DATA_EVENTFD | VFU_IRQ_ACTION_TRIGGER, 7, 2, fds, 2) == EINVAL);
   CHECK(set_irqs(VFU_IRQ_DATA_EVENTFD | VFU_IRQ_ACTION_TRIGGER, 0, 2, fds, 1) == EINVAL);
   CHECK(set_irqs(VFU_IRQ_DATA_EVENTFD | VFU_IRQ_ACTION_MASK, 0, 1, fds, 1) == EINVAL);
   CHECK(set_irqs(VFU_IRQ_DATA_NONE, 0, 1, NULL, 0) == EINVAL);
   CHECK(set_irqs(VFU_IRQ_DATA_NONE | VFU_IRQ_ACTIONS, 0, 1, NULL, 0) == EINVAL);
   CHECK(set_irqs(VFU_IRQ_DATA_BOOL | VFU_IRQ_ACTION_TRIGGER, 0, 8, NULL, 0) == EINVAL);
   CHECK(set_irqs(VFU_IRQ_DATA_NONE | VFU_IRQ_ACTION_TRIGGER, ~0u, 2, NULL, 0) == EINVAL);
   CHECK(finish() == 0);
   close(fds[0]);
   close(fds[1]);
}

static int
dma_map(struct vfu_dma_map m, int fd)
{
   uint32_t n;

   send_request(VFU_DMA_MAP, 0, &m, sizeof(m), &fd, fd >= 0);
   return get_reply(NULL, 0, &n, NULL);
}

static void
vfio_dma(void)
{
   start();
   CHECK(hello() == 0);
   int fd = memfd_create("ram", MFD_CLOEXEC);
   struct vfu_dma_unmap u = {.argsz = sizeof(u), .address = 0x100000, .size = 0x10000}, r;

   CHECK(!ftruncate(fd, 0x10000));
   CHECK(dma_map((struct vfu_dma_map){32, 3, 0, 0x100000, 0x10000}, fd) == 0);
   CHECK(dma_map((struct vfu_dma_map){32, 3, 0, 0x108000, 0x8000}, fd) == EEXIST);
   CHECK(dma_map((struct vfu_dma_map){32, 3, 0, 0x200000, 0x20000}, fd) == EINVAL);
   CHECK(dma_map((struct vfu_dma_map){32, 8, 0, 0x200000, 0x1000}, fd) == EINVAL);
   CHECK(dma_map((struct vfu_dma_map){32, 3, 0, 0x300000, 0x1000}, -1) == 0);
   CHECK(call(VFU_DMA_UNMAP, &u, sizeof(u), &r, sizeof(r)) == 0);
   CHECK(r.address == u.address && r.size == u.size);
   CHECK(call(VFU_DMA_UNMAP, &u, sizeof(u), NULL, 0) == 0);
   u.address = 0x300000;
   u.size = 0x1000;
   CHECK(call(VFU_DMA_UNMAP, &u, sizeof(u), NULL, 0) == 0);
   CHECK(dma_map((struct vfu_dma_map){32, 1, 0, 0x100000, 0x10000}, fd) == 0);
   u = (struct vfu_dma_unmap){.argsz = sizeof(u), .flags = VFU_DMA_UNMAP_ALL};
   CHECK(call(VFU_DMA_UNMAP, &u, sizeof(u), NULL, 0) == 0);
   close(fd);
   CHECK(finish() == 0);
}

/* A stream that cannot be followed ends the server, and nothing else. */
static void
vfio_broken_streams(void)
{
   static const struct vfu_header bad[] = {
      {7, VFU_VERSION, 15, 0, 0},
      {7, VFU_VERSION, 0xffffffff, 0, 0},
      {7, VFU_VERSION, 16, VFU_REPLY, 0},
      {7, VFU_VERSION, 16, 0xf, 0},
   };

   for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
      start();
      CHECK(send(sock, &bad[i], sizeof(bad[i]), MSG_NOSIGNAL) == sizeof(bad[i]));
      char byte;
      CHECK(recv(sock, &byte, 1, 0) <= 0);
      CHECK(finish() == -EPROTO);
   }
   /* The client goes in the middle of a message. */
   start();
   CHECK(send(sock, &bad[0], 5, MSG_NOSIGNAL) == 5);
   CHECK(finish() == -EPROTO);
}

/* Well-formed messages with random contents. */
static void
vfio_random(void)
{
   srand(12345);
   start();
   CHECK(hello() == 0);
   for (unsigned i = 0; i < 20000; i++) {
      uint32_t payload[16];
      uint8_t reply[4096];
      uint32_t n, size = rand() % (sizeof(payload) + 1);

      for (unsigned k = 0; k < 16; k++)
         payload[k] = rand() % 3 ? (uint32_t)rand() % 40 : rand() * 2654435761u;
      send_request(rand() % 20, 0, payload, size, NULL, 0);
      int fd = -1, ret = get_reply(reply, sizeof(reply), &n, &fd);
      CHECK(ret >= 0);
      if (fd >= 0)
         close(fd);
   }
   CHECK(finish() == 0);
}

const struct test vfio_tests[] = {
   {"vfio-handshake", vfio_handshake},
   {"vfio-config-space", vfio_config_space},
   {"vfio-regions", vfio_regions},
   {"vfio-interrupts", vfio_interrupts},
   {"vfio-dma", vfio_dma},
   {"vfio-broken-streams", vfio_broken_streams},
   {"vfio-random", vfio_random},
   {0},
};
