/* SPDX-License-Identifier: BSD-3-Clause */
/* lane_impl.h: a ring of bytes for records of any length, from one thread to one other; the writer
 * never waits.
 *
 *	tail -------- read ---------> | record | record |      | pad |
 *	                              ^ tail            ^ head       ^ a multiple of size
 *
 * Both count bytes since the beginning; head - tail is what lies between, at most size. A record is
 * in one piece: one that would cross the end of the memory begins at its start, behind a pad, which
 * is a record of type 0. Every record is a multiple of WEIR__LANE_UNIT, so a pad's header fits.
 *
 * The writer fills records behind head and publishes them by one release store of head, which pairs
 * with the reader's acquire load; the reader gives room back by a release store of tail, which
 * pairs with the writer's acquire load: so it has read before that is written over. What does not
 * fit is the writer's loss, which it counts.
 *
 * Nothing is included but the standard's own headers and weir/atomic.h, for model checkers.
 */
#ifndef WEIR_LANE_IMPL_H
#define WEIR_LANE_IMPL_H

#include "weir/atomic.h"

#include <stdbool.h>
#include <stdint.h>

#define WEIR__LANE_UNIT 16

/* In front of each record. */
struct weir__lane_header {
	uint32_t size; /* of header and record, a multiple of the unit */
	uint32_t type; /* 0: a pad */
};

struct weir__lane {
	/* the writer's line */
	WEIR_ATOMIC(uint64_t) head;
	uint64_t filled;    /* behind head: not yet published */
	uint64_t tail_seen; /* of when it last looked */
	char between[64];   /* the reader's line is another */
	WEIR_ATOMIC(uint64_t) tail;
	uint64_t head_seen;
	uint64_t mask; /* size - 1, a power of two; both read it */
	uint8_t *bytes;
};

static inline uint32_t weir__lane_size(uint32_t length)
{
	uint32_t whole = length + (uint32_t)sizeof(struct weir__lane_header);

	return (whole + WEIR__LANE_UNIT - 1) & ~(uint32_t)(WEIR__LANE_UNIT - 1);
}

/* Is there room for so many bytes behind what is filled? */
static inline bool weir__lane_fits(struct weir__lane *lane, uint64_t size)
{
	uint64_t limit = lane->mask + 1;

	if (lane->filled + size - lane->tail_seen <= limit)
		return true;
	/* acquire: see above */
	lane->tail_seen = atomic_load_explicit(&lane->tail, memory_order_acquire);
	return lane->filled + size - lane->tail_seen <= limit;
}

/* Where a record of length bytes is to be put; NULL when it does not fit. The
 * reader sees it after publish. */
static inline void *weir__lane_put(struct weir__lane *lane, uint32_t type, uint32_t length)
{
	uint32_t size = weir__lane_size(length);
	uint64_t at = lane->filled & lane->mask, left = lane->mask + 1 - at;
	uint64_t pad = left < size ? left : 0;
	struct weir__lane_header *header;

	if (!weir__lane_fits(lane, pad + size))
		return (void *)0;
	if (pad) {
		header = (struct weir__lane_header *)(void *)(lane->bytes + at);
		*header = (struct weir__lane_header){.size = (uint32_t)pad, .type = 0};
		at = 0;
	}
	header = (struct weir__lane_header *)(void *)(lane->bytes + at);
	*header = (struct weir__lane_header){.size = size, .type = type};
	lane->filled += pad + size;
	return header + 1;
}

/* What was put is there for the reader. */
static inline void weir__lane_publish(struct weir__lane *lane)
{
	/* release: see above */
	atomic_store_explicit(&lane->head, lane->filled, memory_order_release);
}

/* The reader: the next record, or NULL when there is none; it stays until weir__lane_pass(). */
static inline struct weir__lane_header *weir__lane_peek(struct weir__lane *lane)
{
	/* relaxed: only the reader writes it */
	uint64_t tail = atomic_load_explicit(&lane->tail, memory_order_relaxed);
	struct weir__lane_header *header;

	for (;;) {
		if (tail == lane->head_seen) {
			/* acquire: see above */
			lane->head_seen = atomic_load_explicit(&lane->head, memory_order_acquire);
			if (tail == lane->head_seen)
				return (void *)0;
		}
		header = (struct weir__lane_header *)(void *)(lane->bytes + (tail & lane->mask));
		if (header->type != 0)
			return header;
		tail += header->size;
		/* release: see above */
		atomic_store_explicit(&lane->tail, tail, memory_order_release);
	}
}

/* The record of the last peek is not needed any more. */
static inline void weir__lane_pass(struct weir__lane *lane, const struct weir__lane_header *header)
{
	/* relaxed: only the reader writes it; release: see above */
	uint64_t tail = atomic_load_explicit(&lane->tail, memory_order_relaxed);

	atomic_store_explicit(&lane->tail, tail + header->size, memory_order_release);
}

#endif
