// SPDX-License-Identifier: MIT
/*
 * Fuzzes the uAPI: colibri_fuzz --help. fuzz.h says how it is made.
 *
 * Workers are processes of different unprivileged users. They die and begin anew all the time;
 * this process stays, counts, and looks whether one hangs. At the end nothing may be left behind
 * and the device must work.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <grp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "fuzz.h"
#include "gpu_program.h"
#include "kernels.h"

#define FIRST_UID	61000
#define NSEC		1000000000ull
#define PROGRESS_S	10
/* No call takes longer, as it is interrupted; no process takes longer to die. */
#define HANG_S		60

struct worker {
	pid_t pid;
	uint64_t calls;		/* when it was seen to move, and */
	uint64_t moved;		/* when that was */
};

static struct options options = {
	.seed = 1,
	.calls = 100000,
	.workers = 3,
	.threads = 2,
	.slow = 1,
	.repeat = 1,
};
static struct shared *shared;
static struct process process;
static struct worker workers[MAX_WORKERS];
static struct kcov *kcovs[MAX_WORKERS][MAX_THREADS];
static uint64_t next_life;
static unsigned int failures;

__attribute__((format(printf, 1, 2))) static void fail(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fputs("fuzz: FAIL: ", stdout);
	vprintf(format, args);
	putchar('\n');
	fflush(stdout);
	va_end(args);
	failures++;
}

/* ---- Workers -------------------------------------------------------------*/

/* A user of its own for each worker, with no privilege at all. */
static void drop_privileges(unsigned int index)
{
	uid_t uid = FIRST_UID + index;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (geteuid() == 0 && (setgroups(0, NULL) || setresgid(uid, uid, uid) ||
			       setresuid(uid, uid, uid))) {
		perror("fuzz: setresuid");
		_exit(2);
	}
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	/* Cores of processes that are killed on purpose are of no use. */
	setrlimit(RLIMIT_CORE, &(struct rlimit){ 0, 0 });
}

static void start_worker(unsigned int index)
{
	uint64_t life = next_life++;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		drop_privileges(index);
		worker_live(&options, shared, &process, index, life, kcovs[index]);
	}
	if (pid < 0) {
		perror("fuzz: fork");
		exit(2);
	}
	shared->lives++;
	workers[index] = (struct worker){ .pid = pid, .calls = UINT64_MAX };
}

static void print_file(const char *path)
{
	FILE *file = fopen(path, "r");
	char line[256];

	while (file && fgets(line, sizeof(line), file))
		printf("    %s", line);
	if (file)
		fclose(file);
}

static void describe_hang(unsigned int index)
{
	static const char *const files[] = { "syscall", "stack" };
	struct dirent *entry;
	char path[320];
	DIR *dir;

	for (unsigned int i = 0; i < options.threads; i++)
		printf("  thread %u: %s, in a call: %s\n", i,
		       fuzz_ops[shared->workers[index].threads[i].op].name,
		       shared->workers[index].threads[i].since ? "yes" : "no");
	snprintf(path, sizeof(path), "/proc/%d/task", workers[index].pid);
	dir = opendir(path);
	while (dir && (entry = readdir(dir))) {
		if (entry->d_name[0] == '.')
			continue;
		for (unsigned int i = 0; i < ARRAY_SIZE(files); i++) {
			snprintf(path, sizeof(path), "/proc/%d/task/%s/%s", workers[index].pid,
				 entry->d_name, files[i]);
			printf("  %s\n", path);
			print_file(path);
		}
	}
	if (dir)
		closedir(dir);
}

static bool reap(pid_t pid, uint64_t deadline, int *status)
{
	while (waitpid(pid, status, WNOHANG) == 0) {
		if (fuzz_now() > deadline)
			return false;
		usleep(20000);
	}
	return true;
}

/* It has not made a call for long. */
static void end_hung(unsigned int index)
{
	int status;

	fail("worker %u hangs", index);
	describe_hang(index);
	kill(workers[index].pid, SIGKILL);
	if (!reap(workers[index].pid, fuzz_now() + HANG_S * options.slow * NSEC, &status)) {
		fail("worker %u cannot be killed", index);
		describe_hang(index);
		exit(1);
	}
	workers[index].pid = 0;
}

static void look_at(unsigned int index)
{
	struct worker *worker = &workers[index];
	uint64_t calls = shared->workers[index].calls;
	int status;

	if (waitpid(worker->pid, &status, WNOHANG) == worker->pid) {
		/* What else it may die of is a fault of its own program or of the kernel. */
		if (!(WIFEXITED(status) && WEXITSTATUS(status) == 0) &&
		    !(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL))
			fail("worker %u ended with %s %d", index,
			     WIFSIGNALED(status) ? "signal" : "status",
			     WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
		worker->pid = 0;
		return;
	}
	if (calls != worker->calls) {
		worker->calls = calls;
		worker->moved = fuzz_now();
	} else if (fuzz_now() - worker->moved > HANG_S * options.slow * NSEC) {
		end_hung(index);
	}
}

static void print_progress(uint64_t start)
{
	uint64_t calls = shared->calls;
	double seconds = (fuzz_now() - start) / (double)NSEC;

	printf("fuzz: %llu calls, %.0f a second, %llu lives", (unsigned long long)calls,
	       calls / seconds, (unsigned long long)shared->lives);
	if (kcovs[0][0])
		printf(", %u places, %u sequences kept", shared->num_seen, shared->corpus_next);
	putchar('\n');
	fflush(stdout);
}

static bool enough(void)
{
	if (options.replay)
		return shared->lives >= (uint64_t)options.repeat * options.workers;
	return shared->calls >= options.calls;
}

static void run(void)
{
	uint64_t start = fuzz_now(), printed = start;
	bool running = true;

	while (running) {
		running = false;
		if (!options.replay && enough())
			shared->stop = true;
		for (unsigned int i = 0; i < options.workers; i++) {
			if (workers[i].pid)
				look_at(i);
			if (!workers[i].pid && !enough())
				start_worker(i);
			running |= workers[i].pid != 0;
		}
		if (fuzz_now() - printed > PROGRESS_S * NSEC) {
			print_progress(start);
			printed = fuzz_now();
		}
		usleep(20000);
	}
	print_progress(start);
}

/* Children of workers that went before them; they have an alarm. */
static void reap_orphans(void)
{
	uint64_t deadline = fuzz_now() + HANG_S * options.slow * NSEC;
	pid_t pid;

	while ((pid = waitpid(-1, NULL, WNOHANG)) >= 0) {
		if (!pid && fuzz_now() > deadline) {
			fail("children of workers do not end");
			return;
		}
		if (!pid)
			usleep(20000);
	}
}

/* ---- Afterwards ----------------------------------------------------------*/

static void print_results(void)
{
	for (unsigned int i = 0; i < fuzz_num_ops; i++) {
		uint64_t calls = 0;

		for (unsigned int e = 0; e <= NUM_ERRNOS; e++)
			calls += shared->results[i][e];
		printf("fuzz: %-17s %8llu calls, %6.0f us each, %8llu ok", fuzz_ops[i].name,
		       (unsigned long long)calls, calls ? shared->time[i] / 1000.0 / calls : 0,
		       (unsigned long long)shared->results[i][0]);
		for (unsigned int e = 1; e <= NUM_ERRNOS; e++)
			if (shared->results[i][e])
				printf(" %s:%llu", e < NUM_ERRNOS ? strerrorname_np(e) : "other",
				       (unsigned long long)shared->results[i][e]);
		putchar('\n');
	}
}

/* Bytes of VRAM in use, or -1. */
static int64_t vram_used(const struct colibri_device *dev)
{
	struct drm_colibri_mem_region regions[8];
	uint32_t count = ARRAY_SIZE(regions);

	if (colibri_query_mem_regions(dev, regions, &count))
		return -1;
	for (uint32_t i = 0; i < count; i++)
		if (regions[i].placement == DRM_COLIBRI_GEM_VRAM)
			return regions[i].used;
	return -1;
}

static void check_vram(const struct colibri_device *dev, int64_t before)
{
	uint64_t deadline = fuzz_now() + HANG_S * options.slow * NSEC;

	/* Workers began with our memory: what the GPU has taken of it is there for us, too. */
	if (mlockall(MCL_CURRENT) || munlockall())
		fail("mlockall: %s", strerror(errno));
	while (vram_used(dev) != before && fuzz_now() < deadline)
		usleep(20000);
	if (vram_used(dev) != before)
		fail("%lld bytes of VRAM in use, %lld before", (long long)vram_used(dev),
		     (long long)before);
}

/* A kernel writes a word of the process's memory. */
static int compute(const struct colibri_device *dev, volatile uint64_t *word)
{
	uint64_t zone = dev->info.va_zone_start;
	struct scalar_args args = { .addr = (uintptr_t)word, .value = 77 };
	struct colibri_bo code, memory, fence;
	union colibri_packet packets[2];
	uint32_t vm, queue;
	int ret;

	ret = colibri_vm_create(dev, &vm);
	ret = ret ?: colibri_vm_mirror(dev, vm);
	ret = ret ?: colibri_bo_create(dev, gpu_program_size(), DRM_COLIBRI_GEM_SYSTEM, 0, &code);
	ret = ret ?: colibri_bo_create(dev, PAGE_SIZE, DRM_COLIBRI_GEM_SYSTEM, 0, &memory);
	ret = ret ?: colibri_bo_create(dev, PAGE_SIZE, DRM_COLIBRI_GEM_SYSTEM,
				       DRM_COLIBRI_GEM_FENCE, &fence);
	ret = ret ?: colibri_vm_map(dev, vm, &code, zone, DRM_COLIBRI_VM_BIND_EXEC);
	ret = ret ?: colibri_vm_map(dev, vm, &memory, zone + CONTEXT_SHARED, 0);
	ret = ret ?: colibri_vm_map(dev, vm, &fence, zone + CONTEXT_FENCE, 0);
	ret = ret ?: colibri_queue_create(dev, vm, 0, 16, &queue);
	if (ret)
		return ret;
	gpu_program_load(code.map, zone);
	memcpy(memory.map, &args, sizeof(args));
	packets[0] = colibri_packet_dispatch(zone + gpu_program_kernel("scalar_write"),
					     zone + CONTEXT_SHARED, 64, 64);
	packets[1] = colibri_packet_fence(zone + CONTEXT_FENCE, 1);
	ret = colibri_queue_submit(dev, queue, packets, 2);
	return ret ?: colibri_fence_wait(dev, &fence, 0, DRM_COLIBRI_WAIT_GE, 1, queue,
					 HANG_S * options.slow * NSEC);
}

static void check_device(void)
{
	static volatile uint64_t word;
	struct colibri_device dev;
	int ret = colibri_device_open(&dev, 0);

	ret = ret ?: compute(&dev, &word);
	if (ret || word != 77)
		fail("the device does not compute: %s", strerror(-ret));
	colibri_device_close(&dev);
}

/* ---- Start ---------------------------------------------------------------*/

static void usage(FILE *out)
{
	fputs("usage: colibri_fuzz [OPTION...]\n"
	      "  --calls N      how many calls to make (100000)\n"
	      "  --seed N       of all random numbers (1)\n"
	      "  --workers N    processes (3)\n"
	      "  --threads N    threads of each (2)\n"
	      "  --log DIR      keep each thread's last sequences there, to be replayed\n"
	      "  --replay PATH  make the sequences of a file, or of such a folder, again\n"
	      "  --repeat N     so often (1)\n"
	      "  --corpus FILE  sequences to begin with; those found are written there\n"
	      "  --slow N       a machine that may take N times as long (1)\n"
	      "As root the workers are different unprivileged users, and coverage guides them where\n"
	      "the kernel has KCOV.\n", out);
}

static uint64_t number(const char *text)
{
	char *end;
	uint64_t value = strtoull(text, &end, 0);

	if (end == text || *end) {
		fprintf(stderr, "fuzz: not a number: %s\n", text);
		exit(2);
	}
	return value;
}

static void parse(int argc, char **argv)
{
	static const struct option known[] = {
		{ "calls", required_argument, NULL, 'c' },
		{ "seed", required_argument, NULL, 's' },
		{ "workers", required_argument, NULL, 'w' },
		{ "threads", required_argument, NULL, 't' },
		{ "log", required_argument, NULL, 'l' },
		{ "replay", required_argument, NULL, 'r' },
		{ "repeat", required_argument, NULL, 'n' },
		{ "corpus", required_argument, NULL, 'k' },
		{ "slow", required_argument, NULL, 'x' },
		{ "help", no_argument, NULL, 'h' },
		{ }
	};
	int option;

	while ((option = getopt_long(argc, argv, "", known, NULL)) >= 0) {
		switch (option) {
		case 'c': options.calls = number(optarg); break;
		case 's': options.seed = number(optarg); break;
		case 'w': options.workers = number(optarg); break;
		case 't': options.threads = number(optarg); break;
		case 'l': options.log = optarg; break;
		case 'r': options.replay = optarg; break;
		case 'n': options.repeat = number(optarg); break;
		case 'k': options.corpus = optarg; break;
		case 'x': options.slow = number(optarg); break;
		case 'h': usage(stdout); exit(0);
		default: usage(stderr); exit(2);
		}
	}
	if (optind < argc || !options.workers || options.workers > MAX_WORKERS ||
	    !options.threads || options.threads > MAX_THREADS || !options.slow) {
		usage(stderr);
		exit(2);
	}
}

static void open_kcovs(void)
{
	for (unsigned int i = 0; i < options.workers; i++)
		for (unsigned int t = 0; t < options.threads; t++)
			kcovs[i][t] = kcov_open();
	if (!kcovs[0][0])
		printf("fuzz: no coverage: %s\n", strerror(errno));
}

static void prepare(void)
{
	static struct colibri_node node;
	int sockets[2];

	if (colibri_enumerate(&node, 1) < 1) {
		fputs("fuzz: no Colibri device\n", stderr);
		exit(2);
	}
	process.node = node.path;
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
		      -1, 0);
	/* For all workers: what one sends another receives. */
	if (shared == MAP_FAILED || socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, sockets)) {
		perror("fuzz");
		exit(2);
	}
	process.send = sockets[0];
	process.receive = sockets[1];
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	open_kcovs();
	if (options.corpus)
		corpus_load(shared, options.corpus);
	printf("fuzz: %s, seed %llu, %llu calls by %u processes of %u threads\n", node.path,
	       (unsigned long long)options.seed, (unsigned long long)options.calls,
	       options.workers, options.threads);
}

int main(int argc, char **argv)
{
	struct colibri_device dev;
	int64_t before;

	parse(argc, argv);
	prepare();
	if (colibri_device_open(&dev, 0)) {
		fputs("fuzz: the device cannot be opened\n", stderr);
		return 2;
	}
	before = vram_used(&dev);
	run();
	reap_orphans();
	/* With them, files that nobody has received. */
	close(process.send);
	close(process.receive);
	print_results();
	check_vram(&dev, before);
	check_device();
	if (options.corpus && !corpus_save(shared, options.corpus))
		fail("%s: %s", options.corpus, strerror(errno));
	if (kcovs[0][0] && !shared->num_seen && !options.replay)
		fail("no coverage: are the modules built with KCOV?");
	if (!options.replay && shared->calls < options.calls)
		fail("%llu calls only", (unsigned long long)shared->calls);
	printf("fuzz: %s\n", failures ? "failed" : "passed");
	return failures != 0;
}
