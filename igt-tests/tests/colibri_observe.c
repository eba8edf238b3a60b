// SPDX-License-Identifier: MIT
/*
 * What others see of a client: fdinfo by drm-usage-stats, the packaged gputop, and
 * the files in debugfs.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include "gpu_test.h"
#include "system.h"

IGT_TEST_DESCRIPTION("fdinfo, gputop and debugfs");

#define MAX_TEXT	65536

/* ---- fdinfo ---------------------------------------------------------------*/

static const char *fdinfo(const struct gpu *gpu)
{
	static char text[MAX_TEXT];
	char path[64];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", gpu->dev.fd);
	fd = open(path, O_RDONLY);
	igt_assert(fd >= 0);
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	igt_assert(n > 0);
	text[n] = 0;
	return text;
}

/* The value of a key, as text; it must be there once. */
static const char *fdinfo_text(const struct gpu *gpu, const char *key)
{
	static char line[256];
	const char *found;

	snprintf(line, sizeof(line), "\n%s:\t", key);
	found = strstr(fdinfo(gpu), line);
	igt_assert_f(found, "no %s in fdinfo\n", key);
	igt_assert_f(!strstr(found + 1, line), "%s is twice in fdinfo\n", key);
	snprintf(line, sizeof(line), "%s", found + strlen(line));
	*strchrnul(line, '\n') = 0;
	return line;
}

/* The same in bytes or ns. */
static uint64_t fdinfo_value(const struct gpu *gpu, const char *key)
{
	char unit[8] = "";
	uint64_t value;

	igt_assert(sscanf(fdinfo_text(gpu, key), "%" SCNu64 " %7s", &value, unit) >= 1);
	if (!strcmp(unit, "KiB"))
		return value * KiB;
	if (!strcmp(unit, "MiB"))
		return value * MiB;
	igt_assert(!*unit || !strcmp(unit, "ns"));
	return value;
}

static void fdinfo_keys(struct gpu *gpu)
{
	static const char *const regions[] = { "system", "vram", "svm" };
	static const char *const kinds[] = { "total", "shared", "resident", "purgeable", "active" };
	char key[64];

	igt_assert(!strcmp(fdinfo_text(gpu, "drm-driver"), "colibri"));
	igt_assert(fdinfo_value(gpu, "drm-client-id") > 0);
	igt_assert(strchr(fdinfo_text(gpu, "drm-pdev"), ':'));
	for (unsigned int i = 0; i < ARRAY_SIZE(regions); i++)
		for (unsigned int k = 0; k < ARRAY_SIZE(kinds); k++) {
			snprintf(key, sizeof(key), "drm-%s-%s", kinds[k], regions[i]);
			fdinfo_value(gpu, key);
		}
	igt_assert_eq_u64(fdinfo_value(gpu, "drm-engine-capacity-compute"), gpu->dev.info.num_cus);
	igt_assert_eq_u64(fdinfo_value(gpu, "drm-engine-capacity-copy"), gpu->dev.info.num_cus);
	igt_assert(strstr(fdinfo_text(gpu, "drm-engine-compute"), " ns"));
	igt_assert(strstr(fdinfo_text(gpu, "drm-engine-copy"), " ns"));
}

static void fdinfo_buffers(struct gpu *gpu)
{
	uint64_t system = fdinfo_value(gpu, "drm-total-system");
	uint64_t resident = fdinfo_value(gpu, "drm-resident-system");
	uint64_t vram = fdinfo_value(gpu, "drm-total-vram");
	struct drm_colibri_gem_create bare = { .size = MiB, .placement = DRM_COLIBRI_GEM_SYSTEM };
	struct drm_gem_close bare_close = { 0 };
	struct colibri_bo sys_bo, vram_bo;

	/* Without a mapping it has no pages yet. */
	igt_assert_eq(colibri_ioctl(gpu->dev.fd, DRM_IOCTL_COLIBRI_GEM_CREATE, &bare), 0);
	igt_assert_eq_u64(fdinfo_value(gpu, "drm-total-system"), system + MiB);
	igt_assert_eq_u64(fdinfo_value(gpu, "drm-resident-system"), resident);
	bare_close.handle = bare.handle;
	igt_assert_eq(colibri_ioctl(gpu->dev.fd, DRM_IOCTL_GEM_CLOSE, &bare_close), 0);

	igt_assert_eq(colibri_bo_create(&gpu->dev, MiB, DRM_COLIBRI_GEM_SYSTEM, 0, &sys_bo), 0);
	igt_assert_eq(colibri_bo_create(&gpu->dev, 2 * MiB, DRM_COLIBRI_GEM_VRAM, 0, &vram_bo), 0);
	*(volatile char *)sys_bo.map = 1;
	igt_assert_eq_u64(fdinfo_value(gpu, "drm-total-system"), system + MiB);
	igt_assert_eq_u64(fdinfo_value(gpu, "drm-resident-system"), resident + MiB);
	igt_assert_eq_u64(fdinfo_value(gpu, "drm-total-vram"), vram + 2 * MiB);
	igt_assert_eq_u64(fdinfo_value(gpu, "drm-resident-vram"), vram + 2 * MiB);
	igt_assert_eq_u64(fdinfo_value(gpu, "drm-shared-vram"), 0);

	colibri_bo_destroy(&gpu->dev, &sys_bo);
	colibri_bo_destroy(&gpu->dev, &vram_bo);
	igt_assert_eq_u64(fdinfo_value(gpu, "drm-total-system"), system);
	igt_assert_eq_u64(fdinfo_value(gpu, "drm-total-vram"), vram);
}

static void fdinfo_svm(struct gpu *gpu)
{
	const size_t size = 2 * SVM_BLOCK_SIZE;
	char *words = map_anonymous(size, SVM_BLOCK_SIZE);
	uint64_t there;

	require_migration(gpu);
	igt_assert_eq_u64(fdinfo_value(gpu, "drm-total-svm"), 0);
	gpu_ramp_to_vram(gpu, words, size, 1);
	there = fdinfo_value(gpu, "drm-resident-svm");
	igt_assert_lte_u64(most_of(size / PAGE_SIZE) * PAGE_SIZE, there);
	igt_assert_lte_u64(there, size);
	igt_assert_eq_u64(fdinfo_value(gpu, "drm-total-svm"), there);

	igt_assert_eq_u64(cpu_ramp_errors(words, size, 1), 0);
	igt_assert_lte_u64(fdinfo_value(gpu, "drm-resident-svm"), size - most_of(size / PAGE_SIZE) * PAGE_SIZE);
	gpu_ramp_to_vram(gpu, words, size, 2);
	munmap(words, size);
	igt_assert_eq_u64(fdinfo_value(gpu, "drm-resident-svm"), 0);
}

/* At least @ns more than @from; fails after GPU_TIMEOUT_S. */
static uint64_t wait_engine(const struct gpu *gpu, const char *key, uint64_t from, uint64_t ns)
{
	struct timespec start = { 0 };
	uint64_t value;

	while ((value = fdinfo_value(gpu, key)) < from + ns) {
		igt_assert_f(igt_nsec_elapsed(&start) < GPU_TIMEOUT_S * NSEC_PER_SEC,
			     "%s stands at %" PRIu64 "\n", key, value);
		usleep(1000);
	}
	return value;
}

static void fdinfo_engine(struct gpu *gpu)
{
	const char *key = "drm-engine-compute";
	struct timespec start = { 0 };
	uint64_t before, busy, after;
	struct gpu other = { 0 };

	gpu_init(&other);
	before = fdinfo_value(gpu, key);
	igt_nsec_elapsed(&start);
	gpu_loop_start(gpu, gpu_shared_addr(gpu, result));
	busy = wait_engine(gpu, key, before, 20 * NSEC_PER_MSEC);
	/* Not more than all compute units could have done. */
	igt_assert_lte_u64(busy - before, (igt_nsec_elapsed(&start) + NSEC_PER_MSEC) * gpu->dev.info.num_cus);

	/* With the queue gone nothing more comes, and nothing is forgotten. */
	gpu_new_queue(gpu);
	after = fdinfo_value(gpu, key);
	igt_assert_lte_u64(busy, after);
	usleep(20000);
	igt_assert_lt_u64(fdinfo_value(gpu, key) - after, 10 * NSEC_PER_MSEC);
	/* It was not the other client, which had only its command processor started. */
	igt_assert_lt_u64(fdinfo_value(&other, key), busy);
	gpu_fini(&other);
}

static void fdinfo_copy(struct gpu *gpu)
{
	union colibri_packet packet = colibri_packet_vendor(COLIBRI_OP_COPY);
	struct colibri_bo bo;
	uint64_t addr = gpu_bind_bo(gpu, &bo, 2 * MiB, DRM_COLIBRI_GEM_VRAM, 0, 0);

	packet.copy.dst = addr;
	packet.copy.src = addr + MiB;
	packet.copy.size = MiB;
	igt_assert_eq_u64(fdinfo_value(gpu, "drm-engine-copy"), 0);
	gpu_submit(gpu, &packet, 1);
	gpu_wait(gpu);
	wait_engine(gpu, "drm-engine-copy", 0, 1);
}

/* ---- gputop ---------------------------------------------------------------*/

/* This process's row has memory and a percentage that is not 0. */
static bool gputop_shows_us(void)
{
	char line[512];
	bool found = false;
	int pid;
	FILE *out = popen("COLUMNS=160 gputop -n 3 -d 0.5 2>&1", "r");

	igt_assert(out);
	while (fgets(line, sizeof(line), out)) {
		const char *percent = strchr(line, '%');

		igt_debug("%s", line);
		/* "PID 280K 280K | 65.2% ####    ||  0.0%     | NAME": compute comes first */
		if (sscanf(line, "%d", &pid) != 1 || pid != getpid() ||
		    !strstr(line, "colibri_observe") || !percent)
			continue;
		while (percent > line && strchr("0123456789.", percent[-1]))
			percent--;
		found |= strtod(percent, NULL) > 1.0 && strpbrk(line, "KMG");
	}
	igt_assert_eq(pclose(out), 0);
	return found;
}

static void gputop(struct gpu *gpu)
{
	bool shown;

	require_command("command -v gputop", "part of igt-gpu-tools");
	gpu_loop_start(gpu, gpu_shared_addr(gpu, result));
	shown = gputop_shows_us();
	gpu_loop_stop(gpu);
	igt_assert_f(shown, "gputop does not show this client as busy\n");
}

/* ---- debugfs --------------------------------------------------------------*/

static const char *const files[] = { "device", "vms", "queues", "vram", "faults", "page_tables" };

/* "/sys/kernel/debug/dri/NAME/" of the device. */
static const char *debugfs_dir(const struct gpu *gpu)
{
	static char dir[128];
	struct stat st;

	igt_assert_eq(fstat(gpu->dev.fd, &st), 0);
	snprintf(dir, sizeof(dir), "/sys/kernel/debug/dri/%u/", minor(st.st_rdev));
	require_command("mountpoint -q /sys/kernel/debug || mount -t debugfs none /sys/kernel/debug",
			"debugfs");
	return dir;
}

static int debugfs_open(const char *dir, const char *name, int flags)
{
	char path[256];

	snprintf(path, sizeof(path), "%s%s", dir, name);
	return open(path, flags);
}

/* All of an open file, from its beginning; < 0: an errno. */
static ssize_t read_all(int fd, char *text, size_t size)
{
	ssize_t n, done = 0;

	if (lseek(fd, 0, SEEK_SET))
		return -errno;
	while ((n = read(fd, text + done, size - 1 - done)) > 0)
		done += n;
	text[done] = 0;
	return n < 0 ? -errno : done;
}

static const char *debugfs_text(const struct gpu *gpu, const char *name, const char *command)
{
	static char text[16 * MAX_TEXT];
	int fd = debugfs_open(debugfs_dir(gpu), name, command ? O_RDWR : O_RDONLY);

	igt_assert_f(fd >= 0, "%s: %s\n", name, strerror(errno));
	if (command)
		igt_assert_eq(write(fd, command, strlen(command)), (int)strlen(command));
	igt_assert(read_all(fd, text, sizeof(text)) > 0);
	close(fd);
	return text;
}

static void debugfs_contents(struct gpu *gpu)
{
	char *words = map_anonymous(SVM_BLOCK_SIZE, SVM_BLOCK_SIZE), what[128];
	struct colibri_bo bo;
	struct stat st;
	int fd;

	require_migration(gpu);
	gpu_ramp_to_vram(gpu, words, SVM_BLOCK_SIZE, 1);
	igt_assert_eq(colibri_bo_create(&gpu->dev, 3 * MiB, DRM_COLIBRI_GEM_VRAM, 0, &bo), 0);

	for (unsigned int i = 0; i < ARRAY_SIZE(files); i++) {
		fd = debugfs_open(debugfs_dir(gpu), files[i], O_RDONLY);
		igt_assert(fd >= 0 && !fstat(fd, &st));
		igt_assert_eq(st.st_mode & 077, 0);
		igt_assert_eq(st.st_uid, 0);
		close(fd);
	}

	snprintf(what, sizeof(what), "pid %d, mirror", getpid());
	igt_assert(strstr(debugfs_text(gpu, "vms", NULL), what));
	snprintf(what, sizeof(what), "block %#lx: mapped", (uintptr_t)words);
	igt_assert(strstr(debugfs_text(gpu, "vms", NULL), what));
	igt_assert(strstr(debugfs_text(gpu, "vram", NULL), "buffer of 3072 KiB: "));
	snprintf(what, sizeof(what), "%-7d %#lx", getpid(), (uintptr_t)words);
	igt_assert(strstr(debugfs_text(gpu, "vram", NULL), what));
	igt_assert(strstr(debugfs_text(gpu, "device", NULL), "lost: 0\n"));
	snprintf(what, sizeof(what), "pid %d, ring of ", getpid());
	igt_assert(strstr(debugfs_text(gpu, "queues", NULL), what));
	snprintf(what, sizeof(what), "addr %#lx", (uintptr_t)words >> 24);
	igt_assert(strstr(debugfs_text(gpu, "faults", NULL), what));
	colibri_bo_destroy(&gpu->dev, &bo);
}

/* The ASID of our VM with a mirror, as debugfs says. */
static unsigned int own_asid(const struct gpu *gpu)
{
	const char *text = debugfs_text(gpu, "vms", NULL), *found;
	unsigned int asid;
	char what[64];

	snprintf(what, sizeof(what), ": pid %d, mirror", getpid());
	found = strstr(text, what);
	igt_assert(found);
	while (found > text && found[-1] != '\n')
		found--;
	igt_assert_eq(sscanf(found, "asid %u", &asid), 1);
	return asid;
}

static void debugfs_page_tables(struct gpu *gpu)
{
	char *words = map_anonymous(2 * SVM_BLOCK_SIZE, SVM_BLOCK_SIZE), command[128], line[128];
	unsigned long addr = (uintptr_t)words, pages = 0, start, end, n;
	unsigned int asid, of;
	const char *text;
	int fd;

	require_migration(gpu);
	gpu_ramp_to_vram(gpu, words, 2 * SVM_BLOCK_SIZE, 1);
	asid = own_asid(gpu);
	snprintf(command, sizeof(command), "%u %#lx %#lx", asid, addr, addr + SVM_BLOCK_SIZE);
	text = debugfs_text(gpu, "page_tables", command);
	igt_debug("%s", text);
	/* The title first; only what was asked for; write access, and nearly all in VRAM. */
	for (text = strchr(text, '\n') + 1; *text; text = strchr(text, '\n') + 1) {
		igt_assert_eq(sscanf(text, "%u %lx %lx %lu %127[^\n]", &of, &start, &end, &n, line), 5);
		igt_assert_eq_u32(of, asid);
		igt_assert(start >= addr && end <= addr + SVM_BLOCK_SIZE && end - start == n * PAGE_SIZE);
		igt_assert(line[0] == 'r' && line[1] == 'w' && line[2] == '-');
		if (strstr(line, "vram:"))
			pages += n;
	}
	igt_assert_lte_u64(most_of(SVM_BLOCK_SIZE / PAGE_SIZE), pages);

	fd = debugfs_open(debugfs_dir(gpu), "page_tables", O_RDWR);
	igt_assert(fd >= 0);
	igt_assert_eq(write(fd, "x", 1), -1);
	igt_assert_eq(errno, EINVAL);
	igt_assert_eq(write(fd, "99999", 5), -1);
	igt_assert_eq(write(fd, "1 0x2000 0x1000", 15), -1);
	close(fd);
}

/* Read all files again and again until killed; what is there is opened anew each time. */
static void read_for_ever(const char *dir)
{
	static char text[16 * MAX_TEXT];

	for (;;) {
		for (unsigned int i = 0; i < ARRAY_SIZE(files); i++) {
			int fd = debugfs_open(dir, files[i], O_RDONLY);

			if (fd < 0)
				continue;
			read_all(fd, text, sizeof(text));
			close(fd);
		}
	}
}

static void come_and_go(unsigned int rounds)
{
	for (unsigned int i = 0; i < rounds; i++) {
		char *words = map_anonymous(4 * SVM_BLOCK_SIZE, SVM_BLOCK_SIZE);
		struct gpu own = { 0 };

		gpu_init(&own);
		gpu_ramp_write(&own, words, 4 * SVM_BLOCK_SIZE, i);
		igt_assert_eq_u64(cpu_ramp_errors(words, 4 * SVM_BLOCK_SIZE, i), 0);
		gpu_fini(&own);
		munmap(words, 4 * SVM_BLOCK_SIZE);
	}
}

/* Everything shown is made, evicted and destroyed meanwhile. */
static void debugfs_live(struct gpu *gpu)
{
	const char *dir = debugfs_dir(gpu);

	fork_victim()
		read_for_ever(dir);
	igt_fork(child, 2)
		come_and_go(8);
	igt_waitchildren_timeout(GPU_TIMEOUT_S * 3, "processes come and go while debugfs is read");
	kill_victim();
	igt_assert(strlen(debugfs_text(gpu, "device", NULL)));
}

static const char *pci_name(const struct gpu *gpu)
{
	static char name[64];

	snprintf(name, sizeof(name), "%s", fdinfo_text(gpu, "drm-pdev"));
	return name;
}

/* The device goes while its files are read; files that were open then fail, and the rest lives. */
static void debugfs_unbind(struct gpu *gpu)
{
	struct gpu second = { 0 };
	static char text[MAX_TEXT];
	int fds[ARRAY_SIZE(files)];
	const char *dir, *pci;

	gpu_init_second(&second);
	dir = debugfs_dir(&second);
	pci = pci_name(&second);
	for (unsigned int i = 0; i < ARRAY_SIZE(files); i++) {
		fds[i] = debugfs_open(dir, files[i], O_RDONLY);
		igt_assert(fds[i] >= 0);
	}
	fork_victim()
		read_for_ever(dir);
	usleep(100000);
	sys_write("/sys/bus/pci/drivers/colibri/unbind", "%s", pci);
	for (unsigned int i = 0; i < ARRAY_SIZE(files); i++) {
		igt_assert(read_all(fds[i], text, sizeof(text)) < 0);
		close(fds[i]);
	}
	kill_victim();
	close(second.dev.fd);
	sys_write("/sys/bus/pci/drivers/colibri/bind", "%s", pci);
	gpu_assert_vm_lives(gpu);
}

static const struct gpu_test tests[] = {
	{ "fdinfo-keys", fdinfo_keys, "fdinfo has every key of the documentation, once" },
	{ "fdinfo-buffers", fdinfo_buffers, "buffers count where they are, pages when they exist" },
	{ "fdinfo-svm", fdinfo_svm, "the process's own memory counts while it is in VRAM" },
	{ "fdinfo-engine", fdinfo_engine, "a kernel's time counts while it runs, for its client" },
	{ "fdinfo-copy", fdinfo_copy, "copies count as copies" },
	{ "gputop", gputop, "the packaged gputop shows a busy client" },
	{ "debugfs-contents", debugfs_contents, "debugfs tells what is there, to root alone" },
	{ "debugfs-page-tables", debugfs_page_tables, "page tables can be shown by range" },
	{ "debugfs-live", debugfs_live, "reading all of it while everything changes does no harm" },
	{ "debugfs-unbind", debugfs_unbind, "reading while the driver leaves the device does no harm" },
};

igt_main()
{
	gpu_run_tests(tests, ARRAY_SIZE(tests), gpu_init);
}
