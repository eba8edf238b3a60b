// SPDX-License-Identifier: GPL-2.0
/*
 * What the layer tells those who look: how much device memory a mirror has, and
 * tables of blocks and chunks for debugfs. Also the bodies of the tracepoints.
 *
 * Each line is taken under the locks of what it shows; the table as a whole is of no
 * one moment.
 */
#include <linux/mm.h>
#include <linux/seq_file.h>

#include "hmm_svm_internal.h"

#define CREATE_TRACE_POINTS
#include "hmm_svm_trace.h"

static const char * const chunk_states[] = {
	[HMM_SVM_CHUNK_FREE] = "free",
	[HMM_SVM_CHUNK_TAKEN] = "taken",
	[HMM_SVM_CHUNK_USED] = "svm",
	[HMM_SVM_CHUNK_EVICTING] = "evicting",
	[HMM_SVM_CHUNK_DRIVER] = "buffer",
};

u64 hmm_svm_resident(struct hmm_svm *svm)
{
	struct hmm_svm_device *sdev = svm->sdev;
	u64 pages = 0;
	unsigned int i;

	for (i = 0; i < sdev->nr_chunks; i++) {
		struct hmm_svm_chunk *chunk = &sdev->chunks[i];

		/* Compared only: the counters of this mirror stay while it does. */
		if (READ_ONCE(chunk->counters) == svm->counters)
			pages += READ_ONCE(chunk->nr_used);
	}
	return pages << PAGE_SHIFT;
}
EXPORT_SYMBOL_GPL(hmm_svm_resident);

/* What a line about a chunk needs, taken at one moment. */
struct chunk_line {
	enum hmm_svm_chunk_state state;
	unsigned int used;
	unsigned int pins;
	u32 pid;
	u64 start;
	bool keep;
	bool has_block;
};

static struct chunk_line look_at_chunk(struct hmm_svm_chunk *chunk)
{
	struct chunk_line line = {};
	unsigned long flags;

	spin_lock_irqsave(&chunk->lock, flags);
	spin_lock(&chunk->sdev->lock);
	line.state = chunk->state;
	line.used = chunk->nr_used;
	line.pins = chunk->pins;
	line.start = chunk->start;
	line.has_block = chunk->block;
	if (chunk->counters)
		line.pid = chunk->counters->pid;
	if (chunk->block)
		line.keep = chunk->block->keep;
	spin_unlock(&chunk->sdev->lock);
	spin_unlock_irqrestore(&chunk->lock, flags);
	return line;
}

/* Fills in the place of each chunk in its list; 1 is evicted first, 0: on none. */
static void number_lru(struct hmm_svm_device *sdev, u32 *places)
{
	struct hmm_svm_chunk *chunk;
	unsigned long flags;
	u32 place = 0;

	spin_lock_irqsave(&sdev->lock, flags);
	list_for_each_entry(chunk, &sdev->lru, link)
		places[chunk - sdev->chunks] = ++place;
	list_for_each_entry(chunk, &sdev->lru_keep, link)
		places[chunk - sdev->chunks] = ++place;
	spin_unlock_irqrestore(&sdev->lock, flags);
}

int hmm_svm_show_chunks(struct hmm_svm_device *sdev, struct seq_file *m)
{
	struct chunk_line line;
	unsigned int i;
	u32 *places;

	places = kvcalloc(sdev->nr_chunks, sizeof(*places), GFP_KERNEL);
	if (!places)
		return -ENOMEM;
	number_lru(sdev, places);

	seq_printf(m, "chunks: %u, %u free, %u of buffers\n", sdev->nr_chunks,
		   READ_ONCE(sdev->nr_free), READ_ONCE(sdev->nr_driver));
	seq_puts(m, "offset       state    pages lru   pins pid     address\n");
	for (i = 0; i < sdev->nr_chunks; i++) {
		line = look_at_chunk(&sdev->chunks[i]);
		if (line.state == HMM_SVM_CHUNK_FREE)
			continue;
		seq_printf(m, "%#-12llx %-8s %-5u %-5u %-4u", (u64)i << HMM_SVM_BLOCK_SHIFT,
			   chunk_states[line.state], line.used, places[i], line.pins);
		if (line.pid)
			seq_printf(m, " %-7u %#llx%s%s", line.pid, line.start,
				   line.has_block ? "" : " (block gone)",
				   line.keep ? " (preferred)" : "");
		seq_putc(m, '\n');
		cond_resched();
	}
	kvfree(places);
	return 0;
}
EXPORT_SYMBOL_GPL(hmm_svm_show_chunks);

static void show_block(struct hmm_svm_block *block, struct seq_file *m)
{
	unsigned int mapped, writable, devmem, copies, trips;
	unsigned long flags, pinned_until;
	struct hmm_svm_device *sdev = block->notifier->svm->sdev;
	bool whole, pinned;

	spin_lock(&block->state);
	mapped = bitmap_weight(block->mapped, HMM_SVM_BLOCK_PAGES);
	writable = bitmap_weight(block->writable, HMM_SVM_BLOCK_PAGES);
	devmem = bitmap_weight(block->devmem, HMM_SVM_BLOCK_PAGES);
	copies = bitmap_weight(block->copy, HMM_SVM_BLOCK_PAGES);
	whole = block->whole;
	spin_unlock(&block->state);

	spin_lock_irqsave(&sdev->lock, flags);
	trips = block->trips;
	pinned_until = block->pinned_until;
	pinned = block->pin_time && time_before(jiffies, pinned_until);
	spin_unlock_irqrestore(&sdev->lock, flags);

	seq_printf(m, "  block %#llx: mapped %u, writable %u, in device memory %u, copies %u, trips %u%s",
		   block->start, mapped, writable, devmem, copies, trips, whole ? ", large" : "");
	if (pinned)
		seq_printf(m, ", pinned for %u ms more",
			   jiffies_to_msecs(pinned_until - jiffies));
	seq_putc(m, '\n');
}

void hmm_svm_show_blocks(struct hmm_svm *svm, struct seq_file *m)
{
	struct hmm_svm_block *block;
	u64 addr = 0;

	while (!seq_has_overflowed(m) && (block = hmm_svm_block_next(svm, addr, U64_MAX))) {
		show_block(block, m);
		addr = hmm_svm_block_end(block);
		hmm_svm_block_put(block);
		cond_resched();
	}
}
EXPORT_SYMBOL_GPL(hmm_svm_show_blocks);
