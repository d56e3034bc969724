/* SPDX-License-Identifier: BSD-3-Clause */
/* cache.c: traces that are kept for the next time, the latest used first.
 *
 * A list under a mutex: a look-up passes a few thousand names in less time than opening one file
 * takes. */
#include "trace_impl.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

struct entry {
	struct entry *next;
	struct weir_trace *trace;
	uint64_t bytes;
	uint32_t users;
	struct stat file; /* as it was; another one by the same name is another file */
	char path[];
};

struct weir_trace_cache {
	pthread_mutex_t lock;
	struct weir_trace_conf conf;
	struct entry *first; /* the latest used */
	struct weir_trace_cache_stats stats;
	uint64_t max_bytes, max_traces;
};

/* A mapped file is an open one: half of those that the process may have are left to others. */
static uint64_t most_traces(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY)
		return UINT64_MAX;
	return limit.rlim_cur / 2;
}

struct weir_trace_cache *weir_trace_cache_create(
	const struct weir_trace_conf *conf, uint64_t max_bytes)
{
	static const struct weir_trace_conf mapped = {.map = true};
	struct weir_trace_cache *cache = calloc(1, sizeof(*cache));

	if (!cache)
		return weir__fail_null(ENOMEM, "no memory for a cache of traces");
	pthread_mutex_init(&cache->lock, NULL);
	cache->conf = conf ? *conf : mapped;
	cache->max_bytes = max_bytes;
	cache->max_traces = most_traces();
	return cache;
}

static void drop(struct weir_trace_cache *cache, struct entry **place)
{
	struct entry *entry = *place;

	*place = entry->next;
	cache->stats.bytes -= entry->bytes;
	cache->stats.traces--;
	weir_trace_close(entry->trace);
	free(entry);
}

/* Put away what is not in use, the longest unused first, until the rest fits. */
static void shrink(struct weir_trace_cache *cache)
{
	while (cache->stats.bytes > cache->max_bytes || cache->stats.traces > cache->max_traces) {
		struct entry **last = NULL;

		for (struct entry **place = &cache->first; *place; place = &(*place)->next)
			if ((*place)->users == 0)
				last = place;
		if (!last)
			return;
		drop(cache, last);
		cache->stats.evictions++;
	}
}

static bool is_same_file(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
	       a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

/* Bring the trace of this file to the front, or NULL. One that is not of the file any more is put
 * away when nobody uses it. */
static struct entry *find(struct weir_trace_cache *cache, const char *path, const struct stat *file)
{
	struct entry **place = &cache->first, *entry;

	while ((entry = *place) != NULL) {
		if (strcmp(entry->path, path) != 0) {
			place = &entry->next;
		} else if (is_same_file(&entry->file, file)) {
			*place = entry->next;
			entry->next = cache->first;
			cache->first = entry;
			return entry;
		} else if (entry->users == 0) {
			drop(cache, place);
		} else {
			place = &entry->next;
		}
	}
	return NULL;
}

static struct entry *add(struct weir_trace_cache *cache, const char *path, const struct stat *file)
{
	size_t length = strlen(path) + 1;
	struct entry *entry = calloc(1, sizeof(*entry) + length);

	if (!entry)
		return weir__fail_null(ENOMEM, "%s: no memory to keep it", path);
	entry->trace = weir_trace_open(path, &cache->conf);
	if (!entry->trace) {
		free(entry);
		return NULL;
	}
	memcpy(entry->path, path, length);
	entry->file = *file;
	entry->bytes =
		entry->trace->block.size + entry->trace->room * sizeof(*entry->trace->packets);
	entry->next = cache->first;
	cache->first = entry;
	cache->stats.bytes += entry->bytes;
	cache->stats.traces++;
	return entry;
}

struct weir_trace *weir_trace_cache_get(struct weir_trace_cache *cache, const char *path)
{
	struct entry *entry;
	struct stat file;

	if (stat(path, &file) != 0)
		return weir__fail_null(errno, "%s: cannot be opened: %s", path, strerror(errno));
	pthread_mutex_lock(&cache->lock);
	entry = find(cache, path, &file);
	if (entry) {
		cache->stats.hits++;
	} else {
		cache->stats.misses++;
		entry = add(cache, path, &file);
	}
	if (entry) {
		entry->users++;
		shrink(cache);
	}
	pthread_mutex_unlock(&cache->lock);
	return entry ? entry->trace : NULL;
}

void weir_trace_cache_put(struct weir_trace_cache *cache, struct weir_trace *trace)
{
	pthread_mutex_lock(&cache->lock);
	for (struct entry *entry = cache->first; entry; entry = entry->next)
		if (entry->trace == trace && entry->users > 0) {
			entry->users--;
			break;
		}
	shrink(cache);
	pthread_mutex_unlock(&cache->lock);
}

void weir_trace_cache_stats(struct weir_trace_cache *cache, struct weir_trace_cache_stats *stats)
{
	pthread_mutex_lock(&cache->lock);
	*stats = cache->stats;
	pthread_mutex_unlock(&cache->lock);
}

void weir_trace_cache_destroy(struct weir_trace_cache *cache)
{
	if (!cache)
		return;
	while (cache->first)
		drop(cache, &cache->first);
	pthread_mutex_destroy(&cache->lock);
	free(cache);
}
