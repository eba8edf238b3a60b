// SPDX-License-Identifier: GPL-2.0
/*
 * Migration from device to system memory, by migrate_vma_*() where an address is known
 * and by migrate_device_*() where only the device page is, and what it shares with
 * hmm_svm_to_dev.c, the other direction. Each migration is one copy by the driver's engine.
 *
 * What could not be copied is not migrated: a device page that the device or
 * a program can see has always been written or cleared whole.
 *
 * A block that the CPU maps as one large folio, or not at all, moves as one
 * large folio if its destination can be had. If not, the migration is begun
 * anew without MIGRATE_VMA_SELECT_COMPOUND: core mm then splits the folio for
 * every process that maps it, before it unmaps anything. Small destinations
 * for a large source would make it split for one process only.
 */
#include <linux/memcontrol.h>
#include <linux/migrate.h>
#include <linux/mm.h>
#include <linux/pagemap.h>
#include <linux/sched/mm.h>

#include "hmm_svm_migrate.h"
#include "hmm_svm_trace.h"

/* For memory that makes room on the device, which somebody waits for. */
#define EVICTION_GFP	(GFP_HIGHUSER_MOVABLE | __GFP_NOWARN | __GFP_RETRY_MAYFAIL)

/* Gives destinations back that nothing was copied to. */
void hmm_svm_drop_destinations(struct hmm_svm_migration *m)
{
	unsigned int i;

	for (i = 0; i < m->npages; i++) {
		struct page *page = migrate_pfn_to_page(m->dst[i]);

		if (!page)
			continue;
		folio_unlock(page_folio(page));
		folio_put(page_folio(page));
		m->dst[i] = 0;
	}
}

/*
 * A large folio with a large destination is one entry of the arrays, so core mm
 * need not look at the others, which it would do twice.
 */
void hmm_svm_shorten(struct hmm_svm_migration *m)
{
	if (hmm_svm_has_source(m, 0) && (m->dst[0] & MIGRATE_PFN_COMPOUND))
		m->npages = 1;
}

/* After migrate_*_pages(): pages that moved, and whether as a large folio. */
unsigned int hmm_svm_count_migrated(const struct hmm_svm_migration *m, bool *large)
{
	unsigned int i, n = 0;

	*large = m->dst[0] & MIGRATE_PFN_COMPOUND;
	if (*large)
		return m->src[0] & MIGRATE_PFN_MIGRATE ? HMM_SVM_BLOCK_PAGES : 0;
	for (i = 0; i < m->npages; i++)
		n += (m->src[i] & MIGRATE_PFN_MIGRATE) && m->dst[i];
	return n;
}

/*
 * How memory goes to system memory.
 * @block: of a large folio that may move as such (hmm_svm_whole.c), or NULL
 * @folio: where it goes; the reference is the migration's if it is used
 * @lent: of a CPU fault on a large folio that is to be split: its chunk
 * @vmf: in migrate_to_ram: the fault, whose page must move
 * @also: what counts it, besides HMM_SVM_NR_TO_SYS
 */
struct way {
	struct hmm_svm_block *block;
	struct folio *folio;
	struct hmm_svm_chunk *lent;
	const struct vm_fault *vmf;
	enum hmm_svm_counter also;
};

/*
 * System memory for a large folio, before anybody waits for its move: to allocate
 * may take invalidations elsewhere.
 */
static struct folio *alloc_large(struct hmm_svm_block *block, struct vm_area_struct *vma, gfp_t gfp)
{
	if (hmm_svm_take_failure(block->notifier->svm, HMM_SVM_FAIL_LARGE_PAGE))
		return NULL;
	return hmm_svm_vma_alloc_folio(gfp, HMM_SVM_BLOCK_ORDER, vma, block->start);
}

/* Of whom the CPU waits for it. */
static gfp_t large_gfp(const struct vm_area_struct *vma)
{
	if (vma->vm_flags & VM_HUGEPAGE)
		return GFP_TRANSHUGE;
	return GFP_TRANSHUGE_LIGHT | __GFP_KSWAPD_RECLAIM;
}

/* Whether pages come from where this CPU is, so that the vma does not matter. */
static bool has_default_policy(const struct vm_area_struct *vma)
{
#ifdef CONFIG_NUMA
	return !current->mempolicy && (!vma || !vma->vm_policy);
#else
	return true;
#endif
}

/* The same for small pages; @vma NULL: whose address nobody knows. */
static void alloc_system_pages(struct hmm_svm_migration *m, unsigned int npages,
			       struct vm_area_struct *vma, u64 addr, gfp_t gfp)
{
	unsigned int i, n = 0, taken = 0;
	struct page *page;

	if (has_default_policy(vma)) {
		for (i = 0; i < npages; i++)
			n += hmm_svm_has_source(m, i);
		memset(m->pages, 0, n * sizeof(*m->pages));
		n = hmm_svm_alloc_pages_bulk(gfp, n, m->pages);
	}
	for (i = 0; i < npages; i++, addr += PAGE_SIZE) {
		if (!hmm_svm_has_source(m, i))
			continue;
		if (taken < n)
			page = m->pages[taken++];
		else
			page = vma ? alloc_page_vma(gfp, vma, addr) : alloc_page(gfp);
		if (!page)
			continue;
		lock_page(page);
		m->dst[i] = migrate_pfn(page_to_pfn(page));
	}
}

/*
 * After migrate_*_pages(), while the pages are still held.
 * Return: for map_ahead(), after migrate_*_finalize().
 */
static struct hmm_svm_block *count_departure(struct hmm_svm_migration *m,
					     enum hmm_svm_counter also, enum hmm_svm_cause cause)
{
	struct hmm_svm_counters *counters;
	struct hmm_svm_block *block;
	struct hmm_svm_chunk *chunk;
	unsigned int n, first, i = 0;
	bool large;

	n = hmm_svm_count_migrated(m, &large);
	if (!n)
		return NULL;
	while (!hmm_svm_has_source(m, i) || !m->dst[i])
		i++;
	chunk = hmm_svm_chunk_of(migrate_pfn_to_page(m->src[i]));
	block = hmm_svm_chunk_left(chunk);
	counters = chunk->counters;
	hmm_svm_count(counters, HMM_SVM_NR_TO_SYS, n);
	if (large)
		hmm_svm_count(counters, HMM_SVM_NR_LARGE_TO_SYS, n);
	if (also != HMM_SVM_NR_TO_SYS)
		hmm_svm_count(counters, also, n);
	first = page_to_pfn(migrate_pfn_to_page(m->src[i])) - hmm_svm_chunk_pfn(chunk);
	trace_hmm_svm_migrate(counters, chunk->start + ((u64)first << PAGE_SHIFT),
			      (u64)(large ? n : m->npages - i) << PAGE_SHIFT, n, large, cause);
	return block;
}

/* The pages are where they belong now, so they can be found there. */
static void map_ahead(struct hmm_svm_block *block)
{
	if (!block)
		return;
	hmm_svm_map_later(block);
	hmm_svm_chunk_put_block(block);
}

/* Whether what the CPU wants is not going to move only for want of memory. */
static bool lacks_destination(const struct hmm_svm_migration *m, const struct migrate_vma *args,
			      const struct vm_fault *vmf)
{
	unsigned int i = (vmf->address - args->start) >> PAGE_SHIFT;

	if (hmm_svm_moves_whole(m))
		i = 0;
	return i < m->npages && hmm_svm_has_source(m, i) && !m->dst[i];
}

static void alloc_system(struct hmm_svm_migration *m, const struct migrate_vma *args,
			 struct way *way)
{
	gfp_t gfp = GFP_HIGHUSER_MOVABLE;

	if (hmm_svm_moves_whole(m)) {
		if (!hmm_svm_has_source(m, 0))
			return;
		folio_lock(way->folio);
		m->dst[0] = migrate_pfn(folio_pfn(way->folio)) | MIGRATE_PFN_COMPOUND;
		way->folio = NULL;
		return;
	}
	/* Only the page that must move is worth an effort. */
	if (m->npages > 1)
		gfp |= __GFP_NORETRY | __GFP_NOWARN;
	alloc_system_pages(m, m->npages, args->vma, args->start, gfp);
}

static int collect(struct migrate_vma *args, struct way *way)
{
	struct folio *folio;
	int ret;

	if (!way->lent)
		return migrate_vma_setup(args);
	folio = page_folio(args->fault_page);
	hmm_svm_lend(way->lent, folio);
	ret = migrate_vma_setup(args);
	hmm_svm_take_back(way->lent, folio);
	return ret;
}

static int move_to_sys(struct hmm_svm_device *sdev, struct migrate_vma *args,
		       struct hmm_svm_migration *m, struct way *way)
{
	enum hmm_svm_cause cause = HMM_SVM_CAUSE_FETCH_BACK;
	struct hmm_svm_block *block;
	int ret;

	ret = collect(args, way);
	if (ret || !args->cpages)
		return ret;
	m->npages = args->npages;

	alloc_system(m, args, way);
	hmm_svm_shorten(m);
	if (way->vmf && lacks_destination(m, args, way->vmf))
		ret = -ENOMEM;
	else
		ret = hmm_svm_transfer(sdev, m, false);
	if (ret)
		hmm_svm_drop_destinations(m);
	args->npages = m->npages;
	migrate_vma_pages(args);
	if (way->vmf)
		cause = HMM_SVM_CAUSE_CPU;
	else if (way->also == HMM_SVM_NR_EVICTED)
		cause = HMM_SVM_CAUSE_EVICT;
	block = count_departure(m, way->also, cause);
	migrate_vma_finalize(args);
	map_ahead(block);
	return ret;
}

/* @span: in @vma and in one block */
static int migrate_to_sys(struct hmm_svm_device *sdev, struct vm_area_struct *vma,
			  const struct hmm_svm_span *span, struct way *way)
{
	struct migrate_vma args = {
		.vma = vma,
		.start = span->start,
		.end = span->end,
		.pgmap_owner = sdev,
		.flags = hmm_svm_is_coherent(sdev) ? MIGRATE_VMA_SELECT_DEVICE_COHERENT :
						     MIGRATE_VMA_SELECT_DEVICE_PRIVATE,
		.fault_page = way->vmf ? way->vmf->page : NULL,
	};
	struct hmm_svm_migration *m;
	int ret = -ENOMEM;

	if (way->folio)
		args.flags |= MIGRATE_VMA_SELECT_COMPOUND;
	m = hmm_svm_migration_get(sdev);
	if (!m)
		return ret;
	args.src = m->src;
	args.dst = m->dst;
	ret = move_to_sys(sdev, &args, m, way);
	hmm_svm_migration_put(sdev, m);
	return ret;
}

/* Return: 0 or an error; -EAGAIN: not as a large folio. */
static int migrate_whole(struct vm_area_struct *vma, gfp_t gfp, struct way *way)
{
	struct hmm_svm_block *block = way->block;
	struct hmm_svm_span span = { .start = block->start, .end = hmm_svm_block_end(block) };
	int ret = -EAGAIN;

	if (vma->vm_start > span.start || vma->vm_end < span.end)
		return ret;
	way->folio = alloc_large(block, vma, gfp);
	if (!way->folio)
		return ret;
	if (hmm_svm_whole_begin(block)) {
		ret = migrate_to_sys(block->notifier->svm->sdev, vma, &span, way);
		hmm_svm_whole_end(block);
	}
	if (way->folio)
		folio_put(way->folio);
	way->folio = NULL;
	return ret;
}

/**
 * hmm_svm_migrate_to_sys() - Move a range to system memory
 * @block: whose memory to move
 * @vma: with mmap_lock held
 * @start: page aligned
 * @end: behind it; in @vma and @block
 *
 * Return: 0, -ENOMEM, or the copy engine's error, and then nothing moved.
 */
int hmm_svm_migrate_to_sys(struct hmm_svm_block *block, struct vm_area_struct *vma,
			   u64 start, u64 end)
{
	struct hmm_svm_span span = { .start = start, .end = end };
	struct way way = { .block = block, .also = HMM_SVM_NR_TO_SYS };
	int ret = -EAGAIN;

	if (hmm_svm_is_whole_block(start, end) && hmm_svm_whole_may_move(block, vma->vm_mm))
		ret = migrate_whole(vma, large_gfp(vma), &way);
	if (ret == -EAGAIN)
		ret = migrate_to_sys(block->notifier->svm->sdev, vma, &span, &way);
	return ret;
}

/*
 * Without what has left the chunk already, at both ends: to move a span
 * invalidates all of it, and another device may have mapped that meanwhile.
 */
static struct hmm_svm_span clip_to_chunk(const struct hmm_svm_chunk *chunk, u64 addr,
					 struct hmm_svm_span span)
{
	u64 base = chunk->start;

	/* After mremap(), a page is not where its address says. */
	if (addr - base >= HMM_SVM_BLOCK_SIZE)
		return span;
	while (span.start < addr && !test_bit((span.start - base) >> PAGE_SHIFT, chunk->used))
		span.start += PAGE_SIZE;
	while (span.end > addr + PAGE_SIZE &&
	       !test_bit((span.end - PAGE_SIZE - base) >> PAGE_SHIFT, chunk->used))
		span.end -= PAGE_SIZE;
	return span;
}

/*
 * What moves with the page of a CPU fault. A large folio that is mapped by small
 * entries core mm has to split first, and waits for the lock of each such folio; so nothing
 * but the page itself is in its way then, or two faults on neighbours would wait for
 * each other.
 */
static struct hmm_svm_span readback(struct hmm_svm_chunk *chunk, struct vm_fault *vmf)
{
	u64 addr = vmf->address & PAGE_MASK;

	if (folio_test_large(page_folio(vmf->page)))
		return (struct hmm_svm_span) { .start = addr, .end = addr + PAGE_SIZE };
	return clip_to_chunk(chunk, addr, hmm_svm_policy_readback(chunk, vmf->vma, addr));
}

/*
 * The caller has a reference to, and the lock of, the folio, which it gives back by
 * vmf->page. If core mm has to split the folio, both stay with the first page. To go
 * on with another one, migrate_vma_setup() (as of 7.3) takes that page's lock and
 * a reference anew, when it may have been unmapped and freed already: it would be
 * freed twice. So the fault holds on to the first page instead, and the one that the CPU
 * wants moves as any other.
 */
static void use_first_page(struct vm_fault *vmf)
{
	vmf->page = folio_page(page_folio(vmf->page), 0);
}

/* The CPU maps the page by a small entry. */
static int fault_on_small(struct hmm_svm_chunk *chunk, struct vm_fault *vmf)
{
	struct way way = { .vmf = vmf, .also = HMM_SVM_NR_TO_SYS };
	struct hmm_svm_span span = readback(chunk, vmf);
	u64 addr = vmf->address & PAGE_MASK;
	int ret;

	ret = migrate_to_sys(chunk->sdev, vmf->vma, &span, &way);
	if (ret != -ENOMEM || span.end - span.start == PAGE_SIZE)
		return ret;
	span = (struct hmm_svm_span) { .start = addr, .end = addr + PAGE_SIZE };
	return migrate_to_sys(chunk->sdev, vmf->vma, &span, &way);
}

/*
 * The CPU maps all of the chunk by one large entry. If it has to move by small pages and
 * lacks memory for them, it is mapped by small entries from now on.
 */
static int fault_on_large(struct hmm_svm_chunk *chunk, struct vm_fault *vmf)
{
	struct way way = { .vmf = vmf, .also = HMM_SVM_NR_TO_SYS };
	struct hmm_svm_span span;
	int ret = -EAGAIN;

	way.block = hmm_svm_whole_block(chunk, vmf);
	if (way.block) {
		ret = migrate_whole(vmf->vma, large_gfp(vmf->vma), &way);
		if (ret == -EAGAIN && !hmm_svm_whole_is_settled(way.block)) {
			hmm_svm_whole_settle(way.block, page_folio(vmf->page));
			ret = 0;
		}
		hmm_svm_chunk_put_block(way.block);
	}
	if (ret != -EAGAIN)
		return ret;
	way.lent = chunk;
	span.start = round_down(vmf->address, HMM_SVM_BLOCK_SIZE);
	span.end = span.start + HMM_SVM_BLOCK_SIZE;
	ret = migrate_to_sys(chunk->sdev, vmf->vma, &span, &way);
	return ret == -ENOMEM ? 0 : ret;
}

/**
 * hmm_svm_migrate_to_ram() - The CPU wants a page that is in device memory
 * @vmf: the fault
 *
 * Takes no lock of a block, as CPU faults happen under one.
 *
 * Return: 0, also when the page could not be moved yet: the CPU tries again.
 */
vm_fault_t hmm_svm_migrate_to_ram(struct vm_fault *vmf)
{
	struct hmm_svm_chunk *chunk = hmm_svm_chunk_of(vmf->page);
	int ret;

	use_first_page(vmf);
	hmm_svm_count(chunk->counters, HMM_SVM_NR_CPU_FAULTS, 1);
	if (READ_ONCE(chunk->sdev->lost))
		return VM_FAULT_SIGBUS;
	ret = vmf->pte ? fault_on_small(chunk, vmf) : fault_on_large(chunk, vmf);
	if (ret == -ENOMEM)
		return VM_FAULT_OOM;
	return ret ? VM_FAULT_SIGBUS : 0;
}

/*
 * Leaves alone what has just moved to system memory, whose last reference its
 * CPU fault is about to drop: it has no memory cgroup any more. Nor would its copy have one,
 * and core mm (7.3) waits for ever for such a folio to get one before it goes on the LRU.
 */
static void skip_moved(struct hmm_svm_migration *m)
{
	unsigned int i;

	if (mem_cgroup_disabled())
		return;
	for (i = 0; i < m->npages; i++)
		if (hmm_svm_has_source(m, i) &&
		    !folio_memcg_charged(page_folio(migrate_pfn_to_page(m->src[i]))))
			m->src[i] &= ~MIGRATE_PFN_MIGRATE;
}

/* Takes the chunk's pages from their processes. @mm as below. */
static void collect_chunk(struct hmm_svm_chunk *chunk, struct mm_struct *mm,
			  struct hmm_svm_migration *m)
{
	if (hmm_svm_chunk_is_large(chunk))
		m->npages = 0;
	else
		m->npages = hmm_svm_chunk_pages(chunk, m->src);
	m->npages = hmm_svm_anchored(chunk, mm, m->src, m->npages);
	if (!m->npages)
		return;
	memset(m->dst, 0, m->npages * sizeof(*m->dst));
	hmm_svm_migrate_device_pfns(m->src, m->npages);
	skip_moved(m);
	alloc_system_pages(m, m->npages, NULL, 0, EVICTION_GFP);
}

/**
 * hmm_svm_migrate_chunk() - Empty a chunk of small pages as far as possible
 * @chunk: which nobody allocates from
 * @mm: its owner, locked by hmm_svm_owner_lock()
 *
 * Return: 0, also when pages are left that somebody has locked, or that the owner does not
 * have; -ENOMEM, or the copy engine's error.
 */
int hmm_svm_migrate_chunk(struct hmm_svm_chunk *chunk, struct mm_struct *mm)
{
	struct hmm_svm_device *sdev = chunk->sdev;
	struct hmm_svm_migration *m;
	struct hmm_svm_block *block;
	int ret = 0;

	m = hmm_svm_migration_get(sdev);
	if (!m)
		return -ENOMEM;
	collect_chunk(chunk, mm, m);
	if (!m->npages)
		goto out;
	ret = hmm_svm_transfer(sdev, m, false);
	if (ret)
		hmm_svm_drop_destinations(m);
	migrate_device_pages(m->src, m->dst, m->npages);
	block = count_departure(m, HMM_SVM_NR_EVICTED, HMM_SVM_CAUSE_EVICT);
	migrate_device_finalize(m->src, m->dst, m->npages);
	map_ahead(block);
out:
	hmm_svm_migration_put(sdev, m);
	return ret;
}

/**
 * hmm_svm_migrate_large() - Empty a chunk that is one large folio
 * @chunk: which nobody allocates from
 * @block: which it backs, or NULL
 * @mm: its owner, locked by hmm_svm_owner_lock()
 *
 * As a whole if that may be, or by small pages: where an address is known, core mm splits
 * a large folio. The address is a hint, as the folio may have moved away by mremap().
 *
 * Return: 0, -ENOMEM, or the copy engine's error.
 */
int hmm_svm_migrate_large(struct hmm_svm_chunk *chunk, struct hmm_svm_block *block,
			  struct mm_struct *mm)
{
	struct way way = { .block = block, .also = HMM_SVM_NR_EVICTED };
	struct hmm_svm_span span = { .end = chunk->start };
	const u64 end = chunk->start + HMM_SVM_BLOCK_SIZE;
	struct vm_area_struct *vma = find_vma(mm, chunk->start);
	int ret = -EAGAIN;

	if (!hmm_svm_chunk_is_large(chunk))
		return 0;
	if (vma && block && hmm_svm_whole_may_move(block, mm))
		ret = migrate_whole(vma, EVICTION_GFP, &way);
	if (ret != -EAGAIN)
		return ret;
	ret = 0;
	while (!ret && span.end < end && (vma = find_vma(mm, span.end)) && vma->vm_start < end) {
		span = hmm_svm_clip_to_vma(vma, span.end, end);
		ret = migrate_to_sys(chunk->sdev, vma, &span, &way);
	}
	return ret;
}

/* From a page of the chunk on, of which some process has been found, while they lie together. */
static int migrate_stray(struct hmm_svm_chunk *chunk, struct mm_struct *mm, u64 addr,
			 unsigned int npages)
{
	struct way way = { .also = HMM_SVM_NR_EVICTED };
	struct vm_area_struct *vma = vma_lookup(mm, addr);
	struct hmm_svm_span span;

	if (!vma)
		return 0;
	span = hmm_svm_clip_to_vma(vma, addr, addr + ((u64)npages << PAGE_SHIFT));
	return migrate_to_sys(chunk->sdev, vma, &span, &way);
}

/**
 * hmm_svm_migrate_strays() - Empty a chunk of what its owner does not have
 * @chunk: which nobody allocates from
 * @held: mm whose mmap_lock the caller holds, or NULL
 *
 * Return: 0, also when pages are left; -ENOMEM, or the copy engine's error.
 */
int hmm_svm_migrate_strays(struct hmm_svm_chunk *chunk, struct mm_struct *held)
{
	unsigned long first = hmm_svm_chunk_pfn(chunk);
	struct mm_struct *mm;
	unsigned int i = 0;
	int ret = 0;
	u64 addr;

	for (; !ret && i < HMM_SVM_BLOCK_PAGES; i++) {
		i = find_next_bit(chunk->used, HMM_SVM_BLOCK_PAGES, i);
		if (i == HMM_SVM_BLOCK_PAGES)
			break;
		mm = hmm_svm_stray_lock(pfn_to_page(first + i), held, &addr);
		if (!mm)
			continue;
		ret = migrate_stray(chunk, mm, addr, HMM_SVM_BLOCK_PAGES - i);
		hmm_svm_owner_unlock(mm, held);
	}
	return ret;
}
