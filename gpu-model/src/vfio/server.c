/* SPDX-License-Identifier: MIT */
/*
 * The stream between client and server: framing, file descriptors, replies.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "server.h"

/* The longest request: a write of VFU_MAX_XFER bytes; replies have the same room. */
#define MAX_PAYLOAD (VFU_MAX_XFER + 64)

/* Takes the fds out of a received message; those beyond what a request may carry are closed. */
static void
take_fds(struct msghdr *msg, struct vfu_request *req)
{
   for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
      if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
         continue;

      size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);

      for (size_t i = 0; i < n; i++) {
         int fd;

         memcpy(&fd, CMSG_DATA(c) + i * sizeof(fd), sizeof(fd));
         if (req->num_fds < VFU_MAX_FDS)
            req->fds[req->num_fds++] = fd;
         else
            close(fd);
      }
   }
}

/* @return 1 when there is something to read, 0 when it is time to stop */
static int
wait_readable(int sock, int stop_fd)
{
   struct pollfd fds[] = {{.fd = sock, .events = POLLIN}, {.fd = stop_fd, .events = POLLIN}};

   while (poll(fds, 2, -1) < 0) {
      if (errno != EINTR)
         return 0;
   }
   return !(fds[1].revents & POLLIN);
}

/* Receives exactly @size bytes. @return 1, 0 at the end of the stream, or a negative errno value */
static int
receive(int sock, int stop_fd, void *buf, size_t size, struct vfu_request *req)
{
   size_t done = 0;

   while (done < size) {
      union {
         char buf[CMSG_SPACE(64 * sizeof(int))];
         struct cmsghdr align;
      } control;
      struct iovec iov = {(char *)buf + done, size - done};
      struct msghdr msg = {
         .msg_iov = &iov,
         .msg_iovlen = 1,
         .msg_control = control.buf,
         .msg_controllen = sizeof(control.buf),
      };

      if (!wait_readable(sock, stop_fd))
         return 0;

      ssize_t n = recvmsg(sock, &msg, MSG_CMSG_CLOEXEC);

      if (n < 0 && errno == EINTR)
         continue;
      if (n < 0)
         return errno == ECONNRESET ? 0 : -errno;
      take_fds(&msg, req);
      if (n == 0)
         return done ? -EPROTO : 0;
      done += n;
   }
   return 1;
}

static int
send_reply(int sock, const struct vfu_request *req, int error, const struct vfu_reply *reply)
{
   struct vfu_header header = {
      .id = req->header.id,
      .command = req->header.command,
      .size = sizeof(header) + (error ? 0 : reply->size),
      .flags = VFU_REPLY | (error ? VFU_ERROR : 0),
      .error = error,
   };
   struct iovec iov[] = {{&header, sizeof(header)}, {reply->payload, header.size - sizeof(header)}};
   union {
      char buf[CMSG_SPACE(sizeof(int))];
      struct cmsghdr align;
   } control;
   struct msghdr msg = {.msg_iov = iov, .msg_iovlen = 2};

   if (!error && reply->fd >= 0) {
      msg.msg_control = control.buf;
      msg.msg_controllen = sizeof(control.buf);

      struct cmsghdr *c = CMSG_FIRSTHDR(&msg);

      c->cmsg_level = SOL_SOCKET;
      c->cmsg_type = SCM_RIGHTS;
      c->cmsg_len = CMSG_LEN(sizeof(int));
      memcpy(CMSG_DATA(c), &reply->fd, sizeof(int));
   }

   while (iov[0].iov_len || iov[1].iov_len) {
      ssize_t n = sendmsg(sock, &msg, MSG_NOSIGNAL);

      if (n < 0 && errno == EINTR)
         continue;
      if (n < 0)
         return errno == EPIPE || errno == ECONNRESET ? 0 : -errno;
      for (unsigned i = 0; i < 2; i++) {
         size_t part = (size_t)n < iov[i].iov_len ? (size_t)n : iov[i].iov_len;

         iov[i].iov_base = (char *)iov[i].iov_base + part;
         iov[i].iov_len -= part;
         n -= part;
      }
      msg.msg_control = NULL;
      msg.msg_controllen = 0;
   }
   return 1;
}

/* @return 1 to go on, 0 at the end, or a negative errno value */
static int
serve_one(struct vfu_server *s, int sock, int stop_fd, uint8_t *in, struct vfu_reply *reply)
{
   struct vfu_request req = {.payload = in};
   int ret = receive(sock, stop_fd, &req.header, sizeof(req.header), &req);

   if (ret > 0 && ((req.header.flags & VFU_TYPE_MASK) || req.header.size < sizeof(req.header) ||
                   req.header.size - sizeof(req.header) > MAX_PAYLOAD))
      ret = -EPROTO;
   if (ret > 0) {
      req.size = req.header.size - sizeof(req.header);
      ret = receive(sock, stop_fd, in, req.size, &req);
   }
   if (ret > 0) {
      int error = vfu_handle(s, &req, reply);

      if (!(req.header.flags & VFU_NO_REPLY))
         ret = send_reply(sock, &req, error, reply);
   }
   for (unsigned i = 0; i < req.num_fds; i++) {
      if (req.fds[i] >= 0)
         close(req.fds[i]);
   }
   return ret;
}

int
vfu_serve(struct vfu_server *s, int sock, int stop_fd)
{
   uint8_t *in = malloc(MAX_PAYLOAD);
   struct vfu_reply reply = {.payload = malloc(MAX_PAYLOAD)};
   int ret = in && reply.payload ? 1 : -ENOMEM;

   while (ret > 0)
      ret = serve_one(s, sock, stop_fd, in, &reply);
   free(in);
   free(reply.payload);
   return ret;
}
