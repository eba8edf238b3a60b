/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Included before the kernel's HMM test device is compiled: what it costs when
 * something else copies, as a device's engine does. Its data is then wrong,
 * its page tables are right.
 */
#include <linux/highmem.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/vmalloc.h>

#define copy_highpage(to, from)			((void)(to), (void)(from))
#define clear_highpage(page)			((void)(page))
#define folio_copy(to, from)			((void)(to), (void)(from))
#define memcpy_from_page(to, page, off, len)	((void)(to), (void)(page))
#define memcpy_to_page(page, off, from, len)	((void)(page), (void)(from))

/* The bounce buffer that nobody writes to, and what returns it to the program. */
#define vmalloc(size)				((void)(size), kmalloc(PAGE_SIZE, GFP_KERNEL))
#define vfree(ptr)				kfree(ptr)
#define copy_to_user(to, from, len)		\
	((len) >= PAGE_SIZE ? ((void)(to), (void)(from), 0UL) : (copy_to_user)(to, from, len))
