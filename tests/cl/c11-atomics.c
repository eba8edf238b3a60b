/* SPDX-License-Identifier: MIT */
/*
 * C11 atomics: all orders and scopes, between waves, and between a kernel and
 * the CPU while both run, in malloc()ed memory.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "cl_helper.h"
#include "tap.h"

#define ITEMS 1024
#define ROUNDS 200

static const char source[] =
	"#define TRY(order, scope) \\\n"
	"	atomic_fetch_add_explicit(v++, i + 1, memory_order_##order, memory_scope_##scope);\n"
	"#define TRY_ORDERS(scope) \\\n"
	"	TRY(relaxed, scope) TRY(acquire, scope) TRY(release, scope) \\\n"
	"	TRY(acq_rel, scope) TRY(seq_cst, scope)\n"
	"kernel void orders(global atomic_int *v)\n"
	"{\n"
	"	int i = get_global_id(0);\n"
	"\n"
	"	TRY_ORDERS(work_group)\n"
	"	TRY_ORDERS(device)\n"
	"	TRY_ORDERS(all_svm_devices)\n"
	"	TRY_ORDERS(all_devices)\n"
	"	atomic_fetch_sub(v++, i);\n"
	"	atomic_fetch_or(v++, 1 << i % 32);\n"
	"	atomic_fetch_xor(v++, i * 77);\n"
	"	atomic_fetch_and(v++, ~(1 << i % 7));\n"
	"	atomic_fetch_min(v++, i - 500);\n"
	"	atomic_fetch_max(v++, i - 500);\n"
	"}\n"
	"kernel void wide(global atomic_ulong *v, global ulong *plain)\n"
	"{\n"
	"	ulong i = get_global_id(0), old = atomic_load(&v[1]);\n"
	"\n"
	"	atomic_fetch_add(&v[0], i << 32);\n"
	"	while (!atomic_compare_exchange_weak(&v[1], &old, old + (i << 33)))\n"
	"		;\n"
	"	atomic_fetch_max(&v[2], i << 40);\n"
	"	atom_add(plain, i << 34);\n"
	"}\n"
	/* Waves of one group hand a value on, from the last to the first. */
	"kernel void relay(global int *payload, global int *got)\n"
	"{\n"
	"	local atomic_int turn;\n"
	"	int wave = get_local_id(0) / 64, waves = get_local_size(0) / 64;\n"
	"\n"
	"	if (get_local_id(0) == 0)\n"
	"		atomic_init(&turn, waves - 1);\n"
	"	barrier(CLK_LOCAL_MEM_FENCE);\n"
	"	if (get_local_id(0) % 64)\n"
	"		return;\n"
	"	while (atomic_load_explicit(&turn, memory_order_relaxed,\n"
	"				    memory_scope_work_group) != wave)\n"
	"		;\n"
	"	atomic_work_item_fence(CLK_LOCAL_MEM_FENCE | CLK_GLOBAL_MEM_FENCE,\n"
	"			       memory_order_acquire, memory_scope_work_group);\n"
	"	got[wave] = *payload;\n"
	"	*payload = *payload * 3 + wave;\n"
	"	atomic_store_explicit(&turn, wave - 1, memory_order_release,\n"
	"			      memory_scope_work_group);\n"
	"}\n"
	"kernel void lock(global atomic_flag *taken, global int *count)\n"
	"{\n"
	"	if (get_local_id(0))\n"
	"		return;\n"
	"	while (atomic_flag_test_and_set_explicit(taken, memory_order_acquire,\n"
	"						 memory_scope_device))\n"
	"		;\n"
	"	*count = *count * 5 + 1;\n"
	"	atomic_flag_clear_explicit(taken, memory_order_release, memory_scope_device);\n"
	"}\n"
	/* With the CPU: both count, and both take turns. */
	"kernel void count(global atomic_int *counter, global atomic_int *cpu, int rounds)\n"
	"{\n"
	"	for (int i = 0; i < rounds; i++)\n"
	"		atomic_fetch_add_explicit(counter, 1, memory_order_relaxed,\n"
	"					  memory_scope_all_svm_devices);\n"
	"	while (!atomic_load_explicit(cpu, memory_order_acquire,\n"
	"				     memory_scope_all_svm_devices))\n"
	"		;\n"
	"}\n"
	"kernel void turns(global atomic_int *turn, global int *data, int rounds)\n"
	"{\n"
	"	if (get_global_id(0))\n"
	"		return;\n"
	"	for (int i = 0; i < rounds; i++) {\n"
	"		while (atomic_load_explicit(turn, memory_order_acquire,\n"
	"					    memory_scope_all_svm_devices) != 2 * i + 1)\n"
	"			;\n"
	"		*data = *data * 3 + 1;\n"
	"		atomic_store_explicit(turn, 2 * i + 2, memory_order_release,\n"
	"				      memory_scope_all_svm_devices);\n"
	"	}\n"
	"}\n";

static void test_capabilities(struct cl *cl)
{
	const cl_device_atomic_capabilities want =
		CL_DEVICE_ATOMIC_ORDER_RELAXED | CL_DEVICE_ATOMIC_ORDER_ACQ_REL |
		CL_DEVICE_ATOMIC_ORDER_SEQ_CST | CL_DEVICE_ATOMIC_SCOPE_WORK_GROUP |
		CL_DEVICE_ATOMIC_SCOPE_DEVICE | CL_DEVICE_ATOMIC_SCOPE_ALL_DEVICES;
	cl_device_atomic_capabilities memory = 0, fence = 0;
	cl_device_svm_capabilities svm = 0;

	CL_CHECK(clGetDeviceInfo(cl->device, CL_DEVICE_ATOMIC_MEMORY_CAPABILITIES,
				 sizeof(memory), &memory, NULL));
	CL_CHECK(clGetDeviceInfo(cl->device, CL_DEVICE_ATOMIC_FENCE_CAPABILITIES,
				 sizeof(fence), &fence, NULL));
	CL_CHECK(clGetDeviceInfo(cl->device, CL_DEVICE_SVM_CAPABILITIES, sizeof(svm),
				 &svm, NULL));
	tap_result(memory == want && fence == (want | CL_DEVICE_ATOMIC_SCOPE_WORK_ITEM),
		   "the device has all orders and scopes");
	tap_result(svm == (CL_DEVICE_SVM_COARSE_GRAIN_BUFFER | CL_DEVICE_SVM_FINE_GRAIN_BUFFER |
			   CL_DEVICE_SVM_FINE_GRAIN_SYSTEM | CL_DEVICE_SVM_ATOMICS),
		   "the device has all of shared virtual memory");
}

static void test_orders(struct cl *cl, cl_program program)
{
	cl_kernel kernel = cl_kernel_of(program, "orders");
	int v[26] = { 0 }, sum = 0, xor = 0;
	bool ok = true;

	for (int i = 0; i < ITEMS; i++) {
		sum += i;
		xor ^= i * 77;
	}
	v[23] = -1;
	cl_arg_pointer(kernel, 0, v);
	cl_run(cl, kernel, ITEMS, 256);
	for (int i = 0; i < 20; i++)
		ok &= v[i] == sum + ITEMS;
	tap_result(ok, "C11 atomics: four scopes with five orders");
	tap_result(v[20] == -sum && v[21] == -1 && v[22] == xor && v[23] == ~0x7f &&
		   v[24] == -500 && v[25] == ITEMS - 1 - 500, "C11 atomics: operations");
	CL_CHECK(clReleaseKernel(kernel));
}

static void test_wide(struct cl *cl, cl_program program)
{
	const uint64_t sum = (uint64_t)ITEMS * (ITEMS - 1) / 2;
	cl_kernel kernel = cl_kernel_of(program, "wide");
	uint64_t v[3] = { 0 }, plain = 0;

	cl_arg_pointer(kernel, 0, v);
	cl_arg_pointer(kernel, 1, &plain);
	cl_run(cl, kernel, ITEMS, 256);
	tap_result(v[0] == sum << 32 && v[1] == sum << 33 &&
		   v[2] == (ITEMS - 1ull) << 40 && plain == sum << 34,
		   "C11 atomics: 64 bits");
	CL_CHECK(clReleaseKernel(kernel));
}

static void test_relay(struct cl *cl, cl_program program)
{
	cl_kernel kernel = cl_kernel_of(program, "relay");
	int payload = 1, got[4] = { 0 }, want = 1;
	bool ok = true;

	cl_arg_pointer(kernel, 0, &payload);
	cl_arg_pointer(kernel, 1, got);
	cl_run(cl, kernel, 256, 256);
	for (int wave = 3; wave >= 0; wave--) {
		ok &= got[wave] == want;
		want = want * 3 + wave;
	}
	tap_result(ok && payload == want, "C11 atomics: waves wait for each other");
	CL_CHECK(clReleaseKernel(kernel));
}

static void test_lock(struct cl *cl, cl_program program)
{
	cl_kernel kernel = cl_kernel_of(program, "lock");
	uint32_t want = 0, count = 0;
	int taken = 0;

	cl_arg_pointer(kernel, 0, &taken);
	cl_arg_pointer(kernel, 1, &count);
	cl_run(cl, kernel, 64 * 20, 64);
	for (int i = 0; i < 20; i++)
		want = want * 5 + 1;
	tap_result(count == want && !taken, "C11 atomics: a lock among work-groups");
	CL_CHECK(clReleaseKernel(kernel));
}

/* Starts @kernel without waiting for it. */
static cl_event start(struct cl *cl, cl_kernel kernel, size_t items)
{
	const size_t group = 64;
	cl_event event;

	CL_CHECK(clEnqueueNDRangeKernel(cl->queue, kernel, 1, NULL, &items, &group, 0, NULL,
					&event));
	CL_CHECK(clFlush(cl->queue));
	return event;
}

static void finish(cl_event event)
{
	CL_CHECK(clWaitForEvents(1, &event));
	CL_CHECK(clReleaseEvent(event));
}

/* The kernel does not end before the CPU has counted, too. */
static void test_count(struct cl *cl, cl_program program, atomic_int *shared,
		       const char *memory)
{
	const cl_int rounds = ROUNDS;
	cl_kernel kernel = cl_kernel_of(program, "count");

	atomic_init(&shared[0], 0);
	atomic_init(&shared[1], 0);
	cl_arg_pointer(kernel, 0, &shared[0]);
	cl_arg_pointer(kernel, 1, &shared[1]);
	CL_ARG(kernel, 2, rounds);
	cl_event event = start(cl, kernel, 256);
	while (!atomic_load(&shared[0]))
		;
	for (int i = 0; i < 1000 * ROUNDS; i++)
		atomic_fetch_add(&shared[0], 1);
	atomic_store(&shared[1], 1);
	finish(event);
	tap_result(shared[0] == (256 + 1000) * ROUNDS,
		   "CPU and kernel count at the same time in %s", memory);
	CL_CHECK(clReleaseKernel(kernel));
}

static void test_turns(struct cl *cl, cl_program program, atomic_int *shared,
		       const char *memory)
{
	const cl_int rounds = ROUNDS;
	cl_kernel kernel = cl_kernel_of(program, "turns");
	uint32_t *data = (uint32_t *)&shared[2], want = 1;
	bool ok = true;

	atomic_init(&shared[0], 0);
	*data = 1;
	cl_arg_pointer(kernel, 0, &shared[0]);
	cl_arg_pointer(kernel, 1, data);
	CL_ARG(kernel, 2, rounds);
	cl_event event = start(cl, kernel, 64);
	for (int i = 0; i < ROUNDS; i++) {
		ok &= *data == want;
		*data = *data * 5 + 3;
		want = (want * 5 + 3) * 3 + 1;
		atomic_store_explicit(&shared[0], 2 * i + 1, memory_order_release);
		while (atomic_load_explicit(&shared[0], memory_order_acquire) != 2 * i + 2)
			;
	}
	finish(event);
	tap_result(ok && *data == want, "CPU and kernel take turns in %s", memory);
	CL_CHECK(clReleaseKernel(kernel));
}

int main(void)
{
	struct cl cl;
	atomic_int *plain = calloc(3, sizeof(*plain)), *svm;

	cl_open(&cl);
	cl_program program = cl_build(&cl, source);
	svm = clSVMAlloc(cl.context, CL_MEM_READ_WRITE | CL_MEM_SVM_FINE_GRAIN_BUFFER |
			 CL_MEM_SVM_ATOMICS, 3 * sizeof(*svm), 0);

	test_capabilities(&cl);
	test_orders(&cl, program);
	test_wide(&cl, program);
	test_relay(&cl, program);
	test_lock(&cl, program);
	test_count(&cl, program, plain, "malloc()ed memory");
	test_count(&cl, program, svm, "an SVM allocation");
	test_turns(&cl, program, plain, "malloc()ed memory");
	test_turns(&cl, program, svm, "an SVM allocation");

	clSVMFree(cl.context, svm);
	free(plain);
	CL_CHECK(clReleaseProgram(program));
	cl_close(&cl);
	return tap_status();
}
