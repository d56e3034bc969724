/* SPDX-License-Identifier: BSD-3-Clause */
/* chunk.c: a heap gets chunks of its region, and what the tables need for them. */
#include "heap_impl.h"

#include "base/base_impl.h"

uint32_t weir__chunk_units(const struct weir_heap *heap, uint32_t chunk)
{
	size_t start = (size_t)chunk * heap->chunk_units, left = heap->head.units - start;

	return left < heap->chunk_units ? (uint32_t)left : heap->chunk_units;
}

/* Units of chunks from first to before end. */
static uint32_t units_between(const struct weir_heap *heap, uint32_t first, uint32_t end)
{
	return (end - 1 - first) * heap->chunk_units + weir__chunk_units(heap, end - 1);
}

static int commit_tables(struct weir_heap *heap, uint32_t first, uint32_t end)
{
	size_t unit = (size_t)first * heap->chunk_units, count = units_between(heap, first, end);
	size_t row = WEIR__UNIT_WORDS * sizeof(*heap->bits);
	int error = weir_region_commit(heap->tables, heap->units_at + unit * sizeof(*heap->units),
		count * sizeof(*heap->units));

	return error ? error
		     : weir_region_commit(heap->tables, heap->bits_at + unit * row, count * row);
}

int weir__chunks_commit(struct weir_heap *heap, uint32_t first, uint32_t end)
{
	uint32_t count = units_between(heap, first, end);
	size_t start = first * heap->chunk, bytes = (size_t)count << WEIR__UNIT_LOG2;
	int error = commit_tables(heap, first, end);

	if (!error)
		error = weir_region_commit(heap->region, start, bytes);
	if (error) {
		/* those in front of the one that failed have pages; none had before */
		weir_region_release(heap->region, start, bytes);
		return error;
	}
	memset(heap->present + first, 1, end - first);
	heap->present_units += count;
	weir__pages_free(heap, first * heap->chunk_units, count);
	return 0;
}

/* Free units right in front of a chunk. */
static uint32_t free_before(const struct weir_heap *heap, uint32_t chunk)
{
	uint32_t unit = chunk * heap->chunk_units;

	if (chunk == 0 || !heap->present[chunk - 1] || heap->units[unit - 1].run != WEIR__RUN_FREE)
		return 0;
	return heap->units[unit - 1].size;
}

/* Where count units would fit if chunks from the first one on had pages: the end, or first when
 * they do not. */
static uint32_t fits_until(const struct weir_heap *heap, uint32_t first, uint32_t count)
{
	uint32_t have = free_before(heap, first);

	for (uint32_t chunk = first; chunk < heap->chunk_count && !heap->present[chunk]; chunk++) {
		have += weir__chunk_units(heap, chunk);
		if (have >= count)
			return chunk + 1;
	}
	return first;
}

int weir__chunks_add(struct weir_heap *heap, uint32_t count)
{
	for (uint32_t chunk = 0; chunk < heap->chunk_count; chunk++) {
		uint32_t end;

		/* the first of those without pages in a row: the others have less room */
		if (heap->present[chunk] || (chunk > 0 && !heap->present[chunk - 1]))
			continue;
		end = fits_until(heap, chunk, count);
		if (end > chunk) {
			int error = weir__chunks_commit(heap, chunk, end);

			if (!error)
				heap->growths += end - chunk;
			return error;
		}
	}
	return weir__fail(ENOSPC, "heap '%s': no %zu bytes of addresses in a row are left of %zu",
		heap->name, (size_t)count << WEIR__UNIT_LOG2, weir_region_max_size(heap->region));
}

/* Chunks without pages. */
static size_t absent(const struct weir_heap *heap)
{
	size_t count = 0;

	for (uint32_t i = 0; i < heap->chunk_count; i++)
		count += !heap->present[i];
	return count;
}

int weir_heap_extend(struct weir_heap *heap, size_t size)
{
	size_t chunks = size / heap->chunk + (size % heap->chunk != 0);
	uint32_t end;
	int error = 0;

	weir__heap_lock(heap);
	if (chunks > absent(heap))
		error = weir__fail(ENOSPC, "heap '%s': %zu bytes more are above its %zu",
			heap->name, size, weir_region_max_size(heap->region));
	/* those in a row at once, so that too much of them is refused as a whole */
	for (uint32_t i = 0; i < heap->chunk_count && chunks > 0 && !error; i = end + 1) {
		for (end = i; end < heap->chunk_count && !heap->present[end] && end - i < chunks;)
			end++;
		if (end > i)
			error = weir__chunks_commit(heap, i, end);
		heap->growths += error ? 0 : end - i;
		chunks -= end - i;
	}
	weir__heap_unlock(heap);
	return error;
}

int weir_heap_warmup(struct weir_heap *heap)
{
	int error = weir_region_warmup(heap->region, 0);

	weir__heap_lock(heap);
	weir__bare_end(heap, 0, (uint32_t)heap->head.units);
	weir__heap_unlock(heap);
	return error;
}
