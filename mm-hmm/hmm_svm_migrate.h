/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the files share that move pages: hmm_svm_migrate.c decides what goes
 * where, hmm_svm_transfer.c has the driver copy it.
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

struct hmm_svm_migration *hmm_svm_migration_get(struct hmm_svm_device *sdev);
void hmm_svm_migration_put(struct hmm_svm_device *sdev, struct hmm_svm_migration *m);
int hmm_svm_migrations_init(struct hmm_svm_device *sdev);
void hmm_svm_migrations_free(struct hmm_svm_device *sdev);
int hmm_svm_transfer(struct hmm_svm_device *sdev, struct hmm_svm_migration *m, bool to_dev);

#endif /* _HMM_SVM_MIGRATE_H */
