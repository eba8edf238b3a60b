// SPDX-License-Identifier: GPL-2.0
/*
 * softdev: a consumer of hmm_svm whose device is software: its memory is
 * vmalloc()ed, its copy engine memcpy(), its page table an xarray, and it has
 * one cached translation per mirror that only a flush removes, so that a
 * missing flush shows.
 */
#include <linux/atomic.h>
#include <linux/dma-direct.h>
#include <linux/dma-mapping.h>
#include <linux/kthread.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/platform_device.h>
#include <linux/rwsem.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/vmalloc.h>
#include <linux/xarray.h>

#include "../include/hmm_svm.h"
#include "hmm_svm_softdev.h"
#include "softdev.h"

static unsigned int size_mb = 16;
module_param(size_mb, uint, 0444);
MODULE_PARM_DESC(size_mb, "device memory, MiB");

static ulong coherent;
module_param(coherent, ulong, 0444);
MODULE_PARM_DESC(coherent, "address of reserved memory that the CPU shares; 0: memory of the device alone");

static bool migrates = IS_ENABLED(CONFIG_DEVICE_PRIVATE);
module_param(migrates, bool, 0444);
MODULE_PARM_DESC(migrates, "whether memory can move to the device (read only)");

static struct platform_device *softdev_pdev;
static struct hmm_svm_device *softdev_sdev;
static void *softdev_mem;
static atomic_t softdev_fail_copies;

/* Times that the layer broke a promise about large entries. */
static atomic_t softdev_broken;

/* The part of the page table for one block; the order of each page's entry. */
struct softdev_leaf {
	struct hmm_svm_pte ptes[HMM_SVM_BLOCK_PAGES];
};

/* A kernel thread that accesses memory on behalf of a mirror's device. */
struct softdev_worker {
	struct softdev_file *sf;
	struct softdev_access access;
	struct task_struct *task;
	bool done;
};

/**
 * struct softdev_file - a mirror and the device context that uses it
 * @svm: mirror
 * @leaves: struct softdev_leaf by address >> HMM_SVM_BLOCK_SHIFT
 * @busy: read: the device accesses memory
 * @tlb_lock: protects the page table's entries and the cached translation
 * @tlb_addr: first page that @tlb translates
 * @tlb: its entry
 * @tlb_size: how much it translates; 0: nothing
 * @flushes: number of flushes so far
 * @chunks_lock: protects what follows
 * @chunks: taken for the driver
 * @nr_chunks: number of them
 * @workers_lock: protects what follows
 * @workers: kernel threads of the device
 * @nr_workers: number of them
 * @result: of the last worker that ended
 * @dead: the owner is gone
 */
struct softdev_file {
	struct hmm_svm *svm;
	struct xarray leaves;
	struct rw_semaphore busy;
	spinlock_t tlb_lock; /* page table and cached translation */
	u64 tlb_addr;
	struct hmm_svm_pte tlb;
	u64 tlb_size;
	atomic64_t flushes;
	struct mutex chunks_lock; /* chunks, nr_chunks */
	struct hmm_svm_chunk *chunks[64];
	unsigned int nr_chunks;
	struct mutex workers_lock; /* workers */
	struct softdev_worker workers[SOFTDEV_MAX_WORKERS];
	unsigned int nr_workers;
	int result;
	bool dead;
};

static int softdev_prepare(struct hmm_svm *svm, u64 start, u64 end)
{
	struct softdev_file *sf = hmm_svm_priv(svm);
	unsigned long index = start >> HMM_SVM_BLOCK_SHIFT;
	struct softdev_leaf *leaf, *old;

	if (xa_load(&sf->leaves, index))
		return 0;
	leaf = kvzalloc_obj(*leaf);
	if (!leaf)
		return -ENOMEM;
	old = xa_cmpxchg(&sf->leaves, index, NULL, leaf, GFP_KERNEL);
	if (old)
		kvfree(leaf);
	return xa_err(old);
}

static struct hmm_svm_pte *softdev_pte(struct softdev_file *sf, u64 addr)
{
	struct softdev_leaf *leaf = xa_load(&sf->leaves, addr >> HMM_SVM_BLOCK_SHIFT);

	return leaf ? &leaf->ptes[(addr >> PAGE_SHIFT) % HMM_SVM_BLOCK_PAGES] : NULL;
}

static void softdev_expect(bool promise)
{
	if (!promise)
		atomic_inc(&softdev_broken);
}

static bool softdev_is_large(const struct hmm_svm_pte *ptes)
{
	unsigned int i, n = 1U << ptes[0].order;

	for (i = 1; i < n; i++)
		if (ptes[i].order || ptes[i].flags != ptes[0].flags ||
		    ptes[i].addr != ptes[0].addr + i * PAGE_SIZE)
			return false;
	return IS_ALIGNED(ptes[0].addr, (u64)n << PAGE_SHIFT);
}

static void softdev_map(struct hmm_svm *svm, u64 addr, const struct hmm_svm_pte *ptes,
			unsigned int npages)
{
	struct softdev_file *sf = hmm_svm_priv(svm);
	struct hmm_svm_pte *to = softdev_pte(sf, addr);
	unsigned int i, large_end = 0;
	u16 order = 0;

	spin_lock(&sf->tlb_lock);
	for (i = 0; i < npages; i++) {
		if (i >= large_end)
			order = 0;
		if (!ptes[i].flags)
			continue;
		if (ptes[i].order) {
			order = ptes[i].order;
			large_end = i + (1U << order);
			softdev_expect(large_end <= npages &&
				       IS_ALIGNED((addr >> PAGE_SHIFT) + i, 1U << order) &&
				       softdev_is_large(&ptes[i]));
		}
		/* An entry is replaced by one of its size that allows more. */
		softdev_expect(!to[i].flags ||
			       (to[i].order == order && to[i].addr == ptes[i].addr &&
				!(to[i].flags & ~ptes[i].flags)));
		to[i] = ptes[i];
		to[i].order = order;
	}
	spin_unlock(&sf->tlb_lock);
}

static void softdev_unmap(struct hmm_svm *svm, u64 start, u64 end)
{
	struct softdev_file *sf = hmm_svm_priv(svm);
	struct hmm_svm_pte *pte = softdev_pte(sf, start);
	unsigned int n = (end - start) >> PAGE_SHIFT;

	if (!pte)
		return;
	spin_lock(&sf->tlb_lock);
	softdev_expect(!pte[0].flags || IS_ALIGNED(start >> PAGE_SHIFT, 1U << pte[0].order));
	softdev_expect(!pte[n - 1].flags || IS_ALIGNED(end >> PAGE_SHIFT, 1U << pte[n - 1].order));
	memset(pte, 0, n * sizeof(*pte));
	spin_unlock(&sf->tlb_lock);
}

static u64 softdev_flush_post(struct hmm_svm *svm, u64 start, u64 end)
{
	struct softdev_file *sf = hmm_svm_priv(svm);

	spin_lock(&sf->tlb_lock);
	if (sf->tlb_addr < end && sf->tlb_addr + sf->tlb_size > start)
		sf->tlb_size = 0;
	spin_unlock(&sf->tlb_lock);
	return atomic64_inc_return(&sf->flushes);
}

static int softdev_flush_wait(struct hmm_svm *svm, u64 ticket, bool may_sleep)
{
	struct softdev_file *sf = hmm_svm_priv(svm);

	/* Accesses with the old translation are over when we get it. */
	if (may_sleep)
		down_write(&sf->busy);
	else if (!down_write_trylock(&sf->busy))
		return -EAGAIN;
	up_write(&sf->busy);
	return 0;
}

static void softdev_dead(struct hmm_svm *svm)
{
	struct softdev_file *sf = hmm_svm_priv(svm);

	/*
	 * No ioctl of the owner is left, and nothing is mapped any more: workers end
	 * with their next fault.
	 */
	WRITE_ONCE(sf->dead, true);
}

static const struct hmm_svm_ops softdev_ops = {
	.prepare = softdev_prepare,
	.map = softdev_map,
	.unmap = softdev_unmap,
	.flush_post = softdev_flush_post,
	.flush_wait = softdev_flush_wait,
	.dead = softdev_dead,
};

static void *softdev_address(u64 addr, bool devmem)
{
	return devmem ? softdev_mem + addr :
			phys_to_virt(dma_to_phys(&softdev_pdev->dev, addr));
}

static int softdev_copy(struct hmm_svm_device *sdev, const struct hmm_svm_extent *extents,
			unsigned int count)
{
	unsigned int i;

	if (atomic_dec_if_positive(&softdev_fail_copies) >= 0)
		return -EIO;
	if (count && (extents[0].flags & HMM_SVM_EXTENT_SRC_DEV))
		softdev_copy_begins();
	for (i = 0; i < count; i++) {
		const struct hmm_svm_extent *e = &extents[i];
		void *dst = softdev_address(e->dst, e->flags & HMM_SVM_EXTENT_DST_DEV);

		if (e->flags & HMM_SVM_EXTENT_CLEAR)
			memset(dst, 0, e->size);
		else
			memcpy(dst, softdev_address(e->src, e->flags & HMM_SVM_EXTENT_SRC_DEV),
			       e->size);
	}
	return 0;
}

/* Copies that have begun. They are made when they end: no later, and no earlier. */
static DEFINE_SPINLOCK(softdev_begun_lock);
static struct {
	unsigned int count;	/* 0: free */
	struct hmm_svm_extent extents[HMM_SVM_BLOCK_PAGES];
} softdev_begun[2];
static u32 softdev_overlapped;

static int softdev_copy_begin(struct hmm_svm_device *sdev, const struct hmm_svm_extent *extents,
			      unsigned int count)
{
	int i, ticket = -EAGAIN;

	spin_lock(&softdev_begun_lock);
	for (i = 0; i < ARRAY_SIZE(softdev_begun); i++) {
		if (softdev_begun[i].count) {
			softdev_overlapped++;
			continue;
		}
		if (ticket >= 0)
			continue;
		softdev_begun[i].count = count;
		memcpy(softdev_begun[i].extents, extents, array_size(count, sizeof(*extents)));
		ticket = i;
	}
	spin_unlock(&softdev_begun_lock);
	return ticket;
}

static int softdev_copy_end(struct hmm_svm_device *sdev, int ticket)
{
	int ret = softdev_copy(sdev, softdev_begun[ticket].extents, softdev_begun[ticket].count);

	spin_lock(&softdev_begun_lock);
	softdev_begun[ticket].count = 0;
	spin_unlock(&softdev_begun_lock);
	return ret;
}

static const struct hmm_svm_device_ops softdev_device_ops = {
	.copy = softdev_copy,
	.copy_begin = softdev_copy_begin,
	.copy_end = softdev_copy_end,
};

static void softdev_walk(struct softdev_file *sf, u64 addr)
{
	struct hmm_svm_pte *walk = softdev_pte(sf, addr);

	sf->tlb = walk ? *walk : (struct hmm_svm_pte) {};
	sf->tlb_size = PAGE_SIZE << sf->tlb.order;
	sf->tlb_addr = round_down(addr, sf->tlb_size);
	if (walk)
		sf->tlb.addr = round_down(sf->tlb.addr, sf->tlb_size);
}

/* As a TLB: the page table is read only for what is not cached. */
static bool softdev_translate(struct softdev_file *sf, u64 addr, u32 need, struct hmm_svm_pte *pte)
{
	spin_lock(&sf->tlb_lock);
	if (addr < sf->tlb_addr || addr >= sf->tlb_addr + sf->tlb_size ||
	    !(sf->tlb.flags & need))
		softdev_walk(sf, addr);
	*pte = sf->tlb;
	pte->addr += addr - sf->tlb_addr;
	spin_unlock(&sf->tlb_lock);
	return pte->flags & need;
}

static int softdev_word(struct softdev_file *sf, struct softdev_access *a, u64 addr)
{
	static const u32 need[] = {
		[SOFTDEV_WRITE] = HMM_SVM_PTE_WRITE,
		[SOFTDEV_CHECK] = HMM_SVM_PTE_READ,
		[SOFTDEV_ADD] = HMM_SVM_PTE_ATOMIC,
	};
	u64 expect = a->value + a->done;
	struct hmm_svm_pte pte;
	int ret = -ENOENT;
	u64 *word;

	down_read(&sf->busy);
	if (softdev_translate(sf, addr, need[a->op], &pte)) {
		word = softdev_address(pte.addr, pte.flags & HMM_SVM_PTE_DEVMEM);
		ret = 0;
		switch (a->op) {
		case SOFTDEV_WRITE:
			WRITE_ONCE(*word, expect);
			break;
		case SOFTDEV_ADD:
			atomic64_add(a->value, (atomic64_t *)word);
			break;
		case SOFTDEV_CHECK:
			a->found = READ_ONCE(*word);
			if (a->found != expect)
				ret = -EILSEQ;
			break;
		}
	}
	up_read(&sf->busy);
	return ret;
}

static int softdev_run(struct softdev_file *sf, struct softdev_access *a)
{
	static const enum hmm_svm_access access[] = {
		[SOFTDEV_WRITE] = HMM_SVM_WRITE,
		[SOFTDEV_CHECK] = HMM_SVM_READ,
		[SOFTDEV_ADD] = HMM_SVM_ATOMIC,
	};
	int ret;

	if (a->op > SOFTDEV_ADD || a->pad || (a->addr | a->stride) % 8)
		return -EINVAL;

	a->done = 0;
	while (a->done < a->count) {
		u64 addr = a->addr + a->done * a->stride;

		ret = softdev_word(sf, a, addr);
		if (ret == -ENOENT)
			ret = hmm_svm_fault(sf->svm, addr, access[a->op]);
		else if (!ret)
			a->done++;
		if (ret)
			return ret;
		if (fatal_signal_pending(current))
			return -EINTR;
		cond_resched();
	}
	return 0;
}

static long softdev_access(struct softdev_file *sf, void __user *arg)
{
	struct softdev_access a;
	int ret;

	if (copy_from_user(&a, arg, sizeof(a)))
		return -EFAULT;
	ret = softdev_run(sf, &a);
	if (copy_to_user(arg, &a, sizeof(a)))
		return -EFAULT;
	return ret;
}

static int softdev_work(void *arg)
{
	struct softdev_worker *worker = arg;
	int ret;

	allow_kernel_signal(SIGKILL);
	ret = softdev_run(worker->sf, &worker->access);
	WRITE_ONCE(worker->sf->result, ret);
	/* Whoever sees it sees the result: pairs with softdev_state(). */
	smp_store_release(&worker->done, true);

	set_current_state(TASK_INTERRUPTIBLE);
	while (!kthread_should_stop()) {
		schedule();
		set_current_state(TASK_INTERRUPTIBLE);
	}
	__set_current_state(TASK_RUNNING);
	return 0;
}

static long softdev_start_worker(struct softdev_file *sf, void __user *arg)
{
	struct softdev_worker *worker;
	int ret = -EBUSY;

	mutex_lock(&sf->workers_lock);
	if (sf->nr_workers == SOFTDEV_MAX_WORKERS)
		goto out;
	worker = &sf->workers[sf->nr_workers];
	worker->sf = sf;
	ret = -EFAULT;
	if (copy_from_user(&worker->access, arg, sizeof(worker->access)))
		goto out;
	worker->task = kthread_run(softdev_work, worker, "softdev/%u", sf->nr_workers);
	ret = PTR_ERR_OR_ZERO(worker->task);
	sf->nr_workers += !ret;
out:
	mutex_unlock(&sf->workers_lock);
	return ret;
}

static long softdev_state(struct softdev_file *sf, void __user *arg)
{
	struct softdev_state state = {
		.dead = READ_ONCE(sf->dead),
		.overlapped = READ_ONCE(softdev_overlapped),
	};
	unsigned int i;

	mutex_lock(&sf->workers_lock);
	for (i = 0; i < sf->nr_workers; i++)
		/* The result is read after it: pairs with the worker's release. */
		state.running += !smp_load_acquire(&sf->workers[i].done);
	state.result = -READ_ONCE(sf->result);
	mutex_unlock(&sf->workers_lock);
	return copy_to_user(arg, &state, sizeof(state)) ? -EFAULT : 0;
}

static long softdev_advise(struct softdev_file *sf, void __user *arg)
{
	struct softdev_advise a;

	BUILD_BUG_ON((int)SOFTDEV_NR_ADVICE != (int)HMM_SVM_NR_ADVICE);
	if (copy_from_user(&a, arg, sizeof(a)))
		return -EFAULT;
	return hmm_svm_advise(sf->svm, a.start, a.end, a.advice, a.value);
}

static long softdev_promote(struct softdev_file *sf, void __user *arg)
{
	struct softdev_promote p;

	if (copy_from_user(&p, arg, sizeof(p)))
		return -EFAULT;
	return hmm_svm_promote(sf->svm, p.addr, p.size);
}

static long softdev_prefetch(struct softdev_file *sf, void __user *arg)
{
	struct softdev_range r;

	if (copy_from_user(&r, arg, sizeof(r)))
		return -EFAULT;
	return hmm_svm_prefetch(sf->svm, r.start, r.end, r.to_device);
}

static long softdev_query(struct softdev_file *sf, void __user *arg)
{
	struct softdev_query q;
	struct hmm_svm_pte *pte;
	u32 flags, order;

	if (copy_from_user(&q, arg, sizeof(q)))
		return -EFAULT;
	spin_lock(&sf->tlb_lock);
	pte = softdev_pte(sf, q.addr);
	flags = pte ? pte->flags : 0;
	order = pte ? pte->order : 0;
	spin_unlock(&sf->tlb_lock);
	q.flags = (flags & HMM_SVM_PTE_READ ? SOFTDEV_PRESENT : 0) |
		  (flags & HMM_SVM_PTE_WRITE ? SOFTDEV_WRITABLE : 0) |
		  (flags & HMM_SVM_PTE_DEVMEM ? SOFTDEV_IN_DEVMEM : 0) |
		  (flags & HMM_SVM_PTE_ATOMIC ? SOFTDEV_CAN_ATOMIC : 0) |
		  order << SOFTDEV_ORDER_SHIFT;
	return copy_to_user(arg, &q, sizeof(q)) ? -EFAULT : 0;
}

/* hmm_svm_query(), a block at a time. */
static long softdev_pages(struct softdev_file *sf, void __user *arg)
{
	struct softdev_pages p;
	u64 addr, end, n;
	u16 *flags;
	int ret = 0;

	if (copy_from_user(&p, arg, sizeof(p)))
		return -EFAULT;
	flags = kcalloc(HMM_SVM_BLOCK_PAGES, sizeof(*flags), GFP_KERNEL);
	if (!flags)
		return -ENOMEM;
	for (addr = p.start; addr < p.end && !ret; addr = end) {
		end = min(addr + HMM_SVM_BLOCK_SIZE, p.end);
		ret = hmm_svm_query(sf->svm, addr, end, flags);
		n = (end - addr) >> PAGE_SHIFT;
		if (!ret && copy_to_user(u64_to_user_ptr(p.flags), flags, n * sizeof(*flags)))
			ret = -EFAULT;
		p.flags += n * sizeof(*flags);
	}
	kfree(flags);
	return ret;
}

static long softdev_stats(struct softdev_file *sf, void __user *arg)
{
	struct hmm_svm_stats s;

	BUILD_BUG_ON(sizeof(s) != sizeof(struct softdev_stats));
	hmm_svm_get_stats(sf->svm, &s);
	return copy_to_user(arg, &s, sizeof(s)) ? -EFAULT : 0;
}

static void softdev_free_chunks(struct softdev_file *sf)
{
	while (sf->nr_chunks)
		hmm_svm_chunk_free(sf->chunks[--sf->nr_chunks]);
}

static long softdev_chunks(struct softdev_file *sf, u32 __user *arg)
{
	struct hmm_svm_chunk *chunk;
	u64 offset;
	u32 give_back, n;

	if (get_user(give_back, arg))
		return -EFAULT;
	mutex_lock(&sf->chunks_lock);
	if (give_back)
		softdev_free_chunks(sf);
	while (!give_back && sf->nr_chunks < ARRAY_SIZE(sf->chunks)) {
		chunk = hmm_svm_chunk_alloc(softdev_sdev, &offset);
		if (IS_ERR(chunk))
			break;
		memset(softdev_mem + offset, 0xaa, HMM_SVM_BLOCK_SIZE);
		sf->chunks[sf->nr_chunks++] = chunk;
	}
	n = sf->nr_chunks;
	mutex_unlock(&sf->chunks_lock);
	return put_user(n, arg);
}

static long softdev_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct softdev_file *sf = file->private_data;
	void __user *uarg = (void __user *)arg;
	u32 n;

	if (cmd == SOFTDEV_IOC_STATE)
		return softdev_state(sf, uarg);
	if (!hmm_svm_owned_by_current(sf->svm))
		return -EPERM;
	switch (cmd) {
	case SOFTDEV_IOC_ACCESS:
		return softdev_access(sf, uarg);
	case SOFTDEV_IOC_PREFETCH:
		return softdev_prefetch(sf, uarg);
	case SOFTDEV_IOC_QUERY:
		return softdev_query(sf, uarg);
	case SOFTDEV_IOC_STATS:
		return softdev_stats(sf, uarg);
	case SOFTDEV_IOC_CHUNKS:
		return softdev_chunks(sf, uarg);
	case SOFTDEV_IOC_FAIL_COPY:
		if (get_user(n, (u32 __user *)uarg))
			return -EFAULT;
		atomic_set(&softdev_fail_copies, n);
		return 0;
	case SOFTDEV_IOC_FAIL_LARGE:
		hmm_svm_inject(sf->svm, HMM_SVM_FAIL_LARGE_PAGE);
		return 0;
	case SOFTDEV_IOC_ADVISE:
		return softdev_advise(sf, uarg);
	case SOFTDEV_IOC_PROMOTE:
		return softdev_promote(sf, uarg);
	case SOFTDEV_IOC_INTERRUPT:
		hmm_svm_interrupt(sf->svm);
		return 0;
	case SOFTDEV_IOC_WORK:
		return softdev_start_worker(sf, uarg);
	case SOFTDEV_IOC_PAGES:
		return softdev_pages(sf, uarg);
	case SOFTDEV_IOC_HOLD_SPLIT:
		return softdev_hold_split(uarg);
	case SOFTDEV_IOC_HOLD_COPY:
		return softdev_hold_copy(uarg);
	case SOFTDEV_IOC_BROKEN:
		return put_user(atomic_read(&softdev_broken), (u32 __user *)uarg);
	default:
		return -ENOTTY;
	}
}

static int softdev_open(struct inode *inode, struct file *file)
{
	struct softdev_file *sf = kzalloc_obj(*sf);

	if (!sf)
		return -ENOMEM;
	xa_init(&sf->leaves);
	init_rwsem(&sf->busy);
	spin_lock_init(&sf->tlb_lock);
	mutex_init(&sf->chunks_lock);
	mutex_init(&sf->workers_lock);
	sf->svm = hmm_svm_create(softdev_sdev, &softdev_ops, U64_MAX, sf);
	if (IS_ERR(sf->svm)) {
		int ret = PTR_ERR(sf->svm);

		kfree(sf);
		return ret;
	}
	file->private_data = sf;
	return 0;
}

static int softdev_release(struct inode *inode, struct file *file)
{
	struct softdev_file *sf = file->private_data;
	struct softdev_leaf *leaf;
	unsigned long i;

	hmm_svm_interrupt(sf->svm);
	while (sf->nr_workers)
		kthread_stop(sf->workers[--sf->nr_workers].task);
	hmm_svm_destroy(sf->svm);
	softdev_free_chunks(sf);
	xa_for_each(&sf->leaves, i, leaf)
		kvfree(leaf);
	xa_destroy(&sf->leaves);
	kfree(sf);
	return 0;
}

static const struct file_operations softdev_fops = {
	.owner = THIS_MODULE,
	.open = softdev_open,
	.release = softdev_release,
	.unlocked_ioctl = softdev_ioctl,
};

static struct miscdevice softdev_misc = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "hmm_svm_softdev",
	.fops = &softdev_fops,
	.mode = 0666,
};

static void softdev_free_memory(void)
{
	if (!coherent)
		vfree(softdev_mem);
}

static int __init softdev_init(void)
{
	struct hmm_svm_device_desc desc = {
		.size = (u64)size_mb << 20,
		.base = coherent,
		.flags = HMM_SVM_DEVICE_SYS_ATOMICS | (coherent ? HMM_SVM_DEVICE_COHERENT : 0),
		.ops = &softdev_device_ops,
	};
	int ret;

	/* What the CPU shares is mapped as soon as it has struct pages. */
	softdev_mem = coherent ? __va(coherent) : vmalloc(desc.size);
	if (!softdev_mem)
		return -ENOMEM;
	softdev_pdev = platform_device_register_simple("hmm_svm_softdev", -1, NULL, 0);
	if (IS_ERR(softdev_pdev)) {
		ret = PTR_ERR(softdev_pdev);
		goto err_mem;
	}
	ret = dma_coerce_mask_and_coherent(&softdev_pdev->dev, DMA_BIT_MASK(64));
	if (ret)
		goto err_pdev;
	softdev_sdev = hmm_svm_device_create(&softdev_pdev->dev, &desc);
	if (IS_ERR(softdev_sdev)) {
		ret = PTR_ERR(softdev_sdev);
		goto err_pdev;
	}
	ret = misc_register(&softdev_misc);
	if (ret)
		goto err_sdev;
	softdev_watch_splits();
	return 0;

err_sdev:
	hmm_svm_device_destroy(softdev_sdev);
err_pdev:
	platform_device_unregister(softdev_pdev);
err_mem:
	softdev_free_memory();
	return ret;
}
module_init(softdev_init);

static void __exit softdev_exit(void)
{
	softdev_unwatch_splits();
	misc_deregister(&softdev_misc);
	hmm_svm_device_destroy(softdev_sdev);
	platform_device_unregister(softdev_pdev);
	softdev_free_memory();
}
module_exit(softdev_exit);

MODULE_DESCRIPTION("A software device to test hmm_svm with");
MODULE_LICENSE("GPL");
