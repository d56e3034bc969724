/* SPDX-License-Identifier: BSD-3-Clause */
/* arena.c: the slow half of an arena: its blocks and what is too large for one. Both are lists with
 * the latest first, so that a mark is a place in each. */
#include "weir/arena.h"

#include "base/base_impl.h"

#include <errno.h>
#include <string.h>

#define BLOCK_DEFAULT (64u << 10)
#define BLOCK_MIN     256
#define BLOCK_MAX     (SIZE_MAX / 2) /* no heap has so much, and sums do not wrap */
#define ALIGNMENT_MAX 4096

/* In front of a block or a large piece. */
struct piece {
	struct piece *below;
	size_t size; /* bytes, with this */
} __attribute__((aligned(16)));

struct weir_arena {
	struct weir__arena_head head; /* first: the inline calls see only this */
	struct weir_heap *heap;
	struct piece *block, *large;
	struct piece *spare; /* one that was emptied last: a scope in a loop asks the heap once */
	size_t block_size, size;
};

static struct piece *get_piece(struct weir_arena *arena, size_t size, struct piece **list)
{
	struct piece *piece = weir_heap_alloc(arena->heap, size);

	if (!piece)
		return NULL;
	*piece = (struct piece){*list, size};
	*list = piece;
	arena->size += size;
	return piece;
}

static void free_piece(struct weir_arena *arena, struct piece *piece)
{
	if (!piece)
		return;
	arena->size -= piece->size;
	weir_heap_free(arena->heap, piece);
}

/* The block in use is the first of the list, empty. */
static void begin_block(struct weir_arena *arena)
{
	arena->head.at = (uint8_t *)(arena->block + 1);
	arena->head.end = (uint8_t *)arena->block + arena->block->size;
}

static bool next_block(struct weir_arena *arena)
{
	struct piece *spare = arena->spare;

	if (spare) {
		spare->below = arena->block;
		arena->block = spare;
		arena->spare = NULL;
	} else if (!get_piece(arena, arena->block_size, &arena->block)) {
		return false;
	}
	begin_block(arena);
	return true;
}

struct weir_arena *weir_arena_create(struct weir_heap *heap, size_t block)
{
	struct weir_arena *arena;

	if (block && (block < BLOCK_MIN || block > BLOCK_MAX))
		return weir__fail_null(EINVAL,
			"an arena with blocks of %zu bytes: not in %u to %zu", block, BLOCK_MIN,
			BLOCK_MAX);
	arena = weir_heap_alloc(heap, sizeof(*arena));
	if (!arena)
		return weir__fail_null(ENOMEM, "no memory for an arena: %s", weir_heap_why(heap));
	*arena = (struct weir_arena){
		.heap = heap, .block_size = weir__round_up(block ? block : BLOCK_DEFAULT, 16)};
	if (next_block(arena))
		return arena;
	weir_heap_free(heap, arena);
	return weir__fail_null(ENOMEM, "no memory for an arena: %s", weir_heap_why(heap));
}

void weir_arena_destroy(struct weir_arena *arena)
{
	if (!arena)
		return;
	weir_arena_reset(arena);
	free_piece(arena, arena->spare);
	free_piece(arena, arena->block);
	weir_heap_free(arena->heap, arena);
}

/* More than a quarter of a block would leave too much of the block in use idle. */
static bool is_large(const struct weir_arena *arena, size_t size)
{
	return size > arena->block_size / 4;
}

void *weir__arena_slow(struct weir_arena *arena, size_t size)
{
	struct piece *piece;

	if (size > BLOCK_MAX) {
		errno = ENOMEM;
		return NULL;
	}
	if (!is_large(arena, size))
		return next_block(arena) ? weir_arena_alloc(arena, size) : NULL;
	piece = get_piece(arena, sizeof(*piece) + size, &arena->large);
	if (!piece)
		return NULL;
	arena->head.used += weir__round_up(size, 16);
	return piece + 1;
}

void *weir_arena_alloc_aligned(struct weir_arena *arena, size_t size, size_t alignment)
{
	uint8_t *bytes;

	if (alignment == 0 || alignment > ALIGNMENT_MAX || (alignment & (alignment - 1))) {
		errno = EINVAL;
		return NULL;
	}
	if (alignment <= 16)
		return weir_arena_alloc(arena, size);
	bytes = size > BLOCK_MAX ? NULL : weir_arena_alloc(arena, size + alignment - 16);
	if (!bytes) {
		errno = ENOMEM;
		return NULL;
	}
	return (void *)weir__round_up((uintptr_t)bytes, alignment);
}

void *weir_arena_calloc(struct weir_arena *arena, size_t count, size_t size)
{
	size_t bytes;
	void *piece;

	if (__builtin_mul_overflow(count, size, &bytes))
		bytes = SIZE_MAX; /* which there is not */
	piece = weir_arena_alloc(arena, bytes);
	return piece ? memset(piece, 0, bytes) : NULL;
}

void *weir_arena_copy(struct weir_arena *arena, const void *bytes, size_t size)
{
	void *copy = weir_arena_alloc(arena, size);

	return copy ? memcpy(copy, bytes, size) : NULL;
}

char *weir_arena_strdup(struct weir_arena *arena, const char *text)
{
	return weir_arena_copy(arena, text, strlen(text) + 1);
}

/* Take the latest off until below is on top. */
static void free_down_to(struct weir_arena *arena, struct piece **list, const struct piece *below)
{
	while (*list != below) {
		struct piece *piece = *list;

		*list = piece->below;
		free_piece(arena, piece);
	}
}

static void free_blocks(struct weir_arena *arena, const struct piece *below)
{
	while (arena->block != below) {
		struct piece *block = arena->block;

		arena->block = block->below;
		free_piece(arena, arena->spare);
		arena->spare = block;
	}
}

void weir_arena_reset(struct weir_arena *arena)
{
	struct piece *first = arena->block;

	while (first->below)
		first = first->below;
	free_blocks(arena, first);
	free_down_to(arena, &arena->large, NULL);
	begin_block(arena);
	arena->head.used = 0;
}

struct weir_arena_mark weir_arena_mark(struct weir_arena *arena)
{
	return (struct weir_arena_mark){
		arena, arena->block, arena->large, arena->head.at, arena->head.used};
}

void weir_arena_release(struct weir_arena_mark *mark)
{
	struct weir_arena *arena = mark->arena;

	free_blocks(arena, mark->block);
	free_down_to(arena, &arena->large, mark->large);
	arena->head.at = mark->at;
	arena->head.end = (uint8_t *)arena->block + arena->block->size;
	arena->head.used = mark->used;
}

size_t weir_arena_used(const struct weir_arena *arena)
{
	return arena->head.used;
}

size_t weir_arena_size(const struct weir_arena *arena)
{
	return arena->size;
}
