/* SPDX-License-Identifier: BSD-3-Clause */
/* leaks.c: who has blocks of a tracked heap, from which place in the code and since when: the
 * report of tracked mempools, of what stands behind each block. */
#include "check_impl.h"
#include "heap_impl.h"

#include "base/base_impl.h"
#include "base/json_impl.h"

#include <errno.h>
#include <stdlib.h>

struct search {
	struct weir__groups groups;
	uint64_t now, older_than_ns;
	bool failed;
};

static void add_block(struct search *search, const uint8_t *raw, size_t room)
{
	const struct weir__back *back = weir__back_of(raw, room);
	uint64_t age = weir__word_age(back->word, search->now);

	if (!weir__check_is_word(raw, room) || age < search->older_than_ns)
		return;
	if (!weir__groups_add(&search->groups, back->word, age, back->size))
		search->failed = true;
}

static bool look_at(struct weir_heap *heap, uint32_t first, void *context)
{
	const struct weir__unit *run = &heap->units[first];
	const struct weir__class *class = &heap->classes[heap->head.map[first]];
	const uint8_t *base = weir__unit_address(heap, first);
	struct search *search = context;

	if (run->run == WEIR__RUN_LARGE)
		add_block(search, base, (size_t)run->size << WEIR__UNIT_LOG2);
	for (uint32_t i = 0; run->run == WEIR__RUN_SPAN && i < class->blocks; i++)
		if (!weir__span_has(heap, first, i))
			add_block(search, base + (size_t)i * class->size, class->size);
	return !search->failed;
}

static void print(FILE *out, struct weir_heap *heap, struct search *search, bool json)
{
	const struct weir__groups *groups = &search->groups;

	if (json) {
		fputs("{\"heap\":", out);
		weir__json_string(out, heap->name);
	}
	fprintf(out,
		json ? ",\"out\":%llu,\"bytes\":%llu,\"sites\":["
		     : "%llu blocks are out, %llu bytes\n",
		(unsigned long long)groups->out, (unsigned long long)groups->bytes);
	if (!weir__groups_print(out, groups, heap->track, json))
		search->failed = true;
	if (json)
		fputs("]}\n", out);
}

char *weir_heap_leaks(struct weir_heap *heap, bool json, uint64_t older_than_ns)
{
	struct search search = {.now = weir__track_now(), .older_than_ns = older_than_ns};
	char *text = NULL;
	size_t size;
	FILE *out;

	if (!heap->track)
		return weir__fail_null(EINVAL,
			"heap '%s' is not tracked: set conf.track, or WEIR_TRACK=sites in the "
			"environment",
			heap->name);
	out = open_memstream(&text, &size);
	if (!out)
		return weir__fail_null(ENOMEM, "no memory for a report");
	weir__heap_lock(heap);
	weir__heap_walk(heap, look_at, &search);
	weir__heap_unlock(heap);
	weir__groups_sort(&search.groups);
	if (!json)
		fprintf(out, "heap '%s': ", heap->name);
	print(out, heap, &search, json);
	free(search.groups.list);
	if (fclose(out) == 0 && !search.failed)
		return text;
	free(text);
	return weir__fail_null(ENOMEM, "no memory for a report");
}
