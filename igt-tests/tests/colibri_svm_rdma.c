// SPDX-License-Identifier: MIT
/*
 * Shared virtual memory next to RDMA with on-demand paging: HMM serves a GPU and a network
 * card, each with page tables of its own, on the same pages.
 */
#include <sys/mman.h>

#include "gpu_test.h"
#include "rdma.h"

IGT_TEST_DESCRIPTION("Shared virtual memory: RDMA on pages in VRAM");

#define SIZE	(256 * KiB)

/* Both sides of the transfer are in VRAM before it. */
static void transfer(struct gpu *gpu, enum ibv_wr_opcode opcode)
{
	void *from = map_anonymous(SIZE, PAGE_SIZE), *to = map_anonymous(SIZE, PAGE_SIZE);
	bool write = opcode == IBV_WR_RDMA_WRITE;
	struct ibv_mr *mr_from, *mr_to;
	struct rdma rdma;

	/* So much to and fro would have them stay in system memory. */
	igt_assert_eq(colibri_svm_advise(&gpu->dev, gpu->vm, from, SIZE,
					 DRM_COLIBRI_SVM_ADVISE_THRASH, 0), 0);
	igt_assert_eq(colibri_svm_advise(&gpu->dev, gpu->vm, to, SIZE,
					 DRM_COLIBRI_SVM_ADVISE_THRASH, 0), 0);
	rdma_init(&rdma);
	mr_from = rdma_register(&rdma, from, SIZE);
	mr_to = rdma_register(&rdma, to, SIZE);
	for (uint32_t round = 1; round <= 3; round++) {
		gpu_ramp_to_vram(gpu, from, SIZE, round * 1000);
		gpu_ramp_to_vram(gpu, to, SIZE, 0);
		igt_assert_eq(rdma_transfer(&rdma, opcode, write ? mr_from : mr_to,
					    write ? mr_to : mr_from, SIZE), IBV_WC_SUCCESS);
		igt_assert_eq_u64(gpu_ramp_errors(gpu, to, SIZE, round * 1000), 0);
		igt_assert_eq_u64(cpu_ramp_errors(to, SIZE, round * 1000), 0);
		igt_assert_eq_u64(cpu_ramp_errors(from, SIZE, round * 1000), 0);
	}
	igt_assert_eq(ibv_dereg_mr(mr_from), 0);
	igt_assert_eq(ibv_dereg_mr(mr_to), 0);
	rdma_fini(&rdma);
}

static void write_vram(struct gpu *gpu)
{
	transfer(gpu, IBV_WR_RDMA_WRITE);
}

static void read_vram(struct gpu *gpu)
{
	transfer(gpu, IBV_WR_RDMA_READ);
}

/* A file's pages stay where they are: both devices have them mapped. */
static void in_place(struct gpu *gpu)
{
	void *shared = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	void *copy = map_anonymous(SIZE, PAGE_SIZE);
	struct ibv_mr *mr_shared, *mr_copy;
	struct rdma rdma;

	igt_assert(shared != MAP_FAILED);
	rdma_init(&rdma);
	mr_shared = rdma_register(&rdma, shared, SIZE);
	mr_copy = rdma_register(&rdma, copy, SIZE);
	gpu_ramp_write(gpu, shared, SIZE, 5);
	igt_assert_eq(rdma_transfer(&rdma, IBV_WR_RDMA_WRITE, mr_shared, mr_copy, SIZE),
		      IBV_WC_SUCCESS);
	igt_assert_eq_u64(cpu_ramp_errors(copy, SIZE, 5), 0);
	gpu_ramp_add(gpu, shared, SIZE, 1);
	igt_assert_eq(rdma_transfer(&rdma, IBV_WR_RDMA_WRITE, mr_shared, mr_copy, SIZE),
		      IBV_WC_SUCCESS);
	igt_assert_eq_u64(gpu_ramp_errors(gpu, copy, SIZE, 6), 0);
	igt_assert_eq(ibv_dereg_mr(mr_shared), 0);
	igt_assert_eq(ibv_dereg_mr(mr_copy), 0);
	rdma_fini(&rdma);
	munmap(shared, SIZE);
}

/* The GPU works on a page that RDMA keeps reading: each word read is one that was there. */
static void while_gpu_runs(struct gpu *gpu)
{
	volatile uint64_t *page = map_anonymous(PAGE_SIZE, PAGE_SIZE);
	uint64_t *copy = map_anonymous(PAGE_SIZE, PAGE_SIZE), last = 0;
	struct ibv_mr *mr_page, *mr_copy;
	struct rdma rdma;

	rdma_init(&rdma);
	mr_page = rdma_register(&rdma, (void *)page, PAGE_SIZE);
	mr_copy = rdma_register(&rdma, copy, PAGE_SIZE);
	gpu_loop_start(gpu, (uintptr_t)page);
	for (unsigned int i = 0; i < 20; i++) {
		gpu_loop_progress(gpu, 1);
		igt_assert_eq(rdma_transfer(&rdma, IBV_WR_RDMA_READ, mr_copy, mr_page, PAGE_SIZE),
			      IBV_WC_SUCCESS);
		igt_assert_lt_u64(last, *copy);
		last = *copy;
	}
	igt_assert_eq_u64(gpu_loop_stop(gpu), page[0]);
	igt_assert_eq(ibv_dereg_mr(mr_page), 0);
	igt_assert_eq(ibv_dereg_mr(mr_copy), 0);
	rdma_fini(&rdma);
}

static const struct gpu_test tests[] = {
	{ "write", write_vram, "RDMA writes from pages in VRAM to pages in VRAM" },
	{ "read", read_vram, "RDMA reads from pages in VRAM to pages in VRAM" },
	{ "in-place", in_place, "GPU and RDMA have the same pages of system memory mapped" },
	{ "while-gpu-runs", while_gpu_runs, "RDMA reads a page that a kernel keeps writing" },
};

igt_main()
{
	gpu_run_tests(tests, ARRAY_SIZE(tests), gpu_init);
}
