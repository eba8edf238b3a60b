// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * User-mode submission: queues that a process maps.
 */

/**
 * DOC: User-mode submission
 *
 * Overview
 * --------
 *
 * A process maps control block and ring of a queue that it made with
 * DRM_COLIBRI_QUEUE_USER, and the doorbell: a page of BAR 0 which belongs to
 * the hardware queue that the queue is on.  It fills packets, moves write_index and
 * writes to the doorbell when the control block says that the device sleeps.  The
 * kernel has no part in that, and believes nothing that it finds in this memory.
 *
 * The doorbell page is mapped by the fault handler and unmapped when the queue
 * leaves the hardware.  A touch of it then faults, and that is how the kernel
 * learns that the queue has work: the fault makes it ready for the runlist.
 * Until it is on the hardware a page of plain memory takes the writes, which
 * need go nowhere, since the device looks at the ring when the queue is attached; so
 * the fault waits for nothing.  That page is unmapped once the queue is there.
 *
 * Unmapping waits for locks of the process, and for MMU notifiers, which may wait for
 * dma_fences.  The runlist may not, so a work item does it, soon after the change.  Until
 * then a bell may ring at the hardware queue of another, where a needless one does no
 * harm, or in the page of plain memory.  No bell is lost by that: when the page is
 * unmapped the work item looks at the control block.  If the device sleeps there
 * and the indices differ, it does itself what the bell would have done.  A bell that comes
 * later faults.
 *
 * What the fault handler maps may be out of date when it is there.
 * &colibri_doorbell.seq counts the changes; the handler looks at it again afterwards, and has the
 * work item run once more.  The handler is inside drm_dev_enter(), so that what it maps, and what
 * it queues, is there before the removal of the device goes on.
 *
 * Isolation
 * ---------
 *
 * Only the process that owns the VM can map, through the file that made the queue.
 * Mappings are shared, of the exact size, not executable, do not go to forked
 * children, and can be neither moved nor split.  They end when the queue does: destroyed,
 * banned, its owner dead, the device lost or gone; touching them is SIGBUS then.
 * The ring's memory stays as long as it is mapped.
 *
 * Locking
 * -------
 *
 * &colibri_device.queues.lock.  Nothing is unmapped under a lock that the runlist takes.
 */

#include <linux/mm.h>
#include <linux/slab.h>

#include "colibri_device.h"
#include "colibri_doorbell.h"
#include "colibri_file.h"
#include "colibri_gem.h"
#include "colibri_runlist_priv.h"

/* Behind everything that DRM gives out; one slot for each context. */
#define COLIBRI_MMAP_BASE	BIT_ULL(44)
#define COLIBRI_MMAP_SLOT	BIT_ULL(25)
#define COLIBRI_MMAP_DOORBELL	BIT_ULL(24)	/* in the slot */

/* ---- Taking mappings away -------------------------------------------------*/

static void colibri_doorbell_unmap(struct colibri_doorbell *db, u64 offset, u64 size)
{
	unmap_mapping_range(db->cdev->base.anon_inode->i_mapping, offset, size, 1);
}

/* Do what a doorbell that was lost would have done. */
static void colibri_doorbell_make_good(struct colibri_doorbell *db)
{
	struct colibri_queue *queue;

	spin_lock(&db->cdev->queues.lock);
	queue = db->queue;
	if (queue && !kref_get_unless_zero(&queue->refcount))
		queue = NULL;
	spin_unlock(&db->cdev->queues.lock);
	if (!queue)
		return;
	if (colibri_queue_has_more(queue))
		colibri_runlist_kick(queue, true);
	colibri_queue_put(queue);
}

static void colibri_doorbell_work(struct work_struct *work)
{
	struct colibri_doorbell *db = container_of(work, struct colibri_doorbell, work);
	bool alive;

	spin_lock(&db->cdev->queues.lock);
	alive = db->queue;
	db->mapped = false;
	spin_unlock(&db->cdev->queues.lock);

	if (alive)
		colibri_doorbell_unmap(db, colibri_doorbell_offset(db), PAGE_SIZE);
	else
		colibri_doorbell_unmap(db, db->offset, COLIBRI_MMAP_SLOT);
	colibri_doorbell_make_good(db);
	colibri_doorbell_put(db);
}

static void colibri_doorbell_queue_work(struct colibri_doorbell *db)
{
	kref_get(&db->refcount);
	if (!queue_work(db->cdev->runlist->map_wq, &db->work))
		colibri_doorbell_put(db);
}

/**
 * colibri_doorbell_update() - what is mapped is out of date
 * @db: doorbell, or NULL; its &colibri_doorbell.seq has changed
 *
 * It is taken away soon.  Context: any but interrupts; allocates nothing and waits for nothing.
 */
void colibri_doorbell_update(struct colibri_doorbell *db)
{
	bool mapped;

	if (!db)
		return;
	spin_lock(&db->cdev->queues.lock);
	mapped = db->mapped;
	spin_unlock(&db->cdev->queues.lock);
	if (mapped)
		colibri_doorbell_queue_work(db);
}

/* From now on every touch finds that the queue has ended; what is mapped is the caller's. */
static void colibri_doorbell_end(struct colibri_doorbell *db)
{
	spin_lock(&db->cdev->queues.lock);
	db->queue = NULL;
	db->seq++;
	spin_unlock(&db->cdev->queues.lock);
}

/**
 * colibri_doorbell_revoke() - the queue has ended: everything is to go, for good
 * @db: doorbell, or NULL
 *
 * It goes soon.  Context: as colibri_doorbell_update().
 */
void colibri_doorbell_revoke(struct colibri_doorbell *db)
{
	if (!db)
		return;
	colibri_doorbell_end(db);
	colibri_doorbell_queue_work(db);
}

/**
 * colibri_doorbell_revoke_sync() - the same, and it is gone at return
 * @db: doorbell, or NULL
 */
void colibri_doorbell_revoke_sync(struct colibri_doorbell *db)
{
	if (!db)
		return;
	colibri_doorbell_end(db);
	colibri_doorbell_unmap(db, db->offset, COLIBRI_MMAP_SLOT);
}

/**
 * colibri_doorbell_zap_all() - the device is lost: let every touch fault
 * @cdev: device
 */
void colibri_doorbell_zap_all(struct colibri_device *cdev)
{
	unmap_mapping_range(cdev->base.anon_inode->i_mapping, COLIBRI_MMAP_BASE,
			    COLIBRI_MAX_CONTEXTS * COLIBRI_MMAP_SLOT, 1);
}

/* ---- Life -----------------------------------------------------------------*/

/**
 * colibri_doorbell_create() - make a queue mappable
 * @queue: new queue with a context
 *
 * Return: 0 or -ENOMEM.
 */
int colibri_doorbell_create(struct colibri_queue *queue)
{
	struct colibri_doorbell *db = kzalloc_obj(*db, GFP_KERNEL_ACCOUNT);

	if (!db)
		return -ENOMEM;
	/* A page for each queue: nobody else is to see what was written. */
	db->dummy = alloc_page(GFP_KERNEL_ACCOUNT | __GFP_ZERO);
	if (!db->dummy) {
		kfree(db);
		return -ENOMEM;
	}
	kref_init(&db->refcount);
	INIT_WORK(&db->work, colibri_doorbell_work);
	db->cdev = queue->vm->cdev;
	db->queue = queue;
	db->bo = queue->bo;
	drm_gem_object_get(colibri_bo_gem(db->bo));
	db->offset = COLIBRI_MMAP_BASE + queue->context * COLIBRI_MMAP_SLOT;
	queue->doorbell = db;
	return 0;
}

static void colibri_doorbell_free(struct kref *kref)
{
	struct colibri_doorbell *db = container_of(kref, struct colibri_doorbell, refcount);

	colibri_gem_put(db->bo);
	__free_page(db->dummy);
	kfree(db);
}

/**
 * colibri_doorbell_put() - drop a reference
 * @db: doorbell, or NULL
 */
void colibri_doorbell_put(struct colibri_doorbell *db)
{
	if (db)
		kref_put(&db->refcount, colibri_doorbell_free);
}

/**
 * colibri_doorbell_ring_size() - size of the mapping of control block and ring
 * @db: doorbell
 *
 * Return: bytes.
 */
u64 colibri_doorbell_ring_size(struct colibri_doorbell *db)
{
	return colibri_bo_gem(db->bo)->size;
}

/**
 * colibri_doorbell_offset() - where to mmap() the doorbell
 * @db: doorbell
 *
 * Return: an offset into the device file.
 */
u64 colibri_doorbell_offset(struct colibri_doorbell *db)
{
	return db->offset + COLIBRI_MMAP_DOORBELL;
}

/* ---- Mapping --------------------------------------------------------------*/

/* The page that a touch of the doorbell is to find now; false: none, ever. */
static bool colibri_doorbell_target(struct colibri_doorbell *db, unsigned long *pfn, u32 *seq)
{
	struct colibri_device *cdev = db->cdev;
	u32 hwid;

	spin_lock(&cdev->queues.lock);
	if (!db->queue || colibri_is_lost(cdev)) {
		spin_unlock(&cdev->queues.lock);
		return false;
	}
	hwid = db->queue->hwid;
	if (!hwid)
		colibri_runlist_set_ready(db->queue);
	*pfn = hwid ? PHYS_PFN(pci_resource_start(cdev->pdev, COLIBRI_BAR_REGS) +
			       COLIBRI_DOORBELL(hwid)) : page_to_pfn(db->dummy);
	*seq = db->seq;
	db->mapped = true;
	spin_unlock(&cdev->queues.lock);
	return true;
}

/* Whether something else is to be mapped by now; then it is to go again. */
static bool colibri_doorbell_changed(struct colibri_doorbell *db, u32 seq)
{
	bool changed;

	spin_lock(&db->cdev->queues.lock);
	changed = db->seq != seq;
	db->mapped = true;
	spin_unlock(&db->cdev->queues.lock);
	return changed;
}

static vm_fault_t colibri_doorbell_insert(struct colibri_doorbell *db, struct vm_fault *vmf)
{
	unsigned long pfn;
	vm_fault_t ret;
	u32 seq;

	if (!colibri_doorbell_target(db, &pfn, &seq))
		return VM_FAULT_SIGBUS;
	ret = vmf_insert_pfn(vmf->vma, vmf->address, pfn);
	if (colibri_doorbell_changed(db, seq))
		colibri_doorbell_queue_work(db);
	if (colibri_is_lost(db->cdev))
		colibri_doorbell_unmap(db, colibri_doorbell_offset(db), PAGE_SIZE);
	return ret;
}

/* The removal of the device waits for faults that are under way: it takes away what they map. */
static vm_fault_t colibri_doorbell_fault(struct vm_fault *vmf)
{
	struct colibri_doorbell *db = vmf->vma->vm_private_data;
	vm_fault_t ret;
	int idx;

	if (!drm_dev_enter(&db->cdev->base, &idx))
		return VM_FAULT_SIGBUS;
	ret = colibri_doorbell_insert(db, vmf);
	drm_dev_exit(idx);
	return ret;
}

static bool colibri_doorbell_alive(struct colibri_doorbell *db)
{
	bool alive;

	spin_lock(&db->cdev->queues.lock);
	alive = db->queue && !colibri_is_lost(db->cdev);
	spin_unlock(&db->cdev->queues.lock);
	return alive;
}

static vm_fault_t colibri_ring_insert(struct colibri_doorbell *db, struct vm_fault *vmf)
{
	pgoff_t index = vmf->pgoff - (db->offset >> PAGE_SHIFT);
	vm_fault_t ret;

	if (!colibri_doorbell_alive(db))
		return VM_FAULT_SIGBUS;
	/* The buffer has its pages since it was bound for the device. */
	ret = vmf_insert_pfn(vmf->vma, vmf->address, page_to_pfn(db->bo->shmem.pages[index]));
	if (!colibri_doorbell_alive(db))
		colibri_doorbell_unmap(db, db->offset, colibri_doorbell_ring_size(db));
	return ret;
}

static vm_fault_t colibri_ring_fault(struct vm_fault *vmf)
{
	struct colibri_doorbell *db = vmf->vma->vm_private_data;
	vm_fault_t ret;
	int idx;

	if (!drm_dev_enter(&db->cdev->base, &idx))
		return VM_FAULT_SIGBUS;
	ret = colibri_ring_insert(db, vmf);
	drm_dev_exit(idx);
	return ret;
}

/* Not by fork() or a split, but mremap() copies the mapping before it asks. */
static void colibri_doorbell_vm_open(struct vm_area_struct *vma)
{
	struct colibri_doorbell *db = vma->vm_private_data;

	kref_get(&db->refcount);
}

static void colibri_doorbell_vm_close(struct vm_area_struct *vma)
{
	colibri_doorbell_put(vma->vm_private_data);
}

static int colibri_doorbell_may_split(struct vm_area_struct *vma, unsigned long addr)
{
	return -EINVAL;
}

static int colibri_doorbell_mremap(struct vm_area_struct *vma)
{
	return -EINVAL;
}

static const struct vm_operations_struct colibri_doorbell_vm_ops = {
	.fault = colibri_doorbell_fault,
	.open = colibri_doorbell_vm_open,
	.close = colibri_doorbell_vm_close,
	.may_split = colibri_doorbell_may_split,
	.mremap = colibri_doorbell_mremap,
};

static const struct vm_operations_struct colibri_ring_vm_ops = {
	.fault = colibri_ring_fault,
	.open = colibri_doorbell_vm_open,
	.close = colibri_doorbell_vm_close,
	.may_split = colibri_doorbell_may_split,
	.mremap = colibri_doorbell_mremap,
};

/* Check what is asked for against what there is. */
static int colibri_doorbell_mmap_check(struct colibri_doorbell *db, struct vm_area_struct *vma)
{
	u64 offset = (u64)vma->vm_pgoff << PAGE_SHIFT;
	u64 size = vma->vm_end - vma->vm_start;

	if (!(vma->vm_flags & VM_SHARED) || vma->vm_flags & VM_EXEC)
		return -EINVAL;
	if (offset == db->offset)
		return size == colibri_doorbell_ring_size(db) ? 0 : -EINVAL;
	if (offset != colibri_doorbell_offset(db) || size != PAGE_SIZE)
		return -EINVAL;
	return vma->vm_flags & VM_READ || !(vma->vm_flags & VM_WRITE) ? -EINVAL : 0;
}

static int colibri_doorbell_mmap(struct colibri_doorbell *db, struct vm_area_struct *vma)
{
	int ret = colibri_doorbell_mmap_check(db, vma);

	if (ret)
		return ret;
	vm_flags_set(vma, VM_IO | VM_PFNMAP | VM_DONTCOPY | VM_DONTEXPAND | VM_DONTDUMP);
	vm_flags_clear(vma, VM_MAYEXEC);
	if ((u64)vma->vm_pgoff << PAGE_SHIFT == db->offset) {
		vma->vm_ops = &colibri_ring_vm_ops;
	} else {
		vm_flags_clear(vma, VM_MAYREAD);
		vma->vm_page_prot = pgprot_noncached(vma->vm_page_prot);
		vma->vm_ops = &colibri_doorbell_vm_ops;
	}
	kref_get(&db->refcount);
	vma->vm_private_data = db;
	return 0;
}

/**
 * colibri_mmap() - &file_operations.mmap
 * @filp: device file
 * @vma: mapping to be
 *
 * Return: 0; -EINVAL: nothing there, or not of the kind or size that is; -EACCES: another process's
 * or file's; -ENODEV.
 */
int colibri_mmap(struct file *filp, struct vm_area_struct *vma)
{
	struct drm_file *file = filp->private_data;
	u64 offset = (u64)vma->vm_pgoff << PAGE_SHIFT;
	struct colibri_file *cfile = file->driver_priv;
	struct colibri_queue *queue;
	int idx, ret = -EINVAL;

	if (offset < COLIBRI_MMAP_BASE)
		return drm_gem_mmap(filp, vma);
	offset -= COLIBRI_MMAP_BASE;
	if (offset >= COLIBRI_MAX_CONTEXTS * COLIBRI_MMAP_SLOT)
		return -EINVAL;
	if (!drm_dev_enter(&cfile->cdev->base, &idx))
		return -ENODEV;

	queue = colibri_runlist_find(cfile->cdev, offset / COLIBRI_MMAP_SLOT);
	if (queue && (queue->file != cfile || !colibri_vm_owned_by_current(queue->vm)))
		ret = -EACCES;
	else if (queue && queue->doorbell)
		ret = colibri_doorbell_mmap(queue->doorbell, vma);
	if (queue)
		colibri_queue_put(queue);
	drm_dev_exit(idx);
	return ret;
}
