// SPDX-License-Identifier: MIT
/*
 * From numbers to values. The same number and the same objects give the same value.
 */
#include <signal.h>
#include <string.h>

#include "fuzz.h"

/* ---- Pools ---------------------------------------------------------------*/

/* The first place is kept: what a context made lasts. */
void pool_add(struct pool *pool, uint64_t item)
{
	uint64_t empty = 0;

	if (atomic_compare_exchange_strong(&pool->item[0], &empty, item))
		return;
	pool->item[1 + pool->next++ % (POOL_SIZE - 1)] = item;
}

uint64_t pool_pick(const struct pool *pool, uint32_t number)
{
	if (number & 1 && pool->item[0])
		return pool->item[0];
	for (unsigned int i = 0; i < POOL_SIZE; i++) {
		uint64_t item = pool->item[(i + (number >> 1)) % POOL_SIZE];

		if (item)
			return item;
	}
	return 0;
}

void pool_remove(struct pool *pool, uint64_t item)
{
	for (unsigned int i = 0; i < POOL_SIZE; i++) {
		uint64_t expected = item;

		atomic_compare_exchange_strong(&pool->item[i], &expected, 0);
	}
}

void pool_clear(struct pool *pool)
{
	for (unsigned int i = 0; i < POOL_SIZE; i++)
		pool->item[i] = 0;
}

/* ---- Memory that may be missing ------------------------------------------*/

bool guarded_copy(struct thread *thread, void *dst, const void *src, size_t size)
{
	sigjmp_buf guard;

	if (sigsetjmp(guard, 1)) {
		thread->guard = NULL;
		return false;
	}
	thread->guard = &guard;
	atomic_signal_fence(memory_order_seq_cst);
	memcpy(dst, src, size);
	atomic_signal_fence(memory_order_seq_cst);
	thread->guard = NULL;
	return true;
}

/* ---- Plain values --------------------------------------------------------*/

static uint64_t interesting(uint32_t number)
{
	static const uint64_t values[] = {
		0, 1, 2, 3, 7, 8, 63, 64, 0xfff, 0x1000, 0x1001, 0x1fffff, 0x200000, 0x7fffffff,
		0x80000000, 0xfffff000, 0xffffffff, 0x100000000, 1ull << 40,
		(1ull << 47) - PAGE_SIZE, 1ull << 47, (1ull << 56) - PAGE_SIZE, 1ull << 56,
		(1ull << 57) - PAGE_SIZE, 1ull << 57, 1ull << 62, 1ull << 63, INT64_MAX - 0xfff,
		INT64_MAX, UINT64_MAX - 0xfff, UINT64_MAX - 7, UINT64_MAX, 0xffff888000000000,
		0xffffffff81000000, 0x00ffffffffe00000, 0x4000000000000000,
	};

	return values[number % ARRAY_SIZE(values)];
}

uint64_t value_bad(struct thread *thread, uint32_t number, uint64_t good)
{
	switch (number >> 8 & 7) {
	case 0:
		return good + 1;
	case 1:
		return good - 1;
	case 2:
		return good ^ 1ull << (number >> 16) % 64;
	case 3:
		return rng_next(&thread->rng);
	case 4:
		return good + interesting(number >> 16);
	default:
		return interesting(number >> 16);
	}
}

uint64_t value_user_addr(struct thread *thread, uint32_t number)
{
	uint64_t page = number >> 8;

	/* Often at the start of 2 MiB, where large pages are. */
	if (number & 3)
		page = number & 4 ? page & ~511ull : page % 64;
	return (uintptr_t)thread->process->arena + page * PAGE_SIZE % ARENA_SIZE;
}

static uint64_t zone_addr(struct thread *thread, uint32_t number)
{
	uint64_t start = thread->process->info.info.va_zone_start;

	/* Few places, so that bindings overlap; seldom what a context has. */
	switch (number & 15) {
	case 0:
		return start + (number >> 8) % 4 * CONTEXT_SHARED;
	case 1:
		return thread->process->info.info.va_zone_end - PAGE_SIZE * (1 + (number >> 8) % 64);
	case 2:
		return start + CONTEXT_FREE + (number >> 8) % 16 * (1ull << 30);
	default:
		return start + CONTEXT_FREE + (number >> 8) % 1024 * PAGE_SIZE;
	}
}

static uint64_t pages(uint32_t number)
{
	switch (number & 7) {
	case 0:
		return 512;
	case 1:
		return 1 + (number >> 8) % 1024;
	case 2:
		return 16;
	default:
		return 1 + (number >> 8) % 16;
	}
}

static uint64_t timeout(uint32_t number)
{
	switch (number & 15) {
	case 0:
		return INT64_MAX;
	case 1:
	case 2:
	case 3:
		return fuzz_now() + (number >> 8) % 2000000;
	default:
		return 0;
	}
}

static uint64_t handle(struct thread *thread, const struct field *field, uint32_t number)
{
	const struct file *file = thread->file;

	if (field->max && number >> 30)
		return 0;
	if (field->kind == KIND_FD)
		return pool_pick(&thread->process->fds, number);
	/* Those of another file are numbers without meaning in this one, mostly. */
	if ((number >> 20) % 64 == 0)
		file = &thread->process->files[(number >> 26) % NUM_FILES];
	return pool_pick(&file->pools[field->kind], number);
}

static uint64_t good_value(struct thread *thread, const struct field *field, uint32_t number)
{
	switch (field->kind) {
	case KIND_ENUM:
		return field->min + number % (field->max - field->min + 1);
	case KIND_FLAGS:
		/* Without flags more often than with all of them. */
		return number >> 30 ? number >> 8 & 7 ? 0 : field->max & 1 : number & field->max;
	case KIND_SYNC_COUNT:
		if (number >> 30)
			return 0;
		/* fallthrough */
	case KIND_COUNT:
		return field->min + number % (field->max - field->min + 1);
	case KIND_SIZE:
		return pages(number) * PAGE_SIZE;
	case KIND_RANGE:
		if (field->max)
			return number >> 29 ? 0 : PAGE_SIZE;
		return number >> 30 ? PAGE_SIZE : pages(number) * PAGE_SIZE;
	case KIND_OFFSET:
		return (number >> 4) % 64 * 8;
	case KIND_RING_PACKETS:
		return 16u << number % 4;
	case KIND_ZONE_ADDR:
		return zone_addr(thread, number);
	case KIND_BIND_ADDR:
		return number >> 31 ? value_user_addr(thread, number) : zone_addr(thread, number);
	case KIND_USER_ADDR:
		return value_user_addr(thread, number);
	case KIND_TIMEOUT:
		return timeout(number);
	case KIND_POINT:
		return number % 16;
	case KIND_ANY:
		return rng_next(&thread->rng);
	case KIND_OUT:
	case KIND_ZERO:
		return 0;
	default:
		return handle(thread, field, number);
	}
}

/* ---- Arrays --------------------------------------------------------------*/

#define MAX_ELEMENTS	16	/* that are filled, however many the count says */

/* Room that the call can point to; there is enough for all that one call fills. */
static void *scratch(struct thread *thread, size_t size)
{
	uint8_t *room = thread->scratch + thread->scratch_used;

	if (size > SCRATCH_SIZE - thread->scratch_used)
		return thread->scratch;
	thread->scratch_used += (size + 7) & ~7ul;
	return room;
}

static uint32_t some_handle(struct thread *thread, enum kind kind)
{
	const struct field field = { .kind = kind };
	uint32_t number = rng_next(&thread->rng);

	if (number >> 24 == 0)
		return value_bad(thread, number, 0);
	return handle(thread, &field, number);
}

static void fill_syncs(struct thread *thread, struct drm_colibri_sync *syncs, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		uint32_t number = rng_next(&thread->rng);
		struct drm_colibri_sync sync = {
			.type = number % 3,
			.flags = number >> 8 & 1,
		};

		if (sync.type == DRM_COLIBRI_SYNC_TYPE_USER)
			sync.flags = DRM_COLIBRI_SYNC_SIGNAL;
		sync.handle = some_handle(thread, sync.type == DRM_COLIBRI_SYNC_TYPE_USER ?
					  KIND_FENCE : KIND_SYNCOBJ);
		if (sync.type != DRM_COLIBRI_SYNC_TYPE_SYNCOBJ)
			sync.point = 1 + (number >> 12) % 16;
		if (sync.type == DRM_COLIBRI_SYNC_TYPE_USER)
			sync.offset = (number >> 16) % 64 * 8;
		if (number >> 27 == 0)
			((uint32_t *)&sync)[(number >> 16) % 8] = interesting(number >> 20);
		syncs[i] = sync;
	}
}

static void fill_items(struct thread *thread, struct drm_colibri_exec_item *items, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		uint32_t number = rng_next(&thread->rng);
		union colibri_packet *packets;

		items[i].queue_id = some_handle(thread, KIND_QUEUE);
		items[i].count = 1 + number % 4;
		packets = scratch(thread, items[i].count * sizeof(*packets));
		packets_fill(thread, packets, items[i].count);
		items[i].packets = (uintptr_t)packets;
		if (number >> 27 == 0)
			items[i].count = interesting(number >> 16);
		if (number >> 27 == 1)
			items[i].packets = value_bad(thread, number, items[i].packets);
	}
}

static size_t element_size(const struct field *field)
{
	switch (field->kind) {
	case KIND_SYNCS:
		return sizeof(struct drm_colibri_sync);
	case KIND_PACKETS:
		return sizeof(union colibri_packet);
	case KIND_EXEC_ITEMS:
		return sizeof(struct drm_colibri_exec_item);
	case KIND_HANDLES:
		return sizeof(uint32_t);
	case KIND_POINTS:
		return sizeof(uint64_t);
	default:
		return field->element;
	}
}

static void fill_array(struct thread *thread, const struct field *field, void *array, size_t count)
{
	switch (field->kind) {
	case KIND_SYNCS:
		fill_syncs(thread, array, count);
		break;
	case KIND_PACKETS:
		packets_fill(thread, array, count);
		break;
	case KIND_EXEC_ITEMS:
		fill_items(thread, array, count);
		break;
	case KIND_HANDLES:
		for (size_t i = 0; i < count; i++)
			((uint32_t *)array)[i] = some_handle(thread, KIND_SYNCOBJ);
		break;
	case KIND_POINTS:
		for (size_t i = 0; i < count; i++)
			((uint64_t *)array)[i] = rng_below(&thread->rng, 16);
		break;
	default:
		/* Read, if at all, as small numbers. */
		memset(array, 0, count * field->element);
		if (count * field->element >= sizeof(uint32_t))
			*(uint32_t *)array = rng_below(&thread->rng, 8);
		break;
	}
}

/* Memory that is not as it should be, but for its end. */
static uint64_t bad_pointer(struct thread *thread, uint32_t number, size_t size)
{
	const uint8_t *end = thread->scratch + SCRATCH_SIZE;

	/* Never a neighbour of ours: the kernel writes there. */
	switch (number >> 8 & 3) {
	case 0:
		return (uintptr_t)end - (number >> 16) % (size + 1);
	case 1:
		return (uintptr_t)thread->scratch + 1 + (number >> 16) % 7;
	default:
		return interesting(number >> 16);
	}
}

static uint64_t pointer(struct thread *thread, const void *args, const struct field *field,
			uint32_t number, bool bad)
{
	size_t element = element_size(field), size;
	uint64_t count = *(const uint32_t *)((const uint8_t *)args + field->count_offset);
	void *array;

	count >>= field->shift;
	if (!count)
		return bad ? interesting(number >> 16) : 0;
	size = count * element;
	if (field->kind != KIND_BUFFER && count > MAX_ELEMENTS)
		count = MAX_ELEMENTS;
	if (count * element > SCRATCH_SIZE / 2)
		count = SCRATCH_SIZE / 2 / element;
	array = scratch(thread, count * element);
	fill_array(thread, field, array, count);
	if (bad)
		return bad_pointer(thread, number, size);
	/* In memory that others unmap, migrate and protect meanwhile. */
	if (number >> 29 == 0) {
		uint64_t addr = value_user_addr(thread, number);

		guarded_copy(thread, (void *)(uintptr_t)addr, array,
			     count * element < PAGE_SIZE ? count * element : PAGE_SIZE);
		return addr;
	}
	return (uintptr_t)array;
}

void value_field(struct thread *thread, void *args, const struct field *field, uint32_t number,
		 bool bad)
{
	uint64_t value;

	if (field->kind >= KIND_BUFFER) {
		value = pointer(thread, args, field, number, bad);
	} else {
		value = good_value(thread, field, number);
		if (bad)
			value = value_bad(thread, number, value);
		if (field->limit && (uint32_t)value > field->limit)
			value = field->limit;
	}
	memcpy((uint8_t *)args + field->offset, &value, field->size);
}
