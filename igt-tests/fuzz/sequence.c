// SPDX-License-Identifier: MIT
/*
 * Sequences of calls: new ones, changed ones, and the corpus of those that reached code
 * that nothing before had reached. As text, a call is a line: its name and its numbers in hexadecimal.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"

uint64_t rng_next(struct rng *rng)
{
	uint64_t z = rng->state += 0x9e3779b97f4a7c15ull;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ z >> 27) * 0x94d049bb133111ebull;
	return z ^ z >> 31;
}

uint32_t rng_below(struct rng *rng, uint32_t limit)
{
	return rng_next(rng) % limit;
}

static uint16_t random_op(struct rng *rng)
{
	unsigned int sum = 0, at;

	for (unsigned int i = 0; i < fuzz_num_ops; i++)
		sum += fuzz_ops[i].weight;
	at = rng_below(rng, sum);
	for (unsigned int i = 0; ; i++) {
		if (at < fuzz_ops[i].weight)
			return i;
		at -= fuzz_ops[i].weight;
	}
}

void sequence_random_call(struct rng *rng, struct call *call)
{
	call->op = random_op(rng);
	for (unsigned int i = 0; i < NUM_NUMBERS; i++)
		call->number[i] = rng_next(rng);
	/* Most calls are right; of the others one field, or two. */
	call->number[NUMBER_BAD] = 0;
	if (rng_below(rng, 4) == 0)
		call->number[NUMBER_BAD] |= 1u << rng_below(rng, MAX_FIELDS);
	if (rng_below(rng, 8) == 0)
		call->number[NUMBER_BAD] |= 1u << rng_below(rng, MAX_FIELDS);
}

static void random_sequence(struct rng *rng, struct sequence *sequence)
{
	sequence->count = 1 + rng_below(rng, MAX_CALLS);
	for (uint32_t i = 0; i < sequence->count; i++)
		sequence_random_call(rng, &sequence->calls[i]);
}

/* The sequence's calls up to some point, then those of another one. */
static void splice(struct shared *shared, struct rng *rng, struct sequence *sequence, uint32_t stored)
{
	const struct corpus_slot *slot = &shared->corpus[rng_below(rng, stored)];
	uint32_t keep = rng_below(rng, sequence->count + 1);

	if (!slot->ready)
		return;
	sequence->count = keep;
	for (uint32_t i = 0; i < slot->sequence.count && sequence->count < MAX_CALLS; i++)
		sequence->calls[sequence->count++] = slot->sequence.calls[i];
}

static void insert(struct sequence *sequence, uint32_t at, const struct call *call)
{
	if (sequence->count == MAX_CALLS)
		sequence->count--;
	memmove(&sequence->calls[at + 1], &sequence->calls[at],
		(sequence->count - at) * sizeof(*call));
	sequence->calls[at] = *call;
	sequence->count++;
}

static void change(struct shared *shared, struct rng *rng, struct sequence *sequence, uint32_t stored)
{
	uint32_t at = rng_below(rng, sequence->count);
	struct call *call = &sequence->calls[at], other;

	switch (rng_below(rng, 6)) {
	case 0:
		sequence_random_call(rng, &other);
		insert(sequence, at, &other);
		break;
	case 1:
		other = *call;
		insert(sequence, at, &other);
		break;
	case 2:
		splice(shared, rng, sequence, stored);
		break;
	case 3:
		call->number[NUMBER_BAD] ^= 1u << rng_below(rng, MAX_FIELDS);
		break;
	default:
		call->number[rng_below(rng, NUM_NUMBERS)] = rng_next(rng);
		call->number[NUMBER_BAD] %= 1u << MAX_FIELDS;
		break;
	}
}

static uint32_t corpus_count(const struct shared *shared)
{
	uint32_t next = shared->corpus_next;

	return next < CORPUS_SIZE ? next : CORPUS_SIZE;
}

void sequence_next(struct shared *shared, struct rng *rng, struct sequence *sequence)
{
	uint32_t stored = corpus_count(shared);
	const struct corpus_slot *slot = stored ? &shared->corpus[rng_below(rng, stored)] : NULL;

	if (!slot || !slot->ready || rng_below(rng, 3) == 0) {
		random_sequence(rng, sequence);
		return;
	}
	*sequence = slot->sequence;
	for (unsigned int changes = 1 + rng_below(rng, 4); changes && sequence->count; changes--)
		change(shared, rng, sequence, stored);
}

void corpus_add(struct shared *shared, const struct sequence *sequence)
{
	uint32_t at = shared->corpus_next++;

	if (at >= CORPUS_SIZE)
		return;
	shared->corpus[at].sequence = *sequence;
	shared->corpus[at].ready = true;
}

size_t sequence_print(const struct sequence *sequence, char *text, size_t size)
{
	size_t used = 0;

	for (uint32_t i = 0; i < sequence->count; i++) {
		const struct call *call = &sequence->calls[i];

		used += snprintf(text + used, size - used, "%s", fuzz_ops[call->op].name);
		for (unsigned int n = 0; n < NUM_NUMBERS; n++)
			used += snprintf(text + used, size - used, " %x", call->number[n]);
		used += snprintf(text + used, size - used, "\n");
	}
	return used;
}

bool sequence_parse(const char *line, struct call *call)
{
	size_t length = strcspn(line, " \n");
	const char *at = line + length;

	for (call->op = 0; call->op < fuzz_num_ops; call->op++) {
		const char *name = fuzz_ops[call->op].name;

		if (strlen(name) == length && !memcmp(name, line, length))
			break;
	}
	if (call->op == fuzz_num_ops)
		return false;
	for (unsigned int n = 0; n < NUM_NUMBERS; n++) {
		char *end;

		call->number[n] = strtoul(at, &end, 16);
		if (end == at)
			return false;
		at = end;
	}
	return true;
}

bool sequences_load(const char *path, void (*take)(void *data, const struct sequence *sequence),
		    void *data)
{
	FILE *file = fopen(path, "r");
	struct sequence sequence = { 0 };
	char line[512];

	if (!file)
		return false;
	while (fgets(line, sizeof(line), file)) {
		if (sequence.count < MAX_CALLS &&
		    sequence_parse(line, &sequence.calls[sequence.count])) {
			sequence.count++;
		} else if (sequence.count) {
			take(data, &sequence);
			sequence.count = 0;
		}
	}
	if (sequence.count)
		take(data, &sequence);
	fclose(file);
	return true;
}

static void take_to_corpus(void *data, const struct sequence *sequence)
{
	corpus_add(data, sequence);
}

bool corpus_load(struct shared *shared, const char *path)
{
	return sequences_load(path, take_to_corpus, shared);
}

bool corpus_save(const struct shared *shared, const char *path)
{
	FILE *file = fopen(path, "w");
	char text[MAX_CALLS * 256];

	if (!file)
		return false;
	for (uint32_t i = 0; i < corpus_count(shared); i++) {
		if (!shared->corpus[i].ready)
			continue;
		sequence_print(&shared->corpus[i].sequence, text, sizeof(text));
		fprintf(file, "%s\n", text);
	}
	return !fclose(file);
}
