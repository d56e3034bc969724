/* SPDX-License-Identifier: BSD-3-Clause */
/* window.c: the block that a source reads into, and the next one. */
#include "source_impl.h"

#include "base/base_impl.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK_SIZE  WEIR__SOURCE_BLOCK
#define FIRST_SLACK WEIR__SOURCE_SLACK
#define LEAST_READ  (64u * 1024) /* rather move the rest than read less: what a pipe holds */
#define PAGE        4096u

uint8_t *weir__source_alloc(size_t size)
{
	return aligned_alloc(PAGE, weir__round_up(size, PAGE));
}

static void free_own(struct weir__block *block)
{
	free(block->bytes);
	free(block);
}

/* A block that is of no supply; or NULL. */
static struct weir__block *make_own(size_t size)
{
	struct weir__block *block = calloc(1, sizeof(*block));
	uint8_t *bytes = weir__source_alloc(size);

	if (block == NULL || bytes == NULL) {
		free(bytes);
		free(block);
		return NULL;
	}
	atomic_init(&block->users, 1);
	block->bytes = bytes;
	block->size = size;
	block->release = free_own;
	return block;
}

/* Where what is left goes in a buffer with this slack: in front of the block, or as far in front as
 * the rest of size bytes needs. */
static size_t place_of(size_t slack, size_t left, size_t size)
{
	return size - left <= BLOCK_SIZE ? slack - left : 0;
}

/* Go on in another block, with this slack. */
static void enter_block(
	struct weir__source *source, struct weir__block *block, size_t slack, size_t size)
{
	size_t left = (size_t)(source->end - source->at);
	uint8_t *to = block->bytes + place_of(slack, left, size);

	if (left > 0)
		memcpy(to, source->at, left);
	if (source->block != NULL)
		weir__block_drop(source->block, 1);
	source->block = block;
	source->slack = slack;
	source->buffer = block->bytes;
	source->capacity = slack + BLOCK_SIZE;
	source->at = to;
	source->end = to + left;
}

/* Can the present block be filled once more: nobody has kept a packet of it, and there is none of
 * the supply to take its place? Otherwise next is the one that comes then, or NULL. */
static bool can_stay(struct weir__source *source, size_t slack, struct weir__block **next)
{
	bool fits = source->block != NULL && source->slack == slack;

	*next = NULL;
	if (fits && (source->supply == NULL || source->shared) &&
		weir__block_is_alone(source->block))
		return true;
	if (source->supply != NULL && slack == FIRST_SLACK)
		*next = weir__supply_get(source->supply);
	return *next == NULL && fits && !source->shared && weir__block_is_alone(source->block);
}

/* Room behind end for the rest of size bytes. */
int weir__source_renew(struct weir__source *source, size_t size)
{
	size_t left = (size_t)(source->end - source->at);
	size_t slack = source->supply != NULL ? FIRST_SLACK : source->slack;
	struct weir__block *next;
	uint8_t *to;

	while (slack < size)
		slack *= 2;
	if (can_stay(source, slack, &next)) {
		to = source->buffer + place_of(slack, left, size);
		memmove(to, source->at, left);
		source->at = to;
		source->end = to + left;
		return 0;
	}
	/* a record above the usual has a block of its own, which goes with its packets */
	source->shared = next != NULL || (source->supply != NULL && slack != FIRST_SLACK);
	if (next == NULL)
		next = make_own(slack + BLOCK_SIZE);
	if (next == NULL)
		return weir__fail(ENOMEM,
			"%s: offset %" PRIu64 ": no memory for a record of %zu bytes", source->path,
			weir__source_offset(source), size);
	enter_block(source, next, slack, size);
	return 0;
}

/* The same, and for a read that is worth its system call. */
int weir__source_make_room(struct weir__source *source, size_t size)
{
	size_t left = (size_t)(source->end - source->at);
	size_t room = (size_t)(source->buffer + source->capacity - source->end);
	size_t wanted = size - left > LEAST_READ ? size - left : LEAST_READ;

	return room >= wanted ? 0 : weir__source_renew(source, size);
}
