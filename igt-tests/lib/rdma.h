/* SPDX-License-Identifier: MIT */
/*
 * A software RDMA device (rdma_rxe on a virtual network device) and two connected
 * queue pairs on it, whose memory is registered with on-demand paging: nothing is
 * pinned, the device faults pages in through HMM as a GPU does.
 */
#ifndef COLIBRI_RDMA_H
#define COLIBRI_RDMA_H

#include <infiniband/verbs.h>

/** struct rdma - two queue pairs of one process that talk to each other */
struct rdma {
	struct ibv_context *context;
	struct ibv_pd *pd;
	struct ibv_cq *cq;
	/** @qp: the first one posts, the second one is its peer */
	struct ibv_qp *qp[2];
	union ibv_gid gid;
	int gid_index;
};

/** rdma_init() - Make the device, if there is none, and connect; skips when the kernel cannot */
void rdma_init(struct rdma *rdma);
void rdma_fini(struct rdma *rdma);

/** rdma_register() - Register memory with on-demand paging; fails the subtest */
struct ibv_mr *rdma_register(struct rdma *rdma, void *addr, size_t size);

/** rdma_transfer() - IBV_WR_RDMA_WRITE or IBV_WR_RDMA_READ of @size bytes, whole pages; returns the status */
enum ibv_wc_status rdma_transfer(struct rdma *rdma, enum ibv_wr_opcode opcode,
				 const struct ibv_mr *local, const struct ibv_mr *remote,
				 size_t size);

#endif /* COLIBRI_RDMA_H */
