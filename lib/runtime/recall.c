/* SPDX-License-Identifier: BSD-3-Clause */
/* recall.c: the last packets in memory: records in chunks, the oldest of which go.
 *
 * A chunk is given up as a whole, once all in it is older than what is kept, or too much. It is
 * closed after a sixteenth of the time or of the bytes, so that never much more than asked is kept,
 * and little less. */
#include "runtime/recorder_impl.h"

#include "base/base_impl.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define PARTS     16
#define CHUNK_MAX (4u << 20)

static bool is_closed(const struct weir_recorder *recorder, const struct weir__recall_chunk *chunk,
	size_t more, uint64_t now_ns)
{
	return !chunk || chunk->size - chunk->used < more ||
	       (recorder->conf.last_ns &&
		       now_ns - chunk->first_ns > recorder->conf.last_ns / PARTS);
}

static struct weir__recall_chunk *add_chunk(
	struct weir_recorder *recorder, size_t least, uint64_t now_ns)
{
	size_t size = recorder->conf.last_bytes / PARTS;
	struct weir__recall *recall = &recorder->recall;
	struct weir__recall_chunk *chunk;

	size = size > CHUNK_MAX ? CHUNK_MAX : size < least ? least : size;
	chunk = malloc(sizeof(*chunk) + size);
	if (!chunk)
		return weir__fail_null(ENOMEM, "no memory for the last packets");
	*chunk = (struct weir__recall_chunk){.first_ns = now_ns, .size = size};
	if (recall->newest)
		recall->newest->next = chunk;
	else
		recall->oldest = chunk;
	recall->newest = chunk;
	recall->bytes += size;
	return chunk;
}

int weir__recall_keep(
	struct weir_recorder *recorder, const struct weir__lane_header *header, uint64_t now_ns)
{
	struct weir__recall_chunk *chunk = recorder->recall.newest;

	if (is_closed(recorder, chunk, header->size, now_ns))
		chunk = add_chunk(recorder, header->size, now_ns);
	if (!chunk)
		return -ENOMEM;
	memcpy(chunk->bytes + chunk->used, header, header->size);
	chunk->used += header->size;
	chunk->last_ns = now_ns;
	weir__recall_forget(recorder, now_ns);
	return 0;
}

/* May the oldest go? One that is being filled stays. */
static bool is_forgotten(const struct weir_recorder *recorder, uint64_t now_ns)
{
	const struct weir__recall *recall = &recorder->recall;

	if (!recall->oldest || recall->oldest == recall->newest)
		return false;
	return recall->bytes > recorder->conf.last_bytes ||
	       (recorder->conf.last_ns &&
		       now_ns - recall->oldest->last_ns > recorder->conf.last_ns);
}

void weir__recall_forget(struct weir_recorder *recorder, uint64_t now_ns)
{
	struct weir__recall *recall = &recorder->recall;

	while (is_forgotten(recorder, now_ns)) {
		struct weir__recall_chunk *chunk = recall->oldest;

		recall->oldest = chunk->next;
		recall->bytes -= chunk->size;
		free(chunk);
	}
}

static bool is_recent(const struct weir_recorder *recorder, const struct weir__recall_chunk *chunk)
{
	return !recorder->conf.last_ns ||
	       weir__monotonic_ns() - chunk->last_ns <= recorder->conf.last_ns;
}

int weir__recall_write(struct weir_recorder *recorder)
{
	const struct weir__recall_chunk *chunk = recorder->recall.oldest;
	int error = 0;

	for (; !error && chunk; chunk = chunk->next) {
		if (!is_recent(recorder, chunk))
			continue;
		for (size_t at = 0; !error && at < chunk->used;) {
			const struct weir__lane_header *header = (const void *)(chunk->bytes + at);

			error = weir__recorder_write(recorder, (const void *)(header + 1));
			if (error == WEIR__UNFIT)
				error = 0;
			at += header->size;
		}
	}
	return error;
}

void weir__recall_free(struct weir__recall *recall)
{
	while (recall->oldest) {
		struct weir__recall_chunk *next = recall->oldest->next;

		free(recall->oldest);
		recall->oldest = next;
	}
}
