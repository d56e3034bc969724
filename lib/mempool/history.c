/* SPDX-License-Identifier: BSD-3-Clause */
/* history.c: what was done last with each object of a guarded pool.
 *
 * A ring of words for each object. Those who share it may add at the same time: each gets a place
 * of its own, and a reader may find an older one where one is not written yet.
 */
#include "guard_impl.h"
#include "symbol_impl.h"

#include "base/base_impl.h"
#include "os/os_impl.h"

#include <stdio.h>
#include <stdlib.h>

#define DEED   60
#define THREAD 32

void weir__history_add(
	struct weir_mempool *pool, uint32_t index, enum weir__deed deed, uint32_t site)
{
	struct weir__guard *guard = &pool->track->guards[index];
	/* relaxed, here and below: see above */
	uint64_t place = atomic_fetch_add_explicit(&guard->next, 1, memory_order_relaxed);
	uint64_t word = (uint64_t)deed << DEED | (uint64_t)weir__os_thread() << THREAD | site;

	atomic_store_explicit(&guard->deeds[place % WEIR__HISTORY], word, memory_order_relaxed);
}

static uint32_t thread_of(uint64_t word)
{
	return (uint32_t)(word >> THREAD) & ((1u << (DEED - THREAD)) - 1);
}

/* "given back at file.c:12"; returns its length, as snprintf() does */
static size_t say_deed(struct weir__symbols *symbols, uint64_t word, char *text, size_t size)
{
	static const char *const names[] = {
		[WEIR__TAKEN] = "taken",
		[WEIR__PUT] = "given back",
		[WEIR__REFERENCED] = "referenced",
		[WEIR__DROPPED] = "a reference dropped",
		[WEIR__LENT] = "lent",
		[WEIR__FROZEN] = "frozen",
	};
	struct weir__symbol places[WEIR_FRAMES_MAX];

	weir__site_names(symbols, (uint32_t)word, false, places);
	return (size_t)snprintf(text, size, "%s at %s", names[word >> DEED], places[0].place);
}

/* A thread is said where it is another than that of the deed before. */
void weir__history_text(struct weir_mempool *pool, uint32_t index, struct weir__symbols *symbols,
	char *text, size_t size)
{
	struct weir__guard *guard = &pool->track->guards[index];
	uint64_t next = atomic_load_explicit(&guard->next, memory_order_relaxed);
	uint32_t thread = 0;
	size_t length = 0;

	text[0] = '\0';
	for (uint64_t i = 1; i <= WEIR__HISTORY && i <= next; i++) {
		uint64_t word = atomic_load_explicit(
			&guard->deeds[(next - i) % WEIR__HISTORY], memory_order_relaxed);

		if (length && length < size)
			length += (size_t)snprintf(text + length, size - length, ", ");
		if (word && length < size)
			length += say_deed(symbols, word, text + length, size - length);
		if (thread_of(word) != thread && length < size)
			length += (size_t)snprintf(
				text + length, size - length, " by thread %u", thread_of(word));
		thread = thread_of(word);
	}
}

char *weir_guard_history(struct weir_mempool *pool, const void *object)
{
	uint32_t index = weir_mempool_index(pool, object);
	struct weir__symbols *symbols;
	const size_t size = 4096;
	char *text;

	if (!weir__is_guarded(pool) || index == UINT32_MAX)
		return weir__fail_null(EINVAL,
			"pool '%s': %p has no history: it is no object of the pool, or that is not "
			"guarded (WEIR_TRACK_GUARDS)",
			pool->name, object);
	text = malloc(size);
	if (!text)
		return weir__fail_null(ENOMEM, "no memory for a history");
	symbols = weir__symbols_open();
	weir__history_text(pool, index, symbols, text, size);
	weir__symbols_close(symbols);
	return text;
}
