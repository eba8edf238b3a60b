// SPDX-License-Identifier: MIT
/*
 * Packets, see libcolibri_drm.h.
 */
#include "libcolibri_drm.h"

union colibri_packet colibri_packet_vendor(uint16_t op)
{
	union colibri_packet packet = { .bytes = { 0 } };

	packet.copy.header = COLIBRI_PKT_VENDOR;
	packet.copy.op = op;
	return packet;
}

union colibri_packet colibri_packet_fence(uint64_t addr, uint64_t value)
{
	union colibri_packet packet = colibri_packet_vendor(COLIBRI_OP_FENCE);

	packet.fence.flags = COLIBRI_FENCE_IRQ;
	packet.fence.addr = addr;
	packet.fence.value = value;
	return packet;
}

union colibri_packet colibri_packet_copy(uint64_t dst, uint64_t src, uint64_t size)
{
	union colibri_packet packet = colibri_packet_vendor(COLIBRI_OP_COPY);

	packet.copy.dst = dst;
	packet.copy.src = src;
	packet.copy.size = size;
	return packet;
}

union colibri_packet colibri_packet_fill(uint64_t dst, uint64_t size, uint32_t pattern)
{
	union colibri_packet packet = colibri_packet_vendor(COLIBRI_OP_FILL);

	packet.fill.pattern_size = sizeof(pattern);
	packet.fill.dst = dst;
	packet.fill.size = size;
	packet.fill.pattern[0] = pattern;
	return packet;
}

union colibri_packet colibri_packet_wait(uint64_t addr, uint32_t cond, uint64_t ref)
{
	union colibri_packet packet = colibri_packet_vendor(COLIBRI_OP_WAIT);

	packet.wait.cond = cond;
	packet.wait.addr = addr;
	packet.wait.ref = ref;
	packet.wait.mask = UINT64_MAX;
	return packet;
}

union colibri_packet colibri_packet_timestamp(uint64_t addr)
{
	union colibri_packet packet = colibri_packet_vendor(COLIBRI_OP_TIMESTAMP);

	packet.timestamp.addr = addr;
	return packet;
}

union colibri_packet colibri_packet_dispatch(uint64_t kernel_object, uint64_t kernarg,
					     uint32_t items, uint16_t wg_size)
{
	union colibri_packet packet = { .bytes = { 0 } };

	packet.dispatch.header = COLIBRI_PKT_DISPATCH | COLIBRI_PKT_BARRIER_BIT;
	packet.dispatch.setup = 1;
	packet.dispatch.wg_size[0] = wg_size;
	packet.dispatch.wg_size[1] = 1;
	packet.dispatch.wg_size[2] = 1;
	packet.dispatch.grid_size[0] = items;
	packet.dispatch.grid_size[1] = 1;
	packet.dispatch.grid_size[2] = 1;
	packet.dispatch.kernel_object = kernel_object;
	packet.dispatch.kernarg = kernarg;
	return packet;
}
