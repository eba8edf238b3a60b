// SPDX-License-Identifier: MIT
/* Two connected queue pairs on a software RDMA device, see rdma.h. */
#include "rdma.h"

#include <arpa/inet.h>

#include "gpu_test.h"
#include "system.h"

#define DEVICE		"rxe_colibri"
#define NETDEV		"rdma_colibri"
#define NETDEV_PEER	"rdma_peer"
#define ADDRESS		"198.18.0.1"	/* of the block for benchmarks of networks */
#define PORT		1
#define PSN		1000

/* One end of a veth has a speed; of a dummy, the kernel warns that it has none. */
#define MAKE_DEVICE								\
	"rdma link show " DEVICE "/1 >/dev/null 2>&1 || {"			\
	" modprobe -qa veth dummy; modprobe -a rdma_rxe ib_uverbs && {"		\
	" ip link add " NETDEV " mtu 9000 type veth peer name " NETDEV_PEER " mtu 9000 2>/dev/null &&" \
	" ip link set " NETDEV_PEER " up ||"					\
	" ip link add " NETDEV " mtu 9000 type dummy; } &&"			\
	" ip addr add " ADDRESS "/24 dev " NETDEV " &&"				\
	" ip link set " NETDEV " up &&"						\
	" rdma link add " DEVICE " type rxe netdev " NETDEV "; }"

static void open_device(struct rdma *rdma)
{
	struct ibv_device **list = ibv_get_device_list(NULL);

	igt_assert(list);
	for (size_t i = 0; list[i] && !rdma->context; i++)
		if (!strcmp(ibv_get_device_name(list[i]), DEVICE))
			rdma->context = ibv_open_device(list[i]);
	ibv_free_device_list(list);
	igt_assert(rdma->context);
}

static void require_odp(struct rdma *rdma)
{
	const uint32_t need = IBV_ODP_SUPPORT_WRITE | IBV_ODP_SUPPORT_READ;
	struct ibv_device_attr_ex attr;

	igt_assert_eq(ibv_query_device_ex(rdma->context, NULL, &attr), 0);
	igt_require_f((attr.odp_caps.general_caps & IBV_ODP_SUPPORT) &&
		      (attr.odp_caps.per_transport_caps.rc_odp_caps & need) == need,
		      "rdma_rxe of this kernel has no on-demand paging\n");
}

/* The GID that stands for ADDRESS comes some time after the address. */
static void find_gid(struct rdma *rdma)
{
	struct in6_addr want;
	struct timespec start = { 0 };

	igt_assert_eq(inet_pton(AF_INET6, "::ffff:" ADDRESS, &want), 1);
	do {
		for (rdma->gid_index = 0; rdma->gid_index < 16; rdma->gid_index++)
			if (!ibv_query_gid(rdma->context, PORT, rdma->gid_index, &rdma->gid) &&
			    !memcmp(&rdma->gid, &want, sizeof(want)))
				return;
		usleep(10000);
	} while (igt_nsec_elapsed(&start) < GPU_TIMEOUT_S * NSEC_PER_SEC);
	igt_assert_f(false, "no GID for " ADDRESS "\n");
}

static void make_qp(struct rdma *rdma, unsigned int i)
{
	struct ibv_qp_init_attr init = {
		.send_cq = rdma->cq,
		.recv_cq = rdma->cq,
		.cap = { .max_send_wr = 4, .max_recv_wr = 4, .max_send_sge = 1, .max_recv_sge = 1 },
		.qp_type = IBV_QPT_RC,
	};
	struct ibv_qp_attr attr = {
		.qp_state = IBV_QPS_INIT,
		.port_num = PORT,
		.qp_access_flags = IBV_ACCESS_REMOTE_WRITE | IBV_ACCESS_REMOTE_READ,
	};

	rdma->qp[i] = ibv_create_qp(rdma->pd, &init);
	igt_assert(rdma->qp[i]);
	igt_assert_eq(ibv_modify_qp(rdma->qp[i], &attr, IBV_QP_STATE | IBV_QP_PKEY_INDEX |
				    IBV_QP_PORT | IBV_QP_ACCESS_FLAGS), 0);
}

static void connect_qp(struct rdma *rdma, unsigned int i)
{
	struct ibv_qp_attr attr = {
		.qp_state = IBV_QPS_RTR,
		/*
		 * Packets of whole pages: with on-demand paging, rdma_rxe of 7.3 copies to and
		 * from the start of a page, whatever the address (__rxe_odp_mr_copy()).
		 */
		.path_mtu = IBV_MTU_4096,
		.dest_qp_num = rdma->qp[!i]->qp_num,
		.rq_psn = PSN,
		.max_dest_rd_atomic = 1,
		.min_rnr_timer = 12,
		.ah_attr = {
			.is_global = 1,
			.grh = { .dgid = rdma->gid, .sgid_index = rdma->gid_index, .hop_limit = 1 },
			.port_num = PORT,
		},
	};

	igt_assert_eq(ibv_modify_qp(rdma->qp[i], &attr, IBV_QP_STATE | IBV_QP_AV |
				    IBV_QP_PATH_MTU | IBV_QP_DEST_QPN | IBV_QP_RQ_PSN |
				    IBV_QP_MAX_DEST_RD_ATOMIC | IBV_QP_MIN_RNR_TIMER), 0);
	/* Patient: a page fault of the peer is not a lost packet. */
	attr = (struct ibv_qp_attr) {
		.qp_state = IBV_QPS_RTS,
		.timeout = 18,
		.retry_cnt = 7,
		.rnr_retry = 7,
		.sq_psn = PSN,
		.max_rd_atomic = 1,
	};
	igt_assert_eq(ibv_modify_qp(rdma->qp[i], &attr, IBV_QP_STATE | IBV_QP_TIMEOUT |
				    IBV_QP_RETRY_CNT | IBV_QP_RNR_RETRY | IBV_QP_SQ_PSN |
				    IBV_QP_MAX_QP_RD_ATOMIC), 0);
}

void rdma_init(struct rdma *rdma)
{
	memset(rdma, 0, sizeof(*rdma));
	require_command(MAKE_DEVICE, "a software RDMA device (rdma_rxe)");
	open_device(rdma);
	require_odp(rdma);
	find_gid(rdma);
	rdma->pd = ibv_alloc_pd(rdma->context);
	igt_assert(rdma->pd);
	rdma->cq = ibv_create_cq(rdma->context, 8, NULL, NULL, 0);
	igt_assert(rdma->cq);
	make_qp(rdma, 0);
	make_qp(rdma, 1);
	connect_qp(rdma, 0);
	connect_qp(rdma, 1);
}

void rdma_fini(struct rdma *rdma)
{
	igt_assert_eq(ibv_destroy_qp(rdma->qp[0]), 0);
	igt_assert_eq(ibv_destroy_qp(rdma->qp[1]), 0);
	igt_assert_eq(ibv_destroy_cq(rdma->cq), 0);
	igt_assert_eq(ibv_dealloc_pd(rdma->pd), 0);
	igt_assert_eq(ibv_close_device(rdma->context), 0);
}

struct ibv_mr *rdma_register(struct rdma *rdma, void *addr, size_t size)
{
	struct ibv_mr *mr = ibv_reg_mr(rdma->pd, addr, size, IBV_ACCESS_LOCAL_WRITE |
				       IBV_ACCESS_REMOTE_WRITE | IBV_ACCESS_REMOTE_READ |
				       IBV_ACCESS_ON_DEMAND);

	igt_assert_f(mr, "ibv_reg_mr: %s\n", strerror(errno));
	return mr;
}

enum ibv_wc_status rdma_transfer(struct rdma *rdma, enum ibv_wr_opcode opcode,
				 const struct ibv_mr *local, const struct ibv_mr *remote,
				 size_t size)
{
	struct ibv_sge sge = {
		.addr = (uintptr_t)local->addr,
		.length = size,
		.lkey = local->lkey,
	};
	struct ibv_send_wr *bad, request = {
		.sg_list = &sge,
		.num_sge = 1,
		.opcode = opcode,
		.send_flags = IBV_SEND_SIGNALED,
		.wr.rdma = { .remote_addr = (uintptr_t)remote->addr, .rkey = remote->rkey },
	};
	struct timespec start = { 0 };
	struct ibv_wc done;
	int n;

	igt_assert_eq(ibv_post_send(rdma->qp[0], &request, &bad), 0);
	while (!(n = ibv_poll_cq(rdma->cq, 1, &done))) {
		igt_assert_f(igt_nsec_elapsed(&start) < GPU_TIMEOUT_S * NSEC_PER_SEC,
			     "the transfer does not complete\n");
		usleep(100);
	}
	igt_assert_eq(n, 1);
	return done.status;
}
