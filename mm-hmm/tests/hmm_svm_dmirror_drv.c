// SPDX-License-Identifier: GPL-2.0
/*
 * hmm_svm_dmirror: the kernel's HMM test device (lib/test_hmm.c) over again, as
 * a consumer of hmm_svm. Its nodes and ioctls are the same, so the kernel's
 * hmm-tests run on it; load one of the two at a time.
 *
 * It is also the worked example of Documentation/mm/hmm_svm.rst: a driver,
 * with memory of its own, whose device needs no hardware. Devices 0 and 1 have
 * private memory, 2 and 3 coherent memory, if there is some for them.
 */
#include <linux/dma-mapping.h>
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "hmm_svm_dmirror.h"
#include "hmm_svm_dmirror_uapi.h"

#define DMIRROR_NR_PRIVATE	2
#define DMIRROR_NR_COHERENT	2

/* How often a page that could not move is asked to: somebody may just use it. */
#define DMIRROR_MIGRATE_TRIES	5

static uint size_mb = 512;
module_param(size_mb, uint, 0444);
MODULE_PARM_DESC(size_mb, "memory of each private device, MiB; taken when used");

static uint coherent_mb = 512;
module_param(coherent_mb, uint, 0444);
MODULE_PARM_DESC(coherent_mb, "memory of each coherent device, MiB");

static ulong spm_addr_dev0;
module_param(spm_addr_dev0, ulong, 0444);
MODULE_PARM_DESC(spm_addr_dev0, "physical address of the memory of device 2, which nobody else uses");

static ulong spm_addr_dev1;
module_param(spm_addr_dev1, ulong, 0444);
MODULE_PARM_DESC(spm_addr_dev1, "the same of device 3");

static struct dmirror_device dmirror_devices[DMIRROR_NR_PRIVATE + DMIRROR_NR_COHERENT];

/* The end of what @cmd is about. */
static u64 cmd_end(const struct hmm_dmirror_cmd *cmd)
{
	return cmd->addr + (cmd->npages << PAGE_SHIFT);
}

/* The first page that it has not been done for. */
static u64 cmd_next(const struct hmm_dmirror_cmd *cmd)
{
	return cmd->addr + (cmd->cpages << PAGE_SHIFT);
}

static void __user *cmd_buffer(const struct hmm_dmirror_cmd *cmd)
{
	return u64_to_user_ptr(cmd->ptr) + (cmd->cpages << PAGE_SHIFT);
}

/* In each round of what can be long. */
static int interrupted(void)
{
	cond_resched();
	return fatal_signal_pending(current) ? -EINTR : 0;
}

/* The device works on until it is done, or lacks an entry: -ENOENT. */
static int transfer(struct dmirror *dm, struct hmm_dmirror_cmd *cmd, u16 need)
{
	int ret = 0;

	while (!ret && cmd->cpages < cmd->npages) {
		if (need & HMM_SVM_PTE_WRITE)
			ret = dmirror_write_page(dm, cmd_next(cmd), cmd_buffer(cmd));
		else
			ret = dmirror_read_page(dm, cmd_next(cmd), need, cmd_buffer(cmd));
		if (ret)
			break;
		cmd->cpages++;
		ret = interrupted();
	}
	return ret;
}

/* What the kernel's device answers; it tells no access from no write access. */
static int errno_of_fault(struct dmirror *dm, u64 addr, int ret)
{
	if (ret == -EACCES)
		return hmm_svm_fault(dm->svm, addr, HMM_SVM_READ) ? -EFAULT : -EPERM;
	return ret == -EOWNERDEAD ? -EFAULT : ret;
}

/* Serves the faults of a device that works on the rest of @cmd. */
static int serve_faults(struct dmirror *dm, const struct hmm_dmirror_cmd *cmd,
			enum hmm_svm_access access, u16 need)
{
	u64 addr;
	int ret;

	for (addr = cmd_next(cmd); addr < cmd_end(cmd); addr += PAGE_SIZE) {
		if (dmirror_mapped(dm, addr, need))
			continue;
		ret = hmm_svm_fault(dm->svm, addr, access);
		if (ret)
			return errno_of_fault(dm, addr, ret);
		if (interrupted())
			return -EINTR;
	}
	return 0;
}

/* What a device with page faults does: work, fault, work on. */
static int access_memory(struct dmirror *dm, struct hmm_dmirror_cmd *cmd,
			 enum hmm_svm_access access, u16 need)
{
	int ret;

	while ((ret = transfer(dm, cmd, need)) == -ENOENT) {
		ret = serve_faults(dm, cmd, access, need);
		if (ret)
			break;
		cmd->faults++;
	}
	return ret;
}

/* What is known of a page: HMM_SVM_PAGE_*. */
static int query_page(struct dmirror *dm, u64 addr, u16 *page)
{
	return hmm_svm_query(dm->svm, addr, addr + PAGE_SIZE, page);
}

static int migrate_to_dev(struct dmirror *dm, struct hmm_dmirror_cmd *cmd)
{
	unsigned int try;
	u16 page;
	int ret;

	for (try = 0; try < DMIRROR_MIGRATE_TRIES; try++) {
		ret = hmm_svm_prefetch(dm->svm, cmd_next(cmd), cmd_end(cmd), true);
		if (ret)
			return ret == -EFAULT ? -EINVAL : ret;
		ret = transfer(dm, cmd, HMM_SVM_PTE_READ | HMM_SVM_PTE_DEVMEM);
		if (ret != -ENOENT)
			return ret;
	}
	/* It stays where it is; or the program may not use it itself. */
	ret = query_page(dm, cmd_next(cmd), &page);
	if (ret)
		return ret;
	return page & HMM_SVM_PAGE_ERROR ? -EINVAL : -ENOENT;
}

/* How many pages of the range are in the device's memory; or an error. */
static long count_local(struct dmirror *dm, u64 start, u64 end, u16 *pages)
{
	unsigned int i, n;
	long count = 0;
	int ret;

	for (; start < end; start += (u64)n << PAGE_SHIFT) {
		n = min_t(u64, (end - start) >> PAGE_SHIFT, HMM_SVM_BLOCK_PAGES);
		ret = hmm_svm_query(dm->svm, start, start + ((u64)n << PAGE_SHIFT), pages) ?:
		      interrupted();
		if (ret)
			return ret;
		for (i = 0; i < n; i++)
			count += !!(pages[i] & HMM_SVM_PAGE_LOCAL);
	}
	return count;
}

static int migrate_to_sys(struct dmirror *dm, struct hmm_dmirror_cmd *cmd)
{
	u64 start = cmd->addr, end = cmd_end(cmd);
	long before, after;
	u16 *pages;
	int ret;

	pages = kmalloc_array(HMM_SVM_BLOCK_PAGES, sizeof(*pages), GFP_KERNEL);
	if (!pages)
		return -ENOMEM;
	before = count_local(dm, start, end, pages);
	ret = before < 0 ? before : hmm_svm_prefetch(dm->svm, start, end, false);
	if (ret)
		goto out;
	after = count_local(dm, start, end, pages);
	if (after < 0)
		ret = after;
	else
		cmd->cpages = max(before - after, 0L);
out:
	kfree(pages);
	return ret == -EFAULT ? -EINVAL : ret;
}

static u8 snapshot_of(u16 page)
{
	unsigned int order = page >> HMM_SVM_PAGE_ORDER_SHIFT;
	u8 prot = HMM_DMIRROR_PROT_NONE;

	if (page & HMM_SVM_PAGE_ERROR)
		return HMM_DMIRROR_PROT_ERROR;
	if (!(page & HMM_SVM_PAGE_READ))
		return HMM_DMIRROR_PROT_NONE;

	if (page & HMM_SVM_PAGE_REMOTE)
		prot = HMM_DMIRROR_PROT_DEV_COHERENT_REMOTE;
	else if (page & HMM_SVM_PAGE_LOCAL)
		prot = page & HMM_SVM_PAGE_COHERENT ? HMM_DMIRROR_PROT_DEV_COHERENT_LOCAL :
						      HMM_DMIRROR_PROT_DEV_PRIVATE_LOCAL;
	else if (page & HMM_SVM_PAGE_ZERO)
		prot = HMM_DMIRROR_PROT_ZERO;
	prot |= page & HMM_SVM_PAGE_WRITE ? HMM_DMIRROR_PROT_WRITE : HMM_DMIRROR_PROT_READ;
	if (order == PMD_SHIFT - PAGE_SHIFT)
		prot |= HMM_DMIRROR_PROT_PMD;
	else if (order > PMD_SHIFT - PAGE_SHIFT)
		prot |= HMM_DMIRROR_PROT_PUD;
	return prot;
}

static int snapshot(struct dmirror *dm, struct hmm_dmirror_cmd *cmd)
{
	u8 __user *to = u64_to_user_ptr(cmd->ptr);
	u64 start = cmd->addr, end;
	unsigned int i, n;
	u16 *pages;
	int ret = 0;

	pages = kmalloc_array(HMM_SVM_BLOCK_PAGES, sizeof(*pages), GFP_KERNEL);
	if (!pages)
		return -ENOMEM;
	for (; !ret && start < cmd_end(cmd); start = end) {
		end = min(start + HMM_SVM_BLOCK_SIZE, cmd_end(cmd));
		n = (end - start) >> PAGE_SHIFT;
		ret = hmm_svm_query(dm->svm, start, end, pages);
		for (i = 0; i < n && !ret; i++)
			ret = put_user(snapshot_of(pages[i]), to++);
		if (ret)
			break;
		cmd->cpages += n;
		ret = interrupted();
	}
	kfree(pages);
	return ret;
}

/* Device memory may be the device's alone, too; that is not what is asked. */
static int check_exclusive(struct dmirror *dm, const struct hmm_dmirror_cmd *cmd)
{
	u64 addr;
	int ret = 0;

	for (addr = cmd->addr; addr < cmd_end(cmd) && !ret; addr += PAGE_SIZE) {
		if (dmirror_mapped(dm, addr, HMM_SVM_PTE_ATOMIC) &&
		    !dmirror_mapped(dm, addr, HMM_SVM_PTE_DEVMEM))
			return -EPERM;
		ret = interrupted();
	}
	return ret;
}

static int set_flags(struct dmirror *dm, u64 flags)
{
	if (flags & ~HMM_DMIRROR_FLAG_FAIL_ALLOC)
		return -EINVAL;
	if (flags & HMM_DMIRROR_FLAG_FAIL_ALLOC)
		hmm_svm_inject(dm->svm, HMM_SVM_FAIL_LARGE_PAGE);
	return 0;
}

static int run_command(struct dmirror *dm, unsigned int command, struct hmm_dmirror_cmd *cmd)
{
	switch (command) {
	case HMM_DMIRROR_READ:
	case HMM_DMIRROR_READ_UNLOCKED:
		return access_memory(dm, cmd, HMM_SVM_READ, HMM_SVM_PTE_READ);
	case HMM_DMIRROR_WRITE:
		return access_memory(dm, cmd, HMM_SVM_WRITE, HMM_SVM_PTE_WRITE);
	case HMM_DMIRROR_EXCLUSIVE:
		return access_memory(dm, cmd, HMM_SVM_ATOMIC,
				     HMM_SVM_PTE_READ | HMM_SVM_PTE_ATOMIC);
	case HMM_DMIRROR_CHECK_EXCLUSIVE:
		return check_exclusive(dm, cmd);
	case HMM_DMIRROR_MIGRATE_TO_DEV:
		return migrate_to_dev(dm, cmd);
	case HMM_DMIRROR_MIGRATE_TO_SYS:
	case HMM_DMIRROR_RELEASE:
		return migrate_to_sys(dm, cmd);
	case HMM_DMIRROR_SNAPSHOT:
		return snapshot(dm, cmd);
	case HMM_DMIRROR_FLAGS:
		return set_flags(dm, cmd->npages);
	default:
		return -EINVAL;
	}
}

static long dmirror_ioctl(struct file *file, unsigned int command, unsigned long arg)
{
	struct dmirror *dm = file->private_data;
	void __user *uarg = (void __user *)arg;
	struct hmm_dmirror_cmd cmd;
	int ret;

	if (!hmm_svm_owned_by_current(dm->svm))
		return -EPERM;
	if (copy_from_user(&cmd, uarg, sizeof(cmd)))
		return -EFAULT;
	if (!PAGE_ALIGNED(cmd.addr) || !cmd.npages || cmd.addr >= TASK_SIZE ||
	    cmd.npages > (TASK_SIZE - cmd.addr) >> PAGE_SHIFT)
		return -EINVAL;

	cmd.cpages = 0;
	cmd.faults = 0;
	ret = run_command(dm, command, &cmd);
	if (ret)
		return ret;
	return copy_to_user(uarg, &cmd, sizeof(cmd)) ? -EFAULT : 0;
}

/* Memory of the kernel in a process (VM_MIXEDMAP), for the device to look at. */
static int dmirror_mmap(struct file *file, struct vm_area_struct *vma)
{
	unsigned long addr;
	struct page *page;
	int ret;

	for (addr = vma->vm_start; addr < vma->vm_end; addr += PAGE_SIZE) {
		if (interrupted())
			return -EINTR;
		page = alloc_page(GFP_KERNEL_ACCOUNT | __GFP_ZERO);
		if (!page)
			return -ENOMEM;
		ret = vm_insert_page(vma, addr, page);
		/* The mapping has a reference of its own. */
		put_page(page);
		if (ret)
			return ret;
	}
	return 0;
}

static int dmirror_open(struct inode *inode, struct file *file)
{
	struct dmirror_device *ddev = container_of(file->private_data, struct dmirror_device, misc);
	struct dmirror *dm;
	int ret;

	dm = kzalloc_obj(*dm, GFP_KERNEL_ACCOUNT);
	if (!dm)
		return -ENOMEM;
	dm->ddev = ddev;
	dmirror_mmu_init(dm);
	dm->svm = hmm_svm_create(ddev->sdev, &dmirror_ops, U64_MAX, dm);
	if (IS_ERR(dm->svm)) {
		ret = PTR_ERR(dm->svm);
		goto err_free;
	}
	/* It moves memory when it is told to, not when it touches it. */
	ret = hmm_svm_advise(dm->svm, 0, PAGE_ALIGN_DOWN(U64_MAX), HMM_SVM_ADVISE_TOUCH,
			     HMM_SVM_TOUCH_REMOTE);
	if (ret)
		goto err_destroy;
	file->private_data = dm;
	return 0;

err_destroy:
	hmm_svm_destroy(dm->svm);
err_free:
	dmirror_mmu_fini(dm);
	kfree(dm);
	return ret;
}

static int dmirror_release(struct inode *inode, struct file *file)
{
	struct dmirror *dm = file->private_data;

	hmm_svm_destroy(dm->svm);
	dmirror_mmu_fini(dm);
	kfree(dm);
	return 0;
}

static const struct file_operations dmirror_fops = {
	.owner = THIS_MODULE,
	.open = dmirror_open,
	.release = dmirror_release,
	.mmap = dmirror_mmap,
	.unlocked_ioctl = dmirror_ioctl,
};

static int register_memory(struct dmirror_device *ddev)
{
	struct hmm_svm_device_desc desc = {
		.size = ddev->size,
		.base = ddev->base,
		.flags = ddev->base ? HMM_SVM_DEVICE_COHERENT : 0,
		.ops = &dmirror_device_ops,
		.priv = ddev,
	};
	int ret;

	ret = dma_coerce_mask_and_coherent(&ddev->pdev->dev, DMA_BIT_MASK(64));
	if (ret)
		return ret;
	ret = dmirror_memory_init(ddev);
	if (ret)
		return ret;
	ddev->sdev = hmm_svm_device_create(&ddev->pdev->dev, &desc);
	if (IS_ERR(ddev->sdev)) {
		dmirror_memory_fini(ddev);
		return PTR_ERR(ddev->sdev);
	}
	return 0;
}

static void unregister_memory(struct dmirror_device *ddev)
{
	hmm_svm_device_destroy(ddev->sdev);
	dmirror_memory_fini(ddev);
}

static int dmirror_device_create(unsigned int id, u64 size, phys_addr_t base)
{
	struct dmirror_device *ddev = &dmirror_devices[id];
	int ret;

	ddev->size = size;
	ddev->base = base;
	snprintf(ddev->name, sizeof(ddev->name), "hmm_dmirror%u", id);
	ddev->pdev = platform_device_register_simple("hmm_dmirror", id, NULL, 0);
	if (IS_ERR(ddev->pdev))
		return PTR_ERR(ddev->pdev);
	ret = register_memory(ddev);
	if (ret)
		goto err_pdev;
	ddev->misc = (struct miscdevice) {
		.minor = MISC_DYNAMIC_MINOR,
		.name = ddev->name,
		.fops = &dmirror_fops,
	};
	ret = misc_register(&ddev->misc);
	if (ret)
		goto err_memory;
	return 0;

err_memory:
	unregister_memory(ddev);
err_pdev:
	platform_device_unregister(ddev->pdev);
	return ret;
}

static void dmirror_device_destroy(struct dmirror_device *ddev)
{
	misc_deregister(&ddev->misc);
	unregister_memory(ddev);
	platform_device_unregister(ddev->pdev);
}

static void destroy_devices(unsigned int count)
{
	while (count--)
		dmirror_device_destroy(&dmirror_devices[count]);
}

static unsigned int nr_devices(void)
{
	return spm_addr_dev0 && spm_addr_dev1 ? DMIRROR_NR_PRIVATE + DMIRROR_NR_COHERENT :
						DMIRROR_NR_PRIVATE;
}

static int __init dmirror_init(void)
{
	const phys_addr_t base[] = { 0, 0, spm_addr_dev0, spm_addr_dev1 };
	unsigned int id;
	int ret;

	for (id = 0; id < nr_devices(); id++) {
		ret = dmirror_device_create(id, (u64)(base[id] ? coherent_mb : size_mb) << 20,
					    base[id]);
		if (ret) {
			destroy_devices(id);
			return ret;
		}
	}
	return 0;
}
module_init(dmirror_init);

static void __exit dmirror_exit(void)
{
	destroy_devices(nr_devices());
}
module_exit(dmirror_exit);

MODULE_DESCRIPTION("The kernel's HMM test device on top of hmm_svm");
MODULE_LICENSE("GPL");
