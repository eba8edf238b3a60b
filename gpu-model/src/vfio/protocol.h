/* SPDX-License-Identifier: MIT */
/*
 * Messages of the vfio-user protocol, version 0.1, as far as a PCI device
 * without migration needs them.  The protocol is described in QEMU's
 * docs/interop/vfio-user.rst; everything is in the host's byte order.
 */
#ifndef CG_VFIO_PROTOCOL_H
#define CG_VFIO_PROTOCOL_H

#include <stdint.h>

enum vfu_command {
   VFU_VERSION = 1,
   VFU_DMA_MAP = 2,
   VFU_DMA_UNMAP = 3,
   VFU_DEVICE_GET_INFO = 4,
   VFU_DEVICE_GET_REGION_INFO = 5,
   VFU_DEVICE_GET_IRQ_INFO = 7,
   VFU_DEVICE_SET_IRQS = 8,
   VFU_REGION_READ = 9,
   VFU_REGION_WRITE = 10,
   VFU_DEVICE_RESET = 13,
   VFU_REGION_WRITE_MULTI = 15,
};

#define VFU_TYPE_MASK 0xf
#define VFU_REPLY 0x1
#define VFU_NO_REPLY 0x10
#define VFU_ERROR 0x20

struct vfu_header {
   uint16_t id, command;
   uint32_t size;  /* with this header */
   uint32_t flags;
   uint32_t error;
};

struct vfu_version {
   uint16_t major, minor;
   /* followed by NUL-terminated JSON */
};

#define VFU_DMA_READABLE 1
#define VFU_DMA_WRITEABLE 2

struct vfu_dma_map {
   uint32_t argsz, flags;
   uint64_t offset, address, size;
};

#define VFU_DMA_UNMAP_ALL 2

struct vfu_dma_unmap {
   uint32_t argsz, flags;
   uint64_t address, size;
};

#define VFU_DEVICE_FLAG_RESET 1
#define VFU_DEVICE_FLAG_PCI 2

struct vfu_device_info {
   uint32_t argsz, flags, num_regions, num_irqs;
};

/* BAR n is region n. */
#define VFU_REGION_CONFIG 7
#define VFU_NUM_REGIONS 9

#define VFU_REGION_FLAG_READ 1
#define VFU_REGION_FLAG_WRITE 2
#define VFU_REGION_FLAG_MMAP 4

struct vfu_region_info {
   uint32_t argsz, flags, index, cap_offset;
   uint64_t size, offset;
};

#define VFU_IRQ_MSIX 2
#define VFU_NUM_IRQ_TYPES 5
#define VFU_IRQ_FLAG_EVENTFD 1

struct vfu_irq_info {
   uint32_t argsz, flags, index, count;
};

#define VFU_IRQ_DATA_NONE 0x01
#define VFU_IRQ_DATA_BOOL 0x02
#define VFU_IRQ_DATA_EVENTFD 0x04
#define VFU_IRQ_DATA_MASK 0x07
#define VFU_IRQ_ACTION_MASK 0x08
#define VFU_IRQ_ACTION_UNMASK 0x10
#define VFU_IRQ_ACTION_TRIGGER 0x20
#define VFU_IRQ_ACTIONS 0x38

struct vfu_irq_set {
   uint32_t argsz, flags, index, start, count;
   /* DATA_BOOL: count bytes */
};

struct vfu_region_access {
   uint64_t offset;
   uint32_t region, count;
   /* the data */
};

struct vfu_multi_write {
   uint64_t offset;
   uint32_t region, count;
   uint8_t data[8];
};

#define VFU_MAX_XFER (1u << 20)
#define VFU_MAX_FDS 8
#define VFU_MAX_MULTI 200

#endif /* CG_VFIO_PROTOCOL_H */
