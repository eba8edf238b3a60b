/* SPDX-License-Identifier: MIT */
/*
 * Replayable faults.
 *
 * A struct cg_fault stands for one page of one address space that somebody
 * waits for.  It lives from the first waiter until the driver's answer, or
 * until its last waiter is dropped.  Further waiters join it silently; one
 * that needs a stronger access has the page reported again.
 *
 * A waiter that found a page missing may come here after the driver mapped
 * it and answered.  So each page is walked once more under the lock: either
 * the mapping is seen now, or the record exists before the driver's answer is
 * looked up (the driver writes the entry first and answers then).
 */
#include <stdlib.h>

#include "internal.h"

struct cg_fault {
   struct cg_list bucket, all;
   struct cg_list unposted;  /* on it while the ring has no place for the record */
   struct cg_list waiters;
   uint32_t asid;
   uint64_t page;
   uint8_t needs;            /* CG_PERM_*: reported, or about to be */
   struct colibri_fault record;
};

static uint8_t
access_needs(uint8_t access)
{
   switch (access) {
   case COLIBRI_ACCESS_READ:
      return CG_PERM_R;
   case COLIBRI_ACCESS_WRITE:
      return CG_PERM_R | CG_PERM_W;
   case COLIBRI_ACCESS_EXEC:
      return CG_PERM_X;
   default:
      return CG_PERM_R | CG_PERM_W | CG_PERM_A;
   }
}

static struct cg_list *
bucket_of(struct cg_faults *f, uint32_t asid, uint64_t page)
{
   uint64_t h = (page + asid * 0x9e3779b9ull) * 0x9e3779b97f4a7c15ull;

   return &f->buckets[h >> 54];
}

static struct cg_fault *
find_fault(struct cg_faults *f, uint32_t asid, uint64_t page)
{
   struct cg_list *head = bucket_of(f, asid, page);

   cg_list_for_each(pos, head) {
      struct cg_fault *fault = cg_container(pos, struct cg_fault, bucket);

      if (fault->page == page && fault->asid == asid)
         return fault;
   }
   return NULL;
}

static struct cg_fault *
new_fault(struct cg_faults *f, uint32_t asid, uint64_t page)
{
   struct cg_fault *fault = calloc(1, sizeof(*fault));

   if (!fault)
      abort();
   fault->asid = asid;
   fault->page = page;
   cg_list_init(&fault->waiters);
   cg_list_init(&fault->unposted);
   cg_list_add_tail(&fault->bucket, bucket_of(f, asid, page));
   cg_list_add_tail(&fault->all, &f->all);
   f->count++;
   return fault;
}

static void
delete_fault(struct cg_faults *f, struct cg_fault *fault)
{
   cg_list_del(&fault->bucket);
   cg_list_del(&fault->all);
   cg_list_del(&fault->unposted);
   f->count--;
   free(fault);
}

/* Has the ring room for one more record?  When not, tells the driver so, and looks again. */
static bool
ring_has_room(struct cg_faults *f, struct colibri_status_page *sp)
{
   uint32_t size = 1u << f->ring_log2;

   if (f->prod - cg_load32(&sp->fault_cons) < size)
      return true;
   cg_store32(&sp->fault_overflow, 1);
   atomic_thread_fence(memory_order_seq_cst);
   return f->prod - cg_load32(&sp->fault_cons) < size;
}

/* The ring, or NULL when there is none. */
static struct colibri_status_page *
usable_ring(struct cg_device *dev)
{
   struct cg_faults *f = &dev->faults;

   if (!f->ring || !f->ring_log2 || f->ring_log2 > 16 || cg_hangs(dev, COLIBRI_ENGINE_FAULT))
      return NULL;
   return cg_status_page(dev);
}

/* @return false when the ring is not in guest memory */
static bool
post(struct cg_device *dev, struct colibri_status_page *sp, const struct colibri_fault *record)
{
   struct cg_faults *f = &dev->faults;
   uint32_t slot = f->prod & ((1u << f->ring_log2) - 1);
   uint8_t *rec = cg_sys_ptr(dev, f->ring + slot * sizeof(*record), sizeof(*record), true);

   if (!rec)
      return false;
   *(struct colibri_fault *)rec = *record;
   cg_store32(&sp->fault_prod, ++f->prod);
   return true;
}

/* Records were posted.  While the driver has not got to what the last interrupt told it, it will look by itself. */
static void
notify(struct cg_device *dev, struct colibri_status_page *sp)
{
   struct cg_faults *f = &dev->faults;

   atomic_thread_fence(memory_order_seq_cst);
   if ((int32_t)(cg_load32(&sp->fault_cons) - f->raised) >= 0) {
      f->raised = f->prod;
      cg_irq_raise(dev, COLIBRI_VEC_FAULT);
   }
}

void
cg_fault_flush(struct cg_device *dev)
{
   struct cg_faults *f = &dev->faults;
   struct colibri_status_page *sp = usable_ring(dev);
   uint32_t before = f->prod;

   if (!sp)
      return;

   while (!cg_list_empty(&f->unposted) && ring_has_room(f, sp)) {
      struct cg_fault *fault = cg_container(f->unposted.next, struct cg_fault, unposted);

      struct colibri_fault told = fault->record;
      bool again = cg_hostile_record(dev, &told);

      if (!post(dev, sp, &told))
         break;
      if (!again)
         cg_list_del(&fault->unposted);
   }
   if (cg_list_empty(&f->unposted))
      cg_store32(&sp->fault_overflow, 0);
   if (f->prod != before)
      notify(dev, sp);
}

void
cg_fault_post(struct cg_device *dev, const struct colibri_fault *record)
{
   struct cg_faults *f = &dev->faults;
   struct colibri_status_page *sp = usable_ring(dev);

   /* Half of the ring is for those that wait for an answer. */
   if (sp && cg_list_empty(&f->unposted) &&
       f->prod - cg_load32(&sp->fault_cons) < 1u << (f->ring_log2 - 1) && post(dev, sp, record))
      notify(dev, sp);
}

void
cg_fault_hot(void *priv, uint32_t asid, uint64_t va)
{
   struct cg_device *dev = priv;
   struct colibri_fault record = {
      .addr = va,
      .asid = asid,
      .access = COLIBRI_ACCESS_HOT,
      .client = COLIBRI_CLIENT_WAVE,
      .timestamp = cg_now(),
   };

   pthread_mutex_lock(&dev->lock);
   cg_fault_post(dev, &record);
   pthread_mutex_unlock(&dev->lock);
}

/* Makes the page's record current and queues it when the driver must hear of this access. */
static void
report(struct cg_faults *f, struct cg_fault *fault, const struct cg_waiter *w,
       const struct cg_page_fault *pf, uint8_t client)
{
   uint8_t needs = access_needs(pf->access);

   if (!(needs & ~fault->needs))
      return;
   fault->needs |= needs;
   fault->record = (struct colibri_fault){
      .addr = pf->addr,
      .asid = fault->asid,
      .queue = w->queue->id,
      .access = pf->access,
      .client = client,
      .pc = w->pc,
      .wave = w->wave_in_wg,
      .wg = w->wg,
      .timestamp = cg_now(),
      .context = w->queue->context,
   };
   if (cg_list_empty(&fault->unposted))
      cg_list_add_tail(&fault->unposted, &f->unposted);
}

bool
cg_fault_park(struct cg_device *dev, struct cg_waiter *w, const struct cg_page_fault *faults,
              unsigned count, uint8_t client)
{
   struct cg_faults *f = &dev->faults;
   uint32_t asid = w->queue->asid;
   struct cg_xlate x;

   w->pending = w->num_links = 0;
   for (unsigned i = 0; i < count && i < CG_MAX_FAULTS; i++) {
      uint64_t page = faults[i].addr / CG_PAGE_SIZE;

      if (cg_mmu_walk(dev, asid, faults[i].addr, faults[i].access, &x) != CG_XLATE_FAULT)
         continue;

      struct cg_fault *fault = find_fault(f, asid, page);
      struct cg_fault_link *l = &w->links[w->num_links++];

      if (!fault)
         fault = new_fault(f, asid, page);
      l->waiter = w;
      l->fault = fault;
      cg_list_add_tail(&l->link, &fault->waiters);
      w->pending++;
      report(f, fault, w, &faults[i], client);
   }
   cg_fault_flush(dev);
   return w->pending;
}

void
cg_fault_cancel(struct cg_device *dev, struct cg_waiter *w)
{
   for (unsigned i = 0; i < w->num_links; i++) {
      struct cg_fault_link *l = &w->links[i];

      if (!l->fault)
         continue;
      cg_list_del(&l->link);
      /* A record without waiters would only hide the page from the next one. */
      if (cg_list_empty(&l->fault->waiters))
         delete_fault(&dev->faults, l->fault);
      l->fault = NULL;
   }
   w->num_links = w->pending = 0;
}

static void
wake_waiter(struct cg_waiter *w)
{
   w->num_links = 0;
   if (w->wave)
      cg_sched_wave_ready(w->wave);
   else
      cg_sched_cp_ready(w->queue);
   if (w->queue->detached)
      cg_context_event(w->queue);
}

static void
answer_fault(struct cg_device *dev, struct cg_fault *fault, bool fail)
{
   struct cg_list *pos;

   while ((pos = cg_list_pop(&fault->waiters))) {
      struct cg_fault_link *l = cg_container(pos, struct cg_fault_link, link);
      struct cg_waiter *w = l->waiter;

      l->fault = NULL;
      if (fail)
         cg_queue_error_locked(w->queue, COLIBRI_QERR_FAULT, fault->record.addr, w->pc,
                               (uint64_t)w->wg << 32 | w->wave_in_wg);
      if (--w->pending == 0)
         wake_waiter(w);
   }
   delete_fault(&dev->faults, fault);
}

void
cg_fault_answer(struct cg_device *dev, uint32_t asid, uint64_t va, uint64_t size, bool fail)
{
   struct cg_faults *f = &dev->faults;
   uint64_t first = va / CG_PAGE_SIZE, pages = size / CG_PAGE_SIZE;

   if (pages <= f->count) {
      for (uint64_t page = first; page < first + pages; page++) {
         struct cg_fault *fault = find_fault(f, asid, page);

         if (fault)
            answer_fault(dev, fault, fail);
      }
   } else {
      cg_list_for_each_safe(pos, &f->all) {
         struct cg_fault *fault = cg_container(pos, struct cg_fault, all);

         if (fault->asid == asid && fault->page - first < pages)
            answer_fault(dev, fault, fail);
      }
   }
   cg_fault_flush(dev);
}

void
cg_faults_init(struct cg_device *dev)
{
   struct cg_faults *f = &dev->faults;

   for (unsigned i = 0; i < CG_FAULT_BUCKETS; i++)
      cg_list_init(&f->buckets[i]);
   cg_list_init(&f->all);
   cg_list_init(&f->unposted);
}

void
cg_faults_reset(struct cg_device *dev)
{
   struct cg_faults *f = &dev->faults;

   f->ring = 0;
   f->ring_log2 = 0;
   f->prod = f->raised = 0;
}

unsigned
cg_faults_held(const struct cg_device *dev)
{
   unsigned held = 0;

   cg_list_for_each(pos, &dev->faults.unposted)
      held++;
   return held;
}
