/* SPDX-License-Identifier: BSD-3-Clause */
/* weir/arena.h: scratch memory that is given back as a whole: of a burst, a request, a session.
 *
 *	block 1 | used ............... |  block 2 | used .... ^at      |	large -> large
 *	                                                       end^
 *
 * An alloc moves a pointer; nothing is freed by itself. What does not fit a block well is a block
 * of the heap in a list of its own. reset gives back all, a scope what was taken since it began. An
 * arena is for one thread at a time; its heap may be shared.
 */
#ifndef WEIR_ARENA_H
#define WEIR_ARENA_H

#include "weir/base.h"
#include "weir/heap.h"
#include "weir/objects.h"

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct weir_arena;

/* An arena with blocks of so many bytes, 0: 64 KiB, of this heap. NULL with errno and
 * weir_last_error(): EINVAL for blocks below 256 bytes or above SIZE_MAX / 2, ENOMEM. */
WEIR_API struct weir_arena *weir_arena_create(struct weir_heap *heap, size_t block);

/* And all that was taken from it. NULL is allowed. */
WEIR_API void weir_arena_destroy(struct weir_arena *arena);

/* size bytes, at a multiple of 16. NULL with errno ENOMEM. */
static inline void *weir_arena_alloc(struct weir_arena *arena, size_t size);

/* At a multiple of alignment, a power of two to 4096; NULL also with EINVAL. */
WEIR_API void *weir_arena_alloc_aligned(struct weir_arena *arena, size_t size, size_t alignment);

/* Zero; and a copy of a string, or of bytes. */
WEIR_API void *weir_arena_calloc(struct weir_arena *arena, size_t count, size_t size);
WEIR_API char *weir_arena_strdup(struct weir_arena *arena, const char *text);
WEIR_API void *weir_arena_copy(struct weir_arena *arena, const void *bytes, size_t size);

/* Room for one of a type, and for count; types that want more than 16 need alloc_aligned. */
#define weir_arena_alloc_type(arena, type) ((type *)weir_arena_alloc(arena, sizeof(type)))

/* Give all back. The first block stays. */
WEIR_API void weir_arena_reset(struct weir_arena *arena);

/* Bytes taken, and those of the blocks and large ones it has of the heap. */
WEIR_API size_t weir_arena_used(const struct weir_arena *arena);
WEIR_API size_t weir_arena_size(const struct weir_arena *arena);

/* ---- scopes ---- */

/* A place in an arena. */
struct weir_arena_mark {
	struct weir_arena *arena;
	void *block, *large;
	uint8_t *at;
	size_t used;
};

/* Remember what was taken so far; and give back all that was since. Marks are released in the
 * reverse order; one that is inside another may be left out. */
WEIR_API struct weir_arena_mark weir_arena_mark(struct weir_arena *arena);
WEIR_API void weir_arena_release(struct weir_arena_mark *mark);

/* From here to the end of the block of code:
 *
 *	weir_arena_scope(scope, arena);
 */
#define weir_arena_scope(name, arena) \
	weir_cleanup(weir_arena_release) struct weir_arena_mark name = weir_arena_mark(arena)

/* ---- the fast path ---- */

/* The start of every arena; the rest is private (lib/heap/arena.c). */
struct weir__arena_head {
	uint8_t *at, *end; /* of the block in use */
	size_t used;
};

WEIR_API void *weir__arena_slow(struct weir_arena *arena, size_t size);

static inline void *weir_arena_alloc(struct weir_arena *arena, size_t size)
{
	struct weir__arena_head *head = (struct weir__arena_head *)(void *)arena;
	size_t rounded = (size + 15) & ~(size_t)15;
	uint8_t *at = head->at;

	/* size as well: rounding may have wrapped */
	if (weir_unlikely(rounded > (size_t)(head->end - at) || rounded < size))
		return weir__arena_slow(arena, size);
	head->at = at + rounded;
	head->used += rounded;
	return at;
}

#ifdef __cplusplus
}
#endif

#endif
