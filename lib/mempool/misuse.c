/* SPDX-License-Identifier: BSD-3-Clause */
/* misuse.c: sentences about misuse. Nothing here is fast: it is a mistake that brings one here. */
#include "guard_impl.h"
#include "symbol_impl.h"

#include "base/base_impl.h"

#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static void (*handler_now)(const char *sentence, void *context);
static void *context_now;
static WEIR_ATOMIC(uint64_t) caught;

void weir_guard_handler(void (*handler)(const char *sentence, void *context), void *context)
{
	pthread_mutex_lock(&lock);
	handler_now = handler;
	context_now = context;
	pthread_mutex_unlock(&lock);
}

uint64_t weir_guard_count(void)
{
	/* relaxed: a figure */
	return atomic_load_explicit(&caught, memory_order_relaxed);
}

static void hand_on(const char *sentence)
{
	void (*handler)(const char *sentence, void *context);
	void *context;

	atomic_fetch_add_explicit(&caught, 1, memory_order_relaxed);
	weir__fail(EINVAL, "%s", sentence);
	pthread_mutex_lock(&lock);
	handler = handler_now;
	context = context_now;
	pthread_mutex_unlock(&lock);
	if (handler)
		handler(sentence, context);
	else if (weir__track_flags(0))
		dprintf(STDERR_FILENO, "%s\n", sentence);
}

#define SENTENCE_MAX 3072

/* A sentence that grows. */
struct sentence {
	char text[SENTENCE_MAX];
	size_t length;
	struct weir__symbols *symbols;
};

static __attribute__((format(printf, 2, 0))) void say_list(
	struct sentence *sentence, const char *format, va_list args)
{
	size_t room = sizeof(sentence->text) - sentence->length;
	int added = vsnprintf(sentence->text + sentence->length, room, format, args);

	if (added > 0)
		sentence->length += (size_t)added < room ? (size_t)added : room - 1;
}

static __attribute__((format(printf, 2, 3))) void say(
	struct sentence *sentence, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	say_list(sentence, format, args);
	va_end(args);
}

/* " at file.c:12" */
static void say_site(struct sentence *sentence, uint32_t site)
{
	struct weir__symbol names[WEIR_FRAMES_MAX];

	if (!site)
		return;
	weir__site_names(sentence->symbols, site, false, names);
	say(sentence, " at %s", names[0].place);
}

static struct weir_mempool *pool_around(const void *object, size_t *offset)
{
	for (uint32_t i = 1; i <= WEIR_MEMPOOL_MAX; i++) {
		struct weir_mempool *pool = weir__mempools[i];

		if (!pool || (uintptr_t)object < (uintptr_t)pool->objects)
			continue;
		*offset = (size_t)((uintptr_t)object - (uintptr_t)pool->objects);
		if (*offset < (size_t)pool->max_count * pool->stride)
			return pool;
	}
	return NULL;
}

/* "pool 'packets': mbuf 12" */
static void say_object(struct sentence *sentence, const struct weir_mempool *pool,
	const void *object, size_t offset)
{
	if (!pool) {
		say(sentence, "%p, which is in no pool,", object);
		return;
	}
	say(sentence, "pool '%s': ", pool->name);
	if (offset % pool->stride)
		say(sentence, "what lies %zu bytes into ", offset % pool->stride);
	say(sentence, "%s %zu", pool->head.mbuf_plain ? "mbuf" : "object", offset / pool->stride);
}

/* "; taken at file.c:12, owner rx; given back at file.c:20" */
static void say_word(struct sentence *sentence, uint64_t word, bool home)
{
	say(sentence, "; taken");
	say_site(sentence, weir__word_get(word));
	say(sentence, ", owner %s", weir__owner_name(weir__word_owner(word)));
	if (home && weir__word_put(word)) {
		say(sentence, "; given back");
		say_site(sentence, weir__word_put(word));
	}
}

static void say_history(
	struct sentence *sentence, struct weir_mempool *pool, uint32_t index, bool home)
{
	char history[2048];

	say_word(sentence, weir__track_word(&pool->track->words[index]), home);
	if (!pool->track->guards)
		return;
	weir__history_text(pool, index, sentence->symbols, history, sizeof(history));
	say(sentence, " (%s)", history);
}

/* The whole sentence, into a buffer of this size. */
static __attribute__((format(printf, 6, 0))) void compose(char *text, size_t size,
	const void *object, uint32_t site, bool home, const char *what, va_list args)
{
	struct sentence sentence = {.symbols = weir__symbols_open()};
	size_t offset = 0;
	struct weir_mempool *pool = pool_around(object, &offset);

	say_object(&sentence, pool, object, offset);
	say(&sentence, " ");
	say_list(&sentence, what, args);
	say_site(&sentence, site);
	if (pool && pool->track)
		say_history(&sentence, pool, (uint32_t)(offset / pool->stride), home);
	weir__symbols_close(sentence.symbols);
	snprintf(text, size, "%s", sentence.text);
}

void weir__misuse(const void *object, uint32_t site, bool home, const char *what, ...)
{
	char text[SENTENCE_MAX];
	va_list args;

	va_start(args, what);
	compose(text, sizeof(text), object, site, home, what, args);
	va_end(args);
	hand_on(text);
}

void weir__misuse_of(uint64_t word, uint32_t site, const char *what, ...)
{
	struct sentence sentence = {.symbols = weir__symbols_open()};
	va_list args;

	va_start(args, what);
	say_list(&sentence, what, args);
	va_end(args);
	say_site(&sentence, site);
	if (word)
		say_word(&sentence, word, true);
	weir__symbols_close(sentence.symbols);
	hand_on(sentence.text);
}

int weir__complain(const void *object, const char *what, ...)
{
	char text[SENTENCE_MAX];
	va_list args;

	va_start(args, what);
	compose(text, sizeof(text), object, 0, true, what, args);
	va_end(args);
	return weir__fail(EINVAL, "%s", text);
}

void weir__misput(struct weir_mempool *pool, const void *object, uint32_t site)
{
	if (weir_mempool_index(pool, object) == UINT32_MAX)
		weir__misuse(object, site, false, "is given back to pool '%s'", pool->name);
	else
		weir__misuse(object, site, true, "is given back, though it is free,");
}
