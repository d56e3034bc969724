/* SPDX-License-Identifier: BSD-3-Clause */
/* create.c: a heap begins, forgets and ends; what a fork must do. */
#include "check_impl.h"
#include "heap_impl.h"

#include "base/base_impl.h"
#include "os/os_impl.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define CHUNK_DEFAULT (2ul << 20)
/* Addresses cost nothing but a byte for each 4 KiB in a table, touched where it is used. */
#define MAX_DEFAULT   (64ul << 30)
#define ALIGNMENT_MIN 16

/* ---- the list, for a fork ---- */

static pthread_mutex_t list_lock = PTHREAD_MUTEX_INITIALIZER;
static struct weir_heap *heaps;

/* A child must find no lock taken by a thread it does not have. */
static void fork_hook(bool lock)
{
	if (lock)
		pthread_mutex_lock(&list_lock);
	for (struct weir_heap *heap = heaps; heap; heap = heap->next)
		(lock ? pthread_mutex_lock : pthread_mutex_unlock)(&heap->lock);
	if (!lock)
		pthread_mutex_unlock(&list_lock);
}

static void enter(struct weir_heap *heap)
{
	pthread_mutex_lock(&list_lock);
	heap->next = heaps;
	if (heaps)
		heaps->previous = heap;
	heaps = heap;
	pthread_mutex_unlock(&list_lock);
}

static void leave(struct weir_heap *heap)
{
	pthread_mutex_lock(&list_lock);
	if (heap->next)
		heap->next->previous = heap->previous;
	if (heap->previous)
		heap->previous->next = heap->next;
	else
		heaps = heap->next;
	pthread_mutex_unlock(&list_lock);
}

/* ---- memory ---- */

static size_t max_size(const struct weir_heap_conf *conf)
{
	if (conf->max_size)
		return conf->max_size;
	return conf->size > MAX_DEFAULT ? conf->size : MAX_DEFAULT;
}

static int check_conf(const struct weir_heap_conf *conf)
{
	const char *name = conf->name ? conf->name : "heap";
	size_t align = conf->alignment;

	if (align && (align > WEIR__UNIT || (align & (align - 1))))
		return weir__fail(EINVAL,
			"heap '%s': an alignment of %zu is not a power of two to %u", name, align,
			WEIR__UNIT);
	if (conf->size > max_size(conf) || max_size(conf) >> WEIR__UNIT_LOG2 > WEIR__UNITS_MAX - 1)
		return weir__fail(EINVAL,
			"heap '%s': size %zu, max_size %zu: size must not be above max_size, and "
			"that below 8 TiB",
			name, conf->size, conf->max_size);
	if (conf->class_count && !conf->classes)
		return weir__fail(EINVAL, "heap '%s': %u classes, but no list of them", name,
			conf->class_count);
	return 0;
}

static int get_region(struct weir_heap *heap, const struct weir_heap_conf *conf)
{
	/* a kind that is none the region refuses */
	size_t unit = conf->pages > WEIR_PAGES_4K && conf->pages < 63 ? (size_t)1 << conf->pages
								      : CHUNK_DEFAULT;
	size_t chunk = weir__round_up(conf->chunk ? conf->chunk : CHUNK_DEFAULT, CHUNK_DEFAULT);
	struct weir_region_conf region = {
		.name = heap->name,
		.max_size = weir__round_up(max_size(conf), unit > WEIR__UNIT ? unit : WEIR__UNIT),
		.chunk = weir__round_up(chunk, unit),
		.pages = conf->pages,
		.node = conf->node,
		.nodes = conf->nodes,
		.placement = conf->placement,
		.locked = conf->locked,
		.lazy = conf->lazy,
	};

	heap->region = weir_region_create(&region);
	if (!heap->region)
		return -errno;
	heap->chunk = weir_region_chunk(heap->region);
	heap->head.base = (uintptr_t)weir_region_base(heap->region);
	heap->head.units = weir_region_max_size(heap->region) >> WEIR__UNIT_LOG2;
	heap->chunk_units = (uint32_t)(heap->chunk >> WEIR__UNIT_LOG2);
	heap->chunk_count =
		(uint32_t)((heap->head.units + heap->chunk_units - 1) / heap->chunk_units);
	return 0;
}

/* All of map and bare has pages, lazily: a pointer of anybody's may be looked up in map. The rest
 * comes with the chunks. */
static int get_tables(struct weir_heap *heap)
{
	size_t part = CHUNK_DEFAULT, units = heap->head.units, bare_at;
	char name[sizeof(heap->name) + 8];
	struct weir_region_conf tables = {
		.name = name, .pages = WEIR_PAGES_4K, .lazy = true, .chunk = part};
	uint8_t *base;

	bare_at = weir__round_up(units, sizeof(*heap->bare));
	heap->units_at = weir__round_up(bare_at + units / 8 + sizeof(*heap->bare), part);
	heap->bits_at = heap->units_at + weir__round_up(units * sizeof(*heap->units), part);
	tables.size = heap->units_at;
	tables.max_size = heap->bits_at +
			  weir__round_up(units * WEIR__UNIT_WORDS * sizeof(*heap->bits), part);
	snprintf(name, sizeof(name), "%s tables", heap->name);
	heap->tables = weir_region_create(&tables);
	if (!heap->tables)
		return -errno;
	base = weir_region_base(heap->tables);
	heap->head.map = base;
	heap->bare = (uint64_t *)(void *)(base + bare_at);
	heap->units = (struct weir__unit *)(void *)(base + heap->units_at);
	heap->bits = (uint64_t *)(void *)(base + heap->bits_at);
	return 0;
}

static void clear_lists(struct weir_heap *heap)
{
	heap->fl_bits = 0;
	memset(heap->sl_bits, 0, sizeof(heap->sl_bits));
	memset(heap->lists, 0xff, sizeof(heap->lists)); /* WEIR__NONE */
	heap->free_units = 0;
}

static int get_memory(struct weir_heap *heap, const struct weir_heap_conf *conf)
{
	size_t size = conf->size ? conf->size : 1;
	int error;

	if (get_region(heap, conf) || get_tables(heap))
		return -errno;
	heap->present = calloc(heap->chunk_count, 1);
	if (!heap->present)
		return weir__fail(ENOMEM, "no memory for heap '%s'", heap->name);
	clear_lists(heap);
	heap->born = (uint32_t)((size + heap->chunk - 1) / heap->chunk);
	error = weir__chunks_commit(heap, 0, heap->born);
	/* what pages there are is known now */
	heap->discards = conf->lazy && !conf->locked && !conf->fixed &&
			 weir_region_pages(heap->region) == WEIR_PAGES_4K &&
			 weir__os_page_size() == WEIR__UNIT;
	return error;
}

static void end(struct weir_heap *heap)
{
	weir__classes_end(heap);
	weir__rows_end(heap);
	weir_region_destroy(heap->tables);
	weir_region_destroy(heap->region);
	pthread_mutex_destroy(&heap->lock);
	free(heap->present);
	free(heap);
}

static void take_conf(struct weir_heap *heap, const struct weir_heap_conf *conf)
{
	snprintf(heap->name, sizeof(heap->name), "%s", conf->name ? conf->name : "heap");
	heap->shared = !conf->single;
	heap->fixed = conf->fixed;
	heap->zero = conf->zero;
	heap->track = weir__track_flags(conf->track);
	heap->counts = conf->stats || heap->track;
	heap->hooked = heap->counts || heap->zero;
	heap->alignment =
		conf->alignment > ALIGNMENT_MIN ? (uint32_t)conf->alignment : ALIGNMENT_MIN;
	pthread_mutex_init(&heap->lock, NULL);
}

struct weir_heap *weir_heap_create(const struct weir_heap_conf *conf)
{
	static const struct weir_heap_conf nothing;
	struct weir_heap *heap;
	int error;

	conf = conf ? conf : &nothing;
	if (check_conf(conf))
		return NULL;
	heap = aligned_alloc(WEIR_CACHE_LINE, weir__round_up(sizeof(*heap), WEIR_CACHE_LINE));
	if (!heap)
		return weir__fail_null(ENOMEM, "no memory for a heap");
	memset(heap, 0, sizeof(*heap));
	take_conf(heap, conf);
	if (get_memory(heap, conf) || weir__rows_init(heap) || weir__classes_init(heap, conf)) {
		error = errno;
		end(heap);
		errno = error;
		return NULL;
	}
	/* relaxed: who forks before it is set has no heap to lock */
	atomic_store_explicit(&weir__fork_hook, fork_hook, memory_order_relaxed);
	enter(heap);
	return heap;
}

void weir_heap_destroy(struct weir_heap *heap)
{
	if (!heap)
		return;
	leave(heap);
	end(heap);
}

/* Chunks with pages that lie side by side become one free run. */
void weir_heap_reset(struct weir_heap *heap)
{
	for (uint32_t i = 0; i < heap->class_count; i++)
		weir__class_forget(&heap->classes[i]);
	clear_lists(heap);
	heap->large_units = heap->large_blocks = 0;
	for (uint32_t i = 0; i < heap->chunk_count; i++) {
		size_t first = (size_t)i * heap->chunk_units;

		if (!heap->present[i])
			continue;
		memset(heap->head.map + first, 0, weir__chunk_units(heap, i));
		/* the last of the chunk in front is free already, the first behind is not to be
		 * taken for it */
		if (i + 1 < heap->chunk_count && heap->present[i + 1])
			heap->units[first + heap->chunk_units].run = WEIR__RUN_NONE;
		weir__pages_free(heap, (uint32_t)first, weir__chunk_units(heap, i));
	}
	atomic_store_explicit(&heap->held, 0, memory_order_relaxed);
	atomic_store_explicit(&heap->out, 0, memory_order_relaxed);
	for (uint32_t i = 1; i < heap->class_count; i++)
		weir__span_reserve(&heap->classes[i], 0); /* what it had before is there */
	weir__trim_all(heap, SIZE_MAX);
}

const char *weir_heap_name(const struct weir_heap *heap)
{
	return heap->name;
}

const char *weir_heap_why(struct weir_heap *heap)
{
	static _Thread_local char why[sizeof(heap->why)];

	weir__heap_lock(heap);
	memcpy(why, heap->why, sizeof(why));
	weir__heap_unlock(heap);
	return why;
}

struct weir_region *weir_heap_region(const struct weir_heap *heap)
{
	return heap->region;
}

size_t weir_heap_usable_size(struct weir_heap *heap, const void *block)
{
	if (!weir__is_inside(heap, block))
		return 0;
	return heap->track ? weir__check_asked(heap, block) : weir__heap_room(heap, block);
}
