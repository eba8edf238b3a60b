/* SPDX-License-Identifier: MIT */
/*
 * colibri-run: runs one kernel on the device without a VM and shows what it
 * did to its buffers.
 */
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "run.h"

#define MAX_ARGS 64
#define VA_BUFFERS 0x100000000ull
#define BUFFER_STRIDE (4ull << 30) /* guard space between buffers */
#define VA_CODE (COLIBRI_VA_DRIVER_ZONE + 0x20000000ull)
#define VA_ARGS (COLIBRI_VA_DRIVER_ZONE + 0x30000000ull)
#define VA_DESC (VA_ARGS + 4096)

static const char usage[] =
   "usage: colibri-run [OPTION...] PROGRAM [ARGUMENT...]\n"
   "Runs a kernel on the Colibri GPU, in this process.\n"
   "PROGRAM is an ELF executable for RV64GCV, or raw code.\n"
   "\n"
   "  --entry NAME        symbol to start at (default: the ELF entry, the first byte)\n"
   "  --grid X[,Y[,Z]]    work-items (default 64)\n"
   "  --group X[,Y[,Z]]   work-items of a group (default 64)\n"
   "  --local BYTES       local memory of a group\n"
   "  --private BYTES     private memory of a work-item\n"
   "  --stack BYTES       stack of a wave (default 16384)\n"
   "  --cus N, --vlen N   as of colibri-gpu (default: host CPUs, 2048)\n"
   "  --timeout SECONDS   (default 60)\n"
   "\n"
   "Arguments are laid out one after the other, each at its natural alignment:\n"
   "  u32:N  u64:N  f32:X  f64:X        a number\n"
   "  buf:SIZE[,OUT]                    pointer to a zeroed buffer\n"
   "  in:FILE[,OUT]                     pointer to a buffer with the file's contents\n"
   "OUT is what becomes of the buffer: a FILE to write it to, or @u32, @i32, @u64, @f32 or @f64\n"
   "to print it.\n"
   "\n"
   "Exit status: 0, 1 when the kernel failed, 2 for bad usage.\n";

struct buffer {
   uint8_t *host;
   size_t size;
   const char *out;
};

struct options {
   struct cg_device_config device;
   struct colibri_pkt_dispatch pkt;
   struct colibri_kernel_desc desc;
   const char *entry;
   unsigned timeout;
   struct buffer buffers[MAX_ARGS];
   unsigned num_buffers;
};

void
run_die(const char *fmt, ...)
{
   va_list ap;

   fputs("colibri-run: ", stderr);
   va_start(ap, fmt);
   vfprintf(stderr, fmt, ap);
   va_end(ap);
   fputc('\n', stderr);
   exit(2);
}

static uint64_t
number(const char *what, const char *text, uint64_t max)
{
   char *end;
   uint64_t v = strtoull(text, &end, 0);

   if (end == text || *end || v > max || *text == '-')
      run_die("%s: '%s' is not a number up to %llu", what, text, (unsigned long long)max);
   return v;
}

/* X[,Y[,Z]]; returns how many there were */
static unsigned
triple(const char *what, char *text, uint64_t max, uint64_t out[3])
{
   unsigned n = 0;

   out[0] = out[1] = out[2] = 1;
   for (char *t = strtok(text, ","); t; t = strtok(NULL, ",")) {
      if (n == 3)
         run_die("%s: more than three dimensions", what);
      out[n++] = number(what, t, max);
   }
   return n;
}

static void
set_option(struct options *o, int opt, char *arg)
{
   uint64_t v[3];
   unsigned n;

   switch (opt) {
   case 'e':
      o->entry = arg;
      break;
   case 'g':
      n = triple("--grid", arg, UINT32_MAX, v);
      o->pkt.setup = n > o->pkt.setup ? n : o->pkt.setup;
      for (unsigned i = 0; i < 3; i++)
         o->pkt.grid_size[i] = v[i];
      break;
   case 'w':
      n = triple("--group", arg, COLIBRI_MAX_WG_ITEMS, v);
      o->pkt.setup = n > o->pkt.setup ? n : o->pkt.setup;
      for (unsigned i = 0; i < 3; i++)
         o->pkt.wg_size[i] = v[i];
      break;
   case 'l':
      o->pkt.group_size = number("--local", arg, COLIBRI_MAX_LDS);
      break;
   case 'p':
      o->pkt.private_size = number("--private", arg, COLIBRI_MAX_PRIVATE);
      break;
   case 's':
      o->desc.stack_size = number("--stack", arg, COLIBRI_MAX_STACK);
      break;
   case 'c':
      o->device.num_cus = number("--cus", arg, CG_MAX_CUS);
      break;
   case 'v':
      o->device.vlen = number("--vlen", arg, COLIBRI_VLEN);
      if (o->device.vlen < 128 || (o->device.vlen & (o->device.vlen - 1)))
         run_die("--vlen: not 128, 256, 512, 1024 or 2048");
      break;
   case 't':
      o->timeout = number("--timeout", arg, 1000000);
      break;
   case 'h':
      fputs(usage, stdout);
      exit(0);
   default:
      exit(2);
   }
}

static void
parse_options(struct options *o, int argc, char **argv)
{
   static const struct option longopts[] = {
      {"entry", required_argument, NULL, 'e'},   {"grid", required_argument, NULL, 'g'},
      {"group", required_argument, NULL, 'w'},   {"local", required_argument, NULL, 'l'},
      {"private", required_argument, NULL, 'p'}, {"stack", required_argument, NULL, 's'},
      {"cus", required_argument, NULL, 'c'},     {"vlen", required_argument, NULL, 'v'},
      {"timeout", required_argument, NULL, 't'}, {"help", no_argument, NULL, 'h'},
      {NULL, 0, NULL, 0},
   };
   int opt;

   while ((opt = getopt_long(argc, argv, "+", longopts, NULL)) != -1)
      set_option(o, opt, optarg);
   if (optind == argc)
      run_die("no program; --help tells more");
   if (!o->device.num_cus)
      run_die("--cus: at least one");
}

/* ---- Arguments of the kernel ---------------------------------------------------------*/

static uint64_t
add_buffer(struct options *o, struct run_machine *m, char *text, bool is_file)
{
   struct buffer *b = &o->buffers[o->num_buffers];
   uint64_t va = VA_BUFFERS + o->num_buffers++ * BUFFER_STRIDE;
   char *out = strchr(text, ',');
   uint8_t *data = NULL;

   if (out) {
      *out = '\0';
      b->out = out + 1;
   }
   if (is_file)
      data = run_read_file(text, &b->size);
   else
      b->size = number("buf", text, 2ull << 30);
   b->host = run_map(m, va, b->size ? b->size : 1);
   if (data)
      memcpy(b->host, data, b->size);
   free(data);
   return va;
}

/* The bits of one argument; @size: how many bytes they are */
static uint64_t
parse_argument(struct options *o, struct run_machine *m, char *arg, unsigned *size)
{
   char *text = strchr(arg, ':');
   uint64_t bits = 0;

   if (!text)
      run_die("argument '%s' has no type; --help tells more", arg);
   *text++ = '\0';
   *size = 8;
   if (!strcmp(arg, "u32")) {
      *size = 4;
      return number(arg, text, UINT32_MAX);
   }
   if (!strcmp(arg, "u64"))
      return number(arg, text, UINT64_MAX);
   if (!strcmp(arg, "f32")) {
      float f = strtof(text, NULL);

      *size = 4;
      memcpy(&bits, &f, 4);
      return bits;
   }
   if (!strcmp(arg, "f64")) {
      double d = strtod(text, NULL);

      memcpy(&bits, &d, 8);
      return bits;
   }
   if (!strcmp(arg, "buf") || !strcmp(arg, "in"))
      return add_buffer(o, m, text, arg[0] == 'i');
   run_die("unknown argument type '%s'; --help tells more", arg);
}

static void
put_arguments(struct options *o, struct run_machine *m, int argc, char **argv)
{
   uint8_t *block = run_map(m, VA_ARGS, 4096);
   unsigned at = 0;

   if (argc > MAX_ARGS)
      run_die("more than %u arguments", MAX_ARGS);
   for (int i = 0; i < argc; i++) {
      unsigned size;
      uint64_t bits = parse_argument(o, m, argv[i], &size);

      at = (at + size - 1) & ~(size - 1);
      memcpy(block + at, &bits, size);
      at += size;
   }
   o->pkt.kernarg = VA_ARGS;
}

/* ---- Results -------------------------------------------------------------------------*/

static void
print_element(const char *type, const uint8_t *p)
{
   uint32_t u32;
   uint64_t u64;
   float f32;
   double f64;

   memcpy(&u32, p, 4);
   memcpy(&f32, p, 4);
   if (!strcmp(type, "u32"))
      printf("%u\n", u32);
   else if (!strcmp(type, "i32"))
      printf("%d\n", (int32_t)u32);
   else if (!strcmp(type, "f32"))
      printf("%.9g\n", f32);
   else {
      memcpy(&u64, p, 8);
      memcpy(&f64, p, 8);
      if (!strcmp(type, "u64"))
         printf("%llu\n", (unsigned long long)u64);
      else
         printf("%.17g\n", f64);
   }
}

static void
check_out(const struct buffer *b)
{
   static const char *const types[] = {"u32", "i32", "u64", "f32", "f64"};

   if (!b->out || b->out[0] != '@')
      return;
   for (unsigned i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
      if (!strcmp(b->out + 1, types[i]))
         return;
   }
   run_die("cannot print '%s'; --help tells more", b->out);
}

static void
write_out(const struct buffer *b)
{
   if (!b->out)
      return;
   if (b->out[0] == '@') {
      unsigned size = strstr(b->out, "64") ? 8 : 4;

      for (size_t i = 0; i + size <= b->size; i += size)
         print_element(b->out + 1, b->host + i);
      return;
   }

   FILE *f = fopen(b->out, "wb");

   if (!f || fwrite(b->host, 1, b->size, f) != b->size || fclose(f))
      run_die("cannot write '%s'", b->out);
}

static int
tell(const struct run_result *r)
{
   static const char *const names[] = {
      "none",          "bad ring",   "bad packet",     "page fault", "illegal instruction", "bad address",
      "misaligned",    "fence unmapped", "bus error",  "no atomics", "no memory",
   };

   if (r->timeout) {
      fputs("colibri-run: the kernel did not end in time\n", stderr);
      return 1;
   }
   if (r->error) {
      const char *name = r->error < sizeof(names) / sizeof(names[0]) ? names[r->error] : "unknown error";

      fprintf(stderr, "colibri-run: %s at address %#llx, pc %#llx, work-group %u, wave %u\n", name,
              (unsigned long long)r->addr, (unsigned long long)r->pc, (unsigned)(r->info >> 32),
              (unsigned)r->info);
      return 1;
   }
   fprintf(stderr, "colibri-run: %.3f ms\n", r->ns / 1e6);
   return 0;
}

int
main(int argc, char **argv)
{
   long cpus = sysconf(_SC_NPROCESSORS_ONLN);
   static struct options o;
   struct run_machine m;

   o.device = (struct cg_device_config){
      .vram_size = 1 << 20,
      .num_cus = cpus < 1 ? 1 : cpus > CG_MAX_CUS ? CG_MAX_CUS : cpus,
      .vlen = COLIBRI_VLEN,
      .sys_atomics = true,
   };
   o.pkt = (struct colibri_pkt_dispatch){
      .header = COLIBRI_PKT_DISPATCH,
      .setup = 1,
      .wg_size = {64, 1, 1},
      .grid_size = {64, 1, 1},
      .kernel_object = VA_DESC,
   };
   o.desc.stack_size = 16384;
   o.timeout = 60;
   parse_options(&o, argc, argv);

   run_machine_init(&m, &o.device);
   o.desc.entry = run_load(&m, argv[optind], VA_CODE, o.entry);
   put_arguments(&o, &m, argc - optind - 1, argv + optind + 1);
   for (unsigned i = 0; i < o.num_buffers; i++)
      check_out(&o.buffers[i]);
   memcpy(run_map(&m, VA_DESC, sizeof(o.desc)), &o.desc, sizeof(o.desc));

   struct run_result r = run_dispatch(&m, &o.pkt, o.timeout);
   int status = tell(&r);

   for (unsigned i = 0; i < o.num_buffers; i++)
      write_out(&o.buffers[i]);
   cg_device_destroy(m.dev);
   return status;
}
