/* SPDX-License-Identifier: BSD-3-Clause */
/* trim.c: a heap gives chunks back in which nothing lies: when a very large block is freed at once,
 * else when much is free, or when it is asked to. Not below what it was born with. */
#include "heap_impl.h"

/* Free memory that a heap keeps by itself: an eighth of it and two chunks, so that what comes and
 * goes does not go to the kernel each time. */
#define KEPT_SHARE  8
#define KEPT_CHUNKS 2

/* The chunks that lie wholly in a run: *first to before *end. */
static void chunks_in(const struct weir_heap *heap, uint32_t run, uint32_t *first, uint32_t *end)
{
	size_t behind = (size_t)run + heap->units[run].size;

	*first = (run + heap->chunk_units - 1) / heap->chunk_units;
	*end = behind == heap->head.units ? heap->chunk_count
					  : (uint32_t)(behind / heap->chunk_units);
}

size_t weir__spare_units(const struct weir_heap *heap)
{
	size_t born = (size_t)heap->born * heap->chunk_units;
	size_t has = heap->present_units - heap->bare_units;

	return has > born ? has - born : 0;
}

/* The pages of chunks from first to before end go; they lie in the run. */
static void release(struct weir_heap *heap, uint32_t run, uint32_t first, uint32_t end)
{
	uint32_t start = first * heap->chunk_units, behind = run + heap->units[run].size;
	uint32_t stop = (end - 1) * heap->chunk_units + weir__chunk_units(heap, end - 1);

	weir__pages_unlist(heap, run);
	memset(heap->present + first, 0, end - first);
	heap->present_units -= stop - start;
	weir__bare_end(heap, start, stop - start);
	if (run < start)
		weir__pages_list(heap, run, start - run);
	if (stop < behind)
		weir__pages_list(heap, stop, behind - stop);
}

/* Its pages. */
static size_t chunk_bytes(const struct weir_heap *heap, uint32_t chunk)
{
	uint32_t units = weir__chunk_units(heap, chunk);

	return (size_t)(units - weir__bare_count(heap, chunk * heap->chunk_units, units))
	       << WEIR__UNIT_LOG2;
}

size_t weir__trim_run(struct weir_heap *heap, uint32_t run, size_t most)
{
	size_t spare = weir__spare_units(heap) << WEIR__UNIT_LOG2, done = 0;
	uint32_t first, end, stop;

	chunks_in(heap, run, &first, &end);
	if (end <= first)
		return 0;
	most = most < spare ? most : spare;
	for (stop = end; stop > first; stop--) {
		size_t bytes = chunk_bytes(heap, stop - 1);

		/* what the kernel cannot take has its pages still */
		if (bytes > most - done ||
			weir_region_release(heap->region, (stop - 1) * heap->chunk, heap->chunk))
			break;
		done += bytes;
	}
	if (stop < end)
		release(heap, run, stop, end);
	heap->shrinks += end - stop;
	return done;
}

size_t weir__trim_all(struct weir_heap *heap, size_t most)
{
	uint32_t fl, sl, next;
	size_t done = 0;

	weir__pages_place(heap->chunk_units, &fl, &sl);
	for (; fl < WEIR__FL; fl++, sl = 0)
		for (; sl < WEIR__SL; sl++)
			for (uint32_t at = heap->lists[fl][sl]; at != WEIR__NONE; at = next) {
				next = heap->units[at].next;
				done += weir__trim_run(heap, at, most - done);
			}
	return done;
}

void weir__trim_after(struct weir_heap *heap, uint32_t first, bool huge)
{
	size_t keep = heap->present_units / KEPT_SHARE + KEPT_CHUNKS * heap->chunk_units;
	size_t idle = heap->free_units - heap->bare_units;

	if (heap->fixed)
		return;
	if (huge)
		weir__trim_run(heap, first, SIZE_MAX);
	else if (idle > keep && heap->units[first].size >= heap->chunk_units)
		weir__trim_run(heap, first, (idle - keep) << WEIR__UNIT_LOG2);
	weir__bare_trim(heap);
}

size_t weir_heap_shrink(struct weir_heap *heap, size_t size)
{
	size_t bytes;

	weir__heap_lock(heap);
	/* what is above all of it would wrap when it is rounded up */
	bytes = weir__trim_all(heap, size && size < heap->head.units << WEIR__UNIT_LOG2
					     ? (size + heap->chunk - 1) / heap->chunk * heap->chunk
					     : SIZE_MAX);
	weir__heap_unlock(heap);
	return bytes;
}

/* What classes give up frees pages on the way already: so the size says what has gone. */
size_t weir_heap_compact(struct weir_heap *heap)
{
	size_t before = weir_heap_size(heap), after;

	for (uint32_t i = 0; i < heap->class_count; i++)
		weir__class_flush(&heap->classes[i]);
	weir__heap_lock(heap);
	for (uint32_t i = 1; i < heap->class_count; i++)
		weir__span_sweep(&heap->classes[i]);
	weir__trim_all(heap, SIZE_MAX);
	weir__bare_all(heap);
	weir__heap_unlock(heap);
	after = weir_heap_size(heap);
	return before > after ? before - after : 0;
}
