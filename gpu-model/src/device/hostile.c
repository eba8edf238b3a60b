/* SPDX-License-Identifier: MIT */
/*
 * A device that lies: see hostile.h.
 *
 * A seed decides on the sequence of lies, on some of the kinds that are allowed, and for each of them
 * how often it is told: of some seeds nothing works, with others the driver gets far before it meets the first lie.  Which access meets which
 * number of the sequence is up to the guest's timing.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "internal.h"

/* Lies that need no occasion: a thread tells them. */
#define ACTS                                                                                       \
   (1u << CG_LIE_FAULTS | 1u << CG_LIE_FLOOD | 1u << CG_LIE_RINGS | 1u << CG_LIE_EVENTS |          \
    1u << CG_LIE_INTERRUPTS)

#define LAST_IDENTITY COLIBRI_REG_NUM_CONTEXTS

/* A log2 of how seldom a lie is told. */
#define MIN_ODDS 1
#define MAX_ODDS 14

/* Between two acts of the thread. */
#define MAX_PAUSE_NS 8000000

static const char *const kind_names[CG_NUM_LIES] = {
   [CG_LIE_IDENTITY] = "identity", [CG_LIE_REGISTERS] = "registers",
   [CG_LIE_FAULTS] = "faults",     [CG_LIE_FLOOD] = "flood",
   [CG_LIE_RINGS] = "rings",       [CG_LIE_EVENTS] = "events",
   [CG_LIE_COPIES] = "copies",     [CG_LIE_INDICES] = "indices",
   [CG_LIE_INTERRUPTS] = "interrupts", [CG_LIE_MUTE] = "mute",
};

static bool
parse_kind(const char *name, size_t length, uint32_t *kinds)
{
   for (unsigned i = 0; i < CG_NUM_LIES; i++) {
      if (strlen(kind_names[i]) == length && !strncmp(kind_names[i], name, length)) {
         *kinds |= 1u << i;
         return true;
      }
   }
   return false;
}

bool
cg_hostile_parse(const char *text, uint32_t *seed, uint32_t *kinds)
{
   char *end;
   unsigned long value = strtoul(text, &end, 10);

   if (end == text || value > UINT32_MAX || (*end && *end != ','))
      return false;
   *seed = value;
   *kinds = *end ? 0 : (1u << CG_NUM_LIES) - 1;
   while (*end == ',') {
      const char *name = end + 1;
      size_t length = strcspn(name, ",");

      if (!parse_kind(name, length, kinds))
         return false;
      end += 1 + length;
   }
   return true;
}

/* ---- Chance ----------------------------------------------------------------------*/

/* splitmix64, for many threads */
static uint64_t
draw(struct cg_hostile *h)
{
   uint64_t z = atomic_fetch_add(&h->random, 0x9e3779b97f4a7c15ull) + 0x9e3779b97f4a7c15ull;

   z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
   z = (z ^ z >> 27) * 0x94d049bb133111ebull;
   return z ^ z >> 31;
}

static bool
lies_about(const struct cg_hostile *h, enum cg_lie kind)
{
   return atomic_load_explicit(&h->kinds, memory_order_relaxed) >> kind & 1;
}

/* Is this the occasion for a lie? */
static bool
tells(struct cg_hostile *h, enum cg_lie kind)
{
   return lies_about(h, kind) && !(draw(h) & ((1ull << atomic_load(&h->odds[kind])) - 1));
}

/* What breaks code that believes it. */
static uint64_t
nasty(struct cg_hostile *h, uint64_t truth)
{
   uint64_t r = draw(h);

   switch (r & 7) {
   case 0:
      return 0;
   case 1:
      return ~0ull;
   case 2:
      return truth + 1;
   case 3:
      return truth - 1;
   case 4:
      return 1ull << (r >> 8 & 63);
   case 5:
      return truth ^ 1ull << (r >> 8 & 63);
   case 6:
      return r >> 32;
   default:
      return draw(h);
   }
}

/* ---- On occasion -----------------------------------------------------------------*/

uint64_t
cg_hostile_read(struct cg_device *dev, uint64_t offset, uint64_t value)
{
   struct cg_hostile *h = &dev->hostile;

   return tells(h, offset <= LAST_IDENTITY ? CG_LIE_IDENTITY : CG_LIE_REGISTERS)
             ? nasty(h, value) : value;
}

/* Not those that take memory away from the device. */
static bool
may_ignore(uint64_t offset)
{
   if (offset >= COLIBRI_DOORBELL(0))
      return true;
   if (offset >= COLIBRI_REG_QUEUE(0) && offset < COLIBRI_REG_QUEUE(COLIBRI_MAX_QUEUES))
      return (offset - COLIBRI_REG_QUEUE(0)) % (COLIBRI_REG_QUEUE(1) - COLIBRI_REG_QUEUE(0)) ==
             COLIBRI_QREG_CTL;
   return offset == COLIBRI_REG_FAULT_DOORBELL || offset == COLIBRI_REG_MMU_DOORBELL ||
          offset == COLIBRI_REG_CONTEXT_DROP || offset == COLIBRI_REG_SCHED_WATCH;
}

bool
cg_hostile_ignores(struct cg_device *dev, uint64_t offset)
{
   return may_ignore(offset) && tells(&dev->hostile, CG_LIE_MUTE);
}

bool
cg_hostile_silent(struct cg_device *dev)
{
   return tells(&dev->hostile, CG_LIE_MUTE);
}

bool
cg_hostile_stalls(struct cg_device *dev, enum cg_answers engine)
{
   struct cg_hostile *h = &dev->hostile;
   atomic_long *patience = &h->patience[engine];

   return lies_about(h, CG_LIE_MUTE) &&
          (atomic_load(patience) <= 0 || atomic_fetch_sub(patience, 1) <= 0);
}

bool
cg_hostile_record(struct cg_device *dev, struct colibri_fault *record)
{
   struct cg_hostile *h = &dev->hostile;

   if (tells(h, CG_LIE_FAULTS)) {
      uint64_t what = draw(h);

      if (what & 1)
         record->addr = nasty(h, record->addr);
      if (what & 2)
         record->asid = nasty(h, record->asid);
      if (what & 4)
         record->access = nasty(h, record->access);
      if (what & 8) {
         record->queue = nasty(h, record->queue);
         record->context = nasty(h, record->context);
         record->client = nasty(h, record->client);
      }
      if (what & 16)
         record->pc = record->timestamp = nasty(h, record->pc);
   }
   return tells(h, CG_LIE_FAULTS);
}

/* Not a number that the driver gave out and that is not done: it would free what is still in use. */
uint64_t
cg_hostile_fence(struct cg_device *dev, uint64_t value)
{
   struct cg_hostile *h = &dev->hostile;

   if (!tells(h, CG_LIE_COPIES))
      return value;
   return draw(h) & 1 ? value + 1024 + (draw(h) >> (draw(h) & 63)) : 0;
}

bool
cg_hostile_skips(struct cg_device *dev)
{
   return tells(&dev->hostile, CG_LIE_COPIES);
}

uint64_t
cg_hostile_index(struct cg_device *dev, uint64_t value)
{
   struct cg_hostile *h = &dev->hostile;

   return tells(h, CG_LIE_INDICES) ? nasty(h, value) : value;
}

/* ---- Without occasion: the thread ------------------------------------------------*/

/* An address that somebody may have a use for, as often as not. */
static uint64_t
invent_address(struct cg_hostile *h)
{
   uint64_t r = draw(h);

   switch (r & 7) {
   case 0:
      return draw(h);
   case 1:
      return COLIBRI_VA_DRIVER_ZONE - 1 - (r >> 40);
   case 2:
      return (1ull << COLIBRI_VA_BITS) - 1 - (r >> 34);
   case 3:
      return COLIBRI_VA_DRIVER_ZONE + (r >> 24);
   case 4:
      return r >> 17; /* 2^47: a process */
   default:
      return 0x7f0000000000ull + (r >> 24);
   }
}

static void
invent_fault(struct cg_device *dev)
{
   struct cg_hostile *h = &dev->hostile;
   uint64_t r = draw(h);
   struct colibri_fault record = {
      .addr = invent_address(h),
      .asid = r & 1 ? r >> 8 & 7 : nasty(h, r >> 8 & 255),
      .queue = r >> 16,
      .access = r & 2 ? r >> 32 & 7 : nasty(h, 4),
      .client = r >> 40,
      .pc = draw(h),
      .wave = r >> 44,
      .wg = r >> 12,
      .timestamp = nasty(h, cg_now()),
      .context = nasty(h, r >> 50),
   };

   pthread_mutex_lock(&dev->lock);
   cg_fault_post(dev, &record);
   pthread_mutex_unlock(&dev->lock);
}

static void
flood(struct cg_device *dev)
{
   for (unsigned i = 0; i < 256; i++)
      invent_fault(dev);
}

/*
 * mmu_cons goes back, or far ahead of any command, and never to one that is being executed: the
 * driver would free memory that is in use.
 */
static void
lie_in_rings(struct cg_device *dev, struct colibri_status_page *sp)
{
   struct cg_hostile *h = &dev->hostile;
   uint64_t r = draw(h);

   switch (r & 7) {
   case 0:
      cg_store32(&sp->fault_prod, nasty(h, cg_load32(&sp->fault_prod)));
      break;
   case 1:
      cg_store32(&sp->fault_prod, cg_load32(&sp->fault_prod) + (r >> 32 & 1023));
      break;
   case 2:
      cg_store32(&sp->fault_overflow, nasty(h, 1));
      break;
   case 3:
      cg_store32(&sp->mmu_cons, cg_load32(&sp->mmu_cons) - (r >> 32 & 0xffff));
      break;
   case 4:
      cg_store32(&sp->mmu_cons, cg_load32(&sp->mmu_prod) + 0x10000 + (r >> 32 & 0xffff));
      break;
   case 5:
      cg_store32(&sp->mmu_idle, nasty(h, 1));
      break;
   case 6:
      cg_store32(&sp->fault_cons, nasty(h, cg_load32(&sp->fault_cons)));
      break;
   default:
      cg_store32(&sp->pad0[r >> 32 & 7], r >> 40);
      break;
   }
}

static void
lie_in_events(struct cg_device *dev, struct colibri_status_page *sp)
{
   struct cg_hostile *h = &dev->hostile;
   uint64_t r = draw(h), errors = draw(h);

   /* Bit 0, the migration engine's, ends everything: seldom. */
   if (r >> 8 & 63)
      errors &= ~1ull;
   if (r & 1)
      __atomic_fetch_or(&sp->queue_error, errors, __ATOMIC_RELEASE);
   if (r & 2)
      __atomic_fetch_or(&sp->queue_event, draw(h), __ATOMIC_RELEASE);
   if (r & 4)
      __atomic_fetch_or(&sp->context_event[r >> 16 & 7], draw(h), __ATOMIC_RELEASE);
   cg_irq_raise(dev, r & 1 ? COLIBRI_VEC_ERROR : COLIBRI_VEC_SCHED);
}

static void
act(struct cg_device *dev)
{
   struct cg_hostile *h = &dev->hostile;

   cg_engine_enter(&h->engine);
   struct colibri_status_page *sp = cg_status_page(dev);

   if (sp && tells(h, CG_LIE_FAULTS))
      invent_fault(dev);
   if (sp && lies_about(h, CG_LIE_FLOOD))
      flood(dev);
   if (sp && tells(h, CG_LIE_RINGS))
      lie_in_rings(dev, sp);
   if (sp && tells(h, CG_LIE_EVENTS))
      lie_in_events(dev, sp);
   if (tells(h, CG_LIE_INTERRUPTS))
      cg_irq_raise(dev, draw(h) % COLIBRI_NUM_VECS);
   cg_engine_exit(&h->engine);
}

static void
pause_thread(struct cg_hostile *h)
{
   struct timespec pause = {.tv_nsec = draw(h) % MAX_PAUSE_NS >> (draw(h) & 7)};

   nanosleep(&pause, NULL);
}

static void *
hostile_main(void *arg)
{
   struct cg_device *dev = arg;
   struct cg_hostile *h = &dev->hostile;

   cg_engine_thread(&h->engine, "hostile", false);
   while (!atomic_load(&h->exiting)) {
      unsigned prepared = cg_doze_prepare(&h->doze);

      while (!atomic_load(&h->exiting) && atomic_load(&h->kinds) & ACTS) {
         act(dev);
         pause_thread(h);
      }
      if (!atomic_load(&h->exiting))
         cg_doze_sleep(&h->doze, prepared);
   }
   return NULL;
}

/* ---- Control ---------------------------------------------------------------------*/

/* All of @kinds together would end everything at once: the seed takes some of them. */
static uint32_t
choose(struct cg_hostile *h, uint32_t kinds)
{
   uint32_t some = 0;

   while (kinds && !some)
      some = kinds & draw(h) & draw(h);
   return some;
}

void
cg_device_set_hostile(struct cg_device *dev, uint32_t seed, uint32_t kinds)
{
   struct cg_hostile *h = &dev->hostile;

   if (!dev->config.hostile)
      return;
   atomic_store(&h->kinds, 0);
   atomic_store(&h->random, seed * 0x2545f4914f6cdd1dull);
   for (unsigned i = 0; i < CG_NUM_LIES; i++)
      atomic_store(&h->odds[i], MIN_ODDS + draw(h) % (MAX_ODDS - MIN_ODDS + 1));
   for (unsigned i = 0; i < CG_NUM_ANSWERS; i++)
      atomic_store(&h->patience[i], draw(h) >> (44 + draw(h) % 20));
   kinds = choose(h, kinds & ((1u << CG_NUM_LIES) - 1));
   atomic_store(&h->kinds, kinds);
   cg_log(dev, "hostile: seed %u, kinds %#x", seed, kinds);
   cg_doze_kick(&h->doze);
}

int
cg_hostile_start(struct cg_device *dev)
{
   struct cg_hostile *h = &dev->hostile;

   cg_engine_init(&h->engine, NULL);
   if (!dev->config.hostile)
      return 0;
   cg_device_set_hostile(dev, dev->config.hostile_seed, dev->config.hostile_kinds);
   return pthread_create(&h->thread, NULL, hostile_main, dev);
}

void
cg_hostile_stop(struct cg_device *dev)
{
   struct cg_hostile *h = &dev->hostile;

   if (dev->config.hostile) {
      atomic_store(&h->exiting, true);
      cg_doze_kick(&h->doze);
      pthread_join(h->thread, NULL);
   }
   cg_engine_fini(&h->engine);
}
