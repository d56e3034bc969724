/* SPDX-License-Identifier: BSD-3-Clause */
/* groups.c: objects that are out, by the site that took them and the owner.
 *
 * They are counted first. Then the sites get names, which takes long, and those whose lines are the
 * same are one: a function may be called from several places inside the library.
 */
#include "track_impl.h"

#include "symbol_impl.h"

#include "base/json_impl.h"

#include <stdio.h>
#include <stdlib.h>

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
