/* SPDX-License-Identifier: BSD-3-Clause */
/* heap.c: keep the words given as arguments in a heap, sort them in a scope of an arena, and say
 * what that took.
 *
 *	heap WORD...
 */
#include <weir/weir.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct rule {
	struct rule *next;
	char *word;
};

static struct rule *add_rule(struct weir_heap *heap, struct rule *rules, const char *word)
{
	struct rule *rule = weir_heap_alloc_type(heap, struct rule);
	size_t size = strlen(word) + 1;

	if (!rule)
		return rules;
	rule->word = weir_heap_alloc(heap, size);
	if (!rule->word) {
		weir_heap_free(heap, rule);
		return rules;
	}
	memcpy(rule->word, word, size);
	rule->next = rules;
	return rule;
}

static int by_word(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* What the sorting needs is gone when it is done. */
static void print_sorted(struct weir_arena *arena, const struct rule *rules, size_t count)
{
	weir_arena_scope(scope, arena);
	const char **words = weir_arena_calloc(arena, count, sizeof(*words));

	for (size_t i = 0; words && i < count; i++, rules = rules->next)
		words[i] = rules->word;
	if (words)
		qsort(words, count, sizeof(*words), by_word);
	for (size_t i = 0; words && i < count; i++)
		printf("%s%c", words[i], i + 1 < count ? ' ' : '\n');
}

int main(int argc, char **argv)
{
	struct weir_heap *heap = weir_heap_create(NULL);
	struct weir_arena *arena = heap ? weir_arena_create(heap, 0) : NULL;
	struct weir_heap_stats stats;
	struct rule *rules = NULL;
	size_t count = 0;

	if (!arena) {
		fprintf(stderr, "heap: %s\n", weir_last_error());
		return 1;
	}
	for (int i = 1; i < argc; i++)
		rules = add_rule(heap, rules, argv[i]);
	for (const struct rule *rule = rules; rule; rule = rule->next)
		count++;
	print_sorted(arena, rules, count);
	weir_arena_destroy(arena);
	weir_heap_stats(heap, &stats);
	printf("%llu blocks, %zu bytes of %zu MiB\n", (unsigned long long)stats.blocks, stats.used,
		stats.size >> 20);
	weir_heap_destroy(heap);
	return 0;
}
