// SPDX-License-Identifier: MIT
/*
 * What the tests have asked of the uAPI: with COLIBRI_COVERAGE=FILE in the
 * environment each kind of call is appended to FILE as a line, once per process:
 *
 *   NAME ERRNO WORDS-BEFORE > WORDS-AFTER
 *
 * NAME is the number of an ioctl, or the structure of the uAPI that one pointed
 * to; ERRNO what the call returned; the words are the structure's 32-bit words in
 * hexadecimal. Words that are neither small, nor of one bit, nor of the errors from 0x100 on, are
 * addresses, sizes and numbers of things: of these only the alignment is kept ("b": the low 12 bits are 0,
 * "b8": the low 3 bits, "u": neither). tools/lib/igt_coverage.py compares all that with the
 * header.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/uio.h>

#include "gpu_test.h"

#define TABLE_SIZE	4096	/* kinds of calls of a process; a power of two */
#define MAX_WORDS	64
#define MAX_LINE	2048
#define MAX_ELEMENTS	16	/* of an array that a call points to */

static const char *path;

/* Hashes of the lines written. A child inherits them: its parent wrote the lines. */
static uint64_t table[TABLE_SIZE];

static uint64_t hash(const char *line)
{
	uint64_t h = 0xcbf29ce484222325ull;

	while (*line)
		h = (h ^ (uint8_t)*line++) * 0x100000001b3ull;
	return h ? h : 1;
}

/* Whether @line is new. Without a lock: a process may fork while a thread is in here. */
static bool is_new(const char *line)
{
	uint64_t h = hash(line);

	for (size_t i = 0; i < TABLE_SIZE; i++) {
		uint64_t *slot = &table[(h + i) & (TABLE_SIZE - 1)];
		uint64_t found = 0;

		if (__atomic_compare_exchange_n(slot, &found, h, false, __ATOMIC_RELAXED,
						__ATOMIC_RELAXED))
			return true;
		if (found == h)
			return false;
	}
	return false;
}

static void write_line(const char *line)
{
	int fd;

	if (!is_new(line))
		return;
	fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);
	if (fd < 0)
		return;
	if (write(fd, line, strlen(line)) < 0)
		igt_debug("coverage: %s\n", strerror(errno));
	close(fd);
}

static int put_word(char *at, uint32_t word)
{
	if (word < 16 || !(word & (word - 1)) || (word & ~0xfu) == DRM_COLIBRI_QUEUE_ERR_GROUP)
		return sprintf(at, " %x", word);
	if (!(word & (PAGE_SIZE - 1)))
		return sprintf(at, " b");
	return sprintf(at, word & 7 ? " u" : " b8");
}

static int put_words(char *at, const void *data, size_t size)
{
	uint32_t words[MAX_WORDS] = { 0 };
	int length = 0;

	memcpy(words, data, size < sizeof(words) ? size : sizeof(words));
	for (size_t i = 0; i < (size + 3) / 4 && i < MAX_WORDS; i++)
		length += put_word(at + length, words[i]);
	return length;
}

static void record(const char *name, int ret, const void *before, const void *after, size_t size)
{
	char line[MAX_LINE];
	int length = sprintf(line, "%s %d", name, -ret);

	length += put_words(line + length, before, size);
	if (!ret && memcmp(before, after, size)) {
		length += sprintf(line + length, " >");
		length += put_words(line + length, after, size);
	}
	strcpy(line + length, "\n");
	write_line(line);
}

/* What a call points to; the pointer may be a bad one. */
static void record_array(const char *name, int ret, uint64_t addr, size_t size, size_t count)
{
	for (size_t i = 0; i < count && i < MAX_ELEMENTS; i++) {
		uint8_t element[256];
		struct iovec local = { element, size };
		struct iovec remote = { (void *)(uintptr_t)(addr + i * size), size };

		if (process_vm_readv(getpid(), &local, 1, &remote, 1, 0) != (ssize_t)size)
			return;
		record(name, ret, element, element, size);
	}
}

static void record_query(const struct drm_colibri_query *query, int ret)
{
	static const struct {
		const char *name;
		size_t size;
	} answers[] = {
		[DRM_COLIBRI_QUERY_DEVICE] = { "query_device", sizeof(struct drm_colibri_query_device) },
		[DRM_COLIBRI_QUERY_LIMITS] = { "query_limits", sizeof(struct drm_colibri_query_limits) },
		[DRM_COLIBRI_QUERY_MEM_REGIONS] = { "mem_region", sizeof(struct drm_colibri_mem_region) },
		[DRM_COLIBRI_QUERY_TOPOLOGY] = { "query_topology",
						 sizeof(struct drm_colibri_query_topology) },
		[DRM_COLIBRI_QUERY_TIMESTAMP] = { "query_timestamp",
						  sizeof(struct drm_colibri_query_timestamp) },
	};

	if (query->query < ARRAY_SIZE(answers) && query->size >= answers[query->query].size)
		record_array(answers[query->query].name, ret, query->data,
			     answers[query->query].size, 1);
}

/* Each word of the pages' array that is not like the one before it. */
static void record_pages(const struct drm_colibri_svm_query *query, int ret)
{
	const uint16_t *pages = (const uint16_t *)(uintptr_t)query->pages;
	uint16_t last = 0;

	for (size_t i = 0; !ret && i < query->size / PAGE_SIZE; i++) {
		uint32_t flags = pages[i] & 0x0fff;

		if (i && pages[i] == last)
			continue;
		last = pages[i];
		for (uint32_t bit = 1; bit < 0x1000; bit <<= 1)
			if (flags & bit)
				record("svm_page", 0, &bit, &bit, sizeof(bit));
	}
}

static void observe(unsigned long request, const void *before, const void *after, int ret)
{
	int saved = errno;
	char name[16];

	sprintf(name, "%lu", _IOC_NR(request) - DRM_COMMAND_BASE);
	record(name, ret, before, after, _IOC_SIZE(request));
	if (request == DRM_IOCTL_COLIBRI_VM_BIND) {
		const struct drm_colibri_vm_bind *bind = before;

		record_array("sync", ret, bind->syncs, sizeof(struct drm_colibri_sync), bind->num_syncs);
	} else if (request == DRM_IOCTL_COLIBRI_EXEC) {
		const struct drm_colibri_exec *exec = before;

		record_array("sync", ret, exec->syncs, sizeof(struct drm_colibri_sync), exec->num_syncs);
		record_array("exec_item", ret, exec->items, sizeof(struct drm_colibri_exec_item),
			     exec->num_items);
	} else if (request == DRM_IOCTL_COLIBRI_QUERY) {
		record_query(before, ret);
	} else if (request == DRM_IOCTL_COLIBRI_SVM_QUERY) {
		record_pages(before, ret);
	}
	errno = saved;
}

__attribute__((constructor)) static void start(void)
{
	path = getenv("COLIBRI_COVERAGE");
	if (path)
		colibri_observe(observe);
}
