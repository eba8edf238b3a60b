/* SPDX-License-Identifier: MIT */
/*
 * colibri-gpu: the virtual GPU as a vfio-user device process.
 *
 * It serves one client (QEMU or another VMM) and ends when that goes.
 */
#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "device/device.h"
#include "device/hostile.h"
#include "vfio/server.h"

#define MIN_VRAM (1ull << 20)
#define MAX_VRAM (1ull << 40)

struct options {
   const char *socket;
   struct cg_device_config device;
};

static const char usage[] =
   "usage: colibri-gpu --socket PATH [OPTION...]\n"
   "The Colibri virtual GPU: serves one vfio-user client at the UNIX socket PATH.\n"
   "\n"
   "  --socket PATH       where to listen\n"
   "  --vram SIZE         bytes of VRAM, a power of two, with K, M or G (default 1G)\n"
   "  --cus N             compute units, each a host thread (default: host CPUs)\n"
   "  --vlen BITS         bits of a vector register: 128, 256, 512, 1024 or 2048 (default)\n"
   "  --no-pcie-atomics   no atomics on system memory\n"
   "  --hostile SEED[,KIND...]  lie to the driver (see device/hostile.c for the kinds; default: all)\n"
   "  --verbose           say on stderr what happens\n"
   "  --help              print this\n";

static bool
parse_number(const char *text, uint64_t *value, const char **end)
{
   if (text[0] < '0' || text[0] > '9')
      return false;

   char *e;

   errno = 0;
   *value = strtoull(text, &e, 10);
   *end = e;
   return !errno;
}

static bool
parse_size(const char *text, uint64_t *size)
{
   static const char suffixes[] = "KMG";
   const char *end;

   if (!parse_number(text, size, &end))
      return false;
   if (*end) {
      const char *s = strchr(suffixes, *end);

      if (!s || end[1])
         return false;

      unsigned shift = 10 * (s - suffixes + 1);

      if (*size > UINT64_MAX >> shift)
         return false;
      *size <<= shift;
   }
   return true;
}

static bool
parse_count(const char *text, uint64_t max, unsigned *value)
{
   const char *end;
   uint64_t v;

   if (!parse_number(text, &v, &end) || *end || !v || v > max)
      return false;
   *value = v;
   return true;
}

static bool
complain(const char *fmt, const char *what)
{
   fprintf(stderr, "colibri-gpu: ");
   fprintf(stderr, fmt, what);
   fputc('\n', stderr);
   return false;
}

static bool
parse_option(struct options *o, int opt, const char *arg)
{
   struct cg_device_config *d = &o->device;

   switch (opt) {
   case 's':
      o->socket = arg;
      return true;
   case 'v':
      if (!parse_size(arg, &d->vram_size))
         return complain("--vram: '%s' is no size: a number, then K, M, G or nothing", arg);
      if (d->vram_size < MIN_VRAM || d->vram_size > MAX_VRAM || (d->vram_size & (d->vram_size - 1)))
         return complain("--vram: '%s' is not a power of two from 1M to 1024G", arg);
      return true;
   case 'c':
      return parse_count(arg, CG_MAX_CUS, &d->num_cus) ||
             complain("--cus: '%s' is not a number from 1 to 64", arg);
   case 'l':
      return (parse_count(arg, COLIBRI_VLEN, &d->vlen) && d->vlen >= 128 &&
              !(d->vlen & (d->vlen - 1))) ||
             complain("--vlen: '%s' is not 128, 256, 512, 1024 or 2048", arg);
   case 'a':
      d->sys_atomics = false;
      return true;
   case 'H':
      d->hostile = cg_hostile_parse(arg, &d->hostile_seed, &d->hostile_kinds);
      return d->hostile || complain("--hostile: '%s' is no number with names of lies behind", arg);
   case 'V':
      d->verbose = true;
      return true;
   default:
      return false;
   }
}

/* @return -1 to go on, else the exit status */
static int
parse_options(struct options *o, int argc, char **argv)
{
   static const struct option longopts[] = {
      {"socket", required_argument, NULL, 's'},     {"vram", required_argument, NULL, 'v'},
      {"cus", required_argument, NULL, 'c'},        {"vlen", required_argument, NULL, 'l'},
      {"no-pcie-atomics", no_argument, NULL, 'a'},  {"hostile", required_argument, NULL, 'H'},
      {"verbose", no_argument, NULL, 'V'},
      {"help", no_argument, NULL, 'h'},             {NULL, 0, NULL, 0},
   };
   int opt;

   while ((opt = getopt_long(argc, argv, "", longopts, NULL)) != -1) {
      if (opt == 'h') {
         fputs(usage, stdout);
         return 0;
      }
      if (!parse_option(o, opt, optarg))
         return 2;
   }
   if (optind < argc) {
      complain("unexpected argument '%s'", argv[optind]);
      return 2;
   }
   if (!o->socket) {
      complain("%s", "--socket PATH is missing; --help tells more");
      return 2;
   }
   if (strlen(o->socket) >= sizeof(((struct sockaddr_un *)0)->sun_path)) {
      complain("--socket: '%s' is too long for a UNIX socket", o->socket);
      return 2;
   }
   return -1;
}

/*
 * A socket that nobody listens at any more is left over from a run that was killed. Whether somebody
 * does is asked with a socket of another type: a true connection would be a live server's one client.
 */
static void
remove_stale(const struct sockaddr_un *addr)
{
   struct stat st;
   int s;

   if (lstat(addr->sun_path, &st) || !S_ISSOCK(st.st_mode))
      return;
   s = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
   if (s < 0)
      return;
   if (connect(s, (const struct sockaddr *)addr, sizeof(*addr)) && errno == ECONNREFUSED)
      unlink(addr->sun_path);
   close(s);
}

static int
listen_at(const char *path)
{
   struct sockaddr_un addr = {.sun_family = AF_UNIX};
   int s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

   if (s < 0)
      return -1;
   strcpy(addr.sun_path, path);
   remove_stale(&addr);

   mode_t old = umask(077);
   int ret = bind(s, (struct sockaddr *)&addr, sizeof(addr));

   umask(old);
   if (ret || listen(s, 1)) {
      close(s);
      return -1;
   }
   return s;
}

/* @return the client, or -1 when a signal came first */
static int
accept_client(int listener, int stop_fd)
{
   struct pollfd fds[] = {{.fd = listener, .events = POLLIN}, {.fd = stop_fd, .events = POLLIN}};

   while (poll(fds, 2, -1) < 0 && errno == EINTR)
      ;
   return fds[1].revents & POLLIN ? -1 : accept4(listener, NULL, NULL, SOCK_CLOEXEC);
}

static int
run(const struct options *o, int listener, int stop_fd)
{
   static struct vfu_server server;
   struct cg_device *dev = cg_device_create(&o->device);

   if (!dev) {
      complain("cannot make the device: %s", strerror(errno));
      return 1;
   }

   int client = accept_client(listener, stop_fd), ret = 0;

   if (client >= 0) {
      vfu_server_init(&server, dev);
      ret = vfu_serve(&server, client, stop_fd);
      if (ret)
         complain("broken vfio-user stream: %s", strerror(-ret));
      close(client);
   }
   cg_device_destroy(dev);
   return ret ? 1 : 0;
}

int
main(int argc, char **argv)
{
   long cpus = sysconf(_SC_NPROCESSORS_ONLN);
   struct options o = {
      .device = {
         .vram_size = 1ull << 30,
         .num_cus = cpus < 1 ? 1 : cpus > CG_MAX_CUS ? CG_MAX_CUS : cpus,
         .vlen = COLIBRI_VLEN,
         .sys_atomics = true,
      },
   };
   int ret = parse_options(&o, argc, argv);

   if (ret >= 0)
      return ret;

   sigset_t signals;

   signal(SIGPIPE, SIG_IGN);
   sigemptyset(&signals);
   sigaddset(&signals, SIGINT);
   sigaddset(&signals, SIGTERM);
   sigaddset(&signals, SIGHUP);
   sigprocmask(SIG_BLOCK, &signals, NULL);

   int stop_fd = signalfd(-1, &signals, SFD_CLOEXEC), listener = listen_at(o.socket);

   if (listener < 0 || stop_fd < 0) {
      fprintf(stderr, "colibri-gpu: cannot listen at '%s': %s\n", o.socket, strerror(errno));
      return 1;
   }
   ret = run(&o, listener, stop_fd);
   close(listener);
   unlink(o.socket);
   return ret;
}
