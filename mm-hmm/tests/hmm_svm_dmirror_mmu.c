// SPDX-License-Identifier: GPL-2.0
/*
 * The MMU of the dmirror device: a page table that hmm_svm fills and empties, a
 * TLB that forgets only when it is told to, and accesses that use both.
 */
#include <linux/mm.h>
#include <linux/pagemap.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "hmm_svm_dmirror.h"

static int dmirror_prepare(struct hmm_svm *svm, u64 start, u64 end)
{
	struct dmirror *dm = hmm_svm_priv(svm);
	unsigned long index = start >> HMM_SVM_BLOCK_SHIFT;
	struct dmirror_leaf *leaf;
	int ret;

	if (xa_load(&dm->leaves, index))
		return 0;
	leaf = kvzalloc_obj(*leaf, GFP_KERNEL_ACCOUNT);
	if (!leaf)
		return -ENOMEM;
	/* One fault at a time per block, so nobody else makes this leaf. */
	ret = xa_insert(&dm->leaves, index, leaf, GFP_KERNEL);
	if (ret)
		kvfree(leaf);
	return ret;
}

static struct hmm_svm_pte *find_pte(struct dmirror *dm, u64 addr)
{
	struct dmirror_leaf *leaf = xa_load(&dm->leaves, addr >> HMM_SVM_BLOCK_SHIFT);

	return leaf ? &leaf->ptes[(addr >> PAGE_SHIFT) % HMM_SVM_BLOCK_PAGES] : NULL;
}

static void dmirror_map(struct hmm_svm *svm, u64 addr, const struct hmm_svm_pte *ptes,
			unsigned int npages)
{
	struct dmirror *dm = hmm_svm_priv(svm);
	struct hmm_svm_pte *to = find_pte(dm, addr);
	unsigned int i;

	spin_lock(&dm->lock);
	for (i = 0; i < npages; i++)
		if (ptes[i].flags)
			to[i] = ptes[i];
	spin_unlock(&dm->lock);
}

static void dmirror_unmap(struct hmm_svm *svm, u64 start, u64 end)
{
	struct dmirror *dm = hmm_svm_priv(svm);
	struct hmm_svm_pte *pte = find_pte(dm, start);

	if (!pte)
		return;
	spin_lock(&dm->lock);
	memset(pte, 0, ((end - start) >> PAGE_SHIFT) * sizeof(*pte));
	spin_unlock(&dm->lock);
}

static u64 dmirror_flush_post(struct hmm_svm *svm, u64 start, u64 end)
{
	struct dmirror *dm = hmm_svm_priv(svm);
	unsigned int i;

	spin_lock(&dm->lock);
	for (i = 0; i < DMIRROR_TLB_ENTRIES; i++)
		if (dm->tlb[i].addr >= start && dm->tlb[i].addr < end)
			dm->tlb[i].addr = DMIRROR_NO_PAGE;
	spin_unlock(&dm->lock);
	return atomic64_inc_return(&dm->flushes);
}

/* An access that found its translation before the flush may still go on. */
static int dmirror_flush_wait(struct hmm_svm *svm, u64 ticket, bool may_sleep)
{
	struct dmirror *dm = hmm_svm_priv(svm);

	if (may_sleep)
		down_write(&dm->busy);
	else if (!down_write_trylock(&dm->busy))
		return -EAGAIN;
	up_write(&dm->busy);
	return 0;
}

/* Work is done in ioctls of the owner alone, so none outlives it. */
static void dmirror_dead(struct hmm_svm *svm)
{
}

const struct hmm_svm_ops dmirror_ops = {
	.prepare = dmirror_prepare,
	.map = dmirror_map,
	.unmap = dmirror_unmap,
	.flush_post = dmirror_flush_post,
	.flush_wait = dmirror_flush_wait,
	.dead = dmirror_dead,
};

/*
 * Translates as hardware does: what the TLB has is used, unless it denies the
 * access; then the page table may have more.
 */
static bool translate(struct dmirror *dm, u64 addr, u16 need, struct hmm_svm_pte *pte)
{
	struct dmirror_tlb_entry *tlb = &dm->tlb[(addr >> PAGE_SHIFT) % DMIRROR_TLB_ENTRIES];
	struct hmm_svm_pte *walked;

	spin_lock(&dm->lock);
	if (tlb->addr != addr || (tlb->pte.flags & need) != need) {
		walked = find_pte(dm, addr);
		tlb->addr = addr;
		tlb->pte = walked ? *walked : (struct hmm_svm_pte) {};
	}
	*pte = tlb->pte;
	spin_unlock(&dm->lock);
	return (pte->flags & need) == need;
}

/**
 * dmirror_mapped() - Whether the device could access a page now
 * @dm: context
 * @addr: page aligned
 * @need: HMM_SVM_PTE_*, all of which the entry must have
 *
 * Return: whether.
 */
bool dmirror_mapped(struct dmirror *dm, u64 addr, u16 need)
{
	struct hmm_svm_pte pte;

	return translate(dm, addr, need, &pte);
}

/* The page, for as long as dm->busy is held; NULL: the access faults. */
static void *begin_access(struct dmirror *dm, u64 addr, u16 need)
{
	struct hmm_svm_pte pte;

	down_read(&dm->busy);
	if (!translate(dm, addr, need, &pte)) {
		up_read(&dm->busy);
		return NULL;
	}
	return dmirror_memory(dm->ddev, pte.addr, pte.flags & HMM_SVM_PTE_DEVMEM);
}

/**
 * dmirror_read_page() - The device reads a page
 * @dm: context
 * @addr: page aligned
 * @need: HMM_SVM_PTE_* that the entry must have
 * @to: gets what it read
 *
 * The buffer must not be faulted in during the access: that would be an access
 * which depends on core mm, while core mm waits for it to end.
 *
 * Return: 0; -ENOENT: the device has no such entry; -EFAULT: bad @to; -EINTR.
 */
int dmirror_read_page(struct dmirror *dm, u64 addr, u16 need, void __user *to)
{
	unsigned long left;
	void *page;

	if (!access_ok(to, PAGE_SIZE))
		return -EFAULT;
	do {
		page = begin_access(dm, addr, need);
		if (!page)
			return -ENOENT;
		pagefault_disable();
		left = __copy_to_user_inatomic(to, page, PAGE_SIZE);
		pagefault_enable();
		up_read(&dm->busy);
		if (left && fault_in_writeable(to, PAGE_SIZE))
			return -EFAULT;
	} while (left && !fatal_signal_pending(current));
	return left ? -EINTR : 0;
}

/**
 * dmirror_write_page() - The device writes a page
 * @dm: context
 * @addr: page aligned
 * @from: what it writes
 *
 * Return: 0; -ENOENT: the device may not write there; -EFAULT: bad @from; -EINTR.
 */
int dmirror_write_page(struct dmirror *dm, u64 addr, const void __user *from)
{
	unsigned long left;
	void *page;

	if (!access_ok(from, PAGE_SIZE))
		return -EFAULT;
	do {
		page = begin_access(dm, addr, HMM_SVM_PTE_WRITE);
		if (!page)
			return -ENOENT;
		pagefault_disable();
		left = __copy_from_user_inatomic(page, from, PAGE_SIZE);
		pagefault_enable();
		up_read(&dm->busy);
		if (left && fault_in_readable(from, PAGE_SIZE))
			return -EFAULT;
	} while (left && !fatal_signal_pending(current));
	return left ? -EINTR : 0;
}

void dmirror_mmu_init(struct dmirror *dm)
{
	unsigned int i;

	init_rwsem(&dm->busy);
	spin_lock_init(&dm->lock);
	xa_init(&dm->leaves);
	for (i = 0; i < DMIRROR_TLB_ENTRIES; i++)
		dm->tlb[i].addr = DMIRROR_NO_PAGE;
}

void dmirror_mmu_fini(struct dmirror *dm)
{
	struct dmirror_leaf *leaf;
	unsigned long i;

	xa_for_each(&dm->leaves, i, leaf)
		kvfree(leaf);
	xa_destroy(&dm->leaves);
}
