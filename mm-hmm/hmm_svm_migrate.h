/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the files share that move pages: hmm_svm_to_dev.c and hmm_svm_migrate.c decide
 * what goes where, hmm_svm_transfer.c has the driver copy it.
 */
#ifndef _HMM_SVM_MIGRATE_H
#define _HMM_SVM_MIGRATE_H

#include <linux/migrate.h>

#include "hmm_svm_internal.h"

/**
 * struct hmm_svm_migration - the arrays of one migration, of at most a block
 * @spare: in hmm_svm_device.spares while nobody uses it
 * @npages: entries of @src and @dst in use
 * @nr_extents: number of @extents
 * @total: bytes of them that are in system memory
 * @ops: hmm_svm_transfer_begin(): who copies; NULL: there is nothing to copy
 * @ticket: of &hmm_svm_device_ops.copy_begin
 * @iova: one range of DMA addresses for all of them, where there is an IOMMU
 * @src: what moves, as of migrate_vma_setup() or migrate_device_pfns()
 * @dst: where to
 * @extents: for the driver; with the DMA addresses of the side in system memory
 * @pages: before there are any: memory for @dst
 *
 * A large folio is always a whole block, so it is entry 0, and alone.
 */
struct hmm_svm_migration {
	struct list_head spare;
	unsigned int npages;
	unsigned int nr_extents;
	size_t total;
	const struct hmm_svm_device_ops *ops;
	int ticket;
	struct dma_iova_state iova;
	unsigned long src[HMM_SVM_BLOCK_PAGES];
	unsigned long dst[HMM_SVM_BLOCK_PAGES];
	union {
		struct hmm_svm_extent extents[HMM_SVM_BLOCK_PAGES];
		struct page *pages[HMM_SVM_BLOCK_PAGES];
	};
};

/* Whether what moves is one large folio, or the hole where one would fit. */
static inline bool hmm_svm_moves_whole(const struct hmm_svm_migration *m)
{
	return m->src[0] & MIGRATE_PFN_COMPOUND;
}

/* Whether there is a page to move: untouched memory is "migratable" without. */
static inline bool hmm_svm_has_source(const struct hmm_svm_migration *m, unsigned int i)
{
	return (m->src[i] & MIGRATE_PFN_MIGRATE) && migrate_pfn_to_page(m->src[i]);
}

static inline bool hmm_svm_is_whole_block(u64 start, u64 end)
{
	return HMM_SVM_LARGE_FOLIOS && end - start == HMM_SVM_BLOCK_SIZE &&
	       IS_ALIGNED(start, HMM_SVM_BLOCK_SIZE);
}

/* hmm_svm_migrate.c */
void hmm_svm_drop_destinations(struct hmm_svm_migration *m);
void hmm_svm_shorten(struct hmm_svm_migration *m);
unsigned int hmm_svm_count_migrated(const struct hmm_svm_migration *m, bool *large);

/* hmm_svm_transfer.c */
struct hmm_svm_migration *hmm_svm_migration_get(struct hmm_svm_device *sdev);
void hmm_svm_migration_put(struct hmm_svm_device *sdev, struct hmm_svm_migration *m);
int hmm_svm_migrations_init(struct hmm_svm_device *sdev);
void hmm_svm_migrations_free(struct hmm_svm_device *sdev);
int hmm_svm_transfer(struct hmm_svm_device *sdev, struct hmm_svm_migration *m, bool to_dev);
int hmm_svm_transfer_begin(struct hmm_svm_device *sdev, struct hmm_svm_migration *m, bool to_dev);
int hmm_svm_transfer_end(struct hmm_svm_device *sdev, struct hmm_svm_migration *m, bool to_dev);

#endif /* _HMM_SVM_MIGRATE_H */
