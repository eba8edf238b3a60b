/* SPDX-License-Identifier: MIT */
/*
 * What each vfio-user request does.  A request is refused as a whole, before
 * it changes anything, when any of its sizes, offsets, flags or indices is
 * out of its range.
 */
#include <errno.h>
#include <linux/pci_regs.h>
#include <stdio.h>
#include <string.h>

#include "server.h"

#define VERSION_MAJOR 0
#define VERSION_MINOR 1

/* Copies the fixed part of a request; false when it is not all there. */
static bool
get(const struct vfu_request *req, void *out, size_t size)
{
   if (req->size < size)
      return false;
   memcpy(out, req->payload, size);
   return true;
}

static int
put(struct vfu_reply *reply, const void *data, size_t size)
{
   memcpy(reply->payload, data, size);
   reply->size = size;
   return 0;
}

/* ---- Setting up ----------------------------------------------------------------------*/

/* Does the client's JSON say that it supports REGION_WRITE_MULTI? */
static bool
proposes_write_multiple(const struct vfu_request *req)
{
   static const char key[] = "\"write_multiple\"";
   char json[1024];
   size_t n = req->size - sizeof(struct vfu_version);

   if (n >= sizeof(json))
      n = sizeof(json) - 1;
   memcpy(json, req->payload + sizeof(struct vfu_version), n);
   json[n] = '\0';

   const char *p = strstr(json, key);

   if (!p)
      return false;
   p += strlen(key);
   p += strspn(p, " \t\r\n:");
   return strncmp(p, "true", 4) == 0;
}

static int
handle_version(struct vfu_server *s, struct vfu_request *req, struct vfu_reply *reply)
{
   struct vfu_version v;

   if (!get(req, &v, sizeof(v)) || s->greeted)
      return EINVAL;
   if (v.major != VERSION_MAJOR)
      return ENOTSUP;
   if (v.minor > VERSION_MINOR)
      v.minor = VERSION_MINOR;

   char *json = (char *)reply->payload + sizeof(v);
   int n = sprintf(json, "{\"capabilities\":{\"max_msg_fds\":%u,\"max_data_xfer_size\":%u%s}}",
                   VFU_MAX_FDS, VFU_MAX_XFER,
                   proposes_write_multiple(req) ? ",\"write_multiple\":true" : "");

   memcpy(reply->payload, &v, sizeof(v));
   reply->size = sizeof(v) + n + 1;
   s->greeted = true;
   return 0;
}

static int
handle_device_info(struct vfu_request *req, struct vfu_reply *reply)
{
   struct vfu_device_info info;

   if (!get(req, &info, sizeof(info)) || info.argsz < sizeof(info))
      return EINVAL;
   info = (struct vfu_device_info){
      .argsz = sizeof(info),
      .flags = VFU_DEVICE_FLAG_RESET | VFU_DEVICE_FLAG_PCI,
      .num_regions = VFU_NUM_REGIONS,
      .num_irqs = VFU_NUM_IRQ_TYPES,
   };
   return put(reply, &info, sizeof(info));
}

static uint64_t
region_size(const struct vfu_server *s, uint32_t index)
{
   switch (index) {
   case COLIBRI_BAR_REGS:
      return COLIBRI_BAR_REGS_SIZE;
   case COLIBRI_BAR_VRAM:
      return cg_device_config(s->dev)->vram_size;
   case COLIBRI_BAR_MSIX:
      return MSIX_BAR_SIZE;
   case VFU_REGION_CONFIG:
      return PCI_CONFIG_SIZE;
   default:
      return 0;
   }
}

static int
handle_region_info(struct vfu_server *s, struct vfu_request *req, struct vfu_reply *reply)
{
   struct vfu_region_info info;

   if (!get(req, &info, sizeof(info)) || info.argsz < sizeof(info) ||
       info.index >= VFU_NUM_REGIONS)
      return EINVAL;

   uint64_t size = region_size(s, info.index);

   info = (struct vfu_region_info){
      .argsz = sizeof(info),
      .flags = size ? VFU_REGION_FLAG_READ | VFU_REGION_FLAG_WRITE : 0,
      .index = info.index,
      .size = size,
   };
   if (info.index == COLIBRI_BAR_VRAM) {
      info.flags |= VFU_REGION_FLAG_MMAP;
      reply->fd = cg_device_vram_fd(s->dev);
   }
   return put(reply, &info, sizeof(info));
}

static uint32_t
irq_count(uint32_t index)
{
   return index == VFU_IRQ_MSIX ? COLIBRI_NUM_VECS : 0;
}

static int
handle_irq_info(struct vfu_request *req, struct vfu_reply *reply)
{
   struct vfu_irq_info info;

   if (!get(req, &info, sizeof(info)) || info.argsz < sizeof(info) ||
       info.index >= VFU_NUM_IRQ_TYPES)
      return EINVAL;
   info.argsz = sizeof(info);
   info.count = irq_count(info.index);
   info.flags = info.count ? VFU_IRQ_FLAG_EVENTFD : 0;
   return put(reply, &info, sizeof(info));
}

/* ---- DMA -----------------------------------------------------------------------------*/

static int
find_opaque(const struct vfu_server *s, uint64_t base, uint64_t size)
{
   for (unsigned i = 0; i < s->num_opaque; i++) {
      if (s->opaque[i].base == base && s->opaque[i].size == size)
         return i;
   }
   return -1;
}

/* Behind an IOMMU, QEMU takes back what is in a range, not what it has mapped one by one. */
static void
forget_opaque(struct vfu_server *s, uint64_t base, uint64_t size)
{
   for (unsigned i = 0; i < s->num_opaque;) {
      if (s->opaque[i].base >= base && s->opaque[i].size <= size &&
          s->opaque[i].base - base <= size - s->opaque[i].size)
         s->opaque[i] = s->opaque[--s->num_opaque];
      else
         i++;
   }
}

static int
handle_dma_map(struct vfu_server *s, struct vfu_request *req)
{
   struct vfu_dma_map m;

   if (!get(req, &m, sizeof(m)) || m.argsz < sizeof(m) || !(m.flags & VFU_DMA_READABLE) ||
       (m.flags & ~(VFU_DMA_READABLE | VFU_DMA_WRITEABLE)) || req->num_fds > 1)
      return EINVAL;
   if (req->num_fds)
      return -cg_device_dma_map(s->dev, m.address, m.size, req->fds[0], m.offset,
                                m.flags & VFU_DMA_WRITEABLE);

   /* Memory that only messages could reach (ROMs, other devices' BARs): this device does without. */
   if (s->num_opaque == VFU_MAX_OPAQUE)
      return ENOSPC;
   if (find_opaque(s, m.address, m.size) >= 0)
      return EEXIST;
   s->opaque[s->num_opaque].base = m.address;
   s->opaque[s->num_opaque++].size = m.size;
   return 0;
}

static int
handle_dma_unmap(struct vfu_server *s, struct vfu_request *req, struct vfu_reply *reply)
{
   struct vfu_dma_unmap u;
   int ret = 0;

   if (!get(req, &u, sizeof(u)) || (u.flags & ~VFU_DMA_UNMAP_ALL))
      return EINVAL;
   if (u.flags & VFU_DMA_UNMAP_ALL) {
      if (u.address || u.size)
         return EINVAL;
      cg_device_dma_unmap_all(s->dev);
      s->num_opaque = 0;
   } else {
      /* What is opaque may have any size. */
      if (find_opaque(s, u.address, u.size) < 0)
         ret = -cg_device_dma_unmap(s->dev, u.address, u.size);
      if (!ret)
         forget_opaque(s, u.address, u.size);
   }
   return ret ? ret : put(reply, &u, sizeof(u));
}

/* ---- Interrupts ----------------------------------------------------------------------*/

static bool
irq_set_ok(const struct vfu_irq_set *set, const struct vfu_request *req)
{
   uint32_t data = set->flags & VFU_IRQ_DATA_MASK, action = set->flags & VFU_IRQ_ACTIONS;

   if (set->argsz < sizeof(*set) || set->index >= VFU_NUM_IRQ_TYPES ||
       (set->flags & ~(VFU_IRQ_DATA_MASK | VFU_IRQ_ACTIONS)))
      return false;
   if (!data || (data & (data - 1)) || !action || (action & (action - 1)))
      return false;
   if (set->start > irq_count(set->index) || set->count > irq_count(set->index) - set->start)
      return false;
   if (data == VFU_IRQ_DATA_BOOL && req->size < sizeof(*set) + set->count)
      return false;
   if (data == VFU_IRQ_DATA_EVENTFD)
      return action == VFU_IRQ_ACTION_TRIGGER && set->count &&
             (req->num_fds == 0 || req->num_fds == set->count);
   return set->count || (data == VFU_IRQ_DATA_NONE && action == VFU_IRQ_ACTION_TRIGGER);
}

static void
set_eventfds(struct vfu_server *s, const struct vfu_irq_set *set, struct vfu_request *req)
{
   for (uint32_t i = 0; i < set->count; i++) {
      int fd = -1;

      if (req->num_fds) {
         fd = req->fds[i];
         req->fds[i] = -1;
      }
      cg_device_set_irq(s->dev, set->start + i, fd);
   }
}

static void
act(struct vfu_server *s, uint32_t action, uint32_t vec)
{
   if (action == VFU_IRQ_ACTION_TRIGGER)
      cg_device_trigger_irq(s->dev, vec);
   else
      cg_device_mask_irq(s->dev, vec, action == VFU_IRQ_ACTION_MASK);
}

static int
handle_set_irqs(struct vfu_server *s, struct vfu_request *req)
{
   struct vfu_irq_set set;

   if (!get(req, &set, sizeof(set)) || !irq_set_ok(&set, req))
      return EINVAL;

   uint32_t action = set.flags & VFU_IRQ_ACTIONS;
   const uint8_t *bools = set.flags & VFU_IRQ_DATA_BOOL ? req->payload + sizeof(set) : NULL;

   if (set.flags & VFU_IRQ_DATA_EVENTFD) {
      set_eventfds(s, &set, req);
   } else if (!set.count) {
      /* No data, no vectors: all interrupts of the type off. */
      for (uint32_t i = 0; i < irq_count(set.index); i++)
         cg_device_set_irq(s->dev, i, -1);
   } else {
      for (uint32_t i = 0; i < set.count; i++) {
         if (!bools || bools[i])
            act(s, action, set.start + i);
      }
   }
   return 0;
}

/* ---- Regions ---------------------------------------------------------------------------*/

static bool
region_range_ok(const struct vfu_server *s, uint32_t region, uint64_t offset, uint32_t count)
{
   uint64_t size = region < VFU_NUM_REGIONS ? region_size(s, region) : 0;

   return offset <= size && count <= size - offset;
}

/* Registers have 4 and 8 bytes; what is neither is taken 4 bytes at a time. */
static unsigned
reg_step(uint32_t count)
{
   return count == 8 ? 8 : 4;
}

static void
regs_read(struct vfu_server *s, uint64_t offset, uint32_t count, uint8_t *data)
{
   unsigned step = reg_step(count);

   memset(data, 0, count);
   for (uint32_t i = 0; i + step <= count; i += step) {
      uint64_t v = cg_device_reg_read(s->dev, offset + i, step);

      memcpy(data + i, &v, step);
   }
}

static void
regs_write(struct vfu_server *s, uint64_t offset, uint32_t count, const uint8_t *data)
{
   unsigned step = reg_step(count);

   for (uint32_t i = 0; i + step <= count; i += step) {
      uint64_t v = 0;

      memcpy(&v, data + i, step);
      cg_device_reg_write(s->dev, offset + i, step, v);
   }
}

static void
msix_read(struct vfu_server *s, uint64_t offset, uint32_t count, uint8_t *data)
{
   uint8_t bar[MSIX_BAR_SIZE] = {0};
   uint64_t pending = cg_device_irq_pending(s->dev);

   memcpy(bar, s->msix_table, sizeof(s->msix_table));
   memcpy(bar + MSIX_PBA_AT, &pending, sizeof(pending));
   memcpy(data, bar + offset, count);
}

static void
msix_write(struct vfu_server *s, uint64_t offset, uint32_t count, const uint8_t *data)
{
   for (uint32_t i = 0; i < count && offset + i < sizeof(s->msix_table); i++)
      s->msix_table[offset + i] = data[i];
}

static void
config_write(struct vfu_server *s, uint64_t offset, uint32_t count, const uint8_t *data)
{
   pci_config_write(&s->config, offset, count, data);
   if (offset <= PCI_COMMAND && offset + count > PCI_COMMAND)
      cg_device_set_bus_master(s->dev, s->config.data[PCI_COMMAND] & PCI_COMMAND_MASTER);
   /* The second word takes effect. */
   if (offset <= PCI_HOSTILE_KINDS && offset + count > PCI_HOSTILE_KINDS)
      cg_device_set_hostile(s->dev, pci_config_get32(&s->config, PCI_HOSTILE_SEED),
                            pci_config_get32(&s->config, PCI_HOSTILE_KINDS));
}

static void
region_write(struct vfu_server *s, uint32_t region, uint64_t offset, uint32_t count,
             const uint8_t *data)
{
   switch (region) {
   case COLIBRI_BAR_REGS:
      regs_write(s, offset, count, data);
      break;
   case COLIBRI_BAR_VRAM:
      memcpy(cg_device_vram(s->dev) + offset, data, count);
      break;
   case COLIBRI_BAR_MSIX:
      msix_write(s, offset, count, data);
      break;
   case VFU_REGION_CONFIG:
      config_write(s, offset, count, data);
      break;
   }
}

static int
handle_region_read(struct vfu_server *s, struct vfu_request *req, struct vfu_reply *reply)
{
   struct vfu_region_access a;
   uint8_t *data = reply->payload + sizeof(a);

   if (!get(req, &a, sizeof(a)) || a.count > VFU_MAX_XFER ||
       !region_range_ok(s, a.region, a.offset, a.count))
      return EINVAL;

   switch (a.region) {
   case COLIBRI_BAR_REGS:
      regs_read(s, a.offset, a.count, data);
      break;
   case COLIBRI_BAR_VRAM:
      memcpy(data, cg_device_vram(s->dev) + a.offset, a.count);
      break;
   case COLIBRI_BAR_MSIX:
      msix_read(s, a.offset, a.count, data);
      break;
   case VFU_REGION_CONFIG:
      pci_config_read(&s->config, a.offset, a.count, data);
      break;
   }
   memcpy(reply->payload, &a, sizeof(a));
   reply->size = sizeof(a) + a.count;
   return 0;
}

static int
handle_region_write(struct vfu_server *s, struct vfu_request *req, struct vfu_reply *reply)
{
   struct vfu_region_access a;

   if (!get(req, &a, sizeof(a)) || a.count > VFU_MAX_XFER || req->size - sizeof(a) < a.count ||
       !region_range_ok(s, a.region, a.offset, a.count))
      return EINVAL;
   region_write(s, a.region, a.offset, a.count, req->payload + sizeof(a));
   return put(reply, &a, sizeof(a));
}

static int
handle_write_multi(struct vfu_server *s, struct vfu_request *req, struct vfu_reply *reply)
{
   struct vfu_multi_write w;
   uint64_t count;

   if (!get(req, &count, sizeof(count)) || count > VFU_MAX_MULTI ||
       req->size - sizeof(count) < count * sizeof(w))
      return EINVAL;
   for (unsigned pass = 0; pass < 2; pass++) {
      for (uint64_t i = 0; i < count; i++) {
         memcpy(&w, req->payload + sizeof(count) + i * sizeof(w), sizeof(w));
         if (pass)
            region_write(s, w.region, w.offset, w.count, w.data);
         else if (w.count > sizeof(w.data) || !region_range_ok(s, w.region, w.offset, w.count))
            return EINVAL;
      }
   }
   return put(reply, &count, sizeof(count));
}

/* ---- All of them -------------------------------------------------------------------------*/

static void
reset_config(struct vfu_server *s)
{
   const struct cg_device_config *config = cg_device_config(s->dev);

   pci_config_reset(&s->config, config->vram_size);
   if (config->hostile)
      pci_config_add_hostile(&s->config);
   cg_device_set_bus_master(s->dev, false);
}

static int
handle_reset(struct vfu_server *s)
{
   /* It cannot be told from a loss of power: after S3 QEMU resets its devices, and that is all. */
   cg_device_power_cycle(s->dev);
   reset_config(s);
   memset(s->msix_table, 0, sizeof(s->msix_table));
   return 0;
}

int
vfu_handle(struct vfu_server *s, struct vfu_request *req, struct vfu_reply *reply)
{
   reply->size = 0;
   reply->fd = -1;
   if (!s->greeted && req->header.command != VFU_VERSION)
      return EINVAL;

   switch (req->header.command) {
   case VFU_VERSION:
      return handle_version(s, req, reply);
   case VFU_DMA_MAP:
      return handle_dma_map(s, req);
   case VFU_DMA_UNMAP:
      return handle_dma_unmap(s, req, reply);
   case VFU_DEVICE_GET_INFO:
      return handle_device_info(req, reply);
   case VFU_DEVICE_GET_REGION_INFO:
      return handle_region_info(s, req, reply);
   case VFU_DEVICE_GET_IRQ_INFO:
      return handle_irq_info(req, reply);
   case VFU_DEVICE_SET_IRQS:
      return handle_set_irqs(s, req);
   case VFU_REGION_READ:
      return handle_region_read(s, req, reply);
   case VFU_REGION_WRITE:
      return handle_region_write(s, req, reply);
   case VFU_DEVICE_RESET:
      return handle_reset(s);
   case VFU_REGION_WRITE_MULTI:
      return handle_write_multi(s, req, reply);
   default:
      return ENOTSUP;
   }
}

void
vfu_server_init(struct vfu_server *s, struct cg_device *dev)
{
   memset(s, 0, sizeof(*s));
   s->dev = dev;
   reset_config(s);
}
