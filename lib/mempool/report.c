/* SPDX-License-Identifier: BSD-3-Clause */
/* report.c: what is out of a tracked pool, as people read it. */
#include "track_impl.h"

#include "symbol_impl.h"

#include "base/base_impl.h"
#include "base/json_impl.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* Relaxed: what others take and give meanwhile counts or does not. */
static bool find_groups(
	struct weir_mempool *pool, uint64_t older_than_ns, struct weir__groups *groups)
{
	uint64_t now = weir__track_now();

	*groups = (struct weir__groups){.list = NULL};
	for (uint32_t i = 0; i < pool->max_count; i++) {
		uint64_t word = weir__track_word(&pool->track->words[i]);
		uint64_t age = weir__word_age(word, now);

		if (!(word & WEIR__TRACK_OUT) || age < older_than_ns)
			continue;
		if (!weir__groups_add(groups, word, age, pool->stride)) {
			free(groups->list);
			return false;
		}
	}
	weir__groups_sort(groups);
	return true;
}

static void print_text_head(FILE *out, struct weir_mempool *pool, uint64_t out_now,
	const struct weir_track_figures *all)
{
	fprintf(out, "pool '%s': %llu of %u are out, %llu bytes; peak %llu, gets %llu, puts %llu\n",
		pool->name, (unsigned long long)out_now, weir_mempool_count(pool),
		(unsigned long long)out_now * pool->stride, (unsigned long long)all->peak,
		(unsigned long long)all->gets, (unsigned long long)all->puts);
}

static void print_json_head(FILE *out, struct weir_mempool *pool, uint64_t out_now,
	const struct weir_track_figures *all)
{
	fputs("{\"pool\":", out);
	weir__json_string(out, pool->name);
	fprintf(out,
		",\"out\":%llu,\"objects\":%u,\"bytes\":%llu,\"peak\":%llu,\"gets\":%llu,"
		"\"puts\":%llu,\"sites\":[",
		(unsigned long long)out_now, weir_mempool_count(pool),
		(unsigned long long)out_now * pool->stride, (unsigned long long)all->peak,
		(unsigned long long)all->gets, (unsigned long long)all->puts);
}

/* The figures of each owner; as text not when nobody has a name. */
static void print_owners(
	FILE *out, const struct weir_track_figures *owners, uint32_t count, bool json)
{
	for (uint32_t i = 0; i < count; i++) {
		if (json) {
			fputs(i ? ",{\"owner\":" : "{\"owner\":", out);
			weir__json_string(out, owners[i].owner);
		} else if (count > 1 || strcmp(owners[0].owner, "-") != 0) {
			fprintf(out, "  owner %s", owners[i].owner);
		} else {
			return;
		}
		fprintf(out,
			json ? ",\"current\":%llu,\"peak\":%llu,\"gets\":%llu,\"puts\":%llu}"
			     : ": %llu out, peak %llu, gets %llu, puts %llu\n",
			(unsigned long long)owners[i].current, (unsigned long long)owners[i].peak,
			(unsigned long long)owners[i].gets, (unsigned long long)owners[i].puts);
	}
}

static bool print_groups(
	FILE *out, struct weir_mempool *pool, const struct weir__groups *groups, bool json)
{
	struct weir_track_figures figures[1 + WEIR_TRACK_OWNERS]; /* of all, then of each */
	uint32_t owners = weir_track_figures(pool, figures, 1 + WEIR_TRACK_OWNERS) - 1;

	(json ? print_json_head : print_text_head)(out, pool, groups->out, figures);
	if (!weir__groups_print(out, groups, pool->track->flags, json))
		return false;
	if (json)
		fputs("],\"owners\":[", out);
	print_owners(out, figures + 1, owners, json);
	if (json)
		fputs("]}\n", out);
	return true;
}

char *weir_mempool_report(struct weir_mempool *pool, bool json, uint64_t older_than_ns)
{
	struct weir__groups groups;
	char *text = NULL;
	size_t size;
	FILE *out;
	bool done;

	if (!pool->track)
		return weir__fail_null(EINVAL,
			"pool '%s' is not tracked: set conf.track, or WEIR_TRACK=sites in the "
			"environment",
			pool->name);
	out = open_memstream(&text, &size);
	if (!out)
		return weir__fail_null(ENOMEM, "no memory for a report");
	done = find_groups(pool, older_than_ns, &groups);
	if (done) {
		done = print_groups(out, pool, &groups, json);
		free(groups.list);
	}
	if (fclose(out) == 0 && done)
		return text;
	free(text);
	return weir__fail_null(ENOMEM, "no memory for a report");
}

void weir__track_blame(struct weir_mempool *pool, char *text, size_t size)
{
	struct weir__symbols *symbols;
	struct weir__symbol names[WEIR_FRAMES_MAX];
	struct weir__groups groups;

	text[0] = '\0';
	if (!pool->track || !find_groups(pool, 0, &groups))
		return;
	if (groups.count) {
		symbols = weir__symbols_open();
		weir__site_names(symbols, groups.list[0].site, false, names);
		weir__symbols_close(symbols);
		snprintf(text, size, " (%u of them taken at %s, owner %s)", groups.list[0].count,
			names[0].place, weir__owner_name(groups.list[0].owner));
	}
	free(groups.list);
}

/* ---- at the end of the process ---- */

static WEIR_ATOMIC(int) exit_fd = -1;
static pthread_once_t exit_once = PTHREAD_ONCE_INIT;
static int exit_error;

static void write_report(struct weir_mempool *pool, void *context)
{
	char *text = pool->track ? weir_mempool_report(pool, false, 0) : NULL;

	if (text)
		dprintf(*(int *)context, "%s", text);
	free(text);
}

static void write_reports(void)
{
	int fd = atomic_load_explicit(&exit_fd, memory_order_relaxed);

	if (fd >= 0)
		weir__mempool_each(write_report, &fd);
}

static void enter_at_exit(void)
{
	exit_error = atexit(write_reports);
}

int weir_track_at_exit(int fd)
{
	pthread_once(&exit_once, enter_at_exit);
	if (exit_error)
		return weir__fail(ENOMEM, "no memory for a call at exit");
	atomic_store_explicit(&exit_fd, fd, memory_order_relaxed);
	return 0;
}
