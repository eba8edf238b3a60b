// SPDX-License-Identifier: MIT
/*
 * Operations on memory: mappings of buffers, rings and doorbells, and the arena, memory of the
 * process that VMs mirror.
 */
#include <errno.h>
#include <sys/mman.h>

#include "fuzz.h"

#define HUGE_SIZE	(2ul << 20)

bool memory_arena(struct process *process)
{
	uint8_t *map = mmap(NULL, ARENA_SIZE + HUGE_SIZE, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (map == MAP_FAILED)
		return false;
	process->arena = (uint8_t *)(((uintptr_t)map + HUGE_SIZE - 1) & ~(HUGE_SIZE - 1));
	return true;
}

/* The first places are the contexts'. */
void mapping_keep(struct process *process, volatile void *addr, size_t size)
{
	uint32_t at = NUM_FILES + process->next_mapping++ % (NUM_MAPPINGS - NUM_FILES);

	process->mappings[at].word = (uintptr_t)addr | size / PAGE_SIZE;
}

static struct mapping *some_mapping(struct thread *thread, uint32_t number)
{
	return &thread->process->mappings[number % NUM_MAPPINGS];
}

static int map_file(struct thread *thread, int fd, const struct call *call, uint64_t offset)
{
	static const int prots[] = {
		PROT_READ | PROT_WRITE, PROT_READ | PROT_WRITE, PROT_WRITE, PROT_WRITE, PROT_READ,
		PROT_READ | PROT_WRITE | PROT_EXEC, PROT_NONE,
	};
	uint32_t number = call->number[NUMBER_FIELD + 1];
	size_t size = (number >> 30 ? 1 : 1 + (number >> 8) % 16) * PAGE_SIZE;
	int flags = (number >> 4) % 16 ? MAP_SHARED : MAP_PRIVATE;
	void *map;

	if ((number >> 16) % 8 == 0)
		flags |= MAP_POPULATE;
	map = mmap(NULL, size, prots[number % ARRAY_SIZE(prots)], flags, fd, offset);
	if (map == MAP_FAILED)
		return -errno;
	mapping_keep(thread->process, map, size);
	return 0;
}

/* A buffer, a ring or a doorbell of the file. */
int op_mmap(struct thread *thread, const struct call *call)
{
	uint64_t offset = pool_pick(&thread->file->pools[KIND_MMAP_OFFSET],
				    call->number[NUMBER_FIELD]);

	return map_file(thread, thread->file->fd, call, offset * PAGE_SIZE);
}

/* A dma-buf, another file's offset, or something near an offset. */
int op_mmap_raw(struct thread *thread, const struct call *call)
{
	uint32_t number = call->number[NUMBER_FIELD];
	const struct file *other = &thread->process->files[(number >> 2) % NUM_FILES];
	uint64_t offset = pool_pick(&other->pools[KIND_MMAP_OFFSET], number >> 4);

	switch (number & 3) {
	case 0:
		return map_file(thread, (int)pool_pick(&thread->process->fds, number >> 4), call, 0);
	case 1:
		return map_file(thread, thread->file->fd, call, offset * PAGE_SIZE);
	case 2:
		return map_file(thread, thread->file->fd, call, (offset + 1) * PAGE_SIZE);
	default:
		return map_file(thread, thread->file->fd, call,
				value_bad(thread, number, offset * PAGE_SIZE) & ~(PAGE_SIZE - 1));
	}
}

int op_munmap(struct thread *thread, const struct call *call)
{
	struct mapping *mapping = some_mapping(thread, call->number[NUMBER_FIELD]);
	uintptr_t word = atomic_exchange(&mapping->word, 0);

	if (!word)
		return -ENOENT;
	return munmap(mapping_addr(word), mapping_size(word)) ? -errno : 0;
}

/* Reads and writes what may be gone by now, or was never there. */
int op_touch_mapping(struct thread *thread, const struct call *call)
{
	uint32_t number = call->number[NUMBER_FIELD];
	uintptr_t word = some_mapping(thread, number)->word;
	uint64_t value = rng_next(&thread->rng);
	uint8_t *addr;

	if (!word)
		return -ENOENT;
	addr = mapping_addr(word) + (number >> 8) % (mapping_size(word) / 8) * 8;
	if (number >> 31)
		return guarded_copy(thread, &value, addr, 8) ? 0 : -EFAULT;
	return guarded_copy(thread, addr, &value, number >> 30 ? 8 : 4) ? 0 : -EFAULT;
}

/* The CPU's access to the arena, page by page. */
int op_touch(struct thread *thread, const struct call *call)
{
	uint8_t *addr = (uint8_t *)value_user_addr(thread, call->number[NUMBER_FIELD]);
	uint32_t number = call->number[NUMBER_FIELD + 1];
	uint32_t count = 1 + (number >> 8) % (number & 7 ? 16 : 512);
	uint64_t word = 0;

	for (uint32_t i = 0; i < count; i++, addr += PAGE_SIZE) {
		if (addr >= thread->process->arena + ARENA_SIZE)
			break;
		if (!(number >> 31 ? guarded_copy(thread, &word, addr, sizeof(word)) :
		      guarded_copy(thread, addr, &number, sizeof(number))))
			return -EFAULT;
	}
	return 0;
}

/* A range of the arena. */
static void arena_range(struct thread *thread, const struct call *call, void **addr, size_t *size)
{
	uint32_t number = call->number[NUMBER_FIELD + 1];
	uint64_t end = (uintptr_t)thread->process->arena + ARENA_SIZE;
	uint64_t start = value_user_addr(thread, call->number[NUMBER_FIELD]);

	*size = (number & 3 ? 1 + (number >> 8) % 32 : 512) * PAGE_SIZE;
	if (*size > end - start)
		*size = end - start;
	*addr = (void *)start;
}

/*
 * A process moves memory, or has its children's wiped; what it does first decides. Linux 7.3 hands
 * a child memory that was moved and is wiped with the page offset of its old place, and asserts
 * (assert_sane_pgoff() in mm/vma.h, with DEBUG_VM) that memory without pages has none.
 */
enum arena_use { USE_ANY, USE_MOVES, USE_WIPES };

static bool may_use(struct process *process, enum arena_use use)
{
	int was = USE_ANY;

	return atomic_compare_exchange_strong(&process->arena_use, &was, use) || was == (int)use;
}

int op_madvise(struct thread *thread, const struct call *call)
{
	static const int advice[] = {
		MADV_DONTNEED, MADV_DONTNEED, MADV_FREE, MADV_HUGEPAGE, MADV_NOHUGEPAGE, MADV_COLD,
		MADV_PAGEOUT, MADV_POPULATE_READ, MADV_POPULATE_WRITE, MADV_COLLAPSE,
		MADV_MERGEABLE, MADV_UNMERGEABLE, MADV_WIPEONFORK, MADV_KEEPONFORK, MADV_DONTFORK,
		MADV_DOFORK,
	};
	int number = advice[call->number[NUMBER_FIELD + 2] % ARRAY_SIZE(advice)];
	size_t size;
	void *addr;

	if (number == MADV_WIPEONFORK && !may_use(thread->process, USE_WIPES))
		return -EBUSY;
	arena_range(thread, call, &addr, &size);
	return madvise(addr, size, number) ? -errno : 0;
}

/* A hole, or other memory in its place. */
int op_arena_hole(struct thread *thread, const struct call *call)
{
	uint32_t number = call->number[NUMBER_FIELD + 2];
	int flags = MAP_FIXED | MAP_ANONYMOUS | MAP_NORESERVE;
	size_t size;
	void *addr;

	arena_range(thread, call, &addr, &size);
	if (number % 8 == 0)
		return munmap(addr, size) ? -errno : 0;
	flags |= number % 8 == 1 ? MAP_SHARED : MAP_PRIVATE;
	return mmap(addr, size, PROT_READ | PROT_WRITE, flags, -1, 0) == MAP_FAILED ? -errno : 0;
}

int op_mprotect(struct thread *thread, const struct call *call)
{
	static const int prots[] = {
		PROT_READ | PROT_WRITE, PROT_READ | PROT_WRITE, PROT_READ | PROT_WRITE, PROT_READ,
		PROT_NONE, PROT_READ | PROT_WRITE | PROT_EXEC,
	};
	size_t size;
	void *addr;

	arena_range(thread, call, &addr, &size);
	return mprotect(addr, size, prots[call->number[NUMBER_FIELD + 2] % ARRAY_SIZE(prots)]) ?
	       -errno : 0;
}

/* Moves a part of the arena over another one. */
int op_mremap(struct thread *thread, const struct call *call)
{
	uint8_t *end = thread->process->arena + ARENA_SIZE;
	uint8_t *to = (uint8_t *)value_user_addr(thread, call->number[NUMBER_FIELD + 2]);
	size_t size;
	void *addr;

	if (!may_use(thread->process, USE_MOVES))
		return -EBUSY;
	arena_range(thread, call, &addr, &size);
	if (size > (size_t)(end - to))
		size = end - to;
	return mremap(addr, size, size, MREMAP_MAYMOVE | MREMAP_FIXED, to) == MAP_FAILED ?
	       -errno : 0;
}
