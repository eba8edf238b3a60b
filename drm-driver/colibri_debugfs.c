// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * What can be looked at in debugfs.
 */

/**
 * DOC: debugfs
 *
 * In the device's folder, for root alone:
 *
 * ``device``
 *     State of the rings between driver and device, busy time of the migration engine.
 * ``vms``
 *     Address spaces: owner, ASID, the counters of the mirror, a line for each block.
 * ``queues``
 *     Queues: address space, hardware queue, packets, engine time, error.
 * ``vram``
 *     VRAM by chunks: state, pages in use, place on the LRU list, owner and address; then
 *     the buffers that have chunks.
 * ``faults``
 *     Fault ring: indices, the last records, what is being served for whom.
 * ``page_tables``
 *     Page tables as runs of entries that are alike.  Writing "ASID [START [END]]" to the
 *     open file chooses what the same open file shows.
 * ``raw_pte``
 *     Only with the module parameter of this name, which taints the kernel: writing "ASID VA LEVEL
 *     ENTRY" puts the entry into the tables that the device reads, unchecked, for tests of the
 *     device's MMU.  It can give the device any memory there is, so it takes more than root:
 *     debugfs does not open a file for writing on a kernel that is locked down.
 *
 * Files show things one after the other, each as it is at some moment; nothing is
 * stopped for them.  They take references and the locks of what they show, read no
 * register but on a device that answers, and debugfs waits for readers before a
 * device goes.
 */

#include <linux/debugfs.h>
#include <linux/moduleparam.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include <drm/drm_debugfs.h>
#include <drm/drm_file.h>

#include "colibri_device.h"
#include "colibri_fdinfo.h"
#include "colibri_fault.h"
#include "colibri_gem.h"
#include "colibri_mmu.h"
#include "colibri_queue.h"
#include "colibri_vm.h"

/* The VM with the lowest ASID from *@asid on, with a reference; NULL: none. */
static struct colibri_vm *colibri_debugfs_next_vm(struct colibri_device *cdev, u32 *asid)
{
	for (; *asid < cdev->num_asids; ++*asid) {
		struct colibri_vm *vm = colibri_vm_get_by_asid(cdev, *asid);

		if (vm)
			return vm;
	}
	return NULL;
}

/* ---- device ---------------------------------------------------------------*/

static int colibri_debugfs_device_show(struct seq_file *m, void *unused)
{
	struct colibri_device *cdev = m->private;
	u64 posted, completed;

	colibri_mmu_get_indices(cdev, &posted, &completed);
	seq_printf(m, "lost: %u\n", colibri_is_lost(cdev));
	seq_printf(m, "mmu: %llu commands, %llu complete\n", posted, completed);
	seq_printf(m, "faults: %u records, %u handed out\n", READ_ONCE(cdev->status->fault_prod),
		   READ_ONCE(cdev->fault.cons));
	if (!colibri_is_lost(cdev))
		seq_printf(m, "migration engine: busy for %llu ns\n",
			   colibri_read64(cdev, COLIBRI_REG_QUEUE_BUSY(COLIBRI_MIGRATE_QUEUE,
								       COLIBRI_BUSY_COPY)));
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(colibri_debugfs_device);

/* ---- vms ------------------------------------------------------------------*/

static void colibri_debugfs_show_vm(struct seq_file *m, struct colibri_vm *vm)
{
	struct hmm_svm_stats stats;
	struct hmm_svm *svm;

	down_read(&vm->teardown_lock);
	if (vm->torn_down)
		goto unlock;
	svm = colibri_vm_svm(vm);
	seq_printf(m, "asid %u: pid %u, %s%s", vm->asid, vm->pid, svm ? "mirror" : "buffers only",
		   READ_ONCE(vm->dead) ? ", dead" : "");
	if (!svm) {
		seq_putc(m, '\n');
		goto unlock;
	}
	colibri_vm_get_stats(vm, &stats);
	seq_printf(m, ", %llu faults (%llu failed), %llu pages to VRAM, %llu back (%llu evicted, %llu CPU faults), %llu retries, %llu thrash pins, %llu KiB in VRAM\n",
		   stats.faults, stats.faults_failed, stats.pages_to_dev, stats.pages_to_sys,
		   stats.pages_evicted, stats.cpu_faults, stats.retries, stats.thrash_pins,
		   hmm_svm_resident(svm) >> 10);
	hmm_svm_show_blocks(svm, m);
unlock:
	up_read(&vm->teardown_lock);
}

static int colibri_debugfs_vms_show(struct seq_file *m, void *unused)
{
	struct colibri_device *cdev = m->private;
	struct colibri_vm *vm;
	u32 asid;

	for (asid = 1; (vm = colibri_debugfs_next_vm(cdev, &asid)); asid++) {
		colibri_debugfs_show_vm(m, vm);
		colibri_vm_put(vm);
	}
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(colibri_debugfs_vms);

/* ---- queues ---------------------------------------------------------------*/

static void colibri_debugfs_show_queue(struct seq_file *m, struct colibri_queue *queue)
{
	u32 hwid = READ_ONCE(queue->hwid);

	seq_printf(m, "queue %u: asid %u, pid %u, ring of %u, %llu submitted, compute %llu ns, copy %llu ns, ",
		   queue->context, queue->vm->asid, queue->vm->pid, queue->ring_packets,
		   READ_ONCE(queue->submitted),
		   READ_ONCE(queue->meter.ns[COLIBRI_BUSY_COMPUTE]),
		   READ_ONCE(queue->meter.ns[COLIBRI_BUSY_COPY]));
	if (hwid)
		seq_printf(m, "on hardware queue %u", hwid);
	else
		seq_puts(m, READ_ONCE(queue->ready) ? "waits for its turn" : "idle");
	seq_puts(m, READ_ONCE(queue->banned) ? ", banned\n" : "\n");
}

static int colibri_debugfs_queues_show(struct seq_file *m, void *unused)
{
	struct colibri_device *cdev = m->private;
	struct colibri_queue *queue;
	struct colibri_vm *vm;
	u32 asid;

	for (asid = 1; (vm = colibri_debugfs_next_vm(cdev, &asid)); asid++) {
		mutex_lock(&vm->queue_lock);
		list_for_each_entry(queue, &vm->queues, vm_entry)
			colibri_debugfs_show_queue(m, queue);
		mutex_unlock(&vm->queue_lock);
		colibri_vm_put(vm);
	}
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(colibri_debugfs_queues);

/* ---- vram -----------------------------------------------------------------*/

static void colibri_debugfs_show_bo(struct seq_file *m, struct colibri_bo *bo)
{
	unsigned int i;

	seq_printf(m, "buffer of %zu KiB:", colibri_bo_gem(bo)->size >> 10);
	for (i = 0; i < bo->num_chunks; i++)
		seq_printf(m, " %#llx", bo->chunks[i].offset);
	seq_putc(m, '\n');
}

static int colibri_debugfs_vram_show(struct seq_file *m, void *unused)
{
	struct colibri_device *cdev = m->private;
	struct colibri_bo *bo;
	int ret;

	ret = hmm_svm_show_chunks(cdev->svm, m);
	mutex_lock(&cdev->vram_bos.lock);
	list_for_each_entry(bo, &cdev->vram_bos.list, vram_entry)
		colibri_debugfs_show_bo(m, bo);
	mutex_unlock(&cdev->vram_bos.lock);
	return ret;
}
DEFINE_SHOW_ATTRIBUTE(colibri_debugfs_vram);

/* ---- faults ---------------------------------------------------------------*/

static int colibri_debugfs_faults_show(struct seq_file *m, void *unused)
{
	struct colibri_device *cdev = m->private;
	struct colibri_vm *vm;
	u32 asid;

	colibri_fault_show_ring(cdev, m);
	for (asid = 1; (vm = colibri_debugfs_next_vm(cdev, &asid)); asid++) {
		colibri_vm_fault_show(vm, m);
		colibri_vm_put(vm);
	}
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(colibri_debugfs_faults);

/* ---- page_tables ----------------------------------------------------------*/

/**
 * struct colibri_pt_dump - an open page_tables file
 *
 * seq_file's lock protects it.  A run is consecutive pages with the same flags, in
 * consecutive memory.
 */
struct colibri_pt_dump {
	/** @cdev: device */
	struct colibri_device *cdev;
	/** @asid: what to show; 0: all */
	u32 asid;
	/** @start: from where */
	u64 start;
	/** @end: to where, exclusive */
	u64 end;
	/** @vm: whose tables are being shown, with a reference and teardown_lock held; or NULL */
	struct colibri_vm *vm;
	/** @next_asid: where the search for the next run begins */
	u32 next_asid;
	/** @next_va: the same */
	u64 next_va;
	/** @run: the current one */
	struct {
		/** @run.asid: address space */
		u32 asid;
		/** @run.va: first address */
		u64 va;
		/** @run.size: bytes */
		u64 size;
		/** @run.pte: first entry */
		u64 pte;
	} run;
};

static void colibri_pt_dump_leave(struct colibri_pt_dump *dump)
{
	if (!dump->vm)
		return;
	up_read(&dump->vm->teardown_lock);
	colibri_vm_put(dump->vm);
	dump->vm = NULL;
}

/* Have a VM to look at, from @next_asid on; false: there is none. */
static bool colibri_pt_dump_enter(struct colibri_pt_dump *dump)
{
	u32 asid = dump->next_asid;

	while (!dump->vm) {
		dump->vm = colibri_debugfs_next_vm(dump->cdev, &asid);
		if (!dump->vm || (dump->asid && asid != dump->asid)) {
			if (dump->vm)
				colibri_vm_put(dump->vm);
			dump->vm = NULL;
			return false;
		}
		if (asid != dump->next_asid)
			dump->next_va = dump->start;
		dump->next_asid = asid;
		down_read(&dump->vm->teardown_lock);
		if (dump->vm->torn_down) {
			colibri_pt_dump_leave(dump);
			asid++;
		}
	}
	return true;
}

/* Add entries to the run for as long as they continue it. */
static void colibri_pt_dump_extend(struct colibri_pt_dump *dump)
{
	u64 size, pte;

	while (dump->next_va < dump->end) {
		pte = colibri_pt_read(&dump->vm->pt, dump->next_va, &size);
		if (pte != dump->run.pte + dump->run.size)
			return;
		dump->next_va += size;
		dump->run.size += size;
	}
}

/* Find the next run of the VM; false: it has no more. */
static bool colibri_pt_dump_find(struct colibri_pt_dump *dump)
{
	u64 size, pte;

	while (dump->next_va < dump->end) {
		pte = colibri_pt_read(&dump->vm->pt, dump->next_va, &size);
		if (pte & COLIBRI_PTE_VALID) {
			dump->run.asid = dump->vm->asid;
			dump->run.va = dump->next_va;
			dump->run.size = size;
			dump->run.pte = pte;
			dump->next_va += size;
			colibri_pt_dump_extend(dump);
			return true;
		}
		dump->next_va += size;
		cond_resched();
	}
	return false;
}

static void *colibri_pt_dump_advance(struct colibri_pt_dump *dump)
{
	while (colibri_pt_dump_enter(dump)) {
		if (colibri_pt_dump_find(dump))
			return dump;
		colibri_pt_dump_leave(dump);
		dump->next_asid++;
		dump->next_va = dump->start;
	}
	return NULL;
}

static void *colibri_pt_dump_start(struct seq_file *m, loff_t *pos)
{
	struct colibri_pt_dump *dump = m->private;

	if (*pos == 0) {
		dump->next_asid = dump->asid ?: 1;
		dump->next_va = dump->start;
		return SEQ_START_TOKEN;
	}
	/* Where the last read ended; the run that did not fit is shown once more. */
	if (dump->run.size) {
		dump->next_asid = dump->run.asid;
		dump->next_va = dump->run.va;
	}
	return colibri_pt_dump_advance(dump);
}

static void *colibri_pt_dump_next(struct seq_file *m, void *v, loff_t *pos)
{
	struct colibri_pt_dump *dump = m->private;

	++*pos;
	dump->run.size = 0;
	v = colibri_pt_dump_advance(dump);
	return v;
}

static void colibri_pt_dump_stop(struct seq_file *m, void *v)
{
	colibri_pt_dump_leave(m->private);
}

static int colibri_pt_dump_show(struct seq_file *m, void *v)
{
	struct colibri_pt_dump *dump = m->private;
	u64 pte = dump->run.pte;

	if (v == SEQ_START_TOKEN) {
		seq_puts(m, "asid start              end                pages    access where\n");
		return 0;
	}
	seq_printf(m, "%-4u %#018llx %#018llx %-8llu %c%c%c%c   %s:%#llx%s\n", dump->run.asid,
		   dump->run.va, dump->run.va + dump->run.size, dump->run.size >> PAGE_SHIFT,
		   pte & COLIBRI_PTE_READ ? 'r' : '-', pte & COLIBRI_PTE_WRITE ? 'w' : '-',
		   pte & COLIBRI_PTE_EXEC ? 'x' : '-', pte & COLIBRI_PTE_ATOMIC ? 'a' : '-',
		   pte & COLIBRI_PTE_SYS ? "sys" : "vram", pte & COLIBRI_PTE_ADDR_MASK,
		   pte & COLIBRI_PTE_CONT64 ? " 64K" : "");
	return 0;
}

static const struct seq_operations colibri_pt_dump_ops = {
	.start = colibri_pt_dump_start,
	.next = colibri_pt_dump_next,
	.stop = colibri_pt_dump_stop,
	.show = colibri_pt_dump_show,
};

static int colibri_pt_dump_open(struct inode *inode, struct file *file)
{
	struct colibri_pt_dump *dump;

	dump = __seq_open_private(file, &colibri_pt_dump_ops, sizeof(*dump));
	if (!dump)
		return -ENOMEM;
	dump->cdev = inode->i_private;
	dump->end = COLIBRI_VA_END;
	return 0;
}

static ssize_t colibri_pt_dump_write(struct file *file, const char __user *user, size_t size,
				     loff_t *pos)
{
	struct seq_file *m = file->private_data;
	struct colibri_pt_dump *dump = m->private;
	u64 start = 0, end = COLIBRI_VA_END;
	char text[64] = "";
	u32 asid;

	if (size >= sizeof(text))
		return -EINVAL;
	if (copy_from_user(text, user, size))
		return -EFAULT;
	if (sscanf(text, "%u %lli %lli", &asid, &start, &end) < 1)
		return -EINVAL;
	if (!asid || asid >= dump->cdev->num_asids || start >= end || end > COLIBRI_VA_END)
		return -EINVAL;

	mutex_lock(&m->lock);
	dump->asid = asid;
	dump->start = round_down(start, PAGE_SIZE);
	dump->end = round_up(end, PAGE_SIZE);
	dump->run.size = 0;
	mutex_unlock(&m->lock);
	return size;
}

static const struct file_operations colibri_pt_dump_fops = {
	.owner = THIS_MODULE,
	.open = colibri_pt_dump_open,
	.read = seq_read,
	.write = colibri_pt_dump_write,
	.llseek = seq_lseek,
	.release = seq_release_private,
};

/* ---- raw_pte --------------------------------------------------------------*/

static bool raw_pte;
module_param_unsafe(raw_pte, bool, 0400);
MODULE_PARM_DESC(raw_pte, "Let root write page table entries of the GPU by debugfs, for tests");

static int colibri_raw_pte_set(struct colibri_device *cdev, struct colibri_vm *vm, u64 va,
			       unsigned int level, u64 entry)
{
	int ret = -ENOENT;
	u64 ticket;

	down_read(&vm->teardown_lock);
	if (!vm->torn_down)
		ret = colibri_pt_write_raw(&vm->pt, va, level, entry);
	if (!ret) {
		ticket = colibri_mmu_invalidate(cdev, vm->asid, 0, COLIBRI_MMU_ALL);
		colibri_mmu_wait(cdev, ticket, true);
		/* What waited for the page, if anything did, looks again. */
		colibri_mmu_retry(cdev, vm->asid, 0, COLIBRI_MMU_ALL);
	}
	up_read(&vm->teardown_lock);
	return ret;
}

static ssize_t colibri_raw_pte_write(struct file *file, const char __user *user, size_t size,
				     loff_t *pos)
{
	struct colibri_device *cdev = file->private_data;
	struct colibri_vm *vm;
	unsigned int level;
	char text[96] = "";
	u64 va, entry;
	u32 asid;
	int ret;

	if (size >= sizeof(text))
		return -EINVAL;
	if (copy_from_user(text, user, size))
		return -EFAULT;
	if (sscanf(text, "%u %llx %u %llx", &asid, &va, &level, &entry) != 4)
		return -EINVAL;
	if (!asid || asid >= cdev->num_asids || va >= COLIBRI_VA_END || !level ||
	    level > COLIBRI_PT_LEVELS)
		return -EINVAL;
	vm = colibri_vm_get_by_asid(cdev, asid);
	if (!vm)
		return -ENOENT;
	ret = colibri_raw_pte_set(cdev, vm, va, level, entry);
	colibri_vm_put(vm);
	return ret ?: size;
}

static const struct file_operations colibri_raw_pte_fops = {
	.owner = THIS_MODULE,
	.open = simple_open,
	.write = colibri_raw_pte_write,
	.llseek = noop_llseek,
};

/**
 * colibri_debugfs_init() - &drm_driver.debugfs_init
 * @minor: DRM minor
 */
void colibri_debugfs_init(struct drm_minor *minor)
{
	struct colibri_device *cdev = to_colibri_device(minor->dev);
	struct dentry *root = minor->debugfs_root;

	debugfs_create_file("device", 0400, root, cdev, &colibri_debugfs_device_fops);
	debugfs_create_file("vms", 0400, root, cdev, &colibri_debugfs_vms_fops);
	debugfs_create_file("queues", 0400, root, cdev, &colibri_debugfs_queues_fops);
	debugfs_create_file("vram", 0400, root, cdev, &colibri_debugfs_vram_fops);
	debugfs_create_file("faults", 0400, root, cdev, &colibri_debugfs_faults_fops);
	debugfs_create_file("page_tables", 0600, root, cdev, &colibri_pt_dump_fops);
	if (raw_pte)
		debugfs_create_file("raw_pte", 0200, root, cdev, &colibri_raw_pte_fops);
}
