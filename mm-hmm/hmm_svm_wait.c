// SPDX-License-Identifier: GPL-2.0
/*
 * Waits for user space, and how they end.
 *
 * A fault may need a page that a userfaultfd monitor or a FUSE server is to
 * bring, which may be never. The fault then sleeps in core mm, killably, in a
 * kernel thread of the driver that no user can kill; and the reference to the mm's
 * users that it holds keeps a killed owner's memory, and with it the mirror and all
 * that the device does for it.
 *
 * So each thread in such a function is on a list, by mm. While one of them waits,
 * a watchdog looks whether these threads are the only users that the mm has
 * left. If so, nobody needs what they wait for: it kills their wait by a SIGKILL that
 * only its target sees, and that does not outlive the call.
 */
#include <linux/memcontrol.h>
#include <linux/mm.h>
#include <linux/oom.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>

#include "hmm_svm_internal.h"

/* How often the watchdog looks, while somebody waits. */
#define HMM_SVM_WATCH_PERIOD	(HZ / 4)

/**
 * struct hmm_svm_space - what the mirrors of one mm share
 * @mm: of all of them
 * @link: in spaces
 * @nr_mirrors: number of them; under spaces_lock
 * @lock: protects what follows
 * @calls: struct hmm_svm_call of threads at work
 * @nr_calls: number of them; each holds one reference to the mm's users
 * @abandoned: they are all that is left of its users
 * @watchdog: runs while a thread waits
 */
struct hmm_svm_space {
	struct mm_struct *mm;
	struct list_head link;
	unsigned int nr_mirrors;
	spinlock_t lock; /* calls */
	struct list_head calls;
	unsigned int nr_calls;
	bool abandoned;
	struct delayed_work watchdog;
};

static DEFINE_MUTEX(spaces_lock);
static LIST_HEAD(spaces);

/* Ends the waits of kernel threads. A thread of the owner has signals of its own. */
static void kill_calls(struct hmm_svm_space *space, const struct hmm_svm *svm)
{
	struct hmm_svm_call *call;

	lockdep_assert_held(&space->lock);

	list_for_each_entry(call, &space->calls, link) {
		if ((svm && call->svm != svm) || !(call->task->flags & PF_KTHREAD))
			continue;
		call->killed = true;
		send_sig(SIGKILL, call->task, 1);
	}
}

/*
 * Whether nobody but our calls uses the mm. A call counts itself after it takes
 * its reference, and stops before it drops it, so it is never the other way
 * round; but while one ends the others look like too few. An mm without a
 * process never gets one again, so once seen is enough.
 */
static bool is_abandoned(struct hmm_svm_space *space)
{
	lockdep_assert_held(&space->lock);

	if (atomic_read(&space->mm->mm_users) <= space->nr_calls)
		WRITE_ONCE(space->abandoned, true);
	return space->abandoned;
}

static void watch(struct work_struct *work)
{
	struct hmm_svm_space *space = container_of(to_delayed_work(work), struct hmm_svm_space,
						   watchdog);
	struct hmm_svm_call *call;
	bool waits = false;

	spin_lock(&space->lock);
	list_for_each_entry(call, &space->calls, link)
		waits |= call->waits;
	if (waits && (is_abandoned(space) || check_stable_address_space(space->mm)))
		kill_calls(space, NULL);
	spin_unlock(&space->lock);
	if (waits)
		queue_delayed_work(hmm_svm_workqueue(), &space->watchdog, HMM_SVM_WATCH_PERIOD);
}

static struct hmm_svm_space *find_space(struct mm_struct *mm)
{
	struct hmm_svm_space *space;

	lockdep_assert_held(&spaces_lock);

	list_for_each_entry(space, &spaces, link)
		if (space->mm == mm)
			return space;
	space = kzalloc_obj(*space);
	if (!space)
		return NULL;
	space->mm = mm;
	spin_lock_init(&space->lock);
	INIT_LIST_HEAD(&space->calls);
	INIT_DELAYED_WORK(&space->watchdog, watch);
	list_add(&space->link, &spaces);
	return space;
}

/* A mirror is made. */
int hmm_svm_space_join(struct hmm_svm *svm)
{
	mutex_lock(&spaces_lock);
	svm->space = find_space(svm->mm);
	if (svm->space)
		svm->space->nr_mirrors++;
	mutex_unlock(&spaces_lock);
	return svm->space ? 0 : -ENOMEM;
}

/* It goes; nobody works on it any more. */
void hmm_svm_space_leave(struct hmm_svm *svm)
{
	struct hmm_svm_space *space = svm->space;
	bool last;

	mutex_lock(&spaces_lock);
	last = !--space->nr_mirrors;
	if (last)
		list_del(&space->link);
	mutex_unlock(&spaces_lock);
	if (!last)
		return;
	cancel_delayed_work_sync(&space->watchdog);
	kfree(space);
}

/**
 * hmm_svm_call_begin() - A thread starts to work on a mirror
 * @call: for it, on its stack
 * @svm: mirror
 *
 * Takes a reference to the mm's users.
 *
 * Return: 0, -EOWNERDEAD or -EINTR.
 */
int hmm_svm_call_begin(struct hmm_svm_call *call, struct hmm_svm *svm)
{
	struct hmm_svm_space *space = svm->space;
	bool interrupted;

	*call = (struct hmm_svm_call) { .svm = svm, .task = current };
	if (!mmget_not_zero(svm->mm))
		return -EOWNERDEAD;

	spin_lock(&space->lock);
	interrupted = svm->interrupted;
	if (!interrupted) {
		list_add_tail(&call->link, &space->calls);
		space->nr_calls++;
	}
	spin_unlock(&space->lock);
	if (interrupted) {
		mmput_async(svm->mm);
		return -EINTR;
	}

	/* The process pays, also for what a kernel thread allocates for it. */
	call->memcg = get_mem_cgroup_from_mm(svm->mm);
	call->outer_memcg = set_active_memcg(call->memcg);
	return 0;
}

/**
 * hmm_svm_call_end() - It is done
 * @call: what hmm_svm_call_begin() got
 */
void hmm_svm_call_end(struct hmm_svm_call *call)
{
	struct hmm_svm_space *space = call->svm->space;

	set_active_memcg(call->outer_memcg);
	mem_cgroup_put(call->memcg);

	spin_lock(&space->lock);
	list_del(&call->link);
	space->nr_calls--;
	spin_unlock(&space->lock);

	/* Nobody can send another one. */
	if (call->killed)
		flush_signals(current);
	/* The last user's exit would call the driver's dead(). */
	mmput_async(call->svm->mm);
}

/**
 * hmm_svm_call_check() - Whether to go on
 * @call: that of the current thread
 *
 * Return: 0; -EOWNERDEAD: the owner is gone or on its way, so that nobody needs
 * an answer; -EINTR.
 */
int hmm_svm_call_check(struct hmm_svm_call *call)
{
	struct hmm_svm_space *space = call->svm->space;
	bool abandoned = READ_ONCE(space->abandoned);

	/* A look without the lock, which may be wrong, spares most the lock. */
	if (atomic_read(&space->mm->mm_users) <= READ_ONCE(space->nr_calls)) {
		spin_lock(&space->lock);
		abandoned = is_abandoned(space);
		spin_unlock(&space->lock);
	}
	if (abandoned || check_stable_address_space(space->mm))
		return -EOWNERDEAD;
	if (READ_ONCE(call->svm->interrupted) || fatal_signal_pending(current))
		return -EINTR;
	return 0;
}

/* From now on it may wait for user space. */
void hmm_svm_call_wait_begin(struct hmm_svm_call *call)
{
	WRITE_ONCE(call->waits, true);
	queue_delayed_work(hmm_svm_workqueue(), &call->svm->space->watchdog,
			   HMM_SVM_WATCH_PERIOD);
}

void hmm_svm_call_wait_end(struct hmm_svm_call *call)
{
	WRITE_ONCE(call->waits, false);
}

void hmm_svm_interrupt(struct hmm_svm *svm)
{
	spin_lock(&svm->space->lock);
	WRITE_ONCE(svm->interrupted, true);
	kill_calls(svm->space, svm);
	spin_unlock(&svm->space->lock);
}
EXPORT_SYMBOL_GPL(hmm_svm_interrupt);
