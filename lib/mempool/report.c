/* SPDX-License-Identifier: BSD-3-Clause */
/* report.c: what is out of a tracked pool, as people read it.
 *
 * Objects are first counted by site and owner. Then the sites get names, which takes long, and
 * those whose lines are the same are one: a function may be called from several places inside the
 * library.
 */
#include "track_impl.h"

#include "symbol_impl.h"

#include "base/base_impl.h"
#include "base/json_impl.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static struct weir__group *find_group(struct weir__groups *groups, uint32_t site, uint32_t owner)
{
	/* most objects are of the group that the last one was of, or of few */
	for (size_t i = groups->count; i-- > 0;)
		if (groups->list[i].site == site && groups->list[i].owner == owner)
			return &groups->list[i];
	if (groups->count == groups->room) {
		size_t room = groups->room ? 2 * groups->room : 64;
		struct weir__group *list = realloc(groups->list, room * sizeof(*list));

		if (!list)
			return NULL;
		groups->list = list;
		groups->room = room;
	}
	groups->list[groups->count] =
		(struct weir__group){.site = site, .owner = owner, .youngest = UINT64_MAX};
	return &groups->list[groups->count++];
}

bool weir__groups_add(struct weir__groups *groups, uint64_t word, uint64_t age, uint64_t bytes)
{
	struct weir__group *group =
		find_group(groups, weir__word_get(word), weir__word_owner(word));

	if (!group)
		return false;
	group->count++;
	group->bytes += bytes;
	group->oldest = age > group->oldest ? age : group->oldest;
	group->youngest = age < group->youngest ? age : group->youngest;
	groups->out++;
	groups->bytes += bytes;
	return true;
}

static int most_first(const void *a, const void *b)
{
	const struct weir__group *x = a, *y = b;

	if (x->count != y->count)
		return x->count < y->count ? 1 : -1;
	return x->site < y->site ? -1 : x->site > y->site;
}

void weir__groups_sort(struct weir__groups *groups)
{
	if (groups->count)
		qsort(groups->list, groups->count, sizeof(*groups->list), most_first);
}

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

/* ---- writing ---- */

/* The first frame that is the application's, where there is one. */
static uint32_t first_outside(struct weir__symbols *symbols, void *const *frames, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		if (!weir__symbol_is_inside(symbols, frames[i]))
			return i;
	return 0;
}

/* The frames of a site that people want to see: of the application, as far as main(). */
uint32_t weir__site_names(
	struct weir__symbols *symbols, uint32_t site, bool all, struct weir__symbol *names)
{
	void *frames[WEIR_FRAMES_MAX];
	uint32_t count = weir__site_frames(site, frames), named = 0;

	for (uint32_t i = first_outside(symbols, frames, count); i < count; i++) {
		weir__symbol_find(symbols, frames[i], &names[named++]);
		if (!all || names[named - 1].is_main)
			break;
	}
	if (!named)
		names[named++] = (struct weir__symbol){.place = "a place that is not known"};
	return named;
}

/* A group and its frames, named. */
struct line {
	struct weir__group group;
	uint32_t count;
	struct weir__symbol names[WEIR_FRAMES_MAX];
};

static bool is_same_line(const struct line *a, const struct line *b)
{
	if (a->group.owner != b->group.owner || a->count != b->count)
		return false;
	for (uint32_t i = 0; i < a->count; i++)
		if (strcmp(a->names[i].place, b->names[i].place) != 0)
			return false;
	return true;
}

/* Name each group and join those with the same names. Returns how many are left, in lines. */
static size_t name_groups(uint32_t track, const struct weir__groups *groups, struct line *lines)
{
	struct weir__symbols *symbols = weir__symbols_open();
	bool all = track & WEIR_TRACK_STACKS;
	size_t count = 0, same;

	for (size_t i = 0; i < groups->count; i++) {
		struct line *line = &lines[count];

		line->group = groups->list[i];
		line->count = weir__site_names(symbols, line->group.site, all, line->names);
		for (same = 0; !is_same_line(&lines[same], line); same++)
			;
		if (same == count) {
			count++;
			continue;
		}
		lines[same].group.count += line->group.count;
		lines[same].group.bytes += line->group.bytes;
		if (line->group.oldest > lines[same].group.oldest)
			lines[same].group.oldest = line->group.oldest;
		if (line->group.youngest < lines[same].group.youngest)
			lines[same].group.youngest = line->group.youngest;
	}
	weir__symbols_close(symbols);
	qsort(lines, count, sizeof(*lines), most_first); /* a line starts with its group */
	return count;
}

static void print_text(FILE *out, const struct line *line)
{
	const struct weir__group *group = &line->group;

	fprintf(out, "  %u, %llu bytes, owner %s, %.1f to %.1f s old\n", group->count,
		(unsigned long long)group->bytes, weir__owner_name(group->owner),
		(double)group->youngest / 1e9, (double)group->oldest / 1e9);
	for (uint32_t i = 0; i < line->count; i++)
		fprintf(out, "    %s%s%s%s\n", line->names[i].place,
			line->names[i].function[0] ? " (" : "", line->names[i].function,
			line->names[i].function[0] ? ")" : "");
}

static void print_json(FILE *out, const struct line *line)
{
	const struct weir__group *group = &line->group;

	fprintf(out, "{\"count\":%u,\"bytes\":%llu,\"owner\":", group->count,
		(unsigned long long)group->bytes);
	weir__json_string(out, weir__owner_name(group->owner));
	fprintf(out, ",\"youngest_ns\":%llu,\"oldest_ns\":%llu,\"frames\":[",
		(unsigned long long)group->youngest, (unsigned long long)group->oldest);
	for (uint32_t i = 0; i < line->count; i++) {
		fputs(i ? ",{\"function\":" : "{\"function\":", out);
		weir__json_string(out, line->names[i].function);
		fputs(",\"place\":", out);
		weir__json_string(out, line->names[i].place);
		fputc('}', out);
	}
	fputs("]}", out);
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

bool weir__groups_print(FILE *out, const struct weir__groups *groups, uint32_t track, bool json)
{
	struct line *lines = calloc(groups->count + 1, sizeof(*lines));
	size_t count;

	if (!lines)
		return false;
	count = name_groups(track, groups, lines);
	for (size_t i = 0; i < count; i++) {
		if (json && i)
			fputc(',', out);
		(json ? print_json : print_text)(out, &lines[i]);
	}
	free(lines);
	return true;
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
