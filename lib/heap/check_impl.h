/* SPDX-License-Identifier: BSD-3-Clause */
/* check_impl.h: blocks of a tracked heap: what stands in front of and behind what the caller has.
 *
 *	| padding | front | asked for ... | fence | back |
 *	0                 offset          + size         room
 *
 * front and back have a canary that depends on the address. back also knows who took the block,
 * where and when, as the word of a tracked mempool (lib/mempool/track_impl.h): so reports of both
 * are one.
 */
#ifndef WEIR_CHECK_IMPL_H
#define WEIR_CHECK_IMPL_H

#include "heap_impl.h"

#include "mempool/track_impl.h"

struct weir__front {
	uint64_t canary;
	uint32_t offset; /* from the start of the raw block to what the caller has */
	uint32_t check;  /* ~offset */
};

struct weir__back {
	uint64_t word; /* as of a tracked mempool */
	uint64_t size; /* asked for */
	uint64_t offset;
	uint64_t canary;
};

/* A block, and NULL with a sentence. */
void *weir__check_take(struct weir_heap *heap, size_t size, size_t alignment, void *site);

/* Take it back if it is one, and say how many bytes it had; else say what is wrong, and false. */
bool weir__check_give(struct weir_heap *heap, void *block, void *site, size_t *asked);

/* Is it a block that is out; and was it asked for with this size? Else say what is wrong. */
bool weir__check_is_out(struct weir_heap *heap, const void *block, void *site);
bool weir__check_size(struct weir_heap *heap, const void *block, size_t size, void *site);

/* Bytes asked for; 0: no block that is out begins there. */
size_t weir__check_asked(struct weir_heap *heap, const void *block);

/* What is wrong with the raw block of this room, taken or not; NULL: nothing. */
const char *weir__check_look(const struct weir_heap *heap, const uint8_t *raw, size_t room);

/* Is the raw block one that is out, so that its word says whose? */
bool weir__check_is_word(const uint8_t *raw, size_t room);

/* The back of a raw block. */
static inline const struct weir__back *weir__back_of(const void *raw, size_t room)
{
	return (const struct weir__back *)(const void *)((const uint8_t *)raw + room -
							 sizeof(struct weir__back));
}

#endif
