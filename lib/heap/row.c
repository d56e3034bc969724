/* SPDX-License-Identifier: BSD-3-Clause */
/* row.c: where the caches of threads lie: a row for each thread and heap, in it a cache for each
 * class, so that the inline calls find a cache by adding. A row takes addresses when a thread first
 * comes, and pages where a class is used. It stays for the next thread that gets the slot.
 */
#include "heap_impl.h"

#include "base/base_impl.h"
#include "os/os_impl.h"

#include <errno.h>

#define ROW_BYTES ((size_t)WEIR_HEAP_CLASSES * WEIR__HEAP_LINES * 64)

static size_t row_bytes(void)
{
	return weir__round_up(ROW_BYTES, weir__os_page_size());
}

/* By os calls: the heap may be what malloc() is. 0 or -errno. */
static int map_row(struct weir__heap_row **row)
{
	void *address = NULL;
	int error = weir__os_reserve(row_bytes(), weir__os_page_size(), &address);

	if (error)
		return error;
	error = weir__os_map(address, row_bytes(), 0);
	if (error) {
		weir__os_unreserve(address, row_bytes());
		return error;
	}
	weir__os_local(address, row_bytes());
	weir__os_advise_huge(address, row_bytes(), false);
	*row = address;
	(*row)->last_cache = address; /* of class 0 */
	return 0;
}

int weir__rows_init(struct weir_heap *heap)
{
	int error = map_row(&heap->none);

	if (error)
		return weir__fail(-error, "no memory for the caches of heap '%s': %s", heap->name,
			strerror(-error));
	for (uint32_t slot = 0; slot < WEIR_THREAD_MAX; slot++)
		heap->head.rows[slot] = heap->none;
	return 0;
}

void weir__rows_end(struct weir_heap *heap)
{
	for (uint32_t slot = 0; slot < WEIR_THREAD_MAX; slot++)
		if (heap->rows[slot])
			weir__os_unreserve(heap->rows[slot], row_bytes());
	if (heap->none)
		weir__os_unreserve(heap->none, row_bytes());
}

/* Only the thread with the slot writes here and reads what it shows. */
struct weir__mempool_cache *weir__row_open(void *context, uint32_t slot)
{
	const struct weir__class *class = context;
	struct weir_heap *heap = class->heap;

	if (!heap->rows[slot] && map_row(&heap->rows[slot]))
		return NULL;
	if (!heap->hooked && heap->shared)
		heap->head.rows[slot] = heap->rows[slot];
	for (uint32_t i = 0; i < WEIR_THREAD_MAX && !heap->hooked && !heap->shared; i++)
		heap->head.rows[i] = heap->rows[slot];
	return weir__heap_cache_at(heap->rows[slot], (size_t) class->number * WEIR__HEAP_LINES);
}

/* Empty, and takes nothing; the page is for the next thread with this slot. */
void weir__row_close(void *context, struct weir__mempool_cache *cache)
{
	(void)context;
	memset((void *)cache, 0, offsetof(struct weir__mempool_cache, objects));
}
