// SPDX-License-Identifier: GPL-2.0
/*
 * softdev: holds migrations at a point, so that a test can do something else just
 * then, which would else be a matter of luck.
 */
#include <linux/atomic.h>
#include <linux/delay.h>
#include <linux/errno.h>
#include <linux/kprobes.h>
#include <linux/sched.h>
#include <linux/uaccess.h>

#include "hmm_svm_softdev.h"
#include "softdev.h"

#define HOLD_MS	1000

/* Copies to system memory: by any thread, as evictions are. */
static bool hold_copies;
static atomic_t held_copies;

/* The copy engine is about to copy to system memory; may sleep. */
void softdev_copy_begins(void)
{
	unsigned int ms;

	if (!READ_ONCE(hold_copies))
		return;
	atomic_inc(&held_copies);
	for (ms = 0; ms < HOLD_MS && READ_ONCE(hold_copies); ms++)
		usleep_range(1000, 1100);
	WRITE_ONCE(hold_copies, false);
}

/* SOFTDEV_IOC_HOLD_COPY */
long softdev_hold_copy(u32 __user *arg)
{
	u32 what;

	if (get_user(what, arg))
		return -EFAULT;
	if (what == SOFTDEV_HOLD)
		atomic_set(&held_copies, 0);
	if (what != SOFTDEV_LOOK)
		WRITE_ONCE(hold_copies, what == SOFTDEV_HOLD);
	return put_user(atomic_read(&held_copies), arg);
}

#ifdef CONFIG_KRETPROBES
/* Whose splits are held, and how many were. */
static struct mm_struct *held_mm;
static atomic_t held_splits;

static int split_done(struct kretprobe_instance *ri, struct pt_regs *regs)
{
	unsigned int ms;

	if (!current->mm || READ_ONCE(held_mm) != current->mm || (int)regs_return_value(regs))
		return 0;
	atomic_inc(&held_splits);
	for (ms = 0; ms < HOLD_MS && READ_ONCE(held_mm); ms++)
		mdelay(1);
	WRITE_ONCE(held_mm, NULL);
	return 0;
}

static struct kretprobe split_probe = {
	.kp.symbol_name = "split_folio_to_list",
	.handler = split_done,
};

/* SOFTDEV_IOC_HOLD_SPLIT */
long softdev_hold_split(u32 __user *arg)
{
	u32 what;

	if (get_user(what, arg))
		return -EFAULT;
	if (!split_probe.kp.addr)
		return -EOPNOTSUPP;
	if (what == SOFTDEV_HOLD)
		atomic_set(&held_splits, 0);
	if (what != SOFTDEV_LOOK)
		WRITE_ONCE(held_mm, what == SOFTDEV_HOLD ? current->mm : NULL);
	return put_user(atomic_read(&held_splits), arg);
}

void softdev_watch_splits(void)
{
	/* Not in every kernel: then the test that needs it says so. */
	if (register_kretprobe(&split_probe))
		split_probe.kp.addr = NULL;
}

void softdev_unwatch_splits(void)
{
	if (split_probe.kp.addr)
		unregister_kretprobe(&split_probe);
}
#else
long softdev_hold_split(u32 __user *arg)
{
	return -EOPNOTSUPP;
}

void softdev_watch_splits(void)
{
}

void softdev_unwatch_splits(void)
{
}
#endif
